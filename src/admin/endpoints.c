#include "admin/admin.h"

#include "server/count.h"
#include "server/operation.h"
#include "server/pass.h"
#include "server/realtime.h"
#include "server/responses.h"

/* Every endpoint, once. Spellings without /v1, with /v1/v1, with a vendor's prefix or a trailing
 * slash are found by endpoint_find: they need no rows. */

#define NONE      DIALECT_OPENAI_CHAT /* errors in OpenAI's shape */
#define OPENAI    DIALECT_OPENAI_CHAT
#define CLAUDE    DIALECT_ANTHROPIC
#define GEMINI    DIALECT_GEMINI
#define COHERE    DIALECT_COHERE
#define OLLAMA    DIALECT_OLLAMA
#define RESPONSES DIALECT_OPENAI_RESPONSES

const struct endpoint admin_endpoints[] = {
    /* method, path, access, dialect, serve, no_body */
    { "POST", "/v1/chat/completions", ACCESS_KEY, OPENAI, call_chat, false },
    { "POST", "/v1/responses", ACCESS_KEY, RESPONSES, responses_create, false },
    { "POST", "/v1/responses/input_tokens", ACCESS_KEY, RESPONSES, responses_input_tokens, false },
    { "POST", "/v1/responses/compact", ACCESS_KEY, RESPONSES, responses_compact, false },
    { "GET", "/v1/responses", ACCESS_KEY, RESPONSES, responses_upgrade, true },
    { "GET", "/v1/responses/*", ACCESS_KEY, RESPONSES, responses_by_id, true },
    { "DELETE", "/v1/responses/*", ACCESS_KEY, RESPONSES, responses_by_id, true },
    { "POST", "/v1/responses/*", ACCESS_KEY, RESPONSES, responses_by_id, false },
    { "POST", "/v1/messages", ACCESS_KEY, CLAUDE, call_chat, false },
    { "POST", "/v1beta/models/*", ACCESS_KEY, GEMINI, admin_gemini_post, false },
    { "POST", "/v1/models/*", ACCESS_KEY, GEMINI, admin_gemini_post, false },
    { "POST", "/v2/chat", ACCESS_KEY, COHERE, call_chat, false },
    { "POST", "/api/chat", ACCESS_KEY, OLLAMA, admin_ollama_chat, false },
    { "POST", "/api/generate", ACCESS_KEY, DIALECT_OLLAMA_GENERATE, admin_ollama_generate, false },

    { "POST", "/v1/completions", ACCESS_KEY, DIALECT_OPENAI_TEXT, call_chat, false },

#define OP(path_, dialect_, op_)                                         \
    {                                                                    \
        "POST", path_, ACCESS_KEY, dialect_, call_operation, false, &op_ \
    }
    OP("/v1/messages/count_tokens", CLAUDE, operation_count),
    OP("/v1/embeddings", OPENAI, operation_embeddings),
    OP("/v2/embed", COHERE, operation_embeddings),
    OP("/api/embed", OLLAMA, operation_embeddings),
    OP("/api/embeddings", OLLAMA, operation_embeddings),
    OP("/v1/rerank", OPENAI, operation_rerank),
    OP("/v2/rerank", COHERE, operation_rerank),
    OP("/v1/moderations", OPENAI, operation_moderations),
    OP("/v1/images/generations", OPENAI, operation_images),
    OP("/v1/images/edits", OPENAI, operation_image_edits),
    OP("/v1/images/variations", OPENAI, operation_image_variations),
    OP("/v1/audio/speech", OPENAI, operation_speech),
    OP("/v1/audio/transcriptions", OPENAI, operation_transcriptions),
    OP("/v1/audio/translations", OPENAI, operation_translations),

    /* What has no model, in OpenAI's API. */
    { "*", "/v1/messages/batches", ACCESS_KEY, CLAUDE, pass_to_anthropic, false, &operation_pass },
    { "*", "/v1/messages/batches/*", ACCESS_KEY, CLAUDE, pass_to_anthropic, false,
      &operation_pass },
#define PASS(path_)                                                            \
    {                                                                          \
        "*", path_, ACCESS_KEY, OPENAI, pass_to_openai, false, &operation_pass \
    }
#define REALTIME(path_)                                                          \
    {                                                                            \
        "POST", path_, ACCESS_KEY, OPENAI, realtime_post, false, &operation_pass \
    }
    PASS("/v1/files"),
    PASS("/v1/files/*"),
    PASS("/v1/uploads"),
    PASS("/v1/uploads/*"),
    PASS("/v1/batches"),
    PASS("/v1/batches/*"),
    PASS("/v1/fine_tuning/*"),
    PASS("/v1/vector_stores"),
    PASS("/v1/vector_stores/*"),
    PASS("/v1/containers"),
    PASS("/v1/containers/*"),

    PASS("/v1/realtime/calls/*"),

    { "GET", "/v1/realtime", ACCESS_KEY, OPENAI, realtime_serve, true, NULL, true },
    REALTIME("/v1/realtime/client_secrets"),
    REALTIME("/v1/realtime/calls"),
    REALTIME("/v1/realtime/sessions"),
    REALTIME("/v1/realtime/transcription_sessions"),

    { "POST", "/utils/token_counter", ACCESS_KEY, OPENAI, count_serve, false },
    { "GET", "/api/version", ACCESS_PUBLIC, OLLAMA, admin_ollama_version, true },
    { "GET", "/api/tags", ACCESS_KEY, OLLAMA, admin_ollama_tags, true },
    { "GET", "/api/ps", ACCESS_KEY, OLLAMA, admin_ollama_ps, true },
    { "POST", "/api/show", ACCESS_KEY, OLLAMA, admin_ollama_show, false },
    { "POST", "/api/pull", ACCESS_KEY, OLLAMA, admin_ollama_elsewhere, false },
    { "POST", "/api/push", ACCESS_KEY, OLLAMA, admin_ollama_elsewhere, false },
    { "POST", "/api/create", ACCESS_KEY, OLLAMA, admin_ollama_elsewhere, false },
    { "POST", "/api/copy", ACCESS_KEY, OLLAMA, admin_ollama_elsewhere, false },
    { "DELETE", "/api/delete", ACCESS_KEY, OLLAMA, admin_ollama_elsewhere, false },

    { "GET", "/v1beta/models", ACCESS_KEY, GEMINI, admin_models, true },
    { "GET", "/v1beta/models/*", ACCESS_KEY, GEMINI, admin_model, true },
    { "GET", "/v1/models", ACCESS_KEY, OPENAI, admin_models, true },
    { "GET", "/v1/models/*", ACCESS_KEY, OPENAI, admin_model, true },
    { "GET", "/model/info", ACCESS_KEY, NONE, admin_model_info, true },
    { "GET", "/v1/model/info", ACCESS_KEY, NONE, admin_model_info, true },
    { "GET", "/model_group/info", ACCESS_KEY, NONE, admin_model_group_info, true },
    { "GET", "/v1/audio/models", ACCESS_PUBLIC, OPENAI, admin_audio_list, true },
    { "GET", "/v1/audio/voices", ACCESS_PUBLIC, OPENAI, admin_audio_list, true },

    { "GET", "/health/liveliness", ACCESS_PUBLIC, NONE, admin_liveliness, true },
    { "GET", "/health/liveness", ACCESS_PUBLIC, NONE, admin_liveliness, true },
    { "GET", "/health/readiness", ACCESS_PUBLIC, NONE, admin_readiness, true },
    { "GET", "/health", ACCESS_KEY, NONE, admin_health, true },
    { "GET", "/metrics", ACCESS_KEY, NONE, admin_metrics, true },
    { "GET", "/", ACCESS_PUBLIC, NONE, admin_page, true },
};

const size_t admin_endpoint_count = COUNT_OF(admin_endpoints);
