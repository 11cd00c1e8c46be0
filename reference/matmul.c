// MatMul and Gemm. Floats in double, rounded once; integers exact, modulo 2^64 and then their size.
//
// Both come down to one product of matrices that lie row by row, a block of columns at a time: a
// row of accumulators takes a[row][k] * b[k][...] for each k.
#include "base/error.h"
#include "base/size.h"
#include "graph/infer.h"
#include "reference/reference.h"

enum { COLUMN_BLOCK = 256 };

// One matrix product. Values are double or uint64_t, as the element type asks.
typedef struct product {
  size_t rows, inner, columns;
  bool integer;
  void *a;  // rows * inner
  void *b;  // inner * columns
} product;

// ---- Values -------------------------------------------------------------------------------------

static bool is_allowed(blok_dtype dtype) {
  return blok_dtype_is_float(dtype) || dtype == BLOK_I32 || dtype == BLOK_I64 ||
         dtype == BLOK_U32 || dtype == BLOK_U64;
}

static void load_values(const blok_tensor *from, size_t first, size_t count, bool integer,
                        void *out) {
  if (!integer) {
    blok_ref_load_many(from, first, count, out);
    return;
  }
  uint64_t *values = out;
  for (size_t i = 0; i < count; i++) values[i] = (uint64_t)blok_ref_load_i64(from, first + i);
}

// Swaps the axes of a matrix of rows * columns values of 8 bytes.
static void transpose(const uint64_t *from, size_t rows, size_t columns, uint64_t *to) {
  for (size_t r = 0; r < rows; r++) {
    for (size_t c = 0; c < columns; c++) to[c * rows + r] = from[r * columns + c];
  }
}

static blok_status load_matrix(const blok_ref_call *call, uint32_t slot, bool integer, bool turned,
                               void **out, blok_error *error) {
  const blok_tensor *from = call->in[slot];
  size_t rows = (size_t)from->dims[0], columns = (size_t)from->dims[1];
  BLOK_TRY(blok_ref_scratch(call, rows * columns, sizeof(double), out, error));
  load_values(from, 0, rows * columns, integer, *out);
  if (!turned) return BLOK_OK;
  void *straight = *out;
  blok_status status = blok_ref_scratch(call, rows * columns, sizeof(double), out, error);
  if (status == BLOK_OK) transpose(straight, rows, columns, *out);
  blok_free(call->allocator, straight);
  return status;
}

// ---- The product --------------------------------------------------------------------------------

// Row of the product, columns first to first + count, into sums.
static void multiply_doubles(const product *p, size_t row, size_t first, size_t count,
                             double *sums) {
  const double *a = (const double *)p->a + row * p->inner;
  const double *b = (const double *)p->b + first;
  for (size_t c = 0; c < count; c++) sums[c] = 0;
  for (size_t k = 0; k < p->inner; k++, b += p->columns) {
    double factor = a[k];
    for (size_t c = 0; c < count; c++) sums[c] += factor * b[c];
  }
}

static void multiply_integers(const product *p, size_t row, size_t first, size_t count,
                              uint64_t *sums) {
  const uint64_t *a = (const uint64_t *)p->a + row * p->inner;
  const uint64_t *b = (const uint64_t *)p->b + first;
  for (size_t c = 0; c < count; c++) sums[c] = 0;
  for (size_t k = 0; k < p->inner; k++, b += p->columns) {
    uint64_t factor = a[k];
    for (size_t c = 0; c < count; c++) sums[c] += factor * b[c];
  }
}

// ---- MatMul -------------------------------------------------------------------------------------

static void multiply_into(const product *p, const blok_tensor *y, size_t base) {
  union {
    double doubles[COLUMN_BLOCK];
    uint64_t integers[COLUMN_BLOCK];
  } sums;
  for (size_t first = 0; first < p->columns; first += COLUMN_BLOCK) {
    size_t count = p->columns - first < COLUMN_BLOCK ? p->columns - first : COLUMN_BLOCK;
    for (size_t row = 0; row < p->rows; row++) {
      size_t at = base + row * p->columns + first;
      if (p->integer) {
        multiply_integers(p, row, first, count, sums.integers);
        for (size_t c = 0; c < count; c++) {
          blok_ref_store_i64(y, at + c, (int64_t)sums.integers[c]);
        }
      } else {
        multiply_doubles(p, row, first, count, sums.doubles);
        blok_ref_store_many(y, at, count, sums.doubles);
      }
    }
  }
}

// A tensor as a stack of matrices: a vector becomes a row (first operand) or a column (second).
typedef struct stack {
  blok_tensor view;  // data NULL: dims of the leading axes only
  size_t rows, columns;
} stack;

static stack stack_of(const blok_tensor *tensor, bool first) {
  stack s = {.view = BLOK_TENSOR_INIT};
  uint32_t rank = tensor->rank;
  s.view.rank = rank > 2 ? rank - 2 : 0;
  for (uint32_t i = 0; i < s.view.rank; i++) s.view.dims[i] = tensor->dims[i];
  size_t last = (size_t)tensor->dims[rank - 1];
  if (rank > 1) {
    s.rows = (size_t)tensor->dims[rank - 2];
    s.columns = last;
  } else {
    s.rows = first ? 1 : last;
    s.columns = first ? last : 1;
  }
  return s;
}

// The shape that the leading axes of both are repeated to; false when they disagree.
static bool spread(const stack *a, const stack *b, blok_tensor *out) {
  out->rank = a->view.rank > b->view.rank ? a->view.rank : b->view.rank;
  for (uint32_t i = 0; i < out->rank; i++) {
    uint32_t back = out->rank - i;
    int64_t da = back <= a->view.rank ? a->view.dims[a->view.rank - back] : 1;
    int64_t db = back <= b->view.rank ? b->view.dims[b->view.rank - back] : 1;
    if (da != db && da != 1 && db != 1) return false;
    out->dims[i] = da == 1 ? db : da;
  }
  return true;
}

// Number of the matrix in a stack of these strides that meets matrix i of all.
static size_t matrix_of(const blok_tensor *all, const int64_t *strides, size_t i) {
  size_t at = 0;
  for (uint32_t axis = all->rank; axis-- > 0;) {
    size_t dim = (size_t)all->dims[axis];
    at += i % dim * (size_t)strides[axis];
    i /= dim;
  }
  return at;
}

static blok_status multiply_stacks(const blok_ref_call *call, const stack *a, const stack *b,
                                   const blok_tensor *all, product *p, blok_error *error) {
  size_t a_size = p->rows * p->inner, b_size = p->inner * p->columns;
  BLOK_TRY(blok_ref_scratch(call, a_size, sizeof(double), &p->a, error));
  BLOK_TRY(blok_ref_scratch(call, b_size, sizeof(double), &p->b, error));
  int64_t a_strides[BLOK_MAX_RANK], b_strides[BLOK_MAX_RANK];
  blok_ref_broadcast_strides(&a->view, all, a_strides);
  blok_ref_broadcast_strides(&b->view, all, b_strides);
  size_t held = SIZE_MAX;  // matrix of the second operand that p holds
  size_t count = blok_ref_count(all);
  for (size_t i = 0; i < count; i++) {
    size_t ia = matrix_of(all, a_strides, i), ib = matrix_of(all, b_strides, i);
    load_values(call->in[0], ia * a_size, a_size, p->integer, p->a);
    if (ib != held) load_values(call->in[1], ib * b_size, b_size, p->integer, p->b);
    held = ib;
    multiply_into(p, call->out[0], i * p->rows * p->columns);
  }
  return BLOK_OK;
}

blok_status blok_ref_MatMul(blok_ref_call *call, blok_error *error) {
  const blok_tensor *ta = call->in[0];
  const blok_tensor *tb = call->in[1];
  blok_dtype dtype = ta->dtype;
  if (!is_allowed(dtype)) return blok_ref_unsupported_type(call, error, dtype);
  blok_tensor all = BLOK_TENSOR_INIT;
  bool agree = ta->rank > 0 && tb->rank > 0 && tb->dtype == dtype;
  stack a = {.view = BLOK_TENSOR_INIT}, b = {.view = BLOK_TENSOR_INIT};
  if (agree) {
    a = stack_of(ta, true);
    b = stack_of(tb, false);
    agree = a.columns == b.rows && spread(&a, &b, &all);
  }
  if (!agree) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "%s by %s is no product",
                         blok_print_dims(ta->dims, ta->rank).text,
                         blok_print_dims(tb->dims, tb->rank).text);
  }
  if (blok_ref_count(call->out[0]) == 0) return BLOK_OK;
  product p = {.rows = a.rows,
               .inner = a.columns,
               .columns = b.columns,
               .integer = !blok_dtype_is_float(dtype)};
  blok_status status = multiply_stacks(call, &a, &b, &all, &p, error);
  blok_free(call->allocator, p.a);
  blok_free(call->allocator, p.b);
  return status;
}

// ---- Gemm ---------------------------------------------------------------------------------------

typedef struct gemm_job {
  product p;
  double alpha, beta;
  const blok_tensor *c;  // NULL: none
  int64_t strides[BLOK_MAX_RANK];
} gemm_job;

static size_t element_of(const gemm_job *job, size_t row, size_t column) {
  return row * (size_t)job->strides[0] + column * (size_t)job->strides[1];
}

// With factors of 1 integers stay exact; with others they pass through double.
static void store_integers(const gemm_job *job, const blok_tensor *y, size_t row, size_t first,
                           size_t count, const uint64_t *sums) {
  bool exact = job->alpha == 1 && (!job->c || job->beta == 1);
  bool is_unsigned = blok_dtype_is_unsigned(y->dtype);
  for (size_t i = 0; i < count; i++) {
    size_t at = row * job->p.columns + first + i;
    size_t c_at = job->c ? element_of(job, row, first + i) : 0;
    if (exact) {
      uint64_t c = job->c ? (uint64_t)blok_ref_load_i64(job->c, c_at) : 0;
      blok_ref_store_i64(y, at, (int64_t)(sums[i] + c));
    } else {
      double c = job->c ? blok_ref_load(job->c, c_at) : 0;
      double sum = is_unsigned ? (double)sums[i] : (double)(int64_t)sums[i];
      blok_ref_store(y, at, job->alpha * sum + job->beta * c);
    }
  }
}

static void store_doubles(const gemm_job *job, const blok_tensor *y, size_t row, size_t first,
                          size_t count, double *sums) {
  for (size_t i = 0; i < count; i++) {
    sums[i] *= job->alpha;
    if (job->c) sums[i] += job->beta * blok_ref_load(job->c, element_of(job, row, first + i));
  }
  blok_ref_store_many(y, row * job->p.columns + first, count, sums);
}

static void run_gemm(const gemm_job *job, const blok_tensor *y) {
  union {
    double doubles[COLUMN_BLOCK];
    uint64_t integers[COLUMN_BLOCK];
  } sums;
  const product *p = &job->p;
  for (size_t first = 0; first < p->columns; first += COLUMN_BLOCK) {
    size_t count = p->columns - first < COLUMN_BLOCK ? p->columns - first : COLUMN_BLOCK;
    for (size_t row = 0; row < p->rows; row++) {
      if (p->integer) {
        multiply_integers(p, row, first, count, sums.integers);
        store_integers(job, y, row, first, count, sums.integers);
      } else {
        multiply_doubles(p, row, first, count, sums.doubles);
        store_doubles(job, y, row, first, count, sums.doubles);
      }
    }
  }
}

static bool repeats_to(const blok_tensor *in, const blok_tensor *out) {
  if (in->rank > out->rank) return false;
  for (uint32_t i = 0; i < in->rank; i++) {
    if (in->dims[i] != 1 && in->dims[i] != out->dims[out->rank - in->rank + i]) return false;
  }
  return true;
}

blok_status blok_ref_Gemm(blok_ref_call *call, blok_error *error) {
  const blok_tensor *a = call->in[0];
  const blok_tensor *b = call->in[1];
  const blok_tensor *c = blok_ref_in(call, 2);
  const blok_tensor *y = call->out[0];
  blok_dtype dtype = a->dtype;
  if (!is_allowed(dtype)) return blok_ref_unsupported_type(call, error, dtype);
  bool turn_a = blok_node_int(call->node, "transA", 0) != 0;
  bool turn_b = blok_node_int(call->node, "transB", 0) != 0;
  bool agree = a->rank == 2 && b->rank == 2 && y->rank == 2 && b->dtype == dtype &&
               a->dims[!turn_a] == b->dims[turn_b] && y->dims[0] == a->dims[turn_a] &&
               y->dims[1] == b->dims[!turn_b] && (!c || repeats_to(c, y));
  if (!agree) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "%s by %s does not give %s",
                         blok_print_dims(a->dims, a->rank).text,
                         blok_print_dims(b->dims, b->rank).text,
                         blok_print_dims(y->dims, y->rank).text);
  }
  if (blok_ref_count(y) == 0) return BLOK_OK;
  gemm_job job = {.alpha = (double)blok_node_float(call->node, "alpha", 1),
                  .beta = (double)blok_node_float(call->node, "beta", 1),
                  .c = c};
  product *p = &job.p;
  p->rows = (size_t)y->dims[0];
  p->columns = (size_t)y->dims[1];
  p->inner = (size_t)a->dims[!turn_a];
  p->integer = !blok_dtype_is_float(dtype);
  if (c) blok_ref_broadcast_strides(c, y, job.strides);
  blok_status status;
  BLOK_TRY_TO(done, load_matrix(call, 0, p->integer, turn_a, &p->a, error));
  BLOK_TRY_TO(done, load_matrix(call, 1, p->integer, turn_b, &p->b, error));
  run_gemm(&job, y);
done:
  blok_free(call->allocator, p->a);
  blok_free(call->allocator, p->b);
  return status;
}
