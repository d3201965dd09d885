/* yaml.h - a YAML text as a tree whose nodes know where they stand.
 *
 * Shape:     one document (what follows a second `---` is dropped with a warning). Aliases share
 *            their anchor's node, `<<` is merged; maps keep the order of the text, a key given
 *            twice keeps the last value with a warning.
 * Scalars:   resolved here, not by YAML 1.1's surprises: plain true/false/yes/no/on/off, null and
 * ~, decimal numbers (also 8e-6); everything else is the text it is (2024-10-21, 0x10, 007).
 * Ownership: the arena's.
 * Limits:    depth YAML_DEPTH_MAX and YAML_NODES_MAX values (256 bytes of text count as one more),
 * both with aliases expanded: walking a tree costs no more than that.
 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include "config/config.h"

enum { YAML_DEPTH_MAX = 64, YAML_NODES_MAX = 200000, YAML_BYTES_MAX = 8 * 1024 * 1024 };

enum ynode_kind { Y_NULL, Y_BOOL, Y_NUM, Y_STR, Y_LIST, Y_MAP };

struct ynode;

struct ypair {
    str key;
    unsigned line, column; /* of the key */
    struct ynode *value;
};

struct ynode {
    enum ynode_kind kind;
    bool truth; /* Y_BOOL */
    str text;   /* scalars: as written, without quotes */
    str number; /* Y_NUM: as a JSON number */
    str file;
    unsigned line, column;
    uint32_t n;
    union {
        struct ynode **items; /* Y_LIST */
        struct ypair *pairs;  /* Y_MAP */
    };
    uint32_t nodes, height; /* of the tree below, aliases expanded */
};

/* E_SYNTAX, E_LIMIT: an error with its place is in d (and in e). An empty text is a Y_NULL. */
MUST_CHECK rc yaml_read(struct ynode **ret, str file, str text, struct arena *a, struct diags *d,
                        struct err *e);

/* NULL: n is no map or has no such key. */
struct ynode *ynode_get(const struct ynode *n, str key);
/* "a list", "a map", "a number", ... */
const char *ynode_kind_name(const struct ynode *n);

#endif
