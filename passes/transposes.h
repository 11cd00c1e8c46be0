// What the two files of the pass transposes share: layouts, and how an operator works under one.
#ifndef BLOK_PASSES_TRANSPOSES_H
#define BLOK_PASSES_TRANSPOSES_H

#include "graph/graph.h"
#include "passes/driver.h"

// A value under a layout is a Transpose of another one, the plain value: its axis i is that one's
// axis perm[i].
typedef struct blok_layout {
  uint32_t rank;
  uint32_t perm[BLOK_MAX_RANK];
} blok_layout;

// A constant as it is without its layout, kept so that it is made once.
typedef struct blok_plain_constant {
  const blok_layout *layout;
  blok_value_id value;
} blok_plain_constant;

// What is known while nodes are looked at and changed. The arrays are by value of the graph as the
// pass found it; later values are under no layout.
typedef struct blok_layouts {
  blok_graph *graph;
  const blok_facts *facts;
  blok_arena *arena;
  uint32_t n;
  const blok_layout **of;  // NULL: none
  blok_plain_constant *constants;
} blok_layouts;

static inline const blok_layout *blok_layout_of(const blok_layouts *self, blok_value_id value) {
  return value.i && value.i < self->n ? self->of[value.i] : NULL;
}

bool blok_layout_same(const blok_layout *a, const blok_layout *b);

// The fact of the plain value; its dims live in dims. False where the ranks disagree.
bool blok_layout_plain_fact(const blok_fact *fact, const blok_layout *layout, blok_dim *dims,
                            blok_fact *out);

// True when a tensor of this shape (axes of 1 put before it up to the layout's rank) and the plain
// one hold their elements in the same order, and a Reshape from fact can say the plain shape.
bool blok_layout_only_ones(const blok_fact *fact, const blok_layout *layout);

// Whether the node works on plain values as well. Then *in is the layout of its inputs, and *out
// that of its outputs, NULL when they come out as they are.
BLOK_MUST_CHECK blok_status blok_layout_moves(const blok_layouts *self, blok_node_id node,
                                              const blok_layout **in, const blok_layout **out,
                                              bool *moves, blok_error *error);

// Changes the attributes and constants of a node that moves, and brings operands that are under no
// layout to the plain form (by a Reshape put at the end of the order, or by another constant). Its
// inputs under the layout are left for the caller, who takes the plain values.
BLOK_MUST_CHECK blok_status blok_layout_apply(blok_layouts *self, blok_node_id node,
                                              const blok_layout *in, blok_error *error);

#endif  // BLOK_PASSES_TRANSPOSES_H
