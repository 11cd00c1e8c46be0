// Batch norms folded into the convolutions and linear layers before them, on the source graph and
// in double precision: y = (w x + b - mean) scale / sqrt(var + epsilon) + B.
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "blocks/edit/edit.h"
#include "passes/rewrite.h"

// A norm and the layer before it.
typedef struct pair {
  blok_node_id norm, layer;
  const blok_literal *weight, *bias;  // bias NULL: none
  blok_value_id weight_at, bias_at;   // the values that hold them
  size_t channels;
  double *factor, *shift;  // y = x factor + shift, by channel
} pair;

static bool is_default(const blok_node *node, blok_op op) {
  return node->op == op && blok_node_domain(node)[0] == '\0';
}

static bool is_float(blok_dtype dtype) {
  return dtype == BLOK_F32 || dtype == BLOK_F64 || dtype == BLOK_F16 || dtype == BLOK_BF16;
}

// A norm by stored statistics, one for each channel, that makes nothing but its output.
static bool is_plain_norm(const blok_node *node) {
  if (!is_default(node, BLOK_OP_BatchNormalization) || node->n_inputs != 5) return false;
  if (blok_node_int(node, "training_mode", 0) != 0) return false;
  if (blok_node_int(node, "spatial", 1) != 1) return false;
  for (uint32_t o = 1; o < node->n_outputs; o++) {
    if (node->outputs[o].i) return false;
  }
  return node->n_outputs > 0 && node->outputs[0].i != 0;
}

static bool is_layer(const blok_node *node) {
  return is_default(node, BLOK_OP_Conv) || is_default(node, BLOK_OP_ConvTranspose) ||
         is_default(node, BLOK_OP_Gemm);
}

// How many channels the layer's weight makes; 0 where that cannot be told.
static size_t channels_of(const blok_node *layer, const blok_literal *weight) {
  const int64_t group = blok_node_int(layer, "group", 1);
  if (weight->rank < 2 || weight->dims[0] <= 0 || weight->dims[1] <= 0) return 0;
  if (layer->op == BLOK_OP_Conv) return (size_t)weight->dims[0];
  if (layer->op == BLOK_OP_Gemm) {
    return (size_t)weight->dims[blok_node_int(layer, "transB", 0) ? 0 : 1];
  }
  int64_t channels = 0;
  if (group < 1 || weight->dims[0] % group != 0) return 0;
  return blok_mul_i64(weight->dims[1], group, &channels) ? (size_t)channels : 0;
}

static bool one_a_channel(const blok_literal *literal, size_t channels) {
  size_t count = 0;
  return literal && is_float(literal->dtype) && blok_literal_count(literal, &count) &&
         count == channels;
}

// Finds what stands before the norm; false: nothing to fold it into.
static bool find_layer(const blok_editing *editing, const blok_uses *uses, blok_node_id norm,
                       pair *out) {
  const blok_graph *graph = editing->graph;
  const blok_node *node = blok_node_at(graph, norm);
  *out = (pair){.norm = norm};
  if (!is_plain_norm(node)) return false;
  const blok_value_id between = node->inputs[0];
  if (!between.i || blok_uses_count(uses, between) != 1) return false;
  out->layer = blok_value_producer(graph, between);
  const blok_node *layer = blok_node_at(graph, out->layer);
  if (!out->layer.i || !is_layer(layer) || layer->n_outputs != 1) return false;
  out->weight = blok_editing_literal(graph, blok_node_input(layer, 1), &out->weight_at);
  if (!out->weight || !is_float(out->weight->dtype)) return false;
  out->channels = channels_of(layer, out->weight);
  if (out->channels == 0) return false;
  for (uint32_t i = 1; i < 5; i++) {
    const blok_literal *of = blok_editing_literal(graph, node->inputs[i], NULL);
    if (!one_a_channel(of, out->channels)) return false;
  }
  const blok_value_id bias = blok_node_input(layer, 2);
  if (!bias.i) return true;
  out->bias = blok_editing_literal(graph, bias, &out->bias_at);
  return one_a_channel(out->bias, out->channels) || one_a_channel(out->bias, 1);
}

static blok_status read_norm(blok_editing *editing, pair *self) {
  const blok_graph *graph = editing->graph;
  const blok_node *node = blok_node_at(graph, self->norm);
  const double epsilon = (double)blok_node_float(node, "epsilon", 1e-5F);
  double *of[4];
  size_t count = 0;
  for (uint32_t i = 0; i < 4; i++) {
    const blok_literal *literal = blok_editing_literal(graph, node->inputs[1 + i], NULL);
    BLOK_TRY(blok_editing_read(editing, literal, &of[i], &count));
  }
  self->factor = of[0];
  self->shift = of[1];
  for (size_t c = 0; c < self->channels; c++) {
    self->factor[c] /= sqrt(of[3][c] + epsilon);
    self->shift[c] -= of[2][c] * self->factor[c];
  }
  return BLOK_OK;
}

// The channel that element i of the weight belongs to.
static size_t channel_of(const blok_node *layer, const blok_literal *weight, size_t count,
                         size_t i) {
  const size_t d0 = (size_t)weight->dims[0], d1 = (size_t)weight->dims[1];
  const size_t first = i / (count / d0), second = i / (count / d0 / d1) % d1;
  if (layer->op == BLOK_OP_Conv) return first;
  if (layer->op == BLOK_OP_Gemm) return blok_node_int(layer, "transB", 0) ? first : second;
  const size_t group = (size_t)blok_node_int(layer, "group", 1);
  return first / (d0 / group) * d1 + second;
}

// The layer reads these elements: in the place of the old ones where it alone reads those.
static blok_status put(blok_editing *editing, const blok_uses *uses, const pair *self,
                       uint32_t slot, blok_value_id at, const char *stem, uint32_t rank,
                       const int64_t *dims, const double *elements) {
  const blok_dtype dtype = self->weight->dtype;
  const blok_value_id now = blok_node_input(blok_node_at(editing->graph, self->layer), slot);
  blok_value_id made = BLOK_NO_VALUE;
  // What this edit has made has one reader.
  const bool alone = at.i >= editing->n_values || blok_uses_count(uses, at) == 1;
  if (now.i && blok_same_value(now, at) && blok_value_at(editing->graph, at)->literal && alone) {
    return blok_editing_fill(editing, at, dtype, rank, dims, elements);
  }
  BLOK_TRY(blok_editing_write(editing, stem, dtype, rank, dims, elements, &made));
  return blok_rewrite_input(editing->graph, self->layer, slot, made, editing->error);
}

// "conv1.bias" of "conv1.weight".
static const char *bias_name(blok_editing *editing, const char *weight) {
  static const char ending[] = ".weight";
  const size_t length = strlen(weight), end = sizeof ending - 1;
  const bool ends = length > end && strcmp(weight + length - end, ending) == 0;
  return blok_arena_format(&editing->scratch, "%.*s%s", (int)(ends ? length - end : length), weight,
                           ends ? ".bias" : "_bias");
}

static blok_status fold_weight(blok_editing *editing, const blok_uses *uses, const pair *self) {
  const blok_node *layer = blok_node_at(editing->graph, self->layer);
  const char *name = blok_value_at(editing->graph, self->weight_at)->name;
  double *elements = NULL;
  size_t count = 0;
  BLOK_TRY(blok_editing_read(editing, self->weight, &elements, &count));
  for (size_t i = 0; i < count; i++) {
    elements[i] *= self->factor[channel_of(layer, self->weight, count, i)];
  }
  return put(editing, uses, self, 1, self->weight_at, name, self->weight->rank, self->weight->dims,
             elements);
}

static blok_status fold_bias(blok_editing *editing, const blok_uses *uses, const pair *self) {
  const blok_node *layer = blok_node_at(editing->graph, self->layer);
  const double beta = layer->op == BLOK_OP_Gemm ? (double)blok_node_float(layer, "beta", 1) : 1;
  double *old = NULL, *fresh = self->shift;
  size_t count = 0;
  if (self->bias) BLOK_TRY(blok_editing_read(editing, self->bias, &old, &count));
  for (size_t c = 0; old && c < self->channels; c++) {
    fresh[c] += beta * old[count == 1 ? 0 : c] * self->factor[c];
  }
  if (beta != 1) blok_node_drop_attr(editing->graph, self->layer, "beta");
  const char *weight = blok_value_at(editing->graph, self->weight_at)->name;
  const char *name =
      self->bias ? blok_value_at(editing->graph, self->bias_at)->name : bias_name(editing, weight);
  if (!name) return blok_fail_memory(editing->error, 0);
  const int64_t dims[1] = {(int64_t)self->channels};
  return put(editing, uses, self, 2, self->bias_at, name, 1, dims, fresh);
}

static blok_status fold_pair(blok_editing *editing, const blok_uses *uses, pair *self) {
  blok_graph *graph = editing->graph;
  BLOK_TRY(read_norm(editing, self));
  BLOK_TRY(fold_weight(editing, uses, self));
  BLOK_TRY(fold_bias(editing, uses, self));
  const blok_value_id out = blok_node_at(graph, self->norm)->outputs[0];
  const blok_value_id between = blok_node_at(graph, self->layer)->outputs[0];
  blok_graph_remove_node(graph, self->norm);
  blok_value *old = blok_value_at(graph, between);
  old->producer = BLOK_NO_NODE;
  old->dead = true;
  blok_graph_set_output(graph, self->layer, 0, out);
  return BLOK_OK;
}

static blok_status fold(blok_editing *editing, size_t *folded) {
  blok_graph *graph = editing->graph;
  blok_uses uses;
  blok_status status = BLOK_OK;
  BLOK_TRY(blok_uses_build(graph, &editing->builder->allocator, &uses, editing->error));
  for (uint32_t i = 0; i < graph->n_order && status == BLOK_OK; i++) {
    pair found;
    if (!find_layer(editing, &uses, graph->order[i], &found)) continue;
    status = fold_pair(editing, &uses, &found);
    (*folded)++;
  }
  blok_uses_free(&uses);
  return status;
}

blok_status blok_edit_fold_norms(blok_builder *builder, size_t *folded, blok_error *error) {
  blok_editing editing;
  size_t n = 0;
  blok_status status = blok_editing_begin(builder, &editing, error);
  if (status == BLOK_OK) status = fold(&editing, &n);
  status = blok_editing_end(&editing, status);
  if (folded) *folded = status == BLOK_OK ? n : 0;
  return status;
}
