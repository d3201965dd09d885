#include "net/conn.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "net/listener.h"
#include "net/tls.h"

enum {
    F_OPEN = 1,         /* connected and shaken */
    F_CLOSING = 2,      /* conn_close was called */
    F_WANT_READ = 4,    /* the owner wants on_read */
    F_UV_READING = 8,   /* libuv polls for reading */
    F_FAILED = 16,      /* on_error was called */
    F_SHUT = 32,        /* FIN as soon as nothing is queued */
    F_ACCEPTED = 64,    /* counts in worker->accepted */
    F_WRITE_DEAD = 128, /* a write failed: on_error is on its way */
    F_EOF = 256,        /* on_eof was called */
};

enum {
    PIECES_MAX = 16,
    SOME_BYTES = 64 * 1024, /* copied at most by one conn_write_some */
    TLS_BYTES = 128 * 1024, /* encrypted at most before a system call */
    KEEPALIVE_S = 60
};

/* One write in libuv's hands, and what came after it. */
struct conn_queue {
    uv_write_t req;
    struct conn *conn;
    struct buf flying, waiting;
};

/* ---- failing ---- */

static void poll_stop(struct conn *c)
{
    if (c->flags & F_UV_READING)
        uv_read_stop((uv_stream_t *)&c->tcp);
    c->flags &= ~(uint32_t)F_UV_READING;
}

static void report(struct conn *c, const struct err *err)
{
    if (c->flags & (F_FAILED | F_CLOSING))
        return;
    c->flags |= F_FAILED;
    poll_stop(c);
    c->ops->on_error(c, err);
}

static void report_uv(struct conn *c, int status, const char *doing)
{
    struct err e = { 0 };
    fail(&e, status == UV_ETIMEDOUT ? E_TIMEOUT : E_IO, "connection", 0, "%s: %s", doing,
         uv_strerror(status));
    report(c, &e);
}

/* Why connecting failed, and what one can do. */
static const char *connect_text(int status)
{
    switch (status) {
    case UV_ECONNREFUSED:
        return "connection refused (is it running, and is this its address?)";
    case UV_EMFILE:
    case UV_ENFILE:
        return "no descriptor left (raise ulimit -n, LimitNOFILE= with systemd)";
    case UV_EADDRNOTAVAIL:
        return "no local port left";
    default:
        return uv_strerror(status);
    }
}

static rc connect_fail(struct err *e, int status)
{
    return fail(e, status == UV_ETIMEDOUT ? E_TIMEOUT : E_IO, "connection", 0, "%s",
                connect_text(status));
}

/* ---- writing ---- */

static void poll_read(struct conn *c);
static void fly(struct conn *c);

static void shut_now(struct conn *c)
{
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
        shutdown(fd, SHUT_WR);
}

static void on_written(uv_write_t *req, int status)
{
    struct conn_queue *q = CONTAINER_OF(req, struct conn_queue, req);
    struct conn *c = q->conn;
    if (status == 0 && q->waiting.n && !(c->flags & F_CLOSING)) {
        struct buf done = q->flying;
        q->flying = q->waiting;
        q->waiting = done;
        buf_clear(&q->waiting);
        fly(c);
        return;
    }
    c->queue = NULL;
    buf_done(&q->flying);
    buf_done(&q->waiting);
    mem_free(q);
    if (c->flags & F_CLOSING)
        return;
    if (status != 0) {
        c->flags |= F_WRITE_DEAD;
        /* What the peer said before it left can still be read, and then its end. */
        if (c->flags & F_WANT_READ)
            poll_read(c);
        else
            report_uv(c, status, "write");
    } else if (c->flags & F_SHUT) {
        shut_now(c);
    } else if (c->flags & F_OPEN) {
        c->ops->on_drain(c);
    }
}

static void fly(struct conn *c)
{
    struct conn_queue *q = c->queue;
    uv_buf_t b = uv_buf_init(q->flying.p, (unsigned)q->flying.n);
    int r = uv_write(&q->req, (uv_stream_t *)&c->tcp, &b, 1, on_written);
    BUG_UNLESS(r == 0); /* fails only for handles that are not connected streams */
}

/* Queues what the socket did not take. A socket that fails is treated alike: libuv meets the same
 * error again and reports it from the loop, so nobody is called back from inside a write. */
static void enqueue(struct conn *c, const uv_buf_t *bufs, size_t n)
{
    bool idle = !c->queue;
    if (idle) {
        c->queue = mem_alloc(sizeof(*c->queue));
        c->queue->conn = c;
        buf_init(&c->queue->flying, UINT32_MAX);
        buf_init(&c->queue->waiting, UINT32_MAX);
    }
    struct buf *to = idle ? &c->queue->flying : &c->queue->waiting;
    for (size_t i = 0; i < n; i++)
        buf_add(to, (str){ bufs[i].base, bufs[i].len });
    BUG_UNLESS(!to->full); /* owners stop their sources long before */
    if (idle)
        fly(c);
}

/* Skips n bytes at the front of the bufs. */
static void advance(uv_buf_t **bufs, size_t *nbufs, size_t n)
{
    while (*nbufs && n >= (*bufs)->len) {
        n -= (*bufs)->len;
        (*bufs)++;
        (*nbufs)--;
    }
    if (n) {
        (*bufs)->base += n;
        (*bufs)->len -= n;
    }
}

/* Tries the socket once; what it did not take is left in bufs. */
static void try_now(struct conn *c, uv_buf_t **bufs, size_t *n)
{
    if (c->queue || *n == 0)
        return;
    int r = uv_try_write((uv_stream_t *)&c->tcp, *bufs, (unsigned)*n);
    if (r > 0)
        advance(bufs, n, (size_t)r);
}

static bool may_write(const struct conn *c)
{
    return (c->flags & F_OPEN) && !(c->flags & (F_CLOSING | F_FAILED | F_WRITE_DEAD | F_SHUT));
}

static size_t to_bufs(uv_buf_t *bufs, const str *pieces, size_t n)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++)
        if (pieces[i].n)
            bufs[used++] = (uv_buf_t){ .base = (char *)(uintptr_t)pieces[i].p, .len = pieces[i].n };
    return used;
}

static void write_plain(struct conn *c, const str *pieces, size_t n)
{
    uv_buf_t space[PIECES_MAX], *bufs = space;
    size_t nbufs = to_bufs(space, pieces, n);
    try_now(c, &bufs, &nbufs);
    if (nbufs)
        enqueue(c, bufs, nbufs);
}

/* Sends the records that a TLS call left in the scratch. */
static void flush_tls(struct conn *c)
{
    struct buf *out = &c->worker->tls_scratch->out;
    str all = buf_str(out);
    if (all.n && !(c->flags & (F_CLOSING | F_WRITE_DEAD)))
        write_plain(c, &all, 1);
    buf_clear(out);
}

static void write_tls(struct conn *c, const str *pieces, size_t n)
{
    struct err e;
    if (FAILED(tls_write(c->tls, c->worker->tls_scratch, pieces, n, &e))) {
        /* Makes the reading side meet the end, which reports it from the loop. */
        uv_os_fd_t fd;
        c->flags |= F_WRITE_DEAD;
        buf_clear(&c->worker->tls_scratch->out);
        if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
            shutdown(fd, SHUT_RDWR);
        conn_read_start(c);
        return;
    }
    flush_tls(c);
}

/* At most `max` bytes behind the first `skip` as pieces of their own; returns how many. */
static size_t window(str *out, size_t *nout, const str *pieces, size_t n, size_t skip, size_t max)
{
    size_t total = 0;
    *nout = 0;
    for (size_t i = 0; i < n && total < max && *nout < PIECES_MAX; i++) {
        str p = str_take(str_skip(pieces[i], skip), max - total);
        skip -= skip < pieces[i].n ? skip : pieces[i].n;
        if (p.n) {
            out[(*nout)++] = p;
            total += p.n;
        }
    }
    return total;
}

void conn_write(struct conn *c, const str *pieces, size_t n)
{
    str some[PIECES_MAX];
    size_t nsome, done = 0, total;
    if (!c->tls && n <= PIECES_MAX) {
        if (may_write(c))
            write_plain(c, pieces, n);
        return;
    }
    while (may_write(c) &&
           (total = window(some, &nsome, pieces, n, done, c->tls ? (size_t)TLS_BYTES : SIZE_MAX))) {
        if (c->tls)
            write_tls(c, some, nsome);
        else
            write_plain(c, some, nsome);
        done += total;
    }
}

static size_t write_some_tls(struct conn *c, const str *pieces, size_t n, size_t skip)
{
    str some[PIECES_MAX];
    size_t nsome, total, done = 0;
    while (!c->queue && may_write(c) &&
           (total = window(some, &nsome, pieces, n, skip + done, TLS_BYTES))) {
        write_tls(c, some, nsome);
        done += total;
    }
    return done;
}

size_t conn_write_some(struct conn *c, const str *pieces, size_t n, size_t skip)
{
    str some[PIECES_MAX];
    uv_buf_t space[PIECES_MAX], *bufs = space;
    size_t nsome, left = 0, queued = 0;
    if (c->queue || !may_write(c))
        return 0;
    if (c->tls)
        return write_some_tls(c, pieces, n, skip);
    size_t total = window(some, &nsome, pieces, n, skip, SIZE_MAX);
    size_t nbufs = to_bufs(space, some, nsome);
    try_now(c, &bufs, &nbufs);
    /* Of the rest a bounded part is copied and queued: its end is on_drain. */
    for (size_t i = 0; i < nbufs; i++) {
        left += bufs[i].len;
        if (bufs[i].len > SOME_BYTES - queued)
            bufs[i].len = SOME_BYTES - queued;
        queued += bufs[i].len;
    }
    if (queued)
        enqueue(c, bufs, nbufs);
    return total - left + queued;
}

size_t conn_queued(const struct conn *c)
{
    return c->queue ? c->queue->flying.n + c->queue->waiting.n : 0;
}

size_t conn_unsent(const struct conn *c)
{
    if (!c->queue)
        return 0;
    return uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp) + c->queue->waiting.n;
}

void conn_shutdown(struct conn *c)
{
    if (!may_write(c))
        return;
    if (c->tls) {
        tls_shutdown(c->tls, c->worker->tls_scratch);
        flush_tls(c);
    }
    c->flags |= F_SHUT;
    if (!c->queue)
        shut_now(c);
}

/* ---- reading ---- */

static bool wants_bytes(const struct conn *c)
{
    /* A handshake reads whether or not the owner does yet. */
    return (c->flags & F_WANT_READ) || (c->tls && !(c->flags & F_OPEN));
}

/* Lends the worker's buffer. No buffer means: the owner stopped reading and bytes came; only now
 * does libuv stop polling, so that a stop and start in between cost nothing. */
static void lend(uv_handle_t *h, size_t hint, uv_buf_t *ret)
{
    struct conn *c = CONTAINER_OF(h, struct conn, tcp);
    (void)hint;
    *ret =
        wants_bytes(c) ? uv_buf_init(c->worker->read_buf, WORKER_READ_BYTES) : uv_buf_init(NULL, 0);
}

static void end(struct conn *c)
{
    if (c->flags & (F_CLOSING | F_FAILED | F_EOF))
        return;
    c->flags |= F_EOF;
    c->ops->on_eof(c);
}

/* One read of a TLS connection (or none: a client begins): decrypts all of it, answers what the
 * protocol wants answered, then tells the owner. */
static void read_tls(struct conn *c, str in)
{
    struct tls_scratch *s = c->worker->tls_scratch;
    struct err e = { 0 };
    rc r = tls_feed(c->tls, s, in, &e);
    flush_tls(c);
    if (!(c->flags & F_OPEN) && !FAILED(r) && tls_state(c->tls) == TLS_OPEN) {
        c->flags |= F_OPEN;
        c->ops->on_open(c);
    }
    if (s->plain.n && !(c->flags & (F_CLOSING | F_FAILED)))
        c->ops->on_read(c, buf_str(&s->plain));
    buf_clear(&s->plain);
    if (FAILED(r))
        report(c, &e);
    else if (tls_state(c->tls) == TLS_CLOSED)
        end(c);
}

static void end_of_read(struct conn *c, ssize_t nread)
{
    struct err e = { 0 };
    if (nread != UV_EOF) {
        report_uv(c, (int)nread, "read");
    } else if (!c->tls) {
        end(c);
    } else if (c->flags & F_WRITE_DEAD) {
        fail(&e, E_SYNTAX, "tls", 0, "TLS: the connection could not be written");
        report(c, &e);
    } else if (!(c->flags & F_OPEN)) {
        fail(&e, E_SYNTAX, "tls", 0,
             "TLS handshake: the other side closed the connection (does it speak TLS there?)");
        report(c, &e);
    } else if (tls_state(c->tls) != TLS_CLOSED) {
        /* Without close_notify anybody on the path may have cut it (RFC 8446 6.1). */
        fail(&e, E_IO, "tls", 0, "the connection was closed without TLS close_notify");
        report(c, &e);
    }
}

static void on_bytes(uv_stream_t *stream, ssize_t nread, const uv_buf_t *b)
{
    struct conn *c = CONTAINER_OF(stream, struct conn, tcp);
    if (c->flags & (F_CLOSING | F_FAILED)) {
        return;
    } else if (nread == UV_ENOBUFS) {
        poll_stop(c);
    } else if (nread < 0) {
        poll_stop(c);
        end_of_read(c, nread);
    } else if (nread > 0) {
        c->worker->turn_reads++;
        if (c->tls)
            read_tls(c, (str){ b->base, (size_t)nread });
        else
            c->ops->on_read(c, (str){ b->base, (size_t)nread });
    }
}

static void poll_read(struct conn *c)
{
    if (c->flags & (F_UV_READING | F_CLOSING | F_FAILED | F_EOF))
        return;
    c->flags |= F_UV_READING;
    uv_read_start((uv_stream_t *)&c->tcp, lend, on_bytes);
}

void conn_read_start(struct conn *c)
{
    c->flags |= F_WANT_READ;
    if (c->flags & F_OPEN)
        poll_read(c);
}

void conn_read_stop(struct conn *c)
{
    c->flags &= ~(uint32_t)F_WANT_READ;
}

/* ---- life ---- */

static void on_uv_closed(uv_handle_t *h)
{
    struct conn *c = CONTAINER_OF(h, struct conn, tcp);
    struct worker *w = c->worker;
    tls_free(c->tls);
    c->tls = NULL;
    if (c->flags & F_ACCEPTED) {
        w->accepted--;
        listener_room(w);
    }
    c->ops->on_closed(c);
}

void conn_close(struct conn *c)
{
    if (c->flags & F_CLOSING)
        return;
    c->flags |= F_CLOSING;
    uv_close((uv_handle_t *)&c->tcp, on_uv_closed);
}

void conn_abort(struct conn *c)
{
    if (c->flags & F_CLOSING)
        return;
    c->flags |= F_CLOSING;
    if (uv_tcp_close_reset(&c->tcp, on_uv_closed) != 0)
        uv_close((uv_handle_t *)&c->tcp, on_uv_closed);
}

bool conn_is_closing(const struct conn *c)
{
    return c->flags & F_CLOSING;
}

static void prepare(struct conn *c, struct worker *w, const struct conn_ops *ops)
{
    c->worker = w;
    c->ops = ops;
    c->tls = NULL;
    c->queue = NULL;
    c->flags = 0;
    uv_tcp_init(&w->loop, &c->tcp);
}

/* The connection stands: plain ones are open, TLS clients begin their handshake. */
static void established(struct conn *c, bool client)
{
    if (!c->tls) {
        c->flags |= F_OPEN;
        if (c->flags & F_WANT_READ)
            poll_read(c);
        c->ops->on_open(c);
        return;
    }
    if (!c->worker->tls_scratch)
        c->worker->tls_scratch = tls_scratch_new();
    poll_read(c);
    if (client)
        read_tls(c, S(""));
}

void conn_accept(struct conn *c, struct worker *w, uv_stream_t *listener, struct tls_context *tls,
                 const struct conn_ops *ops)
{
    prepare(c, w, ops);
    if (tls)
        c->tls = tls_accept(tls);
    BUG_UNLESS(uv_accept(listener, (uv_stream_t *)&c->tcp) == 0);
    c->flags |= F_ACCEPTED;
    w->accepted++;
    established(c, false);
}

static void on_connected(uv_connect_t *req, int status)
{
    struct conn *c = CONTAINER_OF(req->handle, struct conn, tcp);
    mem_free(req);
    if (c->flags & F_CLOSING)
        return;
    if (status != 0) {
        struct err e = { 0 };
        (void)connect_fail(&e, status);
        report(c, &e);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    uv_tcp_keepalive(&c->tcp, 1, KEEPALIVE_S);
    established(c, true);
}

rc conn_connect(struct conn *c, struct worker *w, const struct sockaddr *addr,
                const struct conn_tls *tls, const struct conn_ops *ops, struct err *e)
{
    prepare(c, w, ops);
    if (tls)
        TRY(tls_connect(tls->context, tls->host, tls->resume, &c->tls, e));
    uv_connect_t *req = mem_alloc(sizeof(*req));
    int r = uv_tcp_connect(req, &c->tcp, addr, on_connected);
    if (r != 0) {
        mem_free(req);
        return connect_fail(e, r);
    }
    return RC_OK;
}

str conn_peer(const struct conn *c, char out[64])
{
    struct sockaddr_storage a;
    int len = sizeof(a);
    char ip[INET6_ADDRSTRLEN];
    out[0] = '\0';
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&a, &len) != 0)
        return S("");
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a;
    if (a.ss_family == AF_INET && uv_ip4_name(v4, ip, sizeof(ip)) == 0)
        snprintf(out, 64, "%s:%u", ip, ntohs(v4->sin_port));
    else if (a.ss_family == AF_INET6 && uv_ip6_name(v6, ip, sizeof(ip)) == 0)
        snprintf(out, 64, "[%s]:%u", ip, ntohs(v6->sin6_port));
    return str_c(out);
}
