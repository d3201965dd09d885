/* route.h - from a model's public name to the deployments that serve it, in the order to try them.
 *
 * route_table: immutable, built from a config and the provider rows. Health (cooldowns, counters,
 * last answer) is kept in shared atomics by deployment id, and survives a reload.
 * plan: one request's walk over deployments: strategy, retries, fallbacks. Pure: the clock and the
 * random numbers are given, nothing is sent.
 */
#ifndef ROUTE_ROUTE_H
#define ROUTE_ROUTE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/secret.h"
#include "config/config.h"
#include "ledger/prices.h"
#include "net/client.h"
#include "provider/provider.h"

/* ---- deployments ---------------------------------------------------------------------------- */

enum route_last_state { ROUTE_LAST_NONE, ROUTE_LAST_OK, ROUTE_LAST_FAILED };

struct route_last {
    enum route_last_state state;
    unsigned status; /* of the failure, 0 if it was none */
    int64_t at_ms;   /* wall clock */
};

/* Shared by all workers and by every table that has a deployment of this id. */
struct route_health {
    atomic_uint refs;
    atomic_ullong cooldown_until_ms; /* loop-independent monotonic ms */
    atomic_uint in_flight;
    atomic_uint minute, minute_ok, minute_failed; /* the minute they count, and its answers */
    atomic_uint minute_requests;
    atomic_ullong minute_tokens;
    atomic_ullong fails_since_ms; /* allowed_fails: failures in the window that began then */
    atomic_uint fails;
    atomic_uint last_state, last_status;
    atomic_llong last_at_ms;
    atomic_bool leaves_usage_out; /* its last stream told no usage */
    /* for /metrics */
    atomic_ullong requests, failures, tokens_in, tokens_out, tokens_cached, cost_nanousd;
    atomic_ullong latency_ms_sum, cooldowns;
    atomic_ullong ewma_latency_us; /* latency-based routing; 0: not known */
};

struct deployment {
    str id;            /* model_info.id, else a digest of its parameters (no secret in it) */
    str group_name;    /* model_name */
    str litellm_model; /* litellm_params.model as written */
    str model;         /* upstream name; may hold '*' for wildcard groups: see plan_step.model */
    const struct provider *provider; /* NULL for local models */
    str provider_name;
    enum dialect_id dialect;
    bool local;        /* sluice/echo, mock_response */
    str mock_response; /* p == NULL: none (local then means sluice/echo); may be "" */

    struct origin origin;
    str api_base;       /* for people: scheme, host, port, path; no query, no userinfo */
    str host_field;     /* value of the Host field */
    str base_path;      /* path prefix, without trailing slash; empty if none */
    bool base_has_path; /* base_path came from the user: dialects append only their last part */
    str query;          /* "api-version=..." for Azure; empty */
    struct secret auth_fields; /* "authorization: Bearer sk-...\r\n"; may be empty */
    struct secret api_key;     /* the bare key, to recognise a leak */
    str extra_fields;          /* "name: value\r\n"... from extra_headers, organization */
    str reply_fields;          /* "x-litellm-model-id: ...\r\n"... the same in every answer */

    struct chat_extra *defaults, *extra_body;
    struct chat_str *additional_drop_params, *allowed_params, *tags;
    str cache_points; /* cache_control_injection_points, JSON text */
    uint64_t quirks;
    bool drop_params, modify_params, merge_reasoning;
    int64_t max_tokens_default;                             /* CHAT_UNSET */
    int64_t rpm, tpm, weight, order, max_parallel_requests; /* CHAT_UNSET */
    uint32_t timeout_ms, stream_timeout_ms, connect_ms;     /* 0: none (connect_ms: default) */
    int64_t num_retries, cooldown_ms;                       /* CHAT_UNSET */
    struct price price;
    const struct pass_through *pass; /* it is one of these; else NULL */
    const struct model_entry *entry; /* NULL for built-ins */
    struct route_health *health;
    /* private to route/ */
    const struct config *config; /* cooldown rules */
    bool lone;                   /* the only one of its group */
};

/* value holds this deployment's key (an upstream echoes it). */
bool deployment_leaks(const struct deployment *d, str value);
/* Overwrites it there; the length stays. text's bytes must be writable. */
void deployment_mask(const struct deployment *d, str text);

/* It can be asked for a realtime session (/v1/realtime): its vendor has them, or the server behind
 * its api_base, which speaks OpenAI's dialect, may. */
bool deployment_has_realtime(const struct deployment *d);

/* What a call of that upstream model costs there: the deployment's price, and for a wildcard
 * without prices of its own the built-in table's. */
struct price deployment_price(const struct deployment *d, str model);

/* ---- the table ------------------------------------------------------------------------------ */

struct route_table;

/* Never fails: deployments that cannot be served are left out, with an error in d. previous (may be
 * NULL) hands its health on. Keeps a reference to config. */
struct route_table *route_build(struct config *config, const struct route_table *previous,
                                struct diags *d);
void route_table_free(struct route_table *t);

size_t route_deployment_count(const struct route_table *t);
const struct deployment *route_deployment(const struct route_table *t, size_t i);
struct route_last route_last_answer(const struct deployment *d);

/* Public names for /v1/models: visible aliases first, then config order, each once; wildcard
 * patterns are left out unless asked for. */
size_t route_name_count(const struct route_table *t);
str route_name(const struct route_table *t, size_t i);
/* Whether a request for this name would find something (aliases, ids, wildcards included). */
bool route_knows(const struct route_table *t, str name);
/* Whether that deployment may be asked for this name. */
bool route_holds(const struct route_table *t, str name, const struct deployment *d);
/* First deployment of a name, for /model/info and the like; NULL if none. */
const struct deployment *route_first(const struct route_table *t, str name);

/* The public name that is meant by a realtime session that names none: the only one that has such a
 * deployment and looks made for it (transcribes: for turning speech into text), else the only one
 * that has one at all. Empty: none; *ret_n says among how many it would be. */
str route_realtime_name(const struct route_table *t, bool transcribes, size_t *ret_n);

/* Whole APIs, for what is not a model's: see route/pass.c. */

/* Whom "/NAME/..." is passed on to: the vendor by the key in the environment, else its first
 * deployment; NULL: neither. */
const struct deployment *route_vendor(const struct route_table *t, str name);
/* The one of general_settings.pass_through_endpoints for that path, and what stands behind its own
 * path; NULL: none. */
const struct deployment *route_pass(const struct route_table *t, str path, str *ret_rest);

/* ---- outcomes ------------------------------------------------------------------------------- */

enum route_failure {
    ROUTE_OK,
    ROUTE_OK_NEUTRAL,   /* says nothing about the deployment (client left, client's own fault) */
    ROUTE_FAIL_CONNECT, /* no connection, or closed before an answer */
    ROUTE_FAIL_TIMEOUT,
    ROUTE_FAIL_STATUS,    /* an error status (or an error under 200) */
    ROUTE_FAIL_MALFORMED, /* not an answer */
    ROUTE_FAIL_TRUNCATED, /* broke off */
};

struct route_outcome {
    enum route_failure failure;
    unsigned status;
    enum chat_error_kind error; /* decides context-window and content-policy fallbacks */
    int64_t retry_after_ms;     /* -1: not told */
    uint32_t latency_ms;
};

/* An attempt begins: in-flight count. Every begin is followed by exactly one route_report. */
void route_begin(const struct deployment *d);
/* It ended: health, cooldown (litellm-compat 3.4), last answer. now_ms: monotonic. */
void route_report(const struct deployment *d, const struct route_outcome *o, uint64_t now_ms);
/* An attempt already reported as good broke off later. */
void route_report_late(const struct deployment *d, enum route_failure failure, uint64_t now_ms);
/* Whether its last complete stream told its usage; told unless we know better. */
void route_note_usage(const struct deployment *d, bool told);
bool route_leaves_usage_out(const struct deployment *d);
void route_count_usage(const struct deployment *d, const struct chat_usage *u, int64_t nanousd);

/* ---- plans ---------------------------------------------------------------------------------- */

struct plan_options {
    int num_retries;     /* -1: as configured */
    uint32_t timeout_ms; /* 0: as configured */
    bool disable_fallbacks;
    bool realtime;                 /* only deployments that have it */
    str fallbacks;                 /* JSON text of the request's own list; empty: none */
    const struct deployment *only; /* this one, whatever the name; see route_holds */
    /* enable_pre_call_checks: the prompt fits into its context window. NULL: not looked at. */
    bool (*fits)(void *arg, const struct deployment *d);
    void *fits_arg;
};

struct plan_options plan_options_default(void);

struct plan_step {
    const struct deployment *deployment;
    str model;                              /* the upstream's model name, captures filled in */
    const struct chat_extra *overrides;     /* of a fallback {model: x, ...}: set in the request */
    uint32_t delay_ms;                      /* wait before it */
    uint32_t timeout_ms, stream_timeout_ms; /* 0: none */
    unsigned fallbacks;                     /* fallback hops taken so far */
    int64_t retry_after_ms;                 /* PLAN_NONE: when a deployment is back; -1 unknown */
};

enum plan_result {
    PLAN_TRY,  /* step says what */
    PLAN_NONE, /* nothing is available now: all cooling down, nothing was tried */
    PLAN_END,  /* tried what there was: the last error stands */
    PLAN_LONG, /* nothing was tried: the prompt fits nowhere */
};

struct plan {
    const struct route_table *table;
    struct arena *arena;
    struct plan_options options;
    str asked; /* the name the client used */
    /* private: see plan.c */
    struct plan_state *state;
};

/* false: nobody serves that name (and no default fallback does). */
bool plan_init(struct plan *p, const struct route_table *t, str model,
               const struct plan_options *options, struct arena *a);
/* random: any 64 bits. */
enum plan_result plan_next(struct plan *p, uint64_t now_ms, uint64_t random, struct plan_step *ret);
/* The step taken last failed. Call before the next plan_next. */
void plan_failed(struct plan *p, const struct route_outcome *o, uint64_t now_ms);

#endif
