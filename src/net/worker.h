/* worker.h - one event loop on one thread, and what its connections share.
 *
 * Everything below net/ that handles a connection belongs to exactly one worker and is touched only
 * on its thread; the only call allowed from another thread is worker_post.
 */
#ifndef NET_WORKER_H
#define NET_WORKER_H

#include <uv.h>

#include "base/err.h"
#include "net/deadline.h"

enum { WORKER_READ_BYTES = 64 * 1024 };

struct client;
struct listener;
struct tls_scratch;

struct worker {
    uv_loop_t loop;
    unsigned id;
    struct deadlines deadlines;
    char *read_buf; /* WORKER_READ_BYTES lent to whichever connection reads */
    struct client *client;
    void *app; /* the server's own per-worker state */

    /* Connections taken by conn_accept and still open, and how many at most: above it listeners
     * wait, with the callers in the kernel's backlog. 0: no limit. */
    uint32_t accepted, accept_max;
    struct listener *waiting; /* private to listener.c: those that wait */

    /* Turns of the loop so far, and reads handled in this one: what a connection reads in the very
     * turn in which we wrote on it had arrived before (see client.c). */
    uint64_t turn;
    uint32_t turn_reads;
    bool stopping; /* worker_stop was called: for the worker's own thread to read */

    /* private: see worker.c */
    struct tls_scratch *tls_scratch; /* made by the first TLS connection */
    uv_async_t wake;
    uv_prepare_t prepare;
    uv_mutex_t post_lock;
    struct worker_job *posted;
};

/* Also makes the process ignore SIGPIPE. */
void worker_init(struct worker *w, unsigned id);
/* Runs until worker_stop and until the last handle is closed (deadlines do not count). */
void worker_run(struct worker *w);
/* After worker_run. Nobody may post any more; jobs that came too late are dropped. */
void worker_done(struct worker *w);

/* Loop time, milliseconds, monotonic; read once per loop turn. */
static inline uint64_t worker_now_ms(const struct worker *w)
{
    return uv_now(&w->loop);
}

/* From any thread: fn(arg) runs on the worker's thread. */
void worker_post(struct worker *w, void (*fn)(struct worker *w, void *arg), void *arg);
/* From any thread: asks the loop to end once its handles are closed. */
void worker_stop(struct worker *w);

#endif
