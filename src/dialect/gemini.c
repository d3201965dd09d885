/* Gemini (generateContent), v1beta: the dialect's table, its paths, and the relay. */
#include "dialect/gemini.h"
#include "dialect/gemini_internal.h"
#include "http/url.h"
#include "json/splice.h"

/* ---- paths ---------------------------------------------------------------------------------- */

/* The name is one segment, but for the collection in front of it. */
static void add_model(struct buf *out, str model)
{
    static const str collections[] = { { "models/", 7 }, { "tunedModels/", 12 } };
    str collection = collections[0];
    for (size_t i = 0; i < COUNT_OF(collections); i++)
        if (str_starts(model, collections[i])) {
            collection = collections[i];
            model = str_skip(model, collection.n);
        }
    buf_add(out, collection);
    url_add_encoded(out, model);
}

str gemini_path(str model, str method, bool base_has_path, struct arena *a)
{
    struct buf path;
    buf_init(&path, 64 << 10);
    buf_add(&path, base_has_path ? S("/") : S("/v1beta/"));
    add_model(&path, model);
    buf_add(&path, method);
    str copy = arena_dup(a, buf_str(&path));
    buf_done(&path);
    return copy;
}

static str chat_path(const struct chat_target *t, bool base_has_path, struct arena *a)
{
    return gemini_path(t->model,
                       t->stream ? S(":streamGenerateContent?alt=sse") : S(":generateContent"),
                       base_has_path, a);
}

static void read_path(str rest, str *ret_model, bool *ret_stream, struct arena *a)
{
    str plain;
    if (!url_decode(rest, a, &plain))
        plain = rest;
    if (str_starts(plain, S("models/")))
        plain = str_skip(plain, 7);
    size_t colon = str_rindex(plain, ':'); /* model names may hold colons */
    *ret_model = str_take(plain, colon);
    *ret_stream = str_eq(str_skip(plain, colon + 1), S("streamGenerateContent"));
}

/* ---- relay ---------------------------------------------------------------------------------- */

enum { M_CANDIDATES, M_USAGE, M_MODEL, M_FEEDBACK, M_ERROR, M_COUNT };

static int64_t number(const struct json_member *m)
{
    uint64_t v;
    str s = m->value;
    if (m->kind == JSON_STRING)
        s = (str){ s.p + 1, s.n - 2 };
    return str_to_u64(s, &v) && v <= INT64_MAX ? (int64_t)v : -1;
}

static int64_t plus(int64_t a, int64_t b)
{
    int64_t sum;
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return __builtin_add_overflow(a, b, &sum) ? -1 : sum;
}

/* Other modalities than text are told in lists. */
static void relay_modalities(struct dialect_relay *rl, str usage)
{
    struct arena a;
    struct chat_usage u;
    jval *v;
    arena_init(&a);
    if (!FAILED(jd_read(&v, usage, &a, NULL)) && gemini_read_usage(&u, v))
        rl->usage = u;
    arena_done(&a);
}

/* The counters alone, without a tree: nearly every frame has them. */
static void relay_usage(struct dialect_relay *rl, str usage)
{
    if (str_contains(usage, S("\"AUDIO\"")) || str_contains(usage, S("\"IMAGE\""))) {
        relay_modalities(rl, usage);
        return;
    }
    struct json_member m[] = {
        { .name = S("promptTokenCount") },     { .name = S("toolUsePromptTokenCount") },
        { .name = S("candidatesTokenCount") }, { .name = S("thoughtsTokenCount") },
        { .name = S("totalTokenCount") },      { .name = S("cachedContentTokenCount") }
    };
    enum json_kind top;
    struct chat_usage u = CHAT_USAGE_NONE;
    if (FAILED(json_scan(usage, m, COUNT_OF(m), &top, NULL)))
        return;
    u.prompt = plus(number(&m[0]), number(&m[1]));
    u.reasoning = number(&m[3]);
    u.completion = plus(number(&m[2]), u.reasoning);
    u.total = number(&m[4]);
    if (u.total < 0)
        u.total = plus(u.prompt, u.completion);
    u.cache_read = number(&m[5]);
    u.seen = u.prompt >= 0 || u.completion >= 0 || u.total >= 0;
    if (u.seen)
        rl->usage = u;
}

static void relay_failed(struct dialect_relay *rl, str text)
{
    jval *v;
    rl->failed = !FAILED(jd_read(&v, text, rl->arena, NULL)) &&
                 gemini_find_error(&rl->error, 0, v, rl->arena);
}

/* Learns from one object; *ret_edit is the model's restamping, if there is something to restamp. */
static bool relay_object(struct dialect_relay *rl, str text, struct json_member m[M_COUNT])
{
    /* Quotes inside strings are escaped, so these can only be keys. */
    if (str_contains(m[M_CANDIDATES].value, S("\"finishReason\"")))
        rl->finished = true;
    if (str_contains(m[M_CANDIDATES].value, S("\"parts\"")))
        rl->first_content = true;
    if (m[M_FEEDBACK].kind == JSON_OBJECT &&
        str_contains(m[M_FEEDBACK].value, S("\"blockReason\"")))
        rl->finished = true;
    if (m[M_USAGE].kind == JSON_OBJECT)
        relay_usage(rl, m[M_USAGE].value);
    if (m[M_ERROR].kind == JSON_OBJECT)
        relay_failed(rl, text);
    return rl->model.n && m[M_MODEL].kind == JSON_STRING;
}

static void add_restamped(struct dialect_relay *rl, struct buf *out, str text,
                          const struct json_member *model)
{
    struct buf name;
    buf_init(&name, 64 << 10);
    json_quote(&name, rl->model);
    struct json_edit edit = json_edit_value(text, model, buf_str(&name));
    json_splice(out, text, &edit, 1);
    buf_done(&name);
}

static rc scan(str text, struct json_member m[M_COUNT], enum json_kind *ret_top, struct err *e)
{
    static const str wanted[M_COUNT] = { [M_CANDIDATES] = { "candidates", 10 },
                                         [M_USAGE] = { "usageMetadata", 13 },
                                         [M_MODEL] = { "modelVersion", 12 },
                                         [M_FEEDBACK] = { "promptFeedback", 14 },
                                         [M_ERROR] = { "error", 5 } };
    for (size_t i = 0; i < M_COUNT; i++)
        m[i] = (struct json_member){ .name = wanted[i] };
    if (FAILED(json_scan(text, m, M_COUNT, ret_top, e)))
        return fail(e, E_UPSTREAM, "gemini", 0, "the answer is not JSON");
    return RC_OK;
}

static rc relay_event(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                      struct err *e)
{
    struct json_member m[M_COUNT];
    enum json_kind top;
    TRY(scan(ev->data, m, &top, e));
    bool restamp = relay_object(rl, ev->data, m);
    if (!restamp && ev->raw.p) {
        buf_add(out, ev->raw);
        return RC_OK;
    }
    buf_add(out, S("data: "));
    if (restamp)
        add_restamped(rl, out, ev->data, &m[M_MODEL]);
    else
        buf_add(out, ev->data);
    buf_add(out, S("\r\n\r\n"));
    return RC_OK;
}

/* An array of frames, which only a request without alt=sse brings: it stays as it is. */
static void relay_array(struct dialect_relay *rl, str body)
{
    jval *v;
    if (FAILED(jd_read(&v, body, rl->arena, NULL)))
        return;
    rl->failed = gemini_find_error(&rl->error, 0, v, rl->arena);
    JD_EACH (m, v) {
        struct chat_usage u;
        if (gemini_read_usage(&u, jd_get(m.value, S("usageMetadata"))))
            rl->usage = u;
        JD_EACH (c, jd_get(m.value, S("candidates")))
            rl->finished = rl->finished || jd_given(jd_get(c.value, S("finishReason")));
    }
}

static rc relay_reply(struct dialect_relay *rl, struct buf *out, str body, struct err *e)
{
    struct json_member m[M_COUNT];
    enum json_kind top;
    TRY(scan(body, m, &top, e));
    if (top == JSON_ARRAY)
        relay_array(rl, body);
    else if (top != JSON_OBJECT)
        return fail(e, E_UPSTREAM, "gemini", 0, "the answer is not a JSON object");
    if (top == JSON_OBJECT && relay_object(rl, body, m))
        add_restamped(rl, out, body, &m[M_MODEL]);
    else
        buf_add(out, body);
    return RC_OK;
}

/* ---- tables --------------------------------------------------------------------------------- */

#define BOTH                                                                                    \
    .id = DIALECT_GEMINI, .name = "gemini", .label = "Gemini", .framing = FRAMING_SSE,          \
    .read_chat = gemini_read_chat, .write_chat = gemini_write_chat,                             \
    .needs_bytes = gemini_needs_bytes, .chat_path = chat_path, .read_reply = gemini_read_reply, \
    .write_reply = gemini_write_reply, .read_event = gemini_read_event,                         \
    .read_end = gemini_read_end, .write_keepalive = gemini_write_keepalive,                     \
    .read_error = gemini_read_error, .write_error = gemini_write_error,                         \
    .write_stream_error = gemini_write_stream_error, .relay_reply = relay_reply,                \
    .relay_event = relay_event, .read_path = read_path, .model_in_path = true

const struct dialect dialect_gemini = {
    BOTH,
    .stream_type = "text/event-stream",
    .reader_bytes = sizeof(struct gemini_stream_reader),
    .writer_bytes = sizeof(struct gemini_stream_writer),
    .write_event = gemini_write_event,
};

const struct dialect dialect_gemini_array = {
    BOTH,
    .stream_type = "application/json",
    .reader_bytes = sizeof(struct gemini_stream_reader),
    .writer_bytes = sizeof(struct gemini_stream_writer),
    .write_event = gemini_write_array_event,
};
