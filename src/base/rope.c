#include "base/rope.h"

#include "base/pages.h"

/* Doubling from the first to the last of these: what is not used at the end is little, and four of
 * the last fill a page of the arena's. */
enum { PIECE_BYTES_MIN = 240, PIECE_BYTES_MAX = PAGE_BYTES / 4 - 32 };

struct rope_piece {
    struct rope_piece *next;
    uint32_t n, room;
    char bytes[];
};

static struct rope_piece *grow(struct rope *r, struct arena *a)
{
    size_t room = r->last ? (size_t)r->last->room * 2 : PIECE_BYTES_MIN;
    if (room > PIECE_BYTES_MAX)
        room = PIECE_BYTES_MAX;
    struct rope_piece *p = arena_raw(a, sizeof(*p) + room);
    *p = (struct rope_piece){ .room = (uint32_t)room };
    *(r->last ? &r->last->next : &r->first) = p;
    r->last = p;
    return p;
}

void rope_add(struct rope *r, str s, struct arena *a)
{
    while (s.n) {
        struct rope_piece *p = r->last && r->last->n < r->last->room ? r->last : grow(r, a);
        str part = str_take(s, p->room - p->n);
        memcpy(p->bytes + p->n, part.p, part.n);
        p->n += (uint32_t)part.n;
        s = str_skip(s, part.n);
    }
}

struct rope_mark rope_end(const struct rope *r)
{
    return (struct rope_mark){ r->last, r->last ? r->last->n : 0 };
}

void rope_copy(struct buf *out, const struct rope *r, struct rope_mark from)
{
    size_t at = from.piece ? from.at : 0;
    for (const struct rope_piece *p = from.piece ? from.piece : r->first; p; p = p->next) {
        buf_add(out, (str){ p->bytes + at, p->n - at });
        at = 0;
    }
}

void rope_cut(struct rope *r, struct rope_mark at)
{
    r->last = at.piece;
    if (!at.piece) {
        r->first = NULL;
        return;
    }
    at.piece->n = (uint32_t)at.at;
    at.piece->next = NULL;
}
