/* Ranking documents by a query: Cohere's API in, any ranking vendor out (dialect/rerank.h). */
#include "chat/quirks.h"
#include "dialect/rerank.h"
#include "server/operation.h"

static rc parse(struct call *c, struct err *e)
{
    jval *tree;
    struct arena *a = &c->x->scratch;
    if (c->try->neutral)
        return RC_OK;
    struct rerank_req *r = NEW(a, struct rerank_req, 1);
    TRY(jd_read(&tree, buf_str(&c->x->asked->body), a, e));
    TRY(rerank_read(r, tree, a, e));
    call_drop_ours(c, &r->extras);
    c->try->neutral = r;
    return RC_OK;
}

/* Shapes and words differ in small things everywhere, and documents may be objects. */
static bool splices(const struct call *c)
{
    return false;
}

static rc write_body(struct call *c, struct buf *out, struct err *e)
{
    struct chat_target t = call_target(c);
    if (rerank_path(c->out->id, true).n == 0 || c->dep->quirks & QUIRK_OPENAI)
        return fail(e, E_NOT_FOUND, "model", 0, "%s, which serves %.*s, ranks no documents",
                    c->dep->provider->label, STRF(str_take(c->model_shown, 100)));
    TRY(parse(c, e));
    rerank_write(out, c->try->neutral, &t, &c->x->scratch);
    return RC_OK;
}

static str path(const struct call *c)
{
    return rerank_path(c->out->id, c->dep->base_has_path);
}

static rc answer(struct call *c, struct buf *out, str body, struct chat_usage *u, struct err *e)
{
    struct exchange *x = c->x;
    struct rerank_reply reply = { 0 };
    struct dialect_ctx ctx = { .model = c->model_shown, .id = { x->id, CALL_ID_BYTES } };
    TRY(rerank_read_reply(&reply, c->try->neutral, body, &x->scratch, e));
    *u = reply.usage;
    rerank_write_reply(out, &reply, c->try->neutral, &ctx);
    return RC_OK;
}

const struct operation operation_rerank = {
    .name = "rerank",
    .whole = true,
    .splices = splices,
    .write = write_body,
    .path = path,
    .answer = answer,
};
