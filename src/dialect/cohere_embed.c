/* cohere_embed.c - Cohere's POST /v2/embed (https://docs.cohere.com/reference/embed). */
#include "dialect/embed.h"
#include "dialect/members.h"

/* ---- a caller ------------------------------------------------------------------------------- */

static rc read_images(struct embed_req *r, jval *images, struct arena *a, struct err *e)
{
    r->ninputs = jd_count(images);
    r->inputs = NEW(a, struct embed_input, r->ninputs + 1);
    JD_EACH (m, images) {
        if (!jd_is_str(m.value))
            return fail(e, E_SYNTAX, "images", 0, "images[%zu]: expected a string, got %s", m.index,
                        json_kind_name(jd_kind(m.value)));
        r->inputs[m.index].image = jd_str(m.value);
    }
    return RC_OK;
}

/* inputs: [{content: [{type: text, text} | {type: image_url, image_url: {url}}]}] */
static void read_mixed(struct embed_req *r, jval *inputs, struct arena *a)
{
    r->ninputs = jd_count(inputs);
    r->inputs = NEW(a, struct embed_input, r->ninputs + 1);
    JD_EACH (m, inputs) {
        jval *content = jd_get(m.value, S("content"));
        jval *only = jd_count(content) == 1 ? jd_at(content, 0) : NULL;
        struct embed_input *in = &r->inputs[m.index];
        str url = jd_str(jd_path(only, "image_url", "url", NULL));
        if (jd_str_is(jd_get(only, S("type")), S("text")))
            in->text = jd_get_str(only, S("text"));
        else if (url.n)
            in->image = url;
        else
            in->raw = jd_text(m.value, a);
    }
}

static rc read_types(struct embed_req *r, jval *types, struct err *e)
{
    JD_EACH (m, types) {
        str type = jd_str(m.value);
        if (!str_eq(type, S("float")) && !str_eq(type, S("base64")))
            return fail(e, E_SYNTAX, "embedding_types", 0,
                        "embedding_types: this model's vendor makes float and base64, not %.*s",
                        STRF(str_take(type, 40)));
        r->base64 = str_eq(type, S("base64"));
    }
    return RC_OK;
}

static rc read_request(struct embed_req *r, jval *body, struct arena *a, struct err *e)
{
    str truncate = { 0 };
    jval *images = jd_get(body, S("images")), *mixed = jd_get(body, S("inputs"));
    r->origin = DIALECT_COHERE;
    r->dimensions = CHAT_UNSET;
    if (jd_count(mixed))
        read_mixed(r, mixed, a);
    else if (jd_count(images))
        TRY(read_images(r, images, a, e));
    else
        TRY(embed_read_inputs(r, jd_get(body, S("texts")), "texts", false, a, e));
    TRY(jd_opt_i64(body, "output_dimension", &r->dimensions, e));
    TRY(jd_opt_str(body, "truncate", &truncate, e));
    if (truncate.n)
        r->truncate = str_ieq(truncate, S("NONE")) ? TRI_FALSE : TRI_TRUE;
    r->task = embed_task_of(jd_get_str(body, S("input_type")));
    return read_types(r, jd_get(body, S("embedding_types")), e);
}

/* ---- a vendor ------------------------------------------------------------------------------- */

static bool is_image(const struct embed_input *in)
{
    return in->image.n || str_starts(in->text, S("data:image/"));
}

static void write_inputs(struct jw *w, const struct embed_req *r)
{
    size_t images = 0;
    for (size_t i = 0; i < r->ninputs; i++)
        images += is_image(&r->inputs[i]);
    bool mixed = images && images < r->ninputs;
    jw_karr(w, mixed ? S("inputs") : images ? S("images") : S("texts"));
    for (size_t i = 0; i < r->ninputs; i++) {
        const struct embed_input *in = &r->inputs[i];
        str s = in->image.n ? in->image : in->text;
        if (!mixed) {
            jw_str(w, s);
            continue;
        }
        jw_obj(w);
        jw_karr(w, S("content"));
        jw_obj(w);
        jw_kstr(w, S("type"), is_image(in) ? S("image_url") : S("text"));
        if (is_image(in)) {
            jw_kobj(w, S("image_url"));
            jw_kstr(w, S("url"), s);
            jw_obj_end(w);
        } else {
            jw_kstr(w, S("text"), s);
        }
        jw_obj_end(w);
        jw_arr_end(w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    /* input_type is demanded; documents are LiteLLM's default */
    str task = embed_task_word(r->task ? r->task : EMBED_TASK_DOCUMENT, EMBED_WORDS_COHERE);
    jw_kstr(w, S("input_type"), images && !mixed ? S("image") : task);
}

static rc write_request(struct buf *out, const struct embed_req *r, const struct chat_target *t,
                        struct chat_loss *loss, struct arena *a, struct err *e)
{
    static const struct member_name renamed[] = {
        { { "dimensions", 10 }, { "output_dimension", 16 } },
    };
    struct jw w;
    size_t from = out->n;
    for (size_t i = 0; i < r->ninputs; i++)
        if (!r->inputs[i].text.p && !r->inputs[i].image.n)
            return fail(e, E_SYNTAX, "input", 0,
                        "input[%zu]: Cohere embeds texts and images, not token ids", i);
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, S("model"), t->model);
    write_inputs(&w, r);
    jw_karr(&w, S("embedding_types"));
    jw_str(&w, r->base64 ? S("base64") : S("float"));
    jw_arr_end(&w);
    if (r->dimensions != CHAT_UNSET)
        jw_ki64(&w, S("output_dimension"), r->dimensions);
    if (r->truncate != TRI_UNSET)
        jw_kstr(&w, S("truncate"), r->truncate == TRI_TRUE ? S("END") : S("NONE"));
    jw_obj_end(&w);
    members_finish(out, from, t, renamed, COUNT_OF(renamed), a);
    return RC_OK;
}

static str path(const struct embed_req *r, const struct chat_target *t, bool base_has_path,
                struct arena *a)
{
    return base_has_path ? S("/embed") : S("/v2/embed");
}

static void read_usage(struct chat_usage *u, jval *meta)
{
    jval *billed = jd_get(meta, S("billed_units"));
    int64_t tokens = jd_i64_or(jd_get(billed, S("input_tokens")), -1);
    int64_t images = jd_i64_or(jd_get(billed, S("image_tokens")), 0);
    *u = CHAT_USAGE_NONE;
    if (tokens < 0)
        tokens = jd_i64_or(jd_path(meta, "tokens", "input_tokens", NULL), images > 0 ? 0 : -1);
    if (tokens < 0 || tokens > INT64_MAX / 2 || images > INT64_MAX / 2)
        return;
    u->prompt = u->total = tokens + (images > 0 ? images : 0);
    u->completion = 0;
    u->seen = true;
}

static rc read_reply(struct embed_reply *ret, str body, struct arena *a, struct err *e)
{
    jval *v;
    if (FAILED(jd_read(&v, body, a, e)))
        return RC(E_UPSTREAM);
    jval *by_type = jd_get(v, S("embeddings"));
    jval *coded = jd_get(by_type, S("base64"));
    read_usage(&ret->usage, jd_get(v, S("meta")));
    if (!jd_count(coded))
        return embed_read_rows(ret, jd_is_arr(by_type) ? by_type : jd_get(by_type, S("float")), a,
                               e);
    ret->n = jd_count(coded);
    ret->vectors = NEW(a, struct embed_vector, ret->n + 1);
    JD_EACH (m, coded) {
        ret->vectors[m.index].base64 = jd_str(m.value);
    }
    return RC_OK;
}

static rc write_reply(struct buf *out, const struct embed_reply *v, const struct embed_req *r,
                      const struct dialect_ctx *c, struct err *e)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, S("id"), c->id);
    jw_kstr(&w, S("response_type"), S("embeddings_by_type"));
    jw_kobj(&w, S("embeddings"));
    jw_karr(&w, r->base64 ? S("base64") : S("float"));
    for (size_t i = 0; i < v->n; i++)
        TRY(embed_write_vector(&w, &v->vectors[i], r->base64, e));
    jw_arr_end(&w);
    jw_obj_end(&w);
    jw_karr(&w, S("texts"));
    for (size_t i = 0; i < r->ninputs; i++)
        if (r->inputs[i].text.p)
            jw_str(&w, r->inputs[i].text);
    jw_arr_end(&w);
    jw_kobj(&w, S("meta"));
    jw_kraw(&w, S("api_version"), S("{\"version\":\"2\"}"));
    jw_kobj(&w, S("billed_units"));
    jw_ki64(&w, S("input_tokens"), v->usage.prompt < 0 ? 0 : v->usage.prompt);
    jw_obj_end(&w);
    jw_obj_end(&w);
    jw_obj_end(&w);
    return RC_OK;
}

const struct embed_api embed_cohere = {
    .read = read_request,
    .write = write_request,
    .path = path,
    .read_reply = read_reply,
    .write_reply = write_reply,
    .inputs_max = 96,
};
