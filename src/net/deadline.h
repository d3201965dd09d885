/* deadline.h - many deadlines on one timer per worker (a hashed wheel, 8 ms ticks).
 *
 * A deadline is embedded in its owner and costs no allocation. Setting one that is set moves it;
 * setting and clearing are O(1) and make no system call. It fires once, on the worker's thread, not
 * early and at most two ticks late (plus what the loop is busy with). The timer sleeps until the
 * next slot that holds something, and deadlines alone keep no loop running.
 */
#ifndef NET_DEADLINE_H
#define NET_DEADLINE_H

#include <uv.h>

#include "base/base.h"

struct deadline {
    struct deadline *next, **link; /* link == NULL: not set */
    uint64_t at_ms;
    void (*fire)(struct deadline *d);
};

struct deadlines; /* see deadline.c's wheel; defined below so that a worker can embed it */

enum { DEADLINE_SLOTS = 1024, DEADLINE_TICK_MS = 8 };

struct deadlines {
    uv_timer_t timer;
    struct deadline *slots[DEADLINE_SLOTS];
    uint64_t used[DEADLINE_SLOTS / 64]; /* a bit per slot: 0 means surely empty */
    uint64_t done_tick;                 /* every tick up to this one has been handled */
    uint64_t armed_tick;                /* when the timer goes off; 0: it does not run */
    size_t n;                           /* deadlines set */
};

void deadlines_init(struct deadlines *ds, uv_loop_t *loop);
void deadlines_close(struct deadlines *ds);
/* fire(d) in ms milliseconds from the loop's now. */
void deadline_set(struct deadlines *ds, struct deadline *d, uint64_t ms,
                  void (*fire)(struct deadline *d));
void deadline_clear(struct deadlines *ds, struct deadline *d);

static inline bool deadline_is_set(const struct deadline *d)
{
    return d->link != NULL;
}

#endif
