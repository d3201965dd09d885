/* count.h - what counts tokens: POST /utils/token_counter, and what op_count.c shares with it.
 */
#ifndef SERVER_COUNT_H
#define SERVER_COUNT_H

#include "chat/tokens.h"
#include "json/doc.h"
#include "route/route.h"
#include "server/call.h"

/* POST /utils/token_counter {model, prompt | messages | contents, tools, system}, in LiteLLM's
 * shape. With ?call_endpoint=true the vendor is asked, where it has a counter. */
void count_serve(struct exchange *x);

/* That body in whichever dialect it is. E_SYNTAX. */
rc count_read(struct chat_req *ret, jval *body, struct arena *a, struct err *e);
/* Appends its answer: the vendor's number, and body, the answer it stood in. */
void count_write_vendors(struct buf *out, str asked, str model, const char *vendor, int64_t n,
                         str body);

/* What a call's request is, by k and from zero; -1: it cannot be read. */
int64_t count_prompt(struct call *c, struct token_counter *k);
/* plan_options.fits, of a struct call: into model_info.max_input_tokens, where that is given. */
bool count_fits(void *call, const struct deployment *d);

/* The vendor of such a deployment has a counter. */
bool count_by_vendor(const struct deployment *d);
/* The name by which the model's encoding is known: base_model, where it is given. */
str count_model(const struct deployment *d, str model);
/* "x-sluice-token-count: o200k_base\r\n". */
str count_field(const struct token_counter *k, struct arena *a);

#endif
