/* openai_responses.c - OpenAI's Responses API (as of November 2026).
 *
 * openai_responses_read.c    a client's request     openai_responses_write.c   one to an upstream
 * openai_responses_reply.c   whole responses        _reader.c, _writer.c       streams
 * here: the same on both sides
 */
#include "dialect/openai_chat_internal.h"
#include "dialect/openai_responses_internal.h"
#include "dialect/relay.h"

static str chat_path(const struct chat_target *t, bool base_has_path, struct arena *a)
{
    (void)t;
    (void)a;
    return base_has_path ? S("/responses") : S("/v1/responses");
}

/* ---- relay ---------------------------------------------------------------------------------- */

static void learn_usage(struct dialect_relay *rl, str usage)
{
    struct arena scratch;
    jval *v = NULL;
    arena_init(&scratch);
    if (!FAILED(jd_read(&v, usage, &scratch, NULL)))
        responses_read_usage(&rl->usage, v);
    arena_done(&scratch);
}

static void learn_error(struct dialect_relay *rl, str body)
{
    jval *v = NULL;
    rl->failed = true;
    if (!FAILED(jd_read(&v, body, rl->arena, NULL)))
        responses_error_of(&rl->error, v, rl->arena);
}

enum { M_MODEL, M_USAGE, M_ERROR, M_STATUS, M_COUNT };
#define WANTED                                                                    \
    {                                                                             \
        [M_MODEL] = { .name = S("model") }, [M_USAGE] = { .name = S("usage") },   \
        [M_ERROR] = { .name = S("error") }, [M_STATUS] = { .name = S("status") }, \
    }

static rc relay_reply(struct dialect_relay *rl, struct buf *out, str body, struct err *e)
{
    struct json_member m[M_COUNT] = WANTED;
    enum json_kind top;
    if (FAILED(json_scan(body, m, M_COUNT, &top, NULL)) || top != JSON_OBJECT)
        return fail(e, E_UPSTREAM, "openai", 0, "the upstream's answer is not a JSON object");
    if (m[M_ERROR].kind == JSON_OBJECT) {
        learn_error(rl, body);
        return RC_OK;
    }
    relay_with_model(rl, out, body, &m[M_MODEL]);
    if (m[M_USAGE].kind == JSON_OBJECT)
        learn_usage(rl, m[M_USAGE].value);
    rl->finished = rl->first_content = true;
    return RC_OK;
}

/* The events that hold the whole response. */
static bool has_response(str type)
{
    static const char *const types[] = { "response.created",   "response.in_progress",
                                         "response.completed", "response.incomplete",
                                         "response.failed",    "response.queued",
                                         "response.cancelled" };
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (str_eq(type, str_c(types[i])))
            return true;
    return false;
}

static rc relay_response(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                         str type, struct err *e)
{
    struct json_member response = { .name = S("response") };
    struct json_member m[M_COUNT] = WANTED;
    if (FAILED(json_scan(ev->data, &response, 1, NULL, NULL)))
        return fail(e, E_UPSTREAM, "openai", 0, "the upstream sent a broken event");
    bool ok =
        response.kind == JSON_OBJECT && !FAILED(json_scan(response.value, m, M_COUNT, NULL, NULL));
    if (ok && m[M_USAGE].kind == JSON_OBJECT)
        learn_usage(rl, m[M_USAGE].value);
    if (str_eq(type, S("response.failed")) && !rl->failed)
        learn_error(rl, ev->data);
    rl->finished = rl->finished || str_eq(type, S("response.completed")) ||
                   str_eq(type, S("response.incomplete")) || str_eq(type, S("response.failed"));
    if (!ok || m[M_MODEL].kind != JSON_STRING || !rl->model.n ||
        str_index(ev->data, '\n') < ev->data.n) {
        relay_frame(out, ev);
        return RC_OK;
    }
    buf_add(out, S("event: "));
    buf_add(out, type);
    buf_add(out, S("\ndata: "));
    relay_with_model(rl, out, ev->data, &m[M_MODEL]);
    buf_add(out, S("\n\n"));
    return RC_OK;
}

/* The vendor's response.failed may be far behind its error, or missing: the stream ends here, with
 * one of our own. */
static void relay_error(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev)
{
    struct json_member m = { .name = S("sequence_number") };
    uint64_t number = 0;
    bool numbered = !FAILED(json_scan(ev->data, &m, 1, NULL, NULL)) && m.kind == JSON_NUMBER &&
                    str_to_u64(m.value, &number) && number < INT32_MAX;
    learn_error(rl, ev->data);
    relay_frame(out, ev);
    responses_write_failed(out, &rl->error, numbered ? (int64_t)number + 1 : -1);
}

static rc relay_event(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                      struct err *e)
{
    str type = relay_event_type(ev);
    if (rl->failed || str_eq(ev->data, S("[DONE]"))) /* others' habit: not part of this API */
        return RC_OK;
    if (has_response(type))
        return relay_response(rl, out, ev, type, e);
    if (str_eq(type, S("error"))) {
        relay_error(rl, out, ev);
        return RC_OK;
    }
    if (str_starts(type, S("response.")))
        rl->first_content = true;
    relay_frame(out, ev);
    return RC_OK;
}

const struct dialect dialect_openai_responses = {
    .id = DIALECT_OPENAI_RESPONSES,
    .name = "responses",
    .label = "OpenAI",
    .framing = FRAMING_SSE,
    .stream_type = "text/event-stream; charset=utf-8",
    .read_chat = responses_read_chat,
    .write_chat = responses_write_chat,
    .chat_path = chat_path,
    .read_reply = responses_read_reply,
    .write_reply = responses_write_reply,
    .reader_bytes = RESPONSES_READER_BYTES,
    .writer_bytes = RESPONSES_WRITER_BYTES,
    .read_event = responses_read_event,
    .read_end = responses_read_end,
    .write_event = responses_write_event,
    .write_keepalive = responses_write_keepalive,
    .read_error = openai_read_error,
    .write_error = openai_write_error,
    .write_stream_error = responses_write_stream_error,
    .relay_reply = relay_reply,
    .relay_event = relay_event,
    .needs_request = true,
};
