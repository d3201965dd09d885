#include "server/tunnel.h"

#include "base/clock.h"
#include "dialect/realtime_usage.h"
#include "server/realtime.h"
#include "server/reply.h"

enum {
    QUEUE_HIGH_BYTES = 64 * 1024,
    LINGER_MS = 2 * 1000, /* how long a side that we have told goodbye may take to go */
};

struct tunnel {
    struct ws_reader client, upstream; /* of what they send */
    struct realtime_usage events;
    struct chat_usage usage;
    uint64_t active_ms;            /* when bytes last came */
    size_t unsent;                 /* to the upstream, at the last look while it is shut */
    bool client_bye, upstream_bye; /* they have sent a Close */
    bool shut;                     /* the upstream has been told that no more comes */
    bool closing;                  /* we end it: nothing is passed on any more */
};

static struct call *of(struct client_call *cc)
{
    return CONTAINER_OF(cc, struct call, client);
}

/* ---- the end -------------------------------------------------------------------------------- */

static void finish(struct call *c)
{
    struct exchange *x = c->x;
    exchange_finish(x, ws_between_frames(&c->tunnel->upstream));
}

static void due(struct deadline *d);

static void arm(struct call *c, uint64_t ms)
{
    deadline_set(&c->x->sw->w.deadlines, &c->x->deadline, ms, due);
}

/* No more goes to the upstream, which gets what is queued and a moment to end as well. */
static void shut_upstream(struct call *c)
{
    struct tunnel *t = c->tunnel;
    t->shut = true;
    client_shutdown(&c->client);
    client_resume(&c->client); /* its end has to be seen */
    t->unsent = client_unsent(&c->client);
    arm(c, LINGER_MS);
}

static void say_bye_to_client(struct call *c, enum ws_close_code code, str why)
{
    char frame[WS_CLOSE_BYTES_MAX];
    if (c->tunnel->upstream_bye || !ws_between_frames(&c->tunnel->upstream))
        return;
    str piece = { frame, ws_write_close(frame, code, why, NULL) };
    exchange_write(c->x, &piece, 1);
}

static void say_bye_to_upstream(struct call *c, enum ws_close_code code, str why)
{
    char frame[WS_CLOSE_BYTES_MAX];
    unsigned char mask[4];
    uint64_t r = server_random(c->x->sw);
    memcpy(mask, &r, sizeof(mask));
    if (c->tunnel->client_bye || !ws_between_frames(&c->tunnel->client))
        return;
    str piece = { frame, ws_write_close(frame, code, why, mask) };
    client_send(&c->client, &piece, 1);
}

static void close_both(struct call *c, enum ws_close_code code, const char *why)
{
    struct exchange *x = c->x;
    c->tunnel->closing = true;
    x->error = arena_dup(&x->arena, str_c(why));
    say_bye_to_client(c, code, x->error);
    say_bye_to_upstream(c, code, x->error);
    http_conn_resume(x->hc);
    shut_upstream(c);
}

/* ---- time ----------------------------------------------------------------------------------- */

static uint64_t idle_ms(const struct call *c)
{
    const struct model_entry *e = c->dep->entry;
    return e && e->stream_idle_ms > 0 ? (uint64_t)e->stream_idle_ms : 0;
}

static void due(struct deadline *d)
{
    struct call *c = CONTAINER_OF(d, struct exchange, deadline)->call;
    struct tunnel *t = c->tunnel;
    uint64_t idle = exchange_now_ms(c->x) - t->active_ms;
    if (t->shut) {
        size_t unsent = client_unsent(&c->client);
        if (unsent == 0 || unsent >= t->unsent) {
            finish(c);
            return;
        }
        t->unsent = unsent;
        arm(c, LINGER_MS);
    } else if (idle >= idle_ms(c)) {
        close_both(c, WS_GOING_AWAY, "the session was silent for its stream_idle_timeout");
    } else {
        arm(c, idle_ms(c) - idle);
    }
}

/* ---- passing on ----------------------------------------------------------------------------- */

static void count_tokens(struct call *c)
{
    struct tunnel *t = c->tunnel;
    struct chat_usage u;
    if (!realtime_usage_end(&t->events, &u))
        return;
    struct price price = deployment_price(c->dep, c->step.model);
    int64_t cost = price_cost_nanousd(&price, &u), sum = c->cost_nanousd > 0 ? c->cost_nanousd : 0;
    realtime_usage_add(&t->usage, &u);
    if (cost >= 0 && !__builtin_add_overflow(sum, cost, &sum))
        c->cost_nanousd = sum;
}

static void look_at(struct call *c, const struct ws_reader *r, const struct ws_piece *p)
{
    struct tunnel *t = c->tunnel;
    bool from_upstream = r == &t->upstream;
    if (p->opcode == WS_CLOSE)
        *(from_upstream ? &t->upstream_bye : &t->client_bye) = true;
    if (!from_upstream || p->opcode != WS_TEXT)
        return;
    realtime_usage_feed(&t->events, p->payload, p->first);
    if (p->last)
        count_tokens(c);
}

/* One read of one side. `before` gets the part of a frame's head that earlier reads brought;
 * ret_pieces, which point there and into `in`, what may go on now. */
static rc watch(struct call *c, struct ws_reader *r, str in, char before[WS_HEAD_BYTES_MAX],
                str ret_pieces[2], struct err *e)
{
    size_t held = ws_held(r);
    str all = in;
    struct ws_piece piece;
    enum ws_event ev;
    memcpy(before, r->head, held);
    c->tunnel->active_ms = exchange_now_ms(c->x);
    while ((ev = ws_next(r, &in, &piece, e)) == WS_PIECE)
        look_at(c, r, &piece);
    size_t n = held + all.n - in.n - ws_held(r);
    ret_pieces[0] = str_take((str){ before, held }, n);
    ret_pieces[1] = str_take(all, n > held ? n - held : 0);
    return ev == WS_BAD ? RC(E_SYNTAX) : RC_OK;
}

static void protocol_error(struct call *c, const char *who, const struct err *e)
{
    char text[sizeof(e->text) + 16];
    snprintf(text, sizeof(text), "%s: %s", who, e->text);
    close_both(c, WS_PROTOCOL_ERROR, text);
}

void tunnel_client_bytes(struct call *c, str bytes)
{
    struct tunnel *t = c->tunnel;
    char before[WS_HEAD_BYTES_MAX];
    str pieces[2];
    struct err e;
    if (t->shut)
        return;
    rc r = watch(c, &t->client, bytes, before, pieces, &e);
    client_send(&c->client, pieces, 2);
    if (FAILED(r))
        protocol_error(c, "the client", &e);
    else if (client_queued(&c->client) > QUEUE_HIGH_BYTES)
        http_conn_pause(c->x->hc);
}

static void on_upstream_bytes(struct client_call *cc, str bytes)
{
    struct call *c = of(cc);
    struct tunnel *t = c->tunnel;
    struct exchange *x = c->x;
    char before[WS_HEAD_BYTES_MAX];
    str pieces[2];
    struct err e;
    rc r = watch(c, &t->upstream, bytes, before, pieces, &e);
    if (t->closing)
        return; /* but tokens count to the last */
    if (!x->first_ns)
        x->first_ns = clock_mono_ns();
    exchange_write(x, pieces, 2);
    if (FAILED(r))
        protocol_error(c, "the upstream", &e);
    else if (http_conn_queued(x->hc) > QUEUE_HIGH_BYTES)
        client_pause(cc);
}

static void on_upstream_drain(struct client_call *cc)
{
    http_conn_resume(of(cc)->x->hc);
}

void tunnel_client_drained(struct call *c)
{
    client_resume(&c->client);
}

/* ---- each side's end ------------------------------------------------------------------------ */

static void upstream_ended(struct call *c, str why)
{
    struct tunnel *t = c->tunnel;
    struct exchange *x = c->x;
    c->in_flight = false;
    if (!t->upstream_bye && !t->shut) {
        struct chat_error err = { .status = 502, .message = why, .retry_after_ms = -1 };
        x->error = call_masked_error(c, &err).message;
        call_attempt_broke(c, &err);
        say_bye_to_client(c, WS_INTERNAL_ERROR, S("the upstream closed the connection"));
    }
    finish(c);
}

static void on_upstream_end(struct client_call *cc)
{
    upstream_ended(of(cc), S("The upstream closed the connection without a Close frame."));
}

static void on_upstream_fail(struct client_call *cc, enum client_fail why, const struct err *err)
{
    upstream_ended(of(cc), str_c(err->text));
}

void tunnel_client_eof(struct call *c)
{
    struct tunnel *t = c->tunnel;
    struct exchange *x = c->x;
    if (!t->client_bye && !t->closing) {
        stat_add(x->sw->server->stats.client_gone, 1);
        x->error = S("The client left without a Close frame.");
    }
    if (t->shut || (!t->client_bye && client_queued(&c->client) == 0))
        exchange_finish(x, false); /* the upstream is cancelled with it */
    else
        shut_upstream(c);
}

void tunnel_cut(struct call *c)
{
    struct tunnel *t = c->tunnel;
    str why = S("the gateway is stopping");
    if (t->closing)
        return;
    t->closing = true;
    c->x->error = why;
    say_bye_to_client(c, WS_GOING_AWAY, why);
    if (!t->shut)
        say_bye_to_upstream(c, WS_GOING_AWAY, why);
}

void tunnel_free(struct call *c)
{
    if (c->tunnel)
        realtime_usage_done(&c->tunnel->events);
}

/* ---- the beginning -------------------------------------------------------------------------- */

static const struct client_ops tunnel_ops = {
    .on_body = on_upstream_bytes,
    .on_end = on_upstream_end,
    .on_fail = on_upstream_fail,
    .on_drain = on_upstream_drain,
};

static void answer_client(struct call *c, str protocol)
{
    struct exchange *x = c->x;
    struct buf *out = &x->sw->out;
    buf_clear(out);
    reply_begin(x, out, 101);
    buf_add(out, S("upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: "));
    buf_add(out, (str){ x->asked->offer->accept, WS_ACCEPT_BYTES });
    buf_add(out, S("\r\n"));
    if (protocol.n)
        reply_field(out, S("sec-websocket-protocol"), protocol);
    buf_add(out, S("\r\n"));
    str piece = buf_str(out);
    x->started = true;
    exchange_write(x, &piece, 1);
}

static struct tunnel *tunnel_new(struct call *c)
{
    struct tunnel *t = NEW(&c->x->arena, struct tunnel, 1);
    ws_init(&t->client, true);
    ws_init(&t->upstream, false);
    realtime_usage_init(&t->events, c->x->asked->offer->transcribes);
    t->usage = CHAT_USAGE_NONE;
    t->active_ms = exchange_now_ms(c->x);
    c->usage = &t->usage;
    return t;
}

void tunnel_open(struct call *c, const struct http_head *head)
{
    struct exchange *x = c->x;
    struct err e;
    str protocol;
    rc r = realtime_check_switch(c, head, &protocol, &e);
    if (FAILED(r)) {
        struct chat_error err = { .status = 502,
                                  .kind = ERR_BAD_GATEWAY,
                                  .message = str_c(e.text),
                                  .type = S("internal_server_error"),
                                  .retry_after_ms = -1 };
        c->in_flight = false;
        client_cancel(&c->client);
        call_attempt_failed(c, ROUTE_FAIL_MALFORMED, &err);
        return;
    }
    call_attempt_ok(c);
    answer_client(c, protocol);
    c->tunnel = tunnel_new(c);
    c->client.ops = &tunnel_ops;
    c->stream = c->committed = c->counted_stream = true;
    stat_add(x->sw->server->stats.streams, 1);
    exchange_move(x, X_TUNNEL);
    call_drop_request(c);
    if (idle_ms(c))
        arm(c, idle_ms(c));
    else
        deadline_clear(&x->sw->w.deadlines, &x->deadline);
    http_conn_tunnel(x->hc);
}
