/* ollama_reply.c - whole answers and errors of Ollama's API, and the pieces that its streams share.
 */
#include "dialect/functions.h"
#include "dialect/ollama_internal.h"

#include <time.h>

#include "dialect/signature.h"
#include "dialect/members.h"

/* ---- words and numbers ---------------------------------------------------------------------- */

/* Calls are told by their being there: done_reason is "stop" then. */
enum chat_finish ollama_finish_of(str word)
{
    return str_eq(word, S("length")) ? FINISH_LENGTH : FINISH_STOP;
}

/* Zero counts are left out; a prompt that was cached whole may be uncounted. */
void ollama_read_usage(struct chat_usage *ret, jval *line)
{
    *ret = CHAT_USAGE_NONE;
    ret->prompt = members_count(jd_get(line, S("prompt_eval_count")));
    ret->completion = members_count(jd_get(line, S("eval_count")));
    ret->seen = ret->prompt >= 0 || ret->completion >= 0;
    if (ret->prompt >= 0 && ret->completion >= 0 &&
        __builtin_add_overflow(ret->prompt, ret->completion, &ret->total))
        ret->total = -1;
}

static bool digits(str *s, size_t n, int *ret)
{
    uint64_t v;
    if (s->n < n || !str_to_u64(str_take(*s, n), &v))
        return false;
    *ret = (int)v;
    *s = str_skip(*s, n);
    return true;
}

static bool skip(str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = str_skip(*s, 1);
    return true;
}

int64_t ollama_time(str s)
{
    struct tm tm = { 0 };
    int year, month, hours = 0, minutes = 0;
    if (!digits(&s, 4, &year) || !skip(&s, '-') || !digits(&s, 2, &month) || !skip(&s, '-') ||
        !digits(&s, 2, &tm.tm_mday) || s.n == 0)
        return 0;
    s = str_skip(s, 1); /* T */
    if (!digits(&s, 2, &tm.tm_hour) || !skip(&s, ':') || !digits(&s, 2, &tm.tm_min) ||
        !skip(&s, ':') || !digits(&s, 2, &tm.tm_sec))
        return 0;
    if (skip(&s, '.'))
        while (s.n && s.p[0] >= '0' && s.p[0] <= '9')
            s = str_skip(s, 1);
    int sign = s.n && s.p[0] == '-' ? -1 : 1;
    if (s.n && (skip(&s, '+') || skip(&s, '-'))) {
        if (!digits(&s, 2, &hours) || !skip(&s, ':') || !digits(&s, 2, &minutes))
            return 0;
    }
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    int64_t at = (int64_t)timegm(&tm) - sign * (hours * 3600 + minutes * 60);
    return at > 0 ? at : 0;
}

/* ---- tags ----------------------------------------------------------------------------------- */

enum tag_state { TAG_BEFORE, TAG_INSIDE, TAG_AFTER };

static const str tags[] = { [TAG_BEFORE] = S("<think>"), [TAG_INSIDE] = S("</think>") };

static void give(bool thinking, str text, ollama_text_fn *fn, void *to)
{
    if (text.n)
        fn(to, thinking, text);
}

/* Where in text the tag begins, whole or cut off by the end; text.n if nowhere. */
static size_t find_tag(str text, str tag)
{
    for (size_t i = 0; i < text.n; i++) {
        const char *at = memchr(text.p + i, '<', text.n - i);
        if (!at)
            return text.n;
        i = (size_t)(at - text.p);
        str rest = str_skip(text, i);
        if (str_starts(rest, tag) || str_starts(tag, rest))
            return i;
    }
    return text.n;
}

/* One step through the tag that is partly held. True: go on with what is left of *text. */
static bool held_step(struct ollama_tags *t, str *text, ollama_text_fn *fn, void *to)
{
    str tag = tags[t->state];
    while (text->n && t->held < tag.n && text->p[0] == tag.p[t->held]) {
        t->held++;
        *text = str_skip(*text, 1);
    }
    if (t->held == tag.n) {
        t->state = t->state == TAG_BEFORE ? TAG_INSIDE : TAG_AFTER;
        t->held = 0;
        t->trim = true;
        return true;
    }
    if (text->n == 0)
        return false;
    str was = str_take(tag, t->held); /* no tag after all */
    bool inside = t->state == TAG_INSIDE;
    t->held = 0;
    if (!inside)
        t->state = TAG_AFTER;
    give(inside, was, fn, to);
    return true;
}

void ollama_tags_push(struct ollama_tags *t, str text, ollama_text_fn *fn, void *to)
{
    while (text.n) {
        if (t->trim && text.p[0] == '\n') {
            text = str_skip(text, 1);
            continue;
        }
        t->trim = false;
        if (t->state == TAG_AFTER) {
            give(false, text, fn, to);
            return;
        }
        if (t->state == TAG_BEFORE && t->held == 0 && text.p[0] != '<') {
            t->state = TAG_AFTER; /* the answer starts otherwise */
            continue;
        }
        if (t->state == TAG_INSIDE && t->held == 0) {
            size_t at = find_tag(text, tags[TAG_INSIDE]);
            give(true, str_take(text, at), fn, to);
            text = str_skip(text, at);
            if (text.n == 0)
                return;
        }
        if (!held_step(t, &text, fn, to))
            return;
    }
}

void ollama_tags_end(struct ollama_tags *t, ollama_text_fn *fn, void *to)
{
    if (t->state != TAG_AFTER)
        give(t->state == TAG_INSIDE, str_take(tags[t->state], t->held), fn, to);
    t->held = 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

struct replying {
    struct arena *a;
    struct chat_part **tail;
};

static struct chat_part *add(struct replying *rp, enum part_kind kind)
{
    struct chat_part *p = chat_add_part(rp->a, rp->tail, kind);
    p->origin = DIALECT_OLLAMA;
    rp->tail = &p->next;
    return p;
}

static void add_text(void *to, bool thinking, str text)
{
    struct replying *rp = to;
    if (text.n)
        add(rp, thinking ? PART_THINKING : PART_TEXT)->text = text;
}

static void read_calls(struct replying *rp, jval *calls)
{
    JD_EACH (call, calls) {
        struct chat_part *p = add(rp, PART_TOOL_CALL);
        functions_read_call(&p->call, call.value, rp->a);
        if (!p->call.id.n)
            p->call.id = chat_new_id(rp->a, S("call_"));
    }
}

/* The entries are OpenAI's already. */
static str logprobs_of(jval *list, struct arena *a)
{
    if (!jd_is_arr(list) || jd_count(list) == 0)
        return (str){ 0 };
    return arena_fmt(a, "{\"content\":%.*s,\"refusal\":null}", STRF(jd_text(list, a)));
}

static rc broken(struct chat_error *error, struct arena *a, struct err *e, const char *why)
{
    *error = (struct chat_error){ .status = 502,
                                  .kind = ERR_BAD_GATEWAY,
                                  .message = arena_dup(a, str_c(why)),
                                  .retry_after_ms = -1 };
    return fail(e, E_UPSTREAM, "ollama", 0, "%s", why);
}

rc ollama_read_reply(struct chat_reply *ret, str body, struct chat_error *error, struct arena *a,
                     struct err *e)
{
    static const char *const of_reply[] = { "model",      "message", "response", "thinking",
                                            "tool_calls", "done",    NULL };
    static const char *const of_message[] = { "role", "content", "thinking", "tool_calls", NULL };
    jval *v = NULL;
    *ret = (struct chat_reply){ .origin = DIALECT_OLLAMA, .usage = CHAT_USAGE_NONE };
    if (FAILED(jd_read(&v, body, a, e)) || !jd_is_obj(v))
        return broken(error, a, e, "Ollama's answer is not a JSON object");
    jval *message = jd_get(v, S("message"));
    if (jd_given(jd_get(v, S("error")))) {
        ollama_read_error(error, 500, body, a);
        return fail(e, E_UPSTREAM, "ollama", 0, "Ollama answered with an error under status 200");
    }
    if (!jd_is_obj(message) && !jd_is_str(jd_get(v, S("response"))))
        return broken(error, a, e, "Ollama's answer has no message");
    struct chat_choice *c = ret->choices = NEW(a, struct chat_choice, 1);
    struct replying rp = { a, &c->parts };
    struct ollama_tags tag = { 0 };
    jval *from = jd_is_obj(message) ? message : v;
    str content = jd_get_str(from, jd_is_obj(message) ? S("content") : S("response"));
    str thinking = jd_get_str(from, S("thinking"));
    add_text(&rp, true, thinking);
    if (thinking.n)
        tag.state = TAG_AFTER;
    ollama_tags_push(&tag, content, add_text, &rp);
    ollama_tags_end(&tag, add_text, &rp);
    read_calls(&rp, jd_get(from, S("tool_calls")));
    ret->model = jd_get_str(v, S("model"));
    ret->created = ollama_time(jd_get_str(v, S("created_at")));
    ollama_read_usage(&ret->usage, v);
    c->logprobs = logprobs_of(jd_get(v, S("logprobs")), a);
    c->native_finish = jd_get_str(v, S("done_reason"));
    c->finish = ollama_finish_of(c->native_finish);
    if (c->finish == FINISH_STOP && jd_count(jd_get(from, S("tool_calls"))))
        c->finish = FINISH_TOOL_CALLS;
    ret->extras = members_others(v, of_reply, a);
    c->message_extras = members_others(message, of_message, a);
    return RC_OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

void ollama_write_head(struct jw *w, const struct dialect_ctx *c, char at[CLOCK_ISO_BYTES])
{
    jw_kstr(w, S("model"), c->model);
    jw_kstr(w, S("created_at"), at[0] ? str_c(at) : clock_iso(c->created * 1000, at));
}

/* Ollama's clients divide by eval_duration: never 0 beside a count. */
void ollama_write_tail(struct jw *w, enum chat_finish finish, const struct chat_usage *u,
                       uint64_t first_ns, const struct dialect_ctx *c)
{
    bool cut = finish == FINISH_LENGTH || finish == FINISH_CONTEXT;
    uint64_t now = c->started_ns ? clock_mono_ns() : 0;
    uint64_t total = c->started_ns ? now - c->started_ns : 1;
    uint64_t eval = first_ns && now > first_ns ? now - first_ns : total;
    jw_kbool(w, S("done"), true);
    jw_kstr(w, S("done_reason"), cut ? S("length") : S("stop"));
    jw_ku64(w, S("total_duration"), total ? total : 1);
    jw_ku64(w, S("load_duration"), 0);
    jw_ki64(w, S("prompt_eval_count"), u->prompt > 0 ? u->prompt : 0);
    jw_ku64(w, S("prompt_eval_duration"), total > eval ? total - eval : 1);
    jw_ki64(w, S("eval_count"), u->completion > 0 ? u->completion : 0);
    jw_ku64(w, S("eval_duration"), eval ? eval : 1);
}

void ollama_write_call(struct jw *w, const struct chat_call *call, uint32_t index, struct arena *a)
{
    enum json_kind kind = JSON_NONE;
    bool object =
        call->args.n && !FAILED(json_scan(call->args, NULL, 0, &kind, NULL)) && kind == JSON_OBJECT;
    jw_obj(w);
    jw_kstr_if(w, S("id"), signature_into_id(a, call->id, call->signature));
    jw_kobj(w, S("function"));
    jw_ku64(w, S("index"), index);
    jw_kstr(w, S("name"), call->name);
    if (call->custom) {
        jw_kobj(w, S("arguments"));
        jw_kstr(w, S("input"), call->args);
        jw_obj_end(w);
    } else {
        jw_kraw(w, S("arguments"), object ? call->args : S("{}"));
    }
    jw_obj_end(w);
    jw_obj_end(w);
}

static void write_texts(struct jw *w, str key, const struct chat_part *parts, bool thinking)
{
    jw_key(w, key);
    jw_str_begin(w);
    for (const struct chat_part *p = parts; p; p = p->next)
        if (thinking ? p->kind == PART_THINKING : p->kind == PART_TEXT || p->kind == PART_REFUSAL)
            jw_str_add(w, p->text);
    jw_str_end(w);
}

/* content (or response), thinking, tool_calls. */
static void write_message(struct jw *w, str content_key, const struct chat_part *parts,
                          struct arena *a)
{
    uint32_t calls = 0;
    bool thoughts = false;
    for (const struct chat_part *p = parts; p; p = p->next)
        thoughts = thoughts || (p->kind == PART_THINKING && p->text.n);
    write_texts(w, content_key, parts, false);
    if (thoughts)
        write_texts(w, S("thinking"), parts, true);
    for (const struct chat_part *p = parts; p; p = p->next) {
        if (p->kind != PART_TOOL_CALL)
            continue;
        if (calls == 0)
            jw_karr(w, S("tool_calls"));
        ollama_write_call(w, &p->call, calls++, a);
    }
    if (calls)
        jw_arr_end(w);
}

/* OpenAI's logprobs object holds Ollama's list. */
void ollama_write_logprobs(struct jw *w, str openai)
{
    struct json_member content = { .name = S("content") };
    enum json_kind top;
    if (openai.n && !FAILED(json_scan(openai, &content, 1, &top, NULL)) &&
        content.kind == JSON_ARRAY)
        jw_kraw(w, S("logprobs"), content.value);
}

static void write_reply(struct buf *out, const struct chat_reply *r, const struct dialect_ctx *c,
                        bool generate)
{
    static const struct chat_choice none;
    const struct chat_choice *choice = r->choices ? r->choices : &none;
    char at[CLOCK_ISO_BYTES] = "";
    struct jw w;
    bool own = r->origin == DIALECT_OLLAMA;
    size_t from = out->n;
    jw_init(&w, out);
    jw_obj(&w);
    ollama_write_head(&w, c, at);
    if (generate) {
        write_message(&w, S("response"), choice->parts, c->arena);
    } else {
        jw_kobj(&w, S("message"));
        size_t message = out->n - 1;
        jw_kstr(&w, S("role"), S("assistant"));
        write_message(&w, S("content"), choice->parts, c->arena);
        jw_obj_end(&w);
        if (own)
            members_put_back(out, message, choice->message_extras, c->arena);
    }
    ollama_write_logprobs(&w, choice->logprobs);
    ollama_write_tail(&w, choice->finish, &r->usage, 0, c);
    jw_obj_end(&w);
    if (own)
        members_put_back(out, from, r->extras, c->arena);
}

void ollama_write_reply(struct buf *out, const struct chat_reply *r, const struct dialect_ctx *c)
{
    write_reply(out, r, c, false);
}

void ollama_write_generated(struct buf *out, const struct chat_reply *r,
                            const struct dialect_ctx *c)
{
    write_reply(out, r, c, true);
}

void ollama_write_load(struct buf *out, jval *body, bool generate, const struct dialect_ctx *c)
{
    jval *keep = jd_get(body, S("keep_alive"));
    double seconds = 1;
    bool unload = (jd_f64(keep, &seconds) && seconds == 0) || jd_str_is(keep, S("0")) ||
                  jd_str_is(keep, S("0s"));
    char at[CLOCK_ISO_BYTES] = "";
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    ollama_write_head(&w, c, at);
    if (generate)
        jw_kstr(&w, S("response"), (str){ 0 });
    else
        jw_kraw(&w, S("message"), S("{\"role\":\"assistant\",\"content\":\"\"}"));
    jw_kbool(&w, S("done"), true);
    jw_kstr(&w, S("done_reason"), unload ? S("unload") : S("load"));
    jw_obj_end(&w);
}

/* ---- errors --------------------------------------------------------------------------------- */

/* What Ollama's status does not say. */
static void refine(struct chat_error *err)
{
    if (str_icontains(err->message, S("context length")) && err->status < 500)
        err->kind = ERR_CONTEXT_WINDOW;
    else if (str_starts(err->message, S("option \"")) && err->status == 500)
        err->kind = ERR_INVALID_REQUEST; /* a wrong type: the caller's fault */
    if (err->kind == ERR_NOT_FOUND && str_starts(err->message, S("model ")))
        err->code = S("model_not_found");
    if (err->kind == ERR_INVALID_REQUEST && err->status == 500)
        err->status = 400;
}

void ollama_read_error(struct chat_error *ret, unsigned status, str body, struct arena *a)
{
    jval *v = NULL;
    *ret = (struct chat_error){ .status = status,
                                .kind = chat_error_kind_of(status),
                                .retry_after_ms = -1 };
    if (!FAILED(jd_read(&v, body, a, NULL))) {
        jval *inner = jd_get(v, S("error"));
        ret->message = jd_is_obj(inner) ? jd_get_str(inner, S("message")) : jd_str(inner);
        ret->type = jd_get_str(inner, S("type"));
        if (!ret->message.n)
            ret->message = jd_get_str(v, S("message"));
        if (!ret->message.n)
            ret->message = jd_get_str(v, S("detail"));
    } else {
        str text = str_trim(str_take(body, 2000));
        if (text.n && text.p[0] != '<' && str_is_utf8(text))
            ret->message = arena_dup(a, text);
    }
    if (status == 403 && !ret->message.n)
        ret->message = S("Ollama refused the request (HTTP 403 without a text): it serves only the "
                         "host names that OLLAMA_HOST and OLLAMA_ORIGINS allow");
    refine(ret);
    chat_error_complete(ret, a);
}

void ollama_write_error(struct buf *out, const struct chat_error *err, struct arena *a)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, S("error"), err->message);
    jw_obj_end(&w);
}
