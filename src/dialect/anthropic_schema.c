/* anthropic_schema.c - JSON schemas as Anthropic takes them.
 *
 * Source: Anthropic's structured-output documentation (the keywords it compiles) and what its SDKs
 * do with a schema before sending it.
 */
#include "base/map.h"
#include "dialect/anthropic_internal.h"

/* Deeper ones go as they are: nobody's schema, and the writer has an end of its own. */
enum { DEPTH_MAX = 24 };

/* ---- for tools: the root is an object ------------------------------------------------------- */

static const char *const alternatives[] = { "oneOf", "anyOf", "allOf", NULL };

static void write_properties(struct jw *w, jval *properties, struct map *seen)
{
    JD_EACH (p, properties) {
        if (map_get(seen, p.name))
            continue;
        map_put(seen, p.name, p.value);
        jw_kval(w, p.name, p.value);
    }
}

static void write_all_properties(struct jw *w, jval *root)
{
    struct map seen;
    map_init(&seen);
    write_properties(w, jd_get(root, S("properties")), &seen);
    for (const char *const *alt = alternatives; *alt; alt++)
        JD_EACH (choice, jd_get(root, str_c(*alt)))
            write_properties(w, jd_get(choice.value, S("properties")), &seen);
    map_done(&seen);
}

/* Alternatives at the root become one object with the properties of all, none required beyond the
 * root's own. */
static str flatten(jval *root, struct arena *a)
{
    struct buf out;
    struct jw w;
    buf_init(&out, SIZE_MAX);
    jw_init(&w, &out);
    jw_obj(&w);
    jw_kstr(&w, S("type"), S("object"));
    jw_kobj(&w, S("properties"));
    write_all_properties(&w, root);
    jw_obj_end(&w);
    JD_EACH (m, root)
        if (!str_among(m.name, alternatives) && !str_eq(m.name, S("type")) &&
            !str_eq(m.name, S("properties")))
            jw_kval(&w, m.name, m.value);
    jw_obj_end(&w);
    str text = arena_dup(a, buf_str(&out));
    buf_done(&out);
    return text;
}

str anthropic_tool_schema(str schema, struct arena *a)
{
    struct json_member m[] = { { .name = S("type") },
                               { .name = S("oneOf") },
                               { .name = S("anyOf") },
                               { .name = S("allOf") } };
    enum json_kind top;
    jval *root = NULL;
    if (FAILED(json_scan(schema, m, COUNT_OF(m), &top, NULL)) || top != JSON_OBJECT)
        return (str){ 0 };
    bool plain = str_eq(m[0].value, S("\"object\""));
    for (size_t i = 1; i < COUNT_OF(m); i++)
        plain = plain && m[i].kind == JSON_NONE;
    if (plain)
        return schema;
    if (FAILED(jd_read(&root, schema, a, NULL)))
        return (str){ 0 };
    return flatten(root, a);
}

/* ---- for structured output ------------------------------------------------------------------ */

static void write_strict(struct jw *w, jval *v, int depth);

static void write_map(struct jw *w, str key, jval *v, int depth)
{
    jw_kobj(w, key);
    JD_EACH (m, v) {
        jw_key(w, m.name);
        write_strict(w, m.value, depth + 1);
    }
    jw_obj_end(w);
}

static void write_list(struct jw *w, str key, jval *v, int depth)
{
    jw_karr(w, key);
    JD_EACH (m, v)
        write_strict(w, m.value, depth + 1);
    jw_arr_end(w);
}

/* Patterns with look-around or back-references are not compiled. */
static bool simple_pattern(str p)
{
    for (size_t i = 0; i + 1 < p.n; i++) {
        if (p.p[i] == '(' && p.p[i + 1] == '?')
            return false;
        if (p.p[i] == '\\' && p.p[i + 1] >= '1' && p.p[i + 1] <= '9')
            return false;
        if (p.p[i] == '\\')
            i++;
    }
    return true;
}

static bool kept_as_is(str name, jval *v)
{
    static const char *const plain[] = { "type",  "enum",    "const",    "$ref",
                                         "title", "default", "required", NULL };
    static const char *const formats[] = { "date-time", "time",     "date", "duration",
                                           "email",     "hostname", "uri",  "ipv4",
                                           "ipv6",      "uuid",     NULL };
    if (str_eq(name, S("format")))
        return str_among(jd_str(v), formats);
    if (str_eq(name, S("pattern")))
        return simple_pattern(jd_str(v));
    if (str_eq(name, S("minItems")))
        return str_eq(jd_num(v), S("0")) || str_eq(jd_num(v), S("1"));
    return str_among(name, plain);
}

static bool is_object_schema(jval *v)
{
    jval *type = jd_get(v, S("type"));
    if (jd_str_is(type, S("object")) || jd_is_obj(jd_get(v, S("properties"))))
        return true;
    JD_EACH (m, type)
        if (jd_str_is(m.value, S("object")))
            return true;
    return false;
}

/* description, and behind it the limits that could not be said otherwise: (minimum: 1, ...). */
static void write_description(struct jw *w, jval *v, const struct buf *limits)
{
    str text = jd_get_str(v, S("description"));
    if (!text.n && !limits->n)
        return;
    jw_key(w, S("description"));
    jw_str_begin(w);
    jw_str_add(w, text);
    if (limits->n) {
        jw_str_add(w, text.n ? S(" (") : S("("));
        jw_str_add(w, buf_str(limits));
        jw_str_add(w, S(")"));
    }
    jw_str_end(w);
}

static void add_limit(struct buf *limits, str name, jval *v)
{
    struct jw w;
    if (limits->n)
        buf_add(limits, S(", "));
    buf_add(limits, name);
    buf_add(limits, S(": "));
    jw_init(&w, limits);
    jw_val(&w, v);
}

static void write_member(struct jw *w, str name, jval *v, int depth, struct buf *limits)
{
    static const char *const maps[] = { "properties", "$defs", "definitions", NULL };
    static const char *const lists[] = { "anyOf", "allOf", "oneOf", NULL };
    static const char *const gone[] = { "$schema",  "$id", "description", "additionalProperties",
                                        "examples", NULL };
    if (str_among(name, gone))
        return;
    if (str_among(name, maps) && jd_is_obj(v))
        write_map(w, name, v, depth);
    else if (str_among(name, lists) && jd_is_arr(v))
        write_list(w, str_eq(name, S("oneOf")) ? S("anyOf") : name, v, depth);
    else if (str_eq(name, S("items")) && jd_is_obj(v)) {
        jw_key(w, name);
        write_strict(w, v, depth + 1);
    } else if (kept_as_is(name, v))
        jw_kval(w, name, v);
    else
        add_limit(limits, name, v);
}

static void write_strict(struct jw *w, jval *v, int depth)
{
    if (!jd_is_obj(v) || depth > DEPTH_MAX) {
        jw_val(w, v);
        return;
    }
    struct buf limits;
    buf_init(&limits, 4096);
    jw_obj(w);
    JD_EACH (m, v)
        write_member(w, m.name, m.value, depth, &limits);
    if (is_object_schema(v))
        jw_kbool(w, S("additionalProperties"), false);
    write_description(w, v, &limits);
    jw_obj_end(w);
    buf_done(&limits);
}

str anthropic_strict_schema(str schema, struct arena *a)
{
    jval *root = NULL;
    struct buf out;
    struct jw w;
    if (FAILED(jd_read(&root, schema, a, NULL)) || !jd_is_obj(root))
        return (str){ 0 };
    buf_init(&out, SIZE_MAX);
    jw_init(&w, &out);
    write_strict(&w, root, 0);
    str text = arena_dup(a, buf_str(&out));
    buf_done(&out);
    return text;
}
