/* multipart.h - multipart/form-data, incremental (RFC 7578, RFC 2046 5.1): bytes in, events out.
 *
 *     str in = bytes_read;
 *     for (;;) {
 *         switch (multipart_next(&m, &in, &part, &data, &err)) {
 *         case MULTIPART_MORE: return;           in is used up: read again
 *         case MULTIPART_PART: ... part.name ... its strs live until the next call
 *         case MULTIPART_DATA: ... data ...      a piece of in (or of the parser) until the next
 * call case MULTIPART_PART_END: ... case MULTIPART_END: ...                what follows is ignored;
 * END again at every call case MULTIPART_BAD: ...                err says why
 *         }
 *     }
 *
 * Any split of the bytes gives the same events, but for where data is cut. Line ends are CR LF. The
 * parser holds the head of one part at most (MULTIPART_HEAD_BYTES_MAX), no data.
 */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include "base/buf.h"
#include "base/err.h"

enum {
    MULTIPART_BOUNDARY_MAX = 70,
    MULTIPART_HEAD_BYTES_MAX = 8 * 1024,
    MULTIPART_PARTS_MAX = 1000,
};

/* A part's head. Escapes that browsers put into names (%22, %0D, %0A) are left as they are. */
struct multipart_part {
    str name;
    str filename; /* p == NULL: not a file */
    str type;     /* Content-Type; empty: none given (text/plain) */
};

enum multipart_event {
    MULTIPART_MORE,
    MULTIPART_PART,
    MULTIPART_DATA,
    MULTIPART_PART_END,
    MULTIPART_END,
    MULTIPART_BAD,
};

/* Private: see multipart.c. */
struct multipart {
    struct buf head;                            /* of a part, while it is read or handed out */
    char delimiter[4 + MULTIPART_BOUNDARY_MAX]; /* CR LF "--" boundary */
    uint8_t delimiter_n;
    uint8_t matched; /* bytes of the delimiter seen */
    uint8_t assumed; /* of these, how many were no data if it breaks off */
    uint8_t state;
    uint8_t code;
    uint16_t parts;
    bool out; /* head was handed out */
};

/* Takes the boundary from a Content-Type value. E_SYNTAX: it is not multipart/form-data, or has no
 * valid boundary. */
rc multipart_init(struct multipart *m, str content_type, struct err *e);
void multipart_done(struct multipart *m);
enum multipart_event multipart_next(struct multipart *m, str *in, struct multipart_part *part,
                                    str *data, struct err *e);
/* After MULTIPART_BAD: E_SYNTAX or E_LIMIT. */
enum code multipart_code(const struct multipart *m);
/* The input is over: OK if MULTIPART_END was reached, else E_SYNTAX (it was cut off). */
rc multipart_finish(const struct multipart *m, struct err *e);

/* The value of the first part of that name in a whole body, borrowed from it (so that it can be
 * replaced in place). E_NOT_FOUND if there is none; the whole body is checked. */
rc multipart_find(str content_type, str body, str name, str *ret_value, struct err *e);

#endif
