/* A delimiter begins with CR, and has no other: when a match breaks off, the bytes matched so far
 * were data, and the next match can begin at the byte that broke it, not before. So no data is ever
 * held back but in the form of `matched`, and given back from the parser's copy of the delimiter.
 */
#include "http/multipart.h"

#include "http/chars.h"
#include "http/field.h"

enum state {
    ST_PREAMBLE, /* data before the first delimiter; dropped */
    ST_DATA,
    ST_DELIMITED, /* behind a delimiter: "--", or blanks and CR LF */
    ST_DASH,      /* one "-" seen */
    ST_PADDING,   /* blanks before CR LF */
    ST_PADDING_LF,
    ST_HEAD,
    ST_END,
    ST_DEAD,
};

static rc bad(struct err *e, const char *text)
{
    return fail(e, E_SYNTAX, "multipart", 0, "%s", text);
}

/* bchars of RFC 2046, the last one not a blank. */
static bool is_boundary(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool alnum = chars_is(s.p[i], CHAR_PLAIN) && s.p[i] != '~';
        if (!alnum && !memchr("'()+,/:=? ", s.p[i], 10))
            return false;
    }
    return s.n > 0 && s.n <= MULTIPART_BOUNDARY_MAX && s.p[s.n - 1] != ' ';
}

rc multipart_init(struct multipart *m, str content_type, struct err *e)
{
    str boundary = http_param(content_type, S("boundary"));
    *m = (struct multipart){ .state = ST_DEAD };
    buf_init(&m->head, MULTIPART_HEAD_BYTES_MAX);
    if (!str_ieq(http_media_type(content_type), S("multipart/form-data")))
        return bad(e, "Content-Type is not multipart/form-data");
    if (!is_boundary(boundary))
        return bad(e, "Content-Type has no valid boundary");
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.p, boundary.n);
    m->delimiter_n = (uint8_t)(4 + boundary.n);
    m->matched = m->assumed = 2; /* the first delimiter may stand at the very beginning */
    m->state = ST_PREAMBLE;
    return RC_OK;
}

void multipart_done(struct multipart *m)
{
    buf_done(&m->head);
}

enum code multipart_code(const struct multipart *m)
{
    return (enum code)m->code;
}

/* Data up to the next delimiter or to the end of *in, possibly none: call again while there is more
 * in *in. True: a delimiter is behind it now. */
static bool take_data(struct multipart *m, str *in, str *data)
{
    size_t i = 0;
    *data = (str){ NULL, 0 };
    if (m->matched == 0) {
        i = str_index(*in, '\r');
        *data = str_take(*in, i);
        m->matched = i < in->n;
        *in = str_skip(*in, i + 1);
        return false;
    }
    while (i < in->n && m->matched < m->delimiter_n && in->p[i] == m->delimiter[m->matched]) {
        m->matched++;
        i++;
    }
    *in = str_skip(*in, i);
    bool found = m->matched == m->delimiter_n;
    if (!found && in->n && m->matched > m->assumed) /* broken off: it was data */
        *data = (str){ m->delimiter + m->assumed, (size_t)(m->matched - m->assumed) };
    if (found || in->n)
        m->matched = m->assumed = 0;
    return found;
}

/* What stands between a delimiter and the part's head. */
static rc read_delimited(struct multipart *m, str *in, struct err *e)
{
    while (in->n && m->state != ST_HEAD && m->state != ST_END) {
        char c = in->p[0];
        *in = str_skip(*in, 1);
        if (m->state == ST_DELIMITED && c == '-')
            m->state = ST_DASH;
        else if (m->state == ST_DASH && c == '-')
            m->state = ST_END;
        else if ((m->state == ST_DELIMITED || m->state == ST_PADDING) && (c == ' ' || c == '\t'))
            m->state = ST_PADDING;
        else if ((m->state == ST_DELIMITED || m->state == ST_PADDING) && c == '\r')
            m->state = ST_PADDING_LF;
        else if (m->state == ST_PADDING_LF && c == '\n')
            m->state = ST_HEAD;
        else
            return bad(e, "a boundary is followed by neither a line end nor \"--\"");
    }
    return RC_OK;
}

static rc read_disposition(str value, struct multipart_part *part, struct err *e)
{
    if (!str_ieq(http_media_type(value), S("form-data")))
        return bad(e, "a part's Content-Disposition is not form-data");
    part->name = http_param(value, S("name"));
    part->filename = http_param(value, S("filename"));
    return part->name.p ? RC_OK : bad(e, "a part has no name");
}

/* head is whole, ending in CR LF CR LF. */
static rc read_head(str head, struct multipart_part *part, struct err *e)
{
    *part = (struct multipart_part){ 0 };
    while (head.n > 2) {
        size_t n = str_index(head, '\n');
        str line = str_take(head, n ? n - 1 : 0);
        head = str_skip(head, n + 1);
        size_t colon = str_index(line, ':');
        str name = str_take(line, colon);
        str value = str_trim(str_skip(line, colon + 1));
        if (n == 0 || line.p[n - 1] != '\r' || colon == line.n || name.n == 0 ||
            !chars_are(name, CHAR_TOKEN) || !chars_are(value, CHAR_VALUE))
            return bad(e, "malformed head of a part");
        if (str_ieq(name, S("content-disposition")))
            TRY(part->name.p ? bad(e, "a part has two Content-Dispositions")
                             : read_disposition(value, part, e));
        else if (str_ieq(name, S("content-type")))
            part->type = value;
    }
    return part->name.p ? RC_OK : bad(e, "a part has no Content-Disposition");
}

/* Line by line into m->head; OK when it is whole, AGAIN before. */
static rc collect_head(struct multipart *m, str *in, struct err *e)
{
    while (in->n) {
        size_t n = str_index(*in, '\n'), take = n < in->n ? n + 1 : n;
        buf_add(&m->head, str_take(*in, take));
        *in = str_skip(*in, take);
        if (m->head.full)
            return fail(e, E_LIMIT, "multipart", 0, "the head of a part is over %d bytes",
                        MULTIPART_HEAD_BYTES_MAX);
        str s = buf_str(&m->head);
        if (str_eq(s, S("\r\n")) || str_ends(s, S("\r\n\r\n")))
            return RC_OK;
    }
    return RC(AGAIN);
}

static rc begin_part(struct multipart *m, str *in, struct multipart_part *part, struct err *e)
{
    TRY(collect_head(m, in, e));
    TRY(read_head(buf_str(&m->head), part, e));
    if (++m->parts > MULTIPART_PARTS_MAX)
        return fail(e, E_LIMIT, "multipart", 0, "more than %d parts", MULTIPART_PARTS_MAX);
    m->out = true;
    m->matched = m->assumed = 2; /* without data the head's last CR LF is the delimiter's */
    m->state = ST_DATA;
    return RC_OK;
}

static enum multipart_event dead(struct multipart *m, rc why)
{
    buf_done(&m->head);
    m->state = ST_DEAD;
    m->code = (uint8_t)why.code;
    return MULTIPART_BAD;
}

/* One event, or MORE with bytes left: call again. */
static enum multipart_event step(struct multipart *m, str *in, struct multipart_part *part,
                                 str *data, struct err *e)
{
    rc r;
    bool in_part = m->state == ST_DATA;
    switch (m->state) {
    case ST_PREAMBLE:
    case ST_DATA:
        if (take_data(m, in, data)) {
            m->state = ST_DELIMITED;
            return in_part ? MULTIPART_PART_END : MULTIPART_MORE;
        }
        return in_part && data->n ? MULTIPART_DATA : MULTIPART_MORE;
    case ST_HEAD:
        r = begin_part(m, in, part, e);
        return r.code == OK ? MULTIPART_PART : r.code == AGAIN ? MULTIPART_MORE : dead(m, r);
    default:
        r = read_delimited(m, in, e);
        return FAILED(r) ? dead(m, r) : MULTIPART_MORE;
    }
}

enum multipart_event multipart_next(struct multipart *m, str *in, struct multipart_part *part,
                                    str *data, struct err *e)
{
    enum multipart_event ev = MULTIPART_MORE;
    if (m->out) {
        buf_done(&m->head);
        m->out = false;
    }
    while (in->n && ev == MULTIPART_MORE && m->state < ST_END)
        ev = step(m, in, part, data, e);
    if (ev != MULTIPART_MORE)
        return ev;
    return m->state == ST_END    ? MULTIPART_END
           : m->state == ST_DEAD ? MULTIPART_BAD
                                 : MULTIPART_MORE;
}

rc multipart_finish(const struct multipart *m, struct err *e)
{
    return m->state == ST_END ? RC_OK : bad(e, "the form is cut off: its last boundary is missing");
}

rc multipart_find(str content_type, str body, str name, str *ret_value, struct err *e)
{
    struct multipart m;
    struct multipart_part part;
    enum multipart_event ev;
    str rest = body, data;
    bool inside = false, found = false;
    const char *begin = NULL;
    TRY(multipart_init(&m, content_type, e));
    do {
        ev = multipart_next(&m, &rest, &part, &data, e);
        if (ev == MULTIPART_PART && !found && str_eq(part.name, name)) {
            found = inside = true;
            begin = rest.p;
        } else if (ev == MULTIPART_PART_END && inside) {
            inside = false;
            size_t n = (size_t)(rest.p - begin);
            *ret_value = (str){ begin, n > m.delimiter_n ? n - m.delimiter_n : 0 };
        }
    } while (ev != MULTIPART_MORE && ev != MULTIPART_END && ev != MULTIPART_BAD);
    rc r = ev == MULTIPART_BAD ? RC(multipart_code(&m)) : multipart_finish(&m, e);
    multipart_done(&m);
    if (!FAILED(r) && !found)
        return fail(e, E_NOT_FOUND, "multipart", 0, "the form has no field \"%.*s\"", STRF(name));
    return r;
}
