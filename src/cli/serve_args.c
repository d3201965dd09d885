#include "cli/serve_args.h"

#include <stdlib.h>

#include "base/log.h"

enum flag_kind {
    FLAG_TEXT,
    FLAG_PORT,
    FLAG_COUNT,
    FLAG_SECONDS,
    FLAG_MS,
    FLAG_BOOL,
    FLAG_ACCESS,
    FLAG_IGNORED,       /* LiteLLM's; without meaning here */
    FLAG_IGNORED_VALUE, /* the same, takes a value */
};

struct flag {
    const char *name, *short_name;
    enum flag_kind kind;
    size_t at; /* offset in struct serve_args */
    const char *help;
};

#define AT(field) offsetof(struct serve_args, field)

static const struct flag flags[] = {
    { "--config", "-c", FLAG_TEXT, AT(config), "FILE  LiteLLM's config.yaml" },
    { "--host", NULL, FLAG_TEXT, AT(host),
      "ADDR  where to listen (default 127.0.0.1; 0.0.0.0 once a master key is set)" },
    { "--port", NULL, FLAG_PORT, AT(port), "N     default 4000; 0 picks a free one" },
    { "--num_workers", NULL, FLAG_COUNT, AT(workers), "N     threads; default: one per core" },
    { "--ssl_keyfile_path", NULL, FLAG_TEXT, AT(tls_key), "FILE  serve TLS with this key" },
    { "--ssl_certfile_path", NULL, FLAG_TEXT, AT(tls_cert), "FILE  and this certificate chain" },
    { "--model", "-m", FLAG_TEXT, AT(model), "NAME  serve this one model, without a file" },
    { "--alias", NULL, FLAG_TEXT, AT(alias), "NAME  its public name" },
    { "--api_base", NULL, FLAG_TEXT, AT(api_base), "URL   where it is" },
    { "--access-log", NULL, FLAG_ACCESS, AT(access), "text|json|off, on standard output" },
    { "--drain-seconds", NULL, FLAG_SECONDS, AT(drain_ms),
      "N     how long SIGTERM waits for answers in progress (default 30)" },
    { "--keepalive-ms", NULL, FLAG_MS, AT(keepalive_ms),
      "N     between signs of life in a silent stream (default 12000)" },
    { "--patience-ms", NULL, FLAG_MS, AT(patience_ms),
      "N     silence before the first of them (default 10000)" },
    { "--strict", NULL, FLAG_BOOL, AT(strict), "      refuse to start on an insecure set-up" },
    { "--validate_config", NULL, FLAG_BOOL, AT(validate), "      check the config and exit" },
    { "--debug", NULL, FLAG_BOOL, AT(debug), "      say more" },
    { "--detailed_debug", NULL, FLAG_BOOL, AT(debug), NULL },
    { "--version", "-v", FLAG_BOOL, AT(version), "      print the version" },
    { "--help", "-h", FLAG_BOOL, AT(help), "      this" },
    { "--telemetry", NULL, FLAG_IGNORED_VALUE, 0, NULL },
    { "--run_gunicorn", NULL, FLAG_IGNORED, 0, NULL },
    { "--run_hypercorn", NULL, FLAG_IGNORED, 0, NULL },
    { "--run_granian", NULL, FLAG_IGNORED, 0, NULL },
    { "--granian_threads", NULL, FLAG_IGNORED_VALUE, 0, NULL },
    { "--ciphers", NULL, FLAG_IGNORED_VALUE, 0, NULL },
    { "--use_prisma_db_push", NULL, FLAG_IGNORED, 0, NULL },
    { "--local", NULL, FLAG_IGNORED, 0, NULL },
    { "--timeout_worker_healthcheck", NULL, FLAG_IGNORED_VALUE, 0, NULL },
    { "--max_requests_before_restart", NULL, FLAG_IGNORED_VALUE, 0, NULL },
    { "--use_v2_migration_resolver", NULL, FLAG_IGNORED, 0, NULL },
    { "--use_legacy_migration_resolver", NULL, FLAG_IGNORED, 0, NULL },
    { "--keepalive_timeout", NULL, FLAG_IGNORED_VALUE, 0, NULL },
    { "--limit_concurrency", NULL, FLAG_IGNORED_VALUE, 0, NULL },
    { "--log_config", NULL, FLAG_IGNORED_VALUE, 0, NULL },
    { "--request_timeout", NULL, FLAG_IGNORED_VALUE, 0, NULL },
    { "--prometheus_metrics_port", NULL, FLAG_IGNORED_VALUE, 0, NULL },
    { "--reload", NULL, FLAG_IGNORED, 0, NULL },
    { "--use_queue", NULL, FLAG_IGNORED, 0, NULL },
    { "--drop_params", NULL, FLAG_IGNORED, 0, NULL },
};

void serve_args_usage(void)
{
    puts("usage: sluice [serve] [--config FILE] [--port N] ...");
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        if (flags[i].help)
            printf("  %-20s %s\n", flags[i].name, flags[i].help);
}

static const struct flag *find_flag(str name)
{
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        char dashed[64];
        size_t n = strlen(flags[i].name);
        memcpy(dashed, flags[i].name,
               n + 1); /* LiteLLM takes both --num_workers and --num-workers */
        for (size_t k = 2; k < n; k++)
            if (dashed[k] == '_')
                dashed[k] = '-';
        if (str_eq(name, str_c(flags[i].name)) || str_eq(name, str_c(dashed)) ||
            str_eq(name, str_c(flags[i].short_name)))
            return &flags[i];
    }
    return NULL;
}

static bool takes_value(enum flag_kind kind)
{
    return kind != FLAG_BOOL && kind != FLAG_IGNORED;
}

static rc set(struct serve_args *args, const struct flag *f, const char *value, struct err *e)
{
    void *at = (char *)args + f->at;
    uint64_t n = 0;
    bool number = value && str_to_u64(str_c(value), &n);
    switch (f->kind) {
    case FLAG_TEXT:
        *(const char **)at = value;
        return RC_OK;
    case FLAG_PORT:
        if (!number || n > 65535)
            return fail(e, E_SYNTAX, f->name, 0, "%s: '%s' is not a port (0 to 65535)", f->name,
                        value);
        *(uint16_t *)at = (uint16_t)n;
        return RC_OK;
    case FLAG_COUNT:
        if (!number || n > 1024)
            return fail(e, E_SYNTAX, f->name, 0, "%s: '%s' is not a number up to 1024", f->name,
                        value);
        *(unsigned *)at = (unsigned)n;
        return RC_OK;
    case FLAG_SECONDS:
        if (!number || n > 86400)
            return fail(e, E_SYNTAX, f->name, 0, "%s: '%s' is not a number of seconds", f->name,
                        value);
        *(uint32_t *)at = (uint32_t)(n * 1000);
        return RC_OK;
    case FLAG_MS:
        if (!number || n == 0 || n > 86400000)
            return fail(e, E_SYNTAX, f->name, 0, "%s: '%s' is not a number of milliseconds",
                        f->name, value);
        *(uint32_t *)at = (uint32_t)n;
        return RC_OK;
    case FLAG_BOOL:
        *(bool *)at = true;
        return RC_OK;
    case FLAG_ACCESS:
        args->access_given = true;
        if (str_eq(str_c(value), S("off")))
            args->access = ACCESS_OFF;
        else if (str_eq(str_c(value), S("text")))
            args->access = ACCESS_TEXT;
        else if (str_eq(str_c(value), S("json")))
            args->access = ACCESS_JSON;
        else
            return fail(e, E_SYNTAX, f->name, 0, "%s: '%s' is none of text, json, off", f->name,
                        value);
        return RC_OK;
    case FLAG_IGNORED:
    case FLAG_IGNORED_VALUE:
        log_debug("%s has no meaning here and is ignored", f->name);
        return RC_OK;
    }
    return RC_OK;
}

static rc from_environment(struct serve_args *args, struct err *e)
{
    static const struct {
        const char *env, *flag;
    } table[] = {
        { "HOST", "--host" },
        { "PORT", "--port" },
        { "NUM_WORKERS", "--num_workers" },
        { "CONFIG_FILE_PATH", "--config" },
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const char *value = getenv(table[i].env);
        if (value && *value)
            TRY(set(args, find_flag(str_c(table[i].flag)), value, e));
    }
    return RC_OK;
}

rc serve_args_parse(struct serve_args *args, int argc, char **argv, struct err *e)
{
    *args = (struct serve_args){ .port = 4000,
                                 .access = ACCESS_TEXT,
                                 .drain_ms = 30000,
                                 .keepalive_ms = 12 * 1000,
                                 .patience_ms = 10 * 1000 };
    TRY(from_environment(args, e));
    for (int i = 1; i < argc; i++) {
        str name = str_c(argv[i]);
        size_t equals = str_index(name, '=');
        const char *value = equals < name.n ? name.p + equals + 1 : NULL;
        name = str_take(name, equals);
        const struct flag *f = name.n ? find_flag(name) : NULL;
        if (!f) {
            bool has_value = !value && i + 1 < argc && argv[i + 1][0] != '-';
            log_warn("unknown flag '%.*s'%s%s is ignored (sluice serve --help lists what there is)",
                     STRF(name), has_value ? " with its value " : "", has_value ? argv[i + 1] : "");
            i += has_value;
            continue;
        }
        if (takes_value(f->kind) && !value) {
            if (i + 1 == argc)
                return fail(e, E_SYNTAX, f->name, 0, "%s needs a value", f->name);
            value = argv[++i];
        }
        TRY(set(args, f, value, e));
    }
    return RC_OK;
}
