/* provider.h - the vendors, a row each: prefix, dialect, base URL, how to authenticate, quirks.
 */
#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H

#include "base/err.h"
#include "chat/chat.h"
#include "chat/quirks.h"

enum auth_style {
    AUTH_BEARER,    /* Authorization: Bearer KEY */
    AUTH_X_API_KEY, /* x-api-key: KEY */
    AUTH_API_KEY,   /* api-key: KEY (Azure) */
    AUTH_X_GOOG,    /* x-goog-api-key: KEY */
};

enum { PROVIDER_ENVS_MAX = 4 };

struct provider {
    const char *prefix; /* "groq": what stands before the slash in litellm_params.model */
    const char *label;  /* "Groq": for people and error texts */
    enum dialect_id dialect;
    const char *base;         /* default base URL; NULL: api_base is required */
    const char *path_if_bare; /* put in front where api_base has no path: "/v1"; NULL: nothing */
    enum auth_style auth;
    bool key_optional;
    bool realtime; /* its own server has /v1/realtime */
    const char *key_env[PROVIDER_ENVS_MAX];
    const char *base_env[PROVIDER_ENVS_MAX];
    uint64_t quirks;
    const char *later; /* not served yet: what to say instead; NULL: served */
};

extern const struct provider providers[];
extern const size_t provider_count;

const struct provider *provider_find(str prefix);

struct provider_choice {
    const struct provider *provider; /* NULL: none */
    str model;                       /* the upstream's name, prefix taken off */
    bool by_shape;                   /* a bare name taken by its looks: worth a warning */
};

/* LiteLLM's rule (custom_llm_provider, prefix, known host in api_base, known bare name), then ours:
 * bare claude-*, command-*, gpt-*, o<digit>*, gemini-* ... by shape, and any other name with an
 * api_base as OpenAI-compatible. */
struct provider_choice provider_resolve(str model, str custom_llm_provider, str api_base,
                                        struct arena *a);

#endif
