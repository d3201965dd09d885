/* anthropic_stream.c - Messages streams, both ways.
 *
 * Anthropic sends its blocks one after the other, so the reader keeps one block only. What its own
 * tools did (server_tool_use and the results) comes out as one EV_OPAQUE per block; only there are
 * pieces gathered, in the exchange's arena.
 */
#include "dialect/anthropic_internal.h"
#include "dialect/signature.h"
#include "json/splice.h"

enum block { BLOCK_NONE, BLOCK_TEXT, BLOCK_THINKING, BLOCK_CALL, BLOCK_JSON, BLOCK_OPAQUE };

/* ---- reading -------------------------------------------------------------------------------- */

enum { OPAQUE_BYTES_MAX = 16 * 1024 * 1024 };

struct reader {
    struct anthropic_counts n;
    str start;  /* the opaque block as it began; the input of a call that came with its start */
    char *more; /* pieces for the opaque block's `field` */
    uint32_t more_n, more_cap;
    uint32_t ncalls;
    uint8_t block;
    bool more_is_text;
    bool begun, finished, stopped, args_sent;
};

_Static_assert(sizeof(struct reader) <= ANTHROPIC_READER_BYTES, "keep it small");

static void emit(struct chat_sink *sink, enum chat_event_kind kind, str text, uint32_t call)
{
    sink->emit(sink, &(struct chat_event){
                         .kind = kind, .origin = DIALECT_ANTHROPIC, .text = text, .call = call });
}

static void on_message_start(struct reader *rd, jval *v, struct chat_sink *sink)
{
    jval *m = jd_get(v, S("message"));
    anthropic_read_counts(&rd->n, jd_get(m, S("usage")));
    sink->emit(sink, &(struct chat_event){ .kind = EV_START,
                                           .origin = DIALECT_ANTHROPIC,
                                           .id = jd_get_str(m, S("id")),
                                           .model = jd_get_str(m, S("model")) });
    struct chat_usage u = anthropic_usage(&rd->n);
    if (u.seen)
        sink->emit(sink, &(struct chat_event){
                             .kind = EV_USAGE, .origin = DIALECT_ANTHROPIC, .usage = &u });
}

static void begin_call(struct reader *rd, jval *b, struct chat_sink *sink, struct arena *a)
{
    str name = jd_get_str(b, S("name"));
    jval *input = jd_get(b, S("input"));
    rd->start = jd_count(input) ? jd_text(input, a) : (str){ 0 };
    rd->args_sent = false;
    if (str_eq(name, ANTHROPIC_JSON_TOOL)) {
        rd->block = BLOCK_JSON;
        return;
    }
    rd->block = BLOCK_CALL;
    sink->emit(sink, &(struct chat_event){ .kind = EV_CALL,
                                           .origin = DIALECT_ANTHROPIC,
                                           .call = rd->ncalls++,
                                           .id = jd_get_str(b, S("id")),
                                           .name = name });
}

static void on_block_start(struct reader *rd, jval *v, struct chat_sink *sink, struct arena *a)
{
    jval *b = jd_get(v, S("content_block"));
    str type = jd_get_str(b, S("type"));
    rd->start = (str){ 0 };
    rd->more_n = 0;
    rd->block = BLOCK_NONE;
    if (!jd_is_obj(b))
        return;
    if (str_eq(type, S("text"))) {
        rd->block = BLOCK_TEXT;
        str text = jd_get_str(b, S("text"));
        if (text.n)
            emit(sink, EV_TEXT, text, 0);
    } else if (str_eq(type, S("thinking"))) {
        rd->block = BLOCK_THINKING;
        str text = jd_get_str(b, S("thinking")), sig = jd_get_str(b, S("signature"));
        if (text.n)
            emit(sink, EV_THINKING, text, 0);
        if (sig.n)
            emit(sink, EV_SIGNATURE, sig, 0);
    } else if (str_eq(type, S("redacted_thinking"))) {
        rd->block = BLOCK_NONE;
        emit(sink, EV_REDACTED, jd_get_str(b, S("data")), 0);
    } else if (str_eq(type, S("tool_use"))) {
        begin_call(rd, b, sink, a);
    } else {
        rd->block = BLOCK_OPAQUE;
        rd->start = jd_text(b, a);
    }
}

/* The members of a delta that carry something. */
enum { D_TYPE, D_TEXT, D_JSON, D_THINKING, D_SIGNATURE, D_CITATION, D_CONTENT, D_COUNT };

static rc gather_opaque(struct reader *rd, str piece, struct arena *a, struct err *e)
{
    if (piece.n > OPAQUE_BYTES_MAX - rd->more_n)
        return fail(e, E_LIMIT, "anthropic", 0, "a block of the stream is too large");
    uint32_t need = rd->more_n + (uint32_t)piece.n;
    if (need > rd->more_cap) {
        uint32_t cap = need > 512 ? need * 2 : 1024;
        char *p = NEW(a, char, cap);
        if (rd->more_n)
            memcpy(p, rd->more, rd->more_n);
        rd->more = p;
        rd->more_cap = cap;
    }
    if (piece.n)
        memcpy(rd->more + rd->more_n, piece.p, piece.n);
    rd->more_n = need;
    return RC_OK;
}

static rc on_delta(struct reader *rd, str delta, struct chat_sink *sink, struct arena *scratch,
                   struct arena *a, struct err *e)
{
    struct json_member m[D_COUNT] = {
        [D_TYPE] = { .name = S("type") },           [D_TEXT] = { .name = S("text") },
        [D_JSON] = { .name = S("partial_json") },   [D_THINKING] = { .name = S("thinking") },
        [D_SIGNATURE] = { .name = S("signature") }, [D_CITATION] = { .name = S("citation") },
        [D_CONTENT] = { .name = S("content") },
    };
    TRY(json_scan(delta, m, D_COUNT, NULL, e));
    uint32_t call = rd->ncalls ? rd->ncalls - 1 : 0;
    if (rd->block == BLOCK_OPAQUE) {
        int field = m[D_JSON].kind == JSON_STRING      ? D_JSON
                    : m[D_CONTENT].kind == JSON_STRING ? D_CONTENT
                                                       : D_TEXT;
        rd->more_is_text = field != D_JSON;
        return gather_opaque(rd, json_unescape(scratch, m[field].value), a, e);
    }
    if (m[D_TEXT].kind == JSON_STRING) {
        emit(sink, EV_TEXT, json_unescape(scratch, m[D_TEXT].value), 0);
    } else if (m[D_JSON].kind == JSON_STRING) {
        str piece = json_unescape(scratch, m[D_JSON].value);
        rd->args_sent = rd->args_sent || piece.n;
        if (piece.n)
            emit(sink, rd->block == BLOCK_JSON ? EV_TEXT : EV_ARGS, piece, call);
    } else if (m[D_THINKING].kind == JSON_STRING) {
        emit(sink, EV_THINKING, json_unescape(scratch, m[D_THINKING].value), 0);
    } else if (m[D_SIGNATURE].kind == JSON_STRING) {
        emit(sink, EV_SIGNATURE, json_unescape(scratch, m[D_SIGNATURE].value), 0);
    } else if (m[D_CITATION].kind == JSON_OBJECT) {
        emit(sink, EV_NOTES, arena_fmt(scratch, "[%.*s]", STRF(m[D_CITATION].value)), 0);
    }
    return RC_OK;
}

/* The opaque block with what its deltas brought: the input of a call, the content of others. */
static void end_opaque(struct reader *rd, struct chat_sink *sink, struct arena *scratch)
{
    jval *b = NULL;
    str more = { rd->more, rd->more_n };
    enum json_kind top;
    bool valid = rd->more_is_text || !FAILED(json_scan(more, NULL, 0, &top, NULL));
    if (rd->more_n == 0 || !valid || FAILED(jd_read(&b, rd->start, scratch, NULL))) {
        emit(sink, EV_OPAQUE, rd->start, 0);
        return;
    }
    struct buf out;
    struct jw w;
    str field = !rd->more_is_text ? S("input") : jd_get(b, S("content")) ? S("content") : S("text");
    buf_init(&out, 2 * (size_t)OPAQUE_BYTES_MAX);
    jw_init(&w, &out);
    jw_obj(&w);
    JD_EACH (m, b)
        if (!str_eq(m.name, field))
            jw_kval(&w, m.name, m.value);
    if (rd->more_is_text)
        jw_kstr(&w, field, more);
    else
        jw_kraw(&w, field, more);
    jw_obj_end(&w);
    emit(sink, EV_OPAQUE, out.full ? rd->start : buf_str(&out), 0);
    buf_done(&out);
}

static void on_block_stop(struct reader *rd, struct chat_sink *sink, struct arena *scratch)
{
    uint32_t call = rd->ncalls ? rd->ncalls - 1 : 0;
    if ((rd->block == BLOCK_CALL || rd->block == BLOCK_JSON) && !rd->args_sent)
        emit(sink, rd->block == BLOCK_JSON ? EV_TEXT : EV_ARGS, rd->start.n ? rd->start : S("{}"),
             call);
    if (rd->block == BLOCK_CALL)
        emit(sink, EV_CALL_END, S(""), call);
    if (rd->block == BLOCK_OPAQUE)
        end_opaque(rd, sink, scratch);
    rd->block = BLOCK_NONE;
}

static void on_message_delta(struct reader *rd, jval *v, struct chat_sink *sink)
{
    jval *d = jd_get(v, S("delta"));
    anthropic_read_counts(&rd->n, jd_get(v, S("usage")));
    struct chat_usage u = anthropic_usage(&rd->n);
    if (u.seen)
        sink->emit(sink, &(struct chat_event){
                             .kind = EV_USAGE, .origin = DIALECT_ANTHROPIC, .usage = &u });
    str reason = jd_get_str(d, S("stop_reason"));
    if (!reason.n || rd->finished)
        return;
    rd->finished = true;
    enum chat_finish finish = anthropic_finish(reason);
    if (finish == FINISH_TOOL_CALLS && rd->ncalls == 0)
        finish = FINISH_STOP; /* the forced JSON, or tools that the vendor ran itself */
    str why = jd_str(jd_path(d, "stop_details", "explanation", NULL));
    if (finish == FINISH_FILTER && why.n)
        emit(sink, EV_REFUSAL, why, 0);
    sink->emit(sink, &(struct chat_event){ .kind = EV_FINISH,
                                           .origin = DIALECT_ANTHROPIC,
                                           .finish = finish,
                                           .text = reason,
                                           .id = jd_get_str(d, S("stop_sequence")) });
}

static void on_error(jval *v, struct chat_sink *sink, struct arena *scratch)
{
    struct chat_error error = { .kind = ERR_SERVER, .retry_after_ms = -1 };
    anthropic_error_of(&error, v, scratch);
    chat_error_complete(&error, scratch);
    sink->emit(sink, &(struct chat_event){
                         .kind = EV_ERROR, .origin = DIALECT_ANTHROPIC, .error = &error });
}

/* All kinds but the deltas are rare: a tree is fine. */
static rc on_rare(struct reader *rd, str type, str data, struct chat_sink *sink,
                  struct arena *scratch, struct arena *a, struct err *e)
{
    jval *v = NULL;
    bool start = str_eq(type, S("message_start"));
    bool block = str_eq(type, S("content_block_start"));
    bool delta = str_eq(type, S("message_delta"));
    bool error = str_eq(type, S("error"));
    if (!start && !block && !delta && !error)
        return RC_OK; /* ping, and whatever is to come */
    if (FAILED(jd_read(&v, data, scratch, e)))
        return RC(E_UPSTREAM);
    if (start)
        on_message_start(rd, v, sink);
    else if (block)
        on_block_start(rd, v, sink, a);
    else if (delta)
        on_message_delta(rd, v, sink);
    else
        on_error(v, sink, scratch);
    return RC_OK;
}

rc anthropic_read_event(void *state, const struct sse_event *ev, struct chat_sink *sink,
                        struct arena *a, struct err *e)
{
    struct reader *rd = state;
    if (!rd->begun) {
        rd->begun = true;
        rd->n = (struct anthropic_counts){ -1, -1, -1, -1, -1, -1 };
    }
    if (ev->data.n == 0 || str_eq(ev->data, S("[DONE]")))
        return RC_OK;
    struct json_member m[] = { { .name = S("type") }, { .name = S("delta") } };
    if (FAILED(json_scan(ev->data, m, COUNT_OF(m), NULL, e)))
        return fail(e, E_UPSTREAM, "anthropic", 0, "the upstream sent a broken event");
    str type =
        m[0].kind == JSON_STRING ? str_take(str_skip(m[0].value, 1), m[0].value.n - 2) : ev->event;
    ARENA_ON_STACK(scratch);
    rc res = RC_OK;
    if (str_eq(type, S("content_block_delta"))) {
        if (m[1].kind == JSON_OBJECT)
            res = on_delta(rd, m[1].value, sink, &scratch, a, e);
    } else if (str_eq(type, S("content_block_stop"))) {
        on_block_stop(rd, sink, &scratch);
    } else if (str_eq(type, S("message_stop"))) {
        rd->stopped = true;
        sink->emit(sink, &(struct chat_event){ .kind = EV_DONE, .origin = DIALECT_ANTHROPIC });
    } else {
        res = on_rare(rd, type, ev->data, sink, &scratch, a, e);
    }
    arena_done(&scratch);
    return res;
}

bool anthropic_read_end(void *state, struct chat_sink *sink)
{
    (void)sink;
    return ((struct reader *)state)->stopped;
}

/* ---- writing -------------------------------------------------------------------------------- */

struct writer {
    struct chat_usage usage;
    str stop_sequence;
    uint32_t index; /* of the next block; the open one is index - 1 */
    uint8_t open, finish;
    bool started, is_signed, custom, counted;
};

_Static_assert(sizeof(struct writer) <= ANTHROPIC_WRITER_BYTES, "keep it small");

/* Longer texts go out in several deltas. */
enum { PIECE_BYTES = 16 * 1024 };

static void write_delta(struct writer *wr, struct buf *out, str type, str member, str text)
{
    do {
        str piece = str_cut_utf8(&text, PIECE_BYTES);
        buf_add(out, S("event: content_block_delta\n"
                       "data: {\"type\":\"content_block_delta\",\"index\":"));
        buf_u64(out, wr->index - 1);
        buf_add(out, S(",\"delta\":{\"type\":\""));
        buf_add(out, type);
        buf_add(out, S("\",\""));
        buf_add(out, member);
        buf_add(out, S("\":\""));
        json_escape(out, piece);
        buf_add(out, S("\"}}\n\n"));
    } while (text.n);
}

static void close_block(struct writer *wr, struct buf *out)
{
    if (wr->open == BLOCK_NONE)
        return;
    wr->open = BLOCK_NONE;
    buf_add(out, S("event: content_block_stop\n"
                   "data: {\"type\":\"content_block_stop\",\"index\":"));
    buf_u64(out, wr->index - 1);
    buf_add(out, S("}\n\n"));
}

/* Closes what is open; the block itself is written by the caller, then end_start. */
static void begin_block(struct writer *wr, struct buf *out, enum block block)
{
    close_block(wr, out);
    wr->open = (uint8_t)block;
    wr->is_signed = false;
    buf_add(out, S("event: content_block_start\n"
                   "data: {\"type\":\"content_block_start\",\"index\":"));
    buf_u64(out, wr->index++);
    buf_add(out, S(",\"content_block\":"));
}

static void end_start(struct buf *out)
{
    buf_add(out, S("}\n\n"));
}

static void open_text(struct writer *wr, struct buf *out)
{
    if (wr->open == BLOCK_TEXT)
        return;
    begin_block(wr, out, BLOCK_TEXT);
    buf_add(out, S("{\"type\":\"text\",\"text\":\"\"}"));
    end_start(out);
}

/* A signature ends a thinking block: what comes after it begins another. */
static void open_thinking(struct writer *wr, struct buf *out)
{
    if (wr->open == BLOCK_THINKING && !wr->is_signed)
        return;
    begin_block(wr, out, BLOCK_THINKING);
    buf_add(out, S("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"));
    end_start(out);
}

static void write_start(struct writer *wr, struct buf *out, const struct chat_event *ev,
                        const struct dialect_ctx *c)
{
    if (wr->started)
        return;
    wr->started = true;
    buf_add(out, S("event: message_start\ndata: {\"type\":\"message_start\",\"message\":"));
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_key(&w, S("id"));
    jw_str_begin(&w);
    anthropic_message_id(out, ev->id, c->id);
    jw_str_end(&w);
    jw_kstr(&w, S("type"), S("message"));
    jw_kstr(&w, S("role"), S("assistant"));
    jw_kstr(&w, S("model"), c->model);
    jw_kraw(&w, S("content"), S("[]"));
    jw_knull(&w, S("stop_reason"));
    jw_knull(&w, S("stop_sequence"));
    jw_kraw(&w, S("usage"),
            S("{\"input_tokens\":0,\"cache_creation_input_tokens\":0,"
              "\"cache_read_input_tokens\":0,\"output_tokens\":0}"));
    jw_obj_end(&w);
    buf_add(out, S("}\n\n"));
}

static void write_call(struct writer *wr, struct buf *out, const struct chat_event *ev)
{
    struct arena scratch;
    struct jw w;
    arena_init(&scratch);
    begin_block(wr, out, BLOCK_CALL);
    wr->custom = ev->custom;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, S("type"), S("tool_use"));
    str id = signature_into_id(&scratch, ev->id, ev->text);
    jw_kstr(&w, S("id"), anthropic_tool_id(&scratch, id));
    jw_kstr(&w, S("name"), ev->name);
    jw_kraw(&w, S("input"), S("{}"));
    jw_obj_end(&w);
    end_start(out);
    if (ev->custom)
        write_delta(wr, out, S("input_json_delta"), S("partial_json"), S("{\"input\":\""));
    arena_done(&scratch);
}

/* A custom tool's free text becomes the one string of an object, piece by piece. */
static void write_args(struct writer *wr, struct buf *out, str text)
{
    if (wr->open != BLOCK_CALL)
        return;
    if (!wr->custom) {
        write_delta(wr, out, S("input_json_delta"), S("partial_json"), text);
        return;
    }
    struct buf inner;
    buf_init(&inner, SIZE_MAX);
    json_escape(&inner, text);
    write_delta(wr, out, S("input_json_delta"), S("partial_json"), buf_str(&inner));
    buf_done(&inner);
}

static void write_whole(struct writer *wr, struct buf *out, str json)
{
    begin_block(wr, out, BLOCK_OPAQUE);
    buf_add(out, json);
    end_start(out);
    close_block(wr, out);
}

static void write_redacted(struct writer *wr, struct buf *out, const struct chat_event *ev)
{
    struct arena scratch;
    arena_init(&scratch);
    begin_block(wr, out, BLOCK_OPAQUE);
    buf_add(out, S("{\"type\":\"redacted_thinking\",\"data\":"));
    json_quote(out, signature_mark(&scratch, ev->text, ev->origin, DIALECT_ANTHROPIC));
    buf_add(out, S("}"));
    end_start(out);
    close_block(wr, out);
    arena_done(&scratch);
}

static void write_signature(struct writer *wr, struct buf *out, const struct chat_event *ev)
{
    struct arena scratch;
    arena_init(&scratch);
    open_thinking(wr, out);
    write_delta(wr, out, S("signature_delta"), S("signature"),
                signature_mark(&scratch, ev->text, ev->origin, DIALECT_ANTHROPIC));
    wr->is_signed = true;
    arena_done(&scratch);
}

static void write_notes(struct writer *wr, struct buf *out, const struct chat_event *ev)
{
    struct arena scratch;
    jval *notes = NULL;
    if (ev->origin != DIALECT_ANTHROPIC)
        return;
    arena_init(&scratch);
    if (!FAILED(jd_read(&notes, ev->text, &scratch, NULL)) && jd_count(notes)) {
        open_text(wr, out);
        JD_EACH (m, notes) {
            buf_add(out, S("event: content_block_delta\n"
                           "data: {\"type\":\"content_block_delta\",\"index\":"));
            buf_u64(out, wr->index - 1);
            buf_add(out, S(",\"delta\":{\"type\":\"citations_delta\",\"citation\":"));
            buf_add(out, jd_text(m.value, &scratch));
            buf_add(out, S("}}\n\n"));
        }
    }
    arena_done(&scratch);
}

static void write_media(struct writer *wr, struct buf *out, const struct chat_media *m)
{
    open_text(wr, out);
    write_delta(wr, out, S("text_delta"), S("text"), S("![]("));
    if (m->url.n) {
        write_delta(wr, out, S("text_delta"), S("text"), m->url);
    } else {
        write_delta(wr, out, S("text_delta"), S("text"), S("data:"));
        write_delta(wr, out, S("text_delta"), S("text"), m->mime);
        write_delta(wr, out, S("text_delta"), S("text"), S(";base64,"));
        write_delta(wr, out, S("text_delta"), S("text"), m->data);
    }
    write_delta(wr, out, S("text_delta"), S("text"), S(")"));
}

static void write_end(struct writer *wr, struct buf *out)
{
    struct jw w;
    close_block(wr, out);
    buf_add(out, S("event: message_delta\ndata: "));
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, S("type"), S("message_delta"));
    jw_kobj(&w, S("delta"));
    jw_kstr(&w, S("stop_reason"), anthropic_stop_reason((enum chat_finish)wr->finish));
    if (wr->finish == FINISH_STOP_SEQUENCE && wr->stop_sequence.n)
        jw_kstr(&w, S("stop_sequence"), wr->stop_sequence);
    else
        jw_knull(&w, S("stop_sequence"));
    if (wr->finish == FINISH_FILTER)
        jw_kraw(&w, S("stop_details"),
                S("{\"type\":\"refusal\",\"category\":null,\"explanation\":null}"));
    jw_obj_end(&w);
    jw_key(&w, S("usage"));
    struct chat_usage none = CHAT_USAGE_NONE;
    anthropic_write_usage(&w, wr->counted ? &wr->usage : &none);
    jw_obj_end(&w);
    buf_add(out, S("\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
}

void anthropic_write_event(void *state, struct buf *out, const struct chat_event *ev,
                           const struct dialect_ctx *c)
{
    struct writer *wr = state;
    if (ev->choice != 0)
        return;
    switch (ev->kind) {
    case EV_START:
        write_start(wr, out, ev, c);
        break;
    case EV_TEXT:
    case EV_REFUSAL:
        open_text(wr, out);
        write_delta(wr, out, S("text_delta"), S("text"), ev->text);
        break;
    case EV_THINKING:
        open_thinking(wr, out);
        write_delta(wr, out, S("thinking_delta"), S("thinking"), ev->text);
        break;
    case EV_SIGNATURE:
        write_signature(wr, out, ev);
        break;
    case EV_REDACTED:
        write_redacted(wr, out, ev);
        break;
    case EV_CALL:
        write_call(wr, out, ev);
        break;
    case EV_ARGS:
        write_args(wr, out, ev->text);
        break;
    case EV_CALL_END:
        if (wr->open == BLOCK_CALL && wr->custom)
            write_delta(wr, out, S("input_json_delta"), S("partial_json"), S("\"}"));
        close_block(wr, out);
        break;
    case EV_MEDIA:
        write_media(wr, out, ev->media);
        break;
    case EV_NOTES:
        write_notes(wr, out, ev);
        break;
    case EV_OPAQUE:
        if (ev->origin == DIALECT_ANTHROPIC)
            write_whole(wr, out, ev->text);
        break;
    case EV_LOGPROBS:
        break;
    case EV_FINISH:
        close_block(wr, out);
        wr->finish = (uint8_t)ev->finish;
        if (ev->finish == FINISH_STOP_SEQUENCE && ev->id.n)
            wr->stop_sequence = arena_dup(c->arena, ev->id);
        break;
    case EV_USAGE:
        wr->usage = *ev->usage;
        wr->counted = true;
        break;
    case EV_ERROR:
        anthropic_write_stream_error(out, ev->error);
        break;
    case EV_DONE:
        write_end(wr, out);
        break;
    }
}

void anthropic_write_keepalive(void *state, struct buf *out, const struct dialect_ctx *c)
{
    (void)state;
    (void)c;
    buf_add(out, S("event: ping\ndata: {\"type\":\"ping\"}\n\n"));
}
