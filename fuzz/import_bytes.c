// Any bytes as a model: open them under small limits, look at everything that the model tells,
// write it to nowhere, and run it once on zeros when that is little work.
#include <blok/blok.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum {
  MAX_INPUTS = 16,
  MAX_INPUT_BYTES = 65536,
  MAX_WEIGHT_BYTES = 65536,
  MAX_CALLS = 20000  // of the progress callback, before the fuzzer loses its patience
};

static const int64_t max_macs = 1000000;

// What the compiler may not leave out: every text is read to its end.
static size_t seen;

static void see(const char *text) {
  if (text) seen += strlen(text);
}

static int count_calls(void *context, const char *what, uint64_t done, uint64_t total) {
  unsigned *calls = context;
  see(what);
  if (done > total) abort();
  return ++*calls > MAX_CALLS;
}

static void on_warning(void *context, const char *message) {
  (void)context;
  see(message);
}

// External data of every name: 4 KiB of a pattern.
static int find_external(void *context, const char *location, const void **bytes, size_t *size) {
  static uint8_t pattern[4096];
  (void)context;
  see(location);
  if (pattern[1] == 0) {
    for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = (uint8_t)(i * 7);
  }
  *bytes = pattern;
  *size = sizeof pattern;
  return 0;
}

static void see_value(const blok_value_info *info) {
  see(info->name);
  see(info->type);
  for (int32_t i = 0; i < info->rank; i++) {
    see(info->axes[i].symbol);
    seen += (size_t)info->axes[i].value;
  }
}

static void see_nodes(const blok_model *model, size_t nodes) {
  blok_value_info value = BLOK_VALUE_INFO_INIT;
  for (size_t i = 0; i < nodes; i++) {
    blok_node_info info = BLOK_NODE_INFO_INIT;
    if (blok_model_node(model, i, &info) != BLOK_OK) abort();
    see(info.name);
    see(info.op_type);
    see(info.domain);
    for (size_t k = 0; k < info.inputs; k++) see(blok_model_node_input(model, i, k));
    for (size_t k = 0; k < info.outputs; k++) {
      see(blok_model_node_output(model, i, k));
      if (blok_model_node_output_info(model, i, k, &value) == BLOK_OK) see_value(&value);
    }
  }
}

static void see_weights(const blok_model *model, size_t weights) {
  for (size_t i = 0; i < weights; i++) {
    blok_weight_info info = BLOK_WEIGHT_INFO_INIT;
    if (blok_model_weight(model, i, &info) != BLOK_OK) abort();
    see(info.name);
    see(info.location);
    for (uint32_t d = 0; d < info.rank; d++) seen += (size_t)info.dims[d];
    blok_tensor tensor = BLOK_TENSOR_INIT;
    tensor.dtype = info.dtype;
    tensor.rank = info.rank;
    if (info.rank > BLOK_MAX_RANK) continue;
    if (info.rank) memcpy(tensor.dims, info.dims, info.rank * sizeof *info.dims);
    size_t count = blok_tensor_count(&tensor);
    if (count > MAX_WEIGHT_BYTES / sizeof(blok_text)) continue;
    size_t room = count * sizeof(blok_text);
    void *data = malloc(room ? room : 1);
    blok_status status = blok_model_weight_read(model, i, data, room, NULL);
    if (status == BLOK_OK && count && data) seen += *(const uint8_t *)data;
    free(data);
  }
}

static void see_blocks(const blok_model *model) {
  for (size_t i = 0; i < blok_model_block_count(model); i++) {
    const blok_block *block = blok_model_block(model, i);
    see(block->name);
    see(block->entry);
    see(block->exit);
    see(block->skip_of);
    see(blok_block_kind_name(block->kind));
    if (block->parent >= (int32_t)i) abort();
    for (size_t k = 0; k < block->nodes; k++) seen += blok_model_block_node(model, i, k);
  }
  for (size_t i = 0; i < blok_model_loose_count(model); i++) {
    blok_loose_info info = BLOK_LOOSE_INFO_INIT;
    if (blok_model_loose(model, i, &info) != BLOK_OK) abort();
    see(info.op);
    see(info.why);
  }
  for (size_t i = 0; i < blok_model_unknown_count(model); i++) {
    blok_loose_info info = BLOK_LOOSE_INFO_INIT;
    if (blok_model_unknown(model, i, &info) != BLOK_OK) abort();
    see(info.op);
  }
  for (size_t i = 0; i < blok_model_miss_count(model); i++) {
    blok_miss_info info = BLOK_MISS_INFO_INIT;
    if (blok_model_miss(model, i, &info) != BLOK_OK) abort();
    see(info.kind);
    see(info.node);
    see(info.condition);
    see(info.got);
    see(info.want);
  }
}

// Zeros for one input, an open axis as 1; false when it is none that this target feeds.
static bool make_input(const blok_model *model, size_t index, blok_tensor *out) {
  blok_value_info info = BLOK_VALUE_INFO_INIT;
  *out = (blok_tensor)BLOK_TENSOR_INIT;
  if (blok_model_input(model, index, &info) != BLOK_OK) abort();
  uint32_t bits = blok_dtype_bits(info.dtype);
  if (bits == 0 || info.rank > BLOK_MAX_RANK) return false;
  out->dtype = info.dtype;
  out->rank = info.rank < 0 ? 0 : (uint32_t)info.rank;
  for (uint32_t d = 0; d < out->rank; d++) {
    out->dims[d] = info.axes[d].value < 0 ? 1 : info.axes[d].value;
  }
  size_t count = blok_tensor_count(out);
  if (count > MAX_INPUT_BYTES) return false;
  out->bytes = (count * bits + 7) / 8;
  out->data = calloc(1, out->bytes ? out->bytes : 1);
  return out->data != NULL;
}

static void run_once(const blok_model *model, size_t inputs, size_t outputs) {
  blok_tensor in[MAX_INPUTS];
  blok_session *session = NULL;
  unsigned calls = 0;
  size_t made = 0;
  if (inputs > MAX_INPUTS) return;
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  options.threads = 1;
  options.progress = count_calls;
  options.progress_context = &calls;
  while (made < inputs && make_input(model, made, &in[made])) made++;
  if (made == inputs && blok_session_new(model, &options, &session, NULL) == BLOK_OK) {
    blok_tensor *out = calloc(outputs ? outputs : 1, sizeof *out);
    blok_error error = BLOK_ERROR_INIT;
    for (size_t i = 0; i < outputs; i++) out[i] = (blok_tensor)BLOK_TENSOR_INIT;
    if (blok_session_run(session, in, inputs, out, outputs, &error) == BLOK_OK) {
      for (size_t i = 0; i < outputs; i++) {
        if (out[i].bytes) seen += *(const uint8_t *)out[i].data;
      }
    } else if (!error.message[0] || error.status == BLOK_E_INTERNAL) {
      abort();
    }
    free(out);
  }
  blok_session_free(&session);
  for (size_t i = 0; i < made; i++) free(in[i].data);
}

static int count_bytes(void *context, const void *bytes, size_t size) {
  size_t *written = context;
  *written += size;
  return bytes == NULL && size != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  static const blok_external external = {NULL, find_external};
  unsigned calls = 0;
  blok_limits limits = BLOK_LIMITS_INIT;
  limits.nodes = 10000;
  limits.inline_nodes = 10000;
  limits.run_bytes = 16 << 20;
  limits.fold_bytes = 1 << 20;
  limits.tensor_elements = 1 << 22;
  limits.skeleton_bytes = 16 << 20;
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  options.limits = &limits;
  options.external = &external;
  options.warn = on_warning;
  options.progress = count_calls;
  options.progress_context = &calls;
  blok_model *model = NULL;
  blok_error error = BLOK_ERROR_INIT;
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  blok_value_info value = BLOK_VALUE_INFO_INIT;
  if (blok_model_load(bytes, size, NULL, NULL, &options, &model, &error) != BLOK_OK) {
    if (model || !error.message[0] || strchr(error.message, '\n')) abort();
    if (error.status == BLOK_E_INTERNAL) abort();
    return 0;
  }
  if (blok_model_get_info(model, &info) != BLOK_OK) abort();
  see(info.name);
  see(info.producer);
  see(info.doc);
  for (size_t i = 0; blok_model_warning(model, i); i++) see(blok_model_warning(model, i));
  for (size_t i = 0; blok_model_input(model, i, &value) == BLOK_OK; i++) see_value(&value);
  for (size_t i = 0; blok_model_output(model, i, &value) == BLOK_OK; i++) see_value(&value);
  see_nodes(model, info.nodes);
  see_weights(model, info.weights);
  see_blocks(model);
  size_t written = 0;
  if (blok_model_write(model, count_bytes, &written, &error) != BLOK_OK) abort();
  if (blok_model_runnable(model, &error) != BLOK_OK) {
    if (error.status == BLOK_E_INTERNAL) abort();
  } else if (info.macs >= 0 && info.macs <= max_macs) {
    run_once(model, info.inputs, info.outputs);
  }
  blok_model_free(&model);
  return 0;
}
