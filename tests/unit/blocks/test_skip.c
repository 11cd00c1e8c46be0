// The skip path of an addition: each step that may stand on it, what it says, and what ends it.
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "nets/net.h"

static blok_graph *begin(blok_module **module, int64_t side) {
  *module = net_module();
  net_input((*module)->graph, "x", -1, 16, side, side);
  return (*module)->graph;
}

static net_conv_shape k1(int64_t in, int64_t out, int64_t stride) {
  return (net_conv_shape){in, out, 1, stride, 0};
}

// conv 3x3, Relu, conv 3x3 of x to f, and its addition to the skip path's end s.
static net_found finish(blok_module *module, const char *x, int64_t in, int64_t out,
                        int64_t stride) {
  blok_graph *g = module->graph;
  net_conv(g, "b.conv1", x, "c1", (net_conv_shape){in, out, 3, stride, 0});
  net_node(g, "Relu", "c1", "r1");
  net_conv(g, "b.conv2", "r1", "f", (net_conv_shape){out, out, 3, 1, 0});
  net_node(g, "Add", "s f", "y");
  net_output(g, "y");
  return net_match(module);
}

static const blok_residual_desc *the_residual(const net_found *found, const char *skip_of) {
  ck_assert_uint_eq(found->overlay->n_misses, 0);
  const blok_block_record *block = net_block(found, BLOK_RESIDUAL);
  if (skip_of) ck_assert_str_eq(block->skip_of, skip_of);
  if (!skip_of) ck_assert_ptr_null(block->skip_of);
  ck_assert_int_eq(block->residual->skip, skip_of ? BLOK_SKIP_PROJECTION : BLOK_SKIP_IDENTITY);
  return block->residual;
}

static void set_ints(blok_graph *g, blok_node_id node, const char *name, int64_t a, int64_t b) {
  const int64_t both[2] = {a, b};
  ck_assert_int_eq(blok_node_set_ints(g, node, name, both, 2, NULL), BLOK_OK);
}

static blok_node_id pool(blok_graph *g, const char *op, const char *x, const char *y,
                         int64_t kernel, int64_t stride, int64_t pad) {
  const int64_t pads[4] = {pad, pad, pad, pad};
  blok_node_id node = net_node(g, op, x, y);
  set_ints(g, node, "kernel_shape", kernel, kernel);
  set_ints(g, node, "strides", stride, stride);
  ck_assert_int_eq(blok_node_set_ints(g, node, "pads", pads, 4, NULL), BLOK_OK);
  return node;
}

static void set(blok_graph *g, blok_node_id node, const char *name, int64_t value) {
  ck_assert_int_eq(blok_node_set_int(g, node, name, value, NULL), BLOK_OK);
}

// ---- Convolutions and norms ---------------------------------------------------------------------

START_TEST(skip_path__takes_a_1x1_conv_of_any_stride_and_groups) {
  blok_module *module;
  blok_graph *g = begin(&module, 8);
  blok_node_id conv = net_conv(g, "b.proj", "x", "s", (net_conv_shape){16, 32, 1, 1, 4});
  set_ints(g, conv, "strides", 2, 1);
  net_conv(g, "b.conv1", "x", "c1", (net_conv_shape){16, 32, 3, 2, 0});
  set_ints(g, (blok_node_id){2}, "strides", 2, 1);
  net_node(g, "Relu", "c1", "r1");
  net_conv(g, "b.conv2", "r1", "f", (net_conv_shape){32, 32, 3, 1, 0});
  net_node(g, "Add", "s f", "y");
  net_output(g, "y");
  net_found found = net_match(module);
  const blok_residual_desc *desc = the_residual(&found, "grouped conv 1x1 /2x1");
  ck_assert_int_eq(desc->skip_steps, 1);
  ck_assert_int_eq(desc->skip_step[0].op, BLOK_SKIP_CONV);
  ck_assert_int_eq(desc->skip_step[0].conv.groups, 4);
  net_free(&found);
}
END_TEST

START_TEST(skip_path__takes_a_depthwise_conv_before_the_1x1) {
  blok_module *module;
  blok_graph *g = begin(&module, 8);
  net_conv(g, "b.dw", "x", "d", (net_conv_shape){16, 16, 3, 2, 16});
  net_norm(g, "b.dwbn", "d", "dn", 16);
  net_conv(g, "b.pw", "dn", "p", k1(16, 32, 1));
  net_norm(g, "b.pwbn", "p", "s", 32);
  net_found found = finish(module, "x", 16, 32, 2);
  const blok_residual_desc *desc =
      the_residual(&found, "depthwise 3x3 /2 + batch, conv 1x1 + batch");
  ck_assert_int_eq(desc->skip_steps, 2);
  ck_assert_int_eq(desc->skip_step[0].conv.kernel[0], 3);
  ck_assert_int_eq(desc->skip_step[1].conv.out_channels, 32);
  const blok_residual_weights *weights = net_block(&found, BLOK_RESIDUAL)->residual_weights;
  ck_assert(blok_same_value(weights->skip[0].weight, net_value(g, "b.dw.weight")));
  ck_assert(blok_same_value(weights->skip[1].norm[0], net_value(g, "b.pwbn.weight")));
  // Two convolutions of F, two of the skip path.
  ck_assert_uint_eq(net_count(&found, BLOK_CONV_NORM_ACT), 4);
  net_free(&found);
}
END_TEST

START_TEST(skip_path__takes_a_norm_alone) {
  blok_module *module;
  blok_graph *g = begin(&module, 8);
  net_norm(g, "b.bn", "x", "s", 16);
  net_found found = finish(module, "x", 16, 16, 1);
  const blok_residual_desc *desc = the_residual(&found, "batch");
  ck_assert_int_eq(desc->skip_step[0].op, BLOK_SKIP_NORM);
  ck_assert_int_eq(desc->skip_step[0].conv.in_channels, 16);
  ck_assert_int_eq(desc->skip_step[0].conv.norm, BLOK_NORM_BATCH);
  ck_assert(blok_same_value(net_block(&found, BLOK_RESIDUAL)->residual_weights->skip[0].norm[3],
                            net_value(g, "b.bn.var")));
  net_free(&found);
}
END_TEST

// ---- Pools --------------------------------------------------------------------------------------

START_TEST(skip_path__takes_a_pool_before_the_1x1) {
  blok_module *module;
  blok_graph *g = begin(&module, 7);
  blok_node_id node = pool(g, "AveragePool", "x", "a", 2, 2, 0);
  set(g, node, "ceil_mode", 1);
  set(g, node, "count_include_pad", 1);
  net_conv(g, "b.proj", "a", "p", k1(16, 32, 1));
  net_norm(g, "b.bn", "p", "s", 32);
  net_found found = finish(module, "x", 16, 32, 2);
  const blok_residual_desc *desc = the_residual(&found, "avg pool 2x2 /2, conv 1x1 + batch");
  const blok_skip_step *step = &desc->skip_step[0];
  ck_assert_int_eq(step->op, BLOK_SKIP_AVERAGE_POOL);
  ck_assert_int_eq(step->kernel[1], 2);
  ck_assert_int_eq(step->stride[0], 2);
  ck_assert(step->ceil_mode);
  ck_assert(step->count_include_pad);
  ck_assert_int_eq(desc->skip_step[1].conv.norm, BLOK_NORM_BATCH);
  net_free(&found);
}
END_TEST

START_TEST(skip_path__takes_a_pool_alone) {
  blok_module *module;
  blok_graph *g = begin(&module, 8);
  pool(g, "MaxPool", "x", "s", 3, 2, 1);
  net_found found = finish(module, "x", 16, 16, 2);
  const blok_skip_step *step = &the_residual(&found, "max pool 3x3 /2")->skip_step[0];
  ck_assert_int_eq(step->op, BLOK_SKIP_MAX_POOL);
  ck_assert_int_eq(step->pads[0], 1);
  ck_assert_int_eq(step->pads[3], 1);
  net_free(&found);
}
END_TEST

// Whatever size comes in, windows without padding that may stand over the edge halve it as a
// convolution with padding does.
START_TEST(skip_path__agrees_on_open_sizes_where_the_pool_halves_all) {
  static const struct { int64_t kernel, pad, ceil; } pools[] = {{2, 0, 1}, {3, 1, 0}};
  for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++) {
    blok_module *module;
    blok_graph *g = begin(&module, -1);
    blok_node_id node = pool(g, "AveragePool", "x", "s", pools[i].kernel, 2, pools[i].pad);
    set(g, node, "ceil_mode", pools[i].ceil);
    net_found found = finish(module, "x", 16, 16, 2);
    ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL), 1);
    net_free(&found);
  }
}
END_TEST

START_TEST(skip_path__begins_behind_a_pool_that_others_read) {
  blok_module *module;
  blok_graph *g = begin(&module, 8);
  pool(g, "MaxPool", "x", "m", 2, 2, 0);
  net_output(g, "m");
  net_conv(g, "b.proj", "m", "s", k1(16, 32, 1));
  net_found found = finish(module, "x", 16, 32, 2);
  const blok_residual_desc *desc = the_residual(&found, "shared max pool 2x2 /2, conv 1x1");
  const blok_block_record *block = net_block(&found, BLOK_RESIDUAL);
  ck_assert(desc->skip_elsewhere);
  ck_assert_int_eq(desc->skip_steps, 1);
  ck_assert(blok_same_value(block->entry, net_value(g, "x")));
  ck_assert(blok_same_value(block->skip_entry, net_value(g, "m")));
  ck_assert_uint_eq(block->n_members, 5);
  net_free(&found);
}
END_TEST

START_TEST(skip_path__may_be_the_pool_that_others_read_itself) {
  blok_module *module;
  blok_graph *g = begin(&module, 8);
  pool(g, "MaxPool", "x", "s", 2, 2, 0);
  net_output(g, "s");
  net_found found = finish(module, "x", 16, 16, 2);
  const blok_residual_desc *desc = the_residual(&found, "shared max pool 2x2 /2");
  ck_assert(desc->skip_elsewhere);
  ck_assert_int_eq(desc->skip_steps, 0);
  net_free(&found);
}
END_TEST

// Of a value that F reads too the skip path is the identity.
START_TEST(skip_path__is_the_identity_of_a_pool_that_f_reads) {
  blok_module *module;
  blok_graph *g = begin(&module, 8);
  pool(g, "MaxPool", "x", "s", 2, 2, 0);
  net_found found = finish(module, "s", 16, 16, 1);
  const blok_residual_desc *desc = the_residual(&found, NULL);
  ck_assert(!desc->skip_elsewhere);
  ck_assert(blok_same_value(net_block(&found, BLOK_RESIDUAL)->entry, net_value(g, "s")));
  net_free(&found);
}
END_TEST

// ---- Slices and padding -------------------------------------------------------------------------

// Every second place of height and width, then zeros for the new channels: x[:, :, ::2, ::2] in one
// node or in two.
static net_found match_slice_and_pad(bool one_node, int64_t side) {
  static const int64_t zeros[2] = {0, 0}, ends[2] = {INT64_MAX, INT64_MAX}, axes[2] = {3, 2};
  static const int64_t steps[2] = {2, 2}, pads[8] = {0, 8, 0, 0, 0, 8, 0, 0};
  blok_module *module;
  blok_graph *g = begin(&module, side);
  int64_t n = one_node ? 2 : 1;
  net_ints(g, "from", zeros, n);
  net_ints(g, "to", ends, n);
  net_ints(g, "axes", axes, n);
  net_ints(g, "by", steps, n);
  net_ints(g, "second", axes + 1, 1);
  net_ints(g, "pads", pads, 8);
  net_node(g, "Slice", "x from to axes by", one_node ? "b" : "a");
  if (!one_node) net_node(g, "Slice", "a from to second by", "b");
  net_node(g, "Pad", "b pads", "s");
  return finish(module, "x", 16, 32, 2);
}

START_TEST(skip_path__takes_slices_and_padding) {
  for (int i = 0; i < 4; i++) {
    net_found found = match_slice_and_pad(i % 2 == 0, i < 2 ? 8 : -1);
    const blok_residual_desc *desc = the_residual(&found, "slice, pad");
    ck_assert_int_eq(desc->skip_steps, 3);
    ck_assert_int_eq(desc->skip_step[0].op, BLOK_SKIP_SLICE);
    ck_assert_int_eq(desc->skip_step[0].axis + desc->skip_step[1].axis, 5);
    ck_assert_int_eq(desc->skip_step[1].step, 2);
    ck_assert_int_eq(desc->skip_step[1].begin, 0);
    if (i < 2) ck_assert_int_eq(desc->skip_step[1].end, 8);
    ck_assert_int_eq(desc->skip_step[2].op, BLOK_SKIP_PAD);
    ck_assert_int_eq(desc->skip_step[2].axis, 1);
    ck_assert_int_eq(desc->skip_step[2].begin, 8);
    ck_assert_int_eq(desc->skip_step[2].end, 8);
    net_free(&found);
  }
}
END_TEST

// ---- Scales -------------------------------------------------------------------------------------

// A constant g of these sizes; rank 0: one number.
static void factor(blok_graph *g, int rank, const int64_t *dims) {
  if (rank > 0) net_weight(g, "g", rank, dims);
  if (rank == 0) net_number(g, "g", 0.4f);
}

START_TEST(skip_path__takes_a_scale) {
  static const struct {
    const char *op, *inputs;
    int rank;
    int64_t dims[4];
    blok_scale scale;
    bool divides;
  } cases[] = {{"Mul", "x g", 3, {16, 1, 1}, BLOK_SCALE_CHANNELS, false},
               {"Mul", "g x", 4, {1, 16, 1, 1}, BLOK_SCALE_CHANNELS, false},
               {"Mul", "g x", 0, {0}, BLOK_SCALE_NUMBER, false},
               {"Div", "x g", 0, {0}, BLOK_SCALE_NUMBER, true}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    for (int open = 0; open < 2; open++) {
      blok_module *module;
      blok_graph *g = begin(&module, open ? -1 : 8);
      factor(g, cases[i].rank, cases[i].dims);
      net_node(g, cases[i].op, cases[i].inputs, "s");
      net_found found = finish(module, "x", 16, 16, 1);
      const blok_residual_desc *desc = the_residual(&found, "scale");
      const blok_block_record *block = net_block(&found, BLOK_RESIDUAL);
      const blok_skip_step *step = &desc->skip_step[0];
      ck_assert_int_eq(desc->skip_steps, 1);
      ck_assert_int_eq(step->op, BLOK_SKIP_SCALE);
      ck_assert_int_eq(step->scale, cases[i].scale);
      ck_assert_int_eq(step->axis, cases[i].scale == BLOK_SCALE_CHANNELS ? 1 : 0);
      ck_assert(step->divides == cases[i].divides);
      ck_assert(blok_same_value(block->residual_weights->skip[0].weight, net_value(g, "g")));
      ck_assert(blok_same_value(block->entry, net_value(g, "x")));
      ck_assert_uint_eq(block->n_members, 5);
      net_free(&found);
    }
  }
}
END_TEST

START_TEST(skip_path__takes_a_scale_among_other_steps) {
  static const int64_t channels[3] = {16, 1, 1};
  blok_module *module;
  blok_graph *g = begin(&module, 8);
  factor(g, 3, channels);
  pool(g, "AveragePool", "x", "a", 2, 2, 0);
  net_node(g, "Mul", "a g", "b");
  net_conv(g, "b.proj", "b", "s", k1(16, 32, 1));
  net_found found = finish(module, "x", 16, 32, 2);
  const blok_residual_desc *desc = the_residual(&found, "avg pool 2x2 /2, scale, conv 1x1");
  ck_assert_int_eq(desc->skip_steps, 3);
  ck_assert_int_eq(desc->skip_step[1].op, BLOK_SKIP_SCALE);
  net_free(&found);
}
END_TEST

// x of [2, 8, 8, 16], or of [2, 64, 16], times g of [size] or [size, 1]; F is a product by constant
// weights.
static net_found match_last_axis(int rank, int factor_rank, int64_t size) {
  static const int64_t sizes[3] = {2, 64, 16}, square[2] = {16, 16};
  const int64_t places[2] = {size, 1};
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  const char *x = rank == 4 ? "p" : "x";
  net_input(g, "p", 2, 8, 8, 16);
  net_ints(g, "sizes", sizes, 3);
  if (rank == 3) net_node(g, "Reshape", "p sizes", "x");
  net_weight(g, "g", factor_rank, places);
  net_weight(g, "w", 2, square);
  char inputs[16];
  snprintf(inputs, sizeof inputs, "g %s", x);
  net_node(g, "Mul", inputs, "s");
  snprintf(inputs, sizeof inputs, "%s w", x);
  net_node(g, "MatMul", inputs, "c");
  net_node(g, "Relu", "c", "f");
  net_node(g, "Add", "s f", "y");
  net_output(g, "y");
  return net_match(module);
}

START_TEST(skip_path__takes_a_scale_of_channels_that_are_last) {
  for (int rank = 3; rank < 5; rank++) {
    net_found found = match_last_axis(rank, 1, 16);
    ck_assert_uint_eq(found.overlay->n_misses, 0);
    const blok_block_record *block = net_block(&found, BLOK_RESIDUAL_OTHER);
    const blok_skip_step *step = &block->residual->skip_step[0];
    ck_assert_str_eq(block->skip_of, "scale");
    ck_assert_int_eq(block->residual->skip_steps, 1);
    ck_assert(block->residual->channels_last);
    ck_assert_int_eq(step->op, BLOK_SKIP_SCALE);
    ck_assert_int_eq(step->scale, BLOK_SCALE_CHANNELS);
    ck_assert_int_eq(step->axis, rank - 1);
    ck_assert(blok_same_value(block->residual_weights->skip[0].weight,
                              net_value(found.module->graph, "g")));
    net_free(&found);
  }
}
END_TEST

// ---- What ends a path ---------------------------------------------------------------------------

static void assert_none(net_found found) {
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL), 0);
  ck_assert_uint_eq(net_count(&found, BLOK_BOTTLENECK), 0);
  net_free(&found);
}

START_TEST(skip_path__takes_one_1x1_conv_only) {
  blok_module *module;
  blok_graph *g = begin(&module, 8);
  net_conv(g, "b.one", "x", "p", k1(16, 16, 1));
  net_conv(g, "b.two", "p", "s", k1(16, 16, 1));
  assert_none(finish(module, "x", 16, 16, 1));
}
END_TEST

START_TEST(skip_path__takes_no_conv_that_looks_around) {
  blok_module *module;
  blok_graph *g = begin(&module, 8);
  net_conv(g, "b.proj", "x", "s", (net_conv_shape){16, 16, 3, 1, 0});
  assert_none(finish(module, "x", 16, 16, 1));
}
END_TEST

START_TEST(skip_path__takes_no_activation) {
  blok_module *module;
  blok_graph *g = begin(&module, 8);
  net_conv(g, "b.proj", "x", "p", k1(16, 16, 1));
  net_node(g, "Relu", "p", "s");
  net_found found = finish(module, "x", 16, 16, 1);
  assert_none(found);
}
END_TEST

START_TEST(skip_path__takes_no_padding_of_other_numbers) {
  static const int64_t pads[8] = {0, 0, 0, 0, 0, 16, 0, 0},
                       negative[8] = {0, -4, 0, 0, 0, 20, 0, 0};
  for (int i = 0; i < 3; i++) {
    blok_module *module;
    blok_graph *g = begin(&module, 8);
    net_ints(g, "pads", i == 2 ? negative : pads, 8);
    net_number(g, "one", 1);
    blok_node_id node = net_node(g, "Pad", i == 0 ? "x pads one" : "x pads", "s");
    if (i == 1) {
      ck_assert_int_eq(blok_node_set_text(g, node, "mode", "edge", NULL), BLOK_OK);
    }
    assert_none(finish(module, "x", 16, 32, 1));
  }
}
END_TEST

START_TEST(skip_path__takes_no_slice_that_runs_backwards) {
  static const int64_t from[1] = {-1}, to[1] = {INT64_MIN}, axis[1] = {2}, by[1] = {-1};
  blok_module *module;
  blok_graph *g = begin(&module, 8);
  net_ints(g, "from", from, 1);
  net_ints(g, "to", to, 1);
  net_ints(g, "axes", axis, 1);
  net_ints(g, "by", by, 1);
  net_node(g, "Slice", "x from to axes by", "s");
  assert_none(finish(module, "x", 16, 16, 1));
}
END_TEST

START_TEST(skip_path__takes_no_pool_with_dilation_or_indices) {
  for (int i = 0; i < 2; i++) {
    blok_module *module;
    blok_graph *g = begin(&module, 8);
    blok_node_id node = pool(g, "MaxPool", "x", i ? "s index" : "s", 3, 1, i ? 1 : 2);
    if (i == 0) set_ints(g, node, "dilations", 2, 2);
    if (i == 1) net_output(g, "index");
    assert_none(finish(module, "x", 16, 16, 1));
  }
}
END_TEST

START_TEST(skip_path__refused_when_a_shared_pool_reads_another_value) {
  blok_module *module;
  blok_graph *g = begin(&module, 8);
  net_node(g, "Relu", "x", "z");
  pool(g, "MaxPool", "z", "s", 2, 2, 0);
  net_output(g, "s");
  assert_none(finish(module, "x", 16, 16, 2));
}
END_TEST

START_TEST(skip_path__takes_no_other_product) {
  static const struct {
    const char *op, *inputs;
    int rank;
    int64_t dims[5];
  } cases[] = {{"Mul", "x g", 3, {16, 8, 1}},       // along two axes
               {"Mul", "x g", 1, {8}},              // along a row of a picture
               {"Mul", "x g", 5, {1, 1, 1, 1, 1}},  // of more axes than x
               {"Mul", "x x", 0, {0}},
               {"Div", "g x", 0, {0}},
               {"Div", "x g", 3, {16, 1, 1}},
               {"Add", "x g", 0, {0}}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    blok_module *module;
    blok_graph *g = begin(&module, 8);
    factor(g, cases[i].rank, cases[i].dims);
    net_node(g, cases[i].op, cases[i].inputs, "s");
    net_found found = finish(module, "x", 16, 16, 1);
    ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 0);
    assert_none(found);
  }
}
END_TEST

START_TEST(skip_path__takes_no_scale_that_repeats_x) {
  static const int64_t wide[3] = {16, 1, 1};
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", -1, 1, 8, 8);
  net_weight(g, "g", 3, wide);
  net_node(g, "Mul", "x g", "s");
  net_found found = finish(module, "x", 1, 16, 1);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 0);
  assert_none(found);
}
END_TEST

START_TEST(skip_path__takes_no_scale_that_others_read) {
  blok_module *module;
  blok_graph *g = begin(&module, 8);
  net_number(g, "g", 0.4f);
  net_node(g, "Mul", "x g", "s");
  net_output(g, "s");
  net_found found = finish(module, "x", 16, 16, 1);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 0);
  assert_none(found);
}
END_TEST

START_TEST(skip_path__takes_no_scale_of_another_axis_than_the_channels) {
  net_found found = match_last_axis(4, 2, 8);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 0);
  net_free(&found);
}
END_TEST

Suite *suite_skip(void) {
  Suite *suite = suite_create("skip");
  TCase *tests = tcase_create("path");
  tcase_add_test(tests, skip_path__takes_a_1x1_conv_of_any_stride_and_groups);
  tcase_add_test(tests, skip_path__takes_a_depthwise_conv_before_the_1x1);
  tcase_add_test(tests, skip_path__takes_a_norm_alone);
  tcase_add_test(tests, skip_path__takes_a_pool_before_the_1x1);
  tcase_add_test(tests, skip_path__takes_a_pool_alone);
  tcase_add_test(tests, skip_path__agrees_on_open_sizes_where_the_pool_halves_all);
  tcase_add_test(tests, skip_path__begins_behind_a_pool_that_others_read);
  tcase_add_test(tests, skip_path__may_be_the_pool_that_others_read_itself);
  tcase_add_test(tests, skip_path__is_the_identity_of_a_pool_that_f_reads);
  tcase_add_test(tests, skip_path__takes_slices_and_padding);
  tcase_add_test(tests, skip_path__takes_a_scale);
  tcase_add_test(tests, skip_path__takes_a_scale_among_other_steps);
  tcase_add_test(tests, skip_path__takes_a_scale_of_channels_that_are_last);
  suite_add_tcase(suite, tests);
  TCase *ends = tcase_create("ends");
  tcase_add_test(ends, skip_path__takes_one_1x1_conv_only);
  tcase_add_test(ends, skip_path__takes_no_conv_that_looks_around);
  tcase_add_test(ends, skip_path__takes_no_activation);
  tcase_add_test(ends, skip_path__takes_no_padding_of_other_numbers);
  tcase_add_test(ends, skip_path__takes_no_slice_that_runs_backwards);
  tcase_add_test(ends, skip_path__takes_no_pool_with_dilation_or_indices);
  tcase_add_test(ends, skip_path__refused_when_a_shared_pool_reads_another_value);
  tcase_add_test(ends, skip_path__takes_no_other_product);
  tcase_add_test(ends, skip_path__takes_no_scale_that_repeats_x);
  tcase_add_test(ends, skip_path__takes_no_scale_that_others_read);
  tcase_add_test(ends, skip_path__takes_no_scale_of_another_axis_than_the_channels);
  suite_add_tcase(suite, ends);
  return suite;
}
