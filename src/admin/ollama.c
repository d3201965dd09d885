#include "admin/admin.h"

#include "base/clock.h"
#include "base/map.h"
#include "dialect/ollama.h"
#include "json/write.h"
#include "server/call.h"
#include "server/reply.h"

/* Ollama's own API as its clients expect it (clients.md R23): lists from memory, and the requests
 * that only make sense at an Ollama answered clearly. */

#define OLLAMA_VERSION "0.12.6" /* clients compare it; any recent one opens their features */

void admin_ollama_version(struct exchange *x)
{
    reply_json(x, 200, S("{\"version\":\"" OLLAMA_VERSION "\"}"));
}

static void details(struct jw *w, const struct deployment *d)
{
    jw_kobj(w, S("details"));
    jw_kstr(w, S("parent_model"), S(""));
    jw_kstr(w, S("format"), S("gateway"));
    jw_kstr(w, S("family"), d ? d->provider_name : S("sluice"));
    jw_karr(w, S("families"));
    jw_str(w, d ? d->provider_name : S("sluice"));
    jw_arr_end(w);
    jw_kstr(w, S("parameter_size"), S(""));
    jw_kstr(w, S("quantization_level"), S(""));
    jw_obj_end(w);
}

/* Ollama's digests are SHA-256 in hex and clients tell models apart by them. */
static void digest(struct jw *w, str name)
{
    char hex[65];
    uint64_t h = str_hash(name);
    for (size_t i = 0; i < 64; i++)
        hex[i] = "0123456789abcdef"[(h >> (i % 16 * 4)) & 15];
    jw_kstr(w, S("digest"), (str){ hex, 64 });
}

static void list(struct exchange *x, bool running)
{
    const struct route_table *t = x->snap->routes;
    char at[CLOCK_ISO_BYTES];
    str started = clock_iso(x->sw->server->started_ms, at);
    struct buf out;
    struct jw w;
    buf_init(&out, 64 * 1024 * 1024);
    jw_init(&w, &out);
    jw_obj(&w);
    jw_karr(&w, S("models"));
    for (size_t i = 0; i < route_name_count(t) && !running; i++) {
        str name = route_name(t, i);
        jw_obj(&w);
        jw_kstr(&w, S("name"), name);
        jw_kstr(&w, S("model"), name);
        jw_kstr(&w, S("modified_at"), started);
        jw_ki64(&w, S("size"), 0);
        digest(&w, name);
        details(&w, route_first(t, name));
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    reply_json(x, 200, buf_str(&out));
    buf_done(&out);
}

void admin_ollama_tags(struct exchange *x)
{
    list(x, false);
}

void admin_ollama_ps(struct exchange *x)
{
    list(x, true); /* nothing is loaded here: the upstreams know */
}

static jval *read_body(struct exchange *x)
{
    struct err e = { 0 };
    jval *body;
    str text = buf_str(&x->asked->body);
    if (FAILED(jd_read(&body, text, &x->scratch, &e)) || !jd_is_obj(body)) {
        reply_error_text(x, 400, "invalid_request_error", NULL, "%s",
                         e.text[0] ? e.text : "expected a JSON object");
        return NULL;
    }
    return body;
}

void admin_ollama_show(struct exchange *x)
{
    struct buf out;
    struct jw w;
    jval *body = read_body(x);
    if (!body)
        return;
    str name = jd_str_or(jd_get(body, S("model")), jd_get_str(body, S("name")));
    const struct deployment *d = route_first(x->snap->routes, name);
    if (!route_knows(x->snap->routes, name)) {
        reply_error_text(x, 404, "not_found_error", "model", "model '%.*s' not found", STRF(name));
        return;
    }
    int64_t context =
        d && d->entry && d->entry->max_input_tokens > 0 ? d->entry->max_input_tokens : 131072;
    buf_init(&out, 1024 * 1024);
    jw_init(&w, &out);
    jw_obj(&w);
    jw_kstr(&w, S("modelfile"), S(""));
    jw_kstr(&w, S("parameters"), S(""));
    jw_kstr(&w, S("template"), S(""));
    details(&w, d);
    jw_kobj(&w, S("model_info"));
    jw_kstr(&w, S("general.architecture"), S("gateway"));
    jw_ki64(&w, S("gateway.context_length"), context);
    jw_obj_end(&w);
    jw_karr(&w, S("capabilities"));
    jw_str(&w, S("completion"));
    jw_str(&w, S("tools"));
    jw_str(&w, S("vision"));
    jw_arr_end(&w);
    jw_obj_end(&w);
    reply_json(x, 200, buf_str(&out));
    buf_done(&out);
}

/* /api/chat without messages, /api/generate without a prompt: the model is to be loaded or
 * unloaded. */
static void serve(struct exchange *x, bool generate)
{
    struct err e;
    jval *body;
    struct buf out;
    struct dialect_ctx ctx = { .created = x->wall_ms / 1000,
                               .started_ns = x->start_ns,
                               .arena = &x->scratch };
    if (FAILED(jd_read(&body, buf_str(&x->asked->body), &x->scratch, &e)) ||
        !ollama_is_load(body, generate)) {
        call_chat(x);
        return;
    }
    str name = jd_get_str(body, S("model"));
    if (!route_knows(x->snap->routes, name)) {
        reply_error_text(x, 404, "not_found_error", "model", "model '%.*s' not found", STRF(name));
        return;
    }
    ctx.model = name;
    buf_init(&out, 1024 * 1024);
    ollama_write_load(&out, body, generate, &ctx);
    reply_json(x, 200, buf_str(&out));
    buf_done(&out);
}

void admin_ollama_chat(struct exchange *x)
{
    serve(x, false);
}

void admin_ollama_generate(struct exchange *x)
{
    serve(x, true);
}

void admin_ollama_elsewhere(struct exchange *x)
{
    reply_error_text(x, 501, "not_supported", NULL,
                     "%.*s manages models on an Ollama server; this is a gateway. Ask the Ollama "
                     "behind it, or add the model to config.yaml.",
                     STRF(x->path));
}
