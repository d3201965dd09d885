/* count: texts against what tiktoken made of them; what a hostile text costs; the estimate. */
#include "../check.h"
#include "../arena_fixture.h"

#include "json/doc.h"
#include "token/stream.h"

static uint64_t fnv(const uint32_t *ids, size_t n)
{
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < n; i++)
        for (unsigned shift = 0; shift < 32; shift += 8)
            h = (h ^ (ids[i] >> shift & 255)) * 0x100000001b3;
    return h;
}

static void check_line(str text, enum token_encoding e, jval *count, jval *hash)
{
    struct token_bpe b;
    struct token_split s = { .text = text, .encoding = e };
    uint32_t *ids = NEW(&arena, uint32_t, text.n + 1);
    size_t n = 0;
    str piece;
    token_bpe_init(&b);
    while (token_split_next(&s, &piece))
        n += token_bpe_count(&b, e, piece, ids + n);
    token_bpe_done(&b);
    str got = arena_fmt(&arena, "%016llx", (unsigned long long)fnv(ids, n));
    if ((int64_t)n != jd_i64_or(count, -1) || !str_eq(got, jd_str(hash)))
        fail_msg("%s of \"%.*s\": %zu tokens (%s), not %lld (%s)", token_encoding_name(e),
                 STRF(text), n, got.p, (long long)jd_i64_or(count, -1), jd_str(hash).p);
}

static void as_tiktoken_does(void **state)
{
    if (!token_ranks_here())
        skip();
    FILE *f = fopen(TEST_DATA "/golden/tokens/expected.jsonl", "r");
    assert_non_null(f);
    static char line[16 * 1024];
    size_t lines = 0;
    while (fgets(line, sizeof(line), f)) {
        struct err e;
        jval *v;
        CHECK_OK(jd_read(&v, str_trim(str_c(line)), &arena, &e), &e);
        check_line(jd_str(jd_at(v, 0)), TOKEN_CL100K, jd_at(v, 1), jd_at(v, 2));
        check_line(jd_str(jd_at(v, 0)), TOKEN_O200K, jd_at(v, 3), jd_at(v, 4));
        lines++;
    }
    fclose(f);
    assert_true(lines > 250);
}

static int64_t count(const char *model, str text, bool *ret_exact, uint64_t *ret_steps)
{
    struct token_counter k;
    token_counter_init(&k, str_c(model));
    token_counter_add(&k, text);
    *ret_exact = k.exact;
    *ret_steps = k.bpe.steps;
    int64_t n = k.tokens;
    token_counter_done(&k);
    return n;
}

static str repeated(const char *unit, size_t n)
{
    char *p = arena_raw(&arena, n);
    size_t len = strlen(unit);
    for (size_t i = 0; i < n; i++)
        p[i] = unit[i % len];
    return (str){ p, n };
}

/* One piece each, as long as one may be: no more than 1.5 n log2 n steps. */
static void a_hostile_text_is_bounded(void **state)
{
    static const char *const units[] = { "a", "A", "ab", " ", "\n", "!", "qz", "\xe7\x9a\x84" };
    bool exact;
    uint64_t steps;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        size_t n = TOKEN_PIECE_BYTES / 3 * 3;
        count("gpt-4o", repeated(units[i], n), &exact, &steps);
        if (steps > 30 * n || exact != token_ranks_here())
            fail_msg("%s: %llu steps, exact %d", units[i], (unsigned long long)steps, exact);
    }
    count("gpt-4o", repeated("a", TOKEN_PIECE_BYTES + 1), &exact, &steps);
    assert_false(exact);
    int64_t n = count("gpt-4o", repeated("qzjxqzjxwqv ", 6 * TOKEN_PIECE_BYTES), &exact, &steps);
    assert_true(steps <= TOKEN_STEPS_MAX + 1000);
    assert_false(exact); /* what came after the last step was estimated */
    assert_in_range(n, 500000, 6000000);
}

static void prose_is_cheap(void **state)
{
    bool exact;
    uint64_t steps;
    str text = repeated("The quick brown fox jumps over the lazy dog. ", 45000);
    count("gpt-4o", text, &exact, &steps);
    assert_true(steps < text.n / 2);
}

/* In pieces of every size: as whole, for as long as nothing had to be cut. */
static void a_stream_is_the_whole(void **state)
{
    static const char text[] = "I'll say: the \"camelCase\" word  isn't   \n\n  over, it'S "
                               "na\xc3\xafve \xe4\xbd\xa0\xe5\xa5\xbd 12345 "
                               "x /path//to\r\n /b  {\"a\": [1, 2]}\xe3\x80\x80 \xe3\x81\x82"
                               "BB b \n \t end  ";
    static const char *const models[] = { "gpt-4", "gpt-4o" };
    str whole = { text, sizeof(text) - 1 };
    bool exact;
    uint64_t steps;
    for (size_t m = 0; m < COUNT_OF(models); m++)
        for (size_t step = 1; step <= whole.n; step++) {
            struct token_stream s;
            str rest = whole;
            token_stream_init(&s, str_c(models[m]));
            while (rest.n) {
                token_stream_add(&s, str_take(rest, step));
                rest = str_skip(rest, step);
            }
            token_stream_end(&s);
            int64_t want = count(models[m], whole, &exact, &steps);
            if (token_ranks_here() && s.counter.tokens != want)
                fail_msg("%s by %zu: %lld, not %lld", models[m], step, (long long)s.counter.tokens,
                         (long long)want);
            assert_int_equal(s.counter.exact, token_ranks_here());
            token_stream_done(&s);
        }
}

static void a_stream_without_blanks_is_cut(void **state)
{
    struct token_stream s;
    str text = repeated("\xe7\x9a\x84", 3000);
    token_stream_init(&s, S("gpt-4o"));
    token_stream_add(&s, text);
    token_stream_end(&s);
    assert_false(s.counter.exact);
    if (token_ranks_here())
        assert_in_range(s.counter.tokens, 1000, 1026);
    token_stream_done(&s);
}

static void what_the_count_is_worth(void **state)
{
    struct token_counter k;
    token_counter_init(&k, S("gpt-4"));
    assert_string_equal(token_counter_name(&k), token_ranks_here() ? "cl100k_base" : "estimate");
    token_counter_done(&k);
    token_counter_init(&k, S("claude-opus-4-6"));
    token_counter_add(&k, S("Hello, world!"));
    assert_string_equal(token_counter_name(&k), "estimate");
    assert_int_equal(k.tokens, 4);
    token_counter_done(&k);
}

/* Without a vocabulary. In the comments: what o200k_base has. */
static void estimates_are_near(void **state)
{
    static const struct {
        const char *text;
        int64_t low, high;
    } table[] = {
        { "", 0, 0 },
        { "Hello, world!", 3, 5 },                                                /* 4 */
        { "The quick brown fox jumps over the lazy dog.", 9, 11 },                /* 10 */
        { "int main(void)\n{\n    return 0;\n}\n", 8, 14 },                       /* 11 */
        { "{\"name\":\"get_weather\",\"city\":\"Paris\"}", 8, 16 },               /* 11 */
        { "1234567890", 4, 4 },                                                   /* 4 */
        { "Die Donaudampfschifffahrt f\xc3\xa4hrt heute nicht.", 8, 15 },         /* 12 */
        { "\xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x8c\xe4\xb8\x96\xe7\x95\x8c", 2, 5 }, /* 3 */
        { "\xff\xfe\x80", 0, 3 }, /* no text at all */
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        int64_t n = token_estimate(str_c(table[i].text));
        if (n < table[i].low || n > table[i].high)
            fail_msg("%s: %lld", table[i].text, (long long)n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(as_tiktoken_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hostile_text_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(prose_is_cheap, set_up, tear_down),
        cmocka_unit_test(a_stream_is_the_whole),
        cmocka_unit_test_setup_teardown(a_stream_without_blanks_is_cut, set_up, tear_down),
        cmocka_unit_test(what_the_count_is_worth),
        cmocka_unit_test(estimates_are_near),
    };
    return cmocka_run_group_tests_name("count", tests, NULL, NULL);
}
