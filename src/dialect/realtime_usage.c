/* A scanner of JSON's structure that remembers, of what passes, only:
 *
 *   {                            depth 1, outer: keys and the type's value are taken down in `name`
 *     "type": "response.done",
 *     "response": {              depth 2, outer as well
 *       "usage": { ... }         copied to `usage`
 *     }
 *   }
 *
 * Grammar is not checked: of what is not JSON nothing comes out that jd_read would take. */
#include "dialect/realtime_usage.h"

#include "json/doc.h"

enum type { TYPE_NONE, TYPE_RESPONSE, TYPE_TRANSCRIPT, TYPE_TRANSCRIPTION };
enum where { NOWHERE, AT_TOP, IN_RESPONSE };

static const struct {
    const char *name;
    enum where where;
} types[] = {
    [TYPE_RESPONSE] = { "response.done", IN_RESPONSE },
    [TYPE_TRANSCRIPT] = { "transcription.done", AT_TOP },
    [TYPE_TRANSCRIPTION] = { "conversation.item.input_audio_transcription.completed", AT_TOP },
};

void realtime_usage_init(struct realtime_usage *r, bool transcribes)
{
    *r = (struct realtime_usage){ .transcribes = transcribes };
    buf_init(&r->usage, REALTIME_USAGE_BYTES_MAX);
}

void realtime_usage_done(struct realtime_usage *r)
{
    buf_done(&r->usage);
}

/* ---- scanning ------------------------------------------------------------------------------- */

/* Where the keys are looked at. */
static bool is_outer(const struct realtime_usage *r)
{
    return r->depth == 1 || (r->depth == 2 && r->in_response);
}

static bool name_is(const struct realtime_usage *r, str s)
{
    return str_eq((str){ r->name, r->name_n }, s);
}

static void begin_string(struct realtime_usage *r)
{
    r->in_string = true;
    if (r->usage_depth || !is_outer(r))
        return;
    r->takes_type = r->depth == 1 && !r->is_key && name_is(r, S("type"));
    r->takes = r->is_key || r->takes_type;
    if (r->takes)
        r->name_n = 0;
}

static void end_string(struct realtime_usage *r)
{
    r->in_string = r->takes = false;
    if (!r->takes_type)
        return;
    r->takes_type = false;
    r->type = TYPE_NONE;
    for (size_t i = TYPE_NONE + 1; i < COUNT_OF(types); i++)
        if (name_is(r, str_c(types[i].name)) && (i != TYPE_TRANSCRIPTION || r->transcribes))
            r->type = (uint8_t)i;
    r->done = r->type == TYPE_NONE; /* nearly all events: the rest of them is not looked at */
}

static void string_byte(struct realtime_usage *r, char c)
{
    if (c == '"' && !r->escaped) {
        end_string(r);
        return;
    }
    r->escaped = c == '\\' && !r->escaped;
    if (!r->takes)
        return;
    if (r->name_n < sizeof(r->name))
        r->name[r->name_n++] = c;
    else
        r->name[0] = '\0'; /* longer than any that counts */
}

static void open_object(struct realtime_usage *r)
{
    bool is_value = is_outer(r) && !r->is_key && !r->usage_depth;
    if (is_value && name_is(r, S("usage"))) {
        r->where = r->depth == 1 ? AT_TOP : IN_RESPONSE;
        r->usage_depth = r->depth;
        buf_clear(&r->usage);
    } else if (r->depth == 0 || (is_value && r->depth == 1 && name_is(r, S("response")))) {
        r->in_response = r->depth == 1;
        r->is_key = true;
    }
    r->depth++;
}

static void close_one(struct realtime_usage *r)
{
    if (r->depth == 0) {
        r->done = true;
        return;
    }
    r->depth--;
    if (r->depth <= 1)
        r->in_response = false;
}

static void structure_byte(struct realtime_usage *r, char c)
{
    switch (c) {
    case '"':
        begin_string(r);
        break;
    case '{':
        open_object(r);
        break;
    case '[':
        r->done = r->depth == 0;
        r->depth++;
        break;
    case '}':
    case ']':
        close_one(r);
        break;
    case ':':
        if (is_outer(r))
            r->is_key = false;
        break;
    case ',':
        if (is_outer(r))
            r->is_key = true;
        break;
    default:
        break;
    }
}

void realtime_usage_feed(struct realtime_usage *r, str piece, bool first)
{
    if (first) {
        buf_done(&r->usage);
        realtime_usage_init(r, r->transcribes);
    }
    for (size_t i = 0; i < piece.n && !r->done; i++) {
        bool inside = r->usage_depth > 0;
        if (r->in_string)
            string_byte(r, piece.p[i]);
        else
            structure_byte(r, piece.p[i]);
        if (inside || r->usage_depth)
            buf_chr(&r->usage, piece.p[i]);
        if (inside && !r->in_string && r->depth == r->usage_depth)
            r->usage_depth = 0; /* its brace was the last one copied */
    }
}

/* ---- counters ------------------------------------------------------------------------------- */

enum { DETAIL_BITS = 40 }; /* more tokens in one event is nonsense */

static int64_t counter(jval *v, const char *name, const char *other)
{
    int64_t n = jd_i64_or(jd_get(v, str_c(name)), -1);
    if (n < 0 && other)
        n = jd_i64_or(jd_get(v, str_c(other)), -1);
    return n >> DETAIL_BITS ? -1 : n;
}

/* Audio tokens that were cached are counted as cached, whose price they have. */
static int64_t fresh_audio(jval *in)
{
    int64_t audio = counter(in, "audio_tokens", NULL);
    int64_t cached = counter(jd_get(in, S("cached_tokens_details")), "audio_tokens", NULL);
    return cached <= 0 || audio < 0 ? audio : audio < cached ? 0 : audio - cached;
}

static void read_usage(struct chat_usage *u, jval *v)
{
    jval *in = jd_get(v, S("input_token_details")), *out = jd_get(v, S("output_token_details"));
    *u = CHAT_USAGE_NONE;
    u->prompt = counter(v, "input_tokens", "prompt_tokens");
    u->completion = counter(v, "output_tokens", "completion_tokens");
    u->total = counter(v, "total_tokens", NULL);
    u->seen = u->prompt >= 0 || u->completion >= 0;
    u->cache_read = counter(in, "cached_tokens", NULL);
    u->audio_in = fresh_audio(in);
    u->image_in = counter(in, "image_tokens", NULL);
    u->audio_out = counter(out, "audio_tokens", NULL);
    u->reasoning = counter(out, "reasoning_tokens", NULL);
}

bool realtime_usage_end(struct realtime_usage *r, struct chat_usage *ret)
{
    struct arena a;
    jval *v;
    bool whole = !r->done && !r->in_string && r->depth == 0 && !r->usage.full;
    *ret = CHAT_USAGE_NONE;
    if (!whole || r->type == TYPE_NONE || r->where != types[r->type].where)
        return false;
    arena_init(&a);
    if (!FAILED(jd_read(&v, buf_str(&r->usage), &a, NULL)))
        read_usage(ret, v);
    arena_done(&a);
    buf_done(&r->usage);
    return ret->seen;
}

static void add(int64_t *sum, int64_t n)
{
    int64_t both;
    if (n >= 0 && !__builtin_add_overflow(*sum < 0 ? 0 : *sum, n, &both))
        *sum = both;
}

void realtime_usage_add(struct chat_usage *sum, const struct chat_usage *u)
{
    add(&sum->prompt, u->prompt);
    add(&sum->completion, u->completion);
    add(&sum->total, u->total);
    add(&sum->cache_read, u->cache_read);
    add(&sum->reasoning, u->reasoning);
    add(&sum->audio_in, u->audio_in);
    add(&sum->audio_out, u->audio_out);
    add(&sum->image_in, u->image_in);
    sum->seen |= u->seen;
}
