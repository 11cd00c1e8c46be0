// Inference of the operators that move data, make constants, or branch.
#include <check.h>
#include <string.h>

#include "graph/ops/geometry.h"
#include "one_hook.h"

Suite *suite_infer_movement(void);

static void reshape(const char *in, const char *target, const char *want) {
  one_hook hook;
  one_hook_init(&hook, "Reshape", 2, 1);
  one_hook_in(&hook, 0, BLOK_F32, in);
  one_hook_list(&hook, 1, target);
  one_hook_gives(&hook, 0, BLOK_F32, want);
  one_hook_free(&hook);
}

static void reshape_fails(const char *in, const char *target, int allowzero, const char *part) {
  one_hook hook;
  one_hook_init(&hook, "Reshape", 2, 1);
  one_hook_int(&hook, "allowzero", allowzero);
  one_hook_in(&hook, 0, BLOK_F32, in);
  one_hook_list(&hook, 1, target);
  one_hook_fails(&hook, part);
  one_hook_free(&hook);
}

START_TEST(reshape__works_out_the_open_axis) {
  reshape("2,3,4", "6,-1", "6,4");
  reshape("2,3,4", "0,-1", "2,12");
  reshape("N,3,4", "0,-1", "N,12");
  reshape("N,3,4", "N,-1", "N,12");
  reshape("N,3,4", "-1,12", "N,12");
  reshape("N,3,4", "-1", "?");
  reshape("N,3,H,W", "N,3,-1", "N,3,?");
  reshape("N,3,H", "N,-1,3", "N,H,3");
  reshape("?,3,4", "0,-1", "?,12");
  reshape("?,3,4", "-1,12", "?,12");
  reshape("N,512", "1,512", "1,512");
  reshape("N,4", "?,4", "N,4");
  reshape("0,3,4", "0,-1", "0,12");
  reshape("0,3", "-1,3", "0,3");
  reshape("1", "", "");
  reshape(NULL, "0,-1,7", "?,?,7");
}
END_TEST

START_TEST(reshape__knows_the_rank_when_only_the_targets_length_is_known) {
  one_hook hook;
  one_hook_init(&hook, "Reshape", 2, 1);
  one_hook_in(&hook, 0, BLOK_F32, "N,3");
  one_hook_in(&hook, 1, BLOK_I64, "2");
  one_hook_gives(&hook, 0, BLOK_F32, "?,?");
  one_hook_in(&hook, 0, BLOK_F32, "4,3");
  one_hook_in(&hook, 1, BLOK_I64, "1");
  one_hook_gives(&hook, 0, BLOK_F32, "12");
  one_hook_in(&hook, 1, BLOK_I64, "?");
  one_hook_gives(&hook, 0, BLOK_F32, NULL);
  one_hook_free(&hook);
}
END_TEST

START_TEST(reshape__refuses_what_does_not_add_up) {
  reshape_fails("2,3", "4,2", 0, "input [2, 3] cannot take the shape [4, 2]");
  reshape_fails("2,3", "4,-1", 0, "cannot take");
  reshape_fails("2,3", "-1,-1", 0, "another one");
  reshape_fails("2,3", "-2,3", 0, "-2");
  reshape_fails("2,3", "0,0,0", 0, "does not have");
  reshape_fails("0,3", "0,-1", 1, "allowzero");
  reshape_fails("4611686018427387904,4", "-1", 0, "too large");
  reshape_fails("2", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2", 0, "limit");
}
END_TEST

START_TEST(reshape__carries_elements) {
  one_hook hook;
  one_hook_init(&hook, "Reshape", 2, 1);
  one_hook_list(&hook, 0, "N,2,3,?");
  one_hook_list(&hook, 1, "2,-1");
  one_hook_gives(&hook, 0, BLOK_I64, "2,2");
  one_hook_elements(&hook, 0, "N,2,3,?");
  one_hook_free(&hook);
}
END_TEST

START_TEST(flatten__multiplies_the_axes_on_either_side) {
  one_hook hook;
  one_hook_init(&hook, "Flatten", 1, 1);
  one_hook_in(&hook, 0, BLOK_F32, "N,512,1,1");
  one_hook_gives(&hook, 0, BLOK_F32, "N,512");
  one_hook_int(&hook, "axis", 0);
  one_hook_gives(&hook, 0, BLOK_F32, "1,?");
  one_hook_int(&hook, "axis", 4);
  one_hook_gives(&hook, 0, BLOK_F32, "?,1");
  one_hook_int(&hook, "axis", -2);
  one_hook_gives(&hook, 0, BLOK_F32, "?,1");
  one_hook_int(&hook, "axis", 5);
  one_hook_fails(&hook, "axis 5");
  one_hook_free(&hook);
}
END_TEST

START_TEST(squeeze__drops_axes_of_one) {
  one_hook hook;
  one_hook_init(&hook, "Squeeze", 2, 1);
  one_hook_in(&hook, 0, BLOK_F32, "1,N,1,3");
  one_hook_list(&hook, 1, "0,-2");
  one_hook_gives(&hook, 0, BLOK_F32, "N,3");
  one_hook_in(&hook, 1, BLOK_I64, "1");
  one_hook_gives(&hook, 0, BLOK_F32, "?,?,?");
  one_hook_list(&hook, 1, "3");
  one_hook_fails(&hook, "axis 3 of input [1, N, 1, 3] is not 1");
  one_hook_list(&hook, 1, "0,-4");
  one_hook_fails(&hook, "axis -4");
  one_hook_list(&hook, 1, "4");
  one_hook_fails(&hook, "axis 4");
  one_hook_free(&hook);
}
END_TEST

START_TEST(squeeze__without_axes_needs_sizes) {
  one_hook hook;
  one_hook_init(&hook, "Squeeze", 1, 1);
  one_hook_in(&hook, 0, BLOK_F32, "1,2,1,3");
  one_hook_gives(&hook, 0, BLOK_F32, "2,3");
  one_hook_in(&hook, 0, BLOK_F32, "N,1");
  one_hook_gives(&hook, 0, BLOK_F32, NULL);
  one_hook_free(&hook);
}
END_TEST

START_TEST(unsqueeze__puts_axes_of_one_in) {
  one_hook hook;
  one_hook_init(&hook, "Unsqueeze", 2, 1);
  one_hook_in(&hook, 0, BLOK_F32, "N,3");
  one_hook_list(&hook, 1, "-1,0");
  one_hook_gives(&hook, 0, BLOK_F32, "1,N,3,1");
  one_hook_list(&hook, 1, "1,-3");
  one_hook_fails(&hook, "axis -3");
  one_hook_list(&hook, 1, "4");
  one_hook_fails(&hook, "axis 4");
  one_hook_list(&hook, 1, "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14");
  one_hook_fails(&hook, "limit of 16");
  one_hook_scalar(&hook, 0, BLOK_I64, 7);
  one_hook_list(&hook, 1, "0");
  one_hook_gives(&hook, 0, BLOK_I64, "1");
  one_hook_elements(&hook, 0, "7");
  one_hook_free(&hook);
}
END_TEST

START_TEST(shape__gives_sizes_and_symbols) {
  one_hook hook;
  one_hook_init(&hook, "Shape", 1, 1);
  one_hook_in(&hook, 0, BLOK_F32, "N,3,?,7");
  one_hook_gives(&hook, 0, BLOK_I64, "4");
  one_hook_elements(&hook, 0, "N,3,?,7");
  one_hook_int(&hook, "start", -3);
  one_hook_int(&hook, "end", -1);
  one_hook_gives(&hook, 0, BLOK_I64, "2");
  one_hook_elements(&hook, 0, "3,?");
  one_hook_int(&hook, "start", INT64_MAX);
  one_hook_int(&hook, "end", INT64_MIN);
  one_hook_gives(&hook, 0, BLOK_I64, "0");
  one_hook_in(&hook, 0, BLOK_F32, NULL);
  one_hook_gives(&hook, 0, BLOK_I64, "?");
  one_hook_free(&hook);
}
END_TEST

START_TEST(gather__picks_elements_and_checks_the_index) {
  one_hook hook;
  one_hook_init(&hook, "Gather", 2, 1);
  one_hook_list(&hook, 0, "N,3,?,7");
  one_hook_scalar(&hook, 1, BLOK_I64, 0);
  one_hook_gives(&hook, 0, BLOK_I64, "");
  one_hook_elements(&hook, 0, "N");
  one_hook_list(&hook, 1, "-1,2,1");
  one_hook_gives(&hook, 0, BLOK_I64, "3");
  one_hook_elements(&hook, 0, "7,?,3");
  one_hook_list(&hook, 1, "4");
  one_hook_fails(&hook, "index 4 is out of range");
  one_hook_list(&hook, 1, "-5");
  one_hook_fails(&hook, "index -5");
  one_hook_in(&hook, 0, BLOK_F32, "N,4,5");
  one_hook_in(&hook, 1, BLOK_I64, "2,M");
  one_hook_int(&hook, "axis", -2);
  one_hook_gives(&hook, 0, BLOK_F32, "N,2,M,5");
  one_hook_int(&hook, "axis", 3);
  one_hook_fails(&hook, "axis 3");
  one_hook_free(&hook);
}
END_TEST

START_TEST(concat__adds_the_axis_and_joins_elements) {
  one_hook hook;
  one_hook_init(&hook, "Concat", 3, 1);
  one_hook_int(&hook, "axis", 0);
  one_hook_list(&hook, 0, "N");
  one_hook_in(&hook, 1, BLOK_I64, "1");
  one_hook_list(&hook, 2, "-1,5");
  one_hook_gives(&hook, 0, BLOK_I64, "4");
  one_hook_elements(&hook, 0, "N,?,-1,5");
  one_hook_free(&hook);
  one_hook_init(&hook, "Concat", 2, 1);
  one_hook_int(&hook, "axis", -3);
  one_hook_in(&hook, 0, BLOK_F32, "N,8,?,7");
  one_hook_in(&hook, 1, BLOK_F32, "N,4,7,7");
  one_hook_gives(&hook, 0, BLOK_F32, "N,12,7,7");
  one_hook_in(&hook, 1, BLOK_F32, "N,C,7,7");
  one_hook_gives(&hook, 0, BLOK_F32, "N,?,7,7");
  one_hook_in(&hook, 1, BLOK_F32, NULL);
  one_hook_gives(&hook, 0, BLOK_F32, "N,?,?,7");
  one_hook_in(&hook, 1, BLOK_F32, "N,4,7,6");
  one_hook_fails(&hook, "[N, 8, ?, 7] and [N, 4, 7, 6]");
  one_hook_in(&hook, 1, BLOK_F32, "N,9223372036854775807,7,7");
  one_hook_fails(&hook, "cannot be joined");
  one_hook_free(&hook);
}
END_TEST

START_TEST(slice__counts_what_is_left) {
  one_hook hook;
  one_hook_init(&hook, "Slice", 5, 1);
  one_hook_in(&hook, 0, BLOK_F32, "N,10,20");
  one_hook_list(&hook, 1, "0,2,-1");
  one_hook_list(&hook, 2, "9223372036854775807,-1,-9223372036854775808");
  one_hook_list(&hook, 3, "0,1,-1");
  one_hook_list(&hook, 4, "1,3,-4");
  one_hook_gives(&hook, 0, BLOK_F32, "N,3,5");
  one_hook_list(&hook, 4, "1,3,-9223372036854775808");
  one_hook_gives(&hook, 0, BLOK_F32, "N,3,1");
  one_hook_list(&hook, 4, "1,0,-4");
  one_hook_fails(&hook, "step along axis 1 is 0");
  one_hook_list(&hook, 4, "1,3");
  one_hook_fails(&hook, "2 steps");
  one_hook_list(&hook, 4, "1,1,1");
  one_hook_list(&hook, 3, "0,1,1");
  one_hook_fails(&hook, "axis 1 is out of range or named twice");
  one_hook_in(&hook, 3, BLOK_I64, "3");
  one_hook_gives(&hook, 0, BLOK_F32, "?,?,?");
  one_hook_free(&hook);
}
END_TEST

START_TEST(slice__keeps_elements_and_symbols) {
  one_hook hook;
  one_hook_init(&hook, "Slice", 5, 1);
  one_hook_list(&hook, 0, "N,3,?,7");
  one_hook_list(&hook, 1, "-1");
  one_hook_list(&hook, 2, "-9223372036854775808");
  one_hook_list(&hook, 3, "0");
  one_hook_list(&hook, 4, "-3");
  one_hook_gives(&hook, 0, BLOK_I64, "2");
  one_hook_elements(&hook, 0, "7,N");
  one_hook_in(&hook, 0, BLOK_F32, "N,5");
  one_hook_list(&hook, 1, "0");
  one_hook_list(&hook, 2, "N");
  one_hook_list(&hook, 4, "1");
  one_hook_gives(&hook, 0, BLOK_F32, "N,5");
  one_hook_list(&hook, 2, "M");
  one_hook_gives(&hook, 0, BLOK_F32, "?,5");
  one_hook_free(&hook);
}
END_TEST

START_TEST(slice_range__follows_the_clamping_rules) {
  static const int64_t cases[][6] = {
      // size, start, end, step: first, count
      {10, 0, 10, 1, 0, 10},
      {10, -3, 100, 1, 7, 3},
      {10, 5, 2, 1, 0, 0},
      {10, 9, -100, -1, 9, 10},
      {10, 20, 4, -2, 9, 3},
      {0, 0, 5, 1, 0, 0},
      {10, 0, INT64_MAX, INT64_MAX, 0, 1},
      {10, INT64_MIN, INT64_MAX, 7, 0, 2},
      {10, INT64_MAX, INT64_MIN, INT64_MIN, 9, 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const int64_t *c = cases[i];
    int64_t first = -1;
    int64_t count = -1;
    blok_slice_range(c[0], c[1], c[2], c[3], &first, &count);
    ck_assert_int_eq(count, c[5]);
    ck_assert_int_eq(first, c[4]);
  }
}
END_TEST

START_TEST(split__cuts_by_sizes_or_into_equal_parts) {
  one_hook hook;
  one_hook_init(&hook, "Split", 2, 3);
  one_hook_int(&hook, "axis", 1);
  one_hook_in(&hook, 0, BLOK_F32, "N,7");
  one_hook_gives(&hook, 0, BLOK_F32, "N,3");
  one_hook_gives(&hook, 2, BLOK_F32, "N,1");
  one_hook_list(&hook, 1, "5,0,2");
  one_hook_gives(&hook, 1, BLOK_F32, "N,0");
  one_hook_gives(&hook, 2, BLOK_F32, "N,2");
  one_hook_list(&hook, 1, "5,1,2");
  one_hook_fails(&hook, "add up to 8");
  one_hook_list(&hook, 1, "5,-1,3");
  one_hook_fails(&hook, "size -1");
  one_hook_list(&hook, 1, "5,2");
  one_hook_fails(&hook, "2 sizes for 3 outputs");
  one_hook_list(&hook, 1, "9223372036854775807,9223372036854775807,9");
  one_hook_fails(&hook, "not possible");
  hook.has_in[1] = false;
  one_hook_int(&hook, "num_outputs", 4);
  one_hook_fails(&hook, "num_outputs is 4");
  one_hook_free(&hook);
}
END_TEST

START_TEST(split__hands_elements_on) {
  one_hook hook;
  one_hook_init(&hook, "Split", 2, 2);
  one_hook_list(&hook, 0, "N,3,?,7");
  one_hook_list(&hook, 1, "1,3");
  one_hook_gives(&hook, 0, BLOK_I64, "1");
  one_hook_elements(&hook, 0, "N");
  one_hook_elements(&hook, 1, "3,?,7");
  one_hook_free(&hook);
}
END_TEST

START_TEST(pad__adds_and_takes_away) {
  one_hook hook;
  one_hook_init(&hook, "Pad", 4, 1);
  one_hook_in(&hook, 0, BLOK_F32, "N,3,8,H");
  one_hook_list(&hook, 1, "0,0,1,2,0,0,-3,2");
  one_hook_gives(&hook, 0, BLOK_F32, "N,3,6,?");
  one_hook_list(&hook, 1, "1,2");
  one_hook_list(&hook, 3, "-2");
  one_hook_gives(&hook, 0, BLOK_F32, "N,3,11,H");
  one_hook_list(&hook, 1, "-5,-4");
  one_hook_fails(&hook, "pads -5 and -4 do not fit axis 2");
  one_hook_list(&hook, 1, "-9223372036854775808,9223372036854775807");
  one_hook_fails(&hook, "do not fit");
  one_hook_list(&hook, 1, "9223372036854775807,1");
  one_hook_fails(&hook, "do not fit");
  one_hook_list(&hook, 1, "1,2,3");
  one_hook_fails(&hook, "3 pads for 1 axes");
  one_hook_list(&hook, 1, "1,2,3,4");
  one_hook_list(&hook, 3, "1,-3");
  one_hook_fails(&hook, "axis -3");
  one_hook_free(&hook);
}
END_TEST

START_TEST(transpose__orders_the_axes) {
  one_hook hook;
  one_hook_init(&hook, "Transpose", 1, 1);
  one_hook_in(&hook, 0, BLOK_F32, "N,3,7");
  one_hook_gives(&hook, 0, BLOK_F32, "7,3,N");
  one_hook_ints(&hook, "perm", 3, (const int64_t[]){0, 2, 1});
  one_hook_gives(&hook, 0, BLOK_F32, "N,7,3");
  one_hook_ints(&hook, "perm", 3, (const int64_t[]){0, 2, 2});
  one_hook_fails(&hook, "perm [0, 2, 2]");
  one_hook_ints(&hook, "perm", 3, (const int64_t[]){0, 1, 3});
  one_hook_fails(&hook, "no order of the axes");
  one_hook_ints(&hook, "perm", 2, (const int64_t[]){1, 0});
  one_hook_fails(&hook, "perm has 2 axes");
  one_hook_free(&hook);
}
END_TEST

START_TEST(expand__broadcasts_to_the_shape) {
  one_hook hook;
  one_hook_init(&hook, "Expand", 2, 1);
  one_hook_in(&hook, 0, BLOK_F32, "3,1");
  one_hook_list(&hook, 1, "N,1,4");
  one_hook_gives(&hook, 0, BLOK_F32, "N,3,4");
  one_hook_list(&hook, 1, "2,4");
  one_hook_fails(&hook, "input [3, 1] cannot be broadcast to [2, 4]");
  one_hook_list(&hook, 1, "-1,4");
  one_hook_fails(&hook, "is -1");
  one_hook_scalar(&hook, 0, BLOK_I64, 9);
  one_hook_list(&hook, 1, "3");
  one_hook_gives(&hook, 0, BLOK_I64, "3");
  one_hook_elements(&hook, 0, "9,9,9");
  one_hook_free(&hook);
}
END_TEST

START_TEST(nonzero__leaves_the_number_open) {
  one_hook hook;
  one_hook_init(&hook, "NonZero", 1, 1);
  one_hook_in(&hook, 0, BLOK_F32, "N,3,4");
  one_hook_gives(&hook, 0, BLOK_I64, "3,?");
  one_hook_in(&hook, 0, BLOK_F32, NULL);
  one_hook_gives(&hook, 0, BLOK_I64, "?,?");
  one_hook_free(&hook);
}
END_TEST

START_TEST(constant__reads_every_form_of_value) {
  static const int64_t ints[] = {4, -1};
  one_hook hook;
  one_hook_init(&hook, "Constant", 0, 1);
  one_hook_fails(&hook, "no attribute that holds a value");
  blok_attr *attr = one_hook_attr(&hook, "value_ints", BLOK_ATTR_INTS);
  attr->n = 2;
  attr->as.ints = ints;
  one_hook_gives(&hook, 0, BLOK_I64, "2");
  one_hook_elements(&hook, 0, "4,-1");
  attr->name = "value_int";
  attr->type = BLOK_ATTR_INT;
  attr->n = 1;
  attr->as.i = 6;
  one_hook_gives(&hook, 0, BLOK_I64, "");
  one_hook_elements(&hook, 0, "6");
  attr->name = "value_float";
  attr->type = BLOK_ATTR_FLOAT;
  attr->as.f = 1;
  one_hook_gives(&hook, 0, BLOK_F32, "");
  blok_literal *literal = NULL;
  ck_assert_int_eq(blok_literal_make(&hook.module->arena, BLOK_I64, 1, (const int64_t[]){2}, ints,
                                     sizeof ints, &literal, &hook.error),
                   BLOK_OK);
  ck_assert_int_eq(blok_module_keep_literal(hook.module, literal, &hook.error), BLOK_OK);
  attr->name = "value";
  attr->type = BLOK_ATTR_TENSOR;
  attr->as.literal = literal;
  one_hook_gives(&hook, 0, BLOK_I64, "2");
  one_hook_elements(&hook, 0, "4,-1");
  one_hook_int(&hook, "value_int", 1);
  one_hook_fails(&hook, "both the attributes");
  one_hook_free(&hook);
}
END_TEST

START_TEST(constant_of_shape__takes_sizes_from_elements) {
  one_hook hook;
  one_hook_init(&hook, "ConstantOfShape", 1, 1);
  one_hook_list(&hook, 0, "N,3");
  one_hook_gives(&hook, 0, BLOK_F32, "N,3");
  one_hook_list(&hook, 0, "");
  one_hook_gives(&hook, 0, BLOK_F32, "");
  one_hook_list(&hook, 0, "2,-1");
  one_hook_fails(&hook, "axis 1 of the shape asked for is -1");
  blok_literal *literal = NULL;
  const int64_t seven = 7;
  ck_assert_int_eq(blok_literal_make(&hook.module->arena, BLOK_I64, 1, (const int64_t[]){1}, &seven,
                                     sizeof seven, &literal, &hook.error),
                   BLOK_OK);
  ck_assert_int_eq(blok_module_keep_literal(hook.module, literal, &hook.error), BLOK_OK);
  one_hook_attr(&hook, "value", BLOK_ATTR_TENSOR)->as.literal = literal;
  one_hook_list(&hook, 0, "2");
  one_hook_gives(&hook, 0, BLOK_I64, "2");
  one_hook_elements(&hook, 0, "7,7");
  one_hook_free(&hook);
}
END_TEST

// The branches of the tests below: [N, 3, 4] and [N, 5, 4].
static blok_graph then_graph = {.n_outputs = 1};
static blok_graph else_graph = {.n_outputs = 1};

static blok_status branch(blok_infer *self, const blok_subgraph *subgraph, const blok_fact *inputs,
                          blok_fact *outputs, blok_error *error) {
  ck_assert_ptr_null(inputs);
  blok_dim dims[3] = {{-1, "N"}, {subgraph->graph == &then_graph ? 3 : 5, NULL}, {4, NULL}};
  blok_infer inner = *self;
  inner.out = outputs;
  return blok_infer_set(&inner, 0, BLOK_F32, 3, dims, error);
}

START_TEST(if__merges_branches_unless_the_condition_is_known) {
  one_hook hook;
  blok_subgraph subgraphs[2] = {{&then_graph, 0, NULL}, {&else_graph, 0, NULL}};
  one_hook_init(&hook, "If", 1, 1);
  hook.subgraph = branch;
  one_hook_in(&hook, 0, BLOK_BOOL, "");
  one_hook_fails(&hook, "then_branch is missing");
  one_hook_attr(&hook, "then_branch", BLOK_ATTR_GRAPH)->as.graphs = &subgraphs[0];
  one_hook_attr(&hook, "else_branch", BLOK_ATTR_GRAPH)->as.graphs = &subgraphs[1];
  one_hook_gives(&hook, 0, BLOK_F32, "N,?,4");
  one_hook_scalar(&hook, 0, BLOK_BOOL, 1);
  one_hook_gives(&hook, 0, BLOK_F32, "N,3,4");
  one_hook_scalar(&hook, 0, BLOK_BOOL, 0);
  one_hook_gives(&hook, 0, BLOK_F32, "N,5,4");
  blok_node *node = blok_node_at(hook.graph, hook.node);
  node->n_attrs = 0;  // the graphs are not the module's
  one_hook_free(&hook);
}
END_TEST

Suite *suite_infer_movement(void) {
  Suite *suite = suite_create("infer_movement");
  TCase *tests = tcase_create("infer_movement");
  tcase_add_test(tests, reshape__works_out_the_open_axis);
  tcase_add_test(tests, reshape__knows_the_rank_when_only_the_targets_length_is_known);
  tcase_add_test(tests, reshape__refuses_what_does_not_add_up);
  tcase_add_test(tests, reshape__carries_elements);
  tcase_add_test(tests, flatten__multiplies_the_axes_on_either_side);
  tcase_add_test(tests, squeeze__drops_axes_of_one);
  tcase_add_test(tests, squeeze__without_axes_needs_sizes);
  tcase_add_test(tests, unsqueeze__puts_axes_of_one_in);
  tcase_add_test(tests, shape__gives_sizes_and_symbols);
  tcase_add_test(tests, gather__picks_elements_and_checks_the_index);
  tcase_add_test(tests, concat__adds_the_axis_and_joins_elements);
  tcase_add_test(tests, slice__counts_what_is_left);
  tcase_add_test(tests, slice__keeps_elements_and_symbols);
  tcase_add_test(tests, slice_range__follows_the_clamping_rules);
  tcase_add_test(tests, split__cuts_by_sizes_or_into_equal_parts);
  tcase_add_test(tests, split__hands_elements_on);
  tcase_add_test(tests, pad__adds_and_takes_away);
  tcase_add_test(tests, transpose__orders_the_axes);
  tcase_add_test(tests, expand__broadcasts_to_the_shape);
  tcase_add_test(tests, nonzero__leaves_the_number_open);
  tcase_add_test(tests, constant__reads_every_form_of_value);
  tcase_add_test(tests, constant_of_shape__takes_sizes_from_elements);
  tcase_add_test(tests, if__merges_branches_unless_the_condition_is_known);
  suite_add_tcase(suite, tests);
  return suite;
}
