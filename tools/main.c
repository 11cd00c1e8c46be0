// The program blok: picks the command and runs it.
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <string.h>

#include "tools/options.h"

const blok_command *const blok_commands[] = {&blok_command_inspect, &blok_command_run,
                                             &blok_command_verify,  &blok_command_check,
                                             &blok_command_convert, &blok_command_build,
                                             &blok_command_diff,    &blok_command_bench,
                                             &blok_command_help,    NULL};

static int help_run(blok_cli *cli, const blok_command *command, int argc, char **argv) {
  blok_parser parser;
  blok_parser_begin(&parser, cli, command, NULL, argc, argv);
  if (blok_parser_next(&parser) == BLOK_OPTION_STOP) return parser.status;
  int count = 0;
  char **words = blok_parser_words(&parser, &count);
  if (count > 1) return blok_cli_usage(cli, "one command at a time");
  const blok_command *about = count == 0 ? NULL : blok_find_command(words[0]);
  if (count == 1 && about == NULL) {
    return blok_cli_usage(cli, "there is no command '%s'", blok_show(words[0]).text);
  }
  blok_print_help(cli, about);
  return BLOK_EXIT_DONE;
}

static const blok_option no_options[] = {{NULL, NULL, NULL, 0}};

const blok_command blok_command_help = {
    .name = "help",
    .synopsis = "[COMMAND]",
    .summary = "explain the commands, or one of them with examples",
    .about = "Without COMMAND, lists the commands.\n",
    .examples = "  blok help run\n",
    .options = no_options,
    .shapes = false,
    .sessions = false,
    .run = help_run};

// Whether --json stands among the words: errors in the words themselves are JSON then too.
static bool wants_json(int argc, char **argv) {
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
    if (strcmp(argv[i], "--json") == 0) return true;
  }
  return false;
}

static int run_command(blok_cli *cli, int argc, char **argv) {
  const char *name = argv[1];
  if (strcmp(name, "--version") == 0) {
    blok_print_version(cli);
    return BLOK_EXIT_DONE;
  }
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
    blok_print_help(cli, NULL);
    return BLOK_EXIT_DONE;
  }
  const blok_command *command = blok_find_command(name);
  if (command != NULL) {
    cli->verb = command->name;
    return command->run(cli, command, argc - 1, argv + 1);
  }
  if (name[0] == '-') {
    return blok_cli_usage(cli, "options come after the command: blok COMMAND %s",
                          blok_show(name).text);
  }
  const blok_command *nearest = blok_nearest_command(name);
  const blok_shown shown = blok_show(name);
  if (nearest != NULL) {
    return blok_cli_usage(cli, "there is no command '%s'; did you mean %s?", shown.text,
                          nearest->name);
  }
  return blok_cli_usage(cli, "there is no command '%s'", shown.text);
}

int main(int argc, char **argv) {
  blok_cli cli = {0};
  // A reader who goes away is seen as a failed write (blok_cli_flush), not as a signal that could
  // strike in the middle of a file.
  (void)signal(SIGPIPE, SIG_IGN);
  cli.json = wants_json(argc, argv);
  blok_cli_begin(&cli);
  if (argc < 2) {
    return blok_cli_end(&cli, blok_cli_usage(&cli,
                                             "a command is needed: inspect, run, verify, "
                                             "check, convert, build, diff, bench or help"));
  }
  return blok_cli_end(&cli, run_command(&cli, argc, argv));
}
