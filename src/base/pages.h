/* pages.h - a stock of 4 KiB pages for what lives as long as a request is being prepared.
 *
 * Thousands of streams may begin at once: each needs some kilobytes for its parsed request and
 * little after that. From malloc those kilobytes would lie between the small things that stay, and
 * the memory would never go back. Whole pages do: pages_tidy, called now and then, hands to the
 * system (MADV_DONTNEED) what was not needed since the last time, down to PAGES_KEPT. Not each page
 * as it is given back: under load the same ones are taken again in a moment. One thread's.
 */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

#include "base/base.h"

enum { PAGE_BYTES = 4096, PAGES_KEPT = 96 };

struct pages {
    void **unused; /* a stack; its first `empty` ones hold no memory */
    size_t n, cap, empty;
    size_t least; /* unused ones with memory, at the least, since the last pages_tidy */
    void **slabs; /* what was mapped, for pages_done */
    size_t nslabs;
    size_t taken;
};

void pages_init(struct pages *p);
/* Every page must have been given back. */
void pages_done(struct pages *p);
/* PAGE_BYTES of memory, aligned, content undefined. */
void *pages_take(struct pages *p);
void pages_give(struct pages *p, void *page);
/* True if there is reason to call it again some time later. */
bool pages_tidy(struct pages *p);
static inline bool pages_untidy(const struct pages *p)
{
    return p->n - p->empty > PAGES_KEPT;
}

#endif
