// Activations in every spelling, and those that look like one and are none.
#include <check.h>
#include <math.h>
#include <string.h>

#include "nets/net.h"

typedef struct spelling {
  blok_activation activation;
  double alpha, beta;
  const char *lines[10];  // from c to y; NULL at the end
} spelling;

static const spelling spellings[] = {
    // gelu by erf: the half and the order wherever exporters put them
    {BLOK_ACT_GELU,
     0,
     0,
     {"Div: c sqrt2 = d", "Erf: d = e", "Add: e one = s", "Mul: c s = m", "Mul: m half = y"}},
    {BLOK_ACT_GELU,
     0,
     0,
     {"Mul: c rsqrt2 = d", "Erf: d = e", "Add: one e = s", "Mul: c half = h", "Mul: h s = y"}},
    {BLOK_ACT_GELU,
     0,
     0,
     {"Mul: rsqrt2 c = d", "Erf: d = e", "Add: e one = s", "Mul: half s = h", "Mul: h c = y"}},
    {BLOK_ACT_GELU,
     0,
     0,
     {"Div: c sqrt2 = d", "Erf: d = e", "Add: e one = s", "Mul: s c = m", "Div: m two = y"}},
    {BLOK_ACT_GELU,
     0,
     0,
     {"Div: c sqrt2 = d", "Erf: d = e", "Mul: e half = f", "Add: f half = s", "Mul: c s = y"}},
    {BLOK_ACT_GELU, 0, 0, {"Gelu: c = y"}},
    // gelu by tanh
    {BLOK_ACT_GELU_TANH,
     0,
     0,
     {"Pow: c three = p", "Mul: p k = q", "Add: c q = a", "Mul: a root = r", "Tanh: r = t",
      "Add: t one = s", "Mul: c s = m", "Mul: m half = y"}},
    {BLOK_ACT_GELU_TANH,
     0,
     0,
     {"Mul: c c = p2", "Mul: p2 c = p", "Mul: k p = q", "Add: q c = a", "Mul: root a = r",
      "Tanh: r = t", "Add: one t = s", "Mul: half c = h", "Mul: h s = y"}},
    {BLOK_ACT_GELU_TANH,
     0,
     0,
     {"Mul: k c = q", "Mul: q c = p", "Add: one p = a", "Mul: c root = r", "Mul: r a = w",
      "Tanh: w = t", "Add: t one = s", "Mul: c half = h", "Mul: h s = y"}},
    {BLOK_ACT_MISH, 0, 0, {"Mish: c = y"}},
    {BLOK_ACT_MISH, 0, 0, {"Softplus: c = p", "Tanh: p = t", "Mul: c t = y"}},
    {BLOK_ACT_MISH,
     0,
     0,
     {"Exp: c = e", "Add: e one = f", "Log: f = p", "Tanh: p = t", "Mul: t c = y"}},
    {BLOK_ACT_ELU, 0.5, 0, {"Elu alpha=0.5: c = y"}},
    {BLOK_ACT_ELU, 1, 0, {"Elu: c = y"}},
    {BLOK_ACT_SILU, 0, 0, {"Sigmoid: c = s", "Mul: s c = y"}},
    {BLOK_ACT_RELU, 0, 0, {"Clip: c zero - = y"}},
    {BLOK_ACT_RELU, 0, 0, {"Max: c zero = y"}},
    {BLOK_ACT_RELU6, 0, 0, {"Relu: c = r", "Min: r six = y"}},
    {BLOK_ACT_RELU6, 0, 0, {"Max: zero c = r", "Min: six r = y"}},
    {BLOK_ACT_RELU6, 0, 0, {"Min: c six = r", "Max: r zero = y"}},
    {BLOK_ACT_RELU6, 0, 0, {"Min: c six = r", "Relu: r = y"}},
    {BLOK_ACT_CLIP, 1, 3, {"Max: c one = r", "Min: r three = y"}},
    // hard sigmoid and hard swish: the sixth before or behind, in one node or another
    {BLOK_ACT_HARD_SIGMOID,
     1.0 / 6,
     0.5,
     {"Add: c three = a", "Relu: a = r", "Min: r six = b", "Div: b six = y"}},
    {BLOK_ACT_HARD_SIGMOID,
     1.0 / 6,
     0.5,
     {"Add: three c = a", "Clip: a zero six = b", "Mul: b sixth = y"}},
    {BLOK_ACT_HARD_SIGMOID,
     1.0 / 6,
     0.5,
     {"Mul: c sixth = a", "Add: a half = b", "Clip: b zero one = y"}},
    {BLOK_ACT_HARD_SIGMOID,
     1.0 / 6,
     0.5,
     {"Add: c three = a", "Div: a six = b", "Max: b zero = d", "Min: d one = y"}},
    {BLOK_ACT_HARD_SIGMOID,
     0.5,
     0.5,
     {"Mul: c half = a", "Add: half a = b", "Clip: b zero one = y"}},
    {BLOK_ACT_HARD_SWISH,
     0,
     0,
     {"Add: c three = a", "Clip: a zero six = b", "Mul: b sixth = d", "Mul: c d = y"}},
    {BLOK_ACT_HARD_SWISH,
     0,
     0,
     {"Add: c three = a", "Clip: a zero six = b", "Mul: c sixth = d", "Mul: d b = y"}},
    {BLOK_ACT_HARD_SWISH,
     0,
     0,
     {"Add: c three = a", "Relu: a = r", "Min: r six = b", "Mul: c b = m", "Div: m six = y"}},
    {BLOK_ACT_HARD_SWISH,
     0,
     0,
     {"Mul: c sixth = a", "Add: a half = b", "Clip: b zero one = d", "Mul: d c = y"}},
};

#define SPELLINGS (sizeof spellings / sizeof spellings[0])

static void write_numbers(blok_graph *g) {
  static const struct {
    const char *name;
    float number;
  } numbers[] = {
      {"zero", 0},         {"half", 0.5f},         {"one", 1},
      {"two", 2},          {"three", 3},           {"six", 6},
      {"sixth", 1.0f / 6}, {"sqrt2", 1.41421356f}, {"rsqrt2", 0.70710678f},
      {"k", 0.044715f},    {"root", 0.79788456f},  {"other", 1.702f},
  };
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    net_number(g, numbers[i].name, numbers[i].number);
  }
}

// A convolution, the lines, and y as the output; output: another one.
static blok_conv_desc described(const char *const *lines, const char *output) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", -1, 8, 8, 8);
  net_input(g, "side", -1, 8, 8, 8);
  write_numbers(g);
  net_conv(g, "conv", "x", "c", (net_conv_shape){8, 8, 3, 0, 0});
  net_lines(g, lines);
  net_output(g, "y");
  if (output) net_output(g, output);
  net_found found = net_match(module);
  blok_conv_desc desc = *net_block(&found, BLOK_CONV_NORM_ACT)->conv;
  if (desc.activation == BLOK_ACT_NONE) {
    ck_assert_uint_eq(net_block(&found, BLOK_CONV_NORM_ACT)->n_members, 1);
  }
  net_free(&found);
  return desc;
}

START_TEST(activation__is_read_in_every_spelling) {
  for (size_t i = 0; i < SPELLINGS; i++) {
    const spelling *of = &spellings[i];
    blok_conv_desc desc = described(of->lines, NULL);
    ck_assert_msg(desc.activation == of->activation, "spelling %zu (%s ...): %s, want %s", i,
                  of->lines[0], blok_activation_name(desc.activation),
                  blok_activation_name(of->activation));
    ck_assert_double_eq_tol(desc.alpha, of->alpha, 1e-6);
    ck_assert_double_eq_tol(desc.beta, of->beta, 1e-6);
  }
}
END_TEST

// Of a line, what stands behind its last blank.
static const char *made_by(const char *line) { return strrchr(line, ' ') + 1; }

START_TEST(activation__refused_when_any_inner_value_is_output) {
  for (size_t i = 0; i < SPELLINGS; i++) {
    const char *const *lines = spellings[i].lines;
    for (int l = 0; lines[l + 1]; l++) {
      blok_conv_desc desc = described(lines, made_by(lines[l]));
      ck_assert_msg(desc.activation != spellings[i].activation ||
                        desc.alpha != spellings[i].alpha || desc.beta != spellings[i].beta,
                    "spelling %zu with %s as an output", i, made_by(lines[l]));
    }
  }
}
END_TEST

START_TEST(activation__refused_when_a_number_or_a_value_is_another) {
  static const char *const others[][10] = {
      {"Div: c sqrt2 = d", "Erf: d = e", "Add: e one = s", "Mul: c s = y"},
      {"Div: c two = d", "Erf: d = e", "Add: e one = s", "Mul: c s = m", "Mul: m half = y"},
      {"Div: c sqrt2 = d", "Erf: d = e", "Add: e half = s", "Mul: c s = m", "Mul: m half = y"},
      {"Div: c sqrt2 = d", "Erf: d = e", "Add: e one = s", "Mul: side s = m", "Mul: m half = y"},
      {"Pow: c two = p", "Mul: p k = q", "Add: c q = a", "Mul: a root = r", "Tanh: r = t",
       "Add: t one = s", "Mul: c s = m", "Mul: m half = y"},
      {"Mul: c other = d", "Sigmoid: d = s", "Mul: c s = y"},
      {"Softplus: c = p", "Tanh: p = t", "Mul: side t = y"},
      {"Swish alpha=2.0: c = y"},
      {"HardSigmoid alpha=0.25: c = s", "Mul: c s = y"},
      {"Add: c three = a", "Clip: a zero six = b", "Mul: side b = m", "Div: m six = y"},
      {"Min: c side = y"},
  };
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    blok_conv_desc desc = described(others[i], NULL);
    ck_assert_msg(desc.activation == BLOK_ACT_NONE, "spelling %zu (%s ...): %s", i, others[i][0],
                  blok_activation_name(desc.activation));
  }
}
END_TEST

START_TEST(activation__leaves_a_bound_that_is_crossed) {
  static const char *const crossed[] = {"Min: c one = r", "Max: r three = y", NULL};
  blok_conv_desc desc = described(crossed, NULL);
  ck_assert_int_eq(desc.activation, BLOK_ACT_CLIP);
  ck_assert_double_eq(desc.beta, 1);
  ck_assert(isinf(desc.alpha));
}
END_TEST

START_TEST(activation__knows_gelu_by_its_approximation) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", -1, 8, 8, 8);
  net_conv(g, "conv", "x", "c", (net_conv_shape){8, 8, 3, 0, 0});
  blok_node_id node = net_node(g, "Gelu", "c", "y");
  ck_assert_int_eq(blok_node_set_text(g, node, "approximate", "tanh", NULL), BLOK_OK);
  net_output(g, "y");
  net_found found = net_match(module);
  ck_assert_int_eq(net_block(&found, BLOK_CONV_NORM_ACT)->conv->activation, BLOK_ACT_GELU_TANH);
  net_free(&found);
}
END_TEST

Suite *suite_activations(void) {
  Suite *suite = suite_create("activations");
  TCase *tests = tcase_create("read");
  tcase_add_test(tests, activation__is_read_in_every_spelling);
  tcase_add_test(tests, activation__refused_when_any_inner_value_is_output);
  tcase_add_test(tests, activation__refused_when_a_number_or_a_value_is_another);
  tcase_add_test(tests, activation__leaves_a_bound_that_is_crossed);
  tcase_add_test(tests, activation__knows_gelu_by_its_approximation);
  suite_add_tcase(suite, tests);
  return suite;
}
