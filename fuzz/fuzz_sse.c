/* Any split of the bytes gives the same events, and raw bytes mean the event they came with. */
#include "run_sse.h"

static void run(struct pieces from, struct buf *out, int kind)
{
    run_sse(from, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    pieces_check(run, 0, data, n);
    return 0;
}
