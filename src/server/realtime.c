#include "server/realtime.h"

#include "http/chars.h"
#include "http/field.h"
#include "http/url.h"
#include "server/operation.h"
#include "server/pass.h"
#include "server/reply.h"

static const struct operation operation_realtime = { .name = "realtime sessions" };

/* ---- the caller's handshake ----------------------------------------------------------------- */

/* Subprotocols by which browsers, which can set no fields, say what else would stand in one. */
#define KEY_ITEM "openai-insecure-api-key."
static const char *const private_items[] = { KEY_ITEM, "openai-organization.", "openai-project." };

static bool is_private(str item)
{
    for (size_t i = 0; i < COUNT_OF(private_items); i++)
        if (str_istarts(item, str_c(private_items[i])))
            return true;
    return false;
}

/* One field's list: the key is taken out, the rest is kept. False: it is no list of tokens. */
static bool read_protocols(struct ws_offer *o, str list, struct buf *kept, struct arena *a)
{
    while (list.p) {
        str item = str_trim(str_cut(&list, ','));
        if (item.n == 0 || !chars_are(item, CHAR_TOKEN))
            return false;
        if (str_istarts(item, S(KEY_ITEM)) && !o->key.n)
            o->key = arena_dup(a, str_skip(item, sizeof(KEY_ITEM) - 1));
        if (is_private(item))
            continue;
        if (kept->n)
            buf_add(kept, S(", "));
        buf_add(kept, item);
    }
    return true;
}

static void set_fault(struct ws_offer *o, unsigned status, const char *text)
{
    if (o->fault)
        return;
    o->fault = text;
    o->status = status;
}

static void check_offer(struct ws_offer *o, const struct http_head *head)
{
    str key = http_field_get(head, S("sec-websocket-key"));
    if (!str_eq(head->method, S("GET")))
        set_fault(o, 405, "A websocket begins with GET.");
    if (!str_eq(http_field_get(head, S("sec-websocket-version")), S("13")) ||
        http_field_count(head, S("sec-websocket-version")) != 1)
        set_fault(o, 426, "Sec-WebSocket-Version: only 13 is spoken here.");
    if (http_field_count(head, S("sec-websocket-key")) != 1 || !ws_is_key(key))
        set_fault(o, 400, "Sec-WebSocket-Key: expected one, 16 bytes in base64.");
    else
        ws_accept(key, o->accept);
    if (head->has_body)
        set_fault(o, 400, "A websocket's handshake has no body.");
}

struct ws_offer *realtime_offer(struct exchange *x, const struct http_head *head)
{
    struct buf kept;
    str intent;
    if (!head->upgrade || !http_list_has(http_field_get(head, S("upgrade")), S("websocket")))
        return NULL;
    struct ws_offer *o = NEW(&x->scratch, struct ws_offer, 1);
    check_offer(o, head);
    buf_init(&kept, HTTP_HEAD_BYTES_MAX);
    for (size_t i = 0; i < head->nfields; i++)
        if (str_ieq(head->fields[i].name, S("sec-websocket-protocol")) &&
            !read_protocols(o, head->fields[i].value, &kept, &x->scratch))
            set_fault(o, 400, "Sec-WebSocket-Protocol: expected a list of tokens.");
    o->protocols = arena_dup(&x->scratch, buf_str(&kept));
    o->transcribes = url_query_get(x->asked->query, S("intent"), &x->scratch, &intent) &&
                     str_eq(intent, S("transcription"));
    buf_done(&kept);
    x->keep_alive = false; /* frames may already stand behind it */
    return o;
}

bool realtime_accepts(struct exchange *x)
{
    const struct ws_offer *o = x->asked->offer;
    if (!o->fault)
        return true;
    reply_error_text(x, o->status, "invalid_request_error", NULL, "%s", o->fault);
    return false;
}

/* ---- which model ---------------------------------------------------------------------------- */

/* As the caller names it: ?model=, or in Azure's form ?deployment=, or in the path. */
static bool read_name(struct exchange *x, str *ret)
{
    *ret = (str){ NULL, 0 };
    if (!url_query_get(x->asked->query, S("model"), &x->scratch, ret) || !ret->n)
        (void)url_query_get(x->asked->query, S("deployment"), &x->scratch, ret);
    if (!ret->n)
        *ret = x->asked->path_model;
    return ret->n > 0;
}

static bool anybody_has_it(const struct exchange *x)
{
    for (size_t i = 0; i < route_deployment_count(x->snap->routes); i++)
        if (deployment_has_realtime(route_deployment(x->snap->routes, i)))
            return true;
    return false;
}

static void refuse_all(struct exchange *x)
{
    reply_error_text(x, 426, "invalid_request_error", "model",
                     "No model here has a realtime websocket: configure one of OpenAI, Azure, xAI "
                     "or an OpenAI-compatible server with api_base, or use plain HTTP (POST "
                     "/v1/chat/completions, /v1/audio/...).");
}

/* A session without a model's name (?intent=transcription, ?call_id=) is for the only one there is.
 */
static bool find_name(struct exchange *x, str *ret)
{
    str intent = { 0 }, call = { 0 };
    size_t n;
    if (read_name(x, ret))
        return true;
    (void)url_query_get(x->asked->query, S("intent"), &x->scratch, &intent);
    (void)url_query_get(x->asked->query, S("call_id"), &x->scratch, &call);
    *ret = route_realtime_name(x->snap->routes, x->asked->offer->transcribes, &n);
    if (!anybody_has_it(x))
        refuse_all(x);
    else if (!intent.n && !call.n)
        reply_error_text(x, 400, "invalid_request_error", "model",
                         "Name the model in the query: %.*s?model=NAME",
                         STRF(str_take(x->path, 200)));
    else if (!ret->n)
        reply_error_text(x, 400, "invalid_request_error", "model",
                         "%s could serve this session: name one in the query, %.*s?model=NAME",
                         n ? "Several models" : "No model that is configured by its full name",
                         STRF(str_take(x->path, 200)));
    else
        return true;
    return false;
}

void realtime_serve(struct exchange *x)
{
    str name;
    if (!x->asked->offer) {
        reply_error_text(x, 426, "invalid_request_error", NULL,
                         "%.*s is a websocket: open it with `Connection: Upgrade` and `Upgrade: "
                         "websocket`.",
                         STRF(str_take(x->path, 200)));
        return;
    }
    if (!realtime_accepts(x) || !find_name(x, &name))
        return;
    if (!route_knows(x->snap->routes, name) && !anybody_has_it(x))
        refuse_all(x);
    else
        call_upgrade(x, &operation_realtime, name);
}

void realtime_none(struct call *c)
{
    const struct deployment *d = route_first(c->x->snap->routes, c->model_shown);
    const char *label = d && d->provider ? d->provider->label : "The gateway itself";
    reply_error_text(
        c->x, 426, "invalid_request_error", "model",
        "%s, which serves %.*s, has no realtime websocket here: use a model of OpenAI, "
        "Azure, xAI or an OpenAI-compatible server with api_base, or plain HTTP (POST "
        "/v1/chat/completions).",
        label, STRF(str_take(c->model_shown, 100)));
}

/* ---- the vendor's handshake ----------------------------------------------------------------- */

/* What the caller's query says beside the model, which is named anew. */
static void add_rest_of_query(struct buf *out, str query, struct arena *a)
{
    static const char *const ours[] = { "model", "deployment", "api-version", "key", NULL };
    str pair, name;
    while (url_query_next(&query, a, &pair, &name)) {
        if (name.n == 0 || str_among(name, ours))
            continue;
        buf_chr(out, '&');
        buf_add(out, pair);
    }
}

/* {base}/realtime?model=M, and Azure's {base}/openai/realtime?api-version=V&deployment=M. A caller
 * who names no model gets a connection that says none: it does so in its session. */
static void add_target(struct call *c, struct buf *out)
{
    const struct deployment *d = c->dep;
    str base = pass_account_base(d), name, rest;
    bool azure = base.n < d->base_path.n, named = read_name(c->x, &name);
    struct buf query;
    buf_init(&query, 64 * 1024);
    if (d->query.n) {
        buf_chr(&query, '&');
        buf_add(&query, d->query);
    }
    if (azure || named) {
        buf_add(&query, azure ? S("&deployment=") : S("&model="));
        url_add_encoded(&query, c->step.model);
    }
    add_rest_of_query(&query, c->x->asked->query, &c->x->scratch);
    buf_add(out, base);
    buf_add(out, d->base_has_path ? S("/realtime") : S("/v1/realtime"));
    rest = str_skip(buf_str(&query), 1);
    if (query.n) {
        buf_chr(out, '?');
        buf_add(out, rest);
    }
    buf_done(&query);
}

void realtime_add_fields(struct call *c, struct buf *out)
{
    struct ws_offer *o = c->x->asked->offer;
    unsigned char random[16];
    uint64_t r[2] = { server_random(c->x->sw), server_random(c->x->sw) };
    memcpy(random, r, sizeof(random));
    ws_make_key(random, o->asked);
    buf_add(out, S("connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
                   "sec-websocket-key: "));
    buf_add(out, (str){ o->asked, WS_KEY_BYTES });
    buf_add(out, S("\r\n"));
    if (o->protocols.n)
        http_add_field(out, S("sec-websocket-protocol"), o->protocols);
}

void realtime_add_head(struct call *c, struct buf *out)
{
    const struct deployment *d = c->dep;
    buf_add(out, S("GET "));
    add_target(c, out);
    buf_add(out, S(" HTTP/1.1\r\nhost: "));
    buf_add(out, d->host_field);
    buf_add(out, S("\r\nuser-agent: sluice/" SLUICE_VERSION "\r\n"));
    buf_add(out, secret_reveal(&d->auth_fields));
    buf_add(out, d->extra_fields);
    buf_add(out, c->x->asked->fields_on);
    realtime_add_fields(c, out);
}

static rc bad_switch(struct err *e, const char *text)
{
    return fail(e, E_UPSTREAM, "websocket", 0, "The upstream's websocket handshake is wrong: %s",
                text);
}

rc realtime_check_switch(const struct call *c, const struct http_head *head, str *ret_protocol,
                         struct err *e)
{
    const struct ws_offer *o = c->x->asked->offer;
    char accept[WS_ACCEPT_BYTES];
    str protocol = http_field_get(head, S("sec-websocket-protocol"));
    ws_accept((str){ o->asked, WS_KEY_BYTES }, accept);
    if (!str_ieq(http_field_get(head, S("upgrade")), S("websocket")) ||
        !http_list_has(http_field_get(head, S("connection")), S("upgrade")))
        return bad_switch(e, "it does not switch to websocket");
    if (http_field_count(head, S("sec-websocket-accept")) != 1 ||
        !str_eq(http_field_get(head, S("sec-websocket-accept")), (str){ accept, sizeof(accept) }))
        return bad_switch(e, "Sec-WebSocket-Accept does not fit");
    if (http_field_count(head, S("sec-websocket-extensions")))
        return bad_switch(e, "it uses an extension that was not offered");
    if (http_field_count(head, S("sec-websocket-protocol")) > 1 ||
        (protocol.n && !http_list_has(o->protocols, protocol)))
        return bad_switch(e, "it chose a subprotocol that was not offered");
    /* Browsers give up where none of what they offer is taken up, and some servers care for none.
     */
    if (!protocol.n && !c->op->pass && http_list_has(o->protocols, S("realtime")))
        protocol = S("realtime");
    *ret_protocol = protocol;
    return RC_OK;
}
