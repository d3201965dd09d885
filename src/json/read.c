/* read.c - a JSON text becomes a tree in one pass.
 *
 * The values are laid out as yyjson does it, so that its inline getters work on them: one array in
 * reading order, a container before what it holds and with the distance to what follows it; a
 * member is two values, key and value. The text is copied once; strings and numbers stay where they
 * are in the copy, get a NUL behind them and lose their escapes in place (an escape is never
 * shorter than what it means).
 */
#include "json/doc.h"
#include "json/lex.h"

struct level {
    size_t at;    /* the container's place among the values */
    size_t count; /* items or members so far */
};

struct reading {
    struct lex l;
    jval *values;
    size_t n, cap;
    struct arena *arena;
    char *number_end; /* gets its NUL once what stands there has been read */
    unsigned depth;
    struct level levels[JSON_DEPTH_MAX]; /* written before they are read */
};

static void add_value(struct reading *r, uint64_t tag, const char *text)
{
    if (r->n == r->cap) {
        size_t bytes = r->cap * sizeof(jval);
        r->values = arena_resize(r->arena, r->values, bytes, bytes * 2);
        r->cap *= 2;
    }
    jval *v = &r->values[r->n++];
    v->tag = tag;
    v->uni.str = text;
}

/* The copy, seen by who may write to it. */
static char *writable(const char *p)
{
    return (char *)(uintptr_t)p;
}

/* One escape, whose value goes to *to. A pair of surrogates is two. */
static bool read_escape(struct lex *s, char **to)
{
    const char *at = s->p;
    if (!lex_escape(s))
        return false;
    if (at[1] == 'u' && json_is_high(json_unit(at + 2)) && s->end - s->p >= 2 && s->p[0] == '\\' &&
        s->p[1] == 'u') {
        const char *first_end = s->p;
        if (!lex_escape(s))
            return false;
        if (!json_is_low(json_unit(first_end + 2)))
            s->p = first_end; /* the next one stands for itself */
    }
    *to += utf8_put(*to, json_escape_value(&at, s->end));
    return true;
}

/* The rest of a string from its first escape on: what follows moves up. NULL on an error, else
 * where its text ends. */
static char *close_gaps(struct lex *s)
{
    char *to = writable(s->p);
    while (*s->p == '\\') {
        if (!read_escape(s, &to))
            return NULL;
        const char *from = s->p;
        if (!lex_run(s))
            return NULL;
        size_t run = (size_t)(s->p - from);
        memmove(to, from, run);
        to += run;
    }
    return to;
}

/* p stands at the opening quote; afterwards behind the closing one. */
static bool read_string(struct reading *r)
{
    struct lex *s = &r->l;
    const char *text = ++s->p;
    if (!lex_run(s))
        return false;
    char *text_end = LIKELY(*s->p == '"') ? writable(s->p) : close_gaps(s);
    if (!text_end)
        return false;
    s->p++;
    *text_end = 0;
    add_value(r, json_tag((size_t)(text_end - text), YYJSON_TYPE_STR), text);
    return true;
}

static bool read_number(struct reading *r)
{
    const char *text = r->l.p;
    if (!lex_number(&r->l))
        return false;
    r->number_end = writable(r->l.p);
    add_value(r, json_tag((size_t)(r->l.p - text), YYJSON_TYPE_RAW), text);
    return true;
}

static bool read_scalar(struct reading *r)
{
    char first = *r->l.p;
    if (first == '"')
        return read_string(r);
    if (first == '-' || (first >= '0' && first <= '9'))
        return read_number(r);
    if (!lex_scalar(&r->l))
        return false;
    uint8_t truth = first == 't' ? YYJSON_SUBTYPE_TRUE : YYJSON_SUBTYPE_FALSE;
    add_value(r, first == 'n' ? YYJSON_TYPE_NULL : (uint8_t)(YYJSON_TYPE_BOOL | truth), NULL);
    return true;
}

static void end_container(struct reading *r)
{
    const struct level *level = &r->levels[--r->depth];
    jval *v = &r->values[level->at];
    v->tag |= json_tag(level->count, 0);
    v->uni.ofs = (r->n - level->at) * sizeof(jval);
}

static bool read_key(struct reading *r)
{
    struct lex *s = &r->l;
    if (s->p == s->end || *s->p != '"')
        return lex_bad(s, s->p, "a key in double quotes");
    if (!read_string(r))
        return false;
    lex_blanks(s);
    if (s->p == s->end || *s->p != ':')
        return lex_bad(s, s->p, "':'");
    s->p++;
    lex_blanks(s);
    return true;
}

/* After an opening bracket, and after a value: goes on to where the next value starts. False at the
 * end of the text's value, or with l.expected set. */
static bool to_next_value(struct reading *r, bool opened)
{
    struct lex *s = &r->l;
    for (;; opened = false) {
        if (r->depth == 0)
            return false;
        struct level *level = &r->levels[r->depth - 1];
        bool object = r->values[level->at].tag & 1; /* the lowest bit tells objects from arrays */
        lex_blanks(s);
        if (s->p < s->end && *s->p == (object ? '}' : ']')) {
            s->p++;
            end_container(r);
            continue;
        }
        if (!opened) {
            if (s->p == s->end || *s->p != ',')
                return lex_bad(s, s->p, object ? "',' or '}'" : "',' or ']'");
            s->p++;
            lex_blanks(s);
        }
        level->count++;
        return !object || read_key(r);
    }
}

_Static_assert((YYJSON_TYPE_OBJ & 1) == 1 && (YYJSON_TYPE_ARR & 1) == 0, "see to_next_value");

static void end_number(struct reading *r)
{
    if (r->number_end)
        *r->number_end = 0;
    r->number_end = NULL;
}

/* False on an error: l.expected is set, or the text is too deep. */
static bool read_text(struct reading *r)
{
    struct lex *s = &r->l;
    bool more = true;
    lex_blanks(s);
    while (more) {
        if (s->p == s->end)
            return lex_bad(s, s->p, "a value");
        char first = *s->p;
        bool opens = first == '{' || first == '[';
        if (opens) {
            if (r->depth == JSON_DEPTH_MAX)
                return false;
            r->levels[r->depth++] = (struct level){ .at = r->n };
            add_value(r, first == '{' ? YYJSON_TYPE_OBJ : YYJSON_TYPE_ARR, NULL);
            s->p++;
        } else if (!read_scalar(r)) {
            return false;
        }
        more = to_next_value(r, opens);
        if (s->expected)
            return false;
        if (more)
            end_number(r);
    }
    lex_blanks(s);
    if (s->p != s->end)
        return lex_bad(s, s->p, "nothing after the value");
    end_number(r);
    return true;
}

rc jd_read(jval **ret, str text, struct arena *a, struct err *e)
{
    enum { VALUES_LEAST = 16, BYTES_PER_VALUE = 24 };
    struct reading r;
    *ret = NULL;
    char *copy = arena_raw(a, text.n + 1);
    if (text.n)
        memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    r.l = (struct lex){ copy, copy, copy + text.n, NULL };
    r.n = 0;
    r.cap = VALUES_LEAST + text.n / BYTES_PER_VALUE;
    r.arena = a;
    r.number_end = NULL;
    r.depth = 0;
    r.values = arena_raw(a, r.cap * sizeof(jval));
    if (UNLIKELY(!read_text(&r)))
        return lex_error(&r.l, e);
    *ret = arena_resize(a, r.values, r.cap * sizeof(jval), r.n * sizeof(jval));
    return RC_OK;
}
