#include "server/responses.h"

#include "base/clock.h"
#include "json/splice.h"
#include "json/write.h"
#include "server/operation.h"
#include "server/reply.h"
#include "server/response_store.h"

enum { BODY_BYTES_MAX = 256 * 1024 * 1024 };

/* Of a request whose answer is to be kept, or that goes on from a kept one. */
struct response_keep {
    struct buf items; /* what goes in: JSON items, history first */
    str previous;     /* previous_response_id, resolved here */
    str unresolved;   /* the same, which only an upstream can know */
    str conversation; /* the id of one: likewise */
    const struct deployment *pinned;
    struct chat_extra *echo;
    bool store;
    bool noted; /* the upstream's id is known */
};

enum { PREVIOUS, STORE, CONVERSATION, INPUT, MODEL, MEMBERS };

static const char no_conversations[] =
    "This model has no stored conversations: its upstream has no Responses API. Use "
    "`previous_response_id`, or send the whole conversation as `input`.";

static bool is_native(const struct deployment *d)
{
    return d && d->dialect == DIALECT_OPENAI_RESPONSES;
}

static const struct deployment *deployment_of(const struct exchange *x, str id)
{
    const struct route_table *t = x->snap->routes;
    for (size_t i = 0; i < route_deployment_count(t); i++)
        if (str_eq(route_deployment(t, i)->id, id))
            return route_deployment(t, i);
    return NULL;
}

/* ---- a request ------------------------------------------------------------------------------ */

static void add_items(struct buf *b, str items)
{
    items = str_trim(items);
    if (items.n && b->n)
        buf_chr(b, ',');
    buf_add(b, items);
}

/* A JSON array without its brackets. */
static str inside(str array)
{
    return array.n < 2 ? (str){ 0 } : (str){ array.p + 1, array.n - 2 };
}

/* expanded: the array anew; empty: as it is. */
static void add_input(struct buf *b, const struct json_member *input, const struct buf *expanded)
{
    if (expanded->n) {
        add_items(b, inside(buf_str(expanded)));
    } else if (input->kind == JSON_ARRAY) {
        add_items(b, inside(input->value));
    } else if (input->kind == JSON_STRING) {
        add_items(b, S("{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":"
                       "\"input_text\",\"text\":"));
        buf_add(b, input->value);
        buf_add(b, S("}]}"));
    }
}

static str output_of(str body)
{
    struct json_member output = { .name = S("output") };
    struct err e;
    if (FAILED(json_scan(body, &output, 1, NULL, &e)) || output.kind != JSON_ARRAY)
        return (str){ 0 };
    return inside(output.value);
}

/* The body anew, with all of the items as its input. */
static void rewrite(struct exchange *x, struct json_member *m)
{
    struct response_keep *k = x->keep;
    struct json_edit edits[2];
    struct buf input, body;
    str old = buf_str(&x->asked->body);
    size_t n = 0;
    bool given = m[INPUT].kind != JSON_NONE, previous = m[PREVIOUS].kind != JSON_NONE;
    buf_init(&input, BODY_BYTES_MAX);
    buf_add(&input, given ? S("[") : S("\"input\":["));
    buf_add(&input, buf_str(&k->items));
    buf_add(&input, given ? S("]") : S("],"));
    if (!given)
        edits[n++] = json_edit_insert(old, buf_str(&input));
    else if (!previous || m[INPUT].value.p < m[PREVIOUS].value.p)
        edits[n++] = json_edit_value(old, &m[INPUT], buf_str(&input));
    if (previous)
        edits[n++] =
            json_edit_value(old, &m[PREVIOUS], k->previous.n ? S("null") : m[PREVIOUS].value);
    if (given && previous && n == 1)
        edits[n++] = json_edit_value(old, &m[INPUT], buf_str(&input));
    buf_init(&body, BODY_BYTES_MAX);
    json_splice(&body, old, edits, n);
    server_give_buf(x->sw, &x->asked->body);
    x->asked->body = body;
    buf_done(&input);
}

static void refuse(struct exchange *x, unsigned status, const char *param, const char *code,
                   str message)
{
    struct chat_error err = { .status = status,
                              .kind = ERR_INVALID_REQUEST,
                              .type = S("invalid_request_error"),
                              .code = str_c(code),
                              .param = str_c(param),
                              .message = message,
                              .retry_after_ms = -1 };
    reply_error(x, &err);
}

static str not_found(struct exchange *x, str id)
{
    return arena_fmt(&x->arena, "Previous response with id '%.*s' not found.",
                     STRF(str_take(id, 200)));
}

/* The deployment that has what the request refers to; NULL: it is gone, or another model is asked
 * for now. */
static const struct deployment *keeper_of(const struct exchange *x, str model, str id)
{
    const struct deployment *d = deployment_of(x, id);
    return d && route_holds(x->snap->routes, model, d) ? d : NULL;
}

/* True: the request has been answered. */
static bool resolve(struct exchange *x, struct json_member *m, str model,
                    const struct deployment *first)
{
    struct response_keep *k = x->keep;
    struct stored_response before;
    str id = json_unescape(&x->arena, m[PREVIOUS].value);
    if (!response_store_get(x->sw->server->responses, id, x->owner, clock_wall_ms(), &x->scratch,
                            &before)) {
        k->unresolved = id; /* perhaps the upstream's own, from before we were started */
        if (!is_native(first))
            refuse(x, 400, "previous_response_id", "previous_response_not_found", not_found(x, id));
        return !is_native(first);
    }
    if (before.deployment.n) {
        k->unresolved = id;
        k->pinned = keeper_of(x, model, before.deployment);
        return false;
    }
    k->previous = id;
    add_items(&k->items, before.items);
    add_items(&k->items, output_of(before.body));
    return false;
}

/* Conversations are their upstream's: it is known from the last response in one. */
static void continue_conversation(struct exchange *x, const struct json_member *m, str model)
{
    struct response_keep *k = x->keep;
    struct stored_response last;
    str text = m[CONVERSATION].value;
    if (m[CONVERSATION].kind == JSON_OBJECT) {
        struct json_member id = { .name = S("id") };
        if (FAILED(json_scan(text, &id, 1, NULL, NULL)) || id.kind != JSON_STRING)
            return;
        text = id.value;
    }
    k->conversation = arena_dup(&x->arena, json_unescape(&x->arena, text));
    if (response_store_get(x->sw->server->responses, k->conversation, x->owner, clock_wall_ms(),
                           &x->scratch, &last) &&
        last.deployment.n)
        k->pinned = keeper_of(x, model, last.deployment);
}

/* References into what is kept here become what they refer to. True: the request has been answered.
 */
static bool expand(struct exchange *x, const struct json_member *m, bool native, struct buf *ret)
{
    str missing;
    bool any = responses_expand(x, m[INPUT].value, ret, &missing);
    if (!any)
        buf_clear(ret);
    if (!missing.n || native) /* the upstream knows its own */
        return false;
    buf_done(ret);
    refuse(x, 404, "input", "",
           arena_fmt(&x->arena, "Item with id '%.*s' not found.", STRF(str_take(missing, 200))));
    return true;
}

static bool refused(struct exchange *x, const struct json_member *m, const struct deployment *first)
{
    if (is_native(first) || !first)
        return false; /* the upstream knows; or call_chat says that there is no such model */
    if (m[CONVERSATION].kind == JSON_STRING || m[CONVERSATION].kind == JSON_OBJECT)
        refuse(x, 400, "conversation", "unsupported_parameter", str_c(no_conversations));
    else
        return false;
    return true;
}

/* What the request refers to, and what of it is to be kept. True: it has been answered. */
static bool gather(struct exchange *x, struct json_member *m, bool store)
{
    str model = json_unescape(&x->scratch, m[MODEL].value);
    const struct deployment *first = route_first(x->snap->routes, model);
    bool goes_on = m[PREVIOUS].kind == JSON_STRING && m[PREVIOUS].value.n > 2;
    bool talks = m[CONVERSATION].kind == JSON_STRING || m[CONVERSATION].kind == JSON_OBJECT;
    if (refused(x, m, first))
        return true;
    bool references =
        m[INPUT].kind == JSON_ARRAY && str_contains(m[INPUT].value, S("\"item_reference\""));
    struct buf expanded;
    if (!store && !goes_on && !talks && !references)
        return false;
    buf_init(&expanded, BODY_BYTES_MAX);
    x->keep = NEW(&x->arena, struct response_keep, 1);
    x->keep->store = store;
    buf_init(&x->keep->items, BODY_BYTES_MAX);
    if (goes_on && first && resolve(x, m, model, first))
        return true;
    if (talks)
        continue_conversation(x, m, model);
    if (references && expand(x, m, is_native(first) || !first, &expanded))
        return true;
    add_input(&x->keep->items, &m[INPUT], &expanded);
    if (x->keep->previous.n || expanded.n)
        rewrite(x, m);
    buf_done(&expanded);
    return false;
}

/* op: what is done with the whole request; NULL: it is answered. */
static void serve(struct exchange *x, const struct operation *op)
{
    struct json_member m[MEMBERS] = {
        [PREVIOUS] = { .name = S("previous_response_id") },
        [STORE] = { .name = S("store") },
        [INPUT] = { .name = S("input") },
        [CONVERSATION] = { .name = S("conversation") },
        [MODEL] = { .name = S("model") },
    };
    struct err e;
    enum json_kind top;
    bool readable =
        !FAILED(json_scan(buf_str(&x->asked->body), m, MEMBERS, &top, &e)) && top == JSON_OBJECT;
    bool store = !op && m[STORE].kind != JSON_FALSE;
    if (!readable || !gather(x, m, store)) /* the call says what is wrong with it */
        call_serve(x, op);
}

void responses_create(struct exchange *x)
{
    serve(x, NULL);
}

void responses_input_tokens(struct exchange *x)
{
    serve(x, &operation_count);
}

void responses_compact(struct exchange *x)
{
    serve(x, &operation_compact);
}

static bool compacts(const struct call *c)
{
    return is_native(c->dep);
}

/* What is compacted is sealed by the vendor: nobody else could make it, or read it. */
static rc cannot_compact(struct call *c, struct buf *out, struct err *e)
{
    (void)out;
    return fail(
        e, E_NOT_FOUND, "model", 0,
        "%.*s cannot compact a conversation: its upstream has no Responses API. Ask it for a "
        "summary by POST /v1/responses, and go on with that as `input`",
        STRF(str_take(c->model_shown, 60)));
}

const struct operation operation_compact = { .name = "compaction of conversations",
                                             .tail = "/responses/compact",
                                             .whole = true,
                                             .splices = compacts,
                                             .write = cannot_compact };

/* ---- the call ------------------------------------------------------------------------------- */

const struct deployment *responses_pin(const struct exchange *x)
{
    return x->keep ? x->keep->pinned : NULL;
}

/* Members that change what is asked, and that only a server of this API can honour. */
static rc check_members(const struct call *c, struct err *e)
{
    static const struct {
        const char *name, *sign, *why;
    } only[] = {
        { "background", "true", "This model's responses cannot run in the background" },
        { "prompt", "{", "This model has no prompt templates: send the text itself" },
        { "max_tool_calls", "", "This model's calls of tools cannot be limited in number" },
    };
    for (const struct chat_extra *x = c->try->req->extras; x; x = x->next)
        for (size_t i = 0; i < COUNT_OF(only); i++)
            if (str_eq(x->name, str_c(only[i].name)) && str_starts(x->value, str_c(only[i].sign)) &&
                !call_target(c).drop_params)
                return fail(e, E_UNSUPPORTED, only[i].name, 0,
                            "%s (`%s`): its upstream has no Responses API", only[i].why,
                            only[i].name);
    return RC_OK;
}

/* Items that only OpenAI understands stay behind: the answer says which. */
static void note_items(const struct call *c)
{
    for (const struct chat_message *m = c->try->req->messages; m; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next) {
            jval *v = NULL;
            if (p->kind != PART_OPAQUE || p->origin != DIALECT_OPENAI_RESPONSES ||
                FAILED(jd_read(&v, p->raw, &c->x->scratch, NULL)))
                continue;
            chat_note_loss(&c->try->loss, arena_fmt(&c->x->scratch, "input.%.*s",
                                                    STRF(str_take(jd_get_str(v, S("type")), 64))));
        }
}

rc responses_check(const struct call *c, struct err *e)
{
    const struct response_keep *k = c->x->keep;
    if (is_native(c->dep) || c->asks->id != DIALECT_OPENAI_RESPONSES)
        return RC_OK;
    TRY(check_members(c, e));
    note_items(c);
    if (!k)
        return RC_OK;
    if (k->conversation.n)
        return fail(e, E_SYNTAX, "conversation", 0, "%s", no_conversations);
    if (!k->unresolved.n)
        return RC_OK;
    return fail(e, E_SYNTAX, "previous_response_id", 0, "%s", not_found(c->x, k->unresolved).p);
}

void responses_echo(const struct call *c, bool shown)
{
    struct response_keep *k = c->x->keep;
    struct chat_req *r = c->try->req;
    if (!k || !k->previous.n)
        return;
    if (!k->echo) {
        struct buf b;
        buf_init(&b, k->previous.n * 6 + 2);
        json_quote(&b, k->previous);
        k->echo = NEW(&c->x->arena, struct chat_extra, 1);
        k->echo->name = S("previous_response_id");
        k->echo->value = arena_dup(&c->x->arena, buf_str(&b));
        buf_done(&b);
    }
    if (shown && r->own != k->echo) {
        k->echo->next = r->own;
        r->own = k->echo;
    } else if (!shown && r->own == k->echo) {
        r->own = k->echo->next;
    }
}

static void put(struct exchange *x, const struct stored_response *r)
{
    response_store_put(x->sw->server->responses, r, clock_wall_ms());
}

void responses_keep_body(struct exchange *x, str body)
{
    struct json_member id = { .name = S("id") };
    struct err e;
    if (!x->keep || !x->keep->store || FAILED(json_scan(body, &id, 1, NULL, &e)))
        return;
    struct stored_response r = { .id = json_unescape(&x->arena, id.value),
                                 .items = buf_str(&x->keep->items),
                                 .body = body,
                                 .owner = x->owner };
    put(x, &r);
}

void responses_keep_frames(struct exchange *x, str frames)
{
    struct json_member response = { .name = S("response") };
    struct err e;
    if (!x->keep || !x->keep->store)
        return;
    str last = str_trim(frames); /* the last frame's data is its last line */
    size_t line = str_rindex(last, '\n');
    if (line < last.n)
        last = str_skip(last, line + 1);
    if (!str_starts(last, S("data: ")) ||
        FAILED(json_scan(str_skip(last, 6), &response, 1, NULL, &e)) ||
        response.kind != JSON_OBJECT)
        return;
    responses_keep_body(x, response.value);
}

static void note(const struct call *c, str response)
{
    struct exchange *x = c->x;
    struct json_member id = { .name = S("id") };
    struct err e;
    if (FAILED(json_scan(response, &id, 1, NULL, &e)) || id.kind != JSON_STRING)
        return;
    struct stored_response r = { .id = json_unescape(&x->arena, id.value),
                                 .deployment = c->dep->id,
                                 .owner = x->owner };
    x->keep->noted = true;
    if (x->keep->store)
        put(x, &r);
    r.id = x->keep->conversation;
    if (r.id.n)
        put(x, &r);
}

void responses_keep_relayed(const struct call *c, str response)
{
    const struct response_keep *k = c->x->keep;
    if (k && (k->store || k->conversation.n) && is_native(c->dep))
        note(c, response);
}

void responses_keep_event(const struct call *c, str event)
{
    struct json_member response = { .name = S("response") };
    struct err e;
    const struct response_keep *k = c->x->keep;
    if (!k || !(k->store || k->conversation.n) || k->noted || !is_native(c->dep))
        return;
    if (!FAILED(json_scan(event, &response, 1, NULL, &e)) && response.kind == JSON_OBJECT)
        note(c, response.value);
}

void responses_done(struct exchange *x)
{
    if (x->keep)
        buf_done(&x->keep->items);
    x->keep = NULL;
}
