// Blocks written as nodes: from the descriptor and the weight values of a record alone, whatever
// nodes it was found in.
//
// conv_norm_act, squeeze_excite, residual, bottleneck and inverted_bottleneck are written whole. Of
// a residual_other the skip path, the addition and what stands behind it are written; F stays the
// region of nodes that it is, and so does a gate: blocks inside them are written in their turn.
//
// Each activation is one operator of the newest operator set. Nodes go by the block's name,
// "layer1.0/conv1/Conv", so that what is matched again goes by it too.
#ifndef BLOK_BLOCKS_WRITE_H
#define BLOK_BLOCKS_WRITE_H

#include "blocks/blocks.h"

// A clone of a working graph's module in which the members of every block have been removed and its
// nodes written anew. Storages are shared. facts and overlay are of the module's main graph. The
// clone's is sorted, holds nothing that no output needs, and its nodes' handles follow its order,
// as in a graph that was imported. *out is NULL on failure.
BLOK_MUST_CHECK blok_status blok_blocks_write(const blok_module *module, const blok_facts *facts,
                                              const blok_overlay *overlay, blok_module **out,
                                              blok_error *error);

// Where the nodes of one block go: to the end of graph's order.
typedef struct blok_writer {
  blok_graph *graph;
  const blok_value_id *values;  // by handle of the matched graph: graph's value for it. NULL: the
                                // record names graph's own values
  blok_names *taken;            // names of graph's nodes and values; new ones are put in
  uint32_t next_name;           // the last number that told two names apart
  const char *scope;            // what the block's names begin with
  blok_dtype dtype;             // of the numbers that it needs
  blok_value_id skip;           // its skip path where that has been written; none otherwise
  blok_error *error;
  blok_value_id made;  // what the last block made: its exit where it has one
} blok_writer;

// Writes the block. What it reads must be there; its exit must have no producer, or be none.
// region_out of a residual_other is read as it is. Writes nothing for a gate.
BLOK_MUST_CHECK blok_status blok_write_block(blok_writer *writer, const blok_block_record *record);

// ---- Parts: each reads *value and leaves in it what it made -------------------------------------
// part is what the names have behind the block's: "conv1"; "" for none. Activations and norms that
// are none write nothing.

// A value of graph for one of the matched graph, none for none.
static inline blok_value_id blok_writer_value(const blok_writer *writer, blok_value_id value) {
  return writer->values ? writer->values[value.i] : value;
}

// stem, or stem + a number, whichever no node and no value has yet. stem must live as long as the
// graph.
BLOK_MUST_CHECK blok_status blok_write_name(blok_writer *writer, const char *stem,
                                            const char **out);

// A node of one output at the end of the order; inputs that are none at its end are left out. node
// may be NULL.
BLOK_MUST_CHECK blok_status blok_write_node(blok_writer *writer, const char *part,
                                            const char *op_type, uint32_t n,
                                            const blok_value_id *inputs, blok_value_id *value,
                                            blok_node_id *node);

// Constants: a number of rank 0, integers, float32 numbers, and value itself as an initializer of
// these dims (value when it has them already).
BLOK_MUST_CHECK blok_status blok_write_number(blok_writer *writer, const char *part,
                                              const char *what, double number,
                                              blok_value_id *value);
BLOK_MUST_CHECK blok_status blok_write_ints(blok_writer *writer, const char *part, const char *what,
                                            const int64_t *ints, uint32_t n, blok_value_id *value);
BLOK_MUST_CHECK blok_status blok_write_floats(blok_writer *writer, const char *part,
                                              const char *what, const float *floats, uint32_t n,
                                              blok_value_id *value);
BLOK_MUST_CHECK blok_status blok_write_shaped(blok_writer *writer, uint32_t rank,
                                              const int64_t *dims, blok_value_id *value);

// The convolution itself, without norm and activation.
BLOK_MUST_CHECK blok_status blok_write_conv(blok_writer *writer, const char *part,
                                            const blok_conv_desc *desc,
                                            const blok_conv_weights *weights, blok_value_id *value);
// A norm over axis 1 of [N, C, H, W]; groups: of a group norm. weights->norm holds scale and B, of
// a batch norm mean and var too; B of a layer norm may be none. A group norm of as many groups as
// channels is written as InstanceNormalization, a layer norm as LayerNormalization between two
// Transposes.
BLOK_MUST_CHECK blok_status blok_write_norm(blok_writer *writer, const char *part, blok_norm norm,
                                            int32_t groups, double epsilon,
                                            const blok_conv_weights *weights, blok_value_id *value);
typedef struct blok_written_act {
  blok_activation activation;
  double alpha, beta;
  blok_value_id slope;  // of a prelu, of graph
} blok_written_act;
BLOK_MUST_CHECK blok_status blok_write_activation(blok_writer *writer, const char *part,
                                                  const blok_written_act *act,
                                                  blok_value_id *value);

// prefix: what the parts' names begin with: "se" inside another block, "" otherwise.
BLOK_MUST_CHECK blok_status blok_write_squeeze_excite(blok_writer *writer, const char *prefix,
                                                      const blok_se_desc *desc,
                                                      const blok_conv_weights weights[2],
                                                      blok_value_id *value);

// The skip path of a block with an addition: *value becomes what it makes, its beginning where it
// is the identity. preact: what stands behind the first norm and activation of F in pre order.
BLOK_MUST_CHECK blok_status blok_write_skip(blok_writer *writer, const blok_block_record *record,
                                            blok_value_id preact, blok_value_id *value);

#endif  // BLOK_BLOCKS_WRITE_H
