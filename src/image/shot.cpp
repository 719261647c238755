#include "image/shot.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace esrgan {

double luma_of(const float* pixel, int channels) {
  const float value = channels >= 3 ? 0.299F * pixel[0] + 0.587F * pixel[1] + 0.114F * pixel[2] : pixel[0];
  return static_cast<double>(std::clamp(value, 0.0F, 1.0F));
}

bool looks_like_cut(const LumaAt& before, const LumaAt& after, size_t pixels) {
  constexpr size_t samples = 4096;
  constexpr int levels = 16;
  constexpr double changed = 0.1, much = 0.5, other_tones = 0.35;
  const size_t step = std::max<size_t>(1, pixels / samples);
  std::array<double, levels> tones{};
  double count = 0, different = 0;
  for (size_t pixel = step / 2; pixel < pixels; pixel += step, ++count) {
    const double a = before(pixel), b = after(pixel);
    different += std::abs(a - b) > changed ? 1 : 0;
    tones.at(static_cast<size_t>(a * (levels - 1) + 0.5)) += 1;
    tones.at(static_cast<size_t>(b * (levels - 1) + 0.5)) -= 1;
  }
  double moved = 0;
  for (const double tone : tones) moved += std::abs(tone) / 2;
  return different > much * count && moved > other_tones * count;
}

bool looks_like_cut(const std::vector<float>& before, const std::vector<float>& after, int channels) {
  const auto colours = static_cast<size_t>(channels);
  const auto luma = [&](const std::vector<float>& frame) {
    return [&frame, channels, colours](size_t pixel) {
      return luma_of(frame.data() + pixel * colours, channels);
    };
  };
  return looks_like_cut(luma(before), luma(after), before.size() / colours);
}

}  // namespace esrgan
