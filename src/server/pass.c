#include "server/pass.h"

#include "http/url.h"
#include "server/operation.h"
#include "server/realtime.h"
#include "server/reply.h"

/* ---- where to ------------------------------------------------------------------------------- */

/* "/anthropic/v1/x" -> "anthropic", "/v1/x". */
static str first_segment(str path, str *ret_rest)
{
    while (str_starts(path, S("//")))
        path = str_skip(path, 1);
    str rest = str_skip(path, 1);
    size_t end = str_index(rest, '/');
    *ret_rest = str_skip(rest, end);
    return str_take(rest, end);
}

static void serve_vendor(struct exchange *x);
static void serve_own(struct exchange *x);

#define ROW(access_, serve_)                                                          \
    {                                                                                 \
        .method = "*", .path = "", .access = access_, .dialect = DIALECT_OPENAI_CHAT, \
        .serve = serve_, .op = &operation_pass, .websocket = true                     \
    }
static const struct endpoint vendor_row = ROW(ACCESS_KEY, serve_vendor);
static const struct endpoint own_row = ROW(ACCESS_KEY, serve_own);
static const struct endpoint open_row = ROW(ACCESS_PUBLIC, serve_own);

const struct endpoint *pass_find(struct exchange *x)
{
    const struct route_table *t = x->snap->routes;
    str rest;
    const struct deployment *d = route_pass(t, x->path, &rest);
    if (d)
        return d->pass->auth ? &own_row : &open_row;
    d = route_vendor(t, first_segment(x->path, &rest));
    if (!d || rest.n < 2)
        return NULL;
    x->in = dialect_get(d->dialect);
    return &vendor_row;
}

/* ---- what goes on --------------------------------------------------------------------------- */

static bool listed(str name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_ieq(name, str_c(names[i])))
            return true;
    return false;
}

/* Never, whatever the configuration says: the caller's secrets, and what belongs to one hop. */
static bool stays_here(const struct exchange *x, str name)
{
    static const char *const names[] = { "authorization",
                                         "x-api-key",
                                         "api-key",
                                         "x-goog-api-key",
                                         "cookie",
                                         "host",
                                         "content-length",
                                         "transfer-encoding",
                                         "connection",
                                         "keep-alive",
                                         "te",
                                         "trailer",
                                         "upgrade",
                                         "expect",
                                         "accept-encoding",
                                         "content-encoding",
                                         "forwarded",
                                         "x-real-ip",
                                         "proxy-connection",
                                         "proxy-authorization",
                                         "user-agent",
                                         "http2-settings" };
    return listed(name, names, COUNT_OF(names)) || str_istarts(name, S("x-litellm-")) ||
           str_istarts(name, S("x-forwarded-")) || str_istarts(name, S("x-openwebui-")) ||
           str_istarts(name, S("sec-websocket-")) || str_ieq(name, x->snap->config->key_header);
}

bool pass_takes_field(const struct exchange *x, str name)
{
    return !stays_here(x, name);
}

bool pass_keeps_field(const struct exchange *x, str name)
{
    static const char *const names[] = {
        "accept",          "content-type",       "anthropic-version",
        "anthropic-beta",  "openai-beta",        "range",
        "idempotency-key", "x-goog-api-client",  "if-none-match",
        "if-match",        "content-language",   "accept-language",
        "x-client-name",   "content-disposition"
    };
    str rest;
    if (stays_here(x, name))
        return false;
    if (listed(name, names, COUNT_OF(names)) || str_istarts(name, S("x-goog-upload-")))
        return true;
    const struct deployment *own = route_pass(x->snap->routes, x->path, &rest);
    return own && own->pass->forward_headers;
}

bool pass_returns_field(str name, str value, unsigned status)
{
    static const char *const names[] = { "retry-after",     "retry-after-ms", "content-disposition",
                                         "content-range",   "accept-ranges",  "etag",
                                         "last-modified",   "deprecation",    "sunset",
                                         "content-language" };
    /* What was made, by its path: never another host. */
    if (str_ieq(name, S("location")))
        return status == 201 && str_starts(value, S("/")) && !str_starts(value, S("//"));
    return listed(name, names, COUNT_OF(names));
}

/* One segment as it may stand in a path (RFC 3986 3.3): Gemini's methods follow a colon. */
static void add_segment(struct buf *b, str s)
{
    for (size_t i = 0; i < s.n; i++) {
        str c = { s.p + i, 1 };
        if (str_contains(S(":@!$&'()*+,;="), c))
            buf_add(b, c);
        else
            url_add_encoded(b, c);
    }
}

/* The caller's key is not the vendor's business. */
static void add_query(struct buf *b, str query, str own, struct arena *a)
{
    static const char *const ours[] = { "key", "custom_llm_provider", "provider", NULL };
    char before = '?';
    bool has_version = false;
    str pair, name;
    while (url_query_next(&query, a, &pair, &name)) {
        if (str_among(name, ours))
            continue;
        has_version |= str_eq(name, S("api-version"));
        buf_chr(b, before);
        buf_add(b, pair);
        before = '&';
    }
    if (own.n && !(has_version && str_contains(own, S("api-version=")))) {
        buf_chr(b, before);
        buf_add(b, own);
    }
}

str pass_account_base(const struct deployment *d)
{
    static const char mark[] = "/deployments/";
    const char *at = memmem(d->base_path.p, d->base_path.n, mark, sizeof(mark) - 1);
    return at ? str_take(d->base_path, (size_t)(at - d->base_path.p)) : d->base_path;
}

/* Callers write the version that the base ends in, or leave it out: it stands there once. */
static size_t doubled(str base, const struct url_path *p)
{
    str last = str_skip(base, str_rindex(base, '/') + 1);
    return p->n && last.n && str_eq(last, p->segments[0]) ? 1 : 0;
}

void pass_to_deployment(struct exchange *x, const struct deployment *d, str path)
{
    struct err e = { 0 };
    struct url_path p;
    struct buf b;
    if (x->asked->offer && !realtime_accepts(x))
        return;
    if (path.n && FAILED(url_path_parse(path, URL_PATH_PASS_THROUGH, &x->scratch, &p, &e))) {
        reply_error_text(x, 400, "invalid_request_error", "path",
                         "The path cannot be passed on: %s", e.text);
        return;
    }
    if (path.n == 0)
        p = (struct url_path){ 0 };
    str base = pass_account_base(d);
    buf_init(&b, 64 * 1024);
    buf_add(&b, base);
    for (size_t i = d->pass ? 0 : doubled(base, &p); i < p.n; i++) {
        buf_chr(&b, '/');
        add_segment(&b, p.segments[i]);
    }
    if (p.trailing_slash || b.n == 0)
        buf_chr(&b, '/');
    add_query(&b, x->asked->query, d->query, &x->scratch);
    str target = arena_dup(&x->scratch, buf_str(&b));
    bool full = b.full;
    buf_done(&b);
    if (full)
        reply_error_text(x, 414, "invalid_request_error", "path", "The path is too long.");
    else
        call_pass(x, d, target);
}

static void serve_vendor(struct exchange *x)
{
    str rest;
    const struct deployment *d = route_vendor(x->snap->routes, first_segment(x->path, &rest));
    pass_to_deployment(x, d, rest);
}

static void serve_own(struct exchange *x)
{
    str rest;
    const struct deployment *d = route_pass(x->snap->routes, x->path, &rest);
    if (rest.n && rest.p[0] != '/')
        rest = arena_cat(&x->scratch, S("/"), rest);
    pass_to_deployment(x, d, rest);
}

/* The row's own spelling of the path: callers put prefixes before it. */
static str plain_path(struct exchange *x)
{
    str pattern = str_c(x->endpoint->path);
    if (!str_ends(pattern, S("*")))
        return pattern;
    return arena_cat(&x->scratch, str_take(pattern, pattern.n - 1), x->asked->path_rest);
}

static void pass_to(struct exchange *x, const char *const *usual, size_t n)
{
    str name = { 0 };
    const struct deployment *d = NULL;
    if (!url_query_get(x->asked->query, S("custom_llm_provider"), &x->scratch, &name))
        (void)url_query_get(x->asked->query, S("provider"), &x->scratch, &name);
    if (name.n)
        d = route_vendor(x->snap->routes, name);
    for (size_t i = 0; i < n && !d && !name.n; i++)
        d = route_vendor(x->snap->routes, str_c(usual[i]));
    if (d) {
        x->in = dialect_get(d->dialect);
        pass_to_deployment(x, d, plain_path(x));
        return;
    }
    reply_error_text(x, 404, "not_found_error", NULL,
                     "%.*s is passed on to a vendor as it is, and there is neither a key nor a "
                     "deployment for %.*s.",
                     STRF(str_take(x->path, 200)),
                     STRF(name.n ? str_take(name, 60) : str_c(usual[0])));
}

void pass_to_openai(struct exchange *x)
{
    static const char *const usual[] = { "openai", "azure", "custom_openai", "litellm_proxy" };
    pass_to(x, usual, COUNT_OF(usual));
}

void pass_to_anthropic(struct exchange *x)
{
    static const char *const usual[] = { "anthropic" };
    pass_to(x, usual, COUNT_OF(usual));
}
