// Commands, their options, and reading both from the command line.
//
// A command is a row of data: getopt_long's tables and the pages of `blok help` are made from it.
#ifndef BLOK_TOOLS_OPTIONS_H
#define BLOK_TOOLS_OPTIONS_H

#include "tools/cli.h"

// An option of one command.
typedef struct blok_option {
  const char *name;  // without the dashes; NULL ends a list
  const char
      *value;  // what help calls its value: "FILE"; "[=NAME]" if it may be left out; NULL: none
  const char *help;
  int id;  // above 256, or the letter of its short form
} blok_option;

typedef struct blok_command {
  const char *name;
  const char *synopsis;  // what follows the name
  const char *summary;   // one line
  const char *about;     // a paragraph for `blok help NAME`
  const char *examples;  // lines of a command and what it does
  const blok_option *options;
  bool shapes;    // takes --dim and --shape
  bool sessions;  // takes -t, --isa, --no-blocks and --reference
  int (*run)(blok_cli *cli, const struct blok_command *command, int argc, char **argv);
} blok_command;

// The commands, in the order of help; the last has no name.
extern const blok_command *const blok_commands[];

extern const blok_command blok_command_inspect;
extern const blok_command blok_command_run;
extern const blok_command blok_command_verify;
extern const blok_command blok_command_check;
extern const blok_command blok_command_convert;
extern const blok_command blok_command_build;
extern const blok_command blok_command_diff;
extern const blok_command blok_command_bench;
extern const blok_command blok_command_help;

// --dim and --shape as given. Names point into the command line.
#define BLOK_MAX_BINDINGS 64

typedef struct blok_dim_binding {
  const char *symbol;
  int64_t value;
  bool used;  // an axis of that name was met
} blok_dim_binding;

typedef struct blok_shape_binding {
  const char *name;
  uint32_t rank;
  int64_t dims[BLOK_MAX_RANK];
} blok_shape_binding;

typedef struct blok_bindings {
  size_t dim_count;
  blok_dim_binding dims[BLOK_MAX_BINDINGS];
  size_t shape_count;
  blok_shape_binding shapes[BLOK_MAX_BINDINGS];
} blok_bindings;

// One walk over a command's words. The common options are handled inside.
typedef struct blok_parser {
  blok_cli *cli;
  const blok_command *command;
  blok_bindings *bindings;  // NULL: the command takes none
  int argc;
  char **argv;
  const char *value;  // of the option just read; NULL: none
  int status;         // exit status, when blok_parser_next gave BLOK_OPTION_STOP
  bool computes;      // an option that says how sessions compute, or what their shapes are, was met
} blok_parser;

enum {
  BLOK_OPTION_END = -1,  // the words follow: blok_parser_words
  BLOK_OPTION_STOP = -2  // an error was reported, or help printed: return parser.status
};

// argv[0] is the command's name.
void blok_parser_begin(blok_parser *parser, blok_cli *cli, const blok_command *command,
                       blok_bindings *bindings, int argc, char **argv);

// The next option's id, or one of the two above.
int blok_parser_next(blok_parser *parser);

// The word behind the option just read, or NULL: for an option whose value may be left out.
const char *blok_parser_ahead(const blok_parser *parser);

// The words that are no options, after BLOK_OPTION_END.
char **blok_parser_words(const blok_parser *parser, int *count);

// Reads a whole number, or a decimal one ("1/255" too when denominator is not NULL). False unless
// all of text is a number in range.
bool blok_parse_count(const char *text, uint64_t least, uint64_t most, uint64_t *out);
bool blok_parse_real(const char *text, double *out, double *denominator);

// An activation by its name ("relu", "silu", ...); false for a word that names none.
bool blok_parse_activation(const char *text, blok_activation *out);
bool blok_parse_order(const char *text, blok_order *out);  // "post" or "pre"
bool blok_parse_norm(const char *text, blok_norm *out);    // "none" too

// Prints the page of one command, or with NULL the list of all, into cli->out.
void blok_print_help(blok_cli *cli, const blok_command *command);
void blok_print_version(blok_cli *cli);

// The command of that name, or NULL; and the one spelled most alike, or NULL.
const blok_command *blok_find_command(const char *name);
const blok_command *blok_nearest_command(const char *name);

// The options that every command takes; the last has no name.
extern const blok_option blok_common_options[];
extern const blok_option blok_shape_options[];
extern const blok_option blok_compute_options[];

#endif  // BLOK_TOOLS_OPTIONS_H
