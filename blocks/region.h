// A region: the nodes on the ways from a value x to a value computed from it, as F(x) of a
// residual_other and a gate keep them.
//
// Blocks found before are stepped over, from exit to entry, so that a region of blocks costs as
// many steps as it has blocks. What the region reads besides x and constants are its side inputs.
// They are allowed where each depends on fewer of the graph's inputs than x does (a time embedding,
// the other sequence of a cross attention); a value that depends on all that x depends on is
// another branch of the same picture, and F is then not computed from x alone.
#ifndef BLOK_BLOCKS_REGION_H
#define BLOK_BLOCKS_REGION_H

#include "blocks/matcher.h"

// Steps (nodes of its own, and blocks stepped over) after which a search gives up.
#define BLOK_REGION_STEPS 512
// Likewise reads, and slots of nodes, since a step may have any number of them.
#define BLOK_REGION_READS 8192

typedef enum blok_region_result {
  BLOK_REGION_FOUND = 0,
  BLOK_REGION_UNRELATED = 1,    // end is not computed from x, or from its shape alone
  BLOK_REGION_OTHER_INPUT = 2,  // it is, but from another branch too: culprit is that value
  BLOK_REGION_SHARED = 3,       // an inner value is read outside or is a graph output: culprit
  BLOK_REGION_TOO_LARGE = 4,    // more steps or reads than that
  BLOK_REGION_SUBGRAPH = 5      // a node with a subgraph (If, Loop, Scan): culprit is what it makes
} blok_region_result;

typedef struct blok_region {
  blok_value_id entry, end;
  uint32_t n_own;
  blok_node_id *own;  // nodes that no block held, in execution order
  uint32_t n_children;
  uint32_t *children;    // records stepped over, in execution order
  uint32_t entry_reads;  // slots of the region that read entry, children's included
  blok_value_id culprit;
  // What stands in it, children included.
  bool has_resize;          // Resize, Upsample, ConvTranspose: the picture grows
  bool has_activation;      // or a gate: something that is not linear in x
  bool has_product;         // Conv, Gemm, MatMul, Einsum, Attention
  bool has_norm, has_pool;  // a pool or a reduction over axes
} blok_region;

// Finds the region from x to end; its lists hold until the next search. end itself may be read by
// anything (the caller looks at that). The region is filled for every result but UNRELATED and
// TOO_LARGE. Fails only for want of memory.
BLOK_MUST_CHECK blok_status blok_region_find(blok_matcher *matcher, blok_value_id x,
                                             blok_value_id end, blok_region *region,
                                             blok_region_result *result, blok_error *error);

#endif  // BLOK_BLOCKS_REGION_H
