// Helpers of the inference hooks: outputs like an input, and the elements that small integer
// tensors carry one by one (numbers, symbols or nothing).
#ifndef BLOK_GRAPH_OPS_ELEMENTS_H
#define BLOK_GRAPH_OPS_ELEMENTS_H

#include "graph/infer.h"

// Output slot gets dtype and the shape of like (which may be unknown).
BLOK_MUST_CHECK blok_status blok_infer_like(blok_infer *context, uint32_t slot,
                                            const blok_fact *like, blok_dtype dtype,
                                            blok_error *error);

// The elements of an int32, int64 or bool tensor of at most BLOK_FACT_ELEMENTS of them: as tracked,
// or read from the whole value, or all unknown. False when the type or shape does not allow it.
// fact may be NULL.
bool blok_elements_get(const blok_fact *fact, blok_element items[BLOK_FACT_ELEMENTS], uint32_t *n);

// Attaches items to output slot when it is an int32, int64 or bool tensor of exactly n elements and
// something is known of one; numbers are wrapped to the output's type.
BLOK_MUST_CHECK blok_status blok_elements_put(blok_infer *context, uint32_t slot,
                                              const blok_element *items, uint32_t n,
                                              blok_error *error);

// The elements of input 0 go over to output 0 in the same order.
BLOK_MUST_CHECK blok_status blok_elements_pass(blok_infer *context, blok_error *error);

// Element of in (broadcast to out) that stands at each of out's elements. Both are shaped, and out
// has at most BLOK_FACT_ELEMENTS elements.
void blok_elements_spread(const blok_fact *in, const blok_fact *out,
                          uint32_t index[BLOK_FACT_ELEMENTS]);

// True when both are the same number or the same symbol.
bool blok_element_same(blok_element a, blok_element b);

static inline blok_element blok_element_of(int64_t value) {
  blok_element element = {true, value, NULL};
  return element;
}

static inline blok_element blok_element_unknown(void) {
  blok_element element = {false, 0, NULL};
  return element;
}

static inline blok_element blok_element_of_dim(blok_dim dim) {
  blok_element element = {dim.value >= 0, dim.value >= 0 ? dim.value : 0,
                          dim.value >= 0 ? NULL : dim.symbol};
  return element;
}

// A negative number gives an unknown axis.
static inline blok_dim blok_dim_of_element(blok_element element) {
  blok_dim dim = {element.known && element.value >= 0 ? element.value : -1,
                  element.known ? NULL : element.symbol};
  return dim;
}

// The length of a one-dimensional input; -1 when it is unknown. A scalar counts as one element.
int64_t blok_infer_length(const blok_fact *fact);

// A bool attribute-like input: true when its single value is known.
bool blok_infer_truth(const blok_fact *fact, bool *value);

#endif  // BLOK_GRAPH_OPS_ELEMENTS_H
