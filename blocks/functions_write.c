// Functions and calls put into the clone.
#include <string.h>

#include "base/error.h"
#include "blocks/functions_parts.h"
#include "passes/rewrite.h"

enum { FIRST_IR = 8 };  // that has model-local functions

// ---- A function's body --------------------------------------------------------------------------

typedef struct body {
  blok_calls *self;
  const blok_call_form *form;
  const blok_call_block *block;
  blok_graph *graph;
  blok_value_id *outer;  // by outer value: the body's value
  blok_node_id *made;    // by item: the body's node
  uint32_t *order;       // items, as the file has them
} body;

static blok_status add_value(const body *at, const char *name, blok_value_id *out) {
  return blok_graph_add_value(at->graph, name, out, at->self->error);
}

// A Constant node of the same elements, inline whatever the literal is.
static blok_status add_constant(const body *at, const blok_literal *from, const char *name,
                                blok_value_id *out) {
  blok_calls *self = at->self;
  blok_arena *arena = &self->module->arena;
  size_t count = 0, bytes = 0;
  blok_literal *literal = NULL;
  blok_node_id id;
  if (!blok_literal_count(from, &count) || !blok_dense_bytes(from->dtype, count, &bytes)) {
    return BLOK_FAIL(self->error, BLOK_E_MALFORMED, "constant '%s' has an impossible size",
                     blok_quote(name).text);
  }
  void *elements = blok_arena_alloc(&self->scratch, bytes ? bytes : 1);
  blok_attr *attr = blok_arena_zero(arena, sizeof *attr);
  if (!elements || !attr) return blok_fail_memory(self->error, bytes);
  BLOK_TRY(blok_literal_read(from, &self->module->allocator, elements, bytes, self->error));
  BLOK_TRY(blok_literal_make(arena, from->dtype, from->rank, from->dims, elements, bytes, &literal,
                             self->error));
  BLOK_TRY(blok_module_keep_literal(self->module, literal, self->error));
  attr->name = "value";
  attr->type = BLOK_ATTR_TENSOR;
  attr->has_type = true;
  attr->n = 1;
  attr->as.literal = literal;
  BLOK_TRY(add_value(at, name, out));
  BLOK_TRY(blok_graph_add_node(at->graph, NULL, "Constant", 0, 1, &id, self->error));
  blok_graph_set_output(at->graph, id, 0, *out);
  blok_node *node = blok_node_at(at->graph, id);
  node->name = name;
  node->attrs = attr;
  node->n_attrs = 1;
  return BLOK_OK;
}

static blok_status add_inputs(const body *at) {
  blok_calls *self = at->self;
  for (uint32_t k = 0; k < at->form->n_outer; k++) {
    const char *name = at->form->input_names[k];
    if (at->form->inside[k]) {
      BLOK_TRY(add_constant(at, at->form->inside[k], name, &at->outer[k]));
      continue;
    }
    BLOK_TRY(add_value(at, name, &at->outer[k]));
    BLOK_TRY(blok_graph_add_input(at->graph, at->outer[k], NULL, self->error));
  }
  return BLOK_OK;
}

static uint32_t place_of(const blok_calls *self, const blok_call_item *item) {
  return item->block < 0 ? self->place[item->node.i] : self->blocks[item->block].place;
}

static blok_node_id key_of(const blok_calls *self, const blok_call_item *item) {
  return item->block < 0 ? item->node
                         : blok_value_producer(self->graph, self->blocks[item->block].exit);
}

// The body's value for one of the main graph; slot: which output of its maker it is.
static blok_value_id value_in(const body *at, blok_value_id value) {
  const blok_calls *self = at->self;
  blok_call_item maker;
  if (!value.i) return value;
  const blok_node_id key = blok_calls_maker(self, at->form->first, value, &maker);
  if (!key.i) return at->outer[self->value_number[value.i]];
  const blok_node *made = blok_node_at(at->graph, at->made[self->node_number[key.i]]);
  return made->outputs[maker.block < 0 ? blok_value_at(self->graph, value)->producer_slot : 0];
}

// A call hands over what its function has not inside.
static uint32_t count_inputs(const blok_calls *self, const blok_call_item *item) {
  uint32_t n = 0;
  if (item->block < 0) return blok_calls_reads(self, item);
  const blok_call_form *called = &self->forms[self->blocks[item->block].form];
  for (uint32_t k = 0; k < called->n_outer; k++) n += !called->inside[k];
  return n;
}

static blok_status add_outputs(const body *at, blok_node_id id, const blok_call_item *item,
                               const char *name) {
  const blok_calls *self = at->self;
  blok_value_id exit = at->block->exit;
  const uint32_t n = blok_node_at(at->graph, id)->n_outputs;
  for (uint32_t o = 0; o < n; o++) {
    blok_value_id old = item->block < 0 ? blok_node_at(self->graph, item->node)->outputs[o]
                                        : self->blocks[item->block].exit;
    blok_value_id value = BLOK_NO_VALUE;
    const char *called = name;
    if (!old.i) continue;
    if (old.i == exit.i) {
      called = "y";
    } else if (o) {
      called = blok_arena_format(&self->module->arena, "%s.%u", name, (unsigned)o);
    }
    if (!called) return blok_fail_memory(self->error, 0);
    BLOK_TRY(add_value(at, called, &value));
    blok_graph_set_output(at->graph, id, o, value);
  }
  return BLOK_OK;
}

static blok_status add_item(const body *at, uint32_t index) {
  blok_calls *self = at->self;
  const blok_call_item *item = &at->block->items[index];
  const char *name = at->form->item_names[index];
  const blok_node *from = item->block < 0 ? blok_node_at(self->graph, item->node) : NULL;
  const char *op_type = from ? from->op_type : self->forms[self->blocks[item->block].form].name;
  blok_node_id id;
  uint32_t slot = 0;
  BLOK_TRY(blok_graph_add_node(at->graph, from ? from->domain : BLOK_FUNCTIONS_DOMAIN, op_type,
                               count_inputs(self, item), from ? from->n_outputs : 1, &id,
                               self->error));
  blok_node *node = blok_node_at(at->graph, id);
  node->name = name;
  if (from) {
    node->overload = from->overload;
    node->opset = from->opset;
    node->attrs = from->attrs;
    node->n_attrs = from->n_attrs;
  }
  for (uint32_t k = 0; k < blok_calls_reads(self, item); k++) {
    const blok_call_form *called = from ? NULL : &self->forms[self->blocks[item->block].form];
    if (called && called->inside[k]) continue;
    blok_graph_set_input(at->graph, id, slot++, value_in(at, blok_calls_read(self, item, k)));
  }
  at->made[index] = id;
  self->node_number[key_of(self, item).i] = index;
  return add_outputs(at, id, item, name);
}

// ---- The function around it ---------------------------------------------------------------------

static bool has_domain(const blok_opset *opsets, uint32_t n, const char *domain) {
  for (uint32_t i = 0; i < n; i++) {
    if (strcmp(blok_domain(opsets[i].domain), domain) == 0) return true;
  }
  return false;
}

// The operator sets that the body's nodes are of, in the versions of the model.
static blok_status import_opsets(blok_calls *self, blok_function *function) {
  const blok_module *module = self->module;
  const blok_graph *graph = function->body;
  function->opsets =
      blok_arena_array(&self->module->arena, module->n_opsets, sizeof *function->opsets);
  if (!function->opsets) return blok_fail_memory(self->error, 0);
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const char *domain = blok_node_domain(blok_node_at(graph, graph->order[i]));
    if (has_domain(function->opsets, function->n_opsets, domain)) continue;
    for (uint32_t o = 0; o < module->n_opsets; o++) {
      if (strcmp(blok_domain(module->opsets[o].domain), domain) != 0) continue;
      function->opsets[function->n_opsets] = module->opsets[o];
      function->opsets[function->n_opsets++].unknown = (blok_bytes){NULL, 0};
      break;
    }
  }
  return BLOK_OK;
}

// As the file has those of the first block, so that blocks inside keep their order.
static void order_items(const body *at) {
  const blok_calls *self = at->self;
  for (uint32_t i = 0; i < at->block->n_items; i++) {
    const uint32_t place = place_of(self, &at->block->items[i]);
    uint32_t to = i;
    for (; self->sorted && to > 0; to--) {
      const uint32_t before = at->order[to - 1];
      if (place_of(self, &at->block->items[before]) < place) break;
      at->order[to] = before;
    }
    at->order[to] = i;
  }
}

static blok_status fill_body(const body *at) {
  blok_calls *self = at->self;
  for (uint32_t k = 0; k < at->form->n_outer; k++) {
    self->value_number[at->block->outer[k].i] = k;
  }
  BLOK_TRY(add_inputs(at));
  order_items(at);
  for (uint32_t i = 0; i < at->block->n_items; i++) BLOK_TRY(add_item(at, at->order[i]));
  BLOK_TRY(blok_graph_add_output(at->graph, value_in(at, at->block->exit), NULL, self->error));
  return blok_graph_verify(at->graph, true, self->error);
}

static blok_status write_function(blok_calls *self, const blok_call_form *form,
                                  blok_function *function) {
  blok_arena *arena = &self->module->arena;
  const blok_call_block *block = &self->blocks[form->first];
  blok_notes *notes = blok_arena_zero(arena, sizeof *notes);
  body at = {.self = self, .form = form, .block = block};
  function->name = form->name;
  function->domain = BLOK_FUNCTIONS_DOMAIN;
  function->notes = notes;
  function->inputs = blok_arena_array(arena, form->n_outer, sizeof *function->inputs);
  function->outputs = blok_arena_array(arena, 1, sizeof *function->outputs);
  at.outer = blok_arena_array(&self->scratch, form->n_outer, sizeof *at.outer);
  at.made = blok_arena_array(&self->scratch, block->n_items, sizeof *at.made);
  at.order = blok_arena_array(&self->scratch, block->n_items, sizeof *at.order);
  if (!notes || !function->inputs || !function->outputs || !at.outer || !at.made || !at.order) {
    return blok_fail_memory(self->error, 0);
  }
  notes->doc = form->doc;
  BLOK_TRY(blok_graph_new(self->module, NULL, &function->body, self->error));
  at.graph = function->body;
  BLOK_TRY(fill_body(&at));
  function->n_inputs = at.graph->n_inputs;
  for (uint32_t i = 0; i < at.graph->n_inputs; i++) {
    function->inputs[i] = blok_value_at(at.graph, at.graph->inputs[i].value)->name;
  }
  function->n_outputs = 1;
  function->outputs[0] = blok_value_at(at.graph, at.graph->outputs[0].value)->name;
  return import_opsets(self, function);
}

static blok_status write_functions(blok_calls *self) {
  blok_module *module = self->module;
  const uint32_t old = module->n_functions;
  blok_function *functions =
      blok_arena_array(&module->arena, (size_t)old + self->n_forms, sizeof *functions);
  if (!functions) return blok_fail_memory(self->error, 0);
  if (old) memcpy(functions, module->functions, old * sizeof *functions);
  for (uint32_t f = 0; f < self->n_forms; f++) {
    BLOK_TRY(write_function(self, &self->forms[f], &functions[old + f]));
  }
  module->functions = functions;
  module->n_functions = old + self->n_forms;
  self->report.functions = self->n_forms;
  return BLOK_OK;
}

static blok_status import_domain(blok_calls *self) {
  blok_module *module = self->module;
  module->has_ir_version = true;
  if (module->ir_version < FIRST_IR) module->ir_version = FIRST_IR;
  if (has_domain(module->opsets, module->n_opsets, BLOK_FUNCTIONS_DOMAIN)) return BLOK_OK;
  blok_opset *opsets =
      blok_arena_array(&module->arena, (size_t)module->n_opsets + 1, sizeof *opsets);
  if (!opsets) return blok_fail_memory(self->error, 0);
  if (module->n_opsets) memcpy(opsets, module->opsets, module->n_opsets * sizeof *opsets);
  opsets[module->n_opsets++] =
      (blok_opset){.domain = BLOK_FUNCTIONS_DOMAIN, .version = 1, .has_version = true};
  module->opsets = opsets;
  return BLOK_OK;
}

// ---- The main graph -----------------------------------------------------------------------------

static blok_status add_call(blok_calls *self, const blok_call_block *block, const char *name) {
  const blok_call_form *form = &self->forms[block->form];
  const blok_call_item item = {BLOK_NO_NODE, (int32_t)(block - self->blocks)};
  blok_node_id id;
  uint32_t slot = 0;
  BLOK_TRY(blok_graph_add_node(self->graph, BLOK_FUNCTIONS_DOMAIN, form->name,
                               count_inputs(self, &item), 1, &id, self->error));
  blok_node_at(self->graph, id)->name = name;
  for (uint32_t k = 0; k < block->n_outer; k++) {
    if (!form->inside[k]) blok_graph_set_input(self->graph, id, slot++, block->outer[k]);
  }
  blok_graph_set_output(self->graph, id, 0, block->exit);
  return BLOK_OK;
}

// The outermost block that takes the node, -1: none.
static int32_t taken_by(const blok_calls *self, blok_node_id id) {
  int32_t block = self->inner[id.i];
  while (block >= 0 && self->blocks[block].above >= 0) block = self->blocks[block].above;
  return block;
}

// What the block's nodes made is gone with them, but for the exit.
static void remove_nodes(const blok_calls *self, const blok_call_block *block) {
  for (uint32_t i = 0; i < block->n_nodes; i++) {
    const blok_node *node = blok_node_at(self->graph, block->nodes[i]);
    for (uint32_t o = 0; o < node->n_outputs; o++) {
      if (!node->outputs[o].i || node->outputs[o].i == block->exit.i) continue;
      blok_value_at(self->graph, node->outputs[o])->dead = true;
    }
    blok_graph_remove_node(self->graph, block->nodes[i]);
  }
}

static blok_status write_calls(blok_calls *self) {
  blok_graph *graph = self->graph;
  for (uint32_t b = 0; b < self->overlay->n_blocks; b++) {
    const blok_call_block *block = &self->blocks[b];
    if (block->made && block->above < 0) remove_nodes(self, block);
  }
  blok_old_order old = blok_rewrite_begin(graph);
  for (uint32_t i = 0; i < old.n; i++) {
    const int32_t block = taken_by(self, old.items[i]);
    if (block < 0) {
      BLOK_TRY(blok_rewrite_keep(graph, old.items[i], self->error));
      continue;
    }
    if (self->blocks[block].place != i) continue;
    const char *name = blok_arena_text(&self->module->arena, self->overlay->blocks[block].name);
    if (!name) return blok_fail_memory(self->error, 0);
    BLOK_TRY(add_call(self, &self->blocks[block], name));
  }
  return BLOK_OK;
}

// Constants that functions have inside now, and that nothing else reads.
static blok_status drop_unread(blok_calls *self) {
  blok_graph *graph = self->graph;
  blok_uses uses;
  BLOK_TRY(blok_uses_build(graph, &self->module->allocator, &uses, self->error));
  for (uint32_t b = 0; b < self->overlay->n_blocks; b++) {
    const blok_call_block *block = &self->blocks[b];
    for (uint32_t k = 0; block->made && k < block->n_outer; k++) {
      blok_value *value = blok_value_at(graph, block->outer[k]);
      if (!self->forms[block->form].inside[k] || value->dead || value->is_output) continue;
      if (blok_uses_count(&uses, block->outer[k])) continue;
      if (value->producer.i) blok_graph_remove_node(graph, value->producer);
      value->literal = NULL;
      value->dead = true;
    }
  }
  blok_uses_free(&uses);
  return BLOK_OK;
}

// What the file notes of values that are gone.
static blok_status drop_annotations(blok_calls *self) {
  blok_graph *graph = self->graph;
  blok_names gone;
  blok_status status = BLOK_OK;
  uint32_t kept = 0, value;
  blok_names_init(&gone, &self->module->allocator);
  for (uint32_t v = 1; graph->n_quant && v < graph->n_values && status == BLOK_OK; v++) {
    if (graph->values[v].dead && !blok_names_put(&gone, graph->values[v].name, v)) {
      status = blok_fail_memory(self->error, 0);
    }
  }
  for (uint32_t q = 0; q < graph->n_quant; q++) {
    const char *name = graph->quant[q].tensor_name;
    if (!name || !blok_names_find(&gone, name, &value)) graph->quant[kept++] = graph->quant[q];
  }
  graph->n_quant = kept;
  blok_names_free(&gone);
  return status;
}

blok_status blok_calls_write(blok_calls *self) {
  if (self->n_forms) {
    BLOK_TRY(import_domain(self));
    BLOK_TRY(write_functions(self));
    BLOK_TRY(write_calls(self));
    BLOK_TRY(drop_unread(self));
    blok_graph_sweep(self->graph);
    BLOK_TRY(drop_annotations(self));
  }
  BLOK_TRY(blok_graph_renumber(self->graph, self->error));
  return blok_graph_verify(self->graph, false, self->error);
}
