// The pages of `blok help`, the version, and guessing what a misspelt command meant.
#include <stdlib.h>
#include <string.h>

#include "tools/options.h"

static void print_options(FILE *out, const blok_option *options) {
  for (; options->name != NULL; options++) {
    char left[64];
    const bool optional = options->value != NULL && strncmp(options->value, "[=", 2) == 0;
    char letter[5] = "";
    if (options->id < 256) (void)snprintf(letter, sizeof letter, "-%c, ", (char)options->id);
    (void)snprintf(left, sizeof left, "%s--%s%s%s", letter, options->name,
                   options->value == NULL || optional ? "" : " ",
                   options->value == NULL ? "" : options->value);
    fprintf(out, strlen(left) > 26 ? "  %s\n%30s%s\n" : "  %-26s%2s%s\n", left, "", options->help);
  }
}

static void print_all(blok_cli *cli) {
  fputs("usage: blok COMMAND ...\n\ncommands\n", cli->out);
  for (size_t i = 0; blok_commands[i] != NULL; i++) {
    fprintf(cli->out, "  %-9s%s\n", blok_commands[i]->name, blok_commands[i]->summary);
  }
  fputs("\nevery command\n", cli->out);
  print_options(cli->out, blok_common_options);
  fputs("\n`blok help COMMAND` shows a command's options and examples.\n", cli->out);
}

void blok_print_help(blok_cli *cli, const blok_command *command) {
  if (command == NULL) {
    print_all(cli);
    return;
  }
  fprintf(cli->out, "usage: blok %s %s\n\n%s.\n\n%s\n", command->name, command->synopsis,
          command->summary, command->about);
  fputs("options\n", cli->out);
  print_options(cli->out, command->options);
  if (command->shapes) print_options(cli->out, blok_shape_options);
  if (command->sessions) print_options(cli->out, blok_compute_options);
  print_options(cli->out, blok_common_options);
  fprintf(cli->out, "\nexamples\n%s", command->examples);
  fputs(
      "\nexit status: 0 done, 1 values differ, 2 usage, 3 model or input cannot be used,\n"
      "4 memory, disk or write failed\n",
      cli->out);
}

// What kinds of picture this build reads.
static const char pictures[] =
    "ppm"
#ifdef BLOK_HAVE_PNG
    " png"
#endif
#ifdef BLOK_HAVE_JPEG
    " jpeg"
#endif
    ;

void blok_print_version(blok_cli *cli) {
  const char *options = blok_build_options();
  fprintf(cli->out, "blok %s\n", blok_version());
  fprintf(cli->out, "instruction sets: %s\n", blok_isa());
  fprintf(cli->out, "built with: %s\n", options[0] == '\0' ? "no options" : options);
  fprintf(cli->out, "pictures: %s\n", pictures);
}

const blok_command *blok_find_command(const char *name) {
  for (size_t i = 0; blok_commands[i] != NULL; i++) {
    if (strcmp(blok_commands[i]->name, name) == 0) return blok_commands[i];
  }
  return NULL;
}

// Letters to insert, remove, replace or swap with their neighbour to make b of a; 99 for long
// words.
static int spelling_distance(const char *a, const char *b) {
  enum { LONGEST = 16 };
  int rows[LONGEST + 1][LONGEST + 1];
  const size_t a_length = strlen(a);
  const size_t b_length = strlen(b);
  if (a_length > LONGEST || b_length > LONGEST) return 99;
  for (size_t i = 0; i <= a_length; i++) {
    for (size_t j = 0; j <= b_length; j++) {
      int best = (int)(i + j);
      if (i > 0 && j > 0) {
        const int replaced = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
        const int removed = rows[i - 1][j] + 1;
        const int inserted = rows[i][j - 1] + 1;
        best = replaced < removed ? replaced : removed;
        best = inserted < best ? inserted : best;
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
            rows[i - 2][j - 2] + 1 < best) {
          best = rows[i - 2][j - 2] + 1;
        }
      }
      rows[i][j] = best;
    }
  }
  return rows[a_length][b_length];
}

const blok_command *blok_nearest_command(const char *name) {
  const blok_command *nearest = NULL;
  int least = 3;
  for (size_t i = 0; blok_commands[i] != NULL; i++) {
    const int distance = spelling_distance(name, blok_commands[i]->name);
    if (distance < least) {
      least = distance;
      nearest = blok_commands[i];
    }
  }
  return nearest;
}
