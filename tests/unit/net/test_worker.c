/* Posting from other threads, order, and stopping. Worth running under ThreadSanitizer. */
#include "check.h"

#include "base/mem.h"
#include "net/worker.h"

enum { THREADS = 4, POSTS = 2000 };

struct tally {
    unsigned next[THREADS]; /* what each poster sends next */
    unsigned seen, disorder;
    uv_thread_t on;
};

struct note {
    struct tally *tally;
    unsigned poster, number;
};

struct poster {
    struct worker *w;
    struct tally *tally;
    unsigned id;
};

static void count(struct worker *w, void *arg)
{
    struct note *n = arg;
    struct tally *t = n->tally;
    uv_thread_t self = uv_thread_self();
    (void)w;
    if (n->number != t->next[n->poster] || !uv_thread_equal(&self, &t->on))
        t->disorder++;
    t->next[n->poster]++;
    t->seen++;
    mem_free(n);
}

static void post_many(void *arg)
{
    struct poster *p = arg;
    for (unsigned i = 0; i < POSTS; i++) {
        struct note *n = mem_alloc(sizeof(*n));
        *n = (struct note){ p->tally, p->id, i };
        worker_post(p->w, count, n);
    }
}

struct run {
    struct worker w;
    struct tally tally;
};

static void run(void *arg)
{
    struct run *r = arg;
    r->tally.on = uv_thread_self();
    worker_run(&r->w);
}

static void jobs_run_in_order_on_the_worker(void **state)
{
    (void)state;
    struct run *r = mem_zalloc(sizeof(*r));
    struct poster posters[THREADS];
    uv_thread_t loop, threads[THREADS];
    worker_init(&r->w, 0);
    assert_int_equal(uv_thread_create(&loop, run, r), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        posters[i] = (struct poster){ &r->w, &r->tally, i };
        assert_int_equal(uv_thread_create(&threads[i], post_many, &posters[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        uv_thread_join(&threads[i]);
    worker_stop(&r->w);
    uv_thread_join(&loop);
    worker_done(&r->w);
    assert_int_equal(r->tally.seen, THREADS * POSTS);
    assert_int_equal(r->tally.disorder, 0);
    mem_free(r);
}

static void never(struct worker *w, void *arg)
{
    (void)w, (void)arg;
    fail_msg("a job ran after the end");
}

static void late_jobs_are_dropped(void **state)
{
    (void)state;
    struct worker *w = mem_alloc(sizeof(*w));
    worker_init(w, 3);
    worker_stop(w);
    worker_run(w);
    assert_true(w->stopping);
    worker_post(w, never, NULL);
    worker_done(w);
    mem_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_run_in_order_on_the_worker),
        cmocka_unit_test(late_jobs_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
