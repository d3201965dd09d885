/* Golden transcripts: tests/golden/DIALECT/{in,reply,stream,error}/CASE.
 *
 *   in/X.json        a client's request; X.out.json: written by the same dialect again;
 *                    X.openai.json: towards OpenAI chat (of openai itself: X.anthropic.json)
 *   reply/X.json     an upstream's answer; X.openai.json: the answer to an OpenAI client
 *   stream/X.sse     an upstream's stream; X.openai.sse: the OpenAI client's (of X.ndjson:
 *                    X.ndjson.openai.sse), checked for every split of the bytes; the relay must
 * leave its meaning as it is error/429_X.json or X.429.json: an upstream's error under that status;
 * its .openai.json: the OpenAI client's
 *
 * JSON is compared up to the order of members, streams byte by byte; ids that are drawn at random
 * are masked. With GOLDEN_UPDATE=1 in the environment the expectations are written anew, to be
 * reviewed in git.
 */
#include "../check.h"

#include <dirent.h>
#include <sys/stat.h>

#include "chat/stream.h"
#include "dialect/dialect.h"
#include "http/ndjson.h"
#include "json/write.h"

enum { BYTES_MAX = 64 * 1024 * 1024 };

static struct arena arena; /* of the case at hand */
static int failures, cases;

/* ---- files ---------------------------------------------------------------------------------- */

static bool read_file(const char *path, str *ret)
{
    FILE *f = fopen(path, "rb");
    struct buf b;
    if (!f)
        return false;
    buf_init(&b, BYTES_MAX);
    for (;;) {
        char *room = buf_room(&b, 65536);
        assert_non_null(room);
        size_t n = fread(room, 1, 65536, f);
        b.n += n;
        if (n == 0)
            break;
    }
    fclose(f);
    *ret = arena_dup(&arena, buf_str(&b));
    buf_done(&b);
    return true;
}

static void write_file(const char *path, str text)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
    assert_int_equal(fclose(f), 0);
}

static bool updating(void)
{
    const char *v = getenv("GOLDEN_UPDATE");
    return v && *v == '1';
}

static void complain(const char *path, const char *what, str got, str want)
{
    failures++;
    print_error("%s: %s\n  got:  %.*s\n  want: %.*s\n", path, what, STRF(got), STRF(want));
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const struct jd_iter *x = a, *y = b;
    size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
    int c = n ? memcmp(x->name.p, y->name.p, n) : 0;
    return c ? c : (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

static void indent(struct buf *out, int depth)
{
    buf_chr(out, '\n');
    for (int i = 0; i < depth; i++)
        buf_chr(out, ' ');
}

/* One member a line; sorted: members by name, for comparing. */
static void pretty(struct buf *out, jval *v, int depth, bool sorted)
{
    if (jd_count(v) == 0) {
        str text = jd_text(v, &arena);
        buf_add(out, text);
        return;
    }
    size_t n = 0, count = jd_count(v);
    struct jd_iter *items = NEW(&arena, struct jd_iter, count);
    JD_EACH (m, v)
        items[n++] = m;
    if (sorted && jd_is_obj(v))
        qsort(items, n, sizeof(*items), by_name);
    buf_chr(out, jd_is_obj(v) ? '{' : '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_chr(out, ',');
        indent(out, depth + 1);
        if (jd_is_obj(v)) {
            json_quote(out, items[i].name);
            buf_add(out, S(": "));
        }
        pretty(out, items[i].value, depth + 1, sorted);
    }
    indent(out, depth);
    buf_chr(out, jd_is_obj(v) ? '}' : ']');
}

static str pretty_text(str json, bool sorted)
{
    jval *v = NULL;
    struct err e;
    struct buf b;
    if (FAILED(jd_read(&v, json, &arena, &e)))
        return json;
    buf_init(&b, BYTES_MAX);
    pretty(&b, v, 0, sorted);
    buf_chr(&b, '\n');
    str text = arena_dup(&arena, buf_str(&b));
    buf_done(&b);
    return text;
}

static bool is_letter(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Runs of 24 letters and digits behind '_' or '-' that the input does not hold were made up. */
static str mask_ids(str text, str input)
{
    enum { LETTERS = 24 };
    char *p = NEW(&arena, char, text.n + 1);
    if (text.n)
        memcpy(p, text.p, text.n);
    for (size_t i = 1; i + LETTERS <= text.n; i++) {
        size_t n = 0;
        if (p[i - 1] != '_' && p[i - 1] != '-')
            continue;
        while (i + n < text.n && is_letter(p[i + n]))
            n++;
        if (n == LETTERS && !str_contains(input, (str){ p + i, n }))
            memset(p + i, 'x', n);
    }
    return (str){ p, text.n };
}

static void expect(const char *path, str got, str input, bool json)
{
    str want = S("");
    cases++;
    got = mask_ids(got, input);
    if (json) {
        enum json_kind top;
        struct err e = { 0 };
        if (FAILED(json_scan(got, NULL, 0, &top, &e)))
            complain(path, e.text, got, S(""));
    }
    if (updating()) {
        write_file(path, json ? pretty_text(got, false) : got);
        return;
    }
    if (!read_file(path, &want)) {
        complain(path, "is missing: run with GOLDEN_UPDATE=1 and review", got, want);
        return;
    }
    if (json) {
        got = pretty_text(got, true);
        want = pretty_text(want, true);
    }
    if (!str_eq(got, want))
        complain(path, "differs", got, want);
}

/* ---- the four kinds ------------------------------------------------------------------------- */

static const char *stem_path(const char *dir, str name, const char *suffix)
{
    str stem = str_take(name, str_rindex(name, '.'));
    return arena_fmt(&arena, "%s/%.*s%s", dir, STRF(stem), suffix).p;
}

static const struct dialect_ctx ctx = { .model = { "test-model", 10 },
                                        .id = { "made-up-id", 10 },
                                        .created = 1,
                                        .include_usage = true,
                                        .arena = &arena };

static void write_request(const char *path, const struct dialect *to, const struct chat_req *r,
                          str model, str input)
{
    struct chat_loss loss = { .arena = &arena };
    struct chat_target t = {
        .model = model, .stream = r->stream, .drop_params = true, .max_tokens_default = CHAT_UNSET
    };
    struct err e = { 0 };
    struct buf out;
    buf_init(&out, BYTES_MAX);
    if (FAILED(to->write_chat(&out, r, &t, &loss, &arena, &e))) {
        struct jw w;
        buf_clear(&out);
        jw_init(&w, &out);
        jw_obj(&w);
        jw_kstr(&w, S("refused"), str_c(e.text));
        jw_obj_end(&w);
    }
    expect(path, buf_str(&out), input, true);
    buf_done(&out);
}

static void check_in(const struct dialect *d, const char *dir, str name, str text)
{
    struct chat_req r;
    struct err e = { 0 };
    jval *v = NULL;
    struct dialect_path path = { 0 };
    if (d->model_in_path)
        path.model = S("test-model");
    rc res = jd_read(&v, text, &arena, &e);
    if (!FAILED(res))
        res = d->read_chat(&r, v, &path, &arena, &e);
    if (FAILED(res)) {
        complain(stem_path(dir, name, ""), "cannot be read", str_c(e.text), S(""));
        return;
    }
    str model = r.model.n ? r.model : S("test-model");
    write_request(stem_path(dir, name, ".out.json"), d, &r, model, text);
    if (d == &dialect_openai_chat)
        write_request(stem_path(dir, name, ".anthropic.json"), &dialect_anthropic, &r,
                      S("claude-sonnet-4-5"), text);
    else
        write_request(stem_path(dir, name, ".openai.json"), &dialect_openai_chat, &r, S("gpt-4o"),
                      text);
}

/* `total` apart, which is added up where it is missing. */
static bool same_usage(const struct chat_usage *x, const struct chat_usage *y)
{
    return x->seen == y->seen && x->prompt == y->prompt && x->completion == y->completion &&
           x->cache_read == y->cache_read && x->cache_write == y->cache_write &&
           x->cache_write_1h == y->cache_write_1h && x->reasoning == y->reasoning &&
           x->audio_in == y->audio_in && x->audio_out == y->audio_out && x->image_in == y->image_in;
}

/* Answers of Cohere's v1 API are read and translated, but no client of v2 gets them relayed. */
static bool may_refuse(const struct dialect *d, const struct dialect_relay *rl)
{
    return d->id == DIALECT_COHERE && !rl->usage.seen;
}

static void check_relayed_reply(const struct dialect *d, const char *path, str text,
                                const struct chat_reply *r)
{
    struct dialect_relay rl = {
        .model = S("test-model"), .show_usage = true, .usage = CHAT_USAGE_NONE, .arena = &arena
    };
    struct chat_reply again;
    struct chat_error error = { 0 };
    struct err e = { 0 };
    struct buf out, once, twice;
    buf_init(&out, BYTES_MAX);
    buf_init(&once, BYTES_MAX);
    buf_init(&twice, BYTES_MAX);
    if (FAILED(d->relay_reply(&rl, &out, text, &e)) || rl.failed ||
        FAILED(d->read_reply(&again, buf_str(&out), &error, &arena, &e))) {
        if (!may_refuse(d, &rl))
            complain(path, "cannot be relayed", str_c(e.text), S(""));
    } else {
        dialect_openai_chat.write_reply(&once, r, &ctx);
        dialect_openai_chat.write_reply(&twice, &again, &ctx);
        str want = mask_ids(buf_str(&once), text), got = mask_ids(buf_str(&twice), text);
        if (!str_eq(got, want))
            complain(path, "the relayed answer means something else", got, want);
        if (!same_usage(&rl.usage, &r->usage))
            complain(path, "the relay reads another usage", S(""), S(""));
    }
    buf_done(&out);
    buf_done(&once);
    buf_done(&twice);
}

static void check_reply(const struct dialect *d, const char *dir, str name, str text)
{
    struct chat_reply r;
    struct chat_error error = { 0 };
    struct err e = { 0 };
    struct buf out;
    const char *path = stem_path(dir, name, ".openai.json");
    buf_init(&out, BYTES_MAX);
    if (FAILED(d->read_reply(&r, text, &error, &arena, &e))) {
        dialect_openai_chat.write_error(&out, &error, &arena);
    } else {
        dialect_openai_chat.write_reply(&out, &r, &ctx);
        check_relayed_reply(d, path, text, &r);
    }
    expect(path, buf_str(&out), text, true);
    buf_done(&out);
}

/* A stream on its way: framing, reader, order, writer; or framing and relay. */
struct way {
    struct chat_sink sink;
    struct buf *out;
    void *writer, *reader;
    const struct dialect *d;
    enum framing framing;
    struct dialect_relay *relay; /* NULL: translate */
    struct sse sse;
    struct ndjson lines;
    struct chat_stream order;
    struct err e;
};

static void write_event(struct chat_sink *sink, const struct chat_event *ev)
{
    struct way *w = CONTAINER_OF(sink, struct way, sink);
    dialect_openai_chat.write_event(w->writer, w->out, ev, &ctx);
}

/* Frames out of `in` (NULL: the end). False at an error. */
static bool feed(struct way *w, str *in)
{
    for (;;) {
        struct sse_event ev = { 0 };
        rc res;
        if (w->framing == FRAMING_SSE) {
            res = in ? sse_next(&w->sse, in, &ev, &w->e) : sse_end(&w->sse, &ev, &w->e);
        } else {
            res = in ? ndjson_next(&w->lines, in, &ev.data, &w->e)
                     : ndjson_end(&w->lines, &ev.data, &w->e);
            if (res.code == OK && w->relay)
                ev.raw = arena_fmt(&arena, "%.*s\n", STRF(ev.data));
        }
        if (res.code == AGAIN)
            return true;
        if (!FAILED(res))
            res = w->relay ? w->d->relay_event(w->relay, w->out, &ev, &w->e)
                           : w->d->read_event(w->reader, &ev, &w->order.in, &arena, &w->e);
        if (FAILED(res))
            return false;
        if (!in)
            return true;
    }
}

/* The whole stream, cut at `cut` and then into pieces of `step`. */
static void run_stream(const struct dialect *d, enum framing framing, str text, size_t cut,
                       size_t step, struct buf *out, struct dialect_relay *relay)
{
    struct way w = {
        .sink = { write_event }, .out = out, .d = d, .framing = framing, .relay = relay
    };
    w.reader = arena_alloc(&arena, d->reader_bytes + 1, 16, 1);
    w.writer = arena_alloc(&arena, dialect_openai_chat.writer_bytes, 16, 1);
    sse_init(&w.sse);
    ndjson_init(&w.lines);
    chat_stream_init(&w.order, &w.sink);
    str piece = str_take(text, cut), rest = str_skip(text, cut);
    bool ok = feed(&w, &piece);
    while (ok && rest.n) {
        piece = str_take(rest, step);
        rest = str_skip(rest, step);
        ok = feed(&w, &piece);
    }
    ok = ok && feed(&w, NULL);
    if (!relay)
        chat_stream_end(&w.order, ok && d->read_end(w.reader, &w.order.in),
                        w.e.text[0] ? str_c(w.e.text) : S("cut off"));
    chat_stream_done(&w.order);
    sse_done(&w.sse);
    ndjson_done(&w.lines);
}

static void check_splits(const struct dialect *d, enum framing framing, const char *path, str text,
                         str want)
{
    enum { EVERY_BYTE_UP_TO = 8192, ELSE_EVERY = 97 };
#if defined(__SANITIZE_ADDRESS__)
    size_t step =
        text.n <= EVERY_BYTE_UP_TO ? 31 : 997; /* tenfold time: still all kinds of places */
#else
    size_t step = text.n <= EVERY_BYTE_UP_TO ? 1 : ELSE_EVERY;
#endif
    struct buf out;
    struct arena outer = arena;
    buf_init(&out, BYTES_MAX);
    for (size_t cut = 0; cut <= text.n; cut += step) {
        arena_init(&arena);
        buf_clear(&out);
        /* The first round is byte by byte: every split at once. */
        run_stream(d, framing, text, cut, cut ? text.n : 1, &out, NULL);
        str got = mask_ids(buf_str(&out), text);
        bool same = str_eq(got, want);
        if (!same)
            complain(path, arena_fmt(&arena, "differs when split at %zu", cut).p, got, want);
        arena_done(&arena);
        if (!same)
            break;
    }
    arena = outer;
    buf_done(&out);
}

static void check_stream(const struct dialect *d, const char *dir, str name, str text)
{
    enum framing framing = str_ends(name, S(".ndjson")) ? FRAMING_NDJSON : FRAMING_SSE;
    const char *path = framing == FRAMING_SSE
                           ? stem_path(dir, name, ".openai.sse")
                           : arena_fmt(&arena, "%s/%.*s.openai.sse", dir, STRF(name)).p;
    struct buf out, relayed;
    buf_init(&out, BYTES_MAX);
    buf_init(&relayed, BYTES_MAX);
    run_stream(d, framing, text, text.n, 1, &out, NULL);
    str direct = mask_ids(buf_str(&out), text);
    expect(path, direct, text, false);
    check_splits(d, framing, path, text, direct);

    struct dialect_relay rl = {
        .model = S("test-model"), .show_usage = true, .usage = CHAT_USAGE_NONE, .arena = &arena
    };
    run_stream(d, framing, text, text.n, 1, &relayed, &rl);
    buf_clear(&out);
    run_stream(d, framing, buf_str(&relayed), relayed.n, 1, &out, NULL);
    str again = mask_ids(buf_str(&out), text);
    bool complete = str_ends(direct, S("data: [DONE]\n\n"));
    if (complete && !str_eq(again, direct) && !may_refuse(d, &rl))
        complain(path, "the relayed stream means something else", again, direct);
    if (complete != (rl.finished && !rl.failed) && !may_refuse(d, &rl))
        complain(path, "the relay and the reader differ about the end", S(""), S(""));
    buf_done(&out);
    buf_done(&relayed);
}

/* 429_name.json or name.429.json. */
static unsigned status_in(str name)
{
    uint64_t status = 0;
    str stem = str_take(name, str_rindex(name, '.'));
    size_t dot = str_rindex(stem, '.');
    if (str_to_u64(str_take(name, str_index(name, '_')), &status) ||
        (dot < stem.n && str_to_u64(str_skip(stem, dot + 1), &status)))
        return (unsigned)status;
    return 400;
}

static void check_error(const struct dialect *d, const char *dir, str name, str text)
{
    struct chat_error error;
    struct buf out;
    buf_init(&out, BYTES_MAX);
    d->read_error(&error, status_in(name), text, &arena);
    d->write_error(&out, &error, &arena);
    enum json_kind top;
    if (FAILED(json_scan(buf_str(&out), NULL, 0, &top, NULL)))
        complain(stem_path(dir, name, ""), "its own error is not JSON", buf_str(&out), S(""));
    buf_clear(&out);
    dialect_openai_chat.write_error(&out, &error, &arena);
    expect(stem_path(dir, name, ".openai.json"), buf_str(&out), text, true);
    buf_done(&out);
}

/* ---- folders -------------------------------------------------------------------------------- */

static bool is_expectation(str name)
{
    return str_ends(name, S(".out.json")) || str_ends(name, S(".openai.json")) ||
           str_ends(name, S(".anthropic.json")) || str_ends(name, S(".openai.sse"));
}

typedef void check_fn(const struct dialect *d, const char *dir, str name, str text);

static void check_folder(const struct dialect *d, const char *kind, check_fn *check)
{
    char dir[512];
    struct dirent **names;
    snprintf(dir, sizeof(dir), "%s/golden/%s/%s", TEST_DATA, d->name, kind);
    int n = scandir(dir, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        str name = str_c(names[i]->d_name), text;
        arena_init(&arena);
        if (name.p[0] != '.' && !is_expectation(name) &&
            read_file(arena_fmt(&arena, "%s/%s", dir, name.p).p, &text))
            check(d, dir, name, text);
        arena_done(&arena);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

static void all_of(check_fn *check, const char *kind)
{
    failures = cases = 0;
    for (int id = 0; id < DIALECT_COUNT; id++)
        if (dialect_get((enum dialect_id)id))
            check_folder(dialect_get((enum dialect_id)id), kind, check);
    if (failures)
        fail_msg("%d of %d %s transcripts differ", failures, cases, kind);
    assert_true(cases > 0);
}

static void requests(void **state)
{
    all_of(check_in, "in");
}

static void replies(void **state)
{
    all_of(check_reply, "reply");
}

static void streams(void **state)
{
    all_of(check_stream, "stream");
}

static void errors(void **state)
{
    all_of(check_error, "error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(replies),
        cmocka_unit_test(streams),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
