#include "dialect/functions.h"
#include "dialect/schema_refs.h"

rc functions_read_tools(struct chat_tool **list, jval *tools, enum dialect_id origin,
                        struct arena *a, struct err *e)
{
    JD_EACH (tool, tools) {
        jval *function = jd_get(tool.value, S("function"));
        struct chat_tool *t = *list = NEW(a, struct chat_tool, 1);
        list = &t->next;
        t->origin = origin;
        if (!jd_is_obj(tool.value))
            return fail(e, E_SYNTAX, "tools", 0, "tools: expected objects, got %s",
                        json_kind_name(jd_kind(tool.value)));
        if (!jd_is_obj(function)) {
            t->kind = TOOL_OPAQUE;
            t->raw = jd_text(tool.value, a);
            continue;
        }
        t->name = jd_get_str(function, S("name"));
        if (!t->name.n)
            return fail(e, E_SYNTAX, "tools", 0, "tools[%zu].function.name: expected a name",
                        tool.index);
        t->description = jd_get_str(function, S("description"));
        if (jd_is_obj(jd_get(function, S("parameters"))))
            t->schema = jd_text(jd_get(function, S("parameters")), a);
    }
    return RC_OK;
}

void functions_read_call(struct chat_call *ret, jval *call, struct arena *a)
{
    jval *function = jd_get(call, S("function"));
    jval *args = jd_get(function, S("arguments"));
    ret->id = jd_get_str(call, S("id"));
    ret->name = jd_get_str(function, S("name"));
    ret->args = jd_is_str(args) ? jd_str(args) : jd_text(args, a);
}

bool functions_grammar(const struct chat_tool *t, str *ret_syntax, str *ret_definition,
                       struct arena *a)
{
    jval *v = NULL;
    if (!t->raw.n || FAILED(jd_read(&v, t->raw, a, NULL)))
        return false;
    jval *custom = jd_get(v, S("custom"));
    jval *format = jd_get(jd_is_obj(custom) ? custom : v, S("format"));
    jval *nested = jd_get(format, S("grammar"));
    jval *grammar = jd_is_obj(nested) ? nested : format;
    *ret_syntax = jd_get_str(grammar, S("syntax"));
    *ret_definition = jd_get_str(grammar, S("definition"));
    return ret_definition->n > 0;
}

str functions_free_text(const struct chat_tool *t, struct arena *a)
{
    str syntax, definition;
    struct buf b;
    struct jw w;
    if (!functions_grammar(t, &syntax, &definition, a))
        return S("{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},"
                 "\"required\":[\"input\"]}");
    buf_init(&b, SIZE_MAX);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, S("type"), S("object"));
    jw_kobj(&w, S("properties"));
    jw_kobj(&w, S("input"));
    jw_kstr(&w, S("type"), S("string"));
    jw_kstr(&w, S("description"),
            arena_fmt(a, "The whole input as plain text. It follows this grammar (%.*s):\n%.*s",
                      STRF(syntax), STRF(definition)));
    jw_obj_end(&w);
    jw_obj_end(&w);
    jw_kraw(&w, S("required"), S("[\"input\"]"));
    jw_obj_end(&w);
    str schema = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return schema;
}

str functions_wrap_text(str text, struct arena *a)
{
    struct buf b;
    buf_init(&b, SIZE_MAX);
    buf_add(&b, S("{\"input\":"));
    json_quote(&b, text);
    buf_chr(&b, '}');
    str args = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return args;
}

static void write_tool(struct jw *w, const struct chat_tool *t, enum dialect_id own,
                       struct arena *a)
{
    str schema = t->schema.n ? t->schema : S("{\"type\":\"object\",\"properties\":{}}");
    jw_obj(w);
    jw_kstr(w, S("type"), S("function"));
    jw_kobj(w, S("function"));
    jw_kstr(w, S("name"), t->name);
    jw_kstr_if(w, S("description"), t->description);
    jw_key(w, S("parameters"));
    if (t->kind == TOOL_CUSTOM)
        jw_raw(w, functions_free_text(t, a));
    else if (own == DIALECT_OLLAMA && t->origin != own) /* it drops a $ref without a word */
        schema_write_inlined(w, schema, a);
    else
        jw_raw(w, schema);
    jw_obj_end(w);
    jw_obj_end(w);
}

bool functions_write_tools(struct jw *w, const struct chat_req *r, enum dialect_id own,
                           struct chat_loss *loss, struct arena *a)
{
    bool named = false, any = false;
    for (const struct chat_tool *tool = r->tools; tool; tool = tool->next)
        named = named || (r->choice == CHOICE_NAMED && str_eq(tool->name, r->choice_name));
    for (const struct chat_tool *tool = r->tools; tool; tool = tool->next) {
        if (named && !str_eq(tool->name, r->choice_name))
            continue;
        if (tool->kind == TOOL_OPAQUE && tool->origin != own) {
            chat_note_loss(loss, S("tools"));
            continue;
        }
        if (!any)
            jw_karr(w, S("tools"));
        any = true;
        if (tool->kind == TOOL_OPAQUE)
            jw_raw(w, tool->raw);
        else
            write_tool(w, tool, own, a);
    }
    if (any)
        jw_arr_end(w);
    return any;
}
