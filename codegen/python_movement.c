// Operators that move, choose and reduce elements, as calls of PyTorch.
#include <string.h>

#include "codegen/python.h"
#include "graph/infer.h"

// ---- Shapes -------------------------------------------------------------------------------------

static const char *of_shape(blok_py_call *call) {
  const long long start = blok_node_int(call->node, "start", 0);
  const blok_attr *end = blok_node_attr(call->node, "end");
  const char *x = blok_py_tensor(call, 0);
  if (!start && !end) return blok_py(call->python, "torch.tensor(%s.shape)", x);
  const char *last = end ? blok_py(call->python, "%lld", (long long)end->as.i) : "";
  return blok_py(call->python, "torch.tensor(%s.shape[%lld:%s])", x, start, last);
}

static const char *of_size(blok_py_call *call) {
  return blok_py(call->python, "torch.tensor(%s.numel())", blok_py_tensor(call, 0));
}

static const char *of_reshape(blok_py_call *call) {
  blok_python *self = call->python;
  int64_t dims[BLOK_INLINE_ELEMENTS];
  uint32_t n = 0;
  const char *x = blok_py_tensor(call, 0), *text = "";
  const bool zeros = blok_node_int(call->node, "allowzero", 0) != 0;
  if (!blok_py_ints(call, 1, NULL, &n, dims)) {
    self->uses[BLOK_PY_RESHAPE] = true;
    return blok_py(self, "reshape(%s, %s%s)", x, blok_py_tensor(call, 1),
                   zeros ? ", keep_zeros=True" : "");
  }
  if (n == 0) return blok_py(self, "%s.reshape(())", x);
  for (uint32_t i = 0; i < n; i++) {
    text = dims[i] == 0 && !zeros
               ? blok_py(self, "%s%s%s.shape[%u]", text, i ? ", " : "", x, i)
               : blok_py(self, "%s%s%lld", text, i ? ", " : "", (long long)dims[i]);
  }
  return blok_py(self, "%s.reshape(%s)", x, text);
}

static const char *of_flatten(blok_py_call *call) {
  int64_t axis = 0;
  const char *x = blok_py_tensor(call, 0);
  const int32_t rank = blok_py_rank(call, 0);
  const int64_t given = blok_node_int(call->node, "axis", 1);
  if (given == 1 && rank >= 2) return blok_py(call->python, "%s.flatten(1)", x);
  if (given == 0) return blok_py(call->python, "%s.reshape(1, -1)", x);
  if (rank < 2) return blok_py_refuse(call, "its number of axes is not known");
  axis = given < 0 ? given + rank : given;
  if (axis == rank) return blok_py(call->python, "%s.reshape(-1, 1)", x);
  if (axis == 0) return blok_py(call->python, "%s.reshape(1, -1)", x);
  return blok_py(call->python, "%s.flatten(%lld).flatten(0, %lld)", x, (long long)axis,
                 (long long)axis - 1);
}

static const char *of_transpose(blok_py_call *call) {
  uint32_t n = 0;
  const int32_t rank = blok_py_rank(call, 0);
  const int64_t *perm = blok_node_ints(call->node, "perm", &n);
  int64_t axes[BLOK_MAX_RANK];
  if (!perm) {
    if (rank < 0) return blok_py_refuse(call, "its number of axes is not known");
    n = (uint32_t)rank;
    for (uint32_t i = 0; i < n; i++) axes[i] = (int64_t)n - 1 - i;
    perm = axes;
  }
  return blok_py(call->python, "%s.permute(%s)", blok_py_tensor(call, 0),
                 blok_py_tuple(call->python, perm, n, false));
}

static const char *of_squeeze(blok_py_call *call) {
  int64_t axes[BLOK_INLINE_ELEMENTS];
  uint32_t n = 0;
  const char *x = blok_py_tensor(call, 0);
  if (!blok_py_ints(call, 1, "axes", &n, axes))
    return blok_py_refuse(call, "its axes are computed");
  if (n == 0) return blok_py(call->python, "%s.squeeze()", x);
  if (n == 1) return blok_py(call->python, "%s.squeeze(%lld)", x, (long long)axes[0]);
  return blok_py(call->python, "%s.squeeze(%s)", x, blok_py_tuple(call->python, axes, n, false));
}

static const char *of_unsqueeze(blok_py_call *call) {
  int64_t axes[BLOK_INLINE_ELEMENTS];
  uint32_t n = 0;
  const int32_t rank = blok_py_rank(call, 0);
  const char *text = blok_py_tensor(call, 0);
  if (!blok_py_ints(call, 1, "axes", &n, axes) || rank < 0) {
    return blok_py_refuse(call, "its axes are not known");
  }
  for (uint32_t i = 0; i < n; i++) axes[i] += axes[i] < 0 ? rank + (int64_t)n : 0;
  for (int64_t axis = 0; axis < rank + (int64_t)n; axis++) {
    for (uint32_t i = 0; i < n; i++) {
      if (axes[i] == axis)
        text = blok_py(call->python, "%s.unsqueeze(%lld)", text, (long long)axis);
    }
  }
  return text;
}

static const char *of_expand(blok_py_call *call) {
  blok_python *self = call->python;
  int64_t dims[BLOK_INLINE_ELEMENTS];
  uint32_t n = 0;
  const char *x = blok_py_tensor(call, 0);
  const char *shape = blok_py_ints(call, 1, NULL, &n, dims)
                          ? blok_py_tuple(self, dims, n, false)
                          : blok_py(self, "%s.tolist()", blok_py_tensor(call, 1));
  return blok_py(self, "%s.expand(torch.broadcast_shapes(%s.shape, %s))", x, x, shape);
}

static const char *of_tile(blok_py_call *call) {
  int64_t dims[BLOK_INLINE_ELEMENTS];
  uint32_t n = 0;
  const char *repeats = blok_py_ints(call, 1, NULL, &n, dims)
                            ? blok_py_tuple(call->python, dims, n, false)
                            : blok_py(call->python, "%s.tolist()", blok_py_tensor(call, 1));
  return blok_py(call->python, "%s.repeat(%s)", blok_py_tensor(call, 0), repeats);
}

static const char *of_constant_of_shape(blok_py_call *call) {
  blok_python *self = call->python;
  const blok_attr *value = blok_node_attr(call->node, "value");
  const char *number = "0.0", *type = "";
  if (value && value->type == BLOK_ATTR_TENSOR) {
    uint64_t space = 0;
    float f32;
    const blok_literal *literal = value->as.literal;
    size_t count = 0, bytes = 0;
    if (!blok_literal_count(literal, &count) || count != 1 ||
        !blok_dense_bytes(literal->dtype, 1, &bytes) || bytes > sizeof space ||
        blok_literal_read(literal, &self->outline->allocator, &space, bytes, NULL) != BLOK_OK) {
      return blok_py_refuse(call, "its value is none");
    }
    memcpy(&f32, &space, sizeof f32);
    int64_t i64;
    memcpy(&i64, &space, sizeof i64);
    if (literal->dtype == BLOK_F32) {
      number = blok_py(self, "%s", blok_print_number((double)f32).text);
    } else if (literal->dtype == BLOK_I64) {
      number = blok_py(self, "%lld", (long long)i64);
      type = ", dtype=torch.int64";
    } else if (literal->dtype == BLOK_BOOL) {
      number = space & 0xff ? "True" : "False";
    } else {
      return blok_py_refuse(call, "a value of that type");
    }
  }
  return blok_py(self, "torch.full(%s.tolist(), %s%s)", blok_py_tensor(call, 0), number, type);
}

static const char *of_range(blok_py_call *call) {
  return blok_py(call->python, "torch.arange(%s, %s, %s)", blok_py_in(call, 0), blok_py_in(call, 1),
                 blok_py_in(call, 2));
}

// ---- Joining and parting ------------------------------------------------------------------------

static const char *of_concat(blok_py_call *call) {
  blok_page parts;
  blok_page_begin(&parts, &call->python->outline->allocator);
  for (uint32_t i = 0; i < call->node->n_inputs; i++) {
    blok_page_item(&parts, blok_py_tensor(call, i));
  }
  return blok_py(call->python, "torch.cat((%s%s), %lld)", blok_py_list(call->python, &parts),
                 call->node->n_inputs == 1 ? "," : "",
                 (long long)blok_node_int(call->node, "axis", 0));
}

static const char *of_split(blok_py_call *call) {
  blok_python *self = call->python;
  int64_t sizes[BLOK_INLINE_ELEMENTS], axis = 0;
  uint32_t n = 0;
  if (!blok_py_axis(call, 0, &axis) || !blok_py_ints(call, 1, "split", &n, sizes)) {
    return blok_py_refuse(call, "its sizes or its number of axes are not known");
  }
  if (n) {
    return blok_py(self, "%s.split(%s, %lld)", blok_py_tensor(call, 0),
                   blok_py_tuple(self, sizes, n, false), (long long)axis);
  }
  const blok_fact *x = blok_py_fact(call, 0);
  const int64_t parts = call->node->n_outputs, whole = x->dims[axis].value;
  if (whole < 0) return blok_py_refuse(call, "the size of the axis is not known");
  return blok_py(self, "%s.split(%lld, %lld)", blok_py_tensor(call, 0),
                 (long long)((whole + parts - 1) / parts), (long long)axis);
}

// One bound of a slice: a number, "" for none, or an element of what computes it.
static const char *bound(blok_py_call *call, uint32_t slot, uint32_t index, bool open_end) {
  int64_t values[BLOK_INLINE_ELEMENTS];
  uint32_t n = 0;
  if (!blok_py_ints(call, slot, NULL, &n, values)) {
    return blok_py(call->python, "int(%s[%u])", blok_py_tensor(call, slot), index);
  }
  if (open_end ? values[index] >= INT32_MAX : values[index] == 0) return "";
  return blok_py(call->python, "%lld", (long long)values[index]);
}

static const char *of_slice(blok_py_call *call) {
  blok_python *self = call->python;
  int64_t axes[BLOK_INLINE_ELEMENTS], steps[BLOK_INLINE_ELEMENTS];
  uint32_t n_axes = 0, n_steps = 0, n = 0, last = 0;
  int64_t values[BLOK_INLINE_ELEMENTS];
  const char *at[BLOK_MAX_RANK] = {NULL};
  const int32_t rank = blok_py_rank(call, 0);
  const blok_fact *starts = blok_py_fact(call, 1);
  if (rank < 1 || rank > BLOK_MAX_RANK || !blok_py_ints(call, 3, NULL, &n_axes, axes) ||
      !blok_py_ints(call, 4, NULL, &n_steps, steps)) {
    return blok_py_refuse(call, "its axes or steps are not known");
  }
  if (!blok_py_ints(call, 1, NULL, &n, values)) {
    if (starts->rank != 1 || starts->dims[0].value < 0 || starts->dims[0].value > rank) {
      return blok_py_refuse(call, "the number of its axes is not known");
    }
    n = (uint32_t)starts->dims[0].value;
  }
  for (uint32_t i = 0; i < n; i++) {
    const int64_t axis = i < n_axes ? axes[i] + (axes[i] < 0 ? rank : 0) : (int64_t)i;
    const int64_t step = i < n_steps ? steps[i] : 1;
    if (axis < 0 || axis >= rank) return blok_py_refuse(call, "an axis that is none");
    if (step < 0)
      return blok_py_refuse(call, "a negative step, which PyTorch's slices do not have");
    const char *more = step == 1 ? "" : blok_py(self, ":%lld", (long long)step);
    at[axis] = blok_py(self, "%s:%s%s", bound(call, 1, i, false), bound(call, 2, i, true), more);
    if (axis >= last) last = (uint32_t)axis + 1;
  }
  const char *text = "";
  for (uint32_t i = 0; i < last; i++) {
    text = blok_py(self, "%s%s%s", text, i ? ", " : "", at[i] ? at[i] : ":");
  }
  return last ? blok_py(self, "%s[%s]", blok_py_tensor(call, 0), text) : blok_py_tensor(call, 0);
}

static const char *of_gather(blok_py_call *call) {
  blok_python *self = call->python;
  blok_inline index;
  int64_t axis = 0;
  const char *x = blok_py_tensor(call, 0);
  const bool known = blok_py_axis(call, 0, &axis);
  if (!known) return blok_py_refuse(call, "its number of axes is not known");
  const blok_value_id value = blok_node_input(call->node, 1);
  if (blok_outline_inline(self->outline, value, &index) && index.rank == 0) {
    if (axis == 0) return blok_py(self, "%s[%lld]", x, (long long)index.ints[0]);
    return blok_py(self, "%s.select(%lld, %lld)", x, (long long)axis, (long long)index.ints[0]);
  }
  self->uses[BLOK_PY_GATHER] = true;
  return blok_py(self, "gather(%s, %s, %lld)", x, blok_py_tensor(call, 1), (long long)axis);
}

static const char *of_gather_elements(blok_py_call *call) {
  const char *index = blok_py_tensor(call, 1);
  return blok_py(call->python, "torch.gather(%s, %lld, %s)", blok_py_tensor(call, 0),
                 (long long)blok_node_int(call->node, "axis", 0), index);
}

// ---- Pads and pictures --------------------------------------------------------------------------

static const char *of_pad(blok_py_call *call) {
  blok_python *self = call->python;
  int64_t pads[BLOK_INLINE_ELEMENTS], axes[BLOK_INLINE_ELEMENTS];
  int64_t before[BLOK_MAX_RANK] = {0}, behind[BLOK_MAX_RANK] = {0};
  uint32_t n = 0, n_axes = 0;
  const int32_t rank = blok_py_rank(call, 0);
  const char *value = blok_py_in(call, 2), *text = "", *mode = "";
  if (rank < 1 || rank > BLOK_MAX_RANK || !blok_py_ints(call, 1, NULL, &n, pads) ||
      !blok_py_ints(call, 3, NULL, &n_axes, axes)) {
    return blok_py_refuse(call, "its pads are computed");
  }
  const uint32_t each = n / 2;
  for (uint32_t i = 0; i < each; i++) {
    const int64_t axis = n_axes ? axes[i] + (axes[i] < 0 ? rank : 0) : (int64_t)i;
    if (axis < 0 || axis >= rank) return blok_py_refuse(call, "an axis that is none");
    before[axis] = pads[i];
    behind[axis] = pads[each + i];
  }
  int32_t first = 0;
  while (first < rank - 1 && !before[first] && !behind[first]) first++;
  if (blok_node_text_is(call->node, "mode", "constant", "reflect")) mode = "reflect";
  if (blok_node_text_is(call->node, "mode", "constant", "edge")) mode = "replicate";
  if (blok_node_text_is(call->node, "mode", "constant", "wrap")) mode = "circular";
  if (*mode && first < 2) {
    if (before[0] || behind[0] || before[1] || behind[1]) {
      return blok_py_refuse(call, "PyTorch reflects and repeats only the axes of a picture");
    }
  }
  if (*mode && first < 2) first = 2;
  for (int32_t i = rank; i-- > first;) {
    text = blok_py(self, "%s%s%lld, %lld", text, *text ? ", " : "", (long long)before[i],
                   (long long)behind[i]);
  }
  if (*mode) mode = blok_py(self, ", mode=\"%s\"", mode);
  const bool zero = !value || strcmp(value, "0.0") == 0 || strcmp(value, "0") == 0 || *mode;
  return blok_py(self, "F.pad(%s, (%s)%s%s%s)", blok_py_tensor(call, 0), text, mode,
                 zero ? "" : ", value=", zero ? "" : value);
}

static const char *of_depth_to_space(blok_py_call *call) {
  const long long size = blok_node_int(call->node, "blocksize", 1);
  const char *x = blok_py_tensor(call, 0);
  if (blok_node_text_is(call->node, "mode", "DCR", "CRD")) {
    return blok_py(call->python, "F.pixel_shuffle(%s, %lld)", x, size);
  }
  return blok_py(call->python,
                 "F.pixel_shuffle(%s.unflatten(1, (%lld, -1)).transpose(1, 2).flatten(1, 2), %lld)",
                 x, size * size, size);
}

static const char *of_space_to_depth(blok_py_call *call) {
  const long long size = blok_node_int(call->node, "blocksize", 1);
  return blok_py(call->python,
                 "F.pixel_unshuffle(%s, %lld).unflatten(1, (-1, %lld)).transpose(1, 2)"
                 ".flatten(1, 2)",
                 blok_py_tensor(call, 0), size, size * size);
}

// The size or scale of the last axes, as an argument; NULL where the first two change.
static const char *target(blok_py_call *call) {
  blok_python *self = call->python;
  const int32_t rank = blok_py_rank(call, 0);
  const blok_value_id scales = blok_node_input(call->node, 2);
  const blok_literal *literal =
      scales.i ? blok_value_at(self->outline->graph, scales)->literal : NULL;
  float values[BLOK_MAX_RANK];
  size_t count = 0;
  if (blok_node_attr(call->node, "axes")) return NULL;
  if (literal && blok_literal_count(literal, &count) && count == (size_t)rank &&
      literal->dtype == BLOK_F32 &&
      blok_literal_read(literal, &self->outline->allocator, values, count * sizeof *values, NULL) ==
          BLOK_OK) {
    const char *text = "";
    if (values[0] != 1 || values[1] != 1) return NULL;
    for (size_t i = 2; i < count; i++) {
      text = blok_py(self, "%s%s%s", text, i > 2 ? ", " : "",
                     blok_print_number((double)values[i]).text);
    }
    return blok_py(self, "scale_factor=(%s%s)", text, count == 3 ? "," : "");
  }
  if (!blok_node_input(call->node, 3).i) return NULL;
  int64_t sizes[BLOK_INLINE_ELEMENTS];
  uint32_t n = 0;
  if (blok_py_ints(call, 3, NULL, &n, sizes)) {
    return n == (uint32_t)rank && n > 2
               ? blok_py(self, "size=%s", blok_py_tuple(self, sizes + 2, n - 2, false))
               : NULL;
  }
  return blok_py(self, "size=%s[2:].tolist()", blok_py_tensor(call, 3));
}

static const char *of_resize(blok_py_call *call) {
  static const char *const linear[] = {"linear", "bilinear", "trilinear"};
  const blok_node *node = call->node;
  const int32_t rank = blok_py_rank(call, 0);
  if (rank < 3 || rank > 5) return blok_py_refuse(call, "its number of axes is not 3 to 5");
  const bool corners =
      blok_node_text_is(node, "coordinate_transformation_mode", "half_pixel", "align_corners");
  const bool half =
      blok_node_text_is(node, "coordinate_transformation_mode", "half_pixel", "half_pixel") ||
      blok_node_text_is(node, "coordinate_transformation_mode", "half_pixel", "pytorch_half_pixel");
  const bool asymmetric =
      blok_node_text_is(node, "coordinate_transformation_mode", "half_pixel", "asymmetric");
  const bool floor = blok_node_text_is(node, "nearest_mode", "round_prefer_floor", "floor");
  const char *to = target(call), *mode = NULL, *more = "";
  if (!to) return blok_py_refuse(call, "it changes axes other than those of the picture");
  if (blok_node_text_is(node, "mode", "nearest", "nearest")) {
    if (asymmetric && floor) mode = "nearest";
  } else if (blok_node_text_is(node, "mode", "nearest", "linear")) {
    if (half || corners) mode = linear[rank - 3];
  } else if (rank == 4 && (half || corners) &&
             blok_node_float(node, "cubic_coeff_a", -0.75F) == -0.75F &&
             !blok_node_int(node, "exclude_outside", 0)) {
    mode = "bicubic";
  }
  if (!mode) return blok_py_refuse(call, "PyTorch's interpolate takes other pixels");
  if (corners) more = ", align_corners=True";
  if (blok_node_int(node, "antialias", 0)) more = blok_py(call->python, "%s, antialias=True", more);
  return blok_py(call->python, "F.interpolate(%s, %s, mode=\"%s\"%s)", blok_py_tensor(call, 0), to,
                 mode, more);
}

// ---- Reducing -----------------------------------------------------------------------------------

// ", (2, 3), keepdim=True"; false: the axes are computed. all: every axis.
static bool reduced(blok_py_call *call, const char **axes, bool *all) {
  int64_t values[BLOK_INLINE_ELEMENTS];
  uint32_t n = 0;
  if (!blok_py_ints(call, 1, "axes", &n, values)) return false;
  *all = n == 0;
  *axes = n == 1 ? blok_py(call->python, "%lld", (long long)values[0])
                 : blok_py_tuple(call->python, values, n, false);
  const int32_t rank = blok_py_rank(call, 0);
  if (n == 0 && rank >= 0) {
    for (int32_t i = 0; i < rank; i++) values[i] = i;
    *axes = blok_py_tuple(call->python, values, (uint32_t)rank, false);
  }
  return n > 0 || rank >= 0;
}

// What becomes of x before its sum, the method, and what of the result.
static const struct {
  const char *op_type, *before, *method, *after;
} reductions[] = {
    {"ReduceL1", ".abs()", "sum", ""},
    {"ReduceL2", ".square()", "sum", ".sqrt()"},
    {"ReduceLogSumExp", "", "logsumexp", ""},
    {"ReduceMax", "", "amax", ""},
    {"ReduceMean", "", "mean", ""},
    {"ReduceMin", "", "amin", ""},
    {"ReduceSum", "", "sum", ""},
    {"ReduceSumSquare", ".square()", "sum", ""},
};
enum { REDUCTIONS = sizeof reductions / sizeof *reductions };

static const char *of_reduce(blok_py_call *call) {
  const char *axes = NULL;
  bool all = false;
  if (!reduced(call, &axes, &all)) return blok_py_refuse(call, "its axes are not known");
  if (all && blok_node_int(call->node, "noop_with_empty_axes", 0)) return blok_py_tensor(call, 0);
  const char *keep = blok_node_int(call->node, "keepdims", 1) ? ", keepdim=True" : "";
  size_t i = 0;
  while (i + 1 < REDUCTIONS && strcmp(reductions[i].op_type, call->node->op_type) != 0) i++;
  return blok_py(call->python, "%s%s.%s(%s%s)%s", blok_py_tensor(call, 0), reductions[i].before,
                 reductions[i].method, axes, keep, reductions[i].after);
}

static const char *of_arg(blok_py_call *call) {
  const bool max = strcmp(call->node->op_type, "ArgMax") == 0;
  if (blok_node_int(call->node, "select_last_index", 0)) {
    return blok_py_refuse(call, "PyTorch gives the first index");
  }
  return blok_py(call->python, "%s.arg%s(%lld, keepdim=%s)", blok_py_tensor(call, 0),
                 max ? "max" : "min", (long long)blok_node_int(call->node, "axis", 0),
                 blok_node_int(call->node, "keepdims", 1) ? "True" : "False");
}

static const char *of_top_k(blok_py_call *call) {
  return blok_py(call->python, "%s.topk(int(%s), %lld, largest=%s)", blok_py_tensor(call, 0),
                 blok_py_in(call, 1), (long long)blok_node_int(call->node, "axis", -1),
                 blok_node_int(call->node, "largest", 1) ? "True" : "False");
}

static const char *of_cum_sum(blok_py_call *call) {
  int64_t axis[BLOK_INLINE_ELEMENTS];
  uint32_t n = 0;
  if (!blok_py_ints(call, 1, NULL, &n, axis) || n != 1 ||
      blok_node_int(call->node, "exclusive", 0) || blok_node_int(call->node, "reverse", 0)) {
    return blok_py_refuse(call, "only a plain sum along a known axis");
  }
  return blok_py(call->python, "%s.cumsum(%lld)", blok_py_tensor(call, 0), (long long)axis[0]);
}

static const char *of_non_zero(blok_py_call *call) {
  return blok_py(call->python, "%s.nonzero().T", blok_py_tensor(call, 0));
}

static const struct {
  const char *op_type;
  blok_py_fn write;
} functions[] = {
    {"ArgMax", of_arg},
    {"ArgMin", of_arg},
    {"Concat", of_concat},
    {"ConstantOfShape", of_constant_of_shape},
    {"CumSum", of_cum_sum},
    {"DepthToSpace", of_depth_to_space},
    {"Expand", of_expand},
    {"Flatten", of_flatten},
    {"Gather", of_gather},
    {"GatherElements", of_gather_elements},
    {"NonZero", of_non_zero},
    {"Pad", of_pad},
    {"Range", of_range},
    {"Reshape", of_reshape},
    {"Resize", of_resize},
    {"Shape", of_shape},
    {"Size", of_size},
    {"Slice", of_slice},
    {"SpaceToDepth", of_space_to_depth},
    {"Split", of_split},
    {"Squeeze", of_squeeze},
    {"Tile", of_tile},
    {"TopK", of_top_k},
    {"Transpose", of_transpose},
    {"Unsqueeze", of_unsqueeze},
};

blok_py_fn blok_py_find_movement(const char *op_type) {
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    if (strcmp(functions[i].op_type, op_type) == 0) return functions[i].write;
  }
  for (size_t i = 0; i < REDUCTIONS; i++) {
    if (strcmp(reductions[i].op_type, op_type) == 0) return of_reduce;
  }
  return NULL;
}
