// Rounds: what Loop and Scan share. A body's frame runs round after round.
//
// A carried value is read from where the round before left it. What a round makes of it is copied
// into the other of two blocks, since a body may hand one carried value through as another. What is
// collected goes straight to its place in the output where the output's size is known; a Loop that
// does not know its rounds collects in a block that grows.
#ifndef BLOK_RUNTIME_EXEC_ROUNDS_H
#define BLOK_RUNTIME_EXEC_ROUNDS_H

#include "runtime/exec/frame.h"

typedef struct block {
  void *data;
  size_t bytes;
} block;

typedef struct carried {
  blok_tensor now;  // what the next round reads
  block blocks[2];
  uint32_t current;  // of blocks, once a round has filled one
} carried;

typedef struct collected {
  blok_buffer_id to;  // of the frame around; 0: nobody wants it
  blok_tensor slice;  // as the first round made it
  int64_t length;     // of the output, once it has its size: slices go to their places. -1 before
  int64_t axis;       // as the node says it
  bool backwards;
  block grown;
} collected;

typedef struct scanned {
  const blok_tensor *from;
  blok_tensor slice;
  uint32_t axis;
  bool backwards;
  bool gather;  // slices do not lie in one piece
  block gathered;
} scanned;

typedef struct rounds {
  blok_frame *frame, *body;
  uint32_t index;
  const blok_step *step;
  const blok_node *node;
  blok_run *run;
  blok_heap *heap;
  blok_arena arena;  // of the lists
  blok_quoted label;
  const char *op;
  uint32_t n_inputs;
  blok_value_id *inputs;  // of the body: those that are fed
  uint32_t n_carried, n_collected, n_scanned;
  carried *carried;
  collected *collected;
  scanned *scanned;
  uint64_t done;
  int64_t total;  // rounds, -1 while unknown
} rounds;

// Lists what is carried, scanned and collected, and binds the captures. The body's inputs are n_own
// of the node's kind (a round's number and condition), the carried and the scanned ones; its
// outputs n_own_out and those of the node.
BLOK_MUST_CHECK blok_status blok_rounds_begin(rounds *self, uint32_t n_own, uint32_t n_own_out,
                                              uint32_t n_carried, uint32_t n_scanned,
                                              blok_error *error);

// What a body is given for this round.
BLOK_MUST_CHECK blok_status blok_rounds_feed(const rounds *self, uint32_t input,
                                             const blok_tensor *tensor, blok_error *error);
// A single number, a scalar or of one axis, as the plan has it or the body declares it.
BLOK_MUST_CHECK blok_status blok_rounds_feed_single(const rounds *self, uint32_t input,
                                                    blok_dtype dtype, void *number,
                                                    blok_error *error);

// One round, whose inputs are fed: the body's outputs from first_out on are carried and collected.
BLOK_MUST_CHECK blok_status blok_rounds_run(rounds *self, uint32_t first_out, blok_error *error);
// An output of the body after a round, and its size.
BLOK_MUST_CHECK blok_status blok_rounds_made(const rounds *self, uint32_t output,
                                             const blok_tensor **out, size_t *bytes,
                                             blok_error *error);
// After the last round: the node's outputs.
BLOK_MUST_CHECK blok_status blok_rounds_finish(rounds *self, uint32_t first_out, blok_error *error);

// A block of bytes at least, what it held is lost.
BLOK_MUST_CHECK blok_status blok_rounds_take(blok_heap *heap, block *b, size_t bytes,
                                             blok_error *error);
// Copies a slice between its own dense form and its place along axis in a whole tensor.
void blok_rounds_move(const blok_tensor *whole, uint32_t axis, uint64_t at, blok_tensor *slice,
                      bool into_whole);
blok_status blok_rounds_fail_size(const rounds *self, const char *what, uint32_t i,
                                  blok_error *error);

// A whole Loop or Scan: begins, runs rounds_of, and gives everything back.
BLOK_MUST_CHECK blok_status blok_rounds_of(blok_frame *frame, uint32_t step, blok_run *run,
                                           blok_status (*rounds_of)(rounds *, blok_error *),
                                           blok_error *error);

#endif  // BLOK_RUNTIME_EXEC_ROUNDS_H
