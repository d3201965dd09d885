/* openai_responses_reply.c - whole response objects, both ways, and what streams share with them.
 */
#include "dialect/openai_chat_internal.h"
#include "dialect/openai_responses_internal.h"
#include "dialect/members.h"
#include "dialect/signature.h"

/* ---- words, counts, ids --------------------------------------------------------------------- */

enum chat_finish responses_finish(jval *response, str *ret_native)
{
    str reason = jd_str(jd_path(response, "incomplete_details", "reason", NULL));
    *ret_native = reason.n ? reason : jd_get_str(response, S("status"));
    if (str_eq(reason, S("content_filter")))
        return FINISH_FILTER;
    if (reason.n || str_eq(*ret_native, S("incomplete")))
        return FINISH_LENGTH;
    /* Others: queued or in_progress, a background run that has no answer yet. */
    return str_eq(*ret_native, S("completed")) ? FINISH_STOP : FINISH_NONE;
}

static void count(int64_t *ret, jval *v)
{
    int64_t n;
    if (jd_i64(v, &n) && n >= 0)
        *ret = n;
}

void responses_read_usage(struct chat_usage *ret, jval *usage)
{
    if (!jd_is_obj(usage))
        return;
    ret->seen = true;
    count(&ret->prompt, jd_get(usage, S("input_tokens")));
    count(&ret->completion, jd_get(usage, S("output_tokens")));
    count(&ret->total, jd_get(usage, S("total_tokens")));
    count(&ret->cache_read, jd_path(usage, "input_tokens_details", "cached_tokens", NULL));
    count(&ret->cache_write, jd_path(usage, "input_tokens_details", "cache_write_tokens", NULL));
    count(&ret->reasoning, jd_path(usage, "output_tokens_details", "reasoning_tokens", NULL));
}

static int64_t at_least_zero(int64_t v)
{
    return v > 0 ? v : 0;
}

void responses_write_usage(struct jw *w, const struct chat_usage *u)
{
    int64_t in = at_least_zero(u->prompt), out = at_least_zero(u->completion), sum;
    if (__builtin_add_overflow(in, out, &sum))
        sum = INT64_MAX;
    jw_obj(w);
    jw_ki64(w, S("input_tokens"), in);
    jw_kobj(w, S("input_tokens_details"));
    jw_ki64(w, S("cached_tokens"), at_least_zero(u->cache_read));
    if (u->cache_write >= 0)
        jw_ki64(w, S("cache_write_tokens"), u->cache_write);
    jw_obj_end(w);
    jw_ki64(w, S("output_tokens"), out);
    jw_kobj(w, S("output_tokens_details"));
    jw_ki64(w, S("reasoning_tokens"), at_least_zero(u->reasoning));
    jw_obj_end(w);
    jw_ki64(w, S("total_tokens"), u->total >= 0 ? u->total : sum);
    jw_obj_end(w);
}

static void add_id(struct buf *out, str id)
{
    for (size_t i = 0; i < id.n && i < 80; i++) {
        char c = id.p[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '_' || c == '-')
            buf_chr(out, c);
    }
}

static str bare_id(str id)
{
    static const char *const prefixes[] = { "chatcmpl-", "resp_", "msg_" };
    for (size_t i = 0; i < COUNT_OF(prefixes); i++)
        if (str_starts(id, str_c(prefixes[i])))
            return str_skip(id, strlen(prefixes[i]));
    return id;
}

void responses_id(struct buf *out, str exchange_id)
{
    buf_add(out, S("resp_"));
    add_id(out, bare_id(exchange_id));
}

void responses_item_id(struct buf *out, const char *prefix, str exchange_id, uint32_t index)
{
    buf_add(out, str_c(prefix));
    add_id(out, bare_id(exchange_id));
    buf_chr(out, '_');
    buf_u64(out, index);
}

int64_t responses_chars(str utf8)
{
    int64_t n = 0;
    for (size_t i = 0; i < utf8.n; i++)
        n += ((unsigned char)utf8.p[i] & 0xc0) != 0x80;
    return n;
}

/* ---- errors --------------------------------------------------------------------------------- */

void responses_error_of(struct chat_error *ret, jval *v, struct arena *a)
{
    jval *response = jd_get(v, S("response"));
    jval *error = jd_get(jd_is_obj(response) ? response : v, S("error"));
    openai_error_from(ret, 0, jd_is_obj(error) ? error : v, a);
    if (str_eq(ret->type, S("error"))) /* the event's own type, where the error is not nested */
        ret->type = (str){ 0 };
}

/* ---- tools ---------------------------------------------------------------------------------- */

const struct chat_extra *responses_member(const struct chat_req *r, str name)
{
    if (!r || r->origin != DIALECT_OPENAI_RESPONSES)
        return NULL;
    const struct chat_extra *x = members_find(r->own, name);
    return x ? x : members_find(r->extras, name);
}

const struct chat_tool *responses_tool(const struct chat_req *r, str name)
{
    for (const struct chat_tool *t = r ? r->tools : NULL; t; t = t->next)
        if (str_eq(t->name, name))
            return t;
    return NULL;
}

bool responses_split_name(const struct chat_tool *t, str *ret_namespace, str *ret_name,
                          struct arena *a)
{
    jval *v = NULL;
    if (!t || t->kind != TOOL_FUNCTION || t->origin != DIALECT_OPENAI_RESPONSES ||
        !str_starts(t->raw, S("{\"namespace\":")) || FAILED(jd_read(&v, t->raw, a, NULL)))
        return false;
    *ret_namespace = jd_get_str(v, S("namespace"));
    *ret_name = jd_get_str(v, S("name"));
    return true;
}

str responses_unwrap_input(str args, struct arena *a)
{
    jval *v = NULL;
    if (FAILED(jd_read(&v, args, a, NULL)) || !jd_is_str(jd_get(v, S("input"))))
        return args;
    return jd_get_str(v, S("input"));
}

/* ---- annotations ---------------------------------------------------------------------------- */

static void write_url_note(struct jw *w, jval *from, int64_t start, int64_t end)
{
    jw_obj(w);
    jw_kstr(w, S("type"), S("url_citation"));
    jw_ki64(w, S("start_index"), jd_i64_or(jd_get(from, S("start_index")), start));
    jw_ki64(w, S("end_index"), jd_i64_or(jd_get(from, S("end_index")), end));
    jw_kstr(w, S("title"), jd_get_str(from, S("title")));
    jw_kstr(w, S("url"), jd_get_str(from, S("url")));
    jw_obj_end(w);
}

void responses_write_notes(struct buf *out, str notes, enum dialect_id origin, int64_t at,
                           struct arena *a)
{
    size_t from = out->n;
    jval *v = NULL;
    if (FAILED(jd_read(&v, notes, a, NULL)))
        return;
    JD_EACH (m, v) {
        struct jw w;
        jval *inner = jd_get(m.value, S("url_citation"));
        bool url = jd_is_str(jd_get(m.value, S("url")));
        if (origin != DIALECT_OPENAI_RESPONSES && !inner && !url)
            continue;
        if (out->n > from)
            buf_chr(out, ',');
        jw_init(&w, out);
        if (origin == DIALECT_OPENAI_RESPONSES)
            jw_val(&w, m.value);
        else
            write_url_note(&w, inner ? inner : m.value, at, at);
    }
}

/* ---- an item's own members ------------------------------------------------------------------ */

/* The extra of the part that an item begins with: the item's members as one object. Always first;
 * behind it stand the part's. */
#define ITEM S("item")

void responses_keep_item(struct chat_part *p, jval *item, const char *const *said, struct arena *a)
{
    struct chat_extra *of_item = NULL, **tail = &of_item;
    chat_add_extra(a, &tail, ITEM, members_others_object(item, said, a));
    *tail = p->extras;
    p->extras = of_item;
}

bool responses_begins_item(const struct chat_part *p)
{
    return p->extras && p->origin == DIALECT_OPENAI_RESPONSES && str_eq(p->extras->name, ITEM);
}

void responses_put_item(struct buf *out, size_t from, const struct chat_part *p, struct arena *a)
{
    jval *v = NULL;
    struct chat_extra *own = NULL, **tail = &own;
    if (!responses_begins_item(p) || FAILED(jd_read(&v, p->extras->value, a, NULL)))
        return;
    JD_EACH (m, v)
        chat_add_extra(a, &tail, m.name, jd_text(m.value, a));
    members_put_back(out, from, own, a);
}

void responses_put_part(struct buf *out, size_t from, const struct chat_part *p, struct arena *a)
{
    members_put_back(out, from, responses_begins_item(p) ? p->extras->next : p->extras, a);
}

/* ---- reading -------------------------------------------------------------------------------- */

struct reading {
    struct chat_part **tail;
    struct arena *a;
    bool calls;
};

static struct chat_part *add(struct reading *rd, enum part_kind kind)
{
    struct chat_part *p = NEW(rd->a, struct chat_part, 1);
    p->kind = kind;
    p->origin = DIALECT_OPENAI_RESPONSES;
    *rd->tail = p;
    rd->tail = &p->next;
    return p;
}

static void read_message(struct reading *rd, jval *item)
{
    static const char *const of_item[] = { "id", "type", "role", "content", NULL };
    static const char *const of_part[] = { "type", "text", "refusal", "annotations", NULL };
    JD_EACH (m, jd_get(item, S("content"))) {
        struct chat_part **at = rd->tail;
        str type = jd_get_str(m.value, S("type"));
        if (str_eq(type, S("refusal"))) {
            add(rd, PART_REFUSAL)->text = jd_get_str(m.value, S("refusal"));
        } else if (str_eq(type, S("output_text"))) {
            struct chat_part *p = add(rd, PART_TEXT);
            p->text = jd_get_str(m.value, S("text"));
            jval *notes = jd_get(m.value, S("annotations"));
            if (jd_is_arr(notes) && jd_count(notes))
                p->notes = jd_text(notes, rd->a);
        } else {
            add(rd, PART_OPAQUE)->raw = jd_text(item, rd->a);
            return;
        }
        (*at)->extras = members_others(m.value, of_part, rd->a);
        if (m.index == 0)
            responses_keep_item(*at, item, of_item, rd->a);
    }
}

static void read_item(struct reading *rd, jval *item)
{
    static const char *const said[] = { "id",        "type",  "call_id",   "name",
                                        "arguments", "input", "namespace", NULL };
    static const char *const of_thought[] = { "id", "type", "encrypted_content", NULL };
    static const char *const of_image[] = { "id", "type", "result", NULL };
    str type = jd_get_str(item, S("type"));
    bool custom = str_eq(type, S("custom_tool_call"));
    if (str_eq(type, S("message"))) {
        read_message(rd, item);
    } else if (str_eq(type, S("function_call")) || custom) {
        struct chat_part *p = add(rd, PART_TOOL_CALL);
        p->call.id = jd_str_or(jd_get(item, S("call_id")), jd_get_str(item, S("id")));
        p->call.name = jd_get_str(item, S("name"));
        p->call.custom = custom;
        p->call.args = jd_get_str(item, custom ? S("input") : S("arguments"));
        responses_keep_item(p, item, said, rd->a);
        rd->calls = true;
    } else if (str_eq(type, S("reasoning"))) {
        struct chat_part *p = add(rd, PART_THINKING);
        p->text = responses_reasoning_text(item, rd->a);
        p->signature = jd_get_str(item, S("encrypted_content"));
        p->id = jd_get_str(item, S("id"));
        responses_keep_item(p, item, of_thought, rd->a);
    } else if (str_eq(type, S("image_generation_call")) && jd_is_str(jd_get(item, S("result")))) {
        struct chat_part *p = add(rd, PART_IMAGE);
        p->media.data = jd_get_str(item, S("result"));
        p->media.mime = S("image/png");
        responses_keep_item(p, item, of_image, rd->a);
    } else {
        add(rd, PART_OPAQUE)->raw = jd_text(item, rd->a);
    }
}

/* Log probabilities of all texts, as chat completions have them. */
static str read_logprobs(jval *output, struct arena *a)
{
    struct buf all;
    struct jw w;
    bool any = false;
    buf_init(&all, SIZE_MAX);
    jw_init(&w, &all);
    jw_obj(&w);
    jw_karr(&w, S("content"));
    JD_EACH (item, output)
        JD_EACH (part, jd_get(item.value, S("content")))
            JD_EACH (p, jd_get(part.value, S("logprobs"))) {
                jw_val(&w, p.value);
                any = true;
            }
    jw_arr_end(&w);
    jw_knull(&w, S("refusal"));
    jw_obj_end(&w);
    str text = any ? arena_dup(a, buf_str(&all)) : (str){ 0 };
    buf_done(&all);
    return text;
}

rc responses_read_reply(struct chat_reply *ret, str body, struct chat_error *error, struct arena *a,
                        struct err *e)
{
    static const char *const said[] = { "id", "object", "model", "output", NULL };
    jval *v = NULL;
    *ret = (struct chat_reply){ .origin = DIALECT_OPENAI_RESPONSES, .usage = CHAT_USAGE_NONE };
    if (FAILED(jd_read(&v, body, a, NULL)) || !jd_is_obj(v))
        return fail(e, E_UPSTREAM, "openai", 0, "the upstream's answer is not a JSON object");
    if (jd_given(jd_get(v, S("error"))) || jd_str_is(jd_get(v, S("status")), S("failed"))) {
        responses_error_of(error, v, a);
        error->status = chat_error_status(error->kind);
        return fail(e, E_UPSTREAM, "openai", 0, "the upstream answered with an error");
    }
    jval *output = jd_get(v, S("output"));
    if (!jd_is_arr(output))
        return fail(e, E_UPSTREAM, "openai", 0, "the upstream's answer has no output");
    struct chat_choice *c = NEW(a, struct chat_choice, 1);
    struct reading rd = { .tail = &c->parts, .a = a };
    JD_EACH (m, output)
        read_item(&rd, m.value);
    c->finish = responses_finish(v, &c->native_finish);
    if (rd.calls && (c->finish == FINISH_STOP || c->finish == FINISH_NONE))
        c->finish = FINISH_TOOL_CALLS;
    c->logprobs = read_logprobs(output, a);
    ret->choices = c;
    ret->id = jd_get_str(v, S("id"));
    ret->model = jd_get_str(v, S("model"));
    ret->created = (int64_t)jd_f64_or(jd_get(v, S("created_at")), 0) > 0
                       ? jd_i64_or(jd_get(v, S("created_at")), 0)
                       : 0;
    ret->service_tier = jd_get_str(v, S("service_tier"));
    responses_read_usage(&ret->usage, jd_get(v, S("usage")));
    ret->extras = members_others(v, said, a);
    return RC_OK;
}

/* ---- writing a whole reply ------------------------------------------------------------------ */

struct writing {
    struct buf items;
    const struct dialect_ctx *c;
    str logprobs; /* JSON text of the tokens' array, until a text has it */
    uint32_t index;
};

/* Where it begins is returned. */
static size_t begin_item(struct writing *wr, struct jw *w, const char *type, const char *prefix)
{
    if (wr->items.n)
        buf_chr(&wr->items, ',');
    size_t from = wr->items.n;
    jw_init(w, &wr->items);
    jw_obj(w);
    jw_key(w, S("id"));
    jw_str_begin(w);
    responses_item_id(&wr->items, prefix, wr->c->id, wr->index++);
    jw_str_end(w);
    jw_kstr(w, S("type"), str_c(type));
    return from;
}

/* Ends the item that began at `from`, with what its own dialect said of it. */
static void end_item(struct writing *wr, struct jw *w, size_t from, const struct chat_part *p)
{
    jw_obj_end(w);
    if (p->origin == DIALECT_OPENAI_RESPONSES)
        responses_put_item(&wr->items, from, p, wr->c->arena);
}

static void write_text_part(struct writing *wr, struct jw *w, const struct chat_part *p)
{
    struct arena *a = wr->c->arena;
    jw_obj(w);
    size_t from = w->out->n - 1;
    if (p->kind == PART_REFUSAL) {
        jw_kstr(w, S("type"), S("refusal"));
        jw_kstr(w, S("refusal"), p->text);
    } else {
        struct buf notes;
        buf_init(&notes, SIZE_MAX);
        if (p->notes.n)
            responses_write_notes(&notes, p->notes, p->origin, responses_chars(p->text),
                                  wr->c->arena);
        jw_kstr(w, S("type"), S("output_text"));
        jw_kstr(w, S("text"), p->text);
        jw_karr(w, S("annotations"));
        buf_add(w->out, buf_str(&notes));
        jw_arr_end(w);
        jw_kraw(w, S("logprobs"), wr->logprobs.n ? wr->logprobs : S("[]"));
        wr->logprobs = (str){ 0 };
        buf_done(&notes);
    }
    jw_obj_end(w);
    if (p->origin == DIALECT_OPENAI_RESPONSES)
        responses_put_part(w->out, from, p, a);
}

static bool is_text(const struct chat_part *p)
{
    return p && (p->kind == PART_TEXT || p->kind == PART_REFUSAL);
}

/* One message of the texts in a row; returns the last of them. */
static const struct chat_part *write_message(struct writing *wr, const struct chat_part *p)
{
    struct jw w;
    const struct chat_part *first = p;
    size_t from = begin_item(wr, &w, "message", "msg_");
    jw_kstr(&w, S("role"), S("assistant"));
    jw_kstr(&w, S("status"), S("completed"));
    jw_karr(&w, S("content"));
    write_text_part(wr, &w, p);
    while (is_text(p->next) && !responses_begins_item(p->next)) {
        p = p->next;
        write_text_part(wr, &w, p);
    }
    jw_arr_end(&w);
    end_item(wr, &w, from, first);
    return p;
}

static void write_reasoning(struct writing *wr, const struct chat_part *p, str text, str sealed)
{
    struct jw w;
    size_t from = begin_item(wr, &w, "reasoning", "rs_");
    jw_karr(&w, S("summary"));
    if (text.n) {
        jw_obj(&w);
        jw_kstr(&w, S("type"), S("summary_text"));
        jw_kstr(&w, S("text"), text);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_kstr_if(&w, S("encrypted_content"), sealed);
    end_item(wr, &w, from, p);
}

static void write_call(struct writing *wr, const struct chat_part *p)
{
    struct jw w;
    const struct chat_call *call = &p->call;
    struct arena *a = wr->c->arena;
    const struct chat_tool *tool = responses_tool(wr->c->req, call->name);
    bool custom = call->custom || (tool && tool->kind == TOOL_CUSTOM);
    str space, name = call->name;
    size_t from =
        begin_item(wr, &w, custom ? "custom_tool_call" : "function_call", custom ? "ctc_" : "fc_");
    jw_kstr(&w, S("status"), S("completed"));
    jw_kstr(&w, S("call_id"), signature_into_id(a, call->id, call->signature));
    if (responses_split_name(tool, &space, &name, a))
        jw_kstr(&w, S("namespace"), space);
    jw_kstr(&w, S("name"), name);
    if (custom)
        jw_kstr(&w, S("input"), call->custom ? call->args : responses_unwrap_input(call->args, a));
    else
        jw_kstr(&w, S("arguments"), call->args.n ? call->args : S("{}"));
    end_item(wr, &w, from, p);
}

static void write_part(struct writing *wr, const struct chat_part *p)
{
    struct jw w;
    size_t from;
    struct arena *a = wr->c->arena;
    switch (p->kind) {
    case PART_THINKING:
        write_reasoning(wr, p, p->text,
                        signature_mark(a, p->signature, p->origin, DIALECT_OPENAI_RESPONSES));
        break;
    case PART_REDACTED:
        write_reasoning(wr, p, S(""),
                        signature_mark(a, arena_cat(a, RESPONSES_REDACTED, p->media.data),
                                       p->origin, DIALECT_OPENAI_RESPONSES));
        break;
    case PART_TOOL_CALL:
        write_call(wr, p);
        break;
    case PART_IMAGE:
        if (!p->media.data.n)
            break;
        from = begin_item(wr, &w, "image_generation_call", "ig_");
        jw_kstr(&w, S("status"), S("completed"));
        jw_kstr(&w, S("result"), p->media.data);
        end_item(wr, &w, from, p);
        break;
    case PART_OPAQUE:
        if (p->origin != DIALECT_OPENAI_RESPONSES || !p->raw.n)
            break;
        if (wr->items.n)
            buf_chr(&wr->items, ',');
        buf_add(&wr->items, p->raw);
        wr->index++;
        break;
    default:
        break;
    }
}

void responses_write_reply(struct buf *out, const struct chat_reply *r, const struct dialect_ctx *c)
{
    struct writing wr = { .c = c };
    const struct chat_choice *choice = r->choices;
    enum chat_finish finish = choice ? choice->finish : FINISH_STOP;
    bool refused = false;
    for (const struct chat_part *p = choice ? choice->parts : NULL; p; p = p->next)
        refused = refused || p->kind == PART_REFUSAL;
    struct json_member tokens = { .name = S("content") };
    if (choice && choice->logprobs.n &&
        !FAILED(json_scan(choice->logprobs, &tokens, 1, NULL, NULL)) && tokens.kind == JSON_ARRAY)
        wr.logprobs = tokens.value;
    buf_init(&wr.items, SIZE_MAX);
    for (const struct chat_part *p = choice ? choice->parts : NULL; p; p = p->next) {
        if (is_text(p)) {
            bool any = p->text.n > 0 || is_text(p->next) || responses_begins_item(p);
            if (any)
                p = write_message(&wr, p);
            if (p->kind == PART_TEXT && p->signature.n)
                write_reasoning(
                    &wr, p, S(""),
                    signature_mark(c->arena, p->signature, p->origin, DIALECT_OPENAI_RESPONSES));
        } else {
            write_part(&wr, p);
        }
    }
    /* A refusal in words is a complete answer; a filter that left nothing is not. */
    bool cut = finish == FINISH_LENGTH || finish == FINISH_CONTEXT ||
               (finish == FINISH_FILTER && !refused);
    struct responses_state s = { .status = cut ? "incomplete" : "completed",
                                 .output = buf_str(&wr.items),
                                 .usage = r->usage.seen ? &r->usage : NULL,
                                 .finish = finish };
    size_t from = out->n;
    responses_write_object(out, &s, c);
    if (r->origin == DIALECT_OPENAI_RESPONSES)
        members_put_back(out, from, r->extras, c->arena);
    buf_done(&wr.items);
}
