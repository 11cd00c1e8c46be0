// What the writer and the reader of .npz files (zip archives of stored .npy files) share: the marks
// of zip's records, their lengths, the checksum.
#ifndef BLOK_BASE_ZIP_H
#define BLOK_BASE_ZIP_H

#include <stddef.h>
#include <stdint.h>

#define BLOK_ZIP_LOCAL    0x04034b50u  // before each entry's bytes
#define BLOK_ZIP_CENTRAL  0x02014b50u  // one for each entry, behind all of them
#define BLOK_ZIP_END      0x06054b50u  // the last record
#define BLOK_ZIP_END64    0x06064b50u  // the same with 64-bit numbers, and where it stands
#define BLOK_ZIP_LOCATOR  0x07064b50u
#define BLOK_ZIP_EXTRA_64 0x0001u  // the extra field of numbers that 32 bits cannot hold

enum {
  BLOK_ZIP_LOCAL_BYTES = 30,
  BLOK_ZIP_CENTRAL_BYTES = 46,
  BLOK_ZIP_END_BYTES = 22,
  BLOK_ZIP_END64_BYTES = 56,
  BLOK_ZIP_LOCATOR_BYTES = 20
};

// Continues crc (0 at the start) over bytes.
uint32_t blok_crc32(uint32_t crc, const void *bytes, size_t size);

// Little-endian numbers.
static inline void blok_put_le(uint8_t *to, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) to[i] = (uint8_t)(value >> (8 * i));
}
static inline uint64_t blok_get_le(const uint8_t *from, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; i++) value |= (uint64_t)from[i] << (8 * i);
  return value;
}

#endif  // BLOK_BASE_ZIP_H
