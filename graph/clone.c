// Deep copies of modules: what a ModelProto says around its graphs, functions and training graphs
// included.
#include <string.h>

#include "base/error.h"
#include "graph/copy.h"

static blok_status copy_opsets(const blok_copier *c, const blok_opset *opsets, uint32_t n,
                               blok_opset **out) {
  *out = NULL;
  if (n == 0) return BLOK_OK;
  blok_opset *copies = blok_arena_copy(&c->to->arena, opsets, n * sizeof *opsets);
  if (!copies) return blok_fail_memory(c->error, n * sizeof *opsets);
  for (uint32_t i = 0; i < n; i++) {
    BLOK_TRY(blok_copy_text(c, opsets[i].domain, &copies[i].domain));
    BLOK_TRY(blok_copy_unknown(c, opsets[i].unknown, &copies[i].unknown));
  }
  *out = copies;
  return BLOK_OK;
}

static blok_status copy_function(const blok_copier *c, const blok_function *from,
                                 blok_function *to) {
  *to = *from;
  BLOK_TRY(blok_copy_text(c, from->name, &to->name));
  BLOK_TRY(blok_copy_text(c, from->domain, &to->domain));
  BLOK_TRY(blok_copy_text(c, from->overload, &to->overload));
  BLOK_TRY(blok_copy_texts(c, from->inputs, from->n_inputs, &to->inputs));
  BLOK_TRY(blok_copy_texts(c, from->outputs, from->n_outputs, &to->outputs));
  BLOK_TRY(blok_copy_texts(c, from->attributes, from->n_attributes, &to->attributes));
  BLOK_TRY(blok_copy_attrs(c, from->defaults, from->n_defaults, NULL, NULL, &to->defaults));
  BLOK_TRY(copy_opsets(c, from->opsets, from->n_opsets, &to->opsets));
  BLOK_TRY(blok_copy_notes(c, from->notes, &to->notes));
  if (!from->body) return BLOK_OK;
  return blok_copy_graph(c, from->body, NULL, false, &to->body, NULL);
}

static blok_status copy_functions(const blok_copier *c, const blok_module *from) {
  uint32_t n = from->n_functions;
  if (n == 0) return BLOK_OK;
  c->to->functions = blok_arena_array(&c->to->arena, n, sizeof *from->functions);
  if (!c->to->functions) return blok_fail_memory(c->error, n * sizeof *from->functions);
  for (uint32_t i = 0; i < n; i++) {
    BLOK_TRY(copy_function(c, &from->functions[i], &c->to->functions[i]));
  }
  c->to->n_functions = n;
  return BLOK_OK;
}

static blok_status copy_training_graph(const blok_copier *c, const blok_graph *from,
                                       blok_graph **to) {
  if (!from) return BLOK_OK;
  return blok_copy_graph(c, from, from->outer ? c->to->graph : NULL, false, to, NULL);
}

static blok_status copy_training_info(const blok_copier *c, const blok_training *from,
                                      blok_training *to) {
  blok_property *bindings;
  *to = *from;
  BLOK_TRY(copy_training_graph(c, from->initialization, &to->initialization));
  BLOK_TRY(copy_training_graph(c, from->algorithm, &to->algorithm));
  BLOK_TRY(blok_copy_properties(c, from->initialization_bindings, from->n_initialization_bindings,
                                &bindings));
  to->initialization_bindings = bindings;
  BLOK_TRY(blok_copy_properties(c, from->update_bindings, from->n_update_bindings, &bindings));
  to->update_bindings = bindings;
  return blok_copy_unknown(c, from->unknown, &to->unknown);
}

static blok_status copy_training(const blok_copier *c, const blok_module *from) {
  uint32_t n = c->notes ? from->n_training : 0;
  if (n == 0) return BLOK_OK;
  c->to->training = blok_arena_array(&c->to->arena, n, sizeof *from->training);
  if (!c->to->training) return blok_fail_memory(c->error, n * sizeof *from->training);
  for (uint32_t i = 0; i < n; i++) {
    BLOK_TRY(copy_training_info(c, &from->training[i], &c->to->training[i]));
  }
  c->to->n_training = n;
  return BLOK_OK;
}

static blok_status copy_module(const blok_copier *c, const blok_module *from) {
  blok_module *to = c->to;
  to->has_ir_version = from->has_ir_version;
  to->has_model_version = from->has_model_version;
  to->ir_version = from->ir_version;
  to->model_version = from->model_version;
  BLOK_TRY(blok_copy_text(c, from->producer_name, &to->producer_name));
  BLOK_TRY(blok_copy_text(c, from->producer_version, &to->producer_version));
  BLOK_TRY(blok_copy_text(c, from->domain, &to->domain));
  BLOK_TRY(blok_copy_notes(c, from->notes, &to->notes));
  to->n_opsets = from->n_opsets;
  BLOK_TRY(copy_opsets(c, from->opsets, from->n_opsets, &to->opsets));
  if (from->graph) BLOK_TRY(blok_copy_graph(c, from->graph, NULL, true, &to->graph, NULL));
  BLOK_TRY(copy_functions(c, from));
  BLOK_TRY(copy_training(c, from));
  to->n_configurations = c->notes ? from->n_configurations : 0;
  return blok_copy_many_bytes(c, from->configurations, to->n_configurations, &to->configurations);
}

static blok_status copy(const blok_module *module, blok_copier copier, blok_module **out,
                        blok_error *error) {
  BLOK_TRY(blok_module_new(&module->allocator, out, error));
  copier.to = *out;
  blok_status status = copy_module(&copier, module);
  if (status != BLOK_OK) blok_module_free(out);
  return status;
}

blok_status blok_module_clone(const blok_module *module, bool sources, bool notes,
                              blok_module **out, blok_error *error) {
  const blok_copier copier = {.notes = notes, .sources = sources, .error = error};
  return copy(module, copier, out, error);
}

blok_status blok_module_copy(const blok_module *module, blok_module **out, blok_error *error) {
  const blok_copier copier = {.notes = true, .error = error, .exact = true};
  return copy(module, copier, out, error);
}
