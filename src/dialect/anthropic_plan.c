/* anthropic_plan.c - what a request may say to this model: thinking, effort, tokens, schema.
 */
#include "dialect/anthropic_write.h"

enum { BUDGET_MIN = 1024, VISIBLE_TOKENS = 4096 };

/* The last assistant turn that is still in its tool loop must begin with signed thinking, or manual
 * thinking is refused. */
static bool loop_without_thinking(const struct chat_req *r)
{
    const struct chat_message *last = NULL;
    bool results = false;
    for (const struct chat_message *m = r->messages; m; m = m->next) {
        if (m->role == ROLE_ASSISTANT) {
            last = m;
            results = false;
        } else if (m->role == ROLE_TOOL) {
            results = true;
        } else if (m->role == ROLE_USER) {
            results = false;
        }
    }
    if (!last || !results)
        return false;
    const struct chat_part *p = last->parts;
    return !p || (p->kind != PART_THINKING && p->kind != PART_REDACTED) ||
           p->origin != DIALECT_ANTHROPIC || (p->kind == PART_THINKING && !p->signature.n);
}

static bool forced(const struct chat_req *r)
{
    return r->tools && (r->choice == CHOICE_REQUIRED || r->choice == CHOICE_NAMED);
}

/* off: the caller wants none. Models that always think get the least of it. */
static void plan_off(struct writer *wr)
{
    struct anthropic_plan *p = &wr->plan;
    if (wr->claude.traits & CLAUDE_MANUAL)
        return; /* off is the default */
    if (wr->claude.traits & CLAUDE_CAN_DISABLE) {
        p->thinking = THINKING_OFF;
    } else if (wr->claude.traits & CLAUDE_ADAPTIVE) {
        if (wr->claude.traits & CLAUDE_BETWEEN)
            p->thinking = THINKING_BETWEEN;
        else
            p->effort = EFFORT_LOW;
    }
}

static void plan_manual(struct writer *wr, int64_t budget)
{
    struct anthropic_plan *p = &wr->plan;
    if (loop_without_thinking(wr->r) || forced(wr->r)) {
        chat_note_loss(wr->loss, S("reasoning_effort"));
        return;
    }
    p->thinking = THINKING_MANUAL;
    p->manual = true;
    p->budget = budget < BUDGET_MIN ? BUDGET_MIN : budget;
}

static int64_t effort_budget(enum chat_effort effort)
{
    return chat_effort_budget(effort == EFFORT_UNSET || effort == EFFORT_NONE ? EFFORT_MEDIUM
                                                                              : effort);
}

static void plan_on(struct writer *wr, int64_t budget)
{
    struct anthropic_plan *p = &wr->plan;
    enum chat_effort effort = wr->r->effort;
    if (wr->claude.traits & CLAUDE_ADAPTIVE) {
        p->thinking = THINKING_ADAPTIVE;
        p->effort = effort == EFFORT_UNSET && budget > 0 ? chat_budget_effort(budget) : effort;
    } else if (wr->claude.traits & CLAUDE_MANUAL) {
        plan_manual(wr, budget > 0 ? budget : effort_budget(effort));
    }
}

/* thinking as the client wrote it, if the model knows that kind. */
static bool plan_raw(struct writer *wr, const struct chat_extra *raw, str type)
{
    static const struct {
        const char *type;
        uint32_t trait;
    } kinds[] = { { "enabled", CLAUDE_MANUAL },
                  { "adaptive", CLAUDE_ADAPTIVE },
                  { "disabled", CLAUDE_CAN_DISABLE },
                  { "between_tools", CLAUDE_BETWEEN } };
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!str_eq(type, str_c(kinds[i].type)) || !(wr->claude.traits & kinds[i].trait))
            continue;
        wr->plan.thinking = THINKING_RAW;
        wr->plan.thinking_raw = raw->value;
        return true;
    }
    return false;
}

static rc plan_thinking(struct writer *wr)
{
    const struct chat_req *r = wr->r;
    int64_t budget = r->thinking_budget;
    const struct chat_extra *raw = anthropic_extra(r->extras, S("thinking"));
    jval *mode = NULL;
    if (raw && !FAILED(jd_read(&mode, raw->value, wr->a, NULL)) && jd_is_obj(mode)) {
        str type = jd_get_str(mode, S("type"));
        bool on = str_eq(type, S("enabled"));
        budget = on                            ? jd_i64_or(jd_get(mode, S("budget_tokens")), -1)
                 : str_eq(type, S("adaptive")) ? -1
                                               : 0;
        if (plan_raw(wr, raw, type)) {
            wr->plan.manual = on;
            wr->plan.budget = budget;
            wr->plan.effort = r->effort;
            return RC_OK;
        }
    }
    bool off = budget == 0 || (budget == CHAT_UNSET && r->effort == EFFORT_NONE);
    if (off) {
        plan_off(wr);
        return RC_OK;
    }
    if (budget == CHAT_UNSET && r->effort == EFFORT_UNSET)
        return RC_OK;
    if (!(wr->claude.traits & (CLAUDE_ADAPTIVE | CLAUDE_MANUAL))) {
        if (r->origin == DIALECT_ANTHROPIC || r->effort == EFFORT_UNSET) {
            chat_note_loss(wr->loss, S("thinking"));
            return RC_OK;
        }
        return chat_drop(wr->loss, wr->t->drop_params, S("reasoning_effort"), S("anthropic"),
                         wr->e);
    }
    /* An Anthropic client that names an effort only, without thinking, is to get just that. */
    if (budget == CHAT_UNSET && r->origin == DIALECT_ANTHROPIC &&
        wr->claude.effort_max != EFFORT_UNSET)
        wr->plan.effort = r->effort;
    else
        plan_on(wr, budget == CHAT_UNSET ? 0 : budget);
    return RC_OK;
}

static void clamp_effort(struct writer *wr)
{
    enum chat_effort *effort = &wr->plan.effort;
    if (*effort <= EFFORT_NONE || wr->claude.effort_max == EFFORT_UNSET) {
        *effort = EFFORT_UNSET;
        return;
    }
    if (*effort == EFFORT_MINIMAL)
        *effort = EFFORT_LOW;
    if (*effort > wr->claude.effort_max)
        *effort = wr->claude.effort_max;
    if (*effort == EFFORT_XHIGH && (wr->claude.traits & CLAUDE_NO_XHIGH))
        *effort = EFFORT_HIGH;
}

static bool root_is_object(str schema, struct arena *a)
{
    struct json_member type = { .name = S("type") };
    enum json_kind top;
    (void)a;
    return !FAILED(json_scan(schema, &type, 1, &top, NULL)) && top == JSON_OBJECT &&
           str_eq(type.value, S("\"object\""));
}

/* Native where the model has it; else a tool that must be called; where nothing may be forced (or
 * the schema is no object, as a tool's must be) only asking helps. */
static void plan_schema(struct writer *wr)
{
    struct anthropic_plan *p = &wr->plan;
    if (wr->r->format != FORMAT_SCHEMA || wr->r->schema.n == 0)
        return;
    if (wr->claude.traits & CLAUDE_SCHEMA)
        p->schema = SCHEMA_NATIVE;
    else if (!p->manual && p->force && root_is_object(wr->r->schema, wr->a))
        p->schema = SCHEMA_TOOL;
    else
        p->schema = SCHEMA_PROMPT;
}

/* Required by Anthropic: the caller's number, the deployment's, else the most the model takes.
 * Thinking is paid out of it, so it is raised above the budget, or the budget cut below it. */
static void plan_tokens(struct writer *wr)
{
    struct anthropic_plan *p = &wr->plan;
    int64_t most = wr->claude.max_output;
    bool known = wr->r->max_tokens != CHAT_UNSET;
    p->max_tokens = known ? wr->r->max_tokens
                    : wr->t->max_tokens_default != CHAT_UNSET && wr->t->max_tokens_default > 0
                        ? wr->t->max_tokens_default
                        : most;
    if (known && wr->t->modify_params && p->max_tokens > most && most > VISIBLE_TOKENS)
        p->max_tokens = most;
    if (p->thinking != THINKING_MANUAL || p->max_tokens > p->budget)
        return;
    int64_t visible = known && p->max_tokens > 0 ? p->max_tokens : VISIBLE_TOKENS;
    if (p->budget > INT64_MAX - visible)
        p->budget = most;
    p->max_tokens = p->budget + visible;
    if (most > VISIBLE_TOKENS && p->max_tokens > most) {
        p->max_tokens = most;
        if (p->budget >= most)
            p->budget = most / 2;
    }
}

rc anthropic_make_plan(struct writer *wr)
{
    struct anthropic_plan *p = &wr->plan;
    p->force = (wr->claude.traits & CLAUDE_FORCE) != 0;
    TRY(plan_thinking(wr));
    clamp_effort(wr);
    plan_schema(wr);
    plan_tokens(wr);
    return RC_OK;
}

/* ---- fields beside the body ------------------------------------------------------------------ */

static bool has_file_id(const struct chat_part *p)
{
    for (; p; p = p->next) {
        if ((p->kind == PART_IMAGE || p->kind == PART_FILE) && p->media.file_id.n)
            return true;
        if (p->kind == PART_TOOL_RESULT)
            for (const struct chat_part *q = p->result.content; q; q = q->next)
                if ((q->kind == PART_IMAGE || q->kind == PART_FILE) && q->media.file_id.n)
                    return true;
    }
    return false;
}

void anthropic_write_fields(struct buf *out, const struct chat_req *r, const struct chat_target *t)
{
    buf_add(out, S("anthropic-version: 2023-06-01\r\n"));
    str betas[2];
    size_t n = 0;
    struct claude claude = claude_of(t->model);
    if ((claude.traits & CLAUDE_EFFORT_BETA) && r && r->origin == DIALECT_ANTHROPIC &&
        r->effort > EFFORT_NONE)
        betas[n++] = S("effort-2025-11-24");
    bool files = false;
    for (const struct chat_message *m = r ? r->messages : NULL; m && !files; m = m->next)
        files = has_file_id(m->parts);
    if (files)
        betas[n++] = S("files-api-2025-04-14");
    for (size_t i = 0; i < n; i++) {
        buf_add(out, i ? S(",") : S("anthropic-beta: "));
        buf_add(out, betas[i]);
    }
    if (n)
        buf_add(out, S("\r\n"));
}
