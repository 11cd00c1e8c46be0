// guide: the blocks of the residual guide, one after another, as docs/tutorial.md explains them.
// Builds each, runs it on noise, and prints what the guide prints: name, shapes, parameters. Then
// four blocks that do not fit, and what the builder says of them.
#include <blok/blok.h>
#include <stdio.h>
#include <stdlib.h>

static blok_error error = BLOK_ERROR_INIT;

// "1,467,610"
static const char *grouped(unsigned long long number, char text[32]) {
  char digits[32];
  const int count = snprintf(digits, sizeof digits, "%llu", number);
  char *next = text;
  for (int i = 0; i < count; i++) {
    if (i > 0 && (count - i) % 3 == 0) *next++ = ',';
    *next++ = digits[i];
  }
  *next = '\0';
  return text;
}

static void print_shape(const blok_tensor *tensor) {
  for (uint32_t i = 0; i < tensor->rank; i++) {
    printf(i == 0 ? "(%d" : ", %d", (int)tensor->dims[i]);
  }
  printf(")");
}

// Adds what it builds behind *x and leaves its output there; false when it failed.
typedef bool (*build_fn)(blok_builder *b, blok_value_id *x);

// A model that is one input of 2 x channels x size x size and what build makes of it.
static blok_model *make(int channels, int size, build_fn build) {
  const int64_t shape[4] = {2, channels, size, size};
  blok_builder *b = NULL;
  blok_model *model = NULL;
  blok_value_id x;
  const bool done = !blok_builder_new(NULL, &b, &error) &&
                    !blok_build_input(b, "x", BLOK_F32, 4, shape, &x, &error) && build(b, &x) &&
                    !blok_build_output(b, "y", x, &error) &&
                    !blok_builder_finish(&b, &model, &error);
  blok_builder_free(&b);
  return done ? model : NULL;
}

// The guide's demo_shapes.
static void demo(const char *name, int channels, int size, build_fn build) {
  char parameters[32];
  blok_session *session = NULL;
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  blok_tensor y = BLOK_TENSOR_INIT;
  blok_tensor x = {sizeof x, BLOK_F32, 4, {2, channels, size, size}, NULL, 0};
  x.bytes = blok_tensor_count(&x) * sizeof(float);
  float *noise = malloc(x.bytes);
  for (size_t i = 0; noise != NULL && i < blok_tensor_count(&x); i++) {
    noise[i] = (float)rand() / (float)RAND_MAX - 0.5F;
  }
  x.data = noise;
  blok_model *model = make(channels, size, build);
  if (noise == NULL || model == NULL || blok_model_get_info(model, &info) ||
      blok_session_new(model, NULL, &session, &error) ||
      blok_session_run(session, &x, 1, &y, 1, &error)) {
    printf("%18s  %s\n", name, error.message);
  } else {
    printf("%18s  in: ", name);
    print_shape(&x);
    printf(" -> out: ");
    print_shape(&y);
    printf(" | params: %s\n", grouped(info.parameters, parameters));
  }
  blok_session_free(&session);
  blok_model_free(&model);
  free(noise);
}

// ---- 3: Conv-BN-Act -----------------------------------------------------------------------------

static bool conv_bn_act(blok_builder *b, blok_value_id *x) {
  blok_block_options conv = BLOK_BLOCK_OPTIONS_INIT;
  conv.out_channels = 16;
  return !blok_build_conv_norm_act(b, "conv_bn_act", &conv, x, &error);
}

// ---- 4: post-activation -------------------------------------------------------------------------

static bool basic_post(blok_builder *b, blok_value_id *x) {
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  return !blok_build_basic(b, "block", &block, x, &error);
}

static bool basic_post_down(blok_builder *b, blok_value_id *x) {
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  block.out_channels = 32;
  block.stride = 2;
  return !blok_build_basic(b, "block", &block, x, &error);
}

// ---- 5: pre-activation --------------------------------------------------------------------------

static bool basic_pre(blok_builder *b, blok_value_id *x) {
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  block.order = BLOK_ORDER_PRE;
  return !blok_build_basic(b, "block", &block, x, &error);
}

static bool basic_pre_down(blok_builder *b, blok_value_id *x) {
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  block.order = BLOK_ORDER_PRE;
  block.out_channels = 32;
  block.stride = 2;
  return !blok_build_basic(b, "block", &block, x, &error);
}

// ---- 6: wide ------------------------------------------------------------------------------------

static bool tiny_wide_resnet(blok_builder *b, blok_value_id *x) {
  const int depth = 28, k = 2, n = (depth - 4) / 6;
  blok_conv_desc stem = BLOK_CONV_DESC_INIT;
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  blok_head_options head = BLOK_HEAD_OPTIONS_INIT;
  stem.out_channels = 16;
  stem.kernel[0] = stem.kernel[1] = 3;
  for (int i = 0; i < 4; i++) stem.pads[i] = 1;
  if (blok_build_conv(b, "stem", &stem, x, &error)) return false;
  block.order = BLOK_ORDER_PRE;
  block.out_channels = 16 * k;
  if (blok_build_stage(b, "stage1", BLOK_RESIDUAL, &block, n, x, &error)) return false;
  block.stride = 2;
  block.out_channels = 32 * k;
  if (blok_build_stage(b, "stage2", BLOK_RESIDUAL, &block, n, x, &error)) return false;
  block.out_channels = 64 * k;
  if (blok_build_stage(b, "stage3", BLOK_RESIDUAL, &block, n, x, &error)) return false;
  head.norm = BLOK_NORM_BATCH;
  head.activation = BLOK_ACT_RELU;
  return !blok_build_head(b, "", &head, x, &error);
}

// ---- 7: bottleneck ------------------------------------------------------------------------------

static bool bottleneck(blok_builder *b, blok_value_id *x) {
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  block.out_channels = 64 * 4;
  return !blok_build_bottleneck(b, "block", &block, x, &error);
}

static bool bottleneck_down(blok_builder *b, blok_value_id *x) {
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  block.out_channels = 64 * 4;
  block.stride = 2;
  return !blok_build_bottleneck(b, "block", &block, x, &error);
}

// ---- 8: squeeze-excitation ----------------------------------------------------------------------

static bool squeeze_excite(blok_builder *b, blok_value_id *x) {
  blok_block_options se = BLOK_BLOCK_OPTIONS_INIT;
  se.se_reduction = 16;
  se.se_min_hidden = 4;
  return !blok_build_se(b, "se", &se, x, &error);
}

// ---- 9: SE inside a residual block --------------------------------------------------------------

static bool se_residual(blok_builder *b, blok_value_id *x) {
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  block.activation = BLOK_ACT_SILU;
  block.se = true;
  return !blok_build_basic(b, "block", &block, x, &error);
}

static bool se_residual_down(blok_builder *b, blok_value_id *x) {
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  block.activation = BLOK_ACT_SILU;
  block.se = true;
  block.out_channels = 64;
  block.stride = 2;
  return !blok_build_basic(b, "block", &block, x, &error);
}

// ---- 10: the baseline ---------------------------------------------------------------------------

static bool baseline_cnn(blok_builder *b, blok_value_id *x) {
  const char *const names[4] = {"features.0", "features.1", "features.3", "features.5"};
  const int32_t channels[4] = {32, 32, 64, 128};
  blok_block_options conv = BLOK_BLOCK_OPTIONS_INIT;
  blok_head_options head = BLOK_HEAD_OPTIONS_INIT;
  for (int i = 0; i < 4; i++) {
    conv.out_channels = channels[i];
    if (blok_build_conv_norm_act(b, names[i], &conv, x, &error)) return false;
    const bool halve = i == 1 || i == 2;
    if (halve && blok_build_max_pool(b, "", 2, 2, 0, x, &error)) return false;
  }
  return !blok_build_head(b, "", &head, x, &error);
}

// ---- 2: what the builder refuses ----------------------------------------------------------------

// A convolution without padding: F(x) comes out smaller than skip(x).
static bool wrong_shape(blok_builder *b, blok_value_id *x) {
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  blok_residual_desc block = BLOK_RESIDUAL_DESC_INIT;
  if (blok_basic_describe(&options, 16, &block, &error)) return false;
  for (int i = 0; i < 4; i++) block.conv[1].pads[i] = 0;
  return !blok_build_residual(b, "block", &block, x, &error);
}

// A stride that the skip path does not follow.
static bool wrong_downsample(blok_builder *b, blok_value_id *x) {
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  blok_residual_desc block = BLOK_RESIDUAL_DESC_INIT;
  if (blok_basic_describe(&options, 16, &block, &error)) return false;
  block.conv[0].stride[0] = block.conv[0].stride[1] = 2;
  return !blok_build_residual(b, "block", &block, x, &error);
}

// More channels out than in, and an identity as skip path.
static bool wrong_channels(blok_builder *b, blok_value_id *x) {
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  blok_residual_desc block = BLOK_RESIDUAL_DESC_INIT;
  if (blok_basic_describe(&options, 16, &block, &error)) return false;
  block.conv[0].out_channels = 32;
  block.conv[1].in_channels = block.conv[1].out_channels = 32;
  return !blok_build_residual(b, "block", &block, x, &error);
}

// Neither post nor pre order.
static bool wrong_order(blok_builder *b, blok_value_id *x) {
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  blok_residual_desc block = BLOK_RESIDUAL_DESC_INIT;
  if (blok_basic_describe(&options, 16, &block, &error)) return false;
  block.order = BLOK_ORDER_NONE;
  return !blok_build_residual(b, "block", &block, x, &error);
}

static void refuse(build_fn build) {
  blok_model *model = make(16, 32, build);
  printf("%s\n", model == NULL ? error.message : "was built");
  blok_model_free(&model);
}

int main(void) {
  refuse(wrong_shape);
  refuse(wrong_downsample);
  refuse(wrong_channels);
  refuse(wrong_order);
  demo("ConvBNAct", 3, 32, conv_bn_act);
  demo("BasicPostAct s1", 16, 32, basic_post);
  demo("BasicPostAct s2", 16, 32, basic_post_down);
  demo("BasicPreAct s1", 16, 32, basic_pre);
  demo("BasicPreAct s2", 16, 32, basic_pre_down);
  demo("TinyWideResNet", 3, 32, tiny_wide_resnet);
  demo("Bottleneck s1", 64, 32, bottleneck);
  demo("Bottleneck s2", 64, 32, bottleneck_down);
  demo("SEBlock", 64, 16, squeeze_excite);
  demo("SEResBlock s1", 32, 32, se_residual);
  demo("SEResBlock s2", 32, 32, se_residual_down);
  demo("BaselineCNN", 3, 32, baseline_cnn);
  return 0;
}
