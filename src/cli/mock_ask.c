/* mock_ask.c - what a request wants, whichever API it is of; and the orders in it.
 */
#include "cli/mock.h"

/* ---- orders --------------------------------------------------------------------------------- */

static void take_word(struct mock_order *o, str word, str rest_of_text)
{
    const struct {
        str key;
        str *to;
    } values[] = {
        { S("fault="), &o->fault },   { S("retry-after="), &o->retry_after },
        { S("status="), &o->status }, { S("ms="), &o->ms },
        { S("call="), &o->call },     { S("args="), &o->args },
        { S("calls="), &o->calls },   { S("finish="), &o->finish },
        { S("chunks="), &o->chunks }, { S("rate="), &o->rate },
        { S("times="), &o->times },   { S("replay="), &o->replay },
    };
    if (str_starts(word, S("say=")))
        o->say = str_skip(rest_of_text, 4); /* to the end */
    else if (str_eq(word, S("think=1")))
        o->think = true;
    else if (str_eq(word, S("noargs=1")))
        o->noargs = true;
    else if (str_eq(word, S("refuse=1")))
        o->refuse = true;
    for (size_t i = 0; i < COUNT_OF(values); i++)
        if (str_starts(word, values[i].key))
            *values[i].to = str_skip(word, values[i].key.n);
}

static void take_orders(struct mock_order *o, str text)
{
    for (size_t i = 0; i < text.n;) {
        size_t end = i;
        while (end < text.n && !memchr(" ,\n\t", text.p[end], 4))
            end++;
        str word = str_take(str_skip(text, i), end - i);
        take_word(o, word, str_skip(text, i));
        if (str_starts(word, S("say=")))
            return;
        i = end + 1;
    }
}

/* ---- texts ---------------------------------------------------------------------------------- */

/* A string, or the `text`s of an array of parts. */
static str text_of(jval *content, struct arena *a)
{
    static const str keys[] = { S("text"), S("content"), S("output") };
    str all = { 0 };
    if (jd_is_str(content))
        return jd_str(content);
    if (jd_is_obj(content))
        return jd_text(content, a);
    JD_EACH (part, content) {
        str one = jd_str(part.value);
        for (size_t k = 0; k < COUNT_OF(keys) && !one.n; k++)
            one = jd_get_str(part.value, keys[k]);
        if (!one.n && jd_is_obj(jd_get(part.value, S("document"))))
            one = jd_text(jd_get(part.value, S("document")), a);
        all = all.n && one.n ? arena_fmt(a, "%.*s %.*s", STRF(all), STRF(one)) : one.n ? one : all;
    }
    return all;
}

static void add_result(struct mock_ask *ask, str text, struct arena *a)
{
    ask->result = ask->result.n ? arena_fmt(a, "%.*s; %.*s", STRF(ask->result), STRF(text)) : text;
    ask->after_tool = true;
}

/* ---- the APIs ------------------------------------------------------------------------------- */

/* OpenAI chat, Cohere, Ollama: messages with roles. */
static void read_messages(struct mock_ask *ask, struct arena *a)
{
    JD_EACH (m, jd_get(ask->body, S("messages"))) {
        str role = jd_get_str(m.value, S("role"));
        jval *content = jd_get(m.value, S("content"));
        if (str_eq(role, S("user"))) {
            ask->last_text = text_of(content, a);
            ask->after_tool = false;
            ask->result = (str){ 0 };
        } else if (str_eq(role, S("tool"))) {
            add_result(ask, text_of(content, a), a);
        } else if (str_eq(role, S("assistant"))) {
            ask->after_tool = false;
            ask->result = (str){ 0 };
        }
    }
}

static void read_function_tools(struct mock_ask *ask)
{
    jval *choice = jd_get(ask->body, S("tool_choice"));
    jval *tool = jd_at(jd_get(ask->body, S("tools")), 0);
    str name = jd_str(jd_path(tool, "function", "name", NULL));
    ask->first_tool = name.n ? name : jd_get_str(tool, S("name"));
    if (jd_str_is(choice, S("required")) || jd_str_is(choice, S("REQUIRED")))
        ask->tool = ask->first_tool;
    str named = jd_str(jd_path(choice, "function", "name", NULL));
    if (!named.n)
        named = jd_get_str(choice, S("name"));
    if (named.n)
        ask->tool = named;
}

static void read_openai(struct mock_ask *ask, struct arena *a)
{
    jval *body = ask->body;
    read_messages(ask, a);
    read_function_tools(ask);
    str format = jd_str(jd_path(body, "response_format", "type", NULL));
    ask->wants_json = str_starts(format, S("json"));
    ask->show_usage = jd_is_true(jd_path(body, "stream_options", "include_usage", NULL));
}

static void read_responses(struct mock_ask *ask, struct arena *a)
{
    jval *input = jd_get(ask->body, S("input"));
    ask->last_text = jd_str(input);
    if (jd_is_arr(input))
        JD_EACH (item, input) {
            str type = jd_get_str(item.value, S("type"));
            if (str_eq(type, S("function_call_output"))) {
                add_result(ask, text_of(jd_get(item.value, S("output")), a), a);
            } else if (str_eq(jd_get_str(item.value, S("role")), S("user"))) {
                ask->last_text = text_of(jd_get(item.value, S("content")), a);
                ask->after_tool = false;
                ask->result = (str){ 0 };
            }
        }
    read_function_tools(ask);
    str format = jd_str(jd_path(ask->body, "text", "format", "type", NULL));
    ask->wants_json = str_starts(format, S("json"));
}

static void read_anthropic(struct mock_ask *ask, struct arena *a)
{
    JD_EACH (m, jd_get(ask->body, S("messages"))) {
        jval *content = jd_get(m.value, S("content"));
        ask->after_tool = false;
        ask->result = (str){ 0 };
        if (!str_eq(jd_get_str(m.value, S("role")), S("user")))
            continue;
        str text = jd_str(content);
        JD_EACH (block, jd_is_arr(content) ? content : NULL) {
            str type = jd_get_str(block.value, S("type"));
            if (str_eq(type, S("tool_result")))
                add_result(ask, text_of(jd_get(block.value, S("content")), a), a);
            else if (str_eq(type, S("text")))
                text = jd_get_str(block.value, S("text"));
        }
        if (text.n)
            ask->last_text = text;
    }
    jval *choice = jd_get(ask->body, S("tool_choice"));
    str type = jd_get_str(choice, S("type"));
    ask->first_tool = jd_get_str(jd_at(jd_get(ask->body, S("tools")), 0), S("name"));
    if (str_eq(type, S("any")))
        ask->tool = ask->first_tool;
    if (str_eq(type, S("tool")))
        ask->tool = jd_get_str(choice, S("name"));
    ask->wants_json = jd_is_obj(jd_get(ask->body, S("output_format"))) ||
                      jd_is_obj(jd_path(ask->body, "output_config", "format", NULL));
}

/* Gemini takes camelCase and snake_case alike. */
static jval *either(jval *v, str camel, str snake)
{
    jval *got = jd_get(v, camel);
    return got ? got : jd_get(v, snake);
}

static void read_gemini(struct mock_ask *ask, struct arena *a)
{
    JD_EACH (c, jd_get(ask->body, S("contents"))) {
        ask->after_tool = false;
        ask->result = (str){ 0 };
        JD_EACH (part, jd_get(c.value, S("parts"))) {
            jval *result = either(part.value, S("functionResponse"), S("function_response"));
            if (result)
                add_result(ask, jd_text(jd_get(result, S("response")), a), a);
            else if (!str_eq(jd_get_str(c.value, S("role")), S("model")) &&
                     jd_is_str(jd_get(part.value, S("text"))))
                ask->last_text = jd_get_str(part.value, S("text"));
        }
    }
    jval *tool = jd_at(jd_get(ask->body, S("tools")), 0);
    jval *functions = either(tool, S("functionDeclarations"), S("function_declarations"));
    jval *config = either(either(ask->body, S("toolConfig"), S("tool_config")),
                          S("functionCallingConfig"), S("function_calling_config"));
    ask->first_tool = jd_get_str(jd_at(functions, 0), S("name"));
    if (jd_str_is(jd_get(config, S("mode")), S("ANY"))) {
        str allowed = jd_str(
            jd_at(either(config, S("allowedFunctionNames"), S("allowed_function_names")), 0));
        ask->tool = allowed.n ? allowed : ask->first_tool;
    }
    jval *generation = either(ask->body, S("generationConfig"), S("generation_config"));
    ask->wants_json = jd_str_is(either(generation, S("responseMimeType"), S("response_mime_type")),
                                S("application/json"));
}

static void read_cohere(struct mock_ask *ask, struct arena *a)
{
    read_messages(ask, a);
    read_function_tools(ask);
    ask->wants_json =
        jd_str_is(jd_path(ask->body, "response_format", "type", NULL), S("json_object"));
    if (jd_is_str(jd_get(ask->body, S("message")))) /* v1 */
        ask->last_text = jd_get_str(ask->body, S("message"));
}

static void read_ollama(struct mock_ask *ask, struct arena *a)
{
    read_messages(ask, a);
    read_function_tools(ask);
    ask->stream = jd_bool_or(jd_get(ask->body, S("stream")), true);
    jval *format = jd_get(ask->body, S("format"));
    ask->wants_json = jd_is_obj(format) || jd_str_is(format, S("json"));
    if (ask->api == MOCK_GENERATE)
        ask->last_text = jd_get_str(ask->body, S("prompt"));
}

/* ".../models/M:streamGenerateContent?alt=sse" */
static void read_gemini_path(struct mock_ask *ask, str target)
{
    str path = str_take(target, str_index(target, '?'));
    str last = str_skip(path, str_rindex(path, '/') + 1);
    ask->model = str_take(last, str_rindex(last, ':'));
    ask->stream = str_ends(path, S(":streamGenerateContent"));
    ask->sse = str_contains(target, S("alt=sse"));
}

bool mock_understand(struct mock_ask *ret, enum mock_api api, str target, jval *body,
                     struct arena *a, str *why)
{
    static void (*const readers[])(struct mock_ask *, struct arena *) = {
        [MOCK_OPENAI] = read_openai,       [MOCK_RESPONSES] = read_responses,
        [MOCK_ANTHROPIC] = read_anthropic, [MOCK_GEMINI] = read_gemini,
        [MOCK_COHERE] = read_cohere,       [MOCK_OLLAMA] = read_ollama,
        [MOCK_GENERATE] = read_ollama,
    };
    static const str needed[] = {
        [MOCK_OPENAI] = S("messages"),    [MOCK_RESPONSES] = S("input"),
        [MOCK_ANTHROPIC] = S("messages"), [MOCK_GEMINI] = S("contents"),
        [MOCK_COHERE] = S("messages"),    [MOCK_OLLAMA] = S("messages"),
        [MOCK_GENERATE] = S("model"),
    };
    *ret = (struct mock_ask){ .api = api, .body = body };
    if (!jd_is_obj(body)) {
        *why = S("the body is not a JSON object");
        return false;
    }
    if (!jd_given(jd_get(body, needed[api])) && !jd_get(body, S("message"))) {
        *why = arena_fmt(a, "Missing required parameter: '%.*s'.", STRF(needed[api]));
        return false;
    }
    ret->model = jd_get_str(body, S("model"));
    ret->stream = jd_is_true(jd_get(body, S("stream")));
    if (api == MOCK_GEMINI)
        read_gemini_path(ret, target);
    readers[api](ret, a);
    take_orders(&ret->order, ret->model);
    take_orders(&ret->order, ret->last_text);
    if (ret->order.call.n || ret->order.calls.n)
        ret->tool = ret->order.call.n ? ret->order.call : ret->first_tool;
    return true;
}
