/* Embeddings: any of the embedding APIs in, any out (dialect/embed.h). */
#include "chat/quirks.h"
#include "dialect/embed.h"
#include "server/operation.h"

/* What the body says, read once and kept for the answer. */
static rc parse(struct call *c, struct err *e)
{
    jval *tree;
    if (c->try->neutral)
        return RC_OK;
    struct embed_req *r = NEW(&c->x->scratch, struct embed_req, 1);
    TRY(jd_read(&tree, buf_str(&c->x->asked->body), &c->x->scratch, e));
    TRY(embed_api_get(c->in->id)->read(r, tree, &c->x->scratch, e));
    call_drop_ours(c, &r->extras);
    c->try->neutral = r;
    return RC_OK;
}

static bool same_api(const struct call *c)
{
    return embed_api_get(c->in->id) == embed_api_get(c->out->id) &&
           !(c->dep->quirks & (QUIRK_VOYAGE | QUIRK_JINA));
}

/* Gemini names the model once more in each item; Ollama's older call has another shape. */
static bool splices(const struct call *c)
{
    return same_api(c) && c->out->id != DIALECT_GEMINI &&
           (c->out->id != DIALECT_OLLAMA || c->try->members[MEMBER_INPUT].kind != JSON_NONE);
}

/* How the first vector is written: '[', a quote, or 0 for neither. */
static char first_vector(str data)
{
    str key = S("\"embedding\"");
    const char *end = data.p + data.n;
    for (const char *at = data.p; (at = memmem(at, (size_t)(end - at), key.p, key.n));) {
        at += key.n; /* it is also the value of "object" */
        while (at < end && (*at == ' ' || *at == '\n'))
            at++;
        if (at < end && *at == ':') {
            str value = str_trim((str){ at + 1, (size_t)(end - at - 1) });
            return value.n && (value.p[0] == '[' || value.p[0] == '"') ? value.p[0] : 0;
        }
    }
    return 0;
}

/* Vectors are of the kind that was asked for: there are servers that ignore encoding_format. */
static bool passes(const struct call *c, str body)
{
    struct json_member format = { .name = S("encoding_format") }, data = { .name = S("data") };
    enum json_kind top;
    struct err e;
    if (c->in->id != DIALECT_OPENAI_CHAT || FAILED(json_scan(body, &data, 1, &top, &e)) ||
        data.kind != JSON_ARRAY ||
        FAILED(json_scan(buf_str(&c->x->asked->body), &format, 1, &top, &e)))
        return true;
    char is = first_vector(data.value);
    return !is || is == (str_eq(format.value, S("\"base64\"")) ? '"' : '[');
}

static rc write_body(struct call *c, struct buf *out, struct err *e)
{
    const struct embed_api *api = embed_api_get(c->out->id);
    struct chat_target t = call_target(c);
    if (!api)
        return fail(e, E_NOT_FOUND, "model", 0, "%s, which serves %.*s, has no embeddings",
                    c->out->label, STRF(str_take(c->model_shown, 100)));
    TRY(parse(c, e));
    return api->write(out, c->try->neutral, &t, &c->try->loss, &c->x->scratch, e);
}

static str path(const struct call *c)
{
    struct chat_target t = call_target(c);
    return embed_api_get(c->out->id)
        ->path(c->try->neutral, &t, c->dep->base_has_path, &c->x->scratch);
}

static rc answer(struct call *c, struct buf *out, str body, struct chat_usage *u, struct err *e)
{
    struct exchange *x = c->x;
    struct embed_reply reply = { .usage = CHAT_USAGE_NONE };
    TRY(parse(c, e));
    const struct embed_req *r = c->try->neutral;
    struct dialect_ctx ctx = { .model = c->model_shown,
                               .id = { x->id, CALL_ID_BYTES },
                               .created = x->wall_ms / 1000,
                               .started_ns = x->start_ns,
                               .arena = &x->scratch };
    TRY(embed_api_get(c->out->id)->read_reply(&reply, body, &x->scratch, e));
    if (reply.n != r->ninputs)
        return fail(e, E_UPSTREAM, "embeddings", 0, "the upstream sent %zu vectors for %zu inputs",
                    reply.n, r->ninputs);
    *u = reply.usage;
    return embed_api_get(c->in->id)->write_reply(out, &reply, r, &ctx, e);
}

const struct operation operation_embeddings = {
    .name = "embeddings",
    .whole = true,
    .splices = splices,
    .passes = passes,
    .write = write_body,
    .path = path,
    .answer = answer,
};
