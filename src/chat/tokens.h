/* tokens.h - how many tokens a request is.
 *
 * Texts are counted by token/count.h; what the wire format puts around them as OpenAI's cookbook
 * and LiteLLM's token_counter do: 3 a message, 1 a name, 3 for the answer's beginning, functions as
 * the TypeScript that OpenAI's models are shown. Pictures by OpenAI's tiles, where their size is
 * known. Whatever else is not text (sound, documents, one vendor's blocks) makes the count an
 * estimate.
 */
#ifndef CHAT_TOKENS_H
#define CHAT_TOKENS_H

#include "base/buf.h"
#include "chat/chat.h"
#include "token/count.h"

/* a: for what is needed meanwhile. */
void tokens_of_request(struct token_counter *k, const struct chat_req *r, struct arena *a);
/* What an answer's parts are: texts, thoughts and calls. */
void tokens_of_answer(struct token_counter *k, const struct chat_part *parts);

/* Appends the functions among the tools as their TypeScript declarations. */
void tokens_write_functions(struct buf *out, const struct chat_tool *tools, struct arena *a);

/* A picture whose size is not known counts as one of 1024 x 1024 in high detail. */
enum { TOKENS_PER_IMAGE = 765, TOKENS_PER_SMALL_IMAGE = 85, TOKENS_PER_PAGE_KB = 30 };

/* Tokens of a picture in high detail. */
int64_t tokens_of_tiles(uint32_t width, uint32_t height);

#endif
