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

#endif
