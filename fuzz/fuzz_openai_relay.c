/* Relayed chunks: whatever comes out is made of whole frames of valid JSON, shows the model's name
 * that it should, and usage at most once and only if asked for. */
#include "dialect_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A key that occurs twice means what its last value says; nobody promises more of it. */
static bool says_twice(str data)
{
    struct json_member m[] = { { .name = S("model") },
                               { .name = S("usage") },
                               { .name = S("choices") } };
    enum json_kind top;
    return !FAILED(json_scan(data, m, COUNT_OF(m), &top, NULL)) &&
           (m[0].times > 1 || m[1].times > 1 || m[2].times > 1);
}

static void check_frame(const struct dialect_relay *rl, str data, size_t *usages)
{
    struct json_member m[] = { { .name = S("model") },
                               { .name = S("usage") },
                               { .name = S("choices") } };
    enum json_kind top;
    if (data.n == 0 || str_eq(str_trim(data), S("[DONE]")))
        return;
    BUG_UNLESS(fuzz_is_json(data));
    if (FAILED(json_scan(data, m, COUNT_OF(m), &top, NULL)) || top != JSON_OBJECT ||
        m[2].kind != JSON_ARRAY)
        return;
    if (m[0].kind == JSON_STRING)
        BUG_UNLESS(str_eq(m[0].value, S("\"mine\"")));
    if (m[1].kind == JSON_OBJECT)
        ++*usages;
    BUG_UNLESS(*usages <= (rl->show_usage ? 1 : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    struct arena a;
    struct sse sse;
    struct buf out;
    struct err e;
    struct sse_event ev;
    size_t usages = 0;
    arena_init(&a);
    sse_init(&sse);
    buf_init(&out, FUZZ_OUT_BYTES_MAX);
    struct dialect_relay rl = {
        .model = S("mine"), .show_usage = data[0] & 1, .usage = CHAT_USAGE_NONE, .arena = &a
    };
    str in = { (const char *)data + 1, n - 1 };
    while (sse_next(&sse, &in, &ev, &e).code == OK) {
        buf_clear(&out);
        if (says_twice(ev.data))
            continue;
        if (FAILED(dialect_openai_chat.relay_event(&rl, &out, &ev, &e))) {
            BUG_UNLESS(out.n == 0);
            break;
        }
        struct sse again;
        struct sse_event got;
        str written = buf_str(&out);
        sse_init(&again);
        while (sse_next(&again, &written, &got, &e).code == OK)
            check_frame(&rl, got.data, &usages);
        BUG_UNLESS(sse_end(&again, &got, &e).code == AGAIN); /* whole frames only */
        sse_done(&again);
    }
    buf_done(&out);
    sse_done(&sse);
    arena_done(&a);
    return 0;
}
