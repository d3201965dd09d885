/* Many calls at once against an upstream that misbehaves at random, while the caller pauses,
 * resumes and cancels at random. Whatever happens: a call ends once, nothing comes after a cancel,
 * and the bytes that come are the answer to that very request. Replayable: the seed is printed on
 * failure. */
#include "peer.h"

enum { ROUNDS = 12, CALLS = 120, AT_ONCE = 24, BODY_MAX = 3000 };

static struct worker w;
static struct client *cl;
static uint64_t rng;

static unsigned pick(unsigned n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (unsigned)(rng >> 33) % n;
}

/* ---- the upstream ---- */

struct up {
    struct conn conn;
    struct up *next;
    struct buf got;
    struct buf answer; /* not yet written */
    struct deadline slow;
    bool closed, last, at_once;
};

static struct listener listener;
static struct up *ups;

static void up_close(struct up *u)
{
    deadline_clear(&w.deadlines, &u->slow);
    if (pick(2))
        conn_abort(&u->conn);
    else
        conn_close(&u->conn);
}

/* Writes a part of the answer, now and then goes away, and comes back for more. */
static void up_step(struct deadline *d)
{
    struct up *u = CONTAINER_OF(d, struct up, slow);
    if (conn_is_closing(&u->conn))
        return;
    size_t n = u->at_once || pick(4) ? u->answer.n : pick((unsigned)u->answer.n + 1);
    str part = str_take(buf_str(&u->answer), n);
    if (n)
        conn_write(&u->conn, &part, 1);
    buf_drop(&u->answer, n);
    if (pick(40) == 0 || (u->last && u->answer.n == 0))
        up_close(u);
    else if (u->answer.n)
        deadline_set(&w.deadlines, &u->slow, pick(3), up_step);
}

/* The answer to request `id`: its body is the id, over and over. */
static void up_answer(struct up *u, unsigned id)
{
    static char body[BODY_MAX + 16];
    struct buf *a = &u->answer;
    size_t n = 0;
    for (size_t want = pick(BODY_MAX); n < want;)
        n += (size_t)snprintf(body + n, sizeof(body) - n, "%u,", id);
    switch (pick(4)) {
    case 0: /* chunked */
        buf_fmt(a, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (size_t at = 0, k; at < n; at += k) {
            k = 1 + pick(700);
            k = k < n - at ? k : n - at;
            buf_fmt(a, "%zx\r\n%.*s\r\n", k, (int)k, body + at);
        }
        buf_fmt(a, "0\r\n\r\n");
        break;
    case 1: /* to the end of the connection */
        buf_fmt(a, "HTTP/1.1 200 OK\r\n\r\n%.*s", (int)n, body);
        u->last = true;
        break;
    case 2:
        buf_fmt(a, "HTTP/1.1 100 Continue\r\n\r\n");
        /* fall through */
    default:
        buf_fmt(a, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%.*s", n, (int)n, body);
    }
    switch (pick(16)) {
    case 0: /* cut */
        a->n = pick((unsigned)a->n);
        u->last = true;
        break;
    case 1: /* something behind it, in one write: later it could not be told from an answer */
        if (u->last)
            break;
        u->at_once = true;
        buf_fmt(a, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        break;
    case 2:
        u->last = true;
        break;
    }
}

static void up_read(struct conn *c, str bytes)
{
    struct up *u = CONTAINER_OF(c, struct up, conn);
    buf_add(&u->got, bytes);
    str all = buf_str(&u->got);
    if (!str_contains(all, S("\r\n\r\n")))
        return;
    uint64_t id;
    str_cut(&all, '/');
    assert_true(str_to_u64(str_cut(&all, ' '), &id));
    buf_clear(&u->got);
    if (pick(20) == 0) {
        up_close(u);
        return;
    }
    up_answer(u, (unsigned)id);
    up_step(&u->slow);
}

static void up_open(struct conn *c)
{
    conn_read_start(c);
    if (pick(30) == 0)
        conn_write(c, &S("unasked"), 1);
}

static void up_eof(struct conn *c)
{
    up_close(CONTAINER_OF(c, struct up, conn));
}

static void up_error(struct conn *c, const struct err *err)
{
    (void)err;
    up_close(CONTAINER_OF(c, struct up, conn));
}

static void up_drain(struct conn *c)
{
    (void)c;
}

static void up_closed(struct conn *c)
{
    CONTAINER_OF(c, struct up, conn)->closed = true;
}

static const struct conn_ops up_ops = { up_open, up_read, up_eof, up_drain, up_error, up_closed };

static void on_connection(struct listener *l)
{
    struct up *u = mem_zalloc(sizeof(*u));
    buf_init(&u->got, 1 << 20);
    buf_init(&u->answer, 1 << 20);
    u->next = ups;
    ups = u;
    conn_accept(&u->conn, &w, (uv_stream_t *)&l->tcp, NULL, &up_ops);
}

/* ---- the callers ---- */

struct caller {
    struct client_call call;
    struct client_request request;
    char text[64];
    unsigned id;
    struct buf body;
    struct deadline later; /* resumes, or cancels */
    bool running, cancelled, headed;
    unsigned ends;
};

static struct caller callers[CALLS];
static struct origin origin;
static unsigned started, over, whole;

static void start_next(void);

static void is_over(struct caller *k)
{
    k->running = false;
    over++;
    deadline_clear(&w.deadlines, &k->later);
    start_next();
}

static void cancel(struct caller *k)
{
    client_cancel(&k->call);
    k->cancelled = true;
    is_over(k);
}

static void on_later(struct deadline *d)
{
    struct caller *k = CONTAINER_OF(d, struct caller, later);
    if (pick(6) == 0)
        cancel(k);
    else
        client_resume(&k->call);
}

static bool meddle(struct caller *k)
{
    switch (pick(12)) {
    case 0:
        client_pause(&k->call);
        deadline_set(&w.deadlines, &k->later, pick(4), on_later);
        return true;
    case 1:
        if (pick(3))
            return true;
        cancel(k);
        return false;
    default:
        return true;
    }
}

static void on_head(struct client_call *c, const struct http_head *head)
{
    struct caller *k = CONTAINER_OF(c, struct caller, call);
    assert_true(k->running && !k->headed);
    assert_int_equal(head->status, 200);
    k->headed = true;
    memset(&k->request, 0x5a, sizeof(k->request)); /* not looked at any more */
    meddle(k);
}

static void on_body(struct client_call *c, str bytes)
{
    struct caller *k = CONTAINER_OF(c, struct caller, call);
    assert_true(k->running && k->headed);
    buf_add(&k->body, bytes);
    meddle(k);
}

static void check_body(struct caller *k)
{
    char want[16];
    str rest = buf_str(&k->body), one = { want, 0 };
    one.n = (size_t)snprintf(want, sizeof(want), "%u,", k->id);
    for (; rest.n; rest = str_skip(rest, one.n))
        CHECK_STR(str_take(rest, one.n), str_take(one, rest.n));
}

static void on_end(struct client_call *c)
{
    struct caller *k = CONTAINER_OF(c, struct caller, call);
    assert_true(k->running && k->headed);
    check_body(k);
    whole++;
    k->ends++;
    is_over(k);
}

static void on_fail(struct client_call *c, enum client_fail why, const struct err *err)
{
    struct caller *k = CONTAINER_OF(c, struct caller, call);
    assert_true(k->running && err->text[0]);
    assert_true(k->headed == (why == CLIENT_FAIL_TRUNCATED) || why == CLIENT_FAIL_MALFORMED);
    check_body(k);
    k->ends++;
    is_over(k);
}

static void on_read_done(struct client_call *c)
{
    assert_true(CONTAINER_OF(c, struct caller, call)->running);
}

static const struct client_ops ops = { .on_head = on_head,
                                       .on_body = on_body,
                                       .on_end = on_end,
                                       .on_fail = on_fail,
                                       .on_read_done = on_read_done };

static void start_next(void)
{
    if (started == CALLS)
        return;
    struct caller *k = &callers[started];
    *k = (struct caller){ .id = 1000 + started, .running = true };
    started++;
    buf_init(&k->body, 1 << 20);
    snprintf(k->text, sizeof(k->text), "GET /%u HTTP/1.1\r\nHost: x\r\n\r\n", k->id);
    k->request =
        (struct client_request){ .origin = &origin, .pieces = { str_c(k->text) }, .npieces = 1 };
    client_start(cl, &k->call, &k->request, &ops);
    if (pick(20) == 0)
        deadline_set(&w.deadlines, &k->later, pick(10), on_later);
}

static void run_round(uint64_t seed)
{
    struct err e;
    rng = seed * 0x9e3779b97f4a7c15u + 1;
    started = over = 0;
    worker_init(&w, 0);
    cl = client_new(&w, &(struct client_limits){ .idle_ms = 20, .idle_max = 8 });
    CHECK_OK(listener_open(&listener, &w, S("127.0.0.1"), 0, on_connection, &e), &e);
    origin = (struct origin){ .host = S("127.0.0.1"), .port = listener_port(&listener) };
    origin.hash = origin_hash(origin.host, origin.port, false);
    for (int i = 0; i < AT_ONCE; i++)
        start_next();
    RUN_UNTIL(&w, over == CALLS);
    run_for(&w, 5);
    for (int i = 0; i < CALLS; i++) {
        assert_int_equal(callers[i].ends, !callers[i].cancelled);
        buf_done(&callers[i].body);
    }
    listener_close(&listener, NULL);
    for (struct up *u = ups; u; u = u->next)
        up_close(u);
    client_free(cl);
    worker_stop(&w);
    worker_run(&w);
    assert_int_equal(w.accepted, 0);
    worker_done(&w);
    while (ups) {
        struct up *u = ups;
        ups = u->next;
        assert_true(u->closed);
        buf_done(&u->got);
        buf_done(&u->answer);
        mem_free(u);
    }
}

static void every_call_gets_its_own_answer_or_none(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        print_message("seed %u\n", (unsigned)seed);
        run_round(seed);
    }
    assert_true(whole > ROUNDS * CALLS / 4); /* most of it works all the same */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_gets_its_own_answer_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
