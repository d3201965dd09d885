/* ranks.h - the tokens of cl100k_base and o200k_base and the order in which they are merged.
 *
 * A read-only table inside the program (docs/decisions/0005-token-tables.md), mapped from its file
 * page by page as it is used. A build may lack it: then nothing is found.
 */
#ifndef TOKEN_RANKS_H
#define TOKEN_RANKS_H

#include "token/split.h"

enum { TOKEN_NO_RANK = (1 << 18) - 1, TOKEN_BYTES_MAX = 128 };

/* The build has the table. */
bool token_ranks_here(void);
/* The rank of those bytes, TOKEN_NO_RANK if they are no token. */
uint32_t token_rank(enum token_encoding e, const char *p, size_t n);

#endif
