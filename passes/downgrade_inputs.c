// Downgrade rules that only change how a node is spelled: inputs that were attributes, axes that
// had to be counted from the front, attributes that older sets did not have.
#include <string.h>

#include "base/error.h"
#include "passes/downgrade_rules.h"
#include "passes/rewrite.h"
#include "reference/reference.h"

// ---- Axes ---------------------------------------------------------------------------------------

// Below 11 axes were counted from the front.
blok_status blok_downgrade_axis(blok_downgrading *self, blok_error *error) {
  int64_t axis = 0;
  if (!blok_node_attr(blok_down_node(self), "axis")) return BLOK_OK;
  BLOK_TRY(blok_down_axis(self, 0, &axis, error));
  if (axis == blok_node_int(blok_down_node(self), "axis", 0)) return BLOK_OK;
  return blok_node_set_int(self->graph, self->node, "axis", axis, error);
}

static blok_status front_axis(blok_downgrading *self, blok_error *error) {
  return self->opset < 11 ? blok_downgrade_axis(self, error) : BLOK_OK;
}

// The attribute axes, counted from the front below 11. rank: of what they are axes of.
static blok_status front_axes(blok_downgrading *self, int32_t rank, blok_error *error) {
  uint32_t n = 0;
  const int64_t *axes = blok_node_ints(blok_down_node(self), "axes", &n);
  if (self->opset >= 11 || n == 0) return BLOK_OK;
  int64_t *front = blok_arena_copy(&self->graph->module->arena, axes, n * sizeof *axes);
  if (!front) return blok_fail_memory(error, n * sizeof *axes);
  BLOK_TRY(blok_down_axes(self, rank, front, n, error));
  return blok_node_set_ints(self->graph, self->node, "axes", front, n, error);
}

// Without axes and told to leave it at that, a reduction works on each element by itself.
static blok_status reduce_nothing(blok_downgrading *self, blok_error *error) {
  const char *op_type = blok_down_node(self)->op_type;
  blok_value_id x = blok_down_input(self, 0);
  if (strcmp(op_type, "ReduceSumSquare") == 0) return blok_down_become(self, "Mul", x, x, error);
  const char *simple = "Identity";
  if (strcmp(op_type, "ReduceL1") == 0 || strcmp(op_type, "ReduceL2") == 0) simple = "Abs";
  if (strcmp(op_type, "ReduceLogSum") == 0) simple = "Log";
  return blok_down_become(self, simple, x, BLOK_NO_VALUE, error);
}

blok_status blok_downgrade_reduce(blok_downgrading *self, blok_error *error) {
  bool sum = strcmp(blok_down_node(self)->op_type, "ReduceSum") == 0;
  bool noop = blok_node_int(blok_down_node(self), "noop_with_empty_axes", 0) != 0;
  blok_down_list axes = {.known = true};
  if (self->opset >= (sum ? 13 : 18)) return BLOK_OK;
  if (blok_down_input(self, 1).i) BLOK_TRY(blok_down_ints(self, 1, &axes, error));
  if (axes.known && axes.n == 0 && noop) return reduce_nothing(self, error);
  blok_node_drop_attr(self->graph, self->node, "noop_with_empty_axes");
  if (!axes.known) return blok_down_fail(self, error, "axes must be constant there");
  // An empty list stood for all axes, as none did.
  if (axes.n) {
    BLOK_TRY(blok_node_set_ints(self->graph, self->node, "axes", axes.values, axes.n, error));
  }
  blok_down_cut(self, 1);
  return front_axes(self, blok_down_in(self, 0)->rank, error);
}

blok_status blok_downgrade_squeeze(blok_downgrading *self, blok_error *error) {
  bool squeeze = strcmp(blok_down_node(self)->op_type, "Squeeze") == 0;
  if (self->opset >= 13) return BLOK_OK;
  BLOK_TRY(blok_down_to_attr(self, 1, "axes", error));
  blok_down_cut(self, 1);
  // An Unsqueeze counts the axes of what it makes.
  uint32_t n = 0;
  int32_t rank = blok_down_in(self, 0)->rank;
  blok_node_ints(blok_down_node(self), "axes", &n);
  return front_axes(self, squeeze || rank < 0 ? rank : rank + (int32_t)n, error);
}

// Below 11 a negative index was out of range.
blok_status blok_downgrade_gather(blok_downgrading *self, blok_error *error) {
  const blok_tensor *indices = NULL;
  int64_t axis = 0;
  bool negative = false;
  BLOK_TRY(blok_downgrade_axis(self, error));
  BLOK_TRY(blok_down_tensor(self, blok_down_input(self, 1), &indices, error));
  size_t count = indices ? blok_ref_count(indices) : 0;
  for (size_t i = 0; i < count; i++) negative = negative || blok_ref_load_i64(indices, i) < 0;
  if (!negative) return BLOK_OK;
  const blok_fact *x = blok_down_in(self, 0);
  BLOK_TRY(blok_down_axis(self, 0, &axis, error));
  if (axis >= x->rank || x->dims[axis].value < 0) {
    return blok_down_fail(self, error, "a negative index needs an axis of known length");
  }
  blok_tensor front = *indices;
  front.data = blok_arena_copy(&self->graph->module->arena, indices->data, indices->bytes);
  if (!front.data) return blok_fail_memory(error, indices->bytes);
  for (size_t i = 0; i < count; i++) {
    int64_t index = blok_ref_load_i64(indices, i);
    blok_ref_store_i64(&front, i, index < 0 ? index + x->dims[axis].value : index);
  }
  blok_value_id list = BLOK_NO_VALUE;
  BLOK_TRY(blok_down_numbers(self, "indices", front.dtype, front.rank, front.dims, front.data,
                             &list, error));
  blok_graph_set_input(self->graph, self->node, 1, list);
  return BLOK_OK;
}

// ---- Split --------------------------------------------------------------------------------------

// Sizes of parts where the last is smaller; none where all are equal or the axis is open.
static blok_status uneven(blok_downgrading *self, int64_t **sizes, blok_error *error) {
  const blok_node *node = blok_down_node(self);
  const blok_fact *x = blok_down_in(self, 0);
  uint32_t axis = 0;
  int64_t n = node->n_outputs;
  *sizes = NULL;
  if (x->rank < 0 || !blok_axis_normal(blok_node_int(node, "axis", 0), (uint32_t)x->rank, &axis)) {
    return BLOK_OK;
  }
  int64_t length = x->dims[axis].value;
  if (length < 0 || n < 1 || length % n == 0) return BLOK_OK;
  int64_t *list = blok_arena_array(&self->graph->module->arena, (size_t)n, sizeof *list);
  if (!list) return blok_fail_memory(error, (size_t)n * sizeof *list);
  int64_t part = (length + n - 1) / n;
  for (int64_t i = 0; i < n; i++) {
    list[i] = length < part ? length : part;
    length -= list[i];
  }
  *sizes = list;
  return BLOK_OK;
}

blok_status blok_downgrade_split(blok_downgrading *self, blok_error *error) {
  int64_t *sizes = NULL;
  blok_value_id list = BLOK_NO_VALUE;
  uint32_t n = blok_down_node(self)->n_outputs;
  blok_node_drop_attr(self->graph, self->node, "num_outputs");
  if (!blok_down_input(self, 1).i) BLOK_TRY(uneven(self, &sizes, error));
  if (sizes && self->opset >= 13) {
    BLOK_TRY(blok_rewrite_ints(self->graph, self->node, "split", sizes, n, &list, error));
    return blok_rewrite_input(self->graph, self->node, 1, list, error);
  }
  if (sizes) BLOK_TRY(blok_node_set_ints(self->graph, self->node, "split", sizes, n, error));
  if (self->opset >= 13) return BLOK_OK;
  BLOK_TRY(blok_down_to_attr(self, 1, "split", error));
  blok_down_cut(self, 1);
  return front_axis(self, error);
}

// ---- Bounds, padding, counts --------------------------------------------------------------------

// The one float that an input holds; *is is false when it is not known or no float32.
static blok_status one_float(blok_downgrading *self, uint32_t slot, float *out, bool *is,
                             blok_error *error) {
  const blok_tensor *tensor = NULL;
  *is = false;
  BLOK_TRY(blok_down_tensor(self, blok_down_input(self, slot), &tensor, error));
  if (!tensor || blok_ref_count(tensor) != 1 || tensor->dtype == BLOK_STRING) return BLOK_OK;
  double number = blok_ref_load(tensor, 0);
  *out = (float)number;
  *is = (double)*out == number;
  return BLOK_OK;
}

// Bounds that a run alone knows, or elements that Clip did not take: Max and Min.
static blok_status clip_by_extremes(blok_downgrading *self, blok_error *error) {
  blok_dtype dtype = blok_down_dtype(self, blok_down_input(self, 0));
  blok_value_id x = blok_down_input(self, 0);
  blok_value_id low = blok_down_input(self, 1);
  blok_value_id high = blok_down_input(self, 2);
  if (dtype == BLOK_UNDEFINED) {
    return blok_down_fail(self, error, "the element type of its input 0 is not known");
  }
  if (low.i) BLOK_TRY(blok_down_extreme(self, "Max", x, low, dtype, &x, error));
  if (high.i) BLOK_TRY(blok_down_extreme(self, "Min", x, high, dtype, &x, error));
  return blok_down_become(self, "Identity", x, BLOK_NO_VALUE, error);
}

blok_status blok_downgrade_clip(blok_downgrading *self, blok_error *error) {
  static const char *const names[] = {"min", "max"};
  float bounds[2] = {0, 0};
  bool given[2], known = true;
  blok_dtype dtype = blok_down_dtype(self, blok_down_input(self, 0));
  bool other = dtype != BLOK_UNDEFINED && !blok_dtype_is_float(dtype);
  if (other) return clip_by_extremes(self, error);
  if (self->opset >= 11) return BLOK_OK;
  for (uint32_t i = 0; i < 2; i++) {
    bool is = false;
    given[i] = blok_down_input(self, i + 1).i != 0;
    if (given[i]) BLOK_TRY(one_float(self, i + 1, &bounds[i], &is, error));
    known = known && (is || !given[i]);
  }
  if (!known) return clip_by_extremes(self, error);
  for (uint32_t i = 0; i < 2; i++) {
    if (!given[i]) continue;
    BLOK_TRY(blok_node_set_float(self->graph, self->node, names[i], bounds[i], error));
  }
  blok_down_cut(self, 1);
  return BLOK_OK;
}

// Pads of the axes that are named, as pads of all.
static blok_status spread_pads(blok_downgrading *self, blok_down_list *pads, blok_error *error) {
  blok_down_list axes;
  uint32_t rank = 0;
  if (!blok_down_input(self, 3).i) return BLOK_OK;
  BLOK_TRY(blok_down_ints(self, 3, &axes, error));
  BLOK_TRY(blok_down_rank(self, 0, &rank, error));
  if (!axes.known || !pads->known || pads->n != 2 * axes.n) {
    return blok_down_fail(self, error, "pads and axes must be constant there");
  }
  BLOK_TRY(blok_down_axes(self, (int32_t)rank, axes.values, axes.n, error));
  int64_t *all = blok_arena_array(&self->graph->module->arena, 2 * (size_t)rank + 1, sizeof *all);
  if (!all) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < axes.n; i++) {
    if (axes.values[i] >= rank) {
      return blok_down_fail(self, error, "axis %lld is out of range", (long long)axes.values[i]);
    }
    all[axes.values[i]] = pads->values[i];
    all[rank + axes.values[i]] = pads->values[axes.n + i];
  }
  *pads = (blok_down_list){true, 2 * rank, all};
  return BLOK_OK;
}

blok_status blok_downgrade_pad(blok_downgrading *self, blok_error *error) {
  blok_down_list pads;
  blok_value_id list = BLOK_NO_VALUE;
  float value = 0;
  bool known = true;
  if (self->opset < 19 && blok_node_text_is(blok_down_node(self), "mode", "constant", "wrap")) {
    return blok_down_fail(self, error, "mode wrap came with 19");
  }
  if (self->opset >= 18) return BLOK_OK;
  BLOK_TRY(blok_down_ints(self, 1, &pads, error));
  bool named = blok_down_input(self, 3).i != 0;
  BLOK_TRY(spread_pads(self, &pads, error));
  if (self->opset >= 11) {
    blok_down_cut(self, 3);
    if (!named) return BLOK_OK;
    BLOK_TRY(blok_rewrite_ints(self->graph, self->node, "pads", pads.values, pads.n, &list, error));
    return blok_rewrite_input(self->graph, self->node, 1, list, error);
  }
  if (!pads.known) return blok_down_fail(self, error, "pads must be constant there");
  if (blok_down_input(self, 2).i) BLOK_TRY(one_float(self, 2, &value, &known, error));
  if (!known) return blok_down_fail(self, error, "its value must be a constant float32 there");
  BLOK_TRY(blok_node_set_ints(self->graph, self->node, "pads", pads.values, pads.n, error));
  if (value != 0.0F) {
    BLOK_TRY(blok_node_set_float(self->graph, self->node, "value", value, error));
  }
  blok_down_cut(self, 1);
  return BLOK_OK;
}

// At inference the ratio says nothing, so one that a run alone knows may go.
blok_status blok_downgrade_dropout(blok_downgrading *self, blok_error *error) {
  const blok_tensor *training = NULL;
  float ratio = 0;
  bool known = false;
  if (self->opset >= 12) return BLOK_OK;
  BLOK_TRY(blok_down_tensor(self, blok_down_input(self, 2), &training, error));
  bool off = !blok_down_input(self, 2).i ||
             (training && blok_ref_count(training) == 1 && blok_ref_load_i64(training, 0) == 0);
  if (!off) return blok_down_fail(self, error, "training_mode came with 12");
  blok_value_id mask = blok_node_output(blok_down_node(self), 1);
  if (mask.i && blok_was_read(self->before, mask)) {
    return blok_down_fail(self, error, "its mask says something at inference since 12");
  }
  mask = blok_down_release(self, 1);
  if (mask.i) blok_value_at(self->graph, mask)->dead = true;
  blok_node_drop_attr(self->graph, self->node, "seed");
  if (blok_down_input(self, 1).i) BLOK_TRY(one_float(self, 1, &ratio, &known, error));
  blok_down_cut(self, 1);
  return known ? blok_node_set_float(self->graph, self->node, "ratio", ratio, error) : BLOK_OK;
}

// Largest values alone below 11: the smallest are the largest of their negatives.
static blok_status smallest(blok_downgrading *self, blok_error *error) {
  blok_graph *graph = self->graph;
  blok_dtype dtype = BLOK_UNDEFINED;
  blok_value_id x = BLOK_NO_VALUE;
  blok_value_id values = BLOK_NO_VALUE;
  blok_node_id top = BLOK_NO_NODE;
  BLOK_TRY(blok_down_float(self, 0, &dtype, error));
  BLOK_TRY(blok_down_before(self, "Neg", blok_down_input(self, 0), BLOK_NO_VALUE, &x, error));
  blok_value_id indices = blok_down_release(self, 1);
  blok_value_id inputs[2] = {x, blok_down_input(self, 1)};
  uint32_t n = blok_down_node(self)->n_inputs;
  BLOK_TRY(blok_down_make(self, "TopK", n, inputs, &top, &values, error));
  blok_node *made = blok_node_at(graph, top);
  made->attrs = blok_down_node(self)->attrs;
  made->n_attrs = blok_down_node(self)->n_attrs;
  made->outputs = blok_arena_array(&graph->module->arena, 2, sizeof *made->outputs);
  if (!made->outputs) return blok_fail_memory(error, 0);
  made->outputs[0] = values;
  made->n_outputs = 2;
  if (!indices.i) {
    const char *name = NULL;
    BLOK_TRY(blok_graph_new_name(graph, blok_value_at(graph, values)->name, &name, error));
    BLOK_TRY(blok_graph_add_value(graph, name, &indices, error));
  }
  blok_graph_set_output(graph, top, 1, indices);
  return blok_down_become(self, "Neg", values, BLOK_NO_VALUE, error);
}

blok_status blok_downgrade_top_k(blok_downgrading *self, blok_error *error) {
  blok_graph *graph = self->graph;
  bool down = blok_node_int(blok_down_node(self), "largest", 1) == 0;
  BLOK_TRY(front_axis(self, error));
  // Unsorted values may stand in any order, the sorted one too.
  blok_node_drop_attr(graph, self->node, "sorted");
  blok_node_drop_attr(graph, self->node, "largest");
  if (self->opset < 10) {
    blok_down_list k;
    BLOK_TRY(blok_down_ints(self, 1, &k, error));
    if (!k.known || k.n != 1) return blok_down_fail(self, error, "K must be constant there");
    BLOK_TRY(blok_node_set_int(graph, self->node, "k", k.values[0], error));
    blok_down_cut(self, 1);
  }
  return down ? smallest(self, error) : BLOK_OK;
}

// ---- Small ones ---------------------------------------------------------------------------------

blok_status blok_downgrade_gemm(blok_downgrading *self, blok_error *error) {
  blok_dtype dtype = BLOK_UNDEFINED;
  blok_value_id zero = BLOK_NO_VALUE;
  int64_t one[1] = {1};
  uint64_t nothing = 0;
  if (blok_down_input(self, 2).i) return BLOK_OK;
  BLOK_TRY(blok_down_float(self, 0, &dtype, error));
  BLOK_TRY(blok_down_numbers(self, "zero", dtype, 1, one, &nothing, &zero, error));
  return blok_rewrite_input(self->graph, self->node, 2, zero, error);
}

// Other elements than floats came with 9: a Reshape takes them all.
blok_status blok_downgrade_flatten(blok_downgrading *self, blok_error *error) {
  blok_dtype dtype = blok_down_dtype(self, blok_down_input(self, 0));
  const blok_fact *out = blok_down_out(self);
  bool taken = dtype == BLOK_UNDEFINED || blok_dtype_is_float(dtype);
  if (blok_node_attr(blok_down_node(self), "axis")) BLOK_TRY(front_axis(self, error));
  if (self->opset >= 9 || taken) return BLOK_OK;
  int64_t shape[2] = {0, -1};
  if (out->rank == 2 && out->dims[0].value > 0) shape[0] = out->dims[0].value;
  if (shape[0] == 0 && blok_node_int(blok_down_node(self), "axis", 1) != 1) {
    return blok_down_fail(self, error, "%s elements came with 9", blok_dtype_name(dtype));
  }
  blok_value_id list = BLOK_NO_VALUE;
  BLOK_TRY(blok_rewrite_ints(self->graph, self->node, "shape", shape, 2, &list, error));
  return blok_down_become(self, "Reshape", blok_down_input(self, 0), list, error);
}

// A 0 in the target took the input's axis before 14. Sizes that only the run knows are taken not to
// be 0.
blok_status blok_downgrade_reshape(blok_downgrading *self, blok_error *error) {
  const blok_fact *shape = blok_down_in(self, 1);
  const blok_fact *x = blok_down_in(self, 0);
  blok_down_list list;
  if (blok_node_int(blok_down_node(self), "allowzero", 0) == 0) return BLOK_OK;
  BLOK_TRY(blok_down_ints(self, 1, &list, error));
  uint32_t n = list.known ? list.n : shape->elements ? shape->n_elements : 0;
  for (uint32_t i = 0; i < n; i++) {
    bool known = list.known || shape->elements[i].known;
    int64_t size = list.known ? list.values[i] : shape->elements[i].value;
    if (!known || size != 0) continue;
    if ((int32_t)i < x->rank && x->dims[i].value == 0) continue;
    return blok_down_fail(self, error, "a length of 0 at axis %u (allowzero) came with 14", i);
  }
  blok_node_drop_attr(self->graph, self->node, "allowzero");
  return BLOK_OK;
}

blok_status blok_downgrade_shape(blok_downgrading *self, blok_error *error) {
  blok_graph *graph = self->graph;
  const blok_attr *attr = blok_node_attr(blok_down_node(self), "end");
  int64_t start = blok_node_int(blok_down_node(self), "start", 0);
  int64_t end = blok_node_int(blok_down_node(self), "end", INT64_MAX);
  blok_value_id shape = BLOK_NO_VALUE;
  if (start == 0 && !attr) return BLOK_OK;
  BLOK_TRY(blok_down_before(self, "Shape", blok_down_input(self, 0), BLOK_NO_VALUE, &shape, error));
  if (self->opset < 10) {
    BLOK_TRY(blok_down_become(self, "Slice", shape, BLOK_NO_VALUE, error));
    BLOK_TRY(blok_node_set_ints(graph, self->node, "starts", &start, 1, error));
    return blok_node_set_ints(graph, self->node, "ends", &end, 1, error);
  }
  blok_value_id first = BLOK_NO_VALUE;
  blok_value_id last = BLOK_NO_VALUE;
  BLOK_TRY(blok_rewrite_ints(graph, self->node, "starts", &start, 1, &first, error));
  BLOK_TRY(blok_rewrite_ints(graph, self->node, "ends", &end, 1, &last, error));
  BLOK_TRY(blok_down_become(self, "Slice", shape, first, error));
  return blok_rewrite_input(graph, self->node, 2, last, error);
}

// Scatter was what ScatterElements has been called since 11.
blok_status blok_downgrade_scatter(blok_downgrading *self, blok_error *error) {
  static const char *const late[] = {"max", "min"};
  for (size_t i = 0; i < 2; i++) {
    if (!blok_node_text_is(blok_down_node(self), "reduction", "none", late[i])) continue;
    return blok_down_fail(self, error, "reduction %s came with 18", late[i]);
  }
  bool elements = strcmp(blok_down_node(self)->op_type, "ScatterElements") == 0;
  if (!elements || self->opset >= 11 || self->opset < 9) return BLOK_OK;
  if (blok_node_text_is(blok_down_node(self), "reduction", "none", "none")) {
    blok_node_drop_attr(self->graph, self->node, "reduction");
  }
  BLOK_TRY(front_axis(self, error));
  blok_node_set_op(self->graph, self->node, "Scatter");
  return BLOK_OK;
}

blok_status blok_downgrade_cast_like(blok_downgrading *self, blok_error *error) {
  blok_dtype to = blok_down_dtype(self, blok_down_input(self, 1));
  if (to == BLOK_UNDEFINED) {
    return blok_down_fail(self, error, "the element type of its input 1 is not known");
  }
  BLOK_TRY(blok_down_become(self, "Cast", blok_down_input(self, 0), BLOK_NO_VALUE, error));
  return blok_node_set_int(self->graph, self->node, "to", to, error);
}

blok_status blok_downgrade_batch_norm(blok_downgrading *self, blok_error *error) {
  if (blok_node_int(blok_down_node(self), "training_mode", 0) == 0) return BLOK_OK;
  return blok_down_fail(self, error, "training_mode came with 14");
}
