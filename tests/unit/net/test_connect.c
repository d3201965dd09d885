/* Several addresses for one name: in turn, each within its share of the time. The resolver is ours:
 * it is found before libuv's. */
#include "peer.h"

#include <netdb.h>

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static struct worker w;
static struct client *cl;
static struct peer peer; /* on 127.0.0.2 */

static const char *answers[4]; /* addresses of every name */
static int resolver_status;
static unsigned asked;
static bool resolver_mute;

struct question {
    uv_getaddrinfo_t *req;
    uv_getaddrinfo_cb cb;
};

static struct question *unanswered;

static void reply(struct worker *worker, void *arg)
{
    struct question *q = arg;
    struct sockaddr_in at[4];
    struct addrinfo ai[4] = { 0 };
    size_t n = 0;
    (void)worker;
    for (; n < 4 && answers[n]; n++) {
        uv_ip4_addr(answers[n], 0, &at[n]);
        ai[n].ai_addr = (struct sockaddr *)&at[n];
        if (n)
            ai[n - 1].ai_next = &ai[n];
    }
    q->cb(q->req, resolver_status, n && !resolver_status ? ai : NULL);
    mem_free(q);
}

int uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req, uv_getaddrinfo_cb cb, const char *node,
                   const char *service, const struct addrinfo *hints)
{
    struct question *q = mem_alloc(sizeof(*q));
    (void)loop, (void)node, (void)service, (void)hints;
    *q = (struct question){ req, cb };
    asked++;
    if (resolver_mute)
        unanswered = q;
    else
        worker_post(&w, reply, q);
    resolver_mute = false;
    return 0;
}

void uv_freeaddrinfo(struct addrinfo *ai)
{
    (void)ai;
}

int uv_cancel(uv_req_t *req)
{
    (void)req;
    return UV_EBUSY;
}

static void answer_hello(struct peer_conn *pc)
{
    if (peer_take_request(pc, 0))
        peer_write(pc, S("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"));
}

static void begin(const char *first, const char *second, const char *third)
{
    struct err e;
    answers[0] = first;
    answers[1] = second;
    answers[2] = third;
    asked = 0;
    resolver_status = 0;
    worker_init(&w, 0);
    cl = client_new(&w, NULL);
    peer = (struct peer){ .w = &w, .on_data = answer_hello };
    CHECK_OK(listener_open(&peer.listener, &w, S("127.0.0.2"), 0, peer_on_connection, &e), &e);
}

static struct origin origin(void)
{
    struct origin o = { .host = S("many.test"), .port = listener_port(&peer.listener) };
    o.hash = origin_hash(o.host, o.port, false);
    return o;
}

static void the_next_address_is_tried(void **state)
{
    (void)state;
    /* refused; no route to a class E address, or refused at once; then the one */
    begin("127.0.0.1", "255.255.255.255", "127.0.0.2");
    for (int i = 0; i < 2; i++) {
        struct call k = { 0 };
        call_start(cl, &k, origin(), S(GET));
        RUN_UNTIL(&w, call_is_over(&k));
        if (k.fails)
            fail_msg("%s", k.err.text);
        CHECK_STR(buf_str(&k.body), S("hello"));
        buf_done(&k.body);
    }
    assert_int_equal(asked, 1);
    wind_up(&w, cl, &peer);
}

static void when_none_answers_the_name_is_asked_again(void **state)
{
    (void)state;
    begin("127.0.0.1", "127.0.0.3", NULL);
    for (unsigned i = 0; i < 2; i++) {
        struct call k = { 0 };
        call_start(cl, &k, origin(), S(GET));
        RUN_UNTIL(&w, call_is_over(&k));
        assert_int_equal(k.why, CLIENT_FAIL_CONNECT);
        assert_int_equal(asked, i + 1);
    }
    answers[1] = "127.0.0.2"; /* it has moved */
    struct call k = { 0 };
    call_start(cl, &k, origin(), S(GET));
    RUN_UNTIL(&w, call_is_over(&k));
    assert_int_equal(k.ends, 1);
    buf_done(&k.body);
    wind_up(&w, cl, &peer);
}

/* A socket that listens and whose backlog is full drops every SYN. */
static void a_silent_address_gets_its_share_only(void **state)
{
    (void)state;
    enum { FILL = 8 };
    struct call k = { 0 };
    int fds[FILL], l = socket(AF_INET, SOCK_STREAM, 0);
    begin("127.0.0.1", "127.0.0.2", NULL);
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons(listener_port(&peer.listener)) };
    assert_int_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(l, 0), 0);
    for (int i = 0; i < FILL; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fds[i], (struct sockaddr *)&a, sizeof(a));
    }
    k.request.connect_ms = 600;
    uint64_t begun = worker_now_ms(&w);
    call_start(cl, &k, origin(), S(GET));
    RUN_UNTIL(&w, call_is_over(&k));
    if (k.fails)
        fail_msg("%s", k.err.text);
    assert_true(worker_now_ms(&w) - begun >= 300);
    buf_done(&k.body);
    for (int i = 0; i < FILL; i++)
        close(fds[i]);
    close(l);
    wind_up(&w, cl, &peer);
}

static void public_only_skips_what_is_not(void **state)
{
    (void)state;
    begin("127.0.0.2", "10.0.0.1", "169.254.169.254");
    struct call k = { 0 };
    struct origin o = origin();
    call_start(cl, &k, o, S(GET)); /* leaves an idle connection, or might */
    RUN_UNTIL(&w, call_is_over(&k));
    assert_int_equal(k.ends, 1);
    buf_done(&k.body);
    unsigned before = asked;
    for (int i = 0; i < 2; i++) { /* looked up, then from the cache */
        struct call refused = { 0 };
        o.public_only = true;
        call_start(cl, &refused, o, S(GET));
        RUN_UNTIL(&w, call_is_over(&refused));
        assert_int_equal(refused.fails, 1);
        assert_int_equal(refused.why, CLIENT_FAIL_FORBIDDEN);
        assert_true(str_contains(str_c(refused.err.text), S("many.test")));
    }
    assert_int_equal(asked, before);
    o.host = S("127.0.0.2"); /* a literal is no way round */
    o.hash = origin_hash(o.host, o.port, false);
    struct call literal = { 0 };
    call_start(cl, &literal, o, S(GET));
    RUN_UNTIL(&w, call_is_over(&literal));
    assert_int_equal(literal.why, CLIENT_FAIL_FORBIDDEN);
    wind_up(&w, cl, &peer);
}

static void a_slow_resolver_runs_into_connect_ms(void **state)
{
    (void)state;
    struct call k = { 0 }, cancelled = { 0 };
    begin("127.0.0.2", NULL, NULL);
    resolver_mute = true;
    k.request.connect_ms = 50;
    call_start(cl, &k, origin(), S(GET));
    call_start(cl, &cancelled, origin(), S(GET)); /* waits for the same answer */
    client_cancel(&cancelled.c);
    RUN_UNTIL(&w, call_is_over(&k));
    assert_int_equal(k.why, CLIENT_FAIL_TIMEOUT);
    assert_true(str_contains(str_c(k.err.text), S("many.test")));
    assert_int_equal(asked, 1);
    worker_post(&w, reply, unanswered);
    run_for(&w, 10);
    assert_int_equal(k.fails, 1);
    assert_int_equal(cancelled.fails + cancelled.ends, 0);
    wind_up(&w, cl, &peer);
}

static void several_calls_wait_for_one_answer(void **state)
{
    (void)state;
    struct call k[3] = { 0 };
    begin("127.0.0.2", NULL, NULL);
    for (int i = 0; i < 3; i++)
        call_start(cl, &k[i], origin(), S(GET));
    RUN_UNTIL(&w, call_is_over(&k[0]) && call_is_over(&k[1]) && call_is_over(&k[2]));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(k[i].ends, 1);
        buf_done(&k[i].body);
    }
    assert_int_equal(asked, 1);
    wind_up(&w, cl, &peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_address_is_tried),
        cmocka_unit_test(when_none_answers_the_name_is_asked_again),
        cmocka_unit_test(a_silent_address_gets_its_share_only),
        cmocka_unit_test(public_only_skips_what_is_not),
        cmocka_unit_test(a_slow_resolver_runs_into_connect_ms),
        cmocka_unit_test(several_calls_wait_for_one_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
