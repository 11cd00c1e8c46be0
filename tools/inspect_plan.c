// `blok inspect --plan` and `--memory`: what a session becomes for the inputs' shapes.
#include <inttypes.h>
#include <stdlib.h>

#include "tools/feed.h"
#include "tools/inspect.h"
#include "tools/open.h"
#include "tools/steps.h"

static void print_plan(blok_cli *cli, const blok_steps *steps) {
  static const char *const heads[] = {"step",  "name",   "block", "kernel", "layout",
                                      "makes", "memory", "MACs",  "cells"};
  blok_table table;
  blok_inspect_heading(cli, "plan");
  blok_table_begin(&table, "rlllllrrr", heads);
  for (size_t i = 0; i < steps->count; i++) {
    const blok_step_info *step = &steps->items[i];
    const blok_block *block = blok_steps_block(steps, i);
    blok_table_cell(&table, "%zu", i);
    blok_table_cell(&table, "%s", step->name);
    blok_table_cell(&table, "%s", block == NULL ? "" : block->name);
    blok_table_cell(&table, "%s", step->kernel);
    blok_table_cell(&table, "%s", blok_steps_layout(step).text);
    blok_table_cell(&table, "%s", blok_steps_shape(step).text);
    blok_table_cell(&table, "%s", step->bytes > 0 ? blok_group_bytes(step->bytes).text : "");
    blok_table_cell(&table, "%s", step->macs > 0 ? blok_inspect_amount(step->macs).text : "");
    blok_table_cell(&table, "%.0u", step->cells);
  }
  blok_table_end(&table, cli, 2);
}

static void print_memory(blok_cli *cli, const blok_steps *steps) {
  const blok_memory_info *memory = &steps->memory;
  FILE *out = cli->out;
  blok_inspect_heading(cli, "memory");
  fprintf(out, "  arena           %s", blok_group_bytes(memory->arena_bytes).text);
  fprintf(out, ": values %s", blok_group_bytes(memory->value_bytes).text);
  fprintf(out, ", scratch %s a thread", blok_group_bytes(memory->scratch_bytes).text);
  fputs(", the rest tables\n", out);
  fprintf(out, "  largest live    %s", blok_group_bytes(memory->live_bytes).text);
  if (memory->live_step < steps->count) {
    fprintf(out, ", at step %zu, ", memory->live_step);
    blok_show_to(out, steps->items[memory->live_step].name);
  }
  fprintf(out, "\n  packed weights  %s, for all sessions of the model\n",
          blok_group_bytes(memory->packed_bytes).text);
}

static void print_text(blok_cli *cli, const char *path, const blok_steps *steps,
                       const blok_inspect_options *options) {
  blok_show_to(cli->out, path);
  fprintf(cli->out, "\n  %zu steps, %s, %u thread%s\n", steps->count, steps->machine.isa,
          steps->machine.threads, steps->machine.threads == 1 ? "" : "s");
  if (options->plan) print_plan(cli, steps);
  if (options->memory) print_memory(cli, steps);
}

static void print_json(blok_cli *cli, const char *path, const blok_steps *steps,
                       const blok_session *session, const blok_inspect_options *options) {
  blok_json json;
  blok_json_begin(&json, cli->out);
  blok_json_open(&json, NULL, '{');
  blok_json_int(&json, "schema", 1);
  blok_json_text(&json, "model", path);
  blok_steps_json_machine(steps, &json);
  if (options->memory) {
    blok_json_open(&json, "memory", '{');
    blok_steps_json_memory(steps, &json);
    blok_json_close(&json);
  }
  if (options->plan) {
    blok_json_open(&json, "steps", '[');
    for (size_t i = 0; i < steps->count; i++) {
      blok_json_open(&json, NULL, '{');
      blok_steps_json_step(steps, session, i, &json);
      blok_json_close(&json);
    }
    blok_json_close(&json);
  }
  blok_json_close(&json);
}

static int show(blok_cli *cli, const char *path, const blok_model *model,
                const blok_session *session, const blok_inspect_options *options) {
  blok_error error = BLOK_ERROR_INIT;
  blok_steps steps;
  const blok_status status = blok_steps_read(&steps, model, session, &error);
  int exit_status = BLOK_EXIT_DONE;
  if (status != BLOK_OK) {
    exit_status = blok_cli_fail(cli, blok_cli_exit_working(status), &error);
  } else if (cli->json) {
    print_json(cli, path, &steps, session, options);
  } else {
    print_text(cli, path, &steps, options);
  }
  blok_steps_free(&steps);
  return exit_status;
}

int blok_inspect_plan(blok_cli *cli, const char *path, const blok_model *model,
                      blok_bindings *bindings, const blok_inspect_options *options) {
  blok_error error = BLOK_ERROR_INIT;
  blok_cli_progress progress;
  blok_session *session = NULL;
  blok_feed feed = {0};
  int exit_status = blok_cli_session(cli, model, &progress, &session);
  if (exit_status != BLOK_EXIT_DONE) return exit_status;
  blok_status status = blok_feed_begin(&feed, cli, model, bindings, NULL, &error);
  const char **paths = blok_cli_alloc(feed.count, sizeof *paths);
  feed.noise_said = true;  // only its shape counts
  if (status == BLOK_OK) status = blok_feed_load(&feed, paths, &error);
  free(paths);
  if (status != BLOK_OK) {
    exit_status = blok_cli_fail(cli, blok_cli_exit_reading(status), &error);
  } else if (blok_session_reshape(session, feed.tensors, feed.count, &error) != BLOK_OK) {
    exit_status = blok_cli_run_failed(cli, &progress, &error);
  } else {
    exit_status = show(cli, path, model, session, options);
  }
  blok_feed_end(&feed);
  blok_session_free(&session);
  return exit_status;
}
