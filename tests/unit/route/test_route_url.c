#include "../check.h"
#include "base/buf.h"
#include "dialect/dialect.h"
#include "table.h"

/* What is sent for every way of writing a base. */

static const struct {
    const char *model, *base, *more; /* base NULL: none; more: further parameters */
    const char *url;                 /* the request's, as one text */
} cases[] = {
    { "openai/gpt-4o", NULL, "", "https://api.openai.com /v1/chat/completions" },
    { "gpt-4", NULL, "", "https://api.openai.com /v1/chat/completions" },
    { "openai/m", "http://h:1/v1", "", "http://h:1 /v1/chat/completions" },
    { "openai/m", "http://h:1/v1/", "", "http://h:1 /v1/chat/completions" },
    { "openai/m", "http://h:1", "", "http://h:1 /v1/chat/completions" },
    { "openai/m", "http://h:1/", "", "http://h:1 /v1/chat/completions" },
    { "openai/m", "ws://h:1", "", "http://h:1 /v1/chat/completions" },
    { "openai/m", "WSS://h:1/v1/realtime", "", "https://h:1 /v1/chat/completions" },
    { "openai/m", "http://h:1/v1/chat/completions", "", "http://h:1 /v1/chat/completions" },
    { "openai/m", "http://h:1/api/openai", "", "http://h:1 /api/openai/chat/completions" },
    { "openai/m", "HTTP://Host.Example:1/V1", "", "http://host.example:1 /V1/chat/completions" },
    { "openai/m", "http://[::1]:8000", "", "http://[::1]:8000 /v1/chat/completions" },
    { "openai/m", "https://api.openai.com", "", "https://api.openai.com /v1/chat/completions" },
    { "hosted_vllm/m", "http://vllm:8000", "", "http://vllm:8000 /v1/chat/completions" },
    { "hosted_vllm/m", "http://vllm:8000/v1", "", "http://vllm:8000 /v1/chat/completions" },
    { "lm_studio/m", "http://lm:1234", "", "http://lm:1234 /v1/chat/completions" },
    { "groq/m", NULL, "", "https://api.groq.com /openai/v1/chat/completions" },
    { "groq/m", "https://api.groq.com", "", "https://api.groq.com /openai/v1/chat/completions" },
    { "perplexity/m", NULL, "", "https://api.perplexity.ai /chat/completions" },
    { "perplexity/m", "https://api.perplexity.ai/", "",
      "https://api.perplexity.ai /chat/completions" },
    { "mistral/m", NULL, "", "https://api.mistral.ai /v1/chat/completions" },
    { "anthropic/c", NULL, "", "https://api.anthropic.com /v1/messages" },
    { "anthropic/c", "https://a.example", "", "https://a.example /v1/messages" },
    { "anthropic/c", "https://a.example/v1", "", "https://a.example /v1/messages" },
    { "anthropic/c", "https://a.example/v1/messages", "", "https://a.example /v1/messages" },
    { "anthropic/c", "https://a.example/x/v1/messages/", "", "https://a.example /x/v1/messages" },
    { "gemini/g", NULL, "",
      "https://generativelanguage.googleapis.com /v1beta/models/g:generateContent" },
    { "gemini/g", "https://g.example", "", "https://g.example /v1beta/models/g:generateContent" },
    { "gemini/g", "https://g.example/v1beta", "",
      "https://g.example /v1beta/models/g:generateContent" },
    { "gemini/g", "https://g.example/v1beta/models", "",
      "https://g.example /v1beta/models/g:generateContent" },
    { "gemini/g", "https://g.example/v1beta/openai/", "",
      "https://g.example /v1beta/models/g:generateContent" },
    { "cohere/command-r", NULL, "", "https://api.cohere.com /v2/chat" },
    { "cohere_chat/command-r", "https://api.cohere.com/v2/chat", "",
      "https://api.cohere.com /v2/chat" },
    { "cohere/command-r", "https://api.cohere.com/v1/chat", "", "https://api.cohere.com /v2/chat" },
    { "cohere/command-r", "https://api.cohere.com", "", "https://api.cohere.com /v2/chat" },
    { "cohere/command-r", "https://p.example/co/v2", "", "https://p.example /co/v2/chat" },
    { "ollama/q", NULL, "", "http://localhost:11434 /api/chat" },
    { "ollama/q:14b", "http://o:11434", "", "http://o:11434 /api/chat" },
    { "ollama_chat/q", "http://o:11434/", "", "http://o:11434 /api/chat" },
    { "ollama/q", "http://o:11434/api", "", "http://o:11434 /api/chat" },
    { "ollama/q", "http://o:11434/v1", "", "http://o:11434 /api/chat" },
    { "ollama/q", "http://o:11434/api/generate", "", "http://o:11434 /api/chat" },
    { "ollama/q", "https://o.example/ollama", "", "https://o.example /ollama/api/chat" },
    { "azure/my-gpt", "https://r.openai.azure.com", ", api_version: \"2024-10-21\"",
      "https://r.openai.azure.com /openai/deployments/my-gpt/chat/completions"
      "?api-version=2024-10-21" },
    { "azure/my-gpt", "https://r.openai.azure.com/", "",
      "https://r.openai.azure.com /openai/deployments/my-gpt/chat/completions"
      "?api-version=2025-02-01-preview" },
    { "azure/gpt5_series/my gpt", "https://r.openai.azure.com/openai", "",
      "https://r.openai.azure.com /openai/deployments/my%20gpt/chat/completions"
      "?api-version=2025-02-01-preview" },
    { "azure/x",
      "https://r.openai.azure.com/openai/deployments/other/chat/completions?api-version=2024-06-01",
      "",
      "https://r.openai.azure.com /openai/deployments/other/chat/completions"
      "?api-version=2024-06-01" },
    { "azure/my-gpt", "https://r.openai.azure.com/openai/v1/", "",
      "https://r.openai.azure.com /openai/v1/chat/completions" },
    { "azure/my-gpt", "https://r.openai.azure.com/openai/v1", ", api_version: preview",
      "https://r.openai.azure.com /openai/v1/chat/completions?api-version=preview" },
    { "azure/my-gpt", "https://r.openai.azure.com/openai/v1", ", api_version: \"2024-10-21\"",
      "https://r.openai.azure.com /openai/v1/chat/completions" },
};

static str sent(const struct deployment *d, struct arena *a)
{
    struct chat_target t = { .model = d->model };
    str path = dialect_get(d->dialect)->chat_path(&t, d->base_has_path, a);
    const char *mark = !d->query.n ? "" : str_contains(path, S("?")) ? "&" : "?";
    return arena_fmt(a, "%s://%.*s %.*s%.*s%s%.*s", d->origin.tls ? "https" : "http",
                     STRF(d->host_field), STRF(d->base_path), STRF(path), mark, STRF(d->query));
}

static void bases(void **state)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct table x;
        struct arena a;
        arena_init(&a);
        str base = cases[i].base ? arena_fmt(&a, ", api_base: \"%s\"", cases[i].base) : S("");
        str yaml = arena_fmt(&a,
                             "model_list: [{ model_name: m, litellm_params: { model: \"%s\", "
                             "api_key: k%.*s%s } }]",
                             cases[i].model, STRF(base), cases[i].more);
        table_open(&x, yaml.p);
        if (route_deployment_count(x.t) != 1)
            fail_msg("%s %s: %s", cases[i].model, yaml.p,
                     x.d.first ? diag_text(x.d.first, &a).p : "left out");
        CHECK_STR(sent(route_deployment(x.t, 0), &a), str_c(cases[i].url));
        table_close(&x);
        arena_done(&a);
    }
}

static void bases_that_are_refused(void **state)
{
    static const char *const bad[] = { "vllm:8000",           "ftp://h",       "http://",
                                       "http://user:pw@h/v1", "http://h:0/v1", "http://h/a b",
                                       "http://h/#x" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct table x;
        struct arena a;
        arena_init(&a);
        str yaml = arena_fmt(&a,
                             "model_list: [{ model_name: m, litellm_params: { model: openai/m, "
                             "api_base: \"%s\" } }, { model_name: n, litellm_params: { model: "
                             "openai/n, api_base: http://h } }]",
                             bad[i]);
        table_open(&x, yaml.p);
        assert_int_equal(route_deployment_count(x.t), 1); /* the other one is served */
        assert_int_equal(x.d.nerrors, 1);
        assert_true(table_says(&x, "model_list[0].litellm_params.api_base"));
        table_close(&x);
        arena_done(&a);
    }
}

static void bases_from_the_environment(void **state)
{
    static const struct table_env env[] = { { "OPENAI_BASE_URL", "http://e:9/v1" },
                                            { "AZURE_API_BASE", "https://z.openai.azure.com" },
                                            { "AZURE_API_VERSION", "2024-02-01" },
                                            { NULL, NULL } };
    struct table x;
    table_open_env(&x,
                   "model_list:\n"
                   "- { model_name: a, litellm_params: { model: openai/m, api_key: k } }\n"
                   "- { model_name: b, litellm_params: { model: azure/m, api_key: k } }\n",
                   env, NULL);
    assert_int_equal(route_deployment_count(x.t), 2);
    CHECK_STR(sent(route_deployment(x.t, 0), &x.a), S("http://e:9 /v1/chat/completions"));
    CHECK_STR(sent(route_deployment(x.t, 1), &x.a),
              S("https://z.openai.azure.com /openai/deployments/m/chat/completions"
                "?api-version=2024-02-01"));
    table_close(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(bases),
                                        cmocka_unit_test(bases_that_are_refused),
                                        cmocka_unit_test(bases_from_the_environment) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
