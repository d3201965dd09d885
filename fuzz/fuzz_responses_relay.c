/* Relayed Responses frames: whole frames come out, JSON stays JSON, and behind a sign of life that
 * was put between them their numbers grow by one.
 */
#include "dialect_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct counted {
    uint64_t next;
    bool anew;
};

static void check_frame(struct counted *c, str data)
{
    struct json_member m = { .name = S("sequence_number") };
    uint64_t number;
    enum json_kind top;
    struct err e;
    if (FAILED(json_scan(data, &m, 1, &top, &e)) || top != JSON_OBJECT || !c->anew)
        return;
    if (!str_to_u64(m.value, &number))
        return; /* frames that are no events pass as they are */
    BUG_UNLESS(number == c->next || m.times > 1);
    c->next = number + 1;
}

static void check_frames(struct counted *c, str written)
{
    struct sse sse;
    struct sse_event ev;
    struct err e;
    sse_init(&sse);
    while (sse_next(&sse, &written, &ev, &e).code == OK)
        check_frame(c, ev.data);
    BUG_UNLESS(sse_end(&sse, &ev, &e).code == AGAIN); /* whole frames only */
    sse_done(&sse);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    const struct dialect *d = &dialect_openai_responses;
    struct arena a;
    struct sse sse;
    struct buf out;
    struct err e;
    struct sse_event ev;
    struct counted c = { 0 };
    arena_init(&a);
    sse_init(&sse);
    buf_init(&out, FUZZ_OUT_BYTES_MAX);
    struct dialect_relay rl = { .model = S("mine"), .usage = CHAT_USAGE_NONE, .arena = &a };
    str in = { (const char *)data + 1, n - 1 };
    for (unsigned i = 0; sse_next(&sse, &in, &ev, &e).code == OK; i++) {
        buf_clear(&out);
        if (FAILED(d->relay_event(&rl, &out, &ev, &e))) {
            BUG_UNLESS(out.n == 0);
            break;
        }
        check_frames(&c, buf_str(&out));
        if (i % 8 != data[0] % 8 || rl.failed)
            continue;
        buf_clear(&out);
        d->relay_keepalive(&rl, &out);
        c.next = rl.next ? rl.next - 1 : 0;
        c.anew = rl.added > 0;
        check_frames(&c, buf_str(&out));
    }
    buf_done(&out);
    sse_done(&sse);
    arena_done(&a);
    return 0;
}
