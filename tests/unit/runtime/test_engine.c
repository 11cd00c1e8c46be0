// The engine: which plans and shaped plans are shared, and how long they are kept.
#include <check.h>
#include <stdatomic.h>

#include "nets/net.h"
#include "passes/passes.h"
#include "runtime/runtime.h"
#include "support/fault.h"

Suite *suite_engine(void);

static blok_error error;
static net_found found;
static blok_limits limits;
static blok_engine *engine;
static const blok_plan *plan;

// x [N, 16, 8, 8] through conv, norm, Relu, conv, norm to f.
static void begin(void) {
  error = (blok_error)BLOK_ERROR_INIT;
  blok_module *module = NULL;
  blok_graph *graph = net_begin(&module);
  net_post(graph, 16, 1);
  net_output(graph, "f");
  found = net_match(module);
  ck_assert_uint_eq(found.module->graph->n_inputs, 1);
  limits = blok_limits_resolve(NULL);
  engine = NULL;
  ck_assert_int_eq(blok_engine_new(found.module, found.facts, found.overlay,
                                   blok_allocator_default(), &engine, &error),
                   BLOK_OK);
  ck_assert_int_eq(blok_engine_plan(engine, blok_isa_best(), false, true, &plan, &error), BLOK_OK);
}

static void end(void) {
  blok_engine_free(&engine);
  net_free(&found);
}

static blok_status try_shape(blok_engine *of, const blok_plan *its, int64_t n, blok_shaped **out,
                             blok_error *failure) {
  const blok_dim dims[4] = {blok_dim_of(n), blok_dim_of(16), blok_dim_of(8), blok_dim_of(8)};
  const blok_fact x = {.kind = BLOK_TYPE_TENSOR, .dtype = BLOK_F32, .rank = 4, .dims = dims};
  return blok_engine_shape(of, its, &x, &limits, out, failure);
}

static blok_shaped *shape(int64_t n) {
  blok_shaped *shaped = NULL;
  ck_assert_msg(try_shape(engine, plan, n, &shaped, &error) == BLOK_OK, "%s", error.message);
  return shaped;
}

START_TEST(plan__is_one_for_each_set_of_choices) {
  const blok_plan *again = NULL, *other = NULL;
  ck_assert_int_eq(blok_engine_plan(engine, blok_isa_best(), false, true, &again, &error), BLOK_OK);
  ck_assert_ptr_eq(again, plan);
  ck_assert_int_eq(blok_engine_plan(engine, blok_isa_best(), false, false, &other, &error),
                   BLOK_OK);
  ck_assert_ptr_ne(other, plan);
  ck_assert_uint_gt(other->n_regions, plan->n_regions);  // one node a region
  ck_assert_int_eq(blok_engine_plan(engine, blok_isa_best(), true, true, &again, &error), BLOK_OK);
  ck_assert_ptr_ne(again, plan);
  ck_assert(again->options.reference);
}
END_TEST

START_TEST(shape__is_shared_by_those_who_want_the_same) {
  blok_shaped *a = shape(2), *b = shape(2), *c = shape(3);
  ck_assert_ptr_eq(a, b);
  ck_assert_ptr_ne(a, c);
  blok_engine_release(engine, &a);
  ck_assert_ptr_null(a);
  blok_shaped *again = shape(2);
  ck_assert_ptr_eq(again, b);
  blok_engine_release(engine, &again);
  blok_engine_release(engine, &b);
  blok_engine_release(engine, &c);
  blok_engine_release(engine, &c);  // NULL by now
}
END_TEST

START_TEST(shape__is_kept_for_who_comes_back_until_four_others_were_left_since) {
  blok_shaped *first = shape(1);
  const blok_shaped *const place = first;
  const size_t packed = blok_engine_packed_bytes(engine);
  ck_assert_uint_gt(packed, 0);
  blok_engine_release(engine, &first);
  for (int64_t n = 2; n <= 4; n++) {
    blok_shaped *other = shape(n);
    blok_engine_release(engine, &other);
  }
  first = shape(1);
  ck_assert_ptr_eq(first, place);
  ck_assert_uint_eq(blok_engine_packed_bytes(engine), packed);
  blok_engine_release(engine, &first);
  // A plan that is used counts for nothing, however many there are.
  blok_shaped *used[8];
  for (int64_t n = 0; n < 8; n++) used[n] = shape(10 + n);
  first = shape(1);
  ck_assert_ptr_eq(first, place);
  blok_engine_release(engine, &first);
  for (int64_t n = 0; n < 8; n++) blok_engine_release(engine, &used[n]);
  ck_assert_uint_eq(blok_engine_packed_bytes(engine), packed);
}
END_TEST

START_TEST(shape__other_limits_are_another_plan) {
  blok_shaped *wide = shape(1);
  limits.run_bytes = 1000;
  blok_shaped *narrow = NULL;
  ck_assert_int_eq(try_shape(engine, plan, 1, &narrow, &error), BLOK_E_LIMIT);
  ck_assert_ptr_null(narrow);
  blok_engine_release(engine, &wide);
}
END_TEST

static blok_status make_all(void *context, const blok_allocator *allocator, blok_error *failure) {
  (void)context;
  blok_engine *made = NULL;
  const blok_plan *its = NULL;
  blok_shaped *shaped = NULL;
  blok_status status =
      blok_engine_new(found.module, found.facts, found.overlay, allocator, &made, failure);
  if (status != BLOK_OK) {
    ck_assert_ptr_null(made);
    return status;
  }
  status = blok_engine_plan(made, blok_isa_best(), false, true, &its, failure);
  if (status == BLOK_OK) status = try_shape(made, its, 2, &shaped, failure);
  ck_assert((status == BLOK_OK) == (shaped != NULL));
  blok_engine_release(made, &shaped);
  blok_engine_free(&made);
  return status;
}

START_TEST(engine__survives_every_failed_allocation) {
  ck_assert_uint_gt(blok_fault_sweep(make_all, NULL), 10);
}
END_TEST

static atomic_int refused;

static void shape_often(void *context, uint32_t first, uint32_t last, uint32_t worker) {
  (void)context, (void)first, (void)last, (void)worker;
  for (int64_t i = 0; i < 30; i++) {
    const blok_plan *same = NULL;
    blok_shaped *shaped = NULL;
    if (blok_engine_plan(engine, blok_isa_best(), false, true, &same, NULL) != BLOK_OK ||
        same != plan || try_shape(engine, plan, 1 + i % 7, &shaped, NULL) != BLOK_OK) {
      refused++;
      return;
    }
    blok_engine_release(engine, &shaped);
  }
}

START_TEST(engine__serves_threads_at_once) {
  blok_pool_options options = BLOK_POOL_OPTIONS_INIT;
  blok_pool *pool = NULL;
  options.threads = 4;
  ck_assert_int_eq(blok_pool_new(&options, &pool, &error), BLOK_OK);
  refused = 0;
  blok_pool_run(pool, 4, 4, shape_often, NULL);
  blok_pool_free(&pool);
  ck_assert_int_eq(refused, 0);
}
END_TEST

Suite *suite_engine(void) {
  Suite *suite = suite_create("engine");
  TCase *tests = tcase_create("engine");
  tcase_add_checked_fixture(tests, begin, end);
  tcase_add_test(tests, plan__is_one_for_each_set_of_choices);
  tcase_add_test(tests, shape__is_shared_by_those_who_want_the_same);
  tcase_add_test(tests, shape__is_kept_for_who_comes_back_until_four_others_were_left_since);
  tcase_add_test(tests, shape__other_limits_are_another_plan);
  tcase_add_test(tests, engine__survives_every_failed_allocation);
  tcase_add_test(tests, engine__serves_threads_at_once);
  suite_add_tcase(suite, tests);
  return suite;
}
