#include "check.h"

#include "http/field.h"

static void test_media_type(void **state)
{
    CHECK_STR(http_media_type(S("application/json; charset=utf-8")), S("application/json"));
    CHECK_STR(http_media_type(S(" text/event-stream ")), S("text/event-stream"));
    CHECK_STR(http_media_type(S("a ;b")), S("a"));
    CHECK_STR(http_media_type((str){ NULL, 0 }), S(""));
}

static void test_param(void **state)
{
    static const struct {
        const char *value, *want; /* of "b"; NULL: not there */
    } t[] = {
        { "a; b=1", "1" },
        { "a;b=1;c=2", "1" },
        { "a; B=1", "1" },
        { "a; c=2 ;\tb=1", "1" },
        { "a; b=\"1; b=2\"", "1; b=2" },
        { "a; b=\"\"", "" },
        { "a; b=\"x\\\"y\\\\\"; c", "x\\\"y\\\\" },
        { "a; c=\"; b=2\"; b=1", "1" },
        { "a; b=1; b=2", "1" },
        { "a;; b=1;", "1" },
        { "b=1", NULL },
        { "a", NULL },
        { "", NULL },
        { "a; bb=1", NULL },
        { "a; b", NULL },
        { "a; b=", NULL },
        { "a; b =1", NULL },
        { "a; b= 1", NULL },
        { "a; b=\"1", NULL },
        { "a; b=\"1\\", NULL },
        { "a; b=\"1\\\"", NULL },
        { "a; c=\"x\"y; b=1", NULL },
        { "a; c x; b=1", NULL },
        { "a; =x; b=1", NULL },
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        str v = http_param(str_c(t[i].value), S("b"));
        if (!v.p != !t[i].want)
            fail_msg("%s: %.*s", t[i].value, STRF(v));
        CHECK_STR(v, str_c(t[i].want));
    }
}

static void test_list(void **state)
{
    assert_true(http_list_has(S("gzip, CHUNKED ,x"), S("chunked")));
    assert_true(http_list_has(S("x"), S("x")));
    assert_false(http_list_has(S("xchunked, chunkedx"), S("chunked")));
    assert_false(http_list_has(S(""), S("x")));
    assert_false(http_list_has((str){ NULL, 0 }, S("x")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_media_type),
        cmocka_unit_test(test_param),
        cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
