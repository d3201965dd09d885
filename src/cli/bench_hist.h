/* bench_hist.h - a histogram of whole numbers with about 1.5 % resolution and fixed memory.
 *
 * Values below 64 are exact; above, every power of two is cut into 64 steps.
 */
#ifndef CLI_BENCH_HIST_H
#define CLI_BENCH_HIST_H

#include "base/base.h"

enum { HIST_STEPS = 64, HIST_BUCKETS = 42 * HIST_STEPS };

struct hist {
    uint64_t n, max;
    double sum;
    uint32_t counts[HIST_BUCKETS];
};

void hist_add(struct hist *h, uint64_t v);
/* The value that a share q (0..1) of all values does not pass; 0 if there are none. */
uint64_t hist_quantile(const struct hist *h, double q);
double hist_mean(const struct hist *h);

#endif
