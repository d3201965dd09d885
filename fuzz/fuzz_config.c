/* Any bytes as a configuration: what is served is whole, and what is sent to its upstreams cannot
 * break a head; what is said has a text, and loading twice gives the same. */
#include "base/buf.h"
#include "config/config.h"
#include "http/url.h"
#include "json/scan.h"
#include "route/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *env(const char *name, void *arg)
{
    return name[0] == 'A' ? "value" : NULL;
}

static void check_members(const struct chat_extra *list)
{
    for (; list; list = list->next)
        BUG_UNLESS(json_scan(list->value, NULL, 0, &(enum json_kind){ 0 }, NULL).code == OK);
}

static void check_headers(const struct header *h)
{
    for (; h; h = h->next) {
        BUG_UNLESS(h->name.n > 0);
        for (size_t i = 0; i < h->value.n; i++)
            BUG_UNLESS(h->value.p[i] != '\r' && h->value.p[i] != '\n' && h->value.p[i] != 0);
    }
}

static size_t check_models(const struct config *c)
{
    size_t n = 0;
    for (const struct model_entry *e = c->models; e; e = e->next, n++) {
        BUG_UNLESS(e->model.n && e->model_name.n && e->id.n);
        check_members(e->defaults);
        check_members(e->extra_body);
        check_members(e->info);
        check_headers(e->headers);
    }
    BUG_UNLESS(n == c->nmodels);
    for (const struct fallback *f = c->fallbacks; f; f = f->next)
        for (const struct fallback_target *t = f->targets; t; t = t->next) {
            BUG_UNLESS(t->model.n > 0);
            check_members(t->overrides);
        }
    return n;
}

static void check_diags(const struct diags *d)
{
    struct arena a;
    arena_init(&a);
    for (const struct diag *x = d->first; x; x = x->next) {
        BUG_UNLESS(x->message.n > 0);
        str text = diag_text(x, &a);
        for (size_t i = 0; i < text.n; i++)
            BUG_UNLESS((unsigned char)text.p[i] >= 0x20);
    }
    arena_done(&a);
}

/* "name: value\r\n" any number of times, or nothing. */
static void check_fields(str fields)
{
    BUG_UNLESS(fields.n == 0 || str_ends(fields, S("\r\n")));
    while (fields.n) {
        str line = str_cut(&fields, '\n');
        size_t colon = str_index(line, ':');
        BUG_UNLESS(line.n > 3 && line.p[line.n - 1] == '\r' && colon > 0 && colon + 2 < line.n);
        for (size_t i = 0; i + 1 < line.n; i++)
            BUG_UNLESS((unsigned char)line.p[i] >= 0x20 || line.p[i] == '\t');
    }
}

static void check_routes(struct config *c, struct diags *d)
{
    struct route_table *t = route_build(c, NULL, d);
    BUG_UNLESS(route_deployment_count(t) <= c->nmodels);
    for (size_t i = 0; i < route_deployment_count(t); i++) {
        const struct deployment *x = route_deployment(t, i);
        check_fields(secret_reveal(&x->auth_fields));
        check_fields(x->extra_fields);
        check_fields(x->reply_fields);
        BUG_UNLESS(x->health && (x->local || (x->provider && url_is_host(x->host_field))));
        BUG_UNLESS(x->base_path.n == 0 || x->base_path.p[0] == '/');
    }
    for (size_t i = 0; i < route_name_count(t); i++)
        BUG_UNLESS(route_knows(t, route_name(t, i)));
    route_table_free(t);
}

static size_t load(str text, size_t *ret_problems)
{
    const struct config_source source = {
        .path = S("fuzz.yaml"), .text = text, .has_text = true, .env = env
    };
    struct config *c;
    struct diags d;
    size_t n = SIZE_MAX;
    diags_init(&d);
    rc r = config_load(&source, &c, &d);
    BUG_UNLESS(FAILED(r) == !c);
    BUG_UNLESS(!FAILED(r) || d.nerrors > 0);
    if (c) {
        n = check_models(c);
        check_routes(c, &d);
    }
    check_diags(&d);
    *ret_problems = d.nerrors + d.nwarnings;
    config_unref(c);
    diags_done(&d);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t once, twice;
    str text = { (const char *)data, size };
    if (str_contains(text, S("include"))) /* no reading of this machine's files */
        return 0;
    BUG_UNLESS(load(text, &once) == load(text, &twice) && once == twice);
    return 0;
}
