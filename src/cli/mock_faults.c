/* mock_faults.c - replies as scripts, and the ways in which they can go wrong.
 */
#include "cli/mock_reply.h"

uint64_t mock_ms(str s, uint64_t otherwise_ms)
{
    uint64_t ms;
    return (str_to_u64(s, &ms) && ms < 86400000 ? ms : otherwise_ms) * 1000;
}

/* ---- scripts -------------------------------------------------------------------------------- */

struct script {
    struct arena *a;
    struct mock_step *steps;
    size_t n, cap;
};

static void step(struct script *s, uint64_t pause_us, str bytes, enum mock_action action)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 8;
        struct mock_step *more = NEW(s->a, struct mock_step, cap);
        if (s->n)
            memcpy(more, s->steps, s->n * sizeof(*more));
        s->steps = more;
        s->cap = cap;
    }
    s->steps[s->n++] = (struct mock_step){ pause_us, bytes, action };
}

static struct mock_script finish(const struct script *s, unsigned status)
{
    return (struct mock_script){ s->steps, s->n, status };
}

static str head(const struct mock_reply *r, struct arena *a)
{
    size_t length = 0;
    for (size_t i = 0; i < r->n; i++)
        length += r->parts[i].n;
    str framing =
        r->chunked ? S("Transfer-Encoding: chunked") : arena_fmt(a, "Content-Length: %zu", length);
    return arena_fmt(a, "HTTP/1.1 %u %s\r\nContent-Type: %.*s\r\n%.*s%.*s\r\n\r\n", r->status,
                     http_reason(r->status), STRF(r->type), STRF(r->fields), STRF(framing));
}

static str part(const struct mock_reply *r, size_t i, struct arena *a)
{
    if (!r->chunked)
        return r->parts[i];
    return arena_fmt(a, "%zx\r\n%.*s\r\n", r->parts[i].n, STRF(r->parts[i]));
}

/* Parts [from, to), a step each. */
static void add_parts(struct script *s, const struct mock_reply *r, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        step(s, i ? r->gap_us : 0, part(r, i, s->a), MOCK_SEND);
}

static void add_end(struct script *s, const struct mock_reply *r)
{
    if (r->chunked)
        step(s, 0, S("0\r\n\r\n"), MOCK_SEND);
}

static void add_all(struct script *s, const struct mock_reply *r)
{
    step(s, r->latency_us, head(r, s->a), MOCK_SEND);
    add_parts(s, r, 0, r->n);
    add_end(s, r);
}

struct mock_script mock_reply_script(const struct mock_reply *r, struct arena *a)
{
    struct script s = { .a = a };
    add_all(&s, r);
    return finish(&s, r->status);
}

/* ---- faults --------------------------------------------------------------------------------- */

struct fault {
    struct script s;
    struct mock_reply *r;
    const struct mock_order *o;
    const struct mock_frames *error_frames;
    str authorization;
};

static void set_body(struct fault *f, unsigned status, str type, str body)
{
    f->r->status = status;
    f->r->type = type;
    f->r->parts = NEW(f->s.a, str, 1);
    f->r->parts[0] = body;
    f->r->n = 1;
    f->r->chunked = false;
}

static void html200(struct fault *f)
{
    set_body(
        f, 200, S("text/html"),
        S("<!DOCTYPE html><html><head><title>Welcome</title></head><body>Sign in</body></html>"));
    add_all(&f->s, f->r);
}

static void html502(struct fault *f)
{
    set_body(f, 502, S("text/html"),
             S("<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway"
               "</h1></center></body></html>"));
    add_all(&f->s, f->r);
}

static void empty200(struct fault *f)
{
    set_body(f, 200, S("application/json"), S(""));
    add_all(&f->s, f->r);
}

static void bad_json(struct fault *f)
{
    set_body(f, 200, S("application/json"), S("{\"choices\":[{\"message\":{\"content\":\"cut o"));
    add_all(&f->s, f->r);
}

static void reset(struct fault *f)
{
    step(&f->s, f->r->latency_us, S(""), MOCK_RESET);
}

static void close_early(struct fault *f)
{
    step(&f->s, f->r->latency_us, S(""), MOCK_CLOSE);
}

/* The head and the first half of the body: half of the frames, or of the only part's bytes. */
static void first_half(struct fault *f)
{
    struct mock_reply *r = f->r;
    step(&f->s, r->latency_us, head(r, f->s.a), MOCK_SEND);
    if (r->n > 1)
        add_parts(&f->s, r, 0, r->n / 2);
    else if (r->n == 1 && !r->chunked)
        step(&f->s, 0, str_take(r->parts[0], r->parts[0].n / 2), MOCK_SEND);
}

static void reset_mid(struct fault *f)
{
    first_half(f);
    step(&f->s, 50000, S(""), MOCK_RESET);
}

static void truncate_body(struct fault *f)
{
    first_half(f);
    step(&f->s, 0, S(""), MOCK_CLOSE);
}

static void cut_tidy(struct fault *f)
{
    first_half(f);
    if (f->r->chunked)
        add_end(&f->s, f->r);
    else
        step(&f->s, 0, S(""), MOCK_CLOSE);
}

static void midstream_error(struct fault *f)
{
    first_half(f);
    struct mock_reply r = { .chunked = f->r->chunked,
                            .parts = f->error_frames->list,
                            .n = f->error_frames->n };
    add_parts(&f->s, &r, 0, r.n);
    if (f->r->chunked)
        add_end(&f->s, f->r);
    else
        step(&f->s, 0, S(""), MOCK_CLOSE);
}

static void bad_frame(struct fault *f)
{
    first_half(f);
    struct mock_reply r = { .chunked = f->r->chunked, .parts = NEW(f->s.a, str, 1), .n = 1 };
    r.parts[0] =
        str_eq(f->r->type, S("application/x-ndjson")) ? S("{oops\n") : S("data: {oops\n\n");
    add_parts(&f->s, &r, 0, 1);
    add_parts(&f->s, f->r, f->r->n / 2, f->r->n);
    add_end(&f->s, f->r);
}

static void silence(struct fault *f)
{
    f->r->latency_us = mock_ms(f->o->ms, 600000);
    add_all(&f->s, f->r);
}

static void silence_mid(struct fault *f)
{
    first_half(f);
    step(&f->s, mock_ms(f->o->ms, 600000), S(""), MOCK_SEND);
    if (f->r->n > 1)
        add_parts(&f->s, f->r, f->r->n / 2, f->r->n);
    else if (f->r->n == 1)
        step(&f->s, 0, str_skip(f->r->parts[0], f->r->parts[0].n / 2), MOCK_SEND);
    add_end(&f->s, f->r);
}

static void garbage_head(struct fault *f)
{
    step(&f->s, f->r->latency_us, S("HTTP/9.9 twohundred fine\r\n\r\n"), MOCK_CLOSE);
}

/* The answer to a question that nobody asked. */
static void stray_bytes(struct fault *f)
{
    add_all(&f->s, f->r);
    step(&f->s, mock_ms(f->o->ms, 20),
         S("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
           "13\r\n\r\n{\"stray\":"
           "true}"),
         MOCK_SEND);
}

static void bad_chunk(struct fault *f)
{
    f->r->chunked = true;
    first_half(f);
    step(&f->s, 0, S("zz\r\nnot a chunk\r\n"), MOCK_SEND);
    step(&f->s, 0, S("0\r\n\r\n"), MOCK_CLOSE);
}

static void two_lengths(struct fault *f)
{
    f->r->chunked = false;
    f->r->fields = arena_cat(f->s.a, f->r->fields, S("Content-Length: 7\r\n"));
    add_all(&f->s, f->r);
}

static void redirect(struct fault *f)
{
    f->r->fields = arena_cat(f->s.a, f->r->fields, S("Location: http://127.0.0.1:1/elsewhere\r\n"));
    set_body(f, 302, S("text/plain"), S("elsewhere"));
    add_all(&f->s, f->r);
}

static void echo_auth(struct fault *f)
{
    f->r->fields = arena_fmt(
        f->s.a, "%.*sX-Echo: %.*s\r\nAuthorization: %.*s\r\nSet-Cookie: k=%.*s\r\n",
        STRF(f->r->fields), STRF(f->authorization), STRF(f->authorization), STRF(f->authorization));
    add_all(&f->s, f->r);
}

static void huge_head(struct fault *f)
{
    str filler = mock_words(f->s.a, 40000);
    f->r->fields = arena_fmt(f->s.a, "%.*sX-Filler: %.*s\r\n", STRF(f->r->fields), STRF(filler));
    add_all(&f->s, f->r);
}

static void interim(struct fault *f)
{
    step(&f->s, f->r->latency_us, S("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), MOCK_SEND);
    f->r->latency_us = mock_ms(f->o->ms, 20);
    add_all(&f->s, f->r);
}

/* No length: the end of the connection is the end of the body. */
static void http10(struct fault *f)
{
    f->r->chunked = false;
    step(&f->s, f->r->latency_us,
         arena_fmt(f->s.a, "HTTP/1.0 200 OK\r\nContent-Type: %.*s\r\n\r\n", STRF(f->r->type)),
         MOCK_SEND);
    add_parts(&f->s, f->r, 0, f->r->n);
    step(&f->s, 0, S(""), MOCK_CLOSE);
}

/* Every byte by itself. */
static void drip(struct fault *f)
{
    struct script whole = { .a = f->s.a };
    add_all(&whole, f->r);
    for (size_t i = 0; i < whole.n; i++)
        for (size_t k = 0; k < whole.steps[i].bytes.n; k++)
            step(&f->s, mock_ms(f->o->ms, 1), str_take(str_skip(whole.steps[i].bytes, k), 1),
                 MOCK_SEND);
}

static const struct {
    str word;
    void (*make)(struct fault *f);
} faults[] = {
    { S("html200"), html200 },
    { S("html502"), html502 },
    { S("empty200"), empty200 },
    { S("bad-json"), bad_json },
    { S("reset"), reset },
    { S("reset-mid"), reset_mid },
    { S("close"), close_early },
    { S("truncate"), truncate_body },
    { S("cut-tidy"), cut_tidy },
    { S("midstream-error"), midstream_error },
    { S("bad-frame"), bad_frame },
    { S("silence"), silence },
    { S("silence-mid"), silence_mid },
    { S("garbage-head"), garbage_head },
    { S("stray-bytes"), stray_bytes },
    { S("bad-chunk"), bad_chunk },
    { S("two-lengths"), two_lengths },
    { S("redirect"), redirect },
    { S("echo-auth"), echo_auth },
    { S("huge-head"), huge_head },
    { S("interim"), interim },
    { S("http10"), http10 },
    { S("drip"), drip },
};

struct mock_script mock_faulty(struct mock_reply *r, const struct mock_order *o,
                               const struct mock_frames *error_frames, str authorization,
                               struct arena *a)
{
    struct fault f = { .s = { .a = a },
                       .r = r,
                       .o = o,
                       .error_frames = error_frames,
                       .authorization = authorization };
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        if (str_eq(faults[i].word, o->fault)) {
            faults[i].make(&f);
            return finish(&f.s, r->status);
        }
    }
    set_body(&f, 400, S("text/plain"),
             arena_fmt(a, "sluice mock knows no fault '%.*s'", STRF(o->fault)));
    add_all(&f.s, r);
    return finish(&f.s, 400);
}
