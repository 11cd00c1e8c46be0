// `blok inspect` as text.
#include <inttypes.h>
#include <string.h>

#include "tools/inspect.h"
#include "tools/shape.h"
#include "tools/table.h"

static const char *grouped_macs(int64_t macs, blok_grouped *room) {
  if (macs < 0) return "?";
  *room = blok_group_digits((uint64_t)macs);
  return room->text;
}

static void print_header(blok_cli *cli, const char *path, const blok_model_info *info) {
  blok_grouped macs;
  fputs(cli->color ? "\033[1m" : "", cli->out);
  blok_show_to(cli->out, path);
  fputs(cli->color ? "\033[0m" : "", cli->out);
  if (info->name != NULL && info->name[0] != '\0') {
    fputs("  ", cli->out);
    blok_show_to(cli->out, info->name);
  }
  fputc('\n', cli->out);
  if (info->producer != NULL && info->producer[0] != '\0') {
    fputs("  from        ", cli->out);
    blok_show_to(cli->out, info->producer);
    fputc('\n', cli->out);
  }
  fprintf(cli->out, "  format      IR %" PRId64 ", opset %" PRId64 "\n", info->ir_version,
          info->opset);
  fprintf(cli->out, "  nodes       %s", blok_group_digits(info->nodes).text);
  if (info->functions > 0) fprintf(cli->out, " and %zu local functions", info->functions);
  fprintf(cli->out, "\n  parameters  %s\n", blok_group_digits(info->parameters).text);
  fprintf(cli->out, "  MACs        %s\n", grouped_macs(info->macs, &macs));
  fprintf(cli->out, "  weights     %zu, %s", info->weights,
          blok_group_bytes(info->weight_bytes).text);
  if (info->external_bytes > 0) {
    fprintf(cli->out, ", %s of it in external files", blok_group_bytes(info->external_bytes).text);
  }
  fputc('\n', cli->out);
}

static void print_values(blok_cli *cli, const blok_model *model, const char *title, size_t count,
                         blok_inspect_value_fn get) {
  static const char *const heads[] = {"name", "type", "shape"};
  blok_table table;
  blok_inspect_heading(cli, title);
  if (count == 0) fputs("  none\n", cli->out);
  blok_table_begin(&table, "lll", heads);
  for (size_t i = 0; i < count; i++) {
    blok_value_info info = BLOK_VALUE_INFO_INIT;
    if (get(model, i, &info) != BLOK_OK) continue;
    blok_table_cell(&table, "%s", info.name);
    blok_table_cell(&table, "%s", info.type == NULL ? "unknown" : info.type);
    blok_table_cell(&table, "%s", blok_show_axes(info.axes, info.rank).text);
  }
  blok_table_end(&table, cli, 2);
}

static void print_counts(blok_cli *cli, const blok_model *model) {
  blok_inspect_heading(cli, "counts");
  const char *between = "  ";
  for (const blok_block_kind *kind = blok_inspect_kinds; *kind != 0; kind++) {
    const size_t count = blok_inspect_count(model, *kind);
    if (count == 0) continue;
    fprintf(cli->out, "%s%s %zu", between, blok_block_kind_name(*kind), count);
    between = ", ";
  }
  fputs(between[0] == ' ' ? "  no blocks\n" : "\n", cli->out);
}

// ---- The rest -----------------------------------------------------------------------------------

typedef blok_status (*loose_fn)(const blok_model *model, size_t index, blok_loose_info *info);

static void print_operators(blok_cli *cli, const blok_model *model, const char *title, size_t count,
                            loose_fn get) {
  static const char *const heads[] = {"operator", "count", "first", "why"};
  blok_table table;
  if (count == 0) return;
  blok_inspect_heading(cli, title);
  blok_table_begin(&table, "lrll", heads);
  for (size_t i = 0; i < count; i++) {
    blok_loose_info info = BLOK_LOOSE_INFO_INIT;
    if (get(model, i, &info) != BLOK_OK) continue;
    blok_table_cell(&table, "%s", info.op);
    blok_table_cell(&table, "%zu", info.count);
    blok_table_cell(&table, "%s", blok_inspect_node_name(model, info.first));
    blok_table_cell(&table, "%s", info.why == NULL ? "" : info.why);
  }
  blok_table_end(&table, cli, 2);
}

// The node's names of one side, the empty ones as "-".
static void slots_cell(blok_table *table, const blok_model *model, size_t node, size_t count,
                       blok_inspect_slot_fn get) {
  char text[200];
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < count && used + 4 < sizeof text; i++) {
    const char *name = get(model, node, i);
    const int wrote = snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? " " : "",
                               name == NULL || name[0] == '\0' ? "-" : blok_show(name).text);
    used += (size_t)wrote;
  }
  blok_table_cell(table, used >= sizeof text ? "%s..." : "%s", text);
}

static void print_nodes(blok_cli *cli, const blok_model *model, size_t count) {
  static const char *const heads[] = {"#", "operator", "name", "inputs", "outputs", "block", "out"};
  blok_table table;
  blok_inspect_heading(cli, "nodes");
  blok_table_begin(&table, "rllllrl", heads);
  for (size_t i = 0; i < count; i++) {
    blok_node_info info = BLOK_NODE_INFO_INIT;
    blok_value_info value = BLOK_VALUE_INFO_INIT;
    if (blok_model_node(model, i, &info) != BLOK_OK) continue;
    blok_table_cell(&table, "%zu", i);
    blok_table_cell(&table, "%s%s%s", info.domain, info.domain[0] == '\0' ? "" : ".", info.op_type);
    blok_table_cell(&table, "%s", info.name);
    slots_cell(&table, model, i, info.inputs, blok_model_node_input);
    slots_cell(&table, model, i, info.outputs, blok_model_node_output);
    if (info.block >= 0) {
      blok_table_cell(&table, "%d", info.block);
    } else {
      blok_table_cell(&table, "%s", "");
    }
    const bool shaped = blok_model_node_output_info(model, i, 0, &value) == BLOK_OK;
    blok_table_cell(&table, "%s", shaped ? blok_show_axes(value.axes, value.rank).text : "");
  }
  blok_table_end(&table, cli, 2);
}

static void print_weights(blok_cli *cli, const blok_model *model, size_t count) {
  static const char *const heads[] = {"name", "type", "shape", "bytes", "file"};
  blok_table table;
  blok_inspect_heading(cli, "weights");
  blok_table_begin(&table, "lllrl", heads);
  for (size_t i = 0; i < count; i++) {
    blok_weight_info info = BLOK_WEIGHT_INFO_INIT;
    if (blok_model_weight(model, i, &info) != BLOK_OK) continue;
    blok_table_cell(&table, "%s", info.name);
    blok_table_cell(&table, "%s", blok_dtype_name(info.dtype));
    blok_table_cell(&table, "%s", blok_show_dims(info.dims, info.rank).text);
    blok_table_cell(&table, "%s", blok_group_digits(info.bytes).text);
    blok_table_cell(&table, "%s", info.location == NULL ? "" : info.location);
  }
  blok_table_end(&table, cli, 2);
}

void blok_inspect_text(blok_cli *cli, const char *path, const blok_model *model,
                       const blok_inspect_options *options) {
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  blok_error error = BLOK_ERROR_INIT;
  if (blok_model_get_info(model, &info) != BLOK_OK) return;
  print_header(cli, path, &info);
  print_values(cli, model, "inputs", info.inputs, blok_model_input);
  print_values(cli, model, "outputs", info.outputs, blok_model_output);
  const bool runnable = blok_model_runnable(model, &error) == BLOK_OK;
  if (runnable) {
    if (options->tree) {
      blok_inspect_tree(cli, model, path);
    } else {
      blok_inspect_blocks(cli, model);
    }
    print_counts(cli, model);
    print_operators(cli, model, "outside every block", blok_model_loose_count(model),
                    blok_model_loose);
  }
  print_operators(cli, model, "operators that cannot be run", blok_model_unknown_count(model),
                  blok_model_unknown);
  if (options->explain && runnable) blok_inspect_misses(cli, model);
  if (options->nodes) blok_inspect_every_block(cli, model);
  if (options->nodes) print_nodes(cli, model, info.nodes);
  if (options->weights) print_weights(cli, model, info.weights);
  if (!runnable) {
    blok_inspect_heading(cli, "cannot be run");
    fprintf(cli->out, "  %s\n", error.message);
  }
  const char *warning = blok_model_warning(model, 0);
  if (warning != NULL) blok_inspect_heading(cli, "warnings");
  for (size_t i = 0; (warning = blok_model_warning(model, i)) != NULL; i++) {
    fprintf(cli->out, "  %s\n", warning);
  }
}
