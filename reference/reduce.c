// ReduceMax, ReduceMean, ReduceProd, ReduceSum.
//
// Every output element goes through its reduced elements in their order; floats are gathered in a
// double, integers in 64 bits that wrap.
#include <math.h>

#include "base/error.h"
#include "graph/ops/geometry.h"
#include "reference/reference.h"
#include "reference/walk.h"

typedef struct reduction {
  blok_op op;
  // The input's axes that go, and their strides.
  uint32_t rank;
  int64_t dims[BLOK_MAX_RANK];
  int64_t strides[BLOK_MAX_RANK];
  uint64_t count;  // elements that make one
} reduction;

static double start_of(const reduction *of) {
  if (of->op == BLOK_OP_ReduceMax) return -HUGE_VAL;
  return of->op == BLOK_OP_ReduceProd ? 1.0 : 0.0;
}

static double add_float(blok_op op, double sum, double x) {
  if (op == BLOK_OP_ReduceProd) return sum * x;
  if (op == BLOK_OP_ReduceMax) return x > sum || isnan(x) ? x : sum;  // NaN stays
  return sum + x;
}

static double reduce_float(const reduction *of, const blok_tensor *in, int64_t base) {
  double sum = start_of(of);
  blok_walk walk;
  const int64_t *strides[1] = {of->strides};
  for (bool more = blok_walk_begin(&walk, of->rank, of->dims, 1, strides); more;
       more = blok_walk_next(&walk)) {
    int64_t at = base + walk.offset[0];
    if (in->dtype == BLOK_F32) {
      const float *from = (const float *)in->data + at;
      for (int64_t i = 0; i < walk.length; i++) {
        sum = add_float(of->op, sum, (double)from[i * walk.step[0]]);
      }
      continue;
    }
    for (int64_t i = 0; i < walk.length; i++) {
      sum = add_float(of->op, sum, blok_ref_load(in, (size_t)(at + i * walk.step[0])));
    }
  }
  return of->op == BLOK_OP_ReduceMean ? sum / (double)of->count : sum;
}

static int64_t least(blok_dtype dtype) {
  switch ((int)dtype) {
    case BLOK_I8:
      return INT8_MIN;
    case BLOK_I16:
      return INT16_MIN;
    case BLOK_I32:
      return INT32_MIN;
    case BLOK_I64:
      return INT64_MIN;
    default:
      return 0;
  }
}

static int64_t reduce_integer(const reduction *of, const blok_tensor *in, int64_t base) {
  uint64_t sum = of->op == BLOK_OP_ReduceProd ? 1 : 0;
  if (of->op == BLOK_OP_ReduceMax) sum = (uint64_t)least(in->dtype);
  bool is_unsigned = blok_dtype_is_unsigned(in->dtype);
  blok_walk walk;
  const int64_t *strides[1] = {of->strides};
  for (bool more = blok_walk_begin(&walk, of->rank, of->dims, 1, strides); more;
       more = blok_walk_next(&walk)) {
    for (int64_t i = 0; i < walk.length; i++) {
      size_t at = (size_t)(base + walk.offset[0] + i * walk.step[0]);
      uint64_t x = (uint64_t)blok_ref_load_i64(in, at);
      if (of->op == BLOK_OP_ReduceMax) {
        bool larger = is_unsigned ? x > sum : (int64_t)x > (int64_t)sum;
        if (larger) sum = x;
      } else {
        sum = of->op == BLOK_OP_ReduceProd ? sum * x : sum + x;
      }
    }
  }
  if (of->op != BLOK_OP_ReduceMean) return (int64_t)sum;
  return is_unsigned ? (int64_t)(sum / of->count) : (int64_t)sum / (int64_t)of->count;
}

// Marks the axes that go.
static blok_status read_axes(const blok_ref_call *call, bool *gone, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *axes_in = blok_ref_in(call, 1);
  int64_t axes[BLOK_MAX_RANK];
  int64_t bad = 0;
  uint32_t n = 0;
  if (axes_in && !blok_ref_ints(axes_in, axes, BLOK_MAX_RANK, &n)) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "axes is no small tensor of integers");
  }
  if (!blok_axes_mark(axes, n, in->rank, gone, &bad)) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE,
                         "axis %lld is out of range or named twice for input %s", (long long)bad,
                         blok_print_dims(in->dims, in->rank).text);
  }
  bool all = n == 0 && blok_node_int(call->node, "noop_with_empty_axes", 0) == 0;
  for (uint32_t i = 0; all && i < in->rank; i++) gone[i] = true;
  return BLOK_OK;
}

blok_status blok_ref_Reduce(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *out = call->out[0];
  bool gone[BLOK_MAX_RANK] = {false};
  int64_t own[BLOK_MAX_RANK];
  bool floats = blok_dtype_is_float(in->dtype);
  bool truth = in->dtype == BLOK_BOOL && call->node->op == BLOK_OP_ReduceMax;
  if (!floats && !truth && !blok_dtype_is_integer(in->dtype)) {
    return blok_ref_unsupported_type(call, error, in->dtype);
  }
  BLOK_TRY(read_axes(call, gone, error));
  reduction of = {call->node->op, 0, {0}, {0}, 1};
  int64_t kept_dims[BLOK_MAX_RANK];
  int64_t kept_strides[BLOK_MAX_RANK];
  uint32_t kept = 0;
  blok_ref_strides(in, own);
  for (uint32_t i = 0; i < in->rank; i++) {
    if (gone[i]) {
      of.dims[of.rank] = in->dims[i];
      of.strides[of.rank++] = own[i];
      of.count *= (uint64_t)in->dims[i];
    } else {
      kept_dims[kept] = in->dims[i];
      kept_strides[kept++] = own[i];
    }
  }
  if (!floats && of.op == BLOK_OP_ReduceMean && of.count == 0 && blok_ref_count(out) > 0) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "the mean of no integers is none");
  }
  blok_walk walk;
  const int64_t *strides[1] = {kept_strides};
  size_t to = 0;
  for (bool more = blok_walk_begin(&walk, kept, kept_dims, 1, strides); more;
       more = blok_walk_next(&walk)) {
    for (int64_t i = 0; i < walk.length; i++, to++) {
      int64_t base = walk.offset[0] + i * walk.step[0];
      if (floats) {
        blok_ref_store(out, to, reduce_float(&of, in, base));
      } else {
        blok_ref_store_i64(out, to, reduce_integer(&of, in, base));
      }
    }
  }
  return BLOK_OK;
}
