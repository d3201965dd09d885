/* Reading POST /v1/chat/completions: strict about the types of known members, generous with the
 * rest (see dialect.h). */
#include "base/map.h"
#include "dialect/openai_chat_internal.h"
#include "dialect/signature.h"

/* ---- helpers -------------------------------------------------------------------------------- */

#define BAD(a, e, want, v, ...) bad_type((e), arena_fmt((a), __VA_ARGS__), (want), (v))

static rc bad_type(struct err *e, str where, const char *want, jval *v)
{
    return fail(e, E_SYNTAX, where.p, 0, "%.*s: expected %s, got %s", STRF(where), want,
                json_kind_name(jd_kind(v)));
}

static enum tri tri_of(jval *v)
{
    if (!jd_is_bool(v))
        return TRI_UNSET;
    return jd_is_true(v) ? TRI_TRUE : TRI_FALSE;
}

/* A list being built: tail points to where the next part goes. */
struct parts {
    struct arena *arena;
    struct chat_part **tail;
};

static struct chat_part *add(struct parts *ps, enum part_kind kind)
{
    struct chat_part *p = chat_add_part(ps->arena, ps->tail, kind);
    p->origin = DIALECT_OPENAI_CHAT;
    ps->tail = &p->next;
    return p;
}

static void add_extra(struct chat_extra ***tail, str name, jval *v, struct arena *a)
{
    chat_add_extra(a, tail, name, jd_text(v, a));
}

/* ---- media ---------------------------------------------------------------------------------- */

/* data:image/png;base64,AAAA to mime and data; any other URL stays one. */
static void set_url(struct chat_media *m, str url)
{
    if (!str_istarts(url, S("data:"))) {
        m->url = url;
        return;
    }
    str rest = str_skip(url, 5);
    str head = str_cut(&rest, ',');
    if (!str_ends(head, S(";base64"))) {
        m->url = url;
        return;
    }
    str mime = str_cut(&head, ';');
    m->mime = mime.n ? mime : m->mime;
    m->data = rest;
}

/* {"image_url": {"url": ..., "detail": ...}} or {"image_url": "..."}. */
static void read_linked(struct chat_part *p, jval *v)
{
    set_url(&p->media, jd_is_str(v) ? jd_str(v) : jd_get_str(v, S("url")));
    p->media.detail = jd_get_str(v, S("detail"));
    str format = jd_get_str(v, S("format")); /* LiteLLM: the type, where the URL does not tell */
    if (!p->media.mime.n)
        p->media.mime = format;
}

static void read_audio(struct chat_part *p, jval *v)
{
    static const struct {
        const char *format, *mime;
    } formats[] = { { "wav", "audio/wav" },   { "mp3", "audio/mpeg" }, { "flac", "audio/flac" },
                    { "opus", "audio/opus" }, { "aac", "audio/aac" },  { "ogg", "audio/ogg" } };
    str format = jd_get_str(v, S("format"));
    set_url(&p->media, jd_get_str(v, S("data")));
    if (!p->media.data.n && !str_istarts(p->media.url, S("http"))) {
        p->media.data = p->media.url; /* bare base64 */
        p->media.url = (str){ 0 };
    }
    for (size_t i = 0; i < COUNT_OF(formats) && !p->media.mime.n; i++)
        if (str_eq(format, str_c(formats[i].format)))
            p->media.mime = str_c(formats[i].mime);
}

static void read_file(struct chat_part *p, jval *v)
{
    str data = jd_get_str(v, S("file_data")), id = jd_get_str(v, S("file_id"));
    p->media.name = jd_get_str(v, S("filename"));
    p->media.mime = jd_get_str(v, S("format"));
    if (str_istarts(data, S("data:"))) {
        set_url(&p->media, data);
    } else if (data.n) {
        p->media.data = data;
        if (!p->media.mime.n)
            p->media.mime = S("application/pdf");
    } else if (str_istarts(id, S("http://")) || str_istarts(id, S("https://"))) {
        p->media.url = id;
    } else {
        p->media.file_id = id;
        if (jd_get_str(v, S("file_url")).n)
            p->media.url = jd_get_str(v, S("file_url"));
    }
}

/* ---- content parts -------------------------------------------------------------------------- */

static void read_thinking(struct parts *ps, jval *v)
{
    jval *text = jd_get(v, S("thinking"));
    struct chat_part *p = add(ps, PART_THINKING);
    struct chat_part *inner = NULL;
    struct parts texts = { ps->arena, &inner };
    JD_EACH (item, text) /* Mistral: [{"type":"text","text":...}] */
        add(&texts, PART_TEXT)->text = jd_get_str(item.value, S("text"));
    p->text = jd_is_str(text) ? jd_str(text) : chat_text_of(ps->arena, inner, S(""));
    p->signature = jd_get_str(v, S("signature"));
    p->origin =
        p->signature.n ? signature_unmark(&p->signature, DIALECT_ANTHROPIC) : DIALECT_OPENAI_CHAT;
}

static void read_redacted(struct parts *ps, jval *v)
{
    struct chat_part *p = add(ps, PART_REDACTED);
    p->media.data = jd_get_str(v, S("data"));
    p->origin = signature_unmark(&p->media.data, DIALECT_ANTHROPIC);
}

static void read_cache_mark(struct chat_part *p, jval *v, struct arena *a)
{
    jval *mark = jd_get(v, S("cache_control"));
    if (jd_is_obj(mark))
        p->cache = jd_text(mark, a);
    else if (jd_is_obj(jd_get(v, S("prompt_cache_breakpoint"))))
        p->cache = S("{\"type\":\"ephemeral\"}");
}

static const struct {
    const char *type;
    enum part_kind kind;
    const char *member;
} part_types[] = {
    { "text", PART_TEXT, "text" },
    { "input_text", PART_TEXT, "text" },
    { "output_text", PART_TEXT, "text" },
    { "refusal", PART_REFUSAL, "refusal" },
    { "image_url", PART_IMAGE, "image_url" },
    { "input_image", PART_IMAGE, "image_url" },
    { "video_url", PART_VIDEO, "video_url" },
    { "audio_url", PART_AUDIO, "audio_url" },
    { "input_audio", PART_AUDIO, "input_audio" },
    { "file", PART_FILE, "file" },
    { "document_url", PART_FILE, "document_url" },
};

static rc read_part(struct parts *ps, jval *v, size_t msg, size_t i, struct err *e)
{
    struct arena *a = ps->arena;
    if (jd_is_str(v)) {
        add(ps, PART_TEXT)->text = jd_str(v);
        return RC_OK;
    }
    if (!jd_is_obj(v))
        return BAD(a, e, "an object", v, "messages[%zu].content[%zu]", msg, i);
    str type = jd_get_str(v, S("type"));
    if (str_eq(type, S("thinking"))) {
        read_thinking(ps, v);
        return RC_OK;
    }
    if (str_eq(type, S("redacted_thinking"))) {
        read_redacted(ps, v);
        return RC_OK;
    }
    for (size_t k = 0; k < COUNT_OF(part_types); k++) {
        if (!str_eq(type, str_c(part_types[k].type)))
            continue;
        jval *value = jd_get(v, str_c(part_types[k].member));
        enum part_kind kind = part_types[k].kind;
        bool text = kind == PART_TEXT || kind == PART_REFUSAL;
        if (text ? !jd_is_str(value) : !jd_is_str(value) && !jd_is_obj(value))
            return BAD(a, e, text ? "a string" : "an object", value,
                       "messages[%zu].content[%zu].%s", msg, i, part_types[k].member);
        struct chat_part *p = add(ps, kind);
        if (text)
            p->text = jd_str(value);
        else if (str_eq(type, S("input_audio")))
            read_audio(p, value);
        else if (str_eq(type, S("file")))
            read_file(p, value);
        else
            read_linked(p, value);
        read_cache_mark(p, v, a);
        if (jd_given(jd_get(v, S("prompt_cache_breakpoint")))) {
            struct chat_extra **tail = &p->extras;
            chat_add_extra(a, &tail, S("prompt_cache_breakpoint"),
                           jd_text(jd_get(v, S("prompt_cache_breakpoint")), a));
        }
        return RC_OK;
    }
    add(ps, PART_OPAQUE)->raw = jd_text(v, a);
    return RC_OK;
}

static rc read_content(struct parts *ps, jval *content, size_t msg, struct err *e)
{
    if (!jd_given(content))
        return RC_OK;
    if (jd_is_str(content)) {
        add(ps, PART_TEXT)->text = jd_str(content);
        return RC_OK;
    }
    if (!jd_is_arr(content))
        return BAD(ps->arena, e, "a string or an array of parts", content, "messages[%zu].content",
                   msg);
    JD_EACH (part, content)
        TRY(read_part(ps, part.value, msg, part.index, e));
    return RC_OK;
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* Arguments must be an object's JSON text: what is not (a model cut off in the middle) is kept as
 * the one member of an object. */
static str checked_args(str args, struct arena *a)
{
    enum json_kind top;
    if (str_trim(args).n == 0)
        return (str){ 0 };
    if (!FAILED(json_scan(args, NULL, 0, &top, NULL)) && top == JSON_OBJECT)
        return args;
    struct buf b;
    struct jw w;
    buf_init(&b, SIZE_MAX / 2);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, S("arguments"), args);
    jw_obj_end(&w);
    str kept = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return kept;
}

static rc read_call(struct parts *ps, jval *v, size_t msg, size_t i, struct err *e)
{
    struct arena *a = ps->arena;
    jval *custom = jd_get(v, S("custom"));
    jval *f = jd_is_obj(custom) ? custom : jd_get(v, S("function"));
    if (!jd_is_obj(f))
        return BAD(a, e, "an object", f, "messages[%zu].tool_calls[%zu].function", msg, i);
    jval *name = jd_get(f, S("name")), *args = jd_get(f, S("arguments"));
    if (!jd_is_str(name))
        return BAD(a, e, "a string", name, "messages[%zu].tool_calls[%zu].function.name", msg, i);
    struct chat_part *p = add(ps, PART_TOOL_CALL);
    p->call.id = jd_get_str(v, S("id"));
    p->call.signature = signature_from_id(a, &p->call.id);
    if (!p->call.signature.n)
        p->call.signature =
            jd_str(jd_path(v, "provider_specific_fields", "thought_signature", NULL));
    if (!p->call.signature.n)
        p->call.signature =
            jd_str(jd_path(v, "extra_content", "google", "thought_signature", NULL));
    p->call.name = jd_str(name);
    p->call.custom = jd_is_obj(custom);
    if (p->call.custom)
        p->call.args = jd_get_str(f, S("input"));
    else if (jd_is_str(args))
        p->call.args = checked_args(jd_str(args), a);
    else if (jd_is_obj(args))
        p->call.args = jd_text(args, a);
    read_cache_mark(p, v, a);
    return RC_OK;
}

static rc read_calls(struct parts *ps, jval *v, size_t msg, struct err *e)
{
    jval *calls = jd_get(v, S("tool_calls"));
    if (jd_given(calls) && !jd_is_arr(calls))
        return BAD(ps->arena, e, "an array", calls, "messages[%zu].tool_calls", msg);
    JD_EACH (call, calls)
        TRY(read_call(ps, call.value, msg, call.index, e));
    jval *legacy = jd_get(v, S("function_call"));
    if (jd_is_obj(legacy)) {
        struct chat_part *p = add(ps, PART_TOOL_CALL);
        p->call.name = jd_get_str(legacy, S("name"));
        p->call.args = checked_args(jd_get_str(legacy, S("arguments")), ps->arena);
    }
    return RC_OK;
}

/* ---- messages ------------------------------------------------------------------------------- */

/* Thoughts of an earlier turn: signed blocks if there are, else the bare text. */
static void read_thoughts(struct parts *ps, jval *v)
{
    jval *blocks = jd_get(v, S("thinking_blocks"));
    bool any = false;
    JD_EACH (b, blocks) {
        if (jd_str_is(jd_get(b.value, S("type")), S("redacted_thinking")))
            read_redacted(ps, b.value);
        else
            read_thinking(ps, b.value);
        any = true;
    }
    str text = jd_get_str(v, S("reasoning_content"));
    if (!text.n)
        text = jd_get_str(v, S("reasoning"));
    if (!any && text.n)
        add(ps, PART_THINKING)->text = text;
}

/* Members of an assistant's message that its own vendor wants back: kept as {"name": value}, which
 * the writer puts beside `content`. */
static void read_kept_members(struct parts *ps, jval *v)
{
    static const char *const names[] = { "reasoning_details", "audio" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        jval *kept = jd_get(v, str_c(names[i]));
        if (!jd_is_obj(kept) && !(jd_is_arr(kept) && jd_count(kept)))
            continue;
        str text = jd_text(kept, ps->arena);
        add(ps, PART_OPAQUE)->raw = arena_fmt(ps->arena, "{\"%s\":%.*s}", names[i], STRF(text));
    }
}

static rc read_tool_message(struct chat_message *m, struct arena *a, jval *v, size_t i,
                            struct err *e)
{
    struct parts ps = { a, &m->parts };
    struct chat_part *p = add(&ps, PART_TOOL_RESULT);
    jval *id = jd_get(v, S("tool_call_id"));
    if (jd_given(id) && !jd_is_str(id))
        return BAD(a, e, "a string", id, "messages[%zu].tool_call_id", i);
    p->result.id = jd_str(id);
    signature_from_id(a, &p->result.id);
    p->result.name = m->name;
    p->result.is_error = jd_is_true(jd_get(v, S("is_error")));
    m->name = (str){ 0 };
    struct parts content = { a, &p->result.content };
    TRY(read_content(&content, jd_get(v, S("content")), i, e));
    read_cache_mark(p, v, a);
    return RC_OK;
}

static const struct {
    const char *name;
    enum chat_role role;
} roles[] = {
    { "system", ROLE_SYSTEM },       { "developer", ROLE_DEVELOPER }, { "user", ROLE_USER },
    { "assistant", ROLE_ASSISTANT }, { "model", ROLE_ASSISTANT },     { "tool", ROLE_TOOL },
    { "function", ROLE_TOOL },
};

static rc read_message(struct chat_message ***tail, struct arena *a, jval *v, size_t i,
                       struct err *e)
{
    if (!jd_is_obj(v))
        return BAD(a, e, "an object", v, "messages[%zu]", i);
    jval *role = jd_get(v, S("role"));
    if (!jd_is_str(role))
        return BAD(a, e, "a string", role, "messages[%zu].role", i);
    struct chat_message *m = chat_add_message(a, tail, ROLE_USER);
    for (size_t k = 0; k < COUNT_OF(roles); k++)
        if (jd_str_is(role, str_c(roles[k].name)))
            m->role = roles[k].role;
    m->name = jd_get_str(v, S("name"));
    m->prefix = jd_is_true(jd_get(v, S("prefix"))) || jd_is_true(jd_get(v, S("partial")));
    if (m->role == ROLE_TOOL)
        return read_tool_message(m, a, v, i, e);
    struct parts ps = { a, &m->parts };
    if (m->role == ROLE_ASSISTANT)
        read_thoughts(&ps, v);
    TRY(read_content(&ps, jd_get(v, S("content")), i, e));
    if (jd_is_obj(jd_get(v, S("cache_control"))) && m->parts) { /* on the message: its last part */
        struct chat_part *last = m->parts;
        while (last->next)
            last = last->next;
        read_cache_mark(last, v, a);
    }
    if (m->role != ROLE_ASSISTANT)
        return RC_OK;
    str refusal = jd_get_str(v, S("refusal"));
    if (refusal.n)
        add(&ps, PART_REFUSAL)->text = refusal;
    read_kept_members(&ps, v);
    return read_calls(&ps, v, i, e);
}

/* ---- tools ---------------------------------------------------------------------------------- */

static void read_function(struct chat_tool *t, jval *f, jval *tool, struct arena *a)
{
    jval *schema = jd_get(f, S("parameters"));
    t->name = jd_get_str(f, S("name"));
    t->description = jd_get_str(f, S("description"));
    t->schema = jd_is_obj(schema) ? jd_text(schema, a) : (str){ 0 };
    t->strict = tri_of(jd_get(f, S("strict")));
    jval *cache = jd_get(tool, S("cache_control"));
    if (!jd_is_obj(cache))
        cache = jd_get(f, S("cache_control"));
    t->cache = jd_is_obj(cache) ? jd_text(cache, a) : (str){ 0 };
}

static rc read_tool(struct chat_tool *t, jval *v, size_t i, struct arena *a, struct err *e)
{
    if (!jd_is_obj(v))
        return BAD(a, e, "an object", v, "tools[%zu]", i);
    str type = jd_get_str(v, S("type"));
    jval *f = jd_get(v, S("function"));
    t->origin = DIALECT_OPENAI_CHAT;
    if (str_eq(type, S("custom"))) {
        t->kind = TOOL_CUSTOM;
        t->name = jd_str(jd_path(v, "custom", "name", NULL));
        t->description = jd_str(jd_path(v, "custom", "description", NULL));
        t->raw = jd_text(v, a);
        return RC_OK;
    }
    if (!jd_is_obj(f) && str_eq(type, S("function")) && jd_is_str(jd_get(v, S("name"))))
        f = v; /* the flat form of Responses, which some clients send here */
    if (!jd_is_obj(f) && str_eq(type, S("function")))
        return BAD(a, e, "an object", f, "tools[%zu].function", i);
    if (!jd_is_obj(f)) {
        t->kind = TOOL_OPAQUE;
        t->raw = jd_text(v, a);
        return RC_OK;
    }
    if (!jd_is_str(jd_get(f, S("name"))))
        return BAD(a, e, "a string", jd_get(f, S("name")), "tools[%zu].function.name", i);
    jval *schema = jd_get(f, S("parameters"));
    if (jd_given(schema) && !jd_is_obj(schema))
        return BAD(a, e, "an object", schema, "tools[%zu].function.parameters", i);
    read_function(t, f, v, a);
    return RC_OK;
}

static rc read_tools(struct chat_req *r, jval *body, struct arena *a, struct err *e)
{
    jval *tools = NULL, *functions = NULL;
    struct chat_tool **tail = &r->tools;
    TRY(jd_opt_arr(body, "tools", &tools, e));
    TRY(jd_opt_arr(body, "functions", &functions, e));
    JD_EACH (t, tools) {
        *tail = NEW(a, struct chat_tool, 1);
        TRY(read_tool(*tail, t.value, t.index, a, e));
        tail = &(*tail)->next;
    }
    JD_EACH (f, functions) {
        if (!jd_is_str(jd_get(f.value, S("name"))))
            return BAD(a, e, "a string", jd_get(f.value, S("name")), "functions[%zu].name",
                       f.index);
        *tail = NEW(a, struct chat_tool, 1);
        (*tail)->origin = DIALECT_OPENAI_CHAT;
        read_function(*tail, f.value, f.value, a);
        tail = &(*tail)->next;
    }
    return RC_OK;
}

static enum tool_choice choice_of(str word)
{
    if (str_eq(word, S("none")))
        return CHOICE_NONE;
    if (str_eq(word, S("required")) || str_eq(word, S("any")))
        return CHOICE_REQUIRED;
    return CHOICE_AUTO;
}

/* allowed_tools narrows the list: the tools that are not named go. */
static void keep_allowed(struct chat_req *r, jval *allowed)
{
    static const char *const kinds[] = { "function", "custom" };
    struct map names;
    map_init(&names);
    JD_EACH (t, allowed) {
        for (size_t i = 0; i < COUNT_OF(kinds); i++) {
            str name = jd_str(jd_path(t.value, kinds[i], "name", NULL));
            if (name.n)
                map_put(&names, name, &names);
        }
    }
    for (struct chat_tool **at = &r->tools; *at;)
        if (map_get(&names, (*at)->name))
            at = &(*at)->next;
        else
            *at = (*at)->next;
    map_done(&names);
}

static rc read_choice(struct chat_req *r, jval *v, struct arena *a, struct err *e)
{
    if (!jd_given(v))
        return RC_OK;
    if (jd_is_str(v)) {
        r->choice = choice_of(jd_str(v));
        return RC_OK;
    }
    if (!jd_is_obj(v))
        return BAD(a, e, "a string or an object", v, "tool_choice");
    static const char *const kinds[] = { "function", "custom" };
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (jd_is_str(jd_path(v, kinds[i], "name", NULL)))
            r->choice_name = jd_str(jd_path(v, kinds[i], "name", NULL));
    if (!r->choice_name.n && jd_is_str(jd_get(v, S("name"))))
        r->choice_name = jd_get_str(v, S("name"));
    jval *allowed = jd_get(v, S("allowed_tools"));
    if (r->choice_name.n) {
        r->choice = CHOICE_NAMED;
    } else if (jd_is_obj(allowed)) {
        r->choice = choice_of(jd_get_str(allowed, S("mode")));
        keep_allowed(r, jd_get(allowed, S("tools")));
    } else {
        r->choice = choice_of(jd_get_str(v, S("type")));
    }
    return RC_OK;
}

/* ---- members -------------------------------------------------------------------------------- */

enum field_type { F_NUM, F_INT, F_STR, F_TRI, F_JSON, F_DONE };

/* Members with one place in chat_req. F_DONE: read elsewhere. */
static const struct field {
    str name;
    enum field_type type;
    size_t at;
} fields[] = {
#define AT(m) offsetof(struct chat_req, m)
    { S("model"), F_STR, AT(model) },
    { S("temperature"), F_NUM, AT(temperature) },
    { S("top_p"), F_NUM, AT(top_p) },
    { S("top_k"), F_NUM, AT(top_k) },
    { S("min_p"), F_NUM, AT(min_p) },
    { S("frequency_penalty"), F_NUM, AT(frequency_penalty) },
    { S("presence_penalty"), F_NUM, AT(presence_penalty) },
    { S("repetition_penalty"), F_NUM, AT(repeat_penalty) },
    { S("repeat_penalty"), F_NUM, AT(repeat_penalty) },
    { S("max_tokens"), F_INT, AT(max_tokens) },
    { S("max_completion_tokens"), F_INT, AT(max_tokens) }, /* after max_tokens: wins */
    { S("n"), F_INT, AT(n) },
    { S("seed"), F_INT, AT(seed) },
    { S("random_seed"), F_INT, AT(seed) },
    { S("top_logprobs"), F_INT, AT(top_logprobs) },
    { S("logprobs"), F_TRI, AT(logprobs) },
    { S("parallel_tool_calls"), F_TRI, AT(parallel_calls) },
    { S("logit_bias"), F_JSON, AT(logit_bias) },
    { S("metadata"), F_JSON, AT(metadata) },
    { S("cache_control"), F_JSON, AT(cache) },
    { S("user"), F_STR, AT(user) },
    { S("service_tier"), F_STR, AT(service_tier) },
    { S("verbosity"), F_STR, AT(verbosity) },
#undef AT
    { S("stream"), F_DONE, 0 },
    { S("stream_options"), F_DONE, 0 },
    { S("messages"), F_DONE, 0 },
    { S("tools"), F_DONE, 0 },
    { S("functions"), F_DONE, 0 },
    { S("tool_choice"), F_DONE, 0 },
    { S("function_call"), F_DONE, 0 },
    { S("stop"), F_DONE, 0 },
    { S("modalities"), F_DONE, 0 },
    { S("response_format"), F_DONE, 0 },
    { S("reasoning_effort"), F_DONE, 0 },
    { S("extra_body"), F_DONE, 0 },
};

static rc read_field(struct chat_req *r, const struct field *f, jval *body, struct arena *a,
                     struct err *e)
{
    char *base = (char *)r + f->at;
    bool b = false;
    jval *v = f->type == F_DONE ? NULL : jd_get(body, f->name);
    if (!jd_given(v))
        return RC_OK;
    switch (f->type) {
    case F_NUM:
        return jd_opt_num_(body, f->name, (str *)(void *)base, e);
    case F_INT:
        return jd_opt_i64_(body, f->name, (int64_t *)(void *)base, e);
    case F_STR:
        return jd_opt_str_(body, f->name, (str *)(void *)base, e);
    case F_TRI:
        TRY(jd_opt_bool_(body, f->name, &b, e));
        *(enum tri *)(void *)base = b ? TRI_TRUE : TRI_FALSE;
        return RC_OK;
    case F_JSON:
        TRY(jd_opt_obj_(body, f->name, &v, e));
        *(str *)(void *)base = jd_text(v, a);
        return RC_OK;
    case F_DONE:
        break;
    }
    return RC_OK;
}

static bool is_known(str name)
{
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (str_eq(name, fields[i].name))
            return true;
    return false;
}

static rc read_strings(struct chat_str **list, jval *v, const char *name, struct arena *a,
                       struct err *e)
{
    if (!jd_given(v))
        return RC_OK;
    if (jd_is_str(v)) {
        *list = NEW(a, struct chat_str, 1);
        (*list)->s = jd_str(v);
        return RC_OK;
    }
    if (!jd_is_arr(v))
        return BAD(a, e, "a string or an array of strings", v, "%s", name);
    JD_EACH (s, v) {
        if (!jd_is_str(s.value))
            return BAD(a, e, "a string", s.value, "%s[%zu]", name, s.index);
        *list = NEW(a, struct chat_str, 1);
        (*list)->s = jd_str(s.value);
        list = &(*list)->next;
    }
    return RC_OK;
}

static rc read_format(struct chat_req *r, jval *v, struct chat_extra ***extras, struct arena *a,
                      struct err *e)
{
    if (!jd_given(v))
        return RC_OK;
    if (!jd_is_obj(v))
        return BAD(a, e, "an object", v, "response_format");
    str type = jd_get_str(v, S("type"));
    jval *spec = jd_get(v, S("json_schema"));
    jval *schema = jd_is_obj(spec) ? jd_get(spec, S("schema")) : jd_get(v, S("schema"));
    if (str_eq(type, S("text"))) {
        r->format = FORMAT_TEXT;
    } else if ((str_eq(type, S("json_schema")) || str_eq(type, S("json_object")) ||
                str_eq(type, S("json"))) &&
               jd_is_obj(schema)) { /* json_object with a schema: Together, llama-server */
        r->format = FORMAT_SCHEMA;
        r->schema = jd_text(schema, a);
        r->schema_name = jd_get_str(spec, S("name"));
        r->schema_description = jd_get_str(spec, S("description"));
        r->schema_strict = tri_of(jd_get(spec, S("strict")));
    } else if (str_eq(type, S("json_object"))) {
        r->format = FORMAT_JSON;
    } else if (str_eq(type, S("json_schema"))) {
        return BAD(a, e, "an object", spec, "response_format.json_schema");
    } else {
        add_extra(extras, S("response_format"), v, a); /* regex, structural_tag: a vendor's own */
    }
    return RC_OK;
}

/* reasoning_effort, and what other vendors call it: OpenRouter's `reasoning`, `thinking` of
 * Anthropic's shape (LiteLLM takes it here), Qwen's enable_thinking. These stay extras, too. */
static void read_reasoning(struct chat_req *r, jval *body, struct chat_extra ***extras,
                           struct arena *a)
{
    jval *effort = jd_get(body, S("reasoning_effort"));
    r->effort = chat_effort_of(jd_str(effort));
    if (jd_given(effort) && r->effort == EFFORT_UNSET)
        add_extra(extras, S("reasoning_effort"), effort, a);
    jval *reasoning = jd_get(body, S("reasoning"));
    if (r->effort == EFFORT_UNSET)
        r->effort = chat_effort_of(jd_get_str(reasoning, S("effort")));
    r->thinking_budget = jd_i64_or(jd_get(reasoning, S("max_tokens")), CHAT_UNSET);
    jval *thinking = jd_get(body, S("thinking"));
    str type = jd_get_str(thinking, S("type"));
    if (str_eq(type, S("disabled")))
        r->thinking_budget = 0;
    else if (str_eq(type, S("enabled")))
        r->thinking_budget = jd_i64_or(jd_get(thinking, S("budget_tokens")), -1);
    else if (str_eq(type, S("adaptive")))
        r->thinking_budget = -1;
    jval *enable = jd_get(body, S("enable_thinking"));
    if (!enable)
        enable = jd_path(body, "chat_template_kwargs", "enable_thinking", NULL);
    if (jd_is_bool(enable) && r->thinking_budget == CHAT_UNSET)
        r->thinking_budget = jd_is_true(enable) ? -1 : 0;
    r->show_thinking = tri_of(jd_get(body, S("include_reasoning")));
    if (jd_is_true(jd_get(reasoning, S("exclude"))))
        r->show_thinking = TRI_FALSE;
}

static void read_extras(struct chat_req *r, jval *body, struct chat_extra ***extras,
                        struct arena *a)
{
    JD_EACH (m, body) {
        if (!is_known(m.name) && jd_given(m.value))
            add_extra(extras, m.name, m.value, a);
    }
    enum { UNPACKED_MAX = 256 };               /* each is looked up among the others */
    JD_EACH (m, jd_get(body, S("extra_body"))) /* the SDK unpacks it; other clients may not */
    {
        if (m.index < UNPACKED_MAX && !is_known(m.name) && jd_given(m.value) &&
            !jd_get(body, m.name))
            add_extra(extras, m.name, m.value, a);
    }
    if (!r->user.n)
        r->user = jd_get_str(body, S("safety_identifier"));
}

/* include_usage is neutral; what else is asked of a stream stays an extra. */
static rc read_stream(struct chat_req *r, jval *body, struct chat_extra ***extras, struct arena *a,
                      struct err *e)
{
    jval *options = NULL;
    TRY(jd_opt_bool(body, "stream", &r->stream, e));
    TRY(jd_opt_obj(body, "stream_options", &options, e));
    r->include_usage = jd_is_true(jd_get(options, S("include_usage")));
    if (jd_count(options) > (jd_get(options, S("include_usage")) ? 1 : 0))
        add_extra(extras, S("stream_options"), options, a);
    return RC_OK;
}

rc openai_read_chat(struct chat_req *ret, jval *body, const struct dialect_path *path,
                    struct arena *a, struct err *e)
{
    struct chat_req r;
    struct chat_extra **extras = &r.extras;
    struct chat_message **tail = &r.messages;
    jval *messages = jd_get(body, S("messages"));
    chat_req_init(&r, DIALECT_OPENAI_CHAT);
    if (!jd_given(messages))
        return fail(e, E_SYNTAX, "messages", 0, "Missing required parameter: 'messages'.");
    if (!jd_is_arr(messages))
        return BAD(a, e, "an array", messages, "messages");
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        TRY(read_field(&r, &fields[i], body, a, e));
    TRY(read_stream(&r, body, &extras, a, e));
    JD_EACH (m, messages)
        TRY(read_message(&tail, a, m.value, m.index, e));
    TRY(read_tools(&r, body, a, e));
    jval *choice = jd_get(body, S("tool_choice"));
    TRY(read_choice(&r, jd_given(choice) ? choice : jd_get(body, S("function_call")), a, e));
    TRY(read_strings(&r.stop, jd_get(body, S("stop")), "stop", a, e));
    TRY(read_strings(&r.modalities, jd_get(body, S("modalities")), "modalities", a, e));
    TRY(read_format(&r, jd_get(body, S("response_format")), &extras, a, e));
    read_reasoning(&r, body, &extras, a);
    read_extras(&r, body, &extras, a);
    if (path && path->model.n)
        r.model = path->model;
    chat_link_results(&r, a);
    *ret = r;
    return RC_OK;
}
