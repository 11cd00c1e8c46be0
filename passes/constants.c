// Constant nodes become initializers that share the bytes; nodes that hand a value on unchanged at
// inference (Identity, Dropout, a Sum of one) go.
#include "base/error.h"
#include "passes/evaluate.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

// ---- Constant -----------------------------------------------------------------------------------

// The numbers of the attributes that spell a constant without a tensor.
static bool plain_numbers(const blok_attr *attr, blok_dtype *dtype, uint32_t *rank,
                          const void **elements) {
  bool list = attr->type == BLOK_ATTR_FLOATS || attr->type == BLOK_ATTR_INTS;
  static const int64_t none = 0;
  *dtype = BLOK_I64;
  *rank = list ? 1 : 0;
  if (blok_text_equal(attr->name, "value_float") && attr->type == BLOK_ATTR_FLOAT) {
    *dtype = BLOK_F32;
    *elements = &attr->as.f;
  } else if (blok_text_equal(attr->name, "value_floats") && attr->type == BLOK_ATTR_FLOATS) {
    *dtype = BLOK_F32;
    *elements = attr->as.floats;
  } else if (blok_text_equal(attr->name, "value_int") && attr->type == BLOK_ATTR_INT) {
    *elements = &attr->as.i;
  } else if (blok_text_equal(attr->name, "value_ints") && attr->type == BLOK_ATTR_INTS) {
    *elements = attr->as.ints;
  } else {
    return false;
  }
  if (list && attr->n == 0) *elements = &none;
  return !attr->ref;
}

// Other spellings (strings, sparse tensors) stay nodes.
static blok_status lift(blok_graph *graph, blok_node_id id, blok_error *error) {
  const blok_node *node = blok_node_at(graph, id);
  blok_value_id out = blok_node_output(node, 0);
  if (!out.i || node->n_attrs != 1) return BLOK_OK;
  const blok_attr *attr = &node->attrs[0];
  blok_dtype dtype = BLOK_UNDEFINED;
  uint32_t rank = 0;
  const void *elements = NULL;
  if (blok_text_equal(attr->name, "value") && attr->type == BLOK_ATTR_TENSOR && attr->as.literal) {
    blok_graph_remove_node(graph, id);
    const blok_literal *literal = attr->as.literal;
    return blok_rewrite_share(graph, out, literal, literal->rank, NULL, error);
  }
  if (!plain_numbers(attr, &dtype, &rank, &elements)) return BLOK_OK;
  int64_t dims[1] = {attr->n};
  size_t bytes = 0;
  if (!blok_dense_bytes(dtype, rank ? attr->n : 1, &bytes)) return BLOK_OK;
  blok_literal *literal = NULL;
  BLOK_TRY(blok_literal_make(&graph->module->arena, dtype, rank, dims, elements, bytes, &literal,
                             error));
  blok_graph_remove_node(graph, id);
  return blok_graph_add_initializer(graph, out, literal, error);
}

// ---- Noise --------------------------------------------------------------------------------------

// A Dropout whose training mode is not asked for, or is a constant false.
static blok_status at_inference(const blok_graph *graph, const blok_node *node, bool *out,
                                blok_error *error) {
  blok_value_id mode = blok_node_input(node, 2);
  *out = !mode.i;
  if (!mode.i) return BLOK_OK;
  const blok_literal *literal = blok_value_at(graph, mode)->literal;
  size_t count = 0;
  if (!literal || literal->dtype != BLOK_BOOL || !blok_literal_count(literal, &count) ||
      count != 1) {
    return BLOK_OK;
  }
  uint8_t training = 0;
  BLOK_TRY(blok_literal_read(literal, &graph->module->allocator, &training, 1, error));
  *out = training == 0;
  return BLOK_OK;
}

static blok_status is_noise(const blok_graph *graph, const blok_node *node, const blok_uses *uses,
                            bool *out, blok_error *error) {
  blok_value_id second = blok_node_output(node, 1);
  bool single = !second.i || blok_uses_count(uses, second) == 0;
  *out = false;
  if (node->op == BLOK_OP_Dropout && single) return at_inference(graph, node, out, error);
  *out = node->op == BLOK_OP_Identity || (node->op == BLOK_OP_Sum && node->n_inputs == 1);
  return BLOK_OK;
}

static blok_status drop_noise(blok_graph *graph, blok_error *error) {
  blok_uses uses = {0};
  blok_bypass bypass = {0};
  BLOK_TRY(blok_uses_build(graph, &graph->module->allocator, &uses, error));
  blok_status status = blok_bypass_begin(graph, &bypass, error);
  for (uint32_t i = 0; status == BLOK_OK && i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    bool noise = false;
    if (node->dead) continue;
    status = is_noise(graph, node, &uses, &noise, error);
    // One that must stay, for the name of an output, stays as it is.
    if (status == BLOK_OK && noise) (void)blok_bypass_node(&bypass, graph->order[i], 0);
  }
  blok_uses_free(&uses);
  if (status == BLOK_OK) {
    blok_bypass_end(&bypass);
  } else {
    blok_bypass_abandon(&bypass);
  }
  return status;
}

static blok_status visit(blok_graph *graph, void *context, blok_error *error) {
  (void)context;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    blok_node_id id = graph->order[i];
    if (blok_node_at(graph, id)->op == BLOK_OP_Constant) BLOK_TRY(lift(graph, id, error));
  }
  blok_graph_sweep(graph);
  return drop_noise(graph, error);
}

blok_status blok_pass_constants(blok_module *module, const blok_pass_options *options,
                                blok_error *error) {
  (void)options;
  return blok_each_graph(module->graph, visit, NULL, error);
}
