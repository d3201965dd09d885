/* bench_conn.c - one connection of the load generator: sends the target's request, reads the reply.
 */
#include <stdarg.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/bench.h"

enum conn_state {
    CONN_CLOSED, /* no socket; may be opened again at the next tick */
    CONN_CONNECTING,
    CONN_IDLE,
    CONN_BUSY,    /* a request is on its way */
    CONN_CLOSING, /* waiting for the close callback */
    CONN_NEW,     /* never opened */
};

enum reply_kind { REPLY_OTHER, REPLY_SSE, REPLY_NDJSON };

enum { KEPT_BYTES_MAX = 8 * 1024 * 1024, REOPEN_MS = 50 };

struct bench_conn {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    struct bench_run *run;
    struct bench_conn *next_free;
    enum conn_state state;
    bool writing, warm, ready, in_free, keep_alive;
    uint64_t closed_ns;
    bool answered; /* by this connection, at least once */
    bool again;    /* the request is to be sent once more, on a new connection */

    /* the reply in progress */
    struct http1 parser;
    struct sse sse;
    struct ndjson ndjson;
    struct buf kept; /* a whole reply's body, where usage is wanted */
    enum reply_kind kind;
    unsigned status;
    uint64_t due_ns, token_ns, last_event_ns; /* 0: not yet */
    struct bench_usage usage;
};

struct bench_conn *bench_conns_new(struct bench_run *r, uint32_t n)
{
    struct bench_conn *conns = mem_zalloc(n * sizeof(*conns));
    for (uint32_t i = 0; i < n; i++) {
        conns[i].run = r;
        conns[i].state = CONN_NEW;
        buf_init(&conns[i].kept, KEPT_BYTES_MAX);
    }
    return conns;
}

void bench_conns_free(struct bench_conn *conns, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        buf_done(&conns[i].kept);
    mem_free(conns);
}

void bench_conn_push_free(struct bench_conn *c)
{
    if (c->in_free)
        return; /* since before it was opened again */
    c->in_free = true;
    c->next_free = c->run->free;
    c->run->free = c;
}

struct bench_conn *bench_conn_pop_free(struct bench_run *r)
{
    struct bench_conn *c;
    while ((c = r->free)) {
        r->free = c->next_free;
        c->in_free = false;
        if (c->state == CONN_IDLE)
            return c; /* others were closed by the peer while they waited */
    }
    return NULL;
}

static void on_closed(uv_handle_t *h)
{
    struct bench_conn *c = h->data;
    c->state = CONN_CLOSED;
    c->closed_ns = clock_mono_ns();
    http1_done(&c->parser);
    sse_done(&c->sse);
    ndjson_done(&c->ndjson);
    if (c->again && c->run->phase != BENCH_STOP)
        bench_conn_open(c->run, (uint32_t)(c - c->run->conns));
}

static void conn_close(struct bench_conn *c)
{
    if (c->state == CONN_CLOSED || c->state == CONN_CLOSING || c->state == CONN_NEW)
        return;
    c->state = CONN_CLOSING;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

void bench_conn_close(struct bench_run *r, uint32_t i)
{
    conn_close(&r->conns[i]);
}

/* ---- what a request came to ---------------------------------------------------------------------
 */

static void note_error(struct bench_conn *c, const char *fmt, ...) PRINTF(2, 3);
static void note_error(struct bench_conn *c, const char *fmt, ...)
{
    struct bench_target *t = c->run->target;
    if (c->run->phase == BENCH_MEASURE)
        c->run->turn->errors++;
    if (t->first_error[0] || c->run->phase == BENCH_STOP)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(t->first_error, sizeof(t->first_error), fmt, ap);
    va_end(ap);
}

/* A server may close a kept connection when it likes (llama-server does after every stream). A
 * request that meets this has not been answered by a byte: it goes out again, its clock running on.
 */
static bool send_again(struct bench_conn *c)
{
    if (c->state != CONN_BUSY || c->status || !c->answered)
        return false;
    c->again = true;
    conn_close(c);
    return true;
}

/* The request is lost, and the connection with it. */
static void conn_fail(struct bench_conn *c, const char *why)
{
    bool busy = c->state == CONN_BUSY;
    if (busy)
        note_error(c, "%s", why);
    conn_close(c);
    if (busy && !c->warm) { /* for warming up an error is an answer too */
        c->warm = true;
        bench_on_first_head(c->run);
    }
}

static void note_tokens(struct bench_conn *c, struct bench_target *t, uint64_t now)
{
    if (!c->run->b->o.tokens)
        return;
    if (c->kept.n && bench_may_have_usage(buf_str(&c->kept)))
        c->usage = bench_read_usage(buf_str(&c->kept));
    if (c->usage.cost >= 0) {
        t->cost += c->usage.cost;
        t->with_cost++;
    }
    if (c->usage.prompt > 0)
        t->prompt_tokens += (uint64_t)c->usage.prompt;
    if (c->usage.completion < 0)
        return;
    t->completion_tokens += (uint64_t)c->usage.completion;
    t->with_usage++;
    /* The first token is there when the clock starts: one less was made since. */
    uint64_t from = c->token_ns ? c->token_ns : c->due_ns;
    uint64_t made = (uint64_t)c->usage.completion - (c->token_ns && c->usage.completion);
    if (now > from && made)
        hist_add(&t->tokens_per_ks, (uint64_t)((double)made * 1e12 / (double)(now - from)));
}

static void request_done(struct bench_conn *c)
{
    struct bench_run *r = c->run;
    uint64_t now = clock_mono_ns();
    if (c->status < 200 || c->status > 299) {
        note_error(c, "status %u: %.*s", c->status, STRF(str_take(buf_str(&c->kept), 150)));
    } else if (r->phase == BENCH_MEASURE) {
        r->turn->requests++;
        hist_add(&r->target->latency_us, (now - c->due_ns) / 1000);
        if (c->token_ns)
            hist_add(&r->target->ttft_us, (c->token_ns - c->due_ns) / 1000);
        note_tokens(c, r->target, now);
    }
}

/* ---- reading a reply
 * ------------------------------------------------------------------------------ */

static void take_head(struct bench_conn *c, const struct http_head *h)
{
    str type = http_field_get(h, S("content-type"));
    c->status = h->status;
    c->kind = str_istarts(type, S("text/event-stream"))      ? REPLY_SSE
              : str_istarts(type, S("application/x-ndjson")) ? REPLY_NDJSON
                                                             : REPLY_OTHER;
    str cost = http_field_get(h, S("x-litellm-response-cost"));
    double v;
    c->usage = (struct bench_usage){ -1, -1, str_to_double(cost, &v) ? v : -1 };
    if (!c->warm) {
        c->warm = true;
        bench_on_first_head(c->run);
    }
}

static void take_event(struct bench_conn *c, str data)
{
    if (data.n == 0 || str_eq(data, S("[DONE]")))
        return;
    if (c->run->phase == BENCH_MEASURE)
        c->run->turn->events++;
    uint64_t now = c->run->read_ns;
    if (c->last_event_ns && c->last_event_ns != now && c->run->phase == BENCH_MEASURE)
        hist_add(&c->run->target->gap_us, (now - c->last_event_ns) / 1000);
    c->last_event_ns = now;
    bool tokens = c->run->b->o.tokens;
    if (!c->token_ns && (!tokens || bench_event_has_token(data)))
        c->token_ns = now;
    if (tokens && bench_may_have_usage(data)) {
        struct bench_usage u = bench_read_usage(data);
        if (u.prompt >= 0)
            c->usage.prompt = u.prompt;
        if (u.completion >= 0)
            c->usage.completion = u.completion;
        if (u.cost >= 0 && c->usage.cost < 0)
            c->usage.cost = u.cost;
    }
}

static void take_body(struct bench_conn *c, str body)
{
    struct sse_event ev;
    str line;
    if (c->run->phase == BENCH_MEASURE)
        c->run->turn->bytes += body.n;
    if (c->kind == REPLY_SSE) {
        while (!FAILED(sse_next(&c->sse, &body, &ev, NULL)))
            take_event(c, ev.data);
    } else if (c->kind == REPLY_NDJSON) {
        while (!FAILED(ndjson_next(&c->ndjson, &body, &line, NULL)))
            take_event(c, line);
    } else if (c->run->b->o.tokens || c->status > 299) {
        buf_add(&c->kept, body);
    }
}

/* Back to where a request may be sent; the last one's traces are gone. */
static void take_end(struct bench_conn *c)
{
    request_done(c);
    buf_clear(&c->kept);
    if (c->kind == REPLY_SSE) {
        sse_done(&c->sse);
        sse_init(&c->sse);
    } else if (c->kind == REPLY_NDJSON) {
        ndjson_done(&c->ndjson);
        ndjson_init(&c->ndjson);
    }
    c->state = CONN_IDLE;
    c->answered = true;
}

static void take_input(struct bench_conn *c, str in)
{
    struct http_head *head = &c->run->b->head;
    struct err e = { 0 };
    str body;
    for (;;) {
        switch (http1_next(&c->parser, &in, head, &body, &e)) {
        case HTTP1_MORE:
            return;
        case HTTP1_HEAD:
            if (c->state != CONN_BUSY) {
                conn_fail(c, "the server answers without being asked");
                return;
            }
            c->keep_alive = head->keep_alive;
            if (head->status >= 200)
                take_head(c, head);
            break;
        case HTTP1_BODY:
            take_body(c, body);
            break;
        case HTTP1_END:
            if (c->status == 0)
                break; /* 100 Continue and the like */
            take_end(c);
            if (!c->keep_alive)
                conn_close(c);
            else
                bench_on_idle(c->run, c);
            if (c->state == CONN_CLOSING)
                return;
            break;
        case HTTP1_BAD:
            conn_fail(c, e.text);
            return;
        }
    }
}

static void lend_buffer(uv_handle_t *h, size_t wanted, uv_buf_t *ret)
{
    struct bench_conn *c = h->data;
    *ret = uv_buf_init(c->run->b->read_buf, sizeof(c->run->b->read_buf));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct bench_conn *c = s->data;
    if (n == 0 || c->state == CONN_CLOSING)
        return;
    if (n < 0) {
        if (c->state == CONN_BUSY && c->status && http1_eof(&c->parser))
            take_end(c); /* a reply that runs to the end of the connection */
        if (send_again(c))
            return;
        conn_fail(c, n == UV_EOF ? "the server closed before its reply was complete"
                                 : uv_strerror((int)n));
        return;
    }
    c->run->read_ns = clock_mono_ns();
    take_input(c, (str){ b->base, (size_t)n });
}

/* ---- sending
 * -------------------------------------------------------------------------------------- */

static void on_written(uv_write_t *w, int status)
{
    struct bench_conn *c = w->data;
    c->writing = false;
    if (status < 0 && c->state != CONN_CLOSING)
        conn_fail(c, uv_strerror(status));
}

void bench_conn_send(struct bench_conn *c, uint64_t due_ns)
{
    str rq = c->run->target->request;
    c->state = CONN_BUSY;
    c->due_ns = due_ns;
    c->token_ns = c->last_event_ns = 0;
    c->status = 0;
    if (c->writing) { /* answered before it was read */
        conn_fail(c, "the server answers before it has read the request");
        return;
    }
    uv_buf_t b = uv_buf_init((char *)(uintptr_t)rq.p, (unsigned)rq.n);
    int n = uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
    if (n < 0 && n != UV_EAGAIN) {
        if (!send_again(c))
            conn_fail(c, uv_strerror(n));
        return;
    }
    size_t done = n > 0 ? (size_t)n : 0;
    if (done == rq.n)
        return;
    b = uv_buf_init(b.base + done, (unsigned)(rq.n - done));
    c->write.data = c;
    c->writing = uv_write(&c->write, (uv_stream_t *)&c->tcp, &b, 1, on_written) == 0;
    if (!c->writing)
        conn_fail(c, "cannot write");
}

/* ---- opening
 * -------------------------------------------------------------------------------------- */

static void on_connect(uv_connect_t *q, int status)
{
    struct bench_conn *c = q->data;
    if (c->state != CONN_CONNECTING)
        return;
    if (status == 0)
        status = uv_read_start((uv_stream_t *)&c->tcp, lend_buffer, on_read);
    if (status < 0) {
        if (!c->ready)
            bench_on_unreachable(c->run, uv_strerror(status));
        if (c->again)
            note_error(c, "%s", uv_strerror(status));
        c->again = false;
        conn_close(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    c->state = CONN_IDLE;
    if (c->again) {
        c->again = false;
        bench_conn_send(c, c->due_ns);
    } else if (c->ready) { /* opened again */
        bench_on_idle(c->run, c);
    } else {
        c->ready = true;
        bench_on_connected(c->run, c);
    }
}

void bench_conn_open(struct bench_run *r, uint32_t i)
{
    struct bench_conn *c = &r->conns[i];
    http1_init(&c->parser, HTTP1_RESPONSES);
    sse_init(&c->sse);
    ndjson_init(&c->ndjson);
    uv_tcp_init(r->b->loop, &c->tcp);
    c->tcp.data = c->connect.data = c;
    c->writing = c->answered = false;
    c->state = CONN_CONNECTING;
    int bad =
        uv_tcp_connect(&c->connect, &c->tcp, (const struct sockaddr *)&r->target->addr, on_connect);
    if (bad) {
        bench_on_unreachable(r, uv_strerror(bad));
        conn_close(c);
    }
}

void bench_conn_tick(struct bench_run *r, uint32_t i, uint64_t now_ns)
{
    struct bench_conn *c = &r->conns[i];
    uint64_t timeout = (uint64_t)(r->b->o.timeout_s * 1e9);
    if (c->state == CONN_BUSY && now_ns > c->due_ns && now_ns - c->due_ns > timeout)
        conn_fail(c, "no complete reply within --timeout");
    else if (c->state == CONN_CLOSED && now_ns - c->closed_ns > REOPEN_MS * 1000000ull)
        bench_conn_open(r, i);
}
