// What the matchers share: the graph seen as units, and the records found so far.
//
// A unit is a small step from one value to another: a convolution, a norm, an activation (however
// many nodes spell it), a squeeze-excite, a multiplication by constants. Units overlap freely: the
// Sigmoid inside a SiLU is a unit of its own output. Matchers walk over units and never look at
// spellings.
//
// Cost: uses and units are made in one sweep each; every walk has a bounded number of steps, so
// that matching is linear in the graph, and nothing recurses.
#ifndef BLOK_BLOCKS_MATCHER_H
#define BLOK_BLOCKS_MATCHER_H

#include "blocks/blocks.h"

typedef enum blok_unit_kind {
  BLOK_UNIT_CONV = 1,
  BLOK_UNIT_NORM = 2,
  BLOK_UNIT_ACT = 3,
  BLOK_UNIT_SE = 4,
  BLOK_UNIT_SCALE = 5  // multiplied by a constant number, or by one number a channel
} blok_unit_kind;

#define BLOK_UNIT_NODES 10

typedef struct blok_unit {
  blok_unit_kind kind;
  blok_value_id in, out;
  uint32_t in_reads;  // how many slots of its nodes read in
  uint32_t n_nodes;   // 0 for a squeeze-excite: its record holds them
  blok_node_id nodes[BLOK_UNIT_NODES];
  const blok_conv_desc *conv;  // of a convolution, norm and activation empty
  blok_activation activation;  // of an activation
  double alpha, beta;          // of an activation; alpha: the number of a scale
  blok_value_id slope;         // of a prelu
  blok_value_id factor;        // of a scale: the constant
  blok_scale scale;            // of a scale
  blok_norm norm;              // of a norm
  int32_t norm_groups;         // of a group norm
  double epsilon;              // of a norm
  blok_value_id weights[4];    // of a norm: scale, B, of a batch norm mean and var too
  uint32_t record;             // of a squeeze-excite
} blok_unit;

// What stands in a node, a block or a region.
typedef enum blok_trait {
  BLOK_TRAIT_RESIZE = 1,      // Resize, Upsample, ConvTranspose: the picture grows
  BLOK_TRAIT_ACTIVATION = 2,  // or a gate: something that is not linear in x
  BLOK_TRAIT_CONV = 4,
  BLOK_TRAIT_PRODUCT = 8,  // Conv, ConvTranspose, Gemm, MatMul, Einsum, Attention
  BLOK_TRAIT_NORM = 16,
  BLOK_TRAIT_POOL = 32  // or a reduction over axes
} blok_trait;

// A value that is no constant, and how many slots of a block read it.
typedef struct blok_read {
  blok_value_id value;
  uint32_t reads;
} blok_read;

// What matching keeps of a record besides the record itself.
typedef struct blok_record_note {
  int32_t above;    // a record above it, on the way to the outermost; -1: it is the outermost
  uint32_t height;  // levels of blocks, itself and those that it may still get included
  uint32_t traits;  // of its members
  uint32_t n_reads;
  const blok_read *reads;  // what its members read from outside, entry included
} blok_record_note;

// Marks on values or nodes by handle, all taken off at once by a new epoch.
typedef struct blok_marks {
  uint32_t epoch;
  uint32_t *stamp;  // marked when it equals epoch
  uint32_t *at;     // what the mark says
} blok_marks;

typedef struct blok_matcher {
  const blok_graph *graph;
  const blok_facts *facts;
  blok_allocator allocator;
  blok_arena scratch;  // gone when matching is done
  blok_overlay *overlay;
  blok_uses uses;
  uint32_t *place;  // by node handle: its place in the order
  int32_t *owner;   // by node handle: the innermost record that holds it, -1: none
  uint32_t n_units, cap_units;
  blok_unit *units;     // item 0 is none
  uint32_t *unit_of;    // by value handle: the unit that makes it, 0: none
  uint32_t *reader_of;  // by value handle: the unit that is its only reader, 0: none
  uint32_t n_records, cap_records;
  blok_block_record **records;  // as found
  uint32_t cap_notes;
  blok_record_note *notes;  // by place in records
  uint32_t cap_misses;
  // By value handle: bits of the graph's inputs that the value is made from (the last bit is shared
  // by those from the 64th on), and of those whose elements it depends on: a shape taken of a value
  // depends on none.
  uint64_t *made_from, *tells_of;
  // By node handle: what blok_node_parameters, blok_node_macs and blok_node_traits give.
  uint64_t *parameters;
  int64_t *macs;
  uint8_t *traits;
  blok_marks value_marks, node_marks;  // scratch of one call
  struct blok_region_room *room;       // of region.c
  uint64_t steps;                      // that all searches for regions took, reads counted
} blok_matcher;

// Blocks nest no deeper than this; what would is left as it is, with a near miss. So the members of
// all records together stay linear in the graph.
#define BLOK_BLOCK_DEPTH 256

// Nodes gathered for a record, in the matcher's scratch memory.
typedef struct blok_members {
  blok_matcher *matcher;
  uint32_t n, capacity;
  bool failed;  // no memory: blok_record_add says so
  blok_node_id *nodes;
} blok_members;

// ---- The matcher (match.c) ----------------------------------------------------------------------

// Sets matcher up and finds the units; blok_matcher_close ends it, also when this fails. graph and
// facts must outlive it.
BLOK_MUST_CHECK blok_status blok_matcher_open(const blok_graph *graph, const blok_facts *facts,
                                              const blok_allocator *allocator,
                                              blok_matcher *matcher, blok_error *error);
void blok_matcher_close(blok_matcher *matcher);  // the overlay goes too where it is still there

// ---- Units (units.c, activations.c) -------------------------------------------------------------

// Finds convolutions, norms and activations.
BLOK_MUST_CHECK blok_status blok_units_find(blok_matcher *matcher, blok_error *error);
// Fills the unit if the node is the last one of a norm at inference, of constants: a
// BatchNormalization, GroupNormalization or InstanceNormalization, or a LayerNormalization over the
// channels, which stands between two Transposes. (norms.c)
bool blok_norm_read(const blok_matcher *matcher, blok_node_id node, blok_unit *unit);
// In a source graph: an InstanceNormalization of channels that a Reshape has put into groups, by
// scale 1 and shift 0. Exporters spell a group norm so, whose own scale and shift follow. (norms.c)
bool blok_spells_groups(const blok_graph *graph, const blok_node *node);
// Adds one that a matcher found.
BLOK_MUST_CHECK blok_status blok_unit_add(blok_matcher *matcher, const blok_unit *unit,
                                          blok_error *error);
// Fills the unit if the node is the last one of an activation.
bool blok_activation_read(const blok_matcher *matcher, blok_node_id node, blok_unit *unit);
// The same for one that is spelled in several nodes; unit holds what blok_activation_read has set.
// (spelled.c)
bool blok_activation_spelled(const blok_matcher *matcher, blok_node_id node, blok_unit *unit);

// NULL for index 0.
static inline const blok_unit *blok_unit_at(const blok_matcher *matcher, uint32_t index) {
  return index ? &matcher->units[index] : NULL;
}
// The unit that makes value, of this kind; NULL otherwise.
const blok_unit *blok_unit_making(const blok_matcher *matcher, blok_value_id value,
                                  blok_unit_kind kind);
// The unit of this kind that alone reads value; NULL otherwise.
const blok_unit *blok_unit_reading(const blok_matcher *matcher, blok_value_id value,
                                   blok_unit_kind kind);

// True when exactly `reads` slots read value and it is no graph output.
bool blok_only_read(const blok_matcher *matcher, blok_value_id value, uint32_t reads);
// The single number that a constant holds; false when it is no constant of one number.
bool blok_constant_number(const blok_matcher *matcher, blok_value_id value, double *out);
// The same of an input of a node of two, where it leaves the other input's rank as it is.
bool blok_number_beside(const blok_matcher *matcher, const blok_node *node, uint32_t slot,
                        double *out);
// True when a is what an f32 holds of b.
bool blok_fits_number(double a, double b);

// ---- Records (records.c) ------------------------------------------------------------------------

void blok_members_begin(blok_matcher *matcher, blok_members *members);
void blok_members_add(blok_members *members, blok_node_id node);
void blok_members_add_unit(blok_members *members, const blok_unit *unit);
// Puts what was gathered into execution order; without memory, members is failed.
void blok_members_sort(blok_members *members);
// True when no block holds any of unit's nodes (a squeeze-excite: when no block holds it).
bool blok_unit_free(const blok_matcher *matcher, const blok_unit *unit);
// True when no block holds any of unit's nodes (*home is then -1), or one that keeps nodes holds
// all of them as its own (a residual_other, a gate): *home is then its place in records, and a
// block of the unit becomes its child.
bool blok_unit_home(const blok_matcher *matcher, const blok_unit *unit, int32_t *home);
// The outermost block that holds the node, -1: none. Amortised to a constant.
int32_t blok_outermost(const blok_matcher *matcher, blok_node_id node);

// Adds a record: copies *record and what it points to, fills members, parameters and MACs, and
// makes it the owner of those of its nodes that no child of it holds. Children are added after
// their parent, or were found before it and get it as parent then (blok_record_adopt). *index is
// its place in records.
BLOK_MUST_CHECK blok_status blok_record_add(blok_matcher *matcher, const blok_block_record *record,
                                            blok_members *members, uint32_t *index,
                                            blok_error *error);

// True when the record at child may get a parent: the tree stays within BLOK_BLOCK_DEPTH levels.
// Squeeze-excites always may.
bool blok_record_fits(const blok_matcher *matcher, uint32_t child);
// Makes the record at parent the parent of the one at child, which had none.
void blok_record_adopt(blok_matcher *matcher, uint32_t child, uint32_t parent);

// A conv_norm_act of units, any of norm and act NULL. Pre order: both stand before the convolution.
BLOK_MUST_CHECK blok_status blok_record_conv(blok_matcher *matcher, int32_t parent,
                                             const blok_unit *conv, const blok_unit *norm,
                                             const blok_unit *act, bool pre, blok_error *error);
// The descriptor and the weights of the same.
blok_conv_desc blok_conv_described(const blok_unit *conv, const blok_unit *norm,
                                   const blok_unit *act);
blok_conv_weights blok_conv_weighed(const blok_matcher *matcher, const blok_unit *conv,
                                    const blok_unit *norm, const blok_unit *act);

// "'relu_1' is a graph output", "... is read elsewhere too": what is told of an inner value.
typedef struct blok_shared_words {
  char text[300];
} blok_shared_words;
blok_shared_words blok_shared_say(const blok_matcher *matcher, blok_value_id value);

// Notes a near miss; the texts are copied.
BLOK_MUST_CHECK blok_status blok_miss_add(blok_matcher *matcher, blok_block_kind kind,
                                          blok_node_id node, const char *condition, const char *got,
                                          const char *want, blok_error *error);

// What a record goes by, in the overlay's arena; never empty. NULL: no memory. (scope.c)
const char *blok_scope_name(const blok_matcher *matcher, const blok_block_record *record);
// Gives siblings in the finished overlay different names where their nodes tell them apart.
BLOK_MUST_CHECK blok_status blok_scope_tell_apart(blok_matcher *matcher, blok_error *error);

// Trainable numbers that a node's input slots hold. (count.c)
uint64_t blok_node_parameters(const blok_graph *graph, blok_node_id node);
// The blok_trait bits of a node. (region.c)
uint8_t blok_node_traits(const blok_graph *graph, blok_node_id node);

// ---- Matchers: one for each row of blocks.def that names one ------------------------------------

typedef blok_status (*blok_match_fn)(blok_matcher *matcher, blok_error *error);

BLOK_MUST_CHECK blok_status blok_match_squeeze_excite(blok_matcher *matcher, blok_error *error);
BLOK_MUST_CHECK blok_status blok_match_gate(blok_matcher *matcher, blok_error *error);
BLOK_MUST_CHECK blok_status blok_match_addition(blok_matcher *matcher, blok_error *error);
BLOK_MUST_CHECK blok_status blok_match_inverted_bottleneck(blok_matcher *matcher,
                                                           blok_error *error);
BLOK_MUST_CHECK blok_status blok_match_conv_norm_act(blok_matcher *matcher, blok_error *error);

#endif  // BLOK_BLOCKS_MATCHER_H
