// Downgrade rules that need to know sizes: pools that round up, slices with steps, blocks of depth,
// constants.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/schemas.h"
#include "passes/downgrade_rules.h"
#include "passes/evaluate.h"
#include "passes/known.h"
#include "passes/rewrite.h"
#include "reference/reference.h"

// Constants that rules write out have no more elements than this.
#define LARGEST_CONSTANT (1 << 22)

// ---- Pools --------------------------------------------------------------------------------------

static int64_t item(const int64_t *list, uint32_t n, uint32_t i, int64_t fallback) {
  return list && i < n ? list[i] : fallback;
}

// The padding at the end of one axis with which rounding down gives as many windows as rounding up
// did. False when there is none.
static bool end_pad(const blok_node *node, uint32_t i, uint32_t n, int64_t in, int64_t out,
                    int64_t *end) {
  uint32_t n_pads, n_strides, n_kernel, n_dilations;
  const int64_t *pads = blok_node_ints(node, "pads", &n_pads);
  const int64_t *strides = blok_node_ints(node, "strides", &n_strides);
  const int64_t *kernel = blok_node_ints(node, "kernel_shape", &n_kernel);
  const int64_t *dilations = blok_node_ints(node, "dilations", &n_dilations);
  int64_t stride = item(strides, n_strides, i, 1);
  int64_t window = (item(kernel, n_kernel, i, 1) - 1) * item(dilations, n_dilations, i, 1) + 1;
  int64_t begin = item(pads, n_pads, i, 0);
  *end = item(pads, n_pads, n + i, 0);
  if (in < 0 || out < 1 || stride < 1) return false;
  int64_t missing = (out - 1) * stride + window - (in + begin + *end);
  if (missing > 0) *end += missing;
  return (in + begin + *end - window) / stride + 1 == out;
}

// ceil_mode came with 10 (LpPool: 18): more padding does the same where sizes are known.
static blok_status round_down(blok_downgrading *self, blok_error *error) {
  const blok_node *node = blok_down_node(self);
  const blok_fact *x = blok_down_in(self, 0);
  const blok_fact *y = blok_down_out(self);
  uint32_t n_pads = 0;
  const int64_t *pads = blok_node_ints(node, "pads", &n_pads);
  int64_t wide[2 * BLOK_MAX_RANK];
  bool counted = blok_node_int(node, "count_include_pad", 0) != 0;
  bool known =
      x->rank > 2 && y->rank == x->rank && blok_node_text_is(node, "auto_pad", "NOTSET", "NOTSET");
  uint32_t n = known ? (uint32_t)x->rank - 2 : 0;
  for (uint32_t i = 0; i < n; i++) {
    wide[i] = item(pads, n_pads, i, 0);
    known = known && end_pad(node, i, n, x->dims[i + 2].value, y->dims[i + 2].value, &wide[n + i]);
    if (counted && wide[n + i] != item(pads, n_pads, n + i, 0)) known = false;
  }
  if (!known) {
    return blok_down_fail(self, error, "its ceil_mode cannot be said there");
  }
  blok_node_drop_attr(self->graph, self->node, "ceil_mode");
  return blok_node_set_ints(self->graph, self->node, "pads", wide, 2 * n, error);
}

// Since 22 a last window that would begin in the padding is none. True where that made a
// difference.
static bool drops_a_window(const blok_downgrading *self) {
  const blok_node *node = blok_down_node(self);
  const blok_fact *x = blok_down_in(self, 0);
  const blok_fact *y = blok_down_out(self);
  uint32_t n_pads, n_strides, n_kernel, n_dilations;
  const int64_t *pads = blok_node_ints(node, "pads", &n_pads);
  const int64_t *strides = blok_node_ints(node, "strides", &n_strides);
  const int64_t *kernel = blok_node_ints(node, "kernel_shape", &n_kernel);
  const int64_t *dilations = blok_node_ints(node, "dilations", &n_dilations);
  uint32_t n = x->rank > 2 && y->rank == x->rank ? (uint32_t)x->rank - 2 : 0;
  for (uint32_t i = 0; i < n; i++) {
    int64_t in = x->dims[i + 2].value, out = y->dims[i + 2].value;
    int64_t stride = item(strides, n_strides, i, 1);
    int64_t window = (item(kernel, n_kernel, i, 1) - 1) * item(dilations, n_dilations, i, 1) + 1;
    int64_t span = in + item(pads, n_pads, i, 0) + item(pads, n_pads, n + i, 0) - window;
    if (in < 0 || out < 0 || stride < 1 || span < 0) continue;
    if ((span + stride - 1) / stride + 1 != out) return true;
  }
  return false;
}

blok_status blok_downgrade_pool(blok_downgrading *self, blok_error *error) {
  const blok_node *node = blok_down_node(self);
  const blok_schema *schema = blok_schema_find("", node->op_type, self->opset);
  bool up = blok_node_int(node, "ceil_mode", 0) != 0;
  // These two ask for the number of windows, however it is rounded.
  bool same = blok_node_text_is(node, "auto_pad", "NOTSET", "SAME_UPPER") ||
              blok_node_text_is(node, "auto_pad", "NOTSET", "SAME_LOWER");
  bool taken = schema && blok_schema_attr_find(schema, "ceil_mode");
  if (!up || !schema || (taken && (same || !drops_a_window(self)))) return BLOK_OK;
  if (!same) return round_down(self, error);
  blok_node_drop_attr(self->graph, self->node, "ceil_mode");
  return BLOK_OK;
}

// ---- Slice --------------------------------------------------------------------------------------

typedef struct slicing {
  blok_down_list starts, ends, axes, steps;
} slicing;

static blok_status read_slicing(blok_downgrading *self, slicing *out, blok_error *error) {
  BLOK_TRY(blok_down_ints(self, 1, &out->starts, error));
  BLOK_TRY(blok_down_ints(self, 2, &out->ends, error));
  BLOK_TRY(blok_down_ints(self, 3, &out->axes, error));
  BLOK_TRY(blok_down_ints(self, 4, &out->steps, error));
  bool all = out->starts.known && out->ends.known && out->starts.n == out->ends.n;
  if (blok_down_input(self, 3).i) all = all && out->axes.known && out->axes.n == out->starts.n;
  if (blok_down_input(self, 4).i) all = all && out->steps.known && out->steps.n == out->starts.n;
  if (!all) {
    return blok_down_fail(self, error, "starts, ends, axes and steps must be constant there");
  }
  if (!out->axes.known) return BLOK_OK;
  return blok_down_axes(self, blok_down_in(self, 0)->rank, out->axes.values, out->axes.n, error);
}

// The elements that one axis keeps, which Gather takes.
static blok_status gather_steps(blok_downgrading *self, const slicing *cut, uint32_t i,
                                blok_value_id *value, blok_error *error) {
  const blok_fact *x = blok_down_in(self, 0);
  int64_t axis = cut->axes.known ? cut->axes.values[i] : (int64_t)i;
  int64_t length = axis < x->rank ? x->dims[axis].value : -1;
  int64_t step = cut->steps.values[i];
  if (length < 0 || length > LARGEST_CONSTANT || step == 0) {
    return blok_down_fail(self, error, "steps came with 10, and axis %lld is of open length",
                          (long long)axis);
  }
  int64_t low = step < 0 ? -1 : 0;
  int64_t high = step < 0 ? length - 1 : length;
  int64_t bounds[2] = {cut->starts.values[i], cut->ends.values[i]};
  for (int k = 0; k < 2; k++) {
    if (bounds[k] < 0) bounds[k] = bounds[k] < -length ? INT64_MIN : bounds[k] + length;
    bounds[k] = bounds[k] < low ? low : bounds[k] > high ? high : bounds[k];
  }
  int64_t *indices =
      blok_arena_array(&self->graph->module->arena, (size_t)length + 1, sizeof *indices);
  if (!indices) return blok_fail_memory(error, 0);
  uint32_t n = 0;
  if (step > length) step = length + 1;
  if (step < -length) step = -length - 1;
  for (int64_t at = bounds[0]; step > 0 ? at < bounds[1] : at > bounds[1]; at += step) {
    if (at >= 0 && at < length) indices[n++] = at;
  }
  blok_node_id made = BLOK_NO_NODE;
  blok_value_id inputs[2] = {*value, BLOK_NO_VALUE};
  BLOK_TRY(blok_rewrite_ints(self->graph, self->node, "indices", indices, n, &inputs[1], error));
  BLOK_TRY(blok_down_make(self, "Gather", 2, inputs, &made, value, error));
  return blok_node_set_int(self->graph, made, "axis", axis, error);
}

// Axes cut with other steps than 1 are gathered one by one; *n is how many are left to slice.
static blok_status take_steps(blok_downgrading *self, slicing *cut, uint32_t *n,
                              blok_value_id *value, blok_error *error) {
  uint32_t kept = 0;
  int64_t *axes = blok_arena_array(&self->graph->module->arena, (size_t)*n + 1, sizeof *axes);
  if (!axes) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < *n; i++) {
    if (cut->steps.known && cut->steps.values[i] != 1) {
      BLOK_TRY(gather_steps(self, cut, i, value, error));
      continue;
    }
    axes[kept] = cut->axes.known ? cut->axes.values[i] : (int64_t)i;
    cut->starts.values[kept] = cut->starts.values[i];
    cut->ends.values[kept] = cut->ends.values[i];
    kept++;
  }
  cut->axes = (blok_down_list){true, kept, axes};
  *n = kept;
  return BLOK_OK;
}

static blok_status front_slice_axes(blok_downgrading *self, blok_error *error) {
  blok_down_list axes;
  blok_value_id list = BLOK_NO_VALUE;
  bool negative = false;
  BLOK_TRY(blok_down_ints(self, 3, &axes, error));
  for (uint32_t i = 0; i < axes.n; i++) negative = negative || axes.values[i] < 0;
  if (!negative) return BLOK_OK;
  BLOK_TRY(blok_down_axes(self, blok_down_in(self, 0)->rank, axes.values, axes.n, error));
  BLOK_TRY(blok_rewrite_ints(self->graph, self->node, "axes", axes.values, axes.n, &list, error));
  blok_graph_set_input(self->graph, self->node, 3, list);
  return BLOK_OK;
}

blok_status blok_downgrade_slice(blok_downgrading *self, blok_error *error) {
  blok_graph *graph = self->graph;
  slicing cut;
  if (self->opset >= 10) return front_slice_axes(self, error);
  BLOK_TRY(read_slicing(self, &cut, error));
  uint32_t n = cut.starts.n;
  blok_value_id value = blok_down_input(self, 0);
  bool axes = cut.axes.known;
  BLOK_TRY(take_steps(self, &cut, &n, &value, error));
  if (n == 0) return blok_down_become(self, "Identity", value, BLOK_NO_VALUE, error);
  axes = axes || n < cut.starts.n;
  BLOK_TRY(blok_down_become(self, "Slice", value, BLOK_NO_VALUE, error));
  if (axes) BLOK_TRY(blok_node_set_ints(graph, self->node, "axes", cut.axes.values, n, error));
  BLOK_TRY(blok_node_set_ints(graph, self->node, "starts", cut.starts.values, n, error));
  return blok_node_set_ints(graph, self->node, "ends", cut.ends.values, n, error);
}

// ---- Depth and space ----------------------------------------------------------------------------

// Columns first, which came later than rows first, is a Reshape, a Transpose and a Reshape.
blok_status blok_downgrade_depth_space(blok_downgrading *self, blok_error *error) {
  const blok_fact *x = blok_down_in(self, 0);
  bool depth = strcmp(blok_down_node(self)->op_type, "DepthToSpace") == 0;
  int64_t size = blok_node_int(blok_down_node(self), "blocksize", 0);
  if (!blok_node_text_is(blok_down_node(self), "mode", "DCR", "CRD")) return BLOK_OK;
  bool known = x->rank == 4 && size > 0 && size < 65536;
  for (uint32_t i = 1; known && i < 4; i++) known = x->dims[i].value > 0;
  if (!known) {
    return blok_down_fail(self, error, "mode CRD came with %d, and its sizes are not known",
                          depth ? 11 : 28);
  }
  int64_t c = x->dims[1].value, h = x->dims[2].value, w = x->dims[3].value;
  int64_t spread[6] = {0, c / (size * size), size, size, h, w};
  int64_t gathered[6] = {0, c, h / size, size, w / size, size};
  int64_t perms[2][6] = {{0, 1, 3, 5, 2, 4}, {0, 1, 4, 2, 5, 3}};
  int64_t up[4] = {0, c / (size * size), h * size, w * size};
  int64_t down[4] = {0, c * size * size, h / size, w / size};
  blok_value_id value = blok_down_input(self, 0);
  blok_value_id shape = BLOK_NO_VALUE;
  BLOK_TRY(blok_down_reshape(self, value, depth ? spread : gathered, 6, &value, error));
  BLOK_TRY(blok_down_transpose(self, value, perms[depth], 6, &value, error));
  BLOK_TRY(
      blok_rewrite_ints(self->graph, self->node, "shape", depth ? up : down, 4, &shape, error));
  return blok_down_become(self, "Reshape", value, shape, error);
}

// ---- Constants ----------------------------------------------------------------------------------

static blok_status constant_of(blok_downgrading *self, blok_dtype dtype, uint32_t rank, int64_t n,
                               const void *elements, blok_error *error) {
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = dtype;
  tensor.rank = rank;
  tensor.dims[0] = n;
  tensor.bytes = (size_t)n * blok_dtype_size(dtype);
  tensor.data = blok_arena_copy(&self->graph->module->arena, elements, tensor.bytes);
  if (!tensor.data) return blok_fail_memory(error, tensor.bytes);
  return blok_down_constant(self, &tensor, error);
}

// Numbers and lists that stand in attributes of their own came with 12: they become tensors.
blok_status blok_downgrade_constant(blok_downgrading *self, blok_error *error) {
  const blok_node *node = blok_down_node(self);
  const blok_attr *attr = node->n_attrs == 1 ? &node->attrs[0] : NULL;
  if (!attr || attr->ref) return BLOK_OK;
  if (blok_text_equal(attr->name, "value") && attr->type == BLOK_ATTR_TENSOR) {
    bool taken =
        self->opset >= 9 || !attr->as.literal || blok_dtype_is_float(attr->as.literal->dtype);
    return taken ? BLOK_OK : blok_down_literal(self, attr->as.literal, error);
  }
  if (blok_text_equal(attr->name, "value_int") && attr->type == BLOK_ATTR_INT) {
    return constant_of(self, BLOK_I64, 0, 1, &attr->as.i, error);
  }
  if (blok_text_equal(attr->name, "value_float") && attr->type == BLOK_ATTR_FLOAT) {
    return constant_of(self, BLOK_F32, 0, 1, &attr->as.f, error);
  }
  if (blok_text_equal(attr->name, "value_ints") && attr->type == BLOK_ATTR_INTS) {
    return constant_of(self, BLOK_I64, 1, attr->n, attr->as.ints, error);
  }
  if (blok_text_equal(attr->name, "value_floats") && attr->type == BLOK_ATTR_FLOATS) {
    return constant_of(self, BLOK_F32, 1, attr->n, attr->as.floats, error);
  }
  return BLOK_OK;
}

// The one element that ConstantOfShape repeats; a float32 zero where it says none.
static blok_status repeated(blok_downgrading *self, blok_tensor *out, blok_error *error) {
  const blok_attr *attr = blok_node_attr(blok_down_node(self), "value");
  blok_arena *arena = &self->graph->module->arena;
  blok_tensor *tensor = NULL;
  *out = (blok_tensor)BLOK_TENSOR_INIT;
  out->dtype = BLOK_F32;
  out->bytes = sizeof(float);
  out->data = blok_arena_zero(arena, sizeof(float));
  if (!out->data) return blok_fail_memory(error, sizeof(float));
  if (!attr) return BLOK_OK;
  if (attr->type != BLOK_ATTR_TENSOR || attr->ref || !attr->as.literal) {
    return blok_down_fail(self, error, "its attribute value is no tensor");
  }
  BLOK_TRY(blok_literal_tensor(attr->as.literal, arena, &tensor, error));
  if (blok_ref_count(tensor) != 1) {
    return blok_down_fail(self, error, "its attribute value is not one element");
  }
  *out = *tensor;
  out->rank = 0;
  return BLOK_OK;
}

// Came with 9: an Expand in 8, and a constant where the shape is known.
blok_status blok_downgrade_constant_of_shape(blok_downgrading *self, blok_error *error) {
  blok_down_list shape;
  blok_tensor value;
  size_t count = 0;
  BLOK_TRY(repeated(self, &value, error));
  BLOK_TRY(blok_down_ints(self, 0, &shape, error));
  bool fits = shape.known && shape.n <= BLOK_MAX_RANK &&
              blok_dims_count(shape.values, shape.n, &count) && count <= LARGEST_CONSTANT;
  if (!fits && self->opset >= 8) {
    blok_value_id one = BLOK_NO_VALUE;
    BLOK_TRY(blok_down_numbers(self, "value", value.dtype, 0, NULL, value.data, &one, error));
    return blok_down_become(self, "Expand", one, blok_down_input(self, 0), error);
  }
  if (!fits) return blok_down_fail(self, error, "it came with 9");
  blok_tensor whole = value;
  whole.rank = shape.n;
  for (uint32_t i = 0; i < shape.n; i++) whole.dims[i] = shape.values[i];
  whole.bytes = count * value.bytes;
  whole.data = blok_arena_alloc(&self->graph->module->arena, whole.bytes + 1);
  if (!whole.data) return blok_fail_memory(error, whole.bytes);
  for (size_t i = 0; i < count; i++) {
    memcpy((char *)whole.data + i * value.bytes, value.data, value.bytes);
  }
  return blok_down_constant(self, &whole, error);
}

// ---- Trilu --------------------------------------------------------------------------------------

// Which elements of the last two axes a Trilu keeps.
static blok_status triangle(blok_downgrading *self, int64_t rows, int64_t columns, int64_t k,
                            blok_value_id *out, blok_error *error) {
  bool upper = blok_node_int(blok_down_node(self), "upper", 1) != 0;
  int64_t dims[2] = {rows, columns};
  uint8_t *on = blok_arena_zero(&self->graph->module->arena, (size_t)(rows * columns) + 1);
  if (!on) return blok_fail_memory(error, (size_t)(rows * columns));
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t c = 0; c < columns; c++) {
      on[r * columns + c] = upper ? c - r >= k : c - r <= k;
    }
  }
  return blok_down_numbers(self, "kept", BLOK_BOOL, 2, dims, on, out, error);
}

blok_status blok_downgrade_trilu(blok_downgrading *self, blok_error *error) {
  const blok_fact *x = blok_down_in(self, 0);
  blok_dtype dtype = blok_down_dtype(self, blok_down_input(self, 0));
  blok_value_id in[3] = {BLOK_NO_VALUE, blok_down_input(self, 0), BLOK_NO_VALUE};
  blok_down_list k = {.known = true};
  if (blok_down_input(self, 1).i) BLOK_TRY(blok_down_ints(self, 1, &k, error));
  int64_t rows = x->rank >= 2 ? x->dims[x->rank - 2].value : -1;
  int64_t columns = x->rank >= 2 ? x->dims[x->rank - 1].value : -1;
  bool number = blok_dtype_is_float(dtype) || blok_dtype_is_integer(dtype);
  bool small = rows >= 0 && columns >= 0 && rows <= 65536 && columns <= 65536 &&
               rows * columns <= LARGEST_CONSTANT;
  if (self->opset < 9 || !number || !small || !k.known) {
    return blok_down_fail(self, error, "it came with 14");
  }
  BLOK_TRY(triangle(self, rows, columns, k.n ? k.values[0] : 0, &in[0], error));
  BLOK_TRY(blok_down_number(self, "zero", dtype, 0, &in[2], error));
  BLOK_TRY(blok_down_become(self, "Where", in[0], in[1], error));
  return blok_rewrite_input(self->graph, self->node, 2, in[2], error);
}

// ---- If -----------------------------------------------------------------------------------------

// The shapes that two values declare can be those of one: NULL types declare none.
static bool shapes_agree(const blok_type *a, const blok_type *b) {
  bool tensors = a && b && a->kind == BLOK_TYPE_TENSOR && b->kind == BLOK_TYPE_TENSOR;
  if (!tensors || !a->has_shape || !b->has_shape) return true;
  if (a->rank != b->rank) return false;
  for (uint32_t i = 0; i < a->rank; i++) {
    bool known = a->dims[i].value >= 0 && b->dims[i].value >= 0;
    if (known && a->dims[i].value != b->dims[i].value) return false;
  }
  return true;
}

// Below 11 both branches had to give the same shapes.
blok_status blok_downgrade_branches(blok_downgrading *self, blok_error *error) {
  const blok_subgraph *then = blok_node_subgraph(blok_down_node(self), 0);
  const blok_subgraph *otherwise = then ? blok_node_subgraph(blok_down_node(self), 1) : NULL;
  if (!otherwise || !then->graph || !otherwise->graph) return BLOK_OK;
  const blok_graph *a = then->graph, *b = otherwise->graph;
  for (uint32_t i = 0; i < a->n_outputs && i < b->n_outputs; i++) {
    if (shapes_agree(a->outputs[i].type, b->outputs[i].type)) continue;
    return blok_down_fail(self, error, "its branches give output %u in different shapes", i);
  }
  return BLOK_OK;
}
