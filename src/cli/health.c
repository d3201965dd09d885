#include <stdlib.h>

#include "base/log.h"
#include "cli/commands.h"
#include "http/url.h"
#include "net/client.h"

/* `sluice health [URL]`: for container health checks without curl. 0: it answered 2xx. */

enum { HEALTH_MS = 5000 };

struct check {
    struct worker w;
    struct client_call call;
    struct client_request request;
    struct origin origin;
    struct deadline limit;
    unsigned status;
    bool over;
    char why[256];
};

static struct check *of(struct client_call *c)
{
    return CONTAINER_OF(c, struct check, call);
}

static void stop(struct check *k)
{
    k->over = true;
    deadline_clear(&k->w.deadlines, &k->limit);
    client_free(k->w.client);
    worker_stop(&k->w);
}

static void on_head(struct client_call *c, const struct http_head *head)
{
    of(c)->status = head->status;
}

static void on_body(struct client_call *c, str bytes) {}

static void on_end(struct client_call *c)
{
    stop(of(c));
}

static void on_fail(struct client_call *c, enum client_fail why, const struct err *err)
{
    snprintf(of(c)->why, sizeof(of(c)->why), "%s", err->text);
    of(c)->status = 0;
    stop(of(c));
}

static void on_limit(struct deadline *d)
{
    struct check *k = CONTAINER_OF(d, struct check, limit);
    snprintf(k->why, sizeof(k->why), "no answer within %d s", HEALTH_MS / 1000);
    k->status = 0;
    client_cancel(&k->call);
    stop(k);
}

static const struct client_ops ops = {
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
    .on_fail = on_fail,
};

int cmd_health(int argc, char **argv)
{
    static struct check k;
    static const struct client_limits limits = { .idle_ms = 1000, .idle_max = 1 };
    char fallback[64], head[2048];
    struct url url;
    struct err e;
    const char *port = getenv("PORT");
    snprintf(fallback, sizeof(fallback), "http://127.0.0.1:%s/health/liveliness",
             port && *port ? port : "4000");
    const char *target = argc > 1 ? argv[1] : fallback;
    if (argc > 2 || FAILED(url_parse(str_c(target), &url, &e))) {
        fprintf(stderr, "usage: sluice health [URL]   (default %s)\n", fallback);
        return 2;
    }
    int n =
        snprintf(head, sizeof(head),
                 "GET %.*s%s%.*s HTTP/1.1\r\nhost: %.*s\r\naccept: application/json\r\n\r\n",
                 url.path.n ? (int)url.path.n : 19, url.path.n ? url.path.p : "/health/liveliness",
                 url.has_query ? "?" : "", STRF(url.query), STRF(url.authority));
    if (n < 0 || (size_t)n >= sizeof(head)) {
        fprintf(stderr, "sluice health: the URL is too long\n");
        return 2;
    }
    /* This machine's own listener: its certificate is not what is being checked. */
    k.origin = (struct origin){ .host = url.host,
                                .port = url.port,
                                .tls = url.tls,
                                .tls_unverified = true,
                                .hash = origin_hash(url.host, url.port, url.tls) };
    k.request = (struct client_request){ .origin = &k.origin,
                                         .pieces = { { head, (size_t)n } },
                                         .npieces = 1,
                                         .connect_ms = HEALTH_MS };
    worker_init(&k.w, 0);
    k.w.client = client_new(&k.w, &limits);
    deadline_set(&k.w.deadlines, &k.limit, HEALTH_MS, on_limit);
    client_start(k.w.client, &k.call, &k.request, &ops);
    worker_run(&k.w);
    worker_done(&k.w);
    if (k.status >= 200 && k.status < 300)
        return 0;
    if (k.status)
        fprintf(stderr, "sluice health: %s answered HTTP %u\n", target, k.status);
    else
        fprintf(stderr, "sluice health: %s: %s\n", target, k.why);
    return 1;
}
