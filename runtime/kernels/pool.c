// Cells and packing of the small products: see pool.h.
#include "runtime/kernels/pool.h"

// Multiply-adds of a cell at least: some microseconds, most of them waiting for the weights.
enum { CELL_WORK = 16384 };

static uint32_t divide_up(uint32_t a, uint32_t b) { return a / b + (a % b != 0); }

uint32_t blok_excite_panels_per_cell(uint32_t inputs, uint32_t lanes) {
  const uint64_t panel = (uint64_t)inputs * BLOK_EXCITE_PANEL * lanes;
  return panel >= CELL_WORK || panel == 0 ? 1 : (uint32_t)((CELL_WORK + panel - 1) / panel);
}

uint32_t blok_excite_cells(uint32_t images, uint32_t inputs, uint32_t outputs, uint32_t lanes) {
  const uint32_t panels = divide_up(outputs, BLOK_EXCITE_PANEL * lanes);
  return divide_up(panels, blok_excite_panels_per_cell(inputs, lanes)) * images;
}

size_t blok_excite_packed_floats(uint32_t inputs, uint32_t outputs, uint32_t lanes) {
  return (size_t)divide_up(outputs, lanes) * lanes * inputs;
}

size_t blok_excite_scratch_floats(uint32_t inputs, uint32_t lanes) {
  return (size_t)divide_up(inputs, lanes) * lanes;
}

void blok_excite_pack(const float *weights, size_t output_stride, size_t input_stride,
                      uint32_t inputs, uint32_t outputs, uint32_t lanes, float *packed) {
  const uint32_t blocks = divide_up(outputs, lanes);
  for (uint32_t block = 0; block < blocks; block += BLOK_EXCITE_PANEL) {
    const uint32_t left = blocks - block;
    const uint32_t width = (left < BLOK_EXCITE_PANEL ? left : BLOK_EXCITE_PANEL) * lanes;
    const uint32_t first = block * lanes;
    for (uint32_t input = 0; input < inputs; input++) {
      for (uint32_t i = 0; i < width; i++) {
        const size_t output = (size_t)first + i;
        *packed++ = output < outputs ? weights[output * output_stride + input * input_stride] : 0;
      }
    }
  }
}
