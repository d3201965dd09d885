/* table.h - a route table from the text of a config, for tests. */
#ifndef TESTS_UNIT_ROUTE_TABLE_H
#define TESTS_UNIT_ROUTE_TABLE_H

#include "base/arena.h"
#include "route/route.h"

struct table_env {
    const char *name, *value;
};

struct table {
    struct config *config;
    struct route_table *t;
    struct diags d;
    struct arena a;
};

static inline const char *table_getenv(const char *name, void *arg)
{
    for (const struct table_env *e = arg; e && e->name; e++)
        if (strcmp(e->name, name) == 0)
            return e->value;
    return NULL;
}

/* env ends with a row of NULLs; NULL: an empty environment. */
static inline void table_open_env(struct table *x, const char *yaml, const struct table_env *env,
                                  const struct table *previous)
{
    *x = (struct table){ 0 };
    arena_init(&x->a);
    diags_init(&x->d);
    struct config_source source = { .path = S("test.yaml"),
                                    .text = str_c(yaml),
                                    .has_text = true,
                                    .env = table_getenv,
                                    .env_arg = (void *)(uintptr_t)env };
    rc r = config_load(&source, &x->config, &x->d);
    BUG_UNLESS(!FAILED(r));
    x->t = route_build(x->config, previous ? previous->t : NULL, &x->d);
}

static inline void table_open(struct table *x, const char *yaml)
{
    table_open_env(x, yaml, NULL, NULL);
}

static inline void table_close(struct table *x)
{
    route_table_free(x->t);
    config_unref(x->config);
    diags_done(&x->d);
    arena_done(&x->a);
}

/* Some diagnostic has that text in it. */
static inline bool table_says(struct table *x, const char *text)
{
    for (const struct diag *d = x->d.first; d; d = d->next)
        if (str_contains(diag_text(d, &x->a), str_c(text)))
            return true;
    return false;
}

#endif
