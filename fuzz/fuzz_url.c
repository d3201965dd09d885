/* A URL that is taken can be put together again from its parts; so can a target. Decoding undoes
 * encoding. Segments obey their rule. data: URLs keep their payload. */
#include "base/buf.h"
#include "http/url.h"

static void check_url(str s, struct buf *b)
{
    struct url u;
    struct err e;
    if (FAILED(url_parse(s, &u, &e))) {
        BUG_UNLESS(e.text[0] && e.at <= s.n);
        return;
    }
    buf_add(b, str_take(s, u.tls ? 8 : 7));
    buf_add(b, u.authority);
    buf_add(b, u.path);
    buf_add(b, u.has_query ? S("?") : S(""));
    buf_add(b, u.query);
    BUG_UNLESS(str_eq(buf_str(b), s));
    BUG_UNLESS(url_is_target(s, false) && url_is_host(u.authority));
    BUG_UNLESS(u.port && u.host.n && u.host.n <= u.authority.n);
    BUG_UNLESS(str_index(u.host, '@') == u.host.n && str_index(u.authority, '/') == u.authority.n);
}

static void check_path(str path, enum url_path_rule rule, struct arena *a)
{
    struct url_path p;
    if (FAILED(url_path_parse(path, rule, a, &p, NULL)))
        return;
    BUG_UNLESS(p.n <= URL_SEGMENTS_MAX && str_starts(path, S("/")));
    for (size_t i = 0; i < p.n; i++) {
        str s = p.segments[i];
        BUG_UNLESS(s.n && str_index(s, 0) == s.n);
        BUG_UNLESS(!str_eq(s, S(".")) && !str_eq(s, S("..")));
        if (rule == URL_PATH_PASS_THROUGH)
            BUG_UNLESS(str_index(s, '/') == s.n && str_index(s, '\\') == s.n);
    }
}

static void check_target(str s, struct arena *a)
{
    str path, query, value;
    if (!url_is_target(s, true))
        return;
    url_split_target(s, &path, &query);
    BUG_UNLESS(str_starts(path, S("/")) || str_eq(path, S("*")));
    BUG_UNLESS(str_ends(s, query));
    check_path(path, URL_PATH_ROUTE, a);
    check_path(path, URL_PATH_PASS_THROUGH, a);
    url_query_get(query, S("key"), a, &value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    str s = { (const char *)data, n }, back;
    struct buf b;
    struct arena a;
    struct data_url d;
    buf_init(&b, 4 * n + 1);
    arena_init(&a);
    check_url(s, &b);
    check_target(s, &a);
    check_path(s, URL_PATH_ROUTE, &a);
    buf_clear(&b);
    url_add_encoded(&b, s);
    BUG_UNLESS(url_decode(buf_str(&b), &a, &back) && str_eq(back, s));
    if (url_split_data(s, &d))
        BUG_UNLESS(str_ends(s, d.payload) && d.mime.n + d.params.n + d.payload.n + 6 <= n);
    buf_done(&b);
    arena_done(&a);
    return 0;
}
