// The skip path of an addition: x through at most a norm, pools, padding, slices, scales and one
// 1x1 convolution (or a depthwise one before it), read backwards from the operand.
//
// A caller takes the path step by step and asks after each whether F(x) is computed from the value
// that the path begins at now.
#ifndef BLOK_BLOCKS_SKIP_H
#define BLOK_BLOCKS_SKIP_H

#include "blocks/matcher.h"

#define BLOK_SKIP_NODES 20

// Why a path goes no further.
typedef enum blok_skip_stop {
  BLOK_SKIP_GOES_ON = 0,
  BLOK_SKIP_NO_STEP = 1,  // what makes entry is nothing that stands on a skip path
  BLOK_SKIP_SHARED = 2,   // entry is read by others too, or is a graph output
  BLOK_SKIP_HELD = 3      // another block holds what makes entry
} blok_skip_stop;

typedef struct blok_skip_path {
  blok_value_id end;    // the operand of the addition
  blok_value_id entry;  // where the path begins; equal to end while it has no step
  uint32_t n;           // steps, in execution order: a new one goes before the others
  blok_skip_step step[BLOK_SKIP_STEPS];
  blok_conv_weights weights[BLOK_SKIP_STEPS];
  uint32_t n_nodes;
  blok_node_id nodes[BLOK_SKIP_NODES];  // of all steps, the last one's first
  uint32_t n_convs;                     // units of the convolution steps, for their records
  struct {
    const blok_unit *conv, *norm;
  } convs[2];             // the one at place 0 is the last one
  blok_skip_stop stop;    // of the last call of blok_skip_extend
  bool elsewhere;         // entry is made by a pool that others read too (blok_skip_elsewhere)
  blok_skip_step shared;  // that pool
} blok_skip_path;

void blok_skip_begin(blok_skip_path *path, blok_value_id end);

// Takes one step more, backwards. False, and nothing changes, where what makes entry is no step of
// a skip path, is held by another block, or makes a value that another node reads too (shared:
// reads behind the one from this path; none may be a graph output).
bool blok_skip_extend(const blok_matcher *matcher, blok_skip_path *path);

// True when what makes entry is a pool and entry is read by others too, so that the pool cannot be
// a step: *x is what the pool reads. A block whose F(x) is computed from that x has a skip path
// that begins elsewhere, behind the pool.
bool blok_skip_elsewhere(const blok_matcher *matcher, blok_skip_path *path, blok_value_id *x);

bool blok_skip_has_conv(const blok_skip_path *path);

// "avg pool 2x2 /2, conv 1x1 + batch": in execution order, a shared pool included; in the overlay's
// arena. NULL for a path without steps, and when there is no memory (*failed).
const char *blok_skip_text(const blok_matcher *matcher, const blok_skip_path *path, bool *failed);

// Puts skip, skip_steps, skip_step and the weights into the descriptor of a block; skip_elsewhere
// is told where the path begins elsewhere than at from, the value that F(x) is computed from.
void blok_skip_describe(const blok_skip_path *path, blok_value_id from, blok_residual_desc *desc,
                        blok_residual_weights *weights);

#endif  // BLOK_BLOCKS_SKIP_H
