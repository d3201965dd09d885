/* base: str, arena, buf, map, clock, secret. */
#include "../check.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/pages.h"
#include "base/secret.h"

static void cuts_and_trims(void **state)
{
    str rest = S("a,b,,c");
    CHECK_STR(str_cut(&rest, ','), S("a"));
    CHECK_STR(str_cut(&rest, ','), S("b"));
    CHECK_STR(str_cut(&rest, ','), S(""));
    assert_non_null(rest.p);
    CHECK_STR(str_cut(&rest, ','), S("c"));
    assert_null(rest.p);
    CHECK_STR(str_trim(S(" \t x y\r\n")), S("x y"));
    assert_true(str_ieq(S("Content-Length"), S("content-LENGTH")));
    assert_false(str_ieq(S("a"), S("ab")));
    assert_true(str_icontains(S("abcDEF"), S("cde")));
    assert_int_equal(str_rindex(S("a:b:c"), ':'), 3);
}

static void cuts_between_characters(void **state)
{
    str rest = S("abc\xe2\x82\xac\xf0\x9f\x98\x80"
                 "d");
    CHECK_STR(str_cut_utf8(&rest, 5), S("abc"));
    CHECK_STR(str_cut_utf8(&rest, 4), S("\xe2\x82\xac"));
    CHECK_STR(str_cut_utf8(&rest, 4), S("\xf0\x9f\x98\x80"));
    CHECK_STR(str_cut_utf8(&rest, 4), S("d"));
    assert_int_equal(rest.n, 0);
    rest = S("\x80\x80\x80\x80\x80\x80"); /* no UTF-8 at all: it goes on all the same */
    assert_int_equal(str_cut_utf8(&rest, 4).n, 1);
}

static void finds_words(void **state)
{
    static const char *const words[] = { "one", "two", NULL };
    assert_true(str_among(S("two"), words));
    assert_false(str_among(S("three"), words));
    assert_false(str_among(S(""), words));
}

static void reads_numbers(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t want;
    } cases[] = {
        { "0", true, 0 },     { "18446744073709551615", true, UINT64_MAX },
        { "", false, 0 },     { "18446744073709551616", false, 0 },
        { "+1", false, 0 },   { "1 ", false, 0 },
        { "0x10", false, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t got = 0;
        assert_int_equal(str_to_u64(str_c(cases[i].text), &got), cases[i].ok);
        assert_int_equal(got, cases[i].want);
    }
    double d = 0;
    assert_true(str_to_double(S("8e-6"), &d) && d > 7.9e-6 && d < 8.1e-6);
    assert_false(str_to_double(S("1e999"), &d));
    assert_false(str_to_double(S("nan"), &d));
}

static void knows_utf8(void **state)
{
    assert_true(str_is_utf8(S("aé€😀")));
    assert_false(str_is_utf8(S("\xc0\x80")));
    assert_false(str_is_utf8(S("\xed\xa0\x80")));
    assert_false(str_is_utf8(S("\xf4\x90\x80\x80")));
    assert_false(str_is_utf8(S("\xe2\x82")));
}

static void arena_aligns_and_zeroes(void **state)
{
    struct arena a;
    arena_init(&a);
    for (int i = 0; i < 1000; i++) {
        arena_dup(&a, S("x"));
        uint64_t *n = NEW(&a, uint64_t, 3);
        assert_int_equal((uintptr_t)n % 8, 0);
        assert_true(n[0] == 0 && n[2] == 0);
        n[0] = n[2] = UINT64_MAX;
    }
    char *big = NEW(&a, char, 1 << 20);
    big[(1 << 20) - 1] = 1;
    CHECK_STR(arena_fmt(&a, "%d-%s", 7, "x"), S("7-x"));
    CHECK_STR(arena_cat(&a, S("ab"), S("cd")), S("abcd"));
    arena_done(&a);
}

/* One that begins in lent memory stays there as long as it can, and grows out of it keeping what it
 * holds. */
static void arena_begins_on_the_stack(void **state)
{
    ARENA_ON_STACK(a);
    char *p = arena_raw(&a, 1000);
    memset(p, 'x', 1000);
    assert_true(p >= a_room && p + 1000 <= a_room + sizeof(a_room));
    p = arena_resize(&a, p, 1000, 3000);
    assert_ptr_equal(p, a_room);
    p = arena_resize(&a, p, 3000, 5000); /* no longer fits */
    assert_true(p < a_room || p >= a_room + sizeof(a_room));
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(p[i], 'x');
    CHECK_STR(arena_dup(&a, S("more")), S("more"));
    arena_done(&a);
    assert_int_equal(a.bytes, 0);
}

/* What was not needed between two tidyings goes back; what was, stays. */
static void pages_go_back_when_unused(void **state)
{
    enum { BUSY = 3 * PAGES_KEPT };
    struct pages p;
    char *taken[BUSY];
    pages_init(&p);
    assert_false(pages_untidy(&p));
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < BUSY; i++)
            memset(taken[i] = pages_take(&p), 'x', PAGE_BYTES);
        for (int i = 0; i < BUSY; i++)
            pages_give(&p, taken[i]);
        assert_true(pages_untidy(&p));
        assert_true(pages_tidy(&p)); /* all were in use a moment ago */
        assert_int_equal(p.n - p.empty, BUSY);
    }
    assert_false(pages_tidy(&p));
    assert_int_equal(p.n - p.empty, PAGES_KEPT);
    size_t gone = 0;
    for (int i = 0; i < BUSY; i++)
        gone += taken[i][0] == 0;
    assert_int_equal(gone, BUSY - PAGES_KEPT);
    for (int i = 0; i < BUSY; i++) /* and are taken again, those with memory first */
        assert_int_equal(((char *)pages_take(&p))[0] != 0, i < PAGES_KEPT);
    p.taken = 0;
    pages_done(&p);
}

/* From and to every size around a page's, with and without pages. */
static void arena_grows_what_was_last(void **state)
{
    static const size_t sizes[] = { 1, 100, 1000, 4000, 4063, 4064, 4079, 4080, 4081, 4096, 9000 };
    struct pages pages;
    pages_init(&pages);
    for (size_t i = 0; i < COUNT_OF(sizes) * COUNT_OF(sizes) * 2; i++) {
        size_t from = sizes[i / 2 % COUNT_OF(sizes)], to = sizes[i / 2 / COUNT_OF(sizes)];
        struct arena a;
        arena_init(&a);
        if (i % 2)
            arena_init_pages(&a, &pages);
        char *p = arena_raw(&a, from);
        memset(p, 'x', from);
        p = arena_resize(&a, p, from, to);
        for (size_t k = 0; k < from && k < to; k++)
            assert_int_equal(p[k], 'x');
        memset(p, 'y', to);
        memset(arena_raw(&a, 5000), 'z', 5000);
        assert_int_equal(p[to - 1], 'y');
        arena_done(&a);
    }
    assert_int_equal(pages.taken, 0);
    pages_done(&pages);
}

static void buf_stops_at_its_maximum(void **state)
{
    struct buf b;
    buf_init(&b, 10);
    buf_add(&b, S("12345"));
    buf_u64(&b, 678);
    assert_false(b.full);
    buf_add(&b, S("abc"));
    assert_true(b.full);
    CHECK_STR(buf_str(&b), S("12345678"));
    buf_chr(&b, 'x');
    buf_clear(&b);
    buf_i64(&b, INT64_MIN + 1);
    assert_true(b.full);
    buf_clear(&b);
    buf_fmt(&b, "%d", -42);
    buf_drop(&b, 1);
    CHECK_STR(buf_str(&b), S("42"));
    buf_done(&b);
}

static void map_survives_deletes(void **state)
{
    struct arena a;
    struct map m;
    arena_init(&a);
    map_init(&m);
    assert_null(map_get(&m, S("x")));
    for (int i = 0; i < 500; i++)
        assert_null(map_put(&m, arena_fmt(&a, "k%d", i), NEW(&a, int, 1)));
    for (int i = 0; i < 500; i += 2)
        assert_non_null(map_del(&m, arena_fmt(&a, "k%d", i)));
    for (int i = 0; i < 500; i++)
        assert_int_equal(map_get(&m, arena_fmt(&a, "k%d", i)) != NULL, i % 2);
    assert_int_equal(m.n, 250);
    map_done(&m);
    arena_done(&a);
}

static void clock_writes_iso(void **state)
{
    char out[CLOCK_ISO_BYTES];
    CHECK_STR(clock_iso(1790000000123, out), S("2026-09-21T14:13:20.123Z"));
}

static void secret_compares(void **state)
{
    struct secret s = secret_new(S("sk-abc"));
    assert_true(secret_eq(&s, S("sk-abc")));
    assert_false(secret_eq(&s, S("sk-abd")));
    assert_false(secret_eq(&s, S("")));
    secret_done(&s);
    assert_true(secret_is_empty(&s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_and_trims),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(finds_words),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(arena_aligns_and_zeroes),
        cmocka_unit_test(arena_grows_what_was_last),
        cmocka_unit_test(arena_begins_on_the_stack),
        cmocka_unit_test(pages_go_back_when_unused),
        cmocka_unit_test(buf_stops_at_its_maximum),
        cmocka_unit_test(map_survives_deletes),
        cmocka_unit_test(clock_writes_iso),
        cmocka_unit_test(secret_compares),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
