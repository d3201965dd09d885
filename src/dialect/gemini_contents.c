/* gemini_contents.c - the conversation in a request to Gemini: contents and systemInstruction. */
#include "base/map.h"
#include "dialect/gemini_write.h"
#include "dialect/members.h"

/* Base64 of "skip_thought_signature_validator": what Google says to put on calls of a history that
 * Gemini did not make. */
#define NO_SIGNATURE S("c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=")

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

bool gemini_needs_bytes(const struct chat_part *p)
{
    return !google_reads(p->media.url);
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
        if (!gemini_own(p) && !google_reads(m->url))
            return no_media(p, part, "files from other addresses");
        write_file_data(p, m->url, m->mime);
        return RC_OK;
    }
    bool relative = str_starts(m->file_id, S("files/"));
    if (!relative && !google_reads(m->file_id) && !gemini_own(p))
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
    if (gemini_own(p) && part->raw.n) {
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
    bool made_up = gemini_own(p) && str_starts(id, S("call_")) && id.n > 5;
    for (size_t i = 5; made_up && i < id.n; i++)
        made_up = id.p[i] >= '0' && id.p[i] <= '9';
    if (id.n && !made_up && (gemini_own(p) || gemini_at_least(&p->model, 3, 0)))
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
    if (signature.n == 0 && !p->signed_step && !gemini_own(p) && p->model.thinking == GEMINI_LEVEL)
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
    if (part->origin != DIALECT_GEMINI && !(gemini_own(p) && part->signature.n))
        return;
    bool as_it_came = gemini_own(p);
    if (!as_it_came && part->signature.n == 0)
        return;
    open_turn(p, MODEL);
    gemini_write_text(&p->w, as_it_came ? part->text : S(""), as_it_came,
                      gemini_signature_out(p->arena, part->signature, part->origin, false));
}

static bool is_media(const struct chat_part *part)
{
    return part->kind == PART_IMAGE || part->kind == PART_AUDIO || part->kind == PART_VIDEO ||
           part->kind == PART_FILE;
}

/* What both sides may say beside text. */
static rc write_other_part(struct writer *p, const struct chat_part *part, enum turn turn)
{
    if (is_media(part)) {
        open_turn(p, turn);
        return write_media_part(p, part);
    }
    if (part->kind == PART_OPAQUE && part->origin == DIALECT_GEMINI && part->raw.n) {
        open_turn(p, turn);
        jw_raw(&p->w, part->raw);
    }
    return RC_OK;
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
        if (gemini_own(p)) {
            open_turn(p, MODEL);
            gemini_write_text(&p->w, S(""), true,
                              gemini_signature_out(p->arena, part->media.data, part->origin, true));
        }
        return RC_OK;
    case PART_TOOL_CALL:
        write_call(p, &part->call);
        return RC_OK;
    default:
        return write_other_part(p, part, MODEL);
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
    default:
        return write_other_part(p, part, USER);
    }
}

/* ---- results -------------------------------------------------------------------------------- */

/* Gemini wants the results of a step's calls all at once, in the order of the calls, and as many as
 * there were calls. */
struct slot {
    struct slot *next_same_id;
    const struct chat_result *result;
    const struct chat_part *part; /* that holds it */
    bool used;
};

static void write_response(struct writer *p, const struct chat_result *r)
{
    str text = chat_text_of(p->arena, r->content, S("\n"));
    jw_key(&p->w, S("response"));
    if (!r->is_error && str_starts(str_trim(text), S("{"))) {
        jval *v = gemini_parse(p, text);
        if (jd_is_obj(v)) {
            jw_val(&p->w, v);
            return;
        }
    }
    jw_obj(&p->w);
    jw_kstr(&p->w, r->is_error ? S("error") : S("output"), text);
    jw_obj_end(&p->w);
}

/* part: whose result it is; NULL where there is none. */
static rc write_result(struct writer *p, const struct chat_call *call, const struct chat_result *r,
                       const struct chat_part *part)
{
    bool inside = gemini_own(p) || gemini_at_least(&p->model, 3, 0); /* media within the response */
    bool any = false;
    open_turn(p, USER);
    jw_obj(&p->w);
    jw_kobj(&p->w, S("functionResponse"));
    size_t from = p->w.out->n - 1;
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
    if (part && gemini_own(p))
        members_put_back(p->w.out, from, part->extras, p->arena);
    jw_obj_end(&p->w);
    return RC_OK;
}

static rc write_media_beside(struct writer *p, const struct chat_result *r)
{
    if (gemini_own(p) || gemini_at_least(&p->model, 3, 0))
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
                slots[i++] = (struct slot){ .result = &c->result, .part = c };
    while (i-- > 0) /* from behind, so that a chain is in order */
        slots[i].next_same_id = map_put(&by_id, slots[i].result->id, &slots[i]);
    rc r = RC_OK;
    for (struct pending *c = p->pending; c && !FAILED(r); c = c->next) {
        struct slot *s = take_slot(&by_id, c->call->id);
        static const struct chat_part missing = { .kind = PART_TEXT, .text = { "no result", 9 } };
        struct chat_result made_up = none;
        made_up.content = (struct chat_part *)(uintptr_t)&missing;
        r = write_result(p, c->call, s ? s->result : &made_up, s ? s->part : NULL);
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

rc gemini_write_contents(struct writer *p)
{
    jw_karr(&p->w, S("contents"));
    if (!p->model.system)
        TRY(write_system_as_user(p));
    for (const struct chat_message *m = p->req->messages; m;) {
        const struct chat_message *next = m->next;
        if (gemini_own(p) && !m->split) /* else neighbours of one role are one content */
            close_turn(p);
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

/* ---- system instruction ---------------------------------------------------------------------- */

void gemini_write_system(struct writer *p)
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
    if (gemini_json_in_words(p)) {
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
