#include "../../../fuzz/run_http1.h"

#include "check.h"

#include "base/err.h"

struct head_case {
    const char *name;
    str bytes;
    const char *want; /* see run_http1 */
};

static void check_run(const char *name, enum http1_kind kind, bool no_body, struct pieces from,
                      str want)
{
    struct buf got;
    str bytes = from.rest;
    size_t first = from.first, step = from.step;
    buf_init(&got, 1 << 24);
    run_http1(kind, no_body, from, &got);
    if (!str_eq(buf_str(&got), want))
        fail_msg("%s (first %zu, then %zu)\n  bytes: %.*s\n  got:   %.*s\n  want:  %.*s", name,
                 first, step, (int)str_take(bytes, 600).n, bytes.p,
                 (int)str_take(buf_str(&got), 900).n, got.p, (int)str_take(want, 900).n, want.p);
    buf_done(&got);
}

/* In one piece, in every two pieces, byte by byte and in threes. */
static void check_splits(const char *name, enum http1_kind kind, bool no_body, str bytes, str want)
{
    check_run(name, kind, no_body, (struct pieces){ bytes, 0, SIZE_MAX, NULL }, want);
    check_run(name, kind, no_body, (struct pieces){ bytes, 0, 1, NULL }, want);
    check_run(name, kind, no_body, (struct pieces){ bytes, 0, 3, NULL }, want);
    for (size_t i = 1; i < bytes.n; i++)
        check_run(name, kind, no_body, (struct pieces){ bytes, i, SIZE_MAX, NULL }, want);
}

static void check_table(enum http1_kind kind, const struct head_case *t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_splits(t[i].name, kind, false, t[i].bytes, str_c(t[i].want));
}

#define H "Host: x\r\n"

static void test_good_requests(void **state)
{
    static const struct head_case t[] = {
        { "nothing", S(""), "eof" },
        { "get", S("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "<GET / 1.1 keep|Host=x>;eof" },
        { "1.0 without host", S("GET / HTTP/1.0\r\n\r\n"), "<GET / 1.0 close>;eof" },
        { "1.0 kept", S("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
          "<GET / 1.0 keep|Connection=Keep-Alive>;eof" },
        { "close", S("GET / HTTP/1.1\r\n" H "connection: TE, Close\r\n\r\n"),
          "<GET / 1.1 close|Host=x|connection=TE, Close>;eof" },
        { "close in a second line",
          S("GET / HTTP/1.1\r\n" H "Connection: keep-alive\r\nConnection: close\r\n\r\n"),
          "<GET / 1.1 close|Host=x|Connection=keep-alive|Connection=close>;eof" },
        { "length", S("POST /v1 HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello"),
          "<POST /v1 1.1 keep body 5|Host=x|Content-Length=5>{hello};eof" },
        { "length 0", S("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"),
          "<POST / 1.1 keep 0|Host=x|Content-Length=0>;eof" },
        { "largest length",
          S("POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775807\r\n\r\n"),
          "<POST / 1.1 keep body 9223372036854775807|Host=x|Content-Length="
          "9223372036854775807>cut" },
        { "cut body", S("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhel"),
          "<POST / 1.1 keep body 5|Host=x|Content-Length=5>{hel}cut" },
        { "cut head", S("POST / HTTP/1.1\r\n" H "Content-Le"), "cut" },
        { "blanks around a value",
          S("GET / HTTP/1.1\r\nHost:x\r\na: \t b c \t\r\nb:\r\nc: \r\n\r\n"),
          "<GET / 1.1 keep|Host=x|a=b c|b=|c=>;eof" },
        { "opaque bytes", S("GET / HTTP/1.1\r\n" H "a: \xff\xc3\xa4\r\n\r\n"),
          "<GET / 1.1 keep|Host=x|a=\xff\xc3\xa4>;eof" },
        { "every token character", S("GET / HTTP/1.1\r\n" H "!#$%&'*+-.^_`|~09azAZ: v\r\n\r\n"),
          "<GET / 1.1 keep|Host=x|!#$%&'*+-.^_`|~09azAZ=v>;eof" },
        { "pipelined",
          S("POST /1 HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nabGET /2 HTTP/1.1\r\n" H "\r\n"),
          "<POST /1 1.1 keep body 2|Host=x|Content-Length=2>{ab};<GET /2 1.1 keep|Host=x>;eof" },
        { "expect", S("POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx"),
          "<POST / 1.1 keep body expect 1|Host=x|Expect=100-Continue|Content-Length=1>{x};eof" },
        { "expect without body", S("GET / HTTP/1.1\r\n" H "Expect: 100-continue\r\n\r\n"),
          "<GET / 1.1 keep|Host=x|Expect=100-continue>;eof" },
        { "expect on 1.0",
          S("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx"),
          "<POST / 1.0 close body 1|Expect=100-continue|Content-Length=1>{x};eof" },
        { "upgrade", S("GET / HTTP/1.1\r\n" H "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
          "<GET / 1.1 keep upgrade|Host=x|Upgrade=websocket|Connection=Upgrade>;eof" },
        { "upgrade not by connection", S("GET / HTTP/1.1\r\n" H "Upgrade: websocket\r\n\r\n"),
          "<GET / 1.1 keep|Host=x|Upgrade=websocket>;eof" },
        { "absolute form", S("GET HTTP://x:80/a?b HTTP/1.1\r\n" H "\r\n"),
          "<GET HTTP://x:80/a?b 1.1 keep|Host=x>;eof" },
        { "absolute form without path", S("GET https://[::1]?b HTTP/1.1\r\n" H "\r\n"),
          "<GET https://[::1]?b 1.1 keep|Host=x>;eof" },
        { "asterisk", S("OPTIONS * HTTP/1.1\r\n" H "\r\n"), "<OPTIONS * 1.1 keep|Host=x>;eof" },
        { "all of a path",
          S("GET /a-._~%2F%aF!$&'()*+,;=:@//..[]|?/?a=[b]{c}^`| HTTP/1.1\r\n" H "\r\n"),
          "<GET /a-._~%2F%aF!$&'()*+,;=:@//..[]|?/?a=[b]{c}^`| 1.1 keep|Host=x>;eof" },
        { "host with port", S("GET / HTTP/1.1\r\nhOsT: a_b.example:4000\r\n\r\n"),
          "<GET / 1.1 keep|hOsT=a_b.example:4000>;eof" },
        { "host ipv6", S("GET / HTTP/1.1\r\nHost: [fe80::1]:80\r\n\r\n"),
          "<GET / 1.1 keep|Host=[fe80::1]:80>;eof" },
        { "chunked",
          S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
            "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"),
          "<POST / 1.1 keep chunked body|Host=x|Transfer-Encoding=chunked>{hello!};eof" },
        { "chunked, sizes",
          S("POST / HTTP/1.1\r\n" H "transfer-encoding: Chunked\r\n\r\n"
            "00a\r\n0123456789\r\nA\r\n0123456789\r\n1f\r\n"
            "0123456789012345678901234567890\r\n000\r\n\r\n"),
          "<POST / 1.1 keep chunked body|Host=x|transfer-encoding=Chunked>"
          "{012345678901234567890123456789012345678901234567890};eof" },
        { "chunked, empty, pipelined",
          S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            "GET / HTTP/1.1\r\n" H "\r\n"),
          "<POST / 1.1 keep chunked body|Host=x|Transfer-Encoding=chunked>;"
          "<GET / 1.1 keep|Host=x>;eof" },
        { "chunk extensions",
          S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
            "1;a\r\nx\r\n1;a=b;c=\"d;\\\"\\\\ \t\"\r\ny\r\n0;e=\"\"\r\n\r\n"),
          "<POST / 1.1 keep chunked body|Host=x|Transfer-Encoding=chunked>{xy};eof" },
        { "trailers",
          S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
            "1\r\nx\r\n0\r\na: b\r\nc:\r\nContent-Length: 9 \r\n\r\n"),
          "<POST / 1.1 keep chunked body|Host=x|Transfer-Encoding=chunked>{x};eof" },
        { "cut chunk", S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"),
          "<POST / 1.1 keep chunked body|Host=x|Transfer-Encoding=chunked>{hel}cut" },
        { "cut behind a chunk",
          S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
            "1\r\nx\r\n0\r\n"),
          "<POST / 1.1 keep chunked body|Host=x|Transfer-Encoding=chunked>{x}cut" },
    };
    check_table(HTTP1_REQUESTS, t, COUNT_OF(t));
}

#define BAD(name, bytes)          \
    {                             \
        name, S(bytes), "!syntax" \
    }
#define BAD_FIELD(name, line)                                      \
    {                                                              \
        name, S("GET / HTTP/1.1\r\n" H line "\r\n\r\n"), "!syntax" \
    }
#define BAD_TARGET(target)                                           \
    {                                                                \
        target, S("GET " target " HTTP/1.1\r\n" H "\r\n"), "!syntax" \
    }
#define BAD_HOST(host)                                                \
    {                                                                 \
        host, S("GET / HTTP/1.1\r\nHost:" host "\r\n\r\n"), "!syntax" \
    }
#define BAD_LENGTH(value) BAD_FIELD("length " value, "Content-Length:" value)
#define BAD_CODING(value) BAD_FIELD("coding " value, "Transfer-Encoding:" value)

static void test_bad_requests(void **state)
{
    static const struct head_case t[] = {
        BAD("TLS", "\x16\x03\x01\x02\x00\x01"),
        BAD("one control byte", "\x01"),
        BAD("http/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        BAD("empty line before", "\r\nGET / HTTP/1.1\r\n" H "\r\n"),
        BAD("LF before", "\nGET / HTTP/1.1\r\n" H "\r\n"),
        BAD("blank before", " GET / HTTP/1.1\r\n" H "\r\n"),
        BAD("a response", "HTTP/1.1 200 OK\r\n\r\n"),
        BAD("two blanks", "GET  / HTTP/1.1\r\n" H "\r\n"),
        BAD("two blanks behind", "GET /  HTTP/1.1\r\n" H "\r\n"),
        BAD("blank at the end", "GET / HTTP/1.1 \r\n" H "\r\n"),
        BAD("tabs", "GET\t/\tHTTP/1.1\r\n" H "\r\n"),
        BAD("HTTP/0.9", "GET /\r\n\r\n"),
        BAD("no target", "GET HTTP/1.1\r\n" H "\r\n"),
        BAD("HTTP/1.2", "GET / HTTP/1.2\r\n" H "\r\n"),
        BAD("HTTP/2.0", "GET / HTTP/2.0\r\n" H "\r\n"),
        BAD("HTTP/0.9 by name", "GET / HTTP/0.9\r\n" H "\r\n"),
        BAD("http/1.1", "GET / http/1.1\r\n" H "\r\n"),
        BAD("HTTP/1.10", "GET / HTTP/1.10\r\n" H "\r\n"),
        BAD("HTTP/01.1", "GET / HTTP/01.1\r\n" H "\r\n"),
        BAD("RTSP", "DESCRIBE / RTSP/1.0\r\n" H "\r\n"),
        BAD("ICE", "SOURCE / ICE/1.0\r\n" H "\r\n"),
        BAD("lower-case method", "get / HTTP/1.1\r\n" H "\r\n"),
        BAD("unknown method", "FOO / HTTP/1.1\r\n" H "\r\n"),
        BAD("method with a bad byte", "GE(T / HTTP/1.1\r\n" H "\r\n"),
        BAD("connect", "CONNECT x:443 HTTP/1.1\r\n" H "\r\n"),
        BAD("LF only", "GET / HTTP/1.1\n" H "\n"),
        BAD("LF in the middle", "GET / HTTP/1.1\r\nHost: x\na: b\r\n\r\n"),
        BAD("LF at the end", "GET / HTTP/1.1\r\n" H "\n"),
        BAD("CR only", "GET / HTTP/1.1\rHost: x\r\r"),
        BAD("CR CR LF", "GET / HTTP/1.1\r\r\n" H "\r\n"),
        BAD("no host", "GET / HTTP/1.1\r\n\r\n"),
        BAD("two hosts", "GET / HTTP/1.1\r\n" H H "\r\n"),
        BAD("two hosts in 1.0", "GET / HTTP/1.0\r\n" H H "\r\n"),
        BAD_HOST(""),
        BAD_HOST(" "),
        BAD_HOST("a b"),
        BAD_HOST("a,b"
                 " "
                 "c"),
        BAD_HOST("a/b"),
        BAD_HOST("a?b"),
        BAD_HOST("u@a"),
        BAD_HOST("a\xc3\xa4"),
        BAD_HOST("a:b"),
        BAD_HOST("a:1:2"),
        BAD_HOST("a:65536"),
        BAD_HOST("a:-1"),
        BAD_HOST(":80"),
        BAD_HOST("[::1"),
        BAD_HOST("[1.2.3.4]"),
        BAD_HOST("[::1]x"),
        BAD_HOST("[fe80::1%25eth0]"),
        BAD_HOST("a%2"),
        BAD_HOST("a%zz"),
        BAD_HOST("http://a"),
        BAD_TARGET("a"),
        BAD_TARGET("*"),
        BAD_TARGET("/%"),
        BAD_TARGET("/%2"),
        BAD_TARGET("/%zz"),
        BAD_TARGET("/?%g1"),
        BAD_TARGET("/#f"),
        BAD_TARGET("/a#"),
        BAD_TARGET("/\xc3\xa4"),
        BAD_TARGET("/\""),
        BAD_TARGET("/<"),
        BAD_TARGET("/\\"),
        BAD_TARGET("/{"),
        BAD_TARGET("/\x7f"),
        BAD_TARGET("/a\tb"),
        BAD_TARGET("ftp://a/"),
        BAD_TARGET("http:/a"),
        BAD_TARGET("http://"),
        BAD_TARGET("http:///a"),
        BAD_TARGET("http://u@a/"),
        BAD_TARGET("http://a:b/"),
        BAD_TARGET("x:80"),
        BAD_TARGET("//x y"),
        BAD_FIELD("obs-fold", "a: b\r\n c"),
        BAD_FIELD("obs-fold by tab", "a: b\r\n\tc"),
        BAD_FIELD("obs-fold, empty", "a: b\r\n "),
        BAD_FIELD("fold in Connection", "Connection: close\r\n , x"),
        BAD_FIELD("fold before Connection", "Connection:\r\n close"),
        BAD_FIELD("fold in Content-Length", "Content-Length: 1\r\n 2"),
        BAD_FIELD("fold before Content-Length", "Content-Length:\r\n 2"),
        BAD_FIELD("fold behind Content-Length", "Content-Length: 2\r\n "),
        BAD_FIELD("fold in a coding", "Transfer-Encoding: chunked\r\n , gzip"),
        BAD_FIELD("fold before a coding", "Transfer-Encoding:\r\n chunked"),
        BAD_FIELD("fold behind a coding", "Transfer-Encoding: chunked\r\n\t"),
        BAD_FIELD("fold in Upgrade", "Upgrade: a\r\n b"),
        BAD("fold behind Host", "GET / HTTP/1.1\r\nHost:\r\n x\r\n\r\n"),
        BAD("fold behind the request line", "GET / HTTP/1.1\r\n Host: x\r\n\r\n"),
        BAD_FIELD("blank before the colon", "a : b"),
        BAD_FIELD("tab before the colon", "a\t: b"),
        BAD_FIELD("no colon", "a"),
        BAD_FIELD("no name", ": b"),
        BAD_FIELD("blank in the name", "a b: c"),
        BAD_FIELD("bad byte in the name", "a(b): c"),
        BAD_FIELD("opaque byte in the name", "\xc3\xa4: c"),
        BAD_FIELD("NUL in the name", "a\0b: c"),
        BAD_FIELD("NUL in the value", "a: b\0c"),
        BAD_FIELD("control in the value", "a: b\x01"),
        BAD_FIELD("escape in the value", "a: \x1b[0m"),
        BAD_FIELD("DEL in the value", "a: b\x7f"),
        BAD_FIELD("CR in the value", "a: b\rc"),
        BAD_FIELD("CR CR LF", "a: b\r"),
        BAD_FIELD("vertical tab", "a: \v"),
        BAD_LENGTH(""),
        BAD_LENGTH("+1"),
        BAD_LENGTH("-1"),
        BAD_LENGTH("0x1"),
        BAD_LENGTH("1 1"),
        BAD_LENGTH("1,1"),
        BAD_LENGTH("1, 1"),
        BAD_LENGTH("1.0"),
        BAD_LENGTH("1e1"),
        BAD_LENGTH("00"),
        BAD_LENGTH("01"),
        BAD_LENGTH("9223372036854775808"),
        BAD_LENGTH("18446744073709551616"),
        BAD_LENGTH("99999999999999999999999"),
        BAD_LENGTH("\xc2\xb2"),
        BAD_FIELD("two lengths", "Content-Length: 1\r\nContent-Length: 1"),
        BAD_FIELD("two other lengths", "Content-Length: 1\r\ncontent-length: 2"),
        BAD_FIELD("length and coding", "Content-Length: 1\r\nTransfer-Encoding: chunked"),
        BAD_FIELD("coding and length", "Transfer-Encoding: chunked\r\nContent-Length: 0"),
        BAD_CODING(""),
        BAD_CODING("identity"),
        BAD_CODING("gzip"),
        BAD_CODING("gzip, chunked"),
        BAD_CODING("chunked, gzip"),
        BAD_CODING("chunked, chunked"),
        BAD_CODING("chunked;a=b"),
        BAD_CODING("\"chunked\""),
        BAD_CODING("xchunked"),
        BAD_CODING("chunked,"),
        BAD_CODING(",chunked"),
        BAD_FIELD("two codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        BAD_FIELD("identity, then chunked",
                  "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"),
        BAD("coding in 1.0", "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        { "garbage behind a message",
          S("POST / HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx\r\nGET / HTTP/1.1\r\n" H "\r\n"),
          "<POST / 1.1 keep body 1|Host=x|Content-Length=1>{x};!syntax" },
    };
    check_table(HTTP1_REQUESTS, t, COUNT_OF(t));
}

static void test_bad_chunks(void **state)
{
    static const struct {
        str bytes;
        const char *want;
    } t[] = {
        { S("\r\n"), "!syntax" },
        { S("x\r\n"), "!syntax" },
        { S(" 1\r\nx\r\n"), "!syntax" },
        { S("1 \r\nx\r\n"), "!syntax" },
        { S("1\t\r\nx\r\n"), "!syntax" },
        { S("-1\r\nx\r\n"), "!syntax" },
        { S("+1\r\nx\r\n"), "!syntax" },
        { S("0x1\r\nx\r\n"), "!syntax" },
        { S("1g\r\nx\r\n"), "!syntax" },
        { S("1\nx\n"), "!syntax" },
        { S("1\r\r\nx"), "!syntax" },
        { S("1\rx"), "!syntax" },
        { S("8000000000000000\r\n"), "!syntax" },
        { S("10000000000000000\r\n"), "!syntax" },
        { S("00000000000000001\r\n"), "!syntax" },
        { S("fffffffffffffffffffffffffffffffff\r\n"), "!syntax" },
        { S("1\r\nxy\r\n"), "{x}!syntax" },
        { S("1\r\nx\n"), "{x}!syntax" },
        { S("1\r\nx\r\r\n"), "{x}!syntax" },
        { S("1\r\nx0\r\n\r\n"), "{x}!syntax" },
        { S("2\r\nx\r\n0\r\n\r\n"), "{x\r}!syntax" },
        { S("1;\r\nx"), "!syntax" },
        { S("1; a\r\nx"), "!syntax" },
        { S("1 ;a\r\nx"), "!syntax" },
        { S("1;a=\r\nx"), "!syntax" },
        { S("1;a =b\r\nx"), "!syntax" },
        { S("1;a= b\r\nx"), "!syntax" },
        { S("1;a=b c\r\nx"), "!syntax" },
        { S("1;a=b\"c\"\r\nx"), "!syntax" },
        { S("1;a=\"b\"c\r\nx"), "!syntax" },
        { S("1;a=\"b\r\nx"), "!syntax" },
        { S("1;a=\"b\nc\"\r\nx"), "!syntax" },
        { S("1;a=\"\\\r\nx"), "!syntax" },
        { S("1;a\nx"), "!syntax" },
        { S("1;a\0\r\nx"), "!syntax" },
        { S("1;=b\r\nx"), "!syntax" },
        { S("1;a=b=c\r\nx"), "!syntax" },
        { S("1;;a\r\nx"), "!syntax" },
        { S("0\r\n\n"), "!syntax" },
        { S("0\r\nx\r\n\r\n"), "!syntax" },
        { S("0\r\na : b\r\n\r\n"), "!syntax" },
        { S("0\r\n: b\r\n\r\n"), "!syntax" },
        { S("0\r\n a: b\r\n\r\n"), "!syntax" },
        { S("0\r\na: b\r\n c\r\n\r\n"), "!syntax" },
        { S("0\r\na: b\n\r\n"), "!syntax" },
        { S("0\r\na: b\0\r\n\r\n"), "!syntax" },
        { S("0\r\na: b\rc\r\n\r\n"), "!syntax" },
        { S("0\r\n\r\r\n"), "!syntax" },
        { S("0\r\n\rx"), "!syntax" },
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct buf bytes, want;
        buf_init(&bytes, 4096);
        buf_init(&want, 4096);
        buf_add(&bytes, S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"));
        buf_add(&bytes, t[i].bytes);
        buf_add(&want, S("<POST / 1.1 keep chunked body|Host=x|Transfer-Encoding=chunked>"));
        buf_add(&want, str_c(t[i].want));
        check_splits("chunk", HTTP1_REQUESTS, false, buf_str(&bytes), buf_str(&want));
        buf_done(&bytes);
        buf_done(&want);
    }
}

static void test_good_responses(void **state)
{
    static const struct head_case t[] = {
        { "length", S("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
          "<200 1.1 keep body 2|Content-Length=2>{hi};eof" },
        { "no reason", S("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"),
          "<200 1.1 keep 0|Content-Length=0>;eof" },
        { "reason with opaque bytes",
          S("HTTP/1.1 404 Nicht da, \xc3\xa4tsch\r\nContent-Length: 0\r\n\r\n"),
          "<404 1.1 keep 0|Content-Length=0>;eof" },
        { "status 529", S("HTTP/1.1 529 X\r\nContent-Length: 0\r\n\r\n"),
          "<529 1.1 keep 0|Content-Length=0>;eof" },
        { "to the end", S("HTTP/1.1 200 OK\r\n\r\nhello\r\n\r\n"),
          "<200 1.1 close body>{hello\r\n\r\n}eof" },
        { "to the end, empty", S("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n"),
          "<200 1.1 close body|Connection=keep-alive>eof" },
        { "1.0", S("HTTP/1.0 200 OK\r\n\r\nx"), "<200 1.0 close body>{x}eof" },
        { "1.0 kept", S("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx"),
          "<200 1.0 keep body 1|Connection=keep-alive|Content-Length=1>{x};eof" },
        { "chunked", S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
          "<200 1.1 keep chunked body|Transfer-Encoding=chunked>{x};eof" },
        { "204", S("HTTP/1.1 204 No Content\r\n\r\n"), "<204 1.1 keep>;eof" },
        { "204 with length 0", S("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
          "<204 1.1 keep 0|Content-Length=0>;eof" },
        { "304",
          S("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"
            "HTTP/1.1 304 Not Modified\r\n\r\n"),
          "<304 1.1 keep 9|Content-Length=9>;<304 1.1 keep>;eof" },
        { "interim",
          S("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
          "<200 1.1 keep body 1|Content-Length=1>{x};eof" },
        { "interim only", S("HTTP/1.1 100 Continue\r\n\r\n"), "cut" },
        { "101",
          S("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
            "upgrade\r\n\r\n"),
          "<101 1.1 close upgrade|Upgrade=websocket|Connection=upgrade>;eof" },
        { "cut", S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi"),
          "<200 1.1 keep body 5|Content-Length=5>{hi}cut" },
        { "cut in the middle of chunks",
          S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"),
          "<200 1.1 keep chunked body|Transfer-Encoding=chunked>{x}cut" },
        { "extra bytes", S("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy"),
          "<200 1.1 keep body 1|Content-Length=1>{x};!syntax" },
        { "an extra response",
          S("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n\r\n"),
          "<200 1.1 keep body 1|Content-Length=1>{x};<200 1.1 close body>eof" },
    };
    check_table(HTTP1_RESPONSES, t, COUNT_OF(t));
}

static void test_bad_responses(void **state)
{
    static const struct head_case t[] = {
        BAD("html", "<html>"),
        BAD("a request", "GET / HTTP/1.1\r\n\r\n"),
        BAD("empty line before", "\r\nHTTP/1.1 200 OK\r\n\r\n"),
        BAD("TLS alert", "\x15\x03\x01\x00\x02"),
        BAD("HTTP/2", "HTTP/2 200\r\n\r\n"),
        BAD("HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n"),
        BAD("HTTP/0.9", "HTTP/0.9 200 OK\r\n\r\n"),
        BAD("lower case", "http/1.1 200 OK\r\n\r\n"),
        BAD("ICY", "ICY 200 OK\r\n\r\n"),
        BAD("two blanks", "HTTP/1.1  200 OK\r\n\r\n"),
        BAD("no blank behind the status", "HTTP/1.1 200\r\n\r\n"),
        BAD("two digits", "HTTP/1.1 20 OK\r\n\r\n"),
        BAD("four digits", "HTTP/1.1 2000 OK\r\n\r\n"),
        BAD("status 099", "HTTP/1.1 099 OK\r\n\r\n"),
        BAD("status 000", "HTTP/1.1 000 OK\r\n\r\n"),
        BAD("status 600", "HTTP/1.1 600 OK\r\n\r\n"),
        BAD("status 2x0", "HTTP/1.1 2x0 OK\r\n\r\n"),
        BAD("no status", "HTTP/1.1 OK\r\n\r\n"),
        BAD("control in the reason", "HTTP/1.1 200 O\x01K\r\n\r\n"),
        BAD("NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n"),
        BAD("DEL in the reason", "HTTP/1.1 200 O\x7fK\r\n\r\n"),
        BAD("CR behind the reason", "HTTP/1.1 200 OK\r\ra: b\r\n\r\n"),
        BAD("CR for a reason", "HTTP/1.1 200 \r\ra: b\r\n\r\n"),
        BAD("CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n"),
        BAD("LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
        BAD("obs-fold", "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n"),
        BAD("blank before the colon", "HTTP/1.1 200 OK\r\na : b\r\n\r\n"),
        BAD("bad name", "HTTP/1.1 200 OK\r\n@: b\r\n\r\n"),
        BAD("length and coding",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        BAD("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
        BAD("bad length", "HTTP/1.1 200 OK\r\nContent-Length: 1,1\r\n\r\nx"),
        BAD("length on 304", "HTTP/1.1 304 X\r\nContent-Length: x\r\n\r\n"),
        BAD("coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
        BAD("coding in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        BAD("204 with a body", "HTTP/1.1 204 X\r\nContent-Length: 1\r\n\r\nx"),
        BAD("204 with chunks", "HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        BAD("interim with a body", "HTTP/1.1 100 X\r\nContent-Length: 1\r\n\r\nx"),
    };
    check_table(HTTP1_RESPONSES, t, COUNT_OF(t));
}

static void test_head_responses(void **state)
{
    static const struct head_case t[] = {
        { "length",
          S("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
          "<200 1.1 keep 2|Content-Length=2>;<200 1.1 keep "
          "chunked|Transfer-Encoding=chunked>;eof" },
        { "interim, then nothing said", S("HTTP/1.1 103 X\r\n\r\nHTTP/1.1 404 X\r\n\r\n"),
          "<404 1.1 keep>;eof" },
    };
    for (size_t i = 0; i < COUNT_OF(t); i++)
        check_splits(t[i].name, HTTP1_RESPONSES, true, t[i].bytes, str_c(t[i].want));
}

/* A request head of `fields` fields (Host included) of which the last is as long as it takes to
 * bring the head to `bytes`; 0: short. */
static void make_head(struct buf *b, size_t fields, size_t bytes)
{
    buf_init(b, 1 << 20);
    buf_add(b, S("GET / HTTP/1.1\r\n" H));
    for (size_t i = 1; i < fields; i++)
        buf_add(b, S("a: b\r\n"));
    if (bytes) {
        buf_add(b, S("long: "));
        while (b->n < bytes - 4)
            buf_chr(b, 'x');
        buf_add(b, S("\r\n"));
    }
    buf_add(b, S("\r\n"));
}

/* Whole, byte by byte, and in pieces of a thousand. */
static void check_limit(size_t fields, size_t bytes, const char *add, bool good, const char *want)
{
    static const size_t steps[] = { SIZE_MAX, 1, 1000 };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct buf b, got;
        make_head(&b, fields, bytes);
        buf_add(&b, str_c(add));
        buf_init(&got, 1 << 20);
        run_http1(HTTP1_REQUESTS, false, (struct pieces){ buf_str(&b), 0, steps[i], NULL }, &got);
        str end = str_skip(buf_str(&got), got.n - str_c(want).n);
        if (good)
            assert_true(str_starts(buf_str(&got), S("<GET")));
        CHECK_STR(end, str_c(want));
        buf_done(&b);
        buf_done(&got);
    }
}

static void test_limits(void **state)
{
    check_limit(HTTP_FIELDS_MAX, 0, "", true, "eof");
    check_limit(HTTP_FIELDS_MAX + 1, 0, "", false, "!limit");
    check_limit(1, HTTP_HEAD_BYTES_MAX, "", true, "eof");
    check_limit(1, HTTP_HEAD_BYTES_MAX + 1, "", false, "!limit");
    check_limit(1, 10 * HTTP_HEAD_BYTES_MAX, "", false, "!limit");
    check_limit(1, HTTP_HEAD_BYTES_MAX, "GET / HTTP/1.1\r\n" H "\r\n", true, ";eof");
}

static void check_chunked_limit(str unit, size_t count, str end, const char *want)
{
    static const size_t steps[] = { SIZE_MAX, 1, 1000 };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct buf b, got;
        buf_init(&b, 1 << 20);
        buf_init(&got, 1 << 20);
        buf_add(&b, S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"));
        for (size_t k = 0; k < count; k++)
            buf_add(&b, unit);
        buf_add(&b, end);
        run_http1(HTTP1_REQUESTS, false, (struct pieces){ buf_str(&b), 0, steps[i], NULL }, &got);
        CHECK_STR(str_skip(buf_str(&got), got.n - str_c(want).n), str_c(want));
        buf_done(&b);
        buf_done(&got);
    }
}

static void test_chunk_limits(void **state)
{
    check_chunked_limit(S("1;abcdefg\r\nx\r\n"), 1024, S("0\r\n\r\n"), "};eof");
    check_chunked_limit(S("1;abcdefg\r\nx\r\n"), 4000, S("0\r\n\r\n"), "}!limit");
    check_chunked_limit(S("1\r\nx\r\n"), 1, S("0\r\na:b\r\n\r\n"), "{x};eof");
    struct buf trailers;
    buf_init(&trailers, 1 << 20);
    buf_add(&trailers, S("0\r\n"));
    for (int i = 0; i < HTTP_FIELDS_MAX; i++)
        buf_add(&trailers, S("a: b\r\n"));
    check_chunked_limit(buf_str(&trailers), 1, S("\r\n"), ";eof");
    check_chunked_limit(buf_str(&trailers), 1, S("a: b\r\n\r\n"), "!limit");
    buf_clear(&trailers);
    buf_add(&trailers, S("0\r\na: "));
    while (trailers.n <= HTTP_HEAD_BYTES_MAX)
        buf_chr(&trailers, 'x');
    check_chunked_limit(buf_str(&trailers), 1, S("xxxx\r\n\r\n"), "!limit");
    buf_done(&trailers);
}

static void test_interim_limit(void **state)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    for (int i = 0; i < 16; i++)
        buf_add(&b, S("HTTP/1.1 102 X\r\n\r\n"));
    size_t few = b.n;
    buf_add(&b, S("HTTP/1.1 102 X\r\n\r\n"));
    check_run("few", HTTP1_RESPONSES, false, (struct pieces){ { b.p, few }, 0, 7, NULL }, S("cut"));
    check_run("many", HTTP1_RESPONSES, false, (struct pieces){ buf_str(&b), 0, 7, NULL },
              S("!limit"));
    check_run("many", HTTP1_RESPONSES, false, (struct pieces){ buf_str(&b), 0, SIZE_MAX, NULL },
              S("!limit"));
    buf_done(&b);
}

/* What garbage is refused without waiting for a line end. */
static void test_refused_early(void **state)
{
    static const struct {
        enum http1_kind kind;
        str bytes;
    } t[] = {
        { HTTP1_REQUESTS, S("\x16") },        { HTTP1_REQUESTS, S("g") },
        { HTTP1_REQUESTS, S("\x80") },        { HTTP1_REQUESTS, S("GET /\x01") },
        { HTTP1_REQUESTS, S("GET / HT\n") },  { HTTP1_REQUESTS, S("GET / HTTP/1.1\rx") },
        { HTTP1_RESPONSES, S("<") },          { HTTP1_RESPONSES, S("HTTP/2") },
        { HTTP1_RESPONSES, S("HTTP/1.1\0") },
    };
    for (size_t i = 0; i < COUNT_OF(t); i++)
        check_run("early", t[i].kind, false, (struct pieces){ t[i].bytes, 0, SIZE_MAX, NULL },
                  S("!syntax"));
}

/* A head in one piece is borrowed from it, not copied; so is a body. */
static void test_no_copies(void **state)
{
    static struct http_head head;
    struct http1 p;
    struct err e;
    str bytes = S("POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc"), in = bytes, body;
    http1_init(&p, HTTP1_REQUESTS);
    assert_int_equal(http1_next(&p, &in, &head, &body, &e), HTTP1_HEAD);
    assert_ptr_equal(head.method.p, bytes.p);
    assert_null(p.partial.p);
    assert_int_equal(http1_next(&p, &in, &head, &body, &e), HTTP1_BODY);
    assert_ptr_equal(body.p, bytes.p + bytes.n - 3);
    assert_int_equal(http1_next(&p, &in, &head, &body, &e), HTTP1_END);
    assert_true(http1_idle(&p));
    in = S("G");
    assert_int_equal(http1_next(&p, &in, &head, &body, &e), HTTP1_MORE);
    assert_false(http1_idle(&p));
    assert_false(http1_eof(&p));
    http1_done(&p);
    assert_true(sizeof(struct http1) <= 64);
}

static void test_fields(void **state)
{
    static struct http_head head;
    struct http1 p;
    struct err e;
    str in = S("GET / HTTP/1.1\r\n" H "A: 1\r\na: 2\r\nb:\r\n\r\n"), body;
    http1_init(&p, HTTP1_REQUESTS);
    assert_int_equal(http1_next(&p, &in, &head, &body, &e), HTTP1_HEAD);
    CHECK_STR(http_field_get(&head, S("a")), S("1"));
    assert_int_equal(http_field_count(&head, S("A")), 2);
    assert_non_null(http_field_get(&head, S("B")).p);
    assert_null(http_field_get(&head, S("c")).p);
    assert_int_equal(http_field_count(&head, S("c")), 0);
    http1_done(&p);
}

static void test_add_field(void **state)
{
    struct buf b;
    buf_init(&b, 64);
    assert_true(http_add_field(&b, S("a"), S("b c\t\xff")));
    assert_true(http_add_field(&b, S("d"), S("")));
    CHECK_STR(buf_str(&b), S("a: b c\t\xff\r\nd: \r\n"));
    static const str bad[] = { S("a\r\nb"), S("a\n"), S("a\r"), S("\0"), S("\x1f"), S("\x7f") };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(http_add_field(&b, S("x"), bad[i]));
    assert_false(http_add_field(&b, S(""), S("x")));
    assert_false(http_add_field(&b, S("a b"), S("x")));
    assert_false(http_add_field(&b, S("a:"), S("x")));
    assert_int_equal(b.n, 15);
    assert_false(b.full);
    assert_false(http_add_field(&b, S("too-long-for-it"), S("0123456789012345678901234567890123")));
    assert_true(b.full);
    buf_done(&b);
    assert_string_equal(http_reason(200), "OK");
    assert_string_equal(http_reason(429), "Too Many Requests");
    assert_string_equal(http_reason(599), "Unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_requests), cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_bad_chunks),    cmocka_unit_test(test_good_responses),
        cmocka_unit_test(test_bad_responses), cmocka_unit_test(test_head_responses),
        cmocka_unit_test(test_limits),        cmocka_unit_test(test_chunk_limits),
        cmocka_unit_test(test_interim_limit), cmocka_unit_test(test_refused_early),
        cmocka_unit_test(test_no_copies),     cmocka_unit_test(test_fields),
        cmocka_unit_test(test_add_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
