// Whole models go from one operator set to another: what changes, what stays, what they say of
// themselves.
#include <check.h>
#include <string.h>

#include "downgraded.h"
#include "passes/downgrade.h"
#include "support/fault.h"
#include "support/tensors.h"

static float six[6] = {1, 2, 3, 4, 5, 6};

static blok_tensor six_23(void) { return blok_test_tensor(BLOK_F32, six, sizeof six, 2, 2, 3); }

static const blok_value *value_of(const blok_module *module, const char *name) {
  const blok_graph *graph = module->graph;
  for (uint32_t i = 1; i < graph->n_values; i++) {
    if (!graph->values[i].dead && strcmp(graph->values[i].name, name) == 0) {
      return &graph->values[i];
    }
  }
  return NULL;
}

START_TEST(convert_opset__leaves_nodes_whose_form_is_the_same) {
  net self;
  begin(&self, 13, "2,3");
  net_i64(&self, "axes", "1", (int64_t[]){-1});
  net_node(&self, "Relu", "x", "a");
  blok_node_id sum = net_node(&self, "ReduceSum", "a,axes", "b");
  net_int(&self, sum, "keepdims", 1);
  blok_node_id mean = net_node(&self, "ReduceMean", "b", "y");
  net_ints(&self, mean, "axes", 1, (int64_t[]){-1});
  net_int(&self, mean, "keepdims", 0);
  net_output(&self, "y");
  convert_to(&self, 17, "Relu ReduceSum ReduceMean");
  // ReduceMean 13 has its axes as attribute, in the order in which they stood.
  const blok_node *node = net_maker(&self, "y");
  ck_assert_uint_eq(node->n_inputs, 1);
  ck_assert_str_eq(node->attrs[0].name, "axes");
  ck_assert_str_eq(node->attrs[1].name, "keepdims");
  ck_assert_uint_eq(self.work->graph->n_initializers, 1);
  net_free(&self);
}
END_TEST

START_TEST(convert_opset__goes_up) {
  net self;
  blok_tensor x = six_23();
  begin(&self, 9, "2,3");
  blok_node_id mean = net_node(&self, "ReduceMean", "x", "m");
  net_ints(&self, mean, "axes", 1, (int64_t[]){1});
  net_float(&self, net_node(&self, "Clip", "m", "y"), "max", 3);
  net_output(&self, "y");
  convert_to(&self, 28, "ReduceMean Clip");
  ck_assert_uint_eq(net_maker(&self, "m")->n_inputs, 2);
  ck_assert_uint_eq(net_maker(&self, "y")->n_inputs, 3);
  converted_gives(&self, &x, "2,1", (float[]){2, 3});
  net_free(&self);
}
END_TEST

START_TEST(convert_opset__says_the_ir_version_of_the_set) {
  static const struct {
    int64_t opset, ir;
  } cases[] = {{7, 3},   {8, 3},   {9, 4},   {10, 5},  {11, 6},  {12, 7},
               {14, 7},  {15, 8},  {18, 8},  {19, 9},  {20, 9},  {21, 10},
               {22, 10}, {23, 11}, {24, 12}, {25, 13}, {27, 13}, {28, 14}};
  net self;
  begin(&self, 28, "2,3");
  net_node(&self, "Relu", "x", "y");
  net_output(&self, "y");
  self.module->has_ir_version = true;
  self.module->ir_version = 14;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    ck_assert_int_eq(blok_ir_of_opset(cases[i].opset), cases[i].ir);
    convert_to(&self, cases[i].opset, "Relu");
    ck_assert_int_eq(self.work->ir_version, cases[i].ir);
  }
  net_free(&self);
  begin(&self, 13, "2,3");
  net_node(&self, "Relu", "x", "y");
  net_output(&self, "y");
  self.module->has_ir_version = true;
  self.module->ir_version = 9;
  convert_to(&self, 13, "Relu");
  ck_assert_int_eq(self.work->ir_version, 9);
  convert_to(&self, 14, "Relu");
  ck_assert_int_eq(self.work->ir_version, 9);
  net_free(&self);
}
END_TEST

START_TEST(convert_opset__lists_initializers_as_inputs_below_ir_4) {
  net self;
  begin(&self, 13, "2,3");
  net_f32(&self, "w", "3", (float[]){1, 2, 3});
  net_node(&self, "Mul", "x,w", "y");
  net_output(&self, "y");
  convert_to(&self, 9, "Mul");
  ck_assert_uint_eq(self.work->graph->n_inputs, 1);
  convert_to(&self, 8, "Mul");
  ck_assert_uint_eq(self.work->graph->n_inputs, 2);
  const blok_value_entry *entry = &self.work->graph->inputs[1];
  ck_assert_str_eq(blok_value_at(self.work->graph, entry->value)->name, "w");
  ck_assert_int_eq(entry->type->dtype, BLOK_F32);
  ck_assert_int_eq(entry->type->dims[0].value, 3);
  net_free(&self);
}
END_TEST

START_TEST(convert_opset__takes_initializers_out_of_bodies_below_ir_4) {
  net self;
  net_make(&self, 13);
  net_input(&self, "c", BLOK_BOOL, "");
  net_input(&self, "x", BLOK_F32, "3");
  blok_node_id branch = net_node(&self, "If", "c", "y");
  for (int k = 0; k < 2; k++) {
    net_branch(&self, branch, k ? "else_branch" : "then_branch", "x");
    net_f32(&self, "w", "3", (float[]){1, 2, 3});
    net_node(&self, k ? "Add" : "Mul", "x,w", "t");
    net_output(&self, "t");
    net_leave(&self);
  }
  net_output(&self, "y");
  convert_to(&self, 9, "If");
  ck_assert_uint_eq(self.work->graph->n_initializers, 0);
  convert_to(&self, 7, "If");
  ck_assert_uint_eq(self.work->graph->n_initializers, 2);
  ck_assert_uint_eq(self.work->graph->n_inputs, 4);
  net_free(&self);
}
END_TEST

START_TEST(convert_opset__hands_on_what_a_body_gives_of_outside) {
  net self;
  net_make(&self, 13);
  net_input(&self, "c", BLOK_BOOL, "");
  blok_node_id branch = net_node(&self, "If", "c", "y");
  for (int k = 0; k < 2; k++) {
    net_branch(&self, branch, k ? "else_branch" : "then_branch", "c");
    net_f32(&self, "t", "3", (float[]){1, 2, 3});
    net_output(&self, "t");
    net_leave(&self);
  }
  net_output(&self, "y");
  convert_to(&self, 8, "If");
  const blok_graph *body = net_maker(&self, "y")->attrs[0].as.graphs[0].graph;
  ck_assert_uint_eq(body->n_order, 1);
  ck_assert_uint_eq(body->n_initializers, 0);
  ck_assert_str_eq(blok_node_at(body, body->order[0])->op_type, "Identity");
  ck_assert_uint_eq(self.work->graph->n_initializers, 2);
  net_free(&self);
}
END_TEST

START_TEST(convert_opset__converts_bodies_by_what_they_capture) {
  net self;
  net_make(&self, 28);
  net_input(&self, "c", BLOK_BOOL, "");
  net_input(&self, "x", BLOK_F32, "N,2,3");
  blok_node_id branch = net_node(&self, "If", "c", "y");
  for (int k = 0; k < 2; k++) {
    net_branch(&self, branch, k ? "else_branch" : "then_branch", "x");
    net_int(&self, net_node(&self, "Softmax", "x", "t"), "axis", k ? -1 : 1);
    net_output(&self, "t");
    net_leave(&self);
  }
  net_output(&self, "y");
  convert_to(&self, 9, "If");
  const blok_node *node = net_maker(&self, "y");
  ck_assert_uint_eq(node->attrs[0].as.graphs[0].graph->n_order, 3);
  ck_assert_uint_eq(node->attrs[1].as.graphs[0].graph->n_order, 1);
  net_free(&self);
}
END_TEST

START_TEST(convert_opset__refuses_branches_of_different_shapes_below_11) {
  net self;
  net_make(&self, 13);
  net_input(&self, "c", BLOK_BOOL, "");
  net_input(&self, "x", BLOK_F32, "N,1,3");
  blok_node_id branch = net_node(&self, "If", "c", "y");
  for (int k = 0; k < 2; k++) {
    net_branch(&self, branch, k ? "else_branch" : "then_branch", "x");
    net_i64(&self, "axes", "1", (int64_t[]){1});
    net_node(&self, k ? "Identity" : "Squeeze", k ? "x" : "x,axes", "t");
    net_type(&self, "t", BLOK_F32, k ? "N,1,3" : "N,3");
    net_output(&self, "t");
    net_leave(&self);
  }
  net_output(&self, "y");
  convert_to(&self, 11, "If");
  convert_refused(&self, 10, BLOK_E_UNSUPPORTED,
                  "If node 'y' cannot be written in operator set 10: its branches give output 0 in "
                  "different shapes");
  net_free(&self);
}
END_TEST

START_TEST(convert_opset__sweeps_its_own_leftovers_alone) {
  net self;
  begin(&self, 28, "2,3");
  net_i64(&self, "axes", "1", (int64_t[]){0});
  net_i64(&self, "unused", "1", (int64_t[]){7});
  net_i64(&self, "zero", "1", (int64_t[]){0});
  net_node(&self, "Identity", "zero", "computed");
  net_node(&self, "Unsqueeze", "x,axes", "a");
  net_node(&self, "Unsqueeze", "a,computed", "y");
  net_node(&self, "Relu", "x", "dead");
  net_output(&self, "y");
  convert_to(&self, 11, "Unsqueeze Unsqueeze Relu");
  ck_assert_ptr_null(value_of(self.work, "axes"));
  ck_assert_ptr_null(value_of(self.work, "zero"));
  ck_assert_ptr_nonnull(value_of(self.work, "unused"));
  ck_assert_ptr_nonnull(value_of(self.work, "dead"));
  net_free(&self);
}
END_TEST

START_TEST(convert_opset__gives_every_new_node_a_name_of_its_own) {
  net self;
  begin(&self, 28, "2,3");
  blok_node_id norm = net_node(&self, "HardSwish", "x", "a");
  blok_node_at(self.graph, norm)->name = "act";
  blok_node_id other = net_node(&self, "HardSwish", "a", "b");
  blok_node_at(self.graph, other)->name = "act/HardSigmoid";
  net_node(&self, "HardSwish", "b", "y");
  net_output(&self, "y");
  convert_to(&self, 13, "HardSigmoid Mul HardSigmoid Mul HardSigmoid Mul");
  const blok_graph *graph = self.work->graph;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const char *name = blok_node_at(graph, graph->order[i])->name;
    for (uint32_t k = 0; name && k < i; k++) {
      const char *before = blok_node_at(graph, graph->order[k])->name;
      ck_assert(!before || strcmp(name, before) != 0);
    }
  }
  net_free(&self);
}
END_TEST

START_TEST(convert_opset__keeps_operators_of_other_domains) {
  net self;
  blok_node_id node = BLOK_NO_NODE;
  begin(&self, 13, "2,3");
  blok_opset imports[3] = {{.domain = "", .version = 13, .has_version = true},
                           {.domain = "ai.onnx", .version = 13, .has_version = true},
                           {.domain = "mine", .version = 4, .has_version = true}};
  self.module->opsets = imports;
  self.module->n_opsets = 3;
  ck_assert_int_eq(blok_graph_add_node(self.graph, "mine", "Relu", 1, 1, &node, NULL), BLOK_OK);
  blok_graph_set_input(self.graph, node, 0, net_value(self.graph, "x"));
  blok_graph_set_output(self.graph, node, 0, net_value(self.graph, "t"));
  net_node(&self, "HardSwish", "t", "u");
  net_node(&self, "Relu", "u", "y");
  net_output(&self, "y");
  // HardSwish is none of set 13: what is not there cannot be kept.
  convert_refused(&self, 12, BLOK_E_UNSUPPORTED, "HardSwish node 'u'");
  blok_node_set_op(self.graph, (blok_node_id){2}, "Abs");
  convert_to(&self, 12, "Relu Abs Relu");
  ck_assert_str_eq(blok_node_at(self.work->graph, self.work->graph->order[0])->domain, "mine");
  ck_assert_uint_eq(self.work->n_opsets, 2);
  ck_assert_int_eq(blok_module_opset(self.work, "mine"), 4);
  net_free(&self);
}
END_TEST

START_TEST(convert_opset__names_both_limits) {
  net self;
  begin(&self, 28, "2,3");
  net_node(&self, "Relu", "x", "y");
  net_output(&self, "y");
  convert_refused(&self, 6, BLOK_E_ARGUMENT,
                  "operator set 6 is out of range: models are written "
                  "in 7 to 28");
  convert_refused(&self, 29, BLOK_E_ARGUMENT, "7 to 28");
  net_free(&self);
}
END_TEST

START_TEST(convert_opset__gets_by_where_shapes_disagree) {
  net self;
  begin(&self, 28, "2,3");
  net_f32(&self, "w", "2", (float[]){1, 2});
  net_i64(&self, "axes", "1", (int64_t[]){0});
  net_node(&self, "Add", "x,w", "a");
  net_node(&self, "Unsqueeze", "a,axes", "y");
  net_output(&self, "y");
  convert_to(&self, 11, "Add Unsqueeze");
  net_free(&self);
  begin(&self, 28, "2,3");
  net_f32(&self, "w", "2", (float[]){1, 2});
  net_node(&self, "Add", "x,w", "a");
  net_int(&self, net_node(&self, "Softmax", "a", "y"), "axis", 0);
  net_output(&self, "y");
  convert_refused(&self, 11, BLOK_E_UNSUPPORTED, "the rank of its input 0 is not known");
  net_free(&self);
}
END_TEST

static blok_status convert_by(void *context, const blok_allocator *allocator, blok_error *error) {
  const net *self = context;
  blok_module *made = NULL;
  // The clone takes the allocator of its source.
  blok_module source = *self->module;
  source.allocator = *allocator;
  blok_status status = blok_convert_opset(&source, 9, NULL, &made, error);
  if (status != BLOK_OK) ck_assert_ptr_null(made);
  blok_module_free(&made);
  return status;
}

START_TEST(convert_opset__survives_every_failed_allocation) {
  net self;
  begin(&self, 28, "1,1,1,4");
  net_f32(&self, "s", "1", (float[]){1});
  net_i64(&self, "axes", "1", (int64_t[]){-1});
  net_f32(&self, "scales", "4", (float[]){1, 1, 1, 2});
  net_int(&self, net_node(&self, "GroupNormalization", "x,s,s", "a"), "num_groups", 1);
  net_int(&self, net_node(&self, "Softmax", "a", "b"), "axis", 1);
  net_text(&self, net_node(&self, "Resize", "b,,scales", "c"), "mode", "linear");
  net_node(&self, "ReduceMean", "c,axes", "d");
  net_node(&self, "Gelu", "d", "y");
  net_output(&self, "y");
  convert_to(&self, 9,
             "Reshape Constant Constant InstanceNormalization Reshape Unsqueeze Unsqueeze Mul Add "
             "Transpose Softmax Transpose MatMul "
             "Identity ReduceMean Div Erf Add Mul Mul");
  ck_assert_uint_gt(blok_fault_sweep(convert_by, &self), 20);
  net_free(&self);
}
END_TEST

Suite *suite_convert_opset(void);

Suite *suite_convert_opset(void) {
  Suite *suite = suite_create("convert_opset");
  TCase *models = tcase_create("models");
  tcase_add_test(models, convert_opset__leaves_nodes_whose_form_is_the_same);
  tcase_add_test(models, convert_opset__goes_up);
  tcase_add_test(models, convert_opset__says_the_ir_version_of_the_set);
  tcase_add_test(models, convert_opset__lists_initializers_as_inputs_below_ir_4);
  tcase_add_test(models, convert_opset__takes_initializers_out_of_bodies_below_ir_4);
  tcase_add_test(models, convert_opset__hands_on_what_a_body_gives_of_outside);
  tcase_add_test(models, convert_opset__converts_bodies_by_what_they_capture);
  tcase_add_test(models, convert_opset__refuses_branches_of_different_shapes_below_11);
  tcase_add_test(models, convert_opset__sweeps_its_own_leftovers_alone);
  tcase_add_test(models, convert_opset__gives_every_new_node_a_name_of_its_own);
  tcase_add_test(models, convert_opset__keeps_operators_of_other_domains);
  tcase_add_test(models, convert_opset__names_both_limits);
  tcase_add_test(models, convert_opset__gets_by_where_shapes_disagree);
  tcase_add_test(models, convert_opset__survives_every_failed_allocation);
  suite_add_tcase(suite, models);
  return suite;
}
