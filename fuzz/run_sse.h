/* run_sse.h - the events of a stream's bytes as text, for comparing.
 */
#ifndef FUZZ_RUN_SSE_H
#define FUZZ_RUN_SSE_H

#include "http/sse.h"
#include "pieces.h"

static inline void run_sse_event(struct sse_event ev, struct buf *out)
{
    BUG_UNLESS(ev.event.n || ev.data.p);
    buf_chr(out, '[');
    buf_add(out, ev.event);
    buf_add(out, ev.data.p ? S("=") : S("-"));
    buf_add(out, ev.data);
    buf_chr(out, ']');
    if (!ev.raw.p)
        return;
    /* The raw bytes, relayed alone, mean the same event. */
    struct sse again;
    struct sse_event same;
    str in = ev.raw;
    sse_init(&again);
    again.bom = 3;
    BUG_UNLESS(sse_next(&again, &in, &same, NULL).code == OK && in.n == 0);
    BUG_UNLESS(str_eq(same.event, ev.event) && str_eq(same.data, ev.data));
    BUG_UNLESS(!same.data.p == !ev.data.p);
    sse_done(&again);
}

/* Appends "[event=data]" per event ("[event-]" without data), "!" at an error; with a "." before
 * what only the end of the stream gave. */
static inline void run_sse(struct pieces from, struct buf *out)
{
    struct sse s;
    struct sse_event ev;
    struct err e;
    str in;
    rc r = RC(AGAIN);
    sse_init(&s);
    while (r.code == AGAIN && pieces_next(&from, &in)) {
        while ((r = sse_next(&s, &in, &ev, &e)).code == OK)
            run_sse_event(ev, out);
        BUG_UNLESS(r.code != AGAIN || in.n == 0);
    }
    if (r.code != AGAIN) {
        buf_chr(out, '!');
    } else if (sse_end(&s, &ev, &e).code == OK) {
        buf_chr(out, '.');
        run_sse_event(ev, out);
    }
    mem_free(from.own);
    sse_done(&s);
}

#endif
