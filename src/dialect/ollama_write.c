/* ollama_write.c - the neutral conversation, written as Ollama's /api/chat.
 *
 * Ollama has no parts (texts are joined, pictures stand beside them as base64), no tool_choice and
 * no names for most of OpenAI's parameters; sampling goes into `options`.
 */
#include "base/map.h"
#include "dialect/functions.h"
#include "dialect/members.h"
#include "dialect/ollama_internal.h"

#define TARGET S("Ollama")

struct option {
    struct option *next;
    str name, value; /* JSON text */
};

struct writing {
    struct jw w;
    const struct chat_req *r;
    const struct chat_target *t;
    struct chat_loss *loss;
    struct arena *a;
    struct err *e;
    const struct chat_message *loop; /* thinking is replayed from here on */
    struct map by_name;              /* of options */
    struct option *options, **tail;
};

static rc drop(struct writing *wr, str field)
{
    return chat_drop(wr->loss, wr->t->drop_params, field, TARGET, wr->e);
}

/* ---- content -------------------------------------------------------------------------------- */

static bool is_text(const struct chat_part *p)
{
    return ((p->kind == PART_TEXT || p->kind == PART_REFUSAL) && p->text.n) ||
           (p->kind == PART_FILE && p->media.text.n);
}

/* All texts of the parts, a line each. */
static void write_texts(struct writing *wr, const struct chat_part *parts)
{
    bool some = false;
    jw_key(&wr->w, S("content"));
    jw_str_begin(&wr->w);
    for (const struct chat_part *p = parts; p; p = p->next) {
        if (!is_text(p))
            continue;
        if (some)
            jw_str_add(&wr->w, S("\n"));
        jw_str_add(&wr->w, p->kind == PART_FILE ? p->media.text : p->text);
        some = true;
    }
    jw_str_end(&wr->w);
}

bool ollama_needs_bytes(const struct chat_part *p)
{
    return p->kind == PART_IMAGE || p->kind == PART_AUDIO;
}

static rc check_media(struct writing *wr, const struct chat_part *p)
{
    if (p->kind == PART_VIDEO)
        return drop(wr, S("video_url"));
    if (p->kind == PART_FILE && !p->media.text.n)
        return drop(wr, S("file"));
    if (p->kind == PART_IMAGE && !p->media.data.n)
        return fail(wr->e, E_UNSUPPORTED, "image_url", 0,
                    "Ollama takes images as data only, not by URL");
    return RC_OK;
}

static bool is_image(const struct chat_part *p)
{
    return (p->kind == PART_IMAGE || p->kind == PART_AUDIO) && p->media.data.n;
}

/* Sounds go where pictures go. */
static rc write_images(struct writing *wr, const struct chat_part *parts)
{
    bool some = false;
    for (const struct chat_part *p = parts; p; p = p->next) {
        TRY(check_media(wr, p));
        if (!is_image(p))
            continue;
        if (!some)
            jw_karr(&wr->w, S("images"));
        some = true;
        jw_str(&wr->w, p->media.data);
    }
    if (some)
        jw_arr_end(&wr->w);
    return RC_OK;
}

/* ---- messages ------------------------------------------------------------------------------- */

static void begin_message(struct writing *wr, str role)
{
    jw_obj(&wr->w);
    jw_kstr(&wr->w, S("role"), role);
}

static void write_hint(struct writing *wr, str text)
{
    if (!text.n)
        return;
    begin_message(wr, S("system"));
    jw_kstr(&wr->w, S("content"), text);
    jw_obj_end(&wr->w);
}

static rc write_plain(struct writing *wr, const struct chat_message *m, str role)
{
    bool some = false;
    for (const struct chat_part *p = m->parts; p; p = p->next)
        some = some || is_text(p) || is_image(p);
    for (const struct chat_part *p = m->parts; p && !some; p = p->next)
        TRY(check_media(wr, p)); /* dropping it must be allowed */
    if (!some)
        return RC_OK;
    begin_message(wr, role);
    write_texts(wr, m->parts);
    TRY(write_images(wr, m->parts));
    jw_obj_end(&wr->w);
    return RC_OK;
}

static bool replays(const struct writing *wr, const struct chat_part *p)
{
    bool wanted = wr->loop || wr->r->origin == DIALECT_OLLAMA;
    return p->kind == PART_THINKING && p->text.n && wanted &&
           (p->origin == DIALECT_OLLAMA || p->signature.n == 0);
}

static void write_thinking_texts(struct writing *wr, const struct chat_part *parts)
{
    str text = { 0 };
    for (const struct chat_part *p = parts; p; p = p->next)
        if (replays(wr, p))
            text = text.n ? arena_fmt(wr->a, "%.*s\n%.*s", STRF(text), STRF(p->text)) : p->text;
    jw_kstr_if(&wr->w, S("thinking"), text);
}

static rc write_assistant(struct writing *wr, const struct chat_message *m)
{
    uint32_t calls = 0;
    bool some = false;
    for (const struct chat_part *p = m->parts; p; p = p->next)
        some = some || is_text(p) || p->kind == PART_TOOL_CALL || replays(wr, p) || is_image(p);
    if (!some)
        return RC_OK;
    begin_message(wr, S("assistant"));
    write_texts(wr, m->parts);
    write_thinking_texts(wr, m->parts);
    TRY(write_images(wr, m->parts));
    for (const struct chat_part *p = m->parts; p; p = p->next) {
        if (p->kind != PART_TOOL_CALL)
            continue;
        if (calls == 0)
            jw_karr(&wr->w, S("tool_calls"));
        ollama_write_call(&wr->w, &p->call, calls++, wr->a);
    }
    if (calls)
        jw_arr_end(&wr->w);
    jw_obj_end(&wr->w);
    return RC_OK;
}

static void write_result(struct writing *wr, const struct chat_result *res)
{
    begin_message(wr, S("tool"));
    write_texts(wr, res->content);
    jw_kstr_if(&wr->w, S("tool_name"), res->name);
    jw_kstr_if(&wr->w, S("tool_call_id"), res->id);
    jw_obj_end(&wr->w);
}

/* Pictures among the results of a turn follow it as the user's. */
static rc write_result_images(struct writing *wr, const struct chat_message *m)
{
    bool some = false;
    for (const struct chat_part *p = m->parts; p; p = p->next)
        for (const struct chat_part *c = p->kind == PART_TOOL_RESULT ? p->result.content : NULL; c;
             c = c->next) {
            TRY(check_media(wr, c));
            if (!is_image(c))
                continue;
            if (!some) {
                begin_message(wr, S("user"));
                jw_kstr(&wr->w, S("content"), S("Pictures from the tool results above."));
                jw_karr(&wr->w, S("images"));
            }
            some = true;
            jw_str(&wr->w, c->media.data);
        }
    if (some) {
        jw_arr_end(&wr->w);
        jw_obj_end(&wr->w);
    }
    return RC_OK;
}

/* The end of a run of tool turns: now the pictures may follow. */
static rc write_tool_turns(struct writing *wr, const struct chat_message **m)
{
    const struct chat_message *first = *m, *last = *m;
    while (last->next && last->next->role == ROLE_TOOL)
        last = last->next;
    for (const struct chat_message *t = first; t != last->next; t = t->next)
        for (const struct chat_part *p = t->parts; p; p = p->next)
            if (p->kind == PART_TOOL_RESULT)
                write_result(wr, &p->result);
    for (const struct chat_message *t = first; t != last->next; t = t->next)
        TRY(write_result_images(wr, t));
    *m = last;
    return RC_OK;
}

/* Ollama knows no tool_choice, and JSON mode wants the word in the prompt. */
static void write_hints(struct writing *wr)
{
    const struct chat_req *r = wr->r;
    if (r->tools && (r->choice == CHOICE_REQUIRED || r->choice == CHOICE_NAMED))
        chat_note_loss(wr->loss, S("tool_choice")); /* a model may not do as it is asked */
    if (r->tools && r->choice == CHOICE_REQUIRED)
        write_hint(wr, S("Answer by calling one of the tools."));
    if (r->tools && r->choice == CHOICE_NAMED)
        write_hint(wr, arena_fmt(wr->a, "Answer by calling the tool %.*s.", STRF(r->choice_name)));
    if (r->format != FORMAT_JSON || r->origin == DIALECT_OLLAMA)
        return;
    for (const struct chat_message *m = r->messages; m; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next)
            if (p->kind == PART_TEXT && str_icontains(p->text, S("json")))
                return;
    write_hint(wr, S("Answer with JSON."));
}

static rc write_messages(struct writing *wr)
{
    const struct chat_message *loop = wr->r->messages;
    for (const struct chat_message *m = wr->r->messages; m; m = m->next)
        if (m->role == ROLE_USER)
            loop = m;
    jw_karr(&wr->w, S("messages"));
    size_t before = wr->w.out->n;
    write_hints(wr);
    for (const struct chat_message *m = wr->r->messages; m; m = m->next) {
        if (m == loop)
            wr->loop = m;
        switch (m->role) {
        case ROLE_SYSTEM:
        case ROLE_DEVELOPER:
            TRY(write_plain(wr, m, S("system")));
            break;
        case ROLE_USER:
            TRY(write_plain(wr, m, S("user")));
            break;
        case ROLE_ASSISTANT:
            TRY(write_assistant(wr, m));
            break;
        case ROLE_TOOL:
            TRY(write_tool_turns(wr, &m));
            break;
        }
    }
    if (wr->w.out->n == before) { /* none at all would only load the model */
        begin_message(wr, S("user"));
        jw_kstr(&wr->w, S("content"), (str){ 0 });
        jw_obj_end(&wr->w);
    }
    jw_arr_end(&wr->w);
    return RC_OK;
}

/* ---- tools ---------------------------------------------------------------------------------- */

static void write_tools(struct writing *wr)
{
    const struct chat_req *r = wr->r;
    if (r->tools && r->choice != CHOICE_NONE)
        functions_write_tools(&wr->w, r, DIALECT_OLLAMA, wr->loss, wr->a);
}

/* ---- options -------------------------------------------------------------------------------- */

/* Everything that /api/chat takes inside `options`, in OpenAI's word where that differs. */
static const struct member_name option_names[] = {
    { S("temperature"), S("temperature") },
    { S("top_p"), S("top_p") },
    { S("top_k"), S("top_k") },
    { S("min_p"), S("min_p") },
    { S("typical_p"), S("typical_p") },
    { S("max_tokens"), S("num_predict") },
    { S("max_completion_tokens"), S("num_predict") },
    { S("num_predict"), S("num_predict") },
    { S("seed"), S("seed") },
    { S("stop"), S("stop") },
    { S("frequency_penalty"), S("frequency_penalty") },
    { S("presence_penalty"), S("presence_penalty") },
    { S("repeat_penalty"), S("repeat_penalty") },
    { S("repeat_last_n"), S("repeat_last_n") },
    { S("num_ctx"), S("num_ctx") },
    { S("num_keep"), S("num_keep") },
    { S("num_batch"), S("num_batch") },
    { S("num_gpu"), S("num_gpu") },
    { S("main_gpu"), S("main_gpu") },
    { S("num_thread"), S("num_thread") },
    { S("use_mmap"), S("use_mmap") },
    { S("use_mlock"), S("use_mlock") },
    { S("numa"), S("numa") },
    { S("low_vram"), S("low_vram") },
    { S("mirostat"), S("mirostat") },
    { S("mirostat_eta"), S("mirostat_eta") },
    { S("mirostat_tau"), S("mirostat_tau") },
    { S("tfs_z"), S("tfs_z") },
    { S("draft_num_predict"), S("draft_num_predict") },
};

/* Empty if it is no option. */
static str option_name(str name)
{
    for (size_t i = 0; i < COUNT_OF(option_names); i++)
        if (str_eq(option_names[i].openai, name))
            return option_names[i].native;
    return (str){ 0 };
}

static void set_option(struct writing *wr, str name, str value, bool overwrite)
{
    struct option *o = map_get(&wr->by_name, name);
    if (value.n == 0 || (o && !overwrite))
        return;
    if (!o) {
        o = NEW(wr->a, struct option, 1);
        o->name = name;
        *wr->tail = o;
        wr->tail = &o->next;
        map_put(&wr->by_name, name, o);
    }
    o->value = value;
}

/* A member that came as it is: of the type that Ollama insists on. */
static bool option_fits(struct writing *wr, str name, str json)
{
    static const str integers[] = { S("num_predict"), S("seed") };
    static const str numbers[] = {
        S("temperature"),      S("top_p"),         S("top_k"), S("min_p"), S("frequency_penalty"),
        S("presence_penalty"), S("repeat_penalty")
    };
    jval *v = NULL;
    int64_t n;
    if (FAILED(jd_read(&v, json, wr->a, NULL)))
        return false;
    for (size_t i = 0; i < COUNT_OF(integers); i++)
        if (str_eq(integers[i], name))
            return jd_i64(v, &n);
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (str_eq(numbers[i], name))
            return jd_is_num(v);
    if (!str_eq(name, S("stop")))
        return true;
    JD_EACH (s, v) {
        if (!jd_is_str(s.value))
            return false;
    }
    return jd_is_str(v) || jd_is_arr(v);
}

static void set_given(struct writing *wr, const struct chat_extra *x, bool overwrite)
{
    str name = option_name(x->name);
    if (!name.n)
        return;
    if (option_fits(wr, name, x->value))
        set_option(wr, name, x->value, overwrite);
    else
        chat_note_loss(wr->loss, x->name);
}

static str number(struct writing *wr, int64_t v)
{
    return arena_fmt(wr->a, "%lld", (long long)v);
}

static str stops(struct writing *wr)
{
    struct buf b;
    struct jw w;
    if (!wr->r->stop)
        return (str){ 0 };
    buf_init(&b, SIZE_MAX / 4);
    jw_init(&w, &b);
    jw_arr(&w);
    for (const struct chat_str *s = wr->r->stop; s; s = s->next)
        jw_str(&w, s->s);
    jw_arr_end(&w);
    str text = arena_dup(wr->a, buf_str(&b));
    buf_done(&b);
    return text;
}

/* An `options` object that the caller gave. */
static void merge_options(struct writing *wr, str json)
{
    jval *v = NULL;
    if (FAILED(jd_read(&v, json, wr->a, NULL)))
        return;
    JD_EACH (o, v) {
        str text = jd_text(o.value, wr->a);
        if (option_fits(wr, o.name, text))
            set_option(wr, o.name, text, false);
    }
}

static void gather_options(struct writing *wr)
{
    const struct chat_req *r = wr->r;
    const struct {
        str name, value;
    } own[] = {
        { S("temperature"), r->temperature },
        { S("top_p"), r->top_p },
        { S("top_k"), r->top_k },
        { S("min_p"), r->min_p },
        { S("frequency_penalty"), r->frequency_penalty },
        { S("presence_penalty"), r->presence_penalty },
        { S("repeat_penalty"), r->repeat_penalty },
    };
    for (size_t i = 0; i < COUNT_OF(own); i++)
        set_option(wr, own[i].name, own[i].value, false);
    if (r->max_tokens > 0)
        set_option(wr, S("num_predict"), number(wr, r->max_tokens), false);
    if (r->seed != CHAT_UNSET)
        set_option(wr, S("seed"), number(wr, r->seed), false);
    set_option(wr, S("stop"), stops(wr), false);
    for (const struct chat_extra *x = r->extras; x; x = x->next) {
        if (str_eq(x->name, S("options")))
            merge_options(wr, x->value);
        else
            set_given(wr, x, false);
    }
    for (const struct chat_extra *x = wr->t->defaults; x; x = x->next)
        set_given(wr, x, false);
    for (const struct chat_extra *x = wr->t->extra_body; x; x = x->next)
        set_given(wr, x, true);
}

static void write_options(struct writing *wr)
{
    map_init(&wr->by_name);
    wr->tail = &wr->options;
    gather_options(wr);
    map_done(&wr->by_name);
    if (!wr->options)
        return;
    jw_kobj(&wr->w, S("options"));
    for (const struct option *o = wr->options; o; o = o->next)
        jw_kraw(&wr->w, o->name, o->value);
    jw_obj_end(&wr->w);
}

/* ---- the rest ------------------------------------------------------------------------------- */

/* Levels are gpt-oss's; other models think or do not. A caller of Ollama's own API knows its model
 * and has its word kept. */
static void write_think(struct writing *wr)
{
    const struct chat_req *r = wr->r;
    bool levels = str_icontains(wr->t->model, S("gpt-oss"));
    enum chat_effort effort = r->effort;
    if (effort == EFFORT_UNSET && r->thinking_budget == CHAT_UNSET)
        return;
    bool off = effort == EFFORT_NONE || (effort == EFFORT_UNSET && r->thinking_budget == 0);
    if (r->origin == DIALECT_OLLAMA && effort != EFFORT_UNSET) {
        jw_kstr(&wr->w, S("think"), str_c(chat_effort_name(effort)));
    } else if (!levels || (r->origin == DIALECT_OLLAMA && effort == EFFORT_UNSET)) {
        jw_kbool(&wr->w, S("think"), !off);
    } else {
        if (effort == EFFORT_UNSET)
            effort = chat_budget_effort(r->thinking_budget);
        jw_kstr(&wr->w, S("think"),
                effort <= EFFORT_LOW      ? S("low")
                : effort == EFFORT_MEDIUM ? S("medium")
                                          : S("high"));
    }
}

static void write_format(struct writing *wr)
{
    if (wr->r->format == FORMAT_JSON)
        jw_kstr(&wr->w, S("format"), S("json"));
    else if (wr->r->format == FORMAT_SCHEMA)
        jw_kraw_if(&wr->w, S("format"), wr->r->schema);
}

static void write_logprobs(struct writing *wr)
{
    if (wr->r->logprobs == TRI_TRUE)
        jw_kbool(&wr->w, S("logprobs"), true);
    if (wr->r->logprobs == TRI_TRUE && wr->r->top_logprobs >= 0)
        jw_ki64(&wr->w, S("top_logprobs"), wr->r->top_logprobs);
}

static rc drop_foreign(struct writing *wr)
{
    const struct chat_req *r = wr->r;
    if (r->n > 1)
        TRY(drop(wr, S("n")));
    if (r->logit_bias.n && !str_eq(r->logit_bias, S("{}")))
        TRY(drop(wr, S("logit_bias")));
    for (const struct chat_str *s = r->modalities; s; s = s->next)
        if (!str_eq(s->s, S("text")))
            TRY(drop(wr, S("modalities")));
    const struct {
        str field;
        bool given;
    } hints[] = {
        { S("parallel_tool_calls"), r->parallel_calls == TRI_FALSE },
        { S("user"), r->user.n > 0 },
        { S("metadata"), r->metadata.n > 0 },
        { S("service_tier"), r->service_tier.n > 0 },
        { S("verbosity"), r->verbosity.n > 0 },
    };
    for (size_t i = 0; i < COUNT_OF(hints); i++)
        if (hints[i].given)
            chat_note_loss(wr->loss, hints[i].field);
    return RC_OK;
}

static void write_extras(struct writing *wr)
{
    static const str native[] = { S("keep_alive"), S("truncate"), S("shift"), S("template") };
    for (const struct chat_extra *x = wr->r->extras; x; x = x->next) {
        bool ours =
            wr->r->origin == DIALECT_OLLAMA || members_listed(wr->t->allowed_params, x->name);
        if (str_eq(x->name, S("options")) || option_name(x->name).n)
            continue; /* with the options */
        for (size_t i = 0; i < COUNT_OF(native) && !ours; i++)
            ours = str_eq(native[i], x->name);
        if (ours)
            jw_kraw(&wr->w, x->name, x->value);
        else
            chat_note_loss(wr->loss, x->name);
    }
}

/* The deployment's members that are no options. */
static struct chat_extra *top_level_only(const struct chat_extra *list, struct arena *a)
{
    struct chat_extra *kept = NULL, **tail = &kept;
    for (; list; list = list->next) {
        if (!option_name(list->name).n)
            chat_add_extra(a, &tail, list->name, list->value);
    }
    return kept;
}

rc ollama_write_chat(struct buf *out, const struct chat_req *r, const struct chat_target *t,
                     struct chat_loss *loss, struct arena *a, struct err *e)
{
    struct writing wr = { .r = r, .t = t, .loss = loss, .a = a, .e = e };
    struct chat_target top = *t;
    size_t from = out->n;
    jw_init(&wr.w, out);
    jw_obj(&wr.w);
    jw_kstr(&wr.w, S("model"), t->model);
    TRY(write_messages(&wr));
    jw_kbool(&wr.w, S("stream"), t->stream);
    write_tools(&wr);
    write_format(&wr);
    write_think(&wr);
    write_options(&wr);
    write_logprobs(&wr);
    TRY(drop_foreign(&wr));
    write_extras(&wr);
    jw_obj_end(&wr.w);
    top.defaults = top_level_only(t->defaults, a);
    top.extra_body = top_level_only(t->extra_body, a);
    members_finish(out, from, &top, NULL, 0, a);
    return RC_OK;
}
