#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/internal.h"

/* ---- the snapshot --------------------------------------------------------------------------- */

static const char *process_env(const char *name, void *arg)
{
    return getenv(name);
}

static void policy_unset(struct error_policy *p)
{
    for (size_t i = 0; i < CLASS_COUNT; i++)
        p->n[i] = CHAT_UNSET;
}

static struct config *new_config(const struct config_source *source)
{
    struct config *c = mem_zalloc(sizeof *c);
    arena_init(&c->arena);
    c->refs = 1;
    c->path = arena_dup(&c->arena, source->path);
    c->env = source->env ? source->env : process_env;
    c->env_arg = source->env_arg;
    c->require_auth_for_metrics = c->tag_match_any = c->user_url_validation = true;
    c->num_retries = 2;
    c->max_fallbacks = 5;
    c->cooldown_ms = 5000;
    c->allowed_fails = CHAT_UNSET;
    c->request_timeout_ms = c->timeout_ms = c->stream_timeout_ms = CHAT_UNSET;
    c->max_request_bytes = c->max_response_bytes = c->sse_keepalive_ms = CHAT_UNSET;
    c->max_in_flight = c->max_queued = c->queue_timeout_ms = CHAT_UNSET;
    c->max_parallel_requests = c->global_max_parallel = c->default_max_parallel = CHAT_UNSET;
    c->routing_strategy = S("simple-shuffle");
    policy_unset(&c->retry_policy);
    policy_unset(&c->allowed_fails_policy);
    return c;
}

struct config *config_ref(struct config *c)
{
    __atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
    return c;
}

void config_unref(struct config *c)
{
    if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    for (struct model_entry *e = c->models; e; e = e->next)
        secret_done(&e->api_key);
    secret_done(&c->master_key);
    arena_done(&c->arena);
    mem_free(c);
}

const char *config_getenv(const struct config *c, const char *name)
{
    for (const struct chat_extra *v = c->variables; v; v = v->next)
        if (str_eq(v->name, str_c(name)))
            return v->value.p; /* NUL-terminated: made by arena_dup */
    return c->env(name, c->env_arg);
}

/* ---- files ---------------------------------------------------------------------------------- */

static rc read_all(int fd, struct buf *out, struct err *e)
{
    for (;;) {
        char *room = buf_room(out, 64 * 1024);
        if (!room)
            return fail(e, E_LIMIT, "config", 0, "larger than 8 MiB");
        ssize_t n = read(fd, room, 64 * 1024);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(e, E_IO, "config", 0, "%s", strerror(errno));
        if (n == 0)
            return RC_OK;
        out->n += (size_t)n;
    }
}

/* regular: nothing else (a pipe would keep us waiting); the main file may be <(...). */
static rc read_file(str path, bool regular, struct buf *out, struct err *e)
{
    char name[4096];
    if (path.n >= sizeof name || memchr(path.p, 0, path.n))
        return fail(e, E_IO, "config", 0, "not a file name");
    memcpy(name, path.p, path.n);
    name[path.n] = 0;
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | (regular ? O_NONBLOCK : 0));
    struct stat st = { 0 };
    if (fd < 0)
        return fail(e, E_IO, "config", 0, "%s", strerror(errno));
    rc r = RC_OK;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        r = fail(e, E_IO, "config", 0,
                 "it is a folder (compose makes one where the file to mount does not exist)");
    else if (regular && !S_ISREG(st.st_mode))
        r = fail(e, E_IO, "config", 0, "it is not a regular file");
    else
        r = read_all(fd, out, e);
    close(fd);
    return r;
}

static rc read_yaml(struct loader *l, str path, bool regular, struct ynode **ret, struct err *e)
{
    struct buf text;
    buf_init(&text, YAML_BYTES_MAX + 65536);
    rc r = read_file(path, regular, &text, e);
    if (FAILED(r))
        diag_add(l->d, DIAG_ERROR, path, 0, 0, S(""), S("give the path of a file that can be read"),
                 "cannot be read: %s", e->text);
    else
        r = yaml_read(ret, arena_dup(l->a, path), buf_str(&text), l->a, l->d, e);
    buf_done(&text);
    return r;
}

/* ---- include -------------------------------------------------------------------------------- */

static void append_items(struct loader *l, struct ynode *to, const struct ynode *from)
{
    struct ynode **items = NEW(l->a, struct ynode *, to->n + from->n + 1);
    for (uint32_t i = 0; i < to->n; i++)
        items[i] = to->items[i];
    for (uint32_t i = 0; i < from->n; i++)
        items[to->n + i] = from->items[i];
    to->items = items;
    to->n += from->n;
}

static void include_root(struct loader *l, struct ynode *root, const struct ynode *more)
{
    for (uint32_t i = 0; i < more->n; i++) {
        struct ynode *have = ynode_get(root, more->pairs[i].key);
        if (have && have->kind == Y_LIST && more->pairs[i].value->kind == Y_LIST) {
            append_items(l, have, more->pairs[i].value);
            continue;
        }
        struct ypair *pairs = NEW(l->a, struct ypair, root->n + 1);
        uint32_t n = 0;
        for (uint32_t k = 0; k < root->n; k++)
            if (!str_eq(root->pairs[k].key, more->pairs[i].key))
                pairs[n++] = root->pairs[k];
        pairs[n++] = more->pairs[i];
        root->pairs = pairs;
        root->n = n;
    }
}

static str beside(struct loader *l, str name)
{
    size_t slash = str_rindex(l->c->path, '/');
    if (name.n && name.p[0] == '/')
        return name;
    if (slash == l->c->path.n)
        return name;
    return arena_cat(l->a, str_take(l->c->path, slash + 1), name);
}

enum { INCLUDES_MAX = 100 };

void load_includes(struct loader *l, struct ynode *root)
{
    const struct ynode *list = ynode_get(root, S("include"));
    struct path at = { NULL, S("include"), 0 };
    struct chat_str *names = NULL;
    if (!list || !read_strs(l, list, &at, &names))
        return;
    unsigned n = 0;
    for (struct chat_str *s = names; s && n < INCLUDES_MAX; s = s->next, n++) {
        struct ynode *more;
        struct err e;
        if (!s->s.n || FAILED(read_yaml(l, beside(l, s->s), true, &more, &e)))
            continue; /* said already: an error, so that check fails; the rest is served */
        if (want_map(l, more, &at)) {
            if (ynode_get(more, S("include")))
                say(l, DIAG_WARN, more, &at, "list it in the main file",
                    "include in an included file: not followed");
            include_root(l, root, more);
        }
    }
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void load_variables(struct loader *l, const struct ynode *root)
{
    const struct ynode *map = ynode_get(root, S("environment_variables"));
    struct path top = { NULL, S("environment_variables"), 0 };
    struct chat_extra *made = NULL, **tail = &made;
    if (!map || !want_map(l, map, &top))
        return;
    for (uint32_t i = 0; i < map->n; i++) {
        struct path at = { &top, map->pairs[i].key, 0 };
        str value;
        if (!read_str(l, map->pairs[i].value, &at, &value))
            continue;
        *tail = NEW(l->a, struct chat_extra, 1);
        (*tail)->name = map->pairs[i].key;
        (*tail)->value = arena_dup(l->a, value);
        tail = &(*tail)->next;
    }
    l->c->variables = made; /* only now: they do not see each other */
}

static void find_shared(struct loader *l, const struct ynode *root)
{
    const struct ynode *credentials = ynode_get(root, S("credential_list"));
    const struct ynode *router = ynode_get(root, S("router_settings"));
    const struct ynode *defaults = ynode_get(router, S("default_litellm_params"));
    struct path at = { NULL, S("credential_list"), 0 };
    struct path at_router = { NULL, S("router_settings"), 0 };
    struct path at_defaults = { &at_router, S("default_litellm_params"), 0 };
    if (!credentials)
        credentials = ynode_get(ynode_get(root, S("litellm_settings")), S("credential_list"));
    if (credentials && want_list(l, credentials, &at))
        l->credentials = credentials;
    if (defaults && want_map(l, defaults, &at_defaults)) {
        if (defaults->nodes <= 500)
            l->default_params = defaults;
        else
            say(l, DIAG_ERROR, defaults, &at_defaults, "shorten it", "too large: ignored");
    }
}

static void load_section(struct loader *l, const struct ynode *root, enum key_section section)
{
    struct path at = { NULL, str_c(key_section_name(section)), 0 };
    const struct ynode *map = ynode_get(root, at.name);
    if (map && want_map(l, map, &at))
        read_section(l, map, section, l->c, &at, NULL);
}

static void load_master_key(struct loader *l, const struct ynode *root)
{
    struct config *c = l->c;
    const struct ynode *given = ynode_get(ynode_get(root, S("general_settings")), S("master_key"));
    const char *env = config_getenv(c, "LITELLM_MASTER_KEY");
    if (secret_is_empty(&c->master_key) && env && *env) {
        secret_done(&c->master_key);
        c->master_key = secret_new(str_trim(str_c(env)));
    }
    str key = secret_reveal(&c->master_key);
    c->weak_master_key =
        (given && !key.n) || (key.n && (str_eq(key, S("sk-1234")) || config_is_placeholder(key)));
    struct path up = { NULL, S("general_settings"), 0 }, at = { &up, S("master_key"), 0 };
    struct ynode nowhere = { .file = c->path };
    if (c->weak_master_key)
        say(l, DIAG_WARN, given ? given : &nowhere, &at,
            "set a long random one: openssl rand -hex 24",
            key.n ? "an example that everybody knows" : "empty: no key is asked for");
}

static void check_strategy(struct loader *l, const struct ynode *root)
{
    static const char *const known[] = { "simple-shuffle",
                                         "least-busy",
                                         "latency-based-routing",
                                         "usage-based-routing",
                                         "usage-based-routing-v2",
                                         "cost-based-routing",
                                         NULL };
    const struct ynode *at =
        ynode_get(ynode_get(root, S("router_settings")), S("routing_strategy"));
    struct path up = { NULL, S("router_settings"), 0 }, p = { &up, S("routing_strategy"), 0 };
    if (str_among(l->c->routing_strategy, known))
        return;
    if (at)
        say(l, DIAG_ERROR, at, &p,
            "use simple-shuffle, least-busy, latency-based-routing, usage-based-routing-v2 or "
            "cost-based-routing",
            "unknown strategy: simple-shuffle is used");
    l->c->routing_strategy = S("simple-shuffle");
}

/* Switches that LiteLLM also takes from the environment; the file's own come after them. */
static void load_switches(struct config *c)
{
    static const struct {
        const char *name;
        size_t offset;
    } switches[] = {
        { "LITELLM_DROP_PARAMS", offsetof(struct config, drop_params) },
        { "LITELLM_MODIFY_PARAMS", offsetof(struct config, modify_params) },
        { "JSON_LOGS", offsetof(struct config, json_logs) },
    };
    for (size_t i = 0; i < COUNT_OF(switches); i++) {
        str v = str_trim(str_c(config_getenv(c, switches[i].name)));
        if (str_ieq(v, S("true")) || str_eq(v, S("1")))
            *(bool *)((char *)c + switches[i].offset) = true;
    }
}

static void load_root(struct loader *l, struct ynode *root)
{
    struct path at = { NULL, S("model_list"), 0 };
    load_includes(l, root);
    load_variables(l, root);
    load_switches(l->c);
    find_shared(l, root);
    read_section(l, root, SECTION_TOP, l->c, NULL, NULL);
    load_section(l, root, SECTION_LITELLM);
    load_section(l, root, SECTION_GENERAL);
    load_section(l, root, SECTION_ROUTER);
    load_master_key(l, root);
    check_strategy(l, root);
    const struct ynode *models = ynode_get(root, S("model_list"));
    if (models)
        load_models(l, models, &at);
    if (!l->c->models)
        say(l, DIAG_WARN, root, &at, "add a row, as in examples/homelab.yaml",
            "no models: every request will be answered with \"no such model\"");
}

static rc load_text(struct loader *l, const struct config_source *source, struct err *e)
{
    struct ynode *root;
    if (source->has_text)
        TRY(yaml_read(&root, l->c->path, source->text, l->a, l->d, e));
    else
        TRY(read_yaml(l, l->c->path, false, &root, e));
    if (root->kind != Y_MAP && root->kind != Y_NULL) {
        diag_add(l->d, DIAG_ERROR, l->c->path, root->line, root->column, S(""),
                 S("begin with model_list:"), "expected a map of sections, got %s",
                 ynode_kind_name(root));
        return fail(e, E_SYNTAX, "config", root->line, "not a map of sections");
    }
    if (root->kind == Y_NULL)
        *root = (struct ynode){ .kind = Y_MAP, .file = root->file, .line = 1, .column = 1 };
    load_root(l, root);
    return RC_OK;
}

rc config_load(const struct config_source *source, struct config **ret, struct diags *d)
{
    struct config *c = new_config(source);
    struct loader l = { .c = c, .a = &c->arena, .d = d };
    struct err e;
    rc r = load_text(&l, source, &e);
    if (FAILED(r)) {
        config_unref(c);
        c = NULL;
    }
    *ret = c;
    return r;
}

struct config *config_new(const struct config_source *source)
{
    struct config *c = new_config(source);
    const char *key = config_getenv(c, "LITELLM_MASTER_KEY");
    load_switches(c);
    if (key && *key)
        c->master_key = secret_new(str_trim(str_c(key)));
    return c;
}
