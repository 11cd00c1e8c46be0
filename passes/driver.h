// The inference driver step by step, for a pass that changes the graph while facts are gathered.
#ifndef BLOK_PASSES_DRIVER_H
#define BLOK_PASSES_DRIVER_H

#include "passes/facts.h"

// What inputs, captures and initializers say; nodes follow by blok_facts_step. options and what it
// points to must outlive the facts.
BLOK_MUST_CHECK blok_status blok_facts_begin(const blok_graph *graph,
                                             const blok_facts_options *options,
                                             const blok_allocator *allocator, blok_facts **out,
                                             blok_error *error);

// Infers one node, whose inputs have been seen. Values made since the last call are unknown. On
// failure its outputs stay unknown and the next node can be taken.
BLOK_MUST_CHECK blok_status blok_facts_step(blok_facts *facts, blok_node_id node,
                                            blok_error *error);

// The value's fact; one that says nothing where the value is none or newer than the last step.
const blok_fact *blok_facts_of(const blok_facts *facts, blok_value_id value);

// The facts that the subgraph's inner values take over from facts' graph, by inner handle.
BLOK_MUST_CHECK blok_status blok_facts_captures(const blok_facts *facts,
                                                const blok_subgraph *subgraph, blok_arena *arena,
                                                blok_fact **out, blok_error *error);

#endif  // BLOK_PASSES_DRIVER_H
