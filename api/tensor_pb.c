// Tensors from files: a TensorProto (.pb), as the ONNX test sets have them.
#include <string.h>

#include "api/internal.h"
#include "base/error.h"
#include "base/file.h"
#include "base/size.h"
#include "importer/importer.h"

// One block: the elements, and for strings the characters behind them.
static blok_status copy_elements(const blok_literal *literal, const blok_allocator *allocator,
                                 blok_tensor *out, blok_error *error) {
  size_t count, bytes, total;
  if (literal->rank > BLOK_MAX_RANK) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED, "the tensor has %u axes, the limit is %d",
                     literal->rank, BLOK_MAX_RANK);
  }
  if (!blok_literal_count(literal, &count) || !blok_dense_bytes(literal->dtype, count, &bytes)) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "the tensor's dimensions %s have no usable product",
                     blok_print_dims(literal->dims, literal->rank).text);
  }
  total = bytes;
  for (uint32_t i = 0; i < literal->n_strings; i++) {
    if (!blok_add_size(total, literal->strings[i].size, &total)) return blok_fail_memory(error, 0);
  }
  out->data = blok_alloc_aligned(allocator, total);
  if (!out->data) return blok_fail_memory(error, total);
  out->bytes = bytes;
  out->dtype = literal->dtype;
  out->rank = literal->rank;
  if (literal->rank) memcpy(out->dims, literal->dims, literal->rank * sizeof *out->dims);
  BLOK_TRY(blok_literal_read(literal, allocator, out->data, bytes, error));
  if (literal->dtype != BLOK_STRING) return BLOK_OK;
  blok_text *texts = out->data;
  char *at = (char *)out->data + bytes;
  for (size_t i = 0; i < count; i++) {
    if (texts[i].size) memcpy(at, texts[i].bytes, texts[i].size);
    texts[i].bytes = at;
    at += texts[i].size;
  }
  return BLOK_OK;
}

blok_status blok_tensor_read_pb(const char *path, const blok_allocator *allocator, char *name,
                                size_t name_size, blok_tensor *out, blok_error *error) {
  blok_error_clear(error);
  if (!path || !out) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_tensor_read_pb: %s is NULL",
                     path ? "out" : "path");
  }
  blok_error local = BLOK_ERROR_INIT;
  blok_error *fault = error ? error : &local;
  allocator = blok_allocator_or_default(allocator);
  *out = (blok_tensor)BLOK_TENSOR_INIT;
  blok_status status = BLOK_OK;
  blok_file *file = NULL;
  blok_storage *source = NULL;
  blok_module *module = NULL;
  const blok_literal *literal = NULL;
  blok_import_options options = {.allocator = allocator, .limits = blok_limits_resolve(NULL)};
  BLOK_TRY_TO(done, blok_file_open(path, allocator, NULL, &file, fault));
  source = blok_storage_file(allocator, file, 0, blok_file_size(file));
  if (!source) {
    status = blok_fail_memory(fault, 0);
    goto done;
  }
  BLOK_TRY_TO(done, blok_import_tensor(source, &options, &module, &literal, fault));
  BLOK_TRY_TO(done, copy_elements(literal, allocator, out, fault));
  if (name && name_size) {
    size_t length = literal->name ? strlen(literal->name) : 0;
    if (length >= name_size) length = name_size - 1;
    if (length) memcpy(name, literal->name, length);
    name[length] = '\0';
  }
done:
  if (status != BLOK_OK) {
    blok_tensor_free(allocator, out);
    if (source) blok_error_prefix(fault, "%s: ", blok_quote(path).text);
  }
  blok_module_free(&module);
  blok_storage_release(source);
  blok_file_release(file);
  return status;
}
