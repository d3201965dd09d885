#include "../check.h"
#include "base/clock.h"
#include "table.h"

/* ---- walking ------------------------------------------------------------------------------------
 */

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

struct walk {
    struct table x;
    struct plan p;
    struct plan_step step;
    uint64_t now_ms, random;
};

static void open_walk(struct walk *w, const char *yaml)
{
    *w = (struct walk){ .random = 1, .now_ms = clock_mono_ns() / 1000000 };
    table_open(&w->x, yaml);
}

static bool begin(struct walk *w, const char *name, const struct plan_options *o)
{
    struct plan_options standard = plan_options_default();
    return plan_init(&w->p, w->x.t, str_c(name), o ? o : &standard, &w->x.a);
}

static enum plan_result next(struct walk *w)
{
    enum plan_result r = plan_next(&w->p, w->now_ms, next_random(&w->random), &w->step);
    w->now_ms += r == PLAN_TRY ? w->step.delay_ms : 0;
    return r;
}

/* The attempt ends so, for the plan and for its health. */
static void end(struct walk *w, enum route_failure failure, unsigned status,
                enum chat_error_kind kind, int64_t retry_after_ms)
{
    struct route_outcome o = { failure, status, kind, retry_after_ms, 10 };
    route_begin(w->step.deployment);
    route_report(w->step.deployment, &o, w->now_ms);
    plan_failed(&w->p, &o, w->now_ms);
}

static void status(struct walk *w, unsigned code)
{
    end(w, ROUTE_FAIL_STATUS, code, chat_error_kind_of(code), -1);
}

#define CHECK_TRY(w, model_)                   \
    do {                                       \
        assert_int_equal(next(w), PLAN_TRY);   \
        CHECK_STR((w)->step.model, S(model_)); \
    } while (0)

#define ROW(name, model) \
    "- { model_name: " name ", litellm_params: { model: openai/" model ", api_key: k } }\n"

/* ---- retries ------------------------------------------------------------------------------------
 */

static void alone(void **state)
{
    static const struct {
        unsigned status;
        int tries;
    } cases[] = {
        { 400, 1 }, { 401, 1 }, { 403, 1 }, { 404, 1 }, { 413, 1 }, { 422, 1 }, { 408, 3 },
        { 409, 3 }, { 429, 3 }, { 500, 3 }, { 502, 3 }, { 503, 3 }, { 529, 3 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct walk w;
        int tries = 0;
        open_walk(&w, "model_list:\n" ROW("m", "m"));
        assert_true(begin(&w, "m", NULL));
        while (next(&w) == PLAN_TRY) {
            if (tries++ == 0)
                assert_int_equal(w.step.delay_ms, 0);
            else
                assert_in_range(w.step.delay_ms, tries == 2 ? 500 : 1000, tries == 2 ? 1250 : 1750);
            status(&w, cases[i].status);
        }
        if (tries != cases[i].tries)
            fail_msg("%u: %d tries", cases[i].status, tries);
        assert_int_equal(next(&w), PLAN_END); /* asked again, it stays so */
        table_close(&w.x);
    }
}

static void other_failures_are_retried(void **state)
{
    static const enum route_failure kinds[] = { ROUTE_FAIL_CONNECT, ROUTE_FAIL_TIMEOUT,
                                                ROUTE_FAIL_MALFORMED, ROUTE_FAIL_TRUNCATED };
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct walk w;
        int tries = 0;
        open_walk(&w, "model_list:\n" ROW("m", "m"));
        assert_true(begin(&w, "m", NULL));
        for (; next(&w) == PLAN_TRY; tries++)
            end(&w, kinds[i], 0, 0, -1);
        assert_int_equal(tries, 3);
        table_close(&w.x);
    }
}

static void quota_is_not_waited_for(void **state)
{
    struct walk w;
    open_walk(&w, "model_list:\n" ROW("m", "m"));
    assert_true(begin(&w, "m", NULL));
    CHECK_TRY(&w, "m");
    end(&w, ROUTE_FAIL_STATUS, 429, ERR_QUOTA, -1);
    assert_int_equal(next(&w), PLAN_END);
    table_close(&w.x);
}

static void how_long_to_wait(void **state)
{
    static const struct {
        const char *settings;
        int64_t retry_after_ms;
        uint32_t low, high;
    } cases[] = {
        { "{}", 7000, 7000, 7750 }, { "{}", 60000, 60000, 60750 },
        { "{}", 60001, 500, 1250 }, /* too long to be meant: the usual pause */
        { "{}", 0, 500, 1250 },     { "{ retry_after: 3 }", -1, 3000, 3000 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct walk w;
        struct arena a;
        arena_init(&a);
        open_walk(
            &w,
            arena_fmt(&a, "router_settings: %s\nmodel_list:\n" ROW("m", "m"), cases[i].settings).p);
        assert_true(begin(&w, "m", NULL));
        CHECK_TRY(&w, "m");
        end(&w, ROUTE_FAIL_STATUS, 429, ERR_RATE_LIMIT, cases[i].retry_after_ms);
        CHECK_TRY(&w, "m");
        assert_in_range(w.step.delay_ms, cases[i].low, cases[i].high);
        table_close(&w.x);
        arena_done(&a);
    }
}

static void who_says_how_often(void **state)
{
    static const struct {
        const char *settings, *params;
        int asked, tries;
    } cases[] = {
        { "{ num_retries: 4 }", "", -1, 5 },
        { "{ num_retries: 0 }", "", -1, 1 },
        { "{ num_retries: 4 }", ", num_retries: 1", -1, 2 },
        { "{ num_retries: 4, retry_policy: { InternalServerErrorRetries: 3 } }", ", num_retries: 1",
          -1, 4 },
        { "{ retry_policy: { InternalServerErrorRetries: 3 }, model_group_retry_policy: { m: { "
          "InternalServerErrorRetries: 2 } } }",
          "", -1, 3 },
        { "{ retry_policy: { RateLimitErrorRetries: 9 } }", "", -1, 3 }, /* another error's */
        { "{ retry_policy: { InternalServerErrorRetries: 3 } }", "", 1, 2 },
        { "{}", "", 0, 1 },
        { "{ num_retries: 100000 }", "", -1, 101 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct walk w;
        struct arena a;
        struct plan_options o = plan_options_default();
        int tries = 0;
        arena_init(&a);
        open_walk(&w,
                  arena_fmt(&a,
                            "router_settings: %s\nmodel_list: [{ model_name: m, litellm_params: "
                            "{ model: openai/m, api_key: k%s } }]\n",
                            cases[i].settings, cases[i].params)
                      .p);
        o.num_retries = cases[i].asked;
        assert_true(begin(&w, "m", &o));
        for (; next(&w) == PLAN_TRY; tries++)
            status(&w, 500);
        if (tries != cases[i].tries)
            fail_msg("case %zu: %d tries", i, tries);
        table_close(&w.x);
        arena_done(&a);
    }
}

static void a_policy_may_want_a_400_again(void **state)
{
    struct walk w;
    int tries = 0;
    open_walk(&w, "router_settings: { retry_policy: { BadRequestErrorRetries: 1 } }\n"
                  "model_list:\n" ROW("m", "m"));
    assert_true(begin(&w, "m", NULL));
    for (; next(&w) == PLAN_TRY; tries++)
        status(&w, 400);
    assert_int_equal(tries, 2);
    table_close(&w.x);
}

#define THREE "model_list:\n" ROW("m", "a") ROW("m", "b") ROW("m", "c")

static void a_retry_goes_elsewhere_at_once(void **state)
{
    static const unsigned codes[] = { 500, 429, 401, 403, 404 };
    for (size_t c = 0; c < COUNT_OF(codes); c++) {
        struct walk w;
        unsigned seen = 0;
        open_walk(&w, THREE);
        assert_true(begin(&w, "m", NULL));
        for (int i = 0; i < 3; i++) {
            assert_int_equal(next(&w), PLAN_TRY);
            assert_int_equal(w.step.delay_ms, 0);
            seen |= 1u << (w.step.model.p[0] - 'a');
            status(&w, codes[c]);
        }
        assert_int_equal(seen, 7);
        assert_int_equal(next(&w), PLAN_END);
        table_close(&w.x);
    }
}

static void order_comes_first(void **state)
{
    struct walk w;
    open_walk(&w, "router_settings: { num_retries: 0 }\n"
                  "model_list:\n" ROW("m", "last") "- { model_name: m, litellm_params: { model: "
                                                   "openai/second, api_key: k, order: 2 } }\n"
                                                   "- { model_name: m, litellm_params: { model: "
                                                   "openai/first, api_key: k, order: 1 } }\n");
    assert_true(begin(&w, "m", NULL));
    CHECK_TRY(&w, "first");
    status(&w, 500);
    CHECK_TRY(&w, "second"); /* without retries: it is there for that */
    status(&w, 500);
    CHECK_TRY(&w, "last");
    status(&w, 500);
    assert_int_equal(next(&w), PLAN_END);
    assert_true(begin(&w, "m", NULL));
    CHECK_TRY(&w, "first");
    status(&w, 400);
    assert_int_equal(next(&w), PLAN_END); /* the request's own fault */
    table_close(&w.x);
}

/* ---- cooldown
 * ------------------------------------------------------------------------------------ */

static void all_cooling_down(void **state)
{
    struct walk w;
    open_walk(&w, "model_list:\n" ROW("m", "a") ROW("m", "b"));
    assert_true(begin(&w, "m", NULL));
    while (next(&w) == PLAN_TRY)
        end(&w, ROUTE_FAIL_STATUS, 429, ERR_RATE_LIMIT, 3000);
    assert_true(begin(&w, "m", NULL));
    assert_int_equal(next(&w), PLAN_NONE);
    assert_in_range(w.step.retry_after_ms, 1, 3000);
    w.now_ms += 3001;
    assert_true(begin(&w, "m", NULL));
    assert_int_equal(next(&w), PLAN_TRY);
    table_close(&w.x);
}

static void an_id_knows_no_cooldown(void **state)
{
    struct walk w;
    open_walk(&w, "model_list: [{ model_name: m, litellm_params: { model: openai/m, api_key: k }, "
                  "model_info: { id: this } }]\n");
    assert_true(begin(&w, "m", NULL));
    CHECK_TRY(&w, "m");
    status(&w, 401);
    assert_true(begin(&w, "m", NULL));
    assert_int_equal(next(&w), PLAN_NONE);
    assert_true(begin(&w, "this", NULL));
    CHECK_TRY(&w, "m");
    table_close(&w.x);
}

static void rpm_as_a_hard_cap(void **state)
{
    struct walk w;
    open_walk(&w,
              "router_settings: { optional_pre_call_checks: [enforce_model_rate_limits] }\n"
              "model_list: [{ model_name: m, litellm_params: { model: openai/m, api_key: k, rpm: "
              "2 } }]\n");
    for (int i = 0; i < 3; i++) {
        assert_true(begin(&w, "m", NULL));
        if (i == 2)
            break;
        CHECK_TRY(&w, "m");
        route_begin(w.step.deployment);
    }
    w.now_ms = clock_mono_ns() / 1000000;
    enum plan_result r = next(&w);
    if (r == PLAN_NONE) /* unless a minute ended just now */
        assert_in_range(w.step.retry_after_ms, 1, 60000);
    table_close(&w.x);
}

static void full_ones_come_last(void **state)
{
    struct walk w;
    open_walk(&w, "model_list:\n"
                  "- { model_name: m, litellm_params: { model: openai/a, api_key: k, "
                  "max_parallel_requests: 1 } }\n" ROW("m", "b"));
    const struct deployment *a = route_deployment(w.x.t, 0);
    route_begin(a);
    for (int i = 0; i < 50; i++) {
        assert_true(begin(&w, "m", NULL));
        CHECK_TRY(&w, "b");
    }
    table_close(&w.x);
}

/* ---- fallbacks
 * ----------------------------------------------------------------------------------- */

#define FALLBACKS                                                                             \
    "model_list:\n" ROW("a", "a") ROW("b", "b") ROW("c", "c") ROW("d", "d") ROW("big", "big") \
        ROW("tame", "tame") "router_settings:\n"                                              \
                            "  num_retries: 0\n"

static void one_after_the_other(void **state)
{
    struct walk w;
    open_walk(&w, FALLBACKS "  fallbacks: [{ a: [b, nowhere, c] }, { b: [d, a] }]\n");
    assert_true(begin(&w, "a", NULL));
    CHECK_TRY(&w, "a");
    assert_int_equal(w.step.fallbacks, 0);
    status(&w, 500);
    CHECK_TRY(&w, "b");
    assert_int_equal(w.step.fallbacks, 1);
    status(&w, 500);
    CHECK_TRY(&w, "d"); /* b's own come before the rest of a's */
    status(&w, 400);    /* also for the request's fault */
    CHECK_TRY(&w, "c"); /* not a again, and not what does not exist */
    assert_int_equal(w.step.fallbacks, 3);
    status(&w, 500);
    assert_int_equal(next(&w), PLAN_END);
    table_close(&w.x);
}

static void no_more_hops_than_allowed(void **state)
{
    struct walk w;
    open_walk(&w, FALLBACKS "  fallbacks: [{ a: [b, c, d] }]\n  max_fallbacks: 2\n");
    assert_true(begin(&w, "a", NULL));
    CHECK_TRY(&w, "a");
    status(&w, 500);
    CHECK_TRY(&w, "b");
    status(&w, 500);
    CHECK_TRY(&w, "c");
    status(&w, 500);
    assert_int_equal(next(&w), PLAN_END);
    table_close(&w.x);
}

static void fallbacks_by_kind_of_error(void **state)
{
    static const struct {
        const char *settings;
        enum chat_error_kind kind;
        const char *then; /* NULL: the end */
    } cases[] = {
        { "  fallbacks: [{ a: [b] }]\n", ERR_CONTEXT_WINDOW, "b" },
        { "  fallbacks: [{ a: [b] }]\n  context_window_fallbacks: [{ a: [big] }]\n",
          ERR_CONTEXT_WINDOW, "big" },
        { "  fallbacks: [{ a: [b] }]\n  context_window_fallbacks: [{ x: [big] }]\n",
          ERR_CONTEXT_WINDOW, NULL },
        { "  fallbacks: [{ a: [b] }]\n  context_window_fallbacks: [{ a: [big] }]\n",
          ERR_INVALID_REQUEST, "b" },
        { "  fallbacks: [{ a: [b] }]\n  content_policy_fallbacks: [{ '*': [tame] }]\n",
          ERR_CONTENT_POLICY, "tame" },
        { "  fallbacks: [{ '*': [c] }]\n", ERR_SERVER, "c" },
        { "  default_fallbacks: [d]\n", ERR_SERVER, "d" },
        { "  fallbacks: [{ b: [c] }]\n  default_fallbacks: [d]\n", ERR_SERVER, "d" },
        { "  fallbacks: [{ b: [c] }]\n", ERR_SERVER, NULL },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct walk w;
        struct arena a;
        arena_init(&a);
        open_walk(&w, arena_fmt(&a, "%s%s", FALLBACKS, cases[i].settings).p);
        assert_true(begin(&w, "a", NULL));
        CHECK_TRY(&w, "a");
        end(&w, ROUTE_FAIL_STATUS, chat_error_status(cases[i].kind), cases[i].kind, -1);
        enum plan_result r = next(&w);
        if ((r == PLAN_TRY) != (cases[i].then != NULL))
            fail_msg("case %zu: %d", i, (int)r);
        if (cases[i].then)
            CHECK_STR(w.step.model, str_c(cases[i].then));
        table_close(&w.x);
        arena_done(&a);
    }
}

static void a_request_brings_its_own(void **state)
{
    struct walk w;
    struct plan_options o = plan_options_default();
    open_walk(&w, FALLBACKS "  fallbacks: [{ a: [b] }]\n");
    o.fallbacks = S("[\"c\", {\"model\": \"d\", \"temperature\": 0.5}, 7, null, {\"x\": 1}]");
    assert_true(begin(&w, "a", &o));
    CHECK_TRY(&w, "a");
    status(&w, 500);
    CHECK_TRY(&w, "c");
    assert_null(w.step.overrides);
    status(&w, 500);
    CHECK_TRY(&w, "d");
    CHECK_STR(w.step.overrides->name, S("temperature"));
    CHECK_STR(w.step.overrides->value, S("0.5"));
    status(&w, 500);
    assert_int_equal(next(&w), PLAN_END);

    o.fallbacks = S("[{\"a\": [\"d\"]}]"); /* as in a config */
    assert_true(begin(&w, "a", &o));
    CHECK_TRY(&w, "a");
    status(&w, 500);
    CHECK_TRY(&w, "d");

    o.fallbacks = S("{\"broken\"");
    assert_true(begin(&w, "a", &o));
    CHECK_TRY(&w, "a");
    status(&w, 500);
    CHECK_TRY(&w, "b"); /* the configured ones */

    o = plan_options_default();
    o.disable_fallbacks = true;
    assert_true(begin(&w, "a", &o));
    CHECK_TRY(&w, "a");
    status(&w, 500);
    assert_int_equal(next(&w), PLAN_END);
    table_close(&w.x);
}

static void unknown_names_go_to_the_default(void **state)
{
    struct walk w;
    struct plan_options o = plan_options_default();
    open_walk(&w, FALLBACKS "  default_fallbacks: [c, d]\n");
    assert_true(begin(&w, "nobody", NULL));
    CHECK_TRY(&w, "c");
    status(&w, 500);
    CHECK_TRY(&w, "d");
    o.disable_fallbacks = true;
    assert_false(begin(&w, "nobody", &o));
    table_close(&w.x);
}

static void a_cooling_group_falls_back_too(void **state)
{
    struct walk w;
    open_walk(&w, FALLBACKS "  fallbacks: [{ a: [b] }]\n");
    assert_true(begin(&w, "a", NULL));
    CHECK_TRY(&w, "a");
    status(&w, 401);
    assert_true(begin(&w, "a", NULL));
    CHECK_TRY(&w, "b");
    assert_int_equal(w.step.fallbacks, 1);
    table_close(&w.x);
}

static void time_limits(void **state)
{
    struct walk w;
    struct plan_options o = plan_options_default();
    open_walk(&w, "model_list: [{ model_name: m, litellm_params: { model: openai/m, api_key: k, "
                  "timeout: 9, stream_timeout: 3 } }]\n");
    assert_true(begin(&w, "m", NULL));
    CHECK_TRY(&w, "m");
    assert_int_equal(w.step.timeout_ms, 9000);
    assert_int_equal(w.step.stream_timeout_ms, 3000);
    o.timeout_ms = 1234;
    assert_true(begin(&w, "m", &o));
    CHECK_TRY(&w, "m");
    assert_int_equal(w.step.timeout_ms, 1234);
    table_close(&w.x);
}

/* ---- strategies
 * ---------------------------------------------------------------------------------- */

enum { DRAWS = 20000 };

/* How often each of the group's first four is picked. */
static void draw(const char *yaml, unsigned counts[4])
{
    struct walk w;
    open_walk(&w, yaml);
    memset(counts, 0, 4 * sizeof(*counts));
    for (int i = 0; i < DRAWS; i++) {
        struct arena keep = w.x.a;
        arena_init(&w.x.a); /* a plan's memory is a request's */
        assert_true(begin(&w, "m", NULL));
        assert_int_equal(next(&w), PLAN_TRY);
        counts[w.step.model.p[0] - 'a']++;
        arena_done(&w.x.a);
        w.x.a = keep;
    }
    table_close(&w.x);
}

static void near(unsigned got, double share)
{
    double want = (double)DRAWS * share;
    if (got < want - 400 || got > want + 400) /* six sigma */
        fail_msg("%u of %d, expected %.0f", got, (int)DRAWS, want);
}

#define W(model, more) \
    "- { model_name: m, litellm_params: { model: openai/" model ", api_key: k" more " } }\n"

static void shuffles(void **state)
{
    static const struct {
        const char *yaml;
        double share[4];
    } cases[] = {
        { "model_list:\n" W("a", "") W("b", "") W("c", "") W("d", ""), { .25, .25, .25, .25 } },
        { "model_list:\n" W("a", ", weight: 1") W("b", ", weight: 3"), { .25, .75 } },
        { "model_list:\n" W("a", ", weight: 0.5") W("b", ", weight: 0.25") W("c", ", weight: 0.25"),
          { .5, .25, .25 } },
        { "model_list:\n" W("a", ", rpm: 90") W("b", ", rpm: 10"), { .9, .1 } },
        { "model_list:\n" W("a", ", tpm: 10") W("b", ", tpm: 30"), { .25, .75 } },
        /* the first one says what counts; who lacks it weighs nothing */
        { "model_list:\n" W("a", ", weight: 2, rpm: 1") W("b", ", rpm: 1000") W("c", ", weight: 2"),
          { .5, 0, .5 } },
        { "model_list:\n" W("a", "") W("b", ", weight: 100"), { .5, .5 } },
        { "model_list:\n" W("a", ", weight: 0") W("b", ""), { .5, .5 } },
        { "model_list:\n" W("a", ", weight: 0") W("b", ", weight: 1"), { 0, 1 } },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        unsigned counts[4];
        draw(cases[i].yaml, counts);
        for (size_t k = 0; k < 4; k++) {
            near(counts[k], cases[i].share[k]);
            if (cases[i].share[k] == 0)
                assert_int_equal(counts[k], 0);
        }
    }
}

/* Picks under a strategy after setting every deployment's health. */
static void picks(const char *strategy, void (*set)(const struct deployment *d, size_t i),
                  const char *want)
{
    struct walk w;
    struct arena a;
    arena_init(&a);
    open_walk(&w, arena_fmt(&a,
                            "router_settings: { routing_strategy: %s }\nmodel_list:\n" W(
                                "a", ", input_cost_per_token: 3e-6, output_cost_per_token: 1e-6")
                                W("b", ", input_cost_per_token: 1e-6, output_cost_per_token: 1e-6")
                                    W("c", ", tpm: 100"),
                            strategy)
                      .p);
    for (size_t i = 0; i < 3; i++)
        set(route_deployment(w.x.t, i), i);
    unsigned right = 0;
    for (int i = 0; i < 200; i++) {
        assert_true(begin(&w, "m", NULL));
        assert_int_equal(next(&w), PLAN_TRY);
        right += str_eq(w.step.model, str_c(want));
    }
    if (right < 170) /* latency-based routing explores now and then */
        fail_msg("%s: %s only %u times of 200", strategy, want, right);
    table_close(&w.x);
    arena_done(&a);
}

static void busy(const struct deployment *d, size_t i)
{
    atomic_store(&d->health->in_flight, i == 1 ? 2 : 5);
}

static void slow(const struct deployment *d, size_t i)
{
    atomic_store(&d->health->ewma_latency_us, i == 2 ? 9000 : 50000);
}

static void nothing(const struct deployment *d, size_t i) {}

static void used(const struct deployment *d, size_t i)
{
    struct chat_usage u = CHAT_USAGE_NONE;
    u.prompt = i == 0 ? 5000 : i == 1 ? 9000 : 100; /* the third has used up its tpm */
    route_count_usage(d, &u, -1);
}

static void other_strategies(void **state)
{
    picks("least-busy", busy, "b");
    picks("latency-based-routing", slow, "c");
    picks("cost-based-routing", nothing, "b");
    picks("usage-based-routing", used, "a");
    picks("usage-based-routing-v2", used, "a");
}

/* ---- anything may happen
 * --------------------------------------------------------------------------- */

static bool group_has_healthy(const struct table *x, str group, uint64_t now_ms)
{
    for (size_t i = 0; i < route_deployment_count(x->t); i++) {
        const struct deployment *d = route_deployment(x->t, i);
        if (str_eq(d->group_name, group) && atomic_load(&d->health->cooldown_until_ms) <= now_ms)
            return true;
    }
    return false;
}

static void random_outcomes(void **state)
{
    static const unsigned codes[] = { 400, 401, 403, 404, 408, 429, 429, 500, 500, 503, 529 };
    static const enum route_failure kinds[] = { ROUTE_FAIL_CONNECT, ROUTE_FAIL_TIMEOUT,
                                                ROUTE_FAIL_MALFORMED, ROUTE_FAIL_TRUNCATED };
    static const char *const names[] = { "a", "b", "c", "d", "nobody" };
    struct walk w;
    open_walk(
        &w, "model_list:\n" ROW("a", "a1") ROW("a", "a2") ROW("a", "a3") ROW("b", "b1")
                ROW("b", "b2") ROW("c", "c")
                    ROW("d",
                        "d") "router_settings:\n"
                             "  fallbacks: [{ a: [b, c] }, { b: [a, c, d] }, { c: [a, b, c, d] }]\n"
                             "  default_fallbacks: [d, a]\n");
    const unsigned bound = 6 * 3; /* groups entered, tries in each */
    unsigned tried = 0, ended = 0;
    for (int run = 0; run < 20000; run++) {
        uint64_t r = next_random(&w.random);
        struct arena keep = w.x.a;
        unsigned tries = 0;
        enum plan_result result;
        arena_init(&w.x.a);
        w.now_ms += r % 700;
        assert_true(begin(&w, names[r >> 20 & 3], NULL));
        while ((result = next(&w)) == PLAN_TRY) {
            const struct deployment *d = w.step.deployment;
            assert_true(++tries <= bound);
            assert_true(w.step.delay_ms <= 60750);
            if (atomic_load(&d->health->cooldown_until_ms) > w.now_ms)
                fail_msg("%.*s is cooling down", STRF(d->litellm_model));
            r = next_random(&w.random);
            if (r % 3 == 0) {
                route_begin(d);
                route_report(d,
                             &(struct route_outcome){ .failure = ROUTE_OK, .retry_after_ms = -1 },
                             w.now_ms);
                break;
            }
            if (r >> 8 & 1)
                end(&w, ROUTE_FAIL_STATUS, codes[(r >> 16) % COUNT_OF(codes)],
                    chat_error_kind_of(codes[(r >> 16) % COUNT_OF(codes)]),
                    r >> 9 & 1 ? (int64_t)(r >> 32) % 70000 : -1);
            else
                end(&w, kinds[(r >> 16) % COUNT_OF(kinds)], 0, 0, -1);
        }
        tried += tries;
        ended += result == PLAN_END;
        if (result == PLAN_NONE) { /* nobody was fit to be asked */
            assert_int_equal(tries, 0);
            assert_true(w.step.retry_after_ms > 0);
            assert_false(group_has_healthy(&w.x, w.p.asked, w.now_ms));
        }
        arena_done(&w.x.a);
        w.x.a = keep;
    }
    assert_true(tried > 10000 && ended > 100); /* it did try */
    for (size_t i = 0; i < route_deployment_count(w.x.t); i++)
        assert_int_equal(atomic_load(&route_deployment(w.x.t, i)->health->in_flight), 0);
    table_close(&w.x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone),
        cmocka_unit_test(other_failures_are_retried),
        cmocka_unit_test(quota_is_not_waited_for),
        cmocka_unit_test(how_long_to_wait),
        cmocka_unit_test(who_says_how_often),
        cmocka_unit_test(a_policy_may_want_a_400_again),
        cmocka_unit_test(a_retry_goes_elsewhere_at_once),
        cmocka_unit_test(order_comes_first),
        cmocka_unit_test(all_cooling_down),
        cmocka_unit_test(an_id_knows_no_cooldown),
        cmocka_unit_test(rpm_as_a_hard_cap),
        cmocka_unit_test(full_ones_come_last),
        cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(no_more_hops_than_allowed),
        cmocka_unit_test(fallbacks_by_kind_of_error),
        cmocka_unit_test(a_request_brings_its_own),
        cmocka_unit_test(unknown_names_go_to_the_default),
        cmocka_unit_test(a_cooling_group_falls_back_too),
        cmocka_unit_test(time_limits),
        cmocka_unit_test(shuffles),
        cmocka_unit_test(other_strategies),
        cmocka_unit_test(random_outcomes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
