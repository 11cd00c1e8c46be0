// Whole networks, each one call of a builder: the guide's, and those that put its blocks to work.
//
// Names of weights are those of the guide's modules ("stem.weight", "stage1.0.bn1.weight",
// "fc.bias"), so that its PyTorch classes load what is built here, and the other way round.
#ifndef BLOK_NETS_H
#define BLOK_NETS_H

#include <blok/build.h>

#ifdef __cplusplus
extern "C" {
#endif

// Options of every net; 0 stands for the net's own. A net takes those that it has a use for, the
// others must hold their _INIT values: BLOK_E_ARGUMENT names the one that does not, and those that
// the net takes. Behind each stands the word that blok_net.options has for it.
typedef struct blok_net_options {
  uint32_t struct_size;
  int32_t in_channels;         // in: of the input; nets: 3
  int32_t out_channels;        // out: of a single block; most: as many as go in
  int32_t kernel;              // kernel: of a convolution
  int32_t stride;              // stride: of a single block
  int32_t height, width;       // size: of the input; most: 32 x 32
  int32_t batch;               // batch: -1: open
  int32_t classes;             // classes: 10
  int32_t base;                // base: channels of the first stage, before widen and expansion
  int32_t depth;               // depth: layers with weights; (depth - 4) % 6 == 0
  int32_t widen;               // widen: the k of a wide net
  int32_t blocks[4];           // blocks: of each stage; a 0 ends them
  blok_order order;            // order: none: the net's own
  blok_activation activation;  // act: none: the net's own
  blok_norm norm;              // norm: batch
  int32_t norm_groups;         // norm-groups: of a group norm: 8
  bool se;                     // se: a squeeze-excite in every block
  int32_t se_reduction;        // reduction: 16
  int32_t se_min_hidden;       // min-hidden: 4
  double drop_path;            // drop-path: of the last block; those before it less, in a line from
                               // 0
} blok_net_options;

#define BLOK_NET_OPTIONS_INIT                                                                  \
  {                                                                                            \
    sizeof(blok_net_options), 0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0, {0, 0, 0, 0}, BLOK_ORDER_NONE, \
        BLOK_ACT_NONE, BLOK_NORM_BATCH, 8, false, 16, 4, 0                                     \
  }

// A net that can be built by name, for lists. Where a net is the same as one of torchvision's, its
// weights go by torchvision's names.
typedef struct blok_net {
  const char *name;     // "wide-resnet"
  const char *summary;  // one line
  const char *options;  // which options it takes, with a comma and a blank between: "in, size, ..."
  uint64_t parameters;  // trainable numbers that it has with the defaults
} blok_net;

// By place, NULL past the last; by name, NULL for none.
BLOK_API const blok_net *blok_net_at(size_t index);
BLOK_API const blok_net *blok_net_find(const char *name);

// Input "input", the network of that name, and its outputs: "output" where there is one. options
// NULL: defaults. A failed call leaves the builder as it was; BLOK_E_NOT_FOUND: no such network.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_net(blok_builder *builder, const char *name,
                                                    const blok_net_options *options,
                                                    blok_error *error);

// ---- Necks and heads: for networks of one's own -------------------------------------------------

// Feature pyramid (Lin et al. 2017): levels[0] is the finest. Each gets a 1x1 convolution to
// channels, the coarser one is added twice as large, and a 3x3 convolution follows. levels, 16 at
// most, are replaced. Weights: name + ".lateral.0", ".output.0", ... Levels must halve exactly: the
// error is the guide's check "shape".
BLOK_API BLOK_MUST_CHECK blok_status blok_build_fpn(blok_builder *builder, const char *name,
                                                    int32_t channels, blok_value_id *levels,
                                                    uint32_t count, blok_error *error);
// Path aggregation (Liu et al. 2018): a pyramid, then from fine to coarse again by strided
// convolutions, joined along the channels (as YOLO has it) and mixed by a convolution of 3x3.
// Weights beside the pyramid's: name + ".down.0", ".mix.0", ...
BLOK_API BLOK_MUST_CHECK blok_status blok_build_pan(blok_builder *builder, const char *name,
                                                    int32_t channels, blok_value_id *levels,
                                                    uint32_t count, blok_error *error);
// One level of a detector without anchors: two towers of convolutions, each two of 3x3 to channels
// with ReLU and one more; *scores gets [N, classes, h, w] before the sigmoid, *boxes [N, 4, h, w]
// (left, top, right, bottom from the pixel's centre, in strides, by ReLU). Give every level the
// same name to share weights: name + ".scores.0", ".2", ".4", ".boxes.0", ...
BLOK_API BLOK_MUST_CHECK blok_status blok_build_detect(blok_builder *builder, const char *name,
                                                       int32_t classes, int32_t channels,
                                                       blok_value_id x, blok_value_id *scores,
                                                       blok_value_id *boxes, blok_error *error);
// One step of a decoder: x twice as large, joined with the encoder's skip along the channels, and a
// basic block of options over both, which is called name. Both must have the same size then: the
// error is the guide's check "shape".
BLOK_API BLOK_MUST_CHECK blok_status blok_build_merge(blok_builder *builder, const char *name,
                                                      const blok_block_options *options,
                                                      blok_value_id skip, blok_value_id *x,
                                                      blok_error *error);

#ifdef __cplusplus
}
#endif
#endif  // BLOK_NETS_H
