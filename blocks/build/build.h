// The builder's inside: a module that grows, and what is known of each of its values.
//
// Nodes that the builder makes are written in the newest operator set (node->opset says so where
// the module's is another), so that inference knows them at once; finishing brings them to the
// module's own set (passes/downgrade.h). Nodes that came with a model stay as they were imported.
#ifndef BLOK_BLOCKS_BUILD_BUILD_H
#define BLOK_BLOCKS_BUILD_BUILD_H

#include <blok/build.h>

#include "base/text.h"
#include "blocks/blocks.h"
#include "blocks/write.h"
#include "graph/infer.h"
#include "passes/facts.h"

// What is known of the graph as it stands: made when an edit asks for it, dropped by every change.
typedef struct blok_build_view {
  blok_module *working;  // sources: handles of the builder's module
  blok_facts *facts;
  blok_overlay *overlay;
} blok_build_view;

struct blok_builder {
  blok_allocator allocator;
  blok_limits limits;  // resolved
  blok_arena arena;    // of the builder's own texts
  blok_module *module;
  blok_graph *graph;  // module->graph
  const char *name;   // in messages
  int64_t opset;      // that the finished model has
  bool from_model;  // the module came with a model; else it is in the newest set until it is taken
  uint64_t seed;
  blok_naming naming;
  bool shares;  // a weight asked for under a name that one has already is that one, where the dims
                // agree: set while levels get one head (blocks/nets/heads.c)
  blok_names taken;  // names of the graph's nodes (0) and values (their handles)
  blok_facts_options facts_options;
  blok_facts *facts;  // of the graph's values
  uint32_t n_weights, cap_weights;
  blok_value_id *weights;  // in the order in which they were made
  // By place in graph->outputs: what the value was called before blok_build_output gave it another
  // name; NULL where it did not.
  uint32_t cap_was;
  const char **was;
  blok_build_view view;
  struct blok_build_saved *saved;  // what blok_builder_try_begin put aside, the newest first
};

// A builder of an empty graph (module NULL), or of *module, which it takes over (*module is NULL
// afterwards, whatever the status). options NULL: defaults.
BLOK_MUST_CHECK blok_status blok_builder_begin(const blok_builder_options *options,
                                               blok_module **module, blok_builder **out,
                                               blok_error *error);

// Brings all nodes to the builder's operator set, checks that the graph is whole, and hands it over
// in *out. blok_builder_taken must follow, with what became of it: BLOK_OK frees the builder, a
// failure makes it what it was. Where this itself fails the builder is as it was.
BLOK_MUST_CHECK blok_status blok_builder_take(blok_builder *builder, blok_module **out,
                                              blok_error *error);
void blok_builder_taken(blok_builder **builder, blok_status status);

// Working graph, facts and blocks of the builder's module as it stands. The view lives until the
// next change. *out is NULL on failure.
BLOK_MUST_CHECK blok_status blok_builder_look(blok_builder *builder, const blok_build_view **out,
                                              blok_error *error);

// To be called by whoever changed what was there before (added nodes need no more than
// blok_builder_infer): drops the view, takes names, weights and facts anew. A graph of which no
// working graph can be made is no failure: blok_builder_look says why.
BLOK_MUST_CHECK blok_status blok_builder_changed(blok_builder *builder, blok_error *error);
// Puts the names of all nodes and values, those of subgraphs included, into builder->taken.
BLOK_MUST_CHECK blok_status blok_builder_take_names(blok_builder *builder, blok_error *error);
void blok_builder_drop_view(blok_builder *builder);
void blok_builder_drop_state(blok_builder *builder);  // names, weights, facts

// ---- Undoing ------------------------------------------------------------------------------------

// Additions: a mark says how much there is, close takes off again what has been added since where
// status is a failure. Never fails itself; returns status. They nest. For calls that add values,
// nodes, weights, inputs and outputs and change nothing that was there before.
typedef struct blok_build_mark {
  uint32_t n_nodes, n_values, n_order, n_inputs, n_outputs, n_initializers, n_literals, n_weights;
  const blok_notes *notes;
} blok_build_mark;

blok_build_mark blok_builder_mark(const blok_builder *builder);
blok_status blok_builder_close(blok_builder *builder, const blok_build_mark *mark,
                               blok_status status);

// Changes of any kind: begin puts the module aside (*kept, for looking only) and goes on with an
// exact copy, weights shared, handles and view as they were. end frees what was put aside when
// status is BLOK_OK, after blok_builder_changed, and puts it back otherwise: then nothing has
// happened. Returns status, or what went wrong on the way. They nest.
BLOK_MUST_CHECK blok_status blok_builder_try_begin(blok_builder *builder, blok_module **kept,
                                                   blok_error *error);
blok_status blok_builder_try_end(blok_builder *builder, blok_module **kept, blok_status status,
                                 blok_error *error);
void blok_builder_throw_away(blok_builder *builder);  // frees the newest of what was put aside

// ---- For block calls and parts ------------------------------------------------------------------

// What every call begins with: clears error, refuses a builder, name or x that is NULL, a name that
// cannot be written, and a value that the graph does not have. call: "blok_build_conv". name and x:
// what the call takes; name may be "".
BLOK_MUST_CHECK blok_status blok_builder_enter(const blok_builder *builder, const char *call,
                                               const char *name, const blok_value_id *x,
                                               blok_error *error);
// The same for a call that takes neither.
BLOK_MUST_CHECK blok_status blok_builder_enter_bare(const blok_builder *builder, const char *call,
                                                    blok_error *error);
// BLOK_E_ARGUMENT for a name of a value or weight that is NULL, empty, or cannot be written.
BLOK_MUST_CHECK blok_status blok_builder_check_name(const char *call, const char *name,
                                                    blok_error *error);
// True for a value that the graph has.
bool blok_builder_has(const blok_builder *builder, blok_value_id value);

// A writer of nodes at the end of the graph, under the names of scope (which is copied), reading
// its own values. skip is none.
BLOK_MUST_CHECK blok_status blok_builder_writer(blok_builder *builder, const char *scope,
                                                blok_writer *out, blok_error *error);

// scope + "." + part, or the one of them that is not empty; in the module's arena.
BLOK_MUST_CHECK blok_status blok_builder_join(blok_builder *builder, const char *scope,
                                              const char *part, const char **out,
                                              blok_error *error);

// The fact of a value; never NULL.
const blok_fact *blok_builder_fact(const blok_builder *builder, blok_value_id value);
// Makes fact, whose memory must live as long as the builder, the value's own.
BLOK_MUST_CHECK blok_status blok_builder_learn(blok_builder *builder, blok_value_id value,
                                               const blok_fact *fact, blok_error *error);

// Type and dims of a constant, whose rank is BLOK_MAX_RANK at most.
BLOK_MUST_CHECK blok_status blok_builder_learn_literal(blok_builder *builder, blok_value_id value,
                                                       const blok_literal *literal,
                                                       blok_error *error);

// A copy of fact; nothing for what is no tensor.
BLOK_MUST_CHECK blok_status blok_builder_learn_copy(blok_builder *builder, blok_value_id value,
                                                    const blok_fact *fact, blok_error *error);

// Infers the nodes made since the order had first of them, and keeps their facts. They are written
// in the newest operator set.
BLOK_MUST_CHECK blok_status blok_builder_infer(blok_builder *builder, uint32_t first,
                                               blok_error *error);

// Infers, in their order, the nodes of whose outputs nothing is known yet and whose inputs are; one
// that fails stays unknown. *whole: all is known.
BLOK_MUST_CHECK blok_status blok_builder_learn_nodes(blok_builder *builder, bool *whole,
                                                     blok_error *error);

// To be called when the numbers of a constant are others than those that its fact was made of:
// infers again what follows from them. BLOK_E_ARGUMENT where a shape does; then nothing is new.
BLOK_MUST_CHECK blok_status blok_builder_renew(blok_builder *builder, blok_value_id constant,
                                               blok_error *error);

// Whether a node of op_type may be added in the form of operator set opset (0: the newest): it must
// be that of the newest set (*newest) or of the builder's.
BLOK_MUST_CHECK blok_status blok_builder_check_version(const blok_builder *builder,
                                                       const char *op_type, int64_t opset,
                                                       bool *newest, blok_error *error);
// The same as blok_builder_infer for a node in the form that it has in opset and the builder's set.
BLOK_MUST_CHECK blok_status blok_builder_infer_version(blok_builder *builder, blok_node_id node,
                                                       int64_t opset, blok_error *error);

// How a fresh weight's numbers are drawn.
typedef enum blok_draw {
  BLOK_DRAW_UNIFORM = 1,  // between -bound and bound
  BLOK_DRAW_CONSTANT = 2  // bound itself
} blok_draw;

// A float32 weight called name (unique unless the builder shares, or BLOK_E_ARGUMENT), drawn from
// the seed and its name.
BLOK_MUST_CHECK blok_status blok_builder_weight(blok_builder *builder, const char *name,
                                                uint32_t rank, const int64_t *dims, blok_draw draw,
                                                double bound, blok_value_id *out,
                                                blok_error *error);

// An initializer of the caller's elements (bytes of them are copied) called name, unique likewise.
BLOK_MUST_CHECK blok_status blok_builder_initializer(blok_builder *builder, const char *name,
                                                     const blok_tensor *tensor, blok_value_id *out,
                                                     blok_error *error);

// The caller's tensor: a known type, sizes that fit, elements that are there; *bytes of them.
// what and name: for the message.
BLOK_MUST_CHECK blok_status blok_builder_check_tensor(const char *what, const char *name,
                                                      const blok_tensor *tensor, size_t *bytes,
                                                      blok_error *error);

// ---- Names of weights ---------------------------------------------------------------------------

// A weight of a block: where its record keeps it, what it is called behind the block's name
// ("conv1.conv.weight"), and what it must be.
typedef struct blok_block_weight {
  const char *name;
  blok_value_id *at;  // in the record's weights
  uint32_t rank;
  int64_t dims[4];
  blok_draw draw;  // of a fresh one
  double bound;
} blok_block_weight;

// Lists the weights that record's descriptor calls for, in the order of PyTorch's state_dict, in
// arena. The record's weights (blok_conv_weights: one of a conv_norm_act, two of a squeeze_excite;
// blok_residual_weights) must be there and need hold nothing yet. None for other kinds.
BLOK_MUST_CHECK blok_status blok_block_weights(blok_naming naming, blok_block_record *record,
                                               blok_arena *arena, blok_block_weight **out,
                                               uint32_t *count, blok_error *error);

// ---- The four checks ----------------------------------------------------------------------------

// What PyTorch has for an activation's alpha and beta where nobody says them. Plain: one that is
// whole so; BLOK_E_ARGUMENT for a clip.
void blok_activation_defaults(blok_activation activation, double *alpha, double *beta);
BLOK_MUST_CHECK blok_status blok_activation_plain(blok_activation activation, blok_error *error);

// The channels of x, which must be a float32 picture [N, C, H, W] whose channels are known.
BLOK_MUST_CHECK blok_status blok_check_picture(const char *scope, const blok_fact *x,
                                               int32_t *channels, blok_error *error);

// status; the message of a failure gets scope put before it.
blok_status blok_describe_at(const char *scope, blok_status status, blok_error *error);

// The guide's checks of a descriptor on an input: shape, downsample, channel transition, norm and
// activation order. scope names the block. BLOK_E_SHAPE (shapes that do not meet) or
// BLOK_E_ARGUMENT (numbers that are none), with the check's name, both shapes, and what would mend
// it. Fills in what the descriptor leaves to x (channels of 0).
BLOK_MUST_CHECK blok_status blok_check_conv(const char *scope, const blok_fact *x,
                                            blok_conv_desc *desc, blok_error *error);
BLOK_MUST_CHECK blok_status blok_check_residual(const char *scope, const blok_fact *x,
                                                blok_residual_desc *desc, blok_error *error);
BLOK_MUST_CHECK blok_status blok_check_squeeze_excite(const char *scope, const blok_fact *x,
                                                      blok_se_desc *desc, blok_error *error);

#endif  // BLOK_BLOCKS_BUILD_BUILD_H
