#include "check.h"

#include <zlib.h>
#include <zstd.h>

#include "http/inflate.h"

static void pack_zlib(str plain, int window_bits, struct buf *b)
{
    z_stream z = { 0 };
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, plain.n);
    z.next_in = (Bytef *)(uintptr_t)plain.p;
    z.avail_in = (uInt)plain.n;
    z.next_out = (Bytef *)buf_room(b, room);
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    b->n += room - z.avail_out;
    deflateEnd(&z);
}

static void pack_zstd(str plain, struct buf *b)
{
    size_t room = ZSTD_compressBound(plain.n);
    size_t n = ZSTD_compress(buf_room(b, room), room, plain.p, plain.n, 3);
    assert_false(ZSTD_isError(n));
    b->n += n;
}

/* The four formats: gzip, deflate in zlib's and in raw form, zstd. */
enum { FORMATS = 4 };

static enum inflate_kind pack(int format, str plain, struct buf *b)
{
    switch (format) {
    case 0:
        pack_zlib(plain, 15 + 16, b);
        return INFLATE_GZIP;
    case 1:
        pack_zlib(plain, 15, b);
        return INFLATE_DEFLATE;
    case 2:
        pack_zlib(plain, -15, b);
        return INFLATE_DEFLATE;
    default:
        pack_zstd(plain, b);
        return INFLATE_ZSTD;
    }
}

/* Feeds `first` bytes, then pieces of `step`. */
static enum code unpack(enum inflate_kind kind, str in, size_t first, size_t step, uint64_t max,
                        struct buf *out)
{
    struct err e = { 0 };
    struct inflate *z = inflate_new(kind, max);
    rc r = inflate_add(z, str_take(in, first), out, &e);
    in = str_skip(in, first);
    while (!FAILED(r) && in.n) {
        r = inflate_add(z, str_take(in, step), out, &e);
        in = str_skip(in, step);
    }
    if (!FAILED(r))
        r = inflate_end(z, &e);
    else
        assert_true(FAILED(inflate_end(z, &e)));
    assert_true(!FAILED(r) || e.text[0]);
    inflate_free(z);
    return r.code;
}

static void make_plain(struct buf *b, size_t n)
{
    buf_init(b, 1 << 26);
    for (size_t i = 0; b->n < n; i++)
        buf_fmt(b, "{\"n\":%zu},", i * i);
}

static void test_every_split(void **state)
{
    struct buf plain;
    make_plain(&plain, 300);
    for (int f = 0; f < FORMATS; f++) {
        struct buf packed, out;
        buf_init(&packed, 1 << 20);
        buf_init(&out, 1 << 20);
        enum inflate_kind kind = pack(f, buf_str(&plain), &packed);
        for (size_t i = 0; i <= packed.n; i++) {
            buf_clear(&out);
            assert_int_equal(unpack(kind, buf_str(&packed), i, SIZE_MAX, 10000, &out), OK);
            CHECK_STR(buf_str(&out), buf_str(&plain));
            buf_clear(&out);
            str cut = str_take(buf_str(&packed), i); /* and what is cut off there is broken */
            assert_int_equal(unpack(kind, cut, 3, 5, 10000, &out), i < packed.n ? E_SYNTAX : OK);
        }
        buf_clear(&out);
        assert_int_equal(unpack(kind, buf_str(&packed), 0, 1, 10000, &out), OK);
        CHECK_STR(buf_str(&out), buf_str(&plain));
        buf_done(&packed);
        buf_done(&out);
    }
    buf_done(&plain);
}

static void test_large_and_empty(void **state)
{
    static const size_t sizes[] = { 0, 3000000 };
    for (size_t k = 0; k < COUNT_OF(sizes); k++) {
        struct buf plain;
        make_plain(&plain, sizes[k]);
        for (int f = 0; f < FORMATS; f++) {
            struct buf packed, out;
            buf_init(&packed, 1 << 26);
            buf_init(&out, 1 << 26);
            enum inflate_kind kind = pack(f, buf_str(&plain), &packed);
            assert_int_equal(unpack(kind, buf_str(&packed), 0, 65536, 1 << 26, &out), OK);
            assert_true(str_eq(buf_str(&out), buf_str(&plain)));
            buf_done(&packed);
            buf_done(&out);
        }
        buf_done(&plain);
    }
}

static void test_limits(void **state)
{
    struct buf plain, zeros;
    make_plain(&plain, 1000);
    buf_init(&zeros, 1 << 26);
    memset(buf_room(&zeros, 20000000), 0, 20000000);
    zeros.n = 20000000;
    for (int f = 0; f < FORMATS; f++) {
        struct buf packed, out;
        buf_init(&packed, 1 << 26);
        enum inflate_kind kind = pack(f, buf_str(&plain), &packed);
        buf_init(&out, plain.n);
        assert_int_equal(unpack(kind, buf_str(&packed), 0, 100, plain.n, &out), OK);
        buf_clear(&out);
        assert_int_equal(unpack(kind, buf_str(&packed), 0, 100, plain.n - 1, &out), E_LIMIT);
        buf_done(&out);
        buf_init(&out, plain.n - 1);
        assert_int_equal(unpack(kind, buf_str(&packed), 0, 100, plain.n, &out), E_LIMIT);
        assert_true(out.full);
        buf_done(&out);

        buf_clear(&packed); /* a bomb: stopped long before it is whole */
        buf_init(&out, 1 << 26);
        pack(f, buf_str(&zeros), &packed);
        assert_int_equal(unpack(kind, buf_str(&packed), 0, 100, 1 << 26, &out), E_LIMIT);
        assert_true(out.n < 8000000);
        buf_done(&packed);
        buf_done(&out);
    }
    buf_done(&plain);
    buf_done(&zeros);
}

static void test_members(void **state)
{
    struct buf packed, out;
    buf_init(&packed, 1 << 20);
    buf_init(&out, 1 << 20);
    for (int f = 0; f < FORMATS; f++) {
        buf_clear(&packed);
        pack(f, S("one"), &packed);
        size_t n = packed.n;
        enum inflate_kind kind = pack(f, S("two"), &packed);
        for (size_t i = 0; i <= packed.n; i++) {
            buf_clear(&out);
            enum code got = unpack(kind, buf_str(&packed), i, SIZE_MAX, 100, &out);
            assert_int_equal(got, kind == INFLATE_DEFLATE ? E_SYNTAX : OK);
            if (got == OK)
                CHECK_STR(buf_str(&out), S("onetwo"));
        }
        packed.n = n; /* one, and a byte that begins nothing */
        buf_add(&packed, S("x"));
        buf_clear(&out);
        assert_int_equal(unpack(kind, buf_str(&packed), n, SIZE_MAX, 100, &out), E_SYNTAX);
    }
    buf_done(&packed);
    buf_done(&out);
}

static void test_broken(void **state)
{
    static const enum inflate_kind kinds[] = { INFLATE_GZIP, INFLATE_DEFLATE, INFLATE_ZSTD };
    struct buf packed, out;
    buf_init(&out, 1 << 20);
    buf_init(&packed, 1 << 20);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        assert_int_equal(unpack(kinds[i], S(""), 0, 1, 100, &out), E_SYNTAX);
        assert_int_equal(unpack(kinds[i], S("{\"model\":1}"), 0, 1, 100, &out), E_SYNTAX);
    }
    pack(0, S("checked"), &packed);
    packed.p[packed.n - 6] ^= 1; /* the CRC */
    assert_int_equal(unpack(INFLATE_GZIP, buf_str(&packed), 0, 1, 100, &out), E_SYNTAX);
    /* A zstd frame that wants 128 MiB: magic, no flags, window descriptor 2^27, an empty block. */
    str greedy = S("\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00");
    assert_int_equal(unpack(INFLATE_ZSTD, greedy, 0, 100, 100, &out), E_LIMIT);
    /* A format from before RFC 8878, which libzstd knows: in one piece, byte by byte, second. */
    str old = S("\x27\xb5\x2f\xfd\x03\0\0\0\0\0\0\0\0");
    assert_int_equal(unpack(INFLATE_ZSTD, old, 0, 100, 100, &out), E_SYNTAX);
    assert_int_equal(unpack(INFLATE_ZSTD, old, 0, 1, 100, &out), E_SYNTAX);
    buf_clear(&packed);
    pack_zstd(S("new"), &packed);
    buf_add(&packed, old);
    assert_int_equal(unpack(INFLATE_ZSTD, buf_str(&packed), 0, 100, 100, &out), E_SYNTAX);
    buf_done(&packed);
    buf_done(&out);
}

static void test_small_steps(void **state)
{
    struct buf packed;
    struct err e;
    char all[64], to[2];
    size_t n, total = 0;
    buf_init(&packed, 1000);
    pack(0, S("hello, hello"), &packed);
    struct inflate *z = inflate_new(INFLATE_GZIP, 100);
    str in = buf_str(&packed);
    while (inflate_next(z, &in, to, sizeof(to), &n, &e).code == OK) {
        assert_true(n > 0 && n <= sizeof(to));
        memcpy(all + total, to, n);
        total += n;
    }
    CHECK_STR(((str){ all, total }), S("hello, hello"));
    assert_int_equal(in.n, 0);
    CHECK_OK(inflate_end(z, &e), &e);
    inflate_free(z);
    inflate_free(NULL);
    buf_done(&packed);
}

static void test_kinds(void **state)
{
    assert_int_equal(inflate_kind_of((str){ NULL, 0 }), INFLATE_NONE);
    assert_int_equal(inflate_kind_of(S("identity")), INFLATE_NONE);
    assert_int_equal(inflate_kind_of(S("GZIP")), INFLATE_GZIP);
    assert_int_equal(inflate_kind_of(S("x-gzip")), INFLATE_GZIP);
    assert_int_equal(inflate_kind_of(S("deflate")), INFLATE_DEFLATE);
    assert_int_equal(inflate_kind_of(S("zstd")), INFLATE_ZSTD);
    assert_int_equal(inflate_kind_of(S("br")), INFLATE_UNKNOWN);
    assert_int_equal(inflate_kind_of(S("gzip, gzip")), INFLATE_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_split), cmocka_unit_test(test_large_and_empty),
        cmocka_unit_test(test_limits),      cmocka_unit_test(test_members),
        cmocka_unit_test(test_broken),      cmocka_unit_test(test_small_steps),
        cmocka_unit_test(test_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
