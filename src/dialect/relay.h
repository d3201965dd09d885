/* relay.h - frames and answers that pass between two sides of the same dialect: what every vendor's
 * relay does with them.
 */
#ifndef DIALECT_RELAY_H
#define DIALECT_RELAY_H

#include "dialect/dialect.h"
#include "json/splice.h"

/* Appends the frame as it came, or put together again if it is no longer in one piece. */
void relay_frame(struct buf *out, const struct sse_event *ev);
/* Appends text, whose member `model` (found by json_scan in it) becomes the name that the client
 * knows; as it is if rl says none or the member is no string. */
void relay_with_model(const struct dialect_relay *rl, struct buf *out, str text,
                      const struct json_member *model);
/* An event's name: what the frame says, else the string `type` in its data, else empty. Borrowed
 * from ev. */
str relay_event_type(const struct sse_event *ev);

#endif
