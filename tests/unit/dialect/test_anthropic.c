/* The Anthropic dialect's edges: what the golden files do not show at a glance. */
#include "../json_check.h"
#include "chat/stream.h"
#include "dialect/dialect.h"
#include "dialect/signature.h"

static const struct dialect *d = &dialect_anthropic;

/* ---- requests ------------------------------------------------------------------------------- */

/* A request is read as Anthropic's, then taken for an OpenAI client's with these settings. */
struct setting {
    enum chat_effort effort;
    enum tool_choice choice;
    enum chat_format format;
    const char *temperature, *top_p, *schema, *defaults_name, *defaults_value;
    int64_t max_tokens, n, budget;
    bool drop, native, modify, stream;
};

struct outcome {
    str body;
    rc rc;
    struct err err;
    struct chat_loss loss;
};

static struct outcome run(struct arena *a, const char *model, const char *body,
                          const struct setting *s)
{
    struct outcome o = { 0 };
    struct chat_req r;
    jval *v = NULL;
    CHECK_OK(jd_read(&v, str_c(body), a, &o.err), &o.err);
    CHECK_OK(d->read_chat(&r, v, &(struct dialect_path){ 0 }, a, &o.err), &o.err);
    if (!s->native)
        r.origin = DIALECT_OPENAI_CHAT;
    for (struct chat_tool *tool = r.tools; tool; tool = tool->next)
        tool->origin = r.origin;
    if (s->effort)
        r.effort = s->effort;
    if (s->choice)
        r.choice = s->choice;
    r.format = s->format ? s->format : r.format;
    if (s->schema)
        r.schema = str_c(s->schema);
    if (s->temperature)
        r.temperature = str_c(s->temperature);
    if (s->top_p)
        r.top_p = str_c(s->top_p);
    if (s->max_tokens)
        r.max_tokens = s->max_tokens;
    if (s->n)
        r.n = s->n;
    if (s->budget)
        r.thinking_budget = s->budget;
    struct chat_extra defaults = { NULL, str_c(s->defaults_name), str_c(s->defaults_value) };
    struct chat_target t = { .model = str_c(model),
                             .drop_params = s->drop,
                             .modify_params = s->modify,
                             .stream = s->stream,
                             .defaults = s->defaults_name ? &defaults : NULL,
                             .max_tokens_default = CHAT_UNSET };
    struct buf out;
    buf_init(&out, 1 << 20);
    o.loss.arena = a;
    o.rc = d->write_chat(&out, &r, &t, &o.loss, a, &o.err);
    o.body = arena_dup(a, buf_str(&out));
    buf_done(&out);
    return o;
}

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"
#define HI_OUT \
    "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]}]"

static const struct request_case {
    const char *what, *model, *body;
    struct setting s;
    const char *want;
} request_cases[] = {
    { "an old model gets no more tokens than it takes",
      "claude-3-opus-20240229",
      "{" HI "}",
      { 0 },
      "{\"model\":\"claude-3-opus-20240229\",\"max_tokens\":4096," HI_OUT "}" },
    { "3.5 takes twice that",
      "claude-3-5-sonnet-20241022",
      "{" HI "}",
      { 0 },
      "{\"model\":\"claude-3-5-sonnet-20241022\",\"max_tokens\":8192," HI_OUT "}" },
    { "strangers get 4096",
      "MiniMax-M2",
      "{" HI "}",
      { .stream = true },
      "{\"model\":\"MiniMax-M2\",\"max_tokens\":4096,\"stream\":true," HI_OUT "}" },
    { "effort becomes a budget, and the answer keeps room",
      "claude-sonnet-4-5-20250929",
      "{\"max_tokens\":1000," HI "}",
      { .effort = EFFORT_LOW },
      "{\"model\":\"claude-sonnet-4-5-20250929\",\"max_tokens\":2024,"
      "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}," HI_OUT "}" },
    { "minimal is raised to the least budget there is",
      "claude-3-7-sonnet-latest",
      "{" HI "}",
      { .effort = EFFORT_MINIMAL, .max_tokens = 9000 },
      "{\"model\":\"claude-3-7-sonnet-latest\",\"max_tokens\":9000,"
      "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}," HI_OUT "}" },
    { "adaptive models are told the effort",
      "claude-opus-4-6",
      "{" HI "}",
      { .effort = EFFORT_LOW },
      "{\"model\":\"claude-opus-4-6\",\"max_tokens\":128000,"
      "\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
      "\"output_config\":{\"effort\":\"low\"}," HI_OUT "}" },
    { "4.6 has no xhigh",
      "claude-opus-4-6",
      "{" HI "}",
      { .effort = EFFORT_XHIGH, .max_tokens = 10 },
      "{\"model\":\"claude-opus-4-6\",\"max_tokens\":10,"
      "\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
      "\"output_config\":{\"effort\":\"high\"}," HI_OUT "}" },
    { "a budget that the model does not know becomes an effort",
      "claude-opus-4-8",
      "{\"max_tokens\":10,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1500}," HI "}",
      { .native = true },
      "{\"model\":\"claude-opus-4-8\",\"max_tokens\":10,"
      "\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
      "\"output_config\":{\"effort\":\"low\"}," HI_OUT "}" },
    { "adaptive on a model before it becomes a budget",
      "claude-sonnet-4-5",
      "{\"max_tokens\":9000,\"thinking\":{\"type\":\"adaptive\"},"
      "\"output_config\":{\"effort\":\"high\"}," HI "}",
      { .native = true },
      "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":9000,"
      "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4096}," HI_OUT "}" },
    { "none: models that always think get the least",
      "claude-opus-5-5",
      "{" HI "}",
      { .effort = EFFORT_NONE, .max_tokens = 10 },
      "{\"model\":\"claude-opus-5-5\",\"max_tokens\":10,\"output_config\":{\"effort\":\"low\"}"
      "," HI_OUT "}" },
    { "none: others switch it off",
      "claude-sonnet-5",
      "{" HI "}",
      { .effort = EFFORT_NONE, .max_tokens = 10 },
      "{\"model\":\"claude-sonnet-5\",\"max_tokens\":10,\"thinking\":{\"type\":\"disabled\"}"
      "," HI_OUT "}" },
    { "temperature is clamped; both only where both go",
      "claude-3-opus-20240229",
      "{" HI "}",
      { .temperature = "1.7", .top_p = "0.9", .max_tokens = 10 },
      "{\"model\":\"claude-3-opus-20240229\",\"max_tokens\":10,\"temperature\":1,\"top_p\":0."
      "9," HI_OUT "}" },
    { "one of them on 4.5",
      "claude-haiku-4-5",
      "{" HI "}",
      { .temperature = "0.2", .top_p = "0.9", .max_tokens = 10 },
      "{\"model\":\"claude-haiku-4-5\",\"max_tokens\":10,\"temperature\":0.2," HI_OUT "}" },
    { "none after 4.6",
      "claude-opus-4-7",
      "{" HI "}",
      { .temperature = "0.2", .top_p = "0.9", .max_tokens = 10 },
      "{\"model\":\"claude-opus-4-7\",\"max_tokens\":10," HI_OUT "}" },
    { "a schema natively, closed and without what is not compiled",
      "claude-sonnet-4-5",
      "{\"max_tokens\":10," HI "}",
      { .format = FORMAT_SCHEMA,
        .schema = "{\"$schema\":\"x\",\"type\":\"object\",\"properties\":{\"n\":{\"type\":"
                  "\"integer\",\"minimum\":1,\"description\":\"how many\"},\"u\":{\"oneOf\":[{"
                  "\"type\":\"string\"},{\"type\":\"null\"}]}},\"required\":[\"n\"]}" },
      "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":10,\"output_config\":{\"format\":{\"type\":"
      "\"json_schema\",\"schema\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\","
      "\"description\":\"how many (minimum: 1)\"},\"u\":{\"anyOf\":[{\"type\":\"string\"},{"
      "\"type\":\"null\"}]}},\"required\":[\"n\"],\"additionalProperties\":false}}}," HI_OUT "}" },
    { "a schema by a tool on older models",
      "claude-3-opus-20240229",
      "{\"max_tokens\":10," HI "}",
      { .format = FORMAT_SCHEMA, .schema = "{\"type\":\"object\",\"properties\":{}}" },
      "{\"model\":\"claude-3-opus-20240229\",\"max_tokens\":10,\"tools\":[{\"name\":"
      "\"json_tool_call\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}],"
      "\"tool_choice\":{\"type\":\"tool\",\"name\":\"json_tool_call\"}," HI_OUT "}" },
    { "beside other tools any of them may be called",
      "claude-3-opus-20240229",
      "{\"max_tokens\":10,\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}]," HI
      "}",
      { .format = FORMAT_SCHEMA, .schema = "{\"type\":\"object\"}" },
      "{\"model\":\"claude-3-opus-20240229\",\"max_tokens\":10,\"tools\":[{\"name\":\"f\","
      "\"input_schema\":{\"type\":\"object\"}},{\"name\":\"json_tool_call\",\"input_schema\":{"
      "\"type\":\"object\"}}],\"tool_choice\":{\"type\":\"any\"}," HI_OUT "}" },
    { "required, one at a time",
      "claude-opus-4-6",
      "{\"max_tokens\":10,\"tool_choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":true},"
      "\"tools\":[{\"name\":\"f\"}]," HI "}",
      { 0 },
      "{\"model\":\"claude-opus-4-6\",\"max_tokens\":10,\"tools\":[{\"name\":\"f\","
      "\"input_schema\":{\"type\":\"object\",\"properties\":{}}}],\"tool_choice\":{\"type\":\"any\""
      ",\"disable_parallel_tool_use\":true}," HI_OUT "}" },
    { "where nothing can be forced it is asked for",
      "claude-sonnet-5-5",
      "{\"max_tokens\":10,\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\"},"
      "\"tools\":[{\"name\":\"f\"}]," HI "}",
      { 0 },
      "{\"model\":\"claude-sonnet-5-5\",\"max_tokens\":10,\"tools\":[{\"name\":\"f\","
      "\"input_schema\":{\"type\":\"object\",\"properties\":{}}}],\"tool_choice\":{\"type\":"
      "\"auto\"},\"system\":[{\"type\":\"text\",\"text\":\"You must call the tool \\\"f\\\" "
      "now.\"}]," HI_OUT "}" },
    { "forcing a tool wins over manual thinking",
      "claude-sonnet-4-5",
      "{\"max_tokens\":10,\"tool_choice\":{\"type\":\"any\"},\"tools\":[{\"name\":\"f\"}]," HI "}",
      { .effort = EFFORT_HIGH },
      "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":10,\"tools\":[{\"name\":\"f\","
      "\"input_schema\":{\"type\":\"object\",\"properties\":{}}}],\"tool_choice\":{\"type\":"
      "\"any\"}," HI_OUT "}" },
    { "alternatives at the root of a tool's schema are joined",
      "claude-opus-4-6",
      "{\"max_tokens\":10,\"tools\":[{\"name\":\"f\",\"input_schema\":{\"anyOf\":[{\"properties\":{"
      "\"a\":{}}},{\"properties\":{\"b\":{},\"a\":{}}}]}}]," HI "}",
      { 0 },
      "{\"model\":\"claude-opus-4-6\",\"max_tokens\":10,\"tools\":[{\"name\":\"f\","
      "\"input_schema\":{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":{}}}}]," HI_OUT "}" },
    { "neighbours are joined, the user speaks first, empty text goes",
      "claude-3-opus-20240229",
      "{\"max_tokens\":10,\"messages\":[{\"role\":\"assistant\",\"content\":\"A\"},{\"role\":"
      "\"user\""
      ",\"content\":\"b\"},{\"role\":\"user\",\"content\":\" "
      "\"},{\"role\":\"user\",\"content\":\"c\"}"
      "]}",
      { 0 },
      "{\"model\":\"claude-3-opus-20240229\",\"max_tokens\":10,\"messages\":[{\"role\":\"user\","
      "\"content\":[{\"type\":\"text\",\"text\":\".\"}]},{\"role\":\"assistant\",\"content\":[{"
      "\"type\":\"text\",\"text\":\"A\"}]},{\"role\":\"user\",\"content\":[{\"type\":\"text\","
      "\"text\":\"b\"},{\"type\":\"text\",\"text\":\"c\"}]}]}" },
    { "results first and in the order of the calls; lost ones are told; stubs for tools",
      "claude-3-opus-20240229",
      "{\"max_tokens\":10,\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":"
      "\"assistant\""
      ",\"content\":[{\"type\":\"tool_use\",\"id\":\"a.1\",\"name\":\"f\",\"input\":{}},{\"type\":"
      "\"tool_use\",\"id\":\"b\",\"name\":\"f\",\"input\":{\"x\":1}},{\"type\":\"tool_use\",\"id\":"
      "\"c\",\"name\":\"f\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"text\","
      "\"text\":\"and\"},{\"type\":\"tool_result\",\"tool_use_id\":\"b\",\"content\":\"2\"},{"
      "\"type\":\"tool_result\",\"tool_use_id\":\"a.1\",\"content\":\"1\"},{\"type\":\"tool_"
      "result\""
      ",\"tool_use_id\":\"z\",\"content\":\"stray\"}]}]}",
      { 0 },
      "{\"model\":\"claude-3-opus-20240229\",\"max_tokens\":10,\"tools\":[{\"name\":\"f\","
      "\"input_schema\":{\"type\":\"object\",\"properties\":{}}}],\"tool_choice\":{\"type\":"
      "\"none\""
      "},\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"q\"}]},{"
      "\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"a_1_e27b332c\",\"name\":"
      "\"f\",\"input\":{}},{\"type\":\"tool_use\",\"id\":\"b\",\"name\":\"f\",\"input\":{\"x\":1}},"
      "{"
      "\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"f\",\"input\":{}}]},{\"role\":\"user\","
      "\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"a_1_e27b332c\",\"content\":\"1\"},{"
      "\"type\":\"tool_result\",\"tool_use_id\":\"b\",\"content\":\"2\"},{\"type\":\"tool_result\","
      "\"tool_use_id\":\"c\",\"content\":\"The tool gave no result.\",\"is_error\":true},{\"type\":"
      "\"text\",\"text\":\"stray\"},{\"type\":\"text\",\"text\":\"and\"}]}]}" },
    { "one id in two turns becomes two ids",
      "claude-3-opus-20240229",
      "{\"max_tokens\":10,\"tools\":[{\"name\":\"f\"}],\"messages\":[{\"role\":\"user\","
      "\"content\":"
      "\"q\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"c\",\"name\":"
      "\"f\""
      ",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":"
      "\"c\",\"content\":\"1\"}]},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\","
      "\"id\":\"c\",\"name\":\"f\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":"
      "\"tool_result\",\"tool_use_id\":\"c\",\"content\":\"2\"}]}]}",
      { 0 },
      "{\"model\":\"claude-3-opus-20240229\",\"max_tokens\":10,\"tools\":[{\"name\":\"f\","
      "\"input_schema\":{\"type\":\"object\",\"properties\":{}}}],\"messages\":[{\"role\":\"user\","
      "\"content\":[{\"type\":\"text\",\"text\":\"q\"}]},{\"role\":\"assistant\",\"content\":[{"
      "\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"f\",\"input\":{}}]},{\"role\":\"user\","
      "\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c\",\"content\":\"1\"}]},{\"role\":"
      "\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"c_1\",\"name\":\"f\",\"input\":{}"
      "}]}"
      ",{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c_1\","
      "\"content\":\"2\"}]}]}" },
    { "a prefill loses its blank end",
      "claude-3-opus-20240229",
      "{\"max_tokens\":10,\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":"
      "\"assistant\""
      ",\"content\":\"Once \\n\"}]}",
      { 0 },
      "{\"model\":\"claude-3-opus-20240229\",\"max_tokens\":10,\"messages\":[{\"role\":\"user\","
      "\"content\":[{\"type\":\"text\",\"text\":\"q\"}]},{\"role\":\"assistant\",\"content\":[{"
      "\"type\":\"text\",\"text\":\"Once\"}]}]}" },
    { "or is asked for where it cannot be",
      "claude-opus-4-6",
      "{\"max_tokens\":10,\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":"
      "\"assistant\""
      ",\"content\":\"Once\"}]}",
      { .drop = true },
      "{\"model\":\"claude-opus-4-6\",\"max_tokens\":10,\"messages\":[{\"role\":\"user\","
      "\"content\":[{\"type\":\"text\",\"text\":\"q\"}]},{\"role\":\"assistant\",\"content\":[{"
      "\"type\":\"text\",\"text\":\"Once\"}]},{\"role\":\"user\",\"content\":[{\"type\":\"text\","
      "\"text\":\"Continue.\"}]}]}" },
    { "system turns are hoisted",
      "claude-3-opus-20240229",
      "{\"max_tokens\":10,\"system\":\"S\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{"
      "\"role\":\"system\",\"content\":\"T\"}]}",
      { 0 },
      "{\"model\":\"claude-3-opus-20240229\",\"max_tokens\":10,\"system\":[{\"type\":\"text\","
      "\"text\":\"S\"},{\"type\":\"text\",\"text\":\"T\"}],\"messages\":[{\"role\":\"user\","
      "\"content\":[{\"type\":\"text\",\"text\":\"q\"}]}]}" },
    { "or stay where the model takes them",
      "claude-opus-4-8",
      "{\"max_tokens\":10,\"system\":\"S\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{"
      "\"role\":\"system\",\"content\":\"T\"}]}",
      { 0 },
      "{\"model\":\"claude-opus-4-8\",\"max_tokens\":10,\"system\":[{\"type\":\"text\",\"text\":"
      "\"S\"}],\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"q\"}]},{"
      "\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"T\"}]}]}" },
    { "other vendors' thinking stays at home",
      "claude-sonnet-4-5",
      "{\"max_tokens\":10,\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":"
      "\"assistant\""
      ",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"sluice.gemini."
      "AAAA\"},"
      "{\"type\":\"thinking\",\"thinking\":\"ours\",\"signature\":\"BBBB\"},{\"type\":\"text\","
      "\"text\":\"a\"}]},{\"role\":\"user\",\"content\":\"b\"}]}",
      { .native = true },
      "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":10,\"messages\":[{\"role\":\"user\","
      "\"content\":[{\"type\":\"text\",\"text\":\"q\"}]},{\"role\":\"assistant\",\"content\":[{"
      "\"type\":\"thinking\",\"thinking\":\"ours\",\"signature\":\"BBBB\"},{\"type\":\"text\","
      "\"text\":\"a\"}]},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"b\"}]}]}" },
    { "only the last four cache marks",
      "claude-3-opus-20240229",
      "{\"max_tokens\":10,\"system\":[{\"type\":\"text\",\"text\":\"S\",\"cache_control\":{"
      "\"type\":"
      "\"ephemeral\"}}],\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
      "\"1\""
      ",\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"text\",\"text\":\"2\","
      "\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"text\",\"text\":\"3\","
      "\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"text\",\"text\":\"4\","
      "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}]}]}",
      { 0 },
      "{\"model\":\"claude-3-opus-20240229\",\"max_tokens\":10,\"system\":[{\"type\":\"text\","
      "\"text\":\"S\"}],\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
      "\"1\",\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"text\",\"text\":\"2\","
      "\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"text\",\"text\":\"3\","
      "\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"text\",\"text\":\"4\","
      "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}]}]}" },
    { "the deployment's defaults, where the client says nothing",
      "claude-3-opus-20240229",
      "{" HI "}",
      { .defaults_name = "max_tokens", .defaults_value = "77" },
      "{\"model\":\"claude-3-opus-20240229\",\"max_tokens\":77," HI_OUT "}" },
    { "and only there",
      "claude-3-opus-20240229",
      "{\"max_tokens\":5," HI "}",
      { .defaults_name = "max_tokens", .defaults_value = "77" },
      "{\"model\":\"claude-3-opus-20240229\",\"max_tokens\":5," HI_OUT "}" },
    { "only blank stops: none",
      "claude-3-opus-20240229",
      "{\"max_tokens\":5,\"stop_sequences\":[\"\\n\"]," HI "}",
      { 0 },
      "{\"model\":\"claude-3-opus-20240229\",\"max_tokens\":5," HI_OUT "}" },
};

static void test_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(request_cases); i++) {
        const struct request_case *c = &request_cases[i];
        struct arena a;
        arena_init(&a);
        struct outcome o = run(&a, c->model, c->body, &c->s);
        if (FAILED(o.rc))
            fail_msg("%s: %s", c->what, o.err.text);
        if (!json_texts_same(o.body, str_c(c->want)))
            fail_msg("%s\n  got:  %.*s\n  want: %s", c->what, STRF(o.body), c->want);
        arena_done(&a);
    }
}

static void test_refused_parameters(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct setting s = { .n = 2 };
    struct outcome o = run(&a, "claude-opus-4-6", "{" HI "}", &s);
    assert_int_equal(o.rc.code, E_UNSUPPORTED);
    assert_string_equal(o.err.where, "n");
    s.drop = true;
    o = run(&a, "claude-opus-4-6", "{" HI "}", &s);
    CHECK_OK(o.rc, &o.err);
    CHECK_STR(o.loss.dropped->s, S("n"));
    s = (struct setting){ .effort = EFFORT_LOW };
    o = run(&a, "claude-3-opus-20240229", "{" HI "}", &s);
    assert_int_equal(o.rc.code, E_UNSUPPORTED);
    assert_string_equal(o.err.where, "reasoning_effort");
    arena_done(&a);
}

static void test_bad_requests(void **state)
{
    static const struct {
        const char *body, *where;
    } cases[] = {
        { "{}", "messages" },
        { "{\"messages\":{}}", "messages" },
        { "{\"messages\":[1]}", "messages[0]" },
        { "{\"messages\":[{\"role\":\"user\"}]}", "messages[0].content" },
        { "{\"messages\":[{\"role\":\"user\",\"content\":5}]}", "messages[0].content" },
        { "{\"messages\":[{\"content\":\"x\"}]}", "messages[0].role" },
        { "{\"messages\":[],\"max_tokens\":\"9\"}", "max_tokens" },
        { "{\"messages\":[],\"tools\":[{\"input_schema\":{}}]}", "tools[0].name" },
        { "{\"messages\":[],\"tool_choice\":{\"type\":\"some\"}}", "tool_choice.type" },
        { "{\"messages\":[],\"stop_sequences\":[1]}", "stop_sequences[0]" },
        { "{\"messages\":[],\"system\":7}", "system" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        struct err e = { 0 };
        struct chat_req r;
        jval *v = NULL;
        arena_init(&a);
        CHECK_OK(jd_read(&v, str_c(cases[i].body), &a, &e), &e);
        rc res = d->read_chat(&r, v, &(struct dialect_path){ 0 }, &a, &e);
        if (res.code != E_SYNTAX || strcmp(e.where, cases[i].where) != 0)
            fail_msg("%s: code %d, where %s: %s", cases[i].body, (int)res.code, e.where, e.text);
        arena_done(&a);
    }
}

/* ---- errors --------------------------------------------------------------------------------- */

static void test_errors(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
        enum chat_error_kind kind;
        const char *message;
    } cases[] = {
        { 529,
          "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}"
          "}",
          ERR_OVERLOADED, "Overloaded" },
        { 400,
          "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":"
          "\"prompt is too long: 9 tokens > 8 maximum\"}}",
          ERR_CONTEXT_WINDOW, "prompt is too long: 9 tokens > 8 maximum" },
        { 413, "<html><head><title>413 Too Large</title></head></html>", ERR_TOO_LARGE,
          "413 Too Large" },
        { 502, "", ERR_BAD_GATEWAY, "Provider returned HTTP 502" },
        { 404, "{\"detail\":\"Not Found\"}", ERR_NOT_FOUND, "Not Found" },
        { 404, "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"no\"}}", ERR_NOT_FOUND,
          "no" },
        { 500, "[{\"error\":\"odd\"}]", ERR_SERVER, "odd" },
        { 429,
          "{\"error\":{\"type\":\"rate_limit_error\",\"message\":\"m\",\"details\":{\"error_code\":"
          "\"enforced_spend_limit_reached\"}}}",
          ERR_QUOTA, "m" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        struct chat_error err;
        arena_init(&a);
        d->read_error(&err, cases[i].status, str_c(cases[i].body), &a);
        CHECK_STR(err.message, str_c(cases[i].message));
        if (err.kind != cases[i].kind)
            fail_msg("%s: kind %d", cases[i].body, (int)err.kind);
        arena_done(&a);
    }
}

static void test_write_error(void **state)
{
    (void)state;
    struct buf out;
    struct chat_error err = { .kind = ERR_CONTEXT_WINDOW, .message = S("too much") };
    buf_init(&out, 4096);
    d->write_error(&out, &err, NULL);
    CHECK_STR(buf_str(&out),
              S("{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":"
                "\"prompt is too long: too much\"},\"request_id\":null}"));
    buf_clear(&out);
    err = (struct chat_error){ .kind = ERR_UNAVAILABLE, .message = S("down") };
    d->write_stream_error(&out, &err);
    CHECK_STR(buf_str(&out), S("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
                               "\"overloaded_error\",\"message\":\"down\"}}\n\n"));
    buf_done(&out);
}

/* ---- streams -------------------------------------------------------------------------------- */

struct rig {
    struct chat_sink sink;
    struct buf out;
    struct dialect_ctx ctx;
    void *writer;
};

static void rig_emit(struct chat_sink *sink, const struct chat_event *ev)
{
    struct rig *rig = CONTAINER_OF(sink, struct rig, sink);
    d->write_event(rig->writer, &rig->out, ev, &rig->ctx);
}

static str stream(struct arena *a, struct rig *rig, str sse, size_t step)
{
    struct chat_stream cs;
    struct sse parser;
    struct sse_event ev;
    struct err e = { 0 };
    void *reader = arena_alloc(a, d->reader_bytes, 16, 1);
    *rig = (struct rig){ .sink = { rig_emit },
                         .ctx = { .model = S("m"), .id = S("x1"), .arena = a },
                         .writer = arena_alloc(a, d->writer_bytes, 16, 1) };
    buf_init(&rig->out, 1 << 20);
    chat_stream_init(&cs, &rig->sink);
    sse_init(&parser);
    for (size_t at = 0; at < sse.n; at += step) {
        str in = str_take(str_skip(sse, at), step);
        while (sse_next(&parser, &in, &ev, &e).code == OK)
            CHECK_OK(d->read_event(reader, &ev, &cs.in, a, &e), &e);
    }
    chat_stream_end(&cs, d->read_end(reader, &cs.in), S("cut"));
    chat_stream_done(&cs);
    sse_done(&parser);
    str text = arena_dup(a, buf_str(&rig->out));
    buf_done(&rig->out);
    return text;
}

#define EV(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define START                                                                        \
    EV("message_start",                                                              \
       ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\"," \
       "\"model\":\"claude\",\"content\":[],\"usage\":{\"input_tokens\":9,"          \
       "\"cache_read_input_tokens\":3,\"output_tokens\":1}}")
#define START_OUT                                                                                  \
    EV("message_start",                                                                            \
       ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"     \
       "\"m\","                                                                                    \
       "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":0," \
       "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":0}}")
#define BLOCK(i, block) EV("content_block_start", ",\"index\":" #i ",\"content_block\":" block)
#define DELTA(i, delta) EV("content_block_delta", ",\"index\":" #i ",\"delta\":" delta)
#define STOP(i)         EV("content_block_stop", ",\"index\":" #i)
#define END(reason, usage)                                                                    \
    EV("message_delta", ",\"delta\":{\"stop_reason\":\"" reason "\",\"stop_sequence\":null}," \
                        "\"usage\":" usage)                                                   \
    EV("message_stop", "")
#define USAGE_OUT                                                                          \
    "{\"input_tokens\":9,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":3," \
    "\"output_tokens\":7}"
#define TOOL "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\",\"input\":{}}"
#define TEXT "{\"type\":\"text\",\"text\":\"\"}"

static const struct {
    const char *what, *in, *out;
} stream_cases[] = {
    { "thinking, text and a call without arguments",
      START BLOCK(0, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")
          DELTA(0, "{\"type\":\"thinking_delta\",\"thinking\":\"h\\u00e9\"}") DELTA(
              0, "{\"type\":\"signature_delta\",\"signature\":\"SIG\"}") STOP(0) EV("ping", "")
              BLOCK(1, TEXT) DELTA(1, "{\"type\":\"text_delta\",\"text\":\"a\"}   ") STOP(1)
                  BLOCK(2, TOOL) DELTA(2, "{\"type\":\"input_json_delta\",\"partial_json\":\"\"}")
                      STOP(2) END("tool_use", "{\"output_tokens\":7}"),
      START_OUT BLOCK(0, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")
          DELTA(0, "{\"type\":\"thinking_delta\",\"thinking\":\"h\xc3\xa9\"}") DELTA(
              0, "{\"type\":\"signature_delta\",\"signature\":\"SIG\"}") STOP(0) BLOCK(1, TEXT)
              DELTA(1, "{\"type\":\"text_delta\",\"text\":\"a\"}") STOP(1) BLOCK(2, TOOL)
                  DELTA(2, "{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}") STOP(2)
                      END("tool_use", USAGE_OUT) },
    { "the forced JSON is the answer",
      START BLOCK(0,
                  "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"json_tool_call\",\"input\":{}}")
          DELTA(0, "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":1}\"}") STOP(0)
              END("tool_use", "{\"output_tokens\":7}"),
      START_OUT BLOCK(0, TEXT) DELTA(0, "{\"type\":\"text_delta\",\"text\":\"{\\\"a\\\":1}\"}")
          STOP(0) END("end_turn", USAGE_OUT) },
    { "what the vendor's own tools did stays in one block each",
      START BLOCK(
          0, "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}}")
          DELTA(0, "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"q\\\":\"}")
              DELTA(0, "{\"type\":\"input_json_delta\",\"partial_json\":\"1}\"}") STOP(0)
                  END("end_turn", "{\"output_tokens\":7}"),
      START_OUT BLOCK(
          0,
          "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{\"q\":1}}")
          STOP(0) END("end_turn", USAGE_OUT) },
    { "an error ends it",
      START EV("error", ",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}"),
      START_OUT EV("error",
                   ",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}") },
    { "cut off: an error, no tidy end",
      START BLOCK(0, TEXT) DELTA(0, "{\"type\":\"text_delta\",\"text\":\"a\"}"),
      START_OUT BLOCK(0, TEXT) DELTA(0, "{\"type\":\"text_delta\",\"text\":\"a\"}")
          EV("error", ",\"error\":{\"type\":\"api_error\",\"message\":\"cut\"}") },
};

static void test_streams(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(stream_cases); i++) {
        str in = str_c(stream_cases[i].in);
        for (size_t step = 1; step <= in.n; step += step < 80 ? 1 : 97) {
            struct arena a;
            struct rig rig;
            arena_init(&a);
            str got = stream(&a, &rig, in, step);
            if (!str_eq(got, str_c(stream_cases[i].out)))
                fail_msg("%s, step %zu\n  got:\n%.*s\n  want:\n%s", stream_cases[i].what, step,
                         STRF(got), stream_cases[i].out);
            arena_done(&a);
        }
    }
}

/* ---- signatures ----------------------------------------------------------------------------- */

static void test_signatures(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    str sig = signature_mark(&a, S("Q+/="), DIALECT_GEMINI, DIALECT_ANTHROPIC);
    CHECK_STR(sig, S("sluice.gemini.Q+/="));
    assert_int_equal(signature_unmark(&sig, DIALECT_ANTHROPIC), DIALECT_GEMINI);
    CHECK_STR(sig, S("Q+/="));
    sig = signature_mark(&a, S("Q"), DIALECT_ANTHROPIC, DIALECT_ANTHROPIC);
    assert_int_equal(signature_unmark(&sig, DIALECT_ANTHROPIC), DIALECT_ANTHROPIC);
    CHECK_STR(sig, S("Q"));
    str id = signature_into_id(&a, S("call_1"), S("ab+/cQ=="));
    CHECK_STR(id, S("call_1__thought__ab-_cQ"));
    CHECK_STR(signature_from_id(&a, &id), S("ab+/cQ=="));
    CHECK_STR(id, S("call_1"));
    CHECK_STR(signature_from_id(&a, &id), S(""));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),     cmocka_unit_test(test_refused_parameters),
        cmocka_unit_test(test_bad_requests), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_write_error),  cmocka_unit_test(test_streams),
        cmocka_unit_test(test_signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
