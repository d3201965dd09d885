/* schema_refs.h - the $refs of a JSON schema: what they name, and a schema written without them,
 * for vendors that drop them without a word.
 */
#ifndef DIALECT_SCHEMA_REFS_H
#define DIALECT_SCHEMA_REFS_H

#include "json/write.h"

/* What "#/definitions/Point" names in the whole schema; NULL if nothing, or if it is elsewhere. */
jval *schema_lookup(jval *root, str ref);
/* The schema (JSON text) with what each $ref names in its place; what recurs ends in an object of
 * any kind. As it is if it has no $ref, or would grow too long. */
void schema_write_inlined(struct jw *w, str schema, struct arena *a);

#endif
