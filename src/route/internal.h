/* internal.h - shared inside route/ only: the table's insides, and what the files ask of each
 * other.
 */
#ifndef ROUTE_INTERNAL_H
#define ROUTE_INTERNAL_H

#include "base/map.h"
#include "route/route.h"

/* The deployments of one public name (or of one pattern), in the config's order. */
struct route_group {
    str name;
    const struct deployment **members;
    size_t n;
    bool pattern;
    bool any_vendor; /* "*" -> "*": members are vendors, the asked name says which */
};

struct route_strategy;

struct route_table {
    struct arena arena;
    struct config *config;
    struct deployment *deployments;
    size_t ndeployments;
    struct deployment *passes; /* see pass.c */
    size_t npasses;
    struct route_group *groups; /* in order of first appearance */
    size_t ngroups;
    const struct route_group **patterns; /* longest first */
    size_t npatterns;
    struct map by_group; /* name -> struct route_group, without patterns */
    struct map by_id;    /* id -> struct route_group of one */
    struct map by_model; /* litellm_params.model -> struct route_group */
    struct map by_alias; /* name -> struct alias */
    str *names;
    size_t nnames;
    const struct route_strategy *strategy;
};

/* ---- route.c -------------------------------------------------------------------------------- */

/* What a name stands for. */
struct route_target {
    const struct route_group *group;
    str name;   /* the name that was looked up: after an alias, with a vendor's prefix */
    bool by_id; /* asked for by a deployment's id: no cooldowns */
    const struct provider *vendor; /* group->any_vendor: who is meant */
};

/* Alias, deployment id, group, patterns, "*", raw litellm_params.model: in this order. */
bool route_resolve(const struct route_table *t, str name, struct route_target *ret);
/* The upstream's model name for a deployment of that target: captures filled in. */
str route_model(const struct route_target *target, const struct deployment *d, struct arena *a);
/* Whether this member of the group is meant: always, but for a group "*" -> "*". */
bool route_serves(const struct route_target *target, const struct deployment *d);

/* A key for that vendor is there, or none is needed. */
bool route_can_call(const struct config *c, const struct provider *p);

/* ---- pass.c ---------------------------------------------------------------------------------- */

void route_add_passes(struct route_table *t, struct tls_context *ca, struct diags *d);

/* ---- pattern.c ------------------------------------------------------------------------------ */

enum { ROUTE_CAPTURES_MAX = 8 };

bool pattern_is(str name);
/* LiteLLM's match: every '*' takes as much as it can, the first one first, and captures what it
 * took; anchored at the start only, so behind the last literal part anything may follow. A pattern
 * with no star or with more than ROUTE_CAPTURES_MAX never matches. */
bool pattern_match(str pattern, str s, str captures[ROUTE_CAPTURES_MAX], size_t *ret_n);

/* ---- deployment.c --------------------------------------------------------------------------- */

/* One entry made ready to be called. model: litellm_params.model to read instead of the entry's own
 * (for the members of "*" -> "*"); empty: the entry's. False: it cannot be served, d says why. */
bool deployment_init(struct deployment *ret, const struct config *c, const struct model_entry *e,
                     str model, struct arena *a, struct diags *d);
void deployment_done(struct deployment *d);

/* ---- ca.c ----------------------------------------------------------------------------------- */

/* The context that trusts that file; kept for the life of the process, as connections have it. */
rc ca_context(str path, struct tls_context **ret, struct err *e);

/* ---- url.c ---------------------------------------------------------------------------------- */

/* Fills origin, host_field, base_path, base_has_path, query and api_base. base: as given, or empty
 * for the vendor's own. */
/* ws:// and wss:// are how some write the base of a realtime server: as http:// and https://. */
str deployment_http_base(str base, struct arena *a);
rc deployment_url(struct deployment *d, str base, str api_version, struct arena *a, struct err *e);

/* ---- health.c ------------------------------------------------------------------------------- */

struct route_health *health_new(void);
struct route_health *health_ref(struct route_health *h);
void health_unref(struct route_health *h);
bool health_is_cooling(const struct route_health *h, uint64_t now_ms);
/* Requests and tokens of the present minute. */
unsigned health_minute_requests(const struct route_health *h, uint64_t now_ms);
uint64_t health_minute_tokens(const struct route_health *h, uint64_t now_ms);

/* ---- retry.c -------------------------------------------------------------------------------- */

/* The status that an outcome stands for: 408, 502... also where there was none. */
unsigned outcome_status(const struct route_outcome *o);
/* May the request be sent again to the same deployment; to another one of its group? */
bool outcome_retryable(const struct route_outcome *o, bool elsewhere);
/* What a policy says about that error; CHAT_UNSET: nothing. */
int64_t policy_count(const struct error_policy *p, const struct route_outcome *o);
/* What the group's retry policy, else the general one, says; CHAT_UNSET: nothing. */
int64_t retry_policy_count(const struct config *c, str group, const struct route_outcome *o);
/* Retries allowed after that error, for a deployment of that group. */
int64_t retry_count(const struct config *c, const struct plan_options *opt, str group,
                    const struct deployment *d, const struct route_outcome *o);
/* Before trying the same deployment again, the done-th retry (0, 1, ...). */
uint32_t retry_delay_ms(const struct config *c, const struct route_outcome *o, unsigned done,
                        uint64_t random);

/* ---- strategy.c ----------------------------------------------------------------------------- */

/* NULL: no such strategy. */
const struct route_strategy *strategy_find(str name);
/* One of n > 0 candidates. */
const struct deployment *strategy_pick(const struct route_strategy *s,
                                       const struct deployment *const *c, size_t n, uint64_t random,
                                       uint64_t now_ms);

#endif
