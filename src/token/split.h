/* split.h - cuts a text into the pieces in which an encoding looks for its tokens.
 *
 * Source:  the split patterns that tiktoken publishes for cl100k_base and o200k_base, walked by
 *          hand: no backtracking, each character is looked at three times at most.
 * Bytes that are no UTF-8 count as punctuation, one by one.
 */
#ifndef TOKEN_SPLIT_H
#define TOKEN_SPLIT_H

#include "base/str.h"

enum token_encoding { TOKEN_CL100K, TOKEN_O200K, TOKEN_ENCODINGS };

struct token_split {
    str text;
    enum token_encoding encoding;
    size_t at;   /* where the next piece begins */
    size_t hint; /* of classes.h */
};

/* The next piece, never empty. False: the text is over. */
bool token_split_next(struct token_split *s, str *ret);

#endif
