/* gemini_config.c - generationConfig of a request to Gemini: sampling, format, thinking,
 * modalities. */
#include "chat/defaults.h"
#include "dialect/gemini_write.h"

enum { STOP_MAX = 5 };

static bool wants_json(const struct writer *p)
{
    return p->req->format == FORMAT_JSON || p->req->format == FORMAT_SCHEMA;
}

/* Before 3, JSON output and functions exclude each other: JSON is then asked for in words. */
bool gemini_json_in_words(const struct writer *p)
{
    return !gemini_own(p) && wants_json(p) && gemini_any_function(p) &&
           !gemini_at_least(&p->model, 3, 0);
}

static void open_config(struct writer *p)
{
    if (!p->config_open)
        jw_kobj(&p->w, S("generationConfig"));
    p->config_open = true;
}

/* The key of a member, if it is ours to write. */
static bool config_key(struct writer *p, str name)
{
    if (gemini_get(p->config, name) || (gemini_own(p) && jd_get(p->kept, name)))
        return false;
    open_config(p);
    jw_key(&p->w, name);
    return true;
}

static void config_num(struct writer *p, str name, str value)
{
    if (value.n && config_key(p, name))
        jw_raw(&p->w, value);
}

static void config_i64(struct writer *p, str name, int64_t value)
{
    if (value != CHAT_UNSET && config_key(p, name))
        jw_i64(&p->w, value);
}

static void write_sampling(struct writer *p)
{
    const struct chat_req *r = p->req;
    config_num(p, S("temperature"), r->temperature);
    config_num(p, S("topP"), r->top_p);
    config_num(p, S("topK"), r->top_k);
    config_i64(p, S("maxOutputTokens"), r->max_tokens);
    config_i64(p, S("candidateCount"), r->n);
    config_i64(p, S("seed"), r->seed);
    if (gemini_own(p) || !gemini_at_least(&p->model, 3, 0)) {
        config_num(p, S("presencePenalty"), r->presence_penalty);
        config_num(p, S("frequencyPenalty"), r->frequency_penalty);
    } else { /* refused from 3 on; they are hints */
        if (r->presence_penalty.n)
            chat_note_loss(p->loss, S("presence_penalty"));
        if (r->frequency_penalty.n)
            chat_note_loss(p->loss, S("frequency_penalty"));
    }
    if (r->logprobs != TRI_UNSET && config_key(p, S("responseLogprobs")))
        jw_bool(&p->w, r->logprobs == TRI_TRUE);
    if (r->logprobs == TRI_TRUE || gemini_own(p))
        config_i64(p, S("logprobs"), r->top_logprobs);
    if (r->stop && config_key(p, S("stopSequences"))) {
        size_t n = 0;
        jw_arr(&p->w);
        for (const struct chat_str *s = r->stop; s && n < STOP_MAX; s = s->next, n++)
            jw_str(&p->w, s->s);
        jw_arr_end(&p->w);
    }
}

static void write_format(struct writer *p)
{
    const struct chat_req *r = p->req;
    if (r->format == FORMAT_TEXT && gemini_own(p)) {
        if (config_key(p, S("responseMimeType")))
            jw_str(&p->w, S("text/plain"));
    }
    if (!wants_json(p) || gemini_json_in_words(p))
        return;
    if (config_key(p, S("responseMimeType")))
        jw_str(&p->w, S("application/json"));
    jval *schema = r->format == FORMAT_SCHEMA ? gemini_parse(p, r->schema) : NULL;
    if (!jd_is_obj(schema) || jd_get(p->kept, S("responseSchema")) ||
        jd_get(p->kept, S("responseJsonSchema")))
        return;
    bool json = gemini_at_least(&p->model, 2, 5);
    if (!config_key(p, json ? S("responseJsonSchema") : S("responseSchema")))
        return;
    if (json)
        gemini_write_json_schema(&p->w, schema, p->arena);
    else
        gemini_write_schema(&p->w, schema, p->arena);
}

static str level_name(const struct gemini_model *m, enum chat_effort effort)
{
    static const struct {
        enum chat_effort upto;
        uint8_t first, second; /* what is taken where the model has it */
        const char *name, *other;
    } rows[] = {
        { EFFORT_MINIMAL, LEVEL_MINIMAL, LEVEL_LOW, "MINIMAL", "LOW" },
        { EFFORT_LOW, LEVEL_LOW, LEVEL_LOW, "LOW", "LOW" },
        { EFFORT_MEDIUM, LEVEL_MEDIUM, LEVEL_HIGH, "MEDIUM", "HIGH" },
        { EFFORT_MAX, LEVEL_HIGH, LEVEL_HIGH, "HIGH", "HIGH" },
    };
    size_t i = 0;
    while (effort > rows[i].upto)
        i++;
    return str_c(m->levels & rows[i].first ? rows[i].name : rows[i].other);
}

static int64_t budget_of(const struct gemini_model *m, const struct chat_req *r)
{
    int64_t budget = r->thinking_budget;
    if (budget == CHAT_UNSET) {
        switch (r->effort) {
        case EFFORT_MINIMAL:
            budget = m->budget_min;
            break;
        case EFFORT_XHIGH:
        case EFFORT_MAX:
            budget = m->budget_max;
            break;
        default:
            budget = chat_effort_budget(r->effort);
        }
    }
    if (budget < 0)
        return -1;
    if (budget == 0 && m->thinking_off)
        return 0;
    return budget < m->budget_min ? m->budget_min : budget > m->budget_max ? m->budget_max : budget;
}

static void write_thinking_config(struct writer *p, bool force)
{
    const struct chat_req *r = p->req;
    bool off =
        r->thinking_budget == 0 || (r->thinking_budget == CHAT_UNSET && r->effort == EFFORT_NONE);
    bool control = r->effort != EFFORT_UNSET || r->thinking_budget != CHAT_UNSET;
    if (!config_key(p, S("thinkingConfig")))
        return;
    jw_obj(&p->w);
    if (control && p->model.thinking == GEMINI_BUDGET) {
        jw_ki64(&p->w, S("thinkingBudget"), budget_of(&p->model, r));
    } else if (control && (p->model.thinking == GEMINI_LEVEL || force)) {
        enum chat_effort effort =
            r->effort != EFFORT_UNSET ? r->effort : chat_budget_effort(r->thinking_budget);
        if (r->effort != EFFORT_UNSET || r->thinking_budget >= 0)
            jw_kstr(&p->w, S("thinkingLevel"), level_name(&p->model, effort));
    }
    jw_kbool(&p->w, S("includeThoughts"), !off && r->show_thinking != TRI_FALSE);
    jw_obj_end(&p->w);
}

static rc write_thinking_wish(struct writer *p)
{
    const struct chat_req *r = p->req;
    bool control = r->effort != EFFORT_UNSET || r->thinking_budget != CHAT_UNSET;
    if (!control && r->show_thinking != TRI_TRUE)
        return RC_OK;
    if (p->model.thinking != GEMINI_NO_THINKING || gemini_own(p)) {
        write_thinking_config(p, false);
        return RC_OK;
    }
    str name = r->effort != EFFORT_UNSET ? S("reasoning_effort") : S("thinking");
    if (members_listed(p->target->allowed_params, name)) {
        write_thinking_config(p, true);
        return RC_OK;
    }
    bool off = r->thinking_budget == 0 || r->effort == EFFORT_NONE || !control;
    if (off) /* it does not think anyway */
        return RC_OK;
    return chat_drop(p->loss, p->target->drop_params, name,
                     arena_fmt(p->arena, "The model %.*s", STRF(p->target->model)), p->err);
}

static void write_modalities(struct writer *p)
{
    if (!p->req->modalities || !config_key(p, S("responseModalities")))
        return;
    jw_arr(&p->w);
    for (const struct chat_str *s = p->req->modalities; s; s = s->next) {
        str word = s->s;
        static const char *const known[] = { "TEXT", "IMAGE", "AUDIO", "VIDEO" };
        for (size_t i = 0; i < COUNT_OF(known); i++)
            if (str_ieq(word, str_c(known[i])))
                word = str_c(known[i]);
        jw_str(&p->w, word);
    }
    jw_arr_end(&p->w);
}

/* OpenAI's audio:{voice} */
static void write_voice(struct writer *p)
{
    const struct chat_extra *audio =
        gemini_own(p) ? NULL : members_find(p->req->extras, S("audio"));
    jval *voice = audio ? jd_get(gemini_parse(p, audio->value), S("voice")) : NULL;
    if (!jd_is_str(voice) || !config_key(p, S("speechConfig")))
        return;
    jw_obj(&p->w);
    jw_kobj(&p->w, S("voiceConfig"));
    jw_kobj(&p->w, S("prebuiltVoiceConfig"));
    jw_kval(&p->w, S("voiceName"), voice);
    jw_obj_end(&p->w);
    jw_obj_end(&p->w);
    jw_obj_end(&p->w);
}

static void write_config_members(struct writer *p, jval *members)
{
    JD_EACH (m, members) {
        open_config(p);
        jw_kval(&p->w, m.name, m.value);
    }
}

rc gemini_write_config(struct writer *p)
{
    const struct chat_extra *body = members_find(p->target->extra_body, S("generationConfig"));
    const struct chat_extra *kept =
        gemini_own(p) ? members_find(p->req->extras, S("generationConfig")) : NULL;
    p->config = body ? gemini_parse(p, body->value) : NULL;
    p->kept = kept ? gemini_parse(p, kept->value) : NULL;
    write_sampling(p);
    write_format(p);
    TRY(write_thinking_wish(p));
    write_modalities(p);
    write_voice(p);
    if (kept)
        JD_EACH (m, p->kept)
            if (!gemini_get(p->config, m.name)) {
                open_config(p);
                jw_kval(&p->w, m.name, m.value);
            }
    write_config_members(p, p->config);
    if (p->config_open)
        jw_obj_end(&p->w);
    return RC_OK;
}
