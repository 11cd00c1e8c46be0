// What a session tells of itself: memory, steps, times; instruction sets.
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "stored.h"
#include "support/tensors.h"

Suite *suite_plan(void);

static blok_error error;
static blok_model *model;
static blok_session *session;
static blok_test_vectors vectors;

static const char *const name = "guide_seres_dynamo";

static void begin(void) {
  error = (blok_error)BLOK_ERROR_INIT;
  model = blok_test_open(name);
  session = blok_test_session(model);
  blok_test_vectors_read(name, &vectors);
}

static void end(void) {
  blok_session_free(&session);
  blok_model_free(&model);
  blok_test_vectors_free(&vectors);
}

static void reshape(blok_session *of) {
  ck_assert_msg(blok_session_reshape(of, vectors.inputs, vectors.n_inputs, &error) == BLOK_OK, "%s",
                error.message);
}

static blok_memory_info memory_of(const blok_session *of) {
  blok_memory_info info = BLOK_MEMORY_INFO_INIT;
  ck_assert_msg(blok_session_memory(of, &info, &error) == BLOK_OK, "%s", error.message);
  return info;
}

static blok_machine_info machine_of(const blok_session *of) {
  blok_machine_info info = BLOK_MACHINE_INFO_INIT;
  ck_assert_msg(blok_session_machine(of, &info, &error) == BLOK_OK, "%s", error.message);
  return info;
}

static blok_step_info step_of(const blok_session *of, size_t index) {
  blok_step_info info = BLOK_STEP_INFO_INIT;
  ck_assert_msg(blok_session_step(of, index, &info, &error) == BLOK_OK, "%s", error.message);
  return info;
}

static blok_session *session_with(const blok_session_options *options) {
  blok_session *made = NULL;
  ck_assert_msg(blok_session_new(model, options, &made, &error) == BLOK_OK, "%s", error.message);
  return made;
}

// ---- Memory -------------------------------------------------------------------------------------

START_TEST(memory__is_known_before_the_first_run_and_does_not_change) {
  reshape(session);
  const blok_memory_info before = memory_of(session);
  ck_assert_uint_gt(before.live_bytes, 0);
  ck_assert_uint_le(before.live_bytes, before.value_bytes);
  ck_assert_uint_le(before.value_bytes, before.arena_bytes);
  ck_assert_uint_gt(before.packed_bytes, 0);
  ck_assert_uint_eq(before.heap_bytes, 0);
  ck_assert_uint_lt(before.live_step, machine_of(session).steps);
  blok_test_run(session, &vectors);
  const blok_memory_info after = memory_of(session);
  ck_assert_uint_eq(after.arena_bytes, before.arena_bytes);
  ck_assert_uint_eq(after.value_bytes, before.value_bytes);
  ck_assert_uint_eq(after.scratch_bytes, before.scratch_bytes);
  ck_assert_uint_eq(after.packed_bytes, before.packed_bytes);
  ck_assert_uint_eq(after.heap_bytes, 0);
  ck_assert_uint_eq(after.heap_most_bytes, 0);
}
END_TEST

START_TEST(memory__of_packed_weights_is_that_of_one_session_for_many) {
  reshape(session);
  const uint64_t packed = memory_of(session).packed_bytes;
  blok_session *others[3];
  for (int i = 0; i < 3; i++) {
    others[i] = blok_test_session(model);
    reshape(others[i]);
    blok_test_run(others[i], &vectors);
    ck_assert_uint_eq(memory_of(others[i]).packed_bytes, packed);
  }
  for (int i = 0; i < 3; i++) blok_session_free(&others[i]);
  ck_assert_uint_eq(memory_of(session).packed_bytes, packed);
}
END_TEST

START_TEST(memory__of_packed_weights_stays_with_the_model_between_sessions) {
  reshape(session);
  const uint64_t packed = memory_of(session).packed_bytes;
  blok_session_free(&session);
  session = blok_test_session(model);
  reshape(session);
  ck_assert_uint_eq(memory_of(session).packed_bytes, packed);
}
END_TEST

// dynamic_dims: x[N, 3, H, W] -> y[N, 4].
START_TEST(memory__of_packed_weights_serves_all_shapes) {
  blok_session_free(&session);
  blok_model_free(&model);
  model = blok_test_open("dynamic_dims");
  session = blok_test_session(model);
  uint64_t packed = 0;
  for (int n = 1; n <= 8; n++) {
    blok_tensor input = blok_test_tensor(BLOK_F32, NULL, 0, 4, n, 3, 16, 16);
    ck_assert_int_eq(blok_session_reshape(session, &input, 1, &error), BLOK_OK);
    const blok_memory_info info = memory_of(session);
    if (n == 1) packed = info.packed_bytes;
    ck_assert_uint_eq(info.packed_bytes, packed);
  }
}
END_TEST

START_TEST(memory__grows_with_the_shapes) {
  blok_session_free(&session);
  blok_model_free(&model);
  model = blok_test_open("dynamic_dims");
  session = blok_test_session(model);
  uint64_t arena = 0;
  for (int side = 8; side <= 64; side *= 2) {
    blok_tensor input = blok_test_tensor(BLOK_F32, NULL, 0, 4, 1, 3, side, side);
    ck_assert_int_eq(blok_session_reshape(session, &input, 1, &error), BLOK_OK);
    ck_assert_uint_gt(memory_of(session).arena_bytes, arena);
    arena = memory_of(session).arena_bytes;
  }
}
END_TEST

START_TEST(memory__of_late_values_is_told_after_the_run) {
  blok_session_free(&session);
  blok_model_free(&model);
  model = blok_test_open("late_shapes");
  session = blok_test_session(model);
  float x[20] = {1, 1, 1};
  blok_tensor input = blok_test_tensor(BLOK_F32, x, sizeof x, 2, 4, 5);
  blok_tensor y = BLOK_TENSOR_INIT;
  ck_assert_int_eq(blok_session_run(session, &input, 1, &y, 1, &error), BLOK_OK);
  const blok_memory_info info = memory_of(session);
  ck_assert_uint_ge(info.heap_most_bytes, y.bytes);
  ck_assert_uint_le(info.heap_bytes, info.heap_most_bytes);
}
END_TEST

// ---- Steps --------------------------------------------------------------------------------------

START_TEST(steps__name_kernel_node_and_block) {
  reshape(session);
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  ck_assert_int_eq(blok_model_get_info(model, &info), BLOK_OK);
  const size_t count = machine_of(session).steps;
  ck_assert_uint_gt(count, 0);
  size_t in_blocks = 0;
  uint64_t macs = 0;
  for (size_t i = 0; i < count; i++) {
    const blok_step_info step = step_of(session, i);
    ck_assert(step.name[0] && step.op[0] && step.kernel[0] && step.layout[0]);
    ck_assert_int_lt(step.block, (int)blok_model_block_count(model));
    in_blocks += step.block >= 0;
    macs += step.macs;
    ck_assert_uint_gt(step.nodes, 0);
    size_t before = 0;
    for (size_t m = 0; m < step.nodes; m++) {
      const size_t node = blok_session_step_node(session, i, m);
      ck_assert_uint_lt(node, info.nodes);
      ck_assert(m == 0 || node > before);
      before = node;
    }
    ck_assert_uint_eq(blok_session_step_node(session, i, step.nodes), SIZE_MAX);
  }
  ck_assert_uint_gt(in_blocks, 0);
  ck_assert_uint_ge(macs, (uint64_t)info.macs);  // padding adds to it, nothing is left out
  blok_step_info past = BLOK_STEP_INFO_INIT;
  blok_test_fails(blok_session_step(session, count, &past, &error), BLOK_E_NOT_FOUND, &error,
                  "steps", NULL);
  ck_assert_uint_eq(blok_session_step_node(session, count, 0), SIZE_MAX);
}
END_TEST

START_TEST(steps__fuse_nodes_unless_told_not_to) {
  reshape(session);
  const size_t fused = machine_of(session).steps;
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  options.no_blocks = true;
  blok_session *plain = session_with(&options);
  reshape(plain);
  ck_assert_uint_lt(fused, machine_of(plain).steps);
  blok_test_run(plain, &vectors);
  blok_session_free(&plain);
}
END_TEST

START_TEST(steps__of_the_reference_are_plain_nodes) {
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  options.reference = true;
  blok_session *reference = session_with(&options);
  reshape(reference);
  const blok_machine_info machine = machine_of(reference);
  ck_assert_str_eq(machine.isa, "reference");
  ck_assert_uint_eq(machine.threads, 1);
  for (size_t i = 0; i < machine.steps; i++) {
    const blok_step_info step = step_of(reference, i);
    ck_assert_str_eq(step.kernel, "reference");
    ck_assert_str_eq(step.layout, "plain");
    ck_assert_uint_eq(step.lanes, 0);
  }
  blok_test_run(reference, &vectors);
  blok_session_free(&reference);
}
END_TEST

START_TEST(steps__are_told_only_after_a_reshape) {
  blok_step_info step = BLOK_STEP_INFO_INIT;
  blok_memory_info memory = BLOK_MEMORY_INFO_INIT;
  ck_assert_uint_eq(machine_of(session).steps, 0);
  blok_test_fails(blok_session_step(session, 0, &step, &error), BLOK_E_ARGUMENT, &error, "reshape",
                  NULL);
  blok_test_fails(blok_session_memory(session, &memory, &error), BLOK_E_ARGUMENT, &error, "reshape",
                  NULL);
  ck_assert_uint_eq(blok_session_step_node(session, 0, 0), SIZE_MAX);
}
END_TEST

START_TEST(steps__fill_only_an_older_callers_part) {
  reshape(session);
  blok_step_info step = BLOK_STEP_INFO_INIT;
  memset(&step, 0x5a, sizeof step);
  step.struct_size = offsetof(blok_step_info, nodes);
  ck_assert_int_eq(blok_session_step(session, 0, &step, &error), BLOK_OK);
  ck_assert_uint_eq(step.struct_size, offsetof(blok_step_info, nodes));
  ck_assert(step.op[0]);
  size_t untouched;
  memset(&untouched, 0x5a, sizeof untouched);
  ck_assert_uint_eq(step.nodes, untouched);
}
END_TEST

START_TEST(looks__refuse_null_and_structs_without_their_macro) {
  reshape(session);
  blok_step_info step = BLOK_STEP_INFO_INIT;
  blok_memory_info memory = BLOK_MEMORY_INFO_INIT;
  blok_test_fails(blok_session_step(NULL, 0, &step, &error), BLOK_E_ARGUMENT, &error, "NULL", NULL);
  blok_test_fails(blok_session_step(session, 0, NULL, &error), BLOK_E_ARGUMENT, &error, "NULL",
                  NULL);
  blok_test_fails(blok_session_memory(session, NULL, &error), BLOK_E_ARGUMENT, &error, NULL);
  blok_test_fails(blok_session_machine(session, NULL, &error), BLOK_E_ARGUMENT, &error, NULL);
  blok_test_fails(blok_session_profile(NULL, true, &error), BLOK_E_ARGUMENT, &error, NULL);
  ck_assert_uint_eq(blok_session_step_node(NULL, 0, 0), SIZE_MAX);
  memory.struct_size = 0;
  blok_test_fails(blok_session_memory(session, &memory, &error), BLOK_E_ARGUMENT, &error, "_INIT",
                  NULL);
}
END_TEST

// ---- Profile ------------------------------------------------------------------------------------

START_TEST(profile__times_each_step_of_each_run) {
  ck_assert_int_eq(blok_session_profile(session, true, &error), BLOK_OK);
  reshape(session);
  for (int i = 0; i < 3; i++) blok_test_run(session, &vectors);
  const size_t count = machine_of(session).steps;
  uint64_t total = 0;
  for (size_t i = 0; i < count; i++) {
    const blok_step_info step = step_of(session, i);
    ck_assert_uint_eq(step.runs, 3);
    ck_assert_uint_le(3 * step.least_nanoseconds, step.nanoseconds);
    total += step.nanoseconds;
  }
  ck_assert_uint_gt(total, 0);
  ck_assert_int_eq(blok_session_profile(session, true, &error), BLOK_OK);
  ck_assert_uint_eq(step_of(session, 0).runs, 0);
  blok_test_run(session, &vectors);
  ck_assert_uint_eq(step_of(session, 0).runs, 1);
  ck_assert_int_eq(blok_session_profile(session, false, &error), BLOK_OK);
  ck_assert_uint_eq(step_of(session, 0).runs, 0);
  blok_test_run(session, &vectors);
}
END_TEST

// ---- Instruction sets ---------------------------------------------------------------------------

static const char *const sets[] = {"scalar", "avx2", "avx512"};

START_TEST(isa__named_computes_the_same) {
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  options.isa = sets[_i];
  blok_session *forced = NULL;
  const blok_status status = blok_session_new(model, &options, &forced, &error);
  if (status != BLOK_OK) {  // this CPU has it not
    ck_assert_int_gt(_i, 0);
    blok_test_fails(status, BLOK_E_ARGUMENT, &error, sets[_i], "scalar", NULL);
    ck_assert_ptr_null(forced);
    return;
  }
  ck_assert_str_eq(machine_of(forced).isa, sets[_i]);
  blok_test_run(forced, &vectors);
  blok_session_free(&forced);
}
END_TEST

START_TEST(isa__unknown_is_refused_with_the_list_of_those_there_are) {
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  options.isa = "mmx\n";
  blok_session *made = NULL;
  blok_test_fails(blok_session_new(model, &options, &made, &error), BLOK_E_ARGUMENT, &error,
                  "mmx\\x0a", "scalar", NULL);
  ck_assert_ptr_null(made);
}
END_TEST

START_TEST(isa__is_taken_from_the_environment_where_no_option_names_it) {
  blok_session *made = NULL;
  ck_assert_int_eq(setenv("BLOK_ISA", "scalar", 1), 0);
  made = session_with(NULL);
  ck_assert_str_eq(machine_of(made).isa, "scalar");
  blok_session_free(&made);
  ck_assert_int_eq(setenv("BLOK_ISA", "mmx", 1), 0);
  blok_test_fails(blok_session_new(model, NULL, &made, &error), BLOK_E_ARGUMENT, &error, "BLOK_ISA",
                  "mmx", "scalar", NULL);
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  options.isa = "scalar";
  made = session_with(&options);
  blok_session_free(&made);
  ck_assert_int_eq(unsetenv("BLOK_ISA"), 0);
}
END_TEST

Suite *suite_plan(void) {
  Suite *suite = suite_create("plan");
  TCase *tests = tcase_create("plan");
  tcase_add_checked_fixture(tests, begin, end);
  tcase_add_test(tests, memory__is_known_before_the_first_run_and_does_not_change);
  tcase_add_test(tests, memory__of_packed_weights_is_that_of_one_session_for_many);
  tcase_add_test(tests, memory__of_packed_weights_stays_with_the_model_between_sessions);
  tcase_add_test(tests, memory__of_packed_weights_serves_all_shapes);
  tcase_add_test(tests, memory__grows_with_the_shapes);
  tcase_add_test(tests, memory__of_late_values_is_told_after_the_run);
  tcase_add_test(tests, steps__name_kernel_node_and_block);
  tcase_add_test(tests, steps__fuse_nodes_unless_told_not_to);
  tcase_add_test(tests, steps__of_the_reference_are_plain_nodes);
  tcase_add_test(tests, steps__are_told_only_after_a_reshape);
  tcase_add_test(tests, steps__fill_only_an_older_callers_part);
  tcase_add_test(tests, looks__refuse_null_and_structs_without_their_macro);
  tcase_add_test(tests, profile__times_each_step_of_each_run);
  tcase_add_loop_test(tests, isa__named_computes_the_same, 0, sizeof sets / sizeof *sets);
  tcase_add_test(tests, isa__unknown_is_refused_with_the_list_of_those_there_are);
  tcase_add_test(tests, isa__is_taken_from_the_environment_where_no_option_names_it);
  suite_add_tcase(suite, tests);
  return suite;
}
