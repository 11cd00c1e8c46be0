// Elementwise steps on plain memory.
#include <string.h>

#include "base/error.h"
#include "runtime/ops/elementwise.h"

enum { CELL_FLOATS = 4096, MOST_LANES = 16 };

// ---- Two tensors --------------------------------------------------------------------------------

typedef struct pair_step {
  const blok_isa *isa;
  blok_broadcast plan;
  blok_binary_kind kind;
  blok_act act;
  blok_buffer_id a, b, out;
} pair_step;

static void run_pair(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  const pair_step *step = call->args;
  (void)worker;
  blok_broadcast_run(step->isa, &step->plan, step->kind, &step->act,
                     blok_step_floats(call, step->a), blok_step_floats(call, step->b),
                     blok_step_floats(call, step->out), first, last);
}

// dims aligned to rank axes from the back; false where the shape does not repeat to out's.
static bool align_dims(const blok_tensor *shape, const blok_tensor *out, int64_t *dims) {
  if (shape->rank > out->rank) return false;
  for (uint32_t d = 0; d < out->rank; d++) {
    const uint32_t missing = out->rank - shape->rank;
    dims[d] = d < missing ? 1 : shape->dims[d - missing];
    if (dims[d] != 1 && dims[d] != out->dims[d]) return false;
  }
  return true;
}

// out in the place of `of`, where that has its size and no other operand lies in the same memory.
static blok_status plain_out(blok_lowering *lowering, blok_value_id value, blok_buffer_id of,
                             blok_buffer_id other, blok_buffer_id *out, blok_error *error) {
  const bool shared =
      other && other != of && blok_lower_root(lowering, other) == blok_lower_root(lowering, of);
  return shared ? blok_lower_output(lowering, value, BLOK_PLAIN, out, error)
                : blok_lower_output_over(lowering, value, of, BLOK_PLAIN, out, error);
}

blok_status blok_lower_plain_pair(blok_lowering *lowering, const char *kernel,
                                  blok_binary_kind kind, blok_act act, blok_value_id a,
                                  blok_value_id b, blok_value_id out, bool *done,
                                  blok_error *error) {
  blok_tensor a_shape, b_shape, shape;
  int64_t a_dims[BLOK_MAX_RANK], b_dims[BLOK_MAX_RANK];
  blok_broadcast plan;
  if (!blok_lower_floats(lowering, a, &a_shape) || !blok_lower_floats(lowering, b, &b_shape) ||
      !blok_lower_floats(lowering, out, &shape) || !align_dims(&a_shape, &shape, a_dims) ||
      !align_dims(&b_shape, &shape, b_dims) ||
      !blok_broadcast_plan(shape.rank, shape.dims, a_dims, b_dims, &plan)) {
    return BLOK_OK;
  }
  pair_step *step = blok_lower_alloc(lowering, 1, sizeof *step);
  if (!step) return blok_fail_memory(error, sizeof *step);
  *step = (pair_step){.isa = blok_lower_isa(lowering), .plan = plan, .kind = kind, .act = act};
  BLOK_TRY(blok_lower_plain(lowering, a, &step->a, error));
  BLOK_TRY(blok_lower_plain(lowering, b, &step->b, error));
  const bool from_b = a_shape.bytes < shape.bytes;
  BLOK_TRY(plain_out(lowering, out, from_b ? step->b : step->a, from_b ? step->a : step->b,
                     &step->out, error));
  const blok_buffer_id reads[] = {step->a, step->b};
  const blok_step made = {.kernel = kernel,
                          .run = run_pair,
                          .args = step,
                          .cells = plan.cells,
                          .bytes = a_shape.bytes + b_shape.bytes + shape.bytes,
                          .n_reads = 2,
                          .reads = reads,
                          .n_writes = 1,
                          .writes = &step->out};
  *done = true;
  return blok_lower_step(lowering, &made, error);
}

// ---- One tensor ---------------------------------------------------------------------------------

typedef struct act_step {
  const blok_isa *isa;
  blok_act act;
  size_t count, piece;
  blok_buffer_id in, out;
} act_step;

static void run_act(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  const act_step *step = call->args;
  const size_t from = first * step->piece;
  const size_t end = last * step->piece < step->count ? last * step->piece : step->count;
  (void)worker;
  const blok_rows_job job = {.in = blok_step_floats(call, step->in) + from,
                             .out = blok_step_floats(call, step->out) + from,
                             .in_stride = step->isa->lanes,
                             .out_stride = step->isa->lanes,
                             .act = step->act};
  blok_rows_flat(step->isa, &job, end - from);
}

blok_status blok_lower_plain_act(blok_lowering *lowering, blok_act act, blok_value_id in,
                                 blok_value_id out, blok_error *error) {
  blok_tensor shape;
  if (!blok_lower_floats(lowering, out, &shape)) {
    return BLOK_FAIL(error, BLOK_E_INTERNAL, "an activation without a shape");
  }
  act_step *step = blok_lower_alloc(lowering, 1, sizeof *step);
  if (!step) return blok_fail_memory(error, sizeof *step);
  *step = (act_step){.isa = blok_lower_isa(lowering),
                     .act = act,
                     .count = shape.bytes / sizeof(float),
                     .piece = CELL_FLOATS};
  // Cells of another size keep their number within its type.
  while (step->count / step->piece >= UINT32_MAX) step->piece *= 2;
  BLOK_TRY(blok_lower_plain(lowering, in, &step->in, error));
  BLOK_TRY(plain_out(lowering, out, step->in, 0, &step->out, error));
  const blok_step made = {.kernel = "activation",
                          .run = run_act,
                          .args = step,
                          .cells = (uint32_t)((step->count + step->piece - 1) / step->piece),
                          .bytes = 2 * shape.bytes,
                          .n_reads = 1,
                          .reads = &step->in,
                          .n_writes = 1,
                          .writes = &step->out};
  return blok_lower_step(lowering, &made, error);
}

// ---- By channel ---------------------------------------------------------------------------------

// [images][channels][inner]. A cell is one channel of an image, or, where inner is 1, a block of
// channels of all images.
typedef struct channels_step {
  const blok_isa *isa;
  blok_epilogue epilogue;
  size_t images, channels, inner;
  blok_buffer_id in, out;
} channels_step;

static const float *at(const float *array, size_t channel) {
  return array ? array + channel : NULL;
}

// The lanes of a job for one channel's number.
static const float *repeated(const float *array, size_t channel, float *lanes) {
  if (!array) return NULL;
  for (int i = 0; i < MOST_LANES; i++) lanes[i] = array[channel];
  return lanes;
}

static void run_rows_of_channel(const channels_step *step, const float *in, float *out,
                                uint32_t cell) {
  const size_t channel = cell % step->channels, from = cell * step->inner;
  float mul[MOST_LANES], bias[MOST_LANES], slope[MOST_LANES];
  const blok_rows_job job = {.in = in + from,
                             .out = out + from,
                             .in_stride = step->isa->lanes,
                             .out_stride = step->isa->lanes,
                             .act = step->epilogue.act,
                             .mul = repeated(step->epilogue.mul, channel, mul),
                             .bias = repeated(step->epilogue.bias, channel, bias),
                             .slope = repeated(step->epilogue.slope, channel, slope)};
  blok_rows_flat(step->isa, &job, step->inner);
}

static void run_block_of_channels(const channels_step *step, const float *in, float *out,
                                  uint32_t cell) {
  const uint32_t lanes = step->isa->lanes;
  const size_t channel = (size_t)cell * lanes, left = step->channels - channel;
  const blok_rows_job job = {.in = in + channel,
                             .out = out + channel,
                             .in_stride = step->channels,
                             .out_stride = step->channels,
                             .rows = step->images,
                             .live = left < lanes ? (uint32_t)left : lanes,
                             .matrix = true,
                             .act = step->epilogue.act,
                             .mul = at(step->epilogue.mul, channel),
                             .bias = at(step->epilogue.bias, channel),
                             .slope = at(step->epilogue.slope, channel)};
  step->isa->elementwise->rows(&job);
}

static void run_channels(const blok_step_call *call, uint32_t first, uint32_t last,
                         uint32_t worker) {
  const channels_step *step = call->args;
  const float *in = blok_step_floats(call, step->in);
  float *out = blok_step_floats(call, step->out);
  (void)worker;
  for (uint32_t cell = first; cell < last; cell++) {
    if (step->inner > 1) {
      run_rows_of_channel(step, in, out, cell);
    } else {
      run_block_of_channels(step, in, out, cell);
    }
  }
}

blok_status blok_lower_plain_channels(blok_lowering *lowering, const char *kernel,
                                      const blok_epilogue *epilogue, blok_value_id in,
                                      blok_value_id out, blok_error *error) {
  const blok_isa *isa = blok_lower_isa(lowering);
  blok_tensor shape;
  if (!blok_lower_floats(lowering, out, &shape) || shape.rank < 2) {
    return BLOK_FAIL(error, BLOK_E_INTERNAL, "a value without channels");
  }
  channels_step *step = blok_lower_alloc(lowering, 1, sizeof *step);
  if (!step) return blok_fail_memory(error, sizeof *step);
  *step = (channels_step){
      .isa = isa,
      .epilogue = *epilogue,
      .images = (size_t)shape.dims[0],
      .channels = (size_t)shape.dims[1],
      .inner = shape.bytes / sizeof(float) / (size_t)shape.dims[0] / (size_t)shape.dims[1]};
  const size_t cells = step->inner > 1 ? step->images * step->channels
                                       : (step->channels + isa->lanes - 1) / isa->lanes;
  BLOK_TRY(blok_lower_plain(lowering, in, &step->in, error));
  BLOK_TRY(plain_out(lowering, out, step->in, 0, &step->out, error));
  const blok_step made = {.kernel = kernel,
                          .run = run_channels,
                          .args = step,
                          .cells = cells,
                          .bytes = 2 * shape.bytes,
                          .n_reads = 1,
                          .reads = &step->in,
                          .n_writes = 1,
                          .writes = &step->out};
  return blok_lower_step(lowering, &made, error);
}

// ---- Shapes -------------------------------------------------------------------------------------

bool blok_lower_floats(const blok_lowering *lowering, blok_value_id value, blok_tensor *shape) {
  return value.i && blok_lower_shape(lowering, value, shape) && shape->dtype == BLOK_F32 &&
         shape->bytes > 0;
}

bool blok_lower_by_channel(const blok_lowering *lowering, blok_value_id constant,
                           const blok_tensor *shape) {
  const blok_literal *literal = blok_value_at(blok_lower_graph(lowering), constant)->literal;
  if (!literal || literal->dtype != BLOK_F32 || literal->rank > shape->rank) return false;
  for (uint32_t d = 0; d < literal->rank; d++) {
    const uint32_t axis = shape->rank - literal->rank + d;
    if (literal->dims[d] != 1 && (axis != 1 || literal->dims[d] != shape->dims[1])) return false;
  }
  return true;
}
