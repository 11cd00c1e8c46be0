// Reductions over axes that lie side by side, on plain memory. Means of whole planes are the
// pooling kernels': see pool.h.
#include "base/error.h"
#include "graph/ops/geometry.h"
#include "runtime/kernels/rows.h"
#include "runtime/ops/copy.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/pool.h"

typedef struct reduce_step {
  const blok_rows_kernels *kernels;
  blok_rows_axis axis;
  blok_reduce_kind kind;
  blok_buffer_id in, out;
} reduce_step;

static void run_reduce(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  const reduce_step *step = call->args;
  (void)worker;
  const blok_reduce_job job = {.in = blok_step_floats(call, step->in),
                               .out = blok_step_floats(call, step->out),
                               .axis = step->axis,
                               .kind = step->kind};
  step->kernels->reduce(&job, first, last);
}

static const struct {
  blok_op op;
  blok_reduce_kind kind;
  const char *name;
} rows[] = {
    {BLOK_OP_ReduceMean, BLOK_REDUCE_MEAN, "mean"},
    {BLOK_OP_ReduceSum, BLOK_REDUCE_SUM, "sum"},
    {BLOK_OP_ReduceMax, BLOK_REDUCE_MAX, "maximum of axes"},
    {BLOK_OP_ReduceMin, BLOK_REDUCE_MIN, "minimum of axes"},
    {BLOK_OP_ReduceL1, BLOK_REDUCE_L1, "sum of sizes"},
    {BLOK_OP_ReduceL2, BLOK_REDUCE_L2, "length"},
    {BLOK_OP_ReduceSumSquare, BLOK_REDUCE_SQUARES, "sum of squares"},
};
enum { ROWS = sizeof rows / sizeof *rows };

// The axes that go, as one; false where others lie between them, or which go is not known.
static blok_status find_axis(blok_lowering *lowering, const blok_node *node,
                             const blok_tensor *shape, blok_rows_axis *axis, bool *found,
                             blok_error *error) {
  int64_t axes[BLOK_MAX_RANK], bad;
  bool goes[BLOK_MAX_RANK] = {false}, known = true;
  uint32_t n = 0;
  *found = false;
  if (blok_node_input(node, 1).i) {
    BLOK_TRY(blok_lower_ints(lowering, blok_node_input(node, 1), axes, BLOK_MAX_RANK, &n, &known,
                             error));
  }
  if (!known || !blok_axes_mark(axes, n, shape->rank, goes, &bad)) return BLOK_OK;
  if (n == 0 && blok_node_int(node, "noop_with_empty_axes", 0) != 0) return BLOK_OK;
  *axis = (blok_rows_axis){1, 1, 1};
  bool behind = false;
  for (uint32_t d = 0; d < shape->rank; d++) {
    const size_t size = (size_t)shape->dims[d];
    if (size == 1) continue;
    if (!goes[d] && n > 0) {
      behind = axis->length > 1;
      *(behind ? &axis->inner : &axis->outer) *= size;
    } else if (behind) {
      return BLOK_OK;
    } else {
      axis->length *= size;
    }
  }
  *found = true;
  return BLOK_OK;
}

blok_status blok_lower_reduce(blok_lowering *lowering, const blok_region *region, bool *done,
                              blok_error *error) {
  const blok_isa *isa = blok_lower_isa(lowering);
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  const blok_value_id x = blok_node_input(node, 0);
  blok_tensor shape;
  blok_rows_axis axis;
  bool found;
  int row = 0;
  while (row < ROWS && rows[row].op != node->op) row++;
  if (row == ROWS || !blok_region_plain(region) || !blok_lower_floats(lowering, x, &shape)) {
    return BLOK_OK;
  }
  if (node->op == BLOK_OP_ReduceMean) {
    BLOK_TRY(blok_lower_plane_means(lowering, region, done, error));
    if (*done) return BLOK_OK;
  }
  BLOK_TRY(find_axis(lowering, node, &shape, &axis, &found, error));
  const uint32_t cells = found ? blok_rows_cells(isa, &axis) : UINT32_MAX;
  if (cells == UINT32_MAX) return BLOK_OK;
  reduce_step *step = blok_lower_alloc(lowering, 1, sizeof *step);
  if (!step) return blok_fail_memory(error, sizeof *step);
  *step = (reduce_step){.kernels = isa->rows, .axis = axis, .kind = rows[row].kind};
  BLOK_TRY(blok_lower_plain(lowering, x, &step->in, error));
  BLOK_TRY(blok_lower_output(lowering, region->out, BLOK_PLAIN, &step->out, error));
  const blok_step made = {.kernel = rows[row].name,
                          .run = run_reduce,
                          .args = step,
                          .cells = cells,
                          .bytes = shape.bytes + axis.outer * axis.inner * sizeof(float),
                          .n_reads = 1,
                          .reads = &step->in,
                          .n_writes = 1,
                          .writes = &step->out};
  *done = true;
  return blok_lower_step(lowering, &made, error);
}
