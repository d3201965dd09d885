#include "base/mem.h"
#include "route/internal.h"

/* The table: deployments, the groups they form, and how a name is looked up. */

/* ---- building: deployments ------------------------------------------------------------------ */

/* model_name "*" with model "*", no base and no key: every vendor whose key is in the environment,
 * and those that need none. */
static bool is_any_vendor(const struct model_entry *e)
{
    return str_eq(e->model, S("*")) && str_eq(e->model_name, S("*")) && !e->api_base.n &&
           !e->custom_llm_provider.n && secret_is_empty(&e->api_key) && !e->mock_response.p;
}

bool route_can_call(const struct config *c, const struct provider *p)
{
    if (p->later || !p->base)
        return false;
    for (size_t i = 0; i < PROVIDER_ENVS_MAX && p->key_env[i]; i++) {
        const char *key = config_getenv(c, p->key_env[i]);
        if (key && *key)
            return true;
    }
    return p->key_optional;
}

static void settle(struct route_table *t, struct deployment *d, const struct route_table *previous,
                   struct tls_context *ca)
{
    const struct route_group *old = previous ? map_get(&previous->by_id, d->id) : NULL;
    d->health = old ? health_ref(old->members[0]->health) : health_new();
    if (d->origin.tls && !d->origin.tls_unverified)
        d->origin.tls_context = ca;
    t->ndeployments++;
}

static void add_vendors(struct route_table *t, const struct model_entry *e,
                        const struct route_table *previous, struct tls_context *ca, struct diags *d)
{
    for (size_t i = 0; i < provider_count; i++) {
        const struct provider *p = &providers[i];
        struct deployment *dep = &t->deployments[t->ndeployments];
        if (!route_can_call(t->config, p))
            continue;
        str model = arena_fmt(&t->arena, "%s/*", p->prefix);
        if (!deployment_init(dep, t->config, e, model, &t->arena, d))
            continue;
        dep->id = arena_fmt(&t->arena, "%.*s/%s", STRF(e->id), p->prefix);
        settle(t, dep, previous, ca);
    }
}

static struct tls_context *find_ca(const struct config *c, struct diags *d)
{
    struct tls_context *ca = NULL;
    struct err e;
    if (c->ssl_ca_file.n && FAILED(ca_context(c->ssl_ca_file, &ca, &e)))
        diag_add(d, DIAG_ERROR, c->path, 0, 0, S("litellm_settings.ssl_verify"),
                 S("give a PEM file that can be read"),
                 "%s: the system's certificates are used instead", e.text);
    return ca;
}

static void add_deployments(struct route_table *t, const struct route_table *previous,
                            struct diags *d)
{
    struct tls_context *ca = find_ca(t->config, d);
    size_t room = 0;
    for (const struct model_entry *e = t->config->models; e; e = e->next)
        room += is_any_vendor(e) ? provider_count : 1;
    t->deployments = NEW(&t->arena, struct deployment, room);
    for (const struct model_entry *e = t->config->models; e; e = e->next) {
        struct deployment *dep = &t->deployments[t->ndeployments];
        if (is_any_vendor(e))
            add_vendors(t, e, previous, ca, d);
        else if (deployment_init(dep, t->config, e, S(""), &t->arena, d))
            settle(t, dep, previous, ca);
        else
            *dep = (struct deployment){ 0 };
    }
    route_add_passes(t, ca, d);
}

/* ---- building: groups ----------------------------------------------------------------------- */

static struct route_group *single(struct route_table *t, const struct deployment *d)
{
    struct route_group *g = NEW(&t->arena, struct route_group, 1);
    g->members = NEW(&t->arena, const struct deployment *, 1);
    g->members[0] = d;
    g->n = 1;
    g->name = d->group_name;
    return g;
}

/* First how many members each name has, then the members: two passes, no lists. */
static void make_groups(struct route_table *t, struct map *by_name, bool by_model,
                        struct route_group *groups, size_t *ngroups)
{
    for (size_t i = 0; i < t->ndeployments; i++) {
        const struct deployment *d = &t->deployments[i];
        str name = by_model ? d->litellm_model : d->group_name;
        struct route_group *g = map_get(by_name, name);
        if (!g) {
            g = &groups[(*ngroups)++];
            g->name = name;
            g->pattern = !by_model && pattern_is(name);
            map_put(by_name, name, g);
        }
        g->any_vendor |= d->entry && is_any_vendor(d->entry);
        g->n++;
    }
    for (size_t i = 0; i < *ngroups; i++) {
        groups[i].members = NEW(&t->arena, const struct deployment *, groups[i].n);
        groups[i].n = 0;
    }
    for (size_t i = 0; i < t->ndeployments; i++) {
        const struct deployment *d = &t->deployments[i];
        struct route_group *g = map_get(by_name, by_model ? d->litellm_model : d->group_name);
        g->members[g->n++] = d;
    }
}

static int longest_first(const void *a, const void *b)
{
    const struct route_group *x = *(const struct route_group *const *)a;
    const struct route_group *y = *(const struct route_group *const *)b;
    if (x->name.n != y->name.n)
        return x->name.n > y->name.n ? -1 : 1;
    return (x > y) - (x < y); /* the config's order */
}

static void sort_patterns(struct route_table *t)
{
    t->patterns = NEW(&t->arena, const struct route_group *, t->ngroups);
    for (size_t i = 0; i < t->ngroups; i++)
        if (t->groups[i].pattern)
            t->patterns[t->npatterns++] = &t->groups[i];
    if (t->npatterns)
        qsort(t->patterns, t->npatterns, sizeof(*t->patterns), longest_first);
}

static void index_all(struct route_table *t)
{
    size_t nmodels = 0;
    t->groups = NEW(&t->arena, struct route_group, t->ndeployments);
    make_groups(t, &t->by_group, false, t->groups, &t->ngroups);
    struct route_group *by_model = NEW(&t->arena, struct route_group, t->ndeployments);
    make_groups(t, &t->by_model, true, by_model, &nmodels);
    for (size_t i = 0; i < t->ndeployments; i++) {
        struct deployment *d = &t->deployments[i];
        const struct route_group *g = map_get(&t->by_group, d->group_name);
        d->lone = g->n == 1 || g->any_vendor;
        map_put(&t->by_id, d->id, single(t, d));
    }
    sort_patterns(t);
}

static bool has_name(const struct route_table *t, str name)
{
    for (size_t i = 0; i < t->nnames; i++)
        if (str_eq(t->names[i], name))
            return true;
    return false;
}

/* An alias of a model that nobody serves is left out (check_settings says so). */
static void list_names(struct route_table *t)
{
    size_t n = t->ngroups;
    struct route_target target;
    for (const struct alias *a = t->config->aliases; a; a = a->next)
        n++;
    t->names = NEW(&t->arena, str, n);
    for (struct alias *a = t->config->aliases; a; a = a->next) {
        map_put(&t->by_alias, a->name, a);
        if (!a->hidden && !has_name(t, a->name) && route_resolve(t, a->name, &target))
            t->names[t->nnames++] = a->name;
    }
    size_t naliases = t->nnames;
    for (size_t i = 0; i < t->ngroups; i++) {
        struct route_table aliases = { .names = t->names, .nnames = naliases };
        if ((!t->groups[i].pattern || t->config->return_wildcard_routes) &&
            !has_name(&aliases, t->groups[i].name))
            t->names[t->nnames++] = t->groups[i].name;
    }
}

/* ---- building: what the settings name ------------------------------------------------------- */

static void check_targets(const struct route_table *t, const struct fallback_target *list,
                          const struct fallback *f, const char *key, struct diags *d)
{
    struct route_target target;
    for (; list; list = list->next)
        if (!route_resolve(t, list->model, &target))
            diag_add(d, DIAG_WARN, f ? f->file : t->config->path, f ? f->line : 0,
                     f ? f->column : 0, str_c(key), S("add it to model_list, or correct the name"),
                     "no model is called \"%.*s\"", STRF(str_take(list->model, 100)));
}

static void check_settings(const struct route_table *t, struct diags *d)
{
    const struct config *c = t->config;
    const struct {
        const char *key;
        const struct fallback *list;
    } lists[] = {
        { "fallbacks", c->fallbacks },
        { "context_window_fallbacks", c->context_window_fallbacks },
        { "content_policy_fallbacks", c->content_policy_fallbacks },
    };
    struct route_target target;
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        for (const struct fallback *f = lists[i].list; f; f = f->next)
            check_targets(t, f->targets, f, lists[i].key, d);
    check_targets(t, c->default_fallbacks, NULL, "default_fallbacks", d);
    for (const struct alias *a = c->aliases; a; a = a->next)
        if (!route_resolve(t, a->name, &target))
            diag_add(d, DIAG_WARN, a->file, a->line, a->column, S("model_group_alias"),
                     S("add it to model_list, or correct the name"), "no model is called \"%.*s\"",
                     STRF(str_take(a->target, 100)));
}

struct route_table *route_build(struct config *config, const struct route_table *previous,
                                struct diags *d)
{
    struct route_table *t = mem_zalloc(sizeof(*t));
    arena_init(&t->arena);
    map_init(&t->by_group);
    map_init(&t->by_id);
    map_init(&t->by_model);
    map_init(&t->by_alias);
    t->config = config_ref(config);
    t->strategy = strategy_find(config->routing_strategy);
    if (!t->strategy) {
        if (config->routing_strategy.n)
            diag_add(d, DIAG_ERROR, config->path, 0, 0, S("router_settings.routing_strategy"),
                     S("write simple-shuffle, least-busy, latency-based-routing, "
                       "usage-based-routing-v2 or cost-based-routing"),
                     "unknown strategy \"%.*s\": simple-shuffle is used",
                     STRF(str_take(config->routing_strategy, 60)));
        t->strategy = strategy_find(S("simple-shuffle"));
    }
    add_deployments(t, previous, d);
    index_all(t);
    list_names(t);
    check_settings(t, d);
    return t;
}

void route_table_free(struct route_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->ndeployments; i++)
        deployment_done(&t->deployments[i]);
    for (size_t i = 0; i < t->npasses; i++)
        deployment_done(&t->passes[i]);
    map_done(&t->by_group);
    map_done(&t->by_id);
    map_done(&t->by_model);
    map_done(&t->by_alias);
    config_unref(t->config);
    arena_done(&t->arena);
    mem_free(t);
}

/* ---- looking up ------------------------------------------------------------------------------ */

static const struct provider *vendor_of(str name, struct arena *a, str *ret_model)
{
    struct provider_choice c = provider_resolve(name, S(""), S(""), a);
    *ret_model = c.provider ? c.model : name;
    return c.provider ? c.provider : provider_find(S("openai"));
}

static bool has_vendor(const struct route_group *g, const struct provider *vendor)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->members[i]->provider == vendor)
            return true;
    return false;
}

static bool match(const struct route_table *t, str name, struct arena *a, struct route_target *ret)
{
    str captures[ROUTE_CAPTURES_MAX], model;
    size_t n;
    for (size_t i = 0; i < t->npatterns; i++) {
        const struct route_group *g = t->patterns[i];
        if (!pattern_match(g->name, name, captures, &n))
            continue;
        const struct provider *vendor = g->any_vendor ? vendor_of(name, a, &model) : NULL;
        if (vendor && !has_vendor(g, vendor))
            continue;
        *ret = (struct route_target){ .group = g, .name = name, .vendor = vendor };
        return true;
    }
    return false;
}

/* "gpt-4o" is served by the pattern of its vendor, "openai/" and a star. */
static bool match_prefixed(const struct route_table *t, str name, struct arena *a,
                           struct route_target *ret)
{
    struct provider_choice c = provider_resolve(name, S(""), S(""), a);
    if (!c.provider)
        return false;
    str prefix = arena_fmt(a, "%s/", c.provider->prefix);
    return !str_starts(name, prefix) && match(t, arena_cat(a, prefix, name), a, ret);
}

bool route_resolve(const struct route_table *t, str name, struct route_target *ret)
{
    const struct alias *alias = map_get(&t->by_alias, name);
    const struct route_group *g;
    if (alias)
        name = alias->target;
    if ((g = map_get(&t->by_id, name))) {
        *ret = (struct route_target){ .group = g, .name = name, .by_id = true };
        return true;
    }
    if ((g = map_get(&t->by_group, name)) && !g->pattern) {
        *ret = (struct route_target){ .group = g, .name = name };
        return true;
    }
    struct arena a;
    arena_init(&a);
    bool found = match(t, name, &a, ret) || match_prefixed(t, name, &a, ret);
    if (found)
        ret->name = name;
    arena_done(&a);
    if (found)
        return true;
    g = map_get(&t->by_model, name);
    if (!g || pattern_is(name))
        return false;
    *ret = (struct route_target){ .group = g, .name = name };
    return true;
}

bool route_serves(const struct route_target *target, const struct deployment *d)
{
    return !target->group->any_vendor || d->provider == target->vendor;
}

bool route_holds(const struct route_table *t, str name, const struct deployment *d)
{
    struct route_target target;
    if (!route_resolve(t, name, &target) || !route_serves(&target, d))
        return false;
    for (size_t i = 0; i < target.group->n; i++)
        if (target.group->members[i] == d)
            return true;
    return false;
}

static str fill(str model, const str *captures, size_t n, struct arena *a)
{
    struct buf b;
    buf_init(&b, 64 * 1024);
    for (size_t i = 0; i < model.n; i++) {
        if (model.p[i] == '*' && n > 0) {
            buf_add(&b, *captures++);
            n--;
        } else {
            buf_chr(&b, model.p[i]);
        }
    }
    str s = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return s;
}

static size_t stars_in(str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '*';
    return n;
}

/* The client's own string, as the vendor knows it. */
static str as_asked(str name, const struct deployment *d, struct arena *a)
{
    str prefix = arena_fmt(a, "%.*s/", STRF(d->provider_name));
    return arena_dup(a, str_starts(name, prefix) ? str_skip(name, prefix.n) : name);
}

str route_model(const struct route_target *target, const struct deployment *d, struct arena *a)
{
    str captures[ROUTE_CAPTURES_MAX], model;
    size_t n, stars = stars_in(d->model);
    if (stars == 0 || target->by_id)
        return d->model;
    if (target->group->any_vendor) {
        vendor_of(target->name, a, &model);
        return arena_dup(a, model);
    }
    if (!pattern_match(target->group->name, target->name, captures, &n)) {
        /* found with its vendor in front */
        str name = arena_fmt(a, "%.*s/%.*s", STRF(d->provider_name), STRF(target->name));
        if (!pattern_match(target->group->name, name, captures, &n))
            return d->model;
    }
    if (n > stars)
        return as_asked(target->name, d, a);
    return fill(d->model, captures, n, a);
}

/* ---- reading the table ----------------------------------------------------------------------- */

size_t route_deployment_count(const struct route_table *t)
{
    return t->ndeployments;
}

const struct deployment *route_deployment(const struct route_table *t, size_t i)
{
    BUG_UNLESS(i < t->ndeployments);
    return &t->deployments[i];
}

size_t route_name_count(const struct route_table *t)
{
    return t->nnames;
}

str route_name(const struct route_table *t, size_t i)
{
    BUG_UNLESS(i < t->nnames);
    return t->names[i];
}

bool route_knows(const struct route_table *t, str name)
{
    struct route_target target;
    return route_resolve(t, name, &target);
}

const struct deployment *route_first(const struct route_table *t, str name)
{
    struct route_target target;
    if (!route_resolve(t, name, &target))
        return NULL;
    for (size_t i = 0; i < target.group->n; i++)
        if (route_serves(&target, target.group->members[i]))
            return target.group->members[i];
    return NULL;
}
