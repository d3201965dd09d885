/* inflate.h - undoes the Content-Encoding of a body, incrementally: gzip, deflate, zstd.
 *
 * Any split of the bytes gives the same output, or fails (after more or less of it). Limits against
 * bombs: output over bytes_max, or over INFLATE_RATIO_MAX times the input (past the first
 * INFLATE_FREE_BYTES), is E_LIMIT; zstd windows over 8 MiB (RFC 9659) are E_LIMIT. Broken input, or
 * anything behind its end, is E_SYNTAX. After an error it is dead. Memory: gzip and deflate about
 * 40 KB, zstd its window; freed by inflate_free.
 */
#ifndef HTTP_INFLATE_H
#define HTTP_INFLATE_H

#include "base/buf.h"
#include "base/err.h"

enum { INFLATE_RATIO_MAX = 200, INFLATE_FREE_BYTES = 256 * 1024 };

enum inflate_kind {
    INFLATE_NONE, /* no field, an empty one, "identity": nothing to undo */
    INFLATE_GZIP,
    INFLATE_DEFLATE, /* zlib's format, or the raw one that some senders mean by it */
    INFLATE_ZSTD,
    INFLATE_UNKNOWN, /* another coding, or several: 415 for a request, 502 for a response */
};

/* What a Content-Encoding value asks for. */
enum inflate_kind inflate_kind_of(str content_encoding);

struct inflate;

/* kind is one of the three codings. */
struct inflate *inflate_new(enum inflate_kind kind, uint64_t bytes_max);
void inflate_free(struct inflate *z); /* NULL is fine */

/* Writes at most `cap` bytes (not 0) to `to`. OK: *ret_n were written (at least 1), call again.
 * AGAIN: *in is used up and nothing more is to be had from it. */
rc inflate_next(struct inflate *z, str *in, char *to, size_t cap, size_t *ret_n, struct err *e);

/* All of `in`, appended to out. out's own maximum counts too: E_LIMIT. */
rc inflate_add(struct inflate *z, str in, struct buf *out, struct err *e);

/* The input is over: OK if it was complete, E_SYNTAX if it was cut off. */
rc inflate_end(struct inflate *z, struct err *e);

#endif
