// The shared half of the kernels' tests: see oracle.h.
#include "oracle.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/infer.h"
#include "reference/reference.h"

void oracle_init(oracle *self, const char *op_type, uint32_t n_in, uint32_t n_out) {
  blok_error error = BLOK_ERROR_INIT;
  memset(self, 0, sizeof *self);
  ck_assert_uint_le(n_in, ORACLE_SLOTS);
  ck_assert_uint_le(n_out, ORACLE_SLOTS);
  self->n_in = n_in;
  self->n_out = n_out;
  ck_assert_int_eq(blok_module_new(NULL, &self->module, &error), BLOK_OK);
  ck_assert_int_eq(blok_graph_new(self->module, NULL, &self->graph, &error), BLOK_OK);
  self->module->graph = self->graph;
  ck_assert_int_eq(blok_graph_add_node(self->graph, "", op_type, n_in, n_out, &self->node, &error),
                   BLOK_OK);
}

void oracle_free(oracle *self) {
  for (uint32_t i = 0; i < ORACLE_SLOTS; i++) free(self->out[i].data);
  blok_module_free(&self->module);
}

void oracle_int(oracle *self, const char *name, int64_t value) {
  ck_assert_int_eq(blok_node_set_int(self->graph, self->node, name, value, NULL), BLOK_OK);
}

void oracle_float(oracle *self, const char *name, double value) {
  ck_assert_int_eq(blok_node_set_float(self->graph, self->node, name, (float)value, NULL), BLOK_OK);
}

void oracle_text(oracle *self, const char *name, const char *value) {
  ck_assert_int_eq(blok_node_set_text(self->graph, self->node, name, value, NULL), BLOK_OK);
}

void oracle_ints(oracle *self, const char *name, uint32_t n, const int64_t *values) {
  ck_assert_int_eq(blok_node_set_ints(self->graph, self->node, name, values, n, NULL), BLOK_OK);
}

void oracle_in_of(oracle *self, uint32_t slot, blok_dtype dtype, const void *data, uint32_t rank,
                  const int64_t *dims) {
  ck_assert_uint_lt(slot, self->n_in);
  blok_tensor *in = &self->in[slot];
  *in = (blok_tensor)BLOK_TENSOR_INIT;
  in->dtype = dtype;
  in->rank = rank;
  for (uint32_t i = 0; i < rank; i++) in->dims[i] = dims[i];
  in->bytes = blok_ref_count(in) * blok_dtype_size(dtype);
  // The reference only reads its inputs.
  union {
    const void *from;
    void *to;
  } way = {.from = data};
  in->data = way.to;
}

void oracle_in(oracle *self, uint32_t slot, const float *data, uint32_t rank, const int64_t *dims) {
  oracle_in_of(self, slot, BLOK_F32, data, rank, dims);
}

static void size_outputs(oracle *self) {
  blok_fact facts[ORACLE_SLOTS], outs[ORACLE_SLOTS];
  blok_dim dims[ORACLE_SLOTS][BLOK_MAX_RANK];
  const blok_fact *in[ORACLE_SLOTS] = {NULL};
  blok_error error = BLOK_ERROR_INIT;
  memset(facts, 0, sizeof facts);
  memset(outs, 0, sizeof outs);
  for (uint32_t i = 0; i < self->n_in; i++) {
    const blok_tensor *tensor = &self->in[i];
    if (!tensor->dtype) continue;
    for (uint32_t d = 0; d < tensor->rank; d++) dims[i][d] = blok_dim_of(tensor->dims[d]);
    facts[i] = (blok_fact){.kind = BLOK_TYPE_TENSOR,
                           .dtype = tensor->dtype,
                           .rank = (int32_t)tensor->rank,
                           .dims = dims[i],
                           .tensor = tensor};
    in[i] = &facts[i];
  }
  for (uint32_t i = 0; i < self->n_out; i++) outs[i].rank = -1;
  blok_infer infer = {.graph = self->graph,
                      .node = blok_node_at(self->graph, self->node),
                      .in = in,
                      .n_in = self->n_in,
                      .out = outs,
                      .n_out = self->n_out,
                      .arena = &self->module->arena};
  ck_assert_msg(blok_infer_node(&infer, &error) == BLOK_OK, "%s", error.message);
  for (uint32_t i = 0; i < self->n_out; i++) {
    ck_assert(blok_fact_shaped(&outs[i]));
    blok_tensor *out = &self->out[i];
    free(out->data);
    *out = (blok_tensor)BLOK_TENSOR_INIT;
    out->dtype = outs[i].dtype;
    out->rank = (uint32_t)outs[i].rank;
    for (uint32_t d = 0; d < out->rank; d++) out->dims[d] = outs[i].dims[d].value;
    out->bytes = blok_ref_count(out) * blok_dtype_size(out->dtype);
    out->data = malloc(out->bytes + 1);
    ck_assert_ptr_nonnull(out->data);
    memset(out->data, 0xa5, out->bytes);
  }
}

void oracle_run(oracle *self) {
  const blok_tensor *in[ORACLE_SLOTS] = {NULL};
  blok_tensor *out[ORACLE_SLOTS] = {NULL};
  blok_error error = BLOK_ERROR_INIT;
  size_outputs(self);
  for (uint32_t i = 0; i < self->n_in; i++) in[i] = self->in[i].dtype ? &self->in[i] : NULL;
  for (uint32_t i = 0; i < self->n_out; i++) out[i] = &self->out[i];
  blok_ref_call call = {.graph = self->graph,
                        .node = blok_node_at(self->graph, self->node),
                        .n_in = self->n_in,
                        .n_out = self->n_out,
                        .in = in,
                        .out = out,
                        .allocator = blok_allocator_default()};
  ck_assert_msg(blok_reference_run(&call, &error) == BLOK_OK, "%s", error.message);
}

const float *oracle_out(const oracle *self, uint32_t slot) {
  ck_assert_int_eq(self->out[slot].dtype, BLOK_F32);
  return self->out[slot].data;
}

void oracle_same(const float *got, const float *want, size_t count, double tolerance,
                 const char *what) {
  double largest = 1;
  for (size_t i = 0; i < count; i++) {
    if (isfinite(want[i]) && fabs((double)want[i]) > largest) largest = fabs((double)want[i]);
  }
  for (size_t i = 0; i < count; i++) {
    double g = (double)got[i], w = (double)want[i];
    bool same = isnan(w) ? isnan(g) : isinf(w) ? g == w : fabs(g - w) <= tolerance * (1 + largest);
    if (!same) ck_abort_msg("%s: element %zu is %.9g instead of %.9g", what, i, g, w);
  }
}

// ---- Memory -------------------------------------------------------------------------------------

enum { BAND = 256, HEAD = 16 };  // floats; the head holds count

static const uint32_t poison = 0x7fedcba9u;  // a NaN

static void put_poison(float *at, size_t count) {
  for (size_t i = 0; i < count; i++) memcpy(at + i, &poison, sizeof poison);
}

float *guarded_new(size_t count) {
  size_t floats = (HEAD + BAND + count + BAND + HEAD) / HEAD * HEAD;
  float *whole = aligned_alloc(64, floats * sizeof *whole);
  ck_assert_ptr_nonnull(whole);
  put_poison(whole, floats);
  memcpy(whole, &count, sizeof count);
  return whole + HEAD + BAND;
}

void guarded_check(const float *data) {
  size_t count;
  memcpy(&count, data - BAND - HEAD, sizeof count);
  for (size_t i = 0; i < BAND; i++) {
    if (memcmp(data - BAND + i, &poison, sizeof poison) != 0) {
      ck_abort_msg("something wrote %zu floats before the memory", BAND - i);
    }
    if (memcmp(data + count + i, &poison, sizeof poison) != 0) {
      ck_abort_msg("something wrote %zu floats behind the memory", i);
    }
  }
}

void guarded_free(float *data) {
  if (!data) return;
  guarded_check(data);
  free(data - BAND - HEAD);
}

void fill_values(float *data, size_t count, uint32_t seed) {
  uint32_t state = seed * 2654435761u + 12345u;
  for (size_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    data[i] = (float)(int32_t)state / 2147483648.0f;
  }
}

// ---- The blocked layout -------------------------------------------------------------------------

static size_t place(uint32_t blocks, uint32_t pixels, uint32_t lanes, uint32_t n, uint32_t c,
                    uint32_t p) {
  return (n * blocks + c / lanes) * plane_floats(pixels, lanes) + (size_t)p * lanes + c % lanes;
}

float *blocked_room(uint32_t images, uint32_t channels, uint32_t pixels, uint32_t lanes) {
  uint32_t blocks = blocks_of(channels, lanes);
  float *out = guarded_new(blocked_floats(images, channels, pixels, lanes));
  for (uint32_t n = 0; n < images; n++) {
    for (uint32_t c = 0; c < blocks * lanes; c++)
      out[place(blocks, pixels, lanes, n, c, pixels)] = 0;
  }
  return out;
}

float *blocked_of(const float *plain, uint32_t images, uint32_t channels, uint32_t pixels,
                  uint32_t lanes) {
  uint32_t blocks = blocks_of(channels, lanes);
  float *out = guarded_new(blocked_floats(images, channels, pixels, lanes));
  for (uint32_t n = 0; n < images; n++) {
    for (uint32_t c = 0; c < blocks * lanes; c++) {
      for (uint32_t p = 0; p <= pixels; p++) {
        float value = 0;
        if (c < channels && p < pixels) value = plain[((size_t)n * channels + c) * pixels + p];
        out[place(blocks, pixels, lanes, n, c, p)] = value;
      }
    }
  }
  return out;
}

float *plain_of(const float *blocked, uint32_t images, uint32_t channels, uint32_t pixels,
                uint32_t lanes) {
  uint32_t blocks = blocks_of(channels, lanes);
  float *out = malloc(sizeof *out * ((size_t)images * channels * pixels + 1));
  ck_assert_ptr_nonnull(out);
  for (uint32_t n = 0; n < images; n++) {
    for (uint32_t c = 0; c < blocks * lanes; c++) {
      for (uint32_t p = 0; p <= pixels; p++) {
        float value = blocked[place(blocks, pixels, lanes, n, c, p)];
        if (c < channels && p < pixels) {
          out[((size_t)n * channels + c) * pixels + p] = value;
        } else {
          if (value != 0) {
            ck_abort_msg("padding of image %u, channel %u, pixel %u is %g instead of 0", n, c, p,
                         (double)value);
          }
        }
      }
    }
  }
  return out;
}

// ---- Instruction sets ---------------------------------------------------------------------------

const blok_isa *tested_isa(uint32_t index) {
  const char *only = getenv("BLOK_TEST_ISA");
  for (uint32_t i = 0;; i++) {
    const blok_isa *isa = blok_isa_at(i);
    if (!isa) return NULL;
    if (!blok_isa_runs(isa) || (only && *only && strcmp(only, isa->name) != 0)) continue;
    if (index-- == 0) return isa;
  }
}
