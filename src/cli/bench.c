/* bench.c - the command: options, what is sent, rounds.
 */
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "cli/bench.h"
#include "cli/commands.h"
#include "json/scan.h"
#include "json/write.h"

static const char usage_text[] =
    "sluice bench - measures chat servers: latency, throughput, streams, CPU, tokens, cost\n"
    "\n"
    "  sluice bench --url U [--url U]... [options]\n"
    "\n"
    "  --url U            http://HOST:PORT[/path]; the path defaults to /v1/chat/completions.\n"
    "                     Several are measured in turn, round by round\n"
    "  --pid P            measure CPU and memory of this process too; the n-th belongs to the\n"
    "                     n-th --url (0: none)\n"
    "  --connections N    at a time (default 16)\n"
    "  --requests N       how many, per url and round\n"
    "  --duration S       for how long, per url and round (default 5 if no --requests); measured\n"
    "                     from when every connection has had its first answer\n"
    "  --rate R           open loop: R requests a second whatever the answers do, timed from\n"
    "                     when they were due\n"
    "  --interleave N     rounds (default 1)\n"
    "  --stream           ask for streams: time to first token, gaps, tokens a second\n"
    "  --model M          default mock-model\n"
    "  --prompt-bytes N   length of the prompt (default 400)\n"
    "  --max-tokens N     send max_tokens\n"
    "  --body F           send this file as it is instead\n"
    "  --header 'K: V'    add a header (repeatable)\n"
    "  --timeout S        per request (default 60)\n"
    "  --no-tokens        do not read usage and cost from the answers: less work per request\n"
    "  --json             print the result as JSON\n";

enum {
    OPT_URL = 256,
    OPT_PID,
    OPT_CONNECTIONS,
    OPT_REQUESTS,
    OPT_DURATION,
    OPT_RATE,
    OPT_INTERLEAVE,
    OPT_STREAM,
    OPT_MODEL,
    OPT_PROMPT,
    OPT_MAX_TOKENS,
    OPT_BODY,
    OPT_HEADER,
    OPT_TIMEOUT,
    OPT_NO_TOKENS,
    OPT_JSON,
    OPT_HELP
};

static int usage_error(const char *what, const char *text)
{
    fprintf(stderr, "sluice bench: %s%s%s\n", what, text ? ": " : "", text ? text : "");
    return 2;
}

/* Whole if whole is set. False: not a number, or out of bounds. */
static bool number(double least, double most, bool whole, double *ret)
{
    return str_to_double(str_c(optarg), ret) && *ret >= least && *ret <= most &&
           (!whole || (double)(uint64_t)*ret == *ret);
}

/* One option with its argument in optarg; false if that is no value for it. */
static bool take_option(struct bench_options *o, int c)
{
    double v = 0;
    bool ok = true;
    switch (c) {
    case OPT_URL:
        ok = o->nurls < BENCH_TARGETS_MAX;
        if (ok)
            o->urls[o->nurls++] = optarg;
        break;
    case OPT_PID:
        ok = o->npids < BENCH_TARGETS_MAX && number(0, 1 << 30, true, &v);
        if (ok)
            o->pids[o->npids++] = (pid_t)v;
        break;
    case OPT_HEADER:
        ok = o->nheaders < BENCH_HEADERS_MAX && strchr(optarg, ':') != NULL;
        if (ok)
            o->headers[o->nheaders++] = optarg;
        break;
    case OPT_CONNECTIONS:
        ok = number(1, 100000, true, &v);
        o->connections = (uint32_t)v;
        break;
    case OPT_REQUESTS:
        ok = number(1, 1e12, true, &v);
        o->requests = (uint64_t)v;
        break;
    case OPT_DURATION:
        ok = number(0.01, 1e6, false, &o->duration_s);
        break;
    case OPT_RATE:
        ok = number(0.001, 1e7, false, &o->rate);
        break;
    case OPT_INTERLEAVE:
        ok = number(1, 1000, true, &v);
        o->rounds = (uint32_t)v;
        break;
    case OPT_PROMPT:
        ok = number(0, 64e6, true, &v);
        o->prompt_bytes = (uint64_t)v;
        break;
    case OPT_MAX_TOKENS:
        ok = number(1, 1e9, true, &v);
        o->max_tokens = (uint64_t)v;
        break;
    case OPT_TIMEOUT:
        ok = number(0.01, 1e6, false, &o->timeout_s);
        break;
    case OPT_STREAM:
        o->stream = true;
        break;
    case OPT_MODEL:
        o->model = optarg;
        break;
    case OPT_BODY:
        o->body_file = optarg;
        break;
    case OPT_NO_TOKENS:
        o->tokens = false;
        break;
    case OPT_JSON:
        o->json = true;
        break;
    }
    return ok;
}

/* 0: go on. -1: help was shown. Else the exit status. */
static int parse(struct bench_options *o, int argc, char **argv)
{
    static const struct option names[] = {
        { "url", required_argument, NULL, OPT_URL },
        { "pid", required_argument, NULL, OPT_PID },
        { "connections", required_argument, NULL, OPT_CONNECTIONS },
        { "requests", required_argument, NULL, OPT_REQUESTS },
        { "duration", required_argument, NULL, OPT_DURATION },
        { "rate", required_argument, NULL, OPT_RATE },
        { "interleave", required_argument, NULL, OPT_INTERLEAVE },
        { "stream", no_argument, NULL, OPT_STREAM },
        { "model", required_argument, NULL, OPT_MODEL },
        { "prompt-bytes", required_argument, NULL, OPT_PROMPT },
        { "max-tokens", required_argument, NULL, OPT_MAX_TOKENS },
        { "body", required_argument, NULL, OPT_BODY },
        { "header", required_argument, NULL, OPT_HEADER },
        { "timeout", required_argument, NULL, OPT_TIMEOUT },
        { "no-tokens", no_argument, NULL, OPT_NO_TOKENS },
        { "json", no_argument, NULL, OPT_JSON },
        { "help", no_argument, NULL, OPT_HELP },
        { 0 },
    };
    *o = (struct bench_options){ .connections = 16,
                                 .timeout_s = 60,
                                 .model = "mock-model",
                                 .prompt_bytes = 400,
                                 .rounds = 1,
                                 .tokens = true };
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == OPT_HELP) {
            fputs(usage_text, stdout);
            return -1;
        }
        if (c == '?')
            return usage_error("see sluice bench --help", NULL);
        if (!take_option(o, c))
            return usage_error("this is no value for that option", optarg);
    }
    if (optind < argc)
        return usage_error("unexpected argument", argv[optind]);
    if (o->nurls == 0)
        return usage_error("--url is missing (see sluice bench --help)", NULL);
    if (o->npids > o->nurls)
        return usage_error("more --pid than --url", NULL);
    if (o->requests == 0 && o->duration_s == 0)
        o->duration_s = 5;
    return 0;
}

/* ---- what is sent
 * --------------------------------------------------------------------------------- */

static void make_body(struct buf *out, const struct bench_options *o)
{
    static const char words[] = "The quick brown fox jumps over the lazy dog. ";
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, S("model"), str_c(o->model));
    jw_karr(&w, S("messages"));
    jw_obj(&w);
    jw_kstr(&w, S("role"), S("user"));
    jw_key(&w, S("content"));
    jw_str_begin(&w);
    for (uint64_t left = o->prompt_bytes; left;) {
        size_t n = left < sizeof(words) - 1 ? (size_t)left : sizeof(words) - 1;
        jw_str_add(&w, (str){ words, n });
        left -= n;
    }
    jw_str_end(&w);
    jw_obj_end(&w);
    jw_arr_end(&w);
    if (o->stream)
        jw_kbool(&w, S("stream"), true);
    if (o->stream && o->tokens)
        jw_kraw(&w, S("stream_options"), S("{\"include_usage\":true}"));
    if (o->max_tokens)
        jw_ku64(&w, S("max_tokens"), o->max_tokens);
    jw_obj_end(&w);
}

static bool read_file(struct buf *out, const char *path)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!f)
        return false;
    size_t n;
    do {
        char *to = buf_room(out, 65536);
        n = to ? fread(to, 1, 65536, f) : 0;
        out->n += n;
    } while (n);
    bool ok = !ferror(f) && !out->full;
    if (f != stdin)
        fclose(f);
    return ok;
}

static str make_request(struct bench *b, const struct url *u, str body)
{
    struct buf r;
    buf_init(&r, SIZE_MAX / 4);
    buf_add(&r, S("POST "));
    buf_add(&r, u->path.n <= 1 && !u->has_query ? S("/v1/chat/completions") : u->path);
    if (u->has_query) {
        buf_chr(&r, '?');
        buf_add(&r, u->query);
    }
    buf_add(&r, S(" HTTP/1.1\r\n"));
    http_add_field(&r, S("Host"), u->authority);
    http_add_field(&r, S("Content-Type"), S("application/json"));
    for (size_t i = 0; i < b->o.nheaders; i++) {
        str value = str_c(b->o.headers[i]);
        str name = str_cut(&value, ':');
        http_add_field(&r, str_trim(name), str_trim(value));
    }
    buf_fmt(&r, "Content-Length: %zu\r\n\r\n", body.n);
    buf_add(&r, body);
    str request = arena_dup(&b->arena, buf_str(&r));
    buf_done(&r);
    return request;
}

static bool look_up(struct bench_target *t, struct arena *a)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
    char port[8];
    snprintf(port, sizeof(port), "%u", t->url.port);
    int bad = getaddrinfo(arena_dup(a, t->url.host).p, port, &hints, &list);
    if (bad) {
        fprintf(stderr, "sluice bench: %.*s: %s\n", STRF(t->url.host), gai_strerror(bad));
        return false;
    }
    memcpy(&t->addr, list->ai_addr, list->ai_addrlen);
    freeaddrinfo(list);
    return true;
}

/* 0, or the exit status. */
static int make_target(struct bench *b, struct bench_target *t, size_t i, str body)
{
    struct err e;
    t->name = str_c(b->o.urls[i]);
    if (FAILED(url_parse(t->name, &t->url, &e))) {
        fprintf(stderr, "sluice bench: %.*s: %s\n", STRF(t->name), e.text);
        return 2;
    }
    if (t->url.tls) {
        fprintf(stderr,
                "sluice bench: %.*s: only http:// can be measured; put sluice serve in "
                "front of an https server\n",
                STRF(t->name));
        return 2;
    }
    if (!look_up(t, &b->arena))
        return 1;
    if (i < b->o.npids && b->o.pids[i] && !(t->meter = proc_meter_new(b->o.pids[i]))) {
        fprintf(stderr, "sluice bench: there is no process %d\n", (int)b->o.pids[i]);
        return 1;
    }
    t->turns = NEW(&b->arena, struct bench_turn, b->o.rounds);
    t->request = make_request(b, &t->url, body);
    return 0;
}

static int make_targets(struct bench *b)
{
    struct buf body;
    buf_init(&body, 1u << 30);
    int status = 0;
    if (!b->o.body_file) {
        make_body(&body, &b->o);
    } else if (!read_file(&body, b->o.body_file)) {
        fprintf(stderr, "sluice bench: cannot read %s\n", b->o.body_file);
        status = 1;
    }
    b->ntargets = b->o.nurls;
    b->targets = NEW(&b->arena, struct bench_target, b->ntargets);
    for (size_t i = 0; i < b->ntargets && !status; i++)
        status = make_target(b, &b->targets[i], i, buf_str(&body));
    buf_done(&body);
    return status;
}

/* Every round begins with another target, so that none is always the first. */
static int run_rounds(struct bench *b)
{
    for (uint32_t round = 0; round < b->o.rounds; round++) {
        for (size_t i = 0; i < b->ntargets; i++) {
            struct bench_target *t = &b->targets[(i + round) % b->ntargets];
            if (!bench_run(b, t, &t->turns[round])) {
                fprintf(stderr, "sluice bench: %.*s: %s\n", STRF(t->name), t->first_error);
                return 1;
            }
        }
    }
    return 0;
}

int cmd_bench(int argc, char **argv)
{
    struct bench *b = mem_zalloc(sizeof(*b));
    struct rlimit files;
    int status = parse(&b->o, argc, argv);
    if (status == 0) {
        signal(SIGPIPE, SIG_IGN);
        if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
            files.rlim_cur = files.rlim_max;
            setrlimit(RLIMIT_NOFILE, &files);
        }
        b->loop = uv_default_loop();
        status = make_targets(b);
        if (status == 0)
            status = run_rounds(b);
        if (status == 0)
            bench_report(b);
        for (size_t i = 0; i < b->ntargets; i++)
            proc_meter_free(b->targets[i].meter);
        uv_loop_close(b->loop);
        arena_done(&b->arena);
    }
    mem_free(b);
    return status < 0 ? 0 : status;
}
