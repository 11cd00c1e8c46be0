// What Blok makes of the file, put into the form that the API shows: once, while the model opens.
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/error.h"
#include "passes/upgrade.h"

// ---- Counts of operators ------------------------------------------------------------------------

// "Conv", or "com.microsoft.FusedConv" outside the default domain; in the arena when made. NULL: no
// memory.
static const char *full_name(blok_arena *arena, const blok_node *node) {
  const char *domain = blok_node_domain(node);
  return *domain ? blok_arena_format(arena, "%s.%s", domain, node->op_type) : node->op_type;
}

// Counts one more op; why is kept from the first. false: no memory. index must be initialised;
// sort_counts frees it.
static bool count_op(blok_arena *arena, blok_op_counts *counts, const char *op, size_t at,
                     const char *why) {
  uint32_t known;
  if (blok_names_find(&counts->index, op, &known)) {
    counts->items[known].count++;
    return true;
  }
  if (!blok_arena_grow(arena, &counts->items, &counts->capacity, counts->n,
                       sizeof *counts->items) ||
      !blok_names_put(&counts->index, op, counts->n)) {
    return false;
  }
  counts->items[counts->n++] = (blok_op_count){op, 1, at, why};
  return true;
}

static int more_frequent(const void *left, const void *right) {
  const blok_op_count *a = left, *b = right;
  if (a->count != b->count) return a->count < b->count ? 1 : -1;
  return a->first < b->first ? -1 : a->first > b->first;
}

// Most frequent first, ties by first place.
static void sort_counts(blok_op_counts *counts) {
  blok_names_free(&counts->index);
  if (counts->n) qsort(counts->items, counts->n, sizeof *counts->items, more_frequent);
}

// ---- Blocks -------------------------------------------------------------------------------------

static int ascending(const void *left, const void *right) {
  size_t a = *(const size_t *)left, b = *(const size_t *)right;
  return a < b ? -1 : a > b;
}

// Source node indices of a block's members, ascending and each once.
static blok_status list_nodes(blok_model *model, uint32_t index, blok_error *error) {
  const blok_block_record *record = &model->overlay->blocks[index];
  const blok_graph *graph = model->working->graph;
  size_t count = 0;
  for (uint32_t m = 0; m < record->n_members; m++) {
    count += blok_node_at(graph, record->members[m])->n_sources;
  }
  size_t *nodes = blok_arena_array(&model->arena, count, sizeof *nodes);
  if (!nodes) return blok_fail_memory(error, 0);
  size_t n = 0;
  for (uint32_t m = 0; m < record->n_members; m++) {
    const blok_node *node = blok_node_at(graph, record->members[m]);
    for (uint32_t s = 0; s < node->n_sources; s++) nodes[n++] = node->sources[s].i - 1;
  }
  if (n) qsort(nodes, n, sizeof *nodes, ascending);
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    if (kept == 0 || nodes[kept - 1] != nodes[i]) nodes[kept++] = nodes[i];
  }
  model->block_nodes[index] = nodes;
  model->blocks[index].nodes = kept;
  // Children come after their parents, so the innermost block writes last.
  for (size_t i = 0; i < kept; i++) model->node_block[nodes[i]] = (int32_t)index;
  return BLOK_OK;
}

static void show_conv(blok_block *block, const blok_conv_desc *conv) {
  block->conv = conv;
  block->in_channels = conv->in_channels;
  block->out_channels = conv->out_channels;
  block->stride = conv->stride[0] > conv->stride[1] ? conv->stride[0] : conv->stride[1];
  block->groups = conv->groups;
}

// 0: unknown.
static int32_t channels_of(const blok_fact *fact, bool last) {
  const int32_t axis = last || fact->rank < 2 ? fact->rank - 1 : 1;
  if (axis < 0 || fact->dims[axis].value < 0 || fact->dims[axis].value > INT32_MAX) return 0;
  return (int32_t)fact->dims[axis].value;
}

// By how much the picture shrinks from one value to the other, the larger of both axes; 1 where
// that is not known.
static int32_t stride_between(const blok_fact *from, const blok_fact *to, bool channels_last) {
  int64_t stride = 1;
  if (from->rank != 4 || to->rank != 4) return 1;
  const int first = channels_last ? 1 : 2;
  for (int a = first; a < first + 2; a++) {
    int64_t large = from->dims[a].value, small = to->dims[a].value;
    if (large <= 0 || small <= 0) continue;
    int64_t ratio = (large + small - 1) / small;
    if (ratio > stride && ratio <= INT32_MAX) stride = ratio;
  }
  return (int32_t)stride;
}

static void show_convs(blok_block *block, const blok_residual_desc *residual) {
  const blok_conv_desc *last = &residual->conv[residual->convs - 1];
  block->in_channels = residual->conv[0].in_channels;
  block->mid_channels = residual->conv[0].out_channels;
  block->out_channels = last->out_channels;
  block->groups = residual->convs == 3 ? residual->conv[1].groups : residual->conv[0].groups;
  int32_t stride[2] = {1, 1};
  for (int32_t c = 0; c < residual->convs; c++) {
    for (int a = 0; a < 2; a++) stride[a] *= residual->conv[c].stride[a];
  }
  block->stride = stride[0] > stride[1] ? stride[0] : stride[1];
}

static void show_residual(const blok_model *model, blok_block *block,
                          const blok_block_record *record) {
  block->residual = record->residual;
  if (record->residual->convs) {
    show_convs(block, record->residual);
    return;
  }
  const blok_fact *entry = &model->facts->of[record->entry.i];
  const blok_fact *exit = &model->facts->of[record->exit.i];
  const bool last = record->residual->channels_last;
  block->in_channels = channels_of(entry, last);
  block->out_channels = channels_of(exit, last);
  block->stride = stride_between(entry, exit, last);
  block->groups = 1;
}

static void show_gate(blok_block *block, const blok_gate_desc *gate) {
  block->gate = gate;
  block->in_channels = block->out_channels = gate->channels;
  block->stride = 1;
  block->groups = 1;
}

static void show_se(blok_block *block, const blok_se_desc *se) {
  block->se = se;
  block->in_channels = block->out_channels = se->channels;
  block->mid_channels = se->hidden;
  block->stride = 1;
  block->groups = 1;
}

static void show_block(const blok_model *model, uint32_t index) {
  const blok_block_record *record = &model->overlay->blocks[index];
  const blok_graph *graph = model->working->graph;
  const blok_fact *exit = &model->facts->of[record->exit.i];
  blok_block *block = &model->blocks[index];
  block->struct_size = sizeof *block;
  block->kind = record->kind;
  block->name = record->name;
  block->parent = record->parent;
  block->entry = blok_value_at(graph, record->entry)->name;
  block->exit = blok_value_at(graph, record->exit)->name;
  block->skip_of = record->skip_of;
  block->parameters = record->parameters;
  block->macs = record->macs;
  block->out_rank = exit->rank;
  block->out_axes = (const blok_axis *)exit->dims;
  if (record->conv) show_conv(block, record->conv);
  if (record->se) show_se(block, record->se);
  if (record->residual) show_residual(model, block, record);
  if (record->gate) show_gate(block, record->gate);
}

static blok_status describe_blocks(blok_model *model, blok_error *error) {
  const uint32_t n = model->overlay->n_blocks;
  const uint32_t n_nodes = model->source->graph->n_order;
  model->blocks = blok_arena_array(&model->arena, n, sizeof *model->blocks);
  model->block_nodes = blok_arena_array(&model->arena, n, sizeof *model->block_nodes);
  model->node_block = blok_arena_array(&model->arena, n_nodes, sizeof *model->node_block);
  if (!model->blocks || !model->block_nodes || !model->node_block)
    return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < n_nodes; i++) model->node_block[i] = -1;
  for (uint32_t i = 0; i < n; i++) {
    show_block(model, i);
    BLOK_TRY(list_nodes(model, i, error));
  }
  return BLOK_OK;
}

// ---- Nodes that the passes took away ------------------------------------------------------------

// The innermost block that holds both, which either may be; -1: none.
static int32_t common_block(const blok_model *model, int32_t a, int32_t b) {
  // A parent comes before its children, so the later one of two is never above the other.
  while (a != b && a >= 0 && b >= 0) {
    if (a > b) {
      a = model->blocks[a].parent;
    } else {
      b = model->blocks[b].parent;
    }
  }
  return a == b ? a : -1;
}

// The innermost block that holds all who read the node's outputs; -1: one of them is in none, or is
// the graph's output.
static int32_t block_of_readers(const blok_model *model, const blok_uses *uses,
                                const uint32_t *place, const blok_node *node) {
  int32_t found = INT32_MAX;
  for (uint32_t o = 0; o < node->n_outputs; o++) {
    if (!node->outputs[o].i) continue;
    const blok_use *use = blok_uses_of(uses, node->outputs[o]);
    for (uint32_t i = 0; i < blok_uses_count(uses, node->outputs[o]); i++) {
      if (!use[i].node.i) return -1;
      int32_t reader = model->node_block[place[use[i].node.i]];
      found = found == INT32_MAX ? reader : common_block(model, found, reader);
      if (found < 0) return -1;
    }
  }
  return found == INT32_MAX ? -1 : found;
}

// A node of the file that stands in no working node (a bias of zeros, a chain that computes a
// shape) belongs to the block that all its readers are in.
static blok_status place_vanished(blok_model *model, blok_error *error) {
  const blok_graph *graph = model->source->graph, *working = model->working->graph;
  bool *stands = blok_arena_array(&model->arena, graph->n_order, sizeof *stands);
  uint32_t *place = blok_arena_array(&model->arena, graph->n_nodes, sizeof *place);
  blok_uses uses;
  if (!stands || !place) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < working->n_order; i++) {
    const blok_node *node = blok_node_at(working, working->order[i]);
    for (uint32_t s = 0; s < node->n_sources; s++) stands[node->sources[s].i - 1] = true;
  }
  for (uint32_t i = 0; i < graph->n_order; i++) place[graph->order[i].i] = i;
  BLOK_TRY(blok_uses_build(graph, &model->allocator, &uses, error));
  for (uint32_t i = graph->n_order; i-- > 0;) {
    if (stands[i]) continue;
    model->node_block[i] =
        block_of_readers(model, &uses, place, blok_node_at(graph, graph->order[i]));
  }
  blok_uses_free(&uses);
  return BLOK_OK;
}

// ---- Loose nodes --------------------------------------------------------------------------------

// Counts what the file calls a loose node: the operators of the source nodes that it came from,
// each once, those left out that a block holds too. seen: by source node index.
static bool count_sources(blok_model *model, const blok_node *node, bool *seen) {
  static const char why[] = "no block holds it";
  const blok_graph *source = model->source->graph;
  for (uint32_t s = 0; s < node->n_sources; s++) {
    uint32_t at = node->sources[s].i - 1;
    if (seen[at] || model->node_block[at] >= 0) continue;
    seen[at] = true;
    const char *op = full_name(&model->arena, blok_node_at(source, source->order[at]));
    if (!op || !count_op(&model->arena, &model->loose, op, at, why)) return false;
  }
  return true;
}

static blok_status count_loose(blok_model *model, blok_error *error) {
  const blok_graph *graph = model->working->graph;
  bool *seen = blok_arena_array(&model->arena, model->source->graph->n_order, sizeof *seen);
  if (!seen) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < graph->n_order; i++) {
    blok_node_id id = graph->order[i];
    const blok_node *node = blok_node_at(graph, id);
    if (node->dead || model->overlay->innermost[id.i] >= 0) continue;
    if (!count_sources(model, node, seen)) return blok_fail_memory(error, 0);
  }
  sort_counts(&model->loose);
  return BLOK_OK;
}

static int64_t count_macs(const blok_model *model) {
  const blok_graph *graph = model->working->graph;
  int64_t total = 0;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    int64_t macs = blok_node_macs(graph, model->facts, graph->order[i]);
    if (macs < 0 || __builtin_add_overflow(total, macs, &total)) return -1;
  }
  return total;
}

// ---- Unknown operators --------------------------------------------------------------------------

bool blok_model_knows(const blok_model *model, const blok_node *node) {
  return blok_upgrade_knows(node) || blok_functions_find(&model->functions, node);
}

// top is the main graph's node that holds the subgraph, or the node itself.
static blok_status count_unknown(blok_model *model, const blok_graph *graph, const size_t *top,
                                 blok_error *error) {
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    size_t at = top ? *top : i;
    if (!blok_model_knows(model, node)) {
      const char *op = full_name(&model->arena, node);
      if (!op || !count_op(&model->arena, &model->unknown, op, at, NULL)) {
        return blok_fail_memory(error, 0);
      }
    }
    for (uint32_t a = 0; a < node->n_attrs; a++) {
      const blok_attr *attr = &node->attrs[a];
      if (attr->type != BLOK_ATTR_GRAPH && attr->type != BLOK_ATTR_GRAPHS) continue;
      for (uint32_t g = 0; g < attr->n; g++) {
        BLOK_TRY(count_unknown(model, attr->as.graphs[g].graph, &at, error));
      }
    }
  }
  return BLOK_OK;
}

static blok_status describe_source(blok_model *model, blok_error *error) {
  const blok_module *source = model->source;
  const char *name = source->producer_name ? source->producer_name : "";
  const char *version = source->producer_version ? source->producer_version : "";
  model->producer =
      *version ? blok_arena_format(&model->arena, *name ? "%s %s" : "%s%s", name, version) : name;
  if (!model->producer) return blok_fail_memory(error, 0);
  BLOK_TRY(blok_functions_sort(source, &model->functions, error));
  blok_status status = count_unknown(model, source->graph, NULL, error);
  sort_counts(&model->unknown);
  return status;
}

static blok_status list_inputs(blok_model *model, blok_error *error) {
  const blok_graph *graph = model->source->graph;
  model->fed = blok_arena_array(&model->arena, graph->n_inputs, sizeof *model->fed);
  if (!model->fed) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    const blok_value *value = blok_value_at(graph, graph->inputs[i].value);
    if (!value->literal && !value->is_sparse) model->fed[model->n_fed++] = i;
  }
  return BLOK_OK;
}

blok_status blok_model_describe(blok_model *model, blok_error *error) {
  model->macs = -1;
  BLOK_TRY(list_inputs(model, error));
  BLOK_TRY(describe_source(model, error));
  BLOK_TRY(blok_count_parameters(model->source, &model->allocator, &model->parameters, error));
  if (!model->working) return BLOK_OK;
  BLOK_TRY(describe_blocks(model, error));
  BLOK_TRY(place_vanished(model, error));
  BLOK_TRY(count_loose(model, error));
  model->macs = count_macs(model);
  return BLOK_OK;
}
