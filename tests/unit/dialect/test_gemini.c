#include "check.h"
#include "dialect/gemini.h"
#include "dialect/gemini_internal.h"
#include "chat/stream.h"
#include "json/doc.h"

/* ---- comparing JSON up to the order of members ---------------------------------------------- */

static bool same(jval *a, jval *b)
{
    if (jd_kind(a) != jd_kind(b) || jd_count(a) != jd_count(b))
        return false;
    if (jd_is_obj(a)) {
        JD_EACH (m, a)
            if (!same(m.value, jd_get(b, m.name)))
                return false;
        return true;
    }
    if (jd_is_arr(a)) {
        JD_EACH (m, a)
            if (!same(m.value, jd_at(b, m.index)))
                return false;
        return true;
    }
    return str_eq(jd_str(a), jd_str(b)) && str_eq(jd_num(a), jd_num(b));
}

static void check_json(const char *name, str got, str want, struct arena *a)
{
    jval *g, *w;
    struct err e = { 0 };
    if (FAILED(jd_read(&g, got, a, &e)))
        fail_msg("%s: not JSON: %s\n%.*s", name, e.text, STRF(got));
    if (FAILED(jd_read(&w, want, a, &e)))
        fail_msg("%s: the expectation is not JSON: %s", name, e.text);
    if (!same(g, w))
        fail_msg("%s\n  got:  %.*s\n  want: %.*s", name, STRF(got), STRF(want));
}

static struct chat_req read_request(const char *body, const char *model, struct arena *a)
{
    struct chat_req r;
    struct err e = { 0 };
    jval *v;
    struct dialect_path path = { .model = str_c(model) };
    CHECK_OK(jd_read(&v, str_c(body), a, &e), &e);
    CHECK_OK(dialect_gemini.read_chat(&r, v, &path, a, &e), &e);
    return r;
}

/* As if another dialect's reader had made it. */
static void disown(struct chat_req *r)
{
    r->origin = DIALECT_OPENAI_CHAT;
    for (struct chat_tool *t = r->tools; t; t = t->next)
        t->origin = DIALECT_OPENAI_CHAT;
    for (struct chat_message *m = r->messages; m; m = m->next)
        for (struct chat_part *p = m->parts; p; p = p->next)
            if (p->signature.n == 0)
                p->origin = DIALECT_OPENAI_CHAT;
}

static rc write_request(struct buf *out, const struct chat_req *r, const char *model, bool drop,
                        struct chat_loss *loss, struct arena *a, struct err *e)
{
    struct chat_target t = { .model = str_c(model),
                             .drop_params = drop,
                             .max_tokens_default = CHAT_UNSET };
    *loss = (struct chat_loss){ .arena = a };
    return dialect_gemini.write_chat(out, r, &t, loss, a, e);
}

/* ---- requests out --------------------------------------------------------------------------- */

#define USER_HI "{\"role\":\"user\",\"parts\":[{\"text\":\"Hi\"}]}"

static const struct {
    const char *name, *model, *in, *want;
} outs[] = {
    { "plain", "gemini-2.5-flash", "{\"contents\":[" USER_HI "]}", "{\"contents\":[" USER_HI "]}" },
    { "only a system message", "gemini-2.5-flash",
      "{\"systemInstruction\":{\"parts\":[{\"text\":\"Be brief\"}]},\"contents\":[]}",
      "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\" \"}]}],"
      "\"systemInstruction\":{\"parts\":[{\"text\":\"Be brief\"}]}}" },
    { "gemma has no system role", "gemma-3-27b-it",
      "{\"system_instruction\":{\"parts\":[{\"text\":\"Be brief\"}]},\"contents\":[" USER_HI "]}",
      "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Be "
      "brief\"},{\"text\":\"Hi\"}]}]}" },
    { "neighbours are merged, a model cannot begin", "gemini-2.5-flash",
      "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"text\":\"a\"}]},"
      "{\"role\":\"model\",\"parts\":[{\"text\":\"b\"}]}," USER_HI "]}",
      "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\" \"}]},"
      "{\"role\":\"model\",\"parts\":[{\"text\":\"a\"},{\"text\":\"b\"}]}," USER_HI "]}" },
    { "parallel calls: results in the order of the calls, a missing one made up",
      "gemini-2.5-flash",
      "{\"contents\":[" USER_HI ",{\"role\":\"model\",\"parts\":["
      "{\"functionCall\":{\"id\":\"a\",\"name\":\"f\",\"args\":{\"x\":1}}},"
      "{\"functionCall\":{\"id\":\"b\",\"name\":\"g\"}},"
      "{\"functionCall\":{\"id\":\"c\",\"name\":\"h\"}}]},"
      "{\"role\":\"user\",\"parts\":[{\"text\":\"see\"},"
      "{\"functionResponse\":{\"id\":\"c\",\"name\":\"h\",\"response\":{\"output\":\"3\"}}},"
      "{\"functionResponse\":{\"id\":\"a\",\"name\":\"f\",\"response\":{\"t\":1}}}]}]}",
      "{\"contents\":[" USER_HI ",{\"role\":\"model\",\"parts\":["
      "{\"functionCall\":{\"name\":\"f\",\"args\":{\"x\":1}}},"
      "{\"functionCall\":{\"name\":\"g\",\"args\":{}}},"
      "{\"functionCall\":{\"name\":\"h\",\"args\":{}}}]},"
      "{\"role\":\"user\",\"parts\":["
      "{\"functionResponse\":{\"name\":\"f\",\"response\":{\"t\":1}}},"
      "{\"functionResponse\":{\"name\":\"g\",\"response\":{\"error\":\"no result\"}}},"
      "{\"functionResponse\":{\"name\":\"h\",\"response\":{\"output\":\"3\"}}},"
      "{\"text\":\"see\"}]}]}" },
    { "Gemini 3: ids, and a signature for the first call of a step", "gemini-3-pro-preview",
      "{\"contents\":[" USER_HI ",{\"role\":\"model\",\"parts\":["
      "{\"functionCall\":{\"id\":\"a\",\"name\":\"f\"}},{\"functionCall\":{\"id\":\"b\",\"name\":"
      "\"f\"}}]},{\"role\":\"user\",\"parts\":["
      "{\"functionResponse\":{\"id\":\"a\",\"response\":{\"output\":\"1\"}}},"
      "{\"functionResponse\":{\"id\":\"b\",\"response\":{\"error\":\"2\"}}}]}]}",
      "{\"contents\":[" USER_HI ",{\"role\":\"model\",\"parts\":["
      "{\"functionCall\":{\"id\":\"a\",\"name\":\"f\",\"args\":{}},\"thoughtSignature\":"
      "\"c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=\"},"
      "{\"functionCall\":{\"id\":\"b\",\"name\":\"f\",\"args\":{}}}]},"
      "{\"role\":\"user\",\"parts\":["
      "{\"functionResponse\":{\"id\":\"a\",\"name\":\"f\",\"response\":{\"output\":\"1\"}}},"
      "{\"functionResponse\":{\"id\":\"b\",\"name\":\"f\",\"response\":{\"error\":\"2\"}}}]}]}" },
    { "a signature of its own goes back", "gemini-3-pro-preview",
      "{\"contents\":[" USER_HI ",{\"role\":\"model\",\"parts\":["
      "{\"functionCall\":{\"id\":\"a\",\"name\":\"f\"},\"thoughtSignature\":\"QUJD\"}]},"
      "{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"id\":\"a\",\"response\":{}}}]}]}",
      "{\"contents\":[" USER_HI ",{\"role\":\"model\",\"parts\":["
      "{\"functionCall\":{\"id\":\"a\",\"name\":\"f\",\"args\":{}},\"thoughtSignature\":\"QUJD\"}]}"
      ","
      "{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"id\":\"a\",\"name\":\"f\","
      "\"response\":{}}}]}]}" },
    { "tools: JSON Schema on new models", "gemini-2.5-flash",
      "{\"contents\":[" USER_HI "],\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\","
      "\"parametersJsonSchema\":{\"$schema\":\"x\",\"type\":\"object\",\"properties\":{"
      "\"a\":{\"$ref\":\"#/definitions/P\"},\"b\":{\"type\":[\"string\",\"null\"],"
      "\"minLength\":1},\"c\":{\"const\":\"k\"},\"d\":{\"exclusiveMinimum\":0}},"
      "\"required\":[\"a\",\"zz\"],\"additionalProperties\":false,"
      "\"definitions\":{\"P\":{\"type\":\"integer\",\"not\":{}}}}},{\"name\":\"g\","
      "\"parametersJsonSchema\":{\"type\":\"object\",\"properties\":{}}}]}],"
      "\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"any\",\"allowedFunctionNames\":[\"f\"]"
      "}}}",
      "{\"contents\":[" USER_HI "],\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\","
      "\"parametersJsonSchema\":{\"$defs\":{\"P\":{\"type\":\"integer\"}},\"type\":\"object\","
      "\"properties\":{\"a\":{\"$ref\":\"#/$defs/P\"},\"b\":{\"type\":[\"string\",\"null\"]},"
      "\"c\":{\"type\":\"string\",\"enum\":[\"k\"]},\"d\":{\"minimum\":0}},\"required\":[\"a\"],"
      "\"additionalProperties\":false}},{\"name\":\"g\"}]}],"
      "\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\",\"allowedFunctionNames\":[\"f\"]"
      "}}}" },
    { "tools: the Schema message on old models", "gemini-1.5-pro",
      "{\"contents\":[" USER_HI "],\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\","
      "\"parametersJsonSchema\":{\"type\":\"object\",\"additionalProperties\":false,"
      "\"properties\":{\"p\":{\"$ref\":\"#/$defs/P\"},\"n\":{\"enum\":[1,2]},"
      "\"u\":{\"anyOf\":[{\"type\":\"string\",\"format\":\"uri\"},{\"type\":\"null\"}]},"
      "\"v\":{\"type\":[\"string\",\"integer\"]},\"l\":{\"type\":\"array\"},"
      "\"x\":{\"allOf\":[{\"type\":\"object\",\"properties\":{\"q\":{\"type\":\"boolean\"}}},"
      "{\"required\":[\"q\"]}]}},"
      "\"$defs\":{\"P\":{\"type\":\"object\",\"properties\":{\"self\":{\"type\":\"number\","
      "\"exclusiveMinimum\":0}}}}}}]}]}",
      "{\"contents\":[" USER_HI "],\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\","
      "\"parameters\":{\"type\":\"OBJECT\",\"properties\":{"
      "\"p\":{\"type\":\"OBJECT\",\"properties\":{\"self\":{\"type\":\"NUMBER\",\"minimum\":0}}},"
      "\"n\":{\"type\":\"STRING\",\"enum\":[\"1\",\"2\"]},"
      "\"u\":{\"type\":\"STRING\",\"nullable\":true},"
      "\"v\":{\"anyOf\":[{\"type\":\"STRING\"},{\"type\":\"INTEGER\"}]},"
      "\"l\":{\"type\":\"ARRAY\",\"items\":{\"type\":\"STRING\"}},"
      "\"x\":{\"type\":\"OBJECT\",\"properties\":{\"q\":{\"type\":\"BOOLEAN\"}},"
      "\"required\":[\"q\"]}}}}]}]}" },
    { "generationConfig", "gemini-2.5-flash",
      "{\"contents\":[" USER_HI "],\"generation_config\":{\"temperature\":0.5,\"top_p\":0.9,"
      "\"top_k\":\"40\",\"max_output_tokens\":\"64\",\"candidate_count\":2,\"seed\":7,"
      "\"presencePenalty\":0.1,\"stop_sequences\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"],"
      "\"response_logprobs\":true,\"logprobs\":3,\"responseModalities\":[\"text\"]}}",
      "{\"contents\":[" USER_HI "],\"generationConfig\":{\"temperature\":0.5,\"topP\":0.9,"
      "\"topK\":40,\"maxOutputTokens\":64,\"candidateCount\":2,\"seed\":7,\"presencePenalty\":0.1,"
      "\"stopSequences\":[\"1\",\"2\",\"3\",\"4\",\"5\"],\"responseLogprobs\":true,\"logprobs\":3,"
      "\"responseModalities\":[\"TEXT\"]}}" },
    { "Gemini 3 refuses penalties", "gemini-3-flash-preview",
      "{\"contents\":[" USER_HI "],\"generationConfig\":{\"presencePenalty\":0.1,"
      "\"frequencyPenalty\":1}}",
      "{\"contents\":[" USER_HI "]}" },
    { "JSON output", "gemini-2.5-flash",
      "{\"contents\":[" USER_HI "],\"generationConfig\":{\"responseMimeType\":\"application/json\","
      "\"responseSchema\":{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"type\":\"STRING\","
      "\"nullable\":true,\"format\":\"enum\"}},\"propertyOrdering\":[\"a\"]}}}",
      "{\"contents\":[" USER_HI "],\"generationConfig\":{\"responseMimeType\":\"application/json\","
      "\"responseJsonSchema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":[\"string\","
      "\"null\"]}}}}}" },
    { "JSON output beside functions is asked for in words before 3", "gemini-2.5-flash",
      "{\"contents\":[" USER_HI "],\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]}],"
      "\"generationConfig\":{\"responseMimeType\":\"application/json\"}}",
      "{\"contents\":[" USER_HI "],\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]}],"
      "\"systemInstruction\":{\"parts\":[{\"text\":\"When you answer without calling a function, "
      "answer with nothing but JSON.\"}]}}" },
    { "Google's own addresses", "gemini-2.5-flash",
      "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"fileData\":{\"fileUri\":\"gs://b/a.png\","
      "\"mimeType\":\"image/png\"}},{\"fileData\":{\"fileUri\":\"https://youtu.be/x\"}},"
      "{\"fileData\":{\"fileUri\":\"files/abc\"}},"
      "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"iVBORw0=\"}}]}]}",
      "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"fileData\":{\"fileUri\":\"gs://b/a.png\","
      "\"mimeType\":\"image/png\"}},{\"fileData\":{\"fileUri\":\"https://youtu.be/x\"}},"
      "{\"fileData\":{\"fileUri\":\"https://generativelanguage.googleapis.com/v1beta/files/abc\"}},"
      "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"iVBORw0=\"}}]}]}" },
    { "base64 in the URL's alphabet, as Google's Python SDK writes it", "gemini-2.5-flash",
      "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\","
      "\"data\":\"iV-_Rw\"}}]}]}",
      "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\","
      "\"data\":\"iV+/Rw==\"}}]}]}" },
    { "extras that Gemini knows", "gemini-2.5-flash",
      "{\"contents\":[" USER_HI "],\"safety_settings\":[{\"category\":\"c\"}],"
      "\"cachedContent\":\"cachedContents/1\",\"foo\":1,\"serviceTier\":\"flex\"}",
      "{\"contents\":[" USER_HI "],\"safetySettings\":[{\"category\":\"c\"}],"
      "\"cachedContent\":\"cachedContents/1\",\"serviceTier\":\"flex\"}" },
};

static void test_write_request(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(outs); i++) {
        struct arena a;
        struct buf out;
        struct err e = { 0 };
        struct chat_loss loss;
        arena_init(&a);
        buf_init(&out, 1 << 20);
        struct chat_req r = read_request(outs[i].in, outs[i].model, &a);
        disown(&r);
        rc got = write_request(&out, &r, outs[i].model, true, &loss, &a, &e);
        if (FAILED(got))
            fail_msg("%s: %s", outs[i].name, e.text);
        check_json(outs[i].name, buf_str(&out), str_c(outs[i].want), &a);
        buf_done(&out);
        arena_done(&a);
    }
}

/* What a Gemini client sends goes out again as it came. */
static const char *const round_trips[] = {
    "{\"contents\":[" USER_HI "]}",
    "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"},{\"fileData\":{\"fileUri\":"
    "\"https://example.com/v.mp4\",\"mimeType\":\"video/mp4\"},\"videoMetadata\":{\"fps\":1}}]},"
    "{\"role\":\"model\",\"parts\":[{\"text\":\"hm\",\"thought\":true},{\"text\":\"x\","
    "\"thoughtSignature\":\"QUJD\"},{\"executableCode\":{\"code\":\"1\",\"language\":\"PYTHON\"}},"
    "{\"codeExecutionResult\":{\"outcome\":\"OUTCOME_OK\",\"output\":\"1\"}},"
    "{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":[1.0,2]}}},"
    "{\"functionCall\":{\"id\":\"i7\",\"name\":\"f\",\"args\":{}},\"thoughtSignature\":\"WFla\"}]},"
    "{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{\"result\":"
    "\"r\"}}},{\"functionResponse\":{\"id\":\"i7\",\"name\":\"f\",\"response\":{\"output\":\"o\"},"
    "\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"QQ==\"}}]}}]}],"
    "\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]},"
    "\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"description\":\"d\",\"parameters\":"
    "{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"type\":\"ARRAY\",\"items\":{\"type\":\"NUMBER\"}"
    "}}},"
    "\"response\":{\"type\":\"STRING\"}}]},{\"googleSearch\":{}}],"
    "\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"VALIDATED\"}},"
    "\"generationConfig\":{\"temperature\":1e0,\"topK\":5,\"thinkingConfig\":{\"thinkingBudget\":-"
    "1,"
    "\"includeThoughts\":true},\"speechConfig\":{\"voiceConfig\":{}},\"mediaResolution\":"
    "\"MEDIA_RESOLUTION_LOW\",\"responseMimeType\":\"application/json\",\"responseSchema\":"
    "{\"type\":\"OBJECT\"},\"responseLogprobs\":true,\"logprobs\":2},"
    "\"safetySettings\":[{\"category\":\"HARM_CATEGORY_HARASSMENT\",\"threshold\":\"OFF\"}],"
    "\"cachedContent\":\"cachedContents/x\",\"labels\":{\"a\":\"b\"},\"store\":false}",
};

static void test_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(round_trips); i++) {
        struct arena a;
        struct buf out;
        struct err e = { 0 };
        struct chat_loss loss;
        arena_init(&a);
        buf_init(&out, 1 << 20);
        struct chat_req r = read_request(round_trips[i], "gemini-2.5-flash", &a);
        CHECK_OK(write_request(&out, &r, "gemini-2.5-flash", false, &loss, &a, &e), &e);
        check_json("round trip", buf_str(&out), str_c(round_trips[i]), &a);
        assert_null(loss.dropped);
        buf_done(&out);
        arena_done(&a);
    }
}

static const struct {
    const char *name, *in, *where;
} bads[] = {
    { "no contents", "{}", "contents" },
    { "contents of another type", "{\"contents\":7}", "contents" },
    { "a content that is none", "{\"contents\":[" USER_HI ",7]}", "contents[1]" },
    { "parts of another type", "{\"contents\":[{\"parts\":7}]}", "contents[0].parts" },
    { "temperature as text", "{\"contents\":[],\"generationConfig\":{\"temperature\":\"hot\"}}",
      "generationConfig.temperature" },
    { "a fraction of tokens", "{\"contents\":[],\"generationConfig\":{\"max_output_tokens\":1.5}}",
      "generationConfig.maxOutputTokens" },
    { "one stop string", "{\"contents\":[],\"generationConfig\":{\"stopSequences\":\"x\"}}",
      "generationConfig.stopSequences" },
    { "tools of another type", "{\"contents\":[],\"tools\":7}", "tools" },
};

static void test_bad_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bads); i++) {
        struct arena a;
        struct err e = { 0 };
        struct chat_req r;
        jval *v;
        arena_init(&a);
        CHECK_OK(jd_read(&v, str_c(bads[i].in), &a, &e), &e);
        rc got = dialect_gemini.read_chat(&r, v, &(struct dialect_path){ 0 }, &a, &e);
        if (got.code != E_SYNTAX)
            fail_msg("%s: was taken", bads[i].name);
        CHECK_STR(str_c(e.where), str_c(bads[i].where));
        arena_done(&a);
    }
}

/* ---- thinking by generation ----------------------------------------------------------------- */

static const struct {
    const char *model;
    enum chat_effort effort;
    int64_t budget;
    const char *want; /* thinkingConfig; NULL: refused */
} thinks[] = {
    { "gemini-2.5-flash", EFFORT_LOW, CHAT_UNSET,
      "{\"thinkingBudget\":1024,\"includeThoughts\":true}" },
    { "gemini-2.5-flash", EFFORT_NONE, CHAT_UNSET,
      "{\"thinkingBudget\":0,\"includeThoughts\":false}" },
    { "gemini-2.5-flash", EFFORT_MINIMAL, CHAT_UNSET,
      "{\"thinkingBudget\":1,\"includeThoughts\":true}" },
    { "gemini-2.5-pro", EFFORT_MINIMAL, CHAT_UNSET,
      "{\"thinkingBudget\":128,\"includeThoughts\":true}" },
    { "gemini-2.5-pro", EFFORT_NONE, CHAT_UNSET,
      "{\"thinkingBudget\":128,\"includeThoughts\":false}" },
    { "gemini-2.5-flash-lite", EFFORT_MINIMAL, CHAT_UNSET,
      "{\"thinkingBudget\":512,\"includeThoughts\":true}" },
    { "gemini-2.5-flash", EFFORT_UNSET, 99999,
      "{\"thinkingBudget\":24576,\"includeThoughts\":true}" },
    { "gemini-2.5-flash", EFFORT_UNSET, -1, "{\"thinkingBudget\":-1,\"includeThoughts\":true}" },
    { "gemini-3-pro-preview", EFFORT_LOW, CHAT_UNSET,
      "{\"thinkingLevel\":\"LOW\",\"includeThoughts\":true}" },
    { "gemini-3-pro-preview", EFFORT_MEDIUM, CHAT_UNSET,
      "{\"thinkingLevel\":\"HIGH\",\"includeThoughts\":true}" },
    { "gemini-3-flash-preview", EFFORT_MINIMAL, CHAT_UNSET,
      "{\"thinkingLevel\":\"MINIMAL\",\"includeThoughts\":true}" },
    { "models/gemini-3.7-flash", EFFORT_MINIMAL, CHAT_UNSET,
      "{\"thinkingLevel\":\"LOW\",\"includeThoughts\":true}" },
    { "gemini-4-argon", EFFORT_NONE, CHAT_UNSET,
      "{\"thinkingLevel\":\"LOW\",\"includeThoughts\":false}" },
    { "gemini-flash-latest", EFFORT_MAX, CHAT_UNSET,
      "{\"thinkingLevel\":\"HIGH\",\"includeThoughts\":true}" },
    { "gemini-3-flash", EFFORT_UNSET, 1024,
      "{\"thinkingLevel\":\"LOW\",\"includeThoughts\":true}" },
    { "gemini-3-flash", EFFORT_UNSET, -1, "{\"includeThoughts\":true}" },
    { "gemini-2.0-flash", EFFORT_LOW, CHAT_UNSET, NULL },
    { "gemini-pro", EFFORT_LOW, CHAT_UNSET, NULL },
    { "gemini-2.0-flash", EFFORT_NONE, CHAT_UNSET, "" },
};

static void test_thinking(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(thinks); i++) {
        struct arena a;
        struct buf out;
        struct err e = { 0 };
        struct chat_loss loss;
        jval *v;
        arena_init(&a);
        buf_init(&out, 1 << 20);
        struct chat_req r = read_request("{\"contents\":[" USER_HI "]}", "m", &a);
        disown(&r);
        r.effort = thinks[i].effort;
        r.thinking_budget = thinks[i].budget;
        rc got = write_request(&out, &r, thinks[i].model, false, &loss, &a, &e);
        if (!thinks[i].want) {
            assert_int_equal(got.code, E_UNSUPPORTED);
            CHECK_STR(str_c(e.where), S("reasoning_effort"));
        } else {
            CHECK_OK(got, &e);
            CHECK_OK(jd_read(&v, buf_str(&out), &a, &e), &e);
            str config = jd_text(jd_path(v, "generationConfig", "thinkingConfig", NULL), &a);
            CHECK_STR(config, str_c(thinks[i].want));
        }
        buf_done(&out);
        arena_done(&a);
    }
}

static void test_losses(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    struct err e = { 0 };
    struct chat_loss loss;
    arena_init(&a);
    buf_init(&out, 1 << 20);
    struct chat_req r = read_request("{\"contents\":[" USER_HI "]}", "m", &a);
    disown(&r);
    r.logit_bias = S("{}");
    assert_int_equal(write_request(&out, &r, "gemini-2.5-pro", false, &loss, &a, &e).code,
                     E_UNSUPPORTED);
    CHECK_STR(str_c(e.where), S("logit_bias"));
    buf_clear(&out);
    CHECK_OK(write_request(&out, &r, "gemini-2.5-pro", true, &loss, &a, &e), &e);
    CHECK_STR(loss.dropped->s, S("logit_bias"));

    struct chat_part *image = chat_add_part(&a, &r.messages->parts, PART_IMAGE);
    image->media.url = S("https://example.com/x.png");
    buf_clear(&out);
    assert_int_equal(write_request(&out, &r, "gemini-2.5-pro", true, &loss, &a, &e).code,
                     E_UNSUPPORTED);
    CHECK_STR(str_c(e.where), S("image_url"));
    buf_done(&out);
    arena_done(&a);
}

/* The deployment's own words: defaults where the request says nothing, the extra body always. */
static void test_deployment(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    struct err e = { 0 };
    struct chat_extra safety = { NULL, S("safety_settings"), S("[1]") };
    struct chat_extra top_p = { &safety, S("top_p"), S("0.25") };
    struct chat_extra defaults = { &top_p, S("temperature"), S("0.75") };
    struct chat_extra labels = { NULL, S("labels"), S("{\"a\":\"b\"}") };
    struct chat_extra extra = { &labels, S("generationConfig"),
                                S("{\"seed\":7,\"mediaResolution\":\"LOW\"}") };
    struct chat_target t = { .model = S("gemini-2.5-flash"),
                             .defaults = &defaults,
                             .extra_body = &extra,
                             .max_tokens_default = CHAT_UNSET };
    arena_init(&a);
    buf_init(&out, 1 << 20);
    struct chat_loss loss = { .arena = &a };
    struct chat_req r = read_request("{\"contents\":[" USER_HI "],\"generationConfig\":{"
                                     "\"temperature\":1,\"seed\":1}}",
                                     "m", &a);
    disown(&r);
    CHECK_OK(dialect_gemini.write_chat(&out, &r, &t, &loss, &a, &e), &e);
    check_json("deployment", buf_str(&out),
               S("{\"contents\":[" USER_HI "],\"generationConfig\":{\"temperature\":1,"
                 "\"topP\":0.25,\"seed\":7,\"mediaResolution\":\"LOW\"},"
                 "\"safetySettings\":[1],\"labels\":{\"a\":\"b\"}}"),
               &a);
    buf_done(&out);
    arena_done(&a);
}

/* ---- foreign signatures --------------------------------------------------------------------- */

static void test_signatures(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    str out = gemini_signature_out(&a, S("Eo+/8="), DIALECT_ANTHROPIC, false);
    struct gemini_signature in = gemini_signature_in(&a, out);
    CHECK_STR(in.sig, S("Eo+/8="));
    assert_int_equal(in.origin, DIALECT_ANTHROPIC);
    assert_false(in.redacted);
    in = gemini_signature_in(&a, gemini_signature_out(&a, S("x"), DIALECT_OPENAI_RESPONSES, true));
    CHECK_STR(in.sig, S("x"));
    assert_int_equal(in.origin, DIALECT_OPENAI_RESPONSES);
    assert_true(in.redacted);
    CHECK_STR(gemini_signature_out(&a, S("QUJD"), DIALECT_GEMINI, false), S("QUJD"));
    assert_int_equal(gemini_signature_in(&a, S("QUJD")).origin, DIALECT_GEMINI);
    /* A client hands the streamed pieces of a thought back one by one. */
    char body[1024];
    snprintf(
        body, sizeof(body),
        "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"text\":\"Let me \",\"thought\":true},"
        "{\"text\":\"see\",\"thought\":true},{\"text\":\"\",\"thought\":true,"
        "\"thoughtSignature\":\"%.*s\"},{\"text\":\"Four\"}]}]}",
        STRF(out));
    struct chat_req r = read_request(body, "m", &a);
    struct chat_part *p = r.messages->parts;
    assert_int_equal(p->kind, PART_THINKING);
    CHECK_STR(p->text, S("Let me see"));
    CHECK_STR(p->signature, S("Eo+/8="));
    assert_int_equal(p->origin, DIALECT_ANTHROPIC);
    assert_int_equal(p->next->kind, PART_TEXT);
    CHECK_STR(p->next->text, S("Four"));
    arena_done(&a);
}

/* ---- replies -------------------------------------------------------------------------------- */

static void test_read_reply(void **state)
{
    (void)state;
    struct arena a;
    struct err e = { 0 };
    struct chat_error error = { 0 };
    struct chat_reply r;
    arena_init(&a);
    CHECK_OK(
        dialect_gemini.read_reply(
            &r,
            S("{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":["
              "{\"text\":\"hm\",\"thought\":true},{\"text\":\"\xc3\xa9"
              "a\"},"
              "{\"functionCall\":{\"name\":\"f\",\"args\":{\"x\": 1}},\"thoughtSignature\":"
              "\"QUJD\"},{\"executableCode\":{\"code\":\"1\"}}]},\"finishReason\":1,"
              "\"groundingMetadata\":{\"groundingChunks\":[{\"web\":{\"uri\":\"http://u\","
              "\"title\":\"T\"}}],\"groundingSupports\":[{\"segment\":{\"startIndex\":2,"
              "\"endIndex\":3},\"groundingChunkIndices\":[0,9]}]},\"logprobsResult\":"
              "{\"chosenCandidates\":[{\"token\":\"a\",\"logProbability\":-0.5}],"
              "\"topCandidates\":[{\"candidates\":[{\"token\":\"b\",\"logProbability\":-1}]}]}}],"
              "\"usageMetadata\":{\"promptTokenCount\":\"10\",\"toolUsePromptTokenCount\":2,"
              "\"candidatesTokenCount\":5,\"thoughtsTokenCount\":7,\"cachedContentTokenCount\":4,"
              "\"totalTokenCount\":24},\"modelVersion\":\"gemini-x\",\"responseId\":\"abc\"}"),
            &error, &a, &e),
        &e);
    CHECK_STR(r.id, S("abc"));
    struct chat_part *p = r.choices->parts;
    assert_int_equal(p->kind, PART_THINKING);
    p = p->next;
    CHECK_STR(p->text, S("\xc3\xa9"
                         "a"));
    CHECK_STR(p->notes, S("[{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":1,"
                          "\"end_index\":2,\"url\":\"http://u\",\"title\":\"T\"}}]"));
    p = p->next;
    CHECK_STR(p->call.args, S("{\"x\":1}"));
    CHECK_STR(p->call.signature, S("QUJD"));
    assert_true(str_starts(p->call.id, S("call_")));
    assert_int_equal(p->next->kind, PART_OPAQUE);
    assert_int_equal(r.choices->finish, FINISH_TOOL_CALLS);
    CHECK_STR(r.choices->native_finish, S("STOP"));
    CHECK_STR(r.choices->logprobs,
              S("{\"content\":[{\"token\":\"a\",\"logprob\":-0.5,\"bytes\":[97],\"top_logprobs\":["
                "{\"token\":\"b\",\"logprob\":-1,\"bytes\":[98]}]}],\"refusal\":null}"));
    assert_int_equal(r.usage.prompt, 12);
    assert_int_equal(r.usage.completion, 12);
    assert_int_equal(r.usage.reasoning, 7);
    assert_int_equal(r.usage.cache_read, 4);
    assert_int_equal(r.usage.total, 24);

    CHECK_OK(dialect_gemini.read_reply(&r, S("{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}"),
                                       &error, &a, &e),
             &e);
    assert_int_equal(r.choices->finish, FINISH_FILTER);
    CHECK_STR(r.choices->native_finish, S("SAFETY"));

    CHECK_OK(dialect_gemini.read_reply(
                 &r,
                 S("[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n,\r\n"
                   "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"b\"}]}}]},"
                   "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\",\"thoughtSignature\":"
                   "\"QQ==\"}]},\"finishReason\":\"MAX_TOKENS\"}]}]"),
                 &error, &a, &e),
             &e);
    CHECK_STR(r.choices->parts->text, S("ab"));
    CHECK_STR(r.choices->parts->signature, S("QQ=="));
    assert_null(r.choices->parts->next);
    assert_int_equal(r.choices->finish, FINISH_LENGTH);

    static const char *const broken[] = { "",
                                          "<html>",
                                          "7",
                                          "{}",
                                          "[]",
                                          "{\"candidates\":[]}",
                                          "[{\"error\":{\"code\":500,\"message\":\"x\"}}]" };
    for (size_t i = 0; i < COUNT_OF(broken); i++)
        assert_int_equal(dialect_gemini.read_reply(&r, str_c(broken[i]), &error, &a, &e).code,
                         E_UPSTREAM);
    assert_int_equal(error.status, 500);
    CHECK_STR(error.message, S("x"));
    arena_done(&a);
}

/* ---- errors --------------------------------------------------------------------------------- */

static const struct {
    unsigned status;
    const char *body;
    unsigned want_status;
    enum chat_error_kind kind;
    const char *message;
    int64_t retry_ms;
} errors[] = {
    { 400, "{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"INVALID_ARGUMENT\"}}", 400,
      ERR_INVALID_REQUEST, "m", -1 },
    { 400,
      "{\"error\":{\"code\":400,\"message\":\"The input token count (9) exceeds the maximum\","
      "\"status\":\"INVALID_ARGUMENT\"}}",
      400, ERR_CONTEXT_WINDOW, "The input token count (9) exceeds the maximum", -1 },
    { 400,
      "{\"error\":{\"code\":400,\"message\":\"API key not valid\",\"status\":\"INVALID_ARGUMENT\","
      "\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":"
      "\"API_KEY_INVALID\"}]}}",
      401, ERR_AUTH, "API key not valid", -1 },
    { 400, "{\"error\":{\"code\":400,\"message\":\"region\",\"status\":\"FAILED_PRECONDITION\"}}",
      403, ERR_PERMISSION, "region", -1 },
    { 429,
      "[{\"error\":{\"code\":429,\"message\":\"q\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":["
      "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"34.0741s\"}]}}]",
      429, ERR_RATE_LIMIT, "q", 34075 },
    { 429,
      "{\"error\":{\"code\":429,\"message\":\"q\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":["
      "{\"@type\":\"type.googleapis.com/google.rpc.QuotaFailure\",\"violations\":[{\"quotaId\":"
      "\"GenerateRequestsPerDayPerProject\"}]}]}}",
      429, ERR_QUOTA, "q", -1 },
    { 503, "", 503, ERR_UNAVAILABLE, "Provider returned HTTP 503", -1 },
    { 404, "<!DOCTYPE html><html><title>Error 404 (Not Found)!!1</title>", 404, ERR_NOT_FOUND,
      "Error 404 (Not Found)!!1", -1 },
    { 500, "{\"error\":\"flat\"}", 500, ERR_SERVER, "flat", -1 },
    { 502, "upstream connect error", 502, ERR_BAD_GATEWAY, "upstream connect error", -1 },
};

static void test_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        struct arena a;
        struct chat_error e;
        arena_init(&a);
        dialect_gemini.read_error(&e, errors[i].status, str_c(errors[i].body), &a);
        assert_int_equal(e.status, errors[i].want_status);
        assert_int_equal(e.kind, errors[i].kind);
        CHECK_STR(e.message, str_c(errors[i].message));
        assert_int_equal(e.retry_after_ms, errors[i].retry_ms);
        arena_done(&a);
    }
    struct buf out;
    buf_init(&out, 1 << 20);
    dialect_gemini.write_error(
        &out,
        &(struct chat_error){
            .status = 429, .kind = ERR_RATE_LIMIT, .message = S("slow"), .retry_after_ms = 1500 },
        NULL);
    CHECK_STR(buf_str(&out),
              S("{\"error\":{\"code\":429,\"message\":\"slow\",\"status\":\"RESOURCE_EXHAUSTED\","
                "\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
                "\"retryDelay\":\"2s\"}]}}"));
    buf_done(&out);
}

/* ---- streams: read, order, write again ------------------------------------------------------ */

struct to_writer {
    struct chat_sink sink;
    const struct dialect *dialect;
    struct gemini_stream_writer state;
    struct dialect_ctx ctx;
    struct buf out;
};

static void write_one(struct chat_sink *sink, const struct chat_event *ev)
{
    struct to_writer *w = CONTAINER_OF(sink, struct to_writer, sink);
    w->dialect->write_event(&w->state, &w->out, ev, &w->ctx);
}

static void run_stream(struct to_writer *w, const char *const *frames, struct arena *a)
{
    struct gemini_stream_reader reader = { 0 };
    struct chat_stream *s = NEW(a, struct chat_stream, 1);
    struct err e = { 0 };
    w->sink.emit = write_one;
    w->ctx = (struct dialect_ctx){ .model = S("alias"), .id = S("id1"), .arena = a };
    buf_init(&w->out, 1 << 20);
    chat_stream_init(s, &w->sink);
    for (; *frames; frames++) {
        struct sse_event ev = { .data = str_c(*frames) };
        CHECK_OK(dialect_gemini.read_event(&reader, &ev, &s->in, a, &e), &e);
    }
    chat_stream_end(s, dialect_gemini.read_end(&reader, &s->in), S("cut"));
    chat_stream_done(s);
}

static const char *const frames[] = {
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hm\",\"thought\":true}],\"role\":"
    "\"model\"},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":169,\"totalTokenCount\":169},"
    "\"modelVersion\":\"gemini-3\",\"responseId\":\"r1\"}",
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"},{\"functionCall\":{\"id\":\"i1\","
    "\"name\":\"f\",\"args\":{\"a\":1}},\"thoughtSignature\":\"QUJD\"},{\"functionCall\":{\"id\":"
    "\"i2\",\"name\":\"g\"}}]},\"index\":0}]}",
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\",\"thoughtSignature\":\"WFla\"}]},"
    "\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":79,"
    "\"candidatesTokenCount\":3,\"thoughtsTokenCount\":2,\"totalTokenCount\":84}}",
    NULL,
};

#define HEAD "{\"candidates\":[{\"content\":{\"parts\":["
#define TAIL \
    "],\"role\":\"model\"},\"index\":0}],\"modelVersion\":\"alias\",\"responseId\":\"id1\"}"

static const char *const written[] = {
    HEAD "{\"text\":\"hm\",\"thought\":true}" TAIL,
    HEAD "{\"text\":\"Hi\"}" TAIL,
    HEAD "{\"functionCall\":{\"id\":\"i1\",\"name\":\"f\",\"args\":{\"a\":1}},"
         "\"thoughtSignature\":\"QUJD\"}" TAIL,
    HEAD "{\"functionCall\":{\"id\":\"i2\",\"name\":\"g\",\"args\":{}}}" TAIL,
    HEAD "{\"text\":\"\",\"thoughtSignature\":\"WFla\"}" TAIL,
    HEAD "{\"text\":\"\"}],\"role\":\"model\"},\"index\":0,\"finishReason\":\"STOP\"}],"
         "\"usageMetadata\":{\"promptTokenCount\":79,\"candidatesTokenCount\":3,"
         "\"totalTokenCount\":84,\"thoughtsTokenCount\":2},\"modelVersion\":\"alias\","
         "\"responseId\":\"id1\"}",
};

static void test_stream(void **state)
{
    (void)state;
    struct arena a;
    struct to_writer w = { .dialect = &dialect_gemini };
    struct buf want;
    arena_init(&a);
    buf_init(&want, 1 << 20);
    run_stream(&w, frames, &a);
    for (size_t i = 0; i < COUNT_OF(written); i++) {
        buf_add(&want, S("data: "));
        buf_add(&want, str_c(written[i]));
        buf_add(&want, S("\r\n\r\n"));
    }
    CHECK_STR(buf_str(&w.out), buf_str(&want));
    buf_done(&w.out);

    w = (struct to_writer){ .dialect = &dialect_gemini_array };
    run_stream(&w, frames, &a);
    buf_clear(&want);
    for (size_t i = 0; i < COUNT_OF(written); i++) {
        buf_add(&want, i ? S(",\r\n") : S("["));
        buf_add(&want, str_c(written[i]));
    }
    buf_add(&want, S("]"));
    CHECK_STR(buf_str(&w.out), buf_str(&want));
    buf_done(&w.out);
    buf_done(&want);
    arena_done(&a);
}

static void test_stream_ends(void **state)
{
    (void)state;
    static const char *const cut[] = {
        "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]}}]}", NULL
    };
    static const char *const failing[] = {
        "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]}}]}",
        "{\"error\":{\"code\":503,\"message\":\"busy\",\"status\":\"UNAVAILABLE\"}}", NULL
    };
    static const char *const malformed[] = {
        "{\"candidates\":[{\"finishReason\":\"MALFORMED_FUNCTION_CALL\"}]}", NULL
    };
    static const char *const *const streams[] = { cut, failing, malformed };
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        struct arena a;
        struct to_writer w = { .dialect = &dialect_gemini };
        arena_init(&a);
        run_stream(&w, streams[i], &a);
        assert_true(str_contains(buf_str(&w.out), S("data: {\"error\":{\"code\":")));
        assert_false(str_contains(buf_str(&w.out), S("finishReason")));
        if (i == 1)
            assert_true(str_contains(buf_str(&w.out), S("\"status\":\"UNAVAILABLE\"")));
        buf_done(&w.out);
        arena_done(&a);
    }
    struct arena a;
    struct err e = { 0 };
    struct gemini_stream_reader reader = { 0 };
    struct chat_sink none = { NULL };
    arena_init(&a);
    assert_int_equal(dialect_gemini
                         .read_event(&reader, &(struct sse_event){ .data = S("{\"candidates\":[") },
                                     &none, &a, &e)
                         .code,
                     E_UPSTREAM);
    arena_done(&a);
}

/* ---- relay and paths ------------------------------------------------------------------------ */

static void test_relay(void **state)
{
    (void)state;
    struct arena a;
    struct err e = { 0 };
    struct buf out;
    arena_init(&a);
    buf_init(&out, 1 << 20);
    struct dialect_relay rl = { .model = S("al\"ias"), .arena = &a, .usage = CHAT_USAGE_NONE };
    str data =
        S("{\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"\\\"finishReason\\\"\"}]}"
          "}],\"usageMetadata\": {\"promptTokenCount\": 3,\"candidatesTokenCount\": \"2\","
          "\"thoughtsTokenCount\":4},\"modelVersion\": \"gemini-x\",\"new\":[1.0]}");
    struct sse_event ev = { .data = data };
    CHECK_OK(dialect_gemini.relay_event(&rl, &out, &ev, &e), &e);
    CHECK_STR(buf_str(&out),
              S("data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": "
                "\"\\\"finishReason\\\"\"}]}}],\"usageMetadata\": {\"promptTokenCount\": 3,"
                "\"candidatesTokenCount\": \"2\",\"thoughtsTokenCount\":4},\"modelVersion\": "
                "\"al\\\"ias\",\"new\":[1.0]}\r\n\r\n"));
    assert_false(rl.finished);
    assert_true(rl.first_content);
    assert_int_equal(rl.usage.prompt, 3);
    assert_int_equal(rl.usage.completion, 6);
    assert_int_equal(rl.usage.total, 9);
    buf_clear(&out);
    ev = (struct sse_event){ .data = S("{\"candidates\":[{\"finishReason\":\"STOP\"}]}"),
                             .raw = S("data:{\"candidates\":[{\"finishReason\":\"STOP\"}]}\n\n") };
    CHECK_OK(dialect_gemini.relay_event(&rl, &out, &ev, &e), &e);
    CHECK_STR(buf_str(&out), ev.raw);
    assert_true(rl.finished);
    ev = (struct sse_event){ .data = S("{\"error\":{\"code\":429,\"message\":\"m\"}}") };
    CHECK_OK(dialect_gemini.relay_event(&rl, &out, &ev, &e), &e);
    assert_true(rl.failed);
    assert_int_equal(rl.error.kind, ERR_RATE_LIMIT);
    assert_int_equal(dialect_gemini.relay_reply(&rl, &out, S("<html>"), &e).code, E_UPSTREAM);
    buf_clear(&out);
    CHECK_OK(dialect_gemini.relay_reply(&rl, &out, data, &e), &e);
    assert_true(str_contains(buf_str(&out), S("\"modelVersion\": \"al\\\"ias\",\"new\":[1.0]")));
    buf_done(&out);
    arena_done(&a);
}

static const struct {
    const char *rest, *model;
    bool stream;
} paths[] = {
    { "gemini-2.5-flash:generateContent", "gemini-2.5-flash", false },
    { "models/gemini-2.5-flash:streamGenerateContent", "gemini-2.5-flash", true },
    { "qwen2.5%3A7b:streamGenerateContent", "qwen2.5:7b", true },
    { "local%2Fqwen:7b:generateContent", "local/qwen:7b", false },
    { "a/b", "a/b", false },
};

static void test_paths(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        str model;
        bool stream = !paths[i].stream;
        dialect_gemini.read_path(str_c(paths[i].rest), &model, &stream, &a);
        CHECK_STR(model, str_c(paths[i].model));
        assert_int_equal(stream, paths[i].stream);
    }
    struct chat_target t = { .model = S("gemini-pro") };
    CHECK_STR(dialect_gemini.chat_path(&t, false, &a),
              S("/v1beta/models/gemini-pro:generateContent"));
    t = (struct chat_target){ .model = S("tunedModels/a b"), .stream = true };
    CHECK_STR(dialect_gemini.chat_path(&t, true, &a),
              S("/tunedModels/a%20b:streamGenerateContent?alt=sse"));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_request), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bad_requests),  cmocka_unit_test(test_thinking),
        cmocka_unit_test(test_losses),        cmocka_unit_test(test_deployment),
        cmocka_unit_test(test_signatures),    cmocka_unit_test(test_read_reply),
        cmocka_unit_test(test_errors),        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_stream_ends),   cmocka_unit_test(test_relay),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
