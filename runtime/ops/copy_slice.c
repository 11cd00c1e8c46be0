// Slice and Split: ranges of axes. A range that lies together is a view; of a blocked value whole
// blocks of channels are views too, other channels are gathered, and ranges of the other axes are
// copies of pixels.
#include "base/error.h"
#include "graph/infer.h"
#include "graph/ops/geometry.h"
#include "runtime/ops/copy.h"

// What is taken of each axis: out's count from first on, in steps.
typedef struct ranges {
  blok_tensor in, out;
  int64_t first[BLOK_MAX_RANK], step[BLOK_MAX_RANK];
} ranges;

static bool takes_all(const ranges *of, uint32_t axis) {
  return of->first[axis] == 0 && of->step[axis] == 1 && of->out.dims[axis] == of->in.dims[axis];
}

static bool takes_all_but(const ranges *of, uint32_t axis) {
  for (uint32_t i = 0; i < of->in.rank; i++) {
    if (i != axis && !takes_all(of, i)) return false;
  }
  return true;
}

// ---- Plain --------------------------------------------------------------------------------------

// The range lies together, *offset bytes into the input.
static bool lies_together(const ranges *of, size_t *offset) {
  ptrdiff_t strides[BLOK_MAX_RANK];
  bool cut = false;  // an axis further in is not taken whole
  *offset = 0;
  blok_copy_strides(&of->in, strides);
  for (uint32_t axis = of->in.rank; axis-- > 0;) {
    if (of->out.dims[axis] > 1 && (cut || of->step[axis] != 1)) return false;
    if (of->out.dims[axis] != of->in.dims[axis]) cut = true;
    *offset += (size_t)of->first[axis] * (size_t)strides[axis];
  }
  return true;
}

static void plain_part(const ranges *of, blok_copy_part *part) {
  blok_copy *job = &part->job;
  job->size = blok_lower_element(&of->in);
  job->rank = of->in.rank;
  blok_copy_strides(&of->in, job->from_stride);
  blok_copy_strides(&of->out, job->to_stride);
  for (uint32_t axis = 0; axis < job->rank; axis++) {
    job->dims[axis] = (size_t)of->out.dims[axis];
    part->from_offset += (size_t)of->first[axis] * (size_t)job->from_stride[axis];
    // The step of a single element is never taken, and may be too large to multiply.
    job->from_stride[axis] = job->dims[axis] > 1 ? job->from_stride[axis] * of->step[axis] : 0;
  }
}

// ---- Blocked ------------------------------------------------------------------------------------

static blok_status take_channels(blok_lowering *lowering, const ranges *of, const char *kernel,
                                 blok_buffer_id from, blok_value_id value, blok_error *error) {
  const uint32_t lanes = blok_lower_isa(lowering)->lanes, channels = (uint32_t)of->out.dims[1];
  const int64_t first = of->first[1], end = first + channels;
  // The last block's further lanes must be 0: it is whole, or the input's own last.
  if (of->step[1] == 1 && first % lanes == 0 && (end % lanes == 0 || end == of->in.dims[1])) {
    return blok_lower_view_blocked(lowering, value, from, (uint32_t)first, error);
  }
  blok_channel_map map;
  BLOK_TRY(blok_channel_map_new(lowering, channels, 1, &map, error));
  map.sources[0] = from;
  for (uint32_t c = 0; c < channels; c++) {
    map.lanes[c] = (blok_lane){0, (uint32_t)(first + (int64_t)c * of->step[1])};
  }
  return blok_lower_mapped(lowering, kernel, &map, 0, value, error);
}

static void pixels_part(const blok_lowering *lowering, const ranges *of, blok_copy_part *part) {
  blok_copy *job = &part->job;
  size_t whole[4];
  job->size = blok_lower_isa(lowering)->lanes * sizeof(float);
  job->rank = 4;
  blok_copy_planes(lowering, &blok_lower_buffer(lowering, part->from)->planes, whole,
                   job->from_stride);
  blok_copy_planes(lowering, &blok_lower_buffer(lowering, part->to)->planes, job->dims,
                   job->to_stride);
  for (uint32_t i = 0; i < of->in.rank; i++) {
    // Of three axes the last one is the row; blocks are taken whole.
    const uint32_t axis = i >= 2 ? i + 4 - of->in.rank : i;
    if (i == 1) continue;
    part->from_offset += (size_t)of->first[i] * (size_t)job->from_stride[axis];
    job->from_stride[axis] = job->dims[axis] > 1 ? job->from_stride[axis] * of->step[i] : 0;
  }
}

// ---- Either -------------------------------------------------------------------------------------

// Makes value of the ranges; where that is a copy, *part becomes it and *copies grows.
static blok_status take(blok_lowering *lowering, const ranges *of, const char *kernel,
                        blok_value_id source, blok_value_id value, blok_copy_part *part,
                        uint32_t *copies, blok_error *error) {
  size_t offset;
  if (blok_lower_is_blocked(lowering, source) && (of->in.rank == 3 || of->in.rank == 4)) {
    BLOK_TRY(blok_lower_blocked(lowering, source, &part->from, error));
    if (takes_all_but(of, 1)) return take_channels(lowering, of, kernel, part->from, value, error);
    if (takes_all(of, 1)) {
      BLOK_TRY(blok_lower_output(lowering, value, BLOK_BLOCKED, &part->to, error));
      pixels_part(lowering, of, part);
      (*copies)++;
      return BLOK_OK;
    }
  }
  BLOK_TRY(blok_lower_plain(lowering, source, &part->from, error));
  if (lies_together(of, &offset)) {
    return blok_lower_view(lowering, value, part->from, offset, error);
  }
  BLOK_TRY(blok_lower_output(lowering, value, BLOK_PLAIN, &part->to, error));
  plain_part(of, part);
  (*copies)++;
  return BLOK_OK;
}

static void take_everything(ranges *of) {
  for (uint32_t axis = 0; axis < of->in.rank; axis++) {
    of->first[axis] = 0;
    of->step[axis] = 1;
  }
}

// ---- Slice --------------------------------------------------------------------------------------

typedef struct slice_inputs {
  int64_t starts[BLOK_MAX_RANK], ends[BLOK_MAX_RANK], axes[BLOK_MAX_RANK], steps[BLOK_MAX_RANK];
  uint32_t n;
} slice_inputs;

// An input of n integers; one left out keeps what values holds.
static blok_status read_list(blok_lowering *lowering, blok_value_id value, int64_t *values,
                             uint32_t n, bool *known, blok_error *error) {
  uint32_t have = n;
  if (!value.i) return BLOK_OK;
  bool told;
  BLOK_TRY(blok_lower_ints(lowering, value, values, BLOK_MAX_RANK, &have, &told, error));
  *known = *known && told && have == n;
  return BLOK_OK;
}

static blok_status read_slice(blok_lowering *lowering, const blok_node *node, slice_inputs *out,
                              bool *known, blok_error *error) {
  BLOK_TRY(blok_lower_ints(lowering, blok_node_input(node, 1), out->starts, BLOK_MAX_RANK, &out->n,
                           known, error));
  for (uint32_t i = 0; i < out->n; i++) {
    out->axes[i] = i;
    out->steps[i] = 1;
  }
  *known = *known && blok_node_input(node, 2).i;
  BLOK_TRY(read_list(lowering, blok_node_input(node, 2), out->ends, out->n, known, error));
  BLOK_TRY(read_list(lowering, blok_node_input(node, 3), out->axes, out->n, known, error));
  return read_list(lowering, blok_node_input(node, 4), out->steps, out->n, known, error);
}

static bool slice_ranges(const slice_inputs *asked, ranges *of) {
  bool seen[BLOK_MAX_RANK] = {false};
  take_everything(of);
  for (uint32_t i = 0; i < asked->n; i++) {
    uint32_t axis;
    int64_t count;
    if (!blok_axis_normal(asked->axes[i], of->in.rank, &axis) || seen[axis] ||
        asked->steps[i] == 0) {
      return false;
    }
    seen[axis] = true;
    blok_slice_range(of->in.dims[axis], asked->starts[i], asked->ends[i], asked->steps[i],
                     &of->first[axis], &count);
    if (count != of->out.dims[axis]) return false;
    of->step[axis] = count > 1 ? asked->steps[i] : 1;
  }
  for (uint32_t axis = 0; axis < of->in.rank; axis++) {
    if (!seen[axis] && of->in.dims[axis] != of->out.dims[axis]) return false;
  }
  return true;
}

blok_status blok_lower_slice(blok_lowering *lowering, const blok_region *region, bool *done,
                             blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  ranges of;
  slice_inputs asked;
  bool known;
  if (!blok_lower_lone(lowering, region, &of.in, &of.out) || of.in.rank != of.out.rank ||
      !blok_lower_element(&of.in)) {
    return BLOK_OK;
  }
  BLOK_TRY(read_slice(lowering, node, &asked, &known, error));
  if (!known || !slice_ranges(&asked, &of)) return BLOK_OK;
  *done = true;
  blok_copy_part *part = blok_lower_alloc(lowering, 1, sizeof *part);
  uint32_t copies = 0;
  if (!part) return blok_fail_memory(error, sizeof *part);
  BLOK_TRY(take(lowering, &of, "slice", node->inputs[0], node->outputs[0], part, &copies, error));
  return copies ? blok_lower_copies(lowering, "slice", 1, part, error) : BLOK_OK;
}

// ---- Split --------------------------------------------------------------------------------------

// The outputs' sizes along the axis add up to the input's.
static bool parts_add_up(const blok_lowering *lowering, const blok_node *node,
                         const blok_tensor *in, uint32_t axis) {
  int64_t sum = 0;
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    blok_tensor out;
    if (!node->outputs[i].i || !blok_lower_shape(lowering, node->outputs[i], &out) ||
        out.rank != in->rank || out.dims[axis] > in->dims[axis] - sum) {
      return false;
    }
    sum += out.dims[axis];
  }
  return sum == in->dims[axis];
}

blok_status blok_lower_split(blok_lowering *lowering, const blok_region *region, bool *done,
                             blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  ranges of;
  uint32_t axis, copies = 0;
  if (!blok_lower_lone(lowering, region, &of.in, &of.out) || !blok_lower_element(&of.in) ||
      !blok_axis_normal(blok_node_int(node, "axis", 0), of.in.rank, &axis) ||
      !parts_add_up(lowering, node, &of.in, axis)) {
    return BLOK_OK;
  }
  if (blok_node_input(node, 1).i) {
    // Sizes that only the run gives must be looked at: the reference does that.
    blok_tensor sizes;
    bool known;
    BLOK_TRY(blok_lower_known(lowering, node->inputs[1], &sizes, &known, error));
    if (!known) return BLOK_OK;
  }
  *done = true;
  // A channel shuffle has made them already.
  if (blok_lower_is_blocked(lowering, node->outputs[0])) return BLOK_OK;
  blok_copy_part *parts = blok_lower_alloc(lowering, node->n_outputs, sizeof *parts);
  if (!parts) return blok_fail_memory(error, 0);
  take_everything(&of);
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    if (!blok_lower_shape(lowering, node->outputs[i], &of.out)) {
      return BLOK_FAIL(error, BLOK_E_INTERNAL, "an output of Split without a shape");
    }
    BLOK_TRY(take(lowering, &of, "split", node->inputs[0], node->outputs[i], &parts[copies],
                  &copies, error));
    of.first[axis] += of.out.dims[axis];
  }
  return copies ? blok_lower_copies(lowering, "split", copies, parts, error) : BLOK_OK;
}
