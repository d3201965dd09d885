/* Counting a request's tokens: by the vendor where it has the caller's own endpoint for it, else by
 * the estimate of chat/tokens.h, which the answer's x-sluice-token-count field says. */
#include "chat/tokens.h"
#include "dialect/dialect.h"
#include "json/write.h"
#include "server/operation.h"

static bool here(const struct call *c)
{
    return c->dep->local || c->in->id != c->out->id ||
           (c->out->id != DIALECT_ANTHROPIC && c->out->id != DIALECT_GEMINI);
}

static bool splices(const struct call *c)
{
    return !here(c);
}

/* Gemini callers may wrap the whole request. */
static rc read_request(struct call *c, struct chat_req *r, struct err *e)
{
    struct arena *a = &c->x->scratch;
    struct dialect_path at = { .model = c->model_shown };
    jval *tree;
    TRY(jd_read(&tree, buf_str(&c->x->asked->body), a, e));
    jval *inner = jd_get(tree, S("generateContentRequest"));
    return c->in->read_chat(r, inner ? inner : tree, &at, a, e);
}

static rc prepare(struct call *c, struct err *e)
{
    struct chat_req *r = NEW(&c->x->scratch, struct chat_req, 1);
    TRY(read_request(c, r, e));
    c->try->neutral = r;
    return RC_OK;
}

/* Where the chat goes, one step further: ".../messages/count_tokens", "...:countTokens". */
static str path(const struct call *c)
{
    struct chat_target t = call_target(c);
    struct arena *a = &c->x->scratch;
    str chat = c->out->chat_path(&t, c->dep->base_has_path, a);
    if (c->out->id == DIALECT_ANTHROPIC)
        return arena_cat(a, chat, S("/count_tokens"));
    return arena_cat(a, str_take(chat, str_rindex(chat, ':')), S(":countTokens"));
}

static rc answer(struct call *c, struct buf *out, str body, struct chat_usage *u, struct err *e)
{
    struct jw w;
    c->reply_fields = S("x-sluice-token-count: estimate\r\n");
    jw_init(&w, out);
    jw_obj(&w);
    jw_ki64(&w, c->in->id == DIALECT_GEMINI ? S("totalTokens") : S("input_tokens"),
            tokens_of_request(c->try->neutral));
    jw_obj_end(&w);
    return RC_OK;
}

const struct operation operation_count = {
    .name = "token counting",
    .whole = true,
    .fields = true,
    .here = here,
    .prepare = prepare,
    .splices = splices,
    .path = path,
    .answer = answer,
};
