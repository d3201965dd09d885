/* openai_chat.h - what others than its table need of the OpenAI chat dialect. */
#ifndef DIALECT_OPENAI_CHAT_H
#define DIALECT_OPENAI_CHAT_H

#include "chat/chat.h"
#include "json/write.h"

/* OpenAI's reasoning models by name (o1, o3-mini, gpt-5...; also openai/gpt-5): they refuse
 * max_tokens and want max_completion_tokens, so that a request with max_tokens cannot be spliced.
 */
bool openai_is_reasoning_model(str model);

/* The value of `usage`, in OpenAI's shape with LiteLLM's additions for prompt caches. */
void openai_write_usage(struct jw *w, const struct chat_usage *u);

#endif
