/* stats.h - what the gateway counts about itself; relaxed atomics, read by /metrics.
 *
 * Per-deployment counters live with the deployment's health (route/route.h).
 */
#ifndef SERVER_STATS_H
#define SERVER_STATS_H

#include <stdatomic.h>
#include <stdint.h>

struct stats {
    atomic_ullong requests;    /* exchanges begun */
    atomic_ullong by_class[6]; /* answers by status / 100; [0]: the client left first */
    atomic_ullong tokens_in, tokens_out;
    atomic_ullong cost_nanousd;
    atomic_ullong bad_requests;     /* malformed HTTP */
    atomic_ullong client_gone;      /* left before the end */
    atomic_ullong upstream_retries; /* further attempts, fallbacks included */
    atomic_llong connections;       /* open client connections */
    atomic_llong in_flight;         /* exchanges not yet settled */
    atomic_llong streams;           /* of these, answers being streamed */
};

#define stat_add(counter, n) atomic_fetch_add_explicit(&(counter), (n), memory_order_relaxed)

#endif
