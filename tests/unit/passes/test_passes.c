// The passes on small graphs, and the whole way from source to working graph.
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "net.h"
#include "support/fault.h"
#include "support/tensors.h"

static float four[4] = {1, 2, 3, 4};

static const char *output_name(const net *self, uint32_t i) {
  const blok_graph *graph = self->work->graph;
  return blok_value_at(graph, graph->outputs[i].value)->name;
}

// ---- Functions ----------------------------------------------------------------------------------

// Adds function local.name(inputs) -> (outputs) of this operator set; the net's graph becomes its
// body.
static blok_function *begin_function(net *self, const char *name, int64_t opset, const char *inputs,
                                     const char *outputs) {
  blok_module *module = self->module;
  blok_arena *arena = &module->arena;
  blok_function *functions =
      blok_arena_array(arena, (size_t)module->n_functions + 1, sizeof *functions);
  ck_assert_ptr_nonnull(functions);
  if (module->n_functions) {
    memcpy(functions, module->functions, module->n_functions * sizeof *functions);
  }
  module->functions = functions;
  blok_function *function = &functions[module->n_functions++];
  function->domain = "local";
  function->name = name;
  function->n_opsets = 1;
  function->opsets = blok_arena_zero(arena, sizeof *function->opsets);
  function->opsets->domain = "";
  function->opsets->version = opset;
  ck_assert_int_eq(blok_graph_new(module, NULL, &function->body, NULL), BLOK_OK);
  self->graph = function->body;
  for (; *inputs; inputs++) {
    net_input(self, (char[]){*inputs, '\0'}, BLOK_UNDEFINED, NULL);
  }
  for (; *outputs; outputs++) net_output(self, (char[]){*outputs, '\0'});
  return function;
}

static void end_function(net *self) { self->graph = self->module->graph; }

static void reference_attr(net *self, blok_node_id node, const char *name, blok_attr_type type,
                           const char *ref) {
  blok_attr attr = {.name = name, .type = type, .has_type = true, .ref = ref};
  net_attr(self, node, &attr);
}

START_TEST(inline_functions__puts_bodies_of_nested_calls_in_place_of_calls) {
  net self;
  net_make(&self, 17);
  begin_function(&self, "Inner", 17, "a", "b");
  net_node(&self, "Sigmoid", "a", "s");
  net_node(&self, "Mul", "a,s", "b");
  end_function(&self);
  begin_function(&self, "Outer", 17, "p", "q");
  net_node(&self, "local:Inner", "p", "i");
  net_node(&self, "Relu", "i", "q");
  end_function(&self);
  net_input(&self, "x", BLOK_F32, "N,2");
  net_node(&self, "local:Outer", "x", "m");
  net_node(&self, "local:Outer", "m", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Sigmoid Mul Relu Sigmoid Mul Relu");
  ck_assert_str_eq(output_name(&self, 0), "y");
  // Each comes from the call in the main graph.
  const blok_node *last = net_maker(&self, "y");
  ck_assert_uint_eq(last->n_sources, 1);
  ck_assert_uint_eq(last->sources[0].i, self.module->graph->order[1].i);
  net_free(&self);
}
END_TEST

START_TEST(inline_functions__binds_attributes_and_defaults) {
  net self;
  net_make(&self, 17);
  blok_function *function = begin_function(&self, "Leak", 17, "a", "b");
  blok_node_id leaky = net_node(&self, "LeakyRelu", "a", "b");
  reference_attr(&self, leaky, "alpha", BLOK_ATTR_FLOAT, "slope");
  function->n_defaults = 1;
  function->defaults = blok_arena_zero(&self.module->arena, sizeof *function->defaults);
  function->defaults->name = "slope";
  function->defaults->type = BLOK_ATTR_FLOAT;
  function->defaults->n = 1;
  function->defaults->as.f = 0.5f;
  end_function(&self);
  net_input(&self, "x", BLOK_F32, "2");
  blok_node_id given = net_node(&self, "local:Leak", "x", "y");
  net_float(&self, given, "slope", 0.25f);
  net_node(&self, "local:Leak", "x", "z");
  net_output(&self, "y");
  net_output(&self, "z");
  net_work(&self);
  ck_assert(blok_node_float(net_maker(&self, "y"), "alpha", 0) == 0.25f);
  ck_assert(blok_node_float(net_maker(&self, "z"), "alpha", 0) == 0.5f);
  net_free(&self);
}
END_TEST

START_TEST(inline_functions__reads_a_body_by_the_functions_own_operator_set) {
  net self;
  net_make(&self, 18);
  begin_function(&self, "Mean", 13, "a", "b");
  blok_node_id mean = net_node(&self, "ReduceMean", "a", "b");
  reference_attr(&self, mean, "axes", BLOK_ATTR_INTS, "dims");
  end_function(&self);
  net_input(&self, "x", BLOK_F32, "N,2,3,4");
  blok_node_id call = net_node(&self, "local:Mean", "x", "y");
  net_ints(&self, call, "dims", 2, (int64_t[]){1, 3});
  net_output(&self, "y");
  net_work(&self);
  int64_t axes[4];
  ck_assert_int_eq(net_ints_of(&self, blok_node_input(net_maker(&self, "y"), 1), axes, 4), 2);
  ck_assert_int_eq(axes[1], 3);
  net_free(&self);
}
END_TEST

START_TEST(inline_functions__leaves_out_what_the_call_leaves_out) {
  net self;
  net_make(&self, 17);
  begin_function(&self, "Bound", 17, "abc", "d");
  net_node(&self, "Clip", "a,b,c", "d");
  end_function(&self);
  net_input(&self, "x", BLOK_F32, "2");
  net_f32(&self, "high", "", four);
  net_node(&self, "local:Bound", "x,,high", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_uint_eq(blok_node_input(net_maker(&self, "y"), 1).i, 0);
  ck_assert_uint_ne(blok_node_input(net_maker(&self, "y"), 2).i, 0);
  net_free(&self);
}
END_TEST

START_TEST(inline_functions__inlines_calls_inside_branches) {
  net self;
  net_make(&self, 17);
  begin_function(&self, "Act", 17, "a", "b");
  net_node(&self, "Relu", "a", "b");
  end_function(&self);
  net_input(&self, "c", BLOK_BOOL, "");
  net_input(&self, "x", BLOK_F32, "2");
  blok_node_id node = net_node(&self, "If", "c", "y");
  static const char *const branches[] = {"then_branch", "else_branch"};
  for (int i = 0; i < 2; i++) {
    net_branch(&self, node, branches[i], "x");
    net_node(&self, i ? "Tanh" : "local:Act", "x", "r");
    net_output(&self, "r");
    net_leave(&self);
  }
  net_output(&self, "y");
  net_work(&self);
  const blok_node *branch = net_maker(&self, "y");
  const blok_graph *then = blok_node_attr(branch, "then_branch")->as.graphs->graph;
  ck_assert_uint_eq(then->n_order, 1);
  ck_assert_str_eq(blok_node_at(then, then->order[0])->op_type, "Relu");
  net_free(&self);
}
END_TEST

START_TEST(inline_functions__refuses_recursion_and_names_the_chain) {
  net self;
  net_make(&self, 17);
  begin_function(&self, "Ping", 17, "a", "b");
  net_node(&self, "local:Pong", "a", "b");
  end_function(&self);
  begin_function(&self, "Pong", 17, "a", "b");
  net_node(&self, "local:Ping", "a", "b");
  end_function(&self);
  net_input(&self, "x", BLOK_F32, "2");
  net_node(&self, "local:Ping", "x", "y");
  net_output(&self, "y");
  net_refuse(&self, BLOK_E_MALFORMED, "function 'Ping' calls itself: Ping -> Pong -> Ping");
  net_free(&self);
}
END_TEST

START_TEST(inline_functions__refuses_more_nodes_than_the_limit) {
  net self;
  char name[8] = "f0";
  net_make(&self, 17);
  for (int level = 0; level < 20; level++) {
    char inner[16];
    char *own = blok_arena_text(&self.module->arena, name);
    snprintf(inner, sizeof inner, "local:f%d", level + 1);
    begin_function(&self, own, 17, "a", "b");
    net_node(&self, level == 19 ? "Relu" : inner, "a", "m");
    net_node(&self, level == 19 ? "Relu" : inner, "m", "b");
    end_function(&self);
    snprintf(name, sizeof name, "f%d", level + 1);
  }
  net_input(&self, "x", BLOK_F32, "2");
  net_node(&self, "local:f0", "x", "y");
  net_output(&self, "y");
  blok_pass_options options = net_options();
  options.limits.inline_nodes = 10000;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_working_graph(self.module, &options, &self.work, &error), BLOK_E_LIMIT);
  ck_assert_ptr_nonnull(strstr(error.message, "more than 10000 nodes"));
  net_free(&self);
}
END_TEST

// ---- Constants and noise ------------------------------------------------------------------------

START_TEST(constants__gives_the_name_of_an_identity_output_to_its_producer) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "2");
  net_node(&self, "Relu", "x", "r");
  net_node(&self, "Identity", "r", "y");
  net_node(&self, "Identity", "y", "z");
  net_node(&self, "Tanh", "r", "t");
  net_output(&self, "z");
  net_output(&self, "y");
  net_output(&self, "t");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Relu Identity Tanh");
  ck_assert_str_eq(net_maker(&self, "y")->op_type, "Relu");
  ck_assert_str_eq(net_maker(&self, "z")->op_type, "Identity");
  ck_assert_str_eq(output_name(&self, 0), "z");
  ck_assert_str_eq(output_name(&self, 1), "y");
  net_free(&self);
}
END_TEST

START_TEST(constants__keeps_an_identity_from_an_input_to_an_output) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "2");
  net_node(&self, "Identity", "x", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Identity");
  net_free(&self);
}
END_TEST

START_TEST(constants__drops_identities_of_weights_and_dropout_at_inference) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "2");
  net_f32(&self, "w", "2", four);
  net_node(&self, "Identity", "w", "same");
  net_node(&self, "Dropout", "x", "d,mask");
  net_node(&self, "Add", "d,same", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Add");
  const blok_node *add = net_maker(&self, "y");
  ck_assert_str_eq(blok_value_at(self.work->graph, add->inputs[0])->name, "x");
  ck_assert_str_eq(blok_value_at(self.work->graph, add->inputs[1])->name, "w");
  net_free(&self);
}
END_TEST

START_TEST(constants__shares_the_bytes_of_a_constant_node) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "2");
  blok_node_id node = net_node(&self, "Constant", "", "c");
  int64_t dims[1] = {2};
  blok_literal *literal = NULL;
  ck_assert_int_eq(
      blok_literal_make(&self.module->arena, BLOK_F32, 1, dims, four, 8, &literal, NULL), BLOK_OK);
  ck_assert_int_eq(blok_module_keep_literal(self.module, literal, NULL), BLOK_OK);
  blok_attr attr = {.name = "value", .type = BLOK_ATTR_TENSOR, .has_type = true, .n = 1};
  attr.as.literal = literal;
  net_attr(&self, node, &attr);
  net_node(&self, "Mul", "x,c", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Mul");
  blok_value_id c = blok_node_input(net_maker(&self, "y"), 1);
  ck_assert_ptr_eq(blok_value_at(self.work->graph, c)->literal->storage, literal->storage);
  net_free(&self);
}
END_TEST

static void sparse_weight(net *self, const char *index_dims, const int64_t *indices) {
  net_make(self, 17);
  net_input(self, "x", BLOK_F32, "2,3");
  // Two values, as the file would give them, beside the graph.
  net_f32(self, "values", "2", four);
  net_i64(self, "indices", index_dims, indices);
  blok_sparse *sparse = blok_arena_zero(&self->module->arena, sizeof *sparse);
  int64_t *dims = blok_arena_array(&self->module->arena, 2, sizeof *dims);
  dims[0] = 2;
  dims[1] = 3;
  sparse->values = blok_value_at(self->graph, net_value(self->graph, "values"))->literal;
  sparse->values->name = "w";
  sparse->indices = blok_value_at(self->graph, net_value(self->graph, "indices"))->literal;
  sparse->rank = 2;
  sparse->dims = dims;
  self->graph->sparse = sparse;
  self->graph->n_sparse = 1;
  blok_value_at(self->graph, net_value(self->graph, "w"))->is_sparse = true;
  net_node(self, "Add", "x,w", "y");
  net_output(self, "y");
}

START_TEST(densify__fills_positions_and_coordinates) {
  float zeros[6] = {0};
  blok_tensor x = blok_test_tensor(BLOK_F32, zeros, sizeof zeros, 2, 2, 3);
  net self;
  sparse_weight(&self, "2", (int64_t[]){1, 5});
  net_work(&self);
  net_check(&self, &x, 1, "y", "2,3", (float[]){0, 1, 0, 0, 0, 2});
  net_free(&self);
  sparse_weight(&self, "2,2", (int64_t[]){0, 2, 1, 0});
  net_work(&self);
  net_check(&self, &x, 1, "y", "2,3", (float[]){0, 0, 1, 2, 0, 0});
  net_free(&self);
}
END_TEST

START_TEST(densify__refuses_an_index_out_of_range) {
  net self;
  sparse_weight(&self, "2", (int64_t[]){1, 6});
  net_refuse(&self, BLOK_E_MALFORMED, "sparse initializer 'w': an index is out of range");
  net_free(&self);
}
END_TEST

// ---- Folding and simplifying --------------------------------------------------------------------

START_TEST(fold__computes_nodes_of_constants) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "2,2");
  net_f32(&self, "w", "2,2", four);
  blok_node_id node = net_node(&self, "Transpose", "w", "t");
  net_ints(&self, node, "perm", 2, (int64_t[]){1, 0});
  net_node(&self, "MatMul", "x,t", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "MatMul");
  blok_tensor x = blok_test_tensor(BLOK_F32, four, sizeof four, 2, 2, 2);
  net_check(&self, &x, 1, "y", "2,2", (float[]){5, 11, 11, 25});
  net_free(&self);
}
END_TEST

// As the torch.export exporter writes the zeros of a bias when it is told not to optimise.
START_TEST(fold__casts_a_constant_like_a_value_of_known_type) {
  net self;
  net_make(&self, 18);
  net_input(&self, "x", BLOK_F32, "N,2");
  net_f32(&self, "w", "2", four);
  net_i64(&self, "three", "", (int64_t[]){3});
  net_node(&self, "Relu", "x", "r");
  net_node(&self, "Shape", "w", "shape");
  net_node(&self, "CastLike", "three,r", "c");
  net_node(&self, "Expand", "c,shape", "bias");
  net_node(&self, "Add", "r,bias", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Relu Add");
  blok_tensor x = blok_test_tensor(BLOK_F32, four, sizeof four, 2, 2, 2);
  net_check(&self, &x, 1, "y", "2,2", (float[]){4, 5, 6, 7});
  net_free(&self);
}
END_TEST

START_TEST(fold__makes_an_output_of_constants_an_initializer_of_its_name) {
  net self;
  net_make(&self, 17);
  net_f32(&self, "w", "2,2", four);
  net_node(&self, "Identity", "w", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "");
  ck_assert_str_eq(output_name(&self, 0), "y");
  net_free(&self);
}
END_TEST

START_TEST(fold__takes_the_branch_of_a_known_condition) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "N,3");
  net_i64(&self, "one", "", (int64_t[]){1});
  net_i64(&self, "width", "", (int64_t[]){3});
  net_node(&self, "Equal", "width,one", "c");
  blok_node_id node = net_node(&self, "If", "c", "m");
  net_branch(&self, node, "then_branch", "x");
  net_i64(&self, "axes", "1", (int64_t[]){1});
  net_node(&self, "Squeeze", "x,axes", "r");
  net_output(&self, "r");
  net_leave(&self);
  net_branch(&self, node, "else_branch", "x");
  net_node(&self, "Identity", "x", "r");
  net_output(&self, "r");
  net_leave(&self);
  net_node(&self, "Relu", "m", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Relu");
  net_free(&self);
}
END_TEST

START_TEST(fold__leaves_an_open_condition_and_its_branches) {
  net self;
  net_make(&self, 17);
  net_input(&self, "c", BLOK_BOOL, "");
  net_input(&self, "x", BLOK_F32, "N,3");
  blok_node_id node = net_node(&self, "If", "c", "y");
  static const char *const branches[] = {"then_branch", "else_branch"};
  for (int i = 0; i < 2; i++) {
    net_branch(&self, node, branches[i], "x");
    net_node(&self, i ? "Relu" : "Tanh", "x", "r");
    net_output(&self, "r");
    net_leave(&self);
  }
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "If");
  net_free(&self);
}
END_TEST

START_TEST(working_graph__refuses_a_branch_with_inputs) {
  net self;
  net_make(&self, 17);
  net_input(&self, "c", BLOK_BOOL, "");
  net_input(&self, "x", BLOK_F32, "N,3");
  blok_node_id node = net_node(&self, "If", "c", "y");
  net_branch(&self, node, "then_branch", "x");
  net_input(&self, "q", BLOK_F32, "3");
  net_node(&self, "Add", "x,q", "r");
  net_output(&self, "r");
  net_leave(&self);
  net_branch(&self, node, "else_branch", "x");
  net_node(&self, "Relu", "x", "r");
  net_output(&self, "r");
  net_leave(&self);
  net_output(&self, "y");
  net_refuse(&self, BLOK_E_SHAPE, "then_branch has the input 'q'");
  net_free(&self);
}
END_TEST

START_TEST(simplify__makes_the_target_of_a_dynamic_reshape_a_constant) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "N,4,2,3");
  net_i64(&self, "zero", "", (int64_t[]){0});
  net_i64(&self, "axes", "1", (int64_t[]){0});
  net_i64(&self, "rest", "1", (int64_t[]){24});
  net_node(&self, "Shape", "x", "shape");
  net_node(&self, "Gather", "shape,zero", "batch");
  net_node(&self, "Unsqueeze", "batch,axes", "first");
  blok_node_id concat = net_node(&self, "Concat", "first,rest", "target");
  net_int(&self, concat, "axis", 0);
  net_node(&self, "Reshape", "x,target", "y");
  net_output(&self, "y");
  net_work(&self);
  int64_t target[2];
  ck_assert_str_eq(net_ops(&self), "Reshape");
  ck_assert_int_eq(net_ints_of(&self, blok_node_input(net_maker(&self, "y"), 1), target, 2), 2);
  ck_assert_int_eq(target[0], 0);
  ck_assert_int_eq(target[1], 24);
  net_free(&self);
}
END_TEST

START_TEST(simplify__drops_what_is_proved_to_do_nothing) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "N,4");
  net_i64(&self, "same", "2", (int64_t[]){0, 4});
  net_i64(&self, "pads", "4", (int64_t[]){0, 0, 0, 0});
  net_i64(&self, "starts", "1", (int64_t[]){0});
  net_i64(&self, "ends", "1", (int64_t[]){INT64_MAX});
  net_f32(&self, "one", "", (float[]){1});
  net_f32(&self, "none", "1", (float[]){0});
  net_node(&self, "Reshape", "x,same", "a");
  net_node(&self, "Pad", "a,pads", "b");
  net_node(&self, "Slice", "b,starts,ends", "c");
  net_node(&self, "Mul", "one,c", "d");
  net_node(&self, "Sub", "d,none", "e");
  blok_node_id cast = net_node(&self, "Cast", "e", "f");
  net_int(&self, cast, "to", BLOK_F32);
  blok_node_id transpose = net_node(&self, "Transpose", "f", "g");
  net_ints(&self, transpose, "perm", 2, (int64_t[]){0, 1});
  net_node(&self, "Relu", "g", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Relu");
  net_free(&self);
}
END_TEST

START_TEST(simplify__takes_an_operand_as_it_was_before_a_needless_expand) {
  for (int needless = 0; needless < 2; needless++) {
    net self;
    net_make(&self, 17);
    net_input(&self, "x", BLOK_F32, "N,8,H,W");
    net_input(&self, "gate", BLOK_F32, "N,8,1,1");
    net_input(&self, "other", BLOK_F32, needless ? "N,8,H,W" : "N,8,1,1");
    net_node(&self, "Shape", "x", "shape");
    net_node(&self, "Expand", "gate,shape", "wide");
    net_node(&self, "Mul", "wide,other", "y");
    net_output(&self, "y");
    net_work(&self);
    ck_assert_str_eq(net_ops(&self), needless ? "Mul" : "Shape Expand Mul");
    ck_assert_uint_eq(net_maker(&self, "y")->n_sources, needless ? 2 : 1);
    net_free(&self);
  }
}
END_TEST

START_TEST(simplify__keeps_what_changes_shape_type_or_numbers) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "1,4");
  net_i64(&self, "target", "2", (int64_t[]){3, 4});
  net_f32(&self, "ones", "3,1", (float[]){1, 1, 1});
  net_f32(&self, "zero", "", (float[]){0});
  net_node(&self, "Mul", "x,ones", "a");
  net_node(&self, "Sub", "zero,a", "b");
  blok_node_id cast = net_node(&self, "Cast", "b", "c");
  net_int(&self, cast, "to", BLOK_F64);
  net_node(&self, "Transpose", "c", "d");
  net_node(&self, "Expand", "x,target", "e");
  net_output(&self, "d");
  net_output(&self, "e");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Mul Sub Cast Transpose Expand");
  net_free(&self);
}
END_TEST

START_TEST(simplify__believes_no_declared_shape_of_what_only_the_run_knows) {
  static const char *const declared[] = {"N", "4"};
  for (int i = 0; i < 2; i++) {
    net self;
    net_make(&self, 17);
    net_input(&self, "x", BLOK_F32, declared[i]);
    net_input(&self, "start", BLOK_I64, "1");
    net_input(&self, "end", BLOK_I64, "1");
    net_node(&self, "Slice", "x,start,end", "part");
    net_type(&self, "part", BLOK_F32, declared[i]);
    net_node(&self, "Relu", "part", "y");
    net_output(&self, "y");
    net_work(&self);
    ck_assert_str_eq(net_ops(&self), "Slice Relu");
    net_free(&self);
  }
}
END_TEST

START_TEST(fold__believes_no_declared_shape_of_what_only_the_run_knows) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "4");
  net_input(&self, "start", BLOK_I64, "1");
  net_input(&self, "end", BLOK_I64, "1");
  net_node(&self, "Slice", "x,start,end", "part");
  net_type(&self, "part", BLOK_F32, "4");
  net_node(&self, "Shape", "part", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Slice Shape");
  net_free(&self);
}
END_TEST

START_TEST(sweep__drops_nodes_captures_and_initializers_that_nobody_reads) {
  net self;
  net_make(&self, 17);
  net_input(&self, "c", BLOK_BOOL, "");
  net_input(&self, "x", BLOK_F32, "2");
  net_f32(&self, "w", "2", four);
  net_node(&self, "Add", "x,w", "unread");
  net_node(&self, "Relu", "x", "captured");
  blok_node_id node = net_node(&self, "If", "c", "y");
  static const char *const branches[] = {"then_branch", "else_branch"};
  for (int i = 0; i < 2; i++) {
    net_branch(&self, node, branches[i], "x,captured");
    net_node(&self, "Tanh", "captured", "idle");
    net_node(&self, "Tanh", "x", "r");
    net_output(&self, "r");
    net_leave(&self);
  }
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "If");
  ck_assert_uint_eq(self.work->graph->n_initializers, 0);
  ck_assert_uint_eq(blok_node_attr(net_maker(&self, "y"), "then_branch")->as.graphs->n_captures, 1);
  net_free(&self);
}
END_TEST

// ---- The driver ---------------------------------------------------------------------------------

static int stop_at_once(void *context, const char *what, uint64_t done, uint64_t total) {
  int *calls = context;
  ck_assert_ptr_nonnull(what);
  ck_assert_uint_lt(done, total);
  return ++*calls == 2;
}

START_TEST(working_graph__stops_when_the_callback_asks) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "2");
  net_node(&self, "Relu", "x", "y");
  net_output(&self, "y");
  int calls = 0;
  blok_pass_options options = net_options();
  options.progress = stop_at_once;
  options.progress_context = &calls;
  ck_assert_int_eq(blok_working_graph(self.module, &options, &self.work, NULL), BLOK_E_CANCELLED);
  ck_assert_ptr_null(self.work);
  ck_assert_int_eq(calls, 2);
  net_free(&self);
}
END_TEST

START_TEST(working_graph__takes_a_long_chain_of_blocks) {
  net self;
  net_make(&self, 12);
  net_input(&self, "x", BLOK_F32, "1,4");
  net_f32(&self, "w", "1,4", four);
  blok_value_id last = net_value(self.graph, "x");
  blok_value_id weight = net_value(self.graph, "w");
  static const char *const ops[] = {"Identity", "Add", "Relu", "Mul", "Identity", "Sigmoid"};
  for (int i = 0; i < 30000; i++) {
    const char *name = blok_arena_format(&self.module->arena, "v%d", i);
    blok_node_id node;
    bool two = ops[i % 6][0] == 'A' || ops[i % 6][0] == 'M';
    ck_assert_int_eq(blok_graph_add_node(self.graph, "", ops[i % 6], two ? 2 : 1, 1, &node, NULL),
                     BLOK_OK);
    blok_graph_set_input(self.graph, node, 0, last);
    if (two) blok_graph_set_input(self.graph, node, 1, weight);
    ck_assert_int_eq(blok_graph_add_value(self.graph, name, &last, NULL), BLOK_OK);
    blok_graph_set_output(self.graph, node, 0, last);
  }
  ck_assert_int_eq(blok_graph_add_output(self.graph, last, NULL, NULL), BLOK_OK);
  net_work(&self);
  ck_assert_uint_eq(self.work->graph->n_order, 20000);
  net_free(&self);
}
END_TEST

static blok_status make_working(void *context, const blok_allocator *allocator, blok_error *error) {
  const net *self = context;
  blok_pass_options options = net_options();
  blok_module *work = NULL;
  // The clone takes the allocator of its source.
  blok_module source = *self->module;
  source.allocator = *allocator;
  blok_status status = blok_working_graph(&source, &options, &work, error);
  if (status != BLOK_OK) ck_assert_ptr_null(work);
  blok_module_free(&work);
  return status;
}

START_TEST(working_graph__survives_every_failed_allocation) {
  net self;
  net_make(&self, 11);
  begin_function(&self, "Act", 11, "a", "b");
  net_node(&self, "Sigmoid", "a", "s");
  net_node(&self, "Mul", "a,s", "b");
  end_function(&self);
  net_input(&self, "x", BLOK_F32, "N,4,2");
  net_f32(&self, "w", "4", four);
  net_i64(&self, "one", "1", (int64_t[]){1});
  net_node(&self, "local:Act", "x", "a");
  net_node(&self, "Softmax", "a", "b");
  net_node(&self, "Identity", "b", "c");
  blok_node_id unsqueeze = net_node(&self, "Unsqueeze", "w", "v");
  net_ints(&self, unsqueeze, "axes", 1, (int64_t[]){1});
  net_node(&self, "Add", "c,v", "d");
  net_node(&self, "Equal", "one,one", "same");
  blok_node_id node = net_node(&self, "If", "same", "y");
  static const char *const branches[] = {"then_branch", "else_branch"};
  for (int i = 0; i < 2; i++) {
    net_branch(&self, node, branches[i], "d");
    net_node(&self, i ? "Relu" : "Tanh", "d", "r");
    net_output(&self, "r");
    net_leave(&self);
  }
  net_output(&self, "y");
  ck_assert_uint_gt(blok_fault_sweep(make_working, &self), 20);
  net_free(&self);
}
END_TEST

Suite *suite_passes(void);
Suite *suite_passes(void) {
  Suite *suite = suite_create("passes");
  TCase *functions = tcase_create("functions");
  tcase_add_test(functions, inline_functions__puts_bodies_of_nested_calls_in_place_of_calls);
  tcase_add_test(functions, inline_functions__binds_attributes_and_defaults);
  tcase_add_test(functions, inline_functions__reads_a_body_by_the_functions_own_operator_set);
  tcase_add_test(functions, inline_functions__leaves_out_what_the_call_leaves_out);
  tcase_add_test(functions, inline_functions__inlines_calls_inside_branches);
  tcase_add_test(functions, inline_functions__refuses_recursion_and_names_the_chain);
  tcase_add_test(functions, inline_functions__refuses_more_nodes_than_the_limit);
  suite_add_tcase(suite, functions);
  TCase *constants = tcase_create("constants");
  tcase_add_test(constants, constants__gives_the_name_of_an_identity_output_to_its_producer);
  tcase_add_test(constants, constants__keeps_an_identity_from_an_input_to_an_output);
  tcase_add_test(constants, constants__drops_identities_of_weights_and_dropout_at_inference);
  tcase_add_test(constants, constants__shares_the_bytes_of_a_constant_node);
  tcase_add_test(constants, densify__fills_positions_and_coordinates);
  tcase_add_test(constants, densify__refuses_an_index_out_of_range);
  suite_add_tcase(suite, constants);
  TCase *fold = tcase_create("fold");
  tcase_add_test(fold, fold__computes_nodes_of_constants);
  tcase_add_test(fold, fold__casts_a_constant_like_a_value_of_known_type);
  tcase_add_test(fold, fold__makes_an_output_of_constants_an_initializer_of_its_name);
  tcase_add_test(fold, fold__takes_the_branch_of_a_known_condition);
  tcase_add_test(fold, fold__leaves_an_open_condition_and_its_branches);
  tcase_add_test(fold, working_graph__refuses_a_branch_with_inputs);
  suite_add_tcase(suite, fold);
  TCase *simplify = tcase_create("simplify");
  tcase_add_test(simplify, simplify__makes_the_target_of_a_dynamic_reshape_a_constant);
  tcase_add_test(simplify, simplify__drops_what_is_proved_to_do_nothing);
  tcase_add_test(simplify, simplify__takes_an_operand_as_it_was_before_a_needless_expand);
  tcase_add_test(simplify, simplify__keeps_what_changes_shape_type_or_numbers);
  tcase_add_test(simplify, simplify__believes_no_declared_shape_of_what_only_the_run_knows);
  tcase_add_test(simplify, fold__believes_no_declared_shape_of_what_only_the_run_knows);
  tcase_add_test(simplify, sweep__drops_nodes_captures_and_initializers_that_nobody_reads);
  suite_add_tcase(suite, simplify);
  TCase *driver = tcase_create("driver");
  tcase_set_timeout(driver, 60);
  tcase_add_test(driver, working_graph__stops_when_the_callback_asks);
  tcase_add_test(driver, working_graph__takes_a_long_chain_of_blocks);
  tcase_add_test(driver, working_graph__survives_every_failed_allocation);
  suite_add_tcase(suite, driver);
  return suite;
}
