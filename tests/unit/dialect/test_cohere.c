/* The Cohere dialect's edges: what the golden files do not show at a glance. */
#include "../arena_fixture.h"
#include "show.h"

#include <dirent.h>

static const struct dialect *d = &dialect_cohere;

/* ---- requests ------------------------------------------------------------------------------- */

static const struct show_case requests[] = {
    { "a question",
      &dialect_cohere,
      "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}",
      { "command-r", true },
      "{\"model\":\"command-r\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"stream\":"
      "true}",
      "" },
    { "a loop of tools, told as Cohere tells it",
      &dialect_cohere,
      "{\"messages\":[{\"role\":\"user\",\"content\":\"?\"},{\"role\":\"assistant\",\"tool_plan\":"
      "\"I "
      "will.\",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","
      "\"arguments\":\"{\\\"x\\\":1}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":[{"
      "\"type\":\"document\",\"document\":{\"data\":{\"output\":\"60\"}}}]}],\"k\":7,\"p\":0.5,"
      "\"safety_mode\":\"OFF\"}",
      { "m" },
      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"?\"},{\"role\":"
      "\"assistant\","
      "\"tool_plan\":\"I will.\",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{"
      "\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}}]},{\"role\":\"tool\",\"tool_call_id\":"
      "\"a\","
      "\"content\":[{\"type\":\"document\",\"document\":{\"data\":{\"output\":\"60\"}}}]}],"
      "\"stream\":false,\"k\":7,\"p\":0.5,\"safety_mode\":\"OFF\"}",
      "" },
    { "the same, for Ollama",
      &dialect_ollama,
      "{\"messages\":[{\"role\":\"user\",\"content\":\"?\"},{\"role\":\"assistant\",\"content\":"
      "\"\",\"thinking\":\"hm\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"x\":"
      "1}"
      "}},{\"function\":{\"name\":\"g\",\"arguments\":{}}}]},{\"role\":\"tool\",\"tool_name\":"
      "\"g\","
      "\"content\":\"G\"}],\"options\":{\"temperature\":1.7,\"num_ctx\":9,\"min_p\":0.1,\"seed\":-"
      "1,"
      "\"num_predict\":-1}}",
      { "m" },
      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"?\"},{\"role\":"
      "\"assistant\","
      "\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\"}],\"tool_calls\":[{\"id\":\"call_"
      "0\","
      "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}},{"
      "\"id\":"
      "\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]},{"
      "\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"G\"},{\"role\":\"tool\","
      "\"tool_call_id\":\"call_0\",\"content\":\"(no "
      "result)\"}],\"stream\":false,\"temperature\":1}",
      "temperature min_p options" },
    { "documents and JSON mode exclude each other",
      &dialect_cohere,
      "{\"messages\":[{\"role\":\"user\",\"content\":\"sky?\"}],\"documents\":[\"a\",{\"id\":\"d\","
      "\"data\":{\"title\":\"T\",\"text\":\"b\"}}],\"response_format\":{\"type\":\"json_object\"}}",
      { "m" },
      "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"When you give your final "
      "answer, answer with JSON "
      "only.\"},{\"role\":\"user\",\"content\":\"sky?\"}],\"stream\":false,"
      "\"documents\":[\"a\",{\"id\":\"d\",\"data\":{\"title\":\"T\",\"text\":\"b\"}}]}",
      "" },
    { "a schema",
      &dialect_ollama,
      "{\"messages\":[{\"role\":\"user\",\"content\":\"?\"}],\"format\":{\"type\":\"object\"}}",
      { "m" },
      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"?\"}],\"stream\":false,"
      "\"response_format\":{\"type\":\"json_object\",\"json_schema\":{\"type\":\"object\"}}}",
      "" },
    { "neighbours, pictures, an empty turn",
      &dialect_ollama,
      "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"\","
      "\"images\":[\"iVBORw0KGgoA\"]},{\"role\":\"assistant\",\"content\":\"\"},{\"role\":\"user\","
      "\"content\":\"\"}]}",
      { "m" },
      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
      "\"a\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/"
      "png;base64,iVBORw0KGgoA\"}}"
      "]},{\"role\":\"user\",\"content\":\" \"}],\"stream\":false}",
      "" },
    { "thinking is asked for where the model can",
      &dialect_ollama,
      "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"think\":\"low\"}",
      { "command-a-reasoning-08-2025" },
      "{\"model\":\"command-a-reasoning-08-2025\",\"messages\":[{\"role\":\"user\",\"content\":"
      "\"a\""
      "}],\"stream\":false,\"thinking\":{\"type\":\"enabled\",\"token_budget\":2048}}",
      "" },
    { "and not elsewhere",
      &dialect_ollama,
      "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"think\":\"low\"}",
      { "command-r" },
      "{\"model\":\"command-r\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"stream\":"
      "false}",
      "reasoning_effort" },
    { "from Anthropic: a named tool, results in the user's turn",
      &dialect_anthropic,
      "{\"max_tokens\":5,\"system\":\"S\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{"
      "\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"so\"},{\"type\":\"tool_"
      "use\""
      ",\"id\":\"t1\",\"name\":\"f\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":"
      "\"tool_result\",\"tool_use_id\":\"t1\",\"content\":\"R\"},{\"type\":\"text\",\"text\":"
      "\"go\"}]"
      "}],\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}},{\"name\":\"g\","
      "\"input_schema\":{\"type\":\"object\"}}],\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\"}"
      "}",
      { "m" },
      "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\","
      "\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"so\",\"tool_calls\":[{\"id\":"
      "\"t1\","
      "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":"
      "\"tool\","
      "\"tool_call_id\":\"t1\",\"content\":\"R\"},{\"role\":\"user\",\"content\":\"go\"}],"
      "\"stream\":"
      "false,\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{"
      "\"type\":"
      "\"object\"}}}],\"tool_choice\":\"REQUIRED\",\"max_tokens\":5}",
      "" },
    { "a result that answers nothing is told as text",
      &dialect_cohere,
      "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"tool\",\"tool_call_id\":"
      "\"zz\",\"content\":\"R\"}]}",
      { "m" },
      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"user\","
      "\"content\":\"Result of the tool :\\nR\"}],\"stream\":false}",
      "" },
    { "results of the calls come before those that answer none",
      &dialect_cohere,
      "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\","
      "\"function\":"
      "{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"b\",\"type\":\"function\",\"function\":{"
      "\"name\":\"g\","
      "\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"zz\",\"content\":\"R\"},"
      "{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":\"B\"}]}",
      { "m" },
      "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\","
      "\"type\":"
      "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"b\",\"type\":"
      "\"function\","
      "\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":"
      "\"b\","
      "\"content\":\"B\"},{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"(no result)\"},"
      "{\"role\":\"user\",\"content\":\"Result of the tool :\\nR\"}],\"stream\":false}",
      "" },
    { "a tool without a name",
      &dialect_cohere,
      "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],\"tools\":[{\"type\":\"function\","
      "\"function\":{\"description\":\"d\"}}]}",
      { "m" },
      "2 tools: tools[0].function.name: expected a name",
      "" },
    { "messages that are none",
      &dialect_cohere,
      "{\"messages\":7}",
      { "m" },
      "2 messages: messages: expected an array, got a number",
      "" },
    { "a content that is none",
      &dialect_cohere,
      "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"user\",\"content\":7}]}",
      { "m" },
      "2 messages[1].content: messages[1].content: expected a string or an array, got a number",
      "" },
};

static void writes_requests(void **state)
{
    for (size_t i = 0; i < COUNT_OF(requests); i++)
        show_check(d, &requests[i], &arena);
}

/* The deployment's own members, in OpenAI's names. */
static void adds_members(void **state)
{
    struct chat_extra p = { NULL, S("top_p"), S("0.3") };
    struct chat_extra k = { &p, S("k"), S("3") };
    struct chat_extra forced = { NULL, S("temperature"), S("0") };
    struct show_target t = { "m", false, false, &k, &forced };
    struct chat_loss loss = { 0 };
    str got = show_request(
        d, d, S("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"k\":5,\"temperature\":1}"),
        &t, &loss, &arena);
    CHECK_JSON(got, S("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
                      "\"stream\":false,\"k\":5,\"p\":0.3,\"temperature\":0}"));
}

/* ---- answers -------------------------------------------------------------------------------- */

#define USAGE                                                                          \
    "\"usage\":{\"billed_units\":{\"input_tokens\":1},\"tokens\":{\"input_tokens\":7," \
    "\"output_tokens\":2},\"cached_tokens\":5}"

static const struct {
    const char *body, *want;
} replies[] = {
    { "{\"id\":\"c\",\"finish_reason\":\"TOOL_CALL\",\"message\":{\"role\":\"assistant\","
      "\"tool_plan\":\"I will\",\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\","
      "\"arguments\":\"{}\"}}]}," USAGE "}",
      "start /0\ntext I will\ncall 0 f\nargs {}\ncall_end\nfinish 4 TOOL_CALL\n"
      "usage 7+2 cached 5\ndone" },
    { "{\"finish_reason\":\"COMPLETE\",\"message\":{\"content\":[{\"type\":\"thinking\","
      "\"thinking\":\"hm\"},{\"type\":\"text\",\"text\":\"A\"}],\"tool_plan\":\"plan\"}}",
      "start /0\nthinking hm\ntext A\nthinking plan\nfinish 1 COMPLETE\ndone" },
    { "{\"finish_reason\":\"MAX_TOKENS\",\"message\":{\"content\":[]},\"logprobs\":[{\"text\":"
      "\"A\","
      "\"logprobs\":[-0.5,-0.25]}]}",
      "start /0\nlogprobs {\"content\":[{\"token\":\"A\",\"logprob\":-0.75,\"bytes\":null,"
      "\"top_logprobs\":[]}],\"refusal\":null}\nfinish 3 MAX_TOKENS\ndone" },
    { "{\"text\":\"old\",\"generation_id\":\"g\",\"finish_reason\":\"COMPLETE\",\"tool_calls\":[{"
      "\"name\":\"f\",\"parameters\":{\"x\":1}}],\"meta\":{\"tokens\":{\"input_tokens\":1,"
      "\"output_tokens\":2}}}",
      "start /0\ntext old\ncall 0 f\nargs {\"x\":1}\ncall_end\nfinish 4 COMPLETE\n"
      "usage 1+2 cached -1\ndone" },
    { "{\"finish_reason\":\"ERROR\",\"message\":{}}", "error 13 500 Cohere failed to answer" },
    { "{\"message\":\"invalid api token\"}", "error 14 502 invalid api token" },
    { "<html>", "error 14 502 Cohere's answer is not a JSON object" },
    { "", "error 14 502 Cohere's answer is not a JSON object" },
};

static void reads_replies(void **state)
{
    for (size_t i = 0; i < COUNT_OF(replies); i++)
        CHECK_STR(show_reply(d, str_c(replies[i].body), &arena), str_c(replies[i].want));
}

static void writes_replies(void **state)
{
    struct dialect_ctx c = { .model = S("m"), .id = S("id1"), .arena = &arena };
    str got = show_rewritten(
        &dialect_ollama, d,
        S("{\"model\":\"x\",\"message\":{\"role\":\"assistant\",\"content\":\"so\",\"thinking\":"
          "\"hm\",\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":{\"x\":"
          "1}}}"
          "]},\"done\":true,\"prompt_eval_count\":3,\"eval_count\":4}"),
        &c);
    CHECK_JSON(got, S("{\"id\":\"id1\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":"
                      "\"thinking\",\"thinking\":\"hm\"},{\"type\":\"text\",\"text\":\"so\"}],"
                      "\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":"
                      "\"f\",\"arguments\":\"{\\\"x\\\":1}\"}}]},\"finish_reason\":\"TOOL_CALL\","
                      "\"usage\":{\"billed_units\":{\"input_tokens\":3,\"output_tokens\":4},"
                      "\"tokens\":{\"input_tokens\":3,\"output_tokens\":4}}}"));
}

/* ---- streams -------------------------------------------------------------------------------- */

static const struct {
    enum framing framing;
    const char *bytes, *want;
} streams[] = {
    { FRAMING_SSE,
      "event: message-start\ndata: {\"id\":\"c\",\"type\":\"message-start\"}\n\n"
      "event: tool-call-start\ndata: {\"type\":\"tool-call-start\",\"index\":3,\"delta\":{"
      "\"message\":{\"tool_calls\":{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}}"
      "}}"
      "\n\ndata: "
      "{\"type\":\"tool-call-delta\",\"delta\":{\"message\":{\"tool_calls\":{\"function\":{"
      "\"arguments\":\"{}\"}}}}}\n\n"
      "data: {\"type\":\"tool-call-start\",\"delta\":{\"message\":{\"tool_calls\":{\"id\":\"b\","
      "\"function\":{\"name\":\"g\",\"arguments\":\"\"}}}}}\n\n"
      "data: {\"type\":\"debug\"}\n\n"
      "data: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"TOOL_CALL\"," USAGE "}}\n\n"
      "data: [DONE]\n\n",
      "start /0\ncall 0 f\nargs {}\ncall_end\ncall 1 g\ncall_end\nfinish 4 TOOL_CALL\n"
      "usage 7+2 cached 5\ndone" },
    { FRAMING_SSE, /* cut off */
      "data: {\"id\":\"c\",\"type\":\"message-start\"}\n\n"
      "data: "
      "{\"type\":\"content-delta\",\"delta\":{\"message\":{\"content\":{\"text\":\"A\"}}}}\n\n",
      NULL },
    { FRAMING_SSE, /* broken off by Cohere itself */
      "data: {\"id\":\"c\",\"type\":\"message-start\"}\n\n"
      "data: "
      "{\"type\":\"content-delta\",\"delta\":{\"message\":{\"content\":{\"text\":\"A\"}}}}\n\n"
      "data: "
      "{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"ERROR\",\"error\":\"boom\"}}\n\n"
      "data: [DONE]\n\n",
      "start /0\ntext A\nerror 13 boom" },
    { FRAMING_NDJSON, /* v1 */
      "{\"event_type\":\"stream-start\",\"generation_id\":\"g\"}\n"
      "{\"event_type\":\"text-generation\",\"text\":\"A\"}\n"
      "{\"event_type\":\"tool-calls-generation\",\"tool_calls\":[{\"name\":\"f\",\"parameters\":{}}"
      "]}\n"
      "{\"event_type\":\"stream-end\",\"finish_reason\":\"COMPLETE\",\"response\":{\"meta\":{"
      "\"billed_units\":{\"input_tokens\":1,\"output_tokens\":2}}}}\n",
      "start /0\ntext A\ncall 0 f\nargs {}\ncall_end\nfinish 4 COMPLETE\nusage 1+2 cached "
      "-1\ndone" },
};

static void reads_streams(void **state)
{
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        str bytes = str_c(streams[i].bytes);
        for (size_t cut = 0; cut <= bytes.n; cut++) {
            str got = show_stream(d, streams[i].framing, bytes, cut, &arena);
            if (streams[i].want)
                CHECK_STR(got, str_c(streams[i].want));
            else
                assert_non_null(strstr(got.p, "\nerror 14 "));
        }
    }
}

/* Recorded streams: complete, and the same however they are cut. */
static void reads_recorded(void **state)
{
    const char *folder = TEST_DATA "/golden/cohere/stream";
    DIR *dir = opendir(folder);
    size_t n = 0;
    assert_non_null(dir);
    for (struct dirent *f; (f = readdir(dir));) {
        bool sse = str_ends(str_c(f->d_name), S(".sse"));
        if (str_contains(str_c(f->d_name), S(".openai.")) ||
            (!sse && !str_ends(str_c(f->d_name), S(".ndjson"))))
            continue;
        str bytes = show_file(arena_fmt(&arena, "%s/%s", folder, f->d_name).p, &arena);
        enum framing framing = sse ? FRAMING_SSE : FRAMING_NDJSON;
        str whole = show_stream(d, framing, bytes, 0, &arena);
        /* One recorded stream is an answer that Cohere broke off. */
        bool failed = str_eq(str_c(f->d_name), S("sql_agent.sse"));
        if (failed ? !str_contains(whole, S("error 13 your request resulted in an invalid tool"))
                   : !str_ends(whole, S("done")))
            fail_msg("%s: %.*s", f->d_name, STRF(whole));
        show_cut_anywhere(d, framing, bytes, whole);
        n++;
    }
    closedir(dir);
    assert_true(n >= 10);
}

static void writes_streams(void **state)
{
    struct dialect_ctx c = { .model = S("m"), .id = S("id1"), .arena = &arena };
    const char *reply =
        "{\"model\":\"x\",\"message\":{\"role\":\"assistant\",\"content\":\"so\",\"thinking\":"
        "\"hm\",\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}"
        "},"
        "{\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":{}}}]},\"done\":true,"
        "\"prompt_eval_count\":3,\"eval_count\":4}";
    str got = show_streamed(&dialect_ollama, d, str_c(reply), &c);
    /* Read back it says the same. */
    CHECK_STR(show_stream(d, FRAMING_SSE, got, 0, &arena),
              S("start /0\nthinking hm\ntext so\ncall 0 f\nargs {\"x\":1}\ncall_end\ncall 1 g\n"
                "args {}\ncall_end\nfinish 4 TOOL_CALL\nusage 3+4 cached -1\ndone"));
    assert_true(str_starts(got, S("event: message-start\ndata: {\"type\":\"message-start\",\"id\":"
                                  "\"id1\",\"delta\":{\"message\":{\"role\":\"assistant\"")));
    assert_true(str_ends(got, S("}}\n\ndata: [DONE]\n\n")));
    assert_true(str_contains(got, S("event: content-start\ndata: {\"type\":\"content-start\","
                                    "\"index\":1,\"delta\":{\"message\":{\"content\":{\"type\":"
                                    "\"text\",\"text\":\"\"}}}}\n\n")));
    assert_true(str_contains(got, S("event: tool-call-end\ndata: {\"type\":\"tool-call-end\","
                                    "\"index\":1}\n\n")));
}

static void writes_errors(void **state)
{
    struct buf b;
    struct chat_error err = { .status = 429, .kind = ERR_RATE_LIMIT, .message = S("slow") };
    buf_init(&b, 4096);
    d->write_stream_error(&b, &err);
    CHECK_STR(buf_str(&b), S("event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{"
                             "\"finish_reason\":\"ERROR\",\"error\":\"slow\"}}\n\n"));
    buf_clear(&b);
    d->write_error(&b, &err, &arena);
    assert_true(str_contains(buf_str(&b), S("\"message\":\"slow\"")));
    buf_done(&b);
    d->read_error(&err, 498, S("{\"message\":\"no\"}"), &arena);
    assert_int_equal(err.kind, ERR_CONTENT_POLICY);
    d->read_error(&err, 400, S("{\"message\":\"too many tokens: 9\"}"), &arena);
    assert_int_equal(err.kind, ERR_CONTEXT_WINDOW);
    d->read_error(&err, 503, S("<html><h1>x"), &arena);
    CHECK_STR(err.message, S("Provider returned HTTP 503"));
}

/* ---- relay ---------------------------------------------------------------------------------- */

static void relays(void **state)
{
    struct dialect_relay rl = { .arena = &arena, .usage = CHAT_USAGE_NONE };
    struct buf b;
    struct err e = { 0 };
    struct sse sse;
    str bytes = show_file(TEST_DATA "/golden/cohere/stream/text_chunks.sse", &arena), in = bytes;
    buf_init(&b, 1 << 20);
    sse_init(&sse);
    for (struct sse_event ev; !FAILED(sse_next(&sse, &in, &ev, &e));)
        CHECK_OK(d->relay_event(&rl, &b, &ev, &e), &e);
    sse_done(&sse);
    CHECK_STR(buf_str(&b), bytes);
    assert_true(rl.finished && rl.first_content && !rl.failed);
    assert_int_equal(rl.usage.prompt, 507);
    assert_int_equal(rl.usage.completion, 10);
    buf_clear(&b);
    rl = (struct dialect_relay){ .arena = &arena, .usage = CHAT_USAGE_NONE };
    bytes = show_file(TEST_DATA "/golden/cohere/reply/text.json", &arena);
    CHECK_OK(d->relay_reply(&rl, &b, bytes, &e), &e);
    CHECK_STR(buf_str(&b), bytes);
    assert_int_equal(rl.usage.cache_read, 448);
    assert_int_equal(d->relay_reply(&rl, &b, S("<html>"), &e).code, E_UPSTREAM);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(adds_members, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_replies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_replies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_streams, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_recorded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_streams, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(relays, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
