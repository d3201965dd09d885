/* openai_responses_internal.h - what the files of the OpenAI Responses dialect share.
 *
 * Wire format: POST /v1/responses as OpenAI's API reference and its SDKs' types have it (November
 * 2026). What a server keeps (previous_response_id, store, conversation) stands in the extras: that
 * is the server's business, not the dialect's.
 */
#ifndef DIALECT_OPENAI_RESPONSES_INTERNAL_H
#define DIALECT_OPENAI_RESPONSES_INTERNAL_H

#include "dialect/dialect.h"
#include "base/rope.h"
#include "json/write.h"

rc responses_read_chat(struct chat_req *ret, jval *body, const struct dialect_path *path,
                       struct arena *a, struct err *e);
rc responses_write_chat(struct buf *out, const struct chat_req *r, const struct chat_target *t,
                        struct chat_loss *loss, struct arena *a, struct err *e);

rc responses_read_reply(struct chat_reply *ret, str body, struct chat_error *error, struct arena *a,
                        struct err *e);
void responses_write_reply(struct buf *out, const struct chat_reply *r,
                           const struct dialect_ctx *c);

/* ---- shared by replies and streams ---------------------------------------------------------- */

/* Thinking that a vendor encrypts whole travels in encrypted_content with this before it. */
#define RESPONSES_REDACTED S("redacted.")

void responses_read_usage(struct chat_usage *ret, jval *usage);
void responses_write_usage(struct jw *w, const struct chat_usage *u);
/* The finish of a response object that has ended. */
enum chat_finish responses_finish(jval *response, str *ret_native);
/* An error from a response object, an error event or an error body. */
void responses_error_of(struct chat_error *ret, jval *v, struct arena *a);
/* Texts of a reasoning item, its summary before its content. */
str responses_reasoning_text(jval *item, struct arena *a);

/* "resp_..." of the exchange; other items' ids are made of it and their place. */
void responses_id(struct buf *out, str exchange_id);
void responses_item_id(struct buf *out, const char *prefix, str exchange_id, uint32_t index);

/* A response object. output, or items: their JSON text with commas, without brackets. */
struct responses_state {
    const char *status; /* "in_progress", "completed", "incomplete", "failed" */
    str id;             /* empty: made of the exchange's */
    str output;
    const struct rope *items;
    str echo;                       /* of responses_write_echo; empty: made of ctx->req */
    const struct chat_usage *usage; /* NULL: null */
    const struct chat_error *error;
    enum chat_finish finish;
};
/* What the request said, as it said it, else OpenAI's defaults: members of the object. */
void responses_write_echo(struct buf *out, const struct dialect_ctx *c);
void responses_write_object(struct buf *out, const struct responses_state *s,
                            const struct dialect_ctx *c);

/* A member as the client wrote it, where it speaks this dialect; NULL. */
const struct chat_extra *responses_member(const struct chat_req *r, str name);
/* The tool a call names, NULL if the request has none of that name (or is not at hand). */
const struct chat_tool *responses_tool(const struct chat_req *r, str name);
/* The tool stands in a namespace: its own name and the namespace's. */
bool responses_split_name(const struct chat_tool *t, str *ret_namespace, str *ret_name,
                          struct arena *a);
/* The free text of a custom tool that was called as a function with one string, `input`. */
str responses_unwrap_input(str args, struct arena *a);

/* Writes annotations (an array) in the Responses shape, comma between, no brackets; what is of a
 * shape without a counterpart is left out. at: the length of the text so far, in characters. */
void responses_write_notes(struct buf *out, str notes, enum dialect_id origin, int64_t at,
                           struct arena *a);
int64_t responses_chars(str utf8);

/* Items have members that no part says (status, phase, ids): they are kept in the extras of the
 * part that the item begins with, and put back by this dialect's writers. `said` as in
 * members_others; p's own extras come first. */
void responses_keep_item(struct chat_part *p, jval *item, const char *const *said, struct arena *a);
/* p is this dialect's and begins an item of its own. */
bool responses_begins_item(const struct chat_part *p);
/* out, from byte `from` on, is the item that p begins, or the part itself. */
void responses_put_item(struct buf *out, size_t from, const struct chat_part *p, struct arena *a);
void responses_put_part(struct buf *out, size_t from, const struct chat_part *p, struct arena *a);

/* ---- streams -------------------------------------------------------------------------------- */

/* Sizes of the stream states, asserted where they are defined. */
enum { RESPONSES_READER_BYTES = 128, RESPONSES_WRITER_BYTES = 256 };
rc responses_read_event(void *state, const struct sse_event *ev, struct chat_sink *sink,
                        struct arena *a, struct err *e);
bool responses_read_end(void *state, struct chat_sink *sink);
void responses_write_event(void *state, struct buf *out, const struct chat_event *ev,
                           const struct dialect_ctx *c);
void responses_write_keepalive(void *state, struct buf *out, const struct dialect_ctx *c);
/* An `error` event: nested, as OpenAI sends it, and flat, as its schema has it. */
void responses_write_error_event(struct buf *out, uint32_t number, const struct chat_error *err);

/* ---- the same on both sides ----------------------------------------------------------------- */

rc responses_relay_reply(struct dialect_relay *rl, struct buf *out, str body, struct err *e);
rc responses_relay_event(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                         struct err *e);
void responses_relay_keepalive(struct dialect_relay *rl, struct buf *out);
/* rl is NULL before there is an answer. */
void responses_relay_break(struct dialect_relay *rl, struct buf *out, const struct chat_error *err,
                           const struct dialect_ctx *c);

#endif
