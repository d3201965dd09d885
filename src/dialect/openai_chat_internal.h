/* openai_chat_internal.h - what the files of the OpenAI chat dialect share.
 *
 * Wire format: POST /v1/chat/completions as OpenAI's API reference has it (autumn 2026) and as the
 * many compatible servers bend it. One reader takes all their bends; what a writer has to do
 * differently for a vendor is a bit in chat/quirks.h.
 */
#ifndef DIALECT_OPENAI_CHAT_INTERNAL_H
#define DIALECT_OPENAI_CHAT_INTERNAL_H

#include "dialect/dialect.h"
#include "dialect/openai_chat.h"
#include "json/write.h"

/* ---- errors (openai_chat_error.c) ----------------------------------------------------------- */

/* From an `error` member or a whole flat error object. status: the HTTP status, or 0 / 200 where
 * the error came under a success: the code or type inside then decides. Strings borrow from v. */
void openai_error_from(struct chat_error *ret, unsigned status, jval *v, struct arena *a);
/* v is an error under whatever status: has a truthy `error`, or is a flat error object. */
bool openai_is_error(jval *v);
void openai_read_error(struct chat_error *ret, unsigned status, str body, struct arena *a);
void openai_write_error(struct buf *out, const struct chat_error *err, struct arena *a);
/* The same, whose `code` is the vendor's where it has one of OpenAI's kind: clients of chat
 * completions get the status there, as LiteLLM has it. */
void openai_write_coded_error(struct buf *out, const struct chat_error *err, struct arena *a);
/* Members that chat completions and Responses both have, under one name; NULL ends them. */
extern const char *const openai_shared_members[];
/* A word as OpenAI's types and codes are: small letters and underscores. */
bool openai_is_word(str word);
void openai_write_stream_error(struct buf *out, const struct chat_error *err);

/* ---- answers (openai_chat_reply.c) ---------------------------------------------------------- */

/* Counters of a `usage` object; nothing is set (seen stays) if v is none. */
void openai_usage_from(struct chat_usage *ret, jval *v);
/* Of a whole reply or chunk: usage, else x_groq.usage, else choices[0].usage. */
void openai_usage_of(struct chat_usage *ret, jval *body);
/* The native word; FINISH_NONE for an empty one, FINISH_STOP for an unknown one. */
enum chat_finish openai_finish_of(str word);
/* OpenAI's word. */
str openai_finish_word(enum chat_finish finish);

rc openai_read_reply(struct chat_reply *ret, str body, struct chat_error *error, struct arena *a,
                     struct err *e);
void openai_write_reply(struct buf *out, const struct chat_reply *r, const struct dialect_ctx *c);

/* annotations as OpenAI chat has them, from `notes` of whatever shape; false (and nothing written)
 * if they are of another vendor's shape. The key is not written. */
bool openai_write_annotations(struct jw *w, str notes, enum dialect_id origin, struct arena *a);
/* The addresses that another vendor's citations name, as annotations; false (and nothing written)
 * if they name none. */
bool openai_write_sources(struct jw *w, str notes, struct arena *a);

/* ---- requests ------------------------------------------------------------------------------- */

rc openai_read_chat(struct chat_req *ret, jval *body, const struct dialect_path *path,
                    struct arena *a, struct err *e);
bool openai_needs_bytes(const struct chat_part *p);
rc openai_write_chat(struct buf *out, const struct chat_req *r, const struct chat_target *t,
                     struct chat_loss *loss, struct arena *a, struct err *e);

/* ---- streams -------------------------------------------------------------------------------- */

/* The choices of a whole reply as events: the same reader, fed with `message` for `delta`. */
void openai_emit_choices(jval *body, struct chat_sink *sink, struct arena *a);

enum { OPENAI_READER_BYTES = 192, OPENAI_WRITER_BYTES = 64 };
rc openai_read_event(void *state, const struct sse_event *ev, struct chat_sink *sink,
                     struct arena *a, struct err *e);
bool openai_read_end(void *state, struct chat_sink *sink);
void openai_write_event(void *state, struct buf *out, const struct chat_event *ev,
                        const struct dialect_ctx *c);
void openai_write_keepalive(void *state, struct buf *out, const struct dialect_ctx *c);

/* ---- relay ---------------------------------------------------------------------------------- */

rc openai_relay_reply(struct dialect_relay *rl, struct buf *out, str body, struct err *e);
rc openai_relay_event(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                      struct err *e);

#endif
