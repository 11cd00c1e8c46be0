// Pad. With a constant, the input is copied to its place and the slabs around it are filled, all in
// one step; blocked where zeros are put around the pixels, and as a gathering of channels where
// they are put around the channels. The other modes go by tables.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/infer.h"
#include "runtime/ops/copy.h"

// Of each axis: what is added before, what is taken away before, and what is left of the input.
typedef struct pads {
  blok_tensor in, out;
  int64_t add[BLOK_MAX_RANK], drop[BLOK_MAX_RANK], left[BLOK_MAX_RANK];
} pads;

static bool is_kept(const pads *of, uint32_t axis) {
  return of->in.dims[axis] == of->out.dims[axis] && of->left[axis] == of->in.dims[axis];
}

// ---- What is asked for --------------------------------------------------------------------------

static bool set_axis(pads *of, uint32_t axis, int64_t begin, int64_t end) {
  const int64_t size = of->in.dims[axis];
  int64_t out;
  if (begin < -size || end < -size || !blok_add_i64(size, begin, &out) ||
      !blok_add_i64(out, end, &out) || out != of->out.dims[axis]) {
    return false;
  }
  of->add[axis] = blok_max_i64(begin, 0);
  of->drop[axis] = -blok_min_i64(begin, 0);
  of->left[axis] = size + blok_min_i64(begin, 0) + blok_min_i64(end, 0);
  return of->left[axis] >= 0;
}

static blok_status read_pads(blok_lowering *lowering, const blok_node *node, pads *of, bool *known,
                             blok_error *error) {
  int64_t amounts[2 * BLOK_MAX_RANK], axes[BLOK_MAX_RANK];
  bool seen[BLOK_MAX_RANK] = {false};
  uint32_t n = of->in.rank, n_amounts;
  for (uint32_t i = 0; i < n; i++) {
    axes[i] = i;
    of->add[i] = of->drop[i] = 0;
    of->left[i] = of->in.dims[i];
  }
  BLOK_TRY(blok_lower_ints(lowering, blok_node_input(node, 1), amounts, 2 * BLOK_MAX_RANK,
                           &n_amounts, known, error));
  if (*known && blok_node_input(node, 3).i) {
    BLOK_TRY(
        blok_lower_ints(lowering, blok_node_input(node, 3), axes, BLOK_MAX_RANK, &n, known, error));
  }
  *known = *known && n_amounts == 2 * n;
  for (uint32_t i = 0; i < n && *known; i++) {
    uint32_t axis;
    *known = blok_axis_normal(axes[i], of->in.rank, &axis) && !seen[axis] &&
             set_axis(of, axis, amounts[i], amounts[n + i]);
    if (*known) seen[axis] = true;
  }
  return BLOK_OK;
}

// ---- A constant around it -----------------------------------------------------------------------

// What is filled in: an element in the plan's arena, or a buffer that holds one.
typedef struct filler {
  const void *fixed;
  blok_buffer_id buffer;
  bool zero;  // all bits of it
} filler;

static blok_status read_filler(blok_lowering *lowering, const blok_node *node, size_t size,
                               filler *out, bool *fits, blok_error *error) {
  const blok_value_id value = blok_node_input(node, 2);
  blok_tensor tensor;
  bool known = false;
  char *bytes = blok_lower_alloc(lowering, 1, size);
  if (!bytes) return blok_fail_memory(error, size);
  *out = (filler){bytes, 0, true};
  *fits = true;
  if (!value.i) return BLOK_OK;
  if (!blok_lower_shape(lowering, value, &tensor) || tensor.bytes != size) {
    *fits = false;
    return BLOK_OK;
  }
  BLOK_TRY(blok_lower_known(lowering, value, &tensor, &known, error));
  if (known) {
    memcpy(bytes, tensor.data, size);
    for (size_t i = 0; i < size; i++) out->zero = out->zero && bytes[i] == 0;
    return BLOK_OK;
  }
  *out = (filler){NULL, 0, false};
  return blok_lower_plain(lowering, value, &out->buffer, error);
}

// The parts of the step that pads: the input's place first, then two slabs an axis. Each slab spans
// the axes after its own wholly, and those before it where the input lies. place: dims of the
// result, and strides of both sides; the first of its axes that are padded have the pads of `of`.
typedef struct box {
  uint32_t rank;
  size_t dims[BLOK_MAX_RANK], size;
  ptrdiff_t from_stride[BLOK_MAX_RANK], to_stride[BLOK_MAX_RANK];
  size_t add[BLOK_MAX_RANK], drop[BLOK_MAX_RANK], left[BLOK_MAX_RANK];
} box;

static uint32_t pad_parts(const box *place, blok_buffer_id from, blok_buffer_id to,
                          const filler *fill, blok_copy_part *parts) {
  blok_copy_part inner = {.from = from, .to = to};
  inner.job.size = place->size;
  inner.job.rank = place->rank;
  for (uint32_t i = 0; i < place->rank; i++) {
    inner.job.dims[i] = place->left[i];
    inner.job.from_stride[i] = place->from_stride[i];
    inner.job.to_stride[i] = place->to_stride[i];
    inner.from_offset += place->drop[i] * (size_t)place->from_stride[i];
    inner.to_offset += place->add[i] * (size_t)place->to_stride[i];
  }
  uint32_t n = 0;
  parts[n++] = inner;
  blok_copy_part slab = inner;
  slab.from = fill->buffer;
  slab.fixed = fill->fixed;
  slab.from_offset = 0;
  memset(slab.job.from_stride, 0, sizeof slab.job.from_stride);
  // From the last axis on: those after the present one are whole by then.
  for (uint32_t i = place->rank; i-- > 0;) {
    const size_t begin = place->add[i], end = begin + place->left[i];
    const size_t stride = (size_t)place->to_stride[i];
    slab.to_offset -= begin * stride;
    slab.job.dims[i] = begin;
    if (begin > 0) parts[n++] = slab;
    slab.job.dims[i] = place->dims[i] - end;
    slab.to_offset += end * stride;
    if (place->dims[i] > end) parts[n++] = slab;
    slab.to_offset -= end * stride;
    slab.job.dims[i] = place->dims[i];
  }
  return n;
}

static blok_status pad_boxes(blok_lowering *lowering, const box *place, blok_buffer_id from,
                             blok_buffer_id to, const filler *fill, blok_error *error) {
  blok_copy_part *parts = blok_lower_alloc(lowering, 1 + 2 * (size_t)place->rank, sizeof *parts);
  if (!parts) return blok_fail_memory(error, 0);
  const uint32_t n = pad_parts(place, from, to, fill, parts);
  return blok_lower_copies(lowering, "pad", n, parts, error);
}

static blok_status pad_plain(blok_lowering *lowering, const blok_node *node, const pads *of,
                             const filler *fill, blok_error *error) {
  blok_buffer_id from, to;
  box place = {.rank = of->in.rank, .size = blok_lower_element(&of->in)};
  BLOK_TRY(blok_lower_plain(lowering, node->inputs[0], &from, error));
  BLOK_TRY(blok_lower_output(lowering, node->outputs[0], BLOK_PLAIN, &to, error));
  blok_copy_strides(&of->in, place.from_stride);
  blok_copy_strides(&of->out, place.to_stride);
  for (uint32_t i = 0; i < of->in.rank; i++) {
    place.dims[i] = (size_t)of->out.dims[i];
    place.add[i] = (size_t)of->add[i];
    place.drop[i] = (size_t)of->drop[i];
    place.left[i] = (size_t)of->left[i];
  }
  return pad_boxes(lowering, &place, from, to, fill, error);
}

// Zeros around the pixels of a blocked value, whose elements are whole blocks.
static blok_status pad_pixels(blok_lowering *lowering, const blok_node *node, const pads *of,
                              blok_error *error) {
  blok_buffer_id from, to;
  const size_t size = blok_lower_isa(lowering)->lanes * sizeof(float);
  box place = {.rank = 4, .size = size};
  const filler zeros = {blok_lower_alloc(lowering, 1, size), 0, true};
  if (!zeros.fixed) return blok_fail_memory(error, size);
  BLOK_TRY(blok_lower_blocked(lowering, node->inputs[0], &from, error));
  BLOK_TRY(blok_lower_output(lowering, node->outputs[0], BLOK_BLOCKED, &to, error));
  blok_copy_planes(lowering, &blok_lower_buffer(lowering, from)->planes, place.left,
                   place.from_stride);
  blok_copy_planes(lowering, &blok_lower_buffer(lowering, to)->planes, place.dims, place.to_stride);
  for (uint32_t i = 0; i < of->in.rank; i++) {
    const uint32_t axis = i >= 2 ? i + 4 - of->in.rank : i;
    if (i == 1) continue;
    place.add[axis] = (size_t)of->add[i];
    place.drop[axis] = (size_t)of->drop[i];
    place.left[axis] = (size_t)of->left[i];
  }
  return pad_boxes(lowering, &place, from, to, &zeros, error);
}

static blok_status pad_channels(blok_lowering *lowering, const blok_node *node, const pads *of,
                                blok_error *error) {
  blok_channel_map map;
  const uint32_t channels = (uint32_t)of->out.dims[1];
  BLOK_TRY(blok_channel_map_new(lowering, channels, 1, &map, error));
  BLOK_TRY(blok_lower_blocked(lowering, node->inputs[0], &map.sources[0], error));
  for (uint32_t c = 0; c < channels; c++) {
    const int64_t from = (int64_t)c - of->add[1];
    map.lanes[c] = from >= 0 && from < of->left[1] ? (blok_lane){0, (uint32_t)(from + of->drop[1])}
                                                   : (blok_lane){BLOK_LANE_ZERO, 0};
  }
  return blok_lower_mapped(lowering, "pad", &map, 0, node->outputs[0], error);
}

static blok_status pad_constant(blok_lowering *lowering, const blok_node *node, const pads *of,
                                bool *done, blok_error *error) {
  filler fill = {NULL, 0, false};
  bool fits = false, only_channels = true;
  BLOK_TRY(read_filler(lowering, node, blok_lower_element(&of->in), &fill, &fits, error));
  if (!fits) return BLOK_OK;
  *done = true;
  for (uint32_t i = 0; i < of->in.rank; i++) only_channels &= i == 1 || is_kept(of, i);
  if (fill.zero && blok_lower_is_blocked(lowering, node->inputs[0])) {
    if (only_channels) return pad_channels(lowering, node, of, error);
    if (is_kept(of, 1)) return pad_pixels(lowering, node, of, error);
  }
  return pad_plain(lowering, node, of, &fill, error);
}

// ---- By tables ----------------------------------------------------------------------------------

typedef enum pad_mode { PAD_CONSTANT, PAD_EDGE, PAD_REFLECT, PAD_WRAP, PAD_MODES } pad_mode;

static pad_mode mode_of(const blok_node *node) {
  static const char *const names[] = {"constant", "edge", "reflect", "wrap"};
  int mode = 0;
  while (mode < PAD_MODES && !blok_node_text_is(node, "mode", "constant", names[mode])) mode++;
  return (pad_mode)mode;
}

// Which of n elements stands at place at, counted from the first of them.
static int64_t element_at(pad_mode mode, int64_t at, int64_t n) {
  if (mode == PAD_EDGE || n == 1) return blok_max_i64(0, blok_min_i64(at, n - 1));
  const int64_t period = mode == PAD_WRAP ? n : 2 * (n - 1);
  int64_t rest = at % period;
  if (rest < 0) rest += period;
  return rest < n ? rest : period - rest;
}

static blok_status pad_by_table(blok_lowering *lowering, const blok_node *node, pad_mode mode,
                                const pads *of, blok_error *error) {
  blok_pick job = {.size = blok_lower_element(&of->in), .rank = of->in.rank};
  ptrdiff_t strides[BLOK_MAX_RANK];
  blok_buffer_id from, to;
  blok_copy_strides(&of->in, strides);
  // Axes at the end that stay as they are belong to the element.
  while (job.rank > 1 && is_kept(of, job.rank - 1)) job.size *= (size_t)of->in.dims[--job.rank];
  for (uint32_t i = 0; i < job.rank; i++) {
    const size_t n = job.dims[i] = (size_t)of->out.dims[i];
    int64_t *offsets = blok_lower_alloc(lowering, n, sizeof *offsets);
    if (!offsets) return blok_fail_memory(error, n * sizeof *offsets);
    for (size_t k = 0; k < n; k++) {
      const int64_t at = element_at(mode, (int64_t)k - of->add[i], of->left[i]);
      offsets[k] = (at + of->drop[i]) * strides[i];
    }
    job.offsets[i] = offsets;
  }
  BLOK_TRY(blok_lower_plain(lowering, node->inputs[0], &from, error));
  BLOK_TRY(blok_lower_output(lowering, node->outputs[0], BLOK_PLAIN, &to, error));
  return blok_lower_pick(lowering, "pad", &job, from, to, error);
}

blok_status blok_lower_pad(blok_lowering *lowering, const blok_region *region, bool *done,
                           blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  const pad_mode mode = mode_of(node);
  pads of;
  bool known;
  if (!blok_lower_lone(lowering, region, &of.in, &of.out) || of.in.rank != of.out.rank ||
      of.in.rank == 0 || !blok_lower_element(&of.in) || mode == PAD_MODES) {
    return BLOK_OK;
  }
  BLOK_TRY(read_pads(lowering, node, &of, &known, error));
  if (!known) return BLOK_OK;
  if (mode == PAD_CONSTANT) return pad_constant(lowering, node, &of, done, error);
  for (uint32_t i = 0; i < of.in.rank; i++) {
    if (of.left[i] == 0) return BLOK_OK;
  }
  *done = true;
  return pad_by_table(lowering, node, mode, &of, error);
}
