/* quirks.h - what a vendor does differently, as bits: provider rows set them, dialects act on them.
 */
#ifndef CHAT_QUIRKS_H
#define CHAT_QUIRKS_H

#include <stdint.h>

/* Towards OpenAI-compatible servers. */
#define QUIRK_MAX_TOKENS        (UINT64_C(1) << 0) /* max_completion_tokens is sent as max_tokens */
#define QUIRK_NO_DEVELOPER      (UINT64_C(1) << 1) /* role developer is sent as system */
#define QUIRK_NO_STREAM_OPTIONS (UINT64_C(1) << 2) /* refuses stream_options */
#define QUIRK_RANDOM_SEED       (UINT64_C(1) << 3) /* seed is called random_seed */
#define QUIRK_REQUIRED_IS_ANY   (UINT64_C(1) << 4) /* tool_choice required is called any */
#define QUIRK_TOOL_ID_9         (UINT64_C(1) << 5) /* call ids are nine letters and digits */
#define QUIRK_NO_LOGPROBS       (UINT64_C(1) << 6)
#define QUIRK_NO_LOGIT_BIAS     (UINT64_C(1) << 7)
#define QUIRK_NO_PENALTIES      (UINT64_C(1) << 8)
#define QUIRK_NO_N              (UINT64_C(1) << 9)
#define QUIRK_NO_USER           (UINT64_C(1) << 10)
#define QUIRK_NO_SEED           (UINT64_C(1) << 11)
#define QUIRK_NO_STOP           (UINT64_C(1) << 12)
#define QUIRK_NO_NAME           (UINT64_C(1) << 13) /* message `name` is refused */
#define QUIRK_NO_STRICT         (UINT64_C(1) << 14) /* tools' `strict` and additionalProperties */
#define QUIRK_ONLY_JSON_OBJECT  (UINT64_C(1) << 15) /* json_schema unknown: json_object + prompt */
#define QUIRK_CHOICE_AUTO_ONLY  (UINT64_C(1) << 16) /* tool_choice: only auto */
#define QUIRK_REASONING_BACK    (UINT64_C(1) << 17) /* wants reasoning_content back in history */
#define QUIRK_PREFIX            (UINT64_C(1) << 18) /* a trailing assistant turn needs prefix:true */
#define QUIRK_REASONING_ADDS    (UINT64_C(1) << 19) /* completion_tokens lacks reasoning tokens */
#define QUIRK_OPENROUTER        (UINT64_C(1) << 20) /* usage:{include:true}; reasoning_details */
#define QUIRK_REFUSES_UNKNOWN   (UINT64_C(1) << 21) /* unknown members are an error there */
#define QUIRK_OPENAI            (UINT64_C(1) << 22) /* OpenAI itself: reasoning models' own rules */
#define QUIRK_VOYAGE            (UINT64_C(1) << 23) /* embeddings, rerank: names of its own */
#define QUIRK_JINA              (UINT64_C(1) << 24) /* the same */
#define QUIRK_CHAT_ONLY         (UINT64_C(1) << 25) /* no /completions */

/* Any of these and a request of the same dialect cannot pass as it is: it is read and written. */
#define QUIRKS_REWRITE_REQUEST                                                                     \
    (QUIRK_MAX_TOKENS | QUIRK_NO_DEVELOPER | QUIRK_RANDOM_SEED | QUIRK_REQUIRED_IS_ANY |           \
     QUIRK_TOOL_ID_9 | QUIRK_NO_LOGPROBS | QUIRK_NO_LOGIT_BIAS | QUIRK_NO_PENALTIES | QUIRK_NO_N | \
     QUIRK_NO_USER | QUIRK_NO_SEED | QUIRK_NO_STOP | QUIRK_NO_NAME | QUIRK_NO_STRICT |             \
     QUIRK_ONLY_JSON_OBJECT | QUIRK_CHOICE_AUTO_ONLY | QUIRK_PREFIX | QUIRK_OPENROUTER |           \
     QUIRK_OPENAI)

#endif
