// Blocks written as model-local functions, and matched again through them.
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "again.h"
#include "blocks/functions.h"
#include "passes/passes.h"
#include "support/fault.h"

Suite *suite_functions(void);

#define OK(call)                                                       \
  do {                                                                 \
    blok_error ok_error = BLOK_ERROR_INIT;                             \
    blok_error *error = &ok_error;                                     \
    ck_assert_msg((call) == BLOK_OK, "%s: %s", #call, error->message); \
  } while (0)

// ---- Setting up ---------------------------------------------------------------------------------

// A module with an input x [2, channels, 8, 8] that imports operator set 17.
static blok_graph *begin(int64_t channels) {
  blok_module *module = net_module();
  blok_opset *opset = blok_arena_zero(&module->arena, sizeof *opset);
  ck_assert_ptr_nonnull(opset);
  *opset = (blok_opset){.domain = "", .version = 17, .has_version = true};
  module->opsets = opset;
  module->n_opsets = 1;
  module->has_ir_version = true;
  module->ir_version = 4;
  net_input(module->graph, "x", 2, channels, 8, 8);
  return module->graph;
}

// x to y through two convolutions, each with a norm, and an addition; names begin with name.
static void residual(blok_graph *g, const char *name, const char *x, const char *y,
                     int64_t channels) {
  char v[8][64], line[160];
  static const char *const parts[] = {"conv1", "bn1", "r1", "conv2", "bn2", "sum", "c1", "c2"};
  for (int i = 0; i < 8; i++) snprintf(v[i], sizeof v[i], "%s.%s", name, parts[i]);
  net_conv(g, v[0], x, v[6], net_k(channels, channels, 3, 1));
  snprintf(line, sizeof line, "%s.o", v[1]);
  net_norm(g, v[1], v[6], line, channels);
  net_node(g, "Relu", line, v[2]);
  net_conv(g, v[3], v[2], v[7], net_k(channels, channels, 3, 1));
  snprintf(line, sizeof line, "%s.o", v[4]);
  net_norm(g, v[4], v[7], line, channels);
  snprintf(line, sizeof line, "%s.o %s", v[4], x);
  net_node(g, "Add", line, v[5]);
  net_node(g, "Relu", v[5], y);
}

typedef struct made {
  blok_module *source;
  net_found found;   // on source
  blok_module *out;  // with functions
  net_found again;   // on out
  blok_functions_report report;
} made;

static net_found match(const blok_module *source) {
  blok_module *working = NULL;
  const blok_pass_options options = {.limits = blok_limits_resolve(NULL)};
  OK(blok_working_graph(source, &options, &working, error));
  return net_match(working);
}

static made finish(blok_graph *g) {
  made it = {.source = g->module};
  again_noise(g->module);
  it.found = match(it.source);
  OK(blok_blocks_to_functions(it.source, it.found.module, it.found.overlay, &it.out, &it.report,
                              error));
  ck_assert_ptr_nonnull(it.out);
  it.again = match(it.out);
  return it;
}

static void end(made *it) {
  net_free(&it->found);
  net_free(&it->again);
  blok_module_free(&it->source);
  blok_module_free(&it->out);
}

// The blocks of both, one by one, by descriptor, name, place and count.
static void assert_same_blocks(const made *it) {
  const blok_overlay *a = it->found.overlay, *b = it->again.overlay;
  ck_assert_uint_eq(a->n_blocks, b->n_blocks);
  for (uint32_t i = 0; i < a->n_blocks; i++) {
    ck_assert(again_same(&a->blocks[i], &b->blocks[i]));
    ck_assert_str_eq(a->blocks[i].name, b->blocks[i].name);
    ck_assert_int_eq(a->blocks[i].parent, b->blocks[i].parent);
    ck_assert_uint_eq(a->blocks[i].parameters, b->blocks[i].parameters);
  }
}

static void assert_same_results(const made *it) {
  size_t n = 0, m = 0;
  float *a = again_run(&it->found, &n), *b = again_run(&it->again, &m);
  ck_assert_uint_eq(n, m);
  ck_assert_mem_eq(a, b, n * sizeof *a);
  free(a);
  free(b);
}

static const blok_function *function(const made *it, const char *name) {
  uint32_t f = 0;
  while (f < it->out->n_functions && strcmp(it->out->functions[f].name, name) != 0) f++;
  ck_assert_msg(f < it->out->n_functions, "there is no function %s", name);
  return &it->out->functions[f];
}

static uint32_t count_ops(const blok_graph *graph, const char *op_type) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    n += strcmp(blok_node_at(graph, graph->order[i])->op_type, op_type) == 0;
  }
  return n;
}

// ---- Equal blocks -------------------------------------------------------------------------------

static blok_graph *two_residuals(void) {
  blok_graph *g = begin(16);
  residual(g, "layer1.0", "x", "m", 16);
  residual(g, "layer1.1", "m", "y", 16);
  net_output(g, "y");
  return g;
}

START_TEST(functions__are_one_for_equal_blocks) {
  made it = finish(two_residuals());
  const blok_graph *main_graph = it.out->graph;
  ck_assert_uint_eq(it.report.calls, 6);
  ck_assert_uint_eq(it.report.kept, 0);
  // A convolution with norm and activation, one without activation, and the residual.
  ck_assert_uint_eq(it.report.functions, 3);
  ck_assert_uint_eq(it.out->n_functions, 3);
  ck_assert_uint_eq(main_graph->n_order, 2);
  ck_assert_uint_eq(count_ops(main_graph, "residual"), 2);
  ck_assert_str_eq(blok_node_at(main_graph, main_graph->order[0])->name, "layer1.0");
  ck_assert_str_eq(blok_node_at(main_graph, main_graph->order[1])->name, "layer1.1");
  ck_assert_uint_eq(function(&it, "residual")->n_inputs, 11);
  assert_same_blocks(&it);
  assert_same_results(&it);
  end(&it);
}
END_TEST

START_TEST(functions__call_the_blocks_inside_by_their_own_names) {
  made it = finish(two_residuals());
  const blok_graph *body = function(&it, "residual")->body;
  static const char *const names[] = {"conv1", "conv2", "Add", "Relu"};
  ck_assert_uint_eq(body->n_order, 4);
  for (uint32_t i = 0; i < 4; i++) {
    ck_assert_str_eq(blok_node_at(body, body->order[i])->name, names[i]);
  }
  ck_assert_str_eq(blok_node_at(body, body->order[0])->op_type, "conv_norm_act");
  ck_assert_str_eq(blok_node_at(body, body->order[1])->op_type, "conv_norm_act_2");
  ck_assert_str_eq(blok_node_at(body, body->order[0])->domain, BLOK_FUNCTIONS_DOMAIN);
  ck_assert_str_eq(body->module->functions[0].inputs[0], "x");
  end(&it);
}
END_TEST

START_TEST(functions__say_what_their_blocks_have_in_common) {
  blok_graph *g = begin(16);
  residual(g, "layer1.0", "x", "m", 16);
  net_conv(g, "wider", "m", "w", net_k(16, 32, 1, 1));
  residual(g, "layer2.0", "w", "y", 32);
  net_output(g, "y");
  made it = finish(g);
  // One function all the same: how wide a block is stands in its weights.
  ck_assert_uint_eq(count_ops(it.out->graph, "residual"), 2);
  ck_assert_str_eq(function(&it, "residual")->notes->doc,
                   "residual, post-activation, 3x3, identity, relu after the addition");
  ck_assert_str_eq(function(&it, "conv_norm_act_2")->notes->doc, "conv_norm_act, 3x3, batch");
  assert_same_blocks(&it);
  end(&it);
}
END_TEST

START_TEST(functions__differ_where_an_attribute_does) {
  blok_graph *g = begin(16);
  net_conv(g, "a", "x", "ac", net_k(16, 16, 3, 1));
  net_node(g, "Relu", "ac", "ar");
  net_conv(g, "b", "ar", "bc", net_k(16, 16, 3, 2));
  net_node(g, "Relu", "bc", "y");
  net_output(g, "y");
  made it = finish(g);
  ck_assert_uint_eq(it.report.functions, 2);
  ck_assert_str_eq(function(&it, "conv_norm_act")->notes->doc, "conv_norm_act, 3x3, 16 > 16, relu");
  ck_assert_str_eq(function(&it, "conv_norm_act_2")->notes->doc,
                   "conv_norm_act, 3x3 /2, 16 > 16, relu");
  assert_same_blocks(&it);
  end(&it);
}
END_TEST

START_TEST(functions__import_what_their_nodes_are_of) {
  made it = finish(two_residuals());
  ck_assert_int_eq(it.out->ir_version, 8);
  ck_assert_int_eq(blok_module_opset(it.out, BLOK_FUNCTIONS_DOMAIN), 1);
  ck_assert_int_eq(blok_module_opset(it.out, ""), 17);
  const blok_function *inner = function(&it, "conv_norm_act");
  const blok_function *outer = function(&it, "residual");
  ck_assert_uint_eq(inner->n_opsets, 1);
  ck_assert_int_eq(inner->opsets[0].version, 17);
  ck_assert_uint_eq(outer->n_opsets, 2);
  end(&it);
}
END_TEST

// ---- Constants ----------------------------------------------------------------------------------

// Two convolutions, each with a Clip behind it.
static blok_graph *two_clips(const char *second) {
  blok_graph *g = begin(16);
  net_number(g, "low", 0);
  net_number(g, "six", 6);
  net_number(g, "other", 5);
  net_conv(g, "a", "x", "ac", net_k(16, 16, 3, 1));
  net_node(g, "Clip", "ac low six", "ar");
  net_conv(g, "b", "ar", "bc", net_k(16, 16, 3, 1));
  char line[64];
  snprintf(line, sizeof line, "bc low %s", second);
  net_node(g, "Clip", line, "y");
  net_output(g, "y");
  return g;
}

START_TEST(functions__have_small_constants_inside_that_all_calls_share) {
  made it = finish(two_clips("six"));
  const blok_function *shared = function(&it, "conv_norm_act");
  ck_assert_uint_eq(it.report.functions, 1);
  ck_assert_uint_eq(shared->n_inputs, 2);
  ck_assert_uint_eq(count_ops(shared->body, "Constant"), 2);
  // Nobody reads them outside any more; what nobody read before stays.
  ck_assert_uint_eq(it.out->graph->n_initializers, 3);
  assert_same_blocks(&it);
  assert_same_results(&it);
  end(&it);
}
END_TEST

START_TEST(functions__take_small_constants_that_differ) {
  made it = finish(two_clips("other"));
  const blok_function *shared = function(&it, "conv_norm_act");
  ck_assert_uint_eq(it.report.functions, 1);
  ck_assert_uint_eq(shared->n_inputs, 3);
  ck_assert_str_eq(shared->inputs[2], "Clip.max");
  ck_assert_uint_eq(count_ops(shared->body, "Constant"), 1);
  assert_same_blocks(&it);
  assert_same_results(&it);
  end(&it);
}
END_TEST

START_TEST(functions__leave_constants_outside_that_a_caller_may_replace) {
  blok_graph *g = two_clips("six");
  OK(blok_graph_add_input(g, net_value(g, "six"), NULL, error));
  made it = finish(g);
  for (uint32_t f = 0; f < it.out->n_functions; f++) {
    ck_assert_uint_le(count_ops(it.out->functions[f].body, "Constant"), 1);
  }
  ck_assert_ptr_nonnull(blok_value_at(it.out->graph, net_value(it.out->graph, "six"))->literal);
  end(&it);
}
END_TEST

// ---- What belongs to a block --------------------------------------------------------------------

START_TEST(functions__hold_what_only_their_block_reads) {
  blok_graph *g = begin(16);
  net_conv(g, "a", "x", "ac", net_k(16, 16, 3, 1));
  net_node(g, "Identity", "ac", "noise");
  net_node(g, "Relu", "noise", "y");
  net_output(g, "y");
  made it = finish(g);
  ck_assert_uint_eq(it.out->graph->n_order, 1);
  ck_assert_uint_eq(count_ops(function(&it, "conv_norm_act")->body, "Identity"), 1);
  assert_same_blocks(&it);
  end(&it);
}
END_TEST

START_TEST(functions__leave_copies_of_weights_outside) {
  blok_graph *g = begin(16);
  const int64_t dims[4] = {16, 16, 1, 1};
  net_weight(g, "w.weight", 4, dims);
  net_node(g, "Identity", "w.weight", "copy");
  net_node(g, "Conv", "x w.weight", "a");
  net_node(g, "Relu", "a", "b");
  net_node(g, "Conv", "b copy", "c");
  net_node(g, "Relu", "c", "y");
  net_output(g, "y");
  made it = finish(g);
  ck_assert_uint_eq(it.report.functions, 1);
  ck_assert_uint_eq(it.report.calls, 2);
  ck_assert_uint_eq(count_ops(it.out->graph, "Identity"), 1);
  assert_same_blocks(&it);
  end(&it);
}
END_TEST

START_TEST(functions__keep_a_block_whose_inner_value_is_an_output) {
  blok_graph *g = begin(16);
  net_conv(g, "a", "x", "ac", net_k(16, 16, 3, 1));
  net_node(g, "Shape", "ac", "size");  // folded away before blocks are looked for
  net_node(g, "Relu", "ac", "y");
  net_output(g, "y");
  net_output(g, "size");
  made it = finish(g);
  ck_assert_uint_eq(it.found.overlay->n_blocks, 1);
  ck_assert_uint_eq(it.report.calls, 0);
  ck_assert_uint_eq(it.report.kept, 1);
  ck_assert_uint_eq(it.out->n_functions, 0);
  ck_assert_uint_eq(it.out->graph->n_order, 3);
  ck_assert_int_eq(it.out->ir_version, 4);
  assert_same_blocks(&it);
  end(&it);
}
END_TEST

START_TEST(functions__of_a_squeeze_excite_stand_inside_its_block) {
  blok_graph *g = begin(16);
  net_post(g, 16, 1);
  net_se(g, "b.se", "f", "s", 16, 4);
  net_node(g, "Add", "s x", "sum");
  net_node(g, "Relu", "sum", "y");
  net_output(g, "y");
  made it = finish(g);
  ck_assert_uint_eq(it.out->graph->n_order, 1);
  ck_assert_uint_eq(count_ops(function(&it, "residual")->body, "squeeze_excite"), 1);
  ck_assert_str_eq(function(&it, "squeeze_excite")->notes->doc,
                   "squeeze_excite, 16 > 4 > 16, relu, sigmoid");
  assert_same_blocks(&it);
  assert_same_results(&it);
  end(&it);
}
END_TEST

// ---- Functions that are there already -----------------------------------------------------------

START_TEST(functions__are_not_made_twice) {
  made first = finish(two_residuals());
  blok_module *out = NULL;
  blok_functions_report report = {0, 0, 0};
  OK(blok_blocks_to_functions(first.out, first.again.module, first.again.overlay, &out, &report,
                              error));
  ck_assert_uint_eq(report.functions, 0);
  ck_assert_uint_eq(report.kept, 0);
  ck_assert_uint_eq(out->n_functions, 3);
  ck_assert_uint_eq(out->n_opsets, 2);
  ck_assert_uint_eq(out->graph->n_order, 2);
  blok_module_free(&out);
  end(&first);
}
END_TEST

// A block around calls of functions: its body calls them.
START_TEST(functions__call_those_that_the_file_has) {
  made inner = finish(two_residuals());
  // The first function's calls are kept as they are, the residual's is taken apart by hand.
  blok_module *module = NULL;
  OK(blok_module_clone(inner.out, false, true, &module, error));
  blok_graph *g = module->graph;
  const blok_node *call = blok_node_at(g, g->order[1]);
  blok_value_id y = net_value(g, "y");
  blok_value_id weights[10];
  ck_assert_uint_eq(call->n_inputs, 11);
  memcpy(weights, call->inputs + 1, sizeof weights);
  const blok_value_id x = call->inputs[0];
  blok_graph_remove_node(g, g->order[1]);
  blok_graph_sweep(g);
  for (int i = 0; i < 2; i++) {
    blok_node_id id;
    OK(blok_graph_add_node(g, BLOK_FUNCTIONS_DOMAIN, i ? "conv_norm_act_2" : "conv_norm_act", 6, 1,
                           &id, error));
    blok_graph_set_input(g, id, 0, i ? net_value(g, "f1") : x);
    for (uint32_t k = 0; k < 5; k++) {
      blok_graph_set_input(g, id, k + 1, weights[5 * i + (int)k]);
    }
    blok_graph_set_output(g, id, 0, net_value(g, i ? "f2" : "f1"));
  }
  blok_node_id add = net_node(g, "Add", "f2 m", "sum"), relu;
  blok_graph_set_input(g, add, 1, x);
  OK(blok_graph_add_node(g, NULL, "Relu", 1, 1, &relu, error));
  blok_graph_set_input(g, relu, 0, net_value(g, "sum"));
  blok_graph_set_output(g, relu, 0, y);
  made it = {.source = module};
  it.found = match(module);
  OK(blok_blocks_to_functions(it.source, it.found.module, it.found.overlay, &it.out, &it.report,
                              error));
  it.again = match(it.out);
  ck_assert_uint_eq(it.report.functions, 1);
  const blok_function *outer = function(&it, "residual_2");
  ck_assert_uint_eq(outer->body->n_order, 4);
  ck_assert_uint_eq(count_ops(outer->body, "conv_norm_act"), 1);
  ck_assert_uint_eq(it.again.overlay->n_blocks, it.found.overlay->n_blocks);
  assert_same_results(&it);
  end(&it);
  end(&inner);
}
END_TEST

// ---- Failures -----------------------------------------------------------------------------------

static blok_status convert_once(void *context, const blok_allocator *allocator, blok_error *error) {
  const made *it = context;
  blok_module *out = NULL, copy = *it->source;
  copy.allocator = *allocator;
  const blok_status status =
      blok_blocks_to_functions(&copy, it->found.module, it->found.overlay, &out, NULL, error);
  ck_assert(status == BLOK_OK || !out);
  blok_module_free(&out);
  return status;
}

START_TEST(functions__leave_nothing_behind_when_memory_runs_out) {
  made it = finish(two_clips("other"));
  ck_assert_uint_gt(blok_fault_sweep(convert_once, &it), 5);
  end(&it);
}
END_TEST

Suite *suite_functions(void) {
  Suite *suite = suite_create("functions");
  TCase *tests = tcase_create("functions");
  tcase_add_test(tests, functions__are_one_for_equal_blocks);
  tcase_add_test(tests, functions__call_the_blocks_inside_by_their_own_names);
  tcase_add_test(tests, functions__say_what_their_blocks_have_in_common);
  tcase_add_test(tests, functions__differ_where_an_attribute_does);
  tcase_add_test(tests, functions__import_what_their_nodes_are_of);
  tcase_add_test(tests, functions__have_small_constants_inside_that_all_calls_share);
  tcase_add_test(tests, functions__take_small_constants_that_differ);
  tcase_add_test(tests, functions__leave_constants_outside_that_a_caller_may_replace);
  tcase_add_test(tests, functions__hold_what_only_their_block_reads);
  tcase_add_test(tests, functions__leave_copies_of_weights_outside);
  tcase_add_test(tests, functions__keep_a_block_whose_inner_value_is_an_output);
  tcase_add_test(tests, functions__of_a_squeeze_excite_stand_inside_its_block);
  tcase_add_test(tests, functions__are_not_made_twice);
  tcase_add_test(tests, functions__call_those_that_the_file_has);
  tcase_add_test(tests, functions__leave_nothing_behind_when_memory_runs_out);
  suite_add_tcase(suite, tests);
  return suite;
}
