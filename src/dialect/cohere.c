/* cohere.c - Cohere v2 chat as a dialect.
 */
#include "dialect/cohere_internal.h"

/* Bases with a path of their own end in the version ("https://api.cohere.com/v2"). */
static str chat_path(const struct chat_target *t, bool base_has_path, struct arena *a)
{
    return base_has_path ? S("/chat") : S("/v2/chat");
}

const struct dialect dialect_cohere = {
    .id = DIALECT_COHERE,
    .name = "cohere",
    .label = "Cohere",
    .framing = FRAMING_SSE,
    .stream_type = "text/event-stream",
    .read_chat = cohere_read_chat,
    .write_chat = cohere_write_chat,
    .chat_path = chat_path,
    .read_reply = cohere_read_reply,
    .write_reply = cohere_write_reply,
    .reader_bytes = sizeof(struct cohere_reader),
    .writer_bytes = sizeof(struct cohere_writer),
    .read_event = cohere_read_event,
    .read_end = cohere_read_end,
    .write_event = cohere_write_event,
    .write_keepalive = cohere_write_keepalive,
    .read_error = cohere_read_error,
    .write_error = cohere_write_error,
    .write_stream_error = cohere_write_stream_error,
    .relay_reply = cohere_relay_reply,
    .relay_event = cohere_relay_event,
};
