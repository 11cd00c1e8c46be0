// The sweep over additions: each Add or Sum of two is offered to the kinds that have one, the
// strict ones first (residual, bottleneck, inverted bottleneck), then residual_other.
//
// It runs in execution order, so that the blocks inside F(x) stand when the addition behind them
// comes. What the kinds share, the record of an addition and its skip path, is made here.
#ifndef BLOK_BLOCKS_ADDITION_H
#define BLOK_BLOCKS_ADDITION_H

#include "blocks/matcher.h"
#include "blocks/skip.h"

// An addition of x to the first channels of a value v: concat(v[:, :c] + x, v[:, c:]). It is taken
// as one addition of v and x, which the Concat ends.
typedef struct blok_partial {
  int64_t channels;    // c; 0: the addition is no such one, and nothing else is set
  blok_value_id head;  // v[:, :c]
  uint32_t reads;      // slots of nodes that read v
  uint32_t n_nodes;
  blok_node_id nodes[3];  // the slices or the split, and the Concat
} blok_partial;

typedef struct blok_addition {
  blok_matcher *matcher;
  blok_node_id add;           // no block holds it
  blok_value_id operands[2];  // the first is F(x) where the addition is a partial one
  blok_partial partial;
  blok_value_id out;       // what the addition makes
  const blok_unit *after;  // the activation behind the addition, held by no block; or NULL
} blok_addition;

// The value that is summed: the operand itself, or its first channels where it is a partial
// addition's F(x).
static inline blok_value_id blok_addition_summed(const blok_addition *addition,
                                                 blok_value_id operand) {
  const bool first = blok_same_value(operand, addition->operands[0]);
  return addition->partial.channels && first ? addition->partial.head : operand;
}

// How many slots read F(x).
static inline uint32_t blok_addition_reads(const blok_addition *addition) {
  return addition->partial.channels ? addition->partial.reads : 1;
}

// A near miss in words, not yet added.
typedef struct blok_miss_text {
  bool near;     // false: the addition is nothing of the kind, and there is nothing to tell
  bool decides;  // no kind can do without the condition: it is told rather than what only one kind
                 // asks for
  blok_block_kind kind;
  const char *condition;  // static
  char got[256];
  const char *want;  // static
} blok_miss_text;

// Each tries both ways round. *found: a record was added; otherwise *miss is filled (it is zeroed
// when they are called). They fail only for want of memory.
BLOK_MUST_CHECK blok_status blok_residual_try(blok_addition *addition, bool *found,
                                              blok_miss_text *miss, blok_error *error);
BLOK_MUST_CHECK blok_status blok_residual_other_try(blok_addition *addition, bool *found,
                                                    blok_miss_text *miss, blok_error *error);

// Fills miss; got is printed as printf does.
void blok_miss_write(blok_miss_text *miss, blok_block_kind kind, const char *condition,
                     const char *want, const char *got, ...) __attribute__((format(printf, 5, 6)));

// Adds the record of a block with an addition. The caller fills kind, entry and what its kind asks
// for in record; desc, weights and members say F(x). This adds the rest: exit, skip path, what
// stands behind the addition, their nodes, and a conv_norm_act child for each convolution of the
// skip path. skip without a step is the identity. The caller adds or adopts F's children then, with
// *index as their parent.
BLOK_MUST_CHECK blok_status blok_addition_record(
    const blok_addition *addition, const blok_skip_path *skip, blok_block_record *record,
    blok_residual_desc *desc, blok_residual_weights *weights, blok_members *members,
    uint32_t *index, blok_error *error);

#endif  // BLOK_BLOCKS_ADDITION_H
