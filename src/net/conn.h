/* conn.h - a TCP connection with or without TLS; the transport is invisible above.
 *
 * A conn is embedded in its owner (a client's connection, an upstream connection), which finds
 * itself with CONTAINER_OF. Reading lends the worker's buffer: an idle connection owns none.
 * Writing goes out at once as far as the socket takes it; only the rest is copied and queued.
 *
 * Life: conn_accept or conn_connect -> on_open -> reads and writes -> conn_close -> on_closed, and
 * only in on_closed may the memory go. on_error comes at most once and is not a close: the owner
 * closes. No callback comes after conn_close but on_closed. conn_close may be called from any
 * callback.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/worker.h"

struct conn;
struct tls; /* one TLS session: net/tls.h */
struct tls_context;
struct tls_resume;

struct conn_ops {
    void (*on_open)(struct conn *c);            /* connected, and TLS shaken */
    void (*on_read)(struct conn *c, str bytes); /* borrowed until it returns */
    void (*on_eof)(struct conn *c);             /* the peer sends no more */
    void (*on_drain)(struct conn *c);           /* what was queued is written */
    /* Connecting failed, reset, TLS failure...; err->code E_IO, E_TIMEOUT or E_SYNTAX (TLS). */
    void (*on_error)(struct conn *c, const struct err *err);
    void (*on_closed)(struct conn *c);
};

struct conn {
    uv_tcp_t tcp;
    struct worker *worker;
    const struct conn_ops *ops;
    struct tls *tls;          /* NULL: plain */
    struct conn_queue *queue; /* bytes the socket did not take yet; NULL: none */
    uint32_t flags;           /* private: see conn.c */
};

/* Takes a connection from a listening socket. tls NULL: plain, and on_open then comes from inside,
 * as the last thing done; with TLS it comes after the handshake, which the owner's deadline bounds.
 * Socket options are inherited from the listener. Counts in worker->accepted until closed. */
void conn_accept(struct conn *c, struct worker *w, uv_stream_t *listener, struct tls_context *tls,
                 const struct conn_ops *ops);

/* TLS towards a server. */
struct conn_tls {
    struct tls_context *context;
    str host;                  /* SNI, and verified; copied */
    struct tls_resume *resume; /* may be NULL; outlives the conn */
};

/* Starts connecting to one address; tls NULL: plain. The result comes as on_open or on_error, or at
 * once as an error where the system refuses to try: the conn is then to be closed like any other.
 */
rc conn_connect(struct conn *c, struct worker *w, const struct sockaddr *addr,
                const struct conn_tls *tls, const struct conn_ops *ops, struct err *e);

/* Both cost no system call unless bytes arrive meanwhile; reading starts stopped. At most what one
 * read brought (WORKER_READ_BYTES, a record more with TLS) comes in one on_read. */
void conn_read_start(struct conn *c);
void conn_read_stop(struct conn *c);

/* Writes the pieces in order, as one system call where possible (plain: writev). What the socket
 * does not take is copied. Failing sockets report through on_error later, never from inside. */
void conn_write(struct conn *c, const str *pieces, size_t n);
/* The same for bytes that stay where they are: takes some of what stands behind the first `skip`
 * bytes of the pieces and returns how much; the rest is to be offered again at on_drain. Bounds
 * what is copied for a slow receiver of a large body. */
size_t conn_write_some(struct conn *c, const str *pieces, size_t n, size_t skip);
/* Bytes queued and not yet written: the owner stops its source above its own mark. */
size_t conn_queued(const struct conn *c);
/* Of those, what the socket has not taken yet: falls while a slow reader reads. */
size_t conn_unsent(const struct conn *c);
/* After what is queued: sends FIN (and TLS close_notify); reading may go on. Nothing may be written
 * after it. */
void conn_shutdown(struct conn *c);
/* At once: what is queued is dropped, and with TLS no close_notify says that all was well. */
void conn_close(struct conn *c);
/* conn_close with a reset, for a peer that must not take the end for a tidy one. */
void conn_abort(struct conn *c);
bool conn_is_closing(const struct conn *c);
/* "203.0.113.7:51234" into out (NUL-terminated); empty if unknown. */
str conn_peer(const struct conn *c, char out[64]);

#endif
