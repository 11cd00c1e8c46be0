// Elements of tensors as numbers, and the dispatcher.
#include <check.h>
#include <math.h>
#include <string.h>

#include "one_node.h"

static double through(blok_dtype dtype, double value) {
  uint64_t cell = 0;
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = dtype;
  tensor.data = &cell;
  tensor.bytes = sizeof cell;
  blok_ref_store(&tensor, 0, value);
  return blok_ref_load(&tensor, 0);
}

START_TEST(elements__round_floats_once_to_even) {
  ck_assert_double_eq(through(BLOK_F32, 0.1), (double)0.1f);
  ck_assert_double_eq(through(BLOK_F16, 2049), 2048);
  ck_assert_double_eq(through(BLOK_F16, 2051), 2052);
  // Just above the middle of 2048 and 2050: a way through f32 would lose the rest and round down.
  ck_assert_double_eq(through(BLOK_F16, 2049 + 0x1p-40), 2050);
  ck_assert_double_eq(through(BLOK_BF16, 257 + 0x1p-40), 258);
  ck_assert_double_eq(through(BLOK_F16, 65520), (double)INFINITY);
  ck_assert(isnan(through(BLOK_BF16, (double)NAN)));
}
END_TEST

START_TEST(elements__cut_towards_zero_and_wrap_when_integers) {
  ck_assert_double_eq(through(BLOK_I32, -2.9), -2);
  ck_assert_double_eq(through(BLOK_U8, 257), 1);
  ck_assert_double_eq(through(BLOK_I8, 200), -56);
  ck_assert_double_eq(through(BLOK_U8, -1), 255);
  ck_assert_double_eq(through(BLOK_U64, 0x1p63), 0x1p63);
  ck_assert_double_eq(through(BLOK_BOOL, -0.5), 1);
}
END_TEST

START_TEST(elements__go_to_the_nearer_end_when_no_integer_holds_them) {
  ck_assert_double_eq(through(BLOK_I32, (double)INFINITY), INT32_MAX);
  ck_assert_double_eq(through(BLOK_I16, -1e300), INT16_MIN);
  ck_assert_double_eq(through(BLOK_U8, -1e300), 0);
  ck_assert_double_eq(through(BLOK_I64, 1e300), (double)INT64_MAX);
  ck_assert_double_eq(through(BLOK_I32, (double)NAN), 0);
}
END_TEST

START_TEST(elements__keep_wide_integers_exact) {
  int64_t cell = 0;
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = BLOK_I64;
  tensor.data = &cell;
  tensor.bytes = sizeof cell;
  blok_ref_store_i64(&tensor, 0, INT64_MAX - 1);
  ck_assert(blok_ref_load_i64(&tensor, 0) == INT64_MAX - 1);
  tensor.dtype = BLOK_U16;
  blok_ref_store_i64(&tensor, 0, -1);
  ck_assert(blok_ref_load_i64(&tensor, 0) == 65535);
}
END_TEST

START_TEST(strides__are_zero_along_repeated_axes) {
  blok_tensor in = BLOK_TENSOR_INIT, out = BLOK_TENSOR_INIT;
  in.rank = 2;
  in.dims[0] = 1;
  in.dims[1] = 3;
  out.rank = 3;
  out.dims[0] = 2;
  out.dims[1] = 4;
  out.dims[2] = 3;
  int64_t strides[BLOK_MAX_RANK];
  blok_ref_broadcast_strides(&in, &out, strides);
  ck_assert(strides[0] == 0 && strides[1] == 0 && strides[2] == 1);
  blok_ref_strides(&out, strides);
  ck_assert(strides[0] == 12 && strides[1] == 3 && strides[2] == 1);
}
END_TEST

START_TEST(dispatcher__has_all_operators_but_control_flow) {
  ck_assert(blok_reference_has(BLOK_OP_Conv));
  ck_assert(!blok_reference_has(BLOK_OP_If));
  ck_assert(!blok_reference_has(BLOK_OP_UNKNOWN));
  ck_assert(!blok_reference_has(BLOK_OP_COUNT));
}
END_TEST

static blok_status run_bare(one_node *n) {
  const blok_tensor *in[ONE_NODE_SLOTS] = {NULL};
  blok_tensor *out[ONE_NODE_SLOTS] = {&n->out[0], &n->out[1]};
  for (uint32_t i = 0; i < n->n_in; i++) in[i] = n->has_in[i] ? &n->in[i] : NULL;
  blok_ref_call call = {.graph = n->graph,
                        .node = blok_node_at(n->graph, n->node),
                        .n_in = n->n_in,
                        .n_out = n->n_out,
                        .in = in,
                        .out = out,
                        .allocator = blok_allocator_default()};
  return blok_reference_run(&call, &n->error);
}

START_TEST(dispatcher__names_node_and_input_when_one_is_missing) {
  one_node n;
  one_node_init(&n, "Conv", 2, 1);
  one_node_fill(&n, 0, BLOK_F32, "1x1x2x2");
  ck_assert_int_eq(run_bare(&n), BLOK_E_SHAPE);
  ck_assert_str_eq(n.error.message, "Conv node 'n': input W is missing");
  one_node_free(&n);
}
END_TEST

START_TEST(dispatcher__refuses_operators_it_does_not_have) {
  one_node n;
  one_node_init(&n, "Frobnicate", 1, 1);
  ck_assert_int_eq(run_bare(&n), BLOK_E_UNSUPPORTED);
  ck_assert_ptr_nonnull(strstr(n.error.message, "Frobnicate"));
  one_node_free(&n);
  one_node_init(&n, "If", 1, 1);
  one_node_fill(&n, 0, BLOK_BOOL, "");
  ck_assert_int_eq(run_bare(&n), BLOK_E_UNSUPPORTED);
  ck_assert_ptr_nonnull(strstr(n.error.message, "control flow"));
  one_node_free(&n);
}
END_TEST

Suite *suite_elements(void) {
  Suite *suite = suite_create("elements");
  TCase *tests = tcase_create("elements");
  tcase_add_test(tests, elements__round_floats_once_to_even);
  tcase_add_test(tests, elements__cut_towards_zero_and_wrap_when_integers);
  tcase_add_test(tests, elements__go_to_the_nearer_end_when_no_integer_holds_them);
  tcase_add_test(tests, elements__keep_wide_integers_exact);
  tcase_add_test(tests, strides__are_zero_along_repeated_axes);
  tcase_add_test(tests, dispatcher__has_all_operators_but_control_flow);
  tcase_add_test(tests, dispatcher__names_node_and_input_when_one_is_missing);
  tcase_add_test(tests, dispatcher__refuses_operators_it_does_not_have);
  suite_add_tcase(suite, tests);
  return suite;
}
