// Loop and Scan: bodies that run in rounds. A body is inferred on what holds in every round: a
// carried value's shape is given up axis by axis until the body, begun with it, ends with it.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

// Bodies nested deeper than this are inferred once, with carried values of any shape: each level of
// trials multiplies the work of those inside.
#define MOST_TRIAL_DEPTH 2
#define MOST_TRIALS      4

// A body in the making. Its inputs are numbered without those that are initializers too.
typedef struct body_facts {
  blok_infer *infer;
  const blok_subgraph *subgraph;
  uint32_t n_inputs, n_outputs;
  uint32_t *at;       // by input: its position in the body's list
  blok_fact *inputs;  // by position
  blok_fact *outputs;
  uint32_t n_carried;  // values carried from round to round
  uint32_t first_in;   // the body's first carried input and output
  uint32_t first_out;
} body_facts;

static blok_status find_body(body_facts *self, blok_error *error) {
  blok_infer *infer = self->infer;
  const blok_attr *attr = blok_node_attr(infer->node, "body");
  if (!attr || attr->type != BLOK_ATTR_GRAPH || attr->n == 0 || !attr->as.graphs) {
    return blok_infer_fail(infer, error, "attribute body is missing or holds no graph");
  }
  self->subgraph = attr->as.graphs;
  const blok_graph *graph = self->subgraph->graph;
  self->n_outputs = graph->n_outputs;
  self->at = blok_arena_array(infer->arena, graph->n_inputs, sizeof *self->at);
  self->inputs = blok_arena_array(infer->arena, graph->n_inputs, sizeof *self->inputs);
  self->outputs = blok_arena_array(infer->arena, graph->n_outputs, sizeof *self->outputs);
  if (!self->at || !self->inputs || !self->outputs) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    self->inputs[i].rank = -1;
    if (blok_value_at(graph, graph->inputs[i].value)->literal) continue;
    self->at[self->n_inputs++] = i;
  }
  return BLOK_OK;
}

static blok_status check_arity(const body_facts *self, uint32_t inputs, uint32_t outputs,
                               blok_error *error) {
  if (self->n_inputs != inputs) {
    return blok_infer_fail(self->infer, error, "the body has %u inputs where %u are given to it",
                           self->n_inputs, inputs);
  }
  if (self->n_outputs != outputs) {
    return blok_infer_fail(self->infer, error, "the body makes %u outputs where %u are wanted",
                           self->n_outputs, outputs);
  }
  return BLOK_OK;
}

// A fact of type and shape alone.
static blok_fact shape_of(const blok_fact *fact) {
  blok_fact out = {.kind = BLOK_TYPE_NONE, .rank = -1};
  if (!fact || fact->kind == BLOK_TYPE_NONE) return out;
  out.kind = fact->kind;
  out.dtype = fact->dtype;
  out.rank = fact->rank;
  out.dims = fact->dims;
  out.type = fact->type;
  return out;
}

// A single number of the body's: a scalar, or of one axis where the body declares it so.
static blok_status put_single(body_facts *self, uint32_t input, blok_dtype dtype,
                              blok_error *error) {
  const blok_graph *graph = self->subgraph->graph;
  uint32_t at = self->at[input];
  const blok_type *type = blok_value_at(graph, graph->inputs[at].value)->type;
  if (!type) type = graph->inputs[at].type;
  bool axis = type && type->kind == BLOK_TYPE_TENSOR && type->has_shape && type->rank == 1;
  blok_dim *dims = blok_arena_array(self->infer->arena, 1, sizeof *dims);
  if (!dims) return blok_fail_memory(error, sizeof *dims);
  dims[0] = blok_dim_of(1);
  self->inputs[at] =
      (blok_fact){.kind = BLOK_TYPE_TENSOR, .dtype = dtype, .rank = axis ? 1 : 0, .dims = dims};
  return BLOK_OK;
}

// Makes what is known of a carried value hold for made, too. *changed becomes true if it did not.
static blok_status widen(body_facts *self, uint32_t k, bool *changed, blok_error *error) {
  blok_fact *known = &self->inputs[self->at[self->first_in + k]];
  const blok_fact *made = &self->outputs[self->first_out + k];
  if (known->kind != BLOK_TYPE_TENSOR) return BLOK_OK;
  if (made->kind == BLOK_TYPE_TENSOR && made->dtype != known->dtype &&
      made->dtype != BLOK_UNDEFINED && known->dtype != BLOK_UNDEFINED) {
    return blok_infer_fail(self->infer, error,
                           "carried value %u is %s at first, but the body makes it %s", k,
                           blok_dtype_name(known->dtype), blok_dtype_name(made->dtype));
  }
  if (known->rank < 0) return BLOK_OK;
  if (!blok_fact_ranked(made) || made->rank != known->rank) {
    known->rank = -1;
    known->dims = NULL;
    *changed = true;
    return BLOK_OK;
  }
  uint32_t rank = (uint32_t)known->rank;
  blok_dim *dims = blok_arena_array(self->infer->arena, rank, sizeof *dims);
  if (!dims) return blok_fail_memory(error, rank * sizeof *dims);
  bool differs = false;
  for (uint32_t i = 0; i < rank; i++) {
    bool open = known->dims[i].value < 0 && !known->dims[i].symbol;
    bool same = open || blok_dim_same(known->dims[i], made->dims[i]);
    dims[i] = same ? known->dims[i] : blok_dim_unknown();
    differs = differs || !same;
  }
  if (differs) {
    known->dims = dims;
    *changed = true;
  }
  return BLOK_OK;
}

static void forget_carried_shapes(body_facts *self) {
  for (uint32_t k = 0; k < self->n_carried; k++) {
    blok_fact *known = &self->inputs[self->at[self->first_in + k]];
    if (known->kind != BLOK_TYPE_TENSOR) continue;
    known->rank = -1;
    known->dims = NULL;
  }
}

static blok_status run_body(body_facts *self, blok_error *error) {
  for (uint32_t i = 0; i < self->n_outputs; i++) {
    self->outputs[i] = (blok_fact){.kind = BLOK_TYPE_NONE, .rank = -1};
  }
  return self->infer->subgraph(self->infer, self->subgraph, self->inputs, self->outputs, error);
}

// Runs the body until its carried values hold for every round; outputs are of the last trial.
static blok_status settle(body_facts *self, blok_error *error) {
  bool changed = self->infer->depth <= MOST_TRIAL_DEPTH;
  for (int trial = 0; changed && trial < MOST_TRIALS; trial++) {
    BLOK_TRY(run_body(self, error));
    changed = false;
    for (uint32_t k = 0; k < self->n_carried; k++) BLOK_TRY(widen(self, k, &changed, error));
    if (!changed) return BLOK_OK;
  }
  forget_carried_shapes(self);
  return run_body(self, error);
}

static void put_carried(const body_facts *self) {
  for (uint32_t k = 0; k < self->n_carried && k < self->infer->n_out; k++) {
    self->infer->out[k] = self->inputs[self->at[self->first_in + k]];
  }
}

// Output slot collects what the body makes in each round, along a new axis.
static blok_status put_collected(const body_facts *self, uint32_t slot, blok_dim rounds,
                                 int64_t axis, blok_error *error) {
  blok_infer *infer = self->infer;
  const blok_fact *made = &self->outputs[self->first_out + slot];
  if (slot >= infer->n_out || made->kind != BLOK_TYPE_TENSOR) return BLOK_OK;
  if (!blok_fact_ranked(made) || made->rank >= BLOK_MAX_RANK) {
    blok_infer_set_dtype(infer, slot, made->dtype);
    return BLOK_OK;
  }
  uint32_t rank = (uint32_t)made->rank + 1, at;
  if (!blok_axis_normal(axis, rank, &at)) {
    return blok_infer_fail(infer, error, "output %u of %u axes has no axis %lld", slot, rank,
                           (long long)axis);
  }
  blok_dim dims[BLOK_MAX_RANK];
  for (uint32_t i = 0, from = 0; i < rank; i++) dims[i] = i == at ? rounds : made->dims[from++];
  return blok_infer_set(infer, slot, made->dtype, rank, dims, error);
}

// ---- Loop ---------------------------------------------------------------------------------------

// How many rounds there will be, where that is known: the body never stops early.
static blok_dim loop_rounds(const body_facts *self) {
  const blok_infer *infer = self->infer;
  bool begins = true, goes_on = false;
  int64_t most = 0;
  uint32_t n = 0;
  if (!blok_infer_in(infer, 0) || !blok_infer_ints(infer, 0, &most, 1, &n) || n != 1) {
    return blok_dim_unknown();
  }
  if (blok_infer_in(infer, 1) && !blok_infer_truth(blok_infer_in(infer, 1), &begins)) {
    return blok_dim_unknown();
  }
  if (!begins || most <= 0) return blok_dim_of(0);
  if (!blok_infer_truth(&self->outputs[0], &goes_on) || !goes_on) return blok_dim_unknown();
  return blok_dim_of(most);
}

// The condition that a body is given is true, else it would not run.
static blok_status put_condition(body_facts *self, blok_error *error) {
  BLOK_TRY(put_single(self, 1, BLOK_BOOL, error));
  blok_element *element = blok_arena_array(self->infer->arena, 1, sizeof *element);
  if (!element) return blok_fail_memory(error, sizeof *element);
  *element = blok_element_of(1);
  blok_fact *fact = &self->inputs[self->at[1]];
  fact->elements = element;
  fact->n_elements = 1;
  return BLOK_OK;
}

blok_status blok_infer_Loop(blok_infer *context, blok_error *error) {
  body_facts self = {.infer = context, .first_in = 2, .first_out = 1};
  if (!context->subgraph) return BLOK_OK;
  self.n_carried = context->n_in > 2 ? context->n_in - 2 : 0;
  BLOK_TRY(find_body(&self, error));
  if (context->n_out < self.n_carried) {
    return blok_infer_fail(context, error, "carries %u values, but has %u outputs", self.n_carried,
                           context->n_out);
  }
  BLOK_TRY(check_arity(&self, 2 + self.n_carried, 1 + context->n_out, error));
  BLOK_TRY(put_single(&self, 0, BLOK_I64, error));
  BLOK_TRY(put_condition(&self, error));
  for (uint32_t k = 0; k < self.n_carried; k++) {
    self.inputs[self.at[2 + k]] = shape_of(blok_infer_in(context, 2 + k));
  }
  BLOK_TRY(settle(&self, error));
  put_carried(&self);
  blok_dim rounds = loop_rounds(&self);
  for (uint32_t i = self.n_carried; i < context->n_out; i++) {
    BLOK_TRY(put_collected(&self, i, rounds, 0, error));
  }
  return BLOK_OK;
}

// ---- Scan ---------------------------------------------------------------------------------------

static int64_t listed_axis(const blok_infer *infer, const char *name, uint32_t index) {
  uint32_t n = 0;
  const int64_t *axes = blok_node_ints(infer->node, name, &n);
  return index < n ? axes[index] : 0;
}

// The body sees one slice of a scanned input; its length joins *rounds.
static blok_status put_slice(body_facts *self, uint32_t index, blok_dim *rounds,
                             blok_error *error) {
  blok_infer *infer = self->infer;
  uint32_t slot = self->n_carried + index, at;
  blok_fact *fact = &self->inputs[self->at[slot]];
  *fact = shape_of(blok_infer_in(infer, slot));
  if (fact->rank < 0) return BLOK_OK;
  uint32_t rank = (uint32_t)fact->rank;
  int64_t axis = listed_axis(infer, "scan_input_axes", index);
  if (!blok_axis_normal(axis, rank, &at)) {
    return blok_infer_fail(infer, error, "scanned input %u of %u axes has no axis %lld", index,
                           rank, (long long)axis);
  }
  blok_dim length = fact->dims[at];
  if (length.value >= 0 && rounds->value >= 0 && length.value != rounds->value) {
    return blok_infer_fail(infer, error, "scanned inputs have %lld and %lld slices",
                           (long long)rounds->value, (long long)length.value);
  }
  if (rounds->value < 0 && (length.value >= 0 || length.symbol)) *rounds = length;
  blok_dim *dims = blok_arena_array(infer->arena, rank, sizeof *dims);
  if (!dims) return blok_fail_memory(error, rank * sizeof *dims);
  for (uint32_t i = 0, to = 0; i < rank; i++) {
    if (i != at) dims[to++] = fact->dims[i];
  }
  fact->rank--;
  fact->dims = dims;
  return BLOK_OK;
}

blok_status blok_infer_Scan(blok_infer *context, blok_error *error) {
  body_facts self = {.infer = context};
  if (!context->subgraph) return BLOK_OK;
  int64_t scanned = blok_node_int(context->node, "num_scan_inputs", 0);
  if (scanned < 1 || scanned > (int64_t)context->n_in) {
    return blok_infer_fail(context, error, "num_scan_inputs is %lld, and the node has %u inputs",
                           (long long)scanned, context->n_in);
  }
  self.n_carried = context->n_in - (uint32_t)scanned;
  BLOK_TRY(find_body(&self, error));
  if (context->n_out < self.n_carried) {
    return blok_infer_fail(context, error, "carries %u values, but has %u outputs", self.n_carried,
                           context->n_out);
  }
  BLOK_TRY(check_arity(&self, context->n_in, context->n_out, error));
  for (uint32_t k = 0; k < self.n_carried; k++) {
    self.inputs[self.at[k]] = shape_of(blok_infer_in(context, k));
  }
  blok_dim rounds = blok_dim_unknown();
  for (uint32_t i = 0; i < (uint32_t)scanned; i++) BLOK_TRY(put_slice(&self, i, &rounds, error));
  BLOK_TRY(settle(&self, error));
  put_carried(&self);
  for (uint32_t i = self.n_carried; i < context->n_out; i++) {
    int64_t axis = listed_axis(context, "scan_output_axes", i - self.n_carried);
    BLOK_TRY(put_collected(&self, i, rounds, axis, error));
  }
  return BLOK_OK;
}
