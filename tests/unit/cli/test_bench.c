/* cli/bench: the histogram, and what replies tell about tokens. */
#include "../check.h"

#include <unistd.h>

#include "cli/bench.h"

static void histogram(void **state)
{
    static struct hist h;
    assert_int_equal(hist_quantile(&h, 0.5), 0);
    for (uint64_t i = 1; i <= 1000; i++)
        hist_add(&h, i * 100);
    assert_int_equal(h.n, 1000);
    assert_int_equal(h.max, 100000);
    assert_true(hist_mean(&h) > 50049 && hist_mean(&h) < 50051);
    static const struct {
        double q;
        uint64_t want;
    } cases[] = { { 0, 100 }, { 0.5, 50100 }, { 0.9, 90100 }, { 0.99, 99100 }, { 1, 100000 } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        double got = (double)hist_quantile(&h, cases[i].q), want = (double)cases[i].want;
        assert_true(got > want * 0.984 && got < want * 1.016);
    }
}

/* Every size of number is found again within 1.6 %, and in order. */
static void histogram_resolution(void **state)
{
    uint64_t last = 0;
    for (uint64_t v = 1; v < (uint64_t)1 << 40; v += 1 + v / 50) {
        static struct hist h;
        h = (struct hist){ 0 };
        hist_add(&h, v);
        hist_add(&h, UINT64_MAX / 2); /* so that max does not answer for it */
        uint64_t got = hist_quantile(&h, 0);
        uint64_t off = got > v ? got - v : v - got;
        assert_true(off * 1000 <= v * 16);
        assert_true(got >= last);
        last = got;
    }
}

static void tokens_in_events(void **state)
{
    static const struct {
        const char *data;
        bool token;
    } cases[] = {
        { "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}", false },
        { "{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}", true },
        { "{\"choices\":[{\"delta\":{\"reasoning_content\":\"x\"}}]}", true },
        { "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}", true },
        { "{\"choices\":[{\"text\":\"x\"}]}", true },
        { "{\"choices\":[],\"usage\":{}}", false },
        { "{\"type\":\"message_start\",\"message\":{\"content\":[]}}", false },
        { "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}",
          true },
        { "{\"type\":\"response.output_text.delta\",\"delta\":\"x\"}", true },
        { "{\"message\":{\"role\":\"assistant\",\"content\":\"x\"},\"done\":false}", true },
        { "{\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true}", false },
        { "{\"response\":\"x\"}", true },
        { "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}]}", true },
        { "{\"type\":\"content-delta\",\"delta\":{\"message\":{\"content\":{\"text\":\"x\"}}}}",
          true },
        { "not json", false },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (bench_event_has_token(str_c(cases[i].data)) != cases[i].token)
            fail_msg("case %zu: %s", i, cases[i].data);
}

static void usage_in_replies(void **state)
{
    static const struct {
        const char *json;
        int64_t prompt, completion;
    } cases[] = {
        { "{\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":9}}", 7, 9 },
        { "{\"usage\":{\"input_tokens\":7,\"output_tokens\":9}}", 7, 9 },
        { "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":7,\"output_"
          "tokens\":1}}}",
          7, 1 },
        { "{\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":7,"
          "\"output_tokens\":9}}}",
          7, 9 },
        { "{\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":9}}", 7, 9 },
        { "{\"done\":true,\"prompt_eval_count\":7,\"eval_count\":9}", 7, 9 },
        { "{\"delta\":{\"usage\":{\"tokens\":{\"input_tokens\":7,\"output_tokens\":9}}}}", 7, 9 },
        { "{\"usage\":null}", -1, -1 },
        { "[]", -1, -1 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bench_usage u = bench_read_usage(str_c(cases[i].json));
        if (u.prompt != cases[i].prompt || u.completion != cases[i].completion)
            fail_msg("case %zu: %d in, %d out", i, (int)u.prompt, (int)u.completion);
        assert_int_equal(bench_may_have_usage(str_c(cases[i].json)), cases[i].prompt >= 0);
    }
    assert_true(bench_read_usage(S("{\"usage\":{\"cost\":0.25,\"completion_tokens\":1}}")).cost ==
                0.25);
}

static void measures_processes(void **state)
{
    struct proc_use before, after;
    struct proc_meter *m = proc_meter_new(getpid());
    assert_non_null(m);
    assert_true(proc_meter_read(m, &before));
    for (volatile unsigned i = 0; i < 50000000; i++)
        ;
    assert_true(proc_meter_read(m, &after));
    assert_true(after.cpu_ns > before.cpu_ns);
    assert_true(after.rss_bytes > 100000);
    proc_meter_free(m);
    assert_null(proc_meter_new(0x3ffffffe));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histogram),          cmocka_unit_test(histogram_resolution),
        cmocka_unit_test(tokens_in_events),   cmocka_unit_test(usage_in_replies),
        cmocka_unit_test(measures_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
