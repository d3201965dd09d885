/* tls.h - TLS 1.2 and 1.3 as bytes in, bytes out, by OpenSSL 3. No sockets: conn.c moves the bytes.
 *
 * OpenSSL is first touched by the first context that is made, so a process without TLS does not
 * pay for it. A context is for all threads and counted; a session (struct tls) belongs to one
 * connection. Clients verify chain and name (RFC 9525; an address literal is matched as one), send
 * SNI for names only, offer http/1.1 by ALPN, and resume the last session of their origin.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/buf.h"
#include "base/err.h"

struct tls_context;
struct tls;
struct tls_scratch;

/* Where the last session of one origin is kept; zeroed to begin with. One thread's. */
struct tls_resume {
    void *session; /* SSL_SESSION */
};

/* For upstreams. ca_path: a PEM file or a folder of hashed certificates to trust in place of the
 * system's store; empty: the system's (SSL_CERT_FILE and SSL_CERT_DIR are obeyed, as by OpenSSL's
 * other users). E_IO names the file. */
rc tls_client_new(str ca_path, struct tls_context **ret, struct err *e);
/* The system's store, or no verification at all: made at first use and kept for the process's life.
 */
rc tls_client_shared(bool unverified, struct tls_context **ret, struct err *e);
/* For listeners: a PEM file with the certificate and its chain, one with its key. */
rc tls_server_new(str cert_path, str key_path, struct tls_context **ret, struct err *e);
struct tls_context *tls_context_ref(struct tls_context *cx);
void tls_context_unref(struct tls_context *cx); /* NULL is fine */

/* host: name or literal, for SNI and verification. resume may be NULL; it must outlive the session.
 */
rc tls_connect(struct tls_context *cx, str host, struct tls_resume *resume, struct tls **ret,
               struct err *e);
struct tls *tls_accept(struct tls_context *cx);
void tls_free(struct tls *t);
void tls_resume_done(struct tls_resume *r);

/* What one worker lends to all its sessions. */
struct tls_scratch {
    struct buf plain; /* decrypted bytes of one read */
    struct buf out;   /* records to send; empty between calls into conn */
    char *staging;    /* small pieces gathered into one record */
};

struct tls_scratch *tls_scratch_new(void);
void tls_scratch_free(struct tls_scratch *s);

enum tls_state { TLS_SHAKING, TLS_OPEN, TLS_CLOSED /* close_notify came */, TLS_BROKEN };

enum tls_state tls_state(const struct tls *t);
/* The session was resumed (for tests and statistics; after TLS_OPEN). */
bool tls_resumed(const struct tls *t);

/* Starts a client's handshake, or goes on with what came in: plain bytes are appended to s->plain,
 * bytes to send to s->out (also when it fails: an alert). in is used up. */
rc tls_feed(struct tls *t, struct tls_scratch *s, str in, struct err *e);
/* Only in TLS_OPEN. Encrypts the pieces, gathered into as few records as possible, to s->out. */
rc tls_write(struct tls *t, struct tls_scratch *s, const str *pieces, size_t n, struct err *e);
/* Appends close_notify to s->out. */
void tls_shutdown(struct tls *t, struct tls_scratch *s);

#endif
