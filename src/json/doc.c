#include "json/doc.h"

#include <stdarg.h>

#include "json/internal.h"
#include "json/write.h"

/* ---- getters
 * -------------------------------------------------------------------------------------- */

enum json_kind jd_kind(jval *v)
{
    switch (yyjson_get_type(v)) {
    case YYJSON_TYPE_NULL:
        return JSON_NULL;
    case YYJSON_TYPE_BOOL:
        return unsafe_yyjson_get_bool(v) ? JSON_TRUE : JSON_FALSE;
    case YYJSON_TYPE_RAW:
        return JSON_NUMBER;
    case YYJSON_TYPE_STR:
        return JSON_STRING;
    case YYJSON_TYPE_ARR:
        return JSON_ARRAY;
    case YYJSON_TYPE_OBJ:
        return JSON_OBJECT;
    default:
        return JSON_NONE;
    }
}

const char *json_kind_name(enum json_kind kind)
{
    static const char *const names[] = {
        [JSON_NONE] = "nothing",   [JSON_NULL] = "null",        [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",    [JSON_NUMBER] = "a number",  [JSON_STRING] = "a string",
        [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
    };
    return names[kind];
}

jval *jd_get(jval *obj, str name)
{
    jval *found = NULL;
    if (!yyjson_is_obj(obj))
        return NULL;
    const uint64_t tag = json_tag(name.n, YYJSON_TYPE_STR);
    jval *key = unsafe_yyjson_get_first(obj);
    for (size_t left = unsafe_yyjson_get_len(obj); left; left--) {
        const char *p = key->uni.str;
        if (key->tag == tag &&
            (name.n == 0 || (p[0] == name.p[0] && memcmp(p, name.p, name.n) == 0)))
            found = key + 1;
        key = unsafe_yyjson_get_next(key + 1);
    }
    return found;
}

jval *jd_path(jval *v, ...)
{
    va_list names;
    va_start(names, v);
    for (const char *name; v && (name = va_arg(names, const char *));)
        v = jd_get(v, str_c(name));
    va_end(names);
    return v;
}

/* ---- numbers ------------------------------------------------------------------------------------
 */

/* Longer texts than this are not worth converting; also bounds the work. */
enum { NUMBER_BYTES_MAX = 1024 };

bool jd_f64(jval *v, double *ret)
{
    str t = jd_num(v);
    if (t.n == 0 || t.n > NUMBER_BYTES_MAX)
        return false;
    double d = strtod(t.p, NULL); /* valid and NUL-terminated; nobody sets a locale */
    if (!__builtin_isfinite(d))
        return false;
    *ret = d;
    return true;
}

/* Whole numbers that are written with a point or an exponent, as far as a double holds them. */
static bool whole_double(jval *v, double *ret)
{
    const double exact = 9007199254740992.0; /* 2^53 */
    double d;
    if (!jd_f64(v, &d) || d > exact || d < -exact || (double)(int64_t)d != d)
        return false;
    *ret = d;
    return true;
}

bool jd_u64(jval *v, uint64_t *ret)
{
    double d;
    if (str_to_u64(jd_num(v), ret))
        return true;
    if (!whole_double(v, &d) || d < 0)
        return false;
    *ret = (uint64_t)d;
    return true;
}

bool jd_i64(jval *v, int64_t *ret)
{
    str t = jd_num(v);
    bool minus = t.n && t.p[0] == '-';
    uint64_t u;
    if (str_to_u64(minus ? str_skip(t, 1) : t, &u)) {
        if (u > (uint64_t)INT64_MAX + minus)
            return false;
        *ret = minus ? (int64_t)(0 - u) : (int64_t)u;
        return true;
    }
    double d;
    if (!whole_double(v, &d))
        return false;
    *ret = (int64_t)d;
    return true;
}

int64_t jd_i64_or(jval *v, int64_t otherwise)
{
    jd_i64(v, &otherwise);
    return otherwise;
}

double jd_f64_or(jval *v, double otherwise)
{
    jd_f64(v, &otherwise);
    return otherwise;
}

str jd_text(jval *v, struct arena *a)
{
    if (!v)
        return (str){ NULL, 0 };
    if (jd_is_num(v))
        return arena_dup(a, jd_num(v)); /* the tree may live shorter than the text */
    if (jd_is_null(v))
        return S("null");
    if (jd_is_bool(v))
        return jd_is_true(v) ? S("true") : S("false");
    struct buf b;
    buf_init(&b, SIZE_MAX / 4);
    struct jw w;
    jw_init(&w, &b);
    jw_val(&w, v);
    str text = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return text;
}

/* ---- typed members
 * -------------------------------------------------------------------------------- */

static rc wrong(jval *v, str name, const char *expected, struct err *e)
{
    return fail(e, E_SYNTAX, name.p, 0, "%s: expected %s, got %s", name.p, expected,
                json_kind_name(jd_kind(v)));
}

rc jd_opt_str_(jval *obj, str name, str *ret, struct err *e)
{
    jval *v = jd_get(obj, name);
    if (!jd_given(v))
        return RC_OK;
    if (!jd_is_str(v))
        return wrong(v, name, "a string", e);
    *ret = jd_str(v);
    return RC_OK;
}

rc jd_opt_num_(jval *obj, str name, str *ret, struct err *e)
{
    jval *v = jd_get(obj, name);
    if (!jd_given(v))
        return RC_OK;
    if (!jd_is_num(v))
        return wrong(v, name, "a number", e);
    *ret = jd_num(v);
    return RC_OK;
}

rc jd_opt_i64_(jval *obj, str name, int64_t *ret, struct err *e)
{
    jval *v = jd_get(obj, name);
    if (!jd_given(v) || jd_i64(v, ret))
        return RC_OK;
    if (jd_is_num(v))
        return fail(e, E_SYNTAX, name.p, 0, "%s: expected a whole number, got %.*s", name.p,
                    STRF(str_take(jd_num(v), 40)));
    return wrong(v, name, "a whole number", e);
}

rc jd_opt_bool_(jval *obj, str name, bool *ret, struct err *e)
{
    jval *v = jd_get(obj, name);
    if (!jd_given(v))
        return RC_OK;
    if (!jd_is_bool(v))
        return wrong(v, name, "true or false", e);
    *ret = unsafe_yyjson_get_bool(v);
    return RC_OK;
}

rc jd_opt_obj_(jval *obj, str name, jval **ret, struct err *e)
{
    jval *v = jd_get(obj, name);
    if (!jd_given(v))
        return RC_OK;
    if (!jd_is_obj(v))
        return wrong(v, name, "an object", e);
    *ret = v;
    return RC_OK;
}

rc jd_opt_arr_(jval *obj, str name, jval **ret, struct err *e)
{
    jval *v = jd_get(obj, name);
    if (!jd_given(v))
        return RC_OK;
    if (!jd_is_arr(v))
        return wrong(v, name, "an array", e);
    *ret = v;
    return RC_OK;
}
