/* Any split of the bytes gives the same events; no head breaks what run_http1_head states. */
#include "run_http1.h"

static void run(struct pieces from, struct buf *out, int kind)
{
    run_http1(HTTP1_REQUESTS, false, from, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    pieces_check(run, 0, data, n);
    return 0;
}
