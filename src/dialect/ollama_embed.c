/* ollama_embed.c - Ollama's POST /api/embed, and for callers the older /api/embeddings: one
 * `prompt`, one `embedding`. */
#include "dialect/embed.h"
#include "dialect/members.h"
#include "dialect/ollama_internal.h"
#include "base/clock.h"

static rc read_request(struct embed_req *r, jval *body, struct arena *a, struct err *e)
{
    bool truncate = true;
    jval *input = jd_get(body, S("input")), *prompt = jd_get(body, S("prompt"));
    r->origin = DIALECT_OLLAMA;
    r->dimensions = CHAT_UNSET;
    r->single = !jd_given(input) && jd_given(prompt);
    TRY(embed_read_inputs(r, r->single ? prompt : input, r->single ? "prompt" : "input", false, a,
                          e));
    TRY(jd_opt_i64(body, "dimensions", &r->dimensions, e));
    TRY(jd_opt_bool(body, "truncate", &truncate, e));
    if (jd_given(jd_get(body, S("truncate"))))
        r->truncate = truncate ? TRI_TRUE : TRI_FALSE;
    for (size_t i = 0; i < 2; i++) {
        static const char *const own[] = { "options", "keep_alive" };
        jval *v = jd_get(body, str_c(own[i]));
        if (!jd_given(v))
            continue;
        struct chat_extra *x = NEW(a, struct chat_extra, 1);
        *x = (struct chat_extra){ r->extras, str_c(own[i]), jd_text(v, a) };
        r->extras = x;
    }
    return RC_OK;
}

static rc write_request(struct buf *out, const struct embed_req *r, const struct chat_target *t,
                        struct chat_loss *loss, struct arena *a, struct err *e)
{
    struct jw w;
    size_t from = out->n;
    TRY(embed_only_text(r, "Ollama", e));
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, S("model"), t->model);
    jw_karr(&w, S("input"));
    for (size_t i = 0; i < r->ninputs; i++)
        jw_str(&w, r->inputs[i].text);
    jw_arr_end(&w);
    if (r->dimensions != CHAT_UNSET)
        jw_ki64(&w, S("dimensions"), r->dimensions);
    if (r->truncate != TRI_UNSET)
        jw_kbool(&w, S("truncate"), r->truncate == TRI_TRUE);
    if (r->origin == DIALECT_OLLAMA)
        for (const struct chat_extra *x = r->extras; x; x = x->next)
            jw_kraw(&w, x->name, x->value);
    jw_obj_end(&w);
    members_finish(out, from, t, NULL, 0, a);
    return RC_OK;
}

static str path(const struct embed_req *r, const struct chat_target *t, bool base_has_path,
                struct arena *a)
{
    return S("/api/embed");
}

static rc read_reply(struct embed_reply *ret, str body, struct arena *a, struct err *e)
{
    jval *v;
    if (FAILED(jd_read(&v, body, a, e)))
        return RC(E_UPSTREAM);
    ret->usage = CHAT_USAGE_NONE;
    ret->usage.prompt = ret->usage.total = jd_i64_or(jd_get(v, S("prompt_eval_count")), -1);
    ret->usage.seen = ret->usage.prompt >= 0;
    ret->usage.completion = ret->usage.seen ? 0 : -1;
    return embed_read_rows(ret, jd_get(v, S("embeddings")), a, e);
}

static rc write_reply(struct buf *out, const struct embed_reply *v, const struct embed_req *r,
                      const struct dialect_ctx *c, struct err *e)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    if (r->single) {
        jw_key(&w, S("embedding"));
        TRY(embed_write_vector(&w, &v->vectors[0], false, e));
        jw_obj_end(&w);
        return RC_OK;
    }
    jw_kstr(&w, S("model"), c->model);
    jw_karr(&w, S("embeddings"));
    for (size_t i = 0; i < v->n; i++)
        TRY(embed_write_vector(&w, &v->vectors[i], false, e));
    jw_arr_end(&w);
    jw_ku64(&w, S("total_duration"), c->started_ns ? clock_mono_ns() - c->started_ns : 0);
    jw_ki64(&w, S("load_duration"), 0);
    jw_ki64(&w, S("prompt_eval_count"), v->usage.prompt < 0 ? 0 : v->usage.prompt);
    jw_obj_end(&w);
    return RC_OK;
}

const struct embed_api embed_ollama = {
    .read = read_request,
    .write = write_request,
    .path = path,
    .read_reply = read_reply,
    .write_reply = write_reply,
};
