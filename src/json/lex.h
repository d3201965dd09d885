/* lex.h - the pieces of a JSON text, for those inside json/ that go through one: scan.c, read.c.
 *
 * A cursor that never passes its end. What is wrong is noted where it is found (`expected`); the
 * cursor then stands there.
 */
#ifndef JSON_LEX_H
#define JSON_LEX_H

#include "base/utf8.h"
#include "json/internal.h"
#include "json/plain.h"

struct lex {
    const char *begin, *p, *end;
    const char *expected; /* set: p stands at a byte that is none of this */
};

/* The error for a text that is wrong at p; too deep, if nothing was expected there. */
rc lex_error(const struct lex *s, struct err *e);

static inline void lex_blanks(struct lex *s)
{
    const char *p = s->p;
    while (p < s->end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        p++;
    s->p = p;
}

static inline bool lex_bad(struct lex *s, const char *at, const char *expected)
{
    s->p = at;
    s->expected = expected;
    return false;
}

/* p stands at a backslash. */
static inline bool lex_escape(struct lex *s)
{
    const char *p = s->p + 1;
    if (p == s->end)
        return lex_bad(s, p, "an escape");
    switch (*p) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        s->p = p + 1;
        return true;
    case 'u':
        for (int i = 1; i <= 4; i++)
            if (p + i == s->end || json_hex(p[i]) < 0)
                return lex_bad(s, p + i, "four hex digits after \\u");
        s->p = p + 5;
        return true;
    default:
        return lex_bad(s, p, "one of \"\\/bfnrtu after a backslash");
    }
}

/* Inside a string: on to the quote or backslash that comes next. */
static inline bool lex_run(struct lex *s)
{
    for (;;) {
        s->p = json_plain_end(s->p, s->end);
        if (s->p == s->end)
            return lex_bad(s, s->end, "the end of the string");
        if (LIKELY(*s->p == '"' || *s->p == '\\'))
            return true;
        if ((signed char)*s->p >= 0)
            return lex_bad(s, s->p, "no raw control character in a string");
        const char *stop = utf8_run_end(s->p, s->end);
        if (stop == s->p)
            return lex_bad(s, s->p, "valid UTF-8");
        s->p = stop;
    }
}

/* p stands at the opening quote; afterwards behind the closing one. */
static inline bool lex_string(struct lex *s)
{
    s->p++;
    for (;;) {
        if (!lex_run(s))
            return false;
        if (LIKELY(*s->p == '"')) {
            s->p++;
            return true;
        }
        if (!lex_escape(s))
            return false;
    }
}

static inline bool lex_is_digit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

static inline const char *lex_digits_end(const char *p, const char *end)
{
    while (lex_is_digit(p, end))
        p++;
    return p;
}

static inline bool lex_number(struct lex *s)
{
    const char *p = s->p, *end = s->end;
    if (*p == '-')
        p++;
    if (!lex_is_digit(p, end))
        return lex_bad(s, p, "a digit");
    p = *p == '0' ? p + 1 : lex_digits_end(p, end);
    if (lex_is_digit(p, end))
        return lex_bad(s, p, "no digit after a leading zero");
    if (p < end && *p == '.') {
        p++;
        if (!lex_is_digit(p, end))
            return lex_bad(s, p, "a digit");
        p = lex_digits_end(p, end);
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        if (!lex_is_digit(p, end))
            return lex_bad(s, p, "a digit");
        p = lex_digits_end(p, end);
    }
    s->p = p;
    return true;
}

static inline bool lex_word(struct lex *s, str word)
{
    for (size_t i = 0; i < word.n; i++)
        if (s->p + i == s->end || s->p[i] != word.p[i])
            return lex_bad(s, s->p + i, "true, false or null");
    s->p += word.n;
    return true;
}

/* Everything but arrays and objects; the first byte says which. */
static inline bool lex_scalar(struct lex *s)
{
    switch (*s->p) {
    case '"':
        return lex_string(s);
    case 't':
        return lex_word(s, S("true"));
    case 'f':
        return lex_word(s, S("false"));
    case 'n':
        return lex_word(s, S("null"));
    case '-':
    case '0' ... '9':
        return lex_number(s);
    default:
        return lex_bad(s, s->p, "a value");
    }
}

static inline enum json_kind lex_kind(char first)
{
    switch (first) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

#endif
