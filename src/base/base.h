/* base.h - the few macros every file uses: banned functions, assertions, attributes.
 *
 * Included through str.h; no types of its own.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h> /* these three before the bans: glibc defines the names inline */
#include <stdlib.h>
#include <string.h>

/* An assertion is for our own bugs, never for the world's input: it traps, also in release. */
#define BUG_UNLESS(x)                  \
    do {                               \
        if (__builtin_expect(!(x), 0)) \
            __builtin_trap();          \
    } while (0)

#define LIKELY(x)                       __builtin_expect(!!(x), 1)
#define UNLIKELY(x)                     __builtin_expect(!!(x), 0)
#define MUST_CHECK                      __attribute__((warn_unused_result))
#define PRINTF(f, a)                    __attribute__((format(printf, f, a)))
#define CLEANUP(fn)                     __attribute__((cleanup(fn)))
#define COUNT_OF(a)                     (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Unbounded or locale-bound string functions do not compile here. */
#undef strcpy
#undef strcat
#undef sprintf
#undef vsprintf
#undef strtok
#undef atoi
#undef atol
#undef atof
#undef gets
#define strcpy(...)   strcpy_is_banned
#define strcat(...)   strcat_is_banned
#define sprintf(...)  sprintf_is_banned
#define vsprintf(...) vsprintf_is_banned
#define strtok(...)   strtok_is_banned
#define atoi(...)     atoi_is_banned
#define atol(...)     atol_is_banned
#define atof(...)     atof_is_banned

#endif
