/* endpoint.h - which request goes where: one table, and the paths people really use.
 *
 * A row is an endpoint: method, path, who may call it, the dialect its callers speak, and the
 * function that serves it once the body is complete. Matching forgives what clients get wrong
 * (clients differ in /v1, doubled and trailing slashes, vendor prefixes) but is one parse only:
 * authorization and dispatch see the same row.
 */
#ifndef SERVER_ENDPOINT_H
#define SERVER_ENDPOINT_H

#include "base/arena.h"
#include "chat/chat.h"

struct exchange;
struct operation;

enum access {
    ACCESS_PUBLIC, /* no key, ever: health, audio lists */
    ACCESS_KEY,    /* any valid key */
    ACCESS_ADMIN,  /* the master key */
};

struct endpoint {
    const char *method; /* "*": any */
    /* "/v1/models": exactly that; "/v1/models/ *" (without the blank): and anything below. */
    const char *path;
    enum access access;
    enum dialect_id dialect; /* shape of answers and errors */
    void (*serve)(struct exchange *x);
    bool no_body;               /* a body is ignored rather than kept */
    const struct operation *op; /* for call_operation */
    bool websocket;             /* may be asked for one: see realtime.h */
};

struct endpoint_match {
    const struct endpoint *row; /* NULL: no such path, or (path_known) not with this method */
    bool path_known;
    const char *allow; /* with path_known and no row: a method that would do */
    str rest;          /* what the star matched, percent-decoded */
    str model;         /* from /engines/M/..., /openai/deployments/M/...; decoded; else empty */
};

/* path: the target without its query. Decoded strings live in a. */
struct endpoint_match endpoint_find(const struct endpoint *table, size_t n, str method, str path,
                                    struct arena *a);

#endif
