#include "server/cache_points.h"

#include "json/doc.h"

struct cache_mark {
    struct cache_mark *next;
    str *at;
};

struct marking {
    struct arena *arena;
    struct cache_mark *marks;
    str control;
};

static void set(struct marking *m, str *at)
{
    if (at->n)
        return;
    struct cache_mark *mark = NEW(m->arena, struct cache_mark, 1);
    mark->at = at;
    mark->next = m->marks;
    m->marks = mark;
    *at = m->control;
}

/* A message's mark stands on its last part that can carry one. */
static void mark_message(struct marking *m, struct chat_message *msg)
{
    struct chat_part *last = NULL;
    for (struct chat_part *p = msg->parts; p; p = p->next)
        if (p->kind != PART_THINKING && p->kind != PART_REDACTED && p->kind != PART_OPAQUE &&
            (p->kind != PART_TEXT || p->text.n))
            last = p;
    if (last)
        set(m, &last->cache);
}

static bool has_role(const struct chat_message *m, str role)
{
    static const char *const names[] = { [ROLE_SYSTEM] = "system",
                                         [ROLE_DEVELOPER] = "developer",
                                         [ROLE_USER] = "user",
                                         [ROLE_ASSISTANT] = "assistant",
                                         [ROLE_TOOL] = "tool" };
    return str_eq(role, str_c(names[m->role]));
}

static void mark_at(struct marking *m, struct chat_req *r, int64_t index)
{
    int64_t n = 0;
    for (struct chat_message *msg = r->messages; msg; msg = msg->next)
        n++;
    if (index < 0)
        index += n;
    for (struct chat_message *msg = r->messages; msg; msg = msg->next)
        if (index-- == 0)
            mark_message(m, msg);
}

/* A whole number, or one in quotes, as YAML files have it. */
static bool read_index(jval *v, int64_t *ret)
{
    double n;
    if (jd_i64(v, ret))
        return *ret > INT32_MIN && *ret < INT32_MAX;
    if (!str_to_double(jd_str(v), &n) || n < -1e6 || n > 1e6)
        return false;
    *ret = (int64_t)n;
    return true;
}

static void apply_point(struct marking *m, struct chat_req *r, jval *point)
{
    str location = jd_str_or(jd_get(point, S("location")), S("message"));
    str role = jd_get_str(point, S("role"));
    jval *control = jd_get(point, S("control"));
    int64_t index;
    m->control = jd_is_obj(control) ? jd_text(control, m->arena) : S("{\"type\":\"ephemeral\"}");
    if (str_eq(location, S("message"))) {
        if (read_index(jd_get(point, S("index")), &index))
            mark_at(m, r, index);
        else
            for (struct chat_message *msg = r->messages; msg && role.n; msg = msg->next)
                if (has_role(msg, role))
                    mark_message(m, msg);
    } else if (str_eq(location, S("tool_config"))) {
        struct chat_tool *last = r->tools;
        while (last && last->next)
            last = last->next;
        if (last)
            set(m, &last->cache);
    }
}

struct cache_mark *cache_points_apply(struct chat_req *r, str points, struct arena *a)
{
    struct marking m = { .arena = a };
    struct err e;
    jval *list;
    if (!points.n || FAILED(jd_read(&list, points, a, &e)))
        return NULL;
    JD_EACH (point, list)
        apply_point(&m, r, point.value);
    return m.marks;
}

void cache_points_undo(struct cache_mark *marks)
{
    for (; marks; marks = marks->next)
        *marks->at = (str){ 0 };
}
