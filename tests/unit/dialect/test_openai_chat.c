/* The OpenAI chat dialect: edges that golden transcripts do not show. */
#include "../arena_fixture.h"
#include "../check.h"

#include "chat/quirks.h"
#include "chat/stream.h"
#include "dialect/dialect.h"
#include "json/write.h"

static const struct dialect *const d = &dialect_openai_chat;

static jval *parse(const char *text)
{
    struct err e;
    jval *v = NULL;
    if (FAILED(jd_read(&v, str_c(text), &arena, &e)))
        fail_msg("bad JSON in the test: %s: %s", e.text, text);
    return v;
}

static str kept(struct buf *b)
{
    str s = arena_dup(&arena, buf_str(b));
    buf_done(b);
    return s;
}

/* ---- relay ---------------------------------------------------------------------------------- */

/* Each line of `in` is the data of one frame. */
static str relay(struct dialect_relay *rl, const char *in)
{
    struct buf out;
    struct err e = { 0 };
    buf_init(&out, 1 << 20);
    str rest = str_c(in);
    while (rest.p) {
        str data = str_cut(&rest, '\n');
        str raw = arena_fmt(&arena, "data: %.*s\n\n", STRF(data));
        struct sse_event ev = { .data = { raw.p + 6, data.n }, .raw = raw };
        CHECK_OK(d->relay_event(rl, &out, &ev, &e), &e);
    }
    return kept(&out);
}

static const struct {
    const char *name;
    bool show_usage;
    const char *in, *want;
    bool finished, failed;
    int prompt;
} relays[] = {
    { "the model is restamped, all else stays", false,
      "{\"id\":\"a\", \"model\":\"up\",\"zz\":[1, "
      "2],\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}",
      "data: {\"id\":\"a\", \"model\":\"mine\",\"zz\":[1, "
      "2],\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n",
      false, false, -1 },
    { "usage is hidden", false,
      "{\"model\":\"mine\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"
      "\"usage\":null}\n"
      "{\"model\":\"up\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n"
      "[DONE]",
      "data: "
      "{\"model\":\"mine\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
      "data: [DONE]\n\n",
      true, false, 5 },
    { "usage first in the object", false, "{\"usage\": null , \"model\":\"up\",\"choices\":[]}",
      "data: { \"model\":\"mine\",\"choices\":[]}\n\n", false, false, -1 },
    { "usage is shown", true,
      "{\"model\":\"up\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,"
      "\"z\":1}}",
      "data: "
      "{\"model\":\"mine\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,"
      "\"z\":1}}\n\n",
      false, false, 5 },
    { "usage in the finish chunk gets a chunk of its own", true,
      "{\"model\":\"up\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":"
      "null}],\"usage\":{\"prompt_tokens\":5}}\n"
      "{\"model\":\"up\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"
      "\"usage\":{\"prompt_tokens\":6}}\n"
      "{\"model\":\"up\",\"choices\":[],\"usage\":{\"prompt_tokens\":6}}",
      "data: "
      "{\"model\":\"mine\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_"
      "reason\":null}]}\n\n"
      "data: "
      "{\"model\":\"mine\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
      "data: {\"model\":\"mine\",\"choices\":[],\"usage\":{\"prompt_tokens\":6}}\n\n",
      true, false, 6 },
    { "usage hidden in x_groq", true,
      "{\"model\":\"up\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"x_"
      "groq\":{\"id\":\"}\",\"usage\":{\"prompt_tokens\":6,\"completion_tokens\":1}}}\n[DONE]",
      "data: "
      "{\"model\":\"mine\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"x_"
      "groq\":{\"id\":\"}\",\"usage\":{\"prompt_tokens\":6,\"completion_tokens\":1}}}\n\n"
      "data: "
      "{\"model\":\"mine\",\"choices\":[],\"usage\":{\"prompt_tokens\":6,\"completion_tokens\":1,"
      "\"total_tokens\":7},\"x_groq\":{\"id\":\"}\",\"usage\":{\"prompt_tokens\":6,\"completion_"
      "tokens\":1}}}\n\n"
      "data: [DONE]\n\n",
      true, false, 6 },
    { "an error stands alone and ends it", false,
      "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"error\"}],"
      "\"error\":{\"message\":\"no\",\"code\":502}}\n[DONE]",
      "data: "
      "{\"error\":{\"message\":\"no\",\"type\":\"internal_server_error\",\"param\":null,\"code\":"
      "\"502\"}}\n\n",
      false, true, -1 },
    { "finish_reason error", false,
      "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"error\"}]}\n[DONE]",
      "data: {\"error\":{\"message\":\"The upstream ended its answer with "
      "'error'\",\"type\":\"internal_server_error\",\"param\":null,\"code\":\"502\"}}\n\n",
      true, true, -1 },
    { "two choices, one finished", false,
      "{\"choices\":[{\"index\":0,\"delta\":{}}]}\n{\"choices\":[{\"index\":1,\"delta\":{}}]}\n"
      "{\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}]}",
      "data: {\"choices\":[{\"index\":0,\"delta\":{}}]}\n\n"
      "data: {\"choices\":[{\"index\":1,\"delta\":{}}]}\n\n"
      "data: {\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
      false, false, -1 },
    { "words in strings are no members", false,
      "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\\"finish_reason\\\":\\\"stop\\\" "
      "\\\"reasoning\\\": \\\"x\\\"\"}}]}",
      "data: "
      "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\\"finish_reason\\\":\\\"stop\\\" "
      "\\\"reasoning\\\": \\\"x\\\"\"}}]}\n\n",
      false, false, -1 },
    { "reasoning has a twin", false,
      "{\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"a\\\"b\",\"x\":1}}]}",
      "data: "
      "{\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"a\\\"b\",\"reasoning_content\":"
      "\"a\\\"b\",\"x\":1}}]}\n\n",
      false, false, -1 },
    { "fragments of calls are made whole", false,
      "{\"model\":\"up\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"id\":\"\","
      "\"function\":{\"name\":\"\",\"arguments\":\"{\"}},{\"id\":\"b\",\"function\":{\"name\":"
      "\"g\"}}]}}]}",
      "data: "
      "{\"model\":\"mine\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
      "\"function\":{\"arguments\":\"{\"}},{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\"}}"
      "]}}]}\n\n",
      false, false, -1 },
    { "frames without choices pass", false, "{\"x\":1}", "data: {\"x\":1}\n\n", false, false, -1 },
};

static void relays_chunks(void **state)
{
    for (size_t i = 0; i < COUNT_OF(relays); i++) {
        struct dialect_relay rl = { .model = S("mine"),
                                    .show_usage = relays[i].show_usage,
                                    .usage = CHAT_USAGE_NONE,
                                    .arena = &arena };
        str got = relay(&rl, relays[i].in);
        if (!str_eq(got, str_c(relays[i].want)))
            fail_msg("%s\n  got:  %.*s\n  want: %s", relays[i].name, STRF(got), relays[i].want);
        if (rl.finished != relays[i].finished || rl.failed != relays[i].failed ||
            rl.usage.prompt != relays[i].prompt)
            fail_msg("%s: finished %d, failed %d, prompt %d", relays[i].name, rl.finished,
                     rl.failed, (int)rl.usage.prompt);
    }
}

static void relays_frames_in_pieces(void **state)
{
    struct dialect_relay rl = { .model = S("mine"), .usage = CHAT_USAGE_NONE, .arena = &arena };
    struct buf out;
    struct err e;
    buf_init(&out, 4096);
    struct sse_event ev = { .data = S("{\"model\":\"up\",\n\"choices\":[]}") };
    CHECK_OK(d->relay_event(&rl, &out, &ev, &e), &e);
    CHECK_STR(kept(&out), S("data: {\"model\":\"mine\", \"choices\":[]}\n\n"));
    buf_init(&out, 4096);
    ev.data = S("{\"model\":");
    assert_int_equal(d->relay_event(&rl, &out, &ev, &e).code, E_UPSTREAM);
    assert_int_equal(out.n, 0);
    buf_done(&out);
}

static void notices_first_content(void **state)
{
    static const struct {
        const char *delta;
        bool want;
    } cases[] = {
        { "{\"role\":\"assistant\",\"content\":\"\"}", false },
        { "{\"content\":null}", false },
        { "{\"content\":\"x\"}", true },
        { "{\"reasoning\":\"x\"}", true },
        { "{\"tool_calls\":[{\"index\":0}]}", true },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct dialect_relay rl = { .model = S("m"), .usage = CHAT_USAGE_NONE, .arena = &arena };
        relay(&rl,
              arena_fmt(&arena, "{\"choices\":[{\"index\":0,\"delta\":%s}]}", cases[i].delta).p);
        if (rl.first_content != cases[i].want)
            fail_msg("%s", cases[i].delta);
    }
}

static void relays_replies(void **state)
{
    struct err e;
    struct buf out;
    struct dialect_relay rl = { .model = S("mi\"ne"), .usage = CHAT_USAGE_NONE, .arena = &arena };
    buf_init(&out, 4096);
    str body =
        S("\n\n {\"id\":1,\"model\":\"up\",\"choices\":[{\"message\":{\"reasoning\":\"r\"}}],"
          "\"usage\":{\"prompt_tokens\":3}}");
    CHECK_OK(d->relay_reply(&rl, &out, body, &e), &e);
    CHECK_STR(kept(&out),
              S("{\"id\":1,\"model\":\"mi\\\"ne\",\"choices\":[{\"message\":{\"reasoning\":\"r\","
                "\"reasoning_content\":\"r\"}}],\"usage\":{\"prompt_tokens\":3}}"));
    assert_int_equal(rl.usage.prompt, 3);

    buf_init(&out, 4096);
    CHECK_OK(d->relay_reply(&rl, &out, S("{\"choices\":[]}"), &e), &e);
    CHECK_STR(kept(&out), S("{\"model\":\"mi\\\"ne\",\"choices\":[]}"));

    static const char *const broken[] = { "<html>", "", "[]", "{\"id\":1}", "{\"choices\":[}" };
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        buf_init(&out, 4096);
        assert_int_equal(d->relay_reply(&rl, &out, str_c(broken[i]), &e).code, E_UPSTREAM);
        assert_false(rl.failed);
        buf_done(&out);
    }
    buf_init(&out, 4096);
    CHECK_OK(d->relay_reply(&rl, &out, S("{\"error\":{\"message\":\"m\",\"code\":429}}"), &e), &e);
    assert_true(rl.failed);
    assert_int_equal(rl.error.kind, ERR_RATE_LIMIT);
    buf_done(&out);
}

/* ---- errors --------------------------------------------------------------------------------- */

static const struct {
    unsigned status;
    const char *body, *message, *type, *code;
    unsigned want_status;
    enum chat_error_kind kind;
} errors[] = {
    { 400,
      "{\"error\":{\"message\":\"bad\",\"type\":\"invalid_request_error\",\"param\":\"x\",\"code\":"
      "null}}",
      "bad", "invalid_request_error", "", 400, ERR_INVALID_REQUEST },
    { 404, "{\"error\":{\"message\":\"no\",\"type\":\"NotFoundError\",\"code\":404}}", "no",
      "NotFoundError", "404", 404, ERR_NOT_FOUND },
    { 401, "{\"error\":\"Unauthorized\"}", "Unauthorized", "", "", 401, ERR_AUTH },
    { 429, "{\"message\":\"slow\",\"type\":\"requests\",\"code\":\"1302\"}", "slow", "requests",
      "1302", 429, ERR_RATE_LIMIT },
    { 422, "{\"detail\":\"wrong\"}", "wrong", "", "", 422, ERR_UNPROCESSABLE },
    { 422, "{\"detail\":[{\"loc\":[\"body\",\"n\",0],\"msg\":\"too small\"},{\"msg\":\"b\"}]}",
      "body.n.0: too small; b", "", "", 422, ERR_UNPROCESSABLE },
    { 500, "{\"detail\":{\"error\":\"deep\"}}", "deep", "", "", 500, ERR_SERVER },
    { 400, "{\"code\":\"c\",\"error\":\"flat\"}", "flat", "", "c", 400, ERR_INVALID_REQUEST },
    { 400, "{\"errors\":[{\"code\":7,\"message\":\"first\"}]}", "first", "", "7", 400,
      ERR_INVALID_REQUEST },
    { 400, "{\"error_code\":\"E\",\"message\":\"db\"}", "db", "", "E", 400, ERR_INVALID_REQUEST },
    { 429, "[{\"error\":{\"code\":429,\"message\":\"arr\",\"status\":\"RESOURCE_EXHAUSTED\"}}]",
      "arr", "RESOURCE_EXHAUSTED", "429", 429, ERR_RATE_LIMIT },
    { 502, "<html><head><title>502 Bad Gateway</title></head></html>",
      "Provider returned HTTP 502: 502 Bad Gateway", "", "", 502, ERR_BAD_GATEWAY },
    { 503, "", "Provider returned HTTP 503", "", "", 503, ERR_UNAVAILABLE },
    { 503, " upstream connect error\n", "upstream connect error", "", "", 503, ERR_UNAVAILABLE },
    { 200, "{\"error\":{\"code\":402,\"message\":\"pay\"}}", "pay", "", "402", 402, ERR_BILLING },
    { 0, "{\"error\":{\"message\":\"m\",\"type\":\"overloaded_error\"}}", "m", "overloaded_error",
      "", 529, ERR_OVERLOADED },
    { 0, "{\"error\":{\"message\":\"m\"}}", "m", "", "", 0, ERR_BAD_GATEWAY },
    { 200,
      "{\"error\":{\"message\":\"Provider returned "
      "error\",\"code\":400,\"metadata\":{\"raw\":\"too hot\"}}}",
      "Provider returned error: too hot", "", "400", 400, ERR_INVALID_REQUEST },
    { 400, "{\"object\":\"error\",\"message\":{\"detail\":[{\"msg\":\"x\"}]},\"type\":\"t\"}", "x",
      "t", "", 400, ERR_INVALID_REQUEST },
    { 200, "{\"base_resp\":{\"status_code\":1004,\"status_msg\":\"login fail\"}}", "login fail", "",
      "1004", 0, ERR_BAD_GATEWAY },
    { 429,
      "{\"error\":{\"message\":\"m\",\"type\":\"insufficient_quota\",\"code\":\"insufficient_"
      "quota\"}}",
      "m", "insufficient_quota", "insufficient_quota", 429, ERR_QUOTA },
    { 400, "{\"error\":{\"message\":\"m\",\"code\":\"context_length_exceeded\"}}", "m", "",
      "context_length_exceeded", 400, ERR_CONTEXT_WINDOW },
};

static void reads_errors(void **state)
{
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        struct chat_error got;
        d->read_error(&got, errors[i].status, str_c(errors[i].body), &arena);
        if (!str_eq(got.message, str_c(errors[i].message)) || got.kind != errors[i].kind ||
            !str_eq(got.type, str_c(errors[i].type)) || !str_eq(got.code, str_c(errors[i].code)) ||
            got.status != errors[i].want_status)
            fail_msg("%s\n  got: %.*s | %.*s | %.*s | %u | %d", errors[i].body, STRF(got.message),
                     STRF(got.type), STRF(got.code), got.status, got.kind);
    }
}

static void writes_errors(void **state)
{
    struct buf out;
    struct chat_error err = { .status = 429,
                              .kind = ERR_RATE_LIMIT,
                              .message = S("slow \"down\""),
                              .type = S("RESOURCE_EXHAUSTED"),
                              .param = S("n"),
                              .code = S("x") };
    buf_init(&out, 4096);
    d->write_error(&out, &err, &arena);
    CHECK_STR(kept(&out), S("{\"error\":{\"message\":\"slow \\\"down\\\"\",\"type\":"
                            "\"throttling_error\",\"param\":\"n\",\"code\":\"429\","
                            "\"provider_specific_fields\":{\"code\":\"x\"}}}"));
    err = (struct chat_error){ .kind = ERR_UNAVAILABLE, .message = S("m"), .type = S("tokens") };
    buf_init(&out, 4096);
    d->write_stream_error(&out, &err);
    CHECK_STR(kept(&out),
              S("data: {\"error\":{\"message\":\"m\",\"type\":\"tokens\",\"param\":null,"
                "\"code\":\"503\"}}\n\n"));
}

/* ---- requests ------------------------------------------------------------------------------- */

static const struct {
    const char *body, *where, *text;
} refused[] = {
    { "{}", "messages", "Missing required parameter: 'messages'." },
    { "{\"messages\":{}}", "messages", "messages: expected an array, got an object" },
    { "{\"messages\":[1]}", "messages[0]", NULL },
    { "{\"messages\":[{}]}", "messages[0].role", NULL },
    { "{\"messages\":[{\"role\":\"user\",\"content\":7}]}", "messages[0].content", NULL },
    { "{\"messages\":[{\"role\":\"user\",\"content\":[7]}]}", "messages[0].content[0]", NULL },
    { "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]}",
      "messages[0].content[0].text", NULL },
    { "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]}",
      "messages[0].content[0].image_url", NULL },
    { "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":{}}]}", "messages[0].tool_calls",
      NULL },
    { "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{}]}]}",
      "messages[0].tool_calls[0].function", NULL },
    { "{\"messages\":[],\"tools\":[{\"type\":\"function\"}]}", "tools[0].function", NULL },
    { "{\"messages\":[],\"tools\":[{\"type\":\"function\",\"function\":{}}]}",
      "tools[0].function.name", NULL },
    { "{\"messages\":[],\"temperature\":\"hot\"}", "temperature", NULL },
    { "{\"messages\":[],\"stream\":\"true\"}", "stream", NULL },
    { "{\"messages\":[],\"max_tokens\":1.5}", "max_tokens", NULL },
    { "{\"messages\":[],\"stop\":[1]}", "stop[0]", NULL },
    { "{\"messages\":[],\"response_format\":{\"type\":\"json_schema\"}}",
      "response_format.json_schema", NULL },
};

static void refuses_wrong_types(void **state)
{
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct chat_req r;
        struct err e = { .where = "" };
        rc got = d->read_chat(&r, parse(refused[i].body), NULL, &arena, &e);
        if (got.code != E_SYNTAX || strcmp(e.where, refused[i].where) != 0 ||
            (refused[i].text && strcmp(e.text, refused[i].text) != 0))
            fail_msg("%s: code %d, where %s, text %s", refused[i].body, got.code, e.where, e.text);
    }
}

/* Written for a target and compared as text. */
static str rewrite(const char *body, struct chat_target t, struct chat_loss *loss, rc *ret)
{
    struct chat_req r;
    struct err e = { 0 };
    struct buf out;
    buf_init(&out, 1 << 20);
    CHECK_OK(d->read_chat(&r, parse(body), NULL, &arena, &e), &e);
    *ret = d->write_chat(&out, &r, &t, loss, &arena, &e);
    return kept(&out);
}

#define MSG   "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define START "{\"model\":\"up\"," MSG

static const struct {
    const char *name, *model;
    uint64_t quirks;
    const char *body, *want;
} writes[] = {
    { "plain", "up", 0, "{\"model\":\"m\"," MSG "}", START "}" },
    { "extras", "up", 0,
      "{" MSG ",\"chat_template_kwargs\":{\"a\":[1]},\"guided_json\":{},\"tags\":[]}",
      START ",\"chat_template_kwargs\":{\"a\":[1]},\"guided_json\":{}}" },
    { "numbers as written", "up", 0, "{" MSG ",\"temperature\":0.70,\"top_k\":1e1}",
      START ",\"temperature\":0.70,\"top_k\":1e1}" },
    { "OpenAI knows no top_k", "up", QUIRK_OPENAI, "{" MSG ",\"top_k\":1}", START "}" },
    { "max_tokens", "up", 0, "{" MSG ",\"max_completion_tokens\":7}", START ",\"max_tokens\":7}" },
    { "max_completion_tokens", "o3-mini", 0, "{" MSG ",\"max_tokens\":7}",
      "{\"model\":\"o3-mini\"," MSG ",\"max_completion_tokens\":7}" },
    { "max_completion_tokens for gpt-5", "openai/gpt-5", 0, "{" MSG ",\"max_tokens\":7}",
      "{\"model\":\"openai/gpt-5\"," MSG ",\"max_completion_tokens\":7}" },
    { "seed", "up", QUIRK_RANDOM_SEED, "{" MSG ",\"seed\":7}", START ",\"random_seed\":7}" },
    { "developer", "up", QUIRK_NO_DEVELOPER,
      "{\"messages\":[{\"role\":\"developer\",\"content\":\"d\"}]}",
      "{\"model\":\"up\",\"messages\":[{\"role\":\"system\",\"content\":\"d\"}]}" },
    { "required", "up", QUIRK_REQUIRED_IS_ANY,
      "{" MSG ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":"
      "\"required\"}",
      START ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":"
            "\"any\"}" },
    { "functions of old", "up", 0,
      "{" MSG
      ",\"functions\":[{\"name\":\"f\",\"parameters\":{}}],\"function_call\":{\"name\":\"f\"}}",
      START ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{}}}],"
            "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}}" },
    { "no strict", "up", QUIRK_NO_STRICT,
      "{" MSG ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":true,"
      "\"parameters\":{\"additionalProperties\":false,\"properties\":{\"strict\":{\"type\":"
      "\"object\","
      "\"additionalProperties\":false}}}}}]}",
      START ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":"
            "{\"properties\":{\"strict\":{\"type\":\"object\"}}}}}]}" },
    { "calls and results in Mistral's form", "up", QUIRK_TOOL_ID_9,
      "{\"messages\":[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":"
      "\"abcdefghi\","
      "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]},"
      "{\"role\":\"tool\",\"tool_call_id\":\"abcdefghi\",\"content\":\"r\"}]}",
      "{\"model\":\"up\",\"messages\":[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{"
      "\"id\":\"abcdefghi\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}"
      "\"}}]},"
      "{\"role\":\"tool\",\"tool_call_id\":\"abcdefghi\",\"name\":\"f\",\"content\":\"r\"}]}" },
    { "signatures come out of ids", "up", 0,
      "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a__thought__c2ln\","
      "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
      "{\"role\":\"tool\",\"tool_call_id\":\"a__thought__c2ln\",\"content\":\"r\"}]}",
      "{\"model\":\"up\",\"messages\":[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{"
      "\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
      "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"r\"}]}" },
    { "pictures of results follow them", "up", 0,
      "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":"
      "\"f\"}},{\"id\":\"b\",\"function\":{\"name\":\"g\"}}]},{\"role\":\"tool\",\"tool_call_id\":"
      "\"a\","
      "\"content\":[{\"type\":\"image_url\",\"image_url\":\"data:image/gif;base64,AA==\"}]},"
      "{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":\"r\"}]}",
      "{\"model\":\"up\",\"messages\":[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{"
      "\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{"
      "\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]},"
      "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"\"},"
      "{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":\"r\"},"
      "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Attached to the result of f "
      "(a):\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/"
      "gif;base64,AA==\"}}]}]}" },
    { "thoughts go back where they are wanted", "up", QUIRK_REASONING_BACK,
      "{\"messages\":[{\"role\":\"assistant\",\"content\":\"x\",\"reasoning_content\":\"t\"}]}",
      "{\"model\":\"up\",\"messages\":[{\"role\":\"assistant\",\"content\":\"x\",\"reasoning_"
      "content\":"
      "\"t\"}]}" },
    { "and nowhere else", "up", 0,
      "{\"messages\":[{\"role\":\"assistant\",\"content\":\"x\",\"thinking_blocks\":[{\"type\":"
      "\"thinking\",\"thinking\":\"t\",\"signature\":\"s\"}]}]}",
      "{\"model\":\"up\",\"messages\":[{\"role\":\"assistant\",\"content\":\"x\"}]}" },
    { "prefix", "up", QUIRK_PREFIX,
      "{\"messages\":[{\"role\":\"user\",\"content\":\"u\"},{\"role\":\"assistant\",\"content\":"
      "\"x\"}]}",
      "{\"model\":\"up\",\"messages\":[{\"role\":\"user\",\"content\":\"u\"},{\"role\":"
      "\"assistant\","
      "\"content\":\"x\",\"prefix\":true}]}" },
    { "a schema in words", "up", QUIRK_ONLY_JSON_OBJECT,
      "{" MSG ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","
      "\"schema\":{}}}}",
      "{\"model\":\"up\",\"messages\":[{\"role\":\"system\",\"content\":\"Answer with one JSON "
      "object "
      "only, without any other text, that follows this JSON schema:\\n{}\"},{\"role\":\"user\","
      "\"content\":\"hi\"}],\"response_format\":{\"type\":\"json_object\"}}" },
    { "OpenRouter", "up", QUIRK_OPENROUTER,
      "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\","
      "\"cache_control\":{\"type\":\"ephemeral\"}}]},{\"role\":\"assistant\",\"content\":\"x\","
      "\"reasoning_details\":[{\"type\":\"reasoning.text\"}]}],\"reasoning\":{\"effort\":\"low\"}}",
      "{\"model\":\"up\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
      "\"a\","
      "\"cache_control\":{\"type\":\"ephemeral\"}}]},{\"role\":\"assistant\",\"content\":\"x\","
      "\"reasoning_details\":[{\"type\":\"reasoning.text\"}]}],\"usage\":{\"include\":true},"
      "\"reasoning\":{\"effort\":\"low\"}}" },
    { "effort", "up", 0, "{" MSG ",\"reasoning_effort\":\"low\"}",
      START ",\"reasoning_effort\":\"low\"}" },
    { "allowed tools", "up", 0,
      "{" MSG
      ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}},{\"type\":\"function\","
      "\"function\":{\"name\":\"g\"}}],\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_"
      "tools\":{"
      "\"mode\":\"required\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"g\"}}]}}}",
      START ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"g\"}}],\"tool_choice\":"
            "\"required\"}" },
    { "arguments that are no object", "up", 0,
      "{\"messages\":[{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"a\","
      "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\"}}]}]}",
      "{\"model\":\"up\",\"messages\":[{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{"
      "\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
      "\"{\\\"arguments\\\":\\\"{\\\\\\\"x\\\"}\"}}]}]}" },
};

static void writes_requests(void **state)
{
    for (size_t i = 0; i < COUNT_OF(writes); i++) {
        struct chat_loss loss = { .arena = &arena };
        struct chat_target t = { .model = str_c(writes[i].model),
                                 .quirks = writes[i].quirks,
                                 .max_tokens_default = CHAT_UNSET };
        rc ok;
        str got = rewrite(writes[i].body, t, &loss, &ok);
        if (ok.code != OK || !str_eq(got, str_c(writes[i].want)))
            fail_msg("%s\n  got:  %.*s\n  want: %s", writes[i].name, STRF(got), writes[i].want);
    }
}

static void asks_for_streams(void **state)
{
    struct chat_loss loss = { .arena = &arena };
    struct chat_target t = { .model = S("up"), .stream = true, .max_tokens_default = CHAT_UNSET };
    rc ok;
    CHECK_STR(rewrite("{" MSG "}", t, &loss, &ok),
              S(START ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}"));
    t.quirks = QUIRK_NO_STREAM_OPTIONS;
    CHECK_STR(rewrite("{" MSG "}", t, &loss, &ok), S(START ",\"stream\":true}"));
}

static void drops_what_a_vendor_refuses(void **state)
{
    struct chat_target t = { .model = S("up"),
                             .quirks = QUIRK_NO_LOGPROBS | QUIRK_NO_PENALTIES | QUIRK_NO_USER,
                             .max_tokens_default = CHAT_UNSET };
    struct chat_loss loss = { .arena = &arena };
    const char *body = "{" MSG ",\"logprobs\":true,\"presence_penalty\":1,\"user\":\"u\"}";
    rc ok;
    rewrite(body, t, &loss, &ok);
    assert_int_equal(ok.code, E_UNSUPPORTED);
    t.drop_params = true;
    CHECK_STR(rewrite(body, t, &loss, &ok), S(START "}"));
    assert_int_equal(ok.code, OK);
    CHECK_STR(loss.dropped->s, S("presence_penalty"));
    struct chat_target gpt5 = { .model = S("gpt-5"),
                                .quirks = QUIRK_OPENAI,
                                .max_tokens_default = CHAT_UNSET };
    const char *hot = "{" MSG ",\"temperature\":0.5,\"top_p\":1,\"stop\":\"x\"}";
    CHECK_STR(rewrite(hot, gpt5, &loss, &ok),
              S("{\"model\":\"gpt-5\"," MSG ",\"temperature\":0.5,\"top_p\":1,\"stop\":[\"x\"]}"));
    gpt5.drop_params = true;
    CHECK_STR(rewrite(hot, gpt5, &loss, &ok), S("{\"model\":\"gpt-5\"," MSG ",\"top_p\":1}"));
    struct chat_str allow = { .s = S("user") };
    t.allowed_params = &allow;
    CHECK_STR(rewrite(body, t, &loss, &ok), S(START ",\"user\":\"u\"}"));
}

/* ---- replies and streams -------------------------------------------------------------------- */

struct writing {
    struct chat_sink sink;
    struct buf out;
    uint64_t state[32];
    struct dialect_ctx ctx;
};

static void write_one(struct chat_sink *sink, const struct chat_event *ev)
{
    struct writing *w = CONTAINER_OF(sink, struct writing, sink);
    d->write_event(w->state, &w->out, ev, &w->ctx);
}

/* Frames (a line each) through reader, order and writer. */
static str translate(const char *in, bool merge)
{
    struct writing w = { .sink = { write_one },
                         .ctx = { .model = S("m"),
                                  .id = S("id"),
                                  .created = 7,
                                  .include_usage = true,
                                  .merge_reasoning = merge,
                                  .arena = &arena } };
    struct chat_stream order;
    struct err e = { 0 };
    void *reader = NEW(&arena, uint64_t, d->reader_bytes / 8 + 1);
    assert_true(d->writer_bytes <= sizeof(w.state));
    buf_init(&w.out, 1 << 24);
    chat_stream_init(&order, &w.sink);
    str rest = str_c(in);
    while (rest.p) {
        struct sse_event ev = { .data = str_cut(&rest, '\n') };
        CHECK_OK(d->read_event(reader, &ev, &order.in, &arena, &e), &e);
    }
    chat_stream_end(&order, d->read_end(reader, &order.in), S("cut off"));
    chat_stream_done(&order);
    return kept(&w.out);
}

/* "C{...}" stands for a chunk with that choice. */
static str unfold(const char *want)
{
    struct buf b;
    buf_init(&b, 1 << 24);
    str rest = str_c(want);
    while (rest.p) {
        str line = str_cut(&rest, '\n');
        if (str_starts(line, S("C")))
            buf_fmt(&b,
                    "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"created\":9,"
                    "\"model\":\"m\",\"choices\":[%.*s}\n\n",
                    STRF(str_skip(line, 1)));
        else
            buf_fmt(&b, "data: %.*s\n\n", STRF(line));
    }
    return kept(&b);
}

#define ROLE \
    "C{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]\n"
#define DELTA(d) "C{\"index\":0,\"delta\":{" d "},\"finish_reason\":null}]\n"
#define STOP     "C{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]\n[DONE]"
#define IN(d)                                                                                     \
    "{\"id\":\"x\",\"created\":9,\"model\":\"up\",\"choices\":[{\"index\":0,\"delta\":{" d "}}]}" \
    "\n"
#define IN_STOP "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n[DONE]"

static const struct {
    const char *name;
    bool merge;
    const char *in, *want;
} streams[] = {
    { "text", false,
      IN("\"role\":\"assistant\",\"content\":\"\"") IN("\"content\":\"a\\nb\"") IN_STOP,
      ROLE DELTA("\"content\":\"a\\nb\"") STOP },
    { "reasoning", false, IN("\"reasoning\":\"r\"") IN("\"content\":\"<think>\"") IN_STOP,
      ROLE DELTA("\"reasoning_content\":\"r\"") DELTA("\"content\":\"<think>\"") STOP },
    { "think inline", false,
      IN("\"content\":\"\\n<thi\"") IN("\"content\":\"nk>ab</\"") IN("\"content\":\"th\"")
          IN("\"content\":\"ink>\\n\"") IN("\"content\":\"\\nc</think>\"") IN_STOP,
      ROLE DELTA("\"reasoning_content\":\"ab\"") DELTA("\"content\":\"c</think>\"") STOP },
    { "a beginning of a tag is text", false,
      IN("\"content\":\"<thi\"") IN("\"content\":\"s\"") IN_STOP,
      ROLE DELTA("\"content\":\"<thi\"") DELTA("\"content\":\"s\"") STOP },
    { "a tag that ends with the stream", false, IN("\"content\":\"<thi\"") IN_STOP,
      ROLE DELTA("\"content\":\"<thi\"") STOP },
    { "an end tag that is none", false,
      IN("\"content\":\"<think>a</thi\"") IN("\"content\":\"</think>b\"") IN_STOP,
      ROLE DELTA("\"reasoning_content\":\"a\"") DELTA("\"reasoning_content\":\"</thi\"")
          DELTA("\"content\":\"b\"") STOP },
    { "merged", true, IN("\"reasoning_content\":\"r\"") IN("\"content\":\"t\"") IN_STOP,
      ROLE DELTA("\"content\":\"<think>\"") DELTA("\"content\":\"r\"")
          DELTA("\"content\":\"</think>\"") DELTA("\"content\":\"t\"") STOP },
    { "Mistral's parts", false,
      IN("\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"r\"}]},{"
         "\"type\":\"text\",\"text\":\"t\"}]") IN_STOP,
      ROLE DELTA("\"reasoning_content\":\"r\"") DELTA("\"content\":\"t\"") STOP },
    { "whole calls without index, one a chunk", false,
      IN("\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]")
          IN("\"tool_calls\":[{\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]")
              IN_STOP,
      ROLE DELTA("\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{"
                 "\"name\":\"f\",\"arguments\":\"\"}}]")
          DELTA("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]")
              DELTA("\"tool_calls\":[{\"index\":1,\"id\":\"b\",\"type\":\"function\",\"function\":{"
                    "\"name\":\"g\",\"arguments\":\"\"}}]") DELTA("\"tool_calls\":[{\"index\":1,"
                                                                  "\"function\":{\"arguments\":\"{}"
                                                                  "\"}}]") "C{\"index\":0,"
                                                                           "\"delta\":{},\"finish_"
                                                                           "reason\":\"tool_"
                                                                           "calls\"}]\n[DONE]" },
    { "empty ids in continuations", false,
      IN("\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{"
         "\"}}]") IN("\"tool_calls\":[{\"index\":0,\"id\":\"\",\"function\":{\"name\":\"\","
                     "\"arguments\":\"}\"}}]") IN_STOP,
      ROLE DELTA("\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{"
                 "\"name\":\"f\",\"arguments\":\"\"}}]")
          DELTA("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\"}}]") DELTA(
              "\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"}\"}}]") "C{\"index\":0,"
                                                                                   "\"delta\":{},"
                                                                                   "\"finish_"
                                                                                   "reason\":"
                                                                                   "\"tool_calls\"}"
                                                                                   "]\n[DONE]" },
    { "usage, cumulative and in the finish chunk", false,
      "{\"id\":\"x\",\"created\":9,\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],"
      "\"usage\":{"
      "\"prompt_tokens\":3,\"completion_tokens\":1,\"total_tokens\":4}}\n"
      "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{"
      "\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":9,\"completion_tokens_"
      "details\":{"
      "\"reasoning_tokens\":4}}}\n[DONE]",
      ROLE DELTA(
          "\"content\":\"a\"") "C{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]\n"
                               "C],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":6,\"total_"
                               "tokens\":9,"
                               "\"completion_tokens_details\":{\"reasoning_tokens\":4}}\n[DONE]" },
    { "an error under way", false,
      IN("\"content\":\"a\"") "{\"error\":{\"message\":\"m\",\"code\":\"429\"}}\n" IN_STOP,
      ROLE DELTA("\"content\":\"a\"") "{\"error\":{\"message\":\"m\",\"type\":\"throttling_error\","
                                      "\"param\":null,\"code\":\"429\"}}" },
    { "cut off", false, IN("\"content\":\"a\""),
      ROLE DELTA(
          "\"content\":\"a\"") "{\"error\":{\"message\":\"cut "
                               "off\",\"type\":\"internal_server_error\",\"param\":null,\"code\":"
                               "\"502\"}}" },
    { "finish without [DONE]", false,
      IN("\"content\":\"a\"") "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"eos\"}]"
                              "}",
      ROLE DELTA("\"content\":\"a\"") STOP },
};

static void translates_streams(void **state)
{
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        const char *in = streams[i].in;
        size_t n = strlen(in);
        str text = arena_dup(&arena, (str){ in, n && in[n - 1] == '\n' ? n - 1 : n });
        str got = translate(text.p, streams[i].merge), want = unfold(streams[i].want);
        if (!str_eq(got, want))
            fail_msg("%s\n  got:  %.*s\n  want: %.*s", streams[i].name, STRF(got), STRF(want));
    }
}

static void splits_long_lines(void **state)
{
    struct buf in;
    buf_init(&in, 1 << 24);
    buf_add(&in, S("{\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\""));
    for (int i = 0; i < 60000; i++)
        buf_add(&in, i % 2 ? S("\xc3\xa9") : S("\\u0001"));
    buf_add(&in, S("\"},\"finish_reason\":\"stop\"}]}"));
    str got = translate(arena_dup(&arena, buf_str(&in)).p, false);
    buf_done(&in);
    size_t chars = 0;
    for (str rest = got; rest.p;) {
        str line = str_cut(&rest, '\n');
        assert_true(line.n < 64 * 1024);
        assert_true(str_is_utf8(line));
        for (size_t i = 0; i + 1 < line.n; i++)
            chars += (unsigned char)line.p[i] == 0xc3;
    }
    assert_int_equal(chars, 30000);
}

static void reads_replies(void **state)
{
    struct chat_reply r;
    struct chat_error error;
    struct err e;
    str body = S(
        "\n\n{\"id\":\"x\",\"created\":5,\"model\":\"up\",\"choices\":[{\"index\":0,\"message\":{"
        "\"role\":\"assistant\",\"content\":\"<think>r</"
        "think>\\n\\nhi\",\"tool_calls\":[{\"id\":\"a\","
        "\"index\":3,\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}},{\"id\":\"b\","
        "\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]},\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":-1,\"prompt_cache_hit_tokens\":2},"
        "\"citations\":[\"u\"]}");
    CHECK_OK(d->read_reply(&r, body, &error, &arena, &e), &e);
    struct buf out;
    struct dialect_ctx ctx = { .model = S("m"), .id = S("id"), .created = 1, .arena = &arena };
    buf_init(&out, 1 << 20);
    d->write_reply(&out, &r, &ctx);
    CHECK_STR(
        kept(&out),
        S("{\"id\":\"x\",\"object\":\"chat.completion\",\"created\":5,\"model\":\"m\",\"choices\":["
          "{"
          "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hi\",\"reasoning_"
          "content\":"
          "\"r\",\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{"
          "\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}},{\"index\":1,\"id\":\"b\",\"type\":"
          "\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]},\"finish_reason\":"
          "\"tool_calls\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":0,"
          "\"total_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":2},\"prompt_cache_hit_"
          "tokens\":2},"
          "\"citations\":["
          "\"u\"]}"));

    static const char *const bad[] = {
        "<html>",
        "",
        "[1]",
        "{}",
        "{\"error\":{\"message\":\"m\"}}",
        "{\"choices\":[{\"message\":{},\"finish_reason\":\"error\"}]}"
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        error = (struct chat_error){ 0 };
        assert_int_equal(d->read_reply(&r, str_c(bad[i]), &error, &arena, &e).code, E_UPSTREAM);
        assert_true(error.message.n > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        T(relays_chunks),         T(relays_frames_in_pieces),
        T(notices_first_content), T(relays_replies),
        T(reads_errors),          T(writes_errors),
        T(refuses_wrong_types),   T(writes_requests),
        T(asks_for_streams),      T(drops_what_a_vendor_refuses),
        T(translates_streams),    T(splits_long_lines),
        T(reads_replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
