/* States: a head, then one way of framing a body, then END, then the next head.
 *
 *   HEAD ── no body ───────────────────────────────► END ─► HEAD
 *     ├──── LENGTH ────────────────────────────────►
 *     ├──── TO_EOF (responses; http1_eof ends it)
 *     └──── SIZE ─► [EXT...] ─► SIZE_LF ─► DATA ─► DATA_CR ─► DATA_LF ─► SIZE
 *                                 └ size 0 ─► TRAILER [NAME VALUE LF]... ─► LAST_LF ─► END
 *
 * The framing of bodies is ours, llhttp sees heads only: streams come in hundreds of tiny chunks,
 * and a callback or two per chunk would cost more than the chunk.
 */
#include "http/http1.h"

#include "http/chars.h"
#include "http/http1_head.h"

enum {
    CHUNK_EXT_BYTES_MAX = 16 * 1024, /* of a whole message, names and values */
    CHUNK_DIGITS_MAX = 16,
    INTERIMS_MAX = 16,
};

enum state {
    ST_HEAD,
    ST_LENGTH,
    ST_TO_EOF,
    ST_SIZE,      /* the first digit */
    ST_SIZE_MORE, /* further digits, then ";" or CR */
    ST_EXT_NAME_FIRST,
    ST_EXT_NAME,
    ST_EXT_VALUE_FIRST,
    ST_EXT_TOKEN,
    ST_EXT_QUOTED,
    ST_EXT_QUOTED_PAIR,
    ST_EXT_END, /* behind a closing quote */
    ST_SIZE_LF,
    ST_DATA,
    ST_DATA_CR,
    ST_DATA_LF,
    ST_TRAILER, /* the first byte of a trailer line, or the CR of the empty one */
    ST_TRAILER_NAME,
    ST_TRAILER_VALUE,
    ST_TRAILER_LF,
    ST_LAST_LF,
    ST_END,
    ST_DEAD,
};

enum {
    FLAG_NO_BODY = 1, /* the response to come has none: it answers HEAD */
    FLAG_OUT = 2,     /* partial holds a head that was handed out: free it at the next call */
};

void http1_init(struct http1 *p, enum http1_kind kind)
{
    *p = (struct http1){ .kind = (uint8_t)kind, .state = ST_HEAD };
    buf_init(&p->partial, HTTP_HEAD_BYTES_MAX);
}

void http1_done(struct http1 *p)
{
    buf_done(&p->partial);
    p->state = ST_DEAD;
}

void http1_expect_no_body(struct http1 *p)
{
    p->flags |= FLAG_NO_BODY;
}

bool http1_idle(const struct http1 *p)
{
    return p->state == ST_HEAD && p->interims == 0 && p->partial.n == 0;
}

enum code http1_code(const struct http1 *p)
{
    return (enum code)p->code;
}

static void release_head(struct http1 *p)
{
    if (p->flags & FLAG_OUT || p->partial.cap) {
        buf_done(&p->partial);
        p->flags &= (uint8_t)~FLAG_OUT;
    }
    p->scanned = 0;
}

static void next_message(struct http1 *p)
{
    release_head(p);
    p->state = ST_HEAD;
    p->interims = 0;
    p->flags = 0;
}

bool http1_eof(struct http1 *p)
{
    if (p->state == ST_TO_EOF || p->state == ST_END)
        next_message(p);
    return http1_idle(p);
}

static enum http1_event dead(struct http1 *p, rc why)
{
    buf_done(&p->partial);
    p->state = ST_DEAD;
    p->code = (uint8_t)why.code;
    return HTTP1_BAD;
}

/* The head came in pieces, or this is its first piece: collect it. */
static rc collect_head(struct http1 *p, str *in, str *ret_raw, struct err *e)
{
    size_t end, old = p->partial.n;
    str piece = str_take(*in, HTTP_HEAD_BYTES_MAX - old);
    buf_add(&p->partial, piece);
    str s = buf_str(&p->partial);
    TRY(http1_head_end(s, p->scanned, &end, e));
    if (end) {
        *in = str_skip(*in, end - old);
        *ret_raw = str_take(s, end);
        return RC_OK;
    }
    TRY(http1_head_begins(s, p->scanned, p->kind, e));
    if (s.n == HTTP_HEAD_BYTES_MAX)
        return fail(e, E_LIMIT, "http", s.n, "the head is over %d bytes", HTTP_HEAD_BYTES_MAX);
    p->scanned = (uint32_t)s.n;
    *in = str_skip(*in, piece.n);
    return RC(AGAIN);
}

/* The whole head in *ret_raw and out of *in, or AGAIN. */
static rc take_head(struct http1 *p, str *in, str *ret_raw, struct err *e)
{
    size_t end;
    if (p->partial.n)
        return collect_head(p, in, ret_raw, e);
    TRY(http1_head_end(str_take(*in, HTTP_HEAD_BYTES_MAX), 0, &end, e));
    if (!end)
        return collect_head(p, in, ret_raw, e);
    *ret_raw = str_take(*in, end);
    *in = str_skip(*in, end);
    return RC_OK;
}

static void begin_body(struct http1 *p, struct http_head *h)
{
    p->state = ST_END;
    p->extra_bytes = 0;
    p->extra_fields = 0;
    if (p->kind == HTTP1_RESPONSES) {
        bool bodiless =
            p->flags & FLAG_NO_BODY || h->status == 101 || h->status == 204 || h->status == 304;
        bool to_eof = !bodiless && !h->chunked && h->content_length < 0;
        h->has_body = !bodiless && (h->has_body || to_eof);
        if (to_eof) {
            h->keep_alive = false;
            p->state = ST_TO_EOF;
        }
        if (h->status == 101)
            h->keep_alive = false;
    }
    if (!h->has_body || p->state == ST_TO_EOF)
        return;
    p->left = h->chunked ? 0 : (uint64_t)h->content_length;
    p->state = h->chunked ? ST_SIZE : ST_LENGTH;
}

static enum http1_event read_head(struct http1 *p, str *in, struct http_head *head, struct err *e)
{
    str raw;
    while (in->n) {
        rc r = take_head(p, in, &raw, e);
        if (r.code == AGAIN)
            return HTTP1_MORE;
        if (FAILED(r))
            return dead(p, r);
        r = http1_head_parse(raw, p->kind, head, e);
        /* The same verdict as if the bytes had come one by one. */
        if (r.code == E_LIMIT && FAILED(http1_head_begins(raw, 0, p->kind, e)))
            r = RC(E_SYNTAX);
        if (FAILED(r))
            return dead(p, r);
        if (head->status == 0 || head->status >= 200 || head->status == 101) {
            begin_body(p, head);
            if (p->partial.n)
                p->flags |= FLAG_OUT;
            return HTTP1_HEAD;
        }
        release_head(p);
        if (++p->interims > INTERIMS_MAX)
            return dead(
                p, fail(e, E_LIMIT, "http", 0, "more than %d interim responses", INTERIMS_MAX));
    }
    return HTTP1_MORE;
}

static rc bad_chunk(struct err *e, const char *text)
{
    return fail(e, E_SYNTAX, "http", 0, "malformed chunk: %s", text);
}

static rc begin_size(struct http1 *p, char c, struct err *e)
{
    if (!chars_is(c, CHAR_HEX))
        return bad_chunk(e, "the size has no digits");
    p->left = chars_hex(c);
    p->digits = 1;
    p->state = ST_SIZE_MORE;
    return RC_OK;
}

static rc more_size(struct http1 *p, char c, struct err *e)
{
    if (LIKELY(chars_is(c, CHAR_HEX))) {
        p->left = p->left << 4 | chars_hex(c);
        if (++p->digits > CHUNK_DIGITS_MAX || p->left > INT64_MAX)
            return bad_chunk(e, "the size is too large");
    } else if (c == '\r') {
        p->state = ST_SIZE_LF;
    } else if (c == ';') {
        p->state = ST_EXT_NAME_FIRST;
    } else {
        return bad_chunk(e, "the size is not hexadecimal");
    }
    return RC_OK;
}

/* ";" or CR end an extension, "=" leads to its value; blanks are "bad" ones and refused. */
static rc extension(struct http1 *p, char c, struct err *e)
{
    if (++p->extra_bytes > CHUNK_EXT_BYTES_MAX)
        return fail(e, E_LIMIT, "http", 0, "chunk extensions over %d bytes", CHUNK_EXT_BYTES_MAX);
    bool in_name = p->state == ST_EXT_NAME_FIRST || p->state == ST_EXT_NAME;
    bool may_end = p->state == ST_EXT_NAME || p->state == ST_EXT_TOKEN || p->state == ST_EXT_END;
    if (p->state == ST_EXT_QUOTED_PAIR && chars_is(c, CHAR_VALUE))
        p->state = ST_EXT_QUOTED;
    else if (p->state == ST_EXT_QUOTED && chars_is(c, CHAR_VALUE))
        p->state = c == '"' ? ST_EXT_END : c == '\\' ? ST_EXT_QUOTED_PAIR : ST_EXT_QUOTED;
    else if (p->state == ST_EXT_VALUE_FIRST && c == '"')
        p->state = ST_EXT_QUOTED;
    else if (may_end && c == '\r')
        p->state = ST_SIZE_LF;
    else if (may_end && c == ';')
        p->state = ST_EXT_NAME_FIRST;
    else if (p->state == ST_EXT_NAME && c == '=')
        p->state = ST_EXT_VALUE_FIRST;
    else if (p->state < ST_EXT_QUOTED && chars_is(c, CHAR_TOKEN))
        p->state = in_name ? ST_EXT_NAME : ST_EXT_TOKEN;
    else
        return bad_chunk(e, "its extension breaks the grammar");
    return RC_OK;
}

/* Trailers are checked as fields are, and dropped. */
static rc trailer(struct http1 *p, char c, struct err *e)
{
    if (++p->extra_bytes > HTTP_HEAD_BYTES_MAX)
        return fail(e, E_LIMIT, "http", 0, "trailers over %d bytes", HTTP_HEAD_BYTES_MAX);
    if (p->state == ST_TRAILER && c == '\r') {
        p->state = ST_LAST_LF;
    } else if (p->state == ST_TRAILER && chars_is(c, CHAR_TOKEN)) {
        p->state = ST_TRAILER_NAME;
        if (++p->extra_fields > HTTP_FIELDS_MAX)
            return fail(e, E_LIMIT, "http", 0, "more than %d trailers", HTTP_FIELDS_MAX);
    } else if (p->state == ST_TRAILER_NAME && c == ':') {
        p->state = ST_TRAILER_VALUE;
    } else if (p->state == ST_TRAILER_VALUE && c == '\r') {
        p->state = ST_TRAILER_LF;
    } else if (!(p->state == ST_TRAILER_NAME && chars_is(c, CHAR_TOKEN)) &&
               !(p->state == ST_TRAILER_VALUE && chars_is(c, CHAR_VALUE))) {
        return bad_chunk(e, "malformed trailer");
    }
    return RC_OK;
}

/* One byte of what stands around the data of chunks. */
static rc frame_byte(struct http1 *p, char c, struct err *e)
{
    switch (p->state) {
    case ST_SIZE:
        return begin_size(p, c, e);
    case ST_SIZE_MORE:
        return more_size(p, c, e);
    case ST_SIZE_LF:
        if (p->left == 0)
            p->extra_bytes = 0;
        p->state = p->left ? ST_DATA : ST_TRAILER;
        return c == '\n' ? RC_OK : bad_chunk(e, "CR without LF");
    case ST_DATA_CR:
        p->state = ST_DATA_LF;
        return c == '\r' ? RC_OK : bad_chunk(e, "the data is longer than its size");
    case ST_DATA_LF:
        p->state = ST_SIZE;
        return c == '\n' ? RC_OK : bad_chunk(e, "CR without LF");
    case ST_TRAILER:
    case ST_TRAILER_NAME:
    case ST_TRAILER_VALUE:
        return trailer(p, c, e);
    case ST_TRAILER_LF:
        p->state = ST_TRAILER;
        return c == '\n' ? RC_OK : bad_chunk(e, "CR without LF");
    case ST_LAST_LF:
        p->state = ST_END;
        return c == '\n' ? RC_OK : bad_chunk(e, "CR without LF");
    default:
        return extension(p, c, e);
    }
}

/* Through the framing to the next data or to the end. */
static rc read_framing(struct http1 *p, str *in, struct err *e)
{
    size_t i = 0;
    while (i < in->n && p->state != ST_DATA && p->state != ST_END)
        TRY(frame_byte(p, in->p[i++], e));
    *in = str_skip(*in, i);
    return RC_OK;
}

/* A piece of the body off the front of *in, at most `left` bytes. */
static enum http1_event take_body(struct http1 *p, str *in, str *body, enum state after)
{
    size_t n = in->n < p->left ? in->n : (size_t)p->left;
    *body = str_take(*in, n);
    *in = str_skip(*in, n);
    p->left -= n;
    if (p->left == 0)
        p->state = (uint8_t)after;
    return HTTP1_BODY;
}

enum http1_event http1_next(struct http1 *p, str *in, struct http_head *head, str *body,
                            struct err *e)
{
    if (p->flags & FLAG_OUT)
        release_head(p);
    if (p->state > ST_TO_EOF && p->state < ST_END && p->state != ST_DATA) {
        rc r = read_framing(p, in, e);
        if (FAILED(r))
            return dead(p, r);
    }
    if (p->state == ST_END) {
        next_message(p);
        return HTTP1_END;
    }
    if (p->state == ST_DEAD)
        return HTTP1_BAD;
    if (in->n == 0)
        return HTTP1_MORE;
    switch (p->state) {
    case ST_HEAD:
        return read_head(p, in, head, e);
    case ST_LENGTH:
        return take_body(p, in, body, ST_END);
    case ST_DATA:
        return take_body(p, in, body, ST_DATA_CR);
    case ST_TO_EOF:
        *body = *in;
        *in = str_skip(*in, in->n);
        return HTTP1_BODY;
    default:
        return HTTP1_MORE; /* in the middle of framing, in->n is 0 */
    }
}
