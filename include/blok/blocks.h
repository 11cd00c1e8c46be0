// The native block structs: what Blok recognises in a graph, and what a C program builds with.
//
// A descriptor says everything about a block but its weights. The guide's three questions are
// answered by three fields of every block with an addition: skip, order and after_add.
#ifndef BLOK_BLOCKS_H
#define BLOK_BLOCKS_H

#include <blok/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum blok_block_kind {
  BLOK_CONV_NORM_ACT = 1,        // convolution, optional norm, optional activation
  BLOK_RESIDUAL = 2,             // two convolutions and an addition
  BLOK_BOTTLENECK = 3,           // 1x1, kxk, 1x1 and an addition
  BLOK_SQUEEZE_EXCITE = 4,       // pool, two small products, gate, scale
  BLOK_INVERTED_BOTTLENECK = 5,  // [1x1], depthwise or widened grouped, 1x1; with or without skip
  BLOK_RESIDUAL_OTHER = 6,       // any other F(x) + skip(x): F is kept as nodes
  BLOK_GATE = 7                  // other attention that scales channels: kept as nodes
} blok_block_kind;

// The first question: what is the skip path?
typedef enum blok_skip {
  BLOK_SKIP_NONE = 0,
  BLOK_SKIP_IDENTITY = 1,
  BLOK_SKIP_PROJECTION = 2
} blok_skip;

// The second: in what order does F(x) run? Post: conv, norm, activation. Pre: norm, activation,
// conv.
typedef enum blok_order { BLOK_ORDER_NONE = 0, BLOK_ORDER_POST = 1, BLOK_ORDER_PRE = 2 } blok_order;

typedef enum blok_activation {
  BLOK_ACT_NONE = 0,
  BLOK_ACT_RELU = 1,
  BLOK_ACT_RELU6 = 2,
  BLOK_ACT_LEAKY_RELU = 3,
  BLOK_ACT_SILU = 4,
  BLOK_ACT_HARD_SWISH = 5,
  BLOK_ACT_SIGMOID = 6,
  BLOK_ACT_HARD_SIGMOID = 7,
  BLOK_ACT_TANH = 8,
  BLOK_ACT_GELU = 9,
  BLOK_ACT_PRELU = 10,
  BLOK_ACT_CLIP = 11,
  BLOK_ACT_GELU_TANH = 12,  // the approximation by tanh
  BLOK_ACT_MISH = 13,
  BLOK_ACT_ELU = 14
} blok_activation;

typedef enum blok_norm {
  BLOK_NORM_NONE = 0,
  BLOK_NORM_BATCH = 1,  // PyTorch's BatchNorm2d: per channel, by running statistics
  BLOK_NORM_GROUP = 2,  // GroupNorm: mean and variance of each group of channels of each picture.
                        // norm_groups 1 normalises a whole picture, as many as there are channels
                        // each channel (InstanceNorm2d)
  BLOK_NORM_LAYER = 3   // LayerNorm over the channels of each pixel (ConvNeXt's LayerNorm2d)
} blok_norm;

// How a squeeze-excite's product is written.
typedef enum blok_product {
  BLOK_PRODUCT_CONV = 0,          // a 1x1 convolution
  BLOK_PRODUCT_LINEAR = 1,        // a linear layer, its weights out x in
  BLOK_PRODUCT_LINEAR_IN_OUT = 2  // a linear layer, its weights in x out
} blok_product;

// What multiplies F(x) by constants before the addition, or a value on the skip path.
typedef enum blok_scale {
  BLOK_SCALE_NONE = 0,
  BLOK_SCALE_NUMBER = 1,   // one number (Inception-ResNet, EDSR)
  BLOK_SCALE_CHANNELS = 2  // one number a channel (layer scale)
} blok_scale;

typedef enum blok_gate_form {
  BLOK_GATE_OTHER = 0,           // computed from x and broadcast over it, of no form below
  BLOK_GATE_ECA = 1,             // mean, 1-D convolution over channels
  BLOK_GATE_EFFECTIVE_SE = 2,    // mean, one product
  BLOK_GATE_GLOBAL_CONTEXT = 3,  // softmax-weighted mean, small network; multiplied or added
  BLOK_GATE_CBAM_CHANNEL = 4,    // mean and maximum through one network
  BLOK_GATE_CBAM_SPATIAL = 5,    // mean and maximum over channels, a convolution
  BLOK_GATE_GRN = 6              // global response normalisation (ConvNeXt V2), its addition of x
                                 // included
} blok_gate_form;

// What may stand on a skip path.
typedef enum blok_skip_op {
  BLOK_SKIP_CONV = 1,  // 1x1, or depthwise before one; its norm goes with it
  BLOK_SKIP_NORM = 2,  // a norm alone
  BLOK_SKIP_AVERAGE_POOL = 3,
  BLOK_SKIP_MAX_POOL = 4,
  BLOK_SKIP_PAD = 5,    // zeros, along one axis
  BLOK_SKIP_SLICE = 6,  // along one axis
  BLOK_SKIP_SCALE = 7   // multiplied by one number, or by one number a channel
} blok_skip_op;

// "conv_norm_act", "residual", ...; "none" for a number that names nothing. Never NULL.
BLOK_API const char *blok_block_kind_name(blok_block_kind kind);
BLOK_API const char *blok_skip_name(blok_skip skip);     // "identity", "projection", "none"
BLOK_API const char *blok_order_name(blok_order order);  // "post", "pre", "none"
BLOK_API const char *blok_activation_name(blok_activation activation);  // "relu", "silu", ...
BLOK_API const char *blok_norm_name(blok_norm norm);            // "batch", "group", "layer", "none"
BLOK_API const char *blok_gate_form_name(blok_gate_form form);  // "eca", ..., "other"

// One convolution of a block with the norm and activation around it, in 2-D.
typedef struct blok_conv_desc {
  uint32_t struct_size;
  int32_t in_channels;
  int32_t out_channels;
  int32_t kernel[2];
  int32_t stride[2];
  int32_t pads[4];  // top, left, bottom, right
  int32_t dilation[2];
  int32_t groups;
  bool bias;
  blok_norm norm;  // of the same conv_norm_act: after it (post) or before it (pre)
  double epsilon;  // of the norm
  blok_activation activation;
  double alpha, beta;   // of the activation where it has parameters (slope; low and high)
  int32_t norm_groups;  // BLOK_NORM_GROUP: of its channels; 0 otherwise
} blok_conv_desc;

#define BLOK_CONV_DESC_INIT                                                                       \
  {                                                                                               \
    sizeof(blok_conv_desc), 0, 0, {1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 1, false, BLOK_NORM_NONE, \
        0, BLOK_ACT_NONE, 0, 0, 0                                                                 \
  }

// Squeeze and excite: mean over height and width, two products, a gate, a scale.
typedef struct blok_se_desc {
  uint32_t struct_size;
  int32_t channels;
  int32_t hidden;
  blok_activation activation;  // between the two products
  double alpha, beta;          // of that activation
  blok_activation gate;        // sigmoid or hard-sigmoid
  double gate_alpha, gate_beta;
  blok_product product[2];
  bool bias[2];
  blok_norm norm;  // behind the first product
  double epsilon;  // of the norm
} blok_se_desc;

#define BLOK_SE_DESC_INIT                                                       \
  {                                                                             \
    sizeof(blok_se_desc), 0, 0, BLOK_ACT_RELU, 0, 0, BLOK_ACT_SIGMOID, 0, 0,    \
        {BLOK_PRODUCT_CONV, BLOK_PRODUCT_CONV}, {true, true}, BLOK_NORM_NONE, 0 \
  }

// One step of a skip path. Fields that op does not name hold their _INIT values.
typedef struct blok_skip_step {
  uint32_t struct_size;
  blok_skip_op op;
  blok_conv_desc conv;  // CONV, with norm; NORM: in_channels, norm and epsilon
  int32_t kernel[2];    // of the pools, as in blok_conv_desc
  int32_t stride[2];
  int32_t pads[4];
  bool ceil_mode;
  bool count_include_pad;
  int32_t axis;        // PAD, SLICE: counted from 0; SCALE by channels: the axis that they are
  int64_t begin, end;  // PAD: zeros before and behind; SLICE: first index, and one past the last
  int64_t step;        // SLICE
  blok_scale scale;    // SCALE: by one number, or by one a channel
  bool divides;        // SCALE: divided by that number
} blok_skip_step;

#define BLOK_SKIP_STEP_INIT                                                                    \
  {                                                                                            \
    sizeof(blok_skip_step), BLOK_SKIP_CONV, BLOK_CONV_DESC_INIT, {1, 1}, {1, 1}, {0, 0, 0, 0}, \
        false, false, 0, 0, 0, 1, BLOK_SCALE_NONE, false                                       \
  }

#define BLOK_SKIP_STEPS 6

// A block with an addition, F(x) + skip(x), or an inverted bottleneck without one. F has two or
// three convolutions; in BLOK_RESIDUAL_OTHER it is kept as nodes, and convs, conv, order, se and
// scale are empty.
typedef struct blok_residual_desc {
  uint32_t struct_size;
  int32_t convs;           // of F(x): 2 or 3
  blok_conv_desc conv[3];  // in execution order; in pre order each one's norm comes before it
  blok_order order;
  blok_skip skip;
  int32_t skip_steps;                         // of a projection
  blok_skip_step skip_step[BLOK_SKIP_STEPS];  // in execution order
  bool skip_elsewhere;  // the skip path begins at a value that is not the block's entry: at one
                        // between, which nodes outside read too (a shared pool)
  bool projection_after_preact;  // the skip starts behind the first norm and activation (pre order)
  bool has_se;
  blok_se_desc se;
  int32_t se_conv;      // the convolution (from 0) behind whose norm and activation it stands
  bool se_before_act;   // behind the norm, before the activation
  blok_scale scale;     // of F(x), before the addition
  double scale_number;  // BLOK_SCALE_NUMBER
  blok_activation after_add;
  double after_alpha, after_beta;
  int32_t skip_channels;  // of F(x)'s, the first so many, that the skip is added to; 0: all
  bool channels_last;     // residual_other: the channels of x are its last axis, not axis 1
  double drop_path;       // the rate at which training drops F(x) as a whole (stochastic depth); at
                          // inference nothing. A file keeps it as metadata of the model
} blok_residual_desc;

// Two plain 1x1 convolutions in post order on an identity skip.
#define BLOK_RESIDUAL_DESC_INIT                                                                    \
  {                                                                                                \
    sizeof(blok_residual_desc), 2,                                                                 \
        {BLOK_CONV_DESC_INIT, BLOK_CONV_DESC_INIT, BLOK_CONV_DESC_INIT}, BLOK_ORDER_POST,          \
        BLOK_SKIP_IDENTITY, 0, {BLOK_SKIP_STEP_INIT, BLOK_SKIP_STEP_INIT, BLOK_SKIP_STEP_INIT,     \
                                BLOK_SKIP_STEP_INIT, BLOK_SKIP_STEP_INIT, BLOK_SKIP_STEP_INIT},    \
        false, false, false, BLOK_SE_DESC_INIT, 0, false, BLOK_SCALE_NONE, 1, BLOK_ACT_NONE, 0, 0, \
        0, false, 0                                                                                \
  }

// A gate that is no squeeze-excite: x times (or plus) what is computed from x, broadcast over it.
typedef struct blok_gate_desc {
  uint32_t struct_size;
  blok_gate_form form;
  int32_t channels;
  bool spatial;                // one number a place rather than a channel
  bool adds;                   // added rather than multiplied
  blok_activation activation;  // the last one of the gate
} blok_gate_desc;

#define BLOK_GATE_DESC_INIT \
  { sizeof(blok_gate_desc), BLOK_GATE_OTHER, 0, false, false, BLOK_ACT_NONE }

// A matched block. Everything it points to lives as long as the model.
typedef struct blok_block {
  uint32_t struct_size;
  blok_block_kind kind;
  const char *name;     // from the scope its nodes share, or its first node's name
  int32_t parent;       // index of the enclosing block, -1: none
  const char *entry;    // source name of the value that it reads
  const char *exit;     // source name of the value that it makes
  const char *skip_of;  // what is computed on a projection's path: "conv 1x1 /2 + batch"; else NULL
  int32_t in_channels;
  int32_t mid_channels;  // of F(x): the first convolution's output; 0 where there is no inner one
  int32_t out_channels;
  int32_t stride;       // of the whole block, the larger of both axes
  int32_t groups;       // of the kxk convolution
  uint64_t parameters;  // trainable numbers, its children's included
  int64_t macs;         // multiply-adds, an open first axis counted as 1; -1: another axis is open
  int32_t out_rank;     // rank of exit's shape, -1: unknown
  const blok_axis *out_axes;
  size_t nodes;  // members (blok_model_block_node)
  // The native struct: one of these, the others NULL.
  const blok_conv_desc *conv;          // BLOK_CONV_NORM_ACT
  const blok_residual_desc *residual;  // residual, bottleneck, inverted_bottleneck, residual_other
  const blok_se_desc *se;              // BLOK_SQUEEZE_EXCITE
  const blok_gate_desc *gate;          // BLOK_GATE
} blok_block;

#ifdef __cplusplus
}
#endif
#endif  // BLOK_BLOCKS_H
