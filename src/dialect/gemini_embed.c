/* gemini_embed.c - Gemini's :embedContent and :batchEmbedContents (v1beta). */
#include "dialect/embed.h"
#include "dialect/gemini_internal.h"
#include "dialect/members.h"

/* ---- a caller ------------------------------------------------------------------------------- */

static jval *either(jval *v, str camel, str snake)
{
    jval *m = jd_get(v, camel);
    return m ? m : jd_get(v, snake);
}

/* One EmbedContentRequest: a content of texts is joined, other parts are kept for Gemini only. */
static rc read_one(struct embed_req *r, size_t i, jval *v, struct arena *a, struct err *e)
{
    struct embed_input *in = &r->inputs[i];
    jval *content = jd_get(v, S("content")), *parts = jd_get(content, S("parts"));
    struct buf text;
    size_t n = 0;
    in->raw = jd_text(v, a);
    if (jd_is_str(content)) {
        in->text = jd_str(content);
    } else if (jd_count(parts) == 0) {
        return fail(e, E_SYNTAX, "content", 0, "content.parts: nothing to embed");
    } else {
        buf_init(&text, 64 * 1024 * 1024);
        JD_EACH (p, parts) {
            jval *t = jd_is_str(p.value) ? p.value : jd_get(p.value, S("text"));
            if (!jd_is_str(t))
                break;
            if (n++)
                buf_chr(&text, '\n');
            buf_add(&text, jd_str(t));
        }
        if (n == jd_count(parts)) {
            in->text = arena_dup(a, buf_str(&text));
            if (!in->text.p)
                in->text = S("");
        }
        buf_done(&text);
    }
    if (i > 0)
        return RC_OK;
    r->task = embed_task_of(jd_str(either(v, S("taskType"), S("task_type"))));
    r->title = jd_get_str(v, S("title"));
    jval *dimensions = either(v, S("outputDimensionality"), S("output_dimensionality"));
    if (jd_given(dimensions) && !jd_i64(dimensions, &r->dimensions))
        return fail(e, E_SYNTAX, "outputDimensionality", 0,
                    "outputDimensionality: expected a whole number");
    return RC_OK;
}

static rc read_request(struct embed_req *r, jval *body, struct arena *a, struct err *e)
{
    jval *list = jd_get(body, S("requests"));
    r->origin = DIALECT_GEMINI;
    r->dimensions = CHAT_UNSET;
    r->single = !list;
    r->ninputs = r->single ? 1 : jd_count(list);
    if (r->ninputs == 0)
        return fail(e, E_SYNTAX, "requests", 0, "requests: nothing to embed");
    r->inputs = NEW(a, struct embed_input, r->ninputs);
    if (r->single)
        return read_one(r, 0, body, a, e);
    JD_EACH (m, list) {
        TRY(read_one(r, m.index, m.value, a, e));
    }
    return RC_OK;
}

/* ---- a vendor ------------------------------------------------------------------------------- */

/* The caller's own request, but for the model. */
static rc write_raw(struct jw *w, str raw, str model, bool named, struct arena *a, struct err *e)
{
    jval *v;
    TRY(jd_read(&v, raw, a, e));
    jw_obj(w);
    if (named)
        jw_kstr(w, S("model"), model);
    JD_EACH (m, v) {
        if (!str_eq(m.name, S("model")))
            jw_kval(w, m.name, m.value);
    }
    jw_obj_end(w);
    return RC_OK;
}

static void write_one(struct jw *w, const struct embed_req *r, const struct embed_input *in,
                      str model, bool named)
{
    jw_obj(w);
    if (named)
        jw_kstr(w, S("model"), model);
    jw_kobj(w, S("content"));
    jw_karr(w, S("parts"));
    jw_obj(w);
    jw_kstr(w, S("text"), in->text);
    jw_obj_end(w);
    jw_arr_end(w);
    jw_obj_end(w);
    jw_kstr_if(w, S("taskType"), embed_task_word(r->task, EMBED_WORDS_GEMINI));
    jw_kstr_if(w, S("title"), r->title);
    if (r->dimensions != CHAT_UNSET)
        jw_ki64(w, S("outputDimensionality"), r->dimensions);
    jw_obj_end(w);
}

static bool in_batch(const struct embed_req *r)
{
    return r->ninputs > 1;
}

static rc write_request(struct buf *out, const struct embed_req *r, const struct chat_target *t,
                        struct chat_loss *loss, struct arena *a, struct err *e)
{
    struct jw w;
    size_t from = out->n;
    str model = str_starts(t->model, S("models/")) || str_starts(t->model, S("tunedModels/"))
                    ? t->model
                    : arena_cat(a, S("models/"), t->model);
    bool batch = in_batch(r), own = r->origin == DIALECT_GEMINI;
    if (!own)
        TRY(embed_only_text(r, "Gemini", e));
    jw_init(&w, out);
    if (batch) {
        jw_obj(&w);
        jw_karr(&w, S("requests"));
    }
    for (size_t i = 0; i < r->ninputs; i++) {
        if (own)
            TRY(write_raw(&w, r->inputs[i].raw, model, batch, a, e));
        else
            write_one(&w, r, &r->inputs[i], model, batch);
    }
    if (batch) {
        jw_arr_end(&w);
        jw_obj_end(&w);
    } else {
        members_finish(out, from, t, NULL, 0, a);
    }
    return RC_OK;
}

static str path(const struct embed_req *r, const struct chat_target *t, bool base_has_path,
                struct arena *a)
{
    return gemini_path(t->model, in_batch(r) ? S(":batchEmbedContents") : S(":embedContent"),
                       base_has_path, a);
}

static rc read_reply(struct embed_reply *ret, str body, struct arena *a, struct err *e)
{
    jval *v;
    if (FAILED(jd_read(&v, body, a, e)))
        return RC(E_UPSTREAM);
    jval *one = jd_get(v, S("embedding")), *list = jd_get(v, S("embeddings"));
    ret->usage = CHAT_USAGE_NONE;
    ret->usage.prompt = jd_i64_or(jd_path(v, "usageMetadata", "promptTokenCount", NULL), -1);
    ret->usage.total = ret->usage.prompt;
    ret->usage.seen = ret->usage.prompt >= 0;
    ret->usage.completion = ret->usage.seen ? 0 : -1;
    ret->n = one ? 1 : jd_count(list);
    ret->vectors = NEW(a, struct embed_vector, ret->n + 1);
    for (size_t i = 0; i < 1 && one; i++)
        ret->vectors[i].floats = jd_text(jd_get(one, S("values")), a);
    JD_EACH (m, one ? NULL : list) {
        ret->vectors[m.index].floats = jd_text(jd_get(m.value, S("values")), a);
    }
    for (size_t i = 0; i < ret->n; i++)
        if (!str_starts(ret->vectors[i].floats, S("[")))
            return fail(e, E_UPSTREAM, "embeddings", 0, "the upstream sent no vector for input %zu",
                        i);
    return RC_OK;
}

static void write_values(struct jw *w, const struct embed_vector *v, rc *r, struct err *e)
{
    jw_obj(w);
    jw_key(w, S("values"));
    if (FAILED(embed_write_vector(w, v, false, e)))
        *r = RC(E_UPSTREAM);
    jw_obj_end(w);
}

static rc write_reply(struct buf *out, const struct embed_reply *v, const struct embed_req *r,
                      const struct dialect_ctx *c, struct err *e)
{
    struct jw w;
    rc result = RC_OK;
    jw_init(&w, out);
    jw_obj(&w);
    jw_key(&w, r->single ? S("embedding") : S("embeddings"));
    if (r->single) {
        write_values(&w, &v->vectors[0], &result, e);
    } else {
        jw_arr(&w);
        for (size_t i = 0; i < v->n; i++)
            write_values(&w, &v->vectors[i], &result, e);
        jw_arr_end(&w);
    }
    jw_obj_end(&w);
    return result;
}

const struct embed_api embed_gemini = {
    .read = read_request,
    .write = write_request,
    .path = path,
    .read_reply = read_reply,
    .write_reply = write_reply,
    .inputs_max = 100,
};
