// `blok inspect --json`. Scripts rely on these keys: more may come, none is renamed.
#include "tools/inspect.h"
#include "tools/json.h"
#include "tools/shape.h"

typedef blok_status (*loose_fn)(const blok_model *model, size_t index, blok_loose_info *info);

static void write_model(blok_json *json, const blok_model_info *info) {
  blok_json_open(json, "model", '{');
  blok_json_text(json, "name", info->name);
  blok_json_text(json, "producer", info->producer);
  blok_json_int(json, "ir_version", info->ir_version);
  blok_json_int(json, "opset", info->opset);
  blok_json_uint(json, "nodes", info->nodes);
  blok_json_uint(json, "functions", info->functions);
  blok_json_uint(json, "weights", info->weights);
  blok_json_uint(json, "weight_bytes", info->weight_bytes);
  blok_json_uint(json, "external_bytes", info->external_bytes);
  blok_json_close(json);
}

void blok_inspect_json_values(blok_json *json, const char *key, const char *type_key,
                              const blok_model *model, size_t count, blok_inspect_value_fn get) {
  blok_json_open(json, key, '[');
  for (size_t i = 0; i < count; i++) {
    blok_value_info info = BLOK_VALUE_INFO_INIT;
    if (get(model, i, &info) != BLOK_OK) continue;
    blok_json_open(json, NULL, '{');
    blok_json_text(json, "name", info.name);
    blok_json_text(json, type_key, info.type);
    blok_json_axes(json, "shape", info.axes, info.rank);
    blok_json_close(json);
  }
  blok_json_close(json);
}

static void write_counts(blok_json *json, const blok_model *model) {
  blok_json_open(json, "counts", '{');
  for (const blok_block_kind *kind = blok_inspect_kinds; *kind != 0; kind++) {
    const size_t count = blok_inspect_count(model, *kind);
    if (count > 0) blok_json_uint(json, blok_block_kind_name(*kind), count);
  }
  blok_json_close(json);
}

static void write_operators(blok_json *json, const blok_model *model, const char *key, size_t count,
                            loose_fn get, bool why) {
  blok_json_open(json, key, '[');
  for (size_t i = 0; i < count; i++) {
    blok_loose_info info = BLOK_LOOSE_INFO_INIT;
    if (get(model, i, &info) != BLOK_OK) continue;
    blok_json_open(json, NULL, '{');
    blok_json_text(json, "op", info.op);
    blok_json_uint(json, "count", info.count);
    blok_json_text(json, "first", blok_inspect_node_name(model, info.first));
    if (why) blok_json_text(json, "why", info.why);
    blok_json_close(json);
  }
  blok_json_close(json);
}

void blok_inspect_unknown(blok_json *json, const blok_model *model) {
  write_operators(json, model, "unknown", blok_model_unknown_count(model), blok_model_unknown,
                  false);
}

void blok_inspect_json_misses(blok_json *json, const char *key, const blok_model *model) {
  const size_t count = blok_model_miss_count(model);
  blok_json_open(json, key, '[');
  for (size_t i = 0; i < count; i++) {
    blok_miss_info info = BLOK_MISS_INFO_INIT;
    if (blok_model_miss(model, i, &info) != BLOK_OK) continue;
    blok_json_open(json, NULL, '{');
    blok_json_text(json, "kind", info.kind);
    blok_json_text(json, "node", info.node);
    blok_json_text(json, "condition", info.condition);
    blok_json_text(json, "got", info.got);
    blok_json_text(json, "want", info.want);
    blok_json_close(json);
  }
  blok_json_close(json);
}

static void write_runnable(blok_json *json, const blok_model *model) {
  blok_error error = BLOK_ERROR_INIT;
  const blok_status status = blok_model_runnable(model, &error);
  if (status == BLOK_OK) {
    blok_json_bool(json, "runnable", true);
    return;
  }
  blok_json_open(json, "runnable", '{');
  blok_json_open(json, "error", '{');
  blok_json_int(json, "status", blok_cli_exit_working(status));
  blok_json_text(json, "code", blok_status_name(status));
  blok_json_text(json, "message", error.message);
  blok_json_close(json);
  blok_json_close(json);
}

void blok_inspect_json_slots(blok_json *json, const char *key, const blok_model *model, size_t node,
                             size_t count, blok_inspect_slot_fn get) {
  blok_json_open(json, key, '[');
  for (size_t i = 0; i < count; i++) {
    const char *name = get(model, node, i);
    blok_json_text(json, NULL, name == NULL ? "" : name);
  }
  blok_json_close(json);
}

static void write_nodes(blok_json *json, const blok_model *model, size_t count) {
  blok_json_open(json, "nodes", '[');
  for (size_t i = 0; i < count; i++) {
    blok_node_info info = BLOK_NODE_INFO_INIT;
    blok_value_info value = BLOK_VALUE_INFO_INIT;
    if (blok_model_node(model, i, &info) != BLOK_OK) continue;
    blok_json_open(json, NULL, '{');
    blok_json_text(json, "name", info.name);
    blok_json_text(json, "op", info.op_type);
    blok_json_text(json, "domain", info.domain);
    blok_json_bool(json, "known", info.known);
    if (info.block < 0) {
      blok_json_null(json, "block");
    } else {
      blok_json_int(json, "block", info.block);
    }
    blok_inspect_json_slots(json, "inputs", model, i, info.inputs, blok_model_node_input);
    blok_inspect_json_slots(json, "outputs", model, i, info.outputs, blok_model_node_output);
    const bool shaped = blok_model_node_output_info(model, i, 0, &value) == BLOK_OK;
    blok_json_axes(json, "shape", value.axes, shaped ? value.rank : -1);
    blok_json_close(json);
  }
  blok_json_close(json);
}

static void write_weights(blok_json *json, const blok_model *model, size_t count) {
  blok_json_open(json, "weights", '[');
  for (size_t i = 0; i < count; i++) {
    blok_weight_info info = BLOK_WEIGHT_INFO_INIT;
    if (blok_model_weight(model, i, &info) != BLOK_OK) continue;
    blok_json_open(json, NULL, '{');
    blok_json_text(json, "name", info.name);
    blok_json_text(json, "dtype", blok_dtype_name(info.dtype));
    blok_json_dims(json, "shape", info.dims, info.rank);
    blok_json_uint(json, "bytes", info.bytes);
    blok_json_text(json, "location", info.location);
    blok_json_close(json);
  }
  blok_json_close(json);
}

void blok_inspect_json(blok_cli *cli, const blok_model *model,
                       const blok_inspect_options *options) {
  blok_json json;
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  if (blok_model_get_info(model, &info) != BLOK_OK) return;
  blok_json_begin(&json, cli->out);
  blok_json_open(&json, NULL, '{');
  blok_json_int(&json, "schema", 1);
  write_model(&json, &info);
  blok_inspect_json_values(&json, "inputs", "dtype", model, info.inputs, blok_model_input);
  blok_inspect_json_values(&json, "outputs", "dtype", model, info.outputs, blok_model_output);
  blok_json_uint(&json, "parameters", info.parameters);
  blok_inspect_json_macs(&json, info.macs);
  write_counts(&json, model);
  blok_inspect_json_blocks(&json, model);
  write_operators(&json, model, "loose", blok_model_loose_count(model), blok_model_loose, true);
  blok_inspect_json_misses(&json, "near_misses", model);
  blok_inspect_unknown(&json, model);
  write_runnable(&json, model);
  blok_json_open(&json, "warnings", '[');
  const char *warning;
  for (size_t i = 0; (warning = blok_model_warning(model, i)) != NULL; i++) {
    blok_json_text(&json, NULL, warning);
  }
  blok_json_close(&json);
  if (options->nodes) write_nodes(&json, model, info.nodes);
  if (options->weights) write_weights(&json, model, info.weights);
  blok_json_close(&json);
}
