#include "http/ndjson.h"

void ndjson_init(struct ndjson *s)
{
    *s = (struct ndjson){ 0 };
    buf_init(&s->partial, (size_t)NDJSON_LINE_BYTES_MAX + 1);
}

void ndjson_done(struct ndjson *s)
{
    buf_done(&s->partial);
}

static rc too_long(struct err *e)
{
    return fail(e, E_LIMIT, "ndjson", 0, "a line is over %d bytes", NDJSON_LINE_BYTES_MAX);
}

static str without_cr(str line)
{
    return str_ends(line, S("\r")) ? str_take(line, line.n - 1) : line;
}

rc ndjson_next(struct ndjson *s, str *in, str *ret_line, struct err *e)
{
    if (s->out)
        ndjson_done(s);
    s->out = false;
    while (in->n) {
        size_t n = str_index(*in, '\n');
        str line = str_take(*in, n);
        bool whole = n < in->n;
        if (s->partial.n || !whole) {
            buf_add(&s->partial, str_take(line, NDJSON_LINE_BYTES_MAX + 1 - s->partial.n));
            line = buf_str(&s->partial);
        }
        if (line.n > NDJSON_LINE_BYTES_MAX)
            return too_long(e);
        *in = str_skip(*in, n + 1);
        if (!whole)
            break;
        *ret_line = without_cr(line);
        s->out = s->partial.n != 0;
        if (ret_line->n)
            return RC_OK;
        ndjson_done(s);
        s->out = false;
    }
    return RC(AGAIN);
}

rc ndjson_end(struct ndjson *s, str *ret_line, struct err *e)
{
    if (s->out)
        ndjson_done(s);
    *ret_line = without_cr(buf_str(&s->partial));
    s->out = true;
    return ret_line->n ? RC_OK : RC(AGAIN);
}
