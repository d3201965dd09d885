/* openai_text.c - OpenAI's legacy POST /v1/completions: for callers, and for servers that still
 * complete prompts. Between it and a chat the prompt is the user's only message and the answer's
 * text is the completion.
 *
 * On the wire an answer differs from a chat's in `text` instead of message or delta, so requests,
 * errors and the relay are the chat dialect's.
 */
#include "dialect/openai_chat_internal.h"

static str path(const struct chat_target *t, bool base_has_path, struct arena *a)
{
    return base_has_path ? S("/completions") : S("/v1/completions");
}

/* ---- request -------------------------------------------------------------------------------- */

/* What a chat has no place for; logprobs is a number here and a flag there. */
static bool is_left_out(str name)
{
    static const char *const names[] = { "prompt",   "suffix",   "echo", "best_of",
                                         "logprobs", "messages", NULL };
    return str_among(name, names);
}

static rc read_prompt(jval *body, str *ret, struct err *e)
{
    jval *prompt = jd_get(body, S("prompt"));
    if (jd_is_arr(prompt) && jd_count(prompt) == 1)
        prompt = jd_at(prompt, 0);
    if (jd_is_str(prompt)) {
        *ret = jd_str(prompt);
        return RC_OK;
    }
    if (jd_is_arr(prompt))
        return fail(e, E_SYNTAX, "prompt", 0,
                    "prompt: this model chats: it takes one text at a time, %s",
                    jd_is_str(jd_at(prompt, 0)) ? "not several" : "not token ids");
    return fail(e, E_SYNTAX, "prompt", 0, "prompt: expected a string, got %s",
                json_kind_name(jd_kind(prompt)));
}

static rc read_request(struct chat_req *ret, jval *body, const struct dialect_path *at,
                       struct arena *a, struct err *e)
{
    struct buf b;
    struct jw w;
    str prompt;
    jval *chat;
    TRY(read_prompt(body, &prompt, e));
    buf_init(&b, 512 * 1024 * 1024);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_karr(&w, S("messages"));
    jw_obj(&w);
    jw_kstr(&w, S("role"), S("user"));
    jw_kstr(&w, S("content"), prompt);
    jw_obj_end(&w);
    jw_arr_end(&w);
    JD_EACH (m, body) {
        if (!is_left_out(m.name))
            jw_kval(&w, m.name, m.value);
    }
    jw_obj_end(&w);
    rc r = jd_read(&chat, buf_str(&b), a, e);
    buf_done(&b);
    TRY(r);
    return openai_read_chat(ret, chat, at, a, e);
}

/* ---- whole answers -------------------------------------------------------------------------- */

static rc read_reply(struct chat_reply *ret, str body, struct chat_error *error, struct arena *a,
                     struct err *e)
{
    jval *v;
    struct chat_choice **tail = &ret->choices;
    if (FAILED(jd_read(&v, body, a, e)))
        return fail(e, E_UPSTREAM, "reply", 0, "the upstream's answer is not JSON");
    if (openai_is_error(v) || !jd_is_arr(jd_get(v, S("choices")))) {
        openai_read_error(error, 200, body, a);
        return fail(e, E_UPSTREAM, "reply", 0, "the upstream's answer has no choices");
    }
    ret->origin = DIALECT_OPENAI_CHAT;
    ret->id = jd_get_str(v, S("id"));
    ret->created = jd_i64_or(jd_get(v, S("created")), 0);
    ret->usage = CHAT_USAGE_NONE;
    openai_usage_of(&ret->usage, v);
    JD_EACH (m, jd_get(v, S("choices"))) {
        struct chat_choice *c = *tail = NEW(a, struct chat_choice, 1);
        c->index = (int64_t)m.index;
        c->finish = openai_finish_of(jd_get_str(m.value, S("finish_reason")));
        chat_add_part(a, &c->parts, PART_TEXT)->text = jd_get_str(m.value, S("text"));
        tail = &c->next;
    }
    return RC_OK;
}

static void write_head(struct jw *w, str id, int64_t created, const struct dialect_ctx *c)
{
    jw_obj(w);
    jw_kstr(w, S("id"), id.n ? id : c->id);
    jw_kstr(w, S("object"), S("text_completion"));
    jw_ki64(w, S("created"), created > 0 ? created : c->created);
    jw_kstr(w, S("model"), c->model);
    jw_karr(w, S("choices"));
}

static void write_choice(struct jw *w, int64_t index, str text, enum chat_finish finish)
{
    jw_obj(w);
    jw_kstr(w, S("text"), text);
    jw_ki64(w, S("index"), index);
    jw_knull(w, S("logprobs"));
    if (finish == FINISH_NONE)
        jw_knull(w, S("finish_reason"));
    else
        jw_kstr(w, S("finish_reason"), openai_finish_word(finish));
    jw_obj_end(w);
}

static void write_reply(struct buf *out, const struct chat_reply *r, const struct dialect_ctx *c)
{
    struct jw w;
    jw_init(&w, out);
    write_head(&w, r->id, r->created, c);
    for (const struct chat_choice *ch = r->choices; ch; ch = ch->next)
        write_choice(&w, ch->index, chat_text_of(c->arena, ch->parts, S("")), ch->finish);
    jw_arr_end(&w);
    if (r->usage.seen) {
        jw_key(&w, S("usage"));
        openai_write_usage(&w, &r->usage);
    }
    jw_obj_end(&w);
}

/* ---- streams -------------------------------------------------------------------------------- */

enum { TEXT_BYTES_MAX = 32 * 1024 }; /* of one frame: clients choke on long lines */

static void write_chunk(struct buf *out, const struct chat_event *ev, str text,
                        enum chat_finish finish, const struct dialect_ctx *c)
{
    struct jw w;
    buf_add(out, S("data: "));
    jw_init(&w, out);
    write_head(&w, S(""), 0, c);
    write_choice(&w, ev->choice, text, finish);
    jw_arr_end(&w);
    jw_obj_end(&w);
    buf_add(out, S("\n\n"));
}

static void write_texts(struct buf *out, const struct chat_event *ev, const struct dialect_ctx *c)
{
    str rest = ev->text;
    while (rest.n) {
        str piece = str_cut_utf8(&rest, TEXT_BYTES_MAX);
        write_chunk(out, ev, piece, FINISH_NONE, c);
    }
}

static void write_usage_chunk(struct buf *out, const struct chat_usage *u,
                              const struct dialect_ctx *c)
{
    struct jw w;
    buf_add(out, S("data: "));
    jw_init(&w, out);
    write_head(&w, S(""), 0, c);
    jw_arr_end(&w);
    jw_key(&w, S("usage"));
    openai_write_usage(&w, u);
    jw_obj_end(&w);
    buf_add(out, S("\n\n"));
}

static void write_event(void *state, struct buf *out, const struct chat_event *ev,
                        const struct dialect_ctx *c)
{
    switch (ev->kind) {
    case EV_TEXT:
    case EV_REFUSAL:
        write_texts(out, ev, c);
        break;
    case EV_FINISH:
        write_chunk(out, ev, S(""), ev->finish, c);
        break;
    case EV_USAGE:
        if (c->include_usage)
            write_usage_chunk(out, ev->usage, c);
        break;
    case EV_ERROR:
        openai_write_stream_error(out, ev->error);
        break;
    case EV_DONE:
        buf_add(out, S("data: [DONE]\n\n"));
        break;
    default:
        break; /* a completion is text and nothing else */
    }
}

static void write_keepalive(void *state, struct buf *out, const struct dialect_ctx *c)
{
    buf_add(out, S(": keep-alive\n\n"));
}

const struct dialect dialect_openai_text = {
    .id = DIALECT_OPENAI_TEXT,
    .name = "openai_text",
    .label = "OpenAI",
    .framing = FRAMING_SSE,
    .stream_type = "text/event-stream; charset=utf-8",
    .read_chat = read_request,
    .chat_path = path,
    .read_reply = read_reply,
    .write_reply = write_reply,
    .write_event = write_event,
    .write_keepalive = write_keepalive,
    .read_error = openai_read_error,
    .write_error = openai_write_error,
    .write_stream_error = openai_write_stream_error,
    .relay_reply = openai_relay_reply,
    .relay_event = openai_relay_event,
    .ask_stream_usage = true,
};
