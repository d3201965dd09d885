/* Counting a request's tokens: by the vendor where it has a counter, in the caller's own words or
 * translated; else here (chat/tokens.h), and then x-sluice-token-count names the encoding, or says
 * that it is an estimate. */
#include "dialect/dialect.h"
#include "json/write.h"
#include "server/count.h"
#include "server/operation.h"

/* ---- by whom -------------------------------------------------------------------------------- */

static bool vendor_counts(enum dialect_id id)
{
    return id == DIALECT_ANTHROPIC || id == DIALECT_GEMINI || id == DIALECT_OPENAI_RESPONSES;
}

static bool here(const struct call *c)
{
    return c->dep->local || !vendor_counts(c->out->id);
}

static bool splices(const struct call *c)
{
    return !here(c) && c->in == c->out;
}

static bool never(const struct call *c)
{
    return false;
}

/* ---- the request ---------------------------------------------------------------------------- */

/* Gemini callers may wrap the whole request. */
static rc read_request(struct call *c, struct chat_req *r, struct err *e)
{
    struct arena *a = &c->x->scratch;
    struct dialect_path at = { .model = c->model_shown };
    jval *tree;
    TRY(jd_read(&tree, buf_str(&c->x->asked->body), a, e));
    if (c->op == &operation_token_counter)
        return count_read(r, tree, a, e);
    jval *inner = jd_get(tree, S("generateContentRequest"));
    return c->in->read_chat(r, inner ? inner : tree, &at, a, e);
}

static rc prepare(struct call *c, struct err *e)
{
    if (c->try->neutral)
        return RC_OK;
    struct chat_req *r = NEW(&c->x->scratch, struct chat_req, 1);
    TRY(read_request(c, r, e));
    c->try->neutral = r;
    return RC_OK;
}

/* What counters take of a request; the rest (max_tokens, stream, ...) they refuse. */
static const char *const counted[] = { "model",    "messages",          "system",       "input",
                                       "tools",    "systemInstruction", "instructions", "contents",
                                       "thinking", "toolConfig",        "tool_choice",  NULL };

static void copy_counted(struct jw *w, jval *body, struct arena *a)
{
    JD_EACH (m, body) {
        if (str_among(m.name, counted))
            jw_kraw(w, m.name, jd_text(m.value, a));
    }
}

/* Media by URL are not fetched to be counted. */
static void leave_out_unfetched(struct call *c)
{
    struct chat_req *r = c->try->neutral;
    for (struct chat_message *m = r->messages; m && c->out->needs_bytes; m = m->next)
        for (struct chat_part *p = m->parts; p; p = p->next)
            if (p->kind >= PART_IMAGE && p->kind <= PART_FILE && p->media.url.n &&
                c->out->needs_bytes(p)) {
                *p = (struct chat_part){ .next = p->next, .kind = PART_TEXT };
                chat_note_loss(&c->try->loss, S("image_url"));
            }
}

static rc write_body(struct call *c, struct buf *out, struct err *e)
{
    struct chat_target t = call_target(c);
    struct arena *a = &c->x->scratch;
    struct jw w;
    jval *body;
    TRY(prepare(c, e));
    t.drop_params = true; /* what is not sent cannot be refused */
    t.stream = false;
    leave_out_unfetched(c);
    TRY(c->out->write_chat(out, c->try->neutral, &t, &c->try->loss, a, e));
    TRY(jd_read(&body, buf_str(out), a, e));
    buf_clear(out);
    jw_init(&w, out);
    jw_obj(&w);
    if (c->out->id == DIALECT_GEMINI) {
        jw_kobj(&w, S("generateContentRequest"));
        jw_kstr(&w, S("model"), arena_cat(a, S("models/"), c->step.model));
    }
    copy_counted(&w, body, a);
    if (c->out->id == DIALECT_GEMINI)
        jw_obj_end(&w);
    jw_obj_end(&w);
    return RC_OK;
}

/* Where the chat goes, one step further: ".../messages/count_tokens", "...:countTokens",
 * ".../responses/input_tokens". */
static str path(const struct call *c)
{
    struct chat_target t = call_target(c);
    struct arena *a = &c->x->scratch;
    str chat = c->out->chat_path(&t, c->dep->base_has_path, a);
    if (c->out->id == DIALECT_ANTHROPIC)
        return arena_cat(a, chat, S("/count_tokens"));
    if (c->out->id == DIALECT_OPENAI_RESPONSES)
        return arena_cat(a, chat, S("/input_tokens"));
    return arena_cat(a, str_take(chat, str_rindex(chat, ':')), S(":countTokens"));
}

/* ---- the answer ----------------------------------------------------------------------------- */

static void write_count(struct call *c, struct buf *out, int64_t n)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    if (c->in->id == DIALECT_OPENAI_RESPONSES)
        jw_kstr(&w, S("object"), S("response.input_tokens"));
    jw_ki64(&w, c->in->id == DIALECT_GEMINI ? S("totalTokens") : S("input_tokens"), n);
    jw_obj_end(&w);
}

/* The vendor's number; -1: there is none in it. */
static int64_t number_in(str body, struct arena *a)
{
    jval *tree;
    struct err e;
    if (FAILED(jd_read(&tree, body, a, &e)))
        return -1;
    return jd_i64_or(jd_get(tree, S("input_tokens")),
                     jd_i64_or(jd_get(tree, S("totalTokens")), -1));
}

static rc answer(struct call *c, struct buf *out, str body, struct chat_usage *u, struct err *e)
{
    struct arena *a = &c->x->scratch;
    struct token_counter k;
    if (!here(c)) {
        int64_t n = number_in(body, a);
        if (n < 0)
            return fail(e, E_UPSTREAM, "input_tokens", 0, "The upstream answered without a count");
        if (c->op == &operation_token_counter)
            count_write_vendors(out, c->model_shown, c->step.model, c->out->name, n, body);
        else
            write_count(c, out, n);
        return RC_OK;
    }
    token_counter_init(&k, count_model(c->dep, c->step.model));
    tokens_of_request(&k, c->try->neutral, a);
    c->reply_fields = count_field(&k, &c->x->arena);
    write_count(c, out, k.tokens);
    token_counter_done(&k);
    return RC_OK;
}

const struct operation operation_count = {
    .name = "token counting",
    .whole = true,
    .fields = true,
    .here = here,
    .prepare = prepare,
    .splices = splices,
    .write = write_body,
    .path = path,
    .answer = answer,
};

/* POST /utils/token_counter?call_endpoint=true, for models whose vendor counts. */
const struct operation operation_token_counter = {
    .name = "token counting",
    .whole = true,
    .fields = true,
    .here = never,
    .prepare = prepare,
    .splices = never,
    .write = write_body,
    .path = path,
    .answer = answer,
};

bool count_by_vendor(const struct deployment *d)
{
    return !d->local && vendor_counts(d->dialect);
}
