/* chars.h - which bytes may stand where in HTTP and in URIs, as one table of bits.
 *
 * Sources: RFC 9110 5.6.2 (token) and 5.5 (field value), RFC 3986 2 and 3. Path and query also take
 * the few characters that the WHATWG URL standard leaves unescaped there ("[", "]", "|" and, in a
 * query, "^", "`", "{", "}"): browsers and Node send them so. "%" is in none of the URI classes:
 * its two digits have to be looked at, see chars_are_uri.
 */
#ifndef HTTP_CHARS_H
#define HTTP_CHARS_H

#include "base/str.h"

enum {
    CHAR_TOKEN = 1,
    CHAR_VALUE = 2, /* of a field: no controls but tab; bytes over 127 are opaque */
    CHAR_PATH = 4,  /* "/" included */
    CHAR_QUERY = 8,
    CHAR_HOST = 16, /* a reg-name of RFC 3986 */
    CHAR_HEX = 32,
    CHAR_PLAIN = 64, /* unreserved: never needs escaping */
};

extern const uint8_t chars_table[256];

static inline bool chars_is(char c, unsigned cls)
{
    return (chars_table[(unsigned char)c] & cls) != 0;
}

/* Every byte of s is of the class (true for an empty s). */
static inline bool chars_are(str s, unsigned cls)
{
    for (size_t i = 0; i < s.n; i++)
        if (!chars_is(s.p[i], cls))
            return false;
    return true;
}

/* As chars_are, and "%" with two hex digits is allowed too. */
bool chars_are_uri(str s, unsigned cls);

/* The value of a hex digit; only for bytes of CHAR_HEX. */
static inline unsigned chars_hex(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

#endif
