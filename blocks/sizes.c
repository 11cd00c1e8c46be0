// Sizes of pictures that inference does not know. See sizes.h.
#include "blocks/sizes.h"

#include "base/size.h"
#include "base/text.h"

#define MOST_ADD    ((int64_t)1 << 50)
#define MOST_STRIDE ((int64_t)1 << 16)
#define MOST_STEP   ((int64_t)1 << 32)

// floor((size + add) / stride) of what came before.
static void divide(blok_size *size, int64_t add, int64_t stride) {
  if (size->broken || stride < 1 || stride > MOST_STRIDE || add > MOST_STEP || add < -MOST_STEP) {
    size->broken = true;
    return;
  }
  size->add += add * size->stride;
  size->stride *= stride;
  if (size->add > MOST_ADD || size->add < -MOST_ADD || size->stride > MOST_STRIDE) {
    size->broken = true;
  }
}

typedef struct axis_window {
  int64_t kernel, stride, dilation, begin, end;
  bool ceil;
} axis_window;

// Rounded up, the last window begins inside the input or the pad before it.
static void slide(blok_size *size, const axis_window *w) {
  int64_t reach;
  if (w->begin > MOST_STEP || w->end > MOST_STEP || w->stride > MOST_STRIDE ||
      !blok_mul_i64(w->kernel - 1, w->dilation, &reach) || reach > MOST_STEP) {
    size->broken = true;
    return;
  }
  int64_t add = w->begin + w->end - reach - 1 + w->stride;
  if (w->ceil) {
    if (w->end > reach + 1) size->broken = true;
    if (add > w->begin) add = w->begin;
    add += w->stride - 1;
  }
  divide(size, add, w->stride);
}

void blok_size_conv(const blok_conv_desc *conv, int axis, blok_size *size) {
  const axis_window window = {conv->kernel[axis], conv->stride[axis],   conv->dilation[axis],
                              conv->pads[axis],   conv->pads[axis + 2], false};
  slide(size, &window);
}

void blok_size_step(const blok_skip_step *step, int axis, blok_size *size) {
  const axis_window window = {step->kernel[axis], step->stride[axis],   1,
                              step->pads[axis],   step->pads[axis + 2], step->ceil_mode};
  switch (step->op) {
    case BLOK_SKIP_CONV:
      blok_size_conv(&step->conv, axis, size);
      return;
    case BLOK_SKIP_NORM:
    case BLOK_SKIP_SCALE:
      return;
    case BLOK_SKIP_PAD:
      if (step->axis == 2 + axis) divide(size, step->begin + step->end, 1);
      return;
    case BLOK_SKIP_SLICE:
      if (step->axis != 2 + axis) return;
      // One that ends at a number may end before the picture does.
      if (step->end < INT32_MAX || step->begin > MOST_STEP || step->step > MOST_STRIDE) {
        size->broken = true;
        return;
      }
      divide(size, step->step - 1 - step->begin, step->step);
      return;
    case BLOK_SKIP_AVERAGE_POOL:
    case BLOK_SKIP_MAX_POOL:
      slide(size, &window);
      return;
  }
}

// ---- Nodes of a region --------------------------------------------------------------------------

static void slide_node(const blok_matcher *matcher, const blok_node *node, int axis,
                       blok_size *size) {
  static const int64_t open[2] = {-1, -1};
  const int64_t *kernel = NULL;
  uint32_t n = 0;
  if (node->op == BLOK_OP_Conv) {
    const blok_literal *weight = blok_value_at(matcher->graph, blok_node_input(node, 1))->literal;
    if (weight && weight->rank == 4) kernel = weight->dims + 2;
  } else {
    kernel = blok_node_ints(node, "kernel_shape", &n);
    if (n != 2) kernel = NULL;
  }
  blok_window window;
  if (!kernel ||
      blok_window_resolve(matcher->graph, node, 2, open, kernel, &window, NULL) != BLOK_OK) {
    size->loose = true;
    return;
  }
  const int64_t stride = window.stride[axis];
  if (window.pad_begin[axis] < 0 || window.pad_end[axis] < 0) {  // SAME
    divide(size, stride - 1, stride);
    return;
  }
  const axis_window of = {window.kernel[axis],   stride,
                          window.dilation[axis], window.pad_begin[axis],
                          window.pad_end[axis],  blok_node_int(node, "ceil_mode", 0) != 0};
  slide(size, &of);
}

// The known integers of an input; NULL where they are not all known.
static const blok_fact *known_ints(const blok_matcher *matcher, const blok_node *node,
                                   uint32_t slot) {
  const blok_value_id value = blok_node_input(node, slot);
  const blok_fact *fact = &matcher->facts->of[value.i];
  if (!value.i || !fact->elements) return NULL;
  for (uint32_t i = 0; i < fact->n_elements; i++) {
    if (!fact->elements[i].known) return NULL;
  }
  return fact;
}

static void pad_node(const blok_matcher *matcher, const blok_node *node, uint32_t axis,
                     blok_size *size) {
  const blok_fact *pads = known_ints(matcher, node, 1), *axes = known_ints(matcher, node, 3);
  if (!pads || (blok_node_input(node, 3).i && !axes)) {
    size->loose = true;
    return;
  }
  const uint32_t n = pads->n_elements / 2;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t of = i;
    if (axes && (i >= axes->n_elements || !blok_axis_normal(axes->elements[i].value, 4, &of))) {
      size->loose = true;
    } else if (of == axis) {
      int64_t added;
      if (!blok_add_i64(pads->elements[i].value, pads->elements[n + i].value, &added)) {
        size->broken = true;
      } else {
        divide(size, added, 1);
      }
    }
  }
}

// True where the node may cut or join along the axis.
static bool cuts(const blok_matcher *matcher, const blok_node *node, uint32_t axis) {
  uint32_t of;
  if (node->op != BLOK_OP_Slice) {
    const int64_t given = blok_node_int(node, "axis", 0);
    return !blok_axis_normal(given, 4, &of) || of == axis;
  }
  const blok_fact *axes = known_ints(matcher, node, 3);
  if (!axes) return true;
  for (uint32_t i = 0; i < axes->n_elements; i++) {
    if (!blok_axis_normal(axes->elements[i].value, 4, &of) || of == axis) return true;
  }
  return false;
}

static void pass_node(const blok_matcher *matcher, const blok_node *node, int axis,
                      blok_size *size) {
  const uint32_t at = 2 + (uint32_t)axis;
// Most operators say nothing here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wswitch-enum"
  switch (node->op) {
    case BLOK_OP_Conv:
    case BLOK_OP_MaxPool:
    case BLOK_OP_AveragePool:
      slide_node(matcher, node, axis, size);
      return;
    case BLOK_OP_Pad:
      pad_node(matcher, node, at, size);
      return;
    case BLOK_OP_Slice:
    case BLOK_OP_Split:
    case BLOK_OP_Concat:
      if (cuts(matcher, node, at)) size->loose = true;
      return;
    case BLOK_OP_Reshape:
    case BLOK_OP_Flatten:
    case BLOK_OP_Transpose:
    case BLOK_OP_Squeeze:
    case BLOK_OP_Unsqueeze:
    case BLOK_OP_Expand:
    case BLOK_OP_Gather:
    case BLOK_OP_MatMul:
    case BLOK_OP_Gemm:
      size->loose = true;
      return;
    default:
      return;
  }
#pragma GCC diagnostic pop
}

// What a block gives has its skip path's size.
static void pass_block(const blok_block_record *block, int axis, blok_size *size) {
  const blok_residual_desc *desc = block->residual;
  if (!desc) return;
  for (int32_t i = 0; i < desc->convs; i++) blok_size_conv(&desc->conv[i], axis, size);
  if (desc->convs) return;
  if (desc->skip_elsewhere) size->loose = true;
  for (int32_t i = 0; i < desc->skip_steps; i++) blok_size_step(&desc->skip_step[i], axis, size);
}

// ---- Regions ------------------------------------------------------------------------------------

typedef struct walk {
  blok_matcher *matcher;
  int axis;
  uint32_t n;
  blok_size sizes[BLOK_REGION_STEPS + 2];  // a mark says which one a value has
} walk;

static const blok_size *size_of(const walk *self, blok_value_id value) {
  const blok_marks *marks = &self->matcher->value_marks;
  if (!value.i || marks->stamp[value.i] != marks->epoch) return NULL;
  return &self->sizes[marks->at[value.i]];
}

static void mark(const walk *self, blok_value_id value) {
  blok_marks *marks = &self->matcher->value_marks;
  if (!value.i) return;
  marks->stamp[value.i] = marks->epoch;
  marks->at[value.i] = self->n - 1;
}

// A mean or maximum over axes has no size that anything could be told of.
static void walk_node(walk *self, blok_node_id id) {
  const blok_matcher *matcher = self->matcher;
  const blok_node *node = blok_node_at(matcher->graph, id);
  const blok_size *before = NULL;
  const bool window = node->op == BLOK_OP_MaxPool || node->op == BLOK_OP_AveragePool;
  if (!window && (matcher->traits[id.i] & BLOK_TRAIT_POOL)) return;
  for (uint32_t i = 0; i < node->n_inputs && !before; i++) before = size_of(self, node->inputs[i]);
  if (!before) return;
  blok_size *size = &self->sizes[self->n++];
  *size = *before;
  pass_node(matcher, node, self->axis, size);
  for (uint32_t i = 0; i < node->n_outputs; i++) mark(self, node->outputs[i]);
}

static void walk_block(walk *self, const blok_block_record *block) {
  const blok_size *before = size_of(self, block->entry);
  if (!before) return;
  blok_size *size = &self->sizes[self->n++];
  *size = *before;
  pass_block(block, self->axis, size);
  mark(self, block->exit);
}

void blok_size_region(blok_matcher *matcher, const blok_region *region, int axis, blok_size *size) {
  static const blok_size same = BLOK_SIZE_INIT;
  walk self;
  self.matcher = matcher;
  self.axis = axis;
  self.n = 1;
  self.sizes[0] = same;
  matcher->value_marks.epoch++;
  mark(&self, region->entry);
  uint32_t own = 0, child = 0;
  while ((own < region->n_own || child < region->n_children) &&
         self.n < sizeof self.sizes / sizeof *self.sizes) {
    const blok_block_record *block =
        child < region->n_children ? matcher->records[region->children[child]] : NULL;
    const uint32_t made_at =
        block ? matcher->place[blok_value_producer(matcher->graph, block->exit).i] : UINT32_MAX;
    if (block && (own == region->n_own || made_at < matcher->place[region->own[own].i])) {
      walk_block(&self, block);
      child++;
    } else {
      walk_node(&self, region->own[own++]);
    }
  }
  const blok_size *end = size_of(&self, region->end);
  *size = end ? *end : same;
  if (!end) size->loose = true;
}

// ---- The rule -----------------------------------------------------------------------------------

bool blok_sizes_agree(blok_dim f, blok_dim skip, const blok_size *of_f, const blok_size *of_skip) {
  if (blok_dim_known(f) && blok_dim_known(skip)) return f.value == skip.value;
  if (blok_dim_same(f, skip)) return true;
  if (of_f->broken || of_skip->broken || of_f->stride != of_skip->stride) return false;
  if (!of_f->loose && !of_skip->loose) return of_f->add == of_skip->add;
  if (f.value == 1 || skip.value == 1) return false;
  return !f.symbol || !skip.symbol;  // two symbols that are not the same
}
