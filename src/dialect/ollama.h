/* ollama.h - what the server needs of Ollama's API beside the dialect: loading a model.
 *
 * /api/chat without messages and /api/generate without a prompt load the model, or unload it with
 * keep_alive 0; clients do so before they ask. There is nothing to load behind a gateway: answer at
 * once, without an upstream.
 */
#ifndef DIALECT_OLLAMA_H
#define DIALECT_OLLAMA_H

#include "dialect/dialect.h"

/* The body asks for no answer, only for the model to be loaded or unloaded. */
bool ollama_is_load(jval *body, bool generate);
/* The answer to it, one JSON object. */
void ollama_write_load(struct buf *out, jval *body, bool generate, const struct dialect_ctx *c);

#endif
