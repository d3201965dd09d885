/* realtime_usage.h - the tokens that a realtime session's server events tell of (OpenAI's
 * /v1/realtime, and vLLM's), picked out of events as they pass.
 *
 * Shape:     an event comes in pieces split anywhere; nothing of it is kept but the names at its
 *            top and its usage object, so that events of any size cost the same few bytes.
 * Counted:   response.done (its response.usage); the usage of transcription.done (vLLM), and of
 *            conversation.item.input_audio_transcription.completed in a session that only
 *            transcribes: elsewhere another model did that, at another price.
 * Limits:    a usage object over REALTIME_USAGE_BYTES_MAX is not counted.
 * Errors:    none: what is not JSON, or has no usage, counts nothing.
 */
#ifndef DIALECT_REALTIME_USAGE_H
#define DIALECT_REALTIME_USAGE_H

#include "base/buf.h"
#include "chat/chat.h"

enum { REALTIME_NAME_BYTES_MAX = 64, REALTIME_USAGE_BYTES_MAX = 4096 };

struct realtime_usage {
    bool transcribes; /* the session only transcribes */
    /* private: see realtime_usage.c */
    struct buf usage; /* memory only while there is a usage object */
    uint32_t depth, usage_depth;
    uint8_t type, where, name_n;
    bool in_string, escaped, takes, takes_type, is_key, in_response, done;
    char name[REALTIME_NAME_BYTES_MAX];
};

void realtime_usage_init(struct realtime_usage *r, bool transcribes);
void realtime_usage_done(struct realtime_usage *r);
/* A piece of an event; first: a new event begins with it. */
void realtime_usage_feed(struct realtime_usage *r, str piece, bool first);
/* The event is complete. True: it told of tokens, which are in *ret. */
bool realtime_usage_end(struct realtime_usage *r, struct chat_usage *ret);

/* sum += u; counters that u lacks stay. */
void realtime_usage_add(struct chat_usage *sum, const struct chat_usage *u);

#endif
