/* ndjson.h - newline-delimited JSON, incremental: one line, one event.
 *
 * LF or CR LF; empty lines are skipped; a last line without line end counts (ndjson_end). The text
 * is not parsed here. Memory as in sse.h: none while lines arrive whole.
 */
#ifndef HTTP_NDJSON_H
#define HTTP_NDJSON_H

#include "base/buf.h"
#include "base/err.h"

enum { NDJSON_LINE_BYTES_MAX = 16 * 1024 * 1024 };

struct ndjson {
    struct buf partial; /* the line so far; or the line handed out */
    bool out;           /* partial was handed out */
};

void ndjson_init(struct ndjson *s);
void ndjson_done(struct ndjson *s);
/* OK: *ret_line is the next line, borrowed until the next call. AGAIN: in is used up. */
rc ndjson_next(struct ndjson *s, str *in, str *ret_line, struct err *e);
rc ndjson_end(struct ndjson *s, str *ret_line, struct err *e);

#endif
