#include "server/operation.h"

#include "chat/quirks.h"
#include "http/multipart.h"
#include "json/splice.h"
#include "json/write.h"

static bool is_openai(const struct dialect *d)
{
    return d->id == DIALECT_OPENAI_CHAT || d->id == DIALECT_OPENAI_RESPONSES;
}

/* ---- the request ---------------------------------------------------------------------------- */

rc operation_find_model(struct call *c, struct err *e)
{
    struct exchange *x = c->x;
    struct json_member *m = &c->try->members[MEMBER_MODEL];
    str value;
    rc r = multipart_find(x->asked->content_type, buf_str(&x->asked->body), S("model"), &value, e);
    if (r.code == E_NOT_FOUND)
        return RC_OK;
    TRY(r);
    m->value = value;
    c->model_shown = arena_dup(&x->arena, value);
    return RC_OK;
}

bool operation_is_here(const struct call *c)
{
    return c->op && c->op->here && c->op->here(c);
}

rc operation_check(struct call *c, struct err *e)
{
    if (c->op->pass)
        return RC_OK;
    if (operation_is_here(c))
        return c->op->prepare(c, e);
    if (c->dep->local)
        return fail(e, E_NOT_FOUND, "model", 0, "%.*s is a built-in test model: it only chats",
                    STRF(c->model_shown));
    if (c->op->write || c->op->here || is_openai(c->out))
        return RC_OK;
    return fail(e, E_NOT_FOUND, "model", 0, "%s, which serves %.*s, has no %s", c->out->label,
                STRF(str_take(c->model_shown, 100)), c->op->name);
}

bool operation_splices(const struct call *c)
{
    return c->op->splices ? c->op->splices(c) : true;
}

size_t operation_form(struct call *c, str *pieces)
{
    str body = buf_str(&c->x->asked->body), value = c->try->members[MEMBER_MODEL].value;
    struct json_edit edit = { 0 };
    if (!value.p) /* without a model part: it came in the path, or is the default */
        return json_splice_pieces(body, NULL, 0, pieces);
    edit.at = (size_t)(value.p - body.p);
    edit.drop = value.n;
    edit.put = c->step.model;
    return json_splice_pieces(body, &edit, 1, pieces);
}

str operation_path(const struct call *c)
{
    if (c->op->pass)
        return c->try->path;
    if (c->op->path)
        return c->op->path(c);
    str tail = str_c(c->op->tail);
    return c->dep->base_has_path ? tail : arena_cat(&c->x->scratch, S("/v1"), tail);
}

void call_drop_ours(const struct call *c, struct chat_extra **list)
{
    while (*list) {
        if (call_is_ours(c, (*list)->name))
            *list = (*list)->next;
        else
            list = &(*list)->next;
    }
}

/* ---- the answer ----------------------------------------------------------------------------- */

static int64_t counter(jval *v, str name, str other)
{
    int64_t n = jd_i64_or(jd_get(v, name), -1);
    return n >= 0 ? n : jd_i64_or(jd_get(v, other), -1);
}

/* `usage` as OpenAI has it, by either of its two vocabularies; `meta` as Cohere has it. */
static void read_usage(struct chat_usage *u, str json)
{
    struct arena a;
    struct err e;
    jval *v;
    arena_init(&a);
    if (!FAILED(jd_read(&v, json, &a, &e)) && jd_is_obj(v)) {
        jval *billed = jd_get(v, S("billed_units"));
        v = billed ? billed : v;
        u->prompt = counter(v, S("prompt_tokens"), S("input_tokens"));
        u->completion = counter(v, S("completion_tokens"), S("output_tokens"));
        u->total = jd_i64_or(jd_get(v, S("total_tokens")), u->prompt);
        if (u->prompt < 0)
            u->prompt = u->total;
        u->seen = u->prompt >= 0;
        if (u->seen && u->completion < 0)
            u->completion = 0;
    }
    arena_done(&a);
}

/* Ollama's counter stands at the top. */
static void read_count(struct chat_usage *u, str number)
{
    uint64_t n;
    if (!str_to_u64(number, &n) || n > INT64_MAX)
        return;
    u->prompt = u->total = (int64_t)n;
    u->completion = 0;
    u->seen = true;
}

/* Same words on both sides: the body passes with the model's name changed. */
static rc relay(struct call *c, struct buf *out, str body, struct chat_usage *u,
                struct chat_error *error, struct err *e)
{
    enum { MODEL, USAGE, META, EVALS, FAULT, MEMBERS };
    struct json_member m[MEMBERS] = { [MODEL] = { .name = S("model") },
                                      [USAGE] = { .name = S("usage") },
                                      [META] = { .name = S("meta") },
                                      [EVALS] = { .name = S("prompt_eval_count") },
                                      [FAULT] = { .name = S("error") } };
    enum json_kind top;
    if (FAILED(json_scan(body, m, MEMBERS, &top, e)))
        return RC(E_UPSTREAM);
    if (m[FAULT].kind == JSON_OBJECT || m[FAULT].kind == JSON_STRING) {
        c->out->read_error(error, 200, body, &c->x->arena);
        return fail(e, E_UPSTREAM, "error", 0, "the upstream answered with an error");
    }
    if (m[USAGE].kind == JSON_OBJECT)
        read_usage(u, m[USAGE].value);
    else if (m[META].kind == JSON_OBJECT)
        read_usage(u, m[META].value);
    else if (m[EVALS].kind == JSON_NUMBER)
        read_count(u, m[EVALS].value);
    if (m[MODEL].kind == JSON_STRING) {
        struct buf name;
        buf_init(&name, c->model_shown.n * 6 + 2);
        json_quote(&name, c->model_shown);
        struct json_edit edit = json_edit_value(body, &m[MODEL], buf_str(&name));
        json_splice(out, body, &edit, 1);
        buf_done(&name);
    } else {
        buf_add(out, body);
    }
    return RC_OK;
}

rc operation_answer(struct call *c, struct buf *out, str body, struct chat_usage *u,
                    struct chat_error *error, struct err *e)
{
    *u = CHAT_USAGE_NONE;
    if (c->op->answer && (!operation_splices(c) || (c->op->passes && !c->op->passes(c, body))))
        return c->op->answer(c, out, body, u, e);
    return relay(c, out, body, u, error, e);
}

/* ---- the rows that pass as they are --------------------------------------------------------- */

const struct operation operation_pass = { .name = "pass-through", .pass = true };
const struct operation operation_moderations = { .name = "moderations",
                                                 .tail = "/moderations",
                                                 .default_model = "omni-moderation-latest" };
const struct operation operation_images = { .name = "image generation",
                                            .tail = "/images/generations" };
const struct operation operation_image_edits = { .name = "image editing",
                                                 .tail = "/images/edits",
                                                 .form = true };
const struct operation operation_image_variations = { .name = "image variations",
                                                      .tail = "/images/variations",
                                                      .form = true };
const struct operation operation_speech = { .name = "speech", .tail = "/audio/speech" };
const struct operation operation_transcriptions = { .name = "transcription",
                                                    .tail = "/audio/transcriptions",
                                                    .form = true };
const struct operation operation_translations = { .name = "audio translation",
                                                  .tail = "/audio/translations",
                                                  .form = true };
