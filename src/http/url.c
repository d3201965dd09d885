#include "http/url.h"

#include <arpa/inet.h>

#include "base/buf.h"
#include "http/chars.h"

static rc bad(struct err *e, size_t at, const char *text)
{
    return fail(e, E_SYNTAX, "url", at, "%s", text);
}

static bool is_ipv6(str s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr addr;
    if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, 0, s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    return inet_pton(AF_INET6, text, &addr) == 1;
}

/* Splits "host[:port]" at the colon before the port; brackets stay. port.p == NULL: no colon. */
static void split_port(str s, str *host, str *port)
{
    size_t from = str_starts(s, S("[")) ? str_index(s, ']') : 0;
    size_t at = from + str_index(str_skip(s, from), ':');
    *host = str_take(s, at);
    *port = at < s.n ? str_skip(s, at + 1) : (str){ NULL, 0 };
}

static bool is_bracketed(str host)
{
    return host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']' &&
           is_ipv6((str){ host.p + 1, host.n - 2 });
}

bool url_is_host(str s)
{
    str host, port;
    uint64_t v = 0;
    split_port(s, &host, &port);
    if (host.n == 0 || (port.n && (!str_to_u64(port, &v) || v > UINT16_MAX)))
        return false;
    return host.p[0] == '[' ? is_bracketed(host) : chars_are_uri(host, CHAR_HOST);
}

static bool is_dns_name(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!chars_is(s.p[i], CHAR_PLAIN) || s.p[i] == '~')
            return false;
    return s.n > 0 && s.n <= 253;
}

/* Cuts the scheme and "//" off. */
static bool take_scheme(str *s, bool *tls)
{
    bool https = str_istarts(*s, S("https://"));
    if (!https && !str_istarts(*s, S("http://")))
        return false;
    *s = str_skip(*s, https ? 8 : 7);
    *tls = https;
    return true;
}

/* Where the authority of what follows "//" ends. */
static size_t authority_end(str s)
{
    size_t i = 0;
    while (i < s.n && s.p[i] != '/' && s.p[i] != '?' && s.p[i] != '#')
        i++;
    return i;
}

static rc parse_authority(str s, size_t at, struct url *u, struct err *e)
{
    str port;
    if (str_index(s, '@') < s.n)
        return bad(e, at, "a URL must not hold a user name or password");
    split_port(s, &u->host, &port);
    u->authority = s;
    if (u->host.n && u->host.p[0] == '[') {
        if (!is_bracketed(u->host))
            return bad(e, at, "not an IPv6 address between the brackets");
        u->ipv6 = true;
        u->host = (str){ u->host.p + 1, u->host.n - 2 };
    } else if (u->host.n == 0) {
        return bad(e, at, "the URL has no host");
    } else if (!is_dns_name(u->host)) {
        return bad(e, at, "the host has characters that no host name has");
    }
    u->port = u->tls ? 443 : 80;
    if (port.p) {
        uint64_t v;
        if (!str_to_u64(port, &v) || v == 0 || v > UINT16_MAX)
            return bad(e, at + u->host.n + 1, "the port is not a number from 1 to 65535");
        u->port = (uint16_t)v;
        u->has_port = true;
    }
    return RC_OK;
}

rc url_parse(str s, struct url *ret, struct err *e)
{
    str rest = s;
    *ret = (struct url){ 0 };
    if (!take_scheme(&rest, &ret->tls))
        return bad(e, 0, "a URL begins with http:// or https://");
    size_t n = authority_end(rest);
    TRY(parse_authority(str_take(rest, n), s.n - rest.n, ret, e));
    rest = str_skip(rest, n);
    if (str_index(rest, '#') < rest.n)
        return bad(e, s.n - rest.n + str_index(rest, '#'), "a URL here has no fragment (#...)");
    size_t q = str_index(rest, '?');
    ret->path = str_take(rest, q);
    ret->has_query = q < rest.n;
    ret->query = str_skip(rest, q + 1);
    if (!chars_are_uri(ret->path, CHAR_PATH))
        return bad(e, s.n - rest.n, "the path has characters that must be percent-encoded");
    if (!chars_are_uri(ret->query, CHAR_QUERY))
        return bad(e, s.n - ret->query.n, "the query has characters that must be percent-encoded");
    return RC_OK;
}

bool url_is_target(str target, bool asterisk)
{
    bool tls;
    str rest = target;
    if (str_eq(target, S("*")))
        return asterisk;
    if (!str_starts(rest, S("/"))) {
        if (!take_scheme(&rest, &tls))
            return false;
        size_t n = authority_end(rest);
        if (!url_is_host(str_take(rest, n)))
            return false;
        rest = str_skip(rest, n);
    }
    size_t q = str_index(rest, '?');
    return chars_are_uri(str_take(rest, q), CHAR_PATH) &&
           chars_are_uri(str_skip(rest, q + 1), CHAR_QUERY);
}

void url_split_target(str target, str *ret_path, str *ret_query)
{
    bool tls;
    if (!str_starts(target, S("/")) && take_scheme(&target, &tls))
        target = str_skip(target, authority_end(target));
    size_t q = str_index(target, '?');
    *ret_path = q ? str_take(target, q) : S("/");
    *ret_query = str_skip(target, q + 1);
}

static bool decode(str s, bool plus, struct arena *a, str *ret)
{
    if (str_index(s, '%') == s.n && (!plus || str_index(s, '+') == s.n)) {
        *ret = s;
        return true;
    }
    char *to = NEW(a, char, s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%') {
            if (s.n - i < 3 || !chars_is(s.p[i + 1], CHAR_HEX) || !chars_is(s.p[i + 2], CHAR_HEX))
                return false;
            to[n++] = (char)(chars_hex(s.p[i + 1]) << 4 | chars_hex(s.p[i + 2]));
            i += 2;
        } else {
            to[n++] = plus && s.p[i] == '+' ? ' ' : s.p[i];
        }
    }
    *ret = (str){ to, n };
    return true;
}

bool url_decode(str s, struct arena *a, str *ret)
{
    return decode(s, false, a, ret);
}

bool url_query_get(str query, str name, struct arena *a, str *ret)
{
    while (query.p) {
        str value = str_cut(&query, '&'), key;
        if (!decode(str_cut(&value, '='), true, a, &key))
            return false;
        if (str_eq(key, name))
            return decode(value, true, a, ret);
    }
    return false;
}

bool url_query_next(str *query, struct arena *a, str *ret_pair, str *ret_name)
{
    while (query->p) {
        *ret_pair = str_cut(query, '&');
        if (ret_pair->n == 0)
            continue;
        str name = str_take(*ret_pair, str_index(*ret_pair, '='));
        if (!decode(name, true, a, ret_name))
            *ret_name = name;
        return true;
    }
    return false;
}

void url_add_encoded(struct buf *b, str s)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (chars_is(s.p[i], CHAR_PLAIN))
            buf_chr(b, s.p[i]);
        else
            buf_add(b, (str){ (char[]){ '%', digits[c >> 4], digits[c & 15] }, 3 });
    }
}

static rc check_segment(str s, enum url_path_rule rule, size_t at, struct err *e)
{
    if (str_eq(s, S(".")) || str_eq(s, S("..")))
        return bad(e, at, "the path has a dot segment");
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == 0)
            return bad(e, at, "the path has an encoded NUL");
        if (rule == URL_PATH_PASS_THROUGH && (c == '/' || c == '\\' || c < 0x20 || c == 0x7f))
            return bad(e, at, "the path has an encoded slash, backslash or control character");
    }
    return RC_OK;
}

rc url_path_parse(str path, enum url_path_rule rule, struct arena *a, struct url_path *ret,
                  struct err *e)
{
    str rest = path, found[URL_SEGMENTS_MAX];
    *ret = (struct url_path){ .trailing_slash = str_ends(path, S("/")) };
    if (!str_starts(path, S("/")))
        return bad(e, 0, "a path begins with /");
    while (rest.p) {
        size_t at = (size_t)(rest.p - path.p);
        str segment = str_cut(&rest, '/');
        if (segment.n == 0)
            continue;
        if (ret->n == COUNT_OF(found))
            return fail(e, E_LIMIT, "url", at, "the path has more than %d segments",
                        URL_SEGMENTS_MAX);
        if (!url_decode(segment, a, &found[ret->n]))
            return bad(e, at, "the path has a \"%\" that is no escape");
        TRY(check_segment(found[ret->n++], rule, at, e));
    }
    ret->segments = NEW(a, str, ret->n);
    if (ret->n)
        memcpy(ret->segments, found, ret->n * sizeof(str));
    return RC_OK;
}

bool url_split_data(str s, struct data_url *ret)
{
    if (!str_istarts(s, S("data:")))
        return false;
    s = str_skip(s, 5);
    size_t comma = str_index(s, ',');
    if (comma == s.n)
        return false;
    str head = str_take(s, comma);
    *ret = (struct data_url){ .payload = str_skip(s, comma + 1) };
    size_t semi = str_rindex(head, ';');
    if (semi < head.n && str_ieq(str_skip(head, semi + 1), S("base64"))) {
        ret->base64 = true;
        head = str_take(head, semi);
    }
    ret->mime = str_cut(&head, ';');
    ret->params = head;
    return true;
}
