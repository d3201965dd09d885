#include "dialect/members.h"

#include "base/map.h"
#include "json/write.h"

int64_t members_count(jval *v)
{
    int64_t n = jd_i64_or(v, -1);
    return n < 0 ? -1 : n;
}

const struct chat_extra *members_find(const struct chat_extra *list, str name)
{
    for (; list; list = list->next)
        if (str_eq(list->name, name))
            return list;
    return NULL;
}

bool members_listed(const struct chat_str *list, str name)
{
    for (; list; list = list->next)
        if (str_eq(list->s, name))
            return true;
    return false;
}

static bool is_empty(jval *v)
{
    return jd_is_null(v) || (jd_is_str(v) && jd_str(v).n == 0) || (jd_is_arr(v) && !jd_count(v));
}

static bool is_other(const struct jd_iter *m, const char *const *said)
{
    return is_empty(m->value) || !str_among(m->name, said);
}

void members_add_others(struct chat_extra **list, jval *obj, const char *const *said,
                        struct arena *a)
{
    struct chat_extra **tail = list;
    while (*tail)
        tail = &(*tail)->next;
    if (jd_is_obj(obj))
        JD_EACH (m, obj)
            if (is_other(&m, said))
                chat_add_extra(a, &tail, m.name, jd_text(m.value, a));
}

struct chat_extra *members_others(jval *obj, const char *const *said, struct arena *a)
{
    struct chat_extra *list = NULL;
    members_add_others(&list, obj, said, a);
    return list;
}

str members_others_object(jval *obj, const char *const *said, struct arena *a)
{
    struct buf b;
    struct jw w;
    buf_init(&b, SIZE_MAX);
    jw_init(&w, &b);
    jw_obj(&w);
    JD_EACH (m, obj)
        if (is_other(&m, said))
            jw_kval(&w, m.name, m.value);
    jw_obj_end(&w);
    str text = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return text;
}

/* Nothing, in place of something that is said after all (of two choices with one index, say). */
static bool says_less(str value, jval *ours)
{
    bool nothing = str_eq(value, S("null")) || str_eq(value, S("\"\"")) || str_eq(value, S("[]"));
    return nothing && ours && !is_empty(ours);
}

void members_put_back(struct buf *out, size_t from, const struct chat_extra *list, struct arena *a)
{
    jval *body;
    struct map by_name; /* the list may be as long as a caller likes; the last of a name counts */
    if (!list || out->full ||
        FAILED(jd_read(&body, (str){ out->p + from, out->n - from }, a, NULL)))
        return;
    map_init(&by_name);
    for (const struct chat_extra *x = list; x; x = x->next)
        map_put(&by_name, x->name, (void *)(uintptr_t)x);
    out->n = from;
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    JD_EACH (m, body) {
        const struct chat_extra *x = map_get(&by_name, m.name);
        if (!x || says_less(x->value, m.value))
            jw_kval(&w, m.name, m.value);
    }
    for (const struct chat_extra *x = list; x; x = x->next)
        if (map_get(&by_name, x->name) == x && !says_less(x->value, jd_get(body, x->name)))
            jw_kraw(&w, x->name, x->value);
    jw_obj_end(&w);
    map_done(&by_name);
}

static str native_name(str name, const struct member_name *renamed, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(renamed[i].openai, name))
            return renamed[i].native;
    return name;
}

static bool forced(const struct chat_target *t, str native, const struct member_name *renamed,
                   size_t n)
{
    for (const struct chat_extra *x = t->extra_body; x; x = x->next)
        if (str_eq(native_name(x->name, renamed, n), native))
            return true;
    return false;
}

void members_finish(struct buf *out, size_t from, const struct chat_target *t,
                    const struct member_name *renamed, size_t n, struct arena *a)
{
    jval *body;
    str text = { out->p + from, out->n - from };
    if ((!t->defaults && !t->extra_body) || out->full || FAILED(jd_read(&body, text, a, NULL)))
        return;
    out->n = from;
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    JD_EACH (m, body) {
        if (!forced(t, m.name, renamed, n))
            jw_kval(&w, m.name, m.value);
    }
    for (const struct chat_extra *x = t->defaults; x; x = x->next) {
        str native = native_name(x->name, renamed, n);
        if (!jd_get(body, native) && !forced(t, native, renamed, n))
            jw_kraw(&w, native, x->value);
    }
    for (const struct chat_extra *x = t->extra_body; x; x = x->next)
        jw_kraw(&w, native_name(x->name, renamed, n), x->value);
    jw_obj_end(&w);
}
