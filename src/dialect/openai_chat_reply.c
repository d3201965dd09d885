/* Usage, finish reasons and whole answers. */
#include "chat/stream.h"
#include "dialect/members.h"
#include "dialect/openai_chat_internal.h"
#include "dialect/signature.h"

/* ---- usage ---------------------------------------------------------------------------------- */

/* The first count that is told. */
#define FIRST(x, y) ((x) >= 0 ? (x) : (y))

void openai_usage_from(struct chat_usage *ret, jval *v)
{
    if (!jd_is_obj(v) || jd_count(v) == 0)
        return;
    jval *in = jd_get(v, S("prompt_tokens_details"));
    jval *out = jd_get(v, S("completion_tokens_details"));
    struct chat_usage u = CHAT_USAGE_NONE;
    u.prompt = members_count(jd_get(v, S("prompt_tokens")));
    u.completion = members_count(jd_get(v, S("completion_tokens")));
    u.total = members_count(jd_get(v, S("total_tokens")));
    u.cache_read = members_count(jd_get(in, S("cached_tokens")));
    u.cache_read = FIRST(u.cache_read, members_count(jd_get(v, S("cached_tokens")))); /* Moonshot */
    u.cache_read = FIRST(u.cache_read, members_count(jd_get(v, S("prompt_cache_hit_tokens"))));
    u.cache_read =
        FIRST(u.cache_read, members_count(jd_get(v, S("num_cached_tokens")))); /* Mistral */
    u.cache_read = FIRST(u.cache_read, members_count(jd_get(v, S("cache_read_input_tokens"))));
    u.cache_write = members_count(jd_get(in, S("cache_write_tokens")));
    u.cache_write = FIRST(u.cache_write, members_count(jd_get(in, S("cache_creation_tokens"))));
    u.cache_write =
        FIRST(u.cache_write, members_count(jd_get(v, S("cache_creation_input_tokens"))));
    u.cache_write_1h = members_count(
        jd_get(jd_get(in, S("cache_creation_token_details")), S("ephemeral_1h_input_tokens")));
    u.reasoning = members_count(jd_get(out, S("reasoning_tokens")));
    u.reasoning =
        FIRST(u.reasoning, members_count(jd_get(v, S("reasoning_tokens")))); /* Perplexity */
    u.audio_in = members_count(jd_get(in, S("audio_tokens")));
    u.image_in = members_count(jd_get(in, S("image_tokens")));
    u.audio_out = members_count(jd_get(out, S("audio_tokens")));
    /* xAI leaves reasoning out of the completion, though not out of the total. */
    int64_t sum;
    if (u.prompt >= 0 && u.completion >= 0 && u.reasoning > 0 &&
        !__builtin_add_overflow(u.prompt, u.completion, &sum) && u.total > sum &&
        u.total - sum == u.reasoning)
        u.completion += u.reasoning;
    u.seen = true;
    *ret = u;
}

void openai_usage_of(struct chat_usage *ret, jval *body)
{
    openai_usage_from(ret, jd_get(body, S("usage")));
    if (!ret->seen)
        openai_usage_from(ret, jd_path(body, "x_groq", "usage", NULL));
    if (!ret->seen)
        openai_usage_from(ret, jd_get(jd_at(jd_get(body, S("choices")), 0), S("usage")));
}

static void write_count(struct jw *w, str key, int64_t n)
{
    if (n >= 0)
        jw_ki64(w, key, n);
}

void openai_write_usage(struct jw *w, const struct chat_usage *u)
{
    int64_t prompt = FIRST(u->prompt, 0), completion = FIRST(u->completion, 0), sum;
    if (__builtin_add_overflow(prompt, completion, &sum))
        sum = INT64_MAX;
    jw_obj(w);
    jw_ki64(w, S("prompt_tokens"), prompt);
    jw_ki64(w, S("completion_tokens"), completion);
    jw_ki64(w, S("total_tokens"), FIRST(u->total, sum));
    if (u->cache_read >= 0 || u->cache_write >= 0 || u->audio_in >= 0 || u->image_in >= 0) {
        jw_kobj(w, S("prompt_tokens_details"));
        jw_ki64(w, S("cached_tokens"), FIRST(u->cache_read, 0));
        write_count(w, S("cache_creation_tokens"), u->cache_write);
        write_count(w, S("audio_tokens"), u->audio_in);
        write_count(w, S("image_tokens"), u->image_in);
        jw_obj_end(w);
    }
    if (u->reasoning >= 0 || u->audio_out >= 0) {
        jw_kobj(w, S("completion_tokens_details"));
        jw_ki64(w, S("reasoning_tokens"), FIRST(u->reasoning, 0));
        write_count(w, S("audio_tokens"), u->audio_out);
        jw_obj_end(w);
    }
    if (u->cache_write >= 0) { /* Anthropic's names, as LiteLLM shows them beside OpenAI's */
        jw_ki64(w, S("cache_creation_input_tokens"), u->cache_write);
        jw_ki64(w, S("cache_read_input_tokens"), FIRST(u->cache_read, 0));
    }
    jw_obj_end(w);
}

/* ---- finish --------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    enum chat_finish finish;
} finishes[] = {
    { "stop", FINISH_STOP },
    { "length", FINISH_LENGTH },
    { "tool_calls", FINISH_TOOL_CALLS },
    { "content_filter", FINISH_FILTER },
    { "function_call", FINISH_TOOL_CALLS },
    { "eos", FINISH_STOP },
    { "eos_token", FINISH_STOP },
    { "end_turn", FINISH_STOP },
    { "stop_sequence", FINISH_STOP_SEQUENCE },
    { "model_length", FINISH_LENGTH },
    { "max_tokens", FINISH_LENGTH },
    { "model_context_window_exceeded", FINISH_CONTEXT },
    { "tool_call", FINISH_TOOL_CALLS },
    { "tool_use", FINISH_TOOL_CALLS },
    { "sensitive", FINISH_FILTER },
    { "safety", FINISH_FILTER },
    { "refusal", FINISH_FILTER },
    { "error", FINISH_ERROR },
    { "network_error", FINISH_ERROR },
    { "insufficient_system_resource", FINISH_ERROR },
    { "abort", FINISH_ERROR },
};

enum chat_finish openai_finish_of(str word)
{
    if (word.n == 0)
        return FINISH_NONE;
    for (size_t i = 0; i < COUNT_OF(finishes); i++)
        if (str_eq(word, str_c(finishes[i].word)))
            return finishes[i].finish;
    return FINISH_STOP;
}

str openai_finish_word(enum chat_finish finish)
{
    switch (finish) {
    case FINISH_LENGTH:
    case FINISH_CONTEXT:
        return S("length");
    case FINISH_TOOL_CALLS:
        return S("tool_calls");
    case FINISH_FILTER:
        return S("content_filter");
    default:
        return S("stop");
    }
}

/* ---- reading -------------------------------------------------------------------------------- */

/* The server's own counts where they mean what OpenAI's do; else ours, with those that we have no
 * place for. */
static str usage_as_openai(const struct chat_usage *u, jval *v, struct arena *a)
{
    static const char *const counts[] = {
        "prompt_tokens",         "completion_tokens",         "total_tokens",
        "prompt_tokens_details", "completion_tokens_details", NULL
    };
    jval *cached = jd_path(v, "prompt_tokens_details", "cached_tokens", NULL);
    bool same = u->prompt >= 0 && u->completion >= 0 && u->total >= 0 &&
                members_count(jd_get(v, S("prompt_tokens"))) == u->prompt &&
                members_count(jd_get(v, S("completion_tokens"))) == u->completion &&
                members_count(jd_get(v, S("total_tokens"))) == u->total &&
                members_count(cached) == u->cache_read;
    if (same)
        return jd_text(v, a);
    struct buf b;
    struct jw w;
    buf_init(&b, SIZE_MAX);
    jw_init(&w, &b);
    openai_write_usage(&w, u);
    members_put_back(&b, 0, members_others(v, counts, a), a);
    str text = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return text;
}

/* What the events do not say: of the reply, its choices and their messages. */
static void read_extras(struct chat_reply *ret, jval *body, struct arena *a)
{
    static const char *const of_reply[] = { "id", "object", "created", "model", "choices", NULL };
    static const char *const of_choice[] = { "index",         "message",  "delta",
                                             "finish_reason", "logprobs", NULL };
    static const char *const of_message[] = { "role",        "content",           "tool_calls",
                                              "images",      "function_call",     "refusal",
                                              "annotations", "reasoning_content", "thinking_blocks",
                                              NULL };
    ret->extras = members_others(body, of_reply, a);
    for (struct chat_extra *x = ret->extras; x; x = x->next)
        if (str_eq(x->name, S("usage")) && jd_is_obj(jd_get(body, x->name)))
            x->value = usage_as_openai(&ret->usage, jd_get(body, x->name), a);
    JD_EACH (m, jd_get(body, S("choices"))) {
        int64_t index = jd_i64_or(jd_get(m.value, S("index")), (int64_t)m.index);
        for (struct chat_choice *c = ret->choices; c; c = c->next)
            if (c->index == index && !c->extras && !c->message_extras) { /* the first counts */
                c->extras = members_others(m.value, of_choice, a);
                c->message_extras = members_others(jd_get(m.value, S("message")), of_message, a);
            }
    }
}

rc openai_read_reply(struct chat_reply *ret, str body, struct chat_error *error, struct arena *a,
                     struct err *e)
{
    jval *v = NULL;
    struct err inner;
    body = str_trim(body); /* DeepSeek sends blank lines while the request waits */
    if (FAILED(jd_read(&v, body, a, &inner)) || !jd_is_obj(v)) {
        openai_read_error(error, 502, body, a);
        return fail(e, E_UPSTREAM, "reply", 0, "the upstream's answer is not a JSON object");
    }
    if (openai_is_error(v)) {
        openai_read_error(error, 200, body, a);
        return fail(e, E_UPSTREAM, "reply", 0, "the upstream answered with an error: %.*s",
                    STRF(str_take(error->message, 160)));
    }
    if (!jd_is_arr(jd_get(v, S("choices")))) {
        openai_read_error(error, 502, S("{\"message\":\"The upstream's answer has no choices\"}"),
                          a);
        return fail(e, E_UPSTREAM, "reply", 0, "the upstream's answer has no choices");
    }
    struct chat_gather gather;
    struct chat_stream order;
    chat_gather_init(&gather, a);
    chat_stream_init(&order, &gather.sink);
    openai_emit_choices(v, &order.in, a);
    chat_stream_end(&order, true, S(""));
    chat_stream_done(&order);
    if (gather.error) {
        *error = *gather.error;
        return fail(e, E_UPSTREAM, "reply", 0, "%.*s", STRF(str_take(error->message, 160)));
    }
    *ret = *chat_gather_reply(&gather);
    ret->origin = DIALECT_OPENAI_CHAT;
    ret->id = jd_get_str(v, S("id"));
    ret->model = jd_get_str(v, S("model"));
    ret->created = jd_i64_or(jd_get(v, S("created")), 0);
    ret->service_tier = jd_get_str(v, S("service_tier"));
    ret->system_fingerprint = jd_get_str(v, S("system_fingerprint"));
    read_extras(ret, v, a);
    return RC_OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

static bool has_part(const struct chat_choice *c, enum part_kind kind)
{
    for (const struct chat_part *p = c->parts; p; p = p->next)
        if (p->kind == kind)
            return true;
    return false;
}

/* The texts of all parts of a kind as one string value. */
static void write_joined(struct jw *w, const struct chat_choice *c, enum part_kind kind)
{
    for (const struct chat_part *p = c->parts; p; p = p->next)
        if (p->kind == kind)
            jw_str_add(w, p->text);
}

static void write_content(struct jw *w, const struct chat_choice *c, bool merge_reasoning)
{
    bool thinks = merge_reasoning && has_part(c, PART_THINKING);
    jw_key(w, S("content"));
    if (!thinks && !has_part(c, PART_TEXT)) {
        if (has_part(c, PART_TOOL_CALL) || has_part(c, PART_REFUSAL) || has_part(c, PART_AUDIO))
            jw_null(w);
        else
            jw_str(w, S(""));
        return;
    }
    jw_str_begin(w);
    if (thinks) {
        jw_str_add(w, S("<think>"));
        write_joined(w, c, PART_THINKING);
        jw_str_add(w, S("</think>"));
    }
    write_joined(w, c, PART_TEXT);
    jw_str_end(w);
}

/* Signed thinking, in LiteLLM's form; other thinking needs no blocks. */
static void write_thinking_blocks(struct jw *w, const struct chat_choice *c, struct arena *a)
{
    bool any = false;
    for (const struct chat_part *p = c->parts; p; p = p->next)
        any = any || p->kind == PART_REDACTED || (p->kind == PART_THINKING && p->signature.n);
    if (!any)
        return;
    jw_karr(w, S("thinking_blocks"));
    for (const struct chat_part *p = c->parts; p; p = p->next) {
        if (p->kind == PART_THINKING) {
            jw_obj(w);
            jw_kstr(w, S("type"), S("thinking"));
            jw_kstr(w, S("thinking"), p->text);
            jw_kstr_if(w, S("signature"),
                       signature_mark(a, p->signature, p->origin, DIALECT_ANTHROPIC));
            jw_obj_end(w);
        } else if (p->kind == PART_REDACTED) {
            jw_obj(w);
            jw_kstr(w, S("type"), S("redacted_thinking"));
            jw_kstr(w, S("data"), signature_mark(a, p->media.data, p->origin, DIALECT_ANTHROPIC));
            jw_obj_end(w);
        }
    }
    jw_arr_end(w);
}

static void write_calls(struct jw *w, const struct chat_choice *c, struct arena *a)
{
    if (!has_part(c, PART_TOOL_CALL))
        return;
    int64_t index = 0;
    jw_karr(w, S("tool_calls"));
    for (const struct chat_part *p = c->parts; p; p = p->next) {
        if (p->kind != PART_TOOL_CALL)
            continue;
        str args = p->call.args;
        jw_obj(w);
        jw_ki64(w, S("index"), index++);
        jw_kstr(w, S("id"), signature_into_id(a, p->call.id, p->call.signature));
        jw_kstr(w, S("type"), p->call.custom ? S("custom") : S("function"));
        jw_kobj(w, p->call.custom ? S("custom") : S("function"));
        jw_kstr(w, S("name"), p->call.name);
        if (p->call.custom)
            jw_kstr(w, S("input"), args);
        else
            jw_kstr(w, S("arguments"), args.n ? args : S("{}"));
        jw_obj_end(w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

bool openai_write_annotations(struct jw *w, str notes, enum dialect_id origin, struct arena *a)
{
    /* Gemini's reader makes url_citations of its grounding. */
    if (origin == DIALECT_OPENAI_CHAT || origin == DIALECT_GEMINI || origin == DIALECT_NONE) {
        jw_raw(w, notes);
        return true;
    }
    jval *list = NULL;
    struct err ignored;
    if (origin != DIALECT_OPENAI_RESPONSES || FAILED(jd_read(&list, notes, a, &ignored)))
        return false;
    /* Responses has the same members one level up. */
    jw_arr(w);
    JD_EACH (note, list) {
        jw_obj(w);
        jw_kval(w, S("type"), jd_get(note.value, S("type")));
        jw_key(w, jd_get_str(note.value, S("type")).n ? jd_get_str(note.value, S("type"))
                                                      : S("citation"));
        jw_obj(w);
        JD_EACH (m, note.value)
            if (!str_eq(m.name, S("type")))
                jw_kval(w, m.name, m.value);
        jw_obj_end(w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    return true;
}

bool openai_write_sources(struct jw *w, str notes, struct arena *a)
{
    jval *list = NULL;
    bool any = false;
    if (FAILED(jd_read(&list, notes, a, NULL)))
        return false;
    JD_EACH (note, list) {
        if (!jd_get_str(note.value, S("url")).n)
            continue;
        if (!any)
            jw_arr(w);
        any = true;
        jw_obj(w);
        jw_kstr(w, S("type"), S("url_citation"));
        jw_kobj(w, S("url_citation"));
        jw_ki64(w, S("start_index"), 0); /* they say what is cited, not where */
        jw_ki64(w, S("end_index"), 0);
        jw_kstr(w, S("url"), jd_get_str(note.value, S("url")));
        jw_kstr(w, S("title"), jd_get_str(note.value, S("title")));
        jw_obj_end(w);
        jw_obj_end(w);
    }
    if (any)
        jw_arr_end(w);
    return any;
}

/* Another vendor's citations: what they name, and as LiteLLM shows them. */
static void write_foreign_notes(struct jw *w, str notes, struct arena *a)
{
    struct buf b;
    struct jw sources;
    buf_init(&b, SIZE_MAX);
    jw_init(&sources, &b);
    if (openai_write_sources(&sources, notes, a))
        jw_kraw(w, S("annotations"), buf_str(&b));
    buf_done(&b);
    jw_kobj(w, S("provider_specific_fields"));
    jw_kraw(w, S("citations"), notes);
    jw_obj_end(w);
}

static void write_notes(struct jw *w, const struct chat_choice *c, enum dialect_id reply_origin,
                        struct arena *a)
{
    for (const struct chat_part *p = c->parts; p; p = p->next) {
        enum dialect_id origin = p->origin ? p->origin : reply_origin;
        if (p->kind != PART_TEXT || p->notes.n == 0)
            continue;
        if (origin == DIALECT_OPENAI_CHAT || origin == DIALECT_OPENAI_RESPONSES ||
            origin == DIALECT_GEMINI || origin == DIALECT_NONE) {
            jw_key(w, S("annotations"));
            if (!openai_write_annotations(w, p->notes, origin, a))
                jw_raw(w, S("[]"));
        } else {
            write_foreign_notes(w, p->notes, a);
        }
        return; /* one list; texts with notes of their own are rare beyond the first */
    }
}

static void write_media(struct jw *w, const struct chat_choice *c)
{
    if (has_part(c, PART_IMAGE)) {
        int64_t index = 0;
        jw_karr(w, S("images"));
        for (const struct chat_part *p = c->parts; p; p = p->next) {
            if (p->kind != PART_IMAGE)
                continue;
            jw_obj(w);
            jw_kstr(w, S("type"), S("image_url"));
            jw_ki64(w, S("index"), index++);
            jw_kobj(w, S("image_url"));
            jw_key(w, S("url"));
            jw_str_begin(w);
            if (p->media.data.n) {
                jw_str_add(w, S("data:"));
                jw_str_add(w, p->media.mime.n ? p->media.mime : S("image/png"));
                jw_str_add(w, S(";base64,"));
                jw_str_add(w, p->media.data);
            } else {
                jw_str_add(w, p->media.url);
            }
            jw_str_end(w);
            jw_obj_end(w);
            jw_obj_end(w);
        }
        jw_arr_end(w);
    }
    for (const struct chat_part *p = c->parts; p; p = p->next)
        if (p->kind == PART_AUDIO) {
            jw_kobj(w, S("audio"));
            jw_kstr(w, S("id"), p->id.n ? p->id : S("audio_0"));
            jw_kstr(w, S("data"), p->media.data);
            jw_kstr(w, S("transcript"), p->media.text);
            jw_ki64(w, S("expires_at"), 0);
            jw_obj_end(w);
            break;
        }
}

static void write_message(struct jw *w, const struct chat_choice *c, enum dialect_id origin,
                          const struct dialect_ctx *ctx)
{
    jw_kobj(w, S("message"));
    size_t from = w->out->n - 1;
    jw_kstr(w, S("role"), S("assistant"));
    write_content(w, c, ctx->merge_reasoning);
    if (!ctx->merge_reasoning && has_part(c, PART_THINKING)) {
        jw_key(w, S("reasoning_content"));
        jw_str_begin(w);
        write_joined(w, c, PART_THINKING);
        jw_str_end(w);
    }
    write_thinking_blocks(w, c, ctx->arena);
    write_calls(w, c, ctx->arena);
    if (has_part(c, PART_REFUSAL)) {
        jw_key(w, S("refusal"));
        jw_str_begin(w);
        write_joined(w, c, PART_REFUSAL);
        jw_str_end(w);
    }
    write_notes(w, c, origin, ctx->arena);
    write_media(w, c);
    jw_obj_end(w);
    if (origin == DIALECT_OPENAI_CHAT && !ctx->merge_reasoning)
        members_put_back(w->out, from, c->message_extras, ctx->arena);
}

static void write_choice(struct jw *w, const struct chat_choice *c, enum dialect_id origin,
                         const struct dialect_ctx *ctx)
{
    jw_obj(w);
    size_t from = w->out->n - 1;
    jw_ki64(w, S("index"), c->index);
    write_message(w, c, origin, ctx);
    if (c->logprobs.n)
        jw_kraw(w, S("logprobs"), c->logprobs);
    jw_kstr(w, S("finish_reason"), openai_finish_word(c->finish));
    jw_obj_end(w);
    if (origin == DIALECT_OPENAI_CHAT)
        members_put_back(w->out, from, c->extras, ctx->arena);
}

void openai_write_reply(struct buf *out, const struct chat_reply *r, const struct dialect_ctx *c)
{
    struct jw w;
    size_t from = out->n;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, S("id"), r->id.n ? r->id : c->id);
    jw_kstr(&w, S("object"), S("chat.completion"));
    jw_ki64(&w, S("created"), r->created > 0 ? r->created : c->created);
    jw_kstr(&w, S("model"), c->model);
    jw_karr(&w, S("choices"));
    for (const struct chat_choice *choice = r->choices; choice; choice = choice->next)
        write_choice(&w, choice, r->origin, c);
    jw_arr_end(&w);
    if (r->usage.seen) {
        jw_key(&w, S("usage"));
        openai_write_usage(&w, &r->usage);
    }
    jw_kstr_if(&w, S("service_tier"), r->service_tier);
    jw_kstr_if(&w, S("system_fingerprint"), r->system_fingerprint);
    jw_obj_end(&w);
    if (r->origin == DIALECT_OPENAI_CHAT)
        members_put_back(out, from, r->extras, c->arena);
}
