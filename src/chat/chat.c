#include "chat/chat.h"

#include <sys/random.h>

#include "base/map.h"

/* ---- losses --------------------------------------------------------------------------------- */

void chat_note_loss(struct chat_loss *loss, str field)
{
    struct chat_str **at = &loss->dropped;
    size_t n = 0;
    for (; *at; at = &(*at)->next)
        if (str_eq((*at)->s, field) || ++n == CHAT_LOSSES_MAX)
            return;
    *at = NEW(loss->arena, struct chat_str, 1);
    (*at)->s = arena_dup(loss->arena, field);
}

rc chat_drop(struct chat_loss *loss, bool drop, str field, str target_name, struct err *e)
{
    if (drop) {
        chat_note_loss(loss, field);
        return RC_OK;
    }
    return fail(e, E_UNSUPPORTED, arena_dup(loss->arena, field).p, 0,
                "%.*s does not support the parameter '%.*s'", STRF(target_name),
                STRF(str_take(field, 64)));
}

/* ---- errors --------------------------------------------------------------------------------- */

static const struct {
    unsigned status;
    enum chat_error_kind kind;
} statuses[] = {
    /* The first row of a kind is the status that it is answered with. */
    { 400, ERR_INVALID_REQUEST }, { 400, ERR_CONTEXT_WINDOW },
    { 400, ERR_CONTENT_POLICY },  { 401, ERR_AUTH },
    { 402, ERR_BILLING },         { 403, ERR_PERMISSION },
    { 404, ERR_NOT_FOUND },       { 408, ERR_TIMEOUT },
    { 409, ERR_CONFLICT },        { 413, ERR_TOO_LARGE },
    { 422, ERR_UNPROCESSABLE },   { 429, ERR_RATE_LIMIT },
    { 429, ERR_QUOTA },           { 498, ERR_RATE_LIMIT },
    { 500, ERR_SERVER },          { 502, ERR_BAD_GATEWAY },
    { 503, ERR_UNAVAILABLE },     { 504, ERR_TIMEOUT },
    { 529, ERR_OVERLOADED },
};

enum chat_error_kind chat_error_kind_of(unsigned status)
{
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].kind;
    if (status >= 400 && status < 500)
        return ERR_INVALID_REQUEST;
    /* A success or a redirect in place of an answer is the upstream's fault, too. */
    return status >= 500 ? ERR_SERVER : ERR_BAD_GATEWAY;
}

unsigned chat_error_status(enum chat_error_kind kind)
{
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (statuses[i].kind == kind)
            return statuses[i].status;
    return 500;
}

#define BIT(kind) (1u << (kind))

/* How vendors say what their status does not. `among`: only errors of these kinds are refined. */
enum {
    CALLER = BIT(ERR_INVALID_REQUEST) | BIT(ERR_TOO_LARGE) | BIT(ERR_UNPROCESSABLE),
    CALLER_OR_SERVER = CALLER | BIT(ERR_SERVER),
    LIMITS = BIT(ERR_RATE_LIMIT) | BIT(ERR_PERMISSION) | BIT(ERR_INVALID_REQUEST),
};
static const struct {
    const char *needle;
    unsigned among;
    enum chat_error_kind kind;
} signs[] = {
    { "context_length_exceeded", CALLER_OR_SERVER, ERR_CONTEXT_WINDOW },
    { "exceed_context_size", CALLER_OR_SERVER, ERR_CONTEXT_WINDOW },
    { "model_context_window_exceeded", CALLER_OR_SERVER, ERR_CONTEXT_WINDOW },
    { "maximum context length", CALLER_OR_SERVER, ERR_CONTEXT_WINDOW },
    { "maximum prompt length", CALLER_OR_SERVER, ERR_CONTEXT_WINDOW },
    { "context window", CALLER_OR_SERVER, ERR_CONTEXT_WINDOW },
    { "context limit", CALLER_OR_SERVER, ERR_CONTEXT_WINDOW },
    { "exceed context limit", CALLER_OR_SERVER, ERR_CONTEXT_WINDOW },
    { "available context size", CALLER_OR_SERVER, ERR_CONTEXT_WINDOW },
    { "prompt is too long", CALLER_OR_SERVER, ERR_CONTEXT_WINDOW },
    { "input is too long", CALLER_OR_SERVER, ERR_CONTEXT_WINDOW },
    { "input token count", CALLER_OR_SERVER, ERR_CONTEXT_WINDOW },
    { "inputs tokens + max_new_tokens", CALLER_OR_SERVER, ERR_CONTEXT_WINDOW },
    { "too many tokens", CALLER, ERR_CONTEXT_WINDOW },
    { "content_policy_violation", CALLER | BIT(ERR_PERMISSION), ERR_CONTENT_POLICY },
    { "ResponsibleAIPolicyViolation", CALLER | BIT(ERR_PERMISSION), ERR_CONTENT_POLICY },
    { "content_filter", CALLER | BIT(ERR_PERMISSION), ERR_CONTENT_POLICY },
    { "content management policy", CALLER | BIT(ERR_PERMISSION), ERR_CONTENT_POLICY },
    { "content filtering policy", CALLER | BIT(ERR_PERMISSION), ERR_CONTENT_POLICY },
    { "moderation_blocked", CALLER | BIT(ERR_PERMISSION), ERR_CONTENT_POLICY },
    { "safety system", CALLER | BIT(ERR_PERMISSION), ERR_CONTENT_POLICY },
    { "data_inspection_failed", CALLER | BIT(ERR_PERMISSION), ERR_CONTENT_POLICY },
    { "DataInspectionFailed", CALLER | BIT(ERR_PERMISSION), ERR_CONTENT_POLICY },
    { "insufficient_quota", LIMITS, ERR_QUOTA },
    { "billing_hard_limit", LIMITS, ERR_QUOTA },
    { "credit balance is too low", LIMITS, ERR_BILLING },
    { "overloaded_error", BIT(ERR_SERVER) | BIT(ERR_BAD_GATEWAY), ERR_OVERLOADED },
};

void chat_error_complete(struct chat_error *err, struct arena *a)
{
    enum { LOOK_AT_BYTES = 4096 };
    str texts[] = { err->code, err->type, str_take(err->message, LOOK_AT_BYTES) };
    unsigned kind = BIT(err->kind);
    for (size_t i = 0; i < COUNT_OF(signs); i++) {
        bool found = false;
        for (size_t t = 0; kind & signs[i].among && t < COUNT_OF(texts); t++)
            found = found || str_icontains(texts[t], str_c(signs[i].needle));
        if (found) {
            err->kind = signs[i].kind;
            break;
        }
    }
    if (str_trim(err->message).n == 0)
        err->message = err->status ? arena_fmt(a, "Provider returned HTTP %u", err->status)
                                   : S("Provider returned an error without a message");
}

/* ---- lists ---------------------------------------------------------------------------------- */

struct chat_part *chat_add_part(struct arena *a, struct chat_part **list, enum part_kind kind)
{
    while (*list)
        list = &(*list)->next;
    *list = NEW(a, struct chat_part, 1);
    (*list)->kind = kind;
    return *list;
}

struct chat_message *chat_add_message(struct arena *a, struct chat_message ***tail,
                                      enum chat_role role)
{
    struct chat_message *m = NEW(a, struct chat_message, 1);
    m->role = role;
    **tail = m;
    *tail = &m->next;
    return m;
}

void chat_add_extra(struct arena *a, struct chat_extra ***tail, str name, str json)
{
    struct chat_extra *x = NEW(a, struct chat_extra, 1);
    x->name = name;
    x->value = json;
    **tail = x;
    *tail = &x->next;
}

void chat_req_init(struct chat_req *r, enum dialect_id origin)
{
    *r = (struct chat_req){ .origin = origin,
                            .include_usage = true,
                            .max_tokens = CHAT_UNSET,
                            .n = CHAT_UNSET,
                            .seed = CHAT_UNSET,
                            .top_logprobs = CHAT_UNSET,
                            .thinking_budget = CHAT_UNSET };
}

str chat_text_of(struct arena *a, const struct chat_part *parts, str separator)
{
    size_t total = 0, count = 0;
    str only = { 0 };
    for (const struct chat_part *p = parts; p; p = p->next) {
        if (p->kind != PART_TEXT)
            continue;
        only = p->text;
        total += p->text.n + (count++ ? separator.n : 0);
    }
    if (count < 2)
        return only;
    char *at = arena_alloc(a, 1, 1, total + 1), *start = at;
    bool first = true;
    for (const struct chat_part *p = parts; p; p = p->next) {
        if (p->kind != PART_TEXT)
            continue;
        if (!first && separator.n)
            at = mempcpy(at, separator.p, separator.n);
        if (p->text.n)
            at = mempcpy(at, p->text.p, p->text.n);
        first = false;
    }
    return (str){ start, total };
}

const struct chat_call *chat_find_call(const struct chat_req *r, str id,
                                       const struct chat_message *until)
{
    const struct chat_call *found = NULL;
    for (const struct chat_message *m = r->messages; m && m != until; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next)
            if (p->kind == PART_TOOL_CALL && str_eq(p->call.id, id))
                found = &p->call;
    return found;
}

/* ---- calls and their results ---------------------------------------------------------------- */

/* A call while results are tied to it. Those without an answer are found by order or, within a
 * name, along a chain of their own: every step moves forward only, so the whole is linear. */
struct link {
    struct chat_call *call; /* NULL: an id that is taken by a call further on */
    struct link *next;
    struct link *next_same_name;
    bool answered;
};

struct chain {
    struct link *first, *last;
};

struct linker {
    struct arena *arena;
    struct map by_id;   /* all calls (the latest of an id) */
    struct map by_name; /* chains, of the last turn with calls */
    struct link *first; /* of the last turn with calls */
    struct link **tail;
    uint64_t made_up;
};

static bool needs_linking(const struct chat_req *r)
{
    for (const struct chat_message *m = r->messages; m; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next) {
            if (p->kind == PART_TOOL_CALL && p->call.id.n == 0)
                return true;
            if (p->kind == PART_TOOL_RESULT && (p->result.id.n == 0 || p->result.name.n == 0))
                return true;
        }
    return false;
}

static str unused_id(struct linker *k)
{
    for (;;) {
        str id = arena_fmt(k->arena, "call_%llu", (unsigned long long)k->made_up++);
        if (!map_get(&k->by_id, id))
            return id;
    }
}

static void link_call(struct linker *k, struct link *l)
{
    map_put(&k->by_id, l->call->id, l);
    *k->tail = l;
    k->tail = &l->next;
    struct chain *chain = map_get(&k->by_name, l->call->name);
    if (chain) {
        chain->last->next_same_name = l;
        chain->last = l;
        return;
    }
    chain = NEW(k->arena, struct chain, 1);
    *chain = (struct chain){ l, l };
    map_put(&k->by_name, l->call->name, chain);
}

static struct link *open_by_name(struct linker *k, str name)
{
    struct chain *chain = map_get(&k->by_name, name);
    if (!chain)
        return NULL;
    while (chain->first->answered && chain->first->next_same_name)
        chain->first = chain->first->next_same_name;
    return chain->first->answered ? NULL : chain->first;
}

static struct link *open_by_order(struct linker *k)
{
    while (k->first && k->first->answered)
        k->first = k->first->next;
    if (!k->first)
        k->tail = &k->first;
    return k->first;
}

static void link_result(struct linker *k, struct chat_result *result)
{
    struct link *l = NULL;
    if (result->id.n)
        l = map_get(&k->by_id, result->id);
    else if (result->name.n)
        l = open_by_name(k, result->name);
    if (!l && result->id.n == 0)
        l = open_by_order(k); /* its name, if any, is none of the calls' */
    if (!l || !l->call) {     /* answers nothing that came before it */
        if (result->id.n == 0)
            result->id = unused_id(k);
        return;
    }
    l->answered = true;
    result->id = l->call->id;
    if (result->name.n == 0)
        result->name = l->call->name;
}

/* No vendor takes a call without a name; the reader that did not mind must not make writers fail.
 */
static void name_calls(struct chat_req *r)
{
    for (struct chat_message *m = r->messages; m; m = m->next)
        for (struct chat_part *p = m->parts; p; p = p->next)
            if (p->kind == PART_TOOL_CALL && p->call.name.n == 0)
                p->call.name = S("unknown");
}

void chat_link_results(struct chat_req *r, struct arena *a)
{
    name_calls(r);
    if (!needs_linking(r))
        return;
    struct linker k = { .arena = a };
    struct link known = { 0 }; /* reserves the given ids: made-up ones must differ */
    map_init(&k.by_id);
    map_init(&k.by_name);
    k.tail = &k.first;
    for (struct chat_message *m = r->messages; m; m = m->next)
        for (struct chat_part *p = m->parts; p; p = p->next)
            if (p->kind == PART_TOOL_CALL && p->call.id.n)
                map_put(&k.by_id, p->call.id, &known);
    for (struct chat_message *m = r->messages; m; m = m->next) {
        bool new_turn = true;
        for (struct chat_part *p = m->parts; p; p = p->next) {
            if (p->kind == PART_TOOL_CALL) {
                if (new_turn) {
                    new_turn = false;
                    map_done(&k.by_name);
                    map_init(&k.by_name);
                    k.first = NULL;
                    k.tail = &k.first;
                }
                if (p->call.id.n == 0)
                    p->call.id = unused_id(&k);
                struct link *l = NEW(a, struct link, 1);
                l->call = &p->call;
                link_call(&k, l);
            } else if (p->kind == PART_TOOL_RESULT) {
                link_result(&k, &p->result);
            }
        }
    }
    map_done(&k.by_id);
    map_done(&k.by_name);
}

/* ---- effort --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int64_t budget;
} efforts[] = {
    [EFFORT_UNSET] = { "", CHAT_UNSET },   [EFFORT_NONE] = { "none", 0 },
    [EFFORT_MINIMAL] = { "minimal", 128 }, [EFFORT_LOW] = { "low", 1024 },
    [EFFORT_MEDIUM] = { "medium", 2048 },  [EFFORT_HIGH] = { "high", 4096 },
    [EFFORT_XHIGH] = { "xhigh", 8192 },    [EFFORT_MAX] = { "max", 16384 },
};

const char *chat_effort_name(enum chat_effort e)
{
    return (size_t)e < COUNT_OF(efforts) ? efforts[e].name : "";
}

enum chat_effort chat_effort_of(str name)
{
    for (size_t i = EFFORT_NONE; i < COUNT_OF(efforts); i++)
        if (str_eq(name, str_c(efforts[i].name)))
            return (enum chat_effort)i;
    return EFFORT_UNSET;
}

int64_t chat_effort_budget(enum chat_effort e)
{
    return (size_t)e < COUNT_OF(efforts) ? efforts[e].budget : CHAT_UNSET;
}

/* No higher than "high": the words above it are known to few models. */
enum chat_effort chat_budget_effort(int64_t budget)
{
    if (budget == CHAT_UNSET)
        return EFFORT_UNSET;
    if (budget < 0)
        return EFFORT_MEDIUM; /* the model decides: what it does without being told */
    enum chat_effort e = EFFORT_HIGH;
    while (e > EFFORT_NONE && efforts[e].budget > budget)
        e--;
    return e == EFFORT_NONE && budget > 0 ? EFFORT_MINIMAL : e;
}

/* ---- ids ------------------------------------------------------------------------------------ */

/* SplitMix64 over a seed from the kernel, one per thread. Ids need to be unique, not secret. */
static uint64_t next_random(void)
{
    static _Thread_local uint64_t state;
    static _Thread_local bool seeded;
    if (!seeded) {
        BUG_UNLESS(getrandom(&state, sizeof(state), 0) == (ssize_t)sizeof(state));
        seeded = true;
    }
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

str chat_new_id(struct arena *a, str prefix)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    enum { LETTERS = 24, PER_DRAW = 8 };
    char text[LETTERS];
    uint64_t bits = 0;
    for (size_t i = 0; i < LETTERS; i++) {
        if (i % PER_DRAW == 0)
            bits = next_random();
        text[i] = letters[bits % (sizeof(letters) - 1)];
        bits /= sizeof(letters) - 1;
    }
    return arena_cat(a, prefix, (str){ text, LETTERS });
}
