// Files given to -i and --data.
#define _POSIX_C_SOURCE 200809L
#include "tools/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/element.h"
#include "tools/npy.h"
#include "tools/shape.h"

static bool begins(const blok_source *source, const char *magic, size_t size) {
  return source->size >= size && memcmp(source->bytes, magic, size) == 0;
}

static blok_source_kind kind_of(const blok_source *source) {
  const size_t length = strlen(source->path);
  if (length > 3 && strcmp(source->path + length - 3, ".pb") == 0) return BLOK_SOURCE_PB;
  if (begins(source, "\x93NUMPY", 6)) return BLOK_SOURCE_NPY;
  if (begins(source, "\x89PNG\r\n\x1a\n", 8)) return BLOK_SOURCE_PNG;
  if (begins(source, "\xff\xd8\xff", 3)) return BLOK_SOURCE_JPEG;
  if (source->size > 2 && source->bytes[0] == 'P' && strchr("2356", source->bytes[1]) != NULL) {
    return BLOK_SOURCE_PPM;
  }
  return BLOK_SOURCE_UNKNOWN;
}

static blok_status read_failed(const char *path, blok_error *error) {
  const blok_shown shown = blok_show(path);
  const int code = errno;
  if (code == ENOENT || code == ENOTDIR) {
    return blok_cli_error(error, BLOK_E_NOT_FOUND, "%s: no such file", shown.text);
  }
  if (code == EISDIR) {
    return blok_cli_error(error, BLOK_E_IO, "%s: is a folder, a file is needed", shown.text);
  }
  return blok_cli_error(error, BLOK_E_IO, "%s: cannot be read: %s", shown.text, strerror(code));
}

static blok_status read_all(int file, size_t expected, blok_source *out, blok_error *error) {
  size_t capacity = expected + 1;
  out->bytes = malloc(capacity);
  while (out->bytes != NULL) {
    const ssize_t got = read(file, out->bytes + out->size, capacity - out->size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return read_failed(out->path, error);
    if (got == 0) return BLOK_OK;
    out->size += (size_t)got;
    if (out->size < capacity) continue;
    if (capacity > SIZE_MAX / 2) break;
    capacity = capacity < 65536 ? 65536 : capacity * 2;
    uint8_t *larger = realloc(out->bytes, capacity);
    if (larger == NULL) break;
    out->bytes = larger;
  }
  return blok_cli_error(error, BLOK_E_MEMORY, "%s: out of memory while it was read",
                        blok_show(out->path).text);
}

blok_status blok_source_read(const char *path, blok_source *out, blok_error *error) {
  memset(out, 0, sizeof *out);
  out->path = path;
  const bool standard_input = strcmp(path, "-") == 0;
  struct stat facts;
  const int file = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &facts) != 0) return read_failed(path, error);
  const size_t expected = S_ISREG(facts.st_mode) ? (size_t)facts.st_size : 0;
  const blok_status status = read_all(file, expected, out, error);
  if (!standard_input) close(file);
  if (status == BLOK_OK) out->kind = kind_of(out);
  return status;
}

void blok_source_free(blok_source *source) {
  free(source->bytes);
  source->bytes = NULL;
  source->size = 0;
}

blok_status blok_array_read(const blok_source *source, blok_array *out, blok_error *error) {
  memset(out, 0, sizeof *out);
  out->tensor.struct_size = sizeof out->tensor;
  if (source->kind == BLOK_SOURCE_NPY) return blok_npy_parse(source, &out->tensor, error);
  out->of_library = true;
  return blok_tensor_read_pb(source->path, NULL, NULL, 0, &out->tensor, error);
}

blok_status blok_array_allocate(blok_array *array, const char *input, blok_error *error) {
  const blok_tensor *tensor = &array->tensor;
  const size_t count = blok_tensor_count(tensor);
  const size_t bytes = count == SIZE_MAX ? SIZE_MAX : blok_element_bytes(tensor->dtype, count);
  const blok_shown name = blok_show(input);
  const blok_shown shape = blok_show_dims(tensor->dims, tensor->rank);
  array->of_library = false;
  if (bytes > SIZE_MAX / 2) {
    return blok_cli_error(error, BLOK_E_LIMIT,
                          "input '%s' of shape %s is more than memory can hold", name.text,
                          shape.text);
  }
  // Memory that the machine does not have may still be promised, and fails when it is filled.
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  const size_t most = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : SIZE_MAX;
  array->tensor.data = bytes > most ? NULL : calloc(bytes + 1, 1);
  if (array->tensor.data == NULL) {
    return blok_cli_error(error, BLOK_E_MEMORY, "input '%s' of shape %s: no memory for its %s",
                          name.text, shape.text, blok_group_bytes(bytes).text);
  }
  array->tensor.bytes = bytes;
  return BLOK_OK;
}

void blok_array_free(blok_array *array) {
  if (array->of_library) {
    blok_tensor_free(NULL, &array->tensor);
  } else {
    free(array->tensor.data);
  }
  memset(array, 0, sizeof *array);
}
