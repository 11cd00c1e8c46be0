// `blok inspect` as text.
#include <inttypes.h>
#include <string.h>

#include "tools/inspect.h"
#include "tools/shape.h"
#include "tools/table.h"

static const blok_block_kind kinds[] = {BLOK_RESIDUAL, BLOK_BOTTLENECK, BLOK_SQUEEZE_EXCITE,
                                        BLOK_CONV_NORM_ACT};

#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

static void heading(blok_cli *cli, const char *text) {
  fprintf(cli->out, cli->color ? "\n\033[1m%s\033[0m\n" : "\n%s\n", text);
}

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

typedef blok_status (*value_fn)(const blok_model *model, size_t index, blok_value_info *info);

static void print_values(blok_cli *cli, const blok_model *model, const char *title, size_t count,
                         value_fn get) {
  static const char *const heads[] = {"name", "type", "shape"};
  blok_table table;
  heading(cli, title);
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

// ---- Blocks -------------------------------------------------------------------------------------

static int depth_of(const blok_model *model, const blok_block *block) {
  int depth = 0;
  for (; block->parent >= 0 && depth < 16; depth++) {
    block = blok_model_block(model, (size_t)block->parent);
    if (block == NULL) break;
  }
  return depth;
}

static void number_cell(blok_table *table, bool present, int number) {
  if (present) {
    blok_table_cell(table, "%d", number);
  } else {
    blok_table_cell(table, "%s", "");
  }
}

// The answers to the three questions; empty for a block without an addition.
static void order_cells(blok_table *table, const blok_block *block) {
  if (!blok_inspect_has_addition(block)) {
    for (int i = 0; i < 3; i++) blok_table_cell(table, "%s", "");
    return;
  }
  const blok_residual_desc *desc = block->residual;
  if (desc->skip == BLOK_SKIP_PROJECTION && block->skip_of != NULL) {
    blok_table_cell(table, "projection (%s)", block->skip_of);
  } else {
    blok_table_cell(table, "%s", blok_skip_name(desc->skip));
  }
  blok_table_cell(table, "%s-activation", blok_order_name(desc->order));
  blok_table_cell(table, desc->after_add == BLOK_ACT_NONE ? "then nothing" : "then %s",
                  blok_activation_name(desc->after_add));
}

static void channel_cell(blok_table *table, const blok_block *block) {
  if (block->kind == BLOK_SQUEEZE_EXCITE) {
    blok_table_cell(table, "%d", block->in_channels);
  } else if (block->mid_channels > 0) {
    blok_table_cell(table, "%d > %d > %d", block->in_channels, block->mid_channels,
                    block->out_channels);
  } else {
    blok_table_cell(table, "%d > %d", block->in_channels, block->out_channels);
  }
}

static void block_row(blok_table *table, const blok_model *model, size_t index) {
  const blok_block *block = blok_model_block(model, index);
  const blok_se_desc *se = blok_inspect_se(block);
  blok_grouped macs;
  blok_table_cell(table, "%zu", index);
  blok_table_cell(table, "%*s%s", 2 * depth_of(model, block), "",
                  blok_block_kind_name(block->kind));
  blok_table_cell(table, "%s", block->name == NULL ? "" : block->name);
  order_cells(table, block);
  channel_cell(table, block);
  number_cell(table, block->kind != BLOK_SQUEEZE_EXCITE, block->stride);
  number_cell(table, block->groups > 1, block->groups);
  const char *activation = blok_inspect_activation(block);
  blok_table_cell(table, "%s", activation);
  number_cell(table, se != NULL, se == NULL ? 0 : se->hidden);
  blok_table_cell(table, "%s", blok_group_digits(block->parameters).text);
  blok_table_cell(table, "%s", grouped_macs(block->macs, &macs));
  blok_table_cell(table, "%s", blok_show_axes(block->out_axes, block->out_rank).text);
}

static void print_blocks(blok_cli *cli, const blok_model *model, bool all) {
  static const char *const heads[] = {"#",        "block",      "name",   "skip path", "F(x)",
                                      "addition", "channels",   "stride", "groups",    "activation",
                                      "SE",       "parameters", "MACs",   "out"};
  const size_t count = blok_model_block_count(model);
  blok_table table;
  if (count == 0) return;
  heading(cli, "blocks");
  blok_table_begin(&table, "rllllllrrlrrrl", heads);
  for (size_t i = 0; i < count; i++) {
    const blok_block *block = blok_model_block(model, i);
    if (all || block->kind != BLOK_CONV_NORM_ACT || block->parent < 0) block_row(&table, model, i);
  }
  blok_table_end(&table, cli, 2);
}

static void print_counts(blok_cli *cli, const blok_model *model) {
  heading(cli, "counts");
  const char *between = "  ";
  for (size_t i = 0; i < KIND_COUNT; i++) {
    const size_t count = blok_inspect_count(model, kinds[i]);
    if (count == 0) continue;
    fprintf(cli->out, "%s%s %zu", between, blok_block_kind_name(kinds[i]), count);
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
  heading(cli, title);
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

static void print_misses(blok_cli *cli, const blok_model *model) {
  static const char *const heads[] = {"block", "node", "condition", "is", "must be"};
  const size_t count = blok_model_miss_count(model);
  blok_table table;
  heading(cli, "near misses");
  if (count == 0) fputs("  none\n", cli->out);
  blok_table_begin(&table, "lllll", heads);
  for (size_t i = 0; i < count; i++) {
    blok_miss_info info = BLOK_MISS_INFO_INIT;
    if (blok_model_miss(model, i, &info) != BLOK_OK) continue;
    const char *const cells[] = {info.kind, info.node, info.condition, info.got, info.want};
    for (int c = 0; c < 5; c++) blok_table_cell(&table, "%s", cells[c] == NULL ? "" : cells[c]);
  }
  blok_table_end(&table, cli, 2);
}

// The node's names of one side, the empty ones as "-".
static void slots_cell(blok_table *table, const blok_model *model, size_t node, size_t count,
                       const char *(*get)(const blok_model *, size_t, size_t)) {
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
  heading(cli, "nodes");
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
    number_cell(&table, info.block >= 0, info.block);
    const bool shaped = blok_model_node_output_info(model, i, 0, &value) == BLOK_OK;
    blok_table_cell(&table, "%s", shaped ? blok_show_axes(value.axes, value.rank).text : "");
  }
  blok_table_end(&table, cli, 2);
}

static void print_weights(blok_cli *cli, const blok_model *model, size_t count) {
  static const char *const heads[] = {"name", "type", "shape", "bytes", "file"};
  blok_table table;
  heading(cli, "weights");
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
    print_blocks(cli, model, options->nodes);
    print_counts(cli, model);
    print_operators(cli, model, "outside every block", blok_model_loose_count(model),
                    blok_model_loose);
  }
  print_operators(cli, model, "operators that cannot be run", blok_model_unknown_count(model),
                  blok_model_unknown);
  if (options->explain) print_misses(cli, model);
  if (options->nodes) print_nodes(cli, model, info.nodes);
  if (options->weights) print_weights(cli, model, info.weights);
  if (!runnable) {
    heading(cli, "cannot be run");
    fprintf(cli->out, "  %s\n", error.message);
  }
  const char *warning = blok_model_warning(model, 0);
  if (warning != NULL) heading(cli, "warnings");
  for (size_t i = 0; (warning = blok_model_warning(model, i)) != NULL; i++) {
    fprintf(cli->out, "  %s\n", warning);
  }
}
