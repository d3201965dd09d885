#include "check.h"

#include "base/base64.h"

static void test_both_ways(void **state)
{
    /* RFC 4648 10, then the two alphabets. */
    static const struct {
        str plain;
        const char *std, *url;
    } t[] = {
        { S(""), "", "" },
        { S("f"), "Zg==", "Zg" },
        { S("fo"), "Zm8=", "Zm8" },
        { S("foo"), "Zm9v", "Zm9v" },
        { S("foob"), "Zm9vYg==", "Zm9vYg" },
        { S("fooba"), "Zm9vYmE=", "Zm9vYmE" },
        { S("foobar"), "Zm9vYmFy", "Zm9vYmFy" },
        { S("\xfb\xff\xbf"), "+/+/", "-_-_" },
        { S("\0\0"), "AAA=", "AAA" },
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct buf b;
        buf_init(&b, 100);
        base64_add(&b, t[i].plain);
        CHECK_STR(buf_str(&b), str_c(t[i].std));
        buf_clear(&b);
        base64url_add(&b, t[i].plain);
        CHECK_STR(buf_str(&b), str_c(t[i].url));
        buf_clear(&b);
        assert_true(base64_decode(&b, str_c(t[i].std)));
        CHECK_STR(buf_str(&b), t[i].plain);
        buf_clear(&b);
        assert_true(base64url_decode(&b, str_c(t[i].url)));
        CHECK_STR(buf_str(&b), t[i].plain);
        buf_done(&b);
    }
}

static void test_refused(void **state)
{
    static const str std[] = { S("Zg"),     S("Zg="),     S("Zg==="), S("Z"),
                               S("Z==="),   S("===="),    S("Zh=="),  S("Zm9="),
                               S("Zm9v\n"), S(" Zm9v"),   S("Zm 9"),  S("Zg==Zg=="),
                               S("-_-_"),   S("Zm9\xff"), S("Zm9\0"), S("=m9v") };
    static const str url[] = { S("Zg=="), S("Z"),      S("Zh"),   S("Zm9"),
                               S("+/+/"), S("Zm9v\n"), S("Zm9vY") };
    struct buf b;
    buf_init(&b, 100);
    buf_add(&b, S("kept"));
    for (size_t i = 0; i < COUNT_OF(std); i++)
        if (base64_decode(&b, std[i]))
            fail_msg("taken: %.*s", STRF(std[i]));
    for (size_t i = 0; i < COUNT_OF(url); i++)
        if (base64url_decode(&b, url[i]))
            fail_msg("taken: %.*s", STRF(url[i]));
    CHECK_STR(buf_str(&b), S("kept"));
    buf_done(&b);
}

static void test_full(void **state)
{
    struct buf b;
    buf_init(&b, 2);
    assert_false(base64_decode(&b, S("Zm9vYmFy")));
    assert_true(b.full);
    buf_clear(&b);
    base64_add(&b, S("x"));
    assert_true(b.full);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
