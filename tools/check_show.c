// What `blok check` tells: the guide's table of shapes, its three questions, its checklist and its
// quick tests; as text and as JSON.
#include <stdlib.h>
#include <string.h>

#include "tools/check.h"
#include "tools/inspect.h"
#include "tools/shape.h"
#include "tools/table.h"
#include "tools/text.h"

// The guide prints names in 18 columns.
#define NAME_COLUMNS 18

const char *blok_check_state_name(blok_check_state state) {
  switch (state) {
    case BLOK_CHECK_NONE:
      return "none";
    case BLOK_CHECK_OK:
      return "ok";
    case BLOK_CHECK_FAILED:
      return "failed";
    case BLOK_CHECK_SKIPPED:
      return "skipped";
    case BLOK_CHECK_LATER:
      return "not yet";
  }
  return "none";
}

const char *blok_check_name(int check) {
  static const char *const names[BLOK_CHECK_COUNT] = {"shape", "downsample", "channel transition",
                                                      "norm and activation order"};
  return names[check];
}

// "stage1.1 (x 3)", freed with free().
static char *row_name(const blok_check_row *row) {
  const blok_shown name = blok_show(row->facts->name);
  return row->times == 1 ? blok_textf("%s", name.text)
                         : blok_textf("%s (x %zu)", name.text, row->times);
}

// ---- The table of shapes ------------------------------------------------------------------------

// A line of it; all three are freed with free().
typedef struct shape_line {
  char *name, *in, *out;
  uint64_t parameters;
} shape_line;

static shape_line row_line(const blok_check_row *row) {
  return (shape_line){row_name(row), blok_textf("%s", blok_check_shape_text(&row->in).text),
                      blok_textf("%s", blok_check_shape_text(&row->out).text),
                      row->facts->parameters};
}

// Several shapes with commas between them.
static char *join_shapes(const blok_tensor *tensors, const blok_check_shape *shapes, size_t count) {
  char *text = NULL;
  size_t size = 0;
  FILE *stream = blok_text_begin(&text, &size);
  for (size_t i = 0; i < count; i++) {
    const blok_check_shape shape = shapes != NULL ? shapes[i] : blok_check_shape_of(&tensors[i]);
    fprintf(stream, "%s%s", i > 0 ? ", " : "", blok_check_shape_text(&shape).text);
  }
  return blok_text_end(stream, &text);
}

static shape_line model_line(const blok_check_job *job) {
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  const bool known = blok_model_get_info(job->model, &info) == BLOK_OK;
  return (shape_line){blok_textf("%s", blok_show(job->name).text),
                      join_shapes(job->feed.tensors, NULL, job->feed.count),
                      join_shapes(NULL, job->outputs, job->output_count),
                      known ? info.parameters : 0};
}

static int wider(int width, const char *text) {
  const int needed = (int)blok_table_width(text);
  return needed > width ? needed : width;
}

static void print_padded(FILE *out, const char *text, int width, bool right) {
  const int gap = width - (int)blok_table_width(text);
  if (right) fprintf(out, "%*s", gap, "");
  fputs(text, out);
  if (!right) fprintf(out, "%*s", gap, "");
}

static void print_shapes(const blok_check_job *job) {
  FILE *out = job->cli->out;
  const size_t count = job->row_count + 1;
  shape_line *lines = blok_cli_alloc(count, sizeof *lines);
  int name = NAME_COLUMNS;
  int in = 0;
  int made = 0;
  for (size_t i = 0; i < count; i++) {
    lines[i] = i < job->row_count ? row_line(&job->rows[i]) : model_line(job);
    name = wider(name, lines[i].name);
    in = wider(in, lines[i].in);
    made = wider(made, lines[i].out);
  }
  for (size_t i = 0; i < count; i++) {
    const shape_line *line = &lines[i];
    print_padded(out, line->name, name, true);
    fputs("  in: ", out);
    print_padded(out, line->in, in, false);
    fputs(" -> out: ", out);
    print_padded(out, line->out, made, false);
    fprintf(out, " | params: %s\n", blok_group_digits(line->parameters).text);
    free(line->name);
    free(line->in);
    free(line->out);
  }
  free(lines);
}

// ---- Questions and checks -----------------------------------------------------------------------

static void print_questions(const blok_check_job *job) {
  static const char *const heads[] = {"block", "skip(x)", "order of F(x)", "behind the addition"};
  blok_table table;
  blok_table_begin(&table, "llll", heads);
  for (size_t i = 0; i < job->row_count; i++) {
    const blok_block *block = job->rows[i].facts;
    if (!blok_inspect_has_addition(block)) continue;
    const blok_residual_desc *desc = block->residual;
    char *name = row_name(&job->rows[i]);
    blok_table_cell(&table, "%s", name);
    free(name);
    if (block->skip_of != NULL) {
      blok_table_cell(&table, "%s (%s)", blok_skip_name(desc->skip), block->skip_of);
    } else {
      blok_table_cell(&table, "%s", blok_skip_name(desc->skip));
    }
    blok_table_cell(&table, "%s",
                    desc->order == BLOK_ORDER_NONE ? "" : blok_order_name(desc->order));
    blok_table_cell(
        &table, "%s",
        desc->after_add == BLOK_ACT_NONE ? "nothing" : blok_activation_name(desc->after_add));
  }
  if (table.count > 0) blok_inspect_heading(job->cli, "three questions");
  blok_table_end(&table, job->cli, 2);
}

static void print_checks(const blok_check_job *job) {
  static const char *const heads[] = {"block", "shape", "downsample", "channels", "order"};
  blok_table table;
  if (job->row_count == 0) return;
  blok_inspect_heading(job->cli, "four checks, each block on its own");
  blok_table_begin(&table, "lllll", heads);
  for (size_t i = 0; i < job->row_count; i++) {
    char *name = row_name(&job->rows[i]);
    blok_table_cell(&table, "%s", name);
    free(name);
    for (int check = 0; check < BLOK_CHECK_COUNT; check++) {
      const blok_check_state state = job->rows[i].marks[check].state;
      blok_table_cell(&table, "%s", state == BLOK_CHECK_NONE ? "-" : blok_check_state_name(state));
    }
  }
  blok_table_end(&table, job->cli, 2);
}

// Why a mark is not "ok": once for a reason that all of a block's marks share.
static void print_reasons(const blok_check_job *job) {
  for (size_t i = 0; i < job->row_count; i++) {
    const blok_check_row *row = &job->rows[i];
    for (int check = 0; check < BLOK_CHECK_COUNT; check++) {
      const blok_check_mark *mark = &row->marks[check];
      if (mark->why[0] == '\0') continue;
      if (check > 0 && strcmp(mark->why, row->marks[check - 1].why) == 0) continue;
      fprintf(job->cli->out, "  %s: %s '%s': %s: %s\n", blok_check_state_name(mark->state),
              blok_block_kind_name(row->facts->kind), blok_show(row->facts->name).text,
              blok_check_name(check), mark->why);
    }
  }
}

static void print_tests(const blok_check_job *job) {
  static const char *const heads[] = {"test", "result", ""};
  const struct {
    const char *name;
    const blok_check_mark *mark;
  } tests[] = {
      {"shape", &job->forward}, {"downsample", &job->downsample}, {"gradient", &job->gradient}};
  blok_table table;
  blok_inspect_heading(job->cli, "quick tests");
  blok_table_begin(&table, "lll", heads);
  for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
    const blok_check_state state = tests[i].mark->state;
    blok_table_cell(&table, "%s", tests[i].name);
    blok_table_cell(&table, "%s", state == BLOK_CHECK_NONE ? "-" : blok_check_state_name(state));
    blok_table_cell(&table, "%s", tests[i].mark->why);
  }
  blok_table_end(&table, job->cli, 2);
}

// Blocks, different ones among them, and rows that have a mark of state.
static size_t count_blocks(const blok_check_job *job) {
  size_t blocks = 0;
  for (size_t i = 0; i < job->row_count; i++) blocks += job->rows[i].times;
  return blocks;
}

static size_t count_rows(const blok_check_job *job, blok_check_state state) {
  size_t rows = 0;
  for (size_t i = 0; i < job->row_count; i++) {
    bool has = false;
    for (int check = 0; check < BLOK_CHECK_COUNT; check++) {
      has = has || job->rows[i].marks[check].state == state;
    }
    rows += has;
  }
  return rows;
}

void blok_check_print(const blok_check_job *job) {
  FILE *out = job->cli->out;
  const size_t skipped = count_rows(job, BLOK_CHECK_SKIPPED);
  print_shapes(job);
  print_questions(job);
  print_checks(job);
  print_reasons(job);
  print_tests(job);
  fprintf(out, "\n%s: %zu block%s, %zu different", blok_check_good(job) ? "ok" : "failed",
          count_blocks(job), count_blocks(job) == 1 ? "" : "s", job->row_count);
  if (!blok_check_good(job)) {
    fprintf(out, ", %zu of these failed", count_rows(job, BLOK_CHECK_FAILED));
  }
  if (skipped > 0) fprintf(out, ", %zu could not be tested", skipped);
  fputc('\n', out);
}

// ---- JSON ---------------------------------------------------------------------------------------

static void json_mark(blok_json *json, const char *key, const blok_check_mark *mark) {
  blok_json_open(json, key, '{');
  blok_json_text(json, "state", blok_check_state_name(mark->state));
  blok_json_text(json, "why", mark->why[0] == '\0' ? NULL : mark->why);
  blok_json_close(json);
}

static void json_shape(blok_json *json, const char *key, const blok_check_shape *shape) {
  blok_axis axes[BLOK_MAX_RANK];
  for (int32_t i = 0; i < shape->rank; i++) axes[i] = (blok_axis){shape->dims[i], NULL};
  blok_json_axes(json, key, axes, shape->rank);
}

static void json_row(blok_json *json, const blok_check_row *row) {
  static const char *const keys[BLOK_CHECK_COUNT] = {"shape", "downsample", "channel_transition",
                                                     "order"};
  const blok_block *block = row->facts;
  const bool adds = blok_inspect_has_addition(block);
  const bool ordered = adds && block->residual->order != BLOK_ORDER_NONE;
  blok_json_open(json, NULL, '{');
  blok_json_text(json, "kind", blok_block_kind_name(block->kind));
  blok_json_text(json, "name", block->name);
  blok_json_uint(json, "times", row->times);
  json_shape(json, "in", &row->in);
  json_shape(json, "out", &row->out);
  blok_json_uint(json, "parameters", block->parameters);
  blok_json_int(json, "stride", block->stride);
  blok_json_text(json, "skip", adds ? blok_skip_name(block->residual->skip) : NULL);
  blok_json_text(json, "skip_of", block->skip_of);
  blok_json_text(json, "order", ordered ? blok_order_name(block->residual->order) : NULL);
  blok_json_text(json, "after_add", adds ? blok_activation_name(block->residual->after_add) : NULL);
  blok_json_open(json, "checks", '{');
  for (int check = 0; check < BLOK_CHECK_COUNT; check++) {
    json_mark(json, keys[check], &row->marks[check]);
  }
  blok_json_close(json);
  blok_json_close(json);
}

void blok_check_json(const blok_check_job *job) {
  blok_json json;
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  const bool known = blok_model_get_info(job->model, &info) == BLOK_OK;
  blok_json_begin(&json, job->cli->out);
  blok_json_open(&json, NULL, '{');
  blok_json_int(&json, "schema", 1);
  blok_json_text(&json, "name", job->name);
  blok_json_open(&json, "in", '[');
  for (size_t i = 0; i < job->feed.count; i++) {
    blok_json_dims(&json, NULL, job->feed.tensors[i].dims, job->feed.tensors[i].rank);
  }
  blok_json_close(&json);
  blok_json_open(&json, "out", '[');
  for (size_t i = 0; i < job->output_count; i++) json_shape(&json, NULL, &job->outputs[i]);
  blok_json_close(&json);
  blok_json_uint(&json, "parameters", known ? info.parameters : 0);
  blok_json_open(&json, "blocks", '[');
  for (size_t i = 0; i < job->row_count; i++) json_row(&json, &job->rows[i]);
  blok_json_close(&json);
  blok_json_open(&json, "tests", '{');
  json_mark(&json, "shape", &job->forward);
  json_mark(&json, "downsample", &job->downsample);
  json_mark(&json, "gradient", &job->gradient);
  blok_json_close(&json);
  blok_json_bool(&json, "ok", blok_check_good(job));
  blok_json_close(&json);
}
