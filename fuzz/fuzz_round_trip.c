/* Read and written by the same dialect, once is as good as twice, and what one dialect writes from
 * another's it reads itself:
 *
 *   - w = write_X(read_X(input)) is read again, and writing that changes nothing more;
 *   - to any other dialect, what is read from w goes on saying the same;
 *   - for every Y, read_Y takes write_Y(read_X(input)).
 *
 * Nonsense may be put in order by the first writing. With FUZZ_STRICT in the environment not even
 * that: w already says all that the input did. It is for hunting: what it finds is not always a
 * fault.
 *
 * The first byte says what the rest is: a request, a whole reply or a stream, and whose.
 */
#include "dialect_fuzz.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool same_value(jval *x, jval *y)
{
    if (jd_kind(x) != jd_kind(y) || jd_count(x) != jd_count(y))
        return false;
    if (jd_is_obj(x)) {
        JD_EACH (m, x)
            if (!jd_get(y, m.name) || !same_value(jd_get(x, m.name), jd_get(y, m.name)))
                return false;
        return true;
    }
    for (size_t i = 0; i < jd_count(x); i++)
        if (!same_value(jd_at(x, i), jd_at(y, i)))
            return false;
    return str_eq(jd_str(x), jd_str(y)) && str_eq(jd_num(x), jd_num(y)) &&
           jd_is_true(x) == jd_is_true(y);
}

/* Up to the order of members. */
static bool same_json(str was, str is)
{
    struct arena a;
    jval *x = NULL, *y = NULL;
    arena_init(&a);
    bool same = !FAILED(jd_read(&x, was, &a, NULL)) && !FAILED(jd_read(&y, is, &a, NULL)) &&
                same_value(x, y);
    arena_done(&a);
    return same;
}

/* With FUZZ_TELL in the environment a difference is printed before the trap. */
static void must_be_same(const struct dialect *d, const char *what, str was, str is)
{
    if (str_eq(was, is) || same_json(was, is))
        return;
    if (getenv("FUZZ_TELL"))
        fprintf(stderr, "%s: %s\n  once:  %.*s\n  twice: %.*s\n", d->name, what, STRF(was),
                STRF(is));
    __builtin_trap();
}

static void must_be_read(const struct dialect *d, rc res, const struct err *e, str text)
{
    /* Deep values are passed on inside deeper ones. To Cohere's clients an answer that is blocked
     * and empty is a failed one. */
    if (!FAILED(res) || res.code == E_LIMIT || d == &dialect_cohere)
        return;
    if (getenv("FUZZ_TELL"))
        fprintf(stderr, "%s does not read its own: %s\n  %.*s\n", d->name, e->text, STRF(text));
    __builtin_trap();
}

/* ---- requests ------------------------------------------------------------------------------- */

static bool read_request(const struct dialect *d, struct chat_req *r, str text, struct arena *a,
                         struct err *e)
{
    jval *v = NULL;
    struct dialect_path path = { .model = d->model_in_path ? S("gemini-2.5-flash") : S("") };
    if (FAILED(jd_read(&v, text, a, e)) || !jd_is_obj(v))
        return false;
    return !FAILED(d->read_chat(r, v, &path, a, e));
}

static bool is_strict(void)
{
    return getenv("FUZZ_STRICT") != NULL;
}

static bool write_request(const struct dialect *d, const struct chat_req *r, struct buf *out,
                          struct arena *a, struct err *e)
{
    static const char *const models[] = { [DIALECT_OPENAI_CHAT] = "gpt-4o",
                                          [DIALECT_OPENAI_RESPONSES] = "gpt-5.2",
                                          [DIALECT_ANTHROPIC] = "claude-opus-4-6",
                                          [DIALECT_GEMINI] = "gemini-2.5-flash",
                                          [DIALECT_COHERE] = "command-a-reasoning-08-2025",
                                          [DIALECT_OLLAMA] = "qwen3" };
    struct chat_loss loss = { .arena = a };
    struct chat_target t = { .model = str_c(models[d->id]),
                             .stream = r->stream,
                             .drop_params = true,
                             .max_tokens_default = 4096 };
    return !FAILED(d->write_chat(out, r, &t, &loss, a, e)) && !out->full;
}

static void request(const struct dialect *d, str text)
{
    struct arena a;
    struct err e = { 0 };
    struct chat_req r, again;
    struct buf once, twice;
    arena_init(&a);
    buf_init(&once, FUZZ_OUT_BYTES_MAX);
    buf_init(&twice, FUZZ_OUT_BYTES_MAX);
    bool ok =
        d->write_chat && read_request(d, &r, text, &a, &e) && write_request(d, &r, &once, &a, &e);
    if (ok) {
        bool read = read_request(d, &again, buf_str(&once), &a, &e);
        must_be_read(d, read ? RC_OK : RC(E_SYNTAX), &e, buf_str(&once));
        again.stream = r.stream; /* Gemini says it in the path */
        ok = read && write_request(d, &again, &twice, &a, &e);
        if (ok && !is_strict()) {
            buf_clear(&once);
            read = read_request(d, &r, buf_str(&twice), &a, &e);
            r.stream = again.stream;
            ok = read && write_request(d, &r, &once, &a, &e);
        }
        must_be_same(d, "a request", buf_str(&twice), ok ? buf_str(&once) : str_c(e.text));
    }
    buf_done(&once);
    buf_done(&twice);
    arena_done(&a);
}

/* ---- replies -------------------------------------------------------------------------------- */

static struct chat_part *next_call(struct chat_part *p)
{
    while (p && p->kind != PART_TOOL_CALL)
        p = p->next;
    return p;
}

/* Ids of calls may be changed into what the dialect's own vendor would have sent. */
static void same_call_ids(const struct chat_reply *r, struct chat_reply *again)
{
    struct chat_choice *theirs = again->choices;
    for (const struct chat_choice *c = r->choices; c && theirs; c = c->next) {
        struct chat_part *p = next_call(c->parts), *q = next_call(theirs->parts);
        for (; p && q; p = next_call(p->next), q = next_call(q->next))
            q->call.id = p->call.id;
        theirs = theirs->next;
    }
}

/* r, written and read once more, into r. */
static bool settle(const struct dialect *d, struct chat_reply *r, const struct dialect_ctx *ctx)
{
    struct chat_error error;
    struct err e = { 0 };
    struct buf out;
    buf_init(&out, FUZZ_OUT_BYTES_MAX);
    d->write_reply(&out, r, ctx);
    str text = arena_dup(ctx->arena, buf_str(&out));
    rc res = out.full ? RC(E_LIMIT) : d->read_reply(r, text, &error, ctx->arena, &e);
    must_be_read(d, res, &e, text);
    buf_done(&out);
    return !FAILED(res);
}

static void reply(const struct dialect *d, str text)
{
    struct arena a;
    struct err e = { 0 };
    struct chat_reply r, again;
    struct chat_error error;
    struct buf once, out, other;
    arena_init(&a);
    buf_init(&once, FUZZ_OUT_BYTES_MAX);
    buf_init(&out, FUZZ_OUT_BYTES_MAX);
    buf_init(&other, FUZZ_OUT_BYTES_MAX);
    struct dialect_ctx ctx = { .model = S("m"), .id = S("id1"), .created = 1, .arena = &a };
    bool ok = !FAILED(d->read_reply(&r, text, &error, &a, &e));
    if (ok && !is_strict())
        ok = settle(d, &r, &ctx);
    if (ok) {
        d->write_reply(&once, &r, &ctx);
        ok = fuzz_is_json(buf_str(&once)) && !once.full;
        rc res = d->read_reply(&again, buf_str(&once), &error, &a, &e);
        must_be_read(d, res, &e, buf_str(&once));
        ok = ok && !FAILED(res);
        again.id = r.id; /* Responses' are the gateway's own, and its tier is always told */
        again.service_tier = r.service_tier;
        same_call_ids(&r, &again);
        if (r.usage.prompt < 0 || r.usage.completion < 0 || r.usage.total < 0)
            /* some formats always have counts */
            again.usage = r.usage;
        for (struct chat_choice *c = r.choices; c; c = c->next)
            if (c->finish == FINISH_NONE) /* written as an end */
                c->finish = FINISH_STOP;
    }
    for (int to = DIALECT_NONE; ok && to < DIALECT_COUNT; to++) {
        const struct dialect *w = dialect_get((enum dialect_id)to);
        struct chat_reply theirs;
        if (!w || !w->read_reply)
            continue;
        buf_clear(&out);
        buf_clear(&other);
        w->write_reply(&out, &again, &ctx);
        w->write_reply(&other, &r, &ctx);
        must_be_same(d, w->name, buf_str(&other), buf_str(&out));
        must_be_read(w, w->read_reply(&theirs, buf_str(&other), &error, &a, &e), &e,
                     buf_str(&other));
    }
    buf_done(&once);
    buf_done(&out);
    buf_done(&other);
    arena_done(&a);
}

/* ---- streams -------------------------------------------------------------------------------- */

static void stream(const struct dialect *d, str text)
{
    for (int to = DIALECT_NONE; to < DIALECT_COUNT; to++) {
        const struct dialect *w = dialect_get((enum dialect_id)to);
        struct buf once, twice, thrice;
        if (!w || !w->read_event)
            continue;
        buf_init(&once, FUZZ_OUT_BYTES_MAX);
        buf_init(&twice, FUZZ_OUT_BYTES_MAX);
        buf_init(&thrice, FUZZ_OUT_BYTES_MAX);
        fuzz_translate(d, w, text, text.n + 1, &once);
        /* Once through its own reader pieces are as long as they stay. */
        fuzz_translate(w, w, buf_str(&once), once.n + 1, &twice);
        fuzz_translate(w, w, buf_str(&twice), twice.n + 1, &thrice);
        must_be_same(w, "a stream", buf_str(&twice), buf_str(&thrice));
        buf_done(&once);
        buf_done(&twice);
        buf_done(&thrice);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static void (*const kinds[])(const struct dialect *, str) = { request, reply, stream };
    static const enum dialect_id ids[] = { DIALECT_OPENAI_CHAT, DIALECT_OPENAI_RESPONSES,
                                           DIALECT_ANTHROPIC,   DIALECT_GEMINI,
                                           DIALECT_COHERE,      DIALECT_OLLAMA };
    if (n == 0 || n > 65536)
        return 0;
    size_t which = data[0] % (COUNT_OF(kinds) * COUNT_OF(ids));
    kinds[which % COUNT_OF(kinds)](dialect_get(ids[which / COUNT_OF(kinds)]),
                                   (str){ (const char *)data + 1, n - 1 });
    return 0;
}
