/* cache_points.h - cache_control_injection_points of a deployment: prompt-cache marks that clients
 * who know nothing of them get all the same.
 *
 * LiteLLM's shape: [{"location": "message", "role": "system", "index": -1, "control": {...}}]. An
 * index (from the end, if negative) names one message, else a role names all of its messages;
 * "tool_config" marks the last tool, and with it all of them. Control is {"type":"ephemeral"}
 * unless given.
 */
#ifndef SERVER_CACHE_POINTS_H
#define SERVER_CACHE_POINTS_H

#include "chat/chat.h"

struct cache_mark;

/* Sets marks where there are none yet. Points that fit nothing are passed over. */
struct cache_mark *cache_points_apply(struct chat_req *r, str points, struct arena *a);
/* Takes the same marks away: the next attempt may be another vendor's. */
void cache_points_undo(struct cache_mark *marks);

#endif
