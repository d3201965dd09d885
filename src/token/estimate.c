#include "token/count.h"

enum kind { LETTER, WIDE, DIGIT, BLANK, LINE, SIGN };

/* The character at s[at] and its length. Letters of alphabets are one kind, characters that are
 * words by themselves (CJK, kana, Hangul, emoji) another. */
static enum kind kind_at(str s, size_t at, size_t *ret_len)
{
    unsigned char c = (unsigned char)s.p[at];
    *ret_len = 1;
    if (c < 0x80) {
        if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
            return LETTER;
        if (c >= '0' && c <= '9')
            return DIGIT;
        if (c == '\n' || c == '\r')
            return LINE;
        return c == ' ' || c == '\t' ? BLANK : SIGN;
    }
    size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
    *ret_len = len < s.n - at ? len : s.n - at;
    if (c < 0xe0)
        return LETTER; /* Latin, Greek, Cyrillic, Hebrew, Arabic */
    if (c == 0xe0 || (c == 0xe1 && at + 1 < s.n && (unsigned char)s.p[at + 1] < 0xa0))
        return LETTER; /* Indic scripts, Thai, Georgian */
    if (c == 0xe2 || (c == 0xef && at + 1 < s.n && (unsigned char)s.p[at + 1] == 0xbc) ||
        (c == 0xe3 && at + 1 < s.n && (unsigned char)s.p[at + 1] == 0x80))
        return SIGN; /* punctuation of all kinds */
    return WIDE;
}

struct run {
    enum kind kind, before; /* before: the run to its left */
    size_t chars, bytes;
    size_t humps; /* capitals behind a small letter: camelCase */
    unsigned char first;
};

static size_t letters(const struct run *r)
{
    size_t n = r->chars;
    if (r->first >= 0xd0 && r->first <= 0xd4) /* Cyrillic */
        return n <= 4 ? 4 : 1 + n * 7 / 8;
    if (r->bytes > n + n / 2) /* other alphabets */
        return n <= 3 ? 5 : 2 + n * 5 / 4;
    if (r->bytes > n) /* accents: not English */
        return n <= 4 ? 5 : n * 9 / 8;
    return (n <= 7 ? 4 : n <= 10 ? 5 : n <= 13 ? 6 : n / 2) + 2 * r->humps;
}

/* In quarters of a token, so that averages can be said. */
static size_t cost(const struct run *r)
{
    size_t n = r->chars;
    switch (r->kind) {
    case LETTER:
        return letters(r);
    case DIGIT:
        return (n + 2) / 3 * 4;
    case WIDE:
        return r->first >= 0xea && r->first <= 0xed ? n * 11 / 4 : n * 3 + 1; /* Hangul first */
    case BLANK:
        return n > 1 && r->before != LINE ? 4 : 0; /* one blank belongs to the word behind it */
    case LINE:
        return r->before == SIGN ? 1 : 4;
    case SIGN:
        return n <= 3 ? 4 : 3 + n / 2;
    }
    return 0;
}

int64_t token_estimate(str s)
{
    size_t quarters = 0, len;
    enum kind before = LINE;
    for (size_t at = 0; at < s.n;) {
        struct run r = { .kind = kind_at(s, at, &len),
                         .before = before,
                         .first = (unsigned char)s.p[at] };
        bool small = false;
        do {
            char c = s.p[at];
            r.humps += c >= 'A' && c <= 'Z' && small;
            small = c >= 'a' && c <= 'z';
            r.chars++;
            r.bytes += len;
            at += len;
        } while (at < s.n && kind_at(s, at, &len) == r.kind);
        quarters += cost(&r);
        before = r.kind;
    }
    return (int64_t)((quarters + 3) / 4);
}
