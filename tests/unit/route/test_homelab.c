/* examples/homelab.yaml from the file to the deployments: every row is served, where it is sent,
 * and what the user is told. */
#include "../check.h"
#include "route/route.h"

static const char *env(const char *name, void *arg)
{
    return strcmp(name, "ANTHROPIC_API_KEY") == 0 ? "sk-ant-real" : NULL;
}

struct lab {
    struct config *c;
    struct diags d;
    struct route_table *t;
    struct arena a;
};

static void open_lab(struct lab *l)
{
    const struct config_source source = { .path = S(TEST_DATA "/../examples/homelab.yaml"),
                                          .env = env };
    diags_init(&l->d);
    arena_init(&l->a);
    assert_int_equal(config_load(&source, &l->c, &l->d).code, OK);
    l->t = route_build(l->c, NULL, &l->d);
}

static void close_lab(struct lab *l)
{
    route_table_free(l->t);
    config_unref(l->c);
    diags_done(&l->d);
    arena_done(&l->a);
}

/* Not inlined: gcc 12 takes the columns for null otherwise. */
static __attribute__((noinline)) void is(str got, const char *want)
{
    CHECK_STR(got, str_c(want));
}

static void every_row(void **state)
{
    static const struct {
        const char *name, *provider, *model, *api_base;
        enum dialect_id dialect;
    } rows[] = {
        { "local/ollama-qwen2.5-coder-14b", "ollama", "qwen2.5-coder:14b",
          "http://ollama.homehub.dk:11434", DIALECT_OLLAMA },
        { "local/ollama-llama3.1-8b", "ollama_chat", "llama3.1:8b",
          "http://ollama.homehub.dk:11434", DIALECT_OLLAMA },
        { "local/vllm-llama3-8b", "hosted_vllm", "meta-llama/Meta-Llama-3-8B-Instruct",
          "http://vllm.homehub.dk:8000/v1", DIALECT_OPENAI_CHAT },
        { "local/llama-server", "openai", "qwen2.5-7b-instruct", "http://llama.homehub.dk:8080/v1",
          DIALECT_OPENAI_CHAT },
        { "gpt-4", "openai", "gpt-4", "https://api.openai.com/v1", DIALECT_OPENAI_CHAT },
        { "gpt-4-turbo", "openai", "gpt-4-turbo-preview", "https://api.openai.com/v1",
          DIALECT_OPENAI_CHAT },
        { "claude-3-opus", "anthropic", "claude-3-opus-20240229", "https://api.anthropic.com",
          DIALECT_ANTHROPIC },
        { "claude-3-sonnet", "anthropic", "claude-3-sonnet-20240229", "https://api.anthropic.com",
          DIALECT_ANTHROPIC },
        { "gemini-pro", "gemini", "gemini-pro", "https://generativelanguage.googleapis.com",
          DIALECT_GEMINI },
        { "command-r-plus", "cohere", "command-r-plus", "https://api.cohere.com", DIALECT_COHERE },
        { "together-llama-3.3-70b", "together_ai", "meta-llama/Llama-3.3-70B-Instruct-Turbo",
          "https://api.together.ai/v1", DIALECT_OPENAI_CHAT },
    };
    struct lab l;
    open_lab(&l);
    assert_int_equal(route_name_count(l.t), COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        is(route_name(l.t, i), rows[i].name);
        const struct deployment *d = route_first(l.t, str_c(rows[i].name));
        assert_non_null(d);
        is(d->provider_name, rows[i].provider);
        is(d->model, rows[i].model);
        is(d->api_base, rows[i].api_base);
        assert_int_equal(d->dialect, rows[i].dialect);
        assert_true(d->drop_params);
        assert_int_equal(d->timeout_ms, 600000);
    }
    close_lab(&l);
}

static void what_is_said(void **state)
{
    static const struct {
        unsigned row;
        const char *part;
    } warnings[] = {
        { 9, "COHERE_API_KEY is not set" }, { 10, "TOGETHER_API_KEY is not set" },
        { 4, "an example, not a key" },     { 5, "an example, not a key" },
        { 8, "an example, not a key" },
    };
    struct lab l;
    open_lab(&l);
    size_t n = 0;
    for (const struct diag *x = l.d.first; x; x = x->next) {
        if (x->level == DIAG_NOTE)
            continue;
        str key = n < COUNT_OF(warnings)
                      ? arena_fmt(&l.a, "model_list[%u].litellm_params.api_key", warnings[n].row)
                      : S("");
        if (n >= COUNT_OF(warnings) || !str_eq(x->key, key) ||
            !str_contains(x->message, str_c(warnings[n].part)) || !x->line || !x->remedy.n)
            fail_msg("not expected: %.*s", STRF(diag_text(x, &l.a)));
        n++;
    }
    assert_int_equal(n, COUNT_OF(warnings));
    close_lab(&l);
}

static void keys_go_where_they_belong(void **state)
{
    struct lab l;
    open_lab(&l);
    CHECK_STR(secret_reveal(&route_first(l.t, S("claude-3-opus"))->auth_fields),
              S("x-api-key: sk-ant-real\r\n"));
    assert_true(secret_is_empty(&route_first(l.t, S("local/vllm-llama3-8b"))->auth_fields));
    CHECK_STR(secret_reveal(&route_first(l.t, S("local/llama-server"))->auth_fields),
              S("authorization: Bearer none\r\n"));
    assert_int_equal(route_first(l.t, S("claude-3-opus"))->price.output, 75000000000);
    assert_int_equal(route_first(l.t, S("local/llama-server"))->price.output, -1);
    close_lab(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row),
        cmocka_unit_test(what_is_said),
        cmocka_unit_test(keys_go_where_they_belong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
