// What the lowering of operators that move data shares: numbers known before the run, copies of
// several parts as one step, channels gathered from blocked values, and channel shuffles.
#ifndef BLOK_RUNTIME_OPS_COPY_H
#define BLOK_RUNTIME_OPS_COPY_H

#include "runtime/kernels/layout.h"
#include "runtime/ops/lowering.h"

// ---- Numbers ------------------------------------------------------------------------------------

// The elements of a constant, or of a small integer tensor all of whose numbers follow from the
// shapes. *known false: they are not known before the run.
BLOK_MUST_CHECK blok_status blok_lower_known(blok_lowering *lowering, blok_value_id value,
                                             blok_tensor *out, bool *known, blok_error *error);
// The same as integers, capacity of them at most; *known false also for another type or more.
BLOK_MUST_CHECK blok_status blok_lower_ints(blok_lowering *lowering, blok_value_id value,
                                            int64_t *values, uint32_t capacity, uint32_t *n,
                                            bool *known, blok_error *error);

// The region is one node by itself, its first input and output are tensors: what every function
// here asks for. Their shapes are written to *in and *out.
bool blok_lower_lone(const blok_lowering *lowering, const blok_region *region, blok_tensor *in,
                     blok_tensor *out);
// Bytes of an element that stands by itself; 0 for types packed under a byte.
size_t blok_lower_element(const blok_tensor *shape);

// True when node says no more of its input than the shape, which is known: Shape and Size, whose
// lowering does not read it.
bool blok_lower_reads_shape(const blok_lowering *lowering, const blok_node *node);

// The value `to` is the elements of `from`, in the form in which they stand.
BLOK_MUST_CHECK blok_status blok_lower_same_bytes(blok_lowering *lowering, blok_value_id from,
                                                  blok_value_id to, blok_error *error);

// ---- Copies -------------------------------------------------------------------------------------

// One copy of a step: job says the elements, their strides and dims; job.from and job.to are left
// NULL, and what lies there is `offset` bytes into the buffers.
typedef struct blok_copy_part {
  blok_buffer_id from;  // 0: fixed
  const void *fixed;    // in the shaped plan's arena
  blok_buffer_id to;
  size_t from_offset, to_offset;
  blok_copy job;
} blok_copy_part;

// Strides of a plain tensor in bytes.
void blok_copy_strides(const blok_tensor *shape, ptrdiff_t *strides);
// Dims and strides, in bytes, of a blocked buffer whose elements are the blocks of its pixels:
// images, blocks, rows, columns.
void blok_copy_planes(const blok_lowering *lowering, const blok_planes *planes, size_t *dims,
                      ptrdiff_t *strides);

// Appends one step of n parts, which blok_lower_alloc made and which are kept. The parts write
// different elements. kernel is static.
BLOK_MUST_CHECK blok_status blok_lower_copies(blok_lowering *lowering, const char *kernel,
                                              uint32_t n, blok_copy_part *parts, blok_error *error);

// Appends a step that picks elements by tables: *job is kept by value, its tables and fill in the
// shaped plan's arena; from and to are unset.
BLOK_MUST_CHECK blok_status blok_lower_pick(blok_lowering *lowering, const char *kernel,
                                            const blok_pick *job, blok_buffer_id from,
                                            blok_buffer_id to, blok_error *error);

// ---- Channels -----------------------------------------------------------------------------------

// The channels of a blocked value from those of others. lanes and sources are blok_lower_alloc'ed
// and kept.
typedef struct blok_channel_map {
  uint32_t channels, n_sources;
  blok_lane *lanes;
  blok_buffer_id *sources;  // blocked
} blok_channel_map;

BLOK_MUST_CHECK blok_status blok_channel_map_new(blok_lowering *lowering, uint32_t channels,
                                                 uint32_t n_sources, blok_channel_map *out,
                                                 blok_error *error);
// Appends the step that fills the blocked buffer `to`.
BLOK_MUST_CHECK blok_status blok_lower_channels(blok_lowering *lowering, const char *kernel,
                                                const blok_channel_map *map, blok_buffer_id to,
                                                blok_error *error);
// Makes value, blocked, of the map's channels from first on, as many as it has.
BLOK_MUST_CHECK blok_status blok_lower_mapped(blok_lowering *lowering, const char *kernel,
                                              const blok_channel_map *map, uint32_t first,
                                              blok_value_id value, blok_error *error);

// A channel shuffle: a value that only a Reshape reads, which only a Transpose reads, which only
// another Reshape reads: its channels, seen as groups x rest, are turned to rest x groups. What
// comes of it may in turn be read by nothing but a Split of its channels, whose outputs are then
// gathered straight away. Whoever makes the value, or lowers the first Reshape, makes the ends; the
// nodes between find them there and do nothing.
typedef struct blok_shuffle {
  uint32_t groups;
  blok_value_id end;       // of the second Reshape
  const blok_node *split;  // NULL: none
} blok_shuffle;

// False when value is not shuffled.
bool blok_lower_shuffle(const blok_lowering *lowering, blok_value_id value, blok_shuffle *out);
// Makes the ends from the channels of value, which map says.
BLOK_MUST_CHECK blok_status blok_lower_shuffle_ends(blok_lowering *lowering,
                                                    const blok_shuffle *shuffle,
                                                    const blok_channel_map *map, blok_error *error);
// True when value is shuffled and the ends are made, or value is one of what lies between.
bool blok_lower_shuffled(const blok_lowering *lowering, const blok_node *node);

#endif  // BLOK_RUNTIME_OPS_COPY_H
