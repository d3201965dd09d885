#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/pages.h"

/* The first block is small, as most exchanges need little. Later ones grow to a cap; behind a first
 * block of known size slowly: what needs a little more should not pay for twice as much. */
enum { BLOCK_FIRST = 1024, BLOCK_MAX = 64 * 1024 };

struct arena_block {
    struct arena_block *older;
    size_t size; /* bytes behind this head */
    _Alignas(16) char data[];
};

void arena_init(struct arena *a)
{
    arena_init_sized(a, 0);
}

void arena_init_sized(struct arena *a, size_t first_bytes)
{
    *a = (struct arena){ .first = first_bytes };
}

void arena_init_lent(struct arena *a, void *memory, size_t n)
{
    *a = (struct arena){ .at = memory, .end = (char *)memory + n };
}

void arena_init_pages(struct arena *a, struct pages *pages)
{
    *a = (struct arena){ .pages = pages };
}

/* The size tells a page from malloc's blocks: none of those has just this one. */
static bool is_page(const struct arena *a, const struct arena_block *b)
{
    return a->pages && b->size == PAGE_BYTES - sizeof(*b);
}

static void free_block(struct arena *a, struct arena_block *b)
{
    if (is_page(a, b))
        pages_give(a->pages, b);
    else
        mem_free(b);
}

void arena_done(struct arena *a)
{
    struct arena_block *b = a->head;
    while (b) {
        struct arena_block *older = b->older;
        free_block(a, b);
        b = older;
    }
    *a = (struct arena){ .first = a->first, .pages = a->pages };
}

void arena_reset(struct arena *a)
{
    struct arena_block *b = a->head;
    if (!b)
        return;
    while (b->older) {
        struct arena_block *older = b->older;
        free_block(a, b);
        b = older;
    }
    a->head = b;
    a->at = b->data;
    a->end = b->data + b->size;
    a->bytes = sizeof(*b) + b->size;
}

static struct arena_block *new_block(struct arena *a, size_t need)
{
    struct arena_block *b;
    size_t size = PAGE_BYTES - sizeof(*b);
    if (a->pages && need <= size) {
        b = pages_take(a->pages);
        b->size = size;
        return b;
    }
    size = !a->head ? (a->first ? a->first : BLOCK_FIRST) : a->first ? a->bytes / 4 : a->bytes;
    if (size < a->first / 2)
        size = a->first / 2;
    size -= sizeof(*b);
    if (size > BLOCK_MAX)
        size = BLOCK_MAX;
    if (size < need)
        size = need;
    if (a->pages && size == PAGE_BYTES - sizeof(*b))
        size++; /* see is_page */
    b = mem_alloc(sizeof(*b) + size);
    b->size = size;
    return b;
}

static void add_block(struct arena *a, size_t need)
{
    struct arena_block *b = new_block(a, need);
    b->older = a->head;
    a->head = b;
    a->at = b->data;
    a->end = b->data + b->size;
    a->bytes += sizeof(*b) + b->size;
}

static void *take(struct arena *a, size_t need, size_t align)
{
    size_t pad = (size_t)(-(uintptr_t)a->at & (align - 1)), padded;
    if (need > PTRDIFF_MAX / 2)
        mem_exhausted(SIZE_MAX);
    if (__builtin_add_overflow(need, pad, &padded) || !a->at || padded > (size_t)(a->end - a->at)) {
        add_block(a, need + align);
        pad = (size_t)(-(uintptr_t)a->at & (align - 1));
    }
    char *p = a->at + pad;
    a->at = p + need;
    return p;
}

void *arena_alloc(struct arena *a, size_t size, size_t align, size_t count)
{
    size_t need;
    BUG_UNLESS(align && (align & (align - 1)) == 0 && align <= 16);
    if (__builtin_mul_overflow(size, count, &need))
        mem_exhausted(SIZE_MAX);
    return memset(take(a, need, align), 0, need);
}

void *arena_raw(struct arena *a, size_t n)
{
    return take(a, n, 16);
}

/* The block holds nothing but its last allocation: the block itself can grow. */
static void *grow_block(struct arena *a, size_t new_n)
{
    struct arena_block *b = a->head;
    if (new_n > PTRDIFF_MAX / 2)
        mem_exhausted(SIZE_MAX);
    size_t size = new_n;
    if (a->pages && size == PAGE_BYTES - sizeof(*b))
        size++; /* see is_page */
    a->bytes += size - b->size;
    b = mem_realloc(b, sizeof(*b) + size);
    b->size = size;
    a->head = b;
    a->at = b->data + new_n;
    a->end = b->data + size;
    return b->data;
}

void *arena_resize(struct arena *a, void *p, size_t old_n, size_t new_n)
{
    bool latest = (char *)p + old_n == a->at;
    if (latest && new_n <= (size_t)(a->end - (char *)p)) {
        a->at = (char *)p + new_n;
        return p;
    }
    if (new_n <= old_n)
        return p;
    if (latest && a->head && (char *)p == a->head->data && !is_page(a, a->head))
        return grow_block(a, new_n);
    return memcpy(arena_raw(a, new_n), p, old_n);
}

str arena_dup(struct arena *a, str s)
{
    char *p = arena_alloc(a, 1, 1, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    return (str){ p, s.n };
}

str arena_cat(struct arena *a, str x, str y)
{
    char *p = arena_alloc(a, 1, 1, x.n + y.n + 1);
    if (x.n)
        memcpy(p, x.p, x.n);
    if (y.n)
        memcpy(p + x.n, y.p, y.n);
    return (str){ p, x.n + y.n };
}

str arena_fmt(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    BUG_UNLESS(n >= 0);
    char *p = arena_alloc(a, 1, 1, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return (str){ p, (size_t)n };
}
