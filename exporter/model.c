// blok_module to ModelProto: what stands around the main graph.
#include "base/error.h"
#include "exporter/writing.h"

static blok_status write_opsets(blok_writing *writing, const blok_opset *opsets, uint32_t n,
                                Blok__Onnx__OperatorSetIdProto ***out, blok_error *error) {
  *out = blok_write_take(writing, n, sizeof **out, error);
  if (!*out) return BLOK_E_MEMORY;
  for (uint32_t i = 0; i < n; i++) {
    Blok__Onnx__OperatorSetIdProto *message = blok_write_take(writing, 1, sizeof *message, error);
    if (!message) return BLOK_E_MEMORY;
    blok__onnx__operator_set_id_proto__init(message);
    message->domain = blok_write_text(opsets[i].domain);
    message->has_version = opsets[i].has_version;
    message->version = opsets[i].version;
    BLOK_TRY(blok_write_unknown(writing, opsets[i].unknown, &message->base, error));
    (*out)[i] = message;
  }
  return BLOK_OK;
}

static char **borrow_names(const char *const *names) { return (char **)(uintptr_t)names; }

static blok_status write_function(blok_writing *writing, const blok_function *function,
                                  Blok__Onnx__FunctionProto **out, blok_error *error) {
  Blok__Onnx__FunctionProto *message = blok_write_take(writing, 1, sizeof *message, error);
  *out = message;
  if (!message) return BLOK_E_MEMORY;
  blok__onnx__function_proto__init(message);
  const char **names;
  BLOK_TRY(blok_write_names(writing, function->body, NULL, NULL, &names, error));
  message->name = blok_write_text(function->name);
  message->domain = blok_write_text(function->domain);
  message->overload = blok_write_text(function->overload);
  message->n_input = function->n_inputs;
  message->input = borrow_names(function->inputs);
  message->n_output = function->n_outputs;
  message->output = borrow_names(function->outputs);
  message->n_attribute = function->n_attributes;
  message->attribute = borrow_names(function->attributes);
  message->n_attribute_proto = function->n_defaults;
  message->attribute_proto =
      blok_write_take(writing, function->n_defaults, sizeof *message->attribute_proto, error);
  if (!message->attribute_proto) return BLOK_E_MEMORY;
  for (uint32_t i = 0; i < function->n_defaults; i++) {
    BLOK_TRY(blok_write_attribute(writing, &function->defaults[i], names,
                                  &message->attribute_proto[i], error));
  }
  message->n_opset_import = function->n_opsets;
  BLOK_TRY(
      write_opsets(writing, function->opsets, function->n_opsets, &message->opset_import, error));
  BLOK_TRY(
      blok_write_nodes(writing, function->body, names, &message->n_node, &message->node, error));
  message->n_value_info = function->body->n_infos;
  BLOK_TRY(blok_write_entries(writing, function->body->infos, function->body->n_infos, names,
                              &message->value_info, error));
  return blok_write_notes(writing, function->notes, &message->doc_string,
                          &message->n_metadata_props, &message->metadata_props, &message->base,
                          error);
}

static blok_status write_functions(blok_writing *writing, blok_error *error) {
  const blok_module *module = writing->module;
  Blok__Onnx__ModelProto *message = writing->message;
  message->n_functions = module->n_functions;
  message->functions =
      blok_write_take(writing, module->n_functions, sizeof *message->functions, error);
  if (!message->functions) return BLOK_E_MEMORY;
  for (uint32_t i = 0; i < module->n_functions; i++) {
    BLOK_TRY(write_function(writing, &module->functions[i], &message->functions[i], error));
  }
  return BLOK_OK;
}

static blok_status write_training_graph(blok_writing *writing, const blok_graph *graph,
                                        Blok__Onnx__GraphProto **out, blok_error *error) {
  *out = NULL;
  return graph ? blok_write_graph(writing, graph, NULL, NULL, out, error) : BLOK_OK;
}

static blok_status write_training(blok_writing *writing, blok_error *error) {
  const blok_module *module = writing->module;
  Blok__Onnx__ModelProto *message = writing->message;
  message->n_training_info = module->n_training;
  message->training_info =
      blok_write_take(writing, module->n_training, sizeof *message->training_info, error);
  if (!message->training_info) return BLOK_E_MEMORY;
  for (uint32_t i = 0; i < module->n_training; i++) {
    const blok_training *training = &module->training[i];
    Blok__Onnx__TrainingInfoProto *info = blok_write_take(writing, 1, sizeof *info, error);
    if (!info) return BLOK_E_MEMORY;
    blok__onnx__training_info_proto__init(info);
    message->training_info[i] = info;
    BLOK_TRY(write_training_graph(writing, training->initialization, &info->initialization, error));
    BLOK_TRY(write_training_graph(writing, training->algorithm, &info->algorithm, error));
    info->n_initialization_binding = training->n_initialization_bindings;
    info->n_update_binding = training->n_update_bindings;
    BLOK_TRY(blok_write_properties(writing, training->initialization_bindings,
                                   training->n_initialization_bindings,
                                   &info->initialization_binding, error));
    BLOK_TRY(blok_write_properties(writing, training->update_bindings, training->n_update_bindings,
                                   &info->update_binding, error));
    BLOK_TRY(blok_write_unknown(writing, training->unknown, &info->base, error));
  }
  return BLOK_OK;
}

static blok_status write_configurations(blok_writing *writing, blok_error *error) {
  const blok_module *module = writing->module;
  Blok__Onnx__ModelProto *message = writing->message;
  message->n_configuration = module->n_configurations;
  message->configuration =
      blok_write_take(writing, module->n_configurations, sizeof *message->configuration, error);
  if (!message->configuration) return BLOK_E_MEMORY;
  for (uint32_t i = 0; i < module->n_configurations; i++) {
    ProtobufCMessage *configuration;
    BLOK_TRY(blok_write_opaque(writing, module->configurations[i],
                               &blok__onnx__device_configuration_proto__descriptor, &configuration,
                               error));
    message->configuration[i] = (Blok__Onnx__DeviceConfigurationProto *)configuration;
  }
  return BLOK_OK;
}

blok_status blok_write_model(blok_writing *writing, blok_error *error) {
  const blok_module *module = writing->module;
  Blok__Onnx__ModelProto *message = blok_write_take(writing, 1, sizeof *message, error);
  if (!message) return BLOK_E_MEMORY;
  blok__onnx__model_proto__init(message);
  writing->message = message;
  message->has_ir_version = module->has_ir_version;
  message->ir_version = module->ir_version;
  message->has_model_version = module->has_model_version;
  message->model_version = module->model_version;
  message->producer_name = blok_write_text(module->producer_name);
  message->producer_version = blok_write_text(module->producer_version);
  message->domain = blok_write_text(module->domain);
  BLOK_TRY(blok_write_notes(writing, module->notes, &message->doc_string,
                            &message->n_metadata_props, &message->metadata_props, &message->base,
                            error));
  message->n_opset_import = module->n_opsets;
  BLOK_TRY(write_opsets(writing, module->opsets, module->n_opsets, &message->opset_import, error));
  BLOK_TRY(blok_write_graph(writing, module->graph, NULL, NULL, &message->graph, error));
  BLOK_TRY(write_functions(writing, error));
  BLOK_TRY(write_training(writing, error));
  return write_configurations(writing, error);
}
