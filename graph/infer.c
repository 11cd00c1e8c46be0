// Inference of one node: the check of its arity, the dispatch to its family's hook, and what hooks
// share for reading and setting facts.
#include "graph/infer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/ops/ops.h"
#include "graph/schemas.h"

static const blok_infer_fn hooks[BLOK_OP_COUNT] = {
    NULL,
#define OP(id, domain, name, infer, reference) blok_infer_##infer,
#include "graph/ops.def"
#undef OP
};

// ---- Arity --------------------------------------------------------------------------------------

static blok_status check_count(const blok_infer *infer, const char *what, uint32_t n, uint16_t low,
                               uint16_t high, blok_error *error) {
  bool open = high == BLOK_SCHEMA_UNBOUNDED;
  if (n >= low && (open || n <= high)) return BLOK_OK;
  if (open) {
    return blok_infer_fail(infer, error, "has %u %s, the operator needs %u or more", n, what, low);
  }
  if (low == high) {
    return blok_infer_fail(infer, error, "has %u %s, the operator needs %u", n, what, low);
  }
  return blok_infer_fail(infer, error, "has %u %s, the operator takes %u to %u", n, what, low,
                         high);
}

// Inputs that the newest version of the operator needs must be there; hooks rely on it.
static blok_status check_arity(const blok_infer *infer, blok_error *error) {
  const char *domain = blok_node_domain(infer->node);
  const blok_schema *schema =
      blok_schema_find(domain, infer->node->op_type, blok_schema_latest_opset(domain));
  if (!schema) return BLOK_OK;
  BLOK_TRY(
      check_count(infer, "inputs", infer->n_in, schema->min_inputs, schema->max_inputs, error));
  BLOK_TRY(
      check_count(infer, "outputs", infer->n_out, schema->min_outputs, schema->max_outputs, error));
  for (uint32_t i = 0; i < infer->n_in; i++) {
    const blok_schema_formal *formal = blok_schema_input_of_slot(schema, i);
    if (infer->in[i] || !formal || formal->option == BLOK_FORMAL_OPTIONAL) continue;
    return blok_infer_fail(infer, error, "input %u (%s) is left out, and the operator needs it", i,
                           blok_schema_text(formal->name));
  }
  return BLOK_OK;
}

blok_status blok_infer_node(blok_infer *infer, blok_error *error) {
  const blok_node *node = infer->node;
  size_t op = (size_t)node->op;
  if (op == 0 || op >= BLOK_OP_COUNT) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                     "node '%s': operator '%s' of domain '%s' is not known",
                     blok_node_label(infer->graph, node).text, blok_quote(node->op_type).text,
                     blok_quote(blok_node_domain(node)).text);
  }
  BLOK_TRY(check_arity(infer, error));
  return hooks[op](infer, error);
}

// ---- Facts --------------------------------------------------------------------------------------

bool blok_fact_shaped(const blok_fact *fact) {
  if (!blok_fact_ranked(fact)) return false;
  for (int32_t i = 0; i < fact->rank; i++) {
    if (!blok_dim_known(fact->dims[i])) return false;
  }
  return true;
}

bool blok_fact_count(const blok_fact *fact, size_t *count) {
  if (!blok_fact_shaped(fact) || fact->rank > BLOK_MAX_RANK) return false;
  int64_t dims[BLOK_MAX_RANK];
  for (int32_t i = 0; i < fact->rank; i++) dims[i] = fact->dims[i].value;
  return blok_dims_count(dims, (size_t)fact->rank, count);
}

blok_status blok_infer_set(blok_infer *infer, uint32_t slot, blok_dtype dtype, uint32_t rank,
                           const blok_dim *dims, blok_error *error) {
  if (slot >= infer->n_out) return BLOK_OK;
  if (rank > BLOK_MAX_RANK) {
    return blok_infer_fail(infer, error, "output %u would have %u axes, the most is %d", slot, rank,
                           BLOK_MAX_RANK);
  }
  blok_dim *copy = blok_arena_array(infer->arena, rank, sizeof *copy);
  if (!copy) return blok_fail_memory(error, rank * sizeof *copy);
  for (uint32_t i = 0; i < rank; i++) {
    if (dims[i].value < -1) {
      return blok_infer_fail(infer, error, "axis %u of output %u would have the size %lld", i, slot,
                             (long long)dims[i].value);
    }
    copy[i].value = dims[i].value;
    copy[i].symbol = dims[i].value < 0 ? dims[i].symbol : NULL;
  }
  blok_fact *out = &infer->out[slot];
  memset(out, 0, sizeof *out);
  out->kind = BLOK_TYPE_TENSOR;
  out->dtype = dtype;
  out->rank = (int32_t)rank;
  out->dims = copy;
  return BLOK_OK;
}

void blok_infer_set_dtype(blok_infer *infer, uint32_t slot, blok_dtype dtype) {
  if (slot >= infer->n_out) return;
  blok_fact *out = &infer->out[slot];
  memset(out, 0, sizeof *out);
  out->kind = BLOK_TYPE_TENSOR;
  out->dtype = dtype;
  out->rank = -1;
}

blok_status blok_infer_set_elements(blok_infer *infer, uint32_t slot, const blok_element *elements,
                                    uint32_t n, blok_error *error) {
  if (slot >= infer->n_out || n == 0 || n > BLOK_FACT_ELEMENTS) return BLOK_OK;
  blok_element *copy = blok_arena_copy(infer->arena, elements, n * sizeof *copy);
  if (!copy) return blok_fail_memory(error, n * sizeof *copy);
  infer->out[slot].elements = copy;
  infer->out[slot].n_elements = n;
  return BLOK_OK;
}

// ---- Integers -----------------------------------------------------------------------------------

static int64_t tensor_int(const blok_tensor *tensor, size_t i) {
  if (tensor->dtype == BLOK_I32) return ((const int32_t *)tensor->data)[i];
  return ((const int64_t *)tensor->data)[i];
}

// A tensor of more elements than facts track may still be known as a whole.
static bool ints_of_tensor(const blok_tensor *tensor, int64_t *values, uint32_t capacity,
                           uint32_t *n) {
  size_t count;
  if (!blok_dims_count(tensor->dims, tensor->rank, &count) || count > UINT32_MAX) return false;
  *n = (uint32_t)count;
  if (count > capacity) return false;
  for (size_t i = 0; i < count; i++) values[i] = tensor_int(tensor, i);
  return true;
}

bool blok_infer_ints(const blok_infer *infer, uint32_t slot, int64_t *values, uint32_t capacity,
                     uint32_t *n) {
  *n = 0;
  const blok_fact *fact = blok_infer_in(infer, slot);
  if (!fact || (fact->dtype != BLOK_I32 && fact->dtype != BLOK_I64)) return false;
  if (fact->tensor) return ints_of_tensor(fact->tensor, values, capacity, n);
  size_t count;
  if (blok_fact_count(fact, &count) && count <= UINT32_MAX) {
    *n = (uint32_t)count;
    if (count == 0) return true;
  }
  if (!fact->elements) return false;
  *n = fact->n_elements;
  if (fact->n_elements > capacity) return false;
  for (uint32_t i = 0; i < fact->n_elements; i++) {
    if (!fact->elements[i].known) return false;
    values[i] = fact->elements[i].value;
  }
  return true;
}

// ---- Messages -----------------------------------------------------------------------------------

blok_status blok_infer_fail(const blok_infer *infer, blok_error *error, const char *format, ...) {
  char text[BLOK_ERROR_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return BLOK_FAIL(error, BLOK_E_SHAPE, "%s node '%s': %s", blok_quote(infer->node->op_type).text,
                   blok_node_label(infer->graph, infer->node).text, text);
}

blok_dims_text blok_print_fact(const blok_fact *fact) {
  blok_dims_text out = {"?"};
  if (!blok_fact_ranked(fact)) return out;
  size_t used = 0;
  out.text[used++] = '[';
  for (int32_t i = 0; i < fact->rank; i++) {
    blok_quoted part = {"?"};
    if (blok_dim_known(fact->dims[i])) {
      snprintf(part.text, sizeof part.text, "%lld", (long long)fact->dims[i].value);
    } else if (fact->dims[i].symbol) {
      part = blok_quote(fact->dims[i].symbol);
    }
    size_t length = strlen(part.text);
    // Two for ", ", and room behind it for "...]".
    if (used + 2 + length + sizeof "...]" > sizeof out.text) {
      memcpy(out.text + used, "...", 3);
      used += 3;
      break;
    }
    if (i) {
      memcpy(out.text + used, ", ", 2);
      used += 2;
    }
    memcpy(out.text + used, part.text, length);
    used += length;
  }
  memcpy(out.text + used, "]", 2);
  return out;
}

// ---- Geometry -----------------------------------------------------------------------------------

bool blok_axis_normal(int64_t axis, uint32_t rank, uint32_t *out) {
  if (axis < -(int64_t)rank || axis >= (int64_t)rank) return false;
  *out = (uint32_t)(axis < 0 ? axis + rank : axis);
  return true;
}

blok_status blok_infer_axis(const blok_infer *infer, const blok_fact *in, uint32_t *out,
                            blok_error *error) {
  int64_t asked = blok_node_int(infer->node, "axis", 0);
  if (blok_axis_normal(asked, (uint32_t)in->rank, out)) return BLOK_OK;
  return blok_infer_fail(infer, error, "axis %lld is out of range for input %s", (long long)asked,
                         blok_print_fact(in).text);
}

static bool broadcast_dim(blok_dim a, blok_dim b, blok_dim *out) {
  if (a.value == 1) {
    *out = b;
  } else if (b.value == 1) {
    *out = a;
  } else if (blok_dim_known(a) && blok_dim_known(b)) {
    if (a.value != b.value) return false;
    *out = a;
  } else if (blok_dim_known(a) || blok_dim_known(b)) {
    *out = blok_dim_known(a) ? a : b;  // the open one must be that number, or 1
  } else {
    *out = blok_dim_same(a, b) ? a : blok_dim_unknown();
  }
  return true;
}

bool blok_broadcast_dims(const blok_dim *a, uint32_t rank_a, const blok_dim *b, uint32_t rank_b,
                         blok_dim *out, uint32_t *rank_out) {
  uint32_t rank = rank_a > rank_b ? rank_a : rank_b;
  if (rank > BLOK_MAX_RANK) return false;
  // From the last axis to the first, so that out may be a or b.
  for (uint32_t back = 1; back <= rank; back++) {
    blok_dim dim_a = back <= rank_a ? a[rank_a - back] : blok_dim_of(1);
    blok_dim dim_b = back <= rank_b ? b[rank_b - back] : blok_dim_of(1);
    if (!broadcast_dim(dim_a, dim_b, &out[rank - back])) return false;
  }
  *rank_out = rank;
  return true;
}
