/* mock.c - the command: options, listening sockets, threads.
 */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/mock.h"

enum { THREADS_MAX = 64 };

static const char usage_text[] =
    "sluice mock - a model server that makes its answers up, for tests and benchmarks\n"
    "\n"
    "  --port P          where to listen (default 4010; 0 picks a free one and prints it)\n"
    "  --host H          address (default 127.0.0.1)\n"
    "  --latency MS      wait before each reply\n"
    "  --reply-bytes N   length of the answer's text (default 300)\n"
    "  --chunks N        pieces of a streamed answer (default 20)\n"
    "  --chunk-rate R    pieces per second (default 0: as fast as possible)\n"
    "  --burst           all pieces of a stream in one write (the default without a rate)\n"
    "  --threads N       listening threads (default 1)\n";

static bool number(const char *s, double least, double most, double *ret)
{
    return str_to_double(str_c(s), ret) && *ret >= least && *ret <= most;
}

/* 0: fine; 1: help was shown; 2: wrong usage. */
static int parse(struct mock_options *o, int argc, char **argv)
{
    static const struct option names[] = {
        { "port", required_argument, NULL, 'p' },
        { "host", required_argument, NULL, 'h' },
        { "latency", required_argument, NULL, 'l' },
        { "reply-bytes", required_argument, NULL, 'b' },
        { "chunks", required_argument, NULL, 'c' },
        { "chunk-rate", required_argument, NULL, 'r' },
        { "burst", no_argument, NULL, 'B' },
        { "threads", required_argument, NULL, 't' },
        { "help", no_argument, NULL, '?' },
        { 0 },
    };
    *o = (struct mock_options){
        .host = "127.0.0.1", .port = 4010, .reply_bytes = 300, .chunks = 20, .threads = 1
    };
    optind = 1;
    for (int c, at; (c = getopt_long(argc, argv, "", names, &at)) != -1;) {
        double v = 0;
        bool ok = true;
        switch (c) {
        case 'h':
            o->host = optarg;
            break;
        case 'p':
            ok = number(optarg, 0, 65535, &v);
            o->port = (uint16_t)v;
            break;
        case 'l':
            ok = number(optarg, 0, 3600e3, &v);
            o->latency_ms = (uint32_t)v;
            break;
        case 'b':
            ok = number(optarg, 0, 64e6, &v);
            o->reply_bytes = (uint32_t)v;
            break;
        case 'c':
            ok = number(optarg, 1, 1e6, &v);
            o->chunks = (uint32_t)v;
            break;
        case 'r':
            ok = number(optarg, 0, 1e6, &o->chunk_rate);
            break;
        case 'B':
            o->chunk_rate = 0;
            break;
        case 't':
            ok = number(optarg, 1, THREADS_MAX, &v);
            o->threads = (unsigned)v;
            break;
        default:
            fputs(usage_text, stderr);
            return 2;
        }
        if (!ok) {
            fprintf(stderr, "sluice mock: '%s' is no value for that option\n", optarg);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "sluice mock: unexpected argument '%s'\n", argv[optind]);
        return 2;
    }
    return 0;
}

/* A listening socket, or -1 with a line on stderr. *port is updated where it was 0. */
static int listen_on(const char *host, uint16_t *port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *list = NULL;
    char service[8];
    snprintf(service, sizeof(service), "%u", *port);
    int bad = getaddrinfo(host, service, &hints, &list);
    if (bad) {
        fprintf(stderr, "sluice mock: %s: %s\n", host, gai_strerror(bad));
        return -1;
    }
    int one = 1, fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
        if (bind(fd, list->ai_addr, list->ai_addrlen) || listen(fd, 4096)) {
            fprintf(stderr, "sluice mock: cannot listen on %s port %u: %s\n", host, *port,
                    strerror(errno));
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    struct sockaddr_storage addr = { 0 };
    socklen_t len = sizeof(addr);
    if (fd >= 0 && !getsockname(fd, (struct sockaddr *)&addr, &len) && !*port)
        *port = ntohs(addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&addr)->sin6_port
                                                 : ((struct sockaddr_in *)&addr)->sin_port);
    return fd;
}

struct thread {
    uv_thread_t id;
    struct mock_worker *worker;
    int fd;
};

static void run_thread(void *arg)
{
    struct thread *t = arg;
    mock_worker_run(t->worker, t->fd);
}

int cmd_mock(int argc, char **argv)
{
    struct mock_options o;
    int rcode = parse(&o, argc, argv);
    if (rcode)
        return rcode;
    signal(SIGPIPE, SIG_IGN);
    static struct mock_cache cache; /* lives as long as the process */
    mock_cache_init(&cache, &o);
    struct thread threads[THREADS_MAX];
    for (unsigned i = 0; i < o.threads; i++) {
        threads[i].worker = mem_zalloc(sizeof(struct mock_worker));
        threads[i].worker->options = &o;
        threads[i].worker->cache = &cache;
        threads[i].fd = listen_on(o.host, &o.port);
        if (threads[i].fd < 0)
            return 1;
    }
    printf("mock listening on http://%s:%u\n", o.host, o.port);
    fflush(stdout);
    for (unsigned i = 1; i < o.threads; i++)
        uv_thread_create(&threads[i].id, run_thread, &threads[i]);
    run_thread(&threads[0]);
    return 0;
}
