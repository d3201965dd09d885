/* sluice check: every problem of a configuration with its place and remedy, and what becomes of its
 * keys. */
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "config/keys.h"
#include "config/yaml.h"
#include "route/route.h"

static int usage(FILE *to)
{
    fputs(
        "usage: sluice check [--strict] [--quiet] FILE\n"
        "       sluice check --print-keys\n"
        "\n"
        "Reads a LiteLLM config.yaml and says what is wrong, where, and what to do; then which of\n"
        "its keys are honoured, approximated or ignored. Nothing is started or sent.\n"
        "\n"
        "  --strict      warnings fail too\n"
        "  --quiet       problems only\n"
        "  --print-keys  every key there is, as Markdown\n",
        to);
    return to == stderr ? 2 : 0;
}

static int by_place(const void *x, const void *y)
{
    const struct diag *a = *(const struct diag *const *)x, *b = *(const struct diag *const *)y;
    size_t n = a->file.n < b->file.n ? a->file.n : b->file.n;
    int files = n ? memcmp(a->file.p, b->file.p, n) : 0;
    if (files || a->file.n != b->file.n)
        return files ? files : a->file.n < b->file.n ? -1 : 1;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return (a->column > b->column) - (a->column < b->column);
}

static void print_diags(const struct diags *d, bool quiet)
{
    struct arena a;
    size_t n = 0;
    for (const struct diag *x = d->first; x; x = x->next)
        n++;
    arena_init(&a);
    const struct diag **all = NEW(&a, const struct diag *, n);
    n = 0;
    for (const struct diag *x = d->first; x; x = x->next)
        all[n++] = x;
    qsort(all, n, sizeof *all, by_place);
    for (size_t i = 0; i < n; i++)
        if (!quiet || all[i]->level != DIAG_NOTE)
            printf("%.*s\n", STRF(diag_text(all[i], &a)));
    arena_done(&a);
}

/* ---- what becomes of the keys --------------------------------------------------------------- */

struct tally {
    uint32_t *seen;    /* by index in config_keys */
    struct buf params; /* names that go to the models as they are */
    struct buf unknown;
};

static void add_once(struct buf *list, str name)
{
    str rest = buf_str(list);
    while (rest.p && rest.n)
        if (str_eq(str_trim(str_cut(&rest, ',')), name))
            return;
    buf_fmt(list, "%s%.*s", list->n ? ", " : "", STRF(str_take(name, 60)));
}

static void count(struct tally *t, const struct ynode *map, enum key_section section)
{
    for (uint32_t i = 0; map && map->kind == Y_MAP && i < map->n; i++) {
        const struct key *k = key_find(section, map->pairs[i].key);
        if (k)
            t->seen[k - config_keys]++;
        else if (section == SECTION_PARAMS)
            add_once(&t->params, map->pairs[i].key);
        else if (section != SECTION_INFO)
            add_once(&t->unknown, map->pairs[i].key);
    }
}

static void count_all(struct tally *t, const struct ynode *root)
{
    count(t, root, SECTION_TOP);
    for (enum key_section s = SECTION_LITELLM; s <= SECTION_ROUTER; s++)
        count(t, ynode_get(root, str_c(key_section_name(s))), s);
    const struct ynode *models = ynode_get(root, S("model_list"));
    for (uint32_t i = 0; models && models->kind == Y_LIST && i < models->n; i++) {
        count(t, ynode_get(models->items[i], S("litellm_params")), SECTION_PARAMS);
        count(t, ynode_get(models->items[i], S("model_info")), SECTION_INFO);
    }
}

static void print_plain(const struct tally *t, enum key_status status)
{
    struct buf line;
    buf_init(&line, 256 * 1024);
    for (size_t i = 0; i < config_nkeys; i++)
        if (t->seen[i] && config_keys[i].status == status)
            add_once(&line, str_c(config_keys[i].name));
    if (line.n)
        printf("%s: %.*s\n", key_status_name(status), STRF(buf_str(&line)));
    buf_done(&line);
}

static void print_reasons(const struct tally *t, enum key_status status)
{
    bool any = false;
    for (size_t i = 0; i < config_nkeys; i++) {
        const struct key *k = &config_keys[i];
        if (!t->seen[i] || k->status != status)
            continue;
        if (!any)
            printf("%s:\n", key_status_name(status));
        any = true;
        printf("  %s.%s - %s\n", key_section_name(k->section), k->name, k->doc);
    }
}

static void print_keys(str path, str text)
{
    struct arena a;
    struct diags d;
    struct err e;
    struct ynode *root;
    struct tally t = { .seen = mem_zalloc(config_nkeys * sizeof(uint32_t)) };
    arena_init(&a);
    diags_init(&d);
    buf_init(&t.params, 64 * 1024);
    buf_init(&t.unknown, 64 * 1024);
    if (!FAILED(yaml_read(&root, path, text, &a, &d, &e))) {
        count_all(&t, root);
        puts("");
        print_plain(&t, KEY_HONOURED);
        if (t.params.n)
            printf("sent to the models: %.*s\n", STRF(buf_str(&t.params)));
        print_reasons(&t, KEY_APPROXIMATED);
        print_reasons(&t, KEY_LATER);
        print_reasons(&t, KEY_PYTHON);
        print_plain(&t, KEY_MOOT);
        if (t.unknown.n)
            printf("unknown: %.*s\n", STRF(buf_str(&t.unknown)));
    }
    buf_done(&t.params);
    buf_done(&t.unknown);
    diags_done(&d);
    arena_done(&a);
    mem_free(t.seen);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int print_key_table(void)
{
    struct buf b;
    buf_init(&b, 4 * 1024 * 1024);
    keys_print(&b);
    fwrite(b.p, 1, b.n, stdout);
    buf_done(&b);
    return 0;
}

/* Patterns are not in the list of names. */
static void print_patterns(const struct config *c)
{
    struct buf line;
    buf_init(&line, 64 * 1024);
    for (const struct model_entry *e = c->models; e; e = e->next)
        if (str_index(e->model_name, '*') < e->model_name.n)
            add_once(&line, e->model_name);
    if (line.n)
        printf("and what fits: %.*s\n", STRF(buf_str(&line)));
    buf_done(&line);
}

static void print_served(struct config *c, struct diags *d)
{
    struct route_table *t = route_build(c, NULL, d);
    size_t n = route_name_count(t);
    printf("%zu %s served", n, n == 1 ? "model is" : "models are");
    for (size_t i = 0; i < n && i < 20; i++)
        printf("%s%.*s", i ? ", " : ": ", STRF(route_name(t, i)));
    puts(n > 20 ? ", ..." : "");
    print_patterns(c);
    route_table_free(t);
}

static rc slurp(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    char *room;
    size_t n;
    if (!f)
        return RC(E_IO);
    while ((room = buf_room(out, 65536)) && (n = fread(room, 1, 65536, f)) > 0)
        out->n += n;
    fclose(f);
    return RC_OK;
}

static int check(const char *path, bool strict, bool quiet)
{
    struct diags d;
    struct config *c;
    struct buf text;
    const struct config_source source = { .path = str_c(path) };
    diags_init(&d);
    buf_init(&text, YAML_BYTES_MAX + 65536);
    bool loaded = !FAILED(config_load(&source, &c, &d));
    if (loaded)
        print_served(c, &d);
    print_diags(&d, quiet);
    if (loaded && !quiet && !FAILED(slurp(path, &text)))
        print_keys(source.path, buf_str(&text));
    printf("%s%zu error%s, %zu warning%s\n", quiet ? "" : "\n", d.nerrors,
           d.nerrors == 1 ? "" : "s", d.nwarnings, d.nwarnings == 1 ? "" : "s");
    int status = d.nerrors || (strict && d.nwarnings);
    config_unref(c);
    buf_done(&text);
    diags_done(&d);
    return status;
}

int cmd_check(int argc, char **argv)
{
    const char *path = NULL;
    bool strict = false, quiet = false;
    for (int i = 1; i < argc; i++) {
        str a = str_c(argv[i]);
        if (str_eq(a, S("--print-keys")))
            return print_key_table();
        if (str_eq(a, S("--help")) || str_eq(a, S("-h")))
            return usage(stdout);
        if (str_eq(a, S("--strict")))
            strict = true;
        else if (str_eq(a, S("--quiet")))
            quiet = true;
        else if (a.n > 1 && a.p[0] == '-')
            return usage(stderr);
        else if (path)
            return usage(stderr);
        else
            path = argv[i];
    }
    return path ? check(path, strict, quiet) : usage(stderr);
}
