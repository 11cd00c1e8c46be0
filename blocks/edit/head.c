// A fresh last layer of another number of classes: found backwards from the first output, through
// what stands behind a classifier's linear layer, its weights drawn under the old names.
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "blocks/edit/edit.h"
#include "passes/rewrite.h"

#define MOST_STEPS 64

// A weight of the head: the slot that reads its constant, behind Transposes and Identities.
typedef struct slot {
  blok_node_id node;
  uint32_t input;
  bool turned;  // the constant lies the other way round
  const blok_literal *literal;
  const char *name;
} slot;

typedef struct head {
  blok_editing *editing;
  blok_uses uses;
  blok_node_id layer;
  blok_op op;          // Gemm, MatMul or Conv
  blok_node_id adder;  // the Add behind a MatMul that holds the bias
  uint32_t adder_slot;
  bool pooled;  // a pool, a mean or a change of layout stands behind the layer
  uint32_t n_reshapes;
  blok_node_id reshapes[MOST_STEPS];
  slot weight, bias;  // bias.literal NULL: none
  int64_t features, classes;
} head;

static blok_status fail_end(const head *self, blok_node_id node, const char *why) {
  const blok_node *at = blok_node_at(self->editing->graph, node);
  return BLOK_FAIL(self->editing->error, BLOK_E_ARGUMENT,
                   "the model ends in no linear layer that can be replaced: %s node '%s' %s",
                   blok_quote(at->op_type).text, blok_node_label(self->editing->graph, at).text,
                   why);
}

// ---- Finding ------------------------------------------------------------------------------------

typedef enum head_step { STEP_NONE, STEP_PASS, STEP_POOL, STEP_LAYER } head_step;

static head_step step_of(const blok_node *node) {
  if (blok_node_domain(node)[0] != '\0') return STEP_NONE;
  switch ((int)node->op) {
    case BLOK_OP_Gemm:
    case BLOK_OP_MatMul:
    case BLOK_OP_Conv:
      return STEP_LAYER;
    case BLOK_OP_GlobalAveragePool:
    case BLOK_OP_AveragePool:
    case BLOK_OP_ReduceMean:
    case BLOK_OP_Flatten:
    case BLOK_OP_Reshape:
    case BLOK_OP_Squeeze:
      return STEP_POOL;
    case BLOK_OP_Softmax:
    case BLOK_OP_LogSoftmax:
    case BLOK_OP_Sigmoid:
    case BLOK_OP_Identity:
    case BLOK_OP_Dropout:
    case BLOK_OP_Cast:
    case BLOK_OP_Relu:
    case BLOK_OP_LeakyRelu:
    case BLOK_OP_Elu:
    case BLOK_OP_Clip:
    case BLOK_OP_HardSigmoid:
    case BLOK_OP_HardSwish:
    case BLOK_OP_Swish:
    case BLOK_OP_Tanh:
    case BLOK_OP_Gelu:
    case BLOK_OP_Mish:
      return STEP_PASS;
    default:
      return STEP_NONE;
  }
}

// The slot of an Add that holds a constant; 2: none, or both.
static uint32_t constant_slot(const blok_graph *graph, const blok_node *node) {
  const bool first = blok_editing_literal(graph, blok_node_input(node, 0), NULL) != NULL;
  const bool second = blok_editing_literal(graph, blok_node_input(node, 1), NULL) != NULL;
  return first == second ? 2 : second;
}

// Whether a Mul is a SiLU or hard swish: a value times its own gate, its slot in *gated.
static bool is_gated(const blok_graph *graph, const blok_node *node, uint32_t *gated) {
  if (node->op != BLOK_OP_Mul || blok_node_domain(node)[0] != '\0') return false;
  for (*gated = 0; *gated < 2; ++*gated) {
    const blok_node_id id = blok_value_producer(graph, blok_node_input(node, 1 - *gated));
    const blok_node *gate = id.i ? blok_node_at(graph, id) : NULL;
    if (!gate || blok_node_domain(gate)[0] != '\0') continue;
    if (gate->op != BLOK_OP_Sigmoid && gate->op != BLOK_OP_HardSigmoid) continue;
    if (blok_node_input(gate, 0).i == blok_node_input(node, *gated).i) return true;
  }
  return false;
}

static blok_status find_layer(head *self) {
  const blok_graph *graph = self->editing->graph;
  blok_value_id value = graph->outputs[0].value;
  for (int i = 0; i < MOST_STEPS; i++) {
    const blok_node_id id = blok_value_producer(graph, value);
    if (!id.i) break;
    const blok_node *node = blok_node_at(graph, id);
    uint32_t next = 0;
    const head_step step = step_of(node);
    if (node->op == BLOK_OP_Add && !self->adder.i && constant_slot(graph, node) < 2) {
      self->adder = id;
      self->adder_slot = constant_slot(graph, node);
      next = 1 - self->adder_slot;
    } else if (step == STEP_LAYER) {
      self->layer = id;
      self->op = node->op;
      return BLOK_OK;
    } else if (self->adder.i || (step == STEP_NONE && !is_gated(graph, node, &next))) {
      return fail_end(self, self->adder.i ? self->adder : id,
                      self->adder.i ? "adds to no product" : "stands there");
    }
    if (node->op == BLOK_OP_Reshape) self->reshapes[self->n_reshapes++] = id;
    self->pooled = self->pooled || step == STEP_POOL;
    value = blok_node_input(node, next);
  }
  return BLOK_FAIL(self->editing->error, BLOK_E_ARGUMENT,
                   "the model ends in no linear layer that can be replaced: '%s' is made of none",
                   blok_quote(blok_value_at(graph, graph->outputs[0].value)->name).text);
}

// Follows an input to the slot that reads its constant, as long as nothing else reads what lies
// between.
static bool find_slot(const head *self, blok_node_id node, uint32_t input, slot *out) {
  const blok_graph *graph = self->editing->graph;
  *out = (slot){.node = node, .input = input};
  for (int i = 0; i < MOST_STEPS; i++) {
    const blok_value_id id = blok_node_input(blok_node_at(graph, out->node), out->input);
    if (!id.i) return false;
    const blok_value *value = blok_value_at(graph, id);
    out->literal = blok_editing_literal(graph, id, NULL);
    out->name = value->name;
    if (value->literal) return true;
    if (!value->producer.i || blok_uses_count(&self->uses, id) != 1) return out->literal != NULL;
    const blok_node *maker = blok_node_at(graph, value->producer);
    if (blok_node_domain(maker)[0] != '\0') return false;
    if (maker->op == BLOK_OP_Transpose) {
      out->turned = !out->turned;
    } else if (maker->op != BLOK_OP_Identity) {
      return out->literal != NULL;
    }
    out->node = value->producer;
    out->input = 0;
  }
  return false;
}

static bool is_pointwise(const blok_node *node, const blok_literal *weight) {
  if (weight->rank != 4 || weight->dims[2] != 1 || weight->dims[3] != 1) return false;
  return blok_node_int(node, "group", 1) == 1;
}

static bool is_float(blok_dtype dtype) {
  return dtype == BLOK_F32 || dtype == BLOK_F64 || dtype == BLOK_F16 || dtype == BLOK_BF16;
}

// Whether classes are the constant's first axis.
static bool classes_first(const head *self) {
  const blok_node *node = blok_node_at(self->editing->graph, self->layer);
  const bool first =
      self->op == BLOK_OP_Conv || (self->op == BLOK_OP_Gemm && blok_node_int(node, "transB", 0));
  return first != self->weight.turned;
}

static blok_status find_weights(head *self) {
  const blok_node *node = blok_node_at(self->editing->graph, self->layer);
  if (!find_slot(self, self->layer, 1, &self->weight) || !is_float(self->weight.literal->dtype)) {
    return fail_end(self, self->layer, "has weights that are no constant of floats");
  }
  const blok_literal *weight = self->weight.literal;
  if (self->op == BLOK_OP_Conv && !is_pointwise(node, weight)) {
    return fail_end(self, self->layer, "has a kernel that is not 1x1");
  }
  if (self->op == BLOK_OP_Conv && !self->pooled) {
    return fail_end(self, self->layer, "makes a picture: no pool follows it");
  }
  if (self->op != BLOK_OP_Conv && weight->rank != 2) {
    return fail_end(self, self->layer, "multiplies by more than one matrix");
  }
  const bool first = classes_first(self);
  self->classes = weight->dims[first ? 0 : 1];
  self->features = weight->dims[first ? 1 : 0];
  if (self->adder.i) {
    (void)find_slot(self, self->adder, self->adder_slot, &self->bias);
  } else if (self->op != BLOK_OP_MatMul && blok_node_input(node, 2).i &&
             !find_slot(self, self->layer, 2, &self->bias)) {
    return fail_end(self, self->layer, "has a bias that is no constant");
  }
  return BLOK_OK;
}

// ---- Replacing ----------------------------------------------------------------------------------

// The constant's dims, with the new number where the old one stood last (a bias), or at axis.
static blok_status draw(head *self, const slot *at, uint32_t axis, int32_t classes) {
  blok_editing *editing = self->editing;
  const blok_literal *old = at->literal;
  const double bound = self->features > 0 ? 1 / sqrt((double)self->features) : 0;
  int64_t dims[BLOK_MAX_RANK];
  blok_value_id made = BLOK_NO_VALUE;
  memcpy(dims, old->dims, old->rank * sizeof *dims);
  dims[axis] = classes;
  BLOK_TRY(blok_editing_draw(editing, at->name, old->dtype, old->rank, dims, BLOK_DRAW_UNIFORM,
                             bound, &made));
  blok_graph_set_input(editing->graph, at->node, at->input, made);
  return BLOK_OK;
}

// The last axis that holds a number of classes; the rank where there is none (one number for all).
static uint32_t bias_axis(const head *self) {
  const blok_literal *bias = self->bias.literal;
  uint32_t axis = bias ? bias->rank : 0;
  for (uint32_t i = bias ? bias->rank : 0; i-- > 0;) {
    if (bias->dims[i] == self->classes) return i;
  }
  return axis;
}

static blok_status copy_name(head *self, slot *at) {
  if (!at->literal) return BLOK_OK;
  at->name = blok_arena_text(&self->editing->builder->module->arena, at->name);
  return at->name ? BLOK_OK : blok_fail_memory(self->editing->error, 0);
}

// A target that has the old number of classes baked in.
static blok_status fit_reshape(head *self, blok_node_id id, int32_t classes) {
  blok_editing *editing = self->editing;
  blok_graph *graph = editing->graph;
  const blok_value_id target = blok_node_input(blok_node_at(graph, id), 1);
  const blok_literal *literal = blok_editing_literal(graph, target, NULL);
  int64_t *ints = NULL;
  size_t n = 0;
  bool changed = false;
  if (!literal) return BLOK_OK;
  BLOK_TRY(blok_editing_read_ints(editing, literal, &ints, &n));
  for (size_t i = 1; ints && i < n; i++) {
    if (ints[i] != self->classes) continue;
    ints[i] = classes;
    changed = true;
  }
  if (!changed) return BLOK_OK;
  blok_value_id made = BLOK_NO_VALUE;
  BLOK_TRY(blok_editing_write_ints(editing, blok_value_at(graph, target)->name, ints, (uint32_t)n,
                                   &made));
  blok_graph_set_input(graph, id, 1, made);
  return BLOK_OK;
}

static blok_status replace(head *self, int32_t classes) {
  blok_editing *editing = self->editing;
  blok_graph *graph = editing->graph;
  const uint32_t axis = bias_axis(self);
  const bool biased = self->bias.literal && axis < self->bias.literal->rank;
  BLOK_TRY(copy_name(self, &self->weight));
  BLOK_TRY(copy_name(self, &self->bias));
  // The old ones go first, so that their names are free.
  blok_graph_set_input(graph, self->weight.node, self->weight.input, BLOK_NO_VALUE);
  if (biased) blok_graph_set_input(graph, self->bias.node, self->bias.input, BLOK_NO_VALUE);
  BLOK_TRY(blok_editing_sweep(editing, NULL, 0));
  BLOK_TRY(draw(self, &self->weight, classes_first(self) ? 0 : 1, classes));
  if (biased) BLOK_TRY(draw(self, &self->bias, axis, classes));
  for (uint32_t i = 0; i < self->n_reshapes; i++) {
    BLOK_TRY(fit_reshape(self, self->reshapes[i], classes));
  }
  BLOK_TRY(blok_editing_forget_after(editing, self->layer));
  return blok_editing_declare_outputs(editing);
}

static blok_status find_head(head *self) {
  blok_editing *editing = self->editing;
  if (editing->graph->n_outputs == 0) {
    return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT, "the model has no output");
  }
  BLOK_TRY(
      blok_uses_build(editing->graph, &editing->builder->allocator, &self->uses, editing->error));
  blok_status status = find_layer(self);
  if (status == BLOK_OK) status = find_weights(self);
  blok_uses_free(&self->uses);
  return status;
}

blok_status blok_edit_head(blok_builder *builder, int32_t classes, blok_error *error) {
  blok_editing editing;
  head self = {.editing = &editing};
  blok_status status = blok_editing_begin(builder, &editing, error);
  if (status == BLOK_OK && classes < 1) {
    status =
        BLOK_FAIL(editing.error, BLOK_E_ARGUMENT, "a head of %d classes: 1 is the least", classes);
  }
  if (status == BLOK_OK) status = find_head(&self);
  if (status == BLOK_OK) status = replace(&self, classes);
  return blok_editing_end(&editing, status);
}
