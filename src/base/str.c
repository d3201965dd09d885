#include "base/str.h"

#include <stdlib.h>

#include "base/utf8.h"

static unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u + 32) : u;
}

bool str_ieq_bytes(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

bool str_istarts(str s, str prefix)
{
    return s.n >= prefix.n && str_ieq(str_take(s, prefix.n), prefix);
}

bool str_contains(str s, str needle)
{
    if (needle.n == 0)
        return true;
    return s.n >= needle.n && memmem(s.p, s.n, needle.p, needle.n) != NULL;
}

bool str_icontains(str s, str needle)
{
    for (size_t i = 0; i + needle.n <= s.n; i++)
        if (str_ieq((str){ s.p + i, needle.n }, needle))
            return true;
    return needle.n == 0;
}

size_t str_index(str s, char c)
{
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
    return at ? (size_t)(at - s.p) : s.n;
}

size_t str_rindex(str s, char c)
{
    const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;
    return at ? (size_t)(at - s.p) : s.n;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

str str_trim(str s)
{
    while (s.n && is_blank(s.p[0]))
        s = str_skip(s, 1);
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

str str_cut(str *rest, char sep)
{
    str s = *rest;
    size_t at = str_index(s, sep);
    if (at == s.n)
        *rest = (str){ NULL, 0 };
    else
        *rest = str_skip(s, at + 1);
    return str_take(s, at);
}

str str_cut_utf8(str *rest, size_t most)
{
    size_t n = rest->n;
    if (n > most) {
        n = most;
        while (n > most - 3 && ((unsigned char)rest->p[n] & 0xc0) == 0x80)
            n--;
    }
    str piece = str_take(*rest, n);
    *rest = str_skip(*rest, n);
    return piece;
}

bool str_among(str s, const char *const *words)
{
    for (; *words; words++)
        if (str_eq(s, str_c(*words)))
            return true;
    return false;
}

bool str_to_u64(str s, uint64_t *ret)
{
    uint64_t v = 0;
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
            return false;
    }
    *ret = v;
    return true;
}

bool str_to_double(str s, double *ret)
{
    char text[64];
    if (s.n == 0 || s.n >= sizeof(text))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (memchr("0123456789+-.eE", s.p[i], 15) == NULL)
            return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    char *end;
    double v = strtod(text, &end);
    if (end != text + s.n || !__builtin_isfinite(v))
        return false;
    *ret = v;
    return true;
}

bool str_is_utf8(str s)
{
    size_t i = 0;
    while (i < s.n) {
        size_t step = utf8_step(s.p + i, s.n - i);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}

bool str_eq_secret(str a, str b)
{
    if (a.n != b.n)
        return false;
    unsigned char diff = 0;
    for (size_t i = 0; i < a.n; i++)
        diff = (unsigned char)(diff | (a.p[i] ^ b.p[i]));
    return diff == 0;
}
