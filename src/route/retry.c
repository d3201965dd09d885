#include "route/internal.h"

/* Which failures are worth another try, how often, and after which pause: LiteLLM's rules. */

enum {
    RETRIES_MAX = 100,
    BACKOFF_MS = 500,
    BACKOFF_MS_MAX = 8000,
    JITTER_MS_MAX = 750,
    RETRY_AFTER_MS_MAX = 60 * 1000,
};

unsigned outcome_status(const struct route_outcome *o)
{
    switch (o->failure) {
    case ROUTE_OK:
    case ROUTE_OK_NEUTRAL:
        return 200;
    case ROUTE_FAIL_TIMEOUT:
        return 408;
    case ROUTE_FAIL_CONNECT:
    case ROUTE_FAIL_MALFORMED:
    case ROUTE_FAIL_TRUNCATED:
        return 502;
    case ROUTE_FAIL_STATUS:
        break;
    }
    return o->status >= 400 ? o->status : o->status ? chat_error_status(o->error) : 500;
}

bool outcome_retryable(const struct route_outcome *o, bool elsewhere)
{
    unsigned status = outcome_status(o);
    if (o->error == ERR_QUOTA && o->failure == ROUTE_FAIL_STATUS)
        return elsewhere; /* waiting does not fill an account */
    if (status >= 500 || status == 408 || status == 409 || status == 429)
        return true;
    /* a key, a permission or a model that another deployment may well have */
    return elsewhere && (status == 401 || status == 402 || status == 403 || status == 404);
}

static int class_of(const struct route_outcome *o)
{
    unsigned status = outcome_status(o);
    if (o->failure == ROUTE_FAIL_STATUS && o->error == ERR_CONTENT_POLICY)
        return CLASS_CONTENT_POLICY;
    switch (status) {
    case 400:
        return CLASS_BAD_REQUEST;
    case 401:
        return CLASS_AUTHENTICATION;
    case 408:
        return CLASS_TIMEOUT;
    case 429:
        return CLASS_RATE_LIMIT;
    default:
        return status >= 500 ? CLASS_INTERNAL_SERVER : CLASS_COUNT;
    }
}

int64_t policy_count(const struct error_policy *p, const struct route_outcome *o)
{
    int cls = class_of(o);
    return cls < CLASS_COUNT ? p->n[cls] : CHAT_UNSET;
}

static int64_t clamp(int64_t n)
{
    return n < 0 ? 0 : n > RETRIES_MAX ? RETRIES_MAX : n;
}

int64_t retry_policy_count(const struct config *c, str group, const struct route_outcome *o)
{
    for (const struct error_policy *p = c->group_retry_policies; p; p = p->next)
        if (str_eq(p->group, group) && policy_count(p, o) != CHAT_UNSET)
            return policy_count(p, o);
    return policy_count(&c->retry_policy, o);
}

int64_t retry_count(const struct config *c, const struct plan_options *opt, str group,
                    const struct deployment *d, const struct route_outcome *o)
{
    if (opt->num_retries >= 0)
        return clamp(opt->num_retries);
    int64_t n = retry_policy_count(c, group, o);
    if (n != CHAT_UNSET)
        return clamp(n);
    return clamp(d->num_retries != CHAT_UNSET ? d->num_retries : c->num_retries);
}

uint32_t retry_delay_ms(const struct config *c, const struct route_outcome *o, unsigned done,
                        uint64_t random)
{
    uint32_t jitter = (uint32_t)(random % (JITTER_MS_MAX + 1));
    if (o->retry_after_ms > 0 && o->retry_after_ms <= RETRY_AFTER_MS_MAX)
        return (uint32_t)o->retry_after_ms + jitter;
    uint32_t wait = done < 4 ? (uint32_t)BACKOFF_MS << done : BACKOFF_MS_MAX;
    if (wait > BACKOFF_MS_MAX)
        wait = BACKOFF_MS_MAX;
    wait += jitter;
    if (c->retry_after_ms > wait) /* the least to wait, as configured */
        wait = c->retry_after_ms > RETRY_AFTER_MS_MAX ? RETRY_AFTER_MS_MAX
                                                      : (uint32_t)c->retry_after_ms;
    return wait;
}
