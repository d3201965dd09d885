/* anthropic_reply.c - whole messages, both ways, and what streams share with them.
 */
#include "dialect/anthropic_internal.h"
#include "dialect/members.h"
#include "dialect/signature.h"

/* ---- words ---------------------------------------------------------------------------------- */

static const struct {
    const char *reason;
    enum chat_finish finish;
} reasons[] = {
    { "end_turn", FINISH_STOP },
    { "stop_sequence", FINISH_STOP_SEQUENCE },
    { "max_tokens", FINISH_LENGTH },
    { "tool_use", FINISH_TOOL_CALLS },
    { "pause_turn", FINISH_PAUSE },
    { "refusal", FINISH_FILTER },
    { "model_context_window_exceeded", FINISH_CONTEXT },
    { "compaction", FINISH_PAUSE },
};

enum chat_finish anthropic_finish(str stop_reason)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (str_eq(stop_reason, str_c(reasons[i].reason)))
            return reasons[i].finish;
    return stop_reason.n ? FINISH_STOP : FINISH_NONE;
}

str anthropic_stop_reason(enum chat_finish finish)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (reasons[i].finish == finish)
            return str_c(reasons[i].reason);
    return S("end_turn");
}

bool anthropic_is_object(str json)
{
    enum json_kind top;
    return json.n && !FAILED(json_scan(json, NULL, 0, &top, NULL)) && top == JSON_OBJECT;
}

static bool id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* A changed id gets a check sum of the old one behind it, so that different ids stay different. */
str anthropic_tool_id(struct arena *a, str id)
{
    uint64_t sum = 0xcbf29ce484222325u; /* FNV-1a */
    bool same = id.n > 0;
    for (size_t i = 0; i < id.n; i++) {
        sum = (sum ^ (unsigned char)id.p[i]) * 0x100000001b3u;
        same = same && id_char(id.p[i]);
    }
    if (same)
        return id;
    str copy = arena_fmt(a, "%.*s_%08x", STRF(str_take(id, 128)), (unsigned)(sum ^ sum >> 32));
    char *p = (char *)(uintptr_t)copy.p;
    for (size_t i = 0; i < copy.n; i++)
        if (!id_char(p[i]))
            p[i] = '_';
    return copy;
}

void anthropic_message_id(struct buf *out, str reply_id, str exchange_id)
{
    if (str_starts(reply_id, S("msg_"))) {
        json_escape(out, reply_id);
        return;
    }
    str id = reply_id.n ? reply_id : exchange_id;
    buf_add(out, S("msg_"));
    size_t from = str_starts(id, S("chatcmpl-")) ? 9 : str_starts(id, S("resp_")) ? 5 : 0;
    for (size_t i = from; i < id.n && i < from + 64; i++)
        if (id_char(id.p[i]))
            buf_chr(out, id.p[i]);
}

/* ---- usage ---------------------------------------------------------------------------------- */

static void count(int64_t *ret, jval *v)
{
    int64_t n;
    if (jd_i64(v, &n) && n >= 0)
        *ret = n;
}

void anthropic_read_counts(struct anthropic_counts *ret, jval *usage)
{
    count(&ret->input, jd_get(usage, S("input_tokens")));
    count(&ret->read, jd_get(usage, S("cache_read_input_tokens")));
    count(&ret->write, jd_get(usage, S("cache_creation_input_tokens")));
    count(&ret->write_1h, jd_path(usage, "cache_creation", "ephemeral_1h_input_tokens", NULL));
    count(&ret->output, jd_get(usage, S("output_tokens")));
    count(&ret->thinking, jd_path(usage, "output_tokens_details", "thinking_tokens", NULL));
}

static int64_t add_counts(int64_t x, int64_t y)
{
    int64_t sum;
    if (y < 0)
        return x;
    return __builtin_add_overflow(x, y, &sum) ? -1 : sum;
}

struct chat_usage anthropic_usage(const struct anthropic_counts *n)
{
    struct chat_usage u = CHAT_USAGE_NONE;
    u.seen = n->input >= 0 || n->output >= 0;
    u.prompt = n->input;
    if (u.prompt >= 0)
        u.prompt = add_counts(u.prompt, n->read);
    if (u.prompt >= 0)
        u.prompt = add_counts(u.prompt, n->write);
    u.completion = n->output;
    if (u.prompt >= 0 && u.completion >= 0)
        u.total = add_counts(u.prompt, u.completion);
    u.cache_read = n->read;
    u.cache_write = n->write;
    u.cache_write_1h = n->write_1h;
    u.reasoning = n->thinking;
    return u;
}

static int64_t at_least_zero(int64_t v)
{
    return v > 0 ? v : 0;
}

void anthropic_write_usage(struct jw *w, const struct chat_usage *u)
{
    int64_t read = at_least_zero(u->cache_read), write = at_least_zero(u->cache_write);
    int64_t input = at_least_zero(u->prompt);
    input = input > read ? input - read : 0;
    input = input > write ? input - write : 0;
    jw_obj(w);
    jw_ki64(w, S("input_tokens"), input);
    jw_ki64(w, S("cache_creation_input_tokens"), write);
    jw_ki64(w, S("cache_read_input_tokens"), read);
    jw_ki64(w, S("output_tokens"), at_least_zero(u->completion));
    if (u->cache_write_1h >= 0) {
        jw_kobj(w, S("cache_creation"));
        jw_ki64(w, S("ephemeral_5m_input_tokens"),
                write > u->cache_write_1h ? write - u->cache_write_1h : 0);
        jw_ki64(w, S("ephemeral_1h_input_tokens"), u->cache_write_1h);
        jw_obj_end(w);
    }
    if (u->reasoning >= 0) {
        jw_kobj(w, S("output_tokens_details"));
        jw_ki64(w, S("thinking_tokens"), u->reasoning);
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

/* ---- reading -------------------------------------------------------------------------------- */

struct reading {
    struct chat_part **tail;
    struct arena *a;
    bool calls, json;
};

static struct chat_part *add(struct reading *rd, enum part_kind kind)
{
    struct chat_part *p = NEW(rd->a, struct chat_part, 1);
    p->kind = kind;
    p->origin = DIALECT_ANTHROPIC;
    *rd->tail = p;
    rd->tail = &p->next;
    return p;
}

static void read_call(struct reading *rd, jval *b)
{
    jval *input = jd_get(b, S("input"));
    str args = jd_is_obj(input) ? jd_text(input, rd->a) : S("{}");
    str name = jd_get_str(b, S("name"));
    if (str_eq(name, ANTHROPIC_JSON_TOOL)) {
        add(rd, PART_TEXT)->text = args;
        rd->json = true;
        return;
    }
    struct chat_part *p = add(rd, PART_TOOL_CALL);
    p->call.id = jd_get_str(b, S("id"));
    p->call.name = name;
    p->call.args = args;
    rd->calls = true;
}

static void read_block(struct reading *rd, jval *b)
{
    static const char *const said[] = { "type",  "text",     "citations", "id",   "name",
                                        "input", "thinking", "signature", "data", NULL };
    str type = jd_get_str(b, S("type"));
    struct chat_part **at = rd->tail;
    if (str_eq(type, S("text"))) {
        str text = jd_get_str(b, S("text"));
        jval *citations = jd_get(b, S("citations"));
        bool cited = jd_is_arr(citations) && jd_count(citations) > 0;
        if (!text.n && !cited)
            return;
        struct chat_part *p = add(rd, PART_TEXT);
        p->text = text;
        if (cited)
            p->notes = jd_text(citations, rd->a);
    } else if (str_eq(type, S("tool_use"))) {
        read_call(rd, b);
    } else if (str_eq(type, S("thinking"))) {
        struct chat_part *p = add(rd, PART_THINKING);
        p->text = jd_get_str(b, S("thinking"));
        p->signature = jd_get_str(b, S("signature"));
    } else if (str_eq(type, S("redacted_thinking"))) {
        add(rd, PART_REDACTED)->media.data = jd_get_str(b, S("data"));
    } else {
        add(rd, PART_OPAQUE)->raw = jd_text(b, rd->a);
        return;
    }
    if (*at && !rd->json)
        (*at)->extras = members_others(b, said, rd->a);
}

rc anthropic_read_reply(struct chat_reply *ret, str body, struct chat_error *error, struct arena *a,
                        struct err *e)
{
    static const char *const said[] = { "id",      "type",        "role",          "model",
                                        "content", "stop_reason", "stop_sequence", NULL };
    jval *v = NULL;
    *ret = (struct chat_reply){ .origin = DIALECT_ANTHROPIC, .usage = CHAT_USAGE_NONE };
    if (FAILED(jd_read(&v, body, a, NULL)) || !jd_is_obj(v))
        return fail(e, E_UPSTREAM, "anthropic", 0, "the upstream's answer is not a JSON object");
    if (jd_str_is(jd_get(v, S("type")), S("error")) || jd_given(jd_get(v, S("error")))) {
        anthropic_read_error(error, 0, body, a);
        error->status = chat_error_status(error->kind);
        return fail(e, E_UPSTREAM, "anthropic", 0, "the upstream answered with an error");
    }
    jval *content = jd_get(v, S("content"));
    if (!jd_is_arr(content))
        return fail(e, E_UPSTREAM, "anthropic", 0, "the upstream's answer has no content");
    struct chat_choice *c = NEW(a, struct chat_choice, 1);
    struct reading rd = { .tail = &c->parts, .a = a };
    JD_EACH (m, content)
        if (jd_is_obj(m.value))
            read_block(&rd, m.value);
    c->native_finish = jd_get_str(v, S("stop_reason"));
    c->finish = anthropic_finish(c->native_finish);
    c->stop_sequence = jd_get_str(v, S("stop_sequence"));
    if (rd.calls && (c->finish == FINISH_STOP || c->finish == FINISH_NONE))
        c->finish = FINISH_TOOL_CALLS;
    else if (!rd.calls && c->finish == FINISH_TOOL_CALLS)
        c->finish = FINISH_STOP; /* the forced JSON, or tools that the vendor ran itself */
    str why = jd_str(jd_path(v, "stop_details", "explanation", NULL));
    if (c->finish == FINISH_FILTER && why.n)
        add(&rd, PART_REFUSAL)->text = why;
    ret->choices = c;
    ret->id = jd_get_str(v, S("id"));
    ret->model = jd_get_str(v, S("model"));
    struct anthropic_counts n = { -1, -1, -1, -1, -1, -1 };
    anthropic_read_counts(&n, jd_get(v, S("usage")));
    ret->usage = anthropic_usage(&n);
    ret->service_tier = jd_str(jd_path(v, "usage", "service_tier", NULL));
    ret->extras = members_others(v, said, a);
    return RC_OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void write_text(struct jw *w, str text, str citations)
{
    jw_obj(w);
    jw_kstr(w, S("type"), S("text"));
    jw_kstr(w, S("text"), text);
    jw_kraw_if(w, S("citations"), citations);
    jw_obj_end(w);
}

static void write_thinking(struct jw *w, str text, str signature)
{
    jw_obj(w);
    jw_kstr(w, S("type"), S("thinking"));
    jw_kstr(w, S("thinking"), text);
    jw_kstr(w, S("signature"), signature);
    jw_obj_end(w);
}

static void write_call(struct jw *w, const struct chat_call *call, struct arena *a)
{
    jw_obj(w);
    jw_kstr(w, S("type"), S("tool_use"));
    jw_kstr(w, S("id"), anthropic_tool_id(a, signature_into_id(a, call->id, call->signature)));
    jw_kstr(w, S("name"), call->name);
    if (!call->custom && anthropic_is_object(call->args)) {
        jw_kraw(w, S("input"), call->args);
    } else {
        jw_kobj(w, S("input"));
        if (call->custom)
            jw_kstr(w, S("input"), call->args);
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

/* Claude's answers hold no pictures or sounds: a link in the text is what there is. */
static void write_media(struct jw *w, const struct chat_media *m)
{
    jw_obj(w);
    jw_kstr(w, S("type"), S("text"));
    jw_key(w, S("text"));
    jw_str_begin(w);
    jw_str_add(w, S("![]("));
    if (m->url.n) {
        jw_str_add(w, m->url);
    } else {
        jw_str_add(w, S("data:"));
        jw_str_add(w, m->mime);
        jw_str_add(w, S(";base64,"));
        jw_str_add(w, m->data);
    }
    jw_str_add(w, S(")"));
    jw_str_end(w);
    jw_obj_end(w);
}

static void write_block(struct jw *w, const struct chat_part *p, struct arena *a)
{
    switch (p->kind) {
    case PART_TEXT:
        if (p->text.n)
            write_text(w, p->text, p->origin == DIALECT_ANTHROPIC ? p->notes : S(""));
        if (p->signature.n)
            write_thinking(w, S(""), signature_mark(a, p->signature, p->origin, DIALECT_ANTHROPIC));
        break;
    case PART_REFUSAL:
        if (p->text.n)
            write_text(w, p->text, S(""));
        break;
    case PART_THINKING:
        write_thinking(w, p->text, signature_mark(a, p->signature, p->origin, DIALECT_ANTHROPIC));
        break;
    case PART_REDACTED:
        jw_obj(w);
        jw_kstr(w, S("type"), S("redacted_thinking"));
        jw_kstr(w, S("data"), signature_mark(a, p->media.data, p->origin, DIALECT_ANTHROPIC));
        jw_obj_end(w);
        break;
    case PART_TOOL_CALL:
        write_call(w, &p->call, a);
        break;
    case PART_IMAGE:
    case PART_AUDIO:
        if (p->media.url.n || p->media.data.n)
            write_media(w, &p->media);
        break;
    case PART_OPAQUE:
        if (p->origin == DIALECT_ANTHROPIC)
            jw_raw(w, p->raw);
        break;
    default:
        break;
    }
}

static void write_part(struct jw *w, const struct chat_part *p, struct arena *a)
{
    size_t from = w->out->n + w->comma; /* where the first block begins */
    if (p->kind == PART_REFUSAL && p->origin == DIALECT_ANTHROPIC)
        return; /* it is stop_details' explanation, which is put back */
    write_block(w, p, a);
    if (p->origin == DIALECT_ANTHROPIC && w->out->n > from)
        members_put_back(w->out, from, p->extras, a);
}

/* The vendor's own word, where it means what the answer has become. */
static str stop_reason(const struct chat_reply *r, const struct chat_choice *c,
                       enum chat_finish finish)
{
    if (r->origin == DIALECT_ANTHROPIC && c && c->native_finish.n &&
        anthropic_finish(c->native_finish) == finish)
        return c->native_finish;
    return anthropic_stop_reason(finish);
}

void anthropic_write_reply(struct buf *out, const struct chat_reply *r, const struct dialect_ctx *c)
{
    struct jw w;
    size_t from = out->n;
    const struct chat_choice *choice = r->choices;
    enum chat_finish finish = choice ? choice->finish : FINISH_STOP;
    jw_init(&w, out);
    jw_obj(&w);
    jw_key(&w, S("id"));
    jw_str_begin(&w);
    anthropic_message_id(out, r->id, c->id);
    jw_str_end(&w);
    jw_kstr(&w, S("type"), S("message"));
    jw_kstr(&w, S("role"), S("assistant"));
    jw_kstr(&w, S("model"), c->model);
    jw_karr(&w, S("content"));
    for (const struct chat_part *p = choice ? choice->parts : NULL; p; p = p->next) {
        if (p->kind == PART_TOOL_CALL && (finish == FINISH_STOP || finish == FINISH_NONE))
            finish = FINISH_TOOL_CALLS;
        write_part(&w, p, c->arena);
    }
    jw_arr_end(&w);
    jw_kstr(&w, S("stop_reason"), stop_reason(r, choice, finish));
    if (choice && finish == FINISH_STOP_SEQUENCE && choice->stop_sequence.n)
        jw_kstr(&w, S("stop_sequence"), choice->stop_sequence);
    else
        jw_knull(&w, S("stop_sequence"));
    if (finish == FINISH_FILTER)
        jw_kraw(&w, S("stop_details"),
                S("{\"type\":\"refusal\",\"category\":null,\"explanation\":null}"));
    else
        jw_knull(&w, S("stop_details"));
    jw_key(&w, S("usage"));
    anthropic_write_usage(&w, &r->usage);
    jw_obj_end(&w);
    if (r->origin == DIALECT_ANTHROPIC)
        members_put_back(out, from, r->extras, c->arena);
}
