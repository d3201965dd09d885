/* dialect_fuzz.h - the properties that every dialect's readers and writers must keep, for the
 * fuzz targets of the dialects.
 */
#ifndef FUZZ_DIALECT_FUZZ_H
#define FUZZ_DIALECT_FUZZ_H

#include "chat/stream.h"
#include "dialect/dialect.h"
#include "http/ndjson.h"
#include "fuzz_is_json.h"

enum { FUZZ_OUT_BYTES_MAX = 64 * 1024 * 1024 };

/* Whatever a client sends: what is written from it is JSON, and the dialect itself reads it. */
static inline void fuzz_request(const struct dialect *d, const uint8_t *data, size_t n)
{
    struct arena a;
    struct err e = { 0 };
    struct chat_req r;
    jval *v = NULL;
    arena_init(&a);
    rc res = jd_read(&v, (str){ (const char *)data, n }, &a, &e);
    if (!FAILED(res) && jd_is_obj(v))
        res = d->read_chat(&r, v, &(struct dialect_path){ 0 }, &a, &e);
    else
        res = RC(E_SYNTAX);
    static const char *const models[] = { "claude-3-opus-20240229", "claude-sonnet-4-5",
                                          "claude-opus-4-8",        "gpt-4o",
                                          "gemini-1.5-pro",         "gemini-2.5-flash",
                                          "gemini-3-pro",           "other" };
    for (int to = DIALECT_NONE; !FAILED(res) && to < DIALECT_COUNT; to++) {
        const struct dialect *out_d = dialect_get((enum dialect_id)to);
        for (size_t m = 0; out_d && out_d->write_chat && m < COUNT_OF(models); m++) {
            struct chat_target t = { .model = str_c(models[m]),
                                     .stream = r.stream,
                                     .drop_params = true,
                                     .max_tokens_default = CHAT_UNSET };
            struct chat_loss loss = { .arena = &a };
            struct buf out;
            struct chat_req again;
            buf_init(&out, FUZZ_OUT_BYTES_MAX);
            if (!FAILED(out_d->write_chat(&out, &r, &t, &loss, &a, &e))) {
                BUG_UNLESS(fuzz_is_json(buf_str(&out)));
                if (!FAILED(jd_read(&v, buf_str(&out), &a, &e)))
                    BUG_UNLESS(
                        !FAILED(out_d->read_chat(&again, v, &(struct dialect_path){ 0 }, &a, &e)));
            }
            if (out_d->write_fields) {
                buf_clear(&out);
                out_d->write_fields(&out, &r, &t);
            }
            buf_done(&out);
        }
    }
    arena_done(&a);
}

struct fuzz_sink {
    struct chat_sink sink;
    const struct dialect *writer;
    void *state;
    struct buf *out;
    struct dialect_ctx ctx;
};

static inline void fuzz_emit(struct chat_sink *sink, const struct chat_event *ev)
{
    struct fuzz_sink *s = CONTAINER_OF(sink, struct fuzz_sink, sink);
    s->writer->write_event(s->state, s->out, ev, &s->ctx);
}

/* One frame at a time through from's reader; false at an error. */
static inline bool fuzz_feed(const struct dialect *from, void *state, struct sse *sse,
                             struct ndjson *lines, str *in, struct chat_sink *sink, struct arena *a,
                             bool end)
{
    struct err e = { 0 };
    for (;;) {
        struct sse_event ev = { 0 };
        rc res;
        if (from->framing == FRAMING_SSE)
            res = end ? sse_end(sse, &ev, &e) : sse_next(sse, in, &ev, &e);
        else
            res = end ? ndjson_end(lines, &ev.data, &e) : ndjson_next(lines, in, &ev.data, &e);
        if (res.code == AGAIN)
            return true;
        if (FAILED(res) || FAILED(from->read_event(state, &ev, sink, a, &e)))
            return false;
        if (end)
            return true;
    }
}

static inline void fuzz_translate(const struct dialect *from, const struct dialect *to, str data,
                                  size_t step, struct buf *out)
{
    struct arena a;
    struct sse sse;
    struct ndjson lines;
    struct chat_stream cs;
    arena_init(&a);
    void *state = arena_alloc(&a, from->reader_bytes + 1, 16, 1);
    struct fuzz_sink sink = {
        .sink = { fuzz_emit },
        .writer = to,
        .state = arena_alloc(&a, to->writer_bytes + 1, 16, 1),
        .out = out,
        .ctx = { .model = S("m"), .id = S("id1"), .include_usage = true, .arena = &a }
    };
    sse_init(&sse);
    ndjson_init(&lines);
    chat_stream_init(&cs, &sink.sink);
    bool ok = true;
    for (size_t at = 0; ok && at < data.n; at += step) {
        str piece = str_take(str_skip(data, at), step);
        ok = fuzz_feed(from, state, &sse, &lines, &piece, &cs.in, &a, false);
    }
    ok = ok && fuzz_feed(from, state, &sse, &lines, NULL, &cs.in, &a, true);
    chat_stream_end(&cs, ok && from->read_end(state, &cs.in), S("cut"));
    chat_stream_done(&cs);
    sse_done(&sse);
    ndjson_done(&lines);
    arena_done(&a);
}

static inline void fuzz_check_frames(const struct dialect *to, str out)
{
    while (out.n) {
        str line = str_cut(&out, '\n');
        if (to->framing == FRAMING_SSE) {
            if (!str_starts(line, S("data: ")) || str_eq(line, S("data: [DONE]")))
                continue;
            line = str_skip(line, 6);
        }
        BUG_UNLESS(str_trim(line).n == 0 || fuzz_is_json(line));
    }
}

/* Splitting does not matter, and every frame written is JSON. The first byte is the step. */
static inline void fuzz_stream(const struct dialect *d, const uint8_t *data, size_t n)
{
    if (n == 0)
        return;
    str text = { (const char *)data + 1, n - 1 };
    for (int to = DIALECT_NONE; to < DIALECT_COUNT; to++) {
        const struct dialect *w = dialect_get((enum dialect_id)to);
        if (!w)
            continue;
        struct buf whole, bits;
        buf_init(&whole, FUZZ_OUT_BYTES_MAX);
        buf_init(&bits, FUZZ_OUT_BYTES_MAX);
        fuzz_translate(d, w, text, text.n + 1, &whole);
        fuzz_translate(d, w, text, 1 + data[0] % 7, &bits);
        /* Ids that a writer draws differ from run to run: only the lengths are compared then. */
        BUG_UNLESS(whole.n == bits.n);
        fuzz_check_frames(w, buf_str(&whole));
        buf_done(&whole);
        buf_done(&bits);
    }
}

/* A whole answer, an error and a relayed answer of any bytes. */
static inline void fuzz_reply(const struct dialect *d, const uint8_t *data, size_t n)
{
    str body = { (const char *)data, n };
    struct arena a;
    struct err e = { 0 };
    struct chat_reply reply;
    struct chat_error error = { 0 };
    struct buf out;
    arena_init(&a);
    buf_init(&out, FUZZ_OUT_BYTES_MAX);
    struct dialect_ctx ctx = { .model = S("m"), .id = S("id1"), .arena = &a };
    bool ok = !FAILED(d->read_reply(&reply, body, &error, &a, &e));
    for (int to = DIALECT_NONE; to < DIALECT_COUNT; to++) {
        const struct dialect *w = dialect_get((enum dialect_id)to);
        if (!w)
            continue;
        buf_clear(&out);
        if (ok) {
            w->write_reply(&out, &reply, &ctx);
            BUG_UNLESS(fuzz_is_json(buf_str(&out)));
        }
        buf_clear(&out);
        d->read_error(&error, 400 + (unsigned)n % 130, body, &a);
        BUG_UNLESS(error.message.n > 0);
        w->write_error(&out, &error, &a);
        BUG_UNLESS(fuzz_is_json(buf_str(&out)));
    }
    buf_clear(&out);
    struct dialect_relay rl = { .model = S("m"), .usage = CHAT_USAGE_NONE, .arena = &a };
    if (!FAILED(d->relay_reply(&rl, &out, body, &e)) && !rl.failed)
        BUG_UNLESS(fuzz_is_json(buf_str(&out)));
    buf_done(&out);
    arena_done(&a);
}

#endif
