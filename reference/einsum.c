// Einsum: for every element of the result, the products of the operands' elements are summed over
// the labels that the result has not.
#include "graph/ops/einsum.h"

#include "base/error.h"
#include "reference/reference.h"
#include "reference/walk.h"

typedef struct einsum_job {
  blok_einsum of;
  int64_t size[BLOK_EINSUM_LABELS];
  int64_t strides[BLOK_EINSUM_OPERANDS][BLOK_EINSUM_LABELS];  // of each operand by label
  // The labels that are summed over.
  uint32_t n_sums;
  int64_t sum_dims[BLOK_MAX_RANK];
  int64_t sum_strides[BLOK_EINSUM_OPERANDS][BLOK_MAX_RANK];
} einsum_job;

static blok_status plan(const blok_ref_call *call, einsum_job *job, blok_error *error) {
  blok_einsum *of = &job->of;
  uint32_t ranks[BLOK_EINSUM_OPERANDS] = {0};
  bool in_result[BLOK_EINSUM_LABELS] = {false};
  if (call->n_in > BLOK_EINSUM_OPERANDS) {
    return blok_ref_fail(call, error, BLOK_E_UNSUPPORTED, "%u inputs; %d are supported", call->n_in,
                         BLOK_EINSUM_OPERANDS);
  }
  for (uint32_t k = 0; k < call->n_in; k++) {
    if (!call->in[k]) return blok_ref_fail(call, error, BLOK_E_SHAPE, "input %u is missing", k);
    ranks[k] = call->in[k]->rank;
  }
  const char *wrong = blok_einsum_read(call->node, call->n_in, ranks, of);
  if (wrong) return blok_ref_fail(call, error, BLOK_E_SHAPE, "its equation %s", wrong);
  for (uint32_t i = 0; i < of->n_labels; i++) job->size[i] = 1;
  for (uint32_t k = 0; k < of->n_operands; k++) {
    for (uint32_t i = 0; i < of->rank[k]; i++) {
      uint8_t label = of->axes[k][i];
      if (job->size[label] == 1) job->size[label] = call->in[k]->dims[i];
    }
  }
  for (uint32_t k = 0; k < of->n_operands; k++) {
    int64_t own[BLOK_MAX_RANK];
    blok_ref_strides(call->in[k], own);
    for (uint32_t i = 0; i < of->rank[k]; i++) {
      uint8_t label = of->axes[k][i];
      int64_t dim = call->in[k]->dims[i];
      if (dim != job->size[label] && dim != 1) {
        return blok_ref_fail(call, error, BLOK_E_SHAPE,
                             "input %u is %s, another one has %lld on an axis of the same label", k,
                             blok_print_dims(call->in[k]->dims, call->in[k]->rank).text,
                             (long long)job->size[label]);
      }
      if (dim != 1) job->strides[k][label] += own[i];
    }
  }
  for (uint32_t i = 0; i < of->out_rank; i++) in_result[of->out_axes[i]] = true;
  for (uint32_t label = 0; label < of->n_labels; label++) {
    if (in_result[label] || job->size[label] == 1) continue;
    if (job->n_sums == BLOK_MAX_RANK) {
      return blok_ref_fail(call, error, BLOK_E_UNSUPPORTED, "it sums over more than %d labels",
                           BLOK_MAX_RANK);
    }
    job->sum_dims[job->n_sums] = job->size[label];
    for (uint32_t k = 0; k < of->n_operands; k++) {
      job->sum_strides[k][job->n_sums] = job->strides[k][label];
    }
    job->n_sums++;
  }
  return BLOK_OK;
}

// One element of the result: the operands begin at base.
static void sum_products(const blok_ref_call *call, const einsum_job *job, const int64_t *base,
                         size_t to) {
  const int64_t *strides[BLOK_EINSUM_OPERANDS];
  uint32_t n = job->of.n_operands;
  bool floats = blok_dtype_is_float(call->out[0]->dtype);
  double sum = 0.0;
  uint64_t whole = 0;
  blok_walk walk;
  for (uint32_t k = 0; k < n; k++) strides[k] = job->sum_strides[k];
  for (bool more = blok_walk_begin(&walk, job->n_sums, job->sum_dims, n, strides); more;
       more = blok_walk_next(&walk)) {
    for (int64_t i = 0; i < walk.length; i++) {
      double product = 1.0;
      uint64_t whole_product = 1;
      for (uint32_t k = 0; k < n; k++) {
        size_t at = (size_t)(base[k] + walk.offset[k] + i * walk.step[k]);
        if (floats) product *= blok_ref_load(call->in[k], at);
        if (!floats) whole_product *= (uint64_t)blok_ref_load_i64(call->in[k], at);
      }
      sum += product;
      whole += whole_product;
    }
  }
  if (floats) {
    blok_ref_store(call->out[0], to, sum);
  } else {
    blok_ref_store_i64(call->out[0], to, (int64_t)whole);
  }
}

blok_status blok_ref_Einsum(blok_ref_call *call, blok_error *error) {
  const blok_tensor *out = call->out[0];
  einsum_job job = {0};
  if (!blok_dtype_is_float(out->dtype) && !blok_dtype_is_integer(out->dtype)) {
    return blok_ref_unsupported_type(call, error, out->dtype);
  }
  for (uint32_t k = 0; k < call->n_in; k++) {
    if (call->in[k] && call->in[k]->dtype != out->dtype) {
      return blok_ref_unsupported_type(call, error, call->in[k]->dtype);
    }
  }
  BLOK_TRY(plan(call, &job, error));
  bool fits = out->rank == job.of.out_rank;
  for (uint32_t i = 0; fits && i < out->rank; i++) {
    fits = out->dims[i] == job.size[job.of.out_axes[i]];
  }
  if (!fits) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "the inputs do not give output %s",
                         blok_print_dims(out->dims, out->rank).text);
  }
  int64_t at[BLOK_MAX_RANK] = {0};
  size_t count = blok_ref_count(out);
  for (size_t to = 0; to < count; to++) {
    int64_t base[BLOK_EINSUM_OPERANDS] = {0};
    for (uint32_t k = 0; k < job.of.n_operands; k++) {
      for (uint32_t i = 0; i < out->rank; i++) {
        base[k] += at[i] * job.strides[k][job.of.out_axes[i]];
      }
    }
    sum_products(call, &job, base, to);
    for (uint32_t i = out->rank; i-- > 0;) {
      if (++at[i] < out->dims[i]) break;
      at[i] = 0;
    }
  }
  return BLOK_OK;
}
