#include "dialect/functions.h"

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

static void write_tool(struct jw *w, const struct chat_tool *t)
{
    str schema = t->schema.n ? t->schema : S("{\"type\":\"object\",\"properties\":{}}");
    jw_obj(w);
    jw_kstr(w, S("type"), S("function"));
    jw_kobj(w, S("function"));
    jw_kstr(w, S("name"), t->name);
    jw_kstr_if(w, S("description"), t->description);
    jw_kraw(w, S("parameters"), t->kind == TOOL_CUSTOM ? FUNCTIONS_FREE_TEXT : schema);
    jw_obj_end(w);
    jw_obj_end(w);
}

rc functions_write_tools(struct jw *w, const struct chat_req *r, const struct chat_target *t,
                         enum dialect_id own, str label, struct chat_loss *loss, struct err *e)
{
    bool named = false;
    for (const struct chat_tool *tool = r->tools; tool; tool = tool->next)
        named = named || (r->choice == CHOICE_NAMED && str_eq(tool->name, r->choice_name));
    jw_karr(w, S("tools"));
    for (const struct chat_tool *tool = r->tools; tool; tool = tool->next) {
        if (named && !str_eq(tool->name, r->choice_name))
            continue;
        if (tool->kind != TOOL_OPAQUE)
            write_tool(w, tool);
        else if (tool->origin == own)
            jw_raw(w, tool->raw);
        else
            TRY(chat_drop(loss, t->drop_params, S("tools"), label, e));
    }
    jw_arr_end(w);
    return RC_OK;
}
