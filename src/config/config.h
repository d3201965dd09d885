/* config.h - config.yaml (LiteLLM's format) as an immutable, reference-counted snapshot.
 *
 * Loading never stops at the first problem: everything found goes into a struct diags, each with
 * file, line, key and remedy; only unreadable YAML leaves nothing to serve. No globals: a reload
 * loads another one. All strs live in the config's arena.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"
#include "chat/chat.h"

/* ---- diagnostics ---------------------------------------------------------------------------- */

enum diag_level { DIAG_NOTE, DIAG_WARN, DIAG_ERROR };

struct diag {
    struct diag *next;
    enum diag_level level;
    str file;
    unsigned line, column; /* 1-based; 0: not about a place in a file */
    str key;               /* "model_list[2].litellm_params.model" */
    str message;           /* what is wrong, one sentence */
    str remedy;            /* what to do, one sentence; may be empty */
};

struct diags {
    struct arena arena;
    struct diag *first, **tail;
    size_t nerrors, nwarnings;
};

void diags_init(struct diags *d);
void diags_done(struct diags *d);
void diag_add(struct diags *d, enum diag_level level, str file, unsigned line, unsigned column,
              str key, str remedy, const char *fmt, ...) PRINTF(8, 9);
/* "config.yaml:12:5: error: model_list[2].litellm_params.model: missing. Add ..." */
str diag_text(const struct diag *d, struct arena *a);

/* ---- the snapshot --------------------------------------------------------------------------- */

struct header {
    struct header *next;
    str name, value;
};

/* One entry of model_list, as written (names not resolved to vendors: see route/). */
struct model_entry {
    struct model_entry *next;
    unsigned line;
    str model_name; /* public name or pattern */

    /* litellm_params */
    str model; /* "ollama/qwen2.5-coder:14b" */
    str custom_llm_provider, api_base, api_version, organization;
    struct secret api_key;
    bool api_key_given; /* a key was written (it may be empty, as an unset variable is) */
    struct header *headers;          /* extra_headers / headers */
    struct chat_extra *defaults;     /* unlisted keys: default request parameters, JSON text */
    struct chat_extra *extra_body;
    struct chat_str *tags;
    int64_t rpm, tpm, weight, order, max_parallel_requests; /* CHAT_UNSET */
    int64_t timeout_ms, stream_timeout_ms, cooldown_ms;     /* CHAT_UNSET */
    int64_t num_retries;                                    /* CHAT_UNSET */
    enum tri drop_params, modify_params, merge_reasoning, ssl_verify;
    struct chat_str *additional_drop_params, *allowed_openai_params;
    str cache_control_injection_points; /* JSON text */
    str mock_response;
    /* *_cost_per_token keys as written, by LiteLLM's name (from litellm_params and model_info). */
    struct chat_extra *costs;

    /* model_info */
    str id, base_model, mode;
    int64_t max_tokens, max_input_tokens, max_output_tokens;
    struct chat_extra *info; /* every key of model_info, JSON text */
};

/* {"group": [targets]} */
struct fallback {
    struct fallback *next;
    unsigned line;
    str group; /* "*": any */
    struct chat_str *targets;
};

struct alias {
    struct alias *next;
    str name, target;
    bool hidden;
};

struct pass_through {
    struct pass_through *next;
    str path, target;
    struct header *headers;
    bool auth, include_subpath, forward_headers, merge_query_params;
};

struct config {
    struct arena arena;
    unsigned refs; /* atomic */
    str path;      /* the file; empty if there is none */
    struct model_entry *models;
    size_t nmodels;

    /* litellm_settings + router_settings + general_settings, what is honoured */
    struct secret master_key; /* empty: none */
    bool drop_params, modify_params, json_logs, forward_client_headers_to_llm_api;
    bool disable_cooldowns, enable_pre_call_checks;
    enum tri always_include_stream_usage, ssl_verify;
    bool require_auth_for_metrics; /* default true */
    str ssl_ca_file;               /* ssl_verify: "/path" */
    str routing_strategy;          /* "simple-shuffle" */
    int64_t request_timeout_ms, timeout_ms, stream_timeout_ms; /* CHAT_UNSET */
    int64_t num_retries, max_fallbacks, allowed_fails;
    int64_t cooldown_ms, retry_after_ms;
    str retry_policy, allowed_fails_policy, model_group_retry_policy; /* JSON text */
    struct fallback *fallbacks, *context_window_fallbacks, *content_policy_fallbacks;
    struct chat_str *default_fallbacks;
    struct alias *aliases;
    struct pass_through *pass_throughs;
    int64_t max_request_bytes; /* CHAT_UNSET */
};

struct config_source {
    str path;      /* of the file; or */
    str text;      /* its text, for tests and fuzzers (path then only names it) */
    bool has_text;
    /* os.environ/NAME and the LITELLM_* variables; NULL: getenv. */
    const char *(*env)(const char *name, void *arg);
    void *env_arg;
};

/* *ret is NULL only if nothing can be served: the file cannot be read or is not YAML. Exports
 * environment_variables through setenv unless source->env is given. */
rc config_load(const struct config_source *source, struct config **ret, struct diags *d);

/* A local server that was found answering, for config_discover. */
struct found_server {
    const char *kind;  /* "ollama", "hosted_vllm", "llamafile", "lm_studio" */
    str base;          /* "http://127.0.0.1:11434" */
    const str *models; /* the names it listed */
    size_t nmodels;
};

/* A config without a file: what is there (provider keys in the environment become "openai/" + star-like
 * wildcards, local servers their models) and sluice/echo. Notes in d say what was found, what was
 * not, and how to add it. */
rc config_discover(const struct found_server *servers, size_t n, const struct config_source *source,
                   struct config **ret, struct diags *d);

struct config *config_ref(struct config *c);
void config_unref(struct config *c);

#endif
