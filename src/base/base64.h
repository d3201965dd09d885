/* base64.h - base64 and base64url (RFC 4648), strictly.
 *
 * Decoding refuses everything but the one spelling an encoder writes: no blanks or line ends, right
 * padding, unused bits zero.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

/* Appends s encoded: "+", "/" and padding. */
void base64_add(struct buf *b, str s);
/* Appends s in the URL-safe alphabet ("-", "_"), without padding: JWTs and the like. */
void base64url_add(struct buf *b, str s);

/* Appends the bytes. False: s is not base64, or b is full; b then holds what it held before. */
bool base64_decode(struct buf *b, str s);
bool base64url_decode(struct buf *b, str s);

#endif
