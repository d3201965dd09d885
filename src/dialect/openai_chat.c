/* The OpenAI chat dialect: its table, and where its requests go. */
#include "dialect/openai_chat_internal.h"

/* A base with a path of its own has the version in it (".../v1", ".../openai/v1"): only the last
 * part follows. */
static str chat_path(const struct chat_target *t, bool base_has_path, struct arena *a)
{
    return base_has_path ? S("/chat/completions") : S("/v1/chat/completions");
}

const struct dialect dialect_openai_chat = {
    .id = DIALECT_OPENAI_CHAT,
    .name = "openai",
    .label = "OpenAI",
    .framing = FRAMING_SSE,
    .stream_type = "text/event-stream; charset=utf-8",
    .read_chat = openai_read_chat,
    .write_chat = openai_write_chat,
    .needs_bytes = openai_needs_bytes,
    .chat_path = chat_path,
    .read_reply = openai_read_reply,
    .write_reply = openai_write_reply,
    .reader_bytes = OPENAI_READER_BYTES,
    .writer_bytes = OPENAI_WRITER_BYTES,
    .read_event = openai_read_event,
    .read_end = openai_read_end,
    .write_event = openai_write_event,
    .write_keepalive = openai_write_keepalive,
    .read_error = openai_read_error,
    .write_error = openai_write_error,
    .write_stream_error = openai_write_stream_error,
    .relay_reply = openai_relay_reply,
    .relay_event = openai_relay_event,
    .ask_stream_usage = true,
};
