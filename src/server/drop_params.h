/* drop_params.h - additional_drop_params: takes members out of a request, named by LiteLLM's paths.
 *
 * "x", "a.b", "tools[*].input_examples", "arr[0].c".
 */
#ifndef SERVER_DROP_PARAMS_H
#define SERVER_DROP_PARAMS_H

#include "chat/chat.h"

/* body (valid JSON) without what the paths name; the result lives in a. */
MUST_CHECK rc drop_params(str body, const struct chat_str *paths, struct arena *a, str *ret,
                          struct err *e);

#endif
