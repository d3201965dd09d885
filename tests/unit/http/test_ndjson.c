#include "../../../fuzz/run_ndjson.h"

#include "check.h"

static void check_run(str bytes, size_t first, size_t step, str want)
{
    struct buf got;
    buf_init(&got, 1 << 26);
    run_ndjson((struct pieces){ bytes, first, step, NULL }, &got);
    CHECK_STR(buf_str(&got), want);
    buf_done(&got);
}

static void test_splits(void **state)
{
    static const struct {
        str bytes;
        const char *want;
    } t[] = {
        { S(""), "" },
        { S("\n"), "" },
        { S("\r\n\n\r\n"), "" },
        { S("{}\n"), "[{}]" },
        { S("{\"a\":1}\n{\"b\":2}\r\n\n\r\n{\"c\":3}\n"), "[{\"a\":1}][{\"b\":2}][{\"c\":3}]" },
        { S("{}\n{}"), "[{}].[{}]" },
        { S("{}\r"), ".[{}]" },
        { S("\r"), "" },
        { S("a\rb\n"), "[a\rb]" },
        { S("\xef\xbb\xbf{}\n"), "[\xef\xbb\xbf{}]" },
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        str want = str_c(t[i].want);
        check_run(t[i].bytes, 0, SIZE_MAX, want);
        for (size_t step = 1; step < 4; step++)
            check_run(t[i].bytes, 0, step, want);
        for (size_t k = 1; k < t[i].bytes.n; k++)
            check_run(t[i].bytes, k, SIZE_MAX, want);
    }
}

static void test_limit(void **state)
{
    static const size_t steps[] = { SIZE_MAX, 65536, 1000003 };
    struct buf b, want;
    buf_init(&b, 1 << 26);
    buf_init(&want, 1 << 26);
    buf_chr(&want, '[');
    while (b.n < NDJSON_LINE_BYTES_MAX) {
        buf_chr(&b, 'x');
        buf_chr(&want, 'x');
    }
    buf_chr(&want, ']');
    buf_add(&b, S("\ny"));
    buf_add(&want, S(".[y]"));
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        check_run(buf_str(&b), 0, steps[i], buf_str(&want));
    b.p[b.n - 2] = 'x';
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        check_run(buf_str(&b), 0, steps[i], S("!"));
        check_run((str){ b.p, b.n - 1 }, 0, steps[i], S("!"));
    }
    buf_done(&b);
    buf_done(&want);
}

static void test_no_copies(void **state)
{
    struct ndjson s;
    struct err e;
    str bytes = S("{}\n[]\n1"), in = bytes, line;
    ndjson_init(&s);
    CHECK_OK(ndjson_next(&s, &in, &line, &e), &e);
    CHECK_OK(ndjson_next(&s, &in, &line, &e), &e);
    assert_ptr_equal(line.p, bytes.p + 3);
    assert_null(s.partial.p);
    assert_int_equal(ndjson_next(&s, &in, &line, &e).code, AGAIN);
    in = S("\n");
    CHECK_OK(ndjson_next(&s, &in, &line, &e), &e);
    CHECK_STR(line, S("1"));
    assert_int_equal(ndjson_next(&s, &in, &line, &e).code, AGAIN);
    assert_null(s.partial.p);
    ndjson_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_no_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
