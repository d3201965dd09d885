#include "net/public_addr.h"

#include <netinet/in.h>
#include <string.h>

struct block4 {
    uint32_t net;
    uint8_t bits;
};

#define V4(a, b, c, d) \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const struct block4 closed4[] = {
    { V4(0, 0, 0, 0), 8 },        /* this network; 0.0.0.0 reaches the machine itself */
    { V4(10, 0, 0, 0), 8 },       /* private */
    { V4(100, 64, 0, 0), 10 },    /* carrier-grade NAT; a cloud's metadata at 100.100.100.200 */
    { V4(127, 0, 0, 0), 8 },      /* loopback */
    { V4(168, 63, 129, 16), 32 }, /* Azure's host */
    { V4(169, 254, 0, 0), 16 },   /* link-local; metadata at 169.254.169.254 */
    { V4(172, 16, 0, 0), 12 },    /* private */
    { V4(192, 0, 0, 0), 24 },     /* protocol assignments; Oracle's metadata */
    { V4(192, 0, 2, 0), 24 },     /* documentation */
    { V4(192, 88, 99, 0), 24 },   /* 6to4 relays, gone */
    { V4(192, 168, 0, 0), 16 },   /* private */
    { V4(198, 18, 0, 0), 15 },    /* benchmarks */
    { V4(198, 51, 100, 0), 24 },  /* documentation */
    { V4(203, 0, 113, 0), 24 },   /* documentation */
    { V4(224, 0, 0, 0), 4 },      /* multicast */
    { V4(240, 0, 0, 0), 4 },      /* reserved, broadcast */
};

struct block6 {
    uint8_t net[16];
    uint8_t bits;
};

static const struct block6 closed6[] = {
    { { 0x20, 0x01, 0x00 }, 23 },       /* protocol assignments: Teredo, ORCHID... */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
    { { 0x20, 0x02 }, 16 },             /* 6to4: any IPv4 address */
    { { 0x3f, 0xff, 0x00 }, 20 },       /* documentation */
};

static bool within6(const uint8_t *a, const uint8_t *net, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;
    if (memcmp(a, net, bytes) != 0)
        return false;
    return rest == 0 || ((a[bytes] ^ net[bytes]) >> (8 - rest)) == 0;
}

static bool is_public4(uint32_t a)
{
    for (size_t i = 0; i < COUNT_OF(closed4); i++)
        if ((a ^ closed4[i].net) >> (32 - closed4[i].bits) == 0)
            return false;
    return true;
}

static bool is_public6(const uint8_t *a)
{
    static const uint8_t nat64[16] = { 0x00, 0x64, 0xff, 0x9b }, global[16] = { 0x20 };
    if (within6(a, nat64, 96)) /* RFC 6052 */
        return is_public4(V4(a[12], a[13], a[14], a[15]));
    if (!within6(a, global, 3)) /* loopback, mapped IPv4, unique local, link-local, multicast... */
        return false;
    for (size_t i = 0; i < COUNT_OF(closed6); i++)
        if (within6(a, closed6[i].net, closed6[i].bits))
            return false;
    return true;
}

bool addr_is_public(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET)
        return is_public4(ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr));
    if (a->sa_family == AF_INET6)
        return is_public6(((const struct sockaddr_in6 *)a)->sin6_addr.s6_addr);
    return false;
}
