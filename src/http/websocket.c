/* A frame's head:
 *
 *   byte 0: FIN RSV1 RSV2 RSV3 opcode(4)    byte 1: MASK length(7)
 *   then 2 bytes of length if it is 126, 8 if it is 127; then 4 bytes of mask if MASK
 */
#include "http/websocket.h"

#include <openssl/sha.h>

#include "base/base64.h"
#include "base/buf.h"

enum { FIN = 0x80, RSV = 0x70, OPCODE = 0x0f, MASK = 0x80, LENGTH = 0x7f, CONTROL = 8 };

/* ---- the handshake -------------------------------------------------------------------------- */

bool ws_is_key(str key)
{
    struct buf b;
    buf_init(&b, WS_KEY_BYTES);
    bool ok = key.n == WS_KEY_BYTES && base64_decode(&b, key) && b.n == 16;
    buf_done(&b);
    return ok;
}

static void encode(const unsigned char *bytes, size_t n, char *ret, size_t want)
{
    struct buf b;
    buf_init(&b, want);
    buf_lend(&b, ret, want);
    base64_add(&b, (str){ (const char *)bytes, n });
    BUG_UNLESS(b.n == want && b.p == ret);
    buf_done(&b);
}

void ws_make_key(const unsigned char random[16], char ret[WS_KEY_BYTES])
{
    encode(random, 16, ret, WS_KEY_BYTES);
}

void ws_accept(str key, char ret[WS_ACCEPT_BYTES])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char text[WS_KEY_BYTES + sizeof(guid) - 1], digest[SHA_DIGEST_LENGTH];
    BUG_UNLESS(key.n == WS_KEY_BYTES);
    memcpy(text, key.p, key.n);
    memcpy(text + key.n, guid, sizeof(guid) - 1);
    SHA1(text, sizeof(text), digest);
    encode(digest, sizeof(digest), ret, WS_ACCEPT_BYTES);
}

/* ---- reading -------------------------------------------------------------------------------- */

void ws_init(struct ws_reader *r, bool masked)
{
    *r = (struct ws_reader){ .masked = masked };
}

size_t ws_held(const struct ws_reader *r)
{
    return r->nhead;
}

bool ws_between_frames(const struct ws_reader *r)
{
    return !r->in_payload;
}

static unsigned head_byte(const struct ws_reader *r, size_t i)
{
    return (unsigned char)r->head[i];
}

/* What the first two bytes say. */
static rc check_head(const struct ws_reader *r, struct err *e)
{
    unsigned opcode = head_byte(r, 0) & OPCODE;
    bool control = opcode & CONTROL;
    if (head_byte(r, 0) & RSV)
        return fail(e, E_SYNTAX, "websocket", 0, "a reserved bit is set: no extension was agreed");
    if ((opcode > WS_BINARY && opcode < WS_CLOSE) || opcode > WS_PONG)
        return fail(e, E_SYNTAX, "websocket", 0, "reserved opcode %u", opcode);
    if (!(head_byte(r, 1) & MASK) == r->masked)
        return fail(e, E_SYNTAX, "websocket", 1,
                    r->masked ? "a client's frame is not masked" : "a server's frame is masked");
    if (control && (!(head_byte(r, 0) & FIN) || (head_byte(r, 1) & LENGTH) > 125))
        return fail(e, E_SYNTAX, "websocket", 0, "a control frame is fragmented or over 125 bytes");
    if (!control && opcode == 0 && !r->message)
        return fail(e, E_SYNTAX, "websocket", 0, "a continuation of nothing");
    if (!control && opcode && r->message)
        return fail(e, E_SYNTAX, "websocket", 0, "a new message inside a fragmented one");
    return RC_OK;
}

static size_t length_bytes(const struct ws_reader *r)
{
    unsigned n = head_byte(r, 1) & LENGTH;
    return n == 126 ? 2 : n == 127 ? 8 : 0;
}

static rc begin_frame(struct ws_reader *r, struct err *e)
{
    uint64_t left = head_byte(r, 1) & LENGTH;
    size_t n = length_bytes(r);
    unsigned opcode = head_byte(r, 0) & OPCODE;
    if (n)
        left = 0;
    for (size_t i = 0; i < n; i++)
        left = left << 8 | head_byte(r, 2 + i);
    if (left >> 63)
        return fail(e, E_SYNTAX, "websocket", 2, "a length over 63 bits");
    r->left = left;
    r->fin = head_byte(r, 0) & FIN;
    r->fresh = opcode != 0;
    r->opcode = opcode ? (uint8_t)opcode : r->message;
    if (!(opcode & CONTROL))
        r->message = r->fin ? 0 : r->opcode;
    r->nhead = 0;
    r->in_payload = true;
    return RC_OK;
}

/* How long the head is, as far as can be told yet. */
static size_t head_bytes(const struct ws_reader *r)
{
    return r->nhead < 2 ? 2 : 2 + length_bytes(r) + (r->masked ? 4 : 0);
}

/* AGAIN: the head is not complete. */
static rc read_head(struct ws_reader *r, str *in, struct err *e)
{
    while (in->n && r->nhead < head_bytes(r)) {
        r->head[r->nhead++] = in->p[0];
        *in = str_skip(*in, 1);
        if (r->nhead == 2)
            TRY(check_head(r, e));
    }
    return r->nhead < head_bytes(r) ? RC(AGAIN) : begin_frame(r, e);
}

enum ws_event ws_next(struct ws_reader *r, str *in, struct ws_piece *ret, struct err *e)
{
    bool begun = r->in_payload;
    if (r->dead)
        return WS_BAD;
    if (!begun) {
        rc got = read_head(r, in, e);
        if (got.code == AGAIN)
            return WS_MORE;
        if (FAILED(got)) {
            r->dead = true;
            return WS_BAD;
        }
    }
    if (in->n == 0 && r->left)
        return WS_MORE;
    ret->payload = str_take(*in, r->left < in->n ? (size_t)r->left : in->n);
    *in = str_skip(*in, ret->payload.n);
    r->left -= ret->payload.n;
    r->in_payload = r->left > 0;
    ret->opcode = (enum ws_opcode)r->opcode;
    ret->first = r->fresh;
    ret->last = r->fin && !r->in_payload;
    r->fresh = false;
    return WS_PIECE;
}

/* ---- writing -------------------------------------------------------------------------------- */

size_t ws_write_close(char ret[WS_CLOSE_BYTES_MAX], enum ws_close_code code, str reason,
                      const unsigned char mask[4])
{
    char payload[125];
    size_t n = 0, at = 0;
    reason = str_take(reason, sizeof(payload) - 2);
    payload[n++] = (char)(code >> 8);
    payload[n++] = (char)(code & 0xff);
    memcpy(payload + n, reason.p, reason.n);
    n += reason.n;
    ret[at++] = (char)(FIN | WS_CLOSE);
    ret[at++] = (char)((mask ? MASK : 0) | n);
    for (size_t i = 0; mask && i < 4; i++)
        ret[at++] = (char)mask[i];
    for (size_t i = 0; i < n; i++)
        ret[at++] = (char)(payload[i] ^ (mask ? mask[i % 4] : 0));
    return at;
}
