// Zip archives of .npy arrays. See npz.h.
//
// The end record is looked for from the file's end backwards; it says where the directory is, and
// each entry of the directory says where its record is, behind which its bytes stand.
#include "importer/npz.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/npy.h"
#include "base/size.h"
#include "base/text.h"
#include "base/zip.h"

enum { COMMENT_BYTES = 65535, STORED = 0, DEFLATED = 8 };

#define DIRECTORY_BYTES ((uint64_t)256 << 20)
#define MANY            UINT32_MAX

// Where the directory is, and how many entries it has.
typedef struct directory {
  uint64_t offset, size, count;
} directory;

static blok_quoted shown(const blok_npz *npz) { return blok_quote(npz->path); }

static blok_status broken(const blok_npz *npz, const char *what, blok_error *error) {
  return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: no .npz file: %s", shown(npz).text, what);
}

// ---- The end records ----------------------------------------------------------------------------

// The 64-bit end record, whose locator stands before the end record at end.
static blok_status read_end64(const blok_npz *npz, uint64_t end, directory *out,
                              blok_error *error) {
  uint8_t bytes[BLOK_ZIP_END64_BYTES];
  if (end < BLOK_ZIP_LOCATOR_BYTES) return broken(npz, "its end record is cut off", error);
  const uint64_t locator = end - BLOK_ZIP_LOCATOR_BYTES;
  BLOK_TRY(blok_file_read(npz->file, locator, bytes, BLOK_ZIP_LOCATOR_BYTES, error));
  if (blok_get_le(bytes, 4) != BLOK_ZIP_LOCATOR) {
    return broken(npz, "its end record says 64 bits and there are none", error);
  }
  const uint64_t at = blok_get_le(bytes + 8, 8);
  if (at > locator || locator - at < BLOK_ZIP_END64_BYTES) {
    return broken(npz, "its end record points outside the file", error);
  }
  BLOK_TRY(blok_file_read(npz->file, at, bytes, sizeof bytes, error));
  if (blok_get_le(bytes, 4) != BLOK_ZIP_END64) {
    return broken(npz, "its end record says 64 bits and there are none", error);
  }
  out->count = blok_get_le(bytes + 32, 8);
  out->size = blok_get_le(bytes + 40, 8);
  out->offset = blok_get_le(bytes + 48, 8);
  return BLOK_OK;
}

static blok_status read_end(const blok_npz *npz, directory *out, blok_error *error) {
  blok_status status = BLOK_OK;
  const blok_allocator *allocator = &npz->arena.allocator;
  const uint64_t size = blok_file_size(npz->file);
  const size_t tail =
      (size_t)(size < COMMENT_BYTES + BLOK_ZIP_END_BYTES ? size
                                                         : COMMENT_BYTES + BLOK_ZIP_END_BYTES);
  uint8_t *bytes = blok_alloc(allocator, tail);
  if (!bytes) return blok_fail_memory(error, tail);
  BLOK_TRY_TO(done, blok_file_read(npz->file, size - tail, bytes, tail, error));
  size_t at = tail < BLOK_ZIP_END_BYTES ? 0 : tail - BLOK_ZIP_END_BYTES + 1;
  while (at > 0) {
    const uint8_t *record = &bytes[at - 1];
    if (blok_get_le(record, 4) == BLOK_ZIP_END &&
        blok_get_le(record + 20, 2) == tail - (at - 1) - BLOK_ZIP_END_BYTES) {
      break;
    }
    at--;
  }
  if (at == 0) {
    status = broken(npz, "it has no end record", error);
    goto done;
  }
  const uint8_t *record = &bytes[at - 1];
  const uint64_t end = size - tail + (at - 1);
  out->count = blok_get_le(record + 10, 2);
  out->size = blok_get_le(record + 12, 4);
  out->offset = blok_get_le(record + 16, 4);
  if (out->count == UINT16_MAX || out->size == MANY || out->offset == MANY) {
    BLOK_TRY_TO(done, read_end64(npz, end, out, error));
  }
  if (out->offset > end || out->size > end - out->offset ||
      out->count > out->size / BLOK_ZIP_CENTRAL_BYTES) {
    status = broken(npz, "its directory lies outside the file", error);
  } else if (out->size > DIRECTORY_BYTES) {
    status = BLOK_FAIL(error, BLOK_E_LIMIT, "%s: a directory of %" PRIu64 " bytes, at most 256 MiB",
                       shown(npz).text, out->size);
  }
done:
  blok_free(allocator, bytes);
  return status;
}

// ---- The directory ------------------------------------------------------------------------------

// Numbers that 32 bits could not hold, in the order that zip gives them in.
static blok_status take_wide(const blok_npz *npz, const uint8_t *extra, size_t size,
                             uint64_t *const wanted[3], blok_error *error) {
  for (size_t at = 0; size - at >= 4;) {
    const uint64_t tag = blok_get_le(extra + at, 2), length = blok_get_le(extra + at + 2, 2);
    at += 4;
    if (length > size - at) break;
    if (tag != BLOK_ZIP_EXTRA_64) {
      at += (size_t)length;
      continue;
    }
    size_t used = 0;
    for (size_t i = 0; i < 3; i++) {
      if (*wanted[i] != MANY) continue;
      if (length - used < 8) return broken(npz, "an entry's sizes are cut off", error);
      *wanted[i] = blok_get_le(extra + at + used, 8);
      used += 8;
    }
    return BLOK_OK;
  }
  return BLOK_OK;
}

// The name without ".npy", in the arena.
static blok_status take_name(blok_npz *npz, const uint8_t *bytes, size_t size, const char **out,
                             blok_error *error) {
  for (size_t at = 0; at < size;) {
    const size_t n = bytes[at] ? blok_utf8_length(bytes + at, size - at) : 0;
    if (n == 0) return broken(npz, "a name in it is no UTF-8 text", error);
    at += n;
  }
  if (size < 4 || memcmp(bytes + size - 4, ".npy", 4) != 0) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "%s: no .npz file: it holds '%s', which is no .npy array", shown(npz).text,
                     blok_quoten(bytes, size).text);
  }
  *out = blok_arena_textn(&npz->arena, (const char *)bytes, size - 4);
  return *out ? BLOK_OK : blok_fail_memory(error, size);
}

// One entry of the directory, of which left bytes are there; *used says how many it took.
static blok_status take_entry(blok_npz *npz, const uint8_t *bytes, size_t left, size_t *used,
                              blok_npz_array *out, blok_error *error) {
  if (left < BLOK_ZIP_CENTRAL_BYTES || blok_get_le(bytes, 4) != BLOK_ZIP_CENTRAL) {
    return broken(npz, "its directory is cut off", error);
  }
  const uint64_t flags = blok_get_le(bytes + 8, 2), method = blok_get_le(bytes + 10, 2);
  const size_t name = (size_t)blok_get_le(bytes + 28, 2);
  const size_t extra = (size_t)blok_get_le(bytes + 30, 2);
  const size_t comment = (size_t)blok_get_le(bytes + 32, 2);
  uint64_t packed = blok_get_le(bytes + 20, 4);
  *used = BLOK_ZIP_CENTRAL_BYTES + name + extra + comment;
  if (*used > left) return broken(npz, "its directory is cut off", error);
  out->crc = (uint32_t)blok_get_le(bytes + 16, 4);
  out->size = blok_get_le(bytes + 24, 4);
  out->offset = blok_get_le(bytes + 42, 4);
  const uint8_t *text = bytes + BLOK_ZIP_CENTRAL_BYTES;
  BLOK_TRY(take_name(npz, text, name, &out->name, error));
  uint64_t *const wanted[3] = {&out->size, &packed, &out->offset};
  BLOK_TRY(take_wide(npz, text + name, extra, wanted, error));
  if (flags & 1) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED, "%s: '%s' is encrypted", shown(npz).text,
                     blok_quote(out->name).text);
  }
  if (method == DEFLATED) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                     "%s: '%s' is compressed: saved with numpy.savez_compressed? save it with "
                     "numpy.savez",
                     shown(npz).text, blok_quote(out->name).text);
  }
  if (method != STORED || packed != out->size) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                     "%s: '%s' is stored in a way (%" PRIu64 ") that numpy.savez does not use",
                     shown(npz).text, blok_quote(out->name).text, method);
  }
  return BLOK_OK;
}

// Turns the offset of the entry's record, which lies before limit, into that of its bytes.
static blok_status find_bytes(const blok_npz *npz, uint64_t limit, blok_npz_array *array,
                              blok_error *error) {
  uint8_t head[BLOK_ZIP_LOCAL_BYTES];
  if (array->offset > limit || limit - array->offset < sizeof head) {
    return broken(npz, "an entry lies outside the file", error);
  }
  BLOK_TRY(blok_file_read(npz->file, array->offset, head, sizeof head, error));
  const uint64_t start =
      array->offset + sizeof head + blok_get_le(head + 26, 2) + blok_get_le(head + 28, 2);
  if (blok_get_le(head, 4) != BLOK_ZIP_LOCAL || start > limit || array->size > limit - start) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: no .npz file: the bytes of '%s' lie outside it",
                     shown(npz).text, blok_quote(array->name).text);
  }
  array->offset = start;
  return BLOK_OK;
}

static blok_status read_directory(blok_npz *npz, const uint8_t *bytes, const directory *where,
                                  blok_error *error) {
  blok_status status = BLOK_OK;
  blok_names names;
  size_t at = 0;
  uint32_t other;
  blok_names_init(&names, &npz->arena.allocator);
  for (uint64_t i = 0; i < where->count; i++) {
    blok_npz_array *array = &npz->arrays[npz->n];
    size_t used = 0;
    BLOK_TRY_TO(done, take_entry(npz, bytes + at, (size_t)where->size - at, &used, array, error));
    BLOK_TRY_TO(done, find_bytes(npz, where->offset, array, error));
    if (blok_names_find(&names, array->name, &other)) {
      status = BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: two arrays are called '%s'", shown(npz).text,
                         blok_quote(array->name).text);
      goto done;
    }
    if (!blok_names_put(&names, array->name, npz->n)) {
      status = blok_fail_memory(error, 0);
      goto done;
    }
    at += used;
    npz->n++;
  }
done:
  blok_names_free(&names);
  return status;
}

blok_status blok_npz_open(const char *path, const blok_allocator *allocator, blok_npz *out,
                          blok_error *error) {
  blok_status status = BLOK_OK;
  directory where = {0, 0, 0};
  uint8_t *bytes = NULL;
  *out = (blok_npz){.path = path};
  blok_arena_init(&out->arena, allocator);
  BLOK_TRY(blok_file_open(path, allocator, NULL, &out->file, error));
  BLOK_TRY(read_end(out, &where, error));
  if (where.count > UINT32_MAX - 1) return broken(out, "it has too many entries", error);
  bytes = blok_alloc(allocator, (size_t)where.size);
  out->arrays = blok_arena_array(&out->arena, (size_t)where.count + 1, sizeof *out->arrays);
  if (!bytes || !out->arrays) {
    status = blok_fail_memory(error, (size_t)where.size);
    goto done;
  }
  BLOK_TRY_TO(done, blok_file_read(out->file, where.offset, bytes, (size_t)where.size, error));
  BLOK_TRY_TO(done, read_directory(out, bytes, &where, error));
done:
  blok_free(allocator, bytes);
  return status;
}

void blok_npz_close(blok_npz *npz) {
  blok_file_release(npz->file);
  npz->file = NULL;
  npz->n = 0;
  npz->arrays = NULL;
  blok_arena_free(&npz->arena);
}

// ---- Arrays -------------------------------------------------------------------------------------

// The first size bytes of the array, with its header; *name is what messages call it.
static blok_status read_header(const blok_npz *npz, const blok_npz_array *array,
                               const uint8_t *bytes, size_t size, blok_npy *npy,
                               blok_tensor *tensor, blok_error *error) {
  blok_error inner = BLOK_ERROR_INIT;
  const blok_status status =
      blok_npy_parse_header(bytes, size, array->size, array->name, npy, &inner);
  if (status != BLOK_OK) {
    return BLOK_FAIL(error, status, "%s: array %s", shown(npz).text, inner.message);
  }
  *tensor = (blok_tensor)BLOK_TENSOR_INIT;
  tensor->dtype = npy->dtype;
  tensor->rank = npy->rank;
  memcpy(tensor->dims, npy->dims, sizeof tensor->dims);
  return BLOK_OK;
}

blok_status blok_npz_describe(const blok_npz *npz, uint32_t index, blok_tensor *tensor,
                              blok_error *error) {
  const blok_npz_array *array = &npz->arrays[index];
  const blok_allocator *allocator = &npz->arena.allocator;
  const size_t size =
      (size_t)(array->size < BLOK_NPY_HEADER_BYTES ? array->size : BLOK_NPY_HEADER_BYTES);
  blok_npy npy;
  uint8_t *bytes = blok_alloc(allocator, size);
  if (!bytes) return blok_fail_memory(error, size);
  blok_status status = blok_file_read(npz->file, array->offset, bytes, size, error);
  if (status == BLOK_OK) status = read_header(npz, array, bytes, size, &npy, tensor, error);
  blok_free(allocator, bytes);
  return status;
}

blok_status blok_npz_read(const blok_npz *npz, uint32_t index, blok_tensor *tensor,
                          blok_error *error) {
  const blok_npz_array *array = &npz->arrays[index];
  const blok_allocator *allocator = &npz->arena.allocator;
  blok_status status = BLOK_OK;
  blok_npy npy;
  void *data = NULL;
  const size_t size = (size_t)array->size;
  uint8_t *bytes = array->size > SIZE_MAX ? NULL : blok_alloc(allocator, size);
  if (!bytes) return blok_fail_memory(error, size);
  BLOK_TRY_TO(done, blok_file_read(npz->file, array->offset, bytes, size, error));
  if (blok_crc32(0, bytes, size) != array->crc) {
    status = BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: the checksum of array '%s' does not agree",
                       shown(npz).text, blok_quote(array->name).text);
    goto done;
  }
  BLOK_TRY_TO(done, read_header(npz, array, bytes, size, &npy, tensor, error));
  data = blok_alloc(allocator, npy.bytes);
  if (!data) {
    status = blok_fail_memory(error, npy.bytes);
    goto done;
  }
  blok_npy_elements(&npy, bytes + npy.start, data);
  tensor->data = data;
  tensor->bytes = npy.bytes;
done:
  blok_free(allocator, bytes);
  return status;
}
