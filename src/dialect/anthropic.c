/* anthropic.c - Anthropic's Messages API (version 2023-06-01, as of November 2026).
 *
 * anthropic_read.c      a client's request          anthropic_plan.c, _write.c, _messages.c,
 * anthropic_reply.c     whole messages              _schema.c   the request to an upstream
 * anthropic_stream.c    streams                     anthropic_model.c   what each Claude takes
 * anthropic_error.c     errors                      here: the same on both sides
 */
#include "dialect/anthropic_internal.h"
#include "dialect/relay.h"

static str chat_path(const struct chat_target *t, bool base_has_path, struct arena *a)
{
    (void)t;
    (void)base_has_path; /* a base with a path of its own still lacks the version */
    (void)a;
    return S("/v1/messages");
}

/* ---- relay ---------------------------------------------------------------------------------- */

/* usage, as far as it is told, over what is known already. */
static void learn_usage(struct dialect_relay *rl, str usage)
{
    struct arena scratch;
    jval *v = NULL;
    struct chat_usage *u = &rl->usage;
    struct anthropic_counts n = {
        -1, u->cache_read, u->cache_write, u->cache_write_1h, u->completion, u->reasoning
    };
    if (!u->seen)
        n = (struct anthropic_counts){ -1, -1, -1, -1, -1, -1 };
    else if (u->prompt >= 0)
        n.input = u->prompt - (n.read > 0 ? n.read : 0) - (n.write > 0 ? n.write : 0);
    arena_init(&scratch);
    if (!FAILED(jd_read(&v, usage, &scratch, NULL))) {
        anthropic_read_counts(&n, v);
        *u = anthropic_usage(&n);
    }
    arena_done(&scratch);
}

static void learn_error(struct dialect_relay *rl, str body)
{
    jval *v = NULL;
    rl->failed = true;
    rl->error = (struct chat_error){ .kind = ERR_SERVER, .retry_after_ms = -1 };
    if (!FAILED(jd_read(&v, body, rl->arena, NULL)))
        anthropic_error_of(&rl->error, v, rl->arena);
    chat_error_complete(&rl->error, rl->arena);
}

rc anthropic_relay_reply(struct dialect_relay *rl, struct buf *out, str body, struct err *e)
{
    struct json_member m[] = { { .name = S("model") },
                               { .name = S("usage") },
                               { .name = S("type") },
                               { .name = S("error") } };
    enum json_kind top;
    if (FAILED(json_scan(body, m, COUNT_OF(m), &top, NULL)) || top != JSON_OBJECT)
        return fail(e, E_UPSTREAM, "anthropic", 0, "the upstream's answer is not a JSON object");
    if (str_eq(m[2].value, S("\"error\"")) || m[3].kind == JSON_OBJECT) {
        learn_error(rl, body);
        return RC_OK;
    }
    relay_with_model(rl, out, body, &m[0]);
    if (m[1].kind == JSON_OBJECT)
        learn_usage(rl, m[1].value);
    rl->finished = rl->first_content = true;
    return RC_OK;
}

static rc relay_start(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                      struct err *e)
{
    struct json_member message = { .name = S("message") };
    struct json_member m[] = { { .name = S("model") }, { .name = S("usage") } };
    if (FAILED(json_scan(ev->data, &message, 1, NULL, NULL)))
        return fail(e, E_UPSTREAM, "anthropic", 0, "the upstream sent a broken event");
    if (message.kind != JSON_OBJECT || FAILED(json_scan(message.value, m, COUNT_OF(m), NULL, NULL)))
        message.kind = JSON_NONE;
    if (message.kind == JSON_OBJECT && m[1].kind == JSON_OBJECT)
        learn_usage(rl, m[1].value);
    if (message.kind != JSON_OBJECT || m[0].kind != JSON_STRING || !rl->model.n ||
        str_index(ev->data, '\n') < ev->data.n) {
        relay_frame(out, ev);
        return RC_OK;
    }
    buf_add(out, S("event: message_start\ndata: "));
    relay_with_model(rl, out, ev->data, &m[0]);
    buf_add(out, S("\n\n"));
    return RC_OK;
}

rc anthropic_relay_event(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                         struct err *e)
{
    str type = relay_event_type(ev);
    if (str_starts(type, S("content_block_"))) {
        rl->first_content = true;
    } else if (str_eq(type, S("message_start"))) {
        return relay_start(rl, out, ev, e);
    } else if (str_eq(type, S("message_delta"))) {
        struct json_member usage = { .name = S("usage") };
        if (!FAILED(json_scan(ev->data, &usage, 1, NULL, NULL)) && usage.kind == JSON_OBJECT)
            learn_usage(rl, usage.value);
    } else if (str_eq(type, S("message_stop"))) {
        rl->finished = true;
    } else if (str_eq(type, S("error"))) {
        learn_error(rl, ev->data);
    }
    relay_frame(out, ev);
    return RC_OK;
}

const struct dialect dialect_anthropic = {
    .id = DIALECT_ANTHROPIC,
    .name = "anthropic",
    .label = "Anthropic",
    .framing = FRAMING_SSE,
    .stream_type = "text/event-stream",
    .read_chat = anthropic_read_chat,
    .write_chat = anthropic_write_chat,
    .needs_bytes = anthropic_needs_bytes,
    .chat_path = chat_path,
    .write_fields = anthropic_write_fields,
    .read_reply = anthropic_read_reply,
    .write_reply = anthropic_write_reply,
    .reader_bytes = ANTHROPIC_READER_BYTES,
    .writer_bytes = ANTHROPIC_WRITER_BYTES,
    .read_event = anthropic_read_event,
    .read_end = anthropic_read_end,
    .write_event = anthropic_write_event,
    .write_keepalive = anthropic_write_keepalive,
    .read_error = anthropic_read_error,
    .write_error = anthropic_write_error,
    .write_stream_error = anthropic_write_stream_error,
    .relay_reply = anthropic_relay_reply,
    .relay_event = anthropic_relay_event,
};
