/* cohere_write.c - the neutral conversation, written as a Cohere v2 chat request.
 *
 * Rules of the vendor kept here: tool results stand directly behind the turn that made the calls,
 * one message each, every call answered; an assistant turn is never empty; JSON mode goes neither
 * with tools nor with documents; sampling values stay within Cohere's ranges.
 */
#include "base/map.h"
#include "dialect/cohere_internal.h"
#include "dialect/functions.h"
#include "dialect/members.h"
#include "dialect/signature.h"

#define TARGET S("Cohere")

struct writing {
    struct jw w;
    const struct chat_req *r;
    const struct chat_target *t;
    struct chat_loss *loss;
    struct arena *a;
    struct err *e;
    const struct chat_message *loop; /* thinking is replayed from here on: the running tool loop */
    bool documents;                  /* some document goes into the request... */
    bool documents_given;            /* ...as the caller's own list, an extra */
    struct map open;                 /* ids of calls that await their result */
    struct chat_str *open_ids;       /* the same in order */
};

static rc drop(struct writing *wr, str field)
{
    return chat_drop(wr->loss, wr->t->drop_params, field, TARGET, wr->e);
}

/* ---- content -------------------------------------------------------------------------------- */

static bool is_document(const struct chat_part *p)
{
    return p->kind == PART_FILE && (p->media.text.n || p->raw.n);
}

static void write_text_part(struct writing *wr, str text)
{
    jw_obj(&wr->w);
    jw_kstr(&wr->w, S("type"), S("text"));
    jw_kstr(&wr->w, S("text"), text);
    jw_obj_end(&wr->w);
}

static rc write_image(struct writing *wr, const struct chat_media *m)
{
    if (m->url.n == 0 && m->data.n == 0)
        return fail(wr->e, E_UNSUPPORTED, "image_url", 0,
                    "Cohere takes images by URL or as data, not by a file's id");
    jw_obj(&wr->w);
    jw_kstr(&wr->w, S("type"), S("image_url"));
    jw_kobj(&wr->w, S("image_url"));
    jw_key(&wr->w, S("url"));
    jw_str_begin(&wr->w);
    if (m->data.n) {
        jw_str_add(&wr->w, S("data:"));
        jw_str_add(&wr->w, m->mime.n ? m->mime : S("image/png"));
        jw_str_add(&wr->w, S(";base64,"));
    }
    jw_str_add(&wr->w, m->data.n ? m->data : m->url);
    jw_str_end(&wr->w);
    jw_kstr_if(&wr->w, S("detail"), m->detail);
    jw_obj_end(&wr->w);
    jw_obj_end(&wr->w);
    return RC_OK;
}

static rc write_user_part(struct writing *wr, const struct chat_part *p)
{
    switch (p->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
        if (p->text.n)
            write_text_part(wr, p->text);
        return RC_OK;
    case PART_IMAGE:
        return write_image(wr, &p->media);
    case PART_AUDIO:
        return drop(wr, S("input_audio"));
    case PART_VIDEO:
        return drop(wr, S("video_url"));
    case PART_FILE:
        return is_document(p) ? RC_OK : drop(wr, S("file"));
    case PART_OPAQUE:
        if (p->origin == DIALECT_COHERE)
            jw_raw(&wr->w, p->raw);
        return RC_OK;
    default:
        return RC_OK;
    }
}

/* The one text that the parts are, if they are no more than that. */
static bool is_plain(const struct chat_part *parts, str *ret)
{
    size_t n = 0;
    *ret = (str){ 0 };
    for (; parts; parts = parts->next) {
        if (is_document(parts) || parts->kind == PART_THINKING)
            continue;
        if (parts->kind != PART_TEXT || ++n > 1)
            return false;
        *ret = parts->text;
    }
    return true;
}

/* Neighbouring user turns become one, unless a client of Cohere's sent them so. Returns the last of
 * them. */
static rc write_user(struct writing *wr, const struct chat_message **m)
{
    bool own = wr->r->origin == DIALECT_COHERE;
    bool alone = own || !(*m)->next || (*m)->next->role != ROLE_USER;
    str text;
    jw_obj(&wr->w);
    jw_kstr(&wr->w, S("role"), S("user"));
    if (alone && is_plain((*m)->parts, &text)) {
        jw_kstr(&wr->w, S("content"), text.n ? text : S(" ")); /* an empty one is refused */
        jw_obj_end(&wr->w);
        return RC_OK;
    }
    jw_karr(&wr->w, S("content"));
    size_t before = wr->w.out->n;
    for (;; *m = (*m)->next) {
        for (const struct chat_part *p = (*m)->parts; p; p = p->next)
            TRY(write_user_part(wr, p));
        if (own || !(*m)->next || (*m)->next->role != ROLE_USER)
            break;
    }
    if (wr->w.out->n == before)
        write_text_part(wr, S(" "));
    jw_arr_end(&wr->w);
    jw_obj_end(&wr->w);
    return RC_OK;
}

static void write_system(struct writing *wr, str text)
{
    if (text.n == 0)
        return;
    jw_obj(&wr->w);
    jw_kstr(&wr->w, S("role"), S("system"));
    jw_kstr(&wr->w, S("content"), text);
    jw_obj_end(&wr->w);
}

/* ---- assistant turns ------------------------------------------------------------------------ */

static bool is_plan(const struct chat_part *p)
{
    return p->kind == PART_TEXT && p->origin == DIALECT_COHERE && str_eq(p->id, COHERE_PLAN);
}

/* Thinking that is Cohere's own or nobody's in particular (it has no signatures). */
static bool replays(const struct writing *wr, const struct chat_part *p)
{
    bool wanted = wr->loop || wr->r->origin == DIALECT_COHERE;
    return p->kind == PART_THINKING && p->text.n && wanted && p->signature.n == 0;
}

static bool is_answer(const struct chat_part *p)
{
    return (p->kind == PART_TEXT && p->text.n && !is_plan(p)) ||
           (p->kind == PART_REFUSAL && p->text.n);
}

static void write_answer(struct writing *wr, const struct chat_message *m)
{
    size_t texts = 0, thoughts = 0;
    str only = { 0 };
    for (const struct chat_part *p = m->parts; p; p = p->next) {
        thoughts += replays(wr, p);
        texts += is_answer(p);
        if (is_answer(p))
            only = p->text;
    }
    if (texts + thoughts == 0)
        return;
    if (texts == 1 && thoughts == 0) {
        jw_kstr(&wr->w, S("content"), only);
        return;
    }
    jw_karr(&wr->w, S("content"));
    for (const struct chat_part *p = m->parts; p; p = p->next) {
        if (is_answer(p))
            write_text_part(wr, p->text);
        if (!replays(wr, p))
            continue;
        jw_obj(&wr->w);
        jw_kstr(&wr->w, S("type"), S("thinking"));
        jw_kstr(&wr->w, S("thinking"), p->text);
        jw_obj_end(&wr->w);
    }
    jw_arr_end(&wr->w);
}

static void write_call(struct writing *wr, const struct chat_call *c)
{
    str args = c->args.n ? c->args : S("{}");
    if (c->custom) /* free text: Cohere's arguments are an object */
        args = functions_wrap_text(c->args, wr->a);
    jw_obj(&wr->w);
    jw_kstr(&wr->w, S("id"), c->id);
    jw_kstr(&wr->w, S("type"), S("function"));
    jw_kobj(&wr->w, S("function"));
    jw_kstr(&wr->w, S("name"), c->name);
    jw_kstr(&wr->w, S("arguments"), args);
    jw_obj_end(&wr->w);
    jw_obj_end(&wr->w);
}

static void open_call(struct writing *wr, struct chat_str ***tail, str id)
{
    struct chat_str *s = NEW(wr->a, struct chat_str, 1);
    s->s = id;
    **tail = s;
    *tail = &s->next;
    map_put(&wr->open, id, s);
}

static void write_assistant(struct writing *wr, const struct chat_message *m)
{
    bool calls = false, content = false;
    str plan = { 0 }, notes = { 0 };
    for (const struct chat_part *p = m->parts; p; p = p->next) {
        calls = calls || p->kind == PART_TOOL_CALL;
        content = content || is_answer(p) || replays(wr, p);
        if (is_plan(p))
            plan = p->text;
        if (p->kind == PART_TEXT && p->origin == DIALECT_COHERE && p->notes.n)
            notes = p->notes;
    }
    if (!calls && !content && !plan.n)
        return;
    jw_obj(&wr->w);
    jw_kstr(&wr->w, S("role"), S("assistant"));
    if (!calls && !content)
        jw_kstr(&wr->w, S("content"), plan);
    write_answer(wr, m);
    if (calls) {
        jw_kstr_if(&wr->w, S("tool_plan"), plan);
        struct chat_str **tail = &wr->open_ids;
        jw_karr(&wr->w, S("tool_calls"));
        for (const struct chat_part *p = m->parts; p; p = p->next) {
            if (p->kind != PART_TOOL_CALL)
                continue;
            write_call(wr, &p->call);
            open_call(wr, &tail, p->call.id);
        }
        jw_arr_end(&wr->w);
    }
    jw_kraw_if(&wr->w, S("citations"), notes);
    jw_obj_end(&wr->w);
}

/* ---- tool results --------------------------------------------------------------------------- */

static void write_result_head(struct writing *wr, str id)
{
    jw_obj(&wr->w);
    jw_kstr(&wr->w, S("role"), S("tool"));
    jw_kstr(&wr->w, S("tool_call_id"), id);
}

/* Calls that nobody answered are: Cohere refuses the conversation otherwise. */
static void close_calls(struct writing *wr)
{
    for (struct chat_str *s = wr->open_ids; s; s = s->next) {
        if (map_get(&wr->open, s->s) != s)
            continue;
        write_result_head(wr, s->s);
        jw_kstr(&wr->w, S("content"), S("(no result)"));
        jw_obj_end(&wr->w);
    }
    wr->open_ids = NULL;
    map_done(&wr->open);
    map_init(&wr->open);
}

static void write_result_part(struct writing *wr, const struct chat_part *p)
{
    if (p->kind == PART_TEXT && p->raw.n && p->origin == DIALECT_COHERE) {
        jw_raw(&wr->w, p->raw);
    } else if (p->kind == PART_TEXT) {
        write_text_part(wr, p->text);
    } else if (is_document(p)) {
        write_text_part(wr, p->media.text);
    } else if (p->kind == PART_OPAQUE && p->origin == DIALECT_COHERE) {
        jw_raw(&wr->w, p->raw);
    } else if (p->kind != PART_OPAQUE) {
        chat_note_loss(wr->loss, S("image_url"));
        write_text_part(wr, S("[an image or a file that cannot be shown here]"));
    }
}

/* It answers no call of the turn before it. */
static void write_stray(struct writing *wr, const struct chat_result *res)
{
    str text = chat_text_of(wr->a, res->content, S("\n"));
    jw_obj(&wr->w);
    jw_kstr(&wr->w, S("role"), S("user"));
    jw_kstr(&wr->w, S("content"),
            arena_fmt(wr->a, "Result of the tool %.*s:\n%.*s", STRF(res->name), STRF(text)));
    jw_obj_end(&wr->w);
}

static void write_result(struct writing *wr, const struct chat_result *res)
{
    str text;
    write_result_head(wr, res->id);
    const struct chat_part *first = res->content;
    if (is_plain(first, &text) && !(first && (first->raw.n || is_document(first)))) {
        jw_kstr(&wr->w, S("content"), text);
    } else {
        jw_karr(&wr->w, S("content"));
        for (const struct chat_part *p = first; p; p = p->next)
            write_result_part(wr, p);
        jw_arr_end(&wr->w);
    }
    jw_obj_end(&wr->w);
}

/* A run of results, of which the last message is returned: those of the calls just before stand
 * right behind them, all of them; then come the others, as words of the user's. */
static const struct chat_message *write_results(struct writing *wr, const struct chat_message *m)
{
    struct stray {
        struct stray *next;
        const struct chat_result *result;
    } *strays = NULL, **tail = &strays;
    for (;; m = m->next) {
        for (const struct chat_part *p = m->parts; p; p = p->next) {
            if (p->kind != PART_TOOL_RESULT)
                continue;
            if (map_del(&wr->open, p->result.id)) {
                write_result(wr, &p->result);
                continue;
            }
            *tail = NEW(wr->a, struct stray, 1);
            (*tail)->result = &p->result;
            tail = &(*tail)->next;
        }
        if (!m->next || m->next->role != ROLE_TOOL)
            break;
    }
    close_calls(wr);
    for (; strays; strays = strays->next)
        write_stray(wr, strays->result);
    return m;
}

/* ---- all messages --------------------------------------------------------------------------- */

/* What JSON mode cannot be told otherwise. */
static str format_hint(struct writing *wr)
{
    const struct chat_req *r = wr->r;
    bool mode_allowed = !r->tools && !wr->documents;
    if (r->format == FORMAT_SCHEMA && !mode_allowed)
        return arena_fmt(
            wr->a,
            "When you give your final answer, answer with JSON only, without any other "
            "text, that follows this JSON schema:\n%.*s",
            STRF(r->schema));
    if (r->format != FORMAT_JSON || (mode_allowed && r->origin == DIALECT_COHERE))
        return (str){ 0 };
    /* Without the word in the prompt the model may go on without end. */
    for (const struct chat_message *m = r->messages; m && mode_allowed; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next)
            if (p->kind == PART_TEXT && str_icontains(p->text, S("json")))
                return (str){ 0 };
    return S("When you give your final answer, answer with JSON only.");
}

static rc write_messages(struct writing *wr)
{
    const struct chat_message *loop = wr->r->messages;
    for (const struct chat_message *m = wr->r->messages; m; m = m->next)
        if (m->role == ROLE_USER)
            loop = m;
    jw_karr(&wr->w, S("messages"));
    size_t before = wr->w.out->n;
    write_system(wr, format_hint(wr));
    for (const struct chat_message *m = wr->r->messages; m; m = m->next) {
        wr->loop = m == loop ? m : wr->loop;
        if (m->role != ROLE_TOOL && wr->open_ids)
            close_calls(wr);
        switch (m->role) {
        case ROLE_SYSTEM:
        case ROLE_DEVELOPER:
            write_system(wr, chat_text_of(wr->a, m->parts, S("\n")));
            break;
        case ROLE_USER:
            TRY(write_user(wr, &m));
            wr->loop = m == loop ? m : wr->loop;
            break;
        case ROLE_ASSISTANT:
            write_assistant(wr, m);
            break;
        case ROLE_TOOL:
            m = write_results(wr, m);
            break;
        }
    }
    if (wr->w.out->n == before) { /* nothing but empty turns */
        jw_obj(&wr->w);
        jw_kstr(&wr->w, S("role"), S("user"));
        jw_kstr(&wr->w, S("content"), S(" "));
        jw_obj_end(&wr->w);
    }
    jw_arr_end(&wr->w);
    return RC_OK;
}

/* A user's documents, wherever they stood: Cohere has one list for the whole request. */
static void write_documents(struct writing *wr)
{
    if (!wr->documents || wr->documents_given)
        return;
    jw_karr(&wr->w, S("documents"));
    for (const struct chat_message *m = wr->r->messages; m; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next) {
            if (!is_document(p))
                continue;
            if (p->origin == DIALECT_COHERE && p->raw.n) {
                jw_raw(&wr->w, p->raw);
                continue;
            }
            jw_obj(&wr->w);
            jw_kobj(&wr->w, S("data"));
            jw_kstr_if(&wr->w, S("title"), p->media.name);
            jw_kstr(&wr->w, S("text"), p->media.text);
            jw_obj_end(&wr->w);
            jw_obj_end(&wr->w);
        }
    jw_arr_end(&wr->w);
}

/* ---- tools ---------------------------------------------------------------------------------- */

static bool has_required(str schema, struct arena *a)
{
    jval *v;
    return schema.n && !FAILED(jd_read(&v, schema, a, NULL)) &&
           jd_count(jd_get(v, S("required"))) > 0;
}

/* One switch for all tools, and each needs a required parameter then. */
static bool all_strict(struct writing *wr)
{
    bool asked = false;
    for (const struct chat_tool *t = wr->r->tools; t; t = t->next)
        asked = asked || t->strict == TRI_TRUE;
    for (const struct chat_tool *t = wr->r->tools; t && asked; t = t->next)
        if (t->kind == TOOL_FUNCTION && (t->strict == TRI_FALSE || !has_required(t->schema, wr->a)))
            asked = false;
    return asked;
}

static rc write_tools(struct writing *wr)
{
    const struct chat_req *r = wr->r;
    if (!r->tools)
        return RC_OK;
    if (!functions_write_tools(&wr->w, r, DIALECT_COHERE, wr->loss, wr->a))
        return RC_OK;
    if (r->choice == CHOICE_REQUIRED || r->choice == CHOICE_NAMED)
        jw_kstr(&wr->w, S("tool_choice"), S("REQUIRED"));
    else if (r->choice == CHOICE_NONE)
        jw_kstr(&wr->w, S("tool_choice"), S("NONE"));
    if (all_strict(wr))
        jw_kbool(&wr->w, S("strict_tools"), true);
    if (r->parallel_calls == TRI_FALSE)
        chat_note_loss(wr->loss, S("parallel_tool_calls"));
    return RC_OK;
}

/* ---- parameters ----------------------------------------------------------------------------- */

static void clamped(struct writing *wr, str key, str field, str num, double least, double most)
{
    double v;
    if (num.n == 0 || !str_to_double(num, &v))
        return;
    if (v >= least && v <= most) {
        jw_kraw(&wr->w, key, num);
        return;
    }
    chat_note_loss(wr->loss, field);
    jw_kf64(&wr->w, key, v < least ? least : most);
}

/* Only some models think; the others refuse to be asked. */
static bool may_think(const struct writing *wr)
{
    return wr->r->origin == DIALECT_COHERE || str_icontains(wr->t->model, S("reasoning")) ||
           str_icontains(wr->t->model, S("command-a-plus")) ||
           members_listed(wr->t->allowed_params, S("reasoning_effort")) ||
           members_listed(wr->t->allowed_params, S("thinking"));
}

static void write_thinking(struct writing *wr)
{
    const struct chat_req *r = wr->r;
    int64_t budget = r->thinking_budget;
    bool off = r->effort == EFFORT_NONE || budget == 0;
    if (r->effort == EFFORT_UNSET && budget == CHAT_UNSET)
        return;
    if (!may_think(wr)) {
        if (!off)
            chat_note_loss(wr->loss, S("reasoning_effort"));
        return;
    }
    if (budget == CHAT_UNSET && !off)
        budget = r->effort <= EFFORT_MINIMAL  ? 1024
                 : r->effort == EFFORT_LOW    ? 2048
                 : r->effort == EFFORT_MEDIUM ? 4096
                                              : -1; /* as much as it likes */
    jw_kobj(&wr->w, S("thinking"));
    jw_kstr(&wr->w, S("type"), off ? S("disabled") : S("enabled"));
    if (!off && budget > 0)
        jw_ki64(&wr->w, S("token_budget"), budget);
    jw_obj_end(&wr->w);
}

static void write_format(struct writing *wr)
{
    const struct chat_req *r = wr->r;
    if (r->format < FORMAT_JSON || r->tools || wr->documents)
        return; /* the hint says it then */
    jw_kobj(&wr->w, S("response_format"));
    jw_kstr(&wr->w, S("type"), S("json_object"));
    if (r->format == FORMAT_SCHEMA)
        jw_kraw_if(&wr->w, S("json_schema"), r->schema);
    jw_obj_end(&wr->w);
}

static void write_stop(struct writing *wr)
{
    enum { STOPS_MAX = 5 };
    size_t n = 0;
    if (!wr->r->stop)
        return;
    jw_karr(&wr->w, S("stop_sequences"));
    for (const struct chat_str *s = wr->r->stop; s; s = s->next)
        if (++n <= STOPS_MAX)
            jw_str(&wr->w, s->s);
    jw_arr_end(&wr->w);
    if (n > STOPS_MAX)
        chat_note_loss(wr->loss, S("stop"));
}

static void write_params(struct writing *wr)
{
    const struct chat_req *r = wr->r;
    if (r->max_tokens > 0)
        jw_ki64(&wr->w, S("max_tokens"), r->max_tokens);
    write_stop(wr);
    clamped(wr, S("temperature"), S("temperature"), r->temperature, 0, 1);
    clamped(wr, S("p"), S("top_p"), r->top_p, 0.01, 0.99);
    clamped(wr, S("k"), S("top_k"), r->top_k, 0, 500);
    clamped(wr, S("frequency_penalty"), S("frequency_penalty"), r->frequency_penalty, 0, 1);
    clamped(wr, S("presence_penalty"), S("presence_penalty"), r->presence_penalty, 0, 1);
    if (r->seed >= 0)
        jw_ki64(&wr->w, S("seed"), r->seed);
    if (r->logprobs == TRI_TRUE)
        jw_kbool(&wr->w, S("logprobs"), true);
    write_thinking(wr);
    write_format(wr);
}

/* Members of other APIs: what changes the answer is refused, the rest is noted. */
static rc drop_foreign(struct writing *wr)
{
    const struct chat_req *r = wr->r;
    if (r->n > 1)
        TRY(drop(wr, S("n")));
    if (r->top_logprobs > 0)
        TRY(drop(wr, S("top_logprobs")));
    if (r->logit_bias.n && !str_eq(r->logit_bias, S("{}")))
        TRY(drop(wr, S("logit_bias")));
    for (const struct chat_str *s = r->modalities; s; s = s->next)
        if (!str_eq(s->s, S("text")))
            TRY(drop(wr, S("modalities")));
    const struct {
        str field;
        bool given;
    } hints[] = {
        { S("min_p"), r->min_p.n > 0 },
        { S("repeat_penalty"), r->repeat_penalty.n > 0 },
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

/* Cohere's own members from another dialect's client, who gets to know here what is wrong. */
static rc check_extras(struct writing *wr)
{
    for (const struct chat_extra *x = wr->r->extras; x; x = x->next) {
        bool null = str_eq(x->value, S("null"));
        bool truth = str_eq(x->value, S("true")) || str_eq(x->value, S("false"));
        if (str_eq(x->name, S("documents")) && !null && !str_starts(x->value, S("[")))
            return fail(wr->e, E_SYNTAX, "documents", 0, "documents: expected an array");
        if (str_eq(x->name, S("strict_tools")) && !null && !truth)
            return fail(wr->e, E_SYNTAX, "strict_tools", 0, "strict_tools: expected true or false");
    }
    return RC_OK;
}

static void write_extras(struct writing *wr)
{
    static const str cohere[] = { S("documents"), S("citation_options"), S("safety_mode"),
                                  S("strict_tools"), S("priority") };
    for (const struct chat_extra *x = wr->r->extras; x; x = x->next) {
        bool pass =
            wr->r->origin == DIALECT_COHERE || members_listed(wr->t->allowed_params, x->name);
        for (size_t i = 0; i < COUNT_OF(cohere) && !pass; i++)
            pass = str_eq(cohere[i], x->name);
        if (pass)
            jw_kraw(&wr->w, x->name, x->value);
        else
            chat_note_loss(wr->loss, x->name);
    }
}

static const struct member_name renamed[] = {
    { S("top_p"), S("p") },
    { S("top_k"), S("k") },
    { S("stop"), S("stop_sequences") },
    { S("max_completion_tokens"), S("max_tokens") },
};

rc cohere_write_chat(struct buf *out, const struct chat_req *r, const struct chat_target *t,
                     struct chat_loss *loss, struct arena *a, struct err *e)
{
    struct writing wr = { .r = r, .t = t, .loss = loss, .a = a, .e = e };
    size_t from = out->n;
    TRY(check_extras(&wr));
    for (const struct chat_message *m = r->messages; m && !wr.documents; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next)
            wr.documents = wr.documents || is_document(p);
    wr.documents_given = members_find(r->extras, S("documents")) != NULL;
    wr.documents = wr.documents || wr.documents_given;
    jw_init(&wr.w, out);
    map_init(&wr.open);
    jw_obj(&wr.w);
    jw_kstr(&wr.w, S("model"), t->model);
    rc got = write_messages(&wr);
    map_done(&wr.open);
    TRY(got);
    jw_kbool(&wr.w, S("stream"), t->stream);
    write_documents(&wr);
    TRY(write_tools(&wr));
    write_params(&wr);
    TRY(drop_foreign(&wr));
    write_extras(&wr);
    jw_obj_end(&wr.w);
    members_finish(out, from, t, renamed, COUNT_OF(renamed), a);
    return RC_OK;
}
