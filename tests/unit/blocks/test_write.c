// Blocks written from descriptors made by hand: what is matched in the nodes is the same
// descriptor, whatever its fields say, and written once more it computes the same.
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "again.h"
#include "blocks/write.h"

#define VALUES 256

// A block to be written: its weights are made as its descriptor asks.
typedef struct draft {
  blok_graph *graph;
  uint32_t n_weights;
  const char *output;  // a second graph output, or NULL
  blok_block_record record;
  blok_conv_weights weights[2];
  blok_residual_weights residual_weights;
} draft;

static void begin(draft *self, blok_block_kind kind, int64_t channels) {
  memset(self, 0, sizeof *self);
  self->graph = net_module()->graph;
  self->record.kind = kind;
  self->record.parent = -1;
  self->record.name = "stage.0";
  self->record.weights = self->weights;
  self->record.residual_weights = &self->residual_weights;
  net_input(self->graph, "x", 2, channels, 8, 8);
  self->record.entry = net_value(self->graph, "x");
  self->record.exit = net_value(self->graph, "y");
}

static blok_value_id weight(draft *self, const char *end, int rank, int64_t a, int64_t b, int64_t c,
                            int64_t d) {
  const int64_t dims[4] = {a, b, c, d};
  char name[32];
  snprintf(name, sizeof name, "w%u.%s", self->n_weights++, end);
  net_weight(self->graph, name, rank, dims);
  return net_value(self->graph, name);
}

static void norm_weights(draft *self, blok_norm of, int64_t channels, blok_value_id norm[4]) {
  static const char *const ends[] = {"weight", "bias", "mean", "var"};
  const int n = of == BLOK_NORM_BATCH ? 4 : 2;
  for (int i = 0; i < n; i++) norm[i] = weight(self, ends[i], 1, channels, 0, 0, 0);
}

static blok_conv_weights conv_weights(draft *self, const blok_conv_desc *desc, bool pre) {
  blok_conv_weights made;
  memset(&made, 0, sizeof made);
  const int64_t normed = pre ? desc->in_channels : desc->out_channels;
  made.weight = weight(self, "weight", 4, desc->out_channels, desc->in_channels / desc->groups,
                       desc->kernel[0], desc->kernel[1]);
  if (desc->bias) made.bias = weight(self, "bias", 1, desc->out_channels, 0, 0, 0);
  if (desc->norm) norm_weights(self, desc->norm, normed, made.norm);
  if (desc->activation == BLOK_ACT_PRELU) made.slope = weight(self, "slope", 3, normed, 1, 1, 0);
  return made;
}

static void se_weights(draft *self, const blok_se_desc *desc, blok_conv_weights made[2]) {
  for (int i = 0; i < 2; i++) {
    const int64_t in = i ? desc->hidden : desc->channels, out = i ? desc->channels : desc->hidden;
    const bool swapped = desc->product[i] == BLOK_PRODUCT_LINEAR_IN_OUT;
    const int rank = desc->product[i] == BLOK_PRODUCT_CONV ? 4 : 2;
    memset(&made[i], 0, sizeof made[i]);
    made[i].weight = weight(self, "weight", rank, swapped ? in : out, swapped ? out : in, 1, 1);
    if (desc->bias[i]) made[i].bias = weight(self, "bias", 1, out, 0, 0, 0);
  }
  if (desc->norm) norm_weights(self, desc->norm, desc->hidden, made[0].norm);
  if (desc->activation != BLOK_ACT_PRELU) return;
  made[0].slope = weight(self, "slope", desc->product[0] ? 1 : 3, desc->hidden, 1, 1, 0);
}

// Writes the block, finds the same one in it, and writes that again.
static void check(draft *self) {
  static blok_value_id values[VALUES];
  blok_error error = BLOK_ERROR_INIT;
  blok_names taken;
  ck_assert_uint_le(self->graph->n_values, VALUES);
  for (uint32_t i = 0; i < VALUES; i++) values[i].i = i;
  blok_names_init(&taken, blok_allocator_default());
  blok_writer writer = {.graph = self->graph,
                        .values = values,
                        .taken = &taken,
                        .scope = self->record.name,
                        .dtype = BLOK_F32,
                        .error = &error};
  ck_assert_msg(blok_write_block(&writer, &self->record) == BLOK_OK, "%s", error.message);
  blok_names_free(&taken);
  net_output(self->graph, "y");
  if (self->output) net_output(self->graph, self->output);
  again_noise(self->graph->module);
  net_found found = net_match(self->graph->module);
  const blok_block_record *block = net_block(&found, self->record.kind);
  ck_assert_str_eq(block->name, self->record.name);
  ck_assert(again_same(block, &self->record));
  ck_assert(blok_same_value(block->exit, self->record.exit));
  net_found again = again_written(&found);
  net_free(&again);
  net_free(&found);
}

// ---- conv_norm_act ------------------------------------------------------------------------------

static blok_conv_desc conv_desc(int32_t in, int32_t out, int32_t kernel, int32_t stride) {
  blok_conv_desc desc = BLOK_CONV_DESC_INIT;
  desc.in_channels = in;
  desc.out_channels = out;
  for (int i = 0; i < 2; i++) {
    desc.kernel[i] = kernel;
    desc.stride[i] = stride;
    desc.pads[i] = desc.pads[i + 2] = kernel / 2;
  }
  return desc;
}

static blok_conv_desc with_norm(blok_conv_desc desc) {
  desc.norm = BLOK_NORM_BATCH;
  desc.epsilon = (double)1e-3f;
  return desc;
}

static blok_conv_desc with_act(blok_conv_desc desc, blok_activation activation) {
  desc.activation = activation;
  return desc;
}

static void check_conv(blok_conv_desc desc) {
  draft self;
  begin(&self, BLOK_CONV_NORM_ACT, desc.in_channels);
  self.record.conv = &desc;
  self.weights[0] = conv_weights(&self, &desc, false);
  check(&self);
}

START_TEST(write_conv_norm_act__keeps_every_field_of_the_convolution) {
  blok_conv_desc desc = conv_desc(8, 16, 3, 1);
  check_conv(desc);
  desc.bias = true;
  check_conv(desc);
  desc = conv_desc(8, 16, 3, 2);
  desc.kernel[1] = 5;
  desc.stride[1] = 1;
  check_conv(desc);
  desc.pads[0] = 0;
  desc.pads[1] = 3;
  check_conv(desc);
  desc = conv_desc(8, 16, 3, 1);
  desc.dilation[0] = 2;
  desc.groups = 4;
  check_conv(desc);
  desc = conv_desc(8, 8, 5, 1);
  desc.groups = 8;
  check_conv(desc);
}
END_TEST

START_TEST(write_conv_norm_act__keeps_norm_and_bias) {
  blok_conv_desc desc = with_norm(conv_desc(8, 16, 1, 1));
  check_conv(desc);
  desc.bias = true;
  check_conv(with_act(desc, BLOK_ACT_RELU));
}
END_TEST

// A group norm of so many groups, or a layer norm where there are none.
static void set_norm(blok_conv_desc *desc, int32_t groups) {
  desc->norm = groups ? BLOK_NORM_GROUP : BLOK_NORM_LAYER;
  desc->norm_groups = groups;
  desc->epsilon = (double)1e-3f;
}

static const int32_t group_counts[] = {0, 1, 4, 8};  // of 8 channels

START_TEST(write_conv_norm_act__keeps_norms_of_groups_and_of_channels) {
  blok_conv_desc desc = conv_desc(4, 8, 3, 1);
  set_norm(&desc, group_counts[_i]);
  check_conv(desc);
  desc.bias = true;
  check_conv(with_act(desc, BLOK_ACT_RELU));
}
END_TEST

// Every activation, with parameters that are not the operator's defaults.
typedef struct act {
  blok_activation activation;
  double alpha, beta;
} act;

static const act acts[] = {{BLOK_ACT_RELU, 0, 0},
                           {BLOK_ACT_RELU6, 0, 0},
                           {BLOK_ACT_LEAKY_RELU, (double)0.2f, 0},
                           {BLOK_ACT_SILU, 0, 0},
                           {BLOK_ACT_HARD_SWISH, 0, 0},
                           {BLOK_ACT_SIGMOID, 0, 0},
                           {BLOK_ACT_HARD_SIGMOID, 0.25, (double)0.4f},
                           {BLOK_ACT_TANH, 0, 0},
                           {BLOK_ACT_GELU, 0, 0},
                           {BLOK_ACT_PRELU, 0, 0},
                           {BLOK_ACT_CLIP, -0.5, 1.5},
                           {BLOK_ACT_CLIP, -HUGE_VAL, 1.5},
                           {BLOK_ACT_CLIP, -0.5, HUGE_VAL},
                           {BLOK_ACT_GELU_TANH, 0, 0},
                           {BLOK_ACT_MISH, 0, 0},
                           {BLOK_ACT_ELU, (double)0.7f, 0}};

enum { ACTS = sizeof acts / sizeof acts[0] };

START_TEST(write_conv_norm_act__spells_every_activation) {
  blok_conv_desc desc = with_norm(conv_desc(8, 8, 3, 1));
  desc.activation = acts[_i].activation;
  desc.alpha = acts[_i].alpha;
  desc.beta = acts[_i].beta;
  check_conv(desc);
}
END_TEST

// ---- squeeze_excite -----------------------------------------------------------------------------

static blok_se_desc se_desc(int32_t channels) {
  blok_se_desc desc = BLOK_SE_DESC_INIT;
  desc.channels = channels;
  desc.hidden = 4;
  return desc;
}

static void check_se(blok_se_desc desc) {
  draft self;
  begin(&self, BLOK_SQUEEZE_EXCITE, desc.channels);
  self.record.se = &desc;
  se_weights(&self, &desc, self.weights);
  check(&self);
}

START_TEST(write_squeeze_excite__writes_every_product_with_and_without_bias) {
  blok_se_desc desc = se_desc(16);
  desc.product[0] = (blok_product)(_i % 3);
  desc.product[1] = (blok_product)(_i / 3 % 3);
  desc.bias[0] = (_i / 9 & 1) != 0;
  desc.bias[1] = (_i / 9 & 2) != 0;
  check_se(desc);
}
END_TEST

START_TEST(write_squeeze_excite__keeps_norm_activation_and_gate) {
  blok_se_desc desc = se_desc(16);
  desc.norm = BLOK_NORM_BATCH;
  desc.epsilon = (double)1e-3f;
  desc.gate = BLOK_ACT_HARD_SIGMOID;
  desc.gate_alpha = (double)0.2f;
  desc.gate_beta = 0.5;
  desc.activation = acts[_i].activation;
  desc.alpha = acts[_i].alpha;
  desc.beta = acts[_i].beta;
  check_se(desc);
  desc.product[0] = BLOK_PRODUCT_LINEAR;
  check_se(desc);
}
END_TEST

// ---- residual, bottleneck -----------------------------------------------------------------------

// Two 3x3 convolutions of 8 channels, or a bottleneck of 16, 4, 16; identity, Relu behind.
static blok_residual_desc basic(void) {
  blok_residual_desc desc = BLOK_RESIDUAL_DESC_INIT;
  desc.conv[0] = with_act(with_norm(conv_desc(8, 8, 3, 1)), BLOK_ACT_RELU);
  desc.conv[1] = with_norm(conv_desc(8, 8, 3, 1));
  desc.after_add = BLOK_ACT_RELU;
  return desc;
}

static blok_residual_desc bottleneck(void) {
  blok_residual_desc desc = basic();
  desc.convs = 3;
  desc.conv[0] = with_act(with_norm(conv_desc(16, 4, 1, 1)), BLOK_ACT_RELU);
  desc.conv[1] = with_act(with_norm(conv_desc(4, 4, 3, 1)), BLOK_ACT_RELU);
  desc.conv[2] = with_norm(conv_desc(4, 16, 1, 1));
  return desc;
}

static blok_residual_desc pre(void) {
  blok_residual_desc desc = basic();
  desc.order = BLOK_ORDER_PRE;
  desc.conv[1].activation = BLOK_ACT_RELU;
  desc.after_add = BLOK_ACT_NONE;
  return desc;
}

// The constant that a scale multiplies by.
static blok_value_id factor(draft *self, const blok_skip_step *step, int64_t channels) {
  if (step->scale == BLOK_SCALE_CHANNELS) return weight(self, "g", 3, channels, 1, 1, 0);
  net_number(self->graph, "g", 0.4f);
  return net_value(self->graph, "g");
}

static void step_weights(draft *self, const blok_skip_step *step, int64_t channels,
                         blok_conv_weights *made) {
  if (step->op == BLOK_SKIP_CONV) *made = conv_weights(self, &step->conv, false);
  if (step->op == BLOK_SKIP_NORM) {
    norm_weights(self, step->conv.norm, step->conv.in_channels, made->norm);
  }
  if (step->op == BLOK_SKIP_SCALE) made->weight = factor(self, step, channels);
}

static void check_residual_of(draft *self, const blok_residual_desc *desc) {
  blok_residual_weights *weights = &self->residual_weights;
  self->record.residual = desc;
  for (int32_t i = 0; i < desc->convs; i++) {
    weights->conv[i] = conv_weights(self, &desc->conv[i], desc->order == BLOK_ORDER_PRE);
  }
  for (int32_t i = 0; i < desc->skip_steps; i++) {
    step_weights(self, &desc->skip_step[i], desc->conv[0].in_channels, &weights->skip[i]);
  }
  const int32_t out = desc->conv[desc->convs - 1].out_channels;
  if (desc->has_se) se_weights(self, &desc->se, weights->se);
  if (desc->scale == BLOK_SCALE_CHANNELS) weights->scale = weight(self, "gamma", 3, out, 1, 1, 0);
  if (desc->after_add == BLOK_ACT_PRELU) {
    weights->after_slope = weight(self, "slope", 3, out, 1, 1, 0);
  }
  check(self);
}

static void check_residual(blok_block_kind kind, blok_residual_desc desc) {
  draft self;
  begin(&self, kind, desc.conv[0].in_channels);
  check_residual_of(&self, &desc);
}

START_TEST(write_residual__keeps_orders_and_widths) {
  check_residual(BLOK_RESIDUAL, basic());
  check_residual(BLOK_RESIDUAL, pre());
  check_residual(BLOK_BOTTLENECK, bottleneck());
  blok_residual_desc desc = bottleneck();
  desc.conv[1].groups = 2;
  check_residual(BLOK_BOTTLENECK, desc);
  desc = basic();
  desc.conv[0].norm = desc.conv[1].norm = BLOK_NORM_NONE;
  desc.conv[0].epsilon = desc.conv[1].epsilon = 0;
  desc.conv[0].bias = desc.conv[1].bias = true;
  check_residual(BLOK_RESIDUAL, desc);
}
END_TEST

START_TEST(write_residual__keeps_norms_of_groups_and_of_channels) {
  blok_residual_desc desc = basic(), first = pre();
  for (int i = 0; i < 2; i++) {
    set_norm(&desc.conv[i], group_counts[_i]);
    set_norm(&first.conv[i], group_counts[_i]);
  }
  check_residual(BLOK_RESIDUAL, desc);
  check_residual(BLOK_RESIDUAL, first);
  desc.skip = BLOK_SKIP_PROJECTION;
  desc.skip_steps = 2;
  desc.skip_step[0].op = BLOK_SKIP_NORM;
  desc.skip_step[0].conv.in_channels = 8;
  set_norm(&desc.skip_step[0].conv, group_counts[_i]);
  desc.skip_step[1].op = BLOK_SKIP_CONV;
  desc.skip_step[1].conv = conv_desc(8, 8, 1, 1);
  set_norm(&desc.skip_step[1].conv, group_counts[_i]);
  check_residual(BLOK_RESIDUAL, desc);
}
END_TEST

START_TEST(write_residual__keeps_the_activation_behind_the_addition) {
  blok_residual_desc desc = basic();
  desc.after_add = acts[_i].activation;
  desc.after_alpha = acts[_i].alpha;
  desc.after_beta = acts[_i].beta;
  check_residual(BLOK_RESIDUAL, desc);
}
END_TEST

START_TEST(write_residual__keeps_the_place_of_squeeze_excite) {
  blok_residual_desc desc = basic();
  desc.has_se = true;
  desc.se = se_desc(8);
  for (desc.se_conv = 0; desc.se_conv < 2; desc.se_conv++) check_residual(BLOK_RESIDUAL, desc);
  desc.se_conv = 0;
  desc.se_before_act = true;
  check_residual(BLOK_RESIDUAL, desc);
  desc = bottleneck();
  desc.has_se = true;
  desc.se = se_desc(4);
  desc.se_conv = 1;
  check_residual(BLOK_BOTTLENECK, desc);
  desc = pre();
  desc.has_se = true;
  desc.se = se_desc(8);
  desc.se.product[0] = desc.se.product[1] = BLOK_PRODUCT_LINEAR;
  for (desc.se_conv = 0; desc.se_conv < 2; desc.se_conv++) check_residual(BLOK_RESIDUAL, desc);
}
END_TEST

START_TEST(write_residual__keeps_the_scale) {
  blok_residual_desc desc = basic();
  desc.scale = BLOK_SCALE_NUMBER;
  desc.scale_number = (double)0.2f;
  check_residual(BLOK_RESIDUAL, desc);
  desc.scale_number = 1;
  desc.scale = BLOK_SCALE_CHANNELS;
  check_residual(BLOK_RESIDUAL, desc);
}
END_TEST

// ---- Skip paths ---------------------------------------------------------------------------------

static blok_skip_step *add_step(blok_residual_desc *desc, blok_skip_op op) {
  static const blok_skip_step empty = BLOK_SKIP_STEP_INIT;
  blok_skip_step *step = &desc->skip_step[desc->skip_steps++];
  *step = empty;
  step->op = op;
  desc->skip = BLOK_SKIP_PROJECTION;
  return step;
}

static void add_conv_step(blok_residual_desc *desc, int32_t in, int32_t out, int32_t stride) {
  add_step(desc, BLOK_SKIP_CONV)->conv = with_norm(conv_desc(in, out, 1, stride));
}

static void add_pool_step(blok_residual_desc *desc, blok_skip_op op) {
  blok_skip_step *step = add_step(desc, op);
  for (int i = 0; i < 2; i++) step->kernel[i] = step->stride[i] = 2;
}

// F from 8 to 16 channels at a stride of 2.
static blok_residual_desc shrinking(void) {
  blok_residual_desc desc = basic();
  desc.conv[0] = with_act(with_norm(conv_desc(8, 16, 3, 2)), BLOK_ACT_RELU);
  desc.conv[1] = with_norm(conv_desc(16, 16, 3, 1));
  return desc;
}

START_TEST(write_skip__keeps_projections) {
  blok_residual_desc desc = shrinking();
  add_conv_step(&desc, 8, 16, 2);
  check_residual(BLOK_RESIDUAL, desc);
  desc.skip_step[0].conv.norm = BLOK_NORM_NONE;
  desc.skip_step[0].conv.epsilon = 0;
  desc.skip_step[0].conv.bias = true;
  check_residual(BLOK_RESIDUAL, desc);
  desc = basic();
  blok_skip_step *norm = add_step(&desc, BLOK_SKIP_NORM);
  norm->conv.in_channels = 8;
  norm->conv.norm = BLOK_NORM_BATCH;
  norm->conv.epsilon = (double)1e-3f;
  check_residual(BLOK_RESIDUAL, desc);
}
END_TEST

START_TEST(write_skip__keeps_pools) {
  for (int i = 0; i < 2; i++) {
    blok_residual_desc desc = shrinking();
    add_pool_step(&desc, i ? BLOK_SKIP_MAX_POOL : BLOK_SKIP_AVERAGE_POOL);
    desc.skip_step[0].ceil_mode = true;
    add_conv_step(&desc, 8, 16, 1);
    check_residual(BLOK_RESIDUAL, desc);
  }
  blok_residual_desc desc = shrinking();
  add_pool_step(&desc, BLOK_SKIP_AVERAGE_POOL);
  for (int i = 0; i < 2; i++) {
    desc.skip_step[0].kernel[i] = 3;
    desc.skip_step[0].pads[i] = 1;
  }
  desc.skip_step[0].count_include_pad = true;
  add_conv_step(&desc, 8, 16, 1);
  check_residual(BLOK_RESIDUAL, desc);
}
END_TEST

START_TEST(write_skip__keeps_slices_and_pads) {
  blok_residual_desc desc = shrinking();
  for (int32_t axis = 2; axis < 4; axis++) {
    blok_skip_step *slice = add_step(&desc, BLOK_SKIP_SLICE);
    slice->axis = axis;
    slice->end = 8;
    slice->step = 2;
  }
  blok_skip_step *pad = add_step(&desc, BLOK_SKIP_PAD);
  pad->axis = 1;
  pad->begin = pad->end = 4;
  check_residual(BLOK_RESIDUAL, desc);
}
END_TEST

START_TEST(write_skip__keeps_scales) {
  blok_residual_desc desc = basic();
  blok_skip_step *step = add_step(&desc, BLOK_SKIP_SCALE);
  step->scale = BLOK_SCALE_CHANNELS;
  step->axis = 1;
  check_residual(BLOK_RESIDUAL, desc);
  step->scale = BLOK_SCALE_NUMBER;
  step->axis = 0;
  check_residual(BLOK_RESIDUAL, desc);
  step->divides = true;
  check_residual(BLOK_RESIDUAL, desc);
  desc = shrinking();
  step = add_step(&desc, BLOK_SKIP_SCALE);
  step->scale = BLOK_SCALE_CHANNELS;
  step->axis = 1;
  add_conv_step(&desc, 8, 16, 2);
  check_residual(BLOK_RESIDUAL, desc);
}
END_TEST

// The scale of a skip path whose F stays as nodes, the channels last.
START_TEST(write_skip__keeps_the_scale_of_channels_that_are_last) {
  static const int64_t channels[1] = {8}, square[2] = {8, 8};
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 2, 4, 4, 8);
  net_weight(g, "g", 1, channels);
  net_weight(g, "w", 2, square);
  net_node(g, "Mul", "g x", "s");
  net_node(g, "MatMul", "x w", "c");
  net_node(g, "Relu", "c", "f");
  net_node(g, "Add", "f s", "y");
  net_output(g, "y");
  net_found again = again_check(module, BLOK_RESIDUAL_OTHER);
  ck_assert_str_eq(net_block(&again, BLOK_RESIDUAL_OTHER)->skip_of, "scale");
  net_free(&again);
}
END_TEST

START_TEST(write_skip__begins_behind_the_shared_preactivation) {
  blok_residual_desc desc = pre();
  desc.conv[0] = with_act(with_norm(conv_desc(8, 16, 3, 2)), BLOK_ACT_RELU);
  desc.conv[1] = with_act(with_norm(conv_desc(16, 16, 3, 1)), BLOK_ACT_RELU);
  add_step(&desc, BLOK_SKIP_CONV)->conv = conv_desc(8, 16, 1, 2);
  desc.projection_after_preact = true;
  check_residual(BLOK_RESIDUAL, desc);
}
END_TEST

START_TEST(write_skip__begins_at_a_value_that_others_read) {
  draft self;
  blok_residual_desc desc = shrinking();
  const int64_t two[2] = {2, 2};
  begin(&self, BLOK_RESIDUAL, 8);
  blok_node_id pool = net_node(self.graph, "MaxPool", "x", "p");
  ck_assert_int_eq(blok_node_set_ints(self.graph, pool, "kernel_shape", two, 2, NULL), BLOK_OK);
  ck_assert_int_eq(blok_node_set_ints(self.graph, pool, "strides", two, 2, NULL), BLOK_OK);
  net_node(self.graph, "Relu", "p", "other");
  self.output = "other";
  self.record.skip_entry = net_value(self.graph, "p");
  desc.skip_elsewhere = true;
  add_conv_step(&desc, 8, 16, 1);
  check_residual_of(&self, &desc);
}
END_TEST

START_TEST(write_skip__is_added_to_the_first_channels) {
  blok_residual_desc desc = basic();
  desc.conv[1] = with_norm(conv_desc(8, 12, 3, 1));
  desc.skip_channels = 8;
  check_residual(BLOK_RESIDUAL, desc);
  desc.after_add = BLOK_ACT_NONE;
  check_residual(BLOK_RESIDUAL, desc);
  desc = shrinking();
  desc.conv[1].out_channels = 20;
  desc.skip_channels = 16;
  add_conv_step(&desc, 8, 16, 2);
  check_residual(BLOK_RESIDUAL, desc);
}
END_TEST

// ---- inverted_bottleneck ------------------------------------------------------------------------

static blok_residual_desc inverted(void) {
  blok_residual_desc desc = basic();
  desc.convs = 3;
  desc.conv[0] = with_act(with_norm(conv_desc(8, 24, 1, 1)), BLOK_ACT_RELU6);
  desc.conv[1] = with_act(with_norm(conv_desc(24, 24, 3, 1)), BLOK_ACT_RELU6);
  desc.conv[1].groups = 24;
  desc.conv[2] = with_norm(conv_desc(24, 8, 1, 1));
  desc.after_add = BLOK_ACT_NONE;
  return desc;
}

START_TEST(write_inverted_bottleneck__with_and_without_a_skip) {
  blok_residual_desc desc = inverted();
  check_residual(BLOK_INVERTED_BOTTLENECK, desc);
  desc.has_se = true;
  desc.se = se_desc(24);
  desc.se_conv = 1;
  check_residual(BLOK_INVERTED_BOTTLENECK, desc);
  desc.se_before_act = true;
  check_residual(BLOK_INVERTED_BOTTLENECK, desc);
  desc = inverted();
  desc.skip = BLOK_SKIP_NONE;
  desc.conv[1].stride[0] = desc.conv[1].stride[1] = 2;
  check_residual(BLOK_INVERTED_BOTTLENECK, desc);
  desc.convs = 2;
  desc.conv[0] = with_act(with_norm(conv_desc(8, 8, 3, 1)), BLOK_ACT_SILU);
  desc.conv[0].groups = 8;
  desc.conv[1] = with_norm(conv_desc(8, 16, 1, 1));
  check_residual(BLOK_INVERTED_BOTTLENECK, desc);
}
END_TEST

Suite *suite_write(void) {
  Suite *suite = suite_create("write");
  TCase *tests = tcase_create("write");
  tcase_add_test(tests, write_conv_norm_act__keeps_every_field_of_the_convolution);
  tcase_add_test(tests, write_conv_norm_act__keeps_norm_and_bias);
  tcase_add_loop_test(tests, write_conv_norm_act__keeps_norms_of_groups_and_of_channels, 0, 4);
  tcase_add_loop_test(tests, write_conv_norm_act__spells_every_activation, 0, ACTS);
  tcase_add_loop_test(tests, write_squeeze_excite__writes_every_product_with_and_without_bias, 0,
                      36);
  tcase_add_loop_test(tests, write_squeeze_excite__keeps_norm_activation_and_gate, 0, ACTS);
  tcase_add_test(tests, write_residual__keeps_orders_and_widths);
  tcase_add_loop_test(tests, write_residual__keeps_norms_of_groups_and_of_channels, 0, 4);
  tcase_add_loop_test(tests, write_residual__keeps_the_activation_behind_the_addition, 0, ACTS);
  tcase_add_test(tests, write_residual__keeps_the_place_of_squeeze_excite);
  tcase_add_test(tests, write_residual__keeps_the_scale);
  tcase_add_test(tests, write_skip__keeps_projections);
  tcase_add_test(tests, write_skip__keeps_pools);
  tcase_add_test(tests, write_skip__keeps_slices_and_pads);
  tcase_add_test(tests, write_skip__keeps_scales);
  tcase_add_test(tests, write_skip__keeps_the_scale_of_channels_that_are_last);
  tcase_add_test(tests, write_skip__begins_behind_the_shared_preactivation);
  tcase_add_test(tests, write_skip__begins_at_a_value_that_others_read);
  tcase_add_test(tests, write_skip__is_added_to_the_first_channels);
  tcase_add_test(tests, write_inverted_bottleneck__with_and_without_a_skip);
  suite_add_tcase(suite, tests);
  return suite;
}
