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
  BLOK_CONV_NORM_ACT = 1,  // convolution, optional norm, optional activation
  BLOK_RESIDUAL = 2,       // two convolutions and an addition
  BLOK_BOTTLENECK = 3,     // 1x1, kxk, 1x1 and an addition
  BLOK_SQUEEZE_EXCITE = 4  // pool, two small products, gate, scale
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
  BLOK_ACT_CLIP = 11
} blok_activation;

typedef enum blok_norm { BLOK_NORM_NONE = 0, BLOK_NORM_BATCH = 1 } blok_norm;

// "conv_norm_act", "residual", ...; "none" for a number that names nothing. Never NULL.
BLOK_API const char *blok_block_kind_name(blok_block_kind kind);
BLOK_API const char *blok_skip_name(blok_skip skip);     // "identity", "projection", "none"
BLOK_API const char *blok_order_name(blok_order order);  // "post", "pre", "none"
BLOK_API const char *blok_activation_name(blok_activation activation);  // "relu", "silu", ...
BLOK_API const char *blok_norm_name(blok_norm norm);                    // "batch", "none"

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
  double alpha, beta;  // of the activation where it has parameters (slope; low and high)
} blok_conv_desc;

#define BLOK_CONV_DESC_INIT                                                                       \
  {                                                                                               \
    sizeof(blok_conv_desc), 0, 0, {1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 1, false, BLOK_NORM_NONE, \
        0, BLOK_ACT_NONE, 0, 0                                                                    \
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
} blok_se_desc;

#define BLOK_SE_DESC_INIT \
  { sizeof(blok_se_desc), 0, 0, BLOK_ACT_RELU, 0, 0, BLOK_ACT_SIGMOID, 0, 0 }

// A residual or bottleneck block: F(x) of two or three convolutions, a skip path, an addition.
typedef struct blok_residual_desc {
  uint32_t struct_size;
  int32_t convs;           // of F(x): 2 (residual) or 3 (bottleneck)
  blok_conv_desc conv[3];  // in execution order; in pre order each one's norm comes before it
  blok_order order;
  blok_skip skip;
  blok_conv_desc projection;     // valid when skip is BLOK_SKIP_PROJECTION
  bool projection_after_preact;  // the skip starts behind the first norm and activation (pre order)
  bool has_se;
  blok_se_desc se;
  int32_t se_conv;  // the convolution (from 0) behind whose norm and activation it stands
  blok_activation after_add;
  double after_alpha, after_beta;
} blok_residual_desc;

// Two plain 1x1 convolutions in post order on an identity skip.
#define BLOK_RESIDUAL_DESC_INIT                                                           \
  {                                                                                       \
    sizeof(blok_residual_desc), 2,                                                        \
        {BLOK_CONV_DESC_INIT, BLOK_CONV_DESC_INIT, BLOK_CONV_DESC_INIT}, BLOK_ORDER_POST, \
        BLOK_SKIP_IDENTITY, BLOK_CONV_DESC_INIT, false, false, BLOK_SE_DESC_INIT, 0,      \
        BLOK_ACT_NONE, 0, 0                                                               \
  }

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
  union {
    blok_conv_desc conv;          // BLOK_CONV_NORM_ACT
    blok_residual_desc residual;  // BLOK_RESIDUAL, BLOK_BOTTLENECK
    blok_se_desc se;              // BLOK_SQUEEZE_EXCITE
  } as;
} blok_block;

#ifdef __cplusplus
}
#endif
#endif  // BLOK_BLOCKS_H
