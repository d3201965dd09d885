/* main.c - finds the subcommand and runs it. Without one it serves, as LiteLLM's command does. */
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "cli/commands.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *does;
} commands[] = {
    { "serve", cmd_serve, "the gateway (also without the word: sluice --config FILE)" },
    { "check", cmd_check, "says what is wrong with a config.yaml, and what becomes of its keys" },
    { "mock", cmd_mock, "an upstream that makes its answers up, for tests and benchmarks" },
    { "bench", cmd_bench, "measures chat servers: latency, throughput, CPU, tokens, cost" },
    { "health", cmd_health, "asks a running gateway whether it is well; exit status 0 or 1" },
};

static int usage(int status)
{
    FILE *to = status ? stderr : stdout;
    fputs("sluice " SLUICE_VERSION ", an LLM API gateway\n", to);
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        fprintf(to, "  sluice %-8s %s\n", commands[i].name, commands[i].does);
    fputs("Each explains itself with --help.\n", to);
    return status;
}

int main(int argc, char **argv)
{
    if (argc == 1 || argv[1][0] == '-') {
        if (argc > 1 && strcmp(argv[1], "--help") == 0)
            usage(0);
        return cmd_serve(argc, argv);
    }
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (strcmp(argv[1], "help") == 0)
        return usage(0);
    if (strcmp(argv[1], "version") == 0)
        return puts("sluice " SLUICE_VERSION) < 0;
    fprintf(stderr, "sluice: '%s' is not a command\n", argv[1]);
    return usage(2);
}
