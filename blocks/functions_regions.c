// Which nodes of the source graph are a block's.
//
// A member of a block names the source nodes that it came from; those that no node outside the
// block came from too are the block's. So are nodes that the passes took away and only the block
// reads (the shape chain of a Reshape), unless they are made from constants alone. What is left
// must have one value that is read outside, its exit; else the block stays nodes.
#include <string.h>

#include "base/error.h"
#include "blocks/functions_parts.h"

bool blok_calls_is_constant(const blok_node *node) {
  return node->op_type && strcmp(node->op_type, "Constant") == 0 && !*blok_node_domain(node);
}

static bool in_region(const blok_calls *self, uint32_t mark, blok_node_id node) {
  return node.i && self->node_mark[node.i] == mark;
}

// True when the value leaves the region: read outside, or an output.
static bool leaves(const blok_calls *self, uint32_t mark, blok_value_id value) {
  const blok_use *uses = blok_uses_of(&self->uses, value);
  if (blok_value_at(self->graph, value)->is_output) return true;
  for (uint32_t u = 0; u < blok_uses_count(&self->uses, value); u++) {
    if (!in_region(self, mark, uses[u].node)) return true;
  }
  return false;
}

// ---- Its nodes ----------------------------------------------------------------------------------

// The nodes that only members came from. *inside: a call of a function of the file holds part of
// the block.
static uint32_t own_nodes(const blok_calls *self, const blok_block_record *record, uint32_t mark,
                          bool *inside) {
  uint32_t n = 0, kept = 0;
  *inside = false;
  for (uint32_t m = 0; m < record->n_members; m++) {
    const blok_node *member = blok_node_at(self->working, record->members[m]);
    for (uint32_t s = 0; s < member->n_sources; s++) {
      const blok_node_id id = self->node_of[member->sources[s].i];
      if (!id.i || blok_calls_is_constant(blok_node_at(self->graph, id))) continue;
      if (!in_region(self, mark, id)) {
        self->node_mark[id.i] = mark;
        self->node_number[id.i] = 0;
        self->list[n++] = id;
      }
      self->node_number[id.i]++;
    }
  }
  for (uint32_t i = 0; i < n; i++) {
    const blok_node_id id = self->list[i];
    if (self->node_number[id.i] == self->named[id.i]) {
      self->list[kept++] = id;
      continue;
    }
    self->node_mark[id.i] = 0;
    *inside =
        *inside || blok_functions_find(&self->functions, blok_node_at(self->graph, id)) != NULL;
  }
  return kept;
}

// True for a node that left no working node, computes something from the network's inputs, and is
// read by the region alone.
static bool belongs(const blok_calls *self, uint32_t mark, blok_node_id id) {
  if (!id.i || in_region(self, mark, id) || self->named[id.i]) return false;
  const blok_node *node = blok_node_at(self->graph, id);
  bool read = false;
  for (uint32_t o = 0; o < node->n_outputs; o++) {
    const blok_value_id value = node->outputs[o];
    if (!value.i) continue;
    if (self->constant[value.i] || leaves(self, mark, value)) return false;
    read = read || blok_uses_count(&self->uses, value);
  }
  return read;
}

static uint32_t add_gone(const blok_calls *self, uint32_t mark, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    const blok_node *node = blok_node_at(self->graph, self->list[i]);
    for (uint32_t k = 0; k < node->n_inputs; k++) {
      if (!node->inputs[k].i) continue;
      const blok_node_id producer = blok_value_producer(self->graph, node->inputs[k]);
      if (!belongs(self, mark, producer)) continue;
      self->node_mark[producer.i] = mark;
      self->list[n++] = producer;
    }
  }
  return n;
}

// ---- Its exit -----------------------------------------------------------------------------------

// The one value that leaves the region; none when there is none or more than one.
static blok_value_id find_exit(const blok_calls *self, uint32_t mark, uint32_t n) {
  blok_value_id exit = BLOK_NO_VALUE;
  for (uint32_t i = 0; i < n; i++) {
    const blok_node *node = blok_node_at(self->graph, self->list[i]);
    for (uint32_t o = 0; o < node->n_outputs; o++) {
      if (!node->outputs[o].i || !leaves(self, mark, node->outputs[o])) continue;
      if (exit.i) return BLOK_NO_VALUE;
      exit = node->outputs[o];
    }
  }
  return exit;
}

// Leaves in list the nodes that the exit is made from, the others out of the region; false when
// these others read something of it.
static bool behind_exit(blok_calls *self, uint32_t mark, uint32_t *n, blok_value_id exit) {
  enum { OPEN = 1 };
  blok_node_id *found = self->list;
  uint32_t all = *n, count = 0;
  blok_node_id *rest = self->list + self->graph->n_nodes;
  memcpy(rest, self->list, all * sizeof *rest);
  for (uint32_t i = 0; i < all; i++) self->node_number[rest[i].i] = 0;
  const blok_node_id last = blok_value_producer(self->graph, exit);
  self->node_number[last.i] = OPEN;
  found[count++] = last;
  for (uint32_t i = 0; i < count; i++) {
    const blok_node *node = blok_node_at(self->graph, found[i]);
    for (uint32_t k = 0; k < node->n_inputs; k++) {
      if (!node->inputs[k].i) continue;
      const blok_node_id producer = blok_value_producer(self->graph, node->inputs[k]);
      if (!in_region(self, mark, producer) || self->node_number[producer.i] == OPEN) continue;
      self->node_number[producer.i] = OPEN;
      found[count++] = producer;
    }
  }
  for (uint32_t i = 0; i < all; i++) {
    if (self->node_number[rest[i].i] != OPEN) self->node_mark[rest[i].i] = 0;
  }
  *n = count;
  return all == count || find_exit(self, mark, count).i == exit.i;
}

// What can be told apart and written twice: no graphs, no types.
static bool plain_attributes(const blok_node *node) {
  for (uint32_t a = 0; a < node->n_attrs; a++) {
    switch (node->attrs[a].type) {
      case BLOK_ATTR_FLOAT:
      case BLOK_ATTR_INT:
      case BLOK_ATTR_STRING:
      case BLOK_ATTR_TENSOR:
      case BLOK_ATTR_FLOATS:
      case BLOK_ATTR_INTS:
      case BLOK_ATTR_STRINGS:
        if (node->attrs[a].ref) return false;
        continue;
      case BLOK_ATTR_UNDEFINED:
      case BLOK_ATTR_GRAPH:
      case BLOK_ATTR_TENSORS:
      case BLOK_ATTR_GRAPHS:
      case BLOK_ATTR_SPARSE_TENSOR:
      case BLOK_ATTR_SPARSE_TENSORS:
      case BLOK_ATTR_TYPE:
      case BLOK_ATTR_TYPES:
        return false;
    }
  }
  return true;
}

// All nodes are plain, and in the same block that becomes a call, or in none: *above.
static bool fits(const blok_calls *self, uint32_t n, int32_t *above) {
  *above = self->inner[self->list[0].i];
  for (uint32_t i = 0; i < n; i++) {
    if (self->inner[self->list[i].i] != *above) return false;
    if (!plain_attributes(blok_node_at(self->graph, self->list[i]))) return false;
  }
  return true;
}

// ---- All blocks ---------------------------------------------------------------------------------

static blok_status keep_nodes(blok_calls *self, int32_t index, uint32_t n) {
  blok_call_block *block = &self->blocks[index];
  block->nodes = blok_arena_copy(&self->scratch, self->list, n * sizeof *self->list);
  if (!block->nodes) return blok_fail_memory(self->error, n * sizeof *self->list);
  block->n_nodes = n;
  block->made = true;
  for (uint32_t i = 0; i < n; i++) self->inner[self->list[i].i] = index;
  self->report.calls++;
  return BLOK_OK;
}

// A call of a function already: the exporter's, or ours from an earlier time.
static bool called_already(const blok_calls *self, uint32_t n) {
  return n == 1 &&
         blok_functions_find(&self->functions, blok_node_at(self->graph, self->list[0])) != NULL;
}

static blok_status find_region(blok_calls *self, int32_t index) {
  const blok_block_record *record = &self->overlay->blocks[index];
  blok_call_block *block = &self->blocks[index];
  const uint32_t mark = (uint32_t)index + 1;
  bool inside;
  uint32_t n = own_nodes(self, record, mark, &inside);
  // Part of a function that the file has: it neither becomes a call nor stays nodes.
  if (inside) return BLOK_OK;
  n = add_gone(self, mark, n);
  block->exit = find_exit(self, mark, n);
  if (!block->exit.i || self->source->n_training || !behind_exit(self, mark, &n, block->exit) ||
      !fits(self, n, &block->above)) {
    self->report.kept++;
    return BLOK_OK;
  }
  if (called_already(self, n)) {
    self->report.calls++;
    return BLOK_OK;
  }
  return keep_nodes(self, index, n);
}

// Values that no input of the network has a part in.
static void mark_constants(const blok_calls *self) {
  const blok_graph *graph = self->graph;
  for (uint32_t v = 1; v < graph->n_values; v++) {
    self->constant[v] = graph->values[v].literal && !graph->values[v].is_input;
  }
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    bool constant = node->n_inputs > 0 || blok_calls_is_constant(node);
    for (uint32_t k = 0; k < node->n_inputs; k++) {
      constant = constant && (!node->inputs[k].i || self->constant[node->inputs[k].i]);
    }
    for (uint32_t a = 0; a < node->n_attrs; a++) {
      constant = constant && node->attrs[a].type != BLOK_ATTR_GRAPH;
    }
    for (uint32_t o = 0; o < node->n_outputs; o++) {
      if (node->outputs[o].i) self->constant[node->outputs[o].i] = constant;
    }
  }
}

static blok_status find_entries(blok_calls *self) {
  blok_names names;
  blok_status status = BLOK_OK;
  blok_names_init(&names, &self->module->allocator);
  for (uint32_t v = 1; v < self->graph->n_values && status == BLOK_OK; v++) {
    if (!blok_names_put(&names, self->graph->values[v].name, v)) {
      status = blok_fail_memory(self->error, 0);
    }
  }
  for (uint32_t b = 0; b < self->overlay->n_blocks && status == BLOK_OK; b++) {
    const blok_value *entry = blok_value_at(self->working, self->overlay->blocks[b].entry);
    if (entry->name) (void)blok_names_find(&names, entry->name, &self->blocks[b].entry.i);
  }
  blok_names_free(&names);
  return status;
}

blok_status blok_calls_regions(blok_calls *self) {
  const uint32_t n_blocks = self->overlay->n_blocks;
  for (uint32_t i = 0; i < self->working->n_order; i++) {
    const blok_node *node = blok_node_at(self->working, self->working->order[i]);
    for (uint32_t s = 0; s < node->n_sources; s++) {
      self->named[self->node_of[node->sources[s].i].i]++;
    }
  }
  for (uint32_t i = 0; i < self->graph->n_nodes; i++) self->inner[i] = -1;
  mark_constants(self);
  BLOK_TRY(find_entries(self));
  for (uint32_t b = 0; b < n_blocks; b++) {
    self->blocks[b].above = self->blocks[b].next = -1;
    BLOK_TRY(find_region(self, (int32_t)b));
  }
  for (uint32_t b = n_blocks; b-- > 0;) {
    const blok_call_block *block = &self->blocks[b];
    if (!block->made || block->above < 0) continue;
    uint32_t *height = &self->blocks[block->above].height;
    if (*height <= block->height) *height = block->height + 1;
  }
  return BLOK_OK;
}
