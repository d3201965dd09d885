/* read.c - a JSON text becomes a tree in one pass.
 *
 * The values are laid out as yyjson does it, so that its inline getters work on them: one array in
 * reading order, a container before what it holds and with the distance to what follows it; a
 * member is two values, key and value. The text is copied once; strings and numbers stay where they
 * are in the copy, get a NUL behind them and lose their escapes in place (an escape is never
 * shorter than what it means). The copy ends in a NUL, which is no blank and begins nothing: the
 * end needs no test of its own. Functions take and return the place in the text; NULL is an error,
 * told in struct lex.
 */
#include "json/doc.h"
#include "json/lex.h"

struct level {
    size_t at;    /* the container's place among the values */
    size_t count; /* items or members so far */
    bool object;
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

static const char *bad(struct reading *r, const char *at, const char *expected)
{
    lex_bad(&r->l, at, expected);
    return NULL;
}

static void more_values(struct reading *r)
{
    size_t bytes = r->cap * sizeof(jval);
    r->values = arena_resize(r->arena, r->values, bytes, bytes * 2);
    r->cap *= 2;
}

static inline void add_value(struct reading *r, uint64_t tag, const char *text)
{
    if (UNLIKELY(r->n == r->cap))
        more_values(r);
    jval *v = &r->values[r->n++];
    v->tag = tag;
    v->uni.str = text;
}

static inline const char *blanks(const char *p)
{
    while (UNLIKELY(*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        p++;
    return p;
}

/* ---- strings and numbers -------------------------------------------------------------------- */

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

/* The string that is not plain: s->p stands where that was noticed. NULL on an error, else where
 * its text ends; s->p is then at the closing quote. */
static char *string_end(struct lex *s)
{
    if (!lex_run(s))
        return NULL;
    return *s->p == '"' ? writable(s->p) : close_gaps(s);
}

/* p stands at the opening quote; the answer is behind the closing one. */
static const char *read_string(struct reading *r, const char *p)
{
    const char *text = p + 1;
    p = json_plain_end(text, r->l.end);
    char *text_end = writable(p);
    if (UNLIKELY(*p != '"')) {
        r->l.p = p;
        text_end = string_end(&r->l);
        if (!text_end)
            return NULL;
        p = r->l.p;
    }
    *text_end = 0;
    add_value(r, json_tag((size_t)(text_end - text), YYJSON_TYPE_STR), text);
    return p + 1;
}

static const char *read_number(struct reading *r, const char *p)
{
    r->l.p = p;
    if (!lex_number(&r->l))
        return NULL;
    r->number_end = writable(r->l.p);
    add_value(r, json_tag((size_t)(r->l.p - p), YYJSON_TYPE_RAW), p);
    return r->l.p;
}

static const char *read_scalar(struct reading *r, const char *p)
{
    char first = *p;
    if (first == '"')
        return read_string(r, p);
    if (first == '-' || (first >= '0' && first <= '9'))
        return read_number(r, p);
    r->l.p = p;
    if (!lex_scalar(&r->l))
        return NULL;
    uint8_t truth = first == 't' ? YYJSON_SUBTYPE_TRUE : YYJSON_SUBTYPE_FALSE;
    add_value(r, first == 'n' ? YYJSON_TYPE_NULL : (uint8_t)(YYJSON_TYPE_BOOL | truth), NULL);
    return r->l.p;
}

/* ---- containers ----------------------------------------------------------------------------- */

static const char *begin_container(struct reading *r, const char *p)
{
    bool object = *p == '{';
    if (r->depth == JSON_DEPTH_MAX) {
        r->l.p = p;
        return NULL;
    }
    r->levels[r->depth++] = (struct level){ .at = r->n, .object = object };
    add_value(r, object ? YYJSON_TYPE_OBJ : YYJSON_TYPE_ARR, NULL);
    return p + 1;
}

static void end_container(struct reading *r)
{
    const struct level *level = &r->levels[--r->depth];
    jval *v = &r->values[level->at];
    v->tag |= json_tag(level->count, 0);
    v->uni.ofs = (r->n - level->at) * sizeof(jval);
}

/* From where an item or a key must be to where its value must be. */
static const char *begin_item(struct reading *r, const char *p)
{
    struct level *level = &r->levels[r->depth - 1];
    level->count++;
    if (!level->object)
        return p;
    if (*p != '"')
        return bad(r, p, "a key in double quotes");
    p = read_string(r, p);
    if (!p)
        return NULL;
    p = blanks(p);
    return LIKELY(*p == ':') ? blanks(p + 1) : bad(r, p, "':'");
}

/* After an opening bracket, and after a value: goes on to where the next value must be, or, with
 * depth 0, behind the outermost one. */
static const char *to_next_value(struct reading *r, const char *p, bool opened)
{
    for (; r->depth; opened = false) {
        bool object = r->levels[r->depth - 1].object;
        p = blanks(p);
        if (*p == (object ? '}' : ']')) {
            p++;
            end_container(r);
            continue;
        }
        if (opened)
            return begin_item(r, p);
        if (UNLIKELY(*p != ','))
            return bad(r, p, object ? "',' or '}'" : "',' or ']'");
        if (r->number_end) {
            *r->number_end = 0;
            r->number_end = NULL;
        }
        return begin_item(r, blanks(p + 1));
    }
    return p;
}

static bool read_text(struct reading *r)
{
    const char *p = blanks(r->l.p);
    do {
        bool opens = *p == '{' || *p == '[';
        p = opens ? begin_container(r, p) : read_scalar(r, p);
        if (p)
            p = to_next_value(r, p, opens);
        if (UNLIKELY(!p))
            return false;
    } while (r->depth);
    p = blanks(p);
    if (p != r->l.end)
        return lex_bad(&r->l, p, "nothing after the value");
    if (r->number_end)
        *r->number_end = 0;
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
