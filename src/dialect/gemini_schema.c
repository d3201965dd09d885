/* Schemas: JSON Schema to what Gemini takes, and Gemini's Schema message to JSON Schema.
 *
 * Out there are two targets. The JSON Schema fields (2.5 and later) know references and unions but
 * not every keyword; the Schema message is an OpenAPI subset with neither references nor type
 * arrays. Both refuse what they do not know, so everything is rewritten into the known words or
 * left out. A schema is a client's: depth, references and size are bounded.
 */
#include "dialect/gemini_internal.h"
#include "dialect/schema_refs.h"

enum {
    DEPTH_MAX = 20,   /* each level takes two of the writer's 64 */
    NODES_MAX = 4096, /* references can fan out */
    MERGE_MAX = 12,   /* allOf members of one node */
    HOPS_MAX = 16,    /* references to references */
};

struct schema {
    struct jw *w;
    jval *root;
    struct arena *arena;
    unsigned nodes;
};

/* A node with its allOf members laid over it: looked up from the front. */
struct view {
    jval *of[MERGE_MAX];
    size_t n;
};

static jval *view_get(const struct view *v, str key)
{
    for (size_t i = 0; i < v->n; i++) {
        jval *found = jd_get(v->of[i], key);
        if (found)
            return found;
    }
    return NULL;
}

static jval *resolve(jval *root, jval *node)
{
    for (int hop = 0; hop < HOPS_MAX; hop++) {
        str ref = jd_get_str(node, S("$ref"));
        if (ref.n == 0)
            return node;
        node = schema_lookup(root, ref);
    }
    return NULL;
}

static void add_view(struct view *v, jval *root, jval *node, bool follow, int depth)
{
    if (!jd_is_obj(node) || v->n == MERGE_MAX || depth > HOPS_MAX)
        return;
    v->of[v->n++] = node;
    if (follow && jd_get(node, S("$ref")))
        add_view(v, root, resolve(root, node), follow, depth + 1);
    JD_EACH (m, jd_get(node, S("allOf")))
        add_view(v, root, m.value, true, depth + 1);
}

/* ---- types ---------------------------------------------------------------------------------- */

static const char *const types[] = { "string", "number", "integer", "boolean", "array", "object" };

struct type {
    int which[COUNT_OF(types)]; /* indexes into types */
    size_t n;
    bool nullable;
};

static void add_type(struct type *t, str name)
{
    if (str_ieq(name, S("null"))) {
        t->nullable = true;
        return;
    }
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        bool known = false;
        for (size_t k = 0; k < t->n; k++)
            known = known || t->which[k] == (int)i;
        if (!known && str_ieq(name, str_c(types[i])))
            t->which[t->n++] = (int)i;
    }
}

static struct type type_of(const struct view *v)
{
    struct type t = { 0 };
    jval *given = view_get(v, S("type"));
    add_type(&t, jd_str(given));
    if (jd_is_arr(given))
        JD_EACH (m, given)
            add_type(&t, jd_str(m.value));
    if (jd_is_true(view_get(v, S("nullable"))))
        t.nullable = true;
    return t;
}

/* The type where none is told. */
static str guess_type(const struct view *v)
{
    if (view_get(v, S("properties")) || view_get(v, S("additionalProperties")))
        return S("object");
    if (view_get(v, S("items")) || view_get(v, S("prefixItems")))
        return S("array");
    return S("string");
}

static str upper(struct arena *a, str s)
{
    char *p = NEW(a, char, s.n + 1);
    for (size_t i = 0; i < s.n; i++)
        p[i] = s.p[i] >= 'a' && s.p[i] <= 'z' ? (char)(s.p[i] & ~0x20) : s.p[i];
    return (str){ p, s.n };
}

static str lower(struct arena *a, str s)
{
    char *p = NEW(a, char, s.n + 1);
    for (size_t i = 0; i < s.n; i++)
        p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
    return (str){ p, s.n };
}

/* ---- shared keywords ------------------------------------------------------------------------ */

static void copy_if(struct schema *s, const struct view *v, str key, enum json_kind kind)
{
    jval *value = view_get(v, key);
    if (jd_kind(value) == kind)
        jw_kval(s->w, key, value);
}

/* Bounds; an exclusive one becomes the next wider inclusive one. */
static void write_bounds(struct schema *s, const struct view *v)
{
    static const str names[][2] = {
        { { "minimum", 7 }, { "exclusiveMinimum", 16 } },
        { { "maximum", 7 }, { "exclusiveMaximum", 16 } },
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        jval *bound = view_get(v, names[i][0]);
        if (!jd_is_num(bound))
            bound = view_get(v, names[i][1]);
        if (jd_is_num(bound))
            jw_kval(s->w, names[i][0], bound);
    }
}

static bool has_property(const struct view *v, str name)
{
    for (size_t i = 0; i < v->n; i++)
        if (jd_get(jd_get(v->of[i], S("properties")), name))
            return true;
    return false;
}

/* Only names that are properties: others are refused. (Unless there are so many that comparing
 * them would take its time.) */
static void write_required(struct schema *s, const struct view *v)
{
    enum { COMPARED_MAX = 1 << 20 };
    size_t names = 0, properties = 0;
    for (size_t i = 0; i < v->n; i++) {
        names += jd_count(jd_get(v->of[i], S("required")));
        properties += jd_count(jd_get(v->of[i], S("properties")));
    }
    bool check = properties == 0 || names <= COMPARED_MAX / properties;
    bool open = false;
    for (size_t i = 0; i < v->n; i++)
        JD_EACH (m, jd_get(v->of[i], S("required"))) {
            if (!jd_is_str(m.value) || (check && !has_property(v, jd_str(m.value))))
                continue;
            if (!open)
                jw_karr(s->w, S("required"));
            open = true;
            jw_str(s->w, jd_str(m.value));
        }
    if (open)
        jw_arr_end(s->w);
}

typedef void node_writer(struct schema *s, jval *node, int depth);

static bool write_properties(struct schema *s, const struct view *v, int depth, node_writer *write)
{
    bool open = false;
    for (size_t i = 0; i < v->n; i++)
        JD_EACH (m, jd_get(v->of[i], S("properties"))) {
            if (!open)
                jw_kobj(s->w, S("properties"));
            open = true;
            jw_key(s->w, m.name);
            write(s, m.value, depth + 1);
        }
    if (open)
        jw_obj_end(s->w);
    return open;
}

/* The alternatives, from either keyword. */
static jval *union_of(const struct view *v)
{
    jval *any = view_get(v, S("anyOf"));
    return jd_is_arr(any) ? any : view_get(v, S("oneOf"));
}

static bool is_null_type(jval *root, jval *node)
{
    node = resolve(root, node);
    return jd_str_is(jd_get(node, S("type")), S("null")) ||
           (jd_given(jd_get(node, S("enum"))) == false && jd_is_null(jd_get(node, S("const"))));
}

/* ---- the Schema message --------------------------------------------------------------------- */

static void write_openapi(struct schema *s, jval *node, int depth);

/* Strings only: other values become strings, and then so does the type. Returns whether an enum was
 * written. */
static bool write_openapi_enum(struct schema *s, const struct view *v, struct type *t)
{
    jval *list = view_get(v, S("enum"));
    jval *only = view_get(v, S("const"));
    size_t usable = 0;
    JD_EACH (m, list) {
        if (jd_is_null(m.value))
            t->nullable = true;
        else
            usable += jd_is_str(m.value) || jd_is_num(m.value);
    }
    if (!jd_is_arr(list) && (jd_is_str(only) || jd_is_num(only)))
        usable = 1;
    if (usable == 0)
        return false;
    jw_karr(s->w, S("enum"));
    if (!jd_is_arr(list))
        jw_str(s->w, jd_is_str(only) ? jd_str(only) : jd_num(only));
    else
        JD_EACH (m, list)
            if (jd_is_str(m.value) || jd_is_num(m.value))
                jw_str(s->w, jd_is_str(m.value) ? jd_str(m.value) : jd_num(m.value));
    jw_arr_end(s->w);
    return true;
}

static void write_openapi_format(struct schema *s, const struct view *v, str type)
{
    static const char *const known[][2] = { { "number", "float" },  { "number", "double" },
                                            { "integer", "int32" }, { "integer", "int64" },
                                            { "string", "enum" },   { "string", "date-time" } };
    str format = jd_str(view_get(v, S("format")));
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (str_eq(type, str_c(known[i][0])) && str_eq(format, str_c(known[i][1])))
            jw_kstr(s->w, S("format"), format);
}

static void write_openapi_type(struct schema *s, const struct view *v, str type, int depth)
{
    jw_kstr(s->w, S("type"), upper(s->arena, type));
    write_openapi_format(s, v, type);
    if (str_eq(type, S("object"))) {
        if (write_properties(s, v, depth, write_openapi))
            write_required(s, v);
        copy_if(s, v, S("minProperties"), JSON_NUMBER);
        copy_if(s, v, S("maxProperties"), JSON_NUMBER);
    } else if (str_eq(type, S("array"))) {
        jval *items = view_get(v, S("items"));
        if (jd_is_arr(items) || !items)
            items = jd_at(jd_is_arr(items) ? items : view_get(v, S("prefixItems")), 0);
        jw_key(s->w, S("items"));
        write_openapi(s, items, depth + 1);
        copy_if(s, v, S("minItems"), JSON_NUMBER);
        copy_if(s, v, S("maxItems"), JSON_NUMBER);
    } else if (str_eq(type, S("string"))) {
        copy_if(s, v, S("minLength"), JSON_NUMBER);
        copy_if(s, v, S("maxLength"), JSON_NUMBER);
        copy_if(s, v, S("pattern"), JSON_STRING);
    } else {
        write_bounds(s, v);
    }
}

/* anyOf; a null among the alternatives is `nullable`, and one alternative is no union. Returns
 * whether something was written. */
static bool write_openapi_union(struct schema *s, struct view *v, struct type *t, int depth)
{
    jval *list = union_of(v);
    size_t n = 0;
    jval *last = NULL;
    JD_EACH (m, list) {
        if (is_null_type(s->root, m.value)) {
            t->nullable = true;
        } else {
            n++;
            last = m.value;
        }
    }
    if (n == 1) {
        add_view(v, s->root, last, true, 0);
        struct type inner = type_of(v);
        inner.nullable = inner.nullable || t->nullable;
        *t = inner;
    }
    if (n < 2)
        return false;
    jw_karr(s->w, S("anyOf"));
    JD_EACH (m, list)
        if (!is_null_type(s->root, m.value))
            write_openapi(s, m.value, depth + 1);
    jw_arr_end(s->w);
    return true;
}

static void write_openapi_types(struct schema *s, const struct view *v, const struct type *t,
                                int depth)
{
    jw_karr(s->w, S("anyOf"));
    for (size_t i = 0; i < t->n; i++) {
        jw_obj(s->w);
        write_openapi_type(s, v, str_c(types[t->which[i]]), depth + 1);
        jw_obj_end(s->w);
    }
    jw_arr_end(s->w);
}

static void write_openapi(struct schema *s, jval *node, int depth)
{
    struct view v = { 0 };
    jw_obj(s->w);
    if (depth > DEPTH_MAX || s->nodes++ > NODES_MAX) {
        jw_kstr(s->w, S("type"), S("STRING"));
        jw_obj_end(s->w);
        return;
    }
    add_view(&v, s->root, node, true, 0);
    struct type t = type_of(&v);
    copy_if(s, &v, S("title"), JSON_STRING);
    copy_if(s, &v, S("description"), JSON_STRING);
    if (!write_openapi_union(s, &v, &t, depth)) {
        if (write_openapi_enum(s, &v, &t))
            jw_kstr(s->w, S("type"), S("STRING"));
        else if (t.n > 1)
            write_openapi_types(s, &v, &t, depth);
        else
            write_openapi_type(s, &v, t.n ? str_c(types[t.which[0]]) : guess_type(&v), depth);
    }
    if (t.nullable)
        jw_kbool(s->w, S("nullable"), true);
    jw_obj_end(s->w);
}

void gemini_write_schema(struct jw *w, jval *schema, struct arena *a)
{
    struct schema s = { .w = w, .root = schema, .arena = a };
    write_openapi(&s, schema, 0);
}

/* ---- the JSON Schema fields ----------------------------------------------------------------- */

static void write_json(struct schema *s, jval *node, int depth);

/* "#/definitions/X" lives under "$defs" in what we write. */
static void write_ref(struct schema *s, str ref)
{
    str old = S("#/definitions/");
    if (str_starts(ref, old))
        ref = arena_cat(s->arena, S("#/$defs/"), str_skip(ref, old.n));
    jw_kstr(s->w, S("$ref"), ref);
}

static void write_defs(struct schema *s, jval *node, int depth)
{
    static const str names[] = { { "$defs", 5 }, { "definitions", 11 } };
    bool open = false;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        JD_EACH (m, jd_get(node, names[i])) {
            if (!open)
                jw_kobj(s->w, S("$defs"));
            open = true;
            jw_key(s->w, m.name);
            write_json(s, m.value, depth + 1);
        }
    if (open)
        jw_obj_end(s->w);
}

static void write_json_type(struct schema *s, const struct view *v)
{
    struct type t = type_of(v);
    jval *only = view_get(v, S("const"));
    if (t.n == 0 && jd_is_str(only))
        add_type(&t, S("string"));
    if (t.n == 0 && !t.nullable)
        return;
    if (t.n + t.nullable == 1) {
        jw_kstr(s->w, S("type"), t.n ? str_c(types[t.which[0]]) : S("null"));
        return;
    }
    jw_karr(s->w, S("type"));
    for (size_t i = 0; i < t.n; i++)
        jw_str(s->w, str_c(types[t.which[i]]));
    if (t.nullable)
        jw_str(s->w, S("null"));
    jw_arr_end(s->w);
}

static bool enum_value(jval *v)
{
    return jd_is_str(v) || jd_is_num(v);
}

static void write_json_enum(struct schema *s, const struct view *v)
{
    jval *list = view_get(v, S("enum"));
    jval *only = view_get(v, S("const"));
    size_t usable = 0;
    JD_EACH (m, list)
        usable += enum_value(m.value);
    if (usable == 0 && !enum_value(only))
        return;
    jw_karr(s->w, S("enum"));
    if (usable == 0)
        jw_val(s->w, only);
    else
        JD_EACH (m, list)
            if (enum_value(m.value))
                jw_val(s->w, m.value);
    jw_arr_end(s->w);
}

static void write_json_list(struct schema *s, str key, jval *list, int depth)
{
    if (!jd_is_arr(list) || jd_count(list) == 0)
        return;
    jw_karr(s->w, key);
    JD_EACH (m, list)
        write_json(s, m.value, depth + 1);
    jw_arr_end(s->w);
}

static void write_json_children(struct schema *s, const struct view *v, int depth)
{
    if (write_properties(s, v, depth, write_json))
        write_required(s, v);
    copy_if(s, v, S("propertyOrdering"), JSON_ARRAY);
    jval *more = view_get(v, S("additionalProperties"));
    if (jd_is_bool(more)) {
        jw_kval(s->w, S("additionalProperties"), more);
    } else if (jd_is_obj(more)) {
        jw_key(s->w, S("additionalProperties"));
        write_json(s, more, depth + 1);
    }
    jval *items = view_get(v, S("items"));
    if (jd_is_arr(items)) { /* a tuple, in the old spelling */
        write_json_list(s, S("prefixItems"), items, depth);
    } else {
        write_json_list(s, S("prefixItems"), view_get(v, S("prefixItems")), depth);
        if (jd_is_obj(items)) {
            jw_key(s->w, S("items"));
            write_json(s, items, depth + 1);
        }
    }
    write_json_list(s, S("anyOf"), union_of(v), depth);
}

static void write_json(struct schema *s, jval *node, int depth)
{
    jw_obj(s->w);
    if (depth > DEPTH_MAX || s->nodes++ > NODES_MAX || !jd_is_obj(node)) {
        jw_obj_end(s->w);
        return;
    }
    jval *ref = jd_get(node, S("$ref"));
    jval *all = jd_get(node, S("allOf"));
    if (!jd_is_str(ref) && jd_count(all) == 1 && !jd_get(node, S("properties")))
        ref = jd_get(jd_at(all, 0), S("$ref")); /* how older generators attach a description */
    write_defs(s, node, depth);
    copy_if(s, &(struct view){ { node }, 1 }, S("$id"), JSON_STRING);
    copy_if(s, &(struct view){ { node }, 1 }, S("$anchor"), JSON_STRING);
    if (jd_is_str(ref)) { /* nothing else may stand beside it */
        write_ref(s, jd_str(ref));
        jw_obj_end(s->w);
        return;
    }
    struct view v = { 0 };
    add_view(&v, s->root, node, false, 0);
    write_json_type(s, &v);
    static const str texts[] = { { "title", 5 }, { "description", 11 }, { "format", 6 } };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        copy_if(s, &v, texts[i], JSON_STRING);
    write_json_enum(s, &v);
    copy_if(s, &v, S("minItems"), JSON_NUMBER);
    copy_if(s, &v, S("maxItems"), JSON_NUMBER);
    write_bounds(s, &v);
    write_json_children(s, &v, depth);
    jw_obj_end(s->w);
}

void gemini_write_json_schema(struct jw *w, jval *schema, struct arena *a)
{
    struct schema s = { .w = w, .root = schema, .arena = a };
    write_json(&s, schema, 0);
}

bool gemini_schema_is_empty(jval *schema)
{
    static const str told[] = { { "properties", 10 }, { "$ref", 4 },  { "anyOf", 5 },
                                { "oneOf", 5 },       { "allOf", 5 }, { "items", 5 },
                                { "enum", 4 },        { "const", 5 } };
    for (size_t i = 0; i < COUNT_OF(told); i++)
        if (jd_count(jd_get(schema, told[i])) || jd_is_str(jd_get(schema, told[i])))
            return false;
    return !jd_is_true(jd_get(schema, S("additionalProperties"))) &&
           !jd_is_obj(jd_get(schema, S("additionalProperties")));
}

/* ---- from the Schema message ---------------------------------------------------------------- */

static void write_counts(struct schema *s, jval *node)
{
    static const str counts[] = { { "minItems", 8 },       { "maxItems", 8 },
                                  { "minLength", 9 },      { "maxLength", 9 },
                                  { "minProperties", 13 }, { "maxProperties", 13 } };
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        int64_t n = gemini_i64(gemini_get(node, counts[i]), -1);
        if (n >= 0)
            jw_ki64(s->w, counts[i], n);
    }
}

static void read_node(struct schema *s, jval *node, int depth);

static void read_children(struct schema *s, jval *node, int depth)
{
    jval *properties = jd_get(node, S("properties"));
    if (jd_is_obj(properties)) {
        jw_kobj(s->w, S("properties"));
        JD_EACH (m, properties) {
            jw_key(s->w, m.name);
            read_node(s, m.value, depth + 1);
        }
        jw_obj_end(s->w);
    }
    if (jd_is_obj(jd_get(node, S("items")))) {
        jw_key(s->w, S("items"));
        read_node(s, jd_get(node, S("items")), depth + 1);
    }
    jval *any = gemini_get(node, S("anyOf"));
    if (jd_is_arr(any)) {
        jw_karr(s->w, S("anyOf"));
        JD_EACH (m, any)
            read_node(s, m.value, depth + 1);
        jw_arr_end(s->w);
    }
}

static void read_type(struct schema *s, jval *node)
{
    str type = lower(s->arena, jd_get_str(node, S("type")));
    if (type.n == 0 || str_eq(type, S("type_unspecified")))
        return;
    if (!jd_is_true(jd_get(node, S("nullable")))) {
        jw_kstr(s->w, S("type"), type);
        return;
    }
    jw_karr(s->w, S("type"));
    jw_str(s->w, type);
    jw_str(s->w, S("null"));
    jw_arr_end(s->w);
}

static void read_node(struct schema *s, jval *node, int depth)
{
    static const str kept[] = { { "title", 5 },    { "description", 11 }, { "enum", 4 },
                                { "required", 8 }, { "minimum", 7 },      { "maximum", 7 },
                                { "pattern", 7 },  { "default", 7 } };
    jw_obj(s->w);
    if (depth > DEPTH_MAX || !jd_is_obj(node)) {
        jw_obj_end(s->w);
        return;
    }
    read_type(s, node);
    for (size_t i = 0; i < COUNT_OF(kept); i++)
        if (jd_given(jd_get(node, kept[i])))
            jw_kval(s->w, kept[i], jd_get(node, kept[i]));
    str format = jd_get_str(node, S("format"));
    if (format.n && !str_eq(format, S("enum")))
        jw_kstr(s->w, S("format"), format);
    write_counts(s, node);
    read_children(s, node, depth);
    jw_obj_end(s->w);
}

str gemini_read_schema(jval *schema, struct arena *a)
{
    struct buf text;
    struct jw w;
    buf_init(&text, (size_t)16 << 20);
    jw_init(&w, &text);
    struct schema s = { .w = &w, .root = schema, .arena = a };
    read_node(&s, schema, 0);
    str copy = text.full ? S("{}") : arena_dup(a, buf_str(&text));
    buf_done(&text);
    return copy;
}
