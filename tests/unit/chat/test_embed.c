/* embed: vectors between JSON and base64, and the vendors' words for purposes. */
#include "../check.h"

#include "chat/embed.h"

#define T(lit)               \
    {                        \
        lit, sizeof(lit) - 1 \
    }

static void vectors_both_ways(void **state)
{
    static const struct {
        str floats, base64, back;
    } table[] = {
        { T("[]"), T(""), T("[]") },
        { T("[1]"), T("AACAPw=="), T("[1]") },
        { T("[ 1 , -2.5 ]"), T("AACAPwAAIMA="), T("[1,-2.5]") },
        { T("[1,2,3]"), T("AACAPwAAAEAAAEBA"), T("[1,2,3]") },
        { T("[0.1,1e-7,-0.0,3.4028235e38]"), T("zczMPZW/1jMAAACA//9/fw=="),
          T("[0.1,1e-07,-0,3.4028235e+38]") },
        { T("[\n0.1\t]\n"), T("zczMPQ=="), T("[0.1]") },
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct buf b;
        buf_init(&b, 1000);
        buf_add(&b, S("x"));
        assert_true(embed_add_base64(&b, table[i].floats));
        CHECK_STR(str_skip(buf_str(&b), 1), table[i].base64);
        b.n = 1;
        assert_true(embed_add_floats(&b, table[i].base64));
        CHECK_STR(str_skip(buf_str(&b), 1), table[i].back);
        buf_done(&b);
    }
}

static void what_is_no_vector(void **state)
{
    static const char *const floats[] = { "",      "1",   "[1",   "[1,]",      "[1 2]", "[\"1\"]",
                                          "[[1]]", "[,]", "null", "[1e99999]", "[1e39]" };
    static const char *const base64[] = { "AAA", "AAAA", "????", "AACAfw==" /* infinity */ };
    struct buf b;
    buf_init(&b, 1000);
    buf_add(&b, S("x"));
    for (size_t i = 0; i < COUNT_OF(floats); i++) {
        if (embed_add_base64(&b, str_c(floats[i])))
            fail_msg("taken for a vector: %s", floats[i]);
        CHECK_STR(buf_str(&b), S("x"));
    }
    for (size_t i = 0; i < COUNT_OF(base64); i++) {
        if (embed_add_floats(&b, str_c(base64[i])))
            fail_msg("taken for a vector: %s", base64[i]);
        CHECK_STR(buf_str(&b), S("x"));
    }
    buf_done(&b);
}

static void purposes(void **state)
{
    CHECK_STR(embed_task_word(embed_task_of(S("search_query")), EMBED_WORDS_GEMINI),
              S("RETRIEVAL_QUERY"));
    CHECK_STR(embed_task_word(embed_task_of(S("retrieval.passage")), EMBED_WORDS_VOYAGE),
              S("document"));
    CHECK_STR(embed_task_word(embed_task_of(S("SEMANTIC_SIMILARITY")), EMBED_WORDS_JINA),
              S("text-matching"));
    assert_int_equal(embed_task_of(S("passage")), EMBED_TASK_DOCUMENT);
    assert_int_equal(embed_task_of(S("")), EMBED_TASK_UNSET);
    assert_int_equal(embed_task_of(S("else")), EMBED_TASK_UNSET);
    assert_int_equal(embed_task_word(EMBED_TASK_UNSET, EMBED_WORDS_COHERE).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_both_ways),
        cmocka_unit_test(what_is_no_vector),
        cmocka_unit_test(purposes),
    };
    return cmocka_run_group_tests_name("embed", tests, NULL, NULL);
}
