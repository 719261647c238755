// The plain enlargement, laid over what a network made.
#pragma once

#include <vector>

#include "base/thread_pool.h"

namespace esrgan {

/// A tile's pixels, channels interleaved, and which of them are taken.
struct PlainTile {
  const std::vector<float>& pixels;
  int width, height, channels;
  int first = 0;  ///< channel
};

/// result = strength * result + (1 - strength) * the tile enlarged `scale` times by Keys' cubic (a = -1/2, as
/// resize_bicubic()), for `channels` channels. At the tile's edges its pixels are mirrored. `strength` 0
/// needs no values in `result`, which has the right size.
void lay_plain_over(const PlainTile& tile, int scale, float strength, std::vector<float>& result,
                    int channels, ThreadPool& pool);

}  // namespace esrgan
