/* The checks that llhttp 9.2 leaves to us are marked "ours"; docs/decisions/0001-http-strictness.md
 * lists them. */
#include "http/http1_head.h"

#include <llhttp.h>

#include "http/chars.h"
#include "http/field.h"
#include "http/url.h"

static rc bad(struct err *e, size_t at, const char *text)
{
    return fail(e, E_SYNTAX, "http", at, "%s", text);
}

rc http1_head_end(str s, size_t from, size_t *ret_end, struct err *e)
{
    *ret_end = 0;
    while (from < s.n) {
        const char *lf = memchr(s.p + from, '\n', s.n - from);
        if (!lf)
            return RC_OK;
        size_t at = (size_t)(lf - s.p);
        if (at == 0 || s.p[at - 1] != '\r')
            return bad(e, at, "a line of the head does not end in CR LF");
        if (at == 1 || s.p[at - 2] == '\n') {
            *ret_end = at + 1;
            return RC_OK;
        }
        from = at + 1;
    }
    return RC_OK;
}

rc http1_head_begins(str s, size_t from, enum http1_kind kind, struct err *e)
{
    static const char version[] = "HTTP/1.";
    size_t i = from ? from - 1 : 0; /* the byte before may be a CR that waits for its LF */
    if (kind == HTTP1_RESPONSES && memcmp(s.p, version, s.n < 7 ? s.n : 7) != 0)
        return bad(e, 0, "the answer does not begin with HTTP/1.");
    if (kind == HTTP1_REQUESTS && s.n && (s.p[0] < 'A' || s.p[0] > 'Z'))
        return bad(e, 0,
                   (unsigned char)s.p[0] == 0x16 ? "this is TLS, and the port speaks HTTP"
                                                 : "a request begins with a method");
    for (; i < s.n; i++) {
        char c = s.p[i];
        if (LIKELY(chars_is(c, CHAR_VALUE)))
            continue;
        bool ok = (c == '\r' && (i + 1 == s.n || s.p[i + 1] == '\n')) ||
                  (c == '\n' && i > 0 && s.p[i - 1] == '\r');
        if (!ok)
            return bad(e, i, "the head has a control character");
    }
    return RC_OK;
}

/* What the callbacks of llhttp write into. */
struct head_run {
    struct http_head *h;
    str reason;
    bool complete, too_many;
};

static int on_method(llhttp_t *ll, const char *at, size_t n)
{
    ((struct head_run *)ll->data)->h->method = (str){ at, n };
    return 0;
}

static int on_url(llhttp_t *ll, const char *at, size_t n)
{
    ((struct head_run *)ll->data)->h->target = (str){ at, n };
    return 0;
}

static int on_status(llhttp_t *ll, const char *at, size_t n)
{
    ((struct head_run *)ll->data)->reason = (str){ at, n };
    return 0;
}

static int on_field(llhttp_t *ll, const char *at, size_t n)
{
    struct head_run *run = ll->data;
    struct http_head *h = run->h;
    if (h->nfields == HTTP_FIELDS_MAX) {
        run->too_many = true;
        return -1;
    }
    h->fields[h->nfields++] = (struct http_field){ { at, n }, { at + n, 0 } };
    return 0;
}

static int on_value(llhttp_t *ll, const char *at, size_t n)
{
    struct http_head *h = ((struct head_run *)ll->data)->h;
    while (n && (at[n - 1] == ' ' || at[n - 1] == '\t'))
        n--;
    h->fields[h->nfields - 1].value = (str){ at, n };
    return 0;
}

static int on_complete(llhttp_t *ll)
{
    ((struct head_run *)ll->data)->complete = true;
    return 0;
}

static const llhttp_settings_t settings = {
    .on_method = on_method,
    .on_url = on_url,
    .on_status = on_status,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_complete,
};

static rc run_llhttp(str raw, enum http1_kind kind, struct head_run *run, struct err *e)
{
    llhttp_t ll;
    llhttp_init(&ll, kind == HTTP1_REQUESTS ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
    ll.data = run;
    llhttp_errno_t got = llhttp_execute(&ll, raw.p, raw.n);
    if (run->too_many)
        return fail(e, E_LIMIT, "http", 0, "the head has more than %d fields", HTTP_FIELDS_MAX);
    if ((got != HPE_OK && got != HPE_PAUSED_UPGRADE) || !run->complete) {
        const char *pos = llhttp_get_error_pos(&ll);
        const char *why = llhttp_get_error_reason(&ll);
        bool inside = pos && pos >= raw.p && pos <= raw.p + raw.n;
        return fail(e, E_SYNTAX, "http", inside ? (size_t)(pos - raw.p) : 0, "malformed head: %s",
                    why && *why ? why : llhttp_errno_name(got));
    }
    run->h->minor = ll.http_minor;
    run->h->status = ll.status_code;
    return RC_OK;
}

/* Ours: llhttp lets through several blanks, a missing version, RTSP's and other versions. */
static rc check_request_line(str raw, struct http_head *h, struct err *e)
{
    size_t at = h->method.n + 1;
    if (h->method.p != raw.p || h->target.p != raw.p + at)
        return bad(e, 0, "the request line is not METHOD SP TARGET SP VERSION");
    str rest = str_skip(raw, at + h->target.n);
    if (!str_starts(rest, S(" HTTP/1.1\r\n")) && !str_starts(rest, S(" HTTP/1.0\r\n")))
        return bad(e, at + h->target.n, "the request line does not end in HTTP/1.1 or HTTP/1.0");
    if (str_eq(h->method, S("CONNECT")))
        return bad(e, 0, "CONNECT is for proxies");
    if (!url_is_target(h->target, str_eq(h->method, S("OPTIONS"))))
        return bad(e, at, "malformed request target");
    return RC_OK;
}

/* Ours: the exact form, the range, the bytes of the reason; llhttp takes "OK\r\r" for a line. */
static rc check_status_line(str raw, const struct head_run *run, struct err *e)
{
    if (!str_starts(raw, S("HTTP/1.1 ")) && !str_starts(raw, S("HTTP/1.0 ")))
        return bad(e, 0, "the status line does not begin with HTTP/1.1 or HTTP/1.0");
    if (run->h->status < 100 || run->h->status > 599 || raw.p[12] != ' ')
        return bad(e, 9, "the status is not three digits from 100 to 599 and a blank");
    str rest = str_skip(raw, 13);
    if (!chars_are(run->reason, CHAR_VALUE) ||
        !str_starts(str_skip(rest, run->reason.n), S("\r\n")))
        return bad(e, 13, "the reason phrase has a control character");
    return RC_OK;
}

struct seen {
    unsigned hosts, lengths, codings;
    bool close, keep_alive, upgrade_asked, upgrade_field;
};

static rc read_length(str v, struct http_head *h, struct seen *seen, struct err *e)
{
    uint64_t n;
    if (seen->lengths++)
        return bad(e, 0, "more than one Content-Length");
    if (!str_to_u64(v, &n) || n > INT64_MAX)
        return bad(e, 0, "Content-Length is not a number");
    if (v.n > 1 && v.p[0] == '0')
        return bad(e, 0, "Content-Length has leading zeros");
    h->content_length = (int64_t)n;
    return RC_OK;
}

static void read_connection(str list, struct seen *seen)
{
    while (list.p) {
        str option = str_trim(str_cut(&list, ','));
        if (str_ieq(option, S("close")))
            seen->close = true;
        else if (str_ieq(option, S("keep-alive")))
            seen->keep_alive = true;
        else if (str_ieq(option, S("upgrade")))
            seen->upgrade_asked = true;
    }
}

/* The fields that frame the message; a length is enough to skip nearly all others. */
static rc read_field(struct http_field f, struct http_head *h, struct seen *seen, struct err *e)
{
    switch (f.name.n) {
    case 4:
        if (!str_ieq(f.name, S("host")))
            break;
        if (seen->hosts++)
            return bad(e, 0, "more than one Host");
        if (!url_is_host(f.value))
            return bad(e, 0, "malformed Host");
        break;
    case 6:
        if (str_ieq(f.name, S("expect")))
            h->expect_continue = str_ieq(f.value, S("100-continue"));
        break;
    case 7:
        if (str_ieq(f.name, S("upgrade")))
            seen->upgrade_field = true;
        break;
    case 10:
        if (str_ieq(f.name, S("connection")))
            read_connection(f.value, seen);
        break;
    case 14:
        if (str_ieq(f.name, S("content-length")))
            return read_length(f.value, h, seen, e);
        break;
    case 17:
        if (!str_ieq(f.name, S("transfer-encoding")))
            break;
        if (seen->codings++ || !str_ieq(f.value, S("chunked")))
            return bad(e, 0, "Transfer-Encoding is not just \"chunked\"");
        h->chunked = true;
        break;
    default:
        break;
    }
    return RC_OK;
}

static rc check_framing(enum http1_kind kind, struct http_head *h, const struct seen *seen,
                        struct err *e)
{
    if (h->chunked && seen->lengths)
        return bad(e, 0, "both Content-Length and Transfer-Encoding");
    if (h->chunked && h->minor == 0)
        return bad(e, 0, "Transfer-Encoding in HTTP/1.0");
    if (kind == HTTP1_REQUESTS && seen->hosts == 0 && h->minor == 1)
        return bad(e, 0, "no Host");
    bool bodiless = kind == HTTP1_RESPONSES && (h->status < 200 || h->status == 204);
    if (bodiless && (h->chunked || h->content_length > 0))
        return bad(e, 0, "a body announced with a status that has none");
    return RC_OK;
}

rc http1_head_parse(str raw, enum http1_kind kind, struct http_head *h, struct err *e)
{
    struct head_run run = { .h = h };
    struct seen seen = { 0 };
    h->method = h->target = (str){ NULL, 0 };
    h->content_length = -1;
    h->chunked = h->expect_continue = false;
    h->nfields = 0;
    TRY(run_llhttp(raw, kind, &run, e));
    if (kind == HTTP1_REQUESTS) {
        TRY(check_request_line(raw, h, e));
        h->status = 0;
    } else {
        TRY(check_status_line(raw, &run, e));
    }
    for (size_t i = 0; i < h->nfields; i++)
        TRY(read_field(h->fields[i], h, &seen, e));
    TRY(check_framing(kind, h, &seen, e));
    h->has_body = h->chunked || h->content_length > 0;
    h->expect_continue = h->expect_continue && h->minor == 1 && h->has_body;
    h->keep_alive = !seen.close && (h->minor == 1 || seen.keep_alive);
    h->upgrade = kind == HTTP1_REQUESTS ? h->minor == 1 && seen.upgrade_asked && seen.upgrade_field
                                        : h->status == 101;
    return RC_OK;
}
