/* stream.h - how many tokens a text is that comes in pieces and is not kept.
 *
 * Counted as soon as a blank begins another word: nothing before that can change any more. A word
 * of more than TOKEN_TAIL_BYTES (writing without blanks, too) is cut there, which may cost a token,
 * and then the count is an estimate.
 */
#ifndef TOKEN_STREAM_H
#define TOKEN_STREAM_H

#include "token/count.h"

enum { TOKEN_TAIL_BYTES = 120 };

struct token_stream {
    struct token_counter counter;
    uint32_t held; /* of tail: not counted yet */
    char tail[TOKEN_TAIL_BYTES];
};

void token_stream_init(struct token_stream *s, str model);
void token_stream_done(struct token_stream *s);
void token_stream_add(struct token_stream *s, str text);
/* The text, or one of several, is over: all of it is counted. */
void token_stream_end(struct token_stream *s);

#endif
