// Where the time of a run goes, by block and by step. The time of a step is that of its quickest
// run: what others do on the machine only ever adds to it.
#include "tools/profile.h"

#include <stdlib.h>
#include <string.h>

#include "tools/inspect.h"
#include "tools/peak.h"

// What is said of one step, or of several together.
typedef struct rates {
  double ms, share;     // of the sum of all steps
  double gflops, part;  // part of the machine's peak; both 0 where nothing is multiplied
  double gbs;           // 0: unknown
} rates;

struct blok_profile_group {
  const blok_block *block;  // NULL: in no block
  size_t steps;
  uint64_t nanoseconds, macs, bytes;
};
typedef struct blok_profile_group group;

static rates rates_of(const blok_profile *profile, uint64_t nanoseconds, uint64_t macs,
                      uint64_t bytes) {
  rates found = {0};
  found.ms = (double)nanoseconds * 1e-6;
  found.share = profile->sum > 0 ? (double)nanoseconds / (double)profile->sum : 0;
  if (nanoseconds == 0) return found;
  found.gflops = 2 * (double)macs / (double)nanoseconds;
  found.part = profile->peak > 0 ? found.gflops / profile->peak : 0;
  found.gbs = (double)bytes / (double)nanoseconds;
  return found;
}

static rates rates_of_step(const blok_profile *profile, size_t index) {
  const blok_step_info *step = &profile->steps.items[index];
  return rates_of(profile, step->least_nanoseconds, step->macs, step->bytes);
}

// ---- Reading ------------------------------------------------------------------------------------

static group *group_of(blok_profile *profile, const blok_block *block) {
  for (size_t i = 0; i < profile->group_count; i++) {
    if (profile->groups[i].block == block) return &profile->groups[i];
  }
  group *next = &profile->groups[profile->group_count++];
  next->block = block;
  return next;
}

blok_status blok_profile_read(blok_profile *profile, const blok_model *model,
                              const blok_session *session, blok_error *error) {
  memset(profile, 0, sizeof *profile);
  profile->session = session;
  const blok_status status = blok_steps_read(&profile->steps, model, session, error);
  if (status != BLOK_OK) return status;
  const blok_machine_info *machine = &profile->steps.machine;
  profile->peak = blok_peak_gflops(machine->isa, machine->threads);
  profile->groups = blok_cli_alloc(profile->steps.count, sizeof *profile->groups);
  for (size_t i = 0; i < profile->steps.count; i++) {
    const blok_step_info *step = &profile->steps.items[i];
    group *in = group_of(profile, blok_steps_outermost(&profile->steps, i));
    in->steps++;
    in->nanoseconds += step->least_nanoseconds;
    in->macs += step->macs;
    in->bytes += step->bytes;
    profile->sum += step->least_nanoseconds;
    if (step->runs > profile->runs) profile->runs = step->runs;
  }
  return BLOK_OK;
}

void blok_profile_free(blok_profile *profile) {
  blok_steps_free(&profile->steps);
  free(profile->groups);
  memset(profile, 0, sizeof *profile);
}

// ---- As text ------------------------------------------------------------------------------------

// A number and its unit, or nothing where there is none.
static void number_cell(blok_table *table, double number, int digits, const char *unit) {
  if (number > 0) {
    blok_table_cell(table, "%.*f%s", digits, number, unit);
  } else {
    blok_table_cell(table, "%s", "");
  }
}

static void rate_cells(blok_table *table, const rates *found) {
  blok_table_cell(table, "%.3f", found->ms);
  blok_table_cell(table, "%.1f %%", 100 * found->share);
  number_cell(table, found->gflops, 1, "");
  number_cell(table, found->gflops > 0 ? 100 * found->part : 0, 0, " %");
  number_cell(table, found->gbs, 1, "");
}

static void print_blocks(const blok_profile *profile, blok_cli *cli) {
  static const char *const heads[] = {"block", "kind",    "steps",   "ms",
                                      "share", "GFLOP/s", "of peak", "GB/s"};
  blok_table table;
  blok_inspect_heading(cli, "by block");
  blok_table_begin(&table, "llrrrrrr", heads);
  for (size_t i = 0; i < profile->group_count; i++) {
    const group *row = &profile->groups[i];
    const rates found = rates_of(profile, row->nanoseconds, row->macs, row->bytes);
    blok_table_cell(&table, "%s", row->block == NULL ? "in no block" : row->block->name);
    blok_table_cell(&table, "%s", row->block == NULL ? "" : blok_block_kind_name(row->block->kind));
    blok_table_cell(&table, "%zu", row->steps);
    rate_cells(&table, &found);
  }
  blok_table_end(&table, cli, 2);
}

static void print_steps(const blok_profile *profile, blok_cli *cli) {
  static const char *const heads[] = {"step",  "name",    "kernel",  "makes", "ms",
                                      "share", "GFLOP/s", "of peak", "GB/s"};
  blok_table table;
  blok_inspect_heading(cli, "by step");
  blok_table_begin(&table, "rlllrrrrr", heads);
  for (size_t i = 0; i < profile->steps.count; i++) {
    const blok_step_info *step = &profile->steps.items[i];
    const rates found = rates_of_step(profile, i);
    blok_table_cell(&table, "%zu", i);
    blok_table_cell(&table, "%s", step->name);
    blok_table_cell(&table, "%s", step->kernel);
    blok_table_cell(&table, "%s", blok_steps_shape(step).text);
    rate_cells(&table, &found);
  }
  blok_table_end(&table, cli, 2);
}

void blok_profile_print(const blok_profile *profile, blok_cli *cli) {
  print_blocks(profile, cli);
  print_steps(profile, cli);
  fprintf(cli->out, "\n  %.3f ms in steps, each at its quickest of %s runs",
          (double)profile->sum * 1e-6, blok_group_digits(profile->runs).text);
  if (profile->peak > 0) {
    fprintf(cli->out, "; the peak of %u thread%s is %.1f GFLOP/s, measured",
            profile->steps.machine.threads, profile->steps.machine.threads == 1 ? "" : "s",
            profile->peak);
  }
  fputc('\n', cli->out);
}

// ---- As JSON ------------------------------------------------------------------------------------

static void json_rates(blok_json *json, const rates *found) {
  blok_json_number(json, "ms", found->ms);
  blok_json_number(json, "share", found->share);
  blok_json_number(json, "gflops", found->gflops);
  blok_json_number(json, "part_of_peak", found->part);
  blok_json_number(json, "gb_per_s", found->gbs);
}

void blok_profile_json(const blok_profile *profile, blok_json *json) {
  blok_json_open(json, "profile", '{');
  blok_json_uint(json, "runs", profile->runs);
  blok_json_number(json, "peak_gflops", profile->peak);
  blok_json_number(json, "ms", (double)profile->sum * 1e-6);
  blok_json_open(json, "blocks", '[');
  for (size_t i = 0; i < profile->group_count; i++) {
    const group *row = &profile->groups[i];
    const rates found = rates_of(profile, row->nanoseconds, row->macs, row->bytes);
    blok_json_open(json, NULL, '{');
    const blok_block *block = row->block;
    blok_json_text(json, "name", block == NULL ? NULL : block->name);
    blok_json_text(json, "kind", block == NULL ? NULL : blok_block_kind_name(block->kind));
    blok_json_uint(json, "steps", row->steps);
    json_rates(json, &found);
    blok_json_close(json);
  }
  blok_json_close(json);
  blok_json_open(json, "steps", '[');
  for (size_t i = 0; i < profile->steps.count; i++) {
    const blok_step_info *step = &profile->steps.items[i];
    const rates found = rates_of_step(profile, i);
    blok_json_open(json, NULL, '{');
    blok_steps_json_step(&profile->steps, profile->session, i, json);
    json_rates(json, &found);
    const double mean = step->runs > 0 ? (double)step->nanoseconds / (double)step->runs : 0;
    blok_json_number(json, "mean_ms", mean * 1e-6);
    blok_json_close(json);
  }
  blok_json_close(json);
  blok_json_close(json);
}
