#include <stdarg.h>

#include "config/internal.h"
#include "http/chars.h"

/* ---- where we are --------------------------------------------------------------------------- */

static void path_add(const struct path *p, struct buf *b)
{
    if (p->up)
        path_add(p->up, b);
    if (p->name.n && b->n)
        buf_chr(b, '.');
    buf_add(b, str_take(p->name, 128));
    if (!p->name.n)
        buf_fmt(b, "[%u]", p->index);
}

str path_text(const struct path *p, struct arena *a)
{
    struct buf b;
    buf_init(&b, 16 * 1024);
    if (p)
        path_add(p, &b);
    str text = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return text;
}

void say(struct loader *l, enum diag_level level, const struct ynode *at, const struct path *p,
         const char *remedy, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    diag_add(l->d, level, at->file, at->line, at->column, path_text(p, &l->d->arena), str_c(remedy),
             "%s", text);
}

/* n as written: a variable's value is not shown. */
static void wrong(struct loader *l, const struct ynode *n, const struct path *p, const char *wanted)
{
    if (n->kind == Y_STR || n->kind == Y_NUM || n->kind == Y_BOOL)
        say(l, DIAG_ERROR, n, p, "correct it", "expected %s, got \"%.*s\": ignored", wanted,
            STRF(str_take(n->text, 60)));
    else
        say(l, DIAG_ERROR, n, p, "correct it", "expected %s, got %s: ignored", wanted,
            ynode_kind_name(n));
}

/* ---- variables ------------------------------------------------------------------------------ */

static const str env_prefix = { "os.environ/", sizeof "os.environ/" - 1 };

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* ${NAME}, as shells and compose files have it. */
static bool has_shell_variable(str s)
{
    for (size_t i = 0; i + 3 < s.n; i++) {
        if (s.p[i] != '$' || s.p[i + 1] != '{')
            continue;
        size_t end = i + 2;
        while (end < s.n && is_name_char(s.p[end]))
            end++;
        if (end < s.n && end > i + 2 && s.p[end] == '}')
            return true;
    }
    return false;
}

static void resolve_variable(struct loader *l, struct ynode *n, const struct path *p, str name)
{
    char c_name[256];
    const char *value = NULL;
    if (name.n && name.n < sizeof c_name) {
        memcpy(c_name, name.p, name.n);
        c_name[name.n] = 0;
        value = config_getenv(l->c, c_name);
    }
    if (!value) {
        say(l, DIAG_WARN, n, p,
            "set it where the gateway is started, or under environment_variables",
            "the variable %.*s is not set: taken as not given", STRF(str_take(name, 100)));
        n->kind = Y_NULL;
        return;
    }
    n->text = arena_dup(l->a, str_c(value));
    if (str_ieq(n->text, S("true")) || str_ieq(n->text, S("false"))) {
        n->kind = Y_BOOL;
        n->truth = str_ieq(n->text, S("true"));
    }
}

struct ynode value_of(struct loader *l, const struct ynode *n, const struct path *p, str *ret_env)
{
    struct ynode v = *n;
    if (ret_env)
        *ret_env = (str){ NULL, 0 };
    if (v.kind != Y_STR)
        return v;
    if (str_starts(v.text, env_prefix)) {
        str name = str_trim(str_skip(v.text, env_prefix.n));
        if (ret_env)
            *ret_env = name;
        resolve_variable(l, &v, p, name);
    } else if (str_starts(v.text, S("oidc/"))) {
        say(l, DIAG_WARN, n, p, "use os.environ/NAME", "tokens by oidc/ are not fetched yet");
    } else if (has_shell_variable(v.text)) {
        say(l, DIAG_WARN, n, p, "write os.environ/NAME as the whole value",
            "${NAME} is not expanded: taken as it is");
    }
    return v;
}

/* ---- scalars -------------------------------------------------------------------------------- */

bool read_str(struct loader *l, const struct ynode *n, const struct path *p, str *ret)
{
    struct ynode v = value_of(l, n, p, NULL);
    if (v.kind == Y_NULL)
        return false;
    if (v.kind == Y_LIST || v.kind == Y_MAP) {
        wrong(l, n, p, "a text");
        return false;
    }
    *ret = v.text;
    return true;
}

bool read_secret(struct loader *l, const struct ynode *n, const struct path *p, struct secret *ret)
{
    str s;
    struct ynode v = value_of(l, n, p, NULL);
    if (v.kind == Y_LIST || v.kind == Y_MAP) {
        say(l, DIAG_ERROR, n, p, "correct it", "expected a text, got %s: ignored",
            ynode_kind_name(&v)); /* never the value itself */
        return false;
    }
    if (v.kind == Y_NULL)
        return false;
    s = str_trim(v.text);
    secret_done(ret);
    *ret = secret_new(s);
    return true;
}

bool read_bool(struct loader *l, const struct ynode *n, const struct path *p, bool *ret)
{
    struct ynode v = value_of(l, n, p, NULL);
    if (v.kind == Y_NULL)
        return false;
    if (v.kind == Y_BOOL) {
        *ret = v.truth;
        return true;
    }
    bool yes = str_ieq(v.text, S("true")) || str_eq(v.text, S("1")) || str_ieq(v.text, S("yes"));
    bool no = str_ieq(v.text, S("false")) || str_eq(v.text, S("0")) || str_ieq(v.text, S("no"));
    if (v.kind > Y_STR || (!yes && !no)) {
        wrong(l, n, p, "true or false");
        return false;
    }
    *ret = yes;
    return true;
}

/* A number, quoted or not. */
static bool number_of(struct loader *l, const struct ynode *n, const struct path *p, double *ret)
{
    struct ynode v = value_of(l, n, p, NULL);
    if (v.kind == Y_NULL)
        return false;
    if (v.kind == Y_NUM && str_to_double(v.number, ret))
        return true;
    if (v.kind == Y_STR && str_to_double(str_trim(v.text), ret))
        return true;
    wrong(l, n, p, "a number");
    return false;
}

bool read_scaled(struct loader *l, const struct ynode *n, const struct path *p, int64_t scale,
                 int64_t *ret)
{
    double x;
    if (!number_of(l, n, p, &x))
        return false;
    x = x * (double)scale + 0.5;
    if (!(x >= 0 && x < 9e15)) {
        wrong(l, n, p, "a number that is not negative or beyond measure");
        return false;
    }
    *ret = (int64_t)x;
    return true;
}

bool read_int(struct loader *l, const struct ynode *n, const struct path *p, int64_t *ret)
{
    double x;
    if (!number_of(l, n, p, &x))
        return false;
    if (!(x >= 0 && x < 9e15) || (double)(int64_t)x < x) {
        wrong(l, n, p, "a whole number, 0 or more");
        return false;
    }
    *ret = (int64_t)x;
    return true;
}

/* ---- lists and maps ------------------------------------------------------------------------- */

bool want_list(struct loader *l, const struct ynode *n, const struct path *p)
{
    if (n->kind == Y_LIST)
        return true;
    if (n->kind != Y_NULL)
        say(l, DIAG_ERROR, n, p, "begin each item with a dash", "expected a list, got %s: ignored",
            ynode_kind_name(n));
    return false;
}

bool want_map(struct loader *l, const struct ynode *n, const struct path *p)
{
    if (n->kind == Y_MAP)
        return true;
    if (n->kind != Y_NULL)
        say(l, DIAG_ERROR, n, p, "write key: value, without a dash",
            "expected a map, got %s: ignored", ynode_kind_name(n));
    return false;
}

bool read_strs(struct loader *l, const struct ynode *n, const struct path *p, struct chat_str **ret)
{
    struct chat_str **tail = ret;
    *ret = NULL;
    if (n->kind != Y_LIST) {
        str one;
        if (!read_str(l, n, p, &one))
            return false;
        say(l, DIAG_WARN, n, p, "write [value]", "expected a list: taken as a list of one");
        *ret = NEW(l->a, struct chat_str, 1);
        (*ret)->s = one;
        return true;
    }
    for (uint32_t i = 0; i < n->n; i++) {
        struct path at = { p, { NULL, 0 }, i };
        str s;
        if (!read_str(l, n->items[i], &at, &s))
            continue;
        *tail = NEW(l->a, struct chat_str, 1);
        (*tail)->s = s;
        tail = &(*tail)->next;
    }
    return true;
}

static bool is_field(str name, str value)
{
    return name.n && chars_are(name, CHAR_TOKEN) && chars_are(value, CHAR_VALUE);
}

bool read_headers(struct loader *l, const struct ynode *n, const struct path *p,
                  struct header **ret)
{
    if (!want_map(l, n, p))
        return false;
    struct header **tail = ret;
    while (*tail)
        tail = &(*tail)->next;
    for (uint32_t i = 0; i < n->n; i++) {
        struct path at = { p, n->pairs[i].key, 0 };
        str value;
        if (!read_str(l, n->pairs[i].value, &at, &value))
            continue;
        value = str_trim(value);
        if (!is_field(n->pairs[i].key, value)) {
            say(l, DIAG_ERROR, n->pairs[i].value, &at, "use letters, digits and - in the name",
                "not a header field: left out");
            continue;
        }
        *tail = NEW(l->a, struct header, 1);
        (*tail)->name = n->pairs[i].key;
        (*tail)->value = value;
        tail = &(*tail)->next;
    }
    return true;
}

static void json_add(struct loader *l, const struct ynode *n, const struct path *p, struct jw *w)
{
    struct ynode v = value_of(l, n, p, NULL);
    switch (v.kind) {
    case Y_NULL:
        jw_null(w);
        break;
    case Y_BOOL:
        jw_bool(w, v.truth);
        break;
    case Y_NUM:
        jw_raw(w, v.number);
        break;
    case Y_STR:
        jw_str(w, v.text);
        break;
    case Y_LIST:
        jw_arr(w);
        for (uint32_t i = 0; i < v.n; i++) {
            struct path at = { p, { NULL, 0 }, i };
            json_add(l, v.items[i], &at, w);
        }
        jw_arr_end(w);
        break;
    case Y_MAP:
        jw_obj(w);
        for (uint32_t i = 0; i < v.n; i++) {
            struct path at = { p, v.pairs[i].key, 0 };
            jw_key(w, v.pairs[i].key);
            json_add(l, v.pairs[i].value, &at, w);
        }
        jw_obj_end(w);
        break;
    }
}

str read_json(struct loader *l, const struct ynode *n, const struct path *p)
{
    struct buf b;
    struct jw w;
    buf_init(&b, 16 * 1024 * 1024);
    jw_init(&w, &b);
    json_add(l, n, p, &w);
    str text = b.full ? S("null") : arena_dup(l->a, buf_str(&b));
    buf_done(&b);
    return text;
}

bool read_members(struct loader *l, const struct ynode *n, const struct path *p,
                  struct chat_extra **ret)
{
    struct chat_extra **tail = ret;
    if (!want_map(l, n, p))
        return false;
    *ret = NULL;
    for (uint32_t i = 0; i < n->n; i++) {
        struct path at = { p, n->pairs[i].key, 0 };
        *tail = NEW(l->a, struct chat_extra, 1);
        (*tail)->name = n->pairs[i].key;
        (*tail)->value = read_json(l, n->pairs[i].value, &at);
        tail = &(*tail)->next;
    }
    return true;
}

/* ---- by the table --------------------------------------------------------------------------- */

static void read_typed(struct loader *l, const struct key *k, const struct ypair *pair,
                       const struct path *p, void *base)
{
    void *at = (char *)base + k->offset;
    const struct ynode *v = pair->value;
    bool yes;
    switch (k->type) {
    case TYPE_NONE:
        break;
    case TYPE_STR:
        read_str(l, v, p, at);
        break;
    case TYPE_SECRET:
        read_secret(l, v, p, at);
        break;
    case TYPE_BOOL:
        read_bool(l, v, p, at);
        break;
    case TYPE_TRI:
        if (read_bool(l, v, p, &yes))
            *(enum tri *)at = yes ? TRI_TRUE : TRI_FALSE;
        break;
    case TYPE_INT:
        read_int(l, v, p, at);
        break;
    case TYPE_SECONDS:
        read_scaled(l, v, p, 1000, at);
        break;
    case TYPE_MB:
        read_scaled(l, v, p, 1024 * 1024, at);
        break;
    case TYPE_WEIGHT:
        read_scaled(l, v, p, 1000000, at);
        break;
    case TYPE_STRS:
        read_strs(l, v, p, at);
        break;
    case TYPE_HEADERS:
        read_headers(l, v, p, at);
        break;
    case TYPE_MEMBERS:
        read_members(l, v, p, at);
        break;
    case TYPE_JSON:
        *(str *)at = read_json(l, v, p);
        break;
    case TYPE_OWN:
        load_own_key(l, k->section, pair, p, base);
        break;
    }
}

/* Off already: nothing to tell anybody about. */
static bool is_off(const struct ynode *n)
{
    return n->kind == Y_NULL || (n->kind == Y_BOOL && !n->truth) ||
           ((n->kind == Y_LIST || n->kind == Y_MAP) && n->n == 0);
}

static void say_status(struct loader *l, const struct key *k, const struct ynode *at,
                       const struct path *p)
{
    if (k->status == KEY_APPROXIMATED)
        say(l, DIAG_NOTE, at, p, NULL, "not to the letter (%s)", k->doc);
    if (is_off(at))
        return;
    if (k->status == KEY_LATER)
        say(l, DIAG_WARN, at, p, "remove it, or do not rely on it",
            "not supported yet (%s): ignored", k->doc);
    else if (k->status == KEY_PYTHON)
        say(l, DIAG_WARN, at, p, "remove it; logs and /metrics show what happens",
            "names Python code, which does not run here: ignored");
    else if (k->status == KEY_MOOT)
        say(l, DIAG_NOTE, at, p, NULL, "nothing to do here (%s)", k->doc);
}

enum { NEAR_MAX = 1000 }; /* warnings with a guess, which costs time */

static void say_unknown(struct loader *l, enum key_section section, const struct ypair *pair,
                        const struct path *p)
{
    const struct ynode at = { .file = pair->value->file,
                              .line = pair->line,
                              .column = pair->column };
    const struct key *near = l->d->nwarnings < NEAR_MAX ? key_near(section, pair->key) : NULL;
    if (near)
        say(l, DIAG_WARN, &at, p, "correct or remove it", "unknown key: ignored; is %s meant?",
            near->name);
    else
        say(l, DIAG_WARN, &at, p, "remove it", "unknown key: ignored");
}

void read_section(struct loader *l, const struct ynode *map, enum key_section section, void *base,
                  const struct path *p, unknown_key *unknown)
{
    for (uint32_t i = 0; i < map->n; i++) {
        const struct ypair *pair = &map->pairs[i];
        const struct key *k = key_find(section, pair->key);
        struct path at = { p, pair->key, 0 };
        if (!k) {
            if (unknown)
                unknown(l, pair, &at, base);
            else
                say_unknown(l, section, pair, &at);
            continue;
        }
        say_status(l, k, pair->value, &at);
        read_typed(l, k, pair, &at, base);
    }
}
