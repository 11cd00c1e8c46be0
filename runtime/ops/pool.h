// What the lowering of windows, planes and channel sums shares.
#ifndef BLOK_RUNTIME_OPS_POOL_H
#define BLOK_RUNTIME_OPS_POOL_H

#include "runtime/kernels/pool.h"
#include "runtime/ops/lowering.h"

// ---- Operands of kernels with windows (pool_operands.c) -----------------------------------------

// A region's operands in the blocked layout: which buffers, and their strides in the kernels' words
// (data NULL: it is known when the step runs).
typedef struct blok_window_operands {
  blok_buffer_id in, out, residual, sums;  // residual, sums: 0 for none
  blok_blocked_in in_planes, residual_planes;
  blok_blocked_out out_planes;
  uint32_t images, channels, strips;
  size_t sums_slot_stride, sums_batch_stride;
  bool has_epilogue;
  blok_epilogue epilogue;
} blok_window_operands;

// Asks for the region's operands, x its input, epilogue what blok_lower_epilogue made: makes the
// output and, where they are wanted, the channel sums, a slot for each strip.
BLOK_MUST_CHECK blok_status blok_lower_window_operands(blok_lowering *lowering,
                                                       const blok_region *region, blok_value_id x,
                                                       const blok_epilogue *epilogue,
                                                       blok_window_operands *out,
                                                       blok_error *error);
// Appends a step of images * blocks * strips cells; operands' buffers become its reads and writes.
// floats: those it reads and writes beside its blocked operands.
BLOK_MUST_CHECK blok_status blok_lower_window_step(blok_lowering *lowering, const char *kernel,
                                                   const blok_window_operands *operands,
                                                   blok_step_fn run, const void *args,
                                                   uint64_t macs, uint64_t floats,
                                                   blok_error *error);

// ---- Channel sums (pool_global.c) ---------------------------------------------------------------

// The sums over the pixels of each channel of a value of rank 3 or 4 in f32: what its producer
// gave, or the result of a step. Laid out as blok_lower_sums says.
BLOK_MUST_CHECK blok_status blok_lower_channel_sums(blok_lowering *lowering, blok_value_id value,
                                                    blok_buffer_id *sums, uint32_t *slots,
                                                    blok_error *error);

// A ReduceMean over just the pixels of a value that stands blocked or whose sums are there; *done
// stays false for every other one.
BLOK_MUST_CHECK blok_status blok_lower_plane_means(blok_lowering *lowering,
                                                   const blok_region *region, bool *done,
                                                   blok_error *error);

#endif  // BLOK_RUNTIME_OPS_POOL_H
