/* The plain functions, not EVP: that loads OpenSSL's providers, 3 MB that a gateway without TLS
 * would carry for one digest per model. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "base/map.h"
#include "config/internal.h"

/* model_list: a row becomes one model_entry (or one per organization). A row that cannot be served
 * is left out with an error, and the rest starts. */

enum {
    SHARED_NODES_MAX = 500, /* of a map that is read again for every row */
    PARAMS_MAX = 500,       /* of one row */
};

static struct model_entry *new_entry(struct arena *a)
{
    struct model_entry *e = NEW(a, struct model_entry, 1);
    e->rpm = e->tpm = e->order = e->max_parallel_requests = e->weight = CHAT_UNSET;
    e->timeout_ms = e->stream_timeout_ms = e->cooldown_ms = e->num_retries = CHAT_UNSET;
    e->ttft_timeout_ms = e->stream_idle_ms = e->keepalive_ms = CHAT_UNSET;
    e->max_tokens = e->max_input_tokens = e->max_output_tokens = CHAT_UNSET;
    return e;
}

static void append(struct config *c, struct model_entry **tail, struct model_entry *e)
{
    *tail = e;
    c->nmodels++;
}

struct model_entry *config_add(struct config *c, str model_name, str model)
{
    struct model_entry **tail = &c->models;
    while (*tail)
        tail = &(*tail)->next;
    struct model_entry *e = new_entry(&c->arena);
    e->row = c->nmodels;
    e->model_name = arena_dup(&c->arena, model_name);
    e->model = arena_dup(&c->arena, model);
    e->id = arena_fmt(&c->arena, "%.*s", STRF(model_name));
    append(c, tail, e);
    return e;
}

/* ---- litellm_params ------------------------------------------------------------------------- */

/* A parameter of the chat API itself: not a typing mistake of ours. */
static bool is_request_parameter(str name)
{
    static const char *const known[] = {
        "temperature", "top_p",   "top_k",      "n",          "stop",       "seed",
        "user",        "tools",   "stream",     "max_tokens", "min_p",      "think",
        "thinking",    "format",  "modalities", "functions",  "logprobs",   "store",
        "num_ctx",     "options", "provider",   "dimensions", "input_type", "keep_alive",
        "metadata",    "models",  "prompt",     "voice",      NULL,
    };
    return str_among(name, known);
}

static bool is_cost(str name)
{
    return str_contains(name, S("_cost"));
}

static void add_extra(struct loader *l, struct chat_extra **list, str name, str value)
{
    while (*list)
        list = &(*list)->next;
    *list = NEW(l->a, struct chat_extra, 1);
    (*list)->name = name;
    (*list)->value = value;
}

static bool has_extra(const struct chat_extra *list, str name)
{
    for (; list; list = list->next)
        if (str_eq(list->name, name))
            return true;
    return false;
}

static void add_cost(struct loader *l, struct model_entry *e, const struct ypair *pair,
                     const struct path *p)
{
    struct ynode v = value_of(l, pair->value, p, NULL);
    double x;
    str text = v.kind == Y_NUM ? v.number : v.kind == Y_STR ? str_trim(v.text) : (str){ NULL, 0 };
    if (v.kind == Y_NULL || v.kind == Y_MAP || v.kind == Y_LIST || has_extra(e->costs, pair->key))
        return;
    if (!str_to_double(text, &x) || x < 0) {
        say(l, DIAG_ERROR, pair->value, p, "write dollars per token, such as 2.5e-06",
            "expected a price: ignored");
        return;
    }
    add_extra(l, &e->costs, pair->key, text);
}

static void unknown_param(struct loader *l, const struct ypair *pair, const struct path *p,
                          void *base)
{
    struct model_entry *e = base;
    if (is_cost(pair->key)) {
        add_cost(l, e, pair, p);
        return;
    }
    const struct key *near = key_near(SECTION_PARAMS, pair->key);
    if (near && near->status == KEY_HONOURED && !is_request_parameter(pair->key))
        say(l, DIAG_WARN, pair->value, p, "correct it, unless the vendor knows it",
            "not a key of ours: sent to the model as a request parameter; is %s meant?",
            near->name);
    add_extra(l, &e->defaults, pair->key, read_json(l, pair->value, p));
}

static void unknown_info(struct loader *l, const struct ypair *pair, const struct path *p,
                         void *base)
{
    if (is_cost(pair->key))
        add_cost(l, base, pair, p);
    /* anything else is the user's own, shown by /model/info */
}

/* Adds what `more` has and `map` has not. */
static void merge(struct loader *l, struct ynode *map, const struct ynode *more)
{
    uint32_t own = map->n;
    struct ypair *pairs = NEW(l->a, struct ypair, own + more->n);
    if (own)
        memcpy(pairs, map->pairs, own * sizeof *pairs);
    for (uint32_t i = 0; i < more->n; i++) {
        bool given = false;
        for (uint32_t j = 0; j < own && !given; j++)
            given = str_eq(pairs[j].key, more->pairs[i].key);
        if (!given)
            pairs[map->n++] = more->pairs[i];
    }
    map->pairs = pairs;
}

static void merge_credential(struct loader *l, struct ynode *params, const struct path *p)
{
    const struct ynode *ref = ynode_get(params, S("litellm_credential_name"));
    struct path at = { p, S("litellm_credential_name"), 0 };
    str name;
    if (!ref || !read_str(l, ref, &at, &name))
        return;
    for (uint32_t i = 0; l->credentials && i < l->credentials->n; i++) {
        const struct ynode *c = l->credentials->items[i];
        const struct ynode *n = ynode_get(c, S("credential_name"));
        const struct ynode *values = ynode_get(c, S("credential_values"));
        if (!n || !str_eq(n->text, name))
            continue;
        if (values && values->kind == Y_MAP && values->nodes <= SHARED_NODES_MAX)
            merge(l, params, values);
        return;
    }
    say(l, DIAG_WARN, ref, &at, "add it to credential_list, or correct the name",
        "no credential is called \"%.*s\"", STRF(str_take(name, 60)));
}

static void read_params(struct loader *l, const struct ynode *written, const struct path *p,
                        struct model_entry *e)
{
    struct ynode params = *written;
    merge_credential(l, &params, p);
    if (l->default_params)
        merge(l, &params, l->default_params);
    const struct ynode *key = ynode_get(&params, S("api_key"));
    e->api_key_given = key && key->kind != Y_NULL;
    if (e->api_key_given && str_starts(key->text, S("os.environ/")))
        e->api_key_env = str_trim(str_skip(key->text, 11));
    read_section(l, &params, SECTION_PARAMS, e, p, unknown_param);
}

static void read_info(struct loader *l, const struct ynode *info, const struct path *p,
                      struct model_entry *e)
{
    read_section(l, info, SECTION_INFO, e, p, unknown_info);
    read_members(l, info, p, &e->info);
}

/* ---- ids ------------------------------------------------------------------------------------ */

static bool is_secret_key(str name)
{
    return str_icontains(name, S("key")) || str_icontains(name, S("secret")) ||
           str_icontains(name, S("token")) || str_icontains(name, S("password")) ||
           str_icontains(name, S("credential")) || str_icontains(name, S("headers"));
}

static void hash_str(SHA256_CTX *md, str s)
{
    uint64_t n = s.n;
    SHA256_Update(md, &n, sizeof n); /* so that ("ab","c") is not ("a","bc") */
    if (s.n)
        SHA256_Update(md, s.p, s.n);
}

static void hash_node(SHA256_CTX *md, const struct ynode *n)
{
    hash_str(md, n->text);
    for (uint32_t i = 0; n->kind == Y_LIST && i < n->n; i++)
        hash_node(md, n->items[i]);
    for (uint32_t i = 0; n->kind == Y_MAP && i < n->n; i++) {
        hash_str(md, n->pairs[i].key);
        if (!is_secret_key(n->pairs[i].key))
            hash_node(md, n->pairs[i].value);
    }
}

static str digest_of(struct loader *l, str group, const struct ynode *params, str organization)
{
    unsigned char out[32];
    char hex[65];
    SHA256_CTX md;
    SHA256_Init(&md);
    hash_str(&md, group);
    hash_node(&md, params);
    hash_str(&md, organization);
    SHA256_Final(out, &md);
    for (size_t i = 0; i < sizeof out; i++)
        snprintf(hex + 2 * i, 3, "%02x", out[i]);
    return arena_dup(l->a, str_c(hex));
}

/* ---- rows ----------------------------------------------------------------------------------- */

static void add_organizations(struct loader *l, struct model_entry *e, const struct ynode *params,
                              const struct path *p)
{
    const struct ynode *orgs = ynode_get(params, S("organization"));
    struct path at = { p, S("organization"), 0 };
    struct chat_str *list;
    if (!orgs || orgs->kind != Y_LIST || !read_strs(l, orgs, &at, &list) || !list) {
        append(l->c, l->tail, e);
        l->tail = &e->next;
        return;
    }
    for (struct chat_str *s = list; s; s = s->next) {
        struct model_entry *one = NEW(l->a, struct model_entry, 1);
        *one = *e;
        one->api_key = secret_new(secret_reveal(&e->api_key));
        one->organization = s->s;
        one->id = e->id_given && s != list ? arena_fmt(l->a, "%.*s-%.*s", STRF(e->id), STRF(s->s))
                  : e->id_given            ? e->id
                                           : digest_of(l, e->model_name, params, s->s);
        append(l->c, l->tail, one);
        l->tail = &one->next;
    }
    secret_done(&e->api_key);
}

static void load_row(struct loader *l, const struct ynode *row, const struct path *p)
{
    struct path at_name = { p, S("model_name"), 0 }, at_params = { p, S("litellm_params"), 0 };
    struct path at_model = { &at_params, S("model"), 0 }, at_info = { p, S("model_info"), 0 };
    const struct ynode *params = ynode_get(row, S("litellm_params"));
    const struct ynode *name = ynode_get(row, S("model_name"));
    const struct ynode *info = ynode_get(row, S("model_info"));
    struct model_entry *e = new_entry(l->a);
    if (!want_map(l, row, p))
        return;
    e->file = row->file;
    e->line = row->line;
    e->column = row->column;
    e->row = p->index;
    if (!params) {
        say(l, DIAG_ERROR, row, &at_params, "add litellm_params: { model: PROVIDER/NAME }",
            "missing: this row is left out");
        return;
    }
    if (!want_map(l, params, &at_params))
        return;
    if (params->n > PARAMS_MAX) {
        say(l, DIAG_ERROR, params, &at_params, "shorten it",
            "too many parameters: this row is left out");
        return;
    }
    read_params(l, params, &at_params, e);
    if (!e->model.n) {
        say(l, DIAG_ERROR, params, &at_model, "add model: PROVIDER/NAME, such as openai/gpt-4o",
            "missing: this row is left out");
        secret_done(&e->api_key);
        return;
    }
    if (!name || !read_str(l, name, &at_name, &e->model_name) || !e->model_name.n) {
        say(l, DIAG_WARN, row, &at_name, "add the name that clients are to use",
            "missing: it is called \"%.*s\"", STRF(str_take(e->model, 80)));
        e->model_name = e->model;
    }
    if (info && want_map(l, info, &at_info))
        read_info(l, info, &at_info, e);
    e->id_given = e->id.n > 0;
    if (!e->id_given)
        e->id = digest_of(l, e->model_name, params, S(""));
    add_organizations(l, e, params, &at_params);
}

/* Other members of a row than the three: telling about them helps with indentation. */
static void check_row_keys(struct loader *l, const struct ynode *row, const struct path *p)
{
    for (uint32_t i = 0; row->kind == Y_MAP && i < row->n; i++) {
        str k = row->pairs[i].key;
        struct path at = { p, k, 0 };
        if (str_eq(k, S("model_name")) || str_eq(k, S("litellm_params")) ||
            str_eq(k, S("model_info")))
            continue;
        say(l, DIAG_WARN, row->pairs[i].value, &at,
            key_find(SECTION_PARAMS, k) ? "indent it below litellm_params" : "remove it",
            "not a key of a model_list row: ignored");
    }
}

/* An id and how many rows have it. */
struct id_use {
    const struct model_entry *first;
    unsigned n;
};

/* Twice the same id: the second row's gets "-2" behind it. */
static void settle_ids(struct loader *l)
{
    struct map seen;
    map_init(&seen);
    for (struct model_entry *e = l->c->models; e; e = e->next) {
        struct id_use *use = map_get(&seen, e->id);
        if (!use) {
            use = NEW(l->a, struct id_use, 1);
            *use = (struct id_use){ e, 1 };
            map_put(&seen, e->id, use);
            continue;
        }
        if (e->id_given)
            diag_add(l->d, DIAG_WARN, e->file, e->line, e->column,
                     arena_fmt(&l->d->arena, "model_list[%zu].model_info.id", e->row),
                     S("give each row an id of its own"),
                     "the same id as the row on line %u: -%u is put behind it", use->first->line,
                     use->n + 1);
        e->id = arena_fmt(l->a, "%.*s-%u", STRF(e->id), ++use->n);
    }
    map_done(&seen);
}

void load_models(struct loader *l, const struct ynode *list, const struct path *p)
{
    l->tail = &l->c->models;
    if (!want_list(l, list, p))
        return;
    for (uint32_t i = 0; i < list->n; i++) {
        struct path at = { p, { NULL, 0 }, i };
        check_row_keys(l, list->items[i], &at);
        load_row(l, list->items[i], &at);
    }
    settle_ids(l);
}

bool config_is_placeholder(str key)
{
    static const char *const marks[] = {
        "your-",       "your_",    "-your",     "_your",        "<",
        "placeholder", "changeme", "change-me", "change_me",    "replace",
        "xxxx",        "...",      "insert",    "api-key-here", "key-goes-here",
        "example",     "todo",     "{{",        "my-api-key",   "***",
    };
    if (str_ieq(key, S("xxx")) || str_ieq(key, S("your")) || str_istarts(key, S("your key")))
        return true;
    for (size_t i = 0; i < COUNT_OF(marks); i++)
        if (str_icontains(key, str_c(marks[i])))
            return true;
    return false;
}
