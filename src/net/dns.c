#include "net/dns.h"

#include <net/if.h>
#include <netdb.h>

#include "base/map.h"
#include "base/mem.h"

enum { GOOD_MS = 30 * 1000, BAD_MS = 1000, NAME_MAX_BYTES = 253 };

struct entry {
    struct dns *dns;
    struct entry *next;
    struct dns_query *waiting;
    struct dns_addrs addrs; /* n == 0: never found */
    uint64_t fresh_until_ms;
    uv_getaddrinfo_t req;
    int status; /* of the last lookup, as libuv has it */
    bool looking;
    char name[];
};

struct dns {
    struct worker *worker;
    struct map names;
    struct entry *all;
    size_t looking;
    bool over;
};

struct dns *dns_new(struct worker *w)
{
    struct dns *d = mem_zalloc(sizeof(*d));
    d->worker = w;
    map_init(&d->names);
    return d;
}

static void free_if_over(struct dns *d)
{
    if (!d->over || d->looking)
        return;
    for (struct entry *en = d->all; en;) {
        struct entry *next = en->next;
        mem_free(en);
        en = next;
    }
    map_done(&d->names);
    mem_free(d);
}

void dns_free(struct dns *d)
{
    d->over = true;
    for (struct entry *en = d->all; en; en = en->next) {
        BUG_UNLESS(!en->waiting);
        if (en->looking)
            uv_cancel((uv_req_t *)&en->req);
    }
    free_if_over(d);
}

static void add_addr(struct dns_addrs *to, const struct sockaddr *a)
{
    if (to->n == DNS_ADDRS_MAX)
        return;
    union dns_addr *at = &to->at[to->n];
    if (a->sa_family == AF_INET)
        memcpy(&at->v4, a, sizeof(at->v4));
    else if (a->sa_family == AF_INET6)
        memcpy(&at->v6, a, sizeof(at->v6));
    else
        return;
    to->n++;
}

static bool is_localhost(str host)
{
    str dotted = S(".localhost");
    return str_ieq(host, S("localhost")) ||
           (host.n > dotted.n && str_ieq(str_skip(host, host.n - dotted.n), dotted));
}

/* What needs no asking: "127.0.0.1", "::1", "fe80::1%eth0", "localhost". */
static bool know(str host, const char *name, struct dns_addrs *ret)
{
    union dns_addr a = { 0 };
    ret->n = 0;
    if (uv_ip4_addr(name, 0, &a.v4) == 0 || uv_ip6_addr(name, 0, &a.v6) == 0) {
        add_addr(ret, &a.any);
    } else if (is_localhost(host)) {
        uv_ip4_addr("127.0.0.1", 0, &a.v4);
        add_addr(ret, &a.any);
        uv_ip6_addr("::1", 0, &a.v6);
        add_addr(ret, &a.any);
    }
    return ret->n > 0;
}

static void explain(struct err *e, const char *name, int status)
{
    fail(e, E_IO, "dns", 0, "the name %s does not resolve: %s", name,
         status ? uv_strerror(status) : "it has no address");
}

static void on_answer(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct entry *en = CONTAINER_OF(req, struct entry, req);
    struct dns *d = en->dns;
    struct err e = { 0 };
    struct dns_addrs addrs = { 0 };
    for (struct addrinfo *a = found; a; a = a->ai_next)
        add_addr(&addrs, a->ai_addr);
    uv_freeaddrinfo(found);
    en->looking = false;
    en->status = status;
    if (addrs.n)
        en->addrs = addrs;
    en->fresh_until_ms = worker_now_ms(d->worker) + (addrs.n ? GOOD_MS : BAD_MS);
    if (!en->addrs.n)
        explain(&e, en->name, status);
    struct dns_query *waiting = en->waiting;
    en->waiting = NULL;
    if (waiting)
        waiting->link = &waiting;
    addrs = en->addrs;
    while (waiting) {
        struct dns_query *q = waiting;
        dns_cancel(q);
        q->done(q, addrs.n ? &addrs : NULL, &e);
    }
    d->looking--; /* last: a callback may have freed the client and us with it */
    free_if_over(d);
}

static struct entry *entry_of(struct dns *d, str host, const char *name)
{
    struct entry *en = map_get(&d->names, host);
    if (en)
        return en;
    en = mem_zalloc(sizeof(*en) + host.n + 1);
    memcpy(en->name, name, host.n);
    en->dns = d;
    en->next = d->all;
    d->all = en;
    map_put(&d->names, (str){ en->name, host.n }, en);
    return en;
}

static int ask(struct dns *d, struct entry *en)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    int r = uv_getaddrinfo(&d->worker->loop, &en->req, on_answer, en->name, NULL, &hints);
    if (r == 0) {
        en->looking = true;
        d->looking++;
    }
    return r;
}

enum dns_result dns_lookup(struct dns *d, str host, struct dns_query *q, struct dns_addrs *ret,
                           struct err *e)
{
    char name[NAME_MAX_BYTES + 1];
    if (host.n == 0 || host.n > NAME_MAX_BYTES || memchr(host.p, '\0', host.n)) {
        fail(e, E_SYNTAX, "dns", 0, "the host name is empty or too long");
        return DNS_FAILED;
    }
    memcpy(name, host.p, host.n);
    name[host.n] = '\0';
    if (know(host, name, ret))
        return DNS_FOUND;
    struct entry *en = entry_of(d, host, name);
    if (!en->looking) {
        if (worker_now_ms(d->worker) < en->fresh_until_ms || (en->status = ask(d, en)) != 0) {
            if (en->addrs.n) {
                *ret = en->addrs;
                return DNS_FOUND;
            }
            explain(e, en->name, en->status);
            return DNS_FAILED;
        }
    }
    q->next = en->waiting;
    q->link = &en->waiting;
    if (q->next)
        q->next->link = &q->next;
    en->waiting = q;
    return DNS_WAIT;
}

void dns_cancel(struct dns_query *q)
{
    if (!q->link)
        return;
    *q->link = q->next;
    if (q->next)
        q->next->link = q->link;
    q->link = NULL;
}

void dns_doubt(struct dns *d, str host)
{
    struct entry *en = map_get(&d->names, host);
    if (en)
        en->fresh_until_ms = 0;
}
