/* Any split of the bytes gives the same messages, and a relay passes on the same bytes. */
#include "run_websocket.h"

static void run(struct pieces from, struct buf *out, int kind)
{
    run_websocket(from, out, kind == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    pieces_check(run, 0, data, n);
    pieces_check(run, 1, data, n);
    return 0;
}
