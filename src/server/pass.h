/* pass.h - other APIs behind the gateway: /anthropic/..., /openai/..., files and batches, and
 * general_settings.pass_through_endpoints.
 *
 * What the vendor gets: the method, the path (built anew from its parsed segments: no dot segments,
 * no encoded slashes, no other host), the query without the caller's key, an allow-list of fields,
 * the body; and the gateway's own key. What the caller gets: status, body, an allow-list of fields.
 */
#ifndef SERVER_PASS_H
#define SERVER_PASS_H

#include "server/exchange.h"

/* The row for a path that no other endpoint has; NULL: it is nobody's. */
const struct endpoint *pass_find(struct exchange *x);
/* A field that callers may set upstream at all: none of one hop, none with a key. */
bool pass_takes_field(const struct exchange *x, str name);
/* A request's field that goes on. */
bool pass_keeps_field(const struct exchange *x, str name);
/* An answer's field that comes back. */
bool pass_returns_field(str name, str value, unsigned status);
/* The deployment's base without what only its models need (Azure). */
str pass_account_base(const struct deployment *d);
/* Any path of the deployment's server. */
void pass_to_deployment(struct exchange *x, const struct deployment *d, str path);
/* Serves /v1/files, /v1/batches and their like: by OpenAI, or by the vendor that
 * `custom_llm_provider` or `provider` in the query names. */
void pass_to_openai(struct exchange *x);
void pass_to_anthropic(struct exchange *x); /* /v1/messages/batches */

#endif
