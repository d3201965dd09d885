/* defaults.h - the deployment's default request parameters, filled in where the request has none.
 *
 * Names are those of a configuration file, that is OpenAI's chat parameters as LiteLLM takes them
 * ("temperature", "max_tokens", "reasoning_effort", "thinking", ...). Names without a neutral place
 * become extras, so that the writers treat them as if the client had sent them.
 */
#ifndef CHAT_DEFAULTS_H
#define CHAT_DEFAULTS_H

#include "chat/chat.h"

/* Fills what r leaves open; applying twice changes nothing. r is a copy of the caller's where the
 * original must stay as it is: only members are set, no list of the original is changed. */
void chat_apply_defaults(struct chat_req *r, const struct chat_extra *defaults, struct arena *a);

#endif
