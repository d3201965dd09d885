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
    struct arena arena; /* texts are copied: a list outlives the config that it speaks about */
    struct diag *first, **tail;
    size_t nerrors, nwarnings;
};

void diags_init(struct diags *d);
void diags_done(struct diags *d);
void diag_add(struct diags *d, enum diag_level level, str file, unsigned line, unsigned column,
              str key, str remedy, const char *fmt, ...) PRINTF(8, 9);
/* "config.yaml:12:5: error: model_list[2].litellm_params.model: missing. Add ..." Control bytes are
 * shown as '?'. */
str diag_text(const struct diag *d, struct arena *a);

/* ---- the snapshot --------------------------------------------------------------------------- */

struct header {
    struct header *next;
    str name, value;
};

/* One entry of model_list, as written (names not resolved to vendors: see route/). */
struct model_entry {
    struct model_entry *next;
    str file; /* of the row; empty if it was made up */
    unsigned line, column;
    size_t row;     /* index in model_list */
    str model_name; /* public name or pattern */

    /* litellm_params */
    str model; /* "ollama/qwen2.5-coder:14b" */
    str custom_llm_provider, api_base, api_version, organization;
    struct secret api_key;
    bool api_key_given;          /* a key was written (it may be empty, as an unset variable is) */
    str api_key_env;             /* the variable it was written as: os.environ/NAME; empty: none */
    struct header *headers;      /* extra_headers / headers */
    struct chat_extra *defaults; /* unlisted keys: default request parameters, JSON text */
    struct chat_extra *extra_body;
    struct chat_str *tags, *access_groups;
    int64_t rpm, tpm, order, max_parallel_requests;        /* CHAT_UNSET */
    int64_t weight;                                        /* in millionths; CHAT_UNSET */
    int64_t timeout_ms, stream_timeout_ms, cooldown_ms;    /* CHAT_UNSET */
    int64_t ttft_timeout_ms, stream_idle_ms, keepalive_ms; /* CHAT_UNSET */
    int64_t num_retries;                                   /* CHAT_UNSET */
    enum tri drop_params, modify_params, merge_reasoning, ssl_verify;
    struct chat_str *additional_drop_params, *allowed_openai_params;
    str cache_control_injection_points; /* JSON text */
    str mock_response;                  /* p == NULL: none; "" is an empty answer */
    /* *_cost_per_token keys as written, by LiteLLM's name (from litellm_params and model_info). */
    struct chat_extra *costs;

    /* model_info */
    str id; /* model_info.id, else a SHA-256 in hex over the row's names and values, secrets left
               out, and a number where several rows are alike */
    bool id_given;
    str base_model, mode;
    int64_t max_tokens, max_input_tokens, max_output_tokens;
    struct chat_extra *info; /* every key of model_info, JSON text */
};

struct fallback_target {
    struct fallback_target *next;
    str model;
    struct chat_extra *overrides; /* {model: x, temperature: 0}: set in the request */
};

/* {"group": [targets]} */
struct fallback {
    struct fallback *next;
    str file;
    unsigned line, column;
    str group; /* "*": any */
    struct fallback_target *targets;
};

struct alias {
    struct alias *next;
    str file;
    unsigned line, column;
    str name, target;
    bool hidden;
};

/* Errors as retry_policy and allowed_fails_policy tell them apart. */
enum error_class {
    CLASS_BAD_REQUEST,
    CLASS_AUTHENTICATION,
    CLASS_TIMEOUT,
    CLASS_RATE_LIMIT,
    CLASS_CONTENT_POLICY,
    CLASS_INTERNAL_SERVER,
    CLASS_COUNT,
};

struct error_policy {
    struct error_policy *next; /* model_group_retry_policy */
    str group;
    int64_t n[CLASS_COUNT]; /* CHAT_UNSET */
};

struct pass_through {
    struct pass_through *next;
    str file;
    unsigned line, column;
    str path, target;
    struct header *headers;
    bool auth, include_subpath, forward_headers, merge_query_params;
};

struct config {
    struct arena arena;
    unsigned refs;                                   /* atomic */
    str path;                                        /* the file; empty if there is none */
    const char *(*env)(const char *name, void *arg); /* see config_getenv */
    void *env_arg;
    struct chat_extra *variables; /* environment_variables; values as text */
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
    str routing_strategy_args;     /* JSON text */
    bool enable_tag_filtering, tag_match_any, enforce_rate_limits;
    bool enable_weighted_failover;
    bool forward_openai_org_id, disable_stop_limit, merge_reasoning;
    bool return_wildcard_routes, include_cost_in_usage, turn_off_message_logging;
    struct chat_str *forward_client_headers_models; /* only to these groups */
    bool user_url_validation;                       /* default true: see server/fetch.h */
    struct chat_str *user_url_allowed_hosts;
    bool weak_master_key;       /* given, but empty or one of the examples (sk-1234) */
    str key_header;             /* litellm_key_header_name; empty: the usual ones */
    str database_url;           /* kept for a later version; holds a password */
    int64_t sse_keepalive_ms;   /* CHAT_UNSET; 0: off */
    int64_t max_response_bytes; /* CHAT_UNSET */
    int64_t max_in_flight, max_queued, queue_timeout_ms;       /* per worker; CHAT_UNSET */
    int64_t max_parallel_requests, global_max_parallel;        /* CHAT_UNSET */
    int64_t default_max_parallel;                              /* per deployment; CHAT_UNSET */
    int64_t request_timeout_ms, timeout_ms, stream_timeout_ms; /* CHAT_UNSET */
    int64_t num_retries, max_fallbacks, allowed_fails;
    int64_t cooldown_ms, retry_after_ms;
    struct error_policy retry_policy, allowed_fails_policy;
    struct error_policy *group_retry_policies;
    bool has_allowed_fails_policy;
    struct fallback *fallbacks, *context_window_fallbacks, *content_policy_fallbacks;
    bool has_context_window_fallbacks, has_content_policy_fallbacks; /* given, perhaps empty */
    struct fallback_target *default_fallbacks;
    struct alias *aliases;
    struct pass_through *pass_throughs;
    int64_t max_request_bytes; /* CHAT_UNSET */
};

struct config_source {
    str path; /* of the file; or */
    str text; /* its text, for tests and fuzzers (path then only names it) */
    bool has_text;
    /* os.environ/NAME and the LITELLM_* variables; NULL: getenv. */
    const char *(*env)(const char *name, void *arg);
    void *env_arg;
};

/* *ret is NULL only if nothing can be served: the file cannot be read or is not YAML (an error with
 * its place is then in d too). Nothing global is touched: environment_variables are looked up first
 * by config_getenv and not exported. source->env must stay callable as long as the config lives. */
rc config_load(const struct config_source *source, struct config **ret, struct diags *d);

/* A local server that was found answering, for config_discover. */
struct found_server {
    const char *kind;  /* "ollama", "hosted_vllm", "llamafile", "lm_studio": the vendor's prefix */
    str base;          /* "http://127.0.0.1:11434" */
    const str *models; /* the names it listed */
    size_t nmodels;
};

/* A config without a file: what is there (a vendor with a key in the environment becomes PREFIX/ +
 * star and a few well-known names, a local server its models) and sluice/echo. Notes in d say what
 * was found, what was not, and how to add it. Written in provider/discover.c: it needs the vendors'
 * rows. */
rc config_discover(const struct found_server *servers, size_t n, const struct config_source *source,
                   struct config **ret, struct diags *d);

/* An empty configuration with every default, for those without a file (one reference); a master key
 * from LITELLM_MASTER_KEY. Add entries before anybody else sees it. */
struct config *config_new(const struct config_source *source);
struct model_entry *config_add(struct config *c, str model_name, str model);

/* environment_variables of the file first, then the environment; NULL if unset. The file's
 * os.environ/ references are looked up like this too. */
const char *config_getenv(const struct config *c, const char *name);

/* It reads like a key in an example: "sk-YOUR-OPENAI-API-KEY", "<your key>", "xxx". */
bool config_is_placeholder(str key);

struct config *config_ref(struct config *c);
void config_unref(struct config *c);

#endif
