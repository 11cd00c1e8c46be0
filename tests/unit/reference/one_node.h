// A graph of one node whose inputs hold values: inference sizes the outputs, the reference fills
// them.
#ifndef BLOK_TESTS_UNIT_REFERENCE_ONE_NODE_H
#define BLOK_TESTS_UNIT_REFERENCE_ONE_NODE_H

#include "graph/infer.h"
#include "reference/reference.h"

enum { ONE_NODE_SLOTS = 8 };

// A list of numbers as the two arguments count and values.
#define VALUES(...) \
  sizeof((const double[]){__VA_ARGS__}) / sizeof(double), (const double[]) { __VA_ARGS__ }
#define INTS(...) \
  sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (const int64_t[]) { __VA_ARGS__ }

typedef struct one_node {
  blok_module *module;
  blok_graph *graph;
  blok_node_id node;
  uint32_t n_in, n_out;
  blok_tensor in[ONE_NODE_SLOTS];
  bool has_in[ONE_NODE_SLOTS];
  blok_fact facts[ONE_NODE_SLOTS];  // of the outputs, after one_node_infer
  blok_tensor out[ONE_NODE_SLOTS];
  blok_error error;
} one_node;

// Asserts success.
void one_node_init(one_node *self, const char *op_type, uint32_t n_in, uint32_t n_out);
void one_node_free(one_node *self);

void one_node_int(one_node *self, const char *name, int64_t value);
void one_node_float(one_node *self, const char *name, double value);
void one_node_text(one_node *self, const char *name, const char *value);
void one_node_ints(one_node *self, const char *name, uint32_t n, const int64_t *values);

// Input slot of count values, rounded to dtype. shape is "2x3x4", "" for a scalar.
void one_node_in(one_node *self, uint32_t slot, blok_dtype dtype, const char *shape, uint32_t count,
                 const double *values);
// The same with values that do not repeat soon: ((i * 7 + 3) % 13 - 6) / 4, less for unsigned
// types.
void one_node_fill(one_node *self, uint32_t slot, blok_dtype dtype, const char *shape);
// A copy of raw elements.
void one_node_raw(one_node *self, uint32_t slot, blok_dtype dtype, uint32_t rank,
                  const int64_t *dims, const void *data, size_t bytes);

// Inference with the inputs' values known. The error is in self->error.
blok_status one_node_infer(one_node *self);
// Inference, then the reference into fresh outputs. allocator is for the reference's scratch.
// BLOK_E_LIMIT when an output would have more than 2^24 elements.
blok_status one_node_run_with(one_node *self, const blok_allocator *allocator);
blok_status one_node_run(one_node *self);
// one_node_run under blok_fault_sweep (support/fault.h), whose result it gives.
uint64_t one_node_sweep(one_node *self);

// Value of an output.
double one_node_value(const one_node *self, uint32_t slot, size_t i);
// Asserts shape and values of an output.
void one_node_check(const one_node *self, uint32_t slot, blok_dtype dtype, const char *shape,
                    uint32_t count, const double *values, double tolerance);
// Asserts that an operator of one input, of count values xs, gives want in the same type. attr is a
// float attribute, NULL for none.
void one_node_unary(const char *op, const char *attr, double value, blok_dtype dtype,
                    uint32_t count, const double *xs, const double *want, double tolerance);

#endif  // BLOK_TESTS_UNIT_REFERENCE_ONE_NODE_H
