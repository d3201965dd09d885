/* realtime.h - websockets: /v1/realtime, and pass-through paths whose vendor speaks one.
 *
 * The gateway is a server to its caller and a client to the vendor: both handshakes (RFC 6455 4)
 * are its own, so that the caller's key stays here and no extension is agreed. Before the vendor's
 * 101 an attempt is like that of any call (plan, retries, fallbacks, cooldowns, errors); behind it
 * begins the tunnel (server/tunnel.h).
 *
 *   realtime.c        the caller's handshake, which model, the vendor's handshake
 *   realtime_post.c   POST /v1/realtime/...: client secrets, WebRTC calls
 *   tunnel.c          frames both ways
 */
#ifndef SERVER_REALTIME_H
#define SERVER_REALTIME_H

#include "http/websocket.h"
#include "server/call.h"

/* A caller's handshake. In scratch: gone with the answer. */
struct ws_offer {
    str key;       /* the gateway's key, shown as browsers must: in a subprotocol; may be empty */
    str protocols; /* what is offered beside: "a, b"; may be empty */
    const char *fault;            /* what is wrong with it; NULL: nothing */
    unsigned status;              /* of the answer that says so */
    bool transcribes;             /* ?intent=transcription */
    char accept[WS_ACCEPT_BYTES]; /* the answer to the caller's key */
    char asked[WS_KEY_BYTES];     /* the key that the present attempt sent */
};

/* NULL: the request asks for no websocket. */
struct ws_offer *realtime_offer(struct exchange *x, const struct http_head *head);
/* The handshake is good; else it has been answered, and x is gone. */
bool realtime_accepts(struct exchange *x);

/* Endpoints. */
void realtime_serve(struct exchange *x);
void realtime_post(struct exchange *x);

/* Nobody who could be asked for c's model has a realtime endpoint: answers so. */
void realtime_none(struct call *c);

/* For the upstream's request: the whole head of a session, or what any head needs for a websocket
 * (without the blank line). */
void realtime_add_head(struct call *c, struct buf *out);
void realtime_add_fields(struct call *c, struct buf *out);
/* The upstream's 101 answers what was asked. *ret_protocol: the subprotocol that the caller gets;
 * may be empty. E_UPSTREAM. */
rc realtime_check_switch(const struct call *c, const struct http_head *head, str *ret_protocol,
                         struct err *e);

#endif
