// Running one node by the reference interpreter on inputs that are known.
#ifndef BLOK_PASSES_EVALUATE_H
#define BLOK_PASSES_EVALUATE_H

#include <blok/types.h>

#include "graph/infer.h"

// True for operators that evaluation may run: the reference has them, they hold no subgraph, and
// the same inputs always give the same outputs (a Dropout in training mode does not).
bool blok_may_evaluate(const blok_node *node);

// Computes the node's outputs on in (n_inputs of the node; NULL for one left out), whose shapes
// gave facts (n_outputs of them). The tensors made live in arena; out gets NULL for an output left
// out. *done is false, with BLOK_OK, when it cannot be: a size is not known, the outputs together
// would pass limit bytes, or the reference refuses (a run then says why). Fails on memory only.
BLOK_MUST_CHECK blok_status blok_evaluate(const blok_graph *graph, blok_node_id node,
                                          const blok_tensor *const *in, const blok_fact *facts,
                                          uint64_t limit, blok_arena *arena, blok_tensor **out,
                                          bool *done, blok_error *error);

// A literal's elements in the arena. BLOK_E_UNSUPPORTED for types that have no whole bytes.
BLOK_MUST_CHECK blok_status blok_literal_tensor(const blok_literal *literal, blok_arena *arena,
                                                blok_tensor **out, blok_error *error);

// True for a literal that blok_literal_tensor can read: numbers of whole bytes, a rank in range.
// *count and *bytes are what it holds.
bool blok_literal_readable(const blok_literal *literal, size_t *count, size_t *bytes);

#endif  // BLOK_PASSES_EVALUATE_H
