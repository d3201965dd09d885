#include "net/client.h"

#include "base/mem.h"
#include "net/pool.h"

enum {
    IDLE_MS = 60 * 1000,
    IDLE_MAX = 256,
    /* libuv takes 1024 events a time from the kernel: with fewer reads than this, a turn was surely
     * one batch. */
    BATCH_READS = 1000,
};

struct client *client_new(struct worker *w, const struct client_limits *limits)
{
    struct client *cl = mem_zalloc(sizeof(*cl));
    cl->worker = w;
    if (limits)
        cl->limits = *limits;
    if (!cl->limits.idle_ms)
        cl->limits.idle_ms = IDLE_MS;
    if (!cl->limits.idle_max)
        cl->limits.idle_max = IDLE_MAX;
    cl->dns = dns_new(w);
    return cl;
}

void client_free(struct client *cl)
{
    if (!cl)
        return;
    for (size_t i = 0; i < POOL_BUCKETS; i++) {
        while (cl->buckets[i]) {
            struct pool *p = cl->buckets[i];
            cl->buckets[i] = p->next;
            pool_free(p);
        }
    }
    dns_free(cl->dns);
    mem_free(cl);
}

struct worker *client_worker(const struct client *cl)
{
    return cl->worker;
}

/* ---- sending ---- */

static size_t request_bytes(const struct client_request *r)
{
    size_t n = 0;
    for (uint8_t i = 0; i < r->npieces; i++)
        n += r->pieces[i].n;
    return n;
}

/* Gives conn what it takes of the request; goes on at on_drain. */
static void send_more(struct upstream_conn *u)
{
    const struct client_request *r = u->call->request;
    u->sent += conn_write_some(&u->conn, r->pieces, r->npieces, u->sent);
    if (u->sent == request_bytes(r) && !r->streaming)
        u->flags |= U_WRITTEN;
}

void upstream_send(struct upstream_conn *u, str early)
{
    struct client_call *call = u->call;
    call->state = CALL_SENT;
    u->sent = 0;
    u->sent_turn = u->pool->client->worker->turn;
    u->flags &= U_REUSED;
    if (call->request->streaming)
        u->flags |= U_STREAMING;
    if (call->send_done)
        u->flags |= U_WRITTEN;
    if (call->request->head_method)
        http1_expect_no_body(&u->parser);
    if (call->paused)
        conn_read_stop(&u->conn);
    else
        conn_read_start(&u->conn);
    send_more(u);
    if (early.n) {
        client_send(call, &early, 1);
        if (conn_queued(&u->conn) == 0 && call->ops->on_drain)
            call->ops->on_drain(call);
    }
}

void client_start(struct client *cl, struct client_call *call, const struct client_request *request,
                  const struct client_ops *ops)
{
    struct pool *p = pool_of(cl, request->origin);
    struct upstream_conn *u = pool_take(p);
    *call = (struct client_call){ .ops = ops, .client = cl, .request = request };
    if (!u) {
        connect_begin(call, p);
        return;
    }
    call->conn = u;
    call->reused = true;
    u->call = call;
    u->flags = U_REUSED;
    upstream_send(u, S(""));
}

/* The rest of the pieces, which must go before what client_send brings: copied where need be. */
static void send_rest(struct upstream_conn *u)
{
    const struct client_request *r = u->call->request;
    size_t skip = u->sent;
    if (u->call->state != CALL_SENT)
        return; /* all of it went before the head came */
    for (uint8_t i = 0; i < r->npieces; i++) {
        str rest = str_skip(r->pieces[i], skip);
        skip -= skip < r->pieces[i].n ? skip : r->pieces[i].n;
        if (rest.n)
            conn_write(&u->conn, &rest, 1);
        u->sent += rest.n;
    }
}

void client_send(struct client_call *call, const str *pieces, size_t n)
{
    if (call->connecting) {
        connect_keep(call, pieces, n);
    } else if (call->conn && !(call->conn->flags & U_EARLY)) {
        send_rest(call->conn);
        conn_write(&call->conn->conn, pieces, n);
    }
}

size_t client_queued(const struct client_call *call)
{
    if (call->connecting)
        return connect_kept(call);
    return call->conn ? conn_queued(&call->conn->conn) : 0;
}

size_t client_unsent(const struct client_call *call)
{
    return call->conn ? conn_unsent(&call->conn->conn) : client_queued(call);
}

void client_shutdown(struct client_call *call)
{
    BUG_UNLESS(call->state == CALL_TUNNEL || call->state == CALL_OVER);
    if (call->conn)
        conn_shutdown(&call->conn->conn);
}

void client_send_done(struct client_call *call)
{
    if (call->conn)
        call->conn->flags |= U_WRITTEN;
    else if (call->connecting)
        call->send_done = true;
}

/* ---- ending ---- */

static struct client_call *detach(struct upstream_conn *u)
{
    struct client_call *call = u->call;
    u->call = NULL;
    call->conn = NULL;
    call->state = CALL_OVER;
    return call;
}

static void fail_call(struct upstream_conn *u, enum client_fail why, const struct err *err)
{
    struct client_call *call = detach(u);
    conn_close(&u->conn);
    call->ops->on_fail(call, why, err);
}

/* The connection ended, or turned out to be dead, before its time. */
static void lost(struct upstream_conn *u, const struct err *err)
{
    struct client_call *call = u->call;
    if (call->state >= CALL_ANSWERED) {
        fail_call(u, CLIENT_FAIL_TRUNCATED, err);
    } else if (call->reused && http1_idle(&u->parser) && !call->request->streaming) {
        struct pool *p = u->pool;
        detach(u);
        conn_close(&u->conn);
        call->reused = false;
        connect_begin(call, p);
    } else {
        fail_call(u, CLIENT_FAIL_RESET, err);
    }
}

/* The response is complete. tidy: nothing came behind it. */
static void finish(struct upstream_conn *u, bool tidy)
{
    bool keep = tidy && (u->flags & U_KEEP) && (u->flags & U_WRITTEN) && !(u->flags & U_EARLY) &&
                conn_queued(&u->conn) == 0;
    struct client_call *call = detach(u);
    if (keep)
        pool_put(u);
    else
        conn_close(&u->conn);
    call->ops->on_end(call);
}

void client_cancel(struct client_call *call)
{
    if (call->connecting) {
        connect_cancel(call);
        call->state = CALL_OVER;
    } else if (call->conn) {
        struct upstream_conn *u = call->conn;
        detach(u);
        conn_close(&u->conn);
    }
}

void client_pause(struct client_call *call)
{
    call->paused = true;
    if (call->conn)
        conn_read_stop(&call->conn->conn);
}

void client_resume(struct client_call *call)
{
    call->paused = false;
    if (call->conn)
        conn_read_start(&call->conn->conn);
}

/* ---- the connection's events ---- */

static void on_open(struct conn *c)
{
    connect_opened(CONTAINER_OF(c, struct upstream_conn, conn));
}

/* Bytes that lay in the socket before the request went out are no answer to it. The kernel told of
 * them in the batch of events in which we wrote, so both fall into one turn of the loop. */
static bool came_before_request(const struct upstream_conn *u)
{
    const struct worker *w = u->pool->client->worker;
    return (u->flags & U_REUSED) && u->call->state == CALL_SENT && u->sent_turn == w->turn &&
           w->turn_reads < BATCH_READS && http1_idle(&u->parser);
}

static bool take_head(struct upstream_conn *u, const struct http_head *head)
{
    struct client_call *call = u->call;
    struct err e = { 0 };
    if (head->status == 101 &&
        !(call->request->upgrade && u->sent == request_bytes(call->request))) {
        fail(&e, E_SYNTAX, "http", 0, "101 Switching Protocols, which was not asked for");
        fail_call(u, CLIENT_FAIL_MALFORMED, &e);
        return false;
    }
    call->state = head->status == 101 ? CALL_TUNNEL : CALL_ANSWERED;
    if (head->status == 101)
        u->flags |= U_STREAMING; /* on_drain is wanted */
    if (head->keep_alive)
        u->flags |= U_KEEP;
    if (u->sent < request_bytes(call->request))
        u->flags |= U_EARLY;
    call->ops->on_head(call, head);
    return u->call == call;
}

static void take_raw(struct upstream_conn *u, str bytes)
{
    struct client_call *call = u->call;
    if (bytes.n)
        call->ops->on_body(call, bytes);
    if (u->call == call && call->ops->on_read_done)
        call->ops->on_read_done(call);
}

static void on_read(struct conn *c, str in)
{
    struct upstream_conn *u = CONTAINER_OF(c, struct upstream_conn, conn);
    struct client_call *call = u->call;
    struct err e = { 0 };
    if (!call) { /* idle: nobody asked */
        pool_remove(u);
        conn_close(c);
        return;
    }
    if (came_before_request(u)) {
        fail(&e, E_SYNTAX, "http", 0, "the upstream sent bytes that nobody had asked for");
        lost(u, &e);
        return;
    }
    struct http_head *head = &u->pool->client->head;
    while (call->state != CALL_TUNNEL) {
        str body;
        switch (http1_next(&u->parser, &in, head, &body, &e)) {
        case HTTP1_HEAD:
            if (!take_head(u, head))
                return;
            if (call->state == CALL_TUNNEL)
                http1_done(&u->parser); /* it may hold the head until it is asked for more */
            break;
        case HTTP1_BODY:
            call->ops->on_body(call, body);
            if (u->call != call)
                return;
            break;
        case HTTP1_END:
            finish(u, in.n == 0);
            return;
        case HTTP1_BAD:
            fail_call(u, CLIENT_FAIL_MALFORMED, &e);
            return;
        case HTTP1_MORE:
            if (call->ops->on_read_done)
                call->ops->on_read_done(call);
            return;
        }
    }
    take_raw(u, in);
}

static void on_eof(struct conn *c)
{
    struct upstream_conn *u = CONTAINER_OF(c, struct upstream_conn, conn);
    struct err e = { 0 };
    if (!u->call) {
        pool_remove(u);
        conn_close(c);
    } else if (u->call->state == CALL_TUNNEL ||
               (u->call->state == CALL_ANSWERED && http1_eof(&u->parser))) {
        finish(u, false);
    } else {
        fail(&e, E_IO, "http", 0, "the upstream closed the connection %s",
             u->call->state == CALL_ANSWERED ? "in the middle of its response"
                                             : "without a response");
        lost(u, &e);
    }
}

static void on_drain(struct conn *c)
{
    struct upstream_conn *u = CONTAINER_OF(c, struct upstream_conn, conn);
    struct client_call *call = u->call;
    if (!call || (u->flags & U_EARLY))
        return;
    if (call->state == CALL_SENT && u->sent < request_bytes(call->request))
        send_more(u);
    else if ((u->flags & U_STREAMING) && call->ops->on_drain)
        call->ops->on_drain(call);
}

static void on_error(struct conn *c, const struct err *err)
{
    struct upstream_conn *u = CONTAINER_OF(c, struct upstream_conn, conn);
    if (!u->call) {
        pool_remove(u);
        conn_close(c);
    } else if (u->call->state == CALL_CONNECTING) {
        connect_failed(u, err);
    } else {
        lost(u, err);
    }
}

static void on_closed(struct conn *c)
{
    struct upstream_conn *u = CONTAINER_OF(c, struct upstream_conn, conn);
    http1_done(&u->parser);
    mem_free(u);
}

const struct conn_ops upstream_ops = {
    .on_open = on_open,
    .on_read = on_read,
    .on_eof = on_eof,
    .on_drain = on_drain,
    .on_error = on_error,
    .on_closed = on_closed,
};
