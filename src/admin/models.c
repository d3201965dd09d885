#include "admin/admin.h"

#include "base/clock.h"
#include "json/write.h"
#include "server/reply.h"

/* The model lists, from memory. One list, three shapes: who asks is told apart by its headers
 * (clients.md R3), which auth has no use for, so the endpoint's own dialect decides where it says
 * so and the vendor fields otherwise. */

enum { CREATED = 1677610602 /* LiteLLM's constant: clients sort by it */ };

/* A JSON answer that is being written. */
struct answer {
    struct buf out;
    struct jw w;
};

static void answer_begin(struct answer *a)
{
    enum { ANSWER_BYTES_MAX = 64 * 1024 * 1024 };
    buf_init(&a->out, ANSWER_BYTES_MAX);
    jw_init(&a->w, &a->out);
}

static void answer_send(struct answer *a, struct exchange *x)
{
    reply_json(x, 200, buf_str(&a->out));
    buf_done(&a->out);
}

/* The same, of the form {"data":[..]}. */
static void data_begin(struct answer *a)
{
    answer_begin(a);
    jw_obj(&a->w);
    jw_karr(&a->w, S("data"));
}

static void data_send(struct answer *a, struct exchange *x)
{
    jw_arr_end(&a->w);
    jw_obj_end(&a->w);
    answer_send(a, x);
}

static void model_object(struct jw *w, str name)
{
    jw_obj(w);
    jw_kstr(w, S("id"), name);
    jw_kstr(w, S("object"), S("model"));
    jw_ki64(w, S("created"), CREATED);
    jw_kstr(w, S("owned_by"), S("openai"));
    jw_obj_end(w);
}

static void openai_list(struct jw *w, const struct route_table *t)
{
    jw_obj(w);
    jw_karr(w, S("data"));
    for (size_t i = 0; i < route_name_count(t); i++)
        model_object(w, route_name(t, i));
    jw_arr_end(w);
    jw_kstr(w, S("object"), S("list"));
    jw_obj_end(w);
}

static void anthropic_model(struct jw *w, str name)
{
    jw_obj(w);
    jw_kstr(w, S("type"), S("model"));
    jw_kstr(w, S("id"), name);
    jw_kstr(w, S("display_name"), name);
    jw_kstr(w, S("created_at"), S("2023-02-28T18:56:42Z"));
    jw_obj_end(w);
}

static void anthropic_list(struct jw *w, const struct route_table *t)
{
    size_t n = route_name_count(t);
    jw_obj(w);
    jw_karr(w, S("data"));
    for (size_t i = 0; i < n; i++)
        anthropic_model(w, route_name(t, i));
    jw_arr_end(w);
    jw_kbool(w, S("has_more"), false);
    jw_key(w, S("first_id"));
    if (n)
        jw_str(w, route_name(t, 0));
    else
        jw_null(w);
    jw_key(w, S("last_id"));
    if (n)
        jw_str(w, route_name(t, n - 1));
    else
        jw_null(w);
    jw_obj_end(w);
}

static void gemini_model(struct jw *w, str name, struct arena *a)
{
    jw_obj(w);
    jw_kstr(w, S("name"), arena_cat(a, S("models/"), name));
    jw_kstr(w, S("displayName"), name);
    jw_karr(w, S("supportedGenerationMethods"));
    jw_str(w, S("generateContent"));
    jw_str(w, S("streamGenerateContent"));
    jw_str(w, S("countTokens"));
    jw_arr_end(w);
    jw_obj_end(w);
}

static void gemini_list(struct jw *w, const struct route_table *t, struct arena *a)
{
    jw_obj(w);
    jw_karr(w, S("models"));
    for (size_t i = 0; i < route_name_count(t); i++)
        gemini_model(w, route_name(t, i), a);
    jw_arr_end(w);
    jw_obj_end(w);
}

static enum dialect_id list_shape(const struct exchange *x)
{
    if (x->endpoint->dialect != DIALECT_OPENAI_CHAT)
        return x->endpoint->dialect;
    return x->asked_as;
}

void admin_models(struct exchange *x)
{
    struct answer a;
    answer_begin(&a);
    switch (list_shape(x)) {
    case DIALECT_ANTHROPIC:
        anthropic_list(&a.w, x->snap->routes);
        break;
    case DIALECT_GEMINI:
        gemini_list(&a.w, x->snap->routes, &x->scratch);
        break;
    default:
        openai_list(&a.w, x->snap->routes);
    }
    answer_send(&a, x);
}

void admin_model(struct exchange *x)
{
    struct answer a;
    str name = x->asked->path_rest;
    if (str_starts(name, S("models/")) && !route_knows(x->snap->routes, name))
        name = str_skip(name, 7);
    if (!route_knows(x->snap->routes, name)) {
        reply_error_text(x, 404, "invalid_request_error", "model",
                         "The model `%.*s` does not exist or is not accessible", STRF(name));
        return;
    }
    answer_begin(&a);
    switch (list_shape(x)) {
    case DIALECT_GEMINI:
        gemini_model(&a.w, name, &x->scratch);
        break;
    case DIALECT_ANTHROPIC:
        anthropic_model(&a.w, name);
        break;
    default:
        model_object(&a.w, name);
    }
    answer_send(&a, x);
}

static void price_member(struct jw *w, str key, int64_t per_million_nanousd)
{
    if (per_million_nanousd < 0) {
        jw_knull(w, key);
        return;
    }
    jw_kf64(w, key, (double)per_million_nanousd / 1e15);
}

static void info_object(struct jw *w, const struct deployment *d)
{
    jw_obj(w);
    jw_kstr(w, S("model_name"), d->group_name);
    jw_kobj(w, S("litellm_params"));
    jw_kstr(w, S("model"), d->litellm_model);
    jw_kstr_if(w, S("api_base"), d->api_base);
    jw_kstr_if(w, S("custom_llm_provider"), d->provider_name);
    jw_obj_end(w);
    jw_kobj(w, S("model_info"));
    jw_kstr(w, S("id"), d->id);
    jw_kbool(w, S("db_model"), false);
    jw_kstr(w, S("key"), d->model);
    jw_kstr(w, S("litellm_provider"), d->provider_name);
    jw_kstr(w, S("mode"), d->entry && d->entry->mode.n ? d->entry->mode : S("chat"));
    price_member(w, S("input_cost_per_token"), d->price.input);
    price_member(w, S("output_cost_per_token"), d->price.output);
    if (d->entry) {
        const struct model_entry *e = d->entry;
        if (e->max_tokens != CHAT_UNSET)
            jw_ki64(w, S("max_tokens"), e->max_tokens);
        if (e->max_input_tokens != CHAT_UNSET)
            jw_ki64(w, S("max_input_tokens"), e->max_input_tokens);
        if (e->max_output_tokens != CHAT_UNSET)
            jw_ki64(w, S("max_output_tokens"), e->max_output_tokens);
        for (const struct chat_extra *i = e->info; i; i = i->next)
            if (!str_eq(i->name, S("id")) && !str_eq(i->name, S("mode")) &&
                !str_starts(i->name, S("max_")) && !str_ends(i->name, S("cost_per_token")))
                jw_kraw(w, i->name, i->value);
    }
    jw_obj_end(w);
    jw_obj_end(w);
}

void admin_model_info(struct exchange *x)
{
    const struct route_table *t = x->snap->routes;
    struct answer a;
    data_begin(&a);
    for (size_t i = 0; i < route_deployment_count(t); i++)
        info_object(&a.w, route_deployment(t, i));
    data_send(&a, x);
}

/* d: the first of its deployments; NULL if there is none. */
static void group_object(struct jw *w, str name, const struct deployment *d)
{
    jw_obj(w);
    jw_kstr(w, S("model_group"), name);
    jw_karr(w, S("providers"));
    if (d)
        jw_str(w, d->provider_name);
    jw_arr_end(w);
    if (d) {
        price_member(w, S("input_cost_per_token"), d->price.input);
        price_member(w, S("output_cost_per_token"), d->price.output);
    }
    jw_kstr(w, S("mode"), d && d->entry && d->entry->mode.n ? d->entry->mode : S("chat"));
    jw_obj_end(w);
}

void admin_model_group_info(struct exchange *x)
{
    const struct route_table *t = x->snap->routes;
    struct answer a;
    data_begin(&a);
    for (size_t i = 0; i < route_name_count(t); i++)
        group_object(&a.w, route_name(t, i), route_first(t, route_name(t, i)));
    data_send(&a, x);
}

void admin_audio_list(struct exchange *x)
{
    /* Open WebUI asks without a key and reads `models` or `voices`; an empty list makes it use its
     * own. */
    if (str_ends(x->path, S("voices")))
        reply_json(x, 200, S("{\"voices\":[]}"));
    else
        reply_json(x, 200, S("{\"models\":[]}"));
}
