/* mock_answer.c - which script answers a request.
 */
#include "cli/mock.h"

#include <stdarg.h>

#include "cli/mock_reply.h"
#include "json/write.h"

/* ---- texts ---------------------------------------------------------------------------------- */

str mock_words(struct arena *a, size_t n)
{
    static const char words[] = "The quick brown fox jumps over the lazy dog. ";
    char *p = NEW(a, char, n + 1);
    for (size_t i = 0; i < n; i++)
        p[i] = words[i % (sizeof(words) - 1)];
    return (str){ p, n };
}

str mock_quote(struct arena *a, str s)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 4);
    json_quote(&b, s);
    str text = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return text;
}

static bool inside_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

str mock_piece(str text, uint32_t i, uint32_t n)
{
    size_t from = text.n * i / n, to = text.n * (i + 1) / n;
    while (from < text.n && inside_character(text.p[from]))
        from++;
    while (to < text.n && inside_character(text.p[to]))
        to++;
    return (str){ text.p + from, to > from ? to - from : 0 };
}

str mock_json(struct arena *a, const char *fmt, ...)
{
    str quoted = arena_dup(a, str_c(fmt));
    for (char *p = (char *)(uintptr_t)quoted.p; *p; p++)
        if (*p == '\'')
            *p = '"';
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int n = vsnprintf(NULL, 0, quoted.p, ap);
    BUG_UNLESS(n >= 0);
    char *text = NEW(a, char, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, quoted.p, again);
#pragma GCC diagnostic pop
    va_end(again);
    va_end(ap);
    return (str){ text, (size_t)n };
}

void mock_frame(struct mock_frames *f, str bytes)
{
    if (f->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 32;
        str *list = NEW(f->a, str, cap);
        if (f->n)
            memcpy(list, f->list, f->n * sizeof(str));
        f->list = list;
        f->cap = cap;
    }
    f->list[f->n++] = bytes;
}

void mock_sse(struct mock_frames *f, str event, str json)
{
    mock_frame(f, event.n ? arena_fmt(f->a, "event: %.*s\ndata: %.*s\n\n", STRF(event), STRF(json))
                          : arena_fmt(f->a, "data: %.*s\n\n", STRF(json)));
}

/* ---- what to say ---------------------------------------------------------------------------- */

const struct mock_voice *mock_voice_of(enum mock_api api)
{
    static const struct mock_voice *const voices[] = {
        [MOCK_OPENAI] = &mock_openai,       [MOCK_RESPONSES] = &mock_responses,
        [MOCK_ANTHROPIC] = &mock_anthropic, [MOCK_GEMINI] = &mock_gemini,
        [MOCK_COHERE] = &mock_cohere,       [MOCK_OLLAMA] = &mock_ollama,
        [MOCK_GENERATE] = &mock_generate,
    };
    return voices[api];
}

static uint64_t count_or(str s, uint64_t otherwise, uint64_t most)
{
    uint64_t n;
    return str_to_u64(s, &n) && n <= most ? n : otherwise;
}

static void say_calls(struct mock_say *s, const struct mock_ask *ask, struct arena *a)
{
    static const char *const cities[] = { "Paris", "Rome", "Oslo", "Bern" };
    const char *prefix = ask->api == MOCK_ANTHROPIC ? "toolu" : "call";
    s->ncalls = count_or(ask->order.calls, 1, MOCK_CALLS_MAX);
    for (size_t i = 0; i < s->ncalls; i++) {
        s->calls[i].id = arena_fmt(a, "%s_mock%zu", prefix, i + 1);
        s->calls[i].name = ask->tool.n ? ask->tool : S("get_weather");
        s->calls[i].args = ask->order.args.n ? ask->order.args
                           : ask->order.noargs
                               ? S("{}")
                               : mock_json(a, "{'city':'%s'}", cities[i % COUNT_OF(cities)]);
    }
    if (s->ncalls)
        s->finish = MOCK_CALLS;
}

static str answer_text(const struct mock_ask *ask, const struct mock_options *o, bool calls,
                       struct arena *a)
{
    if (ask->order.say.n)
        return ask->order.say;
    if (calls)
        return S("");
    if (ask->after_tool)
        return arena_fmt(a, "The tool said: %.*s", STRF(ask->result));
    if (ask->wants_json)
        return S("{\"city\":\"Paris\",\"temp\":21}");
    return mock_words(a, o->reply_bytes);
}

static enum mock_finish finish_of(str word, enum mock_finish otherwise)
{
    return str_eq(word, S("length"))          ? MOCK_LENGTH
           : str_eq(word, S("filter"))        ? MOCK_FILTER
           : str_eq(word, S("stop"))          ? MOCK_STOP
           : str_eq(word, S("stop_sequence")) ? MOCK_STOP_SEQUENCE
                                              : otherwise;
}

static struct mock_say compose(const struct mock_ask *ask, const struct mock_options *o,
                               struct arena *a)
{
    struct mock_say s = { .model = ask->model.n ? ask->model : S("mock-model"),
                          .show_usage = ask->show_usage,
                          .sse = ask->sse,
                          .prompt = 20,
                          .cached = 4,
                          .chunks = (uint32_t)count_or(ask->order.chunks, o->chunks, 100000) };
    bool calls = ask->tool.n && !ask->after_tool;
    if (calls)
        say_calls(&s, ask, a);
    if (ask->order.think) {
        s.thinking = S("Let me think about it. Yes, that is how it is.");
        s.signature = S("bW9jay1zaWduYXR1cmU=");
        s.reasoning = 7;
    }
    s.text = answer_text(ask, o, s.ncalls > 0, a);
    if (ask->order.refuse) {
        s.finish = MOCK_FILTER;
        s.text = S("I cannot help with that.");
    }
    s.finish = finish_of(ask->order.finish, s.finish);
    if (s.chunks == 0)
        s.chunks = 1;
    s.completion = (int)(s.text.n / 4 + 1) + s.reasoning + 5 * (int)s.ncalls;
    return s;
}

/* ---- chat ----------------------------------------------------------------------------------- */

static struct mock_reply plain(const struct mock_options *o, unsigned status, str type, str body,
                               struct arena *a)
{
    struct mock_reply r = { .status = status,
                            .type = type,
                            .parts = NEW(a, str, 1),
                            .n = 1,
                            .latency_us = o->latency_ms * 1000u };
    r.parts[0] = body;
    return r;
}

struct mock_script mock_whole(struct arena *a, const struct mock_options *o, unsigned status,
                              str type, str fields, str body)
{
    struct mock_reply r = plain(o, status, type, body, a);
    r.fields = fields;
    return mock_reply_script(&r, a);
}

static struct mock_script json(struct arena *a, const struct mock_options *o, unsigned status,
                               str body)
{
    return mock_whole(a, o, status, S("application/json"), S(""), body);
}

static struct mock_reply say_reply(const struct mock_say *s, const struct mock_ask *ask,
                                   const struct mock_options *o, struct arena *a)
{
    const struct mock_voice *voice = mock_voice_of(ask->api);
    if (!ask->stream)
        return plain(o, 200, S("application/json"), voice->whole(s, a), a);
    struct mock_frames f = { .a = a };
    double rate = o->chunk_rate;
    if (ask->order.rate.n)
        str_to_double(ask->order.rate, &rate);
    voice->stream(s, &f);
    struct mock_reply r = { .status = 200,
                            .type = voice->stream_type,
                            .parts = f.list,
                            .n = f.n,
                            .chunked = true,
                            .latency_us = o->latency_ms * 1000u,
                            .gap_us = rate > 0 ? (uint64_t)(1e6 / rate) : 0 };
    if (ask->api == MOCK_GEMINI && !ask->sse)
        r.type = S("application/json");
    return r;
}

/* `times=N`: only the first N requests with these orders are told so. */
static void forget_worn_out(struct mock *m, struct mock_ask *ask)
{
    struct mock_order *o = &ask->order;
    str key = o->times.n && memchr(ask->last_text.p ? ask->last_text.p : "", '=', ask->last_text.n)
                  ? ask->last_text
                  : ask->model;
    if (!o->times.n || mock_log_count(m->log, key) < count_or(o->times, 1, 1000000))
        return;
    o->fault = o->status = o->retry_after = S("");
}

static struct mock_script refuse(const struct mock_ask *ask, const struct mock_options *o,
                                 unsigned status, str message, struct arena *a)
{
    str fields = { 0 };
    if (ask->order.retry_after.n)
        fields = arena_fmt(a, "Retry-After: %.*s\r\n", STRF(ask->order.retry_after));
    return mock_whole(a, o, status, S("application/json"), fields,
                      mock_voice_of(ask->api)->error(status, message, a));
}

static struct mock_script answer_chat(struct mock *m, enum mock_api api,
                                      const struct mock_request *rq, struct arena *a)
{
    const struct mock_options *o = m->options;
    struct mock_ask ask = { .api = api };
    jval *body = NULL;
    uint64_t status = 0;
    str why = S("We could not parse the JSON body of your request.");
    if (FAILED(jd_read(&body, buf_str(&rq->body), a, NULL)) ||
        !mock_understand(&ask, api, rq->target, body, a, &why))
        return refuse(&ask, o, 400, why, a);
    forget_worn_out(m, &ask);
    if (ask.order.replay.n) {
        struct mock_script recorded = mock_replayed(m, ask.order.replay, a);
        return recorded.n
                   ? recorded
                   : refuse(&ask, o, 404,
                            arena_fmt(a, "no recording is called '%.*s'", STRF(ask.order.replay)),
                            a);
    }
    str status_word = ask.order.status.n ? ask.order.status : ask.order.fault;
    if (str_to_u64(status_word, &status) && status >= 300 && status <= 599)
        return refuse(
            &ask, o, (unsigned)status,
            ask.order.say.n ? ask.order.say : arena_fmt(a, "mock error %u", (unsigned)status), a);
    str strict = o->strict ? mock_strict(&ask, a) : S("");
    if (strict.n)
        return refuse(&ask, o, 400, strict, a);
    struct mock_say s = compose(&ask, o, a);
    if (str_eq(ask.order.fault, S("big-frame"))) {
        s.text = mock_words(a, 300000);
        s.chunks = 1;
        ask.order.fault = S("");
    }
    struct mock_reply r = say_reply(&s, &ask, o, a);
    if (!ask.order.fault.n) {
        r.latency_us = mock_ms(ask.order.ms, r.latency_us / 1000);
        return mock_reply_script(&r, a);
    }
    struct mock_frames broken = { .a = a };
    mock_voice_of(api)->stream_error(S("mock error in mid-stream"), &broken);
    return mock_faulty(&r, &ask.order, &broken, rq->authorization, a);
}

/* ---- plain chats, made once -------------------------------------------------------------------
 */

static struct mock_script merged(struct mock_script s, struct arena *a)
{
    struct buf b;
    for (size_t i = 1; i < s.n; i++)
        if (s.steps[i].pause_us)
            return s;
    buf_init(&b, SIZE_MAX / 4);
    for (size_t i = 0; i < s.n; i++)
        buf_add(&b, s.steps[i].bytes);
    s.steps[0].bytes = arena_dup(a, buf_str(&b));
    s.n = 1;
    buf_done(&b);
    return s;
}

static void make_plain(struct mock *m)
{
    struct arena *a = &m->arena;
    for (int api = 0; api < MOCK_API_COUNT; api++)
        for (int kind = 0; kind < MOCK_KIND_COUNT; kind++) {
            struct mock_ask ask = { .api = (enum mock_api)api,
                                    .stream = kind != MOCK_KIND_WHOLE,
                                    .show_usage = kind == MOCK_KIND_STREAM_USAGE,
                                    .sse = kind == MOCK_KIND_STREAM_USAGE };
            struct mock_say s = compose(&ask, m->options, a);
            struct mock_reply r = say_reply(&s, &ask, m->options, a);
            m->plain[api][kind] = merged(mock_reply_script(&r, a), a);
        }
}

/* A request that orders nothing: answered without a look at its messages. */
static const struct mock_script *plain_answer(const struct mock *m, enum mock_api api,
                                              const struct mock_request *rq)
{
    enum { STREAM, OPTIONS, TOOLS, FORMAT, CONFIG, FIRST_NEEDED };
    static const str needed[] = { S("messages"), S("input"), S("contents"), S("prompt") };
    struct json_member w[] = { { .name = S("stream") },
                               { .name = S("stream_options") },
                               { .name = S("tools") },
                               { .name = S("response_format") },
                               { .name = S("generationConfig") },
                               { .name = S("messages") },
                               { .name = S("input") },
                               { .name = S("contents") },
                               { .name = S("prompt") },
                               { .name = S("text") },
                               { .name = S("format") },
                               { .name = S("output_format") },
                               { .name = S("output_config") } };
    enum json_kind top;
    str body = buf_str(&rq->body);
    if (m->options->strict || !body.n || memchr(body.p, '=', body.n) ||
        FAILED(json_scan(body, w, COUNT_OF(w), &top, NULL)) || w[TOOLS].kind || w[FORMAT].kind ||
        str_contains(w[CONFIG].value, S("\"response"))) /* Gemini's formats; limits are plain */
        return NULL;
    bool found = false;
    for (size_t i = 0; i < COUNT_OF(needed); i++)
        found = found || w[FIRST_NEEDED + i].kind;
    for (size_t i = FIRST_NEEDED + COUNT_OF(needed); i < COUNT_OF(w); i++)
        found = found && w[i].kind == JSON_NONE;
    if (!found)
        return NULL;
    bool ollama = api == MOCK_OLLAMA || api == MOCK_GENERATE;
    bool stream = w[STREAM].kind == JSON_TRUE || (ollama && w[STREAM].kind != JSON_FALSE);
    bool usage = w[OPTIONS].kind && str_contains(w[OPTIONS].value, S("true"));
    if (api == MOCK_GEMINI) {
        stream = str_contains(rq->target, S(":streamGenerateContent"));
        usage = str_contains(rq->target, S("alt=sse"));
    }
    return &m->plain[api][!stream ? MOCK_KIND_WHOLE
                          : usage ? MOCK_KIND_STREAM_USAGE
                                  : MOCK_KIND_STREAM];
}

/* ---- routes --------------------------------------------------------------------------------- */

static const struct {
    str end; /* of the path */
    enum mock_api api;
} chats[] = {
    { S("/chat/completions"), MOCK_OPENAI },
    { S("/responses"), MOCK_RESPONSES },
    { S("/messages"), MOCK_ANTHROPIC },
    { S(":generateContent"), MOCK_GEMINI },
    { S(":streamGenerateContent"), MOCK_GEMINI },
    { S("/v2/chat"), MOCK_COHERE },
    { S("/v1/chat"), MOCK_COHERE },
    { S("/api/chat"), MOCK_OLLAMA },
    { S("/api/generate"), MOCK_GENERATE },
};

static struct mock_script admin(struct mock *m, const struct mock_request *rq, str path,
                                struct arena *a)
{
    static const struct mock_options at_once;
    if (str_eq(path, S("/mock/log")) && str_eq(rq->method, S("GET")))
        return json(a, &at_once, 200, mock_log_show(m->log, a));
    if (str_eq(path, S("/mock/log")) && str_eq(rq->method, S("DELETE"))) {
        mock_log_clear(m->log);
        return json(a, &at_once, 200, S("{}"));
    }
    if (str_eq(path, S("/mock/stats")))
        return json(a, &at_once, 200, mock_log_stats(m->log, a));
    return json(a, &at_once, 404,
                S("{\"error\":\"known: GET and DELETE /mock/log, GET /mock/stats\"}"));
}

struct mock_script mock_answer(struct mock *m, const struct mock_request *rq, struct arena *a)
{
    str path = str_take(rq->target, str_index(rq->target, '?'));
    if (str_starts(path, S("/mock/")))
        return admin(m, rq, path, a);
    if (m->recordings) {
        struct mock_script scripted = mock_scripted(m, rq, a);
        if (scripted.n)
            return scripted;
    }
    for (size_t i = 0; i < COUNT_OF(chats); i++) {
        if (!str_ends(path, chats[i].end) || !str_eq(rq->method, S("POST")))
            continue;
        const struct mock_script *made = plain_answer(m, chats[i].api, rq);
        return made ? *made : answer_chat(m, chats[i].api, rq, a);
    }
    return mock_canned(m, rq, path, a);
}

rc mock_init(struct mock *m, const struct mock_options *o, struct err *e)
{
    m->options = o;
    arena_init(&m->arena);
    m->log = mock_log_new();
    make_plain(m);
    if (o->tls_cert)
        TRY(tls_server_new(str_c(o->tls_cert), str_c(o->tls_key), &m->tls, e));
    return o->script || o->replay ? mock_recordings_load(m, e) : RC_OK;
}
