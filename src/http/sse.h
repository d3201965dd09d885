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
    str data;  /* p == NULL: no data field at all (then event is not empty) */
    str raw;   /* the event's own bytes with its blank line, as received, for relaying; p == NULL
                  where they are not in one piece: write it anew then. Comments in it are kept. */
};

/* Private: see sse.c. */
struct sse {
    struct buf partial; /* an unfinished event; or what the last event borrows from */
    uint32_t line;      /* of partial: where the unfinished line begins */
    uint32_t scanned;   /* of partial: already searched for line ends */
    uint8_t bom;        /* bytes of a BOM seen at the start of the stream; 3: past that place */
    bool after_cr;      /* the last byte was a CR that ended an event: a LF now belongs to it */
    bool out;           /* partial belongs to an event that was handed out */
};

void sse_init(struct sse *s);
void sse_done(struct sse *s);
/* Takes the next event out of *in. OK: *ret is filled, its strs live until the next call or until
 * the bytes of *in go; call again. AGAIN: in is used up. E_LIMIT: an event over
 * SSE_EVENT_BYTES_MAX; do not go on then. */
rc sse_next(struct sse *s, str *in, struct sse_event *ret, struct err *e);
/* The stream is over: OK if a last event without blank line was pending (raw then has one), else
 * AGAIN. */
rc sse_end(struct sse *s, struct sse_event *ret, struct err *e);

#endif
