/* internal.h - shared inside json/ only: values' tags, \u escapes. */
#ifndef JSON_INTERNAL_H
#define JSON_INTERNAL_H

#include "json/doc.h"

/* What read.c makes a value of that type and length of: no other bits are set in strings. */
static inline uint64_t json_tag(size_t n, uint8_t type)
{
    return (uint64_t)n << YYJSON_TAG_BIT | type;
}

static inline int json_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit of four digits known to be valid. */
static inline uint32_t json_unit(const char *digits)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v = v << 4 | (uint32_t)json_hex(digits[i]);
    return v;
}

static inline bool json_is_high(uint32_t unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static inline bool json_is_low(uint32_t unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

/* Reads one escape of a valid JSON string: *p stands at the backslash and moves behind it. A lone
 * surrogate gives U+FFFD. */
static inline uint32_t json_escape_value(const char **p, const char *end)
{
    const char *at = *p + 2;
    *p = at;
    switch (at[-1]) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'u':
        break;
    default:
        return (unsigned char)at[-1];
    }
    uint32_t u = json_unit(at);
    *p = at + 4;
    if (json_is_high(u) && end - *p >= 6 && at[4] == '\\' && at[5] == 'u') {
        uint32_t low = json_unit(at + 6);
        if (json_is_low(low)) {
            *p = at + 10;
            return 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return json_is_high(u) || json_is_low(u) ? 0xfffd : u;
}

#endif
