// What the passes that find norms share: the node that alone goes on with a value, the numbers of a
// channel that it is multiplied by or that are added, and a pattern of nodes that becomes one.
#ifndef BLOK_PASSES_NORM_PARTS_H
#define BLOK_PASSES_NORM_PARTS_H

#include "graph/graph.h"
#include "passes/driver.h"

#define BLOK_PATTERN_NODES 12

// A norm as the nodes that spell it, and what it comes to. The last node stays in the order as the
// place of what is written instead.
typedef struct blok_norm_pattern {
  uint32_t n_nodes;
  blok_node_id nodes[BLOK_PATTERN_NODES];  // without repeats
  blok_value_id x, out;
  int64_t channels;
  blok_value_id scale, shift;  // constants of one number a channel; none: 1 and 0
  int64_t groups;              // of a group norm
  bool across;                 // a layer norm over axis 1 rather than the last one
  float epsilon;
} blok_norm_pattern;

typedef struct blok_norm_search {
  blok_graph *graph;
  const blok_facts *facts;
  blok_uses uses;  // before any change
  blok_arena *arena;
} blok_norm_search;

// Adds a node; false when there is no room.
bool blok_pattern_add(blok_norm_pattern *pattern, blok_node_id node);
// True when all values that the nodes make, pattern->out aside, are read by the nodes alone.
bool blok_pattern_private(const blok_norm_search *self, const blok_norm_pattern *pattern);

// The node of this operator that makes value; none otherwise.
blok_node_id blok_pattern_maker(const blok_norm_search *self, blok_value_id value, blok_op op);

// The input of a node of two inputs beside a float32 constant of `channels` numbers along axis of
// its result, none other than 1 long; none when there is no such constant or the result has another
// shape than that input.
blok_value_id blok_pattern_beside(const blok_norm_search *self, const blok_node *node,
                                  uint32_t axis, int64_t channels, blok_value_id *constant);

// Takes the multiplication and the addition that alone follow pattern->out, either or both missing.
// False when there is no room.
bool blok_pattern_affine(const blok_norm_search *self, uint32_t axis, blok_norm_pattern *pattern);

// A list of the constant's numbers, or of as many times `fill` where it is none.
BLOK_MUST_CHECK blok_status blok_pattern_numbers(const blok_norm_search *self,
                                                 const blok_norm_pattern *pattern,
                                                 blok_value_id constant, float fill,
                                                 const char *stem, blok_value_id *out,
                                                 blok_error *error);

// The search for one kind of norm: reads the pattern that the node is in, where the node is the one
// that the kind is found by; writes it anew, at the end of the order.
typedef bool (*blok_norm_read_fn)(const blok_norm_search *self, blok_node_id node,
                                  blok_norm_pattern *out);
typedef blok_status (*blok_norm_write_fn)(const blok_norm_search *self,
                                          const blok_norm_pattern *pattern, blok_error *error);

// Every pattern of the graph becomes what write makes of it.
BLOK_MUST_CHECK blok_status blok_norms_respell(blok_graph *graph, blok_facts *facts,
                                               blok_op found_by, blok_norm_read_fn read,
                                               blok_norm_write_fn write, blok_error *error);

#endif  // BLOK_PASSES_NORM_PARTS_H
