/* anthropic_messages.c - the turns of a Messages request.
 *
 * Anthropic's rules, kept here: user and assistant in turn, the user first (neighbours of one role
 * are joined); every call answered in the very next user turn, all answers before anything else
 * there; call ids unique and of few characters; no empty text; no images in assistant turns. So the
 * conversation is walked in steps of "what the assistant said, what came back".
 */
#include "dialect/anthropic_write.h"

enum { FEW_CALLS = 16 }; /* up to here a search beats a map */

/* A call of the current step. */
struct pending {
    const struct chat_call *call;
    str id; /* as written */
    const struct chat_part *answer;
};

struct step {
    struct pending *calls;
    size_t ncalls, written;
    struct map by_id; /* only with many calls */
    bool mapped;
};

static void open_turn(struct writer *wr, int turn)
{
    struct jw *w = &wr->w;
    if ((int)wr->turn == turn)
        return;
    if (wr->turn != TURN_NONE) {
        jw_arr_end(w);
        jw_obj_end(w);
    }
    wr->turn = turn == TURN_USER ? TURN_USER : turn == TURN_NONE ? TURN_NONE : TURN_ASSISTANT;
    if (turn == TURN_NONE)
        return;
    jw_obj(w);
    jw_kstr(w, S("role"), turn == TURN_USER ? S("user") : S("assistant"));
    jw_karr(w, S("content"));
    wr->any_turn = true;
}

static void write_text(struct writer *wr, str text, str cache, str notes)
{
    struct jw *w = &wr->w;
    jw_obj(w);
    jw_kstr(w, S("type"), S("text"));
    jw_kstr(w, S("text"), text);
    jw_kraw_if(w, S("citations"), notes);
    anthropic_write_mark(wr, cache);
    jw_obj_end(w);
}

static void user_text(struct writer *wr, str text)
{
    open_turn(wr, TURN_USER);
    write_text(wr, text, S(""), S(""));
}

/* For the assistant's blocks: a conversation cannot begin with them. */
static void open_assistant(struct writer *wr)
{
    if (!wr->any_turn)
        user_text(wr, S("."));
    open_turn(wr, TURN_ASSISTANT);
}

/* ---- images and documents ------------------------------------------------------------------- */

/* The type of an image from the first characters of its base64. */
static str sniff_image(str data)
{
    static const struct {
        const char *head, *mime;
    } kinds[] = { { "iVBORw0", "image/png" },
                  { "/9j/", "image/jpeg" },
                  { "R0lGOD", "image/gif" },
                  { "UklGR", "image/webp" },
                  { "JVBERi", "application/pdf" } };
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_starts(data, str_c(kinds[i].head)))
            return str_c(kinds[i].mime);
    return S("image/png");
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

/* Lenient: what is not of the alphabet is skipped. */
static str base64_text(struct arena *a, str data)
{
    char *p = NEW(a, char, data.n / 4 * 3 + 4);
    size_t n = 0;
    uint32_t bits = 0;
    int have = 0;
    for (size_t i = 0; i < data.n; i++) {
        int v = base64_value(data.p[i]);
        if (v < 0)
            continue;
        bits = (bits << 6 | (uint32_t)v) & 0xffffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            p[n++] = (char)(bits >> have & 0xff);
        }
    }
    return (str){ p, n };
}

/* The source object; the block's own members come before and after. */
static void write_source(struct writer *wr, const struct chat_media *m, str mime)
{
    struct jw *w = &wr->w;
    jw_kobj(w, S("source"));
    if (m->text.n) {
        jw_kstr(w, S("type"), S("text"));
        jw_kstr(w, S("media_type"), S("text/plain"));
        jw_kstr(w, S("data"), m->text);
    } else if (m->data.n) {
        jw_kstr(w, S("type"), S("base64"));
        jw_kstr(w, S("media_type"), mime);
        jw_kstr(w, S("data"), m->data);
    } else if (m->file_id.n) {
        jw_kstr(w, S("type"), S("file"));
        jw_kstr(w, S("file_id"), m->file_id);
    } else {
        jw_kstr(w, S("type"), S("url"));
        jw_kstr(w, S("url"), m->url);
    }
    jw_obj_end(w);
}

static bool is_text_mime(str mime)
{
    return str_istarts(mime, S("text/")) || str_ieq(mime, S("application/json")) ||
           str_ieq(mime, S("application/xml")) || str_ieq(mime, S("application/yaml"));
}

static rc write_document(struct writer *wr, const struct chat_part *p, str mime)
{
    struct chat_media m = p->media;
    if (m.data.n && is_text_mime(mime)) {
        m.text = base64_text(wr->a, m.data);
        m.data = (str){ 0 };
    } else if (m.data.n && !str_ieq(mime, S("application/pdf"))) {
        return chat_drop(wr->loss, wr->t->drop_params, S("file"), S("anthropic"), wr->e);
    }
    jw_obj(&wr->w);
    jw_kstr(&wr->w, S("type"), S("document"));
    write_source(wr, &m, mime);
    jw_kstr_if(&wr->w, S("title"), m.name);
    anthropic_write_mark(wr, p->cache);
    jw_obj_end(&wr->w);
    return RC_OK;
}

bool anthropic_needs_bytes(const struct chat_part *p)
{
    return (p->kind == PART_IMAGE || p->kind == PART_FILE) &&
           !str_istarts(p->media.url, S("https://"));
}

static rc write_media(struct writer *wr, const struct chat_part *p)
{
    const struct chat_media *m = &p->media;
    str mime = m->mime.n               ? m->mime
               : p->kind == PART_IMAGE ? sniff_image(m->data)
                                       : S("application/pdf");
    if (str_ieq(mime, S("image/jpg")))
        mime = S("image/jpeg");
    if (!m->data.n && !m->url.n && !m->file_id.n && !m->text.n)
        return RC_OK;
    if (m->url.n && !m->data.n && !str_istarts(m->url, S("https://")))
        return fail(wr->e, E_UNSUPPORTED, "image_url", 0,
                    "image_url: Anthropic fetches https URLs only");
    if (p->kind == PART_FILE && !str_istarts(mime, S("image/")))
        return write_document(wr, p, mime);
    if (str_ieq(mime, S("application/pdf")))
        return write_document(wr, p, mime);
    jw_obj(&wr->w);
    jw_kstr(&wr->w, S("type"), S("image"));
    write_source(wr, m, mime);
    anthropic_write_mark(wr, p->cache);
    jw_obj_end(&wr->w);
    return RC_OK;
}

/* ---- user blocks ---------------------------------------------------------------------------- */

static bool raw_is_ours(const struct writer *wr, const struct chat_part *p)
{
    return p->raw.n && p->origin == DIALECT_ANTHROPIC && !(p->cache.n && wr->marks_skip > 0);
}

/* A part of a user turn or of a tool result. */
static rc write_user_part(struct writer *wr, const struct chat_part *p)
{
    if (p->kind == PART_OPAQUE || raw_is_ours(wr, p)) {
        if (p->raw.n && p->origin == DIALECT_ANTHROPIC)
            jw_raw(&wr->w, p->raw);
        return RC_OK;
    }
    switch (p->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
        if (str_trim(p->text).n)
            write_text(wr, p->text, p->cache, S(""));
        return RC_OK;
    case PART_IMAGE:
    case PART_FILE:
        return write_media(wr, p);
    case PART_AUDIO:
        return chat_drop(wr->loss, wr->t->drop_params, S("input_audio"), S("anthropic"), wr->e);
    case PART_VIDEO:
        return chat_drop(wr->loss, wr->t->drop_params, S("video_url"), S("anthropic"), wr->e);
    default:
        return RC_OK;
    }
}

/* Whether write_user_part would write a block. */
static bool says_something(const struct chat_part *p)
{
    switch (p->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
        return str_trim(p->text).n > 0;
    case PART_OPAQUE:
        return p->origin == DIALECT_ANTHROPIC && p->raw.n;
    case PART_IMAGE:
    case PART_FILE:
        return p->media.data.n || p->media.url.n || p->media.file_id.n || p->media.text.n;
    case PART_AUDIO:
    case PART_VIDEO:
        return true;
    default:
        return false;
    }
}

static rc write_result_content(struct writer *wr, const struct chat_part *content)
{
    struct jw *w = &wr->w;
    size_t n = 0;
    const struct chat_part *first = NULL;
    for (const struct chat_part *p = content; p; p = p->next)
        if (says_something(p) && n++ == 0)
            first = p;
    if (n == 0)
        return RC_OK;
    if (n == 1 && first->kind == PART_TEXT && !first->cache.n && !raw_is_ours(wr, first)) {
        jw_kstr(w, S("content"), first->text);
        return RC_OK;
    }
    jw_karr(w, S("content"));
    for (const struct chat_part *p = content; p; p = p->next)
        if (says_something(p))
            TRY(write_user_part(wr, p));
    jw_arr_end(w);
    return RC_OK;
}

/* The answer of a call; a call that nobody answered gets one that says so. */
static rc write_answer(struct writer *wr, const struct pending *c)
{
    struct jw *w = &wr->w;
    open_turn(wr, TURN_USER);
    if (c->answer && raw_is_ours(wr, c->answer) && str_eq(c->id, c->call->id)) {
        jw_raw(w, c->answer->raw);
        return RC_OK;
    }
    jw_obj(w);
    jw_kstr(w, S("type"), S("tool_result"));
    jw_kstr(w, S("tool_use_id"), c->id);
    if (!c->answer) {
        jw_kstr(w, S("content"), S("The tool gave no result."));
    } else {
        TRY(write_result_content(wr, c->answer->result.content));
    }
    if (!c->answer || c->answer->result.is_error)
        jw_kbool(w, S("is_error"), true);
    if (c->answer)
        anthropic_write_mark(wr, c->answer->cache);
    jw_obj_end(w);
    return RC_OK;
}

/* An answer to a call that is not there: what it says, as the user's words. */
static rc write_orphan(struct writer *wr, const struct chat_part *p)
{
    for (const struct chat_part *q = p->result.content; q; q = q->next) {
        if (!says_something(q))
            continue;
        open_turn(wr, TURN_USER);
        TRY(write_user_part(wr, q));
    }
    return RC_OK;
}

/* ---- assistant blocks ----------------------------------------------------------------------- */

/* A call's arguments as the object that they must be. Text that is none (small models do that, and
 * the conversation should not end there) is wrapped. */
static void write_input(struct writer *wr, const struct chat_call *call)
{
    struct jw *w = &wr->w;
    if (!call->custom && anthropic_is_object(call->args)) {
        jw_kraw(w, S("input"), call->args);
        return;
    }
    jw_kobj(w, S("input"));
    if (call->custom || str_trim(call->args).n)
        jw_kstr(w, S("input"), call->args);
    jw_obj_end(w);
}

static void write_call(struct writer *wr, const struct chat_part *p, str id)
{
    struct jw *w = &wr->w;
    open_assistant(wr);
    if (raw_is_ours(wr, p) && str_eq(id, p->call.id)) {
        jw_raw(w, p->raw);
        return;
    }
    jw_obj(w);
    jw_kstr(w, S("type"), S("tool_use"));
    jw_kstr(w, S("id"), id);
    jw_kstr(w, S("name"), p->call.name.n ? p->call.name : S("unknown"));
    write_input(wr, &p->call);
    anthropic_write_mark(wr, p->cache);
    jw_obj_end(w);
}

static void write_thought(struct writer *wr, const struct chat_part *p)
{
    struct jw *w = &wr->w;
    bool redacted = p->kind == PART_REDACTED;
    if (p->origin != DIALECT_ANTHROPIC || (!redacted && !p->signature.n))
        return; /* of another vendor: of no use here */
    open_assistant(wr);
    jw_obj(w);
    jw_kstr(w, S("type"), redacted ? S("redacted_thinking") : S("thinking"));
    if (redacted) {
        jw_kstr(w, S("data"), p->media.data);
    } else {
        jw_kstr(w, S("thinking"), p->text);
        jw_kstr(w, S("signature"), p->signature);
    }
    jw_obj_end(w);
}

static void write_assistant_text(struct writer *wr, const struct chat_part *p)
{
    str text = p->text;
    if (p == wr->last_text) {
        while (text.n && strchr(" \t\r\n", text.p[text.n - 1]))
            text.n--;
    }
    if (str_trim(text).n == 0)
        return;
    open_assistant(wr);
    if (raw_is_ours(wr, p) && text.n == p->text.n)
        jw_raw(&wr->w, p->raw);
    else
        write_text(wr, text, p->cache, p->origin == DIALECT_ANTHROPIC ? p->notes : S(""));
}

static void write_assistant_part(struct writer *wr, const struct chat_part *p, struct step *st)
{
    switch (p->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
        write_assistant_text(wr, p);
        break;
    case PART_THINKING:
    case PART_REDACTED:
        write_thought(wr, p);
        break;
    case PART_TOOL_CALL:
        write_call(wr, p, st->calls[st->written++].id);
        break;
    case PART_OPAQUE:
        if (p->origin == DIALECT_ANTHROPIC && p->raw.n) {
            open_assistant(wr);
            jw_raw(&wr->w, p->raw);
        }
        break;
    case PART_IMAGE:
    case PART_AUDIO:
    case PART_VIDEO:
    case PART_FILE:
        chat_note_loss(wr->loss, S("messages.content"));
        break;
    case PART_TOOL_RESULT:
        break;
    }
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* An id that Anthropic takes and that no earlier call bears (Ollama and others count from 0 in
 * every turn). */
static str fresh_id(struct writer *wr, str id)
{
    str base = anthropic_tool_id(wr->a, id.n ? id : S("call")), s = base;
    while (map_get(&wr->ids, s))
        s = arena_fmt(wr->a, "%.*s_%u", STRF(base), ++wr->ids_made);
    map_put(&wr->ids, s, wr);
    return s;
}

static void collect_calls(struct writer *wr, struct step *st, size_t from, size_t to)
{
    for (int pass = 0; pass < 2; pass++) {
        size_t n = 0;
        for (size_t i = from; i < to; i++)
            for (const struct chat_part *p = wr->msgs[i]->parts; p; p = p->next) {
                if (p->kind != PART_TOOL_CALL)
                    continue;
                if (pass)
                    st->calls[n] =
                        (struct pending){ .call = &p->call, .id = fresh_id(wr, p->call.id) };
                n++;
            }
        st->ncalls = n;
        if (n == 0)
            return;
        if (pass == 0)
            st->calls = NEW(wr->a, struct pending, n);
    }
    if (st->ncalls <= FEW_CALLS)
        return;
    map_init(&st->by_id);
    st->mapped = true;
    for (size_t i = st->ncalls; i > 0; i--)
        map_put(&st->by_id, st->calls[i - 1].call->id, &st->calls[i - 1]);
}

/* The first call of that id that has no answer yet. */
static struct pending *find_call(struct step *st, str id)
{
    if (st->mapped) {
        struct pending *c = map_get(&st->by_id, id);
        return c && !c->answer ? c : NULL;
    }
    for (size_t i = 0; i < st->ncalls; i++)
        if (!st->calls[i].answer && str_eq(st->calls[i].call->id, id))
            return &st->calls[i];
    return NULL;
}

static void match_answers(struct writer *wr, struct step *st, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        for (const struct chat_part *p = wr->msgs[i]->parts; p; p = p->next) {
            struct pending *c = p->kind == PART_TOOL_RESULT ? find_call(st, p->result.id) : NULL;
            if (c)
                c->answer = p;
        }
}

static bool is_answer(struct step *st, const struct chat_part *p)
{
    if (st->mapped) {
        struct pending *c = map_get(&st->by_id, p->result.id);
        return c && c->answer == p;
    }
    for (size_t i = 0; i < st->ncalls; i++)
        if (st->calls[i].answer == p)
            return true;
    return false;
}

static void write_system_turn(struct writer *wr, const struct chat_message *m)
{
    struct jw *w = &wr->w;
    bool open = false;
    for (const struct chat_part *p = m->parts; p; p = p->next) {
        if (p->kind != PART_TEXT || str_trim(p->text).n == 0)
            continue;
        if (!open) {
            open_turn(wr, TURN_NONE);
            jw_obj(w);
            jw_kstr(w, S("role"), S("system"));
            jw_karr(w, S("content"));
        }
        open = true;
        write_text(wr, p->text, p->cache, S(""));
    }
    if (!open)
        return;
    jw_arr_end(w);
    jw_obj_end(w);
}

static rc write_after(struct writer *wr, struct step *st, size_t from, size_t to)
{
    for (size_t i = 0; i < st->ncalls; i++)
        TRY(write_answer(wr, &st->calls[i]));
    for (size_t i = from; i < to; i++) {
        const struct chat_message *m = wr->msgs[i];
        if (m->role == ROLE_SYSTEM && wr->turn == TURN_USER) {
            write_system_turn(wr, m);
            continue;
        }
        for (const struct chat_part *p = m->parts; p; p = p->next) {
            if (p->kind == PART_TOOL_RESULT) {
                if (!is_answer(st, p))
                    TRY(write_orphan(wr, p));
            } else if (says_something(p)) {
                open_turn(wr, TURN_USER);
                TRY(write_user_part(wr, p));
            }
        }
    }
    return RC_OK;
}

static rc write_step(struct writer *wr, size_t from, size_t said, size_t to)
{
    struct step st = { 0 };
    collect_calls(wr, &st, from, said);
    match_answers(wr, &st, said, to);
    for (size_t i = from; i < said; i++)
        for (const struct chat_part *p = wr->msgs[i]->parts; p; p = p->next)
            write_assistant_part(wr, p, &st);
    rc res = write_after(wr, &st, said, to);
    if (st.mapped)
        map_done(&st.by_id);
    return res;
}

static void find_last_text(struct writer *wr)
{
    if (wr->nmsgs == 0 || wr->msgs[wr->nmsgs - 1]->role != ROLE_ASSISTANT)
        return;
    for (const struct chat_part *p = wr->msgs[wr->nmsgs - 1]->parts; p; p = p->next)
        if (p->kind == PART_TEXT && str_trim(p->text).n)
            wr->last_text = p;
}

rc anthropic_write_messages(struct writer *wr)
{
    jw_karr(&wr->w, S("messages"));
    find_last_text(wr);
    for (size_t i = 0; i < wr->nmsgs;) {
        size_t said = i;
        while (said < wr->nmsgs && wr->msgs[said]->role == ROLE_ASSISTANT)
            said++;
        size_t to = said;
        while (to < wr->nmsgs && wr->msgs[to]->role != ROLE_ASSISTANT)
            to++;
        TRY(write_step(wr, i, said, to));
        i = to;
    }
    if (!wr->any_turn)
        user_text(wr, S("."));
    if (wr->turn == TURN_ASSISTANT && !(wr->claude.traits & CLAUDE_PREFILL)) {
        TRY(chat_drop(wr->loss, wr->t->drop_params || wr->t->modify_params,
                      S("messages (a last turn of the assistant's to be continued)"),
                      S("anthropic"), wr->e));
        user_text(wr, S("Continue."));
    }
    open_turn(wr, TURN_NONE);
    jw_arr_end(&wr->w);
    return RC_OK;
}
