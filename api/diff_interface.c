// What a caller sees of two models: inputs and outputs by position, and the operator sets.
#include <stdio.h>
#include <string.h>

#include "api/diff_parts.h"
#include "base/error.h"

// ---- Types --------------------------------------------------------------------------------------

// Open axes are the same when their symbols stand for each other throughout: A's N may be B's
// batch. Symbols that stand for each other have one number.
static blok_status same_axis(blok_differ *self, blok_dim a, blok_dim b, bool *same) {
  uint32_t left = UINT32_MAX, right = UINT32_MAX;
  *same = a.value == b.value || (a.value < 0 && b.value < 0);
  if (!*same || a.value >= 0 || !a.symbol || !b.symbol) return BLOK_OK;
  const bool known = blok_names_find(&self->symbols[SIDE_A], a.symbol, &left);
  *same = blok_names_find(&self->symbols[SIDE_B], b.symbol, &right) == known && left == right;
  if (!*same || known) return BLOK_OK;
  const uint32_t number = self->symbols[SIDE_A].count;
  if (!blok_names_put(&self->symbols[SIDE_A], a.symbol, number) ||
      !blok_names_put(&self->symbols[SIDE_B], b.symbol, number)) {
    return blok_fail_memory(self->error, 0);
  }
  return BLOK_OK;
}

// lenient: where one model declares nothing, nothing differs. Types that are no tensors are
// compared by what they say.
static blok_status same_type(blok_differ *self, const blok_type *a, const blok_type *b,
                             bool lenient, bool *same) {
  *same = lenient;
  if (!a || !b) {
    *same = lenient || a == b;
    return BLOK_OK;
  }
  if (a->kind != BLOK_TYPE_TENSOR || b->kind != BLOK_TYPE_TENSOR) {
    const char *left = blok_type_text(&self->scratch, a);
    const char *right = blok_type_text(&self->scratch, b);
    if (!left || !right) return blok_fail_memory(self->error, 0);
    *same = strcmp(left, right) == 0;
    return BLOK_OK;
  }
  *same = a->dtype == b->dtype && (a->has_shape == b->has_shape || lenient);
  if (!*same || !a->has_shape || !b->has_shape) return BLOK_OK;
  *same = a->rank == b->rank;
  for (uint32_t d = 0; *same && d < a->rank; d++) {
    BLOK_TRY(same_axis(self, a->dims[d], b->dims[d], same));
  }
  return BLOK_OK;
}

static blok_status compare_types(blok_differ *self, bool outputs, uint32_t index,
                                 const blok_value_entry *a, const blok_value_entry *b) {
  const blok_difference_kind kind = outputs ? BLOK_DIFF_OUTPUTS : BLOK_DIFF_INPUTS;
  bool same = true;
  BLOK_TRY(same_type(self, a->type, b->type, outputs, &same));
  if (same) return BLOK_OK;
  const char *left = a->type ? blok_type_text(&self->scratch, a->type) : "of no type";
  const char *right = b->type ? blok_type_text(&self->scratch, b->type) : "of no type";
  const char *name = blok_value_at(self->module[SIDE_A]->graph, a->value)->name;
  if (!left || !right) return blok_fail_memory(self->error, 0);
  return blok_differ_say(self, kind, NULL, BLOK_NO_NODE, BLOK_NO_NODE, 0,
                         "%s %u ('%.60s') is %.90s in A, %.90s in B", outputs ? "output" : "input",
                         (unsigned)index, blok_quote(name).text, left, right);
}

// ---- Lists --------------------------------------------------------------------------------------

// The index-th entry that is fed, from 0; NULL past the last.
static const blok_value_entry *fed_input(const blok_graph *graph, uint32_t *next) {
  while (*next < graph->n_inputs) {
    const blok_value_entry *entry = &graph->inputs[(*next)++];
    if (!blok_value_at(graph, entry->value)->literal) return entry;
  }
  return NULL;
}

static blok_status compare_inputs(blok_differ *self) {
  const blok_graph *a = self->module[SIDE_A]->graph, *b = self->module[SIDE_B]->graph;
  uint32_t at_a = 0, at_b = 0, count[SIDES] = {0, 0};
  const blok_value_entry *left = fed_input(a, &at_a), *right = fed_input(b, &at_b);
  for (; left || right; left = fed_input(a, &at_a), right = fed_input(b, &at_b)) {
    if (left && right) BLOK_TRY(compare_types(self, false, count[SIDE_A], left, right));
    count[SIDE_A] += left != NULL;
    count[SIDE_B] += right != NULL;
  }
  if (count[SIDE_A] == count[SIDE_B]) return BLOK_OK;
  return blok_differ_say(self, BLOK_DIFF_INPUTS, NULL, BLOK_NO_NODE, BLOK_NO_NODE, 0,
                         "A has %u inputs, B has %u", (unsigned)count[SIDE_A],
                         (unsigned)count[SIDE_B]);
}

static blok_status compare_outputs(blok_differ *self) {
  const blok_graph *a = self->module[SIDE_A]->graph, *b = self->module[SIDE_B]->graph;
  for (uint32_t i = 0; i < a->n_outputs && i < b->n_outputs; i++) {
    BLOK_TRY(compare_types(self, true, i, &a->outputs[i], &b->outputs[i]));
  }
  if (a->n_outputs == b->n_outputs) return BLOK_OK;
  return blok_differ_say(self, BLOK_DIFF_OUTPUTS, NULL, BLOK_NO_NODE, BLOK_NO_NODE, 0,
                         "A has %u outputs, B has %u", (unsigned)a->n_outputs,
                         (unsigned)b->n_outputs);
}

// Working graphs are all of the newest.
static blok_status compare_opsets(blok_differ *self) {
  const blok_module *a = self->module[SIDE_A], *b = self->module[SIDE_B];
  for (uint32_t o = 0; o < a->n_opsets && !self->options.working; o++) {
    const char *domain = blok_domain(a->opsets[o].domain);
    const int64_t version = blok_module_opset(b, domain);
    if (version == a->opsets[o].version || version == 0) continue;
    BLOK_TRY(blok_differ_say(self, BLOK_DIFF_OPSET, NULL, BLOK_NO_NODE, BLOK_NO_NODE, 0,
                             "operator set of %s%.80s%s is %lld in A, %lld in B",
                             *domain ? "'" : "", *domain ? blok_quote(domain).text : "ai.onnx",
                             *domain ? "'" : "", (long long)a->opsets[o].version,
                             (long long)version));
  }
  return BLOK_OK;
}

blok_status blok_differ_interfaces(blok_differ *self) {
  BLOK_TRY(compare_inputs(self));
  BLOK_TRY(compare_outputs(self));
  return compare_opsets(self);
}
