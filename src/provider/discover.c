#include "base/buf.h"
#include "config/config.h"
#include "provider/provider.h"

/* For somebody who has no configuration: what a few well-known names of each vendor are called. */
static const struct {
    const char *prefix;
    const char *names[4];
} well_known[] = {
    { "openai", { "gpt-5", "gpt-5-mini", "gpt-4o", "gpt-4o-mini" } },
    { "anthropic", { "claude-opus-5", "claude-sonnet-5", "claude-haiku-4-5" } },
    { "gemini", { "gemini-2.5-pro", "gemini-2.5-flash" } },
    { "cohere", { "command-a-03-2025" } },
};

/* Whose variables are named where they are missing: all of them would be a wall of text. */
static const char *const named[] = { "openai", "anthropic", "gemini",     "mistral",    "groq",
                                     "cohere", "deepseek",  "openrouter", "together_ai" };

struct tally {
    struct buf found, missing;
};

static const char *key_of(const struct config *c, const struct provider *p)
{
    for (size_t i = 0; i < PROVIDER_ENVS_MAX && p->key_env[i]; i++) {
        const char *key = config_getenv(c, p->key_env[i]);
        if (key && *key)
            return p->key_env[i];
    }
    return NULL;
}

static void add_name(struct buf *b, const char *name)
{
    buf_fmt(b, "%s%s", b->n ? ", " : "", name);
}

static bool is_taken(const struct config *c, str name)
{
    for (const struct model_entry *e = c->models; e; e = e->next)
        if (str_eq(e->model_name, name))
            return true;
    return false;
}

static void add_vendor(struct config *c, const struct provider *p)
{
    str pattern = arena_fmt(&c->arena, "%s/*", p->prefix);
    config_add(c, pattern, pattern);
    for (size_t i = 0; i < COUNT_OF(well_known); i++) {
        if (strcmp(well_known[i].prefix, p->prefix) != 0)
            continue;
        for (size_t k = 0; k < 4 && well_known[i].names[k]; k++) {
            str name = str_c(well_known[i].names[k]);
            if (!is_taken(c, name))
                config_add(c, name, arena_fmt(&c->arena, "%s/%.*s", p->prefix, STRF(name)));
        }
    }
}

/* Two rows of one vendor (cohere, cohere_chat) share their variable: the first one stands for both.
 */
static bool is_repeat(const struct provider *p)
{
    for (const struct provider *q = providers; q < p; q++)
        if (q->key_env[0] && p->key_env[0] && strcmp(q->key_env[0], p->key_env[0]) == 0)
            return true;
    return false;
}

static bool is_named(const struct provider *p)
{
    for (size_t i = 0; i < COUNT_OF(named); i++)
        if (strcmp(named[i], p->prefix) == 0)
            return true;
    return false;
}

static void add_vendors(struct config *c, struct tally *t)
{
    for (size_t i = 0; i < provider_count; i++) {
        const struct provider *p = &providers[i];
        if (p->later || p->key_optional || !p->base || is_repeat(p))
            continue;
        const char *env = key_of(c, p);
        if (env) {
            add_vendor(c, p);
            buf_fmt(&t->found, "%s%s (%s)", t->found.n ? ", " : "", p->label, env);
        } else if (is_named(p)) {
            add_name(&t->missing, p->key_env[0]);
        }
    }
}

static void add_server(struct config *c, const struct found_server *s, struct tally *t)
{
    const struct provider *p = provider_find(str_c(s->kind));
    if (!p)
        return;
    str base = arena_dup(&c->arena, s->base);
    for (size_t i = 0; i < s->nmodels; i++) {
        str name = is_taken(c, s->models[i])
                       ? arena_fmt(&c->arena, "%s/%.*s", p->prefix, STRF(s->models[i]))
                       : s->models[i];
        str model = arena_fmt(&c->arena, "%s/%.*s", p->prefix, STRF(s->models[i]));
        config_add(c, name, model)->api_base = base;
    }
    str pattern = arena_fmt(&c->arena, "%s/*", p->prefix);
    if (!is_taken(c, pattern)) /* models that are pulled later */
        config_add(c, pattern, pattern)->api_base = base;
    buf_fmt(&t->found, "%s%s at %.*s (%zu models)", t->found.n ? ", " : "", p->label, STRF(base),
            s->nmodels);
}

static void note(struct diags *d, const char *what, struct buf *list, const char *remedy)
{
    if (list->n)
        diag_add(d, DIAG_NOTE, S(""), 0, 0, S(""), str_c(remedy), "%s: %.*s", what,
                 (int)(list->n < 400 ? list->n : 400), list->p);
}

rc config_discover(const struct found_server *servers, size_t n, const struct config_source *source,
                   struct config **ret, struct diags *d)
{
    struct config *c = config_new(source);
    struct tally t;
    buf_init(&t.found, 16 * 1024);
    buf_init(&t.missing, 16 * 1024);
    config_add(c, S("sluice/echo"), S("sluice/echo"));
    for (size_t i = 0; i < n; i++)
        add_server(c, &servers[i], &t);
    add_vendors(c, &t);
    note(d, "found", &t.found, "");
    note(d, "no key for", &t.missing,
         "set one of these variables and start again, or write a config.yaml (see "
         "examples/homelab.yaml) and give it with --config");
    buf_done(&t.found);
    buf_done(&t.missing);
    *ret = c;
    return RC_OK;
}
