/* Schemas without their $refs, for vendors that drop them. */
#include "../json_check.h"

#include "dialect/schema_refs.h"

static str inlined(str schema, struct arena *a)
{
    struct buf b;
    struct jw w;
    buf_init(&b, 1 << 20);
    jw_init(&w, &b);
    schema_write_inlined(&w, schema, a);
    str text = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return text;
}

static void puts_in_what_is_named(void **state)
{
    static const struct {
        str schema, want;
    } cases[] = {
        { S("{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#/$defs/"
            "x\",\"description\":\"A\"}},"
            "\"$defs\":{\"x\":{\"type\":\"string\",\"description\":\"X\"}}}"),
          S("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"description\":\"A\"}"
            "}}") },
        /* a name for a name; the old word for $defs; inside a list */
        { S("{\"anyOf\":[{\"$ref\":\"#/definitions/x\"}],\"definitions\":{\"x\":{\"$ref\":"
            "\"#/definitions/y\"},\"y\":{\"type\":\"null\"}}}"),
          S("{\"anyOf\":[{\"type\":\"null\"}]}") },
        /* properties may be called so */
        { S("{\"properties\":{\"$ref\":{\"type\":\"string\"},\"definitions\":{\"$ref\":\"#/$defs/"
            "x\"}},"
            "\"$defs\":{\"x\":{\"type\":\"integer\"}}}"),
          S("{\"properties\":{\"$ref\":{\"type\":\"string\"},\"definitions\":{\"type\":\"integer\"}"
            "}}") },
        /* elsewhere, or nowhere: as it is */
        { S("{\"items\":{\"$ref\":\"https://example.com/x\"}}"),
          S("{\"items\":{\"$ref\":\"https://example.com/x\"}}") },
        { S("{\"items\":{\"$ref\":\"#/$defs/none\"},\"$defs\":{}}"),
          S("{\"items\":{\"$ref\":\"#/$defs/none\"},\"$defs\":{}}") },
        { S("{\"type\":\"object\"}"), S("{\"type\":\"object\"}") },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        arena_init(&a);
        CHECK_JSON(inlined(cases[i].schema, &a), cases[i].want);
        arena_done(&a);
    }
}

static void ends_what_recurs(void **state)
{
    struct arena a;
    arena_init(&a);
    str text = inlined(S("{\"type\":\"object\",\"properties\":{\"next\":{\"$ref\":\"#\"}}}"), &a);
    assert_false(str_contains(text, S("$ref")));
    assert_true(str_ends(text, S("\"next\":{\"type\":\"object\"}}}}}}}}}}}}}}}")));
    /* each names the next twice: too long to write out, so it stays */
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_add(&b, S("{\"$ref\":\"#/$defs/d0\",\"$defs\":{"));
    for (int i = 0; i < 6; i++)
        buf_fmt(&b,
                "\"d%d\":{\"properties\":{\"a\":{\"$ref\":\"#/$defs/d%d\"},\"b\":{\"$ref\":"
                "\"#/$defs/d%d\"}},\"description\":\"%08000d\"},",
                i, i + 1, i + 1, i);
    buf_add(&b, S("\"d6\":{\"type\":\"string\"}}}"));
    CHECK_JSON(inlined(buf_str(&b), &a), buf_str(&b));
    buf_done(&b);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_in_what_is_named),
        cmocka_unit_test(ends_what_recurs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
