/* openai_embed.c - POST /v1/embeddings, and how Voyage and Jina differ from it. */
#include "dialect/embed.h"
#include "dialect/members.h"
#include "dialect/openai_chat_internal.h"
#include "chat/quirks.h"

static void read_extras(struct embed_req *r, jval *body, struct arena *a)
{
    static const char *const known[] = { "model",           "input", "dimensions",
                                         "encoding_format", "user",  NULL };
    struct chat_extra **tail = &r->extras;
    JD_EACH (m, body) {
        if (!str_among(m.name, known))
            chat_add_extra(a, &tail, m.name, jd_text(m.value, a));
    }
}

static rc read_request(struct embed_req *r, jval *body, struct arena *a, struct err *e)
{
    str format = { 0 };
    r->origin = DIALECT_OPENAI_CHAT;
    r->dimensions = CHAT_UNSET;
    TRY(embed_read_inputs(r, jd_get(body, S("input")), "input", true, a, e));
    TRY(jd_opt_i64(body, "dimensions", &r->dimensions, e));
    TRY(jd_opt_str(body, "encoding_format", &format, e));
    TRY(jd_opt_str(body, "user", &r->user, e));
    if (format.n && !str_eq(format, S("float")) && !str_eq(format, S("base64")))
        return fail(e, E_SYNTAX, "encoding_format", 0,
                    "encoding_format: expected float or base64, got %.*s",
                    STRF(str_take(format, 40)));
    r->base64 = str_eq(format, S("base64"));
    r->task = embed_task_of(jd_get_str(body, S("input_type")));
    if (!r->task)
        r->task = embed_task_of(jd_get_str(body, S("task")));
    read_extras(r, body, a);
    return RC_OK;
}

/* ---- to a vendor ---------------------------------------------------------------------------- */

static void write_inputs(struct jw *w, const struct embed_req *r)
{
    jw_karr(w, S("input"));
    for (size_t i = 0; i < r->ninputs; i++) {
        if (r->inputs[i].tokens.n)
            jw_raw(w, r->inputs[i].tokens);
        else
            jw_str(w, r->inputs[i].text);
    }
    jw_arr_end(w);
}

/* Voyage: https://docs.voyageai.com/reference/embeddings-api */
static void write_voyage(struct jw *w, const struct embed_req *r)
{
    jw_kstr_if(w, S("input_type"), embed_task_word(r->task, EMBED_WORDS_VOYAGE));
    if (r->dimensions != CHAT_UNSET)
        jw_ki64(w, S("output_dimension"), r->dimensions);
    if (r->base64)
        jw_kstr(w, S("encoding_format"), S("base64"));
    if (r->truncate != TRI_UNSET)
        jw_kbool(w, S("truncation"), r->truncate == TRI_TRUE);
}

/* Jina: https://api.jina.ai/redoc */
static void write_jina(struct jw *w, const struct embed_req *r)
{
    jw_kstr_if(w, S("task"), embed_task_word(r->task, EMBED_WORDS_JINA));
    if (r->dimensions != CHAT_UNSET)
        jw_ki64(w, S("dimensions"), r->dimensions);
    if (r->base64)
        jw_kstr(w, S("embedding_type"), S("base64"));
    if (r->truncate != TRI_UNSET)
        jw_kbool(w, S("truncate"), r->truncate == TRI_TRUE);
}

static void write_openai(struct jw *w, const struct embed_req *r)
{
    if (r->dimensions != CHAT_UNSET)
        jw_ki64(w, S("dimensions"), r->dimensions);
    if (r->base64)
        jw_kstr(w, S("encoding_format"), S("base64"));
    jw_kstr_if(w, S("user"), r->user);
}

/* What the caller wrote for this very vendor stays, unless it was written above in other words. */
static void write_extras(struct jw *w, const struct embed_req *r, uint64_t quirks)
{
    for (const struct chat_extra *x = r->extras; x; x = x->next) {
        bool written = r->task && ((quirks & QUIRK_VOYAGE && str_eq(x->name, S("input_type"))) ||
                                   (quirks & QUIRK_JINA && (str_eq(x->name, S("task")) ||
                                                            str_eq(x->name, S("input_type")))));
        if (!written)
            jw_kraw(w, x->name, x->value);
    }
}

static rc write_request(struct buf *out, const struct embed_req *r, const struct chat_target *t,
                        struct chat_loss *loss, struct arena *a, struct err *e)
{
    struct jw w;
    size_t from = out->n;
    for (size_t i = 0; i < r->ninputs; i++)
        if (!r->inputs[i].text.p && !r->inputs[i].tokens.n)
            return fail(e, E_SYNTAX, "input", 0, "input[%zu]: this model embeds texts only", i);
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, S("model"), t->model);
    write_inputs(&w, r);
    if (t->quirks & QUIRK_VOYAGE)
        write_voyage(&w, r);
    else if (t->quirks & QUIRK_JINA)
        write_jina(&w, r);
    else
        write_openai(&w, r);
    if (r->origin == DIALECT_OPENAI_CHAT)
        write_extras(&w, r, t->quirks);
    jw_obj_end(&w);
    members_finish(out, from, t, NULL, 0, a);
    return RC_OK;
}

static str path(const struct embed_req *r, const struct chat_target *t, bool base_has_path,
                struct arena *a)
{
    return base_has_path ? S("/embeddings") : S("/v1/embeddings");
}

static rc read_reply(struct embed_reply *ret, str body, struct arena *a, struct err *e)
{
    jval *v;
    if (FAILED(jd_read(&v, body, a, e)))
        return RC(E_UPSTREAM);
    jval *data = jd_get(v, S("data"));
    ret->n = jd_count(data);
    ret->vectors = NEW(a, struct embed_vector, ret->n + 1);
    JD_EACH (item, data) {
        int64_t at = jd_i64_or(jd_get(item.value, S("index")), (int64_t)item.index);
        jval *vector = jd_get(item.value, S("embedding"));
        if (at < 0 || (size_t)at >= ret->n)
            at = (int64_t)item.index;
        struct embed_vector *to = &ret->vectors[at];
        if (jd_is_str(vector))
            to->base64 = jd_str(vector);
        else if (jd_is_arr(vector))
            to->floats = jd_text(vector, a);
    }
    for (size_t i = 0; i < ret->n; i++)
        if (!ret->vectors[i].floats.n && !ret->vectors[i].base64.n)
            return fail(e, E_UPSTREAM, "data", 0, "the upstream sent no vector for input %zu", i);
    openai_usage_of(&ret->usage, v);
    if (ret->usage.prompt < 0) /* Voyage tells the total only, and that is the prompt */
        ret->usage.prompt = ret->usage.total;
    return RC_OK;
}

static rc write_reply(struct buf *out, const struct embed_reply *v, const struct embed_req *r,
                      const struct dialect_ctx *c, struct err *e)
{
    struct jw w;
    int64_t prompt = v->usage.prompt < 0 ? 0 : v->usage.prompt;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, S("object"), S("list"));
    jw_karr(&w, S("data"));
    for (size_t i = 0; i < v->n; i++) {
        jw_obj(&w);
        jw_kstr(&w, S("object"), S("embedding"));
        jw_ku64(&w, S("index"), i);
        jw_key(&w, S("embedding"));
        TRY(embed_write_vector(&w, &v->vectors[i], r->base64, e));
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_kstr(&w, S("model"), c->model);
    jw_kobj(&w, S("usage"));
    jw_ki64(&w, S("prompt_tokens"), prompt);
    jw_ki64(&w, S("total_tokens"), prompt);
    jw_obj_end(&w);
    jw_obj_end(&w);
    return RC_OK;
}

const struct embed_api embed_openai = {
    .read = read_request,
    .write = write_request,
    .path = path,
    .read_reply = read_reply,
    .write_reply = write_reply,
};
