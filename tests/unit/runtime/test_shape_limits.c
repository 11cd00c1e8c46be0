// Values beyond the limit of a session are refused before memory is taken for what makes them.
#include <check.h>
#include <string.h>

#include "nets/net.h"
#include "passes/passes.h"
#include "runtime/runtime.h"
#include "support/fault.h"

Suite *suite_shape_limits(void);

START_TEST(shape__refuses_a_huge_resize_before_its_tables_are_made) {
  blok_error error = BLOK_ERROR_INIT;
  blok_module *module = NULL;
  blok_graph *graph = net_begin(&module);
  const int64_t sizes[] = {1, 16, 1 << 26, 8};  // 32 GiB; its rows alone need tables of 1 GiB
  net_ints(graph, "sizes", sizes, 4);
  net_node(graph, "Resize", "x - - sizes", "y");
  net_output(graph, "y");
  net_found found = net_match(module);
  blok_fault fault = BLOK_FAULT_INIT;
  const blok_allocator allocator = blok_fault_allocator(&fault);
  const blok_limits limits = blok_limits_resolve(NULL);
  blok_engine *engine = NULL;
  const blok_plan *plan = NULL;
  ck_assert_int_eq(blok_engine_new(found.module, found.facts, found.overlay, &allocator, &engine,
                                   &error),
                   BLOK_OK);
  ck_assert_int_eq(blok_engine_plan(engine, blok_isa_best(), false, true, &plan, &error), BLOK_OK);
  const blok_dim dims[4] = {blok_dim_of(1), blok_dim_of(16), blok_dim_of(8), blok_dim_of(8)};
  const blok_fact x = {.kind = BLOK_TYPE_TENSOR, .dtype = BLOK_F32, .rank = 4, .dims = dims};
  blok_shaped *shaped = NULL;
  ck_assert_int_eq(blok_engine_shape(engine, plan, &x, &limits, &shaped, &error), BLOK_E_LIMIT);
  ck_assert_ptr_null(shaped);
  ck_assert_ptr_nonnull(strstr(error.message, "'y'"));
  ck_assert_ptr_nonnull(strstr(error.message, "run_bytes"));
  ck_assert_uint_lt(fault.peak_bytes, 1 << 20);
  blok_engine_free(&engine);
  ck_assert_uint_eq(fault.live_blocks, 0);
  net_free(&found);
}
END_TEST

Suite *suite_shape_limits(void) {
  Suite *suite = suite_create("shape_limits");
  TCase *tests = tcase_create("shape_limits");
  tcase_add_test(tests, shape__refuses_a_huge_resize_before_its_tables_are_made);
  suite_add_tcase(suite, tests);
  return suite;
}
