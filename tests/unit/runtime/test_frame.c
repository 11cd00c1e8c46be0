// Frames over shaped plans made by hand: addresses, views, zero pixels, cells, profiles.
#include <check.h>
#include <stdatomic.h>
#include <string.h>

#include "runtime/exec/frame.h"
#include "support/fault.h"
#include "support/tensors.h"

Suite *suite_frame(void);

enum { BUFFERS = 40, STEPS = 4 };

static blok_error error;
static blok_module *module;
static blok_plan plan;
static blok_buffer buffers[BUFFERS];
static blok_step steps[STEPS];
static blok_buffer_id plain[8];
static blok_shaped shaped;
static blok_arena arena;
static blok_heap heap;
static blok_frame *frame;
static char *block;
static size_t block_bytes;
static blok_executor_options options;

static void begin(void) {
  error = (blok_error)BLOK_ERROR_INIT;
  memset(buffers, 0, sizeof buffers);
  memset(steps, 0, sizeof steps);
  memset(plain, 0, sizeof plain);
  ck_assert_int_eq(blok_module_new(blok_allocator_default(), &module, &error), BLOK_OK);
  ck_assert_int_eq(blok_graph_new(module, NULL, &module->graph, &error), BLOK_OK);
  for (int i = 0; i < 4; i++) {
    static const char *const names[] = {"a", "b", "c", "d"};
    blok_value_id id;
    ck_assert_int_eq(blok_graph_add_value(module->graph, names[i], &id, &error), BLOK_OK);
  }
  plan = (blok_plan){.graph = module->graph, .options = {.isa = blok_isa_named("scalar")}};
  shaped = (blok_shaped){.plan = &plan, .buffers = buffers, .steps = steps, .plain = plain};
  shaped.n_buffers = 1;
  heap = (blok_heap){*blok_allocator_default(), 1 << 20, 0, 0, 0};
  options = (blok_executor_options){.allocator = heap.allocator, .limits = BLOK_LIMITS_INIT};
  blok_arena_init(&arena, &heap.allocator);
  frame = NULL;
  block = NULL;
}

static void end(void) {
  if (frame) blok_frame_drop_late(frame);
  blok_heap_give_block(&heap, block, block_bytes);
  ck_assert_uint_eq(heap.used, 0);
  ck_assert_uint_eq(heap.late, 0);
  blok_arena_free(&arena);
  blok_module_free(&module);
}

static blok_buffer *add(blok_buffer_kind kind, size_t bytes) {
  blok_buffer *buffer = &buffers[shaped.n_buffers++];
  buffer->kind = kind;
  buffer->bytes = bytes;
  buffer->shape = (blok_tensor)BLOK_TENSOR_INIT;
  buffer->shape.dtype = BLOK_F32;
  buffer->shape.rank = 1;
  buffer->shape.dims[0] = (int64_t)(bytes / sizeof(float));
  buffer->shape.bytes = bytes;
  return buffer;
}

static blok_step *add_step(blok_step_fn run, const void *args, uint32_t cells,
                           const blok_buffer_id *writes, uint32_t n_writes) {
  blok_step *step = &steps[shaped.n_steps++];
  step->kind = BLOK_STEP_KERNEL;
  step->run = run;
  step->args = args;
  step->cells = cells;
  step->writes = writes;
  step->n_writes = n_writes;
  return step;
}

static void make(void) {
  ck_assert_int_eq(blok_frame_new(&shaped, &heap, &arena, &frame, &error), BLOK_OK);
  ck_assert(blok_frame_bytes(frame, &block_bytes));
  ck_assert_int_eq(blok_heap_take_block(&heap, block_bytes, &block, &error), BLOK_OK);
  memset(block, 0x7f, block_bytes);
  blok_frame_place(frame, block);
}

static blok_status run(blok_step_time *times) {
  blok_run state = {.options = &options, .threads = 1};
  return blok_frame_run(frame, &state, times, &error);
}

// ---- Where things lie ---------------------------------------------------------------------------

START_TEST(frame__lies_where_the_plan_says) {
  static const float constant[4] = {1, 2, 3, 4};
  add(BLOK_BUFFER_ARENA, 64)->at = 0;
  add(BLOK_BUFFER_ARENA, 32)->at = 64;
  add(BLOK_BUFFER_CONSTANT, sizeof constant)->constant = constant;
  blok_buffer *view = add(BLOK_BUFFER_VIEW, 8);
  view->root = 2;
  view->offset = 16;
  shaped.arena_bytes = 96;
  make();
  ck_assert_uint_eq(block_bytes, 128);  // whole cache lines
  ck_assert_ptr_eq(frame->data[1], block);
  ck_assert_ptr_eq(frame->data[2], block + 64);
  ck_assert_ptr_eq(frame->data[3], constant);
  ck_assert_ptr_eq(frame->data[4], block + 80);
  ck_assert_ptr_eq(frame->tensors[4].data, block + 80);
}
END_TEST

START_TEST(bind__moves_the_views_of_an_input) {
  float x[4] = {1, 2, 3, 4}, y[4] = {5, 6, 7, 8};
  add(BLOK_BUFFER_INPUT, sizeof x)->value.i = 1;
  blok_buffer *view = add(BLOK_BUFFER_VIEW, 8);
  view->root = 1;
  view->offset = 8;
  plain[1] = 1;
  make();
  blok_tensor one = blok_test_tensor(BLOK_F32, x, sizeof x, 1, 4);
  blok_tensor other = blok_test_tensor(BLOK_F32, y, sizeof y, 1, 4);
  ck_assert_int_eq(blok_frame_bind(frame, (blok_value_id){1}, &one, &error), BLOK_OK);
  ck_assert_ptr_eq(frame->data[2], x + 2);
  ck_assert_int_eq(blok_frame_bind(frame, (blok_value_id){1}, &other, &error), BLOK_OK);
  ck_assert_ptr_eq(frame->data[2], y + 2);
}
END_TEST

START_TEST(bind__refuses_what_the_plan_was_not_shaped_for) {
  float x[6] = {0};
  add(BLOK_BUFFER_INPUT, 16)->value.i = 1;
  plain[1] = 1;
  make();
  blok_tensor longer = blok_test_tensor(BLOK_F32, x, sizeof x, 1, 6);
  ck_assert_int_eq(blok_frame_bind(frame, (blok_value_id){1}, &longer, &error), BLOK_E_SHAPE);
  ck_assert_ptr_nonnull(strstr(error.message, "'a'"));
  ck_assert_ptr_nonnull(strstr(error.message, "[6]"));
  blok_tensor whole = blok_test_tensor(BLOK_I32, x, 16, 1, 4);
  ck_assert_int_eq(blok_frame_bind(frame, (blok_value_id){1}, &whole, NULL), BLOK_E_SHAPE);
  // A value that nothing reads stands nowhere.
  ck_assert_int_eq(blok_frame_bind(frame, (blok_value_id){2}, &longer, NULL), BLOK_OK);
}
END_TEST

START_TEST(size__refuses_a_late_buffer_that_does_not_hold_its_views) {
  blok_buffer *late = add(BLOK_BUFFER_LATE, 0);
  late->value.i = 1;
  late->shape.rank = BLOK_RANK_OPEN;
  late->last = 5;
  blok_buffer *view = add(BLOK_BUFFER_VIEW, 16);
  view->root = 1;
  view->value.i = 2;
  make();
  const int64_t enough = 4, less = 3;
  ck_assert_int_eq(blok_frame_size(frame, 1, BLOK_F32, 1, &enough, &error), BLOK_OK);
  ck_assert_ptr_eq(frame->data[2], frame->data[1]);
  ck_assert_uint_eq(heap.late, 16);
  ck_assert_int_eq(blok_frame_size(frame, 1, BLOK_F32, 1, &less, &error), BLOK_E_INTERNAL);
  blok_frame_drop_late(frame);
  ck_assert_ptr_null(frame->data[2]);
  ck_assert_uint_eq(heap.late, 0);
  ck_assert_uint_eq(heap.late_most, 16);
}
END_TEST

// ---- Zero pixels --------------------------------------------------------------------------------

// Writes 3 to every float of buffer *args, the pixels behind its planes included.
static void fill(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  const blok_buffer_id id = *(const blok_buffer_id *)call->args;
  (void)first;
  (void)last;
  (void)worker;
  float *floats = blok_step_floats(call, id);
  const blok_planes *planes = &buffers[id].planes;
  for (uint32_t n = 0; n < planes->n; n++) {
    for (size_t i = 0; i < planes->blocks * planes->plane_stride; i++) {
      floats[n * planes->batch_stride + i] = 3;
    }
  }
}

// 2 images of 2 blocks of 8 lanes, 2x3 pixels.
static blok_buffer *add_blocked(size_t at, bool zero_pixel) {
  blok_buffer *buffer = add(BLOK_BUFFER_ARENA, 2 * 2 * 7 * 8 * sizeof(float));
  buffer->layout = BLOK_BLOCKED;
  buffer->at = at;
  buffer->zero_pixel = zero_pixel;
  buffer->planes = (blok_planes){2, 12, 2, 3, 2, 56, 112};
  return buffer;
}

static void check_planes(const float *image, uint32_t n, size_t batch, uint32_t planes,
                         float behind) {
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t p = 0; p < planes; p++) {
      for (int k = 0; k < 56; k++) {
        ck_assert(image[i * batch + p * 56 + k] == (k < 48 ? 3 : behind));
      }
    }
  }
}

START_TEST(run__writes_zeros_behind_the_planes_that_want_them) {
  static const blok_buffer_id ids[2] = {1, 2};
  size_t bytes = add_blocked(0, true)->bytes;
  add_blocked(bytes, false);
  shaped.arena_bytes = 2 * bytes;
  add_step(fill, &ids[0], 1, &ids[0], 1);
  add_step(fill, &ids[1], 1, &ids[1], 1);
  make();
  for (int round = 0; round < 2; round++) {
    ck_assert_int_eq(run(NULL), BLOK_OK);
    check_planes((const float *)(const void *)frame->data[1], 2, 112, 2, 0);
    check_planes((const float *)(const void *)frame->data[2], 2, 112, 2, 3);
  }
}
END_TEST

// The second block of each image is a value of its own, which a reader pads.
START_TEST(run__writes_zeros_behind_the_planes_of_a_view) {
  static const blok_buffer_id whole[1] = {1}, part[1] = {2};
  size_t bytes = add_blocked(0, true)->bytes;
  blok_buffer *view = add(BLOK_BUFFER_VIEW, bytes - 56 * sizeof(float));
  view->layout = BLOK_BLOCKED;
  view->root = 1;
  view->offset = 56 * sizeof(float);
  view->zero_pixel = true;
  view->planes = (blok_planes){2, 4, 2, 3, 1, 56, 112};
  shaped.arena_bytes = bytes;
  add_step(fill, whole, 1, whole, 1);
  add_step(fill, part, 1, part, 1);
  make();
  ck_assert_int_eq(run(NULL), BLOK_OK);
  const float *image = (const float *)(const void *)frame->data[1];
  check_planes(image, 2, 112, 2, 0);
}
END_TEST

// ---- Cells --------------------------------------------------------------------------------------

enum { CELLS = 97, MOST_THREADS = 8 };

static atomic_int busy[MOST_THREADS], computed[CELLS];

// Each cell sums a series in the worker's scratch, which no other worker may touch meanwhile.
static void sum_series(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  ck_assert_int_eq(atomic_fetch_add(&busy[worker], 1), 0);
  float *scratch = blok_step_scratch(call, worker);
  for (uint32_t cell = first; cell < last; cell++) {
    atomic_fetch_add(&computed[cell], 1);
    scratch[0] = 0;
    for (int i = 1; i < 400; i++) scratch[0] += 1.0F / (float)(i + (int)cell);
    blok_step_floats(call, 1)[cell] = scratch[0];
  }
  atomic_fetch_sub(&busy[worker], 1);
}

START_TEST(run__gives_the_same_bits_for_any_number_of_threads) {
  static const uint32_t threads[] = {1, 2, 3, 5, 8};
  static const blok_buffer_id out[1] = {1};
  static char scratch[MOST_THREADS * 64] __attribute__((aligned(64)));
  float want[CELLS];
  add(BLOK_BUFFER_ARENA, sizeof want);
  shaped.arena_bytes = sizeof want;
  shaped.scratch_bytes = 64;
  add_step(sum_series, NULL, CELLS, out, 1)->macs = 1 << 30;
  make();
  ck_assert(frame->parallel);
  ck_assert_uint_eq(blok_frame_scratch(frame), 64);
  for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
    blok_pool_options pool = BLOK_POOL_OPTIONS_INIT;
    pool.threads = threads[t];
    ck_assert_int_eq(blok_pool_new(&pool, &options.pool, &error), BLOK_OK);
    for (int round = 0; round < 20; round++) {
      memset(block, 0x7f, block_bytes);
      for (int c = 0; c < CELLS; c++) atomic_store(&computed[c], 0);
      blok_run state = {&options, threads[t], scratch, 64, 0};
      ck_assert_int_eq(blok_frame_run(frame, &state, NULL, &error), BLOK_OK);
      for (int c = 0; c < CELLS; c++) ck_assert_int_eq(atomic_load(&computed[c]), 1);
      if (t == 0) memcpy(want, block, sizeof want);
      ck_assert_mem_eq(block, want, sizeof want);
    }
    blok_pool_free(&options.pool);
  }
}
END_TEST

START_TEST(step__too_small_for_a_second_thread_stays_with_the_first) {
  blok_step step = {.kind = BLOK_STEP_KERNEL, .cells = 4, .macs = 100, .bytes = 100};
  ck_assert(!blok_step_parallel(&step));
  step.macs = 1 << 20;
  ck_assert(blok_step_parallel(&step));
  step.cells = 1;
  ck_assert(!blok_step_parallel(&step));
}
END_TEST

// ---- Time ---------------------------------------------------------------------------------------

START_TEST(run__adds_up_the_time_of_each_step) {
  static const blok_buffer_id ids[1] = {1};
  shaped.arena_bytes = add_blocked(0, true)->bytes;
  add_step(fill, ids, 1, ids, 1);
  add_step(fill, ids, 1, ids, 1);
  make();
  blok_step_time times[2] = {{0, 0, 0}};
  for (int round = 0; round < 5; round++) ck_assert_int_eq(run(times), BLOK_OK);
  for (int s = 0; s < 2; s++) {
    ck_assert_uint_eq(times[s].runs, 5);
    ck_assert_uint_le(times[s].least * 5, times[s].nanoseconds);
  }
}
END_TEST

// ---- Memory -------------------------------------------------------------------------------------

static blok_status sweep_frame(void *context, const blok_allocator *allocator, blok_error *fault) {
  (void)context;
  blok_arena tables;
  blok_frame *made = NULL;
  blok_heap from = {*allocator, 1 << 20, 0, 0, 0};
  blok_arena_init(&tables, allocator);
  blok_status status = blok_frame_new(&shaped, &from, &tables, &made, fault);
  ck_assert((made != NULL) == (status == BLOK_OK));
  blok_arena_free(&tables);
  return status;
}

START_TEST(frame__survives_every_failed_allocation) {
  static const blok_buffer_id ids[1] = {1};
  shaped.arena_bytes = add_blocked(0, true)->bytes;
  add_step(fill, ids, 1, ids, 1);
  while (shaped.n_buffers < BUFFERS) add(BLOK_BUFFER_ARENA, 64);  // more than one piece of memory
  ck_assert_uint_gt(blok_fault_sweep(sweep_frame, NULL), 1);
}
END_TEST

START_TEST(frame__puts_bodies_into_one_place) {
  static blok_buffer none[1], inside[2][2];
  blok_shaped inner[2] = {{.plan = &plan, .n_buffers = 2, .buffers = inside[0], .plain = plain},
                          {.plan = &plan, .n_buffers = 2, .buffers = inside[1], .plain = plain}};
  blok_step_body bodies[2] = {{.shaped = &inner[0]}, {.shaped = &inner[1]}};
  for (int b = 0; b < 2; b++) {
    inside[b][0] = none[0];
    inside[b][1] = (blok_buffer){.kind = BLOK_BUFFER_ARENA, .bytes = 100, .at = 0};
    inner[b].arena_bytes = b ? 3000 : 1000;
    inner[b].scratch_bytes = b ? 64 : 128;
  }
  add(BLOK_BUFFER_ARENA, 64);
  shaped.arena_bytes = 64;
  steps[0] = (blok_step){.kind = BLOK_STEP_CONTROL, .n_bodies = 2, .bodies = bodies};
  shaped.n_steps = 1;
  make();
  ck_assert_uint_eq(block_bytes, 64 + 3008);
  ck_assert_uint_eq(blok_frame_scratch(frame), 128);
  for (int b = 0; b < 2; b++) ck_assert_ptr_eq(frame->bodies[0][b]->data[1], block + 64);
}
END_TEST

START_TEST(frame__refuses_a_block_that_no_memory_can_hold) {
  size_t bytes;
  shaped.arena_bytes = SIZE_MAX - 8;
  ck_assert_int_eq(blok_frame_new(&shaped, &heap, &arena, &frame, &error), BLOK_OK);
  ck_assert(!blok_frame_bytes(frame, &bytes));
}
END_TEST

Suite *suite_frame(void) {
  Suite *suite = suite_create("frame");
  TCase *tests = tcase_create("frame");
  tcase_add_checked_fixture(tests, begin, end);
  tcase_add_test(tests, frame__lies_where_the_plan_says);
  tcase_add_test(tests, bind__moves_the_views_of_an_input);
  tcase_add_test(tests, bind__refuses_what_the_plan_was_not_shaped_for);
  tcase_add_test(tests, size__refuses_a_late_buffer_that_does_not_hold_its_views);
  tcase_add_test(tests, run__writes_zeros_behind_the_planes_that_want_them);
  tcase_add_test(tests, run__writes_zeros_behind_the_planes_of_a_view);
  tcase_add_test(tests, run__gives_the_same_bits_for_any_number_of_threads);
  tcase_add_test(tests, step__too_small_for_a_second_thread_stays_with_the_first);
  tcase_add_test(tests, run__adds_up_the_time_of_each_step);
  tcase_add_test(tests, frame__survives_every_failed_allocation);
  tcase_add_test(tests, frame__puts_bodies_into_one_place);
  tcase_add_test(tests, frame__refuses_a_block_that_no_memory_can_hold);
  suite_add_tcase(suite, tests);
  return suite;
}
