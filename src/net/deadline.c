#include "net/deadline.h"

enum { SLOT_MASK = DEADLINE_SLOTS - 1 };

static void on_timer(uv_timer_t *timer);

/* The first tick that is not before ms. */
static uint64_t tick_of(uint64_t ms)
{
    return (ms + DEADLINE_TICK_MS - 1) / DEADLINE_TICK_MS;
}

void deadlines_init(struct deadlines *ds, uv_loop_t *loop)
{
    *ds = (struct deadlines){ 0 };
    uv_timer_init(loop, &ds->timer);
    uv_unref((uv_handle_t *)&ds->timer);
}

void deadlines_close(struct deadlines *ds)
{
    uv_close((uv_handle_t *)&ds->timer, NULL);
}

static void arm(struct deadlines *ds, uint64_t tick)
{
    uint64_t now = uv_now(ds->timer.loop), at = tick * DEADLINE_TICK_MS;
    ds->armed_tick = tick;
    uv_timer_start(&ds->timer, on_timer, at > now ? at - now : 0, 0);
}

/* The first tick after done_tick whose slot may hold something; 0 if none does. */
static uint64_t next_tick(const struct deadlines *ds)
{
    for (uint64_t tick = ds->done_tick + 1, end = tick + DEADLINE_SLOTS; tick < end;) {
        unsigned slot = tick & SLOT_MASK;
        uint64_t bits = ds->used[slot / 64] >> (slot % 64);
        if (bits)
            return tick + (unsigned)__builtin_ctzll(bits);
        tick += 64 - slot % 64;
    }
    return 0;
}

static void link_into(struct deadlines *ds, struct deadline *d, unsigned slot)
{
    d->link = &ds->slots[slot];
    d->next = *d->link;
    if (d->next)
        d->next->link = &d->next;
    *d->link = d;
    ds->used[slot / 64] |= (uint64_t)1 << (slot % 64);
}

static void take_out(struct deadline *d)
{
    *d->link = d->next;
    if (d->next)
        d->next->link = d->link;
    d->link = NULL;
}

/* Fires what is due in one slot. A callback may set and clear any deadline, so the slot's list is
 * taken out first and eaten from its head; what belongs to a later revolution goes back. */
static void run_slot(struct deadlines *ds, unsigned slot, uint64_t now_ms)
{
    struct deadline *due = ds->slots[slot];
    ds->slots[slot] = NULL;
    ds->used[slot / 64] &= ~((uint64_t)1 << (slot % 64));
    if (due)
        due->link = &due;
    while (due) {
        struct deadline *d = due;
        take_out(d);
        if (d->at_ms > now_ms) {
            link_into(ds, d, slot);
        } else {
            ds->n--;
            d->fire(d);
        }
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct deadlines *ds = CONTAINER_OF(timer, struct deadlines, timer);
    uint64_t now_ms = uv_now(timer->loop), now = now_ms / DEADLINE_TICK_MS;
    uint64_t first = ds->done_tick + 1;
    if (now >= first + DEADLINE_SLOTS)
        first = now - SLOT_MASK;
    ds->armed_tick = 0;
    /* First, so that what callbacks set lands behind the ticks handled here. */
    ds->done_tick = now;
    for (uint64_t tick = first; tick <= now; tick++) {
        unsigned slot = tick & SLOT_MASK;
        if (ds->used[slot / 64] >> (slot % 64) & 1)
            run_slot(ds, slot, now_ms);
    }
    uint64_t next = next_tick(ds);
    if (next && !uv_is_closing((uv_handle_t *)timer))
        arm(ds, next);
}

void deadline_set(struct deadlines *ds, struct deadline *d, uint64_t ms,
                  void (*fire)(struct deadline *d))
{
    uint64_t now_ms = uv_now(ds->timer.loop);
    deadline_clear(ds, d);
    if (ds->n == 0 && ds->armed_tick == 0)
        ds->done_tick = now_ms / DEADLINE_TICK_MS;
    if (__builtin_add_overflow(now_ms, ms, &d->at_ms))
        d->at_ms = UINT64_MAX - DEADLINE_TICK_MS;
    d->fire = fire;
    uint64_t tick = tick_of(d->at_ms);
    if (tick <= ds->done_tick)
        tick = ds->done_tick + 1;
    link_into(ds, d, tick & SLOT_MASK);
    ds->n++;
    /* A far deadline shares its slot with nearer ticks: its next visit is within a revolution. */
    uint64_t visit = now_ms / DEADLINE_TICK_MS + 1;
    visit += (tick - visit) & SLOT_MASK;
    if (tick < visit)
        visit = tick;
    if (ds->armed_tick == 0 || visit < ds->armed_tick)
        arm(ds, visit);
}

void deadline_clear(struct deadlines *ds, struct deadline *d)
{
    if (!d->link)
        return;
    take_out(d);
    ds->n--;
}
