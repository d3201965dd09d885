/* cohere_stream.c - Cohere's streams: server-sent events named by type, `data: [DONE]` last.
 *
 * Reading also takes the same objects as bare JSON lines, and v1's JSON lines (event_type).
 */
#include "dialect/cohere_internal.h"
#include "dialect/relay.h"
#include "dialect/signature.h"

static void emit(struct chat_sink *sink, struct chat_event ev)
{
    ev.origin = DIALECT_COHERE;
    sink->emit(sink, &ev);
}

static void emit_text(struct chat_sink *sink, enum chat_event_kind kind, str text)
{
    if (text.n)
        emit(sink, (struct chat_event){ .kind = kind, .text = text });
}

/* ---- reading -------------------------------------------------------------------------------- */

static void end_call(struct cohere_reader *s, struct chat_sink *sink)
{
    if (s->call_open)
        emit(sink, (struct chat_event){ .kind = EV_CALL_END, .call = s->open });
    s->call_open = false;
}

static void start_call(struct cohere_reader *s, struct chat_sink *sink, str id, str name)
{
    end_call(s, sink);
    s->open = s->calls++;
    s->call_open = true;
    emit(sink, (struct chat_event){ .kind = EV_CALL, .call = s->open, .id = id, .name = name });
}

static void args(struct cohere_reader *s, struct chat_sink *sink, str text)
{
    if (text.n && s->call_open)
        emit(sink, (struct chat_event){ .kind = EV_ARGS, .call = s->open, .text = text });
}

static void on_start(struct cohere_reader *s, jval *v, struct chat_sink *sink, struct arena *a)
{
    emit(sink, (struct chat_event){ .kind = EV_START, .id = jd_get_str(v, S("id")) });
}

static void on_content(struct cohere_reader *s, jval *v, struct chat_sink *sink, struct arena *a)
{
    jval *content = jd_path(v, "delta", "message", "content", NULL);
    jval *thought = jd_get(content, S("thinking"));
    s->thinking = s->thinking || thought;
    emit_text(sink, EV_THINKING, jd_str(thought));
    emit_text(sink, EV_TEXT, jd_get_str(content, S("text")));
    jval *logprobs = jd_get(v, S("logprobs"));
    if (jd_is_arr(logprobs))
        emit_text(sink, EV_LOGPROBS, cohere_logprobs(logprobs, a));
}

/* One event's logprobs are one object, not a list. */
static void on_delta(struct cohere_reader *s, jval *v, struct chat_sink *sink, struct arena *a)
{
    jval *one = jd_get(v, S("logprobs")), *list = NULL;
    on_content(s, v, sink, a);
    if (!jd_is_obj(one))
        return;
    str text = arena_fmt(a, "[%.*s]", STRF(jd_text(one, a)));
    if (!FAILED(jd_read(&list, text, a, NULL)))
        emit_text(sink, EV_LOGPROBS, cohere_logprobs(list, a));
}

static void on_plan(struct cohere_reader *s, jval *v, struct chat_sink *sink, struct arena *a)
{
    emit_text(sink, s->thinking ? EV_THINKING : EV_TEXT,
              jd_str(jd_path(v, "delta", "message", "tool_plan", NULL)));
}

static void on_call_start(struct cohere_reader *s, jval *v, struct chat_sink *sink, struct arena *a)
{
    jval *calls = jd_path(v, "delta", "message", "tool_calls", NULL);
    jval *call = jd_is_arr(calls) ? jd_at(calls, 0) : calls;
    jval *function = jd_get(call, S("function"));
    str id = jd_get_str(call, S("id"));
    start_call(s, sink, id.n ? id : chat_new_id(a, S("call_")), jd_get_str(function, S("name")));
    args(s, sink, jd_get_str(function, S("arguments")));
}

static void on_call_delta(struct cohere_reader *s, jval *v, struct chat_sink *sink, struct arena *a)
{
    jval *calls = jd_path(v, "delta", "message", "tool_calls", NULL);
    jval *call = jd_is_arr(calls) ? jd_at(calls, 0) : calls;
    args(s, sink, jd_str(jd_path(call, "function", "arguments", NULL)));
}

static void on_call_end(struct cohere_reader *s, jval *v, struct chat_sink *sink, struct arena *a)
{
    end_call(s, sink);
}

static void on_citation(struct cohere_reader *s, jval *v, struct chat_sink *sink, struct arena *a)
{
    jval *c = jd_path(v, "delta", "message", "citations", NULL);
    if (jd_is_obj(c))
        emit_text(sink, EV_NOTES, arena_fmt(a, "[%.*s]", STRF(jd_text(c, a))));
    else if (jd_count(c))
        emit_text(sink, EV_NOTES, jd_text(c, a));
}

static void emit_error(struct chat_sink *sink, str message, enum chat_error_kind kind,
                       struct arena *a)
{
    struct chat_error error = { .kind = kind, .message = message, .retry_after_ms = -1 };
    chat_error_complete(&error, a);
    emit(sink, (struct chat_event){ .kind = EV_ERROR, .error = &error });
}

static void finish(struct cohere_reader *s, str word, jval *usage, str error,
                   struct chat_sink *sink, struct arena *a)
{
    enum chat_finish f = cohere_finish_of(word);
    struct chat_usage u;
    end_call(s, sink);
    s->finished = true;
    cohere_read_usage(&u, usage);
    if (u.seen)
        emit(sink, (struct chat_event){ .kind = EV_USAGE, .usage = &u });
    if (f == FINISH_ERROR || error.n)
        emit_error(sink, error.n ? error : S("Cohere broke the answer off with an error"),
                   str_eq(word, S("TIMEOUT")) ? ERR_TIMEOUT : ERR_SERVER, a);
    else
        emit(sink,
             (struct chat_event){ .kind = EV_FINISH,
                                  .finish = s->calls && f == FINISH_STOP ? FINISH_TOOL_CALLS : f,
                                  .text = word });
}

static void on_end(struct cohere_reader *s, jval *v, struct chat_sink *sink, struct arena *a)
{
    jval *delta = jd_get(v, S("delta")), *error = jd_get(delta, S("error"));
    finish(s, jd_get_str(delta, S("finish_reason")), jd_get(delta, S("usage")),
           jd_is_obj(error) ? jd_get_str(error, S("message")) : jd_str(error), sink, a);
}

/* v1 */

static void on_v1_start(struct cohere_reader *s, jval *v, struct chat_sink *sink, struct arena *a)
{
    s->v1 = true;
    emit(sink, (struct chat_event){ .kind = EV_START, .id = jd_get_str(v, S("generation_id")) });
}

static void on_v1_text(struct cohere_reader *s, jval *v, struct chat_sink *sink, struct arena *a)
{
    emit_text(sink, EV_TEXT, jd_get_str(v, S("text")));
}

static void on_v1_citations(struct cohere_reader *s, jval *v, struct chat_sink *sink,
                            struct arena *a)
{
    jval *list = jd_get(v, S("citations"));
    if (jd_count(list))
        emit_text(sink, EV_NOTES, jd_text(list, a));
}

static void on_v1_calls(struct cohere_reader *s, jval *v, struct chat_sink *sink, struct arena *a)
{
    JD_EACH (call, jd_get(v, S("tool_calls"))) {
        start_call(s, sink, chat_new_id(a, S("call_")), jd_get_str(call.value, S("name")));
        args(s, sink, jd_text(jd_get(call.value, S("parameters")), a));
        end_call(s, sink);
    }
}

static void on_v1_end(struct cohere_reader *s, jval *v, struct chat_sink *sink, struct arena *a)
{
    finish(s, jd_get_str(v, S("finish_reason")), jd_path(v, "response", "meta", NULL), (str){ 0 },
           sink, a);
}

static const struct {
    str type;
    void (*on)(struct cohere_reader *s, jval *v, struct chat_sink *sink, struct arena *a);
} types[] = {
    { S("content-delta"), on_delta },
    { S("tool-call-delta"), on_call_delta },
    { S("tool-plan-delta"), on_plan },
    { S("message-start"), on_start },
    { S("content-start"), on_content },
    { S("tool-call-start"), on_call_start },
    { S("tool-call-end"), on_call_end },
    { S("citation-start"), on_citation },
    { S("message-end"), on_end },
    { S("stream-start"), on_v1_start },
    { S("text-generation"), on_v1_text },
    { S("citation-generation"), on_v1_citations },
    { S("tool-calls-generation"), on_v1_calls },
    { S("stream-end"), on_v1_end },
};

static rc read_frame(struct cohere_reader *s, jval *v, struct chat_sink *sink, struct arena *a,
                     struct err *e)
{
    str type = jd_get_str(v, S("type"));
    if (!type.n)
        type = jd_get_str(v, S("event_type"));
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (str_eq(types[i].type, type)) {
            types[i].on(s, v, sink, a);
            return RC_OK;
        }
    }
    if (!type.n && jd_is_str(jd_get(v, S("message"))))
        emit_error(sink, jd_get_str(v, S("message")), ERR_SERVER, a);
    return RC_OK;
}

rc cohere_read_event(void *state, const struct sse_event *ev, struct chat_sink *sink,
                     struct arena *a, struct err *e)
{
    (void)a; /* frames are read in memory of their own: a stream may have many */
    struct cohere_reader *s = state;
    str data = str_trim(ev->data);
    if (data.n == 0 || str_eq(data, S("[DONE]")) || s->finished)
        return RC_OK;
    ARENA_ON_STACK(frame);
    jval *v = NULL;
    rc got = jd_read(&v, data, &frame, e);
    if (FAILED(got) || !jd_is_obj(v))
        got = fail(e, E_UPSTREAM, "cohere", 0, "a frame of Cohere's stream is not a JSON object");
    else
        got = read_frame(s, v, sink, &frame, e);
    arena_done(&frame);
    return got;
}

bool cohere_read_end(void *state, struct chat_sink *sink)
{
    struct cohere_reader *s = state;
    return s->finished;
}

/* ---- writing -------------------------------------------------------------------------------- */

enum cohere_block { BLOCK_NONE, BLOCK_TEXT, BLOCK_THINKING, BLOCK_CALL };

/* "event: T\ndata: {"type":"T", */
static void begin(struct jw *w, struct buf *out, str type)
{
    buf_add(out, S("event: "));
    buf_add(out, type);
    buf_add(out, S("\ndata: "));
    jw_init(w, out);
    jw_obj(w);
    jw_kstr(w, S("type"), type);
}

static void begin_indexed(struct jw *w, struct buf *out, str type, uint32_t index)
{
    begin(w, out, type);
    jw_ku64(w, S("index"), index);
}

/* Ends every open object. */
static void end(struct jw *w, struct buf *out)
{
    while (w->depth)
        jw_obj_end(w);
    buf_add(out, S("\n\n"));
}

static void open_message(struct jw *w)
{
    jw_kobj(w, S("delta"));
    jw_kobj(w, S("message"));
}

static void write_start(struct cohere_writer *s, struct buf *out, str id)
{
    struct jw w;
    if (s->started)
        return;
    s->started = true;
    s->usage = CHAT_USAGE_NONE;
    begin(&w, out, S("message-start"));
    jw_kstr(&w, S("id"), id);
    open_message(&w);
    jw_kstr(&w, S("role"), S("assistant"));
    jw_kraw(&w, S("content"), S("[]"));
    jw_kstr(&w, S("tool_plan"), (str){ 0 });
    jw_kraw(&w, S("tool_calls"), S("[]"));
    jw_kraw(&w, S("citations"), S("[]"));
    end(&w, out);
}

static void close_block(struct cohere_writer *s, struct buf *out)
{
    struct jw w;
    if (s->open != BLOCK_TEXT && s->open != BLOCK_THINKING)
        return;
    begin_indexed(&w, out, S("content-end"), s->index++);
    end(&w, out);
    s->open = BLOCK_NONE;
}

static void open_block(struct cohere_writer *s, struct buf *out, enum cohere_block kind)
{
    struct jw w;
    if (s->open == kind)
        return;
    close_block(s, out);
    s->open = (uint8_t)kind;
    begin_indexed(&w, out, S("content-start"), s->index);
    open_message(&w);
    jw_kobj(&w, S("content"));
    jw_kstr(&w, S("type"), kind == BLOCK_TEXT ? S("text") : S("thinking"));
    jw_kstr(&w, kind == BLOCK_TEXT ? S("text") : S("thinking"), (str){ 0 });
    end(&w, out);
}

static void write_delta(struct cohere_writer *s, struct buf *out, enum cohere_block kind, str text)
{
    struct jw w;
    open_block(s, out, kind);
    begin_indexed(&w, out, S("content-delta"), s->index);
    open_message(&w);
    jw_kobj(&w, S("content"));
    jw_kstr(&w, kind == BLOCK_TEXT ? S("text") : S("thinking"), text);
    end(&w, out);
}

/* Not Cohere's: a caller that sends the block back lets the thinking's own vendor have it. */
static void write_signature(struct cohere_writer *s, struct buf *out, const struct chat_event *ev)
{
    struct jw w;
    struct arena a;
    if (s->open != BLOCK_THINKING)
        return;
    arena_init(&a);
    begin_indexed(&w, out, S("content-delta"), s->index);
    open_message(&w);
    jw_kobj(&w, S("content"));
    jw_kstr(&w, S("thinking"), (str){ 0 });
    jw_kstr(&w, S("signature"), signature_mark(&a, ev->text, ev->origin, DIALECT_COHERE));
    end(&w, out);
    arena_done(&a);
}

static void write_call(struct cohere_writer *s, struct buf *out, const struct chat_event *ev)
{
    struct jw w;
    struct arena a;
    close_block(s, out);
    arena_init(&a);
    begin_indexed(&w, out, S("tool-call-start"), ev->call);
    open_message(&w);
    jw_kobj(&w, S("tool_calls"));
    jw_kstr(&w, S("id"), signature_into_id(&a, ev->id, ev->text));
    jw_kstr(&w, S("type"), S("function"));
    jw_kobj(&w, S("function"));
    jw_kstr(&w, S("name"), ev->name);
    jw_kstr(&w, S("arguments"), (str){ 0 });
    end(&w, out);
    arena_done(&a);
}

static void write_args(struct buf *out, uint32_t call, str text)
{
    struct jw w;
    begin_indexed(&w, out, S("tool-call-delta"), call);
    open_message(&w);
    jw_kobj(&w, S("tool_calls"));
    jw_kobj(&w, S("function"));
    jw_kstr(&w, S("arguments"), text);
    end(&w, out);
}

static void write_call_end(struct buf *out, uint32_t call)
{
    struct jw w;
    begin_indexed(&w, out, S("tool-call-end"), call);
    end(&w, out);
}

static void write_citations(struct cohere_writer *s, struct buf *out, str json)
{
    struct arena a;
    jval *list = NULL;
    arena_init(&a);
    if (!FAILED(jd_read(&list, json, &a, NULL)) && jd_is_arr(list)) {
        JD_EACH (c, list) {
            struct jw w;
            begin_indexed(&w, out, S("citation-start"), s->citations);
            open_message(&w);
            jw_kval(&w, S("citations"), c.value);
            end(&w, out);
            begin_indexed(&w, out, S("citation-end"), s->citations++);
            end(&w, out);
        }
    }
    arena_done(&a);
}

struct logprob_sink {
    struct buf *out;
    uint32_t index;
};

static void write_logprob(void *to, str json)
{
    struct logprob_sink *sink = to;
    struct jw w;
    begin_indexed(&w, sink->out, S("content-delta"), sink->index);
    jw_kobj(&w, S("delta"));
    jw_kobj(&w, S("message"));
    jw_kobj(&w, S("content"));
    jw_kstr(&w, S("text"), (str){ 0 });
    jw_obj_end(&w);
    jw_obj_end(&w);
    jw_obj_end(&w);
    jw_kraw(&w, S("logprobs"), json);
    end(&w, sink->out);
}

/* They follow the text that they are of: in deltas of their own, without text. */
static void write_logprobs(struct cohere_writer *s, struct buf *out, str openai)
{
    struct logprob_sink sink = { out, s->index };
    struct arena a;
    if (s->open != BLOCK_TEXT)
        return;
    arena_init(&a);
    cohere_each_logprob(openai, &a, write_logprob, &sink);
    arena_done(&a);
}

static void write_done(struct cohere_writer *s, struct buf *out, str id)
{
    struct jw w;
    close_block(s, out);
    begin(&w, out, S("message-end"));
    jw_kstr(&w, S("id"), id);
    jw_kobj(&w, S("delta"));
    jw_kstr(&w, S("finish_reason"), cohere_finish_word((enum chat_finish)s->finish));
    cohere_write_usage(&w, &s->usage);
    end(&w, out);
    buf_add(out, S("data: [DONE]\n\n"));
}

void cohere_write_stream_error(struct buf *out, const struct chat_error *err)
{
    struct jw w;
    begin(&w, out, S("message-end"));
    jw_kobj(&w, S("delta"));
    jw_kstr(&w, S("finish_reason"), S("ERROR"));
    jw_kstr(&w, S("error"), err->message);
    end(&w, out);
}

void cohere_write_event(void *state, struct buf *out, const struct chat_event *ev,
                        const struct dialect_ctx *c)
{
    struct cohere_writer *s = state;
    if (ev->choice > 0) /* Cohere has one alternative */
        return;
    switch (ev->kind) {
    case EV_START:
        write_start(s, out, ev->id.n ? ev->id : c->id);
        break;
    case EV_TEXT:
    case EV_REFUSAL:
        write_delta(s, out, BLOCK_TEXT, ev->text);
        break;
    case EV_THINKING:
        write_delta(s, out, BLOCK_THINKING, ev->text);
        break;
    case EV_SIGNATURE:
        write_signature(s, out, ev);
        break;
    case EV_CALL:
        write_call(s, out, ev);
        break;
    case EV_ARGS:
        write_args(out, ev->call, ev->text);
        break;
    case EV_CALL_END:
        write_call_end(out, ev->call);
        break;
    case EV_NOTES:
        if (ev->origin == DIALECT_COHERE)
            write_citations(s, out, ev->text);
        break;
    case EV_FINISH:
        s->finish = (uint8_t)ev->finish;
        break;
    case EV_USAGE:
        s->usage = *ev->usage;
        break;
    case EV_ERROR:
        close_block(s, out);
        cohere_write_stream_error(out, ev->error);
        break;
    case EV_DONE:
        write_done(s, out, c->id);
        break;
    case EV_LOGPROBS:
        write_logprobs(s, out, ev->text);
        break;
    case EV_REDACTED:
    case EV_MEDIA:
    case EV_OPAQUE:
        break; /* no place for them in Cohere's stream */
    }
}

/* A comment: Cohere's SDKs read by an event-stream parser. */
void cohere_write_keepalive(void *state, struct buf *out, const struct dialect_ctx *c)
{
    buf_add(out, S(": keep-alive\n\n"));
}

/* ---- relay ---------------------------------------------------------------------------------- */

static void relay_error(struct dialect_relay *rl, str message, enum chat_error_kind kind)
{
    rl->failed = true;
    rl->error = (struct chat_error){ .kind = kind,
                                     .message = arena_dup(rl->arena, message),
                                     .retry_after_ms = -1 };
    chat_error_complete(&rl->error, rl->arena);
}

/* Cohere's answers name no model: nothing to change. */
rc cohere_relay_reply(struct dialect_relay *rl, struct buf *out, str body, struct err *e)
{
    struct arena a;
    jval *v = NULL;
    arena_init(&a);
    rc got = jd_read(&v, body, &a, e);
    if (FAILED(got) || !jd_is_obj(v)) {
        got = fail(e, E_UPSTREAM, "cohere", 0, "Cohere's answer is not a JSON object");
    } else if (jd_is_obj(jd_get(v, S("message")))) {
        cohere_read_usage(&rl->usage, jd_get(v, S("usage")));
        rl->finished = true;
    } else {
        cohere_read_error(&rl->error, 502, body, rl->arena);
        rl->failed = true;
    }
    if (!FAILED(got))
        buf_add(out, body);
    arena_done(&a);
    return got;
}

static void relay_end(struct dialect_relay *rl, str data)
{
    struct arena a;
    jval *v = NULL;
    rl->finished = true;
    arena_init(&a);
    if (!FAILED(jd_read(&v, data, &a, NULL))) {
        jval *delta = jd_get(v, S("delta"));
        str word = jd_get_str(delta, S("finish_reason"));
        struct chat_usage u;
        cohere_read_usage(&u, jd_get(delta, S("usage")));
        if (u.seen)
            rl->usage = u;
        if (cohere_finish_of(word) == FINISH_ERROR)
            relay_error(rl, jd_get_str(delta, S("error")),
                        str_eq(word, S("TIMEOUT")) ? ERR_TIMEOUT : ERR_SERVER);
    }
    arena_done(&a);
}

rc cohere_relay_event(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                      struct err *e)
{
    str type = ev->event;
    if (!type.n && str_contains(str_take(ev->data, 256), S("\"message-end\"")))
        type = S("message-end");
    if (str_eq(type, S("message-end")))
        relay_end(rl, ev->data);
    else if (!str_eq(type, S("message-start")))
        rl->first_content = true;
    relay_frame(out, ev);
    return RC_OK;
}
