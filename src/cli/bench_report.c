/* bench_report.c - what came out, as a table for people or as JSON.
 *
 * Counts are sums over the rounds; req/s and CPU per request are medians of the rounds' values.
 */
#include "cli/bench.h"
#include "json/write.h"

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The median of f over the turns that have it (f >= 0); -1 if none has. */
static double median(const struct bench *b, const struct bench_target *t,
                     double (*f)(const struct bench_turn *))
{
    double v[1000]; /* the most rounds there are */
    size_t n = 0;
    for (uint32_t i = 0; i < b->o.rounds && n < COUNT_OF(v); i++) {
        double x = f(&t->turns[i]);
        if (x >= 0)
            v[n++] = x;
    }
    if (n == 0)
        return -1;
    qsort(v, n, sizeof(v[0]), by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static double per_second(const struct bench_turn *t)
{
    return t->wall_ns ? (double)t->requests * 1e9 / (double)t->wall_ns : -1;
}

static double events_per_second(const struct bench_turn *t)
{
    return t->wall_ns ? (double)t->events * 1e9 / (double)t->wall_ns : -1;
}

static double cpu_us_per_request(const struct bench_turn *t)
{
    return t->has_proc && t->requests ? (double)t->proc.cpu_ns / 1e3 / (double)t->requests : -1;
}

static double cpu_us_per_event(const struct bench_turn *t)
{
    return t->has_proc && t->events ? (double)t->proc.cpu_ns / 1e3 / (double)t->events : -1;
}

static double instructions_per_request(const struct bench_turn *t)
{
    return t->has_proc && t->proc.has_instructions && t->requests
               ? (double)t->proc.instructions / (double)t->requests
               : -1;
}

static double cpu_share(const struct bench_turn *t)
{
    return t->has_proc && t->wall_ns ? (double)t->proc.cpu_ns / (double)t->wall_ns : -1;
}

struct sums {
    uint64_t requests, errors, events, bytes, rss_max;
};

static struct sums sums_of(const struct bench *b, const struct bench_target *t)
{
    struct sums s = { 0 };
    for (uint32_t i = 0; i < b->o.rounds; i++) {
        const struct bench_turn *u = &t->turns[i];
        s.requests += u->requests;
        s.errors += u->errors;
        s.events += u->events;
        s.bytes += u->bytes;
        if (u->has_proc && u->proc.rss_bytes > s.rss_max)
            s.rss_max = u->proc.rss_bytes;
    }
    return s;
}

/* ---- for people
 * ----------------------------------------------------------------------------------- */

static void print_times(const char *what, const struct hist *h)
{
    if (h->n == 0)
        return;
    static const double at[] = { 0.5, 0.9, 0.99 };
    printf("  %-18s", what);
    for (size_t i = 0; i < COUNT_OF(at); i++)
        printf(" p%g %.3f ms ", at[i] * 100, (double)hist_quantile(h, at[i]) / 1e3);
    printf(" max %.3f ms\n", (double)h->max / 1e3);
}

static void print_proc(const struct bench *b, const struct bench_target *t, const struct sums *s)
{
    double us = median(b, t, cpu_us_per_request);
    double event_us = median(b, t, cpu_us_per_event);
    double instructions = median(b, t, instructions_per_request);
    if (!t->meter)
        return;
    printf("  cpu               ");
    if (us >= 0)
        printf(" %.2f us/request", us);
    if (event_us >= 0)
        printf(" %.3f us/event", event_us);
    if (instructions >= 0)
        printf(" %.0f instructions/request", instructions);
    printf(" (%.0f %% of a core), rss %.1f MB\n", median(b, t, cpu_share) * 100,
           (double)s->rss_max / 1e6);
}

static void print_tokens(const struct bench_target *t)
{
    if (t->with_usage)
        printf("  tokens             %.1f in, %.1f out per request\n",
               (double)t->prompt_tokens / (double)t->with_usage,
               (double)t->completion_tokens / (double)t->with_usage);
    if (t->tokens_per_ks.n)
        printf("  tokens/s           p50 %.1f  mean %.1f  p10 %.1f  (one stream)\n",
               (double)hist_quantile(&t->tokens_per_ks, 0.5) / 1e3,
               hist_mean(&t->tokens_per_ks) / 1e3,
               (double)hist_quantile(&t->tokens_per_ks, 0.1) / 1e3);
    if (t->with_cost)
        printf("  cost               $%.6f in all, $%.8f per request\n", t->cost,
               t->cost / (double)t->with_cost);
}

static void print_target(const struct bench *b, const struct bench_target *t)
{
    struct sums s = sums_of(b, t);
    printf("%.*s\n", STRF(t->name));
    printf("  requests           %llu  errors %llu  %.1f req/s  %.2f MB\n",
           (unsigned long long)s.requests, (unsigned long long)s.errors, median(b, t, per_second),
           (double)s.bytes / 1e6);
    if (s.events)
        printf("  events             %llu  %.1f per second\n", (unsigned long long)s.events,
               median(b, t, events_per_second));
    print_times("latency", &t->latency_us);
    if (b->o.stream || s.events) {
        print_times("first token", &t->ttft_us);
        print_times("gap", &t->gap_us);
    }
    print_proc(b, t, &s);
    print_tokens(t);
    if (t->first_error[0])
        printf("  first error        %s\n", t->first_error);
}

/* ---- for programs
 * --------------------------------------------------------------------------------- */

static void put_times(struct jw *w, str name, const struct hist *h)
{
    if (h->n == 0)
        return;
    jw_kobj(w, name);
    jw_ku64(w, S("n"), h->n);
    jw_kf64(w, S("mean"), hist_mean(h));
    jw_ku64(w, S("p50"), hist_quantile(h, 0.5));
    jw_ku64(w, S("p90"), hist_quantile(h, 0.9));
    jw_ku64(w, S("p99"), hist_quantile(h, 0.99));
    jw_ku64(w, S("max"), h->max);
    jw_obj_end(w);
}

static void put_number(struct jw *w, str name, double v)
{
    if (v >= 0)
        jw_kf64(w, name, v);
}

static void put_turn(struct jw *w, const struct bench_turn *t)
{
    jw_obj(w);
    jw_ku64(w, S("requests"), t->requests);
    jw_ku64(w, S("errors"), t->errors);
    jw_ku64(w, S("events"), t->events);
    jw_ku64(w, S("bytes"), t->bytes);
    jw_kf64(w, S("wall_s"), (double)t->wall_ns / 1e9);
    if (t->has_proc) {
        jw_kf64(w, S("cpu_s"), (double)t->proc.cpu_ns / 1e9);
        jw_ku64(w, S("rss_bytes"), t->proc.rss_bytes);
        if (t->proc.has_instructions)
            jw_ku64(w, S("instructions"), t->proc.instructions);
    }
    jw_obj_end(w);
}

static void put_target(struct jw *w, const struct bench *b, const struct bench_target *t)
{
    struct sums s = sums_of(b, t);
    jw_obj(w);
    jw_kstr(w, S("url"), t->name);
    jw_ku64(w, S("requests"), s.requests);
    jw_ku64(w, S("errors"), s.errors);
    jw_ku64(w, S("events"), s.events);
    jw_ku64(w, S("bytes"), s.bytes);
    put_number(w, S("requests_per_s"), median(b, t, per_second));
    put_number(w, S("events_per_s"), median(b, t, events_per_second));
    put_times(w, S("latency_us"), &t->latency_us);
    put_times(w, S("first_token_us"), &t->ttft_us);
    put_times(w, S("gap_us"), &t->gap_us);
    put_number(w, S("cpu_us_per_request"), median(b, t, cpu_us_per_request));
    put_number(w, S("cpu_us_per_event"), median(b, t, cpu_us_per_event));
    put_number(w, S("instructions_per_request"), median(b, t, instructions_per_request));
    put_number(w, S("cpu_share"), median(b, t, cpu_share));
    if (s.rss_max)
        jw_ku64(w, S("rss_bytes"), s.rss_max);
    if (t->with_usage) {
        jw_ku64(w, S("prompt_tokens"), t->prompt_tokens);
        jw_ku64(w, S("completion_tokens"), t->completion_tokens);
    }
    if (t->tokens_per_ks.n)
        jw_kf64(w, S("tokens_per_s"), (double)hist_quantile(&t->tokens_per_ks, 0.5) / 1e3);
    if (t->with_cost)
        jw_kf64(w, S("cost"), t->cost);
    if (t->first_error[0])
        jw_kstr(w, S("first_error"), str_c(t->first_error));
    jw_karr(w, S("turns"));
    for (uint32_t i = 0; i < b->o.rounds; i++)
        put_turn(w, &t->turns[i]);
    jw_arr_end(w);
    jw_obj_end(w);
}

void bench_report(const struct bench *b)
{
    if (!b->o.json) {
        for (size_t i = 0; i < b->ntargets; i++)
            print_target(b, &b->targets[i]);
        return;
    }
    struct buf out;
    struct jw w;
    buf_init(&out, 1u << 26);
    jw_init(&w, &out);
    jw_arr(&w);
    for (size_t i = 0; i < b->ntargets; i++)
        put_target(&w, b, &b->targets[i]);
    jw_arr_end(&w);
    printf("%.*s\n", STRF(buf_str(&out)));
    buf_done(&out);
}
