#include "http/url.h"

#include "route/internal.h"

/* Users write bases in every shape: bare, with /v1, with the whole path of a chat request. What is
 * sent is what the vendor's server offers. */

static str trim_slashes(str s)
{
    while (s.n && s.p[s.n - 1] == '/')
        s.n--;
    return s;
}

/* What a base may end in although our dialects append it themselves. In this order, each once. */
static const struct {
    enum dialect_id dialect;
    const char *tail;
} tails[] = {
    { DIALECT_OPENAI_CHAT, "/realtime" },
    { DIALECT_OPENAI_CHAT, "/chat/completions" },
    { DIALECT_OPENAI_CHAT, "/responses" },
    { DIALECT_OPENAI_RESPONSES, "/responses" },
    { DIALECT_OPENAI_RESPONSES, "/chat/completions" },
    { DIALECT_ANTHROPIC, "/messages" },
    { DIALECT_ANTHROPIC, "/v1" },
    { DIALECT_GEMINI, "/openai" },
    { DIALECT_GEMINI, "/models" },
    { DIALECT_COHERE, "/chat" },
    { DIALECT_OLLAMA, "/chat" },
    { DIALECT_OLLAMA, "/generate" },
    { DIALECT_OLLAMA, "/api" },
    { DIALECT_OLLAMA, "/v1" },
};

static str without_tails(enum dialect_id dialect, str path)
{
    path = trim_slashes(path);
    for (size_t i = 0; i < COUNT_OF(tails); i++)
        if (tails[i].dialect == dialect && str_ends(path, str_c(tails[i].tail)))
            path = trim_slashes(str_take(path, path.n - strlen(tails[i].tail)));
    if (dialect == DIALECT_COHERE && str_eq(path, S("/v1")))
        return S("/v2"); /* the older interface, of which we speak the newer */
    return path;
}

static bool is_azure(const struct deployment *d)
{
    return d->provider->auth == AUTH_API_KEY;
}

/* azure/gpt5_series/NAME and its like say which dialect to use, not where. */
static str azure_deployment(str model)
{
    static const char *const hints[] = { "gpt5_series/", "o_series/", "responses/" };
    for (size_t i = 0; i < COUNT_OF(hints); i++)
        if (str_starts(model, str_c(hints[i])))
            return str_skip(model, strlen(hints[i]));
    return model;
}

/* {base}/openai/deployments/{model}?api-version=..., or {base}/openai/v1, where the model stands in
 * the body (and must, if it is not known yet). */
static void azure_path(struct deployment *d, const struct url *u, str api_version, struct arena *a)
{
    struct buf name;
    d->model = azure_deployment(d->model);
    d->base_has_path = true;
    if (!api_version.n && !url_query_get(u->query, S("api-version"), a, &api_version))
        api_version = S("2025-02-01-preview");
    if (str_ends(d->base_path, S("/openai/v1")) || pattern_is(d->model)) {
        if (!str_ends(d->base_path, S("/openai/v1")))
            d->base_path = arena_cat(a, d->base_path, S("/openai/v1"));
        bool named = str_eq(api_version, S("v1")) || str_eq(api_version, S("preview"));
        d->query = named ? arena_cat(a, S("api-version="), api_version) : S("");
        return;
    }
    buf_init(&name, 16384);
    url_add_encoded(&name, api_version);
    d->query = arena_cat(a, S("api-version="), buf_str(&name));
    buf_clear(&name);
    if (!str_contains(d->base_path, S("/deployments/"))) {
        if (!str_ends(d->base_path, S("/openai")))
            d->base_path = arena_cat(a, d->base_path, S("/openai"));
        buf_add(&name, S("/deployments/"));
        url_add_encoded(&name, d->model);
        d->base_path = arena_cat(a, d->base_path, buf_str(&name));
    }
    buf_done(&name);
}

/* The path for a base without one: the row's own, else that of the vendor's default base. */
static str path_if_bare(const struct provider *p, bool *ret_vendor_is_bare)
{
    struct url own;
    if (p->path_if_bare)
        return str_c(p->path_if_bare);
    if (!p->base || FAILED(url_parse(str_c(p->base), &own, NULL)))
        return S("");
    str path = trim_slashes(own.path);
    *ret_vendor_is_bare = path.n == 0;
    return path;
}

static void plain_path(struct deployment *d)
{
    bool vendor_is_bare = false;
    d->base_has_path = d->base_path.n > 0;
    if (d->base_has_path)
        return;
    d->base_path = path_if_bare(d->provider, &vendor_is_bare);
    /* OpenAI-like vendors whose own base has no path have no /v1 either (Perplexity) */
    d->base_has_path = d->base_path.n > 0 || (vendor_is_bare && d->dialect == DIALECT_OPENAI_CHAT);
}

static str lower(str s, struct arena *a)
{
    char *p = NEW(a, char, s.n + 1);
    for (size_t i = 0; i < s.n; i++)
        p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
    return (str){ p, s.n };
}

str deployment_http_base(str base, struct arena *a)
{
    if (str_istarts(base, S("ws://")) || str_istarts(base, S("wss://")))
        return arena_cat(a, S("http"), str_skip(base, 2));
    return base;
}

rc deployment_url(struct deployment *d, str base, str api_version, struct arena *a, struct err *e)
{
    struct url u;
    TRY(url_parse(str_trim(base), &u, e));
    d->origin.host = lower(u.host, a);
    d->origin.port = u.port;
    d->origin.tls = u.tls;
    d->origin.hash = origin_hash(d->origin.host, u.port, u.tls);
    d->host_field = lower(u.authority, a);
    d->base_path = arena_dup(a, without_tails(d->dialect, u.path));
    d->query = arena_dup(a, u.query);
    if (is_azure(d))
        azure_path(d, &u, api_version, a);
    else
        plain_path(d);
    d->api_base = arena_fmt(a, "%s://%.*s%.*s", u.tls ? "https" : "http", STRF(d->host_field),
                            STRF(d->base_path));
    return RC_OK;
}
