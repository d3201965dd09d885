#include "json/scan.h"

#include "json/lex.h"

/* One pass with an explicit stack. The cursor never passes end; errors are noted where they are
 * found and end the loop. */
struct scan {
    struct lex l;
    struct json_member *wanted;
    size_t nwanted;
    unsigned depth;
    char stack[JSON_DEPTH_MAX]; /* '{' or '[' */
};

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
    if (s->l.p == s->l.end || *s->l.p != '"')
        return lex_bad(&s->l, s->l.p, "a key in double quotes");
    const char *key = s->l.p + 1;
    if (!lex_string(&s->l))
        return false;
    if (s->depth == 1)
        *ret_member = find_wanted(s, key, s->l.p - 1);
    lex_blanks(&s->l);
    if (s->l.p == s->l.end || *s->l.p != ':')
        return lex_bad(&s->l, s->l.p, "':'");
    s->l.p++;
    return true;
}

/* After an opening bracket, and after a value: goes on to where the next value starts. Returns
 * false at the end of the text's value, or with s->l.expected set. */
static bool to_next_value(struct scan *s, bool opened, struct json_member **member)
{
    for (;; opened = false) {
        if (!opened && *member && s->depth == 1) {
            (*member)->value.n = (size_t)(s->l.p - (*member)->value.p);
            *member = NULL;
        }
        if (s->depth == 0)
            return false;
        lex_blanks(&s->l);
        char open = s->stack[s->depth - 1];
        char close = open == '{' ? '}' : ']';
        if (s->l.p < s->l.end && *s->l.p == close) {
            s->l.p++;
            s->depth--;
            continue;
        }
        if (!opened) {
            if (s->l.p == s->l.end || *s->l.p != ',')
                return lex_bad(&s->l, s->l.p, open == '{' ? "',' or '}'" : "',' or ']'");
            s->l.p++;
            lex_blanks(&s->l);
        }
        if (open == '{') {
            if (!scan_key(s, member))
                return false;
            lex_blanks(&s->l);
        }
        return true;
    }
}

static void note_member(struct json_member *m, const char *at)
{
    m->kind = lex_kind(*at);
    m->value = (str){ at, 0 };
    m->times++;
}

/* False on an error: s->l.expected is set, or the text is too deep. */
static bool scan_text(struct scan *s, enum json_kind *top)
{
    struct json_member *member = NULL; /* whose value is being read */
    bool more = true;
    lex_blanks(&s->l);
    while (more) {
        if (s->l.p == s->l.end)
            return lex_bad(&s->l, s->l.p, "a value");
        char first = *s->l.p;
        if (*top == JSON_NONE)
            *top = lex_kind(first);
        if (member && s->depth == 1)
            note_member(member, s->l.p);
        bool opens = first == '{' || first == '[';
        if (opens) {
            if (s->depth == JSON_DEPTH_MAX)
                return false;
            s->stack[s->depth++] = first;
            s->l.p++;
        } else if (!lex_scalar(&s->l)) {
            return false;
        }
        more = to_next_value(s, opens, &member);
        if (s->l.expected)
            return false;
    }
    lex_blanks(&s->l);
    return s->l.p == s->l.end || lex_bad(&s->l, s->l.p, "nothing after the value");
}

rc lex_error(const struct lex *s, struct err *e)
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

rc json_scan(str text, struct json_member *wanted, size_t n, enum json_kind *ret_top, struct err *e)
{
    struct scan s;
    if (text.n == 0)
        text = S(""); /* its p may be NULL, which cannot be added to */
    s.l = (struct lex){ text.p, text.p, text.p + text.n, NULL };
    s.wanted = wanted;
    s.nwanted = n;
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
    return LIKELY(ok) ? RC_OK : lex_error(&s.l, e);
}
