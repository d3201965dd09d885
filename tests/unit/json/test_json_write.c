/* json/write and json/splice: structure, escaping, numbers, edits. */
#include "../check.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "json/splice.h"
#include "json/write.h"

/* Keys known to be plain are what the general way makes of them, whatever their length, with and
 * without a comma, also where the buffer has to grow or is full. */
static void plain_keys(void **state)
{
    const str letters = S("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    for (size_t n = 0; n <= letters.n; n++) {
        for (size_t max = 1; max <= 2 * n + 20; max += n + 19) {
            struct buf b[2];
            for (int plain = 0; plain < 2; plain++) {
                struct jw w;
                buf_init(&b[plain], max);
                jw_init(&w, &b[plain]);
                jw_obj(&w);
                for (int i = 0; i < 2; i++) {
                    (plain ? jw_key_plain : jw_key_any)(&w, str_take(letters, n));
                    jw_i64(&w, 1);
                }
                jw_obj_end(&w);
            }
            assert_int_equal(b[0].full, b[1].full);
            if (!b[0].full)
                CHECK_STR(buf_str(&b[0]), buf_str(&b[1]));
            buf_done(&b[0]);
            buf_done(&b[1]);
        }
    }
}

static void structure(void **state)
{
    struct buf b;
    struct jw w;
    buf_init(&b, 4096);
    jw_init(&w, &b);
    assert_false(jw_complete(&w));
    jw_obj(&w);
    jw_kstr(&w, S("s"), S("x\"y"));
    jw_ki64(&w, S("i"), INT64_MIN);
    jw_ku64(&w, S("u"), UINT64_MAX);
    jw_kf64(&w, S("f"), 0.1);
    jw_kbool(&w, S("b"), true);
    jw_knull(&w, S("z"));
    jw_kraw(&w, S("r"), S("{\"k\":1.50}"));
    jw_kraw(&w, S("empty"), S(""));
    jw_kstr_if(&w, S("no"), S(""));
    jw_kraw_if(&w, S("no"), S(""));
    jw_kstr_if(&w, S("yes"), S("y"));
    jw_karr(&w, S("l"));
    jw_arr(&w);
    jw_arr_end(&w);
    jw_obj(&w);
    jw_obj_end(&w);
    jw_str_begin(&w);
    jw_str_add(&w, S("a\n"));
    jw_str_add(&w, S("b"));
    jw_str_end(&w);
    jw_bool(&w, false);
    jw_arr_end(&w);
    jw_kobj(&w, S("k\ne"));
    jw_kval(&w, S("v"), NULL);
    jw_obj_end(&w);
    assert_false(jw_complete(&w));
    jw_obj_end(&w);
    assert_true(jw_complete(&w));
    CHECK_STR(buf_str(&b),
              S("{\"s\":\"x\\\"y\",\"i\":-9223372036854775808,\"u\":18446744073709551615,\"f\":0.1,"
                "\"b\":true,\"z\":null,\"r\":{\"k\":1.50},\"empty\":null,\"yes\":\"y\","
                "\"l\":[[],{},\"a\\nb\",false],\"k\\ne\":{\"v\":null}}"));
    buf_done(&b);
}

static void deep(void **state)
{
    struct buf b;
    struct jw w;
    struct err e;
    buf_init(&b, 4096);
    jw_init(&w, &b);
    for (int i = 0; i < JW_DEPTH_MAX; i++) {
        if (i % 3) {
            jw_obj(&w);
            jw_key(&w, S("k"));
        } else {
            jw_arr(&w);
        }
    }
    jw_i64(&w, 1);
    for (int i = JW_DEPTH_MAX - 1; i >= 0; i--)
        (i % 3 ? jw_obj_end : jw_arr_end)(&w);
    assert_true(jw_complete(&w));
    CHECK_OK(json_scan(buf_str(&b), NULL, 0, NULL, &e), &e);
    buf_done(&b);
}

static void full_is_sticky(void **state)
{
    struct buf b;
    struct jw w;
    buf_init(&b, 10);
    jw_init(&w, &b);
    jw_arr(&w);
    for (int i = 0; i < 100; i++)
        jw_str(&w, S("abc"));
    jw_arr_end(&w);
    assert_true(b.full);
    assert_true(b.n <= 10);
    buf_done(&b);
}

static void escapes(void **state)
{
    static const struct {
        str in, want;
    } cases[] = {
        { { "", 0 }, { "", 0 } },
        { { "plain", 5 }, { "plain", 5 } },
        { { "\"\\/\b\f\n\r\t\0\x1f\x7f", 11 },
          { "\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u0000\\u001f\x7f", 36 } },
        { { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9 },
          { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9 } },
        { { "a\xff"
            "b",
            3 },
          { "a\xef\xbf\xbd"
            "b",
            5 } },
        { { "\xe2\x82", 2 }, { "\xef\xbf\xbd\xef\xbf\xbd", 6 } },
        { { "0123456789abcdef\n0123456789abcdef", 33 },
          { "0123456789abcdef\\n0123456789abcdef", 34 } },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf b;
        struct arena a;
        arena_init(&a);
        buf_init(&b, 200);
        json_escape(&b, cases[i].in);
        CHECK_STR(buf_str(&b), cases[i].want);
        buf_clear(&b);
        json_quote(&b, cases[i].in);
        if (str_is_utf8(cases[i].in))
            CHECK_STR(json_unescape(&a, buf_str(&b)), cases[i].in);
        buf_done(&b);
        arena_done(&a);
    }
}

/* A special byte at every place around the 16-byte steps. */
static void escapes_anywhere(void **state)
{
    char text[50], want[60];
    for (size_t n = 1; n < sizeof(text); n++) {
        for (size_t at = 0; at < n; at++) {
            struct buf b;
            memset(text, 'x', n);
            memset(want, 'x', n + 1);
            text[at] = '"';
            want[at] = '\\';
            want[at + 1] = '"';
            buf_init(&b, 100);
            json_escape(&b, (str){ text, n });
            CHECK_STR(buf_str(&b), ((str){ want, n + 1 }));
            buf_done(&b);
        }
    }
}

static void unescapes(void **state)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        { "\"\"", "" },
        { "\"abc\"", "abc" },
        { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
        { "\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00!\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!" },
        { "\"\\ud83d\"", "\xef\xbf\xbd" },
        { "\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
                                "A" },
        { "\"\\ude00\\ud83d\"", "\xef\xbf\xbd\xef\xbf\xbd" },
        { "12", "" },
        { "\"", "" },
        { "", "" },
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        CHECK_STR(json_unescape(&a, str_c(cases[i].in)), str_c(cases[i].want));
    str plain = S("\"no escape\"");
    assert_ptr_equal(json_unescape(&a, plain).p, plain.p + 1);
    arena_done(&a);
}

static void floats(void **state)
{
    static const double cases[] = { 0.0,     -0.0,    1.0,       0.1,     1e21,  1e-7,   123456.789,
                                    DBL_MAX, DBL_MIN, 0x1p-1074, 2.0 / 3, 1e300, 5e-324, 100.0 };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf b;
        struct jw w;
        struct err e;
        buf_init(&b, 100);
        jw_init(&w, &b);
        jw_f64(&w, cases[i]);
        CHECK_OK(json_scan(buf_str(&b), NULL, 0, NULL, &e), &e);
        buf_chr(&b, 0);
        assert_true(strtod(b.p, NULL) == cases[i]);
        assert_true(b.n <= 26);
        buf_done(&b);
    }
    struct buf b;
    struct jw w;
    buf_init(&b, 100);
    jw_init(&w, &b);
    jw_arr(&w);
    jw_f64(&w, (double)INFINITY);
    jw_f64(&w, (double)NAN);
    jw_f64(&w, 0.3);
    jw_arr_end(&w);
    CHECK_STR(buf_str(&b), S("[null,null,0.3]"));
    buf_done(&b);
}

/* Reading and writing gives the same text where it was compact. */
static void values_round_trip(void **state)
{
    static const char *const cases[] = {
        "null",
        "[]",
        "{}",
        "[[],{},[[{}]]]",
        "{\"a\":1,\"a\":2}",
        "{\"\":{\"\":[null,true,false]}}",
        "[1.0,1e5,-0,100000000000000000000000,0.10]",
        "\"\\u0000\\n\xe2\x82\xac\"",
        "{\"a\":[{\"b\":[{\"c\":[1]}]}],\"d\":[{}]}",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        struct err e;
        jval *v;
        arena_init(&a);
        CHECK_OK(jd_read(&v, str_c(cases[i]), &a, &e), &e);
        CHECK_STR(jd_text(v, &a), str_c(cases[i]));
        arena_done(&a);
    }
}

static void splices(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        { "{\"model\":\"a\",\"x\":1}", "{\"s\":1,\"model\":\"NEW\",\"x\":1}" },
        { " { \"x\" : 1 , \"model\" : null } ", " {\"s\":1, \"x\" : 1 , \"model\" : \"NEW\" } " },
        { "{\"model\":{\"model\":1}}", "{\"s\":1,\"model\":\"NEW\"}" },
        { "{ }", "{\"s\":1 }" },
        { "{}", "{\"s\":1}" },
        { "{\"y\":2}", "{\"s\":1,\"y\":2}" },
        { "{\"model\":1,\"model\":2}", "{\"s\":1,\"model\":1,\"model\":\"NEW\"}" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        str text = str_c(cases[i].text);
        struct json_member m = { .name = S("model") };
        struct err e;
        struct buf b;
        CHECK_OK(json_scan(text, &m, 1, NULL, &e), &e);
        struct json_edit edits[2] = { json_edit_insert(text, S("\"s\":1,")) };
        size_t n = 1;
        if (m.kind != JSON_NONE)
            edits[n++] = json_edit_value(text, &m, S("\"NEW\""));
        buf_init(&b, 1000);
        json_splice(&b, text, edits, n);
        CHECK_STR(buf_str(&b), str_c(cases[i].want));
        assert_int_equal(json_splice_bytes(text, edits, n), b.n);
        CHECK_OK(json_scan(buf_str(&b), NULL, 0, NULL, &e), &e);

        str pieces[5];
        size_t count = json_splice_pieces(text, edits, n, pieces);
        assert_true(count <= 2 * n + 1);
        buf_clear(&b);
        for (size_t k = 0; k < count; k++) {
            assert_true(pieces[k].n > 0);
            buf_add(&b, pieces[k]);
        }
        CHECK_STR(buf_str(&b), str_c(cases[i].want));
        buf_done(&b);
    }
}

static void replaces(void **state)
{
    struct buf b;
    struct err e;
    buf_init(&b, 1000);
    CHECK_OK(json_replace(&b, S("{\"id\":1,\"model\":\"m\"}"), S("model"), S("\"n\""), &e), &e);
    CHECK_OK(json_replace(&b, S("{\"model\":7}"), S("model"), S("\"n\""), &e), &e);
    CHECK_OK(json_replace(&b, S("[1]"), S("model"), S("\"n\""), &e), &e);
    assert_int_equal(json_replace(&b, S("{\"model\":\"m\""), S("model"), S("\"n\""), &e).code,
                     E_SYNTAX);
    CHECK_STR(buf_str(&b), S("{\"id\":1,\"model\":\"n\"}{\"model\":7}[1]"));
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structure),
        cmocka_unit_test(plain_keys),
        cmocka_unit_test(deep),
        cmocka_unit_test(full_is_sticky),
        cmocka_unit_test(escapes),
        cmocka_unit_test(escapes_anywhere),
        cmocka_unit_test(unescapes),
        cmocka_unit_test(floats),
        cmocka_unit_test(values_round_trip),
        cmocka_unit_test(splices),
        cmocka_unit_test(replaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
