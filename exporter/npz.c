// Zip archives of .npy arrays. See npz.h.
#include "exporter/npz.h"

#include <string.h>

#include "base/error.h"
#include "base/npy.h"
#include "base/size.h"
#include "base/text.h"
#include "base/zip.h"

enum {
  ALIGNMENT = 64,
  DATE = 0x0021,     // the first of January 1980, the earliest one of zip
  UTF8 = 0x0800,     // names are UTF-8
  VERSION = 20,      // that a reader needs: of stored files
  VERSION_64 = 45,   // with 64-bit numbers
  MADE_BY = 3 << 8,  // Unix, which says what the attributes mean
  PADDING = 0xd935,  // the extra field that only takes up room
  EXTRA_64_BYTES = 20,
  NAME_BYTES = 60000  // at most: 16 bits hold the length
};

#define MODE ((uint32_t)0100644 << 16)
#define MANY UINT32_MAX  // stands for a number that is in the extra field

static uint32_t small(uint64_t value) { return value >= MANY ? MANY : (uint32_t)value; }

void blok_npz_begin(blok_npz_writer *writer, blok_sink *sink, const blok_allocator *allocator) {
  *writer = (blok_npz_writer){.sink = sink};
  blok_arena_init(&writer->arena, allocator);
}

void blok_npz_free(blok_npz_writer *writer) { blok_arena_free(&writer->arena); }

// The record before an entry's bytes, its extra fields of such a length that what follows them is
// aligned.
static blok_status write_local(blok_npz_writer *writer, const blok_npz_entry *entry,
                               blok_error *error) {
  uint8_t head[BLOK_ZIP_LOCAL_BYTES + EXTRA_64_BYTES + 4 + ALIGNMENT] = {0};
  const size_t name = strlen(entry->name) + 4;
  const bool wide = entry->size >= MANY;
  uint8_t *extra = head + BLOK_ZIP_LOCAL_BYTES;
  size_t used = 0;
  if (wide) {
    blok_put_le(extra, BLOK_ZIP_EXTRA_64, 2);
    blok_put_le(extra + 2, EXTRA_64_BYTES - 4, 2);
    blok_put_le(extra + 4, entry->size, 8);
    blok_put_le(extra + 12, entry->size, 8);
    used = EXTRA_64_BYTES;
  }
  const uint64_t past = (entry->offset + BLOK_ZIP_LOCAL_BYTES + name + used + 4) % ALIGNMENT;
  const size_t gap = (size_t)((ALIGNMENT - past) % ALIGNMENT);
  blok_put_le(extra + used, PADDING, 2);
  blok_put_le(extra + used + 2, gap, 2);
  used += 4 + gap;
  blok_put_le(head, BLOK_ZIP_LOCAL, 4);
  blok_put_le(head + 4, wide ? VERSION_64 : VERSION, 2);
  blok_put_le(head + 6, UTF8, 2);
  blok_put_le(head + 12, DATE, 2);
  blok_put_le(head + 14, entry->crc, 4);
  blok_put_le(head + 18, small(entry->size), 4);
  blok_put_le(head + 22, small(entry->size), 4);
  blok_put_le(head + 26, name, 2);
  blok_put_le(head + 28, used, 2);
  BLOK_TRY(blok_sink_write(writer->sink, head, BLOK_ZIP_LOCAL_BYTES, error));
  BLOK_TRY(blok_sink_write(writer->sink, entry->name, name - 4, error));
  BLOK_TRY(blok_sink_write(writer->sink, ".npy", 4, error));
  return blok_sink_write(writer->sink, extra, used, error);
}

blok_status blok_npz_put(blok_npz_writer *writer, const char *name, const blok_tensor *tensor,
                         blok_error *error) {
  char header[BLOK_NPY_WRITTEN];
  size_t bytes = 0;
  const size_t start = blok_npy_write_header(tensor->dtype, tensor->rank, tensor->dims, header);
  if (start == 0) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                     "'%s': an .npz file cannot hold elements of type %s", blok_quote(name).text,
                     blok_dtype_name(tensor->dtype));
  }
  if (strlen(name) > NAME_BYTES || !blok_dims_count(tensor->dims, tensor->rank, &bytes) ||
      !blok_mul_size(bytes, blok_dtype_bits(tensor->dtype) / 8, &bytes) || bytes > tensor->bytes) {
    return BLOK_FAIL(error, BLOK_E_LIMIT, "'%s' is too large for an .npz file, or its name is",
                     blok_quote(name).text);
  }
  if (!blok_arena_grow(&writer->arena, &writer->entries, &writer->capacity, writer->n,
                       sizeof *writer->entries)) {
    return blok_fail_memory(error, 0);
  }
  blok_npz_entry *entry = &writer->entries[writer->n];
  *entry = (blok_npz_entry){.name = blok_arena_text(&writer->arena, name),
                            .size = (uint64_t)start + bytes,
                            .offset = blok_sink_written(writer->sink)};
  if (!entry->name) return blok_fail_memory(error, 0);
  entry->crc = blok_crc32(blok_crc32(0, header, start), tensor->data, bytes);
  BLOK_TRY(write_local(writer, entry, error));
  BLOK_TRY(blok_sink_write(writer->sink, header, start, error));
  if (bytes) BLOK_TRY(blok_sink_write(writer->sink, tensor->data, bytes, error));
  writer->n++;
  return BLOK_OK;
}

static blok_status write_central(blok_npz_writer *writer, const blok_npz_entry *entry,
                                 blok_error *error) {
  uint8_t head[BLOK_ZIP_CENTRAL_BYTES + 4 + 3 * 8] = {0};
  const size_t name = strlen(entry->name) + 4;
  uint8_t *extra = head + BLOK_ZIP_CENTRAL_BYTES;
  size_t used = 0;
  if (entry->size >= MANY) {
    blok_put_le(extra + 4, entry->size, 8);
    blok_put_le(extra + 12, entry->size, 8);
    used = 16;
  }
  if (entry->offset >= MANY) {
    blok_put_le(extra + 4 + used, entry->offset, 8);
    used += 8;
  }
  if (used) {
    blok_put_le(extra, BLOK_ZIP_EXTRA_64, 2);
    blok_put_le(extra + 2, used, 2);
    used += 4;
  }
  blok_put_le(head, BLOK_ZIP_CENTRAL, 4);
  blok_put_le(head + 4, MADE_BY | (used ? VERSION_64 : VERSION), 2);
  blok_put_le(head + 6, used ? VERSION_64 : VERSION, 2);
  blok_put_le(head + 8, UTF8, 2);
  blok_put_le(head + 14, DATE, 2);
  blok_put_le(head + 16, entry->crc, 4);
  blok_put_le(head + 20, small(entry->size), 4);
  blok_put_le(head + 24, small(entry->size), 4);
  blok_put_le(head + 28, name, 2);
  blok_put_le(head + 30, used, 2);
  blok_put_le(head + 38, MODE, 4);
  blok_put_le(head + 42, small(entry->offset), 4);
  BLOK_TRY(blok_sink_write(writer->sink, head, BLOK_ZIP_CENTRAL_BYTES, error));
  BLOK_TRY(blok_sink_write(writer->sink, entry->name, name - 4, error));
  BLOK_TRY(blok_sink_write(writer->sink, ".npy", 4, error));
  return used ? blok_sink_write(writer->sink, extra, used, error) : BLOK_OK;
}

// The 64-bit end record and the one that says where it stands.
static blok_status write_end64(blok_npz_writer *writer, uint64_t start, uint64_t end,
                               blok_error *error) {
  uint8_t head[BLOK_ZIP_END64_BYTES + BLOK_ZIP_LOCATOR_BYTES] = {0};
  uint8_t *locator = head + BLOK_ZIP_END64_BYTES;
  blok_put_le(head, BLOK_ZIP_END64, 4);
  blok_put_le(head + 4, BLOK_ZIP_END64_BYTES - 12, 8);
  blok_put_le(head + 12, MADE_BY | VERSION_64, 2);
  blok_put_le(head + 14, VERSION_64, 2);
  blok_put_le(head + 24, writer->n, 8);
  blok_put_le(head + 32, writer->n, 8);
  blok_put_le(head + 40, end - start, 8);
  blok_put_le(head + 48, start, 8);
  blok_put_le(locator, BLOK_ZIP_LOCATOR, 4);
  blok_put_le(locator + 8, end, 8);
  blok_put_le(locator + 16, 1, 4);
  return blok_sink_write(writer->sink, head, sizeof head, error);
}

blok_status blok_npz_end(blok_npz_writer *writer, blok_error *error) {
  uint8_t end[BLOK_ZIP_END_BYTES] = {0};
  const uint64_t start = blok_sink_written(writer->sink);
  for (uint32_t i = 0; i < writer->n; i++) {
    BLOK_TRY(write_central(writer, &writer->entries[i], error));
  }
  const uint64_t stop = blok_sink_written(writer->sink);
  const uint32_t count = writer->n >= UINT16_MAX ? UINT16_MAX : writer->n;
  if (count == UINT16_MAX || stop >= MANY) BLOK_TRY(write_end64(writer, start, stop, error));
  blok_put_le(end, BLOK_ZIP_END, 4);
  blok_put_le(end + 8, count, 2);
  blok_put_le(end + 10, count, 2);
  blok_put_le(end + 12, small(stop - start), 4);
  blok_put_le(end + 16, small(start), 4);
  return blok_sink_write(writer->sink, end, sizeof end, error);
}
