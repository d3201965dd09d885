#include "net/tls.h"

#include <arpa/inet.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "net/tls_context.h"

enum { RECORD_BYTES = 16 * 1024, PLAIN_MAX = 1024 * 1024, OUT_MAX = 16 * 1024 * 1024 };

struct tls {
    SSL *ssl;
    struct tls_resume *resume; /* where new sessions go; NULL: nowhere */
    /* Only inside a call: what OpenSSL reads from and writes to. */
    str in;
    struct buf *out;
    uint8_t state;
    bool resumed;
    char host[];
};

/* ---- the BIO: OpenSSL's side of the wire ---- */

static BIO_METHOD *bio_method;
static pthread_once_t bio_once = PTHREAD_ONCE_INIT;

static int bio_write(BIO *b, const char *data, int n)
{
    struct tls *t = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    if (!t->out || n < 0)
        return -1;
    buf_add(t->out, (str){ data, (size_t)n });
    return t->out->full ? -1 : n;
}

static int bio_read(BIO *b, char *to, int n)
{
    struct tls *t = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    str part = str_take(t->in, n > 0 ? (size_t)n : 0);
    if (part.n == 0) {
        BIO_set_retry_read(b);
        return -1;
    }
    memcpy(to, part.p, part.n);
    t->in = str_skip(t->in, part.n);
    return (int)part.n;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
    (void)b, (void)num, (void)ptr;
    return cmd == BIO_CTRL_FLUSH;
}

static void make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sluice");
    if (!bio_method)
        mem_exhausted(0);
    BIO_meth_set_write(bio_method, bio_write);
    BIO_meth_set_read(bio_method, bio_read);
    BIO_meth_set_ctrl(bio_method, bio_ctrl);
}

/* ---- sessions ---- */

static struct tls *session_new(struct tls_context *cx, str host)
{
    pthread_once(&bio_once, make_bio_method);
    struct tls *t = mem_zalloc(sizeof(*t) + host.n + 1);
    if (host.n)
        memcpy(t->host, host.p, host.n);
    t->ssl = SSL_new(tls_context_ctx(cx));
    BIO *bio = BIO_new(bio_method);
    if (!t->ssl || !bio)
        mem_exhausted(0);
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_app_data(t->ssl, t);
    return t;
}

struct tls *tls_accept(struct tls_context *cx)
{
    struct tls *t = session_new(cx, S(""));
    SSL_set_accept_state(t->ssl);
    return t;
}

static bool is_literal(const char *host)
{
    unsigned char a[16];
    return inet_pton(AF_INET, host, a) == 1 || inet_pton(AF_INET6, host, a) == 1;
}

/* Whom the certificate must name (RFC 9525; address literals by RFC 5280 iPAddress), and SNI, which
 * takes names only (RFC 6066 3). */
static bool set_host(struct tls *t)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
    if (is_literal(t->host))
        return X509_VERIFY_PARAM_set1_ip_asc(param, t->host) == 1;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(t->ssl, t->host) == 1 && SSL_set_tlsext_host_name(t->ssl, t->host) == 1;
}

rc tls_connect(struct tls_context *cx, str host, struct tls_resume *resume, struct tls **ret,
               struct err *e)
{
    struct tls *t = session_new(cx, str_take(host, str_index(host, '%'))); /* no zone */
    t->resume = resume;
    SSL_set_connect_state(t->ssl);
    if (!set_host(t)) {
        tls_free(t);
        ERR_clear_error();
        return fail(e, E_SYNTAX, "tls", 0, "TLS: %.*s is not a name that can be verified",
                    STRF(host));
    }
    if (resume && resume->session)
        SSL_set_session(t->ssl, resume->session);
    *ret = t;
    return RC_OK;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    /* As if close_notify had gone both ways, else OpenSSL gives up the session for resumption. */
    SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(t->ssl);
    mem_free(t);
}

void tls_resume_done(struct tls_resume *r)
{
    SSL_SESSION_free(r->session);
    r->session = NULL;
}

int tls_on_new_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls *t = SSL_get_app_data(ssl);
    if (!t->resume)
        return 0;
    SSL_SESSION_free(t->resume->session);
    t->resume->session = session;
    return 1; /* the reference is ours */
}

enum tls_state tls_state(const struct tls *t)
{
    return t->state;
}

bool tls_resumed(const struct tls *t)
{
    return t->resumed;
}

struct tls_scratch *tls_scratch_new(void)
{
    struct tls_scratch *s = mem_alloc(sizeof(*s));
    buf_init(&s->plain, PLAIN_MAX);
    buf_init(&s->out, OUT_MAX);
    s->staging = mem_alloc(RECORD_BYTES);
    return s;
}

void tls_scratch_free(struct tls_scratch *s)
{
    if (!s)
        return;
    buf_done(&s->plain);
    buf_done(&s->out);
    mem_free(s->staging);
    mem_free(s);
}

/* ---- bytes ---- */

static rc broken(struct tls *t, struct err *e)
{
    const char *what = t->state == TLS_SHAKING ? "TLS handshake" : "TLS";
    unsigned long code = ERR_peek_error();
    long verify = SSL_get_verify_result(t->ssl);
    t->state = TLS_BROKEN;
    ERR_clear_error();
    if (!SSL_is_server(t->ssl) && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return tls_explain_verify(e, t->host, verify);
    if (ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER)
        return fail(e, E_SYNTAX, "tls", 0,
                    "%s: the other side does not speak TLS there (http:// in place of https://?)",
                    what);
    const char *reason = ERR_reason_error_string(code);
    return fail(e, E_SYNTAX, "tls", 0, "%s failed: %s", what, reason ? reason : "closed");
}

static rc shake(struct tls *t, struct err *e)
{
    int r = SSL_do_handshake(t->ssl);
    if (r == 1) {
        t->state = TLS_OPEN;
        t->resumed = SSL_session_reused(t->ssl);
        return RC_OK;
    }
    return SSL_get_error(t->ssl, r) == SSL_ERROR_WANT_READ ? RC_OK : broken(t, e);
}

static rc decrypt(struct tls *t, struct buf *plain, struct err *e)
{
    for (;;) {
        char *to = buf_room(plain, RECORD_BYTES);
        BUG_UNLESS(to); /* one read's worth is far below PLAIN_MAX */
        int r = SSL_read(t->ssl, to, RECORD_BYTES);
        if (r > 0) {
            plain->n += (size_t)r;
            continue;
        }
        switch (SSL_get_error(t->ssl, r)) {
        case SSL_ERROR_WANT_READ:
            return RC_OK;
        case SSL_ERROR_ZERO_RETURN:
            t->state = TLS_CLOSED;
            return RC_OK;
        default:
            return broken(t, e);
        }
    }
}

rc tls_feed(struct tls *t, struct tls_scratch *s, str in, struct err *e)
{
    rc r = RC_OK;
    ERR_clear_error();
    t->in = in;
    t->out = &s->out;
    if (t->state == TLS_SHAKING)
        r = shake(t, e);
    if (!FAILED(r) && t->state == TLS_OPEN)
        r = decrypt(t, &s->plain, e);
    t->in = S("");
    t->out = NULL;
    return r;
}

static bool encrypt(struct tls *t, const char *p, size_t n)
{
    return n == 0 || SSL_write(t->ssl, p, (int)n) == (int)n;
}

/* Whole records of a long piece are encrypted from where they lie; short pieces and remainders are
 * gathered. */
static bool encrypt_pieces(struct tls *t, char *staging, const str *pieces, size_t n)
{
    size_t held = 0;
    for (size_t i = 0; i < n; i++) {
        str p = pieces[i];
        while (p.n) {
            size_t whole = p.n - p.n % RECORD_BYTES;
            if (held == 0 && whole) {
                if (!encrypt(t, p.p, whole))
                    return false;
                p = str_skip(p, whole);
                continue;
            }
            str part = str_take(p, RECORD_BYTES - held);
            memcpy(staging + held, part.p, part.n);
            held += part.n;
            p = str_skip(p, part.n);
            if (held == RECORD_BYTES) {
                if (!encrypt(t, staging, held))
                    return false;
                held = 0;
            }
        }
    }
    return encrypt(t, staging, held);
}

rc tls_write(struct tls *t, struct tls_scratch *s, const str *pieces, size_t n, struct err *e)
{
    bool ok;
    BUG_UNLESS(t->state == TLS_OPEN || t->state == TLS_CLOSED);
    ERR_clear_error();
    t->out = &s->out;
    if (n == 1 && pieces[0].n <= INT_MAX)
        ok = encrypt(t, pieces[0].p, pieces[0].n);
    else
        ok = encrypt_pieces(t, s->staging, pieces, n);
    t->out = NULL;
    return ok ? RC_OK : broken(t, e);
}

void tls_shutdown(struct tls *t, struct tls_scratch *s)
{
    if (t->state != TLS_OPEN && t->state != TLS_CLOSED)
        return;
    t->out = &s->out;
    SSL_shutdown(t->ssl);
    ERR_clear_error();
    t->out = NULL;
}
