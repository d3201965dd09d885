/* Streams of OpenAI-like servers as events; whole replies by the same code. */
#include "base/map.h"
#include "dialect/openai_chat_internal.h"
#include "dialect/signature.h"

/* ---- state ---------------------------------------------------------------------------------- */

/* Where a choice's content stands with regard to an inline <think> ... </think> at its start. */
enum think_mode {
    THINK_START, /* nothing but a beginning of "<think>" has come */
    THINK_INSIDE,
    THINK_AFTER, /* blanks between it and the answer are left out */
    THINK_NONE,
};

enum { THINKING_CHOICES = 8, CALLS_INLINE = 8, MASKED_CHOICES = 32 };

/* A call that was seen: the fragments that follow name it by choice and index. */
struct seen_call {
    uint16_t choice, ordinal;
    uint32_t index;
    uint32_t id_hash; /* 0: it came without an id */
};

struct reader {
    bool started, done, whole;
    uint8_t think[THINKING_CHOICES];
    uint8_t matched[THINKING_CHOICES]; /* bytes of the tag that came so far */
    uint32_t seen, finished;           /* bit per choice */
    uint32_t ncalls, calls_cap;
    struct seen_call first_calls[CALLS_INLINE];
    struct seen_call *more_calls; /* all of them, once they are more */
};

_Static_assert(sizeof(struct reader) <= OPENAI_READER_BYTES, "a stream costs bytes");

struct reading {
    struct reader *r;
    struct chat_sink *sink;
    struct arena *lasting; /* the exchange's: for what outlives the event */
    struct arena *scratch; /* the event's */
    uint32_t choice;
};

static void emit_text(const struct reading *x, enum chat_event_kind kind, str text)
{
    if (text.n)
        x->sink->emit(x->sink, &(struct chat_event){ .kind = kind,
                                                     .origin = DIALECT_OPENAI_CHAT,
                                                     .choice = x->choice,
                                                     .text = text });
}

/* ---- content -------------------------------------------------------------------------------- */

static const str think_open = { "<think>", 7 }, think_close = { "</think>", 8 };

/* Takes text up to the end of `tag` (true), or all of it (false), emitting what is not tag.
 * *matched carries a tag that is split between pieces. The tags' first byte occurs in them only
 * once, so a mismatch never starts in the middle of a match. */
static bool pass_until_tag(const struct reading *x, enum chat_event_kind kind, str *text, str tag,
                           uint8_t *matched)
{
    size_t start = 0;
    for (size_t i = 0; i < text->n;) {
        if (text->p[i] == tag.p[*matched]) {
            if (*matched == 0) {
                emit_text(x, kind, (str){ text->p + start, i - start });
                start = i;
            }
            i++;
            if (++*matched == tag.n) {
                *matched = 0;
                *text = str_skip(*text, i);
                return true;
            }
            start = i;
        } else if (*matched) { /* it was none: what matched is text */
            emit_text(x, kind, str_take(tag, *matched));
            *matched = 0;
            start = i;
        } else {
            const char *next = memchr(text->p + i, tag.p[0], text->n - i);
            i = next ? (size_t)(next - text->p) : text->n;
        }
    }
    if (!*matched)
        emit_text(x, kind, str_skip(*text, start));
    *text = (str){ 0 };
    return false;
}

/* The start of the content: is it "<think>"? True once that is known. */
static bool decide_think(const struct reading *x, str *text, uint8_t *mode, uint8_t *matched)
{
    str t = *text;
    if (*matched == 0) { /* blanks before the tag, within the first piece */
        size_t i = 0;
        while (i < t.n && (t.p[i] == '\n' || t.p[i] == ' '))
            i++;
        if (i < t.n && t.p[i] == '<')
            t = str_skip(t, i);
    }
    size_t i = 0;
    while (i < t.n && *matched < think_open.n && t.p[i] == think_open.p[*matched]) {
        i++;
        ++*matched;
    }
    if (*matched == think_open.n) {
        *mode = THINK_INSIDE;
        *matched = 0;
        *text = str_skip(t, i);
        return true;
    }
    if (i == t.n && *matched) /* so far */
        return false;
    *mode = THINK_NONE;
    if ((size_t)*matched > i) /* the rest of the match came in earlier pieces */
        emit_text(x, EV_TEXT, str_take(think_open, *matched - i));
    *matched = 0;
    return true;
}

static void on_text(const struct reading *x, str text)
{
    if (x->choice >= THINKING_CHOICES) {
        emit_text(x, EV_TEXT, text);
        return;
    }
    uint8_t *mode = &x->r->think[x->choice], *matched = &x->r->matched[x->choice];
    if (text.n && *mode == THINK_START && !decide_think(x, &text, mode, matched))
        return;
    if (*mode == THINK_INSIDE && pass_until_tag(x, EV_THINKING, &text, think_close, matched))
        *mode = THINK_AFTER;
    if (*mode == THINK_AFTER) {
        while (text.n && (text.p[0] == '\n' || text.p[0] == ' '))
            text = str_skip(text, 1);
        if (text.n)
            *mode = THINK_NONE;
    }
    if (*mode == THINK_NONE)
        emit_text(x, EV_TEXT, text);
}

/* A tag that never became one. */
static void flush_think(const struct reading *x)
{
    if (x->choice >= THINKING_CHOICES || x->r->matched[x->choice] == 0)
        return;
    bool inside = x->r->think[x->choice] == THINK_INSIDE;
    emit_text(x, inside ? EV_THINKING : EV_TEXT,
              str_take(inside ? think_close : think_open, x->r->matched[x->choice]));
    x->r->matched[x->choice] = 0;
    x->r->think[x->choice] = THINK_NONE;
}

static void on_thinking(const struct reading *x, str text)
{
    if (text.n && x->choice < THINKING_CHOICES && x->r->think[x->choice] == THINK_START) {
        flush_think(x);
        x->r->think[x->choice] = THINK_NONE; /* it is told apart: a <think> in the text is text */
    }
    emit_text(x, EV_THINKING, text);
}

/* "thinking": "..." or [{"type":"text","text":"..."}]; the same for "summary". */
static void on_thinking_parts(const struct reading *x, jval *v)
{
    if (jd_is_str(v))
        on_thinking(x, jd_str(v));
    JD_EACH (item, v)
        on_thinking(x, jd_get_str(item.value, S("text")));
}

static void on_image(const struct reading *x, str url)
{
    struct chat_media media = { .url = url };
    if (str_istarts(url, S("data:"))) {
        str rest = str_skip(url, 5);
        str head = str_cut(&rest, ',');
        media = (struct chat_media){ .mime = str_cut(&head, ';'), .data = rest };
    }
    if (url.n)
        x->sink->emit(x->sink, &(struct chat_event){ .kind = EV_MEDIA,
                                                     .origin = DIALECT_OPENAI_CHAT,
                                                     .choice = x->choice,
                                                     .media = &media });
}

static str image_url_of(jval *part)
{
    jval *v = jd_get(part, S("image_url"));
    return jd_is_str(v) ? jd_str(v) : jd_get_str(v, S("url"));
}

/* content as parts: Mistral's thinking, Databricks' reasoning, LiteLLM's images. */
static void on_content_part(const struct reading *x, jval *part)
{
    str type = jd_get_str(part, S("type"));
    if (jd_is_str(part))
        on_text(x, jd_str(part));
    else if (str_eq(type, S("thinking")))
        on_thinking_parts(x, jd_get(part, S("thinking")));
    else if (str_eq(type, S("reasoning")))
        on_thinking_parts(x, jd_get(part, S("summary")));
    else if (str_eq(type, S("refusal")))
        emit_text(x, EV_REFUSAL, jd_get_str(part, S("refusal")));
    else if (str_eq(type, S("image_url")))
        on_image(x, image_url_of(part));
    else
        on_text(x, jd_get_str(part, S("text")));
}

static void on_content(const struct reading *x, jval *content)
{
    if (jd_is_str(content))
        on_text(x, jd_str(content));
    JD_EACH (part, content)
        on_content_part(x, part.value);
}

/* Signatures as LiteLLM shows them; their text came as reasoning_content, unless that is missing.
 */
static void on_thinking_blocks(const struct reading *x, jval *blocks, bool has_text)
{
    JD_EACH (b, blocks) {
        if (jd_str_is(jd_get(b.value, S("type")), S("redacted_thinking"))) {
            str data = jd_get_str(b.value, S("data"));
            enum dialect_id maker = signature_unmark(&data, DIALECT_ANTHROPIC);
            if (data.n)
                x->sink->emit(x->sink, &(struct chat_event){ .kind = EV_REDACTED,
                                                             .origin = maker,
                                                             .choice = x->choice,
                                                             .text = data });
            continue;
        }
        if (!has_text)
            on_thinking(x, jd_get_str(b.value, S("thinking")));
        str signature = jd_get_str(b.value, S("signature"));
        enum dialect_id origin = signature_unmark(&signature, DIALECT_ANTHROPIC);
        if (signature.n)
            x->sink->emit(x->sink, &(struct chat_event){ .kind = EV_SIGNATURE,
                                                         .origin = origin,
                                                         .choice = x->choice,
                                                         .text = signature });
    }
}

/* reasoning_content, else reasoning, else reasoning_details. True if there was text. */
static bool on_reasoning(const struct reading *x, jval *delta)
{
    static const char *const names[] = { "reasoning_content", "reasoning", "reasoning_text" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        str text = jd_get_str(delta, str_c(names[i]));
        if (text.n) {
            on_thinking(x, text);
            return true;
        }
    }
    bool any = false;
    JD_EACH (d, jd_get(delta, S("reasoning_details"))) {
        str text = jd_get_str(d.value, S("text"));
        if (!text.n)
            text = jd_get_str(d.value, S("summary"));
        on_thinking(x, text);
        any = any || text.n;
    }
    return any;
}

/* ---- calls ---------------------------------------------------------------------------------- */

static struct seen_call *calls_of(struct reader *r)
{
    return r->more_calls ? r->more_calls : r->first_calls;
}

static struct seen_call *add_call(const struct reading *x, uint32_t index, uint32_t id_hash)
{
    struct reader *r = x->r;
    uint32_t cap = r->more_calls ? r->calls_cap : CALLS_INLINE;
    if (r->ncalls == cap) {
        struct seen_call *more = NEW(x->lasting, struct seen_call, (size_t)cap * 2);
        memcpy(more, calls_of(r), cap * sizeof(*more));
        r->more_calls = more;
        r->calls_cap = cap * 2;
    }
    uint16_t ordinal = 0;
    for (uint32_t i = 0; i < r->ncalls; i++)
        ordinal = (uint16_t)(ordinal + (calls_of(r)[i].choice == x->choice));
    struct seen_call *c = &calls_of(r)[r->ncalls++];
    *c = (struct seen_call){ (uint16_t)x->choice, ordinal, index, id_hash };
    return c;
}

static uint32_t hash_id(str id)
{
    return id.n ? (uint32_t)str_hash(id) | 1u : 0;
}

/* The call that a fragment belongs to; NULL if it begins one. An index used again under another id
 * is a new call: some servers give no index, or always 0. */
static struct seen_call *find_call(const struct reading *x, uint32_t index, str id, str name)
{
    uint32_t hash = hash_id(id);
    for (uint32_t i = x->r->ncalls; i-- > 0;) {
        struct seen_call *c = &calls_of(x->r)[i];
        if (c->choice != x->choice || c->index != index)
            continue;
        return hash && c->id_hash && hash != c->id_hash && name.n ? NULL : c;
    }
    return NULL;
}

static str signature_of(jval *call)
{
    str s = jd_str(jd_path(call, "provider_specific_fields", "thought_signature", NULL));
    return s.n ? s : jd_str(jd_path(call, "extra_content", "google", "thought_signature", NULL));
}

enum { CALLS_MAX = 4096 };

static void on_call(const struct reading *x, jval *call, uint32_t index)
{
    jval *custom = jd_get(call, S("custom"));
    jval *f = jd_is_obj(custom) ? custom : jd_get(call, S("function"));
    str id = jd_get_str(call, S("id")), name = jd_get_str(f, S("name"));
    jval *args = jd_get(f, jd_is_obj(custom) ? S("input") : S("arguments"));
    struct seen_call *c = find_call(x, index, id, name);
    struct chat_event ev = { .origin = DIALECT_OPENAI_CHAT, .choice = x->choice };
    if (!c) {
        if (x->r->ncalls == CALLS_MAX)
            return;
        c = add_call(x, index, hash_id(id));
        ev.kind = EV_CALL;
        ev.id = id.n ? id : chat_new_id(x->scratch, S("call_"));
        ev.name = name;
        ev.custom = jd_is_obj(custom);
        ev.text = signature_of(call);
        ev.call = c->ordinal;
        x->sink->emit(x->sink, &ev);
        ev.id = ev.name = (str){ 0 };
    }
    ev.kind = EV_ARGS;
    ev.call = c->ordinal;
    ev.text = jd_is_str(args) ? jd_str(args) : jd_given(args) ? jd_text(args, x->scratch) : S("");
    if (ev.text.n)
        x->sink->emit(x->sink, &ev);
    if (x->r->whole) {
        ev.kind = EV_CALL_END;
        ev.text = (str){ 0 };
        x->sink->emit(x->sink, &ev);
    }
}

static void on_calls(const struct reading *x, jval *delta)
{
    enum { LEGACY_INDEX = UINT32_MAX };
    JD_EACH (call, jd_get(delta, S("tool_calls"))) {
        /* In whole replies the position is the index, whatever it says (LiteLLM counts blocks). */
        int64_t given = x->r->whole ? -1 : jd_i64_or(jd_get(call.value, S("index")), -1);
        bool fits = given >= 0 && given < LEGACY_INDEX;
        on_call(x, call.value, fits ? (uint32_t)given : (uint32_t)call.index);
    }
    jval *legacy = jd_get(delta, S("function_call"));
    if (!jd_is_obj(legacy))
        return;
    /* Brought into the shape of a tool call: {"function": {...}}. */
    struct buf b;
    struct jw w;
    struct err ignored;
    jval *call = NULL;
    buf_init(&b, SSE_EVENT_BYTES_MAX * 2);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kval(&w, S("function"), legacy);
    jw_obj_end(&w);
    if (!FAILED(jd_read(&call, buf_str(&b), x->scratch, &ignored)))
        on_call(x, call, LEGACY_INDEX);
    buf_done(&b);
}

/* ---- choices -------------------------------------------------------------------------------- */

static void on_extras_of_delta(const struct reading *x, jval *delta)
{
    jval *notes = jd_get(delta, S("annotations"));
    if (jd_is_arr(notes) && jd_count(notes))
        emit_text(x, EV_NOTES, jd_text(notes, x->scratch));
    JD_EACH (image, jd_get(delta, S("images")))
        on_image(x, image_url_of(image.value));
    jval *audio = jd_get(delta, S("audio"));
    if (!jd_is_obj(audio))
        return;
    if (!x->r->whole) { /* pieces of sound cannot be joined here; the words can */
        on_text(x, jd_get_str(audio, S("transcript")));
        return;
    }
    struct chat_media media = { .mime = S("audio/wav"),
                                .data = jd_get_str(audio, S("data")),
                                .text = jd_get_str(audio, S("transcript")) };
    x->sink->emit(x->sink, &(struct chat_event){ .kind = EV_MEDIA,
                                                 .origin = DIALECT_OPENAI_CHAT,
                                                 .choice = x->choice,
                                                 .media = &media });
}

static void on_delta(const struct reading *x, jval *delta)
{
    bool has_text = on_reasoning(x, delta);
    on_thinking_blocks(x, jd_get(delta, S("thinking_blocks")), has_text);
    on_content(x, jd_get(delta, S("content")));
    emit_text(x, EV_REFUSAL, jd_get_str(delta, S("refusal")));
    on_calls(x, delta);
    on_extras_of_delta(x, delta);
}

static void on_finish(const struct reading *x, jval *choice)
{
    jval *reason = jd_get(choice, S("finish_reason"));
    if (!jd_is_str(reason) || jd_str(reason).n == 0)
        return;
    flush_think(x);
    struct chat_event ev = { .kind = EV_FINISH,
                             .origin = DIALECT_OPENAI_CHAT,
                             .choice = x->choice,
                             .finish = openai_finish_of(jd_str(reason)),
                             .text = jd_str(reason) };
    /* vLLM and SGLang name the stop string that was met. */
    jval *met = jd_get(choice, S("stop_reason"));
    if (!jd_is_str(met))
        met = jd_get(choice, S("matched_stop"));
    if (ev.finish == FINISH_STOP && jd_is_str(met)) {
        ev.finish = FINISH_STOP_SEQUENCE;
        ev.id = jd_str(met);
    }
    if (x->choice < MASKED_CHOICES)
        x->r->finished |= 1u << x->choice;
    x->sink->emit(x->sink, &ev);
}

static void on_choice(struct reading *x, jval *choice, size_t position)
{
    int64_t index = jd_i64_or(jd_get(choice, S("index")), (int64_t)position);
    if (index < 0 || index > UINT16_MAX)
        return;
    x->choice = (uint32_t)index;
    if (x->choice < MASKED_CHOICES)
        x->r->seen |= 1u << x->choice;
    jval *delta = jd_get(choice, S("delta"));
    on_delta(x, jd_is_obj(delta) ? delta : jd_get(choice, S("message")));
    jval *logprobs = jd_get(choice, S("logprobs"));
    if (jd_is_obj(logprobs))
        emit_text(x, EV_LOGPROBS, jd_text(logprobs, x->scratch));
    on_finish(x, choice);
}

static void on_body(struct reading *x, jval *v)
{
    jval *choices = jd_get(v, S("choices"));
    str id = jd_get_str(v, S("id"));
    if (!x->r->started && (id.n || jd_count(choices))) { /* Azure's first chunk has neither */
        x->r->started = true;
        x->sink->emit(x->sink, &(struct chat_event){ .kind = EV_START,
                                                     .origin = DIALECT_OPENAI_CHAT,
                                                     .id = id,
                                                     .model = jd_get_str(v, S("model")),
                                                     .n = jd_i64_or(jd_get(v, S("created")), 0) });
    }
    JD_EACH (c, choices)
        on_choice(x, c.value, c.index);
    struct chat_usage usage = CHAT_USAGE_NONE;
    openai_usage_of(&usage, v);
    if (usage.seen)
        x->sink->emit(x->sink, &(struct chat_event){ .kind = EV_USAGE,
                                                     .origin = DIALECT_OPENAI_CHAT,
                                                     .usage = &usage });
}

void openai_emit_choices(jval *body, struct chat_sink *sink, struct arena *a)
{
    struct reader r = { .whole = true };
    struct reading x = { .r = &r, .sink = sink, .lasting = a, .scratch = a };
    on_body(&x, body);
}

/* ---- frames --------------------------------------------------------------------------------- */

static void emit_error(struct reader *r, str data, struct chat_sink *sink, struct arena *a)
{
    struct chat_error error;
    openai_read_error(&error, 0, data, a);
    r->done = true;
    sink->emit(sink, &(struct chat_event){
                         .kind = EV_ERROR, .origin = DIALECT_OPENAI_CHAT, .error = &error });
}

rc openai_read_event(void *state, const struct sse_event *ev, struct chat_sink *sink,
                     struct arena *a, struct err *e)
{
    struct reader *r = state;
    if (r->done || ev->data.n == 0)
        return RC_OK;
    ARENA_ON_STACK(scratch);
    struct reading x = { .r = r, .sink = sink, .lasting = a, .scratch = &scratch };
    rc result = RC_OK;
    jval *v = NULL;
    struct err inner;
    if (ev->data.n <= 16 && str_eq(str_trim(ev->data), S("[DONE]"))) {
        for (x.choice = 0; x.choice < THINKING_CHOICES; x.choice++)
            flush_think(&x);
        r->done = true;
        sink->emit(sink, &(struct chat_event){ .kind = EV_DONE, .origin = DIALECT_OPENAI_CHAT });
    } else if (FAILED(jd_read(&v, ev->data, &scratch, &inner)) || !jd_is_obj(v)) {
        result =
            fail(e, E_UPSTREAM, "stream", 0, "the upstream sent a frame that is not a JSON object");
    } else if (openai_is_error(v) || str_eq(ev->event, S("error"))) {
        emit_error(r, ev->data, sink, a);
    } else {
        on_body(&x, v);
    }
    arena_done(&scratch);
    return result;
}

bool openai_read_end(void *state, struct chat_sink *sink)
{
    struct reader *r = state;
    struct reading x = { .r = r, .sink = sink };
    for (x.choice = 0; x.choice < THINKING_CHOICES; x.choice++)
        flush_think(&x);
    return r->done || (r->seen && r->finished == r->seen);
}
