// Declared types against inferred facts, and what their symbols stand for. See declared.h.
#include "passes/declared.h"

#include "base/error.h"

void blok_bindings_init(blok_bindings *bindings, const blok_allocator *allocator) {
  bindings->concrete = bindings->open = false;
  blok_names_init(&bindings->index, allocator);
  bindings->n = bindings->capacity = 0;
  bindings->items = NULL;
}

void blok_bindings_free(blok_bindings *bindings) {
  blok_free(bindings->index.allocator, bindings->items);
  blok_names_free(&bindings->index);
  bindings->items = NULL;
}

// The fact's shape as blok_print_fact spells it, of a declared type.
static blok_dims_text declared_text(const blok_type *type) {
  blok_fact fact = {0};
  fact.kind = BLOK_TYPE_TENSOR;
  fact.rank = type->has_shape ? (int32_t)type->rank : -1;
  fact.dims = type->dims;
  return blok_print_fact(&fact);
}

static blok_status bind(blok_bindings *bindings, const char *name, const char *symbol,
                        int64_t value, blok_error *error) {
  uint32_t at = 0;
  if (blok_names_find(&bindings->index, symbol, &at)) {
    const blok_binding *first = &bindings->items[at];
    if (first->value == value) return BLOK_OK;
    return BLOK_FAIL(error, BLOK_E_SHAPE,
                     "input '%s': axis '%s' is %lld here but %lld in input '%s'",
                     blok_quote(name).text, blok_quote(symbol).text, (long long)value,
                     (long long)first->value, blok_quote(first->input).text);
  }
  if (!blok_grow(bindings->index.allocator, &bindings->items, &bindings->capacity, bindings->n,
                 sizeof *bindings->items) ||
      !blok_names_put(&bindings->index, symbol, bindings->n)) {
    return blok_fail_memory(error, 0);
  }
  bindings->items[bindings->n++] = (blok_binding){value, name};
  return BLOK_OK;
}

blok_status blok_bindings_input(blok_bindings *bindings, const char *name,
                                const blok_type *declared, const blok_fact *given,
                                blok_error *error) {
  if (!declared || declared->kind != BLOK_TYPE_TENSOR || given->kind != BLOK_TYPE_TENSOR) {
    bindings->open = true;
    return BLOK_OK;
  }
  if (declared->dtype != BLOK_UNDEFINED && given->dtype != BLOK_UNDEFINED &&
      declared->dtype != given->dtype) {
    return BLOK_FAIL(error, BLOK_E_SHAPE, "input '%s' is %s where the model wants %s",
                     blok_quote(name).text, blok_dtype_name(given->dtype),
                     blok_dtype_name(declared->dtype));
  }
  if (!declared->has_shape || given->rank < 0) {
    bindings->open = true;
    return BLOK_OK;
  }
  bool fits = (int64_t)given->rank == (int64_t)declared->rank;
  for (uint32_t i = 0; fits && i < declared->rank; i++) {
    blok_dim want = declared->dims[i];
    blok_dim got = given->dims[i];
    fits = want.value < 0 || got.value < 0 || want.value == got.value;
  }
  if (!fits) {
    return BLOK_FAIL(error, BLOK_E_SHAPE, "input '%s' has shape %s where the model wants %s",
                     blok_quote(name).text, blok_print_fact(given).text,
                     declared_text(declared).text);
  }
  for (uint32_t i = 0; i < declared->rank; i++) {
    if (declared->dims[i].value >= 0) continue;
    bindings->open = true;
    if (!declared->dims[i].symbol || given->dims[i].value < 0) continue;
    BLOK_TRY(bind(bindings, name, declared->dims[i].symbol, given->dims[i].value, error));
  }
  return BLOK_OK;
}

// A declared axis as far as it can be trusted.
static blok_dim trusted(const blok_bindings *bindings, blok_dim dim) {
  uint32_t at = 0;
  if (dim.value >= 0) {
    return bindings->concrete && bindings->open ? blok_dim_unknown() : dim;
  }
  if (dim.symbol && blok_names_find(&bindings->index, dim.symbol, &at)) {
    return blok_dim_of(bindings->items[at].value);
  }
  return dim;
}

blok_status blok_declared_merge(const blok_bindings *bindings, const char *name,
                                const blok_type *declared, blok_arena *arena, blok_fact *fact,
                                blok_error *error) {
  if (!declared || declared->kind == BLOK_TYPE_NONE) return BLOK_OK;
  bool fresh = fact->kind == BLOK_TYPE_NONE;
  if (fresh) BLOK_TRY(blok_fact_of_type(arena, declared, fact, error));
  if (fact->kind != declared->kind) {
    return BLOK_FAIL(error, BLOK_E_SHAPE, "value '%s' is not of the kind that is declared for it",
                     blok_quote(name).text);
  }
  if (declared->kind != BLOK_TYPE_TENSOR) return BLOK_OK;
  if (fact->dtype == BLOK_UNDEFINED) fact->dtype = declared->dtype;
  if (declared->dtype != BLOK_UNDEFINED && declared->dtype != fact->dtype) {
    return BLOK_FAIL(error, BLOK_E_SHAPE, "value '%s' is declared %s, but its node makes %s",
                     blok_quote(name).text, blok_dtype_name(declared->dtype),
                     blok_dtype_name(fact->dtype));
  }
  if (!declared->has_shape) return BLOK_OK;
  bool same_rank = fact->rank < 0 || (int64_t)fact->rank == (int64_t)declared->rank;
  bool fits = same_rank;
  blok_dim *dims = blok_arena_array(arena, declared->rank, sizeof *dims);
  if (!dims) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; same_rank && i < declared->rank; i++) {
    blok_dim have = fact->rank >= 0 && !fresh ? fact->dims[i] : blok_dim_unknown();
    blok_dim want = trusted(bindings, declared->dims[i]);
    if (have.value >= 0 && want.value >= 0 && have.value != want.value) fits = false;
    dims[i] = have.value >= 0 || have.symbol ? have : want;
  }
  if (!fits && !(bindings->concrete && bindings->open)) {
    return BLOK_FAIL(error, BLOK_E_SHAPE, "value '%s' has shape %s, but %s is declared for it",
                     blok_quote(name).text, blok_print_fact(fact).text,
                     declared_text(declared).text);
  }
  if (!same_rank) return BLOK_OK;
  fact->rank = (int32_t)declared->rank;
  fact->dims = dims;
  return BLOK_OK;
}
