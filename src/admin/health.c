#include "admin/admin.h"

#include "json/write.h"
#include "server/reply.h"

/* LiteLLM's probes, byte for byte where compose files look at them. */

void admin_liveliness(struct exchange *x)
{
    reply_json(x, 200, S("\"I'm alive!\""));
}

void admin_readiness(struct exchange *x)
{
    if (atomic_load(&x->sw->server->ready))
        reply_json(x, 200, S("{\"status\":\"healthy\",\"db\":\"Not connected\"}"));
    else
        reply_json(x, 503, S("{\"status\":\"draining\",\"db\":\"Not connected\"}"));
}

/* GET /health: what each deployment answered last. Nothing is sent upstream for it: a probe that
 * costs tokens is not asked for by a health check. */
void admin_health(struct exchange *x)
{
    const struct route_table *routes = x->snap->routes;
    struct buf out;
    struct jw w;
    size_t counts[2] = { 0, 0 };
    buf_init(&out, 64 * 1024 * 1024);
    jw_init(&w, &out);
    jw_obj(&w);
    for (int healthy = 1; healthy >= 0; healthy--) {
        jw_karr(&w, healthy ? S("healthy_endpoints") : S("unhealthy_endpoints"));
        for (size_t i = 0; i < route_deployment_count(routes); i++) {
            const struct deployment *d = route_deployment(routes, i);
            struct route_last last = route_last_answer(d);
            if ((last.state != ROUTE_LAST_FAILED) != healthy)
                continue;
            counts[healthy]++;
            jw_obj(&w);
            jw_kstr(&w, S("model"), d->litellm_model);
            jw_kstr(&w, S("model_id"), d->id);
            jw_kstr(&w, S("model_name"), d->group_name);
            jw_kstr_if(&w, S("api_base"), d->api_base);
            jw_kstr(&w, S("last_answer"),
                    last.state == ROUTE_LAST_NONE ? S("none yet")
                    : last.state == ROUTE_LAST_OK ? S("ok")
                                                  : S("failed"));
            jw_obj_end(&w);
        }
        jw_arr_end(&w);
    }
    jw_ku64(&w, S("healthy_count"), counts[1]);
    jw_ku64(&w, S("unhealthy_count"), counts[0]);
    jw_obj_end(&w);
    reply_json(x, 200, buf_str(&out));
    buf_done(&out);
}
