// Whole-graph inference: shapes, symbols and numbers through chains of nodes, declared types.
#include <check.h>
#include <string.h>

#include "net.h"
#include "passes/facts.h"
#include "support/tensors.h"

// Shape(x)[0] and a number become a Reshape's target, as exporters of a dynamic batch write it.
static void shape_chain(net *self) {
  net_make(self, 17);
  net_input(self, "x", BLOK_F32, "N,4,2,3");
  net_i64(self, "zero", "", (int64_t[]){0});
  net_i64(self, "axes", "1", (int64_t[]){0});
  net_i64(self, "rest", "1", (int64_t[]){24});
  net_node(self, "Shape", "x", "shape");
  net_node(self, "Gather", "shape,zero", "batch");
  net_node(self, "Unsqueeze", "batch,axes", "first");
  net_node(self, "Concat", "first,rest", "target");
  net_int(self, self->graph->order[3], "axis", 0);
  net_node(self, "Reshape", "x,target", "y");
  net_output(self, "y");
}

static blok_fact concrete(blok_arena *arena, uint32_t rank, const int64_t *dims) {
  blok_tensor tensor = BLOK_TENSOR_INIT;
  blok_fact fact;
  tensor.dtype = BLOK_F32;
  tensor.rank = rank;
  for (uint32_t i = 0; i < rank; i++) tensor.dims[i] = dims[i];
  ck_assert_int_eq(blok_fact_of_tensor(arena, &tensor, &fact, NULL), BLOK_OK);
  return fact;
}

static blok_status facts_of(const net *self, const blok_fact *inputs, blok_facts **out,
                            blok_error *error) {
  blok_facts_options options = {.inputs = inputs};
  return blok_facts_compute(self->graph, &options, NULL, out, error);
}

START_TEST(facts__carry_the_symbol_of_a_dynamic_batch_through_a_shape_chain) {
  net self;
  shape_chain(&self);
  blok_facts *facts = NULL;
  ck_assert_int_eq(facts_of(&self, NULL, &facts, NULL), BLOK_OK);
  const blok_fact *y = &facts->of[net_value(self.graph, "y").i];
  ck_assert_str_eq(blok_print_fact(y).text, "[N, 24]");
  blok_facts_free(&facts);
  ck_assert_ptr_null(facts);
  net_free(&self);
}
END_TEST

START_TEST(facts__make_a_shape_chain_numbers_once_the_input_is_known) {
  net self;
  shape_chain(&self);
  blok_facts *facts = NULL;
  blok_arena arena;
  blok_arena_init(&arena, NULL);
  blok_fact input = concrete(&arena, 4, (int64_t[]){5, 4, 2, 3});
  ck_assert_int_eq(facts_of(&self, &input, &facts, NULL), BLOK_OK);
  ck_assert_str_eq(blok_print_fact(&facts->of[net_value(self.graph, "y").i]).text, "[5, 24]");
  const blok_tensor *target = facts->of[net_value(self.graph, "target").i].tensor;
  ck_assert_ptr_nonnull(target);
  ck_assert_int_eq(((const int64_t *)target->data)[0], 5);
  blok_facts_free(&facts);
  blok_arena_free(&arena);
  net_free(&self);
}
END_TEST

START_TEST(facts__compute_through_floats_as_exporters_of_resize_do) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "1,3,10,7");
  net_f32(&self, "two", "", (float[]){2});
  blok_node_id cast = net_node(&self, "Shape", "x", "shape");
  cast = net_node(&self, "Cast", "shape", "floats");
  net_int(&self, cast, "to", BLOK_F32);
  net_node(&self, "Div", "floats,two", "halves");
  net_node(&self, "Ceil", "halves", "up");
  cast = net_node(&self, "Cast", "up", "y");
  net_int(&self, cast, "to", BLOK_I64);
  net_output(&self, "y");
  blok_facts *facts = NULL;
  ck_assert_int_eq(facts_of(&self, NULL, &facts, NULL), BLOK_OK);
  const blok_fact *y = &facts->of[net_value(self.graph, "y").i];
  ck_assert_uint_eq(y->n_elements, 4);
  ck_assert_int_eq(y->elements[2].value, 5);
  ck_assert_int_eq(y->elements[3].value, 4);
  blok_facts_free(&facts);
  net_free(&self);
}
END_TEST

START_TEST(facts__refuse_one_symbol_bound_to_two_numbers) {
  net self;
  net_make(&self, 17);
  net_input(&self, "a", BLOK_F32, "N,2");
  net_input(&self, "b", BLOK_F32, "N,3");
  net_node(&self, "Relu", "a", "y");
  net_output(&self, "y");
  blok_facts *facts = NULL;
  blok_error error = BLOK_ERROR_INIT;
  blok_arena arena;
  blok_arena_init(&arena, NULL);
  blok_fact inputs[2] = {concrete(&arena, 2, (int64_t[]){4, 2}),
                         concrete(&arena, 2, (int64_t[]){5, 3})};
  ck_assert_int_eq(facts_of(&self, inputs, &facts, &error), BLOK_E_SHAPE);
  ck_assert_ptr_null(facts);
  ck_assert_str_eq(error.message, "input 'b': axis 'N' is 5 here but 4 in input 'a'");
  blok_arena_free(&arena);
  net_free(&self);
}
END_TEST

START_TEST(facts__refuse_an_input_of_another_shape_or_type) {
  net self;
  net_make(&self, 17);
  net_input(&self, "a", BLOK_F32, "N,2");
  net_node(&self, "Relu", "a", "y");
  net_output(&self, "y");
  blok_facts *facts = NULL;
  blok_error error = BLOK_ERROR_INIT;
  blok_arena arena;
  blok_arena_init(&arena, NULL);
  blok_fact input = concrete(&arena, 2, (int64_t[]){4, 3});
  ck_assert_int_eq(facts_of(&self, &input, &facts, &error), BLOK_E_SHAPE);
  ck_assert_str_eq(error.message, "input 'a' has shape [4, 3] where the model wants [N, 2]");
  input = concrete(&arena, 2, (int64_t[]){4, 2});
  input.dtype = BLOK_F64;
  blok_error second = BLOK_ERROR_INIT;
  ck_assert_int_eq(facts_of(&self, &input, &facts, &second), BLOK_E_SHAPE);
  ck_assert_str_eq(second.message, "input 'a' is float64 where the model wants float32");
  blok_arena_free(&arena);
  net_free(&self);
}
END_TEST

START_TEST(facts__refuse_a_declared_shape_that_inference_contradicts) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "N,3");
  net_type(&self, "y", BLOK_F32, "N,4");
  net_node(&self, "Relu", "x", "y");
  net_output(&self, "y");
  blok_facts *facts = NULL;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(facts_of(&self, NULL, &facts, &error), BLOK_E_SHAPE);
  ck_assert_str_eq(error.message, "value 'y' has shape [N, 3], but [N, 4] is declared for it");
  net_free(&self);
}
END_TEST

START_TEST(facts__fill_open_axes_from_the_declared_type) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "?,3");
  net_type(&self, "y", BLOK_F32, "M,3");
  net_node(&self, "Relu", "x", "y");
  net_output(&self, "y");
  blok_facts *facts = NULL;
  ck_assert_int_eq(facts_of(&self, NULL, &facts, NULL), BLOK_OK);
  ck_assert_str_eq(blok_print_fact(&facts->of[net_value(self.graph, "y").i]).text, "[M, 3]");
  blok_facts_free(&facts);
  net_free(&self);
}
END_TEST

START_TEST(facts__prefer_given_shapes_to_numbers_left_from_export) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "N,3");
  net_type(&self, "y", BLOK_F32, "1,3");
  net_node(&self, "Relu", "x", "y");
  net_output(&self, "y");
  blok_facts *facts = NULL;
  blok_arena arena;
  blok_arena_init(&arena, NULL);
  blok_fact input = concrete(&arena, 2, (int64_t[]){4, 3});
  ck_assert_int_eq(facts_of(&self, &input, &facts, NULL), BLOK_OK);
  ck_assert_str_eq(blok_print_fact(&facts->of[net_value(self.graph, "y").i]).text, "[4, 3]");
  blok_facts_free(&facts);
  blok_arena_free(&arena);
  net_free(&self);
}
END_TEST

START_TEST(facts__leave_the_outputs_of_an_impossible_branch_unknown) {
  net self;
  net_make(&self, 17);
  net_input(&self, "c", BLOK_BOOL, "");
  net_input(&self, "x", BLOK_F32, "1,3");
  blok_node_id node = net_node(&self, "If", "c", "y");
  net_branch(&self, node, "then_branch", "x");
  net_i64(&self, "axes", "1", (int64_t[]){1});
  net_node(&self, "Squeeze", "x,axes", "t");
  net_output(&self, "t");
  net_leave(&self);
  net_branch(&self, node, "else_branch", "x");
  net_node(&self, "Relu", "x", "e");
  net_output(&self, "e");
  net_leave(&self);
  net_output(&self, "y");
  blok_facts *facts = NULL;
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = facts_of(&self, NULL, &facts, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  ck_assert(!blok_fact_shaped(&facts->of[net_value(self.graph, "y").i]));
  blok_facts_free(&facts);
  net_free(&self);
}
END_TEST

START_TEST(facts__refuse_a_value_of_more_elements_than_the_limit) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "4294967296,4294967296");
  net_node(&self, "Relu", "x", "y");
  net_output(&self, "y");
  blok_facts *facts = NULL;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(facts_of(&self, NULL, &facts, &error), BLOK_E_LIMIT);
  ck_assert_ptr_nonnull(strstr(error.message, "value 'x' of shape [4294967296, 4294967296]"));
  net_free(&self);
}
END_TEST

START_TEST(facts_node__infers_one_node_from_the_facts_of_its_inputs) {
  net self;
  net_make(&self, 28);
  blok_node_id node = net_node(&self, "Reshape", "x,s", "y");
  blok_arena arena;
  blok_arena_init(&arena, NULL);
  blok_fact x = concrete(&arena, 2, (int64_t[]){2, 6});
  int64_t shape[2] = {3, -1};
  blok_tensor tensor = blok_test_tensor(BLOK_I64, shape, sizeof shape, 1, 2);
  blok_fact target, out;
  ck_assert_int_eq(blok_fact_of_tensor(&arena, &tensor, &target, NULL), BLOK_OK);
  const blok_fact *in[2] = {&x, &target};
  ck_assert_int_eq(blok_facts_node(self.graph, node, in, &out, &arena, NULL), BLOK_OK);
  ck_assert_str_eq(blok_print_fact(&out).text, "[3, 4]");
  blok_arena_free(&arena);
  net_free(&self);
}
END_TEST

Suite *suite_facts(void);
Suite *suite_facts(void) {
  Suite *suite = suite_create("facts");
  TCase *all = tcase_create("facts");
  tcase_add_test(all, facts__carry_the_symbol_of_a_dynamic_batch_through_a_shape_chain);
  tcase_add_test(all, facts__make_a_shape_chain_numbers_once_the_input_is_known);
  tcase_add_test(all, facts__compute_through_floats_as_exporters_of_resize_do);
  tcase_add_test(all, facts__refuse_one_symbol_bound_to_two_numbers);
  tcase_add_test(all, facts__refuse_an_input_of_another_shape_or_type);
  tcase_add_test(all, facts__refuse_a_declared_shape_that_inference_contradicts);
  tcase_add_test(all, facts__fill_open_axes_from_the_declared_type);
  tcase_add_test(all, facts__prefer_given_shapes_to_numbers_left_from_export);
  tcase_add_test(all, facts__leave_the_outputs_of_an_impossible_branch_unknown);
  tcase_add_test(all, facts__refuse_a_value_of_more_elements_than_the_limit);
  tcase_add_test(all, facts_node__infers_one_node_from_the_facts_of_its_inputs);
  suite_add_tcase(suite, all);
  return suite;
}
