/* The same dialect on both sides: bytes pass, the model's name and a few places are changed.
 *
 * A chunk is scanned once (json_scan: it must be valid) and edited in place. What is changed beside
 * the model, because clients need it (and the translating writer would do it, too):
 *   - usage reaches the client once, in a chunk of its own, and only if it was asked for;
 *   - `reasoning` gets a twin `reasoning_content`;
 *   - fragments of tool calls without an index get one, empty ids and names are left out;
 *   - errors lose what stands beside them.
 */
#include "dialect/openai_chat_internal.h"

/* relay->flags: a bit per choice (0 to 11) that was seen, that was finished, and two more. */
enum {
    CHOICES = 12,
    SEEN = 0,
    FINISHED = CHOICES,
    USAGE_SENT = 1 << 24, /* the client has its one usage */
};

/* Edits of one text, in rising order of `at`. `quote`: put is plain text to be written as a string.
 */
struct edit {
    size_t at, drop;
    str put;
    bool quote;
};

enum { EDITS_MAX = 16 };
struct edits {
    struct edit e[EDITS_MAX];
    size_t n;
};

enum { M_MODEL, M_USAGE, M_CHOICES, M_ERROR, M_OBJECT, M_GROQ, M_COUNT };
#define WANTED                                                                      \
    {                                                                               \
        [M_MODEL] = { .name = S("model") }, [M_USAGE] = { .name = S("usage") },     \
        [M_CHOICES] = { .name = S("choices") }, [M_ERROR] = { .name = S("error") }, \
        [M_OBJECT] = { .name = S("object") }, [M_GROQ] = { .name = S("x_groq") },   \
    }

static void add_edit(struct edits *es, size_t at, size_t drop, str put, bool quote)
{
    if (es->n == EDITS_MAX)
        return;
    size_t i = es->n++;
    while (i > 0 && es->e[i - 1].at > at) {
        es->e[i] = es->e[i - 1];
        i--;
    }
    es->e[i] = (struct edit){ at, drop, put, quote };
}

static void apply(struct buf *out, str text, const struct edits *es)
{
    size_t at = 0;
    for (size_t i = 0; i < es->n; i++) {
        const struct edit *e = &es->e[i];
        if (e->at < at) /* inside something that is gone already */
            continue;
        buf_add(out, (str){ text.p + at, e->at - at });
        if (e->quote)
            json_quote(out, e->put);
        else
            buf_add(out, e->put);
        at = e->at + e->drop;
    }
    buf_add(out, str_skip(text, at));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t skip_blanks(str text, size_t at)
{
    while (at < text.n && is_blank(text.p[at]))
        at++;
    return at;
}

/* Removes the member whose value is `value`, with its key and one comma. text is a valid object. */
static void drop_member(struct edits *es, str text, str value)
{
    size_t start = (size_t)(value.p - text.p), end = start + value.n;
    while (text.p[start] != ':' || start == (size_t)(value.p - text.p))
        start--;
    while (text.p[start] != '"') /* the key's closing quote ... */
        start--;
    start--;
    while (text.p[start] != '"') /* ... and its opening one: names wanted here hold no quotes */
        start--;
    size_t before = start;
    while (before > 0 && is_blank(text.p[before - 1]))
        before--;
    if (before > 0 && text.p[before - 1] == ',') {
        start = before - 1;
    } else {
        size_t after = skip_blanks(text, end);
        if (after < text.n && text.p[after] == ',')
            end = after + 1;
    }
    add_edit(es, start, end - start, (str){ 0 }, false);
}

/* The value behind the next key `quoted` (with its quotes) in a piece of valid JSON, at any depth,
 * as the bytes from its first one on; p == NULL if there is none. Cannot be fooled by strings:
 * there quotes are escaped, and no colon follows. *rest moves behind the key. */
static str next_value(str *rest, str quoted)
{
    while (rest->n) {
        const char *hit = memmem(rest->p, rest->n, quoted.p, quoted.n);
        if (!hit)
            break;
        bool escaped = hit > rest->p && hit[-1] == '\\';
        *rest = str_skip(*rest, (size_t)(hit - rest->p) + quoted.n);
        size_t colon = skip_blanks(*rest, 0);
        if (escaped || colon == rest->n || rest->p[colon] != ':')
            continue;
        return str_skip(*rest, skip_blanks(*rest, colon + 1));
    }
    return (str){ 0 };
}

/* The bytes of the string that v starts with, quotes included; empty if it is none or "". */
static str string_at(str v)
{
    if (v.n < 3 || v.p[0] != '"' || v.p[1] == '"')
        return (str){ 0 };
    size_t end = 1;
    while (end < v.n && v.p[end] != '"')
        end += v.p[end] == '\\' ? 2 : 1;
    return str_take(v, end + 1);
}

/* `reasoning` gets a twin under the name that OpenAI chat clients know. */
static void twin_reasoning(struct edits *es, str text, str choices)
{
    str rest = choices;
    if (!next_value(&rest, S("\"reasoning\"")).p)
        return;
    rest = choices;
    if (next_value(&rest, S("\"reasoning_content\"")).p)
        return;
    rest = choices;
    for (str v; es->n + 3 <= EDITS_MAX && (v = next_value(&rest, S("\"reasoning\""))).p;) {
        str s = string_at(v);
        if (!s.n)
            continue;
        size_t at = (size_t)(v.p - text.p) + s.n;
        add_edit(es, at, 0, S(",\"reasoning_content\":"), false);
        add_edit(es, at, 0, s, false);
    }
}

/* ---- usage ---------------------------------------------------------------------------------- */

static str after_blanks(str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\n' || s.p[0] == '\r' || s.p[0] == '\t'))
        s = str_skip(s, 1);
    return s;
}

/* OpenAI's own counters, by where they stand. */
enum { IN_USAGE, IN_PROMPT_DETAILS, IN_COMPLETION_DETAILS };

static const struct {
    str name; /* with its closing quote */
    uint8_t where;
    size_t at; /* in struct chat_usage; 0: not counted */
} counters[] = {
#define COUNTER(where, lit, field)              \
    {                                           \
        { lit "\"", sizeof(lit) }, where, field \
    }
    COUNTER(IN_USAGE, "prompt_tokens", offsetof(struct chat_usage, prompt)),
    COUNTER(IN_USAGE, "completion_tokens", offsetof(struct chat_usage, completion)),
    COUNTER(IN_USAGE, "total_tokens", offsetof(struct chat_usage, total)),
    COUNTER(IN_PROMPT_DETAILS, "cached_tokens", offsetof(struct chat_usage, cache_read)),
    COUNTER(IN_PROMPT_DETAILS, "audio_tokens", offsetof(struct chat_usage, audio_in)),
    COUNTER(IN_COMPLETION_DETAILS, "reasoning_tokens", offsetof(struct chat_usage, reasoning)),
    COUNTER(IN_COMPLETION_DETAILS, "audio_tokens", offsetof(struct chat_usage, audio_out)),
    COUNTER(IN_COMPLETION_DETAILS, "accepted_prediction_tokens", SIZE_MAX),
    COUNTER(IN_COMPLETION_DETAILS, "rejected_prediction_tokens", SIZE_MAX),
};

/* Reads `name":digits` at *s into u. false: not one of ours, or no plain number. */
static bool read_counter(str *s, uint8_t where, struct chat_usage *u)
{
    for (size_t k = 0; k < COUNT_OF(counters); k++) {
        size_t digits = 0;
        uint64_t v;
        if (counters[k].where != where || !str_starts(*s, counters[k].name))
            continue;
        str t = after_blanks(str_skip(*s, counters[k].name.n));
        t = after_blanks(str_skip(t, 1)); /* the colon */
        while (digits < t.n && t.p[digits] >= '0' && t.p[digits] <= '9')
            digits++;
        if (!str_to_u64(str_take(t, digits), &v) || v > INT64_MAX)
            return false;
        if (counters[k].at != SIZE_MAX)
            *(int64_t *)(void *)((char *)u + counters[k].at) = (int64_t)v;
        *s = after_blanks(str_skip(t, digits));
        return true;
    }
    return false;
}

/* The members of an object whose '{' is behind *s; ends behind its '}'. */
static bool read_counters(str *s, uint8_t where, struct chat_usage *u)
{
    static const str details[] = { { "prompt_tokens_details\"", 22 },
                                   { "completion_tokens_details\"", 26 } };
    *s = after_blanks(*s);
    while (s->n && s->p[0] == '"') {
        *s = str_skip(*s, 1);
        bool prompt = where == IN_USAGE && str_starts(*s, details[0]);
        if (prompt || (where == IN_USAGE && str_starts(*s, details[1]))) {
            *s = after_blanks(str_skip(*s, details[!prompt].n));
            *s = after_blanks(str_skip(*s, 1));
            if (s->n == 0 || s->p[0] != '{')
                return false;
            *s = str_skip(*s, 1);
            if (!read_counters(s, prompt ? IN_PROMPT_DETAILS : IN_COMPLETION_DETAILS, u))
                return false;
            *s = after_blanks(*s);
        } else if (!read_counter(s, where, u)) {
            return false;
        }
        if (s->n && s->p[0] == ',')
            *s = after_blanks(str_skip(*s, 1));
    }
    bool ended = s->n && s->p[0] == '}';
    *s = str_skip(*s, 1);
    return ended;
}

/* Usage as OpenAI and most servers write it, read without a tree. false: it holds anything unusual.
 * The object is valid JSON already. */
static bool read_plain_usage(str object, struct chat_usage *u)
{
    str s = str_skip(object, 1);
    u->seen = true;
    return read_counters(&s, IN_USAGE, u) && u->prompt >= 0 &&
           !(u->reasoning > 0 && u->total > u->prompt + u->completion); /* xAI's way of counting */
}

static void read_usage_text(struct dialect_relay *rl, str object)
{
    struct chat_usage plain = CHAT_USAGE_NONE;
    if (read_plain_usage(object, &plain)) {
        rl->usage = plain;
        return;
    }
    struct arena scratch;
    jval *v = NULL;
    struct err e;
    arena_init(&scratch);
    if (!FAILED(jd_read(&v, object, &scratch, &e))) {
        struct chat_usage u = CHAT_USAGE_NONE;
        openai_usage_from(&u, v);
        if (u.seen)
            rl->usage = u;
    }
    arena_done(&scratch);
}

/* Places where vendors keep usage other than the top level. */
static void read_hidden_usage(struct dialect_relay *rl, const struct json_member *m)
{
    str rest = m[M_GROQ].kind == JSON_OBJECT ? m[M_GROQ].value : m[M_CHOICES].value;
    str v = next_value(&rest, S("\"usage\""));
    if (!v.n || v.p[0] != '{')
        return;
    /* The object's end: strings may hold braces. */
    size_t depth = 0, i = 0;
    for (; i < v.n; i++) {
        if (v.p[i] == '"') {
            size_t step = string_at(str_skip(v, i)).n;
            i += step ? step - 1 : 1;
        } else if (v.p[i] == '{') {
            depth++;
        } else if (v.p[i] == '}' && --depth == 0) {
            break;
        }
    }
    read_usage_text(rl, str_take(v, i + 1));
}

/* ---- errors --------------------------------------------------------------------------------- */

static rc note_error(struct dialect_relay *rl, str body, unsigned status)
{
    rl->failed = true;
    openai_read_error(&rl->error, status, body, rl->arena);
    return RC_OK;
}

static bool is_error(const struct json_member *m)
{
    if (m[M_ERROR].kind == JSON_OBJECT || m[M_ERROR].kind == JSON_TRUE)
        return true;
    if (m[M_ERROR].kind == JSON_STRING)
        return m[M_ERROR].value.n > 2;
    return m[M_OBJECT].kind == JSON_STRING && str_eq(m[M_OBJECT].value, S("\"error\""));
}

/* ---- whole answers -------------------------------------------------------------------------- */

rc openai_relay_reply(struct dialect_relay *rl, struct buf *out, str body, struct err *e)
{
    struct json_member m[] = WANTED;
    enum json_kind top;
    struct err inner;
    struct edits es = { .n = 0 };
    body = str_trim(body); /* DeepSeek sends blank lines while the request waits */
    if (FAILED(json_scan(body, m, M_COUNT, &top, &inner)))
        return fail(e, E_UPSTREAM, "reply", inner.at, "the upstream's answer is not JSON: %.200s",
                    inner.text);
    if (m[M_CHOICES].kind != JSON_ARRAY || is_error(m)) {
        jval *v = NULL;
        if (top == JSON_OBJECT && !is_error(m) &&
            (FAILED(jd_read(&v, body, rl->arena, &inner)) || !openai_is_error(v)))
            return fail(e, E_UPSTREAM, "reply", 0, "the upstream's answer has no choices");
        if (top != JSON_OBJECT)
            return fail(e, E_UPSTREAM, "reply", 0, "the upstream's answer is no JSON object");
        return note_error(rl, body, 200);
    }
    if (m[M_USAGE].kind == JSON_OBJECT)
        read_usage_text(rl, m[M_USAGE].value);
    else
        read_hidden_usage(rl, m);
    if (m[M_MODEL].kind != JSON_NONE) {
        add_edit(&es, (size_t)(m[M_MODEL].value.p - body.p), m[M_MODEL].value.n, rl->model, true);
    } else { /* choices are there: a comma is due */
        add_edit(&es, 1, 0, S("\"model\":"), false);
        add_edit(&es, 1, 0, rl->model, true);
        add_edit(&es, 1, 0, S(","), false);
    }
    twin_reasoning(&es, body, m[M_CHOICES].value);
    apply(out, body, &es);
    rl->finished = rl->first_content = true;
    return RC_OK;
}

/* ---- chunks --------------------------------------------------------------------------------- */

static bool any_content(str choices)
{
    static const str texts[] = { { "\"content\"", 9 },     { "\"reasoning_content\"", 19 },
                                 { "\"reasoning\"", 11 },  { "\"refusal\"", 9 },
                                 { "\"tool_calls\"", 12 }, { "\"function_call\"", 15 },
                                 { "\"audio\"", 7 },       { "\"text\"", 6 } };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        str rest = choices;
        for (str v; (v = next_value(&rest, texts[i])).p;)
            if (v.n && (v.p[0] == '"' ? string_at(v).n > 0 : v.p[0] == '[' || v.p[0] == '{'))
                return true;
    }
    return false;
}

/* The first choice's index where it stands first, as OpenAI writes it. */
static void note_seen(struct dialect_relay *rl, str choices)
{
    str rest = str_skip(choices, skip_blanks(choices, 1));
    rest = str_skip(rest, skip_blanks(rest, 1));
    if (!str_starts(rest, S("\"index\"")))
        return;
    str v = next_value(&rest, S("\"index\""));
    unsigned index = 0;
    for (size_t i = 0; i < v.n && v.p[i] >= '0' && v.p[i] <= '9' && index < CHOICES; i++)
        index = index * 10 + (unsigned)(v.p[i] - '0');
    if (index < CHOICES)
        rl->flags |= 1u << (SEEN + index);
}

/* A chunk with a finish_reason: once per choice and stream, so a tree may be built. */
static void note_finish(struct dialect_relay *rl, str choices)
{
    struct arena scratch;
    jval *v = NULL;
    struct err e;
    arena_init(&scratch);
    if (FAILED(jd_read(&v, choices, &scratch, &e))) {
        arena_done(&scratch);
        return;
    }
    JD_EACH (c, v) {
        str word = jd_get_str(c.value, S("finish_reason"));
        int64_t index = jd_i64_or(jd_get(c.value, S("index")), (int64_t)c.index);
        if (word.n && openai_finish_of(word) == FINISH_ERROR) {
            rl->failed = true;
            rl->error = (struct chat_error){
                .status = 502,
                .kind = ERR_BAD_GATEWAY,
                .message = arena_fmt(rl->arena, "The upstream ended its answer with '%.*s'",
                                     STRF(str_take(word, 64))),
                .retry_after_ms = -1
            };
        }
        if (word.n && index >= 0 && index < CHOICES)
            rl->flags |= 1u << (FINISHED + index) | 1u << (SEEN + index);
    }
    unsigned mask = (1u << CHOICES) - 1;
    if ((rl->flags >> FINISHED & mask) == (rl->flags >> SEEN & mask))
        rl->finished = true;
    arena_done(&scratch);
}

static bool has_finish(str choices)
{
    str rest = choices;
    for (str v; (v = next_value(&rest, S("\"finish_reason\""))).p;)
        if (string_at(v).n)
            return true;
    return false;
}

/* Fragments that lack an index or bear empty ids or names. */
static bool has_broken_calls(str choices)
{
    str rest = choices;
    str calls = next_value(&rest, S("\"tool_calls\""));
    if (!calls.n || calls.p[0] != '[')
        return false;
    size_t first = skip_blanks(calls, 1);
    if (first < calls.n && calls.p[first] == ']')
        return false;
    str v = calls;
    if (!next_value(&v, S("\"index\"")).p)
        return true;
    static const str names[] = { { "\"id\"", 4 }, { "\"name\"", 6 } };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        str r = calls;
        for (str got; (got = next_value(&r, names[i])).p;)
            if (str_starts(got, S("\"\"")))
                return true;
    }
    return false;
}

static void write_fixed_call(struct jw *w, jval *call, size_t position)
{
    jw_obj(w);
    if (!jd_is_num(jd_get(call, S("index"))))
        jw_ki64(w, S("index"), (int64_t)position);
    JD_EACH (m, call) {
        bool is_name = str_eq(m.name, S("id")) || str_eq(m.name, S("type"));
        if (is_name && jd_str(m.value).n == 0)
            continue;
        if (str_eq(m.name, S("index")) && !jd_is_num(m.value))
            continue;
        jw_key(w, m.name);
        if (!str_eq(m.name, S("function")) || !jd_is_obj(m.value)) {
            jw_val(w, m.value);
            continue;
        }
        jw_obj(w);
        JD_EACH (f, m.value)
            if (!str_eq(f.name, S("name")) || jd_str(f.value).n)
                jw_kval(w, f.name, f.value);
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

/* The choices again, with their calls' fragments made whole. */
static void write_fixed_choices(struct buf *out, jval *choices)
{
    struct jw w;
    jw_init(&w, out);
    jw_arr(&w);
    JD_EACH (c, choices) {
        jw_obj(&w);
        JD_EACH (m, c.value) {
            jw_key(&w, m.name);
            if (!str_eq(m.name, S("delta")) || !jd_is_obj(m.value)) {
                jw_val(&w, m.value);
                continue;
            }
            jw_obj(&w);
            JD_EACH (d, m.value) {
                jw_key(&w, d.name);
                if (!str_eq(d.name, S("tool_calls")) || !jd_is_arr(d.value)) {
                    jw_val(&w, d.value);
                    continue;
                }
                jw_arr(&w);
                JD_EACH (call, d.value)
                    if (jd_is_obj(call.value))
                        write_fixed_call(&w, call.value, call.index);
                jw_arr_end(&w);
            }
            jw_obj_end(&w);
        }
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
}

/* ev with its data edited. */
static void write_edited(struct buf *out, const struct sse_event *ev, const struct edits *es)
{
    if (ev->raw.p && ev->data.p >= ev->raw.p && ev->data.p + ev->data.n <= ev->raw.p + ev->raw.n) {
        size_t head = (size_t)(ev->data.p - ev->raw.p);
        buf_add(out, str_take(ev->raw, head));
        apply(out, ev->data, es);
        buf_add(out, str_skip(ev->raw, head + ev->data.n));
        return;
    }
    if (ev->event.n) {
        buf_add(out, S("event: "));
        buf_add(out, ev->event);
        buf_chr(out, '\n');
    }
    /* Several data lines were joined by LF: blanks of the JSON, so they may be left out. */
    buf_add(out, S("data: "));
    size_t from = out->n;
    apply(out, ev->data, es);
    for (size_t i = from; i < out->n; i++)
        if (out->p[i] == '\n' || out->p[i] == '\r')
            out->p[i] = ' ';
    buf_add(out, S("\n\n"));
}

static void write_unchanged(struct buf *out, const struct sse_event *ev)
{
    static const struct edits none;
    if (ev->raw.p)
        buf_add(out, ev->raw);
    else
        write_edited(out, ev, &none);
}

/* The one usage chunk: this chunk without its choices, and with the usage, wherever it came from.
 */
static void write_usage_chunk(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                              const struct json_member *m, const struct edits *model)
{
    struct edits es = *model;
    struct buf put;
    str choices = m[M_CHOICES].value;
    buf_init(&put, 4096);
    buf_add(&put, S("[]"));
    if (m[M_USAGE].kind != JSON_OBJECT) {
        struct jw w;
        if (m[M_USAGE].kind != JSON_NONE)
            drop_member(&es, ev->data, m[M_USAGE].value);
        buf_add(&put, S(",\"usage\":"));
        jw_init(&w, &put);
        openai_write_usage(&w, &rl->usage);
    }
    add_edit(&es, (size_t)(choices.p - ev->data.p), choices.n, buf_str(&put), false);
    write_edited(out, ev, &es);
    buf_done(&put);
}

/* The usage chunk made of the finish chunk waits for [DONE]: a better one may still come (vLLM). */
static void hold_usage_chunk(struct dialect_relay *rl, const struct sse_event *ev,
                             const struct json_member *m, const struct edits *model)
{
    struct buf b;
    buf_init(&b, SSE_EVENT_BYTES_MAX * 2);
    write_usage_chunk(rl, &b, ev, m, model);
    rl->held = arena_dup(rl->arena, buf_str(&b));
    buf_done(&b);
}

/* The same with our own count, as long as the upstream tells nothing. */
static void hold_counted_chunk(struct dialect_relay *rl, const struct sse_event *ev,
                               const struct json_member *m, const struct edits *model)
{
    struct chat_usage none = rl->usage;
    rl->left_out(rl, &rl->usage);
    hold_usage_chunk(rl, ev, m, model);
    rl->usage = none;
}

static rc relay_chunk(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                      const struct json_member *m)
{
    str choices = m[M_CHOICES].value;
    size_t first = skip_blanks(choices, 1);
    bool is_empty = first < choices.n && choices.p[first] == ']';
    bool had_finish = rl->flags >> FINISHED & ((1u << CHOICES) - 1);
    bool finishes = !is_empty && has_finish(choices);
    if (!is_empty) {
        note_seen(rl, choices);
        if (!rl->first_content)
            rl->first_content = any_content(choices);
    }
    if (finishes)
        note_finish(rl, choices);
    if (rl->failed) {
        openai_write_stream_error(out, &rl->error);
        return RC_OK;
    }
    bool has_usage = m[M_USAGE].kind == JSON_OBJECT, hidden = false;
    if (has_usage) {
        read_usage_text(rl, m[M_USAGE].value);
    } else if (finishes && !rl->usage.seen) {
        read_hidden_usage(rl, m);
        hidden = rl->usage.seen;
    }

    struct edits es = { .n = 0 };
    if (m[M_MODEL].kind == JSON_STRING) {
        str v = m[M_MODEL].value;
        if (v.n != rl->model.n + 2 || memcmp(v.p + 1, rl->model.p, rl->model.n) != 0)
            add_edit(&es, (size_t)(v.p - ev->data.p), v.n, rl->model, true);
    }
    struct edits model = es;
    bool is_usage_chunk = has_usage && (is_empty || (had_finish && !finishes));
    if (is_usage_chunk) {
        if (rl->show_usage && !(rl->flags & USAGE_SENT))
            write_usage_chunk(rl, out, ev, m, &model);
        rl->flags |= USAGE_SENT;
        return RC_OK;
    }
    if (m[M_USAGE].kind != JSON_NONE && (has_usage || !rl->show_usage))
        drop_member(&es, ev->data, m[M_USAGE].value);

    struct buf fixed;
    buf_init(&fixed, SSE_EVENT_BYTES_MAX * 2);
    struct arena scratch;
    arena_init(&scratch);
    jval *v = NULL;
    struct err ignored;
    if (!is_empty && has_broken_calls(choices) &&
        !FAILED(jd_read(&v, choices, &scratch, &ignored))) {
        write_fixed_choices(&fixed, v);
        add_edit(&es, (size_t)(choices.p - ev->data.p), choices.n, buf_str(&fixed), false);
    } else if (!is_empty) {
        twin_reasoning(&es, ev->data, choices);
    }
    if (es.n)
        write_edited(out, ev, &es);
    else
        write_unchanged(out, ev);
    buf_done(&fixed);
    arena_done(&scratch);
    if (finishes && (has_usage || hidden) && rl->show_usage)
        hold_usage_chunk(rl, ev, m, &model);
    else if (finishes && !rl->usage.seen && rl->show_usage && rl->left_out)
        hold_counted_chunk(rl, ev, m, &model);
    return RC_OK;
}

rc openai_relay_event(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                      struct err *e)
{
    if (rl->failed) /* nothing after an error: least of all an end that looks like success */
        return RC_OK;
    if (ev->data.n == 0) {
        write_unchanged(out, ev);
        return RC_OK;
    }
    if (ev->data.n <= 16 && str_eq(str_trim(ev->data), S("[DONE]"))) {
        rl->finished = true;
        if (!(rl->flags & USAGE_SENT))
            buf_add(out, rl->held);
        rl->flags |= USAGE_SENT;
        write_unchanged(out, ev);
        return RC_OK;
    }
    struct json_member m[] = WANTED;
    enum json_kind top;
    struct err inner;
    if (FAILED(json_scan(ev->data, m, M_COUNT, &top, &inner)) || top != JSON_OBJECT)
        return fail(e, E_UPSTREAM, "stream", 0,
                    "the upstream sent a frame that is not a JSON object");
    if (is_error(m) || str_eq(ev->event, S("error"))) {
        TRY(note_error(rl, ev->data, 0));
        openai_write_stream_error(out, &rl->error);
        return RC_OK;
    }
    if (m[M_CHOICES].kind == JSON_ARRAY)
        return relay_chunk(rl, out, ev, m);
    if (m[M_MODEL].kind == JSON_STRING) {
        struct edits es = { .n = 0 };
        add_edit(&es, (size_t)(m[M_MODEL].value.p - ev->data.p), m[M_MODEL].value.n, rl->model,
                 true);
        write_edited(out, ev, &es);
    } else {
        write_unchanged(out, ev);
    }
    return RC_OK;
}
