#include "admin/admin.h"

#include "base/clock.h"
#include "server/reply.h"

/* GET /: one plain page for a person with a browser. No script, no secret; with a master key set it
 * tells the version and nothing else. */

static void escape(struct buf *b, str s)
{
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case '<':
            buf_add(b, S("&lt;"));
            break;
        case '>':
            buf_add(b, S("&gt;"));
            break;
        case '&':
            buf_add(b, S("&amp;"));
            break;
        case '"':
            buf_add(b, S("&quot;"));
            break;
        default:
            buf_chr(b, s.p[i]);
        }
    }
}

static void last_answer(struct buf *b, const struct deployment *d)
{
    struct route_last last = route_last_answer(d);
    long long ago = (long long)((clock_wall_ms() - last.at_ms) / 1000);
    switch (last.state) {
    case ROUTE_LAST_NONE:
        buf_add(b, S("<td class=none>not asked yet</td>"));
        break;
    case ROUTE_LAST_OK:
        buf_fmt(b, "<td class=ok>answered %lld s ago</td>", ago);
        break;
    case ROUTE_LAST_FAILED:
        buf_fmt(b, "<td class=bad>failed %lld s ago", ago);
        if (last.status)
            buf_fmt(b, " (HTTP %u)", last.status);
        buf_add(b, S("</td>"));
        break;
    }
}

static void models(struct buf *b, const struct route_table *t)
{
    buf_add(b, S("<table><tr><th>model</th><th>upstream</th><th>last answer</th></tr>\n"));
    for (size_t i = 0; i < route_deployment_count(t); i++) {
        const struct deployment *d = route_deployment(t, i);
        buf_add(b, S("<tr><td><code>"));
        escape(b, d->group_name);
        buf_add(b, S("</code></td><td>"));
        escape(b, d->provider_name);
        if (d->api_base.n) {
            buf_add(b, S(" &middot; "));
            escape(b, d->api_base);
        }
        buf_add(b, S("</td>"));
        last_answer(b, d);
        buf_add(b, S("</tr>\n"));
    }
    buf_add(b, S("</table>\n"));
}

static void try_it(struct buf *b, struct exchange *x)
{
    const struct route_table *t = x->snap->routes;
    str name = route_name_count(t) ? route_name(t, 0) : S("MODEL");
    buf_fmt(b,
            "<h2>Try it</h2>\n<pre>curl http://localhost:%u/v1/chat/completions "
            "-H 'Content-Type: application/json' \\\n  -d '{&quot;model&quot;:&quot;",
            x->sw->server->port);
    escape(b, name);
    buf_add(b, S("&quot;,&quot;messages&quot;:[{&quot;role&quot;:&quot;user&quot;,"
                 "&quot;content&quot;:&quot;Hello&quot;}]}'</pre>\n"
                 "<p>Open WebUI, SDKs: base URL <code>http://this-host:"));
    buf_u64(b, x->sw->server->port);
    buf_add(b, S("/v1</code>, any key.</p>\n"));
}

void admin_page(struct exchange *x)
{
    struct buf b;
    buf_init(&b, 16 * 1024 * 1024);
    buf_add(&b, S("<!doctype html><html lang=en><meta charset=utf-8>"
                  "<meta name=viewport content='width=device-width'><title>sluice</title>\n"
                  "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;"
                  "padding:0 1rem;color:#222}table{border-collapse:collapse;width:100%}"
                  "td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd}"
                  "pre{background:#f4f4f4;padding:1rem;overflow:auto}.ok{color:#176b2c}"
                  ".bad{color:#a11}.none{color:#777}</style>\n"
                  "<h1>sluice " SLUICE_VERSION "</h1>\n"));
    if (secret_is_empty(&x->snap->config->master_key)) {
        models(&b, x->snap->routes);
        try_it(&b, x);
    } else {
        buf_add(&b, S("<p>The gateway is running. A key is needed to use it.</p>\n"));
    }
    reply_full(x, 200, S("text/html; charset=utf-8"), buf_str(&b));
    buf_done(&b);
}
