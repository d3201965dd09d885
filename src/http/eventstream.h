/* eventstream.h - AWS event streams (application/vnd.amazon.eventstream), incremental.
 *
 *   total length  headers length  CRC of the two   headers      payload    CRC of all before
 *   4 bytes       4 bytes         4 bytes          ...          ...        4 bytes     (big-endian)
 *
 * Both CRCs (CRC-32 as in gzip) are checked: a message that fails is E_SYNTAX, and nothing after it
 * can be trusted. Memory as in sse.h: none while messages arrive whole.
 */
#ifndef HTTP_EVENTSTREAM_H
#define HTTP_EVENTSTREAM_H

#include "base/buf.h"
#include "base/err.h"

enum { EVENTSTREAM_BYTES_MAX = 16 * 1024 * 1024, EVENTSTREAM_HEADERS_MAX = 128 * 1024 };

struct eventstream_message {
    str kind;    /* :message-type: event, exception, error */
    str name;    /* :event-type, :exception-type or :error-code */
    str text;    /* :error-message */
    str payload; /* all borrowed until the next call, or until the bytes of *in go */
};

struct eventstream {
    struct buf partial; /* an unfinished message; or what the last one borrows from */
    bool out;           /* partial belongs to a message that was handed out */
};

void eventstream_init(struct eventstream *s);
void eventstream_done(struct eventstream *s);
/* OK: *ret is filled; call again. AGAIN: in is used up. E_SYNTAX, E_LIMIT: do not go on. */
rc eventstream_next(struct eventstream *s, str *in, struct eventstream_message *ret, struct err *e);
/* The stream is over: OK if it ended between messages, else E_SYNTAX. */
rc eventstream_end(const struct eventstream *s, struct err *e);

#endif
