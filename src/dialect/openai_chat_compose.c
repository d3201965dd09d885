/* Writing POST /v1/chat/completions for OpenAI and the servers that resemble it. */
#include "chat/quirks.h"
#include "dialect/functions.h"
#include "dialect/members.h"
#include "dialect/openai_chat.h"
#include "dialect/openai_chat_internal.h"
#include "dialect/signature.h"

struct composer {
    struct jw w;
    const struct chat_req *r;
    const struct chat_target *t;
    struct chat_loss *loss;
    struct arena *arena;
    struct err *e;
};

static bool has(const struct composer *c, uint64_t quirk)
{
    return c->t->quirks & quirk;
}

static str target_name(const struct composer *c)
{
    return c->t->model.n ? c->t->model : S("The upstream");
}

/* The model's own name: openai/gpt-5-mini gives gpt-5-mini. */
static str bare_model(str model)
{
    size_t slash = str_rindex(model, '/');
    return slash < model.n ? str_skip(model, slash + 1) : model;
}

bool openai_is_reasoning_model(str model)
{
    str m = bare_model(model);
    if (str_starts(m, S("gpt-5")))
        return !str_starts(m, S("gpt-5-chat"));
    return m.n >= 2 && m.p[0] == 'o' && m.p[1] >= '1' && m.p[1] <= '9' &&
           (m.n == 2 || m.p[2] == '-');
}

/* OpenAI's models that refuse reasoning_effort. */
static bool is_plain_openai_model(str model)
{
    str m = bare_model(model);
    return str_starts(m, S("gpt-3")) || str_starts(m, S("gpt-4")) || str_starts(m, S("chatgpt-")) ||
           str_starts(m, S("gpt-5-chat"));
}

/* ---- schemas -------------------------------------------------------------------------------- */

enum { SCHEMA_DEPTH_MAX = JW_DEPTH_MAX / 2 };

/* A schema without additionalProperties and strict; names under `properties` are not keywords. */
static void write_loose_schema(struct jw *w, jval *v, bool names, int depth)
{
    if (depth > SCHEMA_DEPTH_MAX || !(jd_is_obj(v) || jd_is_arr(v))) {
        jw_val(w, v);
    } else if (jd_is_arr(v)) {
        jw_arr(w);
        JD_EACH (item, v)
            write_loose_schema(w, item.value, false, depth + 1);
        jw_arr_end(w);
    } else {
        jw_obj(w);
        JD_EACH (m, v) {
            if (!names &&
                (str_eq(m.name, S("additionalProperties")) || str_eq(m.name, S("strict"))))
                continue;
            bool inner = !names && (str_eq(m.name, S("properties")) || str_eq(m.name, S("$defs")) ||
                                    str_eq(m.name, S("definitions")));
            jw_key(w, m.name);
            write_loose_schema(w, m.value, inner, depth + 1);
        }
        jw_obj_end(w);
    }
}

static void write_schema(struct composer *c, str schema)
{
    jval *v = NULL;
    struct err ignored;
    if (has(c, QUIRK_NO_STRICT) && !FAILED(jd_read(&v, schema, c->arena, &ignored)))
        write_loose_schema(&c->w, v, false, 0);
    else
        jw_raw(&c->w, schema);
}

/* ---- parts ---------------------------------------------------------------------------------- */

static void write_data_url(struct jw *w, const struct chat_media *m, str mime_if_unknown)
{
    jw_str_begin(w);
    jw_str_add(w, S("data:"));
    jw_str_add(w, m->mime.n ? m->mime : mime_if_unknown);
    jw_str_add(w, S(";base64,"));
    jw_str_add(w, m->data);
    jw_str_end(w);
}

static void begin_typed(struct jw *w, str type)
{
    jw_obj(w);
    jw_kstr(w, S("type"), type);
}

static void write_text_part(struct jw *w, str text)
{
    begin_typed(w, S("text"));
    jw_kstr(w, S("text"), text);
    jw_obj_end(w);
}

/* {"type": T, T: {"url": ...}} */
static void write_linked(struct jw *w, const struct chat_media *m, str type, str mime)
{
    begin_typed(w, type);
    jw_kobj(w, type);
    jw_key(w, S("url"));
    if (m->data.n)
        write_data_url(w, m, mime);
    else
        jw_str(w, m->url);
    jw_kstr_if(w, S("detail"), m->detail);
    jw_obj_end(w);
    jw_obj_end(w);
}

static str audio_format(str mime)
{
    if (str_eq(mime, S("audio/mpeg")) || str_eq(mime, S("audio/mp3")))
        return S("mp3");
    if (str_eq(mime, S("audio/wav")) || str_eq(mime, S("audio/x-wav")) || !mime.n)
        return S("wav");
    return str_starts(mime, S("audio/")) ? str_skip(mime, 6) : mime;
}

static void write_audio(struct jw *w, const struct chat_media *m)
{
    if (!m->data.n) {
        write_linked(w, m, S("audio_url"), S("audio/wav"));
        return;
    }
    begin_typed(w, S("input_audio"));
    jw_kobj(w, S("input_audio"));
    jw_kstr(w, S("data"), m->data);
    jw_kstr(w, S("format"), audio_format(m->mime));
    jw_obj_end(w);
    jw_obj_end(w);
}

bool openai_needs_bytes(const struct chat_part *p)
{
    return p->kind == PART_FILE;
}

static rc write_file(struct composer *c, const struct chat_media *m)
{
    struct jw *w = &c->w;
    if (m->text.n) { /* a document that is text already */
        write_text_part(w, m->name.n
                               ? arena_fmt(c->arena, "%.*s:\n%.*s", STRF(m->name), STRF(m->text))
                               : m->text);
        return RC_OK;
    }
    if (!m->data.n && !m->file_id.n)
        return fail(c->e, E_UNSUPPORTED, "file", 0,
                    "%.*s takes files as data only, not by URL: %.*s", STRF(target_name(c)),
                    STRF(str_take(m->url, 80)));
    begin_typed(w, S("file"));
    jw_kobj(w, S("file"));
    if (m->data.n) {
        jw_kstr(w, S("filename"), m->name.n ? m->name : S("document.pdf"));
        jw_key(w, S("file_data"));
        write_data_url(w, m, S("application/pdf"));
    } else {
        jw_kstr(w, S("file_id"), m->file_id);
    }
    jw_obj_end(w);
    jw_obj_end(w);
    return RC_OK;
}

static rc write_bare_part(struct composer *c, const struct chat_part *p)
{
    struct jw *w = &c->w;
    switch (p->kind) {
    case PART_TEXT:
        begin_typed(w, S("text"));
        jw_kstr(w, S("text"), p->text);
        if (p->cache.n && has(c, QUIRK_OPENROUTER))
            jw_kraw(w, S("cache_control"), p->cache);
        jw_obj_end(w);
        return RC_OK;
    case PART_IMAGE:
        if (!p->media.data.n && !p->media.url.n) {
            chat_note_loss(c->loss, S("image file_id"));
            return RC_OK;
        }
        write_linked(w, &p->media, S("image_url"), S("image/png"));
        return RC_OK;
    case PART_VIDEO:
        write_linked(w, &p->media, S("video_url"), S("video/mp4"));
        return RC_OK;
    case PART_AUDIO:
        write_audio(w, &p->media);
        return RC_OK;
    case PART_FILE:
        return write_file(c, &p->media);
    case PART_OPAQUE:
        /* Blocks have a type; kept members of a message ({"audio": ...}) have none. */
        if (p->origin == DIALECT_OPENAI_CHAT && str_contains(str_take(p->raw, 4096), S("\"type\"")))
            jw_raw(w, p->raw);
        return RC_OK;
    default:
        return RC_OK;
    }
}

/* OpenAI's own cache mark: other servers may refuse what they do not know. */
static bool has_breakpoint(const struct composer *c, const struct chat_part *p)
{
    return p->extras && c->r->origin == DIALECT_OPENAI_CHAT && has(c, QUIRK_OPENAI);
}

/* A part inside a content array; nothing for parts that have their place elsewhere. */
static rc write_part(struct composer *c, const struct chat_part *p)
{
    size_t from = c->w.out->n + c->w.comma;
    TRY(write_bare_part(c, p));
    if (has_breakpoint(c, p) && c->w.out->n > from)
        members_put_back(c->w.out, from, p->extras, c->arena);
    return RC_OK;
}

static bool is_content(const struct chat_part *p)
{
    return p->kind == PART_TEXT || p->kind == PART_IMAGE || p->kind == PART_VIDEO ||
           p->kind == PART_AUDIO || p->kind == PART_FILE;
}

/* A kept member of a message: {"audio": {...}}, without a type of its own at the top. */
static bool is_kept_member(const struct chat_part *p)
{
    return p->kind == PART_OPAQUE && p->origin == DIALECT_OPENAI_CHAT &&
           (str_starts(p->raw, S("{\"reasoning_details\":")) ||
            str_starts(p->raw, S("{\"audio\":")));
}

/* The value of `content`: a string for one text, else an array. If there is none: "" or null. */
static rc write_content(struct composer *c, const struct chat_part *parts, bool null_if_none)
{
    const struct chat_part *only = NULL;
    size_t count = 0;
    bool marked = false;
    for (const struct chat_part *p = parts; p; p = p->next) {
        bool opaque =
            p->kind == PART_OPAQUE && p->origin == DIALECT_OPENAI_CHAT && !is_kept_member(p);
        if (!is_content(p) && !opaque)
            continue;
        count++;
        only = p;
        marked = marked || (p->cache.n && has(c, QUIRK_OPENROUTER)) || has_breakpoint(c, p);
    }
    if (count == 0) {
        if (null_if_none)
            jw_null(&c->w);
        else
            jw_str(&c->w, S(""));
        return RC_OK;
    }
    if (count == 1 && only->kind == PART_TEXT && !marked) {
        jw_str(&c->w, only->text);
        return RC_OK;
    }
    jw_arr(&c->w);
    for (const struct chat_part *p = parts; p; p = p->next)
        if (!is_kept_member(p))
            TRY(write_part(c, p));
    jw_arr_end(&c->w);
    return RC_OK;
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* Mistral's ids are nine letters and digits: others are hashed into that form, the same way for a
 * call and its result. */
static str call_id(const struct composer *c, str id)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    enum { WANTED = 9 };
    if (!has(c, QUIRK_TOOL_ID_9))
        return id;
    bool fits = id.n == WANTED;
    for (size_t i = 0; fits && i < id.n; i++)
        fits = memchr(letters, id.p[i], sizeof(letters) - 1) != NULL;
    if (fits)
        return id;
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a: the same in every process and after restarts */
    for (size_t i = 0; i < id.n; i++)
        hash = (hash ^ (unsigned char)id.p[i]) * 0x100000001b3u;
    hash ^= hash >> 29;
    char *text = NEW(c->arena, char, WANTED);
    for (size_t i = 0; i < WANTED; i++) {
        text[i] = letters[hash % (sizeof(letters) - 1)];
        hash /= sizeof(letters) - 1;
    }
    return (str){ text, WANTED };
}

/* OpenAI itself knows tools that take free text; other servers get functions with one string,
 * unless the client asks them for such a tool in their own words. */
static bool knows_custom(const struct composer *c)
{
    return has(c, QUIRK_OPENAI) || c->r->origin == DIALECT_OPENAI_CHAT;
}

static void write_call(struct composer *c, const struct chat_call *call)
{
    struct jw *w = &c->w;
    str kind = call->custom && knows_custom(c) ? S("custom") : S("function");
    jw_obj(w);
    jw_kstr(w, S("id"), call_id(c, call->id));
    jw_kstr(w, S("type"), kind);
    jw_kobj(w, kind);
    jw_kstr(w, S("name"), call->name);
    if (!call->custom)
        jw_kstr(w, S("arguments"), call->args.n ? call->args : S("{}"));
    else if (knows_custom(c))
        jw_kstr(w, S("input"), call->args);
    else
        jw_kstr(w, S("arguments"), functions_wrap_text(call->args, c->arena));
    jw_obj_end(w);
    jw_obj_end(w);
}

static bool has_kind(const struct chat_part *p, enum part_kind kind)
{
    while (p && p->kind != kind)
        p = p->next;
    return p;
}

/* ---- messages ------------------------------------------------------------------------------- */

static void write_kept_member(struct composer *c, const struct chat_part *p)
{
    size_t colon = str_index(p->raw, ':');
    str name = { p->raw.p + 2, colon - 3 };
    if (str_eq(name, S("reasoning_details")) && !has(c, QUIRK_OPENROUTER))
        return;
    jw_kraw(&c->w, name, (str){ p->raw.p + colon + 1, p->raw.n - colon - 2 });
}

static void write_joined(struct jw *w, str name, const struct chat_part *parts, enum part_kind kind)
{
    jw_key(w, name);
    jw_str_begin(w);
    for (const struct chat_part *p = parts; p; p = p->next)
        if (p->kind == kind)
            jw_str_add(w, p->text);
    jw_str_end(w);
}

static void write_assistant_members(struct composer *c, const struct chat_message *m, bool last)
{
    struct jw *w = &c->w;
    if (has(c, QUIRK_REASONING_BACK) && has_kind(m->parts, PART_THINKING))
        write_joined(w, S("reasoning_content"), m->parts, PART_THINKING);
    if (has_kind(m->parts, PART_REFUSAL))
        write_joined(w, S("refusal"), m->parts, PART_REFUSAL);
    if (has_kind(m->parts, PART_TOOL_CALL)) {
        jw_karr(w, S("tool_calls"));
        for (const struct chat_part *p = m->parts; p; p = p->next)
            if (p->kind == PART_TOOL_CALL)
                write_call(c, &p->call);
        jw_arr_end(w);
    }
    for (const struct chat_part *p = m->parts; p; p = p->next)
        if (is_kept_member(p))
            write_kept_member(c, p);
    if (last && has(c, QUIRK_PREFIX))
        jw_kbool(w, S("prefix"), true);
}

static str role_word(const struct composer *c, enum chat_role role)
{
    switch (role) {
    case ROLE_SYSTEM:
        return S("system");
    case ROLE_DEVELOPER:
        return has(c, QUIRK_NO_DEVELOPER) ? S("system") : S("developer");
    case ROLE_ASSISTANT:
        return S("assistant");
    default:
        return S("user");
    }
}

/* Pictures and files of tool results: they have no place in a tool message, so a user turn follows
 * the results with them. */
static bool has_media(const struct chat_message *m)
{
    for (const struct chat_part *p = m->parts; p; p = p->next)
        for (const struct chat_part *q = p->kind == PART_TOOL_RESULT ? p->result.content : NULL; q;
             q = q->next)
            if (is_content(q) && q->kind != PART_TEXT)
                return true;
    return false;
}

static rc write_results(struct composer *c, const struct chat_message *m)
{
    struct jw *w = &c->w;
    for (const struct chat_part *p = m->parts; p; p = p->next) {
        if (p->kind != PART_TOOL_RESULT)
            continue;
        struct chat_part *texts = NULL, **tail = &texts;
        for (const struct chat_part *q = p->result.content; q; q = q->next)
            if (q->kind == PART_TEXT) {
                struct chat_part *text = chat_add_part(c->arena, tail, PART_TEXT);
                text->text = q->text;
                tail = &text->next;
            }
        jw_obj(w);
        jw_kstr(w, S("role"), S("tool"));
        jw_kstr(w, S("tool_call_id"), call_id(c, p->result.id));
        if (has(c, QUIRK_TOOL_ID_9)) /* Mistral wants the function's name, too */
            jw_kstr_if(w, S("name"), p->result.name);
        jw_key(w, S("content"));
        TRY(write_content(c, texts, false));
        jw_obj_end(w);
    }
    return RC_OK;
}

static rc write_result_media(struct composer *c, const struct chat_message *m)
{
    struct jw *w = &c->w;
    jw_obj(w);
    jw_kstr(w, S("role"), S("user"));
    jw_karr(w, S("content"));
    for (const struct chat_part *p = m->parts; p; p = p->next) {
        if (p->kind != PART_TOOL_RESULT)
            continue;
        bool said = false;
        for (const struct chat_part *q = p->result.content; q; q = q->next) {
            if (!is_content(q) || q->kind == PART_TEXT)
                continue;
            if (!said)
                write_text_part(w, arena_fmt(c->arena, "Attached to the result of %.*s (%.*s):",
                                             STRF(p->result.name), STRF(p->result.id)));
            said = true;
            TRY(write_part(c, q));
        }
    }
    jw_arr_end(w);
    jw_obj_end(w);
    return RC_OK;
}

/* All that the turn consists of is another vendor's alone. */
static bool is_foreign(const struct chat_message *m)
{
    const struct chat_part *p = m->parts;
    while (p && p->kind == PART_OPAQUE && p->origin != DIALECT_OPENAI_CHAT)
        p = p->next;
    return m->parts && !p;
}

static rc write_message(struct composer *c, const struct chat_message *m, bool last)
{
    struct jw *w = &c->w;
    if (is_foreign(m))
        return RC_OK;
    if (m->role != ROLE_TOOL) {
        jw_obj(w);
        jw_kstr(w, S("role"), role_word(c, m->role));
        if (!has(c, QUIRK_NO_NAME))
            jw_kstr_if(w, S("name"), m->name);
        jw_key(w, S("content"));
        bool other = false; /* an assistant's turn may hold other things than content */
        for (const struct chat_part *p = m->parts; p && m->role == ROLE_ASSISTANT; p = p->next)
            other =
                other || p->kind == PART_TOOL_CALL || p->kind == PART_REFUSAL || is_kept_member(p);
        TRY(write_content(c, m->parts, other));
        if (m->role == ROLE_ASSISTANT)
            write_assistant_members(c, m, last);
        jw_obj_end(w);
    }
    return has_kind(m->parts, PART_TOOL_RESULT) ? write_results(c, m) : RC_OK;
}

/* json_schema for a vendor that knows only json_object: the schema is told in words. */
static void write_schema_prompt(struct composer *c)
{
    jw_obj(&c->w);
    jw_kstr(&c->w, S("role"), S("system"));
    jw_kstr(&c->w, S("content"),
            arena_fmt(c->arena,
                      "Answer with one JSON object only, without any other text, that follows this "
                      "JSON schema:\n%.*s",
                      STRF(c->r->schema)));
    jw_obj_end(&c->w);
}

static rc write_messages(struct composer *c)
{
    jw_karr(&c->w, S("messages"));
    if (c->r->format == FORMAT_SCHEMA && has(c, QUIRK_ONLY_JSON_OBJECT))
        write_schema_prompt(c);
    const struct chat_message *results = NULL; /* first of a run of tool messages */
    for (const struct chat_message *m = c->r->messages; m; m = m->next) {
        TRY(write_message(c, m, m->next == NULL));
        if (m->role == ROLE_TOOL && !results)
            results = m;
        if (m->next && m->next->role == ROLE_TOOL)
            continue; /* all results stand together, directly behind their calls */
        for (; results; results = results == m ? NULL : results->next)
            if (has_media(results))
                TRY(write_result_media(c, results));
    }
    jw_arr_end(&c->w);
    return RC_OK;
}

/* ---- tools ---------------------------------------------------------------------------------- */

static void write_custom_tool(struct composer *c, const struct chat_tool *t)
{
    struct jw *w = &c->w;
    str syntax, definition;
    if (t->origin == DIALECT_OPENAI_CHAT) {
        jw_raw(w, t->raw);
        return;
    }
    str kind = knows_custom(c) ? S("custom") : S("function");
    begin_typed(w, kind);
    jw_kobj(w, kind);
    jw_kstr(w, S("name"), t->name);
    jw_kstr_if(w, S("description"), t->description);
    if (!knows_custom(c)) {
        jw_kraw(w, S("parameters"), functions_free_text(t, c->arena));
    } else if (functions_grammar(t, &syntax, &definition, c->arena)) {
        jw_kobj(w, S("format"));
        jw_kstr(w, S("type"), S("grammar"));
        jw_kobj(w, S("grammar"));
        jw_kstr(w, S("syntax"), syntax);
        jw_kstr(w, S("definition"), definition);
        jw_obj_end(w);
        jw_obj_end(w);
    }
    jw_obj_end(w);
    jw_obj_end(w);
}

static void write_tool(struct composer *c, const struct chat_tool *t)
{
    struct jw *w = &c->w;
    if (t->kind == TOOL_CUSTOM) {
        write_custom_tool(c, t);
        return;
    }
    if (t->kind == TOOL_OPAQUE) {
        jw_raw(w, t->raw);
        return;
    }
    begin_typed(w, S("function"));
    jw_kobj(w, S("function"));
    jw_kstr(w, S("name"), t->name);
    jw_kstr_if(w, S("description"), t->description);
    if (t->schema.n) {
        jw_key(w, S("parameters"));
        write_schema(c, t->schema);
    }
    if (t->strict != TRI_UNSET && !has(c, QUIRK_NO_STRICT))
        jw_kbool(w, S("strict"), t->strict == TRI_TRUE);
    jw_obj_end(w);
    if (t->cache.n && has(c, QUIRK_OPENROUTER))
        jw_kraw(w, S("cache_control"), t->cache);
    jw_obj_end(w);
}

static rc write_choice(struct composer *c)
{
    struct jw *w = &c->w;
    enum tool_choice choice = c->r->choice;
    if (choice == CHOICE_UNSET)
        return RC_OK;
    if (has(c, QUIRK_CHOICE_AUTO_ONLY) && choice != CHOICE_AUTO)
        return chat_drop(c->loss, c->t->drop_params, S("tool_choice"), target_name(c), c->e);
    switch (choice) {
    case CHOICE_NONE:
        jw_kstr(w, S("tool_choice"), S("none"));
        break;
    case CHOICE_REQUIRED:
        jw_kstr(w, S("tool_choice"), has(c, QUIRK_REQUIRED_IS_ANY) ? S("any") : S("required"));
        break;
    case CHOICE_NAMED: {
        bool custom = false;
        for (const struct chat_tool *t = c->r->tools; t; t = t->next)
            custom = custom || (t->kind == TOOL_CUSTOM && str_eq(t->name, c->r->choice_name));
        str kind = custom && knows_custom(c) ? S("custom") : S("function");
        jw_kobj(w, S("tool_choice"));
        jw_kstr(w, S("type"), kind);
        jw_kobj(w, kind);
        jw_kstr(w, S("name"), c->r->choice_name);
        jw_obj_end(w);
        jw_obj_end(w);
        break;
    }
    default:
        jw_kstr(w, S("tool_choice"), S("auto"));
        break;
    }
    return RC_OK;
}

static rc write_tools(struct composer *c)
{
    bool any = false;
    for (const struct chat_tool *t = c->r->tools; t; t = t->next) {
        if (t->kind == TOOL_OPAQUE && t->origin != DIALECT_OPENAI_CHAT) {
            chat_note_loss(c->loss, S("tools"));
            continue;
        }
        if (!any)
            jw_karr(&c->w, S("tools"));
        any = true;
        write_tool(c, t);
    }
    if (!any)
        return RC_OK;
    jw_arr_end(&c->w);
    TRY(write_choice(c));
    if (c->r->parallel_calls != TRI_UNSET)
        jw_kbool(&c->w, S("parallel_tool_calls"), c->r->parallel_calls == TRI_TRUE);
    return RC_OK;
}

/* ---- members -------------------------------------------------------------------------------- */

/* Members that OpenAI's reasoning models mostly refuse. Which of them does and which does not
 * changes with every model: they are sent on for OpenAI to judge, unless the deployment drops
 * parameters. */
static bool dropped_for_reasoning(struct composer *c, str name)
{
    if (!c->t->drop_params || !has(c, QUIRK_OPENAI) || !openai_is_reasoning_model(c->t->model) ||
        members_listed(c->t->allowed_params, name))
        return false;
    chat_note_loss(c->loss, name);
    return true;
}

/* True if the member may be sent; if not, it is dropped or an error, as the deployment says. */
static rc allowed(struct composer *c, uint64_t quirk, str name, bool given, bool *ret)
{
    *ret = given;
    if (!given || !has(c, quirk) || members_listed(c->t->allowed_params, name))
        return RC_OK;
    *ret = false;
    return chat_drop(c->loss, c->t->drop_params, name, target_name(c), c->e);
}

static rc write_num(struct composer *c, str name, str value, uint64_t refused_by)
{
    bool send;
    TRY(allowed(c, refused_by, name, value.n > 0, &send));
    if (send)
        jw_kraw(&c->w, name, value);
    return RC_OK;
}

static rc write_int(struct composer *c, str name, int64_t value, uint64_t refused_by)
{
    bool send;
    TRY(allowed(c, refused_by, name, value != CHAT_UNSET, &send));
    if (send)
        jw_ki64(&c->w, name, value);
    return RC_OK;
}

/* Sampling that OpenAI itself does not know: a hint, left out there. */
static void write_hint(struct composer *c, str name, str value)
{
    if (!value.n)
        return;
    if (has(c, QUIRK_OPENAI | QUIRK_REFUSES_UNKNOWN) && !members_listed(c->t->allowed_params, name))
        chat_note_loss(c->loss, name);
    else
        jw_kraw(&c->w, name, value);
}

static rc write_sampling(struct composer *c)
{
    const struct chat_req *r = c->r;
    const struct {
        str name, value;
        uint64_t refused_by;
    } numbers[] = {
        { S("temperature"), r->temperature, 0 },
        { S("top_p"), r->top_p, 0 },
        { S("frequency_penalty"), r->frequency_penalty, QUIRK_NO_PENALTIES },
        { S("presence_penalty"), r->presence_penalty, QUIRK_NO_PENALTIES },
        { S("logit_bias"), r->logit_bias, QUIRK_NO_LOGIT_BIAS },
    };
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        bool neutral = i < 2 && str_eq(numbers[i].value, S("1")); /* what they are anyway */
        if (numbers[i].value.n && !neutral && dropped_for_reasoning(c, numbers[i].name))
            continue;
        TRY(write_num(c, numbers[i].name, numbers[i].value, numbers[i].refused_by));
    }
    write_hint(c, S("top_k"), r->top_k);
    write_hint(c, S("min_p"), r->min_p);
    write_hint(c, S("repetition_penalty"), r->repeat_penalty);
    TRY(write_int(c, S("n"), r->n == 1 && has(c, QUIRK_NO_N) ? CHAT_UNSET : r->n, QUIRK_NO_N));
    TRY(write_int(c, has(c, QUIRK_RANDOM_SEED) ? S("random_seed") : S("seed"), r->seed,
                  QUIRK_NO_SEED));
    bool send;
    if (r->logprobs == TRI_TRUE && dropped_for_reasoning(c, S("logprobs")))
        return RC_OK;
    TRY(allowed(c, QUIRK_NO_LOGPROBS, S("logprobs"), r->logprobs == TRI_TRUE, &send));
    if (send)
        jw_kbool(&c->w, S("logprobs"), true);
    return write_int(c, S("top_logprobs"), r->top_logprobs, QUIRK_NO_LOGPROBS);
}

static rc write_stop(struct composer *c)
{
    enum { STOPS_MAX = 4 };
    bool send;
    size_t count = 0;
    TRY(allowed(c, QUIRK_NO_STOP, S("stop"), c->r->stop != NULL, &send));
    if (!send || dropped_for_reasoning(c, S("stop")))
        return RC_OK;
    jw_karr(&c->w, S("stop"));
    for (const struct chat_str *s = c->r->stop; s; s = s->next) {
        if (count++ < STOPS_MAX || !has(c, QUIRK_OPENAI))
            jw_str(&c->w, s->s);
        else
            chat_note_loss(c->loss, S("stop"));
    }
    jw_arr_end(&c->w);
    return RC_OK;
}

static void write_max_tokens(struct composer *c)
{
    int64_t max = c->r->max_tokens != CHAT_UNSET ? c->r->max_tokens : c->t->max_tokens_default;
    if (max == CHAT_UNSET)
        return;
    bool completion = !has(c, QUIRK_MAX_TOKENS) && openai_is_reasoning_model(c->t->model);
    jw_ki64(&c->w, completion ? S("max_completion_tokens") : S("max_tokens"), max);
}

static void write_format(struct composer *c)
{
    struct jw *w = &c->w;
    const struct chat_req *r = c->r;
    if (r->format == FORMAT_UNSET)
        return;
    jw_kobj(w, S("response_format"));
    bool schema = r->format == FORMAT_SCHEMA && !has(c, QUIRK_ONLY_JSON_OBJECT);
    jw_kstr(w, S("type"),
            schema                     ? S("json_schema")
            : r->format == FORMAT_TEXT ? S("text")
                                       : S("json_object"));
    if (schema) {
        jw_kobj(w, S("json_schema"));
        jw_kstr(w, S("name"), r->schema_name.n ? r->schema_name : S("response"));
        jw_kstr_if(w, S("description"), r->schema_description);
        jw_kraw(w, S("schema"), r->schema);
        if (r->schema_strict != TRI_UNSET)
            jw_kbool(w, S("strict"), r->schema_strict == TRI_TRUE);
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

static void write_effort(struct composer *c)
{
    const struct chat_req *r = c->r;
    bool own = r->origin == DIALECT_OPENAI_CHAT; /* then its other spellings are among the extras */
    enum chat_effort effort = r->effort;
    if (effort == EFFORT_UNSET && !own)
        effort = chat_budget_effort(r->thinking_budget);
    if (effort == EFFORT_UNSET || (own && members_find(r->extras, S("reasoning"))))
        return;
    if (!own && is_plain_openai_model(c->t->model)) {
        chat_note_loss(c->loss, S("reasoning_effort"));
        return;
    }
    /* "none" is said only where it was said: most models know no such word. */
    if (effort == EFFORT_NONE && r->effort == EFFORT_UNSET)
        return;
    jw_kstr(&c->w, S("reasoning_effort"), str_c(chat_effort_name(effort)));
}

/* Members of the gateway's own that clients of LiteLLM send in the body: they end here. */
static bool is_for_the_gateway(str name)
{
    static const char *const names[] = { "tags",
                                         "fallbacks",
                                         "num_retries",
                                         "timeout",
                                         "stream_timeout",
                                         "mock_response",
                                         "guardrails",
                                         "api_base",
                                         "base_url",
                                         "api_key",
                                         "api_version",
                                         "custom_llm_provider",
                                         "drop_params",
                                         "modify_params",
                                         "additional_drop_params",
                                         "allowed_openai_params",
                                         "context_window_fallback_dict",
                                         "model_list",
                                         "no-log",
                                         "litellm_session_id",
                                         "litellm_trace_id",
                                         "litellm_metadata",
                                         "cache",
                                         "caching",
                                         NULL };
    return str_among(name, names);
}

const char *const openai_shared_members[] = { "prompt_cache_key",       "prompt_cache_options",
                                              "prompt_cache_retention", "moderation",
                                              "safety_identifier",      NULL };

/* A Responses client's members that OpenAI's chat completions have, too; other servers need not
 * know them, and the rest has no counterpart. */
static void write_responses_extras(struct composer *c)
{
    const struct chat_extra *const lists[] = { c->r->own, c->r->extras };
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        for (const struct chat_extra *x = lists[i]; x; x = x->next) {
            if (has(c, QUIRK_OPENAI) && str_among(x->name, openai_shared_members))
                jw_kraw(&c->w, x->name, x->value);
            else if (lists[i] == c->r->extras && !is_for_the_gateway(x->name))
                chat_note_loss(c->loss, x->name);
        }
}

static void write_extras(struct composer *c)
{
    if (c->r->origin == DIALECT_OPENAI_RESPONSES)
        write_responses_extras(c);
    if (c->r->origin != DIALECT_OPENAI_CHAT)
        return;
    for (const struct chat_extra *x = c->r->extras; x; x = x->next)
        if (!is_for_the_gateway(x->name) && !str_eq(x->name, S("stream_options")))
            jw_kraw(&c->w, x->name, x->value);
}

static rc write_rest(struct composer *c)
{
    struct jw *w = &c->w;
    const struct chat_req *r = c->r;
    bool own = r->origin == DIALECT_OPENAI_CHAT || r->origin == DIALECT_OPENAI_RESPONSES;
    bool send;
    const struct chat_extra *safety = members_find(r->extras, S("safety_identifier"));
    if (!safety && has(c, QUIRK_OPENAI))
        safety = members_find(r->own, S("safety_identifier"));
    bool is_other_name = safety && str_eq(json_unescape(c->arena, safety->value), r->user);
    TRY(allowed(c, QUIRK_NO_USER, S("user"), r->user.n > 0 && !is_other_name, &send));
    if (send)
        jw_kstr(w, S("user"), r->user);
    if (own) { /* other vendors' words for these mean something else */
        jw_kstr_if(w, S("service_tier"), r->service_tier);
        jw_kstr_if(w, S("verbosity"), r->verbosity);
        /* Other servers need not know it, and it may be private; OpenAI takes it only to store it.
         */
        if (has(c, QUIRK_OPENAI) && r->origin == DIALECT_OPENAI_CHAT)
            jw_kraw_if(w, S("metadata"), r->metadata);
    }
    if (r->modalities) {
        jw_karr(w, S("modalities"));
        for (const struct chat_str *s = r->modalities; s; s = s->next)
            jw_str(w, s->s);
        jw_arr_end(w);
    }
    if (has(c, QUIRK_OPENROUTER) && !members_find(r->extras, S("usage")))
        jw_kraw(w, S("usage"), S("{\"include\":true}"));
    return RC_OK;
}

/* Usage is always asked for: the gateway counts it, whoever reads it. */
static void write_stream(struct composer *c)
{
    const struct chat_extra *given = c->r->origin == DIALECT_OPENAI_CHAT
                                         ? members_find(c->r->extras, S("stream_options"))
                                         : NULL;
    jval *others = NULL;
    jw_kbool(&c->w, S("stream"), true);
    if (has(c, QUIRK_NO_STREAM_OPTIONS))
        return;
    jw_kobj(&c->w, S("stream_options"));
    jw_kbool(&c->w, S("include_usage"), true);
    if (given && has(c, QUIRK_OPENAI) && !FAILED(jd_read(&others, given->value, c->arena, NULL)))
        JD_EACH (m, others)
            if (!str_eq(m.name, S("include_usage")))
                jw_kval(&c->w, m.name, m.value);
    jw_obj_end(&c->w);
}

rc openai_write_chat(struct buf *out, const struct chat_req *r, const struct chat_target *t,
                     struct chat_loss *loss, struct arena *a, struct err *e)
{
    struct composer c = { .r = r, .t = t, .loss = loss, .arena = a, .e = e };
    size_t from = out->n;
    jw_init(&c.w, out);
    jw_obj(&c.w);
    jw_kstr(&c.w, S("model"), t->model);
    TRY(write_messages(&c));
    if (t->stream)
        write_stream(&c);
    write_max_tokens(&c);
    TRY(write_sampling(&c));
    TRY(write_stop(&c));
    TRY(write_tools(&c));
    write_format(&c);
    write_effort(&c);
    TRY(write_rest(&c));
    write_extras(&c);
    jw_obj_end(&c.w);
    members_finish(out, from, t, NULL, 0, a);
    return RC_OK;
}
