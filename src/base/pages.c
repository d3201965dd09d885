#include "base/pages.h"

#include <sys/mman.h>

#include "base/mem.h"

enum { SLAB_PAGES = 64 };

void pages_init(struct pages *p)
{
    *p = (struct pages){ 0 };
}

void pages_done(struct pages *p)
{
    BUG_UNLESS(p->taken == 0);
    for (size_t i = 0; i < p->nslabs; i++)
        munmap(p->slabs[i], (size_t)SLAB_PAGES * PAGE_BYTES);
    mem_free(p->slabs);
    mem_free(p->unused);
    pages_init(p);
}

static void push(struct pages *p, void *page)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : SLAB_PAGES;
        p->unused = mem_realloc(p->unused, p->cap * sizeof(*p->unused));
    }
    p->unused[p->n++] = page;
}

static void add_slab(struct pages *p)
{
    size_t bytes = (size_t)SLAB_PAGES * PAGE_BYTES;
    char *slab = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slab == MAP_FAILED)
        mem_exhausted(bytes);
    p->slabs = mem_realloc(p->slabs, (p->nslabs + 1) * sizeof(*p->slabs));
    p->slabs[p->nslabs++] = slab;
    for (size_t i = SLAB_PAGES; i-- > 0;)
        push(p, slab + i * PAGE_BYTES);
    p->empty = p->n;
}

void *pages_take(struct pages *p)
{
    if (p->n == 0)
        add_slab(p);
    void *page = p->unused[--p->n];
    if (p->empty > p->n)
        p->empty = p->n;
    if (p->least > p->n - p->empty)
        p->least = p->n - p->empty;
    p->taken++;
    return page;
}

void pages_give(struct pages *p, void *page)
{
    p->taken--;
    push(p, page);
}

bool pages_tidy(struct pages *p)
{
    while (p->least > PAGES_KEPT) {
        madvise(p->unused[p->empty++], PAGE_BYTES, MADV_DONTNEED);
        p->least--;
    }
    p->least = p->n - p->empty;
    return pages_untidy(p);
}
