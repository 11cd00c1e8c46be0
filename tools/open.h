// Opening models and sessions, and saving models, as every command does it.
#ifndef BLOK_TOOLS_OPEN_H
#define BLOK_TOOLS_OPEN_H

#include "tools/progress.h"

// Opens the model at path, with --external-root. On success *out is the caller's and the status
// BLOK_EXIT_DONE; otherwise the error is printed and its exit status given. warn: warnings go to
// standard error (else they are left to the caller).
int blok_cli_open(blok_cli *cli, const char *path, bool warn, blok_model **out);

// Saves the model under path with a line of progress, which options need not name; all inline to
// standard output where path is "-".
blok_status blok_cli_save(blok_cli *cli, const blok_model *model, const char *path,
                          blok_save_options *options, blok_error *error);

// As blok_cli_open for a session that computes as the command line says. progress must live as long
// as the session. *out is NULL unless the status is BLOK_EXIT_DONE.
int blok_cli_session(blok_cli *cli, const blok_model *model, blok_cli_progress *progress,
                     blok_session **out);

// The same for a session of the reference interpreter, whatever the command line says.
int blok_cli_reference(blok_cli *cli, const blok_model *model, blok_cli_progress *progress,
                       blok_session **out);

// The name of the model's output, "" where there is none. It lives as long as the model.
const char *blok_cli_output_name(const blok_model *model, size_t index);

// Reports a failed call of a session; progress's line is wiped first.
int blok_cli_run_failed(blok_cli *cli, blok_cli_progress *progress, const blok_error *error);

#endif  // BLOK_TOOLS_OPEN_H
