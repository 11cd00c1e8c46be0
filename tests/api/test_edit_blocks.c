// Edits of blocks and heads by their descriptors.
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edited.h"

Suite *suite_edit_blocks(void);

// ---- Heads --------------------------------------------------------------------------------------

START_TEST(edit_head__draws_a_layer_under_the_old_names) {
  blok_model *model = blok_edited_classifier(1);
  blok_builder *builder = blok_edited_builder(model);
  OK(blok_edit_head(builder, 7, &error));
  blok_model *edited = blok_edited_finish(&builder);
  ck_assert_int_eq(blok_edited_axis(edited, 1), 7);
  blok_weight_info info = BLOK_WEIGHT_INFO_INIT;
  int found = 0;
  for (size_t i = 0; blok_model_weight(edited, i, &info) == BLOK_OK; i++) {
    if (strcmp(info.name, "head.fc.weight") == 0) {
      ck_assert_int_eq(info.dims[0], 7);
      found++;
    } else if (strcmp(info.name, "head.fc.bias") == 0) {
      ck_assert_int_eq(info.dims[0], 7);
      found++;
    }
  }
  ck_assert_int_eq(found, 2);
  blok_model_free(&edited);
  blok_model_free(&model);
}
END_TEST

// A 1x1 convolution, an activation and a mean, as SqueezeNet ends.
START_TEST(edit_head__sees_through_an_activation) {
  const int64_t shape[4] = {1, 3, 8, 8};
  blok_builder *builder = NULL;
  blok_value_id x;
  blok_block_options layer = BLOK_BLOCK_OPTIONS_INIT;
  layer.out_channels = 5;
  layer.kernel = 1;
  layer.norm = BLOK_NORM_NONE;
  layer.activation = (blok_activation)_i;
  OK(blok_builder_new(NULL, &builder, &error));
  OK(blok_build_input(builder, "image", BLOK_F32, 4, shape, &x, &error));
  OK(blok_build_conv_norm_act(builder, "classes", &layer, &x, &error));
  OK(blok_build_global_pool(builder, "pool", &x, &error));
  OK(blok_build_output(builder, "scores", x, &error));
  blok_model *model = blok_edited_finish(&builder);
  builder = blok_edited_builder(model);
  OK(blok_edit_head(builder, 7, &error));
  blok_model *edited = blok_edited_finish(&builder);
  ck_assert_int_eq(blok_edited_axis(edited, 1), 7);
  blok_model_free(&edited);
  blok_model_free(&model);
}
END_TEST

START_TEST(edit_head__refuses_a_model_that_ends_in_no_linear_layer) {
  blok_builder *builder = blok_edited_begin("guide_post_torchscript");
  REFUSES(blok_edit_head(builder, 7, &error), BLOK_E_ARGUMENT, "linear layer", "node");
  blok_builder_free(&builder);
}
END_TEST

// ---- Blocks -------------------------------------------------------------------------------------

START_TEST(edit_activation__changes_one_block_alone) {
  blok_model *model = blok_edited_classifier(1);
  blok_builder *builder = blok_edited_builder(model);
  size_t changed = 0;
  OK(blok_edit_activation(builder, "stage2.0", BLOK_ACT_RELU, BLOK_ACT_LEAKY_RELU, 0.3, 0, &changed,
                          &error));
  ck_assert_uint_eq(changed, 2);
  blok_model *edited = blok_edited_finish(&builder);
  const blok_residual_desc *desc = blok_edited_block(edited, "stage2.0")->residual;
  ck_assert_int_eq(desc->conv[0].activation, BLOK_ACT_LEAKY_RELU);
  ck_assert_int_eq(desc->after_add, BLOK_ACT_LEAKY_RELU);
  ck_assert_double_eq_tol(desc->after_alpha, 0.3, 1e-6);
  ck_assert_int_eq(blok_edited_block(edited, "stage1.0")->residual->after_add, BLOK_ACT_RELU);
  blok_model_free(&edited);
  blok_model_free(&model);
}
END_TEST

// Each activation put for the relus of a model is matched as itself, in the model's own set.
START_TEST(edit_activation__is_matched_again_as_what_was_put) {
  blok_model *model = blok_edited_classifier(1);
  blok_builder *builder = blok_edited_builder(model);
  const blok_activation to = (blok_activation)_i;
  size_t changed = 0;
  OK(blok_edit_activation(builder, NULL, BLOK_ACT_RELU, to, to == BLOK_ACT_CLIP ? -1 : 0.2, 0.5,
                          &changed, &error));
  ck_assert_uint_eq(changed, 5);
  blok_model *edited = blok_edited_finish(&builder);
  const blok_residual_desc *desc = blok_edited_block(edited, "stage1.0")->residual;
  ck_assert_int_eq(desc->conv[0].activation, to);
  ck_assert_int_eq(desc->after_add, to);
  blok_builder *back = blok_edited_builder(edited);
  OK(blok_edit_activation(back, NULL, to, BLOK_ACT_RELU, 0, 0, &changed, &error));
  ck_assert_uint_eq(changed, 5);
  blok_model *again = blok_edited_finish(&back);
  size_t n = 0, m = 0;
  float *a = blok_edited_run(model, 1, &n), *b = blok_edited_run(again, 1, &m);
  ck_assert_uint_eq(n, m);
  blok_edited_near(a, b, n);
  free(a);
  free(b);
  blok_model_free(&again);
  blok_model_free(&edited);
  blok_model_free(&model);
}
END_TEST

START_TEST(edit_squeeze_excite__stands_where_the_guide_has_it) {
  blok_model *model = blok_edited_classifier(1);
  blok_builder *builder = blok_edited_builder(model);
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  size_t changed = 0;
  options.se_reduction = 2;
  OK(blok_edit_squeeze_excite(builder, "stage1.0", &options, &changed, &error));
  ck_assert_uint_eq(changed, 1);
  REFUSES(blok_edit_squeeze_excite(builder, "stage1.0", &options, NULL, &error), BLOK_E_ARGUMENT,
          "stage1.0", "already");
  blok_model *edited = blok_edited_finish(&builder);
  const blok_residual_desc *desc = blok_edited_block(edited, "stage1.0")->residual;
  ck_assert(desc->has_se);
  ck_assert_int_eq(desc->se_conv, 1);
  ck_assert_int_eq(desc->se.channels, 8);
  ck_assert_int_eq(desc->se.hidden, 4);
  ck_assert(!blok_edited_block(edited, "stage2.0")->residual->has_se);
  blok_model_free(&edited);
  blok_model_free(&model);
}
END_TEST

START_TEST(edit_residual__keeps_weights_whose_dims_stay) {
  blok_model *model = blok_edited_classifier(1);
  blok_builder *builder = blok_edited_builder(model);
  blok_residual_desc desc = *blok_edited_block(model, "stage1.0")->residual;
  size_t redrawn = 9;
  // The same: nothing is drawn, and it computes the same.
  OK(blok_edit_residual(builder, "stage1.0", &desc, &redrawn, &error));
  ck_assert_uint_eq(redrawn, 0);
  blok_model *edited = blok_edited_finish(&builder);
  size_t n = 0, m = 0;
  float *a = blok_edited_run(model, 1, &n), *b = blok_edited_run(edited, 1, &m);
  blok_edited_near(a, b, n);
  free(a);
  free(b);
  blok_model_free(&edited);
  // A wider middle: both convolutions and the first norm.
  builder = blok_edited_builder(model);
  desc.conv[0].out_channels = desc.conv[1].in_channels = 12;
  OK(blok_edit_residual(builder, "stage1.0", &desc, &redrawn, &error));
  ck_assert_uint_eq(redrawn, 6);
  edited = blok_edited_finish(&builder);
  ck_assert_int_eq(blok_edited_block(edited, "stage1.0")->mid_channels, 12);
  free(blok_edited_run(edited, 1, &m));
  blok_model_free(&edited);
  blok_model_free(&model);
}
END_TEST

START_TEST(edit_residual__refuses_what_does_not_fit) {
  blok_model *model = blok_edited_classifier(1);
  blok_builder *builder = blok_edited_builder(model);
  const blok_residual_desc was = *blok_edited_block(model, "stage1.0")->residual;
  blok_residual_desc desc = was;
  desc.conv[0].in_channels = 9;
  REFUSES(blok_edit_residual(builder, "stage1.0", &desc, NULL, &error), BLOK_E_SHAPE, "stage1.0");
  desc = was;
  desc.convs = 3;
  REFUSES(blok_edit_residual(builder, "stage1.0", &desc, NULL, &error), BLOK_E_ARGUMENT, "stage1.0",
          "3");
  desc = was;
  desc.conv[0].stride[0] = desc.conv[0].stride[1] = 2;
  REFUSES(blok_edit_residual(builder, "stage1.0", &desc, NULL, &error), BLOK_E_SHAPE, "downsample");
  REFUSES(blok_edit_residual(builder, "stage9", &was, NULL, &error), BLOK_E_NOT_FOUND, "stage9");
  REFUSES(blok_edit_residual(builder, "stage1.0", NULL, NULL, &error), BLOK_E_ARGUMENT, "_INIT");
  blok_builder_free(&builder);
  blok_model_free(&model);
}
END_TEST

START_TEST(edit_conv__names_what_follows_where_it_does_not_fit) {
  blok_model *model = blok_edited_classifier(1);
  blok_builder *builder = blok_edited_builder(model);
  blok_conv_desc desc = *blok_edited_block(model, "stem")->conv;
  size_t redrawn = 0;
  desc.kernel[0] = desc.kernel[1] = 5;
  desc.pads[0] = desc.pads[1] = desc.pads[2] = desc.pads[3] = 2;
  OK(blok_edit_conv(builder, "stem", &desc, &redrawn, &error));
  ck_assert_uint_eq(redrawn, 1);
  desc.out_channels = 12;
  REFUSES(blok_edit_conv(builder, "stem", &desc, NULL, &error), BLOK_E_SHAPE, "stage1.0");
  blok_model *edited = blok_edited_finish(&builder);
  ck_assert_int_eq(blok_edited_block(edited, "stem")->conv->kernel[0], 5);
  blok_model_free(&edited);
  blok_model_free(&model);
}
END_TEST

// One that stands alone, and one inside a block with an addition.
START_TEST(edit_se__changes_the_one_that_is_named) {
  const int64_t dims[4] = {1, 8, 6, 6};
  blok_builder *builder = NULL;
  blok_model *model = NULL;
  blok_value_id x;
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  size_t redrawn = 0;
  options.se_min_hidden = 2;
  OK(blok_builder_new(NULL, &builder, &error));
  OK(blok_build_input(builder, "x", BLOK_F32, 4, dims, &x, &error));
  OK(blok_build_se(builder, "gate", &options, &x, &error));
  options.se = true;
  OK(blok_build_basic(builder, "body", &options, &x, &error));
  OK(blok_build_output(builder, "y", x, &error));
  model = blok_edited_finish(&builder);
  builder = blok_edited_builder(model);
  blok_se_desc desc = *blok_edited_block(model, "gate")->se;
  OK(blok_edit_se(builder, "gate", &desc, &redrawn, &error));
  ck_assert_uint_eq(redrawn, 0);
  desc.hidden = 5;
  desc.gate = BLOK_ACT_HARD_SIGMOID;
  desc.gate_alpha = 1.0 / 6;
  desc.gate_beta = 0.5;
  // Both products, and the first one's bias.
  OK(blok_edit_se(builder, "gate", &desc, &redrawn, &error));
  ck_assert_uint_eq(redrawn, 3);
  desc.hidden = 3;
  OK(blok_edit_se(builder, "body.se", &desc, &redrawn, &error));
  blok_model *edited = blok_edited_finish(&builder);
  ck_assert_int_eq(blok_edited_block(edited, "gate")->se->hidden, 5);
  ck_assert_int_eq(blok_edited_block(edited, "gate")->se->gate, BLOK_ACT_HARD_SIGMOID);
  ck_assert_int_eq(blok_edited_block(edited, "body")->residual->se.hidden, 3);
  blok_model_free(&edited);
  blok_model_free(&model);
}
END_TEST

START_TEST(edit_se__refuses_what_does_not_fit) {
  blok_model *model = blok_edited_classifier(1);
  blok_builder *builder = blok_edited_builder(model);
  blok_se_desc desc = BLOK_SE_DESC_INIT;
  REFUSES(blok_edit_se(builder, "stage1.0", &desc, NULL, &error), BLOK_E_ARGUMENT, "stage1.0",
          "is a residual and no squeeze_excite");
  REFUSES(blok_edit_se(builder, "stage1.9", &desc, NULL, &error), BLOK_E_NOT_FOUND, "stage1.9");
  REFUSES(blok_edit_se(builder, "stage1.0", NULL, NULL, &error), BLOK_E_ARGUMENT, "_INIT");
  OK(blok_edit_squeeze_excite(builder, "stage1.0", NULL, NULL, &error));
  desc.channels = 7;
  desc.hidden = 4;
  REFUSES(blok_edit_se(builder, "stage1.0.se", &desc, NULL, &error), BLOK_E_SHAPE, "7");
  desc.channels = 8;
  desc.hidden = 0;
  REFUSES(blok_edit_se(builder, "stage1.0.se", &desc, NULL, &error), BLOK_E_ARGUMENT, "hidden");
  blok_builder_free(&builder);
  blok_model_free(&model);
}
END_TEST

Suite *suite_edit_blocks(void) {
  Suite *suite = suite_create("edit_blocks");
  TCase *tests = tcase_create("edit_blocks");
  tcase_set_tags(tests, "one_thread");
  tcase_set_timeout(tests, 120);
  tcase_add_test(tests, edit_head__draws_a_layer_under_the_old_names);
  tcase_add_loop_test(tests, edit_head__sees_through_an_activation, BLOK_ACT_RELU, BLOK_ACT_GELU);
  tcase_add_test(tests, edit_head__refuses_a_model_that_ends_in_no_linear_layer);
  tcase_add_test(tests, edit_activation__changes_one_block_alone);
  tcase_add_loop_test(tests, edit_activation__is_matched_again_as_what_was_put, BLOK_ACT_RELU6,
                      BLOK_ACT_ELU + 1);
  tcase_add_test(tests, edit_squeeze_excite__stands_where_the_guide_has_it);
  tcase_add_test(tests, edit_residual__keeps_weights_whose_dims_stay);
  tcase_add_test(tests, edit_residual__refuses_what_does_not_fit);
  tcase_add_test(tests, edit_conv__names_what_follows_where_it_does_not_fit);
  tcase_add_test(tests, edit_se__changes_the_one_that_is_named);
  tcase_add_test(tests, edit_se__refuses_what_does_not_fit);
  suite_add_tcase(suite, tests);
  return suite;
}
