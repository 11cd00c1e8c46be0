// What hooks of several families ask of a node's inputs.
#ifndef BLOK_GRAPH_OPS_OPERANDS_H
#define BLOK_GRAPH_OPS_OPERANDS_H

#include "graph/infer.h"

// The element type that the tensors at slots first and second share, where one of them is known;
// BLOK_UNDEFINED otherwise. Types that differ are BLOK_E_SHAPE.
BLOK_MUST_CHECK blok_status blok_infer_shared_dtype(const blok_infer *infer, uint32_t first,
                                                    uint32_t second, blok_dtype *out,
                                                    blok_error *error);

// The output dims of a node that slides windows over the spatial axes of input 0 ([N, C, ...],
// whose rank must be known): out[2..] are filled, rank of them in all. kernel as
// blok_window_resolve takes it. An axis whose size is not known keeps its symbol where the windows
// leave the size as it is.
BLOK_MUST_CHECK blok_status blok_infer_windows(const blok_infer *infer, const blok_fact *x,
                                               const int64_t *kernel, blok_dim *out,
                                               blok_error *error);

// BLOK_E_SHAPE unless the input at slot may be repeated to [dims] without changing that shape. what
// is its name in the message. An input left out or of unknown shape passes.
BLOK_MUST_CHECK blok_status blok_infer_repeats_to(const blok_infer *infer, uint32_t slot,
                                                  const char *what, uint32_t rank,
                                                  const blok_dim *dims, blok_error *error);

#endif  // BLOK_GRAPH_OPS_OPERANDS_H
