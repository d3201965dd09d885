#include "server/call.h"

#include "chat/quirks.h"
#include "json/splice.h"
#include "json/write.h"
#include "server/operation.h"

/* Three ways to the upstream's body, from cheap to thorough:
 *   spliced    same dialect: the client's bytes with another model name, nothing parsed into a tree
 *   rewritten  same dialect, but members come, go or occur twice: copied member by member
 *   translated through the neutral conversation
 */

enum { BODY_BYTES_MAX = 256 * 1024 * 1024 };

rc call_parse(struct call *c, struct err *e)
{
    struct exchange *x = c->x;
    jval *tree;
    if (c->try->req)
        return RC_OK;
    struct dialect_path path = { .model =
                                     x->asked->path_model.n ? x->asked->path_model : (str){ 0 },
                                 .stream = c->path_stream };
    TRY(jd_read(&tree, buf_str(&x->asked->body), &x->scratch, e));
    struct chat_req *r = NEW(&x->scratch, struct chat_req, 1);
    TRY(c->in->read_chat(r, tree, &path, &x->scratch, e));
    r->stream = c->stream;
    c->show_usage = r->include_usage;
    c->try->req = r;
    return RC_OK;
}

static str quoted(struct arena *a, str s)
{
    struct buf b;
    buf_init(&b, s.n * 6 + 2);
    json_quote(&b, s);
    str q = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return q;
}

static bool asks_usage(const struct call *c)
{
    return c->up_stream && !c->op && c->out->ask_stream_usage &&
           !(c->dep->quirks & QUIRK_NO_STREAM_OPTIONS);
}

/* `metadata` is OpenAI's too, but only together with `store`; LiteLLM's clients send it for their
 * logs. */
bool call_is_ours(const struct call *c, str name)
{
    static const char *const ours[] = {
        "litellm_metadata",
        "tags",
        "guardrails",
        "cache",
        "timeout",
        "num_retries",
        "fallbacks",
        "disable_fallbacks",
        "priority",
        "drop_params",
        "additional_drop_params",
        "allowed_openai_params",
        "no-log",
        "litellm_session_id",
        "litellm_trace_id",
        "prompt_id",
        "mock_response",
        "mock_timeout",
        "mock_testing_fallbacks",
    };
    if (c->in->id == DIALECT_OPENAI_CHAT && str_eq(name, S("metadata")))
        return c->try->members[MEMBER_STORE].kind != JSON_TRUE;
    for (size_t i = 0; i < COUNT_OF(ours); i++)
        if (str_eq(name, str_c(ours[i])))
            return true;
    return false;
}

static bool can_splice(const struct call *c)
{
    const struct deployment *d = c->dep;
    if (d->defaults || d->extra_body || d->additional_drop_params || d->cache_points.n)
        return false;
    if (c->try->members[MEMBER_STREAM_OPTIONS].kind != JSON_NONE &&
        c->try->members[MEMBER_STREAM_OPTIONS].kind != JSON_OBJECT)
        return false;
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        const struct json_member *m = &c->try->members[i];
        if (m->times > 1 || (m->kind != JSON_NONE && i >= MEMBER_OURS && call_is_ours(c, m->name)))
            return false;
    }
    return true;
}

static size_t splice_body(struct call *c, str *pieces)
{
    struct exchange *x = c->x;
    str body = buf_str(&x->asked->body);
    struct json_edit edits[3];
    size_t n = 0;
    const struct json_member *model = &c->try->members[MEMBER_MODEL];
    const struct json_member *so = &c->try->members[MEMBER_STREAM_OPTIONS];
    bool rename = !c->out->model_in_path && model->kind == JSON_STRING;
    str usage = S("{\"include_usage\":true}"), missing = { 0 };
    if (asks_usage(c) && so->kind == JSON_NONE)
        missing = S("\"stream_options\":{\"include_usage\":true},");
    if (!c->out->model_in_path && model->kind == JSON_NONE) /* it stood in the path */
        missing = arena_fmt(&x->scratch, "%.*s\"model\":%.*s,", STRF(missing),
                            STRF(quoted(&x->scratch, c->step.model)));
    if (missing.n)
        edits[n++] = json_edit_insert(body, missing);
    bool before = rename && so->kind != JSON_NONE && so->value.p < model->value.p;
    if (before && asks_usage(c) && !c->show_usage)
        edits[n++] = json_edit_value(body, so, usage);
    if (rename)
        edits[n++] = json_edit_value(body, model, quoted(&x->scratch, c->step.model));
    if (!before && so->kind != JSON_NONE && asks_usage(c) && !c->show_usage)
        edits[n++] = json_edit_value(body, so, usage);
    return json_splice_pieces(body, edits, n, pieces);
}

static bool given(jval *tree, str name)
{
    return jd_get(tree, name) != NULL;
}

/* additional_drop_params: top-level names here; dotted paths are taken apart by the translation. */
static bool dropped(const struct call *c, str name)
{
    for (const struct chat_str *s = c->dep->additional_drop_params; s; s = s->next)
        if (str_eq(s->s, name))
            return true;
    return false;
}

static bool in_list(const struct chat_extra *list, str name)
{
    for (; list; list = list->next)
        if (str_eq(list->name, name))
            return true;
    return false;
}

static rc rewrite(struct call *c, struct err *e)
{
    struct exchange *x = c->x;
    jval *tree;
    struct jw w;
    TRY(jd_read(&tree, buf_str(&x->asked->body), &x->scratch, e));
    jw_init(&w, &c->try->body);
    jw_obj(&w);
    if (!given(tree, S("model")) && !c->out->model_in_path)
        jw_kstr(&w, S("model"), c->step.model); /* it stood in the path */
    JD_EACH(m, tree)
    {
        if (jd_get(tree, m.name) != m.value || call_is_ours(c, m.name) || dropped(c, m.name) ||
            in_list(c->dep->extra_body, m.name))
            continue;
        if (str_eq(m.name, S("model")) && !c->out->model_in_path)
            jw_kstr(&w, m.name, c->step.model);
        else if (str_eq(m.name, S("stream_options")) && asks_usage(c))
            continue;
        else
            jw_kval(&w, m.name, m.value);
    }
    if (asks_usage(c))
        jw_kraw(&w, S("stream_options"), S("{\"include_usage\":true}"));
    for (const struct chat_extra *d = c->dep->defaults; d; d = d->next)
        if (!given(tree, d->name) && !in_list(c->dep->extra_body, d->name))
            jw_kraw(&w, d->name, d->value);
    for (const struct chat_extra *d = c->dep->extra_body; d; d = d->next)
        jw_kraw(&w, d->name, d->value);
    jw_obj_end(&w);
    return RC_OK;
}

struct chat_target call_target(const struct call *c)
{
    const struct deployment *d = c->dep;
    return (struct chat_target){
        .model = c->step.model,
        .quirks = d->quirks,
        .stream = c->up_stream,
        .drop_params = d->drop_params,
        .modify_params = d->modify_params,
        .allowed_params = d->allowed_params,
        .max_tokens_default = d->max_tokens_default,
        .defaults = d->defaults,
        .extra_body = d->extra_body,
    };
}

static void add_head(struct call *c, str path, size_t body_bytes)
{
    const struct deployment *d = c->dep;
    struct buf *h = &c->x->sw->out; /* copied into scratch once it is complete */
    buf_clear(h);
    buf_add(h, S("POST "));
    buf_add(h, d->base_path);
    buf_add(h, path);
    buf_add(h, d->query.n && str_contains(path, S("?")) ? S("&") : d->query.n ? S("?") : S(""));
    buf_add(h, d->query);
    buf_add(h, S(" HTTP/1.1\r\nhost: "));
    buf_add(h, d->host_field);
    buf_add(h, S("\r\ncontent-type: "));
    buf_add(h, c->op && c->op->form ? c->x->asked->content_type : S("application/json"));
    buf_add(h, S("\r\naccept: "));
    buf_add(h, c->op && !c->op->whole              ? S("*/*")
               : !c->up_stream                     ? S("application/json")
               : c->out->framing == FRAMING_NDJSON ? S("application/x-ndjson")
                                                   : S("text/event-stream"));
    buf_add(h, S("\r\nuser-agent: sluice/" SLUICE_VERSION "\r\n"));
    buf_add(h, secret_reveal(&d->auth_fields));
    buf_add(h, d->extra_fields);
    if (c->in->id == c->out->id || c->x->snap->config->forward_client_headers_to_llm_api)
        buf_add(h, c->x->asked->fields_on);
    buf_add(h, S("content-length: "));
    buf_u64(h, body_bytes);
    buf_add(h, S("\r\n\r\n"));
}

/* Fills request.pieces from the second on; returns the body's length. */
static rc make_body(struct call *c, size_t *ret_bytes, struct err *e)
{
    struct client_request *rq = &c->try->request;
    str pieces[7];
    size_t n;
    bool same = c->op ? operation_splices(c)
                      : c->in == c->out && !(c->dep->quirks & QUIRKS_REWRITE_REQUEST);
    if (c->op && c->op->form) {
        n = operation_form(c, pieces);
    } else if (same && can_splice(c)) {
        n = splice_body(c, pieces);
    } else {
        c->try->body = server_take_buf(c->x->sw, BODY_BYTES_MAX);
        if (same) {
            TRY(rewrite(c, e));
        } else if (c->op) {
            TRY(c->op->write(c, &c->try->body, e));
        } else {
            struct chat_target t = call_target(c);
            TRY(call_parse(c, e));
            TRY(c->out->write_chat(&c->try->body, c->try->req, &t, &c->try->loss, &c->x->scratch,
                                   e));
        }
        if (c->try->body.full)
            return fail(e, E_LIMIT, "body", 0, "the translated request is too long");
        pieces[0] = buf_str(&c->try->body);
        n = 1;
    }
    *ret_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        rq->pieces[1 + i] = pieces[i];
        *ret_bytes += pieces[i].n;
    }
    rq->npieces = (uint8_t)(n + 1);
    return RC_OK;
}

rc call_send(struct call *c, struct err *e)
{
    struct exchange *x = c->x;
    struct chat_target t = call_target(c);
    struct buf *head = &x->sw->out;
    size_t bytes = 0;
    server_give_buf(x->sw, &c->try->body);
    TRY(make_body(c, &bytes, e));
    add_head(c,
             c->op ? operation_path(c) : c->out->chat_path(&t, c->dep->base_has_path, &x->scratch),
             bytes);
    if (c->out->write_fields && !c->op) {
        head->n -= 2; /* before the blank line */
        c->out->write_fields(head, c->try->req, &t);
        buf_add(head, S("\r\n"));
    }
    c->try->request.origin = &c->dep->origin;
    c->try->request.pieces[0] = arena_dup(&x->scratch, buf_str(head));
    c->try->request.connect_ms = c->dep->connect_ms;
    c->in_flight = true;
    client_start(x->sw->w.client, &c->client, &c->try->request, &call_client_ops);
    return RC_OK;
}
