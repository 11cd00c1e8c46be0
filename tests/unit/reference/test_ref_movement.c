// The reference of the operators that move data or make constants.
#include <blok/session.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "one_node.h"
#include "support/fault.h"

Suite *suite_ref_movement(void);

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

static const blok_dtype movable[] = {BLOK_F32, BLOK_F16, BLOK_BF16, BLOK_F64,
                                     BLOK_U8,  BLOK_I64, BLOK_I16};

static void list(one_node *node, uint32_t slot, uint32_t n, const double *values) {
  char shape[16];
  snprintf(shape, sizeof shape, "%u", n);
  one_node_in(node, slot, BLOK_I64, shape, n, values);
}

// 1, 2, 3, ... of the given shape.
static void ramp(one_node *node, uint32_t slot, blok_dtype dtype, const char *shape, uint32_t n) {
  double values[64];
  for (uint32_t i = 0; i < n; i++) values[i] = i + 1;
  one_node_in(node, slot, dtype, shape, n, values);
}

static void gives(one_node *node, uint32_t slot, blok_dtype dtype, const char *shape, uint32_t n,
                  const double *want) {
  ck_assert_msg(one_node_run(node) == BLOK_OK, "%s", node->error.message);
  one_node_check(node, slot, dtype, shape, n, want, 0);
}

START_TEST(transpose__moves_elements_of_every_size) {
  for (size_t i = 0; i < COUNT(movable); i++) {
    one_node node;
    one_node_init(&node, "Transpose", 1, 1);
    ramp(&node, 0, movable[i], "1x2x3", 6);
    gives(&node, 0, movable[i], "3x2x1", 6, (const double[]){1, 4, 2, 5, 3, 6});
    one_node_ints(&node, "perm", 3, (const int64_t[]){1, 0, 2});
    gives(&node, 0, movable[i], "2x1x3", 6, (const double[]){1, 2, 3, 4, 5, 6});
    one_node_ints(&node, "perm", 3, (const int64_t[]){2, 0, 1});
    gives(&node, 0, movable[i], "3x1x2", 6, (const double[]){1, 4, 2, 5, 3, 6});
    one_node_free(&node);
  }
}
END_TEST

START_TEST(copy__reshapes_in_row_major_order) {
  for (size_t i = 0; i < COUNT(movable); i++) {
    one_node node;
    one_node_init(&node, "Reshape", 2, 1);
    ramp(&node, 0, movable[i], "2x3", 6);
    list(&node, 1, 2, (const double[]){3, -1});
    gives(&node, 0, movable[i], "3x2", 6, (const double[]){1, 2, 3, 4, 5, 6});
    one_node_free(&node);
  }
}
END_TEST

// Runs the node again with other numbers in its second input, the output's shape as it was.
static blok_status again_with(one_node *self, const int64_t *numbers) {
  const blok_tensor *in[2] = {&self->in[0], &self->in[1]};
  blok_tensor *out[1] = {&self->out[0]};
  memcpy(self->in[1].data, numbers, self->in[1].bytes);
  blok_ref_call call = {0};
  call.graph = self->graph;
  call.node = blok_node_at(self->graph, self->node);
  call.n_in = 2;
  call.n_out = 1;
  call.in = in;
  call.out = out;
  return blok_reference_run(&call, &self->error);
}

START_TEST(copy__refuses_a_target_of_the_run_that_is_not_the_shape) {
  one_node self;
  one_node_init(&self, "Reshape", 2, 1);
  one_node_fill(&self, 0, BLOK_F32, "2x6");
  one_node_in(&self, 1, BLOK_I64, "2", VALUES(4, 3));
  ck_assert_int_eq(one_node_run(&self), BLOK_OK);
  ck_assert_int_eq(again_with(&self, (int64_t[]){4, 3}), BLOK_OK);
  ck_assert_int_eq(again_with(&self, (int64_t[]){4, -1}), BLOK_OK);
  ck_assert_int_eq(again_with(&self, (int64_t[]){3, 4}), BLOK_E_SHAPE);
  ck_assert_int_eq(again_with(&self, (int64_t[]){-1, -1}), BLOK_E_SHAPE);
  ck_assert_int_eq(again_with(&self, (int64_t[]){0, 3}), BLOK_E_SHAPE);
  ck_assert_int_eq(again_with(&self, (int64_t[]){-5, 3}), BLOK_E_SHAPE);
  one_node_free(&self);
}
END_TEST

START_TEST(expand__refuses_a_shape_of_the_run_that_does_not_fit) {
  one_node self;
  one_node_init(&self, "Expand", 2, 1);
  one_node_fill(&self, 0, BLOK_F32, "2x3");
  one_node_in(&self, 1, BLOK_I64, "2", VALUES(2, 3));
  ck_assert_int_eq(one_node_run(&self), BLOK_OK);
  ck_assert_int_eq(again_with(&self, (int64_t[]){1, 3}), BLOK_OK);
  ck_assert_int_eq(again_with(&self, (int64_t[]){2, 4}), BLOK_E_SHAPE);
  ck_assert_int_eq(again_with(&self, (int64_t[]){-1, 3}), BLOK_E_SHAPE);
  one_node_free(&self);
}
END_TEST

START_TEST(concat__joins_along_any_axis) {
  for (size_t i = 0; i < COUNT(movable); i++) {
    one_node node;
    one_node_init(&node, "Concat", 3, 1);
    one_node_int(&node, "axis", -1);
    ramp(&node, 0, movable[i], "2x2", 4);
    one_node_in(&node, 1, movable[i], "2x0", 0, NULL);
    one_node_in(&node, 2, movable[i], "2x1", 2, (const double[]){8, 9});
    gives(&node, 0, movable[i], "2x3", 6, (const double[]){1, 2, 8, 3, 4, 9});
    one_node_int(&node, "axis", 0);
    one_node_in(&node, 1, movable[i], "1x2", 2, (const double[]){6, 7});
    one_node_in(&node, 2, movable[i], "0x2", 0, NULL);
    gives(&node, 0, movable[i], "3x2", 6, (const double[]){1, 2, 3, 4, 6, 7});
    one_node_free(&node);
  }
}
END_TEST

START_TEST(concat__moves_strings) {
  const blok_text a[] = {{"one", 3}};
  const blok_text b[] = {{"", 0}, {"three", 5}};
  one_node node;
  one_node_init(&node, "Concat", 2, 1);
  one_node_int(&node, "axis", 0);
  one_node_raw(&node, 0, BLOK_STRING, 1, (const int64_t[]){1}, a, sizeof a);
  one_node_raw(&node, 1, BLOK_STRING, 1, (const int64_t[]){2}, b, sizeof b);
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  const blok_text *out = node.out[0].data;
  ck_assert_uint_eq(out[0].size, 3);
  ck_assert_uint_eq(out[1].size, 0);
  ck_assert_int_eq(memcmp(out[2].bytes, "three", 5), 0);
  one_node_free(&node);
}
END_TEST

START_TEST(expand__repeats) {
  one_node node;
  one_node_init(&node, "Expand", 2, 1);
  ramp(&node, 0, BLOK_F32, "2x1", 2);
  list(&node, 1, 3, (const double[]){2, 1, 3});
  gives(&node, 0, BLOK_F32, "2x2x3", 12, (const double[]){1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2});
  list(&node, 1, 1, (const double[]){0});
  gives(&node, 0, BLOK_F32, "2x0", 0, NULL);
  one_node_free(&node);
}
END_TEST

START_TEST(gather__picks_along_any_axis) {
  for (size_t i = 0; i < COUNT(movable); i++) {
    one_node node;
    one_node_init(&node, "Gather", 2, 1);
    ramp(&node, 0, movable[i], "2x3", 6);
    list(&node, 1, 2, (const double[]){1, -2});
    gives(&node, 0, movable[i], "2x3", 6, (const double[]){4, 5, 6, 1, 2, 3});
    one_node_int(&node, "axis", 1);
    gives(&node, 0, movable[i], "2x2", 4, (const double[]){2, 2, 5, 5});
    one_node_in(&node, 1, BLOK_I32, "", 1, (const double[]){-1});
    gives(&node, 0, movable[i], "2", 2, (const double[]){3, 6});
    one_node_free(&node);
  }
}
END_TEST

START_TEST(gather__refuses_an_index_that_only_the_run_shows) {
  enum { MANY = 65 };  // more than inference tracks
  double indices[MANY] = {0};
  one_node node;
  indices[64] = 2;
  one_node_init(&node, "Gather", 2, 1);
  ramp(&node, 0, BLOK_F32, "2", 2);
  list(&node, 1, MANY, indices);
  ck_assert_int_eq(one_node_run(&node), BLOK_E_SHAPE);
  ck_assert_str_eq(node.error.message,
                   "Gather node 'n': index 2 is out of range for axis 0 of input [2]");
  one_node_free(&node);
}
END_TEST

START_TEST(slice__takes_ranges_with_steps) {
  for (size_t i = 0; i < COUNT(movable); i++) {
    one_node node;
    one_node_init(&node, "Slice", 5, 1);
    ramp(&node, 0, movable[i], "3x4", 12);
    list(&node, 1, 2, (const double[]){-1, 3});
    list(&node, 2, 2, (const double[]){-1000, 0});
    list(&node, 3, 2, (const double[]){1, 0});
    list(&node, 4, 2, (const double[]){-2, -1});
    // Axis 0: from 3, clamped to 2, down to 1; axis 1: 3 and 1.
    gives(&node, 0, movable[i], "2x2", 4, (const double[]){12, 10, 8, 6});
    list(&node, 1, 2, (const double[]){1, 1});
    list(&node, 2, 2, (const double[]){3, 1});
    list(&node, 4, 2, (const double[]){1, 1});
    gives(&node, 0, movable[i], "0x2", 0, NULL);
    one_node_free(&node);
  }
}
END_TEST

START_TEST(split__cuts_and_skips_outputs) {
  one_node node;
  one_node_init(&node, "Split", 2, 3);
  one_node_int(&node, "axis", 1);
  ramp(&node, 0, BLOK_F32, "2x5", 10);
  gives(&node, 0, BLOK_F32, "2x2", 4, (const double[]){1, 2, 6, 7});
  one_node_check(&node, 2, BLOK_F32, "2x1", 2, (const double[]){5, 10}, 0);
  list(&node, 1, 3, (const double[]){1, 0, 4});
  gives(&node, 0, BLOK_F32, "2x1", 2, (const double[]){1, 6});
  one_node_check(&node, 1, BLOK_F32, "2x0", 0, NULL, 0);
  one_node_check(&node, 2, BLOK_F32, "2x4", 8, (const double[]){2, 3, 4, 5, 7, 8, 9, 10}, 0);
  one_node_free(&node);
}
END_TEST

static void pad(const char *mode, const char *in, uint32_t n_in, uint32_t n_pads,
                const double *pads, const char *shape, uint32_t n, const double *want) {
  for (size_t i = 0; i < COUNT(movable); i++) {
    one_node node;
    one_node_init(&node, "Pad", 4, 1);
    if (mode) one_node_text(&node, "mode", mode);
    ramp(&node, 0, movable[i], in, n_in);
    list(&node, 1, n_pads, pads);
    if (!mode) one_node_in(&node, 2, movable[i], "", 1, (const double[]){9});
    gives(&node, 0, movable[i], shape, n, want);
    one_node_free(&node);
  }
}

START_TEST(pad__fills_by_mode) {
  pad(NULL, "2x2", 4, 4, (const double[]){1, 0, 0, 1}, "3x3", 9,
      (const double[]){9, 9, 9, 1, 2, 9, 3, 4, 9});
  pad("constant", "2", 2, 2, (const double[]){1, 1}, "4", 4, (const double[]){0, 1, 2, 0});
  pad("edge", "2x3", 6, 4, (const double[]){1, 2, 0, 1}, "3x6", 18,
      (const double[]){1, 1, 1, 2, 3, 3, 1, 1, 1, 2, 3, 3, 4, 4, 4, 5, 6, 6});
  pad("reflect", "4", 4, 2, (const double[]){6, 5}, "15", 15,
      (const double[]){1, 2, 3, 4, 3, 2, 1, 2, 3, 4, 3, 2, 1, 2, 3});
  pad("wrap", "4", 4, 2, (const double[]){6, 5}, "15", 15,
      (const double[]){3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1});
  pad("reflect", "2x3", 6, 4, (const double[]){1, 1, 0, 1}, "3x5", 15,
      (const double[]){5, 4, 5, 6, 5, 2, 1, 2, 3, 2, 5, 4, 5, 6, 5});
}
END_TEST

START_TEST(pad__takes_away_first_when_negative) {
  pad("constant", "5", 5, 2, (const double[]){-1, -2}, "2", 2, (const double[]){2, 3});
  pad("constant", "4", 4, 2, (const double[]){-2, 1}, "3", 3, (const double[]){3, 4, 0});
  pad("wrap", "4", 4, 2, (const double[]){-1, 2}, "5", 5, (const double[]){2, 3, 4, 2, 3});
  pad("reflect", "4", 4, 2, (const double[]){1, -1}, "4", 4, (const double[]){2, 1, 2, 3});
  pad("constant", "2", 2, 2, (const double[]){-2, 3}, "3", 3, (const double[]){0, 0, 0});
}
END_TEST

START_TEST(pad__counts_axes_from_either_end) {
  one_node node;
  one_node_init(&node, "Pad", 4, 1);
  ramp(&node, 0, BLOK_F32, "1x2", 2);
  list(&node, 1, 2, (const double[]){1, 0});
  one_node_in(&node, 3, BLOK_I32, "1", 1, (const double[]){-1});
  gives(&node, 0, BLOK_F32, "1x3", 3, (const double[]){0, 1, 2});
  one_node_text(&node, "mode", "mirror");
  ck_assert_int_eq(one_node_run(&node), BLOK_E_UNSUPPORTED);
  one_node_free(&node);
}
END_TEST

START_TEST(pad__has_nothing_to_repeat_in_an_empty_axis) {
  one_node node;
  one_node_init(&node, "Pad", 2, 1);
  one_node_text(&node, "mode", "edge");
  one_node_in(&node, 0, BLOK_F32, "0", 0, NULL);
  list(&node, 1, 2, (const double[]){1, 0});
  ck_assert_int_eq(one_node_run(&node), BLOK_E_SHAPE);
  ck_assert_ptr_nonnull(strstr(node.error.message, "nothing to pad with"));
  one_node_free(&node);
}
END_TEST

static blok_status pad_with(void *context, const blok_allocator *allocator, blok_error *error) {
  one_node node;
  (void)context;
  one_node_init(&node, "Pad", 2, 1);
  one_node_text(&node, "mode", "reflect");
  ramp(&node, 0, BLOK_F32, "2x2", 4);
  list(&node, 1, 4, (const double[]){1, 0, 0, 1});
  blok_status status = one_node_run_with(&node, allocator);
  if (error) *error = node.error;
  one_node_free(&node);
  return status;
}

START_TEST(pad__survives_failed_allocations) {
  ck_assert_uint_gt(blok_fault_sweep(pad_with, NULL), 0);
}
END_TEST

START_TEST(shape__gives_the_sizes) {
  one_node node;
  one_node_init(&node, "Shape", 1, 1);
  one_node_fill(&node, 0, BLOK_F16, "4x1x3");
  gives(&node, 0, BLOK_I64, "3", 3, (const double[]){4, 1, 3});
  one_node_int(&node, "start", -1);
  gives(&node, 0, BLOK_I64, "1", 1, (const double[]){3});
  one_node_int(&node, "end", 1);
  gives(&node, 0, BLOK_I64, "0", 0, NULL);
  one_node_free(&node);
}
END_TEST

// ---- NonZero ------------------------------------------------------------------------------------

static blok_status resize(blok_ref_call *call, uint32_t slot, uint32_t rank, const int64_t *dims,
                          blok_error *error) {
  (void)error;
  blok_tensor *out = call->out[slot];
  out->rank = rank;
  for (uint32_t i = 0; i < rank; i++) out->dims[i] = dims[i];
  out->bytes = blok_ref_count(out) * blok_dtype_size(out->dtype);
  out->data = malloc(out->bytes + 1);
  ck_assert_ptr_nonnull(out->data);
  return BLOK_OK;
}

static void nonzero(blok_dtype dtype, const char *shape, uint32_t n, const double *x,
                    const char *want_shape, uint32_t n_want, const double *want) {
  one_node node;
  one_node_init(&node, "NonZero", 1, 1);
  one_node_in(&node, 0, dtype, shape, n, x);
  const blok_tensor *in[] = {&node.in[0]};
  node.out[0] = (blok_tensor)BLOK_TENSOR_INIT;
  node.out[0].dtype = BLOK_I64;
  blok_tensor *out[] = {&node.out[0]};
  blok_ref_call call = {.graph = node.graph,
                        .node = blok_node_at(node.graph, node.node),
                        .n_in = 1,
                        .n_out = 1,
                        .in = in,
                        .out = out,
                        .allocator = blok_allocator_default(),
                        .resize = resize};
  ck_assert_int_eq(blok_reference_run(&call, &node.error), BLOK_OK);
  one_node_check(&node, 0, BLOK_I64, want_shape, n_want, want, 0);
  one_node_free(&node);
}

START_TEST(nonzero__lists_the_indices_by_axis) {
  static const double x[] = {1, 0, 0, 0, 2, 3};
  nonzero(BLOK_F32, "2x3", 6, x, "2x3", 6, (const double[]){0, 1, 1, 0, 1, 2});
  nonzero(BLOK_BOOL, "2x3", 6, x, "2x3", 6, (const double[]){0, 1, 1, 0, 1, 2});
  nonzero(BLOK_I64, "6", 6, x, "1x3", 3, (const double[]){0, 4, 5});
  nonzero(BLOK_F32, "2", 2, (const double[]){0, 0}, "1x0", 0, NULL);
  nonzero(BLOK_F32, "", 1, (const double[]){5}, "0x1", 0, NULL);
}
END_TEST

// ---- Constants ----------------------------------------------------------------------------------

static blok_literal *literal_of(one_node *node, blok_dtype dtype, uint32_t rank,
                                const int64_t *dims, const void *data, size_t bytes) {
  blok_literal *literal = NULL;
  ck_assert_int_eq(blok_literal_make(&node->module->arena, dtype, rank, dims, data, bytes, &literal,
                                     &node->error),
                   BLOK_OK);
  ck_assert_int_eq(blok_module_keep_literal(node->module, literal, &node->error), BLOK_OK);
  return literal;
}

// The node's only attribute.
static blok_attr *attr_of(one_node *node, const char *name, blok_attr_type type) {
  one_node_int(node, name, 0);
  blok_node *of = blok_node_at(node->graph, node->node);
  ck_assert_uint_eq(of->n_attrs, 1);
  of->attrs[0].type = type;
  return &of->attrs[0];
}

START_TEST(constant__writes_every_form_of_value) {
  static const float floats[] = {1.5F, -2};
  static const int64_t ints[] = {7, -8};
  static const blok_bytes strings[] = {{(const uint8_t *)"ab", 2}, {NULL, 0}};
  one_node node;
  one_node_init(&node, "Constant", 0, 1);
  blok_attr *attr = attr_of(&node, "value_floats", BLOK_ATTR_FLOATS);
  attr->n = 2;
  attr->as.floats = floats;
  gives(&node, 0, BLOK_F32, "2", 2, (const double[]){1.5, -2});
  attr->name = "value_ints";
  attr->type = BLOK_ATTR_INTS;
  attr->as.ints = ints;
  gives(&node, 0, BLOK_I64, "2", 2, (const double[]){7, -8});
  attr->name = "value_strings";
  attr->type = BLOK_ATTR_STRINGS;
  attr->as.strings = strings;
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  ck_assert_uint_eq(((const blok_text *)node.out[0].data)[0].size, 2);
  attr->n = 1;
  attr->name = "value_float";
  attr->type = BLOK_ATTR_FLOAT;
  attr->as.f = 0.25F;
  gives(&node, 0, BLOK_F32, "", 1, (const double[]){0.25});
  attr->name = "value_int";
  attr->type = BLOK_ATTR_INT;
  attr->as.i = -3;
  gives(&node, 0, BLOK_I64, "", 1, (const double[]){-3});
  attr->name = "value";
  attr->type = BLOK_ATTR_TENSOR;
  attr->as.literal = literal_of(&node, BLOK_F32, 1, (const int64_t[]){2}, floats, sizeof floats);
  gives(&node, 0, BLOK_F32, "2", 2, (const double[]){1.5, -2});
  one_node_free(&node);
}
END_TEST

START_TEST(constant__spreads_sparse_values) {
  static const float values[] = {5, 6};
  static const int64_t flat[] = {1, 5};
  static const int64_t pairs[] = {0, 2, 1, 0};
  static const int64_t far[] = {1, 6};
  static const int64_t dims[] = {2, 3};
  one_node node;
  one_node_init(&node, "Constant", 0, 1);
  blok_attr *attr = attr_of(&node, "sparse_value", BLOK_ATTR_SPARSE_TENSOR);
  blok_sparse sparse = {.rank = 2, .dims = dims};
  attr->n = 1;
  attr->as.sparse = &sparse;
  sparse.values = literal_of(&node, BLOK_F32, 1, (const int64_t[]){2}, values, sizeof values);
  sparse.indices = literal_of(&node, BLOK_I64, 1, (const int64_t[]){2}, flat, sizeof flat);
  gives(&node, 0, BLOK_F32, "2x3", 6, (const double[]){0, 5, 0, 0, 0, 6});
  sparse.indices = literal_of(&node, BLOK_I64, 2, (const int64_t[]){2, 2}, pairs, sizeof pairs);
  gives(&node, 0, BLOK_F32, "2x3", 6, (const double[]){0, 0, 5, 6, 0, 0});
  sparse.indices = literal_of(&node, BLOK_I64, 1, (const int64_t[]){2}, far, sizeof far);
  ck_assert_int_eq(one_node_run(&node), BLOK_E_SHAPE);
  ck_assert_ptr_nonnull(strstr(node.error.message, "index 6"));
  one_node_free(&node);
}
END_TEST

START_TEST(constant_of_shape__fills) {
  static const int16_t value[] = {-5};
  one_node node;
  one_node_init(&node, "ConstantOfShape", 1, 1);
  list(&node, 0, 2, (const double[]){1, 3});
  gives(&node, 0, BLOK_F32, "1x3", 3, (const double[]){0, 0, 0});
  blok_attr *attr = attr_of(&node, "value", BLOK_ATTR_TENSOR);
  attr->n = 1;
  attr->as.literal = literal_of(&node, BLOK_I16, 1, (const int64_t[]){1}, value, sizeof value);
  gives(&node, 0, BLOK_I16, "1x3", 3, (const double[]){-5, -5, -5});
  list(&node, 0, 0, NULL);
  gives(&node, 0, BLOK_I16, "", 1, (const double[]){-5});
  one_node_free(&node);
}
END_TEST

START_TEST(movement__names_types_packed_under_a_byte) {
  static const char *const ops[] = {"Transpose", "Shape"};
  for (size_t i = 0; i < COUNT(ops); i++) {
    one_node node;
    one_node_init(&node, ops[i], 1, 1);
    one_node_raw(&node, 0, BLOK_I4, 1, (const int64_t[]){2}, NULL, 0);
    blok_status want = i == 0 ? BLOK_E_UNSUPPORTED : BLOK_OK;
    ck_assert_int_eq(one_node_run(&node), want);
    if (i == 0) ck_assert_ptr_nonnull(strstr(node.error.message, "type int4"));
    one_node_free(&node);
  }
}
END_TEST

Suite *suite_ref_movement(void) {
  Suite *suite = suite_create("ref_movement");
  TCase *tests = tcase_create("ref_movement");
  tcase_add_test(tests, transpose__moves_elements_of_every_size);
  tcase_add_test(tests, copy__reshapes_in_row_major_order);
  tcase_add_test(tests, copy__refuses_a_target_of_the_run_that_is_not_the_shape);
  tcase_add_test(tests, concat__joins_along_any_axis);
  tcase_add_test(tests, concat__moves_strings);
  tcase_add_test(tests, expand__repeats);
  tcase_add_test(tests, expand__refuses_a_shape_of_the_run_that_does_not_fit);
  tcase_add_test(tests, gather__picks_along_any_axis);
  tcase_add_test(tests, gather__refuses_an_index_that_only_the_run_shows);
  tcase_add_test(tests, slice__takes_ranges_with_steps);
  tcase_add_test(tests, split__cuts_and_skips_outputs);
  tcase_add_test(tests, pad__fills_by_mode);
  tcase_add_test(tests, pad__takes_away_first_when_negative);
  tcase_add_test(tests, pad__counts_axes_from_either_end);
  tcase_add_test(tests, pad__has_nothing_to_repeat_in_an_empty_axis);
  tcase_add_test(tests, pad__survives_failed_allocations);
  tcase_add_test(tests, shape__gives_the_sizes);
  tcase_add_test(tests, nonzero__lists_the_indices_by_axis);
  tcase_add_test(tests, constant__writes_every_form_of_value);
  tcase_add_test(tests, constant__spreads_sparse_values);
  tcase_add_test(tests, constant_of_shape__fills);
  tcase_add_test(tests, movement__names_types_packed_under_a_byte);
  suite_add_tcase(suite, tests);
  return suite;
}
