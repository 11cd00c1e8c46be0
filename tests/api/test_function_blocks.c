// Model-local functions as the boundaries of blocks: they match as the same nodes do without.
#include <check.h>
#include <string.h>

#include "stored.h"

Suite *suite_function_blocks(void);

START_TEST(function_blocks__match_as_the_plain_graph_does) {
  blok_model *called = blok_test_open("function_blocks");
  blok_model *plain = blok_test_open("function_blocks_plain");
  size_t n = blok_model_block_count(called);
  // Two residual blocks, each of two convolutions and a squeeze-excite.
  ck_assert_uint_eq(n, 8);
  ck_assert_uint_eq(blok_model_block_count(plain), n);
  for (size_t i = 0; i < n; i++) {
    const blok_block *a = blok_model_block(called, i), *b = blok_model_block(plain, i);
    ck_assert_int_eq(a->kind, b->kind);
    ck_assert_int_eq(a->parent, b->parent);
    ck_assert_uint_eq(a->parameters, b->parameters);
    ck_assert_int_eq(a->macs, b->macs);
    if (a->kind != BLOK_RESIDUAL) continue;
    ck_assert_int_eq(a->residual->skip, b->residual->skip);
    ck_assert_int_eq(a->residual->order, b->residual->order);
    ck_assert_int_eq(a->residual->after_add, b->residual->after_add);
    ck_assert(a->residual->has_se && b->residual->has_se);
    ck_assert_int_eq(a->residual->se_conv, b->residual->se_conv);
  }
  blok_model_free(&called);
  blok_model_free(&plain);
}
END_TEST

START_TEST(function_blocks__go_by_their_calls) {
  blok_model *model = blok_test_open("function_blocks");
  const char *const residual[] = {"BasicBlock_0", "BasicBlock_1"};
  const char *const excite[] = {"BasicBlock_0.se", "BasicBlock_1.se"};
  size_t seen = 0;
  for (size_t i = 0; i < blok_model_block_count(model); i++) {
    const blok_block *block = blok_model_block(model, i);
    if (block->kind == BLOK_RESIDUAL) {
      ck_assert_uint_lt(seen, 2);
      ck_assert_str_eq(block->name, residual[seen]);
      // The call is its only node in the file.
      ck_assert_uint_eq(block->nodes, 1);
    }
    if (block->kind == BLOK_SQUEEZE_EXCITE) ck_assert_str_eq(block->name, excite[seen++]);
  }
  ck_assert_uint_eq(seen, 2);
  blok_model_free(&model);
}
END_TEST

Suite *suite_function_blocks(void) {
  Suite *suite = suite_create("function_blocks");
  TCase *tests = tcase_create("function_blocks");
  tcase_set_tags(tests, "one_thread");
  tcase_add_test(tests, function_blocks__match_as_the_plain_graph_does);
  tcase_add_test(tests, function_blocks__go_by_their_calls);
  suite_add_tcase(suite, tests);
  return suite;
}
