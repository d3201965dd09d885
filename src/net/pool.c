#include "net/pool.h"

#include "base/map.h"
#include "base/mem.h"

uint64_t origin_hash(str host, uint16_t port, bool tls)
{
    return str_hash(host) ^ ((uint64_t)port << 1 | tls) * 0x9e3779b97f4a7c15u;
}

static bool is_same(const struct origin *a, const struct origin *b)
{
    return a->hash == b->hash && a->port == b->port && a->tls == b->tls &&
           a->tls_unverified == b->tls_unverified && a->public_only == b->public_only &&
           a->tls_context == b->tls_context && str_eq(a->host, b->host);
}

struct pool *pool_of(struct client *cl, const struct origin *o)
{
    struct pool **bucket = &cl->buckets[o->hash % POOL_BUCKETS];
    for (struct pool *p = *bucket; p; p = p->next)
        if (is_same(&p->origin, o))
            return p;
    struct pool *p = mem_zalloc(sizeof(*p) + o->host.n);
    char *host = (char *)(p + 1);
    memcpy(host, o->host.p, o->host.n);
    p->client = cl;
    p->origin = *o;
    p->origin.host = (str){ host, o->host.n };
    p->next = *bucket;
    *bucket = p;
    return p;
}

void pool_remove(struct upstream_conn *u)
{
    struct pool *p = u->pool;
    *(u->newer ? &u->newer->older : &p->newest) = u->older;
    *(u->older ? &u->older->newer : &p->oldest) = u->newer;
    u->newer = u->older = NULL;
    p->nidle--;
}

struct upstream_conn *pool_take(struct pool *p)
{
    struct upstream_conn *u = p->newest;
    if (u)
        pool_remove(u);
    return u;
}

void upstream_retire(struct upstream_conn *u)
{
    conn_shutdown(&u->conn);
    conn_close(&u->conn);
}

/* Ends what has idled too long; the deadline then stands for the next oldest. It is not moved as
 * connections come and go: going off for nothing now and then is cheaper. */
static void on_idle(struct deadline *d)
{
    struct pool *p = CONTAINER_OF(d, struct pool, idle);
    struct worker *w = p->client->worker;
    uint64_t now = worker_now_ms(w), idle_ms = p->client->limits.idle_ms;
    while (p->oldest && now - p->oldest->idle_since_ms >= idle_ms) {
        struct upstream_conn *u = p->oldest;
        pool_remove(u);
        upstream_retire(u);
    }
    if (p->oldest)
        deadline_set(&w->deadlines, d, p->oldest->idle_since_ms + idle_ms - now, on_idle);
}

void pool_put(struct upstream_conn *u)
{
    struct pool *p = u->pool;
    struct worker *w = p->client->worker;
    if (p->nidle >= p->client->limits.idle_max) {
        upstream_retire(u);
        return;
    }
    u->idle_since_ms = worker_now_ms(w);
    u->newer = NULL;
    u->older = p->newest;
    *(p->newest ? &p->newest->newer : &p->oldest) = u;
    p->newest = u;
    p->nidle++;
    if (!deadline_is_set(&p->idle))
        deadline_set(&w->deadlines, &p->idle, p->client->limits.idle_ms, on_idle);
    conn_read_start(&u->conn); /* idle ones are watched */
}

void pool_free(struct pool *p)
{
    struct upstream_conn *u;
    while ((u = pool_take(p)))
        upstream_retire(u);
    deadline_clear(&p->client->worker->deadlines, &p->idle);
    tls_resume_done(&p->resume);
    mem_free(p);
}

struct upstream_conn *upstream_new(struct pool *p)
{
    struct upstream_conn *u = mem_alloc(sizeof(*u));
    http1_init(&u->parser, HTTP1_RESPONSES);
    u->pool = p;
    u->call = NULL;
    u->newer = u->older = NULL;
    u->sent = 0;
    u->sent_turn = 0;
    u->flags = 0;
    return u;
}
