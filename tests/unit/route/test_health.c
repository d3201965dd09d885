#include <pthread.h>

#include "../check.h"
#include "base/clock.h"
#include "table.h"

/* A minute ahead of the clock that route_begin reads: no minute ends in mid-test. */
static uint64_t now(void)
{
    return clock_mono_ns() / 1000000 + 60000;
}

static void ends(const struct deployment *d, struct route_outcome o, uint64_t now_ms)
{
    route_begin(d);
    route_report(d, &o, now_ms);
}

static struct route_outcome failed(unsigned status, int64_t retry_after_ms)
{
    return (struct route_outcome){ .failure = ROUTE_FAIL_STATUS,
                                   .status = status,
                                   .error = chat_error_kind_of(status),
                                   .retry_after_ms = retry_after_ms };
}

static const struct route_outcome OK_ANSWER = { .failure = ROUTE_OK,
                                                .retry_after_ms = -1,
                                                .latency_ms = 80 };

static int64_t cooling_ms(const struct deployment *d, uint64_t now_ms)
{
    return (int64_t)(atomic_load(&d->health->cooldown_until_ms) - now_ms);
}

#define ROW(name, more) \
    "- { model_name: " name ", litellm_params: { model: openai/x, api_key: k" more " } }\n"
#define LONE "model_list:\n" ROW("m", "")
#define TWO  "model_list:\n" ROW("m", "") ROW("m", ", rpm: 7")

/* The first deployment's cooldown after some calls that end alike; 0: none. */
static void when_it_cools(void **state)
{
    static const struct {
        const char *settings, *rows;
        unsigned status; /* 0: refused connections */
        int calls;
        int64_t retry_after_ms, want_ms;
    } cases[] = {
        { "", LONE, 401, 1, -1, 5000 },
        { "", LONE, 404, 1, -1, 5000 },
        { "", LONE, 402, 3, -1, 0 },
        { "", LONE, 429, 12, 3000, 0 },
        { "", LONE, 500, 12, -1, 0 },
        { "", LONE, 0, 12, -1, 0 },
        { "", LONE, 500, 999, -1, 0 },
        { "", LONE, 500, 1000, -1, 5000 },
        { "", LONE, 400, 2000, -1, 0 },
        { "", TWO, 429, 1, -1, 5000 },
        { "", TWO, 429, 1, 3000, 3000 },
        { "", TWO, 429, 1, 61000, 5000 },
        { "", TWO, 402, 1, -1, 5000 },
        { "", TWO, 401, 1, -1, 5000 },
        { "", TWO, 403, 9, -1, 0 },
        { "", TWO, 422, 9, -1, 0 },
        { "", TWO, 500, 4, -1, 0 },
        { "", TWO, 500, 5, -1, 5000 },
        { "", TWO, 0, 5, -1, 5000 },
        { "router_settings: { cooldown_time: 30 }\n", TWO, 429, 1, -1, 30000 },
        { "router_settings: { disable_cooldowns: true }\n", TWO, 429, 1, -1, 0 },
        { "router_settings: { cooldown_time: 0 }\n", TWO, 429, 1, -1, 0 },
        { "router_settings: { allowed_fails: 1 }\n", TWO, 429, 1, -1, 0 },
        { "router_settings: { allowed_fails: 1 }\n", TWO, 429, 2, -1, 5000 },
        { "router_settings: { allowed_fails: 0 }\n", LONE, 500, 1, -1, 5000 },
        { "router_settings: { allowed_fails_policy: { RateLimitErrorAllowedFails: 2 } }\n", TWO,
          429, 2, -1, 0 },
        { "router_settings: { allowed_fails_policy: { RateLimitErrorAllowedFails: 2 } }\n", TWO,
          429, 3, -1, 5000 },
        { "", "model_list:\n" ROW("m", ", cooldown_time: 9") ROW("m", ""), 429, 1, -1, 9000 },
        { "", "model_list:\n" ROW("'openai/*'", ""), 404, 1, -1, 0 }, /* the client's name */
        { "", "model_list:\n" ROW("'openai/*'", ""), 401, 1, -1, 5000 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct table x;
        struct arena a;
        uint64_t at = now();
        arena_init(&a);
        table_open(&x, arena_fmt(&a, "%s%s", cases[i].settings, cases[i].rows).p);
        const struct deployment *d = route_deployment(x.t, 0);
        struct route_outcome o = failed(cases[i].status, cases[i].retry_after_ms);
        if (cases[i].status == 0)
            o = (struct route_outcome){ .failure = ROUTE_FAIL_CONNECT, .retry_after_ms = -1 };
        for (int k = 0; k < cases[i].calls; k++)
            ends(d, o, at);
        int64_t got = atomic_load(&d->health->cooldown_until_ms) ? cooling_ms(d, at) : 0;
        if (got != cases[i].want_ms)
            fail_msg("case %zu: %lld ms", i, (long long)got);
        assert_int_equal(atomic_load(&d->health->cooldowns), got > 0);
        assert_int_equal(atomic_load(&d->health->failures), cases[i].calls);
        table_close(&x);
        arena_done(&a);
    }
}

static void half_of_them_is_not_most(void **state)
{
    struct table x;
    uint64_t at = now();
    table_open(&x, TWO);
    const struct deployment *d = route_deployment(x.t, 0);
    for (int i = 0; i < 20; i++)
        ends(d, i % 2 ? failed(500, -1) : OK_ANSWER, at);
    assert_int_equal(atomic_load(&d->health->cooldown_until_ms), 0);
    ends(d, failed(500, -1), at);
    assert_int_equal(cooling_ms(d, at), 5000);
    table_close(&x);
}

static void a_new_minute_forgets(void **state)
{
    struct table x;
    uint64_t at = now();
    table_open(&x, TWO);
    const struct deployment *d = route_deployment(x.t, 0);
    for (int i = 0; i < 4; i++)
        ends(d, failed(500, -1), at);
    at += 60000;
    for (int i = 0; i < 4; i++)
        ends(d, failed(500, -1), at);
    assert_int_equal(atomic_load(&d->health->cooldown_until_ms), 0);
    table_close(&x);
}

static void allowed_fails_within_one_cooldown(void **state)
{
    struct table x;
    uint64_t at = now();
    table_open(&x, "router_settings: { allowed_fails: 1, cooldown_time: 10 }\n" LONE);
    const struct deployment *d = route_deployment(x.t, 0);
    for (int i = 0; i < 5; i++, at += 10001)
        ends(d, failed(500, -1), at);
    assert_int_equal(atomic_load(&d->health->cooldown_until_ms), 0);
    table_close(&x);
}

static void last_answer(void **state)
{
    struct table x;
    table_open(&x, LONE);
    const struct deployment *d = route_deployment(x.t, 0);
    assert_int_equal(route_last_answer(d).state, ROUTE_LAST_NONE);
    ends(d, failed(503, -1), now());
    assert_int_equal(route_last_answer(d).state, ROUTE_LAST_FAILED);
    assert_int_equal(route_last_answer(d).status, 503);
    ends(d, OK_ANSWER, now());
    assert_int_equal(route_last_answer(d).state, ROUTE_LAST_OK);
    assert_true(clock_wall_ms() - route_last_answer(d).at_ms < 5000);
    ends(d, failed(400, -1), now()); /* says nothing about it */
    ends(d, (struct route_outcome){ .failure = ROUTE_OK_NEUTRAL }, now());
    assert_int_equal(route_last_answer(d).state, ROUTE_LAST_OK);
    ends(d, (struct route_outcome){ .failure = ROUTE_FAIL_CONNECT }, now());
    assert_int_equal(route_last_answer(d).state, ROUTE_LAST_FAILED);
    assert_int_equal(route_last_answer(d).status, 0);
    ends(d, OK_ANSWER, now());
    route_report_late(d, ROUTE_FAIL_TRUNCATED, now());
    assert_int_equal(route_last_answer(d).state, ROUTE_LAST_FAILED);
    assert_int_equal(atomic_load(&d->health->in_flight), 0);
    assert_int_equal(atomic_load(&d->health->requests), 6);
    assert_int_equal(atomic_load(&d->health->failures), 4);
    table_close(&x);
}

static void usage_is_counted(void **state)
{
    struct table x;
    table_open(&x, LONE);
    const struct deployment *d = route_deployment(x.t, 0);
    struct chat_usage u = CHAT_USAGE_NONE;
    route_count_usage(d, &u, -1); /* nothing is known */
    u.prompt = 100;
    u.completion = 20;
    u.cache_read = 60;
    route_count_usage(d, &u, 1234);
    route_count_usage(d, &u, -1);
    assert_int_equal(atomic_load(&d->health->tokens_in), 200);
    assert_int_equal(atomic_load(&d->health->tokens_out), 40);
    assert_int_equal(atomic_load(&d->health->tokens_cached), 120);
    assert_int_equal(atomic_load(&d->health->cost_nanousd), 1234);
    table_close(&x);
}

enum { THREADS = 4, CALLS = 20000 };

static void *many_calls(void *arg)
{
    const struct deployment *d = arg;
    for (int i = 0; i < CALLS; i++)
        ends(d, i % 3 ? OK_ANSWER : failed(429, 1000), now());
    return NULL;
}

static void from_many_threads(void **state)
{
    struct table x;
    pthread_t threads[THREADS];
    table_open(&x, TWO);
    const struct deployment *d = route_deployment(x.t, 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, many_calls, (void *)(uintptr_t)d), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&d->health->in_flight), 0);
    assert_int_equal(atomic_load(&d->health->requests), THREADS * CALLS);
    assert_int_equal(atomic_load(&d->health->failures), THREADS * ((CALLS + 2) / 3));
    table_close(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_it_cools),        cmocka_unit_test(half_of_them_is_not_most),
        cmocka_unit_test(a_new_minute_forgets), cmocka_unit_test(allowed_fails_within_one_cooldown),
        cmocka_unit_test(last_answer),          cmocka_unit_test(usage_is_counted),
        cmocka_unit_test(from_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
