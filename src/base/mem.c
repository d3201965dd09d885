#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void mem_exhausted(size_t wanted)
{
    fprintf(stderr, "sluice: out of memory (wanted %zu bytes)\n", wanted);
    abort();
}

void *mem_alloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (!p)
        mem_exhausted(n);
    return p;
}

void *mem_zalloc(size_t n)
{
    void *p = calloc(1, n ? n : 1);
    if (!p)
        mem_exhausted(n);
    return p;
}

void *mem_realloc(void *p, size_t n)
{
    void *q = realloc(p, n ? n : 1);
    if (!q)
        mem_exhausted(n);
    return q;
}

void mem_free(void *p)
{
    free(p);
}
