// A tensor that is split to a sequence only to be taken from it at constant places needs no
// sequence: sizes given one by one become a Split, one size for all a Slice for each place, since a
// part then lies where it lies however long the axis is.
//
// This runs before the operators get their newest versions, which do not hold sequences; the nodes
// made here are of the operator set that they are written for.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/infer.h"
#include "passes/evaluate.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "reference/reference.h"

// The operator set in which Split, Slice and Squeeze take what is written here.
#define WRITTEN_OPSET 13

typedef struct cutter {
  blok_graph *graph;
  blok_uses uses;  // before any change
} cutter;

// How a sequence's parts lie.
typedef struct parts {
  int64_t axis;
  bool sized;  // each has its own size; otherwise all have sizes[0], but for the last
  uint32_t n;  // of sizes
  int64_t sizes[BLOK_FACT_ELEMENTS];
  bool drops;  // of size 1, and without the axis
} parts;

// ---- Constants ----------------------------------------------------------------------------------

// The integers of an initializer or a Constant node; false when they are not at hand.
static blok_status read_ints(const blok_graph *graph, blok_value_id value, int64_t *out,
                             uint32_t *n, uint32_t *rank, bool *known, blok_error *error) {
  blok_node_id maker = blok_value_producer(graph, value);
  const blok_node *node = blok_node_at(graph, maker);
  const blok_literal *literal = blok_value_at(graph, value)->literal;
  const blok_attr *attr = NULL;
  *known = false;
  if (maker.i && node->op == BLOK_OP_Constant && node->n_attrs == 1) attr = &node->attrs[0];
  if (attr && attr->type == BLOK_ATTR_TENSOR) literal = attr->as.literal;
  if (attr && !attr->ref && attr->type == BLOK_ATTR_INT && strcmp(attr->name, "value_int") == 0) {
    out[0] = attr->as.i;
    *n = 1;
    *rank = 0;
    *known = true;
  }
  if (attr && !attr->ref && attr->type == BLOK_ATTR_INTS && strcmp(attr->name, "value_ints") == 0 &&
      attr->n <= BLOK_FACT_ELEMENTS) {
    for (uint32_t i = 0; i < attr->n; i++) out[i] = attr->as.ints[i];
    *n = attr->n;
    *rank = 1;
    *known = true;
  }
  size_t count = 0;
  size_t bytes = 0;
  if (*known || !literal || literal->rank > 1 ||
      (literal->dtype != BLOK_I64 && literal->dtype != BLOK_I32) ||
      !blok_literal_readable(literal, &count, &bytes) || count > BLOK_FACT_ELEMENTS) {
    return BLOK_OK;
  }
  blok_arena arena;
  blok_tensor *tensor = NULL;
  blok_error reason = BLOK_ERROR_INIT;
  blok_arena_init(&arena, &graph->module->allocator);
  blok_status status = blok_literal_tensor(literal, &arena, &tensor, &reason);
  *known = status == BLOK_OK;
  for (size_t i = 0; *known && i < count; i++) out[i] = blok_ref_load_i64(tensor, i);
  *n = (uint32_t)count;
  *rank = literal->rank;
  blok_arena_free(&arena);
  return status == BLOK_E_MEMORY ? blok_fail_memory(error, bytes) : BLOK_OK;
}

// ---- What may go --------------------------------------------------------------------------------

static bool is_op(const blok_node *node, const char *op_type) {
  return blok_node_domain(node)[0] == '\0' && strcmp(node->op_type, op_type) == 0;
}

static blok_status read_parts(const blok_graph *graph, const blok_node *node, parts *out,
                              bool *known, blok_error *error) {
  uint32_t rank = 0;
  blok_value_id split = blok_node_input(node, 1);
  *known = true;
  out->axis = blok_node_int(node, "axis", 0);
  out->drops = !split.i && blok_node_int(node, "keepdims", 1) == 0;
  out->n = 1;
  out->sizes[0] = 1;
  if (split.i) BLOK_TRY(read_ints(graph, split, out->sizes, &out->n, &rank, known, error));
  out->sized = rank == 1;
  *known = *known && out->n > 0;
  for (uint32_t i = 0; *known && i < out->n; i++) {
    *known = out->sizes[i] >= (out->sized ? 0 : 1);
  }
  return BLOK_OK;
}

// The place that a SequenceAt asks for: known, and one that there is or may be.
static blok_status read_place(const blok_graph *graph, const blok_node *node, const parts *of,
                              int64_t *place, bool *known, blok_error *error) {
  int64_t numbers[BLOK_FACT_ELEMENTS];
  int64_t end = 0;
  uint32_t n = 0;
  uint32_t rank = 0;
  *known = false;
  if (!blok_node_input(node, 1).i || !blok_node_output(node, 0).i) return BLOK_OK;
  BLOK_TRY(read_ints(graph, node->inputs[1], numbers, &n, &rank, known, error));
  *known = *known && n == 1;
  if (!*known) return BLOK_OK;
  *place = numbers[0];
  if (of->sized && *place < 0) *place += of->n;
  *known = *place >= 0 && (!of->sized || *place < of->n) && *place < INT64_MAX &&
           blok_mul_i64(*place + 1, of->sizes[0], &end);
  return BLOK_OK;
}

// Every reader takes one part at a known place.
static blok_status may_go(const cutter *self, blok_value_id sequence, const parts *of, bool *out,
                          blok_error *error) {
  const blok_use *uses = blok_uses_of(&self->uses, sequence);
  uint32_t n = blok_uses_count(&self->uses, sequence);
  *out = n > 0;
  for (uint32_t i = 0; *out && i < n; i++) {
    const blok_node *node = blok_node_at(self->graph, uses[i].node);
    int64_t place = 0;
    *out = uses[i].node.i && uses[i].slot == 0 && is_op(node, "SequenceAt");
    if (*out) BLOK_TRY(read_place(self->graph, node, of, &place, out, error));
  }
  return BLOK_OK;
}

// ---- Putting tensors in its place ---------------------------------------------------------------

static blok_status written(blok_graph *graph, blok_node_id like, const char *op_type, uint32_t n,
                           const blok_value_id *inputs, blok_value_id output, blok_error *error) {
  blok_node_id made = BLOK_NO_NODE;
  BLOK_TRY(blok_rewrite_node(graph, like, op_type, n, inputs, output, &made, error));
  blok_node_at(graph, made)->opset = WRITTEN_OPSET;
  return BLOK_OK;
}

// One Split for the whole sequence; a place asked for twice is handed on by an Identity.
static blok_status put_split(cutter *self, blok_node_id id, const parts *of, blok_error *error) {
  blok_graph *graph = self->graph;
  blok_value_id sequence = blok_node_output(blok_node_at(graph, id), 0);
  blok_value_id x = blok_node_input(blok_node_at(graph, id), 0);
  const blok_use *uses = blok_uses_of(&self->uses, sequence);
  uint32_t n = blok_uses_count(&self->uses, sequence);
  blok_value_id sizes = BLOK_NO_VALUE;
  blok_node_id split = BLOK_NO_NODE;
  BLOK_TRY(blok_rewrite_ints(graph, id, "split", of->sizes, of->n, &sizes, error));
  BLOK_TRY(blok_graph_add_node(graph, "", "Split", 2, of->n, &split, error));
  blok_graph_set_input(graph, split, 0, x);
  blok_graph_set_input(graph, split, 1, sizes);
  blok_node_at(graph, split)->name = blok_node_at(graph, id)->name;
  blok_node_at(graph, split)->opset = WRITTEN_OPSET;
  BLOK_TRY(blok_node_set_int(graph, split, "axis", of->axis, error));
  BLOK_TRY(blok_node_add_sources(graph, split, blok_node_at(graph, id), error));
  for (uint32_t i = 0; i < n; i++) {
    blok_value_id out = blok_node_output(blok_node_at(graph, uses[i].node), 0);
    int64_t place = 0;
    bool known = false;
    BLOK_TRY(read_place(graph, blok_node_at(graph, uses[i].node), of, &place, &known, error));
    blok_graph_remove_node(graph, uses[i].node);
    blok_value_id made = blok_node_at(graph, split)->outputs[place];
    if (made.i) {
      BLOK_TRY(written(graph, uses[i].node, "Identity", 1, &made, out, error));
    } else {
      blok_graph_set_output(graph, split, (uint32_t)place, out);
      const blok_node *taken = blok_node_at(graph, uses[i].node);
      BLOK_TRY(blok_node_add_sources(graph, split, taken, error));
    }
  }
  for (uint32_t i = 0; i < of->n; i++) {
    const char *name = NULL;
    blok_value_id unread = BLOK_NO_VALUE;
    if (blok_node_at(graph, split)->outputs[i].i) continue;
    BLOK_TRY(blok_graph_new_name(graph, blok_value_at(graph, sequence)->name, &name, error));
    BLOK_TRY(blok_graph_add_value(graph, name, &unread, error));
    blok_graph_set_output(graph, split, i, unread);
  }
  return BLOK_OK;
}

// A Slice for one place, and a Squeeze where the axis goes.
static blok_status put_slice(cutter *self, blok_node_id id, blok_value_id x, const parts *of,
                             blok_error *error) {
  blok_graph *graph = self->graph;
  blok_value_id out = blok_node_output(blok_node_at(graph, id), 0);
  blok_value_id inputs[4] = {x, BLOK_NO_VALUE, BLOK_NO_VALUE, BLOK_NO_VALUE};
  int64_t place = 0;
  bool known = false;
  BLOK_TRY(read_place(graph, blok_node_at(graph, id), of, &place, &known, error));
  int64_t start = place * of->sizes[0];
  int64_t end = start + of->sizes[0];
  BLOK_TRY(blok_rewrite_ints(graph, id, "start", &start, 1, &inputs[1], error));
  BLOK_TRY(blok_rewrite_ints(graph, id, "end", &end, 1, &inputs[2], error));
  BLOK_TRY(blok_rewrite_ints(graph, id, "axis", &of->axis, 1, &inputs[3], error));
  if (!of->drops) {
    blok_graph_remove_node(graph, id);
    return written(graph, id, "Slice", 4, inputs, out, error);
  }
  blok_node_id slice = BLOK_NO_NODE;
  BLOK_TRY(blok_rewrite_node(graph, id, "Slice", 4, inputs, BLOK_NO_VALUE, &slice, error));
  blok_node_at(graph, slice)->opset = WRITTEN_OPSET;
  blok_value_id squeezed[2] = {blok_node_output(blok_node_at(graph, slice), 0), inputs[3]};
  blok_graph_remove_node(graph, id);
  return written(graph, id, "Squeeze", 2, squeezed, out, error);
}

static blok_status put_slices(cutter *self, blok_node_id id, const parts *of, blok_error *error) {
  blok_graph *graph = self->graph;
  blok_value_id sequence = blok_node_output(blok_node_at(graph, id), 0);
  blok_value_id x = blok_node_input(blok_node_at(graph, id), 0);
  const blok_use *uses = blok_uses_of(&self->uses, sequence);
  uint32_t n = blok_uses_count(&self->uses, sequence);
  for (uint32_t i = 0; i < n; i++) {
    blok_node_id reader = uses[i].node;
    BLOK_TRY(blok_node_add_sources(graph, reader, blok_node_at(graph, id), error));
    BLOK_TRY(put_slice(self, reader, x, of, error));
  }
  return BLOK_OK;
}

static blok_status cut(cutter *self, blok_node_id id, bool *done, blok_error *error) {
  blok_graph *graph = self->graph;
  const blok_node *node = blok_node_at(graph, id);
  blok_value_id sequence = blok_node_output(node, 0);
  parts of;
  *done = false;
  if (node->dead || !is_op(node, "SplitToSequence") || !sequence.i || !blok_node_input(node, 0).i) {
    return BLOK_OK;
  }
  BLOK_TRY(read_parts(graph, node, &of, done, error));
  if (*done) BLOK_TRY(may_go(self, sequence, &of, done, error));
  if (!*done) return BLOK_OK;
  BLOK_TRY(of.sized ? put_split(self, id, &of, error) : put_slices(self, id, &of, error));
  blok_graph_remove_node(graph, id);
  blok_value_at(graph, sequence)->dead = true;
  return BLOK_OK;
}

static blok_status cut_all(cutter *self, blok_error *error) {
  blok_graph *graph = self->graph;
  blok_old_order old = blok_rewrite_begin(graph);
  for (uint32_t i = 0; i < old.n; i++) {
    bool done = false;
    if (blok_node_at(graph, old.items[i])->dead) continue;
    BLOK_TRY(cut(self, old.items[i], &done, error));
    if (!done) BLOK_TRY(blok_rewrite_keep(graph, old.items[i], error));
  }
  blok_graph_sweep(graph);
  return BLOK_OK;
}

static blok_status visit(blok_graph *graph, void *context, blok_error *error) {
  (void)context;
  bool any = false;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    any = any || is_op(blok_node_at(graph, graph->order[i]), "SplitToSequence");
  }
  if (!any) return BLOK_OK;
  cutter self = {.graph = graph};
  BLOK_TRY(blok_uses_build(graph, &graph->module->allocator, &self.uses, error));
  blok_status status = cut_all(&self, error);
  blok_uses_free(&self.uses);
  return status;
}

blok_status blok_pass_sequences(blok_module *module, const blok_pass_options *options,
                                blok_error *error) {
  (void)options;
  return blok_each_graph(module->graph, visit, NULL, error);
}
