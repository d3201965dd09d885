#include "net/listener.h"

#include <netdb.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <errno.h>
#include <netinet/tcp.h>

enum { BACKLOG = 4096, KEEPALIVE_S = 60, FILES_RESERVED = 64, FILES_WANTED = 65536 };

/* Connections inherit these from their listener, so that accepting one is one system call. */
static void set_options(int fd, int family)
{
    int on = 1, idle = KEEPALIVE_S;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    if (family == AF_INET6) {
        /* "::" is for both families, as every user of it expects. */
        int off = 0;
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
}

static rc refuse(struct err *e, int error, str host, unsigned port)
{
    switch (error) {
    case EADDRINUSE:
        return fail(e, E_IO, "listen", 0,
                    "port %u on %.*s is taken: another program listens there; stop it or choose "
                    "another port with --port",
                    port, STRF(host));
    case EACCES:
        return fail(e, E_IO, "listen", 0,
                    "port %u on %.*s is not allowed for this user: ports below 1024 need root or "
                    "CAP_NET_BIND_SERVICE; choose another with --port",
                    port, STRF(host));
    case EADDRNOTAVAIL:
        return fail(e, E_IO, "listen", 0,
                    "%.*s is not an address of this machine; use 127.0.0.1 for local callers only "
                    "or 0.0.0.0 for all",
                    STRF(host));
    default:
        return fail(e, E_IO, "listen", 0, "cannot listen on %.*s port %u: %s", STRF(host), port,
                    strerror(error));
    }
}

/* Is somebody else listening there? SO_REUSEPORT lets a second server of the same user bind beside
 * the first and take half of its callers, which nobody wants: a bind without it tells. Our own
 * other workers are there too, so only the first (worker 0) asks. */
static bool is_taken(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, off = 0;
    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    bool taken = bind(fd, a->ai_addr, a->ai_addrlen) != 0 && errno == EADDRINUSE;
    close(fd);
    return taken;
}

static int open_socket(const struct addrinfo *a, bool first)
{
    if (first && is_taken(a)) {
        errno = EADDRINUSE;
        return -1;
    }
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    set_options(fd, a->ai_family);
    if (bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static rc bind_host(int *ret, str host, uint16_t port, bool first, struct err *e)
{
    char name[256], service[8];
    struct addrinfo hints = { .ai_family = AF_UNSPEC,
                              .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_PASSIVE | AI_NUMERICSERV },
                    *all;
    if (host.n >= sizeof(name))
        return fail(e, E_IO, "listen", 0, "the host name to listen on is too long");
    snprintf(name, sizeof(name), "%.*s", STRF(host));
    snprintf(service, sizeof(service), "%u", port);
    int r = getaddrinfo(host.n ? name : NULL, service, &hints, &all);
    if (r != 0)
        return fail(e, E_IO, "listen", 0, "cannot listen on %s: %s", name, gai_strerror(r));
    int error = 0;
    *ret = -1;
    /* IPv4 first: whoever listens on "localhost" is called as 127.0.0.1 too. */
    for (int pass = 0; pass < 2 && *ret < 0; pass++)
        for (struct addrinfo *a = all; a && *ret < 0; a = a->ai_next)
            if ((a->ai_family == AF_INET) == (pass == 0) && (*ret = open_socket(a, first)) < 0 &&
                (!error || errno == EADDRINUSE))
                error = errno;
    freeaddrinfo(all);
    return *ret < 0 ? refuse(e, error, host, port) : RC_OK;
}

static bool is_full(const struct worker *w)
{
    return w->accept_max && w->accepted >= w->accept_max;
}

/* libuv has accepted one connection and polls for no more until it is taken: not taking it is how
 * to wait. */
static void on_uv_connection(uv_stream_t *stream, int status)
{
    struct listener *l = CONTAINER_OF(stream, struct listener, tcp);
    struct worker *w = l->worker;
    if (status != 0)
        return; /* descriptors ran out all the same: libuv has turned the caller away */
    if (!is_full(w)) {
        l->on_connection(l);
    } else if (!l->is_waiting) {
        l->is_waiting = true;
        l->next_waiting = w->waiting;
        w->waiting = l;
    }
}

void listener_room(struct worker *w)
{
    while (w->waiting && !is_full(w)) {
        struct listener *l = w->waiting;
        w->waiting = l->next_waiting;
        l->is_waiting = false;
        l->on_connection(l);
    }
}

rc listener_open(struct listener *l, struct worker *w, str host, uint16_t port,
                 void (*on_connection)(struct listener *l), struct err *e)
{
    int fd;
    TRY(bind_host(&fd, host, port, w->id == 0, e));
    l->worker = w;
    l->on_connection = on_connection;
    l->on_closed = NULL;
    l->is_waiting = false;
    uv_tcp_init(&w->loop, &l->tcp);
    BUG_UNLESS(uv_tcp_open(&l->tcp, fd) == 0);
    /* Listens already: this only makes libuv poll it. */
    BUG_UNLESS(uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_uv_connection) == 0);
    return RC_OK;
}

uint16_t listener_port(const struct listener *l)
{
    struct sockaddr_storage a;
    int len = sizeof(a);
    if (uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&a, &len) != 0)
        return 0;
    return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
                                         : ((struct sockaddr_in *)&a)->sin_port);
}

static void on_uv_closed(uv_handle_t *h)
{
    struct listener *l = CONTAINER_OF(h, struct listener, tcp);
    if (l->on_closed)
        l->on_closed(l);
}

void listener_close(struct listener *l, void (*on_closed)(struct listener *l))
{
    struct listener **link = &l->worker->waiting;
    while (l->is_waiting && *link != l)
        link = &(*link)->next_waiting;
    if (l->is_waiting)
        *link = l->next_waiting;
    l->is_waiting = false;
    l->on_closed = on_closed;
    uv_close((uv_handle_t *)&l->tcp, on_uv_closed);
}

size_t net_raise_nofile(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return 1024;
    /* A privileged process may go past the hard limit; for others this fails and changes nothing.
     */
    if (r.rlim_max < FILES_WANTED)
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){ FILES_WANTED, FILES_WANTED });
    getrlimit(RLIMIT_NOFILE, &r);
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return 1024;
    return r.rlim_cur < UINT32_MAX ? r.rlim_cur : UINT32_MAX;
}

uint32_t net_accept_max(size_t nofile, unsigned workers)
{
    size_t n = nofile > FILES_RESERVED * 2 ? (nofile - FILES_RESERVED) / 2 : FILES_RESERVED / 2;
    n /= workers ? workers : 1;
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}
