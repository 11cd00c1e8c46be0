// A graph of one node, for tests of inference and reference.
#include "one_node.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "support/fault.h"

enum { MOST = 1 << 24 };  // elements of an output

void one_node_init(one_node *self, const char *op_type, uint32_t n_in, uint32_t n_out) {
  memset(self, 0, sizeof *self);
  self->error = (blok_error)BLOK_ERROR_INIT;
  ck_assert_uint_le(n_in, ONE_NODE_SLOTS);
  ck_assert_uint_le(n_out, ONE_NODE_SLOTS);
  self->n_in = n_in;
  self->n_out = n_out;
  blok_error *error = &self->error;
  ck_assert_int_eq(blok_module_new(NULL, &self->module, error), BLOK_OK);
  ck_assert_int_eq(blok_graph_new(self->module, NULL, &self->graph, error), BLOK_OK);
  self->module->graph = self->graph;
  ck_assert_int_eq(blok_graph_add_node(self->graph, "", op_type, n_in, n_out, &self->node, error),
                   BLOK_OK);
  blok_node_at(self->graph, self->node)->name = "n";
}

void one_node_free(one_node *self) {
  for (uint32_t i = 0; i < ONE_NODE_SLOTS; i++) {
    free(self->in[i].data);
    free(self->out[i].data);
  }
  blok_module_free(&self->module);
}

void one_node_int(one_node *self, const char *name, int64_t value) {
  ck_assert_int_eq(blok_node_set_int(self->graph, self->node, name, value, &self->error), BLOK_OK);
}

void one_node_float(one_node *self, const char *name, double value) {
  ck_assert_int_eq(blok_node_set_float(self->graph, self->node, name, (float)value, &self->error),
                   BLOK_OK);
}

void one_node_text(one_node *self, const char *name, const char *value) {
  ck_assert_int_eq(blok_node_set_text(self->graph, self->node, name, value, &self->error), BLOK_OK);
}

void one_node_ints(one_node *self, const char *name, uint32_t n, const int64_t *values) {
  ck_assert_int_eq(blok_node_set_ints(self->graph, self->node, name, values, n, &self->error),
                   BLOK_OK);
}

static blok_tensor *make_in(one_node *self, uint32_t slot, blok_dtype dtype, uint32_t rank,
                            const int64_t *dims) {
  ck_assert_uint_lt(slot, self->n_in);
  blok_tensor *in = &self->in[slot];
  free(in->data);
  *in = (blok_tensor)BLOK_TENSOR_INIT;
  in->dtype = dtype;
  in->rank = rank;
  for (uint32_t i = 0; i < rank; i++) in->dims[i] = dims[i];
  in->bytes = blok_ref_count(in) * blok_dtype_size(dtype);
  in->data = malloc(in->bytes + 1);
  ck_assert_ptr_nonnull(in->data);
  self->has_in[slot] = true;
  return in;
}

static uint32_t read_shape(const char *shape, int64_t dims[BLOK_MAX_RANK]) {
  uint32_t rank = 0;
  while (*shape) {
    char *end;
    dims[rank++] = strtoll(shape, &end, 10);
    shape = *end == 'x' ? end + 1 : end;
  }
  return rank;
}

void one_node_in(one_node *self, uint32_t slot, blok_dtype dtype, const char *shape, uint32_t count,
                 const double *values) {
  int64_t dims[BLOK_MAX_RANK];
  uint32_t rank = read_shape(shape, dims);
  blok_tensor *in = make_in(self, slot, dtype, rank, dims);
  ck_assert_uint_eq(blok_ref_count(in), count);
  blok_ref_store_many(in, 0, count, values);
}

void one_node_fill(one_node *self, uint32_t slot, blok_dtype dtype, const char *shape) {
  int64_t dims[BLOK_MAX_RANK];
  uint32_t rank = read_shape(shape, dims);
  blok_tensor *in = make_in(self, slot, dtype, rank, dims);
  size_t count = blok_ref_count(in);
  for (size_t i = 0; i < count; i++) {
    double value = (double)((i * 7 + 3 + slot) % 13);
    if (blok_dtype_is_float(dtype)) value = (value - 6) / 4;
    blok_ref_store(in, i, value);
  }
}

void one_node_raw(one_node *self, uint32_t slot, blok_dtype dtype, uint32_t rank,
                  const int64_t *dims, const void *data, size_t bytes) {
  blok_tensor *in = make_in(self, slot, dtype, rank, dims);
  ck_assert_uint_eq(in->bytes, bytes);
  if (bytes) memcpy(in->data, data, bytes);
}

blok_status one_node_infer(one_node *self) {
  blok_fact facts[ONE_NODE_SLOTS];
  blok_dim dims[ONE_NODE_SLOTS][BLOK_MAX_RANK];
  const blok_fact *in[ONE_NODE_SLOTS] = {NULL};
  memset(facts, 0, sizeof facts);
  for (uint32_t i = 0; i < self->n_in; i++) {
    if (!self->has_in[i]) continue;
    const blok_tensor *tensor = &self->in[i];
    for (uint32_t d = 0; d < tensor->rank; d++) dims[i][d] = blok_dim_of(tensor->dims[d]);
    facts[i] = (blok_fact){.kind = BLOK_TYPE_TENSOR,
                           .dtype = tensor->dtype,
                           .rank = (int32_t)tensor->rank,
                           .dims = dims[i],
                           .tensor = tensor};
    in[i] = &facts[i];
  }
  memset(self->facts, 0, sizeof self->facts);
  for (uint32_t i = 0; i < self->n_out; i++) self->facts[i].rank = -1;
  blok_infer infer = {.graph = self->graph,
                      .node = blok_node_at(self->graph, self->node),
                      .in = in,
                      .n_in = self->n_in,
                      .out = self->facts,
                      .n_out = self->n_out,
                      .arena = &self->module->arena};
  return blok_infer_node(&infer, &self->error);
}

blok_status one_node_run_with(one_node *self, const blok_allocator *allocator) {
  blok_status status = one_node_infer(self);
  if (status != BLOK_OK) return status;
  const blok_tensor *in[ONE_NODE_SLOTS] = {NULL};
  blok_tensor *out[ONE_NODE_SLOTS] = {NULL};
  for (uint32_t i = 0; i < self->n_in; i++) in[i] = self->has_in[i] ? &self->in[i] : NULL;
  for (uint32_t i = 0; i < self->n_out; i++) {
    const blok_fact *fact = &self->facts[i];
    ck_assert(blok_fact_shaped(fact));
    blok_tensor *tensor = &self->out[i];
    free(tensor->data);
    *tensor = (blok_tensor)BLOK_TENSOR_INIT;
    tensor->dtype = fact->dtype;
    tensor->rank = (uint32_t)fact->rank;
    for (uint32_t d = 0; d < tensor->rank; d++) tensor->dims[d] = fact->dims[d].value;
    size_t count;
    if (!blok_dims_count(tensor->dims, tensor->rank, &count) || count > MOST) return BLOK_E_LIMIT;
    tensor->bytes = count * blok_dtype_size(tensor->dtype);
    tensor->data = malloc(tensor->bytes + 1);
    ck_assert_ptr_nonnull(tensor->data);
    memset(tensor->data, 0xa5, tensor->bytes);
    out[i] = tensor;
  }
  blok_ref_call call = {.graph = self->graph,
                        .node = blok_node_at(self->graph, self->node),
                        .n_in = self->n_in,
                        .n_out = self->n_out,
                        .in = in,
                        .out = out,
                        .allocator = allocator};
  return blok_reference_run(&call, &self->error);
}

blok_status one_node_run(one_node *self) {
  return one_node_run_with(self, blok_allocator_default());
}

static blok_status run_faulty(void *context, const blok_allocator *allocator, blok_error *error) {
  one_node *self = context;
  self->error = (blok_error)BLOK_ERROR_INIT;
  blok_status status = one_node_run_with(self, allocator);
  *error = self->error;
  return status;
}

uint64_t one_node_sweep(one_node *self) { return blok_fault_sweep(run_faulty, self); }

double one_node_value(const one_node *self, uint32_t slot, size_t i) {
  return blok_ref_load(&self->out[slot], i);
}

void one_node_check(const one_node *self, uint32_t slot, blok_dtype dtype, const char *shape,
                    uint32_t count, const double *values, double tolerance) {
  const blok_tensor *out = &self->out[slot];
  int64_t dims[BLOK_MAX_RANK];
  uint32_t rank = read_shape(shape, dims);
  ck_assert_int_eq(out->dtype, dtype);
  ck_assert_str_eq(blok_print_dims(out->dims, out->rank).text, blok_print_dims(dims, rank).text);
  ck_assert_uint_eq(blok_ref_count(out), count);
  for (uint32_t i = 0; i < count; i++) {
    double got = one_node_value(self, slot, i);
    if (isnan(got) && isnan(values[i])) continue;
    ck_assert_msg(got == values[i] || fabs(got - values[i]) <= tolerance,
                  "output %u, element %u: %.17g instead of %.17g", slot, i, got, values[i]);
  }
}

void one_node_unary(const char *op, const char *attr, double value, blok_dtype dtype,
                    uint32_t count, const double *xs, const double *want, double tolerance) {
  char shape[16];
  one_node node;
  snprintf(shape, sizeof shape, "%u", count);
  one_node_init(&node, op, 1, 1);
  if (attr) one_node_float(&node, attr, value);
  one_node_in(&node, 0, dtype, shape, count, xs);
  ck_assert_msg(one_node_run(&node) == BLOK_OK, "%s", node.error.message);
  one_node_check(&node, 0, dtype, shape, count, want, tolerance);
  one_node_free(&node);
}
