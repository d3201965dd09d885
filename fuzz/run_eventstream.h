/* run_eventstream.h - the messages of an event stream's bytes as text, for comparing.
 */
#ifndef FUZZ_RUN_EVENTSTREAM_H
#define FUZZ_RUN_EVENTSTREAM_H

#include "http/eventstream.h"
#include "pieces.h"

/* Appends "[kind name text payload]" per message, "!" at an error, "." at a tidy end. */
static inline void run_eventstream(struct pieces from, struct buf *out)
{
    struct eventstream s;
    struct eventstream_message m;
    struct err e;
    str in;
    rc r = RC(AGAIN);
    eventstream_init(&s);
    while (r.code == AGAIN && pieces_next(&from, &in)) {
        while ((r = eventstream_next(&s, &in, &m, &e)).code == OK)
            buf_fmt(out, "[%.*s %.*s %.*s %.*s]", STRF(m.kind), STRF(m.name), STRF(m.text),
                    STRF(m.payload));
        BUG_UNLESS(r.code != AGAIN || in.n == 0);
    }
    if (r.code != AGAIN)
        buf_chr(out, '!');
    else if (eventstream_end(&s, &e).code == OK)
        buf_chr(out, '.');
    mem_free(from.own);
    eventstream_done(&s);
}

#endif
