// What lowering functions ask: shapes, constants, packs; and the steps they append.
#include "runtime/plan/lowering.h"

#include <string.h>

#include "base/error.h"
#include "base/half.h"

// ---- What is known ------------------------------------------------------------------------------

const blok_isa *blok_lower_isa(const blok_lowering *lowering) { return lowering->isa; }

const blok_graph *blok_lower_graph(const blok_lowering *lowering) { return lowering->graph; }

const blok_fact *blok_lower_fact(const blok_lowering *lowering, blok_value_id value) {
  return &lowering->facts->of[value.i];
}

bool blok_lower_shape(const blok_lowering *lowering, blok_value_id value, blok_tensor *shape) {
  *shape = (blok_tensor)BLOK_TENSOR_INIT;
  const blok_fact *fact = blok_lower_fact(lowering, value);
  size_t count;
  if (fact->kind != BLOK_TYPE_TENSOR || fact->rank < 0 || fact->rank > BLOK_MAX_RANK ||
      !blok_fact_count(fact, &count) || !blok_dense_bytes(fact->dtype, count, &shape->bytes)) {
    return false;
  }
  shape->dtype = fact->dtype;
  shape->rank = (uint32_t)fact->rank;
  for (uint32_t d = 0; d < shape->rank; d++) shape->dims[d] = fact->dims[d].value;
  return true;
}

bool blok_lower_is_constant(const blok_lowering *lowering, blok_value_id value) {
  return value.i && blok_value_at(lowering->graph, value)->literal;
}

bool blok_lower_prefers_blocked(const blok_lowering *lowering, blok_value_id value) {
  return lowering->forms[value.i].prefers_blocked;
}

bool blok_lower_wants_sums(const blok_lowering *lowering, blok_value_id value) {
  return lowering->forms[value.i].wants_sums;
}

void *blok_lower_alloc(blok_lowering *lowering, size_t count, size_t size) {
  return blok_arena_array(&lowering->shaped->arena, count, size);
}

// ---- Constants ----------------------------------------------------------------------------------

blok_status blok_lower_read(blok_lowering *lowering, blok_value_id value, blok_tensor *out,
                            blok_error *error) {
  const blok_literal *literal = blok_value_at(lowering->graph, value)->literal;
  if (!literal || !blok_lower_shape(lowering, value, out)) {
    return BLOK_FAIL(error, BLOK_E_INTERNAL, "value '%s' is no constant of a known size",
                     blok_quote(blok_value_at(lowering->graph, value)->name).text);
  }
  out->data = blok_arena_alloc(&lowering->scratch, out->bytes ? out->bytes : 1);
  if (!out->data) return blok_fail_memory(error, out->bytes);
  return blok_literal_read(literal, &lowering->shaped->allocator, out->data, out->bytes, error);
}

static bool one_number(const blok_tensor *tensor, double *out) {
  float f32;
  int64_t i64;
  int32_t i32;
  switch ((int)tensor->dtype) {
    case BLOK_F32:
      memcpy(&f32, tensor->data, sizeof f32);
      *out = (double)f32;
      return true;
    case BLOK_F64:
      memcpy(out, tensor->data, sizeof *out);
      return true;
    case BLOK_I64:
      memcpy(&i64, tensor->data, sizeof i64);
      *out = (double)i64;
      return true;
    case BLOK_I32:
      memcpy(&i32, tensor->data, sizeof i32);
      *out = (double)i32;
      return true;
    default:
      return false;
  }
}

bool blok_lower_number(blok_lowering *lowering, blok_value_id value, double *out) {
  blok_tensor tensor;
  size_t count;
  if (!blok_lower_is_constant(lowering, value) ||
      !blok_literal_count(blok_value_at(lowering->graph, value)->literal, &count) || count != 1) {
    return false;
  }
  return blok_lower_read(lowering, value, &tensor, NULL) == BLOK_OK && one_number(&tensor, out);
}

blok_status blok_lower_pack(blok_lowering *lowering, const blok_pack_key *key, size_t bytes,
                            blok_pack_fn fill, void *context, const void **out, blok_error *error) {
  blok_shaped *shaped = lowering->shaped;
  if (!blok_arena_grow(&shaped->arena, &shaped->packs, &shaped->cap_packs, shaped->n_packs,
                       sizeof *shaped->packs)) {
    return blok_fail_memory(error, 0);
  }
  blok_pack *pack;
  BLOK_TRY(blok_pack_get(shaped->store, lowering->isa, lowering->graph, key, bytes, fill, context,
                         &pack, error));
  shaped->packs[shaped->n_packs++] = pack;
  *out = blok_pack_data(pack);
  return BLOK_OK;
}

// ---- Steps --------------------------------------------------------------------------------------

static void stands_at(blok_lowering *lowering, blok_buffer_id id, uint32_t step) {
  blok_buffer *buffer = blok_buffer_at(lowering, blok_lower_root(lowering, id));
  if (buffer->first == UINT32_MAX) buffer->first = step;
  buffer->last = step;
}

static blok_status copy_ids(blok_lowering *lowering, const blok_buffer_id *ids, uint32_t n,
                            const blok_buffer_id **out, blok_error *error) {
  const uint32_t step = lowering->shaped->n_steps;
  for (uint32_t i = 0; i < n; i++) {
    if (ids[i]) stands_at(lowering, ids[i], step);
  }
  *out = NULL;
  if (!n) return BLOK_OK;
  *out = blok_arena_copy(&lowering->shaped->arena, ids, n * sizeof *ids);
  return *out ? BLOK_OK : blok_fail_memory(error, 0);
}

static blok_status fail_cells(const blok_lowering *lowering, const blok_step *step,
                              blok_error *error) {
  const blok_node *node = blok_node_at(lowering->graph, step->node);
  return BLOK_FAIL(error, BLOK_E_LIMIT, "%s node '%s': %s in %llu parts; a step has %u at most",
                   blok_quote(node->op_type).text, blok_node_label(lowering->graph, node).text,
                   step->kernel, (unsigned long long)step->cells, UINT32_MAX);
}

blok_status blok_lower_step(blok_lowering *lowering, const blok_step *given, blok_error *error) {
  blok_shaped *shaped = lowering->shaped;
  if (!blok_arena_grow(&shaped->arena, &shaped->steps, &lowering->cap_steps, shaped->n_steps,
                       sizeof *shaped->steps)) {
    return blok_fail_memory(error, 0);
  }
  blok_step step = *given;
  if (!step.kind) step.kind = BLOK_STEP_KERNEL;
  step.region = lowering->region;
  if (!step.node.i) step.node = lowering->plan->regions[lowering->region].anchor;
  if (step.cells > UINT32_MAX) return fail_cells(lowering, &step, error);
  BLOK_TRY(copy_ids(lowering, given->reads, given->n_reads, &step.reads, error));
  BLOK_TRY(copy_ids(lowering, given->writes, given->n_writes, &step.writes, error));
  const size_t scratch = (step.scratch_bytes + 63) & ~(size_t)63;
  if (scratch > shaped->scratch_bytes) shaped->scratch_bytes = scratch;
  shaped->steps[shaped->n_steps++] = step;
  return BLOK_OK;
}
