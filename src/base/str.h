/* str.h - a length-counted, borrowed piece of bytes.
 *
 * Passed by value; never NUL-terminated by contract; {NULL, 0} is the empty string.
 * A str does not own its bytes: the header that hands one out says how long they live.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <string.h>

#include "base/base.h"

typedef struct {
    const char *p;
    size_t n;
} str;

#define S(lit)  ((str){ "" lit, sizeof(lit) - 1 })
#define STRF(s) (int)(s).n, (s).p /* printf("%.*s", STRF(x)) */

/* A C string as str; NULL gives the empty string. */
static inline str str_c(const char *c)
{
    return c ? (str){ c, strlen(c) } : (str){ NULL, 0 };
}

static inline bool str_eq(str a, str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_starts(str s, str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool str_ends(str s, str suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* s without its first n bytes (all of them, if it has fewer). */
static inline str str_skip(str s, size_t n)
{
    return n >= s.n ? (str){ s.p + s.n, 0 } : (str){ s.p + n, s.n - n };
}

/* The first n bytes of s (all of it, if it has fewer). */
static inline str str_take(str s, size_t n)
{
    return (str){ s.p, n < s.n ? n : s.n };
}

/* ASCII case folding only: header names, schemes, host names. */
bool str_ieq_bytes(const char *a, const char *b, size_t n);

static inline bool str_ieq(str a, str b)
{
    return a.n == b.n && (a.n == 0 || str_ieq_bytes(a.p, b.p, a.n));
}

bool str_istarts(str s, str prefix);
bool str_contains(str s, str needle);
bool str_icontains(str s, str needle);

/* Index of the first/last c, or s.n if there is none. */
size_t str_index(str s, char c);
size_t str_rindex(str s, char c);

/* Without leading and trailing spaces, tabs, CR and LF. */
str str_trim(str s);

/* Cuts *rest at the first sep: returns what stands before it and moves *rest past it. Without a sep
 * it returns everything and leaves *rest empty with p == NULL, so a loop can end on rest.p. */
str str_cut(str *rest, char sep);
/* Cuts off the first `most` bytes (at least 4) of *rest, up to three fewer so that no UTF-8
 * character is torn; moves *rest past them. */
str str_cut_utf8(str *rest, size_t most);

/* One of the words, a list that ends with NULL. */
bool str_among(str s, const char *const *words);

/* Decimal digits only, no sign, no blanks, no overflow; false otherwise and *ret untouched. */
bool str_to_u64(str s, uint64_t *ret);
/* A finite decimal number as JSON writes it (also "5", "0.5", "8e-6"); the whole str must be one.
 */
bool str_to_double(str s, double *ret);

/* Valid UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing past U+10FFFF. */
bool str_is_utf8(str s);

/* Constant-time comparison for secrets: the time depends on the lengths only. */
bool str_eq_secret(str a, str b);

#endif
