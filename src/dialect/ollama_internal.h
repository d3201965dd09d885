/* ollama_internal.h - Ollama's native API (/api/chat, and /api/generate as an inbound surface):
 * what its files share. Facts: Ollama's docs/api.md and the answers of a real server (0.17).
 */
#ifndef DIALECT_OLLAMA_INTERNAL_H
#define DIALECT_OLLAMA_INTERNAL_H

#include "base/clock.h"
#include "dialect/dialect.h"
#include "dialect/ollama.h"
#include "json/write.h"

/* ollama_read.c */
rc ollama_read_chat(struct chat_req *ret, jval *body, const struct dialect_path *path,
                    struct arena *a, struct err *e);
rc ollama_read_generate(struct chat_req *ret, jval *body, const struct dialect_path *path,
                        struct arena *a, struct err *e);

/* ollama_write.c */
bool ollama_needs_bytes(const struct chat_part *p);
rc ollama_write_chat(struct buf *out, const struct chat_req *r, const struct chat_target *t,
                     struct chat_loss *loss, struct arena *a, struct err *e);

/* ollama_reply.c */
rc ollama_read_reply(struct chat_reply *ret, str body, struct chat_error *error, struct arena *a,
                     struct err *e);
void ollama_write_reply(struct buf *out, const struct chat_reply *r, const struct dialect_ctx *c);
void ollama_write_generated(struct buf *out, const struct chat_reply *r,
                            const struct dialect_ctx *c);
enum chat_finish ollama_finish_of(str word);
void ollama_read_usage(struct chat_usage *ret, jval *line);
/* Seconds since 1970 of "2026-11-23T06:44:52.2Z" or "...+02:00"; 0 if it is none. */
int64_t ollama_time(str s);
/* model and created_at, first in every object. at: made at the first call, empty before; a stream's
 * lines all say the same. */
void ollama_write_head(struct jw *w, const struct dialect_ctx *c, char at[CLOCK_ISO_BYTES]);
/* done ... eval_duration, last in the last object. first_ns: when the answer began, 0 if unknown.
 */
void ollama_write_tail(struct jw *w, enum chat_finish finish, const struct chat_usage *u,
                       uint64_t first_ns, const struct dialect_ctx *c);
/* One call of `tool_calls`; arguments that are no JSON object are left out. */
void ollama_write_call(struct jw *w, const struct chat_call *call, uint32_t index, struct arena *a);
/* Key and list, from OpenAI's object; nothing if that has none. */
void ollama_write_logprobs(struct jw *w, str openai);
void ollama_read_error(struct chat_error *ret, unsigned status, str body, struct arena *a);
void ollama_write_error(struct buf *out, const struct chat_error *err, struct arena *a);

/* Takes "<think>...</think>" at the start of an answer apart, as it comes (servers before 0.9 and
 * models told not to think leave it there). */
struct ollama_tags {
    uint8_t state; /* enum in ollama_stream.c */
    uint8_t held;  /* bytes of a tag that has begun */
    bool trim;     /* line ends behind a tag are not text */
};
typedef void ollama_text_fn(void *to, bool thinking, str text);
void ollama_tags_push(struct ollama_tags *t, str text, ollama_text_fn *fn, void *to);
/* The text is over: gives out what is held. */
void ollama_tags_end(struct ollama_tags *t, ollama_text_fn *fn, void *to);

/* ollama_stream.c */
struct ollama_reader {
    struct ollama_tags tags;
    uint32_t calls;
    bool started, finished;
};
struct ollama_writer {
    char *args; /* of the call being gathered, in the exchange's arena */
    size_t args_n, args_cap;
    str id, name, signature;
    struct chat_usage usage;
    uint64_t first_ns;
    uint8_t finish; /* enum chat_finish */
    char at[CLOCK_ISO_BYTES];
};
rc ollama_read_event(void *state, const struct sse_event *ev, struct chat_sink *sink,
                     struct arena *a, struct err *e);
bool ollama_read_end(void *state, struct chat_sink *sink);
void ollama_write_event(void *state, struct buf *out, const struct chat_event *ev,
                        const struct dialect_ctx *c);
void ollama_write_generate_event(void *state, struct buf *out, const struct chat_event *ev,
                                 const struct dialect_ctx *c);
void ollama_write_keepalive(void *state, struct buf *out, const struct dialect_ctx *c);
void ollama_write_generate_keepalive(void *state, struct buf *out, const struct dialect_ctx *c);
void ollama_write_stream_error(struct buf *out, const struct chat_error *err);
rc ollama_relay_reply(struct dialect_relay *rl, struct buf *out, str body, struct err *e);
rc ollama_relay_event(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                      struct err *e);

#endif
