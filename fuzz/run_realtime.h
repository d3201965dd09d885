/* run_realtime.h - the tokens of one event as text, for comparing.
 */
#ifndef FUZZ_RUN_REALTIME_H
#define FUZZ_RUN_REALTIME_H

#include "dialect/realtime_usage.h"
#include "pieces.h"

/* Appends "in out total cached audio_in audio_out" or "nothing". */
static inline void run_realtime(struct pieces from, struct buf *out, bool transcribes)
{
    struct realtime_usage r;
    struct chat_usage u;
    bool first = true;
    str in;
    realtime_usage_init(&r, transcribes);
    while (pieces_next(&from, &in)) {
        realtime_usage_feed(&r, in, first);
        first = false;
    }
    BUG_UNLESS(r.usage.n <= REALTIME_USAGE_BYTES_MAX);
    if (realtime_usage_end(&r, &u))
        buf_fmt(out, "%lld %lld %lld %lld %lld %lld", (long long)u.prompt, (long long)u.completion,
                (long long)u.total, (long long)u.cache_read, (long long)u.audio_in,
                (long long)u.audio_out);
    else
        buf_add(out, S("nothing"));
    mem_free(from.own);
    realtime_usage_done(&r);
}

#endif
