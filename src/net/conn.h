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
    struct tls *tls; /* NULL: plain */
    struct conn_queue *queue; /* bytes the socket did not take yet; NULL: none */
    uint32_t flags;           /* private: see conn.c */
};

/* Takes a connection from a listening socket. tls NULL: plain. */
rc conn_accept(struct conn *c, struct worker *w, uv_stream_t *listener, struct tls_context *tls,
               const struct conn_ops *ops, struct err *e);
/* Starts connecting to one address. With tls, host is sent as SNI and verified. The result comes as
 * on_open or on_error. */
rc conn_connect(struct conn *c, struct worker *w, const struct sockaddr *addr,
                struct tls_context *tls, str host, const struct conn_ops *ops, struct err *e);

/* Both are cheap to call repeatedly; reading starts stopped. */
void conn_read_start(struct conn *c);
void conn_read_stop(struct conn *c);

/* Writes the pieces in order, as one system call where possible (plain: writev). What the socket
 * does not take is copied. Failing sockets report through on_error later, never from inside. */
void conn_write(struct conn *c, const str *pieces, size_t n);
/* Bytes queued and not yet written: the owner stops its source above its own mark. */
size_t conn_queued(const struct conn *c);
/* After what is queued: sends FIN (and TLS close_notify); reading may go on. */
void conn_shutdown(struct conn *c);
void conn_close(struct conn *c);
bool conn_is_closing(const struct conn *c);
/* "203.0.113.7:51234" into out (NUL-terminated); empty if unknown. */
str conn_peer(const struct conn *c, char out[64]);

#endif
