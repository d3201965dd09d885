#include "server/call.h"

#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/inflate.h"
#include "server/left_out.h"
#include "server/operation.h"
#include "server/pass.h"
#include "server/reply.h"
#include "server/responses.h"
#include "server/tunnel.h"

enum {
    ERROR_BYTES_MAX = 1024 * 1024,
    REPLY_BYTES_MAX = 256 * 1024 * 1024,
    /* Above this much unsent towards the client, the upstream is not read on. */
    QUEUE_HIGH_BYTES = 256 * 1024,
    KEPT_MB_MAX = 64, /* of a streamed answer that its last event repeats */
};

/* ---- writing to the client --------------------------------------------------------------------
 */

static void note_first(struct call *c)
{
    if (!c->x->first_ns)
        c->x->first_ns = clock_mono_ns();
}

static bool has_no_body(const struct call *c)
{
    return c->x->head_request || c->upstream_status == 204 || c->upstream_status == 304;
}

/* Sends what is gathered in frames as one write, with the head before it if it is the first. */
static void flush_frames(struct call *c, struct buf *frames, bool last)
{
    struct exchange *x = c->x;
    struct buf *out = &x->sw->out;
    str pieces[4];
    size_t n = 0;
    bool begins = !x->started;
    buf_clear(out);
    if (begins) {
        bool raw = c->answer == ANSWER_RAW;
        reply_begin(x, out, raw ? c->upstream_status : 200);
        if (raw && has_no_body(c))
            reply_no_body_head(x, out, c->reply_type);
        else
            reply_stream_head(x, out, raw ? c->reply_type : str_c(c->in->stream_type));
        x->started = true;
        c->counted_stream = true;
        stat_add(x->sw->server->stats.streams, 1);
    }
    if (frames->n && x->chunked)
        reply_chunk_size(out, frames->n);
    if (out->n)
        pieces[n++] = buf_str(out);
    if (frames->n)
        pieces[n++] = buf_str(frames);
    if (x->chunked && frames->n)
        pieces[n++] = last ? S("\r\n0\r\n\r\n") : S("\r\n");
    else if (x->chunked && last)
        pieces[n++] = S("0\r\n\r\n");
    if (n == 0)
        return;
    c->client_ms = exchange_now_ms(x);
    exchange_write(x, pieces, n);
    buf_clear(frames);
    if (x->hc && http_conn_queued(x->hc) > QUEUE_HIGH_BYTES && c->in_flight && !c->paused) {
        c->paused = true;
        client_pause(&c->client);
    }
}

void answer_drained(struct call *c)
{
    if (!c->paused)
        return;
    c->paused = false;
    c->last_ms = exchange_now_ms(c->x); /* it was not the upstream that was silent */
    call_arm(c);
    if (c->in_flight)
        client_resume(&c->client);
}

/* The worker's one buffer for what goes to a client: whoever fills it leaves it empty, for the next
 * to gather in it is another stream. */
static struct buf *gather_frames(struct call *c)
{
    return &c->x->sw->frames;
}

static struct chat_error upstream_error(struct call *c, unsigned status, str text)
{
    return (struct chat_error){
        .status = status,
        .kind = chat_error_kind_of(status),
        .message = arena_dup(&c->x->arena, text),
        .type = S("internal_server_error"),
        .retry_after_ms = -1,
    };
}

/* ---- translated streams ------------------------------------------------------------------------
 */

/* What the writer will keep of the event fits; else the stream is broken. */
static bool keeps(struct translation *t, const struct chat_event *ev)
{
    struct call *c = t->call;
    t->kept_bytes += ev->text.n + (ev->media ? ev->media->data.n : 0);
    if (!c->in->repeats_answer || t->kept_bytes <= (size_t)KEPT_MB_MAX * 1024 * 1024)
        return true;
    struct chat_error err = upstream_error(
        c, 502,
        arena_fmt(
            &c->x->arena,
            "The answer is longer than the %d MB that a translated Responses stream may have.",
            KEPT_MB_MAX));
    c->broken = true;
    call_keep_error(c, &err);
    return false;
}

static void emit(struct chat_sink *sink, const struct chat_event *ev)
{
    struct translation *t = CONTAINER_OF(sink, struct translation, sink);
    struct call *c = t->call;
    if (c->broken || !keeps(t, ev))
        return;
    if (ev->kind == EV_USAGE)
        t->usage = *ev->usage;
    left_out_event(c, ev);
    if (ev->kind == EV_TEXT || ev->kind == EV_THINKING || ev->kind == EV_CALL)
        note_first(c);
    if (ev->kind == EV_ERROR) {
        call_keep_error(c, ev->error);
        if (!c->committed && !c->wrote)
            return; /* the attempt fails: see stream_error */
        struct chat_event own = *ev;
        own.error = c->last_error; /* without the deployment's key */
        c->in->write_event(t->writer, gather_frames(c), &own, &t->ctx);
        return;
    } else if (ev->kind != EV_START) {
        c->wrote = true;
    }
    struct buf *frames = gather_frames(c);
    size_t from = frames->n;
    c->in->write_event(t->writer, frames, ev, &t->ctx);
    if (ev->kind == EV_DONE)
        responses_keep_frames(c->x, str_skip(buf_str(frames), from));
}

static void fill_ctx(struct call *c, struct dialect_ctx *ctx)
{
    struct exchange *x = c->x;
    *ctx = (struct dialect_ctx){
        .model = c->model_shown,
        .id = { x->id, CALL_ID_BYTES },
        .created = x->wall_ms / 1000,
        .started_ns = x->start_ns,
        .include_usage = c->show_usage,
        .merge_reasoning = c->dep && c->dep->merge_reasoning,
        .req = c->in->needs_request && c->try ? c->try->req : NULL,
        .arena = &x->arena,
    };
}

static void count_left_out(struct chat_stream *s)
{
    struct translation *t = CONTAINER_OF(s, struct translation, stream);
    left_out_fill(t->call, &s->usage);
}

static struct translation *translation_new(struct call *c)
{
    struct arena *a = &c->x->arena;
    struct translation *t = NEW(a, struct translation, 1);
    t->call = c;
    t->usage = CHAT_USAGE_NONE;
    c->usage = &t->usage;
    t->sink.emit = emit;
    if (c->out)
        t->reader = arena_alloc(a, c->out->reader_bytes + 1, 16, 1);
    t->writer = c->opened ? c->opened : arena_alloc(a, c->in->writer_bytes + 1, 16, 1);
    fill_ctx(c, &t->ctx);
    chat_stream_init(&t->stream, &t->sink);
    t->stream.left_out = count_left_out;
    return t;
}

/* The answer passes as it is but for the model's name. Not behind a beginning that was ours: it
 * said another id. */
static bool relays(const struct call *c)
{
    return c->in == c->out && !c->dep->merge_reasoning && !c->opened;
}

static void count_left_out_relayed(struct dialect_relay *rl, struct chat_usage *ret)
{
    left_out_fill(rl->owner, ret);
}

/* ---- frames -------------------------------------------------------------------------------------
 */

static void frames_init(struct call *c)
{
    if (!c->ndjson)
        sse_init(&c->frames.sse);
    else
        ndjson_init(&c->frames.ndjson);
    if (relays(c)) {
        c->relay = NEW(&c->x->arena, struct dialect_relay, 1);
        c->relay->model = c->model_shown;
        c->relay->show_usage = c->show_usage;
        c->relay->usage = CHAT_USAGE_NONE;
        c->relay->arena = &c->x->arena;
        c->relay->left_out = count_left_out_relayed;
        c->relay->owner = c;
        c->usage = &c->relay->usage;
    } else {
        c->translation = translation_new(c);
    }
    left_out_begin(c);
}

static void frames_done(struct call *c)
{
    if (c->answer != ANSWER_FRAMES)
        return;
    if (!c->ndjson)
        sse_done(&c->frames.sse);
    else
        ndjson_done(&c->frames.ndjson);
    if (c->translation)
        chat_stream_done(&c->translation->stream);
    left_out_free(c);
}

/* One frame from the upstream into the frames for the client. */
static rc carry(struct call *c, const struct sse_event *ev, struct err *e)
{
    if (c->relay) {
        left_out_frame(c, ev->data);
        TRY(c->out->relay_event(c->relay, gather_frames(c), ev, e));
        if (c->relay->first_content)
            note_first(c);
        responses_keep_event(c, ev->data);
        return RC_OK;
    }
    struct translation *t = c->translation;
    return c->out->read_event(t->reader, ev, &t->stream.in, &c->x->arena, e);
}

static rc next_frame(struct call *c, str *in, struct sse_event *ev, struct err *e)
{
    if (!c->ndjson)
        return sse_next(&c->frames.sse, in, ev, e);
    *ev = (struct sse_event){ 0 };
    return ndjson_next(&c->frames.ndjson, in, &ev->data, e);
}

static rc last_frame(struct call *c, struct sse_event *ev, struct err *e)
{
    if (!c->ndjson)
        return sse_end(&c->frames.sse, ev, e);
    *ev = (struct sse_event){ 0 };
    return ndjson_end(&c->frames.ndjson, &ev->data, e);
}

/* Something of an answer has gone to the client or stands in the frames about to go. */
static bool client_has_content(const struct call *c)
{
    return c->committed || c->wrote || (c->relay && c->relay->first_content);
}

/* ---- failures -----------------------------------------------------------------------------------
 */

/* The attempt went wrong after its head: before the client has a byte another may follow, after
 * that the stream says so. */
static void fail_answer(struct call *c, enum route_failure kind, const struct chat_error *err)
{
    struct chat_error copy = *err;
    if (c->in_flight) {
        c->in_flight = false;
        client_cancel(&c->client);
    }
    if (!client_has_content(c)) {
        call_attempt_failed(c, kind, &copy);
        return;
    }
    call_attempt_broke(c, &copy);
    answer_break(c, &copy);
}

/* A failure in the words of the stream as far as it has got. */
static void write_break(struct call *c, struct buf *frames, const struct chat_error *err)
{
    struct chat_event ev = { .kind = EV_ERROR, .error = err };
    struct dialect_ctx ctx;
    fill_ctx(c, &ctx);
    if (c->translation)
        c->in->write_event(c->translation->writer, frames, &ev, &c->translation->ctx);
    else if (c->opened)
        c->in->write_event(c->opened, frames, &ev, &ctx);
    else if (c->in->relay_break)
        c->in->relay_break(c->relay, frames, err, &ctx);
    else
        c->in->write_stream_error(frames, err);
}

void answer_break(struct call *c, const struct chat_error *err)
{
    struct exchange *x = c->x;
    struct buf *frames = gather_frames(c);
    struct chat_error copy = call_masked_error(c, err);
    buf_clear(frames);
    x->error = str_take(copy.message, 1000);
    if (c->answer == ANSWER_RAW) { /* there is no way to say it but to break off */
        exchange_finish(x, false);
        return;
    }
    write_break(c, frames, &copy);
    flush_frames(c, frames, true);
    exchange_finish(x, true);
}

/* ---- whole answers ------------------------------------------------------------------------------
 */

static void send_whole(struct call *c, struct buf *body)
{
    struct exchange *x = c->x;
    struct buf *out = &x->sw->out;
    note_first(c);
    call_price(c);
    buf_clear(out);
    reply_begin(x, out, 200);
    reply_body_head(x, out, S("application/json"), body->n);
    x->started = true;
    str pieces[2] = { buf_str(out), buf_str(body) };
    exchange_write(x, pieces, 2);
    buf_clear(body);
    exchange_finish(x, true);
}

static void send_reply_as_stream(struct call *c, const struct chat_reply *r)
{
    struct buf *frames = gather_frames(c);
    buf_clear(frames);
    if (!c->translation)
        c->translation = translation_new(c);
    chat_reply_emit(r, &c->translation->stream.in);
    chat_stream_end(&c->translation->stream, true, (str){ 0 });
    chat_stream_done(&c->translation->stream);
    call_price(c);
    flush_frames(c, frames, true);
    exchange_finish(c->x, true);
}

void answer_reply(struct call *c, const struct chat_reply *r)
{
    struct dialect_ctx ctx;
    struct buf *frames = gather_frames(c);
    if (c->stream) {
        send_reply_as_stream(c, r);
        return;
    }
    call_keep_usage(c, &r->usage);
    fill_ctx(c, &ctx);
    ctx.req = c->try->req;
    buf_clear(frames);
    c->in->write_reply(frames, r, &ctx);
    responses_keep_body(c->x, buf_str(frames));
    send_whole(c, frames);
}

/* Same dialect, not streamed: the body passes with the model's name changed. */
static void relay_whole(struct call *c, str body)
{
    struct dialect_relay rl = {
        .model = c->model_shown, .show_usage = true, .usage = CHAT_USAGE_NONE, .arena = &c->x->arena
    };
    struct err e = { 0 };
    struct buf *frames = gather_frames(c);
    buf_clear(frames);
    rc r = c->out->relay_reply(&rl, frames, body, &e);
    if (rl.failed || FAILED(r))
        buf_clear(frames);
    if (rl.failed) {
        struct chat_error err = rl.error;
        chat_error_complete(&err, &c->x->arena);
        fail_answer(c, ROUTE_FAIL_STATUS, &err);
        return;
    }
    if (FAILED(r)) {
        struct chat_error err = upstream_error(c, 502, str_c(e.text));
        fail_answer(c, ROUTE_FAIL_MALFORMED, &err);
        return;
    }
    left_out_body(c, frames, body, &rl.usage);
    responses_keep_relayed(c, body);
    call_keep_usage(c, &rl.usage);
    call_attempt_ok(c);
    send_whole(c, frames);
}

static void translate_whole(struct call *c, str body)
{
    struct chat_reply reply = { 0 };
    struct chat_error err = { 0 };
    struct err e = { 0 };
    rc r = c->out->read_reply(&reply, body, &err, &c->x->arena, &e);
    if (FAILED(r)) {
        if (err.message.n == 0)
            err = upstream_error(c, 502, str_c(e.text));
        if (err.status == 0 || err.status < 400)
            err.status = chat_error_status(err.kind);
        fail_answer(c, err.status == 502 ? ROUTE_FAIL_MALFORMED : ROUTE_FAIL_STATUS, &err);
        return;
    }
    call_attempt_ok(c);
    left_out_reply(c, reply.choices, &reply.usage);
    answer_reply(c, &reply);
}

/* Anything but a chat. */
static void answer_operation(struct call *c, str body)
{
    struct chat_error err = { .retry_after_ms = -1 };
    struct err e = { 0 };
    struct chat_usage usage;
    struct buf *frames = gather_frames(c);
    buf_clear(frames);
    rc r = operation_answer(c, frames, body, &usage, &err, &e);
    if (FAILED(r)) {
        bool said = err.message.n > 0;
        if (!said)
            err = upstream_error(c, 502, str_c(e.text));
        if (err.status < 400)
            err.status = chat_error_status(err.kind);
        chat_error_complete(&err, &c->x->arena);
        fail_answer(c, said ? ROUTE_FAIL_STATUS : ROUTE_FAIL_MALFORMED, &err);
        return;
    }
    call_keep_usage(c, &usage);
    call_attempt_ok(c);
    send_whole(c, frames);
}

void answer_here(struct call *c)
{
    answer_operation(c, S(""));
}

static void finish_whole(struct call *c)
{
    str body = buf_str(&c->reply);
    if (c->html) {
        struct chat_error err = upstream_error(
            c, 502, S("The upstream answered with an HTML page instead of JSON; check api_base."));
        fail_answer(c, ROUTE_FAIL_MALFORMED, &err);
    } else if (c->op) {
        answer_operation(c, body);
    } else if (relays(c) && !c->stream) {
        relay_whole(c, body);
    } else {
        translate_whole(c, body);
    }
}

/* An upstream's error status. */
static void finish_error(struct call *c)
{
    struct chat_error err = { .retry_after_ms = -1 };
    c->out->read_error(&err, c->upstream_status, buf_str(&c->reply), &c->x->arena);
    err.status = c->upstream_status;
    if (c->upgrade && c->upstream_status < 300) {
        err = upstream_error(c, 502,
                             S("The upstream answered the websocket's handshake like any "
                               "request: has it a realtime endpoint at this api_base?"));
    } else if (c->upstream_status < 400) { /* redirects are not followed */
        err = upstream_error(c, 502,
                             arena_fmt(&c->x->arena,
                                       "The upstream answered with a redirect (HTTP %u), which is "
                                       "not followed; check api_base.",
                                       c->upstream_status));
    }
    if (err.retry_after_ms < 0)
        err.retry_after_ms = c->retry_after_ms;
    chat_error_complete(&err, &c->x->arena);
    fail_answer(c, ROUTE_FAIL_STATUS, &err);
}

/* ---- the upstream's callbacks
 * -------------------------------------------------------------------- */

static struct call *of(struct client_call *cc)
{
    return CONTAINER_OF(cc, struct call, client);
}

/* Upstream fields that pass to the client; everything else stays here (an upstream may echo
 * secrets). */
static bool field_passes(str name)
{
    static const char *const exact[] = { "x-should-retry", "openai-processing-ms", "openai-version",
                                         "x-ms-region", "x-envoy-upstream-service-time" };
    if (str_istarts(name, S("x-ratelimit-")) || str_istarts(name, S("anthropic-ratelimit-")))
        return true;
    for (size_t i = 0; i < COUNT_OF(exact); i++)
        if (str_ieq(name, str_c(exact[i])))
            return true;
    return false;
}

/* Retry-After as a date (RFC 9110 10.2.3). */
static int64_t ms_until(str date)
{
    char text[64];
    struct tm tm = { 0 };
    if (date.n == 0 || date.n >= sizeof(text))
        return -1;
    memcpy(text, date.p, date.n);
    text[date.n] = 0;
    if (!strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm))
        return -1;
    int64_t ms = (int64_t)timegm(&tm) * 1000 - clock_wall_ms();
    return ms < 0 ? 0 : ms < 86400000 ? ms : -1;
}

static int64_t retry_after_of(const struct http_head *head)
{
    double seconds;
    uint64_t ms;
    if (str_to_u64(http_field_get(head, S("retry-after-ms")), &ms) && ms < 86400000)
        return (int64_t)ms;
    str v = http_field_get(head, S("retry-after"));
    if (v.n && str_to_double(v, &seconds) && seconds >= 0 && seconds < 86400)
        return (int64_t)(seconds * 1000);
    return ms_until(v);
}

static void take_fields(struct call *c, const struct http_head *head)
{
    struct buf b;
    buf_init(&b, 8192);
    for (size_t i = 0; i < head->nfields; i++) {
        str name = head->fields[i].name, value = head->fields[i].value;
        if (str_ieq(name, S("x-request-id")) || str_ieq(name, S("request-id"))) {
            buf_add(&b, S("llm_provider-"));
            http_add_field(&b, name, value);
        } else if ((field_passes(name) ||
                    (c->op && c->op->pass && pass_returns_field(name, value, head->status))) &&
                   !deployment_leaks(c->dep, value)) {
            http_add_field(&b, name, value);
        }
    }
    if (b.n && !b.full)
        c->reply_fields = arena_dup(&c->x->arena, buf_str(&b));
    buf_done(&b);
}

static void on_head(struct client_call *cc, const struct http_head *head)
{
    struct call *c = of(cc);
    str type = http_field_get(head, S("content-type"));
    c->head_ns = clock_mono_ns();
    c->last_ms = exchange_now_ms(c->x);
    c->upstream_status = (uint16_t)head->status;
    c->html = str_istarts(type, S("text/html"));
    c->ndjson = c->out->framing == FRAMING_NDJSON || str_icontains(type, S("ndjson")) ||
                str_icontains(type, S("stream+json"));
    c->retry_after_ms = retry_after_of(head);
    take_fields(c, head);
    exchange_move(c->x, X_RELAY);
    if (head->status == 101) {
        tunnel_open(c, head);
        return;
    }
    if (c->upgrade && !c->op->pass)
        c->answer = ANSWER_ERROR;
    else if (c->op && c->op->pass)
        c->answer = ANSWER_RAW;
    else if (head->status < 200 || head->status >= 300)
        c->answer = ANSWER_ERROR;
    else if (c->op && !c->html && !c->op->whole && !str_istarts(type, S("application/json")))
        c->answer = ANSWER_RAW;
    else if (c->op)
        c->answer = ANSWER_WHOLE;
    else if (!c->up_stream || c->html || str_istarts(type, S("application/json")))
        c->answer = ANSWER_WHOLE;
    else
        c->answer = ANSWER_FRAMES;
    /* Nothing asks for a coding, but some upstreams use one all the same. */
    enum inflate_kind coding = inflate_kind_of(http_field_get(head, S("content-encoding")));
    if (coding == INFLATE_UNKNOWN) {
        struct chat_error err = upstream_error(
            c, 502, S("The upstream answered in a content coding that was not asked for."));
        c->answer = ANSWER_NONE;
        fail_answer(c, ROUTE_FAIL_MALFORMED, &err);
        return;
    }
    if (coding != INFLATE_NONE)
        c->inflate = inflate_new(coding, REPLY_BYTES_MAX);
    if (c->answer == ANSWER_FRAMES) {
        frames_init(c);
        return;
    }
    if (c->answer == ANSWER_RAW) {
        c->reply_type = arena_dup(&c->x->arena, type.n ? type : S("application/octet-stream"));
        return;
    }
    c->reply =
        server_take_buf(c->x->sw, c->answer == ANSWER_ERROR ? ERROR_BYTES_MAX : REPLY_BYTES_MAX);
    if (head->content_length > 0 && head->content_length < REPLY_BYTES_MAX)
        buf_room(&c->reply, (size_t)head->content_length);
}

/* A piece of the body, its coding undone. */
static void take_body(struct call *c, str bytes)
{
    struct sse_event ev;
    struct err e = { 0 };
    rc r = RC_OK;
    if (c->broken)
        return;
    if (c->answer == ANSWER_RAW) {
        note_first(c);
        buf_add(gather_frames(c), bytes);
        return;
    }
    if (c->answer != ANSWER_FRAMES) {
        buf_add(&c->reply, bytes);
        if (c->reply.full && c->answer == ANSWER_WHOLE) {
            struct chat_error err = upstream_error(c, 502, S("The upstream's answer is too long."));
            fail_answer(c, ROUTE_FAIL_MALFORMED, &err);
        }
        return;
    }
    for (;;) {
        r = next_frame(c, &bytes, &ev, &e);
        if (r.code == AGAIN)
            return;
        if (!FAILED(r))
            r = carry(c, &ev, &e);
        if (FAILED(r)) {
            struct chat_error err = upstream_error(c, 502, str_c(e.text));
            c->broken = true;
            call_keep_error(c, &err);
            return;
        }
    }
}

/* An error the stream itself brought. */
static bool stream_failed(struct call *c)
{
    if (c->broken)
        return true;
    return c->relay ? c->relay->failed : c->translation->stream.broken;
}

/* The stream is cut short by its own error: told in the client's way where the client has begun to
 * read an answer, else another attempt may follow. */
static void stream_error(struct call *c)
{
    struct exchange *x = c->x;
    struct buf *frames = gather_frames(c);
    struct chat_error err = c->relay && !c->broken ? c->relay->error : *c->last_error;
    chat_error_complete(&err, &x->arena);
    if (!client_has_content(c)) {
        buf_clear(frames);
        fail_answer(c, c->broken ? ROUTE_FAIL_MALFORMED : ROUTE_FAIL_STATUS, &err);
        return;
    }
    if (c->broken) { /* what was good before the bad frame, then our own error */
        flush_frames(c, frames, false);
        fail_answer(c, ROUTE_FAIL_MALFORMED, &err);
        return;
    }
    x->error = str_take(call_masked_error(c, &err).message, 1000);
    if (c->in_flight)
        client_cancel(&c->client);
    c->in_flight = false;
    call_attempt_broke(c, &err);
    deployment_mask(c->dep, buf_str(frames));
    flush_frames(c, frames, true); /* the error frame is in it */
    exchange_finish(x, true);
}

/* Frames go out. With the first ones the deployment has answered: no other attempt follows. */
static void send_frames(struct call *c, bool last)
{
    struct buf *frames = gather_frames(c);
    bool first = !c->committed;
    c->committed = true;
    if (first)
        call_attempt_ok(c);
    if (c->answer == ANSWER_RAW && c->upstream_status >= 400)
        deployment_mask(c->dep, buf_str(frames));
    flush_frames(c, frames, last);
    if (!first)
        return;
    call_drop_request(c);
    if (!last)
        call_arm(c); /* from now on it is silence that counts */
}

static void undo_coding(struct call *c, str bytes)
{
    struct buf *plain = &c->x->sw->inflated;
    struct err e = { 0 };
    buf_clear(plain);
    if (!FAILED(inflate_add(c->inflate, bytes, plain, &e))) {
        take_body(c, buf_str(plain));
        return;
    }
    struct chat_error err = upstream_error(c, 502, str_c(e.text));
    fail_answer(c, ROUTE_FAIL_MALFORMED, &err);
}

static void on_body(struct client_call *cc, str bytes)
{
    struct call *c = of(cc);
    c->last_ms = exchange_now_ms(c->x);
    if (c->inflate)
        undo_coding(c, bytes);
    else
        take_body(c, bytes);
}

static void on_read_done(struct client_call *cc)
{
    struct call *c = of(cc);
    struct buf *frames = gather_frames(c);
    if (c->answer != ANSWER_FRAMES && c->answer != ANSWER_RAW)
        return;
    if (c->answer == ANSWER_FRAMES && stream_failed(c)) {
        stream_error(c);
        return;
    }
    if (frames->n == 0)
        return;
    send_frames(c, false);
}

/* The stream's bytes are over. */
static void finish_frames(struct call *c)
{
    struct exchange *x = c->x;
    struct sse_event ev;
    struct err e = { 0 };
    if (!c->broken && !FAILED(last_frame(c, &ev, &e)) && FAILED(carry(c, &ev, &e))) {
        c->broken = true;
        struct chat_error err = upstream_error(c, 502, str_c(e.text));
        call_keep_error(c, &err);
    }
    bool complete = c->relay ? c->relay->finished
                             : c->out->read_end(c->translation->reader, &c->translation->stream.in);
    if (!complete && !stream_failed(c)) {
        c->broken = true;
        struct chat_error err = upstream_error(
            c, 502, S("The upstream broke off: its stream ended before it was finished."));
        call_keep_error(c, &err);
    }
    if (c->translation && !stream_failed(c))
        chat_stream_end(&c->translation->stream, true, (str){ 0 });
    if (stream_failed(c)) {
        stream_error(c);
        return;
    }
    left_out_learn(c);
    call_price(c);
    send_frames(c, true);
    exchange_finish(x, true);
}

static void on_end(struct client_call *cc)
{
    struct call *c = of(cc);
    struct err e = { 0 };
    c->in_flight = false;
    if (c->inflate && FAILED(inflate_end(c->inflate, &e))) {
        struct chat_error err = upstream_error(c, 502, str_c(e.text));
        fail_answer(c, ROUTE_FAIL_TRUNCATED, &err);
        return;
    }
    switch (c->answer) {
    case ANSWER_ERROR:
        finish_error(c);
        break;
    case ANSWER_WHOLE:
        finish_whole(c);
        break;
    case ANSWER_FRAMES:
        finish_frames(c);
        break;
    case ANSWER_RAW:
        call_price(c);
        send_frames(c, true);
        exchange_finish(c->x, true);
        break;
    case ANSWER_NONE:
        BUG_UNLESS(false);
    }
}

static void on_fail(struct client_call *cc, enum client_fail why, const struct err *err)
{
    static const struct {
        unsigned status;
        enum route_failure kind;
    } how[] = {
        [CLIENT_FAIL_DNS] = { 502, ROUTE_FAIL_CONNECT },
        [CLIENT_FAIL_FORBIDDEN] = { 502, ROUTE_FAIL_CONNECT },
        [CLIENT_FAIL_CONNECT] = { 502, ROUTE_FAIL_CONNECT },
        [CLIENT_FAIL_TLS] = { 502, ROUTE_FAIL_CONNECT },
        [CLIENT_FAIL_TIMEOUT] = { 408, ROUTE_FAIL_TIMEOUT },
        [CLIENT_FAIL_RESET] = { 502, ROUTE_FAIL_CONNECT },
        [CLIENT_FAIL_TRUNCATED] = { 502, ROUTE_FAIL_TRUNCATED },
        [CLIENT_FAIL_MALFORMED] = { 502, ROUTE_FAIL_MALFORMED },
    };
    struct call *c = of(cc);
    struct buf *frames = gather_frames(c);
    c->in_flight = false;
    /* A stream whose end mark was seen is complete, however its connection ends. */
    if (c->answer == ANSWER_FRAMES && c->relay && c->relay->finished && !c->broken) {
        finish_frames(c);
        return;
    }
    if (c->answer == ANSWER_FRAMES && client_has_content(c) && frames->n)
        flush_frames(c, frames, false);
    buf_clear(frames);
    struct chat_error e = upstream_error(c, how[why].status, str_c(err->text));
    fail_answer(c, how[why].kind, &e);
}

const struct client_ops call_client_ops = {
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
    .on_fail = on_fail,
    .on_read_done = on_read_done,
};

/* ---- the rest
 * ------------------------------------------------------------------------------------ */

/* The writer that signs of life are made with; NULL: none, as in a relay. */
static void *silent_writer(struct call *c)
{
    if (c->translation && c->in->opens_in_silence && !c->committed)
        c->opened = c->translation->writer; /* another attempt may follow */
    if (c->translation)
        return c->translation->writer;
    if (!c->opened && c->in->opens_in_silence && c->out && c->dep && !relays(c))
        c->opened = arena_alloc(&c->x->arena, c->in->writer_bytes + 1, 16, 1);
    return c->opened;
}

void answer_keepalive(struct call *c)
{
    struct buf *frames = gather_frames(c);
    struct dialect_ctx ctx;
    buf_clear(frames);
    if (!c->in->write_keepalive)
        return;
    if (c->relay && c->in->relay_keepalive) {
        c->in->relay_keepalive(c->relay, frames);
    } else {
        fill_ctx(c, &ctx);
        c->in->write_keepalive(silent_writer(c), frames, &ctx);
    }
    flush_frames(c, frames, false);
}

void answer_reset(struct call *c)
{
    answer_free(c);
    c->relay = NULL;
    c->translation = NULL;
    c->usage = &call_no_usage;
    c->retry_after_ms = -1;
    c->broken = c->html = c->wrote = c->paused = c->committed = false;
    buf_clear(gather_frames(c));
    c->reply_fields = (str){ 0 };
    c->upstream_status = 0;
}

void answer_free(struct call *c)
{
    frames_done(c);
    c->answer = ANSWER_NONE;
    inflate_free(c->inflate);
    c->inflate = NULL;
    server_give_buf(c->x->sw, &c->reply);
}
