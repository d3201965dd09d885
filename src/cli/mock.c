/* mock.c - the command: options, threads.
 */
#include <getopt.h>
#include <stdio.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/mock.h"

enum { THREADS_MAX = 64 };

static const char usage_text[] =
    "sluice mock - a model server that makes its answers up, for tests and benchmarks\n"
    "\n"
    "It speaks OpenAI (chat, responses, embeddings, ...), Anthropic, Gemini, Cohere and Ollama.\n"
    "\n"
    "  --port P          where to listen (default 4010; 0 picks a free one and prints it)\n"
    "  --host H          address (default 127.0.0.1)\n"
    "  --latency MS      wait before each reply\n"
    "  --reply-bytes N   length of the answer's text (default 300)\n"
    "  --chunks N        pieces of a streamed answer (default 20)\n"
    "  --chunk-rate R    pieces per second (default 0: as fast as possible)\n"
    "  --burst           all pieces of a stream in one write (the default without a rate)\n"
    "  --threads N       listening threads (default 1)\n"
    "  --strict          refuse what the vendors refuse\n"
    "  --no-log          do not keep requests for GET /mock/log\n"
    "  --script F        JSON lines: {\"match\":{...},\"reply\":[...]}\n"
    "  --replay DIR      recorded answers, called by replay=NAME\n"
    "  --tls-cert F      serve TLS with this certificate and --tls-key's key\n"
    "  --tls-key F\n"
    "\n"
    "What a request can order (fault=429 retry-after=7, call=NAME, ...): docs/mock.md\n";

static bool number(const char *s, double least, double most, double *ret)
{
    return str_to_double(str_c(s), ret) && *ret >= least && *ret <= most;
}

/* One option's value. False: it is none. */
static bool set_option(struct mock_options *o, int c, const char *arg)
{
    double v = 0;
    bool ok = true;
    switch (c) {
    case 'h':
        o->host = arg;
        break;
    case 'p':
        ok = number(arg, 0, 65535, &v);
        o->port = (uint16_t)v;
        break;
    case 'l':
        ok = number(arg, 0, 3600e3, &v);
        o->latency_ms = (uint32_t)v;
        break;
    case 'b':
        ok = number(arg, 0, 64e6, &v);
        o->reply_bytes = (uint32_t)v;
        break;
    case 'c':
        ok = number(arg, 1, 1e6, &v);
        o->chunks = (uint32_t)v;
        break;
    case 'r':
        ok = number(arg, 0, 1e6, &o->chunk_rate);
        break;
    case 'B':
        o->chunk_rate = 0;
        break;
    case 't':
        ok = number(arg, 1, THREADS_MAX, &v);
        o->threads = (unsigned)v;
        break;
    case 's':
        o->strict = true;
        break;
    case 'n':
        o->log = false;
        break;
    case 'S':
        o->script = arg;
        break;
    case 'R':
        o->replay = arg;
        break;
    case 'C':
        o->tls_cert = arg;
        break;
    case 'K':
        o->tls_key = arg;
        break;
    }
    return ok;
}

/* 0: go on; else the exit status plus one. */
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
        { "strict", no_argument, NULL, 's' },
        { "no-log", no_argument, NULL, 'n' },
        { "script", required_argument, NULL, 'S' },
        { "replay", required_argument, NULL, 'R' },
        { "tls-cert", required_argument, NULL, 'C' },
        { "tls-key", required_argument, NULL, 'K' },
        { "help", no_argument, NULL, 'H' },
        { 0 },
    };
    *o = (struct mock_options){ .host = "127.0.0.1",
                                .port = 4010,
                                .reply_bytes = 300,
                                .chunks = 20,
                                .threads = 1,
                                .log = true };
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == 'H' || c == '?') {
            fputs(usage_text, c == 'H' ? stdout : stderr);
            return c == 'H' ? 1 : 3;
        }
        if (!set_option(o, c, optarg)) {
            fprintf(stderr, "sluice mock: '%s' is no value for that option\n", optarg);
            return 3;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "sluice mock: unexpected argument '%s'\n", argv[optind]);
        return 3;
    }
    if (!o->tls_cert != !o->tls_key) {
        fputs("sluice mock: --tls-cert and --tls-key go together\n", stderr);
        return 3;
    }
    return 0;
}

struct thread {
    uv_thread_t id;
    struct worker worker;
    struct listener listener;
    struct http_head head; /* of the request being parsed */
};

static void run_thread(void *arg)
{
    struct thread *t = arg;
    worker_run(&t->worker);
}

/* The first decides on the port, the others follow. */
static rc open_threads(struct thread *threads, struct mock *m, struct mock_options *o,
                       struct err *e)
{
    for (unsigned i = 0; i < o->threads; i++) {
        struct thread *t = &threads[i];
        worker_init(&t->worker, i);
        t->worker.app = &t->head;
        TRY(listener_open(&t->listener, &t->worker, str_c(o->host), o->port, mock_on_connection,
                          e));
        t->listener.owner = m;
        o->port = listener_port(&t->listener);
    }
    return RC_OK;
}

int cmd_mock(int argc, char **argv)
{
    struct mock_options o;
    struct err e = { 0 };
    int wrong = parse(&o, argc, argv);
    if (wrong)
        return wrong - 1;
    net_raise_nofile();
    /* These live as long as the process. */
    struct mock *m = mem_zalloc(sizeof(*m));
    struct thread *threads = mem_zalloc(sizeof(*threads) * o.threads);
    if (FAILED(mock_init(m, &o, &e)) || FAILED(open_threads(threads, m, &o, &e))) {
        fprintf(stderr, "sluice mock: %s\n", e.text);
        return 1;
    }
    printf("mock listening on %s://%s:%u\n", m->tls ? "https" : "http", o.host, o.port);
    fflush(stdout);
    for (unsigned i = 1; i < o.threads; i++)
        uv_thread_create(&threads[i].id, run_thread, &threads[i]);
    run_thread(&threads[0]);
    return 0;
}
