/* tokens: what a request is made of, held against LiteLLM 1.106's token_counter. */
#include "../check.h"
#include "../arena_fixture.h"

#include "base/base64.h"
#include "chat/image_size.h"
#include "chat/tokens.h"
#include "dialect/dialect.h"
#include "json/doc.h"

static int64_t count(const char *model, const char *json, bool *ret_exact)
{
    struct token_counter k;
    struct chat_req r = { 0 };
    struct dialect_path at = { 0 };
    struct err e = { 0 };
    jval *body;
    CHECK_OK(jd_read(&body, str_c(json), &arena, &e), &e);
    CHECK_OK(dialect_get(DIALECT_OPENAI_CHAT)->read_chat(&r, body, &at, &arena, &e), &e);
    token_counter_init(&k, str_c(model));
    tokens_of_request(&k, &r, &arena);
    *ret_exact = k.exact;
    token_counter_done(&k);
    return k.tokens;
}

#define TOOLS                                                                                      \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":"    \
    "\"Weather of a city\",\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\"" \
    ":\"string\",\"description\":\"Its name\"},\"unit\":{\"type\":\"string\",\"enum\":[\"c\",\"f"  \
    "\"]},\"days\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"n\":{"     \
    "\"type\":\"integer\"},\"exact\":{\"type\":\"boolean\"}}}}},\"required\":[\"city\"]}}},{"      \
    "\"type\":\"function\",\"function\":{\"name\":\"stop\"}}]"

static const struct {
    const char *body;
    int64_t cl100k, o200k; /* what LiteLLM counts for gpt-4 and gpt-4o */
} counted[] = {
#include "litellm_counts.h"
};

static void as_litellm_does(void **state)
{
    if (!token_ranks_here())
        skip();
    for (size_t i = 0; i < COUNT_OF(counted); i++) {
        bool exact;
        int64_t n = count("gpt-4", counted[i].body, &exact);
        if (n != counted[i].cl100k || !exact)
            fail_msg("%s: %lld, not %lld", counted[i].body, (long long)n,
                     (long long)counted[i].cl100k);
        n = count("gpt-4o", counted[i].body, &exact);
        if (n != counted[i].o200k || !exact)
            fail_msg("%s: %lld, not %lld", counted[i].body, (long long)n,
                     (long long)counted[i].o200k);
    }
}

static void functions_are_declared(void **state)
{
    struct buf b;
    struct chat_tool two = { .name = S("stop") };
    struct chat_tool one = {
        .next = &two,
        .name = S("f"),
        .description = S("Does it"),
        .schema = S("{\"properties\":{\"a\":{\"type\":\"object\",\"description\":\"An a\","
                    "\"properties\":{\"b\":{\"type\":\"number\",\"enum\":[1,2]},\"c\":{}}},"
                    "\"d\":{\"type\":\"array\",\"items\":{\"type\":\"null\"}}},"
                    "\"required\":[\"d\"]}"),
    };
    buf_init(&b, 4096);
    tokens_write_functions(&b, &one, &arena);
    CHECK_STR(buf_str(&b), S("namespace functions {\n\n// Does it\ntype f = (_: {\n// An a\n"
                             "a?: {\n  b?: \"1\" | \"2\",\n  c?: any,\n},\nd: null[],\n}) => any;"
                             "\n\ntype stop = () => any;\n\n} // namespace functions"));
    buf_done(&b);
}

static void pictures_are_estimates(void **state)
{
    struct chat_part image = { .kind = PART_IMAGE };
    struct chat_part text = { .kind = PART_TEXT, .text = S("one two three"), .next = &image };
    struct chat_message message = { .role = ROLE_USER, .parts = &text };
    struct chat_req r = { .messages = &message };
    struct token_counter k;
    for (int i = 0; i < 3; i++) {
        image.media.detail = i == 1 ? S("low") : S("");
        message.parts = i == 2 ? NULL : &text;
        token_counter_init(&k, S("gpt-4o"));
        tokens_of_request(&k, &r, &arena);
        assert_int_equal(k.exact, i == 2 && token_ranks_here());
        assert_int_equal(k.tokens, i == 2 ? 7 : 10 + (i ? 85 : TOKENS_PER_IMAGE));
        token_counter_done(&k);
    }
    assert_int_equal(tokens_of_tiles(1024, 1024), 765);
    assert_int_equal(tokens_of_tiles(2048, 4096), 1105);
    assert_int_equal(tokens_of_tiles(300, 300), 255);
}

static void sizes_of_pictures(void **state)
{
    static const struct {
        const char *head;
        size_t n;
        uint32_t width, height; /* 0: not said */
    } table[] = {
#define BYTES(lit) lit, sizeof(lit) - 1
        { BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\4\0\0\0\2\1"), 1024, 513 },
        { BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\4\0"), 0, 0 },
        { BYTES("GIF89a\x2c\1\x90\0"), 300, 144 },
        { BYTES("\xff\xd8\xff\xe0\0\4ab\xff\xff\xc0\0\x11\x08\2\0\3\0\3"), 768, 512 },
        { BYTES("\xff\xd8\xff\xe0\xff\xff"), 0, 0 },
        { BYTES("RIFFsizeWEBPVP8Xsize....\xff\3\0\xff\1\0"), 1024, 512 },
        { BYTES("RIFFsizeWEBPVP8 size......\0\2\0\1"), 512, 256 },
        { BYTES("RIFFsizeWEBPVP8Lsize\x2f\xff\xc1\x3f\0"), 512, 256 },
        { BYTES("BM and more of it"), 0, 0 },
        { BYTES(""), 0, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct buf b;
        uint32_t w, h;
        buf_init(&b, 1024);
        base64_add(&b, (str){ table[i].head, table[i].n });
        bool known = image_size(buf_str(&b), &w, &h);
        if (known != (table[i].width > 0) ||
            (known && (w != table[i].width || h != table[i].height)))
            fail_msg("%zu: %u x %u", i, w, h);
        buf_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(as_litellm_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(functions_are_declared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pictures_are_estimates, set_up, tear_down),
        cmocka_unit_test(sizes_of_pictures),
    };
    return cmocka_run_group_tests_name("tokens", tests, NULL, NULL);
}
