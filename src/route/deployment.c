#include <stdarg.h>

#include "http/chars.h"
#include "http/url.h"
#include "route/internal.h"

/* A row of model_list becomes a deployment: vendor, URL, fields of the request, prices, limits. */

struct maker {
    struct deployment *dep;
    const struct config *c;
    const struct model_entry *e;
    struct arena *a;
    struct diags *d;
    str model;     /* litellm_params.model, or what stands in for it */
    bool own_host; /* the request goes to the vendor itself */
    bool own_auth; /* extra_headers bring the field that would hold the key */
};

static void say(struct maker *m, enum diag_level level, const char *param, const char *remedy,
                const char *fmt, ...) PRINTF(5, 6);

static void say(struct maker *m, enum diag_level level, const char *param, const char *remedy,
                const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    str key = arena_fmt(&m->d->arena, "model_list[%zu].litellm_params.%s", m->e->row, param);
    diag_add(m->d, level, m->e->file, m->e->line, m->e->column, key, str_c(remedy), "%s", text);
}

/* ---- the vendor ------------------------------------------------------------------------------ */

static bool find_provider(struct maker *m)
{
    struct deployment *dep = m->dep;
    struct provider_choice choice =
        provider_resolve(m->model, m->e->custom_llm_provider, m->e->api_base, m->a);
    if (!choice.provider && str_eq(m->model, S("*")))
        choice.provider = provider_find(S("openai"));
    const struct provider *p = choice.provider;
    if (!p) {
        say(m, DIAG_ERROR, "model",
            "write PROVIDER/NAME, such as openai/NAME with api_base for any OpenAI-compatible "
            "server",
            "\"%.*s\" does not say whose model it is: this row is left out",
            STRF(str_take(m->model, 100)));
        return false;
    }
    if (p->later) {
        say(m, DIAG_ERROR, "model", p->later, "%s is not served yet: this row is left out",
            p->label);
        return false;
    }
    if (choice.by_shape)
        say(m, DIAG_NOTE, "model", "write the vendor in front of the name, if it is another one",
            "\"%.*s\" is taken for %s/%.*s", STRF(str_take(m->model, 100)), p->prefix,
            STRF(str_take(choice.model, 100)));
    dep->provider = p;
    dep->provider_name = str_c(p->prefix);
    dep->dialect = p->dialect;
    dep->model = arena_dup(m->a, choice.model);
    dep->quirks = p->quirks;
    return true;
}

static str first_env(const struct config *c, const char *const names[PROVIDER_ENVS_MAX],
                     const char **ret_name)
{
    for (size_t i = 0; i < PROVIDER_ENVS_MAX && names[i]; i++) {
        const char *value = config_getenv(c, names[i]);
        str s = str_trim(str_c(value));
        if (s.n) {
            *ret_name = names[i];
            return s;
        }
    }
    return (str){ NULL, 0 };
}

static bool same_host(str base, const char *other)
{
    struct url a, b;
    return other && !FAILED(url_parse(str_trim(base), &a, NULL)) &&
           !FAILED(url_parse(str_c(other), &b, NULL)) && str_ieq(a.host, b.host);
}

static bool set_url(struct maker *m)
{
    struct deployment *dep = m->dep;
    const struct provider *p = dep->provider;
    const char *from = "api_base";
    struct err e;
    str base = m->e->api_base, version = m->e->api_version;
    bool given = base.n > 0;
    if (!given)
        base = first_env(m->c, p->base_env, &from);
    if (!base.n && p->base)
        base = str_c(p->base);
    if (!base.n) {
        say(m, DIAG_ERROR, "api_base", "add it, such as api_base: http://HOST:PORT/v1",
            "missing, and %s has no usual one: this row is left out", p->label);
        return false;
    }
    base = deployment_http_base(str_trim(base), m->a);
    if (!version.n && p->auth == AUTH_API_KEY)
        version = str_c(config_getenv(m->c, "AZURE_API_VERSION"));
    if (FAILED(deployment_url(dep, base, version, m->a, &e))) {
        say(m, DIAG_ERROR, "api_base", "write it like http://HOST:PORT or https://HOST/PATH",
            "%s (in %s): this row is left out", e.text, from);
        return false;
    }
    m->own_host = !given || same_host(base, p->base) || p->auth == AUTH_API_KEY;
    if ((p->quirks & QUIRK_OPENAI) && !str_ends(dep->origin.host, S("openai.com")) &&
        p->auth != AUTH_API_KEY)
        dep->quirks &= ~QUIRK_OPENAI;
    enum tri verify = m->e->ssl_verify != TRI_UNSET ? m->e->ssl_verify : m->c->ssl_verify;
    dep->origin.tls_unverified = dep->origin.tls && verify == TRI_FALSE;
    return true;
}

/* ---- fields ---------------------------------------------------------------------------------- */

static const struct {
    const char *name, *before;
} auth_fields[] = {
    [AUTH_BEARER] = { "authorization", "Bearer " },
    [AUTH_X_API_KEY] = { "x-api-key", "" },
    [AUTH_API_KEY] = { "api-key", "" },
    [AUTH_X_GOOG] = { "x-goog-api-key", "" },
};

static bool is_clean(str key)
{
    for (size_t i = 0; i < key.n; i++)
        if ((unsigned char)key.p[i] <= ' ' || (unsigned char)key.p[i] >= 0x7f)
            return false;
    return true;
}

static void no_key(struct maker *m)
{
    const struct provider *p = m->dep->provider;
    if (p->key_optional || !m->own_host || m->own_auth || m->e->api_key_env.n)
        return; /* an unset variable was said by the loader, with its line */
    say(m, DIAG_WARN, "api_key",
        p->key_env[0] ? "set that variable, or api_key: os.environ/NAME" : "add api_key",
        "none is given and %s is not set: %s will refuse the calls",
        p->key_env[0] ? p->key_env[0] : "no variable", p->label);
}

/* The key, and the field that it goes into. */
static bool set_auth(struct maker *m)
{
    const struct provider *p = m->dep->provider;
    const char *from = "api_key";
    enum auth_style style = p->auth;
    str key = str_trim(secret_reveal(&m->e->api_key));
    if (!key.n)
        key = first_env(m->c, p->key_env, &from);
    if (!key.n && style == AUTH_API_KEY) {
        key = str_trim(str_c(config_getenv(m->c, from = "AZURE_AD_TOKEN")));
        style = AUTH_BEARER;
    }
    if (!key.n) {
        no_key(m);
        return true;
    }
    if (m->own_host && !p->key_optional && config_is_placeholder(key))
        say(m, DIAG_WARN, from, "put the real one in its place, or os.environ/NAME",
            "an example, not a key: %s will refuse the calls", p->label);
    if (!is_clean(key)) {
        say(m, DIAG_ERROR, "api_key", "give the bare key, in one line",
            "%s holds blanks, line ends or characters that no key has: this row is left out", from);
        return false;
    }
    if (strcmp(from, "api_key") != 0 && !m->own_host && !p->key_optional)
        say(m, DIAG_NOTE, "api_key", "give this row an api_key of its own, if that is not meant",
            "the key from %s goes to %.*s", from, STRF(m->dep->host_field));
    m->dep->api_key = secret_new(key);
    if (m->own_auth)
        return true;
    struct buf b;
    buf_init(&b, key.n + 64);
    buf_fmt(&b, "%s: %s", auth_fields[style].name, auth_fields[style].before);
    buf_add(&b, key);
    buf_add(&b, S("\r\n"));
    m->dep->auth_fields = secret_new(buf_str(&b));
    explicit_bzero(b.p, b.n);
    buf_done(&b);
    return true;
}

/* Fields that the gateway writes itself, or that would break the framing. */
static bool is_reserved(str name)
{
    static const char *const reserved[] = {
        "host",       "content-length",   "content-type",    "transfer-encoding",
        "connection", "keep-alive",       "accept-encoding", "expect",
        "te",         "trailer",          "upgrade",         "accept",
        "user-agent", "proxy-connection",
    };
    for (size_t i = 0; i < COUNT_OF(reserved); i++)
        if (str_ieq(name, str_c(reserved[i])))
            return true;
    return false;
}

static void set_extra_fields(struct maker *m)
{
    const struct provider *p = m->dep->provider;
    str org = m->e->organization;
    struct buf b;
    buf_init(&b, 64 * 1024);
    if (!org.n && strcmp(p->prefix, "openai") == 0 && m->own_host)
        org = str_trim(str_c(config_getenv(m->c, "OPENAI_ORGANIZATION")));
    if (org.n && is_clean(org))
        buf_fmt(&b, "openai-organization: %.*s\r\n", STRF(org));
    for (const struct header *h = m->e->headers; h; h = h->next) {
        str value = str_trim(h->value);
        if (!h->name.n || !chars_are(h->name, CHAR_TOKEN) || !chars_are(value, CHAR_VALUE)) {
            say(m, DIAG_ERROR, "extra_headers", "correct it",
                "\"%.*s\" is not a header field: ignored", STRF(str_take(h->name, 60)));
            continue;
        }
        if (is_reserved(h->name)) {
            say(m, DIAG_WARN, "extra_headers", "remove it",
                "\"%.*s\" is written by the gateway itself: ignored", STRF(str_take(h->name, 60)));
            continue;
        }
        m->own_auth |= str_ieq(h->name, str_c(auth_fields[p->auth].name));
        buf_add(&b, h->name);
        buf_add(&b, S(": "));
        buf_add(&b, value);
        buf_add(&b, S("\r\n"));
    }
    if (b.full)
        say(m, DIAG_ERROR, "extra_headers", "shorten them", "longer than 64 KiB: incomplete");
    m->dep->extra_fields = arena_dup(m->a, buf_str(&b));
    buf_done(&b);
}

static void add_field(struct buf *b, const char *name, str value)
{
    if (!value.n)
        return;
    buf_fmt(b, "%s: ", name);
    for (size_t i = 0; i < value.n; i++) /* names and URLs are the user's own texts */
        buf_chr(b, value.p[i] >= 0x20 && value.p[i] < 0x7f ? value.p[i] : '?');
    buf_add(b, S("\r\n"));
}

static void set_reply_fields(struct maker *m)
{
    struct deployment *dep = m->dep;
    struct buf b;
    buf_init(&b, 64 * 1024);
    add_field(&b, "x-litellm-model-id", dep->id);
    add_field(&b, "x-litellm-model-group", dep->group_name);
    add_field(&b, "x-litellm-model-api-base", dep->api_base);
    add_field(&b, "x-litellm-model-name", dep->litellm_model);
    dep->reply_fields = arena_dup(m->a, buf_str(&b));
    buf_done(&b);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* The table's price of a name, which may say its vendor itself ("azure/gpt-4o"). */
static struct price table_price(const struct deployment *d, str name)
{
    struct price p = PRICE_UNKNOWN;
    if (!price_find(d->provider_name, name, &p)) {
        str rest = name, vendor = str_cut(&rest, '/');
        if (rest.p && provider_find(vendor))
            price_find(vendor, rest, &p);
    }
    return p;
}

struct price deployment_price(const struct deployment *d, str model)
{
    const struct price *p = &d->price;
    bool known = p->input >= 0 || p->output >= 0 || p->request >= 0;
    return known || d->local || !pattern_is(d->model) ? *p : table_price(d, model);
}

static void set_price(struct maker *m)
{
    struct deployment *dep = m->dep;
    struct price *p = &dep->price;
    *p = table_price(dep, m->e->base_model.n ? m->e->base_model : dep->model);
    for (const struct chat_extra *c = m->e->costs; c; c = c->next)
        price_set(p, c->name, c->value);
    bool any = p->input >= 0 || p->output >= 0; /* a free half is often left out */
    if (any && p->input < 0)
        p->input = 0;
    if (any && p->output < 0)
        p->output = 0;
}

static uint32_t first_ms(int64_t a, int64_t b, int64_t c)
{
    int64_t v = a != CHAT_UNSET ? a : b != CHAT_UNSET ? b : c;
    return v <= 0 ? 0 : v > INT32_MAX ? INT32_MAX : (uint32_t)v;
}

static void set_limits(struct maker *m)
{
    const struct model_entry *e = m->e;
    const struct config *c = m->c;
    struct deployment *dep = m->dep;
    dep->timeout_ms = first_ms(e->timeout_ms, c->timeout_ms, c->request_timeout_ms);
    dep->stream_timeout_ms =
        first_ms(e->stream_timeout_ms, e->ttft_timeout_ms, c->stream_timeout_ms);
    dep->rpm = e->rpm;
    dep->tpm = e->tpm;
    dep->weight = e->weight;
    dep->order = e->order;
    dep->max_parallel_requests =
        e->max_parallel_requests != CHAT_UNSET ? e->max_parallel_requests : c->default_max_parallel;
    dep->num_retries = e->num_retries;
    dep->cooldown_ms = e->cooldown_ms;
    dep->max_tokens_default =
        e->max_output_tokens != CHAT_UNSET ? e->max_output_tokens : e->max_tokens;
}

static bool either(enum tri own, bool general)
{
    return own == TRI_UNSET ? general : own == TRI_TRUE;
}

static void set_common(struct maker *m)
{
    const struct model_entry *e = m->e;
    struct deployment *dep = m->dep;
    *dep = (struct deployment){
        .id = e->id.n ? e->id : e->model_name,
        .group_name = e->model_name,
        .litellm_model = m->model,
        .model = m->model,
        .provider_name = S("sluice"),
        .dialect = DIALECT_OPENAI_CHAT,
        .entry = e,
        .config = m->c,
        .defaults = e->defaults,
        .extra_body = e->extra_body,
        .additional_drop_params = e->additional_drop_params,
        .allowed_params = e->allowed_openai_params,
        .tags = e->tags,
        .cache_points = e->cache_control_injection_points,
        .mock_response = e->mock_response,
        .drop_params = either(e->drop_params, m->c->drop_params),
        .modify_params = either(e->modify_params, m->c->modify_params),
        .merge_reasoning = either(e->merge_reasoning, m->c->merge_reasoning),
    };
    set_limits(m);
}

/* sluice/echo, or a real model that is only played: nothing is called. */
static void set_local(struct maker *m)
{
    struct deployment *dep = m->dep;
    struct provider_choice choice =
        provider_resolve(m->model, m->e->custom_llm_provider, m->e->api_base, m->a);
    dep->local = true;
    if (str_eq(m->model, S("sluice/echo"))) {
        dep->model = S("echo");
    } else if (choice.provider) {
        dep->provider_name = str_c(choice.provider->prefix);
        dep->model = arena_dup(m->a, choice.model);
    }
    set_price(m);
    set_reply_fields(m);
}

bool deployment_init(struct deployment *ret, const struct config *c, const struct model_entry *e,
                     str model, struct arena *a, struct diags *d)
{
    struct maker m = {
        .dep = ret, .c = c, .e = e, .a = a, .d = d, .model = model.n ? model : e->model
    };
    set_common(&m);
    if (e->mock_response.p || str_eq(m.model, S("sluice/echo"))) {
        set_local(&m);
        return true;
    }
    if (!find_provider(&m) || !set_url(&m))
        return false;
    set_extra_fields(&m);
    if (!set_auth(&m))
        return false;
    set_price(&m);
    set_reply_fields(&m);
    return true;
}

void deployment_done(struct deployment *d)
{
    secret_done(&d->api_key);
    secret_done(&d->auth_fields);
    health_unref(d->health);
}
