#include "image/shot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace esrgan {

bool looks_like_cut(const std::vector<float>& before, const std::vector<float>& after, int channels) {
  // A pixel of some thousand tells enough.
  constexpr size_t samples = 4096;
  constexpr int levels = 16;
  constexpr double changed = 0.1, much = 0.5, other_tones = 0.35;
  const auto colours = static_cast<size_t>(channels);
  const size_t pixels = before.size() / colours, step = std::max<size_t>(1, pixels / samples);
  const auto luma = [&](const std::vector<float>& picture, size_t pixel) {
    const float* p = picture.data() + pixel * colours;
    const float value = channels >= 3 ? 0.299F * p[0] + 0.587F * p[1] + 0.114F * p[2] : p[0];
    return static_cast<double>(std::clamp(value, 0.0F, 1.0F));
  };
  std::array<double, levels> tones{};
  double count = 0, different = 0;
  for (size_t pixel = step / 2; pixel < pixels; pixel += step, ++count) {
    const double a = luma(before, pixel), b = luma(after, pixel);
    different += std::abs(a - b) > changed ? 1 : 0;
    tones.at(static_cast<size_t>(a * (levels - 1) + 0.5)) += 1;
    tones.at(static_cast<size_t>(b * (levels - 1) + 0.5)) -= 1;
  }
  double moved = 0;
  for (const double tone : tones) moved += std::abs(tone) / 2;
  return different > much * count && moved > other_tones * count;
}

}  // namespace esrgan
