// The walk from the outputs upwards: pairs of graphs, and pairs of values in them.
#include <stdio.h>
#include <string.h>

#include "api/diff_parts.h"
#include "base/error.h"

const blok_function *blok_differ_function(const blok_differ *self, int side,
                                          const blok_node *node) {
  // An operator of the default domain that Blok has itself is never taken from the file.
  if (node->op != BLOK_OP_UNKNOWN && !*blok_node_domain(node)) return NULL;
  if (self->options.working || !self->functions[side]->n) return NULL;
  const blok_function *function = blok_functions_find(self->functions[side], node);
  return function && function->body ? function : NULL;
}

blok_value_id blok_differ_resolve(const blok_differ *self, const blok_graph *graph,
                                  blok_value_id value) {
  for (uint32_t steps = 0; self->options.working && value.i && steps < graph->n_nodes; steps++) {
    const blok_node_id producer = blok_value_producer(graph, value);
    if (!producer.i || blok_node_at(graph, producer)->op != BLOK_OP_Identity) break;
    value = blok_node_input(blok_node_at(graph, producer), 0);
  }
  return value;
}

uint32_t blok_differ_place(const blok_diff_frame *frame, int side, blok_node_id node) {
  return frame->place ? frame->place : frame->at[side][node.i] + 1;
}

// ---- Words --------------------------------------------------------------------------------------

blok_diff_label blok_differ_label(const blok_diff_frame *frame, int side, blok_node_id id) {
  const blok_graph *graph = frame->graph[side];
  const blok_node *node = blok_node_at(graph, id);
  blok_diff_label out;
  (void)snprintf(out.text, sizeof out.text, "%.60s node '%.120s'", blok_quote(node->op_type).text,
                 blok_node_label(graph, node).text);
  return out;
}

blok_diff_label blok_differ_origin(const blok_diff_frame *frame, int side, blok_value_id id) {
  const blok_graph *graph = frame->graph[side];
  const blok_value *value = blok_value_at(graph, id);
  blok_diff_constant constant;
  blok_diff_label out;
  if (!id.i) {
    (void)snprintf(out.text, sizeof out.text, "nowhere");
    return out;
  }
  const char *what = frame->input[side][id.i]                     ? "input"
                     : blok_differ_constant(graph, id, &constant) ? "constant"
                     : value->is_sparse                           ? "sparse constant"
                                                                  : "value";
  if (strcmp(what, "value") == 0 && value->producer.i) {
    return blok_differ_label(frame, side, value->producer);
  }
  (void)snprintf(out.text, sizeof out.text, "%s '%.120s'", what, blok_quote(value->name).text);
  return out;
}

blok_diff_label blok_differ_reader(const blok_diff_reader *reader) {
  blok_diff_label out;
  if (!reader->node[SIDE_A].i) {
    (void)snprintf(out.text, sizeof out.text, "output %u", (unsigned)reader->slot[SIDE_A]);
    return out;
  }
  (void)snprintf(out.text, sizeof out.text, "input %u of %.170s", (unsigned)reader->slot[SIDE_A],
                 blok_differ_label(reader->frame, SIDE_A, reader->node[SIDE_A]).text);
  return out;
}

blok_status blok_differ_say_wiring(blok_differ *self, const blok_diff_task *task, blok_value_id a,
                                   blok_value_id b) {
  const blok_diff_reader *reader = &task->reader;
  const blok_diff_label from_a = blok_differ_origin(task->frame, SIDE_A, a);
  const blok_diff_label from_b = blok_differ_origin(task->frame, SIDE_B, b);
  if (!a.i || !b.i) {
    return blok_differ_say(self, BLOK_DIFF_WIRING, reader->frame, reader->node[SIDE_A],
                           reader->node[SIDE_B], 0, "%s is left out in %s, and is %s in %s",
                           blok_differ_reader(reader).text, a.i ? "B" : "A",
                           a.i ? from_a.text : from_b.text, a.i ? "A" : "B");
  }
  return blok_differ_say(self, BLOK_DIFF_WIRING, reader->frame, reader->node[SIDE_A],
                         reader->node[SIDE_B], 0, "%s comes from %s in A, from %s in B",
                         blok_differ_reader(reader).text, from_a.text, from_b.text);
}

// ---- Frames -------------------------------------------------------------------------------------

static blok_status fill_side(blok_differ *self, blok_diff_frame *frame, int side) {
  const blok_graph *graph = frame->graph[side];
  const blok_subgraph *captures = frame->captures[side];
  blok_arena *arena = &self->scratch;
  uint32_t n_inputs = 0;
  frame->partner[side] = blok_arena_array(arena, graph->n_nodes, sizeof *frame->partner[side]);
  frame->told[side] = blok_arena_array(arena, graph->n_nodes, sizeof *frame->told[side]);
  frame->at[side] = blok_arena_array(arena, graph->n_nodes, sizeof *frame->at[side]);
  frame->input[side] = blok_arena_array(arena, graph->n_values, sizeof *frame->input[side]);
  frame->outside[side] = blok_arena_array(arena, graph->n_values, sizeof *frame->outside[side]);
  if (!frame->partner[side] || !frame->told[side] || !frame->at[side] || !frame->input[side] ||
      !frame->outside[side]) {
    return blok_fail_memory(self->error, 0);
  }
  for (uint32_t i = 0; i < graph->n_order; i++) frame->at[side][graph->order[i].i] = i;
  // What is an initializer too is a constant: few callers replace it.
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    const blok_value_id value = graph->inputs[i].value;
    if (value.i && !blok_value_at(graph, value)->literal) {
      frame->input[side][value.i] = ++n_inputs;
    }
  }
  for (uint32_t c = 0; captures && c < captures->n_captures; c++) {
    frame->outside[side][captures->captures[c].inner.i] = captures->captures[c].outer;
  }
  return BLOK_OK;
}

static blok_status compare_lists(blok_differ *self, blok_diff_frame *frame) {
  const blok_graph *a = frame->graph[SIDE_A], *b = frame->graph[SIDE_B];
  if (a->n_inputs != b->n_inputs) {
    BLOK_TRY(blok_differ_say(self, BLOK_DIFF_INPUTS, frame, BLOK_NO_NODE, BLOK_NO_NODE, 0,
                             "A has %u inputs, B has %u", (unsigned)a->n_inputs,
                             (unsigned)b->n_inputs));
  }
  if (a->n_outputs == b->n_outputs) return BLOK_OK;
  return blok_differ_say(self, BLOK_DIFF_OUTPUTS, frame, BLOK_NO_NODE, BLOK_NO_NODE, 0,
                         "A has %u outputs, B has %u", (unsigned)a->n_outputs,
                         (unsigned)b->n_outputs);
}

blok_status blok_differ_enter(blok_differ *self, blok_diff_frame *outer,
                              const blok_diff_graphs *graphs, blok_diff_frame **out) {
  blok_diff_frame *frame = blok_arena_zero(&self->scratch, sizeof *frame);
  if (!frame) return blok_fail_memory(self->error, sizeof *frame);
  frame->outer = outer;
  frame->where = graphs->where;
  frame->place = graphs->place;
  for (int side = 0; side < SIDES; side++) {
    frame->graph[side] = graphs->graph[side];
    frame->captures[side] = graphs->captures[side];
    frame->opsets[side] = graphs->opsets[side];
    frame->n_opsets[side] = graphs->n_opsets[side];
    BLOK_TRY(fill_side(self, frame, side));
  }
  if (graphs->place) BLOK_TRY(compare_lists(self, frame));
  const blok_graph *a = frame->graph[SIDE_A], *b = frame->graph[SIDE_B];
  uint32_t n = a->n_outputs < b->n_outputs ? a->n_outputs : b->n_outputs;
  while (n-- > 0) {
    const blok_diff_reader reader = {frame, {BLOK_NO_NODE, BLOK_NO_NODE}, {n, n}};
    BLOK_TRY(blok_differ_push(self, frame, a->outputs[n].value, b->outputs[n].value, &reader));
  }
  if (out) *out = frame;
  return BLOK_OK;
}

// ---- Pairs of values ----------------------------------------------------------------------------

blok_status blok_differ_push(blok_differ *self, blok_diff_frame *frame, blok_value_id a,
                             blok_value_id b, const blok_diff_reader *reader) {
  if (!blok_grow(&self->allocator, &self->tasks, &self->cap_tasks, self->n_tasks,
                 sizeof *self->tasks)) {
    return blok_fail_memory(self->error, 0);
  }
  self->tasks[self->n_tasks++] = (blok_diff_task){frame, {a, b}, *reader};
  return BLOK_OK;
}

static blok_status say_weight(blok_differ *self, const blok_diff_task *task,
                              const blok_diff_words *words) {
  const blok_diff_reader *reader = &task->reader;
  const blok_value *value = blok_value_at(task->frame->graph[SIDE_A], task->value[SIDE_A]);
  return blok_differ_say(self, BLOK_DIFF_WEIGHT, reader->frame, reader->node[SIDE_A],
                         reader->node[SIDE_B], words->max_abs, "constant '%.120s', %s: %s",
                         blok_quote(value->name).text, blok_differ_reader(reader).text,
                         words->text);
}

static const blok_sparse *find_sparse(const blok_graph *graph, const char *name) {
  for (uint32_t i = 0; i < graph->n_sparse; i++) {
    const blok_literal *values = graph->sparse[i].values;
    if (values && blok_text_equal(values->name, name)) return &graph->sparse[i];
  }
  return NULL;
}

static blok_status compare_parts(blok_differ *self, const blok_diff_task *task,
                                 const blok_literal *a, const blok_literal *b) {
  blok_diff_words words;
  if (!a || !b) {
    if (a == b) return BLOK_OK;
    words = (blok_diff_words){.text = "one model alone has its numbers"};
    return say_weight(self, task, &words);
  }
  const blok_diff_constant left = {
      .dtype = a->dtype, .rank = a->rank, .dims = a->dims, .literal = a};
  const blok_diff_constant right = {
      .dtype = b->dtype, .rank = b->rank, .dims = b->dims, .literal = b};
  BLOK_TRY(blok_differ_compare(self, &left, &right, &words));
  return words.text[0] ? say_weight(self, task, &words) : BLOK_OK;
}

static blok_status compare_sparse(blok_differ *self, const blok_diff_task *task) {
  const blok_sparse *found[SIDES];
  for (int side = 0; side < SIDES; side++) {
    const blok_graph *graph = task->frame->graph[side];
    found[side] = find_sparse(graph, blok_value_at(graph, task->value[side])->name);
  }
  const blok_sparse *a = found[SIDE_A], *b = found[SIDE_B];
  if (!a || !b) return BLOK_OK;
  if (a->rank != b->rank || (a->rank && memcmp(a->dims, b->dims, a->rank * sizeof *a->dims))) {
    const blok_diff_words words = {.text = "the shapes of the sparse tensors differ"};
    return say_weight(self, task, &words);
  }
  BLOK_TRY(compare_parts(self, task, a->values, b->values));
  return compare_parts(self, task, a->indices, b->indices);
}

static blok_status compare_constants(blok_differ *self, const blok_diff_task *task,
                                     const blok_diff_constant *a, const blok_diff_constant *b) {
  blok_diff_words words;
  BLOK_TRY(blok_differ_compare(self, a, b, &words));
  return words.text[0] ? say_weight(self, task, &words) : BLOK_OK;
}

// Both are made by nodes.
static blok_status take_nodes(blok_differ *self, const blok_diff_task *task) {
  blok_diff_frame *frame = task->frame;
  const blok_value *a = blok_value_at(frame->graph[SIDE_A], task->value[SIDE_A]);
  const blok_value *b = blok_value_at(frame->graph[SIDE_B], task->value[SIDE_B]);
  const blok_node_id left = a->producer, right = b->producer;
  const uint32_t pair_a = frame->partner[SIDE_A][left.i].i;
  const uint32_t pair_b = frame->partner[SIDE_B][right.i].i;
  const bool told = frame->told[SIDE_A][left.i] || frame->told[SIDE_B][right.i];
  if (pair_a == right.i) {
    return a->producer_slot == b->producer_slot || told
               ? BLOK_OK
               : blok_differ_say_wiring(self, task, task->value[SIDE_A], task->value[SIDE_B]);
  }
  if (pair_a || pair_b) {
    if (told) return BLOK_OK;
    frame->told[SIDE_A][left.i] = frame->told[SIDE_B][right.i] = 1;
    return blok_differ_say_wiring(self, task, task->value[SIDE_A], task->value[SIDE_B]);
  }
  if (!blok_differ_same_op(self, frame, left, right)) return blok_differ_meet(self, task);
  if (a->producer_slot != b->producer_slot) {
    BLOK_TRY(blok_differ_say_wiring(self, task, task->value[SIDE_A], task->value[SIDE_B]));
  }
  return blok_differ_pair(self, frame, left, right);
}

static blok_status take(blok_differ *self, blok_diff_task task) {
  blok_diff_frame *frame = task.frame;
  blok_diff_constant constant[SIDES];
  bool first = false, constants[SIDES], fed[SIDES], made[SIDES], captured[SIDES], sparse[SIDES];
  for (int side = 0; side < SIDES; side++) {
    const blok_graph *graph = frame->graph[side];
    const blok_value_id id = blok_differ_resolve(self, graph, task.value[side]);
    const blok_value *value = blok_value_at(graph, id);
    task.value[side] = id;
    constants[side] = blok_differ_constant(graph, id, &constant[side]);
    fed[side] = id.i && frame->input[side][id.i];
    captured[side] = id.i && frame->outside[side][id.i].i;
    sparse[side] = id.i && value->is_sparse;
    made[side] = id.i && !constants[side] && value->producer.i;
  }
  const blok_value_id a = task.value[SIDE_A], b = task.value[SIDE_B];
  if (!a.i && !b.i) return BLOK_OK;
  BLOK_TRY(blok_differ_first(self, frame, a.i, b.i, &first));
  if (!first) return BLOK_OK;
  if (!a.i || !b.i) return blok_differ_say_wiring(self, &task, a, b);
  if (constants[SIDE_A] && constants[SIDE_B]) {
    return compare_constants(self, &task, &constant[SIDE_A], &constant[SIDE_B]);
  }
  if (made[SIDE_A] && made[SIDE_B]) return take_nodes(self, &task);
  if (captured[SIDE_A] && captured[SIDE_B]) {
    return blok_differ_push(self, frame->outer, frame->outside[SIDE_A][a.i],
                            frame->outside[SIDE_B][b.i], &task.reader);
  }
  if (sparse[SIDE_A] && sparse[SIDE_B]) return compare_sparse(self, &task);
  if (fed[SIDE_A] && fed[SIDE_B]) {
    return frame->input[SIDE_A][a.i] == frame->input[SIDE_B][b.i]
               ? BLOK_OK
               : blok_differ_say_wiring(self, &task, a, b);
  }
  if (made[SIDE_A] || made[SIDE_B]) return blok_differ_meet(self, &task);
  return blok_differ_say_wiring(self, &task, a, b);
}

blok_status blok_differ_walk(blok_differ *self) {
  while (self->n_tasks > 0) BLOK_TRY(take(self, self->tasks[--self->n_tasks]));
  return BLOK_OK;
}
