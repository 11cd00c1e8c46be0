// The model as the page reads it: blocks, nodes, weights with their statistics.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/element.h"
#include "tools/html.h"
#include "tools/inspect.h"
#include "tools/shape.h"

typedef struct page {
  blok_json json;
  const blok_model *model;
  blok_progress_fn progress;
  void *context;
  uint64_t done, total;  // weights measured
  blok_error *error;
} page;

// ---- Tensors ------------------------------------------------------------------------------------

static void put_stats(page *self, const blok_tensor *tensor) {
  blok_html_stats stats;
  blok_html_measure(tensor, &stats);
  blok_json *json = &self->json;
  if (stats.count == 0) return;
  blok_json_number(json, "min", stats.min);
  blok_json_number(json, "max", stats.max);
  blok_json_number(json, "mean", stats.mean);
  blok_json_number(json, "std", stats.std);
  blok_json_uint(json, "zeros", stats.zeros);
  blok_json_uint(json, "nan", stats.nan);
  blok_json_uint(json, "inf", stats.inf);
  blok_json_open(json, "bars", '[');
  for (size_t i = 0; i < BLOK_HTML_BARS; i++) blok_json_uint(json, NULL, stats.bars[i]);
  blok_json_close(json);
  if (stats.count > 16) return;
  blok_json_open(json, "values", '[');
  for (size_t i = 0; i < stats.count; i++) {
    blok_json_number(json, NULL, blok_element_get(tensor, i));
  }
  blok_json_close(json);
}

// Where the elements are: weight index, or attribute index of a node.
typedef struct elements {
  bool weight;
  size_t node, index;
} elements;

static blok_status read_elements(page *self, elements from, void *data, size_t bytes) {
  if (from.weight) {
    return blok_model_weight_read(self->model, from.index, data, bytes, self->error);
  }
  return blok_model_node_attribute_read(self->model, from.node, from.index, data, bytes,
                                        self->error);
}

// The members that describe a tensor. What cannot be read (a damaged weight, no memory for a large
// one) is told in the page: the rest is worth showing.
static blok_status put_tensor(page *self, elements from, blok_dtype dtype, uint32_t rank,
                              const int64_t *dims, uint64_t bytes) {
  blok_json *json = &self->json;
  blok_json_text(json, "type", blok_dtype_name(dtype));
  blok_json_dims(json, "shape", dims, rank);
  blok_json_uint(json, "bytes", bytes);
  if (self->progress != NULL &&
      self->progress(self->context, "measuring weights", self->done, self->total) != 0) {
    return blok_cli_error(self->error, BLOK_E_CANCELLED, "stopped");
  }
  if (from.weight) self->done++;
  blok_tensor tensor = BLOK_TENSOR_INIT;
  if (rank > BLOK_MAX_RANK || blok_element_parts(dtype) == 0 || bytes == 0) return BLOK_OK;
  tensor.dtype = dtype;
  tensor.rank = rank;
  memcpy(tensor.dims, dims, rank * sizeof *dims);
  tensor.data = malloc((size_t)bytes);
  if (tensor.data == NULL) {
    blok_json_text(json, "unread", "no memory for its elements");
    return BLOK_OK;
  }
  if (read_elements(self, from, tensor.data, (size_t)bytes) == BLOK_OK) {
    put_stats(self, &tensor);
  } else {
    blok_json_text(json, "unread", self->error->message);
    const blok_error none = BLOK_ERROR_INIT;
    *self->error = none;
  }
  free(tensor.data);
  return BLOK_OK;
}

static blok_status put_weights(page *self, size_t count) {
  blok_json *json = &self->json;
  blok_status status = BLOK_OK;
  blok_json_open(json, "weights", '[');
  for (size_t i = 0; i < count && status == BLOK_OK; i++) {
    blok_weight_info info = BLOK_WEIGHT_INFO_INIT;
    status = blok_model_weight(self->model, i, &info);
    if (status != BLOK_OK) break;
    blok_json_open(json, NULL, '{');
    blok_json_text(json, "name", info.name);
    blok_json_text(json, "file", info.location);
    status = put_tensor(self, (elements){true, 0, i}, info.dtype, info.rank, info.dims, info.bytes);
    blok_json_close(json);
  }
  blok_json_close(json);
  return status;
}

// ---- Nodes --------------------------------------------------------------------------------------

static void put_attribute_value(page *self, const blok_attribute_info *info) {
  enum { SHOWN = 32 };
  blok_json *json = &self->json;
  const size_t shown = info->count < SHOWN ? info->count : SHOWN;
  if (info->ints != NULL || info->floats != NULL) {
    blok_json_open(json, "values", '[');
    for (size_t i = 0; i < shown; i++) {
      if (info->ints != NULL) blok_json_int(json, NULL, info->ints[i]);
      if (info->floats != NULL) blok_json_number(json, NULL, (double)info->floats[i]);
    }
    blok_json_close(json);
    if (shown < info->count) blok_json_uint(json, "more", info->count - shown);
  }
  if (info->text != NULL) {
    char text[200];
    const size_t length = info->text_size < sizeof text - 1 ? info->text_size : sizeof text - 1;
    memcpy(text, info->text, length);
    text[length] = '\0';
    blok_json_text(json, "text", text);
  }
}

static blok_status put_attributes(page *self, size_t node) {
  blok_json *json = &self->json;
  blok_attribute_info info = BLOK_ATTRIBUTE_INFO_INIT;
  blok_status status = BLOK_OK;
  if (blok_model_node_attribute(self->model, node, 0, &info) != BLOK_OK) return BLOK_OK;
  blok_json_open(json, "attributes", '[');
  for (size_t i = 0; status == BLOK_OK; i++) {
    if (blok_model_node_attribute(self->model, node, i, &info) != BLOK_OK) break;
    blok_json_open(json, NULL, '{');
    blok_json_text(json, "name", info.name);
    if (strcmp(info.type, "tensor") == 0 && info.count > 0) {
      blok_json_open(json, "tensor", '{');
      status = put_tensor(self, (elements){false, node, i}, info.dtype, info.rank, info.dims,
                          info.bytes);
      blok_json_close(json);
    } else {
      blok_json_text(json, "type", info.type);
      put_attribute_value(self, &info);
    }
    blok_json_close(json);
  }
  blok_json_close(json);
  return status;
}

static void put_slots(page *self, size_t node, const blok_node_info *info) {
  blok_json *json = &self->json;
  blok_inspect_json_slots(json, "in", self->model, node, info->inputs, blok_model_node_input);
  blok_inspect_json_slots(json, "out", self->model, node, info->outputs, blok_model_node_output);
  blok_json_open(json, "shapes", '[');
  for (size_t i = 0; i < info->outputs; i++) {
    blok_value_info value = BLOK_VALUE_INFO_INIT;
    const bool known = blok_model_node_output_info(self->model, node, i, &value) == BLOK_OK;
    blok_json_axes(json, NULL, value.axes, known ? value.rank : -1);
  }
  blok_json_close(json);
}

static blok_status put_nodes(page *self, size_t count) {
  blok_json *json = &self->json;
  blok_status status = BLOK_OK;
  blok_json_open(json, "nodes", '[');
  for (size_t i = 0; i < count && status == BLOK_OK; i++) {
    blok_node_info info = BLOK_NODE_INFO_INIT;
    status = blok_model_node(self->model, i, &info);
    if (status != BLOK_OK) break;
    blok_json_open(json, NULL, '{');
    blok_json_text(json, "name", info.name);
    blok_json_text(json, "op", info.op_type);
    if (*info.domain != '\0') blok_json_text(json, "domain", info.domain);
    if (!info.known) blok_json_bool(json, "unknown", true);
    blok_json_int(json, "block", info.block);
    put_slots(self, i, &info);
    status = put_attributes(self, i);
    blok_json_close(json);
  }
  blok_json_close(json);
  return status;
}

// ---- Blocks -------------------------------------------------------------------------------------

static void put_answers(page *self, const blok_block *block) {
  blok_json *json = &self->json;
  const blok_residual_desc *desc = block->residual;
  if (blok_inspect_has_addition(block)) {
    blok_json_text(json, "skip", blok_skip_name(desc->skip));
    blok_json_text(json, "skip_of", block->skip_of);
    if (desc->order != BLOK_ORDER_NONE) blok_json_text(json, "order", blok_order_name(desc->order));
    blok_json_text(json, "after_add", blok_activation_name(desc->after_add));
    if (desc->drop_path > 0) blok_json_number(json, "drop_path", desc->drop_path);
  }
  const blok_se_desc *se = blok_inspect_se(block);
  if (se != NULL) {
    blok_json_int(json, "hidden", se->hidden);
    blok_json_text(json, "se_activation", blok_activation_name(se->activation));
    blok_json_text(json, "se_gate", blok_activation_name(se->gate));
  }
  if (block->gate != NULL) blok_json_text(json, "form", blok_gate_form_name(block->gate->form));
  if (block->conv != NULL) {
    blok_json_int(json, "height", block->conv->kernel[0]);
    blok_json_int(json, "width", block->conv->kernel[1]);
    blok_json_text(json, "norm", blok_norm_name(block->conv->norm));
    if (block->conv->norm_groups > 0) {
      blok_json_int(json, "norm_groups", block->conv->norm_groups);
    }
  }
}

static void put_block(page *self, size_t index) {
  const blok_block *block = blok_model_block(self->model, index);
  blok_json *json = &self->json;
  blok_json_open(json, NULL, '{');
  blok_json_text(json, "kind", blok_block_kind_name(block->kind));
  blok_json_text(json, "name", block->name);
  blok_json_int(json, "parent", block->parent);
  blok_json_text(json, "entry", block->entry);
  blok_json_text(json, "exit", block->exit);
  blok_json_int(json, "ins", block->in_channels);
  blok_json_int(json, "mid", block->mid_channels);
  blok_json_int(json, "outs", block->out_channels);
  blok_json_int(json, "stride", block->stride);
  blok_json_int(json, "groups", block->groups);
  blok_json_text(json, "activation", blok_inspect_activation(block));
  put_answers(self, block);
  blok_json_uint(json, "parameters", block->parameters);
  if (block->macs >= 0) blok_json_int(json, "macs", block->macs);
  blok_json_axes(json, "shape", block->out_axes, block->out_rank);
  blok_json_close(json);
}

// ---- The rest -----------------------------------------------------------------------------------

// The file's name with the folder that it lies in: many a model is called model.onnx.
static const char *last_parts(const char *path) {
  const char *name = blok_cli_basename(path);
  if (name == path) return name;
  const char *at = name - 1;
  while (at > path && at[-1] != '/') at--;
  return at + 1 < name ? at : name;
}

static void put_head(page *self, const char *path, const blok_model_info *info) {
  blok_json *json = &self->json;
  blok_error why = BLOK_ERROR_INIT;
  const bool runs = blok_model_runnable(self->model, &why) == BLOK_OK;
  blok_json_open(json, "model", '{');
  blok_json_text(json, "file", last_parts(path));
  blok_json_text(json, "name", info->name);
  blok_json_text(json, "producer", info->producer);
  blok_json_int(json, "ir_version", info->ir_version);
  blok_json_int(json, "opset", info->opset);
  blok_json_uint(json, "parameters", info->parameters);
  if (info->macs >= 0) blok_json_int(json, "macs", info->macs);
  blok_json_uint(json, "weight_bytes", info->weight_bytes);
  blok_json_text(json, "version", BLOK_VERSION_STRING);
  blok_json_text(json, "why", runs ? NULL : why.message);
  blok_json_close(json);
}

blok_status blok_html_model(FILE *out, const char *model_path, const blok_model *model,
                            blok_progress_fn progress, void *context, blok_error *error) {
  page self = {.model = model, .progress = progress, .context = context, .error = error};
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  blok_status status = blok_model_get_info(model, &info);
  if (status != BLOK_OK) return status;
  self.total = info.weights;
  blok_json_begin(&self.json, out);
  self.json.in_html = true;
  blok_json_open(&self.json, NULL, '{');
  blok_json_int(&self.json, "schema", 1);
  put_head(&self, model_path, &info);
  blok_inspect_json_values(&self.json, "inputs", "type", model, info.inputs, blok_model_input);
  blok_inspect_json_values(&self.json, "outputs", "type", model, info.outputs, blok_model_output);
  const size_t blocks = blok_model_block_count(model);
  blok_json_open(&self.json, "blocks", '[');
  for (size_t i = 0; i < blocks; i++) put_block(&self, i);
  blok_json_close(&self.json);
  blok_inspect_json_misses(&self.json, "misses", model);
  status = put_nodes(&self, info.nodes);
  if (status == BLOK_OK) status = put_weights(&self, info.weights);
  blok_json_close(&self.json);
  return status;
}
