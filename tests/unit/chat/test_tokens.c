/* tokens: what a request is made of. */
#include "../check.h"

#include "chat/tokens.h"

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
        cmocka_unit_test(counts_everything_that_is_sent),
    };
    return cmocka_run_group_tests_name("tokens", tests, NULL, NULL);
}
