#include "token/classes.h"

static enum token_class ascii(uint32_t c)
{
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
        return c & 0x20 ? TOKEN_CLASS_LOWER : TOKEN_CLASS_UPPER;
    if (c >= '0' && c <= '9')
        return TOKEN_CLASS_NUMBER;
    if (c == '\n' || c == '\r')
        return TOKEN_CLASS_LINE;
    return c == ' ' || (c >= '\t' && c <= '\r') ? TOKEN_CLASS_SPACE : TOKEN_CLASS_OTHER;
}

static bool holds(size_t range, uint32_t c)
{
    return token_class_ranges[range] >> 4 <= c &&
           (range + 1 == token_class_ranges_n || token_class_ranges[range + 1] >> 4 > c);
}

/* The range of c (>= 0x80). */
static size_t find(uint32_t c)
{
    size_t from = 0, to = token_class_ranges_n;
    while (to - from > 1) {
        size_t middle = from + (to - from) / 2;
        if (token_class_ranges[middle] >> 4 <= c)
            from = middle;
        else
            to = middle;
    }
    return from;
}

enum token_class token_class_of(uint32_t c, size_t *hint)
{
    if (c < 0x80)
        return ascii(c);
    if (*hint >= token_class_ranges_n || !holds(*hint, c))
        *hint = find(c);
    uint32_t range = token_class_ranges[*hint];
    enum token_class kind = (enum token_class)(range & 7);
    if (range & TOKEN_CLASS_ALTERNATES && (c - (range >> 4)) & 1)
        return kind == TOKEN_CLASS_UPPER ? TOKEN_CLASS_LOWER : TOKEN_CLASS_UPPER;
    return kind;
}
