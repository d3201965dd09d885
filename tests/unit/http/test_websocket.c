#include "../../../fuzz/run_websocket.h"

#include "check.h"

static void check_run(str bytes, bool masked, size_t first, size_t step, str want)
{
    struct buf got;
    buf_init(&got, 1 << 24);
    run_websocket((struct pieces){ bytes, first, step, NULL }, &got, masked);
    if (!str_eq(buf_str(&got), want))
        fail_msg("first %zu, then %zu\n  got:  %.*s\n  want: %.*s", first, step, (int)got.n, got.p,
                 STRF(want));
    buf_done(&got);
}

static void check_splits(str bytes, bool masked, const char *want)
{
    check_run(bytes, masked, 0, SIZE_MAX, str_c(want));
    for (size_t step = 1; step < 5; step++)
        check_run(bytes, masked, 0, step, str_c(want));
    for (size_t i = 1; i < bytes.n; i++)
        check_run(bytes, masked, i, SIZE_MAX, str_c(want));
}

static void servers_frames(void **state)
{
    (void)state;
    /* RFC 6455 5.7, unmasked ones */
    check_splits(S("\x81\x05Hello"), false, "1<Hello>.|7");
    check_splits(S("\x01\x03Hel\x80\x02lo"), false, "1<Hello>.|9");
    check_splits(S("\x89\x05Hello"), false, "+9<Hello>.|7");
    check_splits(S("\x82\x00"), false, "2<>.|2");
    check_splits(S("\x01\x03Hel\x89\x01p\x00\x00\x80\x02lo\x88\x02\x03\xe8"), false,
                 "1<Hel+9<p>lo>+8<\x03\xe8>.|18");
    check_splits(S("\x81\x7e\x00\x03"
                   "abc\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x02"
                   "de\x81\x01"
                   "f"),
                 false, "1<abc>1<de>1<f>.|22");
    check_splits(S("\x81\x05Hel"), false, "1<Hel|5"); /* unfinished */
    check_splits(S("\x81\x05Hello\x81\x7e\x00"), false, "1<Hello>|7");
}

static void clients_frames(void **state)
{
    (void)state;
    check_splits(S("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), true,
                 "1<\x7f\x9f\x4d\x51\x58>.|11");
    check_splits(S("\x88\x80\x01\x02\x03\x04"), true, "+8<>.|6");
    check_splits(S("\x82\xfe\x00\x02\x01\x02\x03\x04xy"), true, "2<xy>.|10");
}

/* What is passed on ends before the frame that is none. */
static void broken_frames(void **state)
{
    (void)state;
    check_splits(S("\x81\x01"
                   "a\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
                 false, "1<a>!a server's frame is masked|3");
    check_splits(S("\x81\x80\x01\x02\x03\x04\x81\x05Hello"), true,
                 "1<>!a client's frame is not masked|6");
    check_splits(S("\xc1\x05Hello"), false, "!a reserved bit is set: no extension was agreed|0");
    check_splits(S("\x83\x00"), false, "!reserved opcode 3|0");
    check_splits(S("\x8b\x00"), false, "!reserved opcode 11|0");
    check_splits(S("\x09\x00"), false, "!a control frame is fragmented or over 125 bytes|0");
    check_splits(S("\x89\x7e\x00\x7e"), false,
                 "!a control frame is fragmented or over 125 bytes|0");
    check_splits(S("\x80\x01"
                   "a"),
                 false, "!a continuation of nothing|0");
    check_splits(S("\x01\x01"
                   "a\x81\x01"
                   "b"),
                 false, "1<a!a new message inside a fragmented one|3");
    check_splits(S("\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00"), false, "!a length over 63 bits|0");
}

static void handshake(void **state)
{
    (void)state;
    char accept[WS_ACCEPT_BYTES], key[WS_KEY_BYTES];
    ws_accept(S("dGhlIHNhbXBsZSBub25jZQ=="), accept); /* RFC 6455 1.3 */
    CHECK_STR(((str){ accept, sizeof(accept) }), S("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_true(ws_is_key(S("dGhlIHNhbXBsZSBub25jZQ==")));
    static const char *const bad[] = { "",
                                       "dGhlIHNhbXBsZSBub25jZQ",
                                       "dGhlIHNhbXBsZSBub25jZR==",
                                       "dGhlIHNhbXBsZSBub25jZQ= ",
                                       "dGhlIHNhbXBsZSBub25jZWU=",
                                       "dGhlIHNhbXBsZSBub25j" };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(ws_is_key(str_c(bad[i])));
    ws_make_key((const unsigned char *)"the sample nonce", key);
    CHECK_STR(((str){ key, sizeof(key) }), S("dGhlIHNhbXBsZSBub25jZQ=="));
}

static void close_frames(void **state)
{
    (void)state;
    static const unsigned char mask[4] = { 1, 2, 3, 4 };
    char out[WS_CLOSE_BYTES_MAX], reason[200];
    size_t n = ws_write_close(out, WS_GOING_AWAY, S("bye"), NULL);
    CHECK_STR(((str){ out, n }), S("\x88\x05\x03\xe9"
                                   "bye"));
    n = ws_write_close(out, WS_PROTOCOL_ERROR, S("no"), mask);
    CHECK_STR(((str){ out, n }), S("\x88\x84\x01\x02\x03\x04\x02\xe8\x6d\x6b"));
    memset(reason, 'r', sizeof(reason));
    n = ws_write_close(out, WS_INTERNAL_ERROR, (str){ reason, sizeof(reason) }, mask);
    assert_int_equal(n, WS_CLOSE_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_frames), cmocka_unit_test(clients_frames),
        cmocka_unit_test(broken_frames),  cmocka_unit_test(handshake),
        cmocka_unit_test(close_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
