#include "http/url.h"
#include "provider/provider.h"

const struct provider *provider_find(str prefix)
{
    for (size_t i = 0; i < provider_count; i++)
        if (str_eq(prefix, str_c(providers[i].prefix)))
            return &providers[i];
    return NULL;
}

/* The vendor whose default base has the same host. */
static const struct provider *by_host(str api_base)
{
    struct url given, own;
    if (!api_base.n || FAILED(url_parse(api_base, &given, NULL)))
        return NULL;
    for (size_t i = 0; i < provider_count; i++) {
        if (!providers[i].base || providers[i].key_optional ||
            FAILED(url_parse(str_c(providers[i].base), &own, NULL)))
            continue;
        if (str_ieq(given.host, own.host))
            return &providers[i];
    }
    return NULL;
}

/* Names that say whose they are. '#' stands for a digit. LiteLLM knows those of its price map only,
 * from which retired models vanish. */
static const struct {
    const char *begin, *prefix;
} shapes[] = {
    { "gpt-", "openai" },
    { "chatgpt-", "openai" },
    { "o#", "openai" },
    { "text-embedding-", "openai" },
    { "ft:gpt-", "openai" },
    { "ft:o#", "openai" },
    { "dall-e-", "openai" },
    { "whisper-", "openai" },
    { "tts-", "openai" },
    { "codex-", "openai" },
    { "computer-use-", "openai" },
    { "claude-", "anthropic" },
    { "gemini-", "gemini" },
    { "gemma-", "gemini" },
    { "command-", "cohere" },
    { "command", "cohere" },
    { "c4ai-", "cohere" },
    { "grok-", "xai" },
    { "deepseek-", "deepseek" },
    { "mistral-", "mistral" },
    { "ministral-", "mistral" },
    { "magistral-", "mistral" },
    { "codestral-", "mistral" },
    { "devstral-", "mistral" },
    { "open-mistral-", "mistral" },
    { "open-mixtral-", "mistral" },
    { "pixtral-", "mistral" },
    { "sonar", "perplexity" },
    { "glm-", "zai" },
    { "kimi-", "moonshot" },
    { "moonshot-", "moonshot" },
};

static bool has_shape(str s, const char *begin)
{
    size_t i = 0;
    for (; begin[i]; i++)
        if (i >= s.n ||
            (begin[i] == '#' ? s.p[i] < '0' || s.p[i] > '9' : (s.p[i] | 0x20) != (begin[i] | 0x20)))
            return false;
    /* "o1" and "o1-mini", but not "o1x": what follows a digit is the end or a dash */
    return begin[i - 1] != '#' || i == s.n || s.p[i] == '-' || s.p[i] == ':';
}

static const struct provider *by_shape(str model)
{
    if (str_index(model, '/') < model.n)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(shapes); i++)
        if (has_shape(model, shapes[i].begin))
            return provider_find(str_c(shapes[i].prefix));
    return NULL;
}

/* huggingface/<vendor>/<org>/<name> is <org>/<name>:<vendor> at the router. */
static str hugging_face(str model, struct arena *a)
{
    str rest = model, vendor = str_cut(&rest, '/');
    if (!rest.p || str_index(rest, '/') == rest.n)
        return model;
    return arena_fmt(a, "%.*s:%.*s", STRF(rest), STRF(vendor));
}

/* openai/responses/<name>: OpenAI's newer dialect. */
static void choose_responses(struct provider_choice *r)
{
    str prefix = S("responses/");
    if (r->provider && strcmp(r->provider->prefix, "openai") == 0 && str_starts(r->model, prefix)) {
        r->provider = provider_find(S("openai/responses"));
        r->model = str_skip(r->model, prefix.n);
    }
}

struct provider_choice provider_resolve(str model, str custom_llm_provider, str api_base,
                                        struct arena *a)
{
    struct provider_choice r = { .provider = NULL, .model = model };
    str rest = model, first = str_cut(&rest, '/');
    if (custom_llm_provider.n) {
        r.provider = provider_find(custom_llm_provider);
        if (rest.p && str_eq(first, custom_llm_provider))
            r.model = rest;
    } else if (rest.p && (r.provider = provider_find(first))) {
        r.model = rest;
    } else if (!(r.provider = by_host(api_base))) {
        r.provider = by_shape(model);
        if (!r.provider && api_base.n)
            r.provider = provider_find(S("openai"));
        r.by_shape = r.provider != NULL;
    }
    if (r.provider && strcmp(r.provider->prefix, "huggingface") == 0)
        r.model = hugging_face(r.model, a);
    choose_responses(&r);
    return r;
}
