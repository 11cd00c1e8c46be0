// Downgrade rules of the norms: spelled out by means, products and InstanceNormalization, which has
// been there from the first set on.
#include <string.h>

#include "base/error.h"
#include "passes/downgrade_rules.h"
#include "passes/known.h"
#include "passes/rewrite.h"
#include "reference/reference.h"

// ---- GroupNormalization -------------------------------------------------------------------------

// A value for each channel, [C], as [C, 1, 1]: broadcast over what follows the channels. A weight
// keeps its name and shape.
static blok_status per_channel(blok_downgrading *self, uint32_t slot, uint32_t rank,
                               blok_value_id *out, blok_error *error) {
  int64_t axes[BLOK_MAX_RANK];
  *out = blok_down_input(self, slot);
  if (rank == 2) return BLOK_OK;
  for (uint32_t i = 0; i < rank - 2; i++) axes[i] = (int64_t)i + 1;
  return blok_down_unsqueeze(self, *out, axes, rank - 2, out, error);
}

// The number for each group, as a node: the model's initializers stay what it was trained with.
static blok_status each_group(blok_downgrading *self, int64_t groups, blok_dtype dtype,
                              double number, blok_value_id *out, blok_error *error) {
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = dtype;
  tensor.rank = 1;
  tensor.dims[0] = groups;
  tensor.bytes = (size_t)groups * blok_dtype_size(dtype);
  tensor.data = blok_arena_zero(&self->graph->module->arena, tensor.bytes);
  if (!tensor.data) return blok_fail_memory(error, tensor.bytes);
  for (size_t i = 0; i < (size_t)groups; i++) blok_ref_store(&tensor, i, number);
  return blok_down_constant_before(self, &tensor, out, error);
}

// The value gets x's shape back: as a constant where that can be said, computed otherwise.
static blok_status reshape_back(blok_downgrading *self, blok_value_id value, blok_value_id *out,
                                blok_error *error) {
  const blok_fact *x = blok_down_in(self, 0);
  blok_dim flat[3] = {{-1, NULL}, {-1, NULL}, {-1, NULL}};
  blok_fact in = {.kind = BLOK_TYPE_TENSOR, .rank = 3, .dims = flat};
  int64_t target[BLOK_MAX_RANK];
  blok_value_id shape = BLOK_NO_VALUE;
  flat[0] = x->dims[0];
  if (blok_reshape_target(&in, x, target)) {
    return blok_down_reshape(self, value, target, (uint32_t)x->rank, out, error);
  }
  BLOK_TRY(blok_down_before(self, "Shape", blok_down_input(self, 0), BLOK_NO_VALUE, &shape, error));
  return blok_down_before(self, "Reshape", value, shape, out, error);
}

// Each group as one channel of an InstanceNormalization, then scale and bias of each channel.
blok_status blok_downgrade_group_norm(blok_downgrading *self, blok_error *error) {
  float epsilon = blok_node_float(blok_down_node(self), "epsilon", 1e-5F);
  int64_t groups = blok_node_int(blok_down_node(self), "num_groups", 0);
  uint32_t rank = 0;
  blok_dtype dtype = BLOK_UNDEFINED;
  blok_node_id norm = BLOK_NO_NODE;
  blok_value_id in[3], scale = BLOK_NO_VALUE, bias = BLOK_NO_VALUE, value = BLOK_NO_VALUE;
  BLOK_TRY(blok_down_rank(self, 0, &rank, error));
  BLOK_TRY(blok_down_float(self, 0, &dtype, error));
  if (groups < 1 || groups > INT32_MAX || rank < 2) {
    return blok_down_fail(self, error, "%lld groups of an input of rank %u cannot be spelled out",
                          (long long)groups, rank);
  }
  int64_t flat[3] = {0, groups, -1};
  BLOK_TRY(blok_down_reshape(self, blok_down_input(self, 0), flat, 3, &in[0], error));
  BLOK_TRY(each_group(self, groups, dtype, 1, &in[1], error));
  BLOK_TRY(each_group(self, groups, dtype, 0, &in[2], error));
  BLOK_TRY(blok_down_make(self, "InstanceNormalization", 3, in, &norm, &value, error));
  BLOK_TRY(blok_node_set_float(self->graph, norm, "epsilon", epsilon, error));
  BLOK_TRY(reshape_back(self, value, &value, error));
  BLOK_TRY(per_channel(self, 1, rank, &scale, error));
  BLOK_TRY(per_channel(self, 2, rank, &bias, error));
  BLOK_TRY(blok_down_before(self, "Mul", value, scale, &value, error));
  return blok_down_become(self, "Add", value, bias, error);
}

// ---- LayerNormalization and RMSNormalization ----------------------------------------------------

typedef struct layer_norm {
  bool centred;  // LayerNormalization takes the mean away
  blok_dtype dtype;
  blok_dtype inner;  // what mean and deviation are computed in
  uint32_t n;
  int64_t axes[BLOK_MAX_RANK];
} layer_norm;

// The axes from axis on. The last alone can be named without the rank, where axes may be negative.
static blok_status norm_axes(blok_downgrading *self, layer_norm *norm, blok_error *error) {
  int64_t axis = blok_node_int(blok_down_node(self), "axis", -1);
  uint32_t rank = 0;
  if (axis == -1 && self->opset >= 11) {
    norm->n = 1;
    norm->axes[0] = -1;
    return BLOK_OK;
  }
  BLOK_TRY(blok_down_rank(self, 0, &rank, error));
  BLOK_TRY(blok_down_axis(self, -1, &axis, error));
  for (uint32_t i = (uint32_t)axis; i < rank; i++) norm->axes[norm->n++] = i;
  return BLOK_OK;
}

// A node before this one that makes value, which another node has given up.
static blok_status make_output(blok_downgrading *self, const char *op_type, blok_value_id x,
                               blok_value_id output, blok_error *error) {
  blok_node_id made = BLOK_NO_NODE;
  blok_value_id spare = BLOK_NO_VALUE;
  if (!output.i) return BLOK_OK;
  BLOK_TRY(blok_down_make(self, op_type, 1, &x, &made, &spare, error));
  blok_value_at(self->graph, spare)->producer = BLOK_NO_NODE;
  blok_value_at(self->graph, spare)->dead = true;
  blok_graph_set_output(self->graph, made, 0, output);
  return BLOK_OK;
}

static blok_status read_norm(blok_downgrading *self, layer_norm *norm, blok_error *error) {
  const blok_node *node = blok_down_node(self);
  bool single = blok_node_int(node, "stash_type", BLOK_F32) == BLOK_F32;
  norm->centred = strcmp(node->op_type, "LayerNormalization") == 0;
  BLOK_TRY(blok_down_float(self, 0, &norm->dtype, error));
  norm->inner = norm->dtype;
  if (single && norm->dtype != BLOK_F64) norm->inner = BLOK_F32;
  return norm_axes(self, norm, error);
}

// (x - mean) / sqrt(variance + epsilon); without the mean for RMSNormalization.
blok_status blok_downgrade_layer_norm(blok_downgrading *self, blok_error *error) {
  layer_norm norm = {0};
  BLOK_TRY(read_norm(self, &norm, error));
  double epsilon = (double)blok_node_float(blok_down_node(self), "epsilon", 1e-5F);
  blok_value_id x = blok_down_input(self, 0);
  blok_value_id scale = blok_down_input(self, 1);
  blok_value_id bias = norm.centred ? blok_down_input(self, 2) : BLOK_NO_VALUE;
  blok_value_id mean = BLOK_NO_VALUE, spread = BLOK_NO_VALUE, number = BLOK_NO_VALUE;
  blok_value_id inverse = blok_down_release(self, 2);
  blok_value_id middle = blok_down_release(self, 1);
  if (norm.inner != norm.dtype) BLOK_TRY(blok_down_cast(self, x, norm.inner, &x, error));
  if (norm.centred) {
    BLOK_TRY(blok_down_reduce(self, "ReduceMean", x, norm.axes, norm.n, &mean, error));
    BLOK_TRY(make_output(self, "Identity", mean, middle, error));
    BLOK_TRY(blok_down_before(self, "Sub", x, mean, &x, error));
  }
  BLOK_TRY(blok_down_before(self, "Mul", x, x, &spread, error));
  BLOK_TRY(blok_down_reduce(self, "ReduceMean", spread, norm.axes, norm.n, &spread, error));
  BLOK_TRY(blok_down_number(self, "epsilon", norm.inner, epsilon, &number, error));
  BLOK_TRY(blok_down_before(self, "Add", spread, number, &spread, error));
  BLOK_TRY(blok_down_before(self, "Sqrt", spread, BLOK_NO_VALUE, &spread, error));
  BLOK_TRY(make_output(self, "Reciprocal", spread, inverse, error));
  BLOK_TRY(blok_down_before(self, "Div", x, spread, &x, error));
  if (norm.inner != norm.dtype) BLOK_TRY(blok_down_cast(self, x, norm.dtype, &x, error));
  if (!bias.i) return blok_down_become(self, "Mul", x, scale, error);
  BLOK_TRY(blok_down_before(self, "Mul", x, scale, &x, error));
  return blok_down_become(self, "Add", x, bias, error);
}
