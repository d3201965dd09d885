/* functions.h - tools and calls in OpenAI's form, {"type":"function","function":{..}}, which Cohere
 * and Ollama took over.
 */
#ifndef DIALECT_FUNCTIONS_H
#define DIALECT_FUNCTIONS_H

#include "chat/chat.h"
#include "json/doc.h"
#include "json/write.h"

/* The parameters of a tool that takes free text, for vendors that know only objects: one string,
 * `input`. A grammar that the text must follow is told in its description. */
str functions_free_text(const struct chat_tool *t, struct arena *a);
/* The arguments of such a call. */
str functions_wrap_text(str text, struct arena *a);
/* The grammar of a custom tool in either of OpenAI's forms (flat in Responses, nested in chat
 * completions); false: it has none. The strs live in a. */
bool functions_grammar(const struct chat_tool *t, str *ret_syntax, str *ret_definition,
                       struct arena *a);

/* Appends the array's tools to *list (empty before); what has no `function` becomes opaque.
 * E_SYNTAX where one is no object or has no name. */
rc functions_read_tools(struct chat_tool **list, jval *tools, enum dialect_id origin,
                        struct arena *a, struct err *e);
/* id, name and arguments (as JSON text, however they are written) of one call; borrowed. */
void functions_read_call(struct chat_call *ret, jval *call, struct arena *a);

/* The member `tools`: all of r's (there are some), or only the one that the choice names, if it is
 * among them. Opaque ones of `own` go as they are, others are left out: clients offer their
 * vendor's tools unasked. False: nothing was left, nothing is written. */
bool functions_write_tools(struct jw *w, const struct chat_req *r, enum dialect_id own,
                           struct chat_loss *loss, struct arena *a);

#endif
