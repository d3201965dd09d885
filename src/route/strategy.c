#include "route/internal.h"

/* A strategy is a score per candidate (the lowest is taken, chance decides among equals) or, for
 * the shuffle, a function of its own. */

struct route_strategy {
    const char *name;
    uint64_t (*score)(const struct deployment *d, uint64_t now_ms); /* NULL: weighted shuffle */
    bool explores; /* now and then another one, or what was slow once would never be asked again */
};

enum { EXPLORE_ONE_IN = 16 };

static uint64_t in_flight(const struct deployment *d, uint64_t now_ms)
{
    return atomic_load_explicit(&d->health->in_flight, memory_order_relaxed);
}

static uint64_t latency(const struct deployment *d, uint64_t now_ms)
{
    return atomic_load_explicit(&d->health->ewma_latency_us, memory_order_relaxed);
}

/* Input plus output price; LiteLLM takes 5 dollars per token each for an unknown one. */
static uint64_t price(const struct deployment *d, uint64_t now_ms)
{
    const uint64_t unknown = UINT64_C(5000000000000000);
    return (d->price.input >= 0 ? (uint64_t)d->price.input : unknown) +
           (d->price.output >= 0 ? (uint64_t)d->price.output : unknown);
}

/* Tokens of this minute; those over their tpm or rpm come last. */
static uint64_t usage(const struct deployment *d, uint64_t now_ms)
{
    const uint64_t over = UINT64_C(1) << 62;
    uint64_t tokens = health_minute_tokens(d->health, now_ms);
    bool full =
        (d->tpm != CHAT_UNSET && (int64_t)tokens >= d->tpm) ||
        (d->rpm != CHAT_UNSET && (int64_t)health_minute_requests(d->health, now_ms) >= d->rpm);
    return tokens + (full ? over : 0);
}

static const struct route_strategy strategies[] = {
    { .name = "simple-shuffle" },
    { .name = "least-busy", .score = in_flight },
    { .name = "latency-based-routing", .score = latency, .explores = true },
    { .name = "cost-based-routing", .score = price },
    { .name = "usage-based-routing", .score = usage },
    { .name = "usage-based-routing-v2", .score = usage },
};

const struct route_strategy *strategy_find(str name)
{
    for (size_t i = 0; i < COUNT_OF(strategies); i++)
        if (str_eq(name, str_c(strategies[i].name)))
            return &strategies[i];
    return NULL;
}

/* The first candidate says by which key everybody is weighed; who lacks it weighs nothing. */
static size_t weight_offset(const struct deployment *first)
{
    if (first->weight != CHAT_UNSET)
        return offsetof(struct deployment, weight);
    if (first->rpm != CHAT_UNSET)
        return offsetof(struct deployment, rpm);
    if (first->tpm != CHAT_UNSET)
        return offsetof(struct deployment, tpm);
    return 0;
}

static uint64_t weight_of(const struct deployment *d, size_t offset)
{
    int64_t w = *(const int64_t *)(const void *)((const char *)d + offset);
    return w > 0 ? (uint64_t)w : 0;
}

static const struct deployment *shuffle(const struct deployment *const *c, size_t n,
                                        uint64_t random)
{
    size_t offset = weight_offset(c[0]);
    unsigned __int128 sum = 0;
    for (size_t i = 0; offset && i < n; i++)
        sum += weight_of(c[i], offset);
    if (sum == 0)
        return c[random % n];
    unsigned __int128 at = sum * random >> 64; /* in [0, sum) */
    for (size_t i = 0; i + 1 < n; i++) {
        uint64_t w = weight_of(c[i], offset);
        if (at < w)
            return c[i];
        at -= w;
    }
    return c[n - 1];
}

static const struct deployment *lowest(const struct route_strategy *s,
                                       const struct deployment *const *c, size_t n, uint64_t random,
                                       uint64_t now_ms)
{
    uint64_t best = s->score(c[0], now_ms), equals = 1;
    for (size_t i = 1; i < n; i++) {
        uint64_t score = s->score(c[i], now_ms);
        equals = score < best ? 1 : equals + (score == best);
        best = score < best ? score : best;
    }
    uint64_t skip = random % equals;
    for (size_t i = 0; i < n; i++)
        if (s->score(c[i], now_ms) <= best && skip-- == 0)
            return c[i];
    return c[0]; /* another thread moved the scores */
}

const struct deployment *strategy_pick(const struct route_strategy *s,
                                       const struct deployment *const *c, size_t n, uint64_t random,
                                       uint64_t now_ms)
{
    BUG_UNLESS(n > 0);
    if (n == 1)
        return c[0];
    if (!s->score || (s->explores && (random >> 32) % EXPLORE_ONE_IN == 0))
        return s->score ? c[random % n] : shuffle(c, n, random);
    return lowest(s, c, n, random, now_ms);
}
