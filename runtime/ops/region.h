// Regions: what becomes one step. A region is a node with what follows it and can be done to its
// results while they are in the first cache, or a whole squeeze-excite. Regions are free of shapes;
// runtime/plan/regions.c makes them, the files of this folder turn them into steps.
#ifndef BLOK_RUNTIME_OPS_REGION_H
#define BLOK_RUNTIME_OPS_REGION_H

#include "blocks/blocks.h"
#include "graph/graph.h"
#include "runtime/kernels/epilogue.h"

typedef enum blok_region_kind {
  BLOK_REGION_NODES = 0,      // an anchor node and its epilogue
  BLOK_REGION_ACTIVATION,     // act(in), however many nodes spell it: every function of one value
  BLOK_REGION_SQUEEZE_EXCITE  // the nodes of a squeeze_excite record
} blok_region_kind;

// What is done to the anchor's result r, each part optional, in this order:
//     v = after(act(norm(r) + bias) * scale + residual)
// Constants are values of the graph with a literal, one number a channel, or one number.
typedef struct blok_region {
  blok_region_kind kind;
  blok_node_id anchor;
  uint32_t n_nodes;  // anchor included, in execution order
  const blok_node_id *nodes;
  int32_t block;          // index of the innermost block in the overlay, -1: none
  blok_value_id in;       // of an activation
  blok_value_id norm[4];  // of a BatchNormalization: scale, B, mean, var; norm[0] none: no norm
  float epsilon;
  blok_value_id bias;
  blok_act act;
  blok_value_id slope;  // of act or after, whichever is a prelu
  blok_value_id scale;
  blok_value_id residual;  // of the same shape as the result: blok_lower_region sees to it
  blok_act after;
  blok_value_id out;  // what the last node makes
  // The region without addition and what follows it: its first nodes, and the value they make.
  uint32_t n_before;
  blok_value_id before;
  const blok_block_record *se;  // of a squeeze-excite: entry, exit, descriptor, weights
} blok_region;

// True when nothing follows the anchor.
static inline bool blok_region_plain(const blok_region *region) { return region->n_nodes == 1; }

// An activation of a block's descriptor as the epilogue computes it (runtime/plan/acts.c).
blok_act blok_act_of(blok_activation activation, double alpha, double beta);

#endif  // BLOK_RUNTIME_OPS_REGION_H
