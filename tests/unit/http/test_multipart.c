#include "../../../fuzz/run_multipart.h"

#include "check.h"

#define TYPE S("multipart/form-data; boundary=b")

static void check_run(str type, str bytes, size_t first, size_t step, str want)
{
    struct buf got;
    buf_init(&got, 1 << 20);
    run_multipart(type, (struct pieces){ bytes, first, step, NULL }, &got);
    if (!str_eq(buf_str(&got), want))
        fail_msg("first %zu, then %zu\n  bytes: %.*s\n  got:  %.*s\n  want: %.*s", first, step,
                 STRF(bytes), (int)got.n, got.p, STRF(want));
    buf_done(&got);
}

static void check_splits(str type, str bytes, str want)
{
    check_run(type, bytes, 0, SIZE_MAX, want);
    for (size_t step = 1; step < 8; step++)
        check_run(type, bytes, 0, step, want);
    for (size_t i = 1; i < bytes.n; i++)
        check_run(type, bytes, i, SIZE_MAX, want);
}

#define NAME(n) "Content-Disposition: form-data; name=\"" n "\"\r\n"

static void test_forms(void **state)
{
    static const struct {
        str bytes;
        const char *want; /* see run_multipart */
    } t[] = {
        { S("--b\r\n" NAME("model") "\r\nwhisper-1\r\n--b--\r\n"), "[model|-|=whisper-1];" },
        { S("--b\r\n" NAME("model") "\r\nwhisper-1\r\n--b--"), "[model|-|=whisper-1];" },
        { S("\r\n--b\r\n" NAME("a") "\r\n1\r\n--b--"), "[a|-|=1];" },
        { S("preamble -- \r\n--\r\n--b\r\n" NAME("a") "\r\n1\r\n--b--\r\nepilogue\r\n--b\r\n"),
          "[a|-|=1];" },
        { S("--b\r\n" NAME(
              "model") "\r\nm\r\n--b\r\n"
                       "content-disposition: FORM-data; name=file; filename=\"a;b.mp3\"\r\n"
                       "Content-Type: audio/mpeg\r\n\r\n\x00\xff\r\n--\r\n-\r\r\n--c\r\n--b--\r\n"),
          NULL },
        { S("--b\r\n" NAME("a") "\r\n\r\n--b \t\r\n" NAME("b") "\r\n--b--"), "[a|-|=][b|-|=];" },
        { S("--b\r\n" NAME("a") "\r\n\r\n\r\n--b--"), "[a|-|=\r\n];" },
        { S("--b\r\n" NAME("a") "\r\n-\r\n--b--"), "[a|-|=-];" },
        { S("--b\r\n" NAME("a") "\r\n--\r\n--b--"), "[a|-|=--];" },
        { S("--b\r\n" NAME("a") "\r\n--a\r\n--b--"), "[a|-|=--a];" },
        { S("--b\r\n" NAME("image[]") "\r\n1\r\n--b\r\n" NAME("image[]") "\r\n2\r\n--b--"),
          "[image[]|-|=1][image[]|-|=2];" },
        { S("--b\r\nContent-Disposition: form-data; filename=\"\"; name=\"f\"\r\n\r\nx\r\n--b--"),
          "[f||=x];" },
        { S("--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\\\"b\"\r\n"
            "Content-Transfer-Encoding: binary\r\n\r\nx\r\n--b--"),
          "[f|a\\\"b|=x];" },
        { S("--b--"), ";" },
        { S(""), "cut" },
        { S("--b"), "cut" },
        { S("--b-"), "cut" },
        { S("--b\r\n"), "cut" },
        { S("no boundary at all"), "cut" },
        { S("--b\r\n" NAME("a")), "cut" },
        { S("--b\r\n" NAME("a") "\r\n12\r\n--"), "[a|-|=12cut" },
        { S("--b\r\n" NAME("a") "\r\n1\r\n--b"), "[a|-|=1]cut" },
        { S("--bx\r\n"), "!" },
        { S("--b\n" NAME("a") "\r\n1\r\n--b--"), "!" },
        { S("--b\rx"), "!" },
        { S("--b-x"), "!" },
        { S("--b \tx"), "!" },
        { S("--b\r\n\r\n1\r\n--b--"), "!" },
        { S("--b\r\nContent-Type: text/plain\r\n\r\n1\r\n--b--"), "!" },
        { S("--b\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n"), "!" },
        { S("--b\r\nContent-Disposition: form-data\r\n\r\n"), "!" },
        { S("--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\n"), "!" },
        { S("--b\r\n" NAME("a") NAME("b") "\r\n"), "!" },
        { S("--b\r\n" NAME("a") " folded\r\n\r\n"), "!" },
        { S("--b\r\n" NAME("a") "x : y\r\n\r\n"), "!" },
        { S("--b\r\n" NAME("a") "x\r\n\r\n"), "!" },
        { S("--b\r\n" NAME("a") ": x\r\n\r\n"), "!" },
        { S("--b\r\n" NAME("a") "x: y\n\r\n\r\n"), "!" },
        { S("--b\r\n" NAME("a") "\n\r\n\r\n"), "!" },
        { S("--b\r\n" NAME("a") "x: \x01\r\n\r\n"), "!" },
    };
    for (size_t i = 0; i < COUNT_OF(t); i++)
        check_splits(TYPE, t[i].bytes,
                     t[i].want ? str_c(t[i].want)
                               : S("[model|-|=m][file|a;b.mp3|audio/mpeg=\x00\xff\r\n--\r\n-\r\r\n"
                                   "--c];"));
}

static void test_boundaries(void **state)
{
    static const struct {
        str type;
        bool good;
    } t[] = {
        { S("multipart/form-data; boundary=b"), true },
        { S("Multipart/Form-Data;charset=utf-8 ; BOUNDARY=\"b\""), true },
        { S("multipart/form-data; x=\"a;boundary=c\"; boundary=b"), true },
        { S("multipart/form-data"), false },
        { S("multipart/form-data; boundary="), false },
        { S("multipart/form-data; boundary=\"\""), false },
        { S("multipart/form-data; boundary=\"b"), false },
        { S("multipart/form-data; boundary=\"b \""), false },
        { S("multipart/form-data; boundary=\"a\\b\""), false },
        { S("multipart/form-data; boundary=\"\r\nb\""), false },
        { S("multipart/form-data; boundary=\"\xc3\xa4\""), false },
        { S("multipart/form-data boundary=b"), false },
        { S("multipart/form-data; boundary =b"), false },
        { S("multipart/mixed; boundary=b"), false },
        { S("application/json"), false },
        { S(""), false },
        { S("multipart/form-data; boundary="
            "0123456789012345678901234567890123456789012345678901234567890123456789"),
          true },
        { S("multipart/form-data; boundary="
            "01234567890123456789012345678901234567890123456789012345678901234567890"),
          false },
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct multipart m;
        struct err e;
        if (FAILED(multipart_init(&m, t[i].type, &e)) == t[i].good)
            fail_msg("%.*s", STRF(t[i].type));
        multipart_done(&m);
    }
    check_splits(S("multipart/form-data; boundary=\"--'()+_,-./:=? x\""),
                 S("----'()+_,-./:=? x\r\n" NAME("a") "\r\n1\r\n----'()+_,-./:=? x--"),
                 S("[a|-|=1];"));
}

static void test_limits(void **state)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_add(&b, S("--b\r\n" NAME("a") "x: "));
    while (b.n < 3 * MULTIPART_HEAD_BYTES_MAX)
        buf_chr(&b, 'x');
    struct multipart m;
    struct multipart_part part;
    struct err e;
    str in = buf_str(&b), data;
    CHECK_OK(multipart_init(&m, TYPE, &e), &e);
    assert_int_equal(multipart_next(&m, &in, &part, &data, &e), MULTIPART_BAD);
    assert_int_equal(multipart_code(&m), E_LIMIT);
    assert_int_equal(multipart_next(&m, &in, &part, &data, &e), MULTIPART_BAD);
    multipart_done(&m);
    buf_clear(&b);
    for (int i = 0; i <= MULTIPART_PARTS_MAX; i++)
        buf_add(&b, S("\r\n--b\r\n" NAME("a") "\r\n"));
    enum multipart_event ev;
    in = buf_str(&b);
    CHECK_OK(multipart_init(&m, TYPE, &e), &e);
    while ((ev = multipart_next(&m, &in, &part, &data, &e)) != MULTIPART_MORE)
        if (ev == MULTIPART_BAD)
            break;
    assert_int_equal(ev, MULTIPART_BAD);
    assert_int_equal(multipart_code(&m), E_LIMIT);
    multipart_done(&m);
    buf_done(&b);
}

static void test_find(void **state)
{
    struct err e;
    str v,
        body =
            S("--b\r\n" NAME("file") "\r\nmodel\r\n--b\r\n" NAME("model") "\r\nm-1\r\n--b\r\n" NAME(
                "model") "\r\nm-2\r\n--b\r\n" NAME("none") "\r\n\r\n--b\r\n" NAME("less") "\r\n--b-"
                                                                                          "-");
    CHECK_OK(multipart_find(TYPE, body, S("model"), &v, &e), &e);
    CHECK_STR(v, S("m-1"));
    assert_true(v.p > body.p && v.p < body.p + body.n);
    CHECK_OK(multipart_find(TYPE, body, S("file"), &v, &e), &e);
    CHECK_STR(v, S("model"));
    CHECK_OK(multipart_find(TYPE, body, S("none"), &v, &e), &e);
    assert_int_equal(v.n, 0);
    CHECK_OK(multipart_find(TYPE, body, S("less"), &v, &e), &e);
    assert_int_equal(v.n, 0);
    assert_int_equal(multipart_find(TYPE, body, S("x"), &v, &e).code, E_NOT_FOUND);
    body.n -= 2;
    assert_int_equal(multipart_find(TYPE, body, S("model"), &v, &e).code, E_SYNTAX);
    assert_int_equal(multipart_find(S("text/plain"), body, S("model"), &v, &e).code, E_SYNTAX);
    assert_int_equal(multipart_find(TYPE, S("--bx"), S("model"), &v, &e).code, E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
