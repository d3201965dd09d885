/* count.h - how many tokens texts are.
 *
 * Exactly where the build has the tables (token/ranks.h) and the model's encoding is one of them;
 * otherwise an estimate, which `exact` says. docs/tokens.md says how far off it was.
 * Bounds: a counter takes TOKEN_STEPS_MAX steps (some 15 MB of prose, 1 MB of one letter repeated)
 *         and is then an estimate for what follows, as where a piece of more than
 *         TOKEN_PIECE_BYTES was cut. That is a tenth of a second, and 32 MB for the longest piece.
 */
#ifndef TOKEN_COUNT_H
#define TOKEN_COUNT_H

#include "token/bpe.h"
#include "token/model.h"

enum { TOKEN_STEPS_MAX = 16 * 1024 * 1024, TOKEN_PIECE_BYTES = 1024 * 1024 };

struct token_counter {
    struct token_model model;
    int64_t tokens; /* so far */
    bool exact;     /* so far */
    struct token_bpe bpe;
};

/* model: as the upstream calls it. */
void token_counter_init(struct token_counter *k, str model);
void token_counter_done(struct token_counter *k);
/* A text by itself: what it has in common with its neighbours is the caller's to say. */
void token_counter_add(struct token_counter *k, str text);
/* The counter's word for itself: "cl100k_base", "o200k_base" or "estimate". */
const char *token_counter_name(const struct token_counter *k);

/* About how many, without a vocabulary: one pass, no memory. */
int64_t token_estimate(str text);

#endif
