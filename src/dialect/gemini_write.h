/* gemini_write.h - what the parts of the request writer share: one struct for one request.
 */
#ifndef DIALECT_GEMINI_WRITE_H
#define DIALECT_GEMINI_WRITE_H

#include "dialect/gemini_internal.h"
#include "dialect/members.h"

enum turn { NOBODY, USER, MODEL };

struct pending { /* a call that waits for its result */
    struct pending *next;
    const struct chat_call *call;
};

struct writer {
    struct jw w;
    const struct chat_req *req;
    const struct chat_target *target;
    struct chat_loss *loss;
    struct arena *arena;
    struct err *err;
    struct gemini_model model;
    jval *config;   /* generationConfig of the extra body: its members win */
    jval *kept;     /* generationConfig members that a Gemini client gave and only Gemini knows */
    enum turn turn; /* whose content is open */
    bool any, config_open;
    bool signed_step; /* the step's first call is out */
    struct pending *pending, **pending_tail;
};

/* A Gemini client's own request: it goes out as it came in. */
static inline bool gemini_own(const struct writer *p)
{
    return p->req->origin == DIALECT_GEMINI;
}

/* True if extra_body sets that member: what we would write gives way. */
static inline bool gemini_overridden(const struct writer *p, str name)
{
    return members_find(p->target->extra_body, name) != NULL;
}

/* json as a tree in the request's arena; NULL if it is none. */
jval *gemini_parse(struct writer *p, str json);

/* Some tool is the client's to run. */
bool gemini_any_function(const struct writer *p);
/* JSON must be asked for in the system instruction instead of in generationConfig. */
bool gemini_json_in_words(const struct writer *p);

/* One member of the body each, if there is anything to say; E_UNSUPPORTED for what cannot be. */
rc gemini_write_contents(struct writer *p);
void gemini_write_system(struct writer *p);
rc gemini_write_tools(struct writer *p); /* and toolConfig */
rc gemini_write_config(struct writer *p);

#endif
