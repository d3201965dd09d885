/* tokens.h - how many tokens a text is, about: no vocabulary, one pass, no memory.
 *
 * Splits a text as the GPT tokenizers do before they look anything up (words with the blank before
 * them, up to three digits, runs of punctuation, blanks) and gives each piece what such a piece
 * usually costs. docs/endpoints.md says how far off it was, measured against o200k_base.
 */
#ifndef CHAT_TOKENS_H
#define CHAT_TOKENS_H

#include "chat/chat.h"
#include "token/count.h"

/* A whole request: messages, tools, schema, and what the wire format adds around them. Pictures
 * count as IMAGE_TOKENS each, their size being unknown without decoding them. */
int64_t tokens_of_request(const struct chat_req *r);

enum { TOKENS_PER_IMAGE = 765, TOKENS_PER_PAGE_KB = 30 };

#endif
