// Contiguous and broadcast memory cut into rows of vectors: see elementwise.h.
#include "runtime/kernels/elementwise.h"

#include <limits.h>

enum { MOST_LANES = 16, CELL_FLOATS = 4096 };

static const float *row_of(const float *p, size_t row, size_t stride) {
  return p ? p + row * stride : NULL;
}

void blok_rows_flat(const blok_isa *isa, const blok_rows_job *job, size_t count) {
  blok_rows_job part = *job;
  const size_t rows = count / isa->lanes, rest = count % isa->lanes;
  part.rows = rows;
  part.live = isa->lanes;
  part.matrix = true;
  if (rows > 0) isa->elementwise->rows(&part);
  if (rest == 0) return;
  part.in = row_of(job->in, rows, job->in_stride);
  part.out = job->out + rows * job->out_stride;
  part.residual = row_of(job->residual, rows, job->residual_stride);
  part.rows = 1;
  part.live = (uint32_t)rest;
  isa->elementwise->rows(&part);
}

void blok_binary_flat(const blok_isa *isa, const blok_binary_job *job, size_t count) {
  blok_binary_job part = *job;
  const size_t rows = count / isa->lanes, rest = count % isa->lanes;
  part.rows = rows;
  part.live = isa->lanes;
  part.matrix = true;
  if (rows > 0) isa->elementwise->binary(&part);
  if (rest == 0) return;
  part.a = job->a + rows * job->a_stride;
  part.b = job->b + rows * job->b_stride;
  part.out = job->out + rows * job->out_stride;
  part.rows = 1;
  part.live = (uint32_t)rest;
  isa->elementwise->binary(&part);
}

// ---- Two tensors, broadcast ---------------------------------------------------------------------

// An axis goes on where the one inside it ends: for both the same step leads to the next.
static bool merges(const blok_broadcast *plan, uint32_t outer, uint32_t inner) {
  const size_t n = plan->dims[inner];
  return plan->a[outer] == plan->a[inner] * n && plan->b[outer] == plan->b[inner] * n;
}

// Merges the newest axis, rank - 1, which lies outside those before it, into its neighbour.
static void merge_newest(blok_broadcast *plan) {
  const uint32_t newest = plan->rank - 1;
  if (newest == 0 || !merges(plan, newest, newest - 1)) return;
  plan->dims[newest - 1] *= plan->dims[newest];
  plan->rank--;
}

static void reverse(size_t *values, uint32_t n) {
  for (uint32_t i = 0; i < n / 2; i++) {
    const size_t kept = values[i];
    values[i] = values[n - 1 - i];
    values[n - 1 - i] = kept;
  }
}

static bool cut_into_cells(blok_broadcast *plan) {
  const size_t inner = plan->dims[plan->rank - 1];
  size_t outer = 1;
  for (uint32_t i = 0; i + 1 < plan->rank; i++) outer *= plan->dims[i];
  size_t cells;
  if (inner > CELL_FLOATS) {
    const size_t pieces = (inner + CELL_FLOATS - 1) / CELL_FLOATS;
    plan->piece = CELL_FLOATS;
    plan->rows = 1;
    if (outer > UINT32_MAX / pieces) return false;
    cells = outer * pieces;
  } else {
    plan->piece = inner;
    plan->rows = inner > 0 ? CELL_FLOATS / inner : 1;
    cells = inner > 0 ? (outer + plan->rows - 1) / plan->rows : 0;
  }
  plan->cells = (uint32_t)cells;
  return cells <= UINT32_MAX;
}

bool blok_broadcast_plan(uint32_t axes, const int64_t *dims, const int64_t *a_dims,
                         const int64_t *b_dims, blok_broadcast *out) {
  *out = (blok_broadcast){0};
  size_t a_step = 1, b_step = 1;
  for (uint32_t axis = axes; axis-- > 0;) {
    if (dims[axis] == 1) continue;
    if (out->rank == BLOK_BROADCAST_AXES) return false;
    const uint32_t i = out->rank++;
    out->dims[i] = (size_t)dims[axis];
    out->a[i] = a_dims[axis] == 1 ? 0 : a_step;
    out->b[i] = b_dims[axis] == 1 ? 0 : b_step;
    a_step *= (size_t)a_dims[axis];
    b_step *= (size_t)b_dims[axis];
    merge_newest(out);
  }
  if (out->rank == 0) {
    out->rank = 1;
    out->dims[0] = out->a[0] = out->b[0] = 1;
  }
  reverse(out->dims, out->rank);
  reverse(out->a, out->rank);
  reverse(out->b, out->rank);
  return cut_into_cells(out);
}

// One value for every lane where the last axis repeats it, else the values where they are.
static const float *lanes_for(const float *p, size_t step, float *copies) {
  if (step != 0) return p;
  for (int i = 0; i < MOST_LANES; i++) copies[i] = *p;
  return copies;
}

typedef struct pair {
  const blok_isa *isa;
  blok_binary_kind kind;
  const blok_act *act;
  const float *a, *b;
  float *out;
} pair;

// count floats from place from of row row.
static void run_part(const pair *of, const blok_broadcast *plan, size_t row, size_t from,
                     size_t count) {
  const uint32_t last = plan->rank - 1;
  const uint32_t lanes = of->isa->lanes;
  size_t a_at = from * plan->a[last], b_at = from * plan->b[last], rest = row;
  for (uint32_t axis = last; axis-- > 0;) {
    const size_t place = rest % plan->dims[axis];
    rest /= plan->dims[axis];
    a_at += place * plan->a[axis];
    b_at += place * plan->b[axis];
  }
  float a_copies[MOST_LANES], b_copies[MOST_LANES];
  float *out = of->out + row * plan->dims[last] + from;
  const blok_binary_job job = {.kind = of->kind,
                               .a = lanes_for(of->a + a_at, plan->a[last], a_copies),
                               .b = lanes_for(of->b + b_at, plan->b[last], b_copies),
                               .out = out,
                               .a_stride = plan->a[last] ? lanes : 0,
                               .b_stride = plan->b[last] ? lanes : 0,
                               .out_stride = lanes};
  blok_binary_flat(of->isa, &job, count);
  if (of->act->kind == BLOK_FN_NONE) return;
  const blok_rows_job then = {
      .in = out, .out = out, .in_stride = lanes, .out_stride = lanes, .act = *of->act};
  blok_rows_flat(of->isa, &then, count);
}

void blok_broadcast_run(const blok_isa *isa, const blok_broadcast *plan, blok_binary_kind kind,
                        const blok_act *act, const float *a, const float *b, float *out,
                        uint32_t first, uint32_t last) {
  const pair of = {isa, kind, act, a, b, out};
  const size_t inner = plan->dims[plan->rank - 1];
  if (inner > plan->piece) {
    const size_t pieces = (inner + plan->piece - 1) / plan->piece;
    for (uint32_t cell = first; cell < last; cell++) {
      const size_t from = cell % pieces * plan->piece;
      const size_t left = inner - from;
      run_part(&of, plan, cell / pieces, from, left < plan->piece ? left : plan->piece);
    }
    return;
  }
  size_t rows = 1;
  for (uint32_t i = 0; i + 1 < plan->rank; i++) rows *= plan->dims[i];
  const size_t end = last * plan->rows < rows ? last * plan->rows : rows;
  for (size_t row = first * plan->rows; row < end; row++) run_part(&of, plan, row, 0, inner);
}
