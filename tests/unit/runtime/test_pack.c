// The pack store: what counts as the same entry, who makes it, when it goes.
#include <check.h>
#include <stdatomic.h>
#include <string.h>

#include "base/error.h"
#include "base/pool.h"
#include "runtime/plan/pack.h"
#include "support/fault.h"

Suite *suite_pack(void);

static blok_error error;
static blok_module *module;
static blok_pack_store *store;
static atomic_int fills;
static const float elements[4] = {1, 2, 3, 4};

// An initializer of the first count elements.
static blok_value_id constant(blok_graph *graph, int64_t count) {
  blok_value_id id;
  ck_assert_int_eq(blok_graph_add_constant(graph, "w", BLOK_F32, 1, &count, elements, &id, &error),
                   BLOK_OK);
  return id;
}

static blok_module *new_module(const blok_allocator *allocator) {
  blok_module *made = NULL;
  ck_assert_int_eq(blok_module_new(allocator, &made, &error), BLOK_OK);
  ck_assert_int_eq(blok_graph_new(made, NULL, &made->graph, &error), BLOK_OK);
  return made;
}

static void begin(void) {
  error = (blok_error)BLOK_ERROR_INIT;
  fills = 0;
  module = new_module(blok_allocator_default());
  ck_assert_int_eq(blok_pack_store_new(blok_allocator_default(), &store, &error), BLOK_OK);
}

static void end(void) {
  blok_pack_store_free(&store);
  blok_module_free(&module);
}

// Twice the first constant, then the second.
static blok_status double_it(void *context, const blok_tensor *values, void *out,
                             blok_error *failure) {
  (void)context, (void)failure;
  fills++;
  float *to = out;
  for (int v = 0; v < 2; v++) {
    const float *from = values[v].data;
    for (size_t i = 0; from && i < values[v].bytes / sizeof *from; i++) {
      *to++ = from[i] * (v == 0 ? 2.0F : 1.0F);
    }
  }
  return BLOK_OK;
}

static blok_status refuse(void *context, const blok_tensor *values, void *out,
                          blok_error *failure) {
  (void)context, (void)values, (void)out;
  return BLOK_FAIL(failure, BLOK_E_UNSUPPORTED, "no panels of these");
}

static blok_pack *get_of(const blok_graph *graph, const blok_pack_key *key, size_t bytes) {
  blok_pack *pack = NULL;
  ck_assert_int_eq(
      blok_pack_get(store, blok_isa_best(), graph, key, bytes, double_it, NULL, &pack, &error),
      BLOK_OK);
  ck_assert_ptr_nonnull(pack);
  return pack;
}

START_TEST(get__gives_zeroed_aligned_memory_that_fill_has_filled) {
  blok_pack_key key = {.format = "twice", .values = {constant(module->graph, 3)}};
  blok_pack *pack = get_of(module->graph, &key, 4 * sizeof(float));
  const float want[4] = {2, 4, 6, 0};
  ck_assert_uint_eq((uintptr_t)blok_pack_data(pack) % 64, 0);
  ck_assert_mem_eq(blok_pack_data(pack), want, sizeof want);
  ck_assert_uint_eq(blok_pack_bytes(pack), sizeof want);
  ck_assert_uint_eq(blok_pack_store_bytes(store), sizeof want);
  blok_pack_release(store, pack);
}
END_TEST

START_TEST(get__makes_one_entry_for_equal_keys) {
  blok_pack_key key = {.format = "twice", .values = {constant(module->graph, 4)}};
  blok_pack *first = get_of(module->graph, &key, 16);
  blok_pack *second = get_of(module->graph, &key, 16);
  ck_assert_ptr_eq(first, second);
  ck_assert_int_eq(fills, 1);
  blok_pack_release(store, first);
  ck_assert_uint_eq(blok_pack_store_bytes(store), 16);  // the second still has it
  blok_pack_release(store, second);
  ck_assert_uint_eq(blok_pack_store_bytes(store), 0);
}
END_TEST

START_TEST(get__takes_constants_of_one_storage_in_two_graphs_for_the_same) {
  blok_value_id value = constant(module->graph, 4);
  blok_module *clone = NULL;
  ck_assert_int_eq(blok_module_clone(module, false, false, &clone, &error), BLOK_OK);
  blok_value_id other = BLOK_NO_VALUE;
  for (uint32_t v = 1; v < clone->graph->n_values; v++) {
    if (clone->graph->values[v].literal) other.i = v;
  }
  blok_pack_key key = {.format = "twice", .values = {value}};
  blok_pack_key of_clone = {.format = "twice", .values = {other}};
  blok_pack *first = get_of(module->graph, &key, 16);
  blok_pack *second = get_of(clone->graph, &of_clone, 16);
  ck_assert_ptr_eq(first, second);
  blok_pack_release(store, second);
  blok_pack_release(store, first);
  blok_module_free(&clone);
}
END_TEST

START_TEST(get__tells_keys_apart) {
  blok_value_id a = constant(module->graph, 4);
  blok_value_id b = constant(module->graph, 4);
  const blok_pack_key keys[] = {
      {.format = "twice", .values = {a}},
      {.format = "twice", .values = {b}},
      {.format = "twice", .values = {a, b}},
      {.format = "twice", .values = {a}, .numbers = {1}},
      {.format = "twice", .values = {a}, .numbers = {0, 1}},
      {.format = "other", .values = {a}},
  };
  enum { KEYS = sizeof keys / sizeof *keys };
  blok_pack *packs[KEYS + 2];
  for (int i = 0; i < KEYS; i++) packs[i] = get_of(module->graph, &keys[i], 32);
  packs[KEYS] = get_of(module->graph, &keys[0], 64);
  ck_assert_int_eq(blok_pack_get(store, NULL, module->graph, &keys[0], 32, double_it, NULL,
                                 &packs[KEYS + 1], &error),
                   BLOK_OK);
  for (int i = 0; i < KEYS + 2; i++) {
    for (int j = 0; j < i; j++) ck_assert_ptr_ne(packs[i], packs[j]);
  }
  for (int i = 0; i < KEYS + 2; i++) blok_pack_release(store, packs[i]);
  ck_assert_uint_eq(blok_pack_store_bytes(store), 0);
}
END_TEST

START_TEST(get__finds_each_of_many_entries_again) {
  enum { MANY = 500 };
  blok_pack *packs[MANY];
  blok_pack_key key = {.format = "twice", .values = {constant(module->graph, 4)}};
  for (uint64_t i = 0; i < MANY; i++) {
    key.numbers[3] = i;
    packs[i] = get_of(module->graph, &key, 16);
  }
  ck_assert_int_eq(fills, MANY);
  for (uint64_t i = 0; i < MANY; i++) {
    key.numbers[3] = i;
    ck_assert_ptr_eq(get_of(module->graph, &key, 16), packs[i]);
    blok_pack_release(store, packs[i]);
  }
  ck_assert_int_eq(fills, MANY);
  for (uint64_t i = 0; i < MANY; i++) blok_pack_release(store, packs[i]);
  ck_assert_uint_eq(blok_pack_store_bytes(store), 0);
}
END_TEST

START_TEST(get__leaves_nothing_behind_when_fill_refuses) {
  blok_pack_key key = {.format = "twice", .values = {constant(module->graph, 4)}};
  blok_pack *pack = NULL;
  ck_assert_int_eq(
      blok_pack_get(store, blok_isa_best(), module->graph, &key, 16, refuse, NULL, &pack, &error),
      BLOK_E_UNSUPPORTED);
  ck_assert_ptr_null(pack);
  ck_assert_str_eq(error.message, "no panels of these");
  ck_assert_uint_eq(blok_pack_store_bytes(store), 0);
  pack = get_of(module->graph, &key, 16);  // and the next one may do better
  blok_pack_release(store, pack);
}
END_TEST

static blok_status make_two(void *context, const blok_allocator *allocator, blok_error *failure) {
  const blok_pack_key *key = context;
  blok_pack_store *made = NULL;
  blok_pack *packs[2] = {NULL, NULL};
  blok_status status = blok_pack_store_new(allocator, &made, failure);
  if (status != BLOK_OK) {
    ck_assert_ptr_null(made);
    return status;
  }
  for (int i = 0; i < 2 && status == BLOK_OK; i++) {
    blok_pack_key one = *key;
    one.numbers[0] = (uint64_t)i;
    status = blok_pack_get(made, blok_isa_best(), module->graph, &one, 32, double_it, NULL,
                           &packs[i], failure);
    ck_assert((status == BLOK_OK) == (packs[i] != NULL));
  }
  for (int i = 0; i < 2; i++) blok_pack_release(made, packs[i]);
  blok_pack_store_free(&made);
  return status;
}

START_TEST(get__fails_cleanly_at_every_allocation) {
  blok_pack_key key = {.format = "twice",
                       .values = {constant(module->graph, 4), constant(module->graph, 4)}};
  ck_assert_uint_ge(blok_fault_sweep(make_two, &key), 5);
}
END_TEST

static blok_pack_key shared_key;

static atomic_int refused;

static void get_often(void *context, uint32_t first, uint32_t last, uint32_t worker) {
  (void)context, (void)first, (void)last, (void)worker;
  for (int i = 0; i < 200; i++) {
    blok_pack *pack = NULL;
    if (blok_pack_get(store, blok_isa_best(), module->graph, &shared_key, 16, double_it, NULL,
                      &pack, NULL) != BLOK_OK) {
      refused++;
      return;
    }
    const float *data = blok_pack_data(pack);
    if (data[3] != 8.0F) refused++;
    blok_pack_release(store, pack);
  }
}

START_TEST(get__serves_threads_at_once) {
  shared_key = (blok_pack_key){.format = "twice", .values = {constant(module->graph, 4)}};
  blok_pack *kept = get_of(module->graph, &shared_key, 16);
  blok_pool_options options = BLOK_POOL_OPTIONS_INIT;
  blok_pool *pool = NULL;
  options.threads = 4;
  ck_assert_int_eq(blok_pool_new(&options, &pool, &error), BLOK_OK);
  refused = 0;
  blok_pool_run(pool, 4, 4, get_often, NULL);
  blok_pool_free(&pool);
  ck_assert_int_eq(refused, 0);
  ck_assert_int_eq(fills, 1);
  blok_pack_release(store, kept);
}
END_TEST

Suite *suite_pack(void) {
  Suite *suite = suite_create("pack");
  TCase *tests = tcase_create("store");
  tcase_add_checked_fixture(tests, begin, end);
  tcase_add_test(tests, get__gives_zeroed_aligned_memory_that_fill_has_filled);
  tcase_add_test(tests, get__makes_one_entry_for_equal_keys);
  tcase_add_test(tests, get__takes_constants_of_one_storage_in_two_graphs_for_the_same);
  tcase_add_test(tests, get__tells_keys_apart);
  tcase_add_test(tests, get__finds_each_of_many_entries_again);
  tcase_add_test(tests, get__leaves_nothing_behind_when_fill_refuses);
  tcase_add_test(tests, get__fails_cleanly_at_every_allocation);
  tcase_add_test(tests, get__serves_threads_at_once);
  suite_add_tcase(suite, tests);
  return suite;
}
