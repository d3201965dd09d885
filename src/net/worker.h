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

struct worker {
    uv_loop_t loop;
    unsigned id;
    struct deadlines deadlines;
    char *read_buf; /* WORKER_READ_BYTES lent to whichever connection reads */
    struct client *client;
    void *app; /* the server's own per-worker state */
    /* private: see worker.c */
    uv_async_t wake;
    uv_mutex_t post_lock;
    struct worker_job *posted;
    bool stopping;
};

void worker_init(struct worker *w, unsigned id);
/* Runs until worker_stop and until the last handle is closed. */
void worker_run(struct worker *w);
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
