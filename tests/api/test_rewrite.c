// Models written anew from their blocks, and comparing blocks.
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "stored.h"
#include "support/fault.h"
#include "support/folder.h"

Suite *suite_rewrite(void);

static blok_model *rewritten(const blok_model *model) {
  blok_model *out = NULL;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(blok_model_rewrite(model, &out, &error) == BLOK_OK, "%s", error.message);
  ck_assert_ptr_nonnull(out);
  ck_assert_int_eq(blok_model_runnable(out, NULL), BLOK_OK);
  return out;
}

// ---- Rewriting ----------------------------------------------------------------------------------

static const char *const models[] = {"conv_norm_relu",
                                     "if_captures",
                                     "late_shapes",
                                     "local_functions",
                                     "external_data",
                                     "sparse_initializer",
                                     "opset_6",
                                     "annotated",
                                     "initializers_as_inputs",
                                     "unnamed_nodes",
                                     "constants_as_nodes",
                                     "guide_pre_dynamo",
                                     "guide_seres_dynamo",
                                     "guide_seres_down_torchscript",
                                     "guide_bottleneck_down_torchscript"};

enum { MODELS = sizeof models / sizeof models[0] };

// The stored outputs come from what was written too, of the model itself and after it is gone.
START_TEST(rewrite__gives_a_model_that_computes_the_same) {
  blok_test_vectors vectors;
  blok_test_vectors_read(models[_i], &vectors);
  blok_model *model = blok_test_open(models[_i]), *again = rewritten(model);
  blok_model_free(&model);
  blok_session *session = blok_test_session(again);
  blok_test_run(session, &vectors);
  blok_session_free(&session);
  blok_model_free(&again);
  blok_test_vectors_free(&vectors);
}
END_TEST

START_TEST(rewrite__gives_blocks_that_are_matched_again) {
  blok_model *model = blok_test_open(models[_i]), *again = rewritten(model);
  ck_assert_uint_eq(blok_model_block_count(again), blok_model_block_count(model));
  for (size_t i = 0; i < blok_model_block_count(model); i++) {
    const blok_block *block = blok_model_block(model, i);
    const blok_block *other = blok_model_block(again, i);
    if (block->parent >= 0) continue;  // the parts of a block may come in another order
    ck_assert(blok_block_same(block, other));
    ck_assert_str_eq(block->exit, other->exit);
    ck_assert_int_eq(other->parent, -1);
    // Members are named as nodes of the new model's own file.
    for (size_t n = 0; n < other->nodes; n++) {
      blok_node_info info = BLOK_NODE_INFO_INIT;
      ck_assert_int_eq(blok_model_node(again, blok_model_block_node(again, i, n), &info), BLOK_OK);
      ck_assert_ptr_nonnull(strchr(info.name, '/'));
    }
  }
  blok_model_free(&again);
  blok_model_free(&model);
}
END_TEST

START_TEST(rewrite__is_written_in_the_newest_operator_set) {
  blok_model *model = blok_test_open("opset_6"), *again = rewritten(model);
  blok_model_info old = BLOK_MODEL_INFO_INIT, info = BLOK_MODEL_INFO_INIT;
  ck_assert_int_eq(blok_model_get_info(model, &old), BLOK_OK);
  ck_assert_int_eq(blok_model_get_info(again, &info), BLOK_OK);
  ck_assert_int_eq(old.opset, 6);
  ck_assert_int_ge(info.opset, 28);
  ck_assert_int_ge(info.ir_version, 14);
  ck_assert_uint_eq(info.functions, 0);
  blok_model_free(&again);
  blok_model_free(&model);
}
END_TEST

START_TEST(rewrite__names_nodes_by_their_blocks) {
  static const char *const wanted[] = {"conv1/Conv", "conv1/Swish", "conv2/Conv", "se/fc1/Conv",
                                       "se/Mul",     "skip/Conv",   "Add"};
  blok_model *model = blok_test_open("guide_seres_down_torchscript"), *again = rewritten(model);
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  ck_assert_int_eq(blok_model_get_info(again, &info), BLOK_OK);
  for (size_t w = 0; w < sizeof wanted / sizeof wanted[0]; w++) {
    bool found = false;
    for (size_t i = 0; i < info.nodes; i++) {
      blok_node_info node = BLOK_NODE_INFO_INIT;
      ck_assert_int_eq(blok_model_node(again, i, &node), BLOK_OK);
      const size_t length = strlen(node.name), end = strlen(wanted[w]);
      found = found || (length > end && node.name[length - end - 1] == '/' &&
                        strcmp(node.name + length - end, wanted[w]) == 0);
    }
    ck_assert_msg(found, "no node is called .../%s", wanted[w]);
  }
  blok_model_free(&again);
  blok_model_free(&model);
}
END_TEST

START_TEST(rewrite__is_saved_and_opened_like_any_other) {
  static const char *const names[] = {"conv_norm_relu", "external_data",
                                      "guide_seres_down_torchscript"};
  blok_test_vectors vectors;
  blok_test_folder folder;
  blok_test_vectors_read(names[_i], &vectors);
  blok_test_folder_make(&folder);
  blok_model *model = blok_test_open(names[_i]), *again = rewritten(model), *opened = NULL;
  const char *path = blok_test_path(&folder, "again.onnx");
  ck_assert_int_eq(blok_model_save(again, path, NULL, NULL), BLOK_OK);
  ck_assert_int_eq(blok_model_open(path, NULL, &opened, NULL), BLOK_OK);
  ck_assert_uint_eq(blok_model_block_count(opened), blok_model_block_count(model));
  for (size_t i = 0; i < blok_model_block_count(opened); i++) {
    const blok_block *a = blok_model_block(again, i), *b = blok_model_block(opened, i);
    ck_assert(blok_block_same(a, b));
    ck_assert_str_eq(a->name, b->name);
  }
  blok_session *session = blok_test_session(opened);
  blok_test_run(session, &vectors);
  blok_session_free(&session);
  blok_model_free(&opened);
  blok_model_free(&again);
  blok_model_free(&model);
  blok_test_folder_remove(&folder);
  blok_test_vectors_free(&vectors);
}
END_TEST

START_TEST(rewrite__says_why_a_model_has_no_blocks_to_write) {
  blok_model *model = blok_test_open("unknown_operator"), *again = NULL;
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = blok_model_rewrite(model, &again, &error);
  blok_test_fails(status, BLOK_E_UNSUPPORTED, &error, "Frobnicate", "model.onnx", (char *)NULL);
  ck_assert_ptr_null(again);
  ck_assert_int_eq(blok_model_rewrite(model, &again, NULL), BLOK_E_UNSUPPORTED);
  ck_assert_int_eq(blok_model_rewrite(NULL, &again, NULL), BLOK_E_ARGUMENT);
  ck_assert_int_eq(blok_model_rewrite(model, NULL, NULL), BLOK_E_ARGUMENT);
  blok_model_free(&model);
}
END_TEST

// ---- Failed allocations -------------------------------------------------------------------------

static int count_bytes(void *context, const void *bytes, size_t size) {
  (void)bytes;
  *(size_t *)context += size;
  return 0;
}

static blok_status rewrite_and_write(void *context, const blok_allocator *allocator,
                                     blok_error *error) {
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  options.allocator = allocator;
  blok_model *model = NULL, *again = NULL;
  blok_status status = blok_model_open(blok_test_model(context), &options, &model, error);
  if (status != BLOK_OK) return status;
  status = blok_model_rewrite(model, &again, error);
  blok_model_free(&model);
  if (status != BLOK_OK) ck_assert_ptr_null(again);
  size_t written = 0;
  if (status == BLOK_OK) status = blok_model_write(again, count_bytes, &written, error);
  blok_model_free(&again);
  return status;
}

START_TEST(rewrite__survives_every_failed_allocation) {
  static char names[][32] = {"conv_norm_relu", "if_captures", "external_data",
                             "guide_seres_torchscript"};
  ck_assert_uint_gt(blok_fault_sweep(rewrite_and_write, names[_i]), 10);
}
END_TEST

// ---- Comparing ----------------------------------------------------------------------------------

static void differ(const blok_block *a, const blok_block *b) {
  ck_assert(!blok_block_same(a, b));
  ck_assert(!blok_block_same(b, a));
}

START_TEST(block_same__looks_at_kind_and_descriptor_alone) {
  blok_conv_desc one = BLOK_CONV_DESC_INIT, two = BLOK_CONV_DESC_INIT;
  blok_block a, b;
  memset(&a, 0, sizeof a);
  a.kind = BLOK_CONV_NORM_ACT;
  a.conv = &one;
  b = a;
  b.conv = &two;
  b.name = "another";
  b.parent = 3;
  ck_assert(blok_block_same(&a, &b));
  ck_assert(blok_block_same(NULL, NULL));
  differ(&a, NULL);
  b.kind = BLOK_RESIDUAL;
  differ(&a, &b);
  b.kind = a.kind;
  two.pads[3] = 1;
  differ(&a, &b);
  two = one;
  one.epsilon = 1e-5;
  two.epsilon = (double)1e-5f;
  ck_assert(blok_block_same(&a, &b));
  two.epsilon = 1.00001e-5;
  differ(&a, &b);
}
END_TEST

// Each field of a residual block's descriptor, changed alone.
START_TEST(block_same__sees_every_field_of_a_residual) {
  blok_residual_desc one = BLOK_RESIDUAL_DESC_INIT, two;
  blok_block a, b;
  memset(&a, 0, sizeof a);
  a.kind = BLOK_RESIDUAL;
  a.residual = &one;
  b = a;
  b.residual = &two;
  one.skip = BLOK_SKIP_PROJECTION;
  one.skip_steps = 1;
  one.has_se = true;
  two = one;
  ck_assert(blok_block_same(&a, &b));
#define CHANGE(field, value) \
  do {                       \
    two = one;               \
    two.field = (value);     \
    differ(&a, &b);          \
  } while (0)
  CHANGE(convs, 3);
  CHANGE(conv[1].groups, 2);
  CHANGE(order, BLOK_ORDER_PRE);
  CHANGE(skip, BLOK_SKIP_IDENTITY);
  CHANGE(skip_steps, 2);
  CHANGE(skip_step[0].op, BLOK_SKIP_PAD);
  CHANGE(skip_step[0].conv.stride[1], 2);
  CHANGE(skip_step[0].kernel[0], 3);
  CHANGE(skip_step[0].ceil_mode, true);
  CHANGE(skip_step[0].count_include_pad, true);
  CHANGE(skip_step[0].axis, 2);
  CHANGE(skip_step[0].begin, 1);
  CHANGE(skip_step[0].end, 9);
  CHANGE(skip_step[0].step, 2);
  CHANGE(skip_step[0].scale, BLOK_SCALE_CHANNELS);
  CHANGE(skip_step[0].divides, true);
  CHANGE(skip_elsewhere, true);
  CHANGE(projection_after_preact, true);
  CHANGE(skip_channels, 8);
  CHANGE(channels_last, true);
  CHANGE(has_se, false);
  CHANGE(se.hidden, 8);
  CHANGE(se.product[1], BLOK_PRODUCT_LINEAR);
  CHANGE(se.bias[0], false);
  CHANGE(se.gate, BLOK_ACT_HARD_SIGMOID);
  CHANGE(se.gate_alpha, 0.5);
  CHANGE(se.norm, BLOK_NORM_BATCH);
  CHANGE(se_conv, 1);
  CHANGE(se_before_act, true);
  CHANGE(scale, BLOK_SCALE_NUMBER);
  CHANGE(scale_number, 0.5);
  CHANGE(after_add, BLOK_ACT_RELU);
  CHANGE(after_alpha, 0.5);
#undef CHANGE
  // What a field before it leaves unused is not looked at.
  two = one;
  two.conv[2].groups = 5;
  two.skip_step[1].op = BLOK_SKIP_PAD;
  ck_assert(blok_block_same(&a, &b));
}
END_TEST

START_TEST(block_same__sees_every_field_of_a_gate) {
  blok_gate_desc one = BLOK_GATE_DESC_INIT, two = BLOK_GATE_DESC_INIT;
  blok_block a, b;
  memset(&a, 0, sizeof a);
  a.kind = BLOK_GATE;
  a.gate = &one;
  b = a;
  b.gate = &two;
  ck_assert(blok_block_same(&a, &b));
  two.form = BLOK_GATE_ECA;
  differ(&a, &b);
  two = one;
  two.channels = 4;
  differ(&a, &b);
  two = one;
  two.spatial = true;
  differ(&a, &b);
  two = one;
  two.adds = true;
  differ(&a, &b);
  two = one;
  two.activation = BLOK_ACT_TANH;
  differ(&a, &b);
}
END_TEST

Suite *suite_rewrite(void) {
  Suite *suite = suite_create("rewrite");
  TCase *tests = tcase_create("rewrite");
  tcase_set_timeout(tests, 120);
  tcase_set_tags(tests, "one_thread");
  tcase_add_loop_test(tests, rewrite__gives_a_model_that_computes_the_same, 0, MODELS);
  tcase_add_loop_test(tests, rewrite__gives_blocks_that_are_matched_again, 0, MODELS);
  tcase_add_test(tests, rewrite__is_written_in_the_newest_operator_set);
  tcase_add_test(tests, rewrite__names_nodes_by_their_blocks);
  tcase_add_loop_test(tests, rewrite__is_saved_and_opened_like_any_other, 0, 3);
  tcase_add_test(tests, rewrite__says_why_a_model_has_no_blocks_to_write);
  tcase_add_loop_test(tests, rewrite__survives_every_failed_allocation, 0, 4);
  tcase_add_test(tests, block_same__looks_at_kind_and_descriptor_alone);
  tcase_add_test(tests, block_same__sees_every_field_of_a_residual);
  tcase_add_test(tests, block_same__sees_every_field_of_a_gate);
  suite_add_tcase(suite, tests);
  return suite;
}
