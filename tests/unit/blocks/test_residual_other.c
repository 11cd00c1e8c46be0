// residual_other: additions of F(x) and x of any other kind, and those that are none.
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "nets/net.h"

static blok_graph *begin(blok_module **module) {
  *module = net_module();
  blok_graph *g = (*module)->graph;
  net_input(g, "in", -1, 16, 8, 8);
  net_node(g, "Relu", "in", "x");
  return g;
}

static const blok_block_record *only(const net_found *found) {
  ck_assert_uint_eq(net_count(found, BLOK_RESIDUAL_OTHER), 1);
  ck_assert_uint_eq(found->overlay->n_misses, 0);
  return net_block(found, BLOK_RESIDUAL_OTHER);
}

static const char *entry_of(const net_found *found, const blok_block_record *block) {
  return blok_value_at(found->module->graph, block->entry)->name;
}

static const char *exit_of(const net_found *found, const blok_block_record *block) {
  return blok_value_at(found->module->graph, block->exit)->name;
}

static void assert_none(blok_module *module, const char *condition) {
  net_found found = net_finish(module);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 0);
  if (condition) {
    ck_assert_uint_eq(found.overlay->n_misses, 1);
    ck_assert_str_eq(found.overlay->misses[0].condition, condition);
    ck_assert_int_eq(found.overlay->misses[0].kind, BLOK_RESIDUAL_OTHER);
    ck_assert_str_ne(found.overlay->misses[0].got, "");
    ck_assert_str_ne(found.overlay->misses[0].want, "");
  } else {
    ck_assert_uint_eq(found.overlay->n_misses, 0);
  }
  net_free(&found);
}

// A LayerNormalization over the last axis.
static void layer_norm(blok_graph *g, const char *name, const char *x, const char *y,
                       int64_t width) {
  char weight[64], line[192];
  snprintf(weight, sizeof weight, "%s.weight", name);
  net_weight(g, weight, 1, &width);
  snprintf(line, sizeof line, "%s %s", x, weight);
  net_node(g, "LayerNormalization", line, y);
}

static void product(blok_graph *g, const char *name, const char *x, const char *y, int64_t in,
                    int64_t out) {
  char weight[64], line[192];
  const int64_t dims[2] = {in, out};
  snprintf(weight, sizeof weight, "%s.weight", name);
  net_weight(g, weight, 2, dims);
  snprintf(line, sizeof line, "%s %s", x, weight);
  net_node(g, "MatMul", line, y);
}

static blok_node_id transpose(blok_graph *g, const char *x, const char *y, const int64_t *perm,
                              uint32_t n) {
  blok_node_id node = net_node(g, "Transpose", x, y);
  ck_assert_int_eq(blok_node_set_ints(g, node, "perm", perm, n, NULL), BLOK_OK);
  return node;
}

// ---- Blocks -------------------------------------------------------------------------------------

// Depthwise 7x7, LayerNorm in NHWC, two products, layer scale.
static void write_convnext(blok_graph *g, const char *x, const char *y) {
  static const int64_t last[4] = {0, 2, 3, 1}, first[4] = {0, 3, 1, 2};
  const int64_t gamma[3] = {16, 1, 1};
  char line[64];
  net_conv(g, "b.dw", x, "dw", (net_conv_shape){16, 16, 7, 1, 16});
  transpose(g, "dw", "nhwc", last, 4);
  layer_norm(g, "b.norm", "nhwc", "n", 16);
  product(g, "b.fc1", "n", "p1", 16, 64);
  net_node(g, "Gelu", "p1", "g");
  product(g, "b.fc2", "g", "p2", 64, 16);
  transpose(g, "p2", "nchw", first, 4);
  net_weight(g, "b.gamma", 3, gamma);
  net_node(g, "Mul", "nchw b.gamma", "f");
  snprintf(line, sizeof line, "f %s", x);
  net_node(g, "Add", line, y);
}

START_TEST(residual_other__finds_convnext) {
  blok_module *module;
  write_convnext(begin(&module), "x", "y");
  net_found found = net_finish(module);
  const blok_block_record *block = only(&found);
  ck_assert_str_eq(entry_of(&found, block), "x");
  ck_assert_str_eq(exit_of(&found, block), "y");
  ck_assert_str_eq(blok_value_at(module->graph, block->region_out)->name, "f");
  ck_assert_uint_eq(block->n_region, 8);
  ck_assert_uint_eq(block->n_members, 9);
  ck_assert_int_eq(block->residual->convs, 0);
  ck_assert_int_eq(block->residual->skip, BLOK_SKIP_IDENTITY);
  ck_assert_int_eq(block->residual->order, BLOK_ORDER_POST);
  ck_assert_int_eq(block->residual->after_add, BLOK_ACT_NONE);
  ck_assert_str_eq(block->name, "b");
  ck_assert_uint_eq(block->parameters, 16 * 49 + 16 + 2 * 16 * 64);
  // Its convolution is a child.
  ck_assert_uint_eq(found.overlay->n_blocks, 2);
  ck_assert_int_eq(found.overlay->blocks[1].kind, BLOK_CONV_NORM_ACT);
  ck_assert_int_eq(found.overlay->blocks[1].parent, 0);
  net_free(&found);
}
END_TEST

// Attention of one head over [N, 64, 16], then two products; an open batch.
static void write_transformer(blok_graph *g, bool skip_first) {
  static const int64_t turn[3] = {0, 2, 1};
  const int64_t tokens[3] = {-1, 16, 64};
  net_ints(g, "tokens", tokens, 3);
  net_node(g, "Reshape", "x tokens", "flat");
  transpose(g, "flat", "t", turn, 3);
  layer_norm(g, "blocks.0.norm1", "t", "n1", 16);
  product(g, "blocks.0.attn.q", "n1", "q", 16, 16);
  product(g, "blocks.0.attn.k", "n1", "k", 16, 16);
  product(g, "blocks.0.attn.v", "n1", "v", 16, 16);
  transpose(g, "k", "kt", turn, 3);
  net_node(g, "MatMul", "q kt", "scores");
  net_node(g, "Softmax", "scores", "weights");
  net_node(g, "MatMul", "weights v", "mixed");
  product(g, "blocks.0.attn.proj", "mixed", "a", 16, 16);
  net_node(g, "Add", skip_first ? "t a" : "a t", "s");
  layer_norm(g, "blocks.0.norm2", "s", "n2", 16);
  product(g, "blocks.0.mlp.fc1", "n2", "m1", 16, 64);
  net_node(g, "Gelu", "m1", "m2");
  product(g, "blocks.0.mlp.fc2", "m2", "m3", 64, 16);
  net_node(g, "Add", skip_first ? "s m3" : "m3 s", "y");
}

START_TEST(residual_other__finds_attention_and_products_either_way_round) {
  blok_module *module;
  write_transformer(begin(&module), _i != 0);
  net_found found = net_finish(module);
  ck_assert_uint_eq(found.overlay->n_misses, 0);
  ck_assert_uint_eq(found.overlay->n_blocks, 2);
  const blok_block_record *attention = &found.overlay->blocks[0], *mlp = &found.overlay->blocks[1];
  ck_assert_int_eq(attention->kind, BLOK_RESIDUAL_OTHER);
  ck_assert_str_eq(entry_of(&found, attention), "t");
  ck_assert_uint_eq(attention->n_region, 9);
  ck_assert_int_eq(attention->residual->order, BLOK_ORDER_PRE);
  ck_assert_int_eq(mlp->kind, BLOK_RESIDUAL_OTHER);
  ck_assert_int_eq(mlp->parent, -1);
  ck_assert_str_eq(entry_of(&found, mlp), "s");
  ck_assert_uint_eq(mlp->n_region, 4);
  ck_assert_str_eq(attention->name, "blocks.0.attn");
  ck_assert_str_eq(mlp->name, "blocks.0.mlp");
  net_free(&found);
}
END_TEST

// A hierarchy of convolutions over slices: y2 = conv(x2), y3 = conv(x3 + y2).
START_TEST(residual_other__finds_res2net_and_its_inner_sums_are_none) {
  blok_module *module;
  const int64_t quarters[4] = {4, 4, 4, 4};
  blok_graph *g = begin(&module);
  net_conv(g, "b.conv1", "x", "c1", net_k(16, 16, 1, 1));
  net_node(g, "Relu", "c1", "r1");
  net_ints(g, "quarters", quarters, 4);
  blok_node_id split = net_node(g, "Split", "r1 quarters", "s1 s2 s3 s4");
  ck_assert_int_eq(blok_node_set_int(g, split, "axis", 1, NULL), BLOK_OK);
  net_conv(g, "b.convs.0", "s1", "k1", net_k(4, 4, 3, 1));
  net_node(g, "Relu", "k1", "t1");
  net_node(g, "Add", "t1 s2", "u2");
  net_conv(g, "b.convs.1", "u2", "k2", net_k(4, 4, 3, 1));
  net_node(g, "Relu", "k2", "t2");
  net_node(g, "Add", "t2 s3", "u3");
  net_conv(g, "b.convs.2", "u3", "k3", net_k(4, 4, 3, 1));
  net_node(g, "Relu", "k3", "t3");
  blok_node_id join = net_node(g, "Concat", "t1 t2 t3 s4", "j");
  ck_assert_int_eq(blok_node_set_int(g, join, "axis", 1, NULL), BLOK_OK);
  net_conv(g, "b.conv3", "j", "f", net_k(16, 16, 1, 1));
  net_node(g, "Add", "f x", "s");
  net_node(g, "Relu", "s", "y");
  net_found found = net_finish(module);
  const blok_block_record *block = only(&found);
  ck_assert_uint_eq(block->n_region, 13);
  ck_assert_int_eq(block->residual->after_add, BLOK_ACT_RELU);
  ck_assert_uint_eq(net_count(&found, BLOK_CONV_NORM_ACT), 5);
  net_free(&found);
}
END_TEST

START_TEST(residual_other__takes_projections_of_every_step) {
  blok_module *module;
  const int64_t two[2] = {2, 2};
  blok_graph *g = begin(&module);
  net_conv(g, "b.dw", "x", "c1", (net_conv_shape){16, 16, 3, 2, 16});
  net_norm(g, "b.bn", "c1", "n1", 16);
  net_node(g, "Gelu", "n1", "g1");
  net_conv(g, "b.pw", "g1", "f", net_k(16, 32, 1, 1));
  blok_node_id pool = net_node(g, "AveragePool", "x", "p");
  ck_assert_int_eq(blok_node_set_ints(g, pool, "kernel_shape", two, 2, NULL), BLOK_OK);
  ck_assert_int_eq(blok_node_set_ints(g, pool, "strides", two, 2, NULL), BLOK_OK);
  net_conv(g, "b.down", "p", "d", net_k(16, 32, 1, 1));
  net_norm(g, "b.down_bn", "d", "skip", 32);
  net_node(g, "Mul", "f f", "square");
  net_node(g, "Add", "skip square", "y");
  net_found found = net_finish(module);
  const blok_block_record *block = only(&found);
  ck_assert_str_eq(entry_of(&found, block), "x");
  ck_assert_int_eq(block->residual->skip, BLOK_SKIP_PROJECTION);
  ck_assert_int_eq(block->residual->skip_steps, 2);
  ck_assert_str_eq(block->skip_of, "avg pool 2x2 /2, conv 1x1 + batch");
  ck_assert_uint_eq(block->n_region, 5);
  ck_assert_uint_eq(block->n_members, 9);
  net_free(&found);
}
END_TEST

START_TEST(residual_other__begins_before_a_pool_that_others_read_too) {
  blok_module *module;
  const int64_t two[2] = {2, 2};
  blok_graph *g = begin(&module);
  blok_node_id pool = net_node(g, "MaxPool", "x", "p");
  ck_assert_int_eq(blok_node_set_ints(g, pool, "kernel_shape", two, 2, NULL), BLOK_OK);
  ck_assert_int_eq(blok_node_set_ints(g, pool, "strides", two, 2, NULL), BLOK_OK);
  net_conv(g, "b.conv", "x", "c1", net_k(16, 32, 3, 2));
  net_node(g, "Relu", "c1", "f");
  net_conv(g, "b.down", "p", "skip", net_k(16, 32, 1, 1));
  net_node(g, "Add", "f skip", "y");
  net_node(g, "Relu", "p", "elsewhere");
  net_output(g, "elsewhere");
  net_found found = net_finish(module);
  const blok_block_record *block = only(&found);
  ck_assert_str_eq(entry_of(&found, block), "x");
  ck_assert(block->residual->skip_elsewhere);
  ck_assert_str_eq(blok_value_at(module->graph, block->skip_entry)->name, "p");
  net_free(&found);
}
END_TEST

// BN(x) + conv(x) counts; a third branch of a 1x1 convolution is an inner sum of F.
START_TEST(residual_other__takes_a_norm_for_the_skip_of_repvgg) {
  blok_module *module;
  blok_graph *g = begin(&module);
  net_norm(g, "b.identity", "x", "i", 16);
  net_conv(g, "b.k3", "x", "k3", net_k(16, 16, 3, 1));
  net_conv(g, "b.k1", "x", "k1", net_k(16, 16, 1, 1));
  net_node(g, "Add", "k3 k1", "both");
  net_node(g, "Add", "both i", "s");
  net_node(g, "Relu", "s", "y");
  net_found found = net_finish(module);
  const blok_block_record *block = net_block(&found, BLOK_RESIDUAL_OTHER);
  ck_assert_str_eq(block->skip_of, "batch");
  ck_assert_uint_eq(block->n_region, 3);
  // The inner sum is told.
  ck_assert_uint_eq(found.overlay->n_misses, 1);
  ck_assert_str_eq(found.overlay->misses[0].condition,
                   "sum of branches: no activation inside F(x)");
  net_free(&found);
}
END_TEST

START_TEST(residual_other__adopts_the_blocks_inside) {
  blok_module *module;
  blok_graph *g = begin(&module);
  net_conv(g, "head", "x", "h", net_k(16, 16, 3, 1));
  net_conv(g, "a.conv1", "h", "c1", net_k(16, 16, 3, 1));
  net_node(g, "Relu", "c1", "r1");
  net_conv(g, "a.conv2", "r1", "c2", net_k(16, 16, 3, 1));
  net_node(g, "Add", "c2 h", "s");
  net_conv(g, "tail", "s", "t", net_k(16, 16, 3, 1));
  net_node(g, "Add", "t x", "y");
  net_found found = net_finish(module);
  const blok_block_record *outer = net_block(&found, BLOK_RESIDUAL_OTHER);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL), 1);
  ck_assert_uint_eq(outer->n_region, 6);
  ck_assert_int_eq(found.overlay->blocks[0].kind, BLOK_RESIDUAL_OTHER);
  ck_assert_int_eq(found.overlay->blocks[0].parent, -1);
  for (uint32_t i = 1; i < found.overlay->n_blocks; i++) {
    const blok_block_record *block = &found.overlay->blocks[i];
    ck_assert_int_ge(block->parent, 0);
    if (block->kind == BLOK_RESIDUAL) ck_assert_int_eq(block->parent, 0);
  }
  // Region in execution order.
  for (uint32_t i = 1; i < outer->n_region; i++) {
    ck_assert_uint_lt(outer->region[i - 1].i, outer->region[i].i);
  }
  net_free(&found);
}
END_TEST

START_TEST(residual_other__takes_the_same_slice_of_x) {
  blok_module *module;
  const int64_t halves[2] = {8, 8};
  blok_graph *g = begin(&module);
  net_ints(g, "halves", halves, 2);
  blok_node_id split = net_node(g, "Split", "x halves", "left right");
  ck_assert_int_eq(blok_node_set_int(g, split, "axis", 1, NULL), BLOK_OK);
  net_conv(g, "b.conv", "left", "c", net_k(8, 8, 3, 1));
  net_node(g, "Relu", "c", "f");
  net_node(g, "Add", "left f", "s");
  blok_node_id join = net_node(g, "Concat", "s right", "y");
  ck_assert_int_eq(blok_node_set_int(g, join, "axis", 1, NULL), BLOK_OK);
  net_found found = net_finish(module);
  ck_assert_str_eq(entry_of(&found, only(&found)), "left");
  net_free(&found);
}
END_TEST

// A time embedding comes from another input.
START_TEST(residual_other__allows_side_inputs) {
  blok_module *module;
  blok_graph *g = begin(&module);
  net_input(g, "time", -1, 16, 1, 1);
  net_conv(g, "b.conv1", "x", "c1", net_k(16, 16, 3, 1));
  net_node(g, "Add", "c1 time", "ct");
  net_node(g, "Relu", "ct", "r");
  net_conv(g, "b.conv2", "r", "f", net_k(16, 16, 3, 1));
  net_node(g, "Add", "x f", "y");
  net_found found = net_finish(module);
  ck_assert_uint_eq(only(&found)->n_region, 4);
  net_free(&found);
}
END_TEST

// Sizes that inference cannot follow: F keeps them, or strides as the skip does.
START_TEST(residual_other__agrees_on_open_sizes) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", -1, 16, -1, -1);
  if (_i == 0) {
    write_convnext(g, "x", "y");
  } else {
    net_conv(g, "a", "x", "c", net_k(16, 16, 3, 2));
    net_node(g, "Tanh", "c", "f");
    net_conv(g, "b", "x", "d", net_k(16, 16, 1, 2));
    net_node(g, "Add", "f d", "y");
  }
  net_found found = net_finish(module);
  ck_assert_str_eq(entry_of(&found, only(&found)), "x");
  net_free(&found);
}
END_TEST

// ---- None ---------------------------------------------------------------------------------------

START_TEST(residual_other__refuses_a_value_added_to_itself) {
  blok_module *module;
  net_node(begin(&module), "Add", "x x", "y");
  assert_none(module, "addition of a value to itself");
}
END_TEST

// One number a channel is added, by steps that no gate is made of.
START_TEST(residual_other__refuses_a_broadcast) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  int64_t open = _i == 0 ? 8 : -1;
  net_input(g, "x", -1, 16, open, open);
  net_conv(g, "conv", "x", "c", net_k(16, 16, 3, 1));
  net_node(g, "Sin", "c", "t");
  net_node(g, "GlobalMaxPool", "t", "f");
  net_node(g, "Add", "x f", "y");
  net_node(g, "Relu", "t", "elsewhere");
  net_output(g, "elsewhere");
  net_found found = net_finish(module);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 0);
  ck_assert_uint_eq(net_count(&found, BLOK_GATE), 0);
  net_free(&found);
}
END_TEST

START_TEST(residual_other__tells_a_broadcast) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 16, 8, 1);
  net_input(g, "z", 1, 16, 1, 8);
  net_conv(g, "conv", "x", "c", (net_conv_shape){16, 16, 1, 1, 0});
  net_node(g, "Tanh", "c", "t");
  static const int64_t turn[4] = {0, 1, 3, 2};
  transpose(g, "t", "f", turn, 4);
  net_node(g, "Add", "x f", "y");
  assert_none(module, "broadcast of F(x)");
}
END_TEST

START_TEST(residual_other__refuses_open_sizes_that_need_not_agree) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", -1, 16, -1, -1);
  blok_node_id conv = net_conv(g, "a", "x", "c", net_k(16, 16, 3, _i == 0 ? 1 : 2));
  const int64_t none[4] = {0, 0, 0, 0};
  if (_i == 0) ck_assert_int_eq(blok_node_set_ints(g, conv, "pads", none, 4, NULL), BLOK_OK);
  net_node(g, "Sin", "c", "f");
  net_node(g, "Add", "f x", "y");
  net_found found = net_finish(module);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 0);
  ck_assert_uint_eq(found.overlay->n_misses, 1);
  net_free(&found);
}
END_TEST

START_TEST(residual_other__refuses_a_resize_inside) {
  blok_module *module;
  const int64_t two[2] = {2, 2};
  blok_graph *g = begin(&module);
  net_conv(g, "down", "x", "d", net_k(16, 16, 3, 2));
  net_node(g, "Relu", "d", "r");
  const int64_t dims[4] = {16, 16, 2, 2};
  net_weight(g, "up.weight", 4, dims);
  blok_node_id up = net_node(g, "ConvTranspose", "r up.weight", "u");
  ck_assert_int_eq(blok_node_set_ints(g, up, "strides", two, 2, NULL), BLOK_OK);
  net_node(g, "Add", "u x", "y");
  assert_none(module, "Resize inside F(x)");
}
END_TEST

START_TEST(residual_other__refuses_another_branch) {
  blok_module *module;
  blok_graph *g = begin(&module);
  net_conv(g, "one", "x", "a", net_k(16, 16, 3, 1));
  net_node(g, "Sin", "a", "ra");
  net_node(g, "Cos", "x", "cx");
  net_conv(g, "two", "cx", "b", net_k(16, 16, 3, 1));
  if (_i == 0) {
    // Neither is computed from the other.
    net_node(g, "Add", "ra b", "y");
  } else {
    // One is, but from the other branch too.
    net_conv(g, "three", "ra", "c", net_k(16, 16, 3, 1));
    net_node(g, "Mul", "c b", "f");
    net_node(g, "Add", "f ra", "y");
  }
  assert_none(module, "F(x) computed from another branch");
}
END_TEST

START_TEST(residual_other__refuses_a_sum_of_branches) {
  blok_module *module;
  blok_graph *g = begin(&module);
  net_conv(g, "k3", "x", "a", net_k(16, 16, 3, 1));
  net_conv(g, "k1", "x", "b", net_k(16, 16, 1, 1));
  net_norm(g, "k1.bn", "b", "bn", 16);
  net_node(g, "Add", "a bn", "y");
  assert_none(module, "sum of branches: no activation inside F(x)");
}
END_TEST

START_TEST(residual_other__refuses_a_positional_addition) {
  blok_module *module;
  const int64_t dims[4] = {1, 16, 8, 8};
  blok_graph *g = begin(&module);
  net_conv(g, "embed", "x", "e", net_k(16, 16, 3, 1));
  net_weight(g, "pos", 4, dims);
  net_node(g, "Add", "e pos", "y");
  assert_none(module, "addition of a constant");
}
END_TEST

START_TEST(residual_other__says_nothing_of_a_bias) {
  blok_module *module;
  const int64_t dims[3] = {16, 1, 1};
  blok_graph *g = begin(&module);
  net_conv(g, "embed", "x", "e", net_k(16, 16, 3, 1));
  net_weight(g, "bias", 3, dims);
  net_node(g, "Add", "e bias", "y");
  assert_none(module, NULL);
}
END_TEST

START_TEST(residual_other__asks_for_a_layer_in_f) {
  blok_module *module;
  blok_graph *g = begin(&module);
  net_node(g, "Tanh", "x", "t");
  net_node(g, "Add", "x t", "y");
  assert_none(module, NULL);
}
END_TEST

START_TEST(residual_other__refuses_inner_values_that_are_read_elsewhere) {
  blok_module *module;
  blok_graph *g = begin(&module);
  net_conv(g, "conv", "x", "c", net_k(16, 16, 3, 1));
  net_node(g, "Relu", "c", "f");
  net_node(g, "Add", "f x", "y");
  net_node(g, "Tanh", _i == 0 ? "c" : "f", "elsewhere");
  net_output(g, "elsewhere");
  net_found found = net_finish(module);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 0);
  ck_assert_uint_eq(found.overlay->n_misses, 1);
  net_free(&found);
}
END_TEST

START_TEST(residual_other__refuses_a_norm_in_training_mode) {
  blok_module *module;
  blok_graph *g = begin(&module);
  net_conv(g, "conv", "x", "c", net_k(16, 16, 3, 1));
  blok_node_id norm = net_norm(g, "bn", "c", "n", 16);
  ck_assert_int_eq(blok_node_set_int(g, norm, "training_mode", 1, NULL), BLOK_OK);
  net_node(g, "Relu", "n", "f");
  net_node(g, "Add", "f x", "y");
  net_found found = net_finish(module);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 0);
  ck_assert_uint_eq(found.overlay->n_misses, 1);
  net_free(&found);
}
END_TEST

// Multi-scale fusion: the other branch is made larger.
START_TEST(residual_other__refuses_multi_scale_fusion) {
  blok_module *module;
  const int64_t two[2] = {2, 2}, dims[4] = {16, 16, 2, 2};
  blok_graph *g = begin(&module);
  net_conv(g, "high", "x", "h1", net_k(16, 16, 3, 1));
  net_node(g, "Sin", "h1", "h");
  net_conv(g, "low", "x", "l1", net_k(16, 16, 3, 2));
  net_weight(g, "up.weight", 4, dims);
  blok_node_id up = net_node(g, "ConvTranspose", "l1 up.weight", "u");
  ck_assert_int_eq(blok_node_set_ints(g, up, "strides", two, 2, NULL), BLOK_OK);
  net_node(g, "Add", "h u", "y");
  assert_none(module, "F(x) computed from another branch");
}
END_TEST

Suite *suite_residual_other(void) {
  Suite *suite = suite_create("residual_other");
  TCase *tests = tcase_create("match");
  tcase_add_test(tests, residual_other__finds_convnext);
  tcase_add_loop_test(tests, residual_other__finds_attention_and_products_either_way_round, 0, 2);
  tcase_add_test(tests, residual_other__finds_res2net_and_its_inner_sums_are_none);
  tcase_add_test(tests, residual_other__takes_projections_of_every_step);
  tcase_add_test(tests, residual_other__begins_before_a_pool_that_others_read_too);
  tcase_add_test(tests, residual_other__takes_a_norm_for_the_skip_of_repvgg);
  tcase_add_test(tests, residual_other__adopts_the_blocks_inside);
  tcase_add_test(tests, residual_other__takes_the_same_slice_of_x);
  tcase_add_test(tests, residual_other__allows_side_inputs);
  tcase_add_loop_test(tests, residual_other__agrees_on_open_sizes, 0, 2);
  suite_add_tcase(suite, tests);
  TCase *refusals = tcase_create("refusals");
  tcase_add_test(refusals, residual_other__refuses_a_value_added_to_itself);
  tcase_add_loop_test(refusals, residual_other__refuses_a_broadcast, 0, 2);
  tcase_add_test(refusals, residual_other__tells_a_broadcast);
  tcase_add_loop_test(refusals, residual_other__refuses_open_sizes_that_need_not_agree, 0, 2);
  tcase_add_test(refusals, residual_other__refuses_a_resize_inside);
  tcase_add_loop_test(refusals, residual_other__refuses_another_branch, 0, 2);
  tcase_add_test(refusals, residual_other__refuses_a_sum_of_branches);
  tcase_add_test(refusals, residual_other__refuses_a_positional_addition);
  tcase_add_test(refusals, residual_other__says_nothing_of_a_bias);
  tcase_add_test(refusals, residual_other__asks_for_a_layer_in_f);
  tcase_add_loop_test(refusals, residual_other__refuses_inner_values_that_are_read_elsewhere, 0, 2);
  tcase_add_test(refusals, residual_other__refuses_a_norm_in_training_mode);
  tcase_add_test(refusals, residual_other__refuses_multi_scale_fusion);
  suite_add_tcase(suite, refusals);
  return suite;
}
