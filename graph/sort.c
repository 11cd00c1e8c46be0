// Topological order: a depth-first walk over the nodes in the order they have. A node is put down
// when all that it reads has been, so an order that is right already stays as it is. The stack is
// an array: a chain of a million nodes is as good as any other graph.
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"

typedef enum node_state { NEW = 0, OPEN, DONE } node_state;

// A node under way, and which of its reads comes next: input `slot`, then capture `capture` of
// subgraph `graph` of attribute `attr`.
typedef struct sort_frame {
  blok_node_id node;
  uint32_t slot, attr, graph, capture;
} sort_frame;

typedef struct sorter {
  blok_graph *graph;
  uint8_t *state;  // by node handle
  sort_frame *stack;
  uint32_t depth;
  blok_node_id *sorted;
  uint32_t n_sorted;
} sorter;

// The next capture of the frame's node; false when there is none left.
static bool next_capture(const blok_node *node, sort_frame *frame, blok_value_id *out) {
  for (; frame->attr < node->n_attrs; frame->attr++, frame->graph = 0) {
    const blok_attr *attr = &node->attrs[frame->attr];
    if (attr->type != BLOK_ATTR_GRAPH && attr->type != BLOK_ATTR_GRAPHS) continue;
    for (; frame->graph < attr->n; frame->graph++, frame->capture = 0) {
      const blok_subgraph *sub = &attr->as.graphs[frame->graph];
      if (frame->capture == sub->n_captures) continue;
      *out = sub->captures[frame->capture++].outer;
      return true;
    }
  }
  return false;
}

static bool next_read(const blok_node *node, sort_frame *frame, blok_value_id *out) {
  if (frame->slot < node->n_inputs) {
    *out = node->inputs[frame->slot++];
    return true;
  }
  return next_capture(node, frame, out);
}

static void push(sorter *s, blok_node_id node) {
  sort_frame frame = {node, 0, 0, 0, 0};
  s->state[node.i] = OPEN;
  s->stack[s->depth++] = frame;
}

// The open node `again` is read by the top of the stack: all between them are on the cycle.
static blok_status fail_cycle(const sorter *s, blok_node_id again, blok_error *error) {
  uint32_t first = s->depth - 1;
  while (s->stack[first].node.i != again.i) first--;
  uint32_t length = s->depth - first;
  const char *names[3] = {"", "", ""};
  blok_quoted labels[3];
  for (uint32_t i = 0; i < 3 && i < length; i++) {
    labels[i] = blok_node_label(s->graph, blok_node_at(s->graph, s->stack[first + i].node));
    names[i] = labels[i].text;
  }
  if (length == 1) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "node '%s' reads its own output", names[0]);
  }
  if (length == 2) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "the nodes '%s' and '%s' need each other's outputs",
                     names[0], names[1]);
  }
  return BLOK_FAIL(error, BLOK_E_MALFORMED,
                   "%u nodes need each other's outputs in a cycle, '%s', '%s' and '%s' among them",
                   length, names[0], names[1], names[2]);
}

static bool has_origin(const blok_value *value) {
  return value->producer.i || value->literal || value->is_input || value->is_capture ||
         value->is_sparse;
}

static blok_status fail_dangling(const sorter *s, const blok_node *node, blok_value_id value,
                                 blok_error *error) {
  return BLOK_FAIL(error, BLOK_E_MALFORMED,
                   "%s node '%s' reads '%s', which no node, input or initializer gives",
                   blok_quote(node->op_type).text, blok_node_label(s->graph, node).text,
                   blok_quote(blok_value_at(s->graph, value)->name).text);
}

// Puts down first and all that it needs.
static blok_status walk(sorter *s, blok_node_id first, blok_error *error) {
  push(s, first);
  while (s->depth) {
    sort_frame *frame = &s->stack[s->depth - 1];
    const blok_node *node = blok_node_at(s->graph, frame->node);
    blok_value_id value;
    if (!next_read(node, frame, &value)) {
      s->state[frame->node.i] = DONE;
      s->sorted[s->n_sorted++] = frame->node;
      s->depth--;
      continue;
    }
    if (!value.i) continue;
    if (!has_origin(blok_value_at(s->graph, value))) return fail_dangling(s, node, value, error);
    blok_node_id producer = blok_value_producer(s->graph, value);
    if (!producer.i || s->state[producer.i] == DONE) continue;
    if (s->state[producer.i] == OPEN) return fail_cycle(s, producer, error);
    push(s, producer);
  }
  return BLOK_OK;
}

blok_status blok_graph_sort(blok_graph *graph, blok_error *error) {
  const blok_allocator *allocator = &graph->module->allocator;
  blok_status status = BLOK_OK;
  sorter s = {graph, NULL, NULL, 0, NULL, 0};
  s.state = blok_alloc_array(allocator, graph->n_nodes, sizeof *s.state);
  s.stack = blok_alloc_array(allocator, graph->n_nodes, sizeof *s.stack);
  s.sorted = blok_alloc_array(allocator, graph->n_nodes, sizeof *s.sorted);
  if (!s.state || !s.stack || !s.sorted) {
    status = blok_fail_memory(error, graph->n_nodes * sizeof *s.stack);
    goto done;
  }
  for (uint32_t i = 0; i < graph->n_order; i++) {
    blok_node_id id = graph->order[i];
    if (blok_node_at(graph, id)->dead || s.state[id.i] == DONE) continue;
    BLOK_TRY_TO(done, walk(&s, id, error));
  }
  if (s.n_sorted > graph->cap_order) {
    status = BLOK_FAIL(error, BLOK_E_INTERNAL, "the order of a graph lacks some of its nodes");
    goto done;
  }
  if (s.n_sorted) memcpy(graph->order, s.sorted, s.n_sorted * sizeof *s.sorted);
  graph->n_order = s.n_sorted;
done:
  blok_free(allocator, s.state);
  blok_free(allocator, s.stack);
  blok_free(allocator, s.sorted);
  return status;
}
