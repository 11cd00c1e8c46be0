// Parts: single layers, each a node or few.
#include <math.h>

#include "base/error.h"
#include "blocks/build/build.h"
#include "blocks/build/checks.h"

// A call that adds a part: the builder as it is before it, and what it reads.
typedef struct part {
  blok_builder *builder;
  const char *name;
  blok_build_mark mark;
  blok_writer writer;
  blok_value_id value;
  blok_error *error;
} part;

static blok_status begin(part *self, blok_builder *builder, const char *call, const char *name,
                         const blok_value_id *x, blok_error *error) {
  BLOK_TRY(blok_builder_enter(builder, call, name, x, error));
  self->builder = builder;
  self->name = name;
  self->mark = blok_builder_mark(builder);
  self->value = *x;
  self->error = error;
  return blok_builder_writer(builder, name, &self->writer, error);
}

// Infers what was added, or takes it back. *x becomes what was made.
static blok_status end(part *self, blok_status status, blok_value_id *x) {
  if (status == BLOK_OK) {
    status = blok_builder_infer(self->builder, self->mark.n_order, self->error);
  }
  status = blok_builder_close(self->builder, &self->mark, status);
  if (status == BLOK_OK) *x = self->value;
  return status;
}

static const blok_fact *fact_of(const part *self) {
  return blok_builder_fact(self->builder, self->value);
}

static const char *scope_of(const part *self) { return *self->name ? self->name : "the part"; }

// A weight of the part: name + "." + leaf.
static blok_status add_weight(part *self, const char *leaf, uint32_t rank, const int64_t *dims,
                              blok_draw draw, double bound, blok_value_id *out) {
  const char *name = NULL;
  BLOK_TRY(blok_builder_join(self->builder, self->name, leaf, &name, self->error));
  return blok_builder_weight(self->builder, name, rank, dims, draw, bound, out, self->error);
}

// ---- Norm, activation ---------------------------------------------------------------------------

static blok_status add_norm(part *self, blok_norm norm, int32_t groups, double epsilon) {
  static const char *const leaves[4] = {"weight", "bias", "running_mean", "running_var"};
  static const double values[4] = {1, 0, 0, 1};
  blok_conv_weights weights = {0};
  int32_t channels = 0;
  BLOK_TRY(blok_check_picture(scope_of(self), fact_of(self), &channels, self->error));
  BLOK_TRY(
      blok_check_norm(scope_of(self), "the norm", norm, &groups, epsilon, channels, self->error));
  if (norm == BLOK_NORM_NONE) {
    return BLOK_FAIL(self->error, BLOK_E_ARGUMENT,
                     "%s: the norm is none: give batch, group or layer",
                     blok_quote(scope_of(self)).text);
  }
  const int64_t dims = channels;
  for (int i = 0; i < (norm == BLOK_NORM_BATCH ? 4 : 2); i++) {
    BLOK_TRY(
        add_weight(self, leaves[i], 1, &dims, BLOK_DRAW_CONSTANT, values[i], &weights.norm[i]));
  }
  return blok_write_norm(&self->writer, "", norm, groups, epsilon, &weights, &self->value);
}

blok_status blok_build_norm(blok_builder *builder, const char *name, blok_norm norm, int32_t groups,
                            double epsilon, blok_value_id *x, blok_error *error) {
  part self;
  BLOK_TRY(begin(&self, builder, "blok_build_norm", name, x, error));
  return end(&self, add_norm(&self, norm, groups, epsilon), x);
}

static blok_status add_activation(part *self, blok_activation activation, double alpha,
                                  double beta) {
  static const int64_t one = 1;
  blok_written_act act = {activation, alpha, beta, BLOK_NO_VALUE};
  BLOK_TRY(blok_check_activation(scope_of(self), "the part", activation, alpha, beta, self->error));
  if (activation == BLOK_ACT_PRELU) {
    BLOK_TRY(add_weight(self, "weight", 1, &one, BLOK_DRAW_CONSTANT, 0.25, &act.slope));
  }
  return blok_write_activation(&self->writer, "", &act, &self->value);
}

blok_status blok_build_activation(blok_builder *builder, const char *name,
                                  blok_activation activation, double alpha, double beta,
                                  blok_value_id *x, blok_error *error) {
  part self;
  BLOK_TRY(begin(&self, builder, "blok_build_activation", name, x, error));
  return end(&self, add_activation(&self, activation, alpha, beta), x);
}

// ---- Linear -------------------------------------------------------------------------------------

// A matrix goes through Gemm; with more axes the weight is turned for MatMul.
static blok_status multiply(part *self, bool matrix, blok_value_id weight, blok_value_id bias) {
  static const int64_t turned[2] = {1, 0};
  blok_graph *graph = self->builder->graph;
  blok_node_id node = BLOK_NO_NODE;
  if (matrix) {
    const blok_value_id inputs[3] = {self->value, weight, bias};
    BLOK_TRY(blok_write_node(&self->writer, "", "Gemm", 3, inputs, &self->value, &node));
    return blok_node_set_int(graph, node, "transB", 1, self->error);
  }
  BLOK_TRY(blok_write_node(&self->writer, "", "Transpose", 1, &weight, &weight, &node));
  BLOK_TRY(blok_node_set_ints(graph, node, "perm", turned, 2, self->error));
  const blok_value_id factors[2] = {self->value, weight};
  BLOK_TRY(blok_write_node(&self->writer, "", "MatMul", 2, factors, &self->value, NULL));
  if (!bias.i) return BLOK_OK;
  const blok_value_id terms[2] = {self->value, bias};
  return blok_write_node(&self->writer, "", "Add", 2, terms, &self->value, NULL);
}

static blok_status add_linear(part *self, int32_t out_features, bool bias) {
  const blok_fact *x = fact_of(self);
  blok_value_id weight = BLOK_NO_VALUE, added = BLOK_NO_VALUE;
  const int64_t in = x->rank > 0 ? x->dims[x->rank - 1].value : -1;
  if (x->kind != BLOK_TYPE_TENSOR || x->dtype != BLOK_F32 || in < 1) {
    return blok_check_fail(scope_of(self), "shape", BLOK_E_SHAPE, self->error,
                           "x is %s%s: a linear layer works on float32 whose last axis is known",
                           x->kind == BLOK_TYPE_TENSOR ? blok_dtype_name(x->dtype) : "unknown",
                           x->rank >= 0 ? blok_print_fact(x).text : "");
  }
  if (out_features < 1) {
    return BLOK_FAIL(self->error, BLOK_E_ARGUMENT, "%s: out_features is %d: give 1 or more",
                     blok_quote(scope_of(self)).text, (int)out_features);
  }
  const int64_t dims[2] = {out_features, in};
  const double bound = 1.0 / sqrt((double)in);
  const bool matrix = x->rank == 2;
  BLOK_TRY(add_weight(self, "weight", 2, dims, BLOK_DRAW_UNIFORM, bound, &weight));
  if (bias) BLOK_TRY(add_weight(self, "bias", 1, dims, BLOK_DRAW_UNIFORM, bound, &added));
  return multiply(self, matrix, weight, added);
}

blok_status blok_build_linear(blok_builder *builder, const char *name, int32_t out_features,
                              bool bias, blok_value_id *x, blok_error *error) {
  part self;
  BLOK_TRY(begin(&self, builder, "blok_build_linear", name, x, error));
  return end(&self, add_linear(&self, out_features, bias), x);
}

// ---- Pools --------------------------------------------------------------------------------------

static blok_status add_pool(part *self, const char *op_type, int32_t kernel, int32_t stride,
                            int32_t pad) {
  blok_graph *graph = self->builder->graph;
  const int32_t kernels[2] = {kernel, kernel}, strides[2] = {stride, stride};
  const int32_t pads[4] = {pad, pad, pad, pad};
  const blok_check_window window = {kernels, strides, pads, NULL, false};
  int32_t channels = 0;
  BLOK_TRY(blok_check_picture(scope_of(self), fact_of(self), &channels, self->error));
  blok_picture picture = blok_picture_of(fact_of(self));
  BLOK_TRY(blok_check_window_at(scope_of(self), "the pool", &window, &picture, self->error));
  if (pad > kernel / 2) {
    return BLOK_FAIL(self->error, BLOK_E_ARGUMENT,
                     "%s: pad is %d and kernel %d: a pool's pad is half its kernel at most",
                     blok_quote(scope_of(self)).text, (int)pad, (int)kernel);
  }
  const int64_t sizes[2] = {kernel, kernel}, steps[2] = {stride, stride};
  const int64_t zeros[4] = {pad, pad, pad, pad};
  blok_node_id node = BLOK_NO_NODE;
  BLOK_TRY(blok_write_node(&self->writer, "", op_type, 1, &self->value, &self->value, &node));
  if (pad && op_type[0] == 'A') {
    BLOK_TRY(blok_node_set_int(graph, node, "count_include_pad", 1, self->error));
  }
  BLOK_TRY(blok_node_set_ints(graph, node, "kernel_shape", sizes, 2, self->error));
  BLOK_TRY(blok_node_set_ints(graph, node, "pads", zeros, 4, self->error));
  return blok_node_set_ints(graph, node, "strides", steps, 2, self->error);
}

blok_status blok_build_max_pool(blok_builder *builder, const char *name, int32_t kernel,
                                int32_t stride, int32_t pad, blok_value_id *x, blok_error *error) {
  part self;
  BLOK_TRY(begin(&self, builder, "blok_build_max_pool", name, x, error));
  return end(&self, add_pool(&self, "MaxPool", kernel, stride, pad), x);
}

blok_status blok_build_average_pool(blok_builder *builder, const char *name, int32_t kernel,
                                    int32_t stride, int32_t pad, blok_value_id *x,
                                    blok_error *error) {
  part self;
  BLOK_TRY(begin(&self, builder, "blok_build_average_pool", name, x, error));
  return end(&self, add_pool(&self, "AveragePool", kernel, stride, pad), x);
}

static blok_status add_plain(part *self, const char *op_type) {
  return blok_write_node(&self->writer, "", op_type, 1, &self->value, &self->value, NULL);
}

blok_status blok_build_global_pool(blok_builder *builder, const char *name, blok_value_id *x,
                                   blok_error *error) {
  part self;
  int32_t channels = 0;
  BLOK_TRY(begin(&self, builder, "blok_build_global_pool", name, x, error));
  BLOK_TRY(blok_check_picture(scope_of(&self), fact_of(&self), &channels, error));
  return end(&self, add_plain(&self, "GlobalAveragePool"), x);
}

blok_status blok_build_flatten(blok_builder *builder, const char *name, blok_value_id *x,
                               blok_error *error) {
  part self;
  BLOK_TRY(begin(&self, builder, "blok_build_flatten", name, x, error));
  return end(&self, add_plain(&self, "Flatten"), x);
}

// ---- Larger pictures ----------------------------------------------------------------------------

static blok_status add_upsample(part *self, int32_t factor, bool linear) {
  blok_graph *graph = self->builder->graph;
  int32_t channels = 0;
  BLOK_TRY(blok_check_picture(scope_of(self), fact_of(self), &channels, self->error));
  if (factor < 1 || factor > 1 << 16) {
    return BLOK_FAIL(self->error, BLOK_E_ARGUMENT, "%s: factor is %d: give 1 to %d",
                     blok_quote(scope_of(self)).text, (int)factor, 1 << 16);
  }
  const float numbers[4] = {1, 1, (float)factor, (float)factor};
  blok_value_id inputs[3] = {self->value, BLOK_NO_VALUE, BLOK_NO_VALUE};
  blok_node_id node = BLOK_NO_NODE;
  BLOK_TRY(blok_write_floats(&self->writer, "", "scales", numbers, 4, &inputs[2]));
  BLOK_TRY(blok_write_node(&self->writer, "", "Resize", 3, inputs, &self->value, &node));
  BLOK_TRY(blok_node_set_text(graph, node, "coordinate_transformation_mode",
                              linear ? "half_pixel" : "asymmetric", self->error));
  BLOK_TRY(blok_node_set_text(graph, node, "mode", linear ? "linear" : "nearest", self->error));
  if (linear) return BLOK_OK;
  return blok_node_set_text(graph, node, "nearest_mode", "floor", self->error);
}

blok_status blok_build_upsample(blok_builder *builder, const char *name, int32_t factor,
                                bool linear, blok_value_id *x, blok_error *error) {
  part self;
  BLOK_TRY(begin(&self, builder, "blok_build_upsample", name, x, error));
  return end(&self, add_upsample(&self, factor, linear), x);
}

// ---- Joining ------------------------------------------------------------------------------------

static blok_status check_same_shape(const part *self, blok_value_id y) {
  const blok_fact *a = fact_of(self), *b = blok_builder_fact(self->builder, y);
  bool same = a->rank == b->rank;
  for (int32_t i = 0; same && i < a->rank; i++) {
    const bool known = blok_dim_known(a->dims[i]) && blok_dim_known(b->dims[i]);
    same = !known || a->dims[i].value == b->dims[i].value;
  }
  if (same || a->rank < 0 || b->rank < 0) return BLOK_OK;
  return blok_check_fail(scope_of(self), "shape", BLOK_E_SHAPE, self->error,
                         "x is %s and y %s: what is added must have one shape",
                         blok_print_fact(a).text, blok_print_fact(b).text);
}

blok_status blok_build_add(blok_builder *builder, const char *name, blok_value_id y,
                           blok_value_id *x, blok_error *error) {
  part self;
  BLOK_TRY(blok_builder_enter(builder, "blok_build_add", name, &y, error));
  BLOK_TRY(begin(&self, builder, "blok_build_add", name, x, error));
  BLOK_TRY(check_same_shape(&self, y));
  const blok_value_id inputs[2] = {*x, y};
  return end(&self, blok_write_node(&self.writer, "", "Add", 2, inputs, &self.value, NULL), x);
}

static blok_status add_concat(part *self, const blok_value_id *values, uint32_t count,
                              int32_t axis) {
  blok_node_id node = BLOK_NO_NODE;
  BLOK_TRY(blok_write_node(&self->writer, "", "Concat", count, values, &self->value, &node));
  return blok_node_set_int(self->builder->graph, node, "axis", axis, self->error);
}

blok_status blok_build_concat(blok_builder *builder, const char *name, const blok_value_id *values,
                              uint32_t count, int32_t axis, blok_value_id *out, blok_error *error) {
  part self;
  BLOK_TRY(blok_builder_enter_bare(builder, "blok_build_concat", error));
  if (!values || count == 0 || !out) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_build_concat: %s",
                     !out ? "out is NULL" : "there are no values");
  }
  for (uint32_t i = 0; i < count; i++) {
    BLOK_TRY(blok_builder_enter(builder, "blok_build_concat", name, &values[i], error));
  }
  BLOK_TRY(begin(&self, builder, "blok_build_concat", name, &values[0], error));
  return end(&self, add_concat(&self, values, count, axis), out);
}
