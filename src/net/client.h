/* client.h - the HTTP/1.1 client: one pool of keep-alive connections per worker and origin.
 *
 * A call is one request and its response. It is embedded in its owner and belongs to a worker.
 * Order of callbacks: on_head, then on_body any number of times, then on_end; or on_fail at any
 * point, once, as the last one. None comes from inside client_start, and none after client_cancel.
 *
 * Rules kept here (so that nobody above has to think of them):
 * - a connection that answers unasked, answers malformed, or sends bytes past its response is
 * closed and never used again; idle connections are watched, so that an upstream's close or stray
 * bytes end them at once;
 * - interim 1xx responses are swallowed; redirects are responses like any other;
 * - a reused connection that dies before the first byte of a response is not the caller's fault:
 * the request is sent once more on a new connection, if its bytes are still there (request.pieces);
 * - names are looked up off the loop and cached; the last good answer is kept when a lookup fails;
 *   all addresses are tried in turn within connect_ms, a silent one for its share of it only;
 * - an answer that comes before the whole request is written (413, 401) is delivered; the rest of
 * the request is then not sent and the connection not used again;
 * - a 101 nobody asked for is malformed. One that was asked for (request.upgrade) is an on_head
 * like any other, and the call is then a tunnel: on_body brings raw bytes, client_send takes them,
 * on_end is the upstream's end of sending and on_fail any other end.
 */
#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include "base/err.h"
#include "http/http1.h"
#include "net/worker.h"

/* Where to: one pool each. Borrowed strs must outlive the call. */
struct origin {
    str host; /* name or address literal, without brackets */
    uint16_t port;
    bool tls;
    bool tls_unverified; /* ssl_verify: false */
    /* Only addresses of the public Internet (net/public_addr.h), checked one by one as they are
     * connected to: for URLs that a client gave. */
    bool public_only;
    uint64_t hash; /* origin_hash(), filled once by whoever builds the origin */
    /* ssl_verify: PATH, by tls_client_new; NULL: the system's store. Outlives the client. */
    struct tls_context *tls_context;
};

uint64_t origin_hash(str host, uint16_t port, bool tls);

enum client_fail {
    CLIENT_FAIL_DNS,       /* the name does not resolve */
    CLIENT_FAIL_FORBIDDEN, /* public_only, and none of its addresses is public */
    CLIENT_FAIL_CONNECT,   /* refused, unreachable */
    CLIENT_FAIL_TLS,       /* handshake or certificate */
    CLIENT_FAIL_TIMEOUT,   /* connect_ms ran out */
    CLIENT_FAIL_RESET,     /* closed or reset before the response head */
    CLIENT_FAIL_TRUNCATED, /* closed or reset inside the body */
    CLIENT_FAIL_MALFORMED, /* not HTTP */
};

struct client_call;
struct client_connecting;

struct client_ops {
    /* head and its strs live until the callback returns. */
    void (*on_head)(struct client_call *c, const struct http_head *head);
    /* One or more body pieces of one read; borrowed until it returns. */
    void (*on_body)(struct client_call *c, str bytes);
    void (*on_end)(struct client_call *c);
    void (*on_fail)(struct client_call *c, enum client_fail why, const struct err *err);
    /* Streaming request bodies and tunnels: what client_send queued has been written. May be NULL.
     */
    void (*on_drain)(struct client_call *c);
    /* One read has been handed over entirely (several on_body may have come from it): the moment to
     * write on what was gathered, as one write. May be NULL. */
    void (*on_read_done)(struct client_call *c);
};

enum { CLIENT_PIECES_MAX = 8 };

struct client_request {
    const struct origin *origin;
    /* Head and body as they go on the wire. They, and this struct, stay unchanged until on_head,
     * on_fail or cancel, and are not looked at after that. */
    str pieces[CLIENT_PIECES_MAX];
    uint8_t npieces;
    bool head_method;    /* HEAD: the response has no body */
    bool streaming;      /* more body follows through client_send: never sent twice by us */
    bool upgrade;        /* it asks for another protocol: a 101 makes the call a tunnel */
    uint32_t connect_ms; /* name, connection and TLS together; 0: 10 s */
};

struct client_call {
    const struct client_ops *ops;
    struct client *client;
    struct upstream_conn *conn; /* NULL: not sent, or over */
    const struct client_request *request;
    /* private */
    struct client_connecting *connecting;
    uint8_t state;
    bool reused, paused, send_done;
};

struct client_limits {
    uint32_t idle_ms;  /* how long a pooled connection may idle; 0: 60000 */
    uint32_t idle_max; /* pooled idle connections per origin; 0: 256 */
};

/* limits NULL: the defaults. */
struct client *client_new(struct worker *w, const struct client_limits *limits);
/* Closes idle connections; calls in flight must be over or cancelled. */
void client_free(struct client *cl);

struct worker *client_worker(const struct client *cl);

void client_start(struct client *cl, struct client_call *call, const struct client_request *request,
                  const struct client_ops *ops);
/* Streaming requests (the caller does its own chunk framing) and tunnels: bytes are written or
 * copied; above a mark of client_queued of its own the caller stops its source until on_drain. */
void client_send(struct client_call *call, const str *pieces, size_t n);
size_t client_queued(const struct client_call *call);
/* The body is complete: the connection may be used again after the response. */
void client_send_done(struct client_call *call);
/* Back-pressure: no more reading until client_resume; what the read in progress brought (64 KiB at
 * most) still comes, maybe on_end with it. */
void client_pause(struct client_call *call);
void client_resume(struct client_call *call);
/* Forgets the call and closes its connection (at once: the upstream sees it). Fine when over. */
void client_cancel(struct client_call *call);
/* Tunnels: we send no more, once what is queued has gone. The upstream may go on. */
void client_shutdown(struct client_call *call);
/* Of what client_send was given, what the socket has not taken yet: falls while a slow upstream
 * reads. */
size_t client_unsent(const struct client_call *call);

#endif
