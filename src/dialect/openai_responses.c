/* openai_responses.c - OpenAI's Responses API (as of November 2026).
 *
 * openai_responses_read.c    a client's request     _write.c             one to an upstream
 * openai_responses_reply.c   whole responses        _object.c            their outermost object
 * openai_responses_reader.c, _writer.c   streams    _relay.c             the same on both sides
 */
#include "dialect/openai_chat_internal.h"
#include "dialect/openai_responses_internal.h"

static str chat_path(const struct chat_target *t, bool base_has_path, struct arena *a)
{
    (void)t;
    (void)a;
    return base_has_path ? S("/responses") : S("/v1/responses");
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
    .write_error = openai_write_coded_error,
    .relay_reply = responses_relay_reply,
    .relay_event = responses_relay_event,
    .relay_keepalive = responses_relay_keepalive,
    .relay_break = responses_relay_break,
    .opens_in_silence = true,
    .needs_request = true,
    .repeats_answer = true,
};
