// Steps of elementwise operators, on blocked planes and on plain memory: what the lowering of
// binary operators, activations and norms shares.
#ifndef BLOK_RUNTIME_OPS_ELEMENTWISE_H
#define BLOK_RUNTIME_OPS_ELEMENTWISE_H

#include "runtime/kernels/elementwise.h"
#include "runtime/ops/lowering.h"

// ---- Blocked ------------------------------------------------------------------------------------

// Where the operand of image n, block b and pixel p stands: n * batch + b * plane + p * row floats
// into a buffer or a constant. Strides of 0 repeat it.
typedef struct blok_plane_operand {
  blok_buffer_id buffer;  // 0: constant
  const float *constant;  // NULL too: there is no such operand
  size_t batch, plane, row;
  bool single;  // one float a pixel, for all channels (of beside alone)
} blok_plane_operand;

// A function of planes: after(act(in * mul + bias) * scale + beside), or, where binary,
// act(kind(in, beside)). mul, bias, scale and slope have a row of 0.
typedef struct blok_planes_map {
  blok_plane_operand in, beside, mul, bias, scale, slope, out;
  bool binary;
  blok_binary_kind kind;
  blok_act act, after;
} blok_planes_map;

// A blocked buffer read whole; the dims of its planes that are 1 where out's are not are repeated.
blok_plane_operand blok_plane_operand_of(const blok_lowering *lowering, blok_buffer_id buffer,
                                         const blok_planes *out);
// [n][blocks * lanes] floats, of a channel scale.
blok_plane_operand blok_plane_operand_scale(const blok_lowering *lowering, blok_buffer_id buffer,
                                            const blok_planes *out);
// By channel, padded to blocks; NULL: no operand.
blok_plane_operand blok_plane_operand_channels(const blok_lowering *lowering,
                                               const float *by_channel);

// Makes the output of value (in the place of map->in where that is possible) and
// appends the step. kernel is static. map->out is filled in.
BLOK_MUST_CHECK blok_status blok_lower_planes_map(blok_lowering *lowering, const char *kernel,
                                                  blok_value_id value, blok_planes_map *map,
                                                  blok_error *error);

// ---- Plain --------------------------------------------------------------------------------------

// act(kind(a, b)) of plain f32 tensors that repeat to out's shape; act is no prelu. *done stays
// false, and nothing was made, where the shapes are too wild.
BLOK_MUST_CHECK blok_status blok_lower_plain_pair(blok_lowering *lowering, const char *kernel,
                                                  blok_binary_kind kind, blok_act act,
                                                  blok_value_id a, blok_value_id b,
                                                  blok_value_id out, bool *done, blok_error *error);
// act(in), act no prelu.
BLOK_MUST_CHECK blok_status blok_lower_plain_act(blok_lowering *lowering, blok_act act,
                                                 blok_value_id in, blok_value_id out,
                                                 blok_error *error);
// act(in * mul + bias) by channel, which is axis 1; the arrays are padded to blocks.
BLOK_MUST_CHECK blok_status blok_lower_plain_channels(blok_lowering *lowering, const char *kernel,
                                                      const blok_epilogue *epilogue,
                                                      blok_value_id in, blok_value_id out,
                                                      blok_error *error);

// ---- Shapes -------------------------------------------------------------------------------------

// An f32 tensor with elements whose shape is known.
bool blok_lower_floats(const blok_lowering *lowering, blok_value_id value, blok_tensor *shape);

// The value stands blocked, or had better: its reader's result is to be, and its channels fill
// blocks.
bool blok_lower_go_blocked(const blok_lowering *lowering, blok_value_id value,
                           const blok_tensor *shape, blok_value_id out);

// The constant holds one number, or one a channel of a value of that shape (axis 1), where
// broadcasting puts it beside such a value.
bool blok_lower_by_channel(const blok_lowering *lowering, blok_value_id constant,
                           const blok_tensor *shape);

#endif  // BLOK_RUNTIME_OPS_ELEMENTWISE_H
