// The tile epilogue: what happens to results while they are still in the first cache.
//
// Every kernel leaves its raw sums in its output and calls the set's epilogue on a tile of them, so
// that bias, activation, scale, residual addition and channel sums exist once:
//
//     y = after(act(x * mul + bias) * scale + residual)
//
// An absent part is left out, not computed with 0 or 1. A tile is rows by blocks of VF_LANES
// channels: rows are pixels of a blocked value, or rows of a matrix whose columns are the channels.
#ifndef BLOK_KERNELS_EPILOGUE_H
#define BLOK_KERNELS_EPILOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum blok_act_kind {
  BLOK_FN_NONE = 0,
  BLOK_FN_RELU,
  BLOK_FN_CLIP,   // into [a, b]; NaN stays
  BLOK_FN_LEAKY,  // a * x below 0
  BLOK_FN_PRELU,  // slope * x below 0, one slope a channel
  BLOK_FN_SIGMOID,
  BLOK_FN_TANH,
  BLOK_FN_HARD_SIGMOID,  // clip(a * x + b, 0, 1)
  BLOK_FN_HARD_SWISH,    // x * clip(x / 6 + 1/2, 0, 1)
  BLOK_FN_SILU,          // x * sigmoid(a * x)
  BLOK_FN_GELU,          // by erf
  BLOK_FN_GELU_TANH,
  BLOK_FN_MISH,  // x * tanh(softplus(x))
  BLOK_FN_ELU,   // a * (exp(x) - 1) below 0
  BLOK_FN_SELU,  // b * (x, or a * (exp(x) - 1) below 0)
  BLOK_FN_SOFTPLUS,
  BLOK_FN_ERF,
  BLOK_FN_EXP,
  BLOK_FN_LOG,
  BLOK_FN_SQRT,
  BLOK_FN_RECIPROCAL,
  BLOK_FN_ABS,
  BLOK_FN_NEG,
  BLOK_FN_FLOOR,
  BLOK_FN_CEIL,
  BLOK_FN_ROUND,
  BLOK_FN_SOFTSIGN,  // x / (1 + |x|)
  BLOK_FN_KINDS
} blok_act_kind;

typedef struct blok_act {
  blok_act_kind kind;
  float a, b;
} blok_act;

// Arrays by channel are padded to whole blocks; their padding lanes may hold anything.
typedef struct blok_epilogue {
  blok_act act, after;
  const float *mul;    // by channel; NULL: none
  const float *bias;   // by channel; NULL: none
  const float *slope;  // of act or after, by channel, where it is a prelu
  const float *scale;  // by channel (the caller moves it on to the image's); NULL: none
} blok_epilogue;

typedef struct blok_tile {
  float *out;                       // raw sums, replaced by results
  size_t row_stride, block_stride;  // in floats
  const float *residual;  // where the tile's first element has its counterpart; NULL: none
  size_t residual_row_stride, residual_block_stride;
  uint32_t rows, blocks;
  uint32_t channel;   // that of the first lane: a multiple of VF_LANES
  uint32_t channels;  // of the whole value: in lanes from there on, blocked results are 0,
  bool matrix;        // and a matrix has no elements (they are not touched)
  float *sums;        // by channel: the results' sums over the rows are added; NULL: none
} blok_tile;

// Thread-safe for different tiles.
typedef void (*blok_epilogue_fn)(const blok_epilogue *epilogue, const blok_tile *tile);

void blok_epilogue_scalar(const blok_epilogue *epilogue, const blok_tile *tile);
void blok_epilogue_avx2(const blok_epilogue *epilogue, const blok_tile *tile);
void blok_epilogue_avx512(const blok_epilogue *epilogue, const blok_tile *tile);

#endif  // BLOK_KERNELS_EPILOGUE_H
