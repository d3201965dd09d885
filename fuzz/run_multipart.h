/* run_multipart.h - the events of a form's bytes as text, for comparing.
 */
#ifndef FUZZ_RUN_MULTIPART_H
#define FUZZ_RUN_MULTIPART_H

#include "http/multipart.h"
#include "pieces.h"

/* Appends "[name|filename|type=data]" per part (filename "-" if it is none), ";" at the end, "!" at
 * an error, "cut" if the form is not complete. */
static inline void run_multipart(str content_type, struct pieces from, struct buf *out)
{
    struct multipart m;
    struct multipart_part part;
    struct err e;
    str in, data;
    enum multipart_event ev = MULTIPART_MORE;
    if (FAILED(multipart_init(&m, content_type, &e))) {
        buf_add(out, S("no"));
        return;
    }
    while (ev != MULTIPART_BAD && ev != MULTIPART_END && pieces_next(&from, &in)) {
        while ((ev = multipart_next(&m, &in, &part, &data, &e)) != MULTIPART_MORE) {
            if (ev == MULTIPART_PART) {
                buf_fmt(out, "[%.*s|", STRF(part.name));
                buf_add(out, part.filename.p ? part.filename : S("-"));
                buf_fmt(out, "|%.*s=", STRF(part.type));
            } else if (ev == MULTIPART_DATA) {
                BUG_UNLESS(data.n > 0);
                buf_add(out, data);
            } else if (ev == MULTIPART_PART_END) {
                buf_chr(out, ']');
            } else {
                buf_chr(out, ev == MULTIPART_END ? ';' : '!');
                break;
            }
        }
        BUG_UNLESS(ev != MULTIPART_MORE || in.n == 0);
    }
    if (ev != MULTIPART_BAD && FAILED(multipart_finish(&m, &e)))
        buf_add(out, S("cut"));
    mem_free(from.own);
    multipart_done(&m);
}

#endif
