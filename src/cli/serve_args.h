/* serve_args.h - the command line of `sluice serve`, which is LiteLLM's as it stands.
 */
#ifndef CLI_SERVE_ARGS_H
#define CLI_SERVE_ARGS_H

#include "base/err.h"
#include "server/access_log.h"

struct serve_args {
    const char *config; /* NULL: none given */
    const char *host;   /* NULL: not given: loopback, or everywhere with a master key */
    uint16_t port;
    unsigned workers; /* 0: one per core */
    const char *tls_key, *tls_cert;
    const char *model, *api_base, *alias; /* --model: one model without a file */
    enum access_format access;
    bool access_given;
    bool debug;
    bool strict;   /* refuse to start on what is only warned about */
    bool validate; /* --validate_config: check and exit */
    bool version, help;
    uint32_t drain_ms;
    uint32_t keepalive_ms, patience_ms; /* see server_options */
};

/* Fills args from the environment (HOST, PORT, NUM_WORKERS, CONFIG_FILE_PATH...) and then argv.
 * Unknown flags are named on stderr and skipped. E_SYNTAX: a value is missing or makes no sense. */
rc serve_args_parse(struct serve_args *args, int argc, char **argv, struct err *e);
void serve_args_usage(void);

#endif
