/* map.h - str keys to pointers; seeded hashing, so that callers cannot choose collisions.
 *
 * Keys are borrowed and must outlive the map. Insertion order is kept by nobody: iterate an array
 * of your own where order matters. Lookups do not change the map, so a finished map may be read by
 * many threads.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_slot {
    str key;
    uint64_t hash;
    void *value; /* NULL: a free slot */
};

struct map {
    struct map_slot *slots;
    size_t cap; /* 0 or a power of two */
    size_t n;
};

void map_init(struct map *m);
void map_done(struct map *m);
/* Sets key to value (not NULL); returns the value it replaces, or NULL. */
void *map_put(struct map *m, str key, void *value);
/* The value of key, or NULL. */
void *map_get(const struct map *m, str key);
/* Removes key; returns its value, or NULL. */
void *map_del(struct map *m, str key);

/* Keyed hash (SipHash-1-3 with a key drawn at first use). */
uint64_t str_hash(str s);

#endif
