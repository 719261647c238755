// How transformed maps and filters lie in memory, for the driver of the engine and for that of training.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "device/cpu/kernels/winograd.h"

namespace esrgan {

inline int round_up(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Output channels that are worked on at a time.
struct ChannelBlock {
  int first, channels, vectors;
};

inline std::vector<ChannelBlock> blocks_of(int channels, int lanes) {
  std::vector<ChannelBlock> blocks;
  for (int first = 0; first < channels;) {
    const int vectors = channels - first > lanes ? 2 : 1;
    blocks.push_back({first, std::min(channels - first, vectors * lanes), vectors});
    first += vectors * lanes;
  }
  return blocks;
}

/// Tiles that cover a width or height.
inline int winograd_tiles(int pixels) {
  return (pixels + winograd_tile - 1) / winograd_tile;
}

// Distances in elements. All points of a tile lie together, so that its transform writes one stretch of
// memory. A cache line more than needed: otherwise the same point of neighbouring tiles, or the 36 points of
// one, would fall on the same few lines of the cache.
constexpr size_t cache_line = 64;  // bytes

inline ptrdiff_t transformed_tile(const WinogradKernel& kernel, int channels) {
  return static_cast<ptrdiff_t>(winograd_points) * round_up(channels, kernel.lanes) +
         static_cast<ptrdiff_t>(cache_line) / kernel.element;
}

inline ptrdiff_t product_stride(const WinogradKernel& kernel, int tiles, int vectors) {
  return static_cast<ptrdiff_t>(tiles) * vectors * kernel.lanes +
         static_cast<ptrdiff_t>(cache_line / sizeof(float));
}

}  // namespace esrgan
