/* scan.h - validates a JSON text and finds members of its top-level object, without a tree.
 *
 * For pass-through: a 100 KB prompt is checked whole (RFC 8259; UTF-8 as RFC 3629; depth at most
 * JSON_DEPTH_MAX; numbers by the grammar, any size) in one pass and the few members that the
 * gateway needs come back as positions, so that they can be replaced by splicing.
 */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include "base/err.h"

enum { JSON_DEPTH_MAX = 128 };

enum json_kind {
    JSON_NONE, /* not there */
    JSON_NULL,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

/* One wanted member of the top-level object. `name` is given, the rest is filled in. */
struct json_member {
    str name;            /* compared with the unescaped key */
    enum json_kind kind; /* JSON_NONE if absent */
    str value;           /* the value's own bytes in the text, quotes included */
    uint32_t times;      /* how often the key occurs; value is the last one's */
};

/* E_SYNTAX with e->at = byte offset and a sentence ("unexpected '}' at byte 12, expected a value")
 * if text is not one JSON value with only blanks around it; E_LIMIT if it is too deep. The top
 * level may be any value; members are looked for if it is an object (*ret_top says what it is). */
rc json_scan(str text, struct json_member *wanted, size_t n, enum json_kind *ret_top,
             struct err *e);

#endif
