/* The cache of names, with a resolver and a clock of the test's own: the program's definitions of
 * libuv's functions are found before the library's. */
#include "check.h"

#include <netdb.h>

#include "base/mem.h"
#include "net/dns.h"

static uint64_t fake_now_ms;
static unsigned asked;
static struct {
    uv_getaddrinfo_t *req;
    uv_getaddrinfo_cb cb;
    char name[300];
} pending[8];
static unsigned npending;

uint64_t uv_now(const uv_loop_t *loop)
{
    (void)loop;
    return fake_now_ms;
}

int uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req, uv_getaddrinfo_cb cb, const char *node,
                   const char *service, const struct addrinfo *hints)
{
    (void)loop, (void)service, (void)hints;
    asked++;
    assert_true(npending < COUNT_OF(pending));
    pending[npending].req = req;
    pending[npending].cb = cb;
    snprintf(pending[npending++].name, sizeof(pending[0].name), "%s", node);
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

/* Answers the oldest question with "192.0.2.last" for each of last, or with a failure. */
static void answer(int status, const uint8_t *last, size_t n)
{
    struct sockaddr_in at[16] = { 0 };
    struct addrinfo ai[16] = { 0 };
    for (size_t i = 0; i < n; i++) {
        at[i].sin_family = AF_INET;
        at[i].sin_addr.s_addr = htonl(0xc0000200u | last[i]);
        ai[i] = (struct addrinfo){ .ai_addr = (struct sockaddr *)&at[i],
                                   .ai_next = i + 1 < n ? &ai[i + 1] : NULL };
    }
    assert_true(npending > 0);
    uv_getaddrinfo_t *req = pending[0].req;
    uv_getaddrinfo_cb cb = pending[0].cb;
    npending--;
    for (unsigned i = 0; i < npending; i++)
        pending[i] = pending[i + 1];
    cb(req, status, n ? ai : NULL);
}

static void answer_one(uint8_t last)
{
    answer(0, &last, 1);
}

struct asker {
    struct dns_query q;
    unsigned done;
    struct dns_addrs got;
    char why[256];
    struct asker *cancels;
};

static void on_done(struct dns_query *q, const struct dns_addrs *addrs, const struct err *err)
{
    struct asker *k = CONTAINER_OF(q, struct asker, q);
    k->done++;
    if (addrs)
        k->got = *addrs;
    else
        snprintf(k->why, sizeof(k->why), "%s", err->text);
    if (k->cancels)
        dns_cancel(&k->cancels->q);
}

static struct worker w;
static struct dns *d;

static enum dns_result look(struct asker *k, str name)
{
    struct err e;
    *k = (struct asker){ .q.done = on_done, .cancels = k->cancels };
    enum dns_result r = dns_lookup(d, name, &k->q, &k->got, &e);
    if (r == DNS_FAILED)
        snprintf(k->why, sizeof(k->why), "%s", e.text);
    return r;
}

static uint8_t last_byte(const struct asker *k)
{
    assert_true(k->got.n > 0);
    return (uint8_t)(ntohl(k->got.at[0].v4.sin_addr.s_addr) & 0xff);
}

static int setup(void **state)
{
    (void)state;
    fake_now_ms = 1000;
    asked = 0;
    worker_init(&w, 0);
    d = dns_new(&w);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (d)
        dns_free(d);
    worker_done(&w);
    return 0;
}

static void literals_and_localhost_ask_nobody(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int family;
        unsigned n;
    } cases[] = {
        { "127.0.0.1", AF_INET, 1 }, { "::1", AF_INET6, 1 },      { "2001:db8::1", AF_INET6, 1 },
        { "localhost", AF_INET, 2 }, { "LocalHost", AF_INET, 2 }, { "a.localhost", AF_INET, 2 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct asker k = { 0 };
        assert_int_equal(look(&k, str_c(cases[i].name)), DNS_FOUND);
        assert_int_equal(k.got.n, cases[i].n);
        assert_int_equal(k.got.at[0].any.sa_family, cases[i].family);
    }
    assert_int_equal(asked, 0);
}

static void not_names(void **state)
{
    (void)state;
    char long_name[400];
    struct asker k = { 0 };
    memset(long_name, 'a', sizeof(long_name));
    assert_int_equal(look(&k, S("")), DNS_FAILED);
    assert_int_equal(look(&k, S("a\0b")), DNS_FAILED);
    assert_int_equal(look(&k, (str){ long_name, sizeof(long_name) }), DNS_FAILED);
    assert_int_equal(asked, 0);
}

static void one_lookup_serves_all_and_is_kept(void **state)
{
    (void)state;
    struct asker a = { 0 }, b = { 0 }, c = { 0 }, later = { 0 };
    assert_int_equal(look(&a, S("host.test")), DNS_WAIT);
    assert_int_equal(look(&b, S("host.test")), DNS_WAIT);
    assert_int_equal(look(&c, S("host.test")), DNS_WAIT);
    dns_cancel(&b.q);
    assert_int_equal(asked, 1);
    answer_one(7);
    assert_int_equal(a.done, 1);
    assert_int_equal(b.done, 0);
    assert_int_equal(c.done, 1);
    assert_int_equal(last_byte(&a), 7);
    fake_now_ms += 29999;
    assert_int_equal(look(&later, S("host.test")), DNS_FOUND);
    assert_int_equal(last_byte(&later), 7);
    fake_now_ms += 2;
    assert_int_equal(look(&later, S("host.test")), DNS_WAIT);
    answer_one(8);
    assert_int_equal(last_byte(&later), 8);
    assert_int_equal(asked, 2);
}

static void a_callback_may_cancel_the_next(void **state)
{
    (void)state;
    struct asker a = { 0 }, b = { 0 };
    a.cancels = &b;
    b.cancels = &a;
    assert_int_equal(look(&a, S("host.test")), DNS_WAIT);
    assert_int_equal(look(&b, S("host.test")), DNS_WAIT);
    answer_one(1);
    assert_int_equal(a.done + b.done, 1);
}

static void failures_are_kept_for_a_second(void **state)
{
    (void)state;
    struct asker k = { 0 };
    assert_int_equal(look(&k, S("gone.test")), DNS_WAIT);
    answer(UV_EAI_NONAME, NULL, 0);
    assert_int_equal(k.done, 1);
    assert_true(str_contains(str_c(k.why), S("gone.test")));
    fake_now_ms += 999;
    assert_int_equal(look(&k, S("gone.test")), DNS_FAILED);
    assert_true(str_contains(str_c(k.why), S("gone.test does not resolve")));
    fake_now_ms += 2;
    assert_int_equal(look(&k, S("gone.test")), DNS_WAIT);
    answer_one(3);
    assert_int_equal(last_byte(&k), 3);
}

static void the_last_good_answer_outlives_a_failure(void **state)
{
    (void)state;
    struct asker k = { 0 };
    look(&k, S("host.test"));
    answer_one(4);
    fake_now_ms += 31000;
    assert_int_equal(look(&k, S("host.test")), DNS_WAIT);
    answer(UV_EAI_AGAIN, NULL, 0);
    assert_int_equal(last_byte(&k), 4);
    assert_int_equal(look(&k, S("host.test")), DNS_FOUND); /* for the second of the failure */
    assert_int_equal(last_byte(&k), 4);
}

static void doubt_asks_anew(void **state)
{
    (void)state;
    struct asker k = { 0 };
    look(&k, S("host.test"));
    answer_one(4);
    dns_doubt(d, S("host.test"));
    dns_doubt(d, S("unknown.test"));
    assert_int_equal(look(&k, S("host.test")), DNS_WAIT);
    answer_one(5);
    assert_int_equal(last_byte(&k), 5);
}

static void many_addresses_are_cut_off(void **state)
{
    (void)state;
    static const uint8_t many[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
    struct asker k = { 0 };
    look(&k, S("host.test"));
    answer(0, many, sizeof(many));
    assert_int_equal(k.got.n, DNS_ADDRS_MAX);
    assert_int_equal(last_byte(&k), 1);
}

/* Leaks if the memory did not outlive the lookup, or outlived it for good. */
static void freed_while_looking(void **state)
{
    (void)state;
    struct asker k = { 0 };
    look(&k, S("host.test"));
    dns_cancel(&k.q);
    dns_free(d);
    d = NULL;
    answer_one(1);
    assert_int_equal(k.done, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(literals_and_localhost_ask_nobody),
        TEST(not_names),
        TEST(one_lookup_serves_all_and_is_kept),
        TEST(a_callback_may_cancel_the_next),
        TEST(failures_are_kept_for_a_second),
        TEST(the_last_good_answer_outlives_a_failure),
        TEST(doubt_asks_anew),
        TEST(many_addresses_are_cut_off),
        TEST(freed_while_looking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
