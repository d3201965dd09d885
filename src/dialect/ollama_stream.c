/* ollama_stream.c - Ollama's streams: one JSON object a line, the last one with done:true.
 *
 * Calls come whole, each with arguments that are an object; so they are gathered before they are
 * written.
 */
#include "dialect/ollama_internal.h"

/* ---- reading -------------------------------------------------------------------------------- */

static void emit(struct chat_sink *sink, struct chat_event ev)
{
    ev.origin = DIALECT_OLLAMA;
    sink->emit(sink, &ev);
}

static void emit_text(void *to, bool thinking, str text)
{
    emit(to, (struct chat_event){ .kind = thinking ? EV_THINKING : EV_TEXT, .text = text });
}

static void read_calls(struct ollama_reader *s, jval *calls, struct chat_sink *sink,
                       struct arena *a)
{
    JD_EACH (call, calls) {
        jval *function = jd_get(call.value, S("function"));
        jval *args = jd_get(function, S("arguments"));
        str id = jd_get_str(call.value, S("id"));
        struct chat_event ev = { .kind = EV_CALL,
                                 .call = s->calls++,
                                 .id = id.n ? id : chat_new_id(a, S("call_")),
                                 .name = jd_get_str(function, S("name")) };
        emit(sink, ev);
        ev.id = ev.name = (str){ 0 };
        ev.kind = EV_ARGS;
        ev.text = jd_is_str(args) ? jd_str(args) : jd_text(args, a);
        if (ev.text.n)
            emit(sink, ev);
        ev.kind = EV_CALL_END;
        ev.text = (str){ 0 };
        emit(sink, ev);
    }
}

static void read_done(struct ollama_reader *s, jval *v, struct chat_sink *sink)
{
    struct chat_usage u;
    str word = jd_get_str(v, S("done_reason"));
    enum chat_finish finish = ollama_finish_of(word);
    ollama_tags_end(&s->tags, emit_text, sink);
    s->finished = true;
    ollama_read_usage(&u, v);
    if (u.seen)
        emit(sink, (struct chat_event){ .kind = EV_USAGE, .usage = &u });
    emit(sink, (struct chat_event){ .kind = EV_FINISH,
                                    .finish = s->calls && finish == FINISH_STOP ? FINISH_TOOL_CALLS
                                                                                : finish,
                                    .text = word });
}

static void read_error(jval *v, struct chat_sink *sink, struct arena *a)
{
    struct chat_error error;
    ollama_read_error(&error, 500, jd_text(v, a), a);
    error.status = 0;
    emit(sink, (struct chat_event){ .kind = EV_ERROR, .error = &error });
}

static void read_line(struct ollama_reader *s, jval *v, struct chat_sink *sink, struct arena *a)
{
    jval *message = jd_get(v, S("message")), *from = message ? message : v;
    str thinking = jd_get_str(from, S("thinking"));
    if (!s->started)
        emit(sink, (struct chat_event){ .kind = EV_START,
                                        .model = jd_get_str(v, S("model")),
                                        .n = ollama_time(jd_get_str(v, S("created_at"))) });
    s->started = true;
    if (thinking.n) {
        s->tags.state = 2; /* it keeps its thoughts apart: no tags to look for */
        emit_text(sink, true, thinking);
    }
    ollama_tags_push(&s->tags, jd_get_str(from, message ? S("content") : S("response")), emit_text,
                     sink);
    jval *logprobs = jd_get(v, S("logprobs"));
    if (jd_is_arr(logprobs) && jd_count(logprobs))
        emit(sink, (struct chat_event){ .kind = EV_LOGPROBS,
                                        .text = arena_fmt(a, "{\"content\":%.*s,\"refusal\":null}",
                                                          STRF(jd_text(logprobs, a))) });
    read_calls(s, jd_get(from, S("tool_calls")), sink, a);
    if (jd_is_true(jd_get(v, S("done"))))
        read_done(s, v, sink);
}

rc ollama_read_event(void *state, const struct sse_event *ev, struct chat_sink *sink,
                     struct arena *a, struct err *e)
{
    (void)a; /* lines are read in memory of their own: a stream may have many */
    struct ollama_reader *s = state;
    str data = str_trim(ev->data);
    if (data.n == 0 || s->finished)
        return RC_OK;
    ARENA_ON_STACK(line);
    jval *v = NULL;
    rc got = jd_read(&v, data, &line, e);
    if (FAILED(got) || !jd_is_obj(v))
        got = fail(e, E_UPSTREAM, "ollama", 0, "a line of Ollama's stream is not a JSON object");
    else if (jd_given(jd_get(v, S("error"))))
        read_error(v, sink, &line);
    else
        read_line(s, v, sink, &line);
    arena_done(&line);
    return got;
}

bool ollama_read_end(void *state, struct chat_sink *sink)
{
    struct ollama_reader *s = state;
    return s->finished;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void end_line(struct jw *w, struct buf *out)
{
    while (w->depth)
        jw_obj_end(w);
    buf_chr(out, '\n');
}

/* A line up to the message's content, which is text. */
static void begin_line(struct ollama_writer *s, struct jw *w, struct buf *out, bool generate,
                       str text, const struct dialect_ctx *c)
{
    jw_init(w, out);
    jw_obj(w);
    ollama_write_head(w, c, s->at);
    if (generate) {
        jw_kstr(w, S("response"), text);
        return;
    }
    jw_kobj(w, S("message"));
    jw_kstr(w, S("role"), S("assistant"));
    jw_kstr(w, S("content"), text);
}

static void end_message(struct jw *w, bool generate)
{
    if (!generate)
        jw_obj_end(w);
}

static void write_piece(struct ollama_writer *s, struct buf *out, bool generate, str text,
                        str thinking, const struct dialect_ctx *c)
{
    struct jw w;
    begin_line(s, &w, out, generate, text, c);
    jw_kstr_if(&w, S("thinking"), thinking);
    end_message(&w, generate);
    jw_kbool(&w, S("done"), false);
    end_line(&w, out);
}

/* In the arena and doubling: calls are few, and a writer's state is not told when it ends. */
static void add_args(struct ollama_writer *s, str more, struct arena *a)
{
    if (more.n > s->args_cap - s->args_n) {
        size_t cap = s->args_cap ? s->args_cap * 2 : 256;
        while (cap - s->args_n < more.n)
            cap *= 2;
        char *p = arena_alloc(a, 1, 1, cap);
        if (s->args_n)
            memcpy(p, s->args, s->args_n);
        s->args = p;
        s->args_cap = cap;
    }
    if (more.n)
        memcpy(s->args + s->args_n, more.p, more.n);
    s->args_n += more.n;
}

static void begin_call(struct ollama_writer *s, const struct chat_event *ev, struct arena *a)
{
    s->args_n = 0;
    s->id = arena_dup(a, ev->id);
    s->name = arena_dup(a, ev->name);
    s->signature = ev->text.n ? arena_dup(a, ev->text) : (str){ 0 };
}

static void write_call(struct ollama_writer *s, struct buf *out, const struct chat_event *ev,
                       bool generate, const struct dialect_ctx *c)
{
    struct jw w;
    struct chat_call call = { .id = s->id,
                              .name = s->name,
                              .args = { s->args, s->args_n },
                              .custom = ev->custom,
                              .signature = s->signature };
    begin_line(s, &w, out, generate, (str){ 0 }, c);
    jw_karr(&w, S("tool_calls"));
    ollama_write_call(&w, &call, ev->call, c->arena);
    jw_arr_end(&w);
    end_message(&w, generate);
    jw_kbool(&w, S("done"), false);
    end_line(&w, out);
}

static void write_done(struct ollama_writer *s, struct buf *out, bool generate,
                       const struct dialect_ctx *c)
{
    static const struct chat_usage none = { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, false };
    struct jw w;
    begin_line(s, &w, out, generate, (str){ 0 }, c);
    end_message(&w, generate);
    ollama_write_tail(&w, (enum chat_finish)s->finish, s->usage.seen ? &s->usage : &none,
                      s->first_ns, c);
    end_line(&w, out);
}

void ollama_write_stream_error(struct buf *out, const struct chat_error *err)
{
    ollama_write_error(out, err, NULL);
    buf_chr(out, '\n');
}

static void write_event(struct ollama_writer *s, struct buf *out, const struct chat_event *ev,
                        bool generate, const struct dialect_ctx *c)
{
    struct jw w;
    if (ev->choice > 0) /* Ollama has one alternative */
        return;
    if (!s->first_ns && c->started_ns)
        s->first_ns = clock_mono_ns();
    switch (ev->kind) {
    case EV_TEXT:
    case EV_REFUSAL:
        write_piece(s, out, generate, ev->text, (str){ 0 }, c);
        break;
    case EV_THINKING:
        write_piece(s, out, generate, (str){ 0 }, ev->text, c);
        break;
    case EV_CALL:
        begin_call(s, ev, c->arena);
        break;
    case EV_ARGS:
        add_args(s, ev->text, c->arena);
        break;
    case EV_CALL_END:
        write_call(s, out, ev, generate, c);
        break;
    case EV_LOGPROBS: /* of the text just before: in a line of their own */
        begin_line(s, &w, out, generate, (str){ 0 }, c);
        end_message(&w, generate);
        ollama_write_logprobs(&w, ev->text);
        jw_kbool(&w, S("done"), false);
        end_line(&w, out);
        break;
    case EV_FINISH:
        s->finish = (uint8_t)ev->finish;
        break;
    case EV_USAGE:
        s->usage = *ev->usage;
        break;
    case EV_ERROR:
        ollama_write_stream_error(out, ev->error);
        break;
    case EV_DONE:
        write_done(s, out, generate, c);
        break;
    case EV_START: /* every line says it all */
    case EV_SIGNATURE:
    case EV_REDACTED:
    case EV_MEDIA:
    case EV_NOTES:
    case EV_OPAQUE:
        break;
    }
}

void ollama_write_event(void *state, struct buf *out, const struct chat_event *ev,
                        const struct dialect_ctx *c)
{
    write_event(state, out, ev, false, c);
}

void ollama_write_generate_event(void *state, struct buf *out, const struct chat_event *ev,
                                 const struct dialect_ctx *c)
{
    write_event(state, out, ev, true, c);
}

/* Blank lines break the Go client: an empty piece instead. */
void ollama_write_keepalive(void *state, struct buf *out, const struct dialect_ctx *c)
{
    struct ollama_writer none = { 0 };
    write_piece(state ? state : &none, out, false, (str){ 0 }, (str){ 0 }, c);
}

void ollama_write_generate_keepalive(void *state, struct buf *out, const struct dialect_ctx *c)
{
    struct ollama_writer none = { 0 };
    write_piece(state ? state : &none, out, true, (str){ 0 }, (str){ 0 }, c);
}

/* ---- relay ---------------------------------------------------------------------------------- */

static int64_t count_of(const struct json_member *m)
{
    uint64_t n;
    return m->kind == JSON_NUMBER && str_to_u64(m->value, &n) && n <= INT64_MAX ? (int64_t)n : -1;
}

static void take_usage(struct dialect_relay *rl, const struct json_member *prompt,
                       const struct json_member *completion)
{
    struct chat_usage u = CHAT_USAGE_NONE;
    u.prompt = count_of(prompt);
    u.completion = count_of(completion);
    u.seen = u.prompt >= 0 || u.completion >= 0;
    if (u.prompt >= 0 && u.completion >= 0 &&
        __builtin_add_overflow(u.prompt, u.completion, &u.total))
        u.total = -1;
    if (u.seen)
        rl->usage = u;
}

/* One object, whole answer or line: one scan, no tree. */
static rc relay_object(struct dialect_relay *rl, struct buf *out, str text, struct err *e)
{
    enum { MODEL, DONE, ERROR, PROMPT, COMPLETION, WANTED };
    struct json_member m[WANTED] = {
        [MODEL] = { .name = S("model") },           [DONE] = { .name = S("done") },
        [ERROR] = { .name = S("error") },           [PROMPT] = { .name = S("prompt_eval_count") },
        [COMPLETION] = { .name = S("eval_count") },
    };
    enum json_kind top = JSON_NONE;
    if (FAILED(json_scan(text, m, WANTED, &top, e)) || top != JSON_OBJECT)
        return fail(e, E_UPSTREAM, "ollama", 0, "Ollama's answer is not a JSON object");
    if (m[ERROR].kind != JSON_NONE && m[ERROR].kind != JSON_NULL) {
        rl->failed = true;
        ollama_read_error(&rl->error, 500, text, rl->arena);
    } else if (m[DONE].kind == JSON_TRUE) {
        rl->finished = true;
        take_usage(rl, &m[PROMPT], &m[COMPLETION]);
    } else {
        rl->first_content = true;
    }
    if (m[MODEL].kind != JSON_STRING || !rl->model.n) {
        buf_add(out, text);
        return RC_OK;
    }
    size_t at = (size_t)(m[MODEL].value.p - text.p);
    buf_add(out, str_take(text, at));
    json_quote(out, rl->model);
    buf_add(out, str_skip(text, at + m[MODEL].value.n));
    return RC_OK;
}

rc ollama_relay_reply(struct dialect_relay *rl, struct buf *out, str body, struct err *e)
{
    return relay_object(rl, out, body, e);
}

rc ollama_relay_event(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                      struct err *e)
{
    TRY(relay_object(rl, out, ev->data, e));
    buf_chr(out, '\n');
    return RC_OK;
}
