/* json/doc: getters, numbers, iteration, typed members, reading in place. */
#include "../check.h"

#include "json/doc.h"

static struct arena arena;

static int fresh_arena(void **state)
{
    arena_init(&arena);
    return 0;
}

static int drop_arena(void **state)
{
    arena_done(&arena);
    return 0;
}

static jval *read_text(const char *text)
{
    struct err e = { 0 };
    jval *v;
    CHECK_OK(jd_read(&v, str_c(text), &arena, &e), &e);
    return v;
}

static void getters(void **state)
{
    jval *v = read_text("{\"s\":\"a\\u0000b\",\"n\":1.50,\"t\":true,\"z\":null,\"o\":{\"p\":{\"q\":"
                        "\"deep\"}},\"l\":[1,\"two\",[3]],\"s2\":\"x\",\"dup\":1,\"dup\":2}");
    CHECK_STR(jd_get_str(v, S("s")), S("a\0b"));
    CHECK_STR(jd_get_str(v, S("n")), S(""));
    CHECK_STR(jd_str_or(jd_get(v, S("none")), S("or")), S("or"));
    CHECK_STR(jd_num(jd_get(v, S("n"))), S("1.50"));
    CHECK_STR(jd_num(jd_get(v, S("dup"))), S("2"));
    CHECK_STR(jd_str(jd_path(v, "o", "p", "q", NULL)), S("deep"));
    assert_null(jd_path(v, "o", "x", "q", NULL));
    assert_null(jd_path(v, "l", "x", NULL));
    assert_null(jd_get(NULL, S("a")));
    assert_null(jd_get(jd_get(v, S("s")), S("a")));
    assert_null(jd_get(v, S("")));
    assert_true(jd_is_true(jd_get(v, S("t"))));
    assert_true(jd_bool_or(jd_get(v, S("t")), false));
    assert_true(jd_bool_or(jd_get(v, S("s")), true));
    assert_true(jd_is_null(jd_get(v, S("z"))));
    assert_false(jd_is_null(jd_get(v, S("none"))));
    assert_false(jd_given(jd_get(v, S("z"))));
    assert_true(jd_given(jd_get(v, S("t"))));
    assert_true(jd_str_is(jd_at(jd_get(v, S("l")), 1), S("two")));
    assert_null(jd_at(jd_get(v, S("l")), 3));
    assert_int_equal(jd_count(jd_get(v, S("l"))), 3);
    assert_int_equal(jd_count(v), 9);
    assert_int_equal(jd_count(jd_get(v, S("s"))), 0);
    assert_int_equal(jd_count(NULL), 0);
    assert_int_equal(jd_kind(NULL), JSON_NONE);
    assert_int_equal(jd_kind(jd_get(v, S("t"))), JSON_TRUE);
    assert_int_equal(jd_kind(jd_get(v, S("o"))), JSON_OBJECT);
    CHECK_STR(jd_text(jd_get(v, S("l")), &arena), S("[1,\"two\",[3]]"));
    CHECK_STR(jd_text(jd_get(v, S("n")), &arena), S("1.50"));
    /* it lives in that arena, whatever becomes of the tree */
    assert_ptr_not_equal(jd_text(jd_get(v, S("n")), &arena).p, jd_num(jd_get(v, S("n"))).p);
    CHECK_STR(jd_text(jd_get(v, S("s")), &arena), S("\"a\\u0000b\""));
    CHECK_STR(jd_text(NULL, &arena), S(""));
}

static void numbers(void **state)
{
    static const struct {
        const char *text;
        bool is_i64, is_u64, is_f64;
        int64_t i;
        uint64_t u;
        double d;
    } cases[] = {
        { "0", true, true, true, 0, 0, 0.0 },
        { "-0", true, true, true, 0, 0, -0.0 },
        { "7", true, true, true, 7, 7, 7.0 },
        { "7.0", true, true, true, 7, 7, 7.0 },
        { "7e2", true, true, true, 700, 700, 700.0 },
        { "-7", true, false, true, -7, 0, -7.0 },
        { "7.5", false, false, true, 0, 0, 7.5 },
        { "1e-3", false, false, true, 0, 0, 0.001 },
        { "9223372036854775807", true, true, true, INT64_MAX, INT64_MAX, 0x1p63 },
        { "9223372036854775808", false, true, true, 0, (uint64_t)1 << 63, 0x1p63 },
        { "-9223372036854775808", true, false, true, INT64_MIN, 0, -0x1p63 },
        { "-9223372036854775809", false, false, true, 0, 0, -0x1p63 },
        { "18446744073709551615", false, true, true, 0, UINT64_MAX, 0x1p64 },
        { "18446744073709551616", false, false, true, 0, 0, 0x1p64 },
        { "1e19", false, false, true, 0, 0, 1e19 },
        { "1e999", false, false, false, 0, 0, 0 },
        { "\"7\"", false, false, false, 0, 0, 0 },
        { "true", false, false, false, 0, 0, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        jval *v = read_text(cases[i].text);
        int64_t n = -99;
        uint64_t u = 99;
        double d = -99;
        assert_int_equal(jd_i64(v, &n), cases[i].is_i64);
        assert_int_equal(n, cases[i].is_i64 ? cases[i].i : -99);
        assert_int_equal(jd_u64(v, &u), cases[i].is_u64);
        assert_int_equal(u, cases[i].is_u64 ? cases[i].u : 99);
        assert_int_equal(jd_f64(v, &d), cases[i].is_f64);
        assert_true(d == (cases[i].is_f64 ? cases[i].d : -99));
    }
    assert_int_equal(jd_i64_or(NULL, 5), 5);
    assert_true(jd_f64_or(read_text("2.5"), 1) > 2.4);
    char longest[3000];
    memset(longest, '9', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = 0;
    double d;
    assert_false(jd_f64(read_text(longest), &d));
    assert_int_equal(jd_num(read_text(longest)).n, sizeof(longest) - 1);
}

static void iterates(void **state)
{
    jval *v = read_text("{\"a\":[10,[11],12],\"b\":{},\"a\":[]}");
    struct buf b;
    buf_init(&b, 1000);
    JD_EACH (m, v) {
        buf_fmt(&b, "%zu %.*s:", m.index, STRF(m.name));
        JD_EACH (item, m.value) {
            str t = jd_text(item.value, &arena);
            buf_fmt(&b, " %zu=%.*s", item.index, STRF(t));
            assert_int_equal(item.name.n, 0);
        }
        buf_add(&b, S(";"));
    }
    CHECK_STR(buf_str(&b), S("0 a: 0=10 1=[11] 2=12;1 b:;2 a:;"));
    buf_done(&b);
    JD_EACH (none, NULL)
        assert_true(false);
    JD_EACH (none, read_text("\"text\""))
        assert_true(false);
}

static void typed_members(void **state)
{
    jval *v = read_text("{\"s\":\"x\",\"n\":0.70,\"i\":3,\"b\":true,\"o\":{},\"a\":[],\"z\":null}");
    struct err e = { 0 };
    str s = S("old");
    int64_t i = -1;
    bool b = false;
    jval *o = NULL, *a = NULL;
    CHECK_OK(jd_opt_str(v, "none", &s, &e), &e);
    CHECK_OK(jd_opt_str(v, "z", &s, &e), &e);
    CHECK_STR(s, S("old"));
    CHECK_OK(jd_opt_str(v, "s", &s, &e), &e);
    CHECK_STR(s, S("x"));
    CHECK_OK(jd_opt_num(v, "n", &s, &e), &e);
    CHECK_STR(s, S("0.70"));
    CHECK_OK(jd_opt_i64(v, "i", &i, &e), &e);
    assert_int_equal(i, 3);
    CHECK_OK(jd_opt_bool(v, "b", &b, &e), &e);
    assert_true(b);
    CHECK_OK(jd_opt_obj(v, "o", &o, &e), &e);
    CHECK_OK(jd_opt_arr(v, "a", &a, &e), &e);
    assert_true(jd_is_obj(o) && jd_is_arr(a));

    assert_int_equal(jd_opt_str(v, "n", &s, &e).code, E_SYNTAX);
    CHECK_STR(str_c(e.text), S("n: expected a string, got a number"));
    CHECK_STR(str_c(e.where), S("n"));
    assert_int_equal(jd_opt_num(v, "s", &s, &e).code, E_SYNTAX);
    CHECK_STR(str_c(e.text), S("s: expected a number, got a string"));
    assert_int_equal(jd_opt_i64(v, "n", &i, &e).code, E_SYNTAX);
    CHECK_STR(str_c(e.text), S("n: expected a whole number, got 0.70"));
    assert_int_equal(jd_opt_i64(v, "o", &i, &e).code, E_SYNTAX);
    CHECK_STR(str_c(e.text), S("o: expected a whole number, got an object"));
    assert_int_equal(jd_opt_bool(v, "i", &b, &e).code, E_SYNTAX);
    assert_int_equal(jd_opt_obj(v, "a", &o, &e).code, E_SYNTAX);
    CHECK_STR(str_c(e.text), S("a: expected an object, got an array"));
    assert_int_equal(jd_opt_arr(v, "b", &a, &e).code, E_SYNTAX);
    CHECK_STR(str_c(e.text), S("b: expected an array, got true"));
}

static void lone_surrogates(void **state)
{
    static const char text[] = "[\"a\\ud83d\",\"\\ud83d\\ude00\",\"\\\\ud83d\",\"\\ude00\\ud83dx\","
                               "\"\\ud83d\\ud83d\\ude00\"]";
    static const char want[] = "[\"a\xef\xbf\xbd\",\"\xf0\x9f\x98\x80\",\"\\\\ud83d\","
                               "\"\xef\xbf\xbd\xef\xbf\xbdx\",\"\xef\xbf\xbd\xf0\x9f\x98\x80\"]";
    CHECK_STR(jd_text(read_text(text), &arena), str_c(want));
}

/* Escapes shrink in place, and a NUL stands behind every string and number, wherever it stood. */
static void ends(void **state)
{
    jval *v = read_text("{\"a\\n\":\"x\\u00e9\\\\y\",\"n\":[12,3.5e1 ,-7]}");
    jval *n = jd_get(v, S("n"));
    assert_string_equal(jd_get_str(v, S("a\n")).p, "x\xc3\xa9\\y");
    assert_string_equal(jd_num(jd_at(n, 0)).p, "12");
    assert_string_equal(jd_num(jd_at(n, 1)).p, "3.5e1");
    assert_string_equal(jd_num(jd_at(n, 2)).p, "-7");
    assert_string_equal(jd_num(read_text(" 42 ")).p, "42");
    assert_string_equal(jd_num(read_text("0")).p, "0");
}

/* A large document: many values, arena memory given back after reading. */
static void large(void **state)
{
    struct buf b;
    buf_init(&b, 1 << 24);
    buf_chr(&b, '[');
    for (int i = 0; i < 100000; i++)
        buf_fmt(&b, "%s%d", i ? "," : "", i % 10);
    buf_chr(&b, ']');
    jval *v;
    struct err e;
    CHECK_OK(jd_read(&v, buf_str(&b), &arena, &e), &e);
    assert_int_equal(jd_count(v), 100000);
    assert_true(arena.bytes < b.n * 16);
    int64_t sum = 0;
    JD_EACH (it, v)
        sum += jd_i64_or(it.value, 1000);
    assert_int_equal(sum, 450000);
    CHECK_STR(jd_text(v, &arena), buf_str(&b));
    buf_done(&b);
}

int main(void)
{
#define IN_ARENA(f) cmocka_unit_test_setup_teardown(f, fresh_arena, drop_arena)
    const struct CMUnitTest tests[] = {
        IN_ARENA(getters),         IN_ARENA(numbers), IN_ARENA(iterates), IN_ARENA(typed_members),
        IN_ARENA(lone_surrogates), IN_ARENA(ends),    IN_ARENA(large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
