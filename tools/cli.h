// What every command of the program shares: the answer on standard output, messages on standard
// error, exit statuses.
//
// A command prints into cli->out, which is kept in memory until blok_cli_flush: so an error never
// stands behind half an answer, and a reader who has gone (a closed pipe) is noticed at once.
#ifndef BLOK_TOOLS_CLI_H
#define BLOK_TOOLS_CLI_H

#include <blok/blok.h>
#include <stdio.h>

#include "tools/show.h"

struct blok_json;

#define BLOK_PRINTF(text, first) __attribute__((format(printf, text, first)))

// Exit statuses; scripts rely on them.
enum {
  BLOK_EXIT_DONE = 0,
  BLOK_EXIT_DIFFERS = 1,  // the check failed
  BLOK_EXIT_USAGE = 2,
  BLOK_EXIT_INPUT = 3,   // the model or an input cannot be used
  BLOK_EXIT_MACHINE = 4  // memory, disk, write
};

typedef struct blok_cli {
  const char *verb;  // for messages; NULL before a command is known
  FILE *out;         // the answer
  char *text;        // what out holds; valid after fflush
  size_t text_size;
  int write_errno;  // of the first write to standard output that failed; 0: none
  bool json;
  bool quiet;
  bool color;                 // standard output is a terminal that wants colour
  const char *external_root;  // --external-root or NULL
  // How sessions compute: -t, --isa, --no-blocks, --reference.
  uint32_t threads;  // 0: the CPUs allowed
  const char *isa;   // NULL: the best
  bool no_blocks;
  bool reference;
} blok_cli;

// Starts an answer. Memory that cannot be had ends the program with BLOK_EXIT_MACHINE.
void blok_cli_begin(blok_cli *cli);

// Writes what out holds to standard output. False when that failed, now or earlier: stop working.
bool blok_cli_flush(blok_cli *cli);

// The same for bytes that are no text (an array written to "-").
bool blok_cli_write(blok_cli *cli, const void *bytes, size_t size);

// Writes the rest of the answer, frees it, and gives the exit status: status itself, or
// BLOK_EXIT_MACHINE with a message when standard output could not be written. A reader who has gone
// is no error.
int blok_cli_end(blok_cli *cli, int status);

// Drops the answer that is not yet written and prints the error instead: one line on standard
// error, or with --json an object on standard output. Gives exit.
int blok_cli_fail(blok_cli *cli, int exit, const blok_error *error);

// The same with more in the JSON's error object: what more(json, context) writes into it. NULL:
// nothing.
typedef void (*blok_cli_more)(struct blok_json *json, const void *context);
int blok_cli_fail_with(blok_cli *cli, int exit, const blok_error *error, blok_cli_more more,
                       const void *context);

// The same for a usage error, with a pointer to the help. Gives BLOK_EXIT_USAGE.
int blok_cli_usage(blok_cli *cli, const char *format, ...) BLOK_PRINTF(2, 3);

// A line on standard error, unless -q.
void blok_cli_note(const blok_cli *cli, const char *format, ...) BLOK_PRINTF(2, 3);

// Fills error and gives status.
blok_status blok_cli_error(blok_error *error, blok_status status, const char *format, ...)
    BLOK_PRINTF(3, 4);

// The exit status of a failed call. While a model or an input is read, what the system refuses is a
// file that cannot be used; afterwards it is the machine that failed.
int blok_cli_exit_reading(blok_status status);
int blok_cli_exit_working(blok_status status);

// Zeroed memory that is freed with free(). Ends the program with BLOK_EXIT_MACHINE when there is
// none: for small things; a size that comes from a file is taken with calloc and checked.
void *blok_cli_alloc(size_t count, size_t size);

// items, an array of *capacity of which count are used, with room for one more: itself, or a larger
// one in its place, the new part zeroed. It ends the program as blok_cli_alloc does.
void *blok_cli_grow(void *items, size_t count, size_t *capacity, size_t size);

// Says that there is no memory and ends the program with BLOK_EXIT_MACHINE.
void blok_cli_no_memory(void) __attribute__((noreturn));

// The path's last part.
const char *blok_cli_basename(const char *path);

// True for a path of that ending with something before it: "net.onnx", ".onnx".
bool blok_cli_ends_with(const char *path, const char *ending);

// Seconds of a clock that only goes forward.
double blok_cli_now(void);

#endif  // BLOK_TOOLS_CLI_H
