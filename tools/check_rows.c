// `blok check`: which blocks there are to test, with the shapes that they read and make.
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/check.h"

const blok_model *blok_check_model(const blok_check_job *job) {
  return job->shaped != NULL ? job->shaped : job->model;
}

// ---- Marks and shapes ---------------------------------------------------------------------------

void blok_check_set(blok_check_mark *mark, blok_check_state state, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  mark->state = state;
  (void)vsnprintf(mark->why, sizeof mark->why, format, arguments);
  va_end(arguments);
}

blok_check_shape blok_check_shape_of(const blok_tensor *tensor) {
  blok_check_shape shape = {(int32_t)tensor->rank, {0}};
  memcpy(shape.dims, tensor->dims, sizeof shape.dims);
  return shape;
}

bool blok_check_same_shape(const blok_check_shape *a, const blok_check_shape *b) {
  if (a->rank != b->rank) return false;
  for (int32_t i = 0; i < a->rank; i++) {
    if (a->dims[i] != b->dims[i]) return false;
  }
  return true;
}

bool blok_check_fits(const blok_check_shape *made, const blok_check_shape *inferred) {
  if (inferred->rank < 0) return true;
  if (made->rank != inferred->rank) return false;
  for (int32_t i = 0; i < made->rank; i++) {
    if (inferred->dims[i] >= 0 && inferred->dims[i] != made->dims[i]) return false;
  }
  return true;
}

blok_shown blok_check_shape_text(const blok_check_shape *shape) {
  blok_shown shown;
  size_t used = (size_t)snprintf(shown.text, sizeof shown.text, "(");
  for (int32_t i = 0; i < shape->rank && used + 32 < sizeof shown.text; i++) {
    const char *comma = i > 0 ? ", " : "";
    char *const end = shown.text + used;
    const size_t room = sizeof shown.text - used;
    used += (size_t)(shape->dims[i] < 0
                         ? snprintf(end, room, "%s?", comma)
                         : snprintf(end, room, "%s%lld", comma, (long long)shape->dims[i]));
  }
  (void)snprintf(shown.text + used, sizeof shown.text - used, "%s",
                 shape->rank < 0    ? "?)"
                 : shape->rank == 1 ? ",)"
                                    : ")");
  return shown;
}

blok_check_shape blok_check_shape_of_axes(const blok_axis *axes, int32_t rank) {
  blok_check_shape shape = {rank > BLOK_MAX_RANK ? -1 : rank, {0}};
  for (int32_t i = 0; i < shape.rank; i++) shape.dims[i] = axes[i].value;
  return shape;
}

// ---- Rows ---------------------------------------------------------------------------------------

// The shape of the value called name, of rank -1 where the model does not tell it.
static blok_check_shape shape_of_value(const blok_model *model, const char *name) {
  const blok_check_shape unknown = {-1, {0}};
  blok_value_info value = BLOK_VALUE_INFO_INIT;
  for (size_t i = 0; blok_model_input(model, i, &value) == BLOK_OK; i++) {
    if (strcmp(value.name, name) == 0) return blok_check_shape_of_axes(value.axes, value.rank);
  }
  blok_node_info node = BLOK_NODE_INFO_INIT;
  for (size_t i = 0; blok_model_node(model, i, &node) == BLOK_OK; i++) {
    for (size_t slot = 0; slot < node.outputs; slot++) {
      const char *output = blok_model_node_output(model, i, slot);
      if (output == NULL || strcmp(output, name) != 0) continue;
      if (blok_model_node_output_info(model, i, slot, &value) != BLOK_OK) return unknown;
      return blok_check_shape_of_axes(value.axes, value.rank);
    }
  }
  return unknown;
}

// Descriptors of what is kept as nodes do not tell those nodes, so numbers are compared as well.
static bool equal_rows(const blok_check_row *a, const blok_check_row *b) {
  return blok_block_same(a->facts, b->facts) && blok_check_same_shape(&a->in, &b->in) &&
         blok_check_same_shape(&a->out, &b->out) && a->facts->parameters == b->facts->parameters &&
         a->facts->macs == b->facts->macs && a->facts->nodes == b->facts->nodes;
}

void blok_check_rows(blok_check_job *job) {
  const blok_model *model = blok_check_model(job);
  const size_t count = blok_model_block_count(model);
  job->rows = blok_cli_alloc(count, sizeof *job->rows);
  for (size_t i = 0; i < count; i++) {
    const blok_block *block = blok_model_block(model, i);
    if (block->parent >= 0) continue;
    blok_check_row *row = &job->rows[job->row_count];
    row->block = i;
    row->times = 1;
    row->facts = block;
    row->in = shape_of_value(model, block->entry);
    row->out = blok_check_shape_of_axes(block->out_axes, block->out_rank);
    size_t equal = 0;
    while (equal < job->row_count && !equal_rows(&job->rows[equal], row)) equal++;
    if (equal < job->row_count) {
      job->rows[equal].times++;
      memset(row, 0, sizeof *row);
    } else {
      job->row_count++;
    }
  }
}

bool blok_check_good(const blok_check_job *job) {
  bool good = job->forward.state != BLOK_CHECK_FAILED;
  for (size_t i = 0; i < job->row_count; i++) {
    for (int check = 0; check < BLOK_CHECK_COUNT; check++) {
      good = good && job->rows[i].marks[check].state != BLOK_CHECK_FAILED;
    }
  }
  return good;
}
