/* The OpenAI Responses dialect's edges: what the golden files do not show at a glance. */
#include "../json_check.h"
#include "base/pages.h"
#include "chat/stream.h"
#include "dialect/dialect.h"

static const struct dialect *d = &dialect_openai_responses;

/* ---- requests ------------------------------------------------------------------------------- */

static struct chat_req read_with(const struct dialect *from, struct arena *a, const char *body)
{
    struct chat_req r;
    struct err e = { 0 };
    jval *v = NULL;
    CHECK_OK(jd_read(&v, str_c(body), a, &e), &e);
    CHECK_OK(from->read_chat(&r, v, &(struct dialect_path){ 0 }, a, &e), &e);
    return r;
}

static rc write_to(const struct dialect *to, struct arena *a, const struct chat_req *r,
                   const char *model, bool drop, str *ret, struct err *e)
{
    struct chat_target t = { .model = str_c(model),
                             .drop_params = drop,
                             .max_tokens_default = CHAT_UNSET };
    struct chat_loss loss = { .arena = a };
    struct buf out;
    buf_init(&out, 64 << 20);
    rc res = to->write_chat(&out, r, &t, &loss, a, e);
    *ret = arena_dup(a, buf_str(&out));
    buf_done(&out);
    return res;
}

/* Not in the square of their number: this would take minutes. */
static void an_item_with_many_members(void **state)
{
    enum { MANY = 400 * 1000 };
    struct arena a;
    struct buf b;
    struct err e = { 0 };
    str wrote;
    arena_init(&a);
    buf_init(&b, 64 << 20);
    buf_add(&b, S("{\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":\"q\""));
    for (int i = 0; i < MANY; i++)
        buf_fmt(&b, ",\"a%d\":%d", i, i);
    buf_add(&b, S(",\"a7\":\"the last counts\"}]}"));
    struct chat_req r = read_with(d, &a, arena_dup(&a, buf_str(&b)).p);
    CHECK_OK(write_to(d, &a, &r, "m", false, &wrote, &e), &e);
    assert_true(str_contains(wrote, S(",\"a399999\":399999,\"a7\":\"the last counts\"}")));
    assert_false(str_contains(wrote, S("\"a7\":7,")));
    buf_done(&b);
    arena_done(&a);
}

static const struct {
    const char *what, *from, *model, *body, *want;
} cases[] = {
    { "system is instructions, results follow their calls, nothing is stored", "openai", "gpt-4o",
      "{\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":\"q\"}"
      ","
      "{\"role\":\"assistant\",\"content\":\"t\",\"tool_calls\":[{\"id\":\"a\",\"type\":"
      "\"function\","
      "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"b\",\"type\":\"function\","
      "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]},{\"role\":\"tool\",\"tool_call_id\":"
      "\"a\","
      "\"content\":\"1\"}],\"max_tokens\":5}",
      "{\"model\":\"gpt-4o\",\"instructions\":\"S\",\"input\":[{\"type\":\"message\",\"role\":"
      "\"user\","
      "\"content\":[{\"type\":\"input_text\",\"text\":\"q\"}]},{\"type\":\"message\",\"role\":"
      "\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"t\"}]},{\"type\":"
      "\"function_call\",\"call_id\":\"a\",\"name\":\"f\",\"arguments\":\"{}\"},{\"type\":"
      "\"function_call\",\"call_id\":\"b\",\"name\":\"f\",\"arguments\":\"{}\"},{\"type\":"
      "\"function_call_output\",\"call_id\":\"b\",\"output\":\"The tool gave no "
      "result.\"},{\"type\":"
      "\"function_call_output\",\"call_id\":\"a\",\"output\":\"1\"}],\"max_output_tokens\":16,"
      "\"store\":false}" },
    { "reasoning models: sealed reasoning is asked for, sampling left out", "openai", "gpt-5-mini",
      "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],\"temperature\":0.2,"
      "\"reasoning_effort\":\"low\"}",
      "{\"model\":\"gpt-5-mini\",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{"
      "\"type\":\"input_text\",\"text\":\"q\"}]}],\"reasoning\":{\"effort\":\"low\"},\"include\":["
      "\"reasoning.encrypted_content\"],\"store\":false}" },
    { "a schema and a tool are flat, strict is said", "openai", "gpt-4o",
      "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],\"response_format\":{\"type\":"
      "\"json_schema\",\"json_schema\":{\"name\":\"n\",\"strict\":true,\"schema\":{\"type\":"
      "\"object\"}}"
      "},\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":"
      "\"object\"}}}],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}}",
      "{\"model\":\"gpt-4o\",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{"
      "\"type\":\"input_text\",\"text\":\"q\"}]}],\"tools\":[{\"type\":\"function\",\"name\":\"f\","
      "\"parameters\":{\"type\":\"object\"},\"strict\":false}],\"tool_choice\":{\"type\":"
      "\"function\","
      "\"name\":\"f\"},\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"schema\":{"
      "\"type\":\"object\"},\"strict\":true}},\"store\":false}" },
    { "Claude's thinking stays at home, its errors are told, images go along", "anthropic",
      "gpt-4o",
      "{\"max_tokens\":99,\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":"
      "\"assistant\","
      "\"content\":[{\"type\":\"thinking\",\"thinking\":\"h\",\"signature\":\"SIG\"},{\"type\":"
      "\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{"
      "\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"is_error\":true,\"content\":[{\"type\":"
      "\"text\","
      "\"text\":\"no\"},{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://"
      "x\"}}]}]}]}",
      "{\"model\":\"gpt-4o\",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{"
      "\"type\":\"input_text\",\"text\":\"q\"}]},{\"type\":\"function_call\",\"call_id\":\"a\","
      "\"name\":\"f\",\"arguments\":\"{}\"},{\"type\":\"function_call_output\",\"call_id\":\"a\","
      "\"output\":[{\"type\":\"input_text\",\"text\":\"Error:\"},{\"type\":\"input_text\",\"text\":"
      "\"no\"},{\"type\":\"input_image\",\"image_url\":\"https://x\"}]}],\"max_output_tokens\":99,"
      "\"store\":false}" },
    { "a stored conversation: its calls stand there", "responses", "gpt-4o",
      "{\"previous_response_id\":\"resp_1\",\"input\":[{\"type\":\"function_call_output\","
      "\"call_id\":\"c\",\"output\":\"1\"}]}",
      "{\"model\":\"gpt-4o\",\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"c\","
      "\"output\":\"1\"}],\"previous_response_id\":\"resp_1\"}" },
};

static void test_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        struct err e = { 0 };
        str got;
        arena_init(&a);
        struct chat_req r = read_with(dialect_find(str_c(cases[i].from)), &a, cases[i].body);
        CHECK_OK(write_to(d, &a, &r, cases[i].model, false, &got, &e), &e);
        if (!json_texts_same(got, str_c(cases[i].want)))
            fail_msg("%s\n  got:  %.*s\n  want: %s", cases[i].what, STRF(got), cases[i].want);
        arena_done(&a);
    }
}

static void test_refused(void **state)
{
    static const char *const members[] = { "\"n\":2", "\"seed\":1", "\"stop\":[\"x\"]",
                                           "\"presence_penalty\":1" };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        struct arena a;
        struct err e = { 0 };
        str got;
        arena_init(&a);
        struct chat_req r = read_with(
            &dialect_openai_chat, &a,
            arena_fmt(&a, "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],%s}", members[i])
                .p);
        assert_int_equal(write_to(d, &a, &r, "gpt-4o", false, &got, &e).code, E_UNSUPPORTED);
        CHECK_OK(write_to(d, &a, &r, "gpt-4o", true, &got, &e), &e);
        arena_done(&a);
    }
}

static void test_bad_requests(void **state)
{
    static const struct {
        const char *body, *where;
    } bad[] = {
        { "{\"input\":7}", "input" },
        { "{\"input\":[7]}", "input[0]" },
        { "{\"input\":[{\"role\":\"user\"}]}", "input[0].content" },
        { "{\"input\":[{\"type\":\"function_call\",\"name\":\"f\"}]}", "input[0].call_id" },
        { "{\"tools\":[{}]}", "tools[0]" },
        { "{\"tools\":[{\"type\":\"function\"}]}", "tools[0].name" },
        { "{\"tool_choice\":\"some\"}", "tool_choice" },
        { "{\"temperature\":\"x\"}", "temperature" },
        { "{\"text\":{\"format\":{\"type\":\"json_schema\"}}}", "text.format.schema" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct arena a;
        struct err e = { 0 };
        struct chat_req r;
        jval *v = NULL;
        arena_init(&a);
        CHECK_OK(jd_read(&v, str_c(bad[i].body), &a, &e), &e);
        rc res = d->read_chat(&r, v, &(struct dialect_path){ 0 }, &a, &e);
        if (res.code != E_SYNTAX || strcmp(e.where, bad[i].where) != 0)
            fail_msg("%s: code %d, where %s: %s", bad[i].body, (int)res.code, e.where, e.text);
        arena_done(&a);
    }
}

/* ---- streams -------------------------------------------------------------------------------- */

struct rig {
    struct chat_sink sink;
    struct buf out;
    struct dialect_ctx ctx;
    void *state;
};

static void rig_emit(struct chat_sink *sink, const struct chat_event *ev)
{
    struct rig *rig = CONTAINER_OF(sink, struct rig, sink);
    d->write_event(rig->state, &rig->out, ev, &rig->ctx);
}

/* The events, written for the client of this request. */
static str write_events(struct arena *a, const struct chat_req *req, const struct chat_event *evs,
                        size_t n)
{
    struct chat_stream cs;
    struct rig rig = { .sink = { rig_emit },
                       .ctx = { .model = S("m"), .id = S("x"), .req = req, .arena = a },
                       .state = arena_alloc(a, d->writer_bytes, 16, 1) };
    buf_init(&rig.out, 1 << 20);
    chat_stream_init(&cs, &rig.sink);
    for (size_t i = 0; i < n; i++)
        cs.in.emit(&cs.in, &evs[i]);
    chat_stream_done(&cs);
    str text = arena_dup(a, buf_str(&rig.out));
    buf_done(&rig.out);
    return text;
}

/* The response of the last event, with `type` being its kind. */
static jval *last_response(struct arena *a, str stream, const char *type)
{
    struct sse sse;
    struct sse_event ev;
    struct err e = { 0 };
    jval *v = NULL, *last = NULL;
    int64_t number = 0;
    sse_init(&sse);
    while (sse_next(&sse, &stream, &ev, &e).code == OK) {
        CHECK_OK(jd_read(&v, ev.data, a, &e), &e);
        CHECK_STR(jd_get_str(v, S("type")), arena_dup(a, ev.event));
        assert_int_equal(jd_i64_or(jd_get(v, S("sequence_number")), -1), number);
        number++;
        last = v;
    }
    sse_done(&sse);
    CHECK_STR(jd_get_str(last, S("type")), str_c(type));
    return jd_get(last, S("response"));
}

#define WRITE(a, req, ...)                                           \
    write_events(a, req, (const struct chat_event[]){ __VA_ARGS__ }, \
                 sizeof((const struct chat_event[]){ __VA_ARGS__ }) / sizeof(struct chat_event))
#define CALL(call_id, tool)                                \
    {                                                      \
        .kind = EV_CALL, .id = S(call_id), .name = S(tool) \
    }
#define ARGS(piece)                       \
    {                                     \
        .kind = EV_ARGS, .text = S(piece) \
    }
#define FIN(how)                          \
    { .kind = EV_FINISH, .finish = how }, \
    {                                     \
        .kind = EV_DONE                   \
    }

static void test_tools_of_the_request(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct chat_req r =
        read_with(d, &a,
                  "{\"input\":\"q\",\"tools\":[{\"type\":\"custom\",\"name\":\"patch\"},{\"type\":"
                  "\"namespace\","
                  "\"name\":\"docs\",\"tools\":[{\"type\":\"function\",\"name\":\"find\"}]}]}");
    str got = WRITE(&a, &r, CALL("c1", "patch"), ARGS("{\"inp"), ARGS("ut\":\"a\\nb\"}"),
                    { .kind = EV_CALL, .call = 1, .id = S("c2"), .name = S("docs__find") },
                    { .kind = EV_ARGS, .call = 1, .text = S("{}") }, FIN(FINISH_TOOL_CALLS));
    jval *output = jd_get(last_response(&a, got, "response.completed"), S("output"));
    CHECK_JSON(
        jd_text(output, &a),
        S("[{\"id\":\"ctc_x_0\",\"type\":\"custom_tool_call\",\"status\":\"completed\","
          "\"call_id\":\"c1\",\"name\":\"patch\",\"input\":\"a\\nb\"},{\"id\":\"fc_x_1\","
          "\"type\":\"function_call\",\"status\":\"completed\",\"call_id\":\"c2\",\"namespace\":"
          "\"docs\",\"name\":\"find\",\"arguments\":\"{}\"}]"));
    assert_true(str_contains(got, S("\"delta\":\"a\\nb\"")));
    arena_done(&a);
}

static void test_foreign_reasoning(void **state)
{
    (void)state;
    struct arena a;
    struct err e = { 0 };
    str body;
    arena_init(&a);
    str got = WRITE(&a, NULL, { .kind = EV_THINKING, .text = S("hm"), .origin = DIALECT_ANTHROPIC },
                    { .kind = EV_SIGNATURE, .text = S("SIG"), .origin = DIALECT_ANTHROPIC },
                    { .kind = EV_REDACTED, .text = S("RED"), .origin = DIALECT_ANTHROPIC },
                    { .kind = EV_TEXT, .text = S("t") }, FIN(FINISH_STOP));
    jval *response = last_response(&a, got, "response.completed");
    str output = jd_text(jd_get(response, S("output")), &a);
    CHECK_JSON(
        output,
        S("[{\"id\":\"rs_x_0\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\","
          "\"text\":\"hm\"}],\"encrypted_content\":\"sluice.anthropic.SIG\"},{\"id\":\"rs_x_1\","
          "\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":"
          "\"sluice.anthropic.redacted.RED\"},{\"id\":\"msg_x_2\",\"type\":\"message\",\"role\":"
          "\"assistant\",\"status\":\"completed\",\"content\":[{\"type\":\"output_text\","
          "\"text\":\"t\",\"annotations\":[],\"logprobs\":[]}]}]"));
    /* And back to the one that made it, through the client's history. */
    str input =
        arena_fmt(&a,
                  "{\"input\":[{\"role\":\"user\",\"content\":\"q\"},%.*s,{\"role\":\"user\","
                  "\"content\":\"r\"}],\"max_output_tokens\":9}",
                  (int)output.n - 2, output.p + 1);
    struct chat_req r = read_with(d, &a, input.p);
    CHECK_OK(write_to(&dialect_anthropic, &a, &r, "claude-sonnet-4-5", false, &body, &e), &e);
    CHECK_JSON(
        body,
        S("{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\","
          "\"content\":[{\"type\":\"text\",\"text\":\"q\"}]},{\"role\":\"assistant\","
          "\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"SIG\"},{"
          "\"type\":\"redacted_thinking\",\"data\":\"RED\"},{\"type\":\"text\",\"text\":\"t\"}]},"
          "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"r\"}]}]}"));
    CHECK_OK(write_to(d, &a, &r, "gpt-5", false, &body, &e), &e);
    assert_false(str_contains(body, S("SIG")));
    arena_done(&a);
}

static void test_ends(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    jval *r =
        last_response(&a, WRITE(&a, NULL, { .kind = EV_TEXT, .text = S("t") }, FIN(FINISH_LENGTH)),
                      "response.incomplete");
    CHECK_STR(jd_str(jd_path(r, "incomplete_details", "reason", NULL)), S("max_output_tokens"));
    r = last_response(&a, WRITE(&a, NULL, FIN(FINISH_FILTER)), "response.incomplete");
    CHECK_STR(jd_str(jd_path(r, "incomplete_details", "reason", NULL)), S("content_filter"));
    r = last_response(&a,
                      WRITE(&a, NULL, { .kind = EV_REFUSAL, .text = S("no") }, FIN(FINISH_FILTER)),
                      "response.completed");
    CHECK_STR(
        jd_get_str(jd_at(jd_get(jd_at(jd_get(r, S("output")), 0), S("content")), 0), S("refusal")),
        S("no"));
    struct chat_error error = { .kind = ERR_OVERLOADED, .message = S("busy") };
    r = last_response(
        &a,
        WRITE(&a, NULL, { .kind = EV_TEXT, .text = S("t") }, { .kind = EV_ERROR, .error = &error }),
        "response.failed");
    CHECK_STR(jd_str(jd_path(r, "error", "message", NULL)), S("busy"));
    arena_done(&a);
}

static void test_keepalive(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    arena_init(&a);
    buf_init(&out, 65536);
    struct dialect_ctx ctx = { .model = S("m"), .id = S("x"), .arena = &a };
    void *writer = arena_alloc(&a, d->writer_bytes, 16, 1);
    d->write_keepalive(NULL, &out, &ctx);
    CHECK_STR(buf_str(&out), S(": keep-alive\n\n"));
    buf_clear(&out);
    d->write_keepalive(writer, &out, &ctx); /* begins the stream */
    assert_true(str_starts(buf_str(&out), S("event: response.created\n")));
    assert_true(str_ends(buf_str(&out), S("event: keepalive\ndata: {\"type\":\"keepalive\","
                                          "\"sequence_number\":2}\n\n")));
    buf_clear(&out);
    d->write_event(writer, &out, &(struct chat_event){ .kind = EV_START }, &ctx);
    assert_int_equal(out.n, 0);
    d->write_keepalive(writer, &out, &ctx);
    CHECK_STR(buf_str(&out),
              S("event: keepalive\ndata: {\"type\":\"keepalive\",\"sequence_number\":3}\n\n"));
    buf_done(&out);
    arena_done(&a);
}

/* A long answer is kept once, and nothing of it moves as it grows. */
static void test_memory(void **state)
{
    (void)state;
    static const size_t sizes[] = { 4 * 1024, 100 * 1024 };
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct pages pages;
        struct arena a;
        struct buf out;
        pages_init(&pages);
        arena_init_pages(&a, &pages);
        buf_init(&out, 1 << 20);
        struct dialect_ctx ctx = { .model = S("m"), .id = S("x"), .arena = &a };
        void *writer = arena_alloc(&a, d->writer_bytes, 16, 1);
        d->write_event(writer, &out, &(struct chat_event){ .kind = EV_START }, &ctx);
        size_t before = a.bytes;
        for (size_t n = 0; n < sizes[i]; n += 8) {
            buf_clear(&out);
            d->write_event(writer, &out,
                           &(struct chat_event){ .kind = EV_TEXT, .text = S("token is") }, &ctx);
        }
        buf_clear(&out);
        d->write_event(writer, &out, &(struct chat_event){ .kind = EV_DONE }, &ctx);
        if (a.bytes - before > sizes[i] + sizes[i] / 16 + 4096)
            fail_msg("%zu bytes of text: %zu are kept", sizes[i], a.bytes - before);
        buf_done(&out);
        arena_done(&a);
        pages_done(&pages);
    }
}

/* ---- relay ---------------------------------------------------------------------------------- */

static void test_relay(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    struct err e = { 0 };
    arena_init(&a);
    buf_init(&out, 65536);
    struct dialect_relay rl = { .model = S("alias"), .usage = CHAT_USAGE_NONE, .arena = &a };
    str frames[] = {
        S("event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,"
          "\"response\":{\"model\":\"real\",\"odd\":1}}\n\n"),
        S("event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\","
          "\"delta\":\"x\"}\n\n"),
        S("event: response.completed\ndata: "
          "{\"type\":\"response.completed\",\"response\":{\"model\":"
          "\"real\",\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}}\n\n"),
        S("data: [DONE]\n\n"),
    };
    struct sse sse;
    sse_init(&sse);
    for (size_t i = 0; i < COUNT_OF(frames); i++) {
        struct sse_event ev;
        str in = frames[i];
        while (sse_next(&sse, &in, &ev, &e).code == OK)
            CHECK_OK(d->relay_event(&rl, &out, &ev, &e), &e);
    }
    sse_done(&sse);
    CHECK_STR(buf_str(&out),
              S("event: response.created\ndata: {\"type\":\"response.created\","
                "\"sequence_number\":0,\"response\":{\"model\":\"alias\",\"odd\":1}}\n\n"
                "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\","
                "\"delta\":\"x\"}\n\n"
                "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{"
                "\"model\":\"alias\",\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}}\n\n"));
    assert_true(rl.finished && rl.first_content && !rl.failed);
    assert_int_equal(rl.usage.prompt, 3);
    assert_int_equal(rl.usage.completion, 4);
    buf_done(&out);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_with_many_members),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_tools_of_the_request),
        cmocka_unit_test(test_foreign_reasoning),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_keepalive),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_relay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
