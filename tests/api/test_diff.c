// Two models compared by structure: what plays no part, what is found, and how it is told.
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "onnx_text.h"
#include "stored.h"
#include "support/fault.h"
#include "support/folder.h"

Suite *suite_diff(void);

#define LINES(...) \
  (const char *const[]) { __VA_ARGS__, NULL }

static blok_diff *diff_of(const blok_model *a, const blok_model *b,
                          const blok_diff_options *options) {
  blok_diff *diff = NULL;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(blok_model_diff(a, b, options, &diff, &error) == BLOK_OK, "%s", error.message);
  ck_assert_ptr_nonnull(diff);
  return diff;
}

static void free_all(blok_diff **diff, blok_model **a, blok_model **b) {
  blok_diff_free(diff);
  blok_model_free(a);
  blok_model_free(b);
}

// Both ways round: what is equal is equal whoever is asked first.
static void assert_equal(blok_model *a, blok_model *b) {
  for (int turn = 0; turn < 2; turn++) {
    blok_diff *diff = turn ? diff_of(b, a, NULL) : diff_of(a, b, NULL);
    blok_difference first = BLOK_DIFFERENCE_INIT;
    const bool any = blok_diff_at(diff, 0, &first) == BLOK_OK;
    ck_assert_msg(blok_diff_count(diff) == 0, "%s", any ? first.text : "");
    ck_assert(!any);
    blok_diff_free(&diff);
  }
  blok_model_free(&a);
  blok_model_free(&b);
}

// n differences, of which the first is of kind and its text.
static void assert_first(blok_model *a, blok_model *b, size_t n, blok_difference_kind kind,
                         const char *text) {
  blok_diff *diff = diff_of(a, b, NULL), *back = diff_of(b, a, NULL);
  blok_difference first = BLOK_DIFFERENCE_INIT;
  ck_assert_int_eq(blok_diff_at(diff, 0, &first), BLOK_OK);
  ck_assert_str_eq(first.text, text);
  ck_assert_int_eq(first.kind, kind);
  ck_assert_uint_eq(blok_diff_count(diff), n);
  ck_assert_uint_eq(blok_diff_count(back), n);
  blok_diff_free(&back);
  free_all(&diff, &a, &b);
}

static blok_model *residual(void) {
  return blok_test_onnx(LINES("input x 1 2 4 4", "output y 1 2 4 4", "weight w1 2 2 1 1 : 1 2 3 4",
                              "weight w2 2 2 1 1 : 5 6 7 8", "weight b 2 : 0.5 nan",
                              "Conv c1: x w1 b = a", "Relu r: a = r", "Conv c2: r w2 = c",
                              "Add z: c x = y"));
}

// ---- What plays no part -------------------------------------------------------------------------

START_TEST(diff__does_not_look_at_names) {
  assert_equal(
      residual(),
      blok_test_onnx(LINES("input in 1 2 4 4", "output out 1 2 4 4", "weight k 2 2 1 1 : 1 2 3 4",
                           "weight l 2 2 1 1 : 5 6 7 8", "weight m 2 : 0.5 nan", "Conv: in k m = 1",
                           "Relu: 1 = 2", "Conv: 2 l = 3", "Add: 3 in = out")));
}
END_TEST

START_TEST(diff__does_not_look_at_the_order_of_nodes_and_weights) {
  assert_equal(residual(),
               blok_test_onnx(LINES("input x 1 2 4 4", "output y 1 2 4 4", "weight b 2 : 0.5 nan",
                                    "Add z: c x = y", "Conv c2: r w2 = c", "Relu r: a = r",
                                    "Conv c1: x w1 b = a", "weight w2 2 2 1 1 : 5 6 7 8",
                                    "weight w1 2 2 1 1 : 1 2 3 4")));
}
END_TEST

START_TEST(diff__does_not_look_at_the_order_of_what_commutes) {
  assert_equal(residual(),
               blok_test_onnx(LINES("input x 1 2 4 4", "output y 1 2 4 4",
                                    "weight w1 2 2 1 1 : 1 2 3 4", "weight w2 2 2 1 1 : 5 6 7 8",
                                    "weight b 2 : 0.5 nan", "Conv c1: x w1 b = a", "Relu r: a = r",
                                    "Conv c2: r w2 = c", "Add z: x c = y")));
}
END_TEST

// Only their weights tell the branches apart.
START_TEST(diff__tells_equal_branches_apart_by_their_weights) {
  assert_equal(blok_test_onnx(LINES("input x 1", "output y 1", "weight v 1 : 1", "weight w 1 : 2",
                                    "Sub a: x v = a", "Sub b: x w = b", "Mul m: a b = y")),
               blok_test_onnx(LINES("input x 1", "output y 1", "weight v 1 : 1", "weight w 1 : 2",
                                    "Sub b: x w = b", "Sub a: x v = a", "Mul m: b a = y")));
}
END_TEST

START_TEST(diff__does_not_look_at_how_weights_are_stored) {
  assert_equal(residual(),
               blok_test_onnx(LINES("input x 1 2 4 4", "output y 1 2 4 4",
                                    "typed w1 2 2 1 1 : 1 2 3 4", "typed w2 2 2 1 1 : 5 6 7 8",
                                    "typed b 2 : 0.5 nan", "Conv c1: x w1 b = a", "Relu r: a = r",
                                    "Conv c2: r w2 = c", "Add z: c x = y")));
  assert_equal(
      blok_test_onnx(LINES("input x 2", "output y 2", "weight b 2 : 0.5 1.5", "Add z: x b = y")),
      blok_test_onnx(
          LINES("input x 2", "output y 2", "Constant k: = b tensor=0.5,1.5", "Add z: x b = y")));
  assert_equal(
      blok_test_onnx(LINES("input x 2", "output y 2", "weight b 2 : 0.5 nan", "Add z: x b = y")),
      blok_test_onnx(LINES("input x 2", "output y 2", "typed b 2 : 0.5 nan", "Add z: x b = y")));
}
END_TEST

START_TEST(diff__counts_defaults_as_left_out) {
  assert_equal(
      blok_test_onnx(LINES("input x 1 2 4 4", "output y", "weight w 2 2 1 1 : 1 2 3 4",
                           "Conv c: x w = a", "LeakyRelu r: a = y")),
      blok_test_onnx(LINES("input x 1 2 4 4", "output y", "weight w 2 2 1 1 : 1 2 3 4",
                           "Conv c: x w - = a strides=1,1 pads=0,0,0,0 dilations=1,1 group=1 "
                           "auto_pad=NOTSET kernel_shape=1,1",
                           "LeakyRelu r: a = y alpha=0.01")));
}
END_TEST

START_TEST(diff__lets_symbols_stand_for_each_other) {
  assert_equal(
      blok_test_onnx(LINES("input x N 3 M", "output y N 3 M", "Relu r: x = y")),
      blok_test_onnx(LINES("input x batch 3 width", "output y batch 3 width", "Relu r: x = y")));
  assert_first(blok_test_onnx(LINES("input x N 3 M", "output y", "Relu r: x = y")),
               blok_test_onnx(LINES("input x K 3 K", "output y", "Relu r: x = y")), 1,
               BLOK_DIFF_INPUTS, "input 0 ('x') is float32[N, 3, M] in A, float32[K, 3, K] in B");
}
END_TEST

START_TEST(diff__does_not_look_at_nodes_that_no_output_needs) {
  assert_equal(blok_test_onnx(LINES("input x 1", "output y 1", "Relu r: x = y")),
               blok_test_onnx(LINES("input x 1", "output y 1", "Relu r: x = y", "Abs d: y = dead",
                                    "weight w 1 : 1")));
}
END_TEST

START_TEST(diff__calls_functions_by_no_name) {
  assert_equal(blok_test_onnx(LINES("input x 1", "output y 1", "function f: a = c", "Relu r: a = b",
                                    "Abs s: b = c", "end", "f! one: x = m", "f! two: m = y")),
               blok_test_onnx(LINES("input x 1", "output y 1", "function g: p = q", "Relu: p = o",
                                    "Abs: o = q", "end", "g!: x = m", "g!: m = y")));
}
END_TEST

START_TEST(diff__finds_a_file_equal_to_itself_saved_anew) {
  static const char *const names[] = {"guide_seres_dynamo", "function_blocks",  "if_captures",
                                      "sparse_initializer", "unknown_operator", "typed_data",
                                      "annotated",          "late_shapes",      "unsorted_nodes"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    for (int at = BLOK_WEIGHTS_INLINE; at <= BLOK_WEIGHTS_EXTERNAL; at++) {
      blok_test_folder folder;
      blok_save_options options = BLOK_SAVE_OPTIONS_INIT;
      blok_error error = BLOK_ERROR_INIT;
      blok_model *again = NULL, *model = blok_test_open(names[i]);
      char path[600];
      blok_test_folder_make(&folder);
      snprintf(path, sizeof path, "%s/model.onnx", folder.path);
      options.weights = (blok_weights_at)at;
      ck_assert_msg(blok_model_save(model, path, &options, &error) == BLOK_OK, "%s", error.message);
      ck_assert_int_eq(blok_model_open(path, NULL, &again, &error), BLOK_OK);
      assert_equal(model, again);
      blok_test_folder_remove(&folder);
    }
  }
}
END_TEST

// ---- What is found ------------------------------------------------------------------------------

START_TEST(diff__names_an_attribute_with_both_values) {
  assert_first(blok_test_onnx(LINES("input x 1 2 4 4", "output y", "weight w 2 2 1 1 : 1 2 3 4",
                                    "Conv c: x w = y strides=2,2")),
               blok_test_onnx(LINES("input x 1 2 4 4", "output y", "weight w 2 2 1 1 : 1 2 3 4",
                                    "Conv d: x w = y strides=1,2")),
               1, BLOK_DIFF_ATTRIBUTE,
               "Conv node 'c': attribute strides is [2, 2] in A, [1, 2] in B");
  assert_first(blok_test_onnx(LINES("input x 1", "output y", "LeakyRelu c: x = y alpha=0.5")),
               blok_test_onnx(LINES("input x 1", "output y", "LeakyRelu c: x = y")), 1,
               BLOK_DIFF_ATTRIBUTE, "LeakyRelu node 'c': attribute alpha is 0.5 in A, B has none");
}
END_TEST

static blok_model *weighted(const char *weight) {
  return blok_test_onnx(LINES("input x 3", "output y 3", weight, "Add z: x w = y"));
}

START_TEST(diff__measures_weights) {
  assert_first(weighted("weight w 3 : 1 2 3"), weighted("weight w 3 : 1 2.5 2"), 1,
               BLOK_DIFF_WEIGHT,
               "constant 'w', input 1 of Add node 'z': 2 of 3 elements differ, by 1 at most");
  assert_first(weighted("weight w 3 : 1 2 3"), weighted("weight w 1 3 : 1 2 3"), 1,
               BLOK_DIFF_WEIGHT,
               "constant 'w', input 1 of Add node 'z': shape is [3] in A, [1, 3] in B");
  assert_first(weighted("weight w 3 : 1 2 3"), weighted("ints w : 1 2 3"), 1, BLOK_DIFF_WEIGHT,
               "constant 'w', input 1 of Add node 'z': type is float32 in A, int64 in B");
  assert_first(weighted("weight w 3 : 1 2 0"), weighted("weight w 3 : 1 2 -0"), 1, BLOK_DIFF_WEIGHT,
               "constant 'w', input 1 of Add node 'z': 1 of 3 elements differ in bits, though not "
               "as numbers");
}
END_TEST

START_TEST(diff__says_how_far_weights_are_apart) {
  blok_model *a = weighted("weight w 3 : 1 2 3"), *b = weighted("weight w 3 : 1 2.25 nan");
  blok_diff *diff = diff_of(a, b, NULL);
  blok_difference first = BLOK_DIFFERENCE_INIT;
  ck_assert_int_eq(blok_diff_at(diff, 0, &first), BLOK_OK);
  ck_assert(isinf(first.max_abs));
  ck_assert_str_eq(first.node_a, "z");
  ck_assert_str_eq(first.node_b, "z");
  free_all(&diff, &a, &b);
}
END_TEST

START_TEST(diff__lets_weights_differ_within_the_tolerance) {
  blok_diff_options options = BLOK_DIFF_OPTIONS_INIT;
  blok_model *a = weighted("weight w 3 : 1 2 3"), *b = weighted("weight w 3 : 1 2.25 3");
  options.tolerance = 0.25;
  blok_diff *diff = diff_of(a, b, &options);
  ck_assert_uint_eq(blok_diff_count(diff), 0);
  blok_diff_free(&diff);
  options.tolerance = 0.2;
  diff = diff_of(a, b, &options);
  ck_assert_uint_eq(blok_diff_count(diff), 1);
  free_all(&diff, &a, &b);
}
END_TEST

START_TEST(diff__goes_on_behind_nodes_that_one_model_has_alone) {
  blok_model *more =
      blok_test_onnx(LINES("input x 1", "output y", "weight w 1 : 1", "Abs a: x = a",
                           "Neg n: a = n", "Sin s: n = s", "Sub b: s w = b", "Relu r: b = y"));
  blok_model *less = blok_test_onnx(LINES("input x 1", "output y", "weight w 1 : 2", "Abs a: x = a",
                                          "Sub b: a w = b", "Relu r: b = y"));
  blok_diff *diff = diff_of(more, less, NULL);
  blok_difference at = BLOK_DIFFERENCE_INIT;
  ck_assert_uint_eq(blok_diff_count(diff), 2);
  ck_assert_int_eq(blok_diff_at(diff, 0, &at), BLOK_OK);
  ck_assert_str_eq(
      at.text,
      "A has 2 nodes more before input 0 of Sub node 'b': Sin, Neg; the last is Sin node 's'");
  ck_assert_int_eq(at.kind, BLOK_DIFF_NODE);
  ck_assert_str_eq(at.node_b, "");
  ck_assert_int_eq(blok_diff_at(diff, 1, &at), BLOK_OK);
  ck_assert_int_eq(at.kind, BLOK_DIFF_WEIGHT);
  ck_assert_int_eq(blok_diff_at(diff, 2, &at), BLOK_E_NOT_FOUND);
  free_all(&diff, &more, &less);
}
END_TEST

START_TEST(diff__names_an_operator_in_the_place_of_another) {
  assert_first(blok_test_onnx(
                   LINES("input x 1", "output y", "Abs a: x = a", "Relu r: a = b", "Neg n: b = y")),
               blok_test_onnx(LINES("input x 1", "output y", "Abs a: x = a", "Sigmoid s: a = b",
                                    "Neg n: b = y")),
               1, BLOK_DIFF_NODE, "Relu node 'r' of A is Sigmoid node 's' in B");
}
END_TEST

START_TEST(diff__finds_an_input_from_another_place) {
  assert_first(blok_test_onnx(LINES("input a 1", "input b 1", "output y", "Sub s: a b = y")),
               blok_test_onnx(LINES("input a 1", "input b 1", "output y", "Sub s: b a = y")), 2,
               BLOK_DIFF_WIRING,
               "input 0 of Sub node 's' comes from input 'a' in A, from input 'b' in B");
  assert_first(
      blok_test_onnx(LINES("input x 1 1 2", "output y", "weight w 1 1 1 : 1", "weight b 1 : 1",
                           "Conv c: x w b = y")),
      blok_test_onnx(LINES("input x 1 1 2", "output y", "weight w 1 1 1 : 1", "Conv c: x w = y")),
      1, BLOK_DIFF_WIRING, "input 2 of Conv node 'c' is left out in B, and is constant 'b' in A");
}
END_TEST

START_TEST(diff__finds_what_is_shared_in_one_model_alone) {
  blok_model *shared =
      blok_test_onnx(LINES("input x 1", "output y", "Relu r: x = r", "Sub s: r r = y"));
  blok_model *twice = blok_test_onnx(
      LINES("input x 1", "output y", "Relu r: x = r", "Relu q: x = q", "Sub s: r q = y"));
  assert_first(shared, twice, 1, BLOK_DIFF_WIRING,
               "input 1 of Sub node 's' comes from Relu node 'r' in A, from Relu node 'q' in B");
}
END_TEST

START_TEST(diff__compares_inputs_outputs_and_operator_sets) {
  assert_first(blok_test_onnx(LINES("input x 1 3", "output y", "Relu r: x = y")),
               blok_test_onnx(LINES("input x 1 4", "output y", "Relu r: x = y")), 1,
               BLOK_DIFF_INPUTS, "input 0 ('x') is float32[1, 3] in A, float32[1, 4] in B");
  assert_first(blok_test_onnx(LINES("input x 1", "output y", "Relu r: x = y")),
               blok_test_onnx(LINES("input x 1", "input z 1", "output y", "Relu r: x = y")), 1,
               BLOK_DIFF_INPUTS, "A has 1 inputs, B has 2");
  assert_first(
      blok_test_onnx(LINES("input x 1", "output y", "Relu r: x = y")),
      blok_test_onnx(LINES("input x 1", "output y", "output z", "Relu r: x = y", "Abs a: x = z")),
      1, BLOK_DIFF_OUTPUTS, "A has 1 outputs, B has 2");
  assert_first(blok_test_onnx(LINES("input x 1", "output y 1", "Relu r: x = y")),
               blok_test_onnx(LINES("input x 1", "output y 2", "Relu r: x = y")), 1,
               BLOK_DIFF_OUTPUTS, "output 0 ('y') is float32[1] in A, float32[2] in B");
  assert_first(blok_test_onnx(LINES("opset 13", "input x 1", "output y", "Relu r: x = y")),
               blok_test_onnx(LINES("opset 14", "input x 1", "output y", "Relu r: x = y")), 1,
               BLOK_DIFF_OPSET, "operator set of ai.onnx is 13 in A, 14 in B");
}
END_TEST

START_TEST(diff__looks_into_functions_once) {
  assert_first(blok_test_onnx(LINES("input x 1", "output y 1", "function f: a = c", "Relu r: a = b",
                                    "Abs s: b = c", "end", "f! one: x = m", "f! two: m = y")),
               blok_test_onnx(LINES("input x 1", "output y 1", "function f: a = c", "Relu r: a = b",
                                    "Neg s: b = c", "end", "f! one: x = m", "f! two: m = y")),
               1, BLOK_DIFF_NODE, "function 'f': Abs node 's' of A is Neg node 's' in B");
}
END_TEST

START_TEST(diff__lists_differences_in_execution_order_as_many_as_wanted) {
  blok_model *a = blok_test_onnx(LINES("input x 1", "output y", "weight v 1 : 1", "weight w 1 : 1",
                                       "Sub a: x v = a", "Div b: a w = y"));
  blok_model *b = blok_test_onnx(LINES("input x 1", "output y", "weight v 1 : 2", "weight w 1 : 2",
                                       "Sub a: x v = a", "Div b: a w = y"));
  blok_diff_options options = BLOK_DIFF_OPTIONS_INIT;
  blok_difference at = BLOK_DIFFERENCE_INIT;
  options.most = 1;
  blok_diff *diff = diff_of(a, b, &options);
  ck_assert_uint_eq(blok_diff_count(diff), 2);
  ck_assert_int_eq(blok_diff_at(diff, 0, &at), BLOK_OK);
  ck_assert_str_eq(at.node_a, "a");
  ck_assert_int_eq(blok_diff_at(diff, 1, &at), BLOK_E_NOT_FOUND);
  free_all(&diff, &a, &b);
}
END_TEST

// ---- Working graphs -----------------------------------------------------------------------------

START_TEST(diff__of_working_graphs_sees_through_functions_versions_and_noise) {
  blok_model *a = blok_test_onnx(LINES("opset 11", "input x 1 4", "output y", "function f: a = c",
                                       "Relu r: a = c", "end", "Squeeze q: x = s axes=0,",
                                       "Identity i: s = t", "f! one: t = y"));
  blok_model *b = blok_test_onnx(LINES("opset 17", "input x 1 4", "output y", "ints axes : 0",
                                       "Squeeze q: x axes = s", "Relu r: s = y"));
  blok_diff_options options = BLOK_DIFF_OPTIONS_INIT;
  blok_diff *diff = diff_of(a, b, &options);
  ck_assert_uint_gt(blok_diff_count(diff), 1);
  blok_diff_free(&diff);
  options.working = true;
  diff = diff_of(a, b, &options);
  ck_assert_uint_eq(blok_diff_count(diff), 0);
  free_all(&diff, &a, &b);
}
END_TEST

START_TEST(diff__of_working_graphs_needs_runnable_models) {
  blok_model *model = blok_test_open("unknown_operator");
  blok_diff_options options = BLOK_DIFF_OPTIONS_INIT;
  blok_error error = BLOK_ERROR_INIT;
  blok_diff *diff = NULL;
  options.working = true;
  blok_test_fails(blok_model_diff(model, model, &options, &diff, &error), BLOK_E_UNSUPPORTED,
                  &error, "cannot run", NULL);
  ck_assert_ptr_null(diff);
  blok_model_free(&model);
}
END_TEST

// ---- Hostile models -----------------------------------------------------------------------------

START_TEST(diff__walks_chains_that_are_very_long) {
  enum { NODES = 20000 };
  assert_equal(blok_test_onnx_chain("Relu", NODES, false),
               blok_test_onnx_chain("Relu", NODES, true));
  assert_first(blok_test_onnx_chain("Relu", NODES, false), blok_test_onnx_chain("Abs", 1, false), 1,
               BLOK_DIFF_WIRING, "output 0 comes from Relu node 'y' in A, from Abs node 'y' in B");
}
END_TEST

START_TEST(diff__compares_operators_that_nobody_knows) {
  assert_equal(blok_test_onnx(LINES("input x 1", "output y", "Frobnicate f: x = y level=3")),
               blok_test_onnx(LINES("input x 1", "output y", "Frobnicate f: x = y level=3")));
  assert_first(blok_test_onnx(LINES("input x 1", "output y", "Frobnicate f: x = y level=3")),
               blok_test_onnx(LINES("input x 1", "output y", "Frobnicate f: x = y level=4")), 1,
               BLOK_DIFF_ATTRIBUTE, "Frobnicate node 'f': attribute level is 3 in A, 4 in B");
}
END_TEST

// ---- Failures -----------------------------------------------------------------------------------

START_TEST(diff__refuses_what_it_cannot_take) {
  blok_model *model = residual();
  blok_diff_options options = BLOK_DIFF_OPTIONS_INIT;
  blok_error error = BLOK_ERROR_INIT;
  blok_diff *diff = NULL;
  blok_difference at = BLOK_DIFFERENCE_INIT;
  blok_test_fails(blok_model_diff(model, model, NULL, NULL, &error), BLOK_E_ARGUMENT, &error,
                  "out is NULL", NULL);
  blok_test_fails(blok_model_diff(NULL, model, NULL, &diff, &error), BLOK_E_ARGUMENT, &error,
                  "a is NULL", NULL);
  blok_test_fails(blok_model_diff(model, NULL, NULL, &diff, &error), BLOK_E_ARGUMENT, &error,
                  "b is NULL", NULL);
  options.tolerance = -1;
  blok_test_fails(blok_model_diff(model, model, &options, &diff, &error), BLOK_E_ARGUMENT, &error,
                  "tolerance", "-1", NULL);
  options = (blok_diff_options){0};
  blok_test_fails(blok_model_diff(model, model, &options, &diff, &error), BLOK_E_ARGUMENT, &error,
                  "_INIT", NULL);
  ck_assert_ptr_null(diff);
  ck_assert_uint_eq(blok_diff_count(NULL), 0);
  ck_assert_int_eq(blok_diff_at(NULL, 0, &at), BLOK_E_ARGUMENT);
  blok_diff_free(&diff);
  blok_diff_free(NULL);
  blok_model_free(&model);
}
END_TEST

static blok_status diff_once(void *context, const blok_allocator *allocator, blok_error *error) {
  (void)context;
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  blok_model *a = NULL, *b = NULL;
  blok_diff *diff = NULL;
  options.allocator = allocator;
  blok_status status = blok_model_open(blok_test_model("conv_norm_relu"), &options, &a, error);
  if (status == BLOK_OK) {
    status = blok_model_open(blok_test_model("if_captures"), &options, &b, error);
  }
  if (status == BLOK_OK) {
    status = blok_model_diff(a, b, NULL, &diff, error);
    ck_assert(status == BLOK_OK || !diff);
  }
  free_all(&diff, &a, &b);
  return status;
}

START_TEST(diff__leaves_nothing_behind_when_memory_runs_out) {
  ck_assert_uint_gt(blok_fault_sweep(diff_once, NULL), 20);
}
END_TEST

Suite *suite_diff(void) {
  Suite *suite = suite_create("diff");
  TCase *tests = tcase_create("diff");
  tcase_set_tags(tests, "one_thread");
  tcase_add_test(tests, diff__does_not_look_at_names);
  tcase_add_test(tests, diff__does_not_look_at_the_order_of_nodes_and_weights);
  tcase_add_test(tests, diff__does_not_look_at_the_order_of_what_commutes);
  tcase_add_test(tests, diff__tells_equal_branches_apart_by_their_weights);
  tcase_add_test(tests, diff__does_not_look_at_how_weights_are_stored);
  tcase_add_test(tests, diff__counts_defaults_as_left_out);
  tcase_add_test(tests, diff__lets_symbols_stand_for_each_other);
  tcase_add_test(tests, diff__does_not_look_at_nodes_that_no_output_needs);
  tcase_add_test(tests, diff__calls_functions_by_no_name);
  tcase_add_test(tests, diff__finds_a_file_equal_to_itself_saved_anew);
  tcase_add_test(tests, diff__names_an_attribute_with_both_values);
  tcase_add_test(tests, diff__measures_weights);
  tcase_add_test(tests, diff__says_how_far_weights_are_apart);
  tcase_add_test(tests, diff__lets_weights_differ_within_the_tolerance);
  tcase_add_test(tests, diff__goes_on_behind_nodes_that_one_model_has_alone);
  tcase_add_test(tests, diff__names_an_operator_in_the_place_of_another);
  tcase_add_test(tests, diff__finds_an_input_from_another_place);
  tcase_add_test(tests, diff__finds_what_is_shared_in_one_model_alone);
  tcase_add_test(tests, diff__compares_inputs_outputs_and_operator_sets);
  tcase_add_test(tests, diff__looks_into_functions_once);
  tcase_add_test(tests, diff__lists_differences_in_execution_order_as_many_as_wanted);
  tcase_add_test(tests, diff__of_working_graphs_sees_through_functions_versions_and_noise);
  tcase_add_test(tests, diff__of_working_graphs_needs_runnable_models);
  tcase_add_test(tests, diff__walks_chains_that_are_very_long);
  tcase_add_test(tests, diff__compares_operators_that_nobody_knows);
  tcase_add_test(tests, diff__refuses_what_it_cannot_take);
  tcase_add_test(tests, diff__leaves_nothing_behind_when_memory_runs_out);
  suite_add_tcase(suite, tests);
  return suite;
}
