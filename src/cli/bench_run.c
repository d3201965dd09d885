/* bench_run.c - one turn of one target: opening, warming up, measuring, closing.
 *
 * Closed loop: every connection sends its next request when the last reply is complete. With a
 * duration the clock and the counters start when every connection has seen the head of a reply, so
 * that connecting is not measured; with a number of requests they start when all are connected, and
 * exactly that many are sent. Open loop: requests fall due at a fixed rate and are timed from then,
 * also if no connection is free (waiting counts: no coordinated omission).
 */
#include "base/clock.h"
#include "cli/bench.h"

enum { OPEN_PER_TICK = 100, TICK_MS = 5, OPEN_LOOP_TICK_MS = 1 };

static void stop(struct bench_run *r)
{
    if (r->phase == BENCH_STOP)
        return;
    if (r->phase == BENCH_MEASURE) {
        struct bench_turn *t = r->turn;
        struct proc_use now;
        t->wall_ns = clock_mono_ns() - r->began_ns;
        t->has_proc = r->target->meter && proc_meter_read(r->target->meter, &now);
        if (t->has_proc) {
            t->proc = now;
            t->proc.cpu_ns -= r->proc_before.cpu_ns;
            t->proc.instructions -= r->proc_before.instructions;
        }
    }
    r->phase = BENCH_STOP;
    uv_close((uv_handle_t *)&r->tick, NULL);
    for (uint32_t i = 0; i < r->nopened; i++)
        bench_conn_close(r, i);
}

static void begin_measuring(struct bench_run *r)
{
    if (r->target->meter && !proc_meter_read(r->target->meter, &r->proc_before)) {
        r->failed = true;
        snprintf(r->target->first_error, sizeof(r->target->first_error),
                 "the process given with --pid is gone");
        stop(r);
        return;
    }
    r->phase = BENCH_MEASURE;
    r->sent = 0;
    r->began_ns = clock_mono_ns();
}

/* Whether another request may be sent in this phase. */
static bool may_send(const struct bench_run *r)
{
    const struct bench_options *o = &r->b->o;
    if (r->phase == BENCH_WARM)
        return o->requests == 0 && o->rate == 0;
    return r->phase == BENCH_MEASURE && (o->requests == 0 || r->sent < o->requests);
}

/* Open loop: hands out what has fallen due. A request that found a free connection at the first
 * chance counts from then, as the tick's coarseness is ours; one that had to wait counts from when
 * it was due. */
static void send_due(struct bench_run *r, uint64_t now)
{
    double rate = r->b->o.rate;
    uint64_t due = (uint64_t)((double)(now - r->began_ns) * rate / 1e9) + 1;
    while (r->sent < due && may_send(r)) {
        struct bench_conn *c = bench_conn_pop_free(r);
        if (!c)
            return;
        uint64_t at = r->began_ns + (uint64_t)((double)r->sent * 1e9 / rate);
        r->sent++;
        bench_conn_send(c, at >= r->tick_ns ? now : at);
    }
}

/* What a connection without work does next. */
static void send_next(struct bench_run *r, struct bench_conn *c)
{
    if (r->b->o.rate > 0) {
        bench_conn_push_free(c);
        if (r->phase == BENCH_MEASURE)
            send_due(r, clock_mono_ns());
    } else if (may_send(r)) {
        r->sent++;
        bench_conn_send(c, clock_mono_ns());
    }
}

static bool is_over(const struct bench_run *r, uint64_t now)
{
    const struct bench_options *o = &r->b->o;
    if (r->phase != BENCH_MEASURE)
        return false;
    if (o->requests && r->turn->requests + r->turn->errors >= o->requests)
        return true;
    return o->duration_s > 0 && (double)(now - r->began_ns) >= o->duration_s * 1e9;
}

static void start_once_connected(struct bench_run *r)
{
    if (r->b->o.requests == 0 && r->b->o.rate == 0)
        return; /* begins when all are warm */
    begin_measuring(r);
    struct bench_conn *c;
    while (r->b->o.rate == 0 && may_send(r) && (c = bench_conn_pop_free(r)))
        send_next(r, c);
}

static void on_tick(uv_timer_t *tick)
{
    struct bench_run *r = tick->data;
    uint64_t now = clock_mono_ns();
    for (int i = 0; i < OPEN_PER_TICK && r->nopened < r->nconns && r->phase != BENCH_STOP; i++)
        bench_conn_open(r, r->nopened++);
    for (uint32_t i = 0; i < r->nopened && r->phase != BENCH_STOP; i++)
        bench_conn_tick(r, i, now);
    if (r->phase == BENCH_MEASURE && r->b->o.rate > 0)
        send_due(r, now);
    r->tick_ns = now;
    if (is_over(r, now))
        stop(r);
}

void bench_on_connected(struct bench_run *r, struct bench_conn *c)
{
    if (may_send(r))
        send_next(r, c);
    else
        bench_conn_push_free(c);
    if (++r->nready == r->nconns && r->phase == BENCH_WARM)
        start_once_connected(r);
}

void bench_on_first_head(struct bench_run *r)
{
    if (r->phase == BENCH_WARM && ++r->nwarm >= r->nconns && r->nready == r->nconns)
        begin_measuring(r);
}

void bench_on_idle(struct bench_run *r, struct bench_conn *c)
{
    if (is_over(r, clock_mono_ns()))
        stop(r);
    else
        send_next(r, c);
}

void bench_on_unreachable(struct bench_run *r, const char *why)
{
    if (r->phase == BENCH_STOP)
        return;
    r->failed = true;
    snprintf(r->target->first_error, sizeof(r->target->first_error), "cannot connect: %s", why);
    stop(r);
}

bool bench_run(struct bench *b, struct bench_target *t, struct bench_turn *turn)
{
    struct bench_run r = { .b = b, .target = t, .turn = turn, .nconns = b->o.connections };
    uint64_t ms = b->o.rate > 0 ? OPEN_LOOP_TICK_MS : TICK_MS;
    r.conns = bench_conns_new(&r, r.nconns);
    uv_timer_init(b->loop, &r.tick);
    r.tick.data = &r;
    uv_timer_start(&r.tick, on_tick, 0, ms);
    uv_run(b->loop, UV_RUN_DEFAULT); /* until every handle is closed */
    bench_conns_free(r.conns, r.nconns);
    return !r.failed;
}
