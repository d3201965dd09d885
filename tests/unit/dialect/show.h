/* show.h - what a dialect read, as text: events one a line, requests as another dialect writes
 * them.
 */
#ifndef TESTS_UNIT_DIALECT_SHOW_H
#define TESTS_UNIT_DIALECT_SHOW_H

#include "../json_check.h"
#include "base/mem.h"
#include "chat/stream.h"
#include "dialect/dialect.h"
#include "http/ndjson.h"

/* ---- files ---------------------------------------------------------------------------------- */

/* A whole file, in the arena. */
static inline str show_file(const char *path, struct arena *a)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s: cannot be opened", path);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    long size = ftell(f);
    assert_true(size >= 0);
    rewind(f);
    char *p = arena_raw(a, (size_t)size + 1);
    assert_int_equal(fread(p, 1, (size_t)size, f), size);
    fclose(f);
    return (str){ p, (size_t)size };
}

/* ---- events --------------------------------------------------------------------------------- */

struct show {
    struct chat_sink sink;
    struct buf out;
    enum chat_event_kind last; /* runs of text, thinking and arguments are joined */
    uint32_t last_call;
};

static inline void show_event(struct chat_sink *sink, const struct chat_event *ev)
{
    static const char *const names[] = {
        "start",  "text",   "thinking", "signature", "redacted", "refusal",
        "call",   "args",   "call_end", "media",     "notes",    "logprobs",
        "opaque", "finish", "usage",    "error",     "done",
    };
    struct show *s = CONTAINER_OF(sink, struct show, sink);
    bool joins = ev->kind == EV_TEXT || ev->kind == EV_THINKING || ev->kind == EV_ARGS;
    if (joins && ev->kind == s->last && ev->call == s->last_call) {
        buf_add(&s->out, ev->text);
        return;
    }
    if (s->out.n)
        buf_chr(&s->out, '\n');
    s->last = ev->kind;
    s->last_call = ev->call;
    buf_fmt(&s->out, "%s", names[ev->kind]);
    if (ev->kind == EV_START)
        buf_fmt(&s->out, " %.*s/%lld", STRF(ev->model), (long long)ev->n);
    if (ev->kind == EV_CALL)
        buf_fmt(&s->out, " %u %.*s", ev->call, STRF(ev->name));
    if (ev->kind == EV_FINISH)
        buf_fmt(&s->out, " %d", ev->finish);
    if (ev->kind == EV_USAGE)
        buf_fmt(&s->out, " %lld+%lld cached %lld", (long long)ev->usage->prompt,
                (long long)ev->usage->completion, (long long)ev->usage->cache_read);
    if (ev->kind == EV_ERROR)
        buf_fmt(&s->out, " %d %.*s", ev->error->kind, STRF(ev->error->message));
    if (ev->text.n)
        buf_fmt(&s->out, " %.*s", STRF(ev->text));
}

/* The stream's bytes, cut at `cut`, through framing, reader and chat_stream into out. */
static inline void show_feed(const struct dialect *d, enum framing framing, str bytes, size_t cut,
                             struct chat_sink *out)
{
    struct chat_stream cs;
    struct sse sse;
    struct ndjson lines;
    struct err e = { 0 };
    struct arena scratch;
    str pieces[2] = { str_take(bytes, cut), str_skip(bytes, cut) };
    void *state = mem_zalloc(d->reader_bytes);
    arena_init(&scratch);
    chat_stream_init(&cs, out);
    sse_init(&sse);
    ndjson_init(&lines);
    bool broken = false;
    for (size_t i = 0; i < 2; i++) {
        struct sse_event ev = { 0 };
        while ((framing == FRAMING_SSE ? sse_next(&sse, &pieces[i], &ev, &e)
                                       : ndjson_next(&lines, &pieces[i], &ev.data, &e))
                   .code == OK)
            broken = broken || FAILED(d->read_event(state, &ev, &cs.in, &scratch, &e));
    }
    struct sse_event ev = { 0 };
    if (framing == FRAMING_SSE ? !FAILED(sse_end(&sse, &ev, &e))
                               : !FAILED(ndjson_end(&lines, &ev.data, &e)))
        broken = broken || FAILED(d->read_event(state, &ev, &cs.in, &scratch, &e));
    chat_stream_end(&cs, d->read_end(state, &cs.in) && !broken, S("cut"));
    chat_stream_done(&cs);
    sse_done(&sse);
    ndjson_done(&lines);
    arena_done(&scratch);
    mem_free(state);
}

/* The same, the events' text. */
static inline str show_stream(const struct dialect *d, enum framing framing, str bytes, size_t cut,
                              struct arena *a)
{
    struct show s = { .sink = { show_event }, .last = EV_DONE };
    buf_init(&s.out, SIZE_MAX / 4);
    show_feed(d, framing, bytes, cut, &s.sink);
    str text = arena_dup(a, buf_str(&s.out));
    buf_done(&s.out);
    return text;
}

/* It shows the same however the bytes are cut; long ones are cut at some places only. */
static inline void show_cut_anywhere(const struct dialect *d, enum framing framing, str bytes,
                                     str want)
{
    size_t step = bytes.n > 8192 ? 997 : 101;
    for (size_t cut = 1; cut < bytes.n; cut += step) {
        struct arena a;
        arena_init(&a);
        CHECK_STR(show_stream(d, framing, bytes, cut, &a), want);
        arena_done(&a);
    }
}

/* ---- requests ------------------------------------------------------------------------------- */

struct show_target {
    const char *model;
    bool stream, drop;
    const struct chat_extra *defaults, *extra_body;
};

/* body as `in` reads it, as `out` writes it; on failure "code where: text". */
static inline str show_request(const struct dialect *in, const struct dialect *out, str body,
                               const struct show_target *st, struct chat_loss *loss,
                               struct arena *a)
{
    jval *v = NULL;
    struct chat_req r;
    struct err e = { 0 };
    struct buf b;
    struct chat_target t = { .model = str_c(st->model),
                             .stream = st->stream,
                             .drop_params = st->drop,
                             .defaults = st->defaults,
                             .extra_body = st->extra_body,
                             .max_tokens_default = CHAT_UNSET };
    CHECK_OK(jd_read(&v, body, a, &e), &e);
    loss->arena = a;
    rc got = in->read_chat(&r, v, &(struct dialect_path){ 0 }, a, &e);
    if (FAILED(got))
        return arena_fmt(a, "%d %s: %s", got.code, e.where, e.text);
    buf_init(&b, SIZE_MAX / 4);
    got = out->write_chat(&b, &r, &t, loss, a, &e);
    str text = FAILED(got) ? arena_fmt(a, "%d %s: %s", got.code, e.where, e.text)
                           : arena_dup(a, buf_str(&b));
    buf_done(&b);
    return text;
}

static inline str show_losses(const struct chat_loss *loss, struct arena *a)
{
    str all = { 0 };
    for (const struct chat_str *s = loss->dropped; s; s = s->next)
        all = all.n ? arena_fmt(a, "%.*s %.*s", STRF(all), STRF(s->s)) : s->s;
    return all;
}

struct show_case {
    const char *what;
    const struct dialect *in;
    const char *body;
    struct show_target t;
    const char *want, *losses; /* want: JSON, or what show_request says of a failure */
};

static inline void show_check(const struct dialect *out, const struct show_case *c, struct arena *a)
{
    struct chat_loss loss = { 0 };
    str got = show_request(c->in, out, str_c(c->body), &c->t, &loss, a), want = str_c(c->want);
    if (want.p[0] == '{' ? !json_texts_same(got, want) : !str_eq(got, want))
        fail_msg("%s\n  got:  %.*s\n  want: %.*s", c->what, STRF(got), STRF(want));
    CHECK_STR(show_losses(&loss, a), str_c(c->losses));
}

/* ---- answers -------------------------------------------------------------------------------- */

/* An upstream answer as events (what chat_reply_emit makes of it), or "error ...". */
static inline str show_reply(const struct dialect *d, str body, struct arena *a)
{
    struct chat_reply r;
    struct chat_error error = { 0 };
    struct err e = { 0 };
    if (FAILED(d->read_reply(&r, body, &error, a, &e)))
        return arena_fmt(a, "error %d %u %.*s", error.kind, error.status, STRF(error.message));
    struct show s = { .sink = { show_event }, .last = EV_DONE };
    buf_init(&s.out, SIZE_MAX / 4);
    chat_reply_emit(&r, &s.sink);
    str text = arena_dup(a, buf_str(&s.out));
    buf_done(&s.out);
    return text;
}

/* A whole answer of `from`, as `to` writes it, whole and as a stream. */
static inline str show_rewritten(const struct dialect *from, const struct dialect *to, str body,
                                 const struct dialect_ctx *c)
{
    struct chat_reply r;
    struct chat_error error = { 0 };
    struct err e = { 0 };
    struct buf b;
    CHECK_OK(from->read_reply(&r, body, &error, c->arena, &e), &e);
    buf_init(&b, SIZE_MAX / 4);
    to->write_reply(&b, &r, c);
    str text = arena_dup(c->arena, buf_str(&b));
    buf_done(&b);
    return text;
}

struct show_writer {
    struct chat_sink sink;
    const struct dialect *d;
    const struct dialect_ctx *c;
    void *state;
    struct buf out;
};

static inline void show_write(struct chat_sink *sink, const struct chat_event *ev)
{
    struct show_writer *w = CONTAINER_OF(sink, struct show_writer, sink);
    w->d->write_event(w->state, &w->out, ev, w->c);
}

static inline str show_streamed(const struct dialect *from, const struct dialect *to, str body,
                                const struct dialect_ctx *c)
{
    struct chat_reply r;
    struct chat_error error = { 0 };
    struct err e = { 0 };
    struct show_writer w = { { show_write }, to, c, mem_zalloc(to->writer_bytes), { 0 } };
    struct chat_stream cs;
    CHECK_OK(from->read_reply(&r, body, &error, c->arena, &e), &e);
    buf_init(&w.out, SIZE_MAX / 4);
    chat_stream_init(&cs, &w.sink);
    chat_reply_emit(&r, &cs.in);
    chat_stream_end(&cs, true, S(""));
    chat_stream_done(&cs);
    str text = arena_dup(c->arena, buf_str(&w.out));
    buf_done(&w.out);
    mem_free(w.state);
    return text;
}

#endif
