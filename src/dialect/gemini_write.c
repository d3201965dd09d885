/* The request to a Gemini upstream. */
#include "base/map.h"
#include "chat/defaults.h"
#include "dialect/gemini_internal.h"

/* Base64 of "skip_thought_signature_validator": what Google says to put on calls of a history that
 * Gemini did not make. */
#define NO_SIGNATURE S("c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=")

enum { STOP_MAX = 5 };

enum turn { NOBODY, USER, MODEL };

struct pending { /* a call that waits for its result */
    struct pending *next;
    const struct chat_call *call;
};

struct writer {
    struct jw w;
    const struct chat_req *req;
    const struct chat_target *target;
    struct chat_loss *loss;
    struct arena *arena;
    struct err *err;
    struct gemini_model model;
    jval *config;   /* generationConfig of the extra body: its members win */
    jval *kept;     /* generationConfig members that a Gemini client gave and only Gemini knows */
    enum turn turn; /* whose content is open */
    bool any, config_open;
    bool signed_step; /* the step's first call is out */
    struct pending *pending, **pending_tail;
};

static bool own(const struct writer *p)
{
    return p->req->origin == DIALECT_GEMINI;
}

static const struct chat_extra *find_extra(const struct chat_extra *list, str name)
{
    for (; list; list = list->next)
        if (str_eq(list->name, name))
            return list;
    return NULL;
}

static bool overridden(const struct writer *p, str name)
{
    return find_extra(p->target->extra_body, name) != NULL;
}

static bool allowed(const struct writer *p, str name)
{
    for (const struct chat_str *s = p->target->allowed_params; s; s = s->next)
        if (str_eq(s->s, name))
            return true;
    return false;
}

static jval *parse(struct writer *p, str json)
{
    jval *v;
    return json.n && jd_read(&v, json, p->arena, NULL).code == OK ? v : NULL;
}

/* ---- contents ------------------------------------------------------------------------------- */

static void close_turn(struct writer *p)
{
    if (p->turn == NOBODY)
        return;
    jw_arr_end(&p->w);
    jw_obj_end(&p->w);
    p->turn = NOBODY;
}

/* Opens a content only when a part is to be written, since an empty one is refused. */
static void open_turn(struct writer *p, enum turn turn)
{
    if (p->turn == turn)
        return;
    close_turn(p);
    if (!p->any && turn == MODEL) { /* the first turn must be the user's */
        p->any = true;
        open_turn(p, USER);
        gemini_write_text(&p->w, S(" "), false, (str){ 0 });
        close_turn(p);
    }
    jw_obj(&p->w);
    jw_kstr(&p->w, S("role"), turn == USER ? S("user") : S("model"));
    jw_karr(&p->w, S("parts"));
    p->turn = turn;
    p->any = true;
}

/* What base64 of the usual formats begins with. */
static str guess_mime(const struct chat_part *part)
{
    static const char *const magic[][2] = { { "iVBOR", "image/png" },
                                            { "/9j/", "image/jpeg" },
                                            { "R0lGOD", "image/gif" },
                                            { "UklGR", "image/webp" },
                                            { "JVBER", "application/pdf" } };
    for (size_t i = 0; i < COUNT_OF(magic); i++)
        if (str_starts(part->media.data, str_c(magic[i][0])))
            return str_c(magic[i][1]);
    return part->kind == PART_IMAGE   ? S("image/png")
           : part->kind == PART_AUDIO ? S("audio/wav")
           : part->kind == PART_VIDEO ? S("video/mp4")
                                      : S("application/pdf");
}

static void write_file_data(struct writer *p, str uri, str mime)
{
    jw_kobj(&p->w, S("fileData"));
    jw_kstr_if(&p->w, S("mimeType"), mime);
    jw_kstr(&p->w, S("fileUri"), uri);
    jw_obj_end(&p->w);
}

/* Google's own addresses, and videos of its video site, are read by the upstream itself. */
static bool google_reads(str url)
{
    static const char *const starts[] = { "gs://",
                                          "https://generativelanguage.googleapis.com/",
                                          "https://www.youtube.com/",
                                          "https://youtube.com/",
                                          "https://m.youtube.com/",
                                          "https://youtu.be/" };
    for (size_t i = 0; i < COUNT_OF(starts); i++)
        if (str_starts(url, str_c(starts[i])))
            return true;
    return false;
}

static rc no_media(struct writer *p, const struct chat_part *part, const char *what)
{
    const char *where = part->kind == PART_IMAGE   ? "image_url"
                        : part->kind == PART_AUDIO ? "input_audio"
                        : part->kind == PART_VIDEO ? "video_url"
                                                   : "file";
    return fail(p->err, E_UNSUPPORTED, where, 0, "Gemini does not read %s; give the bytes", what);
}

/* The members of a media part, into an object that is open. */
static rc write_media(struct writer *p, const struct chat_part *part)
{
    const struct chat_media *m = &part->media;
    str mime = m->mime.n ? m->mime : guess_mime(part);
    if (m->data.n) {
        jw_kobj(&p->w, S("inlineData"));
        jw_kstr(&p->w, S("mimeType"), mime);
        jw_kstr(&p->w, S("data"), m->data);
        jw_obj_end(&p->w);
        return RC_OK;
    }
    if (m->text.n) {
        jw_kstr(&p->w, S("text"), m->text);
        return RC_OK;
    }
    if (m->url.n) {
        if (!own(p) && !google_reads(m->url))
            return no_media(p, part, "files from other addresses");
        write_file_data(p, m->url, m->mime);
        return RC_OK;
    }
    bool relative = str_starts(m->file_id, S("files/"));
    if (!relative && !google_reads(m->file_id) && !own(p))
        return no_media(p, part, "other vendors' file ids");
    write_file_data(p,
                    relative ? arena_cat(p->arena,
                                         S("https://generativelanguage.googleapis.com/v1beta/"),
                                         m->file_id)
                             : m->file_id,
                    m->mime);
    return RC_OK;
}

static rc write_media_part(struct writer *p, const struct chat_part *part)
{
    if (own(p) && part->raw.n) {
        jw_raw(&p->w, part->raw);
        return RC_OK;
    }
    if (part->media.detail.n && !str_eq(part->media.detail, S("auto")))
        chat_note_loss(p->loss, S("image_url.detail"));
    jw_obj(&p->w);
    rc r = write_media(p, part);
    if (!FAILED(r) && part->origin == DIALECT_GEMINI)
        jw_kstr_if(&p->w, S("thoughtSignature"), part->signature);
    jw_obj_end(&p->w);
    return r;
}

/* A call's id: Gemini 3 tells parallel calls apart by it. Not one that chat_link_results made up
 * for a Gemini client: then there was none. */
static void write_id(struct writer *p, str id)
{
    bool made_up = own(p) && str_starts(id, S("call_")) && id.n > 5;
    for (size_t i = 5; made_up && i < id.n; i++)
        made_up = id.p[i] >= '0' && id.p[i] <= '9';
    if (id.n && !made_up && (own(p) || gemini_at_least(&p->model, 3, 0)))
        jw_kstr(&p->w, S("id"), id);
}

static void write_call(struct writer *p, const struct chat_call *call)
{
    open_turn(p, MODEL);
    jw_obj(&p->w);
    jw_kobj(&p->w, S("functionCall"));
    write_id(p, call->id);
    jw_kstr(&p->w, S("name"), call->name);
    jw_key(&p->w, S("args"));
    gemini_write_args(&p->w, call, p->arena);
    jw_obj_end(&p->w);
    str signature = call->signature;
    if (signature.n == 0 && !p->signed_step && !own(p) && p->model.thinking == GEMINI_LEVEL)
        signature = NO_SIGNATURE;
    jw_kstr_if(&p->w, S("thoughtSignature"), signature);
    jw_obj_end(&p->w);
    p->signed_step = true;
    struct pending *wait = NEW(p->arena, struct pending, 1);
    wait->call = call;
    *p->pending_tail = wait;
    p->pending_tail = &wait->next;
}

/* Thoughts are not sent back; a signature that came with one is, on an empty text. */
static void write_thinking(struct writer *p, const struct chat_part *part)
{
    if (part->origin != DIALECT_GEMINI && !(own(p) && part->signature.n))
        return;
    bool as_it_came = own(p);
    if (!as_it_came && part->signature.n == 0)
        return;
    open_turn(p, MODEL);
    gemini_write_text(&p->w, as_it_came ? part->text : S(""), as_it_came,
                      gemini_signature_out(p->arena, part->signature, part->origin, false));
}

static rc write_assistant_part(struct writer *p, const struct chat_part *part)
{
    str signature = part->origin == DIALECT_GEMINI ? part->signature : (str){ 0 };
    switch (part->kind) {
    case PART_TEXT:
        if (part->text.n == 0 && signature.n == 0)
            return RC_OK;
        open_turn(p, MODEL);
        gemini_write_text(&p->w, part->text, false, signature);
        return RC_OK;
    case PART_REFUSAL:
        open_turn(p, MODEL);
        gemini_write_text(&p->w, part->text, false, (str){ 0 });
        return RC_OK;
    case PART_THINKING:
        write_thinking(p, part);
        return RC_OK;
    case PART_REDACTED:
        if (own(p)) {
            open_turn(p, MODEL);
            gemini_write_text(&p->w, S(""), true,
                              gemini_signature_out(p->arena, part->media.data, part->origin, true));
        }
        return RC_OK;
    case PART_TOOL_CALL:
        write_call(p, &part->call);
        return RC_OK;
    case PART_OPAQUE:
        if (part->origin == DIALECT_GEMINI && part->raw.n) {
            open_turn(p, MODEL);
            jw_raw(&p->w, part->raw);
        }
        return RC_OK;
    case PART_IMAGE:
    case PART_AUDIO:
    case PART_VIDEO:
    case PART_FILE:
        open_turn(p, MODEL);
        return write_media_part(p, part);
    default:
        return RC_OK;
    }
}

static rc write_user_part(struct writer *p, const struct chat_part *part)
{
    switch (part->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
        if (part->text.n == 0)
            return RC_OK;
        open_turn(p, USER);
        gemini_write_text(&p->w, part->text, false, (str){ 0 });
        return RC_OK;
    case PART_OPAQUE:
        if (part->origin == DIALECT_GEMINI && part->raw.n) {
            open_turn(p, USER);
            jw_raw(&p->w, part->raw);
        }
        return RC_OK;
    case PART_IMAGE:
    case PART_AUDIO:
    case PART_VIDEO:
    case PART_FILE:
        open_turn(p, USER);
        return write_media_part(p, part);
    default:
        return RC_OK;
    }
}

/* ---- results -------------------------------------------------------------------------------- */

/* Gemini wants the results of a step's calls all at once, in the order of the calls, and as many as
 * there were calls. */
struct slot {
    struct slot *next_same_id;
    const struct chat_result *result;
    bool used;
};

static bool is_media(const struct chat_part *part)
{
    return part->kind == PART_IMAGE || part->kind == PART_AUDIO || part->kind == PART_VIDEO ||
           part->kind == PART_FILE;
}

static void write_response(struct writer *p, const struct chat_result *r)
{
    str text = chat_text_of(p->arena, r->content, S("\n"));
    jw_key(&p->w, S("response"));
    if (!r->is_error && str_starts(str_trim(text), S("{"))) {
        jval *v = parse(p, text);
        if (jd_is_obj(v)) {
            jw_val(&p->w, v);
            return;
        }
    }
    jw_obj(&p->w);
    jw_kstr(&p->w, r->is_error ? S("error") : S("output"), text);
    jw_obj_end(&p->w);
}

static rc write_result(struct writer *p, const struct chat_call *call, const struct chat_result *r)
{
    bool inside = own(p) || gemini_at_least(&p->model, 3, 0); /* media within the response */
    bool any = false;
    open_turn(p, USER);
    jw_obj(&p->w);
    jw_kobj(&p->w, S("functionResponse"));
    write_id(p, call ? call->id : r->id);
    jw_kstr(&p->w, S("name"), r->name.n ? r->name : call ? call->name : S("unknown"));
    write_response(p, r);
    for (const struct chat_part *c = r->content; inside && c; c = c->next) {
        if (!is_media(c))
            continue;
        if (!any)
            jw_karr(&p->w, S("parts"));
        any = true;
        TRY(write_media_part(p, c));
    }
    if (any)
        jw_arr_end(&p->w);
    jw_obj_end(&p->w);
    jw_obj_end(&p->w);
    return RC_OK;
}

static rc write_media_beside(struct writer *p, const struct chat_result *r)
{
    if (own(p) || gemini_at_least(&p->model, 3, 0))
        return RC_OK;
    for (const struct chat_part *c = r->content; c; c = c->next)
        if (is_media(c))
            TRY(write_media_part(p, c));
    return RC_OK;
}

static struct slot *take_slot(struct map *by_id, str id)
{
    struct slot *s = map_get(by_id, id);
    while (s && s->used)
        s = s->next_same_id;
    if (s)
        s->used = true;
    return s;
}

static bool is_result(const struct chat_part *part)
{
    return part->kind == PART_TOOL_RESULT;
}

/* The results in the messages from `from` up to (not including) `to`. */
static rc write_results(struct writer *p, const struct chat_message *from,
                        const struct chat_message *to)
{
    static const struct chat_result none = { .is_error = true };
    size_t n = 0, i = 0;
    for (const struct chat_message *m = from; m != to; m = m->next)
        for (const struct chat_part *c = m->parts; c; c = c->next)
            n += is_result(c);
    struct slot *slots = NEW(p->arena, struct slot, n + 1);
    struct map by_id;
    map_init(&by_id);
    for (const struct chat_message *m = from; m != to; m = m->next)
        for (const struct chat_part *c = m->parts; c; c = c->next)
            if (is_result(c))
                slots[i++].result = &c->result;
    while (i-- > 0) /* from behind, so that a chain is in order */
        slots[i].next_same_id = map_put(&by_id, slots[i].result->id, &slots[i]);
    rc r = RC_OK;
    for (struct pending *c = p->pending; c && !FAILED(r); c = c->next) {
        struct slot *s = take_slot(&by_id, c->call->id);
        static const struct chat_part missing = { .kind = PART_TEXT, .text = { "no result", 9 } };
        struct chat_result made_up = none;
        made_up.content = (struct chat_part *)(uintptr_t)&missing;
        r = write_result(p, c->call, s ? s->result : &made_up);
    }
    map_done(&by_id);
    for (i = 0; i < n && !FAILED(r); i++) {
        const struct chat_result *result = slots[i].result;
        str text = slots[i].used ? (str){ 0 } : chat_text_of(p->arena, result->content, S("\n"));
        if (text.n) { /* answers no call that is still known */
            open_turn(p, USER);
            gemini_write_text(&p->w,
                              arena_fmt(p->arena, "Result of %.*s: %.*s",
                                        STRF(result->name.n ? result->name : S("a tool")),
                                        STRF(text)),
                              false, (str){ 0 });
        }
        r = write_media_beside(p, result);
    }
    p->pending = NULL;
    p->pending_tail = &p->pending;
    p->signed_step = false;
    return r;
}

static bool is_system(const struct chat_message *m)
{
    return m->role == ROLE_SYSTEM || m->role == ROLE_DEVELOPER;
}

static rc write_message(struct writer *p, const struct chat_message *m)
{
    bool assistant = m->role == ROLE_ASSISTANT;
    for (const struct chat_part *part = m->parts; part; part = part->next)
        TRY(assistant ? write_assistant_part(p, part) : write_user_part(p, part));
    return RC_OK;
}

/* Gemma knows no system role: its instructions stand before what the user says first. */
static rc write_system_as_user(struct writer *p)
{
    for (const struct chat_message *m = p->req->messages; m; m = m->next)
        if (is_system(m))
            TRY(write_message(p, m));
    return RC_OK;
}

static rc write_contents(struct writer *p)
{
    jw_karr(&p->w, S("contents"));
    if (!p->model.system)
        TRY(write_system_as_user(p));
    for (const struct chat_message *m = p->req->messages; m;) {
        const struct chat_message *next = m->next;
        if (m->role == ROLE_TOOL) {
            while (next && (next->role == ROLE_TOOL || is_system(next)))
                next = next->next;
            TRY(write_results(p, m, next));
        } else if (!is_system(m)) {
            if (m->role == ROLE_USER && p->pending)
                TRY(write_results(p, NULL, NULL));
            TRY(write_message(p, m));
        }
        m = next;
    }
    if (p->pending)
        TRY(write_results(p, NULL, NULL));
    if (!p->any) {
        open_turn(p, USER);
        gemini_write_text(&p->w, S(" "), false, (str){ 0 });
    }
    close_turn(p);
    jw_arr_end(&p->w);
    return RC_OK;
}

/* ---- system instruction, and JSON asked for in words ---------------------------------------- */

static bool any_function(const struct writer *p)
{
    for (const struct chat_tool *t = p->req->tools; t; t = t->next)
        if (t->kind != TOOL_OPAQUE)
            return true;
    return false;
}

static bool wants_json(const struct writer *p)
{
    return p->req->format == FORMAT_JSON || p->req->format == FORMAT_SCHEMA;
}

/* Before 3, JSON output and functions exclude each other: JSON is then asked for in words. */
static bool json_in_words(const struct writer *p)
{
    return !own(p) && wants_json(p) && any_function(p) && !gemini_at_least(&p->model, 3, 0);
}

static void write_system(struct writer *p)
{
    bool open = false;
    for (const struct chat_message *m = p->req->messages; m && p->model.system; m = m->next) {
        for (const struct chat_part *part = m->parts; is_system(m) && part; part = part->next) {
            if (part->kind != PART_TEXT || part->text.n == 0)
                continue;
            if (!open) {
                jw_kobj(&p->w, S("systemInstruction"));
                jw_karr(&p->w, S("parts"));
            }
            open = true;
            gemini_write_text(&p->w, part->text, false, (str){ 0 });
        }
    }
    if (json_in_words(p)) {
        if (!open) {
            jw_kobj(&p->w, S("systemInstruction"));
            jw_karr(&p->w, S("parts"));
        }
        open = true;
        str schema = p->req->schema;
        gemini_write_text(
            &p->w,
            schema.n ? arena_cat(p->arena,
                                 S("When you answer without calling a function, answer with "
                                   "nothing but JSON that matches this schema: "),
                                 schema)
                     : S("When you answer without calling a function, answer with nothing but "
                         "JSON."),
            false, (str){ 0 });
    }
    if (open) {
        jw_arr_end(&p->w);
        jw_obj_end(&p->w);
    }
}

/* ---- tools ---------------------------------------------------------------------------------- */

static void write_function(struct writer *p, const struct chat_tool *t)
{
    if (t->origin == DIALECT_GEMINI && t->raw.n) {
        jw_raw(&p->w, t->raw);
        return;
    }
    jw_obj(&p->w);
    jw_kstr(&p->w, S("name"), t->name);
    jw_kstr_if(&p->w, S("description"), t->description);
    jval *schema = parse(p, t->schema);
    if (t->kind == TOOL_CUSTOM) { /* free text as its one argument */
        schema = parse(p, S("{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},"
                            "\"required\":[\"input\"]}"));
    }
    if (jd_is_obj(schema) && !gemini_schema_is_empty(schema)) {
        bool json = gemini_at_least(&p->model, 2, 5);
        jw_key(&p->w, json ? S("parametersJsonSchema") : S("parameters"));
        if (json)
            gemini_write_json_schema(&p->w, schema, p->arena);
        else
            gemini_write_schema(&p->w, schema, p->arena);
    }
    jw_obj_end(&p->w);
}

/* Tools that the vendor runs: Gemini's own under their names in any dialect, and other vendors'
 * that have a counterpart here. */
static str own_tool(struct writer *p, const struct chat_tool *t)
{
    static const char *const names[] = { "googleSearch", "googleSearchRetrieval",
                                         "urlContext",   "codeExecution",
                                         "googleMaps",   "fileSearch",
                                         "computerUse",  "enterpriseWebSearch",
                                         "mcpServers" };
    static const char *const counterparts[][2] = {
        { "web_search", "{\"googleSearch\":{}}" },
        { "web_fetch", "{\"urlContext\":{}}" },
        { "code_interpreter", "{\"codeExecution\":{}}" },
        { "code_execution", "{\"codeExecution\":{}}" },
    };
    if (t->origin == DIALECT_GEMINI)
        return t->raw;
    jval *v = parse(p, t->raw);
    str type = jd_get_str(v, S("type"));
    for (size_t i = 0; type.n == 0 && i < COUNT_OF(names); i++)
        if (gemini_get(v, str_c(names[i])))
            return t->raw;
    for (size_t i = 0; i < COUNT_OF(counterparts); i++)
        if (str_starts(type, str_c(counterparts[i][0])))
            return str_c(counterparts[i][1]);
    return (str){ 0 };
}

static rc write_own_tools(struct writer *p, bool functions, bool *ret_any)
{
    for (const struct chat_tool *t = p->req->tools; t; t = t->next) {
        if (t->kind != TOOL_OPAQUE)
            continue;
        str raw = own_tool(p, t);
        bool fits = own(p) || !functions || gemini_at_least(&p->model, 3, 0);
        if (raw.n == 0 || !fits) {
            TRY(chat_drop(p->loss, p->target->drop_params, S("tools"),
                          raw.n ? S("Gemini with functions beside it")
                                : S("Gemini with another vendor's tool"),
                          p->err));
            continue;
        }
        jw_raw(&p->w, raw);
        *ret_any = true;
    }
    if (find_extra(p->req->extras, S("web_search_options")) && !own(p) &&
        (!functions || gemini_at_least(&p->model, 3, 0))) {
        jw_raw(&p->w, S("{\"googleSearch\":{}}"));
        *ret_any = true;
    }
    return RC_OK;
}

static void write_calling(struct writer *p)
{
    static const char *const modes[] = { [CHOICE_AUTO] = "AUTO",
                                         [CHOICE_NONE] = "NONE",
                                         [CHOICE_REQUIRED] = "ANY",
                                         [CHOICE_NAMED] = "ANY" };
    jw_kobj(&p->w, S("functionCallingConfig"));
    jw_kstr(&p->w, S("mode"), str_c(modes[p->req->choice]));
    if (p->req->choice == CHOICE_NAMED) {
        jw_karr(&p->w, S("allowedFunctionNames"));
        jw_str(&p->w, p->req->choice_name);
        jw_arr_end(&p->w);
    }
    jw_obj_end(&p->w);
}

static void write_tool_config(struct writer *p, bool functions, bool own_tools)
{
    const struct chat_extra *given = own(p) ? find_extra(p->req->extras, S("toolConfig")) : NULL;
    bool choice = functions && p->req->choice != CHOICE_UNSET;
    bool both = functions && own_tools && gemini_at_least(&p->model, 3, 0);
    if (overridden(p, S("toolConfig")))
        return;
    if (given) {
        jw_kraw(&p->w, S("toolConfig"), given->value);
        return;
    }
    if (!choice && !both)
        return;
    jw_kobj(&p->w, S("toolConfig"));
    if (choice)
        write_calling(p);
    if (both)
        jw_kbool(&p->w, S("includeServerSideToolInvocations"), true);
    jw_obj_end(&p->w);
}

static rc write_tools(struct writer *p)
{
    bool functions = any_function(p), own_tools = false;
    bool search = find_extra(p->req->extras, S("web_search_options")) && !own(p);
    if ((p->req->tools || search) && !overridden(p, S("tools"))) {
        jw_karr(&p->w, S("tools"));
        if (functions) {
            jw_obj(&p->w);
            jw_karr(&p->w, S("functionDeclarations"));
            for (const struct chat_tool *t = p->req->tools; t; t = t->next)
                if (t->kind != TOOL_OPAQUE)
                    write_function(p, t);
            jw_arr_end(&p->w);
            jw_obj_end(&p->w);
        }
        TRY(write_own_tools(p, functions, &own_tools));
        jw_arr_end(&p->w);
    }
    write_tool_config(p, functions, own_tools);
    return RC_OK;
}

/* ---- generationConfig ----------------------------------------------------------------------- */

/* The key of a member, if it is ours to write. */
static bool config_key(struct writer *p, str name)
{
    if (gemini_get(p->config, name) || (own(p) && jd_get(p->kept, name)))
        return false;
    if (!p->config_open)
        jw_kobj(&p->w, S("generationConfig"));
    p->config_open = true;
    jw_key(&p->w, name);
    return true;
}

static void config_num(struct writer *p, str name, str value)
{
    if (value.n && config_key(p, name))
        jw_raw(&p->w, value);
}

static void config_i64(struct writer *p, str name, int64_t value)
{
    if (value != CHAT_UNSET && config_key(p, name))
        jw_i64(&p->w, value);
}

static void write_sampling(struct writer *p)
{
    const struct chat_req *r = p->req;
    config_num(p, S("temperature"), r->temperature);
    config_num(p, S("topP"), r->top_p);
    config_num(p, S("topK"), r->top_k);
    config_i64(p, S("maxOutputTokens"), r->max_tokens);
    config_i64(p, S("candidateCount"), r->n);
    config_i64(p, S("seed"), r->seed);
    if (own(p) || !gemini_at_least(&p->model, 3, 0)) {
        config_num(p, S("presencePenalty"), r->presence_penalty);
        config_num(p, S("frequencyPenalty"), r->frequency_penalty);
    } else { /* refused from 3 on; they are hints */
        if (r->presence_penalty.n)
            chat_note_loss(p->loss, S("presence_penalty"));
        if (r->frequency_penalty.n)
            chat_note_loss(p->loss, S("frequency_penalty"));
    }
    if (r->logprobs != TRI_UNSET && config_key(p, S("responseLogprobs")))
        jw_bool(&p->w, r->logprobs == TRI_TRUE);
    if (r->logprobs == TRI_TRUE || own(p))
        config_i64(p, S("logprobs"), r->top_logprobs);
    if (r->stop && config_key(p, S("stopSequences"))) {
        size_t n = 0;
        jw_arr(&p->w);
        for (const struct chat_str *s = r->stop; s && n < STOP_MAX; s = s->next, n++)
            jw_str(&p->w, s->s);
        jw_arr_end(&p->w);
    }
}

static void write_format(struct writer *p)
{
    const struct chat_req *r = p->req;
    if (r->format == FORMAT_TEXT && own(p)) {
        if (config_key(p, S("responseMimeType")))
            jw_str(&p->w, S("text/plain"));
    }
    if (!wants_json(p) || json_in_words(p))
        return;
    if (config_key(p, S("responseMimeType")))
        jw_str(&p->w, S("application/json"));
    jval *schema = r->format == FORMAT_SCHEMA ? parse(p, r->schema) : NULL;
    if (!jd_is_obj(schema) || jd_get(p->kept, S("responseSchema")) ||
        jd_get(p->kept, S("responseJsonSchema")))
        return;
    bool json = gemini_at_least(&p->model, 2, 5);
    if (!config_key(p, json ? S("responseJsonSchema") : S("responseSchema")))
        return;
    if (json)
        gemini_write_json_schema(&p->w, schema, p->arena);
    else
        gemini_write_schema(&p->w, schema, p->arena);
}

static str level_name(const struct gemini_model *m, enum chat_effort effort)
{
    static const struct {
        enum chat_effort upto;
        uint8_t first, second; /* what is taken where the model has it */
        const char *name, *other;
    } rows[] = {
        { EFFORT_MINIMAL, LEVEL_MINIMAL, LEVEL_LOW, "MINIMAL", "LOW" },
        { EFFORT_LOW, LEVEL_LOW, LEVEL_LOW, "LOW", "LOW" },
        { EFFORT_MEDIUM, LEVEL_MEDIUM, LEVEL_HIGH, "MEDIUM", "HIGH" },
        { EFFORT_MAX, LEVEL_HIGH, LEVEL_HIGH, "HIGH", "HIGH" },
    };
    size_t i = 0;
    while (effort > rows[i].upto)
        i++;
    return str_c(m->levels & rows[i].first ? rows[i].name : rows[i].other);
}

static int64_t budget_of(const struct gemini_model *m, const struct chat_req *r)
{
    int64_t budget = r->thinking_budget;
    if (budget == CHAT_UNSET) {
        switch (r->effort) {
        case EFFORT_MINIMAL:
            budget = m->budget_min;
            break;
        case EFFORT_XHIGH:
        case EFFORT_MAX:
            budget = m->budget_max;
            break;
        default:
            budget = chat_effort_budget(r->effort);
        }
    }
    if (budget < 0)
        return -1;
    if (budget == 0 && m->thinking_off)
        return 0;
    return budget < m->budget_min ? m->budget_min : budget > m->budget_max ? m->budget_max : budget;
}

static void write_thinking_config(struct writer *p, bool force)
{
    const struct chat_req *r = p->req;
    bool off =
        r->thinking_budget == 0 || (r->thinking_budget == CHAT_UNSET && r->effort == EFFORT_NONE);
    bool control = r->effort != EFFORT_UNSET || r->thinking_budget != CHAT_UNSET;
    if (!config_key(p, S("thinkingConfig")))
        return;
    jw_obj(&p->w);
    if (control && p->model.thinking == GEMINI_BUDGET) {
        jw_ki64(&p->w, S("thinkingBudget"), budget_of(&p->model, r));
    } else if (control && (p->model.thinking == GEMINI_LEVEL || force)) {
        enum chat_effort effort =
            r->effort != EFFORT_UNSET ? r->effort : chat_budget_effort(r->thinking_budget);
        if (r->effort != EFFORT_UNSET || r->thinking_budget >= 0)
            jw_kstr(&p->w, S("thinkingLevel"), level_name(&p->model, effort));
    }
    jw_kbool(&p->w, S("includeThoughts"), !off && r->show_thinking != TRI_FALSE);
    jw_obj_end(&p->w);
}

static rc write_thinking_wish(struct writer *p)
{
    const struct chat_req *r = p->req;
    bool control = r->effort != EFFORT_UNSET || r->thinking_budget != CHAT_UNSET;
    if (!control && r->show_thinking != TRI_TRUE)
        return RC_OK;
    if (p->model.thinking != GEMINI_NO_THINKING || own(p)) {
        write_thinking_config(p, false);
        return RC_OK;
    }
    str name = r->effort != EFFORT_UNSET ? S("reasoning_effort") : S("thinking");
    if (allowed(p, name)) {
        write_thinking_config(p, true);
        return RC_OK;
    }
    bool off = r->thinking_budget == 0 || r->effort == EFFORT_NONE || !control;
    if (off) /* it does not think anyway */
        return RC_OK;
    return chat_drop(p->loss, p->target->drop_params, name,
                     arena_fmt(p->arena, "The model %.*s", STRF(p->target->model)), p->err);
}

static void write_modalities(struct writer *p)
{
    if (!p->req->modalities || !config_key(p, S("responseModalities")))
        return;
    jw_arr(&p->w);
    for (const struct chat_str *s = p->req->modalities; s; s = s->next) {
        str word = s->s;
        static const char *const known[] = { "TEXT", "IMAGE", "AUDIO", "VIDEO" };
        for (size_t i = 0; i < COUNT_OF(known); i++)
            if (str_ieq(word, str_c(known[i])))
                word = str_c(known[i]);
        jw_str(&p->w, word);
    }
    jw_arr_end(&p->w);
}

/* OpenAI's audio:{voice} */
static void write_voice(struct writer *p)
{
    const struct chat_extra *audio = own(p) ? NULL : find_extra(p->req->extras, S("audio"));
    jval *voice = audio ? jd_get(parse(p, audio->value), S("voice")) : NULL;
    if (!jd_is_str(voice) || !config_key(p, S("speechConfig")))
        return;
    jw_obj(&p->w);
    jw_kobj(&p->w, S("voiceConfig"));
    jw_kobj(&p->w, S("prebuiltVoiceConfig"));
    jw_kval(&p->w, S("voiceName"), voice);
    jw_obj_end(&p->w);
    jw_obj_end(&p->w);
    jw_obj_end(&p->w);
}

static void write_config_members(struct writer *p, jval *members)
{
    JD_EACH(m, members)
    {
        if (!p->config_open)
            jw_kobj(&p->w, S("generationConfig"));
        p->config_open = true;
        jw_kval(&p->w, m.name, m.value);
    }
}

static rc write_config(struct writer *p)
{
    const struct chat_extra *body = find_extra(p->target->extra_body, S("generationConfig"));
    const struct chat_extra *kept =
        own(p) ? find_extra(p->req->extras, S("generationConfig")) : NULL;
    p->config = body ? parse(p, body->value) : NULL;
    p->kept = kept ? parse(p, kept->value) : NULL;
    write_sampling(p);
    write_format(p);
    TRY(write_thinking_wish(p));
    write_modalities(p);
    write_voice(p);
    if (kept)
        JD_EACH(m, p->kept)
    if (!gemini_get(p->config, m.name)) {
        if (!p->config_open)
            jw_kobj(&p->w, S("generationConfig"));
        p->config_open = true;
        jw_kval(&p->w, m.name, m.value);
    }
    write_config_members(p, p->config);
    if (p->config_open)
        jw_obj_end(&p->w);
    return RC_OK;
}

/* ---- the rest ------------------------------------------------------------------------------- */

/* Gemini members that clients of other dialects may give, in either spelling. */
static void write_extras(struct writer *p)
{
    static const char *const passed[] = { "safetySettings", "cachedContent", "labels" };
    char room[GEMINI_NAME_MAX];
    for (const struct chat_extra *x = p->req->extras; x; x = x->next) {
        str name = gemini_camel(x->name, room);
        bool pass =
            own(p) && !str_eq(name, S("generationConfig")) && !str_eq(name, S("toolConfig"));
        for (size_t i = 0; i < COUNT_OF(passed); i++)
            pass = pass || str_eq(name, str_c(passed[i]));
        if (overridden(p, name))
            continue;
        if (pass)
            jw_kraw(&p->w, name, x->value);
        else if (!own(p) && !str_eq(x->name, S("audio")) &&
                 !str_eq(x->name, S("web_search_options")))
            chat_note_loss(p->loss, x->name);
    }
}

static void write_tier(struct writer *p)
{
    str tier = p->req->service_tier;
    static const char *const known[] = { "flex", "priority", "standard" };
    if (overridden(p, S("serviceTier")))
        return;
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (str_ieq(tier, str_c(known[i])) || (own(p) && tier.n && i == 0)) {
            jw_kstr(&p->w, S("serviceTier"), tier);
            return;
        }
}

/* What Gemini has no place for. */
static rc drop_rest(struct writer *p)
{
    const struct chat_req *r = p->req;
    const struct {
        bool given;
        str name;
    } lost[] = { { r->logit_bias.n > 0, S("logit_bias") },
                 { r->min_p.n > 0, S("min_p") },
                 { r->repeat_penalty.n > 0, S("repetition_penalty") } };
    for (size_t i = 0; i < COUNT_OF(lost); i++)
        if (lost[i].given)
            TRY(chat_drop(p->loss, p->target->drop_params, lost[i].name, S("Gemini"), p->err));
    if (r->parallel_calls == TRI_FALSE)
        chat_note_loss(p->loss, S("parallel_tool_calls"));
    if (r->verbosity.n)
        chat_note_loss(p->loss, S("verbosity"));
    return RC_OK;
}

static void write_extra_body(struct writer *p)
{
    for (const struct chat_extra *x = p->target->extra_body; x; x = x->next)
        if (!str_eq(x->name, S("generationConfig")))
            jw_kraw(&p->w, x->name, x->value);
}

rc gemini_write_chat(struct buf *out, const struct chat_req *r, const struct chat_target *t,
                     struct chat_loss *loss, struct arena *a, struct err *e)
{
    struct chat_req req = *r;
    chat_apply_defaults(&req, t->defaults, a);
    struct writer p = { .req = &req,
                        .target = t,
                        .loss = loss,
                        .arena = a,
                        .err = e,
                        .model = gemini_model_of(t->model) };
    p.pending_tail = &p.pending;
    TRY(drop_rest(&p));
    jw_init(&p.w, out);
    jw_obj(&p.w);
    if (!overridden(&p, S("contents")))
        TRY(write_contents(&p));
    if (!overridden(&p, S("systemInstruction")))
        write_system(&p);
    TRY(write_tools(&p));
    TRY(write_config(&p));
    write_tier(&p);
    write_extras(&p);
    write_extra_body(&p);
    jw_obj_end(&p.w);
    return RC_OK;
}
