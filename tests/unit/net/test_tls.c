/* TLS, both sides ours: what is trusted, what is refused and how it is said, resumption, cuts. */
#include "peer.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

/* ---- a throw-away CA, written to files ---- */

static char dir[] = "/tmp/sluice-test-tls-XXXXXX";

static str path_of(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *p = paths[next++ % 8];
    snprintf(p, 128, "%s/%s", dir, name);
    return str_c(p);
}

static X509 *make_cert(const char *cn, const char *san, long days, EVP_PKEY *key, X509 *issuer,
                       EVP_PKEY *issuer_key)
{
    static long serial = 1;
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), -48 * 3600);
    X509_gmtime_adj(X509_getm_notAfter(x), days * 24 * 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)cn, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
    X509V3_CTX v3;
    X509V3_set_ctx(&v3, issuer ? issuer : x, x, NULL, NULL, 0);
    const int nids[] = { NID_basic_constraints, NID_subject_alt_name };
    const char *values[] = { san ? "CA:FALSE" : "critical,CA:TRUE", san };
    for (int i = 0; i < (san ? 2 : 1); i++) {
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &v3, nids[i], values[i]);
        assert_non_null(ext);
        X509_add_ext(x, ext, -1);
        X509_EXTENSION_free(ext);
    }
    assert_true(X509_sign(x, issuer_key ? issuer_key : key, EVP_sha256()) > 0);
    return x;
}

static void write_pem(const char *name, X509 *cert, EVP_PKEY *key)
{
    FILE *f = fopen(path_of(name).p, "w");
    assert_non_null(f);
    if (cert)
        PEM_write_X509(f, cert);
    if (key)
        PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
}

static void write_leaf(const char *cert, const char *keyfile, const char *san, long days, X509 *ca,
                       EVP_PKEY *ca_key)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = make_cert("leaf", san, days, key, ca, ca_key);
    write_pem(cert, x, NULL);
    write_pem(keyfile, NULL, key);
    X509_free(x);
    EVP_PKEY_free(key);
}

static int make_files(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    EVP_PKEY *ca_key = EVP_EC_gen("P-256");
    X509 *ca = make_cert("Throw-away CA", NULL, 30, ca_key, NULL, NULL);
    write_pem("ca.pem", ca, NULL);
    write_leaf("good.pem", "good.key", "DNS:localhost,IP:127.0.0.1", 30, ca, ca_key);
    write_leaf("other.pem", "other.key", "DNS:other.test,IP:192.0.2.1", 30, ca, ca_key);
    write_leaf("old.pem", "old.key", "DNS:localhost,IP:127.0.0.1", -1, ca, ca_key);
    X509_free(ca);
    EVP_PKEY_free(ca_key);
    return 0;
}

static int remove_files(void **state)
{
    static const char *const names[] = { "ca.pem",    "good.pem", "good.key", "other.pem",
                                         "other.key", "old.pem",  "old.key" };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlink(path_of(names[i]).p);
    rmdir(dir);
    return 0;
}

/* ---- */

static struct worker w;
static struct client *cl;
static struct peer peer;
static struct tls_context *trusting; /* the throw-away CA */

static void begin(const char *cert, const char *key, void (*on_data)(struct peer_conn *))
{
    struct err e;
    worker_init(&w, 0);
    cl = client_new(&w, NULL);
    peer_open(&peer, &w, on_data);
    if (cert)
        CHECK_OK(tls_server_new(path_of(cert), path_of(key), &peer.tls, &e), &e);
    CHECK_OK(tls_client_new(path_of("ca.pem"), &trusting, &e), &e);
}

static void end(void)
{
    wind_up(&w, cl, &peer);
    tls_context_unref(peer.tls);
    tls_context_unref(trusting);
}

static struct origin tls_origin(const char *host)
{
    struct origin o = peer_origin(&peer);
    o.host = str_c(host);
    o.tls = true;
    o.tls_context = trusting;
    o.hash = origin_hash(o.host, o.port, true);
    return o;
}

static void answer_hello(struct peer_conn *pc)
{
    if (peer_take_request(pc, 0))
        peer_write(pc, S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
}

static void check_hello(struct call *k)
{
    if (k->fails)
        fail_msg("call failed: %s", k->err.text);
    assert_int_equal(k->ends, 1);
    CHECK_STR(buf_str(&k->body), S("hello"));
    buf_done(&k->body);
}

static void verified_by_name_and_by_address(void **state)
{
    (void)state;
    static const char *const hosts[] = { "localhost", "127.0.0.1" };
    begin("good.pem", "good.key", answer_hello);
    for (int i = 0; i < 4; i++) {
        struct call k = { 0 };
        call_start(cl, &k, tls_origin(hosts[i / 2]), S(GET));
        RUN_UNTIL(&w, call_is_over(&k));
        check_hello(&k);
        assert_int_equal(k.c.reused, i % 2);
    }
    assert_int_equal(peer.n, 2);
    end();
}

static void refusals_say_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *cert, *key, *host;
        bool system_store;
        const char *text;
    } cases[] = {
        { "other.pem", "other.key", "127.0.0.1", false, "it is not for 127.0.0.1" },
        { "other.pem", "other.key", "localhost", false, "it is not for localhost" },
        { "old.pem", "old.key", "localhost", false, "expired" },
        { "good.pem", "good.key", "localhost", true, "ssl_verify: /path/to/ca.pem" },
        { NULL, NULL, "localhost", false, "does not speak TLS" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct call k = { 0 };
        begin(cases[i].cert, cases[i].key, cases[i].cert ? answer_hello : NULL);
        struct origin o = tls_origin(cases[i].host);
        if (cases[i].system_store)
            o.tls_context = NULL;
        if (!cases[i].cert) /* a plain server that answers whatever comes */
            peer.on_data = answer_hello;
        call_start(cl, &k, o, S(GET));
        if (!cases[i].cert) {
            RUN_UNTIL(&w, peer.n && peer.conns[0]->got.n);
            peer_write(peer.conns[0], S("HTTP/1.1 400 Bad Request\r\n\r\n"));
        }
        RUN_UNTIL(&w, call_is_over(&k));
        assert_int_equal(k.fails, 1);
        if (k.why != CLIENT_FAIL_TLS || !str_contains(str_c(k.err.text), str_c(cases[i].text)))
            fail_msg("case %zu: why %d: %s", i, (int)k.why, k.err.text);
        assert_int_equal(peer.n, 1); /* not tried again */
        end();
    }
}

static void unverified_on_request(void **state)
{
    (void)state;
    struct call k = { 0 };
    begin("other.pem", "other.key", answer_hello);
    struct origin o = tls_origin("localhost");
    o.tls_context = NULL;
    o.tls_unverified = true;
    call_start(cl, &k, o, S(GET));
    RUN_UNTIL(&w, call_is_over(&k));
    check_hello(&k);
    end();
}

static void answer_and_close(struct peer_conn *pc)
{
    if (!peer_take_request(pc, 0))
        return;
    pc->resumed = tls_resumed(pc->conn.tls);
    peer_write(pc, S("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"));
    conn_shutdown(&pc->conn);
}

static void sessions_are_resumed(void **state)
{
    (void)state;
    begin("good.pem", "good.key", answer_and_close);
    for (unsigned i = 0; i < 3; i++) {
        struct call k = { 0 };
        call_start(cl, &k, tls_origin("localhost"), S(GET));
        RUN_UNTIL(&w, call_is_over(&k));
        check_hello(&k);
        assert_int_equal(peer.conns[i]->resumed, i > 0);
    }
    end();
}

static void until_close(struct peer_conn *pc)
{
    if (!peer_take_request(pc, 0))
        return;
    peer_write(pc, S("HTTP/1.1 200 OK\r\n\r\nhello"));
    if (pc->index)
        conn_close(&pc->conn); /* no close_notify */
    else
        conn_shutdown(&pc->conn);
}

static void without_close_notify_it_was_cut(void **state)
{
    (void)state;
    struct call tidy = { 0 }, cut = { 0 };
    begin("good.pem", "good.key", until_close);
    call_start(cl, &tidy, tls_origin("localhost"), S(GET));
    RUN_UNTIL(&w, call_is_over(&tidy));
    check_hello(&tidy);
    call_start(cl, &cut, tls_origin("localhost"), S(GET));
    RUN_UNTIL(&w, call_is_over(&cut));
    assert_int_equal(cut.why, CLIENT_FAIL_TRUNCATED);
    buf_done(&cut.body);
    end();
}

enum { BIG = 3 * 1024 * 1024 + 17 };
static char *big;

static void echo_big(struct peer_conn *pc)
{
    str all = buf_str(&pc->got);
    size_t head = str_index(all, '#');
    if (head == all.n || all.n - head - 1 < BIG)
        return;
    char line[64];
    snprintf(line, sizeof(line), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BIG);
    str pieces[] = { str_c(line), str_take(str_skip(all, head + 1), 5), str_skip(all, head + 6) };
    conn_write(&pc->conn, pieces, 3);
    buf_clear(&pc->got);
}

static void large_bodies_and_back_pressure(void **state)
{
    (void)state;
    struct call k = { .pause_at_body = true };
    char head[96];
    big = mem_alloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)('a' + i * 11 % 26 + (i / 5000) % 4);
    begin("good.pem", "good.key", echo_big);
    snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n#", BIG);
    k.request.pieces[0] = str_c(head);
    k.request.pieces[1] = (str){ big, 100 };
    k.request.pieces[2] = (str){ big + 100, 40000 };
    k.request.pieces[3] = (str){ big + 40100, BIG - 40100 };
    k.request.npieces = 4;
    call_start(cl, &k, tls_origin("localhost"), S(""));
    RUN_UNTIL(&w, k.pieces > 0);
    run_for(&w, 40);
    assert_true(k.body.n < WORKER_READ_BYTES + 32 * 1024);
    k.pause_at_body = false;
    client_resume(&k.c);
    RUN_UNTIL(&w, call_is_over(&k));
    assert_int_equal(k.ends, 1);
    assert_true(str_eq(buf_str(&k.body), (str){ big, BIG }));
    buf_done(&k.body);
    end();
    mem_free(big);
}

static void a_plain_caller_is_turned_away(void **state)
{
    (void)state;
    struct call k = { 0 };
    begin("good.pem", "good.key", answer_hello);
    struct origin o = tls_origin("localhost");
    o.tls = false;
    call_start(cl, &k, o, S(GET));
    RUN_UNTIL(&w, call_is_over(&k));
    assert_int_equal(k.fails, 1);
    assert_true(peer.conns[0]->failed);
    end();
}

/* A server that takes the connection and says nothing. */
static void a_silent_handshake_runs_into_connect_ms(void **state)
{
    (void)state;
    struct call k = { 0 };
    begin(NULL, NULL, NULL);
    k.request.connect_ms = 60;
    call_start(cl, &k, tls_origin("localhost"), S(GET));
    RUN_UNTIL(&w, call_is_over(&k));
    assert_int_equal(k.why, CLIENT_FAIL_TIMEOUT);
    end();
}

static void files_that_do_not_serve_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *cert, *key, *named;
    } cases[] = {
        { "none.pem", "good.key", "none.pem: No such file" },
        { "good.pem", "none.key", "none.key" },
        { "good.key", "good.key", "good.key" },
        { "good.pem", "other.key", "other.key" }, /* of another certificate */
    };
    struct tls_context *cx = NULL;
    struct err e;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rc r = tls_server_new(path_of(cases[i].cert), path_of(cases[i].key), &cx, &e);
        assert_int_equal(r.code, E_IO);
        if (!str_contains(str_c(e.text), str_c(cases[i].named)))
            fail_msg("case %zu: %s", i, e.text);
    }
    assert_int_equal(tls_client_new(path_of("none.pem"), &cx, &e).code, E_IO);
    assert_true(str_contains(str_c(e.text), S("none.pem")));
    assert_int_equal(tls_client_new(path_of("good.key"), &cx, &e).code, E_IO);
}

/* Both ends in memory, handing over `step` bytes at a time. */
static void hand_over(struct tls *to, struct tls_scratch *s, struct buf *wire, size_t step,
                      struct buf *plain)
{
    struct err e;
    for (str rest = buf_str(wire); rest.n; rest = str_skip(rest, step)) {
        CHECK_OK(tls_feed(to, s, str_take(rest, step), &e), &e);
        buf_add(plain, buf_str(&s->plain));
        buf_clear(&s->plain);
    }
    buf_clear(wire);
}

static void any_split_of_the_bytes(void **state)
{
    (void)state;
    static const size_t steps[] = { 1, 2, 3, 5, 7, 64, 1000, 100000 };
    struct tls_context *server, *client;
    struct err e;
    CHECK_OK(tls_server_new(path_of("good.pem"), path_of("good.key"), &server, &e), &e);
    CHECK_OK(tls_client_new(path_of("ca.pem"), &client, &e), &e);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct tls *c, *s = tls_accept(server);
        struct tls_scratch *sc = tls_scratch_new(), *ss = tls_scratch_new();
        struct buf at_client, at_server;
        buf_init(&at_client, 1 << 20);
        buf_init(&at_server, 1 << 20);
        CHECK_OK(tls_connect(client, S("localhost"), NULL, &c, &e), &e);
        CHECK_OK(tls_feed(c, sc, S(""), &e), &e);
        for (int round = 0; round < 4; round++) {
            hand_over(s, ss, &sc->out, steps[i], &at_server);
            hand_over(c, sc, &ss->out, steps[i], &at_client);
        }
        assert_int_equal(tls_state(c), TLS_OPEN);
        assert_int_equal(tls_state(s), TLS_OPEN);
        str pieces[] = { S("one "), S(""), S("two "), S("three") };
        CHECK_OK(tls_write(c, sc, pieces, 4, &e), &e);
        /* one record: header, text, content type, tag */
        assert_int_equal(sc->out.n, 5 + 13 + 1 + 16);
        tls_shutdown(c, sc);
        hand_over(s, ss, &sc->out, steps[i], &at_server);
        CHECK_STR(buf_str(&at_server), S("one two three"));
        assert_int_equal(tls_state(s), TLS_CLOSED);
        buf_done(&at_client);
        buf_done(&at_server);
        tls_free(c);
        tls_free(s);
        tls_scratch_free(sc);
        tls_scratch_free(ss);
    }
    tls_context_unref(server);
    tls_context_unref(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verified_by_name_and_by_address),
        cmocka_unit_test(refusals_say_what_to_do),
        cmocka_unit_test(unverified_on_request),
        cmocka_unit_test(sessions_are_resumed),
        cmocka_unit_test(without_close_notify_it_was_cut),
        cmocka_unit_test(large_bodies_and_back_pressure),
        cmocka_unit_test(a_plain_caller_is_turned_away),
        cmocka_unit_test(a_silent_handshake_runs_into_connect_ms),
        cmocka_unit_test(files_that_do_not_serve_are_named),
        cmocka_unit_test(any_split_of_the_bytes),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
