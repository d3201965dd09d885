#include "../check.h"
#include "table.h"

static const struct deployment *only(struct table *x)
{
    assert_int_equal(route_deployment_count(x->t), 1);
    return route_deployment(x->t, 0);
}

/* ---- fields -----------------------------------------------------------------------------------
 */

static void auth_by_vendor(void **state)
{
    static const struct {
        const char *params, *field;
    } cases[] = {
        { "model: openai/m, api_key: sk-1", "authorization: Bearer sk-1\r\n" },
        { "model: anthropic/m, api_key: ' sk-2 '", "x-api-key: sk-2\r\n" },
        { "model: gemini/m, api_key: g", "x-goog-api-key: g\r\n" },
        { "model: azure/m, api_key: z, api_base: 'https://r'", "api-key: z\r\n" },
        { "model: groq/m", "authorization: Bearer from-env\r\n" },
        { "model: groq/m, api_key: os.environ/GROQ_API_KEY", "authorization: Bearer from-env\r\n" },
        { "model: azure/m, api_base: 'https://r'", "authorization: Bearer ad-token\r\n" },
        { "model: ollama/m", "" },
        { "model: openai/m, api_base: 'http://h', extra_headers: { Authorization: mine }, api_key: "
          "k",
          "" },
    };
    static const struct table_env env[] = { { "GROQ_API_KEY", "from-env\n" },
                                            { "AZURE_AD_TOKEN", "ad-token" },
                                            { NULL, NULL } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct table x;
        struct arena a;
        arena_init(&a);
        str yaml = arena_fmt(&a, "model_list: [{ model_name: m, litellm_params: { %s } }]",
                             cases[i].params);
        table_open_env(&x, yaml.p, env, NULL);
        CHECK_STR(secret_reveal(&only(&x)->auth_fields), str_c(cases[i].field));
        table_close(&x);
        arena_done(&a);
    }
}

static void missing_keys(void **state)
{
    struct table x;
    table_open(&x,
               "model_list:\n"
               "- { model_name: a, litellm_params: { model: openai/m } }\n"
               "- { model_name: b, litellm_params: { model: openai/m, api_base: 'http://h' } }\n"
               "- { model_name: c, litellm_params: { model: ollama/m } }\n");
    assert_int_equal(route_deployment_count(x.t), 3); /* served all the same */
    assert_int_equal(x.d.nwarnings, 1);
    assert_true(table_says(&x, "OPENAI_API_KEY"));
    table_close(&x);
}

static void keys_that_go_elsewhere(void **state)
{
    static const struct table_env env[] = { { "OPENAI_API_KEY", "sk-env" }, { NULL, NULL } };
    struct table x;
    table_open_env(
        &x,
        "model_list:\n"
        "- { model_name: a, litellm_params: { model: openai/m } }\n"
        "- { model_name: b, litellm_params: { model: openai/m, api_base: 'http://b' } }\n"
        "- { model_name: c, litellm_params: { model: openai/m, api_base: 'http://c', api_key: k } "
        "}\n",
        env, NULL);
    assert_false(table_says(&x, "model_list[0]"));
    assert_true(table_says(&x, "the key from OPENAI_API_KEY goes to b"));
    assert_false(table_says(&x, "model_list[2]"));
    assert_int_equal(x.d.nwarnings, 0);
    table_close(&x);
}

static void example_keys(void **state)
{
    static const struct {
        const char *params;
        bool warned;
    } cases[] = {
        { "model: gpt-4, api_key: sk-YOUR-OPENAI-API-KEY", true },
        { "model: gemini/gemini-pro, api_key: YOUR-GOOGLE-API-KEY", true },
        { "model: openai/m, api_key: sk-proj-abc123", false },
        { "model: openai/m, api_key: xxx, api_base: 'http://localhost:8000/v1'", false },
        { "model: hosted_vllm/m, api_key: your-key, api_base: 'http://localhost:8000'", false },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct table x;
        struct arena a;
        arena_init(&a);
        table_open(&x, arena_fmt(&a, "model_list: [{ model_name: m, litellm_params: { %s } }]",
                                 cases[i].params)
                           .p);
        assert_int_equal(route_deployment_count(x.t), 1); /* it starts all the same */
        if ((x.d.nwarnings == 1) != cases[i].warned || x.d.nerrors)
            fail_msg("%s", cases[i].params);
        table_close(&x);
        arena_done(&a);
    }
}

static void bad_keys(void **state)
{
    static const char *const keys[] = { "a\\r\\nHost: x", "a\\nb", "a b", "k\\u00e9y" };
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct table x;
        struct arena a;
        arena_init(&a);
        table_open(&x, arena_fmt(&a,
                                 "model_list: [{ model_name: m, litellm_params: { model: openai/m, "
                                 "api_key: \"%s\" } }]",
                                 keys[i])
                           .p);
        assert_int_equal(route_deployment_count(x.t), 0);
        assert_int_equal(x.d.nerrors, 1);
        table_close(&x);
        arena_done(&a);
    }
}

static void extra_fields(void **state)
{
    struct table x;
    table_open(&x, "model_list: [{ model_name: m, litellm_params: { model: openai/m, api_key: k, "
                   "organization: org-1, extra_headers: { X-One: '1', Host: evil, 'bad name': x, "
                   "Content-Length: '5', X-Two: \"a\\r\\nb\" } } }]");
    CHECK_STR(only(&x)->extra_fields, S("openai-organization: org-1\r\nX-One: 1\r\n"));
    assert_int_equal(x.d.nerrors, 2);
    assert_true(table_says(&x, "Host"));
    table_close(&x);
}

static void reply_fields(void **state)
{
    struct table x;
    table_open(&x, "model_list: [{ model_name: \"g\\u00fc\\r\\nx\", litellm_params: { model: "
                   "openai/gpt-4, api_key: k }, model_info: { id: my-id } }]");
    CHECK_STR(only(&x)->reply_fields, S("x-litellm-model-id: my-id\r\n"
                                        "x-litellm-model-group: g????x\r\n"
                                        "x-litellm-model-api-base: https://api.openai.com/v1\r\n"
                                        "x-litellm-model-name: openai/gpt-4\r\n"));
    table_close(&x);
}

static void leaks(void **state)
{
    struct table x;
    table_open(&x, "model_list:\n"
                   "- { model_name: a, litellm_params: { model: openai/m, api_key: sk-12345 } }\n"
                   "- { model_name: b, litellm_params: { model: openai/m, api_key: short } }\n");
    const struct deployment *a = route_deployment(x.t, 0), *b = route_deployment(x.t, 1);
    assert_true(deployment_leaks(a, S("Bearer sk-12345, thanks")));
    assert_false(deployment_leaks(a, S("Bearer sk-1234")));
    assert_false(deployment_leaks(b, S("a short text")));
    table_close(&x);
}

/* ---- what else a row says -----------------------------------------------------------------------
 */

static void quirks_of_openai_itself(void **state)
{
    static const struct {
        const char *params;
        bool is_openai;
    } cases[] = {
        { "model: openai/m, api_key: k", true },
        { "model: gpt-4o, api_key: k", true },
        { "model: openai/m, api_key: k, api_base: 'https://eu.api.openai.com/v1'", true },
        { "model: openai/m, api_base: 'http://localhost:8000/v1'", false },
        { "model: openai/m, api_key: k, api_base: 'https://openai.com.evil.example'", false },
        { "model: azure/m, api_key: k, api_base: 'https://r.openai.azure.com'", true },
        { "model: groq/m, api_key: k", false },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct table x;
        struct arena a;
        arena_init(&a);
        table_open(&x, arena_fmt(&a, "model_list: [{ model_name: m, litellm_params: { %s } }]",
                                 cases[i].params)
                           .p);
        if (!!(only(&x)->quirks & QUIRK_OPENAI) != cases[i].is_openai)
            fail_msg("%s", cases[i].params);
        table_close(&x);
        arena_done(&a);
    }
}

static void limits_and_prices(void **state)
{
    struct table x;
    table_open(&x,
               "model_list:\n"
               "- model_name: a\n"
               "  litellm_params: { model: openai/gpt-4o, api_key: k, timeout: 7, weight: 3,\n"
               "    stream_timeout: 2, rpm: 9, drop_params: true, input_cost_per_token: 8e-6 }\n"
               "  model_info: { max_output_tokens: 4096 }\n"
               "- { model_name: b, litellm_params: { model: openai/x, api_key: k },\n"
               "    model_info: { base_model: azure/gpt-4o } }\n"
               "- { model_name: c, litellm_params: { model: openai/unheard-of, api_key: k } }\n"
               "- { model_name: d, litellm_params: { model: openai/unheard-of, api_key: k,\n"
               "    input_cost_per_token: '0.000001' } }\n"
               "router_settings: { timeout: 30 }\n"
               "litellm_settings: { request_timeout: 60 }\n");
    const struct deployment *a = route_deployment(x.t, 0), *b = route_deployment(x.t, 1);
    const struct deployment *c = route_deployment(x.t, 2), *d = route_deployment(x.t, 3);
    assert_int_equal(a->timeout_ms, 7000);
    assert_int_equal(a->stream_timeout_ms, 2000);
    assert_int_equal(b->timeout_ms, 30000);
    assert_int_equal(b->stream_timeout_ms, 0);
    assert_int_equal(a->rpm, 9);
    assert_true(a->drop_params && !b->drop_params);
    assert_int_equal(a->max_tokens_default, 4096);
    assert_int_equal(b->max_tokens_default, CHAT_UNSET);
    assert_int_equal(a->price.input, 8000000000);
    assert_int_equal(a->price.output, 10000000000);
    assert_int_equal(b->price.input, 2500000000);
    assert_int_equal(c->price.input, -1);
    assert_int_equal(d->price.input, 1000000000);
    assert_int_equal(d->price.output, 0);
    table_close(&x);
}

static void prices_of_wildcards(void **state)
{
    struct table x;
    table_open(&x,
               "model_list:\n"
               "- { model_name: 'openai/*', litellm_params: { model: 'openai/*', api_key: k } }\n"
               "- { model_name: 'o/*', litellm_params: { model: 'openai/*', api_key: k,\n"
               "    input_cost_per_token: 1e-6 } }\n"
               "- { model_name: one, litellm_params: { model: openai/gpt-4, api_key: k } }\n");
    const struct deployment *all = route_deployment(x.t, 0), *own = route_deployment(x.t, 1);
    assert_int_equal(all->price.input, -1);
    assert_int_equal(deployment_price(all, S("gpt-4o")).input, 2500000000);
    assert_int_equal(deployment_price(all, S("unheard-of")).input, -1);
    assert_int_equal(deployment_price(own, S("gpt-4o")).input, 1000000000);
    assert_int_equal(deployment_price(route_deployment(x.t, 2), S("gpt-4o")).input, 30000000000);
    table_close(&x);
}

static void rows_that_are_left_out(void **state)
{
    static const struct {
        const char *model, *says;
    } cases[] = {
        { "no-such-vendor/m", "model_list[0].litellm_params.model" },
        { "vertex_ai/gemini-pro", "Vertex" },
        { "hosted_vllm/m", "api_base" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct table x;
        struct arena a;
        arena_init(&a);
        table_open(&x,
                   arena_fmt(&a, "model_list: [{ model_name: m, litellm_params: { model: %s } }]",
                             cases[i].model)
                       .p);
        assert_int_equal(route_deployment_count(x.t), 0);
        assert_int_equal(x.d.nerrors, 1);
        assert_true(table_says(&x, cases[i].says));
        assert_false(route_knows(x.t, S("m")));
        table_close(&x);
        arena_done(&a);
    }
}

static void local_models(void **state)
{
    struct table x;
    table_open(&x,
               "model_list:\n"
               "- { model_name: e, litellm_params: { model: sluice/echo } }\n"
               "- { model_name: f, litellm_params: { model: openai/gpt-4o, mock_response: hi } }\n"
               "- { model_name: g, litellm_params: { model: x, mock_response: '' } }\n");
    assert_int_equal(x.d.nerrors + x.d.nwarnings, 0);
    const struct deployment *e = route_first(x.t, S("e")), *f = route_first(x.t, S("f"));
    assert_true(e->local && f->local && route_first(x.t, S("g"))->local);
    assert_null(e->mock_response.p);
    CHECK_STR(f->mock_response, S("hi"));
    CHECK_STR(e->provider_name, S("sluice"));
    CHECK_STR(e->model, S("echo"));
    CHECK_STR(f->provider_name, S("openai"));
    assert_null(e->provider);
    table_close(&x);
}

/* ---- names -------------------------------------------------------------------------------------
 */

static const char *const NAMES =
    "model_list:\n"
    "- { model_name: gpt, litellm_params: { model: openai/gpt-4o, api_key: a }, model_info: { id: "
    "one } }\n"
    "- { model_name: gpt, litellm_params: { model: azure/x, api_key: b, api_base: 'https://r' } }\n"
    "- { model_name: 'openai/*', litellm_params: { model: 'openai/*', api_key: c } }\n"
    "- { model_name: 'openai/o*', litellm_params: { model: 'openai/o-*-x', api_key: c } }\n"
    "- { model_name: 'anthropic/*', litellm_params: { model: 'anthropic/claude-3-haiku-20240307', "
    "api_key: c } }\n"
    "- { model_name: 'a-*-b-*', litellm_params: { model: 'groq/*', api_key: c } }\n"
    "- { model_name: last, litellm_params: { model: groq/llama, api_key: d } }\n"
    "router_settings:\n"
    "  model_group_alias: { fast: last, secret: { model: gpt, hidden: true }, dangling: nothing "
    "}\n";

static void names_listed(void **state)
{
    struct table x;
    static const char *const want[] = { "fast", "gpt", "last" };
    table_open(&x, NAMES);
    assert_int_equal(route_name_count(x.t), COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++)
        CHECK_STR(route_name(x.t, i), str_c(want[i]));
    assert_true(table_says(&x, "no model is called \"nothing\""));
    table_close(&x);
}

static void names_resolved(void **state)
{
    static const struct {
        const char *name, *provider, *model; /* provider NULL: not known */
    } cases[] = {
        { "one", "openai", "gpt-4o" }, /* id */
        { "last", "groq", "llama" },
        { "fast", "groq", "llama" }, /* alias */
        { "openai/gpt-9", "openai", "gpt-9" },
        { "openai/o3", "openai", "o-3-x" },                               /* the longer pattern */
        { "anthropic/claude-9", "anthropic", "claude-3-haiku-20240307" }, /* no star to fill */
        { "a-1-b-2", "groq", "a-1-b-2" },  /* more captures than stars */
        { "gpt-9", "openai", "gpt-9" },    /* found as openai/gpt-9 */
        { "groq/llama", "groq", "llama" }, /* raw litellm_params.model */
        { "azure/x", "azure", "x" },
        { "Last", NULL, NULL },
        { "", NULL, NULL },
        { "dangling", NULL, NULL },
        { "groq/other", NULL, NULL },
    };
    struct table x;
    table_open(&x, NAMES);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        str name = str_c(cases[i].name);
        struct plan_options o = plan_options_default();
        struct plan p;
        struct plan_step step;
        bool known = plan_init(&p, x.t, name, &o, &x.a);
        if (known != (cases[i].provider != NULL) || route_knows(x.t, name) != known)
            fail_msg("%s: known %d", cases[i].name, known);
        if (!known)
            continue;
        assert_int_equal(plan_next(&p, 1000, 7, &step), PLAN_TRY);
        CHECK_STR(step.deployment->provider_name, str_c(cases[i].provider));
        CHECK_STR(step.model, str_c(cases[i].model));
    }
    table_close(&x);
}

static void star_serves_every_vendor(void **state)
{
    static const struct table_env env[] = { { "ANTHROPIC_API_KEY", "a" },
                                            { "OPENAI_API_KEY", "o" },
                                            { NULL, NULL } };
    static const struct {
        const char *name, *provider, *model;
    } cases[] = {
        { "anthropic/claude-x", "anthropic", "claude-x" },
        { "claude-x", "anthropic", "claude-x" },
        { "gpt-x", "openai", "gpt-x" },
        { "something", "openai", "something" },
        { "ollama/q:1b", "ollama", "q:1b" },
        { "groq/llama", NULL, NULL }, /* no key */
    };
    struct table x;
    table_open_env(&x, "model_list: [{ model_name: '*', litellm_params: { model: '*' } }]", env,
                   NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct plan_options o = plan_options_default();
        struct plan p;
        struct plan_step step;
        bool known = plan_init(&p, x.t, str_c(cases[i].name), &o, &x.a);
        if (known != (cases[i].provider != NULL))
            fail_msg("%s: known %d", cases[i].name, known);
        if (!known)
            continue;
        for (uint64_t r = 0; r < 5; r++) { /* chance does not matter */
            plan_init(&p, x.t, str_c(cases[i].name), &o, &x.a);
            assert_int_equal(plan_next(&p, 1000, r * 0x123456789abcdefu, &step), PLAN_TRY);
            CHECK_STR(step.deployment->provider_name, str_c(cases[i].provider));
            CHECK_STR(step.model, str_c(cases[i].model));
        }
    }
    table_close(&x);
}

static void health_survives_a_reload(void **state)
{
    struct table x, y;
    table_open(&x, NAMES);
    struct route_health *h = route_first(x.t, S("last"))->health;
    atomic_store(&h->tokens_in, 5);
    table_open_env(&y, NAMES, NULL, &x);
    assert_ptr_equal(route_first(y.t, S("last"))->health, h);
    table_close(&x);
    assert_int_equal(atomic_load(&route_first(y.t, S("last"))->health->tokens_in), 5);
    assert_int_equal(atomic_load(&h->refs), 1);
    table_close(&y);
}

static void dangling_fallbacks_are_named(void **state)
{
    struct table x;
    table_open(&x,
               "model_list: [{ model_name: m, litellm_params: { model: openai/m, api_key: k } }]\n"
               "router_settings:\n"
               "  fallbacks: [{ m: [gone1] }]\n"
               "  context_window_fallbacks: [{ m: [gone2] }]\n"
               "  default_fallbacks: [gone3]\n"
               "  routing_strategy: simple-shuffle\n");
    assert_true(table_says(&x, "gone1") && table_says(&x, "gone2") && table_says(&x, "gone3"));
    table_close(&x);
}

static void nothing_at_all(void **state)
{
    struct table x;
    table_open(&x, "general_settings: {}\n");
    assert_int_equal(route_deployment_count(x.t), 0);
    assert_int_equal(route_name_count(x.t), 0);
    assert_false(route_knows(x.t, S("m")));
    assert_null(route_first(x.t, S("m")));
    table_close(&x);
    route_table_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auth_by_vendor),
        cmocka_unit_test(missing_keys),
        cmocka_unit_test(keys_that_go_elsewhere),
        cmocka_unit_test(example_keys),
        cmocka_unit_test(bad_keys),
        cmocka_unit_test(extra_fields),
        cmocka_unit_test(reply_fields),
        cmocka_unit_test(leaks),
        cmocka_unit_test(quirks_of_openai_itself),
        cmocka_unit_test(limits_and_prices),
        cmocka_unit_test(prices_of_wildcards),
        cmocka_unit_test(rows_that_are_left_out),
        cmocka_unit_test(local_models),
        cmocka_unit_test(names_listed),
        cmocka_unit_test(names_resolved),
        cmocka_unit_test(star_serves_every_vendor),
        cmocka_unit_test(health_survives_a_reload),
        cmocka_unit_test(dangling_fallbacks_are_named),
        cmocka_unit_test(nothing_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
