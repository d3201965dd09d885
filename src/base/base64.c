#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void add(struct buf *b, str s, const char *abc, bool pad)
{
    size_t i = 0;
    char *to = buf_room(b, s.n / 3 * 4 + 4), *at = to;
    if (!to)
        return;
    for (; s.n - i >= 3; i += 3) {
        uint32_t v = (uint32_t)(unsigned char)s.p[i] << 16 |
                     (uint32_t)(unsigned char)s.p[i + 1] << 8 | (unsigned char)s.p[i + 2];
        *at++ = abc[v >> 18];
        *at++ = abc[v >> 12 & 63];
        *at++ = abc[v >> 6 & 63];
        *at++ = abc[v & 63];
    }
    size_t left = s.n - i;
    if (left) {
        uint32_t v = (uint32_t)(unsigned char)s.p[i] << 16;
        if (left == 2)
            v |= (uint32_t)(unsigned char)s.p[i + 1] << 8;
        *at++ = abc[v >> 18];
        *at++ = abc[v >> 12 & 63];
        if (left == 2)
            *at++ = abc[v >> 6 & 63];
        for (; pad && left < 3; left++)
            *at++ = '=';
    }
    b->n += (size_t)(at - to);
}

void base64_add(struct buf *b, str s)
{
    add(b, s, alphabet, true);
}

void base64url_add(struct buf *b, str s)
{
    add(b, s, alphabet_url, false);
}

/* 0..63, or 64 if c is not in the alphabet whose last two are c62 and c63. */
static uint32_t value_of(char c, char c62, char c63)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 52;
    return c == c62 ? 62 : c == c63 ? 63 : 64;
}

static bool decode(struct buf *b, str s, const char *abc)
{
    uint32_t v = 0, bad = 0;
    unsigned bits = 0;
    size_t n = 0;
    if (s.n % 4 == 1)
        return false;
    char *to = buf_room(b, s.n / 4 * 3 + 3);
    if (!to)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        uint32_t d = value_of(s.p[i], abc[62], abc[63]);
        bad |= d & 64;
        v = v << 6 | (d & 63);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            to[n++] = (char)(v >> bits & 255);
        }
    }
    if (bad || (v & ((1u << bits) - 1)) != 0)
        return false;
    b->n += n;
    return true;
}

bool base64_decode(struct buf *b, str s)
{
    if (s.n % 4 != 0)
        return false;
    for (int i = 0; i < 2 && s.n && s.p[s.n - 1] == '='; i++)
        s.n--;
    return decode(b, s, alphabet);
}

bool base64url_decode(struct buf *b, str s)
{
    return decode(b, s, alphabet_url);
}
