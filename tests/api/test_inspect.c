// What a model tells about itself.
#include <check.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stored.h"

Suite *suite_inspect(void);

START_TEST(info__says_what_the_file_says) {
  blok_model *model = blok_test_open("external_data");
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  ck_assert_int_eq(blok_model_get_info(model, &info), BLOK_OK);
  ck_assert_str_eq(info.name, "external_data");
  ck_assert_str_eq(info.producer, "fixtures");
  ck_assert_str_eq(info.doc, "");
  ck_assert_int_eq(info.ir_version, 8);
  ck_assert_int_eq(info.opset, 17);
  ck_assert_uint_eq(info.nodes, 3);
  ck_assert_uint_eq(info.inputs, 1);
  ck_assert_uint_eq(info.outputs, 1);
  ck_assert_uint_eq(info.weights, 5);
  ck_assert_uint_eq(info.weight_bytes, 432 + 4 * 16);
  ck_assert_uint_eq(info.external_bytes, 432 + 16);
  ck_assert_int_eq(info.macs, 4 * 6 * 6 * 27);
  blok_model_free(&model);
}
END_TEST

START_TEST(info__fills_only_an_older_callers_part) {
  blok_model *model = blok_test_open("conv_norm_relu");
  struct {
    blok_model_info info;
    char guard[8];
  } old;
  memset(&old, 0x5a, sizeof old);
  old.info.struct_size = offsetof(blok_model_info, nodes);
  ck_assert_int_eq(blok_model_get_info(model, &old.info), BLOK_OK);
  ck_assert_int_eq(old.info.opset, 17);
  const char *behind = (const char *)&old + offsetof(blok_model_info, nodes);
  for (size_t i = 0; i < sizeof old - offsetof(blok_model_info, nodes); i++) {
    ck_assert_int_eq(behind[i], 0x5a);
  }
  old.info.struct_size = 0;
  ck_assert_int_eq(blok_model_get_info(model, &old.info), BLOK_E_ARGUMENT);
  blok_model_free(&model);
}
END_TEST

START_TEST(input__leaves_out_initializers) {
  blok_model *model = blok_test_open("initializers_as_inputs");
  blok_value_info info = BLOK_VALUE_INFO_INIT;
  ck_assert_int_eq(blok_model_input(model, 0, &info), BLOK_OK);
  ck_assert_str_eq(info.name, "x");
  ck_assert_str_eq(info.type, "float32");
  ck_assert_int_eq(info.rank, 4);
  ck_assert_int_eq(info.axes[1].value, 3);
  ck_assert_int_eq(blok_model_input(model, 1, &info), BLOK_E_NOT_FOUND);
  blok_model_free(&model);
}
END_TEST

START_TEST(values__show_symbols_of_dynamic_axes) {
  blok_model *model = blok_test_open("dynamic_dims");
  blok_value_info info = BLOK_VALUE_INFO_INIT;
  ck_assert_int_eq(blok_model_input(model, 0, &info), BLOK_OK);
  ck_assert_int_eq(info.axes[0].value, -1);
  ck_assert_str_eq(info.axes[0].symbol, "N");
  ck_assert_int_eq(blok_model_output(model, 0, &info), BLOK_OK);
  ck_assert_str_eq(info.name, "y");
  ck_assert_int_eq(info.rank, 2);
  ck_assert_str_eq(info.axes[0].symbol, "N");
  ck_assert_int_eq(info.axes[1].value, 4);
  blok_model_free(&model);
}
END_TEST

// What the passes take away still stands in the file, and a reader looks for it where it stands.
START_TEST(nodes__that_compute_nothing_are_in_the_block_of_their_readers) {
  blok_model *model = blok_test_open("noise_in_block");
  blok_node_info node = BLOK_NODE_INFO_INIT;
  ck_assert_uint_eq(blok_model_block_count(model), 3);
  ck_assert_int_eq(blok_model_block(model, 0)->kind, BLOK_RESIDUAL);
  ck_assert_uint_eq(blok_model_block(model, 0)->nodes, 5);
  static const int32_t block[] = {1, 1, 1, 2, 0, 0, 0, 0, 0};
  for (size_t i = 0; i < 9; i++) {
    ck_assert_int_eq(blok_model_node(model, i, &node), BLOK_OK);
    ck_assert_int_eq(node.block, block[i]);
  }
  ck_assert_uint_eq(blok_model_loose_count(model), 0);
  blok_model_free(&model);
}
END_TEST

START_TEST(nodes__are_listed_in_the_files_order) {
  blok_model *model = blok_test_open("unknown_operator");
  blok_node_info node = BLOK_NODE_INFO_INIT;
  ck_assert_int_eq(blok_model_node(model, 0, &node), BLOK_OK);
  ck_assert_str_eq(node.name, "odd");
  ck_assert_str_eq(node.op_type, "Frobnicate");
  ck_assert_str_eq(node.domain, "org.example");
  ck_assert(!node.known);
  ck_assert_uint_eq(node.inputs, 3);
  ck_assert_str_eq(blok_model_node_input(model, 0, 0), "x");
  ck_assert_str_eq(blok_model_node_input(model, 0, 1), "");
  ck_assert_str_eq(blok_model_node_output(model, 0, 2), "b");
  ck_assert_ptr_null(blok_model_node_output(model, 0, 3));
  ck_assert_ptr_null(blok_model_node_input(model, 2, 0));
  ck_assert_int_eq(blok_model_node(model, 1, &node), BLOK_OK);
  ck_assert(node.known);
  ck_assert_int_eq(node.block, -1);
  ck_assert_int_eq(blok_model_node(model, 2, &node), BLOK_E_NOT_FOUND);
  blok_model_free(&model);
}
END_TEST

START_TEST(nodes__of_old_operators_that_run_are_known) {
  blok_model *model = blok_test_open("opset_9");
  ck_assert_uint_eq(blok_model_unknown_count(model), 0);
  blok_node_info node = BLOK_NODE_INFO_INIT;
  size_t upsamples = 0;
  for (size_t i = 0; blok_model_node(model, i, &node) == BLOK_OK; i++) {
    ck_assert_msg(node.known, "%s", node.op_type);
    upsamples += strcmp(node.op_type, "Upsample") == 0;
  }
  ck_assert_uint_gt(upsamples, 0);
  blok_model_free(&model);
}
END_TEST

START_TEST(weights__are_read_as_elements) {
  blok_model *model = blok_test_open("external_data");
  blok_weight_info info = BLOK_WEIGHT_INFO_INIT;
  ck_assert_int_eq(blok_model_weight(model, 0, &info), BLOK_OK);
  ck_assert_str_eq(info.name, "conv.weight");
  ck_assert_str_eq(info.location, "model.onnx.data");
  ck_assert_uint_eq(info.rank, 4);
  ck_assert_uint_eq(info.bytes, 432);
  float data[108];
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_model_weight_read(model, 0, data, sizeof data, &error), BLOK_OK);
  ck_assert(data[0] > 0.487F && data[0] < 0.488F);
  blok_test_fails(blok_model_weight_read(model, 0, data, sizeof data - 1, &error), BLOK_E_BUFFER,
                  &error, "432", "431", NULL);
  blok_test_fails(blok_model_weight_read(model, 5, data, sizeof data, &error), BLOK_E_NOT_FOUND,
                  &error, NULL);
  ck_assert_int_eq(blok_model_weight(model, 5, &info), BLOK_E_NOT_FOUND);
  blok_model_free(&model);
}
END_TEST

START_TEST(weights__say_the_bytes_that_reading_takes) {
  static const char *const names[] = {"typed_data", "unknown_operator", "external_data"};
  blok_model *model = blok_test_open(names[_i]);
  blok_error error = BLOK_ERROR_INIT;
  blok_weight_info info = BLOK_WEIGHT_INFO_INIT;
  size_t i = 0;
  for (; blok_model_weight(model, i, &info) == BLOK_OK; i++) {
    void *data = malloc(info.bytes ? info.bytes : 1);
    blok_status status = blok_model_weight_read(model, i, data, info.bytes, &error);
    ck_assert_msg(status == BLOK_OK, "%s: %s", info.name, error.message);
    if (info.bytes) {
      status = blok_model_weight_read(model, i, data, info.bytes - 1, &error);
      blok_test_fails(status, BLOK_E_BUFFER, &error, info.name, NULL);
      status = blok_model_weight_read(model, i, NULL, info.bytes, &error);
      blok_test_fails(status, BLOK_E_ARGUMENT, &error, "data", NULL);
    }
    free(data);
  }
  ck_assert_uint_gt(i, 0);
  blok_model_free(&model);
}
END_TEST

START_TEST(getters__take_null_for_the_model) {
  blok_error error = BLOK_ERROR_INIT;
  blok_test_fails(blok_model_runnable(NULL, &error), BLOK_E_ARGUMENT, &error, "NULL", NULL);
  blok_test_fails(blok_model_weight_read(NULL, 0, &error, 1, &error), BLOK_E_ARGUMENT, &error,
                  "NULL", NULL);
  ck_assert_ptr_null(blok_model_warning(NULL, 0));
  ck_assert_ptr_null(blok_model_node_input(NULL, 0, 0));
  ck_assert_ptr_null(blok_model_node_output(NULL, 0, 0));
  ck_assert_ptr_null(blok_model_block(NULL, 0));
  ck_assert_uint_eq(blok_model_block_node(NULL, 0, 0), SIZE_MAX);
  ck_assert_uint_eq(blok_model_loose_count(NULL) + blok_model_unknown_count(NULL), 0);
  blok_value_info value = BLOK_VALUE_INFO_INIT;
  ck_assert_int_eq(blok_model_input(NULL, 0, &value), BLOK_E_ARGUMENT);
  ck_assert_int_eq(blok_model_node_output_info(NULL, 0, 0, &value), BLOK_E_ARGUMENT);
}
END_TEST

START_TEST(tensor_count__holds_for_broken_tensors) {
  blok_tensor tensor = BLOK_TENSOR_INIT;
  ck_assert_uint_eq(blok_tensor_count(&tensor), 1);
  ck_assert_uint_eq(blok_tensor_count(NULL), 0);
  tensor.rank = BLOK_MAX_RANK + 1;
  ck_assert_uint_eq(blok_tensor_count(&tensor), SIZE_MAX);
}
END_TEST

START_TEST(blocks__name_their_source_nodes) {
  blok_model *model = blok_test_open("guide_seres_torchscript");
  ck_assert_uint_gt(blok_model_block_count(model), 0);
  const blok_block *block = blok_model_block(model, 0);
  ck_assert_int_eq(block->kind, BLOK_RESIDUAL);
  ck_assert_int_eq(block->parent, -1);
  ck_assert(block->residual->has_se);
  ck_assert_int_eq(block->in_channels, 8);
  ck_assert_int_eq(block->out_channels, 8);
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  ck_assert_int_eq(blok_model_get_info(model, &info), BLOK_OK);
  size_t last = 0;
  for (size_t i = 0; i < block->nodes; i++) {
    size_t node = blok_model_block_node(model, 0, i);
    ck_assert_uint_lt(node, info.nodes);
    if (i) ck_assert_uint_gt(node, last);
    last = node;
  }
  ck_assert_uint_eq(blok_model_block_node(model, 0, block->nodes), SIZE_MAX);
  ck_assert_ptr_null(blok_model_block(model, blok_model_block_count(model)));
  blok_model_free(&model);
}
END_TEST

START_TEST(tensor__is_read_from_a_file_with_its_name) {
  char path[512], name[4];
  snprintf(path, sizeof path, "%s/good/conv_norm_relu/test_data_set_0/input_0.pb", BLOK_TEST_DATA);
  blok_tensor tensor = BLOK_TENSOR_INIT;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_tensor_read_pb(path, NULL, name, sizeof name, &tensor, &error), BLOK_OK);
  ck_assert_str_eq(name, "x");
  ck_assert_uint_eq(blok_tensor_count(&tensor), 108);
  ck_assert_uint_eq(tensor.bytes, 432);
  blok_tensor_free(NULL, &tensor);
  ck_assert_ptr_null(tensor.data);
  blok_test_fails(
      blok_tensor_read_pb(BLOK_TEST_DATA "/bad/text/model.onnx", NULL, NULL, 0, &tensor, &error),
      BLOK_E_MALFORMED, &error, "bad/text/model.onnx", NULL);
  ck_assert_ptr_null(tensor.data);
}
END_TEST

Suite *suite_inspect(void) {
  Suite *suite = suite_create("inspect");
  TCase *tests = tcase_create("inspect");
  tcase_set_tags(tests, "one_thread");
  tcase_add_test(tests, info__says_what_the_file_says);
  tcase_add_test(tests, info__fills_only_an_older_callers_part);
  tcase_add_test(tests, input__leaves_out_initializers);
  tcase_add_test(tests, values__show_symbols_of_dynamic_axes);
  tcase_add_test(tests, nodes__that_compute_nothing_are_in_the_block_of_their_readers);
  tcase_add_test(tests, nodes__are_listed_in_the_files_order);
  tcase_add_test(tests, nodes__of_old_operators_that_run_are_known);
  tcase_add_test(tests, weights__are_read_as_elements);
  tcase_add_loop_test(tests, weights__say_the_bytes_that_reading_takes, 0, 3);
  tcase_add_test(tests, getters__take_null_for_the_model);
  tcase_add_test(tests, tensor_count__holds_for_broken_tensors);
  tcase_add_test(tests, blocks__name_their_source_nodes);
  tcase_add_test(tests, tensor__is_read_from_a_file_with_its_name);
  suite_add_tcase(suite, tests);
  return suite;
}
