/* openai_responses_write.c - the neutral conversation as a Responses request.
 *
 * OpenAI's rules, kept here: every function_call has its output (else 400), and no output is
 * without its call; reasoning goes back only as OpenAI sealed it. Nothing is stored there unless
 * the client asked for it.
 */
#include "base/map.h"
#include "chat/defaults.h"
#include "chat/quirks.h"
#include "dialect/functions.h"
#include "dialect/members.h"
#include "dialect/openai_chat_internal.h"
#include "dialect/openai_responses_internal.h"

enum { OUTPUT_TOKENS_MIN = 16 };

struct writer {
    struct jw w;
    const struct chat_req *r;
    const struct chat_target *t;
    struct chat_loss *loss;
    struct arena *a;
    struct err *e;
    bool own;                  /* the client speaks Responses, too */
    struct map calls, outputs; /* ids in the history */
    bool continued;            /* of a conversation that OpenAI has stored */
    /* The assistant's message item that is open: the part it began with, and where. */
    const struct chat_part *message;
    size_t message_from;
};

/* As a client of either of OpenAI's dialects gave it. */
static const struct chat_extra *find_member(const struct chat_req *r, str name)
{
    const struct chat_extra *x = responses_member(r, name);
    return x ? x : members_find(r->extras, name);
}

/* ---- content parts -------------------------------------------------------------------------- */

static void write_data_url(struct jw *w, str key, const struct chat_media *m, str mime)
{
    jw_key(w, key);
    jw_str_begin(w);
    jw_str_add(w, S("data:"));
    jw_str_add(w, m->mime.n ? m->mime : mime);
    jw_str_add(w, S(";base64,"));
    jw_str_add(w, m->data);
    jw_str_end(w);
}

/* Where it begins is returned. */
static size_t begin(struct jw *w, str type)
{
    jw_obj(w);
    size_t from = w->out->n - 1;
    jw_kstr(w, S("type"), type);
    return from;
}

static void write_text(struct jw *w, str type, str text)
{
    begin(w, type);
    jw_kstr(w, S("text"), text);
    jw_obj_end(w);
}

static void write_image(struct jw *w, const struct chat_media *m)
{
    begin(w, S("input_image"));
    if (m->data.n)
        write_data_url(w, S("image_url"), m, S("image/png"));
    else if (m->file_id.n)
        jw_kstr(w, S("file_id"), m->file_id);
    else
        jw_kstr(w, S("image_url"), m->url);
    jw_kstr_if(w, S("detail"), m->detail);
    jw_obj_end(w);
}

static void write_file(struct jw *w, const struct chat_media *m)
{
    if (m->text.n) {
        write_text(w, S("input_text"), m->text);
        return;
    }
    begin(w, S("input_file"));
    if (m->data.n) {
        jw_kstr(w, S("filename"), m->name.n ? m->name : S("document.pdf"));
        write_data_url(w, S("file_data"), m, S("application/pdf"));
    } else if (m->file_id.n) {
        jw_kstr(w, S("file_id"), m->file_id);
    } else {
        jw_kstr(w, S("file_url"), m->url);
    }
    jw_obj_end(w);
}

static str audio_format(str mime)
{
    return str_ends(mime, S("wav")) ? S("wav") : S("mp3");
}

static void write_audio(struct jw *w, const struct chat_media *m)
{
    begin(w, S("input_audio"));
    jw_kobj(w, S("input_audio"));
    jw_kstr(w, S("data"), m->data);
    jw_kstr(w, S("format"), audio_format(m->mime));
    jw_obj_end(w);
    jw_obj_end(w);
}

static rc write_bare_part(struct writer *wr, const struct chat_part *p)
{
    struct jw *w = &wr->w;
    switch (p->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
        write_text(w, S("input_text"), p->text);
        break;
    case PART_IMAGE:
        write_image(w, &p->media);
        break;
    case PART_FILE:
        write_file(w, &p->media);
        break;
    case PART_AUDIO:
        write_audio(w, &p->media);
        break;
    case PART_VIDEO:
        return chat_drop(wr->loss, wr->t->drop_params, S("video_url"), S("openai"), wr->e);
    case PART_OPAQUE:
        if (p->origin == DIALECT_OPENAI_RESPONSES)
            jw_raw(w, p->raw);
        break;
    default:
        break;
    }
    return RC_OK;
}

static rc write_part(struct writer *wr, const struct chat_part *p)
{
    size_t from = wr->w.out->n + wr->w.comma;
    TRY(write_bare_part(wr, p));
    if (wr->own && wr->w.out->n > from)
        responses_put_part(wr->w.out, from, p, wr->a);
    return RC_OK;
}

/* Whether write_part writes anything. */
static bool says_something(const struct chat_part *p)
{
    switch (p->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
        return p->text.n > 0;
    case PART_IMAGE:
    case PART_FILE:
        return p->media.data.n || p->media.url.n || p->media.file_id.n || p->media.text.n;
    case PART_AUDIO:
        return p->media.data.n > 0;
    case PART_VIDEO:
        return true;
    case PART_OPAQUE:
        return p->origin == DIALECT_OPENAI_RESPONSES && p->raw.n;
    default:
        return false;
    }
}

/* ---- items ---------------------------------------------------------------------------------- */

/* Ends the item that began at `from` and that p begins. */
static void end_item(struct writer *wr, size_t from, const struct chat_part *p)
{
    jw_obj_end(&wr->w);
    if (wr->own)
        responses_put_item(wr->w.out, from, p, wr->a);
}

static rc write_user(struct writer *wr, str role, const struct chat_part *parts)
{
    struct jw *w = &wr->w;
    bool open = false;
    size_t from = 0;
    for (const struct chat_part *p = parts; p; p = p->next) {
        if (!says_something(p))
            continue;
        if (!open) {
            from = begin(w, S("message"));
            jw_kstr(w, S("role"), role);
            jw_karr(w, S("content"));
        }
        open = true;
        TRY(write_part(wr, p));
    }
    if (open) {
        jw_arr_end(w);
        end_item(wr, from, parts);
    }
    return RC_OK;
}

static void close_message(struct writer *wr)
{
    if (!wr->message)
        return;
    jw_arr_end(&wr->w);
    end_item(wr, wr->message_from, wr->message);
    wr->message = NULL;
}

static void write_assistant_text(struct writer *wr, const struct chat_part *p)
{
    struct jw *w = &wr->w;
    if (!p->text.n)
        return;
    if (wr->own && responses_begins_item(p))
        close_message(wr);
    if (!wr->message) {
        wr->message_from = begin(w, S("message"));
        jw_kstr(w, S("role"), S("assistant"));
        jw_karr(w, S("content"));
        wr->message = p;
    }
    size_t from = begin(w, p->kind == PART_REFUSAL ? S("refusal") : S("output_text"));
    if (p->kind == PART_REFUSAL) {
        jw_kstr(w, S("refusal"), p->text);
    } else {
        jw_kstr(w, S("text"), p->text);
        if (p->notes.n && p->origin == DIALECT_OPENAI_RESPONSES)
            jw_kraw(w, S("annotations"), p->notes);
    }
    jw_obj_end(w);
    if (wr->own)
        responses_put_part(w->out, from, p, wr->a);
}

static void write_call(struct writer *wr, const struct chat_part *p)
{
    struct jw *w = &wr->w;
    str space, name = p->call.name;
    const struct chat_tool *tool = responses_tool(wr->r, name);
    size_t from = begin(w, p->call.custom ? S("custom_tool_call") : S("function_call"));
    jw_kstr(w, S("call_id"), p->call.id);
    if (tool && wr->own && responses_split_name(tool, &space, &name, wr->a))
        jw_kstr(w, S("namespace"), space);
    jw_kstr(w, S("name"), name);
    if (p->call.custom)
        jw_kstr(w, S("input"), p->call.args);
    else
        jw_kstr(w, S("arguments"), p->call.args.n ? p->call.args : S("{}"));
    end_item(wr, from, p);
}

static void write_reasoning(struct writer *wr, const struct chat_part *p)
{
    struct jw *w = &wr->w;
    if (p->origin != DIALECT_OPENAI_RESPONSES)
        return;
    if (p->raw.n) {
        jw_raw(w, p->raw);
        return;
    }
    if (!p->signature.n)
        return;
    begin(w, S("reasoning"));
    jw_kstr_if(w, S("id"), p->id);
    jw_karr(w, S("summary"));
    if (p->text.n)
        write_text(w, S("summary_text"), p->text);
    jw_arr_end(w);
    jw_kstr(w, S("encrypted_content"), p->signature);
    jw_obj_end(w);
}

/* part: that holds the result; NULL: there is none. */
static rc write_output(struct writer *wr, str id, bool custom, const struct chat_part *part)
{
    static const struct chat_part none;
    struct jw *w = &wr->w;
    const struct chat_result *result = part ? &part->result : NULL;
    size_t from = begin(w, custom ? S("custom_tool_call_output") : S("function_call_output"));
    jw_kstr(w, S("call_id"), id);
    bool plain = true;
    for (const struct chat_part *p = result ? result->content : NULL; p; p = p->next)
        plain = plain && (p->kind == PART_TEXT || !says_something(p));
    if (plain) {
        str text =
            result ? chat_text_of(wr->a, result->content, S("\n")) : S("The tool gave no result.");
        jw_key(w, S("output"));
        jw_str_begin(w);
        if (result && result->is_error)
            jw_str_add(w, S("Error: "));
        jw_str_add(w, text);
        jw_str_end(w);
    } else {
        jw_karr(w, S("output"));
        if (result->is_error)
            write_text(w, S("input_text"), S("Error:"));
        for (const struct chat_part *p = result->content; p; p = p->next)
            if (says_something(p))
                TRY(write_part(wr, p));
        jw_arr_end(w);
    }
    end_item(wr, from, part ? part : &none);
    return RC_OK;
}

static rc write_assistant(struct writer *wr, const struct chat_message *m)
{
    for (const struct chat_part *p = m->parts; p; p = p->next) {
        if (p->kind == PART_TEXT || p->kind == PART_REFUSAL) {
            write_assistant_text(wr, p);
            continue;
        }
        close_message(wr);
        if (p->kind == PART_THINKING)
            write_reasoning(wr, p);
        else if (p->kind == PART_TOOL_CALL)
            write_call(wr, p);
        else if (p->kind == PART_OPAQUE && says_something(p))
            jw_raw(&wr->w, p->raw);
    }
    close_message(wr);
    for (const struct chat_part *p = m->parts; p; p = p->next)
        if (p->kind == PART_TOOL_CALL && !map_get(&wr->outputs, p->call.id))
            TRY(write_output(wr, p->call.id, p->call.custom, NULL));
    return RC_OK;
}

static rc write_results(struct writer *wr, const struct chat_message *m)
{
    for (const struct chat_part *p = m->parts; p; p = p->next) {
        if (p->kind != PART_TOOL_RESULT)
            continue;
        const struct chat_part *call = map_get(&wr->calls, p->result.id);
        /* With a stored conversation the call stands there. */
        if (call || wr->continued)
            TRY(write_output(wr, p->result.id, call && call->call.custom, p));
        else
            TRY(write_user(wr, S("user"), p->result.content));
    }
    return RC_OK;
}

static rc write_message(struct writer *wr, const struct chat_message *m)
{
    switch (m->role) {
    case ROLE_SYSTEM:
        return write_user(wr, S("system"), m->parts);
    case ROLE_DEVELOPER:
        return write_user(wr, S("developer"), m->parts);
    case ROLE_ASSISTANT:
        return write_assistant(wr, m);
    case ROLE_TOOL:
        return write_results(wr, m);
    default:
        return write_user(wr, S("user"), m->parts);
    }
}

static void collect_ids(struct writer *wr)
{
    for (const struct chat_message *m = wr->r->messages; m; m = m->next)
        for (struct chat_part *p = m->parts; p; p = p->next) {
            if (p->kind == PART_TOOL_CALL)
                map_put(&wr->calls, p->call.id, p);
            else if (p->kind == PART_TOOL_RESULT)
                map_put(&wr->outputs, p->result.id, p);
        }
}

static rc write_input(struct writer *wr)
{
    const struct chat_message *m = wr->r->messages;
    bool hoist = !wr->own || responses_member(wr->r, S("instructions"));
    if (m && m->role == ROLE_SYSTEM && hoist) {
        str text = chat_text_of(wr->a, m->parts, S("\n\n"));
        if (text.n)
            jw_kstr(&wr->w, S("instructions"), text);
        m = m->next;
    }
    jw_karr(&wr->w, S("input"));
    for (; m; m = m->next)
        TRY(write_message(wr, m));
    jw_arr_end(&wr->w);
    return RC_OK;
}

/* ---- tools ---------------------------------------------------------------------------------- */

static void write_function(struct writer *wr, const struct chat_tool *t)
{
    struct jw *w = &wr->w;
    begin(w, S("function"));
    jw_kstr(w, S("name"), t->name);
    jw_kstr_if(w, S("description"), t->description);
    jw_kraw(w, S("parameters"),
            t->schema.n ? t->schema : S("{\"type\":\"object\",\"properties\":{}}"));
    /* Said always: what it means to leave it out differs from chat completions. */
    if (!wr->own || t->strict != TRI_UNSET)
        jw_kbool(w, S("strict"), t->strict == TRI_TRUE);
    jw_obj_end(w);
}

/* Chat completions nest what is flat here. */
static void write_custom(struct writer *wr, const struct chat_tool *t)
{
    struct jw *w = &wr->w;
    str syntax, definition;
    begin(w, S("custom"));
    jw_kstr(w, S("name"), t->name);
    jw_kstr_if(w, S("description"), t->description);
    if (functions_grammar(t, &syntax, &definition, wr->a)) {
        jw_kobj(w, S("format"));
        jw_kstr(w, S("type"), S("grammar"));
        jw_kstr(w, S("syntax"), syntax);
        jw_kstr(w, S("definition"), definition);
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

/* Another vendor's own tool: web search is OpenAI's, too. */
static void write_foreign(struct writer *wr, const struct chat_tool *t)
{
    jval *v = NULL;
    if (FAILED(jd_read(&v, t->raw, wr->a, NULL)) ||
        !str_starts(jd_get_str(v, S("type")), S("web_search"))) {
        chat_note_loss(wr->loss, S("tools")); /* clients offer their vendor's tools unasked */
        return;
    }
    begin(&wr->w, S("web_search"));
    jw_obj_end(&wr->w);
}

static void write_tool(struct writer *wr, const struct chat_tool *t)
{
    if (t->origin == DIALECT_OPENAI_RESPONSES && t->raw.n)
        jw_raw(&wr->w, t->raw);
    else if (t->kind == TOOL_FUNCTION)
        write_function(wr, t);
    else if (t->kind == TOOL_CUSTOM)
        write_custom(wr, t);
    else
        write_foreign(wr, t);
}

static void write_search(struct writer *wr, str options)
{
    jval *v = NULL;
    if (FAILED(jd_read(&v, options, wr->a, NULL)) || !jd_is_obj(v))
        return;
    struct jw *w = &wr->w;
    begin(w, S("web_search"));
    jval *size = jd_get(v, S("search_context_size"));
    if (jd_is_str(size))
        jw_kval(w, S("search_context_size"), size);
    jval *where = jd_path(v, "user_location", "approximate", NULL);
    if (jd_is_obj(where)) {
        jw_kobj(w, S("user_location"));
        jw_kstr(w, S("type"), S("approximate"));
        JD_EACH (m, where)
            jw_kval(w, m.name, m.value);
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

static void write_tools(struct writer *wr)
{
    struct jw *w = &wr->w;
    const struct chat_extra *whole = responses_member(wr->r, S("tools"));
    const struct chat_extra *search =
        wr->own ? NULL : members_find(wr->r->extras, S("web_search_options"));
    if (whole) {
        jw_kraw(w, S("tools"), whole->value);
        return;
    }
    if (!wr->r->tools && !search)
        return;
    jw_karr(w, S("tools"));
    for (const struct chat_tool *t = wr->r->tools; t; t = t->next)
        write_tool(wr, t);
    if (search)
        write_search(wr, search->value);
    jw_arr_end(w);
}

static void write_choice(struct writer *wr)
{
    static const char *const words[] = { "auto", "auto", "none", "required" };
    struct jw *w = &wr->w;
    const struct chat_req *r = wr->r;
    const struct chat_extra *raw = responses_member(r, S("tool_choice"));
    if (raw) {
        jw_kraw(w, S("tool_choice"), raw->value);
    } else if (r->choice == CHOICE_NAMED) {
        const struct chat_tool *t = responses_tool(r, r->choice_name);
        jw_kobj(w, S("tool_choice"));
        jw_kstr(w, S("type"), t && t->kind == TOOL_CUSTOM ? S("custom") : S("function"));
        jw_kstr(w, S("name"), r->choice_name);
        jw_obj_end(w);
    } else if (r->choice != CHOICE_UNSET && (r->tools || wr->own)) {
        jw_kstr(w, S("tool_choice"), str_c(words[r->choice]));
    }
    if (r->parallel_calls != TRI_UNSET && (r->tools || wr->own))
        jw_kbool(w, S("parallel_tool_calls"), r->parallel_calls == TRI_TRUE);
}

/* ---- the rest ------------------------------------------------------------------------------- */

static bool reasons(str model)
{
    size_t slash = str_rindex(model, '/');
    if (slash < model.n)
        model = str_skip(model, slash + 1);
    if (str_starts(model, S("gpt-5")))
        return !str_contains(model, S("-chat"));
    return model.n > 1 && model.p[0] == 'o' && model.p[1] >= '1' && model.p[1] <= '9';
}

static void write_text_config(struct writer *wr)
{
    struct jw *w = &wr->w;
    const struct chat_req *r = wr->r;
    bool schema = r->format == FORMAT_SCHEMA && r->schema.n;
    if (!r->verbosity.n && r->format == FORMAT_UNSET)
        return;
    jw_kobj(w, S("text"));
    if (schema) {
        jw_kobj(w, S("format"));
        jw_kstr(w, S("type"), S("json_schema"));
        jw_kstr(w, S("name"), r->schema_name.n ? r->schema_name : S("output"));
        jw_kstr_if(w, S("description"), r->schema_description);
        jw_kraw(w, S("schema"), r->schema);
        if (r->schema_strict != TRI_UNSET)
            jw_kbool(w, S("strict"), r->schema_strict == TRI_TRUE);
        jw_obj_end(w);
    } else if (r->format != FORMAT_UNSET && r->format != FORMAT_SCHEMA) {
        jw_kobj(w, S("format"));
        jw_kstr(w, S("type"), r->format == FORMAT_JSON ? S("json_object") : S("text"));
        jw_obj_end(w);
    }
    jw_kstr_if(w, S("verbosity"), r->verbosity);
    jw_obj_end(w);
}

static void write_reasoning_config(struct writer *wr)
{
    struct jw *w = &wr->w;
    const struct chat_req *r = wr->r;
    const struct chat_extra *raw = responses_member(r, S("reasoning"));
    enum chat_effort effort = r->effort;
    if (effort == EFFORT_UNSET && r->thinking_budget > 0)
        effort = chat_budget_effort(r->thinking_budget);
    if (effort == EFFORT_UNSET && !raw)
        return;
    jval *v = NULL;
    if (raw && FAILED(jd_read(&v, raw->value, wr->a, NULL)))
        v = NULL;
    jw_kobj(w, S("reasoning"));
    if (effort != EFFORT_UNSET)
        jw_kstr(w, S("effort"), str_c(chat_effort_name(effort)));
    JD_EACH (m, v)
        if (!str_eq(m.name, S("effort")))
            jw_kval(w, m.name, m.value);
    if (!raw && r->show_thinking == TRI_TRUE && effort > EFFORT_NONE)
        jw_kstr(w, S("summary"), S("auto"));
    jw_obj_end(w);
}

static void write_sampling(struct writer *wr)
{
    struct jw *w = &wr->w;
    const struct chat_req *r = wr->r;
    bool fixed = reasons(wr->t->model) && r->effort != EFFORT_NONE;
    if (r->temperature.n && (!fixed || members_listed(wr->t->allowed_params, S("temperature"))))
        jw_kraw(w, S("temperature"), r->temperature);
    else if (r->temperature.n)
        chat_note_loss(wr->loss, S("temperature"));
    if (r->top_p.n && (!fixed || members_listed(wr->t->allowed_params, S("top_p"))))
        jw_kraw(w, S("top_p"), r->top_p);
    else if (r->top_p.n)
        chat_note_loss(wr->loss, S("top_p"));
    if (r->top_k.n)
        chat_note_loss(wr->loss, S("top_k"));
    if (r->min_p.n)
        chat_note_loss(wr->loss, S("min_p"));
    if (r->repeat_penalty.n)
        chat_note_loss(wr->loss, S("repeat_penalty"));
}

/* include: what the client asked for, and what its own dialect needs: sealed reasoning, so that it
 * can be sent back without being stored there. */
static void write_include(struct writer *wr)
{
    struct jw *w = &wr->w;
    const struct chat_extra *raw = responses_member(wr->r, S("include"));
    if (wr->own) {
        if (raw)
            jw_kraw(w, S("include"), raw->value);
        return;
    }
    bool sealed = reasons(wr->t->model), logprobs = wr->r->logprobs == TRI_TRUE;
    if (!sealed && !logprobs)
        return;
    jw_karr(w, S("include"));
    if (sealed)
        jw_str(w, S("reasoning.encrypted_content"));
    if (logprobs)
        jw_str(w, S("message.output_text.logprobs"));
    jw_arr_end(w);
}

static rc refuse(struct writer *wr, str name, bool given)
{
    if (!given)
        return RC_OK;
    return chat_drop(wr->loss, wr->t->drop_params, name, S("openai responses"), wr->e);
}

static bool not_zero(str num)
{
    double v = 0;
    return num.n && (!str_to_double(num, &v) || v != 0);
}

static rc check_refused(struct writer *wr)
{
    const struct chat_req *r = wr->r;
    TRY(refuse(wr, S("n"), r->n != CHAT_UNSET && r->n > 1));
    TRY(refuse(wr, S("seed"), r->seed != CHAT_UNSET));
    TRY(refuse(wr, S("stop"), r->stop != NULL));
    TRY(refuse(wr, S("logit_bias"), r->logit_bias.n > 2));
    TRY(refuse(wr, S("presence_penalty"), not_zero(r->presence_penalty)));
    TRY(refuse(wr, S("frequency_penalty"), not_zero(r->frequency_penalty)));
    for (const struct chat_str *m = r->modalities; m; m = m->next)
        TRY(refuse(wr, S("modalities"), !str_ieq(m->s, S("text"))));
    return RC_OK;
}

static void write_extras(struct writer *wr)
{
    static const char *const handled[] = {
        "tools", "tool_choice",  "reasoning", "include", "web_search_options",
        "store", "instructions", NULL
    };
    const struct chat_extra *store = find_member(wr->r, S("store"));
    if (store)
        jw_kraw(&wr->w, S("store"), store->value);
    else if (!wr->own)
        jw_kbool(&wr->w, S("store"), false);
    for (const struct chat_extra *x = wr->own ? wr->r->own : NULL; x; x = x->next)
        if (!str_among(x->name, handled))
            jw_kraw(&wr->w, x->name, x->value);
    for (const struct chat_extra *x = wr->r->extras; x; x = x->next) {
        if (str_among(x->name, handled))
            continue;
        if (wr->own || str_among(x->name, openai_shared_members) ||
            members_listed(wr->t->allowed_params, x->name))
            jw_kraw(&wr->w, x->name, x->value);
        else
            chat_note_loss(wr->loss, x->name);
    }
}

static rc write_end_user(struct writer *wr)
{
    str user = wr->r->user;
    const struct chat_extra *safety = find_member(wr->r, S("safety_identifier"));
    if (safety && safety->value.p[0] != '"' && !str_eq(safety->value, S("null")))
        return fail(wr->e, E_SYNTAX, "safety_identifier", 0,
                    "safety_identifier: expected a string");
    if (user.n && !safety)
        jw_kstr(&wr->w, user.n <= 64 ? S("safety_identifier") : S("user"), user);
    else if (wr->own && user.n && !str_eq(json_unescape(wr->a, safety->value), user))
        jw_kstr(&wr->w, S("user"), user);
    return RC_OK;
}

static rc write_body(struct writer *wr)
{
    struct jw *w = &wr->w;
    const struct chat_req *r = wr->r;
    jw_obj(w);
    jw_kstr(w, S("model"), wr->t->model);
    TRY(write_input(wr));
    write_tools(wr);
    write_choice(wr);
    write_text_config(wr);
    write_reasoning_config(wr);
    if (r->max_tokens != CHAT_UNSET)
        jw_ki64(w, S("max_output_tokens"),
                r->max_tokens < OUTPUT_TOKENS_MIN ? OUTPUT_TOKENS_MIN : r->max_tokens);
    write_sampling(wr);
    if (r->top_logprobs != CHAT_UNSET && r->logprobs == TRI_TRUE &&
        !responses_member(r, S("top_logprobs")))
        jw_ki64(w, S("top_logprobs"), r->top_logprobs);
    write_include(wr);
    jw_kraw_if(w, S("metadata"), r->metadata);
    TRY(write_end_user(wr));
    jw_kstr_if(w, S("service_tier"), r->service_tier);
    if (wr->t->stream)
        jw_kbool(w, S("stream"), true);
    TRY(check_refused(wr));
    write_extras(wr);
    jw_obj_end(w);
    return RC_OK;
}

rc responses_write_chat(struct buf *out, const struct chat_req *r, const struct chat_target *t,
                        struct chat_loss *loss, struct arena *a, struct err *e)
{
    size_t from = out->n;
    struct chat_req req = *r;
    chat_apply_defaults(&req, t->defaults, a);
    struct writer wr = { .r = &req,
                         .t = t,
                         .loss = loss,
                         .a = a,
                         .e = e,
                         .own = r->origin == DIALECT_OPENAI_RESPONSES,
                         .continued = find_member(r, S("previous_response_id")) ||
                                      find_member(r, S("conversation")) };
    struct chat_target rest = { .extra_body = t->extra_body };
    jw_init(&wr.w, out);
    map_init(&wr.calls);
    map_init(&wr.outputs);
    collect_ids(&wr);
    rc res = write_body(&wr);
    map_done(&wr.calls);
    map_done(&wr.outputs);
    if (FAILED(res))
        return res;
    members_finish(out, from, &rest, NULL, 0, a);
    return out->full ? fail(e, E_LIMIT, "body", 0, "the translated request is too large") : RC_OK;
}
