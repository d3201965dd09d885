/* websocket.h - WebSocket (RFC 6455): the keys of its handshake, and frames as bytes in, pieces
 * out. No sockets, no clock.
 *
 * The reader watches a stream that is passed on as it is: it checks what makes a frame a frame
 * (section 5.2) and cuts payloads out of the bytes without unmasking or copying them. Use:
 *
 *     str in = bytes_read;
 *     for (;;) {
 *         switch (ws_next(&r, &in, &piece, &err)) {
 *         case WS_PIECE: ...  of one message (control frames are messages of their own)
 *         case WS_MORE: ...   in is used up, but its last ws_held(&r) bytes begin a frame's head
 *         case WS_BAD: ...    err says why; ws_held(&r) bytes and what is left in `in` are no frame
 *         }
 *     }
 *
 * Shape:     any split of the bytes gives the same events, but for where payloads are cut.
 * Limits:    none on sizes: nothing is kept but a head (14 bytes at most).
 * Errors:    E_SYNTAX; the reader is then dead. Close 1002 is the answer (section 7.4.1).
 * Tolerated: lengths in a longer form than they need; text that is not UTF-8, and Close codes that
 *            do not exist: both are the peer's to judge.
 */
#ifndef HTTP_WEBSOCKET_H
#define HTTP_WEBSOCKET_H

#include "base/err.h"

/* ---- the handshake -------------------------------------------------------------------------- */

enum {
    WS_KEY_BYTES = 24,    /* Sec-WebSocket-Key: 16 random bytes in base64 */
    WS_ACCEPT_BYTES = 28, /* Sec-WebSocket-Accept: a SHA-1 in base64 */
};

bool ws_is_key(str key);
void ws_make_key(const unsigned char random[16], char ret[WS_KEY_BYTES]);
/* What the server must answer to that key. */
void ws_accept(str key, char ret[WS_ACCEPT_BYTES]);

/* ---- frames --------------------------------------------------------------------------------- */

enum ws_opcode { WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

enum ws_close_code {
    WS_GOING_AWAY = 1001,
    WS_PROTOCOL_ERROR = 1002,
    WS_INTERNAL_ERROR = 1011,
};

enum { WS_HEAD_BYTES_MAX = 14, WS_CLOSE_BYTES_MAX = 6 + 125 };

struct ws_reader {
    uint64_t left;   /* of the payload in progress */
    uint8_t message; /* opcode of the fragmented message in progress; 0: none */
    uint8_t opcode;  /* of the frame in progress; a continuation has its message's */
    uint8_t nhead;
    bool fin, masked, fresh, in_payload, dead;
    char head[WS_HEAD_BYTES_MAX];
};

struct ws_piece {
    enum ws_opcode opcode;
    bool first, last; /* of its message; a message has one piece at least, perhaps an empty one */
    str payload;      /* in `in`; still masked if the frame is */
};

enum ws_event { WS_MORE, WS_PIECE, WS_BAD };

/* masked: frames come from a client, which must mask them; else from a server, which must not. */
void ws_init(struct ws_reader *r, bool masked);
enum ws_event ws_next(struct ws_reader *r, str *in, struct ws_piece *ret, struct err *e);
size_t ws_held(const struct ws_reader *r);
/* What was passed on ends with a whole frame: another frame may be put behind it. */
bool ws_between_frames(const struct ws_reader *r);

/* A Close frame; reason: UTF-8, cut after 123 bytes. mask NULL: a server's. Returns its length. */
size_t ws_write_close(char ret[WS_CLOSE_BYTES_MAX], enum ws_close_code code, str reason,
                      const unsigned char mask[4]);

#endif
