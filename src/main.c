/* main.c - finds the subcommand and runs it. */
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "cli/commands.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *does;
} commands[] = {
    { "bench", cmd_bench, "measures chat servers: latency, throughput, CPU, tokens, cost" },
    { "check", cmd_check, "says what is wrong with a config.yaml, and what becomes of its keys" },
    { "mock", cmd_mock, "an upstream that makes its answers up, for tests and benchmarks" },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < COUNT_OF(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    puts("sluice " SLUICE_VERSION);
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        printf("  sluice %-8s %s\n", commands[i].name, commands[i].does);
    return argc > 1 ? 2 : 0;
}
