// What the lowering of convolutions shares.
#ifndef BLOK_RUNTIME_OPS_CONV_H
#define BLOK_RUNTIME_OPS_CONV_H

#include "runtime/kernels/conv.h"
#include "runtime/ops/lowering.h"

// A Conv node in numbers, over pictures; a row of pixels is a picture of height 1.
typedef struct blok_conv_node {
  blok_value_id x, weights, bias;  // weights are a constant; bias none or a constant
  uint32_t images, in_channels, out_channels, groups;
  uint32_t in_h, in_w, out_h, out_w, kernel_h, kernel_w;
  int32_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;  // pads: top and left
  bool outside;  // some tap of some output lies outside of the picture
} blok_conv_node;

// False where no kernel takes the node: other than f32 of rank 3 or 4 with constant weights, empty,
// or too large.
bool blok_conv_node_of(blok_lowering *lowering, blok_node_id node, blok_conv_node *out);

// The region of a grouped convolution, c its anchor, with kernels for few channels a group
// (depthwise.c). *done stays false where they do not fit; the dense kernel takes it then.
BLOK_MUST_CHECK blok_status blok_lower_depthwise(blok_lowering *lowering, const blok_region *region,
                                                 const blok_conv_node *c, bool *done,
                                                 blok_error *error);

// A convolution of few channels as one over its picture with the channels last and pads around
// (conv_stem.c): filter and shape of the dense kernel, with which it runs. The packed weights are
// those of the ordinary filter.
typedef struct blok_conv_stem {
  blok_conv_filter filter;
  blok_conv_shape shape;
  size_t image, bytes;  // floats of one picture, bytes of all
  uint32_t pieces;      // in which one is made
} blok_conv_stem;

// False where the ordinary way serves better or this one cannot be gone; nothing was made.
bool blok_conv_stem_of(const blok_lowering *lowering, const blok_conv_node *c, blok_conv_stem *out);
// Appends the step that makes the pictures: *out is [image][row][column][channel], dense.
BLOK_MUST_CHECK blok_status blok_lower_conv_picture(blok_lowering *lowering,
                                                    const blok_conv_node *c,
                                                    const blok_conv_stem *stem, blok_buffer_id *out,
                                                    blok_error *error);

// ---- Steps of the dense kernel ------------------------------------------------------------------

// One call of the dense kernel: its operands are those of conv with addresses for buffers (0:
// none). Addresses that are set already stay.
typedef struct blok_conv_args {
  blok_conv_filter filter;
  blok_conv_shape shape;
  blok_epilogue epilogue;
  blok_conv conv;
  blok_buffer_id in, out, residual, in_scale, sums, packed;
  size_t in_offset, out_offset, residual_offset;  // floats into the buffers
  size_t in_floats;  // that an image has; 0: in_channels for each pixel
} blok_conv_args;

// Appends the step: args are from blok_lower_alloc, with filter and shape whole.
BLOK_MUST_CHECK blok_status blok_lower_conv_step(blok_lowering *lowering, const char *kernel,
                                                 blok_conv_args *args, blok_error *error);
// The packed form of constant f32 weights. source (data and scale NULL) says how to find them,
// beginning with element first.
BLOK_MUST_CHECK blok_status blok_lower_conv_pack(blok_lowering *lowering, blok_value_id weights,
                                                 size_t first, const blok_conv_filter *filter,
                                                 const blok_conv_source *source, const float **out,
                                                 blok_error *error);

// The steps of a blocked buffer, for the kernel.
static inline blok_conv_steps blok_conv_steps_of(const blok_planes *planes, uint32_t lanes) {
  return (blok_conv_steps){planes->batch_stride, planes->plane_stride, lanes};
}

#endif  // BLOK_RUNTIME_OPS_CONV_H
