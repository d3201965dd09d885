/* ollama.c - Ollama's /api/chat as a dialect, and /api/generate as a way to call it.
 */
#include "dialect/ollama_internal.h"

/* Below a path of the base's own, too: those are prefixes of proxies ("http://host/ollama"). */
static str chat_path(const struct chat_target *t, bool base_has_path, struct arena *a)
{
    return S("/api/chat");
}

#define SHARED                                                                                  \
    .label = "Ollama", .framing = FRAMING_NDJSON, .stream_type = "application/x-ndjson",        \
    .write_chat = ollama_write_chat, .needs_bytes = ollama_needs_bytes, .chat_path = chat_path, \
    .read_reply = ollama_read_reply, .reader_bytes = sizeof(struct ollama_reader),              \
    .writer_bytes = sizeof(struct ollama_writer), .read_event = ollama_read_event,              \
    .read_end = ollama_read_end, .read_error = ollama_read_error,                               \
    .write_error = ollama_write_error, .write_stream_error = ollama_write_stream_error,         \
    .relay_reply = ollama_relay_reply, .relay_event = ollama_relay_event,                       \
    .streams_by_default = true

const struct dialect dialect_ollama = {
    .id = DIALECT_OLLAMA,
    .name = "ollama",
    .read_chat = ollama_read_chat,
    .write_reply = ollama_write_reply,
    .write_event = ollama_write_event,
    .write_keepalive = ollama_write_keepalive,
    SHARED,
};

/* Callers only: no deployment has this id, so it is always translated. */
const struct dialect dialect_ollama_generate = {
    .id = DIALECT_OLLAMA_GENERATE,
    .name = "ollama_generate",
    .read_chat = ollama_read_generate,
    .write_reply = ollama_write_generated,
    .write_event = ollama_write_generate_event,
    .write_keepalive = ollama_write_generate_keepalive,
    SHARED,
};
