#include "chat/tokens.h"

#include "json/doc.h"

/* Functions as the TypeScript in which OpenAI's models are shown them, in LiteLLM's spelling. */

enum { DEPTH_MAX = 32 };

static void indent(struct buf *b, unsigned n)
{
    while (n--)
        buf_chr(b, ' ');
}

/* `blanks` before each line; no deeper than `depth` more levels. */
static void write_type(struct buf *b, jval *schema, unsigned blanks, unsigned depth,
                       struct arena *a);

static bool is_required(jval *schema, str name)
{
    JD_EACH (m, jd_get(schema, S("required"))) {
        if (jd_str_is(m.value, name))
            return true;
    }
    return false;
}

static void write_members(struct buf *b, jval *schema, unsigned blanks, unsigned depth,
                          struct arena *a)
{
    bool first = true;
    JD_EACH (m, jd_get(schema, S("properties"))) {
        str description = jd_get_str(m.value, S("description"));
        if (!first)
            buf_chr(b, '\n');
        first = false;
        if (description.n) {
            indent(b, blanks);
            buf_add(b, S("// "));
            buf_add(b, description);
            buf_chr(b, '\n');
        }
        indent(b, blanks);
        buf_add(b, m.name);
        buf_add(b, is_required(schema, m.name) ? S(": ") : S("?: "));
        write_type(b, m.value, blanks, depth, a);
        buf_chr(b, ',');
    }
}

/* False: there is none. */
static bool write_enum(struct buf *b, jval *schema, struct arena *a)
{
    bool first = true;
    jval *list = jd_get(schema, S("enum"));
    JD_EACH (m, list) {
        buf_add(b, first ? S("\"") : S(" | \""));
        buf_add(b, jd_is_str(m.value) ? jd_str(m.value) : jd_text(m.value, a));
        buf_chr(b, '"');
        first = false;
    }
    return jd_is_arr(list);
}

static void write_type(struct buf *b, jval *schema, unsigned blanks, unsigned depth,
                       struct arena *a)
{
    str type = jd_get_str(schema, S("type"));
    bool number = str_eq(type, S("integer")) || str_eq(type, S("number"));
    if (str_eq(type, S("string")) || number) {
        if (!write_enum(b, schema, a))
            buf_add(b, number ? S("number") : S("string"));
    } else if (str_eq(type, S("array")) && depth) {
        write_type(b, jd_get(schema, S("items")), blanks, depth - 1, a);
        buf_add(b, S("[]"));
    } else if (str_eq(type, S("object")) && depth) {
        buf_add(b, S("{\n"));
        write_members(b, schema, blanks + 2, depth - 1, a);
        buf_add(b, S("\n}"));
    } else if (str_eq(type, S("boolean")) || str_eq(type, S("null"))) {
        buf_add(b, type);
    } else {
        buf_add(b, S("any"));
    }
}

static void write_function(struct buf *b, const struct chat_tool *t, struct arena *a)
{
    jval *schema = NULL;
    struct err e;
    if (t->schema.n && FAILED(jd_read(&schema, t->schema, a, &e)))
        schema = NULL;
    if (t->description.n) {
        buf_add(b, S("// "));
        buf_add(b, t->description);
        buf_chr(b, '\n');
    }
    buf_add(b, S("type "));
    buf_add(b, t->name);
    if (jd_count(jd_get(schema, S("properties")))) {
        buf_add(b, S(" = (_: {\n"));
        write_members(b, schema, 0, DEPTH_MAX, a);
        buf_add(b, S("\n}) => any;\n\n"));
    } else {
        buf_add(b, S(" = () => any;\n\n"));
    }
}

void tokens_write_functions(struct buf *out, const struct chat_tool *tools, struct arena *a)
{
    buf_add(out, S("namespace functions {\n\n"));
    for (const struct chat_tool *t = tools; t; t = t->next)
        if (t->kind == TOOL_FUNCTION && t->name.n)
            write_function(out, t, a);
    buf_add(out, S("} // namespace functions"));
}
