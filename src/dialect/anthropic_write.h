/* anthropic_write.h - what the parts of the request writer share: one struct for one request.
 */
#ifndef DIALECT_ANTHROPIC_WRITE_H
#define DIALECT_ANTHROPIC_WRITE_H

#include "base/map.h"
#include "dialect/anthropic_internal.h"
#include "dialect/anthropic_model.h"

enum thinking {
    THINKING_UNSET,
    THINKING_RAW,
    THINKING_MANUAL,
    THINKING_ADAPTIVE,
    THINKING_OFF,
    THINKING_BETWEEN
};

/* How the schema of the answer is asked for. */
enum schema_way { SCHEMA_NONE, SCHEMA_NATIVE, SCHEMA_TOOL, SCHEMA_PROMPT };

/* What is decided before the first byte is written. */
struct anthropic_plan {
    enum thinking thinking;
    bool manual; /* thinking with a budget, also when raw */
    int64_t budget;
    str thinking_raw;
    enum chat_effort effort; /* output_config.effort; EFFORT_UNSET: none */
    enum schema_way schema;
    int64_t max_tokens;
    bool force; /* tool_choice any or tool can be said */
    bool stubs; /* the history has calls but the request no tools */
    bool any_tools;
};

struct writer {
    struct jw w;
    const struct chat_req *r;
    const struct chat_target *t;
    struct chat_loss *loss;
    struct arena *a;
    struct err *e;
    struct claude claude;
    struct anthropic_plan plan;
    int marks_skip; /* cache marks to leave out: at most four are taken, the last ones win */
    enum { TURN_NONE, TURN_USER, TURN_ASSISTANT } turn;
    bool any_turn;
    const struct chat_part *last_text; /* of a prefill: its blank end is cut */
    struct map ids;                    /* tool ids used so far */
    uint32_t ids_made;
    struct chat_message **msgs; /* those that are not hoisted into system */
    size_t nmsgs;
};

/* True if extra_body sets that member: what we would write gives way. */
bool anthropic_overridden(const struct writer *wr, str name);
const struct chat_extra *anthropic_extra(const struct chat_extra *list, str name);
void anthropic_write_mark(struct writer *wr, str cache);

/* Fills wr->plan; E_UNSUPPORTED for what cannot be said. */
rc anthropic_make_plan(struct writer *wr);
void anthropic_write_system(struct writer *wr);
rc anthropic_write_messages(struct writer *wr);
rc anthropic_write_tools(struct writer *wr);

#endif
