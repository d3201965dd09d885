/* gemini_tools.c - the tools of a request to Gemini, and which of them it may call. */
#include "dialect/functions.h"
#include "dialect/gemini_write.h"

static void write_function(struct writer *p, const struct chat_tool *t)
{
    if (t->origin == DIALECT_GEMINI && t->raw.n) {
        jw_raw(&p->w, t->raw);
        return;
    }
    jw_obj(&p->w);
    jw_kstr(&p->w, S("name"), t->name);
    jw_kstr_if(&p->w, S("description"), t->description);
    jval *schema = gemini_parse(p, t->schema);
    if (t->kind == TOOL_CUSTOM)
        schema = gemini_parse(p, functions_free_text(t, p->arena));
    if (jd_is_obj(schema) && !gemini_schema_is_empty(schema)) {
        bool json = gemini_at_least(&p->model, 2, 5);
        jw_key(&p->w, json ? S("parametersJsonSchema") : S("parameters"));
        if (json)
            gemini_write_json_schema(&p->w, schema, p->arena);
        else
            gemini_write_schema(&p->w, schema, p->arena);
    }
    jw_obj_end(&p->w);
}

/* Tools that the vendor runs: Gemini's own under their names in any dialect, and other vendors'
 * that have a counterpart here. */
static str own_tool(struct writer *p, const struct chat_tool *t)
{
    static const char *const names[] = { "googleSearch", "googleSearchRetrieval",
                                         "urlContext",   "codeExecution",
                                         "googleMaps",   "fileSearch",
                                         "computerUse",  "enterpriseWebSearch",
                                         "mcpServers" };
    static const char *const counterparts[][2] = {
        { "web_search", "{\"googleSearch\":{}}" },
        { "web_fetch", "{\"urlContext\":{}}" },
        { "code_interpreter", "{\"codeExecution\":{}}" },
        { "code_execution", "{\"codeExecution\":{}}" },
    };
    if (t->origin == DIALECT_GEMINI)
        return t->raw;
    jval *v = gemini_parse(p, t->raw);
    str type = jd_get_str(v, S("type"));
    for (size_t i = 0; type.n == 0 && i < COUNT_OF(names); i++)
        if (gemini_get(v, str_c(names[i])))
            return t->raw;
    for (size_t i = 0; i < COUNT_OF(counterparts); i++)
        if (str_starts(type, str_c(counterparts[i][0])))
            return str_c(counterparts[i][1]);
    return (str){ 0 };
}

bool gemini_any_function(const struct writer *p)
{
    for (const struct chat_tool *t = p->req->tools; t; t = t->next)
        if (t->kind != TOOL_OPAQUE)
            return true;
    return false;
}

static void write_own_tools(struct writer *p, bool functions, bool *ret_any)
{
    for (const struct chat_tool *t = p->req->tools; t; t = t->next) {
        if (t->kind != TOOL_OPAQUE)
            continue;
        str raw = own_tool(p, t);
        bool fits = gemini_own(p) || !functions || gemini_at_least(&p->model, 3, 0);
        if (raw.n == 0 || !fits) {
            chat_note_loss(p->loss, S("tools")); /* clients offer their vendor's tools unasked */
            continue;
        }
        jw_raw(&p->w, raw);
        *ret_any = true;
    }
    if (members_find(p->req->extras, S("web_search_options")) && !gemini_own(p) &&
        (!functions || gemini_at_least(&p->model, 3, 0))) {
        jw_raw(&p->w, S("{\"googleSearch\":{}}"));
        *ret_any = true;
    }
}

static void write_calling(struct writer *p)
{
    static const char *const modes[] = { [CHOICE_AUTO] = "AUTO",
                                         [CHOICE_NONE] = "NONE",
                                         [CHOICE_REQUIRED] = "ANY",
                                         [CHOICE_NAMED] = "ANY" };
    jw_kobj(&p->w, S("functionCallingConfig"));
    jw_kstr(&p->w, S("mode"), str_c(modes[p->req->choice]));
    if (p->req->choice == CHOICE_NAMED) {
        jw_karr(&p->w, S("allowedFunctionNames"));
        jw_str(&p->w, p->req->choice_name);
        jw_arr_end(&p->w);
    }
    jw_obj_end(&p->w);
}

static void write_tool_config(struct writer *p, bool functions, bool own_tools)
{
    const struct chat_extra *given =
        gemini_own(p) ? members_find(p->req->extras, S("toolConfig")) : NULL;
    bool choice = functions && p->req->choice != CHOICE_UNSET;
    bool both = functions && own_tools && gemini_at_least(&p->model, 3, 0);
    if (gemini_overridden(p, S("toolConfig")))
        return;
    if (given) {
        jw_kraw(&p->w, S("toolConfig"), given->value);
        return;
    }
    if (!choice && !both)
        return;
    jw_kobj(&p->w, S("toolConfig"));
    if (choice)
        write_calling(p);
    if (both)
        jw_kbool(&p->w, S("includeServerSideToolInvocations"), true);
    jw_obj_end(&p->w);
}

rc gemini_write_tools(struct writer *p)
{
    bool functions = gemini_any_function(p), own_tools = false;
    bool search = members_find(p->req->extras, S("web_search_options")) && !gemini_own(p);
    if ((p->req->tools || search) && !gemini_overridden(p, S("tools"))) {
        jw_karr(&p->w, S("tools"));
        bool first = gemini_own(p) && p->req->tools->kind == TOOL_OPAQUE; /* as the client had it */
        if (first)
            write_own_tools(p, functions, &own_tools);
        if (functions) {
            jw_obj(&p->w);
            jw_karr(&p->w, S("functionDeclarations"));
            for (const struct chat_tool *t = p->req->tools; t; t = t->next)
                if (t->kind != TOOL_OPAQUE)
                    write_function(p, t);
            jw_arr_end(&p->w);
            jw_obj_end(&p->w);
        }
        if (!first)
            write_own_tools(p, functions, &own_tools);
        jw_arr_end(&p->w);
    }
    write_tool_config(p, functions, own_tools);
    return RC_OK;
}
