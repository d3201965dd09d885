/* POST /v1/realtime/client_secrets, /calls, /sessions, /transcription_sessions: passed on to the
 * vendor of the model they name, under its name there; without one, to OpenAI as /v1/files is. */
#include "http/multipart.h"
#include "http/url.h"
#include "json/splice.h"
#include "json/write.h"
#include "server/operation.h"
#include "server/pass.h"
#include "server/realtime.h"
#include "server/reply.h"

enum { NAMES_MAX = 2 };

/* Where a model is named: at the top, and in `session`. */
struct names {
    struct json_member at[NAMES_MAX];
    size_t n;
};

static void add_name(struct names *names, str json)
{
    struct json_member m = { .name = S("model") };
    enum json_kind top;
    if (FAILED(json_scan(json, &m, 1, &top, NULL)) || m.kind != JSON_STRING)
        return;
    names->at[names->n++] = m;
}

/* A session's JSON: the body itself, or a part of a form (beside the SDP). */
static void find_names(struct exchange *x, struct names *names)
{
    str body = buf_str(&x->asked->body), session;
    struct json_member m = { .name = S("session") };
    enum json_kind top;
    if (x->asked->content_type.n) {
        if (!FAILED(multipart_find(x->asked->content_type, body, S("session"), &session, NULL)))
            add_name(names, session);
        return;
    }
    add_name(names, body);
    if (FAILED(json_scan(body, &m, 1, &top, NULL)) || m.kind != JSON_OBJECT)
        return;
    add_name(names, m.value);
    if (names->n == 2 && names->at[0].value.p > names->at[1].value.p) {
        struct json_member first = names->at[1];
        names->at[1] = names->at[0];
        names->at[0] = first;
    }
}

static void rename_in_body(struct exchange *x, const struct names *names, str model)
{
    str body = buf_str(&x->asked->body);
    struct json_edit edits[NAMES_MAX];
    struct buf name, out;
    if (names->n == 0)
        return;
    buf_init(&name, model.n * 6 + 2);
    json_quote(&name, model);
    for (size_t i = 0; i < names->n; i++)
        edits[i] = json_edit_value(body, &names->at[i], buf_str(&name));
    out = server_take_buf(x->sw, x->asked->body.max);
    json_splice(&out, body, edits, names->n);
    buf_done(&name);
    server_give_buf(x->sw, &x->asked->body);
    x->asked->body = out;
}

/* ?model=, of a WebRTC offer whose body is SDP alone. */
static void rename_in_query(struct exchange *x, str model)
{
    struct buf b;
    str rest = x->asked->query, pair, name;
    buf_init(&b, 64 * 1024);
    while (url_query_next(&rest, &x->scratch, &pair, &name)) {
        if (b.n)
            buf_chr(&b, '&');
        if (str_eq(name, S("model"))) {
            buf_add(&b, S("model="));
            url_add_encoded(&b, model);
        } else {
            buf_add(&b, pair);
        }
    }
    x->asked->query = arena_dup(&x->scratch, buf_str(&b));
    buf_done(&b);
}

static void pass_as(struct exchange *x, const struct names *names, str name)
{
    struct plan plan;
    struct plan_step step;
    struct plan_options options = plan_options_default();
    options.realtime = true;
    if (!plan_init(&plan, x->snap->routes, name, &options, &x->scratch)) {
        reply_unknown_model(x, name);
        return;
    }
    if (plan_next(&plan, exchange_now_ms(x), server_random(x->sw), &step) != PLAN_TRY) {
        bool cools = step.retry_after_ms >= 0;
        reply_error_text(x, cools ? 429 : 400, cools ? "throttling_error" : "invalid_request_error",
                         "model", "%.*s: %s", STRF(str_take(name, 200)),
                         cools ? "no deployment of this model is available now, try again later."
                               : "nobody who serves this model has realtime sessions.");
        return;
    }
    rename_in_body(x, names, step.model);
    rename_in_query(x, step.model);
    x->in = dialect_get(DIALECT_OPENAI_CHAT);
    pass_to_deployment(x, step.deployment, str_c(x->endpoint->path));
}

void realtime_post(struct exchange *x)
{
    struct names names = { .n = 0 };
    str name = { 0 };
    find_names(x, &names);
    if (names.n)
        name = json_unescape(&x->scratch, names.at[0].value);
    else
        (void)url_query_get(x->asked->query, S("model"), &x->scratch, &name);
    if (name.n)
        pass_as(x, &names, name);
    else
        pass_to_openai(x);
}
