#include "chat/defaults.h"

#include "json/doc.h"

enum shape { NUMBER, INTEGER, FLAG, STRING };

static const struct {
    const char *name;
    enum shape shape;
    size_t at;
} fields[] = {
    { "temperature", NUMBER, offsetof(struct chat_req, temperature) },
    { "top_p", NUMBER, offsetof(struct chat_req, top_p) },
    { "top_k", NUMBER, offsetof(struct chat_req, top_k) },
    { "min_p", NUMBER, offsetof(struct chat_req, min_p) },
    { "frequency_penalty", NUMBER, offsetof(struct chat_req, frequency_penalty) },
    { "presence_penalty", NUMBER, offsetof(struct chat_req, presence_penalty) },
    { "repetition_penalty", NUMBER, offsetof(struct chat_req, repeat_penalty) },
    { "max_tokens", INTEGER, offsetof(struct chat_req, max_tokens) },
    { "max_completion_tokens", INTEGER, offsetof(struct chat_req, max_tokens) },
    { "n", INTEGER, offsetof(struct chat_req, n) },
    { "seed", INTEGER, offsetof(struct chat_req, seed) },
    { "top_logprobs", INTEGER, offsetof(struct chat_req, top_logprobs) },
    { "logprobs", FLAG, offsetof(struct chat_req, logprobs) },
    { "parallel_tool_calls", FLAG, offsetof(struct chat_req, parallel_calls) },
    { "user", STRING, offsetof(struct chat_req, user) },
    { "service_tier", STRING, offsetof(struct chat_req, service_tier) },
    { "verbosity", STRING, offsetof(struct chat_req, verbosity) },
};

static void fill(void *at, enum shape shape, jval *v)
{
    str *s = at;
    int64_t *i = at;
    enum tri *t = at;
    switch (shape) {
    case NUMBER:
        if (s->n == 0)
            *s = jd_num(v);
        break;
    case STRING:
        if (s->n == 0)
            *s = jd_str(v);
        break;
    case INTEGER:
        if (*i == CHAT_UNSET)
            *i = jd_i64_or(v, CHAT_UNSET);
        break;
    case FLAG:
        if (*t == TRI_UNSET && jd_is_bool(v))
            *t = jd_is_true(v) ? TRI_TRUE : TRI_FALSE;
        break;
    }
}

static void fill_stop(struct chat_req *r, jval *v, struct arena *a)
{
    if (r->stop)
        return;
    if (jd_is_str(v)) {
        r->stop = NEW(a, struct chat_str, 1);
        r->stop->s = jd_str(v);
        return;
    }
    struct chat_str **tail = &r->stop;
    JD_EACH (m, v) {
        if (!jd_is_str(m.value))
            continue;
        *tail = NEW(a, struct chat_str, 1);
        (*tail)->s = jd_str(m.value);
        tail = &(*tail)->next;
    }
}

static void fill_extra(struct chat_req *r, const struct chat_extra *def, struct arena *a)
{
    for (const struct chat_extra *x = r->extras; x; x = x->next)
        if (str_eq(x->name, def->name))
            return;
    struct chat_extra *x = NEW(a, struct chat_extra, 1);
    *x = (struct chat_extra){ r->extras, def->name, def->value };
    r->extras = x;
}

void chat_apply_defaults(struct chat_req *r, const struct chat_extra *defaults, struct arena *a)
{
    for (const struct chat_extra *def = defaults; def; def = def->next) {
        jval *v = NULL;
        if (FAILED(jd_read(&v, def->value, a, NULL)))
            continue;
        bool done = true;
        if (str_eq(def->name, S("stop")))
            fill_stop(r, v, a);
        else if (str_eq(def->name, S("reasoning_effort")))
            r->effort = r->effort == EFFORT_UNSET && r->thinking_budget == CHAT_UNSET
                            ? chat_effort_of(jd_str(v))
                            : r->effort;
        else
            done = false;
        for (size_t i = 0; !done && i < COUNT_OF(fields); i++)
            if (str_eq(def->name, str_c(fields[i].name))) {
                fill((char *)r + fields[i].at, fields[i].shape, v);
                done = true;
            }
        if (!done)
            fill_extra(r, def, a);
    }
}
