/* openai_responses_read.c - a Responses request into the neutral conversation.
 *
 * Items in a row become messages: what the assistant said, thought and called is one assistant
 * message, outputs in a row are one tool message. Items that only OpenAI understands stay whole.
 */
#include "base/map.h"
#include "dialect/members.h"
#include "dialect/openai_responses_internal.h"
#include "dialect/signature.h"

struct reader {
    struct chat_req *r;
    struct arena *a;
    struct err *e;
    struct chat_message **tail;
    struct chat_message *last;
    struct chat_part **parts; /* where the last message's next part goes */
    struct chat_extra **extras, **own;
    bool all_tools; /* the tools as they came stand in the extras */
};

static rc bad(struct reader *rd, str where, const char *what)
{
    const char *path = arena_fmt(rd->a, "%.*s", STRF(where)).p;
    return fail(rd->e, E_SYNTAX, path, 0, "%s: %s", path, what);
}

/* Beside what the neutral fields say of it. */
static void put_own(struct reader *rd, str name, jval *v)
{
    chat_add_extra(rd->a, &rd->own, name, jd_text(v, rd->a));
}

static struct chat_message *new_message(struct reader *rd, enum chat_role role)
{
    struct chat_message *m = NEW(rd->a, struct chat_message, 1);
    m->role = role;
    *rd->tail = m;
    rd->tail = &m->next;
    rd->last = m;
    rd->parts = &m->parts;
    return m;
}

/* The last message, if it is of that role: what belongs together is not torn apart. */
static void continue_message(struct reader *rd, enum chat_role role)
{
    if (!rd->last || rd->last->role != role)
        new_message(rd, role);
}

static struct chat_part *new_part(struct reader *rd, struct chat_part ***tail, enum part_kind kind)
{
    struct chat_part *p = NEW(rd->a, struct chat_part, 1);
    p->kind = kind;
    p->origin = DIALECT_OPENAI_RESPONSES;
    **tail = p;
    *tail = &p->next;
    return p;
}

/* ---- parts ---------------------------------------------------------------------------------- */

/* A URL, or the bytes of a data URL. */
static void read_url(struct chat_media *m, str url)
{
    if (!str_istarts(url, S("data:"))) {
        m->url = url;
        return;
    }
    str head = str_skip(url, 5);
    size_t comma = str_index(head, ',');
    m->data = str_skip(head, comma < head.n ? comma + 1 : comma);
    m->mime = str_take(head, comma);
    m->mime = str_take(m->mime, str_index(m->mime, ';'));
}

static void read_text(struct reader *rd, struct chat_part *p, jval *v)
{
    p->text = jd_get_str(v, S("text"));
    jval *notes = jd_get(v, S("annotations"));
    if (jd_is_arr(notes) && jd_count(notes))
        p->notes = jd_text(notes, rd->a);
}

static void read_refusal(struct reader *rd, struct chat_part *p, jval *v)
{
    (void)rd;
    p->text = jd_get_str(v, S("refusal"));
}

static void read_image(struct reader *rd, struct chat_part *p, jval *v)
{
    (void)rd;
    jval *url = jd_get(v, S("image_url"));
    /* A plain string; some clients send chat completions' object all the same. */
    read_url(&p->media, jd_is_obj(url) ? jd_get_str(url, S("url")) : jd_str(url));
    p->media.file_id = jd_get_str(v, S("file_id"));
    p->media.detail = jd_get_str(v, S("detail"));
}

static void read_file(struct reader *rd, struct chat_part *p, jval *v)
{
    (void)rd;
    str data = jd_get_str(v, S("file_data")), url = jd_get_str(v, S("file_url"));
    if (data.n && str_istarts(data, S("data:")))
        read_url(&p->media, data);
    else if (data.n)
        p->media.data = data;
    else if (url.n)
        read_url(&p->media, url);
    p->media.file_id = jd_get_str(v, S("file_id"));
    p->media.name = jd_get_str(v, S("filename"));
    if (p->media.data.n && !p->media.mime.n && str_ends(p->media.name, S(".pdf")))
        p->media.mime = S("application/pdf");
}

static void read_audio(struct reader *rd, struct chat_part *p, jval *v)
{
    jval *audio = jd_get(v, S("input_audio"));
    p->media.data = jd_get_str(audio, S("data"));
    str format = jd_get_str(audio, S("format"));
    p->media.mime = format.n ? arena_cat(rd->a, S("audio/"), format) : (str){ 0 };
}

static const struct {
    const char *type;
    enum part_kind kind;
    void (*read)(struct reader *rd, struct chat_part *p, jval *v);
} part_types[] = {
    { "input_text", PART_TEXT, read_text },    { "output_text", PART_TEXT, read_text },
    { "text", PART_TEXT, read_text },          { "summary_text", PART_TEXT, read_text },
    { "refusal", PART_REFUSAL, read_refusal }, { "input_image", PART_IMAGE, read_image },
    { "input_file", PART_FILE, read_file },    { "input_audio", PART_AUDIO, read_audio },
};

static void read_part(struct reader *rd, struct chat_part ***tail, jval *v)
{
    static const char *const said[] = { "type",      "text",     "refusal",     "annotations",
                                        "image_url", "file_id",  "detail",      "filename",
                                        "file_data", "file_url", "input_audio", NULL };
    str type = jd_get_str(v, S("type"));
    for (size_t i = 0; i < COUNT_OF(part_types); i++) {
        if (!str_eq(type, str_c(part_types[i].type)))
            continue;
        struct chat_part *p = new_part(rd, tail, part_types[i].kind);
        part_types[i].read(rd, p, v);
        p->extras = members_others(v, said, rd->a);
        return;
    }
    new_part(rd, tail, PART_OPAQUE)->raw = jd_text(v, rd->a);
}

static rc read_content(struct reader *rd, struct chat_part ***tail, jval *content, str where)
{
    if (jd_is_str(content)) {
        new_part(rd, tail, PART_TEXT)->text = jd_str(content);
        return RC_OK;
    }
    if (!jd_is_arr(content))
        return bad(rd, where, "expected a string or an array of content parts");
    JD_EACH (m, content) {
        if (!jd_is_obj(m.value))
            return bad(rd, arena_fmt(rd->a, "%.*s[%zu]", STRF(where), m.index),
                       "expected an object");
        read_part(rd, tail, m.value);
    }
    return RC_OK;
}

/* ---- items ---------------------------------------------------------------------------------- */

static rc read_message(struct reader *rd, jval *v, str where)
{
    static const struct {
        const char *name;
        enum chat_role role;
    } roles[] = { { "user", ROLE_USER },
                  { "assistant", ROLE_ASSISTANT },
                  { "system", ROLE_SYSTEM },
                  { "developer", ROLE_DEVELOPER } };
    str name = jd_get_str(v, S("role"));
    enum chat_role role = ROLE_USER;
    for (size_t i = 0; i < COUNT_OF(roles); i++)
        if (str_eq(name, str_c(roles[i].name)))
            role = roles[i].role;
    if (role == ROLE_ASSISTANT)
        continue_message(rd, role);
    else
        new_message(rd, role);
    static const char *const said[] = { "type", "role", "content", NULL };
    struct chat_part **first = rd->parts;
    TRY(read_content(rd, &rd->parts, jd_get(v, S("content")),
                     arena_cat(rd->a, where, S(".content"))));
    if (*first)
        responses_keep_item(*first, v, said, rd->a);
    return RC_OK;
}

static rc read_call(struct reader *rd, jval *v, str where, bool custom)
{
    static const char *const said[] = { "type",      "call_id", "name", "namespace",
                                        "arguments", "input",   NULL };
    str id = jd_get_str(v, S("call_id"));
    if (!id.n)
        return bad(rd, arena_cat(rd->a, where, S(".call_id")), "missing required parameter");
    continue_message(rd, ROLE_ASSISTANT);
    struct chat_part *p = new_part(rd, &rd->parts, PART_TOOL_CALL);
    p->call.id = id;
    p->call.signature = signature_from_id(rd->a, &p->call.id);
    p->call.name = jd_get_str(v, S("name"));
    str space = jd_get_str(v, S("namespace"));
    if (space.n)
        p->call.name = arena_fmt(rd->a, "%.*s__%.*s", STRF(space), STRF(p->call.name));
    p->call.custom = custom;
    p->call.args = jd_get_str(v, custom ? S("input") : S("arguments"));
    p->id = jd_get_str(v, S("id"));
    responses_keep_item(p, v, said, rd->a);
    return RC_OK;
}

static rc read_output(struct reader *rd, jval *v, str where)
{
    static const char *const said[] = { "type", "call_id", "output", NULL };
    str id = jd_get_str(v, S("call_id"));
    if (!id.n)
        return bad(rd, arena_cat(rd->a, where, S(".call_id")), "missing required parameter");
    continue_message(rd, ROLE_TOOL);
    struct chat_part *p = new_part(rd, &rd->parts, PART_TOOL_RESULT);
    p->result.id = id;
    signature_from_id(rd->a, &p->result.id);
    responses_keep_item(p, v, said, rd->a);
    jval *output = jd_get(v, S("output"));
    struct chat_part **inner = &p->result.content;
    if (!jd_given(output))
        return RC_OK;
    if (jd_is_obj(output)) { /* not documented, but sent: as text */
        new_part(rd, &inner, PART_TEXT)->text = jd_text(output, rd->a);
        return RC_OK;
    }
    return read_content(rd, &inner, output, arena_cat(rd->a, where, S(".output")));
}

str responses_reasoning_text(jval *item, struct arena *a)
{
    struct buf all;
    buf_init(&all, SIZE_MAX);
    jval *lists[] = { jd_get(item, S("summary")), jd_get(item, S("content")) };
    for (size_t i = 0; i < COUNT_OF(lists) && !all.n; i++)
        JD_EACH (m, lists[i]) {
            str text = jd_get_str(m.value, S("text"));
            if (all.n && text.n)
                buf_add(&all, S("\n\n"));
            buf_add(&all, text);
        }
    str joined = arena_dup(a, buf_str(&all));
    buf_done(&all);
    return joined;
}

static void read_reasoning(struct reader *rd, jval *v)
{
    continue_message(rd, ROLE_ASSISTANT);
    str sealed = jd_get_str(v, S("encrypted_content"));
    enum dialect_id origin = signature_unmark(&sealed, DIALECT_OPENAI_RESPONSES);
    if (origin != DIALECT_OPENAI_RESPONSES && str_starts(sealed, RESPONSES_REDACTED)) {
        struct chat_part *p = new_part(rd, &rd->parts, PART_REDACTED);
        p->origin = origin;
        p->media.data = str_skip(sealed, RESPONSES_REDACTED.n);
        return;
    }
    struct chat_part *p = new_part(rd, &rd->parts, PART_THINKING);
    p->origin = origin;
    p->signature = sealed;
    p->text = responses_reasoning_text(v, rd->a);
    p->id = jd_get_str(v, S("id"));
    if (origin == DIALECT_OPENAI_RESPONSES)
        p->raw = jd_text(v, rd->a);
}

static rc read_item(struct reader *rd, jval *v, str where)
{
    str type = jd_str_or(jd_get(v, S("type")), S("message"));
    bool nameless = !jd_get(v, S("type")) && !jd_get(v, S("role")) && !jd_get(v, S("content"));
    if (str_eq(type, S("message")) && !nameless) /* else something unknown: kept as it is */
        return read_message(rd, v, where);
    if (str_eq(type, S("function_call")))
        return read_call(rd, v, where, false);
    if (str_eq(type, S("custom_tool_call")))
        return read_call(rd, v, where, true);
    if (str_eq(type, S("function_call_output")) || str_eq(type, S("custom_tool_call_output")))
        return read_output(rd, v, where);
    if (str_eq(type, S("reasoning"))) {
        read_reasoning(rd, v);
        return RC_OK;
    }
    /* Hosted tools' items, references, compactions and whatever is to come. */
    continue_message(rd, ROLE_ASSISTANT);
    new_part(rd, &rd->parts, PART_OPAQUE)->raw = jd_text(v, rd->a);
    return RC_OK;
}

static rc read_input(struct reader *rd, jval *input)
{
    if (!jd_given(input))
        return RC_OK; /* a conversation may be continued without */
    if (jd_is_str(input)) {
        new_message(rd, ROLE_USER);
        new_part(rd, &rd->parts, PART_TEXT)->text = jd_str(input);
        return RC_OK;
    }
    if (!jd_is_arr(input))
        return bad(rd, S("input"), "expected a string or an array of items");
    JD_EACH (m, input) {
        str where = arena_fmt(rd->a, "input[%zu]", m.index);
        if (!jd_is_obj(m.value))
            return bad(rd, where, "expected an object");
        TRY(read_item(rd, m.value, where));
    }
    return RC_OK;
}

/* ---- tools ---------------------------------------------------------------------------------- */

static void read_function(struct reader *rd, struct chat_tool *t, jval *v)
{
    static const char *const known[] = {
        "type", "name", "description", "parameters", "strict", NULL
    };
    t->kind = TOOL_FUNCTION;
    jval *schema = jd_get(v, S("parameters"));
    if (jd_is_obj(schema))
        t->schema = jd_text(schema, rd->a);
    jval *strict = jd_get(v, S("strict"));
    if (jd_is_bool(strict))
        t->strict = jd_is_true(strict) ? TRI_TRUE : TRI_FALSE;
    JD_EACH (m, v) {
        if (jd_given(m.value) && !str_among(m.name, known)) {
            t->raw = jd_text(v, rd->a);
            return;
        }
    }
}

static struct chat_tool *add_tool(struct reader *rd, struct chat_tool ***tail, jval *v)
{
    struct chat_tool *t = NEW(rd->a, struct chat_tool, 1);
    t->origin = DIALECT_OPENAI_RESPONSES;
    t->name = jd_get_str(v, S("name"));
    t->description = jd_get_str(v, S("description"));
    **tail = t;
    *tail = &t->next;
    return t;
}

/* The tools of a namespace become functions with both names in theirs; raw keeps the two apart. */
static void read_namespace(struct reader *rd, struct chat_tool ***tail, jval *v)
{
    str space = jd_get_str(v, S("name"));
    JD_EACH (m, jd_get(v, S("tools"))) {
        str type = jd_str_or(jd_get(m.value, S("type")), S("function"));
        if (!jd_is_obj(m.value) || !str_eq(type, S("function")))
            continue;
        struct chat_tool *t = add_tool(rd, tail, m.value);
        read_function(rd, t, m.value);
        struct buf raw;
        struct jw w;
        buf_init(&raw, 1 << 20);
        jw_init(&w, &raw);
        jw_obj(&w);
        jw_kstr(&w, S("namespace"), space);
        jw_kstr(&w, S("name"), t->name);
        jw_obj_end(&w);
        t->raw = arena_dup(rd->a, buf_str(&raw));
        buf_done(&raw);
        t->name = arena_fmt(rd->a, "%.*s__%.*s", STRF(space), STRF(t->name));
    }
}

static rc read_tools(struct reader *rd, jval *tools)
{
    struct chat_tool **tail = &rd->r->tools;
    JD_EACH (m, tools) {
        str at = arena_fmt(rd->a, "tools[%zu]", m.index);
        str type = jd_get_str(m.value, S("type"));
        if (!jd_is_obj(m.value) || !type.n)
            return bad(rd, at, "expected an object with a type");
        if (str_eq(type, S("namespace"))) {
            read_namespace(rd, &tail, m.value);
            rd->all_tools = true;
            continue;
        }
        struct chat_tool *t = add_tool(rd, &tail, m.value);
        bool function = str_eq(type, S("function")), custom = str_eq(type, S("custom"));
        if ((function || custom) && !t->name.n)
            return bad(rd, arena_cat(rd->a, at, S(".name")), "missing required parameter");
        if (function) {
            read_function(rd, t, m.value);
        } else {
            t->kind = custom ? TOOL_CUSTOM : TOOL_OPAQUE;
            t->raw = jd_text(m.value, rd->a);
            if (!t->name.n)
                t->name = type;
        }
    }
    if (rd->all_tools)
        put_own(rd, S("tools"), tools);
    return RC_OK;
}

/* allowed_tools: the others are not offered. */
static void keep_allowed(struct reader *rd, jval *allowed)
{
    struct map names;
    map_init(&names);
    JD_EACH (m, allowed) {
        str name = jd_str_or(jd_get(m.value, S("name")), jd_get_str(m.value, S("type")));
        if (name.n)
            map_put(&names, name, m.value);
    }
    struct chat_tool **at = &rd->r->tools;
    while (*at) {
        if (map_get(&names, (*at)->name))
            at = &(*at)->next;
        else
            *at = (*at)->next;
    }
    map_done(&names);
}

static rc read_choice(struct reader *rd, jval *v, jval *tools)
{
    struct chat_req *r = rd->r;
    if (!jd_given(v))
        return RC_OK;
    str word = jd_is_str(v) ? jd_str(v) : jd_get_str(v, S("type"));
    if (str_eq(word, S("allowed_tools"))) {
        put_own(rd, S("tool_choice"), v);
        if (!rd->all_tools) { /* for OpenAI, which can be told so itself */
            rd->all_tools = true;
            put_own(rd, S("tools"), tools);
        }
        keep_allowed(rd, jd_get(v, S("tools")));
        word = jd_str_or(jd_get(v, S("mode")), S("auto"));
    } else if (jd_is_obj(v)) {
        r->choice_name = jd_get_str(v, S("name"));
        r->choice = r->choice_name.n ? CHOICE_NAMED : CHOICE_AUTO;
        if (!r->choice_name.n) /* a hosted tool, named by its type */
            put_own(rd, S("tool_choice"), v);
        return RC_OK;
    }
    r->choice = str_eq(word, S("none"))       ? CHOICE_NONE
                : str_eq(word, S("required")) ? CHOICE_REQUIRED
                : str_eq(word, S("auto"))     ? CHOICE_AUTO
                                              : CHOICE_UNSET;
    if (r->choice == CHOICE_UNSET)
        return bad(rd, S("tool_choice"), "expected none, auto, required or an object");
    return RC_OK;
}

/* ---- the rest ------------------------------------------------------------------------------- */

static rc read_text_config(struct reader *rd, jval *text)
{
    struct chat_req *r = rd->r;
    r->verbosity = jd_get_str(text, S("verbosity"));
    jval *format = jd_get(text, S("format"));
    str type = jd_get_str(format, S("type"));
    if (str_eq(type, S("json_object")))
        r->format = FORMAT_JSON;
    else if (str_eq(type, S("text")))
        r->format = FORMAT_TEXT;
    if (!str_eq(type, S("json_schema")))
        return RC_OK;
    jval *schema = jd_get(format, S("schema"));
    if (!jd_is_obj(schema))
        return bad(rd, S("text.format.schema"), "expected an object");
    r->format = FORMAT_SCHEMA;
    r->schema = jd_text(schema, rd->a);
    r->schema_name = jd_get_str(format, S("name"));
    r->schema_description = jd_get_str(format, S("description"));
    jval *strict = jd_get(format, S("strict"));
    if (jd_is_bool(strict))
        r->schema_strict = jd_is_true(strict) ? TRI_TRUE : TRI_FALSE;
    return RC_OK;
}

static void read_reasoning_config(struct reader *rd, jval *v)
{
    rd->r->effort = chat_effort_of(jd_get_str(v, S("effort")));
    if (jd_given(jd_get(v, S("summary"))) || jd_given(jd_get(v, S("generate_summary"))))
        rd->r->show_thinking = TRI_TRUE;
    JD_EACH (m, v)
        if (!str_eq(m.name, S("effort")) && jd_given(m.value)) {
            put_own(rd, S("reasoning"), v);
            return;
        }
}

static rc read_scalars(struct reader *rd, jval *body)
{
    struct chat_req *r = rd->r;
    struct err *e = rd->e;
    bool parallel = true;
    TRY(jd_opt_str(body, "model", &r->model, e));
    TRY(jd_opt_bool(body, "stream", &r->stream, e));
    TRY(jd_opt_i64(body, "max_output_tokens", &r->max_tokens, e));
    TRY(jd_opt_num(body, "temperature", &r->temperature, e));
    TRY(jd_opt_num(body, "top_p", &r->top_p, e));
    TRY(jd_opt_i64(body, "top_logprobs", &r->top_logprobs, e));
    TRY(jd_opt_str(body, "service_tier", &r->service_tier, e));
    TRY(jd_opt_str(body, "user", &r->user, e));
    if (!r->user.n)
        TRY(jd_opt_str(body, "safety_identifier", &r->user, e));
    TRY(jd_opt_bool(body, "parallel_tool_calls", &parallel, e));
    if (jd_is_bool(jd_get(body, S("parallel_tool_calls"))))
        r->parallel_calls = parallel ? TRI_TRUE : TRI_FALSE;
    jval *metadata = NULL;
    TRY(jd_opt_obj(body, "metadata", &metadata, e));
    if (metadata && jd_count(metadata))
        r->metadata = jd_text(metadata, rd->a);
    JD_EACH (m, jd_get(body, S("include")))
        if (jd_str_is(m.value, S("message.output_text.logprobs")))
            r->logprobs = TRI_TRUE;
    if (r->logprobs != TRI_TRUE) /* then it says nothing; other dialects refuse it alone */
        r->top_logprobs = CHAT_UNSET;
    return RC_OK;
}

rc responses_read_chat(struct chat_req *ret, jval *body, const struct dialect_path *path,
                       struct arena *a, struct err *e)
{
    static const char *const known[] = {
        "model",     "input",        "stream", "max_output_tokens",   "temperature", "top_p",
        "tools",     "service_tier", "user",   "parallel_tool_calls", "metadata",    "text",
        "reasoning", "tool_choice",  NULL,
    };
    /* Told by the neutral fields, kept by the server, or about the stream that we write anyway. */
    static const char *const own[] = { "instructions",   "include",      "previous_response_id",
                                       "conversation",   "store",        "safety_identifier",
                                       "stream_options", "top_logprobs", NULL };
    (void)path;
    chat_req_init(ret, DIALECT_OPENAI_RESPONSES);
    struct reader rd = {
        .r = ret, .a = a, .e = e, .tail = &ret->messages, .extras = &ret->extras, .own = &ret->own
    };
    jval *v = NULL;
    TRY(read_scalars(&rd, body));
    str instructions = { 0 };
    TRY(jd_opt_str(body, "instructions", &instructions, e));
    if (instructions.n) {
        new_message(&rd, ROLE_SYSTEM);
        new_part(&rd, &rd.parts, PART_TEXT)->text = instructions;
    }
    TRY(read_input(&rd, jd_get(body, S("input"))));
    TRY(jd_opt_arr(body, "tools", &v, e));
    TRY(read_tools(&rd, v));
    TRY(read_choice(&rd, jd_get(body, S("tool_choice")), v));
    v = NULL;
    TRY(jd_opt_obj(body, "text", &v, e));
    TRY(read_text_config(&rd, v));
    v = NULL;
    TRY(jd_opt_obj(body, "reasoning", &v, e));
    read_reasoning_config(&rd, v);
    JD_EACH (m, body) {
        if (!jd_given(m.value) || str_among(m.name, known))
            continue;
        struct chat_extra ***tail = str_among(m.name, own) ? &rd.own : &rd.extras;
        chat_add_extra(a, tail, m.name, jd_text(m.value, a));
    }
    chat_link_results(ret, a);
    return RC_OK;
}
