#include "http/eventstream.h"

#include <zlib.h>

enum { PRELUDE = 12, TRAILER = 4 };

static uint32_t be32(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint32_t crc(const char *p, size_t n)
{
    return (uint32_t)crc32(0, (const Bytef *)p, (uInt)n);
}

void eventstream_init(struct eventstream *s)
{
    *s = (struct eventstream){ 0 };
    buf_init(&s->partial, EVENTSTREAM_BYTES_MAX);
}

void eventstream_done(struct eventstream *s)
{
    buf_done(&s->partial);
}

/* The message's length, from its checked prelude. */
static rc message_bytes(const char *p, size_t *ret, struct err *e)
{
    uint32_t total = be32(p), headers = be32(p + 4);
    if (crc(p, 8) != be32(p + 8))
        return fail(e, E_SYNTAX, "eventstream", 0, "a message's head does not match its checksum");
    if (total > EVENTSTREAM_BYTES_MAX || headers > EVENTSTREAM_HEADERS_MAX)
        return fail(e, E_LIMIT, "eventstream", 0, "a message of %u bytes is too long", total);
    if (total < PRELUDE + TRAILER || headers > total - PRELUDE - TRAILER)
        return fail(e, E_SYNTAX, "eventstream", 0, "a message's lengths contradict each other");
    *ret = total;
    return RC_OK;
}

/* Bytes of a header's value by its type; those with a length in front of them are SIZED. */
enum { SIZED = 255, TYPE_STRING = 7 };
static const uint8_t value_bytes[] = { 0, 0, 1, 2, 4, 8, SIZED, SIZED, 8, 16 };

/* One header: takes it off *rest. False: the bytes are no header. */
static bool next_header(str *rest, str *ret_name, str *ret_value)
{
    size_t name_n = rest->n ? (unsigned char)rest->p[0] : 0;
    if (name_n == 0 || rest->n < name_n + 2)
        return false;
    unsigned type = (unsigned char)rest->p[name_n + 1];
    *ret_name = (str){ rest->p + 1, name_n };
    *rest = str_skip(*rest, name_n + 2);
    if (type >= COUNT_OF(value_bytes))
        return false;
    size_t n = value_bytes[type];
    if (n == SIZED) {
        if (rest->n < 2)
            return false;
        n = (size_t)(unsigned char)rest->p[0] << 8 | (unsigned char)rest->p[1];
        *rest = str_skip(*rest, 2);
    }
    if (rest->n < n)
        return false;
    *ret_value = type == TYPE_STRING ? str_take(*rest, n) : (str){ 0 };
    *rest = str_skip(*rest, n);
    return true;
}

static rc read_message(str m, struct eventstream_message *ret, struct err *e)
{
    if (crc(m.p, m.n - TRAILER) != be32(m.p + m.n - TRAILER))
        return fail(e, E_SYNTAX, "eventstream", 0, "a message does not match its checksum");
    size_t headers_n = be32(m.p + 4);
    str headers = { m.p + PRELUDE, headers_n };
    *ret = (struct eventstream_message){ .payload = { m.p + PRELUDE + headers_n,
                                                      m.n - PRELUDE - TRAILER - headers_n } };
    while (headers.n) {
        str name, value;
        if (!next_header(&headers, &name, &value))
            return fail(e, E_SYNTAX, "eventstream", 0, "a message's headers are malformed");
        if (str_eq(name, S(":message-type")))
            ret->kind = value;
        else if (str_eq(name, S(":error-message")))
            ret->text = value;
        else if (str_eq(name, S(":event-type")) || str_eq(name, S(":exception-type")) ||
                 str_eq(name, S(":error-code")))
            ret->name = value;
    }
    return RC_OK;
}

/* Moves bytes of in to the unfinished message until it has n of them. */
static bool fill(struct eventstream *s, str *in, size_t n)
{
    size_t want = n - s->partial.n;
    buf_add(&s->partial, str_take(*in, want));
    *in = str_skip(*in, want);
    return s->partial.n == n;
}

rc eventstream_next(struct eventstream *s, str *in, struct eventstream_message *ret, struct err *e)
{
    size_t n;
    if (s->out) {
        buf_done(&s->partial);
        buf_init(&s->partial, EVENTSTREAM_BYTES_MAX);
        s->out = false;
    }
    if (s->partial.n == 0 && in->n >= PRELUDE) {
        TRY(message_bytes(in->p, &n, e));
        if (in->n >= n) {
            str whole = str_take(*in, n);
            *in = str_skip(*in, n);
            return read_message(whole, ret, e);
        }
    }
    if (s->partial.n < PRELUDE && !fill(s, in, PRELUDE))
        return RC(AGAIN);
    TRY(message_bytes(s->partial.p, &n, e));
    if (!fill(s, in, n))
        return RC(AGAIN);
    s->out = true;
    return read_message(buf_str(&s->partial), ret, e);
}

rc eventstream_end(const struct eventstream *s, struct err *e)
{
    if (s->partial.n && !s->out)
        return fail(e, E_SYNTAX, "eventstream", 0, "the stream ended within a message");
    return RC_OK;
}
