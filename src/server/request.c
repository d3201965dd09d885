#include "server/call.h"

#include "chat/quirks.h"
#include "dialect/members.h"
#include "dialect/openai_chat.h"
#include "json/splice.h"
#include "json/write.h"
#include "server/cache_points.h"
#include "server/drop_params.h"
#include "server/fetch.h"
#include "server/operation.h"
#include "server/realtime.h"
#include "server/responses.h"

/* Three ways to the upstream's body, from cheap to thorough:
 *   spliced    same dialect: the client's bytes with another model name, nothing parsed into a tree
 *   rewritten  same dialect, but members come, go or occur twice: copied member by member
 *   translated through the neutral conversation
 */

enum { BODY_BYTES_MAX = 256 * 1024 * 1024 };

/* The body that this attempt starts from. */
static rc take_source(struct call *c, struct err *e)
{
    struct exchange *x = c->x;
    const struct chat_str *drop = c->op ? NULL : c->dep->additional_drop_params;
    str body = buf_str(&x->asked->body);
    if (c->try->source.p != body.p || drop)
        c->try->req = NULL; /* read from another source */
    c->try->source = body;
    return drop ? drop_params(body, drop, &x->scratch, &c->try->source, e) : RC_OK;
}

rc call_parse(struct call *c, struct err *e)
{
    struct exchange *x = c->x;
    jval *tree;
    if (c->try->req)
        return RC_OK;
    if (!c->try->source.p)
        TRY(take_source(c, e));
    struct dialect_path path = { .model =
                                     x->asked->path_model.n ? x->asked->path_model : (str){ 0 },
                                 .stream = c->path_stream };
    TRY(jd_read(&tree, c->try->source, &x->scratch, e));
    struct chat_req *r = NEW(&x->scratch, struct chat_req, 1);
    TRY(c->asks->read_chat(r, tree, &path, &x->scratch, e));
    r->stream = c->stream;
    if (c->asks == c->in)
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
           !(c->dep->quirks & QUIRK_NO_STREAM_OPTIONS) &&
           c->x->snap->config->always_include_stream_usage != TRI_FALSE;
}

/* `metadata` is OpenAI's too, but only together with `store`; LiteLLM's clients send it for their
 * logs. */
bool call_is_ours(const struct call *c, str name)
{
    if (c->asks->id == DIALECT_OPENAI_CHAT && str_eq(name, S("metadata")))
        return c->try->members[MEMBER_STORE].kind != JSON_TRUE;
    for (size_t i = MEMBER_OURS + 1; i < MEMBER_COUNT; i++)
        if (str_eq(name, call_member_names[i]))
            return true;
    return false;
}

/* A quirk matters only to a request that holds what the vendor does differently: all others pass as
 * they are. `text` is looked for in the whole body (a hit inside a prompt costs a translation, no
 * more); NULL: always. */
static const struct {
    uint64_t quirk;
    const char *text;
} quirk_signs[] = {
    { QUIRK_MAX_TOKENS, "\"max_completion_tokens\"" },
    { QUIRK_NO_DEVELOPER, "\"developer\"" },
    { QUIRK_RANDOM_SEED, "\"seed\"" },
    { QUIRK_REQUIRED_IS_ANY, "\"tool_choice\"" },
    { QUIRK_TOOL_ID_9, "\"tool_call" },
    { QUIRK_NO_LOGPROBS, "logprobs\"" },
    { QUIRK_NO_LOGIT_BIAS, "\"logit_bias\"" },
    { QUIRK_NO_PENALTIES, "_penalty\"" },
    { QUIRK_NO_N, "\"n\"" },
    { QUIRK_NO_USER, "\"user\":" },
    { QUIRK_NO_SEED, "\"seed\"" },
    { QUIRK_NO_STOP, "\"stop\"" },
    { QUIRK_NO_NAME, "\"name\"" },
    { QUIRK_NO_STRICT, "\"tools\"" },
    { QUIRK_ONLY_JSON_OBJECT, "\"response_format\"" },
    { QUIRK_CHOICE_AUTO_ONLY, "\"tool_choice\"" },
    { QUIRK_PREFIX, "\"assistant\"" },
    { QUIRK_OPENROUTER, NULL },
    { QUIRK_OPENAI, "\"cache_control\"" }, /* LiteLLM's clients mark prompts for any model */
};

static bool quirk_applies(const struct call *c)
{
    str body = buf_str(&c->x->asked->body);
    if (!(c->dep->quirks & QUIRKS_REWRITE_REQUEST))
        return false;
    for (size_t i = 0; i < COUNT_OF(quirk_signs); i++)
        if ((c->dep->quirks & quirk_signs[i].quirk) &&
            (!quirk_signs[i].text || str_contains(body, str_c(quirk_signs[i].text))))
            return true;
    return false;
}

/* The request goes through the neutral conversation although the dialect is the same: a vendor's
 * quirk, or OpenAI's reasoning models, whose rules the writer knows. */
static bool needs_translation(const struct call *c)
{
    const struct deployment *d = c->dep;
    if (c->in == c->out && c->in->id == DIALECT_OPENAI_TEXT)
        return false; /* prompts know no such rules */
    if (c->asks != c->out || d->cache_points.n || quirk_applies(c))
        return true;
    return (d->quirks & QUIRK_OPENAI) && openai_is_reasoning_model(c->step.model) &&
           (d->drop_params || c->try->members[MEMBER_MAX_TOKENS].kind != JSON_NONE);
}

static bool can_splice(const struct call *c)
{
    const struct deployment *d = c->dep;
    if (d->defaults || d->extra_body || d->additional_drop_params || c->step.overrides)
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
    bool rename = !c->out->model_in_path && model->kind != JSON_NONE;
    bool set_usage = asks_usage(c) && so->kind != JSON_NONE && !c->show_usage;
    str usage = S("{\"include_usage\":true}");
    str name = quoted(&x->scratch, c->step.model), insert = { 0 };
    if (asks_usage(c) && so->kind == JSON_NONE)
        insert = S("\"stream_options\":{\"include_usage\":true},");
    if (!rename && !c->out->model_in_path) /* the path named it (Azure's form) */
        insert = arena_fmt(&x->scratch, "\"model\":%.*s,%.*s", STRF(name), (int)insert.n,
                           insert.n ? insert.p : "");
    if (insert.n)
        edits[n++] = json_edit_insert(body, insert);
    bool before = rename && set_usage && so->value.p < model->value.p;
    if (before)
        edits[n++] = json_edit_value(body, so, usage);
    if (rename)
        edits[n++] = json_edit_value(body, model, name);
    if (!before && set_usage)
        edits[n++] = json_edit_value(body, so, usage);
    return json_splice_pieces(body, edits, n, pieces);
}

static bool given(jval *tree, str name)
{
    return jd_get(tree, name) != NULL;
}

/* What is set in the body in any case: a fallback's own overrides, then the deployment's
 * extra_body. */
static const struct chat_extra *set_anyway(const struct call *c)
{
    const struct chat_extra *d = c->dep->extra_body;
    struct chat_extra *first = NULL, **tail = &first;
    if (!c->step.overrides)
        return d;
    for (const struct chat_extra *o = c->step.overrides; o; o = o->next) {
        *tail = NEW(&c->x->scratch, struct chat_extra, 1);
        **tail = (struct chat_extra){ .name = o->name, .value = o->value };
        tail = &(*tail)->next;
    }
    for (; d; d = d->next) {
        if (members_find(c->step.overrides, d->name))
            continue;
        *tail = NEW(&c->x->scratch, struct chat_extra, 1);
        **tail = (struct chat_extra){ .name = d->name, .value = d->value };
        tail = &(*tail)->next;
    }
    return first;
}

static rc rewrite(struct call *c, struct err *e)
{
    struct exchange *x = c->x;
    const struct chat_extra *set = set_anyway(c);
    bool model_given = false;
    jval *tree;
    struct jw w;
    TRY(jd_read(&tree, c->try->source, &x->scratch, e));
    jw_init(&w, &c->try->body);
    jw_obj(&w);
    JD_EACH (m, tree) {
        if (jd_get(tree, m.name) != m.value || call_is_ours(c, m.name) || members_find(set, m.name))
            continue;
        if (str_eq(m.name, S("model")) && !c->out->model_in_path) {
            jw_kstr(&w, m.name, c->step.model);
            model_given = true;
        } else if (!str_eq(m.name, S("stream_options")) || !asks_usage(c)) {
            jw_kval(&w, m.name, m.value);
        }
    }
    if (!model_given && !c->out->model_in_path && !members_find(set, S("model")))
        jw_kstr(&w, S("model"), c->step.model);
    if (asks_usage(c))
        jw_kraw(&w, S("stream_options"), S("{\"include_usage\":true}"));
    for (const struct chat_extra *d = c->dep->defaults; d; d = d->next)
        if (!given(tree, d->name) && !members_find(set, d->name))
            jw_kraw(&w, d->name, d->value);
    for (const struct chat_extra *d = set; d; d = d->next)
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
        .drop_params = d->drop_params || c->try->members[MEMBER_DROP_PARAMS].kind == JSON_TRUE,
        .modify_params = d->modify_params,
        .allowed_params = d->allowed_params,
        .max_tokens_default = d->max_tokens_default,
        .defaults = d->defaults,
        .extra_body = set_anyway(c),
    };
}

/* A passed-on request's head: what is the caller's own stands in fields_on. */
static void add_pass_head(struct call *c, str path, size_t body_bytes)
{
    struct exchange *x = c->x;
    struct buf *h = &x->sw->out;
    buf_clear(h);
    buf_add(h, x->method);
    buf_chr(h, ' ');
    buf_add(h, path);
    buf_add(h, S(" HTTP/1.1\r\nhost: "));
    buf_add(h, c->dep->host_field);
    buf_add(h, S("\r\nuser-agent: sluice/" SLUICE_VERSION "\r\n"));
    buf_add(h, secret_reveal(&c->dep->auth_fields));
    buf_add(h, c->dep->extra_fields);
    buf_add(h, x->asked->fields_on);
    if (c->out->id == DIALECT_ANTHROPIC && !c->dep->pass &&
        !str_icontains(x->asked->fields_on, S("anthropic-version:")))
        buf_add(h, S("anthropic-version: 2023-06-01\r\n"));
    if (body_bytes || str_starts(x->method, S("P"))) { /* POST, PUT, PATCH */
        buf_add(h, S("content-length: "));
        buf_u64(h, body_bytes);
        buf_add(h, S("\r\n"));
    }
    if (c->upgrade)
        realtime_add_fields(c, h);
    buf_add(h, S("\r\n"));
}

static void add_head(struct call *c, str path, size_t body_bytes)
{
    const struct deployment *d = c->dep;
    if (c->op && c->op->pass) {
        add_pass_head(c, path, body_bytes);
        return;
    }
    struct buf *h = &c->x->sw->out; /* copied into scratch once it is complete */
    buf_clear(h);
    if (c->upgrade) {
        realtime_add_head(c, h);
        buf_add(h, S("\r\n"));
        return;
    }
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
    if (c->asks->id == c->out->id || c->x->snap->config->forward_client_headers_to_llm_api)
        buf_add(h, c->x->asked->fields_on);
    buf_add(h, S("content-length: "));
    buf_u64(h, body_bytes);
    buf_add(h, S("\r\n\r\n"));
}

static rc translate(struct call *c, struct err *e)
{
    struct arena *a = &c->x->scratch;
    struct chat_target t = call_target(c);
    TRY(call_parse(c, e));
    TRY(responses_check(c, e));
    responses_echo(c, false);
    fetch_fill(c->try->req, c->out, c->try->fetched);
    struct cache_mark *marks = cache_points_apply(c->try->req, c->dep->cache_points, a);
    rc r = c->out->write_chat(&c->try->body, c->try->req, &t, &c->try->loss, a, e);
    cache_points_undo(marks);
    responses_echo(c, true);
    return r;
}

/* Fills request.pieces from the second on; returns the body's length. */
static rc make_body(struct call *c, size_t *ret_bytes, struct err *e)
{
    struct client_request *rq = &c->try->request;
    str pieces[7];
    size_t n;
    bool same = c->op ? operation_splices(c) : !needs_translation(c);
    *ret_bytes = 0;
    rq->npieces = 1;
    if (c->upgrade) /* a handshake has no body */
        return RC_OK;
    if (c->op && c->op->pass) {
        pieces[0] = buf_str(&c->x->asked->body);
        n = pieces[0].n ? 1 : 0;
    } else if (c->op && c->op->form) {
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
            TRY(translate(c, e));
        }
        if (c->try->body.full)
            return fail(e, E_LIMIT, "body", 0, "the translated request is too long");
        pieces[0] = buf_str(&c->try->body);
        n = 1;
    }
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
    TRY(take_source(c, e));
    TRY(make_body(c, &bytes, e));
    add_head(c,
             c->upgrade && !c->op->pass ? S("")
             : c->op                    ? operation_path(c)
                                        : c->out->chat_path(&t, c->dep->base_has_path, &x->scratch),
             bytes);
    if (c->out->write_fields && (!c->op || c->op->fields)) {
        head->n -= 2; /* before the blank line */
        c->out->write_fields(head, c->try->req, &t);
        buf_add(head, S("\r\n"));
    }
    c->try->request.origin = &c->dep->origin;
    c->try->request.pieces[0] = arena_dup(&x->scratch, buf_str(head));
    c->try->request.upgrade = c->upgrade;
    c->try->request.head_method = c->op && c->op->pass && x->head_request;
    c->try->request.connect_ms = c->dep->connect_ms;
    c->in_flight = true;
    client_start(x->sw->w.client, &c->client, &c->try->request, &call_client_ops);
    return RC_OK;
}
