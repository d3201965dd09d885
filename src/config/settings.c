#include "config/internal.h"

/* Values with a shape of their own: fallbacks, aliases, policies, pass-through endpoints. */

/* ---- fallbacks ------------------------------------------------------------------------------ */

static bool read_target(struct loader *l, const struct ynode *n, const struct path *p,
                        struct fallback_target *t)
{
    if (n->kind != Y_MAP)
        return read_str(l, n, p, &t->model) && t->model.n;
    struct chat_extra **tail = &t->overrides;
    for (uint32_t i = 0; i < n->n; i++) {
        struct path at = { p, n->pairs[i].key, 0 };
        if (str_eq(n->pairs[i].key, S("model"))) {
            read_str(l, n->pairs[i].value, &at, &t->model);
            continue;
        }
        *tail = NEW(l->a, struct chat_extra, 1);
        (*tail)->name = n->pairs[i].key;
        (*tail)->value = read_json(l, n->pairs[i].value, &at);
        tail = &(*tail)->next;
    }
    if (!t->model.n)
        say(l, DIAG_ERROR, n, p, "add model: GROUP", "a fallback without a model: left out");
    return t->model.n > 0;
}

void load_targets(struct loader *l, const struct ynode *n, const struct path *p,
                  struct fallback_target **ret)
{
    struct fallback_target one = { .next = NULL };
    *ret = NULL;
    if (n->kind == Y_NULL)
        return;
    if (n->kind != Y_LIST) {
        if (!read_target(l, n, p, &one))
            return;
        say(l, DIAG_WARN, n, p, "write it as a list: [name]",
            "expected a list: taken as a list of one");
        *ret = NEW(l->a, struct fallback_target, 1);
        **ret = one;
        return;
    }
    for (uint32_t i = 0; i < n->n; i++) {
        struct path at = { p, { NULL, 0 }, i };
        one = (struct fallback_target){ .next = NULL };
        if (!read_target(l, n->items[i], &at, &one))
            continue;
        *ret = NEW(l->a, struct fallback_target, 1);
        **ret = one;
        ret = &(*ret)->next;
    }
}

static void load_fallback_map(struct loader *l, const struct ynode *map, const struct path *p,
                              struct fallback ***tail)
{
    for (uint32_t i = 0; i < map->n; i++) {
        struct path at = { p, map->pairs[i].key, 0 };
        struct fallback *f = NEW(l->a, struct fallback, 1);
        f->file = map->file;
        f->line = map->pairs[i].line;
        f->column = map->pairs[i].column;
        f->group = map->pairs[i].key;
        load_targets(l, map->pairs[i].value, &at, &f->targets);
        **tail = f;
        *tail = &f->next;
    }
}

void load_fallbacks(struct loader *l, const struct ynode *list, const struct path *p,
                    struct fallback **ret)
{
    struct fallback **tail = ret;
    *ret = NULL;
    if (list->kind == Y_MAP) {
        say(l, DIAG_WARN, list, p, "write a list: - group: [targets]",
            "expected a list of maps: taken as one");
        load_fallback_map(l, list, p, &tail);
        return;
    }
    if (!want_list(l, list, p))
        return;
    for (uint32_t i = 0; i < list->n; i++) {
        struct path at = { p, { NULL, 0 }, i };
        if (want_map(l, list->items[i], &at))
            load_fallback_map(l, list->items[i], &at, &tail);
    }
}

/* ---- aliases -------------------------------------------------------------------------------- */

void load_aliases(struct loader *l, const struct ynode *map, const struct path *p)
{
    struct alias **tail = &l->c->aliases;
    while (*tail)
        tail = &(*tail)->next;
    if (!want_map(l, map, p))
        return;
    for (uint32_t i = 0; i < map->n; i++) {
        const struct ynode *v = map->pairs[i].value;
        struct path at = { p, map->pairs[i].key, 0 };
        struct alias a = { .name = map->pairs[i].key,
                           .file = v->file,
                           .line = map->pairs[i].line,
                           .column = map->pairs[i].column };
        if (v->kind == Y_MAP) {
            const struct ynode *model = ynode_get(v, S("model"));
            const struct ynode *hidden = ynode_get(v, S("hidden"));
            struct path at_model = { &at, S("model"), 0 }, at_hidden = { &at, S("hidden"), 0 };
            if (model)
                read_str(l, model, &at_model, &a.target);
            if (hidden)
                read_bool(l, hidden, &at_hidden, &a.hidden);
        } else {
            read_str(l, v, &at, &a.target);
        }
        if (!a.target.n) {
            say(l, DIAG_ERROR, v, &at, "write NAME: GROUP", "an alias of nothing: left out");
            continue;
        }
        *tail = NEW(l->a, struct alias, 1);
        **tail = a;
        tail = &(*tail)->next;
    }
}

/* ---- policies ------------------------------------------------------------------------------- */

void load_policy(struct loader *l, const struct ynode *map, const struct path *p,
                 struct error_policy *ret)
{
    static const char *const names[CLASS_COUNT] = {
        [CLASS_BAD_REQUEST] = "BadRequest",
        [CLASS_AUTHENTICATION] = "Authentication",
        [CLASS_TIMEOUT] = "Timeout",
        [CLASS_RATE_LIMIT] = "RateLimit",
        [CLASS_CONTENT_POLICY] = "ContentPolicyViolation",
        [CLASS_INTERNAL_SERVER] = "InternalServer",
    };
    if (!want_map(l, map, p))
        return;
    for (uint32_t i = 0; i < map->n; i++) {
        struct path at = { p, map->pairs[i].key, 0 };
        size_t k = 0;
        while (k < CLASS_COUNT && !str_starts(map->pairs[i].key, str_c(names[k])))
            k++;
        if (k == CLASS_COUNT)
            say(l, DIAG_WARN, map->pairs[i].value, &at,
                "use BadRequest, Authentication, Timeout, RateLimit, ContentPolicyViolation or "
                "InternalServer, followed by ErrorRetries or ErrorAllowedFails",
                "unknown kind of error: ignored");
        else
            read_int(l, map->pairs[i].value, &at, &ret->n[k]);
    }
}

static void policy_init(struct error_policy *p)
{
    for (size_t i = 0; i < CLASS_COUNT; i++)
        p->n[i] = CHAT_UNSET;
}

void load_group_policies(struct loader *l, const struct ynode *map, const struct path *p)
{
    if (!want_map(l, map, p))
        return;
    for (uint32_t i = 0; i < map->n; i++) {
        struct path at = { p, map->pairs[i].key, 0 };
        struct error_policy *e = NEW(l->a, struct error_policy, 1);
        policy_init(e);
        e->group = map->pairs[i].key;
        load_policy(l, map->pairs[i].value, &at, e);
        e->next = l->c->group_retry_policies;
        l->c->group_retry_policies = e;
    }
}

/* ---- pass-through --------------------------------------------------------------------------- */

static void pass_through_member(struct loader *l, const struct ypair *pair, const struct path *p,
                                struct pass_through *t)
{
    const struct ynode *v = pair->value;
    str k = pair->key;
    if (str_eq(k, S("path")))
        read_str(l, v, p, &t->path);
    else if (str_eq(k, S("target")))
        read_str(l, v, p, &t->target);
    else if (str_eq(k, S("headers")))
        read_headers(l, v, p, &t->headers);
    else if (str_eq(k, S("auth")))
        read_bool(l, v, p, &t->auth);
    else if (str_eq(k, S("include_subpath")))
        read_bool(l, v, p, &t->include_subpath);
    else if (str_eq(k, S("forward_headers")))
        read_bool(l, v, p, &t->forward_headers);
    else if (str_eq(k, S("merge_query_params")))
        read_bool(l, v, p, &t->merge_query_params);
    else
        say(l, DIAG_WARN, v, p, "remove it, or do not rely on it", "not known here: ignored");
}

void load_pass_throughs(struct loader *l, const struct ynode *list, const struct path *p)
{
    struct pass_through **tail = &l->c->pass_throughs;
    if (!want_list(l, list, p))
        return;
    for (uint32_t i = 0; i < list->n; i++) {
        struct path at = { p, { NULL, 0 }, i };
        const struct ynode *n = list->items[i];
        if (!want_map(l, n, &at))
            continue;
        struct pass_through *t = NEW(l->a, struct pass_through, 1);
        t->file = n->file;
        t->line = n->line;
        t->column = n->column;
        t->auth = true;
        for (uint32_t k = 0; k < n->n; k++) {
            struct path member = { &at, n->pairs[k].key, 0 };
            pass_through_member(l, &n->pairs[k], &member, t);
        }
        if (!t->path.n || t->path.p[0] != '/' || !t->target.n) {
            say(l, DIAG_ERROR, n, &at, "give path: /NAME and target: https://HOST/...",
                "a pass-through endpoint needs path and target: left out");
            continue;
        }
        *tail = t;
        tail = &t->next;
    }
}

/* ---- by name -------------------------------------------------------------------------------- */

static void ssl_verify(struct loader *l, const struct ynode *n, const struct path *p)
{
    struct ynode v = value_of(l, n, p, NULL);
    bool on;
    if (v.kind == Y_STR && str_index(v.text, '/') < v.text.n)
        l->c->ssl_ca_file = v.text;
    else if (read_bool(l, n, p, &on))
        l->c->ssl_verify = on ? TRI_TRUE : TRI_FALSE;
    if (l->c->ssl_verify == TRI_FALSE)
        say(l, DIAG_WARN, n, p, "give a file of CAs instead: ssl_verify: /path/ca.pem",
            "upstream certificates are not checked: anybody in between can read the keys");
}

static void optional_checks(struct loader *l, const struct ynode *n, const struct path *p)
{
    struct chat_str *list = NULL;
    read_strs(l, n, p, &list);
    for (; list; list = list->next) {
        if (str_eq(list->s, S("enforce_model_rate_limits")))
            l->c->enforce_rate_limits = true;
        else
            say(l, DIAG_WARN, n, p, "remove it, or do not rely on it",
                "%.*s is not supported yet: ignored", STRF(str_take(list->s, 60)));
    }
}

static void misplaced(struct loader *l, const struct ypair *pair, const struct path *p)
{
    say(l, DIAG_WARN, pair->value, p, "move it to general_settings",
        "has no effect under litellm_settings (nor in LiteLLM)%s",
        str_eq(pair->key, S("master_key")) ? ": THE GATEWAY IS OPEN, no key is asked for" : "");
}

static void setting(struct loader *l, const struct ypair *pair, const struct path *p)
{
    struct config *c = l->c;
    const struct ynode *v = pair->value;
    str k = pair->key;
    if (str_eq(k, S("fallbacks"))) {
        load_fallbacks(l, v, p, &c->fallbacks);
    } else if (str_eq(k, S("context_window_fallbacks"))) {
        c->has_context_window_fallbacks = v->kind != Y_NULL;
        load_fallbacks(l, v, p, &c->context_window_fallbacks);
    } else if (str_eq(k, S("content_policy_fallbacks"))) {
        c->has_content_policy_fallbacks = v->kind != Y_NULL;
        load_fallbacks(l, v, p, &c->content_policy_fallbacks);
    } else if (str_eq(k, S("default_fallbacks"))) {
        load_targets(l, v, p, &c->default_fallbacks);
    } else if (str_eq(k, S("model_group_alias")) || str_eq(k, S("model_alias_map"))) {
        load_aliases(l, v, p);
    } else if (str_eq(k, S("retry_policy"))) {
        load_policy(l, v, p, &c->retry_policy);
    } else if (str_eq(k, S("allowed_fails_policy"))) {
        c->has_allowed_fails_policy = v->kind == Y_MAP;
        load_policy(l, v, p, &c->allowed_fails_policy);
    } else if (str_eq(k, S("model_group_retry_policy"))) {
        load_group_policies(l, v, p);
    } else if (str_eq(k, S("pass_through_endpoints"))) {
        load_pass_throughs(l, v, p);
    } else if (str_eq(k, S("ssl_verify"))) {
        ssl_verify(l, v, p);
    } else if (str_eq(k, S("optional_pre_call_checks"))) {
        optional_checks(l, v, p);
    } else if (str_eq(k, S("model_group_settings"))) {
        const struct ynode *list = ynode_get(v, S("forward_client_headers_to_llm_api"));
        if (list)
            read_strs(l, list, p, &c->forward_client_headers_models);
    } else if (str_eq(k, S("master_key")) || str_eq(k, S("database_url"))) {
        misplaced(l, pair, p);
    }
    /* credential_list and default_litellm_params were looked up before the models */
}

void load_own_key(struct loader *l, enum key_section section, const struct ypair *pair,
                  const struct path *p, void *base)
{
    struct model_entry *e = base;
    if (section == SECTION_PARAMS) {
        if (str_eq(pair->key, S("organization")) && pair->value->kind != Y_LIST)
            read_str(l, pair->value, p, &e->organization);
        else if (str_eq(pair->key, S("max_retries")) && e->num_retries == CHAT_UNSET)
            read_int(l, pair->value, p, &e->num_retries);
        else if (str_eq(pair->key, S("mock_response")) &&
                 read_str(l, pair->value, p, &e->mock_response) && !e->mock_response.p)
            e->mock_response.p = "";
    } else if (section == SECTION_INFO) {
        read_str(l, pair->value, p, &e->id);
    } else if (section != SECTION_TOP) {
        setting(l, pair, p);
    }
}
