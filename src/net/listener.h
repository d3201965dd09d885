/* listener.h - a listening TCP socket of one worker (SO_REUSEPORT: every worker has its own).
 *
 * At the descriptor limit accepting pauses and goes on as connections close; nothing spins.
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
};

/* Binds and listens. host: address literal or name ("0.0.0.0", "::", "localhost"). port 0: picked,
 * see listener_port. E_IO with a text that names host, port and remedy ("port 4000 is taken: ..."). */
rc listener_open(struct listener *l, struct worker *w, str host, uint16_t port,
                 void (*on_connection)(struct listener *l), struct err *e);
uint16_t listener_port(const struct listener *l);
void listener_close(struct listener *l, void (*on_closed)(struct listener *l));

#endif
