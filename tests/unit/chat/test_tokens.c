/* tokens: the estimate, held against counts of o200k_base (gpt-tokenizer 3). */
#include "../check.h"

#include "chat/tokens.h"

static void near_the_true_count(void **state)
{
    static const struct {
        const char *text;
        int64_t low, high;
    } table[] = {
        { "", 0, 0 },
        { "Hello, world!", 3, 5 },                                                /* 4 */
        { "The quick brown fox jumps over the lazy dog.", 9, 11 },                /* 10 */
        { "int main(void)\n{\n    return 0;\n}\n", 8, 14 },                       /* 11 */
        { "{\"name\":\"get_weather\",\"city\":\"Paris\"}", 8, 16 },               /* 11 */
        { "1234567890", 4, 4 },                                                   /* 4 */
        { "Die Donaudampfschifffahrt f\xc3\xa4hrt heute nicht.", 8, 15 },         /* 12 */
        { "\xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x8c\xe4\xb8\x96\xe7\x95\x8c", 2, 5 }, /* 3 */
        { "\xff\xfe\x80", 0, 3 }, /* no text at all */
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        int64_t n = tokens_of_text(str_c(table[i].text));
        if (n < table[i].low || n > table[i].high)
            fail_msg("%s: %lld", table[i].text, (long long)n);
    }
}

static void counts_everything_that_is_sent(void **state)
{
    struct chat_part text = { .kind = PART_TEXT, .text = S("one two three") };
    struct chat_part image = { .kind = PART_IMAGE };
    struct chat_message message = { .role = ROLE_USER, .parts = &text };
    struct chat_req r = { .messages = &message };
    int64_t plain = tokens_of_request(&r);
    assert_in_range(plain, 3, 16);
    text.next = &image;
    assert_int_equal(tokens_of_request(&r), plain + TOKENS_PER_IMAGE);
    text.next = NULL;
    struct chat_tool tool = { .name = S("f"), .schema = S("{\"type\":\"object\"}") };
    r.tools = &tool;
    assert_true(tokens_of_request(&r) > plain + 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_the_true_count),
        cmocka_unit_test(counts_everything_that_is_sent),
    };
    return cmocka_run_group_tests_name("tokens", tests, NULL, NULL);
}
