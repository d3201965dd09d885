/* Read and written again by the same dialect, nothing is lost: every request, whole reply and
 * stream of tests/golden (DIALECT/, vendors/ and round_trip/DIALECT/, which has every documented
 * member) gives the same JSON up to the order of members; of a stream, the same events.
 *
 * What differs all the same stands in tests/golden/round_trip/differences.txt, with its reason; a
 * line there that no file needs is an error too. ROUND_TRIP_LIST=1 prints what the list lacks, in
 * its form, each with an example.
 */
#include "show.h"

#include "../json_diff.h"

#include <dirent.h>

#include "chat/quirks.h"
#include "json/write.h"

#define GOLDEN TEST_DATA "/golden"

enum { BYTES_MAX = 64 * 1024 * 1024, ENTRIES_MAX = 600 };

/* ---- the list of differences ---------------------------------------------------------------- */

struct entry {
    str dialect, what, how, where;
    str value;  /* only values that begin so: what was there, or was added; empty: any */
    bool under; /* where ends in an open end: everything below too */
    int used;
};

static struct entry entries[ENTRIES_MAX];
static size_t nentries;
static struct arena list_arena, arena; /* of the list; of the file at hand */
static int wrong, files;

static str column(str *line)
{
    return str_trim(str_cut(line, '|'));
}

/* dialect | what | how | where | value | reason */
static void read_list(void)
{
    str text = show_file(GOLDEN "/round_trip/differences.txt", &list_arena);
    while (text.n) {
        str line = str_trim(str_cut(&text, '\n'));
        if (line.n == 0 || line.p[0] == '#')
            continue;
        assert_true(nentries < ENTRIES_MAX);
        struct entry *e = &entries[nentries++];
        *e = (struct entry){ .dialect = column(&line),
                             .what = column(&line),
                             .how = column(&line),
                             .where = column(&line),
                             .value = column(&line) };
        if (str_ends(e->where, S("/**"))) {
            e->where.n -= 3;
            e->under = true;
        }
        if (str_trim(line).n < 8)
            fail_msg("differences.txt: no reason for %.*s %.*s", STRF(e->dialect), STRF(e->where));
    }
}

static bool matches(const struct entry *e, str dialect, str what, str how, str where, str value)
{
    bool place = e->under ? str_starts(where, e->where) &&
                                (where.n == e->where.n || where.p[e->where.n] == '/')
                          : str_eq(e->where, where);
    return place && str_eq(e->dialect, dialect) && str_eq(e->what, what) &&
           (str_eq(e->how, how) || str_eq(e->how, S("any"))) && str_starts(value, e->value);
}

struct trip {
    struct json_diff diff;
    const struct dialect *d;
    str what;         /* "in", "reply", "stream" */
    const char *path; /* of the file */
};

static void tell(struct json_diff *diff, const char *how, str where, str was, str is)
{
    struct trip *t = CONTAINER_OF(diff, struct trip, diff);
    str value = str_eq(str_c(how), S("added")) ? is : was;
    bool known = false;
    for (size_t i = 0; i < nentries; i++)
        if (matches(&entries[i], str_c(t->d->name), t->what, str_c(how), where, value)) {
            entries[i].used++;
            known = true;
        }
    if (known)
        return;
    wrong++;
    print_error("%s %.*s %s %.*s\n  %s\n  was: %.*s\n  is:  %.*s\n", t->d->name, STRF(t->what), how,
                STRF(where), t->path, STRF(str_take(was, 300)), STRF(str_take(is, 300)));
}

static void complain(const struct trip *t, const char *what, str text)
{
    wrong++;
    print_error("%s %.*s: %s: %s: %.*s\n", t->d->name, STRF(t->what), t->path, what, STRF(text));
}

static void compare(struct trip *t, str was, str is)
{
    jval *x = NULL, *y = NULL;
    struct err e = { 0 };
    t->diff = (struct json_diff){ tell, &arena };
    if (FAILED(jd_read(&x, was, &arena, &e)) || FAILED(jd_read(&y, is, &arena, &e)))
        complain(t, e.text, is);
    else
        json_diff_at(&t->diff, S(""), x, y);
}

/* ---- requests and whole replies ------------------------------------------------------------- */

static void add_camel_case(struct jw *w, jval *v)
{
    if (!jd_is_obj(v) && !jd_is_arr(v)) {
        jw_val(w, v);
        return;
    }
    if (jd_is_obj(v))
        jw_obj(w);
    else
        jw_arr(w);
    JD_EACH (m, v) {
        char name[64];
        size_t n = 0;
        for (size_t i = 0; i < m.name.n && n < sizeof(name); i++) {
            bool up = m.name.p[i] == '_' && i + 1 < m.name.n && m.name.p[i + 1] >= 'a' &&
                      m.name.p[i + 1] <= 'z';
            i += up;
            name[n++] = (char)(up ? m.name.p[i] - 'a' + 'A' : m.name.p[i]);
        }
        if (jd_is_obj(v))
            jw_key(w, str_starts(m.name, S("$")) ? m.name : (str){ name, n });
        add_camel_case(w, m.value);
    }
    if (jd_is_obj(v))
        jw_obj_end(w);
    else
        jw_arr_end(w);
}

/* Proto3 JSON has two spellings of each member, responseSchema and response_schema; Gemini's
 * clients use both, and we write the first. */
static str camel_case(jval *v)
{
    struct buf b;
    struct jw w;
    buf_init(&b, BYTES_MAX);
    jw_init(&w, &b);
    add_camel_case(&w, v);
    str text = arena_dup(&arena, buf_str(&b));
    buf_done(&b);
    return text;
}

static void compare_requests(struct trip *t, jval *v, str out)
{
    jval *again = NULL;
    struct err e = { 0 };
    CHECK_OK(jd_read(&again, out, &arena, &e), &e);
    if (t->d == &dialect_gemini)
        compare(t, camel_case(v), camel_case(again));
    else
        compare(t, jd_text(v, &arena), out);
}

/* tests/golden/openai holds requests to other servers, too. */
static uint64_t quirks_of(const struct trip *t)
{
    str path = str_c(t->path);
    if (t->d != &dialect_openai_chat)
        return 0;
    return str_starts(path, S("round_trip/"))      ? QUIRK_OPENAI
           : str_contains(path, S("/openrouter_")) ? QUIRK_OPENROUTER
                                                   : 0;
}

static void trip_request(struct trip *t, str text)
{
    struct chat_req r;
    struct chat_loss loss = { .arena = &arena };
    struct err e = { 0 };
    struct buf out;
    jval *v = NULL;
    struct dialect_path path = { .model = t->d->model_in_path ? S("gemini-2.5-flash") : S("") };
    CHECK_OK(jd_read(&v, text, &arena, &e), &e);
    if (FAILED(t->d->read_chat(&r, v, &path, &arena, &e))) {
        complain(t, "cannot be read", str_c(e.text));
        return;
    }
    struct chat_target target = { .model = r.model.n ? r.model : S("test-model"),
                                  .stream = r.stream,
                                  .quirks = quirks_of(t),
                                  .drop_params = true,
                                  .max_tokens_default = CHAT_UNSET };
    buf_init(&out, BYTES_MAX);
    if (FAILED(t->d->write_chat(&out, &r, &target, &loss, &arena, &e)))
        complain(t, "cannot be written", str_c(e.text));
    else
        compare_requests(t, v, buf_str(&out));
    for (const struct chat_str *s = loss.dropped; s; s = s->next)
        tell(&t->diff, "dropped", arena_fmt(&arena, "/%.*s", STRF(s->s)), S(""), S(""));
    buf_done(&out);
}

static void trip_reply(struct trip *t, str text)
{
    struct chat_reply r;
    struct chat_error error = { 0 };
    struct err e = { 0 };
    struct buf out;
    if (FAILED(t->d->read_reply(&r, text, &error, &arena, &e)))
        return; /* an error under 200: test_golden and test_vendors look at those */
    struct dialect_ctx ctx = { .model = r.model,
                               .id = S("made-up-id"),
                               .created = 1,
                               .include_usage = true,
                               .arena = &arena };
    buf_init(&out, BYTES_MAX);
    t->d->write_reply(&out, &r, &ctx);
    compare(t, text, buf_str(&out));
    buf_done(&out);
}

/* ---- streams: the events as a JSON list ----------------------------------------------------- */

struct events {
    struct chat_sink sink;
    struct buf json; /* the list, closed at the end */
    struct jw w;
    enum chat_event_kind last;
    uint32_t last_choice, last_call;
    bool in_text; /* a run of text is open */
    /* writes on, when d is set */
    const struct dialect *d;
    void *writer;
    struct buf *wire;
    struct dialect_ctx ctx;
};

static void close_item(struct events *s)
{
    if (s->in_text)
        jw_str_end(&s->w);
    if (s->last != EV_DONE)
        jw_obj_end(&s->w);
    s->in_text = false;
}

static void add_usage(struct jw *w, const struct chat_usage *u)
{
    jw_ki64(w, S("prompt"), u->prompt);
    jw_ki64(w, S("completion"), u->completion);
    jw_ki64(w, S("cache_read"), u->cache_read);
    jw_ki64(w, S("cache_write"), u->cache_write);
    jw_ki64(w, S("cache_write_1h"), u->cache_write_1h);
    jw_ki64(w, S("reasoning"), u->reasoning);
    jw_ki64(w, S("audio_in"), u->audio_in);
    jw_ki64(w, S("audio_out"), u->audio_out);
    jw_ki64(w, S("image_in"), u->image_in);
}

static void add_event(struct events *s, const struct chat_event *ev)
{
    static const char *const names[] = {
        "start",  "text",   "thinking", "signature", "redacted", "refusal",
        "call",   "args",   "call_end", "media",     "notes",    "logprobs",
        "opaque", "finish", "usage",    "error",     "done",
    };
    struct jw *w = &s->w;
    jw_obj(w);
    jw_kstr(w, S("kind"), str_c(names[ev->kind]));
    jw_ki64(w, S("choice"), ev->choice);
    jw_kstr_if(w, S("id"), ev->id);
    jw_kstr_if(w, S("name"), ev->name);
    jw_kstr_if(w, S("model"), ev->model);
    if (ev->kind == EV_START)
        jw_ki64(w, S("created"), ev->n);
    if (ev->kind == EV_CALL || ev->kind == EV_ARGS)
        jw_ki64(w, S("call"), ev->call);
    if (ev->custom)
        jw_kbool(w, S("custom"), true);
    if (ev->kind == EV_FINISH)
        jw_ki64(w, S("finish"), ev->finish);
    if (ev->usage)
        add_usage(w, ev->usage);
    if (ev->error) {
        jw_ki64(w, S("error"), ev->error->kind);
        jw_kstr(w, S("message"), ev->error->message);
    }
    if (ev->media) {
        jw_kstr(w, S("mime"), ev->media->mime);
        jw_kstr(w, S("data"), ev->media->data);
        jw_kstr_if(w, S("url"), ev->media->url);
    }
    s->in_text = ev->text.n > 0;
    if (s->in_text) {
        jw_key(w, S("text"));
        jw_str_begin(w);
        jw_str_add(w, ev->text);
    }
}

static void on_event(struct chat_sink *sink, const struct chat_event *ev)
{
    struct events *s = CONTAINER_OF(sink, struct events, sink);
    bool joins = ev->kind == EV_TEXT || ev->kind == EV_THINKING || ev->kind == EV_ARGS ||
                 ev->kind == EV_REFUSAL;
    if (joins && ev->kind == s->last && ev->call == s->last_call && ev->choice == s->last_choice &&
        s->in_text) {
        jw_str_add(&s->w, ev->text);
    } else {
        close_item(s);
        if (ev->kind != EV_DONE)
            add_event(s, ev);
    }
    s->last = ev->kind;
    s->last_call = ev->call;
    s->last_choice = ev->choice;
    if (!s->d)
        return;
    if (ev->kind == EV_START)
        s->ctx.model = arena_dup(&arena, ev->model);
    s->d->write_event(s->writer, s->wire, ev, &s->ctx);
}

/* Reads the bytes; the events' list is returned; wire (may be NULL) gets them written again. */
static str stream_events(const struct dialect *d, enum framing framing, str bytes, struct buf *wire)
{
    struct events s = { .sink = { on_event }, .last = EV_DONE, .wire = wire };
    buf_init(&s.json, BYTES_MAX);
    jw_init(&s.w, &s.json);
    jw_arr(&s.w);
    if (wire) {
        s.d = d;
        s.writer = arena_alloc(&arena, d->writer_bytes + 1, 16, 1);
        s.ctx = (struct dialect_ctx){
            .id = S("made-up-id"), .created = 1, .include_usage = true, .arena = &arena
        };
    }
    show_feed(d, framing, bytes, bytes.n, &s.sink);
    close_item(&s);
    jw_arr_end(&s.w);
    str text = arena_dup(&arena, buf_str(&s.json));
    buf_done(&s.json);
    return text;
}

static void trip_stream(struct trip *t, str text)
{
    enum framing framing = str_ends(str_c(t->path), S(".ndjson")) ? FRAMING_NDJSON : t->d->framing;
    struct buf wire;
    buf_init(&wire, BYTES_MAX);
    str was = stream_events(t->d, framing, text, &wire);
    str is = stream_events(t->d, t->d->framing, buf_str(&wire), NULL);
    compare(t, was, is);
    buf_done(&wire);
}

/* ---- the files ------------------------------------------------------------------------------ */

static bool is_expectation(str name)
{
    return str_ends(name, S(".out.json")) || str_ends(name, S(".openai.json")) ||
           str_ends(name, S(".anthropic.json")) || str_ends(name, S(".openai.sse"));
}

typedef void trip_fn(struct trip *t, str text);

static void trip_file(const struct dialect *d, const char *what, const char *path, str text,
                      trip_fn *fn)
{
    struct trip t = { .d = d, .what = str_c(what), .path = path + sizeof(GOLDEN) };
    if (d == &dialect_ollama && str_contains(text, S("\"response\":")))
        t.d = &dialect_ollama_generate; /* /api/generate's answers lie there too */
    files++;
    fn(&t, text);
}

static void trip_folder(const struct dialect *d, const char *root, const char *what, trip_fn *fn)
{
    struct dirent **names;
    char dir[512];
    snprintf(dir, sizeof(dir), "%s/%s/%s", root, d->name, what);
    int n = scandir(dir, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        arena_init(&arena);
        if (names[i]->d_name[0] != '.' && !is_expectation(str_c(names[i]->d_name))) {
            const char *path = arena_fmt(&arena, "%s/%s", dir, names[i]->d_name).p;
            trip_file(d, what, path, show_file(path, &arena), fn);
        }
        arena_done(&arena);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

/* The recorded replies of tests/golden/vendors. */
static void trip_vendors(bool streams)
{
    jval *expected = NULL;
    CHECK_OK(jd_read(&expected, show_file(GOLDEN "/vendors/expected.json", &list_arena),
                     &list_arena, &(struct err){ 0 }),
             &(struct err){ 0 });
    JD_EACH (m, expected) {
        const struct dialect *d = dialect_find(jd_get_str(m.value, S("dialect")));
        jval *file = NULL;
        arena_init(&arena);
        const char *path = arena_fmt(&arena, GOLDEN "/vendors/%.*s", STRF(m.name)).p;
        if (d) {
            CHECK_OK(jd_read(&file, show_file(path, &arena), &arena, &(struct err){ 0 }),
                     &(struct err){ 0 });
            jval *reply = jd_get(file, S("reply"));
            bool stream = jd_is_str(jd_get(reply, S("sse")));
            if (stream && streams)
                trip_file(d, "stream", path, jd_get_str(reply, S("sse")), trip_stream);
            else if (!stream && !streams && jd_i64_or(jd_get(reply, S("status")), 0) < 300)
                trip_file(d, "reply", path, jd_get_str(reply, S("body")), trip_reply);
        }
        arena_done(&arena);
    }
}

static void trip_all(const char *what, trip_fn *fn)
{
    wrong = files = 0;
    for (int id = 0; id < DIALECT_COUNT; id++) {
        const struct dialect *d = dialect_get((enum dialect_id)id);
        if (d) {
            trip_folder(d, GOLDEN, what, fn);
            trip_folder(d, GOLDEN "/round_trip", what, fn);
        }
    }
}

/* Entries of that kind that nothing needed. */
static void check_list(const char *what)
{
    for (size_t i = 0; i < nentries; i++) {
        const struct entry *e = &entries[i];
        if (str_eq(e->what, str_c(what)) && e->used == 0) {
            wrong++;
            print_error("differences.txt: no file needs %.*s %.*s %.*s %.*s\n", STRF(e->dialect),
                        STRF(e->what), STRF(e->how), STRF(e->where));
        }
    }
    if (wrong)
        fail_msg("%d differences of %s in %d files", wrong, what, files);
    assert_true(files > 0);
}

static void requests(void **state)
{
    trip_all("in", trip_request);
    check_list("in");
}

static void replies(void **state)
{
    trip_all("reply", trip_reply);
    trip_vendors(false);
    check_list("reply");
}

static void streams(void **state)
{
    trip_all("stream", trip_stream);
    trip_vendors(true);
    check_list("stream");
}

int main(void)
{
    arena_init(&list_arena);
    read_list();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(replies),
        cmocka_unit_test(streams),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&list_arena);
    return failed;
}
