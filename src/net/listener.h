/* listener.h - a listening TCP socket of one worker (SO_REUSEPORT: every worker has its own).
 *
 * At worker->accept_max connections accepting pauses, callers wait in the kernel's backlog, and it
 * goes on as connections close; nothing spins. Set accept_max so that a connection finds a
 * descriptor for its upstream: net_accept_max.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/worker.h"

struct listener {
    uv_tcp_t tcp;
    struct worker *worker;
    /* One connection is waiting: take it with conn_accept(…, (uv_stream_t *)&l->tcp, …). */
    void (*on_connection)(struct listener *l);
    void (*on_closed)(struct listener *l);
    void *owner;
    /* private */
    struct listener *next_waiting;
    bool is_waiting;
};

/* Binds and listens; worker 0 first, as it alone checks that no other program listens there. host:
 * address literal or name ("0.0.0.0", "::", "localhost"). port 0: picked, see listener_port. E_IO
 * with a text that names host, port and remedy ("port 4000 is taken: ...").
 */
rc listener_open(struct listener *l, struct worker *w, str host, uint16_t port,
                 void (*on_connection)(struct listener *l), struct err *e);
uint16_t listener_port(const struct listener *l);
void listener_close(struct listener *l, void (*on_closed)(struct listener *l));

/* Raises the soft limit of open files to the hard one (and that to 65536 where we may); returns
 * what it is then. */
size_t net_raise_nofile(void);
/* How many connections each of n workers may accept under that limit: half of the descriptors, as
 * each may need an upstream connection. */
uint32_t net_accept_max(size_t nofile, unsigned workers);

/* For conn.c: a connection of w has closed. */
void listener_room(struct worker *w);

#endif
