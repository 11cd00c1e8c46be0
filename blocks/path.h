// The two operands of an addition, walked backwards: where they fork, and what stands between.
#ifndef BLOK_BLOCKS_PATH_H
#define BLOK_BLOCKS_PATH_H

#include "blocks/matcher.h"

#define BLOK_CHAIN_STEPS 16  // no block of this kind has a longer F(x)
#define BLOK_SKIP_REACH  8   // nor a longer skip path, norms counted

// values[0] is the end; step i makes values[i] from values[i + 1].
typedef struct blok_chain {
  uint32_t n;  // steps
  blok_value_id values[BLOK_CHAIN_STEPS + 1];
  uint32_t units[BLOK_CHAIN_STEPS];        // 0: a node that is no unit, followed by its input 0
  blok_node_id foreign[BLOK_CHAIN_STEPS];  // that node
} blok_chain;

void blok_chain_walk(const blok_matcher *matcher, blok_value_id end, blok_chain *chain);

// Where f first meets the skip path: *f_steps >= 1 and *skip_steps lead to the same value.
bool blok_chain_fork(const blok_chain *f, const blok_chain *skip, uint32_t *f_steps,
                     uint32_t *skip_steps);

// The first of the chain's values above the fork that something outside reads, or that is a graph
// output; none if all is well. reads: how many slots may read the end.
blok_value_id blok_chain_shared(const blok_matcher *matcher, const blok_chain *chain,
                                uint32_t steps, uint32_t reads);

// ---- F(x) ---------------------------------------------------------------------------------------

// One convolution of F(x) with its norm and activation; in pre order they come before it.
typedef struct blok_stretch {
  const blok_unit *conv, *norm, *act;
} blok_stretch;

typedef struct blok_body {
  blok_order order;
  uint32_t n;  // convolutions
  blok_stretch part[3];
  const blok_unit *se;
  uint32_t se_part;        // the convolution behind which it stands
  bool se_before_act;      // post order: behind the norm, before the activation
  const blok_unit *scale;  // behind all of it
} blok_body;

// Sorts units in execution order into stretches: post order when a convolution comes first, pre
// order otherwise. NULL when they fit; otherwise what is wrong: a condition. More than three
// convolutions do not fit.
const char *blok_body_read(const blok_unit *const *units, uint32_t n, blok_body *body);

// True where the kernels are those of an inverted bottleneck: [1x1], then a larger one, depthwise
// or grouped and wider than what comes out, then 1x1.
bool blok_body_inverted(const blok_body *body);

// What such a body still lacks for one: NULL when nothing, otherwise a condition, with what was got
// and wanted.
const char *blok_body_inverted_lacks(const blok_body *body, const char **got, const char **want);

// Puts the convolutions, order, squeeze-excite and scale into the descriptor of a block.
void blok_body_describe(const blok_matcher *matcher, const blok_body *body,
                        blok_residual_desc *desc, blok_residual_weights *weights);
void blok_body_members(const blok_body *body, blok_members *members);
// Adds a conv_norm_act for each convolution and adopts the squeeze-excite.
BLOK_MUST_CHECK blok_status blok_body_children(blok_matcher *matcher, const blok_body *body,
                                               uint32_t parent, blok_error *error);

// True when it is larger than 1x1.
bool blok_conv_larger(const blok_conv_desc *conv);
bool blok_conv_depthwise(const blok_conv_desc *conv);

#endif  // BLOK_BLOCKS_PATH_H
