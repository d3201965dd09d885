/* pieces.h - feeds bytes to an incremental parser in pieces, each in memory of its own exact size
 * that is gone after it: reading past a piece, or keeping a pointer into one, is seen by ASan.
 * Shared by the fuzz targets and the unit tests.
 */
#ifndef FUZZ_PIECES_H
#define FUZZ_PIECES_H

#include "base/buf.h"
#include "base/mem.h"

/* The first piece has `first` bytes, all others `step`. */
struct pieces {
    str rest;
    size_t first, step;
    char *own;
};

static inline bool pieces_next(struct pieces *p, str *ret)
{
    size_t n = p->first ? p->first : p->step;
    mem_free(p->own);
    p->own = NULL;
    p->first = 0;
    str piece = str_take(p->rest, n);
    if (piece.n == 0)
        return false;
    p->rest = str_skip(p->rest, piece.n);
    p->own = mem_alloc(piece.n);
    memcpy(p->own, piece.p, piece.n);
    *ret = (str){ p->own, piece.n };
    return true;
}

/* The property of every incremental parser: any split of the bytes gives the same events. `run`
 * writes them to out as text. */
typedef void pieces_run(struct pieces from, struct buf *out, int kind);

static inline void pieces_check(pieces_run *run, int kind, const uint8_t *data, size_t n)
{
    str bytes = { (const char *)data, n };
    static const size_t steps[] = { 1, 2, 3, 7, 64, SIZE_MAX };
    struct buf whole, parts;
    buf_init(&whole, SIZE_MAX / 4);
    buf_init(&parts, SIZE_MAX / 4);
    run((struct pieces){ bytes, 0, SIZE_MAX, NULL }, &whole, kind);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        buf_clear(&parts);
        run((struct pieces){ bytes, n ? data[n - 1] % n : 0, steps[i], NULL }, &parts, kind);
        BUG_UNLESS(str_eq(buf_str(&whole), buf_str(&parts)));
    }
    buf_done(&whole);
    buf_done(&parts);
}

#endif
