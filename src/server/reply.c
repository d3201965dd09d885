#include "server/reply.h"

#include <stdarg.h>

#include "server/call.h"

static void status_line(struct buf *out, unsigned status)
{
    if (status == 200) {
        buf_add(out, S("HTTP/1.1 200 OK\r\n"));
        return;
    }
    buf_add(out, S("HTTP/1.1 "));
    buf_u64(out, status);
    buf_chr(out, ' ');
    buf_add(out, str_c(http_reason(status)));
    buf_add(out, S("\r\n"));
}

void reply_field(struct buf *out, str name, str value)
{
    http_add_field(out, name, value);
}

static void cors_fields(struct exchange *x, struct buf *out)
{
    buf_add(out, S("access-control-allow-origin: *\r\n"
                   "access-control-allow-methods: GET, POST, PUT, DELETE, PATCH, OPTIONS\r\n"
                   "access-control-allow-headers: *, authorization\r\n"
                   "access-control-max-age: 600\r\n"
                   "access-control-expose-headers: x-request-id, retry-after, "
                   "x-litellm-call-id, x-litellm-model-id, x-litellm-response-cost, "
                   "x-ratelimit-limit-requests, x-ratelimit-remaining-requests, "
                   "x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens\r\n"));
}

void reply_begin(struct exchange *x, struct buf *out, unsigned status)
{
    str id = { x->id, CALL_ID_BYTES };
    x->status = status;
    status_line(out, status);
    buf_add(out, S("date: "));
    buf_add(out, server_date(x->sw));
    buf_add(out, S("\r\nx-request-id: "));
    buf_add(out, id);
    buf_add(out, S("\r\nx-litellm-call-id: "));
    buf_add(out, id);
    buf_add(out, S("\r\n"));
    if (x->cors || str_eq(x->method, S("OPTIONS")))
        cors_fields(x, out);
    if (x->call)
        call_reply_fields(x->call, out);
}

static bool stays_open(const struct exchange *x)
{
    return x->keep_alive && x->hc && x->hc->keep_alive && x->hc->request_done && !x->sw->draining;
}

static void connection_fields(struct exchange *x, struct buf *out)
{
    if (!stays_open(x)) {
        x->keep_alive = false;
        buf_add(out, S("connection: close\r\n"));
    } else if (x->http10) {
        buf_add(out, S("connection: keep-alive\r\nkeep-alive: timeout=75\r\n"));
    } else {
        buf_add(out, S("keep-alive: timeout=75\r\n"));
    }
}

void reply_body_head(struct exchange *x, struct buf *out, str type, size_t bytes)
{
    buf_add(out, S("content-type: "));
    buf_add(out, type);
    buf_add(out, S("\r\ncontent-length: "));
    buf_u64(out, bytes);
    buf_add(out, S("\r\n"));
    connection_fields(x, out);
    buf_add(out, S("\r\n"));
}

void reply_stream_head(struct exchange *x, struct buf *out, str type)
{
    x->chunked = !x->http10;
    if (x->http10)
        x->keep_alive = false;
    buf_add(out, S("content-type: "));
    buf_add(out, type);
    buf_add(out, S("\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n"));
    if (x->chunked)
        buf_add(out, S("transfer-encoding: chunked\r\n"));
    connection_fields(x, out);
    buf_add(out, S("\r\n"));
}

void reply_no_body_head(struct exchange *x, struct buf *out, str type)
{
    if (x->head_request)
        reply_field(out, S("content-type"), type);
    connection_fields(x, out);
    buf_add(out, S("\r\n"));
}

void reply_chunk_size(struct buf *out, size_t n)
{
    buf_hex(out, n);
    buf_add(out, S("\r\n"));
}

void reply_chunk(struct exchange *x, struct buf *out, str bytes)
{
    if (bytes.n == 0)
        return;
    if (x->chunked)
        reply_chunk_size(out, bytes.n);
    buf_add(out, bytes);
    if (x->chunked)
        buf_add(out, S("\r\n"));
}

void reply_last_chunk(struct exchange *x, struct buf *out)
{
    if (x->chunked)
        buf_add(out, S("0\r\n\r\n"));
}

static void send_full(struct exchange *x, unsigned status, str fields, str type, str body)
{
    struct buf *out = &x->sw->out;
    buf_clear(out);
    reply_begin(x, out, status);
    buf_add(out, fields);
    reply_body_head(x, out, type, body.n);
    str pieces[2] = { buf_str(out), body };
    x->started = true;
    exchange_write(x, pieces, x->head_request ? 1 : 2);
    exchange_finish(x, true);
}

void reply_full(struct exchange *x, unsigned status, str type, str body)
{
    send_full(x, status, (str){ 0 }, type, body);
}

void reply_json_fields(struct exchange *x, str fields, str body)
{
    send_full(x, 200, fields, S("application/json"), body);
}

void reply_json(struct exchange *x, unsigned status, str body)
{
    reply_full(x, status, S("application/json"), body);
}

static void retry_after(struct buf *out, int64_t ms)
{
    if (ms < 0)
        return;
    buf_add(out, S("retry-after: "));
    buf_i64(out, (ms + 999) / 1000);
    buf_add(out, S("\r\nretry-after-ms: "));
    buf_i64(out, ms);
    buf_add(out, S("\r\n"));
}

void reply_error(struct exchange *x, const struct chat_error *err)
{
    struct buf *out = &x->sw->out;
    struct buf body;
    buf_init(&body, 4 * 1024 * 1024);
    x->error = arena_dup(&x->arena, str_take(err->message, 1000));
    x->in->write_error(&body, err, &x->scratch);
    buf_clear(out);
    reply_begin(x, out, err->status ? err->status : chat_error_status(err->kind));
    retry_after(out, err->retry_after_ms);
    if (err->status == 401)
        buf_add(out, S("www-authenticate: Bearer\r\n"));
    if (err->status == 426 && x->endpoint && x->endpoint->websocket)
        buf_add(out,
                S("connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"));
    if (err->status == 405 && x->path.n)
        buf_add(out, S("allow: GET, POST, OPTIONS\r\n"));
    reply_body_head(x, out, S("application/json"), body.n);
    str pieces[2] = { buf_str(out), buf_str(&body) };
    x->started = true;
    exchange_write(x, pieces, x->head_request ? 1 : 2);
    buf_done(&body);
    exchange_finish(x, true);
}

void reply_error_text(struct exchange *x, unsigned status, const char *type, const char *param,
                      const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    struct chat_error err = {
        .status = status,
        .kind = chat_error_kind_of(status),
        .message = str_c(text),
        .type = str_c(type),
        .param = str_c(param),
        .retry_after_ms = -1,
    };
    reply_error(x, &err);
}

void reply_unknown_model(struct exchange *x, str shown)
{
    str name = shown.n ? shown : S("None");
    struct chat_error err = {
        .status = 400,
        .kind = ERR_INVALID_REQUEST,
        .type = S("invalid_request_error"),
        .param = S("model"),
        .retry_after_ms = -1,
        .message = arena_fmt(&x->arena,
                             "%.*s: Invalid model name passed in model=%.*s. Call `/v1/models` to "
                             "view available models for your key.",
                             STRF(x->path), STRF(name)),
    };
    reply_error(x, &err);
}

void reply_bare_error(struct server_worker *sw, struct buf *out, unsigned status, str why)
{
    struct chat_error err = {
        .status = status,
        .kind = chat_error_kind_of(status),
        .message = why,
        .type = S("invalid_request_error"),
        .retry_after_ms = -1,
    };
    struct buf body;
    struct arena a;
    arena_init(&a);
    buf_init(&body, 16384);
    dialect_get(DIALECT_OPENAI_CHAT)->write_error(&body, &err, &a);
    status_line(out, status);
    buf_add(out, S("date: "));
    buf_add(out, server_date(sw));
    buf_add(out, S("\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: "));
    buf_u64(out, body.n);
    buf_add(out, S("\r\n\r\n"));
    buf_add(out, buf_str(&body));
    buf_done(&body);
    arena_done(&a);
}
