#include "dialect/rerank.h"

#include <stdlib.h>

#include "chat/quirks.h"
#include "dialect/members.h"
#include "json/write.h"

/* Sources: https://docs.cohere.com/reference/rerank,
 * https://docs.voyageai.com/reference/reranker-api, https://api.jina.ai/redoc; vLLM, Together,
 * Infinity and llama.cpp follow Cohere or Jina. */

/* ---- a caller ------------------------------------------------------------------------------- */

/* What of an object is ranked: its text, else all of it. */
static str text_of(jval *doc, jval *rank_fields, struct arena *a)
{
    struct buf b;
    if (jd_is_str(doc))
        return jd_str(doc);
    if (!jd_count(rank_fields)) {
        jval *text = jd_get(doc, S("text"));
        return jd_is_str(text) ? jd_str(text) : jd_text(doc, a);
    }
    buf_init(&b, 64 * 1024 * 1024);
    JD_EACH (m, rank_fields) {
        jval *v = jd_get(doc, jd_str(m.value));
        if (!jd_given(v))
            continue;
        buf_add(&b, jd_str(m.value));
        buf_add(&b, S(": "));
        buf_add(&b, jd_is_str(v) ? jd_str(v) : jd_text(v, a));
        buf_chr(&b, '\n');
    }
    str s = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return s;
}

static rc read_docs(struct rerank_req *r, jval *docs, jval *rank_fields, struct arena *a,
                    struct err *e)
{
    if (!jd_count(docs) || !jd_is_arr(docs))
        return fail(e, E_SYNTAX, "documents", 0, "documents: expected a list of texts, got %s",
                    json_kind_name(jd_kind(docs)));
    r->ndocs = jd_count(docs);
    r->docs = NEW(a, struct rerank_doc, r->ndocs);
    JD_EACH (m, docs) {
        if (!jd_is_str(m.value) && !jd_is_obj(m.value))
            return fail(e, E_SYNTAX, "documents", 0, "documents[%zu]: expected a string, got %s",
                        m.index, json_kind_name(jd_kind(m.value)));
        r->docs[m.index].text = text_of(m.value, rank_fields, a);
        if (jd_is_obj(m.value))
            r->docs[m.index].raw = jd_text(m.value, a);
    }
    return RC_OK;
}

rc rerank_read(struct rerank_req *r, jval *body, struct arena *a, struct err *e)
{
    static const char *const known[] = { "model",
                                         "query",
                                         "documents",
                                         "top_n",
                                         "top_k",
                                         "max_tokens_per_doc",
                                         "return_documents",
                                         "rank_fields",
                                         NULL };
    struct chat_extra **tail = &r->extras;
    r->top_n = r->max_tokens_per_doc = CHAT_UNSET;
    if (!jd_is_str(jd_get(body, S("query"))))
        return fail(e, E_SYNTAX, "query", 0, "query: expected a string, got %s",
                    json_kind_name(jd_kind(jd_get(body, S("query")))));
    r->query = jd_get_str(body, S("query"));
    TRY(read_docs(r, jd_get(body, S("documents")), jd_get(body, S("rank_fields")), a, e));
    TRY(jd_opt_i64(body, "top_k", &r->top_n, e)); /* Voyage's word */
    TRY(jd_opt_i64(body, "top_n", &r->top_n, e));
    TRY(jd_opt_i64(body, "max_tokens_per_doc", &r->max_tokens_per_doc, e));
    TRY(jd_opt_bool(body, "return_documents", &r->return_documents, e));
    JD_EACH (m, body) {
        if (!str_among(m.name, known))
            chat_add_extra(a, &tail, m.name, jd_text(m.value, a));
    }
    return RC_OK;
}

/* ---- a vendor ------------------------------------------------------------------------------- */

str rerank_path(enum dialect_id vendor, bool base_has_path)
{
    if (vendor == DIALECT_COHERE)
        return base_has_path ? S("/rerank") : S("/v2/rerank");
    if (vendor == DIALECT_OPENAI_CHAT)
        return base_has_path ? S("/rerank") : S("/v1/rerank");
    return (str){ 0 };
}

void rerank_write(struct buf *out, const struct rerank_req *r, const struct chat_target *t,
                  struct arena *a)
{
    struct jw w;
    size_t from = out->n;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, S("model"), t->model);
    jw_kstr(&w, S("query"), r->query);
    jw_karr(&w, S("documents"));
    for (size_t i = 0; i < r->ndocs; i++)
        jw_str(&w, r->docs[i].text);
    jw_arr_end(&w);
    if (r->top_n != CHAT_UNSET)
        jw_ki64(&w, t->quirks & QUIRK_VOYAGE ? S("top_k") : S("top_n"), r->top_n);
    if (r->max_tokens_per_doc != CHAT_UNSET)
        jw_ki64(&w, S("max_tokens_per_doc"), r->max_tokens_per_doc);
    for (const struct chat_extra *x = r->extras; x; x = x->next)
        jw_kraw(&w, x->name, x->value);
    if (t->quirks & QUIRK_JINA) /* would send them all back: we have them */
        jw_kbool(&w, S("return_documents"), false);
    jw_obj_end(&w);
    members_finish(out, from, t, NULL, 0, a);
}

static int by_score(const void *pa, const void *pb)
{
    const struct rerank_result *a = pa, *b = pb;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static void read_usage(struct rerank_reply *ret, jval *v)
{
    jval *usage = jd_get(v, S("usage")), *meta = jd_get(v, S("meta"));
    int64_t n = jd_i64_or(jd_get(usage, S("prompt_tokens")), -1);
    if (n < 0)
        n = jd_i64_or(jd_get(usage, S("total_tokens")), -1);
    if (n < 0)
        n = jd_i64_or(jd_path(meta, "tokens", "input_tokens", NULL), -1);
    ret->usage = CHAT_USAGE_NONE;
    ret->search_units = jd_i64_or(jd_path(meta, "billed_units", "search_units", NULL), CHAT_UNSET);
    if (n < 0)
        return;
    ret->usage.prompt = ret->usage.total = n;
    ret->usage.completion = 0;
    ret->usage.seen = true;
}

rc rerank_read_reply(struct rerank_reply *ret, const struct rerank_req *r, str body,
                     struct arena *a, struct err *e)
{
    jval *v;
    if (FAILED(jd_read(&v, body, a, e)))
        return RC(E_UPSTREAM);
    jval *list = jd_get(v, S("results"));
    if (!jd_is_arr(list))
        list = jd_is_arr(v) ? v : jd_get(v, S("data"));
    if (!jd_is_arr(list))
        return fail(e, E_UPSTREAM, "results", 0, "the upstream's answer has no results");
    ret->id = jd_get_str(v, S("id"));
    ret->results = NEW(a, struct rerank_result, jd_count(list) + 1);
    JD_EACH (m, list) {
        struct rerank_result *to = &ret->results[ret->n];
        jval *score = jd_get(m.value, S("relevance_score"));
        score = score ? score : jd_get(m.value, S("score"));
        int64_t index = jd_i64_or(jd_get(m.value, S("index")), -1);
        if (index < 0 || (uint64_t)index >= r->ndocs || !jd_f64(score, &to->score))
            return fail(e, E_UPSTREAM, "results", 0,
                        "the upstream's result %zu has no valid index and score", m.index);
        to->index = (size_t)index;
        to->text = jd_num(score);
        ret->n++;
    }
    qsort(ret->results, ret->n, sizeof(*ret->results), by_score);
    if (r->top_n >= 0 && (uint64_t)r->top_n < ret->n)
        ret->n = (size_t)r->top_n;
    read_usage(ret, v);
    return RC_OK;
}

static void write_document(struct jw *w, const struct rerank_doc *d)
{
    if (d->raw.n) {
        jw_kraw(w, S("document"), d->raw);
        return;
    }
    jw_kobj(w, S("document"));
    jw_kstr(w, S("text"), d->text);
    jw_obj_end(w);
}

void rerank_write_reply(struct buf *out, const struct rerank_reply *v, const struct rerank_req *r,
                        const struct dialect_ctx *c)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, S("id"), v->id.n ? v->id : c->id);
    jw_kstr(&w, S("model"), c->model);
    jw_karr(&w, S("results"));
    for (size_t i = 0; i < v->n; i++) {
        jw_obj(&w);
        jw_ku64(&w, S("index"), v->results[i].index);
        jw_kraw(&w, S("relevance_score"), v->results[i].text);
        if (r->return_documents)
            write_document(&w, &r->docs[v->results[i].index]);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_kobj(&w, S("meta"));
    jw_kraw(&w, S("api_version"), S("{\"version\":\"2\"}"));
    jw_kobj(&w, S("billed_units"));
    if (v->search_units != CHAT_UNSET)
        jw_ki64(&w, S("search_units"), v->search_units);
    else
        jw_ki64(&w, S("total_tokens"), v->usage.total < 0 ? 0 : v->usage.total);
    jw_obj_end(&w);
    if (v->usage.seen) {
        jw_kobj(&w, S("tokens"));
        jw_ki64(&w, S("input_tokens"), v->usage.prompt);
        jw_obj_end(&w);
    }
    jw_obj_end(&w);
    jw_obj_end(&w);
}
