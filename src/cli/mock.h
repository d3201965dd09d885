/* mock.h - `sluice mock`: an upstream for tests and benchmarks; what its files share.
 *
 * A connection (mock_conn.c) gathers one request at a time and asks mock_answer for a script: a
 * list of steps, each some bytes after some pause. It plays the script and then takes the next
 * request. Everything the mock does - latency, streams at a rate, faults, recorded answers - is a
 * script. Plain replies are scripts made once at the start, so that benchmarks measure the client.
 *
 * The replies are written by hand here, not by the dialects: a test double must not share its bugs
 * with what it tests. What a request can order is told in docs/mock.md.
 */
#ifndef CLI_MOCK_H
#define CLI_MOCK_H

#include "base/arena.h"
#include "base/buf.h"
#include "http/http1.h"
#include "json/doc.h"
#include "net/listener.h"
#include "net/tls.h"

struct mock_options {
    const char *host;
    uint16_t port;
    uint32_t latency_ms;  /* before the first byte of a reply */
    uint32_t reply_bytes; /* length of the answer's text */
    uint32_t chunks;      /* pieces that a streamed text is cut into */
    double chunk_rate;    /* pieces per second; 0: all at once */
    unsigned threads;
    bool strict; /* refuse what the vendors refuse */
    bool log;    /* keep the last requests for GET /mock/log */
    const char *script, *replay;
    const char *tls_cert, *tls_key;
};

/* ---- scripts -------------------------------------------------------------------------------- */

enum mock_action {
    MOCK_SEND,
    MOCK_CLOSE, /* after the bytes: FIN */
    MOCK_RESET, /* after the bytes: RST */
};

struct mock_step {
    uint64_t pause_us; /* before the bytes, counted from when the step before was due */
    str bytes;
    enum mock_action action;
};

struct mock_script {
    struct mock_step *steps;
    size_t n;
    unsigned status; /* for the log */
};

struct mock_request {
    str method, target;
    str head; /* JSON object of the fields */
    str authorization;
    bool anthropic; /* anthropic-version was sent */
    struct buf body;
    bool keep_alive;
};

/* ---- what was asked ------------------------------------------------------------------------- */

enum mock_api {
    MOCK_OPENAI,
    MOCK_RESPONSES,
    MOCK_ANTHROPIC,
    MOCK_GEMINI,
    MOCK_COHERE,
    MOCK_OLLAMA,
    MOCK_GENERATE, /* Ollama's */
    MOCK_API_COUNT,
};

/* Of plain replies. */
enum mock_kind {
    MOCK_KIND_WHOLE,
    MOCK_KIND_STREAM,
    MOCK_KIND_STREAM_USAGE, /* OpenAI with usage; Gemini with alt=sse */
    MOCK_KIND_COUNT,
};

enum mock_finish { MOCK_STOP, MOCK_LENGTH, MOCK_CALLS, MOCK_FILTER, MOCK_STOP_SEQUENCE };

enum { MOCK_CALLS_MAX = 16 };

/* An answer, before it takes a vendor's shape. */
struct mock_say {
    str model, text, thinking, signature;
    struct {
        str id, name, args;
    } calls[MOCK_CALLS_MAX];
    size_t ncalls;
    enum mock_finish finish;
    int prompt, completion, cached, reasoning;
    uint32_t chunks;
    bool show_usage; /* in an OpenAI stream */
    bool sse;        /* Gemini: asked for with alt=sse */
};

/* Words of the request that order something: `word=value` in the model's name or in the last user
 * text (think=1, noargs=1, refuse=1 too). Empty where not given. */
struct mock_order {
    str fault, retry_after, status, ms, say, call, args, calls, finish, chunks, rate, times, replay;
    bool think, noargs, refuse;
};

struct mock_ask {
    enum mock_api api;
    jval *body;
    str model, last_text, result; /* result: text of the tool results that the request ends with */
    bool stream, after_tool, wants_json, show_usage, sse;
    str tool;       /* to be called: tool_choice says so, or the order; else empty */
    str first_tool; /* the first that is offered */
    struct mock_order order;
};

/* False: the body is no request of that API (*why says what is wrong, for a 400). */
bool mock_understand(struct mock_ask *ret, enum mock_api api, str target, jval *body,
                     struct arena *a, str *why);
/* What the vendor would refuse; empty if nothing. */
str mock_strict(const struct mock_ask *ask, struct arena *a);

/* ---- answers in a vendor's shape ------------------------------------------------------------ */

/* Frames of a stream, in order. */
struct mock_frames {
    struct arena *a;
    str *list;
    size_t n, cap;
};
void mock_frame(struct mock_frames *f, str bytes);
/* "data: ...\n\n", with "event: E\n" before it if e is not empty. */
void mock_sse(struct mock_frames *f, str event, str json);

/* One vendor's way to say it. */
struct mock_voice {
    str stream_type;
    str (*whole)(const struct mock_say *s, struct arena *a);
    void (*stream)(const struct mock_say *s, struct mock_frames *f);
    str (*error)(unsigned status, str message, struct arena *a);
    /* A frame that says so in mid-stream. */
    void (*stream_error)(str message, struct mock_frames *f);
};
extern const struct mock_voice mock_openai, mock_responses, mock_anthropic, mock_gemini,
    mock_cohere, mock_ollama, mock_generate;
const struct mock_voice *mock_voice_of(enum mock_api api);

/* JSON written by example: fmt's ' stand for ". Strings come through mock_quote. */
str mock_json(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
str mock_quote(struct arena *a, str s);
/* Piece i of n of a text, cut between characters. */
str mock_piece(str text, uint32_t i, uint32_t n);

/* ---- the rest ------------------------------------------------------------------------------- */

struct mock_log;
struct mock_recordings;

/* Replies made once, shared by all threads, read only; and the log, locked. */
struct mock {
    const struct mock_options *options;
    struct arena arena;
    struct mock_script plain[MOCK_API_COUNT][MOCK_KIND_COUNT];
    struct mock_log *log;
    struct mock_recordings *recordings;
    struct tls_context *tls;
};

rc mock_init(struct mock *m, const struct mock_options *o, struct err *e);

/* What to answer; lives in m or in a until the reply has been played. */
struct mock_script mock_answer(struct mock *m, const struct mock_request *rq, struct arena *a);
struct mock_script mock_whole(struct arena *a, const struct mock_options *o, unsigned status,
                              str type, str fields, str body);
str mock_words(struct arena *a, size_t n);

/* mock_canned.c: everything but chats - lists, embeddings, counts. */
struct mock_script mock_canned(struct mock *m, const struct mock_request *rq, str path,
                               struct arena *a);

/* mock_log.c */
struct mock_log *mock_log_new(void);
/* Keeps the request (its body's buffer is swapped away); returns its number, from 1. */
uint64_t mock_log_add(struct mock_log *l, struct mock_request *rq, unsigned status);
/* The client left before the reply was out. */
void mock_log_aborted(struct mock_log *l, uint64_t number);
void mock_log_connection(struct mock_log *l, int change);
void mock_log_clear(struct mock_log *l);
str mock_log_show(struct mock_log *l, struct arena *a);
str mock_log_stats(struct mock_log *l, struct arena *a);
/* How often this was asked before. */
uint64_t mock_log_count(struct mock_log *l, str key);

/* mock_replay.c: scripts and recorded answers from files. */
rc mock_recordings_load(struct mock *m, struct err *e);
/* A script line that matches; n == 0: none. */
struct mock_script mock_scripted(struct mock *m, const struct mock_request *rq, struct arena *a);
/* The recorded answer of that name; n == 0: none. */
struct mock_script mock_replayed(struct mock *m, str name, struct arena *a);

/* mock_conn.c */
void mock_on_connection(struct listener *l);

#endif
