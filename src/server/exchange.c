#include "server/exchange.h"

#include "base/clock.h"
#include "base/mem.h"
#include "http/inflate.h"
#include "http/url.h"
#include "server/auth.h"
#include "server/call.h"
#include "server/operation.h"
#include "server/pass.h"
#include "server/realtime.h"
#include "server/reply.h"
#include "server/responses.h"
#include "server/tunnel.h"

enum {
    /* A refused request's body up to this size is read to its end, so that the connection lives. */
    REFUSED_BODY_BYTES = 256 * 1024,
};

#define TO(s) (1u << (s))

static const struct {
    const char *name;
    unsigned next;
} xstates[X_COUNT] = {
    [X_HEAD] = { "head", TO(X_BODY) | TO(X_SETTLE) },
    [X_BODY] = { "body", TO(X_ADMIT) | TO(X_SETTLE) },
    [X_ADMIT] = { "admit", TO(X_ROUTE) | TO(X_RELAY) | TO(X_SETTLE) },
    [X_ROUTE] = { "route", TO(X_WAIT) | TO(X_RELAY) | TO(X_SETTLE) },
    [X_WAIT] = { "wait", TO(X_RELAY) | TO(X_ROUTE) | TO(X_SETTLE) },
    [X_RELAY] = { "relay",
                  TO(X_ROUTE) | TO(X_TUNNEL) | TO(X_SETTLE) }, /* route: nothing was sent yet */
    [X_TUNNEL] = { "tunnel", TO(X_SETTLE) },
    [X_SETTLE] = { "settle", TO(X_DONE) },
    [X_DONE] = { "done", 0 },
};

const char *xstate_name(enum xstate s)
{
    return xstates[s].name;
}

void exchange_move(struct exchange *x, enum xstate to)
{
    BUG_UNLESS(xstates[x->state].next & TO(to));
    x->state = to;
}

uint64_t exchange_now_ms(const struct exchange *x)
{
    return worker_now_ms(&x->sw->w);
}

/* A version 4 UUID (RFC 9562), as LiteLLM's call ids are. */
static void make_id(struct exchange *x)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[16];
    uint64_t r[2] = { server_random(x->sw), server_random(x->sw) };
    char *p = x->id;
    memcpy(bytes, r, sizeof(bytes));
    bytes[6] = (unsigned char)(0x40 | (bytes[6] & 0x0f));
    bytes[8] = (unsigned char)(0x80 | (bytes[8] & 0x3f));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex[bytes[i] >> 4];
        *p++ = hex[bytes[i] & 15];
    }
    *p = 0;
}

static void set_refusal(struct exchange *x, unsigned status, const char *type, str message)
{
    x->asked->refusal = NEW(&x->arena, struct chat_error, 1);
    *x->asked->refusal = (struct chat_error){
        .status = status,
        .kind = chat_error_kind_of(status),
        .message = message,
        .type = str_c(type),
        .retry_after_ms = -1,
    };
}

static void find_endpoint(struct exchange *x)
{
    const struct server_options *opt = &x->sw->server->opt;
    struct endpoint_match m =
        endpoint_find(opt->endpoints, opt->nendpoints, x->method, x->path, &x->arena);
    x->endpoint = m.row;
    x->asked->path_rest = m.rest;
    x->asked->path_model = m.model;
    x->in = dialect_get(m.row ? m.row->dialect : DIALECT_OPENAI_CHAT);
    if (!x->in)
        x->in = dialect_get(DIALECT_OPENAI_CHAT);
    if (m.row || str_eq(x->method, S("OPTIONS")))
        return;
    x->endpoint = pass_find(x);
    if (x->endpoint)
        return;
    if (m.path_known)
        set_refusal(
            x, 405, "invalid_request_error",
            arena_fmt(&x->arena, "Method Not Allowed: %.*s takes %s", STRF(x->path), m.allow));
    else
        set_refusal(x, 404, "not_found_error",
                    arena_fmt(&x->arena,
                              "Not Found: there is no %.*s here. Chat is at "
                              "/v1/chat/completions, the models at /v1/models.",
                              STRF(str_take(x->path, 200))));
}

/* ARENA_BYTES: what a relayed stream needs; a translated one takes half as much again. */
enum { ARENA_BYTES = 960, BODY_LENT_BYTES_MAX = 2048 };

static struct exchange *take_exchange(struct server_worker *sw)
{
    struct exchange *x = sw->spare_exchanges;
    if (!x) {
        x = mem_zalloc(sizeof(*x));
        arena_init_sized(&x->arena, ARENA_BYTES);
        arena_init_pages(&x->scratch, &sw->pages);
        return x;
    }
    struct arena arena = x->arena, scratch = x->scratch;
    sw->spare_exchanges = x->next;
    sw->nspare_exchanges--;
    memset(x, 0, sizeof(*x));
    x->arena = arena;
    x->scratch = scratch;
    return x;
}

static void free_exchange(struct exchange *x)
{
    arena_done(&x->scratch);
    arena_done(&x->arena);
    mem_free(x);
}

static void give_exchange(struct server_worker *sw, struct exchange *x)
{
    server_end_scratch(sw, &x->scratch);
    if (sw->nspare_exchanges >= EXCHANGE_SPARES) {
        free_exchange(x);
        return;
    }
    arena_reset(&x->arena);
    x->next = sw->spare_exchanges;
    sw->spare_exchanges = x;
    sw->nspare_exchanges++;
}

void exchange_free_spares(struct server_worker *sw)
{
    while (sw->spare_exchanges) {
        struct exchange *x = sw->spare_exchanges;
        sw->spare_exchanges = x->next;
        free_exchange(x);
    }
    sw->nspare_exchanges = 0;
}

struct exchange *exchange_new(struct http_conn *hc, const struct http_head *head)
{
    struct server_worker *sw = hc->sw;
    struct exchange *x = take_exchange(sw);
    x->hc = hc;
    x->sw = sw;
    x->snap = snapshot_ref(sw->snap);
    x->start_ns = clock_mono_ns();
    x->wall_ms = clock_wall_ms();
    x->keep_alive = head->keep_alive;
    x->http10 = head->minor == 0;
    x->asked = NEW(&x->scratch, struct asked, 1);
    make_id(x);
    stat_add(sw->server->stats.requests, 1);
    stat_add(sw->server->stats.in_flight, 1);
    sw->in_flight++;

    str target = arena_dup(&x->arena, head->target);
    x->method = arena_dup(&x->arena, head->method);
    x->head_request = str_eq(x->method, S("HEAD"));
    url_split_target(target, &x->path, &x->asked->query);
    return x;
}

/* Request fields that matter later: the head is gone after this callback. */
static void keep_fields(struct exchange *x, const struct http_head *head)
{
    struct buf on;
    buf_init(&on, HTTP_HEAD_BYTES_MAX);
    bool all_x = x->snap->config->forward_client_headers_to_llm_api;
    bool passes = x->endpoint && x->endpoint->op == &operation_pass;
    for (size_t i = 0; i < head->nfields; i++) {
        str name = head->fields[i].name;
        if (str_ieq(name, S("origin")))
            x->cors = true;
        else if (str_ieq(name, S("content-type")) &&
                 str_istarts(head->fields[i].value, S("multipart/")))
            x->asked->content_type = arena_dup(&x->arena, head->fields[i].value);
        if (passes && pass_keeps_field(x, name))
            http_add_field(&on, name, head->fields[i].value);
        else if (passes && str_istarts(name, S("x-pass-")) && name.n > 7 &&
                 pass_takes_field(x, str_skip(name, 7)))
            http_add_field(&on, str_skip(name, 7), head->fields[i].value);
        else if (str_ieq(name, S("upgrade")))
            x->asked->upgrade = str_icontains(head->fields[i].value, S("websocket"));
        else if (str_ieq(name, S("x-litellm-timeout")))
            x->asked->timeout = arena_dup(&x->scratch, head->fields[i].value);
        else if (str_ieq(name, S("x-litellm-num-retries")))
            x->asked->num_retries = arena_dup(&x->scratch, head->fields[i].value);
        else if (str_ieq(name, S("anthropic-version")))
            x->asked_as = DIALECT_ANTHROPIC;
        else if (str_istarts(name, S("x-goog-api-")))
            x->asked_as = DIALECT_GEMINI;
        else if (str_ieq(name, S("anthropic-beta")) || str_ieq(name, S("openai-beta")) ||
                 (all_x && str_istarts(name, S("x-")) && !str_istarts(name, S("x-stainless")) &&
                  !str_istarts(name, S("x-litellm")) && !str_ieq(name, S("x-api-key")) &&
                  !str_ieq(name, S("x-goog-api-key")) && !str_istarts(name, S("x-forwarded"))))
            http_add_field(&on, name, head->fields[i].value);
        else if (str_ieq(name, S("x-openwebui-user-email")) ||
                 str_ieq(name, S("x-litellm-end-user-id")))
            x->client_name = arena_dup(&x->arena, str_take(head->fields[i].value, 200));
    }
    if (on.n)
        x->asked->fields_on = arena_dup(&x->arena, buf_str(&on));
    buf_done(&on);
}

/* general_settings.max_in_flight_requests_per_worker: over it, 503 at once rather than a queue. */
static void check_overload(struct exchange *x)
{
    int64_t max = x->snap->config->max_in_flight;
    if (max <= 0 || x->endpoint->access == ACCESS_PUBLIC || (int64_t)x->sw->in_flight <= max)
        return;
    set_refusal(x, 503, "internal_server_error",
                S("The gateway is at its limit of requests in flight; try again in a second."));
    x->asked->refusal->retry_after_ms = 1000;
}

static void start_body(struct exchange *x, const struct http_head *head)
{
    uint32_t max = x->sw->server->opt.body_bytes_max;
    enum inflate_kind coding = inflate_kind_of(http_field_get(head, S("content-encoding")));
    if (head->content_length > (int64_t)max) {
        set_refusal(x, 413, "invalid_request_error",
                    arena_fmt(&x->arena,
                              "The request body of %lld bytes is over the limit of %u "
                              "(general_settings.max_request_size_mb).",
                              (long long)head->content_length, max));
        return;
    }
    if (coding == INFLATE_UNKNOWN) {
        set_refusal(x, 415, "invalid_request_error",
                    S("Content-Encoding: only gzip, deflate and zstd are understood."));
        return;
    }
    if (coding != INFLATE_NONE)
        x->asked->inflate = inflate_new(coding, max);
    if (head->content_length >= 0 && head->content_length <= BODY_LENT_BYTES_MAX &&
        !x->asked->inflate) {
        size_t n = (size_t)head->content_length + 2; /* an empty body is made {} */
        buf_init(&x->asked->body, max);
        buf_lend(&x->asked->body, arena_raw(&x->scratch, n), n);
        return;
    }
    x->asked->body = server_take_buf(x->sw, max);
    if (head->content_length > 0)
        buf_room(&x->asked->body, (size_t)head->content_length);
}

/* Codex tries a websocket first; 426 sends it to plain HTTP. */
static void take_websocket(struct exchange *x, const struct http_head *head)
{
    if (x->endpoint && x->endpoint->websocket) {
        x->asked->offer = realtime_offer(x, head);
        return;
    }
    if (!head->upgrade || !str_ieq(http_field_get(head, S("upgrade")), S("websocket")))
        return;
    x->keep_alive = false;
    set_refusal(x, 426, "invalid_request_error",
                arena_fmt(&x->arena,
                          "%.*s is not served over a websocket here: use plain HTTP "
                          "(POST /v1/responses, /v1/chat/completions or /v1/audio/...).",
                          STRF(str_take(x->path, 200))));
}

void exchange_head(struct exchange *x, const struct http_head *head)
{
    find_endpoint(x);
    take_websocket(x, head);
    keep_fields(x, head);
    exchange_move(x, X_BODY);
    if (!x->asked->refusal && x->endpoint)
        x->asked->refusal = auth_check(x, head);
    if (!x->asked->refusal && x->endpoint)
        check_overload(x);
    if (!x->asked->refusal && x->endpoint && !x->endpoint->no_body)
        start_body(x, head);
    if (x->asked->refusal && head->has_body &&
        (head->expect_continue || head->chunked || head->content_length > REFUSED_BODY_BYTES)) {
        reply_error(x, x->asked->refusal);
        return;
    }
    if (head->expect_continue && head->has_body) {
        str go_on = S("HTTP/1.1 100 Continue\r\n\r\n");
        http_conn_write(x->hc, &go_on, 1);
    }
}

void exchange_body(struct exchange *x, str piece)
{
    struct err e = { 0 };
    x->bytes_in += piece.n;
    if (x->asked->refusal || !x->endpoint || x->endpoint->no_body)
        return;
    rc r = RC_OK;
    if (x->asked->inflate)
        r = inflate_add(x->asked->inflate, piece, &x->asked->body, &e);
    else
        buf_add(&x->asked->body, piece);
    if (x->asked->body.full || r.code == E_LIMIT)
        exchange_refuse(x, 413,
                        "The request body is over the limit "
                        "(general_settings.max_request_size_mb).");
    else if (FAILED(r))
        exchange_refuse(x, 400, e.text);
}

static void answer_options(struct exchange *x)
{
    struct buf *out = &x->sw->out;
    buf_clear(out);
    reply_begin(x, out, 204);
    reply_field(out, S("allow"), S("GET, POST, PUT, DELETE, PATCH, OPTIONS"));
    buf_add(out, S("\r\n"));
    str piece = buf_str(out);
    exchange_write(x, &piece, 1);
    exchange_finish(x, true);
}

void exchange_request_end(struct exchange *x)
{
    struct err e = { 0 };
    if (x->asked->inflate && !x->asked->refusal && FAILED(inflate_end(x->asked->inflate, &e)))
        set_refusal(x, 400, "invalid_request_error", arena_dup(&x->arena, str_c(e.text)));
    exchange_move(x, X_ADMIT);
    if (x->asked->refusal)
        reply_error(x, x->asked->refusal);
    else if (!x->endpoint)
        answer_options(x);
    else
        x->endpoint->serve(x);
}

void exchange_refuse(struct exchange *x, unsigned status, const char *why)
{
    x->keep_alive = false;
    reply_error_text(x, status, "invalid_request_error", NULL, "%s", why);
}

void exchange_client_gone(struct exchange *x)
{
    x->hc = NULL;
    if (!x->started)
        x->status = 499; /* nginx's number for "the client closed first" */
    stat_add(x->sw->server->stats.client_gone, 1);
    exchange_finish(x, false);
}

void exchange_client_drained(struct exchange *x)
{
    if (x->call)
        call_client_drained(x->call);
}

void exchange_tunnel_bytes(struct exchange *x, str bytes)
{
    x->bytes_in += bytes.n;
    tunnel_client_bytes(x->call, bytes);
}

void exchange_tunnel_eof(struct exchange *x)
{
    tunnel_client_eof(x->call);
}

void exchange_tunnel_cut(struct exchange *x)
{
    tunnel_cut(x->call);
}

void exchange_write(struct exchange *x, const str *pieces, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x->bytes_out += pieces[i].n;
    if (x->hc)
        http_conn_write(x->hc, pieces, n);
}

void exchange_drop_request(struct exchange *x)
{
    if (!x->asked)
        return;
    server_give_buf(x->sw, &x->asked->body);
    inflate_free(x->asked->inflate);
    x->asked->inflate = NULL;
}

static void write_record(struct exchange *x, enum xstate ended)
{
    if (x->sw->log.format == ACCESS_OFF)
        return;
    char peer[64];
    uint64_t now = clock_mono_ns();
    struct access_record r = {
        .wall_ms = x->wall_ms,
        .id = { x->id, CALL_ID_BYTES },
        .method = x->method,
        .path = x->path,
        .client = x->client_name.n ? x->client_name
                  : x->hc          ? http_conn_peer(x->hc, peer)
                                   : (str){ NULL, 0 },
        .status = x->status,
        .state = x->status == 499 || !x->hc ? xstate_name(ended) : NULL,
        .prompt_tokens = -1,
        .completion_tokens = -1,
        .cached_tokens = -1,
        .reasoning_tokens = -1,
        .cost_nanousd = -1,
        .duration_us = (int64_t)(now - x->start_ns) / 1000,
        .first_us = x->first_ns ? (int64_t)(x->first_ns - x->start_ns) / 1000 : -1,
        .upstream_us = -1,
        .bytes_in = x->bytes_in,
        .bytes_out = x->bytes_out,
        .error = x->error,
    };
    if (x->call)
        call_describe(x->call, &r);
    access_log_add(&x->sw->log, &r);
}

void exchange_finish(struct exchange *x, bool complete)
{
    struct server_worker *sw = x->sw;
    struct stats *stats = &sw->server->stats;
    struct http_conn *hc = x->hc;
    enum xstate ended = x->state;
    exchange_move(x, X_SETTLE);
    deadline_clear(&sw->w.deadlines, &x->deadline);
    if (x->call)
        call_settle(x->call);
    responses_done(x);
    write_record(x, ended);
    stat_add(stats->by_class[x->status == 499 || x->status >= 600 ? 0 : x->status / 100], 1);
    stat_add(stats->in_flight, -1);
    sw->in_flight--;
    exchange_move(x, X_DONE);

    bool keep = x->keep_alive;
    exchange_drop_request(x);
    snapshot_unref(x->snap);
    give_exchange(sw, x);
    if (!hc)
        return;
    if (complete)
        http_conn_finish(hc, keep);
    else
        http_conn_abort(hc);
}
