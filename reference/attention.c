// Attention: softmax(scale * Q K^T, softly capped, + bias) V, one query at a time, in double from
// the first product to the last. What a mask forbids has the bias -inf; a query that may look at
// nothing gives 0.
#include <math.h>

#include "base/error.h"
#include "base/size.h"
#include "reference/reference.h"

// Rows of a Q, K or V of either rank.
typedef struct rows {
  const blok_tensor *in;
  size_t batch, head, row;  // strides
  size_t heads, length, size;
} rows;

typedef struct attention_job {
  rows q, k, v;
  rows past_k, past_v;  // in is NULL: none
  size_t past, total;   // keys
  const blok_tensor *mask;
  size_t mask_strides[4];
  size_t mask_length;        // keys that the mask speaks of; others are forbidden
  const blok_tensor *valid;  // keys that count, one number a batch; NULL: all
  bool causal;
  int64_t left, right;  // the window; -1: no end
  double scale, cap;
  int64_t mode;  // of the fourth output
  double *query, *row, *bias, *scores, *sums;
} attention_job;

static bool view(const blok_tensor *in, int64_t heads, rows *out) {
  *out = (rows){.in = in};
  if (in->rank == 4) {
    out->heads = (size_t)in->dims[1];
    out->length = (size_t)in->dims[2];
    out->size = out->row = (size_t)in->dims[3];
    out->head = out->length * out->size;
    out->batch = out->heads * out->head;
    return true;
  }
  if (in->rank != 3 || heads < 1 || in->dims[2] % heads != 0) return false;
  out->heads = (size_t)heads;
  out->length = (size_t)in->dims[1];
  out->row = (size_t)in->dims[2];
  out->size = out->head = out->row / out->heads;
  out->batch = out->length * out->row;
  return true;
}

static void load(const rows *of, size_t batch, size_t head, size_t i, double *out) {
  blok_ref_load_many(of->in, batch * of->batch + head * of->head + i * of->row, of->size, out);
}

// Key or value i of the past and the present together.
static void load_joined(const rows *past, const rows *now, size_t batch, size_t head, size_t i,
                        double *out) {
  size_t before = past->in ? past->length : 0;
  if (i < before) {
    load(past, batch, head, i, out);
  } else {
    load(now, batch, head, i - before, out);
  }
}

// ---- Checks -------------------------------------------------------------------------------------

static blok_status fail_shapes(const blok_ref_call *call, blok_error *error) {
  return blok_ref_fail(call, error, BLOK_E_SHAPE,
                       "queries %s, keys %s and values %s do not go together",
                       blok_print_dims(call->in[0]->dims, call->in[0]->rank).text,
                       blok_print_dims(call->in[1]->dims, call->in[1]->rank).text,
                       blok_print_dims(call->in[2]->dims, call->in[2]->rank).text);
}

static blok_status check_types(const blok_ref_call *call, blok_error *error) {
  int64_t precision = blok_node_int(call->node, "softmax_precision", BLOK_F64);
  for (uint32_t slot = 0; slot < 3; slot++) {
    blok_dtype dtype = call->in[slot]->dtype;
    // For 16 bits the softmax is to be rounded as it goes, which double is not.
    if (dtype != BLOK_F32 && dtype != BLOK_F64)
      return blok_ref_unsupported_type(call, error, dtype);
  }
  if (precision == BLOK_F32 || precision == BLOK_F64) return BLOK_OK;
  return blok_ref_fail(call, error, BLOK_E_UNSUPPORTED,
                       "softmax_precision %lld; 1 (float32) and 11 (float64) are supported",
                       (long long)precision);
}

// The mask stands at the end of [batch, heads, queries, keys] and may be shorter along keys.
static blok_status read_mask(const blok_ref_call *call, attention_job *job, blok_error *error) {
  const blok_tensor *mask = blok_ref_in(call, 3);
  size_t full[4] = {(size_t)call->in[0]->dims[0], job->q.heads, job->q.length, job->total};
  job->mask = mask;
  job->mask_length = job->total;
  if (!mask) return BLOK_OK;
  bool fits = mask->rank >= 1 && mask->rank <= 4;
  int64_t own[BLOK_MAX_RANK];
  blok_ref_strides(mask, own);
  for (uint32_t i = 0; fits && i < mask->rank; i++) {
    uint32_t axis = 4 - mask->rank + i;
    size_t size = (size_t)mask->dims[i];
    fits = size == full[axis] || size == 1 || (axis == 3 && size < full[axis]);
    if (axis == 3 || size != 1) job->mask_strides[axis] = (size_t)own[i];
    if (axis == 3) job->mask_length = size;
  }
  if (!fits) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "mask %s does not fit %zu queries by %zu keys",
                         blok_print_dims(mask->dims, mask->rank).text, job->q.length, job->total);
  }
  if (mask->dtype == BLOK_BOOL || blok_dtype_is_float(mask->dtype)) return BLOK_OK;
  return blok_ref_unsupported_type(call, error, mask->dtype);
}

static blok_status plan(const blok_ref_call *call, attention_job *job, blok_error *error) {
  const blok_tensor *past_k = blok_ref_in(call, 4), *past_v = blok_ref_in(call, 5);
  int64_t q_heads = blok_node_int(call->node, "q_num_heads", 0);
  int64_t kv_heads = blok_node_int(call->node, "kv_num_heads", 0);
  bool fits = view(call->in[0], q_heads, &job->q) && view(call->in[1], kv_heads, &job->k) &&
              view(call->in[2], kv_heads, &job->v) && !past_k == !past_v;
  if (fits && past_k) {
    fits = past_k->rank == 4 && past_v->rank == 4 && view(past_k, 0, &job->past_k) &&
           view(past_v, 0, &job->past_v) && past_k->dims[0] == call->in[1]->dims[0] &&
           past_v->dims[0] == past_k->dims[0] && job->past_k.heads == job->k.heads &&
           job->past_v.heads == job->v.heads && job->past_k.length == job->past_v.length &&
           job->past_k.size == job->k.size && job->past_v.size == job->v.size &&
           past_k->dtype == call->in[1]->dtype && past_v->dtype == call->in[2]->dtype;
    job->past = job->past_k.length;
  }
  fits = fits && job->k.heads > 0 && job->q.heads % job->k.heads == 0 &&
         job->k.heads == job->v.heads && job->k.length == job->v.length &&
         job->q.size == job->k.size && call->in[0]->dims[0] == call->in[1]->dims[0] &&
         call->in[0]->dims[0] == call->in[2]->dims[0];
  if (!fits) return fail_shapes(call, error);
  job->total = job->past + job->k.length;
  job->valid = blok_ref_in(call, 6);
  if (job->valid && (past_k || blok_ref_count(job->valid) != (size_t)call->in[0]->dims[0])) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE,
                         "nonpad_kv_seqlen needs one number for each batch, and no past");
  }
  job->causal = blok_node_int(call->node, "is_causal", 0) != 0;
  job->left = blok_node_int(call->node, "left_window_size", -1);
  job->right = blok_node_int(call->node, "right_window_size", -1);
  job->mode = blok_node_int(call->node, "qk_matmul_output_mode", 0);
  job->cap = (double)blok_node_float(call->node, "softcap", 0.0F);
  job->scale = 1 / sqrt((double)job->q.size);
  if (blok_node_attr(call->node, "scale")) {
    job->scale = (double)blok_node_float(call->node, "scale", 1.0F);
  }
  return read_mask(call, job, error);
}

static blok_status make_room(const blok_ref_call *call, attention_job *job, blok_error *error) {
  BLOK_TRY(blok_ref_scratch(call, job->q.size, sizeof(double), &job->query, error));
  size_t widest = job->k.size > job->v.size ? job->k.size : job->v.size;
  BLOK_TRY(blok_ref_scratch(call, widest, sizeof(double), &job->row, error));
  BLOK_TRY(blok_ref_scratch(call, job->total, sizeof(double), &job->bias, error));
  BLOK_TRY(blok_ref_scratch(call, job->total, sizeof(double), &job->scores, error));
  return blok_ref_scratch(call, job->v.size, sizeof(double), &job->sums, error);
}

// ---- One query ----------------------------------------------------------------------------------

// The bias of each key. False: all are -inf.
static bool find_bias(attention_job *job, size_t batch, size_t head, size_t i) {
  int64_t valid = job->valid ? blok_ref_load_i64(job->valid, batch) : (int64_t)job->total;
  int64_t offset = job->valid ? valid - (int64_t)job->q.length : (int64_t)job->past;
  int64_t place = (int64_t)i + offset;  // of the query among the keys
  size_t at = batch * job->mask_strides[0] + head * job->mask_strides[1] + i * job->mask_strides[2];
  bool any = false;
  for (size_t j = 0; j < job->total; j++) {
    int64_t key = (int64_t)j;
    bool allowed = key < valid && (!job->causal || key <= place) && j < job->mask_length &&
                   (job->left < 0 || place - key <= job->left) &&
                   (job->right < 0 || key - place <= job->right);
    double bias = 0.0;
    if (allowed && job->mask) {
      double value = blok_ref_load(job->mask, at + j * job->mask_strides[3]);
      if (job->mask->dtype == BLOK_BOOL) allowed = value != 0.0;
      if (job->mask->dtype != BLOK_BOOL) bias = value;
    }
    job->bias[j] = allowed ? bias : -(double)INFINITY;
    if (job->bias[j] > -(double)INFINITY || isnan(job->bias[j])) any = true;
  }
  return any;
}

static void softmax(double *scores, size_t n, bool any) {
  double largest = -(double)INFINITY, sum = 0;
  for (size_t j = 0; j < n; j++) {
    if (scores[j] > largest || isnan(scores[j])) largest = scores[j];
  }
  bool nothing = !any || largest == -(double)INFINITY;
  for (size_t j = 0; j < n; j++) {
    scores[j] = nothing ? 0.0 : exp(scores[j] - largest);
    sum += scores[j];
  }
  for (size_t j = 0; j < n && !nothing; j++) scores[j] /= sum;
}

static void attend(const blok_ref_call *call, attention_job *job, size_t batch, size_t head,
                   size_t i) {
  const blok_tensor *kept = call->n_out > 3 ? call->out[3] : NULL;
  size_t shared = head / (job->q.heads / job->k.heads);  // the head of keys and values
  size_t kept_at = ((batch * job->q.heads + head) * job->q.length + i) * job->total;
  bool any = find_bias(job, batch, head, i);
  load(&job->q, batch, head, i, job->query);
  for (size_t j = 0; j < job->total; j++) {
    double sum = 0;
    load_joined(&job->past_k, &job->k, batch, shared, j, job->row);
    for (size_t d = 0; d < job->q.size; d++) sum += job->query[d] * job->row[d];
    job->scores[j] = sum * job->scale;
  }
  if (kept && job->mode == 0) blok_ref_store_many(kept, kept_at, job->total, job->scores);
  for (size_t j = 0; j < job->total && job->cap > 0.0; j++) {
    job->scores[j] = tanh(job->scores[j] / job->cap) * job->cap;
  }
  if (kept && job->mode == 1) blok_ref_store_many(kept, kept_at, job->total, job->scores);
  for (size_t j = 0; j < job->total; j++) job->scores[j] += job->bias[j];
  if (kept && job->mode == 2) blok_ref_store_many(kept, kept_at, job->total, job->scores);
  softmax(job->scores, job->total, any);
  if (kept && job->mode == 3) blok_ref_store_many(kept, kept_at, job->total, job->scores);
  for (size_t d = 0; d < job->v.size; d++) job->sums[d] = 0;
  for (size_t j = 0; j < job->total; j++) {
    load_joined(&job->past_v, &job->v, batch, shared, j, job->row);
    for (size_t d = 0; d < job->v.size; d++) job->sums[d] += job->scores[j] * job->row[d];
  }
  // The result is laid out as the queries are, with the values' size.
  size_t lines = job->q.heads * job->q.length;
  size_t line = call->in[0]->rank == 4 ? head * job->q.length + i : i * job->q.heads + head;
  blok_ref_store_many(call->out[0], (batch * lines + line) * job->v.size, job->v.size, job->sums);
}

// Output slot gets the past and the present one after the other.
static void keep(const blok_ref_call *call, uint32_t slot, const rows *past, const rows *now,
                 size_t total, double *row) {
  const blok_tensor *out = slot < call->n_out ? call->out[slot] : NULL;
  size_t lines = out ? (size_t)call->in[0]->dims[0] * now->heads * total : 0;
  for (size_t i = 0; i < lines; i++) {
    size_t head = i / total;
    load_joined(past, now, head / now->heads, head % now->heads, i % total, row);
    blok_ref_store_many(out, i * now->size, now->size, row);
  }
}

// The outputs have room for what is written.
static bool outputs_fit(const blok_ref_call *call, const attention_job *job) {
  size_t batch = (size_t)call->in[0]->dims[0];
  size_t want[4] = {batch * job->q.heads * job->q.length * job->v.size,
                    batch * job->k.heads * job->total * job->k.size,
                    batch * job->k.heads * job->total * job->v.size,
                    batch * job->q.heads * job->q.length * job->total};
  for (uint32_t i = 0; i < 4 && i < call->n_out; i++) {
    if (call->out[i] && blok_ref_count(call->out[i]) != want[i]) return false;
  }
  return true;
}

blok_status blok_ref_Attention(blok_ref_call *call, blok_error *error) {
  attention_job job = {0};
  blok_status status;
  BLOK_TRY(check_types(call, error));
  BLOK_TRY(plan(call, &job, error));
  if (!outputs_fit(call, &job)) return fail_shapes(call, error);
  BLOK_TRY_TO(done, make_room(call, &job, error));
  for (size_t b = 0; b < (size_t)call->in[0]->dims[0]; b++) {
    for (size_t h = 0; h < job.q.heads; h++) {
      for (size_t i = 0; i < job.q.length; i++) attend(call, &job, b, h, i);
    }
  }
  keep(call, 1, &job.past_k, &job.k, job.total, job.row);
  keep(call, 2, &job.past_v, &job.v, job.total, job.row);
done:
  blok_free(call->allocator, job.query);
  blok_free(call->allocator, job.row);
  blok_free(call->allocator, job.bias);
  blok_free(call->allocator, job.scores);
  blok_free(call->allocator, job.sums);
  return status;
}
