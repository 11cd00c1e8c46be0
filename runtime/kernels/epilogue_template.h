// The tile epilogue over vector words: see epilogue.h and epilogue_rows.h.
//
// Each activation is one loop over rows, made from one body with constants in it. What is cheap and
// frequent has loops of its own, for every mixture of residual and sums; the others ask for each
// row whether there are any, which is little beside their arithmetic. An activation after the
// residual other than a relu is a second pass over a block that lies in the first cache.
//
// Absent factors and summands are 1 and -0: x * 1 + -0 is x, -0 and NaN included.
#ifndef BLOK_KERNELS_EPILOGUE_TEMPLATE_H
#define BLOK_KERNELS_EPILOGUE_TEMPLATE_H

#include "runtime/kernels/epilogue_act.h"
#include "runtime/kernels/epilogue_rows.h"
#include "runtime/kernels/epilogue_words.h"

BLOK_INLINE vf vf_or(const float *p, float absent) { return p ? vf_load(p) : vf_set(absent); }

// What a loop does. Constants, where a loop of its own is wanted.
typedef struct rows_form {
  blok_act_kind act, after;
  bool residual, scaled, sums;
  bool unit;  // the activation's a is 1
  lanes_kind lanes;
} rows_form;

BLOK_INLINE void rows_body(const blok_rows_job *job, rows_form form) {
  const uint32_t live = job->live;
  const vf mul = vf_or(job->mul, 1.0f), bias = vf_or(job->bias, -0.0f);
  const vf scale = vf_or(job->scale, 1.0f);
  const vf_act_words words = {vf_set(form.unit ? 1.0f : job->act.a), vf_set(job->act.b),
                              vf_or(job->slope, 0.0f)};
  const vm keep = vf_lanes_below(live);
  const size_t in_stride = job->in_stride, out_stride = job->out_stride;
  const size_t beside_stride = job->residual_stride;
  const float *in = job->in, *beside = job->residual;
  float *out = job->out;
  vf sum = vf_zero();
  for (size_t i = job->rows; i > 0; i--) {
    vf x = vf_act(form.act, vf_fma(vf_load_lanes(in, form.lanes, live), mul, bias), &words);
    if (form.residual) {
      x = vf_fma(x, scale, vf_load_lanes(beside, form.lanes, live));
      beside += beside_stride;
    } else if (form.scaled) {
      x = vf_mul(x, scale);
    }
    x = vf_act(form.after, x, &words);
    if (form.sums) sum = vf_add(sum, form.lanes == LANES_ALL ? x : vf_select(keep, x, vf_zero()));
    vf_store_lanes(out, x, form.lanes, live, keep);
    in += in_stride;
    out += out_stride;
  }
  if (form.sums) vf_store(job->sums, vf_add(vf_load(job->sums), sum));
}

// ---- Every activation: without after ------------------------------------------------------------

// clang-format off
#define EACH_ACT(X)                                                                            \
  X(NONE) X(RELU) X(CLIP) X(LEAKY) X(PRELU) X(SIGMOID) X(TANH) X(HARD_SIGMOID) X(HARD_SWISH)   \
  X(SILU) X(GELU) X(GELU_TANH) X(MISH) X(ELU) X(SELU) X(SOFTPLUS) X(ERF) X(EXP) X(LOG) X(SQRT) \
  X(RECIPROCAL) X(ABS) X(NEG) X(FLOOR) X(CEIL) X(ROUND) X(SOFTSIGN)
// clang-format on

#define ROWS_OF(kind)                                                   \
  static void rows_##kind(const blok_rows_job *job, lanes_kind lanes) { \
    rows_body(job, (rows_form){.act = BLOK_FN_##kind,                   \
                               .residual = job->residual != NULL,       \
                               .scaled = job->scale != NULL,            \
                               .sums = job->sums != NULL,               \
                               .lanes = lanes});                        \
  }
EACH_ACT(ROWS_OF)
#undef ROWS_OF

typedef void (*rows_fn)(const blok_rows_job *job, lanes_kind lanes);
#define ROW_OF(kind) [BLOK_FN_##kind] = rows_##kind,
static const rows_fn rows_by_act[BLOK_FN_KINDS] = {EACH_ACT(ROW_OF)};
#undef ROW_OF

// ---- The frequent ones: all lanes are channels, no scale but with a residual, a of SiLU is 1 ----

#define QUICK_FORM(act_, after_, residual_, sums_)     \
  ((rows_form){.act = BLOK_FN_##act_,                  \
               .after = BLOK_FN_##after_,              \
               .residual = residual_,                  \
               .sums = sums_,                          \
               .unit = BLOK_FN_##act_ == BLOK_FN_SILU, \
               .lanes = LANES_ALL})
#define QUICK(name, act, after, residual)                      \
  static void quick_##name(const blok_rows_job *job) {         \
    if (job->sums) {                                           \
      rows_body(job, QUICK_FORM(act, after, residual, true));  \
    } else {                                                   \
      rows_body(job, QUICK_FORM(act, after, residual, false)); \
    }                                                          \
  }
QUICK(none, NONE, NONE, false)
QUICK(relu, RELU, NONE, false)
QUICK(clip, CLIP, NONE, false)
QUICK(hard_swish, HARD_SWISH, NONE, false)
QUICK(silu, SILU, NONE, false)
QUICK(add, NONE, NONE, true)
QUICK(add_relu, NONE, RELU, true)
#undef QUICK
#undef QUICK_FORM

typedef void (*quick_fn)(const blok_rows_job *job);
static quick_fn quick_rows(const blok_rows_job *job) {
  if (job->residual) {
    if (job->act.kind != BLOK_FN_NONE) return NULL;
    if (job->after.kind == BLOK_FN_NONE) return quick_add;
    return job->after.kind == BLOK_FN_RELU ? quick_add_relu : NULL;
  }
  if (job->after.kind != BLOK_FN_NONE || job->scale) return NULL;
  switch ((int)job->act.kind) {
    case BLOK_FN_NONE:
      return quick_none;
    case BLOK_FN_RELU:
      return quick_relu;
    case BLOK_FN_CLIP:
      return quick_clip;
    case BLOK_FN_HARD_SWISH:
      return quick_hard_swish;
    case BLOK_FN_SILU:
      return job->act.a == 1.0f ? quick_silu : NULL;
    default:
      return NULL;
  }
}

// ---- The two functions --------------------------------------------------------------------------

// So many rows lie in the first cache between two passes.
enum { PASS_ROWS = 128 };

BLOK_INLINE const float *rows_on(const float *p, size_t distance) {
  return p ? p + distance : NULL;
}

static void two_passes(const blok_rows_job *job, lanes_kind lanes) {
  blok_rows_job first = *job;
  first.sums = NULL;
  blok_rows_job second = {.in_stride = job->out_stride,
                          .out_stride = job->out_stride,
                          .live = job->live,
                          .act = job->after,
                          .slope = job->slope,
                          .sums = job->sums};
  for (size_t done = 0; done < job->rows; done += PASS_ROWS) {
    const size_t rows = job->rows - done < PASS_ROWS ? job->rows - done : PASS_ROWS;
    first.in = job->in + done * job->in_stride;
    first.residual = rows_on(job->residual, done * job->residual_stride);
    first.out = second.out = job->out + done * job->out_stride;
    second.in = second.out;
    first.rows = second.rows = rows;
    rows_by_act[job->act.kind](&first, lanes);
    rows_by_act[job->after.kind](&second, lanes);
  }
}

void ISA_NAME(blok_rows_job)(const blok_rows_job *job) {
  const lanes_kind lanes = lanes_of(job->live, job->matrix);
  if (lanes == LANES_MATRIX && job->live == 0) return;
  const quick_fn quick = lanes == LANES_ALL ? quick_rows(job) : NULL;
  if (quick) {
    quick(job);
  } else if (job->after.kind == BLOK_FN_NONE) {
    rows_by_act[job->act.kind](job, lanes);
  } else {
    two_passes(job, lanes);
  }
}

BLOK_INLINE const float *by_channel(const float *p, size_t channel) {
  return p ? p + channel : NULL;
}

void ISA_NAME(blok_epilogue)(const blok_epilogue *epilogue, const blok_tile *tile) {
  for (uint32_t i = 0; i < tile->blocks; i++) {
    const size_t channel = (size_t)tile->channel + (size_t)i * VF_LANES;
    const size_t left = tile->channels > channel ? tile->channels - channel : 0;
    float *out = tile->out + i * tile->block_stride;
    const blok_rows_job job = {
        .in = out,
        .out = out,
        .residual = tile->residual ? tile->residual + i * tile->residual_block_stride : NULL,
        .in_stride = tile->row_stride,
        .out_stride = tile->row_stride,
        .residual_stride = tile->residual_row_stride,
        .rows = tile->rows,
        .live = left < VF_LANES ? (uint32_t)left : VF_LANES,
        .matrix = tile->matrix,
        .act = epilogue->act,
        .after = epilogue->after,
        .mul = by_channel(epilogue->mul, channel),
        .bias = by_channel(epilogue->bias, channel),
        .scale = by_channel(epilogue->scale, channel),
        .slope = by_channel(epilogue->slope, channel),
        .sums = tile->sums ? tile->sums + channel : NULL,
    };
    ISA_NAME(blok_rows_job)(&job);
  }
}

#endif  // BLOK_KERNELS_EPILOGUE_TEMPLATE_H
