// Plain nodes as builder calls: the parts of blok/build.h where one says the same, else the
// operator with its inputs and attributes.
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "codegen/c.h"

static bool is_op(const blok_node *node, const char *op_type) {
  return *blok_node_domain(node) == '\0' && strcmp(node->op_type, op_type) == 0;
}

static const blok_fact *fact_of(const blok_c *self, blok_value_id value) {
  return &self->outline->facts->of[value.i];
}

// ---- Constants ----------------------------------------------------------------------------------

// Puts a constant into the variable c<index>: found by its name where it has been made.
static void make_constant(blok_c *self, const blok_item *item, uint32_t slot, blok_value_id value,
                          uint32_t index) {
  const blok_outline *outline = self->outline;
  const char *saved = outline->constants[value.i];
  const blok_literal *literal = blok_value_at(outline->graph, value)->literal;
  blok_inline text;
  if (index >= self->constants) self->constants = index + 1;
  if (saved && self->made[value.i]) {
    blok_page_put(self->page, "  TRY(blok_build_find(builder, \"%s\", &c%u, error));\n", saved,
                  index);
    return;
  }
  const char *dims = blok_c_dims(self, literal->rank, literal->dims);
  if (saved) {
    self->needs[BLOK_C_CONSTANT] = true;
    self->made[value.i] = true;
    blok_page_put(self->page, "  TRY(constant(builder, \"%s\", %s, %s, NULL, &c%u, error));\n",
                  saved, blok_c_dtype(literal->dtype), dims, index);
  } else if (blok_outline_inline(outline, value, &text)) {
    const bool real = text.dtype == BLOK_F32 || text.dtype == BLOK_F64;
    // Floats with an axis are weights to the builder, which the archive would have to hold; those
    // that stand in the text are a Constant.
    const char *tensor = real && text.rank ? blok_c_tensor(self, "\"value\"", &text) : NULL;
    if (tensor) {
      self->needs[BLOK_C_CALL] = true;
      blok_page_put(self->page,
                    "  TRY(call(builder, \"Constant\", \"%s_in%u\", 0, NULL, 1, "
                    "(blok_build_attribute[]){%s}, 1, &c%u, error));\n",
                    item->path, slot, tensor, index);
      return;
    }
    self->needs[BLOK_C_CONSTANT] = true;
    blok_page_put(self->page, "  TRY(constant(builder, \"%s_in%u\", %s, %s, %s, &c%u, error));\n",
                  item->path, slot, blok_c_dtype(text.dtype), dims, blok_c_elements(self, &text),
                  index);
  }
}

// ---- Parts --------------------------------------------------------------------------------------

// A window of one size on both axes, the same pads all round, and nothing else.
static bool is_plain_pool(const blok_c *self, const blok_node *node, long long window[3]) {
  static const char *const names[3] = {"kernel_shape", "strides", "pads"};
  if (fact_of(self, node->inputs[0])->rank != 4 || blok_node_output(node, 1).i ||
      blok_node_int(node, "ceil_mode", 0) ||
      !blok_node_text_is(node, "auto_pad", "NOTSET", "NOTSET")) {
    return false;
  }
  for (int i = 0; i < 3; i++) {
    uint32_t n = 0;
    const int64_t *values = blok_node_ints(node, names[i], &n);
    window[i] = i < 2;
    for (uint32_t k = 0; k < n; k++) {
      if (values[k] != values[0] || values[k] > INT32_MAX) return false;
      window[i] = values[k];
    }
    if (i == 0 && n != 2) return false;
  }
  uint32_t n = 0;
  const int64_t *dilations = blok_node_ints(node, "dilations", &n);
  for (uint32_t k = 0; k < n; k++) {
    if (dilations[k] != 1) return false;
  }
  return true;
}

static const struct {
  const char *op_type;
  blok_activation activation;
  double alpha, beta;  // that its attributes have when they are absent
  double standard_alpha, standard_beta;
} activations[] = {
    {"Relu", BLOK_ACT_RELU, 0, 0, 0, 0},
    {"Sigmoid", BLOK_ACT_SIGMOID, 0, 0, 0, 0},
    {"Tanh", BLOK_ACT_TANH, 0, 0, 0, 0},
    {"HardSwish", BLOK_ACT_HARD_SWISH, 0, 0, 0, 0},
    {"Mish", BLOK_ACT_MISH, 0, 0, 0, 0},
    {"Gelu", BLOK_ACT_GELU, 0, 0, 0, 0},
    {"Swish", BLOK_ACT_SILU, 0, 0, 0, 0},
    {"LeakyRelu", BLOK_ACT_LEAKY_RELU, 0.01, 0, 0.01, 0},
    {"Elu", BLOK_ACT_ELU, 1, 0, 1, 0},
    {"HardSigmoid", BLOK_ACT_HARD_SIGMOID, 0.2, 0.5, 0.2, 0.5},
};

// The part's call on the variable out; NULL: the node is no activation of the builder.
static const char *activation_call(blok_c *self, const blok_item *item, const blok_node *node,
                                   const char *out) {
  size_t i = 0;
  const size_t n = sizeof activations / sizeof *activations;
  while (i < n && !is_op(node, activations[i].op_type)) i++;
  if (i == n || fact_of(self, node->inputs[0])->dtype != BLOK_F32) return NULL;
  blok_activation activation = activations[i].activation;
  if (activation == BLOK_ACT_SILU && blok_node_float(node, "alpha", 1) != 1) return NULL;
  if (activation == BLOK_ACT_GELU && blok_node_text_is(node, "approximate", "none", "tanh")) {
    activation = BLOK_ACT_GELU_TANH;
  }
  double alpha = activations[i].alpha, beta = activations[i].beta;
  if (alpha != 0) alpha = (double)blok_node_float(node, "alpha", (float)alpha);
  if (beta != 0) beta = (double)blok_node_float(node, "beta", (float)beta);
  return blok_c_text(
      self, "blok_build_activation(builder, \"%s\", BLOK_ACT_%s, %s, %s, &%s, error)", item->path,
      blok_c_activation(activation), blok_c_number(self, alpha), blok_c_number(self, beta), out);
}

// The same of other parts of one input.
static const char *part_call(blok_c *self, const blok_item *item, const blok_node *node,
                             const char *out) {
  long long window[3] = {0, 0, 0};
  const blok_fact *x = fact_of(self, blok_node_input(node, 0));
  if (x->dtype != BLOK_F32) return NULL;
  if (is_op(node, "MaxPool") && is_plain_pool(self, node, window)) {
    return blok_c_text(self, "blok_build_max_pool(builder, \"%s\", %lld, %lld, %lld, &%s, error)",
                       item->path, window[0], window[1], window[2], out);
  }
  if (is_op(node, "AveragePool") && is_plain_pool(self, node, window) && window[2] == 0) {
    return blok_c_text(self, "blok_build_average_pool(builder, \"%s\", %lld, %lld, 0, &%s, error)",
                       item->path, window[0], window[1], out);
  }
  if (is_op(node, "GlobalAveragePool") && x->rank == 4) {
    return blok_c_text(self, "blok_build_global_pool(builder, \"%s\", &%s, error)", item->path,
                       out);
  }
  if (is_op(node, "Flatten") && blok_node_int(node, "axis", 1) == 1) {
    return blok_c_text(self, "blok_build_flatten(builder, \"%s\", &%s, error)", item->path, out);
  }
  return activation_call(self, item, node, out);
}

static bool same_shape(const blok_fact *a, const blok_fact *b) {
  if (a->rank < 0 || a->rank != b->rank || a->dtype != BLOK_F32) return false;
  for (int32_t i = 0; i < a->rank; i++) {
    const bool named =
        a->dims[i].symbol && b->dims[i].symbol && strcmp(a->dims[i].symbol, b->dims[i].symbol) == 0;
    if (a->dims[i].value != b->dims[i].value || (a->dims[i].value < 0 && !named)) return false;
  }
  return true;
}

// x + y of two values of one shape; false: the node is something else.
static bool write_add(blok_c *self, const blok_item *item, const blok_node *node) {
  if (!is_op(node, "Add")) return false;
  const char *a = self->variables[node->inputs[0].i], *b = self->variables[node->inputs[1].i];
  const char *out = self->variables[node->outputs[0].i];
  if (!a || !b || !same_shape(fact_of(self, node->inputs[0]), fact_of(self, node->inputs[1]))) {
    return false;
  }
  const char *other = strcmp(out, b) == 0 ? a : b;
  if (strcmp(out, a) != 0 && strcmp(out, b) != 0) {
    blok_page_put(self->page, "  %s = %s;\n", out, a);
  }
  blok_page_put(self->page, "  TRY(blok_build_add(builder, \"%s\", %s, &%s, error));\n", item->path,
                other, out);
  return true;
}

// ---- The operator -------------------------------------------------------------------------------

// The variables of a node's inputs, constants made first: "2, (blok_value_id[]){x, c0}".
static const char *inputs_text(blok_c *self, const blok_item *item, const blok_node *node) {
  blok_page list;
  uint32_t constants = 0, n = node->n_inputs;
  while (n && !node->inputs[n - 1].i) n--;
  if (n == 0) return "0, NULL";
  blok_page_begin(&list, &self->outline->allocator);
  for (uint32_t i = 0; i < n; i++) {
    const blok_value_id value = node->inputs[i];
    const char *one = value.i ? self->variables[value.i] : "{0}";
    if (!one) {
      make_constant(self, item, i, value, constants);
      one = blok_c_text(self, "c%u", constants++);
    }
    blok_page_item(&list, one);
  }
  return blok_c_text(self, "%u, (blok_value_id[]){%s}", n,
                     blok_c_keep(self, blok_page_end(&list, &self->arena)));
}

static blok_status write_attributes(blok_c *self, const blok_node *node, blok_error *error) {
  if (node->n_attrs == 0) blok_page_put(self->page, "0, NULL, ");
  for (uint32_t i = 0; i < node->n_attrs; i++) {
    const char *one = blok_c_attribute(self, &node->attrs[i]);
    if (self->failed) return blok_fail_memory(error, 0);
    if (!one) {
      return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                       "%s node '%s': attribute '%s' is of a kind that no builder call takes; take "
                       "the node out first",
                       blok_quote(node->op_type).text,
                       blok_node_label(self->outline->graph, node).text,
                       blok_quote(node->attrs[i].name).text);
    }
    if (i == 0) blok_page_put(self->page, "%u, (blok_build_attribute[]){", node->n_attrs);
    blok_page_put(self->page, "%s%s", one, i + 1 < node->n_attrs ? ", " : "}, ");
  }
  return BLOK_OK;
}

static blok_status write_call(blok_c *self, const blok_item *item, const blok_node *node,
                              blok_error *error) {
  if (*blok_node_domain(node)) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                     "%s node '%s' is of domain '%s', which has no call; take it out first",
                     blok_quote(node->op_type).text,
                     blok_node_label(self->outline->graph, node).text,
                     blok_quote(node->domain).text);
  }
  const char *inputs = inputs_text(self, item, node);
  self->needs[BLOK_C_CALL] = true;
  blok_page_put(self->page, "  TRY(call(builder, %s, \"%s\", %s, ",
                blok_c_quoted(self, node->op_type), item->path, inputs);
  BLOK_TRY(write_attributes(self, node, error));
  if (node->n_outputs == 1) {
    blok_page_put(self->page, "1, &%s, error));\n", self->variables[node->outputs[0].i]);
    return BLOK_OK;
  }
  blok_page_put(self->page, "%u, results, error));\n", node->n_outputs);
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    if (!node->outputs[i].i) continue;
    blok_page_put(self->page, "  %s = results[%u];\n", self->variables[node->outputs[i].i], i);
  }
  return BLOK_OK;
}

// A layer norm's scale and bias by the layer's name.
static void write_layer_norm(blok_c *self, const blok_item *item) {
  const long long width = item->features[0];
  const char *out = self->variables[item->out.i];
  self->needs[BLOK_C_CONSTANT] = self->needs[BLOK_C_CALL] = self->needs[BLOK_C_FLOAT] = true;
  if (self->constants < 2) self->constants = 2;
  for (int i = 0; i < (item->bias ? 2 : 1); i++) {
    blok_page_put(self->page,
                  "  TRY(constant(builder, \"%s.%s\", BLOK_F32, 1, (int64_t[]){%lld}, NULL, &c%d, "
                  "error));\n",
                  item->path, i ? "bias" : "weight", width, i);
  }
  blok_page_put(self->page,
                "  TRY(call(builder, \"LayerNormalization\", \"%s\", %d, (blok_value_id[]){%s, "
                "c0%s}, 1, (blok_build_attribute[]){FLOAT(\"epsilon\", %sf)}, 1, &%s, "
                "error));\n",
                item->path, item->bias ? 3 : 2, self->variables[item->in.i],
                item->bias ? ", c1" : "", blok_c_number(self, item->epsilon), out);
}

blok_status blok_c_node(blok_c *self, const blok_item *item, blok_error *error) {
  const blok_node *node = blok_node_at(self->outline->graph, item->node);
  if (item->kind == BLOK_ITEM_LAYER_NORM) {
    write_layer_norm(self, item);
    return BLOK_OK;
  }
  if (write_add(self, item, node)) return BLOK_OK;
  const char *part = NULL;
  if (node->n_inputs && self->variables[node->inputs[0].i]) {
    part = part_call(self, item, node, self->variables[node->outputs[0].i]);
  }
  if (!part) return write_call(self, item, node, error);
  (void)blok_c_begin(self, node->inputs[0], node->outputs[0]);
  blok_page_put(self->page, "  TRY(%s);\n", part);
  return BLOK_OK;
}
