/* server.h - the gateway process: one config snapshot, some workers, their listeners.
 *
 * Threads: each worker owns its connections and exchanges; what is shared is the snapshot
 * (immutable, reference-counted), the health of deployments and the statistics (both atomics).
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/pages.h"
#include "config/config.h"
#include "http/http1.h"
#include "net/client.h"
#include "net/listener.h"
#include "net/worker.h"
#include "route/route.h"
#include "server/access_log.h"
#include "server/endpoint.h"
#include "server/stats.h"

struct http_conn;
struct response_store;
struct tls_context;

/* A loaded configuration and everything built from it. */
struct snapshot {
    atomic_uint refs;
    struct config *config;
    struct route_table *routes;
};

/* Takes over the reference to config and the table. */
struct snapshot *snapshot_new(struct config *config, struct route_table *routes);
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s);

struct server;

enum { EXCHANGE_SPARES = 64, BODY_SPARES = 8, BODY_SPARE_BYTES_MAX = 1024 * 1024 };

struct server_worker {
    struct worker w;
    struct server *server;
    struct snapshot *snap;
    struct listener listener;
    struct listener *listening;    /* NULL: not or no longer */
    struct http_head head;         /* the head being looked at: valid within one callback */
    struct buf out;                /* heads: what one callback gathers for one write */
    struct buf frames;             /* bodies and frames of the same write */
    struct buf inflated;           /* an upstream's bytes, their coding undone */
    struct pages pages;            /* for scratch arenas */
    struct deadline tidy;          /* of pages */
    struct buf spare[BODY_SPARES]; /* memory of finished bodies, for the next ones */
    unsigned nspare;
    struct exchange *spare_exchanges; /* finished ones, with their arenas' first blocks */
    unsigned nspare_exchanges;
    struct access_log log;
    struct http_conn *conns;   /* all open client connections */
    size_t nconns, peak_conns; /* peak: since memory was last given back to the system */
    struct deadline trim;
    size_t in_flight; /* exchanges of this worker */
    uint64_t rng[4];
    char date[30]; /* RFC 9110 IMF-fixdate, of date_sec */
    int64_t date_sec;
    bool draining;
    uv_thread_t thread;
};

struct server_options {
    str host;
    uint16_t port;
    unsigned nworkers;
    enum access_format access_format;
    int access_fd;
    struct tls_context *tls; /* NULL: plain HTTP */
    const struct endpoint *endpoints;
    size_t nendpoints;
    uint32_t drain_ms;  /* how long SIGTERM waits for exchanges in flight */
    uint32_t conns_max; /* per worker; further ones get 503 */
    uint32_t body_bytes_max;
    uint32_t keepalive_ms; /* between keep-alive frames of a silent stream */
    uint32_t patience_ms;  /* how long the first one waits */
};

struct server {
    struct server_options opt;
    struct server_worker *workers;
    unsigned nworkers;
    struct stats stats;
    struct response_store *responses; /* shared, with a lock of its own */
    struct snapshot *_Atomic snap; /* the newest; workers take it up through their own reference */
    uv_mutex_t snap_lock;
    atomic_bool ready; /* readiness: false once draining */
    int64_t started_ms;
    uint16_t port; /* bound */
};

/* Binds every worker's listener, starts the threads and returns; E_IO: nothing was started. Takes
 * over the snapshot's reference. */
rc server_start(struct server *s, const struct server_options *opt, struct snapshot *snap,
                struct err *e);
/* New connections and requests see the new snapshot; those in flight keep theirs. */
void server_reload(struct server *s, struct snapshot *snap);
/* Stops accepting, lets exchanges finish for at most drain_ms, then closes; returns when every
 * worker has ended. */
void server_stop(struct server *s);

/* A random number from the worker's own generator (xoshiro256**, seeded by the kernel). */
uint64_t server_random(struct server_worker *sw);
/* "Tue, 24 Nov 2026 10:00:00 GMT", computed once a second. */
str server_date(struct server_worker *sw);
/* An empty buffer with room, from the worker's stock; and back. */
struct buf server_take_buf(struct server_worker *sw, size_t bytes_max);
void server_give_buf(struct server_worker *sw, struct buf *b);
/* Ends an exchange's scratch; its pages go back to the system if they stay unused for a while. */
void server_end_scratch(struct server_worker *sw, struct arena *scratch);

#endif
