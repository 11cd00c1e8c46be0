// The nodes of blocks that are kept as nodes.
#include "tools/draw_nodes.h"

#include <string.h>

#include "tools/inspect.h"

void blok_draw_count(blok_operators *list, const char *op) {
  size_t i = 0;
  list->nodes++;
  while (i < list->kinds && strcmp(list->names[i], op) != 0) i++;
  if (i == BLOK_OPERATOR_KINDS) {
    list->others++;
    return;
  }
  if (i == list->kinds) {
    list->names[i] = op;
    list->counts[i] = 0;
    list->kinds++;
  }
  list->counts[i]++;
}

static bool is_sum(const char *op) { return strcmp(op, "Add") == 0 || strcmp(op, "Sum") == 0; }

static bool makes(const blok_model *model, size_t node, size_t outputs, const char *name) {
  for (size_t i = 0; i < outputs; i++) {
    const char *output = blok_model_node_output(model, node, i);
    if (output != NULL && strcmp(output, name) == 0) return true;
  }
  return false;
}

// The members from the addition to the one that makes the exit.
static void find_end(const blok_outline *outline, size_t index, blok_frame *frame) {
  const blok_model *model = outline->model;
  const blok_block *block = frame->block;
  const bool added = blok_inspect_has_addition(block);
  frame->first = frame->last = SIZE_MAX;
  if (block->exit == NULL) return;
  size_t sum = SIZE_MAX;
  for (size_t i = 0; i < block->nodes; i++) {
    blok_node_info info = BLOK_NODE_INFO_INIT;
    const size_t node = blok_model_block_node(model, index, i);
    if (blok_model_node(model, node, &info) != BLOK_OK || info.block != (int32_t)index) continue;
    if (is_sum(info.op_type)) sum = i;
    if (!makes(model, node, info.outputs, block->exit)) continue;
    frame->first = added && sum != SIZE_MAX ? sum : i;
    frame->last = i;
    return;
  }
}

static bool same_conv(const blok_conv_desc *a, const blok_conv_desc *b) {
  return a->in_channels == b->in_channels && a->out_channels == b->out_channels &&
         a->kernel[0] == b->kernel[0] && a->kernel[1] == b->kernel[1] &&
         a->stride[0] == b->stride[0] && a->stride[1] == b->stride[1] && a->groups == b->groups &&
         a->activation == b->activation;
}

// The block inside that is the convolution: the one that reads what the block reads; else the last
// that is alike.
static int32_t find_conv(const blok_frame *frame, size_t index, const blok_conv_desc *conv) {
  int32_t found = -1;
  int32_t child = frame->outline->first[index];
  for (; child >= 0; child = frame->outline->next[child]) {
    const blok_block *inner = blok_model_block(frame->outline->model, (size_t)child);
    if (inner->conv == NULL || !same_conv(inner->conv, conv)) continue;
    found = child;
    if (inner->entry != NULL && frame->block->entry != NULL &&
        strcmp(inner->entry, frame->block->entry) == 0) {
      break;
    }
  }
  return found;
}

void blok_draw_frame(const blok_outline *outline, size_t index, blok_frame *frame) {
  const blok_block *block = blok_model_block(outline->model, index);
  memset(frame, 0, sizeof *frame);
  frame->outline = outline;
  frame->block = block;
  find_end(outline, index, frame);
  const bool added = blok_inspect_has_addition(block);
  for (int32_t i = 0; i < BLOK_SKIP_STEPS; i++) {
    frame->skip_child[i] = -1;
    if (!added || i >= block->residual->skip_steps) continue;
    const blok_skip_step *step = &block->residual->skip_step[i];
    if (step->op == BLOK_SKIP_CONV) frame->skip_child[i] = find_conv(frame, index, &step->conv);
    frame->skip_left[i] = true;
  }
}

static const char *operator_of(const blok_skip_step *step) {
  switch (step->op) {
    case BLOK_SKIP_AVERAGE_POOL:
      return "AveragePool";
    case BLOK_SKIP_MAX_POOL:
      return "MaxPool";
    case BLOK_SKIP_PAD:
      return "Pad";
    case BLOK_SKIP_SLICE:
      return "Slice";
    case BLOK_SKIP_SCALE:
      return step->divides ? "Div" : "Mul";
    case BLOK_SKIP_CONV:
    case BLOK_SKIP_NORM:
      break;
  }
  return "";
}

// True when the step is one of this operator.
static bool is_step(const blok_skip_step *step, const char *op) {
  if (step->op != BLOK_SKIP_NORM) return strcmp(op, operator_of(step)) == 0;
  switch (step->conv.norm) {
    case BLOK_NORM_BATCH:
      return strcmp(op, "BatchNormalization") == 0;
    case BLOK_NORM_GROUP:
      return strcmp(op, "GroupNormalization") == 0 || strcmp(op, "InstanceNormalization") == 0;
    case BLOK_NORM_LAYER:
      return strcmp(op, "LayerNormalization") == 0;
    case BLOK_NORM_NONE:
      break;
  }
  return false;
}

bool blok_draw_framed(blok_frame *frame, size_t member, const char *op) {
  if (strcmp(op, "Constant") == 0 || strcmp(op, "Identity") == 0) return true;
  if (member >= frame->first && member <= frame->last) return true;
  for (int32_t i = 0; i < BLOK_SKIP_STEPS; i++) {
    if (!frame->skip_left[i]) continue;
    if (!is_step(&frame->block->residual->skip_step[i], op)) continue;
    frame->skip_left[i] = false;
    return true;
  }
  return false;
}

bool blok_draw_on_skip(const blok_frame *frame, size_t child) {
  for (int32_t i = 0; i < BLOK_SKIP_STEPS; i++) {
    if (frame->skip_child[i] == (int32_t)child) return true;
  }
  return false;
}
