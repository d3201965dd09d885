#include "config/yaml.h"

#include <yaml.h>

#include "base/map.h"

/* libyaml's events, composed by hand: its document API has no limits on nesting or aliases. */

struct anchor {
    struct anchor *next;
    str name;
    struct ynode *node;
};

struct composer {
    yaml_parser_t parser;
    yaml_event_t event;
    bool have_event;
    str file;
    struct arena *arena;
    struct diags *diags;
    struct err *err;
    struct anchor *anchors;
};

static rc bad(struct composer *c, enum code code, size_t line, size_t column, const char *remedy,
              const char *text)
{
    diag_add(c->diags, DIAG_ERROR, c->file, (unsigned)line, (unsigned)column, S(""), str_c(remedy),
             "%s", text);
    return fail(c->err, code, "yaml", line, "%.*s:%zu:%zu: %s", STRF(c->file), line, column, text);
}

static rc bad_syntax(struct composer *c)
{
    const yaml_parser_t *p = &c->parser;
    const char *problem = p->problem ? p->problem : "not YAML";
    str what = str_c(problem);
    const char *remedy = "check indentation, quotes and colons on this line and the one before";
    if (str_contains(what, S("cannot start any token")))
        remedy = "indent with spaces, not tabs, and put values that begin with @, ` or % in quotes";
    else if (str_contains(what, S("mapping values are not allowed")))
        remedy = "put a value that holds a colon and a blank in quotes, and check the indentation";
    char text[200];
    snprintf(text, sizeof text, "%s%s%s", p->context ? p->context : "", p->context ? ", " : "",
             problem);
    size_t line = p->problem_mark.line + 1, column = p->problem_mark.column + 1;
    return bad(c, E_SYNTAX, line, column, remedy, text);
}

static rc next(struct composer *c)
{
    if (c->have_event)
        yaml_event_delete(&c->event);
    c->have_event = false;
    if (!yaml_parser_parse(&c->parser, &c->event))
        return bad_syntax(c);
    c->have_event = true;
    return RC_OK;
}

/* ---- scalars -------------------------------------------------------------------------------- */

static bool one_of(str s, const char *const *words)
{
    for (; *words; words++)
        if (str_eq(s, str_c(*words)))
            return true;
    return false;
}

static size_t digits(str s, size_t at)
{
    size_t n = 0;
    while (at + n < s.n && s.p[at + n] >= '0' && s.p[at + n] <= '9')
        n++;
    return n;
}

/* A decimal number as people write it ("+5", ".5", "5.", "1_000") as a JSON number; empty if it is
 * none, or one with leading zeros (an id, rather). */
static str json_number(str s, struct arena *a)
{
    char *out = arena_raw(a, s.n + 3);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '_' || i == 0 || i + 1 == s.n)
            out[n++] = s.p[i];
    str plain = { out, n };
    size_t at = 0, start = 0;
    if (n && out[0] == '+')
        start = at = 1;
    else if (n && out[0] == '-')
        at = 1;
    size_t whole = digits(plain, at);
    if (whole > 1 && out[at] == '0')
        return (str){ NULL, 0 };
    size_t whole_end = at + whole, fraction = 0;
    bool dot = whole_end < n && out[whole_end] == '.';
    if (dot)
        fraction = digits(plain, whole_end + 1);
    if (whole + fraction == 0)
        return (str){ NULL, 0 };
    size_t end = whole_end + dot + fraction;
    str exponent = { out + end, n - end };
    if (exponent.n) {
        size_t sign = exponent.n > 1 && (exponent.p[1] == '-' || exponent.p[1] == '+');
        if ((exponent.p[0] | 0x20) != 'e' || digits(exponent, 1 + sign) == 0 ||
            1 + sign + digits(exponent, 1 + sign) != exponent.n)
            return (str){ NULL, 0 };
    }
    if (whole && (!dot || fraction))
        return str_skip(plain, start);
    return arena_fmt(a, "%.*s%.*s.%.*s%.*s", (int)(at - start), out + start, whole ? (int)whole : 1,
                     whole ? out + at : "0", fraction ? (int)fraction : 1,
                     fraction ? out + whole_end + 1 : "0", STRF(exponent));
}

static void resolve(struct ynode *n, struct arena *a)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
    static const char *const yes[] = { "true", "True", "TRUE", "yes", "Yes",
                                       "YES",  "on",   "On",   "ON",  NULL };
    static const char *const no[] = { "false", "False", "FALSE", "no",  "No",
                                      "NO",    "off",   "Off",   "OFF", NULL };
    if (one_of(n->text, nulls)) {
        n->kind = Y_NULL;
    } else if (one_of(n->text, yes) || one_of(n->text, no)) {
        n->kind = Y_BOOL;
        n->truth = one_of(n->text, yes);
    } else if (n->text.n < 64) {
        n->number = json_number(n->text, a);
        if (n->number.n)
            n->kind = Y_NUM;
    }
}

static struct ynode *new_node(struct composer *c, enum ynode_kind kind)
{
    struct ynode *n = NEW(c->arena, struct ynode, 1);
    n->kind = kind;
    n->file = c->file;
    n->line = (unsigned)c->event.start_mark.line + 1;
    n->column = (unsigned)c->event.start_mark.column + 1;
    n->nodes = 1;
    n->height = 1;
    return n;
}

static struct ynode *scalar(struct composer *c)
{
    struct ynode *n = new_node(c, Y_STR);
    str text = { (const char *)c->event.data.scalar.value, c->event.data.scalar.length };
    n->text = arena_dup(c->arena, text);
    n->nodes += (uint32_t)(text.n / 256); /* long texts behind aliases count too */
    bool tagged_str = c->event.data.scalar.tag &&
                      strcmp((const char *)c->event.data.scalar.tag, YAML_STR_TAG) == 0;
    if (c->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !tagged_str)
        resolve(n, c->arena);
    return n;
}

/* ---- lists and maps ------------------------------------------------------------------------- */

/* A growing array in an arena: the old half is given up, which doubling keeps in bounds. */
static void *grown(struct arena *a, void *v, size_t n, size_t item)
{
    if (n < 4 || (n & (n - 1)))
        return n == 0 ? arena_raw(a, 4 * item) : v;
    void *more = arena_raw(a, 2 * n * item);
    memcpy(more, v, n * item);
    return more;
}

/* Adds a child's size to its parent's. */
static rc count(struct composer *c, struct ynode *parent, const struct ynode *child)
{
    parent->nodes += child->nodes; /* both at most YAML_NODES_MAX: no overflow */
    if (child->height + 1 > parent->height)
        parent->height = child->height + 1;
    if (parent->nodes > YAML_NODES_MAX)
        return bad(c, E_LIMIT, child->line, child->column, "use fewer or smaller aliases",
                   "too many values, counted with aliases expanded");
    if (parent->height > YAML_DEPTH_MAX)
        return bad(c, E_LIMIT, child->line, child->column, "flatten it", "nested too deeply");
    return RC_OK;
}

static rc compose(struct composer *c, unsigned depth, struct ynode **ret);

static rc compose_list(struct composer *c, unsigned depth, struct ynode *n)
{
    for (;;) {
        TRY(next(c));
        if (c->event.type == YAML_SEQUENCE_END_EVENT)
            return RC_OK;
        struct ynode *item;
        TRY(compose(c, depth + 1, &item));
        TRY(count(c, n, item));
        n->items = grown(c->arena, n->items, n->n, sizeof(struct ynode *));
        n->items[n->n++] = item;
    }
}

static void put(struct composer *c, struct ynode *n, struct ypair pair)
{
    n->pairs = grown(c->arena, n->pairs, n->n, sizeof(struct ypair));
    n->pairs[n->n++] = pair;
}

/* Maps are small, but an attacker's need not be: an index once it is worth it. */
struct seen {
    struct map map;
    bool on;
};

static struct ypair *find(struct seen *seen, const struct ynode *n, str key)
{
    if (seen->on) {
        uintptr_t at = (uintptr_t)map_get(&seen->map, key);
        return at ? &n->pairs[at - 1] : NULL;
    }
    for (uint32_t i = 0; i < n->n; i++)
        if (str_eq(n->pairs[i].key, key))
            return &n->pairs[i];
    return NULL;
}

static void add(struct composer *c, struct seen *seen, struct ynode *n, struct ypair pair)
{
    put(c, n, pair);
    if (!seen->on && n->n == 32) {
        seen->on = true;
        map_init(&seen->map);
        for (uint32_t i = 0; i + 1 < n->n; i++)
            map_put(&seen->map, n->pairs[i].key, (void *)(uintptr_t)(i + 1));
    }
    if (seen->on)
        map_put(&seen->map, pair.key, (void *)(uintptr_t)n->n);
}

static rc merge(struct composer *c, struct seen *seen, struct ynode *n, const struct ynode *from)
{
    if (from->kind == Y_LIST) {
        for (uint32_t i = 0; i < from->n; i++)
            if (from->items[i]->kind == Y_MAP)
                TRY(merge(c, seen, n, from->items[i]));
        return RC_OK;
    }
    if (from->kind != Y_MAP) {
        diag_add(c->diags, DIAG_WARN, from->file, from->line, from->column, S("<<"),
                 S("give it an alias of a map"), "expected a map to merge, got %s: ignored",
                 ynode_kind_name(from));
        return RC_OK;
    }
    for (uint32_t i = 0; i < from->n; i++) {
        if (find(seen, n, from->pairs[i].key))
            continue;
        TRY(count(c, n, from->pairs[i].value));
        add(c, seen, n, from->pairs[i]);
    }
    return RC_OK;
}

static rc compose_pair(struct composer *c, unsigned depth, struct seen *seen, struct ynode *n,
                       struct ynode **merges)
{
    struct ynode *key, *value;
    TRY(compose(c, depth + 1, &key));
    TRY(next(c));
    TRY(compose(c, depth + 1, &value));
    if (key->kind == Y_LIST || key->kind == Y_MAP)
        return bad(c, E_SYNTAX, key->line, key->column,
                   "put a text that begins with { or [ in quotes", "a key must be a plain text");
    TRY(count(c, n, value));
    if (str_eq(key->text, S("<<"))) {
        (*merges)->items = grown(c->arena, (*merges)->items, (*merges)->n, sizeof(struct ynode *));
        (*merges)->items[(*merges)->n++] = value;
        return RC_OK;
    }
    struct ypair *before = find(seen, n, key->text);
    if (!before) {
        add(c, seen, n, (struct ypair){ key->text, key->line, key->column, value });
        return RC_OK;
    }
    diag_add(c->diags, DIAG_WARN, key->file, key->line, key->column, key->text,
             S("keep one of the two"), "given twice, first on line %u: this one is used",
             before->line);
    *before = (struct ypair){ key->text, key->line, key->column, value };
    return RC_OK;
}

static rc compose_map_into(struct composer *c, unsigned depth, struct ynode *n, struct seen *seen)
{
    struct ynode merges_node = { .kind = Y_LIST }, *merges = &merges_node;
    for (;;) {
        TRY(next(c));
        if (c->event.type == YAML_MAPPING_END_EVENT)
            break;
        TRY(compose_pair(c, depth, seen, n, &merges));
    }
    for (uint32_t i = 0; i < merges->n; i++)
        TRY(merge(c, seen, n, merges->items[i]));
    return RC_OK;
}

static rc compose_map(struct composer *c, unsigned depth, struct ynode *n)
{
    struct seen seen = { .on = false };
    rc r = compose_map_into(c, depth, n, &seen);
    if (seen.on)
        map_done(&seen.map);
    return r;
}

static rc alias(struct composer *c, struct ynode **ret)
{
    str name = str_c((const char *)c->event.data.alias.anchor);
    for (struct anchor *a = c->anchors; a; a = a->next) {
        if (str_eq(a->name, name)) {
            *ret = a->node;
            return RC_OK;
        }
    }
    return bad(c, E_SYNTAX, c->event.start_mark.line + 1, c->event.start_mark.column + 1,
               "define it with & before; put a value that begins with * in quotes",
               "an alias (*) without its anchor (&)");
}

static str anchor_of(struct composer *c)
{
    const yaml_event_t *e = &c->event;
    const yaml_char_t *name = e->type == YAML_SCALAR_EVENT           ? e->data.scalar.anchor
                              : e->type == YAML_SEQUENCE_START_EVENT ? e->data.sequence_start.anchor
                                                                     : e->data.mapping_start.anchor;
    return name ? arena_dup(c->arena, str_c((const char *)name)) : (str){ NULL, 0 };
}

/* The node that begins with the current event; afterwards its last event is the current one. */
static rc compose(struct composer *c, unsigned depth, struct ynode **ret)
{
    if (depth > YAML_DEPTH_MAX)
        return bad(c, E_LIMIT, c->event.start_mark.line + 1, c->event.start_mark.column + 1,
                   "flatten it", "nested too deeply");
    if (c->event.type == YAML_ALIAS_EVENT)
        return alias(c, ret);
    str name = anchor_of(c);
    if (c->event.type == YAML_SCALAR_EVENT) {
        *ret = scalar(c);
    } else if (c->event.type == YAML_SEQUENCE_START_EVENT) {
        *ret = new_node(c, Y_LIST);
        TRY(compose_list(c, depth, *ret));
    } else {
        *ret = new_node(c, Y_MAP);
        TRY(compose_map(c, depth, *ret));
    }
    if (name.n) {
        struct anchor *a = NEW(c->arena, struct anchor, 1);
        *a = (struct anchor){ c->anchors, name, *ret };
        c->anchors = a;
    }
    return RC_OK;
}

static rc document(struct composer *c, struct ynode **ret)
{
    TRY(next(c)); /* stream start */
    TRY(next(c));
    if (c->event.type == YAML_STREAM_END_EVENT) {
        *ret = new_node(c, Y_NULL);
        return RC_OK;
    }
    TRY(next(c)); /* behind document start */
    TRY(compose(c, 0, ret));
    TRY(next(c)); /* document end */
    TRY(next(c));
    if (c->event.type != YAML_STREAM_END_EVENT)
        diag_add(c->diags, DIAG_WARN, c->file, (unsigned)c->event.start_mark.line + 1, 1, S("---"),
                 S("put everything into one document, or use include"),
                 "a second document begins here: ignored");
    return RC_OK;
}

rc yaml_read(struct ynode **ret, str file, str text, struct arena *a, struct diags *d,
             struct err *e)
{
    struct composer c = { .file = file, .arena = a, .diags = d, .err = e };
    if (text.n > YAML_BYTES_MAX)
        return bad(&c, E_LIMIT, 0, 0, "split it, or remove what is not needed",
                   "larger than 8 MiB");
    BUG_UNLESS(yaml_parser_initialize(&c.parser));
    yaml_parser_set_input_string(&c.parser, (const unsigned char *)text.p, text.n);
    rc r = document(&c, ret);
    if (c.have_event)
        yaml_event_delete(&c.event);
    yaml_parser_delete(&c.parser);
    return r;
}

struct ynode *ynode_get(const struct ynode *n, str key)
{
    if (!n || n->kind != Y_MAP)
        return NULL;
    for (uint32_t i = 0; i < n->n; i++)
        if (str_eq(n->pairs[i].key, key))
            return n->pairs[i].value;
    return NULL;
}

const char *ynode_kind_name(const struct ynode *n)
{
    static const char *const names[] = { "nothing", "true or false", "a number",
                                         "a text",  "a list",        "a map" };
    return names[n->kind];
}
