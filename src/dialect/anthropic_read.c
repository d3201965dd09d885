/* anthropic_read.c - a Messages request into the neutral conversation.
 *
 * Whatever has no neutral place but does matter to Anthropic stays as JSON text beside it
 * (part->raw, tool->raw, extras), so that writing it to Anthropic again loses nothing.
 */
#include "dialect/anthropic_internal.h"
#include "dialect/signature.h"

struct reader {
    struct chat_req *r;
    struct arena *a;
    struct err *e;
    struct chat_message **tail; /* where the next message goes */
    struct chat_extra **extras; /* where the next extra goes */
};

/* A field path lives as long as the error: where is a pointer, so the path is put in the arena. */
static rc bad(struct reader *rd, str where, const char *what)
{
    const char *path = arena_fmt(rd->a, "%.*s", STRF(where)).p;
    return fail(rd->e, E_SYNTAX, path, 0, "%s: %s", path, what);
}

/* Only these members: the block needs no raw beside its neutral form. */
static bool only(jval *obj, const char *const *names)
{
    JD_EACH (m, obj) {
        if (jd_given(m.value) && !str_among(m.name, names))
            return false;
    }
    return true;
}

static void put_extra(struct reader *rd, str name, jval *v)
{
    chat_add_extra(rd->a, &rd->extras, name, jd_text(v, rd->a));
}

/* ---- blocks --------------------------------------------------------------------------------- */

static struct chat_part *new_part(struct reader *rd, struct chat_part ***tail, enum part_kind kind)
{
    struct chat_part *p = NEW(rd->a, struct chat_part, 1);
    p->kind = kind;
    p->origin = DIALECT_ANTHROPIC;
    **tail = p;
    *tail = &p->next;
    return p;
}

static void read_text(struct reader *rd, struct chat_part *p, jval *b)
{
    static const char *const known[] = { "type", "text", "cache_control", "citations", NULL };
    p->text = jd_get_str(b, S("text"));
    jval *citations = jd_get(b, S("citations"));
    if (jd_is_arr(citations) && jd_count(citations) > 0)
        p->notes = jd_text(citations, rd->a);
    if (!only(b, known))
        p->raw = jd_text(b, rd->a);
}

/* The source of an image or document. False: of a kind that has no neutral form. */
static bool read_source(struct chat_media *m, jval *source)
{
    str type = jd_get_str(source, S("type"));
    m->mime = jd_get_str(source, S("media_type"));
    if (str_eq(type, S("base64")))
        m->data = jd_get_str(source, S("data"));
    else if (str_eq(type, S("url")))
        m->url = jd_get_str(source, S("url"));
    else if (str_eq(type, S("file")))
        m->file_id = jd_get_str(source, S("file_id"));
    else if (str_eq(type, S("text")))
        m->text = jd_get_str(source, S("data"));
    else
        return false;
    return true;
}

static void read_image(struct reader *rd, struct chat_part *p, jval *b)
{
    static const char *const known[] = { "type", "source", "cache_control", NULL };
    bool ok = read_source(&p->media, jd_get(b, S("source")));
    if (!ok || !only(b, known))
        p->raw = jd_text(b, rd->a);
    if (!ok)
        p->kind = PART_OPAQUE;
}

/* All texts inside a block's content, for dialects that know only text. */
static str text_inside(struct reader *rd, jval *content)
{
    if (jd_is_str(content))
        return jd_str(content);
    struct buf all;
    buf_init(&all, SIZE_MAX);
    JD_EACH (m, content) {
        str t = jd_get_str(m.value, S("text"));
        if (all.n && t.n)
            buf_chr(&all, '\n');
        buf_add(&all, t);
    }
    str text = arena_dup(rd->a, buf_str(&all));
    buf_done(&all);
    return text;
}

static void read_document(struct reader *rd, struct chat_part *p, jval *b)
{
    static const char *const known[] = { "type", "source", "cache_control", "title", NULL };
    jval *source = jd_get(b, S("source"));
    p->media.name = jd_get_str(b, S("title"));
    bool ok = read_source(&p->media, source);
    if (!ok || !only(b, known))
        p->raw = jd_text(b, rd->a);
    if (!ok) {
        p->media.text = text_inside(rd, jd_get(source, S("content")));
        p->media.mime = S("text/plain");
        if (p->media.text.n == 0)
            p->kind = PART_OPAQUE;
    } else if (p->media.mime.n == 0 && p->media.data.n) {
        p->media.mime = S("application/pdf");
    }
}

/* Searches and tool references: text for those who know nothing better. */
static void read_search_result(struct reader *rd, struct chat_part *p, jval *b)
{
    str title = jd_get_str(b, S("title")), source = jd_get_str(b, S("source"));
    str text = text_inside(rd, jd_get(b, S("content")));
    p->text = arena_fmt(rd->a, "%.*s\n%.*s\n%.*s", STRF(title), STRF(source), STRF(text));
    p->raw = jd_text(b, rd->a);
}

static void read_tool_reference(struct reader *rd, struct chat_part *p, jval *b)
{
    p->text = jd_get_str(b, S("tool_name"));
    p->raw = jd_text(b, rd->a);
}

static void read_thinking(struct reader *rd, struct chat_part *p, jval *b)
{
    (void)rd;
    p->text = jd_get_str(b, S("thinking"));
    p->signature = jd_get_str(b, S("signature"));
    p->origin = signature_unmark(&p->signature, DIALECT_ANTHROPIC);
}

static void read_redacted(struct reader *rd, struct chat_part *p, jval *b)
{
    (void)rd;
    p->media.data = jd_get_str(b, S("data"));
    p->origin = signature_unmark(&p->media.data, DIALECT_ANTHROPIC);
}

static void read_tool_use(struct reader *rd, struct chat_part *p, jval *b)
{
    static const char *const known[] = { "type", "id", "name", "input", "cache_control", NULL };
    p->call.id = jd_get_str(b, S("id"));
    p->call.signature = signature_from_id(rd->a, &p->call.id);
    p->call.name = jd_get_str(b, S("name"));
    jval *input = jd_get(b, S("input"));
    p->call.args = jd_is_obj(input) ? jd_text(input, rd->a) : S("{}");
    if (!only(b, known) && p->call.signature.n == 0)
        p->raw = jd_text(b, rd->a);
}

static const struct block {
    const char *type;
    enum part_kind kind;
    void (*read)(struct reader *rd, struct chat_part *p, jval *b);
} blocks[] = {
    { "text", PART_TEXT, read_text },
    { "image", PART_IMAGE, read_image },
    { "document", PART_FILE, read_document },
    { "search_result", PART_TEXT, read_search_result },
    { "tool_reference", PART_TEXT, read_tool_reference },
    { "thinking", PART_THINKING, read_thinking },
    { "redacted_thinking", PART_REDACTED, read_redacted },
    { "tool_use", PART_TOOL_CALL, read_tool_use },
};

static void read_block(struct reader *rd, struct chat_part ***tail, jval *b)
{
    jval *cache = jd_get(b, S("cache_control"));
    str type = jd_get_str(b, S("type"));
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        if (!str_eq(type, str_c(blocks[i].type)))
            continue;
        struct chat_part *p = new_part(rd, tail, blocks[i].kind);
        blocks[i].read(rd, p, b);
        if (jd_given(cache))
            p->cache = jd_text(cache, rd->a);
        return;
    }
    new_part(rd, tail, PART_OPAQUE)->raw = jd_text(b, rd->a);
}

/* Content that is a string or an array of blocks (of texts only, in system). */
static rc read_content(struct reader *rd, struct chat_part ***tail, jval *content, str where)
{
    if (jd_is_str(content)) {
        new_part(rd, tail, PART_TEXT)->text = jd_str(content);
        return RC_OK;
    }
    if (!jd_is_arr(content))
        return bad(rd, where, "expected a string or an array of blocks");
    JD_EACH (m, content) {
        if (!jd_is_obj(m.value))
            return bad(rd, arena_fmt(rd->a, "%.*s[%zu]", STRF(where), m.index),
                       "expected an object");
        if (!jd_get_str(m.value, S("type")).n)
            return bad(rd, arena_fmt(rd->a, "%.*s[%zu].type", STRF(where), m.index),
                       "expected a string");
        read_block(rd, tail, m.value);
    }
    return RC_OK;
}

static rc read_tool_result(struct reader *rd, struct chat_part ***tail, jval *b, str where)
{
    static const char *const known[] = { "type",     "tool_use_id",   "content",
                                         "is_error", "cache_control", NULL };
    struct chat_part *p = new_part(rd, tail, PART_TOOL_RESULT);
    p->result.id = jd_get_str(b, S("tool_use_id"));
    bool foreign = signature_from_id(rd->a, &p->result.id).n > 0;
    p->result.is_error = jd_is_true(jd_get(b, S("is_error")));
    jval *cache = jd_get(b, S("cache_control"));
    if (jd_given(cache))
        p->cache = jd_text(cache, rd->a);
    if (!only(b, known) && !foreign)
        p->raw = jd_text(b, rd->a);
    jval *content = jd_get(b, S("content"));
    struct chat_part **inner = &p->result.content;
    return jd_given(content) ? read_content(rd, &inner, content, where) : RC_OK;
}

/* ---- messages ------------------------------------------------------------------------------- */

static struct chat_message *new_message(struct reader *rd, enum chat_role role)
{
    struct chat_message *m = NEW(rd->a, struct chat_message, 1);
    m->role = role;
    *rd->tail = m;
    rd->tail = &m->next;
    return m;
}

/* The results of a user turn become a message of their own before what else it says. */
static rc read_results(struct reader *rd, jval *content, str where)
{
    struct chat_part **tail = NULL;
    JD_EACH (m, content) {
        if (!jd_str_is(jd_get(m.value, S("type")), S("tool_result")))
            continue;
        if (!tail)
            tail = &new_message(rd, ROLE_TOOL)->parts;
        TRY(read_tool_result(rd, &tail, m.value,
                             arena_fmt(rd->a, "%.*s[%zu].content", STRF(where), m.index)));
    }
    return RC_OK;
}

static rc read_user(struct reader *rd, jval *content, str where)
{
    if (!jd_is_arr(content)) {
        struct chat_part **tail = &new_message(rd, ROLE_USER)->parts;
        return read_content(rd, &tail, content, where);
    }
    TRY(read_results(rd, content, where));
    struct chat_part **tail = NULL;
    JD_EACH (m, content) {
        str type = jd_get_str(m.value, S("type"));
        if (!type.n)
            return bad(rd, arena_fmt(rd->a, "%.*s[%zu].type", STRF(where), m.index),
                       "expected a block with a type");
        if (str_eq(type, S("tool_result")))
            continue;
        if (!tail)
            tail = &new_message(rd, ROLE_USER)->parts;
        read_block(rd, &tail, m.value);
    }
    return RC_OK;
}

static rc read_messages(struct reader *rd, jval *messages)
{
    if (!messages)
        return bad(rd, S("messages"), "field required");
    if (!jd_is_arr(messages))
        return bad(rd, S("messages"), "expected an array of messages");
    JD_EACH (m, messages) {
        str at = arena_fmt(rd->a, "messages[%zu]", m.index);
        if (!jd_is_obj(m.value))
            return bad(rd, at, "expected an object");
        str role = jd_get_str(m.value, S("role"));
        if (!role.n)
            return bad(rd, arena_cat(rd->a, at, S(".role")), "expected \"user\" or \"assistant\"");
        jval *content = jd_get(m.value, S("content"));
        str where = arena_cat(rd->a, at, S(".content"));
        if (!content)
            return bad(rd, where, "field required");
        if (str_eq(role, S("assistant")) || str_eq(role, S("system"))) {
            bool assistant = str_eq(role, S("assistant"));
            struct chat_message *msg = new_message(rd, assistant ? ROLE_ASSISTANT : ROLE_SYSTEM);
            msg->prefix = assistant && m.index + 1 == jd_count(messages);
            struct chat_part **tail = &msg->parts;
            TRY(read_content(rd, &tail, content, where));
        } else {
            TRY(read_user(rd, content, where));
        }
    }
    return RC_OK;
}

/* Claude Code's first system block names the build and changes with every request: it means
 * something to Anthropic only, and elsewhere would spoil prompt caches. */
static rc read_system(struct reader *rd, jval *system)
{
    if (!jd_given(system))
        return RC_OK;
    struct chat_part **tail = &new_message(rd, ROLE_SYSTEM)->parts;
    struct chat_part **head = tail;
    TRY(read_content(rd, &tail, system, S("system")));
    size_t i = 0;
    for (struct chat_part *p = *head; p; p = p->next, i++) {
        if (p->kind != PART_TEXT || !str_starts(p->text, S("x-anthropic-billing-header")))
            continue;
        jval *block = jd_at(system, i);
        if (!block)
            continue;
        p->kind = PART_OPAQUE;
        p->raw = jd_text(block, rd->a);
    }
    return RC_OK;
}

/* ---- tools ---------------------------------------------------------------------------------- */

static rc read_tools(struct reader *rd, jval *tools)
{
    static const char *const known[] = { "type",   "name",          "description", "input_schema",
                                         "strict", "cache_control", NULL };
    struct chat_tool **tail = &rd->r->tools;
    JD_EACH (m, tools) {
        str at = arena_fmt(rd->a, "tools[%zu]", m.index);
        if (!jd_is_obj(m.value))
            return bad(rd, at, "expected an object");
        struct chat_tool *t = NEW(rd->a, struct chat_tool, 1);
        *tail = t;
        tail = &t->next;
        t->origin = DIALECT_ANTHROPIC;
        t->name = jd_get_str(m.value, S("name"));
        t->description = jd_get_str(m.value, S("description"));
        str type = jd_str_or(jd_get(m.value, S("type")), S("custom"));
        jval *cache = jd_get(m.value, S("cache_control"));
        if (jd_given(cache))
            t->cache = jd_text(cache, rd->a);
        if (!str_eq(type, S("custom"))) {
            t->kind = TOOL_OPAQUE;
            t->raw = jd_text(m.value, rd->a);
            continue;
        }
        t->kind = TOOL_FUNCTION;
        jval *schema = jd_get(m.value, S("input_schema"));
        if (jd_given(schema) && !jd_is_obj(schema))
            return bad(rd, arena_cat(rd->a, at, S(".input_schema")), "expected an object");
        if (!t->name.n)
            return bad(rd, arena_cat(rd->a, at, S(".name")), "field required");
        if (jd_is_obj(schema))
            t->schema = jd_text(schema, rd->a);
        jval *strict = jd_get(m.value, S("strict"));
        if (jd_is_bool(strict))
            t->strict = jd_is_true(strict) ? TRI_TRUE : TRI_FALSE;
        if (!only(m.value, known))
            t->raw = jd_text(m.value, rd->a);
    }
    return RC_OK;
}

static rc read_tool_choice(struct reader *rd, jval *choice)
{
    static const struct {
        const char *type;
        enum tool_choice choice;
    } kinds[] = { { "auto", CHOICE_AUTO },
                  { "any", CHOICE_REQUIRED },
                  { "tool", CHOICE_NAMED },
                  { "none", CHOICE_NONE } };
    if (!jd_given(choice))
        return RC_OK;
    if (!jd_is_obj(choice))
        return bad(rd, S("tool_choice"), "expected an object with a type");
    str type = jd_get_str(choice, S("type"));
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_eq(type, str_c(kinds[i].type)))
            rd->r->choice = kinds[i].choice;
    if (rd->r->choice == CHOICE_UNSET)
        return bad(rd, S("tool_choice.type"), "expected \"auto\", \"any\", \"tool\" or \"none\"");
    rd->r->choice_name = jd_get_str(choice, S("name"));
    if (rd->r->choice == CHOICE_NAMED && !rd->r->choice_name.n)
        return bad(rd, S("tool_choice.name"), "field required");
    jval *serial = jd_get(choice, S("disable_parallel_tool_use"));
    if (jd_is_bool(serial))
        rd->r->parallel_calls = jd_is_true(serial) ? TRI_FALSE : TRI_TRUE;
    return RC_OK;
}

/* ---- the rest ------------------------------------------------------------------------------- */

static rc read_thinking_mode(struct reader *rd, jval *thinking)
{
    struct chat_req *r = rd->r;
    if (!jd_given(thinking))
        return RC_OK;
    if (!jd_is_obj(thinking))
        return bad(rd, S("thinking"), "expected an object with a type");
    str type = jd_get_str(thinking, S("type"));
    bool omitted = jd_str_is(jd_get(thinking, S("display")), S("omitted"));
    if (str_eq(type, S("enabled")))
        r->thinking_budget = jd_i64_or(jd_get(thinking, S("budget_tokens")), -1);
    else if (str_eq(type, S("adaptive")))
        r->thinking_budget = -1;
    else
        r->thinking_budget = 0;
    r->show_thinking = r->thinking_budget != 0 && !omitted ? TRI_TRUE : TRI_FALSE;
    put_extra(rd, S("thinking"), thinking);
    return RC_OK;
}

static void read_format(struct reader *rd, jval *format)
{
    if (!jd_str_is(jd_get(format, S("type")), S("json_schema")))
        return;
    jval *schema = jd_get(format, S("schema"));
    if (!jd_is_obj(schema))
        return;
    rd->r->format = FORMAT_SCHEMA;
    rd->r->schema = jd_text(schema, rd->a);
    rd->r->schema_strict = TRI_TRUE;
}

static void read_output_config(struct reader *rd, jval *config)
{
    static const char *const known[] = { "effort", "format", NULL };
    rd->r->effort = chat_effort_of(jd_get_str(config, S("effort")));
    read_format(rd, jd_get(config, S("format")));
    if (jd_is_obj(config) && !only(config, known))
        put_extra(rd, S("output_config"), config);
}

static void read_metadata(struct reader *rd, jval *metadata)
{
    static const char *const known[] = { "user_id", NULL };
    rd->r->user = jd_get_str(metadata, S("user_id"));
    if (jd_is_obj(metadata) && !only(metadata, known))
        put_extra(rd, S("metadata"), metadata);
}

static rc read_stop(struct reader *rd, jval *stop)
{
    struct chat_str **tail = &rd->r->stop;
    JD_EACH (m, stop) {
        if (!jd_is_str(m.value))
            return bad(rd, arena_fmt(rd->a, "stop_sequences[%zu]", m.index), "expected a string");
        *tail = NEW(rd->a, struct chat_str, 1);
        (*tail)->s = jd_str(m.value);
        tail = &(*tail)->next;
    }
    return RC_OK;
}

static rc read_scalars(struct chat_req *r, jval *body, struct arena *a, struct err *e)
{
    TRY(jd_opt_str(body, "model", &r->model, e));
    TRY(jd_opt_bool(body, "stream", &r->stream, e));
    TRY(jd_opt_i64(body, "max_tokens", &r->max_tokens, e));
    TRY(jd_opt_num(body, "temperature", &r->temperature, e));
    TRY(jd_opt_num(body, "top_p", &r->top_p, e));
    TRY(jd_opt_num(body, "top_k", &r->top_k, e));
    TRY(jd_opt_str(body, "service_tier", &r->service_tier, e));
    if (str_eq(r->service_tier, S("standard_only")))
        r->service_tier = S("default"); /* the neutral words are OpenAI's */
    jval *cache = jd_get(body, S("cache_control"));
    if (jd_given(cache))
        r->cache = jd_text(cache, a);
    return RC_OK;
}

rc anthropic_read_chat(struct chat_req *ret, jval *body, const struct dialect_path *path,
                       struct arena *a, struct err *e)
{
    static const char *const known[] = {
        "model", "messages",    "max_tokens",   "system",        "stop_sequences", "stream",
        "tools", "tool_choice", "thinking",     "output_config", "metadata",       "temperature",
        "top_p", "top_k",       "service_tier", "cache_control", "output_format",  NULL,
    };
    (void)path;
    chat_req_init(ret, DIALECT_ANTHROPIC);
    struct reader rd = { ret, a, e, &ret->messages, &ret->extras };
    jval *list = NULL;
    TRY(read_scalars(ret, body, a, e));
    TRY(read_system(&rd, jd_get(body, S("system"))));
    TRY(read_messages(&rd, jd_get(body, S("messages"))));
    TRY(jd_opt_arr(body, "tools", &list, e));
    TRY(read_tools(&rd, list));
    TRY(read_tool_choice(&rd, jd_get(body, S("tool_choice"))));
    TRY(read_thinking_mode(&rd, jd_get(body, S("thinking"))));
    list = NULL;
    TRY(jd_opt_arr(body, "stop_sequences", &list, e));
    TRY(read_stop(&rd, list));
    read_output_config(&rd, jd_get(body, S("output_config")));
    read_format(&rd, jd_get(body, S("output_format")));
    read_metadata(&rd, jd_get(body, S("metadata")));
    JD_EACH (m, body) {
        if (!str_among(m.name, known))
            put_extra(&rd, m.name, m.value);
    }
    chat_link_results(ret, a);
    return RC_OK;
}
