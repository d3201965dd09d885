/* openai_responses_writer.c - events as a Responses stream.
 *
 * Every item is said three times: piece by piece, whole as it ends, and once more in the last event
 * with all the others. So the text of the open item and the finished items are kept, already as
 * JSON, in the exchange's arena.
 */
#include "dialect/openai_responses_internal.h"
#include "dialect/signature.h"

enum open { OPEN_NONE, OPEN_MESSAGE, OPEN_REFUSAL, OPEN_REASONING, OPEN_CALL, OPEN_CUSTOM };

/* Grows by doubling in the arena. */
struct grow {
    char *p;
    uint32_t n, cap;
};

struct writer {
    struct chat_usage usage;
    struct grow text;  /* of the open item: the inside of a JSON string (raw while unwrapping) */
    struct grow notes; /* its annotations: JSON, commas between */
    struct grow items; /* the finished items: JSON, commas between */
    str call_id, name, space; /* of the open call */
    str sealed;               /* encrypted_content of the open reasoning */
    uint32_t seq, index;      /* next sequence_number; output_index of the open or next item */
    uint32_t chars;           /* characters of the open message so far */
    uint32_t nnotes;
    uint8_t open, finish;
    bool started, has_part, counted, unwrap, refused;
};

_Static_assert(sizeof(struct writer) <= RESPONSES_WRITER_BYTES, "keep it small");

/* What is beyond stays unsaid in the last events: no answer is that long. */
enum { GROW_BYTES_MAX = 256 * 1024 * 1024, PIECE_BYTES = 16 * 1024 };

static void grow_add(struct grow *g, str s, struct arena *a)
{
    if (s.n > GROW_BYTES_MAX - g->n)
        return;
    uint32_t need = g->n + (uint32_t)s.n;
    if (need > g->cap) {
        uint32_t cap = need < 256 ? 512 : need + need / 2;
        g->p = g->p ? arena_resize(a, g->p, g->cap, cap) : arena_raw(a, cap);
        g->cap = cap;
    }
    if (s.n)
        memcpy(g->p + g->n, s.p, s.n);
    g->n = need;
}

static str grown(const struct grow *g)
{
    return (str){ g->p, g->n };
}

/* ---- frames --------------------------------------------------------------------------------- */

static void begin(struct writer *wr, struct buf *out, const char *type)
{
    buf_add(out, S("event: "));
    buf_add(out, str_c(type));
    buf_add(out, S("\ndata: {\"type\":\""));
    buf_add(out, str_c(type));
    buf_add(out, S("\",\"sequence_number\":"));
    buf_u64(out, wr->seq++);
}

static void end(struct buf *out)
{
    buf_add(out, S("}\n\n"));
}

static const char *prefix_of(uint8_t open)
{
    static const char *const prefixes[] = { "", "msg_", "msg_", "rs_", "fc_", "ctc_" };
    return prefixes[open];
}

static void item_id(struct writer *wr, struct buf *out, const struct dialect_ctx *c)
{
    responses_item_id(out, prefix_of(wr->open), c->id, wr->index);
}

/* An event about a part of the open item: "item_id", "output_index" and the part's own index. */
static void begin_part(struct writer *wr, struct buf *out, const char *type, const char *index,
                       const struct dialect_ctx *c)
{
    begin(wr, out, type);
    buf_add(out, S(",\"item_id\":\""));
    item_id(wr, out, c);
    buf_add(out, S("\",\"output_index\":"));
    buf_u64(out, wr->index);
    if (index) {
        buf_add(out, S(",\""));
        buf_add(out, str_c(index));
        buf_add(out, S("\":0"));
    }
}

/* Deltas, and the text kept as it was escaped for them. */
static void write_delta(struct writer *wr, struct buf *out, const char *type, const char *index,
                        str text, const struct dialect_ctx *c)
{
    while (text.n) {
        str piece = str_cut_utf8(&text, PIECE_BYTES);
        begin_part(wr, out, type, index, c);
        buf_add(out, S(",\"delta\":\""));
        size_t from = out->n;
        json_escape(out, piece);
        if (!out->full)
            grow_add(&wr->text, (str){ out->p + from, out->n - from }, c->arena);
        buf_chr(out, '"');
        if (wr->open == OPEN_MESSAGE)
            buf_add(out, S(",\"logprobs\":[]"));
        end(out);
    }
}

/* ---- items ---------------------------------------------------------------------------------- */

/* The part that a message or a reasoning item consists of. */
static void add_part(const struct writer *wr, struct buf *out, bool whole)
{
    str text = whole ? grown(&wr->text) : (str){ 0 };
    switch (wr->open) {
    case OPEN_REFUSAL:
        buf_add(out, S("{\"type\":\"refusal\",\"refusal\":\""));
        buf_add(out, text);
        buf_add(out, S("\"}"));
        break;
    case OPEN_REASONING:
        buf_add(out, S("{\"type\":\"summary_text\",\"text\":\""));
        buf_add(out, text);
        buf_add(out, S("\"}"));
        break;
    default:
        buf_add(out, S("{\"type\":\"output_text\",\"text\":\""));
        buf_add(out, text);
        buf_add(out, S("\",\"annotations\":["));
        if (whole)
            buf_add(out, grown(&wr->notes));
        buf_add(out, S("],\"logprobs\":[]}"));
        break;
    }
}

static void add_item(struct writer *wr, struct buf *out, bool whole, const struct dialect_ctx *c)
{
    bool custom = wr->open == OPEN_CUSTOM;
    buf_add(out, S("{\"id\":\""));
    item_id(wr, out, c);
    buf_add(out, S("\",\"type\":\""));
    switch (wr->open) {
    case OPEN_REASONING:
        buf_add(out, S("reasoning\",\"summary\":["));
        if (whole && wr->has_part)
            add_part(wr, out, true);
        buf_chr(out, ']');
        if (whole && wr->sealed.n) {
            buf_add(out, S(",\"encrypted_content\":"));
            json_quote(out, wr->sealed);
        }
        break;
    case OPEN_CALL:
    case OPEN_CUSTOM:
        buf_add(out, custom ? S("custom_tool_call\"") : S("function_call\""));
        buf_add(out, whole ? S(",\"status\":\"completed\"") : S(",\"status\":\"in_progress\""));
        buf_add(out, S(",\"call_id\":"));
        json_quote(out, wr->call_id);
        if (wr->space.n) {
            buf_add(out, S(",\"namespace\":"));
            json_quote(out, wr->space);
        }
        buf_add(out, S(",\"name\":"));
        json_quote(out, wr->name);
        buf_add(out, custom ? S(",\"input\":\"") : S(",\"arguments\":\""));
        if (whole)
            buf_add(out, grown(&wr->text));
        buf_chr(out, '"');
        break;
    default:
        buf_add(out, S("message\",\"role\":\"assistant\",\"status\":"));
        buf_add(out, whole ? S("\"completed\",\"content\":[") : S("\"in_progress\",\"content\":["));
        if (whole)
            add_part(wr, out, true);
        buf_chr(out, ']');
        break;
    }
    buf_chr(out, '}');
}

static void keep_item(struct writer *wr, str item, struct arena *a)
{
    if (wr->items.n)
        grow_add(&wr->items, S(","), a);
    grow_add(&wr->items, item, a);
}

static void item_event(struct writer *wr, struct buf *out, bool whole, const struct dialect_ctx *c)
{
    begin(wr, out, whole ? "response.output_item.done" : "response.output_item.added");
    buf_add(out, S(",\"output_index\":"));
    buf_u64(out, wr->index);
    buf_add(out, S(",\"item\":"));
    size_t from = out->n;
    add_item(wr, out, whole, c);
    if (whole && !out->full)
        keep_item(wr, (str){ out->p + from, out->n - from }, c->arena);
    end(out);
}

/* The events that end the part of the open item: its text whole, then the part. */
static void end_part(struct writer *wr, struct buf *out, const struct dialect_ctx *c)
{
    static const struct {
        const char *text_done, *text, *part_done, *index;
    } names[] = {
        [OPEN_MESSAGE] = { "response.output_text.done", "text", "response.content_part.done",
                           "content_index" },
        [OPEN_REFUSAL] = { "response.refusal.done", "refusal", "response.content_part.done",
                           "content_index" },
        [OPEN_REASONING] = { "response.reasoning_summary_text.done", "text",
                             "response.reasoning_summary_part.done", "summary_index" },
        [OPEN_CALL] = { "response.function_call_arguments.done", "arguments", NULL, NULL },
        [OPEN_CUSTOM] = { "response.custom_tool_call_input.done", "input", NULL, NULL },
    };
    begin_part(wr, out, names[wr->open].text_done, names[wr->open].index, c);
    if (wr->open == OPEN_CALL) {
        buf_add(out, S(",\"name\":"));
        json_quote(out, wr->name);
    }
    buf_add(out, S(",\""));
    buf_add(out, str_c(names[wr->open].text));
    buf_add(out, S("\":\""));
    buf_add(out, grown(&wr->text));
    buf_chr(out, '"');
    if (wr->open == OPEN_MESSAGE)
        buf_add(out, S(",\"logprobs\":[]"));
    end(out);
    if (!names[wr->open].part_done)
        return;
    begin_part(wr, out, names[wr->open].part_done, names[wr->open].index, c);
    buf_add(out, S(",\"part\":"));
    add_part(wr, out, true);
    end(out);
}

static void close_item(struct writer *wr, struct buf *out, const struct dialect_ctx *c)
{
    if (wr->open == OPEN_NONE)
        return;
    if (wr->has_part)
        end_part(wr, out, c);
    item_event(wr, out, true, c);
    wr->open = OPEN_NONE;
    wr->index++;
}

static void open_item(struct writer *wr, struct buf *out, enum open open,
                      const struct dialect_ctx *c)
{
    close_item(wr, out, c);
    wr->open = (uint8_t)open;
    wr->text.n = wr->notes.n = 0;
    wr->chars = wr->nnotes = 0;
    wr->sealed = (str){ 0 };
    wr->has_part = false;
    item_event(wr, out, false, c);
}

static void open_part(struct writer *wr, struct buf *out, enum open open,
                      const struct dialect_ctx *c)
{
    bool reasoning = open == OPEN_REASONING;
    if (wr->open != open || (reasoning && wr->sealed.n))
        open_item(wr, out, open, c);
    if (wr->has_part)
        return;
    wr->has_part = true;
    begin_part(wr, out,
               reasoning ? "response.reasoning_summary_part.added" : "response.content_part.added",
               reasoning ? "summary_index" : "content_index", c);
    buf_add(out, S(",\"part\":"));
    add_part(wr, out, false);
    end(out);
}

/* An item that has no pieces. */
static void whole_item(struct writer *wr, struct buf *out, str item, const struct dialect_ctx *c)
{
    close_item(wr, out, c);
    for (int done = 0; done < 2; done++) {
        begin(wr, out, done ? "response.output_item.done" : "response.output_item.added");
        buf_add(out, S(",\"output_index\":"));
        buf_u64(out, wr->index);
        buf_add(out, S(",\"item\":"));
        buf_add(out, item);
        end(out);
    }
    keep_item(wr, item, c->arena);
    wr->index++;
}

/* ---- events --------------------------------------------------------------------------------- */

static void response_event(struct writer *wr, struct buf *out, const char *type,
                           const struct responses_state *s, const struct dialect_ctx *c)
{
    begin(wr, out, type);
    buf_add(out, S(",\"response\":"));
    responses_write_object(out, s, c);
    end(out);
}

static void write_start(struct writer *wr, struct buf *out, const struct dialect_ctx *c)
{
    if (wr->started)
        return;
    wr->started = true;
    struct responses_state s = { .status = "in_progress" };
    response_event(wr, out, "response.created", &s, c);
    response_event(wr, out, "response.in_progress", &s, c);
}

static void write_signature(struct writer *wr, struct buf *out, str sealed,
                            const struct dialect_ctx *c)
{
    if (wr->open != OPEN_REASONING || wr->sealed.n)
        open_item(wr, out, OPEN_REASONING, c);
    wr->sealed = arena_dup(c->arena, sealed);
}

static void write_call(struct writer *wr, struct buf *out, const struct chat_event *ev,
                       const struct dialect_ctx *c)
{
    const struct chat_tool *tool = responses_tool(c->req, ev->name);
    bool custom = ev->custom || (tool && tool->kind == TOOL_CUSTOM);
    str name = ev->name, space = { 0 };
    close_item(wr, out, c);
    responses_split_name(tool, &space, &name, c->arena);
    wr->call_id = arena_dup(c->arena, signature_into_id(c->arena, ev->id, ev->text));
    wr->name = arena_dup(c->arena, name);
    wr->space = space;
    wr->unwrap = custom && !ev->custom;
    open_item(wr, out, custom ? OPEN_CUSTOM : OPEN_CALL, c);
    wr->has_part = true;
}

static void args_delta(struct writer *wr, struct buf *out, str text, const struct dialect_ctx *c)
{
    write_delta(wr, out,
                wr->open == OPEN_CUSTOM ? "response.custom_tool_call_input.delta"
                                        : "response.function_call_arguments.delta",
                NULL, text, c);
}

static void write_args(struct writer *wr, struct buf *out, str text, const struct dialect_ctx *c)
{
    if (wr->open != OPEN_CALL && wr->open != OPEN_CUSTOM)
        return;
    if (wr->unwrap) /* the text is inside: known when all is there */
        grow_add(&wr->text, text, c->arena);
    else
        args_delta(wr, out, text, c);
}

static void end_call(struct writer *wr, struct buf *out, const struct dialect_ctx *c)
{
    if (wr->open != OPEN_CALL && wr->open != OPEN_CUSTOM)
        return;
    if (wr->unwrap) {
        str input = responses_unwrap_input(grown(&wr->text), c->arena);
        input = arena_dup(c->arena, input);
        wr->text.n = 0;
        wr->unwrap = false;
        args_delta(wr, out, input, c);
    } else if (wr->open == OPEN_CALL && wr->text.n == 0) {
        args_delta(wr, out, S("{}"), c);
    }
    close_item(wr, out, c);
}

static void write_notes(struct writer *wr, struct buf *out, const struct chat_event *ev,
                        const struct dialect_ctx *c)
{
    struct buf notes;
    struct arena scratch;
    jval *v = NULL;
    arena_init(&scratch);
    buf_init(&notes, 1 << 20);
    buf_chr(&notes, '[');
    struct buf inner;
    buf_init(&inner, 1 << 20);
    responses_write_notes(&inner, ev->text, ev->origin, wr->chars, &scratch);
    buf_add(&notes, buf_str(&inner));
    buf_chr(&notes, ']');
    if (inner.n && !inner.full && !FAILED(jd_read(&v, buf_str(&notes), &scratch, NULL))) {
        open_part(wr, out, OPEN_MESSAGE, c);
        JD_EACH (m, v) {
            begin_part(wr, out, "response.output_text.annotation.added", "content_index", c);
            buf_add(out, S(",\"annotation_index\":"));
            buf_u64(out, wr->nnotes++);
            buf_add(out, S(",\"annotation\":"));
            buf_add(out, jd_text(m.value, &scratch));
            end(out);
        }
        if (wr->notes.n)
            grow_add(&wr->notes, S(","), c->arena);
        grow_add(&wr->notes, buf_str(&inner), c->arena);
    }
    buf_done(&inner);
    buf_done(&notes);
    arena_done(&scratch);
}

static void write_media(struct writer *wr, struct buf *out, const struct chat_media *m,
                        const struct dialect_ctx *c)
{
    if (!m->data.n)
        return;
    struct buf item;
    close_item(wr, out, c);
    buf_init(&item, SIZE_MAX);
    buf_add(&item, S("{\"id\":\""));
    responses_item_id(&item, "ig_", c->id, wr->index);
    buf_add(&item, S("\",\"type\":\"image_generation_call\",\"status\":\"completed\",\"result\":"));
    json_quote(&item, m->data);
    buf_chr(&item, '}');
    whole_item(wr, out, buf_str(&item), c);
    buf_done(&item);
}

static void write_done(struct writer *wr, struct buf *out, const struct dialect_ctx *c)
{
    /* A refusal in words is a complete answer; a filter that left nothing is not. */
    bool cut = wr->finish == FINISH_LENGTH || wr->finish == FINISH_CONTEXT ||
               (wr->finish == FINISH_FILTER && !wr->refused);
    struct responses_state s = { .status = cut ? "incomplete" : "completed",
                                 .output = grown(&wr->items),
                                 .usage = wr->counted ? &wr->usage : NULL,
                                 .finish = (enum chat_finish)wr->finish };
    close_item(wr, out, c);
    s.output = grown(&wr->items);
    response_event(wr, out, cut ? "response.incomplete" : "response.completed", &s, c);
}

static void write_failure(struct writer *wr, struct buf *out, const struct chat_error *err,
                          const struct dialect_ctx *c)
{
    write_start(wr, out, c);
    responses_write_error_event(out, wr->seq++, err);
    struct responses_state s = { .status = "failed",
                                 .output = grown(&wr->items),
                                 .usage = wr->counted ? &wr->usage : NULL,
                                 .error = err };
    response_event(wr, out, "response.failed", &s, c);
}

void responses_write_event(void *state, struct buf *out, const struct chat_event *ev,
                           const struct dialect_ctx *c)
{
    struct writer *wr = state;
    if (ev->choice != 0)
        return;
    switch (ev->kind) {
    case EV_START:
        write_start(wr, out, c);
        break;
    case EV_TEXT:
        open_part(wr, out, OPEN_MESSAGE, c);
        wr->chars += (uint32_t)responses_chars(ev->text);
        write_delta(wr, out, "response.output_text.delta", "content_index", ev->text, c);
        break;
    case EV_REFUSAL:
        wr->refused = true;
        open_part(wr, out, OPEN_REFUSAL, c);
        write_delta(wr, out, "response.refusal.delta", "content_index", ev->text, c);
        break;
    case EV_THINKING:
        open_part(wr, out, OPEN_REASONING, c);
        write_delta(wr, out, "response.reasoning_summary_text.delta", "summary_index", ev->text, c);
        break;
    case EV_SIGNATURE:
        write_signature(
            wr, out, signature_mark(c->arena, ev->text, ev->origin, DIALECT_OPENAI_RESPONSES), c);
        break;
    case EV_REDACTED:
        open_item(wr, out, OPEN_REASONING, c);
        write_signature(wr, out,
                        signature_mark(c->arena, arena_cat(c->arena, RESPONSES_REDACTED, ev->text),
                                       ev->origin, DIALECT_OPENAI_RESPONSES),
                        c);
        break;
    case EV_CALL:
        write_call(wr, out, ev, c);
        break;
    case EV_ARGS:
        write_args(wr, out, ev->text, c);
        break;
    case EV_CALL_END:
        end_call(wr, out, c);
        break;
    case EV_MEDIA:
        write_media(wr, out, ev->media, c);
        break;
    case EV_NOTES:
        write_notes(wr, out, ev, c);
        break;
    case EV_OPAQUE:
        if (ev->origin == DIALECT_OPENAI_RESPONSES)
            whole_item(wr, out, ev->text, c);
        break;
    case EV_LOGPROBS:
        break;
    case EV_FINISH:
        close_item(wr, out, c);
        wr->finish = (uint8_t)ev->finish;
        break;
    case EV_USAGE:
        wr->usage = *ev->usage;
        wr->counted = true;
        break;
    case EV_ERROR:
        write_failure(wr, out, ev->error, c);
        break;
    case EV_DONE:
        write_done(wr, out, c);
        break;
    }
}

/* Without a state a comment: the first event must be response.created. */
void responses_write_keepalive(void *state, struct buf *out, const struct dialect_ctx *c)
{
    struct writer *wr = state;
    if (!wr) {
        buf_add(out, S(": keep-alive\n\n"));
        return;
    }
    write_start(wr, out, c);
    begin(wr, out, "keepalive");
    end(out);
}
