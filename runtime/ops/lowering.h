// Lowering: a region becomes steps, now that all shapes are numbers.
//
// Each row of lower.def names, for an operator, the function that lowers a region whose anchor is
// such a node. It looks at the region and the shapes; where it cannot do what the region asks it
// says so (*done stays false) before it has made anything, and the region is tried again without
// its addition, then node by node, and what still has no kernel runs by the reference interpreter.
// So a function needs to do only what it does well.
//
// Values and buffers. A value may stand in several forms at once: plain, blocked, or as another
// value with a scale for each channel still to be applied; sums over the pixels of each channel may
// stand beside it. A function asks for the form it wants, and a reorder step is added where the
// value is not there in that form yet. It makes its output in the form that suits it.
//
// Everything here lives in the shaped plan's arena. Nothing depends on the number of threads.
#ifndef BLOK_RUNTIME_OPS_LOWERING_H
#define BLOK_RUNTIME_OPS_LOWERING_H

#include "graph/infer.h"
#include "runtime/kernels/isa.h"
#include "runtime/ops/region.h"
#include "runtime/ops/step.h"

typedef struct blok_lowering blok_lowering;

// ---- What is known ------------------------------------------------------------------------------

const blok_isa *blok_lower_isa(const blok_lowering *lowering);
const blok_graph *blok_lower_graph(const blok_lowering *lowering);
// dtype, rank, dims and bytes of a value; data NULL. false: not known before the run, or no tensor.
// A region all of whose inputs and outputs are known is what lowering functions get.
bool blok_lower_shape(const blok_lowering *lowering, blok_value_id value, blok_tensor *shape);
// A value's fact: elements of small integer tensors. Never NULL.
const blok_fact *blok_lower_fact(const blok_lowering *lowering, blok_value_id value);
// True when the value is a literal of the graph.
bool blok_lower_is_constant(const blok_lowering *lowering, blok_value_id value);
// True when a later region alone decides that the value is read blocked (a convolution, say): a
// function without a preference of its own may make its output so.
bool blok_lower_prefers_blocked(const blok_lowering *lowering, blok_value_id value);

// Memory in the shaped plan's arena, zeroed; NULL: no memory.
void *blok_lower_alloc(blok_lowering *lowering, size_t count, size_t size);

// A constant's elements, native and dense, until the region is lowered: for looking at small ones
// (a scalar, a list of axes). Weights are read by packs instead.
BLOK_MUST_CHECK blok_status blok_lower_read(blok_lowering *lowering, blok_value_id value,
                                            blok_tensor *out, blok_error *error);
// The single number of a constant of one float or integer; false when it is none.
bool blok_lower_number(blok_lowering *lowering, blok_value_id value, double *out);

// ---- Packed weights -----------------------------------------------------------------------------

enum { BLOK_PACK_VALUES = 8, BLOK_PACK_NUMBERS = 8 };

// What tells one packed array from another, beside the set: the constants that it is made of, and
// numbers of the form (tile width, groups, bits of epsilon). Zero what is unused.
typedef struct blok_pack_key {
  const char *format;  // static: "conv panels"
  blok_value_id values[BLOK_PACK_VALUES];
  uint64_t numbers[BLOK_PACK_NUMBERS];
} blok_pack_key;

// Fills `bytes` bytes (zeroed, aligned to 64). values[i]: the elements of key->values[i] as they
// are in the model (any dtype), data NULL where the key has none.
typedef blok_status (*blok_pack_fn)(void *context, const blok_tensor *values, void *out,
                                    blok_error *error);

// The packed array of that key: from the model's pack store, filled now if it is not there. It
// lives as long as the shaped plan.
BLOK_MUST_CHECK blok_status blok_lower_pack(blok_lowering *lowering, const blok_pack_key *key,
                                            size_t bytes, blok_pack_fn fill, void *context,
                                            const void **out, blok_error *error);

// The usual arrays of an epilogue: bias, mul, slope or scale as floats by channel, padded with 0 to
// whole blocks. Constants of one number are repeated. norm folds to mul and bias:
// mul = scale / sqrt(var + epsilon), bias = B - mean * mul (+ the region's bias), in double.
// conv_bias: the anchor's own bias (none: 0). fold_mul: mul is taken into the weights by the
// caller's pack, so epilogue->mul stays NULL and the bias is scaled by it. Fills act, after, slope,
// mul, bias, scale of *epilogue. *fits false: a constant has another size than channels or 1
// (nothing was made): the function says not done.
BLOK_MUST_CHECK blok_status blok_lower_epilogue(blok_lowering *lowering, const blok_region *region,
                                                blok_value_id anchor_bias, uint32_t channels,
                                                bool fold_mul, blok_epilogue *epilogue, bool *fits,
                                                blok_error *error);

// scale / sqrt(variance + epsilon) of one channel, for packs that take the factor into the weights:
// each constant holds one number or one a channel. 1 where scale has no data.
double blok_norm_factor(const blok_tensor *scale, const blok_tensor *variance, uint32_t channel,
                        float epsilon);

// ---- Forms of values ----------------------------------------------------------------------------

// Valid until the next buffer is made.
const blok_buffer *blok_lower_buffer(const blok_lowering *lowering, blok_buffer_id id);

// The buffer itself, or the one that a view lies in.
blok_buffer_id blok_lower_root(const blok_lowering *lowering, blok_buffer_id id);

// The value as plain bytes (constants and inputs too).
BLOK_MUST_CHECK blok_status blok_lower_plain(blok_lowering *lowering, blok_value_id value,
                                             blok_buffer_id *out, blok_error *error);
// True when it stands blocked without a further step.
bool blok_lower_is_blocked(const blok_lowering *lowering, blok_value_id value);
// The value blocked: f32 of rank 3 ([n, c, w]) or 4.
BLOK_MUST_CHECK blok_status blok_lower_blocked(blok_lowering *lowering, blok_value_id value,
                                               blok_buffer_id *out, blok_error *error);
// The same for a reader that applies a channel scale itself: *scale is a plain buffer of
// [n][blocks * lanes] floats, or 0.
BLOK_MUST_CHECK blok_status blok_lower_scaled(blok_lowering *lowering, blok_value_id value,
                                              blok_buffer_id *out, blok_buffer_id *scale,
                                              blok_error *error);
// Says that the reader's taps may fall outside the picture.
void blok_lower_needs_zero_pixel(blok_lowering *lowering, blok_buffer_id id);

// The buffer that a step will fill with the value, in this form. Blocked outputs that a Concat
// collects are placed inside its buffer: the Concat then finds its input as a view at the right
// offset of its own output's root, and has nothing to copy.
BLOK_MUST_CHECK blok_status blok_lower_output(blok_lowering *lowering, blok_value_id value,
                                              blok_layout layout, blok_buffer_id *out,
                                              blok_error *error);
// The value, plain, is the bytes of `of` from offset on: no step at all (Reshape).
BLOK_MUST_CHECK blok_status blok_lower_view(blok_lowering *lowering, blok_value_id value,
                                            blok_buffer_id of, size_t offset, blok_error *error);
// The value, blocked, is channels [channel, channel + its own) of the blocked buffer `of`; channel
// a multiple of lanes.
BLOK_MUST_CHECK blok_status blok_lower_view_blocked(blok_lowering *lowering, blok_value_id value,
                                                    blok_buffer_id of, uint32_t channel,
                                                    blok_error *error);
// The value takes over the place of `of`, which no later step reads and which is in the arena: for
// steps that may work in place. false: it cannot, make an output.
bool blok_lower_in_place(blok_lowering *lowering, blok_value_id value, blok_buffer_id of,
                         blok_layout layout, blok_buffer_id *out);

// The buffer that a step will fill: in the place of `of` where that can be, else an output.
BLOK_MUST_CHECK blok_status blok_lower_output_over(blok_lowering *lowering, blok_value_id value,
                                                   blok_buffer_id of, blok_layout layout,
                                                   blok_buffer_id *out, blok_error *error);

// The value is `of` (blocked) with each channel multiplied by scale.
BLOK_MUST_CHECK blok_status blok_lower_give_scaled(blok_lowering *lowering, blok_value_id value,
                                                   blok_value_id of, blok_buffer_id scale,
                                                   blok_error *error);

// Channel sums, [n][slots][blocks * lanes] floats, to be added in the order of slots. A producer
// that can asks whether they are wanted, and gives them.
bool blok_lower_wants_sums(const blok_lowering *lowering, blok_value_id value);
void blok_lower_give_sums(blok_lowering *lowering, blok_value_id value, blok_buffer_id sums,
                          uint32_t slots);
// The same with a buffer that is made here, for the producer's step to fill.
BLOK_MUST_CHECK blok_status blok_lower_make_sums(blok_lowering *lowering, blok_value_id value,
                                                 uint32_t slots, blok_buffer_id *sums,
                                                 blok_error *error);
// false: nobody gave them.
bool blok_lower_sums(const blok_lowering *lowering, blok_value_id value, blok_buffer_id *sums,
                     uint32_t *slots);

// Memory for one value between steps, or inside one (a step that writes and reads it).
BLOK_MUST_CHECK blok_status blok_lower_scratch(blok_lowering *lowering, size_t bytes,
                                               blok_buffer_id *out, blok_error *error);

// ---- Steps --------------------------------------------------------------------------------------

// Appends a step; kernel, run, args, cells, scratch_bytes, macs, bytes, reads and writes are taken
// from *step (reads and writes are copied), the rest is filled in. Lifetimes follow from reads and
// writes: name every buffer. More than UINT32_MAX cells are BLOK_E_LIMIT.
BLOK_MUST_CHECK blok_status blok_lower_step(blok_lowering *lowering, const blok_step *step,
                                            blok_error *error);

// ---- The functions ------------------------------------------------------------------------------

// *done is false on entry.
typedef blok_status (*blok_lower_fn)(blok_lowering *lowering, const blok_region *region, bool *done,
                                     blok_error *error);

// NULL: the operator has no kernel.
blok_lower_fn blok_lower_function(blok_op op);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls"
#define LOWER(op, function)                          \
  BLOK_MUST_CHECK blok_status blok_lower_##function( \
      blok_lowering *lowering, const blok_region *region, bool *done, blok_error *error);
#include "runtime/ops/lower.def"
#undef LOWER
#pragma GCC diagnostic pop
// A region of the kind activation: act(in), of any blok_fn but NONE.
BLOK_MUST_CHECK blok_status blok_lower_activation(blok_lowering *lowering,
                                                  const blok_region *region, bool *done,
                                                  blok_error *error);
// The region of a squeeze_excite record.
BLOK_MUST_CHECK blok_status blok_lower_squeeze_excite(blok_lowering *lowering,
                                                      const blok_region *region, bool *done,
                                                      blok_error *error);

// True when that convolution, of a value that stands plain, reads it so: it has few channels.
bool blok_lower_reads_plain(blok_lowering *lowering, blok_node_id conv);

// Steps that lowering itself adds. from and to have the forms that their names say.
BLOK_MUST_CHECK blok_status blok_lower_reorder(blok_lowering *lowering, blok_buffer_id from,
                                               blok_buffer_id to, blok_error *error);
BLOK_MUST_CHECK blok_status blok_lower_channel_scale(blok_lowering *lowering, blok_buffer_id from,
                                                     blok_buffer_id scale, blok_buffer_id to,
                                                     blok_error *error);

#endif  // BLOK_RUNTIME_OPS_LOWERING_H
