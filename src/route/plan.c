#include "json/doc.h"
#include "route/internal.h"

/* One request's walk:
 *
 *     group -> pick a deployment -> failed? -> again in the group (retries, higher `order`)
 *                                           -> the group's fallbacks, each with their own
 *
 * Fallback lists of groups that failed lie on a stack, so that a fallback's own fallbacks come
 * before the rest of the list that it stood in. Bounded by: retries per group, max_fallbacks hops,
 * and no group is entered twice.
 */

enum { FALLBACKS_MAX_DEFAULT = 5, FALLBACKS_MAX = 100 };

struct pending {
    struct pending *below;
    const struct fallback_target *next;
};

struct visited {
    struct visited *next;
    const struct route_group *group;
};

struct plan_state {
    struct route_target target;
    str name; /* as it was asked for: what fallbacks are looked up by */
    const struct chat_extra *overrides;
    const struct deployment **members; /* candidates: room for every member */
    uint64_t *failed;                  /* bits: members that failed in this request */
    const struct deployment *last;     /* the attempt under way or just over */
    struct route_outcome outcome;      /* of last, if failing */
    unsigned retries;                  /* in this group */
    unsigned hops;
    int64_t back_ms; /* when a cooling deployment is back; -1: not known */
    bool failing;    /* last has failed and what follows is not decided yet */
    bool tried_here, tried;
    bool long_here, too_long; /* deployments were left out: the prompt does not fit */
    bool over;                /* there is nothing more to try */
    struct pending *stack;
    struct visited *visited;
};

struct plan_options plan_options_default(void)
{
    return (struct plan_options){ .num_retries = -1 };
}

/* ---- groups -----------------------------------------------------------------------------------
 */

static void enter(struct plan *p, const struct route_target *target, str name,
                  const struct chat_extra *overrides)
{
    struct plan_state *s = p->state;
    struct visited *v = NEW(p->arena, struct visited, 1);
    *v = (struct visited){ s->visited, target->group };
    s->visited = v;
    s->target = *target;
    s->name = name;
    s->overrides = overrides;
    s->members = NULL;
    s->failed = NULL;
    s->retries = 0;
    s->tried_here = s->long_here = false;
}

static bool was_visited(const struct plan_state *s, const struct route_group *group)
{
    for (const struct visited *v = s->visited; v; v = v->next)
        if (v->group == group)
            return true;
    return false;
}

/* The one deployment as a group. Where its model has a star, what the star stands for is in the
 * name that was asked for. */
static struct route_target only_target(const struct route_table *t, str model,
                                       const struct deployment *only, struct arena *a)
{
    struct route_group *g = NEW(a, struct route_group, 1);
    struct route_target target;
    bool by_id = !pattern_is(only->model) || !route_resolve(t, model, &target);
    if (by_id)
        target = (struct route_target){ .name = only->group_name, .by_id = true };
    else
        *g = *target.group;
    g->members = NEW(a, const struct deployment *, 1);
    g->members[0] = only;
    g->n = 1;
    g->name = only->group_name;
    target.group = g;
    return target;
}

bool plan_init(struct plan *p, const struct route_table *t, str model,
               const struct plan_options *options, struct arena *a)
{
    struct route_target target;
    const struct chat_extra *overrides = NULL;
    str name = model;
    *p = (struct plan){ .table = t, .arena = a, .options = *options, .asked = model };
    if (options->only) {
        target = only_target(t, model, options->only, a);
    } else if (!route_resolve(t, model, &target)) {
        const struct fallback_target *f = t->config->default_fallbacks;
        if (options->disable_fallbacks || !f || !route_resolve(t, f->model, &target))
            return false;
        name = f->model;
        overrides = f->overrides;
    }
    p->state = NEW(a, struct plan_state, 1);
    p->state->back_ms = -1;
    enter(p, &target, name, overrides);
    return true;
}

/* ---- candidates -------------------------------------------------------------------------------
 */

static bool has_failed(const struct plan_state *s, size_t i)
{
    return s->failed && s->failed[i / 64] >> (i % 64) & 1;
}

static void note_failed(struct plan *p)
{
    struct plan_state *s = p->state;
    const struct route_group *g = s->target.group;
    if (!s->failed)
        s->failed = NEW(p->arena, uint64_t, g->n / 64 + 1);
    for (size_t i = 0; i < g->n; i++)
        if (g->members[i] == s->last)
            s->failed[i / 64] |= UINT64_C(1) << (i % 64);
}

static void note_back(struct plan_state *s, uint64_t wait_ms)
{
    if (s->back_ms < 0 || (int64_t)wait_ms < s->back_ms)
        s->back_ms = (int64_t)wait_ms;
}

/* Neither cooling down nor, where that is enforced, over its rpm. */
static bool is_available(struct plan *p, const struct deployment *d, uint64_t now_ms)
{
    struct plan_state *s = p->state;
    uint64_t until = atomic_load_explicit(&d->health->cooldown_until_ms, memory_order_relaxed);
    if (!route_serves(&s->target, d) || (p->options.realtime && !deployment_has_realtime(d)))
        return false;
    if (s->target.by_id)
        return true;
    if (until > now_ms) {
        note_back(s, until - now_ms);
        return false;
    }
    if (p->table->config->enforce_rate_limits && d->rpm != CHAT_UNSET &&
        (int64_t)health_minute_requests(d->health, now_ms) >= d->rpm) {
        note_back(s, 60000 - now_ms % 60000);
        return false;
    }
    if (p->options.fits && !p->options.fits(p->options.fits_arg, d)) {
        s->long_here = s->too_long = true;
        return false;
    }
    return true;
}

static bool has_room(const struct deployment *d)
{
    return d->max_parallel_requests == CHAT_UNSET ||
           (int64_t)atomic_load_explicit(&d->health->in_flight, memory_order_relaxed) <
               d->max_parallel_requests;
}

static int64_t order_of(const struct deployment *d)
{
    return d->order == CHAT_UNSET ? INT64_MAX : d->order; /* after those that have one */
}

/* Keeps those that pass, if any does. */
static size_t prefer_room(const struct deployment **c, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        kept += has_room(c[i]);
    if (kept == 0)
        return n;
    kept = 0;
    for (size_t i = 0; i < n; i++)
        if (has_room(c[i]))
            c[kept++] = c[i];
    return kept ? kept : n; /* others may have taken the room meanwhile */
}

static size_t least_order(const struct deployment **c, size_t n)
{
    int64_t least = INT64_MAX;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        least = order_of(c[i]) < least ? order_of(c[i]) : least;
    for (size_t i = 0; i < n; i++)
        if (order_of(c[i]) == least)
            c[kept++] = c[i];
    return kept;
}

/* *ret_fresh: it has not failed in this request. NULL: nobody is available. */
static const struct deployment *pick(struct plan *p, uint64_t now_ms, uint64_t random,
                                     bool *ret_fresh)
{
    struct plan_state *s = p->state;
    const struct route_group *g = s->target.group;
    size_t n = 0;
    if (!s->members)
        s->members = NEW(p->arena, const struct deployment *, g->n);
    for (size_t i = 0; i < g->n; i++)
        if (!has_failed(s, i) && is_available(p, g->members[i], now_ms))
            s->members[n++] = g->members[i];
    *ret_fresh = n > 0;
    for (size_t i = 0; n == 0 && i < g->n; i++) /* only those that failed before */
        if (is_available(p, g->members[i], now_ms))
            s->members[n++] = g->members[i];
    if (n == 0)
        return NULL;
    n = prefer_room(s->members, n);
    n = least_order(s->members, n);
    return strategy_pick(p->table->strategy, s->members, n, random, now_ms);
}

/* ---- again in the group -----------------------------------------------------------------------
 */

static bool has_fallbacks_for(const struct plan *p, enum chat_error_kind kind);

/* d is what would be tried next. A deployment of a higher `order` is worth a try even without
 * retries left: that is what it is there for. */
static bool may_retry(const struct plan *p, const struct deployment *d, bool fresh)
{
    const struct plan_state *s = p->state;
    const struct config *c = p->table->config;
    const struct route_outcome *o = &s->outcome;
    int64_t allowed = retry_count(c, &p->options, s->name, s->last, o);
    bool is_status = o->failure == ROUTE_FAIL_STATUS;
    if (is_status && has_fallbacks_for(p, o->error))
        return false;
    bool wanted = retry_policy_count(c, s->name, o) > 0; /* the user says so, whatever it is */
    if (!outcome_retryable(o, fresh) && !wanted)
        return false;
    if ((int64_t)s->retries < allowed)
        return true;
    return fresh && order_of(d) > order_of(s->last);
}

/* ---- fallbacks --------------------------------------------------------------------------------
 */

static str without_prefix(str name)
{
    str rest = name;
    str_cut(&rest, '/');
    return rest.p ? rest : name;
}

static const struct fallback *entry_of(const struct fallback *list, str name)
{
    for (; list; list = list->next)
        if (str_eq(list->group, name))
            return list;
    return NULL;
}

/* The targets for a group: by its name, by the name an alias stands for, without the vendor's
 * prefix, "*". */
static const struct fallback_target *targets_of(const struct plan_state *s,
                                                const struct fallback *list)
{
    const struct fallback *f = entry_of(list, s->name);
    if (!f)
        f = entry_of(list, s->target.name);
    if (!f)
        f = entry_of(list, s->target.group->name);
    if (!f)
        f = entry_of(list, without_prefix(s->name));
    if (!f)
        f = entry_of(list, S("*"));
    return f ? f->targets : NULL;
}

static bool has_fallbacks_for(const struct plan *p, enum chat_error_kind kind)
{
    const struct config *c = p->table->config;
    if (p->options.disable_fallbacks)
        return false;
    return (kind == ERR_CONTEXT_WINDOW && targets_of(p->state, c->context_window_fallbacks)) ||
           (kind == ERR_CONTENT_POLICY && targets_of(p->state, c->content_policy_fallbacks));
}

static void add_target(struct plan *p, struct fallback_target ***tail, str model,
                       const struct chat_extra *overrides)
{
    struct fallback_target *f = NEW(p->arena, struct fallback_target, 1);
    f->model = model;
    f->overrides = (struct chat_extra *)(uintptr_t)overrides;
    **tail = f;
    *tail = &f->next;
}

static struct chat_extra *read_overrides(struct plan *p, jval *target)
{
    struct chat_extra *list = NULL, **tail = &list;
    JD_EACH (m, target) {
        if (str_eq(m.name, S("model")))
            continue;
        *tail = NEW(p->arena, struct chat_extra, 1);
        (*tail)->name = arena_dup(p->arena, m.name);
        (*tail)->value = jd_text(m.value, p->arena);
        tail = &(*tail)->next;
    }
    return list;
}

/* The request's own list: "a", {"model": "b", ...}, or LiteLLM's configured form {"group": [..]}.
 */
static const struct fallback_target *read_own(struct plan *p)
{
    struct fallback_target *list = NULL, **tail = &list;
    jval *v;
    if (FAILED(jd_read(&v, p->options.fallbacks, p->arena, NULL)) || !jd_is_arr(v))
        return NULL;
    JD_EACH (it, v) {
        str model = jd_is_obj(it.value) ? jd_get_str(it.value, S("model")) : jd_str(it.value);
        if (model.n) {
            add_target(p, &tail, arena_dup(p->arena, model), read_overrides(p, it.value));
            continue;
        }
        jval *targets = jd_get(it.value, p->state->name);
        JD_EACH (t, targets)
            if (jd_str(t.value).n)
                add_target(p, &tail, arena_dup(p->arena, jd_str(t.value)), NULL);
    }
    return list;
}

static const struct fallback_target *fallbacks_now(struct plan *p)
{
    struct plan_state *s = p->state;
    const struct config *c = p->table->config;
    enum chat_error_kind kind =
        s->tried_here && s->outcome.failure == ROUTE_FAIL_STATUS ? s->outcome.error : ERR_SERVER;
    if (!s->tried_here && s->long_here)
        kind = ERR_CONTEXT_WINDOW;
    const struct fallback_target *own = NULL;
    if (s->hops == 0 && p->options.fallbacks.n)
        own = read_own(p);
    if (own)
        return own;
    if (kind == ERR_CONTEXT_WINDOW && c->has_context_window_fallbacks)
        return targets_of(s, c->context_window_fallbacks);
    if (kind == ERR_CONTENT_POLICY && c->has_content_policy_fallbacks)
        return targets_of(s, c->content_policy_fallbacks);
    const struct fallback_target *t = targets_of(s, c->fallbacks);
    return t ? t : c->default_fallbacks;
}

static void push(struct plan *p, const struct fallback_target *list)
{
    struct pending *top = NEW(p->arena, struct pending, 1);
    *top = (struct pending){ p->state->stack, list };
    p->state->stack = top;
}

static unsigned hops_max(const struct config *c)
{
    int64_t n = c->max_fallbacks;
    return n == CHAT_UNSET     ? FALLBACKS_MAX_DEFAULT
           : n < 0             ? 0
           : n > FALLBACKS_MAX ? FALLBACKS_MAX
                               : (unsigned)n;
}

/* Leaves the group for the next one that is not known to fail. */
static bool next_group(struct plan *p)
{
    struct plan_state *s = p->state;
    const struct fallback_target *list;
    if (p->options.disable_fallbacks || s->hops >= hops_max(p->table->config))
        return false;
    if ((list = fallbacks_now(p)))
        push(p, list);
    while (s->stack) {
        const struct fallback_target *f = s->stack->next;
        struct route_target target;
        if (!f) {
            s->stack = s->stack->below;
            continue;
        }
        s->stack->next = f->next;
        if (!route_resolve(p->table, f->model, &target) || was_visited(s, target.group))
            continue;
        s->hops++;
        enter(p, &target, f->model, f->overrides);
        return true;
    }
    return false;
}

/* ---- the walk ---------------------------------------------------------------------------------
 */

static uint64_t mixed(uint64_t random)
{
    random *= UINT64_C(0x9e3779b97f4a7c15);
    return random ^ random >> 29;
}

static enum plan_result take(struct plan *p, const struct deployment *d, uint32_t delay_ms,
                             struct plan_step *ret)
{
    struct plan_state *s = p->state;
    s->last = d;
    s->tried = s->tried_here = true;
    *ret = (struct plan_step){
        .deployment = d,
        .model = route_model(&s->target, d, p->arena),
        .overrides = s->overrides,
        .delay_ms = delay_ms,
        .timeout_ms = p->options.timeout_ms ? p->options.timeout_ms : d->timeout_ms,
        .stream_timeout_ms = d->stream_timeout_ms,
        .fallbacks = s->hops,
        .retry_after_ms = -1,
    };
    return PLAN_TRY;
}

enum plan_result plan_next(struct plan *p, uint64_t now_ms, uint64_t random, struct plan_step *ret)
{
    struct plan_state *s = p->state;
    bool failing = s->failing;
    s->failing = false;
    while (!s->over) {
        uint32_t delay_ms = 0;
        bool fresh = true;
        const struct deployment *d = pick(p, now_ms, random, &fresh);
        if (d && failing) {
            if (!may_retry(p, d, fresh))
                d = NULL;
            else if (!fresh)
                delay_ms = retry_delay_ms(p->table->config, &s->outcome, s->retries, mixed(random));
            s->retries += d != NULL;
        }
        if (d)
            return take(p, d, delay_ms, ret);
        failing = false;
        s->over = !next_group(p);
    }
    *ret = (struct plan_step){ .fallbacks = s->hops, .retry_after_ms = s->back_ms };
    return s->tried ? PLAN_END : s->too_long ? PLAN_LONG : PLAN_NONE;
}

void plan_failed(struct plan *p, const struct route_outcome *o, uint64_t now_ms)
{
    p->state->failing = true;
    p->state->outcome = *o;
    note_failed(p);
}
