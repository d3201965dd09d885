#include "token/split.h"

#include "base/utf8.h"
#include "token/classes.h"

enum {
    UPPER = 1 << TOKEN_CLASS_UPPER,
    LOWER = 1 << TOKEN_CLASS_LOWER,
    LETTER = 1 << TOKEN_CLASS_LETTER,
    MARK = 1 << TOKEN_CLASS_MARK,
    NUMBER = 1 << TOKEN_CLASS_NUMBER,
    SPACE = 1 << TOKEN_CLASS_SPACE,
    LINE = 1 << TOKEN_CLASS_LINE,
    OTHER = 1 << TOKEN_CLASS_OTHER,
    LETTERS = UPPER | LOWER | LETTER, /* \p{L} */
    BLANKS = SPACE | LINE,            /* \s */
    SIGNS = OTHER | MARK,             /* [^\s\p{L}\p{N}] */
    PREFIX = OTHER | MARK | SPACE,    /* [^\r\n\p{L}\p{N}] */
    EITHER_CASE = LETTER | MARK,      /* what o200k takes for a capital as well as a small letter */
};

/* ---- characters ----------------------------------------------------------------------------- */

static uint32_t decode(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    uint32_t c = len == 2 ? p[0] & 0x1fU : len == 3 ? p[0] & 0xfU : p[0] & 7U;
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (p[i] & 0x3fU);
    return c;
}

/* The class of the character at `at`, as a bit, and where the next one begins. 0: the end. */
static unsigned look(struct token_split *s, size_t at, size_t *ret_next)
{
    *ret_next = at;
    if (at >= s->text.n)
        return 0;
    unsigned char first = (unsigned char)s->text.p[at];
    *ret_next = at + 1;
    if (first < 0x80)
        return 1U << token_class_of(first, &s->hint);
    size_t len = utf8_step(s->text.p + at, s->text.n - at);
    if (len == 0)
        return OTHER;
    *ret_next = at + len;
    return 1U << token_class_of(decode(s->text.p + at, len), &s->hint);
}

/* Where the run of such characters from `at` ends; at most `most` of them. */
static size_t run(struct token_split *s, size_t at, unsigned classes, size_t most)
{
    size_t next;
    while (most-- && look(s, at, &next) & classes)
        at = next;
    return at;
}

/* ---- what both patterns have ---------------------------------------------------------------- */

/* 's 't 're 've 'm 'll 'd in either case, at `at`: where it ends, or `at`. The long s folds to an
 * s. */
static size_t contraction(const struct token_split *s, size_t at)
{
    str t = str_skip(s->text, at);
    if (t.n < 2 || t.p[0] != '\'')
        return at;
    char one = (char)(t.p[1] | 0x20), two = t.n > 2 ? (char)(t.p[2] | 0x20) : 0;
    if (one == 's' || one == 't' || one == 'm' || one == 'd')
        return at + 2;
    if ((one == 'r' && two == 'e') || (one == 'v' && two == 'e') || (one == 'l' && two == 'l'))
        return at + 3;
    return str_starts(str_skip(t, 1), S("\xc5\xbf")) ? at + 3 : at;
}

/* ` ?[^\s\p{L}\p{N}]+` and the line ends behind it; `at` where there is none. */
static size_t signs(struct token_split *s, size_t at)
{
    size_t from = s->text.p[at] == ' ' ? at + 1 : at;
    size_t end = run(s, from, SIGNS, SIZE_MAX);
    if (end == from)
        return at;
    while (end < s->text.n && (s->text.p[end] == '\r' || s->text.p[end] == '\n' ||
                               (s->encoding == TOKEN_O200K && s->text.p[end] == '/')))
        end++;
    return end;
}

/* Blanks: up to the last line end among them; else without the last one, which belongs to the word
 * behind it. cl100k takes all that end the text. */
static size_t blanks(struct token_split *s, size_t at)
{
    size_t end = at, next, last = at, line = at;
    unsigned c;
    while ((c = look(s, end, &next)) & BLANKS) {
        last = end;
        end = next;
        if (c & LINE)
            line = next;
    }
    if (end == s->text.n && s->encoding == TOKEN_CL100K)
        return end;
    if (line > at)
        return line;
    return end < s->text.n && last > at ? last : end;
}

/* ---- words ---------------------------------------------------------------------------------- */

/* '(?i:[sdmt]|ll|ve|re) | [^\r\n\p{L}\p{N}]?\p{L}+ */
static size_t word_cl100k(struct token_split *s, size_t at)
{
    size_t end = contraction(s, at), from;
    if (end > at)
        return end;
    if (!(look(s, at, &from) & PREFIX))
        from = at;
    end = run(s, from, LETTERS, SIZE_MAX);
    return end > from ? end : at;
}

/* [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+ at `from`, or where there is none, its
 * capitals (the pattern's second alternative). Capitals behind the last letter that has no case
 * begin the next word, unless small letters follow. `from` where there is nothing. */
static size_t word_o200k_at(struct token_split *s, size_t from, bool *ret_small)
{
    size_t at = from, next, caseless = from;
    unsigned c;
    while ((c = look(s, at, &next)) & (UPPER | EITHER_CASE)) {
        at = next;
        if (c & EITHER_CASE)
            caseless = next;
    }
    size_t end = c & LOWER ? run(s, at, LOWER | EITHER_CASE, SIZE_MAX) : caseless;
    *ret_small = end > from;
    return *ret_small ? end : at;
}

static size_t word_o200k(struct token_split *s, size_t at)
{
    size_t from;
    bool small = false;
    unsigned c = look(s, at, &from);
    size_t end = c & PREFIX ? word_o200k_at(s, from, &small) : from;
    if (c & PREFIX && end == from)
        end = at; /* nothing behind what may stand before a word */
    if (!(c & PREFIX) || (c & MARK && !small))
        end = word_o200k_at(s, at, &small); /* the mark is a word's first letter itself */
    return end > at ? contraction(s, end) : at;
}

/* --------------------------------------------------------------------------------------------- */

bool token_split_next(struct token_split *s, str *ret)
{
    size_t at = s->at, next;
    if (at >= s->text.n)
        return false;
    unsigned c = look(s, at, &next);
    size_t end = at;
    if (c & NUMBER)
        end = run(s, at, NUMBER, 3);
    else if (!(c & LINE))
        end = s->encoding == TOKEN_O200K ? word_o200k(s, at) : word_cl100k(s, at);
    if (end == at)
        end = signs(s, at);
    if (end == at)
        end = blanks(s, at);
    BUG_UNLESS(end > at);
    *ret = (str){ s->text.p + at, end - at };
    s->at = end;
    return true;
}
