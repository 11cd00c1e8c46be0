// Opening models and sessions, and saving models, as every command does it.
#include "tools/open.h"

#include <string.h>

#include "tools/inspect.h"

int blok_cli_open(blok_cli *cli, const char *path, bool warn, blok_model **out) {
  blok_cli_progress progress;
  blok_error error = BLOK_ERROR_INIT;
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  blok_cli_progress_begin(&progress, cli);
  options.external_root = cli->external_root;
  options.progress = blok_cli_progress_step;
  options.progress_context = &progress;
  *out = NULL;
  const blok_status status = blok_model_open(path, &options, out, &error);
  blok_cli_progress_end(&progress);
  if (status != BLOK_OK) return blok_cli_fail(cli, blok_cli_exit_reading(status), &error);
  const char *warning;
  for (size_t i = 0; warn && (warning = blok_model_warning(*out, i)) != NULL; i++) {
    blok_cli_note(cli, "warning: %s", warning);
  }
  return BLOK_EXIT_DONE;
}

static int write_bytes(void *context, const void *bytes, size_t size) {
  return blok_cli_write(context, bytes, size) ? 0 : 1;
}

blok_status blok_cli_save(blok_cli *cli, const blok_model *model, const char *path,
                          blok_save_options *options, blok_error *error) {
  blok_cli_progress progress;
  if (strcmp(path, "-") == 0) return blok_model_write(model, write_bytes, cli, error);
  blok_cli_progress_begin(&progress, cli);
  options->progress = blok_cli_progress_step;
  options->progress_context = &progress;
  const blok_status status = blok_model_save(model, path, options, error);
  blok_cli_progress_end(&progress);
  return status;
}

// All operators that cannot be run, where the message names five.
static void list_unknown(blok_json *json, const void *context) {
  const blok_model *model = context;
  if (blok_model_unknown_count(model) > 0) blok_inspect_unknown(json, model);
}

static int open_session(blok_cli *cli, const blok_model *model, bool reference,
                        blok_cli_progress *progress, blok_session **out) {
  blok_error error = BLOK_ERROR_INIT;
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  blok_cli_progress_begin(progress, cli);
  options.threads = cli->threads;
  options.isa = cli->isa;
  options.no_blocks = cli->no_blocks;
  options.reference = reference;
  options.progress = blok_cli_progress_step;
  options.progress_context = progress;
  *out = NULL;
  const blok_status status = blok_session_new(model, &options, out, &error);
  blok_cli_progress_end(progress);
  if (status == BLOK_OK) return BLOK_EXIT_DONE;
  // Nothing else of the options is the user's.
  if (status == BLOK_E_ARGUMENT) return blok_cli_usage(cli, "%s", error.message);
  return blok_cli_fail_with(cli, blok_cli_exit_working(status), &error, list_unknown, model);
}

int blok_cli_session(blok_cli *cli, const blok_model *model, blok_cli_progress *progress,
                     blok_session **out) {
  return open_session(cli, model, cli->reference, progress, out);
}

int blok_cli_reference(blok_cli *cli, const blok_model *model, blok_cli_progress *progress,
                       blok_session **out) {
  return open_session(cli, model, true, progress, out);
}

const char *blok_cli_output_name(const blok_model *model, size_t index) {
  blok_value_info info = BLOK_VALUE_INFO_INIT;
  bool found = blok_model_output(model, index, &info) == BLOK_OK && info.name != NULL;
  return found ? info.name : "";
}

int blok_cli_run_failed(blok_cli *cli, blok_cli_progress *progress, const blok_error *error) {
  blok_cli_progress_end(progress);
  return blok_cli_fail(cli, blok_cli_exit_working(error->status), error);
}
