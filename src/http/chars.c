#include "http/chars.h"

#define T CHAR_TOKEN
#define V CHAR_VALUE
#define P CHAR_PATH
#define Q CHAR_QUERY
#define H CHAR_HOST
#define X CHAR_HEX
#define U CHAR_PLAIN

/* clang-format off */
const uint8_t chars_table[256] = {
    ['\t'] = V, [' '] = V,
    ['!'] = T | V | P | Q | H,
    ['"'] = V,
    ['#'] = T | V,
    ['$'] = T | V | P | Q | H,
    ['%'] = T | V,
    ['&'] = T | V | P | Q | H, ['\''] = T | V | P | Q | H,
    ['('] = V | P | Q | H, [')'] = V | P | Q | H,
    ['*'] = T | V | P | Q | H, ['+'] = T | V | P | Q | H,
    [','] = V | P | Q | H,
    ['-'] = T | V | P | Q | H | U, ['.'] = T | V | P | Q | H | U,
    ['/'] = V | P | Q,
    ['0' ... '9'] = T | V | P | Q | H | X | U,
    [':'] = V | P | Q,
    [';'] = V | P | Q | H,
    ['<'] = V,
    ['='] = V | P | Q | H,
    ['>'] = V,
    ['?'] = V | Q,
    ['@'] = V | P | Q,
    ['A' ... 'F'] = T | V | P | Q | H | X | U,
    ['G' ... 'Z'] = T | V | P | Q | H | U,
    ['['] = V | P | Q,
    ['\\'] = V,
    [']'] = V | P | Q,
    ['^'] = T | V | Q,
    ['_'] = T | V | P | Q | H | U,
    ['`'] = T | V | Q,
    ['a' ... 'f'] = T | V | P | Q | H | X | U,
    ['g' ... 'z'] = T | V | P | Q | H | U,
    ['{'] = V | Q,
    ['|'] = T | V | P | Q,
    ['}'] = V | Q,
    ['~'] = T | V | P | Q | H | U,
    [0x80 ... 0xff] = V,
};
/* clang-format on */

bool chars_are_uri(str s, unsigned cls)
{
    for (size_t i = 0; i < s.n; i++) {
        if (chars_is(s.p[i], cls))
            continue;
        if (s.p[i] != '%' || s.n - i < 3 || !chars_is(s.p[i + 1], CHAR_HEX) ||
            !chars_is(s.p[i + 2], CHAR_HEX))
            return false;
        i += 2;
    }
    return true;
}
