// What may leave: a node that came from another operator set is compared with the schema of the
// target, whatever rules have made of it.
#include <string.h>

#include "base/error.h"
#include "graph/schemas.h"
#include "passes/downgrade_rules.h"

// ---- Attributes that say nothing ----------------------------------------------------------------

// What later sets added, with the value that says what older ones do without it.
typedef struct later_attr {
  const char *op_type;  // NULL: of every operator
  const char *name;
  int64_t number;    // an integer, or every one of a list
  const char *text;  // a string; NULL: number counts
} later_attr;

static const later_attr later_attrs[] = {
    {"ArgMax", "select_last_index", 0, NULL},
    {"ArgMin", "select_last_index", 0, NULL},
    {"Attention", "left_window_size", -1, NULL},
    {"Attention", "right_window_size", -1, NULL},
    {"BatchNormalization", "training_mode", 0, NULL},
    {"DequantizeLinear", "block_size", 0, NULL},
    {"DequantizeLinear", "output_dtype", 0, NULL},
    {"GatherND", "batch_dims", 0, NULL},
    {"QuantizeLinear", "block_size", 0, NULL},
    {"QuantizeLinear", "output_dtype", 0, NULL},
    {"QuantizeLinear", "precision", 0, NULL},
    {"Range", "stash_type", 1, NULL},
    {"Resize", "antialias", 0, NULL},
    {"Resize", "keep_aspect_ratio_policy", 0, "stretch"},
    {"Shape", "start", 0, NULL},
    {"TopK", "largest", 1, NULL},
    {NULL, "allowzero", 0, NULL},
    {NULL, "ceil_mode", 0, NULL},
    {NULL, "dilations", 1, NULL},
    {NULL, "layout", 0, NULL},
    {NULL, "mode", 0, "DCR"},
    {NULL, "noop_with_empty_axes", 0, NULL},
    {NULL, "reduction", 0, "none"},
    {NULL, "round_mode", 0, "up"},
    {NULL, "saturate", 1, NULL},
    {NULL, "storage_order", 0, NULL},
};

static bool says_nothing(const blok_node *node, const later_attr *later, const blok_attr *attr) {
  if (later->op_type && strcmp(later->op_type, node->op_type) != 0) return false;
  if (!blok_text_equal(later->name, attr->name)) return false;
  if (later->text) return blok_node_text_is(node, attr->name, NULL, later->text);
  if (attr->type == BLOK_ATTR_INT && !attr->ref) return attr->as.i == later->number;
  if (attr->type != BLOK_ATTR_INTS || attr->ref) return false;
  for (uint32_t i = 0; i < attr->n; i++) {
    if (attr->as.ints[i] != later->number) return false;
  }
  return true;
}

static void drop_defaults(blok_downgrading *self, const blok_schema *schema) {
  blok_node *node = blok_down_node(self);
  for (uint32_t i = node->n_attrs; i-- > 0;) {
    const blok_attr *attr = &node->attrs[i];
    if (!attr->name || blok_schema_attr_find(schema, attr->name)) continue;
    for (size_t k = 0; k < sizeof later_attrs / sizeof later_attrs[0]; k++) {
      if (!says_nothing(node, &later_attrs[k], attr)) continue;
      blok_node_drop_attr(self->graph, self->node, attr->name);
      break;
    }
  }
}

// ---- Comparing ----------------------------------------------------------------------------------

// The first set above the target in which holds(schema) is true, 0 when there is none.
typedef bool (*schema_test)(const blok_schema *schema, const void *what);

static int64_t came_with(const blok_downgrading *self, schema_test holds, const void *what) {
  int64_t newest = blok_schema_latest_opset("");
  for (int64_t opset = self->opset + 1; opset <= newest; opset++) {
    const blok_schema *schema = blok_schema_find("", blok_down_node(self)->op_type, opset);
    if (schema && !schema->deprecated && holds(schema, what)) return schema->since_version;
  }
  return 0;
}

static bool exists(const blok_schema *schema, const void *what) {
  (void)schema;
  (void)what;
  return true;
}

static blok_status check_exists(blok_downgrading *self, const blok_schema *schema,
                                blok_error *error) {
  if (schema && !schema->deprecated) return BLOK_OK;
  if (schema) {
    return blok_down_fail(self, error, "it is not to be used since set %d", schema->since_version);
  }
  int64_t since = came_with(self, exists, NULL);
  if (!since) return blok_down_fail(self, error, "ONNX has no such operator");
  return blok_down_fail(self, error, "it came with %lld", (long long)since);
}

static bool has_attr(const blok_schema *schema, const void *what) {
  return blok_schema_attr_find(schema, what) != NULL;
}

static blok_status check_attrs(blok_downgrading *self, const blok_schema *schema,
                               blok_error *error) {
  const blok_node *node = blok_down_node(self);
  for (uint32_t i = 0; i < node->n_attrs; i++) {
    const char *name = node->attrs[i].name;
    if (!name || blok_schema_attr_find(schema, name)) continue;
    int64_t since = came_with(self, has_attr, name);
    if (!since) {
      return blok_down_fail(self, error, "it has no attribute %s there", blok_quote(name).text);
    }
    return blok_down_fail(self, error, "its attribute %s came with %lld", blok_quote(name).text,
                          (long long)since);
  }
  for (size_t i = 0; i < schema->attr_count; i++) {
    const blok_schema_attr *attr = blok_schema_attr_at(schema, i);
    const char *name = blok_schema_text(attr->name);
    if (!attr->required || blok_node_attr(node, name)) continue;
    return blok_down_fail(self, error, "its attribute %s must be given there", name);
  }
  return BLOK_OK;
}

static uint32_t used(const blok_value_id *slots, uint32_t n) {
  while (n && !slots[n - 1].i) n--;
  return n;
}

typedef struct counts {
  uint32_t inputs, outputs;
} counts;

static bool has_counts(const blok_schema *schema, const void *what) {
  const counts *wanted = what;
  return (schema->max_inputs == BLOK_SCHEMA_UNBOUNDED || wanted->inputs <= schema->max_inputs) &&
         (schema->max_outputs == BLOK_SCHEMA_UNBOUNDED || wanted->outputs <= schema->max_outputs);
}

static blok_status check_counts(blok_downgrading *self, const blok_schema *schema,
                                blok_error *error) {
  const blok_node *node = blok_down_node(self);
  counts has = {used(node->inputs, node->n_inputs), used(node->outputs, node->n_outputs)};
  if (!has_counts(schema, &has)) {
    return blok_down_fail(self, error, "%u inputs and %u outputs came with %lld", has.inputs,
                          has.outputs, (long long)came_with(self, has_counts, &has));
  }
  for (uint32_t i = 0; i < schema->input_count; i++) {
    const blok_schema_formal *formal = blok_schema_input(schema, i);
    bool needed = formal->option == BLOK_FORMAL_SINGLE;
    if (!needed || blok_node_input(node, i).i) continue;
    return blok_down_fail(self, error, "its input %s must be given there",
                          blok_schema_text(formal->name));
  }
  return BLOK_OK;
}

// ---- Types --------------------------------------------------------------------------------------

// What is asked of later sets: element type of the value at one slot.
typedef struct typed_slot {
  bool output;
  uint32_t slot;
  blok_type_kind kind;  // of the value
  blok_dtype dtype;     // of its elements
} typed_slot;

static const blok_schema_formal *formal_of(const blok_schema *schema, const typed_slot *at) {
  if (!at->output) return blok_schema_input_of_slot(schema, at->slot);
  uint32_t last = schema->output_count ? schema->output_count - 1U : 0;
  return blok_schema_output(schema, at->slot < last ? at->slot : last);
}

static bool allows(const blok_schema *schema, const void *what) {
  const typed_slot *at = what;
  const blok_schema_formal *formal = formal_of(schema, at);
  const blok_schema_rule *rule = formal ? blok_schema_rule_at(schema, formal->rule) : NULL;
  if (!rule || rule->other) return true;
  uint32_t mask = at->kind == BLOK_TYPE_TENSOR     ? rule->tensor
                  : at->kind == BLOK_TYPE_SEQUENCE ? rule->sequence
                                                   : rule->optional | rule->optional_sequence;
  if (at->dtype == BLOK_UNDEFINED) return mask != 0;
  return at->dtype < 32 && (mask >> at->dtype & 1U) != 0;
}

static typed_slot type_of(const blok_downgrading *self, bool output, uint32_t slot) {
  const blok_node *node = blok_down_node(self);
  blok_value_id value = output ? blok_node_output(node, slot) : blok_node_input(node, slot);
  typed_slot out = {output, slot, BLOK_TYPE_NONE, blok_down_dtype(self, value)};
  const blok_fact *fact = NULL;
  if (!value.i) return out;
  if (self->facts) fact = blok_facts_of(self->facts, value);
  if (fact) out.kind = fact->kind;
  if (out.dtype != BLOK_UNDEFINED) out.kind = BLOK_TYPE_TENSOR;
  bool inner = fact && fact->type && fact->type->element;
  if (inner && fact->kind == BLOK_TYPE_SEQUENCE) out.dtype = fact->type->element->dtype;
  return out;
}

static blok_status check_type(blok_downgrading *self, const blok_schema *schema,
                              const typed_slot *at, blok_error *error) {
  if (at->kind != BLOK_TYPE_TENSOR && at->kind != BLOK_TYPE_SEQUENCE &&
      at->kind != BLOK_TYPE_OPTIONAL) {
    return BLOK_OK;
  }
  if (allows(schema, at)) return BLOK_OK;
  const char *kind = at->kind == BLOK_TYPE_SEQUENCE   ? "a sequence as "
                     : at->kind == BLOK_TYPE_OPTIONAL ? "an optional as "
                                                      : "";
  const char *dtype = at->kind == BLOK_TYPE_TENSOR ? blok_dtype_name(at->dtype) : "its";
  int64_t since = came_with(self, allows, at);
  if (!since) {
    return blok_down_fail(self, error, "it never took %s%s as %s %u", kind, dtype,
                          at->output ? "output" : "input", at->slot);
  }
  return blok_down_fail(self, error, "%s%s %s %u came with %lld", kind, dtype,
                        at->output ? "output" : "input", at->slot, (long long)since);
}

// Formals of one rule have one type; older sets gave one rule to what later has two.
static blok_status check_same(blok_downgrading *self, const blok_schema *schema,
                              const typed_slot *at, blok_dtype *of_rule, blok_error *error) {
  const blok_schema_formal *formal = formal_of(schema, at);
  if (!formal || formal->heterogeneous || at->dtype == BLOK_UNDEFINED) return BLOK_OK;
  blok_dtype *seen = &of_rule[formal->rule];
  if (*seen == BLOK_UNDEFINED) *seen = at->dtype;
  if (*seen == at->dtype) return BLOK_OK;
  return blok_down_fail(self, error, "%s and %s must be of one type there", blok_dtype_name(*seen),
                        blok_dtype_name(at->dtype));
}

static blok_status check_types(blok_downgrading *self, const blok_schema *schema,
                               blok_error *error) {
  blok_dtype of_rule[UINT8_MAX + 1] = {BLOK_UNDEFINED};
  const blok_node *node = blok_down_node(self);
  for (uint32_t i = 0; i < node->n_inputs + node->n_outputs; i++) {
    bool output = i >= node->n_inputs;
    typed_slot at = type_of(self, output, output ? i - node->n_inputs : i);
    BLOK_TRY(check_type(self, schema, &at, error));
    if (at.kind == BLOK_TYPE_TENSOR) BLOK_TRY(check_same(self, schema, &at, of_rule, error));
  }
  return BLOK_OK;
}

// ---- Operators whose meaning changed ------------------------------------------------------------

// Operators without rules that say the same otherwise from this set on.
static blok_status check_meaning(const blok_downgrading *self, int64_t from, blok_error *error) {
  static const struct {
    const char *op_type;
    int64_t at;
  } changes[] = {
      {"DFT", 20},
      {"DequantizeLinear", 13},
      {"GRU", 7},
      {"GridSample", 20},
      {"LSTM", 7},
      {"Multinomial", 7},
      {"QuantizeLinear", 13},
      {"RoiAlign", 16},
      {"RNN", 7},
      {"Scan", 9},
  };
  const blok_node *node = blok_down_node(self);
  for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
    int64_t at = changes[i].at;
    bool crossed =
        from < self->opset ? from < at && at <= self->opset : self->opset < at && at <= from;
    if (!crossed || strcmp(changes[i].op_type, node->op_type) != 0) continue;
    return blok_down_fail(self, error, "its meaning changed with %lld, and it is not rewritten",
                          (long long)at);
  }
  return BLOK_OK;
}

blok_status blok_downgrade_settle(blok_downgrading *self, int64_t from, blok_error *error) {
  const blok_schema *schema = blok_schema_find("", blok_down_node(self)->op_type, self->opset);
  BLOK_TRY(check_exists(self, schema, error));
  BLOK_TRY(check_meaning(self, from, error));
  drop_defaults(self, schema);
  BLOK_TRY(check_attrs(self, schema, error));
  BLOK_TRY(check_counts(self, schema, error));
  return check_types(self, schema, error);
}
