#include "base/clock.h"
#include "base/mem.h"
#include "route/internal.h"

/* Counters are relaxed atomics: each is right by itself, together they may be a moment apart. What
 * depends on them (a cooldown some calls earlier or later) can bear that. */

#define LOAD(x)     atomic_load_explicit(&(x), memory_order_relaxed)
#define STORE(x, v) atomic_store_explicit(&(x), (v), memory_order_relaxed)
#define ADD(x, v)   atomic_fetch_add_explicit(&(x), (v), memory_order_relaxed)

enum {
    MINUTE_MS = 60 * 1000,
    COOLDOWN_MS = 5000,
    RETRY_AFTER_MS_MAX = 60 * 1000, /* a longer one is not obeyed (LiteLLM) */
    MINUTE_CALLS_MIN = 5,           /* before half of them may condemn a deployment */
    LONE_CALLS_MIN = 1000,
    LEAK_BYTES_MIN = 8,
};

struct route_health *health_new(void)
{
    struct route_health *h = mem_zalloc(sizeof(*h));
    atomic_init(&h->refs, 1);
    return h;
}

struct route_health *health_ref(struct route_health *h)
{
    ADD(h->refs, 1);
    return h;
}

void health_unref(struct route_health *h)
{
    if (h && atomic_fetch_sub(&h->refs, 1) == 1)
        mem_free(h);
}

bool health_is_cooling(const struct route_health *h, uint64_t now_ms)
{
    return LOAD(h->cooldown_until_ms) > now_ms;
}

unsigned health_minute_requests(const struct route_health *h, uint64_t now_ms)
{
    return LOAD(h->minute) == (unsigned)(now_ms / MINUTE_MS) ? LOAD(h->minute_requests) : 0;
}

uint64_t health_minute_tokens(const struct route_health *h, uint64_t now_ms)
{
    return LOAD(h->minute) == (unsigned)(now_ms / MINUTE_MS) ? LOAD(h->minute_tokens) : 0;
}

/* A new minute: who comes first empties its counters. Never back: loops' clocks lag a little. */
static void turn_minute(struct route_health *h, uint64_t now_ms)
{
    unsigned now = (unsigned)(now_ms / MINUTE_MS), old = LOAD(h->minute);
    if (now <= old || !atomic_compare_exchange_strong(&h->minute, &old, now))
        return;
    STORE(h->minute_ok, 0);
    STORE(h->minute_failed, 0);
    STORE(h->minute_requests, 0);
    STORE(h->minute_tokens, 0);
}

/* ---- cooldown ------------------------------------------------------------------------------- */

static bool is_default_mode(const struct config *c)
{
    return c->allowed_fails == CHAT_UNSET && !c->has_allowed_fails_policy;
}

/* Failures within one cooldown time, counted from the first one. */
static bool too_many_fails(const struct deployment *d, const struct route_outcome *o,
                           uint64_t window_ms, uint64_t now_ms)
{
    struct route_health *h = d->health;
    int64_t allowed = d->config->has_allowed_fails_policy
                          ? policy_count(&d->config->allowed_fails_policy, o)
                          : CHAT_UNSET;
    if (allowed == CHAT_UNSET)
        allowed = d->config->allowed_fails;
    if (allowed == CHAT_UNSET)
        return false;
    if (now_ms - LOAD(h->fails_since_ms) > window_ms) {
        STORE(h->fails_since_ms, now_ms);
        STORE(h->fails, 0);
    }
    return (int64_t)ADD(h->fails, 1) + 1 > allowed;
}

/* Half of this minute's calls failed, or, for a deployment without an alternative, all of very
 * many. */
static bool fails_mostly(const struct deployment *d)
{
    unsigned ok = LOAD(d->health->minute_ok), failed = LOAD(d->health->minute_failed);
    if (d->lone)
        return ok == 0 && failed >= LONE_CALLS_MIN;
    return ok + failed >= MINUTE_CALLS_MIN && failed > ok;
}

/* 4xx that say something about the deployment rather than about the request. Behind a pattern the
 * model's name is the client's, and so is a 404. */
static bool blames_deployment(const struct deployment *d, unsigned status)
{
    if (status == 404)
        return !pattern_is(d->group_name);
    return status >= 500 || status == 401 || status == 402 || status == 408 || status == 429;
}

static bool should_cool(const struct deployment *d, const struct route_outcome *o,
                        uint64_t window_ms, uint64_t now_ms)
{
    unsigned status = outcome_status(o);
    if (!is_default_mode(d->config))
        return too_many_fails(d, o, window_ms, now_ms);
    if (status == 401 || status == 404)
        return true;
    if ((status == 429 || status == 402) && !d->lone)
        return true;
    return fails_mostly(d);
}

static void maybe_cool(const struct deployment *d, const struct route_outcome *o, uint64_t now_ms)
{
    int64_t ms = d->cooldown_ms != CHAT_UNSET ? d->cooldown_ms : d->config->cooldown_ms;
    if (ms == CHAT_UNSET || ms < 0)
        ms = COOLDOWN_MS;
    if (d->config->disable_cooldowns || ms == 0 || d->local ||
        !should_cool(d, o, (uint64_t)ms, now_ms))
        return;
    if (o->retry_after_ms > 0 && o->retry_after_ms <= RETRY_AFTER_MS_MAX)
        ms = o->retry_after_ms;
    if (!health_is_cooling(d->health, now_ms))
        ADD(d->health->cooldowns, 1);
    STORE(d->health->cooldown_until_ms, now_ms + (uint64_t)ms);
}

/* ---- reports -------------------------------------------------------------------------------- */

void route_begin(const struct deployment *d)
{
    ADD(d->health->in_flight, 1);
    ADD(d->health->requests, 1);
    turn_minute(d->health, clock_mono_ns() / 1000000);
    ADD(d->health->minute_requests, 1);
}

static void set_last(struct route_health *h, enum route_last_state state, unsigned status)
{
    STORE(h->last_state, state);
    STORE(h->last_status, status);
    STORE(h->last_at_ms, clock_wall_ms());
}

/* An average in which the last handful of answers counts. */
static void add_latency(struct route_health *h, uint32_t ms)
{
    uint64_t old = LOAD(h->ewma_latency_us), us = (uint64_t)ms * 1000;
    uint64_t mean = old ? (old * 7 + us) / 8 : us;
    STORE(h->ewma_latency_us, mean ? mean : 1);
    ADD(h->latency_ms_sum, ms);
}

static void report_failure(const struct deployment *d, const struct route_outcome *o,
                           uint64_t now_ms)
{
    struct route_health *h = d->health;
    unsigned status = outcome_status(o);
    ADD(h->failures, 1);
    if (!blames_deployment(d, status))
        return;
    ADD(h->minute_failed, 1);
    set_last(h, ROUTE_LAST_FAILED, o->failure == ROUTE_FAIL_STATUS ? status : 0);
    maybe_cool(d, o, now_ms);
}

void route_report(const struct deployment *d, const struct route_outcome *o, uint64_t now_ms)
{
    struct route_health *h = d->health;
    atomic_fetch_sub_explicit(&h->in_flight, 1, memory_order_relaxed);
    if (o->failure == ROUTE_OK_NEUTRAL)
        return;
    turn_minute(h, now_ms);
    if (o->failure == ROUTE_OK || o->failure == ROUTE_FAIL_TIMEOUT)
        add_latency(h, o->latency_ms);
    if (o->failure == ROUTE_OK) {
        ADD(h->minute_ok, 1);
        set_last(h, ROUTE_LAST_OK, 0);
        return;
    }
    report_failure(d, o, now_ms);
}

void route_report_late(const struct deployment *d, enum route_failure failure, uint64_t now_ms)
{
    struct route_outcome o = { .failure = failure, .retry_after_ms = -1 };
    unsigned ok = LOAD(d->health->minute_ok);
    if (failure == ROUTE_OK || failure == ROUTE_OK_NEUTRAL)
        return;
    turn_minute(d->health, now_ms);
    if (ok && LOAD(d->health->minute_ok) == ok) /* it is no longer one of the good ones */
        atomic_compare_exchange_strong(&d->health->minute_ok, &ok, ok - 1);
    report_failure(d, &o, now_ms);
}

static void count(atomic_ullong *to, int64_t n)
{
    if (n > 0)
        ADD(*to, (unsigned long long)n);
}

void route_count_usage(const struct deployment *d, const struct chat_usage *u, int64_t nanousd)
{
    struct route_health *h = d->health;
    turn_minute(h, clock_mono_ns() / 1000000);
    count(&h->tokens_in, u->prompt);
    count(&h->tokens_out, u->completion);
    count(&h->tokens_cached, u->cache_read);
    count(&h->cost_nanousd, nanousd);
    count(&h->minute_tokens, u->prompt);
    count(&h->minute_tokens, u->completion);
}

void route_note_usage(const struct deployment *d, bool told)
{
    if (LOAD(d->health->leaves_usage_out) == told)
        STORE(d->health->leaves_usage_out, !told);
}

bool route_leaves_usage_out(const struct deployment *d)
{
    return LOAD(d->health->leaves_usage_out);
}

struct route_last route_last_answer(const struct deployment *d)
{
    return (struct route_last){ .state = (enum route_last_state)LOAD(d->health->last_state),
                                .status = LOAD(d->health->last_status),
                                .at_ms = LOAD(d->health->last_at_ms) };
}

void deployment_mask(const struct deployment *d, str text)
{
    str key = secret_reveal(&d->api_key);
    if (key.n < LEAK_BYTES_MIN || !text.p)
        return;
    char *at = (char *)(uintptr_t)text.p, *end = at + text.n;
    while ((at = memmem(at, (size_t)(end - at), key.p, key.n))) {
        memset(at, '*', key.n);
        at += key.n;
    }
}

bool deployment_leaks(const struct deployment *d, str value)
{
    str key = secret_reveal(&d->api_key);
    return key.n >= LEAK_BYTES_MIN && str_contains(value, key);
}
