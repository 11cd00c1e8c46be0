// Shapes of Attention. Q, K and V are [N, heads, length, size], or [N, length, heads * size] with
// the numbers of heads as attributes.
#include "base/error.h"
#include "base/size.h"
#include "graph/ops/elements.h"
#include "graph/ops/operands.h"
#include "graph/ops/ops.h"

// One of Q, K and V, whichever of the two ways it is written.
typedef struct heads {
  blok_dim batch, count, length, size;
} heads;

static blok_status read_heads(const blok_infer *infer, uint32_t slot, const char *attribute,
                              heads *out, blok_error *error) {
  const blok_fact *in = blok_infer_in(infer, slot);
  if (!in) return blok_infer_fail(infer, error, "input %u is left out", slot);
  if (in->rank == 4) {
    *out = (heads){in->dims[0], in->dims[1], in->dims[2], in->dims[3]};
    return BLOK_OK;
  }
  int64_t count = blok_node_int(infer->node, attribute, 0);
  if (in->rank != 3 || count < 1) {
    return blok_infer_fail(infer, error, "input %u is %s; it needs 4 axes, or 3 and %s", slot,
                           blok_print_fact(in).text, attribute);
  }
  *out = (heads){in->dims[0], blok_dim_of(count), in->dims[1], blok_dim_unknown()};
  if (!blok_dim_known(in->dims[2])) return BLOK_OK;
  if (in->dims[2].value % count != 0) {
    return blok_infer_fail(infer, error, "input %u is %s, whose last axis %lld heads do not divide",
                           slot, blok_print_fact(in).text, (long long)count);
  }
  out->size = blok_dim_of(in->dims[2].value / count);
  return BLOK_OK;
}

static blok_dim either(blok_dim a, blok_dim b) { return blok_dim_known(a) || a.symbol ? a : b; }

// What is known of K's length with the past before it.
static blok_dim total_length(const blok_infer *infer, blok_dim length) {
  const blok_fact *past = blok_infer_in(infer, 4);
  int64_t total;
  if (!past) return length;
  if (past->rank != 4 || !blok_dim_known(past->dims[2]) || !blok_dim_known(length) ||
      !blok_add_i64(past->dims[2].value, length.value, &total)) {
    return blok_dim_unknown();
  }
  return blok_dim_of(total);
}

static blok_dim product(blok_dim a, blok_dim b) {
  int64_t value;
  bool known = blok_dim_known(a) && blok_dim_known(b) && blok_mul_i64(a.value, b.value, &value);
  return known ? blok_dim_of(value) : blok_dim_unknown();
}

blok_status blok_infer_Attention(blok_infer *infer, blok_error *error) {
  blok_dtype dtype, value_dtype;
  BLOK_TRY(blok_infer_shared_dtype(infer, 0, 1, &dtype, error));
  BLOK_TRY(blok_infer_shared_dtype(infer, 2, 5, &value_dtype, error));
  blok_infer_set_dtype(infer, 0, dtype);
  blok_infer_set_dtype(infer, 1, dtype);
  blok_infer_set_dtype(infer, 2, value_dtype);
  blok_infer_set_dtype(infer, 3, dtype);
  heads q, k, v;
  for (uint32_t slot = 0; slot < 3; slot++) {
    if (!blok_fact_ranked(blok_infer_in(infer, slot))) return BLOK_OK;
  }
  BLOK_TRY(read_heads(infer, 0, "q_num_heads", &q, error));
  BLOK_TRY(read_heads(infer, 1, "kv_num_heads", &k, error));
  BLOK_TRY(read_heads(infer, 2, "kv_num_heads", &v, error));
  bool sizes_known = blok_dim_known(q.size) && blok_dim_known(k.size);
  bool counts_known = blok_dim_known(q.count) && blok_dim_known(k.count);
  if ((sizes_known && q.size.value != k.size.value) ||
      (counts_known && (k.count.value == 0 || q.count.value % k.count.value != 0))) {
    return blok_infer_fail(infer, error, "queries %s and keys %s do not go together",
                           blok_print_fact(infer->in[0]).text, blok_print_fact(infer->in[1]).text);
  }
  blok_dim batch = either(q.batch, k.batch), count = either(k.count, v.count);
  blok_dim length = total_length(infer, either(k.length, v.length));
  if (infer->in[0]->rank == 4) {
    blok_dim dims[4] = {batch, q.count, q.length, v.size};
    BLOK_TRY(blok_infer_set(infer, 0, dtype, 4, dims, error));
  } else {
    blok_dim dims[3] = {batch, q.length, product(q.count, v.size)};
    BLOK_TRY(blok_infer_set(infer, 0, dtype, 3, dims, error));
  }
  blok_dim keys[4] = {batch, count, length, either(k.size, q.size)};
  blok_dim values[4] = {batch, count, length, v.size};
  blok_dim scores[4] = {batch, q.count, q.length, length};
  BLOK_TRY(blok_infer_set(infer, 1, dtype, 4, keys, error));
  BLOK_TRY(blok_infer_set(infer, 2, value_dtype, 4, values, error));
  return blok_infer_set(infer, 3, dtype, 4, scores, error);
}
