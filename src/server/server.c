#include "server/server.h"

#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "server/exchange.h"
#include "server/response_store.h"

enum { RESPONSES_BYTES = 64 * 1024 * 1024 };

/* ---- snapshots ------------------------------------------------------------------------------- */

struct snapshot *snapshot_new(struct config *config, struct route_table *routes)
{
    struct snapshot *s = mem_zalloc(sizeof(*s));
    atomic_init(&s->refs, 1);
    s->config = config;
    s->routes = routes;
    return s;
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void snapshot_unref(struct snapshot *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    route_table_free(s->routes);
    config_unref(s->config);
    mem_free(s);
}

/* ---- what a worker lends --------------------------------------------------------------------- */

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t server_random(struct server_worker *sw)
{
    uint64_t *s = sw->rng; /* xoshiro256** (Blackman, Vigna 2018) */
    uint64_t result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

str server_date(struct server_worker *sw)
{
    int64_t sec = clock_wall_ms() / 1000;
    if (sec != sw->date_sec) {
        time_t t = (time_t)sec;
        struct tm tm;
        gmtime_r(&t, &tm);
        strftime(sw->date, sizeof(sw->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        sw->date_sec = sec;
    }
    return (str){ sw->date, sizeof(sw->date) - 1 };
}

struct buf server_take_buf(struct server_worker *sw, size_t bytes_max)
{
    struct buf b;
    if (sw->nspare == 0) {
        buf_init(&b, bytes_max);
        return b;
    }
    b = sw->spare[--sw->nspare];
    b.max = bytes_max;
    return b;
}

void server_give_buf(struct server_worker *sw, struct buf *b)
{
    if (b->cap && !b->lent && b->cap <= BODY_SPARE_BYTES_MAX && sw->nspare < BODY_SPARES) {
        buf_clear(b);
        sw->spare[sw->nspare++] = *b;
        *b = (struct buf){ .max = b->max };
    } else {
        buf_done(b);
    }
}

/* ---- pages ----------------------------------------------------------------------------------- */

enum { TIDY_MS = 200 };

static void tidy(struct deadline *d)
{
    struct server_worker *sw = CONTAINER_OF(d, struct server_worker, tidy);
    if (pages_tidy(&sw->pages))
        deadline_set(&sw->w.deadlines, d, TIDY_MS, tidy);
}

void server_end_scratch(struct server_worker *sw, struct arena *scratch)
{
    arena_done(scratch);
    if (pages_untidy(&sw->pages) && !sw->draining && !deadline_is_set(&sw->tidy))
        deadline_set(&sw->w.deadlines, &sw->tidy, TIDY_MS, tidy);
}

/* ---- workers --------------------------------------------------------------------------------- */

static void on_connection(struct listener *l)
{
    http_conn_accept(l->owner);
}

static void worker_main(void *arg)
{
    struct server_worker *sw = arg;
    worker_run(&sw->w);
}

static rc worker_open(struct server *s, struct server_worker *sw, unsigned id, uint16_t port,
                      struct err *e)
{
    static const struct client_limits limits = { .idle_ms = 60000, .idle_max = 1024 };
    sw->server = s;
    sw->snap = snapshot_ref(s->snap);
    worker_init(&sw->w, id);
    sw->w.app = sw;
    sw->w.client = client_new(&sw->w, &limits);
    buf_init(&sw->out, SIZE_MAX / 2);
    buf_init(&sw->frames, SIZE_MAX / 2);
    buf_init(&sw->inflated, 16 * 1024 * 1024); /* of one read: the ratio is capped as well */
    pages_init(&sw->pages);
    access_log_init(&sw->log, &sw->w, s->opt.access_format, s->opt.access_fd);
    BUG_UNLESS(getrandom(sw->rng, sizeof(sw->rng), 0) == (ssize_t)sizeof(sw->rng));
    sw->listener.owner = sw;
    TRY(listener_open(&sw->listener, &sw->w, s->opt.host, port, on_connection, e));
    sw->listening = &sw->listener;
    return RC_OK;
}

static void worker_close(struct server_worker *sw)
{
    worker_done(&sw->w);
    exchange_free_spares(sw);
    pages_done(&sw->pages);
    snapshot_unref(sw->snap);
    while (sw->nspare)
        buf_done(&sw->spare[--sw->nspare]);
    buf_done(&sw->out);
    buf_done(&sw->frames);
    buf_done(&sw->inflated);
}

rc server_start(struct server *s, const struct server_options *opt, struct snapshot *snap,
                struct err *e)
{
    memset(s, 0, sizeof(*s));
    s->opt = *opt;
    s->nworkers = opt->nworkers ? opt->nworkers : 1;
    s->workers = mem_zalloc(s->nworkers * sizeof(*s->workers));
    s->started_ms = clock_wall_ms();
    s->snap = snap;
    uv_mutex_init(&s->snap_lock);
    s->responses = response_store_new(RESPONSES_BYTES);
    s->port = opt->port;
    for (unsigned i = 0; i < s->nworkers; i++) {
        TRY(worker_open(s, &s->workers[i], i, s->port, e));
        if (s->port == 0)
            s->port = listener_port(&s->workers[i].listener);
    }
    atomic_store(&s->ready, true);
    for (unsigned i = 0; i < s->nworkers; i++)
        BUG_UNLESS(uv_thread_create(&s->workers[i].thread, worker_main, &s->workers[i]) == 0);
    return RC_OK;
}

/* ---- reload and stop ------------------------------------------------------------------------- */

static void take_snapshot(struct worker *w, void *arg)
{
    struct server_worker *sw = w->app;
    struct snapshot *old = sw->snap;
    sw->snap = arg;
    snapshot_unref(old);
}

void server_reload(struct server *s, struct snapshot *snap)
{
    uv_mutex_lock(&s->snap_lock);
    struct snapshot *old = s->snap;
    s->snap = snap;
    for (unsigned i = 0; i < s->nworkers; i++)
        worker_post(&s->workers[i].w, take_snapshot, snapshot_ref(snap));
    uv_mutex_unlock(&s->snap_lock);
    snapshot_unref(old);
}

static void finish_worker(struct server_worker *sw)
{
    access_log_done(&sw->log);
    deadline_clear(&sw->w.deadlines, &sw->trim);
    deadline_clear(&sw->w.deadlines, &sw->tidy);
    client_free(sw->w.client);
    sw->w.client = NULL;
    worker_stop(&sw->w);
}

static void begin_drain(struct worker *w, void *arg)
{
    struct server_worker *sw = w->app;
    sw->draining = true;
    if (sw->listening)
        listener_close(sw->listening, NULL);
    sw->listening = NULL;
    for (struct http_conn *hc = sw->conns, *next; hc; hc = next) {
        next = hc->next;
        http_conn_drain(hc);
    }
}

static void end_drain(struct worker *w, void *arg)
{
    struct server_worker *sw = w->app;
    for (struct http_conn *hc = sw->conns, *next; hc; hc = next) {
        next = hc->next;
        http_conn_cut(hc);
    }
    finish_worker(sw);
}

void server_stop(struct server *s)
{
    atomic_store(&s->ready, false);
    for (unsigned i = 0; i < s->nworkers; i++)
        worker_post(&s->workers[i].w, begin_drain, NULL);
    uint64_t until = clock_mono_ns() + (uint64_t)s->opt.drain_ms * 1000000;
    while (clock_mono_ns() < until) {
        /* An answer that is complete may still be on its way to a slow reader. */
        if (atomic_load(&s->stats.in_flight) == 0 && atomic_load(&s->stats.connections) == 0)
            break;
        uv_sleep(5);
    }
    for (unsigned i = 0; i < s->nworkers; i++)
        worker_post(&s->workers[i].w, end_drain, NULL);
    for (unsigned i = 0; i < s->nworkers; i++) {
        uv_thread_join(&s->workers[i].thread);
        worker_close(&s->workers[i]);
    }
    mem_free(s->workers);
    s->workers = NULL;
    snapshot_unref(s->snap);
    response_store_free(s->responses);
    uv_mutex_destroy(&s->snap_lock);
}
