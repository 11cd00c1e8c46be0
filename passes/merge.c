// Equal nodes become one: the same operator, attributes and inputs give the same outputs. Exporters
// repeat pools, slices, shapes and gates.
//
// Every value has a class, named by the first value that is known to equal it; constants of few
// elements are of one class when their bytes agree. A node is filed under a hash of its operator,
// its attributes and the classes of its inputs, so that one sweep in order finds what is equal, and
// what is equal because of that.
//
// Nodes that read weights (convolutions, norms, linear layers) stay apart even when they are equal:
// two layers are two layers, also while they hold the same numbers, as fresh ones may.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "passes/evaluate.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "reference/reference.h"

// Constants of up to this many elements are compared by their bytes.
#define COMPARED_ELEMENTS 64

#define HASH_START UINT64_C(1469598103934665603)
#define HASH_PRIME UINT64_C(1099511628211)

typedef struct merger {
  blok_graph *graph;
  blok_arena arena;
  uint32_t *class_of;  // by value
  uint8_t *weight;     // by value: it may hold what is learnt
  blok_value_id *map;  // by value: what readers take instead
  uint32_t *next;      // by node: the next one that became part of the same node; 0: none
  uint32_t *last;      // by node that stands for others: the last of them
  uint32_t n_slots;    // of the table, a power of two
  uint32_t *slots;     // nodes, or values of small constants
} merger;

// ---- Hashing ------------------------------------------------------------------------------------

static uint64_t mix(uint64_t hash, const void *bytes, size_t size) {
  const unsigned char *at = bytes;
  for (size_t i = 0; i < size; i++) hash = (hash ^ at[i]) * HASH_PRIME;
  return hash;
}

static uint64_t mix_number(uint64_t hash, uint64_t number) {
  return mix(hash, &number, sizeof number);
}

// The bytes of an attribute's numbers or text; false for one that is never compared.
static bool attr_bytes(const blok_attr *attr, const void **bytes, size_t *size) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wswitch-enum"
  switch (attr->type) {
    case BLOK_ATTR_INT:
      *bytes = &attr->as.i;
      *size = sizeof attr->as.i;
      return true;
    case BLOK_ATTR_FLOAT:
      *bytes = &attr->as.f;
      *size = sizeof attr->as.f;
      return true;
    case BLOK_ATTR_STRING:
      *bytes = attr->as.s.data;
      *size = attr->as.s.size;
      return true;
    case BLOK_ATTR_INTS:
      *bytes = attr->as.ints;
      return blok_mul_size(attr->n, sizeof *attr->as.ints, size);
    case BLOK_ATTR_FLOATS:
      *bytes = attr->as.floats;
      return blok_mul_size(attr->n, sizeof *attr->as.floats, size);
    default:
      return false;
  }
#pragma GCC diagnostic pop
}

static uint32_t filled(const blok_value_id *slots, uint32_t n) {
  while (n && !slots[n - 1].i) n--;
  return n;
}

static uint64_t hash_node(const merger *self, const blok_node *node) {
  uint64_t hash = mix_number(HASH_START, (uint64_t)node->op);
  uint32_t n = filled(node->inputs, node->n_inputs);
  for (uint32_t i = 0; i < n; i++) hash = mix_number(hash, self->class_of[node->inputs[i].i]);
  for (uint32_t i = 0; i < node->n_attrs; i++) {
    const void *bytes = NULL;
    size_t size = 0;
    hash = mix(hash, node->attrs[i].name, strlen(node->attrs[i].name));
    if (attr_bytes(&node->attrs[i], &bytes, &size) && size) hash = mix(hash, bytes, size);
  }
  return hash;
}

// The place in the table where the search for hash begins.
static uint32_t start_of(const merger *self, uint64_t hash) {
  return (uint32_t)(hash ^ hash >> 32) & (self->n_slots - 1);
}

// ---- Comparing ----------------------------------------------------------------------------------

// True for a node that always gives the same, and that holds nothing but numbers and text.
static bool may_merge(const blok_node *node) {
  if (!blok_may_evaluate(node) || strncmp(node->op_type, "Random", 6) == 0 ||
      strcmp(node->op_type, "Bernoulli") == 0 || strcmp(node->op_type, "Multinomial") == 0) {
    return false;
  }
  if (node->op == BLOK_OP_BatchNormalization && blok_node_int(node, "training_mode", 0) != 0) {
    return false;
  }
  for (uint32_t i = 0; i < node->n_attrs; i++) {
    const void *bytes = NULL;
    size_t size = 0;
    if (node->attrs[i].ref || !attr_bytes(&node->attrs[i], &bytes, &size)) return false;
  }
  return true;
}

// Sizes are no weights, though Resize has them as float lists; nor is a single number.
static bool holds_weights(const blok_value *value) {
  const blok_literal *literal = value->literal;
  size_t count = 0;
  if (value->is_capture) return true;
  if (!literal || !blok_literal_count(literal, &count) || count < 2) return false;
  // Quantised weights are small integers.
  return blok_dtype_is_float(literal->dtype) ||
         (blok_dtype_bits(literal->dtype) <= 8 && literal->dtype != BLOK_BOOL &&
          literal->dtype != BLOK_STRING);
}

// Whether the node is a layer with weights. What it makes of weights alone is a weight, too. A
// value that the graph captures may be one.
static bool reads_weights(merger *self, const blok_node *node) {
  bool some = false;
  bool only = true;
  if (node->op == BLOK_OP_Resize) return false;
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    blok_value_id value = node->inputs[i];
    if (!value.i) continue;
    some = some || self->weight[value.i];
    only = only && (self->weight[value.i] || blok_value_at(self->graph, value)->literal);
  }
  if (!some) return false;
  for (uint32_t i = 0; only && i < node->n_outputs; i++) self->weight[node->outputs[i].i] = 1;
  return filled(node->inputs, node->n_inputs) > 1 || !only;
}

static bool same_attrs(const blok_node *a, const blok_node *b) {
  if (a->n_attrs != b->n_attrs) return false;
  for (uint32_t i = 0; i < a->n_attrs; i++) {
    const blok_attr *x = &a->attrs[i];
    const blok_attr *y = &b->attrs[i];
    const void *bytes_x = NULL;
    const void *bytes_y = NULL;
    size_t size_x = 0;
    size_t size_y = 0;
    if (x->type != y->type || strcmp(x->name, y->name) != 0 || x->n != y->n) return false;
    if (!attr_bytes(x, &bytes_x, &size_x) || !attr_bytes(y, &bytes_y, &size_y)) return false;
    if (size_x != size_y || (size_x && memcmp(bytes_x, bytes_y, size_x) != 0)) return false;
  }
  return true;
}

static bool same_node(const merger *self, const blok_node *a, const blok_node *b) {
  uint32_t n = filled(a->inputs, a->n_inputs);
  if (a->op != b->op || a->n_outputs != b->n_outputs || filled(b->inputs, b->n_inputs) != n) {
    return false;
  }
  for (uint32_t i = 0; i < n; i++) {
    if (self->class_of[a->inputs[i].i] != self->class_of[b->inputs[i].i]) return false;
  }
  return same_attrs(a, b);
}

// ---- Constants ----------------------------------------------------------------------------------

static bool same_constant(const blok_tensor *a, const blok_tensor *b) {
  return a->dtype == b->dtype && a->rank == b->rank && a->bytes == b->bytes &&
         memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0 &&
         (a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0);
}

// Small constants of equal bytes get the class of the first. tensors is by value.
static blok_status class_constant(merger *self, uint32_t value, blok_tensor **tensors,
                                  blok_error *error) {
  const blok_literal *literal = self->graph->values[value].literal;
  size_t count = 0;
  size_t bytes = 0;
  if (!literal || self->graph->values[value].dead ||
      !blok_literal_readable(literal, &count, &bytes) || count > COMPARED_ELEMENTS) {
    return BLOK_OK;
  }
  blok_error reason = BLOK_ERROR_INIT;
  blok_status status = blok_literal_tensor(literal, &self->arena, &tensors[value], &reason);
  if (status == BLOK_E_MEMORY) return blok_fail_memory(error, bytes);
  const blok_tensor *tensor = tensors[value];
  // One that cannot be read is its own class: who needs it says why.
  if (!tensor) return BLOK_OK;
  uint64_t hash = mix_number(HASH_START, (uint64_t)tensor->dtype);
  hash = mix(hash, tensor->dims, tensor->rank * sizeof *tensor->dims);
  if (bytes) hash = mix(hash, tensor->data, bytes);
  uint32_t at = start_of(self, hash);
  for (; self->slots[at]; at = (at + 1) & (self->n_slots - 1)) {
    if (!same_constant(tensor, tensors[self->slots[at]])) continue;
    self->class_of[value] = self->slots[at];
    return BLOK_OK;
  }
  self->slots[at] = value;
  return BLOK_OK;
}

static blok_status class_constants(merger *self, blok_error *error) {
  uint32_t n = self->graph->n_values;
  blok_tensor **tensors = blok_arena_array(&self->arena, n, sizeof *tensors);
  if (!tensors) return blok_fail_memory(error, 0);
  for (uint32_t i = 1; i < n; i++) BLOK_TRY(class_constant(self, i, tensors, error));
  memset(self->slots, 0, self->n_slots * sizeof *self->slots);
  return BLOK_OK;
}

// ---- Merging ------------------------------------------------------------------------------------

// Two graph outputs need two makers.
static bool outputs_fit(const blok_graph *graph, const blok_node *a, const blok_node *b) {
  for (uint32_t i = 0; i < a->n_outputs; i++) {
    if (a->outputs[i].i && b->outputs[i].i && blok_value_at(graph, a->outputs[i])->is_output &&
        blok_value_at(graph, b->outputs[i])->is_output) {
      return false;
    }
  }
  return true;
}

// to stands for from, too: it makes the graph outputs of both, and what only from made.
static void take_over(merger *self, blok_node_id to, blok_node_id from) {
  blok_graph *graph = self->graph;
  for (uint32_t i = 0; i < blok_node_at(graph, to)->n_outputs; i++) {
    blok_value_id kept = blok_node_at(graph, to)->outputs[i];
    blok_value_id gone = blok_node_at(graph, from)->outputs[i];
    if (!gone.i) continue;
    blok_graph_set_output(graph, from, i, BLOK_NO_VALUE);
    blok_value_at(graph, gone)->producer = BLOK_NO_NODE;
    if (!kept.i || blok_value_at(graph, gone)->is_output) {
      if (kept.i) blok_value_at(graph, kept)->producer = BLOK_NO_NODE;
      blok_graph_set_output(graph, to, i, gone);
      blok_value_id swapped = kept;
      kept = gone;
      gone = swapped;
    }
    if (!gone.i) continue;
    self->map[gone.i] = kept;
    blok_value *value = blok_value_at(graph, gone);
    if (!blok_value_at(graph, kept)->type) blok_value_at(graph, kept)->type = value->type;
    value->producer_slot = 0;
    value->dead = true;
  }
  uint32_t tail = self->last[to.i] ? self->last[to.i] : to.i;
  self->next[tail] = from.i;
  self->last[to.i] = from.i;
  blok_graph_remove_node(graph, from);
}

static void class_outputs(merger *self, const blok_node *first, const blok_node *node) {
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    if (!node->outputs[i].i || !first->outputs[i].i) continue;
    self->class_of[node->outputs[i].i] = self->class_of[first->outputs[i].i];
  }
}

static void merge_node(merger *self, blok_node_id id) {
  const blok_node *node = blok_node_at(self->graph, id);
  if (reads_weights(self, node) || !may_merge(node)) return;
  uint32_t at = start_of(self, hash_node(self, node));
  for (; self->slots[at]; at = (at + 1) & (self->n_slots - 1)) {
    blok_node_id other = {self->slots[at]};
    const blok_node *first = blok_node_at(self->graph, other);
    if (!same_node(self, node, first)) continue;
    class_outputs(self, first, node);
    if (outputs_fit(self->graph, first, node)) take_over(self, other, id);
    return;
  }
  self->slots[at] = id.i;
}

static blok_status merge_nodes(merger *self, blok_error *error) {
  blok_graph *graph = self->graph;
  for (uint32_t i = 1; i < graph->n_values; i++) {
    self->class_of[i] = i;
    self->weight[i] = holds_weights(&graph->values[i]);
  }
  BLOK_TRY(class_constants(self, error));
  for (uint32_t i = 0; i < graph->n_order; i++) merge_node(self, graph->order[i]);
  BLOK_TRY(blok_rewrite_gather(graph, self->next, error));
  blok_graph_replace_all(graph, self->map);
  blok_graph_sweep(graph);
  return BLOK_OK;
}

static blok_status visit(blok_graph *graph, void *context, blok_error *error) {
  (void)context;
  merger self = {.graph = graph};
  blok_arena_init(&self.arena, &graph->module->allocator);
  uint32_t most = graph->n_values > graph->n_nodes ? graph->n_values : graph->n_nodes;
  for (self.n_slots = 64; self.n_slots / 2 < most && self.n_slots <= UINT32_MAX / 4;) {
    self.n_slots *= 2;
  }
  self.class_of = blok_arena_array(&self.arena, graph->n_values, sizeof *self.class_of);
  self.weight = blok_arena_array(&self.arena, graph->n_values, sizeof *self.weight);
  self.map = blok_arena_array(&self.arena, graph->n_values, sizeof *self.map);
  self.next = blok_arena_array(&self.arena, graph->n_nodes, sizeof *self.next);
  self.last = blok_arena_array(&self.arena, graph->n_nodes, sizeof *self.last);
  self.slots = blok_arena_array(&self.arena, self.n_slots, sizeof *self.slots);
  bool room = self.class_of && self.weight && self.map && self.next && self.last && self.slots;
  blok_status status = room ? merge_nodes(&self, error) : blok_fail_memory(error, 0);
  blok_arena_free(&self.arena);
  return status;
}

blok_status blok_pass_merge(blok_module *module, const blok_pass_options *options,
                            blok_error *error) {
  (void)options;
  return blok_each_graph(module->graph, visit, NULL, error);
}
