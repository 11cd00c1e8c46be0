// Plans: the regions of a graph in order, for one instruction set, without shapes. A plan is
// immutable once it is made, and shared by sessions.
#ifndef BLOK_RUNTIME_PLAN_PLAN_H
#define BLOK_RUNTIME_PLAN_PLAN_H

#include "base/alloc.h"
#include "blocks/blocks.h"
#include "graph/graph.h"
#include "runtime/kernels/isa.h"
#include "runtime/ops/region.h"
#include "runtime/ops/step.h"

typedef struct blok_plan_options {
  const blok_isa *isa;
  bool reference;               // every node by the reference interpreter: no kernels, no fusion
  bool fuse;                    // nodes become regions together; false: one node a region
  const blok_overlay *overlay;  // the blocks of the main graph; NULL: none
} blok_plan_options;

// A region's bodies: an If's then_branch and else_branch, the body of a Loop or Scan.
typedef struct blok_plan_body {
  const blok_subgraph *subgraph;
  const blok_plan *plan;
} blok_plan_body;

typedef struct blok_plan_bodies {
  uint32_t n;
  blok_plan_body *items;
} blok_plan_bodies;

struct blok_plan {
  const blok_graph *graph;
  blok_plan_options options;
  uint32_t n_regions;
  blok_region *regions;      // in execution order
  blok_plan_bodies *bodies;  // by region; n is 0 for all but control flow
  // By value handle: the last region that reads it (captures by a body included); n_regions for the
  // graph's outputs. A value that nobody reads has the region that makes it.
  uint32_t *last_use;
};

// Plans a sorted working graph, its subgraphs included, into the arena. facts are the graph's as
// declared; NULL: they are computed. Operators that nothing can run are BLOK_E_UNSUPPORTED.
BLOK_MUST_CHECK blok_status blok_plan_new(const blok_graph *graph, const blok_plan_options *options,
                                          const blok_facts *facts, blok_arena *arena,
                                          blok_plan **out, blok_error *error);

// The regions of a graph (regions.c): fills plan->regions.
BLOK_MUST_CHECK blok_status blok_regions_make(blok_plan *plan, const blok_facts *facts,
                                              blok_arena *arena, blok_error *error);

#endif  // BLOK_RUNTIME_PLAN_PLAN_H
