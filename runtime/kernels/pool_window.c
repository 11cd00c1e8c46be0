// How planes are cut into strips: see pool_window.h.
#include "runtime/kernels/pool_window.h"

enum {
  STRIP_PIXELS = 1024,  // 32 KB of eight lanes
  FEWEST_PIXELS = 64,   // below them a cell costs more than it does
  FEWEST_CELLS = 16
};

uint32_t blok_strips(uint32_t images, uint32_t blocks, uint32_t out_h, uint32_t out_w) {
  const uint64_t planes = (uint64_t)images * blocks;
  const uint64_t pixels = (uint64_t)out_h * out_w;
  uint64_t strips = (pixels + STRIP_PIXELS - 1) / STRIP_PIXELS;
  if (planes > 0 && planes * strips < FEWEST_CELLS) {
    const uint64_t wanted = (FEWEST_CELLS + planes - 1) / planes;
    const uint64_t most = pixels / FEWEST_PIXELS;
    strips = wanted < most ? wanted : (most > strips ? most : strips);
  }
  if (strips > out_h) strips = out_h;
  return strips > 0 ? (uint32_t)strips : 1;
}
