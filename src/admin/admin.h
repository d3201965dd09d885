/* admin.h - what the gateway says about itself: probes, model lists, metrics, the front page, and
 * the table of every endpoint.
 *
 * Each function serves one exchange to its end.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "server/endpoint.h"
#include "server/exchange.h"

extern const struct endpoint admin_endpoints[];
extern const size_t admin_endpoint_count;

void admin_liveliness(struct exchange *x);
void admin_readiness(struct exchange *x);
void admin_health(struct exchange *x);
void admin_models(struct exchange *x);     /* GET /v1/models, in the caller's dialect */
void admin_model(struct exchange *x);      /* GET /v1/models/ID */
void admin_model_info(struct exchange *x); /* GET /model/info */
void admin_model_group_info(struct exchange *x);
void admin_metrics(struct exchange *x);
void admin_page(struct exchange *x);        /* GET / */
void admin_gemini_post(struct exchange *x); /* POST /v1beta/models/MODEL:METHOD */
void admin_ollama_version(struct exchange *x);
void admin_ollama_tags(struct exchange *x);
void admin_ollama_ps(struct exchange *x);
void admin_ollama_show(struct exchange *x);
void admin_ollama_chat(struct exchange *x);
void admin_ollama_generate(struct exchange *x);
void admin_ollama_elsewhere(struct exchange *x); /* pull, push, create...: not a gateway's */
void admin_audio_list(struct exchange *x);       /* GET /v1/audio/models, /v1/audio/voices */

#endif
