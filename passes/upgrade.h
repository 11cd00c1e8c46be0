// The rules that bring a node of an old operator version to the newest: one row each in upgrade.c.
#ifndef BLOK_PASSES_UPGRADE_H
#define BLOK_PASSES_UPGRADE_H

#include "graph/graph.h"
#include "graph/infer.h"
#include "passes/driver.h"

// A node on its way up. Rules change it in place and may make nodes before it (blok_rewrite_node
// appends to the new order, which ends just before the node) or after it (blok_upgrade_place
// first).
typedef struct blok_upgrade {
  blok_graph *graph;
  blok_node_id node;
  int64_t version;          // the operator's since_version that the node was written for
  const blok_facts *facts;  // NULL unless a rule of the graph asks for them
  const blok_uses *uses;    // of the graph before any change
  bool placed;              // the node stands in the new order already
} blok_upgrade;

typedef blok_status (*blok_upgrade_fn)(blok_upgrade *upgrade, blok_error *error);

// Runs every rule that concerns the node.
BLOK_MUST_CHECK blok_status blok_upgrade_node(blok_upgrade *upgrade, blok_error *error);

// True when a rule that concerns (op_type, version) needs to know ranks or element types.
bool blok_upgrade_needs_facts(const char *op_type, int64_t version);

// True when a rule stands between two operator sets, so that a node of the older one must be
// changed to go to the newer one.
bool blok_upgrade_crosses(const char *op_type, int64_t from, int64_t to);

// True for an operator of ops.def, and for one that a rule turns into such (Scatter,
// Upsample).
bool blok_upgrade_knows(const blok_node *node);

// ---- For rules ----------------------------------------------------------------------------------

// Puts the node at the end of the new order, so that nodes made from now on follow it.
BLOK_MUST_CHECK blok_status blok_upgrade_place(blok_upgrade *upgrade, blok_error *error);

// "Pad node 'x' (version 2): " + text.
blok_status blok_upgrade_fail(const blok_upgrade *upgrade, blok_error *error, blok_status status,
                              const char *format, ...) __attribute__((format(printf, 4, 5)));

// Facts of an input; never NULL.
const blok_fact *blok_upgrade_in(const blok_upgrade *upgrade, uint32_t slot);

// The list of integers goes from attribute name to input slot. No attribute: nothing happens.
BLOK_MUST_CHECK blok_status blok_upgrade_ints(blok_upgrade *upgrade, const char *name,
                                              uint32_t slot, blok_error *error);

// The number goes from attribute name to input slot as a scalar of the type of input 0.
BLOK_MUST_CHECK blok_status blok_upgrade_number(blok_upgrade *upgrade, const char *name,
                                                uint32_t slot, blok_error *error);

// Puts a node before this one: op_type of (a, b or none) gives *out.
BLOK_MUST_CHECK blok_status blok_upgrade_before(blok_upgrade *upgrade, const char *op_type,
                                                blok_value_id a, blok_value_id b,
                                                blok_value_id *out, blok_error *error);

#define UPGRADE(function) blok_status blok_upgrade_##function(blok_upgrade *, blok_error *)
UPGRADE(broadcast);
UPGRADE(batch_norm);
UPGRADE(cast);
UPGRADE(clip);
UPGRADE(concat);
UPGRADE(dropout);
UPGRADE(gemm);
UPGRADE(group_norm);
UPGRADE(pad);
UPGRADE(prelu);
UPGRADE(reduce);
UPGRADE(reshape);
UPGRADE(resize10);
UPGRADE(resize);
UPGRADE(scatter);
UPGRADE(scan);
UPGRADE(selu);
UPGRADE(slice);
UPGRADE(softmax);
UPGRADE(split);
UPGRADE(squeeze);
UPGRADE(tile);
UPGRADE(top_k);
UPGRADE(upsample);
#undef UPGRADE

#endif  // BLOK_PASSES_UPGRADE_H
