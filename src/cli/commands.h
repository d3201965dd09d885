/* commands.h - the subcommands of `sluice`, one function each.
 *
 * argv[0] is the subcommand's own name; what follows are its arguments. The result is the process's
 * exit status: 0 fine, 1 it failed (a line on stderr says why), 2 wrong usage.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

int cmd_bench(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_health(int argc, char **argv);
int cmd_mock(int argc, char **argv);
int cmd_serve(int argc, char **argv);

#endif
