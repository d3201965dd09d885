/* mock_replay.c - answers from files: scripted bytes, and transcripts of real vendors.
 */
#include "cli/mock.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/map.h"
#include "cli/mock_reply.h"

struct rule {
    struct rule *next;
    str method, path, body; /* what the request must contain; empty: anything */
    jval *reply;
    int64_t times; /* -1: always */
    str key;       /* counts its uses */
};

struct mock_recordings {
    struct rule *rules;
    struct map files; /* name without .json -> struct file */
};

struct file {
    str name, path;
};

enum { FILE_BYTES_MAX = 64 * 1024 * 1024, DEPTH_MAX = 8 };

static rc slurp(str path, struct arena *a, str *ret, struct err *e)
{
    FILE *f = fopen(path.p, "rb");
    struct buf b;
    if (!f)
        return fail(e, E_IO, "mock", 0, "%s: %s", path.p, strerror(errno));
    buf_init(&b, FILE_BYTES_MAX);
    for (size_t n = 1; n;) {
        char *room = buf_room(&b, 65536);
        n = room ? fread(room, 1, 65536, f) : 0;
        b.n += n;
    }
    fclose(f);
    bool full = b.full;
    *ret = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return full ? fail(e, E_LIMIT, "mock", 0, "%s: too large", path.p) : RC_OK;
}

/* ---- scripts -------------------------------------------------------------------------------- */

static rc load_script(struct mock *m, const char *path, struct err *e)
{
    str text = { 0 };
    struct rule **tail = &m->recordings->rules;
    size_t line = 0;
    TRY(slurp(str_c(path), &m->arena, &text, e));
    for (str rest = text; rest.p;) {
        str one = str_trim(str_cut(&rest, '\n'));
        jval *v = NULL;
        line++;
        if (!one.n || one.p[0] == '#')
            continue;
        if (FAILED(jd_read(&v, one, &m->arena, e)) || !jd_is_arr(jd_get(v, S("reply"))))
            return fail(e, E_SYNTAX, "mock", line,
                        "%s:%zu: expected {\"match\":{...},\"reply\":[...]} on a line", path, line);
        struct rule *r = NEW(&m->arena, struct rule, 1);
        jval *match = jd_get(v, S("match"));
        r->method = jd_get_str(match, S("method"));
        r->path = jd_get_str(match, S("path"));
        r->body = jd_get_str(match, S("body"));
        r->times = jd_i64_or(jd_get(v, S("times")), -1);
        r->reply = jd_get(v, S("reply"));
        r->key = arena_fmt(&m->arena, "script line %zu", line);
        *tail = r;
        tail = &r->next;
    }
    return RC_OK;
}

static struct mock_script steps_of(jval *reply, struct arena *a)
{
    struct mock_script s = { NEW(a, struct mock_step, jd_count(reply)), 0, 0 };
    JD_EACH (item, reply) {
        int64_t pause = jd_i64_or(jd_get(item.value, S("pause_ms")), 0);
        struct mock_step *step = &s.steps[s.n++];
        step->pause_us = pause > 0 ? (uint64_t)pause * 1000 : 0;
        step->bytes =
            jd_is_str(item.value) ? jd_str(item.value) : jd_get_str(item.value, S("send"));
        if (jd_is_true(jd_get(item.value, S("close"))))
            step->action = MOCK_CLOSE;
        if (jd_is_true(jd_get(item.value, S("reset"))))
            step->action = MOCK_RESET;
    }
    return s;
}

struct mock_script mock_scripted(struct mock *m, const struct mock_request *rq, struct arena *a)
{
    for (const struct rule *r = m->recordings->rules; r; r = r->next) {
        if ((r->method.n && !str_eq(r->method, rq->method)) ||
            (r->path.n && !str_contains(rq->target, r->path)) ||
            (r->body.n && !str_contains(buf_str(&rq->body), r->body)))
            continue;
        if (r->times < 0 || mock_log_count(m->log, r->key) < (uint64_t)r->times)
            return steps_of(r->reply, a);
    }
    return (struct mock_script){ 0 };
}

/* ---- recordings ----------------------------------------------------------------------------- */

static rc index_folder(struct mock *m, str folder, int depth, struct err *e)
{
    DIR *d = opendir(folder.p);
    if (!d)
        return fail(e, E_IO, "mock", 0, "%s: %s", folder.p, strerror(errno));
    rc got = RC_OK;
    for (struct dirent *entry; !FAILED(got) && (entry = readdir(d));) {
        struct stat st;
        str name = str_c(entry->d_name);
        if (name.p[0] == '.')
            continue;
        str path = arena_fmt(&m->arena, "%.*s/%.*s", STRF(folder), STRF(name));
        if (stat(path.p, &st))
            continue;
        if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
            got = index_folder(m, path, depth + 1, e);
        } else if (str_ends(name, S(".json"))) {
            struct file *f = NEW(&m->arena, struct file, 1);
            f->name = arena_dup(&m->arena, str_take(name, name.n - 5));
            f->path = path;
            map_put(&m->recordings->files, f->name, f);
        }
    }
    closedir(d);
    return got;
}

rc mock_recordings_load(struct mock *m, struct err *e)
{
    m->recordings = NEW(&m->arena, struct mock_recordings, 1);
    map_init(&m->recordings->files);
    if (m->options->script)
        TRY(load_script(m, m->options->script, e));
    if (m->options->replay)
        TRY(index_folder(m, str_c(m->options->replay), 0, e));
    return RC_OK;
}

/* Of the recorded head only what concerns the answer. */
static str fields_of(jval *headers, struct arena *a)
{
    static const str kept[] = { S("retry-after"), S("x-request-id"), S("request-id") };
    str all = { 0 };
    JD_EACH (h, headers) {
        for (size_t i = 0; i < COUNT_OF(kept); i++)
            if (str_ieq(kept[i], h.name) && http_is_field_value(jd_str(h.value)))
                all = arena_fmt(a, "%.*s%.*s: %.*s\r\n", STRF(all), STRF(h.name),
                                STRF(jd_str(h.value)));
    }
    return all;
}

/* A stream's events, so that they come as frames. */
static void split_frames(str text, struct mock_frames *f)
{
    bool sse = str_contains(str_take(text, 4096), S("data:"));
    while (text.n) {
        size_t n = str_index(text, '\n') + 1;
        while (sse && n < text.n && text.p[n - 1] == '\n' && text.p[n] != '\n' && text.p[n] != '\r')
            n += str_index(str_skip(text, n), '\n') + 1;
        while (n < text.n && (text.p[n] == '\n' || text.p[n] == '\r'))
            n++;
        mock_frame(f, str_take(text, n));
        text = str_skip(text, n);
    }
}

struct mock_script mock_replayed(struct mock *m, str name, struct arena *a)
{
    const struct file *file = m->recordings ? map_get(&m->recordings->files, name) : NULL;
    str text = { 0 };
    jval *v = NULL;
    if (!file || FAILED(slurp(file->path, a, &text, NULL)) || FAILED(jd_read(&v, text, a, NULL)))
        return (struct mock_script){ 0 };
    jval *reply = jd_get(v, S("reply")), *body = jd_get(reply, S("body"));
    str sse = jd_get_str(reply, S("sse"));
    struct mock_frames f = { .a = a };
    str type = jd_get_str(jd_get(reply, S("headers")), S("content-type"));
    struct mock_reply r = { .status = (unsigned)jd_i64_or(jd_get(reply, S("status")), 200),
                            .type = type.n ? type : S("application/json"),
                            .fields = fields_of(jd_get(reply, S("headers")), a),
                            .chunked = sse.n > 0,
                            .latency_us = m->options->latency_ms * 1000u };
    if (r.status < 200 || r.status > 599)
        r.status = 200;
    if (sse.n)
        split_frames(sse, &f);
    else
        mock_frame(&f, jd_is_str(body) ? jd_str(body) : jd_text(body, a));
    r.parts = f.list;
    r.n = f.n;
    return mock_reply_script(&r, a);
}
