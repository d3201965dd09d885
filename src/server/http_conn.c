#include "server/http_conn.h"

#include <malloc.h>

#include "base/mem.h"
#include "server/exchange.h"
#include "server/reply.h"
#include "server/server.h"

enum {
    IDLE_MS = 75 * 1000,  /* between requests (clients.md: SDK pools expect about this) */
    HEAD_MS = 30 * 1000,  /* from a request's first byte to the end of its head */
    STALL_MS = 60 * 1000, /* no progress while reading a body or writing an answer */
    LINGER_MS = 2 * 1000, /* reading on after a refusal, so that it is not lost to a reset */
    HELD_BYTES_MAX = 64 * 1024,
    TRIM_CONNS = 256, /* so many must have been there for it to be worth while */
    TRIM_MS = 1000,
};

enum phase { PHASE_IDLE, PHASE_HEAD, PHASE_BODY, PHASE_ANSWER, PHASE_TUNNEL, PHASE_LINGER };

static void on_read(struct conn *c, str bytes);
static void on_eof(struct conn *c);
static void on_drain(struct conn *c);
static void on_error(struct conn *c, const struct err *err);
static void on_closed(struct conn *c);
static void on_open(struct conn *c);

static const struct conn_ops ops = {
    .on_open = on_open,
    .on_read = on_read,
    .on_eof = on_eof,
    .on_drain = on_drain,
    .on_error = on_error,
    .on_closed = on_closed,
};

static struct http_conn *of(struct conn *c)
{
    return CONTAINER_OF(c, struct http_conn, conn);
}

static void close_now(struct http_conn *hc)
{
    if (conn_is_closing(&hc->conn))
        return;
    deadline_clear(&hc->sw->w.deadlines, &hc->deadline);
    conn_close(&hc->conn);
}

/* ---- deadlines ------------------------------------------------------------------------------- */

static void expired(struct deadline *d);

static void arm(struct http_conn *hc, enum phase phase, uint64_t ms)
{
    hc->phase = (uint8_t)phase;
    hc->progress_ms = worker_now_ms(&hc->sw->w);
    deadline_set(&hc->sw->w.deadlines, &hc->deadline, ms, expired);
}

static void refuse(struct http_conn *hc, unsigned status, const char *why);

/* Progress only stamps progress_ms; the deadline looks at it when it fires and sleeps on. Of what
 * is queued a slow reader may take a part at a time, which nobody tells: it is seen here. */
static bool stalled(struct http_conn *hc)
{
    size_t unsent = conn_unsent(&hc->conn);
    if (unsent < hc->unsent)
        hc->progress_ms = worker_now_ms(&hc->sw->w);
    hc->unsent = unsent;
    uint64_t idle = worker_now_ms(&hc->sw->w) - hc->progress_ms;
    if (idle >= STALL_MS)
        return true;
    deadline_set(&hc->sw->w.deadlines, &hc->deadline, STALL_MS - idle, expired);
    return false;
}

static void client_left(struct http_conn *hc)
{
    struct exchange *x = hc->x;
    hc->x = NULL;
    if (x)
        exchange_client_gone(x);
    close_now(hc);
}

static void expired(struct deadline *d)
{
    struct http_conn *hc = CONTAINER_OF(d, struct http_conn, deadline);
    switch ((enum phase)hc->phase) {
    case PHASE_HEAD:
        refuse(hc, 408, "the request head took too long");
        break;
    case PHASE_BODY:
        if (stalled(hc))
            client_left(hc);
        break;
    case PHASE_ANSWER:
    case PHASE_TUNNEL:
        if (conn_queued(&hc->conn) == 0) /* we wait for the upstream, not for the client */
            hc->progress_ms = worker_now_ms(&hc->sw->w);
        if (stalled(hc))
            client_left(hc);
        break;
    case PHASE_IDLE:
    case PHASE_LINGER: /* the end of the answer may still be on its way */
        if (conn_queued(&hc->conn) == 0 || stalled(hc))
            close_now(hc);
        break;
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static void link_conn(struct http_conn *hc)
{
    struct server_worker *sw = hc->sw;
    hc->next = sw->conns;
    hc->link = &sw->conns;
    if (hc->next)
        hc->next->link = &hc->next;
    sw->conns = hc;
    sw->nconns++;
    if (sw->nconns > sw->peak_conns)
        sw->peak_conns = sw->nconns;
    stat_add(sw->server->stats.connections, 1);
}

static void free_held(struct buf *held)
{
    if (held)
        buf_done(held);
    mem_free(held);
}

/* Requests that came too early wait here. */
static void hold(struct http_conn *hc, str in)
{
    if (!hc->held) {
        hc->held = mem_alloc(sizeof(*hc->held));
        buf_init(hc->held, HELD_BYTES_MAX + WORKER_READ_BYTES);
    }
    buf_add(hc->held, in);
}

/* After a crowd has left, what it used goes back to the system: malloc alone would keep it. */
static void trim(struct deadline *d)
{
    struct server_worker *sw = CONTAINER_OF(d, struct server_worker, trim);
    sw->peak_conns = sw->nconns;
    malloc_trim(0);
}

static void note_leaving(struct server_worker *sw)
{
    if (sw->peak_conns > TRIM_CONNS && sw->nconns < sw->peak_conns / 4 && !sw->draining &&
        !deadline_is_set(&sw->trim))
        deadline_set(&sw->w.deadlines, &sw->trim, TRIM_MS, trim);
}

static void on_closed(struct conn *c)
{
    struct http_conn *hc = of(c);
    struct server_worker *sw = hc->sw;
    *hc->link = hc->next;
    if (hc->next)
        hc->next->link = hc->link;
    sw->nconns--;
    note_leaving(sw);
    stat_add(sw->server->stats.connections, -1);
    http1_done(&hc->parser);
    free_held(hc->held);
    mem_free(hc);
}

void http_conn_accept(struct server_worker *sw)
{
    struct http_conn *hc = mem_zalloc(sizeof(*hc));
    hc->sw = sw;
    http1_init(&hc->parser, HTTP1_REQUESTS);
    link_conn(hc);
    arm(hc, PHASE_HEAD, HEAD_MS);
    conn_accept(&hc->conn, &sw->w, (uv_stream_t *)&sw->listener.tcp, sw->server->opt.tls, &ops);
}

static void on_open(struct conn *c)
{
    struct http_conn *hc = of(c);
    if (hc->sw->nconns > hc->sw->server->opt.conns_max) {
        refuse(hc, 503, "too many connections");
        return;
    }
    conn_read_start(c);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Answers without an exchange (there is no request to speak of) and closes, but reads on for a
 * moment: closing with unread bytes resets the connection and may take the answer with it. */
static void refuse(struct http_conn *hc, unsigned status, const char *why)
{
    struct buf *out = &hc->sw->out;
    struct exchange *x = hc->x;
    if (status == 400)
        stat_add(hc->sw->server->stats.bad_requests, 1);
    if (x) { /* the body went wrong: the exchange answers in its caller's dialect */
        hc->keep_alive = false;
        exchange_refuse(x, status, why);
        return;
    }
    buf_clear(out);
    reply_bare_error(hc->sw, out, status, str_c(why));
    str piece = buf_str(out);
    conn_write(&hc->conn, &piece, 1);
    conn_shutdown(&hc->conn);
    hc->discarding = true;
    arm(hc, PHASE_LINGER, LINGER_MS);
}

/* The parse loop: until the bytes are used up or an exchange is waiting. */
static void feed(struct http_conn *hc, str in)
{
    struct http_head *head = &hc->sw->head;
    struct err e = { 0 };
    str body;
    hc->feeding = true;
    while (!conn_is_closing(&hc->conn) && !hc->discarding) {
        if (hc->x && hc->request_done) { /* pipelined */
            if (in.n)
                hold(hc, in);
            break;
        }
        switch (http1_next(&hc->parser, &in, head, &body, &e)) {
        case HTTP1_MORE:
            if (!hc->x && hc->phase == PHASE_IDLE && !http1_idle(&hc->parser))
                arm(hc, PHASE_HEAD, HEAD_MS);
            goto out;
        case HTTP1_HEAD:
            hc->request_done = false;
            hc->keep_alive = head->keep_alive && !hc->sw->draining;
            arm(hc, PHASE_BODY, STALL_MS);
            hc->x = exchange_new(hc, head);
            exchange_head(hc->x, head);
            break;
        case HTTP1_BODY:
            hc->progress_ms = worker_now_ms(&hc->sw->w);
            if (hc->x)
                exchange_body(hc->x, body);
            break;
        case HTTP1_END:
            hc->request_done = true;
            hc->phase = PHASE_ANSWER;
            if (hc->x)
                exchange_request_end(hc->x);
            break;
        case HTTP1_BAD:
            refuse(hc, http1_code(&hc->parser) == E_LIMIT ? 431 : 400, e.text);
            goto out;
        }
    }
out:
    hc->feeding = false;
    if (hc->x && hc->held && hc->held->n > HELD_BYTES_MAX && !hc->paused)
        http_conn_pause(hc);
}

static void on_read(struct conn *c, str bytes)
{
    struct http_conn *hc = of(c);
    if (hc->discarding)
        return;
    if (hc->phase == PHASE_TUNNEL)
        exchange_tunnel_bytes(hc->x, bytes);
    else
        feed(hc, bytes);
}

static void on_eof(struct conn *c)
{
    struct http_conn *hc = of(c);
    if (hc->phase == PHASE_TUNNEL)
        exchange_tunnel_eof(hc->x);
    else /* as nginx does: a client that closes its sending side has left */
        client_left(hc);
}

static void on_error(struct conn *c, const struct err *err)
{
    client_left(of(c));
}

/* ---- writing --------------------------------------------------------------------------------- */

static void on_drain(struct conn *c)
{
    struct http_conn *hc = of(c);
    hc->progress_ms = worker_now_ms(&hc->sw->w);
    if (hc->x)
        exchange_client_drained(hc->x);
}

void http_conn_write(struct http_conn *hc, const str *pieces, size_t n)
{
    if (conn_is_closing(&hc->conn))
        return;
    if (conn_queued(&hc->conn) == 0)
        hc->progress_ms = worker_now_ms(&hc->sw->w);
    conn_write(&hc->conn, pieces, n);
    hc->unsent = conn_unsent(&hc->conn);
}

str http_conn_peer(struct http_conn *hc, char other[64])
{
    if (hc->peer_n == 0) {
        str peer = conn_peer(&hc->conn, other);
        if (peer.n == 0 || peer.n > sizeof(hc->peer))
            return peer; /* IPv6 is asked for each time */
        hc->peer_n = (uint8_t)peer.n;
        memcpy(hc->peer, peer.p, peer.n);
    }
    return (str){ hc->peer, hc->peer_n };
}

size_t http_conn_queued(const struct http_conn *hc)
{
    return conn_queued(&hc->conn);
}

void http_conn_pause(struct http_conn *hc)
{
    hc->paused = true;
    conn_read_stop(&hc->conn);
}

void http_conn_resume(struct http_conn *hc)
{
    if (!hc->paused)
        return;
    hc->paused = false;
    conn_read_start(&hc->conn);
}

void http_conn_tunnel(struct http_conn *hc)
{
    struct buf *held = hc->held;
    BUG_UNLESS(!hc->feeding && hc->request_done);
    arm(hc, PHASE_TUNNEL, STALL_MS);
    http_conn_resume(hc);
    hc->held = NULL;
    if (held)
        exchange_tunnel_bytes(hc->x, buf_str(held));
    free_held(held);
}

static void next_request(struct http_conn *hc)
{
    arm(hc, PHASE_IDLE, IDLE_MS);
    http_conn_resume(hc);
    if (hc->held && !hc->feeding) {
        struct buf *held = hc->held;
        hc->held = NULL;
        feed(hc, buf_str(held));
        free_held(held);
    }
}

/* What is queued still goes out; the connection closes behind it. */
static void close_behind(struct http_conn *hc)
{
    conn_shutdown(&hc->conn);
    hc->discarding = true;
    http_conn_resume(hc);
    arm(hc, PHASE_LINGER, conn_queued(&hc->conn) ? STALL_MS : LINGER_MS);
}

void http_conn_finish(struct http_conn *hc, bool keep)
{
    hc->x = NULL;
    if (conn_is_closing(&hc->conn))
        return;
    if (keep && hc->keep_alive && hc->request_done && !hc->sw->draining) {
        next_request(hc);
        return;
    }
    close_behind(hc);
}

void http_conn_abort(struct http_conn *hc)
{
    hc->x = NULL;
    close_now(hc);
}

void http_conn_drain(struct http_conn *hc)
{
    if (!hc->x && !hc->discarding && http1_idle(&hc->parser)) {
        if (conn_queued(&hc->conn))
            close_behind(hc);
        else
            close_now(hc);
    }
    hc->keep_alive = false;
}

void http_conn_cut(struct http_conn *hc)
{
    if (hc->phase == PHASE_TUNNEL)
        exchange_tunnel_cut(hc->x);
    client_left(hc);
}
