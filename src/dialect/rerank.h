/* rerank.h - the ranking API: Cohere's shape, which nearly everybody took over, and the vendors'
 * bends of it.
 */
#ifndef DIALECT_RERANK_H
#define DIALECT_RERANK_H

#include "chat/rerank.h"
#include "dialect/dialect.h"

/* A caller's request, into zeroed memory. E_SYNTAX: e->where names the member. */
rc rerank_read(struct rerank_req *ret, jval *body, struct arena *a, struct err *e);
/* Appends the body for a vendor. */
void rerank_write(struct buf *out, const struct rerank_req *r, const struct chat_target *t,
                  struct arena *a);
/* Below the deployment's base; empty: vendors of that dialect do not rank. */
str rerank_path(enum dialect_id vendor, bool base_has_path);
/* Any vendor's answer, into zeroed memory. E_UPSTREAM: it is none. */
rc rerank_read_reply(struct rerank_reply *ret, const struct rerank_req *r, str body,
                     struct arena *a, struct err *e);
void rerank_write_reply(struct buf *out, const struct rerank_reply *v, const struct rerank_req *r,
                        const struct dialect_ctx *c);

#endif
