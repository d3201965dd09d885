/* http_conn.h - a client's connection: requests in, one exchange at a time, answers out.
 *
 * Keeps HTTP's order and deadlines; knows nothing of models. Pipelined requests wait until the
 * exchange before them is done. The connection is read on while an exchange waits, so that a client
 * that leaves is seen at once.
 */
#ifndef SERVER_HTTP_CONN_H
#define SERVER_HTTP_CONN_H

#include "http/http1.h"
#include "net/conn.h"
#include "net/deadline.h"

struct exchange;
struct server_worker;

struct http_conn {
    struct conn conn;
    struct http1 parser;
    struct deadline deadline;
    struct buf *held; /* requests that came while an exchange was in progress; NULL: none did */
    struct server_worker *sw;
    struct exchange *x;             /* in progress; NULL: idle */
    struct http_conn *next, **link; /* the worker's list */
    uint64_t progress_ms;           /* when bytes last moved in the direction we wait for */
    size_t unsent; /* of the answer, at the last write or when the deadline last fired */
    char peer[22]; /* "203.0.113.7:51234", asked for at the first log line */
    uint8_t peer_n;
    uint8_t phase;     /* private */
    bool request_done; /* the request of x has been read to its end */
    bool keep_alive;   /* after this exchange */
    bool feeding;      /* inside the parse loop */
    bool paused;       /* reading is stopped: enough is held */
    bool discarding;   /* the rest of a refused body is read and dropped */
};

/* A connection waits at the listener: take it. */
void http_conn_accept(struct server_worker *sw);

/* Bytes of the answer, in order; counts them and watches for readers that stand still. */
void http_conn_write(struct http_conn *hc, const str *pieces, size_t n);
/* Who it is: "203.0.113.7:51234"; empty if unknown. `other` is room for
 * a longer one. */
str http_conn_peer(struct http_conn *hc, char other[64]);
/* Bytes waiting for a slow reader. */
size_t http_conn_queued(const struct http_conn *hc);
/* The answer was a 101: from here on what the client sends, what already waits included, is not
 * HTTP and goes to exchange_tunnel_bytes as it comes. The last thing to do: the exchange may end in
 * it. */
void http_conn_tunnel(struct http_conn *hc);
/* A tunnel's bytes wait with the client until http_conn_resume; those of one read may still come.
 */
void http_conn_pause(struct http_conn *hc);
void http_conn_resume(struct http_conn *hc);
/* The exchange has written its whole answer (keep: it may be followed by another on this
 * connection). hc->x is gone after this. */
void http_conn_finish(struct http_conn *hc, bool keep);
/* Breaks the connection off: the answer begun cannot be completed. */
void http_conn_abort(struct http_conn *hc);
/* No further request after the one in progress; idle connections close. */
void http_conn_drain(struct http_conn *hc);
/* The drain's time is up: whatever is in progress ends here. */
void http_conn_cut(struct http_conn *hc);

#endif
