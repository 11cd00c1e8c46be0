// What passes that change a graph by what is known of its values share: the walk over a graph and
// its subgraphs with facts in hand, and small proofs.
#ifndef BLOK_PASSES_KNOWN_H
#define BLOK_PASSES_KNOWN_H

#include <blok/types.h>

#include "graph/graph.h"
#include "passes/driver.h"

// Calls visit for each subgraph, inner ones first, then for graph, with the facts that inference
// proves (declared shapes of inner values are not believed). facts are those before the graph was
// changed: a value made by visit is unknown. A subgraph whose shapes disagree may never run, and
// stays as it is.
typedef blok_status (*blok_known_visit)(blok_graph *graph, blok_facts *facts, blok_error *error);
BLOK_MUST_CHECK blok_status blok_known_each(blok_graph *graph, blok_known_visit visit,
                                            blok_error *error);

// The same, and nothing where neither graph nor a subgraph holds a node of op: facts cost a sweep.
BLOK_MUST_CHECK blok_status blok_known_where(blok_graph *graph, blok_op op, blok_known_visit visit,
                                             blok_error *error);

// Facts of a node's input or first output; never NULL.
const blok_fact *blok_known_in(const blok_facts *facts, const blok_node *node, uint32_t slot);
const blok_fact *blok_known_out(const blok_facts *facts, const blok_node *node);

// The integers of a constant list of at most capacity; false when it is none. *n is their number.
bool blok_known_ints(const blok_fact *fact, int64_t *values, uint32_t capacity, uint32_t *n);

// The axes that input slot names, made non-negative and marked in on (of rank entries). False when
// they are not known or out of range; *n is their number, 0 when the input is left out.
bool blok_known_axes(const blok_facts *facts, const blok_node *node, uint32_t slot, uint32_t rank,
                     bool *on, uint32_t *n);

// Both ranks are known, and each axis is the same number or symbol.
bool blok_same_shape(const blok_fact *a, const blok_fact *b);

// True when a tensor is known and all its elements equal number; it has one at least.
bool blok_all_equal(const blok_fact *fact, double number);

// The target that makes a Reshape of in give out's shape: numbers, 0 for an axis that in has at the
// same place under the same symbol, and one -1 at most. False when that cannot be said.
bool blok_reshape_target(const blok_fact *in, const blok_fact *out, int64_t *target);

#endif  // BLOK_PASSES_KNOWN_H
