/* tls_context.h - what tls.c and tls_context.c share of OpenSSL. Private to net.
 */
#ifndef NET_TLS_CONTEXT_H
#define NET_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "net/tls.h"

SSL_CTX *tls_context_ctx(struct tls_context *cx);
int tls_on_new_session(SSL *ssl, SSL_SESSION *session);
/* Says why the certificate of host was refused, and what one can do. */
rc tls_explain_verify(struct err *e, const char *host, long result);

#endif
