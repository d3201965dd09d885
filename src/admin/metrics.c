#include "admin/admin.h"

#include "base/clock.h"
#include "server/reply.h"

/* Prometheus text (version 0.0.4): the gateway's own counters, then LiteLLM's names per deployment,
 * so that its dashboards find what they look for. */

static void family(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_fmt(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void label(struct buf *b, const char *name, str value, bool first)
{
    buf_fmt(b, "%s%s=\"", first ? "" : ",", name);
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == '"' || c == '\\')
            buf_chr(b, '\\');
        if (c == '\n')
            buf_add(b, S("\\n"));
        else
            buf_chr(b, c);
    }
    buf_chr(b, '"');
}

static void labels(struct buf *b, const struct deployment *d)
{
    buf_chr(b, '{');
    label(b, "model_group", d->group_name, true);
    label(b, "litellm_model_name", d->litellm_model, false);
    label(b, "model_id", d->id, false);
    label(b, "api_provider", d->provider_name, false);
    buf_chr(b, '}');
}

struct column {
    const char *name, *type, *help;
    unsigned long long (*read)(const struct route_health *h);
    bool dollars;
};

#define READER(field)                                                    \
    static unsigned long long read_##field(const struct route_health *h) \
    {                                                                    \
        return atomic_load_explicit(&h->field, memory_order_relaxed);    \
    }

READER(requests)
READER(failures)
READER(tokens_in)
READER(tokens_out)
READER(tokens_cached)
READER(cost_nanousd)
READER(latency_ms_sum)
READER(cooldowns)
READER(in_flight)

static unsigned long long read_state(const struct route_health *h)
{
    if (atomic_load(&h->cooldown_until_ms) > clock_mono_ns() / 1000000)
        return 2; /* LiteLLM: 0 healthy, 1 partial outage, 2 complete outage */
    return atomic_load(&h->last_state) == ROUTE_LAST_FAILED ? 1 : 0;
}

static const struct column columns[] = {
    { "litellm_deployment_total_requests_total", "counter", "calls to this deployment",
      read_requests, false },
    { "litellm_deployment_failure_responses_total", "counter", "calls that failed", read_failures,
      false },
    { "litellm_input_tokens_metric_total", "counter", "prompt tokens", read_tokens_in, false },
    { "litellm_output_tokens_metric_total", "counter", "completion tokens", read_tokens_out,
      false },
    { "sluice_cached_tokens_total", "counter", "prompt tokens read from the vendor's cache",
      read_tokens_cached, false },
    { "litellm_spend_metric_total", "counter", "spend in USD", read_cost_nanousd, true },
    { "sluice_deployment_latency_ms_total", "counter", "milliseconds spent waiting for it",
      read_latency_ms_sum, false },
    { "litellm_deployment_cooled_down_total", "counter", "times it was put aside", read_cooldowns,
      false },
    { "sluice_deployment_in_flight", "gauge", "calls in flight", read_in_flight, false },
    { "litellm_deployment_state", "gauge", "0 healthy, 1 last call failed, 2 put aside", read_state,
      false },
};

static void value(struct buf *b, unsigned long long v, bool dollars)
{
    if (dollars)
        buf_fmt(b, " %llu.%09llu\n", v / 1000000000, v % 1000000000);
    else
        buf_fmt(b, " %llu\n", v);
}

static void per_deployment(struct buf *b, const struct route_table *t)
{
    for (size_t c = 0; c < COUNT_OF(columns); c++) {
        family(b, columns[c].name, columns[c].type, columns[c].help);
        for (size_t i = 0; i < route_deployment_count(t); i++) {
            const struct deployment *d = route_deployment(t, i);
            buf_add(b, str_c(columns[c].name));
            labels(b, d);
            value(b, columns[c].read(d->health), columns[c].dollars);
        }
    }
}

static void simple(struct buf *b, const char *name, const char *type, const char *help, long long v)
{
    family(b, name, type, help);
    buf_fmt(b, "%s %lld\n", name, v);
}

static void process(struct buf *b, struct server *s)
{
    struct stats *st = &s->stats;
    simple(b, "litellm_proxy_total_requests_metric_total", "counter", "requests received",
           (long long)atomic_load(&st->requests));
    family(b, "sluice_responses_total", "counter", "answers by status class; gone: client left");
    for (int i = 0; i < 6; i++) {
        static const char *const classes[] = { "gone", "1xx", "2xx", "3xx", "4xx", "5xx" };
        buf_fmt(b, "sluice_responses_total{class=\"%s\"} %llu\n", classes[i],
                atomic_load(&st->by_class[i]));
    }
    simple(b, "sluice_bad_requests_total", "counter", "requests that were not HTTP",
           (long long)atomic_load(&st->bad_requests));
    simple(b, "sluice_client_gone_total", "counter", "clients that left before the end",
           (long long)atomic_load(&st->client_gone));
    simple(b, "sluice_upstream_retries_total", "counter", "further attempts, fallbacks included",
           (long long)atomic_load(&st->upstream_retries));
    simple(b, "sluice_connections", "gauge", "open client connections",
           atomic_load(&st->connections));
    simple(b, "sluice_in_flight_requests", "gauge", "requests not yet answered",
           atomic_load(&st->in_flight));
    simple(b, "sluice_streams", "gauge", "answers being streamed", atomic_load(&st->streams));
    simple(b, "sluice_uptime_seconds", "gauge", "seconds since the start",
           (long long)((clock_wall_ms() - s->started_ms) / 1000));
}

void admin_metrics(struct exchange *x)
{
    struct buf out;
    buf_init(&out, 64 * 1024 * 1024);
    process(&out, x->sw->server);
    per_deployment(&out, x->snap->routes);
    reply_full(x, 200, S("text/plain; version=0.0.4; charset=utf-8"), buf_str(&out));
    buf_done(&out);
}
