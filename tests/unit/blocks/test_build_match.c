// Blocks that were built are matched as what they were built from: every kind, in every combination
// of what can be said of it.
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "again.h"
#include "blocks/build/build.h"

Suite *suite_build_match(void);

static blok_builder *begin_on(blok_naming naming, int64_t channels, blok_value_id *x) {
  blok_builder_options options = BLOK_BUILDER_OPTIONS_INIT;
  const int64_t dims[4] = {-1, channels, 16, 16};
  blok_error error = BLOK_ERROR_INIT;
  blok_builder *builder = NULL;
  options.naming = naming;
  ck_assert_msg(blok_builder_new(&options, &builder, &error) == BLOK_OK, "%s", error.message);
  ck_assert_msg(blok_build_input(builder, "x", BLOK_F32, 4, dims, x, &error) == BLOK_OK, "%s",
                error.message);
  return builder;
}

// Looks at what stands between x and y: one block without a parent, which is like expected.
static void check_matched(blok_builder *builder, blok_value_id y, const blok_block_record *expected,
                          const char *what) {
  const blok_build_view *view = NULL;
  const blok_block_record *found = NULL;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(blok_build_output(builder, "y", y, &error) == BLOK_OK, "%s: %s", what,
                error.message);
  ck_assert_msg(blok_builder_look(builder, &view, &error) == BLOK_OK, "%s: %s", what,
                error.message);
  for (uint32_t i = 0; i < view->overlay->n_blocks; i++) {
    const blok_block_record *record = &view->overlay->blocks[i];
    if (record->parent >= 0) continue;
    ck_assert_msg(!found, "%s: '%s' and '%s'", what, found ? found->name : "", record->name);
    found = record;
  }
  ck_assert_msg(found != NULL, "%s: no block; %s", what,
                view->overlay->n_misses ? view->overlay->misses[0].condition : "no near miss");
  ck_assert_msg(found->kind == expected->kind, "%s: %s instead of %s", what,
                blok_block_kind_name(found->kind), blok_block_kind_name(expected->kind));
  ck_assert_msg(again_same(found, expected), "%s: another descriptor", what);
  ck_assert_msg(strcmp(found->name, expected->name) == 0, "%s: called '%s'", what, found->name);
  blok_builder_free(&builder);
}

static void check_residual(blok_naming naming, blok_block_kind kind, const char *what, int32_t in,
                           const blok_residual_desc *desc) {
  blok_value_id x;
  blok_error error = BLOK_ERROR_INIT;
  blok_builder *builder = begin_on(naming, in, &x);
  ck_assert_msg(blok_build_residual(builder, "stage1.0", desc, &x, &error) == BLOK_OK, "%s: %s",
                what, error.message);
  const blok_block_record expected = {.kind = kind, .name = "stage1.0", .residual = desc};
  check_matched(builder, x, &expected, what);
}

// ---- Basic blocks and bottlenecks ---------------------------------------------------------------

typedef blok_status (*describe_fn)(const blok_block_options *, int32_t, blok_residual_desc *,
                                   blok_error *);

// Every combination of order, norm, stride, channels, squeeze-excite and what stands at the end.
static void sweep(describe_fn describe, blok_block_kind kind) {
  char what[120];
  blok_error error = BLOK_ERROR_INIT;
  for (int bits = 0; bits < 256; bits++) {
    blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
    blok_residual_desc desc = BLOK_RESIDUAL_DESC_INIT;
    options.order = bits & 1 ? BLOK_ORDER_PRE : BLOK_ORDER_POST;
    options.norm = bits & 2 ? bits & 4 ? BLOK_NORM_LAYER : BLOK_NORM_GROUP : BLOK_NORM_BATCH;
    options.norm_groups = 4;
    options.stride = bits & 8 ? 2 : 1;
    options.out_channels = bits & 16 ? 32 : 0;
    options.se = bits & 32;
    if (options.order == BLOK_ORDER_PRE) options.final_activation = bits & 64;
    if (options.order == BLOK_ORDER_POST) options.no_final = bits & 64;
    options.skip_average_pool = bits & 128;
    if (!(bits & 2) && (bits & 4)) options.activation = BLOK_ACT_SILU;
    snprintf(what, sizeof what, "combination %d", bits);
    ck_assert_msg(describe(&options, 16, &desc, &error) == BLOK_OK, "%s: %s", what, error.message);
    check_residual(bits & 8 ? BLOK_NAMING_TORCHVISION : BLOK_NAMING_GUIDE, kind, what, 16, &desc);
  }
}

START_TEST(build_match__finds_every_basic_block_as_it_was_built) {
  sweep(blok_basic_describe, BLOK_RESIDUAL);
}
END_TEST

START_TEST(build_match__finds_every_bottleneck_as_it_was_built) {
  sweep(blok_bottleneck_describe, BLOK_BOTTLENECK);
}
END_TEST

START_TEST(build_match__finds_kernels_dilations_and_groups_as_they_were_built) {
  blok_error error = BLOK_ERROR_INIT;
  char what[60];
  for (int32_t kernel = 3; kernel <= 7; kernel += 2) {
    for (int32_t dilation = 1; dilation <= 2; dilation++) {
      for (int32_t groups = 1; groups <= 4; groups *= 4) {
        blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
        blok_residual_desc desc = BLOK_RESIDUAL_DESC_INIT;
        options.kernel = kernel;
        options.dilation = dilation;
        options.groups = groups;
        options.expansion = 2;
        snprintf(what, sizeof what, "kernel %d dilation %d groups %d", kernel, dilation, groups);
        ck_assert(blok_bottleneck_describe(&options, 16, &desc, &error) == BLOK_OK);
        check_residual(BLOK_NAMING_GUIDE, BLOK_BOTTLENECK, what, 16, &desc);
      }
    }
  }
}
END_TEST

static const blok_activation activations[] = {
    BLOK_ACT_RELU,       BLOK_ACT_RELU6,   BLOK_ACT_LEAKY_RELU,   BLOK_ACT_SILU,
    BLOK_ACT_HARD_SWISH, BLOK_ACT_SIGMOID, BLOK_ACT_HARD_SIGMOID, BLOK_ACT_TANH,
    BLOK_ACT_GELU,       BLOK_ACT_PRELU,   BLOK_ACT_GELU_TANH,    BLOK_ACT_MISH,
    BLOK_ACT_ELU};
#define ACTIVATIONS (int)(sizeof activations / sizeof activations[0])

START_TEST(build_match__finds_every_activation_as_it_was_built) {
  const blok_activation activation = activations[_i / 2];
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  blok_residual_desc desc = BLOK_RESIDUAL_DESC_INIT;
  blok_error error = BLOK_ERROR_INIT;
  options.activation = activation;
  options.order = _i % 2 ? BLOK_ORDER_PRE : BLOK_ORDER_POST;
  options.se = true;
  options.se_activation = activation;
  options.se_gate = _i % 2 ? BLOK_ACT_HARD_SIGMOID : BLOK_ACT_SIGMOID;
  ck_assert_msg(blok_basic_describe(&options, 16, &desc, &error) == BLOK_OK, "%s", error.message);
  check_residual(BLOK_NAMING_GUIDE, BLOK_RESIDUAL, blok_activation_name(activation), 16, &desc);
}
END_TEST

START_TEST(build_match__finds_a_clip_with_its_ends) {
  blok_residual_desc desc = BLOK_RESIDUAL_DESC_INIT;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert(blok_basic_describe(NULL, 16, &desc, &error) == BLOK_OK);
  desc.after_add = desc.conv[0].activation = BLOK_ACT_CLIP;
  desc.after_alpha = desc.conv[0].alpha = -1.5;
  desc.after_beta = desc.conv[0].beta = 4;
  check_residual(BLOK_NAMING_GUIDE, BLOK_RESIDUAL, "clip", 16, &desc);
}
END_TEST

START_TEST(build_match__finds_layer_scale_and_other_skip_paths) {
  blok_residual_desc desc = BLOK_RESIDUAL_DESC_INIT;
  blok_error error = BLOK_ERROR_INIT;
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  ck_assert(blok_basic_describe(NULL, 16, &desc, &error) == BLOK_OK);
  desc.scale = BLOK_SCALE_CHANNELS;
  check_residual(BLOK_NAMING_GUIDE, BLOK_RESIDUAL, "layer scale", 16, &desc);
  desc.scale = BLOK_SCALE_NUMBER;
  desc.scale_number = 0.25;
  check_residual(BLOK_NAMING_TORCHVISION, BLOK_RESIDUAL, "one number", 16, &desc);

  // The zeros of a CIFAR ResNet: every second pixel, and channels of zeros around.
  options.stride = 2;
  options.out_channels = 32;
  desc = (blok_residual_desc)BLOK_RESIDUAL_DESC_INIT;
  ck_assert(blok_basic_describe(&options, 16, &desc, &error) == BLOK_OK);
  desc.skip_steps = 3;
  for (int i = 0; i < 3; i++) desc.skip_step[i] = (blok_skip_step)BLOK_SKIP_STEP_INIT;
  for (int i = 0; i < 2; i++) {
    desc.skip_step[i].op = BLOK_SKIP_SLICE;
    desc.skip_step[i].axis = 2 + i;
    desc.skip_step[i].end = 16;
    desc.skip_step[i].step = 2;
  }
  desc.skip_step[2].op = BLOK_SKIP_PAD;
  desc.skip_step[2].axis = 1;
  desc.skip_step[2].begin = desc.skip_step[2].end = 8;
  check_residual(BLOK_NAMING_GUIDE, BLOK_RESIDUAL, "zeros", 16, &desc);
}
END_TEST

// ---- Inverted bottlenecks -----------------------------------------------------------------------

START_TEST(build_match__finds_every_inverted_bottleneck_as_it_was_built) {
  char what[60];
  blok_error error = BLOK_ERROR_INIT;
  for (int bits = 0; bits < 32; bits++) {
    blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
    blok_residual_desc desc = BLOK_RESIDUAL_DESC_INIT;
    options.expansion = bits & 1 ? 1 : 4;
    options.stride = bits & 2 ? 2 : 1;
    options.out_channels = bits & 4 ? 24 : 0;
    options.se = bits & 8;
    options.activation = bits & 16 ? BLOK_ACT_HARD_SWISH : BLOK_ACT_RELU6;
    snprintf(what, sizeof what, "combination %d", bits);
    ck_assert_msg(blok_inverted_describe(&options, 16, &desc, &error) == BLOK_OK, "%s: %s", what,
                  error.message);
    check_residual(BLOK_NAMING_GUIDE, BLOK_INVERTED_BOTTLENECK, what, 16, &desc);
  }
}
END_TEST

// ---- Convolutions and squeeze-excites -----------------------------------------------------------

START_TEST(build_match__finds_every_convolution_as_it_was_built) {
  char what[60];
  blok_error error = BLOK_ERROR_INIT;
  for (int bits = 0; bits < 64; bits++) {
    blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
    blok_conv_desc desc = BLOK_CONV_DESC_INIT;
    blok_value_id x;
    options.norm = (blok_norm)(bits & 3);
    options.norm_groups = 4;
    options.stride = bits & 4 ? 2 : 1;
    options.kernel = bits & 8 ? 5 : 1;
    options.activation = bits & 16 ? BLOK_ACT_SILU : BLOK_ACT_NONE;
    options.groups = bits & 32 ? 4 : 1;
    options.out_channels = 8;
    snprintf(what, sizeof what, "combination %d", bits);
    ck_assert_msg(blok_conv_describe(&options, 16, &desc, &error) == BLOK_OK, "%s: %s", what,
                  error.message);
    blok_builder *builder =
        begin_on(bits & 4 ? BLOK_NAMING_TORCHVISION : BLOK_NAMING_GUIDE, 16, &x);
    ck_assert_msg(blok_build_conv(builder, "stem", &desc, &x, &error) == BLOK_OK, "%s: %s", what,
                  error.message);
    const blok_block_record expected = {.kind = BLOK_CONV_NORM_ACT, .name = "stem", .conv = &desc};
    check_matched(builder, x, &expected, what);
  }
}
END_TEST

START_TEST(build_match__finds_every_squeeze_excite_as_it_was_built) {
  blok_error error = BLOK_ERROR_INIT;
  blok_value_id x;
  blok_se_desc desc = BLOK_SE_DESC_INIT;
  ck_assert(blok_se_describe(NULL, 64, &desc, &error) == BLOK_OK);
  ck_assert_int_eq(desc.hidden, 4);
  desc.product[0] = (blok_product)(_i % 3);
  desc.product[1] = (blok_product)(_i / 3 % 3);
  desc.bias[0] = _i % 2 == 0;
  desc.bias[1] = _i % 4 < 2;
  if (_i >= 9 && desc.product[0] == BLOK_PRODUCT_CONV) {
    desc.norm = BLOK_NORM_BATCH;
    desc.epsilon = 1e-3;
  }
  blok_builder *builder = begin_on(BLOK_NAMING_GUIDE, 64, &x);
  ck_assert_msg(blok_build_squeeze_excite(builder, "se", &desc, &x, &error) == BLOK_OK, "%s",
                error.message);
  const blok_block_record expected = {.kind = BLOK_SQUEEZE_EXCITE, .name = "se", .se = &desc};
  check_matched(builder, x, &expected, "squeeze-excite");
}
END_TEST

Suite *suite_build_match(void) {
  Suite *suite = suite_create("build_match");
  TCase *tcase = tcase_create("build_match");
  tcase_add_test(tcase, build_match__finds_every_basic_block_as_it_was_built);
  tcase_add_test(tcase, build_match__finds_every_bottleneck_as_it_was_built);
  tcase_add_test(tcase, build_match__finds_kernels_dilations_and_groups_as_they_were_built);
  tcase_add_loop_test(tcase, build_match__finds_every_activation_as_it_was_built, 0,
                      2 * ACTIVATIONS);
  tcase_add_test(tcase, build_match__finds_a_clip_with_its_ends);
  tcase_add_test(tcase, build_match__finds_layer_scale_and_other_skip_paths);
  tcase_add_test(tcase, build_match__finds_every_inverted_bottleneck_as_it_was_built);
  tcase_add_test(tcase, build_match__finds_every_convolution_as_it_was_built);
  tcase_add_loop_test(tcase, build_match__finds_every_squeeze_excite_as_it_was_built, 0, 18);
  suite_add_tcase(suite, tcase);
  return suite;
}
