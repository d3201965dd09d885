#include "cli/bench_hist.h"

static size_t bucket_of(uint64_t v)
{
    if (v < HIST_STEPS)
        return (size_t)v;
    unsigned power = 63 - (unsigned)__builtin_clzll(v); /* at least 6 */
    size_t i = (power - 5) * (size_t)HIST_STEPS + (size_t)(v >> (power - 6)) - HIST_STEPS;
    return i < HIST_BUCKETS ? i : HIST_BUCKETS - 1;
}

/* The middle of a bucket. */
static uint64_t value_of(size_t i)
{
    if (i < HIST_STEPS)
        return i;
    unsigned shift = (unsigned)(i / HIST_STEPS) - 1;
    uint64_t low = (uint64_t)(i % HIST_STEPS + HIST_STEPS) << shift;
    return low + (((uint64_t)1 << shift) >> 1);
}

void hist_add(struct hist *h, uint64_t v)
{
    h->counts[bucket_of(v)]++;
    h->n++;
    h->sum += (double)v;
    if (v > h->max)
        h->max = v;
}

uint64_t hist_quantile(const struct hist *h, double q)
{
    if (h->n == 0)
        return 0;
    uint64_t wanted = (uint64_t)(q * (double)h->n), seen = 0;
    if (wanted >= h->n)
        return h->max;
    for (size_t i = 0; i < HIST_BUCKETS; i++) {
        seen += h->counts[i];
        if (seen > wanted) {
            uint64_t v = value_of(i);
            return v < h->max ? v : h->max;
        }
    }
    return h->max;
}

double hist_mean(const struct hist *h)
{
    return h->n ? h->sum / (double)h->n : 0;
}
