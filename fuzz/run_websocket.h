/* run_websocket.h - the messages of a stream of frames as text, for comparing.
 */
#ifndef FUZZ_RUN_WEBSOCKET_H
#define FUZZ_RUN_WEBSOCKET_H

#include "http/websocket.h"
#include "pieces.h"

/* Appends "OPCODE<payload>" per message (a "+" between "<" and ">" where a control frame stands
 * inside one), "!" at an error, then what a relay has passed on. */
static inline void run_websocket(struct pieces from, struct buf *out, bool masked)
{
    struct ws_reader r;
    struct ws_piece piece;
    struct err e;
    struct buf passed, control;
    str in;
    enum ws_event ev = WS_MORE;
    ws_init(&r, masked);
    buf_init(&passed, SIZE_MAX / 4);
    buf_init(&control, SIZE_MAX / 4);
    while (ev != WS_BAD && pieces_next(&from, &in)) {
        str all = in;
        size_t held = ws_held(&r);
        char before[WS_HEAD_BYTES_MAX];
        memcpy(before, r.head, held);
        while ((ev = ws_next(&r, &in, &piece, &e)) == WS_PIECE) {
            struct buf *to = piece.opcode >= WS_CLOSE ? &control : out;
            BUG_UNLESS(
                piece.payload.n == 0 ||
                (piece.payload.p >= all.p && piece.payload.p + piece.payload.n <= all.p + all.n));
            if (piece.first)
                buf_fmt(to, "%d<", (int)piece.opcode);
            buf_add(to, piece.payload);
            if (piece.last)
                buf_chr(to, '>');
            if (piece.last && to == &control) {
                buf_chr(out, '+');
                buf_add(out, buf_str(&control));
                buf_clear(&control);
            }
        }
        BUG_UNLESS(ev == WS_BAD || in.n == 0);
        /* As server/tunnel.c does it. */
        size_t n = held + all.n - in.n - ws_held(&r);
        buf_add(&passed, str_take((str){ before, held }, n));
        buf_add(&passed, str_take(all, n > held ? n - held : 0));
    }
    if (ev == WS_BAD)
        buf_fmt(out, "!%s", e.text);
    else if (ws_between_frames(&r) && !r.nhead && !r.message)
        buf_chr(out, '.');
    buf_fmt(out, "|%zu", passed.n);
    mem_free(from.own);
    buf_done(&passed);
    buf_done(&control);
}

#endif
