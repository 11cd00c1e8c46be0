// Loop: rounds as many as an input says, while the body wants another.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "runtime/exec/rounds.h"

static blok_status read_condition(const rounds *self, const blok_tensor *tensor, uint8_t *out,
                                  blok_error *error) {
  size_t count = 0;
  if (tensor->dtype != BLOK_BOOL || !blok_dims_count(tensor->dims, tensor->rank, &count) ||
      count != 1) {
    return BLOK_FAIL(error, BLOK_E_SHAPE, "Loop node '%s': the condition is not one bool",
                     self->label.text);
  }
  *out = *(const uint8_t *)tensor->data != 0;
  return BLOK_OK;
}

static blok_status read_most(const rounds *self, const blok_tensor *tensor, int64_t *out,
                             blok_error *error) {
  size_t count = 0;
  if (tensor->dtype != BLOK_I64 || !blok_dims_count(tensor->dims, tensor->rank, &count) ||
      count != 1) {
    return BLOK_FAIL(error, BLOK_E_SHAPE, "Loop node '%s': the number of rounds is not one int64",
                     self->label.text);
  }
  memcpy(out, tensor->data, sizeof *out);
  return BLOK_OK;
}

static blok_status loop(rounds *self, blok_error *error) {
  const blok_tensor *const *in = self->frame->in[self->index];
  uint32_t n_inputs = self->node->n_inputs;
  const blok_tensor *most_in = n_inputs > 0 ? in[0] : NULL;
  const blok_tensor *condition_in = n_inputs > 1 ? in[1] : NULL;
  int64_t most = INT64_MAX;
  uint8_t go_on = 1;
  if (most_in) BLOK_TRY(read_most(self, most_in, &most, error));
  if (condition_in) BLOK_TRY(read_condition(self, condition_in, &go_on, error));
  uint32_t n_carried = n_inputs > 2 ? n_inputs - 2 : 0;
  BLOK_TRY(blok_rounds_begin(self, 2, 1, n_carried, 0, error));
  for (int64_t i = 0; i < most && go_on; i++) {
    int64_t round = i;
    BLOK_TRY(blok_rounds_feed_single(self, 0, BLOK_I64, &round, error));
    BLOK_TRY(blok_rounds_feed_single(self, 1, BLOK_BOOL, &go_on, error));
    for (uint32_t k = 0; k < n_carried; k++) {
      BLOK_TRY(blok_rounds_feed(self, 2 + k, &self->carried[k].now, error));
    }
    BLOK_TRY(blok_rounds_run(self, 1, error));
    const blok_tensor *condition;
    size_t bytes;
    BLOK_TRY(blok_rounds_made(self, 0, &condition, &bytes, error));
    BLOK_TRY(read_condition(self, condition, &go_on, error));
  }
  return blok_rounds_finish(self, 1, error);
}

blok_status blok_frame_loop(blok_frame *frame, uint32_t step, blok_run *run, blok_error *error) {
  return blok_rounds_of(frame, step, run, loop, error);
}
