// Inference of one node: arity, dispatch, and the helpers that hooks build on. Types as text.
#include <check.h>
#include <string.h>

#include "graph/infer.h"
#include "net.h"

typedef struct call {
  blok_module *module;
  blok_arena arena;
  blok_fact facts[4], out[2];
  const blok_fact *in[4];
  blok_infer infer;
} call;

static call c;

static void setup(void) {
  memset(&c, 0, sizeof c);
  c.module = net_module();
  blok_arena_init(&c.arena, NULL);
}

static void teardown(void) {
  blok_arena_free(&c.arena);
  blok_module_free(&c.module);
}

static void use_node(const char *op_type, const char *inputs, const char *outputs) {
  blok_graph *g = c.module->graph;
  blok_node_id id = net_node(g, "n", op_type, inputs, outputs);
  const blok_node *node = blok_node_at(g, id);
  c.infer.graph = g;
  c.infer.node = node;
  c.infer.n_in = node->n_inputs;
  c.infer.n_out = node->n_outputs;
  c.infer.in = c.in;
  c.infer.out = c.out;
  c.infer.arena = &c.arena;
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    c.facts[i].rank = -1;
    c.in[i] = node->inputs[i].i ? &c.facts[i] : NULL;
  }
}

static void assert_fails(blok_status status, const char *message) {
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_infer_node(&c.infer, &error), status);
  ck_assert_str_eq(error.message, message);
}

START_TEST(infer__refuses_an_operator_that_it_does_not_know) {
  use_node("Fro\nb", "x", "y");
  assert_fails(BLOK_E_UNSUPPORTED, "node 'n': operator 'Fro\\x0ab' of domain '' is not known");
}
END_TEST

START_TEST(infer__checks_the_number_of_inputs_and_outputs) {
  use_node("Add", "x", "y");
  assert_fails(BLOK_E_SHAPE, "Add node 'n': has 1 inputs, the operator needs 2");
  use_node("Relu", "x", "y z");
  assert_fails(BLOK_E_SHAPE, "Relu node 'n': has 2 outputs, the operator needs 1");
  use_node("Conv", "a b c d", "y");
  assert_fails(BLOK_E_SHAPE, "Conv node 'n': has 4 inputs, the operator takes 2 to 3");
  use_node("Concat", "", "y");
  assert_fails(BLOK_E_SHAPE, "Concat node 'n': has 0 inputs, the operator needs 1 or more");
}
END_TEST

START_TEST(infer__refuses_a_needed_input_that_is_left_out) {
  use_node("Conv", "x -", "y");
  assert_fails(BLOK_E_SHAPE, "Conv node 'n': input 1 (W) is left out, and the operator needs it");
}
END_TEST

START_TEST(infer__runs_the_hook_of_the_operator) {
  use_node("Relu", "x", "y");
  const blok_dim dims[] = {{-1, "N"}, {3, NULL}};
  c.facts[0].kind = BLOK_TYPE_TENSOR;
  c.facts[0].dtype = BLOK_F32;
  c.facts[0].rank = 2;
  c.facts[0].dims = dims;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(blok_infer_node(&c.infer, &error) == BLOK_OK, "%s", error.message);
  ck_assert_int_eq(c.out[0].dtype, BLOK_F32);
  ck_assert_str_eq(blok_print_fact(&c.out[0]).text, "[N, 3]");
}
END_TEST

START_TEST(set__copies_dims_and_refuses_impossible_ones) {
  use_node("Relu", "x", "y");
  blok_dim dims[BLOK_MAX_RANK + 1] = {{2, "ignored"}, {-1, "N"}};
  ck_assert_int_eq(blok_infer_set(&c.infer, 0, BLOK_I64, 2, dims, NULL), BLOK_OK);
  dims[0].value = 9;
  ck_assert_int_eq(c.out[0].dims[0].value, 2);
  ck_assert_ptr_null(c.out[0].dims[0].symbol);
  ck_assert_str_eq(c.out[0].dims[1].symbol, "N");
  ck_assert_int_eq(blok_infer_set(&c.infer, 5, BLOK_I64, 2, dims, NULL), BLOK_OK);
  dims[0].value = -2;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_infer_set(&c.infer, 0, BLOK_I64, 1, dims, &error), BLOK_E_SHAPE);
  ck_assert_str_eq(error.message, "Relu node 'n': axis 0 of output 0 would have the size -2");
  ck_assert_int_eq(blok_infer_set(&c.infer, 0, BLOK_I64, BLOK_MAX_RANK + 1, dims, NULL),
                   BLOK_E_SHAPE);
}
END_TEST

START_TEST(ints__come_from_elements_or_the_whole_tensor) {
  use_node("Reshape", "x shape", "y");
  blok_element elements[] = {{true, 4, NULL}, {true, -1, NULL}};
  const blok_dim dim = {2, NULL};
  blok_fact *fact = &c.facts[1];
  fact->dtype = BLOK_I64;
  fact->rank = 1;
  fact->dims = &dim;
  int64_t values[2] = {0, 0};
  uint32_t n = 9;
  // The number of elements may be known when they are not.
  ck_assert(!blok_infer_ints(&c.infer, 1, values, 2, &n));
  ck_assert_uint_eq(n, 2);
  fact->elements = elements;
  fact->n_elements = 2;
  ck_assert(blok_infer_ints(&c.infer, 1, values, 2, &n));
  ck_assert(n == 2 && values[0] == 4 && values[1] == -1);
  ck_assert(!blok_infer_ints(&c.infer, 1, values, 1, &n));
  ck_assert_uint_eq(n, 2);
  elements[1].known = false;
  ck_assert(!blok_infer_ints(&c.infer, 1, values, 2, &n));

  int32_t data[] = {7, 8};
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = BLOK_I32;
  tensor.rank = 1;
  tensor.dims[0] = 2;
  tensor.data = data;
  fact->dtype = BLOK_I32;
  fact->tensor = &tensor;
  ck_assert(blok_infer_ints(&c.infer, 1, values, 2, &n));
  ck_assert(n == 2 && values[1] == 8);
  fact->dtype = BLOK_F32;
  ck_assert(!blok_infer_ints(&c.infer, 1, values, 2, &n));
  ck_assert(!blok_infer_ints(&c.infer, 3, values, 2, &n));
  ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(elements__are_dropped_when_there_are_too_many) {
  use_node("Relu", "x", "y");
  blok_element elements[BLOK_FACT_ELEMENTS + 1] = {{true, 1, NULL}};
  const blok_dim dim = {BLOK_FACT_ELEMENTS, NULL};
  ck_assert_int_eq(blok_infer_set(&c.infer, 0, BLOK_I64, 1, &dim, NULL), BLOK_OK);
  ck_assert_int_eq(blok_infer_set_elements(&c.infer, 0, elements, BLOK_FACT_ELEMENTS + 1, NULL),
                   BLOK_OK);
  ck_assert_ptr_null(c.out[0].elements);
  ck_assert_int_eq(blok_infer_set_elements(&c.infer, 0, elements, BLOK_FACT_ELEMENTS, NULL),
                   BLOK_OK);
  ck_assert_uint_eq(c.out[0].n_elements, BLOK_FACT_ELEMENTS);
}
END_TEST

START_TEST(fact__counts_elements_without_overflow) {
  blok_dim dims[3] = {{INT64_MAX, NULL}, {INT64_MAX, NULL}, {4, NULL}};
  blok_fact fact = {0};
  size_t count = 0;
  fact.rank = 3;
  fact.dims = dims;
  ck_assert(blok_fact_shaped(&fact));
  ck_assert(!blok_fact_count(&fact, &count));
  dims[0].value = 0;
  ck_assert(!blok_fact_count(&fact, &count) || count == 0);
  dims[1].value = -1;
  ck_assert(!blok_fact_shaped(&fact));
  ck_assert(!blok_fact_shaped(NULL));
}
END_TEST

START_TEST(print_fact__shows_symbols_escaped_and_stays_in_its_text) {
  blok_dim dims[BLOK_MAX_RANK];
  blok_fact fact = {0};
  fact.dims = dims;
  fact.rank = -1;
  ck_assert_str_eq(blok_print_fact(&fact).text, "?");
  ck_assert_str_eq(blok_print_fact(NULL).text, "?");
  fact.rank = 0;
  ck_assert_str_eq(blok_print_fact(&fact).text, "[]");
  for (int i = 0; i < BLOK_MAX_RANK; i++) dims[i] = (blok_dim){INT64_MAX, NULL};
  dims[0] = (blok_dim){-1, "a\nb"};
  dims[1] = (blok_dim){-1, NULL};
  fact.rank = BLOK_MAX_RANK;
  blok_dims_text text = blok_print_fact(&fact);
  ck_assert_uint_lt(strlen(text.text), sizeof text.text);
  ck_assert_mem_eq(text.text, "[a\\x0ab, ?, 9223372036854775807", 31);
  ck_assert_str_eq(text.text + strlen(text.text) - 4, "...]");
}
END_TEST

START_TEST(type_text__prints_nested_types_and_escapes_symbols) {
  const blok_dim dims[] = {{-1, "ba\x7ftch"}, {3, NULL}, {-1, NULL}};
  blok_type *tensor = blok_type_tensor(&c.arena, BLOK_F32, 3, dims);
  ck_assert_str_eq(blok_type_text(&c.arena, tensor), "float32[ba\\x7ftch, 3, ?]");
  blok_type sequence = {0}, map = {0}, none = {0};
  sequence.kind = BLOK_TYPE_SEQUENCE;
  sequence.element = &map;
  map.kind = BLOK_TYPE_MAP;
  map.key_dtype = BLOK_STRING;
  map.element = tensor;
  ck_assert_str_eq(blok_type_text(&c.arena, &sequence),
                   "sequence(map(string, float32[ba\\x7ftch, 3, ?]))");
  sequence.element = NULL;
  ck_assert_str_eq(blok_type_text(&c.arena, &sequence), "sequence(?)");
  tensor->has_shape = false;
  ck_assert_str_eq(blok_type_text(&c.arena, tensor), "float32");
  ck_assert_str_eq(blok_type_text(&c.arena, &none), "?");
}
END_TEST

START_TEST(type__nests_as_deep_as_a_file_does) {
  enum { DEPTH = 200000 };
  blok_type *chain = blok_arena_array(&c.arena, DEPTH, sizeof *chain);
  for (int i = 0; i < DEPTH; i++) {
    chain[i].kind = BLOK_TYPE_SEQUENCE;
    chain[i].element = i + 1 < DEPTH ? &chain[i + 1] : NULL;
  }
  ck_assert_uint_lt(strlen(blok_type_text(&c.arena, chain)), 600);
  ck_assert_ptr_nonnull(blok_type_copy(&c.arena, chain, true));
}
END_TEST

START_TEST(type_copy__takes_notes_only_when_asked) {
  blok_dim dim = {-1, "N"};
  blok_dim_notes dim_notes = {"DATA_BATCH", false, 0, {(const uint8_t *)"u", 1}};
  blok_type *type = blok_type_tensor(&c.arena, BLOK_F32, 1, &dim);
  type->dim_notes = &dim_notes;
  type->denotation = "IMAGE";
  type->unknown_shape = (blok_bytes){(const uint8_t *)"s", 1};
  const blok_type *full = blok_type_copy(&c.arena, type, true);
  const blok_type *bare = blok_type_copy(&c.arena, type, false);
  ck_assert_str_eq(full->dim_notes[0].denotation, "DATA_BATCH");
  ck_assert_mem_eq(full->unknown_shape.data, "s", 1);
  ck_assert_str_eq(full->denotation, "IMAGE");
  ck_assert_ptr_null(bare->dim_notes);
  ck_assert_ptr_null(bare->denotation);
  ck_assert_ptr_null(bare->unknown_shape.data);
  ck_assert(blok_dim_same(full->dims[0], bare->dims[0]));
  ck_assert(!blok_dim_same(full->dims[0], blok_dim_of(1)));
  ck_assert(!blok_dim_same(blok_dim_unknown(), blok_dim_unknown()));
}
END_TEST

Suite *suite_infer(void) {
  Suite *suite = suite_create("infer");
  TCase *tests = tcase_create("infer");
  tcase_set_timeout(tests, 60);
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, infer__refuses_an_operator_that_it_does_not_know);
  tcase_add_test(tests, infer__checks_the_number_of_inputs_and_outputs);
  tcase_add_test(tests, infer__refuses_a_needed_input_that_is_left_out);
  tcase_add_test(tests, infer__runs_the_hook_of_the_operator);
  tcase_add_test(tests, set__copies_dims_and_refuses_impossible_ones);
  tcase_add_test(tests, ints__come_from_elements_or_the_whole_tensor);
  tcase_add_test(tests, elements__are_dropped_when_there_are_too_many);
  tcase_add_test(tests, fact__counts_elements_without_overflow);
  tcase_add_test(tests, print_fact__shows_symbols_escaped_and_stays_in_its_text);
  tcase_add_test(tests, type_text__prints_nested_types_and_escapes_symbols);
  tcase_add_test(tests, type__nests_as_deep_as_a_file_does);
  tcase_add_test(tests, type_copy__takes_notes_only_when_asked);
  suite_add_tcase(suite, tests);
  return suite;
}
