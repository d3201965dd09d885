/* model.h - which encoding a model reads its texts in.
 *
 * Source: tiktoken's list of models (OpenAI's names, fine-tuned ones, Azure's spelling). Other
 *         vendors' vocabularies cannot be had: their texts are counted in o200k_base, and the
 *         count is an estimate.
 */
#ifndef TOKEN_MODEL_H
#define TOKEN_MODEL_H

#include "token/split.h"

struct token_model {
    enum token_encoding encoding;
    bool own; /* the model's own encoding; else only the nearest there is */
};

/* A vendor's prefix ("openai/", "azure/openai/") is passed over. */
struct token_model token_model_of(str name);
const char *token_encoding_name(enum token_encoding e); /* "o200k_base" */

#endif
