/* http1.h - one side of an HTTP/1.1 connection as bytes in, events out. No sockets, no clock.
 *
 * Heads go through llhttp in strict mode and then through our own checks (http1_head.c; RFC 9110,
 * RFC 9112), the same in both directions: whatever breaks the grammar is E_SYNTAX, whatever is over
 * a limit is E_LIMIT, and the parser is then dead. Any split of the bytes gives the same events,
 * but for where a body is cut into pieces. Use:
 *
 *     str in = bytes_read;
 *     for (;;) {
 *         switch (http1_next(&p, &in, &head, &body, &err)) {
 *         case HTTP1_MORE: return;           in is used up: read again
 *         case HTTP1_HEAD: ...               head is filled; its strs live until the next call
 *         case HTTP1_BODY: ... body ...      a piece of in itself, not a copy, chunking removed
 *         case HTTP1_END:  ...               the message is over; in may hold the next one
 *         case HTTP1_BAD:  ...               err says why; http1_code tells 400 from 431; close
 *         }
 *     }
 *
 * Responses: interim ones (1xx) are swallowed, but for 101, which is a HEAD with `upgrade` and
 * without body; after a HEAD with `upgrade` what follows END may not be HTTP. A response without
 * length runs to the end of the connection: tell by http1_eof. Bytes behind a message stay in `in`.
 *
 * A head that arrives in one piece is not copied; one that is split is collected in a buffer of the
 * parser's own, which exists only while a head is incomplete. An idle parser owns no memory.
 */
#ifndef HTTP_HTTP1_H
#define HTTP_HTTP1_H

#include "base/buf.h"
#include "base/err.h"

enum { HTTP_FIELDS_MAX = 100, HTTP_HEAD_BYTES_MAX = 32 * 1024 };

struct http_field {
    str name;  /* as sent; compare with str_ieq */
    str value; /* without surrounding blanks */
};

/* A parsed head. Large: keep one per worker, not one per connection. */
struct http_head {
    str method, target; /* requests */
    unsigned status;    /* responses */
    unsigned minor;     /* 1 or 0: HTTP/1.minor */
    bool keep_alive;    /* the connection may be used again after this message */
    bool chunked;
    int64_t content_length; /* -1: none given */
    bool has_body;          /* body events will follow (may still add up to nothing) */
    bool expect_continue;   /* Expect: 100-continue */
    bool upgrade;           /* Upgrade asked for (request) or 101 (response) */
    size_t nfields;
    struct http_field fields[HTTP_FIELDS_MAX];
};

/* The value of the first field of that name, not NULL then even if empty; p == NULL: none. */
str http_field_get(const struct http_head *h, str name);
/* How many fields have that name. */
size_t http_field_count(const struct http_head *h, str name);

enum http1_event { HTTP1_MORE, HTTP1_HEAD, HTTP1_BODY, HTTP1_END, HTTP1_BAD };

/* Small on purpose (64 bytes): there is one per connection. Private: see http1.c. */
struct http1 {
    struct buf partial;   /* the head so far, if it came in pieces */
    uint64_t left;        /* bytes to come of the body, or of the chunk */
    uint32_t scanned;     /* of partial, already searched for the end of the head */
    uint32_t extra_bytes; /* chunk extensions, then trailers */
    uint8_t extra_fields; /* trailers */
    uint8_t digits;       /* of the chunk size */
    uint8_t interims;     /* 1xx responses before this one */
    uint8_t state, kind, flags, code;
};

enum http1_kind { HTTP1_REQUESTS, HTTP1_RESPONSES };

void http1_init(struct http1 *p, enum http1_kind kind);
void http1_done(struct http1 *p);
/* Responses only, before the head arrives: the request was HEAD, so the head has no body. */
void http1_expect_no_body(struct http1 *p);
enum http1_event http1_next(struct http1 *p, str *in, struct http_head *head, str *body,
                            struct err *e);
/* The peer has closed. True if the message in progress is thereby complete (a response whose body
 * runs to the end of the connection) or none was in progress; false: it was cut off. */
bool http1_eof(struct http1 *p);
/* Nothing is in progress: no byte of a next message has been seen. */
bool http1_idle(const struct http1 *p);
/* After HTTP1_BAD: E_SYNTAX or E_LIMIT. */
enum code http1_code(const struct http1 *p);

/* A token of RFC 9110 5.6.2; and a field value without CR, LF, NUL or other controls. */
bool http_is_token(str s);
bool http_is_field_value(str s);

/* Appends "name: value\r\n"; drops the line if the value could break the head (returns false). */
bool http_add_field(struct buf *b, str name, str value);
/* Reason phrase of a status ("OK", "Not Found"; "Unknown" for those not in the registry). */
const char *http_reason(unsigned status);

#endif
