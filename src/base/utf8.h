/* utf8.h - one step through UTF-8 (RFC 3629: no surrogates, no overlong forms, nothing past
 * U+10FFFF).
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/base.h"

/* Length of the character at p (n >= 1 bytes left), or 0 if it is not valid. */
static inline size_t utf8_step(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2)
        return 0;
    if (p[0] < 0xe0)
        return n >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
    if (p[0] < 0xf0) {
        if (n < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
            return 0;
        bool overlong = p[0] == 0xe0 && p[1] < 0xa0;
        bool surrogate = p[0] == 0xed && p[1] >= 0xa0;
        return overlong || surrogate ? 0 : 3;
    }
    if (p[0] > 0xf4 || n < 4)
        return 0;
    if ((p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80)
        return 0;
    bool overlong = p[0] == 0xf0 && p[1] < 0x90;
    bool past_end = p[0] == 0xf4 && p[1] >= 0x90;
    return overlong || past_end ? 0 : 4;
}

/* The first byte at or after p that is ASCII or does not begin a valid character, or end: passes a
 * run of another script quickly. */
static inline const char *utf8_run_end(const char *p, const char *end)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    while (end - p >= 4 && (signed char)*p < 0) {
        uint32_t x;
        memcpy(&x, p, 4);
        uint32_t top = x & 0x200f; /* of three bytes: the five bits that tell overlong, surrogate */
        if ((x & 0xc0c0f0) == 0x8080e0 && top != 0 && top != 0x200d)
            p += 3;
        else if ((x & 0xc0e0) == 0x80c0 && (x & 0x1e) != 0)
            p += 2;
        else if (utf8_step(p, 4) == 4)
            p += 4;
        else
            return p;
    }
#endif
    size_t step;
    while (p < end && (signed char)*p < 0 && (step = utf8_step(p, (size_t)(end - p))))
        p += step;
    return p;
}

/* Writes code point c (<= U+10FFFF) and returns its length. */
static inline size_t utf8_put(char out[4], uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    out[0] = (char)(lead[n] | c);
    return n;
}

#endif
