// The parts of a squeeze-excite, read backwards from a value: the mean over the picture, the small
// products, and the layout nodes (Reshape, Squeeze, ...) that stand between them. What is read is
// gathered, so that one check at the end tells whether anything else reads it.
#ifndef BLOK_BLOCKS_PARTS_H
#define BLOK_BLOCKS_PARTS_H

#include "blocks/matcher.h"

#define BLOK_GATHER_NODES 48

// Nodes without repeats.
typedef struct blok_gather {
  const blok_matcher *matcher;
  uint32_t n;
  bool full;  // there were more than it can hold
  blok_node_id nodes[BLOK_GATHER_NODES];
} blok_gather;

void blok_gather_add(blok_gather *self, blok_node_id node);
void blok_gather_unit(blok_gather *self, const blok_unit *unit);

// The first value that the nodes make, exit aside, that other nodes read or that is a graph output;
// none where all is well.
blok_value_id blok_gather_shared(const blok_gather *self, blok_value_id exit);
// False when the nodes read anything but x, constants and one another's outputs. *reads: how many
// slots read x.
bool blok_gather_closed(const blok_gather *self, blok_value_id x, uint32_t *reads);

// Steps back over nodes that only move axes of size 1 of a vector a picture, [N, C]: Reshape,
// Flatten, Squeeze, Unsqueeze, Transpose, Identity, an Expand to the same sizes. It ends before one
// of which that is not known. Gathers them, and the shapes that are computed for them.
blok_value_id blok_layout_read(blok_gather *self, blok_value_id value);

// True when value is [.., .., 1, 1] or [.., 1, 1] and x has rank 4.
bool blok_one_place(const blok_matcher *matcher, blok_value_id value, blok_value_id x);

// Steps back over an Expand of one number a channel to the shape of x.
blok_value_id blok_expand_read(blok_gather *self, blok_value_id value, blok_value_id x);

// The mean over height and width that value is, with these axes kept as 1 or not: a pool, one
// ReduceMean or two, one over the flattened picture. *x: of what.
bool blok_mean_read(blok_gather *self, blok_value_id value, blok_value_id *x);

// A 1x1 convolution or a linear layer, of constant weights; the bias may be an addition of its own.
typedef struct blok_small_product {
  blok_product kind;
  int64_t in_size, out_size;
  blok_value_id in, weight, bias;
} blok_small_product;

bool blok_small_product_read(blok_gather *self, blok_value_id value, blok_small_product *out);

#endif  // BLOK_BLOCKS_PARTS_H
