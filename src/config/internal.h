/* internal.h - shared inside config/ only: where we are in the file, and reading typed values.
 *
 * Readers return false and leave *ret untouched where the value is null, unset or wrong; what is
 * wrong is said in the diagnostics. os.environ/NAME is resolved by every one of them.
 */
#ifndef CONFIG_INTERNAL_H
#define CONFIG_INTERNAL_H

#include "config/config.h"
#include "config/keys.h"
#include "config/yaml.h"
#include "json/write.h"

/* A place in the tree, for messages: rendered only when one is due. */
struct path {
    const struct path *up;
    str name; /* of a map's member; empty: a list's item */
    uint32_t index;
};

struct loader {
    struct config *c;
    struct arena *a; /* of c */
    struct diags *d;
    const struct ynode *credentials, *default_params; /* or NULL */
    struct model_entry **tail;
};

str path_text(const struct path *p, struct arena *a);
void say(struct loader *l, enum diag_level level, const struct ynode *at, const struct path *p,
         const char *remedy, const char *fmt, ...) PRINTF(6, 7);

/* The node with os.environ/NAME looked up (an unset variable: null, with a warning). *ret_env (may
 * be NULL): the variable's name, else empty. */
struct ynode value_of(struct loader *l, const struct ynode *n, const struct path *p, str *ret_env);

bool read_str(struct loader *l, const struct ynode *n, const struct path *p, str *ret);
bool read_secret(struct loader *l, const struct ynode *n, const struct path *p, struct secret *ret);
bool read_bool(struct loader *l, const struct ynode *n, const struct path *p, bool *ret);
bool read_int(struct loader *l, const struct ynode *n, const struct path *p, int64_t *ret);
/* A decimal number times scale, rounded; not negative. */
bool read_scaled(struct loader *l, const struct ynode *n, const struct path *p, int64_t scale,
                 int64_t *ret);
bool read_strs(struct loader *l, const struct ynode *n, const struct path *p,
               struct chat_str **ret);
bool read_headers(struct loader *l, const struct ynode *n, const struct path *p,
                  struct header **ret);
bool read_members(struct loader *l, const struct ynode *n, const struct path *p,
                  struct chat_extra **ret);
str read_json(struct loader *l, const struct ynode *n, const struct path *p);
/* n is a list / a map; anything else but null is an error. */
bool want_list(struct loader *l, const struct ynode *n, const struct path *p);
bool want_map(struct loader *l, const struct ynode *n, const struct path *p);

/* Every key of map that the section's table knows is read into base; what it does not know goes to
 * unknown (NULL: a warning). */
typedef void unknown_key(struct loader *l, const struct ypair *pair, const struct path *p,
                         void *base);
void read_section(struct loader *l, const struct ynode *map, enum key_section section, void *base,
                  const struct path *p, unknown_key *unknown);

void load_models(struct loader *l, const struct ynode *list, const struct path *p);
void load_fallbacks(struct loader *l, const struct ynode *list, const struct path *p,
                    struct fallback **ret);
void load_targets(struct loader *l, const struct ynode *n, const struct path *p,
                  struct fallback_target **ret);
void load_aliases(struct loader *l, const struct ynode *map, const struct path *p);
void load_policy(struct loader *l, const struct ynode *map, const struct path *p,
                 struct error_policy *ret);
void load_group_policies(struct loader *l, const struct ynode *map, const struct path *p);
void load_pass_throughs(struct loader *l, const struct ynode *list, const struct path *p);
/* Keys whose value needs more than a type (TYPE_OWN). */
void load_own_key(struct loader *l, enum key_section section, const struct ypair *pair,
                  const struct path *p, void *base);
/* The same file with includes appended into *root's map. */
void load_includes(struct loader *l, struct ynode *root);

#endif
