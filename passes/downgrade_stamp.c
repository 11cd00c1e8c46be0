// What a module says of its operator set, and what follows from it: the IR version, initializers as
// inputs; and what a rewritten graph does not read any more.
#include <string.h>

#include "base/error.h"
#include "graph/schemas.h"
#include "passes/downgrade.h"
#include "passes/downgrade_rules.h"
#include "passes/rewrite.h"

int64_t blok_ir_of_opset(int64_t opset) {
  static const struct {
    int64_t from, ir;
  } steps[] = {{28, 14}, {25, 13}, {24, 12}, {23, 11}, {21, 10}, {19, 9},
               {15, 8},  {12, 7},  {11, 6},  {10, 5},  {9, 4}};
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    if (opset >= steps[i].from) return steps[i].ir;
  }
  return 3;
}

// ---- The operator set ---------------------------------------------------------------------------

// One import of the default domain stays, however many spellings of it the file had.
static blok_status import(blok_module *module, int64_t opset, blok_error *error) {
  blok_opset *opsets =
      blok_arena_array(&module->arena, (size_t)module->n_opsets + 1, sizeof *opsets);
  if (!opsets) return blok_fail_memory(error, 0);
  uint32_t n = 0;
  bool found = false;
  for (uint32_t i = 0; i < module->n_opsets; i++) {
    bool ours = blok_domain(module->opsets[i].domain)[0] == '\0';
    if (ours && found) continue;
    opsets[n] = module->opsets[i];
    if (ours) {
      opsets[n].version = opset;
      opsets[n].has_version = true;
      found = true;
    }
    n++;
  }
  if (!found) opsets[n++] = (blok_opset){.domain = "", .version = opset, .has_version = true};
  module->opsets = opsets;
  module->n_opsets = n;
  return BLOK_OK;
}

// ---- Initializers before IR 4 -------------------------------------------------------------------

static blok_status list_initializers(blok_graph *graph, blok_error *error) {
  for (uint32_t i = 0; i < graph->n_initializers; i++) {
    blok_value_id id = graph->initializers[i];
    const blok_value *value = blok_value_at(graph, id);
    blok_dim dims[BLOK_MAX_RANK];
    if (value->is_input || !value->literal || value->literal->rank > BLOK_MAX_RANK) continue;
    const blok_literal *literal = value->literal;
    for (uint32_t k = 0; k < literal->rank; k++) dims[k] = blok_dim_of(literal->dims[k]);
    blok_type *type = blok_type_tensor(&graph->module->arena, literal->dtype, literal->rank, dims);
    if (!type) return blok_fail_memory(error, sizeof *type);
    BLOK_TRY(blok_graph_add_input(graph, id, type, error));
  }
  return BLOK_OK;
}

// A body's output keeps its name: a node hands on what is taken from outside.
static blok_status hand_on(blok_graph *inner, blok_value_id output, blok_value_id *taken,
                           blok_error *error) {
  const char *name = NULL;
  blok_node_id made = BLOK_NO_NODE;
  BLOK_TRY(blok_graph_new_name(inner, blok_value_at(inner, output)->name, &name, error));
  BLOK_TRY(blok_graph_add_value(inner, name, taken, error));
  blok_old_order old = blok_rewrite_begin(inner);
  BLOK_TRY(blok_graph_add_node(inner, "", "Identity", 1, 1, &made, error));
  blok_graph_set_input(inner, made, 0, *taken);
  blok_graph_set_output(inner, made, 0, output);
  for (uint32_t i = 0; i < old.n; i++) BLOK_TRY(blok_rewrite_keep(inner, old.items[i], error));
  return BLOK_OK;
}

// A body's inputs are what its operator hands in, so its initializers go to the graph around it.
// Names in bodies must not be those of the graph around them: the operator's goes before.
static blok_status hoist(blok_graph *graph, blok_node_id node, blok_subgraph *body,
                         blok_error *error) {
  blok_graph *inner = body->graph;
  uint32_t n = inner->n_initializers;
  if (n == 0) return BLOK_OK;
  blok_capture *captures =
      blok_arena_array(&graph->module->arena, (size_t)body->n_captures + n, sizeof *captures);
  if (!captures) return blok_fail_memory(error, 0);
  if (body->n_captures) memcpy(captures, body->captures, body->n_captures * sizeof *captures);
  body->captures = captures;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < n; i++) {
    blok_value_id id = inner->initializers[i];
    blok_value *value = blok_value_at(inner, id);
    const char *name = NULL;
    blok_value_id outer = BLOK_NO_VALUE;
    if (value->is_input || !value->literal) {
      inner->initializers[kept++] = id;
      continue;
    }
    blok_value_id first = blok_node_output(blok_node_at(graph, node), 0);
    const char *stem = blok_arena_format(&graph->module->arena, "%s/%s/%s",
                                         first.i ? blok_value_at(graph, first)->name : "body",
                                         inner->name ? inner->name : "body", value->name);
    if (!stem) return blok_fail_memory(error, 0);
    BLOK_TRY(blok_graph_new_name(graph, stem, &name, error));
    BLOK_TRY(blok_graph_add_value(graph, name, &outer, error));
    BLOK_TRY(blok_rewrite_share(graph, outer, value->literal, value->literal->rank,
                                value->literal->dims, error));
    value->literal = NULL;
    if (value->is_output) BLOK_TRY(hand_on(inner, id, &id, error));
    blok_value_at(inner, id)->is_capture = true;
    body->captures[body->n_captures++] = (blok_capture){outer, id};
  }
  inner->n_initializers = kept;
  return BLOK_OK;
}

static blok_status place_initializers(blok_graph *graph, void *context, blok_error *error) {
  (void)context;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    blok_subgraph *body = NULL;
    for (uint32_t s = 0; (body = blok_node_subgraph(blok_node_at(graph, graph->order[i]), s));
         s++) {
      if (body->graph) BLOK_TRY(hoist(graph, graph->order[i], body, error));
    }
  }
  return graph->outer ? BLOK_OK : list_initializers(graph, error);
}

blok_status blok_downgrade_stamp(blok_module *module, int64_t opset, bool came_down,
                                 blok_error *error) {
  int64_t ir = blok_ir_of_opset(opset);
  // Functions came with IR 8.
  if (module->n_functions && ir < 8) ir = 8;
  BLOK_TRY(import(module, opset, error));
  if (!module->has_ir_version || module->ir_version < ir || came_down) module->ir_version = ir;
  module->has_ir_version = true;
  if (module->ir_version >= 4) return BLOK_OK;
  return blok_each_graph(module->graph, place_initializers, NULL, error);
}

// ---- What is not read any more ------------------------------------------------------------------

blok_status blok_read_before_take(const blok_graph *graph, blok_read_before *out,
                                  blok_error *error) {
  const blok_allocator *allocator = &graph->module->allocator;
  blok_uses uses = {0};
  out->n = graph->n_values;
  out->n_nodes = graph->n_nodes;
  out->read = blok_alloc_array(allocator, graph->n_values, sizeof *out->read);
  if (!out->read) return blok_fail_memory(error, graph->n_values);
  blok_status status = blok_uses_build(graph, allocator, &uses, error);
  for (uint32_t i = 1; status == BLOK_OK && i < graph->n_values; i++) {
    out->read[i] = blok_uses_count(&uses, (blok_value_id){i}) > 0;
  }
  blok_uses_free(&uses);
  if (status == BLOK_OK) return BLOK_OK;
  blok_free(allocator, out->read);
  out->read = NULL;
  return status;
}

bool blok_was_read(const blok_read_before *before, blok_value_id value) {
  return value.i >= before->n || before->read[value.i];
}

// A node stays when one of its outputs is needed, or when it is old and none was before.
static bool stays(const blok_graph *graph, blok_node_id id, const blok_read_before *before,
                  const uint8_t *needed) {
  const blok_node *node = blok_node_at(graph, id);
  bool read = false;
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    if (!node->outputs[i].i) continue;
    if (needed[node->outputs[i].i]) return true;
    read = read || blok_was_read(before, node->outputs[i]);
  }
  return !read && id.i < before->n_nodes;
}

static void need(const blok_node *node, uint8_t *needed) {
  blok_subgraph *inner = NULL;
  for (uint32_t i = 0; i < node->n_inputs; i++) needed[node->inputs[i].i] = 1;
  for (uint32_t s = 0; (inner = blok_node_subgraph(node, s)); s++) {
    uint32_t kept = 0;
    for (uint32_t c = 0; c < inner->n_captures; c++) {
      blok_capture capture = inner->captures[c];
      if (inner->graph && blok_value_at(inner->graph, capture.inner)->dead) continue;
      inner->captures[kept++] = capture;
      needed[capture.outer.i] = 1;
    }
    inner->n_captures = kept;
  }
}

static void drop_dead_inputs(blok_graph *graph) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    if (!blok_value_at(graph, graph->inputs[i].value)->dead) {
      graph->inputs[kept++] = graph->inputs[i];
    }
  }
  graph->n_inputs = kept;
}

// Runtimes refuse two nodes of one name.
static blok_status name_new_nodes(blok_graph *graph, uint32_t n_before, blok_error *error) {
  blok_names names;
  blok_names_init(&names, &graph->module->allocator);
  bool whole = true;
  for (int pass = 0; whole && pass < 2; pass++) {
    for (uint32_t i = 0; whole && i < graph->n_order; i++) {
      blok_node *node = blok_node_at(graph, graph->order[i]);
      bool fresh = graph->order[i].i >= n_before;
      const char *stem = node->name;
      if (fresh != (pass == 1) || !stem || !stem[0]) continue;
      uint32_t at = 0;
      for (uint32_t k = 1; fresh && node->name && blok_names_find(&names, node->name, &at); k++) {
        node->name = blok_arena_format(&graph->module->arena, "%s_%u", stem, k);
      }
      whole = node->name && blok_names_put(&names, node->name, i);
    }
  }
  blok_names_free(&names);
  return whole ? BLOK_OK : blok_fail_memory(error, 0);
}

blok_status blok_read_before_sweep(blok_graph *graph, const blok_read_before *before,
                                   blok_error *error) {
  const blok_allocator *allocator = &graph->module->allocator;
  uint8_t *needed = blok_alloc_array(allocator, graph->n_values, sizeof *needed);
  if (!needed) return blok_fail_memory(error, graph->n_values);
  for (uint32_t i = 0; i < graph->n_outputs; i++) needed[graph->outputs[i].value.i] = 1;
  for (uint32_t i = graph->n_order; i-- > 0;) {
    blok_node_id id = graph->order[i];
    const blok_node *node = blok_node_at(graph, id);
    if (stays(graph, id, before, needed)) {
      need(node, needed);
      continue;
    }
    for (uint32_t k = 0; k < node->n_outputs; k++) {
      if (node->outputs[k].i) blok_value_at(graph, node->outputs[k])->dead = true;
    }
    blok_graph_remove_node(graph, id);
  }
  for (uint32_t i = 1; i < graph->n_values; i++) {
    blok_value *value = &graph->values[i];
    bool fed = value->is_input && !value->literal;
    if (needed[i] || fed || value->producer.i || value->is_sparse) continue;
    if (blok_was_read(before, (blok_value_id){i})) value->dead = true;
  }
  drop_dead_inputs(graph);
  blok_graph_sweep(graph);
  blok_free(allocator, needed);
  return name_new_nodes(graph, before->n_nodes, error);
}
