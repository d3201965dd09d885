#include "chat/stream.h"

#include "base/mem.h"

/* ---- what waits ----------------------------------------------------------------------------- */

/* A copied event of a choice whose turn has not come; for a call all its pieces so far. */
struct chat_pending {
    struct chat_pending *next;
    struct chat_event ev; /* its strs and those of `media` stand behind this struct */
    struct chat_media media;
    struct buf args; /* EV_CALL: the pieces so far */
    bool ended;      /* EV_CALL: its CALL_END has come */
    size_t bytes;    /* charged to the stream, without args */
};

static void emit(struct chat_stream *s, const struct chat_event *ev)
{
    s->out->emit(s->out, ev);
}

static void free_pending(struct chat_stream *s, struct chat_pending *p)
{
    s->pending_bytes -= p->bytes + p->args.n;
    buf_done(&p->args);
    mem_free(p);
}

static str keep(char **at, str s)
{
    char *start = *at;
    if (s.n)
        *at = mempcpy(start, s.p, s.n);
    return (str){ start, s.n };
}

static void fail_stream(struct chat_stream *s, enum chat_error_kind kind, str message)
{
    struct chat_error error = {
        .status = chat_error_status(kind), .kind = kind, .message = message, .retry_after_ms = -1
    };
    s->over = s->broken = true;
    emit(s, &(struct chat_event){ .kind = EV_ERROR, .error = &error });
}

static bool charge(struct chat_stream *s, size_t n)
{
    if (n > CHAT_PENDING_BYTES_MAX - s->pending_bytes) {
        fail_stream(s, ERR_BAD_GATEWAY,
                    S("The upstream interleaves tool calls beyond what can be held back"));
        return false;
    }
    s->pending_bytes += n;
    return true;
}

static void put_off(struct chat_stream *s, const struct chat_event *ev)
{
    static const struct chat_media no_media;
    const struct chat_media *m = ev->media ? ev->media : &no_media;
    size_t strings = ev->text.n + ev->id.n + ev->name.n + m->mime.n + m->data.n + m->url.n +
                     m->file_id.n + m->text.n + m->name.n + m->detail.n;
    if (!charge(s, sizeof(struct chat_pending) + strings))
        return;
    struct chat_pending *p = mem_zalloc(sizeof(*p) + strings);
    p->bytes = sizeof(*p) + strings;
    char *at = (char *)(p + 1);
    p->ev = *ev;
    p->ev.text = keep(&at, ev->text);
    p->ev.id = keep(&at, ev->id);
    p->ev.name = keep(&at, ev->name);
    if (ev->media) {
        p->media =
            (struct chat_media){ keep(&at, m->mime),    keep(&at, m->data), keep(&at, m->url),
                                 keep(&at, m->file_id), keep(&at, m->text), keep(&at, m->name),
                                 keep(&at, m->detail) };
        p->ev.media = &p->media;
    }
    buf_init(&p->args, CHAT_PENDING_BYTES_MAX);
    *(s->pending_last ? &s->pending_last->next : &s->pending) = p;
    s->pending_last = p;
}

static struct chat_pending *find_pending(const struct chat_stream *s, uint32_t choice)
{
    struct chat_pending *p = s->pending;
    while (p && p->ev.choice != choice)
        p = p->next;
    return p;
}

static struct chat_pending *find_pending_call(const struct chat_stream *s,
                                              const struct chat_event *ev)
{
    struct chat_pending *p = s->pending;
    while (p && !(p->ev.kind == EV_CALL && p->ev.choice == ev->choice && p->ev.call == ev->call))
        p = p->next;
    return p;
}

static void unlink_pending(struct chat_stream *s, struct chat_pending *gone)
{
    struct chat_pending **at = &s->pending, *before = NULL;
    while (*at != gone) {
        before = *at;
        at = &(*at)->next;
    }
    *at = gone->next;
    if (s->pending_last == gone)
        s->pending_last = before;
}

/* ---- the open call -------------------------------------------------------------------------- */

/* Follows the nesting of the arguments: complete once the outermost object or array has closed.
 * Other values (a bare string, custom tools' free text) never count as complete. */
static void follow_args(struct chat_open_call *o, str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (o->in_string) {
            if (o->escaped)
                o->escaped = false;
            else if (c == '\\')
                o->escaped = true;
            else if (c == '"')
                o->in_string = false;
        } else if (c == '"') {
            o->in_string = true;
        } else if (c == '{' || c == '[') {
            o->depth++;
        } else if ((c == '}' || c == ']') && o->depth > 0) {
            o->depth--;
            o->complete = o->depth == 0;
        }
    }
}

static void open_call(struct chat_stream *s, const struct chat_event *ev)
{
    s->call_open = true;
    s->open =
        (struct chat_open_call){ .choice = ev->choice, .call = ev->call, .custom = ev->custom };
    emit(s, ev);
}

static void send_args(struct chat_stream *s, str text)
{
    if (!s->open.custom)
        follow_args(&s->open, text);
    emit(s, &(struct chat_event){
                .kind = EV_ARGS, .choice = s->open.choice, .call = s->open.call, .text = text });
}

static void close_call(struct chat_stream *s)
{
    s->call_open = false;
    emit(s, &(struct chat_event){
                .kind = EV_CALL_END, .choice = s->open.choice, .call = s->open.call });
}

/* Sends what waits and may go now: in order, until a call is open that may still grow. `choice`
 * limits it to one choice, all of whose calls are over (-1: any). */
static void release(struct chat_stream *s, int64_t only_choice)
{
    struct chat_pending *p = s->pending;
    while (p && !s->over && !s->call_open) {
        struct chat_pending *next = p->next;
        if (only_choice >= 0 && p->ev.choice != only_choice) {
            p = next;
            continue;
        }
        unlink_pending(s, p);
        if (p->ev.kind == EV_CALL) {
            open_call(s, &p->ev);
            if (p->args.n)
                send_args(s, buf_str(&p->args));
            if (p->ended || only_choice >= 0 || (next && s->open.complete))
                close_call(s);
        } else {
            emit(s, &p->ev);
        }
        free_pending(s, p);
        p = next;
    }
}

/* Ends everything that is open or waiting in a choice. Its calls go out whole, even while a call of
 * another choice is open: order is promised within a choice. */
static void flush_choice(struct chat_stream *s, uint32_t choice)
{
    if (s->call_open && s->open.choice == choice)
        close_call(s);
    if (!find_pending(s, choice))
        return;
    bool other_is_open = s->call_open;
    struct chat_open_call other = s->open;
    s->call_open = false;
    release(s, choice);
    s->call_open = other_is_open;
    s->open = other;
}

/* ---- events --------------------------------------------------------------------------------- */

static void start(struct chat_stream *s, const struct chat_event *ev)
{
    if (s->started)
        return;
    s->started = true;
    emit(s, ev);
}

static bool is_open_call(const struct chat_stream *s, const struct chat_event *ev)
{
    return s->call_open && s->open.choice == ev->choice && s->open.call == ev->call;
}

static void on_call(struct chat_stream *s, const struct chat_event *ev)
{
    if (is_open_call(s, ev) || find_pending_call(s, ev))
        return;
    s->ncalls++;
    s->called |= UINT64_C(1) << ev->choice;
    if (s->call_open && s->open.complete) {
        close_call(s);
        release(s, -1);
    }
    if (s->call_open || s->pending)
        put_off(s, ev);
    else
        open_call(s, ev);
}

static void on_args(struct chat_stream *s, const struct chat_event *ev)
{
    if (is_open_call(s, ev)) {
        send_args(s, ev->text);
        return;
    }
    struct chat_pending *p = find_pending_call(s, ev);
    if (!p || !charge(s, ev->text.n)) /* pieces of a call that is over or never began: no place */
        return;
    buf_add(&p->args, ev->text);
}

static void on_call_end(struct chat_stream *s, const struct chat_event *ev)
{
    if (is_open_call(s, ev)) {
        close_call(s);
        release(s, -1);
        return;
    }
    struct chat_pending *p = find_pending_call(s, ev);
    if (p)
        p->ended = true;
}

static void on_finish(struct chat_stream *s, const struct chat_event *ev)
{
    if (ev->finish == FINISH_ERROR) {
        fail_stream(s, ERR_BAD_GATEWAY, S("The upstream broke its answer off with an error"));
        return;
    }
    flush_choice(s, ev->choice);
    if (s->over)
        return;
    struct chat_event copy = *ev;
    uint64_t bit = UINT64_C(1) << ev->choice;
    if (s->called & bit && (copy.finish == FINISH_STOP || copy.finish == FINISH_NONE))
        copy.finish = FINISH_TOOL_CALLS;
    if (copy.finish == FINISH_NONE)
        copy.finish = FINISH_STOP;
    s->finished |= bit;
    emit(s, &copy);
    release(s, -1);
}

/* Text and everything else that has a place in a choice. */
static void on_content(struct chat_stream *s, const struct chat_event *ev)
{
    if (s->call_open && s->open.choice == ev->choice && s->open.complete) {
        close_call(s);
        release(s, -1);
    }
    if (ev->kind == EV_TEXT)
        s->any_text = true;
    if ((s->call_open && s->open.choice == ev->choice) || find_pending(s, ev->choice))
        put_off(s, ev);
    else
        emit(s, ev);
}

static void merge_usage(struct chat_usage *u, const struct chat_usage *more)
{
    int64_t *to[] = { &u->prompt,      &u->completion,     &u->total,     &u->cache_read,
                      &u->cache_write, &u->cache_write_1h, &u->reasoning, &u->audio_in,
                      &u->audio_out,   &u->image_in };
    const int64_t from[] = { more->prompt,     more->completion,  more->total,
                             more->cache_read, more->cache_write, more->cache_write_1h,
                             more->reasoning,  more->audio_in,    more->audio_out,
                             more->image_in };
    for (size_t i = 0; i < COUNT_OF(from); i++)
        if (from[i] > *to[i])
            *to[i] = from[i];
    u->seen = true;
}

static void finish_all(struct chat_stream *s)
{
    start(s, &(struct chat_event){ .kind = EV_START });
    uint64_t missing = (s->seen ? s->seen : 1) & ~s->finished;
    for (uint32_t choice = 0; missing && !s->over; choice++, missing >>= 1)
        if (missing & 1)
            on_finish(s, &(struct chat_event){ .kind = EV_FINISH, .choice = choice });
    if (s->over)
        return;
    if (!s->usage.seen && s->left_out)
        s->left_out(s);
    if (s->usage.seen) {
        int64_t sum;
        if (s->usage.prompt >= 0 && s->usage.completion >= 0 &&
            !__builtin_add_overflow(s->usage.prompt, s->usage.completion, &sum) &&
            s->usage.total < sum)
            s->usage.total = sum;
        emit(s, &(struct chat_event){ .kind = EV_USAGE, .usage = &s->usage });
    }
    s->over = true;
    emit(s, &(struct chat_event){ .kind = EV_DONE });
}

static bool is_empty_piece(const struct chat_event *ev)
{
    switch (ev->kind) {
    case EV_TEXT:
    case EV_THINKING:
    case EV_REFUSAL:
    case EV_ARGS:
    case EV_SIGNATURE:
    case EV_REDACTED:
    case EV_NOTES:
    case EV_LOGPROBS:
    case EV_OPAQUE:
        return ev->text.n == 0;
    case EV_MEDIA:
        return ev->media == NULL;
    default:
        return false;
    }
}

static void take(struct chat_sink *sink, const struct chat_event *ev)
{
    struct chat_stream *s = CONTAINER_OF(sink, struct chat_stream, in);
    if (s->over || is_empty_piece(ev))
        return;
    switch (ev->kind) {
    case EV_START:
        start(s, ev);
        return;
    case EV_USAGE:
        if (ev->usage)
            merge_usage(&s->usage, ev->usage);
        return;
    case EV_ERROR:
        s->over = s->broken = true;
        emit(s, ev);
        return;
    case EV_DONE:
        finish_all(s);
        return;
    default:
        break;
    }
    if (ev->choice >= 64 || s->finished & UINT64_C(1) << ev->choice)
        return;
    start(s, &(struct chat_event){ .kind = EV_START, .origin = ev->origin });
    s->seen |= UINT64_C(1) << ev->choice;
    switch (ev->kind) {
    case EV_CALL:
        on_call(s, ev);
        break;
    case EV_ARGS:
        on_args(s, ev);
        break;
    case EV_CALL_END:
        on_call_end(s, ev);
        break;
    case EV_FINISH:
        on_finish(s, ev);
        break;
    default:
        on_content(s, ev);
        break;
    }
}

void chat_stream_init(struct chat_stream *s, struct chat_sink *out)
{
    *s = (struct chat_stream){ .in = { take }, .out = out, .usage = CHAT_USAGE_NONE };
}

void chat_stream_done(struct chat_stream *s)
{
    while (s->pending) {
        struct chat_pending *next = s->pending->next;
        free_pending(s, s->pending);
        s->pending = next;
    }
    s->pending_last = NULL;
    s->over = true;
}

void chat_stream_end(struct chat_stream *s, bool complete, str what)
{
    if (s->over)
        return;
    if (complete)
        finish_all(s);
    else
        fail_stream(s, ERR_BAD_GATEWAY,
                    what.n ? what : S("The upstream broke off in the middle of its answer"));
}
