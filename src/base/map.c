#include "base/map.h"

#include <pthread.h>
#include <sys/random.h>

#include "base/mem.h"

static uint64_t hash_key[2];
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;

static void draw_key(void)
{
    if (getrandom(hash_key, sizeof(hash_key), 0) != (ssize_t)sizeof(hash_key))
        __builtin_trap();
}

static uint64_t rotl(uint64_t x, int b)
{
    return (x << b) | (x >> (64 - b));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein 2012). */
uint64_t str_hash(str s)
{
    pthread_once(&hash_once, draw_key);
    uint64_t v[4] = { hash_key[0] ^ 0x736f6d6570736575u, hash_key[1] ^ 0x646f72616e646f6du,
                      hash_key[0] ^ 0x6c7967656e657261u, hash_key[1] ^ 0x7465646279746573u };
    size_t i = 0;
    for (; i + 8 <= s.n; i += 8) {
        uint64_t m;
        memcpy(&m, s.p + i, 8);
        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
    }
    uint64_t last = (uint64_t)s.n << 56;
    for (size_t k = 0; i + k < s.n; k++)
        last |= (uint64_t)(unsigned char)s.p[i + k] << (8 * k);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_init(struct map *m)
{
    *m = (struct map){ 0 };
}

void map_done(struct map *m)
{
    mem_free(m->slots);
    map_init(m);
}

/* The slot of key, or the free slot where it would go. */
static struct map_slot *find(const struct map *m, str key, uint64_t hash)
{
    size_t i = (size_t)hash & (m->cap - 1);
    while (m->slots[i].value && !(m->slots[i].hash == hash && str_eq(m->slots[i].key, key)))
        i = (i + 1) & (m->cap - 1);
    return &m->slots[i];
}

static void grow(struct map *m)
{
    struct map old = *m;
    m->cap = old.cap ? old.cap * 2 : 8;
    m->slots = mem_zalloc(m->cap * sizeof(*m->slots));
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].value)
            *find(m, old.slots[i].key, old.slots[i].hash) = old.slots[i];
    mem_free(old.slots);
}

void *map_put(struct map *m, str key, void *value)
{
    BUG_UNLESS(value);
    if (m->n * 4 >= m->cap * 3)
        grow(m);
    uint64_t hash = str_hash(key);
    struct map_slot *s = find(m, key, hash);
    void *old = s->value;
    if (!old)
        m->n++;
    *s = (struct map_slot){ key, hash, value };
    return old;
}

void *map_get(const struct map *m, str key)
{
    if (m->n == 0)
        return NULL;
    return find(m, key, str_hash(key))->value;
}

void *map_del(struct map *m, str key)
{
    if (m->n == 0)
        return NULL;
    struct map_slot *s = find(m, key, str_hash(key));
    void *old = s->value;
    if (!old)
        return NULL;
    m->n--;
    /* Close the gap: move back whatever probed past it (linear probing, Knuth 6.4 R). */
    size_t hole = (size_t)(s - m->slots), i = hole;
    m->slots[hole] = (struct map_slot){ 0 };
    for (;;) {
        i = (i + 1) & (m->cap - 1);
        if (!m->slots[i].value)
            return old;
        size_t home = (size_t)m->slots[i].hash & (m->cap - 1);
        if (((i - home) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
            m->slots[hole] = m->slots[i];
            m->slots[i] = (struct map_slot){ 0 };
            hole = i;
        }
    }
}
