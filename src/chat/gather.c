/* A reply as events, and events as a reply. */
#include "chat/stream.h"
#include "json/scan.h"

/* ---- reply to events ------------------------------------------------------------------------ */

static void emit_call(const struct chat_part *p, struct chat_event ev, struct chat_sink *sink)
{
    ev.kind = EV_CALL;
    ev.id = p->call.id;
    ev.name = p->call.name;
    ev.custom = p->call.custom;
    ev.text = p->call.signature;
    sink->emit(sink, &ev);
    ev.id = ev.name = (str){ 0 };
    ev.kind = EV_ARGS;
    ev.text = p->call.args;
    if (ev.text.n)
        sink->emit(sink, &ev);
    ev.kind = EV_CALL_END;
    ev.text = (str){ 0 };
    sink->emit(sink, &ev);
}

static void emit_text(enum chat_event_kind kind, str text, struct chat_event ev,
                      struct chat_sink *sink)
{
    ev.kind = kind;
    ev.text = text;
    if (text.n)
        sink->emit(sink, &ev);
}

static void emit_part(const struct chat_part *p, struct chat_event ev, struct chat_sink *sink)
{
    switch (p->kind) {
    case PART_TEXT:
        emit_text(EV_TEXT, p->text, ev, sink);
        emit_text(EV_NOTES, p->notes, ev, sink);
        emit_text(EV_SIGNATURE, p->signature, ev, sink);
        break;
    case PART_THINKING:
        emit_text(EV_THINKING, p->text, ev, sink);
        emit_text(EV_SIGNATURE, p->signature, ev, sink);
        break;
    case PART_REDACTED:
        emit_text(EV_REDACTED, p->media.data, ev, sink);
        break;
    case PART_REFUSAL:
        emit_text(EV_REFUSAL, p->text, ev, sink);
        break;
    case PART_TOOL_CALL:
        emit_call(p, ev, sink);
        break;
    case PART_OPAQUE:
        emit_text(EV_OPAQUE, p->raw, ev, sink);
        break;
    case PART_IMAGE:
    case PART_AUDIO:
    case PART_VIDEO:
    case PART_FILE:
        ev.kind = EV_MEDIA;
        ev.media = &p->media;
        sink->emit(sink, &ev);
        break;
    case PART_TOOL_RESULT:
        break; /* no part of an answer */
    }
}

void chat_reply_emit(const struct chat_reply *r, struct chat_sink *sink)
{
    sink->emit(sink, &(struct chat_event){ .kind = EV_START,
                                           .origin = r->origin,
                                           .id = r->id,
                                           .model = r->model,
                                           .n = r->created });
    for (const struct chat_choice *c = r->choices; c; c = c->next) {
        struct chat_event ev = { .origin = r->origin, .choice = (uint32_t)c->index };
        for (const struct chat_part *p = c->parts; p; p = p->next) {
            ev.origin = p->origin ? p->origin : r->origin;
            emit_part(p, ev, sink);
            ev.call += p->kind == PART_TOOL_CALL;
        }
        emit_text(EV_LOGPROBS, c->logprobs, ev, sink);
        ev.kind = EV_FINISH;
        ev.finish = c->finish;
        ev.text = c->native_finish;
        ev.id = c->stop_sequence;
        sink->emit(sink, &ev);
    }
    if (r->usage.seen)
        sink->emit(sink, &(struct chat_event){ .kind = EV_USAGE, .usage = &r->usage });
    sink->emit(sink, &(struct chat_event){ .kind = EV_DONE });
}

/* ---- events to reply ------------------------------------------------------------------------ */

/* Text that grows in the arena, doubling: what is outgrown stays there until the arena ends. */
struct growing {
    char *p;
    size_t n, cap;
};

struct chat_gather_choice {
    struct chat_gather_choice *next;
    struct chat_choice choice;
    struct chat_part **tail;
    struct chat_part *last;
    struct growing text; /* of the last part: its text or its arguments */
    /* Inner items of the arrays joined so far; n == 0: none yet. */
    struct growing logprobs, refusal_logprobs, notes;
};

static bool afford(struct chat_gather *g, size_t n)
{
    if (g->error)
        return false;
    if (n <= CHAT_GATHER_BYTES_MAX - g->bytes) {
        g->bytes += n;
        return true;
    }
    g->error = NEW(g->arena, struct chat_error, 1);
    *g->error = (struct chat_error){ .status = 502,
                                     .kind = ERR_BAD_GATEWAY,
                                     .message = S("The upstream's answer is too long"),
                                     .retry_after_ms = -1 };
    return false;
}

static void grow(struct chat_gather *g, struct growing *t, str more)
{
    if (more.n == 0 || !afford(g, more.n))
        return;
    if (more.n > t->cap - t->n) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        while (cap - t->n < more.n)
            cap *= 2;
        char *p = arena_alloc(g->arena, 1, 1, cap);
        if (t->n)
            memcpy(p, t->p, t->n);
        t->p = p;
        t->cap = cap;
    }
    memcpy(t->p + t->n, more.p, more.n);
    t->n += more.n;
}

static str grown(const struct growing *t)
{
    return (str){ t->p, t->n };
}

static str copy(struct chat_gather *g, str s)
{
    return s.n && afford(g, s.n) ? arena_dup(g->arena, s) : (str){ 0 };
}

static struct chat_gather_choice *choice_of(struct chat_gather *g, uint32_t index)
{
    struct chat_gather_choice **at = &g->choices;
    while (*at && (*at)->choice.index < index)
        at = &(*at)->next;
    if (*at && (*at)->choice.index == index)
        return *at;
    struct chat_gather_choice *c = NEW(g->arena, struct chat_gather_choice, 1);
    c->choice.index = index;
    c->tail = &c->choice.parts;
    c->next = *at;
    return *at = c;
}

/* Ends the part that was growing. */
static void close_part(struct chat_gather_choice *c)
{
    if (!c->last)
        return;
    str text = grown(&c->text);
    if (c->last->kind == PART_TOOL_CALL)
        c->last->call.args = text;
    else if (c->last->kind == PART_TEXT || c->last->kind == PART_THINKING ||
             c->last->kind == PART_REFUSAL)
        c->last->text = text;
    c->text = (struct growing){ 0 };
    c->last = NULL;
}

static struct chat_part *new_part(struct chat_gather *g, struct chat_gather_choice *c,
                                  enum part_kind kind, const struct chat_event *ev)
{
    close_part(c);
    struct chat_part *p = NEW(g->arena, struct chat_part, 1);
    p->kind = kind;
    p->origin = ev->origin;
    *c->tail = p;
    c->tail = &p->next;
    return c->last = p;
}

static void add_text(struct chat_gather *g, struct chat_gather_choice *c, enum part_kind kind,
                     const struct chat_event *ev)
{
    if (!c->last || c->last->kind != kind || c->last->signature.n)
        new_part(g, c, kind, ev);
    grow(g, &c->text, ev->text);
}

/* The signature of the thinking just ended; of a text (Gemini), if that is what came last; else it
 * stands alone in an empty thinking part. */
static void add_signature(struct chat_gather *g, struct chat_gather_choice *c,
                          const struct chat_event *ev)
{
    struct chat_part *p = c->last;
    if (!p || (p->kind != PART_THINKING && p->kind != PART_TEXT) || p->signature.n)
        p = new_part(g, c, PART_THINKING, ev);
    p->signature = copy(g, ev->text);
    p->origin = ev->origin;
}

/* Adds the items of a JSON array to those gathered; another value counts as one item. */
static void join(struct chat_gather *g, struct growing *items, str json)
{
    json = str_trim(json);
    if (json.n >= 2 && json.p[0] == '[')
        json = str_trim((str){ json.p + 1, json.n - 2 });
    if (json.n && items->n)
        grow(g, items, S(","));
    grow(g, items, json);
}

static void add_logprobs(struct chat_gather *g, struct chat_gather_choice *c, str json)
{
    struct json_member m[] = { { .name = S("content") }, { .name = S("refusal") } };
    enum json_kind top;
    if (FAILED(json_scan(json, m, COUNT_OF(m), &top, NULL)))
        return;
    if (m[0].kind == JSON_ARRAY)
        join(g, &c->logprobs, m[0].value);
    if (m[1].kind == JSON_ARRAY)
        join(g, &c->refusal_logprobs, m[1].value);
}

static void add_media(struct chat_gather *g, struct chat_gather_choice *c,
                      const struct chat_event *ev)
{
    const struct chat_media *m = ev->media;
    bool audio = str_starts(m->mime, S("audio/"));
    struct chat_part *p = new_part(g, c, audio ? PART_AUDIO : PART_IMAGE, ev);
    p->media = (struct chat_media){ copy(g, m->mime),    copy(g, m->data), copy(g, m->url),
                                    copy(g, m->file_id), copy(g, m->text), copy(g, m->name),
                                    copy(g, m->detail) };
}

static void add_call(struct chat_gather *g, struct chat_gather_choice *c,
                     const struct chat_event *ev)
{
    struct chat_part *p = new_part(g, c, PART_TOOL_CALL, ev);
    p->call.id = copy(g, ev->id);
    p->call.name = copy(g, ev->name);
    p->call.signature = copy(g, ev->text);
    p->call.custom = ev->custom;
}

static void finish_choice(struct chat_gather *g, struct chat_gather_choice *c,
                          const struct chat_event *ev)
{
    close_part(c);
    c->choice.finish = ev->finish;
    c->choice.native_finish = copy(g, ev->text);
    c->choice.stop_sequence = copy(g, ev->id);
}

static void gather_content(struct chat_gather *g, const struct chat_event *ev)
{
    struct chat_gather_choice *c = choice_of(g, ev->choice);
    switch (ev->kind) {
    case EV_TEXT:
        add_text(g, c, PART_TEXT, ev);
        break;
    case EV_THINKING:
        add_text(g, c, PART_THINKING, ev);
        break;
    case EV_REFUSAL:
        add_text(g, c, PART_REFUSAL, ev);
        break;
    case EV_SIGNATURE:
        add_signature(g, c, ev);
        break;
    case EV_REDACTED:
        new_part(g, c, PART_REDACTED, ev)->media.data = copy(g, ev->text);
        break;
    case EV_CALL:
        add_call(g, c, ev);
        break;
    case EV_ARGS:
        if (c->last && c->last->kind == PART_TOOL_CALL)
            grow(g, &c->text, ev->text);
        break;
    case EV_CALL_END:
        close_part(c);
        break;
    case EV_MEDIA:
        if (ev->media)
            add_media(g, c, ev);
        break;
    case EV_NOTES:
        join(g, &c->notes, ev->text);
        break;
    case EV_LOGPROBS:
        add_logprobs(g, c, ev->text);
        break;
    case EV_OPAQUE:
        new_part(g, c, PART_OPAQUE, ev)->raw = copy(g, ev->text);
        break;
    default:
        finish_choice(g, c, ev);
        break;
    }
}

static void gather_error(struct chat_gather *g, const struct chat_error *e)
{
    if (g->error)
        return;
    g->error = NEW(g->arena, struct chat_error, 1);
    *g->error = e ? *e : (struct chat_error){ .kind = ERR_BAD_GATEWAY, .retry_after_ms = -1 };
    g->error->message = arena_dup(g->arena, g->error->message);
    g->error->type = arena_dup(g->arena, g->error->type);
    g->error->code = arena_dup(g->arena, g->error->code);
    g->error->param = arena_dup(g->arena, g->error->param);
}

static void gather(struct chat_sink *sink, const struct chat_event *ev)
{
    struct chat_gather *g = CONTAINER_OF(sink, struct chat_gather, sink);
    if (g->done || g->error)
        return;
    switch (ev->kind) {
    case EV_START:
        g->reply.origin = ev->origin;
        g->reply.id = copy(g, ev->id);
        g->reply.model = copy(g, ev->model);
        g->reply.created = ev->n;
        break;
    case EV_USAGE:
        g->reply.usage = *ev->usage;
        break;
    case EV_ERROR:
        gather_error(g, ev->error);
        break;
    case EV_DONE:
        g->done = true;
        break;
    default:
        gather_content(g, ev);
        break;
    }
}

void chat_gather_init(struct chat_gather *g, struct arena *arena)
{
    *g = (struct chat_gather){ .sink = { gather }, .arena = arena };
    g->reply.usage = CHAT_USAGE_NONE;
}

static str array_of(struct arena *a, const struct growing *items)
{
    return items->n ? arena_fmt(a, "[%.*s]", (int)items->n, items->p) : S("null");
}

static void complete_choice(struct chat_gather *g, struct chat_gather_choice *c)
{
    close_part(c);
    if (c->logprobs.n || c->refusal_logprobs.n)
        c->choice.logprobs = arena_fmt(g->arena, "{\"content\":%.*s,\"refusal\":%.*s}",
                                       STRF(array_of(g->arena, &c->logprobs)),
                                       STRF(array_of(g->arena, &c->refusal_logprobs)));
    if (!c->notes.n)
        return;
    /* Notes belong to the text; which of several texts is not told in a stream: the last. */
    struct chat_part *text = NULL;
    for (struct chat_part *p = c->choice.parts; p; p = p->next)
        if (p->kind == PART_TEXT)
            text = p;
    if (!text)
        text = chat_add_part(g->arena, &c->choice.parts, PART_TEXT);
    text->notes = array_of(g->arena, &c->notes);
}

const struct chat_reply *chat_gather_reply(struct chat_gather *g)
{
    struct chat_choice **tail = &g->reply.choices;
    choice_of(g, 0);
    for (struct chat_gather_choice *c = g->choices; c; c = c->next) {
        complete_choice(g, c);
        *tail = &c->choice;
        tail = &c->choice.next;
    }
    return &g->reply;
}
