// gate: each form of attention that is no squeeze-excite, and what must not become one.
#include <check.h>
#include <string.h>

#include "nets/net.h"

static void write_constants(blok_graph *g) {
  static const struct {
    const char *name;
    int rank;
    int64_t dims[4];
  } weights[] = {
      {"k16", 4, {16, 16, 1, 1}}, {"k1", 4, {4, 16, 1, 1}},   {"k2", 4, {16, 4, 1, 1}},
      {"row", 3, {1, 1, 3}},      {"mask", 4, {1, 16, 1, 1}}, {"wide", 4, {1, 2, 7, 7}},
      {"c16", 4, {1, 16, 1, 1}},  {"ch", 4, {1, 1, 1, 16}},   {"half", 4, {4, 16, 1, 1}},
  };
  static const struct {
    const char *name;
    int64_t n, ints[4];
  } lists[] = {
      {"both", 2, {2, 3}},
      {"rows", 2, {1, 2}},
      {"channel", 1, {1}},
      {"last", 1, {-1}},
      {"one", 1, {1}},
      {"two", 1, {2}},
      {"three", 1, {3}},
      {"line", 3, {0, 1, 16}},
      {"pixels", 3, {0, 16, 64}},
      {"scores", 3, {0, 1, 64}},
      {"gates", 4, {0, 16, 1, 1}},
      {"halves", 2, {8, 8}},
  };
  for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
    net_weight(g, weights[i].name, weights[i].rank, weights[i].dims);
  }
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
    net_ints(g, lists[i].name, lists[i].ints, lists[i].n);
  }
  net_number(g, "eps", 1e-6f);
}

static net_found match_lines(const char *const *lines, const char *output) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", -1, 16, 8, 8);
  net_input(g, "nhwc", -1, 8, 8, 16);
  write_constants(g);
  net_lines(g, lines);
  net_output(g, "y");
  if (output) net_output(g, output);
  return net_match(module);
}

typedef struct form {
  blok_gate_form form;
  bool spatial, adds;
  blok_activation activation;
  const char *lines[18];
} form;

static const form forms[] = {
    {BLOK_GATE_ECA,
     false,
     false,
     BLOK_ACT_SIGMOID,
     {"ReduceMean keepdims=0: x both = p", "Reshape: p line = l", "Conv pads=1,1: l row = c",
      "Sigmoid: c = s", "Reshape: s gates = g", "Shape: x = xs", "Expand: g xs = e",
      "Mul: x e = y"}},
    {BLOK_GATE_ECA,
     false,
     false,
     BLOK_ACT_SIGMOID,
     {"GlobalAveragePool: x = p", "Squeeze: p last = q", "Transpose perm=0,2,1: q = l",
      "Conv pads=1,1: l row = c", "Transpose perm=0,2,1: c = t", "Unsqueeze: t last = u",
      "Sigmoid: u = g", "Mul: g x = y"}},
    {BLOK_GATE_EFFECTIVE_SE,
     false,
     false,
     BLOK_ACT_HARD_SIGMOID,
     {"GlobalAveragePool: x = p", "Conv: p k16 = c", "HardSigmoid: c = g", "Mul: x g = y"}},
    {BLOK_GATE_GLOBAL_CONTEXT,
     false,
     true,
     BLOK_ACT_NONE,
     {"Conv: x mask = m", "Reshape: m scores = f", "Softmax axis=2: f = w",
      "Unsqueeze: w three = v", "Reshape: x pixels = r", "Unsqueeze: r one = q", "MatMul: q v = k",
      "Reshape: k gates = z", "Conv: z k1 = h", "Relu: h = a", "Conv: a k2 = g", "Add: x g = y"}},
    {BLOK_GATE_GLOBAL_CONTEXT,
     false,
     false,
     BLOK_ACT_SIGMOID,
     {"Conv: x mask = m", "Reshape: m scores = f", "Softmax axis=2: f = w",
      "Unsqueeze: w three = v", "Reshape: x pixels = r", "Unsqueeze: r one = q", "MatMul: q v = k",
      "Reshape: k gates = z", "Conv: z k1 = h", "Relu: h = a", "Conv: a k2 = b", "Sigmoid: b = g",
      "Mul: x g = y"}},
    {BLOK_GATE_CBAM_CHANNEL,
     false,
     false,
     BLOK_ACT_SIGMOID,
     {"GlobalAveragePool: x = p", "Conv: p k1 = h", "Relu: h = a", "Conv: a k2 = b",
      "ReduceMax: x both = p2", "Conv: p2 k1 = h2", "Relu: h2 = a2", "Conv: a2 k2 = b2",
      "Add: b b2 = s", "Sigmoid: s = g", "Mul: x g = y"}},
    {BLOK_GATE_CBAM_SPATIAL,
     true,
     false,
     BLOK_ACT_SIGMOID,
     {"ReduceMean: x channel = p", "ReduceMax: x channel = q", "Concat axis=1: p q = c",
      "Conv pads=3,3,3,3: c wide = s", "Sigmoid: s = g", "Mul: x g = y"}},
    {BLOK_GATE_GRN,
     false,
     false,
     BLOK_ACT_NONE,
     {"ReduceL2: x both = l", "ReduceMean: l channel = m", "Add: m eps = d", "Div: l d = n",
      "Mul: x n = p", "Mul: c16 p = s", "Add: c16 s = b", "Add: x b = y"}},
    {BLOK_GATE_GRN,
     false,
     false,
     BLOK_ACT_NONE,
     {"ReduceL2: nhwc rows = l", "ReduceMean: l last = m", "Add: m eps = d", "Div: l d = n",
      "Mul: nhwc n = p", "Mul: ch p = s", "Add: s ch = b", "Add: b nhwc = y"}},
    // a maximum instead of the mean
    {BLOK_GATE_OTHER,
     false,
     false,
     BLOK_ACT_SIGMOID,
     {"ReduceMax: x both = p", "Conv: p k1 = h", "Relu: h = a", "Conv: a k2 = b", "Sigmoid: b = g",
      "Mul: x g = y"}},
    // coordinate attention: two gates that share their first half
    {BLOK_GATE_OTHER,
     false,
     false,
     BLOK_ACT_SIGMOID,
     {"ReduceMean: x three = h", "ReduceMean: x two = w", "Transpose perm=0,1,3,2: w = v",
      "Concat axis=2: h v = c", "Conv: c half = d", "Relu: d = a", "Split axis=2: a halves = b e",
      "Conv: b k2 = i", "Sigmoid: i = j", "Transpose perm=0,1,3,2: e = f", "Conv: f k2 = k",
      "Sigmoid: k = l", "Mul: x j = m", "Mul: m l = y"}},
};

#define FORMS (sizeof forms / sizeof forms[0])

START_TEST(gate_match__names_every_form) {
  for (size_t i = 0; i < FORMS; i++) {
    net_found found = match_lines(forms[i].lines, NULL);
    ck_assert_msg(net_count(&found, BLOK_GATE) == 1, "form %zu (%s): %u gates", i,
                  blok_gate_form_name(forms[i].form), net_count(&found, BLOK_GATE));
    const blok_block_record *block = net_block(&found, BLOK_GATE);
    ck_assert_msg(block->gate->form == forms[i].form, "form %zu is %s", i,
                  blok_gate_form_name(block->gate->form));
    ck_assert_int_eq(block->gate->channels, 16);
    ck_assert_int_eq(block->gate->spatial, forms[i].spatial);
    ck_assert_int_eq(block->gate->adds, forms[i].adds);
    ck_assert_int_eq(block->gate->activation, forms[i].activation);
    ck_assert_uint_eq(block->n_members, found.module->graph->n_order);
    ck_assert_uint_eq(block->n_region, block->n_members);
    ck_assert(blok_same_value(block->exit, net_value(found.module->graph, "y")));
    ck_assert(blok_same_value(block->region_out, block->exit));
    ck_assert_uint_eq(net_count(&found, BLOK_SQUEEZE_EXCITE), 0);
    ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 0);
    net_free(&found);
  }
}
END_TEST

START_TEST(gate_match__refused_when_any_inner_value_is_output) {
  for (size_t i = 0; i < FORMS; i++) {
    for (int l = 0; forms[i].lines[l + 1]; l++) {
      const char *inner = strrchr(forms[i].lines[l], ' ') + 1;
      net_found found = match_lines(forms[i].lines, inner);
      ck_assert_msg(net_count(&found, BLOK_GATE) == 0, "form %zu with %s as an output", i, inner);
      net_free(&found);
    }
  }
}
END_TEST

static void assert_none(const char *const *lines, const char *condition) {
  net_found found = match_lines(lines, NULL);
  ck_assert_msg(net_count(&found, BLOK_GATE) == 0, "%s ... is taken", lines[0]);
  bool said = false;
  for (uint32_t i = 0; condition && i < found.overlay->n_misses; i++) {
    const blok_near_miss *miss = &found.overlay->misses[i];
    said = said || (miss->kind == BLOK_GATE && strcmp(miss->condition, condition) == 0);
  }
  ck_assert_msg(said || !condition, "%s ...: nothing is said of %s", lines[0], condition);
  net_free(&found);
}

START_TEST(gate_match__refused_when_the_gate_is_read_elsewhere) {
  static const char *const lines[] = {"ReduceMax: x both = p", "Conv: p k16 = c", "Tanh: c = g",
                                      "Mul: x g = m",          "Add: m g = y",    NULL};
  assert_none(lines, "use of inner values");
}
END_TEST

START_TEST(gate_match__refused_when_another_branch_has_a_part) {
  static const char *const lines[] = {
      "Relu: x = a",           "Conv: x k16 = o", "ReduceMax: a both = p",
      "ReduceMax: o both = q", "Add: p q = r",    "Conv: r k16 = c",
      "Tanh: c = g",           "Mul: a g = y",    NULL};
  assert_none(lines, "input of the gate");
}
END_TEST

START_TEST(gate_match__says_nothing_of_norms_and_activations) {
  static const char *const others[][12] = {
      // an activation
      {"Sigmoid: x = g", "Mul: x g = y"},
      // norms spelled out: x less its mean, times one over its deviation
      {"ReduceMean: x channel = m", "Sub: x m = d", "Mul: d d = q", "ReduceMean: q channel = v",
       "Add: v eps = e", "Sqrt: e = s", "Reciprocal: s = r", "Mul: d r = n", "Mul: n c16 = y"},
      {"ReduceMean: x channel = m", "Sub: x m = d", "Mul: d d = q", "ReduceMean: q channel = v",
       "Add: v eps = e", "Sqrt: e = s", "Div: d s = n", "Mul: n c16 = y"},
      // the same without the mean
      {"Mul: x x = q", "ReduceMean: q channel = v", "Add: v eps = e", "Sqrt: e = s",
       "Reciprocal: s = r", "Mul: x r = n", "Mul: n c16 = y"},
      // lengths over their mean, but no addition of x behind them
      {"ReduceL2: x both = l", "ReduceMean: l channel = m", "Add: m eps = d", "Div: l d = n",
       "Mul: x n = p", "Mul: p c16 = y"},
      // attention: scores times values
      {"Conv: x k16 = q", "Softmax axis=1: q = s", "Mul: x s = y"},
      // a gate without a reduction
      {"Conv: x mask = c", "Sigmoid: c = g", "Mul: x g = y"},
      // a mean that is added, with no softmax
      {"GlobalAveragePool: x = p", "Conv: p k16 = g", "Add: x g = y"},
      // what is scaled is not what the gate is computed from
      {"ReduceMax: x both = p", "Conv: p k16 = c", "Sigmoid: c = g", "Relu: x = a", "Mul: a g = y"},
  };
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    net_found found = match_lines(others[i], NULL);
    ck_assert_msg(net_count(&found, BLOK_GATE) == 0, "%zu (%s ...) is taken", i, others[i][0]);
    for (uint32_t m = 0; m < found.overlay->n_misses; m++) {
      ck_assert_int_ne(found.overlay->misses[m].kind, BLOK_GATE);
    }
    net_free(&found);
  }
}
END_TEST

START_TEST(gate_match__leaves_a_squeeze_excite_alone) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", -1, 16, 8, 8);
  net_se(g, "se", "x", "y", 16, 4);
  net_output(g, "y");
  net_found found = net_match(module);
  ck_assert_uint_eq(net_count(&found, BLOK_SQUEEZE_EXCITE), 1);
  ck_assert_uint_eq(net_count(&found, BLOK_GATE), 0);
  net_free(&found);
}
END_TEST

START_TEST(gate_match__holds_the_squeeze_excite_inside_it) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", -1, 16, 8, 8);
  write_constants(g);
  net_se(g, "se", "x", "z", 16, 4);
  static const char *const lines[] = {"ReduceMax: z both = p", "Conv: p k16 = c", "Sigmoid: c = g",
                                      "Mul: x g = y", NULL};
  net_lines(g, lines);
  net_output(g, "y");
  net_found found = net_match(module);
  const blok_block_record *block = net_block(&found, BLOK_GATE);
  ck_assert_uint_eq(block->n_members, module->graph->n_order);
  ck_assert_uint_eq(block->n_region, block->n_members);
  ck_assert_uint_eq(net_count(&found, BLOK_SQUEEZE_EXCITE), 1);
  ck_assert_int_eq(found.overlay->blocks[1].parent, 0);
  net_free(&found);
}
END_TEST

START_TEST(gate_match__says_why_one_of_no_known_form_is_no_squeeze_excite) {
  net_found found = match_lines(forms[FORMS - 2].lines, NULL);
  ck_assert_uint_eq(net_count(&found, BLOK_GATE), 1);
  ck_assert_uint_eq(found.overlay->n_misses, 1);
  ck_assert_str_eq(found.overlay->misses[0].condition, "pooling");
  net_free(&found);
  found = match_lines(forms[0].lines, NULL);
  ck_assert_uint_eq(found.overlay->n_misses, 0);
  net_free(&found);
}
END_TEST

Suite *suite_gate(void) {
  Suite *suite = suite_create("gate");
  TCase *tests = tcase_create("match");
  tcase_add_test(tests, gate_match__names_every_form);
  tcase_add_test(tests, gate_match__refused_when_any_inner_value_is_output);
  tcase_add_test(tests, gate_match__refused_when_the_gate_is_read_elsewhere);
  tcase_add_test(tests, gate_match__refused_when_another_branch_has_a_part);
  tcase_add_test(tests, gate_match__says_nothing_of_norms_and_activations);
  tcase_add_test(tests, gate_match__leaves_a_squeeze_excite_alone);
  tcase_add_test(tests, gate_match__holds_the_squeeze_excite_inside_it);
  tcase_add_test(tests, gate_match__says_why_one_of_no_known_form_is_no_squeeze_excite);
  suite_add_tcase(suite, tests);
  return suite;
}
