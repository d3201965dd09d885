/* Deadlines against a loop whose time we know. */
#include "check.h"

#include "net/worker.h"

struct mark {
    struct deadline d;
    uint64_t wanted_ms, fired_ms;
    unsigned fired;
    struct mark *other; /* cleared, or set anew, by firing */
    uint64_t other_ms;
};

static struct worker w;

static void on_fire(struct deadline *d)
{
    struct mark *m = CONTAINER_OF(d, struct mark, d);
    m->fired++;
    m->fired_ms = worker_now_ms(&w);
    if (m->other && m->other_ms)
        deadline_set(&w.deadlines, &m->other->d, m->other_ms, on_fire);
    else if (m->other)
        deadline_clear(&w.deadlines, &m->other->d);
}

static void set(struct mark *m, uint64_t ms)
{
    m->wanted_ms = worker_now_ms(&w) + ms;
    deadline_set(&w.deadlines, &m->d, ms, on_fire);
}

static void on_ticker(uv_timer_t *t)
{
    (void)t;
}

/* Runs the loop for ms: the ticker keeps it alive, as deadlines alone do not. */
static void run_for(uint64_t ms)
{
    uv_timer_t ticker;
    uv_timer_init(&w.loop, &ticker);
    uv_timer_start(&ticker, on_ticker, 3, 3);
    uv_update_time(&w.loop);
    uint64_t end = uv_now(&w.loop) + ms;
    while (uv_now(&w.loop) < end)
        uv_run(&w.loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&ticker, NULL);
    uv_run(&w.loop, UV_RUN_NOWAIT);
}

static int setup(void **state)
{
    (void)state;
    worker_init(&w, 0);
    uv_unref((uv_handle_t *)&w.wake);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    worker_done(&w);
    return 0;
}

static void fires_once_and_in_time(void **state)
{
    (void)state;
    static const uint64_t times[] = { 0, 1, 7, 8, 9, 15, 16, 17, 63, 64, 100, 128, 250 };
    struct mark marks[COUNT_OF(times)] = { 0 };
    for (size_t i = 0; i < COUNT_OF(times); i++)
        set(&marks[i], times[i]);
    run_for(320);
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        assert_int_equal(marks[i].fired, 1);
        assert_false(deadline_is_set(&marks[i].d));
        assert_true(marks[i].fired_ms >= marks[i].wanted_ms);
        /* two ticks, and what a busy machine adds */
        assert_true(marks[i].fired_ms <= marks[i].wanted_ms + 2 * DEADLINE_TICK_MS + 200);
    }
    assert_int_equal(w.deadlines.n, 0);
}

static void cleared_and_moved(void **state)
{
    (void)state;
    struct mark cleared = { 0 }, later = { 0 }, sooner = { 0 };
    set(&cleared, 20);
    set(&later, 20);
    set(&sooner, 100000);
    deadline_clear(&w.deadlines, &cleared.d);
    deadline_clear(&w.deadlines, &cleared.d);
    set(&later, 150);
    set(&sooner, 30);
    run_for(80);
    assert_int_equal(cleared.fired, 0);
    assert_int_equal(later.fired, 0);
    assert_int_equal(sooner.fired, 1);
    run_for(140);
    assert_int_equal(later.fired, 1);
}

/* A slot is shared by deadlines a whole revolution apart. */
static void far_ones_wait_their_revolution(void **state)
{
    (void)state;
    struct mark near = { 0 }, far = { 0 };
    uint64_t revolution = (uint64_t)DEADLINE_SLOTS * DEADLINE_TICK_MS;
    set(&near, 40);
    set(&far, 40 + revolution);
    run_for(120);
    assert_int_equal(near.fired, 1);
    assert_int_equal(far.fired, 0);
    assert_true(deadline_is_set(&far.d));
    deadline_clear(&w.deadlines, &far.d);
    set(&far, UINT64_MAX); /* no overflow into the past */
    run_for(40);
    assert_int_equal(far.fired, 0);
    deadline_clear(&w.deadlines, &far.d);
}

static void callbacks_set_and_clear(void **state)
{
    (void)state;
    struct mark a = { 0 }, b = { 0 }, again = { 0 }, chain = { 0 };
    /* Both are due in one slot; whichever fires first clears the other. */
    a.other = &b;
    b.other = &a;
    set(&a, 20);
    set(&b, 20);
    /* One that sets itself anew, with nothing to wait. */
    again.other = &chain;
    again.other_ms = 1;
    set(&again, 10);
    run_for(100);
    assert_int_equal(a.fired + b.fired, 1);
    assert_int_equal(again.fired, 1);
    assert_int_equal(chain.fired, 1);
    assert_int_equal(w.deadlines.n, 0);
}

static void a_blocked_loop_catches_up(void **state)
{
    (void)state;
    struct mark m[3] = { 0 };
    set(&m[0], 8);
    set(&m[1], 40);
    set(&m[2], 400);
    uv_sleep(120);
    run_for(20);
    assert_int_equal(m[0].fired, 1);
    assert_int_equal(m[1].fired, 1);
    assert_int_equal(m[2].fired, 0);
    deadline_clear(&w.deadlines, &m[2].d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fires_once_and_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(cleared_and_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(far_ones_wait_their_revolution, setup, teardown),
        cmocka_unit_test_setup_teardown(callbacks_set_and_clear, setup, teardown),
        cmocka_unit_test_setup_teardown(a_blocked_loop_catches_up, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
