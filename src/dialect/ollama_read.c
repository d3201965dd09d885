/* ollama_read.c - requests of Ollama's clients: /api/chat and /api/generate.
 */
#include "dialect/functions.h"
#include "dialect/ollama_internal.h"
#include "dialect/signature.h"

struct reading {
    struct chat_req *r;
    struct arena *a;
    struct err *e;
    size_t at;
    struct chat_part **tail;
    struct chat_extra **extras;
};

static rc wrong(struct reading *rd, const char *field, const char *expected, jval *got)
{
    str where = *field ? arena_fmt(rd->a, "messages[%zu].%s", rd->at, field)
                       : arena_fmt(rd->a, "messages[%zu]", rd->at);
    return fail(rd->e, E_SYNTAX, where.p, 0, "%s: expected %s, got %s", where.p, expected,
                json_kind_name(jd_kind(got)));
}

static struct chat_part *add(struct reading *rd, enum part_kind kind)
{
    struct chat_part *p = chat_add_part(rd->a, rd->tail, kind);
    p->origin = DIALECT_OLLAMA;
    rd->tail = &p->next;
    return p;
}

static void add_extra(struct reading *rd, str name, str json)
{
    chat_add_extra(rd->a, &rd->extras, name, json);
}

/* ---- pictures and sounds -------------------------------------------------------------------- */

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

enum { SNIFFED = 12 };

/* The first bytes, as many as there are; zeros behind them. */
static void first_bytes(str base64, unsigned char out[SNIFFED])
{
    uint32_t bits = 0;
    size_t n = 0;
    memset(out, 0, SNIFFED);
    for (size_t i = 0; i < base64.n && i < 16; i++) {
        int d = base64_digit(base64.p[i]);
        if (d < 0)
            return;
        bits = bits << 6 | (uint32_t)d;
        if (i % 4 == 3) {
            out[n++] = (unsigned char)(bits >> 16);
            out[n++] = (unsigned char)(bits >> 8);
            out[n++] = (unsigned char)bits;
            bits = 0;
        }
    }
}

/* What `images` holds is told by its first bytes only. */
static str sniff(str base64)
{
    static const struct {
        const char *magic;
        size_t n, at;
        str mime;
    } kinds[] = {
        { "\x89PNG", 4, 0, S("image/png") },    { "\xff\xd8\xff", 3, 0, S("image/jpeg") },
        { "GIF8", 4, 0, S("image/gif") },       { "WEBP", 4, 8, S("image/webp") },
        { "BM", 2, 0, S("image/bmp") },         { "WAVE", 4, 8, S("audio/wav") },
        { "ID3", 3, 0, S("audio/mpeg") },       { "\xff\xfb", 2, 0, S("audio/mpeg") },
        { "fLaC", 4, 0, S("audio/flac") },      { "OggS", 4, 0, S("audio/ogg") },
        { "%PDF", 4, 0, S("application/pdf") },
    };
    unsigned char head[SNIFFED];
    first_bytes(base64, head);
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (memcmp(head + kinds[i].at, kinds[i].magic, kinds[i].n) == 0)
            return kinds[i].mime;
    return S("image/jpeg");
}

static rc read_images(struct reading *rd, jval *images)
{
    if (jd_given(images) && !jd_is_arr(images))
        return wrong(rd, "images", "an array", images);
    JD_EACH (image, images) {
        if (!jd_is_str(image.value))
            return wrong(rd, "images", "base64 strings", image.value);
        str data = jd_str(image.value);
        if (str_istarts(data, S("data:"))) /* refused by Ollama, sent by some */
            data = str_skip(data, str_index(data, ',') + 1);
        str mime = sniff(data);
        struct chat_part *p = add(rd, str_starts(mime, S("audio/"))         ? PART_AUDIO
                                      : str_starts(mime, S("application/")) ? PART_FILE
                                                                            : PART_IMAGE);
        p->media.mime = mime;
        p->media.data = data;
    }
    return RC_OK;
}

/* ---- messages ------------------------------------------------------------------------------- */

static rc read_calls(struct reading *rd, jval *calls)
{
    if (jd_given(calls) && !jd_is_arr(calls))
        return wrong(rd, "tool_calls", "an array", calls);
    JD_EACH (call, calls) {
        jval *function = jd_get(call.value, S("function"));
        jval *args = jd_get(function, S("arguments"));
        if (!jd_is_obj(function))
            return wrong(rd, "tool_calls", "calls with an object 'function'", function);
        if (jd_given(args) && !jd_is_obj(args))
            return wrong(rd, "tool_calls", "arguments that are an object", args);
        struct chat_part *p = add(rd, PART_TOOL_CALL);
        functions_read_call(&p->call, call.value, rd->a);
        p->call.signature = signature_from_id(rd->a, &p->call.id);
        if (p->call.signature.n)
            p->origin = DIALECT_GEMINI;
        if (!p->call.name.n)
            return wrong(rd, "tool_calls", "calls of functions with a name",
                         jd_get(function, S("name")));
        if (!jd_given(args))
            p->call.args = (str){ 0 };
    }
    return RC_OK;
}

static rc read_result(struct reading *rd, jval *m)
{
    struct chat_part *p = add(rd, PART_TOOL_RESULT);
    p->result.id = jd_get_str(m, S("tool_call_id"));
    signature_from_id(rd->a, &p->result.id);
    p->result.name = jd_get_str(m, S("tool_name"));
    if (!p->result.name.n)
        p->result.name = jd_get_str(m, S("name"));
    struct chat_part **after = rd->tail;
    rd->tail = &p->result.content;
    if (jd_get_str(m, S("content")).n)
        add(rd, PART_TEXT)->text = jd_get_str(m, S("content"));
    rc got = read_images(rd, jd_get(m, S("images")));
    rd->tail = after;
    return got;
}

static enum chat_role role_of(str role)
{
    return str_ieq(role, S("system"))      ? ROLE_SYSTEM
           : str_ieq(role, S("developer")) ? ROLE_DEVELOPER
           : str_ieq(role, S("assistant")) ? ROLE_ASSISTANT
           : str_ieq(role, S("tool"))      ? ROLE_TOOL
                                           : ROLE_USER;
}

static rc read_message(struct reading *rd, jval *m, struct chat_message ***tail)
{
    static const struct {
        const char *name;
        const char *kind;
    } texts[] = { { "role", "a string" }, { "content", "a string" }, { "thinking", "a string" } };
    if (!jd_is_obj(m))
        return wrong(rd, "", "an object", m);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        jval *v = jd_get(m, str_c(texts[i].name));
        if ((i == 0 || jd_given(v)) && !jd_is_str(v))
            return wrong(rd, texts[i].name, texts[i].kind, v);
    }
    struct chat_message *to = chat_add_message(rd->a, tail, role_of(jd_get_str(m, S("role"))));
    rd->tail = &to->parts;
    if (to->role == ROLE_TOOL)
        return read_result(rd, m);
    if (jd_get_str(m, S("thinking")).n)
        add(rd, PART_THINKING)->text = jd_get_str(m, S("thinking"));
    if (jd_get_str(m, S("content")).n)
        add(rd, PART_TEXT)->text = jd_get_str(m, S("content"));
    TRY(read_images(rd, jd_get(m, S("images"))));
    return read_calls(rd, jd_get(m, S("tool_calls")));
}

/* ---- tools, format, thinking ---------------------------------------------------------------- */

static rc read_format(struct reading *rd, jval *format)
{
    struct chat_req *r = rd->r;
    if (!jd_given(format) || (jd_is_str(format) && jd_str(format).n == 0))
        return RC_OK;
    if (jd_str_is(format, S("json"))) {
        r->format = FORMAT_JSON;
    } else if (jd_is_obj(format)) {
        r->format = FORMAT_SCHEMA;
        r->schema = jd_text(format, rd->a);
        r->schema_name = S("response");
        r->schema_strict = TRI_FALSE;
    } else {
        return fail(rd->e, E_SYNTAX, "format", 0,
                    "format: expected \"json\" or a JSON schema, got %s",
                    json_kind_name(jd_kind(format)));
    }
    return RC_OK;
}

static rc read_think(struct reading *rd, jval *think)
{
    struct chat_req *r = rd->r;
    if (!jd_given(think))
        return RC_OK;
    if (jd_is_bool(think)) {
        bool on = jd_is_true(think);
        r->thinking_budget = on ? -1 : 0;
        r->show_thinking = on ? TRI_TRUE : TRI_FALSE;
        return RC_OK;
    }
    enum chat_effort effort = chat_effort_of(jd_str(think));
    if (effort == EFFORT_UNSET || effort == EFFORT_NONE)
        return fail(rd->e, E_SYNTAX, "think", 0,
                    "think: expected true, false, \"low\", \"medium\", \"high\" or \"max\"");
    r->effort = effort;
    r->show_thinking = TRI_TRUE;
    return RC_OK;
}

/* ---- options -------------------------------------------------------------------------------- */

static rc wrong_option(struct reading *rd, str name, const char *expected)
{
    return fail(rd->e, E_SYNTAX, arena_fmt(rd->a, "options.%.*s", STRF(name)).p, 0,
                "option \"%.*s\" must be %s", STRF(str_take(name, 64)), expected);
}

static rc read_stop(struct reading *rd, jval *stop)
{
    struct chat_str **tail = &rd->r->stop;
    if (jd_is_str(stop)) {
        *tail = NEW(rd->a, struct chat_str, 1);
        (*tail)->s = jd_str(stop);
        return RC_OK;
    }
    if (jd_given(stop) && !jd_is_arr(stop))
        return wrong_option(rd, S("stop"), "an array of strings");
    JD_EACH (s, stop) {
        if (!jd_is_str(s.value))
            return wrong_option(rd, S("stop"), "an array of strings");
        *tail = NEW(rd->a, struct chat_str, 1);
        (*tail)->s = jd_str(s.value);
        tail = &(*tail)->next;
    }
    return RC_OK;
}

static rc read_option(struct reading *rd, str name, jval *v, bool *ret_known)
{
    struct chat_req *r = rd->r;
    const struct {
        str name;
        str *text;
        int64_t *number;
        int64_t least; /* what is below means: not given */
    } known[] = {
        { S("temperature"), &r->temperature, NULL, 0 },
        { S("top_p"), &r->top_p, NULL, 0 },
        { S("top_k"), &r->top_k, NULL, 0 },
        { S("min_p"), &r->min_p, NULL, 0 },
        { S("frequency_penalty"), &r->frequency_penalty, NULL, 0 },
        { S("presence_penalty"), &r->presence_penalty, NULL, 0 },
        { S("repeat_penalty"), &r->repeat_penalty, NULL, 0 },
        { S("num_predict"), NULL, &r->max_tokens, 1 },
        { S("seed"), NULL, &r->seed, 0 },
    };
    *ret_known = true;
    if (str_eq(name, S("stop")))
        return read_stop(rd, v);
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        int64_t n = 0;
        if (!str_eq(known[i].name, name))
            continue;
        if (!jd_given(v))
            return RC_OK;
        if (!jd_is_num(v) || (known[i].number && !jd_i64(v, &n)))
            return wrong_option(rd, name, known[i].number ? "an integer" : "a number");
        if (known[i].text)
            *known[i].text = jd_num(v);
        else if (n >= known[i].least)
            *known[i].number = n;
        return RC_OK;
    }
    *ret_known = false;
    return RC_OK;
}

/* What only Ollama knows (num_ctx, mirostat, ...) stays together, as the extra "options". */
static rc read_options(struct reading *rd, jval *options)
{
    struct buf rest;
    struct jw w;
    bool some = false;
    rc got = RC_OK;
    if (!options)
        return RC_OK;
    buf_init(&rest, SIZE_MAX / 4);
    jw_init(&w, &rest);
    jw_obj(&w);
    JD_EACH (o, options) {
        bool known;
        got = read_option(rd, o.name, o.value, &known);
        if (FAILED(got))
            break;
        if (!known)
            jw_kval(&w, o.name, o.value);
        some = some || !known;
    }
    jw_obj_end(&w);
    if (some)
        add_extra(rd, S("options"), arena_dup(rd->a, buf_str(&rest)));
    buf_done(&rest);
    return got;
}

/* ---- both surfaces -------------------------------------------------------------------------- */

static void read_extras(struct reading *rd, jval *body)
{
    static const char *const known[] = {
        "model",    "name",         "messages", "stream", "tools",  "format",  "think", "options",
        "logprobs", "top_logprobs", "prompt",   "system", "images", "context", NULL,
    };
    JD_EACH (m, body) {
        bool given = jd_given(m.value) && !(jd_is_str(m.value) && jd_str(m.value).n == 0);
        if (given && !str_among(m.name, known))
            add_extra(rd, m.name, jd_text(m.value, rd->a));
    }
}

static rc begin(struct reading *rd, jval *body)
{
    struct chat_req *r = rd->r;
    jval *tools = NULL, *options = NULL;
    bool logprobs = false;
    chat_req_init(r, DIALECT_OLLAMA);
    r->stream = true;
    rd->extras = &r->extras;
    TRY(jd_opt_str(body, "name", &r->model, rd->e));
    TRY(jd_opt_str(body, "model", &r->model, rd->e));
    TRY(jd_opt_bool(body, "stream", &r->stream, rd->e));
    TRY(jd_opt_arr(body, "tools", &tools, rd->e));
    TRY(jd_opt_obj(body, "options", &options, rd->e));
    TRY(jd_opt_bool(body, "logprobs", &logprobs, rd->e));
    TRY(jd_opt_i64(body, "top_logprobs", &r->top_logprobs, rd->e));
    if (logprobs)
        r->logprobs = TRI_TRUE;
    TRY(functions_read_tools(&r->tools, tools, DIALECT_OLLAMA, rd->a, rd->e));
    TRY(read_format(rd, jd_get(body, S("format"))));
    TRY(read_think(rd, jd_get(body, S("think"))));
    TRY(read_options(rd, options));
    read_extras(rd, body);
    return RC_OK;
}

static rc read_messages(struct reading *rd, jval *messages)
{
    if (!jd_is_arr(messages) || jd_count(messages) == 0)
        return fail(rd->e, E_SYNTAX, "messages", 0,
                    "messages: expected an array of messages, got %s",
                    jd_is_arr(messages) ? "an empty one" : json_kind_name(jd_kind(messages)));
    struct chat_message **tail = &rd->r->messages;
    JD_EACH (m, messages) {
        rd->at = m.index;
        TRY(read_message(rd, m.value, &tail));
    }
    chat_link_results(rd->r, rd->a);
    return RC_OK;
}

rc ollama_read_chat(struct chat_req *ret, jval *body, const struct dialect_path *path,
                    struct arena *a, struct err *e)
{
    struct reading rd = { .r = ret, .a = a, .e = e };
    TRY(begin(&rd, body));
    return read_messages(&rd, jd_get(body, S("messages")));
}

/* One prompt as a conversation of one turn. `suffix`, `raw` and `template` have no place in a chat;
 * they stay extras. A caller that sends messages here means them. */
rc ollama_read_generate(struct chat_req *ret, jval *body, const struct dialect_path *path,
                        struct arena *a, struct err *e)
{
    struct reading rd = { .r = ret, .a = a, .e = e };
    struct chat_message **tail = &ret->messages;
    str prompt = { 0 }, system = { 0 };
    TRY(begin(&rd, body));
    TRY(jd_opt_str(body, "prompt", &prompt, e));
    TRY(jd_opt_str(body, "system", &system, e));
    if (!prompt.n && jd_is_arr(jd_get(body, S("messages"))))
        return read_messages(&rd, jd_get(body, S("messages")));
    if (system.n) {
        rd.tail = &chat_add_message(a, &tail, ROLE_SYSTEM)->parts;
        add(&rd, PART_TEXT)->text = system;
    }
    rd.tail = &chat_add_message(a, &tail, ROLE_USER)->parts;
    if (prompt.n)
        add(&rd, PART_TEXT)->text = prompt;
    TRY(read_images(&rd, jd_get(body, S("images"))));
    if (prompt.n == 0 && !jd_count(jd_get(body, S("images"))))
        return fail(e, E_SYNTAX, "prompt", 0, "prompt: expected a text");
    return RC_OK;
}

bool ollama_is_load(jval *body, bool generate)
{
    jval *messages = jd_get(body, S("messages"));
    if (!generate)
        return !jd_given(messages) || (jd_is_arr(messages) && jd_count(messages) == 0);
    jval *prompt = jd_get(body, S("prompt"));
    return (!jd_given(prompt) || (jd_is_str(prompt) && jd_str(prompt).n == 0)) &&
           jd_count(jd_get(body, S("images"))) == 0;
}
