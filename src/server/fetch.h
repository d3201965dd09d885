/* fetch.h - media that a request gives by URL, fetched for vendors that take bytes only.
 *
 * All of a request's URLs are asked at once, over connections of their own. A client thereby makes
 * us call hosts of its choice, so: http and https only; only addresses of the public Internet,
 * checked as they are connected to (net/public_addr.h), but for hosts that the operator named; at
 * most three redirects, each under the same rules; nothing of the caller's or the gateway's goes
 * along; limits on count, bytes and time; and what comes has to be a picture, a sound, a video or a
 * PDF.
 *
 * What was fetched is kept for the exchange (further attempts), not beyond it.
 */
#ifndef SERVER_FETCH_H
#define SERVER_FETCH_H

#include "dialect/dialect.h"
#include "net/worker.h"

enum { FETCH_URLS_MAX = 16 };

struct fetch_rules {
    bool any_host;                        /* user_url_validation: false */
    const struct chat_str *allowed_hosts; /* user_url_allowed_hosts: "host" or "host:port" */
    size_t bytes_max;                     /* of all of them together */
    uint32_t timeout_ms;                  /* for all of them together */
};

/* One URL's bytes. */
struct fetched {
    struct fetched *next;
    str url, mime;
    str data; /* base64 */
};

struct fetch;

/* r has media by URL which `out` cannot send on and which are not in `have`. */
bool fetch_needed(const struct chat_req *r, const struct dialect *out, const struct fetched *have);

/* Adds what comes to *have. done comes once, not from inside fetch_start and not after
 * fetch_cancel; result not OK: err names the host and says why (E_SYNTAX, E_LIMIT: the caller's
 * fault). Everything lives in the arena, which must outlive the fetch. NULL and e: a URL is not one
 * that may be fetched. */
struct fetch *fetch_start(struct worker *w, const struct chat_req *r, const struct dialect *out,
                          const struct fetch_rules *rules, struct fetched **have, struct arena *a,
                          void (*done)(void *arg, rc result, const struct err *err), void *arg,
                          struct err *e);
void fetch_cancel(struct fetch *f);

/* Puts what was fetched in the place of its URLs, where `out` needs it. */
void fetch_fill(struct chat_req *r, const struct dialect *out, const struct fetched *have);

/* ---- for tests ---- */

/* The type that the first bytes of well-known formats tell; empty: none of them. */
str fetch_sniff(str bytes);
bool fetch_host_listed(const struct chat_str *hosts, str host, uint16_t port);

#endif
