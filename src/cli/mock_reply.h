/* mock_reply.h - a reply before it becomes a script: parts of a body, and what is to go wrong.
 */
#ifndef CLI_MOCK_REPLY_H
#define CLI_MOCK_REPLY_H

#include "cli/mock.h"

struct mock_reply {
    unsigned status;
    str type;
    str fields; /* further head lines, each with its CR LF */
    str *parts; /* of the body; frames of a stream */
    size_t n;
    bool chunked;
    uint64_t latency_us, gap_us;
};

struct mock_script mock_reply_script(const struct mock_reply *r, struct arena *a);
/* The same with something wrong: a word of docs/mock.md's table of faults. An unknown word is told
 * in a 400. error_frames: what the vendor says in mid-stream. */
struct mock_script mock_faulty(struct mock_reply *r, const struct mock_order *o,
                               const struct mock_frames *error_frames, str authorization,
                               struct arena *a);
/* Milliseconds as microseconds; `otherwise` if s is no number. */
uint64_t mock_ms(str s, uint64_t otherwise_ms);

#endif
