/* tunnel.h - an open websocket: a client's connection and an upstream's, and frames both ways.
 *
 * Bytes pass as they come, whole reads at a time; a reader of frames (http/websocket.h) walks
 * beside them, so that what has been passed on always ends inside a payload or behind a whole
 * frame, and the tokens that text messages of the upstream tell of are added up.
 *
 * Back-pressure: above QUEUE_HIGH_BYTES unsent to one side the other is not read.
 * The end:       the upstream's end closes the client behind what is queued, with a Close 1011
 * where the upstream said none; the client's end is passed on behind what is queued, or at once
 * where the client just left. A frame that breaks the protocol closes both with 1002, the gateway's
 * own end (after the drain) and stream_idle_timeout with 1001. Time:          no limit but
 * stream_idle_timeout, if it is set.
 */
#ifndef SERVER_TUNNEL_H
#define SERVER_TUNNEL_H

#include "server/call.h"

/* The upstream answered 101: answers the client, or fails the attempt. c may be gone after it. */
void tunnel_open(struct call *c, const struct http_head *head);
/* From the client's connection; c may be gone after each. */
void tunnel_client_bytes(struct call *c, str bytes);
void tunnel_client_eof(struct call *c);
void tunnel_client_drained(struct call *c);
/* Says goodbye to both sides: their connections are about to be closed. */
void tunnel_cut(struct call *c);
/* Fine where there is none. */
void tunnel_free(struct call *c);

#endif
