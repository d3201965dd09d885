#include "server/drop_params.h"

#include "json/write.h"

enum { PATHS_MAX = 64 };

/* What is left of each path at one place of the tree; n paths that still match. */
struct paths {
    str left[PATHS_MAX];
    size_t n;
};

/* The first step of a path and the rest: ".b", "[*].c" and "[0]" follow a name. */
static str first_step(str path, str *ret_rest)
{
    size_t i = 0;
    if (path.n && path.p[0] == '[')
        i = str_index(path, ']') + 1;
    else
        while (i < path.n && path.p[i] != '.' && path.p[i] != '[')
            i++;
    if (i > path.n)
        i = path.n;
    *ret_rest = str_skip(path, i < path.n && path.p[i] == '.' ? i + 1 : i);
    return str_take(path, i);
}

static bool names_index(str step, size_t index)
{
    uint64_t n;
    if (step.n < 3 || step.p[0] != '[')
        return false;
    str inside = { step.p + 1, step.n - 2 };
    return str_eq(inside, S("*")) || (str_to_u64(inside, &n) && n == index);
}

/* The paths that lead into a child; true: one ends here, so the child goes. */
static bool descend(const struct paths *p, str name, size_t index, bool member, struct paths *ret)
{
    ret->n = 0;
    for (size_t i = 0; i < p->n; i++) {
        str rest, step = first_step(p->left[i], &rest);
        if (member ? !str_eq(step, name) : !names_index(step, index))
            continue;
        if (rest.n == 0)
            return true;
        ret->left[ret->n++] = rest;
    }
    return false;
}

static void copy(struct jw *w, jval *v, const struct paths *p, unsigned depth)
{
    struct paths below;
    if (p->n == 0 || depth > 16 || !(jd_is_obj(v) || jd_is_arr(v))) {
        jw_val(w, v);
        return;
    }
    bool members = jd_is_obj(v);
    if (members)
        jw_obj(w);
    else
        jw_arr(w);
    JD_EACH (m, v) {
        if (descend(p, m.name, m.index, members, &below))
            continue;
        if (members)
            jw_key(w, m.name);
        copy(w, m.value, &below, depth + 1);
    }
    if (members)
        jw_obj_end(w);
    else
        jw_arr_end(w);
}

rc drop_params(str body, const struct chat_str *paths, struct arena *a, str *ret, struct err *e)
{
    struct paths p = { .n = 0 };
    struct buf out;
    struct jw w;
    jval *tree;
    TRY(jd_read(&tree, body, a, e));
    for (; paths && p.n < PATHS_MAX; paths = paths->next)
        p.left[p.n++] = paths->s;
    buf_init(&out, body.n * 2 + 64); /* compact: not longer, but escapes may differ */
    jw_init(&w, &out);
    copy(&w, tree, &p, 0);
    *ret = arena_dup(a, buf_str(&out));
    bool full = out.full;
    buf_done(&out);
    return full ? fail(e, E_LIMIT, "additional_drop_params", 0, "the request is too long") : RC_OK;
}
