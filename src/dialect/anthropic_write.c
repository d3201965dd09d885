/* anthropic_write.c - the neutral conversation as a Messages request: all but the messages.
 */
#include "dialect/anthropic_write.h"

#include "chat/defaults.h"
#include "dialect/functions.h"

enum { CACHE_MARKS_MAX = 4 };

const struct chat_extra *anthropic_extra(const struct chat_extra *list, str name)
{
    for (; list; list = list->next)
        if (str_eq(list->name, name))
            return list;
    return NULL;
}

bool anthropic_overridden(const struct writer *wr, str name)
{
    return anthropic_extra(wr->t->extra_body, name) != NULL;
}

static bool allowed(const struct writer *wr, str name)
{
    for (const struct chat_str *s = wr->t->allowed_params; s; s = s->next)
        if (str_eq(s->s, name))
            return true;
    return false;
}

/* ---- cache marks ---------------------------------------------------------------------------- */

/* Marks of Anthropic's kind only: other vendors' go by other rules. */
static bool is_mark(str cache)
{
    struct json_member type = { .name = S("type") };
    return cache.n && !FAILED(json_scan(cache, &type, 1, NULL, NULL)) &&
           str_eq(type.value, S("\"ephemeral\""));
}

void anthropic_write_mark(struct writer *wr, str cache)
{
    if (!is_mark(cache))
        return;
    if (wr->marks_skip > 0)
        wr->marks_skip--;
    else
        jw_kraw(&wr->w, S("cache_control"), cache);
}

static int count_marks(const struct chat_req *r)
{
    int n = is_mark(r->cache);
    for (const struct chat_tool *t = r->tools; t; t = t->next)
        n += is_mark(t->cache);
    for (const struct chat_message *m = r->messages; m; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next) {
            n += is_mark(p->cache);
            if (p->kind == PART_TOOL_RESULT)
                for (const struct chat_part *q = p->result.content; q; q = q->next)
                    n += is_mark(q->cache);
        }
    return n;
}

/* ---- tools ---------------------------------------------------------------------------------- */

static void write_function(struct writer *wr, const struct chat_tool *t)
{
    struct jw *w = &wr->w;
    bool strict = t->strict == TRI_TRUE && (wr->claude.traits & CLAUDE_SCHEMA);
    bool native = t->origin == DIALECT_ANTHROPIC;
    jw_obj(w);
    jw_kstr(w, S("name"), t->name);
    jw_kstr_if(w, S("description"), t->description);
    str schema = native   ? t->schema
                 : strict ? anthropic_strict_schema(t->schema, wr->a)
                          : anthropic_tool_schema(t->schema, wr->a);
    jw_kraw(w, S("input_schema"), schema.n ? schema : S("{\"type\":\"object\",\"properties\":{}}"));
    if (strict || (native && t->strict != TRI_UNSET))
        jw_kbool(w, S("strict"), t->strict == TRI_TRUE);
    anthropic_write_mark(wr, t->cache);
    jw_obj_end(w);
}

/* A tool that takes free text: one string to be given. */
static void write_custom(struct writer *wr, const struct chat_tool *t)
{
    struct jw *w = &wr->w;
    jw_obj(w);
    jw_kstr(w, S("name"), t->name);
    jw_kstr_if(w, S("description"), t->description);
    jw_kraw(w, S("input_schema"), functions_free_text(t, wr->a));
    anthropic_write_mark(wr, t->cache);
    jw_obj_end(w);
}

/* Another vendor's web search is ours as well; its other built-in tools have no counterpart, and
 * are left out: clients offer them unasked. */
static void write_foreign(struct writer *wr, const struct chat_tool *t)
{
    jval *tool = NULL;
    if (FAILED(jd_read(&tool, t->raw, wr->a, NULL)) ||
        !str_starts(jd_get_str(tool, S("type")), S("web_search"))) {
        chat_note_loss(wr->loss, S("tools"));
        return;
    }
    struct jw *w = &wr->w;
    jw_obj(w);
    jw_kstr(w, S("type"), S("web_search_20250305"));
    jw_kstr(w, S("name"), S("web_search"));
    jval *where = jd_get(tool, S("user_location"));
    if (jd_is_obj(where))
        jw_kval(w, S("user_location"), where);
    jval *domains = jd_path(tool, "filters", "allowed_domains", NULL);
    if (jd_is_arr(domains) && jd_count(domains))
        jw_kval(w, S("allowed_domains"), domains);
    jw_obj_end(w);
}

static bool name_ok(str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-';
        if (!ok)
            return false;
    }
    return name.n > 0 && name.n <= 128;
}

static rc write_tool(struct writer *wr, const struct chat_tool *t)
{
    if (t->kind == TOOL_OPAQUE && t->origin != DIALECT_ANTHROPIC) {
        write_foreign(wr, t);
        return RC_OK;
    }
    bool plain_mark = !is_mark(t->cache) || wr->marks_skip == 0;
    if (t->origin == DIALECT_ANTHROPIC && t->raw.n && plain_mark) {
        jw_raw(&wr->w, t->raw);
        return RC_OK;
    }
    if (t->kind == TOOL_OPAQUE) {
        wr->marks_skip--;
        jw_raw(&wr->w, t->raw);
        return RC_OK;
    }
    if (!name_ok(t->name))
        return fail(wr->e, E_UNSUPPORTED, "tools.function.name", 0,
                    "tools: the name \"%.*s\" is not one that Anthropic takes: only letters, "
                    "digits, '_' and '-', at most 128",
                    STRF(str_take(t->name, 64)));
    if (t->kind == TOOL_CUSTOM)
        write_custom(wr, t);
    else
        write_function(wr, t);
    return RC_OK;
}

/* Anthropic wants tools wherever a conversation shows calls: those called, without their schemas
 * (which nobody gave us), and none to be called. */
static void write_stubs(struct writer *wr)
{
    struct map seen;
    map_init(&seen);
    for (const struct chat_message *m = wr->r->messages; m; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next) {
            if (p->kind != PART_TOOL_CALL || !name_ok(p->call.name) || map_get(&seen, p->call.name))
                continue;
            map_put(&seen, p->call.name, wr);
            jw_obj(&wr->w);
            jw_kstr(&wr->w, S("name"), p->call.name);
            jw_kraw(&wr->w, S("input_schema"), S("{\"type\":\"object\",\"properties\":{}}"));
            jw_obj_end(&wr->w);
        }
    map_done(&seen);
}

static bool history_has_calls(const struct chat_req *r)
{
    for (const struct chat_message *m = r->messages; m; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next)
            if (p->kind == PART_TOOL_CALL && name_ok(p->call.name))
                return true;
    return false;
}

static void write_choice(struct writer *wr)
{
    struct jw *w = &wr->w;
    const struct chat_req *r = wr->r;
    enum tool_choice choice = r->choice;
    str name = r->choice_name;
    if (wr->plan.schema == SCHEMA_TOOL) {
        /* With tools of the caller's beside it, any of them or the answer. */
        choice = r->tools && choice != CHOICE_NONE ? CHOICE_REQUIRED : CHOICE_NAMED;
        name = ANTHROPIC_JSON_TOOL;
    } else if (wr->plan.stubs) {
        choice = CHOICE_NONE;
    } else if (!wr->plan.force && choice > CHOICE_NONE) {
        choice = CHOICE_AUTO; /* the system prompt asks for it instead */
    }
    bool serial = r->parallel_calls == TRI_FALSE && choice != CHOICE_NONE;
    bool told =
        r->parallel_calls == TRI_TRUE && r->origin == DIALECT_ANTHROPIC && choice != CHOICE_NONE;
    if (choice == CHOICE_UNSET && !serial)
        return;
    static const char *const types[] = { "auto", "auto", "none", "any", "tool" };
    jw_kobj(w, S("tool_choice"));
    jw_kstr(w, S("type"), str_c(types[choice]));
    if (choice == CHOICE_NAMED)
        jw_kstr(w, S("name"), name);
    if (serial || told)
        jw_kbool(w, S("disable_parallel_tool_use"), serial);
    jw_obj_end(w);
}

rc anthropic_write_tools(struct writer *wr)
{
    struct jw *w = &wr->w;
    wr->plan.stubs = !wr->r->tools && wr->plan.schema != SCHEMA_TOOL && history_has_calls(wr->r);
    if (!wr->r->tools && wr->plan.schema != SCHEMA_TOOL && !wr->plan.stubs)
        return RC_OK;
    if (!anthropic_overridden(wr, S("tools"))) {
        jw_karr(w, S("tools"));
        size_t before = w->out->n;
        for (const struct chat_tool *t = wr->r->tools; t; t = t->next)
            TRY(write_tool(wr, t));
        if (wr->plan.schema == SCHEMA_TOOL) {
            jw_obj(w);
            jw_kstr(w, S("name"), ANTHROPIC_JSON_TOOL);
            jw_kstr_if(w, S("description"), wr->r->schema_description);
            jw_kraw(w, S("input_schema"), anthropic_tool_schema(wr->r->schema, wr->a));
            jw_obj_end(w);
        }
        if (wr->plan.stubs)
            write_stubs(wr);
        wr->plan.any_tools = w->out->n > before;
        jw_arr_end(w);
    }
    if (wr->plan.any_tools && !anthropic_overridden(wr, S("tool_choice")))
        write_choice(wr);
    return RC_OK;
}

/* ---- system --------------------------------------------------------------------------------- */

static void write_system_text(struct writer *wr, bool *open, str text, str cache)
{
    if (str_trim(text).n == 0)
        return;
    if (!*open)
        jw_karr(&wr->w, S("system"));
    *open = true;
    jw_obj(&wr->w);
    jw_kstr(&wr->w, S("type"), S("text"));
    jw_kstr(&wr->w, S("text"), text);
    anthropic_write_mark(wr, cache);
    jw_obj_end(&wr->w);
}

/* What the request asks for and this model has no field for. */
static void write_instructions(struct writer *wr, bool *open)
{
    const struct chat_req *r = wr->r;
    if (wr->plan.schema == SCHEMA_PROMPT)
        write_system_text(
            wr, open,
            arena_fmt(wr->a,
                      "Answer with one JSON value that conforms to the JSON schema "
                      "below, and with nothing else: no code fence, no comment.\n%.*s",
                      STRF(r->schema)),
            S(""));
    if (r->format == FORMAT_JSON)
        write_system_text(wr, open,
                          S("Answer with one valid JSON object and with nothing else: no code "
                            "fence, no comment."),
                          S(""));
    if (wr->plan.force || !r->tools)
        return;
    if (r->choice == CHOICE_REQUIRED)
        write_system_text(wr, open, S("You must call at least one of the tools now."), S(""));
    if (r->choice == CHOICE_NAMED)
        write_system_text(
            wr, open,
            arena_fmt(wr->a, "You must call the tool \"%.*s\" now.", STRF(r->choice_name)), S(""));
}

static bool hoisted(const struct writer *wr, size_t *at, const struct chat_message *m)
{
    if (m->role != ROLE_SYSTEM && m->role != ROLE_DEVELOPER)
        return false;
    while (*at < wr->nmsgs && wr->msgs[*at]->role != ROLE_SYSTEM)
        ++*at;
    bool stays = *at < wr->nmsgs && wr->msgs[*at] == m;
    *at += stays;
    return !stays;
}

void anthropic_write_system(struct writer *wr)
{
    bool open = false;
    size_t at = 0;
    for (const struct chat_message *m = wr->r->messages; m; m = m->next) {
        if (!hoisted(wr, &at, m))
            continue;
        for (const struct chat_part *p = m->parts; p; p = p->next) {
            if (p->kind == PART_TEXT) {
                write_system_text(wr, &open, p->text, p->cache);
            } else if (p->kind == PART_OPAQUE && p->origin == DIALECT_ANTHROPIC) {
                if (!open)
                    jw_karr(&wr->w, S("system"));
                open = true;
                jw_raw(&wr->w, p->raw);
            }
        }
    }
    write_instructions(wr, &open);
    if (open)
        jw_arr_end(&wr->w);
}

/* ---- the rest ------------------------------------------------------------------------------- */

static void write_thinking(struct writer *wr)
{
    struct jw *w = &wr->w;
    if (wr->plan.thinking == THINKING_UNSET || anthropic_overridden(wr, S("thinking")))
        return;
    if (wr->plan.thinking == THINKING_RAW) {
        jw_kraw(w, S("thinking"), wr->plan.thinking_raw);
        return;
    }
    jw_kobj(w, S("thinking"));
    switch (wr->plan.thinking) {
    case THINKING_MANUAL:
        jw_kstr(w, S("type"), S("enabled"));
        jw_ki64(w, S("budget_tokens"), wr->plan.budget);
        break;
    case THINKING_ADAPTIVE:
        jw_kstr(w, S("type"), S("adaptive"));
        if (wr->r->show_thinking != TRI_FALSE)
            jw_kstr(w, S("display"), S("summarized"));
        break;
    case THINKING_BETWEEN:
        jw_kstr(w, S("type"), S("between_tools"));
        break;
    default:
        jw_kstr(w, S("type"), S("disabled"));
        break;
    }
    jw_obj_end(w);
}

static void write_output_config(struct writer *wr)
{
    struct jw *w = &wr->w;
    const struct chat_extra *raw = anthropic_extra(wr->r->extras, S("output_config"));
    bool native = wr->plan.schema == SCHEMA_NATIVE;
    if (anthropic_overridden(wr, S("output_config")) ||
        (!raw && !native && wr->plan.effort == EFFORT_UNSET))
        return;
    jval *config = NULL;
    if (raw)
        (void)!FAILED(jd_read(&config, raw->value, wr->a, NULL));
    jw_kobj(w, S("output_config"));
    JD_EACH (m, config)
        if (!str_eq(m.name, S("effort")) && !str_eq(m.name, S("format")))
            jw_kval(w, m.name, m.value);
    if (wr->plan.effort != EFFORT_UNSET)
        jw_kstr(w, S("effort"), str_c(chat_effort_name(wr->plan.effort)));
    if (native) {
        jw_kobj(w, S("format"));
        jw_kstr(w, S("type"), S("json_schema"));
        jw_kraw(w, S("schema"),
                wr->r->origin == DIALECT_ANTHROPIC ? wr->r->schema
                                                   : anthropic_strict_schema(wr->r->schema, wr->a));
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

static void write_number(struct writer *wr, str name, str num)
{
    if (num.n && !anthropic_overridden(wr, name))
        jw_kraw(&wr->w, name, num);
}

/* Sampling is a hint: what this model or its thinking does not take is left out. */
static void write_sampling(struct writer *wr)
{
    const struct chat_req *r = wr->r;
    double temperature = 0, top_p = 0;
    bool has_t = r->temperature.n && str_to_double(r->temperature, &temperature);
    bool has_p = r->top_p.n && str_to_double(r->top_p, &top_p);
    bool thinks = wr->plan.manual || wr->plan.thinking == THINKING_ADAPTIVE;
    bool free_choice = (wr->claude.traits & CLAUDE_SAMPLING) && !thinks;
    bool send_t = has_t && (free_choice || allowed(wr, S("temperature")) ||
                            (temperature == 1 && (wr->claude.traits & CLAUDE_SAMPLING)));
    bool send_p = has_p && (free_choice || allowed(wr, S("top_p")) ||
                            (top_p >= 0.99 && (wr->claude.traits & CLAUDE_SAMPLING)));
    if (send_t && send_p && (wr->claude.traits & CLAUDE_ONE_SAMPLING))
        send_p = false;
    if (send_t)
        write_number(wr, S("temperature"),
                     temperature > 1   ? S("1")
                     : temperature < 0 ? S("0")
                                       : r->temperature);
    else if (has_t)
        chat_note_loss(wr->loss, S("temperature"));
    if (send_p)
        write_number(wr, S("top_p"), top_p > 1 ? S("1") : r->top_p);
    else if (has_p)
        chat_note_loss(wr->loss, S("top_p"));
    if (r->top_k.n && (free_choice || allowed(wr, S("top_k"))))
        write_number(wr, S("top_k"), r->top_k);
    else if (r->top_k.n)
        chat_note_loss(wr->loss, S("top_k"));
}

static void write_stop(struct writer *wr)
{
    bool open = false;
    for (const struct chat_str *s = wr->r->stop; s; s = s->next) {
        if (str_trim(s->s).n == 0) {
            chat_note_loss(wr->loss, S("stop"));
            continue;
        }
        if (!open)
            jw_karr(&wr->w, S("stop_sequences"));
        open = true;
        jw_str(&wr->w, s->s);
    }
    if (open)
        jw_arr_end(&wr->w);
}

static void write_metadata(struct writer *wr)
{
    const struct chat_extra *raw = anthropic_extra(wr->r->extras, S("metadata"));
    if (anthropic_overridden(wr, S("metadata")))
        return;
    if (raw && wr->r->origin == DIALECT_ANTHROPIC) {
        jw_kraw(&wr->w, S("metadata"), raw->value);
    } else if (wr->r->user.n) {
        /* Personal data is not wanted there. */
        if (wr->r->origin != DIALECT_ANTHROPIC && str_index(wr->r->user, '@') < wr->r->user.n) {
            chat_note_loss(wr->loss, S("user"));
            return;
        }
        jw_kobj(&wr->w, S("metadata"));
        jw_kstr(&wr->w, S("user_id"), wr->r->user);
        jw_obj_end(&wr->w);
    }
}

static void write_tier(struct writer *wr)
{
    str tier = wr->r->service_tier;
    if (!tier.n || anthropic_overridden(wr, S("service_tier")))
        return;
    if (str_eq(tier, S("auto")))
        jw_kstr(&wr->w, S("service_tier"), tier);
    else if (str_eq(tier, S("default")))
        jw_kstr(&wr->w, S("service_tier"), S("standard_only"));
    else
        chat_note_loss(wr->loss, S("service_tier"));
}

/* Numbers that change what is asked for and that Claude does not know. */
static rc refuse(struct writer *wr, str name, bool given, str json)
{
    if (!given)
        return RC_OK;
    if (allowed(wr, name)) {
        if (json.n && !anthropic_overridden(wr, name))
            jw_kraw(&wr->w, name, json);
        return RC_OK;
    }
    return chat_drop(wr->loss, wr->t->drop_params, name, S("anthropic"), wr->e);
}

static bool not_zero(str num)
{
    double v = 0;
    return num.n && (!str_to_double(num, &v) || v != 0);
}

static str number(struct writer *wr, int64_t v)
{
    return v == CHAT_UNSET ? S("") : arena_fmt(wr->a, "%lld", (long long)v);
}

static rc write_refused(struct writer *wr)
{
    const struct chat_req *r = wr->r;
    TRY(refuse(wr, S("n"), r->n != CHAT_UNSET && r->n > 1, number(wr, r->n)));
    TRY(refuse(wr, S("seed"), r->seed != CHAT_UNSET, number(wr, r->seed)));
    TRY(refuse(wr, S("logprobs"), r->logprobs == TRI_TRUE, S("true")));
    TRY(refuse(wr, S("top_logprobs"), r->top_logprobs != CHAT_UNSET && r->top_logprobs > 0,
               number(wr, r->top_logprobs)));
    TRY(refuse(wr, S("logit_bias"), r->logit_bias.n > 2, r->logit_bias));
    TRY(refuse(wr, S("presence_penalty"), not_zero(r->presence_penalty), r->presence_penalty));
    TRY(refuse(wr, S("frequency_penalty"), not_zero(r->frequency_penalty), r->frequency_penalty));
    for (const struct chat_str *m = r->modalities; m; m = m->next)
        TRY(refuse(wr, S("modalities"), !str_ieq(m->s, S("text")), S("")));
    if (r->min_p.n)
        chat_note_loss(wr->loss, S("min_p"));
    if (r->repeat_penalty.n)
        chat_note_loss(wr->loss, S("repeat_penalty"));
    if (r->verbosity.n)
        chat_note_loss(wr->loss, S("verbosity"));
    return RC_OK;
}

/* Members beyond the neutral ones: all of an Anthropic client's; of others, what Anthropic knows.
 */
static void write_extras(struct writer *wr)
{
    static const char *const handled[] = { "thinking", "output_config", "metadata", NULL };
    static const char *const known[] = {
        "context_management", "container",      "mcp_servers", "speed",
        "inference_geo",      "fallbacks",      "diagnostics", "thread",
        "compaction",         "billing_policy", NULL
    };
    for (const struct chat_extra *x = wr->r->extras; x; x = x->next) {
        if (str_among(x->name, handled) || anthropic_overridden(wr, x->name))
            continue;
        if (wr->r->origin == DIALECT_ANTHROPIC || str_among(x->name, known) || allowed(wr, x->name))
            jw_kraw(&wr->w, x->name, x->value);
        else
            chat_note_loss(wr->loss, x->name);
    }
    for (const struct chat_extra *x = wr->t->extra_body; x; x = x->next)
        jw_kraw(&wr->w, x->name, x->value);
}

/* Leaves out of wr->msgs the system messages that go into the system field: all, but for those that
 * this model takes where they stand (after a user turn, before the assistant's or at the end). */
static void hoist(struct writer *wr)
{
    size_t n = 0;
    for (const struct chat_message *m = wr->r->messages; m; m = m->next)
        n++;
    wr->msgs = NEW(wr->a, struct chat_message *, n + 1);
    bool may_stay = (wr->claude.traits & CLAUDE_SYSTEM_TURN) != 0;
    for (struct chat_message *m = wr->r->messages; m;) {
        if (m->role != ROLE_SYSTEM && m->role != ROLE_DEVELOPER) {
            wr->msgs[wr->nmsgs++] = m;
            m = m->next;
            continue;
        }
        struct chat_message *end = m;
        while (end && (end->role == ROLE_SYSTEM || end->role == ROLE_DEVELOPER))
            end = end->next;
        bool after_user = wr->nmsgs > 0 && wr->msgs[wr->nmsgs - 1]->role != ROLE_ASSISTANT;
        bool stay = may_stay && after_user && (!end || end->role == ROLE_ASSISTANT);
        for (; m != end; m = m->next)
            if (stay && m->role == ROLE_SYSTEM)
                wr->msgs[wr->nmsgs++] = m;
    }
}

static rc write_body(struct writer *wr)
{
    struct jw *w = &wr->w;
    jw_obj(w);
    if (!anthropic_overridden(wr, S("model")))
        jw_kstr(w, S("model"), wr->t->model);
    if (!anthropic_overridden(wr, S("max_tokens")))
        jw_ki64(w, S("max_tokens"), wr->plan.max_tokens);
    TRY(anthropic_write_tools(wr));
    if (!anthropic_overridden(wr, S("system")))
        anthropic_write_system(wr);
    if (!anthropic_overridden(wr, S("messages")))
        TRY(anthropic_write_messages(wr));
    write_thinking(wr);
    write_output_config(wr);
    write_sampling(wr);
    if (!anthropic_overridden(wr, S("stop_sequences")))
        write_stop(wr);
    write_metadata(wr);
    write_tier(wr);
    if (is_mark(wr->r->cache) && !anthropic_overridden(wr, S("cache_control")))
        jw_kraw(w, S("cache_control"), wr->r->cache);
    if (wr->t->stream && !anthropic_overridden(wr, S("stream")))
        jw_kbool(w, S("stream"), true);
    TRY(write_refused(wr));
    write_extras(wr);
    jw_obj_end(w);
    return RC_OK;
}

rc anthropic_write_chat(struct buf *out, const struct chat_req *r, const struct chat_target *t,
                        struct chat_loss *loss, struct arena *a, struct err *e)
{
    struct chat_req req = *r;
    chat_apply_defaults(&req, t->defaults, a);
    struct writer wr = {
        .r = &req, .t = t, .loss = loss, .a = a, .e = e, .claude = claude_of(t->model)
    };
    int marks = count_marks(&req);
    wr.marks_skip = marks > CACHE_MARKS_MAX ? marks - CACHE_MARKS_MAX : 0;
    jw_init(&wr.w, out);
    map_init(&wr.ids);
    hoist(&wr);
    rc res = anthropic_make_plan(&wr);
    if (!FAILED(res))
        res = write_body(&wr);
    map_done(&wr.ids);
    if (FAILED(res))
        return res;
    return out->full ? fail(e, E_LIMIT, "body", 0, "the translated request is too large") : RC_OK;
}
