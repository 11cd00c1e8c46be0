// Counting: parameters of files and nodes by one rule, multiply-adds of nodes.
//
// The rule, on names of slots: a float initializer counts unless every slot that reads it says how
// rather than what (shapes, pads, scales, bounds), or holds BatchNormalization's statistics. What a
// Constant node holds may be anything (anchors, a mean to subtract), so that it counts only where a
// slot reads it as a weight. The ones and zeros of an InstanceNormalization that spells a group
// norm are none. Where a call hands it over, the slots of the function's body say.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "blocks/matcher.h"
#include "graph/functions.h"

// ---- Parameters ---------------------------------------------------------------------------------

static bool counted_type(blok_dtype dtype) {
  return dtype == BLOK_F32 || dtype == BLOK_F64 || dtype == BLOK_F16 || dtype == BLOK_BF16;
}

// Elements of a float constant of rank 1 or more; 0 for every other.
static uint64_t size_of(const blok_literal *literal) {
  size_t count = 0;
  if (!literal || !counted_type(literal->dtype) || literal->rank == 0) return 0;
  return blok_literal_count(literal, &count) ? count : 0;
}

// False for input slots that hold no parameter. Operators are told by name, since source graphs
// hold every version of them.
static bool counted_slot(const blok_node *node, uint32_t slot) {
  static const struct {
    const char *op_type;
    uint32_t slots;  // bit k: slot k holds no parameter
  } steering[] = {
      {"BatchNormalization", 1u << 3 | 1u << 4},
      {"Clip", 1u << 1 | 1u << 2},
      {"ConstantOfShape", 1u << 0},
      {"Dropout", 1u << 1 | 1u << 2},
      {"Expand", 1u << 1},
      {"Pad", 1u << 1 | 1u << 2 | 1u << 3},
      {"Reshape", 1u << 1},
      {"Resize", 1u << 1 | 1u << 2 | 1u << 3},
      {"Slice", 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4},
      {"Split", 1u << 1},
      {"Squeeze", 1u << 1},
      {"Tile", 1u << 1},
      {"Unsqueeze", 1u << 1},
      {"Upsample", 1u << 1},
  };
  if (slot >= 32 || *blok_node_domain(node)) return true;
  for (size_t i = 0; i < sizeof steering / sizeof steering[0]; i++) {
    if (strcmp(node->op_type, steering[i].op_type) == 0) return !(steering[i].slots >> slot & 1u);
  }
  return true;
}

// True for operators whose further inputs are weights.
static bool weighted(const blok_node *node) {
  static const char *const ops[] = {
      "BatchNormalization",
      "Conv",
      "ConvTranspose",
      "GRU",
      "Gemm",
      "Gather",
      "GroupNormalization",
      "InstanceNormalization",
      "LSTM",
      "MatMul",
      "LayerNormalization",
      "PRelu",
      "RNN",
      "RMSNormalization",
  };
  if (*blok_node_domain(node)) return false;
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
    if (strcmp(node->op_type, ops[i]) == 0) return true;
  }
  return false;
}

uint64_t blok_node_parameters(const blok_graph *graph, blok_node_id id) {
  const blok_node *node = blok_node_at(graph, id);
  uint64_t total = 0;
  if (!weighted(node)) return 0;
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    if (!node->inputs[i].i || !counted_slot(node, i)) continue;
    total += size_of(blok_value_at(graph, node->inputs[i])->literal);
  }
  return total;
}

static bool is_default_op(const blok_node *node, const char *op_type) {
  return !*blok_node_domain(node) && strcmp(node->op_type, op_type) == 0;
}

// How the slots of one graph read a value: the highest that any of them says.
typedef enum reading {
  NOT_READ = 0,
  READ_AS_STEERING = 1,
  READ_SOMEHOW = 2,
  READ_AS_VECTOR = 3,  // added or multiplied: a bias or scale, when it has one axis
  READ_AS_WEIGHT = 4
} reading;

static void note(uint8_t *readings, blok_value_id value, reading how) {
  if (readings[value.i] < how) readings[value.i] = (uint8_t)how;
}

// What the functions of a file do with their inputs.
typedef struct callees {
  const blok_module *module;
  blok_functions functions;
  uint8_t **readings;  // by function: by input
  blok_arena arena;
} callees;

static reading reading_by_call(const callees *known, const blok_node *node, uint32_t slot,
                               bool *call) {
  const blok_function *function = NULL;
  if (known->functions.n && !(node->op != BLOK_OP_UNKNOWN && !*blok_node_domain(node))) {
    function = blok_functions_find(&known->functions, node);
  }
  *call = function && function->body && slot < function->body->n_inputs;
  return *call ? (reading)known->readings[function - known->module->functions][slot] : NOT_READ;
}

static reading reading_of(const callees *known, const blok_node *node, uint32_t slot) {
  bool call;
  const reading inside = reading_by_call(known, node, slot, &call);
  if (call) return inside;
  if (!counted_slot(node, slot)) return READ_AS_STEERING;
  if (weighted(node)) return READ_AS_WEIGHT;
  return is_default_op(node, "Add") || is_default_op(node, "Mul") ? READ_AS_VECTOR : READ_SOMEHOW;
}

static void note_readings(const callees *known, const blok_graph *graph, uint8_t *readings) {
  for (uint32_t n = 0; n < graph->n_order; n++) {
    const blok_node *node = blok_node_at(graph, graph->order[n]);
    // An Identity's reading is counted by the Identity.
    if (is_default_op(node, "Identity")) continue;
    const bool grouped = blok_spells_groups(graph, node);
    for (uint32_t i = 0; i < node->n_inputs; i++) {
      note(readings, node->inputs[i], grouped && i ? READ_AS_STEERING : reading_of(known, node, i));
    }
    for (uint32_t a = 0; a < node->n_attrs; a++) {
      const blok_attr *attr = &node->attrs[a];
      if (attr->type != BLOK_ATTR_GRAPH && attr->type != BLOK_ATTR_GRAPHS) continue;
      for (uint32_t g = 0; g < attr->n; g++) {
        const blok_subgraph *sub = &attr->as.graphs[g];
        for (uint32_t c = 0; c < sub->n_captures; c++) {
          // What a subgraph does with it is not followed.
          note(readings, sub->captures[c].outer, READ_AS_WEIGHT);
        }
      }
    }
  }
  for (uint32_t i = 0; i < graph->n_outputs; i++) {
    note(readings, graph->outputs[i].value, READ_SOMEHOW);
  }
}

// ---- Functions ----------------------------------------------------------------------------------

// Takes over what body says of its inputs; *more: that is more than was known.
static blok_status note_function(callees *known, uint32_t index, const blok_allocator *allocator,
                                 bool *more, blok_error *error) {
  const blok_graph *body = known->module->functions[index].body;
  if (!body) return BLOK_OK;
  uint8_t *readings = blok_alloc_array(allocator, body->n_values, sizeof *readings);
  if (!readings) return blok_fail_memory(error, body->n_values);
  note_readings(known, body, readings);
  for (uint32_t i = 0; i < body->n_inputs; i++) {
    uint8_t *at = &known->readings[index][i];
    const uint8_t found = readings[body->inputs[i].value.i];
    *more = *more || found > *at;
    if (found > *at) *at = found;
  }
  blok_free(allocator, readings);
  return BLOK_OK;
}

// Functions may stand behind those that call them, so that it takes as many rounds as they nest.
static blok_status note_functions(callees *known, const blok_allocator *allocator,
                                  blok_error *error) {
  enum { ROUNDS = 64 };
  const blok_module *module = known->module;
  BLOK_TRY(blok_functions_sort(module, &known->functions, error));
  known->readings = blok_arena_array(&known->arena, module->n_functions, sizeof(uint8_t *));
  if (!known->readings) return blok_fail_memory(error, 0);
  for (uint32_t f = 0; f < module->n_functions; f++) {
    const blok_graph *body = module->functions[f].body;
    known->readings[f] = blok_arena_array(&known->arena, body ? body->n_inputs : 0, 1);
    if (!known->readings[f]) return blok_fail_memory(error, 0);
  }
  bool more = module->n_functions > 0;
  for (int round = 0; more && round < ROUNDS; round++) {
    more = false;
    for (uint32_t f = 0; f < module->n_functions; f++) {
      BLOK_TRY(note_function(known, f, allocator, &more, error));
    }
  }
  return BLOK_OK;
}

// ---- A file -------------------------------------------------------------------------------------

// Elements of a Constant node that count, read as it is.
static uint64_t size_of_constant(const blok_node *node, uint8_t how) {
  uint64_t size = 0;
  bool vector = true;
  const blok_attr *value = blok_node_attr(node, "value");
  const blok_attr *floats = blok_node_attr(node, "value_floats");
  if (value && value->type == BLOK_ATTR_TENSOR && value->n) {
    size = size_of(value->as.literal);
    vector = value->as.literal->rank == 1;
  } else if (floats && floats->type == BLOK_ATTR_FLOATS) {
    size = floats->n;
  }
  if (how == READ_AS_WEIGHT) return size;
  return how == READ_AS_VECTOR && vector && size > 1 ? size : 0;
}

static blok_status count_graph(const callees *known, const blok_graph *graph,
                               const blok_allocator *allocator, uint64_t *total, blok_error *error);

static blok_status count_inner(const callees *known, const blok_node *node,
                               const blok_allocator *allocator, uint64_t *total,
                               blok_error *error) {
  for (uint32_t a = 0; a < node->n_attrs; a++) {
    const blok_attr *attr = &node->attrs[a];
    if (attr->type != BLOK_ATTR_GRAPH && attr->type != BLOK_ATTR_GRAPHS) continue;
    for (uint32_t g = 0; g < attr->n; g++) {
      const blok_graph *inner = attr->as.graphs[g].graph;
      if (inner) BLOK_TRY(count_graph(known, inner, allocator, total, error));
    }
  }
  return BLOK_OK;
}

// The importer has bounded the depth of subgraphs.
static blok_status count_graph(const callees *known, const blok_graph *graph,
                               const blok_allocator *allocator, uint64_t *total,
                               blok_error *error) {
  uint8_t *readings = blok_alloc_array(allocator, graph->n_values, sizeof *readings);
  uint64_t *sizes = blok_alloc_array(allocator, graph->n_values, sizeof *sizes);
  blok_status status = BLOK_OK;
  if (!readings || !sizes) {
    status = blok_fail_memory(error, graph->n_values * sizeof *sizes);
    goto done;
  }
  note_readings(known, graph, readings);
  for (uint32_t v = 1; v < graph->n_values; v++) {
    const blok_value *value = &graph->values[v];
    if (!value->dead) sizes[v] = size_of(value->literal);
  }
  for (uint32_t v = 1; v < graph->n_values; v++) {
    if (readings[v] != READ_AS_STEERING) *total += sizes[v];
  }
  for (uint32_t n = 0; n < graph->n_order; n++) {
    const blok_node *node = blok_node_at(graph, graph->order[n]);
    blok_value_id in = blok_node_input(node, 0), made = blok_node_output(node, 0);
    if (is_default_op(node, "Constant")) *total += size_of_constant(node, readings[made.i]);
    if (is_default_op(node, "Identity") && readings[made.i] != READ_AS_STEERING) {
      *total += sizes[in.i];
    }
    BLOK_TRY_TO(done, count_inner(known, node, allocator, total, error));
  }
done:
  blok_free(allocator, sizes);
  blok_free(allocator, readings);
  return status;
}

blok_status blok_count_parameters(const blok_module *source, const blok_allocator *allocator,
                                  uint64_t *out, blok_error *error) {
  uint64_t total = 0;
  *out = 0;
  if (!source->graph) return BLOK_OK;
  allocator = blok_allocator_or_default(allocator);
  callees known = {.module = source};
  blok_arena_init(&known.arena, allocator);
  blok_status status = note_functions(&known, allocator, error);
  if (status == BLOK_OK) {
    status = count_graph(&known, source->graph, allocator, &total, error);
  }
  blok_functions_free(&known.functions);
  blok_arena_free(&known.arena);
  if (status == BLOK_OK) *out = total;
  return status;
}

// ---- Multiply-adds ------------------------------------------------------------------------------

// Inputs of the graph that are asked for their batch; so many have but few symbols among them.
#define BATCH_INPUTS 1024

// True when an open axis is the batch: the open first axis of one of the graph's inputs.
static bool is_batch(const blok_graph *graph, const blok_facts *facts, blok_dim dim) {
  uint32_t n = graph->n_inputs < BATCH_INPUTS ? graph->n_inputs : BATCH_INPUTS;
  for (uint32_t i = 0; i < n; i++) {
    blok_value_id input = graph->inputs[i].value;
    const blok_fact *fact = &facts->of[input.i];
    if (blok_value_at(graph, input)->literal || fact->rank < 1) continue;
    blok_dim first = fact->dims[0];
    if (blok_dim_known(first)) continue;
    if (!first.symbol && !dim.symbol) return true;
    if (first.symbol && dim.symbol && strcmp(first.symbol, dim.symbol) == 0) return true;
  }
  return false;
}

// Elements of the value, an open batch counted as 1; false when another axis is open.
static bool elements(const blok_graph *graph, const blok_facts *facts, blok_value_id value,
                     int64_t *out) {
  const blok_fact *fact = &facts->of[value.i];
  int64_t count = 1;
  if (!value.i || fact->rank < 0) return false;
  for (int32_t i = 0; i < fact->rank; i++) {
    int64_t length = fact->dims[i].value;
    if (!blok_dim_known(fact->dims[i])) {
      if (i > 0 || !is_batch(graph, facts, fact->dims[i])) return false;
      length = 1;
    }
    if (!blok_mul_i64(count, length, &count)) return false;
  }
  *out = count;
  return true;
}

// The product of the value's axes from `from` on; false when one is open.
static bool axes_from(const blok_facts *facts, blok_value_id value, int32_t from, int64_t *out) {
  const blok_fact *fact = &facts->of[value.i];
  int64_t count = 1;
  if (!value.i || fact->rank < from) return false;
  for (int32_t i = from; i < fact->rank; i++) {
    if (!blok_dim_known(fact->dims[i]) || !blok_mul_i64(count, fact->dims[i].value, &count)) {
      return false;
    }
  }
  *out = count;
  return true;
}

// One axis from the end (1: the last); false when it is open.
static bool axis_from_end(const blok_facts *facts, blok_value_id value, int32_t back,
                          int64_t *out) {
  const blok_fact *fact = &facts->of[value.i];
  if (!value.i || fact->rank < back || !blok_dim_known(fact->dims[fact->rank - back])) return false;
  *out = fact->dims[fact->rank - back].value;
  return true;
}

int64_t blok_node_macs(const blok_graph *graph, const blok_facts *facts, blok_node_id id) {
  const blok_node *node = blok_node_at(graph, id);
  blok_value_id a = blok_node_input(node, 0), b = blok_node_input(node, 1);
  int64_t count = 0, each = 0, total = 0;
  bool known = false;
  if (node->op == BLOK_OP_Conv) {
    known =
        axes_from(facts, b, 1, &each) && elements(graph, facts, blok_node_output(node, 0), &count);
  } else if (is_default_op(node, "ConvTranspose")) {
    // Each input element meets the kernels of its group.
    known = axes_from(facts, b, 1, &each) && elements(graph, facts, a, &count);
  } else if (node->op == BLOK_OP_Gemm) {
    bool across = blok_node_int(node, "transA", 0) != 0;
    bool turned = blok_node_int(node, "transB", 0) != 0;
    known = (axis_from_end(facts, a, across ? 2 : 1, &each) ||
             axis_from_end(facts, b, turned ? 1 : 2, &each)) &&
            elements(graph, facts, blok_node_output(node, 0), &count);
  } else if (node->op == BLOK_OP_MatMul) {
    known = axis_from_end(facts, a, 1, &each) &&
            elements(graph, facts, blok_node_output(node, 0), &count);
  } else {
    return 0;
  }
  return known && blok_mul_i64(count, each, &total) ? total : -1;
}
