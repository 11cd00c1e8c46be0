// What the downgrade rules share: what is known of a node's inputs, and nodes made in the form that
// the target set has. See downgrade_rules.h.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "graph/schemas.h"
#include "passes/downgrade_rules.h"
#include "passes/evaluate.h"
#include "passes/known.h"
#include "passes/rewrite.h"
#include "reference/reference.h"

// Values of more elements are not looked into.
#define LARGEST_KNOWN 65536

// ---- Asking -------------------------------------------------------------------------------------

blok_status blok_down_fail(const blok_downgrading *self, blok_error *error, const char *format,
                           ...) {
  char text[BLOK_ERROR_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  const blok_node *node = blok_down_node(self);
  return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                   "%s node '%s' cannot be written in operator set %lld: %s",
                   blok_quote(node->op_type).text, blok_node_label(self->graph, node).text,
                   (long long)self->opset, text);
}

blok_node *blok_down_node(const blok_downgrading *self) {
  return blok_node_at(self->graph, self->node);
}

blok_value_id blok_down_input(const blok_downgrading *self, uint32_t slot) {
  return blok_node_input(blok_down_node(self), slot);
}

static const blok_fact *fact_of(const blok_downgrading *self, blok_value_id value) {
  static const blok_fact nothing = {.kind = BLOK_TYPE_NONE, .rank = -1};
  return self->facts ? blok_facts_of(self->facts, value) : &nothing;
}

const blok_fact *blok_down_in(const blok_downgrading *self, uint32_t slot) {
  return fact_of(self, blok_down_input(self, slot));
}

const blok_fact *blok_down_out(const blok_downgrading *self) {
  return fact_of(self, blok_node_output(blok_down_node(self), 0));
}

blok_dtype blok_down_dtype(const blok_downgrading *self, blok_value_id value) {
  if (!value.i) return BLOK_UNDEFINED;
  const blok_value *of = blok_value_at(self->graph, value);
  if (of->literal) return of->literal->dtype;
  blok_dtype dtype = fact_of(self, value)->dtype;
  bool noted = dtype == BLOK_UNDEFINED && of->type && of->type->kind == BLOK_TYPE_TENSOR;
  return noted ? of->type->dtype : dtype;
}

blok_status blok_down_float(const blok_downgrading *self, uint32_t slot, blok_dtype *out,
                            blok_error *error) {
  *out = blok_down_dtype(self, blok_down_input(self, slot));
  if (blok_dtype_is_float(*out)) return BLOK_OK;
  if (*out == BLOK_UNDEFINED) {
    return blok_down_fail(self, error, "the element type of its input %u is not known", slot);
  }
  return blok_down_fail(self, error, "%s elements cannot be spelled out", blok_dtype_name(*out));
}

blok_status blok_down_rank(const blok_downgrading *self, uint32_t slot, uint32_t *out,
                           blok_error *error) {
  blok_value_id value = blok_down_input(self, slot);
  const blok_literal *literal = value.i ? blok_value_at(self->graph, value)->literal : NULL;
  int32_t rank = literal ? (int32_t)literal->rank : fact_of(self, value)->rank;
  *out = 0;
  if (rank < 0) return blok_down_fail(self, error, "the rank of its input %u is not known", slot);
  *out = (uint32_t)rank;
  return BLOK_OK;
}

blok_status blok_down_tensor(const blok_downgrading *self, blok_value_id value,
                             const blok_tensor **out, blok_error *error) {
  *out = NULL;
  if (!value.i) return BLOK_OK;
  const blok_literal *literal = blok_value_at(self->graph, value)->literal;
  size_t count = 0;
  size_t bytes = 0;
  if (!literal) {
    *out = fact_of(self, value)->tensor;
    return BLOK_OK;
  }
  if (!blok_literal_readable(literal, &count, &bytes) || count > LARGEST_KNOWN) return BLOK_OK;
  blok_tensor *tensor = NULL;
  BLOK_TRY(blok_literal_tensor(literal, &self->graph->module->arena, &tensor, error));
  *out = tensor;
  return BLOK_OK;
}

blok_status blok_down_ints(const blok_downgrading *self, uint32_t slot, blok_down_list *out,
                           blok_error *error) {
  const blok_tensor *tensor = NULL;
  *out = (blok_down_list){false, 0, NULL};
  BLOK_TRY(blok_down_tensor(self, blok_down_input(self, slot), &tensor, error));
  if (!tensor || tensor->rank > 1 || !blok_dtype_is_integer(tensor->dtype)) return BLOK_OK;
  size_t count = blok_ref_count(tensor);
  out->values = blok_arena_array(&self->graph->module->arena, count ? count : 1, sizeof(int64_t));
  if (!out->values) return blok_fail_memory(error, count * sizeof(int64_t));
  for (size_t i = 0; i < count; i++) out->values[i] = blok_ref_load_i64(tensor, i);
  out->n = (uint32_t)count;
  out->known = true;
  return BLOK_OK;
}

blok_status blok_down_axes(const blok_downgrading *self, int32_t rank, int64_t *axes, uint32_t n,
                           blok_error *error) {
  for (uint32_t i = 0; i < n; i++) {
    if (axes[i] >= 0) continue;
    if (rank < 0) {
      return blok_down_fail(self, error, "axis %lld needs an input of known rank",
                            (long long)axes[i]);
    }
    axes[i] += rank;
    if (axes[i] >= 0) continue;
    return blok_down_fail(self, error, "axis %lld is out of range for rank %d",
                          (long long)(axes[i] - rank), rank);
  }
  return BLOK_OK;
}

blok_status blok_down_axis(const blok_downgrading *self, int64_t fallback, int64_t *out,
                           blok_error *error) {
  *out = blok_node_int(blok_down_node(self), "axis", fallback);
  return blok_down_axes(self, blok_down_in(self, 0)->rank, out, 1, error);
}

// ---- Writing ------------------------------------------------------------------------------------

// Notes the element type of a value that was made, for the nodes behind it.
static blok_status note_dtype(blok_downgrading *self, blok_value_id value, blok_dtype dtype,
                              blok_error *error) {
  blok_type *type = NULL;
  if (dtype == BLOK_UNDEFINED) return BLOK_OK;
  type = blok_type_tensor(&self->graph->module->arena, dtype, 0, NULL);
  if (!type) return blok_fail_memory(error, sizeof *type);
  type->has_shape = false;
  blok_value_at(self->graph, value)->type = type;
  return BLOK_OK;
}

// The type that a node's output has by its schema: an input's, or the only one there is.
static blok_dtype made_dtype(const blok_downgrading *self, const char *op_type, uint32_t n,
                             const blok_value_id *inputs) {
  const blok_schema *schema = blok_schema_find("", op_type, self->opset);
  const blok_schema_formal *out = schema ? blok_schema_output(schema, 0) : NULL;
  if (!out) return BLOK_UNDEFINED;
  for (uint32_t i = 0; i < n; i++) {
    const blok_schema_formal *in = blok_schema_input_of_slot(schema, i);
    if (in && in->rule == out->rule) return blok_down_dtype(self, inputs[i]);
  }
  const blok_schema_rule *rule = blok_schema_rule_at(schema, out->rule);
  for (int d = 1; rule && d < 32; d++) {
    if (rule->tensor == 1U << d) return (blok_dtype)d;
  }
  return BLOK_UNDEFINED;
}

blok_status blok_down_make(blok_downgrading *self, const char *op_type, uint32_t n,
                           const blok_value_id *inputs, blok_node_id *made, blok_value_id *out,
                           blok_error *error) {
  blok_graph *graph = self->graph;
  blok_node_id id = BLOK_NO_NODE;
  BLOK_TRY(blok_rewrite_node(graph, self->node, op_type, n, inputs, BLOK_NO_VALUE, &id, error));
  blok_node *node = blok_node_at(graph, id);
  const blok_node *like = blok_down_node(self);
  node->opset = self->opset;
  node->domain = like->domain;
  node->notes = like->notes;
  node->scope = like->scope;
  // Its own name: that of its output, which is unique.
  if (node->name) node->name = blok_value_at(graph, node->outputs[0])->name;
  if (made) *made = id;
  *out = node->outputs[0];
  return note_dtype(self, *out, made_dtype(self, op_type, n, inputs), error);
}

blok_status blok_down_before(blok_downgrading *self, const char *op_type, blok_value_id a,
                             blok_value_id b, blok_value_id *out, blok_error *error) {
  blok_value_id inputs[2] = {a, b};
  return blok_down_make(self, op_type, b.i ? 2 : 1, inputs, NULL, out, error);
}

blok_status blok_down_become(blok_downgrading *self, const char *op_type, blok_value_id a,
                             blok_value_id b, blok_error *error) {
  uint32_t n = b.i ? 2 : a.i ? 1 : 0;
  BLOK_TRY(blok_node_resize_inputs(self->graph, self->node, n, error));
  blok_node_set_op(self->graph, self->node, op_type);
  blok_down_node(self)->n_attrs = 0;
  if (n > 0) blok_graph_set_input(self->graph, self->node, 0, a);
  if (n > 1) blok_graph_set_input(self->graph, self->node, 1, b);
  return BLOK_OK;
}

// Below 9 a Constant was a float: other elements become an initializer in the node's place.
static blok_status become_initializer(blok_downgrading *self, blok_literal *literal,
                                      blok_error *error) {
  blok_graph *graph = self->graph;
  blok_value_id out = blok_node_output(blok_down_node(self), 0);
  if (!out.i) return BLOK_OK;
  if (blok_value_at(graph, out)->is_output) {
    const char *name = NULL;
    blok_value_id value = BLOK_NO_VALUE;
    BLOK_TRY(blok_graph_new_name(graph, blok_value_at(graph, out)->name, &name, error));
    BLOK_TRY(blok_graph_add_value(graph, name, &value, error));
    BLOK_TRY(blok_rewrite_share(graph, value, literal, literal->rank, literal->dims, error));
    return blok_down_become(self, "Identity", value, BLOK_NO_VALUE, error);
  }
  blok_graph_remove_node(graph, self->node);
  return blok_rewrite_share(graph, out, literal, literal->rank, literal->dims, error);
}

// Makes literal the value of a Constant node.
static blok_status set_value(blok_graph *graph, blok_node_id id, blok_literal *literal,
                             blok_error *error) {
  blok_attr *attr = blok_arena_zero(&graph->module->arena, sizeof *attr);
  if (!attr) return blok_fail_memory(error, sizeof *attr);
  attr->name = "value";
  attr->type = BLOK_ATTR_TENSOR;
  attr->has_type = true;
  attr->n = 1;
  attr->as.literal = literal;
  blok_node_at(graph, id)->attrs = attr;
  blok_node_at(graph, id)->n_attrs = 1;
  return BLOK_OK;
}

blok_status blok_down_literal(blok_downgrading *self, blok_literal *literal, blok_error *error) {
  if (self->opset < 9 && !blok_dtype_is_float(literal->dtype)) {
    return become_initializer(self, literal, error);
  }
  BLOK_TRY(blok_down_become(self, "Constant", BLOK_NO_VALUE, BLOK_NO_VALUE, error));
  return set_value(self->graph, self->node, literal, error);
}

static blok_status make_literal(blok_module *module, const blok_tensor *tensor, blok_literal **out,
                                blok_error *error) {
  BLOK_TRY(blok_literal_make(&module->arena, tensor->dtype, tensor->rank, tensor->dims,
                             tensor->data, tensor->bytes, out, error));
  return blok_module_keep_literal(module, *out, error);
}

blok_status blok_down_constant(blok_downgrading *self, const blok_tensor *tensor,
                               blok_error *error) {
  blok_literal *literal = NULL;
  BLOK_TRY(make_literal(self->graph->module, tensor, &literal, error));
  return blok_down_literal(self, literal, error);
}

blok_status blok_down_constant_before(blok_downgrading *self, const blok_tensor *tensor,
                                      blok_value_id *out, blok_error *error) {
  blok_literal *literal = NULL;
  blok_node_id made = BLOK_NO_NODE;
  BLOK_TRY(make_literal(self->graph->module, tensor, &literal, error));
  BLOK_TRY(blok_down_make(self, "Constant", 0, NULL, &made, out, error));
  BLOK_TRY(set_value(self->graph, made, literal, error));
  return note_dtype(self, *out, tensor->dtype, error);
}

void blok_down_cut(blok_downgrading *self, uint32_t keep) {
  blok_node *node = blok_down_node(self);
  if (node->n_inputs > keep) node->n_inputs = keep;
  while (node->n_inputs && !node->inputs[node->n_inputs - 1].i) node->n_inputs--;
}

blok_value_id blok_down_release(blok_downgrading *self, uint32_t slot) {
  blok_node *node = blok_down_node(self);
  blok_value_id out = blok_node_output(node, slot);
  if (!out.i) return out;
  blok_value_at(self->graph, out)->producer = BLOK_NO_NODE;
  node->outputs[slot] = BLOK_NO_VALUE;
  while (node->n_outputs > 1 && !node->outputs[node->n_outputs - 1].i) node->n_outputs--;
  return out;
}

blok_status blok_down_number(blok_downgrading *self, const char *what, blok_dtype dtype,
                             double value, blok_value_id *out, blok_error *error) {
  return blok_rewrite_number(self->graph, self->node, what, dtype, value, out, error);
}

blok_status blok_down_numbers(blok_downgrading *self, const char *what, blok_dtype dtype,
                              uint32_t rank, const int64_t *dims, const void *elements,
                              blok_value_id *out, blok_error *error) {
  blok_graph *graph = self->graph;
  const blok_node *node = blok_down_node(self);
  const char *of = node->op_type;
  if (blok_node_output(node, 0).i) of = blok_value_at(graph, node->outputs[0])->name;
  if (node->name && node->name[0]) of = node->name;
  const char *stem = blok_arena_format(&graph->module->arena, "%s/%s", of, what);
  if (!stem) return blok_fail_memory(error, 0);
  return blok_graph_add_constant(graph, stem, dtype, rank, dims, elements, out, error);
}

blok_status blok_down_to_attr(blok_downgrading *self, uint32_t slot, const char *name,
                              blok_error *error) {
  blok_down_list list;
  if (!blok_down_input(self, slot).i) return BLOK_OK;
  BLOK_TRY(blok_down_ints(self, slot, &list, error));
  if (!list.known) return blok_down_fail(self, error, "%s must be constant there", name);
  BLOK_TRY(blok_node_set_ints(self->graph, self->node, name, list.values, list.n, error));
  blok_graph_set_input(self->graph, self->node, slot, BLOK_NO_VALUE);
  return BLOK_OK;
}

blok_status blok_down_cast(blok_downgrading *self, blok_value_id x, blok_dtype to,
                           blok_value_id *out, blok_error *error) {
  blok_node_id made = BLOK_NO_NODE;
  BLOK_TRY(blok_down_make(self, "Cast", 1, &x, &made, out, error));
  BLOK_TRY(note_dtype(self, *out, to, error));
  return blok_node_set_int(self->graph, made, "to", to, error);
}

blok_status blok_down_transpose(blok_downgrading *self, blok_value_id x, const int64_t *perm,
                                uint32_t rank, blok_value_id *out, blok_error *error) {
  blok_node_id made = BLOK_NO_NODE;
  BLOK_TRY(blok_down_make(self, "Transpose", 1, &x, &made, out, error));
  return blok_node_set_ints(self->graph, made, "perm", perm, rank, error);
}

blok_status blok_down_reshape(blok_downgrading *self, blok_value_id x, const int64_t *shape,
                              uint32_t n, blok_value_id *out, blok_error *error) {
  blok_value_id list = BLOK_NO_VALUE;
  BLOK_TRY(blok_rewrite_ints(self->graph, self->node, "shape", shape, n, &list, error));
  return blok_down_before(self, "Reshape", x, list, out, error);
}

// op_type(x) over axes, given as an input from set `from` on.
static blok_status with_axes(blok_downgrading *self, const char *op_type, int64_t from,
                             blok_value_id x, const int64_t *axes, uint32_t n, blok_value_id *out,
                             blok_error *error) {
  blok_node_id made = BLOK_NO_NODE;
  blok_value_id list = BLOK_NO_VALUE;
  if (self->opset >= from) {
    BLOK_TRY(blok_rewrite_ints(self->graph, self->node, "axes", axes, n, &list, error));
    return blok_down_before(self, op_type, x, list, out, error);
  }
  BLOK_TRY(blok_down_make(self, op_type, 1, &x, &made, out, error));
  return blok_node_set_ints(self->graph, made, "axes", axes, n, error);
}

blok_status blok_down_reduce(blok_downgrading *self, const char *op_type, blok_value_id x,
                             const int64_t *axes, uint32_t n, blok_value_id *out,
                             blok_error *error) {
  int64_t from = strcmp(op_type, "ReduceSum") == 0 ? 13 : 18;
  return with_axes(self, op_type, from, x, axes, n, out, error);
}

blok_status blok_down_unsqueeze(blok_downgrading *self, blok_value_id x, const int64_t *axes,
                                uint32_t n, blok_value_id *out, blok_error *error) {
  return with_axes(self, "Unsqueeze", 13, x, axes, n, out, error);
}

// ---- Max and Min --------------------------------------------------------------------------------

// Integers had no Max and Min below 12. From 9 on a comparison picks one; before, doubles hold
// integers of up to 32 bits exactly.
static blok_status extreme_integers(blok_downgrading *self, const char *op_type, blok_value_id a,
                                    blok_value_id b, blok_dtype dtype, blok_value_id *out,
                                    blok_error *error) {
  if (self->opset >= 9) {
    const char *compare = strcmp(op_type, "Max") == 0 ? "Greater" : "Less";
    blok_value_id inputs[3] = {BLOK_NO_VALUE, a, b};
    BLOK_TRY(blok_down_before(self, compare, a, b, &inputs[0], error));
    return blok_down_make(self, "Where", 3, inputs, NULL, out, error);
  }
  if (blok_dtype_bits(dtype) > 32) {
    return blok_down_fail(self, error, "the largest and smallest of %s values came with 9",
                          blok_dtype_name(dtype));
  }
  BLOK_TRY(blok_down_cast(self, a, BLOK_F64, &a, error));
  BLOK_TRY(blok_down_cast(self, b, BLOK_F64, &b, error));
  BLOK_TRY(blok_down_extreme(self, op_type, a, b, BLOK_F64, out, error));
  return blok_down_cast(self, *out, dtype, out, error);
}

// The single number that value is, for Clip's attributes; false when it is none.
static blok_status one_number(const blok_downgrading *self, blok_value_id value, float *out,
                              bool *is, blok_error *error) {
  const blok_tensor *tensor = NULL;
  *is = false;
  BLOK_TRY(blok_down_tensor(self, value, &tensor, error));
  if (!tensor || blok_ref_count(tensor) != 1 || tensor->rank > 1) return BLOK_OK;
  double number = blok_ref_load(tensor, 0);
  *out = (float)number;
  *is = (double)*out == number;
  return BLOK_OK;
}

// Max and Min did not broadcast below 8; a Clip has one bound for all.
static blok_status extreme_by_clip(blok_downgrading *self, const char *op_type, blok_value_id a,
                                   blok_value_id b, blok_value_id *out, blok_error *error) {
  float bound = 0;
  bool single = false;
  blok_node_id made = BLOK_NO_NODE;
  BLOK_TRY(one_number(self, b, &bound, &single, error));
  if (!single) {
    blok_value_id swapped = a;
    a = b;
    b = swapped;
    BLOK_TRY(one_number(self, b, &bound, &single, error));
  }
  if (!single) return blok_down_fail(self, error, "%s broadcasts from set 8 on", op_type);
  BLOK_TRY(blok_down_make(self, "Clip", 1, &a, &made, out, error));
  return blok_node_set_float(self->graph, made, strcmp(op_type, "Max") == 0 ? "min" : "max", bound,
                             error);
}

blok_status blok_down_extreme(blok_downgrading *self, const char *op_type, blok_value_id a,
                              blok_value_id b, blok_dtype dtype, blok_value_id *out,
                              blok_error *error) {
  bool integer = blok_dtype_is_integer(dtype);
  if (integer && self->opset < 12) {
    return extreme_integers(self, op_type, a, b, dtype, out, error);
  }
  bool same = blok_same_shape(fact_of(self, a), fact_of(self, b));
  if (self->opset < 8 && !same) return extreme_by_clip(self, op_type, a, b, out, error);
  return blok_down_before(self, op_type, a, b, out, error);
}
