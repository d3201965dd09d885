/* bench_tokens.c - what a chat reply tells about tokens, in whichever dialect it comes. */
#include "cli/bench.h"

#include "json/doc.h"

static bool has_text(jval *v)
{
    return jd_str(v).n > 0;
}

/* A member with text in it, or a tool call. */
static bool delta_has_token(jval *delta)
{
    static const str names[] = { { "content", 7 },   { "reasoning_content", 17 },
                                 { "reasoning", 9 }, { "thinking", 8 },
                                 { "text", 4 },      { "partial_json", 12 },
                                 { "refusal", 7 } };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (has_text(jd_get(delta, names[i])))
            return true;
    return jd_count(jd_get(delta, S("tool_calls"))) > 0;
}

bool bench_event_has_token(str data)
{
    struct arena a;
    jval *v;
    arena_init(&a);
    bool yes = false;
    if (!FAILED(jd_read(&v, data, &a, NULL))) {
        jval *choice = jd_at(jd_get(v, S("choices")), 0);
        jval *delta = jd_get(v, S("delta")); /* Anthropic; a plain string in OpenAI Responses */
        yes = delta_has_token(jd_get(choice, S("delta"))) || has_text(jd_get(choice, S("text"))) ||
              delta_has_token(delta) || has_text(delta) ||
              delta_has_token(jd_get(v, S("message"))) ||                     /* Ollama chat */
              has_text(jd_get(v, S("response"))) ||                           /* Ollama generate */
              has_text(jd_path(delta, "message", "content", "text", NULL)) || /* Cohere */
              jd_count(jd_path(jd_at(jd_get(v, S("candidates")), 0), "content", "parts", NULL));
    }
    arena_done(&a);
    return yes;
}

bool bench_may_have_usage(str data)
{
    if (str_contains(data, S("\"usage\":null")))
        return false; /* OpenAI's, in every chunk but the last */
    return str_contains(data, S("usage")) || str_contains(data, S("_count"));
}

static int64_t first_number(jval *v, const char *const *names)
{
    int64_t n;
    for (; *names; names++)
        if (jd_i64(jd_get(v, str_c(*names)), &n))
            return n;
    return -1;
}

struct bench_usage bench_read_usage(str json)
{
    static const char *const places[] = { "usage",   "usageMetadata", "response",
                                          "message", "delta",         NULL };
    static const char *const prompt[] = { "prompt_tokens", "input_tokens", "promptTokenCount",
                                          "prompt_eval_count", NULL };
    static const char *const completion[] = { "completion_tokens", "output_tokens",
                                              "candidatesTokenCount", "eval_count", NULL };
    struct bench_usage u = { -1, -1, -1 };
    struct arena a;
    jval *v;
    arena_init(&a);
    if (!FAILED(jd_read(&v, json, &a, NULL))) {
        jval *usage = v; /* Ollama has the counts at the top */
        for (size_t i = 0; places[i]; i++) {
            jval *at = jd_get(v, str_c(places[i]));
            if (jd_is_obj(jd_get(at, S("usage"))))
                at = jd_get(at, S("usage"));
            if (jd_is_obj(jd_get(at, S("tokens")))) /* Cohere */
                at = jd_get(at, S("tokens"));
            if (jd_is_obj(at) && first_number(at, completion) >= 0)
                usage = at;
        }
        u.prompt = first_number(usage, prompt);
        u.completion = first_number(usage, completion);
        u.cost = jd_f64_or(jd_get(usage, S("cost")), -1);
    }
    arena_done(&a);
    return u;
}
