// Packing for narrow groups: see depthwise.h.
#include "runtime/kernels/depthwise.h"

#include <string.h>

bool blok_depthwise_fits(uint32_t group_in, uint32_t group_out, uint32_t lanes) {
  if (group_in == 0 || group_out == 0) return false;
  if (group_out % lanes == 0) return true;
  return lanes % group_out == 0 && group_out % group_in == 0;
}

size_t blok_depthwise_packed_floats(uint32_t channels, uint32_t group_in, uint32_t taps,
                                    uint32_t lanes) {
  const size_t blocks = (channels + lanes - 1) / lanes;
  return blocks * lanes * group_in * taps;
}

void blok_depthwise_pack(const float *weights, const float *mul, uint32_t channels,
                         uint32_t group_in, uint32_t kernel_h, uint32_t kernel_w, uint32_t lanes,
                         float *packed) {
  const size_t taps = (size_t)kernel_h * kernel_w;
  const size_t filter = group_in * taps;
  for (uint32_t block = 0; block * lanes < channels; block++) {
    const uint32_t here = channels - block * lanes < lanes ? channels - block * lanes : lanes;
    if (here < lanes) memset(packed, 0, filter * lanes * sizeof *packed);
    for (uint32_t lane = 0; lane < here; lane++) {
      const size_t channel = (size_t)block * lanes + lane;
      const float factor = mul ? mul[channel] : 1;
      const float *from = weights + channel * filter;
      for (uint32_t input = 0; input < group_in; input++) {
        for (uint32_t y = 0; y < kernel_h; y++) {
          float *to = packed + ((y * group_in + input) * (size_t)kernel_w) * lanes + lane;
          for (uint32_t x = 0; x < kernel_w; x++) to[(size_t)x * lanes] = *from++ * factor;
        }
      }
    }
    packed += filter * lanes;
  }
}
