/* dialect.h - one wire format, both directions: read into the neutral conversation, write from it.
 *
 * An inbound dialect D_in and an outbound D_out work together as
 *
 *   client body  -> D_in.read_chat  -> chat_req   -> D_out.write_chat -> upstream body
 *   client bytes <- D_in.write_reply <- chat_reply <- D_out.read_reply <- upstream body
 *   client bytes <- D_in.write_event <- chat_event <- D_out.read_event <- upstream frames
 *
 * and where D_in == D_out the request is spliced and the answer relayed (relay_reply, relay_event):
 * unknown members survive, only the model name changes, usage is read in passing.
 *
 * To add a dialect: one file with one `const struct dialect`, one line in dialect.c's table, and
 * golden transcripts. Nothing here does I/O. State structs (reader, writer, relay) are zeroed
 * memory of the size given, live in the exchange's arena, and must stay small: a stream costs
 * bytes.
 */
#ifndef DIALECT_DIALECT_H
#define DIALECT_DIALECT_H

#include "base/buf.h"
#include "chat/chat.h"
#include "http/sse.h"
#include "json/doc.h"

enum framing { FRAMING_SSE, FRAMING_NDJSON };

/* What surrounds one request, for writers of answers. */
struct dialect_ctx {
    str model;            /* shown as `model`: the name the client asked for */
    str id;               /* made-up id for vendors that give none; unique per exchange */
    int64_t created;      /* seconds */
    uint64_t started_ns;  /* clock_mono_ns() when the request came; 0: not known. Ollama's answers
                           * say how long they took */
    bool include_usage;   /* the client asked for usage in the stream */
    bool merge_reasoning; /* merge_reasoning_content_in_choices: thoughts as <think> in content */
    const struct chat_req *req; /* what was asked; NULL in a relay */
    struct arena *arena;        /* the exchange's; not for things per event */
};

/* A request's path as far as it matters to the dialect (Gemini has model and method there). */
struct dialect_path {
    str model;   /* decoded; empty if the path has none */
    bool stream; /* the path asks for a stream */
};

/* Same-dialect answers: what is learnt in passing. */
struct dialect_relay {
    str model;       /* to show instead of the upstream's */
    bool show_usage; /* false: the client did not ask for usage: strip it (OpenAI chat) */
    struct chat_usage usage;
    /* OpenAI chat: the answer is over and has no usage yet: fills it with what was counted. NULL:
     * nobody counts. */
    void (*left_out)(struct dialect_relay *rl, struct chat_usage *ret);
    void *owner;   /* left_out's */
    bool finished; /* the vendor's own end was seen: a stream that stops after it is complete */
    bool failed;   /* an error event passed by (error is filled as far as possible) */
    bool first_content; /* some content has passed: time to first token */
    struct chat_error error;
    struct arena *arena;
    uint32_t flags;       /* the dialect's own */
    uint32_t next, added; /* Responses: the next event's number; how many events are our own */
    str id;               /* Responses: the response's, in the arena */
    str held;             /* the dialect's own: a frame that waits for its turn; in the arena */
};

struct dialect {
    enum dialect_id id;
    const char *name;  /* "openai", "anthropic": in logs and metrics */
    const char *label; /* "OpenAI": in error texts, LiteLLM's <Vendor>Exception */
    enum framing framing;
    const char *stream_type; /* Content-Type of streams: "text/event-stream" */

    /* -- request -- */
    /* body: a parsed JSON object. E_SYNTAX: e->where names the field, e->text says what is wrong
     * with it and what is expected; answered as 400. Unknown members, parts and tools never fail.
     */
    rc (*read_chat)(struct chat_req *ret, jval *body, const struct dialect_path *path,
                    struct arena *a, struct err *e);
    /* Appends the body. E_UNSUPPORTED: e->where names the field (see chat_drop). */
    rc (*write_chat)(struct buf *out, const struct chat_req *r, const struct chat_target *t,
                     struct chat_loss *loss, struct arena *a, struct err *e);
    /* Whether write_chat refuses the URL of this media part, which has no data: the bytes are then
     * fetched first. NULL: URLs go on as they are, or are refused. */
    bool (*needs_bytes)(const struct chat_part *p);
    /* The path below the deployment's base for this request ("/v1/chat/completions",
     * "/v1beta/models/M:streamGenerateContent?alt=sse"); base_has_path: the configured base has a
     * path of its own, so only the last part is appended (see provider rows). */
    str (*chat_path)(const struct chat_target *t, bool base_has_path, struct arena *a);
    /* Request fields beside auth ("anthropic-version: ...\r\n"); may be NULL. r is NULL where the
     * request is spliced. */
    void (*write_fields)(struct buf *out, const struct chat_req *r, const struct chat_target *t);

    /* -- whole answers -- */
    /* E_UPSTREAM: not what this vendor answers (HTML, truncated, an error under 200: then *error is
     * filled too and E_UPSTREAM returned). body is not modified. */
    rc (*read_reply)(struct chat_reply *ret, str body, struct chat_error *error, struct arena *a,
                     struct err *e);
    void (*write_reply)(struct buf *out, const struct chat_reply *r, const struct dialect_ctx *c);

    /* -- streams -- */
    size_t reader_bytes, writer_bytes;
    /* One frame: SSE event, or an NDJSON line in ev->data. Emits into sink. Broken frames are
     * E_UPSTREAM (answered as a mid-stream error); frames without meaning are skipped. */
    rc (*read_event)(void *state, const struct sse_event *ev, struct chat_sink *sink,
                     struct arena *a, struct err *e);
    /* The stream's bytes ended. true: it was complete in this dialect's eyes. */
    bool (*read_end)(void *state, struct chat_sink *sink);
    /* Appends complete frames (possibly none) for one event. Long texts are split so that no line
     * passes 64 KiB where clients choke on it (clients.md R17). DONE writes the end mark; ERROR
     * writes the in-stream error and no end mark that looks like success. */
    void (*write_event)(void *state, struct buf *out, const struct chat_event *ev,
                        const struct dialect_ctx *c);
    /* A frame to send while the upstream is silent. state is NULL in a relay, and before there is
     * an answer. */
    void (*write_keepalive)(void *state, struct buf *out, const struct dialect_ctx *c);
    /* write_keepalive begins the stream of a writer that has not begun: where the answer is to be
     * translated, its writer is then made before it comes. */
    bool opens_in_silence;

    /* -- errors -- */
    /* An upstream's error body (any bytes) under that status. Always fills *ret. */
    void (*read_error)(struct chat_error *ret, unsigned status, str body, struct arena *a);
    /* An error body for a client of this dialect. */
    void (*write_error)(struct buf *out, const struct chat_error *err, struct arena *a);
    /* An error frame where there is no writer: before an answer, in a relayed stream. NULL:
     * relay_break does it. */
    void (*write_stream_error)(struct buf *out, const struct chat_error *err);

    /* -- same dialect on both sides -- */
    /* A whole answer: appends body with the model name replaced; fills relay->usage. E_UPSTREAM if
     * it is not JSON of this dialect; an error under status 200 sets relay->failed and error. */
    rc (*relay_reply)(struct dialect_relay *rl, struct buf *out, str body, struct err *e);
    /* One frame: appends ev (ev->raw where unchanged) or a changed copy, or nothing (stripped). */
    rc (*relay_event)(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                      struct err *e);
    /* write_keepalive and write_stream_error between relayed frames, for a dialect whose events
     * are numbered. NULL: those. rl is NULL where there is no answer yet. */
    void (*relay_keepalive)(struct dialect_relay *rl, struct buf *out);
    void (*relay_break)(struct dialect_relay *rl, struct buf *out, const struct chat_error *err,
                        const struct dialect_ctx *c);
    /* A request's path below its endpoint's star (Gemini: "M:streamGenerateContent"): the model and
     * whether it asks for a stream. NULL: the path says nothing. */
    void (*read_path)(str rest, str *ret_model, bool *ret_stream, struct arena *a);
    /* A request without `stream` is one (Ollama). */
    bool streams_by_default;
    /* Writers of answers look at ctx->req: of a stream only as it begins. */
    bool needs_request;
    /* A stream's last event repeats the answer: the writer keeps it, and its length is limited. */
    bool repeats_answer;
    /* Members of the request that splicing sets: "model" is always; OpenAI chat streams also get
     * stream_options.include_usage. NULL: only the model (and not even that where the path has it).
     */
    bool model_in_path;
    bool ask_stream_usage;
};

extern const struct dialect dialect_openai_chat;
extern const struct dialect dialect_openai_responses;
extern const struct dialect dialect_anthropic;
extern const struct dialect dialect_gemini;
extern const struct dialect dialect_cohere;
extern const struct dialect dialect_ollama;
extern const struct dialect dialect_ollama_generate;
extern const struct dialect dialect_openai_text;

/* By id and by name; NULL if unknown. */
const struct dialect *dialect_get(enum dialect_id id);
const struct dialect *dialect_find(str name);

#endif
