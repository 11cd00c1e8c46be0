// What the networks share: a row of the table, its options made whole, and the parts that most nets
// are put together from.
#ifndef BLOK_BLOCKS_NETS_NETS_H
#define BLOK_BLOCKS_NETS_NETS_H

#include <blok/nets.h>

// A net as the table has it. net.options, the words, say which options it takes.
typedef struct blok_net_row {
  blok_net net;
  blok_net_options own;  // in place of those that are left to the net
  blok_naming naming;
  // The net itself: x is the input. It makes the outputs, too. Options are whole and in range.
  blok_status (*body)(blok_builder *builder, const blok_net_options *options, blok_value_id x,
                      blok_error *error);
} blok_net_row;

// A name made of parts, for one call: blok_net_name("%sstage%d", prefix, 1).text. A part from the
// caller is checked first, so that none is cut.
enum { BLOK_NET_NAME = 200 };  // bytes of a caller's name
typedef struct blok_net_text {
  char text[BLOK_NET_NAME + 40];
} blok_net_text;
blok_net_text blok_net_name(const char *format, ...) __attribute__((format(printf, 1, 2)));
BLOK_MUST_CHECK blok_status blok_net_check_name(const char *name, blok_error *error);

// The guide's check "shape": height and width of large are exactly twice those of small, as far as
// they are known. name: of the neck or the decoder's step.
BLOK_MUST_CHECK blok_status blok_net_check_twice(blok_builder *builder, const char *name,
                                                 blok_value_id small, blok_value_id large,
                                                 blok_error *error);

// BLOK_E_ARGUMENT where a width is more than a weight's axis may hold.
BLOK_MUST_CHECK blok_status blok_net_channels(int64_t channels, int32_t *out, blok_error *error);

// The options of a block as those of the net ask for it, but for its width and stride.
blok_block_options blok_net_block(const blok_net_options *options);

// ---- Parts --------------------------------------------------------------------------------------

// A convolution with a bias or without, nothing behind it; pads keep the size at stride 1.
typedef struct blok_net_conv {
  int32_t out;
  int32_t kernel;
  int32_t stride;
  bool bias;
} blok_net_conv;
BLOK_MUST_CHECK blok_status blok_net_plain(blok_builder *builder, const char *name,
                                           blok_net_conv conv, blok_value_id *x, blok_error *error);

// The same and the norm that the options ask for, under two names; without a norm it has a bias.
BLOK_MUST_CHECK blok_status blok_net_normed(blok_builder *builder, const blok_net_options *options,
                                            const char *name, const char *norm, blok_net_conv conv,
                                            blok_value_id *x, blok_error *error);

// A convolution of 3x3 with the norm and the activation that the options ask for.
BLOK_MUST_CHECK blok_status blok_net_act(blok_builder *builder, const blok_net_options *options,
                                         const char *name, int32_t out, int32_t stride,
                                         blok_value_id *x, blok_error *error);

// Stages of blocks in a row. Names: prefix + word + number of the stage, from 1, "." + number of
// the block.
typedef struct blok_net_tower {
  blok_builder *builder;
  const blok_net_options *options;
  const char *prefix;
  const char *word;
  blok_block_kind kind;  // residual or bottleneck
  int32_t stage;         // that comes next, from 1
  int32_t done, total;   // blocks: where drop_path's line goes
} blok_net_tower;

blok_net_tower blok_net_tower_begin(blok_builder *builder, const blok_net_options *options,
                                    const char *prefix, blok_block_kind kind);
// The next stage of the tower, options->blocks of which say how many blocks it has; width: channels
// of what it makes.
BLOK_MUST_CHECK blok_status blok_net_stage(blok_net_tower *tower, int64_t width, int32_t stride,
                                           blok_value_id *x, blok_error *error);
// Stages that the options ask for.
int32_t blok_net_stages(const blok_net_options *options);

// The head of a classifier and the output; with a norm and an activation in front of it in pre
// order.
BLOK_MUST_CHECK blok_status blok_net_classify(blok_builder *builder,
                                              const blok_net_options *options, blok_value_id x,
                                              blok_error *error);

// ---- All nets -----------------------------------------------------------------------------------

extern const blok_net_row blok_net_conv_bn_act, blok_net_basic_post, blok_net_basic_pre,
    blok_net_bottleneck_block, blok_net_se_block, blok_net_se_res_block;  // modules.c
extern const blok_net_row blok_net_baseline_cnn, blok_net_residual_cnn, blok_net_wide_resnet,
    blok_net_bottleneck_cnn, blok_net_se_resnet;  // guide.c
extern const blok_net_row blok_net_resnet18, blok_net_resnet34, blok_net_resnet50,
    blok_net_resnet101;                           // resnet.c
extern const blok_net_row blok_net_mobilenet_v2;  // mobilenet.c
extern const blok_net_row blok_net_classifier, blok_net_detector_fpn, blok_net_detector_pan,
    blok_net_encoder_decoder;  // tasks.c

#endif  // BLOK_BLOCKS_NETS_NETS_H
