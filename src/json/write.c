#include "json/write.h"

#include "base/utf8.h"
#include "json/internal.h"
#include "json/plain.h"

/* ---- strings
 * -------------------------------------------------------------------------------------- */

static void add_escaped(struct buf *out, char c)
{
    static const char hex[] = "0123456789abcdef";
    switch (c) {
    case '"':
        buf_add(out, S("\\\""));
        return;
    case '\\':
        buf_add(out, S("\\\\"));
        return;
    case '\n':
        buf_add(out, S("\\n"));
        return;
    case '\r':
        buf_add(out, S("\\r"));
        return;
    case '\t':
        buf_add(out, S("\\t"));
        return;
    default:
        if ((signed char)c < 0) { /* not UTF-8 */
            buf_add(out, S("\xef\xbf\xbd"));
        } else {
            char u[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
            buf_add(out, (str){ u, sizeof(u) });
        }
    }
}

/* The end of what can be copied as it is. */
static const char *copy_end(const char *p, const char *end)
{
    for (;;) {
        p = json_plain_end(p, end);
        const char *stop = p < end && (signed char)*p < 0 ? utf8_run_end(p, end) : p;
        if (stop == p)
            return p;
        p = stop;
    }
}

void json_escape(struct buf *out, str s)
{
    if (s.n == 0) /* and s.p may be NULL */
        return;
    const char *p = s.p, *end = s.p + s.n;
    while (p < end) {
        const char *stop = copy_end(p, end);
        buf_add(out, (str){ p, (size_t)(stop - p) });
        if (stop < end)
            add_escaped(out, *stop++);
        p = stop;
    }
}

void json_quote(struct buf *out, str s)
{
    enum { SHORT = 64 };
    if (s.n && s.n <= SHORT && s.n + 2 <= out->cap - out->n &&
        json_plain_end(s.p, s.p + s.n) == s.p + s.n) { /* keys, and most names */
        char *p = out->p + out->n;
        *p = '"';
        memcpy(p + 1, s.p, s.n);
        p[s.n + 1] = '"';
        out->n += s.n + 2;
        return;
    }
    buf_chr(out, '"');
    json_escape(out, s);
    buf_chr(out, '"');
}

str json_unescape(struct arena *a, str quoted)
{
    if (quoted.n < 2 || quoted.p[0] != '"' || quoted.p[quoted.n - 1] != '"')
        return (str){ NULL, 0 };
    str in = { quoted.p + 1, quoted.n - 2 };
    if (str_index(in, '\\') == in.n)
        return in;
    char *out = arena_alloc(a, 1, 1, in.n); /* an escape is never shorter than what it means */
    size_t n = 0;
    const char *p = in.p, *end = in.p + in.n;
    while (p < end) {
        const char *stop = memchr(p, '\\', (size_t)(end - p));
        size_t run = (size_t)((stop ? stop : end) - p);
        memcpy(out + n, p, run);
        n += run;
        p += run;
        if (stop)
            n += utf8_put(out + n, json_escape_value(&p, end));
    }
    return (str){ out, n };
}

/* ---- structure
 * ------------------------------------------------------------------------------------ */

void jw_init(struct jw *w, struct buf *out)
{
    *w = (struct jw){ .out = out };
}

bool jw_complete(const struct jw *w)
{
    return w->depth == 0 && w->comma;
}

static bool in_object(const struct jw *w)
{
    return w->depth && (w->objects >> (w->depth - 1) & 1);
}

/* Before every value: its comma, and whether it may stand here. */
static void before_value(struct jw *w)
{
    if (!w->keyed) {
        BUG_UNLESS(!in_object(w) && !jw_complete(w));
        if (w->comma)
            buf_chr(w->out, ',');
    }
    w->keyed = false;
    w->comma = true;
}

static void open_level(struct jw *w, bool object)
{
    before_value(w);
    BUG_UNLESS(w->depth < JW_DEPTH_MAX);
    uint64_t bit = (uint64_t)1 << w->depth++;
    w->objects = object ? w->objects | bit : w->objects & ~bit;
    w->comma = false;
    buf_chr(w->out, object ? '{' : '[');
}

static void close_level(struct jw *w, bool object)
{
    BUG_UNLESS(w->depth && in_object(w) == object && !w->keyed);
    w->depth--;
    w->comma = true;
    buf_chr(w->out, object ? '}' : ']');
}

void jw_obj(struct jw *w)
{
    open_level(w, true);
}

void jw_obj_end(struct jw *w)
{
    close_level(w, true);
}

void jw_arr(struct jw *w)
{
    open_level(w, false);
}

void jw_arr_end(struct jw *w)
{
    close_level(w, false);
}

/* n bytes, few: no call if there are 4 to 32 of them. */
static inline void copy_short(char *to, const char *from, size_t n)
{
    if (n > 32 || n < 4) {
        memcpy(to, from, n);
    } else if (n > 16) { /* two pieces that may overlap */
        memcpy(to, from, 16);
        memcpy(to + n - 16, from + n - 16, 16);
    } else if (n > 8) {
        memcpy(to, from, 8);
        memcpy(to + n - 8, from + n - 8, 8);
    } else {
        memcpy(to, from, 4);
        memcpy(to + n - 4, from + n - 4, 4);
    }
}

void jw_key_plain(struct jw *w, str key)
{
    BUG_UNLESS(in_object(w) && !w->keyed);
    w->keyed = true;
    if (UNLIKELY(key.n + 4 > w->out->cap - w->out->n) && !buf_room(w->out, key.n + 4))
        return;
    char *start = w->out->p + w->out->n, *p = start;
    *p = ',';
    p += w->comma;
    *p++ = '"';
    copy_short(p, key.p, key.n);
    memcpy(p + key.n, "\":", 2);
    w->out->n += (size_t)(p - start) + key.n + 2;
}

void jw_key_any(struct jw *w, str key)
{
    BUG_UNLESS(in_object(w) && !w->keyed);
    if (w->comma)
        buf_chr(w->out, ',');
    json_quote(w->out, key);
    buf_chr(w->out, ':');
    w->keyed = true;
}

/* ---- values
 * --------------------------------------------------------------------------------------- */

void jw_str(struct jw *w, str s)
{
    before_value(w);
    json_quote(w->out, s);
}

void jw_str_begin(struct jw *w)
{
    before_value(w);
    buf_chr(w->out, '"');
}

void jw_str_add(struct jw *w, str s)
{
    json_escape(w->out, s);
}

void jw_str_end(struct jw *w)
{
    buf_chr(w->out, '"');
}

void jw_i64(struct jw *w, int64_t v)
{
    before_value(w);
    buf_i64(w->out, v);
}

void jw_u64(struct jw *w, uint64_t v)
{
    before_value(w);
    buf_u64(w->out, v);
}

void jw_f64(struct jw *w, double v)
{
    if (!__builtin_isfinite(v)) {
        jw_null(w);
        return;
    }
    before_value(w);
    char room[512];
    yyjson_alc alc;
    yyjson_val val;
    size_t n;
    BUG_UNLESS(yyjson_alc_pool_init(&alc, room, sizeof(room)));
    val.tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL;
    val.uni.f64 = v;
    const char *text = yyjson_val_write_opts(&val, YYJSON_WRITE_NOFLAG, &alc, &n, NULL);
    BUG_UNLESS(text);
    buf_add(w->out, (str){ text, n });
}

void jw_bool(struct jw *w, bool v)
{
    before_value(w);
    buf_add(w->out, v ? S("true") : S("false"));
}

void jw_null(struct jw *w)
{
    before_value(w);
    buf_add(w->out, S("null"));
}

void jw_raw(struct jw *w, str json)
{
    before_value(w);
    buf_add(w->out, json.n ? json : S("null"));
}

static void add_scalar(struct buf *out, jval *v)
{
    switch (jd_kind(v)) {
    case JSON_TRUE:
        buf_add(out, S("true"));
        break;
    case JSON_FALSE:
        buf_add(out, S("false"));
        break;
    case JSON_NUMBER:
        buf_add(out, jd_num(v));
        break;
    case JSON_STRING:
        json_quote(out, jd_str(v));
        break;
    default:
        buf_add(out, S("null"));
    }
}

void jw_val(struct jw *w, jval *v)
{
    struct jd_iter levels[JSON_DEPTH_MAX]; /* written before it is read */
    size_t depth = 0;
    before_value(w);
    for (;;) {
        if (jd_is_obj(v) || jd_is_arr(v)) {
            BUG_UNLESS(depth < JSON_DEPTH_MAX);
            buf_chr(w->out, jd_is_obj(v) ? '{' : '[');
            levels[depth++] = jd_iter(v);
        } else {
            add_scalar(w->out, v);
        }
        while (depth && !jd_next(&levels[depth - 1]))
            buf_chr(w->out, levels[--depth].members ? '}' : ']');
        if (depth == 0)
            return;
        struct jd_iter *it = &levels[depth - 1];
        if (it->index)
            buf_chr(w->out, ',');
        if (it->members) {
            json_quote(w->out, it->name);
            buf_chr(w->out, ':');
        }
        v = it->value;
    }
}
