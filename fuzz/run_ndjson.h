/* run_ndjson.h - the lines of a stream's bytes as text, for comparing.
 */
#ifndef FUZZ_RUN_NDJSON_H
#define FUZZ_RUN_NDJSON_H

#include "http/ndjson.h"
#include "pieces.h"

/* Appends "[line]" per line, "!" at an error, a "." before what only the end of the stream gave. */
static inline void run_ndjson(struct pieces from, struct buf *out)
{
    struct ndjson s;
    struct err e;
    str in, line;
    rc r = RC(AGAIN);
    ndjson_init(&s);
    while (r.code == AGAIN && pieces_next(&from, &in)) {
        while ((r = ndjson_next(&s, &in, &line, &e)).code == OK) {
            BUG_UNLESS(line.n > 0);
            buf_chr(out, '[');
            buf_add(out, line);
            buf_chr(out, ']');
        }
        BUG_UNLESS(r.code != AGAIN || in.n == 0);
    }
    if (r.code != AGAIN)
        buf_chr(out, '!');
    else if (ndjson_end(&s, &line, &e).code == OK)
        buf_fmt(out, ".[%.*s]", STRF(line));
    mem_free(from.own);
    ndjson_done(&s);
}

#endif
