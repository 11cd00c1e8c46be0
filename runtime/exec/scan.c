// Scan: a round for each slice of its inputs.
#include "base/error.h"
#include "reference/reference.h"
#include "runtime/exec/rounds.h"

static int64_t listed(const blok_node *node, const char *name, uint32_t index) {
  uint32_t n = 0;
  const int64_t *numbers = blok_node_ints(node, name, &n);
  return index < n ? numbers[index] : 0;
}

static blok_status begin_scanning(rounds *self, uint32_t index, blok_error *error) {
  scanned *one = &self->scanned[index];
  uint32_t slot = self->n_carried + index;
  one->from = self->frame->in[self->index][slot];
  size_t bytes;
  if (!one->from || !blok_tensor_dense(one->from, &bytes) ||
      blok_dtype_size(one->from->dtype) == 0) {
    return blok_rounds_fail_size(self, "input", slot, error);
  }
  const blok_tensor *whole = one->from;
  int64_t axis = listed(self->node, "scan_input_axes", index);
  if (!blok_axis_normal(axis, whole->rank, &one->axis)) {
    return BLOK_FAIL(error, BLOK_E_SHAPE,
                     "Scan node '%s': scanned input %u of %u axes has no axis %lld",
                     self->label.text, index, whole->rank, (long long)axis);
  }
  int64_t length = whole->dims[one->axis];
  if (self->total >= 0 && self->total != length) {
    return BLOK_FAIL(error, BLOK_E_SHAPE,
                     "Scan node '%s': scanned inputs have %lld and %lld slices", self->label.text,
                     (long long)self->total, (long long)length);
  }
  self->total = length;
  one->backwards = listed(self->node, "scan_input_directions", index) != 0;
  one->slice = *whole;
  one->slice.rank--;
  for (uint32_t d = 0, to = 0; d < whole->rank; d++) {
    if (d != one->axis) one->slice.dims[to++] = whole->dims[d];
    if (d < one->axis && whole->dims[d] != 1) one->gather = true;
  }
  one->slice.bytes = length ? bytes / (size_t)length : 0;
  if (!one->gather) return BLOK_OK;
  return blok_rounds_take(self->heap, &one->gathered, one->slice.bytes, error);
}

static blok_status feed_slice(rounds *self, uint32_t index, blok_error *error) {
  scanned *one = &self->scanned[index];
  uint64_t at = one->backwards ? (uint64_t)self->total - 1 - self->done : self->done;
  if (one->gather) {
    one->slice.data = one->gathered.data;
    blok_rounds_move(one->from, one->axis, at, &one->slice, false);
  } else {
    one->slice.data = (char *)one->from->data + at * one->slice.bytes;
  }
  return blok_rounds_feed(self, self->n_carried + index, &one->slice, error);
}

static blok_status scan(rounds *self, blok_error *error) {
  uint32_t n_inputs = self->node->n_inputs;
  int64_t n_scanned = blok_node_int(self->node, "num_scan_inputs", 0);
  if (n_scanned < 1 || n_scanned > (int64_t)n_inputs) {
    return BLOK_FAIL(error, BLOK_E_SHAPE, "Scan node '%s': num_scan_inputs is %lld, of %u inputs",
                     self->label.text, (long long)n_scanned, n_inputs);
  }
  uint32_t n_carried = n_inputs - (uint32_t)n_scanned;
  BLOK_TRY(blok_rounds_begin(self, 0, 0, n_carried, (uint32_t)n_scanned, error));
  for (uint32_t i = 0; i < self->n_scanned; i++) BLOK_TRY(begin_scanning(self, i, error));
  for (uint32_t i = 0; i < self->n_collected; i++) {
    self->collected[i].axis = listed(self->node, "scan_output_axes", i);
    self->collected[i].backwards = listed(self->node, "scan_output_directions", i) != 0;
  }
  while ((int64_t)self->done < self->total) {
    for (uint32_t k = 0; k < n_carried; k++) {
      BLOK_TRY(blok_rounds_feed(self, k, &self->carried[k].now, error));
    }
    for (uint32_t i = 0; i < self->n_scanned; i++) BLOK_TRY(feed_slice(self, i, error));
    BLOK_TRY(blok_rounds_run(self, 0, error));
  }
  return blok_rounds_finish(self, 0, error);
}

blok_status blok_frame_scan(blok_frame *frame, uint32_t step, blok_run *run, blok_error *error) {
  return blok_rounds_of(frame, step, run, scan, error);
}
