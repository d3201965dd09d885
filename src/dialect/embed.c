#include "dialect/embed.h"

static const struct embed_api *const apis[DIALECT_COUNT] = {
    [DIALECT_OPENAI_CHAT] = &embed_openai, [DIALECT_OPENAI_RESPONSES] = &embed_openai,
    [DIALECT_COHERE] = &embed_cohere,      [DIALECT_GEMINI] = &embed_gemini,
    [DIALECT_OLLAMA] = &embed_ollama,
};

const struct embed_api *embed_api_get(enum dialect_id id)
{
    return (size_t)id < COUNT_OF(apis) ? apis[id] : NULL;
}

static bool read_input(struct embed_input *in, jval *v, bool tokens, struct arena *a)
{
    if (jd_is_str(v))
        in->text = jd_str(v);
    else if (tokens && jd_is_arr(v) && jd_count(v) && jd_is_num(jd_at(v, 0)))
        in->tokens = jd_text(v, a);
    else
        return false;
    return true;
}

rc embed_read_inputs(struct embed_req *r, jval *v, const char *name, bool tokens, struct arena *a,
                     struct err *e)
{
    bool list = jd_is_arr(v) && !(tokens && jd_is_num(jd_at(v, 0)));
    size_t n = list ? jd_count(v) : 1;
    if (!jd_given(v) || n == 0)
        return fail(e, E_SYNTAX, name, 0, "%s: nothing to embed: give a string or a list of them",
                    name);
    r->inputs = NEW(a, struct embed_input, n);
    r->ninputs = n;
    if (!list) {
        if (read_input(&r->inputs[0], v, tokens, a))
            return RC_OK;
        return fail(e, E_SYNTAX, name, 0, "%s: expected a string or a list of strings, got %s",
                    name, json_kind_name(jd_kind(v)));
    }
    JD_EACH (item, v) {
        if (!read_input(&r->inputs[item.index], item.value, tokens, a))
            return fail(e, E_SYNTAX, name, 0, "%s[%zu]: expected a string, got %s", name,
                        item.index, json_kind_name(jd_kind(item.value)));
    }
    return RC_OK;
}

rc embed_read_rows(struct embed_reply *ret, jval *rows, struct arena *a, struct err *e)
{
    ret->n = jd_count(rows);
    ret->vectors = NEW(a, struct embed_vector, ret->n + 1);
    JD_EACH (row, rows) {
        if (!jd_is_arr(row.value))
            return fail(e, E_UPSTREAM, "embeddings", 0, "the upstream's vector %zu is %s",
                        row.index, json_kind_name(jd_kind(row.value)));
        ret->vectors[row.index].floats = jd_text(row.value, a);
    }
    return RC_OK;
}

rc embed_only_text(const struct embed_req *r, const char *vendor, struct err *e)
{
    for (size_t i = 0; i < r->ninputs; i++)
        if (!r->inputs[i].text.p)
            return fail(e, E_SYNTAX, "input", 0, "input[%zu]: %s embeds texts only, not %s", i,
                        vendor,
                        r->inputs[i].tokens.n  ? "token ids"
                        : r->inputs[i].image.n ? "images"
                                               : "this kind of content");
    return RC_OK;
}

rc embed_write_vector(struct jw *w, const struct embed_vector *v, bool base64, struct err *e)
{
    struct buf b;
    bool ok = true;
    if (!base64 && v->floats.n) {
        jw_raw(w, v->floats);
        return RC_OK;
    }
    if (base64 && v->base64.n) {
        jw_str(w, v->base64);
        return RC_OK;
    }
    buf_init(&b, 64 * 1024 * 1024);
    if (base64) {
        ok = embed_add_base64(&b, v->floats);
        jw_str(w, buf_str(&b));
    } else {
        ok = embed_add_floats(&b, v->base64);
        jw_raw(w, ok ? buf_str(&b) : S("[]"));
    }
    buf_done(&b);
    return ok ? RC_OK
              : fail(e, E_UPSTREAM, "embeddings", 0, "the upstream sent a vector that is not one");
}
