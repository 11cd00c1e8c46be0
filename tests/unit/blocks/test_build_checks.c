// What the builder refuses: each wrong number and each block that does not fit is one clear error,
// the builder is what it was before, and the right block under the same name follows.
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocks/build/build.h"

Suite *suite_build_checks(void);

static blok_builder *begin_on(int64_t channels, int64_t height, int64_t width, blok_value_id *x) {
  const int64_t dims[4] = {2, channels, height, width};
  blok_error error = BLOK_ERROR_INIT;
  blok_builder *builder = NULL;
  ck_assert_msg(blok_builder_new(NULL, &builder, &error) == BLOK_OK, "%s", error.message);
  ck_assert_msg(blok_build_input(builder, "x", BLOK_F32, 4, dims, x, &error) == BLOK_OK, "%s",
                error.message);
  return builder;
}

// ---- What a builder holds, as text --------------------------------------------------------------

typedef struct text {
  char *bytes;
  size_t size;
} text;

static void append(void *context, const char *piece) {
  text *self = context;
  const size_t length = strlen(piece);
  self->bytes = realloc(self->bytes, self->size + length + 1);
  ck_assert_ptr_nonnull(self->bytes);
  memcpy(self->bytes + self->size, piece, length + 1);
  self->size += length;
}

static char *snapshot(const blok_builder *builder) {
  text out = {NULL, 0};
  char line[200];
  blok_graph_dump(builder->graph, append, &out);
  for (size_t i = 0;; i++) {
    blok_weight_info weight = BLOK_WEIGHT_INFO_INIT;
    if (blok_build_weight_info(builder, i, &weight) != BLOK_OK) break;
    snprintf(line, sizeof line, "weight %s %zu bytes\n", weight.name, (size_t)weight.bytes);
    append(&out, line);
  }
  snprintf(line, sizeof line, "%u literals, %u names, notes %p\n", builder->module->n_literals,
           builder->taken.count, (const void *)builder->module->notes);
  append(&out, line);
  return out.bytes;
}

// The call has failed as expected, and the builder holds what it held before.
static void check_refused(const blok_builder *builder, char *before, blok_status status,
                          const blok_error *error, blok_status wanted, const char *words) {
  char *after = snapshot(builder);
  ck_assert_msg(status == wanted, "status %s instead of %s: %s", blok_status_name(status),
                blok_status_name(wanted), error->message);
  ck_assert_msg(strstr(error->message, words) != NULL, "'%s' is not in: %s", words, error->message);
  ck_assert_str_eq(before, after);
  free(before);
  free(after);
}

// ---- Blocks from descriptors --------------------------------------------------------------------

typedef struct wrong_residual {
  void (*spoil)(blok_residual_desc *desc);
  blok_status status;
  const char *words;
} wrong_residual;

#define SPOIL(name, change) \
  static void spoil_##name(blok_residual_desc *desc) { change; }

SPOIL(stride, desc->conv[0].stride[0] = desc->conv[0].stride[1] = 2)
SPOIL(stride_one_way, desc->conv[0].stride[1] = 2)
SPOIL(channels, desc->conv[1].out_channels = 32)
SPOIL(pads, memset(desc->conv[0].pads, 0, sizeof desc->conv[0].pads))
SPOIL(zero_channels, desc->conv[0].out_channels = 0)
SPOIL(negative_channels, desc->conv[1].in_channels = -16)
SPOIL(between, desc->conv[1].in_channels = 8)
SPOIL(groups, desc->conv[1].groups = 3)
SPOIL(no_groups, desc->conv[1].groups = 0)
SPOIL(kernel, desc->conv[0].kernel[0] = 0)
SPOIL(large_kernel, desc->conv[0].kernel[0] = desc->conv[0].kernel[1] = 51)
SPOIL(no_stride, desc->conv[0].stride[0] = 0)
SPOIL(dilation, desc->conv[0].dilation[1] = -1)
SPOIL(negative_pads, desc->conv[0].pads[3] = -1)
SPOIL(act, desc->conv[0].activation = (blok_activation)99)
SPOIL(after, desc->after_add = (blok_activation)-1)
SPOIL(norm, desc->conv[1].norm = (blok_norm)7)
SPOIL(order, desc->order = BLOK_ORDER_NONE)
SPOIL(far_order, desc->order = (blok_order)12)
SPOIL(nan, desc->conv[0].epsilon = (double)NAN)
SPOIL(negative_epsilon, desc->conv[0].epsilon = -1)
SPOIL(norm_groups, (desc->conv[0].norm = BLOK_NORM_GROUP, desc->conv[0].norm_groups = 5))
SPOIL(no_norm_groups, (desc->conv[0].norm = BLOK_NORM_GROUP, desc->conv[0].norm_groups = 0))
SPOIL(convs, desc->convs = 4)
SPOIL(elsewhere, desc->skip_elsewhere = true)
SPOIL(preact, desc->projection_after_preact = true)
SPOIL(none, desc->skip = BLOK_SKIP_NONE)
SPOIL(no_steps, desc->skip = BLOK_SKIP_PROJECTION)
SPOIL(steps, desc->skip_steps = 2)
SPOIL(many_steps, (desc->skip = BLOK_SKIP_PROJECTION, desc->skip_steps = 7))
SPOIL(skip, desc->skip = (blok_skip)9)
SPOIL(drop_path, desc->drop_path = 1)
SPOIL(nan_drop_path, desc->drop_path = (double)NAN)
SPOIL(scale, desc->scale = (blok_scale)3)
SPOIL(hidden, (desc->has_se = true, desc->se.hidden = 0))
SPOIL(se_channels, (desc->has_se = true, desc->se.channels = 15, desc->se.hidden = 4))
SPOIL(se_gate, (desc->has_se = true, desc->se.hidden = 4, desc->se.gate = BLOK_ACT_RELU))
SPOIL(se_conv, (desc->has_se = true, desc->se.hidden = 4, desc->se_conv = 2))
SPOIL(se_product, (desc->has_se = true, desc->se.hidden = 4, desc->se.product[1] = (blok_product)5))
SPOIL(skip_channels, desc->skip_channels = 16)
SPOIL(slope, (desc->conv[0].activation = BLOK_ACT_LEAKY_RELU, desc->conv[0].alpha = (double)NAN))
SPOIL(struct_size, desc->struct_size = 0)
SPOIL(wide, desc->conv[0].out_channels = desc->conv[1].in_channels = 2147483647)

static const wrong_residual wrong_residuals[] = {
    {spoil_stride, BLOK_E_SHAPE,
     "s.0: check 'downsample': F(x) makes [2, 16, 16, 16] and skip(x) [2, 16, 32, 32]: the skip "
     "path "
     "needs a projection with stride 2"},
    {spoil_stride_one_way, BLOK_E_SHAPE, "a projection with stride 1x2"},
    {spoil_channels, BLOK_E_SHAPE,
     "s.0: check 'channel transition': F(x) makes [2, 32, 32, 32] and skip(x) [2, 16, 32, 32]: the "
     "skip path needs a projection to 32 channels"},
    {spoil_pads, BLOK_E_SHAPE,
     "s.0: check 'shape': F(x) makes [2, 16, 30, 30] and skip(x) [2, 16, 32, 32]"},
    {spoil_zero_channels, BLOK_E_ARGUMENT, "s.0: out_channels of conv1 is 0: give 1 or more"},
    {spoil_negative_channels, BLOK_E_ARGUMENT, "in_channels of conv2 is -16"},
    {spoil_between, BLOK_E_SHAPE,
     "check 'channel transition': conv2 takes [?, 8, ?, ?] and gets [2, 16, 32, 32]"},
    {spoil_groups, BLOK_E_ARGUMENT,
     "check 'channel transition': conv2 takes 16 channels to 16 in 3 groups"},
    {spoil_no_groups, BLOK_E_ARGUMENT, "groups of conv2 is 0"},
    {spoil_kernel, BLOK_E_ARGUMENT, "kernel of conv1 is 0"},
    {spoil_large_kernel, BLOK_E_SHAPE,
     "check 'shape': conv1 looks at 51 pixels (kernel 51, dilation 1), and the picture [2, 16, 32, "
     "32] has 34"},
    {spoil_no_stride, BLOK_E_ARGUMENT, "stride of conv1 is 0"},
    {spoil_dilation, BLOK_E_ARGUMENT, "dilation of conv1 is -1"},
    {spoil_negative_pads, BLOK_E_ARGUMENT, "pads of conv1 is -1"},
    {spoil_act, BLOK_E_ARGUMENT,
     "check 'norm and activation order': the activation of conv1 is 99, which is none"},
    {spoil_after, BLOK_E_ARGUMENT, "the activation of the sum is -1"},
    {spoil_norm, BLOK_E_ARGUMENT, "check 'norm and activation order': the norm of conv2 is 7"},
    {spoil_order, BLOK_E_ARGUMENT, "check 'norm and activation order': the order is none (0)"},
    {spoil_far_order, BLOK_E_ARGUMENT, "the order is none (12)"},
    {spoil_nan, BLOK_E_ARGUMENT, "the norm of conv1 has epsilon nan"},
    {spoil_negative_epsilon, BLOK_E_ARGUMENT, "has epsilon -1"},
    {spoil_norm_groups, BLOK_E_ARGUMENT,
     "check 'channel transition': the 16 channels of conv1 do not divide into 5 groups"},
    {spoil_no_norm_groups, BLOK_E_ARGUMENT, "do not divide into 0 groups"},
    {spoil_convs, BLOK_E_ARGUMENT, "F(x) of 4 convolutions"},
    {spoil_elsewhere, BLOK_E_ARGUMENT, "skip_elsewhere"},
    {spoil_preact, BLOK_E_ARGUMENT, "projection_after_preact in post order"},
    {spoil_none, BLOK_E_ARGUMENT, "relu behind the addition of a block that has none"},
    {spoil_no_steps, BLOK_E_ARGUMENT, "a skip path that is projection has 0 steps"},
    {spoil_steps, BLOK_E_ARGUMENT, "a skip path that is identity has 2 steps"},
    {spoil_many_steps, BLOK_E_ARGUMENT, "has 7 steps"},
    {spoil_skip, BLOK_E_ARGUMENT, "skip is 9"},
    {spoil_drop_path, BLOK_E_ARGUMENT, "drop_path is 1"},
    {spoil_nan_drop_path, BLOK_E_ARGUMENT, "drop_path is nan"},
    {spoil_scale, BLOK_E_ARGUMENT, "the scale of F(x) is 3"},
    {spoil_hidden, BLOK_E_ARGUMENT, "the squeeze-excite has 0 hidden channels"},
    {spoil_se_channels, BLOK_E_SHAPE, "the squeeze-excite scales 15 channels and gets 16"},
    {spoil_se_gate, BLOK_E_ARGUMENT, "the gate of the squeeze-excite is relu (1)"},
    {spoil_se_conv, BLOK_E_ARGUMENT, "stands behind convolution 2 of 2"},
    {spoil_se_product, BLOK_E_ARGUMENT, "product 1 of the squeeze-excite is 5"},
    {spoil_skip_channels, BLOK_E_ARGUMENT, "skip_channels is 16 of F(x)'s 16"},
    {spoil_slope, BLOK_E_ARGUMENT, "the leaky_relu of conv1 has alpha nan"},
    {spoil_struct_size, BLOK_E_ARGUMENT, "struct_size is 0: begin with its _INIT macro"},
    {spoil_wide, BLOK_E_LIMIT, "s.0.conv1.conv.weight"},
};
#define WRONG_RESIDUALS (int)(sizeof wrong_residuals / sizeof wrong_residuals[0])

START_TEST(build_checks__refuses_a_block_and_is_as_it_was) {
  const wrong_residual *wrong = &wrong_residuals[_i];
  blok_residual_desc right = BLOK_RESIDUAL_DESC_INIT, desc;
  blok_error error = BLOK_ERROR_INIT;
  blok_value_id x;
  blok_builder *builder = begin_on(16, 32, 32, &x);
  ck_assert(blok_basic_describe(NULL, 16, &right, &error) == BLOK_OK);
  desc = right;
  wrong->spoil(&desc);
  const blok_value_id entry = x;
  char *before = snapshot(builder);
  const blok_status status = blok_build_residual(builder, "s.0", &desc, &x, &error);
  ck_assert(x.i == entry.i);
  check_refused(builder, before, status, &error, wrong->status, wrong->words);
  ck_assert_msg(blok_build_residual(builder, "s.0", &right, &x, &error) == BLOK_OK, "%s",
                error.message);
  ck_assert(x.i != entry.i);
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_checks__a_projection_must_have_the_stride_and_the_channels) {
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  blok_residual_desc desc = BLOK_RESIDUAL_DESC_INIT;
  blok_error error = BLOK_ERROR_INIT;
  blok_value_id x;
  blok_builder *builder = begin_on(16, 32, 32, &x);
  options.stride = 2;
  options.out_channels = 32;
  ck_assert(blok_basic_describe(&options, 16, &desc, &error) == BLOK_OK);
  desc.skip_step[0].conv.stride[0] = desc.skip_step[0].conv.stride[1] = 1;
  char *before = snapshot(builder);
  blok_status status = blok_build_residual(builder, "stage2.0", &desc, &x, &error);
  check_refused(
      builder, before, status, &error, BLOK_E_SHAPE,
      "stage2.0: check 'downsample': F(x) makes [2, 32, 16, 16] and skip(x) [2, 32, 32, 32]"
      ": the skip path needs a projection with stride 2, as F(x) has");
  desc.skip_step[0].conv.stride[0] = desc.skip_step[0].conv.stride[1] = 2;
  desc.skip_step[0].conv.out_channels = 48;
  before = snapshot(builder);
  status = blok_build_residual(builder, "stage2.0", &desc, &x, &error);
  check_refused(builder, before, status, &error, BLOK_E_SHAPE, "a projection to 32 channels");
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_checks__strides_count_where_sizes_are_open) {
  blok_residual_desc desc = BLOK_RESIDUAL_DESC_INIT;
  blok_error error = BLOK_ERROR_INIT;
  const int64_t dims[4] = {-1, 16, -1, -1};
  blok_builder *builder = NULL;
  blok_value_id x;
  ck_assert(blok_builder_new(NULL, &builder, &error) == BLOK_OK);
  ck_assert(blok_build_input(builder, "x", BLOK_F32, 4, dims, &x, &error) == BLOK_OK);
  ck_assert(blok_basic_describe(NULL, 16, &desc, &error) == BLOK_OK);
  desc.conv[0].stride[0] = desc.conv[0].stride[1] = 2;
  char *before = snapshot(builder);
  const blok_status status = blok_build_residual(builder, "b", &desc, &x, &error);
  check_refused(builder, before, status, &error, BLOK_E_SHAPE,
                "check 'downsample': F(x) makes [N, 16, ?, ?] and skip(x) [N, 16, ?, ?]");
  blok_builder_free(&builder);
}
END_TEST

// ---- Blocks by options --------------------------------------------------------------------------

typedef blok_status (*build_fn)(blok_builder *, const char *, const blok_block_options *,
                                blok_value_id *, blok_error *);

typedef struct wrong_option {
  build_fn build;
  void (*spoil)(blok_block_options *options);
  const char *words;
} wrong_option;

#define OPTION(name, change) \
  static void option_##name(blok_block_options *options) { change; }

OPTION(out, options->out_channels = -1)
OPTION(kernel, options->kernel = 0)
OPTION(stride, options->stride = 0)
OPTION(groups, options->groups = 0)
OPTION(reduction, (options->se = true, options->se_reduction = 0))
OPTION(min_hidden, (options->se = true, options->se_min_hidden = -2))
OPTION(expansion, options->expansion = 3)
OPTION(nan_expansion, options->expansion = (double)NAN)
OPTION(order, options->order = BLOK_ORDER_PRE)
OPTION(se, options->se = true)
OPTION(no_se, options->se_reduction = 8)
OPTION(clip, options->activation = BLOK_ACT_CLIP)
OPTION(act, options->activation = (blok_activation)40)
OPTION(size, options->struct_size = 0)
OPTION(drop, options->drop_path = 0.5)

static const wrong_option wrong_options[] = {
    {blok_build_basic, option_out, "s.0: out_channels is -1: give 1 or more"},
    {blok_build_basic, option_kernel, "s.0: kernel is 0"},
    {blok_build_basic, option_stride, "s.0: stride is 0"},
    {blok_build_basic, option_groups, "s.0: groups is 0"},
    {blok_build_basic, option_reduction, "s.0: se_reduction is 0"},
    {blok_build_basic, option_min_hidden, "s.0: se_min_hidden is -2"},
    {blok_build_basic, option_expansion, "s.0: a basic block has no use for the option expansion"},
    {blok_build_basic, option_no_se, "s.0: a basic block has no use for the option se_reduction"},
    {blok_build_basic, option_clip, "s.0: the activation clip needs its two ends"},
    {blok_build_basic, option_act, "the activation of the sum is 40, which is none"},
    {blok_build_basic, option_size, "struct_size is 0"},
    {blok_build_bottleneck, option_expansion, "s.0: 16 channels at expansion 3 have 5.33333"},
    {blok_build_bottleneck, option_nan_expansion, "at expansion nan"},
    {blok_build_inverted, option_order, "an inverted bottleneck has no use for the option order"},
    {blok_build_conv_norm_act, option_se, "conv_norm_act has no use for the option se"},
    {blok_build_conv_norm_act, option_drop, "conv_norm_act has no use for the option drop_path"},
    {blok_build_se, option_stride, "a squeeze-excite has no use for the option stride"},
    {blok_build_se, option_reduction, "s.0: se_reduction is 0"},
};
#define WRONG_OPTIONS (int)(sizeof wrong_options / sizeof wrong_options[0])

START_TEST(build_checks__refuses_an_option_and_is_as_it_was) {
  const wrong_option *wrong = &wrong_options[_i];
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  blok_error error = BLOK_ERROR_INIT;
  blok_value_id x;
  blok_builder *builder = begin_on(16, 32, 32, &x);
  wrong->spoil(&options);
  char *before = snapshot(builder);
  const blok_status status = wrong->build(builder, "s.0", &options, &x, &error);
  check_refused(builder, before, status, &error, BLOK_E_ARGUMENT, wrong->words);
  ck_assert_msg(wrong->build(builder, "s.0", NULL, &x, &error) == BLOK_OK, "%s", error.message);
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_checks__a_stage_that_fails_at_its_last_block_leaves_none) {
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  blok_error error = BLOK_ERROR_INIT;
  const int64_t one = 1;
  blok_value_id x, other;
  blok_builder *builder = begin_on(16, 32, 32, &x);
  float number = 0;
  blok_tensor taken = BLOK_TENSOR_INIT;
  taken.dtype = BLOK_F32;
  taken.rank = 1;
  taken.dims[0] = one;
  taken.data = &number;
  taken.bytes = sizeof number;
  ck_assert(blok_build_constant(builder, "s.3.conv2.1.weight", &taken, &other, &error) == BLOK_OK);
  char *before = snapshot(builder);
  blok_status status = blok_build_stage(builder, "s", BLOK_RESIDUAL, &options, 4, &x, &error);
  check_refused(builder, before, status, &error, BLOK_E_ARGUMENT,
                "weight 's.3.conv2.1.weight': the name is taken");
  ck_assert(blok_build_stage(builder, "s", BLOK_RESIDUAL, &options, 3, &x, &error) == BLOK_OK);
  before = snapshot(builder);
  status = blok_build_stage(builder, "t", BLOK_GATE, &options, 3, &x, &error);
  check_refused(builder, before, status, &error, BLOK_E_ARGUMENT, "blocks of kind gate (7)");
  before = snapshot(builder);
  status = blok_build_stage(builder, "t", BLOK_RESIDUAL, &options, 0, &x, &error);
  check_refused(builder, before, status, &error, BLOK_E_ARGUMENT, "stage 't': 0 blocks");
  blok_builder_free(&builder);
}
END_TEST

// ---- Names and values ---------------------------------------------------------------------------

START_TEST(build_checks__refuses_names_that_are_taken_or_cannot_be_written) {
  blok_error error = BLOK_ERROR_INIT;
  const int64_t dims[4] = {1, 3, 8, 8};
  blok_value_id x, y = BLOK_NO_VALUE;
  blok_builder *builder = begin_on(16, 32, 32, &x);
  static const struct {
    const char *name, *words;
  } names[] = {{"", "name is empty"},
               {"x", "input 'x': the name is taken"},
               {"a\nb", "'a\\x0ab' has bytes that are no printable UTF-8"},
               {"\xc3(", "no printable UTF-8"},
               {"\xc2\x85", "no printable UTF-8"},
               {NULL, "name is NULL"}};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char *before = snapshot(builder);
    const blok_status status =
        blok_build_input(builder, names[i].name, BLOK_F32, 4, dims, &y, &error);
    check_refused(builder, before, status, &error, BLOK_E_ARGUMENT, names[i].words);
  }
  const blok_value_id entry = x;
  ck_assert(blok_build_basic(builder, "b", NULL, &x, &error) == BLOK_OK);
  char *before = snapshot(builder);
  blok_status status = blok_build_basic(builder, "b", NULL, &x, &error);
  check_refused(builder, before, status, &error, BLOK_E_ARGUMENT,
                "weight 'b.conv1.conv.weight': the name is taken");
  before = snapshot(builder);
  status = blok_build_basic(builder, "b\x01", NULL, &x, &error);
  check_refused(builder, before, status, &error, BLOK_E_ARGUMENT, "'b\\x01'");
  before = snapshot(builder);
  status = blok_build_output(builder, "x", entry, &error);
  check_refused(builder, before, status, &error, BLOK_E_ARGUMENT, "an input has that name");
  ck_assert(blok_build_output(builder, "y", x, &error) == BLOK_OK);
  before = snapshot(builder);
  status = blok_build_output(builder, "y", x, &error);
  check_refused(builder, before, status, &error, BLOK_E_ARGUMENT, "output 'y': the name is taken");
  ck_assert(blok_build_input(builder, "\xc3\xa7", BLOK_F32, 4, dims, &y, &error) == BLOK_OK);
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_checks__refuses_inputs_of_no_such_shape) {
  blok_error error = BLOK_ERROR_INIT;
  blok_value_id x, y = BLOK_NO_VALUE;
  blok_builder *builder = begin_on(16, 32, 32, &x);
  static const struct {
    uint32_t rank;
    int64_t dims[3];
    int dtype;
    blok_status status;
    const char *words;
  } inputs[] = {
      {2, {1, 0}, BLOK_F32, BLOK_E_ARGUMENT, "axis 1 is 0"},
      {2, {-2, 1}, BLOK_F32, BLOK_E_ARGUMENT, "axis 0 is -2"},
      {17, {1}, BLOK_F32, BLOK_E_ARGUMENT, "17 axes"},
      {1, {1}, 0, BLOK_E_ARGUMENT, "element type 0"},
      {1, {1}, 77, BLOK_E_ARGUMENT, "element type 77"},
      {3, {INT64_MAX, INT64_MAX, 4}, BLOK_F32, BLOK_E_LIMIT, "tensor_elements"},
  };
  for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
    char *before = snapshot(builder);
    const blok_status status = blok_build_input(builder, "y", (blok_dtype)inputs[i].dtype,
                                                inputs[i].rank, inputs[i].dims, &y, &error);
    check_refused(builder, before, status, &error, inputs[i].status, inputs[i].words);
    ck_assert_uint_eq(y.i, 0);
  }
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_checks__refuses_values_that_are_none_and_arguments_that_are_null) {
  blok_error error = BLOK_ERROR_INIT;
  blok_conv_desc conv = BLOK_CONV_DESC_INIT;
  blok_value_id x, none = BLOK_NO_VALUE, far = {4000000};
  blok_builder *builder = begin_on(16, 32, 32, &x);
  conv.out_channels = 8;
  ck_assert(blok_build_conv(NULL, "c", &conv, &x, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_conv(builder, NULL, &conv, &x, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_conv(builder, "c", NULL, &x, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_conv(builder, "c", &conv, NULL, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_conv(builder, "c", &conv, &none, NULL) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_conv(builder, "c", &conv, &far, &error) == BLOK_E_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(error.message, "value 4000000, which the builder has not"));
  ck_assert(blok_build_residual(builder, "c", NULL, &x, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_squeeze_excite(builder, "c", NULL, &x, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_add(builder, "a", none, &x, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_concat(builder, "a", NULL, 2, 1, &x, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_concat(builder, "a", &x, 0, 1, &x, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_concat(builder, "a", &x, 1, 1, NULL, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_operator(builder, "o", NULL, &none, 1, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_output(builder, "o", none, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_find(builder, "o", NULL, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_builder_new(NULL, NULL, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_find(builder, "o", &none, &error) == BLOK_E_NOT_FOUND);
  ck_assert(blok_build_value_info(builder, x, NULL) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_weight_info(builder, 0, NULL) == BLOK_E_ARGUMENT);
  blok_builder_free(&builder);
  blok_builder_free(&builder);
  blok_builder_free(NULL);
}
END_TEST

START_TEST(build_checks__refuses_what_is_no_picture) {
  blok_error error = BLOK_ERROR_INIT;
  const int64_t flat[2] = {2, 16}, open[4] = {1, -1, 8, 8}, dims[4] = {1, 16, 8, 8};
  blok_value_id x, a, b, c;
  blok_builder *builder = begin_on(16, 32, 32, &x);
  ck_assert(blok_build_input(builder, "a", BLOK_F32, 2, flat, &a, &error) == BLOK_OK);
  ck_assert(blok_build_input(builder, "b", BLOK_F32, 4, open, &b, &error) == BLOK_OK);
  ck_assert(blok_build_input(builder, "c", BLOK_F16, 4, dims, &c, &error) == BLOK_OK);
  ck_assert(blok_build_basic(builder, "s", NULL, &a, &error) == BLOK_E_SHAPE);
  ck_assert_ptr_nonnull(
      strstr(error.message, "s: check 'shape': x is [2, 16]: a picture has four"));
  ck_assert(blok_build_basic(builder, "s", NULL, &b, &error) == BLOK_E_SHAPE);
  ck_assert_ptr_nonnull(strstr(error.message, "channels (axis 1) must be known"));
  ck_assert(blok_build_basic(builder, "s", NULL, &c, &error) == BLOK_E_SHAPE);
  ck_assert_ptr_nonnull(strstr(error.message, "x is float16[1, 16, 8, 8]: blocks are built on"));
  ck_assert(blok_build_add(builder, "s", a, &x, &error) == BLOK_E_SHAPE);
  ck_assert_ptr_nonnull(strstr(error.message, "x is [2, 16, 32, 32] and y [2, 16]"));
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_checks__refuses_parts_of_no_such_size) {
  blok_error error = BLOK_ERROR_INIT;
  blok_value_id x;
  blok_builder *builder = begin_on(16, 32, 32, &x);
  char *before = snapshot(builder);
  blok_head_options head = BLOK_HEAD_OPTIONS_INIT;
  head.classes = 0;
  ck_assert(blok_build_head(builder, "", &head, &x, &error) == BLOK_E_ARGUMENT);
  head.classes = 10;
  head.dropout = 1;
  ck_assert(blok_build_head(builder, "", &head, &x, &error) == BLOK_E_ARGUMENT);
  head.dropout = 0;
  head.norm = BLOK_NORM_GROUP;
  head.norm_groups = 3;
  ck_assert(blok_build_head(builder, "", &head, &x, &error) == BLOK_E_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(error.message, "bn: check 'channel transition'"));
  ck_assert(blok_build_linear(builder, "fc", 0, true, &x, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_max_pool(builder, "p", 0, 1, 0, &x, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_max_pool(builder, "p", 3, 0, 0, &x, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_max_pool(builder, "p", 3, 2, 2, &x, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_average_pool(builder, "p", 64, 1, 0, &x, &error) == BLOK_E_SHAPE);
  ck_assert(blok_build_upsample(builder, "u", 0, false, &x, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_activation(builder, "a", (blok_activation)60, 0, 0, &x, &error) ==
            BLOK_E_ARGUMENT);
  ck_assert(blok_build_norm(builder, "n", BLOK_NORM_NONE, 0, 1e-5, &x, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_norm(builder, "n", BLOK_NORM_BATCH, 0, (double)NAN, &x, &error) ==
            BLOK_E_ARGUMENT);
  const blok_value_id two[2] = {x, x};
  blok_value_id joined;
  ck_assert(blok_build_concat(builder, "c", two, 2, 9, &joined, &error) == BLOK_E_SHAPE);
  check_refused(builder, before, BLOK_E_SHAPE, &error, BLOK_E_SHAPE, "Concat");
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_checks__refuses_operators_that_are_none) {
  blok_error error = BLOK_ERROR_INIT;
  blok_value_id x, out[2];
  blok_builder *builder = begin_on(16, 32, 32, &x);
  blok_operator op = BLOK_OPERATOR_INIT;
  blok_build_attribute attributes[2];
  memset(attributes, 0, sizeof attributes);
  op.inputs = &x;
  op.input_count = 1;
  char *before = snapshot(builder);
  ck_assert(blok_build_operator(builder, "o", &op, out, 1, &error) == BLOK_E_ARGUMENT);
  op.op_type = "Frobnicate";
  ck_assert(blok_build_operator(builder, "o", &op, out, 1, &error) == BLOK_E_UNSUPPORTED);
  op.op_type = "Relu";
  ck_assert(blok_build_operator(builder, "o", &op, out, 0, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_operator(builder, "o", &op, out, 2, &error) == BLOK_E_SHAPE);
  op.opset = 99;
  ck_assert(blok_build_operator(builder, "o", &op, out, 1, &error) == BLOK_E_ARGUMENT);
  op.opset = 0;
  op.attributes = attributes;
  op.attribute_count = 2;
  ck_assert(blok_build_operator(builder, "o", &op, out, 1, &error) == BLOK_E_ARGUMENT);
  ck_assert_str_eq(error.message, "Relu node 'o': attribute '' of type '' has no name");
  attributes[0].name = attributes[1].name = "alpha";
  attributes[0].type = attributes[1].type = "float";
  ck_assert(blok_build_operator(builder, "o", &op, out, 1, &error) == BLOK_E_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(error.message, "'alpha' of type 'float' is none that the operator"));
  op.op_type = "Elu";
  ck_assert(blok_build_operator(builder, "o", &op, out, 1, &error) == BLOK_E_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(error.message, "'alpha' of type 'float' is given twice"));
  attributes[0].type = "number";
  ck_assert(blok_build_operator(builder, "o", &op, out, 1, &error) == BLOK_E_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(error.message, "'alpha' is of type 'float', not 'number'"));
  attributes[0].type = NULL;
  ck_assert(blok_build_operator(builder, "o", &op, out, 1, &error) == BLOK_E_ARGUMENT);
  op.attribute_count = 1;
  op.op_type = "Transpose";
  attributes[0].name = "perm";
  attributes[0].type = "ints";
  attributes[0].count = 4;
  ck_assert(blok_build_operator(builder, "o", &op, out, 1, &error) == BLOK_E_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(error.message, "has no ints"));
  op.op_type = "Constant";
  op.input_count = 0;
  attributes[0].name = "value_string";
  attributes[0].type = "string";
  ck_assert(blok_build_operator(builder, "o", &op, out, 1, &error) == BLOK_E_ARGUMENT);
  attributes[0].name = "value_floats";
  attributes[0].type = "floats";
  ck_assert(blok_build_operator(builder, "o", &op, out, 1, &error) == BLOK_E_ARGUMENT);
  attributes[0].name = "value";
  attributes[0].type = "tensor";
  ck_assert(blok_build_operator(builder, "o", &op, out, 1, &error) == BLOK_E_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(error.message, "tensor is NULL"));
  op.op_type = "Concat";
  op.input_count = 1;
  op.attribute_count = 0;
  ck_assert(blok_build_operator(builder, "o", &op, out, 1, &error) == BLOK_E_ARGUMENT);
  check_refused(builder, before, BLOK_E_ARGUMENT, &error, BLOK_E_ARGUMENT,
                "Concat node 'o': the attribute 'axis' is missing");
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_checks__refuses_builders_of_no_such_kind) {
  blok_builder_options options = BLOK_BUILDER_OPTIONS_INIT;
  blok_error error = BLOK_ERROR_INIT;
  blok_builder *builder = NULL;
  options.opset = 6;
  ck_assert(blok_builder_new(&options, &builder, &error) == BLOK_E_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(error.message, "operator set 6: a model can be built in sets 7 to"));
  ck_assert_ptr_null(builder);
  options.opset = 1000;
  ck_assert(blok_builder_new(&options, &builder, &error) == BLOK_E_ARGUMENT);
  options.opset = -1;
  ck_assert(blok_builder_new(&options, &builder, &error) == BLOK_E_ARGUMENT);
  options.opset = 0;
  options.naming = (blok_naming)2;
  ck_assert(blok_builder_new(&options, &builder, &error) == BLOK_E_ARGUMENT);
  options.naming = BLOK_NAMING_GUIDE;
  options.struct_size = 0;
  ck_assert(blok_builder_new(&options, &builder, &error) == BLOK_E_ARGUMENT);
  ck_assert_ptr_null(builder);
}
END_TEST

Suite *suite_build_checks(void) {
  Suite *suite = suite_create("build_checks");
  TCase *tcase = tcase_create("build_checks");
  tcase_add_loop_test(tcase, build_checks__refuses_a_block_and_is_as_it_was, 0, WRONG_RESIDUALS);
  tcase_add_test(tcase, build_checks__a_projection_must_have_the_stride_and_the_channels);
  tcase_add_test(tcase, build_checks__strides_count_where_sizes_are_open);
  tcase_add_loop_test(tcase, build_checks__refuses_an_option_and_is_as_it_was, 0, WRONG_OPTIONS);
  tcase_add_test(tcase, build_checks__a_stage_that_fails_at_its_last_block_leaves_none);
  tcase_add_test(tcase, build_checks__refuses_names_that_are_taken_or_cannot_be_written);
  tcase_add_test(tcase, build_checks__refuses_inputs_of_no_such_shape);
  tcase_add_test(tcase, build_checks__refuses_values_that_are_none_and_arguments_that_are_null);
  tcase_add_test(tcase, build_checks__refuses_what_is_no_picture);
  tcase_add_test(tcase, build_checks__refuses_parts_of_no_such_size);
  tcase_add_test(tcase, build_checks__refuses_operators_that_are_none);
  tcase_add_test(tcase, build_checks__refuses_builders_of_no_such_kind);
  suite_add_tcase(suite, tcase);
  return suite;
}
