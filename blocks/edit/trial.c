// The trial works on a light clone of the source graph: functions inlined, newest operators,
// constants folded, and no more, so that its values are the file's. The clone's batch is open.
// Inference goes through it twice, at the old batch and at another one. A Reshape whose constant
// target holds the old batch shows in one of three ways:
//
//   its input's first axis is the new batch, and the target says the old one    -> 0, copied
//   the elements do not come out even                                            -> the first is -1
//   another axis of it, the one left open, has grown as the batch has            -> as it was, and
//                                                                                   the first is -1
//
// Each is the same Reshape at the old batch. What still fails afterwards cannot be mended.
#include "blocks/edit/trial.h"

#include <string.h>

#include "base/error.h"
#include "passes/driver.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

#define MOST_ROUNDS 64

typedef struct round {
  blok_trial *trial;
  blok_editing *editing;
  blok_module *light;
  const blok_facts *before;  // at the old batch; NULL where the file does not fit itself
  blok_facts *facts;
  int64_t batch;
  uint32_t n_changed;
} round;

// ---- The clone ----------------------------------------------------------------------------------

static blok_status open_batches(const blok_trial *trial, blok_module *light, blok_error *error) {
  for (uint32_t i = 0; i < light->graph->n_inputs; i++) {
    blok_value_entry *entry = &light->graph->inputs[i];
    if (!trial->batched[i]) continue;
    blok_type *type = blok_type_copy(&light->arena, entry->type, false);
    if (!type) return blok_fail_memory(error, 0);
    type->dims[0] = blok_dim_unknown();
    entry->type = type;
    blok_value_at(light->graph, entry->value)->type = type;
  }
  return BLOK_OK;
}

static blok_status make_light(const blok_trial *trial, blok_module **out) {
  static const blok_pass_fn passes[] = {
      blok_pass_inline_functions, blok_pass_sort,      blok_pass_densify, blok_pass_sequences,
      blok_pass_normalise,        blok_pass_constants, blok_pass_fold};
  blok_error *error = trial->editing->error;
  const blok_pass_options options = {.limits = trial->editing->builder->limits};
  blok_status status = BLOK_OK;
  BLOK_TRY(blok_module_clone(trial->editing->builder->module, true, false, out, error));
  BLOK_TRY_TO(fail, open_batches(trial, *out, error));
  for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
    BLOK_TRY_TO(fail, passes[i](*out, &options, error));
  }
  return BLOK_OK;
fail:
  blok_module_free(out);
  return status;
}

// The inputs at this batch size; nothing is said of other inputs.
static blok_status input_facts(const blok_trial *trial, const blok_graph *graph, int64_t batch,
                               blok_fact **out) {
  blok_arena *arena = &trial->editing->scratch;
  blok_fact *facts = blok_arena_array(arena, graph->n_inputs, sizeof *facts);
  *out = facts;
  if (!facts) return blok_fail_memory(trial->editing->error, 0);
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    facts[i].rank = -1;
    if (!trial->batched[i]) continue;
    BLOK_TRY(blok_fact_of_type(arena, graph->inputs[i].type, &facts[i], trial->editing->error));
    blok_dim *dims = blok_arena_copy(arena, facts[i].dims, (size_t)facts[i].rank * sizeof *dims);
    if (!dims) return blok_fail_memory(trial->editing->error, 0);
    dims[0] = blok_dim_of(batch);
    facts[i].dims = dims;
  }
  return BLOK_OK;
}

static blok_status begin_facts(const round *self, int64_t batch, blok_facts **out) {
  blok_editing *editing = self->editing;
  blok_fact *inputs = NULL;
  blok_facts_options *options = blok_arena_zero(&editing->scratch, sizeof *options);
  if (!options) return blok_fail_memory(editing->error, sizeof *options);
  BLOK_TRY(input_facts(self->trial, self->light->graph, batch, &inputs));
  options->inputs = inputs;
  options->limits = editing->builder->limits;
  options->inferred_only = true;
  return blok_facts_begin(self->light->graph, options, &editing->builder->allocator, out,
                          editing->error);
}

// Facts at the old batch. A file that contradicts itself has none.
static blok_status facts_before(round *self, blok_facts **out) {
  const blok_graph *graph = self->light->graph;
  blok_error reason = BLOK_ERROR_INIT;
  BLOK_TRY(begin_facts(self, self->trial->old, out));
  for (uint32_t i = 0; i < graph->n_order; i++) {
    if (blok_facts_step(*out, graph->order[i], &reason) == BLOK_OK) continue;
    if (reason.status == BLOK_E_MEMORY) {
      return blok_fail(self->editing->error, reason.status, "%s", reason.message);
    }
    blok_error_clear(&reason);
  }
  self->before = *out;
  return BLOK_OK;
}

// ---- Targets ------------------------------------------------------------------------------------

typedef struct target {
  blok_node_id node;  // of the light graph
  bool expands;
  int64_t *ints;
  size_t n;
} target;

static bool read_target(round *self, blok_node_id id, target *out) {
  const blok_graph *graph = self->light->graph;
  const blok_node *node = blok_node_at(graph, id);
  *out = (target){.node = id, .expands = node->op == BLOK_OP_Expand};
  if (blok_node_domain(node)[0] != '\0') return false;
  if (node->op != BLOK_OP_Reshape && node->op != BLOK_OP_Expand) return false;
  const blok_literal *literal = blok_editing_literal(graph, blok_node_input(node, 1), NULL);
  blok_error ignored = BLOK_ERROR_INIT;
  blok_error *error = self->editing->error;
  self->editing->error = &ignored;
  const blok_status status =
      literal ? blok_editing_read_ints(self->editing, literal, &out->ints, &out->n) : BLOK_OK;
  self->editing->error = error;
  return status == BLOK_OK && out->ints && out->n > 0 && out->n <= BLOK_MAX_RANK &&
         out->ints[0] > 0;
}

static int64_t dim_of(const blok_fact *fact, size_t axis) {
  return fact->rank > (int32_t)axis ? fact->dims[axis].value : -1;
}

// The axis that is left open, n where there is none.
static size_t open_axis(const target *of) {
  size_t axis = 0;
  while (axis < of->n && of->ints[axis] != -1) axis++;
  return axis;
}

// What the first axis makes of the new batch.
static bool grown(const round *self, int64_t was, int64_t now) {
  const int64_t old = self->trial->old;
  return was > 0 && now > 0 && was != now && was % old == 0 &&
         was / old <= INT64_MAX / self->batch && now == was / old * self->batch;
}

// Puts the target right; false where it is right, or cannot be helped. failed: inference says that
// it does not fit.
static bool mend(round *self, target *of, bool failed) {
  const blok_graph *graph = self->light->graph;
  const blok_node *node = blok_node_at(graph, of->node);
  const blok_fact *in = blok_facts_of(self->facts, blok_node_input(node, 0));
  const blok_fact *out = blok_facts_of(self->facts, blok_node_output(node, 0));
  const blok_fact *was = blok_facts_of(self->before, blok_node_output(node, 0));
  const int64_t old = self->trial->old;
  if (of->ints[0] == old && dim_of(in, 0) == self->batch) {
    const blok_fact *in_before = blok_facts_of(self->before, blok_node_input(node, 0));
    if (dim_of(in_before, 0) != old || (of->expands && in->rank != (int32_t)of->n)) return false;
    of->ints[0] = of->expands ? 1 : 0;
    return true;
  }
  if (of->expands || of->ints[0] % old != 0) return false;
  const size_t open = open_axis(of);
  if (open == of->n) {
    of->ints[0] = failed ? -1 : of->ints[0];
    return failed;
  }
  if (failed || !grown(self, dim_of(was, open), dim_of(out, open))) return false;
  of->ints[open] = dim_of(was, open);
  of->ints[0] = -1;
  return true;
}

// What the mended node makes: the old shape with the first axis grown.
static blok_status learn(round *self, const target *of) {
  const blok_node *node = blok_node_at(self->light->graph, of->node);
  const blok_fact *was = blok_facts_of(self->before, blok_node_output(node, 0));
  blok_fact fact = *was;
  if (was->rank < 1 || dim_of(was, 0) < 0) return BLOK_OK;
  blok_dim *dims =
      blok_arena_copy(&self->facts->arena, was->dims, (size_t)was->rank * sizeof *dims);
  if (!dims) return blok_fail_memory(self->editing->error, 0);
  dims[0] = blok_dim_of(dims[0].value / self->trial->old * self->batch);
  fact.dims = dims;
  fact.n_elements = 0;
  fact.elements = NULL;
  fact.tensor = NULL;
  self->facts->of[blok_node_output(node, 0).i] = fact;
  return BLOK_OK;
}

// ---- In the source graph ------------------------------------------------------------------------

// The source node that the light one was, none where a function holds it.
static blok_node_id source_of(const round *self, const blok_node *node) {
  const blok_graph *graph = self->editing->graph;
  for (uint32_t i = 0; i < node->n_sources; i++) {
    const blok_node *source = blok_node_at(graph, node->sources[i]);
    if (source->op == node->op && source->n_inputs > 1) return node->sources[i];
  }
  return BLOK_NO_NODE;
}

static blok_status set_target(round *self, const target *of, bool *inside) {
  blok_editing *editing = self->editing;
  blok_graph *graph = editing->graph;
  const blok_node *light = blok_node_at(self->light->graph, of->node);
  const blok_node_id id = source_of(self, light);
  *inside = !id.i;
  if (*inside) return BLOK_OK;
  blok_value_id made = BLOK_NO_VALUE;
  const char *stem =
      blok_arena_format(&editing->scratch, "%s_shape",
                        blok_value_at(graph, blok_node_output(blok_node_at(graph, id), 0))->name);
  if (!stem) return blok_fail_memory(editing->error, 0);
  BLOK_TRY(blok_editing_write_ints(editing, stem, of->ints, (uint32_t)of->n, &made));
  blok_graph_set_input(graph, id, 1, made);
  if (of->ints[0] == 0) blok_node_drop_attr(graph, id, "allowzero");
  self->n_changed++;
  return BLOK_OK;
}

// ---- One round ----------------------------------------------------------------------------------

static blok_status fail_at(round *self, blok_node_id id, const blok_error *reason) {
  const blok_node *node = blok_node_at(self->light->graph, id);
  return BLOK_FAIL(self->editing->error, BLOK_E_SHAPE,
                   "the network does not fit another batch than %lld: %s node '%s' holds it (%s)",
                   (long long)self->trial->old, blok_quote(node->op_type).text,
                   blok_node_label(self->light->graph, node).text, reason->message);
}

static blok_status visit(round *self, blok_node_id id, bool *inside) {
  blok_error reason = BLOK_ERROR_INIT;
  target of;
  const blok_status status = blok_facts_step(self->facts, id, &reason);
  if (status == BLOK_E_MEMORY) {
    return blok_fail(self->editing->error, status, "%s", reason.message);
  }
  if (!read_target(self, id, &of) || !mend(self, &of, status != BLOK_OK)) {
    return status == BLOK_OK ? BLOK_OK : fail_at(self, id, &reason);
  }
  BLOK_TRY(set_target(self, &of, inside));
  return learn(self, &of);
}

// Goes through the light graph at one batch size.
static blok_status walk(round *self, bool *inside) {
  const blok_graph *graph = self->light->graph;
  blok_facts *before = NULL;
  blok_status status = facts_before(self, &before);
  if (status == BLOK_OK) status = begin_facts(self, self->batch, &self->facts);
  for (uint32_t i = 0; status == BLOK_OK && i < graph->n_order && !*inside; i++) {
    status = visit(self, graph->order[i], inside);
  }
  blok_facts_free(&self->facts);
  blok_facts_free(&before);
  return status;
}

static blok_status run_at(blok_trial *trial, int64_t batch, uint32_t *changed) {
  blok_editing *editing = trial->editing;
  round self = {.trial = trial, .editing = editing, .batch = batch};
  bool inside = false;
  BLOK_TRY(make_light(trial, &self.light));
  blok_status status = walk(&self, &inside);
  blok_module_free(&self.light);
  *changed = self.n_changed;
  if (status != BLOK_OK || !inside) return status;
  *changed = 1;
  return blok_editing_inline(editing);
}

blok_status blok_trial_run(blok_trial *trial) {
  // Sizes that no axis of a network is likely to have by chance.
  static const int64_t sizes[2] = {17, 23};
  for (int i = 0; i < 2; i++) {
    uint32_t changed = 1;
    for (int n = 0; changed && n < MOST_ROUNDS; n++) {
      BLOK_TRY(run_at(trial, sizes[i] * trial->old, &changed));
    }
  }
  return BLOK_OK;
}
