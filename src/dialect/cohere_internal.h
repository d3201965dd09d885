/* cohere_internal.h - Cohere's chat API (v2, https://docs.cohere.com/reference/chat): what its
 * files share.
 *
 * tool_plan, the text in front of calls, is a PART_TEXT with id COHERE_PLAN where a Cohere caller
 * or model said so (thinking, if the answer has thinking beside it); citations are `notes` of the
 * text; a tool result's documents are texts that keep their block in `raw`; the request's documents
 * are PART_FILEs in front of the last user turn.
 */
#ifndef DIALECT_COHERE_INTERNAL_H
#define DIALECT_COHERE_INTERNAL_H

#include "dialect/dialect.h"
#include "json/write.h"

#define COHERE_PLAN S("tool_plan")

/* cohere_read.c */
rc cohere_read_chat(struct chat_req *ret, jval *body, const struct dialect_path *path,
                    struct arena *a, struct err *e);

/* cohere_write.c */
rc cohere_write_chat(struct buf *out, const struct chat_req *r, const struct chat_target *t,
                     struct chat_loss *loss, struct arena *a, struct err *e);

/* cohere_reply.c */
rc cohere_read_reply(struct chat_reply *ret, str body, struct chat_error *error, struct arena *a,
                     struct err *e);
void cohere_write_reply(struct buf *out, const struct chat_reply *r, const struct dialect_ctx *c);
enum chat_finish cohere_finish_of(str word);
str cohere_finish_word(enum chat_finish finish);
/* usage of v2, meta of v1. */
void cohere_read_usage(struct chat_usage *ret, jval *usage);
void cohere_write_usage(struct jw *w, const struct chat_usage *u);
/* Their list of log probabilities in OpenAI's shape; empty if it is none. */
str cohere_logprobs(jval *list, struct arena *a);
/* The other way round: one object for each token, without ids (nobody else tells them). fn gets
 * each. */
void cohere_each_logprob(str openai, struct arena *a, void (*fn)(void *to, str json), void *to);
void cohere_read_error(struct chat_error *ret, unsigned status, str body, struct arena *a);
void cohere_write_error(struct buf *out, const struct chat_error *err, struct arena *a);

/* cohere_stream.c */
struct cohere_reader {
    uint32_t calls; /* started so far */
    uint32_t open;  /* ordinal of the current call */
    bool call_open, thinking, finished, any;
    bool v1; /* JSON lines of the old API */
};
struct cohere_writer {
    uint32_t index; /* of the open content block, or the next */
    uint32_t citations;
    uint8_t open; /* enum cohere_block */
    bool started;
    uint8_t finish; /* enum chat_finish */
    bool finished;
    struct chat_usage usage;
};
rc cohere_read_event(void *state, const struct sse_event *ev, struct chat_sink *sink,
                     struct arena *a, struct err *e);
bool cohere_read_end(void *state, struct chat_sink *sink);
void cohere_write_event(void *state, struct buf *out, const struct chat_event *ev,
                        const struct dialect_ctx *c);
void cohere_write_keepalive(void *state, struct buf *out, const struct dialect_ctx *c);
void cohere_write_stream_error(struct buf *out, const struct chat_error *err);
rc cohere_relay_reply(struct dialect_relay *rl, struct buf *out, str body, struct err *e);
rc cohere_relay_event(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                      struct err *e);

#endif
