/* anthropic_internal.h - what the files of the Anthropic dialect share.
 */
#ifndef DIALECT_ANTHROPIC_INTERNAL_H
#define DIALECT_ANTHROPIC_INTERNAL_H

#include "dialect/dialect.h"
#include "json/write.h"

/* The tool by which a schema is forced on models without structured output (LiteLLM's name). A call
 * of it is the answer, not a call: readers turn its arguments into text. */
#define ANTHROPIC_JSON_TOOL S("json_tool_call")

rc anthropic_read_chat(struct chat_req *ret, jval *body, const struct dialect_path *path,
                       struct arena *a, struct err *e);
bool anthropic_needs_bytes(const struct chat_part *p);
rc anthropic_write_chat(struct buf *out, const struct chat_req *r, const struct chat_target *t,
                        struct chat_loss *loss, struct arena *a, struct err *e);
void anthropic_write_fields(struct buf *out, const struct chat_req *r, const struct chat_target *t);

/* A JSON schema as Anthropic takes it. tool: the input_schema of a tool: the root is an object
 * without alternatives; the rest stays as it is. Otherwise: output_config.format or a strict tool,
 * where every object is closed and only some keywords are known; what is not known moves into the
 * description. JSON text in the arena; empty if schema is no object. */
str anthropic_tool_schema(str schema, struct arena *a);
str anthropic_strict_schema(str schema, struct arena *a);

rc anthropic_read_reply(struct chat_reply *ret, str body, struct chat_error *error, struct arena *a,
                        struct err *e);
void anthropic_write_reply(struct buf *out, const struct chat_reply *r,
                           const struct dialect_ctx *c);
enum chat_finish anthropic_finish(str stop_reason);
str anthropic_stop_reason(enum chat_finish finish);
/* Puts the counts that usage has into *ret and leaves the others: the last one told wins. */
struct anthropic_counts {
    int64_t input, read, write, write_1h, output, thinking; /* -1: not told */
};
void anthropic_read_counts(struct anthropic_counts *ret, jval *usage);
struct chat_usage anthropic_usage(const struct anthropic_counts *n);
/* A usage object with every key. */
void anthropic_write_usage(struct jw *w, const struct chat_usage *u);
/* An id in Anthropic's alphabet; the same for the same id. */
str anthropic_tool_id(struct arena *a, str id);
/* "msg_..." made of the reply's id or the exchange's. */
void anthropic_message_id(struct buf *out, str reply_id, str exchange_id);
bool anthropic_is_object(str json);

void anthropic_read_error(struct chat_error *ret, unsigned status, str body, struct arena *a);
void anthropic_error_of(struct chat_error *ret, jval *body, struct arena *a);
void anthropic_write_error(struct buf *out, const struct chat_error *err, struct arena *a);
void anthropic_write_stream_error(struct buf *out, const struct chat_error *err);

/* Sizes of the stream states, asserted where they are defined. */
enum { ANTHROPIC_READER_BYTES = 112, ANTHROPIC_WRITER_BYTES = 128 };
rc anthropic_read_event(void *state, const struct sse_event *ev, struct chat_sink *sink,
                        struct arena *a, struct err *e);
bool anthropic_read_end(void *state, struct chat_sink *sink);
void anthropic_write_event(void *state, struct buf *out, const struct chat_event *ev,
                           const struct dialect_ctx *c);
void anthropic_write_keepalive(void *state, struct buf *out, const struct dialect_ctx *c);

rc anthropic_relay_reply(struct dialect_relay *rl, struct buf *out, str body, struct err *e);
rc anthropic_relay_event(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                         struct err *e);

#endif
