#include "config/keys.h"

const struct key *key_find(enum key_section section, str name)
{
    for (size_t i = 0; i < config_nkeys; i++)
        if (config_keys[i].section == section && str_eq(str_c(config_keys[i].name), name))
            return &config_keys[i];
    return NULL;
}

enum { NEAR_BYTES_MAX = 48 };

/* Edits (insert, delete, replace, swap of neighbours) from a to b; both at most NEAR_BYTES_MAX. */
static unsigned distance(str a, str b)
{
    unsigned char rows[3][NEAR_BYTES_MAX + 1];
    unsigned char *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.n; j++)
        last[j] = (unsigned char)j;
    for (size_t i = 1; i <= a.n; i++) {
        row[0] = (unsigned char)i;
        for (size_t j = 1; j <= b.n; j++) {
            unsigned best = last[j - 1] + (unsigned)(a.p[i - 1] != b.p[j - 1]);
            best = last[j] + 1U < best ? last[j] + 1U : best;
            best = row[j - 1] + 1U < best ? row[j - 1] + 1U : best;
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] &&
                before[j - 2] + 1U < best)
                best = before[j - 2] + 1U;
            row[j] = (unsigned char)best;
        }
        unsigned char *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[b.n];
}

const struct key *key_near(enum key_section section, str name)
{
    const struct key *found = NULL;
    unsigned best = 3;
    if (name.n < 3 || name.n > NEAR_BYTES_MAX)
        return NULL;
    if (name.n < 6)
        best = 2;
    for (size_t i = 0; i < config_nkeys; i++) {
        str known = str_c(config_keys[i].name);
        if (config_keys[i].section != section || known.n > NEAR_BYTES_MAX || known.n > name.n + 2 ||
            name.n > known.n + 2)
            continue;
        unsigned d = distance(name, known);
        if (d < best) {
            best = d;
            found = &config_keys[i];
        }
    }
    return found;
}

const char *key_section_name(enum key_section section)
{
    static const char *const names[] = {
        "top level",        "litellm_params",   "model_info",
        "litellm_settings", "general_settings", "router_settings"
    };
    return names[section];
}

const char *key_type_name(enum key_type type)
{
    static const char *const names[] = { "",    "text",    "text", "bool",   "bool",
                                         "int", "seconds", "MB",   "number", "list of texts",
                                         "map", "map",     "any",  "see doc" };
    return names[type];
}

const char *key_status_name(enum key_status status)
{
    static const char *const names[] = { "honoured", "approximated", "nothing to do", "not yet",
                                         "Python only" };
    return names[status];
}

void keys_print(struct buf *out)
{
    for (enum key_section s = 0; s < SECTION_COUNT; s++) {
        buf_fmt(out,
                "\n## %s\n\n| key | type | default | status | meaning |\n|---|---|---|---|---|\n",
                key_section_name(s));
        for (size_t i = 0; i < config_nkeys; i++) {
            const struct key *k = &config_keys[i];
            if (k->section == s)
                buf_fmt(out, "| `%s` | %s | %s | %s | %s |\n", k->name, key_type_name(k->type),
                        k->fallback ? k->fallback : "", key_status_name(k->status), k->doc);
        }
    }
}
