/* stream.h - keeps the order of chat events, whatever a vendor sends.
 *
 * Sits between a dialect's reader and another dialect's writer:
 *   - START exactly once and first (made up if the vendor has none);
 *   - one call at a time per choice: the current call's arguments pass through live; pieces of
 * other calls (OpenAI may interleave them by index) wait in a buffer until the current call ends -
 *     which is on CALL_END, on FINISH, or when another call starts and the current arguments are
 *     a complete JSON value;
 *   - a call always gets its CALL_END; FINISH exactly once per choice; with calls seen and
 * FINISH_STOP said, the finish becomes FINISH_TOOL_CALLS; USAGE is kept (last one wins, counters
 * merged by maximum where a vendor reports cumulatively) and sent once, before DONE;
 *   - after ERROR or DONE nothing more. An ERROR that comes before anything else goes out without a
 *     START: the server can then still answer with a status of its own;
 *   - FINISH_ERROR becomes ERROR; empty pieces of text and arguments are left out.
 *
 * Other events of a choice whose call is open wait as the pieces of other calls do, so that nothing
 * comes between the pieces of one call. Choices do not wait for each other's text.
 *
 * Memory: one small struct; buffers only while calls interleave (CHAT_PENDING_BYTES_MAX, then
 * ERROR).
 */
#ifndef CHAT_STREAM_H
#define CHAT_STREAM_H

#include "base/buf.h"
#include "chat/chat.h"

struct chat_pending; /* an event that waits for its turn */

enum { CHAT_PENDING_BYTES_MAX = 16 * 1024 * 1024, CHAT_GATHER_BYTES_MAX = 64 * 1024 * 1024 };

/* The call whose pieces pass, and the place in its arguments. */
struct chat_open_call {
    uint32_t choice, call;
    uint32_t depth; /* nesting of the arguments */
    bool custom, in_string, escaped, complete;
};

struct chat_stream {
    struct chat_sink in;   /* the reader emits into this */
    struct chat_sink *out; /* the writer's end */
    struct chat_pending *pending, *pending_last;
    struct chat_usage usage;
    /* The upstream ends without usage: may fill it. NULL: nobody counts. */
    void (*left_out)(struct chat_stream *s);
    uint64_t seen;     /* bit per choice (64 at most; choices beyond are dropped): something came */
    uint64_t called;   /* ... it has calls */
    uint64_t finished; /* ... its FINISH is out */
    size_t pending_bytes;
    uint32_t ncalls; /* calls seen in all choices */
    struct chat_open_call open;
    bool call_open;
    bool started, any_text;
    bool over, broken; /* over: DONE or ERROR is out; broken: it was ERROR */
};

void chat_stream_init(struct chat_stream *s, struct chat_sink *out);
/* Frees what still waits. Always to be called, also after DONE. */
void chat_stream_done(struct chat_stream *s);
/* The upstream's stream has ended and its dialect said `complete` (its own end mark or a finish
 * was seen): sends what is missing (CALL_END, USAGE, DONE). If not complete: ERROR "the upstream
 * broke off" with what. */
void chat_stream_end(struct chat_stream *s, bool complete, str what);

/* A reply as a stream of events, and a stream of events gathered into a reply: for clients and
 * upstreams that differ in streaming. */
void chat_reply_emit(const struct chat_reply *r, struct chat_sink *sink);

/* Everything gathered lives in the arena (CHAT_GATHER_BYTES_MAX, then `error`). Feed it through a
 * chat_stream: it relies on the order kept there. */
struct chat_gather {
    struct chat_sink sink;
    struct arena *arena;
    struct chat_reply reply;
    struct chat_error *error; /* set if the stream ended in one */
    struct chat_gather_choice *choices;
    size_t bytes;
    bool done;
};

void chat_gather_init(struct chat_gather *g, struct arena *arena);
/* After DONE: the reply, complete (its first choice exists, even if nothing came). */
const struct chat_reply *chat_gather_reply(struct chat_gather *g);

#endif
