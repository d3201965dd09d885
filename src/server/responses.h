/* responses.h - what a server of the Responses API remembers, for models whose upstream does not.
 *
 * Behind a deployment that speaks the Responses API itself, its responses stay there: ids pass as
 * they are, and we remember which deployment has which, so that what follows goes there. For all
 * others a finished response and its input are kept here (response_store.h) unless `store` is
 * false; previous_response_id is resolved by putting them before the new input.
 */
#ifndef SERVER_RESPONSES_H
#define SERVER_RESPONSES_H

#include "server/call.h"

/* Endpoints. */
void responses_create(struct exchange *x);       /* POST /v1/responses */
void responses_input_tokens(struct exchange *x); /* POST /v1/responses/input_tokens */
void responses_compact(struct exchange *x);      /* POST /v1/responses/compact */
void responses_by_id(struct exchange *x);        /* GET, DELETE, POST /v1/responses/ID[/...] */
void responses_upgrade(struct exchange *x); /* GET /v1/responses: a websocket, which we have not */

/* Appends the array of items with those that are kept here in place of the references to them.
 * False: there are none; *ret_missing is then the first reference that was not found, if any. */
bool responses_expand(struct exchange *x, str array, struct buf *out, str *ret_missing);

/* ---- for the call; nothing happens where x->keep is NULL ---- */

/* The only deployment that can go on with what the request refers to; NULL: any. */
const struct deployment *responses_pin(const struct exchange *x);
/* The present attempt's upstream has what the request refers to and asks for. */
rc responses_check(const struct call *c, struct err *e);
/* The writer of answers shows previous_response_id, upstreams must not see it: the request has it
 * only between the two. */
void responses_echo(const struct call *c, bool shown);
/* The answer, as it goes to the client: whole, or the frames with which a stream ends. */
void responses_keep_body(struct exchange *x, str body);
void responses_keep_frames(struct exchange *x, str frames);
/* The same of an upstream that keeps it itself: whole, or any event. */
void responses_keep_relayed(const struct call *c, str response);
void responses_keep_event(const struct call *c, str event);
void responses_done(struct exchange *x);

#endif
