/* mock.h - `sluice mock`: an upstream for tests and benchmarks; what its files share.
 *
 * A connection (mock_conn.c) gathers one request at a time and asks mock_answer (mock_answer.c) for
 * a script: a list of steps, each some bytes after some pause. It plays the script and then takes
 * the next request. Everything the mock does - latency, streams at a rate, faults - is a script;
 * plain replies are scripts made once at the start, so that benchmarks measure the client.
 */
#ifndef CLI_MOCK_H
#define CLI_MOCK_H

#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "http/http1.h"

struct mock_options {
    const char *host;
    uint16_t port;
    uint32_t latency_ms;  /* before the first byte of a reply */
    uint32_t reply_bytes; /* length of the answer's text */
    uint32_t chunks;      /* pieces that a streamed text is cut into */
    double chunk_rate;    /* pieces per second; 0: all at once */
    unsigned threads;
};

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
};

/* Replies made once, shared by all threads, read only. */
struct mock_cache {
    struct arena arena;
    struct mock_script chat, chat_stream, models, not_found;
};

struct mock_request {
    str method, target;
    struct buf body;
    bool keep_alive;
};

void mock_cache_init(struct mock_cache *c, const struct mock_options *o);
void mock_cache_done(struct mock_cache *c);

/* What to answer; lives in the cache, or in a until the reply has been played. */
struct mock_script mock_answer(const struct mock_cache *c, const struct mock_options *o,
                               const struct mock_request *rq, struct arena *a);

/* One listening thread; returns when the loop ends. */
struct mock_worker {
    uv_loop_t loop;
    uv_tcp_t listener;
    const struct mock_options *options;
    const struct mock_cache *cache;
    struct http_head head; /* of the request being parsed */
    char read_buf[64 * 1024];
};

/* fd: a bound, listening socket of this worker. */
void mock_worker_run(struct mock_worker *w, int fd);

#endif
