/* mock_strict.c - what the vendors refuse, as --strict refuses it.
 *
 * Not all of it: what gateways get wrong - turns in the wrong order, calls without results, members
 * of another API, values out of range. Texts are close to the vendors' own.
 */
#include "cli/mock.h"

#include "base/map.h"

struct checking {
    const struct mock_ask *ask;
    struct arena *a;
    str why; /* the first thing that is wrong */
};

static void wrong(struct checking *c, str why)
{
    if (!c->why.n)
        c->why = why;
}

/* ---- shared checks -------------------------------------------------------------------------- */

static bool listed(str name, const char *names)
{
    str rest = str_c(names);
    while (rest.p)
        if (str_eq(str_cut(&rest, ' '), name))
            return true;
    return false;
}

/* Every member of v is among names; fmt tells of one that is not (one %.*s). */
static void only(struct checking *c, jval *v, const char *names, const char *before,
                 const char *behind)
{
    JD_EACH (m, v) {
        if (!listed(m.name, names))
            wrong(c, arena_fmt(c->a, "%s%.*s%s", before, STRF(m.name), behind));
    }
}

static void range(struct checking *c, const char *name, double least, double most)
{
    jval *v = jd_get(c->ask->body, str_c(name));
    double d = 0;
    if (jd_given(v) && (!jd_f64(v, &d) || d < least || d > most))
        wrong(c, arena_fmt(c->a, "%s: must be a number from %g to %g", name, least, most));
}

static bool good_name(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char k = s.p[i];
        if (!((k >= 'a' && k <= 'z') || (k >= 'A' && k <= 'Z') || (k >= '0' && k <= '9') ||
              k == '_' || k == '-'))
            return false;
    }
    return s.n > 0 && s.n <= 64;
}

/* Calls that still need a result. */
struct open_calls {
    struct map ids;
};

static void open_call(struct checking *c, struct open_calls *o, str id)
{
    if (!id.n)
        wrong(c, S("a tool call has no id"));
    else
        map_put(&o->ids, id, c);
}

static void close_call(struct checking *c, struct open_calls *o, str id)
{
    if (!map_del(&o->ids, id))
        wrong(c,
              arena_fmt(c->a,
                        "tool result '%.*s' does not answer a tool call of the preceding message",
                        STRF(id)));
}

static void none_open(struct checking *c, struct open_calls *o)
{
    if (o->ids.n)
        wrong(c, S("An assistant message with tool calls must be followed by tool messages "
                   "responding to each tool call id."));
}

/* ---- OpenAI chat, Cohere: messages with tool_calls ------------------------------------------ */

static void check_calls(struct checking *c, struct open_calls *o, jval *calls)
{
    JD_EACH (call, calls) {
        jval *function = jd_get(call.value, S("function"));
        open_call(c, o, jd_get_str(call.value, S("id")));
        if (!jd_is_str(jd_get(function, S("arguments"))))
            wrong(c, S("tool_calls: arguments must be a string"));
        if (!good_name(jd_get_str(function, S("name"))))
            wrong(c, S("tool_calls: the function's name does not match ^[a-zA-Z0-9_-]{1,64}$"));
    }
}

static void check_message(struct checking *c, struct open_calls *o, jval *m, const char *roles)
{
    str role = jd_get_str(m, S("role"));
    jval *content = jd_get(m, S("content")), *calls = jd_get(m, S("tool_calls"));
    if (!listed(role, roles))
        wrong(c, arena_fmt(c->a, "Invalid value: '%.*s'. Supported values are: %s.", STRF(role),
                           roles));
    if (str_eq(role, S("tool"))) {
        close_call(c, o, jd_get_str(m, S("tool_call_id")));
        return;
    }
    none_open(c, o);
    if (!jd_given(content) && !jd_count(calls))
        wrong(c, arena_fmt(c->a,
                           "Invalid value for 'content' of a %.*s message: expected a string, "
                           "got null.",
                           STRF(role)));
    if (jd_get(m, S("tool_calls")) && jd_count(calls) == 0)
        wrong(c, S("Invalid 'tool_calls': empty array."));
    check_calls(c, o, calls);
}

static void check_messages(struct checking *c, const char *roles)
{
    struct open_calls o;
    map_init(&o.ids);
    jval *messages = jd_get(c->ask->body, S("messages"));
    if (jd_count(messages) == 0)
        wrong(c, S("Invalid 'messages': empty array."));
    JD_EACH (m, messages) {
        check_message(c, &o, m.value, roles);
    }
    none_open(c, &o);
    map_done(&o.ids);
}

static void check_function_tools(struct checking *c)
{
    JD_EACH (t, jd_get(c->ask->body, S("tools"))) {
        jval *function = jd_get(t.value, S("function"));
        jval *parameters = jd_get(function, S("parameters"));
        if (jd_str_is(jd_get(t.value, S("type")), S("function")) &&
            !good_name(jd_get_str(function, S("name"))))
            wrong(c, S("Invalid 'tools[].function.name': does not match ^[a-zA-Z0-9_-]{1,64}$"));
        if (parameters && !jd_is_obj(parameters))
            wrong(c, S("Invalid 'tools[].function.parameters': expected an object"));
    }
}

static bool mentions_json(struct checking *c)
{
    return str_icontains(jd_text(jd_get(c->ask->body, S("messages")), c->a), S("json"));
}

static void check_openai(struct checking *c)
{
    jval *body = c->ask->body;
    only(c, body,
         "model messages stream stream_options tools tool_choice parallel_tool_calls temperature "
         "top_p max_tokens max_completion_tokens n stop seed logprobs top_logprobs logit_bias "
         "presence_penalty frequency_penalty response_format reasoning_effort user metadata store "
         "service_tier modalities audio prediction verbosity web_search_options safety_identifier "
         "prompt_cache_key prompt_cache_retention functions function_call",
         "Unrecognized request argument supplied: ", "");
    check_messages(c, "system developer user assistant tool function");
    check_function_tools(c);
    range(c, "temperature", 0, 2);
    range(c, "top_p", 0, 1);
    if (jd_given(jd_get(body, S("stream_options"))) && !jd_is_true(jd_get(body, S("stream"))))
        wrong(c, S("The 'stream_options' parameter is only allowed when 'stream' is enabled."));
    if (jd_given(jd_get(body, S("tool_choice"))) && !jd_count(jd_get(body, S("tools"))))
        wrong(c,
              S("Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are "
                "specified."));
    if (jd_str_is(jd_path(body, "response_format", "type", NULL), S("json_object")) &&
        !mentions_json(c))
        wrong(c, S("'messages' must contain the word 'json' in some form, to use 'response_format' "
                   "of type 'json_object'."));
}

static void check_cohere(struct checking *c)
{
    jval *body = c->ask->body, *choice = jd_get(body, S("tool_choice"));
    only(
        c, body,
        "model messages stream tools strict_tools documents citation_options response_format "
        "safety_mode max_tokens stop_sequences temperature seed frequency_penalty presence_penalty "
        "k p logprobs tool_choice thinking priority raw_prompting",
        "unknown field: parameter '", "' is not a valid field");
    check_messages(c, "system user assistant tool");
    check_function_tools(c);
    JD_EACH (m, jd_get(body, S("messages"))) {
        if (jd_str_is(jd_get(m.value, S("content")), S("")) &&
            !jd_count(jd_get(m.value, S("tool_calls"))))
            wrong(c,
                  S("invalid request: message must be at least 1 token long or tool results must "
                    "be specified."));
    }
    range(c, "temperature", 0, 1);
    range(c, "p", 0.01, 0.99);
    range(c, "k", 0, 500);
    range(c, "frequency_penalty", 0, 1);
    range(c, "presence_penalty", 0, 1);
    if (choice && !jd_str_is(choice, S("REQUIRED")) && !jd_str_is(choice, S("NONE")))
        wrong(c, S("invalid tool_choice: must be REQUIRED or NONE"));
    if (jd_count(jd_get(body, S("stop_sequences"))) > 5)
        wrong(c, S("invalid request: at most 5 stop_sequences"));
    if (c->ask->wants_json &&
        (jd_count(jd_get(body, S("tools"))) || jd_count(jd_get(body, S("documents")))))
        wrong(c, S("invalid request: response_format cannot be used with tools or documents"));
}

/* ---- Anthropic ------------------------------------------------------------------------------ */

static void check_block(struct checking *c, struct open_calls *o, jval *block, bool assistant,
                        bool *ret_other)
{
    str type = jd_get_str(block, S("type"));
    if (str_eq(type, S("tool_result"))) {
        if (assistant || *ret_other)
            wrong(c, S("messages: tool_result blocks must come first in a user message"));
        close_call(c, o, jd_get_str(block, S("tool_use_id")));
        return;
    }
    *ret_other = true;
    if (str_eq(type, S("text")) && !jd_get_str(block, S("text")).n)
        wrong(c, S("messages: text content blocks must be non-empty"));
    if (str_eq(type, S("tool_use"))) {
        open_call(c, o, jd_get_str(block, S("id")));
        if (!good_name(jd_get_str(block, S("id"))))
            wrong(c, S("messages: tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"));
        if (!jd_is_obj(jd_get(block, S("input"))))
            wrong(c, S("messages: tool_use.input: Input should be a valid dictionary"));
    }
    if (str_eq(type, S("thinking")) && !jd_get_str(block, S("signature")).n)
        wrong(c, S("messages: thinking.signature: Field required"));
    if (!listed(type, "text image document tool_use thinking redacted_thinking search_result "
                      "server_tool_use web_search_tool_result"))
        wrong(c, arena_fmt(c->a,
                           "messages: Input tag '%.*s' found using 'type' does not match any "
                           "of the expected tags",
                           STRF(type)));
}

static void check_anthropic_messages(struct checking *c)
{
    struct open_calls o;
    str before = S("assistant");
    map_init(&o.ids);
    jval *messages = jd_get(c->ask->body, S("messages"));
    if (jd_count(messages) == 0)
        wrong(c, S("messages: at least one message is required"));
    JD_EACH (m, messages) {
        str role = jd_get_str(m.value, S("role"));
        jval *content = jd_get(m.value, S("content"));
        bool other = false;
        if (!listed(role, "user assistant"))
            wrong(c, S("messages: Input should be 'user' or 'assistant'"));
        if (str_eq(role, before))
            wrong(c, S("messages: roles must alternate between \"user\" and \"assistant\", "
                       "beginning with \"user\""));
        before = role;
        if (jd_is_str(content) ? !jd_str(content).n : jd_count(content) == 0)
            wrong(c, S("messages: all messages must have non-empty content"));
        JD_EACH (block, jd_is_arr(content) ? content : NULL) {
            check_block(c, &o, block.value, str_eq(role, S("assistant")), &other);
        }
        if (str_eq(role, S("user")) && o.ids.n)
            wrong(c, S("messages: `tool_use` ids were found without `tool_result` blocks "
                       "immediately after"));
    }
    map_done(&o.ids);
}

static void check_anthropic(struct checking *c)
{
    jval *body = c->ask->body, *thinking = jd_get(body, S("thinking"));
    int64_t max = jd_i64_or(jd_get(body, S("max_tokens")), 0);
    int64_t budget = jd_i64_or(jd_get(thinking, S("budget_tokens")), 0);
    only(c, body,
         "model messages max_tokens system stream temperature top_p top_k stop_sequences tools "
         "tool_choice thinking metadata service_tier container context_management mcp_servers "
         "output_format output_config cache_control inference_geo",
         "", ": Extra inputs are not permitted");
    if (max < 1)
        wrong(c, S("max_tokens: Field required"));
    check_anthropic_messages(c);
    range(c, "temperature", 0, 1);
    range(c, "top_p", 0, 1);
    JD_EACH (t, jd_get(body, S("tools"))) {
        if (jd_get(t.value, S("name")) && !jd_get(t.value, S("type")) &&
            !jd_str_is(jd_path(t.value, "input_schema", "type", NULL), S("object")))
            wrong(c, S("tools: input_schema.type: Field required"));
    }
    if (!jd_str_is(jd_get(thinking, S("type")), S("enabled")))
        return;
    if (budget < 1024 || budget >= max)
        wrong(c, S("thinking.budget_tokens: must be at least 1024 and less than max_tokens"));
    if (jd_str_is(jd_path(body, "tool_choice", "type", NULL), S("any")) ||
        jd_str_is(jd_path(body, "tool_choice", "type", NULL), S("tool")))
        wrong(c, S("Thinking may not be enabled when tool_choice forces tool use."));
}

/* ---- Gemini --------------------------------------------------------------------------------- */

static jval *either(jval *v, str camel, str snake)
{
    jval *got = jd_get(v, camel);
    return got ? got : jd_get(v, snake);
}

/* The words of its OpenAPI subset; deeper than that nobody nests. */
static void check_gemini_schema(struct checking *c, jval *schema, int depth)
{
    if (!jd_is_obj(schema) || depth > 32)
        return;
    JD_EACH (m, schema) {
        if (!listed(m.name,
                    "type format title description nullable enum maxItems minItems properties "
                    "required minProperties maxProperties minLength maxLength pattern example "
                    "anyOf propertyOrdering default items minimum maximum"))
            wrong(c, arena_fmt(c->a,
                               "Invalid JSON payload received. Unknown name \"%.*s\" at "
                               "'tools[0].function_declarations[0].parameters': Cannot find "
                               "field.",
                               STRF(m.name)));
    }
    JD_EACH (p, jd_get(schema, S("properties"))) {
        check_gemini_schema(c, p.value, depth + 1);
    }
    check_gemini_schema(c, jd_get(schema, S("items")), depth + 1);
    JD_EACH (p, jd_get(schema, S("anyOf"))) {
        check_gemini_schema(c, p.value, depth + 1);
    }
}

static void check_gemini_turns(struct checking *c)
{
    size_t open = 0;
    jval *contents = jd_get(c->ask->body, S("contents"));
    if (jd_count(contents) == 0)
        wrong(c, S("* GenerateContentRequest.contents: contents is not specified"));
    JD_EACH (turn, contents) {
        size_t calls = 0, results = 0;
        jval *role = jd_get(turn.value, S("role"));
        if (jd_given(role) && !listed(jd_str(role), "user model function"))
            wrong(c, S("Please use a valid role: user, model."));
        if (jd_count(jd_get(turn.value, S("parts"))) == 0)
            wrong(c, S("* GenerateContentRequest.contents: contents.parts must not be empty."));
        JD_EACH (part, jd_get(turn.value, S("parts"))) {
            calls += either(part.value, S("functionCall"), S("function_call")) != NULL;
            results += either(part.value, S("functionResponse"), S("function_response")) != NULL;
            if (jd_count(part.value) == 0)
                wrong(c, S("contents.parts: part must have one initialized field"));
        }
        if (results != open)
            wrong(c, S("Please ensure that the number of function response parts is equal to the "
                       "number of function call parts of the function call turn."));
        open = calls;
    }
    if (open)
        wrong(c,
              S("Please ensure that function call turn is followed by a function response turn."));
}

static void check_gemini(struct checking *c)
{
    jval *body = c->ask->body;
    only(
        c, body,
        "contents systemInstruction system_instruction tools toolConfig tool_config safetySettings "
        "safety_settings generationConfig generation_config cachedContent cached_content labels "
        "model store serviceTier",
        "Invalid JSON payload received. Unknown name \"", "\": Cannot find field.");
    check_gemini_turns(c);
    JD_EACH (tool, jd_get(body, S("tools"))) {
        JD_EACH (f, either(tool.value, S("functionDeclarations"), S("function_declarations"))) {
            check_gemini_schema(c, jd_get(f.value, S("parameters")), 0);
            if (!good_name(jd_get_str(f.value, S("name"))))
                wrong(c, S("Invalid function name. Must start with a letter or an underscore."));
        }
    }
}

/* ---- Ollama, Responses ---------------------------------------------------------------------- */

static void check_ollama(struct checking *c)
{
    static const char *const numbers[] = { "temperature", "top_p",   "top_k",
                                           "num_predict", "num_ctx", "seed" };
    jval *options = jd_get(c->ask->body, S("options"));
    JD_EACH (m, jd_get(c->ask->body, S("messages"))) {
        jval *content = jd_get(m.value, S("content"));
        if (jd_given(content) && !jd_is_str(content))
            wrong(c, S("json: cannot unmarshal array into Go struct field "
                       "ChatRequest.messages.content of type string"));
        JD_EACH (image, jd_get(m.value, S("images"))) {
            if (str_contains(str_take(jd_str(image.value), 16), S(":")))
                wrong(c, S("illegal base64 data at input byte 4"));
        }
        JD_EACH (call, jd_get(m.value, S("tool_calls"))) {
            if (!jd_is_obj(jd_path(call.value, "function", "arguments", NULL)))
                wrong(c, S("Value looks like object, but can't find closing '}' symbol"));
        }
    }
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        jval *v = jd_get(options, str_c(numbers[i]));
        if (jd_given(v) && !jd_is_num(v))
            wrong(c, arena_fmt(c->a, "option \"%s\" must be of type float32", numbers[i]));
    }
}

static void check_responses(struct checking *c)
{
    struct open_calls o;
    map_init(&o.ids);
    jval *input = jd_get(c->ask->body, S("input"));
    bool continued = jd_given(jd_get(c->ask->body, S("previous_response_id")));
    only(c, c->ask->body,
         "model input instructions stream stream_options tools tool_choice parallel_tool_calls "
         "temperature top_p max_output_tokens max_tool_calls text reasoning store include metadata "
         "user previous_response_id conversation truncation service_tier background prompt "
         "safety_identifier prompt_cache_key prompt_cache_retention top_logprobs",
         "Unknown parameter: '", "'.");
    JD_EACH (item, jd_is_arr(input) ? input : NULL) {
        str type = jd_get_str(item.value, S("type"));
        str id = jd_get_str(item.value, S("call_id"));
        if (str_eq(type, S("function_call")))
            open_call(c, &o, id);
        if (str_eq(type, S("function_call_output")) && !map_del(&o.ids, id) && !continued)
            wrong(c,
                  arena_fmt(c->a, "No tool call found for function call output with call_id %.*s.",
                            STRF(id)));
    }
    if (o.ids.n)
        wrong(c, S("No tool output found for function call."));
    map_done(&o.ids);
}

str mock_strict(const struct mock_ask *ask, struct arena *a)
{
    static void (*const checks[MOCK_API_COUNT])(struct checking *) = {
        [MOCK_OPENAI] = check_openai,       [MOCK_RESPONSES] = check_responses,
        [MOCK_ANTHROPIC] = check_anthropic, [MOCK_GEMINI] = check_gemini,
        [MOCK_COHERE] = check_cohere,       [MOCK_OLLAMA] = check_ollama,
        [MOCK_GENERATE] = check_ollama,
    };
    struct checking c = { .ask = ask, .a = a };
    checks[ask->api](&c);
    return c.why;
}
