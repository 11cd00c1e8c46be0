// What the edits share: one change to a builder's module, undone when it fails, and what is known
// of the graph before it.
//
// An edit works on the source graph. It finds what it changes by name: a value of the working graph
// that the source graph has under the same name means the same there. What was needed before the
// edit and is needed no more goes at its end; what nothing needed before stays.
#ifndef BLOK_BLOCKS_EDIT_EDIT_H
#define BLOK_BLOCKS_EDIT_EDIT_H

#include <blok/edit.h>

#include "base/text.h"
#include "blocks/blocks.h"
#include "blocks/build/build.h"

typedef struct blok_editing {
  blok_builder *builder;
  blok_graph *graph;           // the builder's
  blok_module *kept;           // what is put back on failure
  blok_arena scratch;          // until the edit ends
  blok_build_view view;        // taken over from the builder; empty until blok_editing_look
  blok_names values;           // live values of graph by name, as they were when that was made
  uint32_t n_nodes, n_values;  // when the edit began
  const uint8_t *needed_nodes, *needed_values;  // at that time, by handle
  bool sweeps_all;                              // what nothing needed before goes too
  bool checked;                                 // that the graph as it is now can be run
  blok_error local;
  blok_error *error;
} blok_editing;

// ---- One edit -----------------------------------------------------------------------------------

// After begin, end follows whatever the status. On success end takes out what is needed no more,
// sorts, and has the builder learn the graph anew; otherwise it puts the old module back and the
// builder's name before the message. It returns status, or what went wrong on the way.
BLOK_MUST_CHECK blok_status blok_editing_begin(blok_builder *builder, blok_editing *editing,
                                               blok_error *error);
blok_status blok_editing_end(blok_editing *editing, blok_status status);

// Fills view and values. The view stays as it is while the graph is changed.
BLOK_MUST_CHECK blok_status blok_editing_look(blok_editing *editing);

// The same; where a block begins or ends inside a local function, functions are inlined first.
BLOK_MUST_CHECK blok_status blok_editing_look_inside(blok_editing *editing);

// blok_editing_look where a working graph can be made; where it cannot, only values are filled.
BLOK_MUST_CHECK blok_status blok_editing_try_look(blok_editing *editing);

// Inlines all functions, then looks.
BLOK_MUST_CHECK blok_status blok_editing_inline(blok_editing *editing);

// Fills values alone.
BLOK_MUST_CHECK blok_status blok_editing_name(blok_editing *editing);

// ---- Finding ------------------------------------------------------------------------------------

// graph's live value of that name, none when there is none.
blok_value_id blok_editing_value(const blok_editing *editing, const char *name);

// What the view knows of graph's value, by its name; NULL: nothing.
const blok_fact *blok_editing_fact(const blok_editing *editing, blok_value_id value);

// The record that goes by name ("name#2": the second of them), -1: none. kinds: bits 1 << kind that
// are preferred where several go by it.
int32_t blok_editing_block(const blok_editing *editing, const char *name, uint32_t kinds);

// BLOK_E_NOT_FOUND: "there is no block 'x'; near it: 'y', 'z'".
blok_status blok_editing_no_block(const blok_editing *editing, const char *name);
blok_status blok_editing_no_value(const blok_editing *editing, const char *what, const char *name);

// ---- What is needed -----------------------------------------------------------------------------

// Takes out nodes and initializers that were needed when the edit began, or were made since, and
// that neither an output nor one of roots needs now. Names in builder->taken are those of what is
// left.
BLOK_MUST_CHECK blok_status blok_editing_sweep(blok_editing *editing, const blok_value_id *roots,
                                               uint32_t n_roots);

// Takes value, an initializer, off the graph's lists.
void blok_editing_drop_weight(blok_editing *editing, blok_value_id value);

// ---- Changing -----------------------------------------------------------------------------------

// Takes the output away from the node that makes value: the node gets a fresh one in its place. So
// value can be made by another. Identities before value go the same way: who reads what they hand
// on reads value then.
BLOK_MUST_CHECK blok_status blok_editing_detach(blok_editing *editing, blok_value_id value);
// The same without the Identities.
BLOK_MUST_CHECK blok_status blok_editing_part(blok_editing *editing, blok_value_id value);

// Nodes from place first of the order on are in the newest operator set.
void blok_editing_newest(blok_editing *editing, uint32_t first);

// Drops what the file declares of inner values; with outputs the shapes of outputs too.
BLOK_MUST_CHECK blok_status blok_editing_forget_types(blok_editing *editing, bool outputs);

// The same for what comes after node alone: values that are made from its outputs.
BLOK_MUST_CHECK blok_status blok_editing_forget_after(blok_editing *editing, blok_node_id node);

// Sorts, looks at the graph as it is now, and declares the outputs as inference knows them.
BLOK_MUST_CHECK blok_status blok_editing_declare_outputs(blok_editing *editing);

// The tensor type that a fact gives, in the module's arena; NULL: no memory.
blok_type *blok_editing_type(blok_editing *editing, const blok_fact *fact);

// ---- Constants (constants.c) --------------------------------------------------------------------

// The constant that value is: an initializer's, a Constant node's, through Identities; NULL: none.
// where: the value that holds it, an initializer or a Constant node's output; may be NULL.
const blok_literal *blok_editing_literal(const blok_graph *graph, blok_value_id value,
                                         blok_value_id *where);

// Its elements as doubles in scratch memory; BLOK_E_UNSUPPORTED for a type that is no float.
BLOK_MUST_CHECK blok_status blok_editing_read(blok_editing *editing, const blok_literal *literal,
                                              double **out, size_t *count);

// Its elements as integers in scratch memory, *out NULL for another type.
BLOK_MUST_CHECK blok_status blok_editing_read_ints(blok_editing *editing,
                                                   const blok_literal *literal, int64_t **out,
                                                   size_t *count);

// A new initializer of dtype, rounded from doubles; called stem, or stem and a number.
BLOK_MUST_CHECK blok_status blok_editing_write(blok_editing *editing, const char *stem,
                                               blok_dtype dtype, uint32_t rank, const int64_t *dims,
                                               const double *elements, blok_value_id *out);
BLOK_MUST_CHECK blok_status blok_editing_write_ints(blok_editing *editing, const char *stem,
                                                    const int64_t *ints, uint32_t n,
                                                    blok_value_id *out);

// Puts these elements in the place of what the initializer value holds, under its name.
BLOK_MUST_CHECK blok_status blok_editing_fill(blok_editing *editing, blok_value_id value,
                                              blok_dtype dtype, uint32_t rank, const int64_t *dims,
                                              const double *elements);

// A weight of dtype drawn from the builder's seed under name, or name and a number where that is
// taken.
BLOK_MUST_CHECK blok_status blok_editing_draw(blok_editing *editing, const char *name,
                                              blok_dtype dtype, uint32_t rank, const int64_t *dims,
                                              blok_draw draw, double bound, blok_value_id *out);

// A name that nothing has: stem, or stem and a number. It is taken then.
BLOK_MUST_CHECK blok_status blok_editing_fresh(blok_editing *editing, const char *stem,
                                               const char **out);

// ---- Blocks written anew (replace.c) ------------------------------------------------------------

// A weight that is drawn anew: where the new record keeps it, and what it is.
typedef struct blok_fresh_weight {
  blok_block_weight weight;
  const char *name;  // whole
} blok_fresh_weight;

// A block that is to be written anew.
typedef struct blok_replacement {
  const blok_block_record *record;  // weights: handles of the view's working graph
  uint32_t n_fresh;
  blok_fresh_weight *fresh;
} blok_replacement;

// Writes each from its record alone, in the place of what makes its exit.
BLOK_MUST_CHECK blok_status blok_editing_replace(blok_editing *editing, uint32_t n,
                                                 const blok_replacement *replacements);

#endif  // BLOK_BLOCKS_EDIT_EDIT_H
