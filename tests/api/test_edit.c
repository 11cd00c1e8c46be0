// Edits of the graph: what they change, what they leave alone, and what they refuse.
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edited.h"
#include "support/fault.h"

Suite *suite_edit(void);

// ---- What is handed in --------------------------------------------------------------------------

static void edit_everything(blok_builder *builder) {
  size_t n = 0;
  OK(blok_edit_batch(builder, 0, NULL, &error));
  OK(blok_edit_activation(builder, NULL, BLOK_ACT_RELU, BLOK_ACT_SILU, 0, 0, &n, &error));
  ck_assert_uint_eq(n, 5);
  OK(blok_edit_squeeze_excite(builder, NULL, NULL, &n, &error));
  ck_assert_uint_eq(n, 2);
  OK(blok_edit_head(builder, 3, &error));
  OK(blok_edit_rename(builder, "image", "picture", &error));
  OK(blok_edit_fold_norms(builder, &n, &error));
  ck_assert_uint_eq(n, 6);
  OK(blok_edit_rewrite(builder, &error));
}

START_TEST(edit__leaves_the_model_handed_in_as_it_was) {
  blok_model *model = blok_edited_classifier(2);
  const blok_edited_text before = blok_edited_bytes(model);
  blok_builder *builder = blok_edited_builder(model);
  edit_everything(builder);
  blok_model *edited = blok_edited_finish(&builder);
  blok_edited_same(before, blok_edited_bytes(model));
  blok_model_free(&model);
  ck_assert_int_eq(blok_edited_axis(edited, 1), 3);
  ck_assert_uint_eq(blok_edited_count(edited, "BatchNormalization"), 0);
  ck_assert(blok_edited_first(edited, BLOK_RESIDUAL)->residual->has_se);
  size_t count = 0;
  free(blok_edited_run(edited, 3, &count));
  ck_assert_uint_eq(count, 9);
  blok_model_free(&edited);
}
END_TEST

START_TEST(edit__leaves_the_builder_as_it_was_when_it_fails) {
  blok_model *model = blok_edited_classifier(2);
  blok_builder *untouched = blok_edited_builder(model), *builder = blok_edited_builder(model);
  const char *const nowhere[] = {"nowhere"}, *const image[] = {"image"};
  blok_residual_desc residual = BLOK_RESIDUAL_DESC_INIT;
  const blok_axis axes[2] = {{1, NULL}, {3, NULL}};
  REFUSES(blok_edit_input(builder, "imag", 2, axes, &error), BLOK_E_NOT_FOUND, "imag", "'image'");
  REFUSES(blok_edit_input(builder, "image", 2, axes, &error), BLOK_E_SHAPE, "stem");
  REFUSES(blok_edit_batch(builder, -1, NULL, &error), BLOK_E_ARGUMENT, "-1");
  REFUSES(blok_edit_cut(builder, NULL, 0, nowhere, 1, &error), BLOK_E_NOT_FOUND, "nowhere");
  REFUSES(blok_edit_cut(builder, image, 1, image, 1, &error), BLOK_E_ARGUMENT, "image");
  REFUSES(blok_edit_rename(builder, "image", "scores", &error), BLOK_E_ARGUMENT, "taken");
  REFUSES(blok_edit_head(builder, 0, &error), BLOK_E_ARGUMENT, "0 classes");
  REFUSES(
      blok_edit_activation(builder, "stage1.1", BLOK_ACT_RELU, BLOK_ACT_SILU, 0, 0, NULL, &error),
      BLOK_E_NOT_FOUND, "stage1.1", "'stage1.0'");
  REFUSES(
      blok_edit_activation(builder, NULL, BLOK_ACT_RELU, (blok_activation)99, 0, 0, NULL, &error),
      BLOK_E_ARGUMENT, "99");
  REFUSES(blok_edit_activation(builder, NULL, BLOK_ACT_RELU, BLOK_ACT_CLIP, 3, 1, NULL, &error),
          BLOK_E_ARGUMENT, "every block: the clip", "alpha 3 and beta 1");
  REFUSES(blok_edit_activation(builder, "stage1.0", BLOK_ACT_RELU, BLOK_ACT_LEAKY_RELU, (double)NAN,
                               0, NULL, &error),
          BLOK_E_ARGUMENT, "stage1.0: the leaky_relu", "nan");
  REFUSES(blok_edit_residual(builder, "stem", &residual, NULL, &error), BLOK_E_ARGUMENT, "stem",
          "conv_norm_act");
  blok_model *was = blok_edited_finish(&untouched), *is = blok_edited_finish(&builder);
  blok_edited_same(blok_edited_bytes(was), blok_edited_bytes(is));
  blok_model_free(&was);
  blok_model_free(&is);
  blok_model_free(&model);
}
END_TEST

// ---- Rewriting ----------------------------------------------------------------------------------

static const char *const fixtures[] = {"conv_norm_relu",
                                       "if_captures",
                                       "late_shapes",
                                       "local_functions",
                                       "external_data",
                                       "sparse_initializer",
                                       "annotated",
                                       "initializers_as_inputs",
                                       "unnamed_nodes",
                                       "constants_as_nodes",
                                       "unsorted_nodes",
                                       "function_blocks",
                                       "noise_in_block",
                                       "block_kinds",
                                       "opset_7",
                                       "guide_pre_dynamo",
                                       "guide_seres_dynamo",
                                       "guide_seres_down_torchscript",
                                       "guide_bottleneck_down_torchscript"};

enum { FIXTURES = sizeof fixtures / sizeof fixtures[0] };

START_TEST(edit_rewrite__gives_a_model_that_computes_the_same) {
  blok_builder *builder = blok_edited_begin(fixtures[_i]);
  OK(blok_edit_rewrite(builder, &error));
  blok_model *model = blok_edited_finish(&builder);
  blok_edited_check(model, fixtures[_i]);
  blok_model_free(&model);
}
END_TEST

START_TEST(edit_rewrite__keeps_the_operator_set_and_the_weights) {
  blok_model *model = blok_test_open("guide_post_torchscript");
  blok_builder *builder = blok_edited_builder(model);
  OK(blok_edit_rewrite(builder, &error));
  blok_model *edited = blok_edited_finish(&builder);
  blok_model_info was = BLOK_MODEL_INFO_INIT, is = BLOK_MODEL_INFO_INIT;
  ck_assert_int_eq(blok_model_get_info(model, &was), BLOK_OK);
  ck_assert_int_eq(blok_model_get_info(edited, &is), BLOK_OK);
  ck_assert_int_eq(is.opset, was.opset);
  ck_assert_uint_eq(is.parameters, was.parameters);
  blok_weight_info old = BLOK_WEIGHT_INFO_INIT, now = BLOK_WEIGHT_INFO_INIT;
  for (size_t i = 0; blok_model_weight(model, i, &old) == BLOK_OK; i++) {
    ck_assert_int_eq(blok_model_weight(edited, i, &now), BLOK_OK);
    ck_assert_str_eq(now.name, old.name);
  }
  blok_model_free(&edited);
  blok_model_free(&model);
}
END_TEST

// ---- Folding ------------------------------------------------------------------------------------

START_TEST(edit_fold__gives_a_model_that_computes_the_same) {
  blok_builder *builder = blok_edited_begin(fixtures[_i]);
  size_t folded = 0;
  OK(blok_edit_fold_norms(builder, &folded, &error));
  blok_model *model = blok_edited_finish(&builder);
  blok_edited_check(model, fixtures[_i]);
  if (strcmp(fixtures[_i], "conv_norm_relu") == 0) {
    ck_assert_uint_eq(folded, 1);
    ck_assert_uint_eq(blok_edited_count(model, "BatchNormalization"), 0);
  }
  blok_model_free(&model);
}
END_TEST

START_TEST(edit_fold__leaves_a_norm_behind_a_value_that_others_read) {
  blok_builder *builder = NULL;
  blok_value_id x, y;
  const int64_t shape[4] = {1, 3, 4, 4};
  blok_conv_desc conv = BLOK_CONV_DESC_INIT;
  size_t folded = 9;
  conv.out_channels = 4;
  OK(blok_builder_new(NULL, &builder, &error));
  OK(blok_build_input(builder, "x", BLOK_F32, 4, shape, &x, &error));
  OK(blok_build_conv(builder, "c", &conv, &x, &error));
  y = x;
  OK(blok_build_norm(builder, "bn", BLOK_NORM_BATCH, 0, 1e-5, &x, &error));
  OK(blok_build_add(builder, "sum", y, &x, &error));
  OK(blok_build_output(builder, "y", x, &error));
  OK(blok_edit_fold_norms(builder, &folded, &error));
  ck_assert_uint_eq(folded, 0);
  blok_builder_free(&builder);
}
END_TEST

// ---- Names --------------------------------------------------------------------------------------

START_TEST(edit_rename__renames_what_subgraphs_take_from_outside) {
  blok_model *model = blok_test_open("if_captures");
  blok_node_info node = BLOK_NODE_INFO_INIT;
  blok_builder *builder = blok_edited_builder(model);
  char name[32];
  // Every value of the main graph that is no input and no output.
  for (size_t i = 0; blok_model_node(model, i, &node) == BLOK_OK; i++) {
    const char *output = blok_model_node_output(model, i, 0);
    blok_value_info info = BLOK_VALUE_INFO_INIT;
    ck_assert_int_eq(blok_model_output(model, 0, &info), BLOK_OK);
    if (!*output || strcmp(output, info.name) == 0) continue;
    (void)snprintf(name, sizeof name, "renamed %zu", i);
    OK(blok_edit_rename(builder, output, name, &error));
  }
  blok_weight_info weight = BLOK_WEIGHT_INFO_INIT;
  for (size_t i = 0; blok_model_weight(model, i, &weight) == BLOK_OK; i++) {
    (void)snprintf(name, sizeof name, "weight %zu", i);
    OK(blok_edit_rename(builder, weight.name, name, &error));
  }
  blok_model *edited = blok_edited_finish(&builder);
  blok_edited_check(edited, "if_captures");
  blok_model_free(&edited);
  blok_model_free(&model);
}
END_TEST

START_TEST(edit_rename__renames_a_node) {
  blok_model *model = blok_edited_classifier(1);
  blok_node_info node = BLOK_NODE_INFO_INIT;
  ck_assert_int_eq(blok_model_node(model, 0, &node), BLOK_OK);
  blok_builder *builder = blok_edited_builder(model);
  OK(blok_edit_rename(builder, node.name, "first", &error));
  REFUSES(blok_edit_rename(builder, node.name, "second", &error), BLOK_E_NOT_FOUND, node.name);
  REFUSES(blok_edit_rename(builder, "first", "", &error), BLOK_E_ARGUMENT, "empty");
  blok_model *edited = blok_edited_finish(&builder);
  ck_assert_int_eq(blok_model_node(edited, 0, &node), BLOK_OK);
  ck_assert_str_eq(node.name, "first");
  blok_model_free(&edited);
  blok_model_free(&model);
}
END_TEST

// ---- Cuts ---------------------------------------------------------------------------------------

START_TEST(edit_cut__in_two_gives_halves_that_make_the_whole) {
  blok_model *model = blok_edited_classifier(1);
  const char *middle[1] = {blok_edited_block(model, "stage1.0")->exit};
  blok_builder *first = blok_edited_builder(model), *second = blok_edited_builder(model);
  OK(blok_edit_cut(first, NULL, 0, middle, 1, &error));
  OK(blok_edit_cut(second, middle, 1, NULL, 0, &error));
  blok_model *front = blok_edited_finish(&first), *back = blok_edited_finish(&second);
  ck_assert_uint_eq(blok_model_block_count(front) + blok_model_block_count(back),
                    blok_model_block_count(model));
  blok_value_info end = BLOK_VALUE_INFO_INIT, start = BLOK_VALUE_INFO_INIT;
  ck_assert_int_eq(blok_model_output(front, 0, &end), BLOK_OK);
  ck_assert_int_eq(blok_model_input(back, 0, &start), BLOK_OK);
  ck_assert_str_eq(end.name, middle[0]);
  ck_assert_str_eq(start.name, middle[0]);
  ck_assert_int_eq(start.rank, 4);
  ck_assert_int_eq(start.axes[1].value, 8);
  size_t count = 0, halves = 0, whole = 0;
  float *between = blok_edited_run(front, 1, &count), *want = blok_edited_run(model, 1, &whole);
  ck_assert_uint_eq(count, 8 * 8 * 8);
  blok_tensor in = BLOK_TENSOR_INIT, out = BLOK_TENSOR_INIT;
  in.dtype = BLOK_F32;
  in.rank = 4;
  in.dims[0] = 1;
  in.dims[1] = in.dims[2] = in.dims[3] = 8;
  in.data = between;
  in.bytes = count * sizeof *between;
  blok_session *session = blok_test_session(back);
  OK(blok_session_reshape(session, &in, 1, &error));
  OK(blok_session_run(session, &in, 1, &out, 1, &error));
  halves = out.bytes / sizeof *want;
  ck_assert_uint_eq(halves, whole);
  blok_edited_near(out.data, want, whole);
  blok_session_free(&session);
  free(between);
  free(want);
  blok_model_free(&front);
  blok_model_free(&back);
  blok_model_free(&model);
}
END_TEST

START_TEST(edit_cut__names_both_ends_of_what_it_leaves_dangling) {
  blok_builder *builder = NULL;
  blok_value_id a, b, c;
  const int64_t shape[2] = {1, 4};
  const char *const b_alone[] = {"b"}, *const sum[] = {"sum"}, *const scaled[] = {"scaled"};
  OK(blok_builder_new(NULL, &builder, &error));
  OK(blok_build_input(builder, "a", BLOK_F32, 2, shape, &a, &error));
  OK(blok_build_input(builder, "b", BLOK_F32, 2, shape, &b, &error));
  c = a;
  OK(blok_build_activation(builder, "act", BLOK_ACT_RELU, 0, 0, &c, &error));
  OK(blok_build_output(builder, "scaled", c, &error));
  OK(blok_build_add(builder, "add", b, &a, &error));
  OK(blok_build_output(builder, "sum", a, &error));
  REFUSES(blok_edit_cut(builder, b_alone, 1, sum, 1, &error), BLOK_E_ARGUMENT, "'sum'", "'a'");
  REFUSES(blok_edit_cut(builder, b_alone, 1, scaled, 1, &error), BLOK_E_ARGUMENT, "'scaled'",
          "'b'");
  REFUSES(blok_edit_cut(builder, NULL, 0, NULL, 0, &error), BLOK_E_ARGUMENT, "cut");
  OK(blok_edit_cut(builder, NULL, 0, scaled, 1, &error));
  blok_model *model = blok_edited_finish(&builder);
  blok_value_info info = BLOK_VALUE_INFO_INIT;
  ck_assert_int_eq(blok_model_input(model, 0, &info), BLOK_OK);
  ck_assert_str_eq(info.name, "a");
  ck_assert_int_eq(blok_model_input(model, 1, &info), BLOK_E_NOT_FOUND);
  blok_model_free(&model);
}
END_TEST

// ---- Shapes -------------------------------------------------------------------------------------

START_TEST(edit_batch__opens_what_the_exporter_fixed) {
  static const char *const names[] = {"guide_seres_dynamo", "guide_pre_torchscript",
                                      "guide_bottleneck_dynamo"};
  blok_builder *builder = blok_edited_begin(names[_i]);
  OK(blok_edit_batch(builder, 0, "batch", &error));
  blok_model *model = blok_edited_finish(&builder);
  blok_value_info info = BLOK_VALUE_INFO_INIT;
  ck_assert_int_eq(blok_model_output(model, 0, &info), BLOK_OK);
  ck_assert_str_eq(info.axes[0].symbol, "batch");
  blok_edited_check(model, names[_i]);
  blok_model_free(&model);
}
END_TEST

// [2, 3, 8, 8] -> Reshape to a constant target -> ..., as exporters write it.
static blok_model *reshaped(const int64_t *target, int64_t n) {
  blok_builder *builder = NULL;
  const int64_t shape[4] = {2, 3, 8, 8};
  blok_value_id x, out;
  blok_tensor constant = BLOK_TENSOR_INIT;
  int64_t ints[8];
  memcpy(ints, target, (size_t)n * sizeof *ints);
  constant.dtype = BLOK_I64;
  constant.rank = 1;
  constant.dims[0] = n;
  constant.data = ints;
  constant.bytes = (size_t)n * sizeof *ints;
  blok_value_id inputs[2];
  blok_operator op = BLOK_OPERATOR_INIT;
  op.op_type = "Reshape";
  op.inputs = inputs;
  op.input_count = 2;
  OK(blok_builder_new(NULL, &builder, &error));
  OK(blok_build_input(builder, "image", BLOK_F32, 4, shape, &x, &error));
  inputs[0] = x;
  OK(blok_build_constant(builder, "target", &constant, &inputs[1], &error));
  OK(blok_build_operator(builder, "reshape", &op, &out, 1, &error));
  OK(blok_build_output(builder, "flat", out, &error));
  return blok_edited_finish(&builder);
}

START_TEST(edit_batch__puts_targets_right_that_hold_the_old_one) {
  static const int64_t targets[][4] = {
      {2, 192, 0, 0}, {2, -1, 0, 0}, {6, 64, 0, 0}, {6, -1, 0, 0}, {-1, 192, 0, 0}};
  static const int64_t wanted[][2] = {{3, 192}, {3, 192}, {9, 64}, {9, 64}, {3, 192}};
  blok_model *model = reshaped(targets[_i], 2);
  blok_builder *builder = blok_edited_builder(model);
  OK(blok_edit_batch(builder, 3, NULL, &error));
  blok_model *edited = blok_edited_finish(&builder);
  ck_assert_int_eq(blok_edited_axis(edited, 0), wanted[_i][0]);
  ck_assert_int_eq(blok_edited_axis(edited, 1), wanted[_i][1]);
  size_t count = 0;
  float *out = blok_edited_run(edited, 3, &count);
  ck_assert_uint_eq(count, 3 * 192);
  ck_assert(out[192] == out[0]);
  free(out);
  blok_model_free(&edited);
  blok_model_free(&model);
}
END_TEST

START_TEST(edit_batch__names_the_node_that_holds_the_old_one_for_good) {
  const int64_t target[3] = {3, 2, 64};
  blok_model *model = reshaped(target, 3);
  blok_builder *builder = blok_edited_builder(model);
  REFUSES(blok_edit_batch(builder, 3, NULL, &error), BLOK_E_SHAPE, "Reshape", "reshape");
  REFUSES(blok_edit_batch(builder, 0, NULL, &error), BLOK_E_SHAPE, "Reshape", "reshape");
  blok_builder_free(&builder);
  blok_model_free(&model);
}
END_TEST

START_TEST(edit_input__gives_another_size) {
  blok_model *model = blok_edited_classifier(1);
  blok_builder *builder = blok_edited_builder(model);
  const blok_axis axes[4] = {{-1, "N"}, {3, NULL}, {-1, "H"}, {16, NULL}};
  OK(blok_edit_input(builder, "image", 4, axes, &error));
  blok_model *edited = blok_edited_finish(&builder);
  blok_value_info info = BLOK_VALUE_INFO_INIT;
  ck_assert_int_eq(blok_model_input(edited, 0, &info), BLOK_OK);
  ck_assert_str_eq(info.axes[0].symbol, "N");
  ck_assert_str_eq(info.axes[2].symbol, "H");
  ck_assert_int_eq(info.axes[3].value, 16);
  ck_assert_int_eq(blok_model_output(edited, 0, &info), BLOK_OK);
  ck_assert_str_eq(info.axes[0].symbol, "N");
  blok_model_free(&edited);
  blok_model_free(&model);
}
END_TEST

START_TEST(edit_input__refuses_sizes_below_one) {
  blok_model *model = blok_edited_classifier(1);
  blok_builder *builder = blok_edited_builder(model);
  blok_axis axes[4] = {{0, NULL}, {3, NULL}, {8, NULL}, {8, NULL}};
  REFUSES(blok_edit_input(builder, "image", 4, axes, &error), BLOK_E_ARGUMENT, "image", "axis 0");
  axes[0].value = -2;
  REFUSES(blok_edit_input(builder, "image", 4, axes, &error), BLOK_E_ARGUMENT, "image", "-2");
  blok_builder_free(&builder);
  blok_model_free(&model);
}
END_TEST

// ---- Memory -------------------------------------------------------------------------------------

static blok_status edit_one(const blok_model *model, int which, blok_builder *builder,
                            blok_error *error) {
  const char *const to[] = {blok_edited_block(model, "stage2.0")->exit};
  switch (which) {
    case 0:
      return blok_edit_batch(builder, 3, NULL, error);
    case 1:
      return blok_edit_activation(builder, "stage1.0", BLOK_ACT_RELU, BLOK_ACT_PRELU, 0, 0, NULL,
                                  error);
    case 2:
      return blok_edit_squeeze_excite(builder, "stage1.0", NULL, NULL, error);
    case 3:
      return blok_edit_fold_norms(builder, NULL, error);
    case 4:
      return blok_edit_head(builder, 2, error);
    case 5:
      return blok_edit_rename(builder, "image", "picture", error);
    default:
      return blok_edit_cut(builder, NULL, 0, to, 1, error);
  }
}
enum { EDITS = 7 };

typedef struct memory_case {
  const blok_model *model;
  int which;
} memory_case;

static blok_status edit_and_finish(void *context, const blok_allocator *allocator,
                                   blok_error *error) {
  const memory_case *found = context;
  blok_builder *builder = NULL;
  blok_model *edited = NULL;
  blok_builder_options options = BLOK_BUILDER_OPTIONS_INIT;
  options.allocator = allocator;
  blok_status status = blok_builder_from(found->model, &options, &builder, error);
  if (status == BLOK_OK) status = edit_one(found->model, found->which, builder, error);
  if (status == BLOK_OK) status = blok_builder_finish(&builder, &edited, error);
  if (status != BLOK_OK) ck_assert_ptr_null(edited);
  blok_builder_free(&builder);
  blok_model_free(&edited);
  return status;
}

// Every edit meets an allocation that fails.
START_TEST(edit__gives_memory_errors_and_leaks_nothing) {
  blok_model *model = blok_edited_classifier(2);
  memory_case found = {model, _i};
  ck_assert_uint_gt(blok_fault_sweep(edit_and_finish, &found), 100);
  blok_model_free(&model);
}
END_TEST

Suite *suite_edit(void) {
  Suite *suite = suite_create("edit");
  TCase *tests = tcase_create("edit");
  tcase_set_tags(tests, "one_thread");
  tcase_set_timeout(tests, 120);
  tcase_add_test(tests, edit__leaves_the_model_handed_in_as_it_was);
  tcase_add_test(tests, edit__leaves_the_builder_as_it_was_when_it_fails);
  tcase_add_loop_test(tests, edit_rewrite__gives_a_model_that_computes_the_same, 0, FIXTURES);
  tcase_add_test(tests, edit_rewrite__keeps_the_operator_set_and_the_weights);
  tcase_add_loop_test(tests, edit_fold__gives_a_model_that_computes_the_same, 0, FIXTURES);
  tcase_add_test(tests, edit_fold__leaves_a_norm_behind_a_value_that_others_read);
  tcase_add_test(tests, edit_rename__renames_what_subgraphs_take_from_outside);
  tcase_add_test(tests, edit_rename__renames_a_node);
  tcase_add_test(tests, edit_cut__in_two_gives_halves_that_make_the_whole);
  tcase_add_test(tests, edit_cut__names_both_ends_of_what_it_leaves_dangling);
  tcase_add_loop_test(tests, edit_batch__opens_what_the_exporter_fixed, 0, 3);
  tcase_add_loop_test(tests, edit_batch__puts_targets_right_that_hold_the_old_one, 0, 5);
  tcase_add_test(tests, edit_batch__names_the_node_that_holds_the_old_one_for_good);
  tcase_add_test(tests, edit_input__gives_another_size);
  tcase_add_test(tests, edit_input__refuses_sizes_below_one);
  tcase_add_loop_test(tests, edit__gives_memory_errors_and_leaks_nothing, 0, EDITS);
  suite_add_tcase(suite, tests);
  return suite;
}
