/* openai_responses_object.c - the response object, as replies and streams write it, and what a
 * failed one says of its error.
 */
#include "dialect/members.h"
#include "dialect/openai_chat_internal.h"
#include "dialect/openai_responses_internal.h"

static void write_tools(struct jw *w, const struct chat_req *r)
{
    const struct chat_extra *whole = responses_member(r, S("tools"));
    if (whole) {
        jw_raw(w, whole->value);
        return;
    }
    jw_arr(w);
    for (const struct chat_tool *t = r ? r->tools : NULL; t; t = t->next) {
        if (t->raw.n && t->origin == DIALECT_OPENAI_RESPONSES) {
            jw_raw(w, t->raw);
            continue;
        }
        jw_obj(w);
        jw_kstr(w, S("type"), S("function"));
        jw_kstr(w, S("name"), t->name);
        jw_kstr_if(w, S("description"), t->description);
        jw_kraw(w, S("parameters"), t->schema);
        jw_kbool(w, S("strict"), t->strict != TRI_FALSE);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void write_choice(struct jw *w, const struct chat_req *r)
{
    static const char *const words[] = { "auto", "auto", "none", "required" };
    const struct chat_extra *raw = responses_member(r, S("tool_choice"));
    if (raw) {
        jw_raw(w, raw->value);
    } else if (r && r->choice == CHOICE_NAMED) {
        const struct chat_tool *t = responses_tool(r, r->choice_name);
        jw_obj(w);
        jw_kstr(w, S("type"), t && t->kind == TOOL_CUSTOM ? S("custom") : S("function"));
        jw_kstr(w, S("name"), r->choice_name);
        jw_obj_end(w);
    } else {
        jw_str(w, str_c(words[r ? r->choice : CHOICE_AUTO]));
    }
}

static void write_text_config(struct jw *w, const struct chat_req *r)
{
    jw_obj(w);
    jw_kobj(w, S("format"));
    if (r && r->format == FORMAT_SCHEMA) {
        jw_kstr(w, S("type"), S("json_schema"));
        jw_kstr(w, S("name"), r->schema_name.n ? r->schema_name : S("output"));
        jw_kstr_if(w, S("description"), r->schema_description);
        jw_kraw(w, S("schema"), r->schema);
        jw_kbool(w, S("strict"), r->schema_strict == TRI_TRUE);
    } else {
        jw_kstr(w, S("type"), r && r->format == FORMAT_JSON ? S("json_object") : S("text"));
    }
    jw_obj_end(w);
    jw_kstr_if(w, S("verbosity"), r ? r->verbosity : S(""));
    jw_obj_end(w);
}

static void write_reasoning_config(struct jw *w, const struct chat_req *r)
{
    jw_obj(w);
    if (r && r->effort != EFFORT_UNSET)
        jw_kstr(w, S("effort"), str_c(chat_effort_name(r->effort)));
    else
        jw_knull(w, S("effort"));
    if (r && r->show_thinking == TRI_TRUE)
        jw_kstr(w, S("summary"), S("auto"));
    else
        jw_knull(w, S("summary"));
    jw_obj_end(w);
}

static void write_echo(struct jw *w, const struct dialect_ctx *c)
{
    static const struct {
        const char *name, *otherwise;
    } extras[] = {
        { "instructions", "null" },
        { "max_tool_calls", "null" },
        { "previous_response_id", "null" },
        { "prompt_cache_key", "null" },
        { "safety_identifier", "null" },
        { "store", "true" },
        { "top_logprobs", "0" },
        { "truncation", "\"disabled\"" },
    };
    const struct chat_req *r = c->req;
    jw_kbool(w, S("background"), false);
    for (size_t i = 0; i < COUNT_OF(extras); i++) {
        const struct chat_extra *x = responses_member(r, str_c(extras[i].name));
        jw_kraw(w, str_c(extras[i].name), x ? x->value : str_c(extras[i].otherwise));
    }
    if (r && r->max_tokens != CHAT_UNSET)
        jw_ki64(w, S("max_output_tokens"), r->max_tokens);
    else
        jw_knull(w, S("max_output_tokens"));
    jw_kbool(w, S("parallel_tool_calls"), !r || r->parallel_calls != TRI_FALSE);
    jw_key(w, S("reasoning"));
    write_reasoning_config(w, r);
    jw_kraw(w, S("temperature"), r && r->temperature.n ? r->temperature : S("1"));
    jw_kraw(w, S("top_p"), r && r->top_p.n ? r->top_p : S("1"));
    jw_key(w, S("text"));
    write_text_config(w, r);
    jw_key(w, S("tool_choice"));
    write_choice(w, r);
    jw_key(w, S("tools"));
    write_tools(w, r);
    jw_kstr(w, S("service_tier"), r && r->service_tier.n ? r->service_tier : S("default"));
    if (r && r->user.n)
        jw_kstr(w, S("user"), r->user);
    else
        jw_knull(w, S("user"));
    jw_kraw(w, S("metadata"), r && r->metadata.n ? r->metadata : S("{}"));
}

/* The upstream's own word where it is one of OpenAI's kind; others' say nothing here. */
static str error_code(const struct chat_error *err)
{
    if (openai_is_word(err->code))
        return err->code;
    return err->kind == ERR_RATE_LIMIT       ? S("rate_limit_exceeded")
           : err->kind == ERR_QUOTA          ? S("insufficient_quota")
           : err->kind == ERR_CONTEXT_WINDOW ? S("context_length_exceeded")
                                             : S("server_error");
}

static void write_error(struct jw *w, const struct chat_error *err)
{
    jw_obj(w);
    jw_kstr(w, S("code"), error_code(err));
    jw_kstr(w, S("message"), err->message);
    jw_obj_end(w);
}

static void write_error_members(struct jw *w, const struct chat_error *err)
{
    jw_kstr(w, S("code"), error_code(err));
    jw_kstr(w, S("message"), err->message);
    if (err->param.n)
        jw_kstr(w, S("param"), err->param);
    else
        jw_knull(w, S("param"));
}

void responses_write_error_event(struct buf *out, uint32_t number, const struct chat_error *err)
{
    struct jw w;
    buf_add(out, S("event: error\ndata: "));
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, S("type"), S("error"));
    jw_ku64(&w, S("sequence_number"), number);
    write_error_members(&w, err);
    jw_kobj(&w, S("error"));
    jw_kstr(&w, S("type"), openai_is_word(err->type) ? err->type : S("server_error"));
    write_error_members(&w, err);
    jw_obj_end(&w);
    jw_obj_end(&w);
    buf_add(out, S("\n\n"));
}

void responses_write_echo(struct buf *out, const struct dialect_ctx *c)
{
    struct jw w;
    size_t from = out->n;
    jw_init(&w, out);
    jw_obj(&w);
    write_echo(&w, c);
    jw_obj_end(&w);
    if (out->full)
        return;
    out->n -= 2; /* without its braces */
    memmove(out->p + from, out->p + from + 1, out->n - from);
}

void responses_write_object(struct buf *out, const struct responses_state *s,
                            const struct dialect_ctx *c)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_key(&w, S("id"));
    if (s->id.n) {
        jw_str(&w, s->id);
    } else {
        jw_str_begin(&w);
        responses_id(out, c->id);
        jw_str_end(&w);
    }
    jw_kstr(&w, S("object"), S("response"));
    jw_ki64(&w, S("created_at"), c->created);
    jw_kstr(&w, S("status"), str_c(s->status));
    jw_key(&w, S("error"));
    if (s->error)
        write_error(&w, s->error);
    else
        jw_null(&w);
    jw_key(&w, S("incomplete_details"));
    if (strcmp(s->status, "incomplete") == 0) {
        jw_obj(&w);
        jw_kstr(&w, S("reason"),
                s->finish == FINISH_FILTER ? S("content_filter") : S("max_output_tokens"));
        jw_obj_end(&w);
    } else {
        jw_null(&w);
    }
    jw_kstr(&w, S("model"), c->model);
    jw_karr(&w, S("output"));
    buf_add(out, s->output);
    if (s->items)
        rope_copy(out, s->items, (struct rope_mark){ 0 });
    jw_arr_end(&w);
    buf_chr(out, ',');
    if (s->echo.n)
        buf_add(out, s->echo);
    else
        responses_write_echo(out, c);
    jw_key(&w, S("usage"));
    if (s->usage)
        responses_write_usage(&w, s->usage);
    else
        jw_null(&w);
    jw_obj_end(&w);
}
