/* splice.h - changes a few places of a JSON text and leaves every other byte as it is.
 *
 * Works on the positions json_scan gives: replacing the model's name in a 100 KB prompt costs a
 * scan and no copy, the result being pieces of the old text and of the new.
 */
#ifndef JSON_SPLICE_H
#define JSON_SPLICE_H

#include "base/buf.h"
#include "json/scan.h"

/* At byte `at`, `drop` bytes go and `put` comes. */
struct json_edit {
    size_t at, drop;
    str put;
};

/* The member's value (the last one's, if it occurs more than once) becomes json. m must have been
 * found in text. */
struct json_edit json_edit_value(str text, const struct json_member *m, str json);
/* A new first member of the top-level object. member is `"name":value` followed by a comma
 * (`"a":1,`); where the object is empty the comma is left off. text must be a valid object. */
struct json_edit json_edit_insert(str text, str member);

/* The pieces of the edited text, empty ones left out: at most 2 * n + 1. edits are in rising order
 * and do not overlap (asserted; json_edit_insert comes first). Returns how many pieces. */
size_t json_splice_pieces(str text, const struct json_edit *edits, size_t n, str *ret_pieces);
/* Length of the edited text. */
size_t json_splice_bytes(str text, const struct json_edit *edits, size_t n);
/* Appends the edited text. */
void json_splice(struct buf *out, str text, const struct json_edit *edits, size_t n);

/* The same for a frame of a stream or a whole answer: appends text with the string value of its
 * top-level member `name` (if it has one and it is a string) replaced by `json`. E_SYNTAX if text
 * is not valid JSON, and then nothing is appended. */
MUST_CHECK rc json_replace(struct buf *out, str text, str name, str json, struct err *e);

#endif
