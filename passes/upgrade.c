// The table of upgrade rules, and what they share. See upgrade.h.
#include "passes/upgrade.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "passes/rewrite.h"
#include "reference/reference.h"

// A rule concerns nodes of op_type whose version is lower than below.
typedef struct upgrade_rule {
  const char *op_type;
  int64_t below;
  blok_upgrade_fn apply;
  bool facts;  // needs ranks or element types
} upgrade_rule;

#define EVERY_VERSION INT64_MAX

// Rows of one operator apply in the order written.
static const upgrade_rule rules[] = {
    {"Add", 7, blok_upgrade_broadcast, true},
    {"And", 7, blok_upgrade_broadcast, true},
    {"BatchNormalization", 14, blok_upgrade_batch_norm, true},
    {"Cast", 6, blok_upgrade_cast, false},
    {"Clip", 11, blok_upgrade_clip, true},
    {"Concat", 4, blok_upgrade_concat, false},
    {"Div", 7, blok_upgrade_broadcast, true},
    {"Dropout", 12, blok_upgrade_dropout, false},
    {"Equal", 7, blok_upgrade_broadcast, true},
    {"Gemm", 7, blok_upgrade_gemm, false},
    {"Greater", 7, blok_upgrade_broadcast, true},
    {"GroupNormalization", 21, blok_upgrade_group_norm, true},
    {"Hardmax", 13, blok_upgrade_softmax, true},
    {"Less", 7, blok_upgrade_broadcast, true},
    {"LogSoftmax", 13, blok_upgrade_softmax, true},
    {"Mul", 7, blok_upgrade_broadcast, true},
    {"Or", 7, blok_upgrade_broadcast, true},
    {"PRelu", 7, blok_upgrade_prelu, true},
    {"Pad", 11, blok_upgrade_pad, true},
    {"Pow", 7, blok_upgrade_broadcast, true},
    {"ReduceL1", 18, blok_upgrade_reduce, false},
    {"ReduceL2", 18, blok_upgrade_reduce, false},
    {"ReduceLogSum", 18, blok_upgrade_reduce, false},
    {"ReduceLogSumExp", 18, blok_upgrade_reduce, false},
    {"ReduceMax", 18, blok_upgrade_reduce, false},
    {"ReduceMean", 18, blok_upgrade_reduce, false},
    {"ReduceMin", 18, blok_upgrade_reduce, false},
    {"ReduceProd", 18, blok_upgrade_reduce, false},
    {"ReduceSum", 13, blok_upgrade_reduce, false},
    {"ReduceSumSquare", 18, blok_upgrade_reduce, false},
    {"Reshape", 5, blok_upgrade_reshape, false},
    {"Resize", 11, blok_upgrade_resize10, false},
    {"Resize", EVERY_VERSION, blok_upgrade_resize, true},
    {"Scan", 9, blok_upgrade_scan, false},
    {"Scatter", 11, blok_upgrade_scatter, false},
    {"Selu", 6, blok_upgrade_selu, false},
    {"Slice", 10, blok_upgrade_slice, false},
    {"Softmax", 13, blok_upgrade_softmax, true},
    {"Split", 18, blok_upgrade_split, false},
    {"Squeeze", 13, blok_upgrade_squeeze, false},
    {"Sub", 7, blok_upgrade_broadcast, true},
    {"Tile", 6, blok_upgrade_tile, false},
    {"TopK", 10, blok_upgrade_top_k, false},
    {"Unsqueeze", 13, blok_upgrade_squeeze, false},
    {"Upsample", 10, blok_upgrade_upsample, false},
    {"Xor", 7, blok_upgrade_broadcast, true},
};

#define RULES (sizeof rules / sizeof rules[0])

// The first of op_type's rows, RULES when it has none.
static size_t first_rule(const char *op_type) {
  for (size_t i = 0; i < RULES; i++) {
    if (rules[i].op_type[0] == op_type[0] && strcmp(rules[i].op_type, op_type) == 0) return i;
  }
  return RULES;
}

bool blok_upgrade_needs_facts(const char *op_type, int64_t version) {
  for (size_t i = first_rule(op_type); i < RULES; i++) {
    if (strcmp(rules[i].op_type, op_type) != 0) break;
    if (version < rules[i].below && rules[i].facts) return true;
  }
  return false;
}

bool blok_upgrade_crosses(const char *op_type, int64_t from, int64_t to) {
  for (size_t i = first_rule(op_type); i < RULES; i++) {
    if (strcmp(rules[i].op_type, op_type) != 0) break;
    if (from < rules[i].below && rules[i].below <= to) return true;
  }
  return false;
}

bool blok_upgrade_knows(const blok_node *node) {
  if (node->op != BLOK_OP_UNKNOWN) return true;
  return blok_node_domain(node)[0] == '\0' &&
         (strcmp(node->op_type, "Upsample") == 0 || strcmp(node->op_type, "Scatter") == 0);
}

blok_status blok_upgrade_node(blok_upgrade *upgrade, blok_error *error) {
  const char *op_type = blok_node_at(upgrade->graph, upgrade->node)->op_type;
  // Version 1 told executors which inputs they may overwrite.
  if (upgrade->version < 6) {
    blok_node_drop_attr(upgrade->graph, upgrade->node, "consumed_inputs");
  }
  for (size_t i = first_rule(op_type); i < RULES; i++) {
    if (strcmp(rules[i].op_type, op_type) != 0) break;
    if (upgrade->version < rules[i].below) BLOK_TRY(rules[i].apply(upgrade, error));
  }
  return upgrade->placed ? BLOK_OK : blok_upgrade_place(upgrade, error);
}

blok_status blok_upgrade_place(blok_upgrade *upgrade, blok_error *error) {
  upgrade->placed = true;
  return blok_rewrite_keep(upgrade->graph, upgrade->node, error);
}

blok_status blok_upgrade_fail(const blok_upgrade *upgrade, blok_error *error, blok_status status,
                              const char *format, ...) {
  char text[BLOK_ERROR_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  const blok_node *node = blok_node_at(upgrade->graph, upgrade->node);
  return BLOK_FAIL(error, status, "%s node '%s' (version %lld): %s", blok_quote(node->op_type).text,
                   blok_node_label(upgrade->graph, node).text, (long long)upgrade->version, text);
}

const blok_fact *blok_upgrade_in(const blok_upgrade *upgrade, uint32_t slot) {
  static const blok_fact nothing = {.kind = BLOK_TYPE_NONE, .rank = -1};
  if (!upgrade->facts) return &nothing;
  const blok_node *node = blok_node_at(upgrade->graph, upgrade->node);
  return blok_facts_of(upgrade->facts, blok_node_input(node, slot));
}

blok_status blok_upgrade_ints(blok_upgrade *upgrade, const char *name, uint32_t slot,
                              blok_error *error) {
  const blok_node *node = blok_node_at(upgrade->graph, upgrade->node);
  const blok_attr *attr = blok_node_attr(node, name);
  if (!attr) return BLOK_OK;
  if (attr->type != BLOK_ATTR_INTS) {
    return blok_upgrade_fail(upgrade, error, BLOK_E_MALFORMED,
                             "attribute %s is not a list of integers", name);
  }
  blok_value_id value = BLOK_NO_VALUE;
  BLOK_TRY(blok_rewrite_ints(upgrade->graph, upgrade->node, name, attr->as.ints, attr->n, &value,
                             error));
  blok_node_drop_attr(upgrade->graph, upgrade->node, name);
  return blok_rewrite_input(upgrade->graph, upgrade->node, slot, value, error);
}

blok_status blok_upgrade_before(blok_upgrade *upgrade, const char *op_type, blok_value_id a,
                                blok_value_id b, blok_value_id *out, blok_error *error) {
  blok_value_id inputs[2] = {a, b};
  blok_node_id made = BLOK_NO_NODE;
  BLOK_TRY(blok_rewrite_node(upgrade->graph, upgrade->node, op_type, b.i ? 2 : 1, inputs,
                             BLOK_NO_VALUE, &made, error));
  *out = blok_node_output(blok_node_at(upgrade->graph, made), 0);
  return BLOK_OK;
}

blok_status blok_upgrade_number(blok_upgrade *upgrade, const char *name, uint32_t slot,
                                blok_error *error) {
  blok_graph *graph = upgrade->graph;
  const blok_attr *attr = blok_node_attr(blok_node_at(graph, upgrade->node), name);
  if (!attr) return BLOK_OK;
  if (attr->type != BLOK_ATTR_FLOAT) {
    return blok_upgrade_fail(upgrade, error, BLOK_E_MALFORMED, "attribute %s is not a float", name);
  }
  double number = (double)attr->as.f;
  blok_dtype dtype = blok_upgrade_in(upgrade, 0)->dtype;
  bool sure = blok_dtype_is_float(dtype) || blok_dtype_is_integer(dtype);
  blok_value_id value = BLOK_NO_VALUE;
  BLOK_TRY(blok_rewrite_number(graph, upgrade->node, name, sure ? dtype : BLOK_F32, number, &value,
                               error));
  if (!sure) {
    blok_value_id like = blok_node_input(blok_node_at(graph, upgrade->node), 0);
    BLOK_TRY(blok_upgrade_before(upgrade, "CastLike", value, like, &value, error));
  }
  blok_node_drop_attr(graph, upgrade->node, name);
  return blok_rewrite_input(graph, upgrade->node, slot, value, error);
}
