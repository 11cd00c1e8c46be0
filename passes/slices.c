// Slices that cut a value into parts of one size along one axis become one Split: so a chunk that
// an exporter wrote as slices looks like one that it wrote as a Split. Of three parts and more the
// last may be smaller; two unequal parts stay slices.
#include "base/error.h"
#include "passes/known.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

// A value that more nodes read than this is not looked at.
#define PARTS 64

typedef struct slicer {
  blok_graph *graph;
  const blok_facts *facts;
  blok_uses uses;  // before any change
  uint8_t *done;   // by node: it has become part of a Split
} slicer;

// One axis, from begin to end, by steps of 1, in numbers.
typedef struct range {
  uint32_t axis;
  int64_t size, begin, end;
} range;

static int64_t clamp(int64_t at, int64_t size) {
  if (at < 0) at = at < -size ? 0 : at + size;
  return at > size ? size : at;
}

static bool one_int(const slicer *self, const blok_node *node, uint32_t slot, int64_t *out) {
  uint32_t n = 0;
  return blok_known_ints(blok_known_in(self->facts, node, slot), out, 1, &n) && n == 1;
}

static bool read_range(const slicer *self, const blok_node *node, range *out) {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t axis = 0;
  int64_t step = 1;
  if (node->op != BLOK_OP_Slice || !blok_node_output(node, 0).i) return false;
  const blok_fact *x = blok_known_in(self->facts, node, 0);
  if (!one_int(self, node, 1, &begin) || !one_int(self, node, 2, &end)) return false;
  if (blok_node_input(node, 3).i && !one_int(self, node, 3, &axis)) return false;
  if (blok_node_input(node, 4).i && !one_int(self, node, 4, &step)) return false;
  if (step != 1 || x->rank < 1 || !blok_axis_normal(axis, (uint32_t)x->rank, &out->axis)) {
    return false;
  }
  out->size = x->dims[out->axis].value;
  if (out->size < 1) return false;
  out->begin = clamp(begin, out->size);
  out->end = clamp(end, out->size);
  return out->begin < out->end;
}

// The slices that read value, by the part that each is; false unless they leave nothing out and are
// of one size, which is that of *first. part has PARTS entries.
static bool read_parts(const slicer *self, blok_value_id value, blok_node_id *part, uint32_t *n,
                       range *first) {
  const blok_use *uses = blok_uses_of(&self->uses, value);
  uint32_t n_uses = blok_uses_count(&self->uses, value);
  range at[PARTS];
  blok_node_id nodes[PARTS];
  uint32_t found = 0;
  if (n_uses < 2 || n_uses > PARTS) return false;
  for (uint32_t i = 0; i < n_uses; i++) {
    if (!uses[i].node.i || uses[i].slot != 0) continue;
    if (!read_range(self, blok_node_at(self->graph, uses[i].node), &at[found])) continue;
    nodes[found] = uses[i].node;
    if (found == 0 || at[found].end - at[found].begin > first->end - first->begin) {
      *first = at[found];
    }
    found++;
  }
  if (found < 2) return false;
  int64_t size = first->end - first->begin;
  bool even = first->size % size == 0;
  *n = found;
  if ((first->size - 1) / size + 1 != (int64_t)found || (!even && found < 3)) return false;
  for (uint32_t i = 0; i < found; i++) part[i] = BLOK_NO_NODE;
  for (uint32_t i = 0; i < found; i++) {
    int64_t end = at[i].begin > first->size - size ? first->size : at[i].begin + size;
    if (at[i].axis != first->axis || at[i].begin % size != 0 || at[i].end != end ||
        part[at[i].begin / size].i) {
      return false;
    }
    part[at[i].begin / size] = nodes[i];
  }
  return true;
}

static blok_status put_split(slicer *self, blok_value_id value, const blok_node_id *part,
                             uint32_t n, const range *first, blok_error *error) {
  blok_graph *graph = self->graph;
  int64_t sizes[PARTS];
  blok_value_id list = BLOK_NO_VALUE;
  blok_node_id split = BLOK_NO_NODE;
  int64_t size = first->end - first->begin;
  for (uint32_t i = 0; i < n; i++) sizes[i] = size;
  sizes[n - 1] = first->size - (n - 1) * size;
  BLOK_TRY(blok_rewrite_ints(graph, part[0], "split", sizes, n, &list, error));
  BLOK_TRY(blok_graph_add_node(graph, "", "Split", 2, n, &split, error));
  blok_graph_set_input(graph, split, 0, value);
  blok_graph_set_input(graph, split, 1, list);
  blok_node_at(graph, split)->name = blok_node_at(graph, part[0])->name;
  BLOK_TRY(blok_node_set_int(graph, split, "axis", first->axis, error));
  for (uint32_t i = 0; i < n; i++) {
    blok_value_id out = blok_node_output(blok_node_at(graph, part[i]), 0);
    BLOK_TRY(blok_node_add_sources(graph, split, blok_node_at(graph, part[i]), error));
    blok_graph_remove_node(graph, part[i]);
    blok_graph_set_output(graph, split, i, out);
    self->done[part[i].i] = 1;
  }
  return BLOK_OK;
}

// The Split stands where the first of the slices stood.
static blok_status slice_nodes(slicer *self, blok_error *error) {
  blok_graph *graph = self->graph;
  blok_old_order old = blok_rewrite_begin(graph);
  for (uint32_t i = 0; i < old.n; i++) {
    blok_node_id id = old.items[i];
    blok_node_id part[PARTS];
    uint32_t n = 0;
    range first = {0};
    if (self->done[id.i]) continue;
    const blok_node *node = blok_node_at(graph, id);
    blok_value_id x = blok_node_input(node, 0);
    if (node->op == BLOK_OP_Slice && x.i && read_parts(self, x, part, &n, &first)) {
      BLOK_TRY(put_split(self, x, part, n, &first, error));
    }
    if (!self->done[id.i]) BLOK_TRY(blok_rewrite_keep(graph, id, error));
  }
  return BLOK_OK;
}

static blok_status visit(blok_graph *graph, blok_facts *facts, blok_error *error) {
  slicer self = {.graph = graph, .facts = facts};
  self.done = blok_arena_array(&facts->arena, graph->n_nodes, sizeof *self.done);
  if (!self.done) return blok_fail_memory(error, graph->n_nodes);
  BLOK_TRY(blok_uses_build(graph, &graph->module->allocator, &self.uses, error));
  blok_status status = slice_nodes(&self, error);
  blok_uses_free(&self.uses);
  return status;
}

blok_status blok_pass_slices(blok_module *module, const blok_pass_options *options,
                             blok_error *error) {
  (void)options;
  return blok_known_each(module->graph, visit, error);
}
