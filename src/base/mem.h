/* mem.h - malloc that does not return NULL: out of memory is one line on stderr and abort().
 *
 * Limits are checked at the door (head, body, JSON depth); what still fails here is a machine
 * without memory. mem_free(NULL) is fine.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/base.h"

void *mem_alloc(size_t n) __attribute__((malloc, returns_nonnull));
void *mem_zalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *mem_realloc(void *p, size_t n) __attribute__((returns_nonnull));
void mem_free(void *p);
_Noreturn void mem_exhausted(size_t wanted);

#endif
