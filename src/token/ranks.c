#include "token/ranks.h"

#ifdef TOKEN_RANKS

#include "token/token_ranks.h"

/* rank_table.py describes the layout. A section of its own, whole pages: what is not asked for is
 * never read from the program's file. */
__asm__(".pushsection .rodata.token_ranks, \"a\"\n"
        ".balign 4096\n"
        ".globl token_ranks_table\n"
        ".hidden token_ranks_table\n"
        "token_ranks_table:\n"
        ".incbin \"" TOKEN_RANKS_FILE "\"\n"
        ".balign 4096\n"
        ".popsection\n");
extern const unsigned char token_ranks_table[] __attribute__((visibility("hidden")));

bool token_ranks_here(void)
{
    return true;
}

static uint32_t u24(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static uint32_t u32(const unsigned char *p)
{
    return u24(p) | (uint32_t)p[3] << 24;
}

static uint64_t word(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;
    uint64_t w = 0;
    if (n >= 8)
        return u32(p) | (uint64_t)u32(p + 4) << 32;
    while (n--)
        w = w << 8 | p[n];
    return w;
}

static uint64_t hash(const char *p, size_t n)
{
    uint64_t h = n * 0x9e3779b97f4a7c15;
    for (size_t i = 0; i < n; i += 8) {
        h = (h ^ word(p + i, n - i)) * 0xff51afd7ed558ccd;
        h ^= h >> 32;
    }
    return h * 0xc4ceb9fe1a85ec53;
}

uint32_t token_rank(enum token_encoding e, const char *p, size_t n)
{
    if (n == 0 || n > TOKEN_BYTES_MAX)
        return TOKEN_NO_RANK;
    uint64_t h = hash(p, n);
    const unsigned char *bucket = token_ranks_table + 4 * (h >> 48);
    const unsigned char *at = token_ranks_table + u32(bucket);
    const unsigned char *end = token_ranks_table + u32(bucket + 4);
    uint32_t want = (uint32_t)(n - 1) << 18 | (uint32_t)(h >> 42 & 63) << 25;
    while (at < end) {
        uint32_t head = u32(at), len = (head >> 18 & 127) + 1;
        bool both = head >> 31;
        const unsigned char *bytes = at + (both ? 7 : 4);
        if ((head & 0x7ffc0000) == want && memcmp(bytes, p, n) == 0) {
            if (e == TOKEN_O200K)
                return head & TOKEN_NO_RANK;
            return both ? u24(at + 4) : TOKEN_NO_RANK;
        }
        at = bytes + len;
    }
    return TOKEN_NO_RANK;
}

#else

bool token_ranks_here(void)
{
    return false;
}

uint32_t token_rank(enum token_encoding e, const char *p, size_t n)
{
    return TOKEN_NO_RANK;
}

#endif
