#include "config/config.h"

#include <unistd.h>

#include "check.h"
#include "config/keys.h"

static const char *env(const char *name, void *arg)
{
    static const char *const vars[][2] = {
        { "GOOD_KEY", "sk-good" }, { "FLAG", "True" }, { "NUMBER", "42" },
        { "BASE", "http://h:1" },  { "EMPTY", "" },
    };
    for (size_t i = 0; i < COUNT_OF(vars); i++)
        if (strcmp(name, vars[i][0]) == 0)
            return vars[i][1];
    return NULL;
}

struct loaded {
    struct config *c;
    struct diags d;
    struct arena a;
    rc r;
};

static struct loaded *load(struct loaded *l, str text)
{
    const struct config_source source = {
        .path = S("c.yaml"), .text = text, .has_text = true, .env = env
    };
    diags_init(&l->d);
    arena_init(&l->a);
    l->r = config_load(&source, &l->c, &l->d);
    return l;
}

static void done(struct loaded *l)
{
    config_unref(l->c);
    diags_done(&l->d);
    arena_done(&l->a);
}

/* Some diagnostic of that level, line and key says `part` (message or remedy). */
static bool has(struct loaded *l, enum diag_level level, unsigned line, const char *key,
                const char *part)
{
    for (const struct diag *x = l->d.first; x; x = x->next)
        if (x->level == level && (!line || x->line == line) && str_eq(x->key, str_c(key)) &&
            (str_contains(x->message, str_c(part)) || str_contains(x->remedy, str_c(part))))
            return true;
    return false;
}

static void dump(struct loaded *l)
{
    for (const struct diag *x = l->d.first; x; x = x->next)
        print_error("  %.*s\n", STRF(diag_text(x, &l->a)));
}

#define CHECK_HAS(l, level, line, key, part)                                  \
    do {                                                                      \
        if (!has(l, level, line, key, part)) {                                \
            dump(l);                                                          \
            fail_msg("no diagnostic %s at line %d with %s", key, line, part); \
        }                                                                     \
    } while (0)

static str extra(const struct chat_extra *list, const char *name)
{
    for (; list; list = list->next)
        if (str_eq(list->name, str_c(name)))
            return list->value;
    return S("(absent)");
}

static void whole_row(void **state)
{
    struct loaded l;
    load(&l, S("model_list:\n"
               "  - model_name: m\n"
               "    litellm_params:\n"
               "      model: openai/gpt-4o\n"
               "      api_key: os.environ/GOOD_KEY\n"
               "      base_url: https://x.example/v1\n"
               "      api_version: 2024-10-21\n"
               "      headers: {X-A: \"1\"}\n"
               "      extra_headers: {X-B: b}\n"
               "      extra_body: {provider: {order: [a, b]}}\n"
               "      rpm: \"60\"\n"
               "      weight: 0.25\n"
               "      timeout: 1.5\n"
               "      stream_timeout: 30\n"
               "      max_retries: 4\n"
               "      drop_params: \"True\"\n"
               "      tags: [free, fast]\n"
               "      input_cost_per_token: 8e-6\n"
               "      temperature: 0.2\n"
               "      stop: [\"a\", b]\n"
               "      seed: 7\n"
               "    model_info:\n"
               "      id: my-id\n"
               "      base_model: gpt-4o\n"
               "      max_input_tokens: 1000\n"
               "      output_cost_per_token: \"0.00001\"\n"
               "      colour: green\n"));
    assert_int_equal(l.r.code, OK);
    if (l.d.nerrors || l.d.nwarnings != 1) {
        dump(&l);
        fail_msg("diagnostics");
    }
    CHECK_HAS(&l, DIAG_WARN, 17, "model_list[0].litellm_params.tags", "not supported yet");
    const struct model_entry *e = l.c->models;
    assert_int_equal(l.c->nmodels, 1);
    CHECK_STR(e->model_name, S("m"));
    CHECK_STR(e->model, S("openai/gpt-4o"));
    CHECK_STR(secret_reveal(&e->api_key), S("sk-good"));
    CHECK_STR(e->api_base, S("https://x.example/v1"));
    CHECK_STR(e->api_version, S("2024-10-21"));
    CHECK_STR(e->headers->name, S("X-A"));
    CHECK_STR(e->headers->next->value, S("b"));
    CHECK_STR(extra(e->extra_body, "provider"), S("{\"order\":[\"a\",\"b\"]}"));
    assert_int_equal(e->rpm, 60);
    assert_int_equal(e->weight, 250000);
    assert_int_equal(e->timeout_ms, 1500);
    assert_int_equal(e->stream_timeout_ms, 30000);
    assert_int_equal(e->num_retries, 4);
    assert_int_equal(e->drop_params, TRI_TRUE);
    assert_int_equal(e->modify_params, TRI_UNSET);
    assert_int_equal(e->tpm, CHAT_UNSET);
    CHECK_STR(e->tags->next->s, S("fast"));
    CHECK_STR(extra(e->costs, "input_cost_per_token"), S("8e-6"));
    CHECK_STR(extra(e->costs, "output_cost_per_token"), S("0.00001"));
    CHECK_STR(extra(e->defaults, "temperature"), S("0.2"));
    CHECK_STR(extra(e->defaults, "stop"), S("[\"a\",\"b\"]"));
    CHECK_STR(extra(e->defaults, "api_key"), S("(absent)"));
    CHECK_STR(e->id, S("my-id"));
    CHECK_STR(e->base_model, S("gpt-4o"));
    assert_int_equal(e->max_input_tokens, 1000);
    CHECK_STR(extra(e->info, "colour"), S("\"green\""));
    assert_null(e->mock_response.p);
    done(&l);
}

static void settings(void **state)
{
    struct loaded l;
    load(&l, S("general_settings:\n"
               "  master_key: sk-abcdefghijkl\n"
               "  max_request_size_mb: 2\n"
               "  pass_through_endpoints:\n"
               "    - {path: /v1/x, target: https://x.example, headers: {a: b}}\n"
               "litellm_settings:\n"
               "  drop_params: yes\n"
               "  num_retries: 7\n"
               "  cooldown_time: 9\n"
               "  request_timeout: \"60\"\n"
               "  fallbacks: [{a: [b, {model: c, temperature: 0}]}]\n"
               "  default_fallbacks: z\n"
               "  model_alias_map: {one: two}\n"
               "  ssl_verify: /etc/ca.pem\n"
               "router_settings:\n"
               "  num_retries: 3\n"
               "  routing_strategy: least-busy\n"
               "  context_window_fallbacks: []\n"
               "  model_group_alias: {x: {model: y, hidden: true}}\n"
               "  retry_policy: {RateLimitErrorRetries: 5}\n"
               "  model_group_retry_policy: {g: {TimeoutErrorRetries: 1}}\n"
               "  allowed_fails_policy: {InternalServerErrorAllowedFails: 9}\n"
               "model_list: [{model_name: a, litellm_params: {model: openai/a}}]\n"));
    const struct config *c = l.c;
    assert_int_equal(l.r.code, OK);
    assert_int_equal(l.d.nerrors, 0);
    assert_true(secret_eq(&c->master_key, S("sk-abcdefghijkl")));
    assert_false(c->weak_master_key);
    assert_int_equal(c->max_request_bytes, 2 * 1024 * 1024);
    CHECK_STR(c->pass_throughs->path, S("/v1/x"));
    CHECK_STR(c->pass_throughs->headers->value, S("b"));
    assert_true(c->drop_params);
    assert_int_equal(c->num_retries, 3); /* router_settings win */
    assert_int_equal(c->cooldown_ms, 9000);
    assert_int_equal(c->request_timeout_ms, 60000);
    CHECK_STR(c->fallbacks->group, S("a"));
    CHECK_STR(c->fallbacks->targets->model, S("b"));
    CHECK_STR(c->fallbacks->targets->next->model, S("c"));
    CHECK_STR(c->fallbacks->targets->next->overrides->value, S("0"));
    CHECK_STR(c->default_fallbacks->model, S("z"));
    CHECK_HAS(&l, DIAG_WARN, 12, "litellm_settings.default_fallbacks", "list of one");
    CHECK_STR(c->ssl_ca_file, S("/etc/ca.pem"));
    CHECK_STR(c->routing_strategy, S("least-busy"));
    assert_true(c->has_context_window_fallbacks);
    assert_false(c->has_content_policy_fallbacks);
    CHECK_STR(c->aliases->name, S("one"));
    CHECK_STR(c->aliases->next->target, S("y"));
    assert_true(c->aliases->next->hidden);
    assert_int_equal(c->retry_policy.n[CLASS_RATE_LIMIT], 5);
    assert_int_equal(c->retry_policy.n[CLASS_TIMEOUT], CHAT_UNSET);
    CHECK_STR(c->group_retry_policies->group, S("g"));
    assert_int_equal(c->group_retry_policies->n[CLASS_TIMEOUT], 1);
    assert_int_equal(c->allowed_fails_policy.n[CLASS_INTERNAL_SERVER], 9);
    done(&l);
}

static void defaults(void **state)
{
    struct loaded l;
    load(&l, S(""));
    assert_int_equal(l.r.code, OK);
    assert_int_equal(l.c->num_retries, 2);
    assert_int_equal(l.c->cooldown_ms, 5000);
    assert_int_equal(l.c->max_fallbacks, 5);
    assert_int_equal(l.c->request_timeout_ms, CHAT_UNSET);
    assert_true(l.c->require_auth_for_metrics);
    assert_true(secret_is_empty(&l.c->master_key));
    CHECK_HAS(&l, DIAG_WARN, 0, "model_list", "no models");
    done(&l);
}

/* What people get wrong, what they are told, and how many models are left. */
static void mistakes(void **state)
{
    static const struct {
        const char *text;
        enum diag_level level;
        unsigned line;
        const char *key, *part;
        size_t nmodels;
    } cases[] = {
#define ROW "- {model_name: a, litellm_params: {model: openai/a}}\n"
        { "model_list:\n- model_name: x\n  litellm_params: {api_key: k}\n" ROW, DIAG_ERROR, 3,
          "model_list[0].litellm_params.model", "missing", 1 },
        { "model_list:\n- model_name: x\n" ROW, DIAG_ERROR, 2, "model_list[0].litellm_params",
          "missing", 1 },
        { "model_list:\n- model_name: x\n  litellm_params:\n  - model: y\n" ROW, DIAG_ERROR, 4,
          "model_list[0].litellm_params", "expected a map, got a list", 1 },
        { "model_list: {model_name: x}\n", DIAG_ERROR, 1, "model_list", "expected a list", 0 },
        { "model_list:\n- just text\n" ROW, DIAG_ERROR, 2, "model_list[0]", "expected a map", 1 },
        { "model_list:\n- model_name: x\n  model: y\n  litellm_params: {model: z}\n", DIAG_WARN, 3,
          "model_list[0].model", "indent", 1 },
        { "model_list:\n- litellm_params: {model: z/y}\n", DIAG_WARN, 2, "model_list[0].model_name",
          "missing", 1 },
        { "litellm_settings:\n- drop_params: true\nmodel_list:\n" ROW, DIAG_ERROR, 2,
          "litellm_settings", "expected a map", 1 },
        { "litellm_settings:\n  master_key: sk-1\nmodel_list:\n" ROW, DIAG_WARN, 2,
          "litellm_settings.master_key", "OPEN", 1 },
        { "litellm_settings:\n  drop_parms: true\nmodel_list:\n" ROW, DIAG_WARN, 2,
          "litellm_settings.drop_parms", "is drop_params meant", 1 },
        { "general_settings:\n  qqqqqqq: true\nmodel_list:\n" ROW, DIAG_WARN, 2,
          "general_settings.qqqqqqq", "unknown key", 1 },
        { "modell_list: []\nmodel_list:\n" ROW, DIAG_WARN, 1, "modell_list", "is model_list meant",
          1 },
        { "litellm_settings:\n  success_callback: [langfuse]\nmodel_list:\n" ROW, DIAG_WARN, 2,
          "litellm_settings.success_callback", "Python", 1 },
        { "litellm_settings:\n  num_retries: many\nmodel_list:\n" ROW, DIAG_ERROR, 2,
          "litellm_settings.num_retries", "expected a number, got \"many\"", 1 },
        { "litellm_settings:\n  num_retries: -1\nmodel_list:\n" ROW, DIAG_ERROR, 2,
          "litellm_settings.num_retries", "whole number", 1 },
        { "litellm_settings:\n  drop_params: maybe\nmodel_list:\n" ROW, DIAG_ERROR, 2,
          "litellm_settings.drop_params", "true or false", 1 },
        { "litellm_settings: {}\nmodel_list:\n" ROW "litellm_settings: {num_retries: 1}\n",
          DIAG_WARN, 4, "litellm_settings", "given twice, first on line 1", 1 },
        { "router_settings:\n  routing_strategy: best\nmodel_list:\n" ROW, DIAG_ERROR, 2,
          "router_settings.routing_strategy", "unknown strategy", 1 },
        { "router_settings:\n  fallbacks: {a: b}\nmodel_list:\n" ROW, DIAG_WARN, 2,
          "router_settings.fallbacks", "expected a list of maps", 1 },
        { "model_list:\n- model_name: x\n  litellm_params: {model: openai/x, api_key: "
          "os.environ/NO_SUCH}\n",
          DIAG_WARN, 3, "model_list[0].litellm_params.api_key", "NO_SUCH is not set", 1 },
        { "model_list:\n- model_name: x\n  litellm_params: {model: openai/x, api_key: \"${K}\"}\n",
          DIAG_WARN, 3, "model_list[0].litellm_params.api_key", "not expanded", 1 },
        { "model_list:\n- model_name: x\n  litellm_params: {model: openai/x, api_bas: h}\n",
          DIAG_WARN, 3, "model_list[0].litellm_params.api_bas", "is api_base meant", 1 },
        { "model_list:\n- model_name: x\n  litellm_params: {model: openai/x, headers: {\"a b\": "
          "c}}\n",
          DIAG_ERROR, 3, "model_list[0].litellm_params.headers.a b", "not a header", 1 },
        { "model_list:\n- model_name: x\n  litellm_params: {model: openai/x, "
          "input_cost_per_token: cheap}\n",
          DIAG_ERROR, 3, "model_list[0].litellm_params.input_cost_per_token", "price", 1 },
        { "model_list:\n- model_name: x\n  litellm_params: {model: openai/x, "
          "litellm_credential_name: none}\n",
          DIAG_WARN, 3, "model_list[0].litellm_params.litellm_credential_name", "no credential",
          1 },
        { "model_list:\n" ROW
          "- {model_name: b, litellm_params: {model: openai/a}, model_info: {id: "
          "q}}\n- {model_name: c, litellm_params: {model: openai/a}, model_info: {id: q}}\n",
          DIAG_WARN, 4, "model_list[2].model_info.id", "the same id as the row on line 3", 3 },
        { "general_settings: {master_key: sk-1234}\nmodel_list:\n" ROW, DIAG_WARN, 1,
          "general_settings.master_key", "everybody knows", 1 },
        { "general_settings: {master_key: \"\"}\nmodel_list:\n" ROW, DIAG_WARN, 1,
          "general_settings.master_key", "empty", 1 },
        { "include: [no-such-file.yaml]\nmodel_list:\n" ROW, DIAG_ERROR, 0, "", "cannot be read",
          1 },
        { "router_settings:\n  retry_policy: {Weird: 1}\nmodel_list:\n" ROW, DIAG_WARN, 2,
          "router_settings.retry_policy.Weird", "unknown kind", 1 },
        { "litellm_settings:\n  max_budget: 5\nmodel_list:\n" ROW, DIAG_WARN, 2,
          "litellm_settings.max_budget", "not supported yet", 1 },
#undef ROW
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct loaded l;
        load(&l, str_c(cases[i].text));
        if (FAILED(l.r) || l.c->nmodels != cases[i].nmodels ||
            !has(&l, cases[i].level, cases[i].line, cases[i].key, cases[i].part)) {
            dump(&l);
            fail_msg("case %zu:\n%s code %d, %zu models", i, cases[i].text, (int)l.r.code,
                     l.c ? l.c->nmodels : 0);
        }
        done(&l);
    }
}

static void taken_without_a_word(void **state)
{
    struct loaded l;
    load(&l, S("model_list:\n"
               "- model_name: 4090\n"
               "  litellm_params: {model: ollama/x, rpm: \"5\", drop_params: 'False'}\n"
               "general_settings: {telemetry: false}\n"
               "litellm_settings: {callbacks: [], set_verbose: False}\n"));
    if (l.d.nwarnings || l.d.nerrors) {
        dump(&l);
        fail_msg("diagnostics");
    }
    CHECK_STR(l.c->models->model_name, S("4090"));
    assert_int_equal(l.c->models->drop_params, TRI_FALSE);
    done(&l);
}

static void variables(void **state)
{
    struct loaded l;
    load(&l, S("environment_variables: {GOOD_KEY: from-file, OTHER: os.environ/NUMBER, PORT: 80}\n"
               "model_list:\n"
               "- model_name: os.environ/OTHER\n"
               "  litellm_params:\n"
               "    model: openai/x\n"
               "    api_key: os.environ/GOOD_KEY\n"
               "    api_base: os.environ/BASE\n"
               "    drop_params: os.environ/FLAG\n"
               "    rpm: os.environ/NUMBER\n"
               "    organization: os.environ/NO_SUCH\n"));
    const struct model_entry *e = l.c->models;
    CHECK_STR(e->model_name, S("42"));
    CHECK_STR(secret_reveal(&e->api_key), S("from-file"));
    CHECK_STR(e->api_base, S("http://h:1"));
    assert_int_equal(e->drop_params, TRI_TRUE);
    assert_int_equal(e->rpm, 42);
    assert_int_equal(e->organization.n, 0);
    assert_string_equal(config_getenv(l.c, "PORT"), "80");
    assert_string_equal(config_getenv(l.c, "BASE"), "http://h:1");
    assert_null(config_getenv(l.c, "NO_SUCH"));
    done(&l);
}

static void switches_from_variables(void **state)
{
    struct loaded l;
    load(&l, S("environment_variables: {LITELLM_DROP_PARAMS: \"True\", JSON_LOGS: 1, "
               "LITELLM_MODIFY_PARAMS: \"True\", LITELLM_MASTER_KEY: sk-from-variable}\n"
               "litellm_settings: {modify_params: false}\n"));
    assert_true(l.c->drop_params);
    assert_true(l.c->json_logs);
    assert_false(l.c->modify_params); /* the file's own */
    assert_true(secret_eq(&l.c->master_key, S("sk-from-variable")));
    done(&l);
}

static void credentials_and_defaults(void **state)
{
    struct loaded l;
    load(&l,
         S("credential_list:\n"
           "- credential_name: c1\n"
           "  credential_values: {api_key: os.environ/GOOD_KEY, api_base: http://b}\n"
           "router_settings: {default_litellm_params: {max_tokens: 10, rpm: 3}}\n"
           "model_list:\n"
           "- model_name: a\n"
           "  litellm_params: {model: openai/x, litellm_credential_name: c1, api_base: http://own, "
           "rpm: 9}\n"));
    const struct model_entry *e = l.c->models;
    CHECK_STR(secret_reveal(&e->api_key), S("sk-good"));
    CHECK_STR(e->api_base, S("http://own"));
    assert_int_equal(e->rpm, 9);
    CHECK_STR(extra(e->defaults, "max_tokens"), S("10"));
    assert_int_equal(l.d.nwarnings, 0);
    done(&l);
}

static void ids(void **state)
{
    struct loaded l, again;
    str text = S("model_list:\n"
                 "- {model_name: a, litellm_params: {model: openai/x, api_key: k1}}\n"
                 "- {model_name: a, litellm_params: {model: openai/x, api_key: k2}}\n"
                 "- {model_name: a, litellm_params: {model: openai/y, api_key: k2}}\n"
                 "- {model_name: b, litellm_params: {model: openai/x, organization: [o1, o2]}}\n");
    load(&l, text);
    load(&again, text);
    assert_int_equal(l.c->nmodels, 5);
    const struct model_entry *a = l.c->models, *b = again.c->models;
    for (const struct model_entry *x = a, *y = b; x; x = x->next, y = y->next) {
        CHECK_STR(x->id, y->id); /* the same on every load */
        assert_true(x->id.n >= 64);
        for (const struct model_entry *z = x->next; z; z = z->next)
            assert_false(str_eq(x->id, z->id));
    }
    CHECK_STR(a->next->next->next->organization, S("o1"));
    CHECK_STR(a->next->next->next->next->organization, S("o2"));
    assert_int_equal(l.d.nwarnings, 0);
    done(&l);
    done(&again);
}

static void included(void **state)
{
    char dir[] = "/tmp/sluice-test-XXXXXX", path[64], more[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/main.yaml", dir);
    snprintf(more, sizeof more, "%s/more.yaml", dir);
    FILE *f = fopen(path, "w");
    fputs(
        "include: [more.yaml]\nmodel_list:\n- {model_name: a, litellm_params: {model: openai/a}}\n"
        "general_settings: {master_key: sk-main-main-main}\n",
        f);
    fclose(f);
    f = fopen(more, "w");
    fputs("model_list:\n- {model_name: b, litellm_params: {model: openai/b}}\n- {model_name: c}\n"
          "litellm_settings: {num_retries: 9}\n",
          f);
    fclose(f);
    struct loaded l;
    const struct config_source source = { .path = str_c(path), .env = env };
    diags_init(&l.d);
    arena_init(&l.a);
    l.r = config_load(&source, &l.c, &l.d);
    assert_int_equal(l.r.code, OK);
    assert_int_equal(l.c->nmodels, 2);
    CHECK_STR(l.c->models->next->model_name, S("b"));
    assert_int_equal(l.c->num_retries, 9);
    assert_false(secret_is_empty(&l.c->master_key));
    assert_int_equal(l.d.nerrors, 1);
    CHECK_STR(l.d.first->file, str_c(more)); /* its own file and line */
    assert_int_equal(l.d.first->line, 3);
    done(&l);
    unlink(path);
    unlink(more);
    rmdir(dir);
}

static void unreadable(void **state)
{
    struct loaded l;
    const struct config_source source = { .path = S("/nowhere/config.yaml"), .env = env };
    diags_init(&l.d);
    arena_init(&l.a);
    l.r = config_load(&source, &l.c, &l.d);
    assert_int_equal(l.r.code, E_IO);
    assert_null(l.c);
    assert_int_equal(l.d.nerrors, 1);
    done(&l);
    load(&l, S("- a\n- b\n"));
    assert_int_equal(l.r.code, E_SYNTAX);
    assert_null(l.c);
    done(&l);
    load(&l, S("a: [\n"));
    assert_int_equal(l.r.code, E_SYNTAX);
    done(&l);
}

/* examples/homelab.yaml: every row is there, and what is said is only what there is to do. */
static void homelab(void **state)
{
    struct loaded l;
    const struct config_source source = { .path = S(TEST_DATA "/../examples/homelab.yaml"),
                                          .env = env };
    diags_init(&l.d);
    arena_init(&l.a);
    l.r = config_load(&source, &l.c, &l.d);
    assert_int_equal(l.r.code, OK);
    assert_int_equal(l.c->nmodels, 11);
    assert_int_equal(l.d.nerrors, 0);
    for (const struct diag *x = l.d.first; x; x = x->next)
        if (x->level == DIAG_WARN && !str_ends(x->key, S(".api_key")))
            fail_msg("%.*s", STRF(diag_text(x, &l.a)));
    assert_int_equal(l.d.nwarnings, 4); /* the variables that are not set here */
    assert_true(l.c->drop_params);
    done(&l);
}

static void placeholders(void **state)
{
    static const char *const yes[] = { "sk-YOUR-OPENAI-API-KEY",
                                       "YOUR-GOOGLE-API-KEY",
                                       "your-key",
                                       "xxx",
                                       "<key>",
                                       "sk-...",
                                       "changeme",
                                       "sk-xxxxxxxx",
                                       "your_api_key" };
    static const char *const no[] = { "sk-proj-8sDk3Jq", "none",    "EMPTY", "sk-1234", "",
                                      "dummy",           "gsk_4hUJ" };
    for (size_t i = 0; i < COUNT_OF(yes); i++)
        if (!config_is_placeholder(str_c(yes[i])))
            fail_msg("%s is a placeholder", yes[i]);
    for (size_t i = 0; i < COUNT_OF(no); i++)
        if (config_is_placeholder(str_c(no[i])))
            fail_msg("%s is none", no[i]);
}

static void key_table(void **state)
{
    for (size_t i = 0; i < config_nkeys; i++) {
        const struct key *k = &config_keys[i];
        if (key_find(k->section, str_c(k->name)) != k)
            fail_msg("%s stands twice in its section", k->name);
        if (k->type == TYPE_NONE && k->status <= KEY_APPROXIMATED)
            fail_msg("%s: honoured means read", k->name);
        if (k->status == KEY_HONOURED && !*k->doc)
            fail_msg("%s: no doc", k->name);
    }
    assert_string_equal(key_near(SECTION_PARAMS, S("api_bse"))->name, "api_base");
    assert_string_equal(key_near(SECTION_PARAMS, S("apikey"))->name, "api_key");
    assert_null(key_near(SECTION_PARAMS, S("temperature")));
    assert_null(key_near(SECTION_PARAMS, S("x")));
}

/* docs/config.md ends with the tables that keys_print prints (script/docs writes them). */
static void documented(void **state)
{
    struct buf want, have;
    buf_init(&want, 1 << 22);
    buf_init(&have, 1 << 22);
    keys_print(&want);
    FILE *f = fopen(TEST_DATA "/../docs/config.md", "r");
    assert_non_null(f);
    have.n = fread(buf_room(&have, 1 << 21), 1, 1 << 21, f);
    fclose(f);
    if (!str_ends(buf_str(&have), buf_str(&want)))
        fail_msg("docs/config.md is not up to date: run script/docs");
    buf_done(&want);
    buf_done(&have);
}

static void shown(void **state)
{
    struct diags d;
    struct arena a;
    diags_init(&d);
    arena_init(&a);
    diag_add(&d, DIAG_ERROR, S("c.yaml"), 12, 5, S("a.b"), S("add one"), "missing \x1b[31m");
    CHECK_STR(diag_text(d.first, &a), S("c.yaml:12:5: error: a.b: missing ?[31m. Add one."));
    diags_done(&d);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_row),
        cmocka_unit_test(settings),
        cmocka_unit_test(defaults),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(taken_without_a_word),
        cmocka_unit_test(variables),
        cmocka_unit_test(switches_from_variables),
        cmocka_unit_test(credentials_and_defaults),
        cmocka_unit_test(ids),
        cmocka_unit_test(included),
        cmocka_unit_test(unreadable),
        cmocka_unit_test(homelab),
        cmocka_unit_test(placeholders),
        cmocka_unit_test(key_table),
        cmocka_unit_test(documented),
        cmocka_unit_test(shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
