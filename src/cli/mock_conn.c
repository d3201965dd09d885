/* mock_conn.c - the mock's connections: gather a request, play its script.
 */
#include "cli/mock.h"

#include "base/mem.h"
#include "json/write.h"
#include "net/conn.h"

enum { BODY_BYTES_MAX = 128 * 1024 * 1024, PIECES_MAX = 64 };

struct mock_conn {
    struct conn conn;
    uv_timer_t timer; /* finer than deadlines: chunk rates are to be kept */
    struct mock *m;
    struct http1 parser;
    struct mock_request rq;
    struct buf waiting; /* bytes that came while a script was being played */
    struct arena arena; /* of the request and its script */
    struct mock_script script;
    size_t step;     /* next one to play */
    uint64_t due_us; /* when it is due, loop time */
    uint64_t number; /* in the log */
    bool playing, closing, conn_open, timer_open;
};

static uint64_t now_us(const struct mock_conn *c)
{
    return worker_now_ms(c->conn.worker) * 1000;
}

/* ---- end ------------------------------------------------------------------------------------ */

static void release(struct mock_conn *c)
{
    if (c->conn_open || c->timer_open)
        return;
    http1_done(&c->parser);
    buf_done(&c->rq.body);
    buf_done(&c->waiting);
    arena_done(&c->arena);
    mem_free(c);
}

static void on_timer_closed(uv_handle_t *h)
{
    struct mock_conn *c = h->data;
    c->timer_open = false;
    release(c);
}

static void on_closed(struct conn *conn)
{
    struct mock_conn *c = CONTAINER_OF(conn, struct mock_conn, conn);
    c->conn_open = false;
    release(c);
}

static void end(struct mock_conn *c, bool reset)
{
    if (c->closing)
        return;
    c->closing = true;
    mock_log_connection(c->m->log, -1);
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    if (reset)
        conn_abort(&c->conn);
    else
        conn_close(&c->conn);
}

/* ---- playing -------------------------------------------------------------------------------- */

static void take_input(struct mock_conn *c, str in);
static void on_timer(uv_timer_t *t);

static void finish_script(struct mock_conn *c)
{
    c->playing = false;
    arena_done(&c->arena);
    if (!c->rq.keep_alive) {
        conn_shutdown(&c->conn);
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
    while (c->step < c->script.n) {
        str pieces[PIECES_MAX];
        size_t n = 0;
        enum mock_action then = MOCK_SEND;
        while (c->step < c->script.n && n < PIECES_MAX && then == MOCK_SEND) {
            const struct mock_step *s = &c->script.steps[c->step];
            if (c->due_us > now_us(c))
                break;
            if (s->bytes.n)
                pieces[n++] = s->bytes;
            then = s->action;
            if (++c->step < c->script.n)
                c->due_us += c->script.steps[c->step].pause_us;
        }
        if (n)
            conn_write(&c->conn, pieces, n);
        if (then == MOCK_RESET) {
            end(c, true);
            return;
        }
        if (then == MOCK_CLOSE) {
            c->rq.keep_alive = false;
            break;
        }
        if (c->step < c->script.n && c->due_us > now_us(c)) {
            uv_timer_start(&c->timer, on_timer, (c->due_us - now_us(c) + 999) / 1000, 0);
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
    c->script = mock_answer(c->m, &c->rq, &c->arena);
    if (c->m->options->log && !str_starts(c->rq.target, S("/mock/")))
        c->number = mock_log_add(c->m->log, &c->rq, c->script.status);
    c->step = 0;
    c->due_us = now_us(c) + (c->script.n ? c->script.steps[0].pause_us : 0);
    c->playing = true;
    play(c);
}

/* ---- reading -------------------------------------------------------------------------------- */

static str head_as_json(const struct http_head *h, struct arena *a)
{
    struct buf b;
    struct jw w;
    buf_init(&b, SIZE_MAX / 4);
    jw_init(&w, &b);
    jw_obj(&w);
    for (size_t i = 0; i < h->nfields; i++) {
        str name = arena_dup(a, h->fields[i].name);
        for (size_t k = 0; k < name.n; k++)
            if (name.p[k] >= 'A' && name.p[k] <= 'Z')
                ((char *)(uintptr_t)name.p)[k] = (char)(name.p[k] | 0x20);
        jw_kstr(&w, name, h->fields[i].value);
    }
    jw_obj_end(&w);
    str text = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return text;
}

static void take_head(struct mock_conn *c, const struct http_head *h)
{
    buf_clear(&c->rq.body);
    c->rq.method = arena_dup(&c->arena, h->method);
    c->rq.target = arena_dup(&c->arena, h->target);
    c->rq.head = c->m->options->log ? head_as_json(h, &c->arena) : (str){ 0 };
    c->rq.authorization = arena_dup(&c->arena, http_field_get(h, S("authorization")));
    c->rq.anthropic = http_field_get(h, S("anthropic-version")).p != NULL;
    c->rq.keep_alive = h->keep_alive;
    if (h->expect_continue)
        conn_write(&c->conn, &S("HTTP/1.1 100 Continue\r\n\r\n"), 1);
}

static void refuse(struct mock_conn *c, const struct err *e)
{
    str text = str_c(e->text);
    str head = arena_fmt(&c->arena,
                         "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
                         "Content-Length: %zu\r\nConnection: close\r\n\r\n%.*s",
                         text.n, STRF(text));
    conn_write(&c->conn, &head, 1);
    conn_shutdown(&c->conn);
    c->playing = true; /* takes nothing more */
}

static void take_input(struct mock_conn *c, str in)
{
    struct http_head *head = c->conn.worker->app;
    struct err e = { 0 };
    str body;
    while (!c->closing) {
        if (c->playing) {
            buf_add(&c->waiting, in);
            return;
        }
        switch (http1_next(&c->parser, &in, head, &body, &e)) {
        case HTTP1_MORE:
            return;
        case HTTP1_HEAD:
            take_head(c, head);
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

static void on_open(struct conn *conn)
{
    conn_read_start(conn);
}

static void on_read(struct conn *conn, str bytes)
{
    take_input(CONTAINER_OF(conn, struct mock_conn, conn), bytes);
}

static void left(struct mock_conn *c)
{
    if (c->playing && c->number && c->step < c->script.n)
        mock_log_aborted(c->m->log, c->number);
    end(c, false);
}

static void on_eof(struct conn *conn)
{
    left(CONTAINER_OF(conn, struct mock_conn, conn));
}

static void on_error(struct conn *conn, const struct err *err)
{
    left(CONTAINER_OF(conn, struct mock_conn, conn));
}

static void on_drain(struct conn *conn) {}

static const struct conn_ops ops = { on_open, on_read, on_eof, on_drain, on_error, on_closed };

void mock_on_connection(struct listener *l)
{
    struct mock *m = l->owner;
    struct mock_conn *c = mem_zalloc(sizeof(*c));
    c->m = m;
    http1_init(&c->parser, HTTP1_REQUESTS);
    buf_init(&c->rq.body, BODY_BYTES_MAX);
    buf_init(&c->waiting, BODY_BYTES_MAX);
    arena_init(&c->arena);
    uv_timer_init(&l->worker->loop, &c->timer);
    c->timer.data = c;
    c->conn_open = c->timer_open = true;
    mock_log_connection(m->log, 1);
    conn_accept(&c->conn, l->worker, (uv_stream_t *)&l->tcp, m->tls, &ops);
}
