/* arena.h - memory with one lifetime: an exchange, a config, a test.
 *
 * Allocations are zeroed, aligned, never NULL (running out of memory aborts with a line on stderr)
 * and all end together in arena_done. An arena that was never used costs its struct only.
 * Not for threads: one arena belongs to one thread at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_block;
struct pages;

struct arena {
    struct arena_block *head; /* the block being filled; older ones behind it */
    char *at, *end;           /* free space in head */
    size_t bytes;             /* held so far, block heads included */
    size_t first;             /* size of the first block; 0: the usual one */
    struct pages *pages;      /* where blocks come from; NULL: malloc */
};

/* n objects of type T, zeroed. Checked: a product that overflows aborts. */
#define NEW(a, T, n) ((T *)arena_alloc((a), sizeof(T), _Alignof(T), (n)))

void arena_init(struct arena *a);
/* The same with a first block of that size, where it is known what is coming. */
void arena_init_sized(struct arena *a, size_t first_bytes);
/* Frees every block; the arena is then as after arena_init. */
void arena_done(struct arena *a);

/* The same, beginning in memory that the caller keeps (aligned to 16): for what ends with the
 * function and rarely needs more. Not to be reset. */
void arena_init_lent(struct arena *a, void *memory, size_t n);
/* struct arena NAME that begins on the stack. */
#define ARENA_ON_STACK(name)                             \
    _Alignas(16) char name##_room[ARENA_ON_STACK_BYTES]; \
    struct arena name;                                   \
    arena_init_lent(&(name), name##_room, sizeof(name##_room))
enum { ARENA_ON_STACK_BYTES = 4096 };
/* The same as arena_init with blocks of one page each from that stock (what does not fit into one
 * is malloc's).
 */
void arena_init_pages(struct arena *a, struct pages *pages);
/* As after arena_done, but keeps the first, smallest block for the next use. */
void arena_reset(struct arena *a);

void *arena_alloc(struct arena *a, size_t size, size_t align, size_t count);
/* n bytes that are not zeroed, aligned to 16: for large buffers that are written anyway. */
void *arena_raw(struct arena *a, size_t n);
/* p (of arena_raw, old_n bytes) with new_n bytes, the first ones kept, perhaps elsewhere. Cheap for
 * the latest allocation, both ways: what it gives up is used again. */
void *arena_resize(struct arena *a, void *p, size_t old_n, size_t new_n);
/* A copy of s, NUL-terminated behind its end for calls into C libraries. */
str arena_dup(struct arena *a, str s);
/* A formatted string, NUL-terminated behind its end. */
str arena_fmt(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
/* a followed by b. */
str arena_cat(struct arena *a, str x, str y);

#endif
