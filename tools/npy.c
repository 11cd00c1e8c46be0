// numpy's .npy files: a magic number, a header that is a Python dictionary, the elements.
#define _POSIX_C_SOURCE 200809L
#include "tools/npy.h"

#include <blok/arrays.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/element.h"

// ---- Reading ------------------------------------------------------------------------------------

blok_status blok_npy_parse(const blok_source *source, blok_tensor *out, blok_error *error) {
  const blok_status status =
      blok_npy_describe(source->bytes, source->size, source->path, out, error);
  if (status != BLOK_OK) return status;
  out->data = malloc(out->bytes + 1);
  if (out->data == NULL) {
    return blok_cli_error(error, BLOK_E_MEMORY, "%s: no memory for its %zu bytes",
                          blok_show(source->path).text, out->bytes);
  }
  return blok_npy_read(source->bytes, source->size, source->path, out, error);
}

// ---- Writing ------------------------------------------------------------------------------------

// The type that dtype is written as.
static blok_dtype written_type(blok_dtype dtype) {
  switch (dtype) {
    case BLOK_BF16:
    case BLOK_F8E4M3FN:
    case BLOK_F8E4M3FNUZ:
    case BLOK_F8E5M2:
    case BLOK_F8E5M2FNUZ:
    case BLOK_F8E8M0:
    case BLOK_F4E2M1:
    case BLOK_F6E2M3:
    case BLOK_F6E3M2:
      return BLOK_F32;
    case BLOK_I4:
    case BLOK_I2:
      return BLOK_I8;
    case BLOK_U4:
    case BLOK_U2:
      return BLOK_U8;
    case BLOK_UNDEFINED:
    case BLOK_F32:
    case BLOK_U8:
    case BLOK_I8:
    case BLOK_U16:
    case BLOK_I16:
    case BLOK_I32:
    case BLOK_I64:
    case BLOK_STRING:
    case BLOK_BOOL:
    case BLOK_F16:
    case BLOK_F64:
    case BLOK_U32:
    case BLOK_U64:
    case BLOK_C64:
    case BLOK_C128:
      break;
  }
  return dtype;
}

blok_status blok_npy_format(const blok_tensor *tensor, uint8_t **bytes, size_t *size,
                            blok_error *error) {
  char header[BLOK_NPY_HEADER];
  size_t start = 0;
  blok_tensor written = *tensor;
  written.dtype = written_type(tensor->dtype);
  const blok_status status = blok_npy_header(&written, header, sizeof header, &start, error);
  if (status != BLOK_OK) return status;
  const size_t count = blok_tensor_count(tensor);
  const size_t payload = count == SIZE_MAX ? SIZE_MAX : blok_element_bytes(written.dtype, count);
  *bytes = payload > SIZE_MAX / 2 ? NULL : malloc(start + payload);
  if (*bytes == NULL) {
    return blok_cli_error(error, BLOK_E_MEMORY, "no memory for an array of %zu bytes", payload);
  }
  memcpy(*bytes, header, start);
  *size = start + payload;
  if (written.dtype == tensor->dtype) {
    if (payload > 0) memcpy(*bytes + start, tensor->data, payload);
    return BLOK_OK;
  }
  written.data = *bytes + start;
  for (size_t i = 0; i < count; i++) {
    (void)blok_element_set(&written, i, blok_element_get(tensor, i));
  }
  return BLOK_OK;
}

static blok_status write_failed(const char *path, blok_error *error) {
  return blok_cli_error(error, BLOK_E_IO, "%s: cannot be written: %s", blok_show(path).text,
                        strerror(errno));
}

static bool write_whole(int file, const void *bytes, size_t size) {
  const char *next = bytes;
  while (size > 0) {
    const ssize_t done = write(file, next, size);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    next += done;
    size -= (size_t)done;
  }
  return true;
}

blok_status blok_file_replace(const char *path, const void *bytes, size_t size, blok_error *error) {
  struct stat facts;
  const bool special = stat(path, &facts) == 0 && !S_ISREG(facts.st_mode);
  const size_t length = strlen(path);
  char *beside = blok_cli_alloc(length + 8, 1);
  memcpy(beside, path, length);
  memcpy(beside + length, ".XXXXXX", 8);
  blok_status status = BLOK_OK;
  const int file = special ? open(path, O_WRONLY | O_CLOEXEC) : mkstemp(beside);
  if (file < 0) {
    status = write_failed(path, error);
    free(beside);
    return status;
  }
  bool good = write_whole(file, bytes, size);
  if (!special) {
    const mode_t mask = umask(0);
    (void)umask(mask);
    good = good && fchmod(file, 0666 & ~mask) == 0;
  }
  if (!good) status = write_failed(path, error);
  if (close(file) != 0 && status == BLOK_OK) status = write_failed(path, error);
  if (!special && status == BLOK_OK && rename(beside, path) != 0) {
    status = write_failed(path, error);
  }
  if (!special && status != BLOK_OK) (void)unlink(beside);
  free(beside);
  return status;
}
