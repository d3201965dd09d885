/* openai_responses_reader.c - a Responses stream as events.
 *
 * Of the many events only the deltas count, and the items as they begin and end. What a hosted tool
 * did comes out whole, as its item ends.
 */
#include "dialect/openai_responses_internal.h"

enum { CALLS_KEPT = 12 };

struct reader {
    uint32_t ncalls;
    uint32_t at[CALLS_KEPT];          /* output_index + 1 of the last calls, by ordinal */
    uint32_t args;                    /* bit per ordinal (mod CALLS_KEPT): arguments were sent */
    uint32_t ended;                   /* ... its end was sent */
    uint32_t text_item, thought_item; /* output_index + 1 of the item whose text was sent last */
    bool started, complete;
};

_Static_assert(sizeof(struct reader) <= RESPONSES_READER_BYTES, "keep it small");

static void emit(struct chat_sink *sink, enum chat_event_kind kind, str text, uint32_t call)
{
    sink->emit(sink,
               &(struct chat_event){
                   .kind = kind, .origin = DIALECT_OPENAI_RESPONSES, .text = text, .call = call });
}

static uint32_t index_of(str number)
{
    uint64_t n;
    return str_to_u64(number, &n) && n < UINT32_MAX - 1 ? (uint32_t)n + 1 : 1;
}

/* The ordinal of the call at that place of the output; false if none is known there. */
static bool call_at(const struct reader *rd, uint32_t index, uint32_t *ret)
{
    uint32_t kept = rd->ncalls < CALLS_KEPT ? rd->ncalls : CALLS_KEPT;
    for (uint32_t i = 1; i <= kept; i++) {
        uint32_t ordinal = rd->ncalls - i;
        if (rd->at[ordinal % CALLS_KEPT] == index) {
            *ret = ordinal;
            return true;
        }
    }
    return false;
}

/* ---- items ---------------------------------------------------------------------------------- */

static bool is_call(str type)
{
    return str_eq(type, S("function_call")) || str_eq(type, S("custom_tool_call"));
}

static void begin_call(struct reader *rd, jval *item, uint32_t index, struct chat_sink *sink)
{
    uint32_t ordinal = rd->ncalls++, bit = 1u << ordinal % CALLS_KEPT;
    rd->at[ordinal % CALLS_KEPT] = index;
    rd->args &= ~bit;
    rd->ended &= ~bit;
    sink->emit(sink, &(struct chat_event){
                         .kind = EV_CALL,
                         .origin = DIALECT_OPENAI_RESPONSES,
                         .call = ordinal,
                         .id = jd_str_or(jd_get(item, S("call_id")), jd_get_str(item, S("id"))),
                         .name = jd_get_str(item, S("name")),
                         .custom = jd_str_is(jd_get(item, S("type")), S("custom_tool_call")) });
}

static void send_args(struct reader *rd, uint32_t ordinal, str args, struct chat_sink *sink)
{
    uint32_t bit = 1u << ordinal % CALLS_KEPT;
    if (rd->args & bit || !args.n)
        return;
    rd->args |= bit;
    emit(sink, EV_ARGS, args, ordinal);
}

static void end_call(struct reader *rd, jval *item, uint32_t index, struct chat_sink *sink)
{
    uint32_t ordinal;
    bool custom = jd_str_is(jd_get(item, S("type")), S("custom_tool_call"));
    if (!call_at(rd, index, &ordinal)) {
        begin_call(rd, item, index, sink); /* some send no "added" */
        ordinal = rd->ncalls - 1;
    }
    if (rd->ended & 1u << ordinal % CALLS_KEPT)
        return;
    send_args(rd, ordinal, jd_get_str(item, custom ? S("input") : S("arguments")), sink);
    if (!custom)
        send_args(rd, ordinal, S("{}"), sink);
    rd->ended |= 1u << ordinal % CALLS_KEPT;
    emit(sink, EV_CALL_END, S(""), ordinal);
}

static void end_message(struct reader *rd, jval *item, uint32_t index, struct chat_sink *sink)
{
    if (rd->text_item == index)
        return;
    /* No deltas came: the text is whole in here. */
    JD_EACH (m, jd_get(item, S("content"))) {
        str text = jd_get_str(m.value, S("text")), refusal = jd_get_str(m.value, S("refusal"));
        if (text.n)
            emit(sink, EV_TEXT, text, 0);
        if (refusal.n)
            emit(sink, EV_REFUSAL, refusal, 0);
    }
}

static void end_reasoning(struct reader *rd, jval *item, uint32_t index, struct chat_sink *sink,
                          struct arena *scratch)
{
    str sealed = jd_get_str(item, S("encrypted_content"));
    if (rd->thought_item != index)
        emit(sink, EV_THINKING, responses_reasoning_text(item, scratch), 0);
    if (sealed.n)
        sink->emit(sink, &(struct chat_event){ .kind = EV_SIGNATURE,
                                               .origin = DIALECT_OPENAI_RESPONSES,
                                               .text = sealed,
                                               .id = jd_get_str(item, S("id")) });
}

static void on_item(struct reader *rd, jval *v, bool done, struct chat_sink *sink,
                    struct arena *scratch)
{
    jval *item = jd_get(v, S("item"));
    uint32_t index = index_of(jd_num(jd_get(v, S("output_index"))));
    str type = jd_get_str(item, S("type"));
    if (is_call(type)) {
        if (done)
            end_call(rd, item, index, sink);
        else
            begin_call(rd, item, index, sink);
    } else if (!done) {
        return;
    } else if (str_eq(type, S("message"))) {
        end_message(rd, item, index, sink);
    } else if (str_eq(type, S("reasoning"))) {
        end_reasoning(rd, item, index, sink, scratch);
    } else if (str_eq(type, S("image_generation_call")) && jd_is_str(jd_get(item, S("result")))) {
        struct chat_media media = { .mime = S("image/png"), .data = jd_get_str(item, S("result")) };
        sink->emit(sink, &(struct chat_event){ .kind = EV_MEDIA,
                                               .origin = DIALECT_OPENAI_RESPONSES,
                                               .media = &media });
    } else if (type.n) {
        emit(sink, EV_OPAQUE, jd_text(item, scratch), 0);
    }
}

/* ---- the response --------------------------------------------------------------------------- */

static void on_start(struct reader *rd, jval *v, struct chat_sink *sink)
{
    jval *r = jd_get(v, S("response"));
    if (rd->started)
        return;
    rd->started = true;
    sink->emit(sink, &(struct chat_event){ .kind = EV_START,
                                           .origin = DIALECT_OPENAI_RESPONSES,
                                           .id = jd_get_str(r, S("id")),
                                           .model = jd_get_str(r, S("model")),
                                           .n = jd_i64_or(jd_get(r, S("created_at")), 0) });
}

static void on_error(struct reader *rd, jval *v, struct chat_sink *sink, struct arena *scratch)
{
    struct chat_error error;
    (void)rd;
    responses_error_of(&error, v, scratch);
    sink->emit(sink, &(struct chat_event){
                         .kind = EV_ERROR, .origin = DIALECT_OPENAI_RESPONSES, .error = &error });
}

static void on_end(struct reader *rd, jval *v, struct chat_sink *sink)
{
    jval *r = jd_get(v, S("response"));
    struct chat_usage usage = CHAT_USAGE_NONE;
    str native;
    rd->complete = true;
    responses_read_usage(&usage, jd_get(r, S("usage")));
    if (usage.seen)
        sink->emit(sink, &(struct chat_event){ .kind = EV_USAGE,
                                               .origin = DIALECT_OPENAI_RESPONSES,
                                               .usage = &usage });
    enum chat_finish finish = responses_finish(r, &native);
    if (rd->ncalls && finish == FINISH_STOP)
        finish = FINISH_TOOL_CALLS;
    sink->emit(sink, &(struct chat_event){ .kind = EV_FINISH,
                                           .origin = DIALECT_OPENAI_RESPONSES,
                                           .finish = finish,
                                           .text = native });
    emit(sink, EV_DONE, S(""), 0);
}

/* ---- events --------------------------------------------------------------------------------- */

enum kind {
    DELTA_TEXT,
    DELTA_REFUSAL,
    DELTA_THOUGHT,
    DELTA_ARGS,
    ARGS_DONE,
    THOUGHT_PART,
    NOTE,
    ITEM_ADDED,
    ITEM_DONE,
    START,
    END,
    FAILED_END,
    ERROR
};

static const struct {
    const char *type;
    enum kind kind;
} kinds[] = {
    { "response.output_text.delta", DELTA_TEXT },
    { "response.function_call_arguments.delta", DELTA_ARGS },
    { "response.reasoning_summary_text.delta", DELTA_THOUGHT },
    { "response.reasoning_text.delta", DELTA_THOUGHT },
    { "response.refusal.delta", DELTA_REFUSAL },
    { "response.custom_tool_call_input.delta", DELTA_ARGS },
    { "response.function_call_arguments.done", ARGS_DONE },
    { "response.custom_tool_call_input.done", ARGS_DONE },
    { "response.reasoning_summary_part.added", THOUGHT_PART },
    { "response.output_text.annotation.added", NOTE },
    { "response.output_item.added", ITEM_ADDED },
    { "response.output_item.done", ITEM_DONE },
    { "response.created", START },
    { "response.in_progress", START },
    { "response.completed", END },
    { "response.incomplete", END },
    { "response.failed", FAILED_END },
    { "response.cancelled", FAILED_END },
    { "error", ERROR },
};

enum { M_TYPE, M_DELTA, M_INDEX, M_LOGPROBS, M_COUNT };

static bool kind_of(str type, enum kind *ret)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_eq(type, str_c(kinds[i].type))) {
            *ret = kinds[i].kind;
            return true;
        }
    return false;
}

static void on_delta(struct reader *rd, enum kind kind, const struct json_member *m,
                     struct chat_sink *sink, struct arena *scratch)
{
    str text = json_unescape(scratch, m[M_DELTA].value);
    uint32_t index = index_of(m[M_INDEX].value), ordinal;
    if (!text.n)
        return;
    switch (kind) {
    case DELTA_TEXT:
        rd->text_item = index;
        emit(sink, EV_TEXT, text, 0);
        if (m[M_LOGPROBS].kind == JSON_ARRAY && m[M_LOGPROBS].value.n > 2)
            emit(sink, EV_LOGPROBS,
                 arena_fmt(scratch, "{\"content\":%.*s,\"refusal\":null}",
                           STRF(m[M_LOGPROBS].value)),
                 0);
        break;
    case DELTA_REFUSAL:
        rd->text_item = index;
        emit(sink, EV_REFUSAL, text, 0);
        break;
    case DELTA_THOUGHT:
        rd->thought_item = index;
        emit(sink, EV_THINKING, text, 0);
        break;
    default:
        if (!call_at(rd, index, &ordinal))
            break;
        rd->args |= 1u << ordinal % CALLS_KEPT;
        emit(sink, EV_ARGS, text, ordinal);
        break;
    }
}

static rc on_rare(struct reader *rd, enum kind kind, str data, struct chat_sink *sink,
                  struct arena *scratch, struct err *e)
{
    jval *v = NULL;
    uint32_t ordinal;
    if (FAILED(jd_read(&v, data, scratch, e)))
        return RC(E_UPSTREAM);
    switch (kind) {
    case START:
        on_start(rd, v, sink);
        break;
    case ITEM_ADDED:
        on_item(rd, v, false, sink, scratch);
        break;
    case ITEM_DONE:
        on_item(rd, v, true, sink, scratch);
        break;
    case END:
        on_end(rd, v, sink);
        break;
    case FAILED_END:
    case ERROR:
        on_error(rd, v, sink, scratch);
        break;
    case NOTE:
        emit(sink, EV_NOTES,
             arena_fmt(scratch, "[%.*s]", STRF(jd_text(jd_get(v, S("annotation")), scratch))), 0);
        break;
    case THOUGHT_PART:
        if (jd_i64_or(jd_get(v, S("summary_index")), 0) > 0)
            emit(sink, EV_THINKING, S("\n\n"), 0);
        break;
    case ARGS_DONE:
        if (call_at(rd, index_of(jd_num(jd_get(v, S("output_index")))), &ordinal))
            send_args(rd, ordinal, jd_str_or(jd_get(v, S("arguments")), jd_get_str(v, S("input"))),
                      sink);
        break;
    default:
        break;
    }
    return RC_OK;
}

rc responses_read_event(void *state, const struct sse_event *ev, struct chat_sink *sink,
                        struct arena *a, struct err *e)
{
    struct reader *rd = state;
    enum kind kind;
    (void)a;
    if (ev->data.n == 0 || str_eq(ev->data, S("[DONE]")))
        return RC_OK;
    struct json_member m[M_COUNT] = { [M_TYPE] = { .name = S("type") },
                                      [M_DELTA] = { .name = S("delta") },
                                      [M_INDEX] = { .name = S("output_index") },
                                      [M_LOGPROBS] = { .name = S("logprobs") } };
    if (FAILED(json_scan(ev->data, m, M_COUNT, NULL, e)))
        return fail(e, E_UPSTREAM, "openai", 0, "the upstream sent a broken event");
    str type = m[M_TYPE].kind == JSON_STRING
                   ? str_take(str_skip(m[M_TYPE].value, 1), m[M_TYPE].value.n - 2)
                   : ev->event;
    if (!kind_of(type, &kind))
        return RC_OK;
    ARENA_ON_STACK(scratch);
    rc res = RC_OK;
    if (kind <= DELTA_ARGS)
        on_delta(rd, kind, m, sink, &scratch);
    else
        res = on_rare(rd, kind, ev->data, sink, &scratch, e);
    arena_done(&scratch);
    return res;
}

bool responses_read_end(void *state, struct chat_sink *sink)
{
    (void)sink;
    return ((struct reader *)state)->complete;
}
