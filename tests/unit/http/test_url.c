#include "check.h"

#include "base/buf.h"
#include "http/url.h"

static void test_parse(void **state)
{
    static const struct {
        const char *url;
        bool tls;
        const char *authority, *host;
        unsigned port;
        const char *path, *query;
    } t[] = {
        { "http://a", false, "a", "a", 80, "", "" },
        { "HTTPS://A/", true, "A", "A", 443, "/", "" },
        { "http://ollama.local:11434", false, "ollama.local:11434", "ollama.local", 11434, "", "" },
        { "https://a_b-c.d:1/v1?x=y&z", true, "a_b-c.d:1", "a_b-c.d", 1, "/v1", "x=y&z" },
        { "http://127.0.0.1:65535?q", false, "127.0.0.1:65535", "127.0.0.1", 65535, "", "q" },
        { "http://[::1]:8080/x", false, "[::1]:8080", "::1", 8080, "/x", "" },
        { "https://[2001:db8::7]", true, "[2001:db8::7]", "2001:db8::7", 443, "", "" },
        { "http://a/b%2Fc:d@e", false, "a", "a", 80, "/b%2Fc:d@e", "" },
        { "http://a/?", false, "a", "a", 80, "/", "" },
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct url u;
        struct err e = { 0 };
        CHECK_OK(url_parse(str_c(t[i].url), &u, &e), &e);
        assert_int_equal(u.tls, t[i].tls);
        CHECK_STR(u.authority, str_c(t[i].authority));
        CHECK_STR(u.host, str_c(t[i].host));
        assert_int_equal(u.port, t[i].port);
        CHECK_STR(u.path, str_c(t[i].path));
        CHECK_STR(u.query, str_c(t[i].query));
        assert_int_equal(u.has_query, strchr(t[i].url, '?') != NULL);
        assert_int_equal(u.ipv6, strchr(t[i].url, '[') != NULL);
        assert_int_equal(u.has_port,
                         strchr(t[i].authority + (u.ipv6 ? u.host.n + 1 : 0), ':') != NULL);
    }
}

static void test_bad_urls(void **state)
{
    static const str t[] = {
        S(""),
        S("a"),
        S("a:80"),
        S("/a"),
        S("//a"),
        S("ftp://a"),
        S("http:a"),
        S("http:/a"),
        S("http//a"),
        S(" http://a"),
        S("http://a "),
        S("http://a\n"),
        S("http://"),
        S("http:///a"),
        S("http://?a"),
        S("http://:80"),
        S("http://u@a"),
        S("http://u:p@a"),
        S("http://a:"),
        S("http://a:0"),
        S("http://a:65536"),
        S("http://a:-1"),
        S("http://a:8x"),
        S("http://a:8:9"),
        S("http://a b"),
        S("http://a%20b"),
        S("http://a\\b"),
        S("http://\xc3\xa4.de"),
        S("http://a~"),
        S("http://a,b"),
        S("http://[::1"),
        S("http://[]"),
        S("http://[1.2.3.4]"),
        S("http://[::g]"),
        S("http://[::1]x"),
        S("http://[::1]:"),
        S("http://[fe80::1%25lo]"),
        S("http://[v1.x]"),
        S("http://[::1\0]"),
        S("http://::1"),
        S("http://a/b c"),
        S("http://a/%"),
        S("http://a/%1"),
        S("http://a/%gg"),
        S("http://a/?%"),
        S("http://a/#f"),
        S("http://a#f"),
        S("http://a/\xc3\xa4"),
        S("http://a/?\xc3\xa4"),
        S("http://a/\0"),
        S("http://a/{b}"),
        S("https://${HOST}/v1"),
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct url u;
        struct err e = { 0 };
        if (url_parse(t[i], &u, &e).code != E_SYNTAX)
            fail_msg("taken: %.*s", STRF(t[i]));
        assert_true(e.text[0] && e.at <= t[i].n);
    }
    char name[400] = "http://";
    memset(name + 7, 'a', 254);
    struct url u;
    assert_true(FAILED(url_parse((str){ name, 7 + 254 }, &u, NULL)));
    assert_false(FAILED(url_parse((str){ name, 7 + 253 }, &u, NULL)));
}

static void test_target(void **state)
{
    static const struct {
        const char *target, *path, *query;
    } t[] = {
        { "/", "/", "" },
        { "/a/b?c=d?e", "/a/b", "c=d?e" },
        { "//a", "//a", "" },
        { "/?", "/", "" },
        { "http://x:80/a?b", "/a", "b" },
        { "https://x", "/", "" },
        { "https://x?b", "/", "b" },
        { "*", "*", "" },
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        str path, query;
        assert_true(url_is_target(str_c(t[i].target), true));
        url_split_target(str_c(t[i].target), &path, &query);
        CHECK_STR(path, str_c(t[i].path));
        CHECK_STR(query, str_c(t[i].query));
    }
}

static void test_query(void **state)
{
    static const struct {
        const char *query, *name;
        const char *want; /* NULL: not there */
    } t[] = {
        { "key=abc", "key", "abc" }, { "alt=sse&key=a%2Bb+c", "key", "a+b c" },
        { "key", "key", "" },        { "key=", "key", "" },
        { "key=a=b", "key", "a=b" }, { "key=1&key=2", "key", "1" },
        { "k%65y=1", "key", "1" },   { "xkey=1&keyx=2", "key", NULL },
        { "", "key", NULL },         { "&&", "key", NULL },
        { "key=%zz", "key", NULL },  { "%=1&key=2", "key", NULL },
        { "KEY=1", "key", NULL },
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct arena a;
        str v = S("untouched");
        arena_init(&a);
        assert_int_equal(url_query_get(str_c(t[i].query), str_c(t[i].name), &a, &v),
                         t[i].want != NULL);
        if (t[i].want)
            CHECK_STR(v, str_c(t[i].want));
        arena_done(&a);
    }
}

static void test_query_next(void **state)
{
    static const struct {
        const char *pair, *name;
    } want[] = {
        { "key=1", "key" }, { "k%65y=2", "key" }, { "a+b", "a b" },
        { "=c", "" },       { "%zz=1", "%zz" },
    };
    struct arena a;
    str query = S("&key=1&&k%65y=2&a+b&=c&%zz=1&"), pair, name;
    arena_init(&a);
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        assert_true(url_query_next(&query, &a, &pair, &name));
        CHECK_STR(pair, str_c(want[i].pair));
        CHECK_STR(name, str_c(want[i].name));
    }
    assert_false(url_query_next(&query, &a, &pair, &name));
    query = (str){ NULL, 0 };
    assert_false(url_query_next(&query, &a, &pair, &name));
    arena_done(&a);
}

static void test_path(void **state)
{
    static const struct {
        str path;
        const char *route, *pass; /* segments joined by "," ; "!": refused */
    } t[] = {
        { S("/"), "", "" },
        { S("/v1/chat/completions"), "v1,chat,completions", "v1,chat,completions" },
        { S("//v1///models/"), "v1,models", "v1,models" },
        { S("/v1/models/openai%2Fgpt-4"), "v1,models,openai/gpt-4", "!" },
        { S("/a%20b/%E2%82%AC"), "a b,\xe2\x82\xac", "a b,\xe2\x82\xac" },
        { S("/models/gemini:generateContent"), "models,gemini:generateContent",
          "models,gemini:generateContent" },
        { S("/a%5Cb"), "a\\b", "!" },
        { S("/a%0Ab"), "a\nb", "!" },
        { S("/a%7f"), "a\x7f", "!" },
        { S("/a+b"), "a+b", "a+b" },
        { S("/a%252e"), "a%2e", "a%2e" },
        { S("/..."), "...", "..." },
        { S("/a%00"), "!", "!" },
        { S("/."), "!", "!" },
        { S("/a/../b"), "!", "!" },
        { S("/a/.."), "!", "!" },
        { S("/%2e%2E/b"), "!", "!" },
        { S("/.%2e"), "!", "!" },
        { S("/%2"), "!", "!" },
        { S("/%zz"), "!", "!" },
        { S("a"), "!", "!" },
        { S(""), "!", "!" },
        { S("*"), "!", "!" },
    };
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        for (int rule = URL_PATH_ROUTE; rule <= URL_PATH_PASS_THROUGH; rule++) {
            struct arena a;
            struct url_path p;
            struct buf got;
            buf_init(&got, 1000);
            arena_init(&a);
            rc r = url_path_parse(t[i].path, (enum url_path_rule)rule, &a, &p, NULL);
            if (FAILED(r))
                buf_chr(&got, '!');
            for (size_t k = 0; k < p.n && !FAILED(r); k++) {
                buf_add(&got, k ? S(",") : S(""));
                buf_add(&got, p.segments[k]);
            }
            CHECK_STR(buf_str(&got), str_c(rule == URL_PATH_ROUTE ? t[i].route : t[i].pass));
            assert_int_equal(p.trailing_slash, str_ends(t[i].path, S("/")));
            arena_done(&a);
            buf_done(&got);
        }
    }
}

static void test_path_limit(void **state)
{
    struct buf b;
    struct arena a;
    struct url_path p;
    buf_init(&b, 1000);
    arena_init(&a);
    for (int i = 0; i < URL_SEGMENTS_MAX; i++)
        buf_add(&b, S("/a"));
    assert_false(FAILED(url_path_parse(buf_str(&b), URL_PATH_ROUTE, &a, &p, NULL)));
    assert_int_equal(p.n, URL_SEGMENTS_MAX);
    buf_add(&b, S("/a"));
    assert_int_equal(url_path_parse(buf_str(&b), URL_PATH_ROUTE, &a, &p, NULL).code, E_LIMIT);
    buf_done(&b);
    arena_done(&a);
}

static void test_encode(void **state)
{
    struct buf b;
    struct arena a;
    str back, s = S("a/b c%\0\xff-._~:");
    buf_init(&b, 100);
    arena_init(&a);
    url_add_encoded(&b, s);
    CHECK_STR(buf_str(&b), S("a%2Fb%20c%25%00%FF-._~%3A"));
    assert_true(url_decode(buf_str(&b), &a, &back));
    CHECK_STR(back, s);
    str plain = S("no copy");
    assert_true(url_decode(plain, &a, &back));
    assert_ptr_equal(back.p, plain.p);
    buf_done(&b);
    arena_done(&a);
}

static void test_data(void **state)
{
    static const struct {
        const char *url, *mime, *params, *payload;
        bool base64;
    } t[] = {
        { "data:image/png;base64,iVBO", "image/png", "", "iVBO", true },
        { "DATA:image/png;Base64,", "image/png", "", "", true },
        { "data:,x", "", "", "x", false },
        { "data:;base64,eA==", "", "", "eA==", true },
        { "data:text/plain;charset=utf-8,a,b", "text/plain", "charset=utf-8", "a,b", false },
        { "data:text/plain;charset=utf-8;base64,eA==", "text/plain", "charset=utf-8",
          "eA==", true },
        { "data:base64,x", "base64", "", "x", false },
    };
    struct data_url d;
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        assert_true(url_split_data(str_c(t[i].url), &d));
        CHECK_STR(d.mime, str_c(t[i].mime));
        CHECK_STR(d.params, str_c(t[i].params));
        CHECK_STR(d.payload, str_c(t[i].payload));
        assert_int_equal(d.base64, t[i].base64);
    }
    assert_false(url_split_data(S("data:image/png;base64"), &d));
    assert_false(url_split_data(S("http://a,b"), &d));
    assert_false(url_split_data(S(""), &d));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),      cmocka_unit_test(test_bad_urls),
        cmocka_unit_test(test_target),     cmocka_unit_test(test_query),
        cmocka_unit_test(test_query_next), cmocka_unit_test(test_path),
        cmocka_unit_test(test_path_limit), cmocka_unit_test(test_encode),
        cmocka_unit_test(test_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
