/* reply.h - response heads and small answers of the gateway's own.
 */
#ifndef SERVER_REPLY_H
#define SERVER_REPLY_H

#include "chat/chat.h"
#include "server/exchange.h"

/* Starts a head in out: status line and the fields every answer has (date, ids, CORS, version). The
 * caller adds its own fields with reply_field and ends it with reply_body_head or
 * reply_stream_head. */
void reply_begin(struct exchange *x, struct buf *out, unsigned status);
void reply_field(struct buf *out, str name, str value);
/* Content-Type, Content-Length, connection fields, blank line. */
void reply_body_head(struct exchange *x, struct buf *out, str type, size_t bytes);
/* Content-Type of a stream, chunked or until close, blank line. */
void reply_stream_head(struct exchange *x, struct buf *out, str type);
/* A blank line: an answer that has no body by its nature. */
void reply_no_body_head(struct exchange *x, struct buf *out, str type);
/* The line that begins a chunk of n bytes. */
void reply_chunk_size(struct buf *out, size_t n);
/* One chunk (or the bare bytes towards HTTP/1.0), and the last one. */
void reply_chunk(struct exchange *x, struct buf *out, str bytes);
void reply_last_chunk(struct exchange *x, struct buf *out);

/* A complete answer, and the end of the exchange. */
void reply_full(struct exchange *x, unsigned status, str type, str body);
void reply_json(struct exchange *x, unsigned status, str body);
/* 200 with more response fields: "name: value\r\n"... */
void reply_json_fields(struct exchange *x, str fields, str body);
/* err in the caller's dialect, Retry-After included. Ends the exchange. */
void reply_error(struct exchange *x, const struct chat_error *err);
/* The same from a kind and a sentence. */
void reply_error_text(struct exchange *x, unsigned status, const char *type, const char *param,
                      const char *fmt, ...) PRINTF(5, 6);

/* 400: there is no such model; shown: its name, empty if none was given. In LiteLLM's words. */
void reply_unknown_model(struct exchange *x, str shown);

/* An error before there is an exchange (malformed head): OpenAI's shape, Connection: close. */
void reply_bare_error(struct server_worker *sw, struct buf *out, unsigned status, str why);

#endif
