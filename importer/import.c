// The importer's face: a whole model (what stands around its main graph), or one tensor. See
// importer.h.
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "graph/schemas.h"
#include "importer/reading.h"

enum { NEWEST_IR = 14 };  // newer ones are read all the same, with a warning

static void warn_newer(const blok_reading *reading, const char *what, int64_t got, int64_t known) {
  char message[256];
  if (!reading->options->warn) return;
  snprintf(message, sizeof message, "%s %lld is newer than %lld, the newest that this build knows",
           what, (long long)got, (long long)known);
  reading->options->warn(reading->options->warn_context, message);
}

static blok_status read_opsets(blok_reading *reading, size_t count,
                               Blok__Onnx__OperatorSetIdProto *const *messages, blok_opset **out,
                               blok_error *error) {
  *out = blok_arena_array(reading->arena, count, sizeof **out);
  if (!*out) return blok_fail_memory(error, 0);
  for (size_t i = 0; i < count; i++) {
    blok_opset *opset = &(*out)[i];
    BLOK_TRY(blok_read_text(reading, messages[i]->domain, &opset->domain, error));
    opset->version = messages[i]->version;
    opset->has_version = messages[i]->has_version;
    BLOK_TRY(blok_read_unknown(reading, messages[i]->base.unknown_fields,
                               messages[i]->base.n_unknown_fields, &opset->unknown, error));
  }
  return BLOK_OK;
}

// ---- Functions ----------------------------------------------------------------------------------

static blok_status read_names(blok_reading *reading, size_t count, char *const *names,
                              const char ***out, blok_error *error) {
  *out = blok_arena_array(reading->arena, count, sizeof **out);
  if (!*out) return blok_fail_memory(error, 0);
  for (size_t i = 0; i < count; i++) BLOK_TRY(blok_read_text(reading, names[i], &(*out)[i], error));
  return BLOK_OK;
}

static blok_status read_defaults(blok_reading *reading, const Blok__Onnx__FunctionProto *message,
                                 blok_function *function, blok_error *error) {
  char what[256];
  snprintf(what, sizeof what, "function '%s'", blok_quote(message->name).text);
  function->defaults =
      blok_arena_array(reading->arena, message->n_attribute_proto, sizeof *function->defaults);
  if (!function->defaults) return blok_fail_memory(error, 0);
  // A graph that is a default sees nothing of the body.
  blok_scope nothing = {.graph = function->body};
  blok_names_init(&nothing.names, &reading->module->allocator);
  for (size_t i = 0; i < message->n_attribute_proto; i++) {
    BLOK_TRY(blok_read_attribute(reading, message->attribute_proto[i], &nothing, what,
                                 &function->defaults[i], error));
    function->n_defaults++;
  }
  return BLOK_OK;
}

static blok_status read_function(blok_reading *reading, const Blok__Onnx__FunctionProto *message,
                                 blok_function *function, blok_error *error) {
  BLOK_TRY(blok_read_text(reading, message->name, &function->name, error));
  BLOK_TRY(blok_read_text(reading, message->domain, &function->domain, error));
  BLOK_TRY(blok_read_text(reading, message->overload, &function->overload, error));
  BLOK_TRY(read_names(reading, message->n_input, message->input, &function->inputs, error));
  BLOK_TRY(read_names(reading, message->n_output, message->output, &function->outputs, error));
  BLOK_TRY(
      read_names(reading, message->n_attribute, message->attribute, &function->attributes, error));
  BLOK_TRY(read_opsets(reading, message->n_opset_import, message->opset_import, &function->opsets,
                       error));
  function->n_inputs = (uint32_t)message->n_input;
  function->n_outputs = (uint32_t)message->n_output;
  function->n_attributes = (uint32_t)message->n_attribute;
  function->n_opsets = (uint32_t)message->n_opset_import;
  BLOK_TRY(blok_read_notes(reading, message->doc_string, message->n_metadata_props,
                           message->metadata_props, message->base.unknown_fields,
                           message->base.n_unknown_fields, &function->notes, error));
  BLOK_TRY(blok_read_function_body(reading, message, &function->body, error));
  return read_defaults(reading, message, function, error);
}

static blok_status read_functions(blok_reading *reading, const Blok__Onnx__ModelProto *message,
                                  blok_error *error) {
  blok_module *module = reading->module;
  module->functions =
      blok_arena_array(reading->arena, message->n_functions, sizeof *module->functions);
  if (!module->functions) return blok_fail_memory(error, 0);
  for (size_t i = 0; i < message->n_functions; i++) {
    BLOK_TRY(read_function(reading, message->functions[i], &module->functions[i], error));
    module->n_functions++;
  }
  return BLOK_OK;
}

// ---- Training information -----------------------------------------------------------------------

static blok_status read_training_graph(blok_reading *reading, const Blok__Onnx__GraphProto *message,
                                       blok_scope *main_scope, blok_graph **out,
                                       blok_error *error) {
  *out = NULL;
  if (!message) return BLOK_OK;
  blok_subgraph subgraph;
  BLOK_TRY(blok_read_graph(reading, message, main_scope, &subgraph, error));
  *out = subgraph.graph;
  return BLOK_OK;
}

// Training graphs may use the main graph's values by name: those are captures whose outer side is
// found again by name when the graph is written.
static blok_status read_training(blok_reading *reading, const Blok__Onnx__ModelProto *message,
                                 blok_error *error) {
  blok_module *module = reading->module;
  const blok_graph *graph = module->graph;
  module->training =
      blok_arena_array(reading->arena, message->n_training_info, sizeof *module->training);
  if (!module->training) return blok_fail_memory(error, 0);
  if (message->n_training_info == 0) return BLOK_OK;
  blok_scope scope = {.graph = module->graph};
  blok_names_init(&scope.names, &module->allocator);
  blok_status status = BLOK_OK;
  for (uint32_t v = 1; v < graph->n_values && status == BLOK_OK; v++) {
    if (!blok_names_put(&scope.names, graph->values[v].name, v))
      status = blok_fail_memory(error, 0);
  }
  for (size_t i = 0; i < message->n_training_info && status == BLOK_OK; i++) {
    const Blok__Onnx__TrainingInfoProto *info = message->training_info[i];
    blok_training *training = &module->training[i];
    blok_property *initial = NULL, *update = NULL;
    BLOK_TRY_TO(done, read_training_graph(reading, info->initialization, &scope,
                                          &training->initialization, error));
    BLOK_TRY_TO(done,
                read_training_graph(reading, info->algorithm, &scope, &training->algorithm, error));
    BLOK_TRY_TO(done, blok_read_properties(reading, info->n_initialization_binding,
                                           info->initialization_binding, &initial, error));
    BLOK_TRY_TO(done, blok_read_properties(reading, info->n_update_binding, info->update_binding,
                                           &update, error));
    BLOK_TRY_TO(done, blok_read_unknown(reading, info->base.unknown_fields,
                                        info->base.n_unknown_fields, &training->unknown, error));
    training->initialization_bindings = initial;
    training->update_bindings = update;
    training->n_initialization_bindings = (uint32_t)info->n_initialization_binding;
    training->n_update_bindings = (uint32_t)info->n_update_binding;
    module->n_training++;
  }
done:
  blok_names_free(&scope.names);
  return status;
}

// ---- The model ----------------------------------------------------------------------------------

static blok_status check_versions(const blok_reading *reading,
                                  const Blok__Onnx__ModelProto *message, blok_error *error) {
  if (!message->has_ir_version || message->ir_version < 1) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "the model has no ir_version");
  }
  if (message->ir_version > NEWEST_IR) {
    warn_newer(reading, "IR version", message->ir_version, NEWEST_IR);
  }
  if (message->n_opset_import == 0 && message->ir_version >= 3) {
    return BLOK_FAIL(
        error, BLOK_E_MALFORMED,
        "the model imports no operator set (opset_import), which IR version %lld needs",
        (long long)message->ir_version);
  }
  for (size_t i = 0; i < message->n_opset_import; i++) {
    const Blok__Onnx__OperatorSetIdProto *opset = message->opset_import[i];
    const char *domain = opset->domain ? opset->domain : "";
    if (opset->version < 1) {
      return BLOK_FAIL(error, BLOK_E_MALFORMED, "opset_import of domain '%s' has the version %lld",
                       blok_quote(domain).text, (long long)opset->version);
    }
    int64_t known = blok_schema_latest_opset(domain);
    if (*blok_domain(domain) || opset->version <= known) continue;
    warn_newer(reading, "opset", opset->version, known);
  }
  return BLOK_OK;
}

static blok_status read_configurations(blok_reading *reading, const Blok__Onnx__ModelProto *message,
                                       blok_error *error) {
  blok_bytes *items = blok_arena_array(reading->arena, message->n_configuration, sizeof *items);
  if (!items) return blok_fail_memory(error, 0);
  for (size_t i = 0; i < message->n_configuration; i++) {
    BLOK_TRY(blok_read_opaque(reading, &message->configuration[i]->base, &items[i], error));
  }
  reading->module->configurations = items;
  reading->module->n_configurations = (uint32_t)message->n_configuration;
  return BLOK_OK;
}

static blok_status read_model(blok_reading *reading, const Blok__Onnx__ModelProto *message,
                              blok_error *error) {
  blok_module *module = reading->module;
  BLOK_TRY(check_versions(reading, message, error));
  module->has_ir_version = message->has_ir_version;
  module->ir_version = message->ir_version;
  module->has_model_version = message->has_model_version;
  module->model_version = message->model_version;
  BLOK_TRY(blok_read_text(reading, message->producer_name, &module->producer_name, error));
  BLOK_TRY(blok_read_text(reading, message->producer_version, &module->producer_version, error));
  BLOK_TRY(blok_read_text(reading, message->domain, &module->domain, error));
  BLOK_TRY(blok_read_notes(reading, message->doc_string, message->n_metadata_props,
                           message->metadata_props, message->base.unknown_fields,
                           message->base.n_unknown_fields, &module->notes, error));
  BLOK_TRY(
      read_opsets(reading, message->n_opset_import, message->opset_import, &module->opsets, error));
  module->n_opsets = (uint32_t)message->n_opset_import;
  BLOK_TRY(read_configurations(reading, message, error));
  blok_subgraph main_graph;
  BLOK_TRY(blok_read_graph(reading, message->graph, NULL, &main_graph, error));
  module->graph = main_graph.graph;
  BLOK_TRY(read_functions(reading, message, error));
  BLOK_TRY(blok_refuse_recursion(module, error));
  return read_training(reading, message, error);
}

// Opens the state of an import; read_end closes it once this has succeeded.
static blok_status read_begin(blok_reading *reading, const blok_import_options *options,
                              blok_error *error) {
  *reading = (blok_reading){.options = options};
  BLOK_TRY(blok_module_new(options->allocator, &reading->module, error));
  reading->arena = &reading->module->arena;
  return BLOK_OK;
}

static void read_end(blok_reading *reading) {
  for (uint32_t i = 0; i < reading->n_files; i++) blok_storage_release(reading->files[i].storage);
  reading->n_files = 0;
}

blok_status blok_import(blok_storage *source, const blok_import_options *options, blok_module **out,
                        blok_error *error) {
  blok_status status = BLOK_OK;
  blok_reading reading;
  blok_proto *proto = NULL;
  *out = NULL;
  BLOK_TRY(read_begin(&reading, options, error));
  BLOK_TRY_TO(done,
              blok_proto_read_model(source, &options->limits, options->allocator, &proto, error));
  reading.proto = proto;
  BLOK_TRY_TO(done, read_model(&reading, blok_proto_model(proto), error));
  *out = reading.module;
  reading.module = NULL;
done:
  read_end(&reading);
  blok_proto_free(&proto);
  blok_module_free(&reading.module);
  return status;
}

blok_status blok_import_tensor(blok_storage *source, const blok_import_options *options,
                               blok_module **module, const blok_literal **out, blok_error *error) {
  blok_status status = BLOK_OK;
  blok_reading reading;
  blok_proto *proto = NULL;
  blok_literal *literal = NULL;
  *module = NULL;
  *out = NULL;
  BLOK_TRY(read_begin(&reading, options, error));
  BLOK_TRY_TO(done,
              blok_proto_read_tensor(source, &options->limits, options->allocator, &proto, error));
  reading.proto = proto;
  BLOK_TRY_TO(done, blok_read_kept_literal(&reading, blok_proto_tensor(proto), "the tensor",
                                           &literal, error));
  *out = literal;
  *module = reading.module;
  reading.module = NULL;
done:
  read_end(&reading);
  blok_proto_free(&proto);
  blok_module_free(&reading.module);
  return status;
}
