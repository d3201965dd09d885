#include "admin/admin.h"

#include "chat/tokens.h"
#include "dialect/dialect.h"
#include "json/write.h"
#include "server/reply.h"

/* POST /utils/token_counter {model, prompt | messages | contents, tools, system}: LiteLLM's shape,
 * always by the estimate. */

static rc count(struct exchange *x, jval *body, int64_t *ret, struct err *e)
{
    struct chat_req r = { 0 };
    struct dialect_path at = { .model = jd_get_str(body, S("model")) };
    jval *prompt = jd_get(body, S("prompt"));
    enum dialect_id id = DIALECT_OPENAI_CHAT;
    if (jd_is_str(prompt)) {
        *ret = token_estimate(jd_str(prompt));
        return RC_OK;
    }
    if (jd_given(jd_get(body, S("contents"))))
        id = DIALECT_GEMINI;
    else if (jd_given(jd_get(body, S("system"))))
        id = DIALECT_ANTHROPIC;
    else if (!jd_given(jd_get(body, S("messages"))))
        return fail(e, E_SYNTAX, "prompt", 0, "prompt, messages or contents must be provided");
    TRY(dialect_get(id)->read_chat(&r, body, &at, &x->scratch, e));
    *ret = tokens_of_request(&r);
    return RC_OK;
}

void admin_token_counter(struct exchange *x)
{
    struct err e = { 0 };
    struct buf out;
    struct jw w;
    jval *body;
    int64_t n = 0;
    if (FAILED(jd_read(&body, buf_str(&x->asked->body), &x->scratch, &e)) ||
        FAILED(count(x, body, &n, &e))) {
        reply_error_text(x, 400, "invalid_request_error", e.where, "%s", e.text);
        return;
    }
    str model = jd_get_str(body, S("model"));
    const struct deployment *d = route_first(x->snap->routes, model);
    buf_init(&out, 64 * 1024);
    jw_init(&w, &out);
    jw_obj(&w);
    jw_ki64(&w, S("total_tokens"), n);
    jw_kstr(&w, S("request_model"), model);
    jw_kstr(&w, S("model_used"), d ? d->model : model);
    jw_kstr(&w, S("tokenizer_type"), S("estimate"));
    jw_kstr(&w, S("count_source"), S("local_estimate"));
    jw_knull(&w, S("original_response"));
    jw_kbool(&w, S("error"), false);
    jw_knull(&w, S("error_message"));
    jw_knull(&w, S("status_code"));
    jw_obj_end(&w);
    reply_json(x, 200, buf_str(&out));
    buf_done(&out);
}
