#include "json/scan.h"

#include "base/utf8.h"
#include "json/internal.h"
#include "json/plain.h"

/* One pass with an explicit stack. The cursor never passes end; errors are noted where they are
 * found and end the loop. */
struct scan {
    const char *begin, *p, *end;
    struct json_member *wanted;
    size_t nwanted;
    const char *expected; /* set: p stands at a byte that is none of this */
    unsigned depth;
    bool surrogates;
    char stack[JSON_DEPTH_MAX]; /* '{' or '[' */
};

static void skip_blanks(struct scan *s)
{
    const char *p = s->p;
    while (p < s->end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        p++;
    s->p = p;
}

static bool bad(struct scan *s, const char *at, const char *expected)
{
    s->p = at;
    s->expected = expected;
    return false;
}

/* p stands at a backslash. */
static bool scan_escape(struct scan *s)
{
    const char *p = s->p + 1;
    if (p == s->end)
        return bad(s, p, "an escape");
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
                return bad(s, p + i, "four hex digits after \\u");
        s->surrogates |= (p[1] | 0x20) == 'd' && p[2] >= '8';
        s->p = p + 5;
        return true;
    default:
        return bad(s, p, "one of \"\\/bfnrtu after a backslash");
    }
}

/* p stands at the opening quote; afterwards behind the closing one. */
static bool scan_string(struct scan *s)
{
    s->p++;
    for (;;) {
        s->p = json_plain_end(s->p, s->end);
        if (s->p == s->end)
            return bad(s, s->end, "the end of the string");
        char c = *s->p;
        if (LIKELY(c == '"')) {
            s->p++;
            return true;
        }
        if (c == '\\') {
            if (!scan_escape(s))
                return false;
            continue;
        }
        if ((signed char)c >= 0)
            return bad(s, s->p, "no raw control character in a string");
        const char *stop = utf8_run_end(s->p, s->end);
        if (stop == s->p)
            return bad(s, s->p, "valid UTF-8");
        s->p = stop;
    }
}

static bool is_digit_at(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

static const char *digits_end(const char *p, const char *end)
{
    while (is_digit_at(p, end))
        p++;
    return p;
}

static bool scan_number(struct scan *s)
{
    const char *p = s->p, *end = s->end;
    if (*p == '-')
        p++;
    if (!is_digit_at(p, end))
        return bad(s, p, "a digit");
    p = *p == '0' ? p + 1 : digits_end(p, end);
    if (is_digit_at(p, end))
        return bad(s, p, "no digit after a leading zero");
    if (p < end && *p == '.') {
        p++;
        if (!is_digit_at(p, end))
            return bad(s, p, "a digit");
        p = digits_end(p, end);
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        if (!is_digit_at(p, end))
            return bad(s, p, "a digit");
        p = digits_end(p, end);
    }
    s->p = p;
    return true;
}

static bool scan_word(struct scan *s, str word)
{
    for (size_t i = 0; i < word.n; i++)
        if (s->p + i == s->end || s->p[i] != word.p[i])
            return bad(s, s->p + i, "true, false or null");
    s->p += word.n;
    return true;
}

/* Whether a key with escapes in it (valid, without its quotes) means name. */
static bool escaped_key_is(const char *p, const char *end, str name)
{
    size_t at = 0;
    while (p < end) {
        char c[4] = { *p };
        size_t n = 1;
        if (*p == '\\')
            n = utf8_put(c, json_escape_value(&p, end));
        else
            p++;
        if (name.n - at < n || memcmp(name.p + at, c, n) != 0)
            return false;
        at += n;
    }
    return at == name.n;
}

static struct json_member *find_wanted(const struct scan *s, const char *key, const char *key_end)
{
    str k = { key, (size_t)(key_end - key) };
    bool escaped = memchr(k.p, '\\', k.n) != NULL;
    for (size_t i = 0; i < s->nwanted; i++)
        if (escaped ? escaped_key_is(key, key_end, s->wanted[i].name)
                    : str_eq(k, s->wanted[i].name))
            return &s->wanted[i];
    return NULL;
}

/* p stands where a key must be; afterwards behind the colon. */
static bool scan_key(struct scan *s, struct json_member **ret_member)
{
    if (s->p == s->end || *s->p != '"')
        return bad(s, s->p, "a key in double quotes");
    const char *key = s->p + 1;
    if (!scan_string(s))
        return false;
    if (s->depth == 1)
        *ret_member = find_wanted(s, key, s->p - 1);
    skip_blanks(s);
    if (s->p == s->end || *s->p != ':')
        return bad(s, s->p, "':'");
    s->p++;
    return true;
}

/* Everything but arrays and objects; the first byte says which. */
static bool scan_scalar(struct scan *s)
{
    switch (*s->p) {
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, S("true"));
    case 'f':
        return scan_word(s, S("false"));
    case 'n':
        return scan_word(s, S("null"));
    case '-':
    case '0' ... '9':
        return scan_number(s);
    default:
        return bad(s, s->p, "a value");
    }
}

static enum json_kind kind_of(char first)
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

/* After an opening bracket, and after a value: goes on to where the next value starts. Returns
 * false at the end of the text's value, or with s->expected set. */
static bool to_next_value(struct scan *s, bool opened, struct json_member **member)
{
    for (;; opened = false) {
        if (!opened && *member && s->depth == 1) {
            (*member)->value.n = (size_t)(s->p - (*member)->value.p);
            *member = NULL;
        }
        if (s->depth == 0)
            return false;
        skip_blanks(s);
        char open = s->stack[s->depth - 1];
        char close = open == '{' ? '}' : ']';
        if (s->p < s->end && *s->p == close) {
            s->p++;
            s->depth--;
            continue;
        }
        if (!opened) {
            if (s->p == s->end || *s->p != ',')
                return bad(s, s->p, open == '{' ? "',' or '}'" : "',' or ']'");
            s->p++;
            skip_blanks(s);
        }
        if (open == '{') {
            if (!scan_key(s, member))
                return false;
            skip_blanks(s);
        }
        return true;
    }
}

static void note_member(struct json_member *m, const char *at)
{
    m->kind = kind_of(*at);
    m->value = (str){ at, 0 };
    m->times++;
}

/* False on an error: s->expected is set, or the text is too deep. */
static bool scan_text(struct scan *s, enum json_kind *top)
{
    struct json_member *member = NULL; /* whose value is being read */
    bool more = true;
    skip_blanks(s);
    while (more) {
        if (s->p == s->end)
            return bad(s, s->p, "a value");
        char first = *s->p;
        if (*top == JSON_NONE)
            *top = kind_of(first);
        if (member && s->depth == 1)
            note_member(member, s->p);
        bool opens = first == '{' || first == '[';
        if (opens) {
            if (s->depth == JSON_DEPTH_MAX)
                return false;
            s->stack[s->depth++] = first;
            s->p++;
        } else if (!scan_scalar(s)) {
            return false;
        }
        more = to_next_value(s, opens, &member);
        if (s->expected)
            return false;
    }
    skip_blanks(s);
    return s->p == s->end || bad(s, s->p, "nothing after the value");
}

static rc explain(const struct scan *s, struct err *e)
{
    size_t at = (size_t)(s->p - s->begin);
    if (!s->expected)
        return fail(e, E_LIMIT, "json", at, "nested deeper than %d levels at byte %zu",
                    JSON_DEPTH_MAX, at);
    if (s->p == s->end)
        return fail(e, E_SYNTAX, "json", at, "the text ends at byte %zu, expected %s", at,
                    s->expected);
    unsigned char c = (unsigned char)*s->p;
    if (c > 0x20 && c < 0x7f)
        return fail(e, E_SYNTAX, "json", at, "unexpected '%c' at byte %zu, expected %s", c, at,
                    s->expected);
    return fail(e, E_SYNTAX, "json", at, "unexpected byte 0x%02x at byte %zu, expected %s", c, at,
                s->expected);
}

rc json_scan_more(str text, struct json_member *wanted, size_t n, enum json_kind *ret_top,
                  bool *ret_surrogates, struct err *e)
{
    struct scan s;
    if (text.n == 0)
        text = S(""); /* its p may be NULL, which cannot be added to */
    s.begin = s.p = text.p;
    s.end = text.p + text.n;
    s.wanted = wanted;
    s.nwanted = n;
    s.expected = NULL;
    s.surrogates = false;
    s.depth = 0; /* the stack is written before it is read */
    for (size_t i = 0; i < n; i++) {
        wanted[i].kind = JSON_NONE;
        wanted[i].value = (str){ NULL, 0 };
        wanted[i].times = 0;
    }
    enum json_kind top = JSON_NONE;
    bool ok = scan_text(&s, &top);
    if (ret_top)
        *ret_top = ok ? top : JSON_NONE;
    *ret_surrogates = s.surrogates;
    return LIKELY(ok) ? RC_OK : explain(&s, e);
}

rc json_scan(str text, struct json_member *wanted, size_t n, enum json_kind *ret_top, struct err *e)
{
    bool surrogates;
    return json_scan_more(text, wanted, n, ret_top, &surrogates, e);
}
