// ReduceL1, ReduceL2, ReduceLogSum, ReduceLogSumExp, ReduceMax, ReduceMean, ReduceMin, ReduceProd,
// ReduceSum, ReduceSumSquare.
//
// Every output element goes through its reduced elements in their order; floats are gathered in a
// double, integers in 64 bits that wrap. Integers under a root or logarithm count as floats.
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

// What has been gathered so far. ReduceLogSumExp keeps the largest element, peak, apart, and sum is
// that of exp(x - peak): nothing overflows.
typedef struct gathered {
  double sum, peak;
} gathered;

static gathered start_of(blok_op op) {
  gathered start = {0.0, -HUGE_VAL};
  if (op == BLOK_OP_ReduceMax) start.sum = -HUGE_VAL;
  if (op == BLOK_OP_ReduceMin) start.sum = HUGE_VAL;
  if (op == BLOK_OP_ReduceProd) start.sum = 1.0;
  return start;
}

static void add_exp(gathered *all, double x) {
  if (x == all->peak) {
    all->sum += x == -HUGE_VAL ? 0.0 : 1.0;
  } else if (x > all->peak) {
    all->sum = all->sum * exp(all->peak - x) + 1.0;
    all->peak = x;
  } else {
    all->sum += exp(x - all->peak);
  }
}

static void add_float(blok_op op, gathered *all, double x) {
  switch ((int)op) {
    case BLOK_OP_ReduceL1:
      all->sum += fabs(x);
      break;
    case BLOK_OP_ReduceL2:
    case BLOK_OP_ReduceSumSquare:
      all->sum += x * x;
      break;
    case BLOK_OP_ReduceLogSumExp:
      add_exp(all, x);
      break;
    case BLOK_OP_ReduceMax:
      if (x > all->sum || isnan(x)) all->sum = x;  // NaN stays
      break;
    case BLOK_OP_ReduceMin:
      if (x < all->sum || isnan(x)) all->sum = x;
      break;
    case BLOK_OP_ReduceProd:
      all->sum *= x;
      break;
    default:
      all->sum += x;
      break;
  }
}

static double finish(const reduction *of, const gathered *all) {
  switch ((int)of->op) {
    case BLOK_OP_ReduceL2:
      return sqrt(all->sum);
    case BLOK_OP_ReduceLogSum:
      return log(all->sum);
    case BLOK_OP_ReduceLogSumExp:
      return all->peak + log(all->sum);
    case BLOK_OP_ReduceMean:
      return all->sum / (double)of->count;
    default:
      return all->sum;
  }
}

static double reduce_float(const reduction *of, const blok_tensor *in, int64_t base) {
  gathered all = start_of(of->op);
  blok_walk walk;
  const int64_t *strides[1] = {of->strides};
  for (bool more = blok_walk_begin(&walk, of->rank, of->dims, 1, strides); more;
       more = blok_walk_next(&walk)) {
    int64_t at = base + walk.offset[0];
    if (in->dtype == BLOK_F32) {
      const float *from = (const float *)in->data + at;
      for (int64_t i = 0; i < walk.length; i++) {
        add_float(of->op, &all, (double)from[i * walk.step[0]]);
      }
      continue;
    }
    for (int64_t i = 0; i < walk.length; i++) {
      add_float(of->op, &all, blok_ref_load(in, (size_t)(at + i * walk.step[0])));
    }
  }
  return finish(of, &all);
}

// The end of the type's range: its lowest number, or its highest.
static int64_t range_end(blok_dtype dtype, bool highest) {
  uint32_t bits = blok_dtype_bits(dtype);
  if (dtype == BLOK_BOOL) return highest;
  if (blok_dtype_is_unsigned(dtype)) return highest ? (int64_t)(UINT64_MAX >> (64 - bits)) : 0;
  return highest ? INT64_MAX >> (64 - bits) : -(INT64_MAX >> (64 - bits)) - 1;
}

static uint64_t add_integer(blok_op op, uint64_t sum, uint64_t x, bool is_unsigned) {
  bool larger = is_unsigned ? x > sum : (int64_t)x > (int64_t)sum;
  switch ((int)op) {
    case BLOK_OP_ReduceL1:
      return sum + (!is_unsigned && (int64_t)x < 0 ? 0 - x : x);
    case BLOK_OP_ReduceMax:
      return larger ? x : sum;
    case BLOK_OP_ReduceMin:
      return larger ? sum : x;
    case BLOK_OP_ReduceProd:
      return sum * x;
    case BLOK_OP_ReduceSumSquare:
      return sum + x * x;
    default:
      return sum + x;
  }
}

static int64_t reduce_integer(const reduction *of, const blok_tensor *in, int64_t base) {
  uint64_t sum = of->op == BLOK_OP_ReduceProd ? 1 : 0;
  if (of->op == BLOK_OP_ReduceMax) sum = (uint64_t)range_end(in->dtype, false);
  if (of->op == BLOK_OP_ReduceMin) sum = (uint64_t)range_end(in->dtype, true);
  bool is_unsigned = blok_dtype_is_unsigned(in->dtype);
  blok_walk walk;
  const int64_t *strides[1] = {of->strides};
  for (bool more = blok_walk_begin(&walk, of->rank, of->dims, 1, strides); more;
       more = blok_walk_next(&walk)) {
    for (int64_t i = 0; i < walk.length; i++) {
      size_t at = (size_t)(base + walk.offset[0] + i * walk.step[0]);
      sum = add_integer(of->op, sum, (uint64_t)blok_ref_load_i64(in, at), is_unsigned);
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
  blok_op op = call->node->op;
  bool rooted =
      op == BLOK_OP_ReduceL2 || op == BLOK_OP_ReduceLogSum || op == BLOK_OP_ReduceLogSumExp;
  bool floats = blok_dtype_is_float(in->dtype) || (rooted && blok_dtype_is_integer(in->dtype));
  bool truth = in->dtype == BLOK_BOOL && (op == BLOK_OP_ReduceMax || op == BLOK_OP_ReduceMin);
  if (!floats && !truth && !blok_dtype_is_integer(in->dtype)) {
    return blok_ref_unsupported_type(call, error, in->dtype);
  }
  BLOK_TRY(read_axes(call, gone, error));
  reduction of = {op, 0, {0}, {0}, 1};
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
