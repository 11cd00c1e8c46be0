// The skip path of an addition, read backwards step by step. See skip.h.
#include "blocks/skip.h"

#include <stdio.h>
#include <string.h>

#include "blocks/channels.h"

// What one call adds: the steps of one node, or of a convolution and its norm.
typedef struct addition {
  blok_value_id from;
  uint32_t n;
  blok_skip_step step[4];
  blok_conv_weights weights[4];
  uint32_t n_nodes;
  blok_node_id nodes[4];  // the last one first
  const blok_unit *conv, *norm;
} addition;

static const blok_skip_step no_step = BLOK_SKIP_STEP_INIT;

void blok_skip_begin(blok_skip_path *path, blok_value_id end) {
  memset(path, 0, sizeof *path);
  path->end = path->entry = end;
}

bool blok_skip_has_conv(const blok_skip_path *path) { return path->n_convs > 0; }

static blok_skip_step *new_step(addition *added, blok_skip_op op) {
  blok_skip_step *step = &added->step[added->n++];
  *step = no_step;
  step->op = op;
  return step;
}

// ---- Convolutions and norms ---------------------------------------------------------------------

static bool pointwise(const blok_conv_desc *conv) {
  for (int i = 0; i < 4; i++) {
    if (conv->pads[i] != 0) return false;
  }
  return conv->kernel[0] == 1 && conv->kernel[1] == 1;
}

static bool depthwise(const blok_conv_desc *conv) {
  return conv->groups > 1 && conv->groups == conv->in_channels &&
         conv->out_channels == conv->in_channels;
}

// One 1x1 convolution, or a depthwise one just before it.
static bool may_stand(const blok_skip_path *path, const blok_conv_desc *conv) {
  if (path->n_convs == 0) return pointwise(conv);
  return path->n_convs == 1 && path->step[0].op == BLOK_SKIP_CONV && depthwise(conv) &&
         !depthwise(path->convs[0].conv->conv);
}

// A norm's, the last one first.
static void add_nodes(addition *added, const blok_unit *norm) {
  for (uint32_t i = norm->n_nodes; i-- > 0;) added->nodes[added->n_nodes++] = norm->nodes[i];
}

static bool read_conv(const blok_matcher *matcher, const blok_skip_path *path,
                      const blok_unit *conv, const blok_unit *norm, addition *added) {
  if (!may_stand(path, conv->conv)) return false;
  blok_skip_step *step = new_step(added, BLOK_SKIP_CONV);
  step->conv = blok_conv_described(conv, norm, NULL);
  added->weights[0] = blok_conv_weighed(matcher, conv, norm, NULL);
  if (norm) add_nodes(added, norm);
  added->nodes[added->n_nodes++] = conv->nodes[0];
  added->conv = conv;
  added->norm = norm;
  added->from = conv->in;
  return true;
}

static bool read_norm(const blok_matcher *matcher, const blok_skip_path *path,
                      const blok_unit *norm, addition *added) {
  const blok_unit *conv = blok_unit_making(matcher, norm->in, BLOK_UNIT_CONV);
  if (conv && blok_only_read(matcher, norm->in, 1) && blok_unit_free(matcher, conv) &&
      read_conv(matcher, path, conv, norm, added)) {
    return true;
  }
  const blok_literal *scale = blok_value_at(matcher->graph, norm->weights[0])->literal;
  if (scale->rank != 1 || scale->dims[0] < 1 || scale->dims[0] > INT32_MAX) return false;
  blok_skip_step *step = new_step(added, BLOK_SKIP_NORM);
  step->conv.in_channels = (int32_t)scale->dims[0];
  step->conv.norm = norm->norm;
  step->conv.norm_groups = norm->norm_groups;
  step->conv.epsilon = norm->epsilon;
  memcpy(added->weights[0].norm, norm->weights, sizeof norm->weights);
  add_nodes(added, norm);
  added->from = norm->in;
  return true;
}

// ---- Pools --------------------------------------------------------------------------------------

static bool fits(int64_t value) { return value > 0 && value <= INT32_MAX; }

// Padding of one axis; SAME padding of an open size only at a stride of 1, where it does not depend
// on it.
static bool read_pads(const blok_node *node, const blok_window *window, int axis, int32_t pads[4]) {
  int64_t begin = window->pad_begin[axis], end = window->pad_end[axis];
  if (begin < 0 || end < 0) {
    if (window->stride[axis] != 1) return false;
    int64_t total = window->kernel[axis] - 1;
    begin =
        blok_node_text_is(node, "auto_pad", "NOTSET", "SAME_LOWER") ? total - total / 2 : total / 2;
    end = total - begin;
  }
  if (begin > INT32_MAX || end > INT32_MAX) return false;
  pads[axis] = (int32_t)begin;
  pads[axis + 2] = (int32_t)end;
  return true;
}

static bool read_pool(const blok_matcher *matcher, const blok_node *node, addition *added) {
  bool average = node->op == BLOK_OP_AveragePool;
  if (!average && node->op != BLOK_OP_MaxPool) return false;
  for (uint32_t i = 1; i < node->n_outputs; i++) {
    if (node->outputs[i].i && !blok_only_read(matcher, node->outputs[i], 0)) return false;
  }
  uint32_t n;
  const int64_t *kernel = blok_node_ints(node, "kernel_shape", &n);
  const blok_fact *fact = &matcher->facts->of[node->inputs[0].i];
  if (n != 2 || (fact->rank >= 0 && fact->rank != 4)) return false;
  int64_t in[2] = {-1, -1};
  if (fact->rank == 4) {
    in[0] = fact->dims[2].value;
    in[1] = fact->dims[3].value;
  }
  blok_window window;
  if (blok_window_resolve(matcher->graph, node, 2, in, kernel, &window, NULL) != BLOK_OK) {
    return false;
  }
  blok_skip_step *step = new_step(added, average ? BLOK_SKIP_AVERAGE_POOL : BLOK_SKIP_MAX_POOL);
  for (int a = 0; a < 2; a++) {
    if (!fits(window.kernel[a]) || !fits(window.stride[a]) || window.dilation[a] != 1 ||
        !read_pads(node, &window, a, step->pads)) {
      return false;
    }
    step->kernel[a] = (int32_t)window.kernel[a];
    step->stride[a] = (int32_t)window.stride[a];
  }
  step->ceil_mode = blok_node_int(node, "ceil_mode", 0) != 0;
  step->count_include_pad = average && blok_node_int(node, "count_include_pad", 0) != 0;
  added->from = node->inputs[0];
  return true;
}

// ---- Pad and Slice ------------------------------------------------------------------------------

// The n constant integers of an input; false where they are others or not known.
static bool read_ints(const blok_matcher *matcher, const blok_node *node, uint32_t slot, uint32_t n,
                      int64_t *out) {
  blok_value_id value = blok_node_input(node, slot);
  const blok_fact *fact = &matcher->facts->of[value.i];
  if (!value.i || !fact->elements || fact->n_elements != n) return false;
  for (uint32_t i = 0; i < n; i++) {
    if (!fact->elements[i].known) return false;
    out[i] = fact->elements[i].value;
  }
  return true;
}

// How many integers an input holds, 0 where it is absent or not known.
static uint32_t count_ints(const blok_matcher *matcher, const blok_node *node, uint32_t slot) {
  blok_value_id value = blok_node_input(node, slot);
  const blok_fact *fact = &matcher->facts->of[value.i];
  return value.i && fact->elements ? fact->n_elements : 0;
}

// The axes of n numbers, from the input in slot or, where it is absent, from 0 on. The first axis,
// the batch, is none that a skip path may change; none comes twice.
static bool read_axes(const blok_matcher *matcher, const blok_node *node, uint32_t slot, uint32_t n,
                      uint32_t axes[4]) {
  int64_t given[4] = {0, 1, 2, 3};
  uint32_t seen = 0;
  if (blok_node_input(node, slot).i && !read_ints(matcher, node, slot, n, given)) return false;
  for (uint32_t i = 0; i < n; i++) {
    if (!blok_axis_normal(given[i], 4, &axes[i]) || (seen & 1u << axes[i])) return false;
    seen |= 1u << axes[i];
  }
  return true;
}

static bool read_pad(const blok_matcher *matcher, const blok_node *node, addition *added) {
  if (node->op != BLOK_OP_Pad || matcher->facts->of[node->inputs[0].i].rank != 4) return false;
  double filling = 0;
  if (!blok_node_text_is(node, "mode", "constant", "constant")) return false;
  blok_value_id value = blok_node_input(node, 2);
  if (value.i && (!blok_constant_number(matcher, value, &filling) || filling != 0)) return false;
  uint32_t n = count_ints(matcher, node, 1) / 2, axes[4];
  int64_t pads[8];
  if (n == 0 || n > 4 || !read_ints(matcher, node, 1, 2 * n, pads) ||
      !read_axes(matcher, node, 3, n, axes)) {
    return false;
  }
  for (uint32_t axis = 0; axis < 4; axis++) {
    for (uint32_t i = 0; i < n; i++) {
      int64_t begin = pads[i], end = pads[n + i];
      if (axes[i] != axis || (begin == 0 && end == 0)) continue;
      if (axis == 0 || begin < 0 || end < 0 || begin > INT32_MAX || end > INT32_MAX) return false;
      blok_skip_step *step = new_step(added, BLOK_SKIP_PAD);
      step->axis = (int32_t)axis;
      step->begin = begin;
      step->end = end;
    }
  }
  added->from = node->inputs[0];
  return true;
}

// One axis of a slice, in whole numbers of that axis where its size is known. False where it counts
// from an end that is not known, or goes backwards.
static bool read_slice_axis(blok_dim size, int64_t begin, int64_t end, int64_t step,
                            blok_skip_step *out) {
  if (step < 1) return false;
  if (size.value >= 0) {
    if (begin < 0) begin = begin < -size.value ? 0 : begin + size.value;
    if (end < 0) end = end < -size.value ? 0 : end + size.value;
    if (begin > size.value) begin = size.value;
    if (end > size.value) end = size.value;
  }
  if (begin < 0 || end < begin) return false;
  out->begin = begin;
  out->end = end;
  out->step = step;
  return true;
}

static bool read_slice(const blok_matcher *matcher, const blok_node *node, addition *added) {
  if (node->op != BLOK_OP_Slice || matcher->facts->of[node->inputs[0].i].rank != 4) return false;
  const blok_dim *dims = matcher->facts->of[node->inputs[0].i].dims;
  uint32_t n = count_ints(matcher, node, 1), axes[4];
  int64_t begin[4], end[4], steps[4] = {1, 1, 1, 1};
  if (n == 0 || n > 4 || !read_ints(matcher, node, 1, n, begin) ||
      !read_ints(matcher, node, 2, n, end) || !read_axes(matcher, node, 3, n, axes)) {
    return false;
  }
  if (blok_node_input(node, 4).i && !read_ints(matcher, node, 4, n, steps)) return false;
  for (uint32_t axis = 0; axis < 4; axis++) {
    for (uint32_t i = 0; i < n; i++) {
      if (axes[i] != axis) continue;
      blok_skip_step step = no_step;
      if (!read_slice_axis(dims[axis], begin[i], end[i], steps[i], &step)) return false;
      bool all = step.begin == 0 && step.step == 1 &&
                 (step.end == INT64_MAX || step.end == dims[axis].value);
      if (all) continue;
      if (axis == 0) return false;
      step.op = BLOK_SKIP_SLICE;
      step.axis = (int32_t)axis;
      added->step[added->n++] = step;
    }
  }
  added->from = node->inputs[0];
  return true;
}

// ---- Scales -------------------------------------------------------------------------------------

// The axis along which a constant holds one number a place of x, and 1 on all others, so that the
// product has x's shape; -1 where there is none.
static int32_t factor_axis(const blok_literal *factor, const blok_fact *x) {
  int32_t found = -1;
  if (x->rank < 2 || factor->rank > (uint32_t)x->rank) return -1;
  const int32_t shift = x->rank - (int32_t)factor->rank;
  for (uint32_t i = 0; i < factor->rank; i++) {
    if (factor->dims[i] == 1) continue;
    const int32_t axis = shift + (int32_t)i;
    if (found >= 0 || factor->dims[i] != x->dims[axis].value) return -1;
    found = axis;
  }
  return found;
}

static void keep_factor(addition *added, blok_value_id x, blok_value_id factor, blok_scale scale) {
  blok_skip_step *step = new_step(added, BLOK_SKIP_SCALE);
  step->scale = scale;
  if (scale == BLOK_SCALE_CHANNELS) step->axis = 1;
  added->weights[0].weight = factor;
  added->from = x;
}

// A unit: by one number, or by one a channel of a picture whose channels are axis 1.
static bool read_scale(const blok_matcher *matcher, const blok_unit *unit, addition *added) {
  if (!blok_value_at(matcher->graph, unit->factor)->literal) return false;
  keep_factor(added, unit->in, unit->factor, unit->scale);
  added->step[0].divides = blok_node_at(matcher->graph, unit->nodes[0])->op == BLOK_OP_Div;
  added->nodes[added->n_nodes++] = unit->nodes[0];
  return true;
}

// By one number a channel, wherever the channels of x are.
static bool read_channel_scale(const blok_matcher *matcher, const blok_skip_path *path,
                               const blok_node *node, addition *added) {
  // What reads the end of the path is the addition, or the path is no private one.
  if (node->op != BLOK_OP_Mul || node->n_inputs != 2 || !node->inputs[1].i ||
      !blok_only_read(matcher, path->end, 1)) {
    return false;
  }
  const blok_node_id reader = blok_uses_of(&matcher->uses, path->end)[0].node;
  for (uint32_t c = 0; c < 2 && reader.i; c++) {
    const blok_value_id x = node->inputs[1 - c];
    const blok_literal *factor = blok_value_at(matcher->graph, node->inputs[c])->literal;
    const blok_fact *fact = &matcher->facts->of[x.i];
    const int32_t axis = factor ? factor_axis(factor, fact) : -1;
    if (axis < 1) continue;
    if (axis != (blok_channels_last(matcher, x, reader) ? fact->rank - 1 : 1)) return false;
    keep_factor(added, x, node->inputs[c], BLOK_SCALE_CHANNELS);
    added->step[0].axis = axis;
    return true;
  }
  return false;
}

// ---- One step -----------------------------------------------------------------------------------

static blok_skip_stop read_step(const blok_matcher *matcher, const blok_skip_path *path,
                                addition *added) {
  const blok_unit *unit = blok_unit_at(matcher, matcher->unit_of[path->entry.i]);
  if (unit) {
    bool known = unit->kind == BLOK_UNIT_CONV    ? read_conv(matcher, path, unit, NULL, added)
                 : unit->kind == BLOK_UNIT_NORM  ? read_norm(matcher, path, unit, added)
                 : unit->kind == BLOK_UNIT_SCALE ? read_scale(matcher, unit, added)
                                                 : false;
    if (!known) return BLOK_SKIP_NO_STEP;
    return blok_unit_free(matcher, unit) ? BLOK_SKIP_GOES_ON : BLOK_SKIP_HELD;
  }
  blok_node_id id = blok_value_producer(matcher->graph, path->entry);
  if (!id.i) return BLOK_SKIP_NO_STEP;
  const blok_node *node = blok_node_at(matcher->graph, id);
  if (!blok_node_input(node, 0).i || !blok_same_value(blok_node_output(node, 0), path->entry)) {
    return BLOK_SKIP_NO_STEP;
  }
  if (!read_pool(matcher, node, added) && !read_pad(matcher, node, added) &&
      !read_slice(matcher, node, added) && !read_channel_scale(matcher, path, node, added)) {
    return BLOK_SKIP_NO_STEP;
  }
  added->nodes[added->n_nodes++] = id;
  return matcher->owner[id.i] < 0 ? BLOK_SKIP_GOES_ON : BLOK_SKIP_HELD;
}

static void take(blok_skip_path *path, const addition *added) {
  memmove(path->step + added->n, path->step, path->n * sizeof *path->step);
  memmove(path->weights + added->n, path->weights, path->n * sizeof *path->weights);
  memcpy(path->step, added->step, added->n * sizeof *path->step);
  memcpy(path->weights, added->weights, added->n * sizeof *path->weights);
  path->n += added->n;
  for (uint32_t i = 0; i < added->n_nodes; i++) path->nodes[path->n_nodes++] = added->nodes[i];
  if (added->conv) {
    path->convs[path->n_convs].conv = added->conv;
    path->convs[path->n_convs++].norm = added->norm;
  }
  path->entry = added->from;
}

bool blok_skip_extend(const blok_matcher *matcher, blok_skip_path *path) {
  addition added;
  memset(&added, 0, sizeof added);
  path->stop = read_step(matcher, path, &added);
  if (path->stop == BLOK_SKIP_NO_STEP) return false;
  if (path->n + added.n > BLOK_SKIP_STEPS || path->n_nodes + added.n_nodes > BLOK_SKIP_NODES) {
    path->stop = BLOK_SKIP_NO_STEP;
  } else if (!blok_only_read(matcher, path->entry, 1)) {
    path->stop = BLOK_SKIP_SHARED;
  }
  if (path->stop != BLOK_SKIP_GOES_ON) return false;
  take(path, &added);
  return true;
}

bool blok_skip_elsewhere(const blok_matcher *matcher, blok_skip_path *path, blok_value_id *x) {
  addition added;
  memset(&added, 0, sizeof added);
  blok_node_id id = blok_value_producer(matcher->graph, path->entry);
  if (!id.i || blok_uses_count(&matcher->uses, path->entry) < 2) return false;
  const blok_node *node = blok_node_at(matcher->graph, id);
  if (!blok_node_input(node, 0).i || !blok_same_value(blok_node_output(node, 0), path->entry) ||
      !read_pool(matcher, node, &added)) {
    return false;
  }
  path->elsewhere = true;
  path->shared = added.step[0];
  *x = added.from;
  return true;
}

// ---- What a path says ---------------------------------------------------------------------------

// " 2x2 /2", "" for what is 1.
static void print_window(char *out, size_t size, const int32_t kernel[2], const int32_t stride[2]) {
  int used = snprintf(out, size, " %dx%d", kernel[0], kernel[1]);
  if (used < 0 || (size_t)used >= size) return;
  out += used;
  size -= (size_t)used;
  if (stride[0] != stride[1]) {
    snprintf(out, size, " /%dx%d", stride[0], stride[1]);
  } else if (stride[0] > 1) {
    snprintf(out, size, " /%d", stride[0]);
  }
}

// "batch", "group 32", "layer".
static const char *print_norm(char *out, size_t size, const blok_conv_desc *conv) {
  const char *name = blok_norm_name(conv->norm);
  if (conv->norm == BLOK_NORM_GROUP) {
    snprintf(out, size, "%s %d", name, conv->norm_groups);
  } else {
    snprintf(out, size, "%s", name);
  }
  return out;
}

static void print_step(char *out, size_t size, const blok_skip_step *step) {
  char window[64], norm[32];
  const char *name;
  switch (step->op) {
    case BLOK_SKIP_CONV:
      print_window(window, sizeof window, step->conv.kernel, step->conv.stride);
      name = step->conv.groups == 1   ? "conv"
             : depthwise(&step->conv) ? "depthwise"
                                      : "grouped conv";
      snprintf(out, size, "%s%s%s%s", name, window, step->conv.norm ? " + " : "",
               step->conv.norm ? print_norm(norm, sizeof norm, &step->conv) : "");
      return;
    case BLOK_SKIP_AVERAGE_POOL:
    case BLOK_SKIP_MAX_POOL:
      print_window(window, sizeof window, step->kernel, step->stride);
      name = step->op == BLOK_SKIP_MAX_POOL ? "max pool" : "avg pool";
      snprintf(out, size, "%s%s", name, window);
      return;
    case BLOK_SKIP_NORM:
      (void)print_norm(out, size, &step->conv);
      return;
    case BLOK_SKIP_PAD:
      snprintf(out, size, "pad");
      return;
    case BLOK_SKIP_SLICE:
      snprintf(out, size, "slice");
      return;
    case BLOK_SKIP_SCALE:
      snprintf(out, size, "scale");
      return;
  }
}

const char *blok_skip_text(const blok_matcher *matcher, const blok_skip_path *path, bool *failed) {
  char text[1024] = "", word[128];
  *failed = false;
  if (path->n == 0 && !path->elsewhere) return NULL;
  size_t used = 0;
  if (path->elsewhere) {
    print_step(word, sizeof word, &path->shared);
    used = (size_t)snprintf(text, sizeof text, "shared %s", word);
  }
  blok_skip_op before = BLOK_SKIP_CONV;
  for (uint32_t i = 0; i < path->n; i++) {
    const blok_skip_step *step = &path->step[i];
    bool by_axis = step->op == BLOK_SKIP_SLICE || step->op == BLOK_SKIP_PAD;
    if (by_axis && step->op == before) continue;  // one word for all axes
    before = step->op;
    print_step(word, sizeof word, step);
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "", word);
  }
  const char *kept = blok_arena_text(&matcher->overlay->arena, text);
  *failed = !kept;
  return kept;
}

void blok_skip_describe(const blok_skip_path *path, blok_value_id from, blok_residual_desc *desc,
                        blok_residual_weights *weights) {
  desc->skip_elsewhere = !blok_same_value(path->entry, from);
  desc->skip = path->n || desc->skip_elsewhere ? BLOK_SKIP_PROJECTION : BLOK_SKIP_IDENTITY;
  desc->skip_steps = (int32_t)path->n;
  for (uint32_t i = 0; i < path->n; i++) {
    desc->skip_step[i] = path->step[i];
    weights->skip[i] = path->weights[i];
  }
}
