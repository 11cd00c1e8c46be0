// What a plan without shapes cannot know and shaping has to see: sizes that repeat, values beyond
// the limit of a session.
#include <check.h>
#include <string.h>

#include "nets/net.h"
#include "passes/passes.h"
#include "runtime/plan/lowering.h"
#include "runtime/runtime.h"
#include "support/fault.h"

Suite *suite_shape(void);

static blok_error error;
static net_found found;
static blok_fault fault;
static blok_allocator allocator;
static blok_limits limits;
static blok_engine *engine;
static blok_shaped *shaped;

static blok_status shape(blok_module *module, const blok_fact *inputs) {
  const blok_plan *plan = NULL;
  error = (blok_error)BLOK_ERROR_INIT;
  fault = (blok_fault)BLOK_FAULT_INIT;
  allocator = blok_fault_allocator(&fault);
  limits = blok_limits_resolve(NULL);
  found = net_match(module);
  ck_assert_int_eq(
      blok_engine_new(found.module, found.facts, found.overlay, &allocator, &engine, &error),
      BLOK_OK);
  ck_assert_int_eq(blok_engine_plan(engine, blok_isa_best(), false, true, &plan, &error), BLOK_OK);
  return blok_engine_shape(engine, plan, inputs, &limits, &shaped, &error);
}

static void end(void) {
  blok_engine_release(engine, &shaped);
  blok_engine_free(&engine);
  ck_assert_uint_eq(fault.live_blocks, 0);
  net_free(&found);
}

static blok_fact picture(blok_dim *dims, int64_t n, int64_t side) {
  const blok_dim all[4] = {blok_dim_of(n), blok_dim_of(16), blok_dim_of(side), blok_dim_of(side)};
  memcpy(dims, all, sizeof all);
  return (blok_fact){.kind = BLOK_TYPE_TENSOR, .dtype = BLOK_F32, .rank = 4, .dims = dims};
}

static bool has_step(const char *kernel) {
  for (uint32_t s = 0; s < shaped->n_steps; s++) {
    if (strcmp(shaped->steps[s].kernel, kernel) == 0) return true;
  }
  return false;
}

// y = x + conv(s): whether the convolution's result has y's shape, only the run's shapes tell.
static blok_module *add_of_unknown_sizes(void) {
  blok_module *module = NULL;
  blok_graph *graph = net_begin(&module);
  net_input(graph, "s", 1, 16, -1, -1);
  net_conv(graph, "conv", "s", "c", net_k(16, 16, 1, 1));
  net_node(graph, "Add", "x c", "y");
  net_output(graph, "y");
  return module;
}

START_TEST(shape__adds_in_the_convolution_where_the_shapes_are_the_same) {
  blok_dim x[4], s[4];
  const blok_fact inputs[] = {picture(x, 1, 8), picture(s, 1, 8)};
  ck_assert_int_eq(shape(add_of_unknown_sizes(), inputs), BLOK_OK);
  ck_assert(has_step("conv 1x1"));
  ck_assert(!has_step("add"));
}
END_TEST

START_TEST(shape__adds_a_result_that_is_repeated_by_itself) {
  static const int64_t sizes[][2] = {{1, 1}, {3, 8}};  // pixels repeated; images repeated
  const int64_t *size = sizes[_i];
  blok_dim x[4], s[4];
  const blok_fact inputs[] = {picture(x, size[0], 8), picture(s, 1, size[1])};
  ck_assert_int_eq(shape(add_of_unknown_sizes(), inputs), BLOK_OK);
  ck_assert(has_step("conv 1x1"));
  ck_assert(has_step("add"));
}
END_TEST

START_TEST(shape__refuses_a_huge_resize_before_its_tables_are_made) {
  blok_module *module = NULL;
  blok_graph *graph = net_begin(&module);
  const int64_t sizes[] = {1, 16, 1 << 26, 8};  // 32 GiB; its rows alone need tables of 1 GiB
  blok_dim x[4];
  const blok_fact input = picture(x, 1, 8);
  net_ints(graph, "sizes", sizes, 4);
  net_node(graph, "Resize", "x - - sizes", "y");
  net_output(graph, "y");
  ck_assert_int_eq(shape(module, &input), BLOK_E_LIMIT);
  ck_assert_ptr_null(shaped);
  ck_assert_ptr_nonnull(strstr(error.message, "'y'"));
  ck_assert_ptr_nonnull(strstr(error.message, "run_bytes"));
  ck_assert_uint_lt(fault.peak_bytes, 1 << 20);
}
END_TEST

// Two convolutions write their halves of a Concat's result, whose reader's taps leave the picture.
START_TEST(shape__wants_zeros_behind_every_plane_of_a_padded_concat) {
  blok_module *module = NULL;
  blok_graph *graph = net_begin(&module);
  blok_dim x[4];
  const blok_fact input = picture(x, 1, 8);
  net_conv(graph, "a", "x", "p", net_k(16, 16, 1, 1));
  net_conv(graph, "b", "x", "q", net_k(16, 16, 1, 1));
  blok_node_id concat = net_node(graph, "Concat", "p q", "c");
  ck_assert_int_eq(blok_node_set_int(graph, concat, "axis", 1, &error), BLOK_OK);
  net_conv(graph, "d", "c", "y", net_k(32, 16, 3, 1));
  net_output(graph, "y");
  ck_assert_int_eq(shape(module, &input), BLOK_OK);
  uint32_t halves = 0;
  for (uint32_t s = 0; s < shaped->n_steps; s++) {
    const blok_step *step = &shaped->steps[s];
    const blok_buffer *made = &shaped->buffers[step->writes[0]];
    if (strcmp(step->kernel, "conv 1x1") != 0) continue;
    ck_assert_int_eq(made->kind, BLOK_BUFFER_VIEW);
    ck_assert(made->zero_pixel);
    ck_assert(shaped->buffers[made->root].zero_pixel);
    halves++;
  }
  ck_assert_uint_eq(halves, 2);
}
END_TEST

START_TEST(lower_step__refuses_more_parts_than_threads_can_be_told_of) {
  blok_module *module = NULL;
  blok_graph *graph = net_begin(&module);
  blok_dim x[4];
  const blok_fact input = picture(x, 1, 8);
  net_node(graph, "Relu", "x", "y");
  net_output(graph, "y");
  ck_assert_int_eq(shape(module, &input), BLOK_OK);
  blok_shaped other = {0};
  blok_arena_init(&other.arena, &allocator);
  blok_lowering lowering = {.plan = shaped->plan, .graph = graph, .shaped = &other};
  const blok_step step = {.kernel = "test", .cells = (uint64_t)UINT32_MAX + 1};
  ck_assert_int_eq(blok_lower_step(&lowering, &step, &error), BLOK_E_LIMIT);
  ck_assert_uint_eq(other.n_steps, 0);
  ck_assert_ptr_nonnull(strstr(error.message, "Relu node 'y'"));
  ck_assert_ptr_nonnull(strstr(error.message, "4294967296"));
  blok_arena_free(&other.arena);
}
END_TEST

Suite *suite_shape(void) {
  Suite *suite = suite_create("shape");
  TCase *tests = tcase_create("shape");
  tcase_add_checked_fixture(tests, NULL, end);
  tcase_add_test(tests, shape__adds_in_the_convolution_where_the_shapes_are_the_same);
  tcase_add_loop_test(tests, shape__adds_a_result_that_is_repeated_by_itself, 0, 2);
  tcase_add_test(tests, shape__refuses_a_huge_resize_before_its_tables_are_made);
  tcase_add_test(tests, shape__wants_zeros_behind_every_plane_of_a_padded_concat);
  tcase_add_test(tests, lower_step__refuses_more_parts_than_threads_can_be_told_of);
  suite_add_tcase(suite, tests);
  return suite;
}
