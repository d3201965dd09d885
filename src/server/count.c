#include "server/count.h"

#include "config/config.h"
#include "dialect/dialect.h"
#include "http/url.h"
#include "json/write.h"
#include "server/operation.h"
#include "server/reply.h"
#include "server/responses.h"

str count_model(const struct deployment *d, str model)
{
    return d && d->entry && d->entry->base_model.n ? d->entry->base_model : model;
}

str count_field(const struct token_counter *k, struct arena *a)
{
    return arena_fmt(a, "x-sluice-token-count: %s\r\n", token_counter_name(k));
}

/* ---- a call's request ----------------------------------------------------------------------- */

/* As it was asked, whatever the attempt made of it. */
static const struct chat_req *request_of(struct call *c)
{
    struct arena *a = &c->x->scratch;
    struct dialect_path path = { .model = c->x->asked->path_model, .stream = c->path_stream };
    struct chat_req *r = NEW(a, struct chat_req, 1);
    struct err e;
    jval *tree;
    if (c->try->req)
        return c->try->req;
    if (FAILED(jd_read(&tree, buf_str(&c->x->asked->body), a, &e)) ||
        FAILED(c->asks->read_chat(r, tree, &path, a, &e)))
        return NULL;
    return r;
}

int64_t count_prompt(struct call *c, struct token_counter *k)
{
    const struct chat_req *r = request_of(c);
    if (!r)
        return -1;
    k->tokens = 0;
    tokens_of_request(k, r, &c->x->scratch);
    return k->tokens;
}

bool count_fits(void *call, const struct deployment *d)
{
    enum { TOKENS_PER_BYTE_MAX = 40 }; /* a picture's address */
    struct call *c = call;
    int64_t most = d->entry ? d->entry->max_input_tokens : CHAT_UNSET;
    struct token_counter k;
    if (most <= 0 || (int64_t)c->x->asked->body.n < most / TOKENS_PER_BYTE_MAX)
        return true;
    token_counter_init(&k, count_model(d, d->model));
    int64_t *known = &c->try->prompt_tokens[k.model.encoding];
    if (!*known)
        *known = count_prompt(c, &k);
    token_counter_done(&k);
    return *known <= most;
}

/* ---- /utils/token_counter ------------------------------------------------------------------- */

rc count_read(struct chat_req *ret, jval *body, struct arena *a, struct err *e)
{
    struct dialect_path at = { .model = jd_get_str(body, S("model")) };
    jval *prompt = jd_get(body, S("prompt"));
    enum dialect_id id = DIALECT_OPENAI_CHAT;
    if (jd_is_str(prompt)) {
        chat_req_init(ret, id);
        struct chat_message **tail = &ret->messages;
        struct chat_message *m = chat_add_message(a, &tail, ROLE_USER);
        chat_add_part(a, &m->parts, PART_TEXT)->text = jd_str(prompt);
        return RC_OK;
    }
    if (jd_given(jd_get(body, S("contents"))))
        id = DIALECT_GEMINI;
    else if (jd_given(jd_get(body, S("system"))))
        id = DIALECT_ANTHROPIC;
    else if (!jd_given(jd_get(body, S("messages"))))
        return fail(e, E_SYNTAX, "prompt", 0, "prompt, messages or contents must be provided");
    return dialect_get(id)->read_chat(ret, body, &at, a, e);
}

/* One of LiteLLM's answers. original: the vendor's; empty: it was counted here. */
static void write_answer(struct buf *out, str asked, str model, const char *tokenizer, int64_t n,
                         str original)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_ki64(&w, S("total_tokens"), n);
    jw_kstr(&w, S("request_model"), asked);
    jw_kstr(&w, S("model_used"), model);
    jw_kstr(&w, S("tokenizer_type"), str_c(tokenizer));
    jw_kstr(&w, S("count_source"), original.n ? S("provider") : S("local_estimate"));
    if (original.n)
        jw_kraw(&w, S("original_response"), original);
    else
        jw_knull(&w, S("original_response"));
    jw_kbool(&w, S("error"), false);
    jw_knull(&w, S("error_message"));
    jw_knull(&w, S("status_code"));
    jw_obj_end(&w);
}

void count_write_vendors(struct buf *out, str asked, str model, const char *vendor, int64_t n,
                         str body)
{
    write_answer(out, asked, model, vendor, n, str_trim(body));
}

static rc count(struct token_counter *k, jval *body, struct arena *a, struct err *e)
{
    struct chat_req r = { 0 };
    jval *prompt = jd_get(body, S("prompt"));
    if (jd_is_str(prompt)) { /* a text by itself: nothing stands around it */
        token_counter_add(k, jd_str(prompt));
        return RC_OK;
    }
    TRY(count_read(&r, body, a, e));
    tokens_of_request(k, &r, a);
    return RC_OK;
}

static void serve_here(struct exchange *x, jval *body, const struct deployment *d)
{
    struct token_counter k;
    struct err e = { 0 };
    str asked = jd_get_str(body, S("model"));
    str model = d && str_index(d->model, '*') == d->model.n ? d->model : asked;
    token_counter_init(&k, count_model(d, model));
    if (FAILED(count(&k, body, &x->scratch, &e))) {
        reply_error_text(x, 400, "invalid_request_error", e.where, "%s", e.text);
    } else {
        struct buf out;
        buf_init(&out, 64 * 1024);
        write_answer(&out, asked, model, token_ranks_here() ? "openai_tokenizer" : "estimate",
                     k.tokens, (str){ 0 });
        reply_json_fields(x, count_field(&k, &x->scratch), buf_str(&out));
        buf_done(&out);
    }
    token_counter_done(&k);
}

void count_serve(struct exchange *x)
{
    struct err e = { 0 };
    jval *body;
    str ask;
    if (FAILED(jd_read(&body, buf_str(&x->asked->body), &x->scratch, &e))) {
        reply_error_text(x, 400, "invalid_request_error", e.where, "%s", e.text);
        return;
    }
    const struct deployment *d = route_first(x->snap->routes, jd_get_str(body, S("model")));
    if (d && count_by_vendor(d) &&
        url_query_get(x->asked->query, S("call_endpoint"), &x->scratch, &ask) &&
        (str_ieq(ask, S("true")) || str_eq(ask, S("1"))))
        call_serve(x, &operation_token_counter);
    else
        serve_here(x, body, d);
}
