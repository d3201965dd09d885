#include "../check.h"
#include "route/internal.h"

static void matches(void **state)
{
    static const struct {
        const char *pattern, *text;
        int n; /* captures; -1: no match */
        const char *captures[3];
    } cases[] = {
        { "openai/*", "openai/gpt-4o", 1, { "gpt-4o" } },
        { "openai/*", "openai/", 1, { "" } },
        { "openai/*", "openai", -1, { 0 } },
        { "openai/*", "xopenai/gpt", -1, { 0 } },
        { "*", "", 1, { "" } },
        { "*", "a/b", 1, { "a/b" } },
        { "*/*", "a/b/c", 2, { "a/b", "c" } },
        { "x-*-y-*", "x-1-y-2-y-3", 2, { "1-y-2", "3" } },
        { "*-mini", "gpt-4o-mini", 1, { "gpt-4o" } },
        { "*-mini", "gpt-4o-mini-2024", 1, { "gpt-4o" } }, /* anchored at the start only */
        { "*-mini", "gpt-4o", -1, { 0 } },
        { "a**b", "axb", 2, { "x", "" } },
        { "a*a", "a", -1, { 0 } }, /* the two parts do not overlap */
        { "aa*a", "aaa", 1, { "" } },
        { "plain", "plain", -1, { 0 } },
        { "*********", "x", -1, { 0 } }, /* more stars than captures */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        str captures[ROUTE_CAPTURES_MAX];
        size_t n = 99;
        bool found = pattern_match(str_c(cases[i].pattern), str_c(cases[i].text), captures, &n);
        if (found != (cases[i].n >= 0))
            fail_msg("%s on %s: %d", cases[i].pattern, cases[i].text, found);
        if (!found)
            continue;
        assert_int_equal(n, cases[i].n);
        for (size_t k = 0; k < n; k++)
            CHECK_STR(captures[k], str_c(cases[i].captures[k]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(matches) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
