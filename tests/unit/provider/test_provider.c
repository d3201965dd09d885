#include "provider/provider.h"

#include "check.h"
#include "config/config.h"
#include "http/url.h"

static void resolve(void **state)
{
    static const struct {
        const char *model, *forced, *api_base, *prefix, *upstream;
        bool by_shape;
    } cases[] = {
        { "openai/gpt-4o", "", "", "openai", "gpt-4o", false },
        { "openai/responses/gpt-5", "", "", "openai/responses", "gpt-5", false },
        { "responses/gpt-5", "openai", "", "openai/responses", "gpt-5", false },
        { "together_ai/meta-llama/Llama-3-8b", "", "", "together_ai", "meta-llama/Llama-3-8b",
          false },
        { "ollama/qwen2.5-coder:14b", "", "", "ollama", "qwen2.5-coder:14b", false },
        { "hosted_vllm/meta-llama/X", "", "http://v:8000", "hosted_vllm", "meta-llama/X", false },
        { "gpt-4", "", "", "openai", "gpt-4", true },
        { "gpt-4-turbo-preview", "", "", "openai", "gpt-4-turbo-preview", true },
        { "o1", "", "", "openai", "o1", true },
        { "o3-mini", "", "", "openai", "o3-mini", true },
        { "ft:gpt-4o:org::id", "", "", "openai", "ft:gpt-4o:org::id", true },
        { "text-embedding-3-small", "", "", "openai", "text-embedding-3-small", true },
        { "claude-3-opus-20240229", "", "", "anthropic", "claude-3-opus-20240229", true },
        { "command-r-plus", "", "", "cohere", "command-r-plus", true },
        { "gemini-2.5-pro", "", "", "gemini", "gemini-2.5-pro", true },
        { "gemini/gemini-pro", "", "", "gemini", "gemini-pro", false },
        { "llama3", "", "", NULL, "llama3", false },
        { "omni", "", "", NULL, "omni", false },
        { "o1x", "", "", NULL, "o1x", false },
        { "meta-llama/Llama-3", "", "", NULL, "meta-llama/Llama-3", false },
        { "meta-llama/Llama-3", "", "http://x:1/v1", "openai", "meta-llama/Llama-3", true },
        { "llama3", "", "http://x:1/v1", "openai", "llama3", true },
        { "llama-3.3-70b", "", "https://api.groq.com/openai/v1", "groq", "llama-3.3-70b", false },
        { "x/y", "", "https://api.together.ai/v1", "together_ai", "x/y", false },
        { "x", "groq", "", "groq", "x", false },
        { "groq/x", "groq", "", "groq", "x", false },
        { "openai/gpt-oss-120b", "groq", "", "groq", "openai/gpt-oss-120b", false },
        { "x", "nobody", "", NULL, "x", false },
        { "huggingface/together/deepseek-ai/R1", "", "", "huggingface", "deepseek-ai/R1:together",
          false },
        { "huggingface/deepseek-ai/R1", "", "", "huggingface", "deepseek-ai/R1", false },
        { "bedrock/x", "", "", "bedrock", "x", false },
        { "", "", "", NULL, "", false },
        { "/", "", "", NULL, "/", false },
        { "openai/", "", "", "openai", "", false },
        { "*", "", "", NULL, "*", false },
        { "openai/*", "", "", "openai", "*", false },
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct provider_choice c = provider_resolve(str_c(cases[i].model), str_c(cases[i].forced),
                                                    str_c(cases[i].api_base), &a);
        const char *got = c.provider ? c.provider->prefix : NULL;
        if (!got != !cases[i].prefix || (got && strcmp(got, cases[i].prefix) != 0) ||
            !str_eq(c.model, str_c(cases[i].upstream)) || c.by_shape != cases[i].by_shape)
            fail_msg("%s: %s %.*s %d", cases[i].model, got ? got : "(none)", STRF(c.model),
                     c.by_shape);
    }
    arena_done(&a);
}

static void rows(void **state)
{
    for (size_t i = 0; i < provider_count; i++) {
        const struct provider *p = &providers[i];
        struct url u;
        struct err e;
        if (provider_find(str_c(p->prefix)) != p)
            fail_msg("%s stands twice", p->prefix);
        if (!p->label)
            fail_msg("%s: no label", p->prefix);
        if (p->later) {
            assert_int_equal(p->dialect, DIALECT_NONE);
            continue;
        }
        assert_int_not_equal(p->dialect, DIALECT_NONE);
        if (!p->key_env[0])
            fail_msg("%s: no variable for its key", p->prefix);
        if (p->base) {
            if (FAILED(url_parse(str_c(p->base), &u, &e)))
                fail_msg("%s: %s", p->base, e.text);
            if (str_ends(str_c(p->base), S("/")) || (!u.tls && !p->key_optional))
                fail_msg("%s: %s", p->prefix, p->base);
        } else if (!p->base_env[0]) {
            fail_msg("%s: no way to give a base", p->prefix);
        }
    }
    assert_null(provider_find(S("")));
    assert_null(provider_find(S("OpenAI")));
}

static const char *env(const char *name, void *arg)
{
    return strstr(arg, name) ? "sk-x" : NULL;
}

static const struct model_entry *find(const struct config *c, const char *name)
{
    for (const struct model_entry *e = c->models; e; e = e->next)
        if (str_eq(e->model_name, str_c(name)))
            return e;
    return NULL;
}

static void discover(void **state)
{
    static const str models[] = { { "qwen3:8b", 8 }, { "gpt-4o", 6 } };
    char vars[] = "OPENAI_API_KEY CO_API_KEY LITELLM_MASTER_KEY";
    const struct config_source source = { .env = env, .env_arg = vars };
    const struct found_server server = { "ollama", S("http://127.0.0.1:11434"), models, 2 };
    struct diags d;
    struct config *c;
    struct err e;
    diags_init(&d);
    CHECK_OK(config_discover(&server, 1, &source, &c, &d), &e);
    assert_non_null(find(c, "sluice/echo"));
    assert_non_null(find(c, "openai/*"));
    CHECK_STR(find(c, "gpt-5")->model, S("openai/gpt-5"));
    CHECK_STR(find(c, "qwen3:8b")->model, S("ollama/qwen3:8b"));
    CHECK_STR(find(c, "qwen3:8b")->api_base, S("http://127.0.0.1:11434"));
    CHECK_STR(find(c, "gpt-4o")->model, S("ollama/gpt-4o")); /* found first */
    assert_non_null(find(c, "cohere/*"));
    assert_null(find(c, "cohere_chat/*"));
    assert_null(find(c, "anthropic/*"));
    assert_false(secret_is_empty(&c->master_key));
    assert_int_equal(d.nerrors + d.nwarnings, 0);
    assert_true(str_contains(d.first->message, S("OpenAI (OPENAI_API_KEY)")));
    assert_true(str_contains(d.first->next->message, S("ANTHROPIC_API_KEY")));
    assert_false(str_contains(d.first->message, S("sk-x")));
    config_unref(c);
    diags_done(&d);
}

static void discover_nothing(void **state)
{
    char vars[] = "";
    const struct config_source source = { .env = env, .env_arg = vars };
    struct diags d;
    struct config *c;
    struct err e;
    diags_init(&d);
    CHECK_OK(config_discover(NULL, 0, &source, &c, &d), &e);
    assert_int_equal(c->nmodels, 1);
    CHECK_STR(c->models->model_name, S("sluice/echo"));
    config_unref(config_ref(c));
    config_unref(c);
    diags_done(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolve),
        cmocka_unit_test(rows),
        cmocka_unit_test(discover),
        cmocka_unit_test(discover_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
