#include "base/mem.h"
#include "net/pool.h"
#include "net/public_addr.h"

enum { CONNECT_MS = 10 * 1000, SHARE_MS_MIN = 250 };

/* What exists only while a call has no connection. */
struct client_connecting {
    struct client_call *call;
    struct pool *pool;
    struct upstream_conn *u; /* the attempt that is on */
    struct dns_query query;
    struct deadline deadline; /* of the attempt, or of the whole */
    uint64_t until_ms;
    struct dns_addrs addrs;
    uint8_t at;        /* the address to try next */
    bool inside_start; /* no callbacks yet */
    struct conn_tls tls;
    struct buf early; /* client_send before there was a connection */
    enum client_fail why;
    struct err err;
};

static void try_next(struct client_connecting *k);

static struct deadlines *deadlines_of(struct client_connecting *k)
{
    return &k->pool->client->worker->deadlines;
}

static void dispose(struct client_connecting *k)
{
    k->call->connecting = NULL;
    dns_cancel(&k->query);
    deadline_clear(deadlines_of(k), &k->deadline);
    buf_done(&k->early);
    mem_free(k);
}

static void drop_attempt(struct client_connecting *k)
{
    if (!k->u)
        return;
    k->u->call = NULL;
    conn_close(&k->u->conn);
    k->u = NULL;
}

static void give_up_now(struct deadline *d)
{
    struct client_connecting *k = CONTAINER_OF(d, struct client_connecting, deadline);
    struct client_call *call = k->call;
    struct err err = k->err;
    enum client_fail why = k->why;
    dispose(k);
    call->state = CALL_OVER;
    call->ops->on_fail(call, why, &err);
}

static void give_up(struct client_connecting *k)
{
    drop_attempt(k);
    dns_cancel(&k->query);
    if (k->inside_start)
        deadline_set(deadlines_of(k), &k->deadline, 0, give_up_now);
    else
        give_up_now(&k->deadline);
}

static void on_deadline(struct deadline *d)
{
    struct client_connecting *k = CONTAINER_OF(d, struct client_connecting, deadline);
    const struct origin *o = &k->pool->origin;
    bool whole = worker_now_ms(k->pool->client->worker) >= k->until_ms;
    if (k->query.link)
        fail(&k->err, E_TIMEOUT, "connect", 0,
             "looking up the name %.*s took too long; check the DNS server", STRF(o->host));
    else
        fail(&k->err, E_TIMEOUT, "connect", 0, "%.*s port %u does not answer in time",
             STRF(o->host), o->port);
    k->why = CLIENT_FAIL_TIMEOUT;
    drop_attempt(k);
    if (whole || k->query.link) {
        dns_doubt(k->pool->client->dns, o->host);
        give_up(k);
    } else {
        try_next(k);
    }
}

/* Time for one attempt: what is left, shared among the addresses that are. */
static void set_attempt_deadline(struct client_connecting *k)
{
    uint64_t now = worker_now_ms(k->pool->client->worker);
    uint64_t left = k->until_ms > now ? k->until_ms - now : 0;
    unsigned others = (unsigned)k->addrs.n - k->at;
    uint64_t share = left / (others + 1);
    if (share < SHARE_MS_MIN)
        share = SHARE_MS_MIN;
    deadline_set(deadlines_of(k), &k->deadline, share < left ? share : left, on_deadline);
}

static void note_failure(struct client_connecting *k, const struct err *err, bool tls)
{
    const struct origin *o = &k->pool->origin;
    k->why = tls ? CLIENT_FAIL_TLS : CLIENT_FAIL_CONNECT;
    fail(&k->err, E_IO, "connect", 0, "%.*s port %u: %s", STRF(o->host), o->port, err->text);
}

static rc start_attempt(struct client_connecting *k, struct upstream_conn *u, struct err *e)
{
    const struct origin *o = &k->pool->origin;
    union dns_addr *addr = &k->addrs.at[k->at++];
    if (addr->any.sa_family == AF_INET6)
        addr->v6.sin6_port = htons(o->port);
    else
        addr->v4.sin_port = htons(o->port);
    return conn_connect(&u->conn, k->pool->client->worker, &addr->any, o->tls ? &k->tls : NULL,
                        &upstream_ops, e);
}

static void try_next(struct client_connecting *k)
{
    while (k->at < k->addrs.n) {
        struct err e = { 0 };
        struct upstream_conn *u = upstream_new(k->pool);
        if (!FAILED(start_attempt(k, u, &e))) {
            u->call = k->call;
            k->u = u;
            set_attempt_deadline(k);
            return;
        }
        note_failure(k, &e, false);
        conn_close(&u->conn);
    }
    dns_doubt(k->pool->client->dns, k->pool->origin.host);
    give_up(k);
}

static bool is_allowed(const struct client_connecting *k, const union dns_addr *a)
{
    return !k->pool->origin.public_only || addr_is_public(&a->any);
}

/* The family that worked last goes first; within a family the resolver's order stands. */
static void take_addrs(struct client_connecting *k, const struct dns_addrs *from)
{
    int first = k->pool->family ? k->pool->family : from->at[0].any.sa_family;
    for (int pass = 0; pass < 2; pass++)
        for (uint8_t i = 0; i < from->n; i++)
            if ((from->at[i].any.sa_family == first) == (pass == 0) && is_allowed(k, &from->at[i]))
                k->addrs.at[k->addrs.n++] = from->at[i];
}

static void use_addrs(struct client_connecting *k, const struct dns_addrs *from)
{
    take_addrs(k, from);
    if (k->addrs.n) {
        try_next(k);
        return;
    }
    k->why = CLIENT_FAIL_FORBIDDEN;
    fail(&k->err, E_UNSUPPORTED, "connect", 0, "%.*s is not an address of the public Internet",
         STRF(k->pool->origin.host));
    give_up(k);
}

static void on_resolved(struct dns_query *q, const struct dns_addrs *addrs, const struct err *err)
{
    struct client_connecting *k = CONTAINER_OF(q, struct client_connecting, query);
    if (addrs) {
        use_addrs(k, addrs);
    } else {
        k->why = CLIENT_FAIL_DNS;
        k->err = *err;
        give_up(k);
    }
}

static rc find_tls(struct client_connecting *k, struct err *e)
{
    const struct origin *o = &k->pool->origin;
    k->tls =
        (struct conn_tls){ .context = o->tls_context, .host = o->host, .resume = &k->pool->resume };
    if (o->tls && !o->tls_context)
        return tls_client_shared(o->tls_unverified, &k->tls.context, e);
    return RC_OK;
}

static void look_up(struct client_connecting *k)
{
    struct dns_addrs found = { 0 };
    if (FAILED(find_tls(k, &k->err))) {
        k->why = CLIENT_FAIL_TLS;
        give_up(k);
        return;
    }
    switch (dns_lookup(k->pool->client->dns, k->pool->origin.host, &k->query, &found, &k->err)) {
    case DNS_FOUND:
        use_addrs(k, &found);
        break;
    case DNS_FAILED:
        k->why = CLIENT_FAIL_DNS;
        give_up(k);
        break;
    case DNS_WAIT:
        break;
    }
}

void connect_begin(struct client_call *call, struct pool *p)
{
    struct client_connecting *k = mem_zalloc(sizeof(*k));
    struct client *cl = p->client;
    uint32_t ms = call->request->connect_ms ? call->request->connect_ms : CONNECT_MS;
    k->call = call;
    k->pool = p;
    k->until_ms = worker_now_ms(cl->worker) + ms;
    k->query.done = on_resolved;
    k->inside_start = true;
    buf_init(&k->early, UINT32_MAX);
    call->connecting = k;
    call->conn = NULL;
    call->state = CALL_CONNECTING;
    deadline_set(&cl->worker->deadlines, &k->deadline, ms, on_deadline);
    look_up(k);
    k->inside_start = false;
}

void connect_cancel(struct client_call *call)
{
    drop_attempt(call->connecting);
    dispose(call->connecting);
}

void connect_opened(struct upstream_conn *u)
{
    struct client_call *call = u->call;
    struct client_connecting *k = call->connecting;
    u->pool->family = k->addrs.at[k->at - 1].any.sa_family;
    struct buf early = k->early;
    buf_init(&k->early, 0);
    k->u = NULL;
    dispose(k);
    call->conn = u;
    upstream_send(u, buf_str(&early));
    buf_done(&early);
}

void connect_failed(struct upstream_conn *u, const struct err *err)
{
    struct client_connecting *k = u->call->connecting;
    bool tls = u->conn.tls && str_eq(str_c(err->where), S("tls"));
    note_failure(k, err, tls);
    drop_attempt(k);
    if (tls) /* another address would say the same */
        give_up(k);
    else
        try_next(k);
}

void connect_keep(struct client_call *call, const str *pieces, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_add(&call->connecting->early, pieces[i]);
}

size_t connect_kept(const struct client_call *call)
{
    return call->connecting->early.n;
}
