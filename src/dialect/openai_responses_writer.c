/* openai_responses_writer.c - events as a Responses stream.
 *
 * Every item is said three times: piece by piece, whole as it ends, and once more in the last event
 * with all the others. So the items are kept, each byte of them once, as the JSON that they will be
 * in the last event:
 *
 *   ...,{"id":"msg_..","content":[{"type":"output_text","text":"Hello wor
 *      ^ item                     ^ part                       ^ text     ^ where it grows
 *
 * What the last events say of the request is put into words as the stream begins: nobody need keep
 * the request.
 */
#include "base/rope.h"
#include "dialect/openai_responses_internal.h"
#include "dialect/signature.h"

enum open { OPEN_NONE, OPEN_MESSAGE, OPEN_REFUSAL, OPEN_REASONING, OPEN_CALL, OPEN_CUSTOM };

/* A tool of the request that is not a function by its own name. */
struct special {
    struct special *next;
    str called; /* what the upstream calls it */
    str name, space;
    bool custom;
};

/* What few messages have: JSON, commas between. */
struct side {
    struct rope notes, logprobs;
    uint32_t nnotes;
};

struct writer {
    struct chat_usage usage;
    struct rope items;                 /* JSON, commas between */
    struct rope_mark item, part, text; /* of the open item; item: before its comma */
    struct side *side;                 /* of the open message; NULL: none */
    struct special *specials;
    str echo;            /* what the request said */
    str name;            /* of the open call */
    uint32_t seq, index; /* next sequence_number; output_index of the open or next item */
    uint32_t chars;      /* characters of the open message so far */
    uint8_t open, finish;
    bool started, has_part, said, counted, unwrap, refused;
    bool delta_last; /* the last frame written is a text's delta */
};

_Static_assert(sizeof(struct writer) <= RESPONSES_WRITER_BYTES, "keep it small");

enum { PIECE_BYTES = 16 * 1024 };

#define NO_LOGPROBS S(",\"logprobs\":[]}\n\n")

/* ---- frames --------------------------------------------------------------------------------- */

static void begin(struct writer *wr, struct buf *out, const char *type)
{
    wr->delta_last = false;
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

/* An event about a part of the open item: "item_id", "output_index" and the part's own index. */
static void begin_part(struct writer *wr, struct buf *out, const char *type, const char *index,
                       const struct dialect_ctx *c)
{
    begin(wr, out, type);
    buf_add(out, S(",\"item_id\":\""));
    responses_item_id(out, prefix_of(wr->open), c->id, wr->index);
    buf_add(out, S("\",\"output_index\":"));
    buf_u64(out, wr->index);
    if (index) {
        buf_add(out, S(",\""));
        buf_add(out, str_c(index));
        buf_add(out, S("\":0"));
    }
}

static void keep(struct writer *wr, str json, const struct dialect_ctx *c)
{
    rope_add(&wr->items, json, c->arena);
}

/* What stands in out from that byte on is kept, too. */
static void keep_from(struct writer *wr, const struct buf *out, size_t from,
                      const struct dialect_ctx *c)
{
    if (!out->full)
        keep(wr, (str){ out->p + from, out->n - from }, c);
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
        keep_from(wr, out, from, c);
        buf_chr(out, '"');
        if (wr->open == OPEN_MESSAGE)
            buf_add(out, NO_LOGPROBS);
        else
            end(out);
        wr->delta_last = wr->open == OPEN_MESSAGE;
        wr->said = true;
    }
}

/* ---- items ---------------------------------------------------------------------------------- */

/* The bytes around a part's text. */
static str part_head(uint8_t open)
{
    return open == OPEN_REFUSAL     ? S("{\"type\":\"refusal\",\"refusal\":\"")
           : open == OPEN_REASONING ? S("{\"type\":\"summary_text\",\"text\":\"")
                                    : S("{\"type\":\"output_text\",\"text\":\"");
}

static void add_part_tail(const struct writer *wr, struct buf *out)
{
    const struct rope_mark all = { 0 };
    if (wr->open != OPEN_MESSAGE) {
        buf_add(out, S("\"}"));
        return;
    }
    buf_add(out, S("\",\"annotations\":["));
    if (wr->side)
        rope_copy(out, &wr->side->notes, all);
    buf_add(out, S("],\"logprobs\":["));
    if (wr->side)
        rope_copy(out, &wr->side->logprobs, all);
    buf_add(out, S("]}"));
}

/* A call's own members, up to its arguments. */
struct call_words {
    str id, name, space;
};

/* The item up to where its content grows. */
static void add_item_head(const struct writer *wr, struct buf *out, const char *status,
                          const struct call_words *call, const struct dialect_ctx *c)
{
    bool custom = wr->open == OPEN_CUSTOM;
    buf_add(out, S("{\"id\":\""));
    responses_item_id(out, prefix_of(wr->open), c->id, wr->index);
    buf_add(out, S("\",\"type\":\""));
    if (wr->open == OPEN_REASONING) {
        buf_add(out, S("reasoning\",\"summary\":["));
        return;
    }
    buf_add(out, call == NULL ? S("message\",\"role\":\"assistant")
                 : custom     ? S("custom_tool_call")
                              : S("function_call"));
    buf_add(out, S("\",\"status\":\""));
    buf_add(out, str_c(status));
    if (!call) {
        buf_add(out, S("\",\"content\":["));
        return;
    }
    buf_add(out, S("\",\"call_id\":"));
    json_quote(out, call->id);
    if (call->space.n) {
        buf_add(out, S(",\"namespace\":"));
        json_quote(out, call->space);
    }
    buf_add(out, S(",\"name\":"));
    json_quote(out, call->name);
    buf_add(out, custom ? S(",\"input\":\"") : S(",\"arguments\":\""));
}

static void add_item_tail(const struct writer *wr, struct buf *out, str sealed)
{
    if (wr->open == OPEN_CALL || wr->open == OPEN_CUSTOM) {
        buf_add(out, S("\"}"));
        return;
    }
    buf_chr(out, ']');
    if (sealed.n) {
        buf_add(out, S(",\"encrypted_content\":"));
        json_quote(out, sealed);
    }
    buf_chr(out, '}');
}

static void begin_item_event(struct writer *wr, struct buf *out, const char *type)
{
    begin(wr, out, type);
    buf_add(out, S(",\"output_index\":"));
    buf_u64(out, wr->index);
    buf_add(out, S(",\"item\":"));
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
    rope_copy(out, &wr->items, wr->text);
    buf_chr(out, '"');
    if (wr->open == OPEN_MESSAGE) {
        buf_add(out, S(",\"logprobs\":["));
        if (wr->side)
            rope_copy(out, &wr->side->logprobs, (struct rope_mark){ 0 });
        buf_chr(out, ']');
    }
    end(out);
    if (!names[wr->open].part_done)
        return;
    begin_part(wr, out, names[wr->open].part_done, names[wr->open].index, c);
    buf_add(out, S(",\"part\":"));
    rope_copy(out, &wr->items, wr->part);
    size_t from = out->n;
    add_part_tail(wr, out);
    keep_from(wr, out, from, c);
    end(out);
}

/* sealed: the encrypted_content of reasoning. */
static void close_sealed(struct writer *wr, struct buf *out, str sealed,
                         const struct dialect_ctx *c)
{
    if (wr->open == OPEN_NONE)
        return;
    if (wr->has_part)
        end_part(wr, out, c);
    begin_item_event(wr, out, "response.output_item.done");
    size_t from = out->n;
    rope_copy(out, &wr->items, wr->item);
    if (wr->index > 0 && !out->full) { /* its comma */
        memmove(out->p + from, out->p + from + 1, out->n - from - 1);
        out->n--;
    }
    from = out->n;
    add_item_tail(wr, out, sealed);
    keep_from(wr, out, from, c);
    end(out);
    wr->open = OPEN_NONE;
    wr->index++;
}

static void close_item(struct writer *wr, struct buf *out, const struct dialect_ctx *c)
{
    close_sealed(wr, out, S(""), c);
}

/* call: NULL where it is none. */
static void open_item(struct writer *wr, struct buf *out, enum open open,
                      const struct call_words *call, const struct dialect_ctx *c)
{
    close_item(wr, out, c);
    wr->open = (uint8_t)open;
    wr->chars = 0;
    wr->side = NULL;
    wr->has_part = call != NULL;
    wr->said = false;
    wr->item = rope_end(&wr->items);
    if (wr->index > 0)
        keep(wr, S(","), c);
    begin_item_event(wr, out, "response.output_item.added");
    size_t from = out->n; /* first as it is kept, then as it is shown */
    add_item_head(wr, out, "completed", call, c);
    keep_from(wr, out, from, c);
    out->n = from;
    add_item_head(wr, out, "in_progress", call, c);
    add_item_tail(wr, out, S(""));
    end(out);
    wr->text = rope_end(&wr->items);
}

static void open_part(struct writer *wr, struct buf *out, enum open open,
                      const struct dialect_ctx *c)
{
    bool reasoning = open == OPEN_REASONING;
    if (wr->open != open)
        open_item(wr, out, open, NULL, c);
    if (wr->has_part)
        return;
    wr->has_part = true;
    wr->part = rope_end(&wr->items);
    keep(wr, part_head(wr->open), c);
    wr->text = rope_end(&wr->items);
    begin_part(wr, out,
               reasoning ? "response.reasoning_summary_part.added" : "response.content_part.added",
               reasoning ? "summary_index" : "content_index", c);
    buf_add(out, S(",\"part\":"));
    buf_add(out, part_head(wr->open));
    add_part_tail(wr, out);
    end(out);
}

/* An item that has no pieces. */
static void whole_item(struct writer *wr, struct buf *out, str item, const struct dialect_ctx *c)
{
    close_item(wr, out, c);
    for (int done = 0; done < 2; done++) {
        begin_item_event(wr, out,
                         done ? "response.output_item.done" : "response.output_item.added");
        buf_add(out, item);
        end(out);
    }
    if (wr->index > 0)
        keep(wr, S(","), c);
    keep(wr, item, c);
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

static void learn_specials(struct writer *wr, const struct dialect_ctx *c)
{
    struct special **tail = &wr->specials;
    for (const struct chat_tool *t = c->req ? c->req->tools : NULL; t; t = t->next) {
        struct special s = { .called = t->name, .name = t->name, .custom = t->kind == TOOL_CUSTOM };
        if (!responses_split_name(t, &s.space, &s.name, c->arena) && !s.custom)
            continue;
        s.called = arena_dup(c->arena, s.called);
        s.name = arena_dup(c->arena, s.name);
        s.space = arena_dup(c->arena, s.space);
        *tail = NEW(c->arena, struct special, 1);
        **tail = s;
        tail = &(*tail)->next;
    }
}

static const struct special *find_special(const struct writer *wr, str called)
{
    const struct special *s = wr->specials;
    while (s && !str_eq(s->called, called))
        s = s->next;
    return s;
}

static void write_start(struct writer *wr, struct buf *out, const struct dialect_ctx *c)
{
    if (wr->started)
        return;
    wr->started = true;
    learn_specials(wr, c);
    size_t from = out->n; /* written there first: it may be long */
    responses_write_echo(out, c);
    wr->echo = out->full ? (str){ 0 } : arena_dup(c->arena, (str){ out->p + from, out->n - from });
    out->n = from;
    struct responses_state s = { .status = "in_progress", .echo = wr->echo };
    response_event(wr, out, "response.created", &s, c);
    response_event(wr, out, "response.in_progress", &s, c);
}

/* It ends its reasoning, or is one by itself. */
static void write_signature(struct writer *wr, struct buf *out, str sealed,
                            const struct dialect_ctx *c)
{
    if (wr->open != OPEN_REASONING)
        open_item(wr, out, OPEN_REASONING, NULL, c);
    close_sealed(wr, out, sealed, c);
}

static void write_call(struct writer *wr, struct buf *out, const struct chat_event *ev,
                       const struct dialect_ctx *c)
{
    const struct special *tool = find_special(wr, ev->name);
    bool custom = ev->custom || (tool && tool->custom);
    struct arena scratch;
    arena_init(&scratch);
    struct call_words words = { .id = signature_into_id(&scratch, ev->id, ev->text),
                                .name = tool ? tool->name : ev->name,
                                .space = tool ? tool->space : (str){ 0 } };
    open_item(wr, out, custom ? OPEN_CUSTOM : OPEN_CALL, &words, c);
    wr->name = tool ? tool->name : arena_dup(c->arena, ev->name);
    wr->unwrap = custom && !ev->custom;
    arena_done(&scratch);
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
        keep(wr, text, c);
    else
        args_delta(wr, out, text, c);
}

static void end_call(struct writer *wr, struct buf *out, const struct dialect_ctx *c)
{
    if (wr->open != OPEN_CALL && wr->open != OPEN_CUSTOM)
        return;
    if (wr->unwrap) {
        struct arena scratch;
        struct buf args;
        arena_init(&scratch);
        buf_init(&args, SIZE_MAX);
        rope_copy(&args, &wr->items, wr->text);
        rope_cut(&wr->items, wr->text);
        wr->unwrap = false;
        args_delta(wr, out, responses_unwrap_input(buf_str(&args), &scratch), c);
        buf_done(&args);
        arena_done(&scratch);
    } else if (wr->open == OPEN_CALL && !wr->said) {
        args_delta(wr, out, S("{}"), c);
    }
    close_item(wr, out, c);
}

static struct side *side_of(struct writer *wr, const struct dialect_ctx *c)
{
    if (!wr->side)
        wr->side = NEW(c->arena, struct side, 1);
    return wr->side;
}

static void add_beside(struct rope *list, str json, const struct dialect_ctx *c)
{
    if (list->first)
        rope_add(list, S(","), c->arena);
    rope_add(list, json, c->arena);
}

static void write_notes(struct writer *wr, struct buf *out, const struct chat_event *ev,
                        const struct dialect_ctx *c)
{
    struct buf notes;
    struct arena scratch;
    jval *v = NULL;
    arena_init(&scratch);
    buf_init(&notes, 1 << 20);
    responses_write_notes(&notes, ev->text, ev->origin, wr->chars, &scratch);
    str list = arena_fmt(&scratch, "[%.*s]", STRF(buf_str(&notes)));
    if (notes.n && !notes.full && !FAILED(jd_read(&v, list, &scratch, NULL))) {
        open_part(wr, out, OPEN_MESSAGE, c);
        JD_EACH (m, v) {
            str note = jd_text(m.value, &scratch);
            begin_part(wr, out, "response.output_text.annotation.added", "content_index", c);
            buf_add(out, S(",\"annotation_index\":"));
            buf_u64(out, side_of(wr, c)->nnotes++);
            buf_add(out, S(",\"annotation\":"));
            buf_add(out, note);
            end(out);
            add_beside(&wr->side->notes, note, c);
        }
    }
    buf_done(&notes);
    arena_done(&scratch);
}

/* They belong to the delta just before, and into it as long as it has not gone out. */
static void write_logprobs(struct writer *wr, struct buf *out, str logprobs,
                           const struct dialect_ctx *c)
{
    struct json_member m = { .name = S("content") };
    if (wr->open != OPEN_MESSAGE || FAILED(json_scan(logprobs, &m, 1, NULL, NULL)) ||
        m.kind != JSON_ARRAY || m.value.n <= 2)
        return;
    str tokens = str_take(str_skip(m.value, 1), m.value.n - 2);
    add_beside(&side_of(wr, c)->logprobs, tokens, c);
    if (!wr->delta_last || out->full || !str_ends(buf_str(out), NO_LOGPROBS))
        return;
    out->n -= sizeof("]}\n\n") - 1;
    buf_add(out, tokens);
    buf_add(out, S("]}\n\n"));
    wr->delta_last = false;
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
                                 .echo = wr->echo,
                                 .items = &wr->items,
                                 .usage = wr->counted ? &wr->usage : NULL,
                                 .finish = (enum chat_finish)wr->finish };
    close_item(wr, out, c);
    response_event(wr, out, cut ? "response.incomplete" : "response.completed", &s, c);
}

static void write_failure(struct writer *wr, struct buf *out, const struct chat_error *err,
                          const struct dialect_ctx *c)
{
    write_start(wr, out, c);
    responses_write_error_event(out, wr->seq++, err);
    if (wr->open != OPEN_NONE) /* what it was to be is not known */
        rope_cut(&wr->items, wr->item);
    wr->open = OPEN_NONE;
    struct responses_state s = { .status = "failed",
                                 .echo = wr->echo,
                                 .items = &wr->items,
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
        close_item(wr, out, c);
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
        write_logprobs(wr, out, ev->text, c);
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
