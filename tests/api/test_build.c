// Building through the public API: the guide's modules with their counts, models that run and are
// saved, builders made from models, and every allocation failing once.
#include <blok/blok.h>
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fault.h"

Suite *suite_build(void);

static blok_error error = BLOK_ERROR_INIT;

#define OK(call) ck_assert_msg((call) == BLOK_OK, "%s", error.message)

typedef blok_status (*build_fn)(blok_builder *, const char *, const blok_block_options *,
                                blok_value_id *, blok_error *);

// A module of the guide on a batch of two pictures, and what it prints of it.
typedef struct module {
  build_fn build;
  const char *name;
  int32_t in, size, out, stride;
  blok_order order;
  blok_activation activation;
  bool se;
  uint64_t parameters;
} module;

static const module modules[] = {
    {blok_build_conv_norm_act, "ConvBNAct", 3, 32, 16, 1, BLOK_ORDER_POST, BLOK_ACT_RELU, false,
     464},
    {blok_build_basic, "BasicPostAct s1", 16, 32, 16, 1, BLOK_ORDER_POST, BLOK_ACT_RELU, false,
     4672},
    {blok_build_basic, "BasicPostAct s2", 16, 32, 32, 2, BLOK_ORDER_POST, BLOK_ACT_RELU, false,
     14528},
    {blok_build_basic, "BasicPreAct s1", 16, 32, 16, 1, BLOK_ORDER_PRE, BLOK_ACT_RELU, false, 4672},
    {blok_build_basic, "BasicPreAct s2", 16, 32, 32, 2, BLOK_ORDER_PRE, BLOK_ACT_RELU, false,
     14432},
    {blok_build_bottleneck, "Bottleneck s1", 64, 32, 256, 1, BLOK_ORDER_POST, BLOK_ACT_RELU, false,
     75008},
    {blok_build_bottleneck, "Bottleneck s2", 64, 32, 256, 2, BLOK_ORDER_POST, BLOK_ACT_RELU, false,
     75008},
    {blok_build_se, "SEBlock", 64, 16, 64, 1, BLOK_ORDER_POST, BLOK_ACT_RELU, false, 580},
    {blok_build_basic, "SEResBlock s1", 32, 32, 32, 1, BLOK_ORDER_POST, BLOK_ACT_SILU, true, 18852},
    {blok_build_basic, "SEResBlock s2", 32, 32, 64, 2, BLOK_ORDER_POST, BLOK_ACT_SILU, true, 58308},
};
#define MODULES (int)(sizeof modules / sizeof modules[0])

static blok_builder *begin(int64_t n, int64_t c, int64_t size, blok_value_id *x) {
  const int64_t dims[4] = {n, c, size, size};
  blok_builder *builder = NULL;
  OK(blok_builder_new(NULL, &builder, &error));
  OK(blok_build_input(builder, "x", BLOK_F32, 4, dims, x, &error));
  return builder;
}

static blok_model *finish(blok_builder *builder, blok_value_id y) {
  blok_model *model = NULL;
  OK(blok_build_output(builder, "y", y, &error));
  OK(blok_builder_finish(&builder, &model, &error));
  ck_assert_ptr_null(builder);
  OK(blok_model_runnable(model, &error));
  return model;
}

// Seeded noise of these dims; to be freed with free(tensor.data).
static blok_tensor noise(const int64_t dims[4]) {
  blok_tensor tensor = BLOK_TENSOR_INIT;
  uint32_t state = 12345;
  tensor.dtype = BLOK_F32;
  tensor.rank = 4;
  size_t count = 1;
  for (int i = 0; i < 4; i++) {
    tensor.dims[i] = dims[i];
    count *= (size_t)dims[i];
  }
  float *numbers = malloc(count * sizeof *numbers);
  ck_assert_ptr_nonnull(numbers);
  for (size_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    numbers[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
  }
  tensor.data = numbers;
  tensor.bytes = count * sizeof *numbers;
  return tensor;
}

// What the model makes of noise; *count floats, to be freed.
static float *run(const blok_model *model, const int64_t dims[4], bool reference, size_t *count) {
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  blok_session *session = NULL;
  blok_tensor input = noise(dims), output = BLOK_TENSOR_INIT;
  options.reference = reference;
  OK(blok_session_new(model, &options, &session, &error));
  OK(blok_session_reshape(session, &input, 1, &error));
  OK(blok_session_run(session, &input, 1, &output, 1, &error));
  *count = blok_tensor_count(&output);
  float *numbers = malloc(*count * sizeof *numbers);
  ck_assert_ptr_nonnull(numbers);
  memcpy(numbers, output.data, *count * sizeof *numbers);
  blok_session_free(&session);
  free(input.data);
  return numbers;
}

// ---- The guide's modules ------------------------------------------------------------------------

START_TEST(build__makes_the_guides_modules_with_their_parameters) {
  const module *made = &modules[_i];
  const int64_t dims[4] = {2, made->in, made->size, made->size};
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  uint64_t parameters = 0;
  size_t count = 0, other = 0;
  blok_value_id x;
  blok_builder *builder = begin(-1, made->in, made->size, &x);
  options.out_channels = made->out;
  options.stride = made->stride;
  options.order = made->order;
  options.activation = made->activation;
  options.se = made->se;
  OK(made->build(builder, "", &options, &x, &error));
  OK(blok_build_counts(builder, &parameters, NULL, &error));
  ck_assert_uint_eq(parameters, made->parameters);
  blok_model *model = finish(builder, x);
  ck_assert(blok_model_get_info(model, &info) == BLOK_OK);
  ck_assert_uint_eq(info.parameters, made->parameters);
  ck_assert_int_eq(info.opset, 18);
  float *fast = run(model, dims, false, &count), *slow = run(model, dims, true, &other);
  const int64_t size = made->size / made->stride;
  ck_assert_uint_eq(count, (size_t)(2 * made->out * size * size));
  ck_assert_uint_eq(other, count);
  double largest = 0, off = 0;
  for (size_t i = 0; i < count; i++) {
    largest = fmax(largest, fabs((double)slow[i]));
    off = fmax(off, fabs((double)slow[i] - (double)fast[i]));
  }
  ck_assert_msg(largest > 0 && off <= 1e-5 * largest, "%s: %g of %g", made->name, off, largest);
  free(fast);
  free(slow);
  blok_model_free(&model);
}
END_TEST

// ---- Models -------------------------------------------------------------------------------------

static blok_status build_small(blok_builder *builder, blok_value_id *x, blok_error *fault) {
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  blok_status status = blok_build_conv_norm_act(builder, "stem", NULL, x, fault);
  options.order = BLOK_ORDER_PRE;
  options.stride = 2;
  options.out_channels = 8;
  options.se = true;
  options.drop_path = 0.1;
  if (!status) status = blok_build_stage(builder, "stage1", BLOK_RESIDUAL, &options, 2, x, fault);
  if (!status) status = blok_build_head(builder, "", NULL, x, fault);
  return status;
}

typedef struct bytes {
  char *data;
  size_t size;
} bytes;

static int append(void *context, const void *data, size_t size) {
  bytes *all = context;
  all->data = realloc(all->data, all->size + size + 1);
  ck_assert_ptr_nonnull(all->data);
  memcpy(all->data + all->size, data, size);
  all->size += size;
  return 0;
}

static bytes written(const blok_model *model) {
  bytes all = {NULL, 0};
  OK(blok_model_write(model, append, &all, &error));
  return all;
}

static blok_model *small_model(void) {
  blok_value_id x;
  blok_builder *builder = begin(-1, 4, 8, &x);
  OK(build_small(builder, &x, &error));
  return finish(builder, x);
}

START_TEST(build__the_same_calls_write_the_same_bytes) {
  blok_model *a = small_model(), *b = small_model();
  bytes of_a = written(a), of_b = written(b);
  ck_assert_uint_eq(of_a.size, of_b.size);
  ck_assert_int_eq(memcmp(of_a.data, of_b.data, of_a.size), 0);
  free(of_a.data);
  free(of_b.data);
  blok_model_free(&a);
  blok_model_free(&b);
}
END_TEST

START_TEST(build__what_was_built_is_the_same_when_it_was_written_and_read) {
  static const int64_t dims[4] = {3, 4, 8, 8};
  blok_model *built = small_model(), *read = NULL;
  bytes all = written(built);
  size_t count = 0, other = 0;
  OK(blok_model_load(all.data, all.size, NULL, NULL, NULL, &read, &error));
  ck_assert_uint_eq(blok_model_block_count(built), blok_model_block_count(read));
  for (size_t i = 0; i < blok_model_block_count(built); i++) {
    const blok_block *a = blok_model_block(built, i), *b = blok_model_block(read, i);
    ck_assert(blok_block_same(a, b));
    ck_assert_str_eq(a->name, b->name);
    ck_assert(!a->residual || a->residual->drop_path == 0.1);
  }
  float *first = run(built, dims, false, &count), *second = run(read, dims, false, &other);
  ck_assert_uint_eq(count, 30);
  ck_assert_uint_eq(count, other);
  ck_assert_int_eq(memcmp(first, second, count * sizeof *first), 0);
  free(first);
  free(second);
  blok_model_free(&read);
  blok_model_free(&built);
  free(all.data);
}
END_TEST

START_TEST(build__is_written_in_every_operator_set) {
  for (int64_t opset = 7; opset <= 28; opset++) {
    blok_builder_options options = BLOK_BUILDER_OPTIONS_INIT;
    blok_model_info info = BLOK_MODEL_INFO_INIT;
    blok_builder *builder = NULL;
    const int64_t shape[4] = {-1, 4, 8, 8}, dims[4] = {2, 4, 8, 8};
    blok_value_id x;
    size_t count = 0;
    options.opset = opset;
    OK(blok_builder_new(&options, &builder, &error));
    OK(blok_build_input(builder, "x", BLOK_F32, 4, shape, &x, &error));
    OK(build_small(builder, &x, &error));
    blok_model *model = finish(builder, x);
    ck_assert(blok_model_get_info(model, &info) == BLOK_OK);
    ck_assert_int_eq(info.opset, opset);
    free(run(model, dims, false, &count));
    ck_assert_uint_eq(count, 20);
    blok_model_free(&model);
  }
}
END_TEST

// ---- From a model -------------------------------------------------------------------------------

START_TEST(build__adds_to_a_model_and_leaves_it_as_it_was) {
  static const int64_t dims[4] = {2, 4, 8, 8};
  blok_model *model = small_model(), *larger = NULL;
  blok_builder *builder = NULL;
  blok_value_id y, found;
  size_t count = 0;
  blok_value_info info = BLOK_VALUE_INFO_INIT;
  blok_weight_info weight = BLOK_WEIGHT_INFO_INIT;
  bytes before = written(model);
  OK(blok_builder_from(model, NULL, &builder, &error));
  OK(blok_build_find(builder, "y", &y, &error));
  ck_assert(blok_build_value_info(builder, y, &info) == BLOK_OK);
  ck_assert_int_eq(info.rank, 2);
  ck_assert_int_eq(info.axes[1].value, 10);
  ck_assert(blok_build_weight_info(builder, 0, &weight) == BLOK_OK);
  ck_assert_str_eq(weight.name, "stem.conv.weight");
  ck_assert(blok_build_linear(builder, "fc", 3, true, &y, &error) == BLOK_E_ARGUMENT);
  OK(blok_build_linear(builder, "fc2", 3, true, &y, &error));
  ck_assert(blok_build_output(builder, "y", y, &error) == BLOK_E_ARGUMENT);
  OK(blok_build_output(builder, "z", y, &error));
  // One number of a weight, which the model shares.
  OK(blok_build_find(builder, "fc.bias", &found, &error));
  float ones[10];
  blok_tensor tensor = BLOK_TENSOR_INIT;
  for (int i = 0; i < 10; i++) ones[i] = 1;
  tensor.dtype = BLOK_F32;
  tensor.rank = 1;
  tensor.dims[0] = 10;
  tensor.data = ones;
  tensor.bytes = sizeof ones;
  OK(blok_build_weight(builder, "fc.bias", &tensor, &error));
  OK(blok_builder_finish(&builder, &larger, &error));
  OK(blok_model_runnable(larger, &error));
  bytes after = written(model);
  ck_assert_uint_eq(before.size, after.size);
  ck_assert_int_eq(memcmp(before.data, after.data, before.size), 0);
  blok_model_free(&model);
  blok_value_info output = BLOK_VALUE_INFO_INIT;
  ck_assert(blok_model_output(larger, 1, &output) == BLOK_OK);
  ck_assert_str_eq(output.name, "z");
  ck_assert_int_eq(output.axes[1].value, 3);
  blok_session *session = NULL;
  blok_tensor input = noise(dims), outputs[2] = {BLOK_TENSOR_INIT, BLOK_TENSOR_INIT};
  OK(blok_session_new(larger, NULL, &session, &error));
  OK(blok_session_reshape(session, &input, 1, &error));
  OK(blok_session_run(session, &input, 1, outputs, 2, &error));
  count = blok_tensor_count(&outputs[1]);
  ck_assert_uint_eq(count, 6);
  blok_session_free(&session);
  free(input.data);
  free(before.data);
  free(after.data);
  blok_model_free(&larger);
}
END_TEST

START_TEST(build__refuses_builders_that_are_none) {
  blok_builder *builder = NULL;
  blok_model *model = NULL;
  blok_value_id x;
  ck_assert(blok_builder_from(NULL, NULL, &builder, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_builder_from(NULL, NULL, NULL, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_builder_finish(NULL, &model, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_builder_finish(&builder, &model, &error) == BLOK_E_ARGUMENT);
  builder = begin(1, 4, 8, &x);
  ck_assert(blok_builder_finish(&builder, NULL, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_builder_finish(&builder, &model, &error) == BLOK_E_ARGUMENT);
  ck_assert_str_eq(error.message, "model: the model has no output: name one by blok_build_output");
  ck_assert_ptr_null(model);
  ck_assert_ptr_nonnull(builder);
  model = finish(builder, x);
  blok_model_free(&model);
}
END_TEST

// ---- Failing allocations ------------------------------------------------------------------------

static blok_status build_once(void *context, const blok_allocator *allocator, blok_error *fault) {
  blok_builder_options options = BLOK_BUILDER_OPTIONS_INIT;
  const int64_t dims[4] = {-1, 4, 8, 8};
  blok_builder *builder = NULL;
  blok_model *model = NULL;
  blok_value_id x = BLOK_VALUE_ID_INIT;
  (void)context;
  options.allocator = allocator;
  blok_status status = blok_builder_new(&options, &builder, fault);
  if (!status) status = blok_build_input(builder, "x", BLOK_F32, 4, dims, &x, fault);
  if (!status) status = build_small(builder, &x, fault);
  if (!status) status = blok_build_output(builder, "y", x, fault);
  if (!status) status = blok_builder_finish(&builder, &model, fault);
  ck_assert((status == BLOK_OK) == (model != NULL));
  ck_assert(status != BLOK_OK || builder == NULL);
  blok_builder_free(&builder);
  blok_model_free(&model);
  return status;
}

START_TEST(build__every_allocation_may_fail) {
  ck_assert(blok_fault_sweep(build_once, NULL) > 100);
}
END_TEST

static blok_status add_once(void *context, const blok_allocator *allocator, blok_error *fault) {
  blok_builder_options options = BLOK_BUILDER_OPTIONS_INIT;
  blok_builder *builder = NULL;
  blok_model *model = NULL;
  blok_value_id y = BLOK_VALUE_ID_INIT;
  options.allocator = allocator;
  blok_status status = blok_builder_from(context, &options, &builder, fault);
  if (status) ck_assert_ptr_null(builder);
  if (!status) status = blok_build_find(builder, "y", &y, fault);
  if (!status) status = blok_build_linear(builder, "fc2", 3, true, &y, fault);
  if (!status) status = blok_build_output(builder, "z", y, fault);
  if (!status) status = blok_builder_finish(&builder, &model, fault);
  blok_builder_free(&builder);
  blok_model_free(&model);
  return status;
}

START_TEST(build__every_allocation_of_a_builder_from_a_model_may_fail) {
  blok_model *model = small_model();
  ck_assert(blok_fault_sweep(add_once, model) > 100);
  blok_model_free(&model);
}
END_TEST

// A call that finds no memory leaves the builder good for the same call again.
START_TEST(build__goes_on_after_memory_came_back) {
  blok_fault fault = BLOK_FAULT_INIT;
  const blok_allocator allocator = blok_fault_allocator(&fault);
  blok_builder_options options = BLOK_BUILDER_OPTIONS_INIT;
  const int64_t dims[4] = {-1, 4, 8, 8};
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  blok_builder *builder = NULL;
  blok_value_id x;
  char name[32];
  uint64_t failed = 0;
  options.allocator = &allocator;
  block.se = true;
  OK(blok_builder_new(&options, &builder, &error));
  OK(blok_build_input(builder, "x", BLOK_F32, 4, dims, &x, &error));
  for (uint64_t k = 1; k < 60; k++) {
    snprintf(name, sizeof name, "block%u", (unsigned)k);
    fault.fail_at = fault.calls + k;
    blok_status status = blok_build_basic(builder, name, &block, &x, &error);
    fault.fail_at = 0;
    if (status == BLOK_OK) continue;
    ck_assert(status == BLOK_E_MEMORY);
    failed++;
    OK(blok_build_basic(builder, name, &block, &x, &error));
  }
  ck_assert_uint_gt(failed, 10);
  blok_model *model = finish(builder, x);
  size_t blocks = 0;
  for (size_t i = 0; i < blok_model_block_count(model); i++) {
    blocks += blok_model_block(model, i)->kind == BLOK_RESIDUAL;
  }
  ck_assert_uint_eq(blocks, 59);
  blok_model_free(&model);
  ck_assert_uint_eq(fault.live_blocks, 0);
}
END_TEST

Suite *suite_build(void) {
  Suite *suite = suite_create("build");
  TCase *tcase = tcase_create("build");
  tcase_set_tags(tcase, "one_thread");
  tcase_add_loop_test(tcase, build__makes_the_guides_modules_with_their_parameters, 0, MODULES);
  tcase_add_test(tcase, build__the_same_calls_write_the_same_bytes);
  tcase_add_test(tcase, build__what_was_built_is_the_same_when_it_was_written_and_read);
  tcase_add_test(tcase, build__is_written_in_every_operator_set);
  tcase_add_test(tcase, build__adds_to_a_model_and_leaves_it_as_it_was);
  tcase_add_test(tcase, build__refuses_builders_that_are_none);
  tcase_add_test(tcase, build__every_allocation_may_fail);
  tcase_add_test(tcase, build__every_allocation_of_a_builder_from_a_model_may_fail);
  tcase_add_test(tcase, build__goes_on_after_memory_came_back);
  suite_add_tcase(suite, tcase);
  return suite;
}
