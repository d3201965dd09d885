/* url.h - http(s) URLs, request targets, paths and queries (RFC 3986, strictly), data: URLs.
 *
 * Everything returned borrows from what was given unless an arena is passed. No normalising behind
 * the caller's back: what does not fit the grammar is E_SYNTAX and err says what is wrong.
 */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include "base/arena.h"
#include "base/err.h"

/* An absolute http or https URL without user information and without fragment. */
struct url {
    bool tls;       /* https */
    bool ipv6;      /* host is an IPv6 address */
    bool has_port;  /* it was written out */
    bool has_query; /* there was a "?" */
    uint16_t port;  /* as written, or 80/443 */
    str authority;  /* host and port as written: what goes into a Host field */
    str host;       /* a name or an address; IPv6 without its brackets */
    str path;       /* begins with "/", or is empty */
    str query;      /* behind the "?" */
};

/* Host names are letters, digits, "-", "." and "_" only (an international name has to be given in
 * its xn-- form). */
rc url_parse(str s, struct url *ret, struct err *e);

/* What a Host field may hold: uri-host [":" port] (RFC 9110 7.2), not empty. */
bool url_is_host(str s);

/* The target of a request (RFC 9112 3.2): origin-form, absolute-form with http(s), or "*" if
 * asterisk. */
bool url_is_target(str target, bool asterisk);
/* Splits a valid target. Of the absolute form scheme and authority are dropped; path begins with
 * "/" always, but for the asterisk. */
void url_split_target(str target, str *ret_path, str *ret_query);

/* The value of the first NAME=value in a query, percent-decoded and "+" made a blank (copied only
 * if there was anything to decode). False: it is not there, or badly encoded. */
bool url_query_get(str query, str name, struct arena *a, str *ret);
/* Takes the next pair off *query: ret_pair as it stands, never empty, and its name, decoded as
 * url_query_get does it (one that cannot be is as it stands). False: there is none left. For
 * passing a query on without some of its pairs, however their names are spelt. */
bool url_query_next(str *query, struct arena *a, str *ret_pair, str *ret_name);

/* Percent-decodes; copies only if there is anything to decode. False: "%" without two digits. */
bool url_decode(str s, struct arena *a, str *ret);

/* Appends s with everything but unreserved characters percent-encoded: one path segment, or a
 * value in a query. */
struct buf;
void url_add_encoded(struct buf *b, str s);

enum { URL_SEGMENTS_MAX = 64 };

struct url_path {
    str *segments; /* decoded; none is empty, "." or ".." */
    size_t n;
    bool trailing_slash;
};

enum url_path_rule {
    URL_PATH_ROUTE,        /* an encoded slash is part of its segment: model ids have them */
    URL_PATH_PASS_THROUGH, /* an encoded slash, backslash or control byte is refused: the segments
                              are going to be another server's path */
};

/* The segments of an absolute path, for routing. Doubled and trailing slashes do not count
 * (clients write them). Dot segments, plain or encoded, and NUL are refused whatever the rule;
 * more than URL_SEGMENTS_MAX segments are E_LIMIT. */
rc url_path_parse(str path, enum url_path_rule rule, struct arena *a, struct url_path *ret,
                  struct err *e);

/* data:[<mime>][;name=value...][;base64],<payload> (RFC 2397). */
struct data_url {
    str mime;    /* without parameters; empty if not given (then it means text/plain) */
    str params;  /* between mime and base64, without the leading ";" */
    bool base64; /* else the payload is percent-encoded */
    str payload; /* not decoded, not checked */
};

/* False: it does not begin with "data:" or has no comma. */
bool url_split_data(str s, struct data_url *ret);

#endif
