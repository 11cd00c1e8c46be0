// A Pad becomes the pads of the windows that slide over it: exporters put it before a convolution
// whose own pads they did not trust with more at one end, or computed only as shapes were known.
//
// It adds to the spatial axes alone, by constants not below 0, and each of its readers takes it as
// the input of
//   Conv or AveragePool, where it adds zeros. The average must count them: it does so already, or
//   has had no pads of its own;
//   MaxPool, where it adds the lowest number there is, as pads hold no maximum.
// A window of a pool must not lie in pads altogether.
#include <float.h>
#include <math.h>

#include "base/error.h"
#include "passes/known.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

// More at one end of an axis is left to the Pad.
#define MOST INT32_MAX

typedef struct padder {
  blok_graph *graph;
  const blok_facts *facts;
  blok_uses uses;  // as before any change
} padder;

// What a Pad adds at the begin of each axis, then at the end of each.
typedef struct padding {
  uint32_t rank;
  int64_t ends[2 * BLOK_MAX_RANK];
  bool zeros;   // it adds zeros
  bool lowest;  // it adds what no maximum is below
} padding;

// ---- The Pad ------------------------------------------------------------------------------------

static void read_number(const padder *self, const blok_node *node, padding *out) {
  if (!blok_node_input(node, 2).i) {
    out->zeros = true;
    return;
  }
  const blok_fact *number = blok_known_in(self->facts, node, 2);
  out->zeros = blok_all_equal(number, 0);
  out->lowest = blok_all_equal(number, (double)-INFINITY) ||
                (number->dtype == BLOK_F32 && blok_all_equal(number, -(double)FLT_MAX));
}

// The axes that the Pad names, in its order; all of them where it names none.
static bool read_axes(const padder *self, const blok_node *node, uint32_t rank, uint32_t *axes,
                      uint32_t *n) {
  int64_t list[BLOK_MAX_RANK];
  bool met[BLOK_MAX_RANK] = {false};
  *n = rank;
  for (uint32_t i = 0; i < rank; i++) axes[i] = i;
  if (!blok_node_input(node, 3).i) return true;
  if (!blok_known_ints(blok_known_in(self->facts, node, 3), list, rank, n)) return false;
  for (uint32_t i = 0; i < *n; i++) {
    if (!blok_axis_normal(list[i], rank, &axes[i]) || met[axes[i]]) return false;
    met[axes[i]] = true;
  }
  return true;
}

static bool read_padding(const padder *self, const blok_node *node, padding *out) {
  int64_t list[2 * BLOK_MAX_RANK];
  uint32_t axes[BLOK_MAX_RANK];
  uint32_t n = 0;
  uint32_t n_axes = 0;
  const blok_fact *x = blok_known_in(self->facts, node, 0);
  const padding none = {0};
  *out = none;
  if (node->op != BLOK_OP_Pad || !blok_node_text_is(node, "mode", "constant", "constant") ||
      x->rank < 3 || x->rank > BLOK_MAX_RANK) {
    return false;
  }
  out->rank = (uint32_t)x->rank;
  if (!blok_known_ints(blok_known_in(self->facts, node, 1), list, 2 * out->rank, &n) ||
      !read_axes(self, node, out->rank, axes, &n_axes) || n != 2 * n_axes) {
    return false;
  }
  for (uint32_t i = 0; i < n; i++) {
    uint32_t axis = axes[i % n_axes];
    if (list[i] < 0 || list[i] > MOST || (axis < 2 && list[i] != 0)) return false;
    out->ends[axis + (i < n_axes ? 0 : out->rank)] = list[i];
  }
  read_number(self, node, out);
  return out->zeros || out->lowest;
}

// ---- Its readers --------------------------------------------------------------------------------

// The reader's own pads and what the Pad adds, in the order of the attribute.
static bool add_pads(const blok_node *node, const padding *found, int64_t *sum, bool *had) {
  uint32_t n = 0;
  uint32_t axes = found->rank - 2;
  const int64_t *own = blok_node_ints(node, "pads", &n);
  bool given = blok_node_text_is(node, "auto_pad", "NOTSET", "NOTSET");
  if (!given && !blok_node_text_is(node, "auto_pad", "NOTSET", "VALID")) return false;
  if (!given) n = 0;
  *had = false;
  if (n != 0 && n != 2 * axes) return false;
  for (uint32_t i = 0; i < 2 * axes; i++) {
    sum[i] = found->ends[i < axes ? 2 + i : found->rank + 2 + i - axes];
    if (n == 0) continue;
    if (own[i] < 0 || own[i] > MOST - sum[i]) return false;
    *had = *had || own[i] != 0;
    sum[i] += own[i];
  }
  return true;
}

// Each window holds an element of the tensor: it has no gaps, and each end's pads are smaller.
static bool windows_reach(const blok_node *node, const int64_t *pads, uint32_t axes) {
  uint32_t n = 0;
  const int64_t *dilations = blok_node_ints(node, "dilations", &n);
  for (uint32_t i = 0; i < n; i++) {
    if (dilations[i] != 1) return false;
  }
  const int64_t *kernel = blok_node_ints(node, "kernel_shape", &n);
  if (n != axes) return false;
  for (uint32_t i = 0; i < 2 * axes; i++) {
    if (pads[i] >= kernel[i % axes]) return false;
  }
  return true;
}

static bool takes(const padder *self, const blok_use *use, const padding *found) {
  int64_t pads[2 * BLOK_MAX_RANK];
  bool had = false;
  if (!use->node.i || use->slot != 0) return false;
  const blok_node *node = blok_node_at(self->graph, use->node);
  bool mean = node->op == BLOK_OP_AveragePool;
  bool conv = node->op == BLOK_OP_Conv;
  if ((!conv && !mean && node->op != BLOK_OP_MaxPool) || !add_pads(node, found, pads, &had)) {
    return false;
  }
  if (conv) return found->zeros;
  if (blok_node_int(node, "ceil_mode", 0) != 0 || !windows_reach(node, pads, found->rank - 2)) {
    return false;
  }
  if (mean) return found->zeros && (!had || blok_node_int(node, "count_include_pad", 0) != 0);
  // Indices are those of the padded tensor.
  return found->lowest && !blok_node_output(node, 1).i;
}

static blok_status give(const padder *self, blok_node_id reader, blok_node_id pad,
                        const padding *found, blok_error *error) {
  blok_graph *graph = self->graph;
  int64_t pads[2 * BLOK_MAX_RANK];
  bool had = false;
  const blok_node *node = blok_node_at(graph, reader);
  if (!add_pads(node, found, pads, &had)) return BLOK_OK;
  if (node->op == BLOK_OP_AveragePool) {
    BLOK_TRY(blok_node_set_int(graph, reader, "count_include_pad", 1, error));
  }
  blok_node_drop_attr(graph, reader, "auto_pad");
  BLOK_TRY(blok_node_set_ints(graph, reader, "pads", pads, 2 * (found->rank - 2), error));
  BLOK_TRY(blok_node_add_sources(graph, reader, blok_node_at(graph, pad), error));
  blok_graph_set_input(graph, reader, 0, blok_node_at(graph, pad)->inputs[0]);
  return BLOK_OK;
}

// All of its readers take it, or it stays for all.
static blok_status pad_node(const padder *self, blok_node_id id, blok_error *error) {
  blok_graph *graph = self->graph;
  padding found;
  const blok_node *node = blok_node_at(graph, id);
  blok_value_id out = blok_node_output(node, 0);
  if (!out.i || !read_padding(self, node, &found)) return BLOK_OK;
  const blok_use *uses = blok_uses_of(&self->uses, out);
  uint32_t n = blok_uses_count(&self->uses, out);
  for (uint32_t i = 0; i < n; i++) {
    if (!takes(self, &uses[i], &found)) return BLOK_OK;
  }
  for (uint32_t i = 0; i < n; i++) BLOK_TRY(give(self, uses[i].node, id, &found, error));
  blok_graph_remove_node(graph, id);
  blok_value_at(graph, out)->dead = true;
  return BLOK_OK;
}

static blok_status visit(blok_graph *graph, blok_facts *facts, blok_error *error) {
  padder self = {.graph = graph, .facts = facts};
  BLOK_TRY(blok_uses_build(graph, &graph->module->allocator, &self.uses, error));
  blok_status status = BLOK_OK;
  for (uint32_t i = 0; status == BLOK_OK && i < graph->n_order; i++) {
    status = pad_node(&self, graph->order[i], error);
  }
  blok_uses_free(&self.uses);
  blok_graph_sweep(graph);
  return status;
}

blok_status blok_pass_pads(blok_module *module, const blok_pass_options *options,
                           blok_error *error) {
  (void)options;
  return blok_known_each(module->graph, visit, error);
}
