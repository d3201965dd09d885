/* bpe.h - into how many tokens byte pair encoding turns one piece of a text.
 *
 * Method: as tiktoken: of all neighbours whose bytes together are a token, those with the lowest
 *         rank are joined, the leftmost first, until there are none. A tournament over the pairs
 *         finds them: O(n log n) for n bytes, whatever they are.
 * Memory: 16 bytes for each byte of the longest piece (to the next power of two), kept between
 *         pieces.
 */
#ifndef TOKEN_BPE_H
#define TOKEN_BPE_H

#include "token/ranks.h"

struct token_bpe {
    uint32_t *memory;
    size_t bytes;   /* of the longest piece that fits */
    uint64_t steps; /* looked up and compared so far: what it cost, for tests */
};

void token_bpe_init(struct token_bpe *b);
void token_bpe_done(struct token_bpe *b);
/* 1 <= piece.n < 2^31. ids, if given: room for piece.n ranks, in the text's order. */
size_t token_bpe_count(struct token_bpe *b, enum token_encoding e, str piece, uint32_t *ids);

#endif
