#include "server/left_out.h"

#include "json/splice.h"
#include "json/write.h"
#include "chat/tokens.h"
#include "dialect/openai_chat.h"
#include "server/count.h"
#include "token/stream.h"

/* Of a stream. */
struct left_out {
    int64_t prompt;             /* -1: not known */
    uint64_t bytes, frames;     /* of content, so far */
    bool filled;                /* somebody was told what was counted */
    struct token_stream *exact; /* NULL: only those two are known */
};

/* ---- streams -------------------------------------------------------------------------------- */

/* Four bytes a token, JSON's own and all. Unknown where the body carries media. */
static int64_t guess_prompt(const struct call *c)
{
    str body = buf_str(&c->x->asked->body);
    return str_contains(str_take(body, 64 * 1024), S("base64")) ? -1 : (int64_t)(body.n / 4 + 1);
}

void left_out_begin(struct call *c)
{
    struct left_out *l = NEW(&c->x->arena, struct left_out, 1);
    c->left_out = l;
    if (!route_leaves_usage_out(c->dep)) {
        l->prompt = guess_prompt(c);
        return;
    }
    l->exact = NEW(&c->x->arena, struct token_stream, 1);
    token_stream_init(l->exact, count_model(c->dep, c->step.model));
    l->prompt = count_prompt(c, &l->exact->counter);
    l->exact->counter.tokens = 0;
}

static void add(struct left_out *l, str text)
{
    l->bytes += text.n;
    if (l->exact)
        token_stream_add(l->exact, text);
}

void left_out_event(struct call *c, const struct chat_event *ev)
{
    struct left_out *l = c->left_out;
    if (!l)
        return;
    if (ev->kind == EV_TEXT || ev->kind == EV_THINKING || ev->kind == EV_ARGS ||
        ev->kind == EV_REFUSAL)
        add(l, ev->text);
    else if (ev->kind == EV_CALL)
        add(l, ev->name);
}

static void add_delta(struct left_out *l, jval *delta)
{
    static const char *const texts[] = { "content", "reasoning_content", "reasoning", "refusal" };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        add(l, jd_get_str(delta, str_c(texts[i])));
    JD_EACH (call, jd_get(delta, S("tool_calls"))) {
        add(l, jd_str(jd_path(call.value, "function", "name", NULL)));
        add(l, jd_str(jd_path(call.value, "function", "arguments", NULL)));
    }
}

void left_out_frame(struct call *c, str data)
{
    struct left_out *l = c->left_out;
    struct arena a;
    struct err e;
    jval *chunk;
    if (!l)
        return;
    l->frames++;
    if (!l->exact || c->in->id != DIALECT_OPENAI_CHAT)
        return;
    arena_init(&a);
    if (!FAILED(jd_read(&chunk, data, &a, &e))) {
        JD_EACH (choice, jd_get(chunk, S("choices"))) {
            add_delta(l, jd_get(choice.value, S("delta")));
        }
    }
    arena_done(&a);
}

static int64_t completion_of(const struct left_out *l)
{
    if (l->exact && l->bytes) {
        token_stream_end(l->exact);
        return l->exact->counter.tokens;
    }
    return (int64_t)(l->bytes ? (l->bytes + 3) / 4 : l->frames);
}

static void fill(struct chat_usage *u, int64_t prompt, int64_t completion)
{
    if (u->prompt < 0)
        u->prompt = prompt;
    if (u->completion < 0)
        u->completion = completion;
    if (u->total < 0 && u->prompt >= 0)
        u->total = u->prompt + u->completion;
    u->seen = true;
}

void left_out_fill(struct call *c, struct chat_usage *u)
{
    struct left_out *l = c->left_out;
    if (!l)
        return;
    l->filled = true;
    fill(u, l->prompt, completion_of(l));
}

void left_out_learn(struct call *c)
{
    if (c->left_out)
        route_note_usage(c->dep, c->usage->seen && !(c->translation && c->left_out->filled));
}

void left_out_settle(struct call *c)
{
    const struct left_out *l = c->left_out;
    struct chat_usage u = *c->usage;
    if (!l || !(l->bytes || l->frames) || (u.prompt >= 0 && u.completion >= 0))
        return;
    left_out_fill(c, &u);
    call_keep_usage(c, &u);
}

void left_out_free(struct call *c)
{
    if (c->left_out && c->left_out->exact)
        token_stream_done(c->left_out->exact);
    c->left_out = NULL;
}

/* ---- whole answers -------------------------------------------------------------------------- */

void left_out_reply(struct call *c, const struct chat_choice *choices, struct chat_usage *u)
{
    struct token_counter k;
    if (u->seen || !c->try || !c->dep)
        return;
    token_counter_init(&k, count_model(c->dep, c->step.model));
    int64_t prompt = count_prompt(c, &k);
    k.tokens = 0;
    for (; choices; choices = choices->next)
        tokens_of_answer(&k, choices->parts);
    fill(u, prompt, k.tokens);
    c->reply_fields = arena_cat(&c->x->arena, c->reply_fields, count_field(&k, &c->x->arena));
    token_counter_done(&k);
}

void left_out_body(struct call *c, struct buf *body, str original, struct chat_usage *u)
{
    struct chat_reply reply = { 0 };
    struct chat_error ignored = { 0 };
    struct err e;
    struct buf member, whole;
    struct jw w;
    if (u->seen || FAILED(c->out->read_reply(&reply, original, &ignored, &c->x->arena, &e)))
        return;
    left_out_reply(c, reply.choices, u);
    if (c->in->id != DIALECT_OPENAI_CHAT)
        return;
    struct json_member given = { .name = S("usage") };
    if (FAILED(json_scan(buf_str(body), &given, 1, NULL, &e)))
        return;
    buf_init(&member, 4096);
    if (given.kind == JSON_NONE)
        buf_add(&member, S("\"usage\":"));
    jw_init(&w, &member);
    openai_write_usage(&w, u);
    if (given.kind == JSON_NONE)
        buf_chr(&member, ',');
    struct json_edit edit = given.kind == JSON_NONE
                                ? json_edit_insert(buf_str(body), buf_str(&member))
                                : json_edit_value(buf_str(body), &given, buf_str(&member));
    buf_init(&whole, body->n + member.n + 16);
    json_splice(&whole, buf_str(body), &edit, 1);
    buf_clear(body);
    buf_add(body, buf_str(&whole));
    buf_done(&whole);
    buf_done(&member);
}
