#include "net/tls_context.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/mem.h"

struct tls_context {
    SSL_CTX *ctx;
    atomic_uint refs;
};

/* http/1.1, as ALPN lists names (RFC 7301 3.1). */
static const unsigned char alpn[] = "\x08http/1.1";
enum { ALPN_BYTES = sizeof(alpn) - 1 };

SSL_CTX *tls_context_ctx(struct tls_context *cx)
{
    return cx->ctx;
}

static struct tls_context *context_new(const SSL_METHOD *method)
{
    struct tls_context *cx = mem_alloc(sizeof(*cx));
    cx->ctx = SSL_CTX_new(method);
    if (!cx->ctx)
        mem_exhausted(0);
    atomic_init(&cx->refs, 1);
    SSL_CTX_set_min_proto_version(cx->ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(cx->ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(cx->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    return cx;
}

struct tls_context *tls_context_ref(struct tls_context *cx)
{
    atomic_fetch_add(&cx->refs, 1);
    return cx;
}

void tls_context_unref(struct tls_context *cx)
{
    if (!cx || atomic_fetch_sub(&cx->refs, 1) != 1)
        return;
    SSL_CTX_free(cx->ctx);
    mem_free(cx);
}

/* OpenSSL's first complaint, the one nearest to the cause, in words; clears its queue. */
static const char *complaint(void)
{
    unsigned long code = ERR_peek_error();
    ERR_clear_error();
    const char *text =
        ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
    return text ? text : "unknown error";
}

/* ---- clients ---- */

/* Where distributions keep the bundle, for an OpenSSL built with another idea of it. */
static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt", /* Debian, Arch */
    "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora */
    "/etc/ssl/cert.pem",                  /* Alpine, BSD, macOS */
    "/etc/ssl/ca-bundle.pem",             /* SUSE */
};

static bool exists(const char *env, const char *otherwise)
{
    const char *path = getenv(env);
    return access(path ? path : otherwise, R_OK) == 0;
}

static void load_system_store(SSL_CTX *ctx)
{
    SSL_CTX_set_default_verify_paths(ctx);
    if (!exists(X509_get_default_cert_file_env(), X509_get_default_cert_file()) &&
        !exists(X509_get_default_cert_dir_env(), X509_get_default_cert_dir())) {
        for (size_t i = 0; i < COUNT_OF(bundles); i++)
            if (SSL_CTX_load_verify_file(ctx, bundles[i]) == 1)
                break;
    }
    ERR_clear_error();
}

static struct tls_context *client_new(void)
{
    struct tls_context *cx = context_new(TLS_client_method());
    SSL_CTX_set_alpn_protos(cx->ctx, alpn, ALPN_BYTES);
    SSL_CTX_set_session_cache_mode(cx->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(cx->ctx, tls_on_new_session);
    SSL_CTX_set_verify(cx->ctx, SSL_VERIFY_PEER, NULL);
    return cx;
}

static rc to_path(char out[PATH_MAX], str path, const char *what, struct err *e)
{
    if (path.n >= PATH_MAX || (path.n && memchr(path.p, '\0', path.n)))
        return fail(e, E_IO, "tls", 0, "the path of the %s is too long", what);
    snprintf(out, PATH_MAX, "%.*s", STRF(path));
    return RC_OK;
}

rc tls_client_new(str ca_path, struct tls_context **ret, struct err *e)
{
    char path[PATH_MAX];
    struct stat st;
    TRY(to_path(path, ca_path, "CA certificates", e));
    struct tls_context *cx = client_new();
    int ok = 1;
    ERR_clear_error();
    if (!path[0])
        load_system_store(cx->ctx);
    else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        ok = SSL_CTX_load_verify_dir(cx->ctx, path);
    else
        ok = SSL_CTX_load_verify_file(cx->ctx, path);
    if (ok != 1) {
        tls_context_unref(cx);
        return fail(e, E_IO, "tls", 0, "cannot read CA certificates (PEM) from %s: %s", path,
                    complaint());
    }
    *ret = cx;
    return RC_OK;
}

rc tls_client_shared(bool unverified, struct tls_context **ret, struct err *e)
{
    static struct tls_context *shared[2];
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    rc r = RC_OK;
    pthread_mutex_lock(&lock);
    if (!shared[unverified] && unverified) {
        shared[1] = client_new();
        SSL_CTX_set_verify(shared[1]->ctx, SSL_VERIFY_NONE, NULL);
    } else if (!shared[unverified]) {
        r = tls_client_new(S(""), &shared[0], e);
    }
    *ret = shared[unverified];
    pthread_mutex_unlock(&lock);
    return r;
}

rc tls_explain_verify(struct err *e, const char *host, long result)
{
    const char *why = X509_verify_cert_error_string(result);
    switch (result) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return fail(e, E_SYNTAX, "tls", 0,
                    "certificate refused: it is not for %s; use the name that it carries", host);
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return fail(e, E_SYNTAX, "tls", 0,
                    "certificate of %s refused: %s; check this machine's clock, else renew it",
                    host, why);
    default:
        return fail(e, E_SYNTAX, "tls", 0,
                    "certificate of %s refused: %s; trust its CA with ssl_verify: /path/to/ca.pem "
                    "or SSL_CERT_FILE (ssl_verify: false trusts anybody)",
                    host, why);
    }
}

/* ---- servers ---- */

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
                       const unsigned char *in, unsigned inlen, void *arg)
{
    (void)ssl, (void)arg;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, outlen, alpn, ALPN_BYTES, in, inlen) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* A key with a passphrase is an error, not a question on the terminal. */
static int no_passphrase(char *to, int n, int writing, void *arg)
{
    (void)to, (void)n, (void)writing, (void)arg;
    return -1;
}

static rc load_pair(SSL_CTX *ctx, const char *cert, const char *key, struct err *e)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        return fail(e, E_IO, "tls", 0, "cannot read the certificate (PEM) in %s: %s", cert,
                    complaint());
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return fail(e, E_IO, "tls", 0,
                    "cannot use the key (PEM, without passphrase) in %s for the certificate in "
                    "%s: %s",
                    key, cert, complaint());
    return RC_OK;
}

rc tls_server_new(str cert_path, str key_path, struct tls_context **ret, struct err *e)
{
    char cert[PATH_MAX], key[PATH_MAX];
    TRY(to_path(cert, cert_path, "certificate", e));
    TRY(to_path(key, key_path, "key", e));
    struct tls_context *cx = context_new(TLS_server_method());
    SSL_CTX_set_default_passwd_cb(cx->ctx, no_passphrase);
    SSL_CTX_set_alpn_select_cb(cx->ctx, select_alpn, NULL);
    /* Tickets resume sessions; there is no cache to fill. */
    SSL_CTX_set_session_cache_mode(cx->ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(cx->ctx, 1);
    ERR_clear_error();
    rc r = load_pair(cx->ctx, cert, key, e);
    if (FAILED(r))
        tls_context_unref(cx);
    else
        *ret = cx;
    return r;
}
