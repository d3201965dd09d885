/* anthropic_model.h - what each generation of Claude takes, told from the model's name.
 *
 * Names come in many dresses ("claude-3-5-sonnet-20241022", "claude-opus-4-8",
 * "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-haiku-4-5@20251001"): what counts are the
 * line's word and the first one or two small numbers. A name that is not Claude's (others offer
 * this wire format too) gets the cautious traits: 4096 tokens, a thinking budget, no structured
 * output.
 *
 * Source: Anthropic's model and thinking documentation as of November 2026.
 */
#ifndef DIALECT_ANTHROPIC_MODEL_H
#define DIALECT_ANTHROPIC_MODEL_H

#include "chat/chat.h"

enum claude_trait {
    CLAUDE_MANUAL = 1 << 0,       /* thinking {type:enabled, budget_tokens} */
    CLAUDE_ADAPTIVE = 1 << 1,     /* thinking {type:adaptive} + output_config.effort */
    CLAUDE_CAN_DISABLE = 1 << 2,  /* thinking {type:disabled} */
    CLAUDE_BETWEEN = 1 << 3,      /* thinking {type:between_tools} */
    CLAUDE_SCHEMA = 1 << 4,       /* output_config.format and strict tools */
    CLAUDE_SAMPLING = 1 << 5,     /* temperature, top_p and top_k at will */
    CLAUDE_ONE_SAMPLING = 1 << 6, /* but not temperature and top_p together */
    CLAUDE_PREFILL = 1 << 7,      /* the last message may be the assistant's */
    CLAUDE_FORCE = 1 << 8,        /* tool_choice any and tool */
    CLAUDE_SYSTEM_TURN = 1 << 9,  /* role system between the messages */
    CLAUDE_EFFORT_BETA = 1 << 10, /* effort only with its beta header */
    CLAUDE_NO_XHIGH = 1 << 11,    /* effort knows max but not xhigh */
};

struct claude {
    uint32_t traits;
    int32_t max_output;          /* tokens */
    enum chat_effort effort_max; /* EFFORT_UNSET: output_config.effort is not known */
};

struct claude claude_of(str model);

#endif
