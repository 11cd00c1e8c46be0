// Answers, messages and exit statuses of the program.
#define _POSIX_C_SOURCE 200809L
#include "tools/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/json.h"

// Only for the last words when memory runs out.
static const blok_cli *current;

static void open_answer(blok_cli *cli) {
  cli->text = NULL;
  cli->text_size = 0;
  cli->out = open_memstream(&cli->text, &cli->text_size);
  if (cli->out == NULL) blok_cli_no_memory();
}

static void drop_answer(blok_cli *cli) {
  if (cli->out != NULL && fclose(cli->out) != 0) cli->text_size = 0;
  free(cli->text);
  cli->out = NULL;
  cli->text = NULL;
  cli->text_size = 0;
}

void blok_cli_begin(blok_cli *cli) {
  const char *no_color = getenv("NO_COLOR");
  const char *terminal = getenv("TERM");
  cli->color = (no_color == NULL || no_color[0] == '\0') && terminal != NULL &&
               strcmp(terminal, "dumb") != 0 && isatty(STDOUT_FILENO);
  current = cli;
  open_answer(cli);
}

bool blok_cli_write(blok_cli *cli, const void *bytes, size_t size) {
  const char *next = bytes;
  while (size > 0 && cli->write_errno == 0) {
    const ssize_t done = write(STDOUT_FILENO, next, size);
    if (done > 0) {
      next += done;
      size -= (size_t)done;
    } else if (done < 0 && errno != EINTR) {
      cli->write_errno = errno;
    }
  }
  return cli->write_errno == 0;
}

bool blok_cli_flush(blok_cli *cli) {
  if (fflush(cli->out) != 0 || ferror(cli->out)) {
    cli->write_errno = ENOMEM;
    return false;
  }
  if (cli->text_size == 0) return cli->write_errno == 0;
  const bool written = blok_cli_write(cli, cli->text, cli->text_size);
  drop_answer(cli);
  open_answer(cli);
  return written;
}

int blok_cli_end(blok_cli *cli, int status) {
  (void)blok_cli_flush(cli);
  drop_answer(cli);
  current = NULL;
  if (cli->write_errno == 0 || cli->write_errno == EPIPE) return status;
  fprintf(stderr, "blok: standard output: %s\n", strerror(cli->write_errno));
  return BLOK_EXIT_MACHINE;
}

static void print_failure(blok_cli *cli, int exit_status, const char *code, const char *message,
                          blok_cli_more more, const void *context) {
  drop_answer(cli);
  open_answer(cli);
  if (cli->json) {
    blok_json json;
    blok_json_begin(&json, cli->out);
    blok_json_open(&json, NULL, '{');
    blok_json_int(&json, "schema", 1);
    blok_json_open(&json, "error", '{');
    blok_json_int(&json, "status", exit_status);
    blok_json_text(&json, "code", code);
    blok_json_text(&json, "message", message);
    if (more != NULL) more(&json, context);
    blok_json_close(&json);
    blok_json_close(&json);
    return;
  }
  fprintf(stderr, "blok%s%s: %s\n", cli->verb == NULL ? "" : " ",
          cli->verb == NULL ? "" : cli->verb, message);
}

int blok_cli_fail(blok_cli *cli, int exit_status, const blok_error *error) {
  return blok_cli_fail_with(cli, exit_status, error, NULL, NULL);
}

int blok_cli_fail_with(blok_cli *cli, int exit_status, const blok_error *error, blok_cli_more more,
                       const void *context) {
  print_failure(cli, exit_status, blok_status_name(error->status), error->message, more, context);
  return exit_status;
}

int blok_cli_usage(blok_cli *cli, const char *format, ...) {
  char message[BLOK_ERROR_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  print_failure(cli, BLOK_EXIT_USAGE, "usage", message, NULL, NULL);
  if (!cli->json) {
    const bool known = cli->verb != NULL && strcmp(cli->verb, "help") != 0;
    fprintf(stderr, "try: blok help%s%s\n", known ? " " : "", known ? cli->verb : "");
  }
  return BLOK_EXIT_USAGE;
}

void blok_cli_note(const blok_cli *cli, const char *format, ...) {
  if (cli->quiet) return;
  va_list arguments;
  va_start(arguments, format);
  fputs("blok: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
}

blok_status blok_cli_error(blok_error *error, blok_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  error->status = status;
  (void)vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  return status;
}

int blok_cli_exit_working(blok_status status) {
  switch (status) {
    case BLOK_OK:
      return BLOK_EXIT_DONE;
    case BLOK_E_IO:
    case BLOK_E_MEMORY:
    case BLOK_E_BUSY:
    case BLOK_E_CANCELLED:
    case BLOK_E_INTERNAL:
      return BLOK_EXIT_MACHINE;
    case BLOK_E_ARGUMENT:
    case BLOK_E_MALFORMED:
    case BLOK_E_UNSUPPORTED:
    case BLOK_E_SHAPE:
    case BLOK_E_LIMIT:
    case BLOK_E_BUFFER:
    case BLOK_E_NOT_FOUND:
      break;
  }
  return BLOK_EXIT_INPUT;
}

int blok_cli_exit_reading(blok_status status) {
  return status == BLOK_E_IO ? BLOK_EXIT_INPUT : blok_cli_exit_working(status);
}

void blok_cli_no_memory(void) {
  if (current != NULL && current->json) {
    puts(
        "{\"schema\":1,\"error\":{\"status\":4,\"code\":\"memory\",\"message\":\"out of "
        "memory\"}}");
  } else {
    fputs("blok: out of memory\n", stderr);
  }
  exit(BLOK_EXIT_MACHINE);
}

void *blok_cli_alloc(size_t count, size_t size) {
  void *memory = calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);
  if (memory == NULL) blok_cli_no_memory();
  return memory;
}

void *blok_cli_grow(void *items, size_t count, size_t *capacity, size_t size) {
  if (count < *capacity) return items;
  *capacity = *capacity == 0 ? 16 : 2 * *capacity;
  void *larger = blok_cli_alloc(*capacity, size);
  if (count > 0) memcpy(larger, items, count * size);
  free(items);
  return larger;
}

const char *blok_cli_basename(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

bool blok_cli_ends_with(const char *path, const char *ending) {
  const size_t length = strlen(path);
  const size_t ending_length = strlen(ending);
  return length > ending_length && strcmp(path + length - ending_length, ending) == 0;
}

double blok_cli_now(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) return 0;
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
