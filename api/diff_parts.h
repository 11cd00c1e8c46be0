// How two models are compared.
//
// A frame is a pair of graphs: the main ones, a pair of subgraphs, the bodies of a pair of
// functions. The walk (diff_walk.c) takes pairs of values from a stack, outputs first: what makes
// both is compared, and its inputs go onto the stack. Where the inputs of a node commute, and where
// one graph has nodes that the other has not, hashes of the structure upstream (diff_hash.c) tell
// what belongs together. Nothing recurses, and cycles are walked once.
#ifndef BLOK_API_DIFF_PARTS_H
#define BLOK_API_DIFF_PARTS_H

#include <blok/diff.h>

#include "api/internal.h"

enum { SIDE_A = 0, SIDE_B = 1, SIDES = 2 };

// What is hashed of a value: its operator, and what stands up to so many nodes above it.
enum { BLOK_DIFF_LEVELS = 6 };  // 0, 1, 2, 4, 8, 16 nodes

typedef struct blok_diff_frame blok_diff_frame;
struct blok_diff_frame {
  blok_diff_frame *outer;                // of subgraphs; NULL: values of none are captured
  const blok_subgraph *captures[SIDES];  // of subgraphs
  const blok_graph *graph[SIDES];
  const blok_opset *opsets[SIDES];  // that its nodes are of
  uint32_t n_opsets[SIDES];
  const char *where;              // what stands before messages: "then_branch of If node 'x': "
  uint32_t place;                 // of inner frames: that of the node they belong to
  blok_node_id *partner[SIDES];   // by node: the one it was paired with, none so far
  uint8_t *told[SIDES];           // by node: a difference names it
  uint32_t *at[SIDES];            // by node: its place in the order
  uint32_t *input[SIDES];         // by value: its place among the inputs that are fed, from 1
  blok_value_id *outside[SIDES];  // by value: of captures, the value of outer that it stands for
  uint64_t *hash[SIDES][BLOK_DIFF_LEVELS];  // by value; NULL until they are asked for
  uint64_t *whole[SIDES];  // by value: of all above it, numbers and attributes included; likewise
};

// Who reads a pair of values: a pair of nodes, or the outputs of a graph.
typedef struct blok_diff_reader {
  blok_diff_frame *frame;
  blok_node_id node[SIDES];  // none: outputs
  uint32_t slot[SIDES];
} blok_diff_reader;

typedef struct blok_diff_task {
  blok_diff_frame *frame;
  blok_value_id value[SIDES];
  blok_diff_reader reader;
} blok_diff_task;

typedef struct blok_diff_item {
  blok_difference shown;
  uint32_t place;   // what the list is sorted by: 0 for the models as a whole
  uint32_t number;  // in the order of finding
} blok_diff_item;

struct blok_diff {
  blok_allocator allocator;
  blok_arena arena;  // of what is returned
  size_t count;
  uint32_t n, capacity;
  blok_diff_item *items;
};

typedef struct blok_differ {
  blok_diff *diff;
  const blok_module *module[SIDES];
  const blok_functions *functions[SIDES];
  blok_diff_options options;
  blok_allocator allocator;
  blok_arena scratch;
  uint32_t n_tasks, cap_tasks;
  blok_diff_task *tasks;
  blok_names seen;            // pairs of values, of functions that have been met
  blok_names symbols[SIDES];  // of open axes: the number of those that stand for each other
  blok_error *error;
} blok_differ;

// ---- Saying (diff.c) ----------------------------------------------------------------------------

// A difference; a and b are the nodes that it is about, none where there is none.
BLOK_MUST_CHECK blok_status blok_differ_say(blok_differ *self, blok_difference_kind kind,
                                            blok_diff_frame *frame, blok_node_id a, blok_node_id b,
                                            double max_abs, const char *format, ...)
    __attribute__((format(printf, 7, 8)));

// "Conv node 'layer1.0/conv1'" for messages.
typedef struct blok_diff_label {
  char text[200];
} blok_diff_label;
blok_diff_label blok_differ_label(const blok_diff_frame *frame, int side, blok_node_id node);

// What a frame's nodes are sorted by, from 1.
uint32_t blok_differ_place(const blok_diff_frame *frame, int side, blok_node_id node);

// *first: the pair of numbers, of that owner, is met for the first time.
BLOK_MUST_CHECK blok_status blok_differ_first(blok_differ *self, const void *owner, uint64_t a,
                                              uint64_t b, bool *first);

// ---- Constants (diff_constants.c) ---------------------------------------------------------------

// An initializer, or what a Constant node makes.
typedef struct blok_diff_constant {
  blok_dtype dtype;
  uint32_t rank;
  const int64_t *dims;
  int64_t length;               // dims of a list of numbers
  const blok_literal *literal;  // or the elements:
  const void *elements;
  uint32_t n_strings;
  const blok_bytes *strings;
} blok_diff_constant;

// False when value is none.
bool blok_differ_constant(const blok_graph *graph, blok_value_id value, blok_diff_constant *out);

// What differs, in words, "" when both are equal within the tolerance: "shape is [3] in A, [4] in
// B", "2 of 9 elements differ, by 0.5 at most".
typedef struct blok_diff_words {
  char text[240];
  double max_abs;
} blok_diff_words;
BLOK_MUST_CHECK blok_status blok_differ_compare(blok_differ *self, const blok_diff_constant *a,
                                                const blok_diff_constant *b, blok_diff_words *out);

// A hash of dims, type and elements.
BLOK_MUST_CHECK blok_status blok_differ_hash_constant(blok_differ *self,
                                                      const blok_diff_constant *constant,
                                                      uint64_t *out);

// ---- Attributes (diff_attributes.c) -------------------------------------------------------------

// Compares the attributes of a pair of nodes; pairs of graphs among them become frames.
BLOK_MUST_CHECK blok_status blok_differ_attributes(blok_differ *self, blok_diff_frame *frame,
                                                   blok_node_id a, blok_node_id b);

// ---- Interfaces (diff_interface.c) --------------------------------------------------------------

// The inputs that a caller feeds and the outputs of both models, their types, their operator sets.
BLOK_MUST_CHECK blok_status blok_differ_interfaces(blok_differ *self);

// ---- Hashes (diff_hash.c) -----------------------------------------------------------------------

BLOK_MUST_CHECK blok_status blok_differ_hash(blok_differ *self, blok_diff_frame *frame);
BLOK_MUST_CHECK blok_status blok_differ_hash_whole(blok_differ *self, blok_diff_frame *frame);

static inline uint64_t blok_diff_mix(uint64_t hash, uint64_t more) {
  hash ^= more + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2);
  hash *= 0xff51afd7ed558ccdu;
  return hash ^ (hash >> 32);
}
uint64_t blok_diff_hash_text(const char *text);

// True for operators whose inputs may change places.
bool blok_diff_commutes(const blok_node *node);

// ---- The walk (diff_walk.c, diff_pairs.c) -------------------------------------------------------

// A pair of graphs to be compared: its outputs go onto the stack. *out may be NULL.
typedef struct blok_diff_graphs {
  const blok_graph *graph[SIDES];
  const blok_subgraph *captures[SIDES];  // NULL: not subgraphs
  const blok_opset *opsets[SIDES];
  uint32_t n_opsets[SIDES];
  const char *where;
  uint32_t place;
} blok_diff_graphs;
BLOK_MUST_CHECK blok_status blok_differ_enter(blok_differ *self, blok_diff_frame *outer,
                                              const blok_diff_graphs *graphs,
                                              blok_diff_frame **out);
BLOK_MUST_CHECK blok_status blok_differ_push(blok_differ *self, blok_diff_frame *frame,
                                             blok_value_id a, blok_value_id b,
                                             const blok_diff_reader *reader);
// Takes tasks until none is left.
BLOK_MUST_CHECK blok_status blok_differ_walk(blok_differ *self);

// The function that node calls, NULL when it calls none.
const blok_function *blok_differ_function(const blok_differ *self, int side, const blok_node *node);

// The value that feeds value's producer first among those that are no constants; none: no node
// makes it, or it reads only constants.
blok_value_id blok_differ_above(const blok_differ *self, const blok_graph *graph,
                                blok_value_id value);

// The value itself, or in working graphs what an Identity hands on.
blok_value_id blok_differ_resolve(const blok_differ *self, const blok_graph *graph,
                                  blok_value_id value);

// True when both are one operator, or call functions.
bool blok_differ_same_op(const blok_differ *self, const blok_diff_frame *frame, blok_node_id a,
                         blok_node_id b);

// What makes a value, in words: "Relu node 'r'", "input 'x'".
blok_diff_label blok_differ_origin(const blok_diff_frame *frame, int side, blok_value_id value);

// Who reads it: "input 1 of Add node 'z'", "output 0".
blok_diff_label blok_differ_reader(const blok_diff_reader *reader);

// Says that a value comes from another place.
BLOK_MUST_CHECK blok_status blok_differ_say_wiring(blok_differ *self, const blok_diff_task *task,
                                                   blok_value_id a, blok_value_id b);

// A pair of nodes of one operator: attributes, outputs, and the inputs as new tasks.
BLOK_MUST_CHECK blok_status blok_differ_pair(blok_differ *self, blok_diff_frame *frame,
                                             blok_node_id a, blok_node_id b);

// A pair of values that are made in different ways: finds where both graphs meet again, says what
// stands between, and goes on from there.
BLOK_MUST_CHECK blok_status blok_differ_meet(blok_differ *self, const blok_diff_task *task);

#endif  // BLOK_API_DIFF_PARTS_H
