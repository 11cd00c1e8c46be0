// A line on the terminal while something takes long.
#define _POSIX_C_SOURCE 200809L
#include "tools/progress.h"

#include <unistd.h>

void blok_cli_progress_begin(blok_cli_progress *progress, const blok_cli *cli) {
  progress->wanted = !cli->quiet && isatty(STDERR_FILENO);
  progress->shown = false;
  progress->start = blok_cli_now();
  progress->last = 0;
}

int blok_cli_progress_step(void *context, const char *what, uint64_t done, uint64_t total) {
  blok_cli_progress *progress = context;
  if (!progress->wanted) return 0;
  const double now = blok_cli_now();
  if (now - progress->start < 1 || now - progress->last < 0.1) return 0;
  progress->last = now;
  progress->shown = true;
  const blok_shown shown = blok_show(what);
  if (total > 0) {
    fprintf(stderr, "\r\033[K%.60s: %.0f %%", shown.text, 100 * (double)done / (double)total);
  } else {
    fprintf(stderr, "\r\033[K%.60s: %s", shown.text, blok_group_digits(done).text);
  }
  fflush(stderr);
  return 0;
}

void blok_cli_progress_end(blok_cli_progress *progress) {
  if (progress->shown) fputs("\r\033[K", stderr);
  progress->shown = false;
  progress->start = blok_cli_now();
}
