#include "engine/plain_enlargement.h"

#include <algorithm>
#include <cstddef>

#include "image/resize.h"

namespace esrgan {

void lay_plain_over(const PlainTile& tile, int scale, float strength, std::vector<float>& result,
                    int channels, ThreadPool& pool) {
  const auto axis = [&](int extent) { return make_axis(extent, extent * scale, scale, Filter::bicubic); };
  const AxisWeights across = axis(tile.width), down = axis(tile.height);
  const auto count = static_cast<size_t>(channels), stride = static_cast<size_t>(tile.channels),
             width = static_cast<size_t>(tile.width), out_width = width * static_cast<size_t>(scale);
  const auto rows_down = static_cast<size_t>(down.taps), taps = static_cast<size_t>(across.taps);
  const std::vector<float> weights(across.weights.begin(), across.weights.end());
  pool.parallel_for(static_cast<size_t>(down.size()), [&](size_t y, int) {
    std::vector<float> row(width * count);  // enlarged downwards
    for (size_t t = y * rows_down; t < (y + 1) * rows_down; ++t) {
      const auto weight = static_cast<float>(down.weights[t]);
      const float* from = tile.pixels.data() + static_cast<size_t>(down.indices[t]) * width * stride +
                          static_cast<size_t>(tile.first);
      for (size_t x = 0; x < width; ++x)
        for (size_t c = 0; c < count; ++c) row[x * count + c] += weight * from[x * stride + c];
    }
    float* out = result.data() + y * out_width * count;
    for (size_t x = 0; x < out_width; ++x)
      for (size_t c = 0; c < count; ++c, ++out) {
        float plain = 0;
        for (size_t t = x * taps; t < (x + 1) * taps; ++t)
          plain += weights[t] * row[static_cast<size_t>(across.indices[t]) * count + c];
        *out = strength > 0 ? strength * *out + (1 - strength) * plain : plain;
      }
  });
}

}  // namespace esrgan
