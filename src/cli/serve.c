#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/probe.h"
#include "cli/serve_args.h"
#include "json/write.h"
#include "net/tls.h"
#include "server/server.h"

enum {
    BODY_BYTES_MAX = 64 * 1024 * 1024,
    CONNS_MAX = 100 * 1000,
};

struct serve {
    struct serve_args args;
    struct server server;
    uv_loop_t loop; /* signals only: the workers have their own */
    uv_signal_t signals[3];
};

/* ---- configuration ------------------------------------------------------------------------------
 */

static void print_diags(const struct diags *d)
{
    struct arena a;
    arena_init(&a);
    for (const struct diag *x = d->first; x; x = x->next) {
        str line = diag_text(x, &a);
        if (x->level == DIAG_ERROR)
            log_error("%.*s", STRF(line));
        else if (x->level == DIAG_WARN)
            log_warn("%.*s", STRF(line));
        else
            log_info("%.*s", STRF(line));
    }
    arena_done(&a);
}

/* `--model ollama/llama3 [--api_base URL]`: LiteLLM's way to serve one model without a file. */
static rc load_one_model(const struct serve_args *args, struct config **ret, struct diags *d)
{
    struct buf yaml;
    struct jw w;
    buf_init(&yaml, 65536);
    jw_init(&w, &yaml); /* JSON is YAML */
    jw_obj(&w);
    jw_karr(&w, S("model_list"));
    jw_obj(&w);
    jw_kstr(&w, S("model_name"), str_c(args->alias ? args->alias : args->model));
    jw_kobj(&w, S("litellm_params"));
    jw_kstr(&w, S("model"), str_c(args->model));
    jw_kstr_if(&w, S("api_base"), str_c(args->api_base));
    jw_obj_end(&w);
    jw_obj_end(&w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    struct config_source source = { .path = S("(command line)"),
                                    .text = buf_str(&yaml),
                                    .has_text = true };
    rc r = config_load(&source, ret, d);
    buf_done(&yaml);
    return r;
}

static rc discover(struct config **ret, struct diags *d)
{
    struct arena a;
    struct probe_result found;
    struct config_source source = { 0 };
    arena_init(&a);
    probe_local(&found, &a);
    if (found.found.n)
        log_info("found on this machine: %.*s", STRF(found.found));
    if (found.missing.n)
        log_info("looked for and not found: %.*s", STRF(found.missing));
    rc r = config_discover(found.servers, found.n, &source, ret, d);
    arena_done(&a);
    return r;
}

/* A snapshot, or NULL after saying why. previous hands its deployments' health on. */
static struct snapshot *load(const struct serve_args *args, const struct snapshot *previous,
                             bool *ret_clean)
{
    struct diags d;
    struct config *config = NULL;
    struct route_table *routes = NULL;
    diags_init(&d);
    if (args->config) {
        struct config_source source = { .path = str_c(args->config) };
        (void)config_load(&source, &config, &d).code;
    } else if (args->model) {
        (void)load_one_model(args, &config, &d).code;
    } else {
        (void)discover(&config, &d).code;
    }
    if (config)
        routes = route_build(config, previous ? previous->routes : NULL, &d);
    print_diags(&d);
    *ret_clean = d.nerrors == 0;
    diags_done(&d);
    if (!routes) {
        if (config)
            config_unref(config);
        return NULL;
    }
    return snapshot_new(config, routes);
}

/* ---- what a person should know
 * -------------------------------------------------------------------- */

static bool is_loopback(const char *host)
{
    return str_starts(str_c(host), S("127.")) || str_eq(str_c(host), S("localhost")) ||
           str_eq(str_c(host), S("::1"));
}

/* Off loopback without a real key: one plain line. false: --strict refuses. */
static bool check_exposure(const struct serve_args *args, const struct config *c, const char *host)
{
    bool none = secret_is_empty(&c->master_key);
    bool example = secret_eq(&c->master_key, S("sk-1234"));
    if (is_loopback(host) || (!none && !example))
        return true;
    const char *what = none ? "no master_key is set" : "master_key is the example sk-1234";
    const char *remedy = "set general_settings.master_key or LITELLM_MASTER_KEY, or listen on "
                         "127.0.0.1";
    if (args->strict) {
        log_error("refusing to listen on %s: %s; %s", host, what, remedy);
        return false;
    }
    log_warn("listening on %s and %s: whoever reaches this port can use your models; %s", host,
             what, remedy);
    return true;
}

static void print_ready(const struct server *s, const struct snapshot *snap, const char *host)
{
    const struct route_table *t = snap->routes;
    struct buf names;
    buf_init(&names, 4096);
    for (size_t i = 0; i < route_name_count(t) && i < 12; i++)
        buf_fmt(&names, "%s%.*s", i ? ", " : "", STRF(route_name(t, i)));
    if (route_name_count(t) > 12)
        buf_fmt(&names, " and %zu more", route_name_count(t) - 12);
    log_info("sluice " SLUICE_VERSION " listens on %s://%s:%u with %u worker%s",
             s->opt.tls ? "https" : "http", host, s->port, s->nworkers,
             s->nworkers == 1 ? "" : "s");
    log_info("models: %.*s", STRF(buf_str(&names)));
    if (route_name_count(t))
        log_info("try: curl %s://localhost:%u/v1/chat/completions -d '{\"model\":\"%.*s\","
                 "\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'",
                 s->opt.tls ? "https" : "http", s->port, STRF(route_name(t, 0)));
    buf_done(&names);
}

/* ---- signals
 * -------------------------------------------------------------------------------------- */

static void on_stop(uv_signal_t *h, int number)
{
    log_info("%s: finishing answers in progress", number == SIGTERM ? "SIGTERM" : "SIGINT");
    uv_stop(h->loop);
}

static void on_reload(uv_signal_t *h, int number)
{
    struct serve *s = h->data;
    bool clean;
    struct snapshot *snap = load(&s->args, s->server.snap, &clean);
    if (!snap) {
        log_error("reload: the configuration stays as it was");
        return;
    }
    server_reload(&s->server, snap);
    log_info("reload: %zu models are served", route_name_count(snap->routes));
}

static void watch_signals(struct serve *s)
{
    static const struct {
        int number;
        uv_signal_cb fn;
    } table[] = { { SIGTERM, on_stop }, { SIGINT, on_stop }, { SIGHUP, on_reload } };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], table[i].fn, table[i].number);
    }
}

static void close_signals(struct serve *s)
{
    for (size_t i = 0; i < COUNT_OF(s->signals); i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
}

/* ---- the command
 * ------------------------------------------------------------------------------------ */

/* Standard output for access lines. A pipe that nobody reads must not stop the gateway: it is
 * opened anew without blocking (the flag would otherwise hold for whoever shares it); lines that do
 * not fit are lost. */
static int access_fd(void)
{
    struct stat st;
    if (fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode)) {
        int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0)
            return fd;
    }
    return STDOUT_FILENO;
}

static rc make_options(struct serve *s, const struct snapshot *snap, const char *host,
                       struct server_options *o, struct err *e)
{
    const struct serve_args *args = &s->args;
    const struct config *c = snap->config;
    *o = (struct server_options){
        .host = str_c(host),
        .port = args->port,
        .nworkers = args->workers ? args->workers : uv_available_parallelism(),
        .access_format = args->access_given ? args->access
                         : c->json_logs     ? ACCESS_JSON
                                            : ACCESS_TEXT,
        .access_fd = access_fd(),
        .endpoints = admin_endpoints,
        .nendpoints = admin_endpoint_count,
        .drain_ms = args->drain_ms,
        .conns_max = CONNS_MAX,
        .body_bytes_max =
            c->max_request_bytes > 0 ? (uint32_t)c->max_request_bytes : BODY_BYTES_MAX,
        .keepalive_ms = args->keepalive_ms,
        .patience_ms = args->patience_ms,
    };
    if (!args->tls_key && !args->tls_cert)
        return RC_OK;
    if (!args->tls_key || !args->tls_cert)
        return fail(e, E_SYNTAX, "tls", 0,
                    "--ssl_keyfile_path and --ssl_certfile_path belong together");
    return tls_server_new(str_c(args->tls_cert), str_c(args->tls_key), &o->tls, e);
}

static int run(struct serve *s, struct snapshot *snap)
{
    struct server_options options;
    struct err e = { 0 };
    const char *host = s->args.host                                 ? s->args.host
                       : secret_is_empty(&snap->config->master_key) ? "127.0.0.1"
                                                                    : "0.0.0.0";
    if (!check_exposure(&s->args, snap->config, host) ||
        FAILED(make_options(s, snap, host, &options, &e)) ||
        FAILED(server_start(&s->server, &options, snap, &e))) {
        if (e.text[0])
            log_error("%s", e.text);
        return 1;
    }
    print_ready(&s->server, snap, host);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    server_stop(&s->server);
    tls_context_unref(options.tls);
    return 0;
}

int cmd_serve(int argc, char **argv)
{
    static struct serve s;
    struct err e = { 0 };
    bool clean;
    signal(SIGPIPE, SIG_IGN);
    if (FAILED(serve_args_parse(&s.args, argc, argv, &e))) {
        log_error("%s", e.text);
        return 2;
    }
    if (s.args.version) {
        puts("sluice " SLUICE_VERSION);
        return 0;
    }
    if (s.args.help) {
        serve_args_usage();
        return 0;
    }
    log_init(s.args.debug ? LOG_DEBUG : LOG_INFO, false);
    struct snapshot *snap = load(&s.args, NULL, &clean);
    if (!snap)
        return 1;
    if (s.args.validate) {
        printf("%s (%zu models)\n", clean ? "config OK" : "config has errors",
               route_name_count(snap->routes));
        snapshot_unref(snap);
        return clean ? 0 : 1;
    }
    net_raise_nofile();
    uv_loop_init(&s.loop);
    watch_signals(&s);
    int status = run(&s, snap);
    close_signals(&s);
    return status;
}
