/* functions.h - tools and calls in OpenAI's form, {"type":"function","function":{..}}, which Cohere
 * and Ollama took over.
 */
#ifndef DIALECT_FUNCTIONS_H
#define DIALECT_FUNCTIONS_H

#include "chat/chat.h"
#include "json/doc.h"
#include "json/write.h"

/* The parameters of a tool that takes free text, for vendors that know only objects. */
#define FUNCTIONS_FREE_TEXT                                                    \
    S("{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}}," \
      "\"required\":[\"input\"]}")

/* Appends the array's tools to *list (empty before); what has no `function` becomes opaque.
 * E_SYNTAX where one is no object or has no name. */
rc functions_read_tools(struct chat_tool **list, jval *tools, enum dialect_id origin,
                        struct arena *a, struct err *e);
/* id, name and arguments (as JSON text, however they are written) of one call; borrowed. */
void functions_read_call(struct chat_call *ret, jval *call, struct arena *a);

/* The member `tools`: all of r's (there are some), or only the one that the choice names, if it is
 * among them. Opaque ones of `own` go as they are; others are dropped as chat_drop says, `label`
 * being the vendor's name. */
rc functions_write_tools(struct jw *w, const struct chat_req *r, const struct chat_target *t,
                         enum dialect_id own, str label, struct chat_loss *loss, struct err *e);

#endif
