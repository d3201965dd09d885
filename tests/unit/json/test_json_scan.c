/* json/scan: the grammar against a table, members found, limits, agreement with json/doc. */
#include "../check.h"

#include <stdlib.h>

#include "cases.h"
#include "json/doc.h"

/* A copy of its exact size, so that reading past the end is seen. */
static str exact(str s)
{
    char *p = malloc(s.n ? s.n : 1);
    memcpy(p, s.p, s.n);
    return (str){ p, s.n };
}

static bool reads(str text, struct err *e)
{
    struct arena a;
    jval *v;
    arena_init(&a);
    rc r = jd_read(&v, text, &a, e);
    assert_int_equal(FAILED(r), v == NULL);
    arena_done(&a);
    return !FAILED(r);
}

static void grammar(void **state)
{
    assert_true(COUNT_OF(json_cases) >= 200);
    for (size_t i = 0; i < COUNT_OF(json_cases); i++) {
        const struct json_case *c = &json_cases[i];
        struct err e = { .text = "" };
        str text = exact(c->text);
        rc r = json_scan(text, NULL, 0, NULL, &e);
        if (r.code != (c->ok ? OK : E_SYNTAX))
            fail_msg("scan, case %zu: %.*s: code %d %s", i, STRF(c->text), (int)r.code, e.text);
        if (!c->ok)
            assert_true(e.at <= text.n && e.text[0]);
        struct err again = { .text = "" };
        if (reads(text, &again) != c->ok)
            fail_msg("read, case %zu: %.*s: %s", i, STRF(c->text), again.text);
        assert_int_equal(again.at, e.at);
        CHECK_STR(str_c(again.text), str_c(e.text));
        free((char *)(uintptr_t)text.p);
    }
}

/* Every valid case cut short is invalid, but for numbers on their own; no cut reads past its end.
 */
static void cut_short(void **state)
{
    for (size_t i = 0; i < COUNT_OF(json_cases); i++) {
        str whole = str_trim(json_cases[i].text);
        if (!json_cases[i].ok || (whole.p[0] != '[' && whole.p[0] != '{' && whole.p[0] != '"'))
            continue;
        for (size_t n = 0; n < whole.n; n++) {
            str text = exact(str_take(whole, n));
            struct err e;
            if (json_scan(text, NULL, 0, NULL, &e).code != E_SYNTAX)
                fail_msg("case %zu cut at %zu was taken: %.*s", i, n, STRF(text));
            assert_false(reads(text, &e));
            free((char *)(uintptr_t)text.p);
        }
    }
}

static void members(void **state)
{
    static const struct {
        const char *text;
        enum json_kind top, kind; /* of "model" */
        const char *value;
        uint32_t times;
    } cases[] = {
        { "{\"model\":\"x\"}", JSON_OBJECT, JSON_STRING, "\"x\"", 1 },
        { " { \"a\" : [1,{\"model\":2}] , \"model\" : \"y\\\"z\" } ", JSON_OBJECT, JSON_STRING,
          "\"y\\\"z\"", 1 },
        { "{\"model\":1,\"model\":-2.5e3,\"x\":0}", JSON_OBJECT, JSON_NUMBER, "-2.5e3", 2 },
        { "{\"mod\\u0065l\":true}", JSON_OBJECT, JSON_TRUE, "true", 1 },
        { "{\"model\\u0000\":true}", JSON_OBJECT, JSON_NONE, "", 0 },
        { "{\"mode\\n\":true}", JSON_OBJECT, JSON_NONE, "", 0 },
        { "{\"model\":false}", JSON_OBJECT, JSON_FALSE, "false", 1 },
        { "{\"model\":null,\"models\":1,\"mode\":2}", JSON_OBJECT, JSON_NULL, "null", 1 },
        { "{\"x\":1,\"model\":[ [1], {\"model\":3} ] }", JSON_OBJECT, JSON_ARRAY,
          "[ [1], {\"model\":3} ]", 1 },
        { "{\"model\":[]}", JSON_OBJECT, JSON_ARRAY, "[]", 1 },
        { "{\"model\":{},\"y\":{\"model\":1}}", JSON_OBJECT, JSON_OBJECT, "{}", 1 },
        { "{\"model\":{\"model\":{\"model\":1}}}", JSON_OBJECT, JSON_OBJECT,
          "{\"model\":{\"model\":1}}", 1 },
        { "[{\"model\":1}]", JSON_ARRAY, JSON_NONE, "", 0 },
        { "\"model\"", JSON_STRING, JSON_NONE, "", 0 },
        { "{}", JSON_OBJECT, JSON_NONE, "", 0 },
        { "7", JSON_NUMBER, JSON_NONE, "", 0 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct json_member m[] = { { .name = S("stream") }, { .name = S("model") } };
        enum json_kind top;
        struct err e;
        CHECK_OK(json_scan(str_c(cases[i].text), m, 2, &top, &e), &e);
        assert_int_equal(top, cases[i].top);
        assert_int_equal(m[1].kind, cases[i].kind);
        CHECK_STR(m[1].value, str_c(cases[i].value));
        assert_int_equal(m[1].times, cases[i].times);
        assert_int_equal(m[0].kind, JSON_NONE);
    }
}

/* Escaped keys mean what they say, surrogate pairs too. */
static void escaped_keys(void **state)
{
    struct json_member m[] = { { .name = S("\xf0\x9f\x98\x80/\"\\\n") } };
    struct err e;
    CHECK_OK(json_scan(S("{\"\\ud83d\\ude00\\/\\\"\\\\\\n\":5}"), m, 1, NULL, &e), &e);
    CHECK_STR(m[0].value, S("5"));
    m[0].name = S("\xef\xbf\xbd");
    CHECK_OK(json_scan(S("{\"\\ud83d\":6}"), m, 1, NULL, &e), &e);
    CHECK_STR(m[0].value, S("6"));
}

static void depth_limit(void **state)
{
    for (unsigned objects = 0; objects < 2; objects++) {
        for (unsigned depth = JSON_DEPTH_MAX - 1; depth < JSON_DEPTH_MAX + 2; depth++) {
            struct buf b;
            struct err e;
            buf_init(&b, 4096);
            for (unsigned i = 0; i < depth; i++)
                buf_add(&b, objects ? S("{\"a\":") : S("["));
            buf_add(&b, objects ? S("1") : S(""));
            for (unsigned i = 0; i < depth; i++)
                buf_chr(&b, objects ? '}' : ']');
            bool fits = depth <= JSON_DEPTH_MAX;
            assert_int_equal(json_scan(buf_str(&b), NULL, 0, NULL, &e).code, fits ? OK : E_LIMIT);
            assert_int_equal(reads(buf_str(&b), &e), fits);
            buf_done(&b);
        }
    }
    /* A million brackets: refused at the limit, and cheaply. */
    size_t n = 1000000;
    char *many = malloc(n);
    memset(many, '[', n);
    struct arena a;
    struct err e;
    jval *v;
    arena_init(&a);
    assert_int_equal(json_scan((str){ many, n }, NULL, 0, NULL, &e).code, E_LIMIT);
    assert_int_equal(e.at, JSON_DEPTH_MAX);
    assert_int_equal(jd_read(&v, (str){ many, n }, &a, &e).code, E_LIMIT);
    assert_true(a.bytes < 24 * n);
    arena_done(&a);
    free(many);
}

static void messages(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "{\"a\":[1,2}", "unexpected '}' at byte 9, expected ',' or ']'" },
        { "{\"a\":1", "the text ends at byte 6, expected ',' or '}'" },
        { "", "the text ends at byte 0, expected a value" },
        { "{a:1}", "unexpected 'a' at byte 1, expected a key in double quotes" },
        { "[\"\n\"]",
          "unexpected byte 0x0a at byte 2, expected no raw control character in a string" },
        { "[\"\xff\"]", "unexpected byte 0xff at byte 2, expected valid UTF-8" },
        { "[1]]", "unexpected ']' at byte 3, expected nothing after the value" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err e;
        assert_int_equal(json_scan(str_c(cases[i].text), NULL, 0, NULL, &e).code, E_SYNTAX);
        CHECK_STR(str_c(e.text), str_c(cases[i].want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar),      cmocka_unit_test(cut_short),   cmocka_unit_test(members),
        cmocka_unit_test(escaped_keys), cmocka_unit_test(depth_limit), cmocka_unit_test(messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
