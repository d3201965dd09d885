/* split: pieces as the published patterns make them. */
#include "../check.h"

#include "token/split.h"

/* The pieces with a | between them. */
static void check(enum token_encoding e, const char *text, const char *want)
{
    struct token_split s = { .text = str_c(text), .encoding = e };
    char got[256];
    size_t n = 0;
    str piece;
    while (token_split_next(&s, &piece))
        n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%.*s", n ? "|" : "", STRF(piece));
    CHECK_STR(((str){ got, n }), str_c(want));
}

static void as_the_patterns_say(void **state)
{
    static const struct {
        const char *text, *cl100k, *o200k; /* NULL: the same */
    } table[] = {
        { "", "", NULL },
        { "Hello, world!", "Hello|,| world|!", NULL },
        { "I'll don'T 'sit", "I|'ll| don|'T| '|sit", "I'll| don'T| '|sit" },
        { "'sit", "'s|it", "'sit" },
        { "it'\xc5\xbf", "it|'\xc5\xbf", "it'\xc5\xbf" },
        { "1234567", "123|456|7", NULL },
        { "x = 10;", "x| =| |10|;", NULL },
        { "camelCase HTTPServer", "camelCase| HTTPServer", "camel|Case| HTTPServer" },
        { "ABC\xe3\x81\x82XY", "ABC\xe3\x81\x82XY", "ABC\xe3\x81\x82|XY" },
        { "e\xcc\x81x", "e|\xcc\x81x", "e\xcc\x81x" },
        { " \xcc\x81", " \xcc\x81", NULL },
        { "a///\n/b", "a|///\n|/b", "a|///\n/|b" },
        { "a  b", "a| | b", NULL },
        { "a \n \n  b", "a| \n \n| | b", NULL },
        { "a\n  ", "a|\n  ", "a|\n|  " },
        { "a  ", "a|  ", NULL },
        { "\xe3\x80\x80x", "\xe3\x80\x80x", NULL },
        { "\xff\xfe"
          "a\xe3\x81",
          "\xff\xfe|a|\xe3\x81", NULL },
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        check(TOKEN_CL100K, table[i].text, table[i].cl100k);
        check(TOKEN_O200K, table[i].text, table[i].o200k ? table[i].o200k : table[i].cl100k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(as_the_patterns_say) };
    return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
