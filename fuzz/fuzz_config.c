/* Any bytes as a configuration: what is served is whole, what is said has a text, and loading twice
 * gives the same. */
#include "base/buf.h"
#include "config/config.h"
#include "json/scan.h"

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
    if (c)
        n = check_models(c);
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
