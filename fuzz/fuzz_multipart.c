/* Any split of the bytes gives the same events, and multipart_find finds the first value of them.
 */
#include "run_multipart.h"

#define TYPE S("multipart/form-data; boundary=b")

static void run(struct pieces from, struct buf *out, int kind)
{
    run_multipart(TYPE, from, out);
}

static void check_find(str body)
{
    struct err e;
    str value;
    if (FAILED(multipart_find(TYPE, body, S("model"), &value, &e)))
        return;
    BUG_UNLESS(value.p >= body.p && value.p + value.n <= body.p + body.n);
    BUG_UNLESS(!str_contains(value, S("\r\n--b")));
    str rest = str_skip(body, (size_t)(value.p + value.n - body.p));
    BUG_UNLESS(str_starts(rest, S("\r\n--b")) || (value.n == 0 && str_starts(rest, S("--b"))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    pieces_check(run, 0, data, n);
    check_find((str){ (const char *)data, n });
    return 0;
}
