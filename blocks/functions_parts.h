// How blocks become functions, in four steps that share what is declared here:
//
//   regions   which source nodes are a block's own, and where it begins and ends
//   bodies    a block's nodes in an order that names and files play no part in; equal bodies are
//             one form
//   names     what a form's parts go by, and its line of explanation
//   write     a function for each form, a call for each block
//
// Only the source graph is cut, and only where a cut changes nothing, so that what is written
// computes the same whatever the passes and the matchers have made of it.
#ifndef BLOK_BLOCKS_FUNCTIONS_PARTS_H
#define BLOK_BLOCKS_FUNCTIONS_PARTS_H

#include "blocks/functions.h"
#include "graph/functions.h"

// What a body consists of: a node, or the call of a block inside.
typedef struct blok_call_item {
  blok_node_id node;  // none for a call
  int32_t block;      // the block that is called; -1 for a node
} blok_call_item;

// A block on its way, by its index in the overlay. Nodes and values are the clone's.
typedef struct blok_call_block {
  bool made;        // becomes a call
  int32_t above;    // the innermost block around it that becomes one, -1: none
  uint32_t height;  // levels of calls inside
  uint32_t form;    // its function
  int32_t next;     // the next block of the same form, -1: none
  uint32_t place;   // in the order: where its call stands
  blok_value_id entry, exit;
  uint32_t n_nodes;
  blok_node_id *nodes;  // all its nodes, those of blocks inside included
  uint32_t n_items;
  blok_call_item *items;  // what its body consists of, producers first
  uint32_t n_outer;
  blok_value_id *outer;  // what its body reads from outside: the entry, then as items read it
} blok_call_block;

// A function to be: what blocks of equal bodies share.
typedef struct blok_call_form {
  int32_t first, last;          // its blocks, linked by next
  uint32_t n_outer;             // of each of them
  const blok_literal **inside;  // by outer value: equal in all calls, a constant of the body; or
                                // NULL: an input
  const char **item_names;      // by item
  const char **input_names;     // by outer value
  const char *name, *doc;
} blok_call_form;

typedef struct blok_calls {
  const blok_module *source;
  const blok_graph *working;
  const blok_overlay *overlay;
  blok_module *module;       // the clone
  blok_graph *graph;         // its main graph
  blok_functions functions;  // that it has already
  blok_arena scratch;
  blok_uses uses;  // of graph, before anything is changed
  blok_call_block *blocks;
  uint32_t n_forms, cap_forms;
  blok_call_form *forms;  // those that others call first
  blok_node_id *node_of;  // by node of source: the clone's
  uint32_t *named;        // by node: how many working nodes name it as a source
  int32_t *inner;         // by node: the innermost block that becomes a call, -1: none
  uint8_t *constant;      // by value: made from constants alone
  uint32_t *node_mark;    // by node, of use to one step at a time
  uint32_t *node_number;
  uint32_t *value_mark;  // by value
  uint32_t *value_number;
  uint32_t *place;     // by node: its place in the order
  bool sorted;         // the order is topological
  blok_node_id *list;  // room for all nodes, twice
  uint32_t *stack;
  blok_functions_report report;
  blok_error *error;
} blok_calls;

// True for a Constant node.
bool blok_calls_is_constant(const blok_node *node);

// Finds each block's nodes, exit and place among the blocks that become calls.
BLOK_MUST_CHECK blok_status blok_calls_regions(blok_calls *self);

// Finds items, outer values and forms.
BLOK_MUST_CHECK blok_status blok_calls_bodies(blok_calls *self);

// The item that makes value in block's body: the node, or the exit's producer of the block that is
// called; none for a value from outside.
blok_node_id blok_calls_maker(const blok_calls *self, int32_t block, blok_value_id value,
                              blok_call_item *item);

// Visits what an item reads, none for an input that is left out: its count, and each by place.
uint32_t blok_calls_reads(const blok_calls *self, const blok_call_item *item);
blok_value_id blok_calls_read(const blok_calls *self, const blok_call_item *item, uint32_t place);

// A text for each form that equal bodies share and others do not, in scratch.
BLOK_MUST_CHECK blok_status blok_calls_signature(blok_calls *self, int32_t block, const char **out);

// Names of functions, of their nodes and inputs, doc strings.
BLOK_MUST_CHECK blok_status blok_calls_names(blok_calls *self);

// "residual, post-activation, 3x3 /2, 16 > 32, projection": what all blocks of a form have in
// common.
BLOK_MUST_CHECK blok_status blok_calls_doc(blok_calls *self, blok_call_form *form);

// Puts functions and calls into the clone.
BLOK_MUST_CHECK blok_status blok_calls_write(blok_calls *self);

#endif  // BLOK_BLOCKS_FUNCTIONS_PARTS_H
