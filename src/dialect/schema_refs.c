#include "dialect/schema_refs.h"

enum { NESTING_MAX = 24, REFS_MAX = 6, INLINED_BYTES_MAX = 256 * 1024 };

jval *schema_lookup(jval *root, str ref)
{
    if (str_eq(ref, S("#")))
        return root;
    if (!str_starts(ref, S("#/")))
        return NULL;
    jval *at = root;
    str rest = str_skip(ref, 2);
    while (at && rest.p)
        at = jd_get(at, str_cut(&rest, '/'));
    return at;
}

struct inlining {
    struct jw w;
    jval *root;
    bool failed; /* too deep, too long, or a $ref that names nothing */
};

static void write_value(struct inlining *in, jval *v, bool names, int depth, int refs);

/* refs: $refs followed on the way here; names: v's members are names of properties. */
static void write_members(struct inlining *in, jval *v, jval *over, bool names, int depth, int refs)
{
    JD_EACH (m, v) {
        bool defs = str_eq(m.name, S("$defs")) || str_eq(m.name, S("definitions"));
        if (!names && (defs || str_eq(m.name, S("$ref")) || jd_get(over, m.name)))
            continue;
        jw_key(&in->w, m.name);
        write_value(in, m.value, !names && str_eq(m.name, S("properties")), depth + 1, refs);
    }
}

static void write_object(struct inlining *in, jval *v, bool names, int depth, int refs)
{
    jval *ref = names ? NULL : jd_get(v, S("$ref"));
    jw_obj(&in->w);
    if (jd_is_str(ref) && refs == REFS_MAX) {
        jw_kstr(&in->w, S("type"), S("object"));
        jw_obj_end(&in->w);
        return;
    }
    if (jd_is_str(ref)) {
        jval *to = schema_lookup(in->root, jd_str(ref));
        in->failed = in->failed || !jd_is_obj(to);
        jval *next = jd_get(to, S("$ref")); /* a name for a name */
        for (int hop = 0; hop < REFS_MAX && jd_is_str(next); hop++) {
            to = schema_lookup(in->root, jd_str(next));
            next = jd_get(to, S("$ref"));
        }
        write_members(in, to, v, false, depth, refs + 1); /* what stands beside the $ref wins */
    }
    write_members(in, v, NULL, names, depth, refs);
    jw_obj_end(&in->w);
}

static void write_value(struct inlining *in, jval *v, bool names, int depth, int refs)
{
    in->failed = in->failed || depth > NESTING_MAX || in->w.out->full;
    if (in->failed) {
        jw_null(&in->w);
    } else if (jd_is_obj(v)) {
        write_object(in, v, names, depth, refs);
    } else if (jd_is_arr(v)) {
        jw_arr(&in->w);
        JD_EACH (m, v)
            write_value(in, m.value, false, depth + 1, refs);
        jw_arr_end(&in->w);
    } else {
        jw_val(&in->w, v);
    }
}

void schema_write_inlined(struct jw *w, str schema, struct arena *a)
{
    struct inlining in = { 0 };
    struct buf out;
    if (!str_contains(schema, S("\"$ref\"")) || FAILED(jd_read(&in.root, schema, a, NULL))) {
        jw_raw(w, schema);
        return;
    }
    buf_init(&out, INLINED_BYTES_MAX);
    jw_init(&in.w, &out);
    write_value(&in, in.root, false, 0, 0);
    jw_raw(w, in.failed || out.full ? schema : arena_dup(a, buf_str(&out)));
    buf_done(&out);
}
