/* Ropes: what was added comes out, from any mark, however it was added. */
#include "../check.h"
#include "base/rope.h"

enum { BYTES = 40 * 1000 };

static void check_from(const struct rope *r, struct rope_mark from, str want)
{
    struct buf out;
    buf_init(&out, BYTES);
    rope_copy(&out, r, from);
    CHECK_STR(buf_str(&out), want);
    buf_done(&out);
}

static void test_rope(void **state)
{
    (void)state;
    static char text[BYTES];
    struct rope_mark marks[3];
    size_t at[3];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)('a' + i * 7 % 26);
    for (size_t step = 1; step < 5000; step += 1 + step / 3) {
        struct arena a;
        struct rope r = { 0 };
        str all = { text, sizeof(text) }, rest = all;
        arena_init(&a);
        for (size_t i = 0; rest.n; i++) {
            if (i < 3) {
                marks[i] = rope_end(&r);
                at[i] = all.n - rest.n;
            }
            rope_add(&r, str_take(rest, step), &a);
            rest = str_skip(rest, step);
        }
        for (size_t i = 0; i < 3; i++)
            check_from(&r, marks[i], str_skip(all, at[i]));
        assert_true(a.bytes < all.n + 70 * 1024); /* the arena's last block may be all room */
        rope_cut(&r, marks[2]);
        rope_add(&r, S("end"), &a);
        check_from(&r, marks[2], S("end"));
        check_from(&r, (struct rope_mark){ 0 }, arena_cat(&a, str_take(all, at[2]), S("end")));
        rope_cut(&r, marks[0]);
        check_from(&r, rope_end(&r), S(""));
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rope) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
