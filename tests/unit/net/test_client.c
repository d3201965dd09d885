/* The client against a scripted upstream on the same loop. */
#include "peer.h"

static struct worker w;
static struct client *cl;
static struct peer peer;

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static void begin(void (*on_data)(struct peer_conn *))
{
    worker_init(&w, 0);
    cl = client_new(&w, NULL);
    peer_open(&peer, &w, on_data);
}

static void end(void)
{
    wind_up(&w, cl, &peer);
}

static void answer_hello(struct peer_conn *pc)
{
    if (peer_take_request(pc, 0))
        peer_write(pc, S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
}

static void check_hello(struct call *k)
{
    assert_int_equal(k->fails, 0);
    assert_int_equal(k->heads, 1);
    assert_int_equal(k->ends, 1);
    assert_int_equal(k->status, 200);
    CHECK_STR(buf_str(&k->body), S("hello"));
    buf_done(&k->body);
}

static void plain_call_and_reuse(void **state)
{
    (void)state;
    begin(answer_hello);
    for (int i = 0; i < 3; i++) {
        struct call k = { 0 };
        call_start(cl, &k, peer_origin(&peer), S(GET));
        RUN_UNTIL(&w, call_is_over(&k));
        check_hello(&k);
        assert_int_equal(k.c.reused, i > 0);
    }
    assert_int_equal(peer.n, 1);
    assert_int_equal(peer.conns[0]->requests, 3);
    end();
}

static void a_call_started_in_on_end_reuses(void **state)
{
    (void)state;
    struct call k = { 0 }, then = { 0 };
    begin(answer_hello);
    k.then = &then;
    call_start(cl, &k, peer_origin(&peer), S(GET));
    RUN_UNTIL(&w, call_is_over(&then));
    check_hello(&k);
    check_hello(&then);
    assert_int_equal(peer.n, 1);
    end();
}

/* The newest idle connection is taken, so the oldest can run out. */
static void concurrent_calls_then_lifo(void **state)
{
    (void)state;
    struct call k[3] = { 0 }, one = { 0 };
    begin(answer_hello);
    for (int i = 0; i < 3; i++)
        call_start(cl, &k[i], peer_origin(&peer), S(GET));
    RUN_UNTIL(&w, call_is_over(&k[0]) && call_is_over(&k[1]) && call_is_over(&k[2]));
    for (int i = 0; i < 3; i++)
        check_hello(&k[i]);
    assert_int_equal(peer.n, 3);
    call_start(cl, &one, peer_origin(&peer), S(GET));
    RUN_UNTIL(&w, call_is_over(&one));
    check_hello(&one);
    assert_int_equal(peer.n, 3);
    end();
}

static void answer_once_then_die(struct peer_conn *pc)
{
    if (!peer_take_request(pc, 0))
        return;
    if (pc->index == 0 && pc->requests == 2)
        conn_close(&pc->conn);
    else
        peer_write(pc, S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
}

static void a_stale_reused_connection_is_retried(void **state)
{
    (void)state;
    struct call a = { 0 }, b = { 0 };
    begin(answer_once_then_die);
    call_start(cl, &a, peer_origin(&peer), S(GET));
    RUN_UNTIL(&w, call_is_over(&a));
    check_hello(&a);
    call_start(cl, &b, peer_origin(&peer), S(GET));
    assert_true(b.c.reused);
    RUN_UNTIL(&w, call_is_over(&b));
    check_hello(&b);
    assert_int_equal(peer.n, 2);
    end();
}

static void die_on_request(struct peer_conn *pc)
{
    if (peer_take_request(pc, 0))
        conn_close(&pc->conn);
}

/* A new connection that dies is not retried; nor is a streaming request on a reused one. */
static void dying_without_answer_is_a_reset(void **state)
{
    (void)state;
    struct call a = { 0 };
    begin(die_on_request);
    call_start(cl, &a, peer_origin(&peer), S(GET));
    RUN_UNTIL(&w, call_is_over(&a));
    assert_int_equal(a.fails, 1);
    assert_int_equal(a.why, CLIENT_FAIL_RESET);
    assert_int_equal(peer.n, 1);
    buf_done(&a.body);
    end();
}

static void a_streaming_request_is_not_sent_twice(void **state)
{
    (void)state;
    struct call a = { 0 }, b = { 0 };
    begin(answer_once_then_die);
    call_start(cl, &a, peer_origin(&peer), S(GET));
    RUN_UNTIL(&w, call_is_over(&a));
    check_hello(&a);
    b.request.streaming = true;
    call_start(cl, &b, peer_origin(&peer), S(GET));
    client_send_done(&b.c);
    RUN_UNTIL(&w, call_is_over(&b));
    assert_int_equal(b.why, CLIENT_FAIL_RESET);
    assert_int_equal(peer.n, 1);
    buf_done(&b.body);
    end();
}

static void answer_with_more_behind(struct peer_conn *pc)
{
    if (!peer_take_request(pc, 0))
        return;
    peer_write(pc, pc->index == 0 ? S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
                                      "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
                                  : S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
}

static void bytes_behind_a_response_close(void **state)
{
    (void)state;
    struct call a = { 0 }, b = { 0 };
    begin(answer_with_more_behind);
    call_start(cl, &a, peer_origin(&peer), S(GET));
    RUN_UNTIL(&w, call_is_over(&a));
    check_hello(&a);
    call_start(cl, &b, peer_origin(&peer), S(GET));
    assert_false(b.c.reused);
    RUN_UNTIL(&w, call_is_over(&b));
    check_hello(&b);
    end();
}

static void unasked_bytes_close_an_idle_connection(void **state)
{
    (void)state;
    struct call a = { 0 }, b = { 0 };
    begin(answer_hello);
    call_start(cl, &a, peer_origin(&peer), S(GET));
    RUN_UNTIL(&w, call_is_over(&a));
    check_hello(&a);
    peer_write(peer.conns[0], S("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
    RUN_UNTIL(&w, peer.conns[0]->closed);
    call_start(cl, &b, peer_origin(&peer), S(GET));
    assert_false(b.c.reused);
    RUN_UNTIL(&w, call_is_over(&b));
    check_hello(&b);
    end();
}

/* The hard case: the stray bytes are in our socket, but the loop has not told us of them when the
 * next request goes out. Both happen in one turn: the trigger's event and the stray bytes' are
 * fetched from the kernel together, and the trigger is looked at first. */
struct trigger {
    uv_poll_t poll;
    int fds[2];
    struct call *call;
};

static void on_trigger(uv_poll_t *poll, int status, int events)
{
    struct trigger *t = CONTAINER_OF(poll, struct trigger, poll);
    (void)status, (void)events;
    uv_poll_stop(poll);
    call_start(cl, t->call, peer_origin(&peer), S(GET));
}

static void stray_bytes_in_the_socket_are_no_answer(void **state)
{
    (void)state;
    struct call a = { 0 }, b = { 0 };
    struct trigger t = { .call = &b };
    begin(answer_hello);
    call_start(cl, &a, peer_origin(&peer), S(GET));
    RUN_UNTIL(&w, call_is_over(&a));
    check_hello(&a);
    assert_int_equal(pipe(t.fds), 0);
    uv_poll_init(&w.loop, &t.poll, t.fds[0]);
    uv_poll_start(&t.poll, UV_READABLE, on_trigger);
    uv_run(&w.loop, UV_RUN_NOWAIT); /* both descriptors are known to the kernel now */
    assert_int_equal(write(t.fds[1], "x", 1), 1);
    peer_write(peer.conns[0], S("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
    RUN_UNTIL(&w, call_is_over(&b));
    assert_true(peer.n == 2); /* sent anew */
    check_hello(&b);
    uv_close((uv_handle_t *)&t.poll, NULL);
    end();
    close(t.fds[0]);
    close(t.fds[1]);
}

static void cut_body(struct peer_conn *pc)
{
    if (!peer_take_request(pc, 0))
        return;
    peer_write(pc, S("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"));
    conn_shutdown(&pc->conn);
}

static void cut_chunks(struct peer_conn *pc)
{
    if (!peer_take_request(pc, 0))
        return;
    peer_write(pc, S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"));
    conn_shutdown(&pc->conn);
}

static void reset_body(struct peer_conn *pc)
{
    if (!peer_take_request(pc, 0))
        return;
    peer_write(pc, S("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"));
    conn_abort(&pc->conn);
}

static void malformed_head(struct peer_conn *pc)
{
    if (peer_take_request(pc, 0))
        peer_write(pc, S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"));
}

static void html_no_http(struct peer_conn *pc)
{
    if (peer_take_request(pc, 0))
        peer_write(pc, S("<html>hello</html>"));
}

static void switches_protocol(struct peer_conn *pc)
{
    if (peer_take_request(pc, 0))
        peer_write(pc, S("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
                         "Connection: upgrade\r\n\r\n"));
}

/* Echoes what comes behind the request, and says "hi" right behind its head. "bye" ends it. */
static void echoes(struct peer_conn *pc)
{
    if (pc->requests == 0) {
        if (peer_take_request(pc, 0))
            peer_write(pc, S("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
                             "Connection: upgrade\r\n\r\nhi"));
        return;
    }
    str said = buf_str(&pc->got);
    peer_write(pc, said);
    if (str_contains(said, S("bye")))
        conn_shutdown(&pc->conn);
    buf_clear(&pc->got);
}

static void a_tunnel(void **state)
{
    (void)state;
    struct call k = { .request.upgrade = true };
    str hello = S(" hello"), bye = S(" HTTP/1.1 bye");
    begin(echoes);
    call_start(cl, &k, peer_origin(&peer), S(GET));
    RUN_UNTIL(&w, k.body.n == 2);
    assert_int_equal(k.heads, 1);
    assert_int_equal(k.status, 101);
    client_pause(&k.c);
    client_send(&k.c, &hello, 1);
    for (int i = 0; i < 20; i++)
        uv_run(&w.loop, UV_RUN_NOWAIT);
    assert_int_equal(k.body.n, 2); /* not read on */
    client_resume(&k.c);
    RUN_UNTIL(&w, k.body.n == 8);
    client_send(&k.c, &bye, 1);
    client_shutdown(&k.c);
    RUN_UNTIL(&w, call_is_over(&k));
    CHECK_STR(buf_str(&k.body), S("hi hello HTTP/1.1 bye"));
    assert_int_equal(k.ends, 1);
    RUN_UNTIL(&w, peer.conns[0]->closed); /* never used again */
    buf_done(&k.body);
    end();
}

static void a_tunnel_cancelled(void **state)
{
    (void)state;
    struct call k = { .request.upgrade = true };
    begin(echoes);
    call_start(cl, &k, peer_origin(&peer), S(GET));
    RUN_UNTIL(&w, k.body.n == 2);
    client_cancel(&k.c);
    RUN_UNTIL(&w, peer.conns[0]->closed);
    assert_false(call_is_over(&k));
    client_shutdown(&k.c); /* fine when over */
    buf_done(&k.body);
    end();
}

static void resets_tunnel(struct peer_conn *pc)
{
    if (pc->requests == 0)
        echoes(pc);
    else
        conn_abort(&pc->conn);
}

static void a_tunnel_reset(void **state)
{
    (void)state;
    struct call k = { .request.upgrade = true };
    str x = S("x");
    begin(resets_tunnel);
    call_start(cl, &k, peer_origin(&peer), S(GET));
    RUN_UNTIL(&w, k.body.n == 2);
    client_send(&k.c, &x, 1);
    RUN_UNTIL(&w, call_is_over(&k));
    assert_int_equal(k.why, CLIENT_FAIL_TRUNCATED);
    buf_done(&k.body);
    end();
}

static void an_upgrade_refused(void **state)
{
    (void)state;
    struct call k = { .request.upgrade = true };
    begin(answer_hello);
    call_start(cl, &k, peer_origin(&peer), S(GET));
    RUN_UNTIL(&w, call_is_over(&k));
    check_hello(&k);
    end();
}

static void broken_answers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*script)(struct peer_conn *pc);
        enum client_fail why;
        const char *body;
    } cases[] = {
        { "content-length cut", cut_body, CLIENT_FAIL_TRUNCATED, "hello" },
        { "chunked cut", cut_chunks, CLIENT_FAIL_TRUNCATED, "hello" },
        { "reset in the body", reset_body, CLIENT_FAIL_TRUNCATED, NULL },
        { "malformed head", malformed_head, CLIENT_FAIL_MALFORMED, "" },
        { "no HTTP", html_no_http, CLIENT_FAIL_MALFORMED, "" },
        { "101 unasked", switches_protocol, CLIENT_FAIL_MALFORMED, "" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct call k = { 0 };
        begin(cases[i].script);
        call_start(cl, &k, peer_origin(&peer), S(GET));
        RUN_UNTIL(&w, call_is_over(&k));
        if (k.fails != 1 || k.ends || k.why != cases[i].why)
            fail_msg("%s: fails %u why %d ends %u", cases[i].name, k.fails, (int)k.why, k.ends);
        if (cases[i].body)
            CHECK_STR(buf_str(&k.body), str_c(cases[i].body));
        RUN_UNTIL(&w, peer.conns[0]->closed);
        buf_done(&k.body);
        end();
    }
}

static void until_close(struct peer_conn *pc)
{
    if (!peer_take_request(pc, 0))
        return;
    peer_write(pc, S("HTTP/1.1 200 OK\r\n\r\nhello"));
    conn_shutdown(&pc->conn);
}

static void says_close(struct peer_conn *pc)
{
    if (peer_take_request(pc, 0))
        peer_write(pc, S("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"));
}

static void interim_first(struct peer_conn *pc)
{
    if (peer_take_request(pc, 0))
        peer_write(pc, S("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
                         "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
}

static void whole_answers(void **state)
{
    (void)state;
    static const struct {
        void (*script)(struct peer_conn *pc);
        bool kept;
    } cases[] = { { until_close, false }, { says_close, false }, { interim_first, true } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct call k = { 0 }, again = { 0 };
        begin(cases[i].script);
        call_start(cl, &k, peer_origin(&peer), S(GET));
        RUN_UNTIL(&w, call_is_over(&k));
        check_hello(&k);
        call_start(cl, &again, peer_origin(&peer), S(GET));
        assert_int_equal(again.c.reused, cases[i].kept);
        RUN_UNTIL(&w, call_is_over(&again));
        check_hello(&again);
        end();
    }
}

static void head_only(struct peer_conn *pc)
{
    if (peer_take_request(pc, 0))
        peer_write(pc, S("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"));
}

static void head_requests_have_no_body(void **state)
{
    (void)state;
    begin(head_only);
    for (int i = 0; i < 2; i++) {
        struct call k = { 0 };
        k.request.head_method = true;
        call_start(cl, &k, peer_origin(&peer), S("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"));
        RUN_UNTIL(&w, call_is_over(&k));
        assert_int_equal(k.ends, 1);
        assert_int_equal(k.c.reused, i);
    }
    end();
}

enum { BIG = 8 * 1024 * 1024 };
static char *big;

static void send_big(struct peer_conn *pc)
{
    if (!peer_take_request(pc, 0))
        return;
    char head[64];
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BIG);
    str pieces[] = { str_c(head), { big, BIG } };
    conn_write(&pc->conn, pieces, 2);
}

static void fill_big(void)
{
    big = mem_alloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)('a' + i * 7 % 26 + (i / 4096) % 3);
}

static void a_paused_call_holds_the_sender_back(void **state)
{
    (void)state;
    struct call k = { .pause_at_body = true };
    fill_big();
    begin(send_big);
    call_start(cl, &k, peer_origin(&peer), S(GET));
    RUN_UNTIL(&w, k.pieces > 0);
    run_for(&w, 60);
    assert_true(k.body.n <= WORKER_READ_BYTES); /* nothing but the first read */
    assert_true(conn_queued(&peer.conns[0]->conn) > 0);
    size_t held = k.body.n;
    run_for(&w, 30);
    assert_int_equal(k.body.n, held);
    k.pause_at_body = false;
    client_resume(&k.c);
    RUN_UNTIL(&w, call_is_over(&k));
    assert_int_equal(k.ends, 1);
    CHECK_STR(str_take(buf_str(&k.body), 100), ((str){ big, 100 }));
    assert_true(str_eq(buf_str(&k.body), (str){ big, BIG }));
    assert_true(k.read_dones > 0);
    buf_done(&k.body);
    end();
    mem_free(big);
}

static void take_big(struct peer_conn *pc)
{
    if (pc->got.n < BIG)
        return;
    str all = buf_str(&pc->got);
    size_t head = str_index(all, '#');
    if (all.n - head - 1 < BIG)
        return;
    bool same = str_eq(str_skip(all, head + 1), (str){ big, BIG });
    peer_write(pc, same ? S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
                        : S("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"));
    buf_clear(&pc->got);
}

/* More than a socket takes: the rest goes out piece by piece, and little of it is copied. */
static void a_large_request_arrives_whole(void **state)
{
    (void)state;
    struct call k = { 0 };
    fill_big();
    begin(take_big);
    k.request.pieces[0] = S("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n#");
    k.request.pieces[1] = (str){ big, 1000 };
    k.request.pieces[2] = (str){ big + 1000, BIG - 1000 };
    k.request.npieces = 3;
    call_start(cl, &k, peer_origin(&peer), S(""));
    while (!call_is_over(&k)) {
        uv_run(&w.loop, UV_RUN_ONCE);
        assert_true(client_queued(&k.c) <= 64 * 1024);
    }
    check_hello(&k);
    end();
    mem_free(big);
}

static void answer_early(struct peer_conn *pc)
{
    if (!peer_take_request(pc, 0))
        return;
    peer_write(pc, S("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nhello"));
    conn_read_stop(&pc->conn);
}

static void an_early_answer_is_delivered_and_the_connection_closed(void **state)
{
    (void)state;
    struct call k = { 0 }, next = { 0 };
    fill_big();
    begin(answer_early);
    k.request.pieces[0] = S("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n");
    k.request.pieces[1] = (str){ big, BIG };
    k.request.npieces = 2;
    call_start(cl, &k, peer_origin(&peer), S(""));
    RUN_UNTIL(&w, call_is_over(&k));
    assert_int_equal(k.ends, 1);
    assert_int_equal(k.status, 413);
    CHECK_STR(buf_str(&k.body), S("hello"));
    buf_done(&k.body);
    call_start(cl, &next, peer_origin(&peer), S(GET));
    assert_false(next.c.reused);
    RUN_UNTIL(&w, call_is_over(&next));
    buf_done(&next.body);
    end();
    mem_free(big);
}

static void answer_head_early(struct peer_conn *pc)
{
    if (peer_take_request(pc, 0))
        peer_write(pc, S("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\n"));
}

/* Once the head is here the request's bytes may go, so none of them is looked at any more. */
static void nothing_is_sent_after_an_early_head(void **state)
{
    (void)state;
    struct call k = { 0 };
    fill_big();
    begin(answer_head_early);
    k.request.pieces[0] = S("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n");
    k.request.pieces[1] = (str){ big, BIG };
    k.request.npieces = 2;
    call_start(cl, &k, peer_origin(&peer), S(""));
    while (!k.heads)
        uv_run(&w.loop, UV_RUN_ONCE);
    mem_free(big);
    k.c.request = NULL;
    run_for(&w, 60);
    assert_true(peer.conns[0]->got.n < BIG);
    peer_write(peer.conns[0], S("hello"));
    RUN_UNTIL(&w, call_is_over(&k));
    assert_int_equal(k.ends, 1);
    RUN_UNTIL(&w, peer.conns[0]->closed);
    buf_done(&k.body);
    end();
}

static void echo_stream(struct peer_conn *pc)
{
    str all = buf_str(&pc->got);
    if (!str_contains(all, S("\r\n\r\nonetwothree")))
        return;
    buf_clear(&pc->got);
    peer_write(pc, S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
}

static void streaming_request_bodies(void **state)
{
    (void)state;
    begin(echo_stream);
    for (int i = 0; i < 2; i++) {
        struct call k = { 0 };
        k.request.streaming = true;
        call_start(cl, &k, peer_origin(&peer),
                   S("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n"));
        str early[] = { S("one"), S("two") };
        client_send(&k.c, early, 2); /* on the first round: no connection yet */
        run_for(&w, 20);
        str late = S("three");
        client_send(&k.c, &late, 1);
        client_send_done(&k.c);
        RUN_UNTIL(&w, call_is_over(&k));
        check_hello(&k);
        assert_int_equal(k.c.reused, i);
    }
    end();
}

static void never_answer(struct peer_conn *pc)
{
    (void)pc;
}

static void cancel_reaches_the_peer(void **state)
{
    (void)state;
    struct call k = { 0 }, before = { 0 };
    begin(never_answer);
    /* before there is a connection */
    call_start(cl, &before, peer_origin(&peer), S(GET));
    client_cancel(&before.c);
    client_cancel(&before.c);
    /* while waiting for the answer */
    call_start(cl, &k, peer_origin(&peer), S(GET));
    RUN_UNTIL(&w, peer.n > 0 && peer.conns[peer.n - 1]->got.n > 0);
    client_cancel(&k.c);
    RUN_UNTIL(&w, peer.conns[peer.n - 1]->eof || peer.conns[peer.n - 1]->failed);
    assert_int_equal(k.heads + k.ends + k.fails, 0);
    assert_int_equal(before.heads + before.ends + before.fails, 0);
    end();
}

static void cancel_from_callbacks(void **state)
{
    (void)state;
    for (int at_body = 0; at_body < 2; at_body++) {
        struct call k = { 0 };
        k.cancel_at_head = !at_body;
        k.cancel_at_body = at_body;
        begin(answer_hello);
        call_start(cl, &k, peer_origin(&peer), S(GET));
        RUN_UNTIL(&w, k.heads == 1 && peer.conns[0]->closed);
        assert_int_equal(k.pieces, at_body);
        assert_int_equal(k.ends + k.fails, 0);
        buf_done(&k.body);
        end();
    }
}

static void refused_is_a_connect_failure(void **state)
{
    (void)state;
    struct call k = { 0 };
    begin(never_answer);
    struct origin o = peer_origin(&peer);
    listener_close(&peer.listener, NULL);
    run_for(&w, 10);
    call_start(cl, &k, o, S(GET));
    RUN_UNTIL(&w, call_is_over(&k));
    assert_int_equal(k.why, CLIENT_FAIL_CONNECT);
    assert_true(str_contains(str_c(k.err.text), S("refused")));
    client_free(cl);
    worker_stop(&w);
    worker_run(&w);
    worker_done(&w);
}

static void names(void **state)
{
    (void)state;
    struct call k = { 0 }, bad = { 0 }, cached = { 0 }, empty = { 0 };
    begin(answer_hello);
    struct origin o = peer_origin(&peer);
    o.host = S("localhost");
    o.hash = origin_hash(o.host, o.port, false);
    call_start(cl, &k, o, S(GET));
    RUN_UNTIL(&w, call_is_over(&k));
    check_hello(&k);
    /* a label over 63 bytes: no resolver needs the network to refuse it */
    o.host = S("no-such-name-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid");
    o.hash = origin_hash(o.host, o.port, false);
    call_start(cl, &bad, o, S(GET));
    RUN_UNTIL(&w, call_is_over(&bad));
    assert_int_equal(bad.why, CLIENT_FAIL_DNS);
    assert_true(str_contains(str_c(bad.err.text), S("no-such-name-aaa")));
    call_start(cl, &cached, o, S(GET)); /* from the cache of failures, yet not from inside */
    RUN_UNTIL(&w, call_is_over(&cached));
    assert_int_equal(cached.why, CLIENT_FAIL_DNS);
    o.host = S("");
    call_start(cl, &empty, o, S(GET));
    RUN_UNTIL(&w, call_is_over(&empty));
    assert_int_equal(empty.why, CLIENT_FAIL_DNS);
    end();
}

/* A listener whose backlog is full answers no SYN: what a firewall's silence looks like. */
static void silence_runs_into_connect_ms(void **state)
{
    (void)state;
    enum { FILL = 8 };
    struct call k = { 0 };
    int fds[FILL], l = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    begin(never_answer);
    assert_int_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(l, 0), 0);
    getsockname(l, (struct sockaddr *)&a, &len);
    for (int i = 0; i < FILL; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fds[i], (struct sockaddr *)&a, sizeof(a));
    }
    struct origin o = { .host = S("127.0.0.1"), .port = ntohs(a.sin_port) };
    o.hash = origin_hash(o.host, o.port, false);
    k.request.connect_ms = 120;
    uint64_t begun = worker_now_ms(&w);
    call_start(cl, &k, o, S(GET));
    RUN_UNTIL(&w, call_is_over(&k));
    assert_int_equal(k.why, CLIENT_FAIL_TIMEOUT);
    assert_true(worker_now_ms(&w) - begun >= 120);
    for (int i = 0; i < FILL; i++)
        close(fds[i]);
    close(l);
    end();
}

static void idle_connections_run_out(void **state)
{
    (void)state;
    struct call k = { 0 };
    struct client_limits limits = { .idle_ms = 50 };
    worker_init(&w, 0);
    cl = client_new(&w, &limits);
    peer_open(&peer, &w, answer_hello);
    call_start(cl, &k, peer_origin(&peer), S(GET));
    RUN_UNTIL(&w, call_is_over(&k));
    check_hello(&k);
    assert_false(peer.conns[0]->eof);
    RUN_UNTIL(&w, peer.conns[0]->eof);
    end();
}

static void accepting_waits_at_the_limit(void **state)
{
    (void)state;
    struct call k[3] = { 0 };
    begin(never_answer);
    w.accept_max = 1;
    for (int i = 0; i < 3; i++)
        call_start(cl, &k[i], peer_origin(&peer), S(GET));
    RUN_UNTIL(&w, peer.n == 1 && peer.conns[0]->got.n);
    run_for(&w, 30);
    assert_int_equal(peer.n, 1);
    for (unsigned i = 0; i < 3; i++) {
        RUN_UNTIL(&w, peer.n == i + 1);
        run_for(&w, 10);
        assert_int_equal(peer.n, i + 1);
        conn_close(&peer.conns[i]->conn);
    }
    RUN_UNTIL(&w, k[0].fails + k[1].fails + k[2].fails == 3);
    assert_int_equal(w.accepted, 0);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_call_and_reuse),
        cmocka_unit_test(a_call_started_in_on_end_reuses),
        cmocka_unit_test(concurrent_calls_then_lifo),
        cmocka_unit_test(a_stale_reused_connection_is_retried),
        cmocka_unit_test(dying_without_answer_is_a_reset),
        cmocka_unit_test(a_streaming_request_is_not_sent_twice),
        cmocka_unit_test(bytes_behind_a_response_close),
        cmocka_unit_test(unasked_bytes_close_an_idle_connection),
        cmocka_unit_test(stray_bytes_in_the_socket_are_no_answer),
        cmocka_unit_test(broken_answers),
        cmocka_unit_test(a_tunnel),
        cmocka_unit_test(a_tunnel_cancelled),
        cmocka_unit_test(a_tunnel_reset),
        cmocka_unit_test(an_upgrade_refused),
        cmocka_unit_test(whole_answers),
        cmocka_unit_test(head_requests_have_no_body),
        cmocka_unit_test(a_paused_call_holds_the_sender_back),
        cmocka_unit_test(a_large_request_arrives_whole),
        cmocka_unit_test(an_early_answer_is_delivered_and_the_connection_closed),
        cmocka_unit_test(nothing_is_sent_after_an_early_head),
        cmocka_unit_test(streaming_request_bodies),
        cmocka_unit_test(cancel_reaches_the_peer),
        cmocka_unit_test(cancel_from_callbacks),
        cmocka_unit_test(refused_is_a_connect_failure),
        cmocka_unit_test(names),
        cmocka_unit_test(silence_runs_into_connect_ms),
        cmocka_unit_test(idle_connections_run_out),
        cmocka_unit_test(accepting_waits_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
