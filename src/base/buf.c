#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

void buf_init(struct buf *b, size_t bytes_max)
{
    *b = (struct buf){ .max = bytes_max };
}

void buf_lend(struct buf *b, char *memory, size_t n)
{
    BUG_UNLESS(b->cap == 0);
    b->p = memory;
    b->cap = n < b->max ? n : b->max;
    b->lent = true;
}

void buf_done(struct buf *b)
{
    if (!b->lent)
        mem_free(b->p);
    *b = (struct buf){ .max = b->max };
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->full = false;
}

char *buf_room(struct buf *b, size_t n)
{
    if (b->full || n > b->max - b->n) {
        b->full = true;
        return NULL;
    }
    if (n > b->cap - b->n) {
        size_t cap = b->cap < 256 ? 256 : b->cap * 2;
        if (cap < b->n + n)
            cap = b->n + n;
        if (cap > b->max)
            cap = b->max;
        if (b->lent) {
            char *p = mem_alloc(cap);
            memcpy(p, b->p, b->n);
            b->p = p;
            b->lent = false;
        } else {
            b->p = mem_realloc(b->p, cap);
        }
        b->cap = cap;
    }
    return b->p + b->n;
}

void buf_add_slow(struct buf *b, str s)
{
    char *to = buf_room(b, s.n);
    if (!to)
        return;
    memcpy(to, s.p, s.n);
    b->n += s.n;
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
    char small[256];
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    BUG_UNLESS(n >= 0);
    if ((size_t)n < sizeof(small)) {
        buf_add(b, (str){ small, (size_t)n });
    } else {
        char *to = buf_room(b, (size_t)n + 1); /* vsnprintf ends with a NUL */
        if (to) {
            vsnprintf(to, (size_t)n + 1, fmt, again);
            b->n += (size_t)n;
        }
    }
    va_end(again);
}

void buf_u64(struct buf *b, uint64_t v)
{
    char d[20];
    size_t at = sizeof(d);
    do {
        d[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    buf_add(b, (str){ d + at, sizeof(d) - at });
}

void buf_i64(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_chr(b, '-');
    buf_u64(b, v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v);
}

void buf_fixed(struct buf *b, uint64_t v, unsigned digits)
{
    char d[32];
    size_t at = sizeof(d);
    for (unsigned i = 0; i < digits; i++) {
        d[--at] = (char)('0' + v % 10);
        v /= 10;
    }
    d[--at] = '.';
    buf_u64(b, v);
    buf_add(b, (str){ d + at, sizeof(d) - at });
}

void buf_hex(struct buf *b, uint64_t v)
{
    char d[16];
    size_t at = sizeof(d);
    do {
        d[--at] = "0123456789abcdef"[v & 15];
        v >>= 4;
    } while (v);
    buf_add(b, (str){ d + at, sizeof(d) - at });
}

void buf_drop(struct buf *b, size_t n)
{
    BUG_UNLESS(n <= b->n);
    b->n -= n;
    if (b->n)
        memmove(b->p, b->p + n, b->n);
}
