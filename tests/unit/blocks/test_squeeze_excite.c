// squeeze_excite: the forms that are found, and each refusal with its reason.
#include <check.h>
#include <string.h>

#include "nets/net.h"

// The parts of an SE of 16 channels and 4 hidden; each test spoils one of them.
typedef struct se_net {
  const char *pool;     // operator
  const int64_t *axes;  // of a ReduceMean, 2 of them
  int64_t keepdims;
  const char *pooled;  // what is pooled
  const char *act, *gate;
  net_conv_shape first, second;
  const char *scale;   // inputs of the Mul
  const char *output;  // a second graph output
} se_net;

static const se_net usual = {
    "GlobalAveragePool", NULL,  1,   "x", "Relu", "Sigmoid", {16, 4, 1, 0, 0},
    {4, 16, 1, 0, 0},    "x g", NULL};

static net_found match_se(const se_net *net) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", -1, 16, 8, 8);
  net_input(g, "other", -1, 16, 8, 8);
  blok_node_id pool;
  if (net->axes) {
    net_ints(g, "axes", net->axes, 2);
    pool = net_node(g, net->pool, "x axes", "p");
    ck_assert_int_eq(blok_node_set_int(g, pool, "keepdims", net->keepdims, NULL), BLOK_OK);
  } else {
    pool = net_node(g, net->pool, net->pooled, "p");
  }
  if (strcmp(net->pool, "AveragePool") == 0) {
    const int64_t kernel[2] = {8, 8};
    ck_assert_int_eq(blok_node_set_ints(g, pool, "kernel_shape", kernel, 2, NULL), BLOK_OK);
  }
  net_conv(g, "se.fc1", "p", "h", net->first);
  net_node(g, net->act, "h", "a");
  net_conv(g, "se.fc2", "a", "q", net->second);
  net_node(g, net->gate, "q", "g");
  net_node(g, "Mul", net->scale, "y");
  net_output(g, "y");
  if (net->output) net_output(g, net->output);
  return net_match(module);
}

static void assert_found(const se_net *net) {
  net_found found = match_se(net);
  const blok_block_record *block = net_block(&found, BLOK_SQUEEZE_EXCITE);
  ck_assert_uint_eq(found.overlay->n_blocks, 1);
  ck_assert_uint_eq(found.overlay->n_misses, 0);
  ck_assert_uint_eq(block->n_members, 6);
  ck_assert_int_eq(block->se->channels, 16);
  ck_assert_int_eq(block->se->hidden, 4);
  net_free(&found);
}

START_TEST(squeeze_excite_match__describes_its_parts) {
  se_net net = usual;
  net.gate = "HardSigmoid";
  net_found found = match_se(&net);
  const blok_block_record *block = net_block(&found, BLOK_SQUEEZE_EXCITE);
  blok_graph *g = found.module->graph;
  ck_assert_str_eq(block->name, "se");
  ck_assert_int_eq(block->se->activation, BLOK_ACT_RELU);
  ck_assert_int_eq(block->se->gate, BLOK_ACT_HARD_SIGMOID);
  ck_assert_double_eq_tol(block->se->gate_alpha, 0.2, 1e-6);
  ck_assert_double_eq(block->se->gate_beta, 0.5);
  ck_assert(blok_same_value(block->entry, net_value(g, "x")));
  ck_assert(blok_same_value(block->exit, net_value(g, "y")));
  ck_assert(blok_same_value(block->weights[1].weight, net_value(g, "se.fc2.weight")));
  ck_assert_uint_eq(block->parameters, 2 * 16 * 4);
  ck_assert_int_eq(block->macs, 2 * 16 * 4);
  net_free(&found);
}
END_TEST

START_TEST(squeeze_excite_match__takes_the_gate_on_either_side) {
  se_net net = usual;
  assert_found(&net);
  net.scale = "g x";
  assert_found(&net);
}
END_TEST

START_TEST(squeeze_excite_match__takes_every_form_of_the_mean) {
  static const int64_t axes[4][2] = {{2, 3}, {3, 2}, {-1, -2}, {-2, -1}};
  se_net net = usual;
  net.pool = "ReduceMean";
  for (int i = 0; i < 4; i++) {
    net.axes = axes[i];
    assert_found(&net);
  }
  net = usual;
  net.pool = "AveragePool";
  assert_found(&net);
}
END_TEST

static void assert_se_refused(const se_net *net, const char *condition) {
  net_found found = match_se(net);
  net_assert_refused(&found, condition);
  net_free(&found);
}

START_TEST(squeeze_excite_match__refused_when_the_pool_is_no_mean_of_the_picture) {
  se_net net = usual;
  net.pool = "GlobalMaxPool";
  assert_se_refused(&net, "pooling");
}
END_TEST

START_TEST(squeeze_excite_match__refused_when_another_value_is_pooled) {
  se_net net = usual;
  net.pooled = "other";
  assert_se_refused(&net, "input of the pooling");
}
END_TEST

START_TEST(squeeze_excite_match__refused_when_a_product_is_no_1x1_conv) {
  se_net net = usual;
  net.first.k = 3;
  assert_se_refused(&net, "first product");
  net = usual;
  net.second.groups = 2;
  assert_se_refused(&net, "second product");
}
END_TEST

START_TEST(squeeze_excite_match__refused_when_one_gate_serves_all_channels) {
  se_net net = usual;
  net.second.out = 1;
  assert_se_refused(&net, "channels");
}
END_TEST

START_TEST(squeeze_excite_match__refused_when_inner_value_is_output) {
  static const char *const inner[] = {"p", "h", "a", "q", "g"};
  for (int i = 0; i < 5; i++) {
    se_net net = usual;
    net.output = inner[i];
    assert_se_refused(&net, "use of inner values");
  }
}
END_TEST

START_TEST(squeeze_excite_match__refused_when_nothing_bends_between_the_products) {
  se_net net = usual;
  net.act = "Identity";
  assert_se_refused(&net, "activation between the products");
}
END_TEST

START_TEST(squeeze_excite_match__says_nothing_of_gates_that_are_none) {
  se_net net = usual;
  net.gate = "Relu";
  net_found found = match_se(&net);
  ck_assert_uint_eq(net_count(&found, BLOK_SQUEEZE_EXCITE), 0);
  ck_assert_uint_eq(found.overlay->n_misses, 0);
  net_free(&found);
}
END_TEST

// ---- Forms by lines -----------------------------------------------------------------------------

// Constants of every form: 16 channels, 4 hidden.
static void write_constants(blok_graph *g) {
  static const struct {
    const char *name;
    int rank;
    int64_t dims[4];
  } weights[] = {
      {"k1", 4, {4, 16, 1, 1}}, {"k2", 4, {16, 4, 1, 1}}, {"w1", 2, {4, 16}}, {"w2", 2, {16, 4}},
      {"t1", 2, {16, 4}},       {"t2", 2, {4, 16}},       {"b1", 1, {4}},     {"b2", 1, {16}},
      {"b1c", 4, {1, 4, 1, 1}}, {"n0", 1, {4}},           {"n1", 1, {4}},     {"n2", 1, {4}},
      {"n3", 1, {4}},           {"b16", 2, {16, 1}},
  };
  static const struct {
    const char *name;
    int64_t n, ints[4];
  } lists[] = {
      {"both", 2, {2, 3}},
      {"flat", 2, {-1, 16}},
      {"wide", 4, {-1, 16, 1, 1}},
      {"last", 1, {-1}},
      {"axis2", 1, {2}},
      {"axis3", 1, {3}},
      {"picture", 3, {0, 16, 64}},
      {"hidden", 4, {-1, 4, 1, 1}},
      {"hidden2", 2, {-1, 4}},
      {"back", 4, {-1, 1, 1, 16}},
      {"swapped", 4, {-1, 1, 16, 1}},
      {"zero", 1, {0}},
  };
  for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
    net_weight(g, weights[i].name, weights[i].rank, weights[i].dims);
  }
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
    net_ints(g, lists[i].name, lists[i].ints, lists[i].n);
  }
  net_number(g, "three", 3);
  net_number(g, "low", 0);
  net_number(g, "six", 6);
}

static net_found match_lines(const char *const *lines, int64_t batch, const char *output) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", batch, 16, 8, 8);
  net_input(g, "other", batch, 16, 8, 8);
  write_constants(g);
  net_lines(g, lines);
  net_output(g, "y");
  if (output) net_output(g, output);
  return net_match(module);
}

typedef struct form {
  blok_product product[2];
  bool bias[2];
  const char *lines[14];
} form;

#define CONV   BLOK_PRODUCT_CONV
#define LINEAR BLOK_PRODUCT_LINEAR
#define IN_OUT BLOK_PRODUCT_LINEAR_IN_OUT

static const form forms[] = {
    // linear layers: Flatten, Reshape, Squeeze; Gemm and MatMul; Reshape, Unsqueeze back
    {{LINEAR, LINEAR},
     {true, true},
     {"GlobalAveragePool: x = p", "Flatten: p = f", "Gemm transB=1: f w1 b1 = h", "Relu: h = a",
      "Gemm transB=1: a w2 b2 = q", "Sigmoid: q = s", "Reshape: s wide = g", "Mul: x g = y"}},
    {{IN_OUT, IN_OUT},
     {false, false},
     {"GlobalAveragePool: x = p", "Reshape: p flat = f", "MatMul: f t1 = h", "Relu: h = a",
      "MatMul: a t2 = q", "Sigmoid: q = s", "Unsqueeze: s both = g", "Mul: g x = y"}},
    {{IN_OUT, IN_OUT},
     {true, true},
     {"GlobalAveragePool: x = p", "Squeeze: p both = f", "MatMul: f t1 = m", "Add: m b1 = h",
      "Relu: h = a", "MatMul: a t2 = r", "Add: b2 r = q", "Reshape: q wide = w", "Sigmoid: w = g",
      "Mul: x g = y"}},
    {{IN_OUT, LINEAR},
     {true, false},
     {"ReduceMean keepdims=0: x both = f", "Gemm: f t1 b1 = h", "Relu: h = a",
      "Gemm transB=1: a w2 = q", "Sigmoid: q = s", "Unsqueeze: s axis2 = u",
      "Unsqueeze: u axis3 = g", "Mul: x g = y"}},
    // one of each
    {{CONV, LINEAR},
     {true, true},
     {"GlobalAveragePool: x = p", "Conv: p k1 b1 = h", "Relu: h = a", "Flatten: a = f",
      "Gemm transB=1: f w2 b2 = q", "Sigmoid: q = s", "Reshape: s wide = g", "Mul: x g = y"}},
    {{LINEAR, CONV},
     {true, true},
     {"GlobalAveragePool: x = p", "Flatten: p = f", "Gemm transB=1: f w1 b1 = h",
      "Reshape: h hidden = v", "Relu: v = a", "Conv: a k2 b2 = q", "Sigmoid: q = g",
      "Mul: x g = y"}},
    // the linear layer on the last of four axes, as Keras does
    {{IN_OUT, IN_OUT},
     {false, false},
     {"GlobalAveragePool: x = p", "Reshape: p back = f", "MatMul: f t1 = h", "Relu: h = a",
      "MatMul: a t2 = q", "Sigmoid: q = s", "Transpose perm=0,3,1,2: s = g", "Mul: x g = y"}},
    // a bias by an addition behind a convolution
    {{CONV, CONV},
     {true, false},
     {"GlobalAveragePool: x = p", "Conv: p k1 = m", "Add: m b1c = h", "Relu: h = a",
      "Conv: a k2 = q", "Sigmoid: q = g", "Mul: x g = y"}},
    // means in two steps, over the flattened picture, with the axes put back
    {{CONV, CONV},
     {false, false},
     {"ReduceMean keepdims=0: x axis2 = r", "ReduceMean keepdims=0: r axis2 = f",
      "Reshape: f wide = p", "Conv: p k1 = h", "Relu: h = a", "Conv: a k2 = q", "Sigmoid: q = g",
      "Mul: x g = y"}},
    {{CONV, CONV},
     {false, false},
     {"ReduceMean: x axis3 = r", "ReduceMean: r axis2 = p", "Conv: p k1 = h", "Relu: h = a",
      "Conv: a k2 = q", "Sigmoid: q = g", "Mul: x g = y"}},
    {{LINEAR, LINEAR},
     {false, false},
     {"Reshape: x picture = r", "ReduceMean keepdims=0: r last = f", "Gemm transB=1: f w1 = h",
      "Relu: h = a", "Gemm transB=1: a w2 = q", "Sigmoid: q = s", "Reshape: s wide = g",
      "Mul: x g = y"}},
    // the gate expanded to the picture's shape
    {{CONV, CONV},
     {false, false},
     {"GlobalAveragePool: x = p", "Conv: p k1 = h", "Relu: h = a", "Conv: a k2 = q",
      "Sigmoid: q = g", "Shape: x = xs", "Expand: g xs = e", "Mul: x e = y"}},
    // a shape computed from x, which hangs off x alone
    {{LINEAR, LINEAR},
     {false, false},
     {"GlobalAveragePool: x = p", "Shape end=1: x = n", "Concat axis=0: n last = ns",
      "Reshape: p ns = f", "Gemm transB=1: f w1 = h", "Relu: h = a", "Gemm transB=1: a w2 = q",
      "Sigmoid: q = s", "Reshape: s wide = g", "Mul: x g = y"}},
};

START_TEST(squeeze_excite_match__takes_every_form_of_its_products) {
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    for (int64_t batch = -1; batch <= 2; batch += 1) {
      if (batch == 0) continue;
      net_found found = match_lines(forms[i].lines, batch, NULL);
      ck_assert_msg(net_count(&found, BLOK_SQUEEZE_EXCITE) == 1, "form %zu, batch %d: %s is %s", i,
                    (int)batch,
                    found.overlay->n_misses ? found.overlay->misses[0].condition : "nothing",
                    found.overlay->n_misses ? found.overlay->misses[0].got : "said");
      const blok_block_record *block = net_block(&found, BLOK_SQUEEZE_EXCITE);
      ck_assert_uint_eq(block->n_members, found.module->graph->n_order);
      ck_assert_int_eq(block->se->channels, 16);
      ck_assert_int_eq(block->se->hidden, 4);
      for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(block->se->product[k], forms[i].product[k]);
        ck_assert_int_eq(block->se->bias[k], forms[i].bias[k]);
        ck_assert_uint_ne(block->weights[k].weight.i, 0);
        ck_assert_int_eq(block->weights[k].bias.i != 0, forms[i].bias[k]);
      }
      net_free(&found);
    }
  }
}
END_TEST

START_TEST(squeeze_excite_match__refused_when_any_inner_value_of_a_form_is_output) {
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    for (int l = 0; forms[i].lines[l + 1]; l++) {
      const char *inner = strrchr(forms[i].lines[l], ' ') + 1;
      net_found found = match_lines(forms[i].lines, -1, inner);
      ck_assert_msg(net_count(&found, BLOK_SQUEEZE_EXCITE) == 0, "form %zu with %s as an output", i,
                    inner);
      net_free(&found);
    }
  }
}
END_TEST

START_TEST(squeeze_excite_match__describes_norm_activation_and_hard_gate) {
  static const char *const lines[] = {"GlobalAveragePool: x = p",
                                      "Conv: p k1 = h",
                                      "BatchNormalization epsilon=0.25: h n0 n1 n2 n3 = n",
                                      "LeakyRelu alpha=0.5: n = a",
                                      "Conv: a k2 = q",
                                      "Add: q three = t",
                                      "Clip: t low six = c",
                                      "Div: c six = g",
                                      "Mul: x g = y",
                                      NULL};
  net_found found = match_lines(lines, -1, NULL);
  const blok_block_record *block = net_block(&found, BLOK_SQUEEZE_EXCITE);
  blok_graph *g = found.module->graph;
  ck_assert_int_eq(block->se->norm, BLOK_NORM_BATCH);
  ck_assert_double_eq(block->se->epsilon, 0.25);
  ck_assert(blok_same_value(block->weights[0].norm[3], net_value(g, "n3")));
  ck_assert_int_eq(block->se->activation, BLOK_ACT_LEAKY_RELU);
  ck_assert_double_eq(block->se->alpha, 0.5);
  ck_assert_int_eq(block->se->gate, BLOK_ACT_HARD_SIGMOID);
  ck_assert_double_eq_tol(block->se->gate_alpha, 1.0 / 6, 1e-9);
  net_free(&found);
}
END_TEST

// Lines that come near, and what is said of them.
static const struct {
  const char *condition;
  const char *lines[12];
} near[] = {
    {"second product",
     {"GlobalAveragePool: x = p", "Flatten: p = f", "Gemm transB=1: f w1 = h", "Relu: h = a",
      "Gemm alpha=0.5 transB=1: a w2 = q", "Sigmoid: q = s", "Reshape: s wide = g",
      "Mul: x g = y"}},
    {"first product",
     {"GlobalAveragePool: x = p", "Flatten: p = f", "Gemm transB=1 beta=0.5: f w1 b1 = h",
      "Relu: h = a", "Gemm transB=1: a w2 = q", "Sigmoid: q = s", "Reshape: s wide = g",
      "Mul: x g = y"}},
    {"input of the pooling",
     {"GlobalAveragePool: other = p", "Flatten: p = f", "Gemm transB=1: f w1 = h", "Relu: h = a",
      "Gemm transB=1: a w2 = q", "Sigmoid: q = s", "Reshape: s wide = g", "Mul: x g = y"}},
    {"inputs of the block",  // its shape comes from another value
     {"GlobalAveragePool: x = p", "Shape end=1: other = n", "Concat axis=0: n last = ns",
      "Reshape: p ns = f", "Gemm transB=1: f w1 = h", "Relu: h = a", "Gemm transB=1: a w2 = q",
      "Sigmoid: q = s", "Reshape: s wide = g", "Mul: x g = y"}},
};

START_TEST(squeeze_excite_match__says_what_is_wrong_with_a_form) {
  for (size_t i = 0; i < sizeof near / sizeof near[0]; i++) {
    net_found found = match_lines(near[i].lines, -1, NULL);
    ck_assert_msg(net_count(&found, BLOK_SQUEEZE_EXCITE) == 0, "form %zu is taken", i);
    ck_assert_msg(found.overlay->n_misses == 1, "form %zu: %u misses", i, found.overlay->n_misses);
    ck_assert_str_eq(found.overlay->misses[0].condition, near[i].condition);
    net_free(&found);
  }
}
END_TEST

Suite *suite_squeeze_excite(void) {
  Suite *suite = suite_create("squeeze_excite");
  TCase *tests = tcase_create("match");
  tcase_add_test(tests, squeeze_excite_match__describes_its_parts);
  tcase_add_test(tests, squeeze_excite_match__takes_the_gate_on_either_side);
  tcase_add_test(tests, squeeze_excite_match__takes_every_form_of_the_mean);
  tcase_add_test(tests, squeeze_excite_match__refused_when_the_pool_is_no_mean_of_the_picture);
  tcase_add_test(tests, squeeze_excite_match__refused_when_another_value_is_pooled);
  tcase_add_test(tests, squeeze_excite_match__refused_when_a_product_is_no_1x1_conv);
  tcase_add_test(tests, squeeze_excite_match__refused_when_one_gate_serves_all_channels);
  tcase_add_test(tests, squeeze_excite_match__refused_when_inner_value_is_output);
  tcase_add_test(tests, squeeze_excite_match__refused_when_nothing_bends_between_the_products);
  tcase_add_test(tests, squeeze_excite_match__says_nothing_of_gates_that_are_none);
  tcase_add_test(tests, squeeze_excite_match__takes_every_form_of_its_products);
  tcase_add_test(tests, squeeze_excite_match__refused_when_any_inner_value_of_a_form_is_output);
  tcase_add_test(tests, squeeze_excite_match__describes_norm_activation_and_hard_gate);
  tcase_add_test(tests, squeeze_excite_match__says_what_is_wrong_with_a_form);
  suite_add_tcase(suite, tests);
  return suite;
}
