/* pool.h - upstream connections: the pools of idle ones, and the state of one. Private to
 * client*.c.
 *
 * A connection is connecting, busy with one call, idle in its pool, or closing. It is in a pool's
 * list only while idle; the newest is used first, so that the oldest run out.
 */
#ifndef NET_POOL_H
#define NET_POOL_H

#include "net/client.h"
#include "net/conn.h"
#include "net/dns.h"
#include "net/tls.h"

struct pool {
    struct pool *next; /* in its bucket */
    struct client *client;
    struct origin origin; /* host: our copy */
    struct upstream_conn *newest, *oldest;
    uint32_t nidle;
    int family;           /* that connected last; 0: none yet */
    struct deadline idle; /* for the oldest */
    struct tls_resume resume;
};

enum {
    U_REUSED = 1,     /* had an exchange before this one */
    U_WRITTEN = 2,    /* the whole request has been given to conn */
    U_EARLY = 4,      /* answered before that: no more of the request is sent */
    U_KEEP = 8,       /* the response says that the connection may be kept */
    U_STREAMING = 16, /* request->streaming, which is not looked at after the head */
};

struct upstream_conn {
    struct conn conn;
    struct http1 parser;
    struct pool *pool;
    struct client_call *call;            /* NULL: idle or closing */
    struct upstream_conn *newer, *older; /* while idle */
    union {
        uint64_t idle_since_ms;
        uint64_t sent_turn; /* worker->turn when the request was begun */
    };
    size_t sent; /* bytes of request->pieces given to conn */
    uint8_t flags;
};

enum { POOL_BUCKETS = 256 };

struct client {
    struct worker *worker;
    struct client_limits limits;
    struct dns *dns;
    struct pool *buckets[POOL_BUCKETS];
    struct http_head head; /* of whichever response is being parsed */
};

enum call_state { CALL_OVER, CALL_CONNECTING, CALL_SENT, CALL_ANSWERED, CALL_TUNNEL };

struct pool *pool_of(struct client *cl, const struct origin *o);
void pool_free(struct pool *p);
/* The newest idle connection, taken out; NULL if there is none. */
struct upstream_conn *pool_take(struct pool *p);
/* Puts a connection that is ready for a next request in, or closes it if there are enough. */
void pool_put(struct upstream_conn *u);
/* Takes an idle connection out, as its peer has closed or spoken. */
void pool_remove(struct upstream_conn *u);

struct upstream_conn *upstream_new(struct pool *p);
/* Ends it tidily; not for one in mid-message. */
void upstream_retire(struct upstream_conn *u);
extern const struct conn_ops upstream_ops;

/* client_connect.c: gets call a new connection and sends its request there. */
void connect_begin(struct client_call *call, struct pool *p);
void connect_cancel(struct client_call *call);
void connect_opened(struct upstream_conn *u);
void connect_failed(struct upstream_conn *u, const struct err *err);
void connect_keep(struct client_call *call, const str *pieces, size_t n);
size_t connect_kept(const struct client_call *call);

/* client.c: u is open and u->call its call. early: client_send's bytes so far. */
void upstream_send(struct upstream_conn *u, str early);

#endif
