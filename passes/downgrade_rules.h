// The rules that write a node of the newest operator set in an older one: one row each in
// downgrade.c, the way back of upgrade.h.
#ifndef BLOK_PASSES_DOWNGRADE_RULES_H
#define BLOK_PASSES_DOWNGRADE_RULES_H

#include "graph/graph.h"
#include "graph/infer.h"
#include "passes/driver.h"

// Which values of a graph were read or given out before it was changed.
typedef struct blok_read_before {
  uint32_t n;
  uint8_t *read;     // by value handle, of the module's allocator
  uint32_t n_nodes;  // nodes of later handles are new
} blok_read_before;

// A node on its way down. Rules change it in place; nodes that they make stand before it, in the
// form that the target has.
typedef struct blok_downgrading {
  blok_graph *graph;
  blok_node_id node;
  int64_t opset;            // the target
  const blok_facts *facts;  // of the graph's values; NULL: nothing is known
  const blok_read_before *before;
} blok_downgrading;

typedef blok_status (*blok_downgrade_fn)(blok_downgrading *self, blok_error *error);

// True when the form of op_type (of the default domain) differs between two operator sets, so that
// a node must be changed to go from one to the other.
bool blok_downgrade_crosses(const char *op_type, int64_t from, int64_t to);

// Runs the rules for the node, which is in the newest form, and keeps it at the end of the order.
BLOK_MUST_CHECK blok_status blok_downgrade_node(blok_downgrading *self, blok_error *error);

// Sees that the node, which has come to opset from set `from`, may stand there: attributes at the
// default that opset lacks are dropped, then the schema is compared. BLOK_E_UNSUPPORTED otherwise.
BLOK_MUST_CHECK blok_status blok_downgrade_settle(blok_downgrading *self, int64_t from,
                                                  blok_error *error);

// Notes it of the graph as it stands.
BLOK_MUST_CHECK blok_status blok_read_before_take(const blok_graph *graph, blok_read_before *out,
                                                  blok_error *error);
// False for a value that nobody read.
bool blok_was_read(const blok_read_before *before, blok_value_id value);
// Takes out what has lost its last reader since: nodes, constants, captures. What nobody read
// before stays, but for new nodes. New nodes whose name another has get one of their own. Subgraphs
// come first. order must be topological.
BLOK_MUST_CHECK blok_status blok_read_before_sweep(blok_graph *graph,
                                                   const blok_read_before *before,
                                                   blok_error *error);

// BLOK_E_ARGUMENT, with both limits, for a set that no model is written in.
BLOK_MUST_CHECK blok_status blok_downgrade_check(int64_t opset, blok_error *error);

// A graph of the module, with what is known of its values in their newest form, and who read them
// before anything was changed (read NULL: as the graph stands).
typedef struct blok_known_graph {
  blok_graph *graph;
  const blok_facts *facts;
  blok_read_before before;
} blok_known_graph;

// blok_downgrade with the facts of n graphs, bodies among them; those of others are inferred. A
// node of a set that is neither the newest nor the target stays as it is: where its form is not the
// target's it must have been upgraded before.
BLOK_MUST_CHECK blok_status blok_downgrade_known(blok_module *module, blok_known_graph *known,
                                                 uint32_t n, int64_t opset, blok_error *error);

// Writes into the module that its default domain is of opset, and the IR version that belongs to
// it: at least that, and just that where came_down. Below IR 4 initializers are listed as inputs,
// and those of subgraphs become Constant nodes.
BLOK_MUST_CHECK blok_status blok_downgrade_stamp(blok_module *module, int64_t opset, bool came_down,
                                                 blok_error *error);

// ---- For rules: asking --------------------------------------------------------------------------

// "Pad node 'x' cannot be written in operator set 9: " + text. BLOK_E_UNSUPPORTED.
blok_status blok_down_fail(const blok_downgrading *self, blok_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

blok_node *blok_down_node(const blok_downgrading *self);
blok_value_id blok_down_input(const blok_downgrading *self, uint32_t slot);

// Facts of an input or of the first output; never NULL.
const blok_fact *blok_down_in(const blok_downgrading *self, uint32_t slot);
const blok_fact *blok_down_out(const blok_downgrading *self);

// Element type of a value, BLOK_UNDEFINED when it is not known.
blok_dtype blok_down_dtype(const blok_downgrading *self, blok_value_id value);
// The type of an input, which must be known and a float type.
BLOK_MUST_CHECK blok_status blok_down_float(const blok_downgrading *self, uint32_t slot,
                                            blok_dtype *out, blok_error *error);
// The number of an input's axes, which must be known.
BLOK_MUST_CHECK blok_status blok_down_rank(const blok_downgrading *self, uint32_t slot,
                                           uint32_t *out, blok_error *error);

// The elements of a small value that is known before any run; *out is NULL when they are not.
BLOK_MUST_CHECK blok_status blok_down_tensor(const blok_downgrading *self, blok_value_id value,
                                             const blok_tensor **out, blok_error *error);
// The same as a list of integers (rank 0 or 1); *known is false when they are not.
typedef struct blok_down_list {
  bool known;
  uint32_t n;
  int64_t *values;
} blok_down_list;
BLOK_MUST_CHECK blok_status blok_down_ints(const blok_downgrading *self, uint32_t slot,
                                           blok_down_list *out, blok_error *error);

// The attribute axis, not negative; needs the rank of input 0 where it is.
BLOK_MUST_CHECK blok_status blok_down_axis(const blok_downgrading *self, int64_t fallback,
                                           int64_t *out, blok_error *error);
// Makes a list of axes not negative: needs the rank (-1: not known) where one is.
BLOK_MUST_CHECK blok_status blok_down_axes(const blok_downgrading *self, int32_t rank,
                                           int64_t *axes, uint32_t n, blok_error *error);

// ---- For rules: writing -------------------------------------------------------------------------

// A node before this one; *made may be NULL where no attributes follow.
BLOK_MUST_CHECK blok_status blok_down_make(blok_downgrading *self, const char *op_type, uint32_t n,
                                           const blok_value_id *inputs, blok_node_id *made,
                                           blok_value_id *out, blok_error *error);
// The same with one input, or two where b is not none.
BLOK_MUST_CHECK blok_status blok_down_before(blok_downgrading *self, const char *op_type,
                                             blok_value_id a, blok_value_id b, blok_value_id *out,
                                             blok_error *error);
// The node becomes another operator of these inputs, without attributes.
BLOK_MUST_CHECK blok_status blok_down_become(blok_downgrading *self, const char *op_type,
                                             blok_value_id a, blok_value_id b, blok_error *error);
// The node becomes a Constant of literal, which the module has; below 9, where only floats could be
// one, an initializer takes its place.
BLOK_MUST_CHECK blok_status blok_down_literal(blok_downgrading *self, blok_literal *literal,
                                              blok_error *error);
// The same of these elements.
BLOK_MUST_CHECK blok_status blok_down_constant(blok_downgrading *self, const blok_tensor *tensor,
                                               blok_error *error);
// A Constant node of these elements, floats, before this one.
BLOK_MUST_CHECK blok_status blok_down_constant_before(blok_downgrading *self,
                                                      const blok_tensor *tensor, blok_value_id *out,
                                                      blok_error *error);
// Cuts the inputs from keep on off, and those before it that are none at the end.
void blok_down_cut(blok_downgrading *self, uint32_t keep);
// Takes output slot away from the node, for another node to make; none when nobody asked for it.
blok_value_id blok_down_release(blok_downgrading *self, uint32_t slot);

// A scalar, a list of integers, a tensor of any type as an initializer.
BLOK_MUST_CHECK blok_status blok_down_number(blok_downgrading *self, const char *what,
                                             blok_dtype dtype, double value, blok_value_id *out,
                                             blok_error *error);
BLOK_MUST_CHECK blok_status blok_down_numbers(blok_downgrading *self, const char *what,
                                              blok_dtype dtype, uint32_t rank, const int64_t *dims,
                                              const void *elements, blok_value_id *out,
                                              blok_error *error);
// A list goes from input slot into the attribute called name.
BLOK_MUST_CHECK blok_status blok_down_to_attr(blok_downgrading *self, uint32_t slot,
                                              const char *name, blok_error *error);

BLOK_MUST_CHECK blok_status blok_down_cast(blok_downgrading *self, blok_value_id x, blok_dtype to,
                                           blok_value_id *out, blok_error *error);
BLOK_MUST_CHECK blok_status blok_down_transpose(blok_downgrading *self, blok_value_id x,
                                                const int64_t *perm, uint32_t rank,
                                                blok_value_id *out, blok_error *error);
BLOK_MUST_CHECK blok_status blok_down_reshape(blok_downgrading *self, blok_value_id x,
                                              const int64_t *shape, uint32_t n, blok_value_id *out,
                                              blok_error *error);
// ReduceMean and its like over axes, which stay as axes of length 1.
BLOK_MUST_CHECK blok_status blok_down_reduce(blok_downgrading *self, const char *op_type,
                                             blok_value_id x, const int64_t *axes, uint32_t n,
                                             blok_value_id *out, blok_error *error);
BLOK_MUST_CHECK blok_status blok_down_unsqueeze(blok_downgrading *self, blok_value_id x,
                                                const int64_t *axes, uint32_t n, blok_value_id *out,
                                                blok_error *error);
// Max or Min of two values of type dtype that broadcast.
BLOK_MUST_CHECK blok_status blok_down_extreme(blok_downgrading *self, const char *op_type,
                                              blok_value_id a, blok_value_id b, blok_dtype dtype,
                                              blok_value_id *out, blok_error *error);

// ---- The rules ----------------------------------------------------------------------------------

#define DOWNGRADE(function) blok_status blok_downgrade_##function(blok_downgrading *, blok_error *)
DOWNGRADE(axis);
DOWNGRADE(batch_norm);
DOWNGRADE(branches);
DOWNGRADE(cast_like);
DOWNGRADE(celu);
DOWNGRADE(clip);
DOWNGRADE(constant);
DOWNGRADE(constant_of_shape);
DOWNGRADE(depth_space);
DOWNGRADE(dropout);
DOWNGRADE(equal);
DOWNGRADE(expand);
DOWNGRADE(extreme);
DOWNGRADE(flatten);
DOWNGRADE(gather);
DOWNGRADE(gelu);
DOWNGRADE(gemm);
DOWNGRADE(group_norm);
DOWNGRADE(hard_swish);
DOWNGRADE(layer_norm);
DOWNGRADE(mish);
DOWNGRADE(or_equal);
DOWNGRADE(pad);
DOWNGRADE(pool);
DOWNGRADE(pow);
DOWNGRADE(reduce);
DOWNGRADE(reshape);
DOWNGRADE(resize);
DOWNGRADE(scatter);
DOWNGRADE(shape);
DOWNGRADE(slice);
DOWNGRADE(softmax);
DOWNGRADE(split);
DOWNGRADE(squeeze);
DOWNGRADE(sum);
DOWNGRADE(swish);
DOWNGRADE(thresholded);
DOWNGRADE(top_k);
DOWNGRADE(trilu);
DOWNGRADE(where);
#undef DOWNGRADE

#endif  // BLOK_PASSES_DOWNGRADE_RULES_H
