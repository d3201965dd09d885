/* mock_conn.c - the mock's connections: gather a request, play its script.
 */
#include "cli/mock.h"

#include "base/mem.h"

enum { BODY_BYTES_MAX = 128 * 1024 * 1024, IOV_MAX_OURS = 64 };

struct mock_conn {
    uv_tcp_t tcp;
    uv_timer_t timer;
    struct mock_worker *w;
    struct http1 parser;
    struct mock_request rq;
    struct buf waiting; /* bytes that came while a script was being played */
    struct arena arena; /* of the script being played */
    struct mock_script script;
    size_t step;     /* next one to play */
    uint64_t due_us; /* when it is due, loop time */
    bool playing, closing;
    uint8_t open_handles;
};

static void on_closed(uv_handle_t *h)
{
    struct mock_conn *c = h->data;
    if (--c->open_handles)
        return;
    http1_done(&c->parser);
    buf_done(&c->rq.body);
    buf_done(&c->waiting);
    arena_done(&c->arena);
    mem_free(c);
}

static void conn_end(struct mock_conn *c, enum mock_action how)
{
    if (c->closing)
        return;
    c->closing = true;
    c->playing = false;
    uv_close((uv_handle_t *)&c->timer, on_closed);
    if (how != MOCK_RESET || uv_tcp_close_reset(&c->tcp, on_closed))
        uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* ---- writing -------------------------------------------------------------------------------- */

struct write {
    uv_write_t req;
    enum mock_action then;
    char bytes[];
};

static void on_written(uv_write_t *req, int status)
{
    struct mock_conn *c = req->handle->data;
    enum mock_action then = ((struct write *)req)->then;
    mem_free(req);
    if (status < 0 || then != MOCK_SEND)
        conn_end(c, then);
}

/* At once as far as possible; the rest is copied. */
static void send_pieces(struct mock_conn *c, uv_buf_t *bufs, unsigned n, enum mock_action then)
{
    size_t total = 0, sent = 0;
    for (unsigned i = 0; i < n; i++)
        total += bufs[i].len;
    int done = total ? uv_try_write((uv_stream_t *)&c->tcp, bufs, n) : 0;
    if (done < 0 && done != UV_EAGAIN) {
        conn_end(c, MOCK_CLOSE);
        return;
    }
    sent = done > 0 ? (size_t)done : 0;
    if (sent == total) {
        if (then != MOCK_SEND)
            conn_end(c, then);
        return;
    }
    struct write *wr = mem_alloc(sizeof(*wr) + total - sent);
    wr->then = then;
    size_t at = 0;
    for (unsigned i = 0; i < n; i++) {
        size_t skip = sent < bufs[i].len ? sent : bufs[i].len;
        memcpy(wr->bytes + at, bufs[i].base + skip, bufs[i].len - skip);
        at += bufs[i].len - skip;
        sent -= skip;
    }
    uv_buf_t rest = uv_buf_init(wr->bytes, (unsigned)at);
    if (uv_write(&wr->req, (uv_stream_t *)&c->tcp, &rest, 1, on_written)) {
        mem_free(wr);
        conn_end(c, MOCK_CLOSE);
    }
}

/* ---- playing -------------------------------------------------------------------------------- */

static void take_input(struct mock_conn *c, str in);

static void on_timer(uv_timer_t *t);

static void finish_script(struct mock_conn *c)
{
    c->playing = false;
    arena_done(&c->arena);
    if (!c->rq.keep_alive) {
        conn_end(c, MOCK_CLOSE);
        return;
    }
    if (c->waiting.n) {
        struct buf held = c->waiting;
        buf_init(&c->waiting, BODY_BYTES_MAX);
        take_input(c, buf_str(&held));
        buf_done(&held);
    }
}

/* Sends every step that is due as one write, then waits for the next. */
static void play(struct mock_conn *c)
{
    uint64_t now_us = uv_now(&c->w->loop) * 1000;
    while (c->step < c->script.n) {
        uv_buf_t bufs[IOV_MAX_OURS];
        unsigned n = 0;
        enum mock_action then = MOCK_SEND;
        while (c->step < c->script.n && n < IOV_MAX_OURS && then == MOCK_SEND) {
            const struct mock_step *s = &c->script.steps[c->step];
            if (c->due_us > now_us)
                break;
            if (s->bytes.n)
                bufs[n++] = uv_buf_init((char *)(uintptr_t)s->bytes.p, (unsigned)s->bytes.n);
            then = s->action;
            if (++c->step < c->script.n)
                c->due_us += c->script.steps[c->step].pause_us;
        }
        if (n || then != MOCK_SEND)
            send_pieces(c, bufs, n, then);
        if (c->closing || then != MOCK_SEND)
            return;
        if (c->step < c->script.n && c->due_us > now_us) {
            uv_timer_start(&c->timer, on_timer, (c->due_us - now_us + 999) / 1000, 0);
            return;
        }
    }
    finish_script(c);
}

static void on_timer(uv_timer_t *t)
{
    play(t->data);
}

static void start_script(struct mock_conn *c)
{
    c->script = mock_answer(c->w->cache, c->w->options, &c->rq, &c->arena);
    c->step = 0;
    c->due_us = uv_now(&c->w->loop) * 1000 + (c->script.n ? c->script.steps[0].pause_us : 0);
    c->playing = true;
    play(c);
}

/* ---- reading -------------------------------------------------------------------------------- */

static void take_head(struct mock_conn *c)
{
    const struct http_head *h = &c->w->head;
    buf_clear(&c->rq.body);
    c->rq.method = arena_dup(&c->arena, h->method);
    c->rq.target = arena_dup(&c->arena, h->target);
    c->rq.keep_alive = h->keep_alive;
    if (h->expect_continue) {
        uv_buf_t b = uv_buf_init((char *)(uintptr_t) "HTTP/1.1 100 Continue\r\n\r\n", 25);
        send_pieces(c, &b, 1, MOCK_SEND);
    }
}

static void refuse(struct mock_conn *c, const struct err *e)
{
    char text[512];
    int n = snprintf(text, sizeof(text),
                     "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
                     "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                     strlen(e->text), e->text);
    uv_buf_t b = uv_buf_init(text, (unsigned)n);
    send_pieces(c, &b, 1, MOCK_CLOSE);
}

static void take_input(struct mock_conn *c, str in)
{
    struct err e = { 0 };
    str body;
    while (!c->closing) {
        if (c->playing) {
            buf_add(&c->waiting, in);
            return;
        }
        switch (http1_next(&c->parser, &in, &c->w->head, &body, &e)) {
        case HTTP1_MORE:
            return;
        case HTTP1_HEAD:
            take_head(c);
            break;
        case HTTP1_BODY:
            buf_add(&c->rq.body, body);
            break;
        case HTTP1_END:
            start_script(c);
            break;
        case HTTP1_BAD:
            refuse(c, &e);
            return;
        }
    }
}

static void lend_buffer(uv_handle_t *h, size_t wanted, uv_buf_t *ret)
{
    struct mock_conn *c = h->data;
    (void)wanted;
    *ret = uv_buf_init(c->w->read_buf, sizeof(c->w->read_buf));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct mock_conn *c = s->data;
    if (n < 0)
        conn_end(c, MOCK_CLOSE);
    else if (n > 0)
        take_input(c, (str){ b->base, (size_t)n });
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct mock_worker *w = listener->data;
    if (status < 0)
        return;
    struct mock_conn *c = mem_zalloc(sizeof(*c));
    c->w = w;
    http1_init(&c->parser, HTTP1_REQUESTS);
    buf_init(&c->rq.body, BODY_BYTES_MAX);
    buf_init(&c->waiting, BODY_BYTES_MAX);
    arena_init(&c->arena);
    uv_tcp_init(&w->loop, &c->tcp);
    uv_timer_init(&w->loop, &c->timer);
    c->tcp.data = c->timer.data = c;
    c->open_handles = 2;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) ||
        uv_read_start((uv_stream_t *)&c->tcp, lend_buffer, on_read)) {
        conn_end(c, MOCK_CLOSE);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
}

void mock_worker_run(struct mock_worker *w, int fd)
{
    uv_loop_init(&w->loop);
    uv_tcp_init(&w->loop, &w->listener);
    w->listener.data = w;
    BUG_UNLESS(uv_tcp_open(&w->listener, fd) == 0);
    BUG_UNLESS(uv_listen((uv_stream_t *)&w->listener, 4096, on_connection) == 0);
    uv_run(&w->loop, UV_RUN_DEFAULT);
}
