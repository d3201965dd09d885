#include "server/auth.h"

#include "base/map.h"
#include "http/url.h"
#include "server/realtime.h"

/* The key a request shows, wherever clients put it (clients.md R8; LiteLLM's precedence). Empty:
 * none. */
static str shown_key(struct exchange *x, const struct http_head *head)
{
    static const char *const names[] = { "x-litellm-api-key", "authorization", "api-key",
                                         "x-api-key", "x-goog-api-key" };
    str only = x->snap->config->key_header; /* litellm_key_header_name: then nowhere else */
    for (size_t i = 0; i < (only.n ? 1 : COUNT_OF(names)); i++) {
        str v = str_trim(http_field_get(head, only.n ? only : str_c(names[i])));
        if (str_istarts(v, S("bearer ")))
            v = str_trim(str_skip(v, 7));
        else if (str_ieq(v, S("bearer")))
            v.n = 0;
        if (v.n)
            return v;
    }
    str key;
    if (!only.n && url_query_get(x->asked->query, S("key"), &x->scratch, &key))
        return key;
    if (!only.n && x->asked->offer)
        return x->asked->offer->key;
    return (str){ NULL, 0 };
}

static struct chat_error *refusal(struct exchange *x, unsigned status, const char *type, str text)
{
    struct chat_error *err = NEW(&x->arena, struct chat_error, 1);
    *err = (struct chat_error){ .status = status,
                                .kind = chat_error_kind_of(status),
                                .message = text,
                                .type = str_c(type),
                                .retry_after_ms = -1 };
    return err;
}

struct chat_error *auth_check(struct exchange *x, const struct http_head *head)
{
    const struct secret *master = &x->snap->config->master_key;
    bool open = secret_is_empty(master);
    bool metrics = str_eq(str_c(x->endpoint->path), S("/metrics"));
    if (metrics && !x->snap->config->require_auth_for_metrics)
        return NULL;
    if (x->endpoint->access == ACCESS_PUBLIC) {
        x->is_public = !open;
        if (!open && secret_eq(master, shown_key(x, head)))
            x->is_public = false;
        return NULL;
    }
    if (open)
        return x->endpoint->access == ACCESS_KEY
                   ? NULL
                   : refusal(x, 401, "auth_error",
                             S("Authentication Error, administration is off: set "
                               "general_settings.master_key (or LITELLM_MASTER_KEY) to use it."));
    str key = shown_key(x, head);
    if (key.n == 0)
        return refusal(x, 401, "auth_error", S("Authentication Error, No api key passed in."));
    if (!secret_eq(master, key))
        return refusal(x, 401, "auth_error",
                       S("Authentication Error, Invalid proxy server token passed."));
    x->owner = str_hash(key);
    return NULL;
}
