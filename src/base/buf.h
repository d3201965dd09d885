/* buf.h - a growable byte buffer, born with a maximum.
 *
 * Appending past the maximum sets `full`, appends nothing more and is checked once at the end
 * (a sticky error, so straight-line writers stay readable). The bytes are not NUL-terminated.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

struct buf {
    char *p;
    size_t n;   /* bytes held */
    size_t cap; /* bytes allocated */
    size_t max; /* never holds more than this */
    bool full;  /* an append did not fit: what is held is incomplete */
    bool lent;  /* p is somebody else's memory: see buf_lend */
};

void buf_init(struct buf *b, size_t bytes_max);
/* A fresh buffer begins in memory that its owner keeps: growing out of it copies. */
void buf_lend(struct buf *b, char *memory, size_t n);
void buf_done(struct buf *b);
/* Keeps the memory, drops the bytes and the sticky error. */
void buf_clear(struct buf *b);

/* Room for at least n more bytes at b->p + b->n; NULL (and full) past the maximum. The caller adds
 * what it wrote to b->n. */
char *buf_room(struct buf *b, size_t n);

void buf_add_slow(struct buf *b, str s);
void buf_fmt(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_u64(struct buf *b, uint64_t v);
void buf_i64(struct buf *b, int64_t v);
/* v / 10^digits as a decimal fraction: buf_fixed(b, 1234, 3) appends "1.234". digits <= 9. */
void buf_fixed(struct buf *b, uint64_t v, unsigned digits);
void buf_hex(struct buf *b, uint64_t v);
/* Drops the first n bytes (they were consumed). */
void buf_drop(struct buf *b, size_t n);

static inline void buf_add(struct buf *b, str s)
{
    if (LIKELY(s.n <= b->cap - b->n && s.n)) {
        memcpy(b->p + b->n, s.p, s.n);
        b->n += s.n;
    } else if (s.n) {
        buf_add_slow(b, s);
    }
}

static inline void buf_chr(struct buf *b, char c)
{
    if (LIKELY(b->n < b->cap))
        b->p[b->n++] = c;
    else
        buf_add_slow(b, (str){ &c, 1 });
}

static inline str buf_str(const struct buf *b)
{
    return (str){ b->p, b->n };
}

#endif
