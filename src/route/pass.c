/* Deployments that stand for a whole API: a vendor's, by the key in the environment, or one of
 * general_settings.pass_through_endpoints. They have no public name: requests are sent to them by
 * their path (server/pass.c). */
#include "http/chars.h"
#include "http/url.h"
#include "route/internal.h"

static struct model_entry *blank_entry(struct arena *a, str model)
{
    struct model_entry *e = NEW(a, struct model_entry, 1);
    e->model = model;
    e->rpm = e->tpm = e->order = e->max_parallel_requests = e->weight = CHAT_UNSET;
    e->timeout_ms = e->stream_timeout_ms = e->cooldown_ms = e->num_retries = CHAT_UNSET;
    e->ttft_timeout_ms = e->stream_idle_ms = e->keepalive_ms = CHAT_UNSET;
    e->max_tokens = e->max_input_tokens = e->max_output_tokens = CHAT_UNSET;
    return e;
}

static void keep(struct route_table *t, struct deployment *d, struct tls_context *ca)
{
    d->health = health_new();
    d->lone = true;
    if (d->origin.tls && !d->origin.tls_unverified)
        d->origin.tls_context = ca;
    t->npasses++;
}

static bool has_key(const struct deployment *d)
{
    return !secret_is_empty(&d->api_key);
}

/* Only with a key: what needs none is on the operator's own machines, and is asked for by naming it
 * in model_list. */
static void add_vendor(struct route_table *t, const struct provider *p, struct tls_context *ca)
{
    struct diags ignored; /* what there is to say is said of the models */
    struct deployment *d = &t->passes[t->npasses];
    str name = arena_fmt(&t->arena, "pass-through/%s", p->prefix);
    struct model_entry *e = blank_entry(&t->arena, arena_fmt(&t->arena, "%s/*", p->prefix));
    e->model_name = e->id = name;
    diags_init(&ignored);
    bool ok = deployment_init(d, t->config, e, S(""), &t->arena, &ignored) && has_key(d);
    if (ok) {
        keep(t, d, ca);
    } else {
        deployment_done(d);
        *d = (struct deployment){ 0 };
    }
    diags_done(&ignored);
}

/* "Bearer os.environ/NAME": the name stands inside the value here, as LiteLLM allows. */
static str resolved(const struct config *c, str value, struct arena *a)
{
    static const char mark[] = "os.environ/";
    const char *at = memmem(value.p, value.n, mark, sizeof(mark) - 1);
    if (!at)
        return value;
    str before = str_take(value, (size_t)(at - value.p));
    str rest = str_skip(value, before.n + sizeof(mark) - 1);
    size_t n = 0;
    while (n < rest.n && (chars_is(rest.p[n], CHAR_PLAIN) && rest.p[n] != '-' && rest.p[n] != '.'))
        n++;
    const char *set = config_getenv(c, arena_dup(a, str_take(rest, n)).p);
    return arena_cat(a, arena_cat(a, before, str_trim(str_c(set))), str_skip(rest, n));
}

static str fields_of(const struct pass_through *p, const struct config *c, struct arena *a,
                     struct diags *d)
{
    struct buf b;
    buf_init(&b, 64 * 1024);
    for (const struct header *h = p->headers; h; h = h->next) {
        str value = resolved(c, str_trim(h->value), a);
        if (!h->name.n || !chars_are(h->name, CHAR_TOKEN) || !chars_are(value, CHAR_VALUE)) {
            diag_add(d, DIAG_ERROR, p->file, p->line, p->column,
                     S("general_settings.pass_through_endpoints.headers"), S("correct it"),
                     "\"%.*s\" is not a header field: ignored", STRF(str_take(h->name, 60)));
            continue;
        }
        if (str_ieq(h->name, S("host")) || str_ieq(h->name, S("content-length")))
            continue; /* written by the gateway itself */
        buf_add(&b, h->name);
        buf_add(&b, S(": "));
        buf_add(&b, value);
        buf_add(&b, S("\r\n"));
    }
    str s = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return s;
}

static void add_own(struct route_table *t, const struct pass_through *p, struct tls_context *ca,
                    struct diags *diags)
{
    struct url u;
    struct err e;
    struct deployment *d = &t->passes[t->npasses];
    if (FAILED(url_parse(deployment_http_base(str_trim(p->target), &t->arena), &u, &e))) {
        diag_add(diags, DIAG_ERROR, p->file, p->line, p->column,
                 S("general_settings.pass_through_endpoints.target"),
                 S("write it like https://HOST/PATH"), "%s: this endpoint is left out", e.text);
        return;
    }
    while (u.path.n && u.path.p[u.path.n - 1] == '/')
        u.path.n--;
    *d = (struct deployment){
        .id = arena_cat(&t->arena, S("pass-through"), p->path),
        .group_name = p->path,
        .litellm_model = p->path,
        .model = p->path,
        .provider_name = S("pass-through"),
        .dialect = DIALECT_OPENAI_CHAT,
        .origin = { .host = u.host,
                    .port = u.port,
                    .tls = u.tls,
                    .hash = origin_hash(u.host, u.port, u.tls),
                    .tls_unverified = u.tls && t->config->ssl_verify == TRI_FALSE },
        .host_field = u.authority,
        .base_path = u.path,
        .base_has_path = true,
        .query = u.query,
        .auth_fields = secret_new(fields_of(p, t->config, &t->arena, diags)),
        .rpm = CHAT_UNSET,
        .tpm = CHAT_UNSET,
        .weight = CHAT_UNSET,
        .order = CHAT_UNSET,
        .max_parallel_requests = CHAT_UNSET,
        .num_retries = CHAT_UNSET,
        .cooldown_ms = CHAT_UNSET,
        .max_tokens_default = CHAT_UNSET,
        .price = PRICE_UNKNOWN,
        .entry = blank_entry(&t->arena, p->path),
        .config = t->config,
        .pass = p,
    };
    keep(t, d, ca);
}

void route_add_passes(struct route_table *t, struct tls_context *ca, struct diags *d)
{
    size_t room = provider_count;
    for (const struct pass_through *p = t->config->pass_throughs; p; p = p->next)
        room++;
    t->passes = NEW(&t->arena, struct deployment, room);
    for (size_t i = 0; i < provider_count; i++)
        if (route_can_call(t->config, &providers[i]))
            add_vendor(t, &providers[i], ca);
    for (const struct pass_through *p = t->config->pass_throughs; p; p = p->next)
        add_own(t, p, ca, d);
}

/* Names of pass-through paths that are not the provider's. */
static str provider_of(str name)
{
    if (str_eq(name, S("vllm")))
        return S("hosted_vllm");
    return str_eq(name, S("openai_passthrough")) ? S("openai") : name;
}

const struct deployment *route_vendor(const struct route_table *t, str name)
{
    str prefix = provider_of(name);
    for (size_t i = 0; i < t->npasses; i++)
        if (!t->passes[i].pass && str_eq(t->passes[i].provider_name, prefix))
            return &t->passes[i];
    for (size_t i = 0; i < t->ndeployments; i++)
        if (!t->deployments[i].local && str_eq(t->deployments[i].provider_name, prefix))
            return &t->deployments[i];
    return NULL;
}

const struct deployment *route_pass(const struct route_table *t, str path, str *ret_rest)
{
    for (size_t i = 0; i < t->npasses; i++) {
        const struct deployment *d = &t->passes[i];
        if (!d->pass || !str_starts(path, d->pass->path))
            continue;
        *ret_rest = str_skip(path, d->pass->path.n);
        if (ret_rest->n == 0 || (d->pass->include_subpath &&
                                 (ret_rest->p[0] == '/' || str_ends(d->pass->path, S("/")))))
            return d;
    }
    return NULL;
}
