// The sweep over additions: each Add or Sum of two is offered to the kinds that have one, the
// strict ones first (residual, bottleneck, inverted bottleneck), then residual_other.
//
// It runs in execution order, so that the blocks inside F(x) stand when the addition behind them
// comes. What the kinds share, the record of an addition and its skip path, is made here.
#ifndef BLOK_BLOCKS_ADDITION_H
#define BLOK_BLOCKS_ADDITION_H

#include "blocks/matcher.h"
#include "blocks/skip.h"

typedef struct blok_addition {
  blok_matcher *matcher;
  blok_node_id add;  // no block holds it
  blok_value_id operands[2];
  const blok_unit *after;  // the activation behind the addition, held by no block; or NULL
} blok_addition;

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
