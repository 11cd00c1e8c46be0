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

const char *blok_c_dtype(blok_dtype dtype) {
  switch (dtype) {
    case BLOK_F32:
      return "BLOK_F32";
    case BLOK_F64:
      return "BLOK_F64";
    case BLOK_F16:
      return "BLOK_F16";
    case BLOK_I64:
      return "BLOK_I64";
    case BLOK_I32:
      return "BLOK_I32";
    case BLOK_I16:
      return "BLOK_I16";
    case BLOK_I8:
      return "BLOK_I8";
    case BLOK_U8:
      return "BLOK_U8";
    case BLOK_U16:
      return "BLOK_U16";
    case BLOK_U32:
      return "BLOK_U32";
    case BLOK_U64:
      return "BLOK_U64";
    case BLOK_BOOL:
      return "BLOK_BOOL";
    case BLOK_UNDEFINED:
    case BLOK_STRING:
    case BLOK_C64:
    case BLOK_C128:
    case BLOK_BF16:
    case BLOK_F8E4M3FN:
    case BLOK_F8E4M3FNUZ:
    case BLOK_F8E5M2:
    case BLOK_F8E5M2FNUZ:
    case BLOK_U4:
    case BLOK_I4:
    case BLOK_F4E2M1:
    case BLOK_F8E8M0:
    case BLOK_U2:
    case BLOK_I2:
    case BLOK_F6E2M3:
    case BLOK_F6E3M2:
      break;
  }
  return NULL;
}

// "3, (int64_t[]){64, 1, 1}" or "0, NULL".
static const char *dims_text(blok_c *self, uint32_t rank, const int64_t *dims) {
  const char *text = "";
  if (rank == 0) return "0, NULL";
  for (uint32_t i = 0; i < rank; i++) {
    text = blok_c_text(self, "%s%s%lld", text, i ? ", " : "", (long long)dims[i]);
  }
  return blok_c_text(self, "%u, (int64_t[]){%s}", rank, text);
}

static const char *int_text(blok_c *self, int64_t value) {
  if (value == INT64_MIN) return "INT64_MIN";
  if (value == INT64_MAX) return "INT64_MAX";
  const bool wide = value > INT32_MAX || value < INT32_MIN;
  return blok_c_text(self, "%lld%s", (long long)value, wide ? "LL" : "");
}

// The elements of a short constant: "(int64_t[]){1, 512}"; "NULL" for none.
static const char *elements_text(blok_c *self, const blok_inline *value) {
  const bool real = value->dtype == BLOK_F32 || value->dtype == BLOK_F64;
  const char *type = value->dtype == BLOK_F32    ? "float"
                     : value->dtype == BLOK_F64  ? "double"
                     : value->dtype == BLOK_I32  ? "int32_t"
                     : value->dtype == BLOK_BOOL ? "bool"
                                                 : "int64_t";
  const char *text = "";
  for (uint32_t i = 0; i < value->n; i++) {
    const char *one = real ? blok_c_number(self, value->floats[i]) : int_text(self, value->ints[i]);
    if (value->dtype == BLOK_F32 && strpbrk(one, ".e")) one = blok_c_text(self, "%sf", one);
    text = blok_c_text(self, "%s%s%s", text, i ? ", " : "", one);
  }
  return value->n ? blok_c_text(self, "(%s[]){%s}", type, text) : "NULL";
}

// A short tensor as the attribute of that name.
static const char *tensor_text(blok_c *self, const char *name, const blok_inline *value) {
  const char *dims = value->rank ? "" : "0";
  size_t bytes = 0;
  if (!value->n || !blok_dense_bytes(value->dtype, value->n, &bytes)) return NULL;
  for (uint32_t i = 0; i < value->rank; i++) {
    dims = blok_c_text(self, "%s%s%lld", dims, i ? ", " : "", (long long)value->dims[i]);
  }
  return blok_c_text(self,
                     "{.name = %s, .type = \"tensor\",\n            .tensor = "
                     "&(blok_tensor){sizeof(blok_tensor), %s, %u, {%s}, %s, %zu}}",
                     name, blok_c_dtype(value->dtype), value->rank, dims,
                     elements_text(self, value), bytes);
}

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
  const char *dims = dims_text(self, literal->rank, literal->dims);
  if (saved) {
    self->needs[BLOK_C_CONSTANT] = true;
    self->made[value.i] = true;
    blok_page_put(self->page, "  TRY(constant(builder, \"%s\", %s, %s, NULL, &c%u, error));\n",
                  saved, blok_c_dtype(literal->dtype), dims, index);
  } else if (blok_outline_inline(outline, value, &text)) {
    const bool real = text.dtype == BLOK_F32 || text.dtype == BLOK_F64;
    // Floats with an axis are weights to the builder, which the archive would have to hold; those
    // that stand in the text are a Constant.
    const char *tensor = real && text.rank ? tensor_text(self, "\"value\"", &text) : NULL;
    if (tensor) {
      self->needs[BLOK_C_CALL] = true;
      blok_page_put(self->page,
                    "  TRY(call(builder, \"Constant\", \"%s_in%u\", 0, NULL, 1,\n           "
                    "(blok_build_attribute[]){%s},\n           1, &c%u, error));\n",
                    item->path, slot, tensor, index);
      return;
    }
    self->needs[BLOK_C_CONSTANT] = true;
    blok_page_put(self->page, "  TRY(constant(builder, \"%s_in%u\", %s, %s, %s, &c%u, error));\n",
                  item->path, slot, blok_c_dtype(text.dtype), dims, elements_text(self, &text),
                  index);
  }
}

// ---- Attributes ---------------------------------------------------------------------------------

static const char *ints_text(blok_c *self, const blok_attr *attr) {
  const char *text = "";
  for (uint32_t i = 0; i < attr->n; i++) {
    text = blok_c_text(self, "%s, %s", text, int_text(self, attr->as.ints[i]));
  }
  return text;
}

static const char *floats_text(blok_c *self, const blok_attr *attr) {
  const char *text = "";
  for (uint32_t i = 0; i < attr->n; i++) {
    text = blok_c_text(self, "%s, %s", text, blok_c_number(self, (double)attr->as.floats[i]));
  }
  return text;
}

// "INT("axis", 1)"; NULL: a kind of attribute that no call takes.
static const char *attr_text(blok_c *self, const blok_attr *attr) {
  const char *name = blok_c_quoted(self, attr->name);
  const char *text = NULL;
  blok_inline value;
  switch (attr->type) {
    case BLOK_ATTR_INT:
      self->needs[BLOK_C_INT] = true;
      return blok_c_text(self, "INT(%s, %s)", name, int_text(self, attr->as.i));
    case BLOK_ATTR_FLOAT: {
      self->needs[BLOK_C_FLOAT] = true;
      const char *number = blok_c_number(self, (double)attr->as.f);
      return blok_c_text(self, "FLOAT(%s, %s%s)", name, number, strpbrk(number, ".e") ? "f" : "");
    }
    case BLOK_ATTR_STRING:
      self->needs[BLOK_C_TEXT] = true;
      text = blok_c_keep(
          self, blok_arena_textn(&self->arena, (const char *)attr->as.s.data, attr->as.s.size));
      return blok_c_text(self, "TEXT(%s, %s)", name, blok_c_quoted(self, text));
    case BLOK_ATTR_INTS:
      if (attr->n == 0) return NULL;
      self->needs[BLOK_C_INTS] = true;
      return blok_c_text(self, "INTS(%s%s)", name, ints_text(self, attr));
    case BLOK_ATTR_FLOATS:
      if (attr->n == 0) return NULL;
      self->needs[BLOK_C_FLOATS] = true;
      return blok_c_text(self, "FLOATS(%s%s)", name, floats_text(self, attr));
    case BLOK_ATTR_TENSOR:
      return blok_inline_of(attr->as.literal, &self->outline->allocator, &value)
                 ? tensor_text(self, name, &value)
                 : NULL;
    case BLOK_ATTR_UNDEFINED:
    case BLOK_ATTR_GRAPH:
    case BLOK_ATTR_STRINGS:
    case BLOK_ATTR_TENSORS:
    case BLOK_ATTR_GRAPHS:
    case BLOK_ATTR_SPARSE_TENSOR:
    case BLOK_ATTR_SPARSE_TENSORS:
    case BLOK_ATTR_TYPE:
    case BLOK_ATTR_TYPES:
      break;
  }
  return NULL;
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

// The part's call with %s for the variable; NULL: the node is no activation of the builder.
static const char *activation_call(blok_c *self, const blok_item *item, const blok_node *node) {
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
      self, "blok_build_activation(builder, \"%s\", BLOK_ACT_%s, %s, %s, &%%s, error)", item->path,
      blok_c_activation(activation), blok_c_number(self, alpha), blok_c_number(self, beta));
}

// The same of other parts of one input.
static const char *part_call(blok_c *self, const blok_item *item, const blok_node *node) {
  long long window[3] = {0, 0, 0};
  const blok_fact *x = fact_of(self, blok_node_input(node, 0));
  if (x->dtype != BLOK_F32) return NULL;
  if (is_op(node, "MaxPool") && is_plain_pool(self, node, window)) {
    return blok_c_text(self, "blok_build_max_pool(builder, \"%s\", %lld, %lld, %lld, &%%s, error)",
                       item->path, window[0], window[1], window[2]);
  }
  if (is_op(node, "AveragePool") && is_plain_pool(self, node, window) && window[2] == 0) {
    return blok_c_text(self, "blok_build_average_pool(builder, \"%s\", %lld, %lld, 0, &%%s, error)",
                       item->path, window[0], window[1]);
  }
  if (is_op(node, "GlobalAveragePool") && x->rank == 4) {
    return blok_c_text(self, "blok_build_global_pool(builder, \"%s\", &%%s, error)", item->path);
  }
  if (is_op(node, "Flatten") && blok_node_int(node, "axis", 1) == 1) {
    return blok_c_text(self, "blok_build_flatten(builder, \"%s\", &%%s, error)", item->path);
  }
  return activation_call(self, item, node);
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

static const char *inputs_text(blok_c *self, const blok_item *item, const blok_node *node) {
  const char *text = "";
  uint32_t constants = 0, n = node->n_inputs;
  while (n && !node->inputs[n - 1].i) n--;
  for (uint32_t i = 0; i < n; i++) {
    const blok_value_id value = node->inputs[i];
    const char *one = value.i ? self->variables[value.i] : "BLOK_NO_VALUE_INIT";
    if (value.i && !one) {
      make_constant(self, item, i, value, constants);
      one = blok_c_text(self, "c%u", constants++);
    }
    text = blok_c_text(self, "%s%s%s", text, i ? ", " : "", value.i ? one : "{0}");
  }
  return n ? blok_c_text(self, "%u, (blok_value_id[]){%s}", n, text) : "0, NULL";
}

static blok_status write_call(blok_c *self, const blok_item *item, const blok_node *node,
                              blok_error *error) {
  const blok_graph *graph = self->outline->graph;
  const char *attrs = "", *inputs = NULL;
  if (*blok_node_domain(node)) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                     "%s node '%s' is of domain '%s', which has no call; take it out first",
                     blok_quote(node->op_type).text, blok_node_label(graph, node).text,
                     blok_quote(node->domain).text);
  }
  for (uint32_t i = 0; i < node->n_attrs; i++) {
    const char *one = attr_text(self, &node->attrs[i]);
    if (self->failed) return blok_fail_memory(error, 0);
    if (!one) {
      return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                       "%s node '%s': attribute '%s' is of a kind that no builder call takes; take "
                       "the node out first",
                       blok_quote(node->op_type).text, blok_node_label(graph, node).text,
                       blok_quote(node->attrs[i].name).text);
    }
    attrs = blok_c_text(self, "%s%s%s", attrs, i ? ", " : "", one);
  }
  inputs = inputs_text(self, item, node);
  attrs = node->n_attrs
              ? blok_c_text(self, "%u, (blok_build_attribute[]){%s}", node->n_attrs, attrs)
              : "0, NULL";
  self->needs[BLOK_C_CALL] = true;
  blok_page_put(self->page, "  TRY(call(builder, %s, \"%s\", %s,\n           %s, ",
                blok_c_quoted(self, node->op_type), item->path, inputs, attrs);
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
                "c0%s}, 1,\n           (blok_build_attribute[]){FLOAT(\"epsilon\", %sf)}, 1, &%s, "
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
  const char *part =
      node->n_inputs && self->variables[node->inputs[0].i] ? part_call(self, item, node) : NULL;
  if (!part) return write_call(self, item, node, error);
  const char *x = blok_c_begin(self, node->inputs[0], node->outputs[0]);
  const char *mark = strstr(part, "%s");
  blok_page_put(self->page, "  TRY(%.*s%s%s);\n", (int)(mark - part), part, x, mark + 2);
  return BLOK_OK;
}
