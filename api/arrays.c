// numpy's .npy arrays. See blok/arrays.h.
#include <blok/arrays.h>
#include <string.h>

#include "api/internal.h"
#include "base/error.h"
#include "base/npy.h"

// The header of bytes, and what out says of it but its data.
static blok_status describe(const void *bytes, size_t size, const char *name, blok_npy *npy,
                            blok_tensor *out, blok_error *error) {
  BLOK_TRY(blok_npy_parse_header(bytes, size, size, name ? name : "array", npy, error));
  out->struct_size = sizeof *out;
  out->dtype = npy->dtype;
  out->rank = npy->rank;
  memcpy(out->dims, npy->dims, sizeof out->dims);
  return BLOK_OK;
}

blok_status blok_npy_describe(const void *bytes, size_t size, const char *name, blok_tensor *out,
                              blok_error *error) {
  blok_npy npy;
  blok_error_clear(error);
  if (!bytes || !out) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_npy_describe: %s is NULL",
                     bytes ? "out" : "bytes");
  }
  *out = (blok_tensor)BLOK_TENSOR_INIT;
  BLOK_TRY(describe(bytes, size, name, &npy, out, error));
  out->bytes = npy.bytes;
  return BLOK_OK;
}

blok_status blok_npy_read(const void *bytes, size_t size, const char *name, blok_tensor *out,
                          blok_error *error) {
  blok_npy npy;
  blok_error_clear(error);
  if (!bytes || !out) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_npy_read: %s is NULL", bytes ? "out" : "bytes");
  }
  BLOK_TRY(blok_check_struct(out, "blok_tensor", error));
  BLOK_TRY(describe(bytes, size, name, &npy, out, error));
  if (out->bytes < npy.bytes || (!out->data && npy.bytes)) {
    return BLOK_FAIL(error, BLOK_E_BUFFER, "%s: its elements need %zu bytes, there are %zu",
                     blok_quote(name ? name : "array").text, npy.bytes, out->bytes);
  }
  blok_npy_elements(&npy, (const uint8_t *)bytes + npy.start, out->data);
  return BLOK_OK;
}

blok_status blok_npy_header(const blok_tensor *tensor, void *header, size_t capacity, size_t *size,
                            blok_error *error) {
  char text[BLOK_NPY_WRITTEN];
  blok_error_clear(error);
  if (!tensor || !header || !size) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_npy_header: %s is NULL",
                     !tensor  ? "tensor"
                     : header ? "size"
                              : "header");
  }
  if (tensor->rank > BLOK_MAX_RANK) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_npy_header: an array of %u axes, at most %d",
                     tensor->rank, BLOK_MAX_RANK);
  }
  const size_t length = blok_npy_write_header(tensor->dtype, tensor->rank, tensor->dims, text);
  if (length == 0) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED, "a .npy file cannot hold elements of type %s",
                     blok_dtype_name(tensor->dtype));
  }
  if (length > capacity) {
    return BLOK_FAIL(error, BLOK_E_BUFFER, "a header of %zu bytes, there is room for %zu", length,
                     capacity);
  }
  memcpy(header, text, length);
  *size = length;
  return BLOK_OK;
}
