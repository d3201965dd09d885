/* cohere_read.c - a Cohere v2 chat request, read into the neutral conversation.
 */
#include "dialect/cohere_internal.h"
#include "dialect/functions.h"
#include "dialect/signature.h"

struct reading {
    struct chat_req *r;
    struct arena *a;
    struct err *e;
    size_t at;               /* index of the message being read */
    struct chat_part **tail; /* end of the part list being filled */
};

static rc wrong(struct reading *rd, const char *field, const char *expected, jval *got)
{
    str where = *field ? arena_fmt(rd->a, "messages[%zu].%s", rd->at, field)
                       : arena_fmt(rd->a, "messages[%zu]", rd->at);
    return fail(rd->e, E_SYNTAX, where.p, 0, "%s: expected %s, got %s", where.p, expected,
                json_kind_name(jd_kind(got)));
}

static struct chat_part *add(struct reading *rd, enum part_kind kind)
{
    struct chat_part *p = chat_add_part(rd->a, rd->tail, kind);
    p->origin = DIALECT_COHERE;
    rd->tail = &p->next;
    return p;
}

static void add_text(struct reading *rd, str text)
{
    if (text.n)
        add(rd, PART_TEXT)->text = text;
}

/* ---- content -------------------------------------------------------------------------------- */

/* "data:image/png;base64,...." or a plain URL. */
static void set_url(struct chat_media *m, str url)
{
    size_t comma = str_index(url, ',');
    if (!str_istarts(url, S("data:")) || comma == url.n) {
        m->url = url;
        return;
    }
    str head = str_skip(str_take(url, comma), 5);
    m->mime = str_take(head, str_index(head, ';'));
    m->data = str_skip(url, comma + 1);
}

static void add_image(struct reading *rd, jval *image)
{
    struct chat_part *p = add(rd, PART_IMAGE);
    set_url(&p->media, jd_is_str(image) ? jd_str(image) : jd_get_str(image, S("url")));
    p->media.detail = jd_get_str(image, S("detail"));
}

/* {"data": {...} | "text", "id"} or just a text: the text, as JSON where it is an object. */
static str document_text(jval *doc, struct arena *a)
{
    if (jd_is_str(doc))
        return jd_str(doc);
    jval *data = jd_get(doc, S("data"));
    if (!data)
        data = jd_get(doc, S("text"));
    return jd_is_str(data) ? jd_str(data) : jd_text(data ? data : doc, a);
}

static rc read_part(struct reading *rd, jval *part)
{
    str type = jd_get_str(part, S("type"));
    if (jd_is_str(part)) {
        add_text(rd, jd_str(part));
    } else if (!jd_is_obj(part)) {
        return wrong(rd, "content", "parts that are objects", part);
    } else if (str_eq(type, S("text"))) {
        if (!jd_is_str(jd_get(part, S("text"))))
            return wrong(rd, "content", "a text part with a string 'text'",
                         jd_get(part, S("text")));
        add_text(rd, jd_get_str(part, S("text")));
    } else if (str_eq(type, S("image_url"))) {
        add_image(rd, jd_get(part, S("image_url")));
    } else if (str_eq(type, S("thinking"))) {
        struct chat_part *p = add(rd, PART_THINKING);
        p->text = jd_get_str(part, S("thinking"));
        p->signature = jd_get_str(part, S("signature"));
        p->origin = signature_unmark(&p->signature, DIALECT_COHERE);
    } else if (str_eq(type, S("document"))) {
        struct chat_part *p = add(rd, PART_TEXT);
        p->text = document_text(jd_get(part, S("document")), rd->a);
        p->raw = jd_text(part, rd->a);
    } else {
        add(rd, PART_OPAQUE)->raw = jd_text(part, rd->a);
    }
    return RC_OK;
}

static rc read_content(struct reading *rd, jval *content)
{
    if (jd_is_str(content)) {
        add_text(rd, jd_str(content));
        return RC_OK;
    }
    if (jd_is_obj(content)) /* the old SDKs' single part */
        return read_part(rd, content);
    if (jd_given(content) && !jd_is_arr(content))
        return wrong(rd, "content", "a string or an array", content);
    JD_EACH (part, content) {
        TRY(read_part(rd, part.value));
    }
    return RC_OK;
}

/* ---- messages ------------------------------------------------------------------------------- */

static rc read_calls(struct reading *rd, jval *calls)
{
    if (jd_given(calls) && !jd_is_arr(calls))
        return wrong(rd, "tool_calls", "an array", calls);
    JD_EACH (call, calls) {
        jval *function = jd_get(call.value, S("function"));
        if (!jd_is_obj(function))
            return wrong(rd, "tool_calls", "calls with an object 'function'", function);
        struct chat_part *p = add(rd, PART_TOOL_CALL);
        functions_read_call(&p->call, call.value, rd->a);
        p->call.signature = signature_from_id(rd->a, &p->call.id);
        if (p->call.signature.n)
            p->origin = DIALECT_GEMINI;
        if (!p->call.name.n)
            return wrong(rd, "tool_calls", "calls of functions with a name",
                         jd_get(function, S("name")));
    }
    return RC_OK;
}

static rc read_assistant(struct reading *rd, jval *m, struct chat_message *to)
{
    jval *plan = jd_get(m, S("tool_plan"));
    TRY(read_content(rd, jd_get(m, S("content"))));
    if (jd_given(plan) && !jd_is_str(plan))
        return wrong(rd, "tool_plan", "a string", plan);
    if (jd_str(plan).n) {
        struct chat_part *p = add(rd, PART_TEXT);
        p->text = jd_str(plan);
        p->id = COHERE_PLAN;
    }
    struct chat_part *text = to->parts;
    while (text && text->kind != PART_TEXT)
        text = text->next;
    if (text && jd_count(jd_get(m, S("citations"))))
        text->notes = jd_text(jd_get(m, S("citations")), rd->a);
    return read_calls(rd, jd_get(m, S("tool_calls")));
}

static rc read_result(struct reading *rd, jval *m)
{
    struct chat_part *p = add(rd, PART_TOOL_RESULT);
    p->result.id = jd_get_str(m, S("tool_call_id"));
    p->result.name = jd_get_str(m, S("name"));
    signature_from_id(rd->a, &p->result.id);
    struct chat_part **after = rd->tail;
    rd->tail = &p->result.content;
    rc got = read_content(rd, jd_get(m, S("content")));
    rd->tail = after;
    return got;
}

static enum chat_role role_of(str role)
{
    static const struct {
        str word;
        enum chat_role role;
    } roles[] = {
        { S("system"), ROLE_SYSTEM },       { S("developer"), ROLE_DEVELOPER },
        { S("assistant"), ROLE_ASSISTANT }, { S("chatbot"), ROLE_ASSISTANT },
        { S("tool"), ROLE_TOOL },
    };
    for (size_t i = 0; i < COUNT_OF(roles); i++)
        if (str_ieq(roles[i].word, role))
            return roles[i].role;
    return ROLE_USER;
}

static rc read_messages(struct reading *rd, jval *messages)
{
    struct chat_message **tail = &rd->r->messages;
    if (!jd_is_arr(messages) || jd_count(messages) == 0)
        return fail(rd->e, E_SYNTAX, "messages", 0, "messages: expected an array, got %s",
                    jd_is_arr(messages) ? "an empty one" : json_kind_name(jd_kind(messages)));
    JD_EACH (m, messages) {
        rd->at = m.index;
        if (!jd_is_obj(m.value))
            return wrong(rd, "", "an object", m.value);
        jval *role = jd_get(m.value, S("role"));
        if (!jd_is_str(role))
            return wrong(rd, "role", "a string", role);
        struct chat_message *to = chat_add_message(rd->a, &tail, role_of(jd_str(role)));
        rd->tail = &to->parts;
        if (to->role == ROLE_TOOL)
            TRY(read_result(rd, m.value));
        else if (to->role == ROLE_ASSISTANT)
            TRY(read_assistant(rd, m.value, to));
        else
            TRY(read_content(rd, jd_get(m.value, S("content"))));
    }
    return RC_OK;
}

/* What to answer from goes in front of the question. */
static rc read_documents(struct reading *rd, jval *documents)
{
    if (!jd_given(documents))
        return RC_OK;
    if (!jd_is_arr(documents))
        return fail(rd->e, E_SYNTAX, "documents", 0, "documents: expected an array, got %s",
                    json_kind_name(jd_kind(documents)));
    struct chat_message *user = NULL;
    for (struct chat_message *m = rd->r->messages; m; m = m->next)
        if (m->role == ROLE_USER)
            user = m;
    if (!user)
        return RC_OK;
    struct chat_part *question = user->parts;
    user->parts = NULL;
    rd->tail = &user->parts;
    JD_EACH (d, documents) {
        jval *title = jd_path(d.value, "data", "title", NULL);
        struct chat_part *p = add(rd, PART_FILE);
        p->raw = jd_text(d.value, rd->a);
        p->media.mime = S("text/plain");
        p->media.text = document_text(d.value, rd->a);
        p->media.name = jd_is_str(title) ? jd_str(title) : jd_get_str(d.value, S("id"));
    }
    *rd->tail = question;
    return RC_OK;
}

/* ---- the rest ------------------------------------------------------------------------------- */

static rc read_format(struct reading *rd, jval *format)
{
    str type = jd_get_str(format, S("type"));
    if (!format)
        return RC_OK;
    jval *schema = jd_get(format, S("json_schema"));
    if (!schema)
        schema = jd_get(format, S("schema"));
    rd->r->format = str_eq(type, S("json_object")) ? FORMAT_JSON : FORMAT_TEXT;
    if (rd->r->format == FORMAT_JSON && jd_is_obj(schema)) {
        rd->r->format = FORMAT_SCHEMA;
        rd->r->schema = jd_text(schema, rd->a);
    }
    return RC_OK;
}

static rc read_thinking(struct reading *rd, jval *thinking)
{
    if (!thinking)
        return RC_OK;
    int64_t budget = CHAT_UNSET;
    TRY(jd_opt_i64(thinking, "token_budget", &budget, rd->e));
    bool off = jd_str_is(jd_get(thinking, S("type")), S("disabled"));
    rd->r->thinking_budget = off ? 0 : budget > 0 ? budget : -1;
    rd->r->show_thinking = off ? TRI_FALSE : TRI_TRUE;
    return RC_OK;
}

static rc read_stop(struct reading *rd, jval *stops)
{
    struct chat_str **tail = &rd->r->stop;
    JD_EACH (s, stops) {
        if (!jd_is_str(s.value))
            return fail(rd->e, E_SYNTAX, "stop_sequences", 0,
                        "stop_sequences: expected strings, got %s",
                        json_kind_name(jd_kind(s.value)));
        *tail = NEW(rd->a, struct chat_str, 1);
        (*tail)->s = jd_str(s.value);
        tail = &(*tail)->next;
    }
    return RC_OK;
}

static void read_choice(struct chat_req *r, str choice)
{
    if (str_ieq(choice, S("REQUIRED")) || str_ieq(choice, S("any")))
        r->choice = CHOICE_REQUIRED;
    else if (str_ieq(choice, S("NONE")))
        r->choice = CHOICE_NONE;
    else if (choice.n)
        r->choice = CHOICE_AUTO;
}

static void read_extras(struct reading *rd, jval *body)
{
    static const char *const known[] = {
        "model",
        "messages",
        "stream",
        "tools",
        "tool_choice",
        "strict_tools",
        "documents",
        "max_tokens",
        "stop_sequences",
        "temperature",
        "p",
        "k",
        "seed",
        "logprobs",
        "frequency_penalty",
        "presence_penalty",
        "response_format",
        "thinking",
        NULL,
    };
    struct chat_extra **tail = &rd->r->extras;
    JD_EACH (m, body) {
        if (!str_among(m.name, known))
            chat_add_extra(rd->a, &tail, m.name, jd_text(m.value, rd->a));
    }
}

static rc read_params(struct reading *rd, jval *body)
{
    struct chat_req *r = rd->r;
    bool logprobs = false;
    jval *object = NULL, *list = NULL;
    str choice = { 0 };
    TRY(jd_opt_num(body, "temperature", &r->temperature, rd->e));
    TRY(jd_opt_num(body, "p", &r->top_p, rd->e));
    TRY(jd_opt_num(body, "k", &r->top_k, rd->e));
    TRY(jd_opt_num(body, "frequency_penalty", &r->frequency_penalty, rd->e));
    TRY(jd_opt_num(body, "presence_penalty", &r->presence_penalty, rd->e));
    TRY(jd_opt_i64(body, "max_tokens", &r->max_tokens, rd->e));
    TRY(jd_opt_i64(body, "seed", &r->seed, rd->e));
    TRY(jd_opt_bool(body, "logprobs", &logprobs, rd->e));
    if (logprobs)
        r->logprobs = TRI_TRUE;
    TRY(jd_opt_arr(body, "stop_sequences", &list, rd->e));
    TRY(read_stop(rd, list));
    TRY(jd_opt_str(body, "tool_choice", &choice, rd->e));
    read_choice(r, choice);
    TRY(jd_opt_obj(body, "response_format", &object, rd->e));
    TRY(read_format(rd, object));
    object = NULL;
    TRY(jd_opt_obj(body, "thinking", &object, rd->e));
    return read_thinking(rd, object);
}

rc cohere_read_chat(struct chat_req *ret, jval *body, const struct dialect_path *path,
                    struct arena *a, struct err *e)
{
    (void)path;
    chat_req_init(ret, DIALECT_COHERE);
    struct reading rd = { .r = ret, .a = a, .e = e };
    jval *tools = NULL;
    bool strict = false;
    TRY(jd_opt_str(body, "model", &ret->model, e));
    TRY(jd_opt_bool(body, "stream", &ret->stream, e));
    TRY(jd_opt_bool(body, "strict_tools", &strict, e));
    TRY(jd_opt_arr(body, "tools", &tools, e));
    TRY(read_messages(&rd, jd_get(body, S("messages"))));
    TRY(read_documents(&rd, jd_get(body, S("documents"))));
    TRY(functions_read_tools(&ret->tools, tools, DIALECT_COHERE, a, e));
    for (struct chat_tool *t = ret->tools; t && strict; t = t->next)
        if (t->kind == TOOL_FUNCTION)
            t->strict = TRI_TRUE;
    TRY(read_params(&rd, body));
    read_extras(&rd, body);
    chat_link_results(ret, a);
    return RC_OK;
}
