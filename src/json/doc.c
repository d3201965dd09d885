#include "json/doc.h"

#include <stdarg.h>

#include "json/internal.h"
#include "json/write.h"

/* ---- memory: yyjson allocates from the arena ----------------------------------------------------
 */

struct pool {
    struct arena *arena;
    size_t bytes_max; /* of one allocation */
};

static void *pool_malloc(void *ctx, size_t n)
{
    struct pool *p = ctx;
    return n > p->bytes_max ? NULL : arena_raw(p->arena, n);
}

static void *pool_realloc(void *ctx, void *old, size_t old_n, size_t n)
{
    struct pool *p = ctx;
    return n > p->bytes_max ? NULL : arena_resize(p->arena, old, old_n, n);
}

static void pool_free(void *ctx, void *p)
{
    /* ends with the arena */
}

/* A value takes two bytes of text at least, with its comma, unless it is one of many opening
 * brackets: then the text is too deep and may as well fail for want of memory. yyjson grows its
 * array of values by halves, from a sixth of the text's length. */
static size_t values_bytes_max(size_t text_n)
{
    return (text_n + 4 * JSON_DEPTH_MAX) * sizeof(jval);
}

static rc read_with(jval **ret, char *text, size_t n, yyjson_read_flag flags, struct arena *a)
{
    struct pool pool = { a, values_bytes_max(n) };
    yyjson_alc alc = { pool_malloc, pool_realloc, pool_free, &pool };
    yyjson_doc *d = yyjson_read_opts(text, n, flags | YYJSON_READ_NUMBER_AS_RAW, &alc, NULL);
    *ret = yyjson_doc_get_root(d);
    return *ret ? RC_OK : RC(E_SYNTAX);
}

/* Values stand in reading order, a container before what it holds: a walk with the containers' ends
 * on a stack. */
static bool too_deep(jval *root)
{
    jval *ends[JSON_DEPTH_MAX], *end = unsafe_yyjson_get_next(root);
    size_t depth = 0;
    for (jval *v = root; v < end; v++) {
        while (depth && v >= ends[depth - 1])
            depth--;
        if (!yyjson_is_ctn(v))
            continue;
        if (depth == JSON_DEPTH_MAX)
            return true;
        ends[depth++] = unsafe_yyjson_get_next(v);
    }
    return false;
}

/* ---- lone surrogates
 * ------------------------------------------------------------------------------ */

/* Escaped halves of a pair without the other half, which yyjson refuses, become \ufffd in place.
 * The text is valid otherwise. */
static void mend_surrogates(char *p, size_t n)
{
    char *end = p + n;
    while ((p = memchr(p, '\\', (size_t)(end - p)))) {
        if (p[1] != 'u') {
            p += 2;
            continue;
        }
        uint32_t u = json_unit(p + 2);
        bool pair = json_is_high(u) && end - p >= 12 && p[6] == '\\' && p[7] == 'u' &&
                    json_is_low(json_unit(p + 8));
        if (!pair && (json_is_high(u) || json_is_low(u)))
            memcpy(p + 2, "fffd", 4);
        p += pair ? 12 : 6;
    }
}

/* json_scan takes what yyjson does not: a bug that the fuzzer looks for, and no reason to trap. */
static rc disagree(struct err *e)
{
    return fail(e, E_SYNTAX, "json", 0, "the text is not valid JSON");
}

rc jd_read(jval **ret, str text, struct arena *a, struct err *e)
{
    /* Without YYJSON_READ_INSITU the text is not written to. */
    rc r = read_with(ret, (char *)(uintptr_t)text.p, text.n, YYJSON_READ_NOFLAG, a);
    if (!FAILED(r) && !too_deep(*ret))
        return RC_OK;
    *ret = NULL;
    TRY(json_scan(text, NULL, 0, NULL, e)); /* for its better words, and its limit */
    struct buf mended;
    buf_init(&mended, SIZE_MAX / 4);
    buf_add(&mended, text);
    mend_surrogates(mended.p, mended.n);
    r = read_with(ret, mended.p, mended.n, YYJSON_READ_NOFLAG, a);
    buf_done(&mended);
    return FAILED(r) ? disagree(e) : RC_OK;
}

rc jd_read_insitu(jval **ret, struct buf *text, struct arena *a, struct err *e)
{
    *ret = NULL;
    bool surrogates;
    TRY(json_scan_more(buf_str(text), NULL, 0, NULL, &surrogates, e));
    if (surrogates)
        mend_surrogates(text->p, text->n);
    bool was_full = text->full;
    char *pad = buf_room(text, YYJSON_PADDING_SIZE);
    rc r;
    if (pad) {
        memset(pad, 0, YYJSON_PADDING_SIZE);
        r = read_with(ret, text->p, text->n, YYJSON_READ_INSITU, a);
    } else {
        text->full = was_full; /* no room for the padding is not the owner's trouble */
        r = read_with(ret, text->p, text->n, YYJSON_READ_NOFLAG, a);
    }
    return FAILED(r) ? disagree(e) : RC_OK;
}

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
    size_t left = unsafe_yyjson_get_len(obj);
    jval *key = unsafe_yyjson_get_first(obj);
    for (; left; left--) {
        if (unsafe_yyjson_get_len(key) == name.n &&
            memcmp(unsafe_yyjson_get_str(key), name.p, name.n) == 0)
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
        return jd_num(v);
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

static rc wrong(jval *v, const char *name, const char *expected, struct err *e)
{
    return fail(e, E_SYNTAX, name, 0, "%s: expected %s, got %s", name, expected,
                json_kind_name(jd_kind(v)));
}

rc jd_opt_str(jval *obj, const char *name, str *ret, struct err *e)
{
    jval *v = jd_get(obj, str_c(name));
    if (!jd_given(v))
        return RC_OK;
    if (!jd_is_str(v))
        return wrong(v, name, "a string", e);
    *ret = jd_str(v);
    return RC_OK;
}

rc jd_opt_num(jval *obj, const char *name, str *ret, struct err *e)
{
    jval *v = jd_get(obj, str_c(name));
    if (!jd_given(v))
        return RC_OK;
    if (!jd_is_num(v))
        return wrong(v, name, "a number", e);
    *ret = jd_num(v);
    return RC_OK;
}

rc jd_opt_i64(jval *obj, const char *name, int64_t *ret, struct err *e)
{
    jval *v = jd_get(obj, str_c(name));
    if (!jd_given(v) || jd_i64(v, ret))
        return RC_OK;
    if (jd_is_num(v))
        return fail(e, E_SYNTAX, name, 0, "%s: expected a whole number, got %.*s", name,
                    STRF(str_take(jd_num(v), 40)));
    return wrong(v, name, "a whole number", e);
}

rc jd_opt_bool(jval *obj, const char *name, bool *ret, struct err *e)
{
    jval *v = jd_get(obj, str_c(name));
    if (!jd_given(v))
        return RC_OK;
    if (!jd_is_bool(v))
        return wrong(v, name, "true or false", e);
    *ret = unsafe_yyjson_get_bool(v);
    return RC_OK;
}

rc jd_opt_obj(jval *obj, const char *name, jval **ret, struct err *e)
{
    jval *v = jd_get(obj, str_c(name));
    if (!jd_given(v))
        return RC_OK;
    if (!jd_is_obj(v))
        return wrong(v, name, "an object", e);
    *ret = v;
    return RC_OK;
}

rc jd_opt_arr(jval *obj, const char *name, jval **ret, struct err *e)
{
    jval *v = jd_get(obj, str_c(name));
    if (!jd_given(v))
        return RC_OK;
    if (!jd_is_arr(v))
        return wrong(v, name, "an array", e);
    *ret = v;
    return RC_OK;
}
