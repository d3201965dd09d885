#include "net/worker.h"

#include <pthread.h>
#include <signal.h>

#include "base/mem.h"
#include "net/tls.h"

struct worker_job {
    struct worker_job *next;
    void (*fn)(struct worker *w, void *arg);
    void *arg;
};

static pthread_once_t pipe_once = PTHREAD_ONCE_INIT;

/* A peer that is gone is an error of the write, not a signal. */
static void ignore_sigpipe(void)
{
    signal(SIGPIPE, SIG_IGN);
}

/* Everything posted so far, oldest first. */
static struct worker_job *take_jobs(struct worker *w)
{
    uv_mutex_lock(&w->post_lock);
    struct worker_job *newest = w->posted, *first = NULL;
    w->posted = NULL;
    uv_mutex_unlock(&w->post_lock);
    while (newest) {
        struct worker_job *older = newest->next;
        newest->next = first;
        first = newest;
        newest = older;
    }
    return first;
}

static void run_jobs(struct worker *w)
{
    for (struct worker_job *job = take_jobs(w); job;) {
        struct worker_job *next = job->next;
        job->fn(w, job->arg);
        mem_free(job);
        job = next;
    }
}

static void on_wake(uv_async_t *wake)
{
    struct worker *w = CONTAINER_OF(wake, struct worker, wake);
    run_jobs(w);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct worker *w = CONTAINER_OF(prepare, struct worker, prepare);
    w->turn++;
    w->turn_reads = 0;
}

void worker_init(struct worker *w, unsigned id)
{
    pthread_once(&pipe_once, ignore_sigpipe);
    *w = (struct worker){ .id = id };
    BUG_UNLESS(uv_loop_init(&w->loop) == 0);
    deadlines_init(&w->deadlines, &w->loop);
    BUG_UNLESS(uv_async_init(&w->loop, &w->wake, on_wake) == 0);
    BUG_UNLESS(uv_mutex_init(&w->post_lock) == 0);
    uv_prepare_init(&w->loop, &w->prepare);
    uv_prepare_start(&w->prepare, on_prepare);
    uv_unref((uv_handle_t *)&w->prepare);
    w->read_buf = mem_alloc(WORKER_READ_BYTES);
}

void worker_run(struct worker *w)
{
    uv_run(&w->loop, UV_RUN_DEFAULT);
    /* Jobs that came with the stop may have opened something: go on until it is closed too. */
    run_jobs(w);
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

void worker_done(struct worker *w)
{
    deadlines_close(&w->deadlines);
    uv_close((uv_handle_t *)&w->wake, NULL);
    uv_close((uv_handle_t *)&w->prepare, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    BUG_UNLESS(uv_loop_close(&w->loop) == 0);
    for (struct worker_job *job = take_jobs(w); job;) {
        struct worker_job *next = job->next;
        mem_free(job);
        job = next;
    }
    uv_mutex_destroy(&w->post_lock);
    tls_scratch_free(w->tls_scratch);
    mem_free(w->read_buf);
}

void worker_post(struct worker *w, void (*fn)(struct worker *w, void *arg), void *arg)
{
    struct worker_job *job = mem_alloc(sizeof(*job));
    *job = (struct worker_job){ .fn = fn, .arg = arg };
    uv_mutex_lock(&w->post_lock);
    job->next = w->posted;
    w->posted = job;
    uv_mutex_unlock(&w->post_lock);
    uv_async_send(&w->wake);
}

static void stop(struct worker *w, void *arg)
{
    w->stopping = true;
    uv_unref((uv_handle_t *)&w->wake);
}

void worker_stop(struct worker *w)
{
    worker_post(w, stop, NULL);
}
