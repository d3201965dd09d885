#include "../../../fuzz/run_eventstream.h"

#include <zlib.h>

#include "check.h"

static void add_be32(struct buf *b, size_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_chr(b, (char)(v >> shift & 0xff));
}

static void add_crc(struct buf *b, size_t from)
{
    add_be32(b, crc32(0, (const Bytef *)b->p + from, (uInt)(b->n - from)));
}

static void add_message(struct buf *b, str headers, str payload)
{
    size_t start = b->n;
    add_be32(b, 16 + headers.n + payload.n);
    add_be32(b, headers.n);
    add_crc(b, start);
    buf_add(b, headers);
    buf_add(b, payload);
    add_crc(b, start);
}

#define EVENT                          \
    S("\x0d:message-type\x07\0\x05"    \
      "event\x0b:event-type\x07\0\x05" \
      "delta")
/* A header of every other type before the ones that matter. */
#define MIXED                                  \
    S("\x01"                                   \
      "a\0\x01"                                \
      "b\x01\x01"                              \
      "c\x02x\x01"                             \
      "d\x03xx\x01"                            \
      "e\x04xxxx\x01"                          \
      "f\x05xxxxxxxx"                          \
      "\x01"                                   \
      "g\x06\0\x01x\x01"                       \
      "h\x08xxxxxxxx\x01"                      \
      "i\x09xxxxxxxxxxxxxxxx"                  \
      "\x0d:message-type\x07\0\x09"            \
      "exception\x0f:exception-type\x07\0\x03" \
      "bad")

static void check_run(str bytes, size_t first, size_t step, str want)
{
    struct buf got;
    buf_init(&got, 1 << 20);
    run_eventstream((struct pieces){ bytes, first, step, NULL }, &got);
    CHECK_STR(buf_str(&got), want);
    buf_done(&got);
}

static void check_splits(str bytes, str want)
{
    check_run(bytes, 0, SIZE_MAX, want);
    check_run(bytes, 0, 1, want);
    for (size_t k = 1; k < bytes.n; k++)
        check_run(bytes, k, SIZE_MAX, want);
}

static void test_splits(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    check_run(S(""), 0, SIZE_MAX, S("."));
    add_message(&b, EVENT, S("{\"a\":1}"));
    add_message(&b, S(""), S(""));
    add_message(&b, MIXED, S("{}"));
    add_message(&b,
                S("\x0b:error-code\x07\0\x01"
                  "E\x0e:error-message\x07\0\x02"
                  "no"),
                S(""));
    check_splits(buf_str(&b), S("[event delta  {\"a\":1}][   ][exception bad  {}][ E no ]."));
    check_run(str_take(buf_str(&b), b.n - 1), 0, SIZE_MAX,
              S("[event delta  {\"a\":1}][   ][exception bad  {}]"));
    buf_done(&b);
}

static void test_every_flipped_bit(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    add_message(&b, EVENT, S("{}"));
    for (size_t i = 0; i < b.n * 8; i++) {
        b.p[i / 8] = (char)(b.p[i / 8] ^ 1 << i % 8);
        check_run(buf_str(&b), 0, SIZE_MAX, S("!"));
        b.p[i / 8] = (char)(b.p[i / 8] ^ 1 << i % 8);
    }
    buf_done(&b);
}

static void test_bad_lengths(void **state)
{
    (void)state;
    static const struct {
        size_t total, headers;
    } t[] = { { 15, 0 }, { 0, 0 }, { 16, 1 }, { 0xffffffff, 0 }, { 1000000, 200000 } };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct buf b;
        buf_init(&b, 1 << 20);
        add_be32(&b, t[i].total);
        add_be32(&b, t[i].headers);
        add_crc(&b, 0);
        check_splits(buf_str(&b), S("!"));
        buf_done(&b);
    }
    static const str headers[] = { { "\0", 1 },
                                   { "\x05"
                                     "ab",
                                     3 },
                                   { "\x01"
                                     "a\x0a",
                                     3 },
                                   { "\x01"
                                     "a\x07\0\x05x",
                                     6 },
                                   { "\x01"
                                     "a\x07\0",
                                     4 } };
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        struct buf b;
        buf_init(&b, 1 << 20);
        add_message(&b, headers[i], S("{}"));
        check_splits(buf_str(&b), S("!"));
        buf_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_every_flipped_bit),
        cmocka_unit_test(test_bad_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
