/* plain.h - finds the end of the plain run in a JSON string: the inner loop of scanning and
 * writing.
 *
 * Plain are ASCII characters other than controls, quote and backslash. SSE2 where the compiler says
 * it is there (all of amd64), else eight bytes at a time.
 */
#ifndef JSON_PLAIN_H
#define JSON_PLAIN_H

#include "base/base.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline bool json_is_plain(char c)
{
    return (signed char)c >= 0x20 && c != '"' && c != '\\';
}

/* The first byte at or after p that is not plain, or end. */
static inline const char *json_plain_end(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i slash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(0x20);
    while (end - p >= 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* Signed: controls and bytes over 0x7f are both below the space. */
        __m128i bad =
            _mm_or_si128(_mm_cmplt_epi8(x, space),
                         _mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, slash)));
        unsigned mask = (unsigned)_mm_movemask_epi8(bad);
        if (mask)
            return p + __builtin_ctz(mask);
        p += 16;
    }
#endif
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    while (end - p >= 8) { /* with SSE2: the tail; short strings are mostly keys */
        uint64_t x;
        memcpy(&x, p, 8);
        uint64_t q = x ^ (ones * '"'), b = x ^ (ones * '\\');
        /* A high bit where a byte is zero, below 0x20, or has it set already; never one too few. */
        uint64_t bad = x | (x - ones * 0x20) | (q - ones) | (b - ones);
        if (bad & highs)
            break; /* exactly where is found bytewise below */
        p += 8;
    }
    while (p < end && json_is_plain(*p))
        p++;
    return p;
}

#endif
