#include "server/response_store.h"

#include <uv.h>

#include "base/map.h"
#include "base/mem.h"

#define LIFE_MS (INT64_C(30) * 24 * 3600 * 1000)

struct entry {
    struct entry *newer, *older;
    struct stored_response r; /* its strs: behind the entry */
    int64_t put_ms;
    size_t bytes;
};

struct response_store {
    uv_mutex_t lock;
    struct map by_id;
    struct entry *newest, *oldest;
    size_t bytes, bytes_max;
};

struct response_store *response_store_new(size_t bytes_max)
{
    struct response_store *s = mem_zalloc(sizeof(*s));
    BUG_UNLESS(uv_mutex_init(&s->lock) == 0);
    map_init(&s->by_id);
    s->bytes_max = bytes_max;
    return s;
}

static void unlink_entry(struct response_store *s, struct entry *en)
{
    *(en->newer ? &en->newer->older : &s->newest) = en->older;
    *(en->older ? &en->older->newer : &s->oldest) = en->newer;
    en->newer = en->older = NULL;
}

static void link_newest(struct response_store *s, struct entry *en)
{
    en->newer = NULL;
    en->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = en;
    s->newest = en;
}

static void drop(struct response_store *s, struct entry *en)
{
    map_del(&s->by_id, en->r.id);
    unlink_entry(s, en);
    s->bytes -= en->bytes;
    mem_free(en);
}

void response_store_free(struct response_store *s)
{
    if (!s)
        return;
    while (s->oldest)
        drop(s, s->oldest);
    map_done(&s->by_id);
    uv_mutex_destroy(&s->lock);
    mem_free(s);
}

static str put_str(char **at, str s)
{
    str copy = { *at, s.n };
    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return copy;
}

static struct entry *new_entry(const struct stored_response *r, size_t bytes, int64_t now_ms)
{
    struct entry *en = mem_zalloc(bytes);
    char *at = (char *)(en + 1);
    en->r = (struct stored_response){ .id = put_str(&at, r->id),
                                      .items = put_str(&at, r->items),
                                      .body = put_str(&at, r->body),
                                      .deployment = put_str(&at, r->deployment),
                                      .owner = r->owner };
    en->put_ms = now_ms;
    en->bytes = bytes;
    return en;
}

void response_store_put(struct response_store *s, const struct stored_response *r, int64_t now_ms)
{
    size_t bytes = sizeof(struct entry) + r->id.n + r->items.n + r->body.n + r->deployment.n;
    if (bytes > s->bytes_max / 4 || !r->id.n)
        return;
    struct entry *en = new_entry(r, bytes, now_ms);
    uv_mutex_lock(&s->lock);
    struct entry *old = map_get(&s->by_id, en->r.id);
    if (old)
        drop(s, old);
    while (s->oldest && s->bytes + bytes > s->bytes_max)
        drop(s, s->oldest);
    s->bytes += bytes;
    link_newest(s, en);
    map_put(&s->by_id, en->r.id, en);
    uv_mutex_unlock(&s->lock);
}

/* Under the lock. */
static struct entry *find(struct response_store *s, str id, uint64_t owner, int64_t now_ms)
{
    struct entry *en = map_get(&s->by_id, id);
    if (!en || en->r.owner != owner)
        return NULL;
    if (now_ms - en->put_ms > LIFE_MS) {
        drop(s, en);
        return NULL;
    }
    return en;
}

bool response_store_get(struct response_store *s, str id, uint64_t owner, int64_t now_ms,
                        struct arena *a, struct stored_response *ret)
{
    uv_mutex_lock(&s->lock);
    struct entry *en = find(s, id, owner, now_ms);
    if (en) {
        unlink_entry(s, en);
        link_newest(s, en);
        *ret = (struct stored_response){ .id = arena_dup(a, en->r.id),
                                         .items = arena_dup(a, en->r.items),
                                         .body = arena_dup(a, en->r.body),
                                         .deployment = arena_dup(a, en->r.deployment),
                                         .owner = owner };
    }
    uv_mutex_unlock(&s->lock);
    return en != NULL;
}

bool response_store_del(struct response_store *s, str id, uint64_t owner, int64_t now_ms)
{
    uv_mutex_lock(&s->lock);
    struct entry *en = find(s, id, owner, now_ms);
    if (en)
        drop(s, en);
    uv_mutex_unlock(&s->lock);
    return en != NULL;
}

size_t response_store_bytes(struct response_store *s)
{
    uv_mutex_lock(&s->lock);
    size_t n = s->bytes;
    uv_mutex_unlock(&s->lock);
    return n;
}
