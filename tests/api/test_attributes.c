// Attributes of nodes.
#include <check.h>
#include <string.h>

#include "stored.h"

Suite *suite_attributes(void);

// The node of this operator that comes first, and its attribute of this name.
static blok_status find(const blok_model *model, const char *op, const char *name, size_t *node,
                        size_t *index, blok_attribute_info *info) {
  blok_node_info at = BLOK_NODE_INFO_INIT;
  *node = 0;
  while (blok_model_node(model, *node, &at) == BLOK_OK && strcmp(at.op_type, op) != 0) ++*node;
  for (*index = 0;; ++*index) {
    blok_status status = blok_model_node_attribute(model, *node, *index, info);
    if (status != BLOK_OK || strcmp(info->name, name) == 0) return status;
  }
}

START_TEST(attribute__gives_numbers_and_lists) {
  blok_model *model = blok_test_open("guide_post_torchscript");
  blok_attribute_info info = BLOK_ATTRIBUTE_INFO_INIT;
  size_t node, index;
  ck_assert_int_eq(find(model, "Conv", "group", &node, &index, &info), BLOK_OK);
  ck_assert_str_eq(info.type, "int");
  ck_assert_uint_eq(info.count, 1);
  ck_assert_int_eq(info.ints[0], 1);
  ck_assert_ptr_null(info.floats);
  ck_assert_int_eq(find(model, "Conv", "pads", &node, &index, &info), BLOK_OK);
  ck_assert_str_eq(info.type, "ints");
  ck_assert_uint_eq(info.count, 4);
  ck_assert_int_eq(info.ints[3], 1);
  ck_assert_int_eq(find(model, "Conv", "no such", &node, &index, &info), BLOK_E_NOT_FOUND);
  ck_assert_int_eq(blok_model_node_attribute(model, 100000, 0, &info), BLOK_E_NOT_FOUND);
  blok_model_free(&model);
}
END_TEST

START_TEST(attribute__reads_the_tensor_of_a_constant) {
  blok_model *model = blok_test_open("constants_as_nodes");
  blok_attribute_info info = BLOK_ATTRIBUTE_INFO_INIT;
  blok_error error = BLOK_ERROR_INIT;
  size_t node, index;
  ck_assert_int_eq(find(model, "Constant", "value", &node, &index, &info), BLOK_OK);
  ck_assert_str_eq(info.type, "tensor");
  ck_assert_int_eq(info.dtype, BLOK_F32);
  ck_assert_uint_gt(info.bytes, 0);
  float data[4096];
  ck_assert_uint_le(info.bytes, sizeof data);
  memset(data, 0xff, sizeof data);  // NaN
  ck_assert_int_eq(
      blok_model_node_attribute_read(model, node, index, data, (size_t)info.bytes, &error),
      BLOK_OK);
  for (size_t i = 0; i < info.bytes / sizeof *data; i++) ck_assert(data[i] == data[i]);
  blok_test_fails(
      blok_model_node_attribute_read(model, node, index, data, (size_t)info.bytes - 1, &error),
      BLOK_E_BUFFER, &error, "value", NULL);
  blok_model_free(&model);
}
END_TEST

START_TEST(attribute__that_is_no_tensor_is_not_read) {
  blok_model *model = blok_test_open("guide_post_torchscript");
  blok_attribute_info info = BLOK_ATTRIBUTE_INFO_INIT;
  blok_error error = BLOK_ERROR_INIT;
  size_t node, index;
  int64_t data[8];
  ck_assert_int_eq(find(model, "Conv", "pads", &node, &index, &info), BLOK_OK);
  blok_test_fails(blok_model_node_attribute_read(model, node, index, data, sizeof data, &error),
                  BLOK_E_ARGUMENT, &error, "pads", "ints", NULL);
  blok_test_fails(blok_model_node_attribute_read(model, node, 99, data, sizeof data, &error),
                  BLOK_E_NOT_FOUND, &error, NULL);
  blok_model_free(&model);
}
END_TEST

Suite *suite_attributes(void) {
  Suite *suite = suite_create("attributes");
  TCase *tests = tcase_create("attributes");
  tcase_set_tags(tests, "one_thread");
  tcase_add_test(tests, attribute__gives_numbers_and_lists);
  tcase_add_test(tests, attribute__reads_the_tensor_of_a_constant);
  tcase_add_test(tests, attribute__that_is_no_tensor_is_not_read);
  suite_add_tcase(suite, tests);
  return suite;
}
