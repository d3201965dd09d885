/* Any split of the bytes gives the same messages. */
#include "run_eventstream.h"

static void run(struct pieces from, struct buf *out, int kind)
{
    (void)kind;
    run_eventstream(from, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    pieces_check(run, 0, data, n);
    return 0;
}
