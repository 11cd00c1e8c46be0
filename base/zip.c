// The checksum of zip files: CRC-32, by bytes over a table that is made of one for half bytes.
#include "base/zip.h"

// The remainders of the sixteen half bytes.
static const uint32_t halves[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};

uint32_t blok_crc32(uint32_t crc, const void *bytes, size_t size) {
  const uint8_t *next = bytes;
  uint32_t table[256];
  for (uint32_t i = 0; i < 256; i++) {
    const uint32_t low = halves[i & 15] ^ (i >> 4);
    table[i] = halves[low & 15] ^ (low >> 4);
  }
  crc = ~crc;
  for (size_t i = 0; i < size; i++) crc = table[(crc ^ next[i]) & 255] ^ (crc >> 8);
  return ~crc;
}
