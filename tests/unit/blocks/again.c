// See again.h.
#include "again.h"

#include <blok/model.h>
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "blocks/write.h"
#include "passes/evaluate.h"

#define OK(call)                                                       \
  do {                                                                 \
    blok_error ok_error = BLOK_ERROR_INIT;                             \
    blok_error *error = &ok_error;                                     \
    ck_assert_msg((call) == BLOK_OK, "%s: %s", #call, error->message); \
  } while (0)

static uint64_t seed;

// From -1 to 1.
static float noise(void) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (float)((double)(seed >> 40) / 8388608.0 - 1);
}

static void fill(float *data, size_t count, bool positive) {
  for (size_t i = 0; i < count; i++) {
    data[i] = noise();
    if (positive) data[i] = fabsf(data[i]) + 0.5f;
  }
}

void again_noise(blok_module *module) {
  blok_graph *graph = module->graph;
  seed = 1;
  for (uint32_t i = 0; i < graph->n_initializers; i++) {
    blok_value *value = blok_value_at(graph, graph->initializers[i]);
    const char *end = strrchr(value->name, '.');
    size_t count = 0;
    ck_assert(blok_literal_count(value->literal, &count));
    if (value->literal->dtype != BLOK_F32 || value->literal->rank == 0 || count == 0) continue;
    float *data = calloc(count, sizeof *data);
    ck_assert_ptr_nonnull(data);
    fill(data, count, end && strcmp(end, ".var") == 0);
    blok_literal *literal = NULL;
    OK(blok_literal_make(&module->arena, BLOK_F32, value->literal->rank, value->literal->dims, data,
                         count * sizeof *data, &literal, error));
    literal->name = value->name;
    value->literal = literal;
    OK(blok_module_keep_literal(module, literal, error));
    free(data);
  }
}

// ---- Running ------------------------------------------------------------------------------------

static blok_tensor *input_tensor(const blok_fact *fact, blok_arena *arena) {
  blok_tensor *tensor = blok_arena_zero(arena, sizeof *tensor);
  size_t count = 0;
  ck_assert(tensor && blok_fact_count(fact, &count));
  *tensor = (blok_tensor){sizeof *tensor, BLOK_F32, (uint32_t)fact->rank, {0}, NULL, 0};
  for (int32_t i = 0; i < fact->rank; i++) tensor->dims[i] = fact->dims[i].value;
  tensor->bytes = count * sizeof(float);
  tensor->data = blok_arena_alloc(arena, tensor->bytes);
  fill(tensor->data, count, false);
  return tensor;
}

static void run_node(const net_found *found, blok_node_id id, blok_tensor **values,
                     blok_arena *arena) {
  const blok_graph *graph = found->module->graph;
  const blok_node *node = blok_node_at(graph, id);
  const blok_tensor *in[8] = {NULL};
  blok_tensor *out[8] = {NULL};
  blok_fact facts[8] = {{0}};
  bool done = false;
  ck_assert_uint_le(node->n_inputs, 8);
  ck_assert_uint_le(node->n_outputs, 8);
  for (uint32_t i = 0; i < node->n_inputs; i++) in[i] = values[node->inputs[i].i];
  for (uint32_t i = 0; i < node->n_outputs; i++) facts[i] = found->facts->of[node->outputs[i].i];
  OK(blok_evaluate(graph, id, in, facts, UINT64_MAX, arena, out, &done, error));
  ck_assert_msg(done, "%s cannot be run", node->op_type);
  for (uint32_t i = 0; i < node->n_outputs; i++) values[node->outputs[i].i] = out[i];
  values[0] = NULL;
}

float *again_run(const net_found *found, size_t *count) {
  const blok_graph *graph = found->module->graph;
  blok_arena arena;
  blok_arena_init(&arena, blok_allocator_default());
  blok_tensor **values = blok_arena_array(&arena, graph->n_values, sizeof(blok_tensor *));
  ck_assert_ptr_nonnull(values);
  seed = 7;
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    const uint32_t v = graph->inputs[i].value.i;
    values[v] = input_tensor(&found->facts->of[v], &arena);
  }
  for (uint32_t v = 1; v < graph->n_values; v++) {
    if (graph->values[v].dead || !graph->values[v].literal) continue;
    OK(blok_literal_tensor(graph->values[v].literal, &arena, &values[v], error));
  }
  for (uint32_t i = 0; i < graph->n_order; i++) run_node(found, graph->order[i], values, &arena);
  const blok_tensor *output = values[graph->outputs[0].value.i];
  *count = output->bytes / sizeof(float);
  float *copy = malloc(output->bytes);
  ck_assert_ptr_nonnull(copy);
  memcpy(copy, output->data, output->bytes);
  blok_arena_free(&arena);
  return copy;
}

static void assert_same_numbers(const net_found *a, const net_found *b) {
  size_t n_a = 0, n_b = 0;
  float *left = again_run(a, &n_a), *right = again_run(b, &n_b);
  double largest = 0;
  ck_assert_uint_eq(n_a, n_b);
  for (size_t i = 0; i < n_a; i++) largest = fmax(largest, fabs((double)left[i]));
  ck_assert_double_gt(largest, 0);
  for (size_t i = 0; i < n_a; i++) {
    ck_assert_double_eq_tol(left[i], right[i], 1e-5 * largest);
  }
  free(left);
  free(right);
}

// ---- Comparing ----------------------------------------------------------------------------------

bool again_same(const blok_block_record *a, const blok_block_record *b) {
  blok_block left, right;
  memset(&left, 0, sizeof left);
  memset(&right, 0, sizeof right);
  left.kind = a->kind;
  left.conv = a->conv;
  left.residual = a->residual;
  left.se = a->se;
  left.gate = a->gate;
  right.kind = b->kind;
  right.conv = b->conv;
  right.residual = b->residual;
  right.se = b->se;
  right.gate = b->gate;
  return blok_block_same(&left, &right);
}

static bool same_parent(const blok_overlay *a, const blok_block_record *of_a, const blok_overlay *b,
                        const blok_block_record *of_b) {
  if (of_a->parent < 0 || of_b->parent < 0) return of_a->parent == of_b->parent;
  return again_same(&a->blocks[of_a->parent], &b->blocks[of_b->parent]);
}

// The parts of a block may come in another order.
static void assert_same_blocks(const blok_overlay *a, const blok_overlay *b) {
  bool taken[64] = {false};
  ck_assert_uint_le(b->n_blocks, 64);
  for (uint32_t i = 0; i < a->n_blocks; i++) {
    uint32_t found = b->n_blocks;
    for (uint32_t k = 0; k < b->n_blocks && found == b->n_blocks; k++) {
      bool same = again_same(&a->blocks[i], &b->blocks[k]) &&
                  same_parent(a, &a->blocks[i], b, &b->blocks[k]);
      if (same && !taken[k]) found = k;
    }
    if (found < b->n_blocks) {
      taken[found] = true;
      continue;
    }
    ck_abort_msg("%s '%s' is not matched again; first near miss: %s is %s",
                 blok_block_kind_name(a->blocks[i].kind), a->blocks[i].name,
                 b->n_misses ? b->misses[0].condition : "none",
                 b->n_misses ? b->misses[0].got : "");
  }
  ck_assert_uint_eq(a->n_blocks, b->n_blocks);
}

// Nodes of a block that is written whole have new names.
static void assert_new_nodes(const net_found *again) {
  for (uint32_t i = 0; i < again->overlay->n_blocks; i++) {
    const blok_block_record *record = &again->overlay->blocks[i];
    if (record->kind == BLOK_RESIDUAL_OTHER || record->kind == BLOK_GATE) continue;
    for (uint32_t m = 0; m < record->n_members; m++) {
      const char *name = blok_node_at(again->module->graph, record->members[m])->name;
      ck_assert(name && strchr(name, '/'));
    }
  }
}

net_found again_written(const net_found *found) {
  blok_module *module = NULL;
  OK(blok_blocks_write(found->module, found->facts, found->overlay, &module, error));
  net_found again = net_match(module);
  assert_new_nodes(&again);
  assert_same_blocks(found->overlay, again.overlay);
  assert_same_numbers(found, &again);
  return again;
}

net_found again_check(blok_module *module, blok_block_kind kind) {
  again_noise(module);
  net_found found = net_match(module);
  (void)net_block(&found, kind);
  net_found again = again_written(&found);
  net_free(&found);
  return again;
}
