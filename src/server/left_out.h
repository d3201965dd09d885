/* left_out.h - usage that an upstream leaves out, counted here.
 *
 * Whole answers: counted as they are. Streams: a deployment that ended one without usage is
 * remembered, and the next ones are counted as they pass. Until then, and where a stream is cut
 * off, it is a rough guess (four bytes a token, a frame a token), so that the others cost nothing.
 * What an upstream did tell stands.
 */
#ifndef SERVER_LEFT_OUT_H
#define SERVER_LEFT_OUT_H

#include "server/call.h"

/* A stream begins; its request is still there. */
void left_out_begin(struct call *c);
/* Of it: a translated event, or a relayed frame. */
void left_out_event(struct call *c, const struct chat_event *ev);
void left_out_frame(struct call *c, str data);
/* Fills what is not known of *u. */
void left_out_fill(struct call *c, struct chat_usage *u);
/* The stream is complete: whether its deployment tells usage is remembered. */
void left_out_learn(struct call *c);
/* It is over, in whatever way: c->usage is as full as it will be. */
void left_out_settle(struct call *c);
void left_out_free(struct call *c);

/* A whole answer's usage, if it has none; then x-sluice-token-count says what it is worth. */
void left_out_reply(struct call *c, const struct chat_choice *choices, struct chat_usage *u);
/* The same of one that passes as it is: *body is its buffer, OpenAI's dialect gets the member. */
void left_out_body(struct call *c, struct buf *body, str original, struct chat_usage *u);

#endif
