/* errand.h - a small request of our own and its whole answer in one callback: probes, tokens,
 * hooks.
 *
 * Everything given is copied. done comes exactly once, never from inside errand_start, and not
 * after errand_cancel; the errand is over and freed when done returns. Redirects are answers like
 * any other, nothing is retried but a stale connection (client.h).
 */
#ifndef NET_ERRAND_H
#define NET_ERRAND_H

#include "net/client.h"

struct errand_request {
    str method; /* empty: GET, or POST if there is a body */
    str url;    /* absolute, http or https */
    str fields; /* whole lines, "name: value\r\n" each (http_add_field); Host,
                   Content-Length and Accept are added where they are due */
    str body;
    uint32_t timeout_ms;   /* for everything; 0: 10 s */
    size_t body_bytes_max; /* of the answer; 0: 1 MiB */
    bool tls_unverified;
    struct tls_context *tls_context; /* as in struct origin */
};

struct errand_answer {
    /* OK, or what kept an answer from coming: E_IO (not reached, or cut off), E_TIMEOUT, E_SYNTAX
     * (not HTTP), E_LIMIT (longer than body_bytes_max). A status of 500 is an answer. */
    rc result;
    struct err err;   /* if it is not OK: one sentence */
    unsigned status;  /* 0: no head came */
    str content_type; /* empty: none given */
    str body;         /* what came of it; these live until done returns */
};

struct errand;

/* NULL and e: the URL or the method is not one; done does not come. */
struct errand *errand_start(struct client *cl, const struct errand_request *r,
                            void (*done)(void *arg, const struct errand_answer *a), void *arg,
                            struct err *e);
void errand_cancel(struct errand *er);

#endif
