// A convolution or product by the kernels of runtime/kernels/conv.h, for its tests: packs, cuts and
// runs it on operands in plain layout.
#ifndef BLOK_TESTS_KERNELS_CONV_KIT_H
#define BLOK_TESTS_KERNELS_CONV_KIT_H

#include "runtime/kernels/conv.h"

typedef struct conv_kit {
  const blok_isa *isa;
  blok_conv_filter filter;
  blok_conv_shape shape;
  blok_epilogue epilogue;
  blok_conv conv;
  float *packed, *in, *out, *residual, *sums;  // guarded
  void *scratch;
} conv_kit;

// What a test asks for; what is 0 means none or, of strides, dilations and groups, 1.
typedef struct conv_case {
  uint32_t images, in, out, groups, h, w;
  uint32_t kernel_h, kernel_w;
  int32_t stride_h, stride_w, dilation_h, dilation_w;
  uint32_t pads[4];  // as ONNX has them: top, left, bottom, right
} conv_case;

// Fills in the ones, asserts that the shape fits.
void conv_kit_init(conv_kit *kit, const blok_isa *isa, const conv_case *c);
// M rows of K by [K][N].
void conv_kit_init_matrix(conv_kit *kit, const blok_isa *isa, uint32_t m, uint32_t k, uint32_t n);
// Packs [O][C][H][W] with a scale by output channel (NULL: none), a panel at a time.
void conv_kit_pack(conv_kit *kit, const float *weights, const float *scale);
// Packs a matrix: [K][N], or [N][K] if transposed.
void conv_kit_pack_matrix(conv_kit *kit, const float *weights, bool transposed);
// Puts the plain operands in place; the output is all NaN.
void conv_kit_operands(conv_kit *kit, const float *in, const float *residual);
void conv_kit_operands_matrix(conv_kit *kit, const float *in, uint32_t row);
// Runs all cells: at once, or each alone from the last to the first.
void conv_kit_run(conv_kit *kit, bool one_by_one);
// The result in plain layout, malloc'ed; asserts zero padding and whole guards.
float *conv_kit_result(conv_kit *kit);
void conv_kit_free(conv_kit *kit);

#endif  // BLOK_TESTS_KERNELS_CONV_KIT_H
