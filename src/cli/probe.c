#include "cli/probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "http/http1.h"
#include "json/doc.h"

enum { REPLY_BYTES_MAX = 4 * 1024 * 1024, MODELS_MAX = 1000 };

static const struct {
    const char *kind, *label, *path, *list, *name, *owner;
    uint16_t port;
} targets[PROBE_SERVERS] = {
    { "ollama_chat", "Ollama", "/api/tags", "models", "name", NULL, 11434 },
    { "hosted_vllm", "vLLM", "/v1/models", "data", "id", "vllm", 8000 },
    { "llamafile", "llama-server", "/v1/models", "data", "id", "llamacpp", 8080 },
    { "lm_studio", "LM Studio", "/v1/models", "data", "id", NULL, 1234 },
};

static bool wait_for(int fd, short events, uint64_t until_ms)
{
    uint64_t now = clock_mono_ns() / 1000000;
    struct pollfd p = { .fd = fd, .events = events };
    return now < until_ms && poll(&p, 1, (int)(until_ms - now)) == 1;
}

static int dial(uint16_t port, uint64_t until_ms)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;
    socklen_t n = sizeof(error);
    if (fd < 0)
        return -1;
    if ((connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || wait_for(fd, POLLOUT, until_ms)) &&
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0)
        return fd;
    close(fd);
    return -1;
}

/* Reads one response; true if it is a 200 and complete. */
static bool read_reply(int fd, struct buf *body, uint64_t until_ms)
{
    struct http1 p;
    struct err e;
    bool ok = false, over = false;
    static char bytes[16384]; /* one thread, before the start */
    static struct http_head head;
    http1_init(&p, HTTP1_RESPONSES);
    while (!over && wait_for(fd, POLLIN, until_ms)) {
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n <= 0) {
            over = true;
            ok = ok && http1_eof(&p);
            break;
        }
        str in = { bytes, (size_t)n }, piece;
        for (bool more = true; more;) {
            switch (http1_next(&p, &in, &head, &piece, &e)) {
            case HTTP1_MORE:
                more = false;
                break;
            case HTTP1_HEAD:
                ok = head.status == 200;
                break;
            case HTTP1_BODY:
                buf_add(body, piece);
                break;
            case HTTP1_END:
                more = false;
                over = true;
                break;
            case HTTP1_BAD:
                more = ok = false;
                over = true;
                break;
            }
        }
    }
    http1_done(&p);
    return ok && over && !body->full;
}

static bool ask(size_t i, struct buf *body)
{
    uint64_t until = clock_mono_ns() / 1000000 + PROBE_MS;
    char request[256];
    int fd = dial(targets[i].port, until);
    if (fd < 0)
        return false;
    int n = snprintf(request, sizeof(request),
                     "GET %s HTTP/1.1\r\nhost: 127.0.0.1:%u\r\naccept: application/json\r\n"
                     "connection: close\r\n\r\n",
                     targets[i].path, targets[i].port);
    bool ok = write(fd, request, (size_t)n) == n && read_reply(fd, body, until);
    close(fd);
    return ok;
}

static bool read_models(size_t i, str body, struct found_server *s, struct arena *a)
{
    struct err e;
    jval *v;
    if (FAILED(jd_read(&v, body, a, &e)))
        return false;
    jval *list = jd_get(v, str_c(targets[i].list));
    if (!jd_is_arr(list))
        return false;
    str *names = NEW(a, str, jd_count(list) + 1);
    JD_EACH (m, list) {
        str name = jd_get_str(m.value, str_c(targets[i].name));
        str owner = jd_get_str(m.value, S("owned_by"));
        if (targets[i].owner && !str_eq(owner, str_c(targets[i].owner)))
            return false; /* some other OpenAI-compatible server on this port */
        if (name.n && s->nmodels < MODELS_MAX)
            names[s->nmodels++] = name;
    }
    s->kind = targets[i].kind;
    s->base = arena_fmt(a, "http://127.0.0.1:%u", targets[i].port);
    s->models = names;
    return true;
}

void probe_local(struct probe_result *ret, struct arena *a)
{
    *ret = (struct probe_result){ 0 };
    for (size_t i = 0; i < PROBE_SERVERS; i++) {
        struct buf body;
        struct found_server s = { 0 };
        buf_init(&body, REPLY_BYTES_MAX);
        bool ok = ask(i, &body) && read_models(i, buf_str(&body), &s, a);
        buf_done(&body);
        str *line = ok ? &ret->found : &ret->missing;
        const char *comma = line->n ? ", " : "";
        if (ok) {
            ret->servers[ret->n++] = s;
            *line = arena_fmt(a, "%.*s%s%s on port %u (%zu models)", STRF(*line), comma,
                              targets[i].label, targets[i].port, s.nmodels);
        } else {
            *line = arena_fmt(a, "%.*s%s%s (port %u)", STRF(*line), comma, targets[i].label,
                              targets[i].port);
        }
    }
}
