// Inference over a whole graph, at once or step by step. See facts.h and driver.h.
#include "passes/facts.h"

#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "passes/declared.h"
#include "passes/driver.h"
#include "passes/evaluate.h"
#include "reference/reference.h"

// Whole values are carried up to these numbers of elements: of any rank, of rank 0 and 1.
#define SMALL_ANY  64
#define SMALL_LIST 4096

// A graph's facts in the making. facts comes first: a blok_facts made here is one of these.
typedef struct driver {
  blok_facts facts;
  const blok_graph *graph;
  blok_arena *arena;              // facts.arena, or that of the enclosing graph
  const blok_bindings *bindings;  // own, or of the enclosing graph
  blok_bindings own;
  uint64_t max_elements;  // of one tensor
  bool inferred_only;
  uint32_t depth;  // subgraphs around the graph
} driver;

static const blok_fact nothing = {.kind = BLOK_TYPE_NONE, .rank = -1};

static bool small(uint32_t rank, size_t count) {
  return count <= SMALL_ANY || (rank <= 1 && count <= SMALL_LIST);
}

// ---- Facts from elsewhere -----------------------------------------------------------------------

blok_status blok_fact_of_type(blok_arena *arena, const blok_type *type, blok_fact *out,
                              blok_error *error) {
  *out = nothing;
  if (!type) return BLOK_OK;
  out->kind = type->kind;
  if (type->kind != BLOK_TYPE_TENSOR) {
    out->type = type;
    return BLOK_OK;
  }
  out->dtype = type->dtype;
  if (!type->has_shape) return BLOK_OK;
  if (type->rank > BLOK_MAX_RANK) {
    return BLOK_FAIL(error, BLOK_E_LIMIT, "a tensor type of rank %u: at most %d is supported",
                     type->rank, BLOK_MAX_RANK);
  }
  blok_dim *dims = blok_arena_array(arena, type->rank, sizeof *dims);
  if (!dims) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < type->rank; i++) dims[i] = type->dims[i];
  out->rank = (int32_t)type->rank;
  out->dims = dims;
  return BLOK_OK;
}

static blok_status set_dims(blok_arena *arena, blok_dtype dtype, uint32_t rank,
                            const int64_t *numbers, blok_fact *out, blok_error *error) {
  *out = nothing;
  blok_dim *dims = blok_arena_array(arena, rank, sizeof *dims);
  if (!dims) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < rank; i++) dims[i] = blok_dim_of(numbers[i]);
  out->kind = BLOK_TYPE_TENSOR;
  out->dtype = dtype;
  out->rank = (int32_t)rank;
  out->dims = dims;
  return BLOK_OK;
}

// Elements one by one, for the small integer tensors that hooks follow.
static blok_status track(blok_arena *arena, const blok_tensor *tensor, blok_fact *fact,
                         blok_error *error) {
  fact->tensor = tensor;
  bool followed =
      tensor->dtype == BLOK_I32 || tensor->dtype == BLOK_I64 || tensor->dtype == BLOK_BOOL;
  size_t count = 0;
  if (!followed || !blok_dims_count(tensor->dims, tensor->rank, &count) ||
      count > BLOK_FACT_ELEMENTS || !tensor->data) {
    return BLOK_OK;
  }
  blok_element *elements = blok_arena_array(arena, count, sizeof *elements);
  if (!elements) return blok_fail_memory(error, 0);
  for (size_t i = 0; i < count; i++) {
    elements[i].known = true;
    elements[i].value = blok_ref_load_i64(tensor, i);
  }
  fact->n_elements = (uint32_t)count;
  fact->elements = elements;
  return BLOK_OK;
}

blok_status blok_fact_of_tensor(blok_arena *arena, const blok_tensor *tensor, blok_fact *out,
                                blok_error *error) {
  if (tensor->rank > BLOK_MAX_RANK) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "a tensor of rank %u: at most %d is supported",
                     tensor->rank, BLOK_MAX_RANK);
  }
  BLOK_TRY(set_dims(arena, tensor->dtype, tensor->rank, tensor->dims, out, error));
  return tensor->data ? track(arena, tensor, out, error) : BLOK_OK;
}

// A known shape must have a size that a tensor can have.
static blok_status check_size(const driver *self, blok_value_id value, const blok_fact *fact,
                              blok_error *error) {
  size_t count = 0;
  if (!blok_fact_shaped(fact)) return BLOK_OK;
  if (blok_fact_count(fact, &count) && count <= self->max_elements) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_LIMIT,
                   "value '%s' of shape %s has more than %llu elements (tensor_elements of "
                   "blok_limits)",
                   blok_quote(blok_value_at(self->graph, value)->name).text,
                   blok_print_fact(fact).text, (unsigned long long)self->max_elements);
}

// ---- What nodes know of their inputs ------------------------------------------------------------

// Slots that hold weights: inference needs no numbers of them, so these are not read from the file.
static bool weight_slot(blok_op op) {
  return op == BLOK_OP_Conv || op == BLOK_OP_Gemm || op == BLOK_OP_MatMul ||
         op == BLOK_OP_BatchNormalization || op == BLOK_OP_GroupNormalization ||
         op == BLOK_OP_LayerNormalization || op == BLOK_OP_PRelu;
}

// Reads a small initializer that a node may want the numbers of.
static blok_status load(driver *self, blok_value_id value, blok_error *error) {
  blok_fact *fact = &self->facts.of[value.i];
  const blok_literal *literal = blok_value_at(self->graph, value)->literal;
  size_t count = 0;
  size_t bytes = 0;
  if (!literal || fact->tensor || !blok_literal_readable(literal, &count, &bytes) ||
      !small(literal->rank, count)) {
    return BLOK_OK;
  }
  blok_tensor *tensor = NULL;
  BLOK_TRY(blok_literal_tensor(literal, self->arena, &tensor, error));
  return track(self->arena, tensor, fact, error);
}

// A tensor made of elements that are all known.
static blok_status assemble(blok_arena *arena, blok_fact *fact, blok_error *error) {
  size_t count = 0;
  if (fact->tensor || !fact->elements || !blok_fact_count(fact, &count) ||
      count != fact->n_elements || blok_dtype_size(fact->dtype) == 0 ||
      !(blok_dtype_is_integer(fact->dtype) || fact->dtype == BLOK_BOOL)) {
    return BLOK_OK;
  }
  for (size_t i = 0; i < count; i++) {
    if (!fact->elements[i].known) return BLOK_OK;
  }
  blok_tensor *tensor = blok_arena_zero(arena, sizeof *tensor);
  void *data = blok_arena_zero(arena, count * blok_dtype_size(fact->dtype));
  if (!tensor || !data) return blok_fail_memory(error, 0);
  tensor->struct_size = sizeof *tensor;
  tensor->dtype = fact->dtype;
  tensor->rank = (uint32_t)fact->rank;
  for (uint32_t i = 0; i < tensor->rank; i++) tensor->dims[i] = fact->dims[i].value;
  tensor->data = data;
  tensor->bytes = count * blok_dtype_size(fact->dtype);
  for (size_t i = 0; i < count; i++) blok_ref_store_i64(tensor, i, fact->elements[i].value);
  fact->tensor = tensor;
  return BLOK_OK;
}

// Computes small outputs when every input is known.
static blok_status compute(driver *self, blok_node_id id, const blok_fact *const *in,
                           blok_fact *out, blok_error *error) {
  const blok_node *node = blok_node_at(self->graph, id);
  if (!blok_may_evaluate(node)) return BLOK_OK;
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    if (in[i] && !in[i]->tensor && !blok_value_at(self->graph, node->inputs[i])->literal) {
      return BLOK_OK;
    }
  }
  bool wanted = false;
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    size_t count = 0;
    if (!node->outputs[i].i) continue;
    bool by_run = node->op == BLOK_OP_NonZero;
    if (!by_run && !(blok_fact_count(&out[i], &count) && small((uint32_t)out[i].rank, count))) {
      return BLOK_OK;
    }
    wanted = wanted || !out[i].tensor;
  }
  if (!wanted) return BLOK_OK;
  const blok_tensor **tensors = blok_arena_array(self->arena, node->n_inputs, sizeof *tensors);
  blok_tensor **made = blok_arena_array(self->arena, node->n_outputs, sizeof *made);
  if (!tensors || !made) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    if (!in[i]) continue;
    BLOK_TRY(load(self, node->inputs[i], error));
    if (!in[i]->tensor) return BLOK_OK;
    tensors[i] = in[i]->tensor;
  }
  bool done = false;
  BLOK_TRY(blok_evaluate(self->graph, id, tensors, out, SMALL_LIST * sizeof(double), self->arena,
                         made, &done, error));
  for (uint32_t i = 0; done && i < node->n_outputs; i++) {
    if (made[i]) BLOK_TRY(blok_fact_of_tensor(self->arena, made[i], &out[i], error));
  }
  return BLOK_OK;
}

// ---- Subgraphs ----------------------------------------------------------------------------------

static blok_status start(driver *self, const blok_graph *graph, const blok_facts_options *options,
                         const blok_allocator *allocator, blok_error *error);

blok_status blok_facts_captures(const blok_facts *facts, const blok_subgraph *subgraph,
                                blok_arena *arena, blok_fact **out, blok_error *error) {
  blok_fact *captured = blok_arena_array(arena, subgraph->graph->n_values, sizeof *captured);
  if (!captured) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < subgraph->graph->n_values; i++) captured[i] = nothing;
  for (uint32_t i = 0; i < subgraph->n_captures; i++) {
    captured[subgraph->captures[i].inner.i] = *blok_facts_of(facts, subgraph->captures[i].outer);
  }
  *out = captured;
  return BLOK_OK;
}

static blok_status infer_inner(driver *outer, driver *inner, const blok_subgraph *subgraph,
                               const blok_fact *inputs, blok_fact *outputs, blok_error *error) {
  for (uint32_t i = 0; i < subgraph->n_captures; i++) {
    blok_value_id value = subgraph->captures[i].outer;
    if (value.i) BLOK_TRY(load(outer, value, error));
  }
  blok_fact *captured = NULL;
  BLOK_TRY(blok_facts_captures(&outer->facts, subgraph, outer->arena, &captured, error));
  blok_facts_options options = {.inputs = inputs, .captures = captured};
  inner->arena = outer->arena;
  inner->max_elements = outer->max_elements;
  inner->inferred_only = outer->inferred_only;
  inner->bindings = outer->bindings;
  inner->depth = outer->depth + 1;
  BLOK_TRY(start(inner, subgraph->graph, &options, &outer->facts.allocator, error));
  for (uint32_t i = 0; i < subgraph->graph->n_order; i++) {
    BLOK_TRY(blok_facts_step(&inner->facts, subgraph->graph->order[i], error));
  }
  for (uint32_t i = 0; i < subgraph->graph->n_outputs; i++) {
    blok_value_id value = subgraph->graph->outputs[i].value;
    BLOK_TRY(load(inner, value, error));
    outputs[i] = *blok_facts_of(&inner->facts, value);
  }
  return BLOK_OK;
}

// A branch whose shapes disagree may be one that is never taken (exporters guard a Squeeze so): its
// outputs are unknown, and a run that takes it says why.
static blok_status subgraph_facts(blok_infer *infer, const blok_subgraph *subgraph,
                                  const blok_fact *inputs, blok_fact *outputs, blok_error *error) {
  driver *outer = infer->driver;
  for (uint32_t i = 0; i < subgraph->graph->n_outputs; i++) outputs[i] = nothing;
  driver inner;
  memset(&inner, 0, sizeof inner);
  blok_error reason = BLOK_ERROR_INIT;
  blok_status status = infer_inner(outer, &inner, subgraph, inputs, outputs, &reason);
  blok_free(&outer->facts.allocator, inner.facts.of);
  if (status == BLOK_E_SHAPE) {
    for (uint32_t i = 0; i < subgraph->graph->n_outputs; i++) outputs[i] = nothing;
    return BLOK_OK;
  }
  return status == BLOK_OK ? BLOK_OK : blok_fail(error, status, "%s", reason.message);
}

static blok_status subgraph_unknown(blok_infer *infer, const blok_subgraph *subgraph,
                                    const blok_fact *inputs, blok_fact *outputs,
                                    blok_error *error) {
  (void)infer;
  (void)inputs;
  (void)error;
  for (uint32_t i = 0; i < subgraph->graph->n_outputs; i++) outputs[i] = nothing;
  return BLOK_OK;
}

// ---- The driver ---------------------------------------------------------------------------------

static blok_status make_room(driver *self, blok_error *error) {
  blok_facts *facts = &self->facts;
  uint32_t n = self->graph->n_values;
  if (facts->of && n <= facts->n) return BLOK_OK;
  size_t wanted = facts->of ? (size_t)n + n / 2 : n;
  if (wanted > UINT32_MAX) wanted = n;
  size_t bytes = 0;
  if (!blok_mul_size(wanted, sizeof *facts->of, &bytes)) return blok_fail_memory(error, SIZE_MAX);
  blok_fact *of = blok_realloc(&facts->allocator, facts->of, bytes);
  if (!of) return blok_fail_memory(error, bytes);
  for (size_t i = facts->n; i < wanted; i++) of[i] = nothing;
  facts->of = of;
  facts->n = (uint32_t)wanted;
  return BLOK_OK;
}

// An input of a body. What is declared of it may be left over from the round that an exporter saw:
// of that only the type and the number of axes count, which runs check.
static blok_status start_body_input(driver *self, const blok_type *type, const blok_fact *given,
                                    blok_fact *fact, blok_error *error) {
  if (given && given->kind != BLOK_TYPE_NONE) {
    *fact = *given;
    return BLOK_OK;
  }
  BLOK_TRY(blok_fact_of_type(self->arena, type, fact, error));
  if (!self->inferred_only || fact->rank <= 0) return BLOK_OK;
  blok_dim *dims = blok_arena_array(self->arena, (size_t)fact->rank, sizeof *dims);
  if (!dims) return blok_fail_memory(error, 0);
  for (int32_t i = 0; i < fact->rank; i++) dims[i] = blok_dim_unknown();
  fact->dims = dims;
  return BLOK_OK;
}

static blok_status start_inputs(driver *self, const blok_facts_options *options,
                                blok_error *error) {
  const blok_graph *graph = self->graph;
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    blok_value_id id = graph->inputs[i].value;
    const blok_value *value = blok_value_at(graph, id);
    if (value->literal) continue;
    const blok_type *type = value->type ? value->type : graph->inputs[i].type;
    blok_fact *fact = &self->facts.of[id.i];
    if (options->captures) {
      BLOK_TRY(
          start_body_input(self, type, options->inputs ? &options->inputs[i] : NULL, fact, error));
      BLOK_TRY(check_size(self, id, fact, error));
      continue;
    }
    bool given = options->inputs && options->inputs[i].kind != BLOK_TYPE_NONE;
    if (!given) {
      BLOK_TRY(blok_fact_of_type(self->arena, type, fact, error));
      BLOK_TRY(check_size(self, id, fact, error));
      continue;
    }
    *fact = options->inputs[i];
    self->own.concrete = true;
    BLOK_TRY(check_size(self, id, fact, error));
    BLOK_TRY(blok_bindings_input(&self->own, value->name, type, fact, error));
  }
  return BLOK_OK;
}

// Facts of what has no producer. arena and bindings are set before.
static blok_status start(driver *self, const blok_graph *graph, const blok_facts_options *options,
                         const blok_allocator *allocator, blok_error *error) {
  self->graph = graph;
  self->facts.allocator = *allocator;
  BLOK_TRY(make_room(self, error));
  for (uint32_t i = 1; i < graph->n_values; i++) {
    const blok_value *value = &graph->values[i];
    blok_fact *fact = &self->facts.of[i];
    if (value->dead || value->producer.i) continue;
    if (value->literal && value->literal->rank <= BLOK_MAX_RANK) {
      const blok_literal *literal = value->literal;
      BLOK_TRY(set_dims(self->arena, literal->dtype, literal->rank, literal->dims, fact, error));
    } else if (value->is_capture && options->captures &&
               options->captures[i].kind != BLOK_TYPE_NONE) {
      *fact = options->captures[i];
    } else if (value->is_capture && !self->inferred_only) {
      BLOK_TRY(blok_fact_of_type(self->arena, value->type, fact, error));
    }
  }
  return start_inputs(self, options, error);
}

static blok_status make_driver(const blok_allocator *allocator, blok_facts **out, driver **made,
                               blok_error *error) {
  *out = NULL;
  allocator = blok_allocator_or_default(allocator);
  driver *self = blok_alloc_zero(allocator, sizeof *self);
  if (!self) return blok_fail_memory(error, sizeof *self);
  self->facts.allocator = *allocator;
  blok_arena_init(&self->facts.arena, allocator);
  blok_bindings_init(&self->own, &self->facts.allocator);
  self->arena = &self->facts.arena;
  self->bindings = &self->own;
  self->max_elements = (uint64_t)1 << 40;
  *made = self;
  return BLOK_OK;
}

blok_status blok_facts_unknown(const blok_graph *graph, const blok_allocator *allocator,
                               blok_facts **out, blok_error *error) {
  driver *self;
  BLOK_TRY(make_driver(allocator, out, &self, error));
  blok_facts *facts = &self->facts;
  self->graph = graph;
  self->inferred_only = true;
  blok_status status = make_room(self, error);
  if (status != BLOK_OK) {
    blok_facts_free(&facts);
    return status;
  }
  *out = facts;
  return BLOK_OK;
}

blok_status blok_facts_begin(const blok_graph *graph, const blok_facts_options *options,
                             const blok_allocator *allocator, blok_facts **out, blok_error *error) {
  driver *self;
  BLOK_TRY(make_driver(allocator, out, &self, error));
  blok_facts *facts = &self->facts;
  blok_facts_options none = {0};
  self->max_elements = options ? options->limits.tensor_elements : 0;
  if (!self->max_elements) self->max_elements = (uint64_t)1 << 40;
  self->inferred_only = options && options->inferred_only;
  blok_status status = start(self, graph, options ? options : &none, &self->facts.allocator, error);
  if (status != BLOK_OK) {
    blok_facts_free(&facts);
    return status;
  }
  *out = facts;
  return BLOK_OK;
}

void blok_facts_free(blok_facts **facts) {
  if (!facts || !*facts) return;
  driver *self = (driver *)*facts;
  blok_allocator allocator = self->facts.allocator;
  blok_bindings_free(&self->own);
  blok_arena_free(&self->facts.arena);
  blok_free(&allocator, self->facts.of);
  blok_free(&allocator, self);
  *facts = NULL;
}

const blok_fact *blok_facts_of(const blok_facts *facts, blok_value_id value) {
  return value.i && value.i < facts->n ? &facts->of[value.i] : &nothing;
}

// Facts of the node's inputs, with the numbers that its hook may want.
static blok_status gather_inputs(driver *self, const blok_node *node, const blok_fact **in,
                                 blok_error *error) {
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    blok_value_id value = node->inputs[i];
    if (!value.i) continue;
    if (!weight_slot(node->op)) BLOK_TRY(load(self, value, error));
    in[i] = &self->facts.of[value.i];
  }
  return BLOK_OK;
}

static blok_status infer(driver *self, blok_node_id id, const blok_fact **in, blok_fact *out,
                         blok_error *error) {
  const blok_node *node = blok_node_at(self->graph, id);
  BLOK_TRY(gather_inputs(self, node, in, error));
  for (uint32_t i = 0; i < node->n_outputs; i++) out[i] = nothing;
  blok_infer context = {0};
  context.graph = self->graph;
  context.node = node;
  context.in = in;
  context.n_in = node->n_inputs;
  context.out = out;
  context.n_out = node->n_outputs;
  context.arena = self->arena;
  context.subgraph = subgraph_facts;
  context.driver = self;
  context.depth = self->depth;
  BLOK_TRY(blok_infer_node(&context, error));
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    BLOK_TRY(assemble(self->arena, &out[i], error));
  }
  return compute(self, id, in, out, error);
}

// What is declared of a value, onto what is inferred.
static blok_status merge(const driver *self, const char *name, const blok_type *declared,
                         blok_fact *fact, blok_error *error) {
  const int32_t rank = fact->rank;
  const blok_dim *dims = fact->dims;
  BLOK_TRY(blok_declared_merge(self->bindings, name, declared, self->arena, fact, error));
  if (self->inferred_only) {
    fact->rank = rank;
    fact->dims = dims;
  }
  return BLOK_OK;
}

blok_status blok_facts_step(blok_facts *facts, blok_node_id id, blok_error *error) {
  driver *self = (driver *)facts;
  BLOK_TRY(make_room(self, error));
  const blok_node *node = blok_node_at(self->graph, id);
  const blok_fact **in = blok_arena_array(self->arena, node->n_inputs, sizeof *in);
  blok_fact *out = blok_arena_array(self->arena, node->n_outputs, sizeof *out);
  if (!in || !out) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < node->n_outputs; i++) out[i] = nothing;
  if (node->op != BLOK_OP_UNKNOWN) BLOK_TRY(infer(self, id, in, out, error));
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    blok_value_id id_out = node->outputs[i];
    if (!id_out.i) continue;
    const blok_value *value = blok_value_at(self->graph, id_out);
    BLOK_TRY(merge(self, value->name, value->type, &out[i], error));
    BLOK_TRY(check_size(self, id_out, &out[i], error));
    self->facts.of[id_out.i] = out[i];
  }
  return BLOK_OK;
}

static blok_status finish(driver *self, blok_error *error) {
  const blok_graph *graph = self->graph;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    BLOK_TRY(blok_facts_step(&self->facts, graph->order[i], error));
  }
  for (uint32_t i = 0; i < graph->n_outputs; i++) {
    const blok_value_entry *entry = &graph->outputs[i];
    if (!entry->value.i) continue;
    const blok_value *value = blok_value_at(graph, entry->value);
    if (entry->type == value->type) continue;
    BLOK_TRY(merge(self, value->name, entry->type, &self->facts.of[entry->value.i], error));
  }
  return BLOK_OK;
}

blok_status blok_facts_compute(const blok_graph *graph, const blok_facts_options *options,
                               const blok_allocator *allocator, blok_facts **out,
                               blok_error *error) {
  BLOK_TRY(blok_facts_begin(graph, options, allocator, out, error));
  blok_status status = finish((driver *)*out, error);
  if (status != BLOK_OK) blok_facts_free(out);
  return status;
}

blok_status blok_facts_node(const blok_graph *graph, blok_node_id node, const blok_fact *const *in,
                            blok_fact *out, blok_arena *arena, blok_error *error) {
  blok_infer context = {0};
  context.graph = graph;
  context.node = blok_node_at(graph, node);
  context.in = in;
  context.n_in = context.node->n_inputs;
  context.out = out;
  context.n_out = context.node->n_outputs;
  context.arena = arena;
  context.subgraph = subgraph_unknown;
  for (uint32_t i = 0; i < context.n_out; i++) out[i] = nothing;
  return blok_infer_node(&context, error);
}

// ---- Bodies -------------------------------------------------------------------------------------

// Notes what a hook gives to one body. The last time is the one that holds for every round.
typedef struct body_witness {
  driver *outer;
  const blok_subgraph *body;
  blok_fact *inputs;
} body_witness;

static blok_status witness_inputs(blok_infer *infer, const blok_subgraph *subgraph,
                                  const blok_fact *inputs, blok_fact *outputs, blok_error *error) {
  body_witness *self = infer->driver;
  for (uint32_t i = 0; inputs && subgraph == self->body && i < subgraph->graph->n_inputs; i++) {
    self->inputs[i] = inputs[i];
  }
  infer->driver = self->outer;
  blok_status status = subgraph_facts(infer, subgraph, inputs, outputs, error);
  infer->driver = self;
  return status;
}

static blok_status ask_hook(body_witness *witness, blok_node_id id, blok_arena *arena,
                            blok_error *error) {
  driver *self = witness->outer;
  const blok_node *node = blok_node_at(self->graph, id);
  const blok_fact **in = blok_arena_array(arena, node->n_inputs, sizeof *in);
  blok_fact *out = blok_arena_array(arena, node->n_outputs, sizeof *out);
  if (!in || !out) return blok_fail_memory(error, 0);
  BLOK_TRY(gather_inputs(self, node, in, error));
  for (uint32_t i = 0; i < node->n_outputs; i++) out[i] = nothing;
  blok_infer context = {0};
  context.graph = self->graph;
  context.node = node;
  context.in = in;
  context.n_in = node->n_inputs;
  context.out = out;
  context.n_out = node->n_outputs;
  context.arena = arena;
  context.subgraph = witness_inputs;
  context.driver = witness;
  context.depth = self->depth;
  return blok_infer_node(&context, error);
}

blok_status blok_facts_body(const blok_facts *facts, const blok_graph *graph, blok_node_id node,
                            const blok_subgraph *body, blok_arena *arena, blok_fact **inputs,
                            blok_fact **captures, blok_error *error) {
  driver *self = (driver *)(uintptr_t)facts;
  *inputs = NULL;
  for (uint32_t i = 0; i < body->n_captures; i++) {
    if (body->captures[i].outer.i) BLOK_TRY(load(self, body->captures[i].outer, error));
  }
  BLOK_TRY(blok_facts_captures(facts, body, arena, captures, error));
  uint32_t n = body->graph->n_inputs;
  if (n == 0) return BLOK_OK;
  body_witness witness = {self, body, blok_arena_array(arena, n, sizeof *witness.inputs)};
  if (!witness.inputs) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < n; i++) witness.inputs[i] = nothing;
  *inputs = witness.inputs;
  if (blok_node_at(graph, node)->op == BLOK_OP_If) return BLOK_OK;
  blok_error reason = BLOK_ERROR_INIT;
  blok_status status = ask_hook(&witness, node, arena, &reason);
  if (status == BLOK_OK) return BLOK_OK;
  for (uint32_t i = 0; i < n; i++) witness.inputs[i] = nothing;
  return status == BLOK_E_SHAPE ? BLOK_OK : blok_fail(error, status, "%s", reason.message);
}
