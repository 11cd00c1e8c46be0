// The operator tables: lookup by version, defaults, arity and type rules.
#include <check.h>
#include <string.h>

#include "graph/schemas.h"

static const blok_schema *find(const char *op_type, int64_t opset) {
  const blok_schema *schema = blok_schema_find("", op_type, opset);
  ck_assert_ptr_nonnull(schema);
  return schema;
}

START_TEST(find__gives_the_highest_version_not_above_the_opset) {
  static const struct {
    int64_t opset;
    uint16_t version;
  } cases[] = {{1, 1}, {10, 1}, {11, 11}, {21, 11}, {22, 22}, {28, 22}, {1000, 22}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    ck_assert_uint_eq(find("Conv", cases[i].opset)->since_version, cases[i].version);
  }
}
END_TEST

START_TEST(find__gives_null_for_what_does_not_exist) {
  ck_assert_ptr_null(blok_schema_find("", "Conv", 0));
  ck_assert_ptr_null(blok_schema_find("", "Conv", INT64_MIN));
  ck_assert_ptr_null(blok_schema_find("", "Gelu", 19));
  ck_assert_ptr_null(blok_schema_find("", "conv", 22));
  ck_assert_ptr_null(blok_schema_find("", "", 22));
  ck_assert_ptr_null(blok_schema_find("", "Zzz", 22));
  ck_assert_ptr_null(blok_schema_find("", NULL, 22));
  ck_assert_ptr_null(blok_schema_find("com.microsoft", "Conv", 1));
  ck_assert_ptr_null(blok_schema_find("zzz", "Conv", 1));
  ck_assert_ptr_null(blok_schema_find("ai.onnx.ml", "Conv", 5));
}
END_TEST

START_TEST(find__takes_ai_onnx_for_the_default_domain) {
  ck_assert_ptr_eq(blok_schema_find("ai.onnx", "Relu", 14), find("Relu", 14));
  ck_assert_ptr_eq(blok_schema_find(NULL, "Relu", 14), find("Relu", 14));
  ck_assert_ptr_nonnull(blok_schema_find("ai.onnx.ml", "Scaler", 5));
}
END_TEST

START_TEST(find__reaches_every_row) {
  size_t rows = 0;
  for (const blok_schema *row; (row = blok_schema_at(rows)) != NULL; rows++) {
    const char *domain = blok_schema_text(row->domain);
    const char *name = blok_schema_text(row->name);
    ck_assert_ptr_eq(blok_schema_find(domain, name, row->since_version), row);
    ck_assert_int_le(row->since_version, blok_schema_latest_opset(domain));
    ck_assert_uint_le(row->min_inputs, row->max_inputs);
    for (size_t i = 0; i < row->input_count; i++) {
      ck_assert_uint_lt(blok_schema_input(row, i)->rule, row->rule_count);
    }
    for (size_t i = 0; i < row->output_count; i++) {
      ck_assert_uint_lt(blok_schema_output(row, i)->rule, row->rule_count);
    }
    for (size_t i = 0; i < row->attr_count; i++) {
      const blok_schema_attr *attr = blok_schema_attr_at(row, i);
      ck_assert_ptr_eq(blok_schema_attr_find(row, blok_schema_text(attr->name)), attr);
    }
  }
  ck_assert_uint_gt(rows, 600);
}
END_TEST

START_TEST(latest_opset__is_known_for_each_domain) {
  ck_assert_int_eq(blok_schema_latest_opset(""), 28);
  ck_assert_int_eq(blok_schema_latest_opset("ai.onnx"), 28);
  ck_assert_int_eq(blok_schema_latest_opset("ai.onnx.ml"), 5);
  ck_assert_int_eq(blok_schema_latest_opset("ai.onnx.preview.training"), 1);
  ck_assert_int_eq(blok_schema_latest_opset("com.example"), 0);
}
END_TEST

START_TEST(attr_find__gives_the_default_as_text) {
  const blok_schema_attr *attr = blok_schema_attr_find(find("Gemm", 13), "alpha");
  ck_assert(attr->has_fallback);
  ck_assert_str_eq(blok_schema_text(attr->fallback), "1");
  attr = blok_schema_attr_find(find("Conv", 11), "auto_pad");
  ck_assert_str_eq(blok_schema_text(attr->fallback), "NOTSET");
  attr = blok_schema_attr_find(find("LeakyRelu", 6), "alpha");
  ck_assert_str_eq(blok_schema_text(attr->fallback), "0.00999999978");
  attr = blok_schema_attr_find(find("Conv", 11), "strides");
  ck_assert(!attr->has_fallback);
  ck_assert_str_eq(blok_schema_text(attr->fallback), "");
}
END_TEST

START_TEST(attr_find__gives_type_and_need) {
  const blok_schema_attr *attr = blok_schema_attr_find(find("Gemm", 13), "alpha");
  ck_assert_uint_eq(attr->type, 1);
  ck_assert(!attr->required);
  attr = blok_schema_attr_find(find("Conv", 11), "kernel_shape");
  ck_assert_uint_eq(attr->type, 7);
  ck_assert(!attr->required);
  ck_assert(blok_schema_attr_find(find("Concat", 13), "axis")->required);
  ck_assert_ptr_null(blok_schema_attr_find(find("Relu", 14), "axis"));
}
END_TEST

START_TEST(formals__say_what_may_be_left_out_and_what_agrees) {
  const blok_schema *conv = find("Conv", 22);
  ck_assert_uint_eq(conv->min_inputs, 2);
  ck_assert_uint_eq(conv->max_inputs, 3);
  ck_assert_uint_eq(blok_schema_input(conv, 1)->option, BLOK_FORMAL_SINGLE);
  ck_assert_uint_eq(blok_schema_input(conv, 2)->option, BLOK_FORMAL_OPTIONAL);
  ck_assert_ptr_null(blok_schema_input(conv, 3));
  ck_assert_ptr_null(blok_schema_input_of_slot(conv, 3));
  ck_assert_uint_eq(blok_schema_input(conv, 0)->rule, blok_schema_output(conv, 0)->rule);
  const blok_schema_rule *rule = blok_schema_rule_at(conv, 0);
  ck_assert_str_eq(blok_schema_text(rule->name), "T");
  ck_assert_uint_eq(rule->tensor, 1u << 1 | 1u << 10 | 1u << 11 | 1u << 16);

  const blok_schema *concat = find("Concat", 13);
  ck_assert_uint_eq(concat->max_inputs, BLOK_SCHEMA_UNBOUNDED);
  ck_assert_ptr_eq(blok_schema_input_of_slot(concat, 40), blok_schema_input(concat, 0));
  ck_assert(!blok_schema_input(concat, 0)->heterogeneous);

  const blok_schema *loop = find("Loop", 16);
  ck_assert_ptr_eq(blok_schema_input_of_slot(loop, 7), blok_schema_input(loop, 2));
  ck_assert(blok_schema_input(loop, 2)->heterogeneous);
}
END_TEST

START_TEST(rows__say_what_is_deprecated) {
  ck_assert(!find("Upsample", 9)->deprecated);
  ck_assert(find("Upsample", 10)->deprecated);
}
END_TEST

Suite *suite_schemas(void) {
  Suite *suite = suite_create("schemas");
  TCase *tests = tcase_create("schemas");
  tcase_add_test(tests, find__gives_the_highest_version_not_above_the_opset);
  tcase_add_test(tests, find__gives_null_for_what_does_not_exist);
  tcase_add_test(tests, find__takes_ai_onnx_for_the_default_domain);
  tcase_add_test(tests, find__reaches_every_row);
  tcase_add_test(tests, latest_opset__is_known_for_each_domain);
  tcase_add_test(tests, attr_find__gives_the_default_as_text);
  tcase_add_test(tests, attr_find__gives_type_and_need);
  tcase_add_test(tests, formals__say_what_may_be_left_out_and_what_agrees);
  tcase_add_test(tests, rows__say_what_is_deprecated);
  suite_add_tcase(suite, tests);
  return suite;
}
