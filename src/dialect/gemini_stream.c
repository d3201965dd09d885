/* Streamed answers: every frame is a small answer. */
#include "dialect/gemini_internal.h"

/* ---- reading -------------------------------------------------------------------------------- */

_Static_assert(sizeof(struct gemini_stream_reader) <= 256, "a stream costs bytes");

static void emit(struct chat_sink *sink, struct chat_event ev)
{
    ev.origin = DIALECT_GEMINI;
    sink->emit(sink, &ev);
}

static void emit_call(struct gemini_stream_reader *s, uint32_t choice, jval *call, str signature,
                      struct chat_sink *sink, struct arena *a)
{
    uint32_t ordinal = s->calls[choice]++;
    jval *args = jd_get(call, S("args"));
    str id = jd_get_str(call, S("id"));
    emit(sink, (struct chat_event){ .kind = EV_CALL,
                                    .choice = choice,
                                    .call = ordinal,
                                    .id = id.n ? id : chat_new_id(a, S("call_")),
                                    .name = jd_get_str(call, S("name")),
                                    .text = signature });
    emit(sink, (struct chat_event){ .kind = EV_ARGS,
                                    .choice = choice,
                                    .call = ordinal,
                                    .text = jd_is_obj(args) ? jd_text(args, a) : S("{}") });
    emit(sink, (struct chat_event){ .kind = EV_CALL_END, .choice = choice, .call = ordinal });
}

static void read_part(struct gemini_stream_reader *s, uint32_t choice, jval *v,
                      struct chat_sink *sink, struct arena *a)
{
    str signature = jd_get_str(v, S("thoughtSignature"));
    jval *call = jd_get(v, S("functionCall"));
    jval *data = jd_get(v, S("inlineData"));
    str text = jd_get_str(v, S("text"));
    if (jd_is_obj(call)) {
        emit_call(s, choice, call, signature, sink, a);
    } else if (jd_is_obj(data)) {
        struct chat_part part = { .kind = PART_IMAGE };
        gemini_read_media(&part, data, NULL, a);
        emit(sink, (struct chat_event){ .kind = EV_MEDIA, .choice = choice, .media = &part.media });
    } else if (jd_is_str(jd_get(v, S("text"))) || (signature.n && jd_count(v) == 1)) {
        bool thought = jd_is_true(jd_get(v, S("thought")));
        if (text.n)
            emit(sink, (struct chat_event){ .kind = thought ? EV_THINKING : EV_TEXT,
                                            .choice = choice,
                                            .text = text });
        if (signature.n)
            emit(sink,
                 (struct chat_event){ .kind = EV_SIGNATURE, .choice = choice, .text = signature });
    } else if (jd_is_obj(v) && jd_count(v)) {
        emit(sink,
             (struct chat_event){ .kind = EV_OPAQUE, .choice = choice, .text = jd_text(v, a) });
    }
}

/* The text is gone by the time its citations come, so bytes cannot be counted as characters any
 * more: the sources are told without their places. */
static void emit_notes(uint32_t choice, jval *grounding, struct chat_sink *sink, struct arena *a)
{
    str notes = gemini_notes(grounding, (str){ 0 }, a);
    if (notes.n)
        emit(sink, (struct chat_event){ .kind = EV_NOTES, .choice = choice, .text = notes });
}

static void read_candidate(struct gemini_stream_reader *s, jval *v, struct chat_sink *sink,
                           struct arena *a)
{
    int64_t index = gemini_i64(jd_get(v, S("index")), 0);
    if (index < 0 || index >= GEMINI_CHOICES_MAX)
        return;
    uint32_t choice = (uint32_t)index;
    s->seen |= (uint8_t)(1u << choice);
    JD_EACH (m, jd_get(jd_get(v, S("content")), S("parts")))
        read_part(s, choice, m.value, sink, a);
    str logprobs = gemini_logprobs(jd_get(v, S("logprobsResult")), a);
    if (logprobs.n)
        emit(sink, (struct chat_event){ .kind = EV_LOGPROBS, .choice = choice, .text = logprobs });
    emit_notes(choice, jd_get(v, S("groundingMetadata")), sink, a);
    str native;
    enum chat_finish finish = gemini_finish_of(jd_get(v, S("finishReason")), &native);
    if (finish == FINISH_NONE || s->finished & 1u << choice)
        return;
    s->finished |= (uint8_t)(1u << choice);
    if (s->calls[choice])
        finish = gemini_finish_with_calls(finish, native);
    emit(sink, (struct chat_event){
                   .kind = EV_FINISH, .choice = choice, .finish = finish, .text = native });
}

static void read_frame(struct gemini_stream_reader *s, jval *v, struct chat_sink *sink,
                       struct arena *a)
{
    if (!s->started)
        emit(sink, (struct chat_event){ .kind = EV_START,
                                        .id = jd_get_str(v, S("responseId")),
                                        .model = jd_get_str(v, S("modelVersion")) });
    s->started = true;
    JD_EACH (m, jd_get(v, S("candidates")))
        read_candidate(s, m.value, sink, a);
    struct chat_usage usage;
    if (gemini_read_usage(&usage, jd_get(v, S("usageMetadata"))))
        s->usage = usage;
    str reason = jd_get_str(jd_get(v, S("promptFeedback")), S("blockReason"));
    if (reason.n && !s->seen) {
        s->seen = s->finished = 1;
        emit(sink,
             (struct chat_event){ .kind = EV_FINISH, .finish = FINISH_FILTER, .text = reason });
    }
}

static rc read_json(struct gemini_stream_reader *s, str data, struct chat_sink *sink,
                    struct arena *a, struct err *e)
{
    jval *v;
    struct chat_error error;
    if (FAILED(jd_read(&v, data, a, e)))
        return fail(e, E_UPSTREAM, "gemini", 0, "a frame of the stream is not JSON");
    if (gemini_find_error(&error, 0, v, a)) {
        s->over = true;
        emit(sink, (struct chat_event){ .kind = EV_ERROR, .error = &error });
        return RC_OK;
    }
    if (jd_is_arr(v)) /* all frames in one: the form without alt=sse */
        JD_EACH (m, v)
            read_frame(s, m.value, sink, a);
    else
        read_frame(s, v, sink, a);
    return RC_OK;
}

rc gemini_read_event(void *state, const struct sse_event *ev, struct chat_sink *sink,
                     struct arena *a, struct err *e)
{
    struct gemini_stream_reader *s = state;
    (void)a;
    if (s->over || str_trim(ev->data).n == 0 || str_eq(ev->data, S("[DONE]")))
        return RC_OK;
    ARENA_ON_STACK(frame);
    rc r = read_json(s, ev->data, sink, &frame, e);
    arena_done(&frame);
    return r;
}

bool gemini_read_end(void *state, struct chat_sink *sink)
{
    struct gemini_stream_reader *s = state;
    if (s->usage.seen)
        emit(sink, (struct chat_event){ .kind = EV_USAGE, .usage = &s->usage });
    return s->seen && s->seen == s->finished;
}

/* ---- writing -------------------------------------------------------------------------------- */

_Static_assert(sizeof(struct gemini_stream_writer) <= 256, "a stream costs bytes");

enum { ARGS_MAX = 16 << 20, PIECE_MAX = 48 << 10 };

static void frame_open(struct gemini_stream_writer *s, struct buf *out)
{
    if (s->array)
        buf_add(out, s->any ? S(",\r\n") : S("["));
    else
        buf_add(out, S("data: "));
    s->any = true;
}

static void frame_close(struct gemini_stream_writer *s, struct buf *out)
{
    if (!s->array)
        buf_add(out, S("\r\n\r\n"));
}

/* {"candidates":[{"content":{"parts":[ */
static void part_open(struct gemini_stream_writer *s, struct jw *w, struct buf *out)
{
    frame_open(s, out);
    jw_init(w, out);
    jw_obj(w);
    jw_karr(w, S("candidates"));
    jw_obj(w);
    jw_kobj(w, S("content"));
    jw_karr(w, S("parts"));
}

static void candidate_end(struct jw *w, uint32_t choice)
{
    jw_arr_end(w);
    jw_kstr(w, S("role"), S("model"));
    jw_obj_end(w);
    jw_ki64(w, S("index"), choice);
}

static void names(struct jw *w, const struct dialect_ctx *c)
{
    jw_kstr(w, S("modelVersion"), c->model);
    jw_kstr(w, S("responseId"), c->id);
}

static void part_close(struct gemini_stream_writer *s, struct jw *w, struct buf *out,
                       uint32_t choice, const struct dialect_ctx *c)
{
    candidate_end(w, choice);
    jw_obj_end(w);
    jw_arr_end(w);
    names(w, c);
    jw_obj_end(w);
    frame_close(s, out);
}

static void write_text(struct gemini_stream_writer *s, struct buf *out, const struct chat_event *ev,
                       bool thought, const struct dialect_ctx *c)
{
    str rest = ev->text;
    while (rest.n) {
        struct jw w;
        str piece = str_cut_utf8(&rest, PIECE_MAX);
        part_open(s, &w, out);
        gemini_write_text(&w, piece, thought, (str){ 0 });
        part_close(s, &w, out, ev->choice, c);
    }
}

/* In an empty part of its own: what it belongs to is out already. */
static void write_signature(struct gemini_stream_writer *s, struct buf *out,
                            const struct chat_event *ev, bool redacted, const struct dialect_ctx *c)
{
    struct jw w;
    struct arena scratch;
    arena_init(&scratch);
    part_open(s, &w, out);
    gemini_write_text(&w, S(""), ev->origin != DIALECT_GEMINI || redacted,
                      gemini_signature_out(&scratch, ev->text, ev->origin, redacted));
    part_close(s, &w, out, ev->choice, c);
    arena_done(&scratch);
}

static void add_args(struct gemini_stream_writer *s, str text, const struct dialect_ctx *c)
{
    if (s->overflow || text.n > ARGS_MAX - s->args_n) {
        s->overflow = true;
        return;
    }
    if (s->args_n + text.n > s->args_cap) {
        size_t cap = 2 * (s->args_n + text.n);
        cap = cap < 256 ? 256 : cap;
        s->args =
            s->args ? arena_resize(c->arena, s->args, s->args_cap, cap) : arena_raw(c->arena, cap);
        s->args_cap = cap;
    }
    if (text.n)
        memcpy(s->args + s->args_n, text.p, text.n);
    s->args_n += text.n;
}

static void open_call(struct gemini_stream_writer *s, const struct chat_event *ev,
                      const struct dialect_ctx *c)
{
    s->id = arena_dup(c->arena, ev->id);
    s->name = arena_dup(c->arena, ev->name);
    s->signature = arena_dup(c->arena, ev->text);
    s->custom = ev->custom;
    s->args_n = 0;
    s->overflow = false;
}

/* Gemini gives a call whole. */
static void close_call(struct gemini_stream_writer *s, struct buf *out, uint32_t choice,
                       const struct dialect_ctx *c)
{
    struct jw w;
    struct arena scratch;
    struct chat_call call = { .args = { s->args, s->overflow ? 0 : s->args_n },
                              .custom = s->custom };
    arena_init(&scratch);
    part_open(s, &w, out);
    jw_obj(&w);
    jw_kobj(&w, S("functionCall"));
    jw_kstr_if(&w, S("id"), s->id);
    jw_kstr(&w, S("name"), s->name);
    jw_key(&w, S("args"));
    gemini_write_args(&w, &call, &scratch);
    jw_obj_end(&w);
    jw_kstr_if(&w, S("thoughtSignature"), s->signature);
    jw_obj_end(&w);
    part_close(s, &w, out, choice, c);
    arena_done(&scratch);
}

static void write_media(struct gemini_stream_writer *s, struct buf *out,
                        const struct chat_event *ev, const struct dialect_ctx *c)
{
    struct jw w;
    if (ev->media->data.n == 0)
        return;
    part_open(s, &w, out);
    jw_obj(&w);
    jw_kobj(&w, S("inlineData"));
    jw_kstr(&w, S("mimeType"), ev->media->mime);
    jw_kstr(&w, S("data"), ev->media->data);
    jw_obj_end(&w);
    jw_obj_end(&w);
    part_close(s, &w, out, ev->choice, c);
}

static void write_opaque(struct gemini_stream_writer *s, struct buf *out,
                         const struct chat_event *ev, const struct dialect_ctx *c)
{
    struct jw w;
    if (ev->origin != DIALECT_GEMINI)
        return;
    part_open(s, &w, out);
    jw_raw(&w, ev->text);
    part_close(s, &w, out, ev->choice, c);
}

/* Grounding, or log probabilities: beside no part at all. */
static void write_beside(struct gemini_stream_writer *s, struct buf *out,
                         const struct chat_event *ev, const struct dialect_ctx *c)
{
    struct jw w;
    struct arena scratch;
    arena_init(&scratch);
    part_open(s, &w, out);
    candidate_end(&w, ev->choice);
    if (ev->kind == EV_NOTES)
        gemini_write_grounding(&w, ev->text, &scratch);
    else
        gemini_write_logprobs(&w, ev->text, &scratch);
    jw_obj_end(&w);
    jw_arr_end(&w);
    names(&w, c);
    jw_obj_end(&w);
    frame_close(s, out);
    arena_done(&scratch);
}

/* The last frame: every candidate's finish, and the usage. Its parts hold an empty text, as
 * Google's do: the SDKs take a candidate without parts for a broken one. */
static void write_last(struct gemini_stream_writer *s, struct buf *out, const struct dialect_ctx *c)
{
    struct jw w;
    frame_open(s, out);
    jw_init(&w, out);
    jw_obj(&w);
    jw_karr(&w, S("candidates"));
    for (uint32_t i = 0; i < GEMINI_CHOICES_MAX; i++) {
        if (!(s->finished & 1u << i))
            continue;
        jw_obj(&w);
        jw_kobj(&w, S("content"));
        jw_karr(&w, S("parts"));
        gemini_write_text(&w, S(""), false, (str){ 0 });
        candidate_end(&w, i);
        jw_kstr(&w, S("finishReason"), gemini_finish_name((enum chat_finish)s->finish[i]));
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    if (s->usage.seen)
        gemini_write_usage(&w, &s->usage);
    names(&w, c);
    jw_obj_end(&w);
    frame_close(s, out);
    if (s->array)
        buf_add(out, S("]"));
}

static void write_error(struct gemini_stream_writer *s, struct buf *out,
                        const struct chat_error *error)
{
    if (!s->array) {
        gemini_write_stream_error(out, error);
        return;
    }
    frame_open(s, out);
    gemini_write_error(out, error, NULL);
    buf_add(out, S("]"));
}

static void write_event(struct gemini_stream_writer *s, struct buf *out,
                        const struct chat_event *ev, const struct dialect_ctx *c)
{
    switch (ev->kind) {
    case EV_TEXT:
    case EV_REFUSAL:
        write_text(s, out, ev, false, c);
        break;
    case EV_THINKING:
        write_text(s, out, ev, true, c);
        break;
    case EV_SIGNATURE:
        write_signature(s, out, ev, false, c);
        break;
    case EV_REDACTED:
        write_signature(s, out, ev, true, c);
        break;
    case EV_CALL:
        open_call(s, ev, c);
        break;
    case EV_ARGS:
        add_args(s, ev->text, c);
        break;
    case EV_CALL_END:
        close_call(s, out, ev->choice, c);
        break;
    case EV_MEDIA:
        write_media(s, out, ev, c);
        break;
    case EV_NOTES:
    case EV_LOGPROBS:
        write_beside(s, out, ev, c);
        break;
    case EV_OPAQUE:
        write_opaque(s, out, ev, c);
        break;
    case EV_FINISH:
        if (ev->choice < GEMINI_CHOICES_MAX) {
            s->finish[ev->choice] = (uint8_t)ev->finish;
            s->finished |= (uint8_t)(1u << ev->choice);
        }
        break;
    case EV_USAGE:
        s->usage = *ev->usage;
        break;
    case EV_ERROR:
        write_error(s, out, ev->error);
        break;
    case EV_DONE:
        write_last(s, out, c);
        break;
    case EV_START:
        break;
    }
}

void gemini_write_event(void *state, struct buf *out, const struct chat_event *ev,
                        const struct dialect_ctx *c)
{
    write_event(state, out, ev, c);
}

void gemini_write_array_event(void *state, struct buf *out, const struct chat_event *ev,
                              const struct dialect_ctx *c)
{
    struct gemini_stream_writer *s = state;
    s->array = true;
    write_event(s, out, ev, c);
}

/* A blank line: SDKs skip it, where they would take a comment for a broken frame. It is white space
 * between two frames of an array, too. */
void gemini_write_keepalive(void *state, struct buf *out, const struct dialect_ctx *c)
{
    (void)state;
    (void)c;
    buf_add(out, S("\r\n"));
}
