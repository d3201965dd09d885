#include "ledger/prices.h"

#include "check.h"
#include "ledger/prices_table.h"

static void parse(void **state)
{
    static const struct {
        const char *text;
        int64_t want; /* -1: refused */
    } cases[] = {
        { "0.0000025", 2500000000 },
        { "2.5e-06", 2500000000 },
        { "2.5E-6", 2500000000 },
        { "8e-6", 8000000000 },
        { "0", 0 },
        { "0.0", 0 },
        { "0e99", 0 },
        { "1", 1000000000000000 },
        { "3.75e-08", 37500000 },
        { "1e-15", 1 },
        { "4e-16", 0 },
        { "5e-16", 1 },
        { "1e-999", 0 },
        { "0.00000250000000000000000000000000000001", 2500000000 },
        { "1e5", -1 },
        { "9223.372036854775807", 9223372036854775807 },
        { "9223.372036854775808", -1 },
        { "99999999999999999999999", -1 },
        { "", -1 },
        { ".", -1 },
        { "-1", -1 },
        { "1e", -1 },
        { "1e-", -1 },
        { "1x", -1 },
        { "nan", -1 },
        { "1 ", -1 },
        { "1.2.3", -1 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t got = -1;
        bool ok = price_parse(str_c(cases[i].text), &got);
        if (ok != (cases[i].want >= 0) || got != cases[i].want)
            fail_msg("%s: %lld", cases[i].text, (long long)got);
    }
}

static struct chat_usage usage(int64_t prompt, int64_t completion)
{
    struct chat_usage u = CHAT_USAGE_NONE;
    u.prompt = prompt;
    u.completion = completion;
    return u;
}

static void cost(void **state)
{
    struct price p = PRICE_UNKNOWN;
    struct chat_usage u = usage(1000, 100);
    assert_int_equal(price_cost_nanousd(&p, &u), -1);
    assert_true(price_set(&p, S("input_cost_per_token"), S("2.5e-06")));
    assert_true(price_set(&p, S("output_cost_per_token"), S("1e-05")));
    assert_int_equal(price_cost_nanousd(&p, &u), 2500000 + 1000000);

    u.cache_read = 400; /* without a price of their own: as input */
    u.reasoning = 40;
    assert_int_equal(price_cost_nanousd(&p, &u), 3500000);
    assert_true(price_set(&p, S("cache_read_input_token_cost"), S("1.25e-06")));
    assert_true(price_set(&p, S("output_cost_per_reasoning_token"), S("2e-05")));
    assert_int_equal(price_cost_nanousd(&p, &u), 600 * 2500 + 400 * 1250 + 60 * 10000 + 40 * 20000);

    u.cache_write = 200;
    u.cache_write_1h = 50;
    assert_true(price_set(&p, S("cache_creation_input_token_cost"), S("3e-06")));
    assert_true(price_set(&p, S("cache_creation_input_token_cost_above_1hr"), S("5e-06")));
    assert_int_equal(price_cost_nanousd(&p, &u),
                     400 * 2500 + 400 * 1250 + 150 * 3000 + 50 * 5000 + 60 * 10000 + 40 * 20000);
}

static void odd_usage(void **state)
{
    struct price p = PRICE_UNKNOWN;
    p.input = p.output = 1000000000; /* $1 per million: 1000 nano-dollars a token */
    struct chat_usage u = CHAT_USAGE_NONE;
    assert_int_equal(price_cost_nanousd(&p, &u), -1);
    u = usage(-1, 10);
    assert_int_equal(price_cost_nanousd(&p, &u), 10000);
    u = usage(10, 10);
    u.cache_read = 1000; /* more than there were: never negative */
    u.reasoning = 1000;
    assert_int_equal(price_cost_nanousd(&p, &u), 20000);
    u = usage(INT64_MAX, 1);
    assert_int_equal(price_cost_nanousd(&p, &u), -1);
    u = usage(INT64_C(1) << 50, INT64_C(1) << 50);
    p.input = p.output = INT64_MAX;
    assert_int_equal(price_cost_nanousd(&p, &u), -1);
    p.input = 1; /* 1e-15 dollars: half a nano-dollar is rounded up, once */
    p.output = 0;
    u = usage(500000, 0);
    assert_int_equal(price_cost_nanousd(&p, &u), 1);
    u = usage(499999, 0);
    assert_int_equal(price_cost_nanousd(&p, &u), 0);
    p = PRICE_UNKNOWN;
    assert_true(price_set(&p, S("input_cost_per_request"), S("0.01")));
    assert_int_equal(price_cost_nanousd(&p, &u), 10000000);
}

static void tiers(void **state)
{
    struct price p = PRICE_UNKNOWN;
    struct chat_usage u = usage(200000, 10);
    assert_true(price_set(&p, S("input_cost_per_token"), S("1e-06")));
    assert_true(price_set(&p, S("output_cost_per_token"), S("1e-05")));
    assert_true(price_set(&p, S("input_cost_per_token_above_200k_tokens"), S("2e-06")));
    assert_int_equal(p.tier_above, 200000);
    assert_int_equal(price_cost_nanousd(&p, &u), 200000 * 1000 + 100000);
    u.prompt++;
    assert_int_equal(price_cost_nanousd(&p, &u), 200001 * 2000 + 100000);
}

static void keys(void **state)
{
    struct price p = PRICE_UNKNOWN;
    assert_false(price_set(&p, S("input_cost_per_pixel"), S("1")));
    assert_false(price_set(&p, S("input_cost_per_token"), S("cheap")));
    assert_false(price_set(&p, S("input_cost_per_token_above_k_tokens"), S("1")));
    assert_false(price_set(&p, S("input_cost_per_token_above_9xk_tokens"), S("1")));
    assert_int_equal(p.input, -1);
    assert_int_equal(p.tier_above, -1);
}

static void find(void **state)
{
    static const struct {
        const char *provider, *model;
        int64_t input; /* -1: not in the table */
    } cases[] = {
        { "openai", "gpt-4o", 2500000000 },
        { "openai", "gpt-4o-2024-08-06", 2500000000 },
        { "openai", "gpt-4o-2024-05-13", 5000000000 },
        { "azure", "gpt-4o", 2500000000 },
        { "anthropic", "claude-3-opus-20240229", 15000000000 },
        { "anthropic", "claude-sonnet-4-5-20250929", 3000000000 },
        { "gemini", "gemini-2.5-flash", 300000000 },
        { "openai", "gemini-2.5-flash", -1 },
        { "together_ai", "openai/gpt-oss-120b", 150000000 },
        { "hosted_vllm", "openai/gpt-oss-120b", -1 },
        { "cohere_chat", "command-r7b-12-2024", 37500000 },
        { "openai", "gpt-4-turbo-preview", 10000000000 },
        { "openai", "no-such-model", -1 },
        { "openai", "", -1 },
        { "", "-", -1 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct price p;
        bool ok = price_find(str_c(cases[i].provider), str_c(cases[i].model), &p);
        if (ok != (cases[i].input >= 0) || (ok && p.input != cases[i].input))
            fail_msg("%s/%s: %d %lld", cases[i].provider, cases[i].model, ok,
                     ok ? (long long)p.input : 0);
    }
}

static void table(void **state)
{
    for (size_t i = 0; i < price_nrows; i++) {
        const struct price_row *r = &price_rows[i];
        int order = i ? strcmp(price_rows[i - 1].model, r->model) : -1;
        if (order > 0 || (order == 0 && strcmp(price_rows[i - 1].provider, r->provider) >= 0))
            fail_msg("%s is out of order", r->model);
        if (r->v[PRICE_INPUT] < 0 || r->v[PRICE_OUTPUT] < -1 ||
            (r->v[PRICE_CACHE_READ] > r->v[PRICE_INPUT]))
            fail_msg("%s: an odd price", r->model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse), cmocka_unit_test(cost), cmocka_unit_test(odd_usage),
        cmocka_unit_test(tiers), cmocka_unit_test(keys), cmocka_unit_test(find),
        cmocka_unit_test(table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
