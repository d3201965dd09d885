/* peer.h - a scripted upstream on the test's own loop, and calls that write down what they see. */
#ifndef TESTS_UNIT_NET_PEER_H
#define TESTS_UNIT_NET_PEER_H

#include "check.h"

#include "base/mem.h"
#include "net/client.h"
#include "net/conn.h"
#include "net/listener.h"
#include "net/tls.h"

enum { PEER_CONNS_MAX = 64 };

struct peer_conn {
    struct conn conn;
    struct peer *peer;
    struct buf got;    /* not yet taken by on_data */
    unsigned index;    /* in order of accepting */
    unsigned requests; /* for the script */
    bool eof, failed, closed, resumed;
};

struct peer {
    struct listener listener;
    struct worker *w;
    struct tls_context *tls;
    /* The script: called with everything in pc->got whenever more has come. */
    void (*on_data)(struct peer_conn *pc);
    void (*on_accept)(struct peer_conn *pc); /* may be NULL */
    struct peer_conn *conns[PEER_CONNS_MAX];
    unsigned n;
};

static inline void peer_write(struct peer_conn *pc, str s)
{
    conn_write(&pc->conn, &s, 1);
}

static inline void peer_on_open(struct conn *c)
{
    struct peer_conn *pc = CONTAINER_OF(c, struct peer_conn, conn);
    conn_read_start(c);
    if (pc->peer->on_accept)
        pc->peer->on_accept(pc);
}

static inline void peer_on_read(struct conn *c, str bytes)
{
    struct peer_conn *pc = CONTAINER_OF(c, struct peer_conn, conn);
    buf_add(&pc->got, bytes);
    if (pc->peer->on_data)
        pc->peer->on_data(pc);
}

static inline void peer_on_eof(struct conn *c)
{
    CONTAINER_OF(c, struct peer_conn, conn)->eof = true;
    conn_close(c);
}

static inline void peer_on_drain(struct conn *c)
{
    (void)c;
}

static inline void peer_on_error(struct conn *c, const struct err *err)
{
    (void)err;
    CONTAINER_OF(c, struct peer_conn, conn)->failed = true;
    conn_close(c);
}

static inline void peer_on_closed(struct conn *c)
{
    CONTAINER_OF(c, struct peer_conn, conn)->closed = true;
}

static const struct conn_ops peer_ops = { peer_on_open,  peer_on_read,  peer_on_eof,
                                          peer_on_drain, peer_on_error, peer_on_closed };

static inline void peer_on_connection(struct listener *l)
{
    struct peer *p = CONTAINER_OF(l, struct peer, listener);
    struct peer_conn *pc = mem_zalloc(sizeof(*pc));
    assert_true(p->n < PEER_CONNS_MAX);
    pc->peer = p;
    pc->index = p->n;
    buf_init(&pc->got, SIZE_MAX / 2);
    p->conns[p->n++] = pc;
    conn_accept(&pc->conn, p->w, (uv_stream_t *)&l->tcp, p->tls, &peer_ops);
}

static inline void peer_open(struct peer *p, struct worker *w, void (*on_data)(struct peer_conn *))
{
    struct err e;
    *p = (struct peer){ .w = w, .on_data = on_data };
    CHECK_OK(listener_open(&p->listener, w, S("127.0.0.1"), 0, peer_on_connection, &e), &e);
}

static inline struct origin peer_origin(const struct peer *p)
{
    struct origin o = { .host = S("127.0.0.1"), .port = listener_port(&p->listener) };
    o.hash = origin_hash(o.host, o.port, o.tls);
    return o;
}

static inline void peer_close(struct peer *p)
{
    listener_close(&p->listener, NULL);
    for (unsigned i = 0; i < p->n; i++)
        conn_close(&p->conns[i]->conn);
}

/* After the loop has run out. */
static inline void peer_free(struct peer *p)
{
    for (unsigned i = 0; i < p->n; i++) {
        assert_true(p->conns[i]->closed);
        buf_done(&p->conns[i]->got);
        mem_free(p->conns[i]);
    }
}

/* True once a whole request (head, and n bytes of body) has come; takes it out. */
static inline bool peer_take_request(struct peer_conn *pc, size_t body_bytes)
{
    str all = buf_str(&pc->got);
    for (size_t i = 0; i + 4 <= all.n; i++) {
        if (memcmp(all.p + i, "\r\n\r\n", 4) == 0) {
            if (all.n - i - 4 < body_bytes)
                return false;
            buf_drop(&pc->got, i + 4 + body_bytes);
            pc->requests++;
            return true;
        }
    }
    return false;
}

/* ---- calls ---- */

struct call {
    struct client_call c;
    struct client_request request;
    struct origin origin;
    unsigned heads, ends, fails, read_dones, drains;
    unsigned status;
    enum client_fail why;
    struct err err;
    struct buf body;
    unsigned pieces;
    bool cancel_at_head, cancel_at_body, pause_at_body;
    struct call *then; /* started from on_end, to the same origin */
};

static const struct client_ops call_ops;

static inline void call_start(struct client *cl, struct call *k, struct origin o, str request)
{
    if (!k->body.max)
        buf_init(&k->body, SIZE_MAX / 2);
    k->origin = o;
    k->request.origin = &k->origin;
    if (request.n) {
        k->request.pieces[0] = request;
        k->request.npieces = 1;
    }
    client_start(cl, &k->c, &k->request, &call_ops);
    assert_int_equal(k->heads + k->ends + k->fails, 0); /* nothing from inside */
}

static inline void call_on_head(struct client_call *c, const struct http_head *head)
{
    struct call *k = CONTAINER_OF(c, struct call, c);
    k->heads++;
    k->status = head->status;
    if (k->cancel_at_head)
        client_cancel(c);
}

static inline void call_on_body(struct client_call *c, str bytes)
{
    struct call *k = CONTAINER_OF(c, struct call, c);
    buf_add(&k->body, bytes);
    k->pieces++;
    if (k->cancel_at_body)
        client_cancel(c);
    if (k->pause_at_body)
        client_pause(c);
}

static inline void call_on_end(struct client_call *c)
{
    struct call *k = CONTAINER_OF(c, struct call, c);
    k->ends++;
    if (k->then)
        call_start(c->client, k->then, k->origin, k->request.pieces[0]);
}

static inline void call_on_fail(struct client_call *c, enum client_fail why, const struct err *err)
{
    struct call *k = CONTAINER_OF(c, struct call, c);
    k->fails++;
    k->why = why;
    k->err = *err;
}

static inline void call_on_drain(struct client_call *c)
{
    CONTAINER_OF(c, struct call, c)->drains++;
}

static inline void call_on_read_done(struct client_call *c)
{
    CONTAINER_OF(c, struct call, c)->read_dones++;
}

static const struct client_ops call_ops = { call_on_head, call_on_body,  call_on_end,
                                            call_on_fail, call_on_drain, call_on_read_done };

static inline bool call_is_over(const struct call *k)
{
    return k->ends + k->fails > 0;
}

static inline void on_guard(uv_timer_t *t)
{
    (void)t;
    fail_msg("nothing happened in time");
}

static inline void on_pulse(uv_timer_t *t)
{
    (void)t;
}

/* Runs the loop until cond, failing after 10 s. */
#define RUN_UNTIL(w, cond)                           \
    do {                                             \
        uv_timer_t guard_;                           \
        uv_timer_init(&(w)->loop, &guard_);          \
        uv_timer_start(&guard_, on_guard, 10000, 0); \
        while (!(cond))                              \
            uv_run(&(w)->loop, UV_RUN_ONCE);         \
        uv_close((uv_handle_t *)&guard_, NULL);      \
        uv_run(&(w)->loop, UV_RUN_NOWAIT);           \
        uv_run(&(w)->loop, UV_RUN_NOWAIT);           \
    } while (0)

static inline void run_for(struct worker *w, uint64_t ms)
{
    uv_timer_t pulse;
    uv_timer_init(&w->loop, &pulse);
    uv_timer_start(&pulse, on_pulse, 2, 2);
    uv_update_time(&w->loop);
    for (uint64_t end = uv_now(&w->loop) + ms; uv_now(&w->loop) < end;)
        uv_run(&w->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&pulse, NULL);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    uv_run(&w->loop, UV_RUN_NOWAIT);
}

/* Ends everything and checks that it ends. */
static inline void wind_up(struct worker *w, struct client *cl, struct peer *p)
{
    if (p)
        peer_close(p);
    client_free(cl);
    worker_stop(w);
    worker_run(w);
    worker_done(w);
    if (p)
        peer_free(p);
}

#endif
