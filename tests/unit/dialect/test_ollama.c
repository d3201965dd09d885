/* The Ollama dialect's edges: what the golden files do not show at a glance. */
#include "../arena_fixture.h"
#include "show.h"

#include <dirent.h>

#include "dialect/ollama.h"
#include "dialect/ollama_internal.h"

static const struct dialect *d = &dialect_ollama;

/* ---- requests ------------------------------------------------------------------------------- */

#define HI     "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"
#define HI_OUT "\"model\":\"m\"," HI ",\"stream\":false"

static const struct show_case requests[] = {
    { "its own, with all it has",
      &dialect_ollama,
      "{\"model\":\"x\",\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\","
      "\"content\":\"Hi\",\"images\":[\"/9j/4AAQSkZJRgAB\"]}],\"stream\":false,\"format\":\"json\","
      "\"think\":\"high\",\"options\":{\"num_ctx\":4096,\"temperature\":0.5,\"stop\":\"END\","
      "\"seed\":7},\"keep_alive\":\"5m\",\"logprobs\":true,\"top_logprobs\":2}",
      { "m" },
      "{\"model\":\"m\",\"messages\":[{"
      "\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":\"Hi\",\"images\":[\"/"
      "9j/"
      "4AAQSkZJRgAB\"]}],\"stream\":false,\"format\":\"json\",\"think\":\"high\",\"options\":{"
      "\"temperature\":0.5,\"seed\":7,\"stop\":[\"END\"],\"num_ctx\":4096},\"keep_alive\":\"5m\","
      "\"logprobs\":true,\"top_logprobs\":2}",
      "" },
    { "calls have objects for arguments, results have names",
      &dialect_cohere,
      "{\"messages\":[{\"role\":\"user\",\"content\":\"?\"},{\"role\":\"assistant\",\"tool_plan\":"
      "\"I "
      "will.\",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","
      "\"arguments\":\"{\\\"x\\\": 1}\"}},{\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":"
      "\"not json\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":\"B\"},{\"role\":"
      "\"tool\",\"tool_call_id\":\"a\",\"content\":[{\"type\":\"document\",\"document\":{\"data\":{"
      "\"o\":60}}},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/"
      "png;base64,AAAA\"}}]}],"
      "\"p\":0.5,\"k\":3,\"max_tokens\":9,\"stop_sequences\":[\"a\",\"b\"],\"safety_mode\":"
      "\"OFF\"}",
      { "m" },
      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"?\"},{\"role\":"
      "\"assistant\","
      "\"content\":\"I "
      "will.\",\"tool_calls\":[{\"id\":\"a\",\"function\":{\"index\":0,\"name\":\"f\","
      "\"arguments\":{\"x\":1}}},{\"id\":\"b\",\"function\":{\"index\":1,\"name\":\"g\","
      "\"arguments\":{}}}]},{\"role\":\"tool\",\"content\":\"B\",\"tool_name\":\"g\","
      "\"tool_call_id\":\"b\"},{\"role\":\"tool\",\"content\":\"{\\\"o\\\":60}\",\"tool_name\":"
      "\"f\","
      "\"tool_call_id\":\"a\"},{\"role\":\"user\",\"content\":\"Pictures from the tool results "
      "above."
      "\",\"images\":[\"AAAA\"]}],\"stream\":false,\"options\":{\"top_p\":0.5,\"top_k\":3,"
      "\"num_predict\":9,\"stop\":[\"a\",\"b\"]}}",
      "safety_mode" },
    { "a picture by URL",
      &dialect_cohere,
      "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{"
      "\"url\":"
      "\"https://x/y.png\"}}]}]}",
      { "m", .drop = true },
      "4 image_url: Ollama takes images as data only, not by URL",
      "" },
    { "a schema, tools that must not be used",
      &dialect_cohere,
      "{" HI ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":"
      "\"NONE\",\"response_format\":{\"type\":\"json_object\",\"schema\":{\"type\":\"object\"}}}",
      { "m" },
      "{" HI_OUT ",\"format\":{\"type\":\"object\"}}",
      "" },
    { "tools of which one must be used",
      &dialect_cohere,
      "{" HI ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":"
      "\"REQUIRED\"}",
      { "m" },
      "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Answer by calling one of "
      "the "
      "tools.\"},{\"role\":\"user\",\"content\":\"Hi\"}],\"stream\":false,\"tools\":[{\"type\":"
      "\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\","
      "\"properties\":{}}"
      "}}]}",
      "tool_choice" },
    { "thinking on a model that thinks or does not",
      &dialect_cohere,
      "{" HI ",\"thinking\":{\"type\":\"enabled\",\"token_budget\":3000}}",
      { "qwen3" },
      "{\"model\":\"qwen3\"," HI ",\"stream\":false,\"think\":true}",
      "" },
    { "thinking on a model that has levels",
      &dialect_cohere,
      "{" HI ",\"thinking\":{\"type\":\"enabled\",\"token_budget\":3000}}",
      { "gpt-oss:20b" },
      "{\"model\":\"gpt-oss:20b\"," HI ",\"stream\":false,\"think\":\"medium\"}",
      "" },
    { "thinking off",
      &dialect_cohere,
      "{" HI ",\"thinking\":{\"type\":\"disabled\"}}",
      { "m" },
      "{" HI_OUT ",\"think\":false}",
      "" },
    { "generate: a prompt",
      &dialect_ollama_generate,
      "{\"model\":\"x\",\"system\":\"S\",\"prompt\":\"P\",\"images\":[\"iVBORw0KGgoA\"],"
      "\"context\":[1],"
      "\"format\":\"\",\"raw\":false,\"template\":\"\",\"keep_alive\":null,\"options\":{}}",
      { "m", true },
      "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\","
      "\"content\":\"P\",\"images\":[\"iVBORw0KGgoA\"]}],\"stream\":true,\"raw\":false}",
      "" },
    { "a tool without a name",
      &dialect_ollama,
      "{" HI ",\"tools\":[{\"type\":\"function\",\"function\":{}}]}",
      { "m" },
      "2 tools: tools[0].function.name: expected a name",
      "" },
    { "no messages",
      &dialect_ollama,
      "{\"model\":\"x\"}",
      { "m" },
      "2 messages: messages: expected an array of messages, got nothing",
      "" },
    { "content as parts",
      &dialect_ollama,
      "{\"messages\":[{\"role\":\"user\",\"content\":[]}]}",
      { "m" },
      "2 messages[0].content: messages[0].content: expected a string, got an array",
      "" },
    { "arguments as text",
      &dialect_ollama,
      "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\","
      "\"arguments\":\"{}\"}}]}]}",
      { "m" },
      "2 messages[0].tool_calls: messages[0].tool_calls: expected arguments that are an object, "
      "got a "
      "string",
      "" },
    { "an option's type",
      &dialect_ollama,
      "{" HI ",\"options\":{\"temperature\":\"warm\"}}",
      { "m" },
      "2 options.temperature: option \"temperature\" must be a number",
      "" },
    { "a level that is none",
      &dialect_ollama,
      "{" HI ",\"think\":\"a lot\"}",
      { "m" },
      "2 think: think: expected true, false, \"low\", \"medium\", \"high\" or \"max\"",
      "" },
};

static void writes_requests(void **state)
{
    for (size_t i = 0; i < COUNT_OF(requests); i++)
        show_check(d, &requests[i], &arena);
}

/* The deployment's options and members. */
static void adds_members(void **state)
{
    struct chat_extra ctx = { NULL, S("num_ctx"), S("8192") };
    struct chat_extra keep = { &ctx, S("keep_alive"), S("-1") };
    struct chat_extra tokens = { &keep, S("max_tokens"), S("100") };
    struct chat_extra forced = { NULL, S("temperature"), S("0") };
    struct show_target t = { "m", false, false, &tokens, &forced };
    struct chat_loss loss = { 0 };
    str got = show_request(d, d, S("{" HI ",\"options\":{\"temperature\":1,\"num_ctx\":5}}"), &t,
                           &loss, &arena);
    CHECK_JSON(got,
               S("{" HI_OUT ",\"options\":{\"temperature\":0,\"num_ctx\":5,\"num_predict\":100},"
                 "\"keep_alive\":-1}"));
}

/* ---- answers -------------------------------------------------------------------------------- */

#define AT "\"model\":\"m\",\"created_at\":\"2026-11-23T06:44:52.200201395Z\""

static const struct {
    const char *body, *want;
} replies[] = {
    { "{" AT ",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{"
      "\"name\":\"f\",\"arguments\":{\"a\":1.50}}},{\"id\":\"z\",\"function\":{\"name\":\"f\","
      "\"arguments\":{}}}]},\"done\":true,\"done_reason\":\"stop\",\"eval_count\":3}",
      "start m/1795416292\ncall 0 f\nargs {\"a\":1.50}\ncall_end\ncall 1 f\nargs {}\ncall_end\n"
      "finish 4 stop\nusage -1+3 cached -1\ndone" },
    { "{" AT ",\"message\":{\"content\":\"<think>\\nhm</think>\\n\\nA\"},\"done\":true,"
      "\"done_reason\":\"length\"}",
      "start m/1795416292\nthinking hm\ntext A\nfinish 3 length\ndone" },
    { "{" AT ",\"message\":{\"content\":\"<think>\\n\\n</think>\\n\\nA\"},\"done\":true}",
      "start m/1795416292\ntext A\nfinish 1\ndone" },
    { "{" AT ",\"message\":{\"content\":\"<thin\"},\"done\":true}",
      "start m/1795416292\ntext <thin\nfinish 1\ndone" },
    { "{" AT ",\"message\":{\"thinking\":\"hm\",\"content\":\"<think>x</think>\"},\"done\":true}",
      "start m/1795416292\nthinking hm\ntext <think>x</think>\nfinish 1\ndone" },
    { "{" AT ",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":"
      "\"load\"}",
      "start m/1795416292\nfinish 1 load\ndone" },
    { "{\"model\":\"m\",\"created_at\":\"2026-11-23T08:44:52+02:00\",\"response\":\"A\",\"done\":"
      "true}",
      "start m/1795416292\ntext A\nfinish 1\ndone" },
    { "{\"error\":\"boom\"}", "error 13 500 boom" },
    { "<html>", "error 14 502 Ollama's answer is not a JSON object" },
    { "{}", "error 14 502 Ollama's answer has no message" },
};

static void reads_replies(void **state)
{
    for (size_t i = 0; i < COUNT_OF(replies); i++)
        CHECK_STR(show_reply(d, str_c(replies[i].body), &arena), str_c(replies[i].want));
}

static const char cohere_reply[] =
    "{\"id\":\"c\",\"finish_reason\":\"TOOL_CALL\",\"message\":{\"content\":[{\"type\":"
    "\"thinking\","
    "\"thinking\":\"hm\"},{\"type\":\"text\",\"text\":\"so\"}],\"tool_calls\":[{\"id\":\"a\","
    "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\": 1}\"}},{\"id\":\"b\",\"function\":{"
    "\"name\":\"g\",\"arguments\":\"\"}}]},\"usage\":{\"tokens\":{\"input_tokens\":3,"
    "\"output_tokens\":4}}}";

#define TAIL                                                                           \
    "\"done\":true,\"done_reason\":\"stop\",\"total_duration\":1,\"load_duration\":0," \
    "\"prompt_eval_count\":3,\"prompt_eval_duration\":1,\"eval_count\":4,\"eval_duration\":1"
#define CALL_A "{\"id\":\"a\",\"function\":{\"index\":0,\"name\":\"f\",\"arguments\":{\"x\": 1}}}"
#define CALL_B "{\"id\":\"b\",\"function\":{\"index\":1,\"name\":\"g\",\"arguments\":{}}}"
#define HEAD   "{\"model\":\"m\",\"created_at\":\"2026-11-23T06:44:52.000Z\","
#define LINE   HEAD "\"message\":{\"role\":\"assistant\",\"content\":"

static void writes_replies(void **state)
{
    struct dialect_ctx c = { .model = S("m"), .created = 1795416292, .arena = &arena };
    CHECK_STR(
        show_rewritten(&dialect_cohere, d, str_c(cohere_reply), &c),
        S(LINE "\"so\",\"thinking\":\"hm\",\"tool_calls\":[" CALL_A "," CALL_B "]}," TAIL "}"));
    CHECK_STR(show_rewritten(&dialect_cohere, &dialect_ollama_generate, str_c(cohere_reply), &c),
              S(HEAD "\"response\":\"so\",\"thinking\":\"hm\",\"tool_calls\":[" CALL_A "," CALL_B
                     "]," TAIL "}"));
    c.started_ns = 1; /* long ago */
    str got = show_rewritten(&dialect_cohere, d, str_c(cohere_reply), &c);
    assert_false(str_contains(got, S("\"total_duration\":1,")));
}

static void writes_streams(void **state)
{
    struct dialect_ctx c = { .model = S("m"), .created = 1795416292, .arena = &arena };
    CHECK_STR(show_streamed(&dialect_cohere, d, str_c(cohere_reply), &c),
              S(LINE "\"\",\"thinking\":\"hm\"},\"done\":false}\n" LINE
                     "\"so\"},\"done\":false}\n" LINE "\"\",\"tool_calls\":[" CALL_A
                     "]},\"done\":false}\n" LINE "\"\",\"tool_calls\":[" CALL_B
                     "]},\"done\":false}\n" LINE "\"\"}," TAIL "}\n"));
    CHECK_STR(show_streamed(&dialect_cohere, &dialect_ollama_generate, str_c(cohere_reply), &c),
              S(HEAD "\"response\":\"\",\"thinking\":\"hm\",\"done\":false}\n" HEAD
                     "\"response\":\"so\",\"done\":false}\n" HEAD
                     "\"response\":\"\",\"tool_calls\":[" CALL_A "],\"done\":false}\n" HEAD
                     "\"response\":\"\",\"tool_calls\":[" CALL_B "],\"done\":false}\n" HEAD
                     "\"response\":\"\"," TAIL "}\n"));
}

/* ---- streams -------------------------------------------------------------------------------- */

#define PIECE(text) \
    "{" AT ",\"message\":{\"role\":\"assistant\",\"content\":\"" text "\"},\"done\":false}\n"
#define END(more) \
    "{" AT ",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true" more "}\n"

static const struct {
    const char *bytes, *want;
} streams[] = {
    { PIECE("A") PIECE("") PIECE("B") END(",\"done_reason\":\"stop\",\"prompt_eval_count\":1,"
                                          "\"eval_count\":2"),
      "start m/1795416292\ntext AB\nfinish 1 stop\nusage 1+2 cached -1\ndone" },
    { PIECE("<") PIECE("thi") PIECE("nk>\\n") PIECE("h<m</") PIECE("think") PIECE(">\\n")
          PIECE("\\nA<") END(""),
      "start m/1795416292\nthinking h<m\ntext A<\nfinish 1\ndone" },
    { PIECE("<b>") END(""), "start m/1795416292\ntext <b>\nfinish 1\ndone" },
    { PIECE("<think>never") PIECE(" ends</thin") END(""),
      "start m/1795416292\nthinking never ends</thin\nfinish 1\ndone" },
    { PIECE("A") "{\"error\":\"boom\"}\n", "start m/1795416292\ntext A\nerror 13 boom" },
    { "{\"error\":\"boom\"}\n", "error 13 boom" },
    { PIECE("A"), NULL },
    { PIECE("A") "garbage\n", NULL },
};

static void reads_streams(void **state)
{
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        str bytes = str_c(streams[i].bytes);
        for (size_t cut = 0; cut <= bytes.n; cut++) {
            str got = show_stream(d, FRAMING_NDJSON, bytes, cut, &arena);
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
    const char *folder = TEST_DATA "/golden/ollama/stream";
    DIR *dir = opendir(folder);
    size_t n = 0;
    assert_non_null(dir);
    for (struct dirent *f; (f = readdir(dir));) {
        if (!str_ends(str_c(f->d_name), S(".ndjson")) ||
            str_contains(str_c(f->d_name), S(".openai.")))
            continue;
        str bytes = show_file(arena_fmt(&arena, "%s/%s", folder, f->d_name).p, &arena);
        str whole = show_stream(d, FRAMING_NDJSON, bytes, 0, &arena);
        if (!str_ends(whole, S("done")) || !str_contains(whole, S("\nusage ")))
            fail_msg("%s: %.*s", f->d_name, STRF(whole));
        show_cut_anywhere(d, FRAMING_NDJSON, bytes, whole);
        n++;
    }
    closedir(dir);
    assert_true(n >= 10);
}

/* ---- errors, relay, loading ----------------------------------------------------------------- */

static const struct {
    unsigned status;
    const char *body;
    enum chat_error_kind kind;
    unsigned as;
    const char *message;
} errors[] = {
    { 404, "{\"error\":\"model 'x' not found\"}", ERR_NOT_FOUND, 404, "model 'x' not found" },
    { 400, "{\"error\":\"the input length exceeds the context length\"}", ERR_CONTEXT_WINDOW, 400,
      "the input length exceeds the context length" },
    { 500, "{\"error\":\"option \\\"temperature\\\" must be of type float32\"}",
      ERR_INVALID_REQUEST, 400, "option \"temperature\" must be of type float32" },
    { 503, "{\"error\":\"server busy\"}", ERR_UNAVAILABLE, 503, "server busy" },
    { 502, "<html>", ERR_BAD_GATEWAY, 502, "Provider returned HTTP 502" },
    { 404, "404 page not found", ERR_NOT_FOUND, 404, "404 page not found" },
    { 400, "{\"error\":{\"message\":\"m\",\"type\":\"api_error\"}}", ERR_INVALID_REQUEST, 400,
      "m" },
};

static void reads_errors(void **state)
{
    struct chat_error err;
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        d->read_error(&err, errors[i].status, str_c(errors[i].body), &arena);
        assert_int_equal(err.kind, errors[i].kind);
        assert_int_equal(err.status, errors[i].as);
        CHECK_STR(err.message, str_c(errors[i].message));
    }
    d->read_error(&err, 403, (str){ 0 }, &arena);
    assert_true(str_contains(err.message, S("OLLAMA_HOST")));
}

static void relays(void **state)
{
    struct dialect_relay rl = { .arena = &arena, .model = S("my\"name"), .usage = CHAT_USAGE_NONE };
    struct buf b;
    struct err e = { 0 };
    buf_init(&b, 1 << 20);
    CHECK_OK(
        d->relay_event(&rl, &b,
                       &(struct sse_event){ .data = S("{\"new\":[{\"model\":1}],\"model\":\"m\","
                                                      "\"done\":false}") },
                       &e),
        &e);
    CHECK_STR(buf_str(&b),
              S("{\"new\":[{\"model\":1}],\"model\":\"my\\\"name\",\"done\":false}\n"));
    assert_true(rl.first_content && !rl.finished);
    buf_clear(&b);
    CHECK_OK(d->relay_reply(&rl, &b, S("{\"model\":\"m\",\"done\":true,\"eval_count\":5}"), &e),
             &e);
    CHECK_STR(buf_str(&b), S("{\"model\":\"my\\\"name\",\"done\":true,\"eval_count\":5}"));
    assert_true(rl.finished && rl.usage.seen);
    assert_int_equal(rl.usage.completion, 5);
    assert_int_equal(rl.usage.prompt, -1);
    CHECK_OK(d->relay_reply(&rl, &b, S("{\"error\":\"boom\"}"), &e), &e);
    assert_true(rl.failed);
    CHECK_STR(rl.error.message, S("boom"));
    assert_int_equal(d->relay_reply(&rl, &b, S("<html>"), &e).code, E_UPSTREAM);
    buf_done(&b);
}

static void loads(void **state)
{
    static const struct {
        const char *body;
        bool generate, load;
        const char *answer;
    } cases[] = {
        { "{\"model\":\"m\",\"messages\":[]}", false, true, "load" },
        { "{\"model\":\"m\",\"keep_alive\":0}", false, true, "unload" },
        { "{" HI "}", false, false, NULL },
        { "{\"messages\":7}", false, false, NULL },
        { "{\"model\":\"m\",\"keep_alive\":0,\"prompt\":\"\"}", true, true, "unload" },
        { "{\"model\":\"m\",\"keep_alive\":\"5m\"}", true, true, "load" },
        { "{\"prompt\":\"x\"}", true, false, NULL },
        { "{\"images\":[\"x\"]}", true, false, NULL },
    };
    struct dialect_ctx c = { .model = S("m"), .created = 1795416292, .arena = &arena };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        jval *v = NULL;
        struct buf b;
        buf_init(&b, 4096);
        assert_false(FAILED(jd_read(&v, str_c(cases[i].body), &arena, NULL)));
        assert_int_equal(ollama_is_load(v, cases[i].generate), cases[i].load);
        if (cases[i].load) {
            ollama_write_load(&b, v, cases[i].generate, &c);
            assert_true(str_contains(buf_str(&b),
                                     arena_fmt(&arena, "\"done_reason\":\"%s\"", cases[i].answer)));
        }
        buf_done(&b);
    }
}

static void reads_times(void **state)
{
    assert_int_equal(ollama_time(S("1970-01-01T00:00:01Z")), 1);
    assert_int_equal(ollama_time(S("2026-11-23T06:44:52.2Z")), 1795416292);
    assert_int_equal(ollama_time(S("2026-11-22T22:44:52.2-08:00")), 1795416292);
    assert_int_equal(ollama_time(S("2026-11-23")), 0);
    assert_int_equal(ollama_time(S("")), 0);
    assert_int_equal(ollama_time(S("now")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(adds_members, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_replies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_replies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_streams, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_streams, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_recorded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(relays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_times, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
