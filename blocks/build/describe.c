// Descriptors from what people say of blocks: channels, stride, order, activation.
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/options.h"
#include "blocks/build/build.h"

static const blok_block_options defaults = BLOK_BLOCK_OPTIONS_INIT;

// ---- Options ------------------------------------------------------------------------------------

typedef enum use {
  USES_ORDER = 1,
  USES_STRIDE = 2,  // and kernel, dilation, groups, norm, activation
  USES_FINAL = 4,
  USES_EXPANSION = 8,
  USES_SE = 16,
  USES_SE_NUMBERS = 32,
  USES_POOL = 64,
  USES_DROP_PATH = 128
} use;

static blok_status useless(const char *field, const char *kind, blok_error *error) {
  return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s has no use for the option %s: leave it as it was",
                   kind, field);
}

#define UNUSED(field)                                                          \
  do {                                                                         \
    if (options->field != defaults.field) return useless(#field, kind, error); \
  } while (0)

// Fields that the kind has no use for hold what they began with.
static blok_status check_unused(const blok_block_options *options, const char *kind, unsigned uses,
                                blok_error *error) {
  if (!(uses & USES_ORDER)) UNUSED(order);
  if (!(uses & USES_STRIDE)) {
    UNUSED(kernel);
    UNUSED(stride);
    UNUSED(dilation);
    UNUSED(groups);
    UNUSED(activation);
    UNUSED(norm);
  }
  if (!(uses & USES_FINAL)) {
    UNUSED(final_activation);
    UNUSED(no_final);
  }
  if (!(uses & USES_EXPANSION)) UNUSED(expansion);
  if (!(uses & USES_SE)) UNUSED(se);
  if (!(uses & USES_SE_NUMBERS) && !options->se) {
    UNUSED(se_reduction);
    UNUSED(se_min_hidden);
    UNUSED(se_activation);
    UNUSED(se_gate);
  }
  if (!(uses & USES_POOL)) UNUSED(skip_average_pool);
  if (!(uses & USES_DROP_PATH)) UNUSED(drop_path);
  return BLOK_OK;
}

// The caller's options and the sizes in them that every kind needs.
static blok_status take(const blok_block_options *given, const char *kind, unsigned uses,
                        int32_t in_channels, blok_block_options *out, blok_error *error) {
  *out = defaults;
  BLOK_TRY(blok_take_options(given, out, sizeof *out, "blok_block_options", error));
  BLOK_TRY(check_unused(out, kind, uses, error));
  if (out->out_channels == 0) out->out_channels = in_channels;
  const struct {
    const char *name;
    int32_t value;
  } sizes[] = {{"in_channels", in_channels},
               {"out_channels", out->out_channels},
               {"kernel", out->kernel},
               {"stride", out->stride},
               {"dilation", out->dilation}};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    if (sizes[i].value >= 1) continue;
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s is %d: give 1 or more", sizes[i].name,
                     (int)sizes[i].value);
  }
  const bool zero = (uses & USES_EXPANSION) && !(uses & USES_ORDER);
  if (out->groups < (zero ? 0 : 1)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "groups is %d: give 1 or more", (int)out->groups);
  }
  return BLOK_OK;
}

// ---- Parts --------------------------------------------------------------------------------------

void blok_activation_defaults(blok_activation activation, double *alpha, double *beta) {
  *alpha = *beta = 0;
  if (activation == BLOK_ACT_LEAKY_RELU) *alpha = 0.01;
  if (activation == BLOK_ACT_ELU) *alpha = 1;
  if (activation == BLOK_ACT_HARD_SIGMOID) {
    *alpha = 1.0 / 6;
    *beta = 0.5;
  }
}

blok_status blok_activation_plain(blok_activation activation, blok_error *error) {
  if (activation != BLOK_ACT_CLIP) return BLOK_OK;
  return BLOK_FAIL(
      error, BLOK_E_ARGUMENT,
      "the activation clip needs its two ends: build the block from a descriptor, whose "
      "alpha and beta they are");
}

// A convolution with the options' norm; the activation comes where act says so.
static blok_conv_desc conv_of(const blok_block_options *options, int32_t in, int32_t out,
                              int32_t kernel, bool act) {
  blok_conv_desc conv = BLOK_CONV_DESC_INIT;
  conv.in_channels = in;
  conv.out_channels = out;
  conv.norm = options->norm;
  conv.bias = options->norm == BLOK_NORM_NONE;
  if (conv.norm != BLOK_NORM_NONE) conv.epsilon = options->epsilon;
  if (conv.norm == BLOK_NORM_GROUP) conv.norm_groups = options->norm_groups;
  for (int a = 0; a < 2; a++) conv.kernel[a] = kernel;
  if (!act) return conv;
  conv.activation = options->activation;
  blok_activation_defaults(conv.activation, &conv.alpha, &conv.beta);
  return conv;
}

// The kxk convolution: stride, dilation, groups, and zeros round the picture that keep its size.
static void widen_window(const blok_block_options *options, int32_t stride, int32_t groups,
                         blok_conv_desc *conv) {
  const int64_t pad = (int64_t)options->dilation * (conv->kernel[0] / 2);
  for (int a = 0; a < 2; a++) {
    conv->stride[a] = stride;
    conv->dilation[a] = options->dilation;
  }
  for (int p = 0; p < 4; p++) conv->pads[p] = pad < INT32_MAX ? (int32_t)pad : INT32_MAX;
  conv->groups = groups;
}

static blok_status se_of(const blok_block_options *options, int32_t channels, blok_se_desc *se,
                         blok_error *error) {
  if (options->se_reduction < 1 || options->se_min_hidden < 1) {
    return BLOK_FAIL(
        error, BLOK_E_ARGUMENT, "%s is %d: give 1 or more",
        options->se_reduction < 1 ? "se_reduction" : "se_min_hidden",
        options->se_reduction < 1 ? (int)options->se_reduction : (int)options->se_min_hidden);
  }
  BLOK_TRY(blok_activation_plain(options->se_activation, error));
  const int32_t hidden = channels / options->se_reduction;
  *se = (blok_se_desc)BLOK_SE_DESC_INIT;
  se->channels = channels;
  se->hidden = hidden > options->se_min_hidden ? hidden : options->se_min_hidden;
  se->activation = options->se_activation;
  blok_activation_defaults(se->activation, &se->alpha, &se->beta);
  se->gate = options->se_gate;
  blok_activation_defaults(se->gate, &se->gate_alpha, &se->gate_beta);
  return BLOK_OK;
}

static void add_final(const blok_block_options *options, blok_residual_desc *desc) {
  const bool post = options->order == BLOK_ORDER_POST;
  if (post ? options->no_final : !options->final_activation) return;
  desc->after_add = options->activation;
  blok_activation_defaults(desc->after_add, &desc->after_alpha, &desc->after_beta);
}

// A projection where stride or channels ask for one: [average pool], 1x1 convolution, in post order
// its norm.
static void add_projection(const blok_block_options *options, int32_t in, int32_t out,
                           blok_residual_desc *desc) {
  if (options->stride == 1 && in == out) return;
  const bool pool = options->skip_average_pool && options->stride > 1;
  desc->skip = BLOK_SKIP_PROJECTION;
  if (pool) {
    blok_skip_step *step = &desc->skip_step[desc->skip_steps++];
    step->op = BLOK_SKIP_AVERAGE_POOL;
    for (int a = 0; a < 2; a++) step->kernel[a] = step->stride[a] = options->stride;
    step->ceil_mode = true;
  }
  blok_skip_step *step = &desc->skip_step[desc->skip_steps++];
  step->op = BLOK_SKIP_CONV;
  step->conv = conv_of(options, in, out, 1, false);
  if (!pool) widen_window(&defaults, options->stride, 1, &step->conv);
  if (options->order == BLOK_ORDER_POST) return;
  step->conv.norm = BLOK_NORM_NONE;
  step->conv.epsilon = 0;
  step->conv.norm_groups = 0;
}

// What a description goes into: of the version that this library knows.
static blok_status check_desc(const void *desc, const char *what, size_t size, blok_error *error) {
  uint32_t given = 0;
  if (!desc) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s is NULL", what);
  memcpy(&given, desc, sizeof given);
  if (given >= size) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: struct_size is %u: begin with its _INIT macro",
                   what, given);
}

// ---- Blocks -------------------------------------------------------------------------------------

blok_status blok_conv_describe(const blok_block_options *given, int32_t in_channels,
                               blok_conv_desc *desc, blok_error *error) {
  blok_block_options options;
  blok_error_clear(error);
  BLOK_TRY(check_desc(desc, "blok_conv_desc", sizeof *desc, error));
  BLOK_TRY(take(given, "conv_norm_act", USES_STRIDE, in_channels, &options, error));
  BLOK_TRY(blok_activation_plain(options.activation, error));
  *desc = conv_of(&options, in_channels, options.out_channels, options.kernel, true);
  widen_window(&options, options.stride, options.groups, desc);
  return BLOK_OK;
}

blok_status blok_basic_describe(const blok_block_options *given, int32_t in_channels,
                                blok_residual_desc *desc, blok_error *error) {
  blok_block_options options;
  blok_error_clear(error);
  BLOK_TRY(check_desc(desc, "blok_residual_desc", sizeof *desc, error));
  BLOK_TRY(take(given, "a basic block",
                USES_ORDER | USES_STRIDE | USES_FINAL | USES_SE | USES_POOL | USES_DROP_PATH,
                in_channels, &options, error));
  BLOK_TRY(blok_activation_plain(options.activation, error));
  const int32_t out = options.out_channels;
  const bool pre = options.order == BLOK_ORDER_PRE;
  blok_residual_desc made = BLOK_RESIDUAL_DESC_INIT;
  made.order = options.order;
  made.conv[0] = conv_of(&options, in_channels, out, options.kernel, true);
  made.conv[1] = conv_of(&options, out, out, options.kernel, pre);
  widen_window(&options, options.stride, options.groups, &made.conv[0]);
  widen_window(&options, 1, options.groups, &made.conv[1]);
  made.has_se = options.se;
  if (options.se) BLOK_TRY(se_of(&options, out, &made.se, error));
  made.se_conv = options.se ? 1 : 0;
  made.drop_path = options.drop_path;
  add_projection(&options, in_channels, out, &made);
  add_final(&options, &made);
  *desc = made;
  return BLOK_OK;
}

blok_status blok_bottleneck_describe(const blok_block_options *given, int32_t in_channels,
                                     blok_residual_desc *desc, blok_error *error) {
  blok_block_options options;
  blok_error_clear(error);
  BLOK_TRY(check_desc(desc, "blok_residual_desc", sizeof *desc, error));
  BLOK_TRY(take(
      given, "a bottleneck",
      USES_ORDER | USES_STRIDE | USES_FINAL | USES_EXPANSION | USES_SE | USES_POOL | USES_DROP_PATH,
      in_channels, &options, error));
  BLOK_TRY(blok_activation_plain(options.activation, error));
  const int32_t out = options.out_channels;
  const double expansion = options.expansion == 0 ? 4 : options.expansion, inner = out / expansion;
  if (!(expansion > 0) || !(inner >= 1 && inner <= INT32_MAX) || inner != floor(inner)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "%d channels at expansion %g have %g inner ones: give an expansion that "
                     "divides them",
                     (int)out, expansion, inner);
  }
  const int32_t mid = (int32_t)inner;
  const bool pre = options.order == BLOK_ORDER_PRE;
  blok_residual_desc made = BLOK_RESIDUAL_DESC_INIT;
  made.order = options.order;
  made.convs = 3;
  made.conv[0] = conv_of(&options, in_channels, mid, 1, true);
  made.conv[1] = conv_of(&options, mid, mid, options.kernel, true);
  made.conv[2] = conv_of(&options, mid, out, 1, pre);
  widen_window(&options, options.stride, options.groups, &made.conv[1]);
  made.has_se = options.se;
  if (options.se) BLOK_TRY(se_of(&options, out, &made.se, error));
  made.se_conv = options.se ? 2 : 0;
  made.drop_path = options.drop_path;
  add_projection(&options, in_channels, out, &made);
  add_final(&options, &made);
  *desc = made;
  return BLOK_OK;
}

blok_status blok_inverted_describe(const blok_block_options *given, int32_t in_channels,
                                   blok_residual_desc *desc, blok_error *error) {
  blok_block_options options;
  blok_error_clear(error);
  BLOK_TRY(check_desc(desc, "blok_residual_desc", sizeof *desc, error));
  BLOK_TRY(take(given, "an inverted bottleneck",
                USES_STRIDE | USES_EXPANSION | USES_SE | USES_DROP_PATH, in_channels, &options,
                error));
  BLOK_TRY(blok_activation_plain(options.activation, error));
  const int32_t out = options.out_channels;
  const double expansion = options.expansion == 0 ? 6 : options.expansion;
  const double inner = floor(in_channels * expansion + 0.5);
  if (!(inner >= 1 && inner <= INT32_MAX)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%d channels at expansion %g have %g inner ones",
                     (int)in_channels, expansion, inner);
  }
  const int32_t mid = (int32_t)inner;
  const int32_t groups = options.groups <= 1 ? mid : options.groups;
  blok_residual_desc made = BLOK_RESIDUAL_DESC_INIT;
  int32_t n = 0;
  if (mid != in_channels) made.conv[n++] = conv_of(&options, in_channels, mid, 1, true);
  made.conv[n] = conv_of(&options, mid, mid, options.kernel, true);
  widen_window(&options, options.stride, groups, &made.conv[n]);
  made.has_se = options.se;
  if (options.se) BLOK_TRY(se_of(&options, mid, &made.se, error));
  made.se_conv = options.se ? n : 0;
  n++;
  made.conv[n++] = conv_of(&options, mid, out, 1, false);
  made.convs = n;
  made.drop_path = options.drop_path;
  made.skip = options.stride == 1 && in_channels == out ? BLOK_SKIP_IDENTITY : BLOK_SKIP_NONE;
  *desc = made;
  return BLOK_OK;
}

blok_status blok_se_describe(const blok_block_options *given, int32_t channels, blok_se_desc *desc,
                             blok_error *error) {
  blok_block_options options;
  blok_error_clear(error);
  BLOK_TRY(check_desc(desc, "blok_se_desc", sizeof *desc, error));
  BLOK_TRY(take(given, "a squeeze-excite", USES_SE | USES_SE_NUMBERS, channels, &options, error));
  if (options.out_channels != channels) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "out_channels is %d: a squeeze-excite makes as many as it gets, %d",
                     (int)options.out_channels, (int)channels);
  }
  return se_of(&options, channels, desc, error);
}
