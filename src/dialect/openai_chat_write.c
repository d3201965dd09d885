/* Events as chunks for an OpenAI chat client: constant id and created, role in the first delta, an
 * index everywhere, one finish_reason per choice, usage once and only if asked for, no line beyond
 * 64 KiB. */
#include "dialect/openai_chat_internal.h"
#include "dialect/signature.h"

/* A piece of text may grow sixfold when escaped (control characters): stays below 64 KiB. */
enum { PIECE_BYTES = 10 * 1024, CHOICES = 64 };

struct writer {
    str prefix;       /* of every chunk, up to the inside of choices */
    uint64_t role;    /* bit per choice: its first delta is out */
    uint64_t args;    /* ... the open call has had arguments */
    uint64_t custom;  /* ... the open call is a custom tool's */
    uint64_t merging; /* ... <think> is open in the content */
};

_Static_assert(sizeof(struct writer) <= OPENAI_WRITER_BYTES, "a stream costs bytes");

static void make_prefix(struct writer *st, str id, int64_t created, const struct dialect_ctx *c)
{
    struct buf b;
    buf_init(&b, 64 * 1024);
    buf_add(&b, S("data: {\"id\":"));
    json_quote(&b, id.n ? id : c->id);
    buf_fmt(&b, ",\"object\":\"chat.completion.chunk\",\"created\":%lld,\"model\":",
            (long long)(created > 0 ? created : c->created));
    json_quote(&b, c->model);
    buf_add(&b, S(",\"choices\":["));
    st->prefix = arena_dup(c->arena, buf_str(&b));
    buf_done(&b);
}

/* Opens a chunk up to the inside of its delta; the choice's first one has the role. */
static void begin(struct writer *st, struct buf *out, uint32_t choice)
{
    uint64_t bit = UINT64_C(1) << choice;
    buf_add(out, st->prefix);
    buf_add(out, S("{\"index\":"));
    buf_u64(out, choice);
    buf_add(out, S(",\"delta\":{"));
    if (!(st->role & bit)) {
        buf_add(out, S("\"role\":\"assistant\","));
        st->role |= bit;
    }
}

static void end(struct buf *out)
{
    buf_add(out, S("},\"finish_reason\":null}]}\n\n"));
}

/* Chunks of {"name": piece}, as many as the text needs. */
static void write_text(struct writer *st, struct buf *out, uint32_t choice, str name, str text)
{
    while (text.n) {
        str piece = str_cut_utf8(&text, PIECE_BYTES);
        begin(st, out, choice);
        buf_chr(out, '"');
        buf_add(out, name);
        buf_add(out, S("\":"));
        json_quote(out, piece);
        end(out);
    }
}

/* ---- thinking ------------------------------------------------------------------------------- */

static void close_merged(struct writer *st, struct buf *out, uint32_t choice)
{
    uint64_t bit = UINT64_C(1) << choice;
    if (!(st->merging & bit))
        return;
    st->merging &= ~bit;
    write_text(st, out, choice, S("content"), S("</think>"));
}

static void write_block(struct writer *st, struct buf *out, uint32_t choice, str reasoning,
                        str thinking, str signature)
{
    begin(st, out, choice);
    if (reasoning.n) {
        buf_add(out, S("\"reasoning_content\":"));
        json_quote(out, reasoning);
        buf_chr(out, ',');
    }
    buf_add(out, S("\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":"));
    json_quote(out, thinking);
    if (signature.n) {
        buf_add(out, S(",\"signature\":"));
        json_quote(out, signature);
    }
    buf_add(out, S("}]"));
    end(out);
}

/* Anthropic's thinking is shown twice, as LiteLLM does: the blocks can be sent back signed. */
static void write_thinking(struct writer *st, struct buf *out, const struct chat_event *ev,
                           const struct dialect_ctx *c)
{
    uint64_t bit = UINT64_C(1) << ev->choice;
    if (c->merge_reasoning) {
        if (!(st->merging & bit))
            write_text(st, out, ev->choice, S("content"), S("<think>"));
        st->merging |= bit;
        write_text(st, out, ev->choice, S("content"), ev->text);
        return;
    }
    if (ev->origin != DIALECT_ANTHROPIC) {
        write_text(st, out, ev->choice, S("reasoning_content"), ev->text);
        return;
    }
    for (str text = ev->text; text.n;) {
        str piece = str_cut_utf8(&text, PIECE_BYTES / 2);
        write_block(st, out, ev->choice, piece, piece, (str){ 0 });
    }
}

static void write_redacted(struct writer *st, struct buf *out, const struct chat_event *ev,
                           str data)
{
    begin(st, out, ev->choice);
    buf_add(out, S("\"thinking_blocks\":[{\"type\":\"redacted_thinking\",\"data\":"));
    json_quote(out, data);
    buf_add(out, S("}]"));
    end(out);
}

/* Opaque text that rides beside the answer. Marked for its maker; short-lived memory. */
static void write_marked(struct writer *st, struct buf *out, const struct chat_event *ev)
{
    struct arena scratch;
    arena_init(&scratch);
    str marked = signature_mark(&scratch, ev->text, ev->origin, DIALECT_ANTHROPIC);
    if (ev->kind == EV_REDACTED)
        write_redacted(st, out, ev, marked);
    else
        write_block(st, out, ev->choice, (str){ 0 }, (str){ 0 }, marked);
    arena_done(&scratch);
}

/* ---- calls ---------------------------------------------------------------------------------- */

static void begin_call(struct writer *st, struct buf *out, const struct chat_event *ev)
{
    begin(st, out, ev->choice);
    buf_add(out, S("\"tool_calls\":[{\"index\":"));
    buf_u64(out, ev->call);
}

static void write_call(struct writer *st, struct buf *out, const struct chat_event *ev)
{
    uint64_t bit = UINT64_C(1) << ev->choice;
    struct arena scratch;
    arena_init(&scratch);
    begin_call(st, out, ev);
    buf_add(out, S(",\"id\":"));
    json_quote(out, signature_into_id(&scratch, ev->id, ev->text));
    buf_add(out, ev->custom ? S(",\"type\":\"custom\",\"custom\":{\"name\":")
                            : S(",\"type\":\"function\",\"function\":{\"name\":"));
    json_quote(out, ev->name);
    buf_add(out, ev->custom ? S(",\"input\":\"\"}}]") : S(",\"arguments\":\"\"}}]"));
    end(out);
    arena_done(&scratch);
    st->args &= ~bit;
    st->custom = ev->custom ? st->custom | bit : st->custom & ~bit;
}

static void write_args(struct writer *st, struct buf *out, const struct chat_event *ev)
{
    uint64_t bit = UINT64_C(1) << ev->choice;
    bool custom = st->custom & bit;
    st->args |= bit;
    for (str text = ev->text; text.n;) {
        str piece = str_cut_utf8(&text, PIECE_BYTES);
        begin_call(st, out, ev);
        buf_add(out, custom ? S(",\"custom\":{\"input\":") : S(",\"function\":{\"arguments\":"));
        json_quote(out, piece);
        buf_add(out, S("}}]"));
        end(out);
    }
}

/* A call without arguments has the empty object: clients parse what they gathered. */
static void write_call_end(struct writer *st, struct buf *out, const struct chat_event *ev)
{
    uint64_t bit = UINT64_C(1) << ev->choice;
    if (st->args & bit || st->custom & bit)
        return;
    struct chat_event none = *ev;
    none.text = S("{}");
    write_args(st, out, &none);
}

/* ---- the rest ------------------------------------------------------------------------------- */

static void write_notes(struct writer *st, struct buf *out, const struct chat_event *ev)
{
    struct arena scratch;
    struct buf notes;
    struct jw w;
    arena_init(&scratch);
    buf_init(&notes, SSE_EVENT_BYTES_MAX * 2);
    jw_init(&w, &notes);
    begin(st, out, ev->choice);
    if (openai_write_annotations(&w, ev->text, ev->origin, &scratch)) {
        buf_add(out, S("\"annotations\":"));
        buf_add(out, buf_str(&notes));
    } else {
        if (openai_write_sources(&w, ev->text, &scratch)) {
            buf_add(out, S("\"annotations\":"));
            buf_add(out, buf_str(&notes));
            buf_chr(out, ',');
        }
        buf_add(out, S("\"provider_specific_fields\":{\"citations\":"));
        buf_add(out, ev->text);
        buf_chr(out, '}');
    }
    end(out);
    buf_done(&notes);
    arena_done(&scratch);
}

static void write_media(struct writer *st, struct buf *out, const struct chat_event *ev)
{
    const struct chat_media *m = ev->media;
    begin(st, out, ev->choice);
    if (str_starts(m->mime, S("audio/"))) {
        buf_add(out, S("\"audio\":{\"data\":"));
        json_quote(out, m->data);
        buf_add(out, S(",\"transcript\":"));
        json_quote(out, m->text);
        buf_chr(out, '}');
    } else {
        buf_add(out,
                S("\"images\":[{\"type\":\"image_url\",\"index\":0,\"image_url\":{\"url\":\""));
        if (m->data.n) {
            buf_add(out, S("data:"));
            json_escape(out, m->mime.n ? m->mime : S("image/png"));
            buf_add(out, S(";base64,"));
        }
        json_escape(out, m->data.n ? m->data : m->url);
        buf_add(out, S("\"}}]"));
    }
    end(out);
}

/* A chunk whose delta is empty, or holds the role alone. */
static void begin_empty(struct writer *st, struct buf *out, uint32_t choice)
{
    begin(st, out, choice);
    if (out->n && out->p[out->n - 1] == ',')
        out->n--;
}

static void write_logprobs(struct writer *st, struct buf *out, const struct chat_event *ev)
{
    begin_empty(st, out, ev->choice);
    buf_add(out, S("},\"logprobs\":"));
    buf_add(out, ev->text);
    buf_add(out, S(",\"finish_reason\":null}]}\n\n"));
}

static void write_finish(struct writer *st, struct buf *out, const struct chat_event *ev)
{
    close_merged(st, out, ev->choice);
    begin_empty(st, out, ev->choice);
    buf_add(out, S("},\"finish_reason\":\""));
    buf_add(out, openai_finish_word(ev->finish));
    buf_add(out, S("\"}]}\n\n"));
}

static void write_usage(struct writer *st, struct buf *out, const struct chat_usage *u)
{
    struct jw w;
    buf_add(out, st->prefix);
    buf_add(out, S("],\"usage\":"));
    jw_init(&w, out);
    openai_write_usage(&w, u);
    buf_add(out, S("}\n\n"));
}

static void write_start(struct writer *st, struct buf *out)
{
    begin(st, out, 0);
    buf_add(out, S("\"content\":\"\""));
    end(out);
}

/* Events without a place in a choice. True if ev was one. */
static bool write_outer(struct writer *st, struct buf *out, const struct chat_event *ev,
                        const struct dialect_ctx *c)
{
    switch (ev->kind) {
    case EV_START:
        make_prefix(st, ev->id, ev->n, c);
        write_start(st, out);
        return true;
    case EV_USAGE:
        if (c->include_usage)
            write_usage(st, out, ev->usage);
        return true;
    case EV_ERROR:
        openai_write_stream_error(out, ev->error);
        return true;
    case EV_DONE:
        buf_add(out, S("data: [DONE]\n\n"));
        return true;
    default:
        return ev->choice >= CHOICES;
    }
}

void openai_write_event(void *state, struct buf *out, const struct chat_event *ev,
                        const struct dialect_ctx *c)
{
    struct writer *st = state;
    if (write_outer(st, out, ev, c))
        return;
    if (st->merging && ev->kind != EV_THINKING && ev->kind != EV_SIGNATURE &&
        ev->kind != EV_REDACTED)
        close_merged(st, out, ev->choice);
    switch (ev->kind) {
    case EV_TEXT:
        write_text(st, out, ev->choice, S("content"), ev->text);
        break;
    case EV_THINKING:
        write_thinking(st, out, ev, c);
        break;
    case EV_SIGNATURE:
    case EV_REDACTED:
        write_marked(st, out, ev);
        break;
    case EV_REFUSAL:
        write_text(st, out, ev->choice, S("refusal"), ev->text);
        break;
    case EV_CALL:
        write_call(st, out, ev);
        break;
    case EV_ARGS:
        write_args(st, out, ev);
        break;
    case EV_CALL_END:
        write_call_end(st, out, ev);
        break;
    case EV_MEDIA:
        write_media(st, out, ev);
        break;
    case EV_NOTES:
        write_notes(st, out, ev);
        break;
    case EV_LOGPROBS:
        write_logprobs(st, out, ev);
        break;
    case EV_FINISH:
        write_finish(st, out, ev);
        break;
    default:
        break; /* blocks that only their own vendor understands */
    }
}

/* A comment; never "ping", which some clients take for an event. */
void openai_write_keepalive(void *state, struct buf *out, const struct dialect_ctx *c)
{
    buf_add(out, S(": keep-alive\n\n"));
}
