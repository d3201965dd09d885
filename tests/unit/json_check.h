/* json_check.h - JSON texts compared as values: the order of members does not count. */
#ifndef TESTS_UNIT_JSON_CHECK_H
#define TESTS_UNIT_JSON_CHECK_H

#include "check.h"
#include "json/doc.h"

static inline bool json_same(jval *x, jval *y)
{
    if (jd_kind(x) != jd_kind(y))
        return false;
    switch (jd_kind(x)) {
    case JSON_STRING:
        return str_eq(jd_str(x), jd_str(y));
    case JSON_NUMBER:
        return str_eq(jd_num(x), jd_num(y)) || jd_f64_or(x, 0) == jd_f64_or(y, 1);
    case JSON_ARRAY:
        if (jd_count(x) != jd_count(y))
            return false;
        for (size_t i = 0; i < jd_count(x); i++)
            if (!json_same(jd_at(x, i), jd_at(y, i)))
                return false;
        return true;
    case JSON_OBJECT:
        if (jd_count(x) != jd_count(y))
            return false;
        JD_EACH (m, x)
            if (!jd_get(y, m.name) || !json_same(m.value, jd_get(y, m.name)))
                return false;
        return true;
    default:
        return true;
    }
}

/* Both parse and are the same value. */
static inline bool json_texts_same(str got, str want)
{
    struct arena a;
    jval *x = NULL, *y = NULL;
    arena_init(&a);
    bool same = !FAILED(jd_read(&x, got, &a, NULL)) && !FAILED(jd_read(&y, want, &a, NULL)) &&
                json_same(x, y);
    arena_done(&a);
    return same;
}

#define CHECK_JSON(got, want)                                                          \
    do {                                                                               \
        str got_ = (got), want_ = (want);                                              \
        if (!json_texts_same(got_, want_))                                             \
            fail_msg("%s\n  got:  %.*s\n  want: %.*s", #got, STRF(got_), STRF(want_)); \
    } while (0)

#endif
