/* rope.h - text that grows in an arena without ever being moved.
 *
 * Shape:     pieces in a list, small ones first, then of a kilobyte; what is added stands
 *            once. Starts as zeroed memory.
 * Ownership: everything lives in the arena; nothing is freed singly.
 * Limits:    none of its own: whoever adds counts.
 */
#ifndef BASE_ROPE_H
#define BASE_ROPE_H

#include "base/arena.h"
#include "base/buf.h"

struct rope_piece;

struct rope {
    struct rope_piece *first, *last;
};

/* A place in a rope: all that is added later stands behind it. */
struct rope_mark {
    struct rope_piece *piece; /* NULL: the beginning */
    size_t at;
};

void rope_add(struct rope *r, str s, struct arena *a);
struct rope_mark rope_end(const struct rope *r);
/* Appends everything behind the mark. */
void rope_copy(struct buf *out, const struct rope *r, struct rope_mark from);
/* Everything behind the mark is gone (its memory stays the arena's). */
void rope_cut(struct rope *r, struct rope_mark at);

#endif
