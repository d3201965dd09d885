/* dns.h - names to addresses: getaddrinfo on libuv's threads, answers cached per worker.
 *
 * An answer is kept for 30 s, a failure for 1 s; getaddrinfo tells no TTL. When a later lookup
 * fails, the last good answer is used. Lookups of one name at the same time are one. Literals and
 * localhost (RFC 6761 6.3) are answered without asking anybody.
 */
#ifndef NET_DNS_H
#define NET_DNS_H

#include <netinet/in.h>

#include "base/err.h"
#include "net/worker.h"

enum { DNS_ADDRS_MAX = 8 };

union dns_addr {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct dns_addrs {
    uint8_t n;
    union dns_addr at[DNS_ADDRS_MAX]; /* port 0 */
};

struct dns;

/* Embedded in whoever waits. */
struct dns_query {
    struct dns_query *next, **link; /* link == NULL: not waiting */
    /* addrs NULL: failed, err says why. Both live until it returns. */
    void (*done)(struct dns_query *q, const struct dns_addrs *addrs, const struct err *err);
};

enum dns_result { DNS_FOUND, DNS_WAIT, DNS_FAILED };

struct dns *dns_new(struct worker *w);
/* Nobody may be waiting. Memory goes when the last lookup has come back. */
void dns_free(struct dns *d);

/* DNS_FOUND: ret is filled. DNS_WAIT: q->done comes later, unless dns_cancel. DNS_FAILED: e. */
enum dns_result dns_lookup(struct dns *d, str host, struct dns_query *q, struct dns_addrs *ret,
                           struct err *e);
void dns_cancel(struct dns_query *q);
/* None of the cached addresses of host answered: the next lookup asks anew. */
void dns_doubt(struct dns *d, str host);

#endif
