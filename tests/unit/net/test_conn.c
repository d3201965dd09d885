/* Connections whose sockets take few bytes at a time, or none any more. */
#include "peer.h"

#include <netinet/tcp.h>
#include <sys/uio.h>

/* Found before libuv's: takes at most `write_max` bytes, and nothing at every third call. */
static size_t write_max = SIZE_MAX;
static unsigned writes;

int uv_try_write(uv_stream_t *stream, const uv_buf_t bufs[], unsigned n)
{
    uv_os_fd_t fd;
    uv_fileno((uv_handle_t *)stream, &fd);
    writes++;
    if (write_max != SIZE_MAX && writes % 3 == 0)
        return UV_EAGAIN;
    struct iovec iov[16];
    size_t left = write_max;
    unsigned i = 0;
    for (; i < n && i < 16 && left; i++) {
        iov[i] = (struct iovec){ bufs[i].base, bufs[i].len < left ? bufs[i].len : left };
        left -= iov[i].iov_len;
    }
    ssize_t r = writev(fd, iov, (int)i);
    return r < 0 ? -errno : (int)r;
}

struct end {
    struct conn conn;
    unsigned opens, drains, eofs, errors, closes;
    struct buf got;
    struct err err;
};

static struct end *end_of(struct conn *c)
{
    return CONTAINER_OF(c, struct end, conn);
}

static void on_open(struct conn *c)
{
    end_of(c)->opens++;
}

static void on_read(struct conn *c, str bytes)
{
    buf_add(&end_of(c)->got, bytes);
}

static void on_eof(struct conn *c)
{
    end_of(c)->eofs++;
}

static void on_drain(struct conn *c)
{
    end_of(c)->drains++;
}

static void on_error(struct conn *c, const struct err *err)
{
    end_of(c)->errors++;
    end_of(c)->err = *err;
}

static void on_closed(struct conn *c)
{
    end_of(c)->closes++;
}

static const struct conn_ops end_ops = { on_open, on_read, on_eof, on_drain, on_error, on_closed };

static struct worker w;
static struct peer peer;

static void begin(struct end *k)
{
    struct sockaddr_in a;
    struct err e;
    worker_init(&w, 0);
    peer_open(&peer, &w, NULL);
    *k = (struct end){ 0 };
    buf_init(&k->got, SIZE_MAX / 2);
    uv_ip4_addr("127.0.0.1", listener_port(&peer.listener), &a);
    CHECK_OK(conn_connect(&k->conn, &w, (struct sockaddr *)&a, NULL, &end_ops, &e), &e);
    assert_int_equal(k->opens, 0);
    RUN_UNTIL(&w, k->opens && peer.n);
}

static void end(struct end *k)
{
    write_max = SIZE_MAX;
    conn_close(&k->conn);
    conn_close(&k->conn);
    wind_up(&w, NULL, &peer);
    assert_int_equal(k->closes, 1);
    buf_done(&k->got);
}

enum { BYTES = 20000 };
static char text[BYTES];

static void fill(void)
{
    for (size_t i = 0; i < BYTES; i++)
        text[i] = (char)('a' + i * 7 % 26 + i / 3000);
}

/* Writes the text in uneven pieces, several a time, whatever is queued. */
static void short_writes_keep_the_order(void **state)
{
    (void)state;
    static const size_t maxima[] = { 1, 2, 7, 100, 4096, SIZE_MAX };
    fill();
    for (size_t m = 0; m < COUNT_OF(maxima); m++) {
        struct end k;
        begin(&k);
        write_max = maxima[m];
        size_t at = 0, step = 1;
        while (at < BYTES) {
            str pieces[20];
            size_t n = 0;
            for (; n < 20 && at < BYTES; n++, step = step * 5 % 607) {
                pieces[n] = str_take((str){ text + at, BYTES - at }, step - 1);
                at += pieces[n].n;
            }
            conn_write(&k.conn, pieces, n);
            if (step % 2)
                uv_run(&w.loop, UV_RUN_NOWAIT);
        }
        RUN_UNTIL(&w, peer.conns[0]->got.n >= BYTES);
        CHECK_STR(buf_str(&peer.conns[0]->got), ((str){ text, BYTES }));
        RUN_UNTIL(&w, conn_queued(&k.conn) == 0);
        if (maxima[m] < 100)
            assert_true(k.drains > 0);
        assert_int_equal(k.errors, 0);
        end(&k);
    }
}

static void write_some_goes_on_where_it_was(void **state)
{
    (void)state;
    static const size_t maxima[] = { 1, 3, 1000, SIZE_MAX };
    fill();
    for (size_t m = 0; m < COUNT_OF(maxima); m++) {
        struct end k;
        begin(&k);
        write_max = maxima[m];
        str pieces[] = { { text, 0 }, { text, 1 },          { text + 1, 99 },
                         { text, 0 }, { text + 100, 5000 }, { text + 5100, BYTES - 5100 } };
        size_t sent = 0;
        while (sent < BYTES) {
            sent += conn_write_some(&k.conn, pieces, COUNT_OF(pieces), sent);
            if (conn_queued(&k.conn))
                assert_int_equal(conn_write_some(&k.conn, pieces, COUNT_OF(pieces), sent), 0);
            if (sent < BYTES) {
                unsigned drains = k.drains;
                RUN_UNTIL(&w, k.drains > drains);
            }
        }
        assert_int_equal(conn_write_some(&k.conn, pieces, COUNT_OF(pieces), sent), 0);
        RUN_UNTIL(&w, peer.conns[0]->got.n >= BYTES);
        CHECK_STR(buf_str(&peer.conns[0]->got), ((str){ text, BYTES }));
        end(&k);
    }
}

static void shutdown_comes_after_what_is_queued(void **state)
{
    (void)state;
    struct end k;
    fill();
    begin(&k);
    write_max = 10;
    conn_write(&k.conn, &(str){ text, BYTES }, 1);
    conn_shutdown(&k.conn);
    conn_write(&k.conn, &S("too late"), 1);
    RUN_UNTIL(&w, peer.conns[0]->eof);
    CHECK_STR(buf_str(&peer.conns[0]->got), ((str){ text, BYTES }));
    end(&k);
}

/* A peer that has reset: the write itself calls nobody back, the loop does. */
static void a_dead_peer_is_reported_from_the_loop(void **state)
{
    (void)state;
    for (int reading = 0; reading < 2; reading++) {
        struct end k;
        fill();
        begin(&k);
        conn_abort(&peer.conns[0]->conn);
        RUN_UNTIL(&w, peer.conns[0]->closed);
        if (reading)
            conn_read_start(&k.conn);
        for (int i = 0; i < 3; i++)
            conn_write(&k.conn, &(str){ text, 100 }, 1);
        assert_int_equal(k.errors + k.eofs, 0);
        RUN_UNTIL(&w, k.errors + k.eofs == 1);
        run_for(&w, 10);
        assert_int_equal(k.errors + k.eofs, 1);
        conn_write(&k.conn, &(str){ text, 100 }, 1);
        end(&k);
    }
}

static void stopped_reading_delivers_nothing(void **state)
{
    (void)state;
    struct end k;
    begin(&k);
    peer_write(peer.conns[0], S("one"));
    run_for(&w, 10);
    assert_int_equal(k.got.n, 0);
    conn_read_start(&k.conn);
    RUN_UNTIL(&w, k.got.n == 3);
    conn_read_stop(&k.conn);
    conn_read_start(&k.conn);
    conn_read_stop(&k.conn);
    peer_write(peer.conns[0], S("two"));
    run_for(&w, 10);
    assert_int_equal(k.got.n, 3);
    conn_read_start(&k.conn);
    conn_read_start(&k.conn);
    RUN_UNTIL(&w, k.got.n == 6);
    conn_shutdown(&peer.conns[0]->conn);
    RUN_UNTIL(&w, k.eofs == 1);
    CHECK_STR(buf_str(&k.got), S("onetwo"));
    end(&k);
}

static void peers_have_names_and_options(void **state)
{
    (void)state;
    struct end k;
    char name[64], want[64];
    int on = 0;
    socklen_t len = sizeof(on);
    uv_os_fd_t fd;
    begin(&k);
    snprintf(want, sizeof(want), "127.0.0.1:%u", listener_port(&peer.listener));
    CHECK_STR(conn_peer(&k.conn, name), str_c(want));
    uv_fileno((uv_handle_t *)&peer.conns[0]->conn.tcp, &fd);
    getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len);
    assert_int_equal(on, 1); /* from the listener */
    end(&k);
}

static void refused_and_closed_while_connecting(void **state)
{
    (void)state;
    struct end k, gone = { 0 };
    struct sockaddr_in a;
    struct err e;
    begin(&k);
    uv_ip4_addr("127.0.0.1", listener_port(&peer.listener), &a);
    CHECK_OK(conn_connect(&gone.conn, &w, (struct sockaddr *)&a, NULL, &end_ops, &e), &e);
    conn_close(&gone.conn);
    RUN_UNTIL(&w, gone.closes == 1);
    assert_int_equal(gone.opens + gone.errors, 0);
    end(&k);
}

static void taken_ports_are_explained(void **state)
{
    (void)state;
    struct end k;
    struct listener other;
    struct err e;
    begin(&k);
    uint16_t port = listener_port(&peer.listener);
    assert_int_equal(listener_open(&other, &w, S("127.0.0.1"), port, NULL, &e).code, E_IO);
    assert_true(str_contains(str_c(e.text), S("is taken")));
    assert_int_equal(listener_open(&other, &w, S("192.0.2.1"), 0, NULL, &e).code, E_IO);
    assert_true(str_contains(str_c(e.text), S("not an address of this machine")));
    /* a second worker of ours shares it */
    w.id = 1;
    CHECK_OK(listener_open(&other, &w, S("127.0.0.1"), port, NULL, &e), &e);
    assert_int_equal(listener_port(&other), port);
    listener_close(&other, NULL);
    end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_writes_keep_the_order),
        cmocka_unit_test(write_some_goes_on_where_it_was),
        cmocka_unit_test(shutdown_comes_after_what_is_queued),
        cmocka_unit_test(a_dead_peer_is_reported_from_the_loop),
        cmocka_unit_test(stopped_reading_delivers_nothing),
        cmocka_unit_test(peers_have_names_and_options),
        cmocka_unit_test(refused_and_closed_while_connecting),
        cmocka_unit_test(taken_ports_are_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
