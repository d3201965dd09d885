#include "../check.h"
#include "table.h"

/* Who can be asked for a realtime session, and which one is meant if nobody is named. */

#define ROW(name, model, more) \
    "  - { model_name: '" name "', litellm_params: { model: '" model "', api_key: k" more " } }\n"

static void who_has_it(void **state)
{
    (void)state;
    static const struct {
        const char *model, *base; /* base NULL: none */
        bool has;
    } cases[] = {
        { "openai/m", NULL, true },
        { "openai/responses/m", NULL, true },
        { "openai/m", "http://h/v1", true },
        { "azure/m", "https://h", true },
        { "xai/m", NULL, true },
        { "hosted_vllm/m", "http://h", true },
        { "groq/m", NULL, false },
        { "groq/m", "http://h", true }, /* whoever is there */
        { "anthropic/m", NULL, false },
        { "anthropic/m", "http://h", false },
        { "gemini/m", NULL, false },
        { "ollama/m", "http://h", false },
        { "sluice/echo", NULL, false },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char yaml[512];
        struct table x;
        snprintf(yaml, sizeof(yaml),
                 "model_list: [{ model_name: m, litellm_params: { model: '%s', api_key: k%s%s } }]",
                 cases[i].model, cases[i].base ? ", api_base: " : "",
                 cases[i].base ? cases[i].base : "");
        table_open(&x, yaml);
        if (deployment_has_realtime(route_first(x.t, S("m"))) != cases[i].has)
            fail_msg("%s at %s", cases[i].model, cases[i].base ? cases[i].base : "its own");
        table_close(&x);
    }
}

static void check_name(const char *yaml, bool transcribes, const char *want, size_t among)
{
    struct table x;
    size_t n;
    table_open(&x, yaml);
    str name = route_realtime_name(x.t, transcribes, &n);
    CHECK_STR(name, str_c(want));
    assert_int_equal(n, among);
    table_close(&x);
}

static void who_is_meant(void **state)
{
    (void)state;
    check_name("model_list: []", true, "", 0);
    check_name("model_list:\n" ROW("c", "anthropic/claude", ""), false, "", 0);
    check_name("model_list:\n" ROW("a", "openai/gpt-4o", ""), true, "a", 1);
    check_name("model_list:\n" ROW("a", "openai/gpt-4o", "") ROW("b", "openai/gpt-5", ""), true, "",
               2);
#define THREE                                                                         \
    "model_list:\n" ROW("a", "openai/gpt-4o", "") ROW("v", "openai/gpt-realtime", "") \
        ROW("d", "openai/gpt-4o-transcribe", "") ROW("*", "openai/*", "")
    check_name(THREE, true, "d", 1);
    check_name(THREE, false, "v", 1);
    check_name(THREE ROW("w", "openai/whisper-1", ""), true, "", 2);
    check_name(THREE ROW("w", "anthropic/realtime", ""), false, "v", 1);
    check_name("model_list:\n" ROW("a", "openai/gpt-4o", "") ROW("a", "openai/x", "")
                   ROW("b", "openai/y", "}, model_info: { mode: realtime"),
               false, "b", 1);
}

static void a_plan_passes_over_those_without(void **state)
{
    (void)state;
    struct table x;
    struct plan p;
    struct plan_step step;
    struct plan_options o = plan_options_default();
    o.realtime = true;
    table_open(&x,
               "model_list:\n" ROW("m", "anthropic/c", "") ROW("m", "openai/r",
                                                               "") ROW("c", "anthropic/c", "")
                   ROW("only", "anthropic/c", "") "router_settings: { fallbacks: [{ c: [m] }] }\n");
    for (uint64_t i = 0; i < 8; i++) {
        assert_true(plan_init(&p, x.t, S("m"), &o, &x.a));
        assert_int_equal(plan_next(&p, 1000, i * 0x123456789abcdefu, &step), PLAN_TRY);
        CHECK_STR(step.model, S("r"));
    }
    assert_true(plan_init(&p, x.t, S("c"), &o, &x.a));
    assert_int_equal(plan_next(&p, 1000, 7, &step), PLAN_TRY);
    CHECK_STR(step.model, S("r"));
    assert_int_equal(step.fallbacks, 1);
    assert_true(plan_init(&p, x.t, S("only"), &o, &x.a));
    assert_int_equal(plan_next(&p, 1000, 7, &step), PLAN_NONE);
    assert_int_equal(step.retry_after_ms, -1);
    table_close(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_it),
        cmocka_unit_test(who_is_meant),
        cmocka_unit_test(a_plan_passes_over_those_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
