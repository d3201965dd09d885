#include "../../../fuzz/run_sse.h"

#include "check.h"

static void check_run(str bytes, size_t first, size_t step, str want)
{
    struct buf got;
    buf_init(&got, 1 << 24);
    run_sse((struct pieces){ bytes, first, step, NULL }, &got);
    if (!str_eq(buf_str(&got), want))
        fail_msg("first %zu, then %zu\n  bytes: %.*s\n  got:  %.*s\n  want: %.*s", first, step,
                 STRF(bytes), (int)got.n, got.p, STRF(want));
    buf_done(&got);
}

static void check_splits(str bytes, str want)
{
    check_run(bytes, 0, SIZE_MAX, want);
    for (size_t step = 1; step < 5; step++)
        check_run(bytes, 0, step, want);
    for (size_t i = 1; i < bytes.n; i++)
        for (size_t k = 1; k <= 2; k++)
            check_run(bytes, i, k == 1 ? SIZE_MAX : 2, want);
}

struct sse_case {
    str bytes;
    const char *want; /* see run_sse */
};

static void check_table(const struct sse_case *t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_splits(t[i].bytes, str_c(t[i].want));
}

/* The cases of web-platform-tests eventsource/format-*, by name. */
static void test_wpt_formats(void **state)
{
    static const struct sse_case t[] = {
        /* bom */
        { S("\xef\xbb\xbf"
            "data:1\n\n\xef\xbb\xbf"
            "data:2\n\ndata:3\n\n"),
          "[=1][=3]" },
        /* bom-2 */
        { S("\xef\xbb\xbf\xef\xbb\xbf"
            "data:1\n\ndata:2\n\ndata:3\n\n"),
          "[=2][=3]" },
        /* comments */
        { S("data:1\r:\0\n:\r\ndata:2\n:xxxxxxxxxxxxxxxxxxxxxxxxx\rdata:3\n:data:fail\r:xxx\n"
            "data:4\n\n"),
          "[=1\n2\n3\n4]" },
        /* data-before-final-empty-line: here the cut event counts, see sse.h */
        { S("retry:1000\ndata:test1\n\nid:test\ndata:test2"), "[=test1].[=test2]" },
        /* field-data */
        { S("data:\n\ndata\ndata\n\ndata:test\n\n"), "[=][=\n][=test]" },
        /* field-event */
        { S("event:test\ndata:x\n\ndata:x\n\n"), "[test=x][=x]" },
        /* field-event-empty */
        { S("event: \ndata:data\n\n"), "[=data]" },
        /* field-id, field-retry, field-unknown */
        { S("id: 1\ndata: hello\n\n"), "[=hello]" },
        { S("retry:1000000\ndata:x\n\n"), "[=x]" },
        { S("data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n"),
          "[=test\n\ntest]" },
        /* field-parsing */
        { S("data:\0\ndata:  "
            "2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n"
            " data:32\ndata:4\n\n"),
          NULL },
        /* leading-space */
        { S("data:\ttest\rdata: \ndata:test\n\n"), "[=\ttest\n\ntest]" },
        /* newlines */
        { S("data:test\r\ndata\ndata:test\r\n\r\n"), "[=test\n\ntest]" },
        /* null-character */
        { S("data:\0\n\n\n\n"), NULL },
        /* utf-8 */
        { S("data:ok\xe2\x80\xa6\n\n"), "[=ok\xe2\x80\xa6]" },
    };
    for (size_t i = 0; i < COUNT_OF(t); i++)
        if (t[i].want)
            check_splits(t[i].bytes, str_c(t[i].want));
    check_splits(t[10].bytes, S("[=\0\n 2\n1\n3\n\n4]"));
    check_splits(t[13].bytes, S("[=\0]"));
}

static void test_more(void **state)
{
    static const struct sse_case t[] = {
        { S(""), "" },
        { S("\n"), "" },
        { S("\n\n\r\n\r\r"), "" },
        { S("\xef\xbb\xbf\n\ndata: x\n\n"), "[=x]" },
        { S("\xef\xbb"), "" },
        { S("\xef\xbb"
            "data: x\n\ndata: y\n\n"),
          "[=y]" },
        { S("\xef"), "" },
        { S("\r\ndata: x\r\n\r\ndata: y\r\n\r\n"), "[=x][=y]" },
        { S("data: x\r\rdata: y\r\r"), "[=x][=y]" },
        { S("data: x\n\r\ndata: y\r\n\ndata: z\r\n\r\r\ndata: u\n\r"), "[=x][=y][=z][=u]" },
        { S("data: a\r\ndata: b\rdata: c\ndata: d\r\n\r\n"), "[=a\nb\nc\nd]" },
        { S("event: a\n\nevent: b\ndata: 1\n\n"), "[a-][b=1]" },
        { S("event: a\nevent:\n\ndata: 1\n\n"), "[=1]" },
        { S("event: a\nevent: b\ndata: 1\n\n"), "[b=1]" },
        { S(": keep-alive\n\n: keep-alive\n\ndata: x\n\n:\n\n"), "[=x]" },
        { S("id: 1\nretry: 5\n\ndata: x\n\n"), "[=x]" },
        { S("datax: 1\ndat: 2\ndata : 3\n data: 4\nDATA: 5\neventful: 6\n\n"), "" },
        { S("data: {\"a\":\"b: c\"}\n\ndata: [DONE]\n\n"), "[={\"a\":\"b: c\"}][=[DONE]]" },
        { S("data: [DONE]"), ".[=[DONE]]" },
        { S("data: [DONE]\n"), ".[=[DONE]]" },
        { S("data: [DONE]\r"), ".[=[DONE]]" },
        { S("data: [DONE]\r\n"), ".[=[DONE]]" },
        { S("data: a\ndata: b"), ".[=a\nb]" },
        { S("data: x\n\nevent: y"), "[=x].[y-]" },
        { S("data: x\n\n: comment"), "[=x]" },
        { S("data"), ".[=]" },
        { S("data: x\n\n\n\n\ndata: y\n\n"), "[=x][=y]" },
        { S("data:\n\n"), "[=]" },
        { S("data: \n\n"), "[=]" },
        { S("data:  \n\n"), "[= ]" },
    };
    check_table(t, COUNT_OF(t));
}

/* Lines about as long as find_eol's step, with either line end near its border. */
static void test_long_lines(void **state)
{
    static const char *const ends[] = { "\n\n", "\r\r", "\r\n\r\n" };
    for (size_t n = 490; n < 530; n++) {
        for (size_t k = 0; k < COUNT_OF(ends); k++) {
            struct buf b, want;
            buf_init(&b, 4096);
            buf_init(&want, 4096);
            buf_add(&b, S("data:"));
            buf_add(&want, S("[="));
            for (size_t i = 0; i < n; i++) {
                buf_chr(&b, (char)('a' + i % 26));
                buf_chr(&want, (char)('a' + i % 26));
            }
            buf_add(&b, str_c(ends[k]));
            buf_add(&b, S("data:x\n\n"));
            buf_add(&want, S("][=x]"));
            check_run(buf_str(&b), 0, SIZE_MAX, buf_str(&want));
            check_run(buf_str(&b), 0, 7, buf_str(&want));
            check_run(buf_str(&b), n + 5, 1, buf_str(&want));
            buf_done(&b);
            buf_done(&want);
        }
    }
}

static void test_limit(void **state)
{
    struct buf b;
    buf_init(&b, 1 << 26);
    buf_add(&b, S("data:"));
    while (b.n < SSE_EVENT_BYTES_MAX - 2)
        buf_chr(&b, 'x');
    static const struct {
        str add;
        bool good;
    } t[] = { { S("\n\n"), true },   { S("\n\r\n"), true },    { S("\r\n\n"), false },
              { S("x\n\n"), false }, { S("\r\n\r\n"), false }, { S("xxxxxxxxx"), false } };
    static const size_t steps[] = { SIZE_MAX, 65536, 1000003 };
    size_t n = b.n;
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        b.n = n;
        buf_add(&b, t[i].add);
        for (size_t k = 0; k < COUNT_OF(steps); k++) {
            struct buf got;
            buf_init(&got, 1 << 26);
            run_sse((struct pieces){ buf_str(&b), 0, steps[k], NULL }, &got);
            assert_int_equal(str_eq(buf_str(&got), S("!")), !t[i].good);
            buf_done(&got);
        }
    }
    buf_done(&b);
}

/* Whole events borrow from the input, and so does what is relayed. */
static void test_no_copies(void **state)
{
    struct sse s;
    struct sse_event ev;
    struct err e;
    str bytes = S("data: x\n\nevent: e\ndata: y\n\ndata: z"), in = bytes;
    sse_init(&s);
    CHECK_OK(sse_next(&s, &in, &ev, &e), &e);
    assert_ptr_equal(ev.data.p, bytes.p + 6);
    assert_ptr_equal(ev.raw.p, bytes.p);
    assert_int_equal(ev.raw.n, 9);
    CHECK_OK(sse_next(&s, &in, &ev, &e), &e);
    assert_ptr_equal(ev.raw.p, bytes.p + 9);
    assert_int_equal(ev.raw.n, 18);
    assert_null(s.partial.p);
    assert_int_equal(sse_next(&s, &in, &ev, &e).code, AGAIN);
    in = S("\n\n");
    CHECK_OK(sse_next(&s, &in, &ev, &e), &e);
    CHECK_STR(ev.raw, S("data: z\n\n"));
    assert_int_equal(sse_next(&s, &in, &ev, &e).code, AGAIN);
    assert_null(s.partial.p);
    sse_done(&s);
    assert_true(sizeof(struct sse) <= 56);
}

/* Time is linear: a megabyte of each kind of trouble, byte by byte and whole. */
static void test_linear(void **state)
{
    static const char *const units[] = {
        "x", "\r", "\n", "data:\r", "a\r\r", "data: y\n", ":\n\n"
    };
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        struct buf b, whole, bytewise;
        buf_init(&b, 1 << 22);
        buf_init(&whole, 1 << 24);
        buf_init(&bytewise, 1 << 24);
        while (b.n < 1 << 20)
            buf_add(&b, str_c(units[i]));
        run_sse((struct pieces){ buf_str(&b), 0, SIZE_MAX, NULL }, &whole);
        run_sse((struct pieces){ buf_str(&b), 0, 1, NULL }, &bytewise);
        assert_true(str_eq(buf_str(&whole), buf_str(&bytewise)));
        buf_done(&b);
        buf_done(&whole);
        buf_done(&bytewise);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wpt_formats), cmocka_unit_test(test_more),
        cmocka_unit_test(test_long_lines),  cmocka_unit_test(test_limit),
        cmocka_unit_test(test_no_copies),   cmocka_unit_test(test_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
