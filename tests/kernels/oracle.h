// What the kernels' tests share: the reference interpreter's answer for one node, memory with
// poisoned surroundings, the blocked layout written plainly, and the instruction sets to go
// through.
#ifndef BLOK_TESTS_KERNELS_ORACLE_H
#define BLOK_TESTS_KERNELS_ORACLE_H

#include "graph/graph.h"
#include "runtime/kernels/isa.h"

// ---- A graph of one node ------------------------------------------------------------------------

enum { ORACLE_SLOTS = 8 };

typedef struct oracle {
  blok_module *module;
  blok_graph *graph;
  blok_node_id node;
  uint32_t n_in, n_out;
  blok_tensor in[ORACLE_SLOTS];  // borrowed data; dtype 0 for an input left out
  blok_tensor out[ORACLE_SLOTS];
} oracle;

// Every function here asserts success.
void oracle_init(oracle *self, const char *op_type, uint32_t n_in, uint32_t n_out);
void oracle_free(oracle *self);
void oracle_int(oracle *self, const char *name, int64_t value);
void oracle_float(oracle *self, const char *name, double value);
void oracle_text(oracle *self, const char *name, const char *value);
void oracle_ints(oracle *self, const char *name, uint32_t n, const int64_t *values);
// Borrows data, row-major, until the run is over. The second form is for types other than f32.
void oracle_in(oracle *self, uint32_t slot, const float *data, uint32_t rank, const int64_t *dims);
void oracle_in_of(oracle *self, uint32_t slot, blok_dtype dtype, const void *data, uint32_t rank,
                  const int64_t *dims);
// Infers and runs; results are in self->out until the next run or oracle_free.
void oracle_run(oracle *self);
const float *oracle_out(const oracle *self, uint32_t slot);  // asserts f32

// Asserts |got - want| <= tolerance * (1 + the largest finite |want|), element by element; NaN only
// where want is NaN, infinities exactly. what names the case in the message.
void oracle_same(const float *got, const float *want, size_t count, double tolerance,
                 const char *what);

// ---- Memory -------------------------------------------------------------------------------------

// count floats, all NaN, between bands of NaN; 64-byte aligned.
float *guarded_new(size_t count);
// Asserts that nothing wrote into the bands.
void guarded_check(const float *data);
void guarded_free(float *data);  // checks first
// Values in [-1, 1] that do not repeat soon.
void fill_values(float *data, size_t count, uint32_t seed);

// ---- The blocked layout -------------------------------------------------------------------------

static inline uint32_t blocks_of(uint32_t channels, uint32_t lanes) {
  return (channels + lanes - 1) / lanes;
}
// Floats of an image's plane: the zero pixel included.
static inline size_t plane_floats(uint32_t pixels, uint32_t lanes) {
  return ((size_t)pixels + 1) * lanes;
}
static inline size_t blocked_floats(uint32_t images, uint32_t channels, uint32_t pixels,
                                    uint32_t lanes) {
  return images * blocks_of(channels, lanes) * plane_floats(pixels, lanes);
}
// plain is [images][channels][pixels]. The first makes a guarded copy in the blocked layout, with
// padding lanes and zero pixels 0; the second makes room for a result: NaN but for the zero pixels.
float *blocked_of(const float *plain, uint32_t images, uint32_t channels, uint32_t pixels,
                  uint32_t lanes);
float *blocked_room(uint32_t images, uint32_t channels, uint32_t pixels, uint32_t lanes);
// The way back, into malloc'ed memory. Asserts that padding lanes and zero pixels are 0.
float *plain_of(const float *blocked, uint32_t images, uint32_t channels, uint32_t pixels,
                uint32_t lanes);

// ---- Instruction sets ---------------------------------------------------------------------------

// The sets to test: those that this CPU runs, or the one that BLOK_TEST_ISA names. NULL at the end.
const blok_isa *tested_isa(uint32_t index);

#endif  // BLOK_TESTS_KERNELS_ORACLE_H
