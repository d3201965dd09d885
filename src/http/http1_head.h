/* http1_head.h - one whole head, from its first byte to its empty line. Private to http1.c.
 */
#ifndef HTTP_HTTP1_HEAD_H
#define HTTP_HTTP1_HEAD_H

#include "http/http1.h"

/* Where the head at the front of s ends (behind its empty line) in *ret_end, 0 if s does not reach
 * so far. The first `from` bytes were searched before. E_SYNTAX: a line does not end in CR LF. */
rc http1_head_end(str s, size_t from, size_t *ret_end, struct err *e);

/* Is this the beginning of a head? Refuses what no head can hold, so that garbage need not go on to
 * its first line end: other protocols, control bytes, stray CR and LF. `from` as above. It refuses
 * nothing that http1_head_parse would take, and whatever it refuses it refuses in every longer s.
 */
rc http1_head_begins(str s, size_t from, enum http1_kind kind, struct err *e);

/* raw ends with its empty line. The strs in *ret borrow from it. `has_body` is left to the caller
 * for responses, as it depends on the request. */
rc http1_head_parse(str raw, enum http1_kind kind, struct http_head *ret, struct err *e);

#endif
