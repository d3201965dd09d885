/* response_store.h - finished responses of the Responses API, kept for previous_response_id and for
 * the routes by id. One per process, shared by its workers (a mutex), in memory only.
 *
 * Entries belong to an owner (a keyed hash of the caller's key): to everybody else they are not
 * there. The least recently used go when the whole grows over its limit, all go after 30 days, as
 * the vendor's do; a restart forgets them.
 */
#ifndef SERVER_RESPONSE_STORE_H
#define SERVER_RESPONSE_STORE_H

#include "base/arena.h"

/* Either kept here (items, body) or at an upstream (deployment): the other is empty. */
struct stored_response {
    str id;
    str items;      /* JSON items that were put in, history first; commas between, no brackets */
    str body;       /* the response object, JSON text */
    str deployment; /* the id of the deployment that keeps it */
    uint64_t owner;
};

struct response_store;

struct response_store *response_store_new(size_t bytes_max);
void response_store_free(struct response_store *s);

/* Copies everything; an entry of that id gives way. What is larger than a quarter of the store is
 * not kept. */
void response_store_put(struct response_store *s, const struct stored_response *r, int64_t now_ms);
/* Copies into a. False: unknown, expired, or somebody else's. */
bool response_store_get(struct response_store *s, str id, uint64_t owner, int64_t now_ms,
                        struct arena *a, struct stored_response *ret);
/* False: as above. */
bool response_store_del(struct response_store *s, str id, uint64_t owner, int64_t now_ms);

/* For tests and metrics. */
size_t response_store_bytes(struct response_store *s);

#endif
