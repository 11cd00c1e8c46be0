// Reading a command's options with getopt_long.
#define _POSIX_C_SOURCE 200809L
#include "tools/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  COMMON_JSON = 1000,
  COMMON_EXTERNAL_ROOT,
  COMMON_HELP,
  COMMON_VERSION,
  COMMON_DIM,
  COMMON_SHAPE,
  COMMON_ISA,
  COMMON_NO_BLOCKS,
  COMMON_REFERENCE,
  COMMON_LATER
};

const blok_option blok_common_options[] = {
    {"json", NULL, "print the answer, or the error, as JSON", COMMON_JSON},
    {"external-root", "DIR", "a folder that external data may lie in, links to it included",
     COMMON_EXTERNAL_ROOT},
    {"quiet", NULL, "only errors on standard error", 'q'},
    {"help", NULL, "print this page", COMMON_HELP},
    {"version", NULL, "print version, instruction sets and build options", COMMON_VERSION},
    {NULL, NULL, NULL, 0}};

const blok_option blok_shape_options[] = {
    {"dim", "SYMBOL=N", "the size of a named axis that the model leaves open", COMMON_DIM},
    {"shape", "NAME=1x3x224x224", "the shape of one input", COMMON_SHAPE},
    {NULL, NULL, NULL, 0}};

const blok_option blok_compute_options[] = {
    {"threads", "N", "threads that compute (default: the CPUs allowed)", 't'},
    {"isa", "NAME", "scalar, avx2 or avx512 (default: the best of this CPU, or BLOK_ISA)",
     COMMON_ISA},
    {"no-blocks", NULL, "each node for itself: no fusion", COMMON_NO_BLOCKS},
    {"reference", NULL, "the reference interpreter: slow, one thread, sums in double",
     COMMON_REFERENCE},
    {NULL, NULL, NULL, 0}};

// Options that the program will have; until then each is a usage error that says so.
static const struct option later_options[] = {{"no-winograd", no_argument, NULL, COMMON_LATER}};

#define LATER_COUNT (sizeof later_options / sizeof later_options[0])
#define TABLE_SIZE  64

// getopt_long's tables of the command being read.
static struct option table[TABLE_SIZE];
static char letters[2 * TABLE_SIZE + 2];

static void add_options(const blok_option *options, size_t *count, size_t *letter_count) {
  for (; options->name != NULL && *count + 1 < TABLE_SIZE; options++) {
    const bool optional = options->value != NULL && strncmp(options->value, "[=", 2) == 0;
    table[(*count)++] = (struct option){options->name,
                                        options->value == NULL ? no_argument
                                        : optional             ? optional_argument
                                                               : required_argument,
                                        NULL, options->id};
    if (options->id < 256) {
      letters[(*letter_count)++] = (char)options->id;
      if (options->value != NULL) letters[(*letter_count)++] = ':';
    }
  }
}

void blok_parser_begin(blok_parser *parser, blok_cli *cli, const blok_command *command,
                       blok_bindings *bindings, int argc, char **argv) {
  *parser = (blok_parser){cli, command, bindings, argc, argv, NULL, 0, false};
  size_t count = 0;
  size_t letter_count = 0;
  letters[letter_count++] = ':';
  add_options(command->options, &count, &letter_count);
  add_options(blok_common_options, &count, &letter_count);
  add_options(blok_shape_options, &count, &letter_count);
  add_options(blok_compute_options, &count, &letter_count);
  for (size_t i = 0; i < LATER_COUNT && count + 1 < TABLE_SIZE; i++) {
    table[count++] = later_options[i];
  }
  letters[letter_count] = '\0';
  table[count] = (struct option){NULL, 0, NULL, 0};
  optind = 1;
  opterr = 0;
}

static int stop(blok_parser *parser, int status) {
  parser->status = status;
  return BLOK_OPTION_STOP;
}

// "SYMBOL=N"
static bool parse_dim(blok_bindings *bindings, char *text) {
  char *equals = strrchr(text, '=');
  uint64_t value = 0;
  if (equals == NULL || equals == text || bindings->dim_count == BLOK_MAX_BINDINGS ||
      !blok_parse_count(equals + 1, 0, INT64_MAX, &value)) {
    return false;
  }
  *equals = '\0';
  bindings->dims[bindings->dim_count++] = (blok_dim_binding){text, (int64_t)value, false};
  return true;
}

// "NAME=1x3x224x224"; "NAME=" is a scalar.
static bool parse_shape(blok_bindings *bindings, char *text) {
  char *equals = strrchr(text, '=');
  if (equals == NULL || equals == text || bindings->shape_count == BLOK_MAX_BINDINGS) return false;
  blok_shape_binding *shape = &bindings->shapes[bindings->shape_count];
  shape->name = text;
  shape->rank = 0;
  for (char *next = equals + 1; *next != '\0';) {
    char *cross = strchr(next, 'x');
    if (cross != NULL) *cross = '\0';
    uint64_t value = 0;
    if (shape->rank == BLOK_MAX_RANK || !blok_parse_count(next, 0, INT64_MAX, &value)) return false;
    shape->dims[shape->rank++] = (int64_t)value;
    if (cross == NULL) break;
    next = cross + 1;
    if (*next == '\0') return false;
  }
  *equals = '\0';
  bindings->shape_count++;
  return true;
}

static int parse_binding(blok_parser *parser, int id, char *text) {
  const char *name = id == COMMON_DIM ? "dim" : "shape";
  if (parser->bindings == NULL) {
    return stop(parser, blok_cli_usage(parser->cli, "--%s is not for %s in this version", name,
                                       parser->command->name));
  }
  const blok_shown shown = blok_show(text);
  if (id == COMMON_DIM ? parse_dim(parser->bindings, text) : parse_shape(parser->bindings, text)) {
    return 0;
  }
  return stop(parser,
              blok_cli_usage(parser->cli, "--%s takes %s, not '%s'", name,
                             id == COMMON_DIM ? "SYMBOL=N" : "NAME=1x3x224x224", shown.text));
}

// -t, --isa, --no-blocks, --reference.
static int parse_computing(blok_parser *parser, int id, const char *text) {
  blok_cli *cli = parser->cli;
  if (!parser->command->sessions) {
    const char *name = id == 't'                ? "-t"
                       : id == COMMON_ISA       ? "--isa"
                       : id == COMMON_NO_BLOCKS ? "--no-blocks"
                                                : "--reference";
    return stop(parser, blok_cli_usage(cli, "%s is not for %s in this version", name,
                                       parser->command->name));
  }
  uint64_t threads = 0;
  if (id == COMMON_ISA) {
    cli->isa = text;
  } else if (id == COMMON_NO_BLOCKS) {
    cli->no_blocks = true;
  } else if (id == COMMON_REFERENCE) {
    cli->reference = true;
  } else if (blok_parse_count(text, 1, BLOK_POOL_MOST_THREADS, &threads)) {
    cli->threads = (uint32_t)threads;
  } else {
    return stop(parser, blok_cli_usage(cli, "-t takes a number of threads from 1 to %d, not '%s'",
                                       BLOK_POOL_MOST_THREADS, blok_show(text).text));
  }
  return 0;
}

static int bad_option(blok_parser *parser, bool value_missing) {
  const char *word = parser->argv[optind - 1];
  const blok_shown shown = blok_show(word);
  const bool is_long = word[0] == '-' && word[1] == '-';
  const char letter = (char)optopt;
  if (value_missing) {
    return stop(parser, is_long ? blok_cli_usage(parser->cli, "%s needs a value", shown.text)
                                : blok_cli_usage(parser->cli, "-%c needs a value", letter));
  }
  if (is_long) {
    return stop(parser, blok_cli_usage(parser->cli, "unknown or unclear option '%s'", shown.text));
  }
  const char name[2] = {letter, '\0'};
  return stop(parser, blok_cli_usage(parser->cli, "unknown option '-%s'", blok_show(name).text));
}

int blok_parser_next(blok_parser *parser) {
  for (;;) {
    int index = 0;
    const int id = getopt_long(parser->argc, parser->argv, letters, table, &index);
    parser->value = optarg;
    switch (id) {
      case -1:
        return BLOK_OPTION_END;
      case '?':
        return bad_option(parser, false);
      case ':':
        return bad_option(parser, true);
      case COMMON_JSON:
        parser->cli->json = true;
        break;
      case 'q':
        parser->cli->quiet = true;
        break;
      case COMMON_EXTERNAL_ROOT:
        parser->cli->external_root = optarg;
        break;
      case COMMON_HELP:
        blok_print_help(parser->cli, parser->command);
        return stop(parser, BLOK_EXIT_DONE);
      case COMMON_VERSION:
        blok_print_version(parser->cli);
        return stop(parser, BLOK_EXIT_DONE);
      case COMMON_DIM:
      case COMMON_SHAPE:
        if (parse_binding(parser, id, optarg) != 0) return BLOK_OPTION_STOP;
        parser->computes = true;
        break;
      case 't':
      case COMMON_ISA:
      case COMMON_NO_BLOCKS:
      case COMMON_REFERENCE:
        if (parse_computing(parser, id, optarg) != 0) return BLOK_OPTION_STOP;
        parser->computes = true;
        break;
      case COMMON_LATER:
        return stop(parser,
                    blok_cli_usage(parser->cli, "--%s is not in this version", table[index].name));
      default:
        return id;
    }
  }
}

const char *blok_parser_ahead(const blok_parser *parser) {
  return optind < parser->argc ? parser->argv[optind] : NULL;
}

char **blok_parser_words(const blok_parser *parser, int *count) {
  *count = parser->argc - optind;
  return parser->argv + optind;
}

bool blok_parse_activation(const char *text, blok_activation *out) {
  for (int act = BLOK_ACT_RELU; act <= BLOK_ACT_ELU; act++) {
    if (strcmp(text, blok_activation_name((blok_activation)act)) != 0) continue;
    *out = (blok_activation)act;
    return true;
  }
  return false;
}

bool blok_parse_order(const char *text, blok_order *out) {
  for (int order = BLOK_ORDER_POST; order <= BLOK_ORDER_PRE; order++) {
    if (strcmp(text, blok_order_name((blok_order)order)) != 0) continue;
    *out = (blok_order)order;
    return true;
  }
  return false;
}

bool blok_parse_norm(const char *text, blok_norm *out) {
  for (int norm = BLOK_NORM_NONE; norm <= BLOK_NORM_LAYER; norm++) {
    if (strcmp(text, blok_norm_name((blok_norm)norm)) != 0) continue;
    *out = (blok_norm)norm;
    return true;
  }
  return false;
}

bool blok_parse_count(const char *text, uint64_t least, uint64_t most, uint64_t *out) {
  if (text[0] < '0' || text[0] > '9') return false;
  char *end = NULL;
  errno = 0;
  const uintmax_t value = strtoumax(text, &end, 10);
  if (errno != 0 || *end != '\0' || value < least || value > most) return false;
  *out = (uint64_t)value;
  return true;
}

bool blok_parse_real(const char *text, double *out, double *denominator) {
  char *end = NULL;
  if (denominator != NULL) *denominator = 1;
  *out = strtod(text, &end);
  if (end == text || !isfinite(*out)) return false;
  if (*end == '/' && denominator != NULL) {
    const char *below = end + 1;
    *denominator = strtod(below, &end);
    if (end == below || !isfinite(*denominator) || *denominator == 0) return false;
  }
  return *end == '\0';
}
