/* exchange.h - one request and its answer, from head to settlement.
 *
 * The states (see exchange.c for who may follow whom):
 *
 *   head -> body -> admit -> route -> wait -> relay -> (tunnel ->) settle -> done
 *                              ^-------|-------'   retry, until the client has a byte
 *
 * An exchange is owned by its worker. It outlives its client connection only until it has settled.
 * Two arenas: `arena` lives as long as the exchange and stays small; `scratch` holds the parsed
 * request and is dropped once the answer has begun, so that a long stream costs little.
 */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "chat/chat.h"
#include "dialect/dialect.h"
#include "http/http1.h"
#include "server/endpoint.h"
#include "server/http_conn.h"
#include "server/server.h"

enum xstate {
    X_HEAD,
    X_BODY,
    X_ADMIT,
    X_ROUTE,
    X_WAIT,
    X_RELAY,
    X_TUNNEL,
    X_SETTLE,
    X_DONE,
    X_COUNT,
};

struct call; /* a call to a model: server/call.h */
struct inflate;
struct response_keep; /* server/responses.c */
struct ws_offer;      /* server/realtime.h */

enum { CALL_ID_BYTES = 36 };

/* Of the request's head, what only matters until the answer begins. */
struct asked {
    str query;
    str path_rest, path_model; /* see endpoint.h */
    str fields_on;             /* fields passed on upstream: "name: value\r\n"... */
    str content_type;          /* of a form; else empty */
    str timeout, num_retries;  /* x-litellm-timeout, x-litellm-num-retries; empty: not given */
    struct buf body;
    struct inflate *inflate;    /* Content-Encoding of the request */
    struct ws_offer *offer;     /* of a websocket, where there may be one; else NULL */
    bool upgrade;               /* to a websocket */
    struct chat_error *refusal; /* to be answered when the body is over */
};

struct exchange {
    struct http_conn *hc;  /* NULL: the client has left */
    struct exchange *next; /* in the worker's stock */
    struct server_worker *sw;
    struct snapshot *snap;
    const struct endpoint *endpoint; /* NULL: none, see refusal */
    const struct dialect *in;        /* how the caller speaks; never NULL */
    struct arena arena, scratch;
    struct call *call;          /* NULL: answered here */
    struct response_keep *keep; /* what a Responses request leaves behind; NULL: nothing */
    struct deadline deadline;

    str method, path;
    struct asked *asked; /* in scratch: NULL once the answer has begun */
    str client_name;     /* for attribution in the log; may be empty */

    uint64_t start_ns, first_ns; /* first_ns: first content to the client; 0: none yet */
    int64_t wall_ms;
    uint64_t owner; /* keyed hash of the key that the caller showed; 0: none is needed */
    uint64_t bytes_in, bytes_out;
    str error;       /* what the log says about a failure */
    unsigned status; /* sent or about to be */
    enum xstate state;
    char id[CALL_ID_BYTES + 1];
    bool http10;              /* no chunked coding towards this client */
    enum dialect_id asked_as; /* told by vendor fields of the head: which model list is wanted */
    bool head_request;        /* HEAD: a head only */
    bool keep_alive;
    bool cors;    /* the request has an Origin */
    bool started; /* the answer's head has gone out */
    bool chunked;
    bool is_public; /* the caller showed no key and needs none */
};

/* ---- from the connection ---- */

struct exchange *exchange_new(struct http_conn *hc, const struct http_head *head);
/* Right after: may answer at once. */
void exchange_head(struct exchange *x, const struct http_head *head);
void exchange_body(struct exchange *x, str piece);
void exchange_request_end(struct exchange *x);
/* The body broke the protocol, or took too long. */
void exchange_refuse(struct exchange *x, unsigned status, const char *why);
void exchange_client_gone(struct exchange *x);
void exchange_client_drained(struct exchange *x);
/* After http_conn_tunnel: bytes of the client, the end of them, and that the gateway has to end. */
void exchange_tunnel_bytes(struct exchange *x, str bytes);
void exchange_tunnel_eof(struct exchange *x);
void exchange_tunnel_cut(struct exchange *x);

/* Frees the worker's stock of finished exchanges. */
void exchange_free_spares(struct server_worker *sw);

/* ---- for those who serve ---- */

void exchange_move(struct exchange *x, enum xstate to);
const char *xstate_name(enum xstate s);
/* Writes to the client (nothing, if it has left). */
void exchange_write(struct exchange *x, const str *pieces, size_t n);
/* The answer is complete: settle, log, free. complete false: the connection is broken off. x is
 * gone after this. */
void exchange_finish(struct exchange *x, bool complete);
/* Gives back the memory of the request's body. */
void exchange_drop_request(struct exchange *x);
uint64_t exchange_now_ms(const struct exchange *x);

#endif
