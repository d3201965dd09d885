/* openai_responses_relay.c - the Responses API on both sides: bytes pass, the model's name changes.
 *
 * Events are numbered. As long as all are the upstream's they keep their numbers; behind the first
 * one of our own (a keep-alive) the rest are numbered anew, so that they still grow by one.
 */
#include "dialect/openai_responses_internal.h"
#include "dialect/relay.h"

static void learn_usage(struct dialect_relay *rl, str usage)
{
    struct arena scratch;
    jval *v = NULL;
    arena_init(&scratch);
    if (!FAILED(jd_read(&v, usage, &scratch, NULL)))
        responses_read_usage(&rl->usage, v);
    arena_done(&scratch);
}

static void learn_error(struct dialect_relay *rl, str body)
{
    jval *v = NULL;
    rl->failed = true;
    if (!FAILED(jd_read(&v, body, rl->arena, NULL)))
        responses_error_of(&rl->error, v, rl->arena);
}

enum { M_MODEL, M_USAGE, M_ERROR, M_STATUS, M_COUNT };
#define WANTED                                                                    \
    {                                                                             \
        [M_MODEL] = { .name = S("model") }, [M_USAGE] = { .name = S("usage") },   \
        [M_ERROR] = { .name = S("error") }, [M_STATUS] = { .name = S("status") }, \
    }

rc responses_relay_reply(struct dialect_relay *rl, struct buf *out, str body, struct err *e)
{
    struct json_member m[M_COUNT] = WANTED;
    enum json_kind top;
    if (FAILED(json_scan(body, m, M_COUNT, &top, NULL)) || top != JSON_OBJECT)
        return fail(e, E_UPSTREAM, "openai", 0, "the upstream's answer is not a JSON object");
    if (m[M_ERROR].kind == JSON_OBJECT) {
        learn_error(rl, body);
        return RC_OK;
    }
    relay_with_model(rl, out, body, &m[M_MODEL]);
    if (m[M_USAGE].kind == JSON_OBJECT)
        learn_usage(rl, m[M_USAGE].value);
    rl->finished = rl->first_content = true;
    return RC_OK;
}

/* The events that hold the whole response. */
static bool has_response(str type)
{
    static const char *const types[] = { "response.created",   "response.in_progress",
                                         "response.completed", "response.incomplete",
                                         "response.failed",    "response.queued",
                                         "response.cancelled", NULL };
    return str_among(type, types);
}

/* ---- frames --------------------------------------------------------------------------------- */

enum { UNNUMBERED = 1 }; /* relay->flags: the upstream numbers nothing, so we do */

static bool counts_anew(const struct dialect_relay *rl)
{
    return rl->added || rl->flags & UNNUMBERED;
}

/* The frame's number, found without reading the whole of it. In valid JSON the bytes looked for are
 * a key: inside a string its quotes would be escaped. */
static bool number_of(str data, uint32_t *ret)
{
    static const char key[] = "\"sequence_number\":";
    const char *hit = data.n ? memmem(data.p, data.n, key, sizeof(key) - 1) : NULL;
    if (!hit)
        return false;
    str rest = str_trim(str_skip(data, (size_t)(hit - data.p) + sizeof(key) - 1));
    size_t digits = 0;
    uint64_t n;
    while (digits < rest.n && rest.p[digits] >= '0' && rest.p[digits] <= '9')
        digits++;
    if (!str_to_u64(str_take(rest, digits), &n) || n >= UINT32_MAX)
        return false;
    *ret = (uint32_t)n;
    return true;
}

/* A text of JSON in the one line that a frame has for it: line ends in JSON are blanks. */
static void add_line(struct buf *out, str text)
{
    while (text.n) {
        size_t end = str_index(text, '\n');
        buf_add(out, str_take(text, end));
        if (end < text.n)
            buf_chr(out, ' ');
        text = str_skip(text, end < text.n ? end + 1 : end);
    }
}

/* The frame with another number (its member in data; NULL: it is not ours to say) and another model
 * (likewise). type: empty where the frame has no name. */
static void write_frame(struct dialect_relay *rl, struct buf *out, str type, str data,
                        const struct json_member *number, const struct json_member *model)
{
    struct json_edit edits[2];
    str pieces[5];
    struct buf name, value;
    size_t n = 0;
    buf_init(&name, rl->model.n * 6 + 2);
    buf_init(&value, 64);
    if (number) {
        bool there = number->kind != JSON_NONE;
        buf_fmt(&value, there ? "%u" : "\"sequence_number\":%u,", rl->next++);
        edits[n++] = there ? json_edit_value(data, number, buf_str(&value))
                           : json_edit_insert(data, buf_str(&value));
    }
    if (model) {
        json_quote(&name, rl->model);
        struct json_edit edit = json_edit_value(data, model, buf_str(&name));
        bool first = n && edits[0].at > edit.at;
        edits[n] = first ? edits[0] : edit;
        if (first)
            edits[0] = edit;
        n++;
    }
    n = json_splice_pieces(data, edits, n, pieces);
    if (type.n) {
        buf_add(out, S("event: "));
        buf_add(out, type);
        buf_chr(out, '\n');
    }
    buf_add(out, S("data: "));
    for (size_t i = 0; i < n; i++)
        add_line(out, pieces[i]);
    buf_add(out, S("\n\n"));
    buf_done(&name);
    buf_done(&value);
}

static void note_number(struct dialect_relay *rl, str data)
{
    uint32_t number;
    if (number_of(data, &number))
        rl->next = number + 1;
    else if (rl->next == 0)
        rl->flags |= UNNUMBERED;
    else
        rl->next++;
}

/* Counts a frame of the upstream, and passes it. Behind an event of our own all that is an event is
 * numbered: a JSON object with a name or a number; anything else passes as it is. */
static void pass_frame(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                       str type, const struct json_member *model)
{
    struct json_member number = { .name = S("sequence_number") };
    enum json_kind top = JSON_NONE;
    if (!counts_anew(rl))
        note_number(rl, ev->data);
    bool anew = counts_anew(rl);
    if (anew && (FAILED(json_scan(ev->data, &number, 1, &top, NULL)) || top != JSON_OBJECT ||
                 (!type.n && number.kind == JSON_NONE))) {
        relay_frame(out, ev);
        return;
    }
    if (model && (model->kind != JSON_STRING || !rl->model.n))
        model = NULL;
    if (anew || model || (type.n && !ev->event.n))
        write_frame(rl, out, type, ev->data, anew ? &number : NULL, model);
    else
        relay_frame(out, ev);
}

/* ---- events --------------------------------------------------------------------------------- */

/* What a failure of ours will have to say of the response. */
static void learn_response(struct dialect_relay *rl, str response)
{
    struct json_member m[] = { { .name = S("id") }, { .name = S("created_at") } };
    if (rl->id.n || FAILED(json_scan(response, m, COUNT_OF(m), NULL, NULL)) ||
        m[0].kind != JSON_STRING)
        return;
    rl->id = arena_dup(rl->arena, json_unescape(rl->arena, m[0].value));
    if (m[1].kind == JSON_NUMBER)
        rl->held = arena_dup(rl->arena, m[1].value);
}

static rc relay_response(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                         str type, struct err *e)
{
    struct json_member response = { .name = S("response") };
    struct json_member m[M_COUNT] = WANTED;
    if (FAILED(json_scan(ev->data, &response, 1, NULL, NULL)))
        return fail(e, E_UPSTREAM, "openai", 0, "the upstream sent a broken event");
    bool ok =
        response.kind == JSON_OBJECT && !FAILED(json_scan(response.value, m, M_COUNT, NULL, NULL));
    if (ok)
        learn_response(rl, response.value);
    if (ok && m[M_USAGE].kind == JSON_OBJECT)
        learn_usage(rl, m[M_USAGE].value);
    if (str_eq(type, S("response.failed")) && !rl->failed)
        learn_error(rl, ev->data);
    rl->finished = rl->finished || str_eq(type, S("response.completed")) ||
                   str_eq(type, S("response.incomplete")) || str_eq(type, S("response.failed"));
    pass_frame(rl, out, ev, type, ok ? &m[M_MODEL] : NULL);
    return RC_OK;
}

static void write_failed(struct dialect_relay *rl, struct buf *out, const struct chat_error *err,
                         const struct dialect_ctx *c)
{
    struct responses_state s = { .status = "failed", .id = rl->id, .error = err };
    buf_fmt(out,
            "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":%u",
            rl->next++);
    buf_add(out, S(",\"response\":"));
    responses_write_object(out, &s, c);
    buf_add(out, S("}\n\n"));
}

/* The vendor's response.failed may be far behind its error, or missing: the stream ends here, with
 * one of our own. SDKs raise at the error, Codex waits for the other. */
static void relay_error(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev)
{
    uint64_t created = 0;
    learn_error(rl, ev->data);
    pass_frame(rl, out, ev, S("error"), NULL);
    if (!str_to_u64(rl->held, &created) || created > INT64_MAX)
        created = 0;
    write_failed(rl, out, &rl->error,
                 &(struct dialect_ctx){
                     .model = rl->model, .created = (int64_t)created, .arena = rl->arena });
}

rc responses_relay_event(struct dialect_relay *rl, struct buf *out, const struct sse_event *ev,
                         struct err *e)
{
    str type = relay_event_type(ev);
    if (rl->failed || str_eq(ev->data, S("[DONE]"))) /* others' habit: not part of this API */
        return RC_OK;
    if (has_response(type))
        return relay_response(rl, out, ev, type, e);
    if (str_eq(type, S("error"))) {
        relay_error(rl, out, ev);
        return RC_OK;
    }
    if (str_starts(type, S("response.")))
        rl->first_content = true;
    pass_frame(rl, out, ev, type, NULL);
    return RC_OK;
}

/* A comment until the response has begun: SDKs want response.created to be the first event. */
void responses_relay_keepalive(struct dialect_relay *rl, struct buf *out)
{
    if (!rl->next) {
        buf_add(out, S(": keep-alive\n\n"));
        return;
    }
    buf_fmt(out, "event: keepalive\ndata: {\"type\":\"keepalive\",\"sequence_number\":%u}\n\n",
            rl->next++);
    rl->added++;
}

void responses_relay_break(struct dialect_relay *rl, struct buf *out, const struct chat_error *err,
                           const struct dialect_ctx *c)
{
    struct dialect_relay none = { 0 };
    if (!rl)
        rl = &none;
    responses_write_error_event(out, rl->next++, err);
    write_failed(rl, out, err, c);
}
