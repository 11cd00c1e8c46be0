// A line on the terminal while something takes long.
#ifndef BLOK_TOOLS_PROGRESS_H
#define BLOK_TOOLS_PROGRESS_H

#include "tools/cli.h"

typedef struct blok_cli_progress {
  bool wanted;  // standard error is a terminal and -q was not given
  bool shown;   // a line stands there
  double start;
  double last;
} blok_cli_progress;

void blok_cli_progress_begin(blok_cli_progress *progress, const blok_cli *cli);

// A blok_progress_fn; context is the blok_cli_progress. Silent for the first second.
int blok_cli_progress_step(void *context, const char *what, uint64_t done, uint64_t total);

// Wipes the line. The next step starts its second anew.
void blok_cli_progress_end(blok_cli_progress *progress);

#endif  // BLOK_TOOLS_PROGRESS_H
