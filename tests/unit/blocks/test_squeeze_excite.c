// squeeze_excite: the forms that are found, and each refusal with its reason.
#include <check.h>
#include <string.h>

#include "net.h"

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
  suite_add_tcase(suite, tests);
  return suite;
}
