// Functions of two values over vector words: see elementwise.h.
#ifndef BLOK_KERNELS_ELEMENTWISE_TEMPLATE_H
#define BLOK_KERNELS_ELEMENTWISE_TEMPLATE_H

#include <math.h>

#include "runtime/kernels/elementwise.h"
#include "runtime/kernels/epilogue_words.h"

// kind is a constant where this is called.
BLOK_INLINE vf binary_word(blok_binary_kind kind, vf a, vf b) {
  switch (kind) {
    case BLOK_BINARY_ADD:
      return vf_add(a, b);
    case BLOK_BINARY_SUB:
      return vf_sub(a, b);
    case BLOK_BINARY_MUL:
      return vf_mul(a, b);
    case BLOK_BINARY_DIV:
      return vf_div(a, b);
    case BLOK_BINARY_MAX:
      return vf_select(vf_nan(a), a, vf_max(a, b));
    case BLOK_BINARY_MIN:
      return vf_select(vf_nan(a), a, vf_min(a, b));
    case BLOK_BINARY_PRELU:
      return vf_select(vf_lt(a, vf_zero()), vf_mul(a, b), a);
    case BLOK_BINARY_POW: {
      float base[VF_LANES], exponent[VF_LANES];
      vf_store(base, a);
      vf_store(exponent, b);
      for (int i = 0; i < VF_LANES; i++) base[i] = powf(base[i], exponent[i]);
      return vf_load(base);
    }
    case BLOK_BINARY_KINDS:
      break;
  }
  return a;
}

BLOK_INLINE void binary_body(const blok_binary_job *job, blok_binary_kind kind, bool plain) {
  const size_t a_stride = job->a_stride, b_stride = job->b_stride, out_stride = job->out_stride;
  const uint32_t live = job->live;
  const bool single = !plain && job->b_single;
  const lanes_kind lanes = plain ? LANES_ALL : lanes_of(live, job->matrix);
  const vm keep = vf_lanes_below(live);
  const float *a = job->a, *b = job->b;
  float *out = job->out;
  for (size_t i = job->rows; i > 0; i--) {
    const vf x = vf_load_lanes(a, lanes, live);
    const vf y = single ? vf_broadcast(b) : vf_load_lanes(b, lanes, live);
    vf_store_lanes(out, binary_word(kind, x, y), lanes, live, keep);
    a += a_stride;
    b += b_stride;
    out += out_stride;
  }
}

// A loop for whole vectors and one for the rest.
#define BINARY_OF(name)                                   \
  static void binary_##name(const blok_binary_job *job) { \
    if (job->live == VF_LANES && !job->b_single) {        \
      binary_body(job, BLOK_BINARY_##name, true);         \
    } else {                                              \
      binary_body(job, BLOK_BINARY_##name, false);        \
    }                                                     \
  }
BINARY_OF(ADD)
BINARY_OF(SUB)
BINARY_OF(MUL)
BINARY_OF(DIV)
BINARY_OF(MAX)
BINARY_OF(MIN)
BINARY_OF(PRELU)
#undef BINARY_OF

// pow(x, 1/2) is the root but for -0, whose power is 0, and -infinity, whose is infinity.
static void square_roots(const blok_binary_job *job) {
  const lanes_kind lanes = lanes_of(job->live, job->matrix);
  const vm keep = vf_lanes_below(job->live);
  for (size_t i = 0; i < job->rows; i++) {
    const vf x = vf_load_lanes(job->a + i * job->a_stride, lanes, job->live);
    const vf root = vf_sqrt(vf_add(x, vf_zero()));
    const vf y = vf_select(vf_eq(x, vf_set(-INFINITY)), vf_set(INFINITY), root);
    vf_store_lanes(job->out + i * job->out_stride, y, lanes, job->live, keep);
  }
}

static bool all_are(const float *p, uint32_t n, float value) {
  for (uint32_t i = 0; i < n; i++) {
    if (p[i] != value) return false;
  }
  return true;
}

static void binary_POW(const blok_binary_job *job) {
  if (job->b_stride == 0 && job->rows > 0) {
    const uint32_t n = job->b_single ? 1 : job->live;
    if (all_are(job->b, n, 2.0f)) {
      blok_binary_job square = *job;
      square.b = job->a;
      square.b_stride = job->a_stride;
      square.b_single = false;
      binary_MUL(&square);
      return;
    }
    if (all_are(job->b, n, 0.5f)) {
      square_roots(job);
      return;
    }
  }
  binary_body(job, BLOK_BINARY_POW, false);
}

static void binary(const blok_binary_job *job) {
  static void (*const by_kind[BLOK_BINARY_KINDS])(const blok_binary_job *) = {
      [BLOK_BINARY_ADD] = binary_ADD,     [BLOK_BINARY_SUB] = binary_SUB,
      [BLOK_BINARY_MUL] = binary_MUL,     [BLOK_BINARY_DIV] = binary_DIV,
      [BLOK_BINARY_MAX] = binary_MAX,     [BLOK_BINARY_MIN] = binary_MIN,
      [BLOK_BINARY_PRELU] = binary_PRELU, [BLOK_BINARY_POW] = binary_POW,
  };
  if (job->matrix && job->live == 0) return;
  by_kind[job->kind](job);
}

const blok_elementwise_kernels ISA_NAME(blok_elementwise_kernels) = {
    .rows = ISA_NAME(blok_rows_job), .binary = binary};

#endif  // BLOK_KERNELS_ELEMENTWISE_TEMPLATE_H
