/* auth.h - may this request be served? One place, before the body is looked at.
 */
#ifndef SERVER_AUTH_H
#define SERVER_AUTH_H

#include "server/exchange.h"

/* NULL: yes. Else the refusal (401), in the exchange's arena. Without a master key everybody may
 * use the models and nobody may administer. */
struct chat_error *auth_check(struct exchange *x, const struct http_head *head);

#endif
