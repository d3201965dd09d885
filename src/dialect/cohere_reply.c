/* cohere_reply.c - whole answers and errors of Cohere v2 (and, reading only, v1).
 */
#include "dialect/cohere_internal.h"
#include "dialect/functions.h"
#include "dialect/members.h"
#include "dialect/signature.h"

/* ---- words and numbers ---------------------------------------------------------------------- */

static const struct {
    str word;
    enum chat_finish finish;
} finishes[] = {
    { S("COMPLETE"), FINISH_STOP },      { S("STOP_SEQUENCE"), FINISH_STOP_SEQUENCE },
    { S("MAX_TOKENS"), FINISH_LENGTH },  { S("TOOL_CALL"), FINISH_TOOL_CALLS },
    { S("ERROR_TOXIC"), FINISH_FILTER }, { S("ERROR_LIMIT"), FINISH_CONTEXT },
    { S("ERROR"), FINISH_ERROR },        { S("TIMEOUT"), FINISH_ERROR },
    { S("USER_CANCEL"), FINISH_STOP },
};

enum chat_finish cohere_finish_of(str word)
{
    for (size_t i = 0; i < COUNT_OF(finishes); i++)
        if (str_ieq(finishes[i].word, word))
            return finishes[i].finish;
    return FINISH_STOP;
}

/* v2's words only: the SDKs know no others. */
str cohere_finish_word(enum chat_finish finish)
{
    switch (finish) {
    case FINISH_STOP_SEQUENCE:
        return S("STOP_SEQUENCE");
    case FINISH_LENGTH:
    case FINISH_CONTEXT:
        return S("MAX_TOKENS");
    case FINISH_TOOL_CALLS:
        return S("TOOL_CALL");
    case FINISH_ERROR:
        return S("ERROR");
    default:
        return S("COMPLETE");
    }
}

void cohere_read_usage(struct chat_usage *ret, jval *usage)
{
    jval *tokens = jd_get(usage, S("tokens"));
    if (!jd_is_obj(tokens))
        tokens = jd_get(usage, S("billed_units"));
    *ret = CHAT_USAGE_NONE;
    ret->prompt = members_count(jd_get(tokens, S("input_tokens")));
    ret->completion = members_count(jd_get(tokens, S("output_tokens")));
    ret->cache_read = members_count(jd_get(usage, S("cached_tokens")));
    if (ret->prompt >= 0 && ret->completion >= 0 &&
        !__builtin_add_overflow(ret->prompt, ret->completion, &ret->total))
        ret->seen = true;
    ret->seen = ret->seen || ret->prompt >= 0 || ret->completion >= 0;
    if (!ret->seen)
        ret->total = -1;
}

static void write_counts(struct jw *w, str key, const struct chat_usage *u)
{
    jw_kobj(w, key);
    jw_ki64(w, S("input_tokens"), u->prompt < 0 ? 0 : u->prompt);
    jw_ki64(w, S("output_tokens"), u->completion < 0 ? 0 : u->completion);
    jw_obj_end(w);
}

void cohere_write_usage(struct jw *w, const struct chat_usage *u)
{
    if (!u->seen)
        return;
    jw_kobj(w, S("usage"));
    write_counts(w, S("billed_units"), u);
    write_counts(w, S("tokens"), u);
    if (u->cache_read >= 0)
        jw_ki64(w, S("cached_tokens"), u->cache_read);
    jw_obj_end(w);
}

/* Per text a list with one value per token: OpenAI has one entry, so they add up. */
str cohere_logprobs(jval *list, struct arena *a)
{
    if (!jd_is_arr(list) || jd_count(list) == 0)
        return (str){ 0 };
    struct buf b;
    struct jw w;
    buf_init(&b, SIZE_MAX / 4);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_karr(&w, S("content"));
    JD_EACH (item, list) {
        double sum = 0;
        JD_EACH (p, jd_get(item.value, S("logprobs"))) {
            sum += jd_f64_or(p.value, 0);
        }
        jw_obj(&w);
        jw_kstr(&w, S("token"), jd_get_str(item.value, S("text")));
        jw_kf64(&w, S("logprob"), sum);
        jw_knull(&w, S("bytes"));
        jw_karr(&w, S("top_logprobs"));
        jw_arr_end(&w);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_knull(&w, S("refusal"));
    jw_obj_end(&w);
    str text = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return text;
}

void cohere_each_logprob(str openai, struct arena *a, void (*fn)(void *to, str json), void *to)
{
    jval *v = NULL;
    if (openai.n == 0 || FAILED(jd_read(&v, openai, a, NULL)))
        return;
    JD_EACH (item, jd_get(v, S("content"))) {
        struct buf b;
        struct jw w;
        buf_init(&b, SIZE_MAX / 4);
        jw_init(&w, &b);
        jw_obj(&w);
        jw_kstr(&w, S("text"), jd_get_str(item.value, S("token")));
        jw_kraw(&w, S("token_ids"), S("[]"));
        jw_karr(&w, S("logprobs"));
        jw_val(&w, jd_get(item.value, S("logprob")));
        jw_arr_end(&w);
        jw_obj_end(&w);
        fn(to, buf_str(&b));
        buf_done(&b);
    }
}

/* ---- reading -------------------------------------------------------------------------------- */

struct replying {
    struct arena *a;
    struct chat_part **tail;
    bool thinking;
};

static struct chat_part *add(struct replying *rp, enum part_kind kind)
{
    struct chat_part *p = chat_add_part(rp->a, rp->tail, kind);
    p->origin = DIALECT_COHERE;
    rp->tail = &p->next;
    return p;
}

static void read_content(struct replying *rp, jval *content)
{
    if (jd_str(content).n)
        add(rp, PART_TEXT)->text = jd_str(content);
    JD_EACH (block, content) {
        str type = jd_get_str(block.value, S("type"));
        if (str_eq(type, S("text"))) {
            add(rp, PART_TEXT)->text = jd_get_str(block.value, S("text"));
        } else if (str_eq(type, S("thinking"))) {
            add(rp, PART_THINKING)->text = jd_get_str(block.value, S("thinking"));
            rp->thinking = true;
        } else {
            add(rp, PART_OPAQUE)->raw = jd_text(block.value, rp->a);
        }
    }
}

/* The plan in front of the calls is text that the user may see; where the model also thinks it is
 * one more thought. */
static void read_plan(struct replying *rp, str plan)
{
    if (plan.n == 0)
        return;
    struct chat_part *p = add(rp, rp->thinking ? PART_THINKING : PART_TEXT);
    p->text = plan;
    p->id = COHERE_PLAN;
}

static void read_calls(struct replying *rp, jval *calls)
{
    JD_EACH (call, calls) {
        struct chat_part *p = add(rp, PART_TOOL_CALL);
        functions_read_call(&p->call, call.value, rp->a);
        if (!jd_get(call.value, S("function"))) { /* v1: {"name", "parameters"} without an id */
            p->call.name = jd_get_str(call.value, S("name"));
            p->call.args = jd_text(jd_get(call.value, S("parameters")), rp->a);
        }
        if (p->call.id.n == 0)
            p->call.id = chat_new_id(rp->a, S("call_"));
    }
}

static void read_notes(struct chat_part *parts, jval *citations, struct arena *a)
{
    struct chat_part *text = NULL;
    for (struct chat_part *p = parts; p; p = p->next)
        if (p->kind == PART_TEXT)
            text = p;
    if (text && jd_count(citations))
        text->notes = jd_text(citations, a);
}

static void read_v1(struct replying *rp, struct chat_reply *ret, struct chat_choice *c, jval *body)
{
    ret->id = jd_get_str(body, S("generation_id"));
    if (jd_get_str(body, S("text")).n)
        add(rp, PART_TEXT)->text = jd_get_str(body, S("text"));
    read_calls(rp, jd_get(body, S("tool_calls")));
    read_notes(c->parts, jd_get(body, S("citations")), rp->a);
    cohere_read_usage(&ret->usage, jd_get(body, S("meta")));
    jval *cached = jd_path(body, "meta", "cached_tokens", NULL);
    ret->usage.cache_read = members_count(cached);
}

static void read_v2(struct replying *rp, struct chat_reply *ret, struct chat_choice *c, jval *body)
{
    static const char *const of_reply[] = { "id", "message", "finish_reason", NULL };
    static const char *const of_message[] = { "role",       "content",   "tool_plan",
                                              "tool_calls", "citations", NULL };
    jval *message = jd_get(body, S("message"));
    ret->id = jd_get_str(body, S("id"));
    read_content(rp, jd_get(message, S("content")));
    read_plan(rp, jd_get_str(message, S("tool_plan")));
    read_calls(rp, jd_get(message, S("tool_calls")));
    read_notes(c->parts, jd_get(message, S("citations")), rp->a);
    cohere_read_usage(&ret->usage, jd_get(body, S("usage")));
    c->logprobs = cohere_logprobs(jd_get(body, S("logprobs")), rp->a);
    ret->extras = members_others(body, of_reply, rp->a);
    c->message_extras = members_others(message, of_message, rp->a);
}

static rc broken(struct chat_error *error, struct arena *a, struct err *e, const char *why)
{
    *error = (struct chat_error){ .status = 502,
                                  .kind = ERR_BAD_GATEWAY,
                                  .message = arena_dup(a, str_c(why)),
                                  .retry_after_ms = -1 };
    return fail(e, E_UPSTREAM, "cohere", 0, "%s", why);
}

rc cohere_read_reply(struct chat_reply *ret, str body, struct chat_error *error, struct arena *a,
                     struct err *e)
{
    jval *v = NULL;
    *ret = (struct chat_reply){ .origin = DIALECT_COHERE, .usage = CHAT_USAGE_NONE };
    if (FAILED(jd_read(&v, body, a, e)) || !jd_is_obj(v))
        return broken(error, a, e, "Cohere's answer is not a JSON object");
    bool v2 = jd_is_obj(jd_get(v, S("message")));
    if (!v2 && !jd_is_str(jd_get(v, S("text")))) {
        cohere_read_error(error, 502, body, a);
        return fail(e, E_UPSTREAM, "cohere", 0, "Cohere answered with an error under status 200");
    }
    struct chat_choice *c = ret->choices = NEW(a, struct chat_choice, 1);
    struct replying rp = { a, &c->parts, false };
    if (v2)
        read_v2(&rp, ret, c, v);
    else
        read_v1(&rp, ret, c, v);
    c->native_finish = jd_get_str(v, S("finish_reason"));
    c->finish = cohere_finish_of(c->native_finish);
    bool calls = false;
    for (const struct chat_part *p = c->parts; p; p = p->next)
        calls = calls || p->kind == PART_TOOL_CALL;
    if (calls && c->finish == FINISH_STOP)
        c->finish = FINISH_TOOL_CALLS;
    if (c->finish == FINISH_ERROR && !c->parts) {
        bool late = str_eq(c->native_finish, S("TIMEOUT"));
        broken(error, a, e, late ? "Cohere ran out of time" : "Cohere failed to answer");
        error->kind = late ? ERR_TIMEOUT : ERR_SERVER;
        error->status = late ? 504 : 500;
        return RC(E_UPSTREAM);
    }
    return RC_OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void write_block(struct jw *w, const struct chat_part *p, struct arena *a)
{
    bool thought = p->kind == PART_THINKING;
    jw_obj(w);
    jw_kstr(w, S("type"), thought ? S("thinking") : S("text"));
    jw_kstr(w, thought ? S("thinking") : S("text"), p->text);
    /* Not Cohere's, but clients that send the block back let the signature's vendor have it. */
    if (thought && p->signature.n)
        jw_kstr(w, S("signature"), signature_mark(a, p->signature, p->origin, DIALECT_COHERE));
    jw_obj_end(w);
}

static bool is_plan(const struct chat_part *p)
{
    return (p->kind == PART_TEXT || p->kind == PART_THINKING) && p->origin == DIALECT_COHERE &&
           str_eq(p->id, COHERE_PLAN);
}

static void write_calls(struct jw *w, const struct chat_part *parts, struct arena *a)
{
    jw_karr(w, S("tool_calls"));
    for (const struct chat_part *p = parts; p; p = p->next) {
        if (p->kind != PART_TOOL_CALL)
            continue;
        jw_obj(w);
        jw_kstr(w, S("id"), signature_into_id(a, p->call.id, p->call.signature));
        jw_kstr(w, S("type"), S("function"));
        jw_kobj(w, S("function"));
        jw_kstr(w, S("name"), p->call.name);
        jw_kstr(w, S("arguments"), p->call.args.n ? p->call.args : S("{}"));
        jw_obj_end(w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void write_message(struct jw *w, const struct chat_reply *r, const struct chat_choice *c,
                          struct arena *a)
{
    bool calls = false;
    str plan = { 0 }, notes = { 0 };
    jw_kobj(w, S("message"));
    size_t from = w->out->n - 1;
    jw_kstr(w, S("role"), S("assistant"));
    for (const struct chat_part *p = c->parts; p; p = p->next) {
        calls = calls || p->kind == PART_TOOL_CALL;
        plan = is_plan(p) ? p->text : plan;
        if (p->notes.n && p->origin == DIALECT_COHERE)
            notes = p->notes;
    }
    jw_karr(w, S("content"));
    for (const struct chat_part *p = c->parts; p; p = p->next) {
        if (p->kind == PART_OPAQUE && p->origin == DIALECT_COHERE)
            jw_raw(w, p->raw);
        else if ((p->kind == PART_TEXT || p->kind == PART_THINKING || p->kind == PART_REFUSAL) &&
                 !(calls && is_plan(p)))
            write_block(w, p, a);
    }
    jw_arr_end(w);
    if (calls) {
        jw_kstr_if(w, S("tool_plan"), plan);
        write_calls(w, c->parts, a);
    }
    jw_kraw_if(w, S("citations"), notes);
    jw_obj_end(w);
    if (r->origin == DIALECT_COHERE)
        members_put_back(w->out, from, c->message_extras, a);
}

static void add_raw(void *to, str json)
{
    jw_raw(to, json);
}

void cohere_write_reply(struct buf *out, const struct chat_reply *r, const struct dialect_ctx *c)
{
    static const struct chat_choice none;
    const struct chat_choice *choice = r->choices ? r->choices : &none;
    struct jw w;
    size_t from = out->n;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, S("id"), r->id.n ? r->id : c->id);
    write_message(&w, r, choice, c->arena);
    bool own = r->origin == DIALECT_COHERE && choice->native_finish.n;
    jw_kstr(&w, S("finish_reason"),
            own ? choice->native_finish : cohere_finish_word(choice->finish));
    cohere_write_usage(&w, &r->usage);
    if (choice->logprobs.n) {
        jw_karr(&w, S("logprobs"));
        cohere_each_logprob(choice->logprobs, c->arena, add_raw, &w);
        jw_arr_end(&w);
    }
    jw_obj_end(&w);
    if (r->origin == DIALECT_COHERE)
        members_put_back(out, from, r->extras, c->arena);
}

/* ---- errors --------------------------------------------------------------------------------- */

void cohere_read_error(struct chat_error *ret, unsigned status, str body, struct arena *a)
{
    jval *v = NULL;
    *ret = (struct chat_error){ .status = status,
                                .kind = chat_error_kind_of(status),
                                .retry_after_ms = -1 };
    if (status == 498) /* a deny-listed token in the prompt */
        ret->kind = ERR_CONTENT_POLICY;
    if (!FAILED(jd_read(&v, body, a, NULL))) {
        jval *inner = jd_get(v, S("error")); /* proxies in front, the compatibility layer */
        ret->message = jd_get_str(v, S("message"));
        if (!ret->message.n)
            ret->message = jd_is_str(inner) ? jd_str(inner) : jd_get_str(inner, S("message"));
        if (!ret->message.n)
            ret->message = jd_get_str(v, S("detail"));
        ret->type = jd_get_str(inner, S("type"));
        ret->code = jd_get_str(inner, S("code"));
    } else {
        ret->message = str_trim(str_take(body, 2000));
        if (str_starts(ret->message, S("<")) || !str_is_utf8(ret->message))
            ret->message = (str){ 0 };
        ret->message = ret->message.n ? arena_dup(a, ret->message) : ret->message;
    }
    chat_error_complete(ret, a);
}

void cohere_write_error(struct buf *out, const struct chat_error *err, struct arena *a)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, S("id"), chat_new_id(a, S("")));
    jw_kstr(&w, S("message"), err->message);
    jw_obj_end(&w);
}
