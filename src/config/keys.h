/* keys.h - every key of a configuration, in one table: its type, its default, whether it is
 * honoured, and a line for people. The loader reads by it and docs/config.md is printed from it.
 *
 * To add a key: a row in keys.c, and a member to point it at (or TYPE_OWN and a case in
 * settings.c).
 */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include "base/buf.h"

enum key_section {
    SECTION_TOP,
    SECTION_PARAMS, /* model_list[].litellm_params */
    SECTION_INFO,   /* model_list[].model_info */
    SECTION_LITELLM,
    SECTION_GENERAL,
    SECTION_ROUTER,
    SECTION_COUNT,
};

enum key_type {
    TYPE_NONE, /* not read */
    TYPE_STR,
    TYPE_SECRET,
    TYPE_BOOL,
    TYPE_TRI,     /* enum tri */
    TYPE_INT,     /* int64_t */
    TYPE_SECONDS, /* int64_t, milliseconds */
    TYPE_MB,      /* int64_t, bytes */
    TYPE_WEIGHT,  /* int64_t, millionths */
    TYPE_STRS,    /* struct chat_str* */
    TYPE_HEADERS, /* struct header* */
    TYPE_MEMBERS, /* struct chat_extra* */
    TYPE_JSON,    /* str, JSON text */
    TYPE_OWN,     /* load_own_key knows */
};

enum key_status {
    KEY_HONOURED,
    KEY_APPROXIMATED, /* as the doc says */
    KEY_MOOT,         /* nothing to do here: silently taken */
    KEY_LATER,        /* a feature this version does not have */
    KEY_PYTHON,       /* names Python code or a Python library's switch */
};

struct key {
    enum key_section section;
    const char *name;
    enum key_type type;
    enum key_status status;
    size_t offset;        /* of the member */
    const char *fallback; /* the default, for people; NULL: unset */
    const char *doc;
};

extern const struct key config_keys[];
extern const size_t config_nkeys;

/* NULL: unknown. */
const struct key *key_find(enum key_section section, str name);
/* The known key of that section within two edits of name, or NULL. */
const struct key *key_near(enum key_section section, str name);
const char *key_section_name(enum key_section section);
const char *key_type_name(enum key_type type);
const char *key_status_name(enum key_status status);

/* docs/config.md's tables. */
void keys_print(struct buf *out);

#endif
