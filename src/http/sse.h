/* sse.h - server-sent events, incremental (WHATWG HTML 9.2, "event stream interpretation").
 *
 * Any split of the bytes gives the same events: LF, CR LF and CR line ends, also mixed; a BOM at
 * the start; comments, `id:` and `retry:` skipped; several data lines joined by LF; one blank after
 * the colon dropped. An event that has neither data nor event is none. Unlike a browser, an event
 * at the end of the stream without its blank line still counts (vendors cut there): sse_end.
 *
 * No I/O, no clock. Memory: none while events arrive whole in one piece (their data then borrows
 * from the input); a split event is collected in a buffer that is freed when the event is out.
 */
#ifndef HTTP_SSE_H
#define HTTP_SSE_H

#include "base/buf.h"
#include "base/err.h"

enum { SSE_EVENT_BYTES_MAX = 16 * 1024 * 1024 };

struct sse_event {
    str event; /* the event: field; empty if absent */
    str data;  /* borrows from the input or the parser until the next call */
    str raw;   /* the event's own bytes with its blank line, as received, for relaying; borrowed as
                  data is; p == NULL where they are no longer in one piece */
};

struct sse {
    struct buf partial; /* bytes of an unfinished event */
    uint32_t scanned;   /* of partial, already searched for the end */
    bool after_cr;      /* the last byte was CR: a LF that follows belongs to it */
    bool started;       /* past the place where a BOM may stand */
};

void sse_init(struct sse *s);
void sse_done(struct sse *s);
/* Takes the next event out of *in. OK: *ret is filled; call again. AGAIN: in is used up.
 * E_LIMIT: an event over SSE_EVENT_BYTES_MAX. */
rc sse_next(struct sse *s, str *in, struct sse_event *ret, struct err *e);
/* The stream is over: OK if a last event without blank line was pending, else AGAIN. */
rc sse_end(struct sse *s, struct sse_event *ret, struct err *e);

#endif
