/* Pieces are the text again, none is empty; a piece has at least one token for every 128 bytes and
 * at most one a byte, its tokens' bytes are the piece's; the work is bounded by n log n. */
#include "base/base64.h"
#include "base/mem.h"
#include "chat/image_size.h"
#include "token/count.h"

static void check_piece(enum token_encoding e, str piece)
{
    struct token_bpe b;
    uint32_t *ids = mem_alloc(piece.n * sizeof(*ids));
    uint64_t log = 1;
    while (1U << log < piece.n)
        log++;
    token_bpe_init(&b);
    size_t n = token_bpe_count(&b, e, piece, ids);
    BUG_UNLESS(n >= (piece.n + TOKEN_BYTES_MAX - 1) / TOKEN_BYTES_MAX && n <= piece.n);
    BUG_UNLESS(b.steps <= 4 * (piece.n + 1) * (log + 2));
    for (size_t i = 0; i < n && token_ranks_here(); i++)
        BUG_UNLESS(ids[i] < TOKEN_NO_RANK);
    mem_free(ids);
    token_bpe_done(&b);
}

static void check_text(enum token_encoding e, str text)
{
    struct token_split s = { .text = text, .encoding = e };
    size_t at = 0;
    str piece;
    while (token_split_next(&s, &piece)) {
        BUG_UNLESS(piece.n > 0 && piece.p == text.p + at);
        at += piece.n;
        check_piece(e, piece);
    }
    BUG_UNLESS(at == text.n);
}

static void check_picture(str bytes)
{
    struct buf b;
    uint32_t w, h;
    buf_init(&b, 4 * bytes.n + 8);
    base64_add(&b, bytes);
    BUG_UNLESS(image_size(buf_str(&b), &w, &h) == (w && h));
    image_size(bytes, &w, &h); /* hardly base64 */
    buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = mem_alloc(n ? n : 1); /* of its own: what is read behind the end is seen by ASan */
    if (n)
        memcpy(text, data, n);
    check_text(TOKEN_CL100K, (str){ text, n });
    check_text(TOKEN_O200K, (str){ text, n });
    BUG_UNLESS(token_estimate((str){ text, n }) >= 0);
    token_model_of((str){ text, n });
    check_picture((str){ text, n });
    mem_free(text);
    return 0;
}
