#include "../../../fuzz/run_realtime.h"

#include "check.h"

static void check_run(str bytes, bool transcribes, size_t first, size_t step, str want)
{
    struct buf got;
    buf_init(&got, 1 << 16);
    run_realtime((struct pieces){ bytes, first, step, NULL }, &got, transcribes);
    if (!str_eq(buf_str(&got), want))
        fail_msg("%.*s\n  first %zu, then %zu\n  got:  %.*s\n  want: %.*s", STRF(bytes), first,
                 step, (int)got.n, got.p, STRF(want));
    buf_done(&got);
}

static void check_event(const char *event, bool transcribes, const char *want)
{
    str s = str_c(event);
    check_run(s, transcribes, 0, SIZE_MAX, str_c(want));
    check_run(s, transcribes, 0, 1, str_c(want));
    check_run(s, transcribes, 0, 3, str_c(want));
    for (size_t i = 1; i < s.n; i++)
        check_run(s, transcribes, i, SIZE_MAX, str_c(want));
}

#define USAGE                                                                                \
    "\"usage\":{\"total_tokens\":253,\"input_tokens\":132,\"output_tokens\":121,"            \
    "\"input_token_details\":{\"text_tokens\":119,\"audio_tokens\":13,\"cached_tokens\":64," \
    "\"cached_tokens_details\":{\"text_tokens\":60,\"audio_tokens\":4}},"                    \
    "\"output_token_details\":{\"text_tokens\":30,\"audio_tokens\":91}}"

static void counted(void **state)
{
    (void)state;
    /* audio that was cached is not counted twice */
    check_event("{\"type\":\"response.done\",\"event_id\":\"e\",\"response\":{\"id\":\"r\"," USAGE
                ",\"status\":\"completed\"}}",
                false, "132 121 253 64 9 91");
    check_event("{\"event_id\":\"e\",\"response\":{" USAGE "},\"type\":\"response.done\"}", false,
                "132 121 253 64 9 91");
    check_event(" { \"type\" : \"response.done\" , \"response\" : { \"output\":[{\"usage\":{}}],"
                "\"a\":{\"response\":{}},\"usage\" : {\"input_tokens\":1,\"output_tokens\":2} } } ",
                false, "1 2 -1 -1 -1 -1");
    check_event("{\"type\":\"response.done\",\"x\":\"{\\\"\\\\\",\"response\":{\"usage\":"
                "{\"input_tokens\":1,\"output_tokens\":2,\"x\":\"}\\\"}\"}}}",
                false, "1 2 -1 -1 -1 -1");
    check_event("{\"type\":\"transcription.done\",\"text\":\"t\",\"usage\":{\"prompt_tokens\":3,"
                "\"completion_tokens\":4,\"total_tokens\":7}}",
                false, "3 4 7 -1 -1 -1");
    check_event("{\"type\":\"conversation.item.input_audio_transcription.completed\",\"usage\":"
                "{\"type\":\"tokens\",\"input_tokens\":3,\"output_tokens\":4,\"total_tokens\":7,"
                "\"input_token_details\":{\"audio_tokens\":3}}}",
                true, "3 4 7 -1 3 -1");
}

static void not_counted(void **state)
{
    (void)state;
    static const char *const events[] = {
        "",
        "[]",
        "{}",
        "}",
        "{\"type\":\"response.done\"}",
        "{\"type\":\"response.done\",\"response\":{\"usage\":null}}",
        "{\"type\":\"response.done\",\"response\":{\"usage\":{}}}",
        "{\"type\":\"response.done\",\"response\":{\"usage\":{\"input_tokens\":99999999999999}}}",
        "{\"type\":\"response.done\"," USAGE "}",
        "{\"type\":\"response.created\",\"response\":{" USAGE "}}",
        "{\"type\":\"response.done\",\"response\":{" USAGE "}",
        "{\"type\":\"response.done\",\"response\":[{" USAGE "}]}",
        "{\"type\":\"response.done\",\"response\":{\"x\":{" USAGE "}}}",
        "{\"response\":{" USAGE "},\"type\":\"response.output_audio.delta\"}",
        "{\"x\":{\"type\":\"response.done\"},\"response\":{" USAGE "}}",
        "[{\"type\":\"response.done\",\"response\":{" USAGE "}}]",
        "{\"type\":\"conversation.item.input_audio_transcription.completed\"," USAGE "}",
    };
    for (size_t i = 0; i < COUNT_OF(events); i++)
        check_event(events[i], false, "nothing");
}

static void long_usage(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 16);
    buf_add(&b,
            S("{\"type\":\"response.done\",\"response\":{\"usage\":{\"input_tokens\":1,\"x\":\""));
    for (int i = 0; i < REALTIME_USAGE_BYTES_MAX; i++)
        buf_chr(&b, 'x');
    buf_add(&b, S("\"}}}"));
    check_run(buf_str(&b), false, 0, 100, S("nothing"));
    buf_done(&b);
}

static void sums(void **state)
{
    (void)state;
    struct chat_usage sum = CHAT_USAGE_NONE, u = CHAT_USAGE_NONE;
    u.prompt = 3;
    u.seen = true;
    realtime_usage_add(&sum, &u);
    u.completion = 4;
    realtime_usage_add(&sum, &u);
    assert_int_equal(sum.prompt, 6);
    assert_int_equal(sum.completion, 4);
    assert_int_equal(sum.cache_read, -1);
    assert_true(sum.seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counted),
        cmocka_unit_test(not_counted),
        cmocka_unit_test(long_usage),
        cmocka_unit_test(sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
