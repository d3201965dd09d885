/* json_diff.h - where two JSON values differ, place by place, up to the order of members.
 *
 * Each difference is told as (how, where, value): where is a JSON pointer in which every index is
 * `*`; in arrays of objects with a `kind` the index is that word. how is
 *
 *   lost      only in the first; value is its text        added    only in the second
 *   changed   both, not the same                          text     a string there, a list of one
 *   json      strings that hold the same JSON value                text part here, or the reverse
 *
 * Lists of objects with a `kind` or `type` are lined up by it, others by their index.
 */
#ifndef TESTS_UNIT_JSON_DIFF_H
#define TESTS_UNIT_JSON_DIFF_H

#include "json_check.h"

struct json_diff {
    void (*tell)(struct json_diff *d, const char *how, str where, str was, str is);
    struct arena *arena;
};

static inline void json_diff_at(struct json_diff *d, str where, jval *x, jval *y);

static inline str json_diff_kind(jval *v)
{
    str kind = jd_get_str(v, S("kind"));
    if (kind.n == 0)
        kind = jd_get_str(v, S("type"));
    if (kind.n == 0 && jd_get(v, S("role"))) /* Responses' short form of a message */
        kind = S("message");
    static const char *const held[] = { "text",         "functionCall",         "functionResponse",
                                        "googleSearch", "functionDeclarations", NULL };
    struct jd_iter m = jd_iter(v);
    if (kind.n == 0 && jd_is_obj(v) && jd_next(&m) && str_among(m.name, held))
        kind = m.name; /* Gemini's parts and tools are told apart by what they hold */
    return kind;
}

static inline str json_diff_item(struct json_diff *d, str where, jval *item)
{
    str kind = jd_get_str(item, S("kind"));
    return arena_fmt(d->arena, "%.*s/%.*s", STRF(where), STRF(kind.n ? kind : S("*")));
}

static inline void json_diff_one(struct json_diff *d, str where, jval *x, jval *y)
{
    str at = json_diff_item(d, where, x ? x : y);
    if (x && y)
        json_diff_at(d, at, x, y);
    else
        d->tell(d, x ? "lost" : "added", at, jd_text(x, d->arena), jd_text(y, d->arena));
}

/* The index from `from` on of an item of that kind; count if there is none. */
static inline size_t json_diff_find(jval *list, size_t from, str kind)
{
    while (from < jd_count(list) && !str_eq(json_diff_kind(jd_at(list, from)), kind))
        from++;
    return from;
}

static inline void json_diff_lists(struct json_diff *d, str where, jval *x, jval *y)
{
    size_t i = 0, j = 0, nx = jd_count(x), ny = jd_count(y);
    while (i < nx && j < ny) {
        jval *a = jd_at(x, i), *b = jd_at(y, j);
        size_t in_y = json_diff_find(y, j, json_diff_kind(a));
        size_t in_x = json_diff_find(x, i, json_diff_kind(b));
        if (in_y == j || (in_x == nx && in_y == ny)) {
            json_diff_one(d, where, a, b);
            i++;
            j++;
        } else if (in_x - i <= in_y - j && in_x < nx) {
            json_diff_one(d, where, a, NULL);
            i++;
        } else {
            json_diff_one(d, where, NULL, b);
            j++;
        }
    }
    for (; i < nx; i++)
        json_diff_one(d, where, jd_at(x, i), NULL);
    for (; j < ny; j++)
        json_diff_one(d, where, NULL, jd_at(y, j));
}

/* `list` is one text part that says `s`. */
static inline bool json_diff_is_text(jval *s, jval *list)
{
    jval *part = jd_at(list, 0);
    return jd_is_str(s) && jd_is_arr(list) && jd_count(list) == 1 &&
           jd_str_is(jd_get(part, S("text")), jd_str(s)) &&
           jd_count(part) == (jd_get(part, S("type")) ? 2 : 1);
}

static inline void json_diff_at(struct json_diff *d, str where, jval *x, jval *y)
{
    jval *in_x = NULL, *in_y = NULL;
    if (json_same(x, y))
        return;
    if (jd_is_obj(x) && jd_is_obj(y)) {
        JD_EACH (m, x) {
            str at = arena_fmt(d->arena, "%.*s/%.*s", STRF(where), STRF(m.name));
            if (jd_get(y, m.name))
                json_diff_at(d, at, m.value, jd_get(y, m.name));
            else
                d->tell(d, "lost", at, jd_text(m.value, d->arena), S(""));
        }
        JD_EACH (m, y)
            if (!jd_get(x, m.name))
                d->tell(d, "added", arena_fmt(d->arena, "%.*s/%.*s", STRF(where), STRF(m.name)),
                        S(""), jd_text(m.value, d->arena));
        return;
    }
    if (jd_is_arr(x) && jd_is_arr(y)) {
        json_diff_lists(d, where, x, y);
        return;
    }
    const char *how = "changed";
    if (json_diff_is_text(x, y) || json_diff_is_text(y, x))
        how = "text";
    else if (jd_is_str(x) && jd_is_str(y) && !FAILED(jd_read(&in_x, jd_str(x), d->arena, NULL)) &&
             !FAILED(jd_read(&in_y, jd_str(y), d->arena, NULL)) && json_same(in_x, in_y))
        how = "json";
    d->tell(d, how, where, jd_text(x, d->arena), jd_text(y, d->arena));
}

#endif
