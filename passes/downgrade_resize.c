// Resize in older sets. What the older form can say is said in it: axes become all axes, sizes
// become scales, and below 11, where coordinates were mapped in one way, a picture of known size is
// checked cell by cell. Where the old form means something else the result is spelled out exactly:
// Gather picks the nearest cells, MatMul mixes them with constant weights.
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/ops/resize.h"
#include "passes/downgrade_rules.h"
#include "passes/known.h"
#include "passes/rewrite.h"
#include "reference/reference.h"
#include "reference/resize_axis.h"

// A matrix of weights has no more elements than this.
#define LARGEST_MATRIX (1 << 22)

// What a Resize does to each axis, as far as is known.
typedef struct resize_plan {
  uint32_t rank;
  float scales[BLOK_MAX_RANK];
  bool scaled;  // scales are known
  bool shaped;  // job is whole: all sizes are known
  bool open;    // ... but for axes that stay as they are, which count as 1 there
  blok_resize_job job;
} resize_plan;

// ---- What is asked for --------------------------------------------------------------------------

// Shapes for the reference's reading of the node: an open axis that stays as it is counts as 1.
static bool read_shapes(const blok_downgrading *self, blok_tensor *from, blok_tensor *to,
                        bool *open) {
  const blok_fact *x = blok_down_in(self, 0);
  const blok_fact *y = blok_down_out(self);
  *open = false;
  if (x->rank < 0 || y->rank != x->rank) return false;
  from->rank = to->rank = (uint32_t)x->rank;
  for (uint32_t i = 0; i < from->rank; i++) {
    from->dims[i] = x->dims[i].value;
    to->dims[i] = y->dims[i].value;
    if (from->dims[i] >= 0 && to->dims[i] >= 0) continue;
    if (!blok_dim_same(x->dims[i], y->dims[i])) return false;
    from->dims[i] = to->dims[i] = 1;
    *open = true;
  }
  return true;
}

// What sizes say of the axes, an open one counting as 1.
static blok_status read_sizes(const blok_downgrading *self, const blok_tensor *to, blok_tensor *out,
                              bool *done, blok_error *error) {
  const blok_node *node = blok_down_node(self);
  uint32_t axes[BLOK_MAX_RANK], n = 0;
  *done = blok_resize_axes(node, to->rank, axes, &n) &&
          blok_resize_policy_of(node) == BLOK_RESIZE_STRETCH;
  int64_t *sizes = blok_arena_array(&self->graph->module->arena, (size_t)n + 1, sizeof *sizes);
  if (!sizes) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < n; i++) sizes[i] = to->dims[axes[i]];
  out->dtype = BLOK_I64;
  out->rank = 1;
  out->dims[0] = n;
  out->data = sizes;
  out->bytes = n * sizeof *sizes;
  return BLOK_OK;
}

// All sizes: the reference's own reading of the node.
static blok_status read_job(blok_downgrading *self, resize_plan *plan, blok_error *error) {
  const blok_tensor *in[4] = {NULL};
  blok_tensor from = BLOK_TENSOR_INIT;
  blok_tensor to = BLOK_TENSOR_INIT;
  blok_tensor sizes = BLOK_TENSOR_INIT;
  bool open = false;
  if (!read_shapes(self, &from, &to, &open)) return BLOK_OK;
  for (uint32_t slot = 1; slot < 4; slot++) {
    bool done = false;
    BLOK_TRY(blok_down_tensor(self, blok_down_input(self, slot), &in[slot], error));
    if (!blok_down_input(self, slot).i || (in[slot] && !(open && slot == 3))) continue;
    if (slot == 3) BLOK_TRY(read_sizes(self, &to, &sizes, &done, error));
    if (!done) return BLOK_OK;
    in[slot] = &sizes;
  }
  in[0] = &from;
  blok_tensor *out[1] = {&to};
  blok_ref_call call = {.graph = self->graph,
                        .node = blok_down_node(self),
                        .n_in = 4,
                        .n_out = 1,
                        .in = in,
                        .out = out,
                        .allocator = &self->graph->module->allocator};
  blok_error ignored = BLOK_ERROR_INIT;
  plan->open = open;
  plan->shaped = blok_resize_plan(&call, &plan->job, &ignored) == BLOK_OK;
  return BLOK_OK;
}

static blok_status read_scales(blok_downgrading *self, resize_plan *plan, blok_error *error) {
  const blok_tensor *scales = NULL;
  uint32_t axes[BLOK_MAX_RANK], n = 0;
  BLOK_TRY(blok_down_tensor(self, blok_down_input(self, 2), &scales, error));
  if (!blok_resize_axes(blok_down_node(self), plan->rank, axes, &n)) {
    return blok_down_fail(self, error, "axes do not name axes of its input");
  }
  for (uint32_t i = 0; i < plan->rank; i++) plan->scales[i] = 1;
  plan->scaled = scales && blok_ref_count(scales) == n;
  for (uint32_t i = 0; plan->scaled && i < n; i++) {
    plan->scales[axes[i]] = (float)blok_ref_load(scales, i);
  }
  return BLOK_OK;
}

static blok_status read_plan(blok_downgrading *self, resize_plan *plan, blok_error *error) {
  memset(plan, 0, sizeof *plan);
  BLOK_TRY(blok_down_rank(self, 0, &plan->rank, error));
  BLOK_TRY(read_scales(self, plan, error));
  return read_job(self, plan, error);
}

// ---- 11 to 18 -----------------------------------------------------------------------------------

// Where the result's length is the input's times the scale, both half_pixel mappings are one.
static bool symmetric_is_half_pixel(const resize_plan *plan) {
  for (uint32_t i = 0; plan->shaped && i < plan->rank; i++) {
    const blok_resize_axis *axis = &plan->job.axes[i];
    double exact = (double)axis->in * axis->up / axis->down;
    if (!(fabs(exact - (double)axis->out) < 1e-9)) return false;
  }
  return plan->shaped;
}

// Scales or sizes of all axes, in the place of those of some.
static blok_status all_axes(blok_downgrading *self, const resize_plan *plan, blok_error *error) {
  int64_t dims[1] = {plan->rank}, sizes[BLOK_MAX_RANK];
  blok_value_id list = BLOK_NO_VALUE;
  if (blok_down_input(self, 2).i && plan->scaled) {
    BLOK_TRY(blok_down_numbers(self, "scales", BLOK_F32, 1, dims, plan->scales, &list, error));
    blok_graph_set_input(self->graph, self->node, 2, list);
  } else if (plan->shaped && !plan->open) {
    for (uint32_t i = 0; i < plan->rank; i++) sizes[i] = plan->job.axes[i].out;
    BLOK_TRY(blok_rewrite_ints(self->graph, self->node, "sizes", sizes, plan->rank, &list, error));
    blok_graph_set_input(self->graph, self->node, 3, list);
  } else {
    return blok_down_fail(self, error, "axes came with 18, and its sizes are not known");
  }
  blok_node_drop_attr(self->graph, self->node, "axes");
  return BLOK_OK;
}

// Below 13 roi and scales had to be there; empty ones said nothing.
static blok_status empty_inputs(blok_downgrading *self, blok_error *error) {
  int64_t dims[1] = {0};
  const float none = 0;
  for (uint32_t slot = 1; slot < 3; slot++) {
    blok_value_id empty = BLOK_NO_VALUE;
    if (blok_down_input(self, slot).i) continue;
    BLOK_TRY(blok_down_numbers(self, slot == 1 ? "roi" : "scales", BLOK_F32, 1, dims, &none, &empty,
                               error));
    BLOK_TRY(blok_rewrite_input(self->graph, self->node, slot, empty, error));
  }
  return BLOK_OK;
}

// ---- 7 to 10 ------------------------------------------------------------------------------------

// Cell by cell: whether scale alone, from the left and cut down, picks what the node picks. Where a
// picture shrinks runtimes of that time rounded up, so that both must agree; and so must the length
// of the result, whether it is computed in floats or in doubles.
static bool picks_alike(const blok_resize_job *job, const blok_resize_axis *axis, float scale) {
  int64_t size = 0;
  if (!blok_resize_scaled(axis->in, scale, &size) || size != axis->out) return false;
  if ((int64_t)floor((double)axis->in * (double)scale) != axis->out) return false;
  for (int64_t x = 0; x < axis->out; x++) {
    int64_t cell =
        blok_resize_is_identity(&job->how, axis) ? x : blok_resize_nearest(&job->how, axis, x);
    float place = (float)x / scale;
    if ((int64_t)floorf(place) != cell) return false;
    if (scale < 1 && (int64_t)ceilf(place) != cell) return false;
  }
  return true;
}

// The same without sizes: for a whole scale every rounding to the nearest picks x / scale.
static bool whole_scale(const blok_node *node, float scale) {
  static const char mapping[] = "coordinate_transformation_mode";
  bool nearest =
      blok_node_text_is(node, "nearest_mode", "round_prefer_floor", "round_prefer_floor") ||
      blok_node_text_is(node, "nearest_mode", "round_prefer_floor", "round_prefer_ceil");
  bool half = blok_node_text_is(node, mapping, "half_pixel", "half_pixel") ||
              blok_node_text_is(node, mapping, "half_pixel", "pytorch_half_pixel");
  bool left = blok_node_text_is(node, mapping, "half_pixel", "asymmetric") &&
              blok_node_text_is(node, "nearest_mode", "round_prefer_floor", "floor");
  bool whole = scale >= 1 && floorf(scale) == scale;
  return whole && ((nearest && half) || left);
}

// Whether Upsample, or the Resize of set 10, means the same. Fills in the scales.
static bool old_form(const blok_downgrading *self, resize_plan *plan, bool nearest) {
  const blok_node *node = blok_down_node(self);
  if (nearest && plan->shaped && plan->job.how.transform == BLOK_RESIZE_CROP) return false;
  if (!nearest) {
    bool left =
        blok_node_text_is(node, "coordinate_transformation_mode", "half_pixel", "asymmetric") &&
        blok_node_text_is(node, "mode", "nearest", "linear") &&
        blok_node_int(node, "antialias", 0) == 0 && blok_node_int(node, "exclude_outside", 0) == 0;
    return left && plan->scaled;
  }
  for (uint32_t i = 0; i < plan->rank; i++) {
    const blok_resize_axis *axis = &plan->job.axes[i];
    if (!plan->shaped) {
      if (!plan->scaled || !whole_scale(node, plan->scales[i])) return false;
      continue;
    }
    if (!plan->scaled) plan->scales[i] = (float)axis->out / (float)axis->in;
    if (picks_alike(&plan->job, axis, plan->scales[i])) continue;
    // Of sizes the quotient may have been rounded down, and the result come out too short.
    plan->scales[i] = nextafterf(plan->scales[i], INFINITY);
    if (plan->scaled || !picks_alike(&plan->job, axis, plan->scales[i])) return false;
  }
  return true;
}

static blok_status set_floats(blok_downgrading *self, const char *name, const float *values,
                              uint32_t n, blok_error *error) {
  blok_arena *arena = &self->graph->module->arena;
  blok_node *node = blok_down_node(self);
  blok_attr *attrs = blok_arena_array(arena, (size_t)node->n_attrs + 1, sizeof *attrs);
  const float *copy = blok_arena_copy(arena, values, n * sizeof *values);
  if (!attrs || !copy) return blok_fail_memory(error, 0);
  if (node->n_attrs) memcpy(attrs, node->attrs, node->n_attrs * sizeof *attrs);
  blok_attr *last = &attrs[node->n_attrs];
  last->name = name;
  last->type = BLOK_ATTR_FLOATS;
  last->has_type = true;
  last->n = n;
  last->as.floats = copy;
  node->attrs = attrs;
  node->n_attrs++;
  return BLOK_OK;
}

// Scales that only the run knows go on as they are, where the old mapping is asked for.
static bool open_form(const blok_downgrading *self, bool nearest) {
  const blok_node *node = blok_down_node(self);
  bool left = blok_node_text_is(node, "coordinate_transformation_mode", "half_pixel", "asymmetric");
  bool mode = nearest ? blok_node_text_is(node, "nearest_mode", "round_prefer_floor", "floor")
                      : blok_node_text_is(node, "mode", "nearest", "linear");
  return self->opset >= 9 && left && mode && blok_node_input(node, 2).i &&
         !blok_node_attr(node, "axes") && blok_node_int(node, "antialias", 0) == 0 &&
         blok_node_int(node, "exclude_outside", 0) == 0;
}

// Resize (10), Upsample with an input (9), Upsample with an attribute (7).
static blok_status write_old(blok_downgrading *self, const resize_plan *plan, bool nearest,
                             blok_value_id scales, blok_error *error) {
  blok_graph *graph = self->graph;
  int64_t dims[1] = {plan->rank};
  bool grows = true;
  for (uint32_t i = 0; !scales.i && i < plan->rank; i++) grows = grows && plan->scales[i] >= 1;
  if (self->opset < 10 && !grows) {
    return blok_down_fail(self, error, "a picture shrinks from set 10 on");
  }
  if (self->opset >= 9 && !scales.i) {
    BLOK_TRY(blok_down_numbers(self, "scales", BLOK_F32, 1, dims, plan->scales, &scales, error));
  }
  BLOK_TRY(blok_down_become(self, self->opset >= 10 ? "Resize" : "Upsample",
                            blok_down_input(self, 0), scales, error));
  BLOK_TRY(blok_node_set_text(graph, self->node, "mode", nearest ? "nearest" : "linear", error));
  if (self->opset >= 9) return BLOK_OK;
  return set_floats(self, "scales", plan->scales, plan->rank, error);
}

// ---- Spelled out --------------------------------------------------------------------------------

static blok_status gather_nearest(blok_downgrading *self, const resize_plan *plan, uint32_t which,
                                  blok_value_id *value, blok_error *error) {
  const blok_resize_axis *axis = &plan->job.axes[which];
  blok_node_id made = BLOK_NO_NODE;
  blok_value_id inputs[2] = {*value, BLOK_NO_VALUE};
  int64_t *cells = NULL;
  if (axis->out <= LARGEST_MATRIX) {
    cells = blok_arena_array(&self->graph->module->arena, (size_t)axis->out, sizeof *cells);
  }
  if (!cells) return blok_fail_memory(error, 0);
  for (int64_t x = 0; x < axis->out; x++) {
    cells[x] = blok_resize_nearest(&plan->job.how, axis, x);
    if (cells[x] < 0) return blok_down_fail(self, error, "its roi reaches outside the picture");
  }
  BLOK_TRY(blok_rewrite_ints(self->graph, self->node, "cells", cells, (uint32_t)axis->out,
                             &inputs[1], error));
  BLOK_TRY(blok_down_make(self, "Gather", 2, inputs, &made, value, error));
  return blok_node_set_int(self->graph, made, "axis", which, error);
}

// The weights of one axis: [in, out], or [out, in] where they stand on the left.
static blok_status weigh(blok_downgrading *self, const resize_plan *plan, uint32_t which,
                         blok_dtype dtype, bool left, blok_value_id *out, blok_error *error) {
  const blok_resize_axis *axis = &plan->job.axes[which];
  const blok_allocator *allocator = &self->graph->module->allocator;
  size_t taps = (size_t)blok_resize_taps(&plan->job.how, axis);
  size_t rows = (size_t)axis->in, columns = (size_t)axis->out, count = 0;
  int64_t dims[2] = {left ? axis->out : axis->in, left ? axis->in : axis->out};
  if (!blok_mul_size(rows, columns, &count) || count > LARGEST_MATRIX) {
    return blok_down_fail(self, error, "its weights would take %lld by %lld numbers",
                          (long long)axis->in, (long long)axis->out);
  }
  int64_t *cells = blok_alloc_array(allocator, taps, sizeof *cells);
  double *weights = blok_alloc_array(allocator, taps, sizeof *weights);
  double *whole = blok_alloc_array(allocator, count, sizeof *whole);
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = dtype;
  tensor.bytes = count * blok_dtype_size(dtype);
  tensor.data = blok_alloc(allocator, tensor.bytes + 1);
  blok_status status = BLOK_OK;
  if (!cells || !weights || !whole || !tensor.data) {
    status = blok_fail_memory(error, tensor.bytes);
    goto done;
  }
  for (size_t x = 0; x < columns; x++) {
    if (!blok_resize_weigh(&plan->job.how, axis, (int64_t)x, cells, weights)) {
      status = blok_down_fail(self, error, "its roi reaches outside the picture");
      goto done;
    }
    for (size_t t = 0; t < taps; t++) {
      size_t cell = (size_t)cells[t];
      whole[left ? x * rows + cell : cell * columns + x] += weights[t];
    }
  }
  blok_ref_store_many(&tensor, 0, count, whole);
  status = blok_down_numbers(self, "weights", dtype, 2, dims, tensor.data, out, error);
done:
  blok_free(allocator, cells);
  blok_free(allocator, weights);
  blok_free(allocator, whole);
  blok_free(allocator, tensor.data);
  return status;
}

// x times weights for the last axis, weights times x for the one before it.
static blok_status mix(blok_downgrading *self, const resize_plan *plan, uint32_t which,
                       blok_value_id *value, blok_error *error) {
  blok_dtype dtype = BLOK_UNDEFINED;
  blok_value_id weights = BLOK_NO_VALUE;
  bool left = which + 2 == plan->rank;
  BLOK_TRY(blok_down_float(self, 0, &dtype, error));
  if (!left && which + 1 != plan->rank) {
    return blok_down_fail(self, error, "axis %u is not one of the last two", which);
  }
  BLOK_TRY(weigh(self, plan, which, dtype, left, &weights, error));
  return blok_down_before(self, "MatMul", left ? weights : *value, left ? *value : weights, value,
                          error);
}

static blok_status spell(blok_downgrading *self, const resize_plan *plan, blok_error *error) {
  blok_value_id value = blok_down_input(self, 0);
  bool nearest = plan->job.how.mode == BLOK_RESIZE_NEAREST;
  for (uint32_t i = 0; i < plan->rank; i++) {
    if (blok_resize_is_identity(&plan->job.how, &plan->job.axes[i])) continue;
    if (nearest) {
      BLOK_TRY(gather_nearest(self, plan, i, &value, error));
    } else {
      BLOK_TRY(mix(self, plan, i, &value, error));
    }
  }
  return blok_down_become(self, "Identity", value, BLOK_NO_VALUE, error);
}

// Sizes of the axes that are resized are enough to spell it: the others are not looked at.
static blok_status spell_known(blok_downgrading *self, const resize_plan *plan, blok_error *error) {
  if (plan->shaped) return spell(self, plan, error);
  return blok_down_fail(self, error,
                        "its sizes are not known, and the form of that set has "
                        "another mapping of coordinates");
}

// ---- The rule -----------------------------------------------------------------------------------

static blok_status to_eleven(blok_downgrading *self, resize_plan *plan, blok_error *error) {
  blok_graph *graph = self->graph;
  const blok_node *node = blok_down_node(self);
  static const char mapping[] = "coordinate_transformation_mode";
  bool symmetric = blok_node_text_is(node, mapping, "half_pixel", "half_pixel_symmetric");
  bool smooth = blok_node_int(node, "antialias", 0) != 0;
  bool policy = !blok_node_text_is(node, "keep_aspect_ratio_policy", "stretch", "stretch");
  bool later = symmetric && !symmetric_is_half_pixel(plan);
  if (self->opset < 18) later = later || smooth || policy;
  if (later) return spell_known(self, plan, error);
  if (symmetric) BLOK_TRY(blok_node_set_text(graph, self->node, mapping, "half_pixel", error));
  if (self->opset >= 18) return BLOK_OK;
  if (blok_node_attr(blok_down_node(self), "axes")) BLOK_TRY(all_axes(self, plan, error));
  return self->opset < 13 ? empty_inputs(self, error) : BLOK_OK;
}

blok_status blok_downgrade_resize(blok_downgrading *self, blok_error *error) {
  resize_plan plan;
  bool nearest = blok_node_text_is(blok_down_node(self), "mode", "nearest", "nearest");
  bool plain = self->opset >= 13 && !blok_node_attr(blok_down_node(self), "axes") &&
               !blok_node_attr(blok_down_node(self), "antialias") &&
               !blok_node_attr(blok_down_node(self), "keep_aspect_ratio_policy") &&
               !blok_node_text_is(blok_down_node(self), "coordinate_transformation_mode",
                                  "half_pixel", "half_pixel_symmetric");
  if (plain) return BLOK_OK;
  blok_value_id none = BLOK_NO_VALUE;
  BLOK_TRY(read_plan(self, &plan, error));
  if (self->opset >= 11) return to_eleven(self, &plan, error);
  if (old_form(self, &plan, nearest)) return write_old(self, &plan, nearest, none, error);
  if (!plan.scaled && open_form(self, nearest)) {
    return write_old(self, &plan, nearest, blok_down_input(self, 2), error);
  }
  return spell_known(self, &plan, error);
}
