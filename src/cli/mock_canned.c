/* mock_canned.c - the mock's endpoints beside chats: lists, embeddings, counts, rerank.
 */
#include "cli/mock.h"

struct canned {
    struct mock *m;
    const struct mock_request *rq;
    str path;
    jval *body; /* NULL if there is none */
    struct arena *a;
};

/* Numbers that are the same for the same text. */
static str vector(str text, struct arena *a)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (unsigned char)text.p[i]) * 16777619u;
    return mock_json(a, "[%.3f,%.3f,%.3f,%.3f]", (double)(h & 255) / 256,
                     (double)(h >> 8 & 255) / 256, (double)(h >> 16 & 255) / 256,
                     (double)(h >> 24) / 256);
}

/* vectors of a text or of an array of texts, each in fmt (one %.*s and one %zu), with commas. */
static str vectors(jval *input, bool objects, struct arena *a, size_t *ret_n)
{
    str all = { 0 };
    size_t n = jd_is_arr(input) ? jd_count(input) : 1;
    for (size_t i = 0; i < n; i++) {
        jval *v = jd_is_arr(input) ? jd_at(input, i) : input;
        str text = jd_is_str(v) ? jd_str(v) : jd_text(v, a);
        str one = vector(text, a);
        if (objects)
            one = mock_json(a, "{'object':'embedding','index':%zu,'embedding':%.*s}", i, STRF(one));
        all = all.n ? arena_fmt(a, "%.*s,%.*s", STRF(all), STRF(one)) : one;
    }
    *ret_n = n;
    return all;
}

static str openai_embeddings(const struct canned *c)
{
    size_t n;
    str list = vectors(jd_get(c->body, S("input")), true, c->a, &n);
    return mock_json(c->a,
                     "{'object':'list','data':[%.*s],'model':'mock-embed','usage':{'prompt_tokens':"
                     "%zu,'total_tokens':%zu}}",
                     STRF(list), n * 3, n * 3);
}

static str cohere_embed(const struct canned *c)
{
    size_t n;
    str list = vectors(jd_get(c->body, S("texts")), false, c->a, &n);
    return mock_json(c->a,
                     "{'id':'c0ffee00-mock','response_type':'embeddings_by_type','embeddings':{"
                     "'float':[%.*s]},'texts':%.*s,'meta':{'api_version':{'version':'2'},"
                     "'billed_units':{'input_tokens':%zu}}}",
                     STRF(list), STRF(jd_text(jd_get(c->body, S("texts")), c->a)), n * 3);
}

static str cohere_rerank(const struct canned *c)
{
    str all = { 0 };
    size_t n = jd_count(jd_get(c->body, S("documents")));
    int64_t top = jd_i64_or(jd_get(c->body, S("top_n")), (int64_t)n);
    for (size_t i = 0; i < n && (int64_t)i < top; i++)
        all = mock_json(c->a, "%.*s%s{'index':%zu,'relevance_score':%.3f}", STRF(all), i ? "," : "",
                        i, 1.0 / (double)(i + 1));
    return mock_json(c->a,
                     "{'id':'c0ffee00-mock','results':[%.*s],'meta':{'api_version':{'version':'2'},"
                     "'billed_units':{'search_units':1}}}",
                     STRF(all));
}

static str ollama_embed(const struct canned *c)
{
    size_t n;
    str list = vectors(jd_get(c->body, S("input")), false, c->a, &n);
    return mock_json(c->a,
                     "{'model':'mock-model','embeddings':[%.*s],'total_duration':1000,"
                     "'load_duration':100,'prompt_eval_count':%zu}",
                     STRF(list), n * 3);
}

static str ollama_embeddings(const struct canned *c)
{
    return mock_json(c->a, "{'embedding':%.*s}",
                     STRF(vector(jd_get_str(c->body, S("prompt")), c->a)));
}

static str gemini_embed(const struct canned *c)
{
    str text = jd_text(jd_get(c->body, S("content")), c->a);
    return mock_json(c->a, "{'embedding':{'values':%.*s}}", STRF(vector(text, c->a)));
}

static str gemini_batch_embed(const struct canned *c)
{
    str all = { 0 };
    JD_EACH (r, jd_get(c->body, S("requests"))) {
        str one = vector(jd_text(jd_get(r.value, S("content")), c->a), c->a);
        all = mock_json(c->a, "%.*s%s{'values':%.*s}", STRF(all), r.index ? "," : "", STRF(one));
    }
    return mock_json(c->a, "{'embeddings':[%.*s]}", STRF(all));
}

static str gemini_count(const struct canned *c)
{
    return mock_json(c->a, "{'totalTokens':20}");
}

static str anthropic_count(const struct canned *c)
{
    return mock_json(c->a, "{'input_tokens':20}");
}

static str models(const struct canned *c)
{
    if (c->rq->anthropic)
        return mock_json(c->a, "{'data':[{'type':'model','id':'mock-model','display_name':'Mock',"
                               "'created_at':'2026-01-01T00:00:00Z'}],'has_more':false,'first_id':"
                               "'mock-model','last_id':'mock-model'}");
    if (str_contains(c->path, S("/v1beta")))
        return mock_json(c->a, "{'models':[{'name':'models/mock-model','displayName':'Mock',"
                               "'inputTokenLimit':32768,'outputTokenLimit':8192,"
                               "'supportedGenerationMethods':['generateContent','countTokens']}]}");
    return mock_json(c->a, "{'object':'list','data':[{'id':'mock-model','object':'model','created':"
                           "1700000000,'owned_by':'mock'}]}");
}

static str completions(const struct canned *c)
{
    return mock_json(c->a,
                     "{'id':'cmpl-mock1','object':'text_completion','created':1700000000,'model':"
                     "'mock-model','choices':[{'index':0,'text':%.*s,'logprobs':null,"
                     "'finish_reason':'stop'}],'usage':{'prompt_tokens':20,'completion_tokens':5,"
                     "'total_tokens':25}}",
                     STRF(mock_quote(c->a, mock_words(c->a, 40))));
}

static str moderations(const struct canned *c)
{
    return mock_json(c->a, "{'id':'modr-mock1','model':'omni-moderation-latest','results':[{"
                           "'flagged':false,'categories':{'violence':false},'category_scores':{"
                           "'violence':0.01}}]}");
}

static str images(const struct canned *c)
{
    return mock_json(c->a,
                     "{'created':1700000000,'data':[{'b64_json':'iVBORw0KGgoAAAANSUhEUgAAAAEAA"
                     "AABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='}]}");
}

static str transcription(const struct canned *c)
{
    return mock_json(c->a, "{'text':'The quick brown fox.'}");
}

#define OLLAMA_DETAILS                                                                    \
    "'details':{'parent_model':'','format':'gguf','family':'llama','families':['llama']," \
    "'parameter_size':'8B','quantization_level':'Q4_K_M'}"

static str ollama_tags(const struct canned *c)
{
    return mock_json(
        c->a,
        "{'models':[{'name':'mock-model:latest','model':'mock-model:latest',"
        "'modified_at':'2026-11-23T10:00:00Z','size':4661224676,'digest':"
        "'365c0bd3c000a25d28ddbf732fe1c6add414de7275464c4e4d1c3b5fcb5d8ad1'," OLLAMA_DETAILS "}]}");
}

static str ollama_version(const struct canned *c)
{
    return mock_json(c->a, "{'version':'0.17.4'}");
}

static str ollama_show(const struct canned *c)
{
    return mock_json(c->a, "{'license':'','modelfile':'FROM mock','parameters':'','template':"
                           "'{{ .Prompt }}'," OLLAMA_DETAILS
                           ",'model_info':{'general.architecture':'llama','llama.context_length':"
                           "8192},'capabilities':['completion','tools','thinking','vision'],"
                           "'modified_at':'2026-11-23T10:00:00Z'}");
}

static str ollama_ps(const struct canned *c)
{
    return mock_json(c->a, "{'models':[]}");
}

static const struct {
    str end;
    str (*make)(const struct canned *c);
    bool get;
} routes[] = {
    { S("/api/embeddings"), ollama_embeddings, false },
    { S("/api/embed"), ollama_embed, false },
    { S("/api/tags"), ollama_tags, true },
    { S("/api/version"), ollama_version, true },
    { S("/api/show"), ollama_show, false },
    { S("/api/ps"), ollama_ps, true },
    { S("/embeddings"), openai_embeddings, false },
    { S("/v2/embed"), cohere_embed, false },
    { S("/v1/embed"), cohere_embed, false },
    { S("/rerank"), cohere_rerank, false },
    { S(":embedContent"), gemini_embed, false },
    { S(":batchEmbedContents"), gemini_batch_embed, false },
    { S(":countTokens"), gemini_count, false },
    { S("/messages/count_tokens"), anthropic_count, false },
    { S("/models"), models, true },
    { S("/completions"), completions, false },
    { S("/moderations"), moderations, false },
    { S("/images/generations"), images, false },
    { S("/audio/transcriptions"), transcription, false },
};

struct mock_script mock_canned(struct mock *m, const struct mock_request *rq, str path,
                               struct arena *a)
{
    struct canned c = { m, rq, path, NULL, a };
    bool known = false;
    if (rq->body.n && FAILED(jd_read(&c.body, buf_str(&rq->body), a, NULL)))
        c.body = NULL;
    if (str_eq(path, S("/")))
        return mock_whole(a, m->options, 200, S("text/plain"), S(""), S("Ollama is running"));
    if (str_ends(path, S("/audio/speech")))
        return mock_whole(a, m->options, 200, S("audio/mpeg"), S(""), mock_words(a, 1000));
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (!str_ends(path, routes[i].end))
            continue;
        known = true;
        if (routes[i].get == str_eq(rq->method, S("GET")))
            return mock_whole(a, m->options, 200, S("application/json"), S(""), routes[i].make(&c));
    }
    return mock_whole(
        a, m->options, known ? 405 : 404, S("application/json"), S(""),
        mock_openai.error(known ? 405 : 404,
                          arena_fmt(a, "Invalid URL (%.*s %.*s)", STRF(rq->method), STRF(path)),
                          a));
}
