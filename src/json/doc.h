/* doc.h - reading JSON as a tree: yyjson's values, made by read.c in one pass.
 *
 * Shape:     jd_read turns a text into values; getters then take NULL and wrong types gracefully,
 *            so that chains like jd_str(jd_get(jd_get(v, S("a")), S("b"))) need no checks.
 * Strict:    RFC 8259, UTF-8 as RFC 3629, depth at most JSON_DEPTH_MAX: the same texts as json_scan
 *            accepts. An escaped lone surrogate ("\ud83d") is read as U+FFFD.
 * Numbers:   kept as the text they are (jd_num); nothing is rounded until somebody asks for a
 * value. Ownership: values and strings live in the arena. Strings and numbers are NUL-terminated
 * behind their end, but strings may hold NULs. Twice the same key: jd_get takes the last, iteration
 * shows all.
 */
#ifndef JSON_DOC_H
#define JSON_DOC_H

#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "json/scan.h"

typedef yyjson_val jval;

/* E_SYNTAX (e->at = byte offset) if text is not one JSON value with only blanks around it; E_LIMIT
 * if it is too deep. text is copied. */
MUST_CHECK rc jd_read(jval **ret, str text, struct arena *a, struct err *e);

/* ---- what it is ----------------------------------------------------------------------------- */

/* JSON_NONE for NULL. */
enum json_kind jd_kind(jval *v);
/* For messages: "an object", "a string", "null", "nothing". */
const char *json_kind_name(enum json_kind kind);

static inline bool jd_is_obj(jval *v)
{
    return yyjson_is_obj(v);
}
static inline bool jd_is_arr(jval *v)
{
    return yyjson_is_arr(v);
}
static inline bool jd_is_str(jval *v)
{
    return yyjson_is_str(v);
}
static inline bool jd_is_num(jval *v)
{
    return yyjson_is_raw(v);
}
static inline bool jd_is_bool(jval *v)
{
    return yyjson_is_bool(v);
}
/* null as written; absent (NULL) is not null: see jd_given. */
static inline bool jd_is_null(jval *v)
{
    return yyjson_is_null(v);
}
/* Neither absent nor null. */
static inline bool jd_given(jval *v)
{
    return v && !yyjson_is_null(v);
}

/* ---- getters: what is missing or of another kind gives the empty answer -----------------------
 */

/* The last member of that name; NULL if obj is no object or has none. */
jval *jd_get(jval *obj, str name);
/* jd_get along a path of names: jd_path(v, "usage", "details", NULL). */
jval *jd_path(jval *v, ...) __attribute__((sentinel));
/* The i-th item, linear in i; NULL if arr is no array or shorter. */
static inline jval *jd_at(jval *arr, size_t i)
{
    return yyjson_arr_get(arr, i);
}
/* Items of an array, members of an object; 0 for anything else. */
static inline size_t jd_count(jval *v)
{
    return yyjson_is_ctn(v) ? unsafe_yyjson_get_len(v) : 0;
}

static inline str jd_str(jval *v)
{
    return yyjson_is_str(v) ? (str){ unsafe_yyjson_get_str(v), unsafe_yyjson_get_len(v) }
                            : (str){ NULL, 0 };
}
static inline str jd_str_or(jval *v, str otherwise)
{
    return yyjson_is_str(v) ? jd_str(v) : otherwise;
}
/* jd_str(jd_get(obj, name)), the most frequent of all. */
static inline str jd_get_str(jval *obj, str name)
{
    return jd_str(jd_get(obj, name));
}
static inline bool jd_str_is(jval *v, str s)
{
    return yyjson_is_str(v) && str_eq(jd_str(v), s);
}

/* The number's own text; empty if v is no number. */
static inline str jd_num(jval *v)
{
    return yyjson_is_raw(v) ? (str){ unsafe_yyjson_get_raw(v), unsafe_yyjson_get_len(v) }
                            : (str){ NULL, 0 };
}
/* A number whose value is a whole one that fits ("7", "7.0", "7e2"); else false and *ret untouched.
 */
bool jd_i64(jval *v, int64_t *ret);
bool jd_u64(jval *v, uint64_t *ret);
/* Any number with a finite double value; else false and *ret untouched. */
bool jd_f64(jval *v, double *ret);
int64_t jd_i64_or(jval *v, int64_t otherwise);
double jd_f64_or(jval *v, double otherwise);
static inline bool jd_bool_or(jval *v, bool otherwise)
{
    return yyjson_is_bool(v) ? unsafe_yyjson_get_bool(v) : otherwise;
}
/* true as written. */
static inline bool jd_is_true(jval *v)
{
    return yyjson_is_true(v);
}

/* The value as compact JSON text (numbers as written, members in order); empty for NULL. */
str jd_text(jval *v, struct arena *a);

/* ---- optional members with a type, for readers of requests ------------------------------------
 */

/* Names that are literals; the functions with _ at their end take them as str, NUL-terminated.
 * Absent or null: OK, *ret untouched. Another type: E_SYNTAX with e->where = name and a text such
 * as "temperature: expected a number, got a string". name is a literal. */
MUST_CHECK rc jd_opt_str_(jval *obj, str name, str *ret, struct err *e);
#define jd_opt_str(obj, name, ret, e) jd_opt_str_(obj, str_c(name), ret, e)
MUST_CHECK rc jd_opt_num_(jval *obj, str name, str *ret, struct err *e); /* its text */
#define jd_opt_num(obj, name, ret, e) jd_opt_num_(obj, str_c(name), ret, e)
MUST_CHECK rc jd_opt_i64_(jval *obj, str name, int64_t *ret, struct err *e);
#define jd_opt_i64(obj, name, ret, e) jd_opt_i64_(obj, str_c(name), ret, e)
MUST_CHECK rc jd_opt_bool_(jval *obj, str name, bool *ret, struct err *e);
#define jd_opt_bool(obj, name, ret, e) jd_opt_bool_(obj, str_c(name), ret, e)
MUST_CHECK rc jd_opt_obj_(jval *obj, str name, jval **ret, struct err *e);
#define jd_opt_obj(obj, name, ret, e) jd_opt_obj_(obj, str_c(name), ret, e)
MUST_CHECK rc jd_opt_arr_(jval *obj, str name, jval **ret, struct err *e);
#define jd_opt_arr(obj, name, ret, e) jd_opt_arr_(obj, str_c(name), ret, e)

/* ---- iteration ------------------------------------------------------------------------------ */

/* for (struct jd_iter m = jd_iter(v); jd_next(&m);) use m.value, m.index, and m.name in objects.
 * Works on arrays and objects; anything else has no items. Or with the macro: JD_EACH(m, v) { } */
struct jd_iter {
    str name;    /* of an object's member; empty in arrays */
    jval *value; /* never NULL inside the loop */
    size_t index;
    /* private */
    jval *next;
    size_t left;
    bool members;
};

#define JD_EACH(m, v) for (struct jd_iter m = jd_iter(v); jd_next(&m);)

static inline struct jd_iter jd_iter(jval *v)
{
    struct jd_iter it = { .index = SIZE_MAX, .left = jd_count(v), .members = yyjson_is_obj(v) };
    it.next = it.left ? unsafe_yyjson_get_first(v) : NULL;
    return it;
}

static inline bool jd_next(struct jd_iter *it)
{
    if (it->left == 0)
        return false;
    it->left--;
    it->index++;
    it->value = it->next;
    if (it->members) {
        it->name = jd_str(it->next);
        it->value = it->next + 1; /* a key is one value wide, its value stands behind it */
    }
    it->next = it->left ? unsafe_yyjson_get_next(it->value) : NULL;
    return true;
}

#endif
