// What the guide's checks share: the picture on its way through a block, and messages.
#ifndef BLOK_BLOCKS_BUILD_CHECKS_H
#define BLOK_BLOCKS_BUILD_CHECKS_H

#include "blocks/build/build.h"

// A picture somewhere inside a block. Sizes of -1 are open.
typedef struct blok_picture {
  const blok_fact *x;  // what the block reads: its first axis stands in messages
  int64_t channels, size[2];
  int64_t stride[2];  // by how much it has shrunk since x
} blok_picture;

blok_picture blok_picture_of(const blok_fact *x);
// "[N, 16, 32, 32]"
blok_dims_text blok_picture_text(const blok_picture *picture);

// "stage1.0: check 'shape': " + text.
blok_status blok_check_fail(const char *scope, const char *check, blok_status status,
                            blok_error *error, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

// Numbers that are none: of a norm over channels, of an activation. what: "conv1".
BLOK_MUST_CHECK blok_status blok_check_norm(const char *scope, const char *what, blok_norm norm,
                                            int32_t *groups, double epsilon, int64_t channels,
                                            blok_error *error);
BLOK_MUST_CHECK blok_status blok_check_activation(const char *scope, const char *what,
                                                  blok_activation activation, double alpha,
                                                  double beta, blok_error *error);

// The descriptor's numbers against the picture; in_channels of 0 become the picture's, which goes
// on to what the convolution makes. The norm and the activation: pre order puts them before it.
BLOK_MUST_CHECK blok_status blok_check_conv_at(const char *scope, const char *what,
                                               blok_order order, blok_picture *picture,
                                               blok_conv_desc *desc, blok_error *error);
// A window that moves over the picture: a pool, a convolution. ceil_mode: what hangs over counts.
typedef struct blok_check_window {
  const int32_t *kernel, *stride, *pads, *dilation;  // dilation NULL: 1
  bool ceil_mode;
} blok_check_window;
BLOK_MUST_CHECK blok_status blok_check_window_at(const char *scope, const char *what,
                                                 const blok_check_window *window,
                                                 blok_picture *picture, blok_error *error);

BLOK_MUST_CHECK blok_status blok_check_se_at(const char *scope, int64_t channels,
                                             blok_se_desc *desc, blok_error *error);

#endif  // BLOK_BLOCKS_BUILD_CHECKS_H
