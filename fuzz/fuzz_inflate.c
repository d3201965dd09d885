/* Any split of the bytes gives the same output; limits are kept. The first byte picks the coding.
 */
#include "http/inflate.h"
#include "pieces.h"

enum { OUT_MAX = INFLATE_FREE_BYTES };

static void run(struct pieces from, struct buf *out, int kind)
{
    struct inflate *z = inflate_new((enum inflate_kind)kind, OUT_MAX);
    struct err e;
    str in;
    rc r = RC_OK;
    while (!FAILED(r) && pieces_next(&from, &in))
        r = inflate_add(z, in, out, &e);
    BUG_UNLESS(out->n <= OUT_MAX);
    if (!FAILED(r))
        r = inflate_end(z, &e);
    if (FAILED(r)) { /* how far it came by then, and which fault it met first, are chance */
        buf_clear(out);
        buf_add(out, S("bad"));
    }
    mem_free(from.own);
    inflate_free(z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const enum inflate_kind kinds[] = { INFLATE_GZIP, INFLATE_DEFLATE, INFLATE_ZSTD };
    if (n)
        pieces_check(run, (int)kinds[data[0] % 3], data + 1, n - 1);
    return 0;
}
