// Building a model in C: a builder takes inputs, blocks and operators one after another, and
// finishing it gives a model like one that was opened from a file.
//
//   blok_builder *b = NULL;
//   blok_model *model = NULL;
//   blok_value_id x;
//   const int64_t shape[4] = {-1, 3, 32, 32};
//   blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
//   blok_head_options head = BLOK_HEAD_OPTIONS_INIT;
//   block.out_channels = 32;
//   block.stride = 2;
//   if (blok_builder_new(NULL, &b, &error)) ...
//   if (blok_build_input(b, "input", BLOK_F32, 4, shape, &x, &error)) ...
//   if (blok_build_basic(b, "stage1.0", &block, &x, &error)) ...
//   if (blok_build_head(b, "", &head, &x, &error)) ...
//   if (blok_build_output(b, "output", x, &error)) ...
//   if (blok_builder_finish(&b, &model, &error)) ...
//   blok_builder_free(&b);
//
// Every call that makes a node reads the value *x and leaves in it what the node makes. Pictures
// are float32, [N, C, H, W]. Shapes are inferred as the model grows, so that a block that does not
// fit fails at its own call, with the guide's check that it breaks: "shape", "downsample", "channel
// transition" or "norm and activation order", both shapes, and what would mend it. A call that
// failed leaves the builder as it was before it.
//
// Weights are drawn as PyTorch draws them for a fresh module, from the builder's seed and their
// names alone: the same name gets the same numbers whatever stands around it. blok_build_weight
// puts the caller's in their place. Names are those that the state_dict of the guide's modules has
// ("stage1.0.conv1.weight"), see blok_naming.
//
// A builder is used by one thread at a time. Strings are copied.
#ifndef BLOK_BUILD_H
#define BLOK_BUILD_H

#include <blok/blocks.h>
#include <blok/model.h>
#include <blok/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct blok_builder blok_builder;

// What the parts of a block are called, behind the block's own name.
typedef enum blok_naming {
  // As the modules of the guide. Post order: conv1.conv.weight and conv1.bn.weight, the last
  // convolution conv2.0.weight and conv2.1.weight, the projection proj.0 and proj.1. Pre order:
  // bn1, conv1, bn2, conv2, proj. Squeeze-excite: se.fc.0, se.fc.2.
  BLOK_NAMING_GUIDE = 0,
  // As torchvision's ResNet: conv1, bn1, conv2, bn2, downsample.0, downsample.1; se.fc1, se.fc2.
  BLOK_NAMING_TORCHVISION = 1
} blok_naming;

typedef struct blok_builder_options {
  uint32_t struct_size;
  const blok_allocator *allocator;  // NULL: malloc and free
  const blok_limits *limits;        // NULL: the defaults
  const char *name;                 // of the graph, and in messages; NULL: "model"
  int64_t opset;                    // operator set that the model is written in; 0: 18
  uint64_t seed;                    // of the weights
  blok_naming naming;
} blok_builder_options;

#define BLOK_BUILDER_OPTIONS_INIT \
  { sizeof(blok_builder_options), NULL, NULL, NULL, 0, 0, BLOK_NAMING_GUIDE }

// *out is NULL unless the status is BLOK_OK; free it with blok_builder_free. BLOK_E_ARGUMENT for an
// operator set below 7 or newer than this build knows.
BLOK_API BLOK_MUST_CHECK blok_status blok_builder_new(const blok_builder_options *options,
                                                      blok_builder **out, blok_error *error);

// A builder that begins with what model is: its source graph, whose weights are shared and not
// copied, and its operator set. options: allocator, limits and seed are used; NULL: the model's
// own. Edits (blok/edit.h) change it, and blok_build_* calls add to it. The model stays as it is
// and may be freed first.
BLOK_API BLOK_MUST_CHECK blok_status blok_builder_from(const blok_model *model,
                                                       const blok_builder_options *options,
                                                       blok_builder **out, blok_error *error);

// Frees the builder and sets *builder to NULL; NULL is allowed.
BLOK_API void blok_builder_free(blok_builder **builder);

// The model that was built: its source graph is what the builder holds, in the builder's operator
// set; blocks are matched on it as on any other. The builder is freed and *builder NULL when this
// succeeds. BLOK_E_ARGUMENT: a model without output; BLOK_E_UNSUPPORTED: an operator that cannot be
// written in the operator set, with the node's name.
BLOK_API BLOK_MUST_CHECK blok_status blok_builder_finish(blok_builder **builder, blok_model **out,
                                                         blok_error *error);

// ---- Inputs, outputs, values --------------------------------------------------------------------

// dims of -1 are open: the first goes by the symbol "N", the others have none (see
// blok_edit_input).
BLOK_API BLOK_MUST_CHECK blok_status blok_build_input(blok_builder *builder, const char *name,
                                                      blok_dtype dtype, uint32_t rank,
                                                      const int64_t *dims, blok_value_id *out,
                                                      blok_error *error);

// Makes x an output called name. Where x has that name already it is listed; a value with a name of
// its own choice (an input, another output) is handed through an Identity.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_output(blok_builder *builder, const char *name,
                                                       blok_value_id x, blok_error *error);

// The value of that name. BLOK_E_NOT_FOUND.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_find(const blok_builder *builder, const char *name,
                                                     blok_value_id *out, blok_error *error);

// Type and shape of x as inferred; name and axes live until the next call that takes the builder.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_value_info(const blok_builder *builder,
                                                           blok_value_id x, blok_value_info *info);

// Trainable numbers and multiply-adds of one run of what has been built so far (docs/blocks.md); an
// open first axis counts as 1. macs is -1 where another axis is open.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_counts(const blok_builder *builder,
                                                       uint64_t *parameters, int64_t *macs,
                                                       blok_error *error);

// ---- Blocks from descriptors --------------------------------------------------------------------
// Each takes the native struct as matching fills it (blok/blocks.h). in_channels of 0 stands for
// the channels of *x; out_channels of 0 in a norm alone likewise. name: what the block's nodes and
// weights begin with: "stage1.0"; "" for none, where the parts stand alone.

BLOK_API BLOK_MUST_CHECK blok_status blok_build_conv(blok_builder *builder, const char *name,
                                                     const blok_conv_desc *desc, blok_value_id *x,
                                                     blok_error *error);
// BLOK_RESIDUAL, BLOK_BOTTLENECK or BLOK_INVERTED_BOTTLENECK by what desc holds.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_residual(blok_builder *builder, const char *name,
                                                         const blok_residual_desc *desc,
                                                         blok_value_id *x, blok_error *error);
BLOK_API BLOK_MUST_CHECK blok_status blok_build_squeeze_excite(blok_builder *builder,
                                                               const char *name,
                                                               const blok_se_desc *desc,
                                                               blok_value_id *x, blok_error *error);

// ---- Blocks by what people say of them ----------------------------------------------------------

// Fields that a block has no use for must hold their _INIT values: BLOK_E_ARGUMENT names the one
// that does not.
typedef struct blok_block_options {
  uint32_t struct_size;
  int32_t out_channels;        // 0: those of x
  int32_t kernel;              // of the kxk convolution: 3
  int32_t stride;              // 1
  int32_t dilation;            // 1
  int32_t groups;              // of the kxk convolution: 1. In an inverted bottleneck 0 and 1 stand
                               // for a depthwise one
  blok_order order;            // post
  blok_activation activation;  // relu
  bool final_activation;       // the same one behind the addition; in post order, unless no_final
  bool no_final;               // post order without it
  blok_norm norm;              // batch
  int32_t norm_groups;         // of a group norm: 32
  double epsilon;              // of the norms: 1e-5
  double expansion;       // bottleneck: out_channels / expansion are the inner ones: 4; inverted
                          // bottleneck: the inner ones are expansion times those of x: 6
  bool se;                // a squeeze-excite behind the last norm of F(x); in an inverted
                          // bottleneck behind its depthwise convolution
  int32_t se_reduction;   // hidden channels = max(se_min_hidden, channels / se_reduction): 16
  int32_t se_min_hidden;  // 4
  blok_activation se_activation;  // between its products: silu
  blok_activation se_gate;        // sigmoid
  bool skip_average_pool;         // a projection with stride pools first (ResNet-D)
  double drop_path;               // see blok_residual_desc: 0
} blok_block_options;

#define BLOK_BLOCK_OPTIONS_INIT                                                               \
  {                                                                                           \
    sizeof(blok_block_options), 0, 3, 1, 1, 1, BLOK_ORDER_POST, BLOK_ACT_RELU, false, false,  \
        BLOK_NORM_BATCH, 32, 1e-5, 0, false, 16, 4, BLOK_ACT_SILU, BLOK_ACT_SIGMOID, false, 0 \
  }

// Descriptors of these options on in_channels, for those who want to change them before they build.
// They fill desc, which must have been begun with its _INIT.
BLOK_API BLOK_MUST_CHECK blok_status blok_conv_describe(const blok_block_options *options,
                                                        int32_t in_channels, blok_conv_desc *desc,
                                                        blok_error *error);
BLOK_API BLOK_MUST_CHECK blok_status blok_basic_describe(const blok_block_options *options,
                                                         int32_t in_channels,
                                                         blok_residual_desc *desc,
                                                         blok_error *error);
BLOK_API BLOK_MUST_CHECK blok_status blok_bottleneck_describe(const blok_block_options *options,
                                                              int32_t in_channels,
                                                              blok_residual_desc *desc,
                                                              blok_error *error);
BLOK_API BLOK_MUST_CHECK blok_status blok_inverted_describe(const blok_block_options *options,
                                                            int32_t in_channels,
                                                            blok_residual_desc *desc,
                                                            blok_error *error);
BLOK_API BLOK_MUST_CHECK blok_status blok_se_describe(const blok_block_options *options,
                                                      int32_t channels, blok_se_desc *desc,
                                                      blok_error *error);

// Convolution, norm, activation (the guide's ConvBNAct), zeros round the picture so that stride 1
// keeps its size. The convolution has a bias where there is no norm.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_conv_norm_act(blok_builder *builder,
                                                              const char *name,
                                                              const blok_block_options *options,
                                                              blok_value_id *x, blok_error *error);
// Two convolutions and an addition (the guide's BasicBlock_PostAct, BasicBlock_PreAct, SEResBlock).
// The skip path is a projection where the stride or the channels ask for one.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_basic(blok_builder *builder, const char *name,
                                                      const blok_block_options *options,
                                                      blok_value_id *x, blok_error *error);
// 1x1, kxk, 1x1 and an addition (Bottleneck_PostAct; grouped: ResNeXt).
BLOK_API BLOK_MUST_CHECK blok_status blok_build_bottleneck(blok_builder *builder, const char *name,
                                                           const blok_block_options *options,
                                                           blok_value_id *x, blok_error *error);
// 1x1, depthwise, 1x1 without activation; with a skip where stride and channels allow one
// (MobileNetV2's, V3's, EfficientNet's).
BLOK_API BLOK_MUST_CHECK blok_status blok_build_inverted(blok_builder *builder, const char *name,
                                                         const blok_block_options *options,
                                                         blok_value_id *x, blok_error *error);
BLOK_API BLOK_MUST_CHECK blok_status blok_build_se(blok_builder *builder, const char *name,
                                                   const blok_block_options *options,
                                                   blok_value_id *x, blok_error *error);

// ---- Stem, stage, head --------------------------------------------------------------------------

// count blocks of one kind (BLOK_RESIDUAL: basic, BLOK_BOTTLENECK, BLOK_INVERTED_BOTTLENECK) called
// name.0, name.1, ...: the first with the options' stride, the others with 1.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_stage(blok_builder *builder, const char *name,
                                                      blok_block_kind kind,
                                                      const blok_block_options *options,
                                                      int32_t count, blok_value_id *x,
                                                      blok_error *error);

// The end of a classifier, [N, C, H, W] to [N, classes]: in pre-activation nets a norm and an
// activation first, then the mean of each channel, then a linear layer. Weights: name + "bn", name
// + "fc" ("head." in front where name is "head").
typedef struct blok_head_options {
  uint32_t struct_size;
  int32_t classes;             // 10
  blok_norm norm;              // none
  int32_t norm_groups;         // 32
  double epsilon;              // 1e-5
  blok_activation activation;  // none
  double dropout;              // kept as a Dropout node that does nothing at inference; 0: none
} blok_head_options;

#define BLOK_HEAD_OPTIONS_INIT \
  { sizeof(blok_head_options), 10, BLOK_NORM_NONE, 32, 1e-5, BLOK_ACT_NONE, 0 }

BLOK_API BLOK_MUST_CHECK blok_status blok_build_head(blok_builder *builder, const char *name,
                                                     const blok_head_options *options,
                                                     blok_value_id *x, blok_error *error);

// ---- Parts --------------------------------------------------------------------------------------
// Weights are called name + ".weight", name + ".bias" and so on, as PyTorch has them.

// A norm of a picture's channels; groups is for a group norm alone.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_norm(blok_builder *builder, const char *name,
                                                     blok_norm norm, int32_t groups, double epsilon,
                                                     blok_value_id *x, blok_error *error);
// Of a value of any shape. alpha, beta: of the activations that have parameters, as in
// blok_conv_desc.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_activation(blok_builder *builder, const char *name,
                                                           blok_activation activation, double alpha,
                                                           double beta, blok_value_id *x,
                                                           blok_error *error);
// x times a weight of out x in, and a bias where bias says so (nn.Linear), over the last axis.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_linear(blok_builder *builder, const char *name,
                                                       int32_t out_features, bool bias,
                                                       blok_value_id *x, blok_error *error);
// kernel x kernel, pad on every side, half the kernel at most. The mean counts the pad's zeros, as
// PyTorch's does.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_max_pool(blok_builder *builder, const char *name,
                                                         int32_t kernel, int32_t stride,
                                                         int32_t pad, blok_value_id *x,
                                                         blok_error *error);
BLOK_API BLOK_MUST_CHECK blok_status blok_build_average_pool(blok_builder *builder,
                                                             const char *name, int32_t kernel,
                                                             int32_t stride, int32_t pad,
                                                             blok_value_id *x, blok_error *error);
// The mean of each channel; [N, C, 1, 1].
BLOK_API BLOK_MUST_CHECK blok_status blok_build_global_pool(blok_builder *builder, const char *name,
                                                            blok_value_id *x, blok_error *error);
// [N, C, H, W] to [N, C * H * W].
BLOK_API BLOK_MUST_CHECK blok_status blok_build_flatten(blok_builder *builder, const char *name,
                                                        blok_value_id *x, blok_error *error);
// Height and width times factor: each pixel repeated, or (linear) bilinear between pixel centres,
// as PyTorch's Upsample with align_corners=False.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_upsample(blok_builder *builder, const char *name,
                                                         int32_t factor, bool linear,
                                                         blok_value_id *x, blok_error *error);
// *x becomes *x + y, both of one shape.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_add(blok_builder *builder, const char *name,
                                                    blok_value_id y, blok_value_id *x,
                                                    blok_error *error);
// *out: the values joined along axis (1: the channels), which alone may differ.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_concat(blok_builder *builder, const char *name,
                                                       const blok_value_id *values, uint32_t count,
                                                       int32_t axis, blok_value_id *out,
                                                       blok_error *error);

// An attribute of blok_build_operator: one of the fields that type names. type is spelled as in
// blok_attribute_info: "int", "float", "string", "ints", "floats", "tensor".
typedef struct blok_build_attribute {
  const char *name;
  const char *type;
  int64_t i;
  float f;
  const char *text;
  const int64_t *ints;
  const float *floats;
  size_t count;               // of ints or floats
  const blok_tensor *tensor;  // copied
} blok_build_attribute;

// Any operator of ONNX that Blok knows, in its newest version (or, where opset is not 0, in the
// version of that operator set). Inputs of i == 0 are left out. Fills outputs, which are new
// values.
typedef struct blok_operator {
  uint32_t struct_size;
  const char *op_type;
  const char *domain;  // NULL: the default one
  const blok_value_id *inputs;
  size_t input_count;
  const blok_build_attribute *attributes;
  size_t attribute_count;
  int64_t opset;
} blok_operator;

#define BLOK_OPERATOR_INIT \
  { sizeof(blok_operator), NULL, NULL, NULL, 0, NULL, 0, 0 }

BLOK_API BLOK_MUST_CHECK blok_status blok_build_operator(blok_builder *builder, const char *name,
                                                         const blok_operator *op,
                                                         blok_value_id *outputs,
                                                         size_t output_count, blok_error *error);

// ---- Weights ------------------------------------------------------------------------------------

// An initializer. tensor's elements are copied.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_constant(blok_builder *builder, const char *name,
                                                         const blok_tensor *tensor,
                                                         blok_value_id *out, blok_error *error);

// Puts the caller's numbers, which are copied, in the place of the weight called name: dtype and
// dims must be the weight's own. BLOK_E_NOT_FOUND names the weights that come nearest.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_weight(blok_builder *builder, const char *name,
                                                       const blok_tensor *tensor,
                                                       blok_error *error);

// The same with every array of an .npz file, by name (numpy.savez; not compressed). All or none:
// an array that is no weight, or does not fit, is an error, and so is a weight of which the file
// holds nothing unless partial allows it.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_weights_npz(blok_builder *builder, const char *path,
                                                            bool partial, blok_error *error);

// Weights in the order in which they were made; BLOK_E_NOT_FOUND past the last. Strings and dims
// live until the next call that takes the builder.
BLOK_API BLOK_MUST_CHECK blok_status blok_build_weight_info(const blok_builder *builder,
                                                            size_t index, blok_weight_info *info);

#ifdef __cplusplus
}
#endif
#endif  // BLOK_BUILD_H
