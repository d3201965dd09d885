/* One scan finds the line ends, and picks up the fields on the way. Over an event that is whole in
 * the input this scan is all there is. One that is not is collected in `partial` and scanned as it
 * grows, each byte once; when it is whole, the fields are picked up in a second scan.
 */
#include "http/sse.h"

struct scan {
    size_t line;    /* where the unfinished line begins */
    size_t scanned; /* from there to here are no line ends */
    size_t end;     /* behind the blank line */
    bool open_cr;   /* the blank line is a CR and the last byte there is */
    bool has_field; /* the event is one: it has data or an event type */
    unsigned lines; /* of data */
    str event, data;
};

/* The first CR or LF at or behind p; end if there is none. LF is looked for first and CR before it,
 * in short steps: a stream of one kind only would else be searched to its end for the other, line
 * after line. */
static const char *find_eol(const char *p, const char *end)
{
    enum { STEP = 512 };
    while (p < end) {
        size_t n = end - p < STEP ? (size_t)(end - p) : STEP;
        const char *lf = memchr(p, '\n', n);
        if (lf)
            n = (size_t)(lf - p);
        const char *cr = memchr(p, '\r', n);
        if (cr || lf)
            return cr ? cr : lf;
        p += n;
    }
    return end;
}

/* The value, if the line is the field `name`. */
static bool is_field(str line, str name, str *ret_value)
{
    if (!str_starts(line, name))
        return false;
    str v = str_skip(line, name.n);
    if (v.n && v.p[0] != ':')
        return false;
    v = str_skip(v, 1);
    *ret_value = v.n && v.p[0] == ' ' ? str_skip(v, 1) : v;
    return true;
}

static void take_line(struct scan *c, str line)
{
    str v;
    if (line.p[0] == 'd' && is_field(line, S("data"), &v)) {
        if (c->lines++ == 0)
            c->data = v;
        c->has_field = true;
    } else if (line.p[0] == 'e' && is_field(line, S("event"), &v)) {
        c->event = v;
        c->has_field = c->lines || v.n;
    }
}

/* On with c over s, to the end of the event: true, or of s: false. */
static bool scan_event(struct scan *c, str s)
{
    for (;;) {
        if (c->line && c->line < s.n && c->line == c->scanned && s.p[c->line] == '\n' &&
            s.p[c->line - 1] == '\r')
            c->line = ++c->scanned;
        size_t at = (size_t)(find_eol(s.p + c->scanned, s.p + s.n) - s.p);
        if (at == s.n) {
            c->scanned = at;
            return false;
        }
        bool blank = at == c->line;
        if (!blank)
            take_line(c, (str){ s.p + c->line, at - c->line });
        c->line = c->scanned = at + 1;
        if (blank) {
            c->open_cr = s.p[at] == '\r' && at + 1 == s.n;
            c->end = at + 1 + (s.p[at] == '\r' && at + 1 < s.n && s.p[at + 1] == '\n');
            return true;
        }
    }
}

void sse_init(struct sse *s)
{
    *s = (struct sse){ 0 };
    buf_init(&s->partial, 2 * (size_t)SSE_EVENT_BYTES_MAX + 64); /* and its data joined */
}

void sse_done(struct sse *s)
{
    buf_done(&s->partial);
}

static void release(struct sse *s)
{
    if (s->partial.cap)
        buf_done(&s->partial);
    s->out = false;
    s->line = s->scanned = 0;
}

/* All data lines of raw, joined, behind what s->partial holds. */
static void join_data(struct sse *s, str raw)
{
    bool first = true;
    str v;
    for (size_t at = 0; at < raw.n;) {
        size_t eol = (size_t)(find_eol(raw.p + at, raw.p + raw.n) - raw.p);
        if (is_field((str){ raw.p + at, eol - at }, S("data"), &v)) {
            if (!first)
                buf_chr(&s->partial, '\n');
            first = false;
            buf_add(&s->partial, v);
        }
        at = eol + 1;
    }
}

/* The event that c found in raw. */
static void fill(struct sse *s, const struct scan *c, str raw, struct sse_event *ret)
{
    *ret = (struct sse_event){ c->event, c->data, raw };
    if (c->open_cr)
        ret->raw = (str){ NULL, 0 }; /* half a line end would go out */
    if (c->lines > 1) {
        size_t joined = s->partial.n;
        join_data(s, raw);
        s->out = true;
        ret->data = str_skip(buf_str(&s->partial), joined);
    }
}

/* The event in partial is whole. False: it is none (comments only). */
static bool take_partial(struct sse *s, struct sse_event *ret)
{
    struct scan c = { 0 };
    scan_event(&c, buf_str(&s->partial));
    if (!c.has_field) {
        release(s);
        return false;
    }
    if (c.lines > 1) { /* room for the joined data first: the bytes may move */
        buf_room(&s->partial, s->partial.n);
        c = (struct scan){ 0 };
        scan_event(&c, buf_str(&s->partial));
    }
    s->out = true;
    fill(s, &c, str_take(buf_str(&s->partial), c.end), ret);
    return true;
}

/* Takes off the front what is no part of an event: a BOM, a LF that belongs to the CR before. */
static void take_start(struct sse *s, str *in)
{
    static const char bom[] = "\xef\xbb\xbf";
    while (s->bom < 3 && in->n) {
        if (in->p[0] != bom[s->bom]) {
            buf_add(&s->partial, (str){ bom, s->bom }); /* it was none */
            s->bom = 3;
            break;
        }
        s->bom++;
        *in = str_skip(*in, 1);
    }
    if (s->after_cr && in->n) {
        s->after_cr = false;
        if (in->p[0] == '\n')
            *in = str_skip(*in, 1);
    }
}

/* The next line of *in goes to partial. True: the event is whole. */
static bool add_line(struct sse *s, str *in, struct scan *c)
{
    size_t n = (size_t)(find_eol(in->p, in->p + in->n) - in->p);
    if (n < in->n)
        n += in->p[n] == '\r' && n + 1 < in->n && in->p[n + 1] == '\n' ? 2 : 1;
    buf_add(&s->partial, str_take(*in, n));
    *in = str_skip(*in, n);
    *c = (struct scan){ .line = s->line, .scanned = s->scanned };
    bool whole = scan_event(c, buf_str(&s->partial));
    s->line = (uint32_t)c->line;
    s->scanned = (uint32_t)c->scanned;
    s->after_cr = c->open_cr;
    return whole;
}

/* The next event is whole in *in: it is taken, nothing copied. Else all of *in goes to partial. */
static bool take_whole(struct sse *s, str *in, struct scan *c, str *ret_raw)
{
    *c = (struct scan){ 0 };
    bool whole = scan_event(c, *in);
    if (whole) {
        *ret_raw = str_take(*in, c->end);
        *in = str_skip(*in, c->end);
        s->after_cr = c->open_cr;
    } else {
        buf_add(&s->partial, str_take(*in, SSE_EVENT_BYTES_MAX + 1));
        *in = str_skip(*in, in->n);
        s->line = (uint32_t)c->line;
        s->scanned = (uint32_t)c->scanned;
    }
    return whole;
}

rc sse_next(struct sse *s, str *in, struct sse_event *ret, struct err *e)
{
    struct scan c;
    str raw;
    if (s->out)
        release(s);
    for (;;) {
        if (UNLIKELY(s->bom < 3 || s->after_cr))
            take_start(s, in);
        if (in->n == 0)
            return RC(AGAIN);
        bool direct = s->partial.n == 0;
        bool whole = direct ? take_whole(s, in, &c, &raw) : add_line(s, in, &c);
        if (whole ? c.line > SSE_EVENT_BYTES_MAX : s->partial.n > SSE_EVENT_BYTES_MAX)
            return fail(e, E_LIMIT, "sse", 0, "an event is over %d bytes", SSE_EVENT_BYTES_MAX);
        if (whole && direct && c.has_field) {
            fill(s, &c, raw, ret);
            return RC_OK;
        }
        if (whole && !direct && take_partial(s, ret))
            return RC_OK;
    }
}

rc sse_end(struct sse *s, struct sse_event *ret, struct err *e)
{
    if (s->out)
        release(s);
    if (s->partial.n == 0)
        return RC(AGAIN);
    buf_add(&s->partial, S("\n\n"));
    return take_partial(s, ret) ? RC_OK : RC(AGAIN);
}
