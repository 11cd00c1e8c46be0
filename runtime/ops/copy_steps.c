// Steps that copy: see copy.h.
#include <string.h>

#include "base/error.h"
#include "reference/reference.h"
#include "reference/walk.h"
#include "runtime/ops/copy.h"

// ---- Numbers ------------------------------------------------------------------------------------

static blok_status from_elements(blok_lowering *lowering, const blok_fact *fact,
                                 blok_value_id value, blok_tensor *out, bool *known,
                                 blok_error *error) {
  if (!fact->elements || fact->dtype != BLOK_I64 || !blok_lower_shape(lowering, value, out)) {
    return BLOK_OK;
  }
  for (uint32_t i = 0; i < fact->n_elements; i++) {
    if (!fact->elements[i].known) return BLOK_OK;
  }
  int64_t *numbers = blok_lower_alloc(lowering, (size_t)fact->n_elements + 1, sizeof *numbers);
  if (!numbers) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < fact->n_elements; i++) numbers[i] = fact->elements[i].value;
  out->data = numbers;
  *known = true;
  return BLOK_OK;
}

blok_status blok_lower_known(blok_lowering *lowering, blok_value_id value, blok_tensor *out,
                             bool *known, blok_error *error) {
  *known = false;
  if (!value.i) return BLOK_OK;
  if (blok_lower_is_constant(lowering, value)) {
    BLOK_TRY(blok_lower_read(lowering, value, out, error));
    *known = true;
    return BLOK_OK;
  }
  const blok_fact *fact = blok_lower_fact(lowering, value);
  if (fact->tensor) {
    *out = *fact->tensor;
    *known = true;
    return BLOK_OK;
  }
  return from_elements(lowering, fact, value, out, known, error);
}

blok_status blok_lower_ints(blok_lowering *lowering, blok_value_id value, int64_t *values,
                            uint32_t capacity, uint32_t *n, bool *known, blok_error *error) {
  blok_tensor tensor;
  *n = 0;
  BLOK_TRY(blok_lower_known(lowering, value, &tensor, known, error));
  *known = *known && blok_ref_ints(&tensor, values, capacity, n);
  return BLOK_OK;
}

bool blok_lower_reads_shape(const blok_lowering *lowering, const blok_node *node) {
  const blok_value_id out = blok_node_output(node, 0);
  blok_tensor shape;
  return (node->op == BLOK_OP_Shape || node->op == BLOK_OP_Size) && out.i &&
         blok_lower_shape(lowering, out, &shape) && shape.bytes > 0;
}

// Shape, Size: numbers that the plan knows.
blok_status blok_lower_numbers(blok_lowering *lowering, const blok_region *region, bool *done,
                               blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  blok_tensor in, out, numbers;
  bool known;
  if (!blok_lower_lone(lowering, region, &in, &out)) return BLOK_OK;
  BLOK_TRY(blok_lower_known(lowering, node->outputs[0], &numbers, &known, error));
  if (!known || numbers.bytes != out.bytes) return BLOK_OK;
  *done = true;
  blok_copy_part *part = blok_lower_alloc(lowering, 1, sizeof *part);
  void *fixed = blok_lower_alloc(lowering, 1, out.bytes);
  if (!part || !fixed) return blok_fail_memory(error, out.bytes);
  memcpy(fixed, numbers.data, out.bytes);
  part->fixed = fixed;
  part->job.size = out.bytes;
  BLOK_TRY(blok_lower_output(lowering, node->outputs[0], BLOK_PLAIN, &part->to, error));
  return blok_lower_copies(lowering, "numbers", 1, part, error);
}

bool blok_lower_lone(const blok_lowering *lowering, const blok_region *region, blok_tensor *in,
                     blok_tensor *out) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  const blok_value_id from = blok_node_input(node, 0), to = blok_node_output(node, 0);
  return region->kind == BLOK_REGION_NODES && blok_region_plain(region) && from.i && to.i &&
         blok_lower_shape(lowering, from, in) && blok_lower_shape(lowering, to, out);
}

size_t blok_lower_element(const blok_tensor *shape) {
  return shape->dtype == BLOK_STRING || blok_dtype_bits(shape->dtype) % 8 == 0
             ? blok_dtype_size(shape->dtype)
             : 0;
}

// ---- Copies -------------------------------------------------------------------------------------

void blok_copy_strides(const blok_tensor *shape, ptrdiff_t *strides) {
  ptrdiff_t stride = (ptrdiff_t)blok_lower_element(shape);
  for (uint32_t axis = shape->rank; axis-- > 0;) {
    strides[axis] = stride;
    stride *= (ptrdiff_t)shape->dims[axis];
  }
}

void blok_copy_planes(const blok_lowering *lowering, const blok_planes *planes, size_t *dims,
                      ptrdiff_t *strides) {
  const ptrdiff_t pixel = (ptrdiff_t)(blok_lower_isa(lowering)->lanes * sizeof(float));
  dims[0] = planes->n;
  dims[1] = planes->blocks;
  dims[2] = planes->h;
  dims[3] = planes->w;
  strides[0] = (ptrdiff_t)(planes->batch_stride * sizeof(float));
  strides[1] = (ptrdiff_t)(planes->plane_stride * sizeof(float));
  strides[2] = (ptrdiff_t)planes->w * pixel;
  strides[3] = pixel;
}

typedef struct copy_args {
  void (*copy)(const blok_copy *job, size_t first, size_t last);
  uint32_t n;
  const blok_copy_part *parts;
} copy_args;

static void run_copies(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  (void)worker;
  const copy_args *args = call->args;
  size_t begin = first, left = last - first;
  for (uint32_t i = 0; i < args->n && left > 0; i++) {
    const blok_copy_part *part = &args->parts[i];
    const size_t cells = blok_copy_cells(&part->job);
    if (begin >= cells) {
      begin -= cells;
      continue;
    }
    const size_t n = left < cells - begin ? left : cells - begin;
    blok_copy job = part->job;
    job.from = part->from ? call->data[part->from] + part->from_offset : part->fixed;
    job.to = call->data[part->to] + part->to_offset;
    args->copy(&job, begin, begin + n);
    left -= n;
    begin = 0;
  }
}

// Adds id to the list where it is not in it yet.
static void note(blok_buffer_id *list, uint32_t *n, blok_buffer_id id) {
  for (uint32_t i = 0; i < *n; i++) {
    if (list[i] == id) return;
  }
  list[(*n)++] = id;
}

blok_status blok_lower_copies(blok_lowering *lowering, const char *kernel, uint32_t n,
                              blok_copy_part *parts, blok_error *error) {
  copy_args *args = blok_lower_alloc(lowering, 1, sizeof *args);
  blok_buffer_id *ids = blok_lower_alloc(lowering, 2 * (size_t)n, sizeof *ids);
  if (!args || !ids) return blok_fail_memory(error, 0);
  blok_buffer_id *reads = ids, *writes = ids + n;
  size_t cells = 0, bytes = 0;
  blok_step step = {.kernel = kernel, .run = run_copies, .args = args};
  for (uint32_t i = 0; i < n; i++) {
    size_t moved = parts[i].job.size;
    for (uint32_t axis = 0; axis < parts[i].job.rank; axis++) moved *= parts[i].job.dims[axis];
    blok_copy_plan(&parts[i].job);
    cells += blok_copy_cells(&parts[i].job);
    bytes += parts[i].from ? 2 * moved : moved;
    if (parts[i].from) note(reads, &step.n_reads, parts[i].from);
    note(writes, &step.n_writes, parts[i].to);
  }
  *args = (copy_args){blok_lower_isa(lowering)->layout->copy, n, parts};
  step.reads = reads;
  step.writes = writes;
  step.cells = cells;
  step.bytes = bytes;
  return blok_lower_step(lowering, &step, error);
}

// ---- By tables ----------------------------------------------------------------------------------

typedef struct pick_args {
  blok_pick job;
  blok_buffer_id from, to;
} pick_args;

static void run_pick(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  (void)worker;
  const pick_args *args = call->args;
  blok_pick job = args->job;
  job.from = call->data[args->from];
  job.to = call->data[args->to];
  blok_pick_run(&job, first, last);
}

blok_status blok_lower_pick(blok_lowering *lowering, const char *kernel, const blok_pick *job,
                            blok_buffer_id from, blok_buffer_id to, blok_error *error) {
  pick_args *args = blok_lower_alloc(lowering, 1, sizeof *args);
  if (!args) return blok_fail_memory(error, sizeof *args);
  *args = (pick_args){*job, from, to};
  const size_t cells = blok_pick_cells(job), bytes = blok_lower_buffer(lowering, to)->bytes;
  const blok_step step = {.kernel = kernel,
                          .run = run_pick,
                          .args = args,
                          .n_reads = 1,
                          .reads = &args->from,
                          .n_writes = 1,
                          .writes = &args->to,
                          .cells = cells,
                          .bytes = 2 * bytes};
  return blok_lower_step(lowering, &step, error);
}
