/* The 466 replies recorded from real vendors, through our readers, against what the vendors' own
 * SDKs read in them (tests/golden/vendors/README.md). */
#include <dirent.h>
#include <stdlib.h>

#include "show.h"

#include "chat/stream.h"
#include "dialect/dialect.h"
#include "http/ndjson.h"
#include "json/splice.h"

#define FOLDER TEST_DATA "/golden/vendors"

enum { FILE_MAX = 4 << 20 };

struct counts {
    int files, chat, other, uncovered, waiting, wrong;
};

/* ---- files ---------------------------------------------------------------------------------- */

static jval *read_json(const char *path, struct arena *a)
{
    jval *v = NULL;
    struct err e = { 0 };
    CHECK_OK(jd_read(&v, show_file(path, a), a, &e), &e);
    return v;
}

/* ---- comparing ------------------------------------------------------------------------------ */

static bool same(jval *a, jval *b)
{
    double x, y;
    if (jd_f64(a, &x) && jd_f64(b, &y))
        return x == y;
    if (jd_kind(a) != jd_kind(b) || jd_count(a) != jd_count(b))
        return false;
    if (jd_is_obj(a)) {
        JD_EACH (m, a)
            if (!same(m.value, jd_get(b, m.name)))
                return false;
    } else if (jd_is_arr(a)) {
        JD_EACH (m, a)
            if (!same(m.value, jd_at(b, m.index)))
                return false;
    }
    return str_eq(jd_str(a), jd_str(b));
}

static str join(const struct chat_part *parts, enum part_kind kind, struct arena *a)
{
    str all = { 0 };
    for (const struct chat_part *p = parts; p; p = p->next)
        if (p->kind == kind)
            all = arena_cat(a, all, p->text);
    return all;
}

static bool check_str(const char *name, const char *what, str got, str want)
{
    if (str_eq(got, want))
        return true;
    print_error("%s: %s\n  got:  %.*s\n  want: %.*s\n", name, what, STRF(str_take(got, 300)),
                STRF(str_take(want, 300)));
    return false;
}

static bool check_calls(const char *name, const struct chat_part *parts, jval *want,
                        struct arena *a)
{
    size_t n = 0;
    bool ok = true;
    for (const struct chat_part *p = parts; p; p = p->next) {
        if (p->kind != PART_TOOL_CALL)
            continue;
        jval *call = jd_at(want, n++), *args = NULL;
        str text = str_trim(p->call.args).n ? p->call.args : S("{}");
        ok = check_str(name, "a call's name", p->call.name, jd_get_str(call, S("name"))) && ok;
        if (jd_is_str(jd_get(call, S("args"))))
            ok = check_str(name, "a call's text", p->call.args, jd_get_str(call, S("args"))) && ok;
        else if (FAILED(jd_read(&args, text, a, NULL)) || !same(args, jd_get(call, S("args"))))
            ok = check_str(name, "a call's arguments", p->call.args,
                           jd_text(jd_get(call, S("args")), a)) &&
                 false;
        ok = ok && p->call.id.n > 0;
    }
    if (n != jd_count(want)) {
        print_error("%s: %zu calls, expected %zu\n", name, n, jd_count(want));
        return false;
    }
    return ok;
}

static bool check_finish(const char *name, enum chat_finish got, jval *want, bool calls)
{
    static const char *const words[] = {
        [FINISH_NONE] = "none",
        [FINISH_STOP] = "stop",
        [FINISH_STOP_SEQUENCE] = "stop",
        [FINISH_LENGTH] = "length",
        [FINISH_TOOL_CALLS] = "tool_calls",
        [FINISH_FILTER] = "filter",
        [FINISH_PAUSE] = "pause",
        [FINISH_CONTEXT] = "length",
        [FINISH_ERROR] = "error",
    };
    str word = jd_str(want);
    if (calls && str_eq(word, S("stop"))) /* some vendors say so beside calls: we are clearer */
        word = S("tool_calls");
    return check_str(name, "finish", str_c(words[got]), word);
}

static bool check_count(const char *name, const char *what, int64_t got, jval *want)
{
    int64_t n;
    if (!jd_i64(want, &n) || got == n || (n == 0 && got < 0))
        return true;
    print_error("%s: usage %s: got %lld, expected %lld\n", name, what, (long long)got,
                (long long)n);
    return false;
}

static bool check_usage(const char *name, const struct chat_usage *u, jval *want)
{
    bool ok = check_count(name, "prompt", u->prompt, jd_get(want, S("prompt")));
    ok = check_count(name, "completion", u->completion, jd_get(want, S("completion"))) && ok;
    ok = check_count(name, "total", u->total, jd_get(want, S("total"))) && ok;
    ok = check_count(name, "cached", u->cache_read, jd_get(want, S("cached"))) && ok;
    return check_count(name, "reasoning", u->reasoning, jd_get(want, S("reasoning"))) && ok;
}

static bool check_error(const char *name, const struct chat_error *e, jval *want)
{
    int64_t status;
    bool ok = check_str(name, "error", e->message, jd_get_str(want, S("message")));
    if (jd_i64(jd_get(want, S("status")), &status) && e->status != status) {
        print_error("%s: status %u, expected %lld\n", name, e->status, (long long)status);
        return false;
    }
    return ok;
}

static bool check_reply(const char *name, const struct chat_reply *r, jval *want, struct arena *a)
{
    const struct chat_choice *c = r->choices;
    if (!c) {
        print_error("%s: no choice\n", name);
        return false;
    }
    jval *calls = jd_get(want, S("calls"));
    str text = join(c->parts, PART_TEXT, a), reasoning = join(c->parts, PART_THINKING, a);
    str plan = jd_get_str(want, S("plan"));
    bool ok = check_calls(name, c->parts, calls, a);
    ok = check_str(name, "refusal", join(c->parts, PART_REFUSAL, a),
                   jd_get_str(want, S("refusal"))) &&
         ok;
    if (plan.n) { /* Cohere's word for what it means to do: it must come out somewhere */
        ok = check_str(name, "plan", str_contains(text, plan) ? plan : reasoning, plan) && ok;
    } else {
        ok = check_str(name, "text", text, jd_get_str(want, S("text"))) && ok;
        ok = check_str(name, "reasoning", reasoning, jd_get_str(want, S("reasoning"))) && ok;
    }
    ok = check_finish(name, c->finish, jd_get(want, S("finish")), jd_count(calls) > 0) && ok;
    return check_usage(name, &r->usage, jd_get(want, S("usage"))) && ok;
}

/* ---- streams -------------------------------------------------------------------------------- */

struct feed {
    const struct dialect *dialect;
    void *state;
    struct sse sse;
    struct ndjson lines;
    struct chat_sink *sink;
    struct arena *arena;
    struct err err;
};

static rc next_frame(struct feed *f, str *in, struct sse_event *ev)
{
    *ev = (struct sse_event){ 0 };
    if (f->dialect->framing == FRAMING_SSE)
        return in ? sse_next(&f->sse, in, ev, &f->err) : sse_end(&f->sse, ev, &f->err);
    return in ? ndjson_next(&f->lines, in, &ev->data, &f->err)
              : ndjson_end(&f->lines, &ev->data, &f->err);
}

static bool feed(struct feed *f, str *in)
{
    struct sse_event ev;
    rc r;
    while ((r = next_frame(f, in, &ev)).code == OK) {
        if (FAILED(f->dialect->read_event(f->state, &ev, f->sink, f->arena, &f->err)))
            return false;
        if (!in)
            return true;
    }
    return r.code == AGAIN;
}

static bool check_stream(const char *name, const struct dialect *d, str bytes, size_t step,
                         jval *want)
{
    struct arena a;
    struct chat_stream s;
    struct chat_gather g;
    arena_init(&a);
    chat_gather_init(&g, &a);
    chat_stream_init(&s, &g.sink);
    struct feed f = { .dialect = d,
                      .state = arena_alloc(&a, d->reader_bytes + 1, 16, 1),
                      .sink = &s.in,
                      .arena = &a };
    sse_init(&f.sse);
    ndjson_init(&f.lines);
    bool ok = true;
    for (size_t at = 0; ok && at < bytes.n; at += step) {
        str piece = str_take(str_skip(bytes, at), step);
        ok = feed(&f, &piece);
    }
    ok = ok && feed(&f, NULL);
    if (!ok)
        print_error("%s: in pieces of %zu: %s\n", name, step, f.err.text);
    chat_stream_end(&s, d->read_end(f.state, &s.in), S("cut"));
    jval *error = jd_get(want, S("error"));
    bool broken = jd_is_obj(error) || jd_str_is(jd_get(want, S("finish")), S("error"));
    if (!g.error != !broken) {
        print_error("%s: error %s, expected %s\n", name, g.error ? g.error->message.p : "none",
                    broken ? "one" : "none");
        ok = false;
    } else if (jd_is_obj(error)) {
        ok = check_error(name, g.error, error) && ok;
    } else if (!broken) {
        ok = check_reply(name, chat_gather_reply(&g), want, &a) && ok;
    }
    chat_stream_done(&s);
    sse_done(&f.sse);
    ndjson_done(&f.lines);
    arena_done(&a);
    return ok;
}

/* ---- one file ------------------------------------------------------------------------------- */

static bool check_whole(const char *name, const struct dialect *d, unsigned status, str body,
                        jval *want, struct arena *a)
{
    struct chat_reply r;
    struct chat_error error = { 0 };
    struct err e = { 0 };
    jval *wanted = jd_get(want, S("error"));
    if (status >= 400) {
        d->read_error(&error, status, body, a);
        return check_error(name, &error, wanted);
    }
    if (FAILED(d->read_reply(&r, body, &error, a, &e))) {
        if (jd_is_obj(wanted))
            return check_error(name, &error, wanted);
        print_error("%s: %s\n", name, e.text);
        return false;
    }
    return check_reply(name, &r, want, a);
}

/* Not a chat reply: it passes as it is, but for the model's name; here it gets its own name. */
static bool check_unchanged(const char *name, str body)
{
    struct json_member model = { .name = S("model") };
    enum json_kind top;
    struct buf out;
    struct err e = { 0 };
    buf_init(&out, FILE_MAX);
    bool ok = !FAILED(json_scan(body, &model, 1, &top, &e)) &&
              !FAILED(json_replace(&out, body, S("model"),
                                   model.kind == JSON_STRING ? model.value : S("\"m\""), &e)) &&
              str_eq(buf_str(&out), body);
    if (!ok)
        print_error("%s: changed in passing: %s\n", name, e.text);
    buf_done(&out);
    return ok;
}

/* expected.json's words for the dialects. */
static const struct dialect *dialect_of(str kind)
{
    static const struct {
        const char *name;
        enum dialect_id id;
    } names[] = {
        { "openai", DIALECT_OPENAI_CHAT },
        { "responses", DIALECT_OPENAI_RESPONSES },
        { "anthropic", DIALECT_ANTHROPIC },
        { "gemini", DIALECT_GEMINI },
        { "cohere", DIALECT_COHERE },
        { "ollama", DIALECT_OLLAMA },
        { "ollama_generate", DIALECT_OLLAMA_GENERATE },
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_eq(kind, str_c(names[i].name)))
            return dialect_get(names[i].id);
    return NULL;
}

static void check_file(const char *name, jval *file, jval *want, struct counts *n, struct arena *a)
{
    static const size_t steps[] = { 1, 2, 7, 61, 1021, SIZE_MAX / 2 };
    jval *reply = jd_get(file, S("reply"));
    str kind = jd_get_str(want, S("dialect"));
    const struct dialect *d = dialect_of(kind);
    int64_t status = jd_i64_or(jd_get(reply, S("status")), 0);
    jval *stream = jd_get(reply, S("sse"));
    bool ok = true;
    n->files++;
    if (str_eq(kind, S("none"))) {
        n->uncovered++;
    } else if (str_eq(kind, S("other"))) {
        n->other++;
        if (jd_is_str(jd_get(reply, S("body"))) && status < 300)
            ok = check_unchanged(name, jd_get_str(reply, S("body")));
    } else if (!d) {
        n->waiting++;
    } else if (jd_is_str(stream)) {
        n->chat++;
        for (size_t i = 0; i < COUNT_OF(steps) && ok; i++)
            ok = check_stream(name, d, jd_str(stream), steps[i], want);
    } else {
        n->chat++;
        ok = check_whole(name, d, (unsigned)status, jd_get_str(reply, S("body")), want, a);
    }
    n->wrong += !ok;
}

static void test_vendors(void **state)
{
    (void)state;
    struct arena a;
    struct counts n = { 0 };
    arena_init(&a);
    jval *expected = read_json(FOLDER "/expected.json", &a);
    JD_EACH (m, expected) {
        struct arena file;
        char path[4096];
        arena_init(&file);
        snprintf(path, sizeof(path), FOLDER "/%.*s", STRF(m.name));
        char name[512];
        snprintf(name, sizeof(name), "%.*s", STRF(m.name));
        check_file(name, read_json(path, &file), m.value, &n, &file);
        arena_done(&file);
    }
    arena_done(&a);
    print_message("%d recorded replies: %d of chats read as the vendors' SDKs read them (%d not), "
                  "%d of other operations pass unchanged, %d in formats that no dialect has, %d "
                  "wait for theirs\n",
                  n.files, n.chat - n.wrong, n.wrong, n.other, n.uncovered, n.waiting);
    assert_int_equal(n.files, 466);
    assert_int_equal(n.wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_vendors) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
