/* stream.h - keeps the order of chat events, whatever a vendor sends.
 *
 * Sits between a dialect's reader and another dialect's writer:
 *   - START exactly once and first (made up if the vendor has none);
 *   - one call at a time per choice: the current call's arguments pass through live; pieces of other
 *     calls (OpenAI may interleave them by index) wait in a buffer until the current call ends -
 *     which is on CALL_END, on FINISH, or when another call starts and the current arguments are
 *     a complete JSON value;
 *   - a call always gets its CALL_END; FINISH exactly once per choice; with calls seen and FINISH_STOP
 *     said, the finish becomes FINISH_TOOL_CALLS; USAGE is kept (last one wins, counters merged by
 *     maximum where a vendor reports cumulatively) and sent once, before DONE;
 *   - after ERROR or DONE nothing more.
 *
 * Memory: one small struct; buffers only while calls interleave.
 */
#ifndef CHAT_STREAM_H
#define CHAT_STREAM_H

#include "base/buf.h"
#include "chat/chat.h"

struct chat_pending; /* a call that waits for its turn */

struct chat_stream {
    struct chat_sink in;   /* the reader emits into this */
    struct chat_sink *out; /* the writer's end */
    struct arena *arena;   /* for pending calls only */
    struct chat_pending *pending;
    struct chat_usage usage;
    uint64_t finished; /* bit per choice (64 at most; choices beyond are dropped) */
    uint32_t ncalls;   /* calls seen in all choices */
    uint32_t open_choice, open_call;
    uint32_t depth;    /* nesting of the current call's arguments */
    bool started, call_open, in_string, escaped, args_begun, args_complete;
    bool had_calls, over, broken; /* broken: ended by ERROR */
    bool any_text;
};

void chat_stream_init(struct chat_stream *s, struct chat_sink *out, struct arena *arena);
void chat_stream_done(struct chat_stream *s);
/* The upstream's stream has ended and its dialect said `complete` (its own end mark or a finish
 * was seen): sends what is missing (CALL_END, USAGE, DONE). If not complete: ERROR "the upstream
 * broke off" with what. */
void chat_stream_end(struct chat_stream *s, bool complete, str what);

/* A reply as a stream of events, and a stream of events gathered into a reply: for clients and
 * upstreams that differ in streaming. */
void chat_reply_emit(const struct chat_reply *r, struct chat_sink *sink);

struct chat_gather {
    struct chat_sink sink;
    struct arena *arena;
    struct chat_reply reply;
    struct chat_error *error; /* set if the stream ended in one */
    struct chat_gather_part *open;
    bool done;
};

void chat_gather_init(struct chat_gather *g, struct arena *arena);
/* After DONE: the reply, complete. */
const struct chat_reply *chat_gather_reply(struct chat_gather *g);

#endif
