// Plans: the steps of a graph in order, without shapes. Today a step is one node, computed by the
// reference interpreter, or an If that holds the plans of its branches.
#ifndef BLOK_RUNTIME_PLAN_PLAN_H
#define BLOK_RUNTIME_PLAN_PLAN_H

#include "base/alloc.h"
#include "graph/graph.h"

typedef struct blok_plan blok_plan;

typedef struct blok_step {
  blok_node_id node;
  // If: then_branch and else_branch; NULL for other operators.
  blok_plan *branch[2];
  const blok_subgraph *subgraph[2];
} blok_step;

struct blok_plan {
  const blok_graph *graph;
  uint32_t n_steps;
  blok_step *steps;
  // By value handle: index of the last step that reads it (captures by an If's branches included);
  // n_steps for the graph's outputs. A value that nobody reads has the step that makes it.
  uint32_t *last_use;
};

// Plans a sorted working graph, its subgraphs included, into the arena. Operators that nothing can
// run are BLOK_E_UNSUPPORTED.
BLOK_MUST_CHECK blok_status blok_plan_new(const blok_graph *graph, blok_arena *arena,
                                          blok_plan **out, blok_error *error);

// ---- Where values lie ---------------------------------------------------------------------------

// One value to be placed: it must not overlap another whose steps overlap its own.
typedef struct blok_placement {
  uint32_t first, last;  // steps, inclusive
  size_t bytes;
  size_t offset;  // filled; a multiple of 64
} blok_placement;

// Places items (sorted by first) into one block, greedily at the lowest offset that is free, and
// says how large the block must be. false: no memory, or sizes overflow.
bool blok_place(blok_placement *items, size_t count, const blok_allocator *allocator,
                size_t *total);

#endif  // BLOK_RUNTIME_PLAN_PLAN_H
